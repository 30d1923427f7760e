/* x87 comparisons: FCOM and FUCOM in all forms, FICOM, FCOMI, FUCOMI, FTST, FXAM. SDM vol. 2; vol. 1 8.3.6.
 *
 * FCOMI and FUCOMI set ZF, PF, CF and clear the other three flags. The result is delivered even if an exception is
 * unmasked, as processors do (the manual promises it for masked ones only); but nothing is popped then. */
#include "sim/cpu/exec.h"
#include "sim/cpu/fpu_soft.h"
#include "sim/cpu/operand.h"

enum { UNORDERED = FPU_C0 | FPU_C2 | FPU_C3 };

static void set_codes(struct fpu *f, unsigned codes)
{
    f->status = (uint16_t)((f->status & ~(unsigned)UNORDERED) | codes);
}

/* ST(0) against b. True: not stopped by an unmasked exception, so that pops are due. */
static bool compare(struct fpu *f, bool empty, struct num b, bool quiet)
{
    struct soft s = { f->control, 0, false };
    if (empty) {
        set_codes(f, UNORDERED);
        return fpu_stack_fault(f, false);
    }
    unsigned codes = soft_compare(&s, num_reg(*fpu_st(f, 0)), b, quiet);
    set_codes(f, codes);
    return fpu_settle(f, s.raised, false);
}

static unsigned pops(const struct insn *i)
{
    uint8_t op = i->bytes[0];
    if (op == 0xDA && !(i->flags & INSN_MEM)) return 2; /* FUCOMPP */
    if (op == 0xDE && !(i->flags & INSN_MEM)) return i->sub == 3 ? 2 : 1;
    if (op == 0xDD) return i->sub == 5;
    return i->sub == 3;
}

static enum step ordered(struct cpu *c, const struct insn *i, bool quiet)
{
    struct fpu *f = &c->fpu;
    struct num b;
    bool memory = i->flags & INSN_MEM;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (!memory) b = num_reg(*fpu_st(f, i->rm));
    else if (fpu_operand(c, i, &b) != STEP_OK) return STEP_FAULT;
    fpu_note(c, i);
    if (compare(f, fpu_empty(f, 0) || (!memory && fpu_empty(f, i->rm)), b, quiet))
        for (unsigned n = pops(i); n; n--) fpu_pop(f);
    return STEP_OK;
}
enum step exec_fcom(struct cpu *c, const struct insn *i) { return ordered(c, i, false); }
enum step exec_fucom(struct cpu *c, const struct insn *i) { return ordered(c, i, true); }

/* DB: without, DF: with pop. /5: unordered. */
enum step exec_fcomi(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    struct soft s = { f->control, 0, false };
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    unsigned codes = UNORDERED;
    bool done;
    if (fpu_empty(f, 0) || fpu_empty(f, i->rm)) {
        done = fpu_stack_fault(f, false);
    } else {
        codes = soft_compare(&s, num_reg(*fpu_st(f, 0)), num_reg(*fpu_st(f, i->rm)), i->sub == 5);
        uint16_t c1 = f->status & FPU_C1; /* stays, unlike in the other comparisons */
        done = fpu_settle(f, s.raised, false);
        f->status |= c1;
    }
    uint32_t flags = (codes & FPU_C0 ? FLAG_CF : 0u) | (codes & FPU_C2 ? FLAG_PF : 0u) | (codes & FPU_C3 ? FLAG_ZF : 0u);
    flags_set(c, flags);
    if (done && i->bytes[0] == 0xDF) fpu_pop(f);
    return STEP_OK;
}

enum step exec_ftst(struct cpu *c, const struct insn *i)
{
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    (void)compare(&c->fpu, fpu_empty(&c->fpu, 0), (struct num){ .cls = NUM_ZERO }, false);
    return STEP_OK;
}

/* Class in C3, C2, C0; sign in C1. An empty register still has a sign. */
enum step exec_fxam(struct cpu *c, const struct insn *i)
{
    static const uint16_t code[] = {
        [NUM_ZERO] = FPU_C3, [NUM_NORMAL] = FPU_C2, [NUM_INF] = FPU_C2 | FPU_C0, [NUM_QNAN] = FPU_C0,
        [NUM_SNAN] = FPU_C0, [NUM_BAD] = 0
    };
    struct fpu *f = &c->fpu;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    struct num n = num_reg(*fpu_st(f, 0));
    unsigned codes = n.denormal ? FPU_C3 | FPU_C2 : code[n.cls];
    if (fpu_empty(f, 0)) codes = FPU_C3 | FPU_C0;
    set_codes(f, codes);
    f->status = (uint16_t)((f->status & ~(unsigned)FPU_C1) | (n.sign ? FPU_C1 : 0));
    return STEP_OK;
}
