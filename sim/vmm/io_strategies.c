/* The ways of I/O, in teaching order; a new one is a file and a line here. */
#include "sim/vmm/io_strategy.h"

#include <stddef.h>
#include <string.h>
#include "sim/vmm/strategy.h"

static bool fits_any(const struct io_machine *m, struct err *e)
{
    (void)m, (void)e;
    return true;
}

static const struct io_strategy strategy_passthrough = {
    .name = "passthrough",
    .about = "the guest programs the real device; an IOMMU holds its DMA, its interrupts are forwarded; exclusive",
    .lacks = "ports, DMA and interrupts of the real devices are not handed out yet",
    .exclusive = true,
    .migrates = false,
    .fits = fits_any,
};

static const struct io_strategy strategy_hypervisor_direct = {
    .name = "hypervisor-direct",
    .about = "the hypervisor's own drivers serve the guest's devices",
    .exclusive = false,
    .migrates = true,
    .fits = fits_any,
};

static const struct io_strategy strategy_split = {
    .name = "split",
    .about = "a front end in the guest, a shared ring, a back end in the service VM, which owns the real driver",
    .lacks = "there is no service VM yet",
    .exclusive = false,
    .migrates = true,
    .fits = fits_any,
};

const struct io_strategy *const io_strategies[] = { &strategy_passthrough, &strategy_hypervisor_direct, &strategy_split, NULL };

const struct io_strategy *io_strategy_find(const char *name)
{
    for (const struct io_strategy *const *s = io_strategies; *s; s++)
        if (!strcmp((*s)->name, name)) return *s;
    return NULL;
}

bool io_strategy_check(const char *name, const struct io_machine *m, struct err *e)
{
    const struct io_strategy *s = io_strategy_find(name);
    if (!s) return err_set(e, EXIT_USAGE, "--io %s: no such way", name);
    if (s->lacks)
        return err_set(e, EXIT_USAGE, "--io %s: planned, not in version 0.1: %s; try --io hypervisor-direct", name, s->lacks);
    return !m->cpu->hypervisor || s->fits(m, e); /* on a bare machine the guest programs everything, whatever it is called */
}
