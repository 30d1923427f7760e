/* Shadow paging, case by case: the three kinds of fault, A and D, CR0.WP, 4 MB pages, write traces, caching.
 * mmu_shadow_property_test.c compares with bare hardware at random; here each promise of strategy.h has a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "sim/trace/cause.h"
#include "tests/support/shadow_world.h"

enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D, PS = PTE_PS };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER };
enum { PD = 0x1000, PT = 0x2000, PD2 = 0x3000, PT2 = 0x4000, DATA = 0x20000, POOL = 32 };
static const uint32_t ON = PAGING_CR0_PG | PAGING_CR0_WP;

static struct shadow_world w;
static struct trace *trace;

static struct vmmu_stats stats(void)
{
    struct vmmu_stats s;
    w.vmmu.ops->stats(&w.vmmu, &s);
    return s;
}

/* The entry the hardware would read for `va`, 0 if the walk does not get that far. */
static uint32_t entry(uint32_t va)
{
    struct xlat x;
    w.vmmu.ops->probe(&w.vmmu, gva(va), RD, &x);
    return x.refs == 2 ? x.ref[1].entry : 0;
}

/* Page n of the first 4 MB is data frame 20h + n; page 2 is the page table itself; all user-writable. */
static int set_up(void **state)
{
    (void)state;
    trace = trace_new();
    sw_init(&w, POOL, trace);
    sw_store(&w, PD, 4, PT | P | W | U);
    for (uint32_t i = 0; i < 64; i++) sw_store(&w, PT + 4 * i, 4, (DATA + (i << 12)) | P | W | U);
    sw_store(&w, PT + 8, 4, PT | P | W | U);
    sw_store(&w, PT + 12, 4, PD | P | W);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sw_check(&w);
    sw_same_memory(&w, 0, SW_GUEST);
    sw_done(&w);
    trace_free(trace);
    return 0;
}

static void read_ok(uint32_t va) { assert_false(sw_access(&w, va, RD, 4, 0).fault); }
static void write_ok(uint32_t va, uint32_t v) { assert_false(sw_access(&w, va, WR, 4, v).fault); }

static void hidden_fault_fills_and_is_told(void **state)
{
    (void)state;
    w.vmmu.cause = 7;
    assert_int_equal(entry(0x5010), 0);
    uint64_t before = clock_of_cause(&w.vm.clock, CAUSE_SHADOW);
    assert_false(sw_access(&w, 0x5010, RD | US, 4, 0).fault);
    assert_int_equal(entry(0x5010), sw_frame(&w, 0x25) << 12 | P | U | A);
    assert_int_equal(stats().hidden, 1);
    assert_int_equal(trace_count(trace), 1);
    const struct event *e = trace_at(trace, 0);
    assert_int_equal(e->kind, EV_HIDDEN);
    assert_int_equal(e->cause, 7);
    assert_int_equal(e->u.HIDDEN.access, US);
    assert_int_equal(e->u.HIDDEN.va, 0x5010);
    assert_int_equal(e->u.HIDDEN.entry, entry(0x5010));
    /* two guest entries read, a page cleared (64 lines), directory and table entry stored, one entry computed */
    assert_int_equal(clock_of_cause(&w.vm.clock, CAUSE_SHADOW) - before,
                     w.model.cost[COST_SHADOW_FILL] + (2 + 64 + 2) * (uint64_t)w.model.cost[COST_MEM_REF]);
}

static void true_fault_is_the_guests(void **state)
{
    (void)state;
    struct sw_outcome o = sw_access(&w, 0x3004, WR | US, 4, 0); /* a supervisor page */
    assert_true(o.fault);
    assert_int_equal(o.code, PF_PRESENT | PF_WRITE | PF_USER); /* though in the shadow nothing was present */
    o = sw_access(&w, 0x40000, RD, 4, 0);
    assert_int_equal(o.code, 0);
    assert_int_equal(o.addr, 0x40000);
    assert_int_equal(stats().true_, 2);
    assert_int_equal(stats().hidden, 0);
    assert_int_equal(stats().tables, 1); /* its root, the flat one went: a refusal builds nothing */
    assert_int_equal(trace_at(trace, 0)->kind, EV_TRUE);
    assert_int_equal(trace_at(trace, 0)->u.TRUE.access, WR | US);
    assert_int_equal(trace_at(trace, 0)->u.TRUE.entry, PD | P | W);
    assert_int_equal(sw_load(&w, PT + 12), PD | P | W); /* no A either */
}

