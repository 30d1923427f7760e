/* See cache.h. */
#include "sim/mmu/cache.h"

#include <string.h>
#include "sim/mmu/bring.h"
#include "sim/trace/cause.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- one cache ---- */

ALWAYS_INLINE unsigned way_of(uint32_t bit) { return (unsigned)__builtin_ctz(bit); }

ALWAYS_INLINE uint32_t victim(const struct cache *c, const struct cache_set *s)
{
    uint32_t free = ~(uint32_t)s->recent & c->all;
    if (!free) free = c->all; /* the only way */
    return free & (0 - free);
}

bool cache_has(const struct cache *c, uint32_t line, bool *dirty)
{
    if (!c->ways) return false;
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    if (dirty) *dirty = c->set[set].dirty & bit;
    return bit;
}

/* ---- what the CPU believes of the first level ---- */

ALWAYS_INLINE void unsettle_data(struct caches *k, uint32_t at)
{
    unsigned seen = k->seen[at], n = seen & (LINES - 1);
    if (!seen) return;
    k->seen[at] = 0;
    if (seen & CACHE_WALKED) {
        uint32_t line = k->l1d.tag[at], *near = cache_near_of(k, line);
        if (near[0] == line) near[0] = CACHE_NONE;
        if (near[1] == line) near[1] = CACHE_NONE;
    }
    if (seen & CACHE_SEEN) k->lines->e[0][n].tag[0] = k->lines->e[0][n].tag[1] = LINE_NO_TAG;
    if (seen & CACHE_SEEN << 1) k->lines->e[1][n].tag[0] = k->lines->e[1][n].tag[1] = LINE_NO_TAG;
}

ALWAYS_INLINE void unsettle_code(struct caches *k, uint32_t line)
{
    uint32_t *near = &k->fetch->near[line & (LINES_CODE - 1)];
    if (*near == line) *near = CACHE_NONE;
}

/* ---- between levels ---- */

/* A line leaves a lower level: if that is inclusive, it leaves the first level, too. True: it was dirty there. */
static bool leave_above(struct caches *k, uint32_t line)
{
    uint32_t set = line & k->l1d.mask, bit = cache_find(&k->l1d, set, line);
    bool dirty = false;
    if (bit) {
        struct cache_set *s = &k->l1d.set[set];
        uint32_t at = (set << k->l1d.shift) + way_of(bit);
        k->lines->losses++;
        dirty = s->dirty & bit;
        k->l1d.writebacks += dirty;
        unsettle_data(k, at);
        k->l1d.tag[at] = CACHE_NONE;
        s->recent &= (uint16_t)~bit;
        s->dirty &= (uint16_t)~bit;
    }
    set = line & k->l1i.mask;
    bit = cache_find(&k->l1i, set, line);
    if (!bit) return dirty;
    k->l1i.tag[(set << k->l1i.shift) + way_of(bit)] = CACHE_NONE;
    k->l1i.set[set].recent &= (uint16_t)~bit;
    unsettle_code(k, line);
    return dirty;
}

static void write_memory(struct caches *k) { k->memory_writes++; }

/* Where the second level has a line is known from now on; or it does not have it any more. */
static void found(struct caches *k, uint32_t line, uint32_t set, uint32_t bit)
{
    if (set <= UINT16_MAX) *cache_home_of(k, line) = (struct cache_home){ line, (uint16_t)set, (uint16_t)bit };
}
static void lost(struct caches *k, uint32_t line)
{
    struct cache_home *home = cache_home_of(k, line);
    if (home->line == line) home->line = CACHE_NONE;
}

/* Takes a line out of one of the lower levels, if it is there. True: it was dirty there. */
static bool take_out(struct cache *c, uint32_t line)
{
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    if (!bit) return false;
    bool dirty = c->set[set].dirty & bit;
    c->tag[(set << c->shift) + way_of(bit)] = CACHE_NONE;
    c->set[set].recent &= (uint16_t)~bit;
    c->set[set].dirty &= (uint16_t)~bit;
    return dirty;
}

/* Makes room in a set of the third level for a line, and puts it there. */
static void install_l3(struct caches *k, uint32_t line, bool dirty)
{
    struct cache *c = &k->l3;
    uint32_t set = line & c->mask;
    struct cache_set *s = &c->set[set];
    uint32_t bit = victim(c, s), *tag = &c->tag[(set << c->shift) + way_of(bit)];
    if (*tag != CACHE_NONE) {
        bool old = s->dirty & bit;
        if (c->inclusive) {
            old |= leave_above(k, *tag);
            if (take_out(&k->l2, *tag)) old = true, k->l2.writebacks++;
            lost(k, *tag);
        }
        if (old) c->writebacks++, write_memory(k);
    }
    *tag = line;
    s->dirty = (uint16_t)((s->dirty & ~bit) | (dirty ? bit : 0));
    cache_use(c, s, bit);
}

