/* The transcendental instructions on the stack: who is popped, who is pushed, C2. SDM vol. 2; vol. 1 8.3.7. */
#include "sim/cpu/exec.h"
#include "sim/cpu/fpu_soft.h"
#include "sim/cpu/operand.h"

/* ST(0) = op(ST(0)) */
enum step exec_f2xm1(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    if (fpu_empty(f, 0)) {
        if (fpu_stack_fault(f, false)) fpu_put(f, 0, fpu_indefinite);
        return STEP_OK;
    }
    struct fpu_reg r = soft_2xm1(&s, num_reg(*fpu_st(f, 0)));
    if (fpu_settle(f, s.raised, s.up)) fpu_put(f, 0, r);
    return STEP_OK;
}

/* ST(1) = op(ST(1), ST(0)), pop */
static enum step of_two(struct cpu *c, const struct insn *i, struct fpu_reg (*op)(struct soft *, struct num, struct num))
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    struct fpu_reg r = fpu_indefinite;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    if (fpu_empty(f, 0) || fpu_empty(f, 1)) {
        if (!fpu_stack_fault(f, false)) return STEP_OK;
    } else {
        r = op(&s, num_reg(*fpu_st(f, 1)), num_reg(*fpu_st(f, 0)));
        if (!fpu_settle(f, s.raised, s.up)) return STEP_OK;
    }
    fpu_put(f, 1, r);
    fpu_pop(f);
    return STEP_OK;
}
enum step exec_fyl2x(struct cpu *c, const struct insn *i) { return of_two(c, i, soft_yl2x); }
enum step exec_fyl2xp1(struct cpu *c, const struct insn *i) { return of_two(c, i, soft_yl2xp1); }
enum step exec_fpatan(struct cpu *c, const struct insn *i) { return of_two(c, i, soft_atan); }

/* Too great an argument: C2, and nothing else happens. */
static bool out_of_range(struct fpu *f, struct num x)
{
    bool out = x.cls == NUM_NORMAL && x.exp >= 63;
    f->status = (uint16_t)(out ? (f->status & ~(unsigned)FPU_C1) | FPU_C2 : f->status & ~(unsigned)FPU_C2);
    return out;
}

/* second: a further result is pushed: FSINCOS the cosine, FPTAN 1. */
static enum step trigonometric(struct cpu *c, const struct insn *i, enum trig what, bool second)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false }, t = s;
    struct fpu_reg r = fpu_indefinite, r2 = fpu_indefinite;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    if (fpu_empty(f, 0) || (second && !fpu_empty(f, 7))) {
        f->status &= (uint16_t)~(unsigned)FPU_C2;
        if (!fpu_stack_fault(f, !fpu_empty(f, 0))) return STEP_OK;
    } else {
        struct num x = num_reg(*fpu_st(f, 0));
        if (out_of_range(f, x)) return STEP_OK;
        r = soft_trig(&s, x, what);
        if (second) {
            r2 = what == TRIG_SIN ? soft_trig(&t, x, TRIG_COS) : soft_pack(false, 0, (uint64_t)1 << 63);
            if (s.raised & FPU_IE || x.cls == NUM_QNAN) r2 = r;
            if (t.raised & FPU_PE) s.up = t.up;
        }
        if (!fpu_settle(f, s.raised | t.raised, s.up)) return STEP_OK;
    }
    fpu_put(f, 0, r);
    if (second) {
        fpu_rotate(f, -1);
        fpu_put(f, 0, r2);
    }
    return STEP_OK;
}
enum step exec_fsin(struct cpu *c, const struct insn *i) { return trigonometric(c, i, TRIG_SIN, false); }
enum step exec_fcos(struct cpu *c, const struct insn *i) { return trigonometric(c, i, TRIG_COS, false); }
enum step exec_fsincos(struct cpu *c, const struct insn *i) { return trigonometric(c, i, TRIG_SIN, true); }
enum step exec_fptan(struct cpu *c, const struct insn *i) { return trigonometric(c, i, TRIG_TAN, true); }
