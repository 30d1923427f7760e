/* The basic operations: rounding, add, multiply, divide, square root, compare. See fpu_soft.h.
 *
 * SDM vol. 1 table 4-7 (NaN operands), 8.5 (exceptions), 4.9.1 (what is delivered when they are unmasked). Underflow is
 * detected after rounding. */
#include "sim/cpu/fpu_soft.h"

const struct fpu_reg fpu_indefinite = { 0xC000000000000000u, 0xFFFF };

unsigned soft_clz(fpu_u128 m)
{
    uint64_t high = (uint64_t)(m >> 64);
    return high ? (unsigned)__builtin_clzll(high) : 64 + (unsigned)__builtin_clzll((uint64_t)m);
}

fpu_u128 soft_shift_sticky(fpu_u128 m, uint32_t n)
{
    if (n == 0) return m;
    if (n >= 128) return m != 0;
    return m >> n | ((m << (128 - n)) != 0);
}

unsigned soft_precision(const struct soft *s)
{
    static const uint8_t bits[4] = { 24, 64, 53, 64 }; /* 01 is reserved, and means extended */
    return bits[s->control >> 8 & 3];
}

bool soft_stops(const struct soft *s) { return s->raised & ~s->control & (FPU_IE | FPU_DE | FPU_ZE); }

struct fpu_reg soft_pack(bool sign, int32_t exp, uint64_t mantissa)
{
    return (struct fpu_reg){ mantissa, (uint16_t)((sign ? 0x8000 : 0) | (exp + SOFT_BIAS)) };
}
struct fpu_reg soft_zero(bool sign) { return (struct fpu_reg){ 0, sign ? 0x8000 : 0 }; }
struct fpu_reg soft_inf(bool sign) { return (struct fpu_reg){ (uint64_t)1 << 63, sign ? 0xFFFF : 0x7FFF }; }

struct fpu_reg soft_invalid(struct soft *s)
{
    s->raised |= FPU_IE;
    return fpu_indefinite;
}

/* ---- rounding ---- */

struct rounded { uint64_t m; bool carry, inexact, up; };

/* Keeps the upper `keep` bits; the result is aligned to bit 63. carry: it became 2^64, and m is 2^63. */
static struct rounded round_at(const struct soft *s, bool sign, fpu_u128 m, unsigned keep)
{
    unsigned drop = 128 - keep, rc = s->control >> 10 & 3;
    fpu_u128 rest = m & (((fpu_u128)1 << drop) - 1), half = (fpu_u128)1 << (drop - 1), kept = m >> drop;
    bool up = rc == FPU_RC_NEAREST ? rest > half || (rest == half && (kept & 1))
            : rc == FPU_RC_DOWN ? sign && rest : rc == FPU_RC_UP ? !sign && rest : false;
    kept += up;
    bool carry = kept >> keep & 1;
    return (struct rounded){ carry ? (uint64_t)1 << 63 : (uint64_t)(kept << (64 - keep)), carry, rest != 0, up };
}

static struct fpu_reg overflow(struct soft *s, bool sign, unsigned precision)
{
    unsigned rc = s->control >> 10 & 3;
    bool inf = rc == FPU_RC_NEAREST || rc == (sign ? FPU_RC_DOWN : FPU_RC_UP);
    s->raised |= FPU_OE | FPU_PE;
    s->up = inf;
    return inf ? soft_inf(sign) : soft_pack(sign, SOFT_MAX - 1 - SOFT_BIAS, ~(uint64_t)0 << (64 - precision));
}

/* Below the normal range, and masked: the mantissa is shifted to the least exponent and rounded there. */
static struct fpu_reg denormalise(struct soft *s, bool sign, int32_t biased, fpu_u128 m, unsigned precision)
{
    struct rounded r = round_at(s, sign, soft_shift_sticky(m, (uint32_t)(1 - biased)), precision);
    if (r.inexact) s->raised |= FPU_UE | FPU_PE;
    s->up = r.up;
    return (struct fpu_reg){ r.m, (uint16_t)((sign ? 0x8000 : 0) | (r.m >> 63)) };
}

/* FSCALE can leave even the range that unmasked responses wrap into. */
static struct fpu_reg wrapped_too_far(struct soft *s, struct fpu_reg r, bool up)
{
    s->raised |= FPU_PE;
    s->up = up;
    return r;
}

