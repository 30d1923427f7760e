/* F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FPTAN on numbers. See fpu_soft.h; the series are in fpu_series.c.
 *
 * The idea: reduce the argument exactly, sum a series with 120 good bits, round once. The trigonometric argument is
 * reduced with Intel's 66-bit pi, whose error for great arguments is part of the instruction (SDM vol. 1 8.3.8), so it
 * has to be made here, too; inside that the result is correctly rounded but for one case in 2^50.
 * SDM vol. 2 tables of each instruction (zeros, infinities). Precision control does not count; rounding control does. */
#include "sim/cpu/fpu_series.h"

#define BITS(high, low) ((fpu_u128)(high) << 64 | (low))
static const struct wide ln2 = { false, -1, BITS(0xB17217F7D1CF79ABu, 0xC9E3B39803F2F6AFu) };
static const struct wide pi = { false, 1, BITS(0xC90FDAA22168C234u, 0xC4C6628B80DC1CD1u) };
static const struct wide one = { false, 0, BITS(0x8000000000000000u, 0) };

static struct fpu_reg finish(struct soft *s, struct wide w)
{
    if (!w.m) return soft_zero(w.sign);
    return soft_round(s, w.sign, w.exp, w.m | 1, 64); /* none of these is ever exact here */
}

static bool denormals(struct soft *s, const struct num *a, const struct num *b)
{
    if (a->denormal || (b && b->denormal)) s->raised |= FPU_DE;
    return soft_stops(s);
}

static bool is_one(const struct num *a) { return a->cls == NUM_NORMAL && !a->exp && a->mantissa == (uint64_t)1 << 63; }

struct fpu_reg soft_2xm1(struct soft *s, struct num x)
{
    struct fpu_reg r;
    if (soft_special(s, &x, NULL, &r)) return r;
    if (denormals(s, &x, NULL)) return fpu_indefinite;
    if (x.cls == NUM_ZERO) return soft_zero(x.sign);
    if (x.cls == NUM_INF) return x.sign ? soft_pack(true, 0, (uint64_t)1 << 63) : soft_inf(false);
    if (is_one(&x)) return soft_pack(x.sign, x.sign ? -1 : 0, (uint64_t)1 << 63);
    if (x.exp >= 0) return soft_pack(x.sign, x.exp, x.mantissa); /* out of range: undefined; ours gives it back */
    return finish(s, series_expm1(wide_mul(wide_num(x), ln2)));
}

/* log2(x) for x > 0: exponent, and the logarithm of a mantissa within [sqrt(1/2), sqrt(2)). */
static struct wide log_2(struct wide x)
{
    int32_t e = x.exp;
    x.exp = 0;
    if ((uint64_t)(x.m >> 64) >= 0xB504F333F9DE6484u) {
        x.exp = -1;
        e++;
    }
    struct wide z = wide_div(wide_sub(x, one), wide_add(x, one));
    struct wide fraction = wide_div(series_log(z), ln2);
    return wide_add(wide_num(num_int(e)), fraction);
}

struct fpu_reg soft_yl2x(struct soft *s, struct num y, struct num x)
{
    struct fpu_reg r;
    if (soft_special(s, &y, &x, &r)) return r;
    if (x.sign && x.cls != NUM_ZERO) return soft_invalid(s);
    if (x.cls == NUM_ZERO) {
        if (y.cls == NUM_ZERO) return soft_invalid(s);
        if (y.cls == NUM_INF) return soft_inf(!y.sign);
        s->raised |= FPU_ZE;
        return soft_inf(!y.sign);
    }
    bool below = x.exp < 0 && x.cls == NUM_NORMAL, unit = is_one(&x);
    if ((x.cls == NUM_INF && y.cls == NUM_ZERO) || (unit && y.cls == NUM_INF)) return soft_invalid(s);
    if (denormals(s, &y, &x)) return fpu_indefinite;
    if (x.cls == NUM_INF || y.cls == NUM_INF) return soft_inf(y.sign != below);
    if (y.cls == NUM_ZERO || unit) return soft_zero(y.sign != below);
    struct wide l = log_2(wide_num(x)), p = wide_mul(wide_num(y), l);
    if (x.mantissa == (uint64_t)1 << 63) { /* a power of two: exact, but said to be inexact */
        s->raised |= FPU_PE;
        return soft_round(s, p.sign, p.exp, p.m, 64);
    }
    return finish(s, p);
}

