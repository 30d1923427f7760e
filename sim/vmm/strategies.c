/* The techniques, in teaching order; a new one is a file and a line here. */
#include "sim/vmm/strategies.h"

#include <stddef.h>
#include <string.h>

static bool none_attach(struct vcpu *v, struct err *e)
{
    (void)v;
    return err_set(e, EXIT_BUG, "native has no hypervisor to attach");
}

static enum next none_handle(struct vcpu *v, const struct vmexit *x)
{
    (void)v, (void)x;
    return NEXT_STOP;
}

static const struct cpu_strategy strategy_native = {
    .name = "native",
    .about = "no hypervisor: the guest owns the machine; the reference",
    .hypervisor = false,
    .kernel_ring = 0,
    .mmu = "native",
    .attach = none_attach,
    .handle = none_handle,
};

const struct cpu_strategy *const cpu_strategies[] = { &strategy_native, &strategy_trap_emulate, NULL };

const struct cpu_strategy *cpu_strategy_find(const char *name)
{
    for (const struct cpu_strategy *const *s = cpu_strategies; *s; s++)
        if (!strcmp((*s)->name, name)) return *s;
    return NULL;
}
