/* The six arithmetic flags, computed when somebody asks.
 *
 * Idea 1: an operation leaves its result and its carries; flags are read far less often than they are made.
 *   res: the result, sign-extended to 32 bits.       ZF = (res == 0), SF = sign of res, PF = parity of its low byte.
 *   aux, as the carries out of the bits of an addition (borrows of a subtraction), moved so that sizes look alike:
 *      31   30                  15 .. 8    3    0
 *      CF   carry into the top  parity^    AF   sign^        OF = bit 31 ^ bit 30
 * Idea 2: the fields "parity^" and "sign^" are XORed over what `res` says, so that any combination of the six can be
 * represented (POPF, SAHF, BSF: ZF = 1 with SF = 1 is no result of any operation). Arithmetic leaves them 0.
 *
 * SDM vol. 1 3.4.3.1; lazy flags after the scheme Bochs made known. */
#ifndef CPU_FLAGS_H
#define CPU_FLAGS_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/cpu/cpu.h"

#define AUX_CF 0x80000000u
#define AUX_OF 0x40000000u /* carry into the top bit: OF is this XOR CF */
#define AUX_AF 0x00000008u
#define AUX_SIGN 0x00000001u

static inline uint32_t size_mask(unsigned size) { return size == 4 ? 0xFFFFFFFFu : size == 2 ? 0xFFFFu : 0xFFu; }

static inline uint32_t sign_extend(uint32_t v, unsigned size)
{
    if (size == 4) return v;
    return size == 2 ? (uint32_t)(int32_t)(int16_t)v : (uint32_t)(int32_t)(int8_t)v;
}

/* ---- asking: of the two words, wherever they are, and of a CPU ---- */
static inline bool aux_cf(uint32_t aux) { return aux >> 31; }
static inline bool aux_of_flag(uint32_t aux) { return (aux ^ aux << 1) >> 31; }
static inline bool lazy_sf(uint32_t res, uint32_t aux) { return (res >> 31) ^ (aux & AUX_SIGN); }
static inline bool lazy_pf(uint32_t res, uint32_t aux)
{
    uint32_t b = (res ^ aux >> 8) & 0xFF;
    b ^= b >> 4;
    return !(0x6996u >> (b & 15) & 1); /* 6996: the 4-bit values of odd parity */
}

/* The condition of Jcc, SETcc, CMOVcc by its number in the opcode. SDM vol. 2 app. B.1.4.7. */
static inline bool lazy_condition(uint32_t res, uint32_t aux, unsigned cc)
{
    bool r;
    switch (cc >> 1) {
    case 0: r = aux_of_flag(aux); break;
    case 1: r = aux_cf(aux); break;
    case 2: r = res == 0; break;
    case 3: r = aux_cf(aux) || res == 0; break;
    case 4: r = lazy_sf(res, aux); break;
    case 5: r = lazy_pf(res, aux); break;
    case 6: r = lazy_sf(res, aux) != aux_of_flag(aux); break;
    default: r = res == 0 || lazy_sf(res, aux) != aux_of_flag(aux); break;
    }
    return r != (cc & 1);
}

/* The six flags of the two words as EFLAGS bits; and the two words for six flags (other bits are ignored). */
static inline uint32_t lazy_flags(uint32_t res, uint32_t aux)
{
    return (aux_cf(aux) ? (uint32_t)FLAG_CF : 0) | (lazy_pf(res, aux) ? (uint32_t)FLAG_PF : 0) |
           (aux & AUX_AF ? (uint32_t)FLAG_AF : 0) | (res == 0 ? (uint32_t)FLAG_ZF : 0) |
           (lazy_sf(res, aux) ? (uint32_t)FLAG_SF : 0) | (aux_of_flag(aux) ? (uint32_t)FLAG_OF : 0);
}
static inline uint32_t lazy_res(uint32_t six) { return six & FLAG_ZF ? 0 : 1; } /* 0: even parity; 1: odd; no sign */
static inline uint32_t lazy_aux(uint32_t six)
{
    bool cf = six & FLAG_CF, of = six & FLAG_OF, even = six & FLAG_ZF;
    return (uint32_t)cf << 31 | (uint32_t)(cf != of) << 30 | (six & FLAG_AF ? AUX_AF : 0) | (six & FLAG_SF ? AUX_SIGN : 0) |
           (even != !!(six & FLAG_PF) ? 0x100u : 0);
}

