/* See stall.h. */
#include "sim/cpu/stall.h"

enum { FLAGS = 1 << 8, CARRY = 1 << 9, EAX_BIT = 1, ECX_BIT = 2, EDX_BIT = 4 }; /* of a set of registers: bits 0-7 are EAX .. EDI */
enum { PLACES = 10 };

static unsigned bit(unsigned reg, unsigned size)
{
    if (reg >= REG_NONE) return 0;
    return 1u << (size == 1 ? reg & 3 : reg);
}

static unsigned address(const struct insn *i) { return i->flags & INSN_MEM ? bit(i->base, 4) | bit(i->index, 4) : 0; }

/* ---- what is late */

/* Kinds of late results, and the row of each. */
enum { LATE_NONE, LATE_LOAD, LATE_MUL, LATE_CARRY, LATE_SHIFT, LATE_FLAGS, LATE_COUNT };
const uint16_t stall_rows[] = { 0, COST_DEP_LOAD, COST_DEP_MUL, COST_DEP_CARRY, COST_DEP_SHIFT, COST_DEP_FLAGS };
_Static_assert(sizeof stall_rows / sizeof stall_rows[0] == LATE_COUNT && LATE_COUNT << STALL_LATE <= UINT16_MAX, "struct insn.waits");

/* The kind of result of each instruction; 0: there at once. */
static const uint8_t late[MN_COUNT] = {
    [MN_MOV] = LATE_LOAD, [MN_MOVZX] = LATE_LOAD, [MN_MOVSX] = LATE_LOAD, [MN_POP] = LATE_LOAD,
    [MN_ADD] = LATE_LOAD, [MN_SUB] = LATE_LOAD, [MN_AND] = LATE_LOAD, [MN_OR] = LATE_LOAD, [MN_XOR] = LATE_LOAD,
    [MN_CMP] = LATE_LOAD, [MN_TEST] = LATE_LOAD, [MN_CMOVCC] = LATE_LOAD,
    [MN_MUL] = LATE_MUL, [MN_IMUL] = LATE_MUL, [MN_ADC] = LATE_CARRY, [MN_SBB] = LATE_CARRY,
    [MN_SHL] = LATE_SHIFT, [MN_SHR] = LATE_SHIFT, [MN_SAR] = LATE_SHIFT, [MN_ROL] = LATE_SHIFT, [MN_ROR] = LATE_SHIFT,
    [MN_INC] = LATE_FLAGS, [MN_DEC] = LATE_FLAGS,
};

static bool is_load(const struct insn *i)
{
    if (i->id == MN_POP) return i->form == FORM_R;
    return i->form == FORM_RM || ((i->id == MN_CMP || i->id == MN_TEST) && (i->form == FORM_MR || i->form == FORM_MI));
}

static unsigned late_kind(const struct insn *i)
{
    unsigned kind = late[i->id];
    return (kind == LATE_LOAD && !is_load(i)) || i->flags & (INSN_REP | INSN_REPNE) ? LATE_NONE : kind;
}
static uint32_t delay(const uint32_t *cost, const struct insn *i) { return cost[stall_rows[i->waits >> STALL_LATE]]; }

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

