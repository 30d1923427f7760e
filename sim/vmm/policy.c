/* See policy.h. */
#include "sim/vmm/policy.h"

#include "sim/cpu/exec.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"

static const struct policy_call_desc calls[POLICY_CALLS] = {
#define POLICY(e, name, cycles, about) { name, about, cycles },
#include "sim/core/policy.def"
#undef POLICY
};

const struct policy_call_desc *policy_call(unsigned n) { return n < POLICY_CALLS ? &calls[n] : NULL; }

void policy_charge(struct vcpu *v, enum policy_call c)
{
    uint8_t cause = c == POLICY_CALL_INJECT ? CAUSE_INJECT : c == POLICY_CALL_PORT ? CAUSE_DEVICE : c >= POLICY_CALL_WALK ? CAUSE_SHADOW : CAUSE_EMULATE;
    clock_charge(v->vmm->board.clock, cause, calls[c].cycles);
}

/* Is it one of those handed over? */
static bool describe(const struct vcpu *v, const struct insn *i, struct policy_trap *t)
{
    *t = (struct policy_trap){ .word = insn_desc(i->id)->word, .length = i->len, .size = i->size, .id = i->id };
    switch (i->id) {
    case MN_CLI: case MN_STI: case MN_HLT: case MN_CLTS: return true;
    case MN_MOV_CR:
        t->cr = i->sub, t->reg = i->rm, t->write = i->bytes[1] == 0x22;
        return true;
    case MN_IN: case MN_OUT:
        t->port = i->sub ? (uint16_t)(i->imm & 0xFF) : (uint16_t)v->virt.reg[EDX];
        t->write = i->id == MN_OUT;
        return true;
    default: return false;
    }
}

static bool answered(struct vcpu *v, enum policy_answer a)
{
    if (a == POLICY_FAILED) vm_die(v, DEATH_POLICY);
    return a != POLICY_OURS;
}

bool policy_takes_trap(struct vcpu *v)
{
    const struct policy *p = v->vmm->policy;
    struct policy_trap t;
    struct insn i;
    if (!p || !p->trap || !emulate_decode(v, &i) || !describe(v, &i, &t)) return false;
    return answered(v, p->trap(p->self, &t));
}

bool policy_takes_fault(struct vcpu *v, const struct vmexit *x)
{
    const struct policy *p = v->vmm->policy;
    if (!p || !p->fault || x->vector != VEC_PF) return false;
    const struct policy_fault f = { x->addr, (x->code & 2) != 0, v->virt.cpl == 3, (x->code & 1) != 0 };
    return answered(v, p->fault(p->self, &f));
}

void policy_skip(struct vcpu *v, const struct policy_trap *t)
{
    policy_charge(v, POLICY_CALL_SKIP);
    emulate_skip(v, t->id, t->length);
}

void policy_set_if(struct vcpu *v, bool on)
{
    policy_charge(v, POLICY_CALL_FLAG);
    v->virt.eflags = (v->virt.eflags & ~(uint32_t)FLAG_IF) | (on ? FLAG_IF : 0);
    detector_agreed(v);
}

bool policy_set_cr(struct vcpu *v, unsigned n, uint32_t value)
{
    policy_charge(v, POLICY_CALL_CR);
    return n != 1 && n <= 4 && emulate_set_cr(v, n, value);
}

uint32_t policy_cr(struct vcpu *v, unsigned n)
{
    const struct cpu *c = &v->virt;
    const uint32_t cr[5] = { c->cr0, 0, c->cr2, c->cr3, c->cr4 };
    policy_charge(v, POLICY_CALL_CR);
    return n < 5 ? cr[n] : 0;
}

uint32_t policy_in(struct vcpu *v, uint16_t port, unsigned size)
{
    policy_charge(v, POLICY_CALL_PORT);
    return emulate_device(v, port, size, true, 0);
}

void policy_out(struct vcpu *v, uint16_t port, unsigned size, uint32_t value)
{
    policy_charge(v, POLICY_CALL_PORT);
    (void)emulate_device(v, port, size, false, value);
}

void policy_halt(struct vcpu *v)
{
    policy_charge(v, POLICY_CALL_HALT);
    v->virt.halted = true;
}

void policy_inject(struct vcpu *v, uint8_t vector, bool has_code, uint32_t code, uint32_t addr)
{
    policy_charge(v, POLICY_CALL_INJECT);
    emulate_reflect(v, (struct fault){ .vector = vector, .has_code = has_code, .code = code, .addr = addr });
}

bool policy_read(struct vcpu *v, uint32_t va, unsigned size, uint32_t *value)
{
    policy_charge(v, POLICY_CALL_READ);
    *value = 0;
    return vcpu_peek(v, gva(va), ACCESS_READ, value, size) == size;
}
