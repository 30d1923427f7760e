/* SYSENTER of user code that runs directly: how it reaches the hypervisor without a fault. See bintrans.h.
 *
 * Idea: while user code runs, and the guest's own SYSENTER MSRs are set, the real ones lead to a stub in the window (window.h), in ring 0.
 * The instruction tells neither EIP nor ESP, nobody could ask for them, and replaces CS and SS: so the guest's state behind it is known
 * without decoding anything. AA06's nano-benchmark syscall. SDM vol. 2, SYSENTER. SYSEXIT is a callout. */
#include <string.h>

#include "sim/cpu/gate.h"
#include "sim/trace/vector.h"
#include "sim/vmm/bintrans.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

/* User code's SYSENTER, which has no EIP, ESP, CS and SS to tell: the last two it replaces by a decree of its own. */
void bt_fast_enter(struct vcpu *v, struct window_frame *f)
{
    const struct cpu *real = board(v)->cpu;
    uint16_t sel[SEG_COUNT];
    vcpu_enter_frame(v, f);
    v->virt.insns++;
    for (unsigned n = 0; n < SEG_COUNT; n++) sel[n] = n == SEG_CS || n == SEG_SS ? v->virt.seg[n].sel : real->seg[n].sel;
    segments_copy(v, &v->virt, sel, 3);
    memcpy(v->entered_seg, v->virt.seg, sizeof v->entered_seg);
    cpu_sysenter(&v->virt);
}

/* Its effects are there; a trap with it is another exit, as on the real machine another delivery. */
void bt_fast_handle(struct vcpu *v)
{
    vcpu_tell_exit(v, &(struct vmexit){ .reason = EXIT_REASON_SYSENTER, .vector = VECTOR_NONE });
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = v->virt.eip };
    e.u.EMULATE.op = MN_SYSENTER;
    e.u.EMULATE.ring = v->virt.cpl;
    e.u.EMULATE.value = v->virt.eip;
    v->cause = trace_emit(board(v)->trace, &e);
    clock_charge(board(v)->clock, CAUSE_EMULATE, board(v)->model->cost[COST_EMULATE]);
}

/* Where user code's SYSENTER leads. To a stub of ours in ring 0, if the guest wants system calls at all: no fault is cheaper. */
void bt_fast_aim(struct vcpu *v, bool ours)
{
    struct cpu *real = board(v)->cpu;
    uint32_t cs = ours ? WINDOW_CS : 0;
    if (real->msr[MSR_SYSENTER_CS] == cs) return;
    real->msr[MSR_SYSENTER_CS] = cs;
    real->msr[MSR_SYSENTER_ESP] = WINDOW_FAST_ESP;
    real->msr[MSR_SYSENTER_EIP] = WINDOW_BASE + WINDOW_FAST;
    clock_charge(board(v)->clock, CAUSE_DISPATCH, 3 * (uint64_t)board(v)->model->cost[COST_SYSTEM]);
}
