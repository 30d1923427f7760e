/* INT n through the hypervisor's gates. See gates.h.
 *
 * Idea: INT n comes in by the hypervisor's gate n, with EIP behind it, which is all right as long as the guest's own gate takes it. If
 * that refuses, the fault is at the INT, whose length (prefixes) cannot be told from behind. So those gates are open that the guest's IDT
 * had open when it was loaded; by others an INT n arrives as #GP(n * 8 + 2) with EIP at the instruction. Once it was taken, the gate is
 * opened for the ring it came from, and closed again when one is refused. */
#include "sim/vmm/gates.h"

#include "sim/cpu/segment.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"

enum { FIRST = 32, CODE_GATE = 2 /* of an error code: it names a gate */ };

/* 0: closed. */
static void gate(struct vcpu *v, unsigned vector, unsigned dpl)
{
    const struct vmm_board *b = &v->vmm->board;
    if (v->gate_dpl[vector] == dpl) return;
    v->gate_dpl[vector] = (uint8_t)dpl;
    window_gate(&v->window, vector, dpl);
    clock_charge(b->clock, CAUSE_SHADOW, b->model->cost[COST_TABLE_SYNC]);
}

/* Where the INT behind EIP begins, if its gate was opened and then changed in memory. The guest came by its last known place and, most
 * likely, straight on: that tells where instructions begin. Else an INT is two bytes. */
static uint32_t int_before(struct vcpu *v)
{
    enum { FAR = 256 };
    uint32_t eip = v->virt.eip, at = v->left_eip;
    struct insn i = { 0 };
    bool found = false;
    while (at < eip && eip - at <= FAR) {
        v->virt.eip = at;
        if (!emulate_decode(v, &i)) break;
        if ((found = i.id == MN_INT && at + i.len == eip)) break;
        at += i.len;
    }
    v->virt.eip = eip;
    return found ? at : eip - 2;
}

void gates_soft_int(struct vcpu *v, const struct vmexit *x)
{
    unsigned n = x->code >> 3 & 0xFF, ring = v->virt.cpl ? 3 : 1;
    if (x->vector >= FIRST) {
        if (!emulate_soft_int(v, x->vector, int_before)) gate(v, x->vector, 0);
    } else if (emulate_one(v) && (x->code & CODE_GATE) && n >= FIRST && n < WINDOW_IRQ && ring > v->gate_dpl[n]) {
        gate(v, n, ring);
    }
}

/* The privilege to use the hypervisor's gate that does what the guest's own would, which lets in everybody or its kernel, in ring 1
 * here; or 0, nobody. */
static unsigned guest_dpl(struct vcpu *v, unsigned vector)
{
    uint32_t d[2];
    const struct table_reg *idt = &v->virt.idtr;
    if (8 * vector + 7 > idt->limit || vcpu_peek(v, gva(idt->base + 8 * vector), ACCESS_READ, d, sizeof d) != sizeof d) return 0;
    uint16_t ar = (uint16_t)(d[1] >> 8);
    unsigned type = ar_system(ar) & ~1u; /* interrupt gates and trap gates alike */
    if (!(ar & AR_P) || (type != SYS_INT32 && type != SYS_INT16)) return 0;
    return ar_dpl(ar) == 3 ? 3 : 1;
}

void gates_follow(struct vcpu *v)
{
    const struct table_reg *now = &v->virt.idtr;
    if ((now->base == v->gates_idtr.base && now->limit == v->gates_idtr.limit) || !(v->virt.cr0 & CR0_PE)) return;
    v->gates_idtr = *now;
    for (unsigned n = FIRST; n < WINDOW_IRQ; n++) gate(v, n, guest_dpl(v, n));
}
