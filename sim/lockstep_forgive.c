/* Going on in step after a difference. See lockstep.h. */
#include <string.h>
#include "sim/lockstep.h"

/* The bytes from a difference on, as far as they were looked at together. */
static void copy_memory(struct lockstep *l, unsigned k, uint32_t at)
{
    uint8_t bytes[256];
    uint32_t n = 4096 - (at & 4095);
    if (n > sizeof bytes) n = sizeof bytes;
    if (machine_peek_guest(l->m[0], gva(at), bytes, n)) machine_poke(l->m[k], gva(at), bytes, n);
}

static void copy_registers(struct lockstep *l, unsigned k)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu c;
    struct machine_fpu fpu;
    machine_guest(l->m[0], &c);
    for (unsigned r = 0; r < 8; r++) machine_set_reg(l->m[k], names[r], c.reg[r]);
    machine_set_reg(l->m[k], "eflags", c.eflags);
    machine_fpu(l->m[0], &fpu);
    machine_set_fpu(l->m[k], &fpu);
}

static bool alike(const struct lockstep *l, unsigned k)
{
    struct guest_view a, b;
    guest_view(l->m[0], &a);
    guest_view(l->m[k], &b);
    for (unsigned i = 0; i < a.n; i++)
        if (a.at[i].value != b.at[i].value) return false;
    return true;
}

bool lockstep_forgive(struct lockstep *l)
{
    bool registers[LOCKSTEP_MACHINES] = { false };
    if (l->end != LOCKSTEP_PARTED) return false;
    for (unsigned i = 0; i < l->differences; i++) {
        const struct lockstep_difference *d = &l->difference[i];
        if (!strcmp(d->what, "memory")) copy_memory(l, d->machine, d->at);
        else if (!strncmp(d->what, "unmapped", 8) || !strcmp(d->what, "end") || !strcmp(d->what, "EIP")) return false;
        else registers[d->machine] = true;
    }
    for (unsigned k = 1; k < l->n; k++) {
        if (registers[k]) copy_registers(l, k);
        if (!alike(l, k)) return false;
    }
    l->end = LOCKSTEP_RUNNING;
    l->differences = 0;
    l->silent = 0;
    l->before = false;
    l->forgiven++;
    return true;
}