/* A dirty line comes down to the third level, or to memory. */
static void write_below_l2(struct caches *k, uint32_t line)
{
    struct cache *c = &k->l3;
    uint32_t set = line & c->mask, bit;
    if (!c->ways) {
        write_memory(k);
    } else if ((bit = cache_find(c, set, line))) {
        c->set[set].dirty |= (uint16_t)bit;
        cache_use(c, &c->set[set], bit);
    } else install_l3(k, line, true);
}

/* Likewise in the second. */
static void install_l2(struct caches *k, uint32_t line, bool dirty)
{
    struct cache *c = &k->l2;
    uint32_t set = line & c->mask;
    struct cache_set *s = &c->set[set];
    uint32_t bit = victim(c, s), *tag = &c->tag[cache_place(c, set, bit)];
    if (*tag != CACHE_NONE) {
        bool old = s->dirty & bit;
        uint32_t gone = *tag;
        *tag = CACHE_NONE;
        lost(k, gone);
        if (c->inclusive) old |= leave_above(k, gone);
        if (old) c->writebacks++, write_below_l2(k, gone);
    }
    *tag = line;
    s->dirty = (uint16_t)((s->dirty & ~bit) | (dirty ? bit : 0));
    cache_use(c, s, bit);
    found(k, line, set, bit);
}

static uint32_t from_memory(struct caches *k)
{
    k->memory_reads++;
    return k->memory;
}

static uint32_t from_l3(struct caches *k, uint32_t line)
{
    struct cache *c = &k->l3;
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    if (bit) {
        cache_use(c, &c->set[set], bit);
        return c->stall;
    }
    c->misses++;
    install_l3(k, line, false);
    return from_memory(k);
}

/* The second level has not got it, either. */
static __attribute__((noinline)) uint32_t from_far(struct caches *k, uint32_t line)
{
    if (!k->l2.ways) return from_memory(k);
    k->l2.misses++;
    uint32_t stall = k->l3.ways ? from_l3(k, line) : from_memory(k);
    install_l2(k, line, false);
    return stall;
}

/* The first level has not got the line: from below, and how long that takes. */
ALWAYS_INLINE uint32_t from_below(struct caches *k, uint32_t line)
{
    const struct cache *c = &k->l2;
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    if (!bit) return from_far(k, line);
    cache_use(c, &c->set[set], bit);
    found(k, line, set, bit);
    return c->stall;
}

/* ---- the first level ---- */

void cache_unsettle(struct caches *k, uint32_t set, uint32_t ways)
{
    struct lines *l = k->lines;
    const uint32_t first = set << k->l1d.shift;
    uint16_t *all = k->seen + first;
    l->losses++;
    for (; ways; ways &= ways - 1) {
        unsigned way = way_of(ways), seen = all[way], n = seen & (LINES - 1);
        if (__builtin_expect((seen ^ n) == CACHE_SEEN, 1)) { /* what most are: of the supervisor's data */
            all[way] = 0;
            l->e[0][n].tag[0] = l->e[0][n].tag[1] = LINE_NO_TAG;
        } else unsettle_data(k, first + way);
    }
}

/* A dirty line leaves l1d. */
static void write_below_l1(struct caches *k, uint32_t line)
{
    const struct cache *c = &k->l2;
    uint32_t set = line & c->mask, bit = cache_find(c, set, line);
    k->l1d.writebacks++;
    if (bit) {
        c->set[set].dirty |= (uint16_t)bit;
        cache_use(c, &c->set[set], bit);
        found(k, line, set, bit);
    } else if (c->ways) install_l2(k, line, true);
    else write_memory(k);
}

ALWAYS_INLINE uint32_t miss_data_in(struct caches *k, uint32_t line, bool write, uint32_t *at)
{
    struct cache *c = &k->l1d;
    uint32_t set = line & c->mask;
    struct cache_set *s = &c->set[set];
    c->misses++;
    uint32_t stall = from_below(k, line); /* may take lines out of this set, too */
    uint32_t bit = victim(c, s), place = cache_place(c, set, bit), gone = c->tag[place];
    bool dirty = s->dirty & bit;
    *at = place;
    if (__builtin_expect(s->recent & bit, 0)) k->lines->losses++; /* the only way */
    unsettle_data(k, place);
    c->tag[place] = line;
    s->dirty = (uint16_t)((s->dirty & ~bit) | (write ? bit : 0));
    uint32_t lost = cache_use(c, s, bit);
    if (lost) cache_unsettle(k, set, lost);
    if (dirty) write_below_l1(k, gone);
    return stall;
}

