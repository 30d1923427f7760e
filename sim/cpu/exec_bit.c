/* Bits: BT BTS BTR BTC, BSF BSR.
 *
 * With a register index and a memory operand the operand is a bit string: the index is signed, and its high part moves the
 * address. An immediate index stays within the operand. SDM vol. 2, BT, BSF; vol. 2 3.1.1.9 (BitBase, BitOffset). */
#include "sim/cpu/exec.h"
#include "sim/cpu/operand.h"

enum bit { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* Address of the operand-sized unit that holds the bit. */
static uint32_t unit_address(const struct cpu *c, const struct insn *i, uint32_t index)
{
    uint32_t at = ea32(c, i);
    if (i->form == FORM_MR) {
        int32_t units = (int32_t)sign_extend(index, i->size) >> (i->size == 4 ? 5 : 4);
        at += (uint32_t)units * i->size;
    }
    return i->flags & INSN_ADDR16 ? at & 0xFFFF : at;
}

static enum step exec_bits(struct cpu *c, const struct insn *i, enum bit op)
{
    struct place p = { .host = NULL };
    uint32_t index, v;
    enum step s;
    bool memory = dest_is_memory(i->form);
    (void)source_read(c, i, i->form, i->size, &index); /* a register or an immediate: cannot fail */
    if (!memory) v = reg_get(c, i->rm, i->size);
    else if (op == BIT_TEST) {
        if ((s = mem_read(c, i->seg, unit_address(c, i, index), i->size, &v)) != STEP_OK) return s;
    } else if ((s = place_find(c, i->seg, unit_address(c, i, index), i->size, &p)) != STEP_OK ||
               (s = place_read(c, &p, i->size, &v)) != STEP_OK)
        return s;
    uint32_t bit = 1u << (index & (8u * i->size - 1));
    uint32_t r = op == BIT_SET ? v | bit : op == BIT_RESET ? v & ~bit : v ^ bit;
    if (op != BIT_TEST && (s = dest_write(c, i, i->form, i->size, &p, r)) != STEP_OK) return s;
    flags_carry(c, v & bit);
    return STEP_OK;
}
enum step exec_bt(struct cpu *c, const struct insn *i) { return exec_bits(c, i, BIT_TEST); }
enum step exec_bts(struct cpu *c, const struct insn *i) { return exec_bits(c, i, BIT_SET); }
enum step exec_btr(struct cpu *c, const struct insn *i) { return exec_bits(c, i, BIT_RESET); }
enum step exec_btc(struct cpu *c, const struct insn *i) { return exec_bits(c, i, BIT_COMPLEMENT); }

/* All flags but ZF are undefined; they are left alone. */
static enum step scan(struct cpu *c, const struct insn *i, bool forward)
{
    uint32_t v;
    enum step s = source_read(c, i, i->form, i->size, &v);
    if (s != STEP_OK) return s;
    if (v) reg_set(c, i->reg, i->size, (uint32_t)(forward ? __builtin_ctz(v) : 31 - __builtin_clz(v)));
    flags_change(c, FLAG_ZF, v ? 0 : FLAG_ZF);
    return STEP_OK;
}
enum step exec_bsf(struct cpu *c, const struct insn *i) { return scan(c, i, true); }
enum step exec_bsr(struct cpu *c, const struct insn *i) { return scan(c, i, false); }
