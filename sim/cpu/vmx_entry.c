/* VM entry: the guest's state out of the VMCS into the processor, and an event into the guest. See vmx.h.
 * SDM vol. 3B 22.3.2-22.6 (2006); 3C 26.3.2-26.7.
 *
 * Everything is checked before anything is loaded (vmx_check*.c); behind that only the list of MSRs can fail, and then the
 * host state replaces what was loaded. */
#include "sim/cpu/debug.h"
#include "sim/cpu/gate.h"
#include "sim/cpu/ring.h"
#include "sim/cpu/vmcs.h"

enum { AR_UNUSABLE = 1 << 16, AR_VISIBLE = 0xF0FF };
#define CR0_LOADED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_PG) /* the rest stays the host's */

/* The copy of the controls that decides until the next entry. */
static void read_controls(struct cpu *c)
{
    struct vmx *v = &c->vmx;
    const uint8_t *h = vmcs_hand(c, VMCS_PART_CONTROLS, false);
    v->pin = vmcs_from(c, h, VMCS_PIN);
    v->proc = vmcs_from(c, h, VMCS_PROC);
    v->proc2 = v->proc & VMX_PROC_SECONDARY ? vmcs_from(c, h, VMCS_PROC2) : 0;
    v->exceptions = vmcs_from(c, h, VMCS_EXCEPTIONS);
    v->pf_mask = vmcs_from(c, h, VMCS_PF_MASK);
    v->pf_match = vmcs_from(c, h, VMCS_PF_MATCH);
    v->cr3_targets = vmcs_from(c, h, VMCS_CR3_TARGETS);
    for (unsigned n = 0; n < 2; n++) {
        v->cr_mask[n] = vmcs_from(c, h, vmcs_nth(VMCS_CR0_MASK, n));
        v->cr_shadow[n] = vmcs_from(c, h, vmcs_nth(VMCS_CR0_SHADOW, n));
        v->io_bitmap[n] = vmcs_from(c, h, vmcs_nth(VMCS_IO_BITMAP_A, 2 * n));
    }
    for (unsigned n = 0; n < 4; n++) v->cr3_target[n] = vmcs_from(c, h, vmcs_nth(VMCS_CR3_TARGET0, n));
    v->msr_bitmap = vmcs_from(c, h, VMCS_MSR_BITMAP);
    v->virtual_apic = vmcs_from(c, h, VMCS_VIRTUAL_APIC);
    v->apic_page = vmcs_from(c, h, VMCS_APIC_ACCESS);
    v->tpr_threshold = vmcs_from(c, h, VMCS_TPR_THRESHOLD);
    v->apic = v->proc2 & VMX_PROC2_APIC;
    v->tpr_low = false;
    v->sipi = 0;
    v->tsc_offset = v->proc & VMX_PROC_TSC_OFFSET ? vmcs_get64(c, VMCS_TSC_OFFSET) : 0;
    v->single = v->proc & VMX_PROC_MONITOR_TRAP;
}

static void load_segment(struct cpu *c, const uint8_t *h, struct seg_reg *s, unsigned n)
{
    uint32_t ar = vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_AR, n));
    *s = (struct seg_reg){ .sel = (uint16_t)vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES, n)),
                           .ar = (uint16_t)((ar & AR_UNUSABLE) && n != SEG_CS ? 0 : ar & AR_VISIBLE),
                           .base = vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_BASE, n)),
                           .limit = vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_LIMIT, n)) };
    cpu_seg_limits(s);
}

static void load_segments(struct cpu *c)
{
    const uint8_t *h = vmcs_hand(c, VMCS_PART_GUEST, false);
    for (unsigned n = 0; n < SEG_COUNT; n++) load_segment(c, h, &c->seg[n], n);
    load_segment(c, h, &c->ldtr, SEG_COUNT);
    load_segment(c, h, &c->tr, SEG_COUNT + 1);
    c->gdtr = (struct table_reg){ vmcs_from(c, h, VMCS_GUEST_GDTR_BASE), (uint16_t)vmcs_from(c, h, VMCS_GUEST_GDTR_LIMIT) };
    c->idtr = (struct table_reg){ vmcs_from(c, h, VMCS_GUEST_IDTR_BASE), (uint16_t)vmcs_from(c, h, VMCS_GUEST_IDTR_LIMIT) };
}

