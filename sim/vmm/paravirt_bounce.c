/* How a paravirtual kernel is entered without its own IDT: the hypervisor pushes the frame the hardware would have pushed.
 *
 *   ring-1 stack, downwards:  [SS ESP if an outer ring was interrupted]  EFLAGS  CS | mask << 16  EIP  [error code]  [GS FS ES DS]
 *
 * Idea: the frame is the hardware's, but for two things the kernel cannot have otherwise: CS carries the event mask of the
 * interrupted code in its upper half, and IF in the EFLAGS image is that mask's opposite, so that the kernel's IRET hypercall
 * puts it back. CR2 goes to shared memory. The event upcall and the failsafe callback are entered the same way.
 * TOUR vmm.11: how it is told of faults and events. */
#include "sim/cpu/segment.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/paravirt.h"

enum { FRAME_WORDS = 10, DIRECT_GATE = 0x8F00, TRAP_VECTOR_80 = 0x80 };

struct bounce {
    uint32_t cs, eip, code;
    bool     masks, has_code, failsafe;
};

static void die(struct paravirt *p, enum death why)
{
    p->v->vm->dead_eip = p->v->virt.eip;
    vm_die(p->v, why);
}

/* The frame's words, lowest address first. */
static unsigned frame_words(const struct paravirt *p, const struct bounce *b, bool outer, uint32_t w[FRAME_WORDS])
{
    const struct cpu *c = &p->v->virt;
    uint32_t mask = pv_shared(p, VCPU_UPCALL_MASK, 1);
    unsigned n = 0;
    static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    for (unsigned i = 0; b->failsafe && i < sizeof data; i++) w[n++] = c->seg[data[i]].sel;
    if (b->has_code) w[n++] = b->code;
    w[n++] = c->eip;
    w[n++] = c->seg[SEG_CS].sel | mask << 16;
    w[n++] = (cpu_flags(c) & ~(uint32_t)FLAG_IF) | (mask ? 0u : (uint32_t)FLAG_IF);
    if (!outer) return n;
    w[n++] = c->reg[ESP];
    w[n++] = c->seg[SEG_SS].sel;
    return n;
}

/* A stack segment must be one that ring 1 may have, with room below ESP. */
static bool stack_at(struct paravirt *p, uint16_t ss, struct seg_reg *r)
{
    uint32_t d[2];
    if (!pv_descriptor(p, ss, d)) return false;
    cpu_seg_set(r, ss, d[0], d[1]);
    return (r->ar & AR_P) && ar_writable(r->ar) && ar_dpl(r->ar) == 1;
}

static void enter_kernel(struct paravirt *p, const struct bounce *b)
{
    struct cpu *c = &p->v->virt;
    bool outer = c->cpl != 1;
    uint32_t w[FRAME_WORDS], esp = outer ? p->kernel_sp : c->reg[ESP];
    uint16_t ss = (uint16_t)pv_ring1(outer ? p->kernel_ss : c->seg[SEG_SS].sel);
    struct seg_reg stack;
    unsigned n = frame_words(p, b, outer, w);
    pv_charge(p, COST_PV_BOUNCE);
    if (!(b->cs & 0xFFFC)) {
        die(p, DEATH_HANDLER);
        return;
    }
    esp -= 4 * n;
    if (!stack_at(p, ss, &stack) || !seg_fits(&stack, esp, 4 * n) || !pv_write(p, stack.base + esp, w, 4 * n)) {
        die(p, DEATH_STACK);
        return;
    }
    if (b->masks) pv_set_shared(p, VCPU_UPCALL_MASK, 1, 1);
    c->eflags &= ~(uint32_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);
    c->reg[ESP] = esp;
    c->seg[SEG_SS] = stack;
    c->eip = b->eip;
    c->seg[SEG_CS] = (struct seg_reg){ .sel = (uint16_t)pv_ring1(b->cs) };
    c->cpl = 1;
}

static void tell_inject(struct paravirt *p, uint8_t vector, uint32_t code, uint32_t from)
{
    struct event e = { .kind = EV_INJECT, .cause = p->v->cause, .eip = from };
    e.u.INJECT.vector = vector;
    e.u.INJECT.code = code;
    e.u.INJECT.target = p->v->virt.eip;
    p->v->cause = trace_emit(p->v->vmm->board.trace, &e);
}

