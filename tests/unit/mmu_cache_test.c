/* Caches: geometry, who makes room, write-back, inclusion, stalls, devices beside the CPU. The property test compares every
 * reference with a second implementation that searches lists and has one function for all levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/mmu/bring.h"

enum { L1D, L1I, L2, L3, LEVELS };
static const struct { enum cost kb, ways; } geometry[LEVELS] = {
    { COST_L1D_KB, COST_L1D_WAYS }, { COST_L1I_KB, COST_L1I_WAYS }, { COST_L2_KB, COST_L2_WAYS }, { COST_L3_KB, COST_L3_WAYS },
};

static struct world {
    struct arena arena;
    struct model model;
    struct caches k;
    struct lines lines;
    struct fetch fetch;
    struct clock clock;
    struct tlb_entry page;
} w;

struct shape { uint32_t kb[LEVELS], ways[LEVELS], inclusive[2]; }; /* of L2, L3 */

static struct cache *real(unsigned level)
{
    struct cache *all[LEVELS] = { &w.k.l1d, &w.k.l1i, &w.k.l2, &w.k.l3 };
    return all[level];
}

static void make(const struct shape *s)
{
    struct err e = { 0 };
    assert_true(model_find("p4", &w.model, &e));
    for (unsigned l = 0; l < LEVELS; l++) {
        w.model.cost[geometry[l].kb] = s->kb[l];
        w.model.cost[geometry[l].ways] = s->ways[l];
    }
    w.model.cost[COST_L2_STALL] = 10, w.model.cost[COST_L3_STALL] = 30, w.model.cost[COST_MEMORY_NS] = 100; /* 380 cycles */
    w.model.cost[COST_L2_INCLUSIVE] = s->inclusive[0], w.model.cost[COST_L3_INCLUSIVE] = s->inclusive[1];
    if (!model_check(&w.model, &e)) fail_msg("%s", e.text);
    if (w.arena.base) arena_done(&w.arena);
    assert_true(arena_init(&w.arena, 64 << 20));
    caches_init(&w.k, &w.model, &w.arena, &w.lines, &w.fetch);
    w.k.clock = &w.clock;
}

static uint32_t data(uint32_t line, bool write)
{
    uint32_t at;
    return cache_data(&w.k, line, write, &at);
}

static uint32_t pass(uint32_t first, uint32_t lines, bool write)
{
    uint32_t sum = 0;
    for (uint32_t n = 0; n < lines; n++) sum += data(first + n, write);
    return sum;
}

/* ---- what a reader of a data sheet expects ---- */

static const struct shape two = { { 8, 8, 64, 0 }, { 4, 4, 8, 0 }, { 0, 0 } };

static void what_fits_stays(void **state)
{
    (void)state;
    make(&two);
    assert_int_equal(pass(0, 128, false), 128 * 380); /* 8 KB, all from memory */
    assert_int_equal(pass(0, 128, false), 0);
    assert_int_equal(pass(128, 64, false), 64 * 380); /* half of it goes */
    assert_int_equal(w.k.l1d.misses, 192);
    pass(192, 1024 - 192, false); /* 64 KB by now: all of the second level */
    assert_int_equal(w.k.memory_reads, 1024);
    assert_true(pass(0, 1024, false) <= 1024 * 10);
    assert_int_equal(w.k.memory_reads, 1024);
}

static void ways_of_a_set(void **state)
{
    (void)state;
    make(&two);
    for (uint32_t n = 0; n < 4; n++) assert_int_equal(data(32 * n, false), 380); /* 32 sets: all the same one */
    for (uint32_t n = 0; n < 4; n++) assert_int_equal(data(32 * n, false), 0);
    assert_int_equal(data(32 * 4, false), 380);
    unsigned there = 0;
    for (uint32_t n = 0; n < 5; n++) there += cache_has(&w.k.l1d, 32 * n, NULL);
    assert_int_equal(there, 4);
    assert_true(cache_has(&w.k.l1d, 32 * 4, NULL));
    assert_true(cache_has(&w.k.l1d, 32 * 3, NULL)); /* the last one used is not the one that goes */
}

static void code_has_its_own(void **state)
{
    (void)state;
    make(&two);
    assert_int_equal(cache_code(&w.k, 7), 380);
    assert_int_equal(cache_code(&w.k, 7), 0);
    assert_int_equal(data(7, false), 10); /* the second level is for both */
    assert_int_equal(w.k.memory_reads, 1);
}

