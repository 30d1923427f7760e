/* The IOMMU: tables of three widths, rights, large pages, what is cached until it is invalidated, fault records and their message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/iommu.h"

enum { FRAMES = 1024, ROOT = 0x10000, CONTEXTS = 0x11000, TABLES = 0x20000, DEVICE = 0x18, DOMAIN = 5 };
enum { GCMD = 0x18, GSTS = 0x1C, RTADDR = 0x20, CCMD = 0x28, FSTS = 0x34, FECTL = 0x38, FEDATA = 0x3C, FEADDR = 0x40, IOTLB = 0x108, IVA = 0x100,
       FRCD = 0x200 };
enum { R = 1, W = 2, LARGE = 0x80 };

static struct {
    struct clock clock;
    struct arena arena;
    struct bus bus;
    struct iommu u;
    struct bus_master m;
    uint8_t *ram;
    unsigned messages, aborts;
    uint32_t at, data;
} w;

static void on_message(void *self, uint32_t at, uint32_t data)
{
    (void)self;
    w.messages++, w.at = at, w.data = data;
}
static void on_abort(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    w.aborts += level;
}

static void put64(uint32_t at, uint64_t v) { memcpy(w.ram + at, &v, 8); }
static uint32_t get(unsigned at) { return bus_read(&w.bus, hpa(IOMMU_BASE + at), 4); }
static void set(unsigned at, uint32_t v) { bus_write(&w.bus, hpa(IOMMU_BASE + at), 4, v); }

/* The device's context: `width` 0, 1, 2 for tables of two, three, four levels, the topmost at TABLES. */
static void context(uint64_t low, unsigned width)
{
    put64(ROOT, CONTEXTS | 1);
    put64(CONTEXTS + DEVICE * 16, low);
    put64(CONTEXTS + DEVICE * 16 + 8, (uint64_t)DOMAIN << 8 | width);
}

static void turn_on(void)
{
    set(RTADDR, ROOT);
    set(GCMD, 0x40000000);
    set(GCMD, 0x80000000);
    assert_int_equal(get(GSTS), 0xC0000000);
}

/* Tables so that the page at `at` leads to `leaf`; each level has a page of its own. */
static void map(unsigned levels, uint32_t at, uint64_t leaf, uint64_t upper)
{
    for (unsigned level = levels; level; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint32_t table = TABLES + (levels - level) * 0x1000, index = shift >= 32 ? 0 : at >> shift & 511;
        put64(table + 8 * index, level == 1 ? leaf : (table + 0x1000) | upper);
    }
}

static int setup(void **state)
{
    (void)state;
    struct err e = { 0 };
    memset(&w, 0, sizeof w);
    w.clock.hz = 1000000000;
    assert_true(arena_init(&w.arena, 8 << 20));
    w.ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&w.bus, w.ram, FRAMES, &w.clock, &w.arena);
    iommu_init(&w.u, (struct message_line){ on_message, NULL });
    assert_true(iommu_attach(&w.u, &w.bus, &e));
    w.m = (struct bus_master){ .bus = &w.bus, .map = iommu_map(&w.u), .source = DEVICE, .enabled = true, .abort = { on_abort, NULL, 0 } };
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    free(w.ram);
    arena_done(&w.arena);
    return 0;
}

static bool store(uint32_t at, uint32_t v) { return busmaster_write(&w.m, at, &v, 4); }
static bool load(uint32_t at, uint32_t *v) { return busmaster_read32(&w.m, at, v); }
static uint32_t word(uint32_t at)
{
    uint32_t v;
    memcpy(&v, w.ram + at, 4);
    return v;
}

static void off_means_through(void **state)
{
    (void)state;
    assert_true(store(0x5000, 0x1234));
    assert_int_equal(word(0x5000), 0x1234);
    assert_int_equal(w.u.refs, 0);
}

static void three_widths(void **state)
{
    for (unsigned levels = 2; levels <= 4; levels++) {
        teardown(state);
        setup(state);
        context(TABLES | 1, levels - 2);
        map(levels, 0x00345000, 0x7000 | R | W, R | W);
        turn_on();
        assert_true(store(0x00345678, 0xABCD));
        assert_int_equal(word(0x7678), 0xABCD);
        assert_int_equal(w.u.refs, 4 + levels); /* root and context, two quadwords each */
        uint32_t v;
        assert_true(load(0x00345678, &v));
        assert_int_equal(v, 0xABCD);
        assert_int_equal(w.u.refs, 4 + levels);
        assert_int_equal(w.u.hits, 1);
    }
}

