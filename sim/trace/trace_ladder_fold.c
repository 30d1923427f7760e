/* Folding: within a visit, equal notes in a row become one "x 10". A run of equal visits becomes one visit "x 64", with
 * the cost of all. So does a run of equal sequences of up to PERIODS visits (poll, send, poll, send, ...): each visit of
 * the first sequence then stands for its like.
 *
 * Two groups are equal if their rows agree in kind, lanes and (for arrows) label. Where notes differ (each OUT
 * writes another byte) the words they share stay and the rest becomes "..", or all of it "various"; a second line that differs goes. */
#include "sim/trace/ladder_rows.h"

#include <stdlib.h>
#include <string.h>

static uint32_t group_end(const struct ladder *l, uint32_t first)
{
    uint32_t g = l->row[first].group, i = first + 1;
    while (g && i < l->rows && l->row[i].group == g) i++;
    return i;
}

static bool rows_equal(const struct ladder_row *a, const struct ladder_row *b)
{
    if (a->kind != b->kind || a->shape != b->shape || a->from != b->from || a->to != b->to || a->twin != b->twin)
        return false;
    if (a->shape == LADDER_SILENT && strcmp(a->detail, b->detail) != 0) return false;
    return (a->shape == LADDER_NOTE && a->group) || !strcmp(a->label, b->label);
}

static bool groups_equal(const struct ladder_row *a, const struct ladder_row *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!rows_equal(&a[i], &b[i])) return false;
    return true;
}

static bool word_ends(char c) { return !c || c == ' '; }

/* "IRQ line 0" as it is where room is short: "IRQ 0". False: it is that already. */
static bool drop_line(char *label)
{
    char *line = strstr(label, " line ");
    if (line) memmove(line, line + 5, strlen(line + 5) + 1);
    return line;
}

/* Keeps in `a` the words that both begin with, and ends it in ".." if they differ. */
static void blur(char *a, const char *b, size_t columns)
{
    static const char various[] = "various";
    char other[LADDER_END_LABEL + 1];
    if (!strcmp(a, b) || !strcmp(a, various)) return;
    ladder_copy(other, b, LADDER_END_LABEL);
    if (!strstr(a, " line ") != !strstr(other, " line ")) drop_line(a), drop_line(other); /* one was counted, and is shorter for that */
    size_t same = 0;
    while (a[same] && a[same] == other[same]) same++;
    bool whole = same && word_ends(a[same]) && word_ends(other[same]);
    while (!whole && same && a[same - 1] != ' ') same--;
    if (whole && same + 3 <= columns) a[same++] = ' ';
    if (same + 2 > columns) same = columns - 2;
    if (same || columns < strlen(various)) memcpy(a + same, "..", 3);
    else memcpy(a, various, sizeof various);
}

static void merge(struct ladder_row *kept, const struct ladder_row *more)
{
    kept->last = more->last;
    kept->count += more->count;
    kept->cost += more->cost;
    blur(kept->label, more->label, kept->shape == LADDER_END ? LADDER_END_LABEL : LADDER_LABEL);
    if (strcmp(kept->detail, more->detail) != 0) kept->detail[0] = 0;
}

/* Writes "x 64" behind a label. What is short of room rather loses the word "line" than the number behind it. */
static void add_count(struct ladder_row *r, uint32_t times)
{
    if (times < 2 || r->shape == LADDER_END) return;
    char label[LADDER_END_LABEL + 1];
    struct text count = { 0 };
    text_add(&count, " x %u", times);
    if (strlen(r->label) + count.len > LADDER_LABEL) drop_line(r->label);
    ladder_copy(label, r->label, LADDER_LABEL - count.len);
    size_t n = strlen(label);
    memcpy(r->label, label, n);
    memcpy(r->label + n, text_str(&count), count.len + 1);
    text_free(&count);
}

/* Events that had a row have one still: rows have moved, and only `kept` are left. `moved`: old row -> new row. */
static void keep_rows(struct ladder_maker *m, const uint32_t *moved, uint32_t kept)
{
    for (uint32_t i = 0; i <= m->to - m->from; i++)
        if (m->owner[i]) m->owner[i] = moved[m->owner[i] - 1] + 1;
    m->l->rows = kept;
}

/* Is b the same note of the same visit once more? */
static bool notes_equal(const struct ladder_row *a, const struct ladder_row *b)
{
    return b->group && a->group == b->group && a->shape == LADDER_NOTE && rows_equal(a, b) && !strcmp(a->label, b->label) &&
           !strcmp(a->detail, b->detail);
}

