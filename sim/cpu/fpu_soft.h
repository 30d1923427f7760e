/* Arithmetic on 80-bit extended reals in integers: no host floating point, so that results are the same on every host.
 *
 * Idea 1: operands are unpacked into struct num (class, sign, exponent, normalised mantissa), whatever format they had;
 * results leave through one door, soft_round, which does precision, rounding, overflow and underflow.
 * Idea 2: exact results are computed with 128 bits, the lowest of which is "sticky": it says that something non-zero was
 * cut off. Rounding needs no more.
 *
 * Host `long double` was not used: it exists in this format on x86 only, its exceptions cannot be unmasked portably, and
 * compilers disagree about it. SDM vol. 1 4.8, 8.5; IEEE 754-1985. */
#ifndef CPU_FPU_SOFT_H
#define CPU_FPU_SOFT_H

#include <stddef.h>
#include "sim/cpu/fpu.h"

__extension__ typedef unsigned __int128 fpu_u128;

enum num_class { NUM_ZERO, NUM_NORMAL, NUM_INF, NUM_QNAN, NUM_SNAN, NUM_BAD /* unsupported encoding */ };
struct num {
    uint8_t  cls;
    bool     sign, denormal; /* it was denormal in its own format */
    int32_t  exp;            /* value = mantissa / 2^63 * 2^exp */
    uint64_t mantissa;       /* NORMAL: bit 63 set. NaN: as in the register */
};

/* A computation: control word in, exceptions and "rounded up" out. */
struct soft { uint16_t control, raised; bool up; };

enum { SOFT_BIAS = 16383, SOFT_MAX = 0x7FFF, SOFT_WRAP = 24576, SOFT_NO_QUOTIENT = 8 };

/* ---- formats (fpu_convert.c) ---- */
struct num num_reg(struct fpu_reg r);
struct num num_f32(uint32_t v);
struct num num_f64(uint64_t v);
struct num num_int(int64_t v);
struct num num_bcd(const uint8_t b[10]);
/* A real just as it is (NaNs quieted, IE for signalling ones, DE for denormals): FLD m32, m64. */
struct fpu_reg soft_load(struct soft *s, struct num a);
/* To the shorter formats. Unmasked overflow or underflow: raised, and the value must not be stored. */
uint32_t soft_to_f32(struct soft *s, struct num a);
uint64_t soft_to_f64(struct soft *s, struct num a);
/* Rounds to an integer of 16, 32 or 64 bits; IE and the integer indefinite if it does not fit. */
int64_t soft_to_int(struct soft *s, struct num a, unsigned bits);
void    soft_to_bcd(struct soft *s, struct num a, uint8_t b[10]);

/* ---- arithmetic (fpu_soft.c, fpu_rem.c) ---- */
unsigned soft_precision(const struct soft *s); /* 24, 53 or 64 by the control word */
bool     soft_stops(const struct soft *s);     /* an unmasked pre-computation exception: there will be no result */
struct fpu_reg soft_pack(bool sign, int32_t exp, uint64_t mantissa); /* in range, normalised */
struct fpu_reg soft_zero(bool sign);
struct fpu_reg soft_inf(bool sign);
struct fpu_reg soft_invalid(struct soft *s);   /* raises IE; the indefinite */
/* The rounded result of (-1)^sign * m / 2^127 * 2^exp; bit 127 of m is set, bit 0 is sticky. */
struct fpu_reg soft_round(struct soft *s, bool sign, int32_t exp, fpu_u128 m, unsigned precision);
/* NaNs and unsupported operands: true, and *r is the result. Else notes denormal operands. */
bool soft_special(struct soft *s, const struct num *a, const struct num *b, struct fpu_reg *r);

/* The results, rounded as the control word says; what they raise is noted in `s`. Operands may be anything that a register
 * holds. rint: to an integer; scale: a * 2^by, `by` cut to an integer. */
struct fpu_reg soft_add(struct soft *s, struct num a, struct num b);
struct fpu_reg soft_sub(struct soft *s, struct num a, struct num b);
struct fpu_reg soft_mul(struct soft *s, struct num a, struct num b);
struct fpu_reg soft_div(struct soft *s, struct num a, struct num b);
struct fpu_reg soft_sqrt(struct soft *s, struct num a);
struct fpu_reg soft_rint(struct soft *s, struct num a);
struct fpu_reg soft_scale(struct soft *s, struct num a, struct num by);
/* `quotient`: its low three bits, or SOFT_NO_QUOTIENT (NaNs, invalid). *partial: not complete yet. nearest: FPREM1. */
struct fpu_reg soft_rem(struct soft *s, struct num a, struct num b, bool nearest, unsigned *quotient, bool *partial);
/* Condition codes: 0 (a > b), C0 (a < b), C3 (equal), all three (unordered). Quiet: only signalling NaNs raise IE. */
unsigned soft_compare(struct soft *s, struct num a, struct num b, bool quiet);

fpu_u128 soft_shift_sticky(fpu_u128 m, uint32_t n); /* to the right by n bits, keeping what was lost in bit 0 */
unsigned soft_clz(fpu_u128 m);                      /* m != 0 */

/* ---- transcendental (fpu_series.c, fpu_trans.c) ---- */
struct fpu_reg soft_2xm1(struct soft *s, struct num x);
struct fpu_reg soft_yl2x(struct soft *s, struct num y, struct num x);
struct fpu_reg soft_yl2xp1(struct soft *s, struct num y, struct num x);
struct fpu_reg soft_atan(struct soft *s, struct num y, struct num x);
enum trig { TRIG_SIN, TRIG_COS, TRIG_TAN };
/* |x| < 2^63. */
struct fpu_reg soft_trig(struct soft *s, struct num x, enum trig what);

#endif
