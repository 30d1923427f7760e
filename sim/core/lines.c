/* See lines.h. */
#include "sim/core/lines.h"

static bool holds(const struct line_tag *e, uint32_t page)
{
    return (e->tag[0] & PAGE_MASK) == page || (e->tag[1] & PAGE_MASK) == page;
}

void lines_drop_page(struct lines *l, uint32_t page)
{
    unsigned place = page >> PAGE_SHIFT & (LINES_PAGES - 1);
    for (uint64_t rest = l->used[place]; rest; rest &= rest - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(rest), n = place * 64 + bit;
        if (!holds(&l->e[0][n], page) && !holds(&l->e[1][n], page)) continue;
        lines_drop(l, n);
        l->used[place] &= ~(UINT64_C(1) << bit);
    }
}

void lines_drop_all(struct lines *l)
{
    for (unsigned place = 0; place < LINES_PAGES; place++) {
        for (uint64_t rest = l->used[place]; rest; rest &= rest - 1) lines_drop(l, place * 64 + (unsigned)__builtin_ctzll(rest));
        l->used[place] = 0;
    }
}

void lines_reset(struct lines *l)
{
    for (unsigned n = 0; n < LINES; n++) lines_drop(l, n);
    for (unsigned place = 0; place < LINES_PAGES; place++) l->used[place] = 0;
}
