/* Two operations in a row as one function. See op.h; op_tune.c takes them, op_pair.def lists them, exec_*.c are the truth.
 *
 * Idea: what costs most about an operation on registers is the way to the next one. The pieces of op_do.h stand behind each other
 * here, with a step from op to op between them; the second op stays what it is, and is run by itself if the first went the slow
 * way. So nothing but the way is left out: whoever leaves in the second leaves from its op, as ever.
 * Not here: pairs that no program of ours runs often. */
#include "sim/cpu/op_do.h"

/* What each operation does. */
#define DOES_line DO_LINE
#define DOES_mov_rr DO_MOVE(4, c->reg[o->rs])
#define DOES_mov_ri DO_MOVE(4, o->imm)
#define DOES_mov_rm DO_MOVE_LOAD(4, OP_AT0)
#define DOES_mov_mr DO_MOVE_STORE(4, OP_AT0, c->reg[o->rs])
#define DOES_mov_rm_indexed DO_MOVE_LOAD(4, OP_AT1)
#define DOES_mov_mr_byte DO_MOVE_STORE(1, OP_AT0, RS(1))
#define DOES_mov_mi_byte DO_MOVE_STORE(1, OP_AT0, o->imm)
#define DOES_movzx_r DO_EXTEND(1, ZERO)
#define DOES_movzx_m DO_EXTEND_LOAD(1, ZERO, OP_AT0)
#define DOES_lea DO_LEA(OP_AT0)
#define DOES_lea_indexed DO_LEA(OP_AT1)
#define DOES_push DO_PUSH(c->reg[o->rd])
#define DOES_pop DO_POP
#define DOES_add_rr DO_REG(ALU_ADD, 4, RS(4))
#define DOES_add_ri DO_REG(ALU_ADD, 4, IMM(4))
#define DOES_sub_rr DO_REG(ALU_SUB, 4, RS(4))
#define DOES_or_ri DO_REG(ALU_OR, 4, IMM(4))
#define DOES_xor_rr DO_REG(ALU_XOR, 4, RS(4))
#define DOES_xor_rr_byte DO_REG(ALU_XOR, 1, RS(1))
#define DOES_shr_ri DO_SHIFT(SHIFT_SHR)
#define DOES_add_mr DO_STORE(ALU_ADD, 4, OP_AT0, RS(4))
#define DOES_imul_rm DO_IMUL2_LOAD(OP_AT0)
#define DOES_add_rr_quiet DO_QUIET(ALU_ADD, c->reg[o->rs])
#define DOES_add_ri_quiet DO_QUIET(ALU_ADD, o->imm)
#define DOES_sub_rr_quiet DO_QUIET(ALU_SUB, c->reg[o->rs])
#define DOES_xor_rr_quiet DO_QUIET(ALU_XOR, c->reg[o->rs])
#define DOES_and_ri_quiet DO_QUIET(ALU_AND, o->imm)
#define DOES_inc_quiet DO_UNARY_QUIET(a + 1)
#define DOES_shr_quiet DO_SHIFT_QUIET(SHIFT_SHR)
#define DOES_rol_quiet DO_ROTATE_QUIET(ROTATED_LEFT)
#define DOES_imul3_quiet DO_IMUL3_QUIET
#define DOES_ret TAIL op_ret(c, o, res, aux, tags);

/* And with the branch behind it. */
#define ENDS_cmp_rr(cc) DO_REG_BRANCH(ALU_CMP, 4, RS(4), cc)
#define ENDS_cmp_ri(cc) DO_REG_BRANCH(ALU_CMP, 4, IMM(4), cc)
#define ENDS_test_rr(cc) DO_REG_BRANCH(ALU_TEST, 4, RS(4), cc)
#define ENDS_test_rr_byte(cc) DO_REG_BRANCH(ALU_TEST, 1, RS(1), cc)
#define ENDS_test_ri_byte(cc) DO_REG_BRANCH(ALU_TEST, 1, IMM(1), cc)
#define ENDS_cmp_mr(cc) DO_MEM_BRANCH(ALU_CMP, 4, OP_AT0, HERE_MEM(4), RS(4), cc)
#define ENDS_dec(cc) DO_COUNT_BRANCH(ALU_SUB, cc)
#define ENDS_cmp_rr_byte(cc) DO_REG_BRANCH(ALU_CMP, 1, RS(1), cc)

