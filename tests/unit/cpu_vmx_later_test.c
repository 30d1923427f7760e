/* VMX of later models than the first: the page of a virtual APIC and the TPR's threshold (SDM vol. 3C 29.1-29.4), the preemption timer
 * (25.5.1), WBINVD exiting; and a start-up interrupt for a guest that waits for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/mem.h"
#include "sim/cpu/segment.h"
#include "tests/support/cpu_case.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { APIC = 0x50000 /* where the guest's APIC is */, FAR = 1 << 4 /* an offset that is no TPR */ };

static void start(struct fake *f, uint32_t proc, uint32_t threshold)
{
    vmx_start_root(f, VMX_NEHALEM);
    vmx_set(f, VMCS_PROC, PROC0 | proc | VMX_PROC_SECONDARY);
    vmx_set(f, VMCS_PROC2, VMX_PROC2_APIC);
    vmx_set(f, VMCS_APIC_ACCESS, APIC);
    vmx_set(f, VMCS_VIRTUAL_APIC, VTPR);
    vmx_set(f, VMCS_TPR_THRESHOLD, threshold);
    fake_put32(f, APIC + 0x80, 0x11223344);
}

/* Every access leaves in the place of its instruction, and tells where and how. */
static void apic_accesses(void **state)
{
    (void)state;
    static const struct { const char *what, *bytes; uint32_t proc, qualification; } rows[] = {
        { "read", "A120000500", 0, 0x0020 }, { "write", "A3F0020500", 0, 0x12F0 }, { "a byte", "A081000500", 0, 0x0081 },
        { "read of the TPR", "A180000500", 0, 0x0080 }, { "read and write: as a write", "FF0520000500", 0, 0x1020 },
        { "only the end of it", "A1FEFF0400", 0, 0x0000 }, { "push", "BC24000500 50", 0, 0x1020 },
        { "string", "BF20000500 AB", 0, 0x1020 }, { "fetch", "B820000500 FFE0", 0, 0x2020 },
        { "round the TPR", "A17E000500", VMX_PROC_TPR_SHADOW, 0x007E }, { "behind it", "A184000500", VMX_PROC_TPR_SHADOW, 0x0084 },
        { "a word over its end", "66A183000500", VMX_PROC_TPR_SHADOW, 0x0083 }, { "fetch of the TPR", "B880000500 FFE0", VMX_PROC_TPR_SHADOW, 0x2080 },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        start(&f, rows[n].proc, 0);
        vmx_guest_runs(&f, rows[n].bytes, 0);
        for (unsigned k = 0; k < 3 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
        if (f.cpu.vmx.nonroot) fail_msg("%s: stays", rows[n].what);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_APIC_ACCESS);
        if (vmx_get(&f, VMCS_QUALIFICATION) != rows[n].qualification) fail_msg("%s: %x", rows[n].what, vmx_get(&f, VMCS_QUALIFICATION));
        assert_true(vmx_get(&f, VMCS_GUEST_EFLAGS) & FLAG_RF);
        assert_int_equal(vmx_get(&f, VMCS_VECTORING), 0);
        assert_int_equal(fake_get32(&f, APIC + 0x80), 0x11223344);
        fake_done(&f);
    }
}

/* A frame that goes there: not the access is told, but that it was on the way of an event. */
static void apic_delivery(void **state)
{
    (void)state;
    struct fake f;
    start(&f, 0, 0);
    vmx_set(&f, VMCS_GUEST_ESP, APIC + 0x100);
    vmx_guest_runs(&f, "CD80", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_APIC_ACCESS);
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION) >> 12, 3);
    assert_int_equal(vmx_get(&f, VMCS_VECTORING), VALID_EVENT(0x480));
    assert_int_equal(vmx_get(&f, VMCS_LENGTH), 2);
    fake_done(&f);
}

