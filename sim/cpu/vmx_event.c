/* Events that make a guest leave: exceptions, task switches, and what is due at a boundary. See vmx.h.
 * SDM vol. 3B 21.1-21.4, 23.2 (2006); 3C 25.2-25.5, 27.2. */
#include "sim/cpu/debug.h"
#include "sim/cpu/vmcs.h"

static uint32_t event_of(uint8_t vector, unsigned type, bool code)
{
    return VMX_EVENT_VALID | (code ? VMX_EVENT_CODE : 0u) | type << VMX_EVENT_TYPE_SHIFT | vector;
}

/* ---- exceptions ---- */

/* A page fault's bit is turned round if its code is not the one looked for. */
static bool wants(const struct cpu *c, const struct fault *f)
{
    bool bit = c->vmx.exceptions >> f->vector & 1;
    return f->vector == VEC_PF ? bit == ((f->code & c->vmx.pf_mask) == c->vmx.pf_match) : bit;
}

/* Hardware saves RF as for a fault: its instruction is to be run again. */
static void leave_second(struct cpu *c, const struct fault *f, bool during)
{
    bool misconfigured = f->second == SECOND_MISCONFIGURED, unblocked = !during && c->vmx.unblocked_at == c->insns;
    vmx_exit(c, &(struct vmx_exit){ .reason = misconfigured ? VMX_EPT_MISCONFIGURED : VMX_EPT_VIOLATION, .linear = misconfigured ? 0 : f->addr,
                                    .qualification = misconfigured ? 0 : f->code | (unblocked ? VMX_EVENT_UNBLOCKED : 0u),
                                    .physical = f->physical, .during = during, .rf = true });
}

/* An access on the way of an event tells only that. */
static void leave_apic(struct cpu *c, const struct fault *f, bool during)
{
    uint32_t offset = f->code & ((1u << VMX_APIC_HOW) - 1), how = during ? VMX_APIC_DELIVERY : f->code >> VMX_APIC_HOW;
    vmx_exit(c, &(struct vmx_exit){ .reason = VMX_APIC_ACCESS, .qualification = offset | how << VMX_APIC_HOW, .during = during, .rf = true });
}

bool vmx_leaves_fault(struct cpu *c, const struct fault *f, bool during)
{
    if (f->second == SECOND_APIC) return leave_apic(c, f, during), true;
    if (f->second) return leave_second(c, f, during), true;
    if (!wants(c, f)) {
        clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_VMX_BITMAP]); /* of one that leaves, vmx.exit has it */
        return false;
    }
    bool trap = f->vector == VEC_DB && !(f->addr & DR6_BD), told = f->vector == VEC_PF || f->vector == VEC_DB;
    struct vmx_exit x = { .reason = VMX_EXCEPTION, .qualification = told ? f->addr : 0, .code = f->has_code ? f->code : 0,
                          .event = event_of(f->vector, VMX_EVENT_EXCEPTION, f->has_code), .during = during,
                          .rf = !trap && f->vector != VEC_DF };
    if (!during && f->vector != VEC_DF && c->vmx.unblocked_at == c->insns) x.event |= VMX_EVENT_UNBLOCKED;
    vmx_exit(c, &x);
    return true;
}

bool vmx_leaves_soft(struct cpu *c, uint8_t vector, unsigned type, uint32_t at, uint32_t back)
{
    if (!(c->vmx.exceptions >> vector & 1)) return false;
    c->eip = at;
    vmx_exit(c, &(struct vmx_exit){ .reason = VMX_EXCEPTION, .event = event_of(vector, type, false), .length = back - at });
    c->extra++;
    return true;
}

void vmx_triple_fault(struct cpu *c) { vmx_exit(c, &(struct vmx_exit){ .reason = VMX_TRIPLE_FAULT }); }

void vmx_note_delivery(struct cpu *c, uint32_t event, uint32_t code, uint32_t length)
{
    c->vmx.vectoring = event;
    c->vmx.vectoring_code = code;
    c->vmx.vectoring_length = length;
}

/* ---- tasks ---- */

/*   31-30  | 15-0
 *   source | TSS selector   exit qualification. The instruction's length is told if there is one. */
enum step vmx_leave_task(struct cpu *c, uint16_t sel, unsigned source, uint32_t at, uint32_t back, bool rf)
{
    bool gate = source == 3;
    c->eip = at;
    vmx_exit(c, &(struct vmx_exit){ .reason = VMX_TASK, .qualification = source << 30 | sel, .length = gate ? 0 : back - at,
                                    .during = gate, .rf = rf });
    if (!gate || back != at) c->extra++;
    return STEP_JUMP;
}

/* ---- at a boundary ---- */

/* RF is saved as it is, and as a frame would have it: set in the middle of a repeated instruction. SDM 3C 27.3.3, 3B 17.3.1.1. */
static bool rf_now(const struct cpu *c) { return cpu_flags(c) & FLAG_RF; }

static bool left(struct cpu *c, enum vmx_reason reason)
{
    vmx_exit(c, &(struct vmx_exit){ .reason = reason, .rf = rf_now(c) });
    return true;
}

