/* Shadow paging against bare hardware, at random: thousands of edits, accesses and register loads from fixed seeds.
 * After each, outcomes and the guest's tables (A and D bits) must be equal, and the promises of shadow.h must hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "sim/mmu/agile.h"
#include "tests/support/shadow_world.h"
#include "tests/support/sanitized.h"

enum { STEPS = SANITIZED ? 3000 : 6000, DIRECTORIES = 4, TABLES = 12 }; /* guest frames 0..3 are directories, 4..11 page tables, mostly */

static struct shadow_world w;
static uint64_t seed;
static bool exact; /* the guest flushes as the architecture demands, so both sides must agree */
static bool pae;   /* directories and tables of 512 entries of 8 bytes; PDPTS of 4 entries in frame PDPT */
static unsigned outcomes[3];
enum { PDPT = 12, PDPTS = 4 };

static uint32_t pick(uint32_t n) /* 0..n-1 */
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static bool chance(unsigned in) { return pick(in) == 0; }

static uint32_t flags(void)
{
    return (chance(8) ? 0 : PTE_P) | (chance(4) ? 0 : PTE_W) | (chance(4) ? 0 : PTE_U) | (chance(3) ? PTE_A : 0) |
           (chance(3) ? PTE_D : 0) | (chance(4) ? PTE_G : 0);
}

/* Upper half of a PAE entry: seldom a frame beyond 4 GB, or a reserved bit. */
static uint64_t upper(void) { return !pae || !chance(16) ? 0 : chance(2) ? (uint64_t)pick(16) << 32 : 1ull << (36 + pick(28)); }

static uint32_t low_pte(void)
{
    uint32_t gfn = chance(6) ? pick(TABLES) : chance(12) ? 118 + pick(16) : pick(SW_GUEST);
    return gfn << 12 | flags() | (chance(8) ? PTE_PS : 0);
}

static uint64_t pte(void) { return low_pte() | upper(); }

static uint32_t low_pde(void)
{
    if (pae && chance(4)) return flags() | PTE_PS | (chance(6) ? 1u << (13 + pick(8)) : 0) | (chance(6) ? 1u << 21 : 0);
    if (chance(5)) return flags() | PTE_PS | (chance(6) ? 1u << (13 + pick(9)) : 0) | (chance(6) ? 1u << 22 : 0);
    uint32_t gfn = DIRECTORIES + pick(TABLES - DIRECTORIES);
    if (chance(6)) gfn = chance(2) ? pick(SW_GUEST + 2) : pick(DIRECTORIES);
    return gfn << 12 | flags();
}

static uint64_t pde(void) { return low_pde() | upper(); }

static const uint32_t directory_slots[] = { 0, 1, 2, 3, 767, 1022 };
static const uint32_t table_slots[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100, 120, 121, 512,
                                        1020, 1021, 1022, 1023 };
static const uint32_t pae_directory_slots[] = { 0, 1, 2, 3, 383, 509 }, pae_table_slots[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100, 120, 121,
                                                                                            256, 508, 509, 510, 511 };
#define PICK(a) a[pick(sizeof(a) / sizeof *(a))]
_Static_assert(sizeof pae_directory_slots == sizeof directory_slots && sizeof pae_table_slots == sizeof table_slots, "as many");
static uint32_t directory_slot(size_t i) { return pae ? pae_directory_slots[i] : directory_slots[i]; }
static uint32_t table_slot(size_t i) { return pae ? pae_table_slots[i] : table_slots[i]; }
enum { DIRECTORY_SLOTS = sizeof directory_slots / sizeof *directory_slots, TABLE_SLOTS = sizeof table_slots / sizeof *table_slots };
static uint32_t some_directory_slot(void) { return directory_slot(pick(DIRECTORY_SLOTS)); }
static uint32_t some_table_slot(void) { return table_slot(pick(TABLE_SLOTS)); }
static uint32_t entry_at(uint32_t frame, uint32_t slot) { return frame << 12 | slot << (pae ? 3 : 2); }
static void put(uint32_t at, uint64_t value)
{
    sw_store(&w, at, 4, (uint32_t)value);
    if (pae) sw_store(&w, at + 4, 4, (uint32_t)(value >> 32));
}

