/* Moving data: MOV and its relatives, exchanges, conversions, conditional moves.
 *
 * An exchange finds its memory operand with write rights before it changes a register. SDM vol. 2 under each mnemonic.
 * Locking has no effect to model: there is one CPU, and an instruction is never interrupted halfway. */
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"

ALWAYS_INLINE enum step move(struct cpu *c, const struct insn *i, unsigned form, unsigned size)
{
    uint32_t v;
    enum step s = source_read(c, i, form, size, &v);
    if (s != STEP_OK) return s;
    if (dest_is_memory(form)) return mem_write(c, i->seg, ea(c, i), size, v);
    reg_set(c, dest_reg(i, form), size, v);
    return STEP_OK;
}
enum step exec_mov(struct cpu *c, const struct insn *i) { return move(c, i, i->form, i->size); }
static enum step mov_rr32(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RR, 4); }
static enum step mov_ri32(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RI, 4); }
static enum step mov_rm32(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RM, 4); }
static enum step mov_mr32(struct cpu *c, const struct insn *i) { return move(c, i, FORM_MR, 4); }
static enum step mov_mi32(struct cpu *c, const struct insn *i) { return move(c, i, FORM_MI, 4); }
static enum step mov_rr8(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RR, 1); }
static enum step mov_ri8(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RI, 1); }
static enum step mov_rm8(struct cpu *c, const struct insn *i) { return move(c, i, FORM_RM, 1); }
static enum step mov_mr8(struct cpu *c, const struct insn *i) { return move(c, i, FORM_MR, 1); }
static enum step mov_mi8(struct cpu *c, const struct insn *i) { return move(c, i, FORM_MI, 1); }
const struct exec_forms exec_forms_mov = {
    { [FORM_RR] = mov_rr32, [FORM_RI] = mov_ri32, [FORM_RM] = mov_rm32, [FORM_MR] = mov_mr32, [FORM_MI] = mov_mi32 },
    { [FORM_RR] = mov_rr8, [FORM_RI] = mov_ri8, [FORM_RM] = mov_rm8, [FORM_MR] = mov_mr8, [FORM_MI] = mov_mi8 },
};

/* MOVZX, MOVSX: `from` is the size of the source. */
ALWAYS_INLINE enum step extend(struct cpu *c, const struct insn *i, bool sign, unsigned form, unsigned from, unsigned size)
{
    uint32_t v;
    enum step s = source_read(c, i, form, from, &v);
    if (s == STEP_OK) reg_set(c, i->reg, size, sign ? sign_extend(v, from) : v);
    return s;
}
enum step exec_movzx(struct cpu *c, const struct insn *i) { return extend(c, i, false, i->form, i->sub, i->size); }
enum step exec_movsx(struct cpu *c, const struct insn *i) { return extend(c, i, true, i->form, i->sub, i->size); }
/* In their tables "byte" is the size of the source; the destination has 32 bits in both columns. */
static enum step movzx_r16(struct cpu *c, const struct insn *i) { return extend(c, i, false, FORM_GE, 2, 4); }
static enum step movzx_m16(struct cpu *c, const struct insn *i) { return extend(c, i, false, FORM_RM, 2, 4); }
static enum step movzx_r8(struct cpu *c, const struct insn *i) { return extend(c, i, false, FORM_GE, 1, 4); }
static enum step movzx_m8(struct cpu *c, const struct insn *i) { return extend(c, i, false, FORM_RM, 1, 4); }
static enum step movsx_r16(struct cpu *c, const struct insn *i) { return extend(c, i, true, FORM_GE, 2, 4); }
static enum step movsx_m16(struct cpu *c, const struct insn *i) { return extend(c, i, true, FORM_RM, 2, 4); }
static enum step movsx_r8(struct cpu *c, const struct insn *i) { return extend(c, i, true, FORM_GE, 1, 4); }
static enum step movsx_m8(struct cpu *c, const struct insn *i) { return extend(c, i, true, FORM_RM, 1, 4); }
const struct exec_forms exec_forms_movzx = {
    { [FORM_GE] = movzx_r16, [FORM_RM] = movzx_m16 }, { [FORM_GE] = movzx_r8, [FORM_RM] = movzx_m8 } };
const struct exec_forms exec_forms_movsx = {
    { [FORM_GE] = movsx_r16, [FORM_RM] = movsx_m16 }, { [FORM_GE] = movsx_r8, [FORM_RM] = movsx_m8 } };

enum step exec_lea(struct cpu *c, const struct insn *i)
{
    reg_set(c, i->reg, i->size, ea(c, i));
    return STEP_OK;
}
static enum step lea32(struct cpu *c, const struct insn *i)
{
    c->reg[i->reg] = ea32(c, i);
    return STEP_OK;
}
const struct exec_forms exec_forms_lea = { { [FORM_RM] = lea32 }, { NULL } };

enum step exec_xchg(struct cpu *c, const struct insn *i)
{
    struct place p;
    uint32_t a, b = reg_get(c, i->reg, i->size);
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    if (s != STEP_OK || (s = dest_write(c, i, i->form, i->size, &p, b)) != STEP_OK) return s;
    reg_set(c, i->reg, i->size, a);
    return STEP_OK;
}