/* A hypervisor that catches up raises the same line ten times in one visit. `count` stays 1: it counts visits. */
static void fold_notes(struct ladder_maker *m, uint32_t *moved)
{
    struct ladder *l = m->l;
    uint32_t kept = 0, next;
    for (uint32_t i = 0; i < l->rows; i = next, kept++) {
        struct ladder_row r = l->row[i];
        moved[i] = kept;
        for (next = i + 1; next < l->rows && notes_equal(&l->row[i], &l->row[next]); next++) {
            moved[next] = kept;
            r.last = l->row[next].last, r.cost += l->row[next].cost;
        }
        add_count(&r, next - i);
        l->row[kept] = r;
    }
    keep_rows(m, moved, kept);
}

enum { PERIODS = 4 };

/* The groups kept last, as a ring: first row, rows, own count, and how often each has come as part of a sequence. */
struct tail { uint32_t at[PERIODS], n[PERIODS], count[PERIODS], times[PERIODS], groups; };
static uint32_t slot(const struct tail *t, uint32_t back) { return (t->groups - back) % PERIODS; }

/* Do the `period` groups from row i on repeat the ones kept last? */
static bool repeats(const struct ladder *l, const struct tail *t, uint32_t i, uint32_t period)
{
    if (t->groups < period) return false;
    for (uint32_t back = period; back; back--) {
        uint32_t s = slot(t, back);
        if (i >= l->rows || group_end(l, i) - i != t->n[s] || l->row[i].count != t->count[s]) return false;
        if (t->times[s] != t->times[slot(t, period)] || !groups_equal(&l->row[t->at[s]], &l->row[i], t->n[s])) return false;
        i = group_end(l, i);
    }
    return true;
}

/* Merges the `period` groups from row i on into the ones kept last; returns the row behind them. */
static uint32_t merge_groups(struct ladder *l, struct tail *t, uint32_t i, uint32_t period, uint32_t *moved)
{
    for (uint32_t back = period; back; back--) {
        uint32_t s = slot(t, back), next = group_end(l, i);
        t->times[s]++;
        for (uint32_t k = 0; k < t->n[s]; k++) {
            moved[i + k] = t->at[s] + k;
            merge(&l->row[t->at[s] + k], &l->row[i + k]);
        }
        i = next;
    }
    return i;
}

/* One pass over the rows: folds sequences of `shortest` to `longest` groups. */
static void fold_pass(struct ladder_maker *m, uint32_t shortest, uint32_t longest, uint32_t *moved)
{
    struct ladder *l = m->l;
    struct tail t = { .groups = 0 };
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->rows; ) {
        uint32_t period = shortest, next = group_end(l, i), s = t.groups % PERIODS;
        while (period <= longest && !repeats(l, &t, i, period)) period++;
        if (period <= longest) {
            i = merge_groups(l, &t, i, period, moved);
            continue;
        }
        t.at[s] = kept, t.n[s] = next - i, t.count[s] = l->row[i].count, t.times[s] = 1;
        t.groups++;
        for (; i < next; i++) {
            moved[i] = kept;
            l->row[kept++] = l->row[i];
        }
    }
    keep_rows(m, moved, kept);
}

/* Equal neighbours first, so that "poll, poll, send" repeats as "poll x 2, send". */
void ladder_fold(struct ladder_maker *m)
{
    struct ladder *l = m->l;
    uint32_t *moved = ladder_grow(NULL, (l->rows + 1) * sizeof *moved);
    fold_notes(m, moved);
    fold_pass(m, 1, 1, moved);
    fold_pass(m, 2, PERIODS, moved);
    for (uint32_t i = 0; i < l->rows; i = group_end(l, i)) add_count(&l->row[i], l->row[i].count);
    free(moved);
}

void ladder_cut(struct ladder_maker *m)
{
    struct ladder *l = m->l;
    uint32_t max = l->options.max_rows;
    if (!max || l->rows <= max) return;
    struct ladder_row *gap = &l->row[max - 1];
    uint32_t left_out = l->rows - max + 1;
    struct text words = { 0 };
    text_add(&words, "%u more rows", left_out);
    *gap = (struct ladder_row){ .id = gap->id, .last = l->row[l->rows - 1].last, .cycle = gap->cycle, .count = 1,
                                .kind = gap->kind, .shape = LADDER_GAP, .from = LANE_KERNEL, .to = LANE_KERNEL };
    ladder_copy(gap->label, text_str(&words), LADDER_LABEL);
    text_free(&words);
    l->rows = max;
    for (uint32_t i = 0; i <= m->to - m->from; i++)
        if (m->owner[i] > max) m->owner[i] = 0;
}
