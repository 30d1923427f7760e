/* Looking at TLBs, caches of walks and the lines of page tables: what is shown is what is there, and nothing changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <stdlib.h>
#include "sim/mmu/cache.h"
#include "sim/mmu/look.h"
#include "sim/mmu/pte.h"

enum { FRAMES = 4096, PD = 0x1000, PT = 0x2000, PAGES = 0x800000, LARGE = 0x400000, ROOM = 512 };
enum { P = PTE_P, W = PTE_W, U = PTE_U, PS = PTE_PS, G = PTE_G };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER, EX = ACCESS_EXEC };

static struct arena arena;
static struct clock time_ = { .hz = 1000000000 };
static struct model model;
static struct bus bus;
static struct tlb dtlb, itlb;
static struct mmu mmu;
static struct lines lines;
static struct fetch fetch;
static uint8_t *ram;
static struct xlat x;
static struct fault f;
static struct known_page list[ROOM];

static void put(uint32_t at, uint32_t entry) { memcpy(ram + at, &entry, 4); }
static void map(unsigned slot, uint32_t bits) { put(PT + 4 * slot, (PAGES + slot * PAGE_SIZE) | bits); }
static gva_t page(unsigned slot) { return gva(slot << 12 | 0x10); }
static bool go(gva_t at, unsigned access) { return mmu_translate(&mmu, at, access, &x, &f); }

static int begin(void **state)
{
    (void)state;
    assert_true(arena_init(&arena, 8 << 20));
    assert_true(model_find("nehalem", &model, NULL));
    ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&bus, ram, FRAMES, &time_, &arena);
    mmu_init(&mmu, &bus, &dtlb, &itlb, &time_, &model);
    assert_true(mmu_caches(&mmu, &arena, &lines, &fetch));
    put(PD, PT | P | W | U);
    put(PD + 4, LARGE | P | W | PS);
    for (unsigned i = 0; i < 64; i++) map(i, P | W | U);
    mmu_paging(&mmu, PAGING_CR0_PG | PAGING_CR0_WP | 1, PD, PAGING_CR4_PSE | PAGING_CR4_PGE);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_done(&arena);
    free(ram);
    return 0;
}

static const struct known_page *first(gva_t at, unsigned access, enum known_where where)
{
    unsigned n = mmu_known(&mmu, &at, access, mmu.space, list, ROOM);
    for (unsigned i = 0; i < n && i < ROOM; i++)
        if (list[i].where == where && list[i].va == (at.v & PAGE_MASK)) return &list[i];
    return NULL;
}

static uint8_t truth(unsigned slot)
{
    const struct known_page *k = first(page(slot), RD, KNOWN_DATA);
    assert_non_null(k);
    return k->truth;
}

static void test_entries(void **state)
{
    (void)state;
    map(7, P | W | U | G);
    assert_true(go(page(7), WR));
    const struct known_page *k = first(page(7), WR, KNOWN_DATA);
    assert_non_null(k);
    assert_int_equal(k->set, 7);
    assert_int_equal(k->frame, PAGES + 7 * PAGE_SIZE);
    assert_int_equal(k->rights, W | U | PTE_D | G);
    assert_true(k->serves && k->recent);
    assert_non_null(first(page(7), WR, KNOWN_SECOND));
    assert_null(first(page(7), EX, KNOWN_CODE)); /* data, not code */
    assert_true(go(page(9), RD));
    assert_false(first(page(9), WR, KNOWN_DATA)->serves); /* D must be set first */
    assert_true(first(page(9), RD | US, KNOWN_DATA)->serves);
    mmu_flush(&mmu, false);
    assert_non_null(first(page(7), RD, KNOWN_DATA)); /* global */
    assert_null(first(page(9), RD, KNOWN_DATA));
}

static void test_large(void **state)
{
    (void)state;
    const gva_t at = gva(LARGE + 0x5010), other = gva(LARGE + 0x3F0000);
    assert_true(go(at, WR));
    assert_int_equal(first(at, RD, KNOWN_DATA)->truth, KNOWN_SAME);
    unsigned n = mmu_known(&mmu, &other, RD, mmu.space, list, ROOM), whole = 0;
    for (unsigned i = 0; i < n; i++) whole += list[i].where == KNOWN_LARGE_DATA && list[i].serves && list[i].truth == KNOWN_SAME;
    assert_int_equal(whole, 1); /* another piece of the same page needs no walk */
}

static void test_stale(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 6; i++) assert_true(go(page(i), RD));
    assert_int_equal(truth(1), KNOWN_SAME);
    map(1, 0);
    assert_int_equal(truth(1), KNOWN_GONE);
    put(PT + 4 * 2, (PAGES + 99 * PAGE_SIZE) | P | W | U);
    assert_int_equal(truth(2), KNOWN_MOVED);
    map(3, P | U);
    assert_int_equal(truth(3), KNOWN_WIDER);
    mmu_invlpg(&mmu, page(3));
    assert_null(first(page(3), RD, KNOWN_DATA));
    assert_true(go(page(3), RD));
    map(3, P | W | U);
    assert_int_equal(truth(3), KNOWN_NARROWER);
    assert_int_equal(truth(4), KNOWN_SAME);
    assert_true(go(page(1), RD)); /* and still used, as SDM vol. 3A 4.10.4 permits */
}