static void large_page(void **state)
{
    (void)state;
    context(TABLES | 1, 1);
    put64(TABLES, (TABLES + 0x1000) | R | W);
    put64(TABLES + 0x1000 + 8 * 3, 0x200000 | LARGE | R | W);
    turn_on();
    assert_true(store(0x612344, 77));
    assert_int_equal(word(0x212344), 77);
    put64(TABLES + 8, 0x40000000 | LARGE | R | W); /* 1 GB: not offered */
    assert_false(store(0x40000000, 1));
    assert_int_equal(w.u.fault[0][1] >> 32 & 0xFF, IOMMU_TABLE_RESERVED);
}

/* What is wrong, and the reason that is written down. */
static void refusals(void **state)
{
    static const struct { uint64_t root, low; unsigned width; uint64_t leaf, upper; bool write; unsigned why; } row[] = {
        { 0, TABLES | 1, 1, 0x7003, 3, true, IOMMU_NO_ROOT },
        { CONTEXTS | 3, TABLES | 1, 1, 0x7003, 3, true, IOMMU_ROOT_RESERVED },
        { 0xFFFFF000 | 1, TABLES | 1, 1, 0x7003, 3, true, IOMMU_CONTEXT_ACCESS },
        { CONTEXTS | 1, TABLES, 1, 0x7003, 3, true, IOMMU_NO_CONTEXT },
        { CONTEXTS | 1, TABLES | 1 | 4, 1, 0x7003, 3, true, IOMMU_BAD_CONTEXT },
        { CONTEXTS | 1, TABLES | 1, 3, 0x7003, 3, true, IOMMU_BAD_CONTEXT },
        { CONTEXTS | 1, TABLES | 1 | 0x10, 1, 0x7003, 3, true, IOMMU_CONTEXT_RESERVED },
        { CONTEXTS | 1, 0xFFFFF000 | 1, 1, 0x7003, 3, true, IOMMU_TABLE_ACCESS },
        { CONTEXTS | 1, TABLES | 1, 1, 0x7001, 3, true, IOMMU_NO_WRITE },
        { CONTEXTS | 1, TABLES | 1, 1, 0x7003, 1, true, IOMMU_NO_WRITE },
        { CONTEXTS | 1, TABLES | 1, 1, 0x7002, 3, false, IOMMU_NO_READ },
        { CONTEXTS | 1, TABLES | 1, 1, 0, 3, false, IOMMU_NO_READ },
        { CONTEXTS | 1, TABLES | 1, 1, 0x7003, 0, true, IOMMU_NO_WRITE },
    };
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        teardown(state);
        setup(state);
        context(row[i].low, row[i].width);
        put64(ROOT, row[i].root);
        map(3, 0x1000, row[i].leaf, row[i].upper);
        turn_on();
        uint32_t v;
        assert_false(row[i].write ? store(0x1234, 1) : load(0x1234, &v));
        assert_int_equal(w.u.fault[0][1] >> 32 & 0xFF, row[i].why);
        assert_int_equal(w.u.fault[0][1] & 0xFFFF, DEVICE);
        assert_int_equal(w.u.fault[0][1] >> 62, row[i].write ? 2 : 3);
        assert_int_equal(w.u.fault[0][0], 0x1000);
        assert_int_equal(get(FSTS), 2);
        assert_int_equal(w.aborts, 0);
    }
}

static void another_device_has_no_way(void **state)
{
    (void)state;
    context(TABLES | 1, 1);
    map(3, 0x1000, 0x7003, 3);
    turn_on();
    assert_true(store(0x1000, 1));
    w.m.source = DEVICE + 1;
    assert_false(store(0x1000, 2));
    assert_int_equal(word(0x7000), 1);
    assert_int_equal(w.u.fault[0][1] & 0xFFFF, DEVICE + 1);
}

