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

static void none_do(struct vcpu *v) { (void)v; }
static void none_enter(struct vcpu *v, struct window_frame *f) { (void)v, (void)f; }
static bool none_pending(const struct vcpu *v)
{
    (void)v;
    return false;
}
static bool none_runnable(struct vcpu *v)
{
    (void)v;
    return true;
}

static const struct cpu_strategy strategy_native = {
    .name = "native",
    .about = "no hypervisor: the guest owns the machine; the reference",
    .hypervisor = false,
    .kernel_ring = 0,
    .mmu = "native",
    .detects = false,
    .faithful = "",
    .attach = none_attach,
    .start = none_do,
    .enter = none_enter,
    .handle = none_handle,
    .pending = none_pending,
    .interruptible = none_pending,
    .interrupt = none_do,
    .runnable = none_runnable,
    .leave = none_do,
    .away = none_do,
    .back = none_do,
};

const struct cpu_strategy *const cpu_strategies[] = {
    &strategy_native, &strategy_trap_emulate, &strategy_bintrans, &strategy_paravirt, &strategy_vtx, NULL
};

const struct cpu_strategy *cpu_strategy_find(const char *name)
{
    for (const struct cpu_strategy *const *s = cpu_strategies; *s; s++)
        if (!strcmp((*s)->name, name)) return *s;
    return NULL;
}
