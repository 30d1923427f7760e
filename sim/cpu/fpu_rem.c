/* Remainders, rounding to integers, scaling. See fpu_soft.h.
 *
 * SDM vol. 2 FPREM, FPREM1, FRNDINT, FSCALE. A partial remainder takes N = 32 + (D mod 32) bits off the exponent
 * difference D, which lies in the manual's 32..63 and is what the processors do. */
#include "sim/cpu/fpu_soft.h"

static struct fpu_reg exact(struct soft *s, bool sign, int32_t exp, uint64_t m)
{
    if (!m) return soft_zero(sign);
    unsigned n = (unsigned)__builtin_clzll(m);
    return soft_round(s, sign, exp - (int32_t)n, (fpu_u128)(m << n) << 64, 64);
}

static bool denormals(struct soft *s, const struct num *a, const struct num *b)
{
    if (a->denormal || b->denormal) s->raised |= FPU_DE;
    return soft_stops(s);
}

/* The dividend as it was: a denormal one is no underflow, masked or not. */
static struct fpu_reg unchanged(const struct soft *s, struct num a)
{
    struct soft masked = { (uint16_t)(s->control | FPU_UE), 0, false };
    return exact(&masked, a.sign, a.exp, a.mantissa);
}

/* a * 2^n mod b, and the low bits of the quotient. a < 2b. */
static uint64_t reduce(uint64_t a, uint64_t b, unsigned n, unsigned *q)
{
    fpu_u128 r = a;
    *q = 0;
    for (unsigned k = 0; ; k++) {
        *q <<= 1;
        if (r >= b) {
            r -= b;
            *q |= 1;
        }
        if (k == n) return (uint64_t)r;
        r <<= 1;
    }
}

static struct fpu_reg complete(struct soft *s, struct num a, struct num b, bool nearest, unsigned *q)
{
    int32_t d = a.exp - b.exp;
    *q = 0;
    if (d < -1 || (d < 0 && !nearest)) return exact(s, a.sign, a.exp, a.mantissa);
    fpu_u128 divisor = b.mantissa, r;
    if (d < 0) { /* a lies between b/4 and b: everything in units of half b's last place */
        divisor <<= 1;
        r = a.mantissa;
    } else r = reduce(a.mantissa, b.mantissa, (unsigned)d, q);
    bool sign = a.sign;
    if (nearest && (r << 1 > divisor || (r << 1 == divisor && (*q & 1)))) {
        r = divisor - r;
        sign = !sign;
        ++*q;
    }
    if (!r) return soft_zero(a.sign);
    return exact(s, sign, d < 0 ? b.exp - 1 : b.exp, (uint64_t)r);
}

struct fpu_reg soft_rem(struct soft *s, struct num a, struct num b, bool nearest, unsigned *quotient, bool *partial)
{
    struct fpu_reg r;
    *quotient = SOFT_NO_QUOTIENT;
    *partial = false;
    if (soft_special(s, &a, &b, &r)) return r;
    if (a.cls == NUM_INF || b.cls == NUM_ZERO) return soft_invalid(s);
    if (denormals(s, &a, &b)) return fpu_indefinite;
    *quotient = 0;
    if (a.cls == NUM_ZERO) return soft_zero(a.sign);
    if (b.cls == NUM_INF) return unchanged(s, a);
    int32_t d = a.exp - b.exp;
    if (d < 64) {
        r = complete(s, a, b, nearest, quotient);
        *quotient &= 7;
        return r;
    }
    unsigned n = ((unsigned)d & 31) | 32, unused;
    *partial = true;
    uint64_t rest = reduce(a.mantissa, b.mantissa, n, &unused);
    return exact(s, a.sign, b.exp + d - (int32_t)n, rest);
}

struct fpu_reg soft_rint(struct soft *s, struct num a)
{
    struct fpu_reg r;
    if (soft_special(s, &a, NULL, &r)) return r;
    if (a.denormal) s->raised |= FPU_DE;
    if (soft_stops(s)) return fpu_indefinite;
    if (a.cls != NUM_NORMAL) return a.cls == NUM_ZERO ? soft_zero(a.sign) : soft_inf(a.sign);
    if (a.exp >= 63) return soft_pack(a.sign, a.exp, a.mantissa);
    uint32_t shift = (uint32_t)(63 - a.exp);
    fpu_u128 m = soft_shift_sticky((fpu_u128)a.mantissa << 63, shift); /* the integer begins at bit 63 */
    uint64_t whole = (uint64_t)(m >> 63), rest = (uint64_t)m & (((uint64_t)1 << 63) - 1), half = (uint64_t)1 << 62;
    unsigned rc = s->control >> 10 & 3;
    bool up = rc == FPU_RC_NEAREST ? rest > half || (rest == half && (whole & 1))
            : rc == FPU_RC_DOWN ? a.sign && rest : rc == FPU_RC_UP ? !a.sign && rest : false;
    whole += up;
    if (rest) s->raised |= FPU_PE;
    s->up = up;
    if (!whole) return soft_zero(a.sign);
    unsigned n = (unsigned)__builtin_clzll(whole);
    return soft_pack(a.sign, 63 - (int32_t)n, whole << n);
}

struct fpu_reg soft_scale(struct soft *s, struct num a, struct num by)
{
    enum { FAR = 0x10000 }; /* beyond any two exponents' difference */
    struct fpu_reg r;
    if (soft_special(s, &a, &by, &r)) return r;
    if (by.cls == NUM_INF && ((a.cls == NUM_ZERO && !by.sign) || (a.cls == NUM_INF && by.sign))) return soft_invalid(s);
    if (denormals(s, &a, &by)) return fpu_indefinite;
    if (a.cls == NUM_INF) return soft_inf(a.sign);
    if (a.cls == NUM_ZERO) return soft_zero(a.sign);
    if (by.cls == NUM_INF) return by.sign ? soft_zero(a.sign) : soft_inf(a.sign);
    int32_t n = 0;
    if (by.cls == NUM_NORMAL && by.exp >= 0) n = by.exp > 15 ? FAR : (int32_t)(by.mantissa >> (63 - by.exp));
    return soft_round(s, a.sign, a.exp + (by.sign ? -n : n), (fpu_u128)a.mantissa << 64, 64);
}
