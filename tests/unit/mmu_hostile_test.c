/* Hostile guests under shadow, two-level and agile paging: whatever they store into their page tables, whatever CR3, CR0 and CR4 they
 * load, the hardware leads none of their accesses to a frame that is not theirs, and what lies there stays. HOSTILE_UPDATES=N chooses
 * another number of steps (make hostile: a million for each); mmu_direct_test.c does the same to direct paging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/agile.h"
#include "sim/mmu/two_level.h"
#include "tests/support/shadow_world.h"

#if defined __SANITIZE_ADDRESS__ || !defined __OPTIMIZE__
enum { UPDATES = 6000 };
#else
enum { UPDATES = 60000 };
#endif
enum { TABLES = 12, POOL = 64, ROUND = 5000, EVERY = 512, FOREIGN = 0x5A };

static struct shadow_world w;
static bool own[SW_MACHINE];
static uint64_t seed, accesses, stores, faults;

static uint32_t next(void) { return (uint32_t)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 32); }
static uint32_t pick(uint32_t n) { return (uint32_t)((uint64_t)next() * n >> 32); }
static bool chance(uint32_t n) { return !pick(n); }

/* Its own pages, machine frames of others by their real numbers, the hypervisor's tables, what is nowhere. */
static uint32_t some_frame(void)
{
    switch (pick(8)) {
    case 0: return pick(SW_MACHINE);
    case 1: return SW_POOL + pick(POOL);
    case 2: return chance(2) ? next() >> 12 : SW_GUEST + pick(8);
    case 3: case 4: return pick(TABLES);
    default: return pick(SW_GUEST);
    }
}

static uint32_t some_entry(void)
{
    uint32_t bits = PTE_P | (next() & (PTE_W | PTE_U | PTE_A | PTE_D));
    if (chance(12)) bits ^= 1u << pick(12);
    return chance(10) ? next() : some_frame() << 12 | bits;
}

static uint32_t some_slot(void) { return chance(8) ? pick(1024) : pick(12); }
static uint32_t some_linear(void) { return (chance(8) ? pick(1023) : pick(4)) << 22 | some_slot() << 12 | (pick(1024) << 2); }
static uint32_t some_cr3(void) { return chance(12) ? next() : pick(TABLES) << 12; }

static void registers(void)
{
    uint32_t cr0 = w.cr0 | PAGING_CR0_PG, cr4 = w.cr4;
    if (chance(6)) cr0 ^= PAGING_CR0_WP;
    if (chance(20)) cr0 &= ~PAGING_CR0_PG;
    if (chance(8)) cr4 ^= PAGING_CR4_PSE;
    if (chance(10)) cr4 ^= PAGING_CR4_PAE;
    if (chance(10)) cr4 ^= PAGING_CR4_PGE;
    (void)sw_paging(&w, cr0, some_cr3(), cr4);
}

static void access_memory(uint64_t n)
{
    static const unsigned kinds[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_USER, ACCESS_WRITE | ACCESS_USER };
    uint32_t at = some_linear();
    unsigned access = kinds[pick(4)];
    if (at >= SW_WINDOW) return; /* segments end there */
    struct sw_outcome o = sw_vm_access(&w, at, access, 4, some_entry());
    accesses++;
    stores += !o.fault && (access & ACCESS_WRITE);
    faults += o.fault;
    for (unsigned k = 0; k < TLB_WAYS; k++) { /* what the hardware remembers of it, and of its neighbours */
        const struct tlb_entry *e = &w.vm.dtlb.e[at >> PAGE_SHIFT & (TLB_DATA_SETS - 1)][k];
        uint32_t frame = e->frame >> PAGE_SHIFT;
        if (!e->valid || (e->pte & PTE_BEYOND)) continue;
        if (frame >= SW_MACHINE || !own[frame]) fail_msg("step %llu: linear %X leads to the foreign frame %X", (unsigned long long)n, e->page, frame);
    }
}

