/* Fast forms of arithmetic, logic, shifts and multiplication. See op.h; exec_alu.c, exec_shift.c, exec_muldiv.c are the truth.
 *
 * Dwords have a form with a base register only and one with an index (the suffix is the number of registers less one);
 * bytes and words always use the longer one. SDM vol. 2 under each mnemonic. */
#include "sim/cpu/op_do.h"

/* ---- two operands ---- */

#define REG_FORM(name, OP, size, source) static struct op *name(OP_ARGS) { DO_REG(OP, size, source) NEXT; }
#define LOAD_FORM(name, OP, size, at) static struct op *name(OP_ARGS) { DO_LOAD(OP, size, at) NEXT; }
#define STORE_FORM(name, OP, size, at, source) static struct op *name(OP_ARGS) { DO_STORE(OP, size, at, source) NEXT; }
#define QUIET_FORM(name, OP, source) static struct op *name(OP_ARGS) { DO_QUIET(OP, source) NEXT; }
#define TEST_FORM(name, OP, size, at, source) \
    static struct op *name(OP_ARGS) \
    { \
        OP_READS(h, at, o->seg, size); \
        uint32_t a = op_load(h, size), b = source; \
        const struct alu_result x = alu_result(OP, a, b, false, size); \
        aux = x.aux; \
        res = sign_extend(x.r, size); \
        NEXT; \
    }
