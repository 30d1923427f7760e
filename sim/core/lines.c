/* See lines.h. */
#include "sim/core/lines.h"

static bool holds(const struct line_tag *e, uint32_t page) { return (e->tag[0] & PAGE_MASK) == page; }

void lines_drop_page(struct lines *l, uint32_t page, uint64_t *which)
{
    unsigned first = (page >> PAGE_SHIFT & (LINES_PAGES - 1)) * (PAGE_SIZE / LINE_SIZE);
    for (uint64_t rest = *which; rest; rest &= rest - 1) {
        unsigned n = first + (unsigned)__builtin_ctzll(rest);
        if (holds(&l->e[0][n], page) || holds(&l->e[1][n], page)) lines_drop(l, n);
    }
    *which = 0;
}

void lines_drop_all(struct lines *l)
{
    for (unsigned place = 0; place < LINES_PAGES; place++) {
        uint64_t rest = l->used[place];
        if (!rest) continue;
        l->used[place] = 0;
        do lines_drop(l, place * 64 + (unsigned)__builtin_ctzll(rest));
        while (rest &= rest - 1);
    }
}

void lines_reset(struct lines *l)
{
    for (unsigned n = 0; n < LINES; n++) lines_drop(l, n);
    for (unsigned place = 0; place < LINES_PAGES; place++) l->used[place] = 0;
}
