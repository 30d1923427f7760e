/* Stop points: what a debugger clips on a CPU, as an in-circuit emulator does. They ask for a pause and change nothing.
 *
 * Idea: a page with a point never gets a fast TLB tag for the accesses in question (core/tlb.h), so only such pages take
 * the slow path, and only the slow path asks here, as does whoever looks for the next block to run (cpu/run.c), before it fetches.
 * Without points nothing on any fast path is different.
 * Addresses are linear. The points live outside the machine's arena: they are no part of its state, and stay. */
#ifndef CORE_POINTS_H
#define CORE_POINTS_H

#include <stdbool.h>
#include <stdint.h>

enum point_kind { POINT_EXEC = 1, POINT_READ = 2, POINT_WRITE = 4 }; /* bits */

struct point {
    uint32_t at, length; /* bytes [at, at + length), which may wrap at 4 GB; length 1 for POINT_EXEC */
    uint8_t  kinds;
};

struct point_hit {
    uint32_t at;         /* of the instruction, or the first byte of the point that was accessed */
    uint8_t  kind;       /* one bit */
    uint16_t row;        /* the first of points.row that was hit */
    uint64_t moment;     /* boundary before the instruction */
};

enum { POINTS_MOST = 256 };
struct points {
    bool     armed;      /* there are points, and they are to be looked for */
    bool     hit;        /* since points_go; later ones until then are not recorded */
    bool     rings;      /* a change of the ring asks for a pause, too: for whoever waits for one. No hit */
    unsigned n;
    struct point row[POINTS_MOST];
    uint64_t pages;      /* bit page % 64: some point touches such a page */
    uint64_t passed;     /* the moment at which execution does not count: a run begins there. UINT64_MAX: none */
    struct point_hit what;
    /* Code addresses in [alias_first, +alias_bytes) stand for others (translated code): of the instruction that begins there, or
     * UINT32_MAX for none. Bytes 0: there are none. */
    uint32_t (*alias)(void *self, uint32_t at);
    uint32_t alias_first, alias_bytes;
    const uint64_t *now; /* the machine's moment */
    void   (*pause)(void *self); /* have the CPU stop at its next boundary */
    void    *self;
};

/* Replaces all points; at most POINTS_MOST. Those who hold fast tags must drop them. */
void points_set(struct points *p, const struct point *list, unsigned n);
/* Forgets the hit. */
void points_go(struct points *p);
/* Does a point of one of these kinds touch the page of this address? `p` may be NULL. */
bool points_touch(const struct points *p, uint32_t at, unsigned kinds);
static inline bool points_page(const struct points *p, uint32_t at, unsigned kinds)
{
    return p && p->armed && points_touch(p, at, kinds);
}
/* An instruction at `at` is about to execute. True: it is a hit, and must not. */
bool points_execute(struct points *p, uint32_t at);
/* Bytes from `at` to the next POINT_EXEC behind it in its page, or to the page's end. */
unsigned points_room(const struct points *p, uint32_t at);
/* The ring changed, or may have. `p` may be NULL. */
static inline void points_ring(const struct points *p)
{
    if (p && p->rings) p->pause(p->self);
}
/* Bytes were accessed; `kind` is POINT_READ or POINT_WRITE. `p` may be NULL. */
void points_touched(struct points *p, uint32_t at, unsigned size, enum point_kind kind);
static inline void points_access(struct points *p, uint32_t at, unsigned size, enum point_kind kind)
{
    if (p && p->armed && !p->hit) points_touched(p, at, size, kind);
}

#endif
