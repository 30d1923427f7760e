/* VMX: exceptions and interrupts that make a guest leave, injection, windows (SDM vol. 3B 21.1-21.4, 22.5, 23.2, 2006; 3C 25.2-25.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* ---- exceptions ---- */

static const struct { const char *what, *bytes; uint32_t bitmap, mask, match, event, code, qualification, length; bool rf; } faults[] = {
    { "#UD", "0F0B", 1u << 6, 0, 0, 0x306, 0, 0, 0, true }, { "#UD not wanted", "0F0B", ~(1u << 6), 0, 0, 0, 0, 0, 0, false },
    { "#GP", "B8FFFF00008ED8", 1u << 13, 0, 0, 0xB0D, 0xFFFC, 0, 0, true },
    { "#DE", "31DBF7F3", 1u << 0, 0, 0, 0x300, 0, 0, 0, true },
    { "int3", "CC", 1u << 3, 0, 0, 0x603, 0, 0, 1, false }, { "int 3 is no exception", "CD03", 1u << 3, 0, 0, 0, 0, 0, 0, false },
    { "into", "6A00B80000008001C0CE", 1u << 4, 0, 0, 0x604, 0, 0, 1, false }, { "int1", "F1", 1u << 1, 0, 0, 0x501, 0, 0, 1, false },
    { "#PF", "A100600300", 1u << 14, 0, 0, 0xB0E, 0, MSRS, 0, true },
    { "#PF not wanted", "A100600300", 0, 0, 0, 0, 0, 0, 0, false },
    { "#PF, code differs", "A100600300", 1u << 14, 2, 2, 0, 0, 0, 0, false },
    { "#PF, code differs and the bit is clear", "A100600300", 0, 2, 2, 0xB0E, 0, MSRS, 0, true },
    { "#PF, write", "A300600300", 1u << 14, 2, 2, 0xB0E, 2, MSRS, 0, true },
    { "all #PF without the bit", "A300600300", 0, 0, 1, 0xB0E, 2, MSRS, 0, true },
};

static void exceptions(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(faults); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        f.cpu.cr2 = 0x77;
        vmx_set(&f, VMCS_EXCEPTIONS, faults[n].bitmap);
        vmx_set(&f, VMCS_PF_MASK, faults[n].mask);
        vmx_set(&f, VMCS_PF_MATCH, faults[n].match);
        fake_page(&f, MSRS, 0);
        vmx_guest_runs(&f, faults[n].bytes, 0);
        for (unsigned k = 0; k < 4 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
        bool leaves = faults[n].event;
        if (f.cpu.vmx.nonroot == leaves) fail_msg("%s: %s", faults[n].what, leaves ? "stays" : "leaves");
        if (leaves) {
            if (vmx_get(&f, VMCS_EVENT) != VALID_EVENT(faults[n].event)) fail_msg("%s: event %x", faults[n].what, vmx_get(&f, VMCS_EVENT));
            assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
            assert_int_equal(vmx_get(&f, VMCS_EVENT_CODE), faults[n].code);
            assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), faults[n].qualification);
            assert_int_equal(vmx_get(&f, VMCS_LENGTH), faults[n].length);
            assert_int_equal(!!(vmx_get(&f, VMCS_GUEST_EFLAGS) & FLAG_RF), faults[n].rf);
            assert_int_equal(f.cpu.cr2, 0x77);
            assert_int_equal(vmx_get(&f, VMCS_VECTORING), 0);
        }
        fake_done(&f);
    }
}

/* The last thing that leaves while something else is delivered: what was being delivered is told, too. */
static void during_delivery(void **state)
{
    (void)state;
    static const struct { const char *what, *bytes; uint32_t bitmap, idt, event, vectoring, vectoring_code, length; uint32_t reason; } during[] = {
        { "#PF on the way of INT 80", "CD80", 1u << 14, 0, 0xB0E, 0x480, 0, 2, VMX_EXCEPTION },
        { "#PF on the way of #GP", "8ED8", 1u << 14, 0, 0xB0E, 0xB0D, 0xFFFC, 0, VMX_EXCEPTION },
        { "#GP for INT 90 without a gate", "CD90", 1u << 13, AT_IDT, 0xB0D, 0x490, 0, 2, VMX_EXCEPTION },
        { "#DF told alone", "8ED8", 1u << 8, 0, 0xB08, 0, 0, 0, VMX_EXCEPTION },
        { "triple fault", "8ED8", 0, 0, 0, 0, 0, 0, VMX_TRIPLE_FAULT },
    };
    for (unsigned n = 0; n < COUNT(during); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_EXCEPTIONS, during[n].bitmap);
        vmx_set(&f, VMCS_GUEST_IDTR_BASE, during[n].idt ? during[n].idt : MSRS);
        if (!during[n].idt) fake_page(&f, MSRS, 0);
        else rings_idt(&f, 0x90, 0, 0, 0);
        vmx_guest_runs(&f, during[n].bytes, 0);
        f.cpu.reg[EAX] = 0xFFFF;
        (void)cpu_run(&f.cpu, 1);
        if (f.cpu.vmx.nonroot) fail_msg("%s: stays", during[n].what);
        assert_int_equal(vmx_get(&f, VMCS_REASON), during[n].reason);
        uint32_t event = during[n].event ? VALID_EVENT(during[n].event) : 0, vectoring = during[n].vectoring ? VALID_EVENT(during[n].vectoring) : 0;
        if (vmx_get(&f, VMCS_EVENT) != event) fail_msg("%s: event %x", during[n].what, vmx_get(&f, VMCS_EVENT));
        if (vmx_get(&f, VMCS_VECTORING) != vectoring) fail_msg("%s: vectoring %x", during[n].what, vmx_get(&f, VMCS_VECTORING));
        assert_int_equal(vmx_get(&f, VMCS_VECTORING_CODE), during[n].vectoring_code);
        assert_int_equal(vmx_get(&f, VMCS_LENGTH), during[n].length);
        assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST);
        fake_done(&f);
    }
}

