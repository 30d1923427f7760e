/* Direct paging by itself: batches, what a domain is given, and hostile ones, a million updates of them.
 *
 * The world is a machine of 192 frames: the hypervisor's own, the domain's, another domain's behind. The guest is a hardware MMU that
 * walks the domain's tables with TLBs that remember; whatever the domain does, no access of its may come to a foreign frame,
 * and no store to a table. DIRECT_UPDATES=N chooses another number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/direct.h"
#include "sim/mmu/mmu.h"

enum { FRAMES = 192, POOL = 16, FIRST = 32, OWN = 96 /* frames, the last of which it does not have at first */, FREE = 8, SHARED = 20, EVERY = 2000 };
#ifdef __SANITIZE_ADDRESS__
enum { UPDATES = 60000 };
#else
enum { UPDATES = 1000000 };
#endif

static struct {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus machine, guest;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    struct vmmu vmmu;
    struct direct *d;
    void *common; /* what the machine's domains share */
    uint8_t *ram, held[FRAMES];
    uint64_t seed, reads, writes, done[16], refused[16];
} w;

static uint32_t pick(uint32_t n)
{
    w.seed = w.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w.seed >> 33) % n;
}
static bool chance(unsigned in) { return pick(in) == 0; }

static bool pae; /* the domain's tables have 512 entries of 8 bytes, under an L3 */

static void env_invlpg(void *self, gva_t at) { (void)self, mmu_invlpg(&w.mmu, at); }
static void env_flush(void *self) { (void)self, mmu_flush(&w.mmu, false); }
static bool segments(void *self, uint32_t frame) { return (void)self, !(bus_read(&w.machine, hpa(frame << PAGE_SHIFT), 4) & 1); }

static void load_base(void)
{
    mmu_paging(&w.mmu, PAGING_CR0_PG | PAGING_CR0_WP, w.d->base << PAGE_SHIFT, PAGING_CR4_PGE | (pae ? PAGING_CR4_PAE : 0u));
    if (pae) assert_true(mmu_pdptes(&w.mmu, w.d->base << PAGE_SHIFT, &(struct fault){ 0 }));
    w.d->reload = false;
    mmu_flush(&w.mmu, false);
    direct_flush(w.d);
}

