/* Addition, logic, comparison: ADD OR ADC SBB AND SUB XOR CMP TEST, INC DEC NEG NOT, and BCD.
 *
 * Idea 1: one function, `binary`, is the eight classic operations in every form and size; each handler is that function
 * with constants put in, and the compiler does the rest.
 * Idea 2: flags are written last: until the destination took the value, a fault must find everything as it was.
 *
 * SDM vol. 2 under each mnemonic. AF after logic operations is undefined in the manual and 0 on P6. */
#include "sim/cpu/alu.h"
#include "sim/cpu/exec.h"

ALWAYS_INLINE enum step binary(struct cpu *c, const struct insn *i, enum alu op, unsigned form, unsigned size)
{
    uint32_t a, b, r;
    struct place p;
    enum step s;
    bool only_reads = alu_only_reads(op);
    if (form == FORM_RM || !dest_is_memory(form)) {
        if ((s = source_read(c, i, form, size, &b)) != STEP_OK) return s;
        a = reg_get(c, dest_reg(i, form), size);
    } else {
        s = only_reads ? mem_read(c, i->seg, ea(c, i), size, &a) : dest_read(c, i, form, size, &p, &a);
        if (s != STEP_OK) return s;
        (void)source_read(c, i, form, size, &b); /* a register or an immediate: cannot fail */
    }
    r = alu_compute(op, a, b, flag_cf(c));
    if (!only_reads && (s = dest_write(c, i, form, size, &p, r)) != STEP_OK) return s;
    c->aux = alu_aux(op, a, b, r, size);
    c->res = sign_extend(r, size);
    return STEP_OK;
}

#define FAST(name, op, bytes, form) \
    static enum step name(struct cpu *c, const struct insn *i) { return binary(c, i, op, form, bytes); }