static void dirty_is_set_by_the_first_write(void **state)
{
    (void)state;
    read_ok(0x5000);
    assert_int_equal(sw_load(&w, PT + 20) & (A | D), A);
    assert_int_equal(entry(0x5000) & W, 0);
    write_ok(0x5000, 1);
    assert_int_equal(sw_load(&w, PT + 20) & (A | D), A | D);
    assert_int_equal(entry(0x5000) & (W | D), W | D);
    assert_int_equal(stats().hidden, 2);
    write_ok(0x5004, 2);
    write_ok(0x6000, 3); /* a write first: one fault */
    assert_int_equal(stats().hidden, 3);
    sw_store(&w, PT + 20, 4, (DATA + 0x5000) | P | W | U | A); /* the guest cleans D: the next write must show */
    assert_int_equal(entry(0x5000) & W, 0);
    sw_invlpg(&w, 0x5000);
    write_ok(0x5000, 4);
    assert_int_equal(sw_load(&w, PT + 20) & D, D);
    sw_store(&w, PT + 24, 4, (DATA + 0x6000) | P | W | U); /* and A: the entry goes */
    assert_int_equal(entry(0x6000), 0);
    sw_flush(&w);
    read_ok(0x6000);
    assert_int_equal(sw_load(&w, PT + 24) & (A | D), A);
}

static void stores_to_tables_are_traced(void **state)
{
    (void)state;
    read_ok(0x5000);
    size_t events = trace_count(trace);
    write_ok(0x2000 + 4 * 7, (DATA + 0x9000) | P | W | U); /* the table maps itself as page 2 */
    assert_int_equal(stats().traced, 1);
    assert_int_equal(trace_at(trace, events)->kind, EV_TRACED);
    assert_int_equal(trace_at(trace, events)->u.TRACED.va, 0x201C);
    assert_int_equal(entry(0x2000) & W, 0);
    read_ok(0x2000);
    write_ok(0x2000 + 4 * 8, 0);
    assert_int_equal(entry(0x2000) & (P | W), P); /* read-only it stays, dirty or not */
    assert_int_equal(stats().traced, 2);
    assert_int_equal(w.traced, 2);
    assert_true(sw_access(&w, 0x8000, RD, 4, 0).fault);
    write_ok(0x7000, 5);
    assert_int_equal(sw_load(&w, DATA + 0x9000), 5);
}

/* A page that is mapped writable, and cached so, turns into a page table. */
static void new_table_takes_write_permission(void **state)
{
    (void)state;
    sw_store(&w, PT + 36, 4, PT2 | P | W | U);
    write_ok(0x9000, (DATA + 0x30000) | P | W); /* slot 0 of the future table, through plain memory */
    assert_int_equal(entry(0x9000) & W, W);
    unsigned invlpgs = w.invlpgs;
    sw_store(&w, PD + 4, 4, PT2 | P | W);
    read_ok(0x400000); /* now it is one */
    assert_int_equal(entry(0x9000) & (P | W), P);
    assert_int_equal(w.invlpgs, invlpgs + 1);
    assert_int_equal(w.flushes, 0);
    sw_check(&w);
    write_ok(0x9000, (DATA + 0x31000) | P | W);
    assert_int_equal(stats().traced, 1);
    sw_invlpg(&w, 0x400000);
    write_ok(0x400000, 77);
    assert_int_equal(sw_load(&w, DATA + 0x31000), 77);
}

