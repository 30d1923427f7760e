/* Fast forms of moves, conversions, the stack, SETcc and CMOVcc. See op.h; exec_move.c and exec_stack.c are the truth.
 *
 * Pushes and pops are fast for stacks of 32 bits (SS.B) only. SDM vol. 2 under each mnemonic. */
#include "sim/cpu/op_do.h"

#define FROM_REG(name, size, source) static struct op *name(OP_ARGS) { DO_MOVE(size, source) NEXT; }
#define FROM_MEM(name, size, at) static struct op *name(OP_ARGS) { DO_MOVE_LOAD(size, at) NEXT; }
#define TO_MEM(name, size, at, source) static struct op *name(OP_ARGS) { DO_MOVE_STORE(size, at, source) NEXT; }
#define MOVES(size, suffix) \
    FROM_REG(mov_rr##suffix, size, op_reg(c, o->rs, size)) \
    FROM_REG(mov_ri##suffix, size, o->imm) \
    FROM_MEM(mov_rm##suffix, size, OP_AT1) \
    TO_MEM(mov_mr##suffix, size, OP_AT1, op_reg(c, o->rs, size)) \
    TO_MEM(mov_mi##suffix, size, OP_AT1, o->imm)
MOVES(4, 4) MOVES(2, 2) MOVES(1, 1)
FROM_MEM(mov_rm40, 4, OP_AT0)
TO_MEM(mov_mr40, 4, OP_AT0, c->reg[o->rs])
TO_MEM(mov_mi40, 4, OP_AT0, o->imm)
FROM_MEM(mov_rm10, 1, OP_AT0)
TO_MEM(mov_mr10, 1, OP_AT0, op_reg(c, o->rs, 1))
TO_MEM(mov_mi10, 1, OP_AT0, o->imm)
#define MOVE_ROW(suffix) { [FORM_RR] = mov_rr##suffix, [FORM_RI] = mov_ri##suffix, [FORM_RM] = mov_rm##suffix, \
    [FORM_MR] = mov_mr##suffix, [FORM_MI] = mov_mi##suffix }
const struct op_forms op_forms_mov = {
    { [FORM_RR] = mov_rr4, [FORM_RI] = mov_ri4, [FORM_RM] = mov_rm40, [FORM_MR] = mov_mr40, [FORM_MI] = mov_mi40 },
    MOVE_ROW(4), MOVE_ROW(1), MOVE_ROW(2), { NULL }, { [FORM_RM] = mov_rm10, [FORM_MR] = mov_mr10, [FORM_MI] = mov_mi10 } };

/* MOVZX, MOVSX into 32 bits: GE from a register, RM from memory; one table per size of the source. */
#define EXTEND(name, size, CONVERT) \
    static struct op *name##_ge(OP_ARGS) { DO_EXTEND(size, CONVERT) NEXT; } \
    static struct op *name##_rm(OP_ARGS) { DO_EXTEND_LOAD(size, CONVERT, OP_AT1) NEXT; } \
    static struct op *name##_rm0(OP_ARGS) { DO_EXTEND_LOAD(size, CONVERT, OP_AT0) NEXT; } \
    const struct op_forms op_forms_##name = { \
        { [FORM_GE] = name##_ge, [FORM_RM] = name##_rm0 }, { [FORM_RM] = name##_rm }, { NULL }, { NULL }, { NULL }, { NULL } };
EXTEND(movzx8, 1, ZERO)
EXTEND(movzx16, 2, ZERO)
EXTEND(movsx8, 1, SIGN8)
EXTEND(movsx16, 2, SIGN16)

static struct op *lea0(OP_ARGS) { DO_LEA(OP_AT0) NEXT; }
static struct op *lea1(OP_ARGS) { DO_LEA(OP_AT1) NEXT; }
const struct op_forms op_forms_lea = { { [FORM_RM] = lea0 }, { [FORM_RM] = lea1 }, { NULL }, { NULL }, { NULL }, { NULL } };

static struct op *xchg_rr(OP_ARGS)
{
    uint32_t a = c->reg[o->rd];
    c->reg[o->rd] = c->reg[o->rs];
    c->reg[o->rs] = a;
    NEXT;
}
const struct op_forms op_forms_xchg = { { [FORM_RR] = xchg_rr }, { NULL }, { NULL }, { NULL }, { NULL }, { NULL } };
static struct op *bswap_r(OP_ARGS) { c->reg[o->rd] = __builtin_bswap32(c->reg[o->rd]); NEXT; }
const struct op_forms op_forms_bswap = { { [FORM_R] = bswap_r }, { NULL }, { NULL }, { NULL }, { NULL }, { NULL } };

struct op *op_nop(OP_ARGS) { NEXT; }
struct op *op_cwde(OP_ARGS) { c->reg[EAX] = sign_extend(c->reg[EAX], 2); NEXT; }
struct op *op_cdq(OP_ARGS) { c->reg[EDX] = 0 - (c->reg[EAX] >> 31); NEXT; }

/* ---- the stack ---- */

#define PUSH(name, source) static struct op *name(OP_ARGS) { DO_PUSH(source) NEXT; }
PUSH(push_r, c->reg[o->rd])
PUSH(push_i, o->imm)
static struct op *push_m(OP_ARGS)
{
    WIDE_STACK;
    OP_READS(from, OP_AT1, o->seg, 4);
    OP_WRITES_TOO(h, c->reg[ESP] - 4, OP_STACK, 4);
    op_store(h, 4, op_load(from, 4));
    c->reg[ESP] -= 4;
    NEXT;
}
const struct op_forms op_forms_push = {
    { [FORM_R] = push_r, [FORM_I] = push_i, [FORM_M] = push_m }, { [FORM_M] = push_m }, { NULL }, { NULL }, { NULL }, { NULL } };

static struct op *pop_r(OP_ARGS) { DO_POP NEXT; }
const struct op_forms op_forms_pop = { { [FORM_R] = pop_r }, { NULL }, { NULL }, { NULL }, { NULL }, { NULL } };

/* All eight in one page, or the slow way. */
struct op *op_pusha(OP_ARGS)
{
    WIDE_STACK;
    OP_WRITES_LONG(h, c->reg[ESP] - 32, OP_STACK, 32);
    for (unsigned r = 0; r < 8; r++) op_store(h + 28 - 4 * r, 4, c->reg[r]);
    c->reg[ESP] -= 32;
    NEXT;
}
struct op *op_popa(OP_ARGS)
{
    WIDE_STACK;
    OP_READS_LONG(h, c->reg[ESP], OP_STACK, 32);
    uint32_t sp = c->reg[ESP] + 32;
    for (unsigned r = 0; r < 8; r++) c->reg[r] = op_load(h + 28 - 4 * r, 4);
    c->reg[ESP] = sp;
    NEXT;
}

struct op *op_leave(OP_ARGS)
{
    WIDE_STACK;
    OP_READS(h, c->reg[EBP], OP_STACK, 4);
    c->reg[ESP] = c->reg[EBP] + 4;
    c->reg[EBP] = op_load(h, 4);
    NEXT;
}

/* ---- by condition ---- */

#define CONDITIONAL(cc) \
    static struct op *setcc_##cc(OP_ARGS) { op_reg_set(c, o->rd, 1, lazy_condition(res, aux, cc)); NEXT; } \
    static struct op *cmov_##cc(OP_ARGS) \
    { \
        if (lazy_condition(res, aux, cc)) c->reg[o->rd] = c->reg[o->rs]; \
        NEXT; \
    } \
    static struct op *cmov_mem_##cc(OP_ARGS) \
    { \
        OP_READS(h, OP_AT1, o->seg, 4); \
        if (lazy_condition(res, aux, cc)) c->reg[o->rd] = op_load(h, 4); \
        NEXT; \
    }
ALL_CONDITIONS(CONDITIONAL)
#define SETCC_ROW(cc) setcc_##cc,
#define CMOV_ROW(cc) cmov_##cc,
#define CMOV_MEM_ROW(cc) cmov_mem_##cc,
op_fn *const op_setcc[16] = { ALL_CONDITIONS(SETCC_ROW) };
op_fn *const op_cmov[16] = { ALL_CONDITIONS(CMOV_ROW) };
op_fn *const op_cmov_mem[16] = { ALL_CONDITIONS(CMOV_MEM_ROW) };
