/* Far transfers: CALL, JMP, RET to another code segment, directly or through a call gate; INT n and IRET's entry
 * points.
 *
 * Idea 1: a target is a code descriptor and an offset, however it was named; direct names and gates differ in who may
 * use them. Only CALL through a gate to a nonconforming segment changes the ring, and only inward; RET only outward.
 * Idea 2: as in gate.c, all is decided before anything is stored (ring.h).
 * SDM vol. 2 (CALL, JMP, RET, INT n); vol. 3A 5.8. A TSS or task gate as target is checked here and ends in task.c. A
 * call gate emits no event of its own. */
#include "sim/cpu/exec.h"
#include "sim/cpu/gate.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/ring.h"
#include "sim/cpu/sensitive.h"
#include "sim/cpu/task.h"
#include "sim/cpu/v86.h"

/* Where a transfer goes, found out step by step. */
struct target {
    uint16_t sel;      /* as the instruction named it; after a gate: as the gate names it */
    uint32_t eip;
    unsigned size;     /* of a word of CALL's frame: the instruction's, or the gate's */
    unsigned params;   /* words to copy to the inner stack */
    unsigned ring;     /* that it leads to */
    struct desc code;
    struct seg_reg cs;
};

static enum step named(struct cpu *c, const struct insn *i, struct target *t)
{
    uint32_t eip = i->imm, sel = i->imm2;
    if (i->flags & INSN_MEM) {
        uint32_t at = ea(c, i), second = at + i->size;
        if (i->flags & INSN_ADDR16) second &= 0xFFFF;
        if (mem_read(c, i->seg, at, i->size, &eip) != STEP_OK || mem_read(c, i->seg, second, 2, &sel) != STEP_OK)
            return STEP_FAULT;
    }
    *t = (struct target){ .sel = (uint16_t)sel, .eip = eip & size_mask(i->size), .size = i->size, .ring = c->cpl };
    return STEP_OK;
}

