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

bool lazy_fpu_watched(const struct vcpu *v) { return v->vm->devices.coprocessor.ferr; }

bool lazy_fpu_lend(struct vcpu *v)
{
    if (v->virt.cr0 & (CR0_TS | CR0_EM) || lazy_fpu_watched(v)) return false;
    real_cpu(v)->fpu = v->virt.fpu;
    v->fpu_cs = v->virt.fpu.cs;
    v->fpu_ds = v->virt.fpu.ds;
    set_ts(v, false);
    return true;
}

void lazy_fpu_withdraw(struct vcpu *v)
{
    if (v->fpu_lent) set_ts(v, true);
}

/* The unit notes selectors as it finds them, and CS and SS have the real ring in their RPL; not those that we put there. */
struct fpu lazy_fpu_state(const struct vcpu *v)
{
    if (!v->fpu_lent) return v->virt.fpu;
    struct fpu f = v->vmm->board.cpu->fpu;
    uint16_t ring = v->ops->kernel_ring, ss = v->virt.seg[SEG_SS].sel;
    if (ring && (f.cs & 3) == ring && f.cs != v->fpu_cs) f.cs &= (uint16_t)~3u;
    if (ring && (f.ds & 3) == ring && f.ds != v->fpu_ds && (f.ds & ~3u) == (ss & ~3u)) f.ds &= (uint16_t)~3u;
    return f;
}

void lazy_fpu_fetch(struct vcpu *v)
{
    if (v->fpu_lent) v->virt.fpu = lazy_fpu_state(v);
}

void lazy_fpu_follow(struct vcpu *v)
{
    if (!v->fpu_lent || !(v->virt.cr0 & (CR0_TS | CR0_EM))) return;
    lazy_fpu_fetch(v); /* a fault delivered through a task gate sets TS, too, and nobody has fetched for that */
    set_ts(v, true);
}

/* What emulation has not changed stays as the unit noted it. */
void lazy_fpu_return(struct vcpu *v)
{
    if (!v->fpu_lent) return;
    if (lazy_fpu_watched(v) && !v->ops->hardware) {
        set_ts(v, true);
        return;
    }
    struct fpu *real = &real_cpu(v)->fpu;
    const struct fpu seen = lazy_fpu_state(v);
    uint16_t cs = real->cs, ds = real->ds;
    *real = v->virt.fpu;
    if (real->cs == seen.cs) real->cs = cs;
    else v->fpu_cs = real->cs;
    if (real->ds == seen.ds) real->ds = ds;
    else v->fpu_ds = real->ds;
}
