/* Going on in step after a difference. See lockstep.h. */
#include <string.h>
#include "sim/lockstep.h"

/* The bytes from a difference on, as far as they were looked at together. */
static void copy_memory(struct lockstep *l, uint32_t at)
{
    uint8_t bytes[256];
    uint32_t n = 4096 - (at & 4095);
    if (n > sizeof bytes) n = sizeof bytes;
    if (machine_peek_guest(l->m[0], gva(at), bytes, n)) machine_poke(l->m[1], gva(at), bytes, n);
}

static void copy_registers(struct lockstep *l)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu c;
    struct machine_fpu fpu;
    machine_guest(l->m[0], &c);
    for (unsigned r = 0; r < 8; r++) machine_set_reg(l->m[1], names[r], c.reg[r]);
    machine_set_reg(l->m[1], "eflags", c.eflags);
    machine_fpu(l->m[0], &fpu);
    machine_set_fpu(l->m[1], &fpu);
}

static bool alike(const struct lockstep *l)
{
    struct guest_view a, b;
    guest_view(l->m[0], &a);
    guest_view(l->m[1], &b);
    for (unsigned i = 0; i < a.n; i++)
        if (a.at[i].value != b.at[i].value) return false;
    return true;
}

bool lockstep_forgive(struct lockstep *l)
{
    bool registers = false;
    if (l->end != LOCKSTEP_PARTED) return false;
    for (unsigned i = 0; i < l->differences; i++) {
        const char *what = l->difference[i].what;
        if (!strcmp(what, "memory")) copy_memory(l, l->difference[i].at);
        else if (!strncmp(what, "unmapped", 8) || !strcmp(what, "end") || !strcmp(what, "EIP")) return false;
        else registers = true;
    }
    if (registers) copy_registers(l);
    if (!alike(l)) return false;
    l->end = LOCKSTEP_RUNNING;
    l->differences = 0;
    l->silent = 0;
    l->before = false;
    l->forgiven++;
    return true;
}