static void stores_are_written_back(void **state)
{
    (void)state;
    make(&two);
    bool dirty;
    data(0, true);
    assert_true(cache_has(&w.k.l1d, 0, &dirty) && dirty);
    assert_true(cache_has(&w.k.l2, 0, &dirty) && !dirty);
    for (uint32_t n = 1; n < 8; n++) data(32 * n, false);
    assert_false(cache_has(&w.k.l1d, 0, NULL));
    assert_true(cache_has(&w.k.l2, 0, &dirty) && dirty);
    assert_int_equal(w.k.l1d.writebacks, 1);
    assert_int_equal(w.k.memory_writes, 0);
    for (uint32_t n = 1; n < 32; n++) data(128 * n, false); /* the same set of the second level */
    assert_int_equal(w.k.memory_writes, 1);
}

static void inclusion(void **state)
{
    (void)state;
    for (unsigned inclusive = 0; inclusive < 2; inclusive++) {
        make(&(struct shape){ { 8, 8, 8, 0 }, { 4, 4, 1, 0 }, { inclusive, 0 } });
        data(0, true);
        cache_code(&w.k, 0);
        data(128, false); /* takes the only place in the second level */
        assert_int_equal(cache_has(&w.k.l1d, 0, NULL), !inclusive);
        assert_int_equal(cache_has(&w.k.l1i, 0, NULL), !inclusive);
        assert_int_equal(w.k.memory_writes, inclusive);
    }
}

static void devices_see_and_take_lines(void **state)
{
    (void)state;
    make(&two);
    bool dirty;
    data(5, true);
    data(6, false);
    cache_snoop(&w.k, 5 * 64 + 60, 8, false); /* reads the end of one and the beginning of the next */
    assert_int_equal(w.k.memory_writes, 1);
    assert_true(cache_has(&w.k.l1d, 5, &dirty) && !dirty);
    assert_int_equal(data(5, false) + data(6, false), 0);
    cache_snoop(&w.k, 5 * 64, 64, true);
    assert_false(cache_has(&w.k.l1d, 5, NULL) || cache_has(&w.k.l2, 5, NULL));
    assert_int_equal(data(5, false), 380);
    assert_int_equal(data(6, false), 0);
    assert_int_equal(cache_code(&w.k, 9), 380);
    cache_snoop(&w.k, 9 * 64, 1, true);
    assert_int_equal(cache_code(&w.k, 9), 380);
}

static void flushes(void **state)
{
    (void)state;
    make(&two);
    pass(0, 10, true);
    caches_flush(&w.k, true); /* WBINVD */
    assert_int_equal(w.k.memory_writes, 10);
    assert_int_equal(pass(0, 10, true), 3800);
    caches_flush(&w.k, false); /* INVD */
    assert_int_equal(w.k.memory_writes, 10);
    assert_int_equal(pass(0, 10, true), 3800);
}

/* ---- against another implementation ---- */

struct place { uint32_t line; bool valid, recent, dirty; };
struct level { struct place p[4096]; uint32_t sets, ways; bool inclusive; uint32_t stall; uint64_t misses, writebacks; };
static struct level o[LEVELS];
static uint64_t reads, writes;

static struct place *find(unsigned l, uint32_t line)
{
    struct place *s = &o[l].p[line % (o[l].sets ? o[l].sets : 1) * o[l].ways];
    for (unsigned k = 0; k < o[l].ways; k++)
        if (s[k].valid && s[k].line == line) return &s[k];
    return NULL;
}

static void touch(unsigned l, struct place *p)
{
    struct place *s = &o[l].p[p->line % o[l].sets * o[l].ways];
    unsigned recent = 0;
    p->recent = true;
    for (unsigned k = 0; k < o[l].ways; k++) recent += s[k].recent;
    for (unsigned k = 0; recent == o[l].ways && k < o[l].ways; k++) s[k].recent = &s[k] == p;
}

static bool drop(unsigned l, uint32_t line)
{
    struct place *p = find(l, line);
    bool dirty = p && p->dirty;
    if (p) *p = (struct place){ 0 };
    return dirty;
}

static unsigned below(unsigned l) { return l < L2 ? L2 : l == L2 ? L3 : LEVELS; }
static bool is_there(unsigned l) { return l < LEVELS && o[l].ways; }
static struct place *put(unsigned l, uint32_t line, bool dirty);

/* A dirty line comes to a level, or to memory. */
static void write_to(unsigned l, uint32_t line)
{
    if (!is_there(l)) {
        writes++;
        return;
    }
    struct place *p = find(l, line);
    if (!p) p = put(l, line, true);
    else touch(l, p);
    p->dirty = true;
}

