/* Shadow paging when room is short: bounded pools of tables and of links, tables given back; what attach refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/support/shadow_world.h"

enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A };
enum { PD = 0x1000, PT = 0x2000, PD2 = 0x3000, PT2 = 0x4000, DATA = 0x20000, POOL = 32 };
static const uint32_t ON = PAGING_CR0_PG | PAGING_CR0_WP;

static struct shadow_world w;

static struct vmmu_stats stats(void)
{
    struct vmmu_stats s;
    w.vmmu.ops->stats(&w.vmmu, &s);
    return s;
}

static int set_up(void **state)
{
    (void)state;
    sw_init(&w, POOL, NULL);
    sw_store(&w, PD, 4, PT | P | W | U);
    for (uint32_t i = 0; i < 64; i++) sw_store(&w, PT + 4 * i, 4, (DATA + (i << 12)) | P | W | U);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sw_check(&w);
    sw_same_memory(&w, 0, SW_GUEST);
    sw_done(&w);
    return 0;
}

static void read_ok(uint32_t va) { assert_false(sw_access(&w, va, ACCESS_READ, 4, 0).fault); }
static void write_ok(uint32_t va, uint32_t v) { assert_false(sw_access(&w, va, ACCESS_WRITE, 4, v).fault); }

/* A page-table page that is given back: the first store after its last use as a table frees it from the trace. */
static void abandoned_tables_are_forgotten(void **state)
{
    (void)state;
    sw_store(&w, PD + 4, 4, PT2 | P | W | U);
    sw_store(&w, PT2, 4, (DATA + 0x1000) | P | W | U);
    sw_store(&w, PT + 36, 4, PT2 | P | W | U);
    read_ok(0x400000);
    sw_store(&w, PD + 4, 4, 0);
    sw_flush(&w);
    for (unsigned i = 0; i < 50; i++) write_ok(0x9000 + 4 * i, i);
    assert_int_equal(stats().traced, 1);
    sw_store(&w, PT + 40, 4, PD2 | P | W | U);
    sw_paging(&w, ON, PD2, PAGING_CR4_PSE); /* a directory likewise; but those are written while not loaded */
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    for (unsigned i = 0; i < 50; i++) write_ok(0xA000 + 4 * i, 0);
    assert_in_range(stats().traced, 2, 30);
}

/* More page tables than frames for shadows of them: the oldest go, everything goes on. */
static void pool_is_bounded(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        sw_store(&w, (10 + i) << 12, 4, (DATA + 0x3C000) | P | W | U);
        sw_store(&w, PD + 4 * (i + 1), 4, (10 + i) << 12 | P | W | U);
    }
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 50; i++) {
            write_ok((i + 1) << 22, i);
            assert_true(stats().tables <= POOL);
        }
    assert_int_equal(stats().tables_peak, POOL);
    assert_int_equal(stats().rebuilt, 0);
    assert_int_equal(stats().hidden, 100);
}

/* Out of reverse-map links: all shadows go, under the running guest's feet, and are built again. */
static void links_are_bounded(void **state)
{
    (void)state;
    unsigned tables = 9; /* 9 * 1024 mappings; a pool of 32 has 8192 links */
    for (uint32_t t = 0; t < tables; t++) {
        for (uint32_t i = 0; i < 1024; i++) sw_store(&w, (10 + t) << 12 | i << 2, 4, (0x30 + i % 64) << 12 | P | W | U);
        sw_store(&w, PD + 4 * (t + 1), 4, (10 + t) << 12 | P | W | U);
    }
    uint32_t cr3 = w.vm.mmu.cr3;
    read_ok(0x5000);
    for (uint32_t t = 0; t < tables; t++)
        for (uint32_t i = 0; i < 1024; i++) {
            write_ok((t + 1) << 22 | i << 12, t + i);
            if (i % 256 == 0) sw_check(&w);
        }
    assert_int_equal(stats().rebuilt, 1);
    const struct shadow *s = w.vmmu.state;
    read_ok(0x5000); /* its table must be back for what follows */
    for (uint32_t i = 0; s->free_links > 1; i++) write_ok((i / 1024 + 1) << 22 | i % 1024 << 12, i);
    sw_store(&w, PT + 4 * 100, 4, DATA | P | W | A); /* the last link; then none: eager validation has to do without */
    sw_store(&w, PT + 4 * 101, 4, DATA | P | W | A);
    assert_int_equal(s->free_links, 0);
    sw_check(&w);
    assert_int_equal(stats().rebuilt, 1);
    write_ok(0x65000, 1);
    assert_int_equal(stats().rebuilt, 2);
    assert_int_equal(w.vm.mmu.cr3, cr3); /* the root in CR3 stayed where it was */
    read_ok(0x5000);
}

static void attach_refuses_what_cannot_work(void **state)
{
    (void)state;
    struct vmmu m = w.vmmu;
    static const struct { uint32_t first, frames, window; int code; } cases[] = {
        { SW_POOL, 15, SW_WINDOW, EXIT_USAGE },
        { SW_MACHINE - 15, 16, SW_WINDOW, EXIT_BUG },
        { UINT32_MAX, 16, SW_WINDOW, EXIT_BUG },
        { SW_POOL, 16, SW_WINDOW + 0x1000, EXIT_BUG },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = { 0 };
        m.env.pool_first = cases[i].first, m.env.pool_frames = cases[i].frames, m.env.window = cases[i].window;
        assert_false(m.ops->attach(&m, &e));
        assert_int_equal(e.code, cases[i].code);
    }
}

/* No null entries, and names that differ: what a new strategy's one line must satisfy. */
static void strategies_are_complete(void **state)
{
    (void)state;
    assert_string_equal(mmu_strategies[0]->name, "shadow");
    for (unsigned i = 0; mmu_strategies[i]; i++) {
        const struct mmu_strategy *s = mmu_strategies[i];
        assert_true(s->about && s->attach && s->paging && s->fault && s->invlpg);
        assert_true(s->wrote && s->trace && s->stats && s->probe);
        for (unsigned k = 0; k < i; k++) assert_string_not_equal(s->name, mmu_strategies[k]->name);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pool_is_bounded), TEST(links_are_bounded), TEST(abandoned_tables_are_forgotten),
        TEST(attach_refuses_what_cannot_work), TEST(strategies_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