static void unaligned_stores_touch_two_entries(void **state)
{
    (void)state;
    write_ok(0x5000, 1), write_ok(0x6000, 1), write_ok(0x7000, 1);
    sw_store(&w, PT + 22, 4, 0); /* upper half of entry 5, lower half of entry 6 */
    assert_int_equal(sw_load(&w, PT + 20), 0x5000 | P | W | U | A | D);
    assert_int_equal(entry(0x5000) >> 12, sw_frame(&w, 5));
    assert_int_equal(entry(0x6000), 0);
    assert_int_equal(entry(0x7000) >> 12, sw_frame(&w, 0x27));
    sw_store(&w, PT + 28, 1, 0); /* the flags of entry 7 alone */
    assert_int_equal(entry(0x7000), 0);
    sw_flush(&w);
    assert_true(sw_access(&w, 0x7000, RD, 4, 0).fault);
}

static void accessed_entries_are_validated_eagerly(void **state)
{
    (void)state;
    read_ok(0x5000);
    uint64_t hidden = stats().hidden;
    sw_store(&w, PT + 40, 4, (DATA + 0x1000) | P | W | U | A);
    sw_store(&w, PT + 44, 4, (DATA + 0x1000) | P | W | U);
    assert_int_equal(entry(0xA000), sw_frame(&w, 0x21) << 12 | P | U | A);
    assert_int_equal(entry(0xB000), 0); /* A may be set by nobody but an access */
    sw_flush(&w);
    read_ok(0xA000);
    assert_int_equal(stats().hidden, hidden);
    read_ok(0xB000);
    assert_int_equal(stats().hidden, hidden + 1);
}

static void contexts_are_cached(void **state)
{
    (void)state;
    sw_store(&w, PD2, 4, PT2 | P | W | U);
    sw_store(&w, PD2 + 4, 4, PT | P | W | U); /* the first context's table, shared, elsewhere */
    sw_store(&w, PT2, 4, (DATA + 0x3F000) | P | W | U);
    for (unsigned round = 0; round < 5; round++) {
        sw_paging(&w, ON, PD, PAGING_CR4_PSE);
        write_ok(0x5000, round);
        sw_paging(&w, ON, PD2, PAGING_CR4_PSE);
        write_ok(0x0000, round);
        assert_int_equal(sw_access(&w, 0x405000, RD, 4, 0).value, round);
    }
    assert_int_equal(stats().hidden, 3); /* 405000 needed its directory entry linked; the table was there */
    assert_int_equal(w.invlpgs + w.flushes, 0);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    sw_store(&w, PT2, 4, 0); /* the TLB holds nothing of the other context: nothing to flush */
    assert_int_equal(w.invlpgs + w.flushes, 0);
    sw_store(&w, PT + 20, 4, 0);
    assert_int_equal(w.invlpgs, 1);
    assert_int_equal(stats().tables, 4); /* two roots, two tables */
}

static void directory_rights_bind_shared_tables(void **state)
{
    (void)state;
    sw_store(&w, PD + 4, 4, PT | P);     /* the same table once more: supervisor, read-only */
    sw_store(&w, PD + 8, 4, PT | P | U); /* user, read-only */
    assert_false(sw_access(&w, 0x5000, WR | US, 4, 1).fault);
    read_ok(0x405000);
    assert_int_equal(sw_access(&w, 0x405000, RD | US, 4, 0).code, PF_PRESENT | PF_USER);
    assert_int_equal(sw_access(&w, 0x405000, WR, 4, 0).code, PF_PRESENT | PF_WRITE);
    assert_false(sw_access(&w, 0x805000, RD | US, 4, 0).fault);
    assert_int_equal(sw_access(&w, 0x805000, WR | US, 4, 0).code, PF_PRESENT | PF_WRITE | PF_USER);
    sw_store(&w, PD + 4, 4, PT | P | W | U | A);
    sw_flush(&w);
    assert_false(sw_access(&w, 0x405000, WR | US, 4, 1).fault);
}

