/* Formats: 80, 64 and 32-bit reals, integers, packed decimals. See fpu_soft.h.
 *
 * SDM vol. 1 4.2 (formats), 8.2 (encodings, unsupported ones), 4.8.3.5 (NaNs), table 8-10 (masked responses). */
#include "sim/cpu/fpu_soft.h"

#include <string.h>

static struct num normal(bool sign, int32_t exp, uint64_t m, bool denormal)
{
    unsigned n = (unsigned)__builtin_clzll(m);
    return (struct num){ NUM_NORMAL, sign, denormal, exp - (int32_t)n, m << n };
}

struct num num_reg(struct fpu_reg r)
{
    bool sign = r.sign_exp >> 15;
    int32_t exp = r.sign_exp & 0x7FFF;
    uint64_t m = r.mantissa, integer = (uint64_t)1 << 63;
    if (!exp) return m ? normal(sign, 1 - SOFT_BIAS, m, true) : (struct num){ .cls = NUM_ZERO, .sign = sign };
    if (!(m & integer)) return (struct num){ .cls = NUM_BAD, .sign = sign, .mantissa = m };
    if (exp < SOFT_MAX) return (struct num){ NUM_NORMAL, sign, false, exp - SOFT_BIAS, m };
    uint8_t cls = m == integer ? NUM_INF : m & integer >> 1 ? NUM_QNAN : NUM_SNAN;
    return (struct num){ cls, sign, false, 0, m };
}

/* The shorter formats have an implied integer bit. `fraction` is aligned below bit 63. */
static struct num from_short(bool sign, int32_t exp, int32_t max, int32_t bias, uint64_t fraction)
{
    uint64_t integer = (uint64_t)1 << 63;
    if (exp == max)
        return (struct num){ !fraction ? NUM_INF : fraction & integer >> 1 ? NUM_QNAN : NUM_SNAN, sign, false, 0,
                             integer | fraction };
    if (exp) return (struct num){ NUM_NORMAL, sign, false, exp - bias, integer | fraction };
    return fraction ? normal(sign, 1 - bias, fraction, true) : (struct num){ .cls = NUM_ZERO, .sign = sign };
}

struct num num_f32(uint32_t v) { return from_short(v >> 31, v >> 23 & 0xFF, 0xFF, 127, (uint64_t)v << 41 >> 1); }
struct num num_f64(uint64_t v) { return from_short(v >> 63, v >> 52 & 0x7FF, 0x7FF, 1023, v << 12 >> 1); }

struct num num_int(int64_t v)
{
    if (!v) return (struct num){ .cls = NUM_ZERO };
    return normal(v < 0, 63, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, false);
}

struct num num_bcd(const uint8_t b[10])
{
    uint64_t v = 0;
    for (unsigned k = 9; k-- > 0; ) v = v * 100 + (b[k] >> 4) * 10u + (b[k] & 15u);
    bool sign = b[9] >> 7;
    return v ? normal(sign, 63, v, false) : (struct num){ .cls = NUM_ZERO, .sign = sign };
}

struct fpu_reg soft_load(struct soft *s, struct num a)
{
    struct fpu_reg r;
    if (soft_special(s, &a, NULL, &r)) return r;
    if (a.denormal) s->raised |= FPU_DE;
    if (a.cls == NUM_ZERO) return soft_zero(a.sign);
    return a.cls == NUM_INF ? soft_inf(a.sign) : soft_pack(a.sign, a.exp, a.mantissa);
}

/* ---- to shorter reals ---- */

struct format { unsigned bits, fraction; int32_t bias, max; };
static const struct format single = { 32, 23, 127, 255 }, two_words = { 64, 52, 1023, 2047 };

static uint64_t assemble(const struct format *f, bool sign, int32_t exp, uint64_t fraction)
{
    return (uint64_t)sign << (f->bits - 1) | (uint64_t)exp << f->fraction | (fraction & (((uint64_t)1 << f->fraction) - 1));
}

/* Rounds m (aligned to bit 127) to fraction + 1 bits; the sum may carry into one more. */
static uint64_t cut(const struct soft *s, const struct format *f, bool sign, fpu_u128 m, bool *inexact, bool *up)
{
    unsigned drop = 127 - f->fraction, rc = s->control >> 10 & 3;
    fpu_u128 rest = m & (((fpu_u128)1 << drop) - 1), half = (fpu_u128)1 << (drop - 1);
    uint64_t kept = (uint64_t)(m >> drop);
    *inexact = rest != 0;
    *up = rc == FPU_RC_NEAREST ? rest > half || (rest == half && (kept & 1))
        : rc == FPU_RC_DOWN ? sign && rest : rc == FPU_RC_UP ? !sign && rest : false;
    return kept + *up;
}

