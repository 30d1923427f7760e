/* What fast operations do, as text: op_alu.c, op_move.c and op_fused.c make a function of each, op_pair.c one of two in a row.
 *
 * Idea: a piece (DO_...) works on the op `o` and the flags res and aux; what is not at hand leaves by itself, in front of
 * that op (op.h), so pieces can stand behind each other with a step of `o` between them. A piece that ends with a branch is the
 * last. The handlers of exec_*.c are the truth. SDM vol. 2 under each mnemonic. */
#ifndef CPU_OP_DO_H
#define CPU_OP_DO_H

#include "sim/cpu/alu.h"
#include "sim/cpu/op.h"

#define IMM(size) (o->imm & size_mask(size))
#define RS(size) op_reg(c, o->rs, size)

/* ---- two operands ---- */

#define COMPUTE(OP, size, a, b) \
    const struct alu_result x = alu_result(OP, a, b, aux_cf(aux), size); \
    const uint32_t r = x.r; \
    aux = x.aux; \
    res = sign_extend(r, size)
#define DO_REG(OP, size, source) { \
    uint32_t a = op_reg(c, o->rd, size), b = source; \
    COMPUTE(OP, size, a, b); \
    if (!alu_only_reads(OP)) op_reg_set(c, o->rd, size, r); \
}
#define DO_LOAD(OP, size, at) { \
    OP_READS(h, at, o->seg, size); \
    uint32_t a = op_reg(c, o->rd, size), b = op_load(h, size); \
    COMPUTE(OP, size, a, b); \
    if (!alu_only_reads(OP)) op_reg_set(c, o->rd, size, r); \
}
#define DO_STORE(OP, size, at, source) { \
    OP_WRITES(h, at, o->seg, size); \
    uint32_t a = op_load(h, size), b = source; \
    COMPUTE(OP, size, a, b); \
    op_store(h, size, r); \
}
#define DO_QUIET(OP, source) c->reg[o->rd] = alu_compute(OP, c->reg[o->rd], source, false);

/* ---- one operand; INC and DEC keep CF ---- */

#define COUNT(OP, a) \
    const struct alu_result x = alu_result(OP, a, 1, false, 4); \
    const uint32_t r = x.r; \
    aux = aux_change(x.aux, aux_cf(aux), aux_of_flag(x.aux)); \
    res = r
#define DO_UNARY(OP, CHANGE) { \
    uint32_t a = c->reg[o->rd]; \
    CHANGE(OP, a); \
    c->reg[o->rd] = r; \
}
#define DO_UNARY_QUIET(VALUE) { \
    uint32_t a = c->reg[o->rd]; \
    c->reg[o->rd] = VALUE; \
}

/* ---- shifts by an immediate, products ---- */

#define SHIFTED(OP, a, count) \
    struct shifted s = shift(OP, a, count, 4); \
    res = s.value; \
    aux = aux_change(0, s.cf, s.of); \
    c->reg[o->rd] = s.value
#define DO_SHIFT(OP) { SHIFTED(OP, c->reg[o->rd], o->imm); }
#define DO_SHIFT_QUIET(OP) c->reg[o->rd] = shift(OP, c->reg[o->rd], o->imm, 4).value;
#define DO_ROTATE_QUIET(ROTATED) { \
    uint32_t a = c->reg[o->rd], n = o->imm; \
    c->reg[o->rd] = ROTATED; \
}
#define ROTATED_LEFT (a << n | a >> (32 - n))

/* The flags that are undefined follow the low half. */
#define PRODUCT(low, over) do { \
    bool over_ = (over); \
    res = (low); \
    aux = aux_change(0, over_, over_); \
} while (0)
#define SIGNED_PRODUCT(a, b) \
    int64_t p = (int64_t)(int32_t)(a) * (int32_t)(b); \
    c->reg[o->rd] = (uint32_t)p; \
    PRODUCT((uint32_t)p, p != (int32_t)p)
#define DO_IMUL2_LOAD(at) { \
    OP_READS(h, at, o->seg, 4); \
    SIGNED_PRODUCT(c->reg[o->rd], op_load(h, 4)); \
}
#define DO_IMUL3_QUIET c->reg[o->rd] = o->imm * c->reg[o->rs];