/* With EPT or VPID the guest's translations are a space of their own. */
static void load_space(struct cpu *c)
{
    bool ept = c->vmx.proc2 & VMX_PROC2_EPT, vpid = c->vmx.proc2 & VMX_PROC2_VPID;
    uint64_t eptp = vmcs_get64(c, VMCS_EPTP);
    c->cr3 = vmcs_get(c, VMCS_GUEST_CR3) & ~7u;
    struct space s = { .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .tagged = vpid, .vpid = vpid ? (uint16_t)vmcs_get(c, VMCS_VPID) : 0 };
    if (ept) {
        s.root = (uint32_t)eptp & PAGE_MASK;
        s.levels = (uint8_t)((eptp >> VMX_EPTP_LEVELS & 7) + 1);
        s.agile = c->vmx.proc2 & VMX_PROC2_AGILE;
    }
    for (unsigned n = 0; ept && n < 4; n++) s.pdpte[n] = vmcs_get64(c, (enum vmcs_offset)(VMCS_GUEST_PDPTE0 + 8 * n));
    c->env.space(c->env.mmu, &s);
    struct fault f;
    if (!ept && (c->cr4 & CR4_PAE)) (void)c->env.pdptes(c->env.mmu, c->cr3, &f);
}

static void load_registers(struct cpu *c)
{
    c->cr0 = (c->cr0 & ~CR0_LOADED) | (vmcs_get(c, VMCS_GUEST_CR0) & CR0_LOADED);
    c->cr4 = vmcs_get(c, VMCS_GUEST_CR4);
    if (c->vmx.proc2 & (VMX_PROC2_EPT | VMX_PROC2_VPID)) load_space(c);
    else {
        c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
        (void)cpu_cr3(c, vmcs_get(c, VMCS_GUEST_CR3)); /* its four entries have been looked at */
        c->env.flush(c->env.mmu, true);
    }
    if (vmcs_get(c, VMCS_ENTRY) & VMX_ENTRY_LOAD_DEBUG) {
        debug_set(c, 7, vmcs_get(c, VMCS_GUEST_DR7));
        c->msr[MSR_DEBUGCTL] = vmcs_get64(c, VMCS_GUEST_DEBUGCTL);
    }
    c->msr[MSR_SYSENTER_CS] = vmcs_get(c, VMCS_GUEST_SYSENTER_CS);
    c->msr[MSR_SYSENTER_ESP] = vmcs_get(c, VMCS_GUEST_SYSENTER_ESP);
    c->msr[MSR_SYSENTER_EIP] = vmcs_get(c, VMCS_GUEST_SYSENTER_EIP);
    c->reg[ESP] = vmcs_get(c, VMCS_GUEST_ESP);
    c->eip = vmcs_get(c, VMCS_GUEST_EIP);
}

/* An SS that cannot be used still says the ring. */
static void load_ring(struct cpu *c)
{
    bool v86 = c->eflags & FLAG_VM;
    cpu_set_cpl(c, v86 ? 3 : (uint8_t)(vmcs_get(c, VMCS_GUEST_SS_AR) >> 5 & 3));
}