static uint64_t overflow(struct soft *s, const struct format *f, bool sign)
{
    unsigned rc = s->control >> 10 & 3;
    bool inf = rc == FPU_RC_NEAREST || rc == (sign ? FPU_RC_DOWN : FPU_RC_UP);
    s->raised |= FPU_OE | FPU_PE;
    s->up = inf;
    return inf ? assemble(f, sign, f->max, 0) : assemble(f, sign, f->max - 1, ~(uint64_t)0);
}

static uint64_t shorten(struct soft *s, const struct format *f, struct num a)
{
    bool inexact, up;
    fpu_u128 m = (fpu_u128)a.mantissa << 64;
    uint64_t kept = cut(s, f, a.sign, m, &inexact, &up);
    int32_t exp = a.exp + f->bias + (int32_t)(kept >> (f->fraction + 1));
    if (exp >= f->max) {
        if (s->control & FPU_OE) return overflow(s, f, a.sign);
        s->raised |= FPU_OE;
        return 0;
    }
    if (exp < 1) {
        if (!(s->control & FPU_UE)) {
            s->raised |= FPU_UE;
            return 0;
        }
        kept = cut(s, f, a.sign, soft_shift_sticky(m, (uint32_t)(1 - (a.exp + f->bias))), &inexact, &up);
        if (inexact) s->raised |= FPU_UE;
        exp = (int32_t)(kept >> f->fraction & 1);
    } else if (kept >> (f->fraction + 1)) kept >>= 1;
    if (inexact) s->raised |= FPU_PE;
    s->up = up;
    return assemble(f, a.sign, exp, kept);
}

static uint64_t to_short(struct soft *s, const struct format *f, struct num a)
{
    struct fpu_reg r;
    if (soft_special(s, &a, NULL, &r)) return assemble(f, r.sign_exp >> 15, f->max, r.mantissa >> (63 - f->fraction));
    if (a.cls == NUM_INF) return assemble(f, a.sign, f->max, 0);
    if (a.cls == NUM_ZERO) return assemble(f, a.sign, 0, 0);
    return shorten(s, f, a); /* storing asks nobody about denormals */
}

uint32_t soft_to_f32(struct soft *s, struct num a) { return (uint32_t)to_short(s, &single, a); }
uint64_t soft_to_f64(struct soft *s, struct num a) { return to_short(s, &two_words, a); }

/* ---- to integers ---- */

/* The rounded magnitude; false if it has more than 64 bits. */
static bool whole(struct soft *s, struct num a, uint64_t *v)
{
    struct soft t = { s->control, 0, false };
    struct num n = a;
    *v = 0;
    if (a.cls == NUM_ZERO) return true;
    if (a.cls != NUM_NORMAL || a.exp > 63) return false;
    t.control |= FPU_DE; /* storing an integer asks nobody about denormals */
    n = num_reg(soft_rint(&t, n));
    s->raised |= t.raised & FPU_PE;
    s->up = t.up;
    if (n.cls == NUM_NORMAL && n.exp > 63) return false;
    if (n.cls == NUM_NORMAL) *v = n.mantissa >> (63 - n.exp);
    return true;
}

int64_t soft_to_int(struct soft *s, struct num a, unsigned bits)
{
    uint64_t v, most = (uint64_t)1 << (bits - 1);
    if (whole(s, a, &v) && v <= most - !a.sign) return a.sign ? (int64_t)(0 - v) : (int64_t)v;
    s->raised = FPU_IE;
    s->up = false;
    return (int64_t)(0 - most);
}

void soft_to_bcd(struct soft *s, struct num a, uint8_t b[10])
{
    static const uint8_t indefinite[10] = { 0, 0, 0, 0, 0, 0, 0, 0xC0, 0xFF, 0xFF };
    uint64_t v;
    if (!whole(s, a, &v) || v > 999999999999999999u) {
        s->raised = FPU_IE;
        s->up = false;
        memcpy(b, indefinite, 10);
        return;
    }
    for (unsigned k = 0; k < 9; k++, v /= 100) b[k] = (uint8_t)((v / 10 % 10) << 4 | v % 10);
    b[9] = a.sign ? 0x80 : 0;
}
