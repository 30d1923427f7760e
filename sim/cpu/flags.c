/* See flags.h. */
#include "sim/cpu/flags.h"

uint32_t flags_get(const struct cpu *c) { return lazy_flags(c->res, c->aux); }

void flags_set(struct cpu *c, uint32_t six)
{
    c->res = lazy_res(six);
    c->aux = lazy_aux(six);
}

void flags_change(struct cpu *c, uint32_t which, uint32_t value)
{
    flags_set(c, (flags_get(c) & ~which) | (value & which));
}