/* WP clear: a kernel may write read-only pages, users still may not, and both can go on for ever. */
static void write_protect_off(void **state)
{
    (void)state;
    sw_store(&w, PT + 20, 4, (DATA + 0x5000) | P | U);
    assert_int_equal(sw_access(&w, 0x5000, WR, 4, 1).code, PF_PRESENT | PF_WRITE);
    sw_paging(&w, PAGING_CR0_PG, PD, PAGING_CR4_PSE);
    for (unsigned i = 0; i < 3; i++) {
        write_ok(0x5000, i);
        assert_int_equal(entry(0x5000) & (W | U), W);
        sw_check(&w);
        assert_int_equal(sw_access(&w, 0x5000, RD | US, 4, 0).value, i);
        assert_int_equal(entry(0x5000) & (W | U), U);
        assert_int_equal(sw_access(&w, 0x5000, WR | US, 4, 0).code, PF_PRESENT | PF_WRITE | PF_USER);
    }
    write_ok(0x5000, 9);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    assert_int_equal(entry(0x5000), 0);
    assert_int_equal(sw_access(&w, 0x5000, WR, 4, 1).code, PF_PRESENT | PF_WRITE);
    read_ok(0x5000);
}

static void large_pages_are_splintered(void **state)
{
    (void)state;
    read_ok(0x5000);
    sw_store(&w, PD + 4, 4, P | W | U | PS);
    assert_false(sw_access(&w, 0x400000 + DATA, RD | US, 4, 0).fault);
    assert_int_equal(sw_load(&w, PD + 4), P | W | U | PS | A);
    assert_int_equal(entry(0x400000 + DATA), sw_frame(&w, 0x20) << 12 | P | U | A);
    write_ok(0x401000 + DATA, 1);
    assert_int_equal(sw_load(&w, PD + 4) & D, D);
    assert_int_equal(entry(0x400000 + DATA) & W, 0); /* D came through another fragment; a write finds it set */
    write_ok(0x400000 + DATA, 2);
    write_ok(0x400000 + PT + 20, (DATA + 0x7000) | P | W | U); /* its own tables lie in it, traced */
    assert_int_equal(stats().traced, 1);
    sw_store(&w, PD + 4, 4, P | W | U | PS | A); /* D cleared: every fragment must show its next write */
    sw_invlpg(&w, 0x7FF000);
    write_ok(0x401000 + DATA, 3);
    assert_int_equal(sw_load(&w, PD + 4) & D, D);
    sw_store(&w, PD + 4, 4, P | W | U | PS | 1u << 17);
    sw_invlpg(&w, 0x400000);
    assert_int_equal(sw_access(&w, 0x401000 + DATA, RD, 4, 0).code, PF_PRESENT | PF_RESERVED);
    sw_store(&w, PD + 4, 4, PT | P | W | U | PS);
    sw_paging(&w, ON, PD, 0); /* without PSE the same entry names a page table */
    write_ok(0x406000, 4);
    assert_int_equal(sw_load(&w, DATA + 0x6000), 4);
}

static void no_ram_is_emulated(void **state)
{
    (void)state;
    sw_store(&w, PT + 20, 4, SW_HOLE << 12 | P | W | U);
    sw_store(&w, PT + 24, 4, SW_DEVICE << 12 | P | W | U);
    sw_store(&w, PT + 28, 4, 0x7F000000 | P | W | U);
    assert_int_equal(sw_access(&w, 0x5000, RD, 4, 0).value, UINT32_MAX);
    assert_int_equal(sw_access(&w, 0x6010, RD, 4, 0).value, 0x5A000010);
    assert_int_equal(sw_access(&w, 0x6800, RD, 4, 0).value, 0); /* RAM in the same page as the window: emulated too */
    write_ok(0x7000, 1);
    assert_int_equal(w.no_ram, 4);
    assert_int_equal(stats().hidden, 0);
    assert_int_equal(sw_load(&w, PT + 28) & (A | D), A | D); /* hardware sets them whatever is behind the page */
    sw_paging(&w, ON, SW_HOLE << 12, PAGING_CR4_PSE); /* a CR3 without memory reads all ones: reserved bits */
    assert_int_equal(sw_access(&w, 0x5000, RD, 4, 0).code, PF_PRESENT | PF_RESERVED);
    sw_paging(&w, ON, SW_HOLE << 12, 0); /* without PSE: a table at FFFFF000, all ones again */
    assert_int_equal(sw_access(&w, 0x5000, RD | US, 4, 0).value, UINT32_MAX);
}

