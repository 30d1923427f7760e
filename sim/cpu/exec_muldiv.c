/* Multiplication and division: MUL, IMUL with one, two and three operands, DIV, IDIV.
 *
 * The double-width value lives in AX for bytes, else in DX:AX or EDX:EAX. A quotient that does not fit is #DE like a zero
 * divisor, with nothing changed. SDM vol. 2 under each mnemonic. SF ZF AF PF after a multiplication are undefined and come
 * out by the low half, as on P6; division leaves all flags alone. */
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"

static uint64_t wide_get(const struct cpu *c, unsigned size)
{
    if (size == 1) return c->reg[EAX] & 0xFFFF;
    return (uint64_t)reg_get(c, EDX, size) << (8 * size) | reg_get(c, EAX, size);
}

static void wide_set(struct cpu *c, unsigned size, uint32_t low, uint32_t high)
{
    if (size == 1) reg_set(c, EAX, 2, (high & 0xFF) << 8 | (low & 0xFF));
    else {
        reg_set(c, EAX, size, low);
        reg_set(c, EDX, size, high);
    }
}

static int64_t as_signed(uint32_t v, unsigned size) { return (int32_t)sign_extend(v, size); }

enum step exec_mul(struct cpu *c, const struct insn *i)
{
    uint32_t b;
    enum step s = source_read(c, i, i->form, i->size, &b);
    if (s != STEP_OK) return s;
    uint64_t r = (uint64_t)reg_get(c, EAX, i->size) * b;
    uint32_t high = (uint32_t)(r >> (8 * i->size));
    wide_set(c, i->size, (uint32_t)r, high);
    flags_result(c, (uint32_t)r, i->size, high, high);
    return STEP_OK;
}

/* sub = number of operands. CF = OF = the product does not fit into the low half. */
enum step exec_imul(struct cpu *c, const struct insn *i)
{
    uint32_t b;
    enum step s = source_read(c, i, i->form, i->size, &b);
    if (s != STEP_OK) return s;
    uint32_t a = i->sub == 1 ? c->reg[EAX] : i->sub == 2 ? c->reg[i->reg] : i->imm;
    int64_t r = as_signed(a, i->size) * as_signed(b, i->size);
    bool over = r != as_signed((uint32_t)r, i->size);
    if (i->sub == 1) wide_set(c, i->size, (uint32_t)r, (uint32_t)((uint64_t)r >> (8 * i->size)));
    else reg_set(c, i->reg, i->size, (uint32_t)r);
    flags_result(c, (uint32_t)r, i->size, over, over);
    return STEP_OK;
}

enum step exec_div(struct cpu *c, const struct insn *i)
{
    uint32_t b;
    enum step s = source_read(c, i, i->form, i->size, &b);
    if (s != STEP_OK) return s;
    uint64_t a = wide_get(c, i->size);
    if (!b || a / b > size_mask(i->size)) return cpu_raise(c, VEC_DE);
    wide_set(c, i->size, (uint32_t)(a / b), (uint32_t)(a % b));
    return STEP_OK;
}

enum step exec_idiv(struct cpu *c, const struct insn *i)
{
    uint32_t divisor;
    enum step s = source_read(c, i, i->form, i->size, &divisor);
    if (s != STEP_OK) return s;
    unsigned unused = 64 - 16u * i->size; /* bits above the double-width dividend */
    int64_t a = (int64_t)(wide_get(c, i->size) << unused) >> unused, b = as_signed(divisor, i->size);
    /* The one dividend whose negation overflows 64 bits has no quotient that fits, either. */
    if (!b || a == INT64_MIN) return cpu_raise(c, VEC_DE);
    int64_t q = a / b;
    if (q != as_signed((uint32_t)q, i->size)) return cpu_raise(c, VEC_DE);
    wide_set(c, i->size, (uint32_t)q, (uint32_t)(a % b));
    return STEP_OK;
}
