/* The arithmetic of two-operand instructions and shifts, as pure functions: exec_*.c and the fast ops (op.h) share them.
 *
 * Called with constants for operation and size, each shrinks to the instruction it describes. SDM vol. 2 under each
 * mnemonic. AF after logic operations is undefined in the manual and 0 on P6. */
#ifndef CPU_ALU_H
#define CPU_ALU_H

#include "sim/cpu/flags.h"
#include "sim/cpu/operand.h"

enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };

ALWAYS_INLINE bool alu_only_reads(enum alu op) { return op == ALU_CMP || op == ALU_TEST; }

ALWAYS_INLINE uint32_t alu_compute(enum alu op, uint32_t a, uint32_t b, bool cf)
{
    switch (op) {
    case ALU_ADD: return a + b;
    case ALU_ADC: return a + b + cf;
    case ALU_SUB: case ALU_CMP: return a - b;
    case ALU_SBB: return a - b - cf;
    case ALU_OR: return a | b;
    case ALU_XOR: return a ^ b;
    default: return a & b;
    }
}

/* The word `aux` that the operation leaves. */
ALWAYS_INLINE uint32_t alu_aux(enum alu op, uint32_t a, uint32_t b, uint32_t r, unsigned size)
{
    if (op == ALU_ADD || op == ALU_ADC) return aux_add(a, b, r, size);
    if (op == ALU_SUB || op == ALU_CMP || op == ALU_SBB) return aux_sub(a, b, r, size);
    return 0;
}

/* Both at once, in fewer steps: without a carry coming in, the carries into the bits of a sum or difference are where it is
 * not a ^ b, and one bit more than the size shows the carry out. */
struct alu_result { uint32_t r, aux; };
ALWAYS_INLINE struct alu_result alu_result(enum alu op, uint32_t a, uint32_t b, bool cf, unsigned size)
{
    struct alu_result x = { alu_compute(op, a, b, cf), 0 };
    if (op != ALU_ADD && op != ALU_SUB && op != ALU_CMP) {
        x.aux = alu_aux(op, a, b, x.r, size);
    } else if (size < 4) {
        uint32_t in = a ^ b ^ x.r;
        x.aux = (in << (31 - 8 * size) & (AUX_CF | AUX_OF)) | (in >> 1 & AUX_AF);
    } else {
        uint64_t wide = op == ALU_ADD ? (uint64_t)a + b : (uint64_t)a - b;
        __asm__("" : "+r"(wide)); /* once, not in 32 bits, too */
        x = (struct alu_result){ (uint32_t)wide, (uint32_t)((a ^ b ^ wide) >> 1) & (AUX_CF | AUX_OF | AUX_AF) };
    }
    return x;
}

/* ---- shifts ---- */

enum shift { SHIFT_SHL, SHIFT_SHR, SHIFT_SAR, SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR };

struct shifted { uint32_t value; bool cf, of; };

ALWAYS_INLINE bool top(uint32_t v, unsigned size) { return v >> (8 * size - 1) & 1; }

/* `count` is 1..31; `a` is zero-extended. */
ALWAYS_INLINE struct shifted shift(enum shift op, uint32_t a, unsigned count, unsigned size)
{
    unsigned bits = 8 * size;
    struct shifted r = { 0, false, false };
    if (op == SHIFT_SHL) {
        uint64_t wide = (uint64_t)a << count;
        r.value = (uint32_t)wide & size_mask(size);
        r.cf = wide >> bits & 1;
        r.of = top(r.value, size) != r.cf;
    } else if (op == SHIFT_SHR) {
        r.value = a >> count;
        r.cf = a >> (count - 1) & 1;
        r.of = top(r.value << 1, size); /* for a count of 1: the old top bit */
    } else {
        int32_t s = (int32_t)sign_extend(a, size);
        r.value = (uint32_t)(s >> count) & size_mask(size);
        r.cf = s >> (count - 1) & 1;
    }
    return r;
}

#endif
