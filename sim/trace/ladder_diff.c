/* See ladder_diff.h. */
#include "sim/trace/ladder_diff.h"
#include "sim/trace/ladder_rows.h"

#include <stdlib.h>
#include <string.h>

enum { GUTTER = 130, FIRST_SPACE = 22 };

/* Without the " x 64" of folded rows. */
static size_t stem(const struct ladder_row *r)
{
    size_t n = strlen(r->label);
    if (r->count < 2) return n;
    while (n && r->label[n - 1] != 'x') n--;
    return n > 1 ? n - 2 : 0;
}

static bool arrives(const struct ladder_row *r) { return r->shape == LADDER_ARROW && !strncmp(r->detail, "to ", 3); }

/* What a hypervisor does in the hardware's place has the same name behind these words. */
static const char *plain(const char *label)
{
    static const char *const before[] = { "inject ", "virtual " };
    for (unsigned i = 0; i < sizeof before / sizeof *before; i++)
        if (!strncmp(label, before[i], strlen(before[i]))) return label + strlen(before[i]);
    return label;
}

/* What it is worth that `b` is `a`: 0: it is not. */
static unsigned worth(const struct ladder_row *a, const struct ladder_row *b, uint8_t *how)
{
    bool ways = a->shape == b->shape && a->from == b->from && a->to == b->to && a->twin == b->twin;
    *how = PAIR_OTHER;
    if (ways && a->kind == b->kind && !strcmp(a->label, b->label) && (a->shape != LADDER_SILENT || !strcmp(a->detail, b->detail))) {
        *how = PAIR_SAME;
        return strcmp(a->detail, b->detail) ? 6 : 7;
    }
    if (stem(a) == stem(b) && !memcmp(a->label, b->label, stem(a))) return ways ? 4 : 3;
    if (!strcmp(plain(a->label), plain(b->label))) return 3;
    if (arrives(a) && arrives(b) && a->to == b->to && !strcmp(a->detail, b->detail)) return 2;
    return 0;
}

static uint32_t rows_of(const struct ladder *l) { return l->rows && l->row[l->rows - 1].shape == LADDER_GAP ? l->rows - 1 : l->rows; }

static void add_pair(struct ladder_diff *d, uint32_t a, uint32_t b, enum ladder_how how)
{
    if (how != PAIR_SAME && d->first == LADDER_NONE) d->first = d->lines;
    d->pair[d->lines++] = (struct ladder_pair){ .row = { a, b }, .how = (uint8_t)how };
    d->count[how]++;
}

static uint32_t opener(const struct ladder *l, uint32_t row)
{
    while (row && l->row[row].group && l->row[row - 1].group == l->row[row].group) row--;
    return row;
}

/* What belongs to a visit is the same as something of another visit only if the visits began as the same; interrupts are for themselves. */
static bool visits_pair(const struct ladder_diff *d, uint32_t a, uint32_t b)
{
    const struct ladder_row *x = &d->l[0]->row[a], *y = &d->l[1]->row[b];
    uint32_t i = opener(d->l[0], a), j = opener(d->l[1], b);
    if (!x->group || !y->group || (i == a && j == b) || x->kind == EV_RAISE || x->kind == EV_INJECT) return true;
    for (uint32_t k = d->lines; k-- > 0;)
        if (d->pair[k].row[0] == i || d->pair[k].row[1] == j) return d->pair[k].row[0] == i && d->pair[k].row[1] == j;
    return false;
}

/* best[i][j]: what the rows from i on of the left and from j on of the right are worth together. */
static void align(struct ladder_diff *d)
{
    uint32_t n = rows_of(d->l[0]), m = rows_of(d->l[1]), i = 0, j = 0;
    uint16_t *best = ladder_grow(NULL, (size_t)(n + 1) * (m + 1) * sizeof *best);
    uint8_t how = 0;
#define BEST(i, j) best[(size_t)(i) * (m + 1) + (j)]
    for (uint32_t k = 0; k <= n; k++) BEST(k, m) = 0;
    for (uint32_t k = 0; k <= m; k++) BEST(n, k) = 0;
    for (uint32_t a = n; a-- > 0;)
        for (uint32_t b = m; b-- > 0;) {
            unsigned w = worth(&d->l[0]->row[a], &d->l[1]->row[b], &how), most = BEST(a + 1, b);
            if (BEST(a, b + 1) > most) most = BEST(a, b + 1);
            if (w && w + BEST(a + 1, b + 1) > most) most = w + BEST(a + 1, b + 1);
            BEST(a, b) = (uint16_t)most;
        }
    while (i < n || j < m) {
        unsigned w = i < n && j < m ? worth(&d->l[0]->row[i], &d->l[1]->row[j], &how) : 0;
        bool pair = w && BEST(i, j) == w + BEST(i + 1, j + 1);
        if (pair && visits_pair(d, i, j)) add_pair(d, i++, j++, how);
        else if (pair) add_pair(d, i++, LADDER_NONE, PAIR_LEFT), add_pair(d, LADDER_NONE, j++, PAIR_RIGHT);
        else if (i < n && (j == m || BEST(i, j) == BEST(i + 1, j))) add_pair(d, i++, LADDER_NONE, PAIR_LEFT);
        else add_pair(d, LADDER_NONE, j++, PAIR_RIGHT);
    }
#undef BEST
    free(best);
}

