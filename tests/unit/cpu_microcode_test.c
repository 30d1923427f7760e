/* What microcode takes: its row on the account of its cause, and beside it the memory references it really makes, each of which waits for
 * the caches as any other does. Delivery through a gate, the interrupt's way from the pin, IRET, #PF, VM entry and exit;
 * and that memory is as many nanoseconds away, whatever the processor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/gate.h"
#include "sim/trace/cause.h"
#include "tests/support/vmx_world.h"

enum { MEMORY = 304 /* 80 ns at 3.8 GHz */, VECTOR = 0x30 };
static const struct fake_row no_l2[] = { { "l2.kb", 0 }, { "l2.ways", 0 }, { NULL, 0 } }; /* so that each miss is memory's */

struct spent { uint64_t by[CAUSE_COUNT]; };
static struct spent so_far(struct fake *f)
{
    struct spent s;
    clock_settle(&f->clock);
    memcpy(s.by, f->clock.by_cause, sizeof s.by);
    return s;
}
static uint64_t since(struct fake *f, const struct spent *s, enum cause c) { return so_far(f).by[c] - s->by[c]; }

/* A world in ring 3, TLBs and caches warm or cold, an interrupt line and IF. */
static void ring3(struct fake *f, bool warm, uint8_t vector, enum delivery how)
{
    rings_init(f);
    rings_desc(f, SEL_TSS, AT_TSS, 0x2067, AR_P | 11);
    fake_caches(f, no_l2);
    for (unsigned round = 0; round < 2; round++) { /* the first fetches translations and lines, and marks descriptors as accessed */
        rings_enter(f, 3);
        f->cpu.eflags |= FLAG_IF;
        if (!round) assert_int_equal(cpu_deliver(&f->cpu, vector, how, how == DELIVER_FAULT, 0), STEP_JUMP);
    }
    if (!warm) mmu_empty(f->cpu.env.mmu, false);
}

/* From ring 3 to ring 0: the gate, the new CS and SS in one line of the GDT, the TSS, and the frame; cold, each is waited for. */
static void delivery(void **state)
{
    (void)state;
    for (unsigned warm = 0; warm < 2; warm++) {
        struct fake f;
        ring3(&f, warm, VECTOR, DELIVER_EXTERNAL);
        struct spent s = so_far(&f);
        assert_int_equal(cpu_deliver(&f.cpu, VECTOR, DELIVER_EXTERNAL, false, 0), STEP_JUMP);
        assert_int_equal(since(&f, &s, CAUSE_DELIVER), f.model.cost[COST_GATE]);
        assert_int_equal(since(&f, &s, CAUSE_STALL), warm ? 0 : 4 * MEMORY);
        assert_int_equal(since(&f, &s, CAUSE_WALK), 0);
        fake_done(&f);
    }
}

static void page_fault_is_dearer(void **state)
{
    (void)state;
    struct fake f;
    ring3(&f, true, VEC_PF, DELIVER_FAULT);
    struct spent s = so_far(&f);
    assert_int_equal(cpu_deliver(&f.cpu, VEC_PF, DELIVER_FAULT, true, 0), STEP_JUMP);
    assert_int_equal(since(&f, &s, CAUSE_DELIVER), f.model.cost[COST_GATE] + f.model.cost[COST_GATE_PF]);
    fake_done(&f);
}

/* From the pin to the handler: at the next boundary, and the controller is asked for its vector. Not while IF is clear. */
static void interrupt(void **state)
{
    (void)state;
    struct fake f;
    ring3(&f, true, VECTOR, DELIVER_EXTERNAL);
    static const uint8_t nops[] = { 0x90, 0x90, 0x90 };
    fake_put(&f, FAKE_CODE, nops, sizeof nops);
    f.cpu.eip = FAKE_CODE;
    f.cpu.eflags &= ~(uint32_t)FLAG_IF;
    fake_irq(&f, VECTOR);
    struct spent s = so_far(&f);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(since(&f, &s, CAUSE_DELIVER), 0);
    f.cpu.eflags |= FLAG_IF;
    f.cpu.break_at = 0;
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
    assert_int_equal(f.acknowledged, 1);
    assert_int_equal(since(&f, &s, CAUSE_DELIVER), f.model.cost[COST_IRQ] + f.model.cost[COST_GATE]);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), FAKE_CODE + 1);
    fake_done(&f);
}

