/* See fpu_series.h. */
#include "sim/cpu/fpu_series.h"

/* ---- numbers ---- */

struct wide wide_make(bool sign, int32_t exp, fpu_u128 m)
{
    if (!m) return (struct wide){ sign, 0, 0 };
    unsigned n = soft_clz(m);
    return (struct wide){ sign, exp - (int32_t)n, m << n };
}

struct wide wide_num(struct num n)
{
    return (struct wide){ n.sign, n.exp, n.cls == NUM_NORMAL ? (fpu_u128)n.mantissa << 64 : 0 };
}

/* Upper half of the product. */
static fpu_u128 mul_high(fpu_u128 a, fpu_u128 b)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    fpu_u128 low = (fpu_u128)a0 * b0 >> 64, m1 = (fpu_u128)a1 * b0, m2 = (fpu_u128)a0 * b1;
    fpu_u128 middle = low + (uint64_t)m1 + (uint64_t)m2;
    return (fpu_u128)a1 * b1 + (m1 >> 64) + (m2 >> 64) + (middle >> 64);
}

struct wide wide_mul(struct wide a, struct wide b)
{
    if (!a.m || !b.m) return (struct wide){ a.sign != b.sign, 0, 0 };
    return wide_make(a.sign != b.sign, a.exp + b.exp + 1, mul_high(a.m, b.m));
}

struct wide wide_div(struct wide a, struct wide b)
{
    if (!a.m) return (struct wide){ a.sign != b.sign, 0, 0 };
    fpu_u128 r = a.m >> 1, d = b.m >> 1, q = 0;
    for (unsigned k = 0; k < 128; k++) {
        q <<= 1;
        if (r >= d) {
            r -= d;
            q |= 1;
        }
        r <<= 1;
    }
    return wide_make(a.sign != b.sign, a.exp - b.exp, q | (r != 0));
}

struct wide wide_add(struct wide a, struct wide b)
{
    if (!a.m) return b;
    if (!b.m) return a;
    if (a.exp < b.exp || (a.exp == b.exp && a.m < b.m)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    fpu_u128 x = a.m >> 1, y = soft_shift_sticky(b.m >> 1, (uint32_t)(a.exp - b.exp));
    return wide_make(a.sign, a.exp + 1, a.sign == b.sign ? x + y : x - y);
}

struct wide wide_sub(struct wide a, struct wide b)
{
    b.sign = !b.sign;
    return wide_add(a, b);
}

/* ---- series: fixed point with 127 fraction bits ---- */

enum { TERMS = 48 };
#define ONE ((fpu_u128)1 << 127)

/* |x| < 2 in fixed point; what lies below 2^-127 is lost, which no series here can see. */
static fpu_u128 fixed(struct wide x) { return x.exp > 0 ? x.m : soft_shift_sticky(x.m, (uint32_t)-x.exp); }
static fpu_u128 times(fpu_u128 a, fpu_u128 b) { return mul_high(a, b) << 1; }
static struct wide floating(fpu_u128 f) { return wide_make(false, 0, f); }

/* However small x is, the sum is less than 1: directed rounding of the result sees that. */
static fpu_u128 below_one(struct wide x, fpu_u128 s) { return x.m && s == ONE ? ONE - 1 : s; }

/* 1 - t/(n(n+1)) (1 - t/((n+2)(n+3)) (1 - ...)), t = x^2 */
static struct wide alternating(struct wide x, unsigned n)
{
    fpu_u128 t = fixed(wide_mul(x, x)), s = ONE;
    for (unsigned k = TERMS; k-- > 0; ) s = ONE - times(t, s) / ((fpu_u128)(n + 2 * k) * (n + 2 * k + 1));
    return floating(below_one(x, s));
}

struct wide series_sin(struct wide x) { return wide_mul(x, alternating(x, 2)); }
struct wide series_cos(struct wide x) { return alternating(x, 1); }

/* x (1 - t/3 + t^2/5 - ...); plus: without the changes of sign */
static struct wide odd_series(struct wide x, bool plus)
{
    fpu_u128 t = fixed(wide_mul(x, x)), s = 0;
    for (unsigned k = TERMS; k-- > 0; ) {
        fpu_u128 term = ONE / (2 * k + 1);
        s = plus ? term + times(t, s) : term - times(t, s);
    }
    return wide_mul(x, floating(plus ? s : below_one(x, s)));
}

struct wide series_atan(struct wide x) { return odd_series(x, false); }

struct wide series_log(struct wide z)
{
    struct wide r = odd_series(z, true);
    r.exp++;
    return r;
}

/* x (1 + x/2 (1 + x/3 (1 + ...))) */
struct wide series_expm1(struct wide x)
{
    fpu_u128 t = fixed(x), s = ONE;
    for (unsigned k = TERMS; k > 1; k--) {
        fpu_u128 step = times(t, s) / k;
        s = x.sign ? ONE - step : ONE + step;
    }
    return wide_mul(x, floating(s));
}