static uint32_t address(void)
{
    uint32_t slot = chance(4) ? some_table_slot() : pick(13); /* mostly where all kinds of mapping have RAM */
    if (pae) return (chance(6) ? 3 : pick(3)) << 30 | some_directory_slot() << 21 | slot << 12 | pick(1024) << 2;
    return some_directory_slot() << 22 | slot << 12 | pick(1024) << 2;
}

static void after_table_change(void)
{
    if (exact) sw_flush(&w);
}

static struct sw_outcome access_at(uint32_t va, unsigned access, unsigned size, uint32_t value)
{
    if (exact) return sw_access(&w, va, access, size, value);
    return sw_vm_access(&w, va, access, size, value);
}

static void random_access(void)
{
    static const unsigned kinds[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_USER, ACCESS_WRITE | ACCESS_USER,
                                      ACCESS_EXEC, ACCESS_EXEC | ACCESS_USER };
    unsigned size = 1u << pick(3), access = PICK(kinds);
    uint32_t value = chance(2) ? low_pte() : pick(1u << 30);
    struct sw_outcome o = access_at(address(), access, size, value);
    outcomes[o.fault ? 1 : 0]++;
    if (access & ACCESS_WRITE) after_table_change(); /* it may have hit a table, of whatever kind */
}

/* The guest's kernel edits a table through a mapping that this test need not know. */
static void edit(void)
{
    bool directory = chance(4);
    uint32_t slot = directory ? some_directory_slot() : some_table_slot();
    uint32_t frame = directory ? pick(DIRECTORIES) : DIRECTORIES + pick(TABLES - DIRECTORIES);
    uint32_t at = entry_at(frame, slot);
    uint64_t whole = directory ? pde() : pte();
    uint32_t value = (uint32_t)whole;
    if (chance(4)) sw_store(&w, at + pick(4), 1, value >> 8 * pick(4));
    else if (chance(6) && (at & 0xFFF) < 0xFFC) sw_store(&w, at + 2, 4, value); /* across two entries */
    else if (chance(3)) sw_store(&w, at, 4, sw_load(&w, at) ^ (chance(2) ? PTE_A : PTE_D));
    else put(at, whole);
    after_table_change();
}

/* The architecture's minimum: one page-table entry changes, then INVLPG of each address that the directory in use maps
 * by it. (Tables that serve as directories too need more; frames from DIRECTORIES on never do here.) */
static void edit_one_and_invlpg(void)
{
    uint32_t frame = DIRECTORIES + pick(TABLES - DIRECTORIES), slot = some_table_slot();
    put(entry_at(frame, slot), pte());
    for (uint32_t i = 0; i < DIRECTORY_SLOTS; i++)
        for (uint32_t q = 0; q < (pae ? 4u : 1u); q++) {
            if (pae && !(w.twin.mmu.pdpte[q] & PTE_P)) continue;
            uint32_t directory = pae ? (uint32_t)w.twin.mmu.pdpte[q] >> 12 : w.cr3 >> 12, entry = sw_load(&w, entry_at(directory, directory_slot(i)));
            if (entry >> 12 != frame) continue;
            sw_invlpg(&w, q << 30 | directory_slot(i) << (pae ? 21 : 22) | slot << 12);
            outcomes[2]++;
        }
}

/* Four directories, some absent, perhaps one twice; the fourth quarter has the hypervisor's window at its end. */
static void fill_pdpts(void)
{
    for (uint32_t n = 0; n < 4 * PDPTS; n++) {
        sw_store(&w, PDPT << 12 | n << 3, 4, pick(DIRECTORIES) << 12 | (chance(8) ? 0 : PTE_P));
        sw_store(&w, PDPT << 12 | n << 3 | 4, 4, 0);
    }
}

