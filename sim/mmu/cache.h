/* The caches between the CPU and memory: first level for code and for data, a second for both, perhaps a third.
 *
 * Idea 1: what is modelled is *where lines are*, not what they hold: bytes are always in RAM. A reference costs the way to
 * the nearest copy, and moves the line into every cache on that way.
 * Idea 2: pseudo-LRU by a bit a line, "recently used"; when all lines of a set have it, all others lose it, and a line without
 * it makes room. So a hit on a line whose bit is set changes nothing, and the CPU need not ask here again (core/lines.h)
 * until the bit is lost.
 *
 * Physical addresses everywhere; lines of 64 bytes; stores allocate, and write back when their line is evicted. Not modelled:
 * prefetching, store buffers and other overlap of misses, bandwidth, uncacheable memory types (MTRR, PAT, CR0.CD).
 * docs/model.md tells what follows from that.
 * TOUR mmu.4: what a reference to memory costs. */
#ifndef MMU_CACHE_H
#define MMU_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include "sim/core/arena.h"
#include "sim/core/cost.h"
#include "sim/core/clock.h"
#include "sim/core/lines.h"
#include "sim/core/tlb.h"

/* A bit a way. `both`: dirty ones << 16, as on every host of little-endian order (byte registers want that, too). */
struct cache_set {
    union {
        struct { uint16_t recent, dirty; };
        uint32_t both;
    };
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "struct cache_set.both");

/* One of them. Without any (a level that the model has not) `ways` is 0. */
struct cache {
    uint32_t *tag;         /* by set and way: the line's number (its address / 64), or CACHE_NONE */
    struct cache_set *set;
    uint32_t  mask;        /* sets - 1 */
    uint16_t  all;         /* a bit for every way */
    uint8_t   ways, lanes; /* lanes: ways rounded up to what is searched at once */
    uint8_t   shift;       /* of a set's number: where its first lane is; CACHE_FIRST in the first level */
    bool      inclusive;   /* what leaves it leaves the levels above, too */
    uint32_t  stall;       /* cycles of a hit here, beyond those of one in the first level */
    uint64_t  misses, writebacks;
};
#define CACHE_NONE LINE_NOWHERE
enum { CACHE_FIRST = 4 };

/* Lines in l1d that walks have read, and written to, and that are recently used, and dirty, still; or CACHE_NONE. */
struct cache_near { uint32_t line[2]; };
enum { CACHE_NEAR = 64 };
/* Where in l2 a line is, so that it need not be looked for; or CACHE_NONE. */
struct cache_home { uint32_t line; uint16_t set, bit; };
enum { CACHE_HOMES = 4096 };
struct caches {
    struct cache l1i, l1d, l2, l3;
    struct cache_near near[CACHE_NEAR]; /* by cache_near_of */
    struct cache_home *home; /* by the low bits of a line's number */
    uint16_t *seen;        /* of each line in l1d: where `lines` may have it, with CACHE_SEEN bits for the rings; CACHE_WALKED: `near` may;
                            * 0 if it was not recently used */
    struct lines *lines;   /* the CPU's */
    struct fetch *fetch;   /* likewise */
    struct clock *clock;   /* for cache_bring and cache_fetch; caches_init leaves it to its caller */
    uint32_t  memory;      /* stall of a reference to memory */
    uint32_t  line_most;   /* the longest that one reference can take */
    uint64_t  memory_reads, memory_writes; /* lines */
};
enum { CACHE_WALKED = 1 << 13, CACHE_SEEN = 1 << 14 };
_Static_assert((int)LINES <= (int)CACHE_WALKED, "seen");

/* Caches as the model has them, empty. */
void caches_init(struct caches *k, const struct model *m, struct arena *a, struct lines *lines, struct fetch *fetch);
/* Empties them: RESET, INVD (`write` false: what was dirty is lost, as far as counting goes), WBINVD. */
void caches_flush(struct caches *k, bool write);

/* ---- looking for lines ---- */

/* The ways of a set that hold a line, as bits: eight at once. */
static inline uint32_t cache_eight(const uint32_t *tag, uint32_t line)
{
#ifdef __SSE2__
    const __m128i want = _mm_set1_epi32((int)line), a = _mm_load_si128((const __m128i *)(const void *)tag),
                  b = _mm_load_si128((const __m128i *)(const void *)(tag + 4));
    const __m128i words = _mm_packs_epi32(_mm_cmpeq_epi32(a, want), _mm_cmpeq_epi32(b, want));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(words, _mm_setzero_si128()));
