/* Behind the first-level TLB: a second level, and large pages known whole. What they save, how stale they are, what forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/mmu/behind.h"
#include "sim/mmu/cache.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/trace/cause.h"

enum { FRAMES = 4096, PD = 0x1000, PT = 0x2000, PAGES = 0x800000, LARGE = 0x400000, STALL = 7 };
enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D, PS = PTE_PS, G = PTE_G };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER, EX = ACCESS_EXEC };

struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    struct lines lines;
    struct fetch fetch;
    uint8_t *ram;
    struct xlat x;
    struct fault f;
};
static struct world w, plain; /* plain: nothing behind */

static void set(struct world *v, uint32_t at, uint32_t entry) { memcpy(v->ram + at, &entry, 4); }
static uint32_t get(const struct world *v, uint32_t at)
{
    uint32_t e;
    memcpy(&e, v->ram + at, 4);
    return e;
}
static gva_t page(unsigned slot) { return gva(slot << 12 | 0x10); }

/* As the CPU asks: the short way first. */
static bool go(struct world *v, gva_t at, unsigned access)
{
    (void)mmu_fill(&v->mmu, at, access);
    return mmu_translate(&v->mmu, at, access, &v->x, &v->f);
}

static void make(struct world *v, uint32_t entries, uint32_t large)
{
    memset(v, 0, sizeof *v);
    assert_true(arena_init(&v->arena, 4 << 20));
    v->clock.hz = 1000000000;
    assert_true(model_find("p4", &v->model, NULL));
    v->model.cost[COST_L1D_KB] = v->model.cost[COST_L1I_KB] = 0; /* walks take their rows, no more */
    v->model.cost[COST_TLB2_ENTRIES] = entries, v->model.cost[COST_TLB2_WAYS] = 4, v->model.cost[COST_TLB2_STALL] = STALL;
    v->model.cost[COST_TLB_LARGE_DATA] = v->model.cost[COST_TLB_LARGE_CODE] = large;
    v->ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&v->bus, v->ram, FRAMES, &v->clock, &v->arena);
    mmu_init(&v->mmu, &v->bus, &v->dtlb, &v->itlb, &v->clock, &v->model);
    assert_false(mmu_caches(&v->mmu, &v->arena, &v->lines, &v->fetch));
    set(v, PD, PT | P | W | U | A);
    set(v, PD + 4, LARGE | P | W | U | A | PS);
    for (unsigned i = 0; i < 1024; i++) set(v, PT + 4 * i, (PAGES + (i << 12)) | P | W | U | A);
    mmu_paging(&v->mmu, PAGING_CR0_PG | PAGING_CR0_WP, PD, PAGING_CR4_PSE | PAGING_CR4_PGE);
}

static int set_up(void **state)
{
    (void)state;
    make(&w, 256, 8);
    make(&plain, 0, 0);
    assert_null(plain.mmu.behind);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(clock_check(&w.clock));
    for (struct world *v = &w;; v = &plain) {
        free(v->ram);
        arena_done(&v->arena);
        if (v == &plain) return 0;
    }
}

/* Pages 16 apart share a set of the first level, which has four ways: all of these are out of it then. */
static void crowd_out(void)
{
    for (unsigned n = 1; n < 6; n++) assert_true(go(&w, page(512 + 16 * n), RD));
}

static void saves_walks(void **state)
{
    (void)state;
    assert_true(go(&w, page(512), RD));
    crowd_out();
    uint64_t walks = w.mmu.walks, now = w.clock.now;
    assert_true(go(&w, page(512), RD));
    assert_int_equal(w.x.at.v, PAGES + (512 << 12) + 0x10);
    assert_int_equal(w.mmu.walks, walks);
    assert_int_equal(w.clock.now - now, STALL);
    assert_int_equal(w.mmu.behind->second.hits, 1);
    crowd_out();
    now = w.clock.now;
    assert_true(go(&w, page(512), EX)); /* it is for code, too */
    assert_int_equal(w.clock.now - now, STALL);
}

static void stale_until_told(void **state)
{
    (void)state;
    assert_true(go(&w, page(512), RD));
    crowd_out();
    set(&w, PT + 4 * 512, 0xA00000 | P | W | U | A);
    assert_true(go(&w, page(512), RD));
    assert_int_equal(w.x.at.v, PAGES + (512 << 12) + 0x10);
    crowd_out();
    mmu_invlpg(&w.mmu, page(512));
    assert_true(go(&w, page(512), RD));
    assert_int_equal(w.x.at.v, 0xA00010);
    crowd_out();
    set(&w, PT + 4 * 512, 0);
    mmu_flush(&w.mmu, false);
    assert_false(go(&w, page(512), RD));
}

