/* VM exit: the guest's state into the VMCS, the host's out of it. See vmx.h.
 * SDM vol. 3B 23.2-23.7 (2006); 3C 27.2-27.7. */
#include "sim/cpu/debug.h"
#include "sim/cpu/monitor.h"
#include "sim/cpu/ring.h"
#include "sim/cpu/vmcs.h"
#include "sim/trace/vector.h"

enum { AR_UNUSABLE = 1 << 16, PENDING_ENABLED = 1 << 12, DR7_HOST = 0x400, MSR_ENTRY_SIZE = 16, TSS_LIMIT = 0x67 };
#define CR0_KEPT (CR0_ET | CR0_NW | CR0_CD | 0x1FFA0000u | 0xFFC0u) /* an exit leaves these bits as the guest had them */

/* ---- what the exit tells ---- */

static void write_information(struct cpu *c, const struct vmx_exit *x)
{
    vmcs_set(c, VMCS_REASON, x->reason);
    vmcs_set(c, VMCS_QUALIFICATION, x->qualification);
    vmcs_set(c, VMCS_LINEAR, x->linear);
    if (c->vmx.proc2 & VMX_PROC2_EPT) vmcs_set64(c, VMCS_GUEST_PHYSICAL, x->physical);
    vmcs_set(c, VMCS_EVENT, x->event);
    vmcs_set(c, VMCS_EVENT_CODE, x->code);
    vmcs_set(c, VMCS_VECTORING, x->during ? c->vmx.vectoring : 0);
    vmcs_set(c, VMCS_VECTORING_CODE, x->during ? c->vmx.vectoring_code : 0);
    vmcs_set(c, VMCS_LENGTH, x->during && !x->length ? c->vmx.vectoring_length : x->length);
    vmcs_set(c, VMCS_INSTRUCTION, x->instruction);
    vmcs_set(c, VMCS_ENTRY_EVENT, vmcs_get(c, VMCS_ENTRY_EVENT) & ~VMX_EVENT_VALID); /* it is not to happen twice */
}

/* ---- the guest ---- */

/* CS and TR can always be used; SS says the ring even if it cannot. */
static void save_segment(struct cpu *c, uint8_t *h, const struct seg_reg *s, unsigned n)
{
    uint32_t ar = s->ar ? s->ar : AR_UNUSABLE | (n == SEG_SS ? (uint32_t)c->cpl << 5 : 0);
    vmcs_to(c, h, vmcs_nth(VMCS_GUEST_ES, n), s->sel);
    vmcs_to(c, h, vmcs_nth(VMCS_GUEST_ES_BASE, n), s->base);
    vmcs_to(c, h, vmcs_nth(VMCS_GUEST_ES_LIMIT, n), s->limit);
    vmcs_to(c, h, vmcs_nth(VMCS_GUEST_ES_AR, n), ar);
}

static void save_registers(struct cpu *c, bool rf)
{
    uint32_t flags = cpu_flags(c) & ~(uint32_t)FLAG_RF;
    uint8_t *h = vmcs_hand(c, VMCS_PART_GUEST, true);
    vmcs_to(c, h, VMCS_GUEST_CR0, c->cr0);
    vmcs_to(c, h, VMCS_GUEST_CR3, c->cr3);
    vmcs_to(c, h, VMCS_GUEST_CR4, c->cr4);
    if (c->vmx.proc2 & VMX_PROC2_EPT) {
        uint64_t pdpte[4];
        c->env.pdptes_now(c->env.mmu, pdpte);
        for (unsigned n = 0; n < 4; n++) vmcs_set64(c, (enum vmcs_offset)(VMCS_GUEST_PDPTE0 + 8 * n), pdpte[n]);
    }
    if (vmcs_get(c, VMCS_EXIT) & VMX_EXIT_SAVE_DEBUG) {
        vmcs_to(c, h, VMCS_GUEST_DR7, c->dr[7]);
        vmcs_set64(c, VMCS_GUEST_DEBUGCTL, c->msr[MSR_DEBUGCTL]);
    }
    vmcs_to(c, h, VMCS_GUEST_SYSENTER_CS, (uint32_t)c->msr[MSR_SYSENTER_CS]);
    vmcs_to(c, h, VMCS_GUEST_SYSENTER_ESP, (uint32_t)c->msr[MSR_SYSENTER_ESP]);
    vmcs_to(c, h, VMCS_GUEST_SYSENTER_EIP, (uint32_t)c->msr[MSR_SYSENTER_EIP]);
    vmcs_to(c, h, VMCS_GUEST_ESP, c->reg[ESP]);
    vmcs_to(c, h, VMCS_GUEST_EIP, c->eip);
    vmcs_to(c, h, VMCS_GUEST_EFLAGS, flags | (rf ? FLAG_RF : 0));
    for (unsigned n = 0; n < SEG_COUNT; n++) save_segment(c, h, &c->seg[n], n);
    save_segment(c, h, &c->ldtr, SEG_COUNT);
    save_segment(c, h, &c->tr, SEG_COUNT + 1);
    vmcs_to(c, h, VMCS_GUEST_GDTR_BASE, c->gdtr.base);
    vmcs_to(c, h, VMCS_GUEST_GDTR_LIMIT, c->gdtr.limit);
    vmcs_to(c, h, VMCS_GUEST_IDTR_BASE, c->idtr.base);
    vmcs_to(c, h, VMCS_GUEST_IDTR_LIMIT, c->idtr.limit);
}