static uint32_t some_cr3(void)
{
    if (!pae) return (chance(24) ? (chance(2) ? SW_HOLE : SW_DEVICE) : pick(DIRECTORIES)) << 12;
    if (chance(4)) fill_pdpts();
    return PDPT << 12 | pick(PDPTS) << 5;
}

static void load_registers(void)
{
    uint32_t cr3 = some_cr3();
    if (!(w.cr0 & PAGING_CR0_PG)) (void)sw_paging(&w, w.cr0 | PAGING_CR0_PG, w.cr3, w.cr4); /* off is dull: not for long */
    else if (!chance(4)) (void)sw_paging(&w, w.cr0, cr3, w.cr4);
    else if (chance(2)) sw_paging(&w, w.cr0 ^ PAGING_CR0_WP, w.cr3, w.cr4);
    else if (chance(2)) sw_paging(&w, w.cr0, w.cr3, w.cr4 ^ (chance(2) ? PAGING_CR4_PSE : PAGING_CR4_PGE));
    else sw_paging(&w, w.cr0 & ~PAGING_CR0_PG, w.cr3, w.cr4);
    after_table_change(); /* global translations of the twin must not outlive the directory they came from */
}

static void toggle_trace(void)
{
    uint32_t gfn = 60 + pick(4);
    sw_trace(&w, gfn, !w.vmm_traces[gfn] || (w.vmm_traces[gfn] < 3 && chance(2)));
}

static void populate(void)
{
    for (uint32_t d = 0; d < DIRECTORIES; d++)
        for (size_t i = 0; i < DIRECTORY_SLOTS; i++)
            put(entry_at(d, directory_slot(i)), pde());
    for (uint32_t t = DIRECTORIES; t < TABLES; t++)
        for (size_t i = 0; i < TABLE_SLOTS; i++)
            put(entry_at(t, table_slot(i)), pte());
    fill_pdpts();
}

static void run(uint64_t from, uint32_t pool, unsigned steps)
{
    seed = from;
    outcomes[0] = outcomes[1] = outcomes[2] = 0;
    sw_init(&w, pool, NULL);
    populate();
    (void)sw_paging(&w, PAGING_CR0_PG | PAGING_CR0_WP, some_cr3(), PAGING_CR4_PSE | (pae ? PAGING_CR4_PAE : 0u));
    sw_flush(&w);
    for (unsigned i = 0; i < steps; i++) {
        if (!chance(5)) random_access();
        else if (chance(3)) load_registers();
        else if (chance(4)) sw_invlpg(&w, address());
        else if (chance(10)) toggle_trace();
        else if (chance(2)) edit_one_and_invlpg();
        else edit();
        if (exact) sw_same_memory(&w, 0, TABLES);
        if (i % 16 == 0) sw_check(&w);
        else sw_check_some(&w);
        if (exact && i % 256 == 0) sw_same_memory(&w, 0, SW_GUEST);
        if (chance(400)) populate(), after_table_change(); /* random stores wear the tables down */
    }
    sw_check(&w);
}

/* The run must have met everything it is there to compare. */
static void was_worth_it(unsigned steps)
{
    struct vmmu_stats s;
    w.vmmu.ops->stats(&w.vmmu, &s);
    assert_true(outcomes[0] > steps / 8);
    assert_true(outcomes[1] > steps / 8);
    assert_true(outcomes[2] > steps / 500);
    assert_true(s.hidden > steps / 20);
    assert_true(s.true_ > steps / 20);
    assert_true(w.traced > (sw_choice.cache ? steps / 200 : 0));
    assert_true(w.no_ram > steps / 200);
    assert_int_equal(w.traced, s.traced);
}

static const struct vmmu_choice designs[] = {
    { .cache = true, .trace = true, .eager = true }, { .cache = true, .trace = true }, { .trace = true, .eager = true },
    { .trace = true, .pool = 24 }, { .pool = 40 }, { .cache = true, .trace = true, .eager = true, .pool = 16 },
};
enum { DESIGNS = sizeof designs / sizeof designs[0] };