enum need { NEED_UNKNOWN, NEED_NONE, NEED_SOURCE /* the operand that is not the destination */, NEED_BOTH, NEED_DEST, NEED_ADDRESS, NEED_EAX, NEED_WIDE };
static const uint8_t needs[MN_COUNT] = {
    [MN_MOV] = NEED_SOURCE, [MN_MOVZX] = NEED_SOURCE, [MN_MOVSX] = NEED_SOURCE, [MN_LEA] = NEED_ADDRESS, [MN_PUSH] = NEED_ADDRESS,
    [MN_POP] = NEED_ADDRESS, [MN_SETCC] = NEED_ADDRESS, [MN_CMOVCC] = NEED_BOTH, [MN_BSWAP] = NEED_DEST, [MN_XCHG] = NEED_BOTH,
    [MN_ADD] = NEED_BOTH, [MN_SUB] = NEED_BOTH, [MN_AND] = NEED_BOTH, [MN_OR] = NEED_BOTH, [MN_XOR] = NEED_BOTH, [MN_ADC] = NEED_BOTH,
    [MN_SBB] = NEED_BOTH, [MN_CMP] = NEED_BOTH, [MN_TEST] = NEED_BOTH, [MN_INC] = NEED_DEST, [MN_DEC] = NEED_DEST, [MN_NEG] = NEED_DEST,
    [MN_NOT] = NEED_DEST, [MN_SHL] = NEED_BOTH, [MN_SHR] = NEED_BOTH, [MN_SAR] = NEED_BOTH, [MN_ROL] = NEED_BOTH, [MN_ROR] = NEED_BOTH,
    [MN_RCL] = NEED_BOTH, [MN_RCR] = NEED_BOTH, [MN_BSF] = NEED_SOURCE, [MN_BSR] = NEED_SOURCE,
    [MN_IMUL] = NEED_BOTH, [MN_MUL] = NEED_EAX, [MN_DIV] = NEED_WIDE, [MN_IDIV] = NEED_WIDE, [MN_CBW] = NEED_EAX, [MN_CWDE] = NEED_EAX,
    [MN_CWD] = NEED_EAX, [MN_CDQ] = NEED_EAX, [MN_NOP] = NEED_NONE, [MN_CLD] = NEED_NONE, [MN_STD] = NEED_NONE, [MN_CLC] = NEED_NONE,
    [MN_STC] = NEED_NONE, [MN_LAHF] = NEED_NONE, [MN_PUSHF] = NEED_NONE,
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

/* XOR and SUB of a register and itself are known to give 0 whatever is in it. */
static bool is_zero(const struct insn *i)
{
    return (i->id == MN_XOR || i->id == MN_SUB) && i->form == FORM_RR && i->rm == i->reg && i->size == 4;
}

static unsigned operands(const struct insn *i)
{
    if (is_zero(i)) return 0;
    bool shift = late[i->id] == LATE_SHIFT || i->id == MN_RCL || i->id == MN_RCR, three = i->id == MN_IMUL && i->sub == 3;
    switch (needs[i->id]) {
    case NEED_UNKNOWN: case NEED_NONE: return 0;
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

/* What it sets anew, so that nobody waits for what was there. Parts of a register do not: the rest is still to come. */
static unsigned writes(const struct insn *i)
{
    unsigned whole = i->size == 4 ? destination(i) : 0, all = FLAGS | CARRY;
    switch (i->id) {
    case MN_CMP: case MN_TEST: return all;
    case MN_PUSH: case MN_PUSHF: case MN_CMOVCC: case MN_SETCC: case MN_NOP: case MN_CLD: case MN_STD: return 0; /* CMOVcc needs it as well */
    case MN_MOV: case MN_MOVZX: case MN_MOVSX: case MN_LEA: case MN_POP: case MN_BSWAP: case MN_NOT: return whole;
    case MN_XCHG: return i->form == FORM_RR && i->size == 4 ? whole | bit(i->reg, 4) : whole;
    case MN_CBW: case MN_LAHF: return 0;
    case MN_CWDE: return EAX_BIT;
    case MN_CWD: return 0;
    case MN_CDQ: return EDX_BIT;
    case MN_MUL: case MN_DIV: case MN_IDIV: return (i->size == 4 ? EAX_BIT | EDX_BIT : 0u) | all;
    case MN_IMUL: return (i->sub != 1 ? whole : i->size == 4 ? EAX_BIT | EDX_BIT : 0u) | all;
    case MN_INC: case MN_DEC: return whole | FLAGS;
    case MN_CLC: case MN_STC: return CARRY;
    case MN_ROL: case MN_ROR: case MN_RCL: case MN_RCR: return whole | CARRY;
    default: return whole | all;
    }
}

/* ---- in order */

/* How much later than now each register is there: those that are in `late`, which are few. */
struct board { unsigned late; uint32_t left[PLACES]; };

static unsigned first_of(unsigned set) { return (unsigned)__builtin_ctz(set); }

static uint32_t wait_for(const struct board *b, unsigned need)
{
    uint32_t most = 0;
    for (need &= b->late; need; need &= need - 1)
        if (b->left[first_of(need)] > most) most = b->left[first_of(need)];
    return most;
}

static void put(struct board *b, unsigned set, uint32_t value)
{
    if (!value) {
        b->late &= ~set;
        return;
    }
    b->late |= set;
    for (; set; set &= set - 1) b->left[first_of(set)] = value;
}

static void pass(struct board *b, uint32_t cycles)
{
    for (unsigned set = b->late; set; set &= set - 1) {
        uint32_t *left = &b->left[first_of(set)];
        if (*left > cycles) *left -= cycles;
        else b->late &= ~(set & (0 - set));
    }
}

static bool same(const struct board *a, const struct board *b)
{
    if (a->late != b->late) return false;
    for (unsigned set = a->late; set; set &= set - 1)
        if (a->left[first_of(set)] != b->left[first_of(set)]) return false;
    return true;
}

/* `i` was issued, and the next may be. On both boards. */
static void issued(const uint32_t *cost, struct board *a, struct board *b, const struct insn *i)
{
    const unsigned set = writes(i);
    a->late &= ~set;
    b->late &= ~set;
    if (!stall_possible(cost, i)) return;
    const unsigned results_of_i = results(i);
    put(a, results_of_i, delay(cost, i));
    put(b, results_of_i, delay(cost, i));
}

static const struct insn *next(const uint32_t *cost, struct stall_ahead *a, unsigned k)
{
    if (k >= STALL_AHEAD) return NULL;
    if (k < a->n) return a->known + k;
    for (k -= a->n; a->decoded <= k; a->decoded++) {
        unsigned left = a->left - a->used < 15 ? a->left - a->used : 15;
        bool ok = left && insn_decode(a->bytes + a->used, left, a->mode, cost, &a->more[a->decoded]) == DECODE_OK;
        unsigned looked = a->used + (ok ? a->more[a->decoded].len : left);
        if (looked > a->looked) a->looked = looked;
        if (!ok) return NULL;
        a->used = looked;
    }
    return &a->more[k];
}

/* Behind it all begins anew. */
static bool ends(const struct insn *i) { return needs[i->id] == NEED_UNKNOWN || i->flags & (INSN_ENDS | INSN_REP | INSN_REPNE); }

enum { NEEDS = (1 << PLACES) - 1, ENDS = 1 << PLACES };
_Static_assert(ENDS < 1 << STALL_LATE, "struct insn.waits");
uint16_t stall_mark(const struct insn *i)
{
    return (uint16_t)(operands(i) | flags(i) | (ends(i) ? ENDS : 0u) | late_kind(i) << STALL_LATE);
}

/* Does anybody need it before it is there? Mostly not. */
static bool is_needed(const uint32_t *cost, unsigned late_ones, uint32_t dep, struct stall_ahead *ahead)
{
    uint32_t passed = 0;
    for (unsigned k = 0; passed < dep && late_ones; k++) {
        const struct insn *j = next(cost, ahead, k);
        if (!j) return false;
        if (j->waits & late_ones) return true;
        passed += j->cost;
        if (j->waits & ENDS || passed >= dep) return false;
        late_ones &= ~writes(j);
    }
    return false;
}

unsigned stall_of(const uint32_t *cost, const struct insn *i, struct stall_ahead *ahead)
{
    const unsigned late_ones = results(i);
    uint32_t dep = delay(cost, i), longer = 0; /* may be less than 0 in between */
    if (!is_needed(cost, late_ones, dep, ahead)) return 0;
    struct board with, without;
    with.late = without.late = 0;
    put(&with, late_ones, dep);
    for (unsigned k = 0; !same(&with, &without); k++) {
        const struct insn *j = next(cost, ahead, k);
        if (!j) break;
        uint32_t a = wait_for(&with, j->waits & NEEDS), b = wait_for(&without, j->waits & NEEDS);
        longer += a - b;
        if (j->waits & ENDS) break;
        pass(&with, a + j->cost);
        pass(&without, b + j->cost);
        issued(cost, &with, &without, j);
    }
    return longer;
}

enum cost stall_row(const struct insn *i) { return (enum cost)stall_rows[i->waits >> STALL_LATE]; }

unsigned stall_behind(const uint32_t *cost, const struct insn *i, const uint8_t *bytes, unsigned n, struct insn_mode mode)
{
    if (!stall_possible(cost, i) || i->len >= n) return 0;
    struct stall_ahead ahead;
    ahead.n = ahead.looked = ahead.used = ahead.decoded = 0;
    ahead.bytes = bytes + i->len, ahead.left = n - i->len, ahead.mode = mode;
    return stall_of(cost, i, &ahead);
}