#else
    uint32_t hit = 0;
    for (unsigned w = 0; w < 8; w++) hit |= (uint32_t)(tag[w] == line) << w;
    return hit;
#endif
}

/* The way of `set` that holds a line, as a bit; 0: none. */
static inline uint32_t cache_find(const struct cache *c, uint32_t set, uint32_t line)
{
    const uint32_t *tag = c->tag + (set << c->shift);
    uint32_t hit = cache_eight(tag, line);
    return c->lanes == 8 || hit ? hit : cache_eight(tag + 8, line) << 8;
}

/* Of all sets: how many places there are for lines, used or not. */
static inline size_t cache_places(const struct cache *c) { return (c->mask + (size_t)1) << c->shift; }

/* ---- references ---- */

/* Misses, and hits by which others of the set are no longer recently used. `bit`: its way, 0 for a miss. */
uint32_t cache_data_unsettled(struct caches *k, uint32_t line, uint32_t bit, bool write, uint32_t *at);

/* Ways of a set of l1d are no longer recently used: nobody may believe so any more. */
void cache_unsettle(struct caches *k, uint32_t set, uint32_t ways);
/* Of a set of l1d all are recently used: only this way is from now on. Its line, which `lines` was told of, stays there. */
void cache_alone(struct caches *k, uint32_t set, uint32_t bit);
/* A miss by an access for which entry e of the TLB has a tag: the CPU waits for the line (CAUSE_STALL), and what may be done with
 * it without asking again is told `lines`. Always true. Mostly bring.h does it. */
bool cache_bring(struct caches *k, struct tlb_entry *e, uint32_t line, uint32_t lin, unsigned access);

/* A hit of a way. False: others of the set would lose their bits by it, and nothing is done. */
static inline bool cache_hit(const struct cache *c, struct cache_set *s, uint32_t bit, bool write)
{
    uint32_t recent = s->recent | bit;
    if (__builtin_expect(!bit || (recent == c->all && recent != s->recent), 0)) return false;
    s->recent = (uint16_t)recent;
    s->dirty |= (uint16_t)(write ? bit : 0);
    return true;
}

/* One reference of the CPU to a line of data: returns the cycles it waits, and where the line lies in l1d (*at). */
static inline uint32_t cache_data(struct caches *k, uint32_t line, bool write, uint32_t *at)
{
    const struct cache *c = &k->l1d;
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    if (!cache_hit(c, &c->set[set], bit, write)) return cache_data_unsettled(k, line, bit, write, at);
    *at = (set << c->shift) + (uint32_t)__builtin_ctz(bit);
    return 0;
}
/* The same for page walks, which refer to few lines again and again: here a reference is known at once that changes nothing. */
uint32_t cache_entry_far(struct caches *k, uint32_t line, bool write);
/* Directories lie at the beginning of their pages. */
static inline uint32_t *cache_near_of(struct caches *k, uint32_t line)
{
    return k->near[(line ^ line >> (PAGE_SHIFT - LINE_SHIFT)) & (CACHE_NEAR - 1)].line;
}
static inline uint32_t cache_entry(struct caches *k, uint32_t line, bool write)
{
    bool known = cache_near_of(k, line)[write] == line;
    return __builtin_expect(known, 1) ? 0 : cache_entry_far(k, line, write);
}
/* The CPU fetches code from a line: the cycles it waits; or it waits for them (CAUSE_STALL). */
uint32_t cache_code(struct caches *k, uint32_t line);
void cache_fetch(struct caches *k, uint32_t line);
/* A device reads or writes [at, at + n). */
void cache_snoop(struct caches *k, uint32_t at, uint32_t n, bool write);

/* Of a place that cache_data told: is it dirty? `lines` has it from now on in entry n of a ring (0: supervisor, 1: user). */
static inline bool cache_dirty(const struct caches *k, uint32_t at)
{
    const struct cache *c = &k->l1d;
    return c->set[at >> CACHE_FIRST].dirty >> (at & ((1u << CACHE_FIRST) - 1)) & 1;
}
static inline void cache_seen(struct caches *k, uint32_t at, unsigned n, unsigned ring)
{
    unsigned was = k->seen[at], before = was & (LINES - 1);
    if (__builtin_expect(before != n, 0)) {
        if (was >= CACHE_SEEN) lines_drop(k->lines, before); /* by another linear address */
        was &= CACHE_WALKED;
    }
    k->seen[at] = (uint16_t)(was | n | (unsigned)CACHE_SEEN << ring);
}

/* Is a line in this cache, and is it dirty? For tests and people. */
bool cache_has(const struct cache *c, uint32_t line, bool *dirty);

#endif
