/* The ways of I/O, in teaching order; a new one is a file and a line here. */
#include "sim/vmm/io_strategy.h"

#include <stddef.h>
#include <string.h>
#include "sim/io/ide.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/strategy.h"
#include "sim/vmm/vm.h"

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

/* ---- a service VM's */

/* Front ends are written for the paravirtual interface, and each guest's disks are drives of the real controller's four. */
static bool fits_split(const struct io_machine *m, struct err *e)
{
    if (!m->cpu->aware)
        return err_set(e, EXIT_USAGE, "--io split with --cpu %s: a front end is part of a ported kernel; use --cpu pv, or --io hypervisor-direct",
                       m->cpu->name);
    if (m->vms < 2 || m->vms > 1 + IDE_DRIVES)
        return err_set(e, EXIT_USAGE, "--io split with %u VM%s: the first is the service domain, and each of the others has at least one of the "
                       "controller's %d drives; use --vms 2 to %d", m->vms, m->vms == 1 ? "" : "s", IDE_DRIVES, 1 + IDE_DRIVES);
    if (m->virtio)
        return err_set(e, EXIT_USAGE, "--io split with --set io.virtio: front ends speak to a back end over Xen's rings, not to a virtio device; leave "
                       "the setting out");
    if (!m->disks) return err_set(e, EXIT_USAGE, "--io split with 0 disks: name one, of which each guest gets its own copy, with --disk");
    if (m->disks * (m->vms - 1) > IDE_DRIVES)
        return err_set(e, EXIT_USAGE, "--io split with %u disks for each of %u guests: the real controller has %d drives, one behind each; use fewer", m->disks,
                       m->vms - 1, IDE_DRIVES);
    return true;
}

static bool split_interrupt(struct vm *vm, unsigned irq) { return pv_physical(vm->vcpu.pv, irq); }

static const struct io_strategy io_split = {
    .name = "split",
    .about = "a front end in the guest, a shared ring, a back end in the service VM, which owns the real driver",
    .exclusive = false,
    .service = true,
    .migrates = true,
    .fits = fits_split,
    .wire = wire_nothing,
    .attach = nothing_to_attach,
    .start = nothing,
    .interrupt = split_interrupt,
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
    return !m->cpu->hypervisor || s->fits(m, e); /* on a bare machine the guest programs everything, whatever it is called */
}
