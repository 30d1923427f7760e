/* Caches of walks and TLB against memory: tables of both dimensions change at random, some changes are told (INVLPG, MOV to CR3,
 * INVVPID, INVEPT) and some are not. What an access comes to is then what memory says, or what it said since it was told last: nothing
 * else. SDM vol. 3A 4.10.2-4.10.4, 3C 28.3.3.
 *
 * Idea: the judge keeps no cache but sets. For each linear page: the guest frames that any mixture of entries since the last
 * invalidation could have given; for each of those the machine frames since the last INVEPT. An absent entry is never remembered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/second.h"

enum { RAM = 16 << 20, ROOT = 0x100000, GUEST = 0x800000, TABLES = 4, SLOTS = 3, INDEXES = 4, PAGES = SLOTS * INDEXES, FRAMES = 16,
       DIRECTORY = 0x10000, TABLE0 = 0x20000, FRAME0 = 0x40 /* guest frames */, FRESH = 0x100 /* machine frames of the VM, beyond */, STEPS = 60000 };

static struct arena arena;
static struct clock time_ = { .hz = 1000000000 };
static struct model model;
static struct bus bus;
static struct tlb dtlb, itlb;
static struct mmu mmu;
static uint8_t *ram;
static unsigned levels;

/* As memory has it: directory slot -> table, table and index -> guest frame (0: absent), guest frame -> machine frame. */
static uint32_t directory[SLOTS], entry[TABLES][INDEXES], machine_frame[FRAMES];
/* What may be remembered. */
static uint32_t tables_seen[SLOTS];                 /* bits: tables */
static uint32_t frames_seen[PAGES];                 /* bits: guest frames */
static uint32_t machine_seen[FRAMES][256], seen[FRAMES];

static uint64_t state;
static uint32_t chance(uint32_t n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % n;
}

static void put(uint32_t at, uint64_t v, unsigned n) { memcpy(ram + at, &v, n); }
static uint32_t second_table(unsigned level) { return level == levels ? ROOT : ROOT + 0x8000 + level * PAGE_SIZE; }
static uint32_t second_leaf(uint32_t frame) { return second_table(1) + 8 * frame; }

/* Whatever the tables in sight say now may be seen by a walk now. */
static void look(void)
{
    for (unsigned p = 0; p < PAGES; p++)
        for (unsigned t = 0; t < TABLES; t++) {
            uint32_t f = entry[t][p % INDEXES];
            if ((tables_seen[p / INDEXES] >> t & 1) && f) frames_seen[p] |= 1u << (f - FRAME0);
        }
}

static void set_directory(unsigned slot, unsigned t)
{
    directory[slot] = t;
    tables_seen[slot] |= 1u << t;
    put(GUEST + DIRECTORY + 4 * slot, (TABLE0 + t * PAGE_SIZE) | 7, 4);
}

static void set_entry(unsigned t, unsigned index, uint32_t frame)
{
    entry[t][index] = frame;
    put(GUEST + TABLE0 + t * PAGE_SIZE + 4 * index, frame ? frame << PAGE_SHIFT | 7 : 0, 4);
}

static void set_second(unsigned f, uint32_t to)
{
    machine_frame[f] = to;
    if (seen[f] < 256) machine_seen[f][seen[f]++] = to;
    put(second_leaf(FRAME0 + f), (uint64_t)to << PAGE_SHIFT | SECOND_ALL | SECOND_WRITE_BACK, 8);
}

static void begin(unsigned dimensions, unsigned nested)
{
    memset(ram, 0, RAM);
    memset(tables_seen, 0, sizeof tables_seen);
    memset(frames_seen, 0, sizeof frames_seen);
    memset(seen, 0, sizeof seen);
    model.walk_cache = (uint8_t)dimensions;
    model.nested_tlb = (uint8_t)nested;
    mmu_init(&mmu, &bus, &dtlb, &itlb, &time_, &model);
    for (unsigned l = levels; l > 1; l--) put(second_table(l), second_table(l - 1) | SECOND_ALL, 8);
    for (uint32_t f = 0; f < FRAME0; f++) put(second_leaf(f), (uint64_t)(GUEST + (f << PAGE_SHIFT)) | SECOND_ALL | SECOND_WRITE_BACK, 8);
    for (unsigned f = 0; f < FRAMES; f++) set_second(f, (GUEST >> PAGE_SHIFT) + FRESH + f);
    for (unsigned t = 0; t < TABLES; t++)
        for (unsigned k = 0; k < INDEXES; k++) set_entry(t, k, FRAME0 + chance(FRAMES));
    for (unsigned s = 0; s < SLOTS; s++) set_directory(s, chance(TABLES));
    look();
    mmu_space(&mmu, &(struct space){ .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = DIRECTORY, .root = ROOT, .levels = (uint8_t)levels, .vpid = 1, .tagged = true });
}

