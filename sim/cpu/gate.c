/* Delivery through the IDT, and IRET. See gate.h. SDM vol. 3A 6.10-6.15; vol. 2, INT n and IRET (operation). */
#include "sim/cpu/gate.h"

#include "sim/cpu/debug.h"
#include "sim/cpu/gate_short.h"
#include "sim/cpu/ring.h"
#include "sim/cpu/task.h"
#include "sim/cpu/v86.h"

/* What is being delivered, and how. */
struct passage {
    uint8_t  vector;
    enum delivery how;
    bool     has_code;
    uint32_t code;
    bool     asked;    /* INT n, INT1: an instruction that is done, and RF was for it alone */
    bool     rf;       /* the pushed EFLAGS has RF set: a fault, so that its instruction is not stopped at twice */
    uint32_t at, back; /* EIP of the instruction concerned (trace), EIP to return to */
    uint32_t ext;      /* EXT bit of error codes: 1 unless the program asked for it */
    uint8_t  type;     /* VMX_EVENT_*: what a hypervisor is told of it */
};

/* An IDT gate.
 *   31            16 15 14 13 12   8 7    0
 *   | offset 31-16  | P| DPL |0 type|  0   |   high
 *   |   selector    |   offset 15-0        |   low   */
struct gate {
    uint16_t sel, ar;
    uint32_t offset;
    unsigned size;     /* bytes of a word of its frame */
    bool     masks;    /* an interrupt gate: clears IF */
    bool     task;     /* a task gate: only `sel` counts */
};

enum { CODE_IDT = 2 };

/* Event INT is told when the instruction has worked; IRQ when the controller has handed over the vector, come what
 * may. */
static void tell(struct cpu *c, const struct passage *v, uint8_t kind)
{
    if (!c->trace) return;
    struct event *e = trace_open(c->trace, kind, c->cause, v->at);
    if (kind == EV_INT) e->u.INT.vector = v->vector;
    else e->u.IRQ.vector = v->vector;
    c->cause = trace_close(c->trace, e);
}

static void tell_gate(struct cpu *c, const struct passage *v, unsigned to, uint32_t target)
{
    if (v->how == DELIVER_SOFT) tell(c, v, EV_INT);
    uint32_t more = v->how == DELIVER_FAULT && v->vector == VEC_PF ? c->model->cost[COST_GATE_PF] : 0;
    clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_GATE] + (uint64_t)more);
    if (!c->trace) return;
    struct event *e = trace_open(c->trace, EV_GATE, c->cause, v->at);
    e->u.GATE.vector = v->vector;
    e->u.GATE.from = c->cpl;
    e->u.GATE.to = (uint8_t)to;
    e->u.GATE.target = target;
    c->cause = trace_close(c->trace, e);
}

/* After a frame is on its stack: the flags every gate clears, and what ends with a delivery. */
static enum step enter(struct cpu *c, uint32_t eip, uint32_t cleared)
{
    c->eflags &= ~(cleared | FLAG_RF); /* no arithmetic flag is among them */
    if (c->eflags & FLAG_TF || (c->eflags & FLAG_IF && c->intr)) c->break_at = 0;
    c->eip = eip;
    c->halted = false;
    c->inhibit = UINT64_MAX;
    return STEP_JUMP;
}

