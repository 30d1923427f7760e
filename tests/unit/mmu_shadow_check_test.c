/* The watchman watched: each promise of shadow paging is broken on purpose, and shadow_check_some must say so; at once where the
 * strategy itself made the change, and after one turn through all tables where nobody announced it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "tests/support/shadow_world.h"

enum { P = PTE_P, W = PTE_W, U = PTE_U, D = PTE_D };
enum { PD = 0x1000, PT = 0x2000, DATA = 0x20000, POOL = 32, TURN = 4 * POOL + 4 };
static const uint32_t ON = PAGING_CR0_PG | PAGING_CR0_WP;

static struct shadow_world w;
static char why[200];

static int set_up(void **state)
{
    (void)state;
    sw_init(&w, POOL, NULL);
    sw_store(&w, PD, 4, PT | P | W | U);
    for (uint32_t i = 0; i < 64; i++) sw_store(&w, PT + 4 * i, 4, (DATA + (i << 12)) | P | W | U);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    for (uint32_t i = 0; i < 32; i++) (void)sw_access(&w, i << 12, i & 1 ? ACCESS_WRITE : ACCESS_READ, 4, i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sw_done(&w);
    return 0;
}

static bool some(void) { return shadow_check_some(&w.vmmu, &w.vm.dtlb, why, sizeof why); }
static struct shadow *shadow(void) { return w.vmmu.state; }

/* How many visits until somebody speaks; 0: nobody does in a whole turn. */
static unsigned found(const char *what)
{
    for (unsigned i = 1; i <= TURN; i++) {
        if (some()) continue;
        if (!strstr(why, what)) fail_msg("\"%s\" instead of \"%s\"", why, what);
        return i;
    }
    return 0;
}

static void all_is_well(void)
{
    for (unsigned i = 0; i < 2 * TURN; i++)
        if (!some()) fail_msg("%s", why);
    sw_check(&w);
}

/* The shadow table made from the guest's page table. */
static uint32_t table(void)
{
    uint32_t t = shadow_find(shadow(), SHADOW_TABLE, sw_frame(&w, PT >> 12), 0, W | U);
    assert_int_not_equal(t, SHADOW_NONE);
    return t;
}

static uint32_t *guest_entry(unsigned slot) { return (uint32_t *)(void *)(w.vm.ram + (sw_frame(&w, PT >> 12) << 12) + 4 * slot); }
static uint32_t *shadow_entry_at(unsigned slot) { return (uint32_t *)(void *)(w.vm.ram + ((shadow()->env->pool_first + table()) << 12) + 4 * slot); }

static void a_healthy_world(void **state)
{
    (void)state;
    all_is_well();
    sw_store(&w, PT + 4 * 3, 4, 0);
    sw_store(&w, PT + 4 * 5, 4, (DATA + 0x9000) | P | W | U);
    all_is_well();
}

/* What the strategy itself does wrong is found at the same visit. */
static void a_wrong_entry(void **state)
{
    (void)state;
    all_is_well();
    shadow_set(shadow(), table(), 40, sw_frame(&w, 0x30) << 12 | P | PTE_A | U);
    assert_int_equal(found("not present or not accessed"), 1);
}

static void a_foreign_frame(void **state)
{
    (void)state;
    all_is_well();
    *shadow_entry_at(7) = 0x5000 | P | PTE_A | W | D; /* by no way of ours: the hypervisor's own memory */
    assert_in_range(found("leads elsewhere"), 1, TURN);
}

static void too_generous(void **state)
{
    (void)state;
    all_is_well();
    *shadow_entry_at(6) |= W | D; /* only read so far: the guest's is not dirty */
    assert_in_range(found("not dirty"), 1, TURN);
}

static void a_store_that_nobody_followed(void **state)
{
    (void)state;
    all_is_well();
    *guest_entry(7) = 0;
    assert_in_range(found("not present or not accessed"), 1, TURN);
}

/* As if following a store did nothing. */
static void a_store_followed_badly(void **state)
{
    (void)state;
    all_is_well();
    uint32_t kept = *shadow_entry_at(9);
    sw_store(&w, PT + 4 * 9, 4, 0);
    *shadow_entry_at(9) = kept;
    assert_int_equal(found("not present or not accessed"), 1);
}

static void a_table_that_can_be_written(void **state)
{
    (void)state;
    sw_store(&w, PT + 4 * 33, 4, PT | P | W | U | PTE_A | D);
    (void)sw_access(&w, 33 << 12, ACCESS_READ, 4, 0);
    all_is_well();
    *shadow_entry_at(33) |= W | D;
    assert_in_range(found("a traced frame can be written to"), 1, TURN);
}

static void a_stale_tlb(void **state)
{
    (void)state;
    all_is_well();
    (void)sw_access(&w, 8 << 12, ACCESS_READ, 4, 0);
    for (unsigned i = 0; i < TLB_DATA_SETS * TLB_WAYS; i++) {
        struct tlb_entry *e = &w.vm.dtlb.e[i / TLB_WAYS][i % TLB_WAYS];
        if (e->valid && (e->page & PAGE_MASK) == 8 << 12) e->frame = sw_frame(&w, PT >> 12) << 12, e->pte |= W | PTE_D;
    }
    assert_int_equal(found("the TLB lets the guest write"), 1);
}

static void too_much_at_once(void **state)
{
    (void)state;
    all_is_well();
    for (uint32_t i = 0; i < 64; i++) {
        sw_store(&w, PT + 4 * i, 4, 0);
        sw_store(&w, PT + 4 * i, 4, (DATA + (i << 12)) | P | W | U | PTE_A);
    }
    *shadow_entry_at(1) |= W | D; /* not among those remembered: all is looked at */
    assert_int_equal(found("not dirty"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_healthy_world), TEST(a_wrong_entry),          TEST(a_foreign_frame),             TEST(too_generous), TEST(a_store_that_nobody_followed),
        TEST(a_stale_tlb),     TEST(a_store_followed_badly), TEST(a_table_that_can_be_written), TEST(too_much_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