/* The guest's tables as they are now are all that may be seen; of one page, or of all. */
static void told(int page)
{
    for (unsigned s = 0; s < SLOTS; s++) tables_seen[s] = 1u << directory[s]; /* INVLPG forgets all entries that lead to a table */
    for (int p = 0; p < PAGES; p++)
        if (page < 0 || page == p) frames_seen[p] = 0;
    look();
}

static void told_second(void)
{
    for (unsigned f = 0; f < FRAMES; f++) {
        seen[f] = 0;
        machine_seen[f][seen[f]++] = machine_frame[f];
    }
    told(-1); /* what went through both dimensions is forgotten with it */
}

static void invalidate(void)
{
    int p = (int)chance(PAGES);
    switch (chance(4)) {
    case 0:
        mmu_invlpg(&mmu, gva((uint32_t)p / INDEXES << 22 | (uint32_t)p % INDEXES << PAGE_SHIFT));
        told(p);
        break;
    case 1:
        mmu_flush(&mmu, false);
        told(-1);
        break;
    case 2:
        mmu_invalidate(&mmu, &(struct space_match){ .by_vpid = true, .vpid = 1 });
        told(-1);
        break;
    default:
        mmu_invalidate(&mmu, &(struct space_match){ .by_root = true, .root = ROOT });
        told_second();
    }
}

static void change(void)
{
    switch (chance(3)) {
    case 0: set_directory(chance(SLOTS), chance(TABLES)); break;
    case 1: set_entry(chance(TABLES), chance(INDEXES), chance(5) ? FRAME0 + chance(FRAMES) : 0); break;
    default: {
        unsigned f = chance(FRAMES);
        if (seen[f] < 256) set_second(f, (GUEST >> PAGE_SHIFT) + FRESH + chance(4 * FRAMES));
    }
    }
    look();
}

/* May an access to a page come to this machine frame? */
static bool permitted(unsigned page, uint32_t to)
{
    for (unsigned f = 0; f < FRAMES; f++)
        for (unsigned k = 0; (frames_seen[page] >> f & 1) && k < seen[f]; k++)
            if (machine_seen[f][k] == to) return true;
    return false;
}

static bool may_be_absent(unsigned page)
{
    for (unsigned t = 0; t < TABLES; t++)
        if ((tables_seen[page / INDEXES] >> t & 1) && !entry[t][page % INDEXES]) return true;
    return false;
}

/* True: it was stale. */
static bool access_one(unsigned page)
{
    struct xlat x;
    struct fault f;
    uint32_t now = entry[directory[page / INDEXES]][page % INDEXES];
    gva_t at = gva((page / INDEXES) << 22 | (page % INDEXES) << PAGE_SHIFT);
    if (!mmu_translate(&mmu, at, chance(2) ? ACCESS_WRITE : ACCESS_READ, &x, &f)) {
        assert_int_equal(f.second, SECOND_NONE);
        if (!may_be_absent(page)) fail_msg("page %u: a fault, and no walk could have met an absent entry", page);
        return now != 0;
    }
    if (!permitted(page, x.at.v >> PAGE_SHIFT)) fail_msg("page %u: frame %X, which no tables since the last invalidation say", page, x.at.v >> PAGE_SHIFT);
    return !now || machine_frame[now - FRAME0] != x.at.v >> PAGE_SHIFT;
}

static void caches_are_as_stale_as_they_may_be(void **unused)
{
    static const struct { unsigned dimensions, nested, levels; } cases[] = { { 0, 0, 4 }, { 1, 0, 4 }, { 2, 0, 4 }, { 2, 16, 4 }, { 0, 4, 3 }, { 2, 64, 5 } };
    (void)unused;
    ram = calloc(1, RAM);
    assert_true(ram && arena_init(&arena, 1 << 20) && model_find("nehalem", &model, NULL));
    bus_init(&bus, ram, RAM / PAGE_SIZE, &time_, &arena);
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        unsigned stale = 0, all = 0;
        state = 77 + k;
        levels = cases[k].levels;
        begin(cases[k].dimensions, cases[k].nested);
        for (unsigned n = 0; n < STEPS; n++) {
            if (!chance(4)) change();
            if (!chance(10)) invalidate();
            stale += access_one(chance(PAGES));
            all++;
        }
        mmu_invalidate(&mmu, &(struct space_match){ .by_root = true, .root = ROOT });
        told_second();
        for (unsigned p = 0; p < PAGES; p++)
            if (access_one(p)) fail_msg("page %u is stale after INVEPT", p);
        print_message("[          ] %uD, nested TLB %u, %u levels: %u of %u accesses stale, as they may be\n", cases[k].dimensions, cases[k].nested,
                      levels, stale, all);
        assert_true(stale > all / 100 && stale < all / 2);
        if (cases[k].dimensions) assert_true(mmu.cache.hits[0] > 1000);
        if (cases[k].nested) assert_true(mmu.cache.nested_hits > 1000);
    }
    free(ram);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(caches_are_as_stale_as_they_may_be) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