static __attribute__((noinline)) uint32_t miss_data(struct caches *k, uint32_t line, bool write, uint32_t *at)
{
    return miss_data_in(k, line, write, at);
}

void cache_alone(struct caches *k, uint32_t set, uint32_t bit)
{
    struct cache_set *s = &k->l1d.set[set];
    const unsigned seen = k->seen[cache_place_first(set, bit)], user = seen / CACHE_SEEN > 1;
    struct line_tag *own = &k->lines->e[user][seen & (LINES - 1)], kept = *own; /* others may have the same place */
    uint32_t others = s->recent & ~bit;
    s->recent = (uint16_t)bit;
    cache_unsettle(k, set, others);
    *own = kept;
}

bool cache_bring(struct caches *k, struct tlb_entry *e, uint32_t line, uint32_t lin, unsigned access)
{
    uint32_t place, wait = miss_data_in(k, line, access & ACCESS_WRITE, &place);
    bool there = k->l1d.tag[place] == line; /* unless it is gone already, in a model with very few lines */
    if (wait) clock_charge(k->clock, CAUSE_STALL, wait);
    cache_tell(k, e, lin, there ? access : access & ~(unsigned)ACCESS_WRITE, place);
    return true;
}

uint32_t cache_data_unsettled(struct caches *k, uint32_t line, uint32_t bit, bool write, uint32_t *at)
{
    if (!bit) return miss_data(k, line, write, at);
    struct cache *c = &k->l1d;
    uint32_t set = line & c->mask;
    struct cache_set *s = &c->set[set];
    *at = cache_place(c, set, bit);
    if (write) s->dirty |= (uint16_t)bit;
    uint32_t lost = cache_use(c, s, bit);
    if (lost) cache_unsettle(k, set, lost);
    return 0;
}

uint32_t cache_entry_far(struct caches *k, uint32_t line, bool write)
{
    uint32_t place;
    uint32_t wait = cache_data(k, line, write, &place);
    if (k->l1d.tag[place] != line) return wait; /* gone already, in a model with very few lines */
    cache_near_of(k, line)[write] = line;
    k->seen[place] |= CACHE_WALKED;
    return wait;
}

/* A line that l1i has in `bit` of a set, or makes room for there (bit 0), is fetched. */
ALWAYS_INLINE void fetched(struct caches *k, uint32_t line, uint32_t set, uint32_t bit)
{
    struct cache *c = &k->l1i;
    struct cache_set *s = &c->set[set];
    uint32_t *tag = c->tag + (set << c->shift);
    if (!bit) {
        bit = victim(c, s);
        unsettle_code(k, tag[way_of(bit)]); /* CACHE_NONE: nobody believes in that anyway */
        tag[way_of(bit)] = line;
    }
    for (uint32_t lost = cache_use(c, s, bit); lost; lost &= lost - 1) unsettle_code(k, tag[way_of(lost)]);
    k->fetch->near[line & (LINES_CODE - 1)] = line;
}

/* From farther than the second level, or there is none. Apart, so that what is mostly enough needs no stack frame. */
__attribute__((noinline)) static uint32_t code_from_far(struct caches *k, uint32_t line)
{
    uint32_t stall = from_far(k, line); /* may take lines out of this set, too */
    fetched(k, line, line & k->l1i.mask, 0);
    return stall;
}
__attribute__((noinline)) static void fetch_from_far(struct caches *k, uint32_t line)
{
    uint32_t wait = code_from_far(k, line);
    clock_charge(k->clock, CAUSE_STALL, wait);
}

/* A line that is not there comes from the second level. False: that does not have it, either, and nothing is done. */
ALWAYS_INLINE bool code_from_below(struct caches *k, uint32_t line, uint32_t set)
{
    const struct cache *below = &k->l2;
    const struct cache_home *home = cache_home_of(k, line);
    uint32_t row = home->set, there = home->bit;
    k->l1i.misses++;
    if (__builtin_expect(home->line != line, 0)) {
        row = line & below->mask;
        there = cache_find(below, row, line);
        if (!there) return false;
        found(k, line, row, there);
    }
    cache_use(below, &below->set[row], there);
    fetched(k, line, set, 0);
    return true;
}

uint32_t cache_code(struct caches *k, uint32_t line)
{
    uint32_t set = line & k->l1i.mask, bit = cache_find(&k->l1i, set, line);
    if (!bit) return code_from_below(k, line, set) ? k->l2.stall : code_from_far(k, line);
    fetched(k, line, set, bit);
    return 0;
}

void cache_fetch(struct caches *k, uint32_t line)
{
    uint32_t set = line & k->l1i.mask, bit = cache_find(&k->l1i, set, line);
    if (bit) fetched(k, line, set, bit);
    else if (code_from_below(k, line, set)) clock_charge(k->clock, CAUSE_STALL, k->l2.stall);
    else fetch_from_far(k, line);
}