static inline bool flag_cf(const struct cpu *c) { return aux_cf(c->aux); }
static inline bool flag_of(const struct cpu *c) { return aux_of_flag(c->aux); }
static inline bool flag_af(const struct cpu *c) { return c->aux & AUX_AF; }
static inline bool flag_zf(const struct cpu *c) { return c->res == 0; }
static inline bool flag_sf(const struct cpu *c) { return lazy_sf(c->res, c->aux); }
static inline bool flag_pf(const struct cpu *c) { return lazy_pf(c->res, c->aux); }
static inline bool flag_condition(const struct cpu *c, unsigned cc) { return lazy_condition(c->res, c->aux, cc); }

/* The six flags as EFLAGS bits; and setting all six (other bits of `six` are ignored). */
uint32_t flags_get(const struct cpu *c);
void     flags_set(struct cpu *c, uint32_t six);
/* Changes only the flags in `which` (FLAG_* bits) to their values in `value`. */
void     flags_change(struct cpu *c, uint32_t which, uint32_t value);

/* ---- leaving ---- */
/* Moves the carries of a size-byte operation to where aux keeps them. */
static inline uint32_t aux_of(uint32_t carries, unsigned size)
{
    return (carries & AUX_AF) | (carries << (32 - 8 * size) & (AUX_CF | AUX_OF));
}

/* Of r = a + b (+ CF): a carry leaves each bit where both were set, or one was and the sum bit is clear. */
static inline uint32_t aux_add(uint32_t a, uint32_t b, uint32_t r, unsigned size)
{
    return aux_of((a & b) | ((a | b) & ~r), size);
}
/* Of r = a - b (- CF). */
static inline uint32_t aux_sub(uint32_t a, uint32_t b, uint32_t r, unsigned size)
{
    return aux_of((~a & b) | ((~a | b) & r), size);
}
/* Another CF and OF. */
static inline uint32_t aux_change(uint32_t aux, bool cf, bool of)
{
    return (aux & ~(AUX_CF | AUX_OF)) | (uint32_t)cf << 31 | (uint32_t)(cf != of) << 30;
}

static inline void flags_add(struct cpu *c, uint32_t a, uint32_t b, uint32_t r, unsigned size)
{
    c->aux = aux_add(a, b, r, size);
    c->res = sign_extend(r, size);
}

static inline void flags_sub(struct cpu *c, uint32_t a, uint32_t b, uint32_t r, unsigned size)
{
    c->aux = aux_sub(a, b, r, size);
    c->res = sign_extend(r, size);
}

/* After AND, OR, XOR, TEST: CF = OF = 0; AF is undefined, and 0 on P6. */
static inline void flags_logic(struct cpu *c, uint32_t r, unsigned size)
{
    c->aux = 0;
    c->res = sign_extend(r, size);
}

/* Replaces CF and OF only. */
static inline void flags_carry_overflow(struct cpu *c, bool cf, bool of)
{
    c->aux = aux_change(c->aux, cf, of);
}

/* Replaces CF only; OF keeps its value, so the carry into the top bit changes along. */
static inline void flags_carry(struct cpu *c, bool cf) { flags_carry_overflow(c, cf, flag_of(c)); }

/* After a result whose CF and OF are known and whose AF is undefined (0 here): shifts, multiplications. */
static inline void flags_result(struct cpu *c, uint32_t r, unsigned size, bool cf, bool of)
{
    flags_logic(c, r, size);
    flags_carry_overflow(c, cf, of);
}

#endif
