/* What most misses of the first level for data are, in place: the second level has the line, and what makes room for it was not
 * written to, or lies in the second level still. All others are cache_bring's (cache.h).
 *
 * Idea 1: all or nothing, so that nothing is called but at the end, and nothing must be kept over a call.
 * Idea 2: where a line is in the second level is remembered by its number (struct cache_home), so that neither the one that comes
 * nor the one that goes is looked for there. Who takes a line out of that level forgets its home.
 * tests/unit/mmu_cache_test.c and mmu_fill_test.c hold both ways equal. */
#ifndef MMU_BRING_H
#define MMU_BRING_H

#include "sim/mmu/cache.h"
#include "sim/trace/cause.h"

/* A way is used of a set where some others are not recently: which are no longer. */
static inline uint32_t cache_use(const struct cache *c, struct cache_set *s, uint32_t bit)
{
    const uint32_t recent = s->recent | bit;
    const bool full = recent == c->all;
    s->recent = (uint16_t)(full ? bit : recent);
    return full ? recent & ~bit : 0;
}

static inline uint32_t cache_place(const struct cache *c, uint32_t set, uint32_t bit)
{
    return (set << c->shift) + (uint32_t)__builtin_ctz(bit);
}
static inline uint32_t cache_place_first(uint32_t set, uint32_t bit) { return (set << CACHE_FIRST) + (uint32_t)__builtin_ctz(bit); }
static inline struct cache_home *cache_home_of(const struct caches *k, uint32_t line) { return &k->home[line & (CACHE_HOMES - 1)]; }

/* From now on `lines` tells of a line, at a place in l1d that `seen` has nothing of, what may be done with it without asking. */
static inline void cache_tell(struct caches *k, struct tlb_entry *e, uint32_t lin, const unsigned access, uint32_t place)
{
    const unsigned user = (access & ACCESS_USER) / ACCESS_USER, n = lin >> LINE_SHIFT & (LINES - 1);
    const uint64_t bit = UINT64_C(1) << (lin >> LINE_SHIFT & 63);
    struct lines *l = k->lines;
    struct line_tag *t = &l->e[user][n];
    t->tag[0] = lin & LINE_MASK;
    t->tag[1] = access & ACCESS_WRITE ? lin & LINE_MASK : LINE_NO_TAG;
    t->base = e->base;
    l->used[n / 64] |= bit;
    e->settled |= bit;
    k->seen[place] = (uint16_t)(n | (unsigned)CACHE_SEEN << user);
}

/* As cache_bring, or false: it is not as simple as that, and nothing has been done. What is not recently used is seen by nobody, so
 * that none of `lines` tells of the line that makes room. */
static inline __attribute__((always_inline)) bool cache_bring_near(struct caches *k, struct tlb_entry *e, uint32_t line,
                                                                   uint32_t lin, const unsigned access)
{
    struct cache *c = &k->l1d, *below = &k->l2;
    const struct cache_home *home = cache_home_of(k, line);
    if (__builtin_expect(home->line != line, 0)) return false;
    const uint32_t set = line & c->mask, was = c->set[set].both, free = ~was & c->all, bit = free & (0 - free), dirty = bit << 16;
    if (__builtin_expect(!bit, 0)) return false;
    const uint32_t place = cache_place_first(set, bit);
    const struct cache_home *to = NULL;
    if (was & dirty) {
        to = cache_home_of(k, c->tag[place]);
        if (__builtin_expect(to->line != c->tag[place], 0)) return false;
    }
    cache_tell(k, e, lin, access, place);
    c->tag[place] = line;
    const uint32_t now = access & ACCESS_WRITE ? was | bit | dirty : (was & ~dirty) | bit;
    c->set[set].both = now;
    cache_use(below, &below->set[home->set], home->bit);
    if (to) {
        c->writebacks++;
        below->set[to->set].dirty |= to->bit;
        cache_use(below, &below->set[to->set], to->bit);
    }
    clock_charge(k->clock, CAUSE_STALL, below->stall);
    c->misses++;
    if ((now & 0xFFFF) == c->all) cache_alone(k, set, bit);
    return true;
}

#endif