/* With a TPR shadow the register is the guest's, and lies in another page. */
static void tpr(void **state)
{
    (void)state;
    struct fake f;
    start(&f, VMX_PROC_TPR_SHADOW, 2);
    /* mov eax, [tpr]; mov dword [tpr], 55h; or dword [tpr], 20h; mov ecx, [tpr] */
    vmx_guest_runs(&f, "A180000500 C7058000050055000000 830D8000050020 8B0D80000500", 4);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.reg[EAX], 0x30);
    assert_int_equal(f.cpu.reg[ECX], 0x75);
    assert_int_equal(fake_get32(&f, VTPR + 0x80), 0x75);
    assert_int_equal(fake_get32(&f, APIC + 0x80), 0x11223344);
    fake_done(&f);
}

/* Below the threshold: behind the instruction that made it so, or at once. */
static void threshold(void **state)
{
    (void)state;
    struct fake f;
    start(&f, VMX_PROC_TPR_SHADOW, 2);
    vmx_guest_runs(&f, "C7058000050020000000 C705800005001F000000 40 40", 4);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_TPR_LOW);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST + 20);
    assert_false(vmx_get(&f, VMCS_GUEST_EFLAGS) & FLAG_RF);
    fake_done(&f);
    start(&f, VMX_PROC_TPR_SHADOW, 4);
    vmx_guest_runs(&f, "4040", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_TPR_LOW);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_EIP), GUEST);
    fake_done(&f);
}

/* What was in the TLB from before is none of the guest's, and what the guest leaves there is not the host's. */
static void no_stale_tags(void **state)
{
    (void)state;
    struct fake f;
    start(&f, 0, 0);
    uint32_t v;
    assert_int_equal(lin_read(&f.cpu, gva(APIC + 0x20), 4, false, &v), STEP_OK);
    vmx_guest_runs(&f, "A124000500", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_APIC_ACCESS);
    assert_int_equal(lin_read(&f.cpu, gva(APIC + 0x80), 4, false, &v), STEP_OK);
    assert_int_equal(v, 0x11223344);
    fake_done(&f);
}

/* ---- the preemption timer ---- */

/* It counts cycles in units of 32, in whatever state but waiting for a SIPI, and leaves without an instruction if it is down already. */
static void timer(void **state)
{
    (void)state;
    static const struct { uint32_t value, activity; } rows[] = { { 0, VMX_ACTIVE }, { 1, VMX_ACTIVE }, { 100, VMX_ACTIVE }, { 0, VMX_HALTED }, { 0, VMX_SHUTDOWN } };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        vmx_start_root(&f, VMX_NEHALEM);
        vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_TIMER);
        vmx_set(&f, VMCS_EXIT, EXIT0 | VMX_EXIT_SAVE_TIMER);
        vmx_set(&f, VMCS_PREEMPTION_TIMER, rows[n].value);
        vmx_set(&f, VMCS_GUEST_ACTIVITY, rows[n].activity);
        vmx_guest_runs(&f, "EBFE", 0);
        uint64_t begun = f.clock.now;
        for (unsigned k = 0; k < 100000 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
        assert_false(f.cpu.vmx.nonroot);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_TIMER);
        assert_int_equal(vmx_get(&f, VMCS_PREEMPTION_TIMER), 0);
        assert_int_equal(vmx_get(&f, VMCS_GUEST_ACTIVITY), rows[n].activity);
        uint64_t took = f.clock.now - begun;
        if (rows[n].activity == VMX_ACTIVE) assert_in_range(took, rows[n].value ? rows[n].value * 32 - 32 : 0, 1931 + rows[n].value * 32 + 400);
        assert_false(f.cpu.vmx_timer.armed);
        fake_done(&f);
    }
}

/* Whoever leaves before is told the rest, if he asked; else the field stays. It is behind debug traps, before the NMI window. */
static void timer_left(void **state)
{
    (void)state;
    for (unsigned saves = 0; saves < 2; saves++) {
        struct fake f;
        vmx_start_root(&f, VMX_NEHALEM);
        vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_TIMER);
        if (saves) vmx_set(&f, VMCS_EXIT, EXIT0 | VMX_EXIT_SAVE_TIMER);
        vmx_set(&f, VMCS_PREEMPTION_TIMER, 5000);
        vmx_guest_runs(&f, "90909090 0FA2", 5);
        assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_CPUID);
        if (saves) assert_in_range(vmx_get(&f, VMCS_PREEMPTION_TIMER), 4900, 4999);
        else assert_int_equal(vmx_get(&f, VMCS_PREEMPTION_TIMER), 5000);
        assert_false(f.cpu.vmx_timer.armed);
        fake_done(&f);
    }
    struct fake f;
    vmx_start_root(&f, VMX_NEHALEM);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_TIMER | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI);
    vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_NMI_WINDOW);
    vmx_guest_runs(&f, "90", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_TIMER);
    fake_done(&f);
    vmx_start_root(&f, VMX_NEHALEM); /* a trap that was pending comes first */
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_TIMER);
    vmx_set(&f, VMCS_EXCEPTIONS, 1u << VEC_DB);
    vmx_set(&f, VMCS_GUEST_PENDING_DEBUG, DR6_BS);
    vmx_guest_runs(&f, "90", 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_EXCEPTION);
    fake_done(&f);
}