static void equals_bare_hardware(void **state)
{
    (void)state;
    exact = true;
    for (uint64_t from = 1; from <= 4 * DESIGNS; from++) {
        pae = from > 2 * DESIGNS;
        sw_choice = designs[from % DESIGNS];
        run(from, from & 1 ? 64 : 16, STEPS);
        was_worth_it(STEPS);
        sw_done(&w);
    }
}

/* A second level: which pages are RAM is found out by violations, the rest is hardware's, but for stores to traced pages. */
static void two_levels_equal_bare_hardware(void **state)
{
    (void)state;
    exact = true;
    sw_strategy = &mmu_two_level;
    for (uint64_t from = 201; from <= 208; from++) {
        struct vmmu_stats s;
        pae = from & 1;
        sw_choice = (struct vmmu_choice){ .trace = true, .large = from % 3 == 0, .second_pool = from & 2 ? 40 : 0 };
        run(from, 64, STEPS);
        w.vmmu.ops->stats(&w.vmmu, &s);
        assert_true(outcomes[0] > STEPS / 8 && outcomes[1] > STEPS / 8 && outcomes[2] > STEPS / 500);
        assert_true(w.own_faults > STEPS / 8 && w.no_ram > STEPS / 200 && s.filled > 50);
        assert_int_equal(w.traced, s.traced);
        sw_done(&w);
    }
    sw_strategy = NULL;
}

/* Agile paging: tables that are the guest's own beside others that are shadowed, going from one to the other all the time. */
static void agile_equals_bare_hardware(void **state)
{
    (void)state;
    static const struct { uint32_t writes; uint64_t period; } policies[] = { { 2, 40000 }, { 1, 20000 }, { 8, 200000 }, { 0, 0 }, { 3, 0 } };
    exact = true;
    sw_strategy = &mmu_agile;
    for (uint64_t from = 301; from <= 320; from++) {
        struct vmmu_stats s;
        unsigned policy = (unsigned)from % (unsigned)(sizeof policies / sizeof policies[0]);
        pae = from > 310;
        sw_choice = (struct vmmu_choice){ .cache = from % 3 != 0, .trace = true, .eager = from & 2, .pool = from & 1 ? 64 : 16,
                                          .agile_writes = policies[policy].writes, .agile_period = policies[policy].period };
        run(from, 192, STEPS);
        w.vmmu.ops->stats(&w.vmmu, &s);
        assert_true(outcomes[0] > STEPS / 8 && outcomes[1] > STEPS / 8 && outcomes[2] > STEPS / 500);
        assert_int_equal(w.traced, s.traced);
        assert_true(s.hidden > STEPS / 40 && s.true_ + w.own_faults > STEPS / 8);
        assert_int_equal(!s.nested, !policies[policy].writes);
        if (s.nested && policies[policy].period) assert_true(s.renewed > s.nested / 4 && w.own_faults);
        sw_done(&w);
    }
    sw_strategy = NULL;
    sw_choice = (struct vmmu_choice){ .cache = true, .trace = true, .eager = true };
}

/* A guest that never flushes: outcomes may be stale, but the hypervisor's protection must not be. */
static void protects_without_flushes(void **state)
{
    (void)state;
    exact = false;
    for (uint64_t from = 100; from < 100 + 4 * DESIGNS; from++) {
        pae = from & 2;
        sw_choice = designs[from % DESIGNS];
        run(from, from & 1 ? 64 : 16, STEPS);
        sw_done(&w);
    }
    pae = false;
    sw_strategy = &mmu_agile;
    for (uint64_t from = 200; from < 208; from++) {
        pae = from & 2;
        sw_choice = (struct vmmu_choice){ .cache = from & 1, .trace = true, .eager = true, .agile_writes = 2, .agile_period = 30000 };
        run(from, 192, STEPS);
        sw_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_bare_hardware),
        cmocka_unit_test(two_levels_equal_bare_hardware),
        cmocka_unit_test(agile_equals_bare_hardware),
        cmocka_unit_test(protects_without_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