static bool leave_nmi(struct cpu *c)
{
    c->nmi = false;
    vmx_exit(c, &(struct vmx_exit){ .reason = VMX_EXCEPTION, .event = event_of(VEC_NMI, VMX_EVENT_NMI, false), .rf = rf_now(c) });
    c->nmi_blocked = true; /* the host's, until its IRET */
    return true;
}

/* Without acknowledgement the controller keeps its request, and the host takes it as soon as it lets it in. */
static bool leave_interrupt(struct cpu *c)
{
    struct vmx_exit x = { .reason = VMX_INTERRUPT, .rf = rf_now(c) };
    if (vmcs_get(c, VMCS_EXIT) & VMX_EXIT_ACKNOWLEDGE)
        x.event = event_of(cpu_acknowledge(c), VMX_EVENT_INTERRUPT, false);
    vmx_exit(c, &x);
    return true;
}

void cpu_sipi(struct cpu *c, uint8_t vector)
{
    if (!c->vmx.nonroot || c->vmx.activity != VMX_WAIT_SIPI) return;
    c->vmx.sipi = (uint16_t)(0x100 | vector);
    c->break_at = 0;
}

bool vmx_due_first(struct cpu *c)
{
    if (c->vmx.sipi) {
        vmx_exit(c, &(struct vmx_exit){ .reason = VMX_SIPI, .qualification = c->vmx.sipi & 0xFFu, .rf = rf_now(c) });
        return true;
    }
    if (c->vmx.init && c->vmx.activity != VMX_WAIT_SIPI) {
        c->vmx.init = false;
        return left(c, VMX_INIT);
    }
    if (c->vmx.tpr_low) return left(c, VMX_TPR_LOW);
    return c->vmx.single && (c->vmx.stepped || c->insns > c->vmx.entered) && left(c, VMX_MONITOR_TRAP);
}

/* The order is the manual's: NMI window, NMI, interrupt window, interrupt. With external-interrupt exiting IF means nothing;
 * the shadow of STI and MOV SS does hold all of them off here, as the manual allows. */
bool vmx_due(struct cpu *c)
{
    const struct vmx *v = &c->vmx;
    bool shadow = c->insns == c->inhibit, asleep = v->activity != VMX_ACTIVE;
    bool nmi_window = (v->proc & VMX_PROC_NMI_WINDOW) && !v->nmi_shadow, nmi = c->nmi && !c->nmi_blocked;
    bool window = (v->proc & VMX_PROC_WINDOW) && (c->eflags & FLAG_IF);
    bool interrupt = (c->intr & INTR_PIN) && (v->pin & VMX_PIN_INTERRUPT);
    if (v->activity == VMX_WAIT_SIPI) return false;
    if (c->clock->now >= v->timer_at) return left(c, VMX_TIMER);
    if (shadow && (nmi_window || nmi || window || interrupt)) {
        c->break_at = 0; /* look again behind the next instruction */
        return false;
    }
    if (nmi_window) return left(c, VMX_NMI_WINDOW);
    if (nmi) return (v->pin & VMX_PIN_NMI) && leave_nmi(c);
    if (asleep) return false;
    if (window) return left(c, VMX_WINDOW);
    return interrupt && leave_interrupt(c);
}

/* ---- the preemption timer: one tick whenever a bit of the TSC changes, whatever the guest does meanwhile ---- */

static uint64_t ticks(const struct cpu *c, uint64_t now) { return (now + c->tsc_base) >> VMX_TIMER_RATE; }

static void timer_fired(void *cpu, uint64_t when)
{
    (void)when;
    ((struct cpu *)cpu)->break_at = 0;
}

void vmx_timer_start(struct cpu *c)
{
    uint64_t end = (ticks(c, c->clock->now) + vmcs_get(c, VMCS_PREEMPTION_TIMER)) << VMX_TIMER_RATE;
    c->vmx.timer_at = UINT64_MAX;
    if (!(c->vmx.pin & VMX_PIN_TIMER)) return;
    c->vmx.timer_at = end > c->clock->now + c->tsc_base ? end - c->tsc_base : c->clock->now;
    c->vmx_timer = (struct timer){ .fire = timer_fired, .self = c };
    if (c->env.timers) timeq_arm(c->env.timers, &c->vmx_timer, c->vmx.timer_at);
}

void vmx_timer_stop(struct cpu *c)
{
    uint64_t now = c->clock->now, at = c->vmx.timer_at;
    if (at == UINT64_MAX) return;
    if (c->env.timers) timeq_cancel(c->env.timers, &c->vmx_timer);
    c->vmx.timer_at = UINT64_MAX;
    if (vmcs_get(c, VMCS_EXIT) & VMX_EXIT_SAVE_TIMER)
        vmcs_set(c, VMCS_PREEMPTION_TIMER, now < at ? (uint32_t)(ticks(c, at) - ticks(c, now)) : 0);
}

void vmx_iret(struct cpu *c)
{
    bool *blocked = c->vmx.pin & VMX_PIN_VIRTUAL_NMI ? &c->vmx.nmi_shadow : &c->nmi_blocked;
    if ((c->vmx.pin & VMX_PIN_NMI) && blocked == &c->nmi_blocked) return; /* the host's affair */
    if (*blocked) c->vmx.unblocked_at = c->insns;
    *blocked = false;
    c->break_at = 0;
}