struct fpu_reg soft_round(struct soft *s, bool sign, int32_t exp, fpu_u128 m, unsigned precision)
{
    struct rounded r = round_at(s, sign, m, precision);
    int32_t biased = exp + SOFT_BIAS, after = biased + r.carry;
    if (after < 1) {
        if (s->control & FPU_UE) return denormalise(s, sign, biased, m, precision);
        s->raised |= FPU_UE;
        after += SOFT_WRAP;
        if (after < 1) return wrapped_too_far(s, soft_zero(sign), false);
    } else if (after >= SOFT_MAX) {
        if (s->control & FPU_OE) return overflow(s, sign, precision);
        s->raised |= FPU_OE;
        after -= SOFT_WRAP;
        if (after >= SOFT_MAX) return wrapped_too_far(s, soft_inf(sign), true);
    }
    if (r.inexact) s->raised |= FPU_PE;
    s->up = r.up;
    return soft_pack(sign, after - SOFT_BIAS, r.m);
}

static struct fpu_reg normalise(struct soft *s, bool sign, int32_t exp, fpu_u128 m, unsigned precision)
{
    unsigned n = soft_clz(m);
    return soft_round(s, sign, exp - (int32_t)n, m << n, precision);
}

/* ---- NaNs ---- */

static bool is_nan(const struct num *a) { return a->cls == NUM_QNAN || a->cls == NUM_SNAN; }

static struct fpu_reg quiet(const struct num *a)
{
    return (struct fpu_reg){ a->mantissa | (uint64_t)1 << 62, a->sign ? 0xFFFF : 0x7FFF };
}

/* Of two NaNs: the quiet one if the other signals, else the greater significand, else the positive one. */
static const struct num *choose(const struct num *a, const struct num *b)
{
    if (!b || !is_nan(b)) return a;
    if (!is_nan(a)) return b;
    if (a->cls != b->cls) return a->cls == NUM_QNAN ? a : b;
    if (a->mantissa != b->mantissa) return a->mantissa > b->mantissa ? a : b;
    return a->sign ? b : a;
}

bool soft_special(struct soft *s, const struct num *a, const struct num *b, struct fpu_reg *r)
{
    if (a->cls == NUM_BAD || (b && b->cls == NUM_BAD)) {
        *r = soft_invalid(s);
        return true;
    }
    if (is_nan(a) || (b && is_nan(b))) {
        if (a->cls == NUM_SNAN || (b && b->cls == NUM_SNAN)) s->raised |= FPU_IE;
        *r = quiet(choose(a, b));
        return true;
    }
    return false;
}

/* To be called when no invalid-operation is in sight: that would come first. True: nothing more is to be done. */
static bool denormals(struct soft *s, const struct num *a, const struct num *b)
{
    if (a->denormal || (b && b->denormal)) s->raised |= FPU_DE;
    return soft_stops(s);
}

static struct fpu_reg as_is(struct num a)
{
    return a.cls == NUM_ZERO ? soft_zero(a.sign) : soft_inf(a.sign);
}

/* ---- operations ---- */

static struct fpu_reg add_normal(struct soft *s, struct num a, struct num b)
{
    if (a.exp < b.exp || (a.exp == b.exp && a.mantissa < b.mantissa)) {
        struct num t = a;
        a = b;
        b = t;
    }
    fpu_u128 x = (fpu_u128)a.mantissa << 63;
    fpu_u128 y = soft_shift_sticky((fpu_u128)b.mantissa << 63, (uint32_t)(a.exp - b.exp));
    fpu_u128 sum = a.sign == b.sign ? x + y : x - y;
    if (!sum) return soft_zero((s->control >> 10 & 3) == FPU_RC_DOWN);
    return normalise(s, a.sign, a.exp + 1, sum, soft_precision(s));
}

struct fpu_reg soft_add(struct soft *s, struct num a, struct num b)
{
    struct fpu_reg r;
    if (soft_special(s, &a, &b, &r)) return r;
    if (a.cls == NUM_INF && b.cls == NUM_INF && a.sign != b.sign) return soft_invalid(s);
    if (denormals(s, &a, &b)) return fpu_indefinite;
    if (a.cls == NUM_INF) return as_is(a);
    if (b.cls == NUM_INF) return as_is(b);
    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO)
        return soft_zero(a.sign == b.sign ? a.sign : (s->control >> 10 & 3) == FPU_RC_DOWN);
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) {
        struct num n = a.cls == NUM_ZERO ? b : a;
        return soft_round(s, n.sign, n.exp, (fpu_u128)n.mantissa << 64, soft_precision(s));
    }
    return add_normal(s, a, b);
}

struct fpu_reg soft_sub(struct soft *s, struct num a, struct num b)
{
    if (!is_nan(&b)) b.sign = !b.sign;
    return soft_add(s, a, b);
}