static void stale_until_invalidated(void **state)
{
    (void)state;
    static const struct { uint32_t low, high; uint32_t iva; bool goes; } flush[] = {
        { 0, 0x90000000, 0, true },                /* all */
        { 0, 0xA0000000 | DOMAIN, 0, true },       /* the domain */
        { 0, 0xA0000000 | (DOMAIN + 1), 0, false },
        { 0, 0xB0000000 | DOMAIN, 0x1000, true },  /* the page */
        { 0, 0xB0000000 | DOMAIN, 0x2000, false },
        { 0, 0xB0000000 | DOMAIN, 0x0000 | 1, true }, /* two pages */
        { 0, 0xB0000000 | DOMAIN, 0x2000 | 1, false },
    };
    for (unsigned i = 0; i < sizeof flush / sizeof flush[0]; i++) {
        teardown(state);
        setup(state);
        context(TABLES | 1, 1);
        map(3, 0x1000, 0x7003, 3);
        turn_on();
        assert_true(store(0x1000, 1));
        map(3, 0x1000, 0x8003, 3);
        assert_true(store(0x1000, 2));
        assert_int_equal(word(0x7000), 2); /* the old way */
        set(IVA, flush[i].iva);
        set(IOTLB, flush[i].low);
        set(IOTLB + 4, flush[i].high);
        assert_int_equal(get(IOTLB + 4) >> 31, 0);
        assert_int_equal(get(IOTLB + 4) >> 25 & 3, flush[i].high >> 28 & 3);
        assert_true(store(0x1000, 3));
        assert_int_equal(word(flush[i].goes ? 0x8000 : 0x7000), 3);
    }
}

static void contexts_are_cached(void **state)
{
    (void)state;
    context(TABLES | 1, 1);
    map(3, 0x1000, 0x7003, 3);
    turn_on();
    assert_true(store(0x1000, 1));
    context(0, 1);
    set(IOTLB + 4, 0x90000000);
    assert_true(store(0x1000, 2));
    set(CCMD, DEVICE << 16 | (DOMAIN + 1)); /* another domain's */
    set(CCMD + 4, 0xE0000000);
    assert_true(store(0x1000, 3));
    set(CCMD, DEVICE << 16 | DOMAIN);
    set(CCMD + 4, 0xE0000000);
    assert_int_equal(get(CCMD + 4) >> 27 & 3, 3); /* done, device-selective */
    assert_false(store(0x1000, 4));
    assert_int_equal(word(0x7000), 3);
}

static void faults_are_told(void **state)
{
    (void)state;
    context(TABLES | 1, 1);
    turn_on();
    set(FEDATA, 0x4051);
    set(FEADDR, 0xFEE01000);
    assert_false(store(0x1000, 1));
    assert_int_equal(w.messages, 0); /* masked at power-on */
    assert_int_equal(get(FECTL), 0xC0000000);
    set(FECTL, 0);
    assert_int_equal(w.messages, 1);
    assert_int_equal(w.at, 0xFEE01000);
    assert_int_equal(w.data, 0x4051);
    for (unsigned i = 2; i <= IOMMU_FAULTS; i++) assert_false(store(i * 0x1000, 1));
    assert_false(store(0x1000, 1)); /* alike: no new record */
    assert_int_equal(get(FSTS) & 1, 0);
    assert_false(store(0x9000, 1));
    assert_int_equal(get(FSTS) & 1, 1);
    assert_int_equal(w.messages, 2); /* of the overflow; while records are pending nobody is told of another */
    for (unsigned i = 0; i < IOMMU_FAULTS; i++) set(FRCD + 16 * i + 12, 0x80000000);
    set(FSTS, 1);
    assert_int_equal(get(FSTS) & 3, 0);
    assert_false(store(0x9000, 1));
    assert_int_equal(w.messages, 3);
}

static void quiet_contexts(void **state)
{
    (void)state;
    context(TABLES | 3, 1); /* fault processing disabled */
    turn_on();
    assert_false(store(0x1000, 1));
    assert_int_equal(get(FSTS), 0);
    assert_int_equal(w.u.refused, 1);
}

static void what_it_can(void **state)
{
    (void)state;
    assert_int_equal(get(0), 0x10);
    assert_int_equal(get(8) & 7, 2);
    assert_int_equal(get(8) >> 8 & 0x1F, 7);
    assert_int_equal(get(0x0C) >> 8 & 0xFF, IOMMU_FAULTS - 1);
    assert_int_equal((get(8) >> 24 | (get(0xC) & 3) << 8) * 16, FRCD);
    assert_int_equal((get(0x10) >> 8 & 0x3FF) * 16, IVA);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(off_means_through), T(three_widths), T(large_page), T(refusals), T(another_device_has_no_way), T(stale_until_invalidated),
        T(contexts_are_cached), T(faults_are_told), T(quiet_contexts), T(what_it_can),
    };
    return cmocka_run_group_tests_name("io_iommu", tests, NULL, NULL);
}
