/* x87 loads and stores: FLD, FILD, FBLD, FST(P), FIST(P), FBSTP, FXCH, FCMOVcc, the constants.
 *
 * The idea: a store first computes what it would write and raise, then writes memory (which may fault), and only then
 * touches the unit. SDM vol. 2; vol. 1 8.3.3 and table 8-10 (masked responses). */
#include <string.h>

#include "sim/cpu/exec.h"
#include "sim/cpu/fpu_soft.h"
#include "sim/cpu/operand.h"

enum { POP = 1 };

static void load(struct cpu *c, const struct soft *s, struct fpu_reg v)
{
    struct fpu *f = &c->fpu;
    if (!fpu_empty(f, 7)) { /* the stack is looked at before the value */
        fpu_push(f, v);
        return;
    }
    /* An unmasked denormal exception does not keep the value from being loaded; a signalling NaN's would. */
    if (fpu_settle(f, s->raised, false) || !(s->raised & FPU_IE)) fpu_push(f, v);
}

enum step exec_fld(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    struct fpu_reg v = { 0, 0 };
    uint8_t b[10] = { 0 };
    unsigned size = i->bytes[0] == 0xDB ? 10 : i->bytes[0] == 0xDD ? 8 : 4;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (i->flags & INSN_MEM) {
        if (fpu_read(c, i, 0, b, size) != STEP_OK) return STEP_FAULT;
        uint32_t v32;
        uint64_t v64;
        memcpy(&v32, b, 4);
        memcpy(&v64, b, 8);
        if (size == 10) {
            v.mantissa = v64;
            memcpy(&v.sign_exp, b + 8, 2);
        } else v = soft_load(&s, size == 8 ? num_f64(v64) : num_f32(v32));
    } else {
        v = *fpu_st(&c->fpu, i->rm);
        if (fpu_empty(&c->fpu, i->rm)) {
            fpu_note(c, i);
            if (fpu_stack_fault(&c->fpu, false)) {
                fpu_rotate(&c->fpu, -1);
                fpu_put(&c->fpu, 0, fpu_indefinite);
            }
            return STEP_OK;
        }
    }
    fpu_note(c, i);
    load(c, &s, v);
    return STEP_OK;
}

enum step exec_fild(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    int64_t v = 0;
    unsigned size = i->bytes[0] == 0xDB ? 4 : i->sub == 0 ? 2 : 8;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (fpu_read(c, i, 0, &v, size) != STEP_OK) return STEP_FAULT;
    if (size == 4) v = (int32_t)v;
    if (size == 2) v = (int16_t)v;
    fpu_note(c, i);
    load(c, &s, soft_load(&s, num_int(v)));
    return STEP_OK;
}

enum step exec_fbld(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    uint8_t b[10];
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (fpu_read(c, i, 0, b, 10) != STEP_OK) return STEP_FAULT;
    fpu_note(c, i);
    load(c, &s, soft_load(&s, num_bcd(b)));
    return STEP_OK;
}

/* ---- stores ---- */

static unsigned real_bytes(struct soft *s, uint8_t opcode, struct fpu_reg v, uint8_t b[10])
{
    if (opcode == 0xDB) {
        memcpy(b, &v.mantissa, 8);
        memcpy(b + 8, &v.sign_exp, 2);
        return 10;
    }
    if (opcode == 0xDD) {
        uint64_t d = soft_to_f64(s, num_reg(v));
        memcpy(b, &d, 8);
        return 8;
    }
    uint32_t w = soft_to_f32(s, num_reg(v));
    memcpy(b, &w, 4);
    return 4;
}

/* With an unmasked invalid-operation, overflow or underflow memory keeps its value and nothing is popped. */
static enum step store(struct cpu *c, const struct insn *i, struct soft *s, const uint8_t *b, unsigned size, bool pop)
{
    struct fpu *f = &c->fpu;
    bool empty = fpu_empty(f, 0);
    unsigned stops = s->raised & ~(unsigned)f->control & (FPU_IE | FPU_DE | FPU_ZE | FPU_OE | FPU_UE);
    if (!stops && fpu_write(c, i, b, size) != STEP_OK) return STEP_FAULT;
    if (stops && mem_probe_write(c, i->seg, ea(c, i), size) != STEP_OK) return STEP_FAULT;
    fpu_note(c, i);
    if (empty) (void)fpu_stack_fault(f, false);
    else (void)fpu_settle(f, s->raised, s->up);
    if (!stops && pop) fpu_pop(f);
    return STEP_OK;
}