/* What leaves an inclusive level leaves those above. */
static bool leave(unsigned l, uint32_t line)
{
    bool dirty = false;
    for (unsigned up = 0; up < l; up++) {
        bool was = drop(up, line);
        o[up].writebacks += was;
        dirty |= was;
    }
    return dirty;
}

static struct place *put(unsigned l, uint32_t line, bool dirty)
{
    struct place *s = &o[l].p[line % o[l].sets * o[l].ways], *p = s;
    while (p < s + o[l].ways && p->recent) p++;
    if (p == s + o[l].ways) p = s;
    struct place gone = *p;
    *p = (struct place){ .line = line, .valid = true, .dirty = dirty };
    bool old = gone.valid && gone.dirty;
    if (gone.valid && l >= L2 && o[l].inclusive) old |= leave(l, gone.line);
    touch(l, p);
    if (old) {
        o[l].writebacks++;
        write_to(below(l), gone.line);
    }
    return p;
}

static uint32_t get(unsigned l, uint32_t line, bool write)
{
    if (!is_there(l)) return reads++, 380;
    struct place *p = find(l, line);
    uint32_t stall = o[l].stall;
    if (p) touch(l, p);
    else {
        o[l].misses++;
        stall = get(below(l), line, false);
        p = put(l, line, write);
    }
    p->dirty |= write;
    return stall;
}

static void snoop(uint32_t line, bool write)
{
    bool dirty = false;
    for (unsigned l = 0; l < LEVELS; l++) {
        struct place *p = is_there(l) ? find(l, line) : NULL;
        if (p && p->dirty && (!write || l == L1D)) o[l].writebacks++;
        if (p) dirty |= p->dirty, p->dirty = false;
        if (p && write) *p = (struct place){ 0 };
    }
    writes += dirty && !write;
}

/* The same as the MMU does it for most misses, in place, or else by cache_bring; memory is where it is. */
static unsigned near_ones;
static uint32_t brought(uint32_t line, bool write)
{
    uint64_t from = w.clock.now;
    if (cache_find(&w.k.l1d, line & w.k.l1d.mask, line)) return data(line, write);
    bool near = write ? cache_bring_near(&w.k, &w.page, line, line * 64, ACCESS_WRITE)
                      : cache_bring_near(&w.k, &w.page, line, line * 64, ACCESS_USER);
    near_ones += near;
    if (!near) cache_bring(&w.k, &w.page, line, line * 64, write ? ACCESS_WRITE : ACCESS_USER);
    const struct line_tag *t = lines_find(&w.lines, !write, line * 64);
    assert_true(t->tag[0] == line * 64 || !cache_has(&w.k.l1d, line, NULL));
    return (uint32_t)(w.clock.now - from);
}

/* Whatever is believed without looking. */
static void beliefs(void)
{
    for (unsigned n = 0; n < CACHE_HOMES; n++) {
        const struct cache_home *h = &w.k.home[n];
        if (h->line != CACHE_NONE) assert_true(h->set == (h->line & w.k.l2.mask) && h->bit == cache_find(&w.k.l2, h->set, h->line));
    }
    for (unsigned n = 0; n < 2 * LINES; n++) {
        const struct line_tag *t = &w.lines.e[n / LINES][n % LINES];
        bool dirty;
        if (t->tag[0] == LINE_NO_TAG) continue;
        uint32_t line = t->tag[0] / 64, set = line & w.k.l1d.mask, bit = cache_find(&w.k.l1d, set, line);
        assert_true(cache_has(&w.k.l1d, line, &dirty) && (w.k.l1d.set[set].recent & bit));
        assert_true(t->tag[1] == LINE_NO_TAG || dirty);
    }
}

static void compare(unsigned round)
{
    beliefs();
    for (unsigned l = 0; l < LEVELS; l++) {
        if (o[l].misses != real(l)->misses) fail_msg("round %u: misses of level %u", round, l);
        if (o[l].writebacks != real(l)->writebacks) fail_msg("round %u: write-backs of level %u", round, l);
        for (unsigned s = 0; s < o[l].sets; s++)
            for (unsigned k = 0; k < o[l].ways; k++) {
                const struct place *p = &o[l].p[s * o[l].ways + k];
                bool dirty, there = cache_has(real(l), p->line, &dirty);
                if (p->valid && (!there || dirty != p->dirty)) fail_msg("round %u: level %u, line %u", round, l, p->line);
                if (p->valid && o[l].inclusive) continue;
                if (p->valid && l < L2 && is_there(L2) && o[L2].inclusive) assert_non_null(find(L2, p->line));
                if (p->valid && is_there(L3) && o[L3].inclusive) assert_non_null(find(L3, p->line));
            }
    }
    assert_int_equal(reads, w.k.memory_reads);
    assert_int_equal(writes, w.k.memory_writes);
}