static enum step check_direct(struct cpu *c, struct target *t)
{
    unsigned dpl = ar_dpl(t->code.ar);
    if (ar_conforming(t->code.ar) ? dpl > c->cpl : (dpl != c->cpl || sel_rpl(t->sel) > c->cpl))
        return cpu_raise_code(c, VEC_GP, sel_code(t->sel));
    if (!(t->code.ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(t->sel));
    return STEP_OK;
}

/* Any gate or TSS must be visible to the caller, and present. */
static enum step check_gate(struct cpu *c, const struct desc *g)
{
    if (!desc_visible(g, c->cpl)) return cpu_raise_code(c, VEC_GP, sel_code(g->sel));
    if (!(g->ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(g->sel));
    return STEP_OK;
}

/* A call gate.
 *   31            16 15 14 13 12   8 7 5 4    0
 *   | offset 31-16  | P| DPL |0 type| 0 |params|   high
 *   |   selector    |      offset 15-0         |   low   */
static enum step through_gate(struct cpu *c, bool jump, struct target *t)
{
    struct desc g = t->code, *d = &t->code;
    bool wide = ar_system(g.ar) & 8;
    if (check_gate(c, &g) != STEP_OK) return STEP_FAULT;
    t->sel = (uint16_t)(g.low >> 16);
    t->eip = (g.low & 0xFFFF) | (wide ? g.high & 0xFFFF0000u : 0);
    t->size = wide ? 4 : 2;
    t->params = g.high & 31;
    if (sel_null(t->sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (desc_read(c, t->sel, VEC_GP, sel_code(t->sel), d) != STEP_OK) return STEP_FAULT;
    unsigned dpl = ar_dpl(d->ar);
    if (!ar_code(d->ar) || dpl > c->cpl || (jump && !ar_conforming(d->ar) && dpl != c->cpl))
        return cpu_raise_code(c, VEC_GP, sel_code(t->sel));
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(t->sel));
    t->ring = ar_conforming(d->ar) ? c->cpl : dpl;
    return STEP_OK;
}

static enum step task_switch(struct cpu *c, const struct insn *i, bool jump, const struct desc *d)
{
    bool gate = ar_system(d->ar) == SYS_TASK;
    if (!desc_visible(d, c->cpl)) return cpu_raise_code(c, VEC_GP, sel_code(d->sel));
    if (gate && !(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(d->sel));
    return task_enter(c, &(struct task){ .sel = gate ? (uint16_t)(d->low >> 16) : d->sel,
                                         .why = jump ? TASK_JUMP : TASK_CALL, .at = insn_eip(c, i),
                                         .back = insn_next(c, i) });
}

/* Everything about the target but the stack and the limit. STEP_JUMP: it was a task, and runs now. */
static enum step find_target(struct cpu *c, const struct insn *i, bool jump, struct target *t)
{
    if (sensitive_refused(c) || named(c, i, t) != STEP_OK) return STEP_FAULT;
    if (!cpu_selects(c)) return STEP_OK;
    if (sel_null(t->sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (desc_read(c, t->sel, VEC_GP, sel_code(t->sel), &t->code) != STEP_OK) return STEP_FAULT;
    if (ar_code(t->code.ar)) return check_direct(c, t);
    switch (ar_system(t->code.ar)) {
    case SYS_CALL16: case SYS_CALL32: return through_gate(c, jump, t);
    case SYS_TASK: case SYS_TSS16: case SYS_TSS32: case SYS_TSS16_BUSY: case SYS_TSS32_BUSY:
        return task_switch(c, i, jump, &t->code);
    default: return cpu_raise_code(c, VEC_GP, sel_code(t->sel));
    }
}

/* Prepares CS and checks EIP against its limit. */
static enum step check_limit(struct cpu *c, struct target *t)
{
    if (cpu_selects(c)) seg_from_desc(&t->cs, sel_with_rpl(t->sel, t->ring), &t->code);
    else {
        t->cs = c->seg[SEG_CS];
        seg_load_8086(c, &t->cs, t->sel);
    }
    return seg_fits(&t->cs, t->eip, 1) ? STEP_OK : cpu_raise_code(c, VEC_GP, 0);
}

static enum step arrive(struct cpu *c, const struct target *t, struct stores *p)
{
    if (cpu_selects(c)) stores_accessed(p, &t->code);
    if (stores_commit(c, p) != STEP_OK) return STEP_FAULT;
    c->seg[SEG_CS] = t->cs;
    c->eip = t->eip;
    return STEP_JUMP;
}

enum step exec_jmp_far(struct cpu *c, const struct insn *i)
{
    struct stores p = { 0 };
    struct target t;
    enum step found = find_target(c, i, true, &t);
    if (found != STEP_OK) return found;
    if (check_limit(c, &t) != STEP_OK) return STEP_FAULT;
    return arrive(c, &t, &p);
}

/* The parameters of a call gate: their room was made by CALL, their values lie on top of the caller's stack. */
static enum step copy_params(struct cpu *c, const struct target *t, struct stores *p, unsigned first)
{
    for (unsigned n = 0; n < t->params; n++)
        if (stack_peek(c, (t->params - 1 - n) * t->size, t->size, &p->s[first + n].value) != STEP_OK) return STEP_FAULT;
    return STEP_OK;
}

/* Inner frame: SS, ESP, parameters, CS, EIP. In the same ring only the last two. SDM 3A fig. 5-13. */
enum step exec_call_far(struct cpu *c, const struct insn *i)
{
    struct stores p = { 0 };
    struct target t;
    enum step found = find_target(c, i, false, &t);
    if (found != STEP_OK) return found;
    struct stack s = stack_now(c);
    bool inward = t.ring < c->cpl, room = true;
    if (inward && ring_inner_stack(c, t.ring, 0, &s, &p) != STEP_OK) return STEP_FAULT;
    if (inward) room = stack_put(&s, &p, t.size, c->seg[SEG_SS].sel) && stack_put(&s, &p, t.size, c->reg[ESP]);
    unsigned first = p.n;
    for (unsigned n = 0; inward && room && n < t.params; n++) room = stack_put(&s, &p, t.size, 0);
    room = room && stack_put(&s, &p, t.size, c->seg[SEG_CS].sel) && stack_put(&s, &p, t.size, insn_next(c, i));
    if (!room) return cpu_raise_code(c, VEC_SS, inward ? sel_code(s.ss.sel) : 0);
    if (check_limit(c, &t) != STEP_OK || (inward && copy_params(c, &t, &p, first) != STEP_OK)) return STEP_FAULT;
    if (arrive(c, &t, &p) != STEP_JUMP) return STEP_FAULT;
    c->seg[SEG_SS] = s.ss;
    c->reg[ESP] = s.esp;
    if (inward) cpu_set_cpl(c, (uint8_t)t.ring);
    return STEP_JUMP;
}

enum step exec_ret_far(struct cpu *c, const struct insn *i)
{
    uint32_t eip, sel, release = i->imm & 0xFFFF;
    if (sensitive_refused(c)) return STEP_FAULT;
    if (stack_peek(c, 0, i->size, &eip) != STEP_OK) return STEP_FAULT;
    if (stack_peek(c, i->size, i->size, &sel) != STEP_OK) return STEP_FAULT;
    if (cpu_selects(c))
        return ring_return(c, &(struct far_return){ .cs = (uint16_t)sel, .eip = eip, .popped = 2u * i->size,
                                                    .release = release, .at = insn_eip(c, i), .size = i->size });
    if (!seg_fits(&c->seg[SEG_CS], eip, 1)) return cpu_raise_code(c, VEC_GP, 0);
    stack_release(c, 2u * i->size + release);
    seg_load_8086(c, &c->seg[SEG_CS], (uint16_t)sel);
    c->eip = eip;
    return STEP_JUMP;
}

enum step exec_int(struct cpu *c, const struct insn *i)
{
    if (cpu_v86(c)) {
        enum step s = v86_int(c, (uint8_t)i->imm, insn_eip(c, i), insn_next(c, i));
        if (s != STEP_OK) return s;
    }
    if (sensitive_refused(c)) return STEP_FAULT;
    return gate_soft(c, (uint8_t)i->imm, insn_eip(c, i), insn_next(c, i));
}

enum step exec_int3(struct cpu *c, const struct insn *i)
{
    return gate_trap(c, VEC_BP, insn_eip(c, i), insn_next(c, i));
}

enum step exec_int1(struct cpu *c, const struct insn *i) { return gate_icebp(c, insn_eip(c, i), insn_next(c, i)); }

enum step exec_into(struct cpu *c, const struct insn *i)
{
    return flag_of(c) ? gate_trap(c, VEC_OF, insn_eip(c, i), insn_next(c, i)) : STEP_OK;
}

enum step exec_iret(struct cpu *c, const struct insn *i)
{
    if (sensitive_refused(c)) return STEP_FAULT;
    return gate_return(c, i->size, insn_eip(c, i), insn_next(c, i));
}
