/* See stall.h. */
#include "sim/cpu/stall.h"

#include "sim/core/lines.h"

enum { FLAGS = 1 << 8, CARRY = 1 << 9, EAX_BIT = 1, ECX_BIT = 2, EDX_BIT = 4 }; /* of a set of registers: bits 0-7 are EAX .. EDI */

static unsigned bit(unsigned reg, unsigned size)
{
    if (reg >= REG_NONE) return 0;
    return 1u << (size == 1 ? reg & 3 : reg);
}

static unsigned address(const struct insn *i) { return i->flags & INSN_MEM ? bit(i->base, 4) | bit(i->index, 4) : 0; }

/* ---- what is late */

/* The kind of result of each instruction, as a row; 0: there at once. */
static const uint16_t late[MN_COUNT] = {
    [MN_MOV] = COST_DEP_LOAD, [MN_MOVZX] = COST_DEP_LOAD, [MN_MOVSX] = COST_DEP_LOAD, [MN_POP] = COST_DEP_LOAD,
    [MN_ADD] = COST_DEP_LOAD, [MN_SUB] = COST_DEP_LOAD, [MN_AND] = COST_DEP_LOAD, [MN_OR] = COST_DEP_LOAD, [MN_XOR] = COST_DEP_LOAD,
    [MN_CMP] = COST_DEP_LOAD, [MN_TEST] = COST_DEP_LOAD, [MN_CMOVCC] = COST_DEP_LOAD,
    [MN_MUL] = COST_DEP_MUL, [MN_IMUL] = COST_DEP_MUL, [MN_ADC] = COST_DEP_CARRY, [MN_SBB] = COST_DEP_CARRY,
    [MN_SHL] = COST_DEP_SHIFT, [MN_SHR] = COST_DEP_SHIFT, [MN_SAR] = COST_DEP_SHIFT, [MN_ROL] = COST_DEP_SHIFT, [MN_ROR] = COST_DEP_SHIFT,
    [MN_INC] = COST_DEP_FLAGS, [MN_DEC] = COST_DEP_FLAGS,
};
_Static_assert(COST_DEP_LOAD != 0, "0 is none");

static bool is_load(const struct insn *i)
{
    if (i->id == MN_POP) return i->form == FORM_R;
    return i->form == FORM_RM || ((i->id == MN_CMP || i->id == MN_TEST) && (i->form == FORM_MR || i->form == FORM_MI));
}

bool stall_possible(const uint32_t *cost, const struct insn *i)
{
    unsigned row = late[i->id];
    return row && cost[row] && (row != COST_DEP_LOAD || is_load(i)) && !(i->flags & (INSN_REP | INSN_REPNE));
}

/* What it brings late, of an instruction for which stall_possible. */
static unsigned results(const struct insn *i)
{
    unsigned reg = bit(i->form == FORM_RM || i->form == FORM_GE ? i->reg : i->form == FORM_M || i->form == FORM_MR || i->form == FORM_MI ? REG_NONE : i->rm, i->size);
    switch (i->id) {
    case MN_MOV: case MN_MOVZX: case MN_MOVSX: case MN_POP: case MN_CMOVCC: return reg;
    case MN_CMP: case MN_TEST: return FLAGS;
    case MN_INC: case MN_DEC: return CARRY; /* which it leaves to whoever set it before */
    case MN_MUL: return EAX_BIT | EDX_BIT | FLAGS;
    case MN_IMUL: return (i->sub == 1 ? EAX_BIT | EDX_BIT : reg) | FLAGS;
    default: return reg | FLAGS;
    }
}

/* ---- who needs it */