/* ---- injection ---- */

static void injection(void **state)
{
    (void)state;
    static const struct { const char *what; uint32_t event, length, flags, back; bool code; } cases[] = {
        { "interrupt 20", 0x20, 0, FLAG_IF, GUEST, false }, { "NMI", 0x202, 0, 0, GUEST, false },
        { "#GP(5678)", 0xB0D, 0, 0, GUEST, true }, { "#UD", 0x306, 0, 0, GUEST, false },
        { "INT 80, long", 0x480, 7, FLAG_IF, GUEST + 7, false }, { "INT3", 0x603, 1, 0, GUEST + 1, false },
        { "INT1", 0x501, 1, 0, GUEST + 1, false },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_EXCEPTIONS, UINT32_MAX); /* what is injected is not looked for */
        vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(cases[n].event));
        vmx_set(&f, VMCS_ENTRY_CODE, 0x5678);
        vmx_set(&f, VMCS_ENTRY_LENGTH, cases[n].length);
        vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | cases[n].flags);
        vmx_guest_runs(&f, "90", 0);
        if (!f.cpu.vmx.nonroot || f.cpu.eip != AT_HANDLER + 16 * (cases[n].event & 0xFF)) fail_msg("%s: EIP %x", cases[n].what, f.cpu.eip);
        uint32_t at = f.cpu.reg[ESP];
        if (cases[n].code) {
            assert_int_equal(fake_get32(&f, at), 0x5678);
            at += 4;
        }
        assert_int_equal(fake_get32(&f, at), cases[n].back);
        assert_int_equal(fake_get32(&f, at + 8), FLAG_ONE | cases[n].flags);
        assert_int_equal(f.cpu.reg[ESP], GUEST_STACK - (cases[n].code ? 16 : 12));
        fake_done(&f);
    }
}

/* An event whose delivery fails comes back as IDT-vectoring information, and can be injected again as it is. */
static void reinjection(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    fake_page(&f, GUEST_STACK - 4, 0);
    vmx_set(&f, VMCS_EXCEPTIONS, 1u << 14);
    vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(0xB0D));
    vmx_set(&f, VMCS_ENTRY_CODE, 0x18);
    vmx_guest_runs(&f, "90", 0);
    assert_false(f.cpu.vmx.nonroot);
    assert_int_equal(vmx_get(&f, VMCS_EVENT), VALID_EVENT(0xB0E));
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), GUEST_STACK - 4);
    assert_int_equal(vmx_get(&f, VMCS_VECTORING), VALID_EVENT(0xB0D));
    assert_int_equal(vmx_get(&f, VMCS_VECTORING_CODE), 0x18);
    assert_int_equal(vmx_get(&f, VMCS_ENTRY_EVENT), 0xB0D); /* no longer valid */
    fake_page(&f, GUEST_STACK - 4, FAKE_ALL);
    vmx_set(&f, VMCS_ENTRY_EVENT, vmx_get(&f, VMCS_VECTORING));
    vmx_set(&f, VMCS_ENTRY_CODE, vmx_get(&f, VMCS_VECTORING_CODE));
    static const uint8_t vmresume[] = { 0x0F, 0x01, 0xC3 };
    fake_put(&f, HOST, vmresume, sizeof vmresume);
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 13);
    assert_int_equal(fake_get32(&f, GUEST_STACK - 16), 0x18);
    fake_done(&f);
}

/* ---- the boundary ---- */

static void interrupts(void **state)
{
    (void)state;
    struct fake f;
    for (unsigned acknowledges = 0; acknowledges < 2; acknowledges++) {
        vmx_start_root(&f, VMX_FIRST);
        vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
        if (acknowledges) vmx_set(&f, VMCS_EXIT, EXIT0 | VMX_EXIT_ACKNOWLEDGE);
        vmx_guest_runs(&f, "9090", 1); /* with IF clear */
        fake_irq(&f, 0x31);
        (void)cpu_run(&f.cpu, 1);
        assert_false(f.cpu.vmx.nonroot);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
        assert_int_equal(vmx_get(&f, VMCS_EVENT), acknowledges ? VALID_EVENT(0x31) : 0);
        assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
        assert_int_equal(f.acknowledged, acknowledges);
        assert_int_equal(f.cpu.intr & INTR_PIN, !acknowledges);
        fake_done(&f);
    }
    vmx_start_root(&f, VMX_FIRST); /* without exiting the guest takes it, if it wants any */
    vmx_set(&f, VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF);
    vmx_guest_runs(&f, "9090", 1);
    fake_irq(&f, 0x31);
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 0x31);
    fake_done(&f);
    vmx_start_root(&f, VMX_FIRST); /* halted: wakes */
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
    vmx_guest_runs(&f, "F4", 1);
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    fake_irq(&f, 0x31);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_ACTIVITY), VMX_HALTED);
    assert_false(f.cpu.halted);
    fake_done(&f);
}

