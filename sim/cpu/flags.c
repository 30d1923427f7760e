/* See flags.h. */
#include "sim/cpu/flags.h"

uint32_t flags_get(const struct cpu *c)
{
    return (flag_cf(c) ? (uint32_t)FLAG_CF : 0) | (flag_pf(c) ? (uint32_t)FLAG_PF : 0) | (flag_af(c) ? (uint32_t)FLAG_AF : 0) |
           (flag_zf(c) ? (uint32_t)FLAG_ZF : 0) | (flag_sf(c) ? (uint32_t)FLAG_SF : 0) | (flag_of(c) ? (uint32_t)FLAG_OF : 0);
}

void flags_set(struct cpu *c, uint32_t six)
{
    bool cf = six & FLAG_CF, of = six & FLAG_OF;
    c->res = six & FLAG_ZF ? 0 : 1; /* 0 has even parity, 1 odd; neither has a sign */
    bool even = six & FLAG_ZF;
    c->aux = (uint32_t)cf << 31 | (uint32_t)(cf != of) << 30 | (six & FLAG_AF ? AUX_AF : 0) | (six & FLAG_SF ? AUX_SIGN : 0) |
             (even != !!(six & FLAG_PF) ? 0x100u : 0);
}

void flags_change(struct cpu *c, uint32_t which, uint32_t value)
{
    flags_set(c, (flags_get(c) & ~which) | (value & which));
}