enum need { NEED_NONE, NEED_SOURCE /* the operand that is not the destination */, NEED_BOTH, NEED_DEST, NEED_ADDRESS, NEED_EAX, NEED_WIDE };
static const uint8_t needs[MN_COUNT] = {
    [MN_MOV] = NEED_SOURCE, [MN_MOVZX] = NEED_SOURCE, [MN_MOVSX] = NEED_SOURCE, [MN_LEA] = NEED_ADDRESS, [MN_PUSH] = NEED_ADDRESS,
    [MN_POP] = NEED_ADDRESS, [MN_SETCC] = NEED_ADDRESS, [MN_CMOVCC] = NEED_BOTH, [MN_BSWAP] = NEED_DEST, [MN_XCHG] = NEED_BOTH,
    [MN_ADD] = NEED_BOTH, [MN_SUB] = NEED_BOTH, [MN_AND] = NEED_BOTH, [MN_OR] = NEED_BOTH, [MN_XOR] = NEED_BOTH, [MN_ADC] = NEED_BOTH,
    [MN_SBB] = NEED_BOTH, [MN_CMP] = NEED_BOTH, [MN_TEST] = NEED_BOTH, [MN_INC] = NEED_DEST, [MN_DEC] = NEED_DEST, [MN_NEG] = NEED_DEST,
    [MN_NOT] = NEED_DEST, [MN_SHL] = NEED_BOTH, [MN_SHR] = NEED_BOTH, [MN_SAR] = NEED_BOTH, [MN_ROL] = NEED_BOTH, [MN_ROR] = NEED_BOTH,
    [MN_IMUL] = NEED_BOTH, [MN_MUL] = NEED_EAX, [MN_DIV] = NEED_WIDE, [MN_IDIV] = NEED_WIDE, [MN_CBW] = NEED_EAX, [MN_CWDE] = NEED_EAX,
    [MN_CWD] = NEED_EAX, [MN_CDQ] = NEED_EAX,
};

/* Conditions 2, 3, 6 and 7 (B, AE, BE, A and their other names) look at CF. */
static unsigned flags(const struct insn *i)
{
    unsigned condition = (i->sub & 15) >> 1;
    switch (i->id) {
    case MN_ADC: case MN_SBB: case MN_RCL: case MN_RCR: return FLAGS | CARRY;
    case MN_PUSHF: case MN_LAHF: return FLAGS | CARRY;
    case MN_SETCC: case MN_CMOVCC: return FLAGS | (condition == 1 || condition == 3 ? CARRY : 0u);
    case MN_JCC: return condition == 1 || condition == 3 ? CARRY : 0u; /* flags in pieces are put together before it is known to be a branch */
    default: return 0;
    }
}

/* A source in a register that is stored waits in the store buffer. */
static unsigned source(const struct insn *i)
{
    switch (i->form) {
    case FORM_RR: return bit(i->reg, i->size);
    case FORM_GE: return bit(i->rm, i->id == MN_MOVZX || i->id == MN_MOVSX ? i->sub : i->size);
    case FORM_MR: return i->id == MN_MOV ? 0 : bit(i->reg, i->size);
    default: return 0;
    }
}

static unsigned destination(const struct insn *i)
{
    switch (i->form) {
    case FORM_R: case FORM_RR: case FORM_RI: return bit(i->rm, i->size);
    case FORM_RM: case FORM_GE: return bit(i->reg, i->size);
    default: return 0;
    }
}

static unsigned operands(const struct insn *i)
{
    bool shift = late[i->id] == COST_DEP_SHIFT, three = i->id == MN_IMUL && i->sub == 3;
    switch (needs[i->id]) {
    case NEED_NONE: return 0;
    case NEED_SOURCE: return source(i) | address(i);
    case NEED_DEST: return destination(i) | address(i);
    case NEED_ADDRESS: return address(i);
    case NEED_EAX: return destination(i) | address(i) | EAX_BIT;
    case NEED_WIDE: return destination(i) | address(i) | EAX_BIT | EDX_BIT;
    default: break;
    }
    unsigned by_cl = shift && i->form != FORM_RI && i->form != FORM_MI ? ECX_BIT : 0u, one = i->id == MN_IMUL && i->sub == 1 ? EAX_BIT : 0u;
    return (three ? 0 : destination(i)) | source(i) | address(i) | by_cl | one;
}

unsigned stall_between(const uint32_t *cost, const struct insn *i, const struct insn *next, enum cost *row)
{
    if (!(results(i) & (operands(next) | flags(next)))) return 0;
    *row = (enum cost)late[i->id];
    return cost[*row];
}

unsigned stall_behind(const uint32_t *cost, const struct insn *i, uint32_t at, const uint8_t *bytes, struct insn_mode mode, enum cost *row)
{
    struct insn next;
    uint32_t behind = at + i->len, left = LINE_SIZE - (behind & (LINE_SIZE - 1));
    if (!stall_possible(cost, i) || (at ^ behind) >> LINE_SHIFT) return 0;
    if (insn_decode(bytes + i->len, left < 15 ? left : 15, mode, cost, &next) != DECODE_OK || next.len > left) return 0;
    return stall_between(cost, i, &next, row);
}