static uint32_t chance(uint32_t n)
{
    static uint32_t seed = 5;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void another_implementation_agrees(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        { { 1, 1, 4, 0 }, { 2, 2, 4, 0 }, { 0, 0 } },     { { 1, 1, 0, 0 }, { 8, 4, 0, 0 }, { 0, 0 } },
        { { 1, 2, 4, 8 }, { 8, 4, 8, 16 }, { 0, 1 } },    { { 2, 2, 4, 0 }, { 1, 1, 1, 0 }, { 1, 0 } },
        { { 2, 1, 4, 16 }, { 4, 2, 8, 16 }, { 1, 1 } },   { { 1, 1, 2, 4 }, { 16, 16, 2, 4 }, { 0, 0 } },
        { { 3, 3, 6, 24 }, { 6, 12, 12, 12 }, { 1, 0 } }, { { 2, 2, 4, 4 }, { 2, 2, 4, 4 }, { 0, 1 } },
    };
    for (unsigned n = 0; n < sizeof shapes / sizeof shapes[0]; n++) {
        const struct shape *s = &shapes[n];
        make(s);
        memset(o, 0, sizeof o);
        reads = writes = 0;
        for (unsigned l = 0; l < LEVELS; l++) {
            o[l].ways = s->kb[l] ? s->ways[l] : 0;
            o[l].sets = o[l].ways ? s->kb[l] * 16 / o[l].ways : 0;
            o[l].inclusive = l >= L2 && s->inclusive[l - L2];
            o[l].stall = l == L2 ? 10 : l == L3 ? 30 : 0;
        }
        for (unsigned round = 0; round < 40000; round++) {
            uint32_t line = chance(round % 3000 < 1500 ? 400 : 40), what = chance(100), was = 0, is = 0;
            if (what < 40) was = get(L1D, line, false), is = what & 1 ? data(line, false) : brought(line, false);
            else if (what < 65) was = get(L1D, line, true), is = what & 1 ? data(line, true) : brought(line, true);
            else if (what < 98) was = get(L1I, line, false), is = cache_code(&w.k, line);
            else {
                snoop(line, what & 1);
                cache_snoop(&w.k, line * 64, 64, what & 1);
            }
            if (was != is) fail_msg("shape %u, round %u: stalls %u, not %u", n, round, is, was);
            if (!(round % 97)) compare(round);
        }
    }
    assert_in_range(near_ones, 5000, 8 * 40000);
}

/* The models' own: what is told of them is what a program sees. */
static void models(void **state)
{
    (void)state;
    static const struct { const char *name; uint32_t l2_hit, l3_hit, memory; } as[] = {
        { "p4", 16, 0, 304 }, { "core2", 12, 0, 0 }, { "nehalem", 7, 34, 0 },
    };
    for (unsigned n = 0; n < 3; n++) {
        struct err e = { 0 };
        assert_true(model_find(as[n].name, &w.model, &e));
        arena_done(&w.arena);
        assert_true(arena_init(&w.arena, 64 << 20));
        caches_init(&w.k, &w.model, &w.arena, &w.lines, &w.fetch);
        uint32_t l1 = w.model.cost[COST_L1D_KB] * 16, l2 = w.model.cost[COST_L2_KB] * 16;
        uint32_t memory = data(0, false);
        if (as[n].memory) assert_int_equal(memory, as[n].memory);
        assert_int_equal(memory, (w.model.cost[COST_MEMORY_NS] * w.model.hz + 999999999) / 1000000000);
        pass(1, l1, false); /* all of the first level is something else now */
        pass(1, l1, false);
        assert_int_equal(data(0, false), as[n].l2_hit);
        if (!as[n].l3_hit) continue;
        for (unsigned k = 0; k < 3; k++) pass(1, 2 * l2, false);
        assert_int_equal(data(0, false), as[n].l3_hit);
    }
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&w.arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_stays), cmocka_unit_test(ways_of_a_set), cmocka_unit_test(code_has_its_own),
        cmocka_unit_test(stores_are_written_back), cmocka_unit_test(inclusion), cmocka_unit_test(devices_see_and_take_lines),
        cmocka_unit_test(flushes), cmocka_unit_test(another_implementation_agrees), cmocka_unit_test(models),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