/* Behind MOV SS the manual leaves BS to the implementation (SDM 3C 27.3.4); here it is as an entry wants it, so that what was
 * saved can be entered. */
static void save_state(struct cpu *c)
{
    uint32_t traps = (c->trap | c->hits) & (DR6_BREAKPOINTS | DR6_BS), blocked = 0;
    bool steps = c->eflags & FLAG_TF && !(c->msr[MSR_DEBUGCTL] & DEBUGCTL_BTF);
    if (c->insns == c->hold) blocked = VMX_BLOCKED_MOV_SS, traps |= steps ? DR6_BS : 0;
    else if (c->insns == c->inhibit) blocked = VMX_BLOCKED_STI;
    if (c->vmx.nmi_shadow || c->nmi_blocked) blocked |= VMX_BLOCKED_NMI;
    vmcs_set(c, VMCS_GUEST_INTERRUPTIBILITY, blocked);
    bool halted = c->halted && !monitor_sleeps(c); /* a sleep in MWAIT is no state that a VMCS knows */
    vmcs_set(c, VMCS_GUEST_ACTIVITY, c->vmx.activity ? c->vmx.activity : halted ? VMX_HALTED : VMX_ACTIVE);
    vmcs_set(c, VMCS_GUEST_PENDING_DEBUG, traps | (traps & DR6_BREAKPOINTS ? PENDING_ENABLED : 0));
}

/* ---- lists of MSRs: index, zero, value ---- */

/* The bases of FS and GS are loaded with their segments. */
static bool msr_loadable(uint32_t index) { return index != 0xC0000100u && index != 0xC0000101u; }

uint32_t vmx_load_msrs(struct cpu *c, uint32_t at, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++, at += MSR_ENTRY_SIZE) {
        uint64_t value = vmcs_peek(c, at + 8) | (uint64_t)vmcs_peek(c, at + 12) << 32;
        bool good = !vmcs_peek(c, at + 4) && msr_loadable(vmcs_peek(c, at));
        if (!good || !msr_write(c, vmcs_peek(c, at), value)) return n + 1;
    }
    return 0;
}

static bool store_msrs(struct cpu *c)
{
    uint32_t at = vmcs_get(c, VMCS_EXIT_STORE_AT), count = vmcs_get(c, VMCS_EXIT_STORES);
    for (uint32_t n = 0; n < count; n++, at += MSR_ENTRY_SIZE) {
        uint64_t value;
        if (vmcs_peek(c, at + 4) || !msr_read(c, vmcs_peek(c, at), &value)) return false;
        vmcs_poke(c, at + 8, (uint32_t)value);
        vmcs_poke(c, at + 12, (uint32_t)(value >> 32));
    }
    return true;
}

/* ---- the host ---- */

static void flat(struct seg_reg *s, uint16_t sel, uint32_t base, uint32_t type)
{
    *s = (struct seg_reg){ .sel = sel, .base = base, .limit = UINT32_MAX,
                           .ar = (uint16_t)(AR_G | AR_DB | AR_P | AR_S | AR_ACCESSED | AR_WRITE | type) };
    if (type != AR_CODE && sel_null(sel)) s->ar = 0;
    cpu_seg_limits(s);
}

/* The hidden parts are flat by decree: no descriptor is read. */
static void load_segments(struct cpu *c)
{
    const uint8_t *h = vmcs_hand(c, VMCS_PART_HOST, false);
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        uint32_t base = n == SEG_FS ? vmcs_from(c, h, VMCS_HOST_FS_BASE) : n == SEG_GS ? vmcs_from(c, h, VMCS_HOST_GS_BASE) : 0;
        flat(&c->seg[n], (uint16_t)vmcs_from(c, h, vmcs_nth(VMCS_HOST_ES, n)), base, n == SEG_CS ? AR_CODE : 0);
    }
    seg_load_null(&c->ldtr, 0);
    c->tr = (struct seg_reg){ .sel = (uint16_t)vmcs_from(c, h, VMCS_HOST_TR), .base = vmcs_from(c, h, VMCS_HOST_TR_BASE),
                              .limit = TSS_LIMIT, .ar = AR_P | SYS_TSS32_BUSY };
    cpu_seg_limits(&c->tr);
    c->gdtr = (struct table_reg){ vmcs_from(c, h, VMCS_HOST_GDTR_BASE), 0xFFFF };
    c->idtr = (struct table_reg){ vmcs_from(c, h, VMCS_HOST_IDTR_BASE), 0xFFFF };
}

