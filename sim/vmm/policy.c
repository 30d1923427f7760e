/* See policy.h. */
#include "sim/vmm/policy.h"

#include "sim/cpu/exec.h"
#include "sim/mmu/shadow.h"
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
    uint8_t cause = c == POLICY_CALL_INJECT ? CAUSE_INJECT : c == POLICY_CALL_PORT ? CAUSE_DEVICE : c == POLICY_CALL_EMIT ? CAUSE_TRANSLATE : c >= POLICY_CALL_TABLE ? CAUSE_SHADOW : CAUSE_EMULATE;
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

static bool teaches(const struct vcpu *v) { return v->vmm->policy && v->vmm->policy->fault && (v->virt.cr0 & CR0_PG); }

static void judge(struct vcpu *v, bool all, gva_t at)
{
    const struct policy *p = v->vmm->policy;
    char why[160];
    if (p->broken && !(all ? shadow_all_follow(&v->vmmu, why, sizeof why) : shadow_follows(&v->vmmu, at, why, sizeof why))) p->broken(p->self, why);
}

bool policy_takes_fault(struct vcpu *v, const struct vmexit *x, enum mmu_answer *a, struct fault *f)
{
    if (!teaches(v)) return false;
    const struct policy *p = v->vmm->policy;
    const struct policy_fault what = { x->addr, (x->code & 2) != 0, v->virt.cpl == 3 && (x->code & 4), (x->code & 1) != 0 };
    struct policy_ruling r = { .verdict = POLICY_AGAIN };
    *a = MMU_RETRY;
    if (!answered(v, p->fault(p->self, &what, &r))) return false;
    judge(v, false, gva(x->addr));
    if (r.verdict == POLICY_EMULATE) *a = MMU_TRACED;
    if (r.verdict != POLICY_REFLECT) return true;
    *a = MMU_REFLECT;
    *f = (struct fault){ .vector = r.vector, .has_code = true, .code = r.code, .addr = r.addr };
    struct event e = { .kind = EV_TRUE, .cause = v->cause };
    e.u.TRUE.access = (uint8_t)(what.write ? ACCESS_WRITE : 0);
    e.u.TRUE.va = x->addr;
    trace_emit(v->vmm->board.trace, &e);
    return true;
}

void policy_loads_cr3(struct vcpu *v, uint32_t value)
{
    const struct policy *p = v->vmm->policy;
    if (teaches(v) && p->cr3) (void)answered(v, p->cr3(p->self, value));
}

void policy_loaded_cr3(struct vcpu *v)
{
    if (teaches(v)) judge(v, true, gva(0));
}

void policy_stored(struct vcpu *v, uint32_t at, unsigned size)
{
    const struct policy *p = v->vmm->policy;
    if (teaches(v) && p->stored && v->vmmu.ops->traced(&v->vmmu, gpa(at))) (void)answered(v, p->stored(p->self, at, size));
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

/* --- page faults */

static bool is_ram(const struct vcpu *v, uint32_t at)
{
    uint32_t frame;
    return !bus_windowed(&v->vm->bus, hpa(at)) && bus_owner((struct bus *)&v->vm->bus, hpa(at), &frame);
}

bool policy_table(struct vcpu *v, uint32_t at, uint32_t *entry)
{
    policy_charge(v, POLICY_CALL_TABLE);
    if (!is_ram(v, at)) return false;
    *entry = bus_read(&v->vm->bus, hpa(at & ~3u), 4);
    return true;
}

bool policy_mark(struct vcpu *v, uint32_t at, uint32_t bits)
{
    policy_charge(v, POLICY_CALL_TABLE);
    if (!is_ram(v, at) || !shadow_is_table(&v->vmmu, gpa(at))) return false;
    uint32_t entry = bus_read(&v->vm->bus, hpa(at & ~3u), 4), now = entry | (bits & (PTE_A | PTE_D));
    if (now != entry) bus_write(&v->vm->bus, hpa(at & ~3u), 4, now);
    return true;
}

bool policy_p2m(struct vcpu *v, uint32_t page, uint32_t *frame)
{
    policy_charge(v, POLICY_CALL_P2M);
    return page <= UINT32_MAX >> PAGE_SHIFT && is_ram(v, page << PAGE_SHIFT) && bus_owner(&v->vm->bus, hpa(page << PAGE_SHIFT), frame);
}

bool policy_emulate(struct vcpu *v, uint32_t va, bool write) { return shadow_needs_emulator(&v->vmmu, gva(va), write); }

int policy_map(struct vcpu *v, uint32_t va, uint32_t frame, bool write, bool user)
{
    policy_charge(v, POLICY_CALL_MAP);
    return (int)shadow_put(&v->vmmu, gva(va & PAGE_MASK), frame, (write ? PTE_W : 0u) | (user ? PTE_U : 0u));
}

void policy_unmap(struct vcpu *v, uint32_t va, int space)
{
    policy_charge(v, POLICY_CALL_UNMAP);
    shadow_take(&v->vmmu, gva(va & PAGE_MASK), (uint8_t)(space < 0 ? shadow_space(&v->vmmu) : space % SHADOW_SPACES));
}

void policy_space(struct vcpu *v, uint8_t space)
{
    policy_charge(v, POLICY_CALL_SPACE);
    shadow_choose(&v->vmmu, space % SHADOW_SPACES);
}

void policy_flush(struct vcpu *v)
{
    policy_charge(v, POLICY_CALL_FLUSH);
    shadow_empty(&v->vmmu);
}

bool policy_trace(struct vcpu *v, uint32_t page, bool on)
{
    policy_charge(v, POLICY_CALL_TRACE);
    if (page > UINT32_MAX >> PAGE_SHIFT || !is_ram(v, page << PAGE_SHIFT)) return false;
    if (v->vmmu.ops->traced(&v->vmmu, gpa(page << PAGE_SHIFT)) != on) v->vmmu.ops->trace(&v->vmmu, gpa(page << PAGE_SHIFT), on);
    return true;
}