/* ---- the rest ---- */

static void sipi(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_guest_runs(&f, "90", 0);
    cpu_sipi(&f.cpu, 0x12); /* it does not wait for one */
    (void)cpu_run(&f.cpu, 1);
    assert_true(f.cpu.vmx.nonroot);
    fake_done(&f);
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_GUEST_ACTIVITY, VMX_WAIT_SIPI);
    vmx_set(&f, VMCS_PIN, PIN0 | VMX_PIN_INTERRUPT | VMX_PIN_NMI);
    vmx_guest_runs(&f, "90", 0);
    fake_irq(&f, 0x31);
    cpu_nmi(&f.cpu);
    cpu_reset_soft(&f.cpu); /* INIT, too, is nothing to it */
    assert_int_equal(cpu_run(&f.cpu, 1), CPU_HALTED);
    assert_true(f.cpu.vmx.nonroot);
    cpu_sipi(&f.cpu, 0x12);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_SIPI);
    assert_int_equal(vmx_get(&f, VMCS_QUALIFICATION), 0x12);
    assert_int_equal(vmx_get(&f, VMCS_GUEST_ACTIVITY), VMX_WAIT_SIPI);
    fake_done(&f);
}

static void wbinvd(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 3; n++) { /* not asked for; asked for; in ring 3 */
        struct fake f;
        vmx_start_root(&f, VMX_NEHALEM);
        vmx_set(&f, VMCS_PROC, PROC0 | VMX_PROC_SECONDARY);
        vmx_set(&f, VMCS_PROC2, n ? VMX_PROC2_WBINVD : 0);
        if (n == 2) {
            vmx_set(&f, VMCS_GUEST_CS, CODE(3) | 3), vmx_set(&f, VMCS_GUEST_CS_AR, 0xC0FB);
            vmx_set(&f, VMCS_GUEST_SS, DATA(3) | 3), vmx_set(&f, VMCS_GUEST_SS_AR, 0xC0F3);
            vmx_set(&f, VMCS_GUEST_DS_AR, AR_UNUSABLE), vmx_set(&f, VMCS_GUEST_ES_AR, AR_UNUSABLE);
        }
        vmx_guest_runs(&f, "0F09", 1);
        assert_int_equal(f.cpu.vmx.nonroot, n != 1);
        if (n == 1) assert_int_equal(vmx_get(&f, VMCS_REASON), VMX_WBINVD);
        if (n == 1) assert_int_equal(vmx_get(&f, VMCS_LENGTH), 2);
        if (n == 2) assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_GP);
        fake_done(&f);
    }
}

/* A CS that says it cannot be used is used all the same. */
static void unusable_cs(void **state)
{
    (void)state;
    struct fake f;
    vmx_start_root(&f, VMX_FIRST);
    vmx_set(&f, VMCS_GUEST_CS_AR, AR_FLAT_CODE | AR_UNUSABLE);
    vmx_guest_runs(&f, "40", 1);
    assert_true(f.cpu.vmx.nonroot);
    assert_int_equal(f.cpu.eip, GUEST + 1);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apic_accesses), cmocka_unit_test(apic_delivery), cmocka_unit_test(tpr), cmocka_unit_test(threshold),
        cmocka_unit_test(no_stale_tags), cmocka_unit_test(timer), cmocka_unit_test(timer_left), cmocka_unit_test(sipi),
        cmocka_unit_test(wbinvd), cmocka_unit_test(unusable_cs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
