/* See vmx_world.h. */
#include "tests/support/vmx_world.h"

#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "tests/support/cpu_case.h"

void vmx_change(struct fake *f, const struct vmx_change *c, size_t n)
{
    for (size_t k = 0; k < n && c[k].field; k++) vmx_set(f, c[k].field, c[k].value);
}

static void describe_guest(struct fake *f)
{
    for (unsigned n = 0; n < 6; n++) {
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES, n), n == SEG_CS ? SEL_CODE0 : SEL_DATA0);
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES_LIMIT, n), UINT32_MAX);
        vmx_set(f, vmcs_nth(VMCS_GUEST_ES_AR, n), n == SEG_CS ? AR_FLAT_CODE : AR_FLAT_DATA);
    }
    vmx_set(f, VMCS_GUEST_LDTR_AR, AR_UNUSABLE);
    vmx_set(f, VMCS_GUEST_TR, SEL_TSS), vmx_set(f, VMCS_GUEST_TR_BASE, AT_TSS), vmx_set(f, VMCS_GUEST_TR_LIMIT, 0x1067);
    vmx_set(f, VMCS_GUEST_TR_AR, 0x8B);
    vmx_set(f, VMCS_GUEST_GDTR_BASE, AT_GDT), vmx_set(f, VMCS_GUEST_GDTR_LIMIT, SEL_BEYOND - 1);
    vmx_set(f, VMCS_GUEST_IDTR_BASE, AT_IDT), vmx_set(f, VMCS_GUEST_IDTR_LIMIT, 0x7FF);
    vmx_set(f, VMCS_GUEST_CR0, CR0_FIXED), vmx_set(f, VMCS_GUEST_CR4, CR4_VMXE), vmx_set(f, VMCS_GUEST_CR3, 0x9000);
    vmx_set(f, VMCS_GUEST_DR7, DR7_FIXED);
    vmx_set(f, VMCS_GUEST_EFLAGS, FLAG_ONE), vmx_set(f, VMCS_GUEST_EIP, GUEST), vmx_set(f, VMCS_GUEST_ESP, GUEST_STACK);
    vmx_set(f, VMCS_GUEST_LINK, UINT32_MAX), fake_put32(f, CURRENT + VMCS_GUEST_LINK + 4, UINT32_MAX);
}

static void describe_host(struct fake *f)
{
    for (unsigned n = 0; n < 6; n++) vmx_set(f, vmcs_nth(VMCS_HOST_ES, n), n == SEG_CS ? SEL_CODE0 : SEL_DATA0);
    vmx_set(f, VMCS_HOST_TR, SEL_TSS), vmx_set(f, VMCS_HOST_TR_BASE, AT_TSS);
    vmx_set(f, VMCS_HOST_GDTR_BASE, AT_GDT), vmx_set(f, VMCS_HOST_IDTR_BASE, AT_IDT);
    vmx_set(f, VMCS_HOST_CR0, CR0_FIXED), vmx_set(f, VMCS_HOST_CR4, CR4_VMXE), vmx_set(f, VMCS_HOST_CR3, 0xA000);
    vmx_set(f, VMCS_HOST_EIP, HOST), vmx_set(f, VMCS_HOST_ESP, HOST_STACK);
    vmx_set(f, VMCS_PIN, PIN0), vmx_set(f, VMCS_PROC, PROC0), vmx_set(f, VMCS_EXIT, EXIT0), vmx_set(f, VMCS_ENTRY, ENTRY0);
}

void vmx_start(struct fake *f, unsigned generation)
{
    rings_init(f);
    f->model.vmx = (uint8_t)generation;
    f->model.cost[COST_CPU_EPT] = f->model.cost[COST_CPU_VPID] = generation >= VMX_NEHALEM;
    struct cpu *c = &f->cpu;
    c->cr0 |= CR0_FIXED;
    c->cr4 |= CR4_VMXE;
    c->msr[MSR_FEATURE_CONTROL] = 5;
    const uint32_t regions[] = { REGION, CURRENT, OTHER };
    for (unsigned n = 0; n < sizeof regions / sizeof regions[0]; n++) fake_put32(f, regions[n], vmx_revision(c));
    rings_gate(f, AT_IDT + 8 * 0x80, 0xEE, SEL_CODE0, AT_HANDLER + 16 * 0x80, 0);
}

void vmx_start_root(struct fake *f, unsigned generation)
{
    vmx_start(f, generation);
    f->cpu.vmx = (struct vmx){ .on = true, .region = REGION, .entered = UINT64_MAX };
    vmcs_select(&f->cpu, CURRENT);
    describe_guest(f);
    describe_host(f);
    fake_put32(f, VTPR + 0x80, 0x30);              /* what checks read besides: a TPR of 3, */
    fake_put32(f, MSRS, 0xC0000100);               /* an MSR that no list may have, */
    fake_put32(f, MSRS + 0x100, 0x174);            /* one that it may, and one that there is not, */
    fake_put32(f, MSRS + 0x110, 0x177);
    fake_put32(f, MSRS + 0x800, 0x03);             /* and PDPTEs, of which the first has a reserved bit */
}

void vmx_launch(struct fake *f)
{
    static const uint8_t vmlaunch[] = { 0x0F, 0x01, 0xC2 };
    fake_put(f, FAKE_CODE, vmlaunch, sizeof vmlaunch);
    f->cpu.eip = FAKE_CODE;
    (void)cpu_run(&f->cpu, 1);
}

void vmx_guest_runs(struct fake *f, const char *hex, unsigned boundaries)
{
    uint8_t bytes[64];
    fake_put(f, GUEST, bytes, cpu_case_bytes(hex, bytes));
    vmx_launch(f);
    if (boundaries) (void)cpu_run(&f->cpu, boundaries);
}