static void globals_stay(void **state)
{
    (void)state;
    set(&w, PT + 4 * 512, PAGES | P | W | U | A | G);
    assert_true(go(&w, page(512), RD));
    crowd_out();
    set(&w, PT + 4 * 512, 0);
    mmu_flush(&w.mmu, false);
    assert_true(go(&w, page(512), RD));
    crowd_out();
    mmu_flush(&w.mmu, true);
    assert_false(go(&w, page(512), RD));
}

static void dirty_is_set_in_memory(void **state)
{
    (void)state;
    assert_true(go(&w, page(512), RD));
    crowd_out();
    uint64_t walks = w.mmu.walks;
    assert_true(go(&w, page(512), WR));
    assert_int_equal(w.mmu.walks, walks + 1);
    assert_true(get(&w, PT + 4 * 512) & D);
    crowd_out();
    walks = w.mmu.walks;
    assert_true(go(&w, page(512), WR));
    assert_int_equal(w.mmu.walks, walks);
}

static void rights_given_and_refused(void **state)
{
    (void)state;
    set(&w, PT + 4 * 512, PAGES | P | A);
    assert_true(go(&w, page(512), RD));
    crowd_out();
    assert_false(go(&w, page(512), WR | US));
    assert_int_equal(w.f.code, PF_PRESENT | PF_WRITE | PF_USER);
    set(&w, PT + 4 * 512, PAGES | P | A | W | U);
    assert_true(go(&w, page(512), WR | US)); /* more rights need no INVLPG */
}

static void large_pages_are_known_whole(void **state)
{
    (void)state;
    assert_true(go(&w, gva(LARGE + 0x5010), WR));
    uint64_t now = w.clock.now;
    for (uint32_t n = 0; n < 1024; n++) {
        assert_true(go(&w, gva(LARGE + (n << 12)), RD));
        assert_int_equal(w.x.at.v, LARGE + (n << 12));
    }
    assert_int_equal(w.mmu.walks, 1);
    assert_int_equal(w.clock.now, now);
    assert_true(go(&w, gva(LARGE), EX)); /* the code TLB has its own */
    assert_int_equal(w.mmu.walks, 2);
    set(&w, PD + 4, 0xC00000 | P | W | U | A | D | PS);
    mmu_invlpg(&w.mmu, gva(LARGE + 0x9000)); /* any piece's address will do */
    assert_true(go(&w, gva(LARGE + 0x3000), RD));
    assert_int_equal(w.x.at.v, 0xC03000);
}

static uint32_t chance(uint32_t n)
{
    static uint32_t seed = 11;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* Software that invalidates as it must sees no difference but time, and fewer walks. */
static void nobody_can_tell(void **state)
{
    (void)state;
    static const unsigned kinds[] = { RD, WR, RD | US, WR | US, EX, EX | US };
    for (unsigned round = 0; round < 200000; round++) {
        uint32_t slot = chance(3) ? chance(600) : 16 * chance(12), what = chance(100);
        gva_t at = chance(5) ? page(slot) : gva(LARGE + (chance(1024) << 12));
        if (what < 4) {
            uint32_t entry = (PAGES + (chance(1024) << 12)) | (chance(4) ? P : 0) | (chance(2) ? W : 0) | (chance(2) ? U : 0) |
                             (chance(3) ? A : 0) | (chance(8) ? 0 : G);
            set(&w, PT + 4 * slot, entry), set(&plain, PT + 4 * slot, entry);
            mmu_invlpg(&w.mmu, page(slot)), mmu_invlpg(&plain.mmu, page(slot));
        } else if (what < 5) {
            uint32_t entry = (chance(2) ? 0xC00000u : LARGE) | P | U | A | PS | (chance(2) ? W : 0);
            set(&w, PD + 4, entry), set(&plain, PD + 4, entry);
            mmu_invlpg(&w.mmu, at = gva(LARGE + 0x7000)), mmu_invlpg(&plain.mmu, at);
        } else if (what == 5 && !chance(4)) {
            bool all = chance(2);
            mmu_flush(&w.mmu, all), mmu_flush(&plain.mmu, all);
        }
        unsigned access = kinds[chance(6)];
        bool is = go(&w, at, access), was = go(&plain, at, access);
        if (is != was || (is && w.x.at.v != plain.x.at.v) || (!is && w.f.code != plain.f.code))
            fail_msg("round %u: %X, access %u: %d %X, not %d %X", round, at.v, access, is, w.x.at.v, was, plain.x.at.v);
        if (is && (access & WR) && at.v < LARGE) assert_true(get(&w, PT + 4 * (at.v >> 12)) & D);
    }
    assert_true(w.mmu.walks < plain.mmu.walks);
    assert_true(w.mmu.behind->second.hits && w.mmu.behind->large[0].hits && w.mmu.behind->large[1].hits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saves_walks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stale_until_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(globals_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dirty_is_set_in_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rights_given_and_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_pages_are_known_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_can_tell, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
