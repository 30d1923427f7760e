/* VMX: the list of exit reasons, from one end to the other (SDM vol. 3B app. I; 3C app. C): each that this machine has can be met, and is
 * met here in the shortest way; what a model of the first generation has is met on one. Details are in the other cpu_vmx_*_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/cpu_case.h"
#include "tests/support/vmx_world.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define PROC(bits) { VMCS_PROC, PROC0 | (uint32_t)(bits) }
#define PIN(bits) { VMCS_PIN, PIN0 | (uint32_t)(bits) }
#define SECOND(bits) { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY }, { VMCS_PROC2, bits }

static void raise_irq(struct fake *f) { fake_irq(f, 0x31); }
static void raise_init(struct fake *f) { cpu_reset_soft(&f->cpu); }
static void raise_sipi(struct fake *f) { cpu_sipi(&f->cpu, 1); }
static void no_idt(struct fake *f) { f->cpu.idtr.limit = 0; }

static const struct recipe {
    unsigned reason;
    uint8_t  since;
    const char *bytes;
    struct vmx_change c[5];
    void (*then)(struct fake *f);
} recipes[] = {
    { VMX_EXCEPTION, 1, "0F0B", { { VMCS_EXCEPTIONS, 1u << 6 } }, NULL }, { VMX_INTERRUPT, 1, "90", { PIN(VMX_PIN_INTERRUPT) }, raise_irq },
    { VMX_TRIPLE_FAULT, 1, "0F0B", { { 0, 0 } }, no_idt }, { VMX_INIT, 1, "90", { { 0, 0 } }, raise_init },
    { VMX_SIPI, 1, "90", { { VMCS_GUEST_ACTIVITY, VMX_WAIT_SIPI } }, raise_sipi },
    { VMX_WINDOW, 1, "90", { PROC(VMX_PROC_WINDOW), { VMCS_GUEST_EFLAGS, FLAG_ONE | FLAG_IF } }, NULL },
    { VMX_NMI_WINDOW, 2, "90", { PROC(VMX_PROC_NMI_WINDOW), PIN(VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI) }, NULL },
    { VMX_TASK, 1, "EA00000000A000", { { 0, 0 } }, NULL }, { VMX_CPUID, 1, "0FA2", { { 0, 0 } }, NULL },
    { VMX_HLT, 1, "F4", { PROC(VMX_PROC_HLT) }, NULL }, { VMX_INVD, 1, "0F08", { { 0, 0 } }, NULL },
    { VMX_INVLPG, 1, "0F0138", { PROC(VMX_PROC_INVLPG) }, NULL }, { VMX_RDPMC, 1, "0F33", { PROC(VMX_PROC_RDPMC) }, NULL },
    { VMX_RDTSC, 1, "0F31", { PROC(VMX_PROC_RDTSC) }, NULL }, { VMX_VMCALL, 1, "0F01C1", { { 0, 0 } }, NULL },
    { VMX_VMCLEAR, 1, "660FC730", { { 0, 0 } }, NULL }, { VMX_VMLAUNCH, 1, "0F01C2", { { 0, 0 } }, NULL },
    { VMX_VMPTRLD, 1, "0FC730", { { 0, 0 } }, NULL }, { VMX_VMPTRST, 1, "0FC738", { { 0, 0 } }, NULL },
    { VMX_VMREAD, 1, "0F78C8", { { 0, 0 } }, NULL }, { VMX_VMRESUME, 1, "0F01C3", { { 0, 0 } }, NULL },
    { VMX_VMWRITE, 1, "0F79C8", { { 0, 0 } }, NULL }, { VMX_VMXOFF, 1, "0F01C4", { { 0, 0 } }, NULL },
    { VMX_VMXON, 1, "F30FC730", { { 0, 0 } }, NULL }, { VMX_CR, 1, "0F20D8", { { 0, 0 } }, NULL },
    { VMX_DR, 1, "0F21C0", { PROC(VMX_PROC_MOV_DR) }, NULL }, { VMX_IO, 1, "EC", { PROC(VMX_PROC_IO) }, NULL },
    { VMX_RDMSR, 1, "0F32", { { 0, 0 } }, NULL }, { VMX_WRMSR, 1, "0F30", { { 0, 0 } }, NULL },
    { VMX_BAD_GUEST, 1, "", { { VMCS_GUEST_EFLAGS, 0 } }, NULL },
    { VMX_BAD_MSR, 1, "", { { VMCS_ENTRY_LOADS, 1 }, { VMCS_ENTRY_LOAD_AT, MSRS } }, NULL },
    { VMX_MWAIT, 1, "0F01C9", { PROC(VMX_PROC_MWAIT) }, NULL }, { VMX_MONITOR_TRAP, 3, "90", { PROC(VMX_PROC_MONITOR_TRAP) }, NULL },
    { VMX_MONITOR, 1, "0F01C8", { PROC(VMX_PROC_MONITOR) }, NULL }, { VMX_PAUSE, 1, "F390", { PROC(VMX_PROC_PAUSE) }, NULL },
    { VMX_TPR_LOW, 3, "90", { { VMCS_PROC, PROC0 | VMX_PROC_SECONDARY | VMX_PROC_TPR_SHADOW }, { VMCS_PROC2, VMX_PROC2_APIC },
      { VMCS_APIC_ACCESS, 0x50000 }, { VMCS_VIRTUAL_APIC, VTPR }, { VMCS_TPR_THRESHOLD, 9 } }, NULL },
    { VMX_APIC_ACCESS, 3, "A120000500", { SECOND(VMX_PROC2_APIC), { VMCS_APIC_ACCESS, 0x50000 } }, NULL },
    { VMX_TIMER, 3, "90", { PIN(VMX_PIN_TIMER) }, NULL }, { VMX_WBINVD, 3, "0F09", { SECOND(VMX_PROC2_WBINVD) }, NULL },
    { VMX_INVEPT, 3, "660F388000", { { 0, 0 } }, NULL }, { VMX_INVVPID, 3, "660F388100", { { 0, 0 } }, NULL },
};
/* These need second-level tables behind the CPU: machine_ept_test.c. */
static const unsigned elsewhere[] = { VMX_EPT_VIOLATION, VMX_EPT_MISCONFIGURED };