#define PAIR(first, second) static struct op *first##_and_##second(OP_ARGS) { DOES_##first o++; DOES_##second NEXT; }
#define PAIR_BRANCH(first, second, cc) \
    static struct op *first##_and_##second##_##cc(OP_ARGS) { DOES_##first o++; ENDS_##second(cc) }
#if OP_TIMED
#define PAIR_LINE PAIR
#endif
#include "sim/cpu/op_pair.def"
#undef PAIR
#undef PAIR_BRANCH
#undef PAIR_LINE

/* A table is looked up by a byte: the index is not asked for in the CPU again, which would take the host longer than all else. */
static struct op *lookup(OP_ARGS)
{
    uint32_t index = op_reg(c, o->rs, 1);
    c->reg[o->rd] = index;
    o++;
    DO_MOVE_LOAD(4, c->reg[o->base] + index * o->mul + o->disp)
    NEXT;
}

/* ---- finding them ---- */

enum number {
    NUMBER_none, NUMBER_line = OP_PAIR_LINE,
#define OP(name, forms, mnemonic, kind, form) NUMBER_##name,
#define ENDS OP
#include "sim/cpu/op_pair.def"
#undef ENDS
#undef OP
    NUMBER_COUNT
};

/* By number, where the function is; by kind, mnemonic and form, the number. Of two-operand and three-operand IMUL, and of what
 * extends bytes and words, one is listed, and the function tells. */
static op_fn *const *const functions[NUMBER_COUNT] = {
#define OP(name, forms, mnemonic, kind, form) [NUMBER_##name] = &op_forms_##forms.kind[FORM_##form],
#define ENDS OP
#include "sim/cpu/op_pair.def"
#undef ENDS
#undef OP
};
enum kind { KIND_dword, KIND_indexed, KIND_byte, KIND_byte0, KIND_quiet, KIND_COUNT };
static const uint8_t numbers[KIND_COUNT][MN_COUNT][FORM_COUNT] = {
#define OP(name, forms, mnemonic, kind, form) [KIND_##kind][MN_##mnemonic][FORM_##form] = NUMBER_##name,
#define ENDS OP
#include "sim/cpu/op_pair.def"
#undef ENDS
#undef OP
};

unsigned op_pair_number(const struct insn *i, op_fn *fn)
{
    enum kind kind = i->size == 4 ? i->index == REG_NONE ? KIND_dword : KIND_indexed
                     : i->index == REG_NONE && numbers[KIND_byte0][i->id][i->form] ? KIND_byte0 : KIND_byte;
    unsigned quiet = numbers[KIND_quiet][i->id][i->form], n = numbers[kind][i->id][i->form];
    if (quiet && *functions[quiet] == fn) return quiet;
    return n && *functions[n] == fn ? n : NUMBER_none;
}

static op_fn *const pairs[NUMBER_COUNT][NUMBER_COUNT] = {
#define PAIR(first, second) [NUMBER_##first][NUMBER_##second] = first##_and_##second,
#if OP_TIMED
#define PAIR_LINE PAIR
#endif
#include "sim/cpu/op_pair.def"
#undef PAIR
#undef PAIR_LINE
};
static const struct branch_row { uint8_t first, second, cc; op_fn *fn; } branch_rows[] = {
#define PAIR_BRANCH(first, second, cc) { NUMBER_##first, NUMBER_##second, cc, first##_and_##second##_##cc },
#include "sim/cpu/op_pair.def"
#undef PAIR_BRANCH
};

op_fn *op_pair(unsigned first, unsigned second, unsigned cc, const struct op *o)
{
    if (first == NUMBER_movzx_r && second == NUMBER_mov_rm_indexed && o[0].rd == o[1].index) return lookup;
    if (cc == OP_NO_BRANCH) return pairs[first][second];
    for (const struct branch_row *r = branch_rows; r < branch_rows + sizeof branch_rows / sizeof *branch_rows; r++)
        if (r->first == first && r->second == second && r->cc == cc) return r->fn;
    return NULL;
}
