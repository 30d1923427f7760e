/* See emulate_tell.h. */
#include "sim/vmm/emulate_tell.h"

#include "sim/cpu/exec.h"
#include "sim/vmm/vm.h"

/* What people want to know of an emulated instruction: the new flag, register or port value. */
static uint32_t telling_value(const struct cpu *c, const struct insn *i)
{
    switch (i->id) {
    case MN_CLI: case MN_STI: return (c->eflags & FLAG_IF) != 0;
    case MN_MOV_CR: return c->reg[i->rm];
    case MN_IN: case MN_OUT: return c->reg[EAX] & (i->size == 4 ? UINT32_MAX : (1u << (i->size * 8)) - 1);
    case MN_LGDT: return c->gdtr.base;
    case MN_LIDT: return c->idtr.base;
    default: return c->eip;
    }
}

/* What INS stored, or OUTS read and left there; false if ECX was 0 and there was no access. */
static bool string_value(struct vcpu *v, const struct insn *i, const struct port_access *was, uint32_t *value)
{
    bool ins = i->id == MN_INS;
    if (ins ? v->virt.reg[EDI] == was->edi : v->virt.reg[ESI] == was->esi) return false;
    uint32_t at = (ins ? was->edi : was->esi) & (i->flags & INSN_ADDR16 ? 0xFFFFu : UINT32_MAX);
    *value = 0;
    vcpu_peek(v, gva(v->virt.seg[ins ? SEG_ES : i->seg].base + at), ACCESS_READ, value, i->size);
    return true;
}

static void tell_port(struct vcpu *v, const struct insn *i, const struct port_access *was, uint32_t cause, uint32_t eip,
                      uint32_t value)
{
    bool strings = i->id == MN_INS || i->id == MN_OUTS;
    if (strings && !string_value(v, i, was, &value)) return;
    struct event p = { .kind = EV_PORT, .cause = cause, .eip = eip };
    p.u.PORT.out = i->id == MN_OUT || i->id == MN_OUTS;
    p.u.PORT.port = !strings && i->sub ? (uint16_t)(i->imm & 0xFF) : was->dx;
    p.u.PORT.value = value;
    trace_emit(v->vmm->board.trace, &p);
    clock_charge(v->vmm->board.clock, CAUSE_DEVICE, v->vmm->board.model->cost[COST_DEVICE]);
}

void emulate_tell(struct vcpu *v, const struct insn *i, uint32_t eip, const struct port_access *was)
{
    struct trace *t = v->vmm->board.trace;
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = eip };
    e.u.EMULATE.op = (uint8_t)i->id;
    e.u.EMULATE.ring = v->virt.cpl;
    e.u.EMULATE.value = telling_value(&v->virt, i);
    uint32_t id = trace_emit(t, &e);
    if (i->id == MN_IN || i->id == MN_OUT || i->id == MN_INS || i->id == MN_OUTS)
        tell_port(v, i, was, id, eip, e.u.EMULATE.value);
}
