/* Numbers with 128-bit mantissas, and the power series computed in them: what the transcendental instructions are made of.
 *
 * Idea 1: a series is a polynomial in fixed point whose value lies near 1; the small factor before it is kept floating, so
 * that the relative error stays near 2^-120 however small the argument is.
 * Idea 2: the 64-bit result is rounded from that once. */
#ifndef CPU_FPU_SERIES_H
#define CPU_FPU_SERIES_H

#include "sim/cpu/fpu_soft.h"

struct wide { bool sign; int32_t exp; fpu_u128 m; }; /* m / 2^127 * 2^exp; bit 127 of m is set, or m is 0 */

struct wide wide_num(struct num n);          /* of a finite number; exact */
struct wide wide_make(bool sign, int32_t exp, fpu_u128 m); /* m in units of 2^(exp - 127); normalises */
struct wide wide_add(struct wide a, struct wide b);
struct wide wide_sub(struct wide a, struct wide b);
struct wide wide_mul(struct wide a, struct wide b);
struct wide wide_div(struct wide a, struct wide b);

struct wide series_sin(struct wide x);   /* |x| <= pi/4 */
struct wide series_cos(struct wide x);
struct wide series_atan(struct wide x);  /* |x| <= sqrt(2) - 1 */
struct wide series_expm1(struct wide x); /* |x| <= ln 2: e^x - 1 */
struct wide series_log(struct wide z);   /* |z| < 0.18: ln((1 + z) / (1 - z)) */

#endif