/* A page table inside a device: nothing would tell when it changes, so nothing of it may be kept. */
static void tables_in_a_device_are_not_shadowed(void **state)
{
    (void)state;
    sw_store(&w, PD + 4, 4, SW_DEVICE << 12 | P | W | U);
    sw_store(&w, 0x30000, 4, 0x30);
    sw_store(&w, 0x31000, 4, 0x31);
    for (uint32_t gfn = 0x30; gfn <= 0x31; gfn++) {
        w.device.bits = gfn << 12 | P | W | U;
        sw_flush(&w);
        assert_int_equal(sw_access(&w, 0x400000, RD, 4, 0).value, gfn);
        assert_int_equal(entry(0x400000), 0);
    }
}

static void large_bit_unlinks_a_table(void **state)
{
    (void)state;
    read_ok(0x5000);
    sw_store(&w, PD, 4, PT | P | W | U | A | PS); /* the same frame and rights, but now a 4 MB page far beyond 4 GB */
    sw_flush(&w);
    assert_int_equal(sw_access(&w, 0x5000, RD, 4, 0).value, UINT32_MAX);
}

static void window_belongs_to_the_hypervisor(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    sw_store(&w, PD + 4 * 1023, 4, PT | P | W); /* the guest's tables may say what they like */
    for (unsigned i = 0; i < 3; i++) {
        static const uint32_t cr0[] = { 0x80010000, 0, 0x80010000 }, cr3[] = { PD, PD, PD2 };
        sw_paging(&w, cr0[i], cr3[i], PAGING_CR4_PSE);
        assert_true(w.vmmu.ops->probe(&w.vmmu, gva(SW_WINDOW + 0x123456), WR, &x));
        assert_int_equal(x.ref[0].entry, w.vmmu.env.window_pde);
        assert_int_equal(x.at.v, 0x123456);
        assert_false(w.vmmu.ops->probe(&w.vmmu, gva(SW_WINDOW), RD | US, &x));
    }
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    assert_int_equal(w.vmmu.ops->fault(&w.vmmu, gva(SW_WINDOW + 0x5000), PF_PRESENT | PF_USER, false, &f), MMU_REFLECT);
    assert_int_equal(f.code, PF_PRESENT | PF_USER);
    unsigned invlpgs = w.invlpgs;
    w.vmmu.ops->invlpg(&w.vmmu, gva(SW_WINDOW));
    assert_int_equal(w.invlpgs, invlpgs); /* the guest's INVLPG must not cost the hypervisor its translations */
    assert_true(sw_twin_access(&w, 0x5000, RD, 4, 0).fault == false);
    read_ok(0x5000);
}

static void legal_access_to_the_window_is_emulated(void **state)
{
    (void)state;
    struct fault f;
    sw_store(&w, PD + 4 * 1023, 4, PT | P | W);
    assert_int_equal(w.vmmu.ops->fault(&w.vmmu, gva(SW_WINDOW + 0x5000), PF_PRESENT, true, &f), MMU_NO_RAM);
    assert_int_equal(w.vmmu.ops->fault(&w.vmmu, gva(SW_WINDOW + 0x5000), PF_PRESENT, false, &f), MMU_NO_RAM);
    assert_false(sw_twin_access(&w, SW_WINDOW + 0x5000, RD, 4, 0).fault);
    assert_int_equal(stats().hidden, 0);
}