/* Rows that are not shown any more are no rows. */
static void cut(struct ladder_diff *d, uint32_t most)
{
    for (unsigned side = 0; side < 2; side++) {
        struct ladder *l = d->l[side];
        uint32_t rows = 0;
        for (uint32_t i = 0; i < most && i < d->lines; i++) rows += d->pair[i].row[side] != LADDER_NONE;
        l->rows = rows;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < l->bands; i++)
            if (l->band[i].first < rows) {
                l->band[kept] = l->band[i];
                if (l->band[kept].last >= rows) l->band[kept].last = rows - 1;
                kept++;
            }
        l->bands = kept;
        kept = 0;
        for (uint32_t i = 0; i < l->curves; i++)
            if (l->curve[i].from < rows && l->curve[i].to < rows) l->curve[kept++] = l->curve[i];
        l->curves = kept;
    }
    for (uint32_t i = most; i < d->lines; i++) d->count[d->pair[i].how]--;
    if (d->lines <= most) return;
    d->more = d->lines - most;
    d->lines = most;
}

static void place(struct ladder_diff *d)
{
    int y = d->l[0]->top + LADDER_DIFF_TOP + 14, *at[2];
    d->x = d->l[0]->width + GUTTER;
    for (unsigned side = 0; side < 2; side++) at[side] = ladder_grow(NULL, (d->l[side]->rows + 1) * sizeof **at);
    for (uint32_t i = 0; i < d->lines; i++) {
        struct ladder_pair *p = &d->pair[i];
        for (unsigned side = 0; side < 2; side++) {
            int above, below;
            if (p->row[side] == LADDER_NONE) continue;
            ladder_row_room(d->l[side], p->row[side], &above, &below);
            if (above > p->above) p->above = above;
            if (below > p->below) p->below = below;
        }
        if (i == d->first) p->above += FIRST_SPACE;
        p->y = y + p->above;
        y = p->y + p->below;
        for (unsigned side = 0; side < 2; side++)
            if (p->row[side] != LADDER_NONE) at[side][p->row[side]] = p->y;
    }
    for (unsigned side = 0; side < 2; side++) {
        ladder_move(d->l[side], side ? d->x : 0, LADDER_DIFF_TOP, at[side], y + 28);
        free(at[side]);
    }
    d->width = d->l[1]->width;
    d->height = d->l[0]->height + (d->more ? 20 : 0) + 44;
}

void ladder_diff_make(struct ladder_diff *d, unsigned most)
{
    d->pair = ladder_grow(NULL, (d->l[0]->rows + d->l[1]->rows + 1) * sizeof *d->pair);
    d->first = LADDER_NONE;
    align(d);
    cut(d, most ? most : d->lines);
    if (d->first != LADDER_NONE && d->first >= d->lines) d->first = LADDER_NONE;
    place(d);
}

void ladder_diff_free(struct ladder_diff *d)
{
    ladder_free(d->l[0]);
    ladder_free(d->l[1]);
    free(d->pair);
}

void ladder_diff_words(const struct ladder_diff *d, struct text *out)
{
    text_add(out, "Two runs side by side, left %s, right %s. ", d->name[0], d->name[1]);
    if (d->first == LADDER_NONE) {
        text_add(out, "All %u lines are the same.", d->lines);
        return;
    }
    const struct ladder_pair *p = &d->pair[d->first];
    unsigned side = p->row[0] == LADDER_NONE;
    text_add(out, "Of %u lines %u are the same, %u happen in another way, %u only on the left, %u only on the right. They part at line %u, %s%s.", d->lines,
             d->count[PAIR_SAME], d->count[PAIR_OTHER], d->count[PAIR_LEFT], d->count[PAIR_RIGHT], d->first + 1, d->l[side]->row[p->row[side]].label,
             p->how == PAIR_LEFT ? ", only on the left" : p->how == PAIR_RIGHT ? ", only on the right" : ", in another way");
}