static bool load_paging(struct cpu *c)
{
    c->cr0 = (c->cr0 & CR0_KEPT) | (vmcs_get(c, VMCS_HOST_CR0) & ~CR0_KEPT);
    c->cr4 = vmcs_get(c, VMCS_HOST_CR4);
    if (c->vmx.proc2 & (VMX_PROC2_EPT | VMX_PROC2_VPID)) {
        struct fault f;
        c->cr3 = vmcs_get(c, VMCS_HOST_CR3) & ~7u;
        c->env.space(c->env.mmu, &(struct space){ .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .tagged = c->vmx.proc2 & VMX_PROC2_VPID });
        return !(c->cr4 & CR4_PAE) || c->env.pdptes(c->env.mmu, c->cr3, &f);
    }
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    bool good = cpu_cr3(c, vmcs_get(c, VMCS_HOST_CR3));
    c->env.flush(c->env.mmu, true);
    return good;
}

static void abort_vm(struct cpu *c, enum vmx_abort why)
{
    vmcs_poke(c, c->vmx.current + VMCS_ABORT, why);
    c->shutdown = true;
}

static void load_host(struct cpu *c)
{
    c->vmx.nonroot = c->vmx.single = c->vmx.apic = c->vmx.tpr_low = false;
    c->vmx.sipi = 0;
    c->vmx.activity = VMX_ACTIVE;
    c->vmx.vectoring = 0;
    c->halted = c->monitor.armed = false;
    c->hits = c->trap = 0;
    c->untraced = true;
    c->inhibit = c->hold = c->rf_at = UINT64_MAX;
    c->intr &= INTR_PIN;
    c->msr[MSR_DEBUGCTL] = 0;
    debug_set(c, 7, DR7_HOST);
    c->msr[MSR_SYSENTER_CS] = vmcs_get(c, VMCS_HOST_SYSENTER_CS);
    c->msr[MSR_SYSENTER_ESP] = vmcs_get(c, VMCS_HOST_SYSENTER_ESP);
    c->msr[MSR_SYSENTER_EIP] = vmcs_get(c, VMCS_HOST_SYSENTER_EIP);
    load_segments(c);
    c->reg[ESP] = vmcs_get(c, VMCS_HOST_ESP);
    c->eip = vmcs_get(c, VMCS_HOST_EIP);
    cpu_set_flags(c, FLAG_ONE);
    cpu_set_cpl(c, 0);
    c->break_at = 0;
    if (!load_paging(c)) abort_vm(c, VMX_ABORT_PDPTES);
    else if (vmx_load_msrs(c, vmcs_get(c, VMCS_EXIT_LOAD_AT), vmcs_get(c, VMCS_EXIT_LOADS))) abort_vm(c, VMX_ABORT_LOAD_MSR);
}

static void tell(struct cpu *c, uint32_t reason, uint32_t qualification, uint32_t event)
{
    struct event e = { .kind = EV_VMEXIT, .cause = c->cause };
    e.u.VMEXIT.reason = (uint8_t)reason;
    e.u.VMEXIT.vector = event & VMX_EVENT_VALID ? (uint8_t)event : VECTOR_NONE;
    e.u.VMEXIT.qualification = qualification;
    c->cause = ring_trace(c, c->eip, &e);
    clock_charge(c->clock, CAUSE_VMEXIT, c->model->cost[COST_VMEXIT]); /* behind its event, as a gate's: it belongs to what begins */
}

void vmx_exit(struct cpu *c, const struct vmx_exit *x)
{
    tell(c, x->reason, x->qualification, x->event);
    write_information(c, x);
    save_registers(c, x->rf);
    save_state(c);
    bool stored = store_msrs(c);
    vmx_timer_stop(c);
    load_host(c);
    if (!stored) abort_vm(c, VMX_ABORT_STORE_MSR);
}

void vmx_exit_failed(struct cpu *c, uint32_t reason, uint32_t qualification)
{
    tell(c, reason, qualification, 0);
    vmcs_set(c, VMCS_REASON, reason | VMX_FAILED_ENTRY);
    vmcs_set(c, VMCS_QUALIFICATION, qualification);
    load_host(c);
}