/* Blocking, activity and pending traps hold at the boundary behind this instruction. */
static void load_state(struct cpu *c, bool injects)
{
    uint32_t blocked = vmcs_get(c, VMCS_GUEST_INTERRUPTIBILITY), activity = vmcs_get(c, VMCS_GUEST_ACTIVITY);
    uint64_t next = c->insns + 1;
    bool virtual_nmi = c->vmx.pin & VMX_PIN_VIRTUAL_NMI;
    c->inhibit = blocked & (VMX_BLOCKED_STI | VMX_BLOCKED_MOV_SS) ? next : UINT64_MAX;
    c->hold = blocked & VMX_BLOCKED_MOV_SS ? next : UINT64_MAX;
    c->nmi_blocked = !virtual_nmi && (blocked & VMX_BLOCKED_NMI);
    c->vmx.nmi_shadow = virtual_nmi && (blocked & VMX_BLOCKED_NMI);
    c->halted = activity != VMX_ACTIVE && !injects;
    c->monitor.waits = c->monitor.armed = false;
    c->vmx.activity = injects || activity == VMX_HALTED ? VMX_ACTIVE : (uint8_t)activity;
    c->hits = 0;
    c->trap = injects ? 0 : (uint16_t)(vmcs_get(c, VMCS_GUEST_PENDING_DEBUG) & (DR6_BREAKPOINTS | DR6_BS));
    if (blocked & VMX_BLOCKED_MOV_SS) c->trap &= (uint16_t)~DR6_BS; /* the step behind the next instruction comes by TF */
    c->rf_at = injects ? c->insns : next;
    c->vmx.entered = injects ? c->insns : next;
    c->vmx.unblocked_at = UINT64_MAX;
    c->vmx.stepped = false;
    c->vmx.vectoring = 0;
    c->untraced = true;
    c->intr = (uint8_t)((c->intr & INTR_PIN) | (c->vmx.proc & VMX_PROC_WINDOW ? INTR_WINDOW : 0));
    c->break_at = 0;
}

static uint32_t load_guest(struct cpu *c)
{
    read_controls(c);
    load_registers(c);
    load_segments(c);
    cpu_set_flags(c, vmcs_get(c, VMCS_GUEST_EFLAGS));
    return vmx_load_msrs(c, vmcs_get(c, VMCS_ENTRY_LOAD_AT), vmcs_get(c, VMCS_ENTRY_LOADS));
}

static void tell(struct cpu *c, uint32_t at, uint32_t event)
{
    struct event e = { .kind = EV_VMENTRY, .cause = c->cause, .u.VMENTRY = { .target = c->eip, .inject = event } };
    c->cause = ring_trace(c, at, &e);
    if (!event) c->cause = 0; /* the story that made the guest leave is over */
}

/* Type 7, vector 0 is the monitor trap itself: due at once, as it is behind every other event. */
static void inject(struct cpu *c, uint32_t event)
{
    bool code = event & VMX_EVENT_CODE;
    if (vmx_event_type(event) == VMX_EVENT_OTHER) c->vmx.single = true;
    else c->hidden -= gate_inject(c, event, code ? vmcs_get(c, VMCS_ENTRY_CODE) : 0, vmcs_get(c, VMCS_ENTRY_LENGTH));
}

enum vmx_error vmx_enter(struct cpu *c, bool launch, uint32_t at)
{
    uint32_t why, event = vmcs_get(c, VMCS_ENTRY_EVENT);
    if (!vmx_check_controls(c)) return VMX_ERROR_CONTROLS;
    if (!vmx_check_host(c)) return VMX_ERROR_HOST;
    clock_charge(c->clock, CAUSE_VMENTRY, c->model->cost[COST_VMENTRY]);
    if (!vmx_check_guest(c, &why)) {
        vmx_exit_failed(c, VMX_BAD_GUEST, why);
        return 0;
    }
    if ((why = load_guest(c))) {
        vmx_exit_failed(c, VMX_BAD_MSR, why);
        return 0;
    }
    if (launch) vmcs_poke(c, c->vmx.current + VMCS_LAUNCHED, 1);
    bool injects = event & VMX_EVENT_VALID;
    c->vmx.nonroot = true;
    debug_changed(c);
    load_ring(c);
    load_state(c, injects);
    if (c->vmx.apic) debug_untag(c), vmx_tpr_stored(c);
    vmx_timer_start(c);
    tell(c, at, injects ? event : 0);
    if (injects) inject(c, event);
    return 0;
}