static void meet(const struct recipe *r)
{
    struct fake f;
    vmx_start_root(&f, r->since);
    vmx_change(&f, r->c, COUNT(r->c));
    vmx_guest_runs(&f, r->bytes, 0);
    if (r->then) r->then(&f);
    for (unsigned k = 0; k < 3 && f.cpu.vmx.nonroot; k++) (void)cpu_run(&f.cpu, 1);
    if (f.cpu.vmx.nonroot) fail_msg("%s: the guest does not leave", vmx_reason_name(r->reason));
    bool failed = r->reason == VMX_BAD_GUEST || r->reason == VMX_BAD_MSR;
    uint32_t wanted = r->reason | (failed ? VMX_FAILED_ENTRY : 0u);
    if (vmx_get(&f, VMCS_REASON) != wanted) fail_msg("%s: %x", vmx_reason_name(r->reason), vmx_get(&f, VMCS_REASON));
    assert_int_equal(f.cpu.eip, HOST);
    fake_done(&f);
}

static void every_reason(void **state)
{
    (void)state;
    bool met[VMX_REASONS] = { false };
    for (unsigned n = 0; n < COUNT(recipes); n++) {
        meet(&recipes[n]);
        assert_false(met[recipes[n].reason]);
        met[recipes[n].reason] = true;
    }
    for (unsigned n = 0; n < COUNT(elsewhere); n++) met[elsewhere[n]] = true;
    for (unsigned n = 0; n < VMX_REASONS; n++) {
        bool there = strcmp(vmx_reason_name(n), "?") != 0;
        if (there != met[n]) fail_msg("reason %u, %s, %s", n, vmx_reason_name(n), there ? "is not met" : "is met, but has no name");
    }
}

/* The first generation's end at 43; the numbers that are missing are those that the list's head names. */
static void the_list(void **state)
{
    (void)state;
    static const uint8_t missing[] = { 5, 6, 11, 17, 35, 38, 41, 42 };
    for (unsigned n = 0; n <= 43; n++) {
        bool there = strcmp(vmx_reason_name(n), "?") != 0;
        assert_int_equal(there, !memchr(missing, (int)n, sizeof missing));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_reason), cmocka_unit_test(the_list) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
