/* See lazy_fpu.h. */
#include "sim/vmm/lazy_fpu.h"

#include "sim/vmm/vm.h"

static struct cpu *real_cpu(struct vcpu *v) { return v->vmm->board.cpu; }

static void set_ts(struct vcpu *v, bool ts)
{
    struct cpu *real = real_cpu(v);
    real->cr0 = ts ? real->cr0 | CR0_TS : real->cr0 & ~(uint32_t)CR0_TS;
    v->fpu_lent = !ts;
    clock_charge(v->vmm->board.clock, CAUSE_DISPATCH, v->vmm->board.model->cost[COST_FPU_STATE]);
}

bool lazy_fpu_lend(struct vcpu *v)
{
    if (v->virt.cr0 & (CR0_TS | CR0_EM)) return false;
    real_cpu(v)->fpu = v->virt.fpu;
    set_ts(v, false);
    return true;
}

void lazy_fpu_follow(struct vcpu *v)
{
    if (v->fpu_lent && v->virt.cr0 & (CR0_TS | CR0_EM)) set_ts(v, true); /* virt has the state: we are in emulation */
}

void lazy_fpu_fetch(struct vcpu *v)
{
    if (v->fpu_lent) v->virt.fpu = real_cpu(v)->fpu;
}

void lazy_fpu_return(struct vcpu *v)
{
    if (v->fpu_lent) real_cpu(v)->fpu = v->virt.fpu;
}