void pv_bounce(struct paravirt *p, struct fault f)
{
    const struct xen_trap_info *t = &p->trap[f.vector];
    uint32_t from = p->v->virt.eip;
    if (f.vector == VEC_PF) {
        pv_set_shared(p, VCPU_CR2, 4, f.addr);
        p->v->virt.cr2 = f.addr;
    }
    if (!p->v->vm->first.vector) p->v->vm->first = f;
    enter_kernel(p, &(struct bounce){ t->cs, t->address, f.code, t->flags & XEN_TRAP_MASKS, f.has_code, false });
    if (p->v->vm->dead) return;
    p->v->vm->first = (struct fault){ 0 };
    tell_inject(p, f.vector, f.code, from);
}

/* #GP with the IDT bit: the gate is closed to INT n, but perhaps the guest's is not. */
void pv_soft_int(struct paravirt *p, uint8_t vector)
{
    const struct xen_trap_info *t = &p->trap[vector];
    struct cpu *c = &p->v->virt;
    bool permitted = t->address && (unsigned)(t->flags & XEN_TRAP_DPL) >= c->cpl;
    if (permitted) c->eip += 2;
    pv_bounce(p, permitted ? (struct fault){ .vector = vector }
                           : (struct fault){ .vector = VEC_GP, .has_code = true, .code = vector * 8u + 2 });
}

void pv_upcall(struct paravirt *p)
{
    uint32_t from = p->v->virt.eip;
    pv_wake(p);
    enter_kernel(p, &(struct bounce){ .cs = p->event.cs, .eip = p->event.eip, .masks = true });
    if (p->v->vm->dead) return;
    struct event e = { .kind = EV_UPCALL, .cause = p->v->cause, .eip = from };
    e.u.UPCALL.selector = pv_shared(p, VCPU_SELECTOR, 4);
    e.u.UPCALL.target = p->v->virt.eip;
    p->v->cause = trace_emit(p->v->vmm->board.trace, &e);
}

/* The guest cannot be returned to as it stands: a data segment, CS, SS or EIP is bad. Its kernel learns that, with the
 * selectors that were tried; the data segments are null until it loads others. */