/* The 8086's way: a table of 256 far pointers at `table`, a frame of three 16-bit words, no error codes. SDM 3A 20.1.4. */
static enum step deliver_8086(struct cpu *c, const struct passage *v, uint32_t table, uint32_t flags, uint32_t cleared)
{
    struct stores p = { 0 };
    struct stack s = stack_now(c);
    uint32_t entry;
    if (lin_read(c, gva(table + 4u * v->vector), 4, false, &entry) != STEP_OK) return STEP_FAULT;
    if (!stack_put(&s, &p, 2, flags) || !stack_put(&s, &p, 2, c->seg[SEG_CS].sel) || !stack_put(&s, &p, 2, v->back))
        return cpu_raise_code(c, VEC_SS, 0);
    if (!seg_fits(&c->seg[SEG_CS], entry & 0xFFFF, 1)) return cpu_raise_code(c, VEC_GP, 0);
    if (stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    tell_gate(c, v, c->cpl, entry & 0xFFFF);
    c->reg[ESP] = s.esp;
    seg_load_8086(c, &c->seg[SEG_CS], (uint16_t)(entry >> 16));
    return enter(c, entry & 0xFFFF, cleared);
}

static enum step deliver_real(struct cpu *c, const struct passage *v)
{
    if (4u * v->vector + 3 > c->idtr.limit) return cpu_raise(c, VEC_GP);
    return deliver_8086(c, v, c->idtr.base, cpu_flags(c), FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
}

static enum step read_gate(struct cpu *c, const struct passage *v, struct gate *g)
{
    uint32_t low, high, at = 8u * v->vector, code = at + CODE_IDT + v->ext;
    if (at + 7 > c->idtr.limit) return cpu_raise_code(c, VEC_GP, code);
    if (lin_read_pair(c, gva(c->idtr.base + at), &low, &high) != STEP_OK) return STEP_FAULT;
    g->ar = (uint16_t)(high >> 8 & 0xFF);
    g->sel = (uint16_t)(low >> 16);
    unsigned type = ar_system(g->ar);
    if (type != SYS_TASK && type != SYS_INT16 && type != SYS_TRAP16 && type != SYS_INT32 && type != SYS_TRAP32)
        return cpu_raise_code(c, VEC_GP, code);
    if (v->how == DELIVER_SOFT && ar_dpl(g->ar) < c->cpl) return cpu_raise_code(c, VEC_GP, code);
    if (!(g->ar & AR_P)) return cpu_raise_code(c, VEC_NP, code);
    g->task = type == SYS_TASK;
    bool wide = type & 8;
    g->size = wide ? 4 : 2;
    g->offset = (low & 0xFFFF) | (wide ? high & 0xFFFF0000u : 0);
    g->masks = !(type & 1);
    return STEP_OK;
}

static enum step read_target(struct cpu *c, const struct passage *v, const struct gate *g, struct desc *d)
{
    uint32_t code = sel_code(g->sel) | v->ext;
    if (sel_null(g->sel)) return cpu_raise_code(c, VEC_GP, v->ext);
    if (desc_read(c, g->sel, VEC_GP, code, d) != STEP_OK) return STEP_FAULT;
    if (!ar_code(d->ar) || ar_dpl(d->ar) > c->cpl) return cpu_raise_code(c, VEC_GP, code);
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, code);
    /* Out of virtual-8086 mode only ring 0 is entered. */
    if (cpu_v86(c) && (ar_conforming(d->ar) || ar_dpl(d->ar))) return cpu_raise_code(c, VEC_GP, code);
    return STEP_OK;
}

/* The frame, top of memory first: [GS, FS, DS, ES out of virtual-8086 mode], [SS, ESP if the ring changes], EFLAGS, CS,
 * EIP, [error code]. SDM 3A fig. 6-4, 3B fig. 20-4. */
static uint32_t frame_flags(const struct cpu *c, const struct passage *v)
{
    return (cpu_flags(c) & ~(v->asked ? (uint32_t)FLAG_RF : 0u)) | (v->rf ? FLAG_RF : 0);
}

static bool push_frame(const struct cpu *c, const struct passage *v, unsigned size, bool inward, struct stack *s,
                       struct stores *p)
{
    return (!cpu_v86(c) || v86_push_segments(c, size, s, p)) &&
           (!inward || (stack_put(s, p, size, c->seg[SEG_SS].sel) && stack_put(s, p, size, c->reg[ESP]))) &&
           stack_put(s, p, size, frame_flags(c, v)) && stack_put(s, p, size, c->seg[SEG_CS].sel) &&
           stack_put(s, p, size, v->back) && (!v->has_code || stack_put(s, p, size, v->code));
}

/* A guest of a hypervisor: what was being delivered, if it leaves on the way. */
static void note(struct cpu *c, const struct passage *v)
{
    uint32_t event = VMX_EVENT_VALID | (v->has_code ? VMX_EVENT_CODE : 0u) | (uint32_t)v->type << VMX_EVENT_TYPE_SHIFT | v->vector;
    if (c->vmx.nonroot) vmx_note_delivery(c, event, v->has_code ? v->code : 0, v->back - v->at);
}

static enum step deliver_task(struct cpu *c, const struct passage *v, const struct gate *g)
{
    if (v->how == DELIVER_SOFT) tell(c, v, EV_INT);
    note(c, v);
    return task_enter(c, &(struct task){ .sel = g->sel, .why = TASK_GATE, .ext = v->ext, .at = v->at, .back = v->back,
                                         .rf = v->rf, .asked = v->asked, .has_code = v->has_code, .code = v->code,
                                         .again = v->how == DELIVER_FAULT });
}

/* Its frame stored, a gate is passed. */
static enum step pass(struct cpu *c, const struct passage *v, unsigned ring, const struct seg_reg *cs, const struct stack *s,
                      uint32_t eip, bool masks)
{
    tell_gate(c, v, ring, eip);
    if (ring < c->cpl) cpu_set_cpl(c, (uint8_t)ring);
    if (cpu_v86(c)) v86_drop_segments(c);
    c->seg[SEG_CS] = *cs;
    c->seg[SEG_SS] = s->ss;
    c->reg[ESP] = s->esp;
    return enter(c, eip, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (masks ? FLAG_IF : 0u));
}

/* push_frame's frame, lowest word first. */
static enum step deliver_short(struct cpu *c, const struct passage *v, const struct short_way *w)
{
    uint8_t *to = w->frame;
    if (v->has_code) {
        host_store(to, 4, v->code);
        to += 4;
    }
    host_store(to, 4, v->back);
    host_store(to + 4, 4, c->seg[SEG_CS].sel);
    host_store(to + 8, 4, frame_flags(c, v));
    if (w->ring < c->cpl) {
        host_store(to + 12, 4, c->reg[ESP]);
        host_store(to + 16, 4, c->seg[SEG_SS].sel);
    }
    return pass(c, v, w->ring, &w->cs, &w->stack, w->eip, w->masks);
}

static enum step deliver_protected(struct cpu *c, const struct passage *v)
{
    struct short_way w;
    if (gate_short_in(c, v->vector, v->how == DELIVER_SOFT, v->has_code, &w)) return deliver_short(c, v, &w);
    struct stores p;
    struct stack s = stack_now(c);
    struct gate g = { 0 };
    struct desc d;
    struct seg_reg cs;
    p.n = 0;
    if (read_gate(c, v, &g) != STEP_OK) return STEP_FAULT;
    if (g.task) return deliver_task(c, v, &g);
    if (read_target(c, v, &g, &d) != STEP_OK) return STEP_FAULT;
    unsigned ring = ar_conforming(d.ar) ? c->cpl : ar_dpl(d.ar);
    bool inward = ring < c->cpl;
    if (inward && ring_inner_stack(c, ring, v->ext, &s, &p) != STEP_OK) return STEP_FAULT;
    if (!push_frame(c, v, g.size, inward, &s, &p))
        return cpu_raise_code(c, VEC_SS, (inward ? sel_code(s.ss.sel) : 0) | v->ext);
    seg_from_desc(&cs, sel_with_rpl(g.sel, ring), &d);
    if (!seg_fits(&cs, g.offset, 1)) return cpu_raise_code(c, VEC_GP, v->ext);
    stores_accessed(&p, &d);
    if (stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    return pass(c, v, ring, &cs, &s, g.offset, g.masks);
}

static enum step deliver(struct cpu *c, const struct passage *v)
{
    enum step s = cpu_protected(c) ? deliver_protected(c, v) : deliver_real(c, v);
    if (s == STEP_FAULT) note(c, v);
    return s;
}

enum step cpu_deliver(struct cpu *c, uint8_t vector, enum delivery how, bool has_code, uint32_t code)
{
    static const uint8_t type[] = { [DELIVER_FAULT] = VMX_EVENT_EXCEPTION, [DELIVER_SOFT] = VMX_EVENT_SOFT_INT,
                                    [DELIVER_EXTERNAL] = VMX_EVENT_INTERRUPT };
    struct passage v = { .vector = vector, .how = how, .has_code = has_code, .code = code, .rf = how == DELIVER_FAULT,
                          .asked = how == DELIVER_SOFT,
                          .at = c->eip, .back = c->eip, .ext = how != DELIVER_SOFT, .type = type[how] };
    if (how == DELIVER_EXTERNAL && vector == VEC_NMI) v.type = VMX_EVENT_NMI;
    if (how == DELIVER_EXTERNAL) tell(c, &v, EV_IRQ);
    return deliver(c, &v);
}

enum step gate_soft(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back)
{
    struct passage v = { .vector = vector, .how = DELIVER_SOFT, .asked = true, .at = at, .back = back,
                          .type = VMX_EVENT_SOFT_INT };
    return deliver(c, &v);
}

enum step gate_trap(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back)
{
    if (c->vmx.nonroot && vmx_leaves_soft(c, vector, VMX_EVENT_SOFT_EXCEPTION, at, back)) return STEP_JUMP;
    struct passage v = { .vector = vector, .how = DELIVER_SOFT, .asked = true, .at = at, .back = back,
                          .type = VMX_EVENT_SOFT_EXCEPTION };
    return deliver(c, &v);
}

/* No gate's DPL is asked, and it is no exception either: nothing of it makes a double fault. SDM vol. 2, INT1. Traps that a load of SS
 * held off until now are told with it: it is a debug exception, and one is enough. */
enum step gate_icebp(struct cpu *c, uint32_t at, uint32_t back)
{
    uint32_t held = c->trap;
    if (c->vmx.nonroot && vmx_leaves_soft(c, VEC_DB, VMX_EVENT_ICEBP, at, back)) return STEP_JUMP;
    struct passage v = { .vector = VEC_DB, .how = DELIVER_EXTERNAL, .asked = true, .at = at, .back = back, .ext = 1,
                          .type = VMX_EVENT_ICEBP };
    enum step s = deliver(c, &v);
    if (s != STEP_JUMP || !held) return s;
    c->trap = 0;
    debug_raised(c, held);
    return s;
}

enum step gate_redirected(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back, uint32_t flags, uint32_t cleared)
{
    struct passage v = { .vector = vector, .how = DELIVER_SOFT, .at = at, .back = back };
    return deliver_8086(c, &v, 0, flags, cleared);
}

/* SDM 3A table 6-4. */
static bool contributory(uint8_t vector)
{
    return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

/* Table 6-5: is `second`, met while `first` was being delivered, a double fault? Else it is handled after it,
 * serially. */
bool gate_doubles(uint8_t first, uint8_t second)
{
    if (first == VEC_PF) return second == VEC_PF || contributory(second);
    return contributory(first) && contributory(second);
}

/* What an exception does besides going through its gate, and its event. */
static void raised(struct cpu *c, const struct fault *f)
{
    if (f->vector == VEC_PF) c->cr2 = f->addr;
    if (f->vector == VEC_DB) debug_raised(c, f->addr);
    if (!c->trace) return;
    c->cause = TRACE(c->trace, FAULT, c->cause, .vector = f->vector, .code = f->has_code ? f->code : 0,
                     .addr = f->addr);
}

static bool sets_rf(const struct fault *f)
{
    return f->vector != VEC_DF && !(f->vector == VEC_DB && !(f->addr & DR6_BD));
}

/* VMX tells what a second level of tables refused; without it an exception does, and registers like CR2 say what it was. */
static struct fault exception_of(struct cpu *c, struct fault f)
{
    if (!f.second) return f;
    c->refused = f;
    return (struct fault){ .vector = VEC_VE, .addr = f.addr };
}

/* What follows a fault c->fault met while exception `first` was delivered: the next exception to deliver. False: none, for the
 * guest of a hypervisor has left, or everything ends. */
static bool second_fault(struct cpu *c, uint8_t first, struct fault *f)
{
    if (c->vmx.nonroot && vmx_leaves_fault(c, &c->fault, true)) return false;
    if (first == VEC_DF && c->vmx.nonroot) return vmx_triple_fault(c), false;
    *f = exception_of(c, c->fault);
    if (first != VEC_DF && !gate_doubles(first, f->vector)) return true;
    raised(c, f);
    *f = (struct fault){ .vector = VEC_DF, .has_code = true };
    if (first != VEC_DF) return !(c->vmx.nonroot && vmx_leaves_fault(c, f, false));
    c->shutdown = true;
    c->break_at = 0; /* also from within an instruction: a task switch delivers the faults of the new task */
    return false;
}

/* Delivers exceptions until one gets through. */
static void deliver_chain(struct cpu *c, struct fault f)
{
    for (;;) {
        raised(c, &f);
        struct passage v = { .vector = f.vector, .how = DELIVER_FAULT, .has_code = f.has_code, .code = f.code,
                              .rf = sets_rf(&f), .at = c->eip, .back = c->eip, .ext = 1, .type = VMX_EVENT_EXCEPTION };
        if (deliver(c, &v) != STEP_FAULT) break;
        if (!second_fault(c, f.vector, &f)) return;
    }
    c->vmx.vectoring = 0;
}

void cpu_deliver_fault(struct cpu *c, struct fault f)
{
    if (c->vmx.nonroot && vmx_leaves_fault(c, &f, c->vmx.vectoring)) return;
    deliver_chain(c, exception_of(c, f));
}

/* The event as hardware would have made it, but for what raising it does besides (CR2, DR6, RF): that was done long ago. */
bool gate_inject(struct cpu *c, uint32_t event, uint32_t code, uint32_t length)
{
    unsigned type = vmx_event_type(event);
    bool soft = type >= VMX_EVENT_SOFT_INT && type <= VMX_EVENT_SOFT_EXCEPTION, nonroot = c->vmx.nonroot;
    struct passage v = { .vector = (uint8_t)event, .has_code = event & VMX_EVENT_CODE, .code = code, .asked = soft,
                          .how = type == VMX_EVENT_EXCEPTION ? DELIVER_FAULT
                               : soft && type != VMX_EVENT_ICEBP ? DELIVER_SOFT : DELIVER_EXTERNAL,
                          .at = c->eip, .back = c->eip + (soft ? length : 0), .ext = !soft || type == VMX_EVENT_ICEBP,
                          .type = (uint8_t)type };
    enum step s = STEP_OK;
    struct fault f;
    if (type == VMX_EVENT_SOFT_INT && cpu_v86(c)) s = v86_int(c, v.vector, v.at, v.back);
    if (s == STEP_OK) s = deliver(c, &v);
    if (s == STEP_JUMP) return soft && c->vmx.nonroot == nonroot; /* else the delivery made the guest leave */
    uint8_t first = type == VMX_EVENT_EXCEPTION ? v.vector : (uint8_t)VEC_NMI; /* what is no exception doubles nothing */
    if (second_fault(c, first, &f)) deliver_chain(c, f);
    return false;
}

/* What IRET may change, seen from the ring it leaves: IF only with CPL <= IOPL, IOPL only in ring 0. The rest of the
 * image is ignored without a word; a hypervisor that deprivileges a kernel loses exactly this. */
void gate_return_flags(struct cpu *c, uint32_t image, unsigned size, unsigned cpl, unsigned iopl)
{
    uint32_t may = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (size == 4) may |= FLAG_RF | FLAG_AC | FLAG_ID;
    if (cpl <= iopl) may |= FLAG_IF;
    if (cpl == 0) may |= FLAG_IOPL | (size == 4 && cpu_protected(c) ? FLAG_VIF | FLAG_VIP : 0u);
    uint32_t keep = c->eflags & ~(may | FLAG_RF);
    cpu_set_flags(c, keep | (image & may));
    c->rf_at = c->insns + 1; /* RF is for the instruction that is returned to */
}

enum step gate_return_8086(struct cpu *c, const uint32_t word[3], unsigned size)
{
    uint32_t eip = size == 2 ? word[0] & 0xFFFF : word[0];
    if (!seg_fits(&c->seg[SEG_CS], eip, 1)) return cpu_raise_code(c, VEC_GP, 0);
    clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_IRET]);
    stack_release(c, 3 * size);
    seg_load_8086(c, &c->seg[SEG_CS], (uint16_t)word[1]);
    c->eip = eip;
    return STEP_JUMP;
}

/* NT: the interrupted task is named by the back link of this one. */
static enum step return_task(struct cpu *c, uint32_t at, uint32_t back)
{
    uint32_t link;
    if (lin_read(c, gva(c->tr.base), 2, false, &link) != STEP_OK) return STEP_FAULT;
    return task_enter(c, &(struct task){ .sel = (uint16_t)link, .why = TASK_IRET, .at = at, .back = back });
}

enum step gate_return(struct cpu *c, unsigned size, uint32_t at, uint32_t back)
{
    uint32_t word[3]; /* EIP, CS, EFLAGS */
    unsigned cpl = c->cpl, iopl = cpu_iopl(c);
    if (c->vmx.nonroot) vmx_iret(c);
    else c->nmi_blocked = false; /* even if it faults. SDM 3A 6.7.1 */
    if (c->nmi) c->break_at = 0;
    if (cpu_selects(c) && (c->eflags & FLAG_NT)) return return_task(c, at, back);
    if (cpu_v86(c) && !v86_may_return(c, size)) return cpu_raise_code(c, VEC_GP, 0);
    struct far_return r = { .popped = 3 * size, .at = at, .size = size, .cycles = c->model->cost[COST_IRET] };
    struct short_way w;
    uint32_t story = c->cause;
    enum step s;
    if (size == 4 && cpu_selects(c) && gate_short_out(c, &w)) {
        word[2] = w.flags;
        r.eip = w.eip;
        s = ring_go(c, &r, w.ring, &w.cs, &w.stack);
    } else {
        for (unsigned n = 0; n < 3; n++)
            if (stack_peek(c, n * size, size, &word[n]) != STEP_OK) return STEP_FAULT;
        if (cpu_v86(c)) return v86_return(c, word, size);
        if (cpu_protected(c) && size == 4 && cpl == 0 && (word[2] & FLAG_VM)) return v86_resume(c, word, at);
        r.cs = (uint16_t)word[1];
        r.eip = word[0];
        s = cpu_protected(c) ? ring_return(c, &r) : gate_return_8086(c, word, size);
    }
    if (s != STEP_JUMP) return s;
    if (c->cpl == cpl && c->cause == story) c->cause = 0;
    gate_return_flags(c, word[2], size, cpl, iopl);
    return v86_arrive(c);
}