/* Entries of other spaces are told apart, and nobody judges them. */
static void test_spaces(void **state)
{
    (void)state;
    struct space s = { .cr0 = mmu.cr0, .cr3 = PD, .cr4 = mmu.cr4, .vpid = 5, .tagged = true };
    mmu_space(&mmu, &s);
    assert_true(go(page(3), RD));
    const struct known_page *k = first(page(3), RD, KNOWN_DATA);
    assert_int_equal(k->vpid, 5);
    assert_true(k->serves);
    uint32_t number = mmu_space_tagged(&mmu, 5);
    s.vpid = 6;
    mmu_space(&mmu, &s);
    k = first(page(3), RD, KNOWN_DATA);
    assert_int_equal(k->truth, KNOWN_ELSEWHERE);
    assert_false(k->serves);
    const gva_t at = page(3);
    unsigned n = mmu_known(&mmu, &at, RD, number, list, ROOM), hits = 0;
    for (unsigned i = 0; i < n; i++) hits += list[i].serves;
    assert_int_not_equal(hits, 0); /* asked for the space it is of */
    assert_int_equal(mmu_space_tagged(&mmu, 77), UINT32_MAX);
}

static uint8_t home(gva_t at, unsigned i)
{
    assert_true(mmu_probe(&mmu, at, RD, &x, &f));
    mmu_homes(&mmu, &x);
    return x.ref[i].home;
}

static void test_homes(void **state)
{
    (void)state;
    assert_int_equal(home(page(1), 0), HOME_MEMORY);
    assert_int_equal(home(page(1), 1), HOME_MEMORY);
    assert_true(go(page(1), RD));
    assert_int_equal(home(page(2), 0), HOME_L1);
    assert_int_equal(home(page(2), 1), HOME_L1);    /* the same line of the table */
    assert_int_equal(home(page(40), 1), HOME_MEMORY); /* another */
    for (uint32_t a = 0; a < 64 << 10; a += 64) mmu_touch(&mmu, hpa(0x400000 + a), 4, false);
    assert_int_equal(home(page(2), 1), HOME_L2);
    for (uint32_t a = 0; a < 1 << 20; a += 64) mmu_touch(&mmu, hpa(0x400000 + a), 4, false);
    assert_int_equal(home(page(2), 1), HOME_L3);
    mmu_empty(&mmu, true);
    assert_int_equal(home(page(2), 1), HOME_MEMORY);
}

static void test_walk_caches(void **state)
{
    struct known_walk walks[ROOM];
    (void)state;
    mmu.cache.dimensions = 1;
    assert_true(go(page(1), RD)); /* sets A */
    assert_true(go(page(2), RD)); /* keeps the directory's entry */
    assert_int_equal(mmu_known_walks(&mmu, walks, ROOM), 1);
    assert_int_equal(walks[0].kind, KNOWN_FIRST);
    assert_int_equal(walks[0].at, PD);
    assert_int_equal(walks[0].truth, KNOWN_SAME);
    put(PD, 0x5000 | P | W | U);
    assert_int_equal(mmu_known_walks(&mmu, walks, ROOM), 1);
    assert_int_equal(walks[0].truth, KNOWN_MOVED);
}

/* Looking, in any state, leaves every byte as it was. */
static void test_looking_changes_nothing(void **state)
{
    (void)state;
    struct known_walk walks[ROOM];
    for (unsigned i = 0; i < 40; i++) assert_true(go(page(i), i & 1 ? RD : WR));
    assert_true(go(page(3), EX));
    struct mmu m = mmu;
    struct tlb d = dtlb, c = itlb;
    uint64_t now = time_.now;
    uint8_t *before = malloc((size_t)FRAMES * PAGE_SIZE), *kept = malloc(arena.used);
    memcpy(before, ram, (size_t)FRAMES * PAGE_SIZE);
    memcpy(kept, arena.base, arena.used);
    for (unsigned i = 0; i < 64; i++) {
        const gva_t at = page(i);
        (void)mmu_known(&mmu, i & 1 ? &at : NULL, i & 2 ? EX : WR, mmu.space, list, ROOM);
        (void)mmu_known_walks(&mmu, walks, ROOM);
        (void)home(at, 1);
    }
    assert_memory_equal(&m, &mmu, sizeof m);
    assert_memory_equal(&d, &dtlb, sizeof d);
    assert_memory_equal(&c, &itlb, sizeof c);
    assert_memory_equal(before, ram, (size_t)FRAMES * PAGE_SIZE);
    assert_memory_equal(kept, arena.base, arena.used);
    assert_int_equal(time_.now, now);
    free(before);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries, begin, end),     cmocka_unit_test_setup_teardown(test_large, begin, end),
        cmocka_unit_test_setup_teardown(test_stale, begin, end),       cmocka_unit_test_setup_teardown(test_spaces, begin, end),
        cmocka_unit_test_setup_teardown(test_homes, begin, end),       cmocka_unit_test_setup_teardown(test_walk_caches, begin, end),
        cmocka_unit_test_setup_teardown(test_looking_changes_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