void pv_failsafe(struct paravirt *p)
{
    struct cpu *c = &p->v->virt;
    uint32_t from = c->eip;
    enter_kernel(p, &(struct bounce){ .cs = p->failsafe.cs, .eip = p->failsafe.eip, .masks = p->failsafe_masks, .failsafe = true });
    static const uint8_t data[] = { SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    for (unsigned i = 0; i < sizeof data; i++) seg_load_null(&c->seg[data[i]], 0);
    if (!p->v->vm->dead) tell_inject(p, VEC_GP, 0, from);
}

/* ---- registering handlers */

void pv_init_int80(struct paravirt *p)
{
    const struct xen_trap_info *t = &p->trap[TRAP_VECTOR_80];
    bool direct = t->address && !(t->flags & XEN_TRAP_MASKS); /* no gate can set the event mask on the way */
    if (direct)
        window_gate_raw(&p->v->window, TRAP_VECTOR_80, (uint32_t)t->cs << 16 | (t->address & 0xFFFF),
                        (t->address & 0xFFFF0000u) | DIRECT_GATE | (uint32_t)(t->flags & XEN_TRAP_DPL) << 13);
    else window_gate_raw(&p->v->window, TRAP_VECTOR_80, 0, 0);
    pv_charge(p, COST_TABLE_SYNC);
}

/* arg: list, ended by an address of 0; or null: forget all handlers. */
int32_t pv_set_trap_table(struct paravirt *p, const uint32_t arg[6])
{
    struct xen_trap_info t;
    if (!arg[0])
        for (unsigned i = 0; i < 256; i++) p->trap[i] = (struct xen_trap_info){ 0 };
    for (uint32_t at = arg[0]; arg[0]; at += (uint32_t)sizeof t) {
        if (!pv_read(p, at, &t, sizeof t)) return -XEN_EFAULT;
        if (!t.address) break;
        t.cs = (uint16_t)pv_ring1(t.cs);
        if (!pv_gate_selector(t.cs)) return -XEN_EPERM;
        p->trap[t.vector] = t;
        if (t.vector == TRAP_VECTOR_80) pv_init_int80(p);
        if (pv_long(p)) return pv_continue(p, at + (uint32_t)sizeof t, 0, 0, 0);
    }
    if (!arg[0]) pv_init_int80(p);
    return 0;
}

/* arg: SS, ESP. The CPU takes them, too, for the direct gate. */
int32_t pv_stack_switch(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t ss = pv_ring1(arg[0] & 0xFFFF);
    p->kernel_ss = ss;
    p->kernel_sp = arg[1];
    window_ring1_stack(&p->v->window, ss, arg[1]);
    pv_charge(p, COST_TABLE_SYNC);
    return 0;
}

/* arg: event callback CS, EIP, failsafe callback CS, EIP. */
int32_t pv_set_callbacks(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t event = pv_ring1(arg[0]), failsafe = pv_ring1(arg[2]);
    if (!pv_gate_selector(event) || !pv_gate_selector(failsafe)) return -XEN_EPERM;
    p->event = (struct pv_far){ event, arg[1] };
    p->failsafe = (struct pv_far){ failsafe, arg[3] };
    return 0;
}

/* arg: operation, { u16 type, u16 flags, u32 cs, u32 eip }. */
int32_t pv_callback_op(struct paravirt *p, const uint32_t arg[6])
{
    struct { uint16_t type, flags; uint32_t cs, eip; } r = { 0 };
    bool on = arg[0] == XEN_CALLBACK_REGISTER;
    if (!on && arg[0] != XEN_CALLBACK_UNREGISTER) return -XEN_ENOSYS;
    if (!pv_read(p, arg[1], &r, on ? (uint32_t)sizeof r : 4)) return -XEN_EFAULT;
    if (!on) return r.type == XEN_CALLBACK_EVENT || r.type == XEN_CALLBACK_FAILSAFE ? -XEN_EINVAL : -XEN_ENOSYS;
    r.cs = pv_ring1(r.cs);
    if (!pv_gate_selector(r.cs)) return -XEN_EPERM;
    switch (r.type) {
    case XEN_CALLBACK_EVENT: p->event = (struct pv_far){ r.cs, r.eip }; return 0;
    case XEN_CALLBACK_FAILSAFE:
        p->failsafe = (struct pv_far){ r.cs, r.eip };
        p->failsafe_masks = r.flags & 1;
        return 0;
    default: return -XEN_ENOSYS;
    }
}

/* Frame on the guest's stack: EAX EIP CS EFLAGS [ESP SS]. IF in its flags unmasks events. */
int32_t pv_iret(struct paravirt *p, const uint32_t arg[6])
{
    (void)arg;
    struct cpu *c = &p->v->virt;
    uint32_t w[6], at = c->reg[ESP];
    bool ok = pv_read(p, at, w, 16);
    unsigned ring = w[2] & 3;
    if (ok && ring > 1) ok = pv_read(p, at + 16, w + 4, 8);
    p->no_result = true;
    if (!ok || !ring || (w[3] & FLAG_VM)) {
        die(p, DEATH_IRET);
        return 0;
    }
    c->reg[EAX] = w[0];
    c->eip = w[1];
    c->seg[SEG_CS] = (struct seg_reg){ .sel = (uint16_t)w[2] };
    cpu_set_flags(c, (w[3] & ~(uint32_t)(FLAG_IOPL | FLAG_VIF | FLAG_VIP)) | FLAG_IF);
    c->reg[ESP] = ring > 1 ? w[4] : at + 16;
    if (ring > 1) c->seg[SEG_SS] = (struct seg_reg){ .sel = (uint16_t)w[5] };
    c->cpl = (uint8_t)ring;
    pv_set_shared(p, VCPU_UPCALL_MASK, 1, !(w[3] & FLAG_IF));
    return (int32_t)w[0];
}

/* arg: set or clear the guest's CR0.TS. */
int32_t pv_fpu_taskswitch(struct paravirt *p, const uint32_t arg[6])
{
    struct vcpu *v = p->v;
    v->virt.cr0 = arg[0] ? v->virt.cr0 | CR0_TS : v->virt.cr0 & ~(uint32_t)CR0_TS;
    lazy_fpu_fetch(v);
    lazy_fpu_follow(v);
    return 0;
}
