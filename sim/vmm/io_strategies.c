/* The ways of I/O, in teaching order; a new one is a file and a line here. */
#include "sim/vmm/io_strategy.h"

#include <stddef.h>
#include <string.h>
#include "sim/vmm/strategy.h"
#include "sim/vmm/vm.h"

static bool fits_any(const struct io_machine *m, struct err *e)
{
    (void)m, (void)e;
    return true;
}

static bool nothing_to_attach(struct vm *vm, struct err *e)
{
    (void)vm, (void)e;
    return true;
}

static void nothing(struct vm *vm) { (void)vm; }

static void wire_nothing(struct vm *vm, const struct vm_plan *plan, struct devices_wiring *w, struct disk *list)
{
    (void)vm, (void)plan, (void)w, (void)list;
}

static bool not_ours(struct vm *vm, unsigned irq)
{
    (void)vm, (void)irq;
    return false;
}

/* ---- a service VM's */

static const struct io_strategy io_split = {
    .name = "split",
    .about = "a front end in the guest, a shared ring, a back end in the service VM, which owns the real driver",
    .lacks = "there is no service VM yet",
    .exclusive = false,
    .migrates = true,
    .fits = fits_any,
    .wire = wire_nothing,
    .attach = nothing_to_attach,
    .start = nothing,
    .interrupt = not_ours,
    .follow = nothing,
    .reset = nothing,
};

const struct io_strategy *const io_strategies[] = { &io_passthrough, &io_direct, &io_split, NULL };

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
