/* x87 arithmetic: FADD to FDIVR in all their forms, FSQRT, FABS, FCHS, FPREM(1), FRNDINT, FSCALE, FXTRACT.
 *
 * The idea: the two opcodes whose destination is ST(i) (DC, DE) keep the operands' order of D8, so one operation per /digit
 * serves all; only the destination differs. SDM vol. 2; vol. 1 8.3.5, 8.3.6. */
#include <string.h>

#include "sim/cpu/exec.h"
#include "sim/cpu/fpu_soft.h"
#include "sim/cpu/operand.h"

enum step fpu_operand(struct cpu *c, const struct insn *i, struct num *n)
{
    uint64_t v = 0;
    uint8_t op = i->bytes[0];
    if (fpu_read(c, i, 0, &v, op == 0xDC ? 8 : op == 0xDE ? 2 : 4) != STEP_OK) return STEP_FAULT;
    *n = op == 0xD8 ? num_f32((uint32_t)v) : op == 0xDC ? num_f64(v)
       : num_int(op == 0xDA ? (int32_t)(uint32_t)v : (int16_t)(uint16_t)v);
    return STEP_OK;
}

typedef struct fpu_reg operation(struct soft *s, struct num a, struct num b);

static enum step arithmetic(struct cpu *c, const struct insn *i, operation *op, bool reversed)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    struct num b;
    bool memory = i->flags & INSN_MEM;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (memory && fpu_operand(c, i, &b) != STEP_OK) return STEP_FAULT;
    fpu_note(c, i);
    unsigned to = memory || i->bytes[0] == 0xD8 ? 0 : i->rm;
    bool pop = !memory && i->bytes[0] == 0xDE;
    struct fpu_reg r;
    if (fpu_empty(f, 0) || (!memory && fpu_empty(f, i->rm))) {
        if (!fpu_stack_fault(f, false)) return STEP_OK;
        r = fpu_indefinite;
    } else {
        struct num a = num_reg(*fpu_st(f, 0));
        if (!memory) b = num_reg(*fpu_st(f, i->rm));
        r = reversed ? op(&s, b, a) : op(&s, a, b);
        if (!fpu_settle(f, s.raised, s.up)) return STEP_OK;
    }
    fpu_put(f, to, r);
    if (pop) fpu_pop(f);
    return STEP_OK;
}

enum step exec_fadd(struct cpu *c, const struct insn *i) { return arithmetic(c, i, soft_add, false); }
enum step exec_fmul(struct cpu *c, const struct insn *i) { return arithmetic(c, i, soft_mul, false); }
enum step exec_fsub(struct cpu *c, const struct insn *i) { return arithmetic(c, i, soft_sub, i->sub & 1); }
enum step exec_fdiv(struct cpu *c, const struct insn *i) { return arithmetic(c, i, soft_div, i->sub & 1); }

/* ---- of ST(0) alone ---- */

/* Ready, and ST(0) holds something; else *done is what to return. */
static bool unary(struct cpu *c, const struct insn *i, enum step *done)
{
    *done = fpu_ready(c, i);
    if (*done != STEP_OK) return false;
    fpu_note(c, i);
    if (!fpu_empty(&c->fpu, 0)) return true;
    if (fpu_stack_fault(&c->fpu, false)) fpu_put(&c->fpu, 0, fpu_indefinite);
    return false;
}

static enum step of_top(struct cpu *c, const struct insn *i, struct fpu_reg (*op)(struct soft *s, struct num a))
{
    struct soft s = { c->fpu.control, 0, false };
    enum step done;
    if (!unary(c, i, &done)) return done;
    struct fpu_reg r = op(&s, num_reg(*fpu_st(&c->fpu, 0)));
    if (fpu_settle(&c->fpu, s.raised, s.up)) fpu_put(&c->fpu, 0, r);
    return STEP_OK;
}
enum step exec_fsqrt(struct cpu *c, const struct insn *i) { return of_top(c, i, soft_sqrt); }
enum step exec_frndint(struct cpu *c, const struct insn *i) { return of_top(c, i, soft_rint); }