#define SIZE_FORMS(name, OP, size, suffix, INTO) \
    REG_FORM(name##_rr##suffix, OP, size, op_reg(c, o->rs, size)) \
    REG_FORM(name##_ri##suffix, OP, size, IMM(size)) \
    LOAD_FORM(name##_rm##suffix, OP, size, OP_AT1) \
    INTO(name##_mr##suffix, OP, size, OP_AT1, op_reg(c, o->rs, size)) \
    INTO(name##_mi##suffix, OP, size, OP_AT1, IMM(size))
#define ROW_OF(name, suffix) { [FORM_RR] = name##_rr##suffix, [FORM_RI] = name##_ri##suffix, \
    [FORM_RM] = name##_rm##suffix, [FORM_MR] = name##_mr##suffix, [FORM_MI] = name##_mi##suffix }
#define BINARY(name, OP, INTO, quiet) \
    SIZE_FORMS(name, OP, 4, 4, INTO) SIZE_FORMS(name, OP, 2, 2, INTO) SIZE_FORMS(name, OP, 1, 1, INTO) \
    LOAD_FORM(name##_rm40, OP, 4, OP_AT0) \
    INTO(name##_mr40, OP, 4, OP_AT0, op_reg(c, o->rs, 4)) \
    INTO(name##_mi40, OP, 4, OP_AT0, o->imm) \
    INTO(name##_mi10, OP, 1, OP_AT0, IMM(1)) \
    const struct op_forms op_forms_##name = { \
        { [FORM_RR] = name##_rr4, [FORM_RI] = name##_ri4, [FORM_RM] = name##_rm40, [FORM_MR] = name##_mr40, \
          [FORM_MI] = name##_mi40 }, \
        ROW_OF(name, 4), ROW_OF(name, 1), ROW_OF(name, 2), quiet, { [FORM_MI] = name##_mi10 } };
#define QUIET(name, OP) \
    QUIET_FORM(name##_rr_quiet, OP, c->reg[o->rs]) \
    QUIET_FORM(name##_ri_quiet, OP, o->imm) \
    BINARY(name, OP, STORE_FORM, QUIET_ROW(name))
#define QUIET_ROW(name) { [FORM_RR] = name##_rr_quiet, [FORM_RI] = name##_ri_quiet }
#define LOUD { NULL }

QUIET(add, ALU_ADD)
QUIET(or, ALU_OR)
BINARY(adc, ALU_ADC, STORE_FORM, LOUD)
BINARY(sbb, ALU_SBB, STORE_FORM, LOUD)
QUIET(and, ALU_AND)
QUIET(sub, ALU_SUB)
QUIET(xor, ALU_XOR)
BINARY(cmp, ALU_CMP, TEST_FORM, LOUD)
BINARY(test, ALU_TEST, TEST_FORM, LOUD)

/* ---- one operand ---- */

#define NEGATE(OP, a) \
    uint32_t r = 0 - a; \
    aux = aux_sub(0, a, r, 4); \
    res = r
#define INVERT(OP, a) uint32_t r = ~a
#define UNARY(name, OP, CHANGE, VALUE) \
    static struct op *name##_quiet(OP_ARGS) { DO_UNARY_QUIET(VALUE) NEXT; } \
    static struct op *name##_r(OP_ARGS) { DO_UNARY(OP, CHANGE) NEXT; } \
    static struct op *name##_m(OP_ARGS) \
    { \
        OP_WRITES(h, OP_AT1, o->seg, 4); \
        uint32_t a = op_load(h, 4); \
        CHANGE(OP, a); \
        op_store(h, 4, r); \
        NEXT; \
    } \
    const struct op_forms op_forms_##name = { \
        { [FORM_R] = name##_r, [FORM_M] = name##_m }, { [FORM_M] = name##_m }, { NULL }, { NULL }, \
        { [FORM_R] = name##_quiet }, { NULL } };
UNARY(inc, ALU_ADD, COUNT, a + 1)
UNARY(dec, ALU_SUB, COUNT, a - 1)
UNARY(neg, ALU_SUB, NEGATE, 0 - a)
UNARY(not, ALU_SUB, INVERT, ~a)

/* ---- shifts of a register, by an immediate that is not 0 (op_choose sees to it) or by CL ---- */

#define SHIFT(name, OP) \
    static struct op *name##_quiet(OP_ARGS) { DO_SHIFT_QUIET(OP) NEXT; } \
    static struct op *name##_ri(OP_ARGS) { DO_SHIFT(OP) NEXT; } \
    static struct op *name##_rr(OP_ARGS) \
    { \
        unsigned count = c->reg[ECX] & 31; \
        if (count) { \
            SHIFTED(OP, c->reg[o->rd], count); \
        } \
        NEXT; \
    } \
    const struct op_forms op_forms_##name = { \
        { [FORM_RI] = name##_ri, [FORM_RR] = name##_rr }, { NULL }, { NULL }, { NULL }, { [FORM_RI] = name##_quiet }, { NULL } };
SHIFT(shl, SHIFT_SHL)
SHIFT(shr, SHIFT_SHR)
SHIFT(sar, SHIFT_SAR)

/* Rotates of a register by an immediate change CF and OF only. */
#define ROTATE(name, ROTATED, CF, OF) \
    static struct op *name##_quiet(OP_ARGS) { DO_ROTATE_QUIET(ROTATED) NEXT; } \
    static struct op *name##_ri(OP_ARGS) \
    { \
        uint32_t a = c->reg[o->rd], n = o->imm, r = ROTATED; \
        c->reg[o->rd] = r; \
        aux = aux_change(aux, CF, OF); \
        NEXT; \
    } \
    const struct op_forms op_forms_##name = { \
        { [FORM_RI] = name##_ri }, { NULL }, { NULL }, { NULL }, { [FORM_RI] = name##_quiet }, { NULL } };
ROTATE(rol, ROTATED_LEFT, r & 1, (r >> 31) != (r & 1))
ROTATE(ror, a >> n | a << (32 - n), r >> 31, ((r ^ r << 1) >> 31))

/* ---- multiplication ---- */

static struct op *imul2_rr(OP_ARGS) { SIGNED_PRODUCT(c->reg[o->rd], c->reg[o->rs]); NEXT; }
static struct op *imul3_rr(OP_ARGS) { SIGNED_PRODUCT(o->imm, c->reg[o->rs]); NEXT; }
static struct op *imul2_quiet(OP_ARGS) { c->reg[o->rd] *= c->reg[o->rs]; NEXT; }
static struct op *imul3_quiet(OP_ARGS) { DO_IMUL3_QUIET NEXT; }
static struct op *imul2_rm(OP_ARGS) { DO_IMUL2_LOAD(OP_AT1) NEXT; }
static struct op *imul2_rm0(OP_ARGS) { DO_IMUL2_LOAD(OP_AT0) NEXT; }
static struct op *imul3_rm(OP_ARGS)
{
    OP_READS(h, OP_AT1, o->seg, 4);
    SIGNED_PRODUCT(o->imm, op_load(h, 4));
    NEXT;
}
static struct op *mul_r(OP_ARGS)
{
    uint64_t p = (uint64_t)c->reg[EAX] * c->reg[o->rd];
    c->reg[EAX] = (uint32_t)p;
    c->reg[EDX] = (uint32_t)(p >> 32);
    PRODUCT((uint32_t)p, c->reg[EDX] != 0);
    NEXT;
}
const struct op_forms op_forms_mul = { { [FORM_R] = mul_r }, { NULL }, { NULL }, { NULL }, { NULL }, { NULL } };
const struct op_forms op_forms_imul2 = {
    { [FORM_GE] = imul2_rr, [FORM_RM] = imul2_rm0 }, { [FORM_RM] = imul2_rm }, { NULL }, { NULL },
    { [FORM_GE] = imul2_quiet }, { NULL } };
const struct op_forms op_forms_imul3 = {
    { [FORM_GE] = imul3_rr, [FORM_RM] = imul3_rm }, { [FORM_RM] = imul3_rm }, { NULL }, { NULL },
    { [FORM_GE] = imul3_quiet }, { NULL } };
