/* Trap-and-emulate with ring compression: the guest kernel runs in ring 1, what traps is emulated against virtual state.
 *
 * Instructions that are sensitive and do not trap stay wrong, as on the real processor: nothing here, and nothing below,
 * repairs them. SDM 3A 5.9 (privileged instructions); Robin & Irvine 2000; Bugnion et al. 2012 for the design.
 * A guest's ring 2 is the real one. Its ring 1, which compression has taken for its ring 0, is interpreted, and so is
 * virtual-8086 mode.
 * TOUR vmm.6: the first technique. */
#include "sim/cpu/debug.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/gates.h"
#include "sim/vmm/host.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/policy.h"
#include "sim/vmm/strategies.h"
#include "sim/vmm/vm.h"

/* #GP, #NP, #SS or #TS: what the instruction at the guest's EIP tells about it. */
static uint8_t reason_of_insn(struct vcpu *v)
{
    struct insn i;
    if (!emulate_decode(v, &i)) return EXIT_REASON_LIMIT;
    switch (i.id) {
    case MN_IN: case MN_OUT: case MN_INS: case MN_OUTS: return EXIT_REASON_PORT;
    case MN_INT: case MN_INT3: case MN_INTO: return EXIT_REASON_SOFT_INT;
    case MN_SYSENTER: return EXIT_REASON_SYSENTER;
    case MN_IRET: case MN_RET_FAR: return EXIT_REASON_RETURN;
    case MN_JMP_FAR: case MN_CALL_FAR: case MN_MOV_SEG: case MN_POP_SEG: case MN_LOAD_FAR:
        return EXIT_REASON_SEGMENT;
    default: break;
    }
    const struct insn_desc *d = insn_desc(i.id);
    if (d->privilege != PRIV_NONE) return EXIT_REASON_PRIVILEGED;
    return d->sensitivity >= SENS_SILENT ? EXIT_REASON_SENSITIVE : EXIT_REASON_LIMIT;
}

static uint8_t reason_of(struct vcpu *v, uint8_t vector)
{
    if (vector >= WINDOW_IRQ) return EXIT_REASON_INTERRUPT;
    if (vector >= 32) return EXIT_REASON_SOFT_INT;
    switch (vector) {
    case VEC_PF: return EXIT_REASON_PAGE_FAULT;
    case VEC_VE: return EXIT_REASON_SECOND;
    case VEC_GP: case VEC_NP: case VEC_SS: case VEC_TS: return reason_of_insn(v);
    default: return EXIT_REASON_EXCEPTION;
    }
}

static bool te_attach(struct vcpu *v, struct err *e)
{
    (void)v, (void)e;
    return true;
}

/* A processor that can trap more is told to: no manual of 2005 knows such bits, but it is what any hypervisor would do. */
static void te_start(struct vcpu *v)
{
    struct cpu *real = v->vmm->board.cpu;
    if (real->model->extras & EXTRA_UMIP) real->cr4 |= CR4_UMIP;
    if (real->model->extras & EXTRA_VIRTUALIZABLE) real->cr4 |= CR4_SEN;
}

static void te_back(struct vcpu *v)
{
    vcpu_back(v);
    te_start(v);
}

/* A second level's refusal is never the guest's fault, nor are its entries ever illegal. */
static void memory(struct vcpu *v, const struct vmexit *x)
{
    const struct fault *refused = &v->vmm->board.cpu->refused;
    struct fault f = { 0 };
    v->vmmu.cause = v->cause;
    bool second = x->vector == VEC_VE;
    if (second && refused->second != SECOND_VIOLATION) {
        vm_die(v, DEATH_WINDOW);
        return;
    }
    switch (second ? v->vmmu.ops->violation(&v->vmmu, refused)
                   : v->vmmu.ops->fault(&v->vmmu, gva(x->addr), x->code, v->virt.cpl != 3, &f)) {
    case MMU_RETRY: break;
    case MMU_REFLECT: emulate_reflect(v, f); break;
    case MMU_TRACED: case MMU_NO_RAM: emulate_one(v); break;
    case MMU_FULL: vm_die(v, DEATH_MEMORY); break;
    }
}

/* MONITOR and MWAIT, which below ring 0 are #UD, and #UD in the guest's ring 3. */
static bool is_monitor(struct vcpu *v)
{
    struct insn i;
    return emulate_decode(v, &i) && (i.id == MN_MONITOR || i.id == MN_MWAIT);
}

static void exception(struct vcpu *v, const struct vmexit *x)
{
    /* The real unit is not lent: lend it, or let the guest's own TS, EM and MP decide what x87, MMX and WAIT do. A pending
     * x87 exception is the guest's NE's to route. */
    if (x->vector == VEC_NM && lazy_fpu_lend(v)) return;
    if (x->vector == VEC_NM || x->vector == VEC_MF) {
        emulate_one(v);
        return;
    }
    if (x->vector == VEC_UD && is_monitor(v)) {
        emulate_one(v);
        return;
    }
    uint32_t seen = 0;
    if (x->vector == VEC_DB) { /* DR6 only gathers: what was seen is taken out of the real one */
        uint32_t *real = &v->vmm->board.cpu->dr[6];
        seen = *real & DR6_WRITABLE;
        *real &= ~(uint32_t)DR6_WRITABLE;
    }
    emulate_reflect(v, (struct fault){ .vector = x->vector, .addr = seen, .has_code = x->vector == VEC_AC || x->vector == VEC_DF,
                                     .code = x->code });
}

static enum next te_handle(struct vcpu *v, const struct vmexit *in)
{
    struct vmexit x = *in;
    x.reason = reason_of(v, x.vector);
    vcpu_tell_exit(v, &x);
    switch (x.reason) {
    case EXIT_REASON_INTERRUPT: host_interrupt(v->vmm, x.vector); break;
    case EXIT_REASON_PAGE_FAULT: case EXIT_REASON_SECOND: memory(v, &x); break;
    case EXIT_REASON_EXCEPTION: exception(v, &x); break;
    case EXIT_REASON_SOFT_INT: gates_soft_int(v, &x); break;
    case EXIT_REASON_PRIVILEGED: case EXIT_REASON_PORT:
        if (policy_takes_trap(v)) break;
        /* fall through */
    default:
        if (!hosted_steps(v)) emulate_one(v);
        break;
    }
    return v->vm->dead || v->vm->exited ? NEXT_STOP : NEXT_RESUME;
}

const struct cpu_strategy strategy_trap_emulate = {
    .name = "te",
    .about = "trap-and-emulate: the guest kernel runs in ring 1, what traps is emulated; what does not stays wrong",
    .hypervisor = true,
    .kernel_ring = 1,
    .mmu = "shadow",
    .detects = true,
    .faithful = "cpu.virtualizable",
    .attach = te_attach,
    .start = te_start,
    .enter = vcpu_enter,
    .handle = te_handle,
    .pending = vcpu_pending,
    .interruptible = vcpu_interruptible,
    .interrupt = emulate_interrupt,
    .runnable = vcpu_reversible,
    .leave = vcpu_leave,
    .away = vcpu_away,
    .back = te_back,
    .ports = vcpu_ports,
};