static enum step store_register(struct cpu *c, const struct insn *i, bool pop)
{
    struct fpu *f = &c->fpu;
    fpu_note(c, i);
    if (fpu_empty(f, 0) && i->bytes[0] == 0xD9) { /* the alias D9 D8+i only pops, and raises nothing */
        f->status &= (uint16_t)~(unsigned)FPU_C1;
    } else if (fpu_empty(f, 0)) {
        if (!fpu_stack_fault(f, false)) return STEP_OK;
        fpu_put(f, i->rm, fpu_indefinite);
    } else {
        (void)fpu_settle(f, 0, false);
        fpu_put(f, i->rm, *fpu_st(f, 0));
    }
    if (pop) fpu_pop(f);
    return STEP_OK;
}

enum step exec_fst(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    uint8_t b[10];
    bool pop = i->sub == 3 || i->sub == 7 || i->bytes[0] == 0xDF;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (!(i->flags & INSN_MEM)) return store_register(c, i, pop);
    bool empty = fpu_empty(&c->fpu, 0);
    unsigned size = real_bytes(&s, i->bytes[0], empty ? fpu_indefinite : *fpu_st(&c->fpu, 0), b);
    if (empty) s.raised = FPU_IE;
    return store(c, i, &s, b, size, pop);
}

enum step exec_fist(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    uint8_t b[8];
    unsigned size = i->bytes[0] == 0xDB ? 4 : i->sub == 7 ? 8 : 2;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    int64_t v = soft_to_int(&s, num_reg(fpu_empty(&c->fpu, 0) ? fpu_indefinite : *fpu_st(&c->fpu, 0)), 8 * size);
    memcpy(b, &v, 8);
    return store(c, i, &s, b, size, i->sub != 2);
}

enum step exec_fbstp(struct cpu *c, const struct insn *i)
{
    struct soft s = { c->fpu.control, 0, false };
    uint8_t b[10];
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    soft_to_bcd(&s, num_reg(fpu_empty(&c->fpu, 0) ? fpu_indefinite : *fpu_st(&c->fpu, 0)), b);
    return store(c, i, &s, b, 10, true);
}

/* ---- between registers ---- */

enum step exec_fxch(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    struct fpu_reg a = *fpu_st(f, 0), b = *fpu_st(f, i->rm);
    if (fpu_empty(f, 0) || fpu_empty(f, i->rm)) {
        if (!fpu_stack_fault(f, false)) return STEP_OK;
        if (fpu_empty(f, 0)) a = fpu_indefinite;
        if (fpu_empty(f, i->rm)) b = fpu_indefinite;
    } else (void)fpu_settle(f, 0, false);
    fpu_put(f, 0, b);
    fpu_put(f, i->rm, a);
    return STEP_OK;
}

/* sub: 0 B, 1 E, 2 BE, 3 U; DB: their opposites. */
enum step exec_fcmov(struct cpu *c, const struct insn *i)
{
    static const uint32_t flag[4] = { FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF };
    struct fpu *f = &c->fpu;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    bool moves = ((cpu_flags(c) & flag[i->sub & 3]) != 0) == (i->bytes[0] == 0xDA);
    if (fpu_empty(f, 0) || fpu_empty(f, i->rm)) {
        if (!fpu_stack_fault(f, false)) return STEP_OK;
        fpu_put(f, 0, fpu_indefinite); /* whether or not the condition holds */
        return STEP_OK;
    }
    if (moves) fpu_put(f, 0, *fpu_st(f, i->rm));
    return STEP_OK;
}

/* The constants are kept with more bits than fit; RC decides the last one (precision control does not). SDM vol. 2 FLD1. */
enum step exec_fld_constant(struct cpu *c, const struct insn *i)
{
    static const struct { uint64_t mantissa; uint16_t exp; bool below; } constant[8] = {
        { 0x8000000000000000u, 0x3FFF, false }, /* 1 */
        { 0xD49A784BCD1B8AFEu, 0x4000, true },  /* log2(10) */
        { 0xB8AA3B295C17F0BBu, 0x3FFF, true },  /* log2(e) */
        { 0xC90FDAA22168C234u, 0x4000, true },  /* pi */
        { 0x9A209A84FBCFF798u, 0x3FFD, true },  /* log10(2) */
        { 0xB17217F7D1CF79ABu, 0x3FFE, true },  /* ln(2) */
        { 0, 0, false }, { 0, 0, false }
    };
    /* to nearest: the next one up, if the cut part is more than half a unit */
    static const bool nearest_up[8] = { false, false, true, true, true, true, false, false };
    static const struct soft none = { 0, 0, false };
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    unsigned n = i->rm, rc = c->fpu.control >> 10 & 3;
    struct fpu_reg v = { constant[n].mantissa, constant[n].exp };
    if (constant[n].below && (rc == FPU_RC_UP || (rc == FPU_RC_NEAREST && nearest_up[n]))) v.mantissa++;
    fpu_note(c, i);
    load(c, &none, v);
    return STEP_OK;
}
