/* Which fast form an instruction has. See op.h. */
#include "sim/cpu/op.h"

#include "sim/cpu/exec.h"

static const struct op_forms *const forms[MN_COUNT] = {
    [MN_ADD] = &op_forms_add, [MN_OR] = &op_forms_or, [MN_ADC] = &op_forms_adc, [MN_SBB] = &op_forms_sbb,
    [MN_AND] = &op_forms_and, [MN_SUB] = &op_forms_sub, [MN_XOR] = &op_forms_xor, [MN_CMP] = &op_forms_cmp,
    [MN_TEST] = &op_forms_test, [MN_INC] = &op_forms_inc, [MN_DEC] = &op_forms_dec, [MN_NEG] = &op_forms_neg,
    [MN_NOT] = &op_forms_not, [MN_SHL] = &op_forms_shl, [MN_SHR] = &op_forms_shr, [MN_SAR] = &op_forms_sar,
    [MN_ROL] = &op_forms_rol, [MN_ROR] = &op_forms_ror,
    [MN_MOV] = &op_forms_mov, [MN_LEA] = &op_forms_lea, [MN_PUSH] = &op_forms_push, [MN_POP] = &op_forms_pop,
    [MN_MUL] = &op_forms_mul, [MN_XCHG] = &op_forms_xchg, [MN_BSWAP] = &op_forms_bswap,
    [MN_JMP] = &op_forms_jmp, [MN_CALL] = &op_forms_call, [MN_RET] = &op_forms_ret
};

/* Rows whose forms depend on more than form and size; NULL: none. */
static op_fn *choose_special(const struct insn *i)
{
    bool wide = i->size == 4;
    switch (i->id) {
    case MN_JCC: return wide ? op_jcc_far[i->sub] : NULL;
    case MN_SETCC: return i->form == FORM_R ? op_setcc[i->sub] : NULL;
    case MN_CMOVCC: return !wide ? NULL : i->form == FORM_GE ? op_cmov[i->sub] : op_cmov_mem[i->sub];
    case MN_NOP: return op_nop;
    case MN_CLI: return op_cli;
    case MN_STI: return op_sti;
    case MN_PUSHF: return wide ? op_pushf : NULL;
    case MN_POPF: return wide ? op_popf : NULL;
    case MN_CLD: return op_cld;
    case MN_PUSHA: return wide ? op_pusha : NULL;
    case MN_POPA: return wide ? op_popa : NULL;
    case MN_IN: case MN_OUT: return op_port(i);
    case MN_INT: case MN_INT3: case MN_IRET: case MN_CALL_FAR: case MN_JMP_FAR: case MN_RET_FAR:
    case MN_SYSENTER: case MN_SYSEXIT: return op_away;
    case MN_INVLPG: return i->flags & INSN_MEM ? op_invlpg : NULL;
    case MN_MOV_CR: return i->fn != exec_mov_to_cr ? NULL : i->sub == 3 ? op_cr3 : op_away;
    case MN_CWDE: return op_cwde;
    case MN_CDQ: return op_cdq;
    case MN_LEAVE: return wide ? op_leave : NULL;
    default: return NULL;
    }
}

const struct op_forms *op_forms_of(const struct insn *i)
{
    switch (i->id) {
    case MN_MOVZX: return i->sub == 1 ? &op_forms_movzx8 : &op_forms_movzx16;
    case MN_MOVSX: return i->sub == 1 ? &op_forms_movsx8 : &op_forms_movsx16;
    case MN_IMUL: return i->sub == 2 ? &op_forms_imul2 : i->sub == 3 ? &op_forms_imul3 : NULL;
    case MN_SHL: case MN_SHR: case MN_SAR: case MN_ROL: case MN_ROR:
        return i->form != FORM_RI || i->imm & 31 ? forms[i->id] : NULL;
    default: return forms[i->id];
    }
}

op_fn *op_choose(const struct insn *i)
{
    if (i->flags & INSN_MEM && i->flags & INSN_ADDR16) return op_slow;
    const struct op_forms *f = op_forms_of(i);
    op_fn *fn = f ? (i->size == 4 ? i->index == REG_NONE ? f->dword : f->indexed
                     : i->size == 1 ? i->index == REG_NONE && f->byte0[i->form] ? f->byte0 : f->byte : f->word)[i->form]
                  : choose_special(i);
    return fn ? fn : op_slow;
}

#if OP_TIMED
#define OP_LINES op_line
#else
#define OP_LINES NULL
#endif
const struct op_kit op_kit = { op_choose, op_forms_of, op_fused, op_pair, op_pair_number, op_jcc_near, op_jmp_near, op_call_near,
                              op_fall_near, op_fall_far, op_head, OP_LINES };