static void paging_off_maps_physical_memory(void **state)
{
    (void)state;
    write_ok(0x5000, 1);
    sw_paging(&w, PAGING_CR0_WP, PD, PAGING_CR4_PSE);
    write_ok(DATA + 0x5004, 2);
    write_ok(PT + 24, (DATA + 0x1000) | P | W | U); /* tables of cached contexts are traced here too */
    assert_int_equal(stats().traced, 1);
    assert_int_equal(sw_access(&w, SW_DEVICE << 12, RD, 4, 0).value, 0x5A000000);
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    write_ok(0x6000, 3);
    assert_int_equal(sw_load(&w, DATA + 0x1000), 3);
}

static void vmm_may_trace_any_frame(void **state)
{
    (void)state;
    write_ok(0x5000, 1);
    sw_trace(&w, 0x25, true), sw_trace(&w, 0x25, true);
    sw_check(&w); /* not even through the TLB */
    write_ok(0x5000, 2);
    assert_int_equal(stats().traced, 1);
    sw_trace(&w, 0x25, false);
    write_ok(0x5000, 3);
    assert_int_equal(stats().traced, 2);
    sw_trace(&w, 0x25, false);
    write_ok(0x5000, 4);
    assert_int_equal(stats().traced, 2);
    assert_int_equal(entry(0x5000) & W, W);
    w.vmmu.ops->trace(&w.vmmu, gpa(SW_HOLE << 12), true); /* nothing there to trace */
}

static void flushes_when_the_guest_does(void **state)
{
    (void)state;
    static const struct { uint32_t cr0, cr4; bool flush; } steps[] = {
        { 0x80010001, 0x10, false }, /* CR0.PE: nothing to paging */
        { 0x80010001, 0x10, true },  /* MOV CR3 with the same value */
        { 0x80010009, 0x10, false }, /* CR0.TS */
        { 0x80000009, 0x10, true },  /* WP */
        { 0x80000009, 0x00, true },  /* PSE */
        { 0x80000009, 0x80, true },  /* PGE */
        { 0x80000009, 0x84, false }, /* TSD */
        { 0x00000009, 0x84, true },  /* PG */
    };
    hpa_t root = w.vmmu.ops->paging(&w.vmmu, ON, PD, 0x10, &(bool){ 0 });
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool flush = !steps[i].flush;
        hpa_t now = w.vmmu.ops->paging(&w.vmmu, steps[i].cr0, PD, steps[i].cr4, &flush);
        if (flush != steps[i].flush) fail_msg("step %zu: flush %d", i, flush);
        assert_int_equal(now.v != root.v, i == 7);
    }
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    sw_store(&w, PT + 36, 4, PD2 | P | W);
    write_ok(0x9000, 0);
    bool flush = false; /* several registers at once: PD2's page becomes a table, the TLB has it writable */
    w.vmmu.ops->paging(&w.vmmu, ON | 8, PD2, PAGING_CR4_PSE, &flush);
    assert_true(flush);
    w.cr0 = ON | 8;
    sw_paging(&w, ON, PD, PAGING_CR4_PSE);
    sw_flush(&w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(hidden_fault_fills_and_is_told), TEST(true_fault_is_the_guests), TEST(dirty_is_set_by_the_first_write),
        TEST(stores_to_tables_are_traced), TEST(new_table_takes_write_permission),
        TEST(unaligned_stores_touch_two_entries), TEST(accessed_entries_are_validated_eagerly),
        TEST(contexts_are_cached), TEST(directory_rights_bind_shared_tables), TEST(write_protect_off),
        TEST(large_pages_are_splintered), TEST(no_ram_is_emulated),
        TEST(tables_in_a_device_are_not_shadowed), TEST(large_bit_unlinks_a_table),
        TEST(window_belongs_to_the_hypervisor), TEST(legal_access_to_the_window_is_emulated),
        TEST(paging_off_maps_physical_memory), TEST(vmm_may_trace_any_frame),
        TEST(flushes_when_the_guest_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
