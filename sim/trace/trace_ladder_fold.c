/* Folding: a run of equal visits becomes one visit "x 64", with the cost of all.
 *
 * Two groups are equal if their rows agree in kind, lanes and (for arrows) label. Where notes differ (each OUT
 * writes another byte) the words they share stay and the rest becomes ".."; a second line that differs goes. */
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

/* Keeps in `a` the words that both begin with, and ends it in ".." if they differ. */
static void blur(char *a, const char *b, size_t columns)
{
    if (!strcmp(a, b)) return;
    size_t same = 0;
    while (a[same] && a[same] == b[same]) same++;
    while (same && a[same - 1] != ' ') same--;
    if (same + 2 > columns) same = columns - 2;
    memcpy(a + same, "..", 3);
}

static void merge(struct ladder_row *kept, const struct ladder_row *more)
{
    kept->last = more->last;
    kept->count += more->count;
    kept->cost += more->cost;
    blur(kept->label, more->label, kept->shape == LADDER_END ? LADDER_END_LABEL : LADDER_LABEL);
    if (strcmp(kept->detail, more->detail) != 0) kept->detail[0] = 0;
}

/* Writes "x 64" behind the label of a folded group's first row. */
static void add_count(struct ladder_row *r)
{
    if (r->count < 2 || r->shape == LADDER_END) return;
    char label[LADDER_END_LABEL + 1];
    struct text count = { 0 };
    text_add(&count, " x %u", r->count);
    ladder_copy(label, r->label, LADDER_LABEL - count.len);
    size_t n = strlen(label);
    memcpy(r->label, label, n);
    memcpy(r->label + n, text_str(&count), count.len + 1);
    text_free(&count);
}

void ladder_fold(struct ladder_maker *m)
{
    struct ladder *l = m->l;
    uint32_t *moved = ladder_grow(NULL, (l->rows + 1) * sizeof *moved); /* old row -> new row */
    uint32_t kept = 0, last = 0, last_n = 0;                            /* rows kept; the last kept group */
    for (uint32_t i = 0, next; i < l->rows; i = next) {
        next = group_end(l, i);
        uint32_t n = next - i;
        bool same = kept && n == last_n && groups_equal(&l->row[last], &l->row[i], n);
        if (!same) last = kept, last_n = n;
        for (uint32_t k = 0; k < n; k++) {
            moved[i + k] = last + k;
            if (same) merge(&l->row[last + k], &l->row[i + k]);
            else l->row[kept++] = l->row[i + k];
        }
    }
    for (uint32_t i = 0; i <= m->to - m->from; i++)
        if (m->owner[i]) m->owner[i] = moved[m->owner[i] - 1] + 1;
    l->rows = kept;
    for (uint32_t i = 0; i < l->rows; i = group_end(l, i)) add_count(&l->row[i]);
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