/* ---- others ---- */

static void snoop_line(struct caches *k, uint32_t line, bool write)
{
    if (write) {
        leave_above(k, line);
        if (k->l2.ways) take_out(&k->l2, line);
        lost(k, line);
        if (k->l3.ways) take_out(&k->l3, line);
        return;
    }
    struct cache *all[] = { &k->l1d, &k->l2, &k->l3 };
    bool dirty = false;
    for (unsigned n = 0; n < 3; n++) {
        struct cache *c = all[n];
        uint32_t set = line & c->mask, bit = c->ways ? cache_find(c, set, line) : 0;
        if (!bit || !(c->set[set].dirty & bit)) continue;
        dirty = true;
        c->set[set].dirty &= (uint16_t)~bit;
        c->writebacks++;
        if (n) continue;
        k->lines->losses++;
        unsettle_data(k, (set << c->shift) + way_of(bit)); /* the next store makes it dirty again */
    }
    if (dirty) write_memory(k);
}

void cache_snoop(struct caches *k, uint32_t at, uint32_t n, bool write)
{
    if (!n) return;
    for (uint32_t line = at >> LINE_SHIFT; line <= (at + n - 1) >> LINE_SHIFT; line++) snoop_line(k, line, write);
}

static void empty(struct caches *k, struct cache *c, bool write)
{
    if (!c->ways) return;
    uint32_t sets = c->mask + 1;
    for (uint32_t s = 0; s < sets; s++) {
        if (write) {
            uint32_t n = (uint32_t)__builtin_popcount(c->set[s].dirty);
            c->writebacks += n;
            k->memory_writes += n;
        }
        c->set[s].both = 0;
    }
    memset(c->tag, 0xFF, cache_places(c) * sizeof *c->tag);
}

void caches_flush(struct caches *k, bool write)
{
    struct cache *all[] = { &k->l1i, &k->l1d, &k->l2, &k->l3 };
    for (unsigned n = 0; n < 4; n++) empty(k, all[n], write);
    memset(k->seen, 0, cache_places(&k->l1d) * sizeof *k->seen);
    lines_drop_all(k->lines);
    k->lines->losses++;
    for (unsigned n = 0; n < LINES_CODE; n++) k->fetch->near[n] = CACHE_NONE;
    memset(k->near, 0xFF, sizeof k->near);
    memset(k->home, 0xFF, sizeof *k->home * CACHE_HOMES);
}

static void make(struct cache *c, struct arena *a, uint32_t kb, uint32_t ways, uint8_t shift)
{
    uint32_t sets = kb ? kb * 1024 / LINE_SIZE / ways : 1; /* one that is not there has a set for those who look for a line */
    c->ways = (uint8_t)(kb ? ways : 0);
    c->lanes = ways > 8 ? 16 : 8;
    c->shift = shift ? shift : ways > 8 ? 4 : 3;
    c->all = (uint16_t)((1u << c->ways) - 1);
    c->mask = sets - 1;
    c->tag = arena_alloc(a, cache_places(c) * sizeof *c->tag);
    c->set = arena_alloc(a, sizeof *c->set * sets);
    if (!kb) memset(c->tag, 0xFF, cache_places(c) * sizeof *c->tag);
}

void caches_init(struct caches *k, const struct model *m, struct arena *a, struct lines *lines, struct fetch *fetch)
{
    const uint32_t *v = m->cost;
    *k = (struct caches){ .lines = lines, .fetch = fetch };
    make(&k->l1i, a, v[COST_L1I_KB], v[COST_L1I_WAYS], CACHE_FIRST);
    make(&k->l1d, a, v[COST_L1D_KB], v[COST_L1D_WAYS], CACHE_FIRST);
    make(&k->l2, a, v[COST_L2_KB], v[COST_L2_WAYS], 0);
    make(&k->l3, a, v[COST_L3_KB], v[COST_L3_WAYS], 0);
    k->l2.inclusive = v[COST_L2_INCLUSIVE], k->l2.stall = v[COST_L2_STALL];
    k->l3.inclusive = v[COST_L3_INCLUSIVE], k->l3.stall = v[COST_L3_STALL];
    k->seen = arena_alloc(a, cache_places(&k->l1d) * sizeof *k->seen);
    k->home = arena_alloc(a, sizeof *k->home * CACHE_HOMES);
    uint64_t ns = v[COST_MEMORY_NS];
    k->memory = (uint32_t)((ns * m->hz + 999999999) / 1000000000);
    k->line_most = k->memory > k->l3.stall ? k->memory : k->l3.stall;
    if (k->line_most < k->l2.stall) k->line_most = k->l2.stall;
    lines_reset(lines);
    caches_flush(k, false);
}