/* With both operands the same register the sum is what stays, so it is written last. */
enum step exec_xadd(struct cpu *c, const struct insn *i)
{
    struct place p;
    uint32_t a, b = reg_get(c, i->reg, i->size);
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    if (s != STEP_OK) return s;
    if (dest_is_memory(i->form) && (s = place_write(c, &p, i->size, a + b)) != STEP_OK) return s;
    reg_set(c, i->reg, i->size, a);
    if (!dest_is_memory(i->form)) reg_set(c, i->rm, i->size, a + b);
    flags_add(c, a, b, a + b, i->size);
    return STEP_OK;
}

enum step exec_cmpxchg(struct cpu *c, const struct insn *i)
{
    struct place p;
    uint32_t acc = reg_get(c, EAX, i->size), old;
    enum step s = dest_read(c, i, i->form, i->size, &p, &old);
    if (s != STEP_OK) return s;
    bool equal = acc == old;
    if ((s = dest_write(c, i, i->form, i->size, &p, equal ? reg_get(c, i->reg, i->size) : old)) != STEP_OK) return s;
    if (!equal) reg_set(c, EAX, i->size, old);
    flags_sub(c, acc, old, acc - old, i->size);
    return STEP_OK;
}

enum step exec_cmpxchg8b(struct cpu *c, const struct insn *i)
{
    uint32_t at = ea(c, i), up = at + 4, low, high; /* one operand: it does not wrap in its middle */
    enum step s;
    if ((s = mem_probe_write(c, i->seg, at, 4)) != STEP_OK || (s = mem_probe_write(c, i->seg, up, 4)) != STEP_OK ||
        (s = mem_aligned(c, i->seg, at, 8)) != STEP_OK ||
        (s = mem_read(c, i->seg, at, 4, &low)) != STEP_OK || (s = mem_read(c, i->seg, up, 4, &high)) != STEP_OK)
        return s;
    bool equal = low == c->reg[EAX] && high == c->reg[EDX];
    if ((s = mem_write(c, i->seg, at, 4, equal ? c->reg[EBX] : low)) != STEP_OK ||
        (s = mem_write(c, i->seg, up, 4, equal ? c->reg[ECX] : high)) != STEP_OK)
        return s;
    if (!equal) c->reg[EAX] = low, c->reg[EDX] = high;
    flags_change(c, FLAG_ZF, equal ? FLAG_ZF : 0);
    return STEP_OK;
}

/* Of a 16-bit register the result is undefined; P6 leaves zero. */
enum step exec_bswap(struct cpu *c, const struct insn *i)
{
    reg_set(c, i->rm, i->size, i->size == 4 ? __builtin_bswap32(c->reg[i->rm]) : 0);
    return STEP_OK;
}

enum step exec_cmovcc(struct cpu *c, const struct insn *i)
{
    uint32_t v;
    enum step s = source_read(c, i, i->form, i->size, &v);
    if (s == STEP_OK && flag_condition(c, i->sub)) reg_set(c, i->reg, i->size, v);
    return s;
}

enum step exec_setcc(struct cpu *c, const struct insn *i)
{
    uint32_t v = flag_condition(c, i->sub);
    if (i->form == FORM_M) return mem_write(c, i->seg, ea(c, i), 1, v);
    reg_set(c, i->rm, 1, v);
    return STEP_OK;
}

enum step exec_xlat(struct cpu *c, const struct insn *i)
{
    uint32_t v, at = c->reg[EBX] + (c->reg[EAX] & 0xFF);
    if (i->flags & INSN_ADDR16) at &= 0xFFFF;
    enum step s = mem_read(c, i->seg, at, 1, &v);
    if (s == STEP_OK) reg_set(c, EAX, 1, v);
    return s;
}

/* CBW (size 2) and CWDE (size 4). */
enum step exec_cbw(struct cpu *c, const struct insn *i)
{
    reg_set(c, EAX, i->size, sign_extend(c->reg[EAX], i->size / 2u));
    return STEP_OK;
}

/* CWD (size 2) and CDQ (size 4). */
enum step exec_cwd(struct cpu *c, const struct insn *i)
{
    reg_set(c, EDX, i->size, sign_extend(c->reg[EAX], i->size) >> 31 ? UINT32_MAX : 0);
    return STEP_OK;
}

enum step exec_lahf(struct cpu *c, const struct insn *i)
{
    (void)i;
    reg_set(c, 4 /* AH */, 1, (flags_get(c) & 0xFF) | FLAG_ONE);
    return STEP_OK;
}

enum step exec_sahf(struct cpu *c, const struct insn *i)
{
    (void)i;
    flags_change(c, FLAGS_ARITH & 0xFF, c->reg[EAX] >> 8);
    return STEP_OK;
}

enum step exec_salc(struct cpu *c, const struct insn *i)
{
    (void)i;
    reg_set(c, EAX, 1, flag_cf(c) ? 0xFF : 0);
    return STEP_OK;
}

enum step exec_nop(struct cpu *c, const struct insn *i)
{
    (void)c, (void)i;
    return STEP_OK;
}

enum step exec_ud2(struct cpu *c, const struct insn *i) { (void)i; return cpu_raise(c, VEC_UD); }
enum step exec_undefined(struct cpu *c, const struct insn *i) { (void)i; return cpu_raise(c, VEC_UD); }
enum step exec_too_long(struct cpu *c, const struct insn *i) { (void)i; return cpu_raise_code(c, VEC_GP, 0); }
