/* World switch: the real processor stops being one VM's and becomes another's. See schedule.h.
 *
 * Idea: whenever the hypervisor runs, nearly all of a guest is in its virtual CPU, and leaving to a guest writes it out again. What is left
 * are the registers that no exit touches: the x87 unit, breakpoints, control bits that follow the guest's, and whatever a technique
 * keeps in hardware (the current VMCS). Every VM has its window at the same linear addresses, in other machine memory: so descriptor
 * tables stay where they are for the processor, but each register's hidden part is loaded anew, and the TLB is emptied, global
 * entries as well. */
#include <string.h>

#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "sim/mmu/mmu.h"
#include "sim/vmm/detector.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/vm.h"

static void charge(const struct vcpu *v, enum cost cost, unsigned times)
{
    const struct vmm_board *b = &v->vmm->board;
    clock_charge(b->clock, CAUSE_SWITCH, (uint64_t)times * b->model->cost[cost]);
}

void vcpu_away(struct vcpu *v)
{
    struct cpu *real = v->vmm->board.cpu;
    if (vcpu_two_dimensions(v)) real->env.space(real->env.mmu, &(struct space){ .cr0 = real->cr0, .cr3 = real->cr3, .cr4 = real->cr4 });
    if (!v->fpu_lent) return;
    v->virt.fpu = lazy_fpu_state(v);
    v->fpu_lent = false;
    real->cr0 |= CR0_TS;
    charge(v, COST_FPU_STATE, 1);
}

void vcpu_own_tables(struct vcpu *v)
{
    struct cpu *c = v->vmm->board.cpu;
    c->gdtr = (struct table_reg){ WINDOW_BASE + WINDOW_GDT, 0xFFFF };
    c->idtr = (struct table_reg){ WINDOW_BASE + WINDOW_IDT, 256 * 8 - 1 };
    window_load(&v->window, &c->ldtr, WINDOW_LDTR);
    window_load(&v->window, &c->tr, WINDOW_TR);
}

/* Where a second level needs no VMX, the rest of the linear addresses has paging registers of its own: the guest's. */
void vcpu_load_paging(struct vcpu *v, uint32_t root)
{
    struct cpu *c = v->vmm->board.cpu;
    c->cr3 = root;
    if (!vcpu_two_dimensions(v)) {
        c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
        return;
    }
    struct vmmu_second second;
    v->vmmu.ops->second(&v->vmmu, &second);
    struct space s = { .cr0 = v->virt.cr0, .cr3 = v->virt.cr3, .cr4 = v->virt.cr4, .root = second.root, .levels = second.levels,
                       .tagged = true, .upper = WINDOW_BASE, .upper_root = root };
    memcpy(s.pdpte, v->virt_mmu.pdpte, sizeof s.pdpte);
    c->env.space(c->env.mmu, &s);
}

void vcpu_address_space(struct vcpu *v, uint32_t root)
{
    struct cpu *c = v->vmm->board.cpu;
    vcpu_load_paging(v, root);
    c->env.flush(c->env.mmu, true);
    charge(v, COST_CR3, 1);
    charge(v, COST_SYSTEM, 2); /* CR4.PGE off and on: the window is global */
}

void vcpu_back(struct vcpu *v)
{
    struct cpu *c = v->vmm->board.cpu;
    vcpu_own_tables(v);
    c->cr0 = VCPU_REAL_CR0;
    c->cr4 = CR4_PSE | CR4_PGE | (c->cr4 & CR4_VMXE);
    charge(v, COST_SYSTEM, 5);
    vcpu_address_space(v, v->root);
    c->dr[6] &= ~(uint32_t)DR6_WRITABLE; /* what another one's breakpoints left; this one's was taken out when it was seen */
    emulate_follow_all(v);
    for (unsigned n = 0; n < SEG_COUNT; n++) v->entered_seg[n] = (struct seg_reg){ .ar = UINT16_MAX }; /* none is loaded */
    vcpu_watched(v, v->ops->detects);
}

static void nothing_before(void *self, const struct cpu *c, const struct insn *i) { (void)self, (void)c, (void)i; }
static void nothing_after(void *self, const struct cpu *c, const struct insn *i, enum step s) { (void)self, (void)c, (void)i, (void)s; }

/* Where one VM is watched all are, if only by nobody: to change that costs a host all decoded code. */
void vcpu_watched(struct vcpu *v, bool by_detector)
{
    struct cpu *c = v->vmm->board.cpu;
    if (by_detector) c->observer = detector_observer(v);
    else if (c->observer.before) c->observer = (struct cpu_observer){ nothing_before, nothing_after, v };
    c->account[1] = CAUSE_KERNEL;
}

void world_switch(struct vmm *h, struct vm *to, enum switch_why why)
{
    struct vcpu *from = &h->now->vcpu, *v = &to->vcpu;
    uint32_t cause = from->cause;
    charge(from, COST_WORLD, 1);
    from->ops->away(from);
    v->cause = TRACE(h->board.trace, SWITCH, cause, .from = h->now->id, .to = to->id, .why = (uint8_t)why);
    h->now = to;
    h->speaking = to->id;
    clock_owner(h->board.clock, to->id);
    v->ops->back(v);
    v->virt_clock.now = h->board.clock->now;
    mmu_flush(&v->virt_mmu, true);
    v->stores.n = 0;
    v->entered = h->board.clock->now;
}