/* An L3, the hypervisor's directory, one of its own, a table in both, and the first pages mapped. */
static void build_pae(void)
{
    enum { L3 = FIRST, TOP, L2, L1 };
    for (uint32_t i = 0; i < DIRECT_PAE_HYPERVISOR_SLOTS; i++) w.d->hypervisor[i] = i == DIRECT_PAE_HYPERVISOR_SLOTS - 1 ? PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D : 0;
    direct_store(w.d, direct_place(w.d, L3, 0), L2 << PAGE_SHIFT | PTE_P);
    direct_store(w.d, direct_place(w.d, L3, 3), TOP << PAGE_SHIFT | PTE_P);
    direct_store(w.d, direct_place(w.d, TOP, 0), L1 << PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
    direct_store(w.d, direct_place(w.d, L2, 1), L1 << PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
    for (uint32_t i = 0; i < OWN - FREE; i++) direct_store(w.d, direct_place(w.d, L1, i), (FIRST + i) << PAGE_SHIFT | PTE_P | (i >= 4 ? PTE_W | PTE_U : 0u));
}

static void begin(uint64_t seed)
{
    memset(&w, 0, sizeof w);
    w.seed = seed;
    assert_true(arena_init(&w.arena, 4 << 20));
    assert_true(model_find("p4", &w.model, NULL));
    w.clock.hz = w.model.hz;
    w.ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&w.machine, w.ram, FRAMES, &w.clock, &w.arena);
    bus_init_child(&w.guest, &w.machine, FRAMES, &w.arena);
    for (uint32_t i = FIRST; i < FIRST + OWN - FREE; i++) w.guest.map[i] = i;
    mmu_init(&w.mmu, &w.machine, &w.dtlb, &w.itlb, &w.clock, &w.model);
    w.vmmu = (struct vmmu){ .ops = &mmu_direct, .env = { .arena = &w.arena, .machine = &w.machine, .guest = &w.guest, .clock = &w.clock, .model = &w.model, .common = &w.common,
        .pool_first = POOL, .pool_frames = 8, .memory_first = FIRST, .memory_frames = OWN, .invlpg = env_invlpg, .flush = env_flush } };
    struct err e = { 0 };
    if (!mmu_direct.attach(&w.vmmu, &e)) fail_msg("%s", e.text);
    w.d = direct_of(&w.vmmu);
    w.d->segments = segments;
    for (uint32_t i = 0; i < DIRECT_HYPERVISOR_SLOTS; i++) w.d->hypervisor[i] = i == DIRECT_HYPERVISOR_SLOTS - 1 ? PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D : 0;
    direct_share(w.d, SHARED);
    w.held[SHARED] = 0;
    w.d->pae = pae;
    if (pae) {
        build_pae();
        assert_int_equal(direct_set_base(w.d, FIRST), DIRECT_OK);
        load_base();
        return;
    }
    /* A directory, a table, and the first pages mapped read and write. */
    bus_write(&w.machine, hpa(FIRST << PAGE_SHIFT), 4, (FIRST + 1) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
    for (uint32_t i = 0; i < OWN - FREE; i++)
        bus_write(&w.machine, hpa((FIRST + 1) << PAGE_SHIFT | i << 2), 4, (FIRST + i) << PAGE_SHIFT | PTE_P | (i >= 2 ? PTE_W | PTE_U : 0u));
    assert_int_equal(direct_set_base(w.d, FIRST), DIRECT_OK);
    load_base();
}

static void end(void)
{
    assert_true(clock_check(&w.clock));
    free(w.ram);
    arena_done(&w.arena);
}

static void check(const char *when, uint64_t n)
{
    uint32_t others[FRAMES] = { 0 };
    char why[160];
    for (uint32_t i = 0; i < FRAMES; i++) others[i] = w.held[i];
    if (!direct_check(w.d, others, why, sizeof why)) fail_msg("%s %llu: %s", when, (unsigned long long)n, why);
}

/* ---- what a domain asks for */

static uint32_t some_frame(void)
{
    if (chance(8)) return pick(FRAMES);
    if (chance(20)) return pick(2) ? UINT32_MAX >> 12 : SHARED;
    return FIRST + pick(OWN);
}

static uint32_t some_entry(void)
{
    static const uint32_t bits[] = { PTE_P, PTE_P | PTE_W, PTE_P | PTE_W | PTE_U, PTE_P | PTE_U, 0 };
    return some_frame() << PAGE_SHIFT | bits[pick(5)] | (chance(12) ? 1u << pick(12) : 0);
}

/* In a table's few busy slots, or anywhere. */
static uint32_t some_slot(void) { return chance(6) ? pick(pae ? 512 : 1024) : pick(24); }

static uint32_t some_linear(void)
{
    if (pae) return (chance(3) ? pick(3) : 3) << 30 | (chance(10) ? pick(512) : pick(4)) << 21 | some_slot() << 12 | pick(1024) << 2;
    return (chance(10) ? pick(1024) : pick(4)) << 22 | some_slot() << 12 | pick(1024) << 2;
}

static enum direct_rule one_update(void)
{
    uint32_t frame = some_frame(), slot = some_slot();
    uint64_t value = some_entry() | (pae && chance(16) ? 1ull << (32 + pick(32)) : 0);
    if (pae && chance(8)) frame = w.d->base, slot = pick(5), value = chance(3) ? 0 : value & ~(uint64_t)(PTE_W | PTE_U);
    switch (pick(16)) {
    case 0: return direct_pin(w.d, frame, pae && chance(3) ? FRAME_L3 : chance(2) ? FRAME_L1 : FRAME_L2);
    case 1: return direct_unpin(w.d, frame);
    case 2: {
        enum direct_rule rule = direct_set_base(w.d, chance(3) ? frame : FIRST);
        if (!rule) load_base();
        return rule;
    }
    case 3: return direct_release(w.d, frame) ? DIRECT_OK : DIRECT_FOREIGN;
    case 4: return direct_allocate(w.d, &frame) ? DIRECT_OK : DIRECT_FOREIGN;
    case 5: { /* a page of descriptors comes and goes */
        if (frame < FRAMES && w.held[frame]) {
            w.held[frame]--;
            direct_drop(w.d, frame);
            return DIRECT_OK;
        }
        enum direct_rule rule = direct_take(w.d, frame, FRAME_SEGMENTS);
        if (!rule) w.held[frame]++;
        return rule;
    }
    case 6: case 7: case 8: case 9: return direct_update_va(w.d, gva(some_linear()), value);
    default: return direct_update(w.d, hpa(frame << PAGE_SHIFT | (pae ? slot << 3 | pick(8) : slot << 2 | pick(4))), value);
    }
}

static void mend_pae(void)
{
    uint32_t q = chance(2) ? 3 : pick(3), table = FIRST + 4 + pick(12), slot = pick(4), l2 = FIRST + 2 + pick(2), place;
    uint64_t entry = (FIRST + 16 + pick(OWN - 16)) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U;
    if (q < 3) (void)direct_update(w.d, direct_place(w.d, w.d->base, q), l2 << PAGE_SHIFT | PTE_P);
    if (w.d->reload) load_base();
    l2 = direct_directory(w.d, q * PAE_SLOTS, &place);
    if (l2 == FRAME_NONE) return;
    (void)direct_update(w.d, direct_place(w.d, l2, slot), table << PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
    for (unsigned i = 0; i < 4; i++) (void)direct_update_va(w.d, gva(q << 30 | slot << 21 | pick(24) << 12), entry + (i << PAGE_SHIFT));
}

/* Hostile domains wear their tables down; they know how to mend them, too. */
static void mend(void)
{
    if (pae) {
        mend_pae();
        return;
    }
    uint32_t table = FIRST + 1 + pick(12), slot = pick(4), entry = (FIRST + 16 + pick(OWN - 16)) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U;
    (void)direct_update(w.d, hpa(w.d->base << PAGE_SHIFT | slot << 2), table << PAGE_SHIFT | PTE_P | PTE_W | PTE_U);
    for (unsigned i = 0; i < 4; i++) (void)direct_update_va(w.d, gva(slot << 22 | pick(24) << 12), entry + (i << PAGE_SHIFT));
}

/* ---- what the domain's own code does, through the hardware: kernel or user, with whatever the TLB remembers */

static void access_memory(uint64_t n)
{
    static const unsigned kinds[] = { ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_USER, ACCESS_WRITE | ACCESS_USER };
    struct xlat x;
    struct fault f;
    uint32_t at = some_linear();
    unsigned access = kinds[pick(4)];
    if (at >= direct_hole(w.d)) return; /* segments end there */
    if (!mmu_translate(&w.mmu, gva(at), access, &x, &f)) return;
    uint32_t frame = x.at.v >> PAGE_SHIFT;
    if (!direct_owns(w.d, frame)) fail_msg("step %llu: linear %X leads to the foreign frame %X", (unsigned long long)n, at, frame);
    const struct direct_frame *own = &w.d->frame[frame];
    if (!(access & ACCESS_WRITE)) {
        w.reads++;
        return;
    }
    if (own->uses && own->type != FRAME_WRITABLE) fail_msg("step %llu: a store at %X to frame %X, a %s", (unsigned long long)n, at, frame, direct_types[own->type]);
    bus_write(&w.machine, x.at, 4, chance(2) ? some_entry() : 0);
    w.writes++;
}

static void attack(bool with_pae, uint64_t most)
{
    pae = with_pae;
    const char *many = getenv("DIRECT_UPDATES");
    uint64_t updates = many ? strtoull(many, NULL, 0) : most, n = 0, fine = 0, reads = 0, writes = 0;
    uint64_t refused[DIRECT_RULES] = { 0 };
    for (uint64_t round = 0; n < updates; round++) {
        begin(20031019 + round);
        uint8_t foreign[PAGE_SIZE];
        memset(foreign, 0x5A, sizeof foreign);
        for (uint32_t f = FIRST + OWN; f < FRAMES; f++) bus_poke(&w.machine, hpa(f << PAGE_SHIFT), foreign, PAGE_SIZE);
        for (uint64_t until = n + 20000; n < until; n++) {
            fine += one_update() == DIRECT_OK;
            if (w.d->reload) load_base();
            if (chance(12)) mmu_invlpg(&w.mmu, gva(some_linear())); /* flushes nothing that is not its own to flush */
            if (chance(6)) mend();
            for (unsigned i = 0; i < 3; i++) access_memory(n);
            if (n % EVERY == 0) check("update", n);
        }
        check("the end of round", round);
        for (uint32_t f = FIRST + OWN; f < FRAMES; f++)
            if (memcmp(w.ram + (size_t)f * PAGE_SIZE, foreign, PAGE_SIZE)) fail_msg("round %llu: the other domain's frame %X was stored to", (unsigned long long)round, f);
        for (unsigned r = 0; r < DIRECT_RULES; r++) refused[r] += w.d->refused[r];
        reads += w.reads, writes += w.writes;
        end();
    }
    pae = false;
    print_message("# %s%llu updates, %llu allowed; %llu reads, %llu stores\n", with_pae ? "PAE: " : "", (unsigned long long)n, (unsigned long long)fine, (unsigned long long)reads, (unsigned long long)writes);
    assert_true(fine > n / 50 && reads > n / 10 && writes > n / 20);
    for (unsigned r = DIRECT_OK + 1; r < DIRECT_RULES; r++)
        if (!refused[r] != (r == (with_pae ? DIRECT_LINEAR : DIRECT_TOP))) fail_msg("rule %s was %stried", direct_word(r), refused[r] ? "" : "never ");
}

static void hostile_updates_map_nothing_foreign(void **state) { (void)state, attack(false, UPDATES); }
static void nor_with_pae(void **state) { (void)state, attack(true, UPDATES / 4); }

/* A domain that gave memory back and asks for some gets its own, or none: what lies beside is another's. */
static void memory_comes_from_its_own(void **state)
{
    (void)state;
    uint32_t frame;
    begin(1);
    for (uint32_t i = 0; i < FREE; i++) {
        assert_true(direct_allocate(w.d, &frame));
        assert_in_range(frame, FIRST + OWN - FREE, FIRST + OWN - 1);
    }
    assert_false(direct_allocate(w.d, &frame));
    assert_int_equal(direct_update_va(w.d, gva(40 << 12), 0), DIRECT_OK);
    assert_true(direct_release(w.d, FIRST + 40));
    assert_int_equal(direct_update_va(w.d, gva(41 << 12), (FIRST + 40) << PAGE_SHIFT | PTE_P), DIRECT_FOREIGN);
    assert_true(direct_allocate(w.d, &frame));
    assert_int_equal(frame, FIRST + 40);
    assert_int_equal(bus_read(&w.machine, hpa(frame << PAGE_SHIFT), 4), 0);
    check("allocated", 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_from_its_own),
        cmocka_unit_test(hostile_updates_map_nothing_foreign), cmocka_unit_test(nor_with_pae),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
