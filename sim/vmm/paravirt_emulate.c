/* Privileged instructions that a ported kernel still executes, and that Xen forgave. See paravirt.h.
 *
 * Idea: what has a hypercall is done by that hypercall; what would have no effect on the guest is skipped; all else is the
 * guest's own #GP. CLI and STI do nothing, though they could mask events: a POPF that comes after would not be seen, so nobody
 * may believe in them (Xen's traps.c gives this reason). They need the I/O privilege that physdev_op sets. */
#include <string.h>

#include "sim/cpu/cpuid.h"
#include "sim/cpu/segment.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/paravirt.h"

static bool read_cr(struct paravirt *p, const struct insn *i)
{
    struct cpu *c = &p->v->virt;
    switch (i->sub) {
    case 0: c->reg[i->rm] = c->cr0; return true;
    case 2: c->reg[i->rm] = pv_shared(p, VCPU_CR2, 4); return true;
    case 3: c->reg[i->rm] = c->cr3; return true;
    case 4: c->reg[i->rm] = c->cr4; return true;
    default: return false;
    }
}

static bool write_cr(struct paravirt *p, const struct insn *i)
{
    struct cpu *c = &p->v->virt;
    uint32_t value = c->reg[i->rm];
    const uint32_t arg[6] = { value & CR0_TS };
    switch (i->sub) {
    case 0: return !((value ^ c->cr0) & ~(uint32_t)CR0_TS) && !pv_fpu_taskswitch(p, arg);
    case 2: pv_set_shared(p, VCPU_CR2, 4, value); return true;
    case 3: return !pv_new_base(p, value >> PAGE_SHIFT | (pv_pae(p) ? value << (32 - PAGE_SHIFT) : 0)); /* PAE: its lower bits are a frame's upper ones */
    case 4: return !((value ^ c->cr4) & ~(uint32_t)(CR4_PGE | CR4_PSE));
    default: return false;
    }
}

static bool mov_cr(struct paravirt *p, const struct insn *i) { return i->bytes[1] == 0x20 ? read_cr(p, i) : write_cr(p, i); }

static bool mov_dr(struct paravirt *p, const struct insn *i)
{
    struct cpu *c = &p->v->virt;
    const uint32_t arg[6] = { i->sub, c->reg[i->rm] };
    if (i->bytes[1] == 0x23) return !pv_set_debugreg(p, arg);
    if (i->sub == 4 || i->sub == 5) return false;
    c->reg[i->rm] = c->dr[i->sub];
    return true;
}

/* The virtual CPU's own registers are read; nothing can be written to. */
static bool rdmsr(struct paravirt *p)
{
    struct cpu *c = &p->v->virt;
    uint32_t eip = c->eip;
    c->cpl = 0;
    bool ok = cpu_execute_one(c, NULL) != STEP_FAULT;
    c->cpl = 1;
    c->eip = eip;
    return ok;
}

static bool act(struct paravirt *p, const struct insn *i)
{
    static const uint32_t clear[6] = { 0 };
    switch (i->id) {
    case MN_MOV_CR: return mov_cr(p, i);
    case MN_MOV_DR: return mov_dr(p, i);
    case MN_CLTS: return !pv_fpu_taskswitch(p, clear);
    case MN_RDMSR: return rdmsr(p);
    case MN_WRMSR: case MN_WBINVD: return true;
    case MN_CLI: case MN_STI: return p->iopl >= 1;
    case MN_IN: case MN_OUT: case MN_INS: case MN_OUTS: return pv_port(p, i);
    default: return false;
    }
}

bool pv_emulate(struct paravirt *p)
{
    struct vcpu *v = p->v;
    const struct vmm_board *b = &v->vmm->board;
    struct insn i;
    uint32_t eip = v->virt.eip;
    if (!emulate_decode(v, &i) || !act(p, &i)) return false;
    v->virt.eip = eip + i.len;
    clock_charge(b->clock, CAUSE_EMULATE, b->model->cost[COST_EMULATE]);
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = eip };
    e.u.EMULATE.op = (uint8_t)i.id;
    e.u.EMULATE.ring = 1;
    e.u.EMULATE.value = i.id == MN_MOV_CR ? v->virt.reg[i.rm] : v->virt.eip;
    trace_emit(b->trace, &e);
    return true;
}

/* ---- CPUID with a prefix that faults, for kernels that want to hear the hypervisor's answer */

static void hypervisor_leaf(uint32_t leaf, uint32_t r[4])
{
    static const char name[] = "XenVMMXenVMM";
    switch (leaf) {
    case 0x40000000:
        r[0] = 0x40000002;
        memcpy(r + 1, name, 12); /* EBX, ECX, EDX */
        break;
    case 0x40000001: r[0] = XEN_MAJOR << 16 | XEN_MINOR; break;
    case 0x40000002: r[0] = 0; break; /* no hypercall page by MSR: the domain builder fills it */
    default: break;
    }
}

bool pv_emulate_cpuid(struct paravirt *p)
{
    static const uint8_t prefix[] = { 0x0F, 0x0B, 'x', 'e', 'n', 0x0F, 0xA2 };
    struct vcpu *v = p->v;
    struct cpu *c = &v->virt;
    uint8_t bytes[sizeof prefix];
    uint32_t leaf = c->reg[EAX], r[4] = { 0 }, eip = c->eip;
    unsigned access = ACCESS_EXEC | (c->cpl == 3 ? ACCESS_USER : 0u);
    if (vcpu_peek(v, gva(c->seg[SEG_CS].base + eip), access, bytes, sizeof bytes) != sizeof bytes) return false;
    if (memcmp(bytes, prefix, sizeof prefix)) return false;
    if (leaf >> 8 == 0x400000) {
        hypervisor_leaf(leaf, r);
        c->reg[EAX] = r[0], c->reg[EBX] = r[1], c->reg[ECX] = r[2], c->reg[EDX] = r[3];
    } else {
        c->eip = eip + 5;
        cpu_execute_one(c, NULL);
        if (leaf == 1) c->reg[ECX] &= ~(uint32_t)CPUID_MONITOR; /* #UD in ring 1, and Xen emulates neither */
        if (leaf == 5) c->reg[EAX] = c->reg[EBX] = c->reg[ECX] = c->reg[EDX] = 0;
    }
    c->eip = eip + (uint32_t)sizeof prefix;
    pv_charge(p, COST_EMULATE);
    return true;
}