#define FAST_FORMS(op, OP, bytes, suffix) \
    FAST(op##_rr##suffix, OP, bytes, FORM_RR) FAST(op##_ri##suffix, OP, bytes, FORM_RI) \
    FAST(op##_rm##suffix, OP, bytes, FORM_RM) FAST(op##_mr##suffix, OP, bytes, FORM_MR) \
    FAST(op##_mi##suffix, OP, bytes, FORM_MI)
#define FORMS_ROW(op, suffix) { \
    [FORM_RR] = op##_rr##suffix, [FORM_RI] = op##_ri##suffix, [FORM_RM] = op##_rm##suffix, \
    [FORM_MR] = op##_mr##suffix, [FORM_MI] = op##_mi##suffix }
/* The handler for every form, and the fast ones. */
#define BINARY(op, OP) \
    FAST_FORMS(op, OP, 4, 32) FAST_FORMS(op, OP, 1, 8) \
    enum step exec_##op(struct cpu *c, const struct insn *i) { return binary(c, i, OP, i->form, i->size); } \
    const struct exec_forms exec_forms_##op = { FORMS_ROW(op, 32), FORMS_ROW(op, 8) };

BINARY(add, ALU_ADD)
BINARY(or, ALU_OR)
BINARY(adc, ALU_ADC)
BINARY(sbb, ALU_SBB)
BINARY(and, ALU_AND)
BINARY(sub, ALU_SUB)
BINARY(xor, ALU_XOR)
BINARY(cmp, ALU_CMP)
BINARY(test, ALU_TEST)

/* ---- one operand ---- */

/* INC and DEC are additions of one that keep CF; `one` is 1 or -1. */
ALWAYS_INLINE enum step count(struct cpu *c, const struct insn *i, uint32_t one, unsigned form, unsigned size)
{
    struct place p;
    uint32_t a;
    enum step s = dest_read(c, i, form, size, &p, &a);
    if (s != STEP_OK) return s;
    uint32_t r = a + one;
    if ((s = dest_write(c, i, form, size, &p, r)) != STEP_OK) return s;
    bool cf = flag_cf(c);
    if (one == 1) flags_add(c, a, 1, r, size);
    else flags_sub(c, a, 1, r, size);
    flags_carry(c, cf);
    return STEP_OK;
}

static enum step inc_r32(struct cpu *c, const struct insn *i) { return count(c, i, 1, FORM_R, 4); }
static enum step inc_m32(struct cpu *c, const struct insn *i) { return count(c, i, 1, FORM_M, 4); }
static enum step dec_r32(struct cpu *c, const struct insn *i) { return count(c, i, 0u - 1, FORM_R, 4); }
static enum step dec_m32(struct cpu *c, const struct insn *i) { return count(c, i, 0u - 1, FORM_M, 4); }
const struct exec_forms exec_forms_inc = { { [FORM_R] = inc_r32, [FORM_M] = inc_m32 }, { NULL } };
const struct exec_forms exec_forms_dec = { { [FORM_R] = dec_r32, [FORM_M] = dec_m32 }, { NULL } };
enum step exec_inc(struct cpu *c, const struct insn *i) { return count(c, i, 1, i->form, i->size); }
enum step exec_dec(struct cpu *c, const struct insn *i) { return count(c, i, 0u - 1, i->form, i->size); }

enum step exec_neg(struct cpu *c, const struct insn *i)
{
    struct place p;
    uint32_t a;
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    if (s != STEP_OK || (s = dest_write(c, i, i->form, i->size, &p, 0 - a)) != STEP_OK) return s;
    flags_sub(c, 0, a, 0 - a, i->size);
    return STEP_OK;
}

enum step exec_not(struct cpu *c, const struct insn *i)
{
    struct place p;
    uint32_t a;
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    return s != STEP_OK ? s : dest_write(c, i, i->form, i->size, &p, ~a);
}

/* ---- binary-coded decimal ---- */

/* AAA, AAS: `add` is +1 or -1 times {AL 6, AH 1}. P6 adjusts AX as a whole (106h), which differs from AL, AH apart only
 * for operands that are no BCD digits. The flags other than AF and CF are undefined; here they follow AL. */
static enum step ascii_adjust(struct cpu *c, uint32_t add)
{
    bool adjust = (c->reg[EAX] & 0xF) > 9 || flag_af(c);
    uint32_t ax = c->reg[EAX] & 0xFFFF;
    if (adjust) ax += 0x106 * add;
    reg_set(c, EAX, 2, ax & 0xFF0F);
    flags_logic(c, ax & 0xF, 1);
    flags_change(c, FLAG_AF | FLAG_CF, adjust ? FLAG_AF | FLAG_CF : 0);
    return STEP_OK;
}
enum step exec_aaa(struct cpu *c, const struct insn *i) { (void)i; return ascii_adjust(c, 1); }
enum step exec_aas(struct cpu *c, const struct insn *i) { (void)i; return ascii_adjust(c, 0u - 1); }

enum step exec_aam(struct cpu *c, const struct insn *i)
{
    uint32_t base = i->imm & 0xFF, al = c->reg[EAX] & 0xFF;
    if (!base) return cpu_raise(c, VEC_DE);
    reg_set(c, EAX, 2, (al / base) << 8 | al % base);
    flags_logic(c, al % base, 1);
    return STEP_OK;
}

enum step exec_aad(struct cpu *c, const struct insn *i)
{
    uint32_t al = c->reg[EAX] & 0xFF, ah = c->reg[EAX] >> 8 & 0xFF;
    uint32_t part = ah * (i->imm & 0xFF) & 0xFF, r = (al + part) & 0xFF;
    reg_set(c, EAX, 2, r);
    flags_logic(c, r, 1);
    return STEP_OK;
}

/* DAA, DAS: the two corrections are judged by the old AL and old flags. OF is undefined; 0 here. */
static enum step decimal_adjust(struct cpu *c, bool subtract)
{
    uint32_t old = c->reg[EAX] & 0xFF, al = old;
    bool low = (old & 0xF) > 9 || flag_af(c), high = old > 0x99 || flag_cf(c);
    bool borrow = low && subtract && old < 6; /* DAS only: the low correction itself may borrow */
    if (low) al += subtract ? 0u - 6 : 6u;
    if (high) al += subtract ? 0u - 0x60 : 0x60u;
    reg_set(c, EAX, 1, al);
    flags_logic(c, al & 0xFF, 1);
    flags_change(c, FLAG_AF | FLAG_CF, (low ? FLAG_AF : 0u) | (high || borrow ? FLAG_CF : 0u));
    return STEP_OK;
}
enum step exec_daa(struct cpu *c, const struct insn *i) { (void)i; return decimal_adjust(c, false); }
enum step exec_das(struct cpu *c, const struct insn *i) { (void)i; return decimal_adjust(c, true); }

/* ---- flags by themselves ---- */
enum step exec_clc(struct cpu *c, const struct insn *i) { (void)i; flags_carry(c, false); return STEP_OK; }
enum step exec_stc(struct cpu *c, const struct insn *i) { (void)i; flags_carry(c, true); return STEP_OK; }
enum step exec_cmc(struct cpu *c, const struct insn *i) { (void)i; flags_carry(c, !flag_cf(c)); return STEP_OK; }
enum step exec_cld(struct cpu *c, const struct insn *i) { (void)i; c->eflags &= ~(uint32_t)FLAG_DF; return STEP_OK; }
enum step exec_std(struct cpu *c, const struct insn *i) { (void)i; c->eflags |= FLAG_DF; return STEP_OK; }