static void update(void)
{
    switch (pick(10)) {
    case 0: if (chance(4)) registers(); else sw_invlpg(&w, some_linear()); break;
    case 1: sw_store(&w, pick(SW_HOLE) << 12 | pick(1024) << 2, 4, some_entry()); break;
    case 2: { /* tables that work, now and then: else nothing would be mapped for long */
        uint32_t d = pick(TABLES), t = pick(TABLES);
        sw_store(&w, d << 12 | pick(4) << 2, 4, t << 12 | PTE_P | PTE_W | PTE_U);
        for (unsigned i = 0; i < 3; i++) sw_store(&w, t << 12 | pick(12) << 2, 4, pick(SW_HOLE) << 12 | PTE_P | PTE_W | PTE_U);
        break;
    }
    default: sw_store(&w, pick(TABLES) << 12 | some_slot() << 2, 4, some_entry());
    }
}

static void begin_round(void)
{
    uint8_t foreign[PAGE_SIZE];
    memset(foreign, FOREIGN, sizeof foreign);
    memset(own, 0, sizeof own);
    sw_init(&w, POOL, NULL);
    for (uint32_t g = 0; g < SW_GUEST; g++)
        if (w.vm.guest.map[g] < SW_MACHINE) own[w.vm.guest.map[g]] = true;
    for (uint32_t f = 0; f < SW_MACHINE; f++)
        if (!own[f] && f - SW_POOL >= POOL) bus_poke(&w.vm.machine, hpa(f << PAGE_SHIFT), foreign, PAGE_SIZE);
    (void)sw_paging(&w, PAGING_CR0_PG | PAGING_CR0_WP, 0, PAGING_CR4_PSE);
}

static void end_round(uint64_t n)
{
    uint32_t others = 0;
    for (uint32_t f = 0; f < SW_MACHINE; f++) {
        if (own[f] || f - SW_POOL < POOL) continue;
        others++;
        for (unsigned i = 0; i < PAGE_SIZE; i++)
            if (w.vm.ram[(size_t)f * PAGE_SIZE + i] != FOREIGN) fail_msg("step %llu: frame %X, another's, was stored to", (unsigned long long)n, f);
    }
    assert_true(others > 100);
    sw_check(&w);
    sw_done(&w);
}

static void attack(const struct mmu_strategy *s, const struct vmmu_choice *designs, unsigned count)
{
    const char *many = getenv("HOSTILE_UPDATES");
    uint64_t updates = many ? strtoull(many, NULL, 0) : UPDATES, n = 0;
    sw_strategy = s;
    accesses = stores = faults = 0;
    for (unsigned round = 0; n < updates; round++) {
        seed = 0x5EED + round;
        sw_choice = designs[round % count];
        begin_round();
        for (unsigned i = 0; i < ROUND && n < updates; i++, n++) {
            update();
            access_memory(n);
            if (i % EVERY == 0) sw_check(&w);
            else sw_check_some(&w);
        }
        end_round(n);
    }
    sw_strategy = NULL;
    sw_choice = (struct vmmu_choice){ .cache = true, .trace = true, .eager = true };
    print_message("# %s: %llu updates, %llu accesses, %llu faults, %llu stores\n", s ? s->name : "shadow", (unsigned long long)n,
                  (unsigned long long)accesses, (unsigned long long)faults, (unsigned long long)stores);
    assert_true(stores > n / 50 && faults > n / 20);
}

static void shadow(void **state)
{
    static const struct vmmu_choice designs[] = {
        { .cache = true, .trace = true, .eager = true }, { .trace = true, .eager = true }, { .cache = true, .trace = true },
        { .cache = true, .trace = true, .eager = true, .pool = 16 },
    };
    (void)state;
    attack(NULL, designs, 4);
}

static void two_level(void **state)
{
    static const struct vmmu_choice designs[] = { { .trace = true }, { .trace = true, .large = true }, { .trace = true, .second_pool = 40 } };
    (void)state;
    attack(&mmu_two_level, designs, 3);
}

static void agile(void **state)
{
    static const struct vmmu_choice designs[] = {
        { .cache = true, .trace = true, .eager = true, .pool = 64, .agile_writes = 2, .agile_period = 30000 },
        { .cache = true, .trace = true, .eager = true, .pool = 64 },
        { .trace = true, .pool = 20, .agile_writes = 1, .agile_period = 30000 },
        { .cache = true, .trace = true, .agile_writes = 3 },
    };
    (void)state;
    attack(&mmu_agile, designs, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shadow), cmocka_unit_test(two_level), cmocka_unit_test(agile) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