struct fpu_reg soft_mul(struct soft *s, struct num a, struct num b)
{
    struct fpu_reg r;
    bool sign = a.sign != b.sign;
    if (soft_special(s, &a, &b, &r)) return r;
    if ((a.cls == NUM_INF && b.cls == NUM_ZERO) || (a.cls == NUM_ZERO && b.cls == NUM_INF)) return soft_invalid(s);
    if (denormals(s, &a, &b)) return fpu_indefinite;
    if (a.cls == NUM_INF || b.cls == NUM_INF) return soft_inf(sign);
    if (a.cls == NUM_ZERO || b.cls == NUM_ZERO) return soft_zero(sign);
    return normalise(s, sign, a.exp + b.exp + 1, (fpu_u128)a.mantissa * b.mantissa, soft_precision(s));
}

/* Two digits of 64 bits, and whether anything is left. */
static fpu_u128 quotient(uint64_t a, uint64_t b)
{
    fpu_u128 n = (fpu_u128)a << 63;
    uint64_t q1 = (uint64_t)(n / b);
    fpu_u128 n2 = n % b << 64;
    return (fpu_u128)q1 << 64 | (uint64_t)(n2 / b) | (n2 % b != 0);
}

struct fpu_reg soft_div(struct soft *s, struct num a, struct num b)
{
    struct fpu_reg r;
    bool sign = a.sign != b.sign;
    if (soft_special(s, &a, &b, &r)) return r;
    if (a.cls == b.cls && (a.cls == NUM_INF || a.cls == NUM_ZERO)) return soft_invalid(s);
    if (b.cls == NUM_ZERO && a.cls == NUM_NORMAL) {
        s->raised |= FPU_ZE;
        return soft_inf(sign);
    }
    if (denormals(s, &a, &b)) return fpu_indefinite;
    if (a.cls == NUM_INF) return soft_inf(sign);
    if (b.cls == NUM_INF || a.cls == NUM_ZERO) return soft_zero(sign);
    return normalise(s, sign, a.exp - b.exp, quotient(a.mantissa, b.mantissa), soft_precision(s));
}

/* floor(sqrt(n)) digit by digit; *rest gets n - root^2, which has up to 65 bits. */
static uint64_t root_of(fpu_u128 n, fpu_u128 *rest)
{
    fpu_u128 root = 0, left = 0;
    for (unsigned k = 0; k < 64; k++) {
        left = left << 2 | n >> 126;
        n <<= 2;
        root <<= 1;
        fpu_u128 try = root << 1 | 1;
        if (left >= try) {
            left -= try;
            root |= 1;
        }
    }
    *rest = left;
    return (uint64_t)root;
}

struct fpu_reg soft_sqrt(struct soft *s, struct num a)
{
    struct fpu_reg r;
    if (soft_special(s, &a, NULL, &r)) return r;
    if (a.cls == NUM_ZERO) return soft_zero(a.sign);
    if (a.sign) return soft_invalid(s);
    if (denormals(s, &a, NULL)) return fpu_indefinite;
    if (a.cls == NUM_INF) return soft_inf(false);
    bool odd = a.exp & 1;
    fpu_u128 rest;
    uint64_t root = root_of((fpu_u128)a.mantissa << (odd ? 64 : 63), &rest);
    fpu_u128 m = (fpu_u128)root << 64 | (rest > root ? (fpu_u128)1 << 63 : 0) | (rest != 0);
    return soft_round(s, false, (a.exp - odd) / 2, m, soft_precision(s));
}

static int magnitude(const struct num *a, const struct num *b)
{
    if (a->cls != b->cls) {
        static const int order[] = { [NUM_ZERO] = 0, [NUM_NORMAL] = 1, [NUM_INF] = 2 };
        return order[a->cls] < order[b->cls] ? -1 : 1;
    }
    if (a->cls != NUM_NORMAL) return 0;
    if (a->exp != b->exp) return a->exp < b->exp ? -1 : 1;
    return a->mantissa < b->mantissa ? -1 : a->mantissa > b->mantissa;
}

unsigned soft_compare(struct soft *s, struct num a, struct num b, bool quiet_nans)
{
    struct fpu_reg unused;
    if (soft_special(s, &a, &b, &unused)) {
        if (!quiet_nans) s->raised |= FPU_IE;
        return FPU_C0 | FPU_C2 | FPU_C3;
    }
    (void)denormals(s, &a, &b);
    int order = magnitude(&a, &b);
    if (a.cls == NUM_ZERO && b.cls == NUM_ZERO) return FPU_C3;
    if (a.sign != b.sign) order = 1;
    if (a.sign) order = -order;
    return order < 0 ? FPU_C0 : order ? 0 : FPU_C3;
}
