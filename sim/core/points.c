/* See points.h. */
#include "sim/core/points.h"

#include <string.h>
#include "sim/core/addr.h"

static uint64_t page_bit(uint32_t at) { return UINT64_C(1) << (at >> PAGE_SHIFT & 63); }

/* Do [a, a + n) and [b, b + m) meet? Either may wrap. */
static bool meet(uint32_t a, uint32_t n, uint32_t b, uint32_t m) { return b - a < n || a - b < m; }

void points_set(struct points *p, const struct point *list, unsigned n)
{
    p->n = n < POINTS_MOST ? n : POINTS_MOST;
    p->pages = 0;
    for (unsigned i = 0; i < p->n; i++) {
        p->row[i] = list[i];
        if (!p->row[i].length) p->row[i].length = 1;
        uint32_t length = p->row[i].length, first = list[i].at & PAGE_MASK;
        if (length > 63 * PAGE_SIZE) p->pages = UINT64_MAX;
        for (uint32_t k = 0; k <= 63 && meet(list[i].at, length, first + k * PAGE_SIZE, PAGE_SIZE); k++)
            p->pages |= page_bit(first + k * PAGE_SIZE);
    }
    p->armed = p->n != 0;
}

void points_go(struct points *p) { p->hit = false; }

static bool is_alias(const struct points *p, uint32_t at) { return at - p->alias_first < p->alias_bytes; }

bool points_touch(const struct points *p, uint32_t at, unsigned kinds)
{
    if ((kinds & POINT_EXEC) && is_alias(p, at)) return true;
    if (!(p->pages & page_bit(at))) return false;
    for (unsigned i = 0; i < p->n; i++)
        if ((p->row[i].kinds & kinds) && meet(p->row[i].at, p->row[i].length, at & PAGE_MASK, PAGE_SIZE)) return true;
    return false;
}

static void record(struct points *p, unsigned row, uint32_t at, enum point_kind kind)
{
    p->hit = true;
    p->what = (struct point_hit){ .at = at, .kind = (uint8_t)kind, .row = (uint16_t)row, .moment = *p->now };
    p->pause(p->self);
}

bool points_execute(struct points *p, uint32_t at)
{
    if (!p->armed || p->passed == *p->now) return false;
    if (is_alias(p, at)) at = p->alias(p->self, at);
    for (unsigned i = 0; i < p->n; i++)
        if ((p->row[i].kinds & POINT_EXEC) && p->row[i].at == at) {
            if (!p->hit) record(p, i, at, POINT_EXEC);
            return true;
        }
    return false;
}

unsigned points_room(const struct points *p, uint32_t at)
{
    unsigned room = PAGE_SIZE - (at & (PAGE_SIZE - 1));
    if (is_alias(p, at)) return 1; /* an instruction at a time */
    for (unsigned i = 0; i < p->n; i++) {
        uint32_t way = p->row[i].at - at;
        if ((p->row[i].kinds & POINT_EXEC) && way && way < room) room = way;
    }
    return room;
}

void points_touched(struct points *p, uint32_t at, unsigned size, enum point_kind kind)
{
    if (!(p->pages & (page_bit(at) | page_bit(at + size - 1)))) return;
    for (unsigned i = 0; i < p->n; i++) {
        const struct point *x = &p->row[i];
        if ((x->kinds & kind) && meet(x->at, x->length, at, size)) {
            record(p, i, at - x->at < x->length ? at : x->at, kind);
            return;
        }
    }
}
