/* Comparison and conditional branch as one operation. See op.h; op_tune.c takes them, exec_*.c are the truth.
 *
 * Idea: compilers compare right before they branch. One operation for both saves the way from one to the other, and the
 * condition comes from the operands, as in the hardware that fuses such pairs. The flags are left as ever.
 * A row is an operation of op_alu.c and, by condition, its twin that goes on with the branch in the op behind it.
 * Not here: conditions on overflow and parity, which compilers do not make. SDM vol. 2 under each mnemonic. */
#include "sim/cpu/op_do.h"

#define IN_REG(name, OP, size, source, cc) static struct op *name##_##cc(OP_ARGS) DO_REG_BRANCH(OP, size, source, cc)
#define WITH_MEM(name, OP, size, at, first, second, cc) \
    static struct op *name##_##cc(OP_ARGS) DO_MEM_BRANCH(OP, size, at, first, second, cc)
#define COUNTED(name, OP, cc) static struct op *name##_##cc(OP_ARGS) DO_COUNT_BRANCH(OP, cc)

/* B, AE, E, NE, BE, A, S, NS, L, GE, LE, G */
#define CONDITIONS(X) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(12) X(13) X(14) X(15)
#define PAIRS(cc) \
    IN_REG(cmp_rr4, ALU_CMP, 4, RS(4), cc) \
    IN_REG(cmp_ri4, ALU_CMP, 4, IMM(4), cc) \
    IN_REG(cmp_rr1, ALU_CMP, 1, RS(1), cc) \
    IN_REG(cmp_ri1, ALU_CMP, 1, IMM(1), cc) \
    IN_REG(test_rr4, ALU_TEST, 4, RS(4), cc) \
    IN_REG(test_rr1, ALU_TEST, 1, RS(1), cc) \
    IN_REG(test_ri1, ALU_TEST, 1, IMM(1), cc) \
    IN_REG(and_ri4, ALU_AND, 4, IMM(4), cc) \
    IN_REG(sub_ri4, ALU_SUB, 4, IMM(4), cc) \
    IN_REG(add_ri4, ALU_ADD, 4, IMM(4), cc) \
    WITH_MEM(cmp_rm4, ALU_CMP, 4, OP_AT0, op_reg(c, o->rd, 4), HERE_MEM(4), cc) \
    WITH_MEM(cmp_mr4, ALU_CMP, 4, OP_AT0, HERE_MEM(4), RS(4), cc) \
    WITH_MEM(cmp_mi4, ALU_CMP, 4, OP_AT0, HERE_MEM(4), IMM(4), cc) \
    WITH_MEM(cmp_mi1, ALU_CMP, 1, OP_AT1, HERE_MEM(1), IMM(1), cc) \
    WITH_MEM(test_mi1, ALU_TEST, 1, OP_AT1, HERE_MEM(1), IMM(1), cc) \
    WITH_MEM(cmp_mi10, ALU_CMP, 1, OP_AT0, HERE_MEM(1), IMM(1), cc) \
    WITH_MEM(test_mi10, ALU_TEST, 1, OP_AT0, HERE_MEM(1), IMM(1), cc) \
    COUNTED(dec_r, ALU_SUB, cc) \
    COUNTED(inc_r, ALU_ADD, cc)
CONDITIONS(PAIRS)

struct row { op_fn *const *plain, *fused[16]; };
#define ENTRY(name, cc) [cc] = name##_##cc
#define ROW(forms, kind, form, name) { &op_forms_##forms.kind[form], { \
    ENTRY(name, 2), ENTRY(name, 3), ENTRY(name, 4), ENTRY(name, 5), ENTRY(name, 6), ENTRY(name, 7), ENTRY(name, 8), ENTRY(name, 9), \
    ENTRY(name, 12), ENTRY(name, 13), ENTRY(name, 14), ENTRY(name, 15) } }
static const struct row rows[] = {
    ROW(cmp, dword, FORM_RR, cmp_rr4), ROW(cmp, dword, FORM_RI, cmp_ri4), ROW(cmp, dword, FORM_RM, cmp_rm4),
    ROW(cmp, dword, FORM_MR, cmp_mr4), ROW(cmp, dword, FORM_MI, cmp_mi4), ROW(cmp, byte, FORM_RR, cmp_rr1),
    ROW(cmp, byte, FORM_RI, cmp_ri1), ROW(cmp, byte, FORM_MI, cmp_mi1), ROW(test, dword, FORM_RR, test_rr4),
    ROW(test, byte, FORM_RR, test_rr1), ROW(test, byte, FORM_RI, test_ri1), ROW(test, byte, FORM_MI, test_mi1),
    ROW(cmp, byte0, FORM_MI, cmp_mi10), ROW(test, byte0, FORM_MI, test_mi10),
    ROW(and, dword, FORM_RI, and_ri4), ROW(sub, dword, FORM_RI, sub_ri4), ROW(add, dword, FORM_RI, add_ri4),
    ROW(dec, dword, FORM_R, dec_r), ROW(inc, dword, FORM_R, inc_r)
};

op_fn *op_fused(op_fn *first, unsigned cc)
{
    for (const struct row *r = rows; r < rows + sizeof rows / sizeof *rows; r++)
        if (*r->plain == first) return r->fused[cc];
    return NULL;
}
