/* Near branches: JMP Jcc JCXZ LOOPcc CALL RET, and BOUND.
 *
 * Idea 1: a target is checked against the CS limit before anything changes, so the fault belongs to the branch.
 * Idea 2: a branch that is not taken is STEP_OK: its block goes on behind it. SDM vol. 2 under each mnemonic. */
#include "sim/cpu/exec.h"
#include "sim/cpu/stack.h"

/* With 16-bit operand size the upper half of EIP is cleared. */
ALWAYS_INLINE enum step go(struct cpu *c, uint32_t target, unsigned size)
{
    if (size == 2) target &= 0xFFFF;
    if (target > c->seg[SEG_CS].limit) return cpu_raise_code(c, VEC_GP, 0);
    c->eip = target;
    return STEP_JUMP;
}

/* What prediction has to know of branches that came about. */
ALWAYS_INLINE enum step decided(struct cpu *c, bool taken, enum step s)
{
    if (c->predicts && s != STEP_FAULT) predict_branch(c, c->site, taken);
    return s;
}
ALWAYS_INLINE enum step went(struct cpu *c, const struct insn *i, enum step s)
{
    if (c->predicts && s != STEP_FAULT && i->form != FORM_I) predict_indirect(c, c->site, c->eip);
    return s;
}

static enum step target_of(struct cpu *c, const struct insn *i, uint32_t *target)
{
    if (i->form != FORM_I) return source_read(c, i, i->form, i->size, target);
    *target = insn_next(c, i) + i->imm;
    return STEP_OK;
}

enum step exec_jmp(struct cpu *c, const struct insn *i)
{
    uint32_t target;
    enum step s = target_of(c, i, &target);
    return s != STEP_OK ? s : went(c, i, go(c, target, i->size));
}
static enum step jmp_i32(struct cpu *c, const struct insn *i) { return go(c, insn_next(c, i) + i->imm, 4); }
const struct exec_forms exec_forms_jmp = { { [FORM_I] = jmp_i32 }, { NULL } };

enum step exec_jcc(struct cpu *c, const struct insn *i)
{
    bool taken = flag_condition(c, i->sub);
    return decided(c, taken, taken ? go(c, insn_next(c, i) + i->imm, i->size) : STEP_OK);
}

#define JCC(cc) \
    static enum step jcc32_##cc(struct cpu *c, const struct insn *i) \
    { \
        bool taken = flag_condition(c, cc); \
        return decided(c, taken, taken ? go(c, insn_next(c, i) + i->imm, 4) : STEP_OK); \
    }
JCC(0) JCC(1) JCC(2) JCC(3) JCC(4) JCC(5) JCC(6) JCC(7)
JCC(8) JCC(9) JCC(10) JCC(11) JCC(12) JCC(13) JCC(14) JCC(15)
exec_fn *const exec_jcc32[16] = {
    jcc32_0, jcc32_1, jcc32_2, jcc32_3, jcc32_4, jcc32_5, jcc32_6, jcc32_7,
    jcc32_8, jcc32_9, jcc32_10, jcc32_11, jcc32_12, jcc32_13, jcc32_14, jcc32_15
};

/* JCXZ, JECXZ, LOOPcc count in CX or ECX by the address size. */
static unsigned counter_size(const struct insn *i) { return i->flags & INSN_ADDR16 ? 2 : 4; }

enum step exec_jcxz(struct cpu *c, const struct insn *i)
{
    bool taken = !reg_get(c, ECX, counter_size(i));
    return decided(c, taken, taken ? go(c, insn_next(c, i) + i->imm, i->size) : STEP_OK);
}

enum step exec_loop(struct cpu *c, const struct insn *i)
{
    uint32_t count = reg_get(c, ECX, counter_size(i)) - 1;
    bool taken = count & size_mask(counter_size(i));
    if (i->id == MN_LOOPE) taken = taken && flag_zf(c);
    if (i->id == MN_LOOPNE) taken = taken && !flag_zf(c);
    enum step s = taken ? go(c, insn_next(c, i) + i->imm, i->size) : STEP_OK;
    if (s != STEP_FAULT) reg_set(c, ECX, counter_size(i), count);
    return decided(c, taken, s);
}

ALWAYS_INLINE enum step call(struct cpu *c, uint32_t back, uint32_t target, unsigned size)
{
    if (size == 2) target &= 0xFFFF;
    if (target > c->seg[SEG_CS].limit) return cpu_raise_code(c, VEC_GP, 0);
    enum step s = stack_push(c, back, size);
    if (s == STEP_OK && c->predicts) predict_call(&c->predictor, back);
    return s != STEP_OK ? s : go(c, target, size);
}

enum step exec_call(struct cpu *c, const struct insn *i)
{
    uint32_t target;
    enum step s = target_of(c, i, &target);
    return s != STEP_OK ? s : went(c, i, call(c, insn_next(c, i), target, i->size));
}
static enum step call_i32(struct cpu *c, const struct insn *i)
{
    return call(c, insn_next(c, i), insn_next(c, i) + i->imm, 4);
}
const struct exec_forms exec_forms_call = { { [FORM_I] = call_i32 }, { NULL } };

/* imm: bytes of arguments to drop. */
ALWAYS_INLINE enum step ret(struct cpu *c, const struct insn *i, unsigned size)
{
    uint32_t target, mask = stack_mask(&c->seg[SEG_SS]), sp = c->reg[ESP];
    enum step s = mem_read(c, SEG_SS, sp & mask, size, &target);
    if (s != STEP_OK || (s = go(c, target, size)) == STEP_FAULT) return s;
    stack_set(c, sp + size + (i->imm & 0xFFFF), mask);
    if (c->predicts) predict_return(c, c->eip);
    return s;
}
enum step exec_ret(struct cpu *c, const struct insn *i) { return ret(c, i, i->size); }
static enum step ret32(struct cpu *c, const struct insn *i) { return ret(c, i, 4); }
const struct exec_forms exec_forms_ret = { { [FORM_NONE] = ret32, [FORM_I] = ret32 }, { NULL } };

enum step exec_bound(struct cpu *c, const struct insn *i)
{
    uint32_t low, high, at = ea(c, i), up = i->flags & INSN_ADDR16 ? (at + i->size) & 0xFFFF : at + i->size;
    enum step s = mem_read(c, i->seg, at, i->size, &low);
    if (s != STEP_OK || (s = mem_read(c, i->seg, up, i->size, &high)) != STEP_OK) return s;
    int32_t index = (int32_t)sign_extend(reg_get(c, i->reg, i->size), i->size);
    bool inside = index >= (int32_t)sign_extend(low, i->size) && index <= (int32_t)sign_extend(high, i->size);
    return inside ? STEP_OK : cpu_raise(c, VEC_BR);
}