/* And back: the frame's line, and the two descriptors'. */
static void iret(void **state)
{
    (void)state;
    for (unsigned warm = 0; warm < 2; warm++) {
        struct fake f;
        ring3(&f, true, VECTOR, DELIVER_EXTERNAL);
        static const uint8_t code = 0xCF;
        for (unsigned round = 0; round < 2; round++) {
            rings_enter(&f, 3);
            assert_int_equal(cpu_deliver(&f.cpu, VECTOR, DELIVER_EXTERNAL, false, 0), STEP_JUMP);
            fake_put(&f, f.cpu.eip, &code, 1);
            if (!round) assert_int_equal(cpu_execute_one(&f.cpu, NULL), STEP_JUMP);
        }
        if (!warm) mmu_empty(f.cpu.env.mmu, false);
        struct spent s = so_far(&f);
        assert_int_equal(cpu_execute_one(&f.cpu, NULL), STEP_JUMP);
        assert_int_equal(f.cpu.cpl, 3);
        assert_int_equal(since(&f, &s, CAUSE_DELIVER), f.model.cost[COST_IRET]);
        assert_int_equal(since(&f, &s, CAUSE_STALL), warm ? 0 : 3 * MEMORY); /* IRET itself lies in the line that was fetched last */
        fake_done(&f);
    }
}

/* VM entry and exit: their rows, and the control structure is read and written in memory. */
static void vm_entry_and_exit(void **state)
{
    (void)state;
    for (unsigned generation = 1; generation <= 3; generation += 2) {
        struct fake f;
        static const uint8_t cpuid[] = { 0x0F, 0xA2 }, vmlaunch[] = { 0x0F, 0x01, 0xC2 };
        vmx_start_root(&f, generation);
        fake_put(&f, GUEST, cpuid, sizeof cpuid);
        fake_put(&f, FAKE_CODE, vmlaunch, sizeof vmlaunch);
        f.cpu.eip = FAKE_CODE;
        struct spent s = so_far(&f);
        vmx_set(&f, VMCS_REASON, 0xFFFF);
        (void)cpu_run(&f.cpu, 1);
        assert_true(f.cpu.vmx.nonroot);
        assert_int_equal(since(&f, &s, CAUSE_VMENTRY), f.model.cost[COST_VMENTRY]);
        assert_int_equal(since(&f, &s, CAUSE_VMEXIT), 0);
        (void)cpu_run(&f.cpu, 1);
        assert_false(f.cpu.vmx.nonroot);
        assert_int_equal(since(&f, &s, CAUSE_VMEXIT), f.model.cost[COST_VMEXIT]);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_CPUID);
        fake_done(&f);
    }
}

/* The same nanoseconds are more cycles of a faster processor. */
static void nanoseconds(void **state)
{
    (void)state;
    static const struct { const char *model; uint32_t memory, port; } rows[] = { { "p4", 304, 3192 }, { "core2", 200, 2235 }, { "nehalem", 191, 2462 } };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct model m;
        assert_true(model_find(rows[k].model, &m, NULL));
        struct clock c = { .hz = m.hz };
        assert_int_equal(clock_from_ns(&c, m.cost[COST_MEMORY_NS]), rows[k].memory);
        assert_int_equal(clock_from_ns(&c, m.cost[COST_PORT_NS]), rows[k].port);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivery), cmocka_unit_test(page_fault_is_dearer), cmocka_unit_test(interrupt), cmocka_unit_test(iret),
        cmocka_unit_test(vm_entry_and_exit), cmocka_unit_test(nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