/* Signs are changed without a look at the value. */
static enum step set_sign(struct cpu *c, const struct insn *i, uint16_t keep, uint16_t flip)
{
    enum step done;
    if (!unary(c, i, &done)) return done;
    struct fpu_reg *r = fpu_st(&c->fpu, 0);
    (void)fpu_settle(&c->fpu, 0, false);
    r->sign_exp = (uint16_t)((r->sign_exp & keep) ^ flip);
    return STEP_OK;
}
enum step exec_fabs(struct cpu *c, const struct insn *i) { return set_sign(c, i, 0x7FFF, 0); }
enum step exec_fchs(struct cpu *c, const struct insn *i) { return set_sign(c, i, 0xFFFF, 0x8000); }

/* ---- of ST(0) and ST(1) ---- */

static bool binary(struct cpu *c, const struct insn *i, enum step *done)
{
    *done = fpu_ready(c, i);
    if (*done != STEP_OK) return false;
    fpu_note(c, i);
    if (!fpu_empty(&c->fpu, 0) && !fpu_empty(&c->fpu, 1)) return true;
    if (fpu_stack_fault(&c->fpu, false)) fpu_put(&c->fpu, 0, fpu_indefinite);
    return false;
}

static enum step remainder_of(struct cpu *c, const struct insn *i, bool nearest)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    unsigned q;
    bool partial;
    enum step done = fpu_ready(c, i);
    if (done != STEP_OK) return done;
    f->status &= (uint16_t)~FPU_C2; /* even if it comes to nothing; C0 and C3 tell of a quotient only */
    if (!binary(c, i, &done)) return done;
    struct fpu_reg r = soft_rem(&s, num_reg(*fpu_st(f, 0)), num_reg(*fpu_st(f, 1)), nearest, &q, &partial);
    if (!fpu_settle(f, s.raised, s.up)) return STEP_OK;
    fpu_put(f, 0, r);
    if (q == SOFT_NO_QUOTIENT) return STEP_OK;
    f->status = (uint16_t)((f->status & ~(unsigned)FPU_CC) | (partial ? FPU_C2 : 0) | (q & 4 ? FPU_C0 : 0) |
                           (q & 2 ? FPU_C3 : 0) | (q & 1 ? FPU_C1 : 0));
    return STEP_OK;
}
enum step exec_fprem(struct cpu *c, const struct insn *i) { return remainder_of(c, i, false); }
enum step exec_fprem1(struct cpu *c, const struct insn *i) { return remainder_of(c, i, true); }

enum step exec_fscale(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    enum step done;
    if (!binary(c, i, &done)) return done;
    struct fpu_reg r = soft_scale(&s, num_reg(*fpu_st(f, 0)), num_reg(*fpu_st(f, 1)));
    if (fpu_settle(f, s.raised, s.up)) fpu_put(f, 0, r);
    return STEP_OK;
}

/* Exponent to ST(1), significand to ST(0). */
static void extract(struct soft *s, struct num a, struct fpu_reg *exp, struct fpu_reg *significand)
{
    if (soft_special(s, &a, NULL, exp)) {
        *significand = *exp;
    } else if (a.cls == NUM_ZERO) {
        s->raised |= FPU_ZE;
        *exp = soft_inf(true);
        *significand = soft_zero(a.sign);
    } else if (a.cls == NUM_INF) {
        *exp = soft_inf(false);
        *significand = soft_inf(a.sign);
    } else {
        struct soft none = { 0, 0, false };
        if (a.denormal) s->raised |= FPU_DE;
        *exp = soft_load(&none, num_int(a.exp));
        *significand = soft_pack(a.sign, 0, a.mantissa);
    }
}

enum step exec_fxtract(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    struct fpu_reg exp = fpu_indefinite, significand = fpu_indefinite;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    if (fpu_empty(f, 0) || !fpu_empty(f, 7)) {
        if (!fpu_stack_fault(f, !fpu_empty(f, 0))) return STEP_OK;
    } else {
        extract(&s, num_reg(*fpu_st(f, 0)), &exp, &significand);
        if (!fpu_settle(f, s.raised, false)) return STEP_OK;
    }
    fpu_put(f, 0, exp);
    fpu_rotate(f, -1);
    fpu_put(f, 0, significand);
    return STEP_OK;
}
