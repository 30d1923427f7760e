/* Shifts and rotates: SHL SHR SAR, ROL ROR RCL RCR, SHLD SHRD.
 *
 * Idea 1: the count is masked to 5 bits first; zero changes nothing, not even flags (though a memory operand is still read
 * and checked for writing).
 * Idea 2: each operation is a function from (value, count) to (value, CF, OF), computed in 64 bits so that counts up to 31
 * need no special cases for bytes and words.
 *
 * SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD. OF for counts above 1, AF, and double shifts of words by more
 * than 16 are undefined in the manual; they come out here as P6 leaves them. */
#include "sim/cpu/alu.h"
#include "sim/cpu/exec.h"

/* Rotates without CF, and through it as a number of bits+1 bits. `count` is 1..31. */
static struct shifted rotate(enum shift op, uint32_t a, unsigned count, unsigned size)
{
    unsigned bits = 8 * size;
    bool left = op == SHIFT_ROL;
    unsigned n = count % bits;
    struct shifted r = { a, false, false };
    if (n) r.value = (left ? a << n | a >> (bits - n) : a >> n | a << (bits - n)) & size_mask(size);
    r.cf = left ? r.value & 1 : top(r.value, size);
    r.of = left ? top(r.value, size) != r.cf : top(r.value, size) != top(r.value << 1, size);
    return r;
}

static struct shifted rotate_carry(enum shift op, uint32_t a, bool cf, unsigned n, unsigned size)
{
    unsigned bits = 8 * size;
    uint64_t mask = ((uint64_t)1 << (bits + 1)) - 1, wide = (uint64_t)cf << bits | a;
    bool left = op == SHIFT_RCL;
    wide = (left ? wide << n | wide >> (bits + 1 - n) : wide >> n | wide << (bits + 1 - n)) & mask;
    struct shifted r = { (uint32_t)wide & size_mask(size), wide >> bits & 1, false };
    r.of = left ? top(r.value, size) != r.cf : top(r.value, size) != top(r.value << 1, size);
    return r;
}

/* CL if the form has a second register, else the immediate. */
ALWAYS_INLINE unsigned count_of(const struct cpu *c, const struct insn *i, unsigned form)
{
    return (form == FORM_RR || form == FORM_MR ? c->reg[ECX] : i->imm) & 31;
}

ALWAYS_INLINE enum step exec_shift(struct cpu *c, const struct insn *i, enum shift op, unsigned form, unsigned size)
{
    struct place p;
    uint32_t a;
    unsigned count = count_of(c, i, form);
    enum step s = dest_read(c, i, form, size, &p, &a);
    if (s != STEP_OK || !count) return s;
    struct shifted r = shift(op, a, count, size);
    if ((s = dest_write(c, i, form, size, &p, r.value)) != STEP_OK) return s;
    flags_result(c, r.value, size, r.cf, r.of);
    return STEP_OK;
}

#define SHIFT(op, OP) \
    static enum step op##_ri32(struct cpu *c, const struct insn *i) { return exec_shift(c, i, OP, FORM_RI, 4); } \
    static enum step op##_rr32(struct cpu *c, const struct insn *i) { return exec_shift(c, i, OP, FORM_RR, 4); } \
    enum step exec_##op(struct cpu *c, const struct insn *i) { return exec_shift(c, i, OP, i->form, i->size); } \
    const struct exec_forms exec_forms_##op = { { [FORM_RI] = op##_ri32, [FORM_RR] = op##_rr32 }, { NULL } };
SHIFT(shl, SHIFT_SHL)
SHIFT(shr, SHIFT_SHR)
SHIFT(sar, SHIFT_SAR)

static enum step exec_rotate(struct cpu *c, const struct insn *i, enum shift op)
{
    struct place p;
    uint32_t a;
    unsigned count = count_of(c, i, i->form);
    bool through = op == SHIFT_RCL || op == SHIFT_RCR;
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    if (through) count %= 8u * i->size + 1;
    if (s != STEP_OK || !count) return s;
    struct shifted r = through ? rotate_carry(op, a, flag_cf(c), count, i->size) : rotate(op, a, count, i->size);
    if ((s = dest_write(c, i, i->form, i->size, &p, r.value)) != STEP_OK) return s;
    flags_carry_overflow(c, r.cf, r.of);
    return STEP_OK;
}
enum step exec_rol(struct cpu *c, const struct insn *i) { return exec_rotate(c, i, SHIFT_ROL); }
enum step exec_ror(struct cpu *c, const struct insn *i) { return exec_rotate(c, i, SHIFT_ROR); }
enum step exec_rcl(struct cpu *c, const struct insn *i) { return exec_rotate(c, i, SHIFT_RCL); }
enum step exec_rcr(struct cpu *c, const struct insn *i) { return exec_rotate(c, i, SHIFT_RCR); }

/* Double shifts see destination, source, destination in a row: for words by more than 16 P6 goes on into the third. */
static struct shifted shift_double(bool left, uint32_t a, uint32_t b, unsigned n, unsigned size)
{
    struct shifted r;
    if (size == 4) {
        uint64_t wide = left ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
        r.value = (uint32_t)(left ? wide >> (32 - n) : wide >> n);
        r.cf = left ? wide >> (64 - n) & 1 : wide >> (n - 1) & 1;
    } else {
        uint64_t wide = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
        r.value = (uint32_t)(left ? wide >> (32 - n) : wide >> n) & 0xFFFF;
        r.cf = left ? wide >> (48 - n) & 1 : wide >> (n - 1) & 1;
    }
    r.of = top(r.value, size) != (left ? r.cf : top(r.value << 1, size));
    return r;
}

/* sub = 1: the count is CL. */
static enum step exec_double(struct cpu *c, const struct insn *i, bool left)
{
    struct place p;
    uint32_t a, b = reg_get(c, i->reg, i->size);
    unsigned count = (i->sub ? c->reg[ECX] : i->imm) & 31;
    enum step s = dest_read(c, i, i->form, i->size, &p, &a);
    if (s != STEP_OK || !count) return s;
    struct shifted r = shift_double(left, a, b, count, i->size);
    if ((s = dest_write(c, i, i->form, i->size, &p, r.value)) != STEP_OK) return s;
    flags_result(c, r.value, i->size, r.cf, r.of);
    return STEP_OK;
}
enum step exec_shld(struct cpu *c, const struct insn *i) { return exec_double(c, i, true); }
enum step exec_shrd(struct cpu *c, const struct insn *i) { return exec_double(c, i, false); }