static void raise_irq(void *self, uint64_t when)
{
    (void)when;
    fake_irq(self, 0x31);
}

/* Between iterations of REP: RF is saved as a frame would have it (17.3.1.1), so that what a host injects there leads back as it should. */
static void between_iterations(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT);
    vmx_guest_runs(&f, "90F3AA90", 1);
    f.cpu.reg[ECX] = 1000, f.cpu.reg[EDI] = 0x62000;
    struct timer t = { .fire = raise_irq, .self = &f };
    timeq_arm(&f.timers, &t, f.clock.now + 100 * f.model.cost[COST_STRING]);
    for (unsigned k = 0; k < 9 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INTERRUPT);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
    assert_in_range(f.cpu.reg[ECX], 1, 999);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EFLAGS) & FLAG_RF, FLAG_RF);
    fake_done(&f);
}

/* The window opens behind the instruction that STI protects, by whatever way IF is set. */
static void window(void **state)
{
    (void)state;
    static const struct { const char *bytes; unsigned eip; } ways[] = {
        { "9090FB9090", 4 }, { "6802020000 9D90", 6 }, { "90FBFAFB9090", 5 },
    };
    for (unsigned n = 0; n < COUNT(ways); n++) {
        for (unsigned stepping = 0; stepping < 2; stepping++) {
            struct fake f;
            vmx_start_root(&f, VMX_FIRST);
            vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_WINDOW);
            vmx_guest_runs(&f, ways[n].bytes, stepping ? 1 : 8);
            for (unsigned k = 0; stepping && k < 8 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
            assert_false(f.cpu.vmx.nonroot);
            assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_WINDOW);
            assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + ways[n].eip);
            fake_done(&f);
        }
    }
}

static void nmis(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_NMI);
    vmx_guest_runs(&f, "9090", 1);
    cpu_nmi(&f.cpu);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
    assert_int_equal(vmx_get(&f, VMCS_EVENT), VALID_EVENT(0x202));
    assert_true(f.cpu.nmi_blocked);
    fake_done(&f);
    /* Virtual NMIs: blocked in the guest, until its IRET, behind which the window is open. */
    vmx_start_root(&f, VMX_CORE2);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW);
    vmx_set(&f, VMCS_GUEST_INTERRUPTIBILITY, VMX_BLOCKED_NMI);
    vmx_guest_runs(&f, "9C0EE800000000 83042403 CF 9090", 6); /* pushf; push cs; call; add [esp], 5; iret */
    assert_false(f.cpu.vmx.nonroot);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_NMI_WINDOW);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_INTERRUPTIBILITY), 0);
    fake_done(&f);
}

static void monitor_trap(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_NEHALEM);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP);
    vmx_guest_runs(&f, "4040404040", 5);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MONITOR_TRAP);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 1);
    fake_done(&f);
    vmx_start_root(&f, VMX_NEHALEM); /* of a repeated string instruction, an iteration */
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP);
    vmx_guest_runs(&f, "F3AA", 0);
    f.cpu.reg[EDI] = POINTER, f.cpu.reg[ECX] = 3;
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MONITOR_TRAP);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST);
    assert_int_equal(f.cpu.reg[ECX], 2);
    fake_done(&f);
    vmx_start_root(&f, VMX_NEHALEM); /* behind a delivery, at once */
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_MONITOR_TRAP);
    vmx_set(&f, VMCS_ENTRY_EVENT, VALID_EVENT(0x306));
    vmx_guest_runs(&f, "40", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_MONITOR_TRAP);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), AT_HANDLER + 16 * 6);
    fake_done(&f);
}

static void init_pin(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_guest_runs(&f, "9090", 1);
    cpu_reset_soft(&f.cpu);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_INIT);
    cpu_reset_soft(&f.cpu); /* blocked in root operation, until VMXOFF */
    assert_int_equal(f.cpu.eip, HOST);
    uint8_t vmxoff[] = { 0x0F, 0x01, 0xC4 };
    fake_put(&f, HOST, vmxoff, sizeof vmxoff);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, 0xFFF0);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exceptions), cmocka_unit_test(during_delivery), cmocka_unit_test(injection),
        cmocka_unit_test(reinjection), cmocka_unit_test(interrupts), cmocka_unit_test(between_iterations), cmocka_unit_test(window), cmocka_unit_test(nmis),
        cmocka_unit_test(monitor_trap), cmocka_unit_test(init_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