/* ---- moves ---- */

#define DO_MOVE(size, source) op_reg_set(c, o->rd, size, source);
#define DO_MOVE_LOAD(size, at) { \
    OP_READS(h, at, o->seg, size); \
    op_reg_set(c, o->rd, size, op_load(h, size)); \
}
#define DO_MOVE_STORE(size, at, source) { \
    OP_WRITES(h, at, o->seg, size); \
    op_store(h, size, source); \
}
#define DO_EXTEND(size, CONVERT) c->reg[o->rd] = CONVERT(op_reg(c, o->rs, size));
#define DO_EXTEND_LOAD(size, CONVERT, at) { \
    OP_READS(h, at, o->seg, size); \
    c->reg[o->rd] = CONVERT(op_load(h, size)); \
}
#define ZERO(v) (v)
#define SIGN8(v) sign_extend(v, 1)
#define SIGN16(v) sign_extend(v, 2)
#define DO_LEA(at) c->reg[o->rd] = at;

#define DO_PUSH(source) { \
    WIDE_STACK; \
    OP_WRITES(h, c->reg[ESP] - 4, OP_STACK, 4); \
    op_store(h, 4, source); \
    c->reg[ESP] -= 4; \
}
/* POP ESP: the popped value wins. */
#define DO_POP { \
    WIDE_STACK; \
    OP_READS(h, c->reg[ESP], OP_STACK, 4); \
    c->reg[ESP] += 4; \
    c->reg[o->rd] = op_load(h, 4); \
}

/* ---- the next line of code ---- */

#define DO_LINE { \
    uint32_t line = o->imm; \
    c->fetch.line = line; \
    c->fetch.fetches++; \
    if (unlikely(c->fetch.near[line & (LINES_CODE - 1)] != line)) TAIL op_line_fetch(c, o, res, aux, tags); \
}

/* ---- an operation and the conditional branch behind it ---- */

/* The condition after r = a OP b, where that is simpler than to ask the flags. */
ALWAYS_INLINE bool holds(enum alu op, unsigned cc, uint32_t a, uint32_t b, unsigned size, uint32_t res, uint32_t aux)
{
    bool minus = op == ALU_CMP || op == ALU_SUB;
    int32_t left = (int32_t)sign_extend(a, size), right = (int32_t)sign_extend(b, size);
    if (cc >> 1 == 4) return ((int32_t)res < 0) != (cc & 1);
    if (!minus) return lazy_condition(res, aux, cc);
    switch (cc) {
    case 2: return a < b;
    case 3: return a >= b;
    case 6: return a <= b;
    case 7: return a > b;
    case 12: return left < right;
    case 13: return left >= right;
    case 14: return left <= right;
    case 15: return left > right;
    default: return lazy_condition(res, aux, cc);
    }
}

/* What the flags are and where it goes, with operands a and b. */
#define SET_FLAGS(OP, size) \
    const struct alu_result x = alu_result(OP, a, b, false, size); \
    const uint32_t r = x.r; \
    aux = x.aux; \
    res = sign_extend(r, size)
#define BRANCH_ON(OP, size, cc) \
    BRANCH_BEHIND(holds(OP, cc, a, b, size, res, aux))


#define DO_REG_BRANCH(OP, size, source, cc) { \
    uint32_t a = op_reg(c, o->rd, size), b = source; \
    SET_FLAGS(OP, size); \
    if (!alu_only_reads(OP)) op_reg_set(c, o->rd, size, r); \
    BRANCH_ON(OP, size, cc); \
}
#define DO_MEM_BRANCH(OP, size, at, first, second, cc) { \
    OP_READS(h, at, o->seg, size); \
    uint32_t a = first, b = second; \
    SET_FLAGS(OP, size); \
    BRANCH_ON(OP, size, cc); \
}
#define HERE_MEM(size) op_load(h, size)
#define DO_COUNT_BRANCH(OP, cc) { \
    uint32_t a = c->reg[o->rd], b = 1, old = aux; \
    SET_FLAGS(OP, 4); \
    aux = aux_change(aux, aux_cf(old), aux_of_flag(aux)); \
    c->reg[o->rd] = r; \
    BRANCH_BEHIND(lazy_condition(res, aux, cc)); \
}

#endif