struct fpu_reg soft_yl2xp1(struct soft *s, struct num y, struct num x)
{
    struct fpu_reg r;
    if (soft_special(s, &y, &x, &r)) return r;
    bool sign = y.sign != x.sign;
    if ((x.cls == NUM_ZERO && y.cls == NUM_INF) || (x.cls == NUM_INF && (x.sign || y.cls == NUM_ZERO))) return soft_invalid(s);
    if (denormals(s, &y, &x)) return fpu_indefinite;
    if (x.cls == NUM_INF || y.cls == NUM_INF) return soft_inf(sign);
    if (x.cls == NUM_ZERO || y.cls == NUM_ZERO) return soft_zero(sign);
    struct wide w = wide_num(x);
    if (x.exp >= -2) { /* at least 1/4: nothing cancels in 1 + x, and it is exact */
        struct wide p1 = wide_add(w, one);
        if (p1.sign || !p1.m) return soft_pack(sign, x.exp, x.mantissa); /* x <= -1: undefined */
        return finish(s, wide_mul(wide_num(y), log_2(p1)));
    }
    struct wide two = { false, 1, one.m };
    struct wide z = wide_div(w, wide_add(w, two));
    return finish(s, wide_mul(wide_num(y), wide_div(series_log(z), ln2)));
}

/* ---- FPATAN ---- */

static struct wide halved(struct wide a, int32_t times) { return (struct wide){ a.sign, a.exp - times, a.m }; }

/* atan(a) for 0 <= a <= 1: above sqrt(2) - 1 it is pi/4 - atan((1 - a) / (1 + a)). */
static struct wide atan_unit(struct wide a)
{
    bool great = a.exp == 0 || (a.exp == -1) || (a.exp == -2 && (uint64_t)(a.m >> 64) > 0xD413CCCFE7799211u);
    if (!a.m || !great) return series_atan(a);
    return wide_sub(halved(pi, 2), series_atan(wide_div(wide_sub(one, a), wide_add(one, a))));
}

static struct wide atan_2(struct wide y, struct wide x)
{
    bool ysign = y.sign, xsign = x.sign;
    y.sign = x.sign = false;
    bool steep = y.exp > x.exp || (y.exp == x.exp && y.m > x.m);
    struct wide a = atan_unit(steep ? wide_div(x, y) : wide_div(y, x));
    if (steep) a = wide_sub(halved(pi, 1), a);
    if (xsign) a = wide_sub(pi, a);
    a.sign = ysign;
    return a;
}

struct fpu_reg soft_atan(struct soft *s, struct num y, struct num x)
{
    struct fpu_reg r;
    if (soft_special(s, &y, &x, &r)) return r;
    if (denormals(s, &y, &x)) return fpu_indefinite;
    struct wide angle;
    if (y.cls == NUM_INF) {
        angle = halved(pi, 1);
        if (x.cls == NUM_INF) angle = x.sign ? wide_sub(pi, halved(pi, 2)) : halved(pi, 2);
    } else if (y.cls == NUM_ZERO || x.cls == NUM_INF) {
        if (!x.sign) return soft_zero(y.sign);
        angle = pi;
    } else if (x.cls == NUM_ZERO) {
        angle = halved(pi, 1);
    } else {
        bool exact = !x.sign && x.mantissa == (uint64_t)1 << 63 && y.exp - x.exp < -SOFT_BIAS - 62;
        angle = atan_2(wide_num(y), wide_num(x));
        if (exact) return soft_round(s, y.sign, y.exp - x.exp, (fpu_u128)y.mantissa << 64, 64);
    }
    angle.sign = y.sign;
    return finish(s, angle);
}

/* ---- FSIN, FCOS, FPTAN ---- */

/* x - q pi/2 with |rest| <= pi/4, in units of 2^-65, where pi/2 is a whole number. */
static struct wide reduce(struct num x, unsigned *q)
{
    const fpu_u128 half_pi = BITS(3, 0x243F6A8885A308D3u);
    *q = 0;
    if (x.exp < -1) return wide_num(x);
    fpu_u128 r = 0;
    for (int k = 63; k >= -(x.exp + 2); k--) { /* digit by digit of mantissa * 2^(exp + 2) */
        r = r << 1 | (k >= 0 ? x.mantissa >> k & 1 : 0);
        *q <<= 1;
        if (r >= half_pi) {
            r -= half_pi;
            *q |= 1;
        }
    }
    bool over = r << 1 > half_pi;
    if (over) {
        r = half_pi - r;
        ++*q;
    }
    return wide_make(x.sign != over, 127 - 65, r);
}

struct fpu_reg soft_trig(struct soft *s, struct num x, enum trig what)
{
    struct fpu_reg r;
    if (soft_special(s, &x, NULL, &r)) return r;
    if (x.cls == NUM_INF) return soft_invalid(s);
    if (denormals(s, &x, NULL)) return fpu_indefinite;
    if (x.cls == NUM_ZERO) return what == TRIG_COS ? soft_pack(false, 0, (uint64_t)1 << 63) : soft_zero(x.sign);
    unsigned q;
    struct wide rest = reduce(x, &q), sine = series_sin(rest), cosine = series_cos(rest);
    if (what == TRIG_TAN) {
        struct wide t = q & 1 ? wide_div(cosine, sine) : wide_div(sine, cosine);
        if (q & 1) t.sign = !t.sign;
        return finish(s, t);
    }
    if (x.sign) q = 0u - q; /* the quotient was of |x| */
    if (what == TRIG_COS) q++;
    struct wide v = q & 1 ? cosine : sine;
    if (q & 2) v.sign = !v.sign;
    return finish(s, v);
}
