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

/* ---- the hypervisor's own */

static void backend_time(struct vmm *h) { clock_charge(h->board.clock, CAUSE_DEVICE, h->board.model->cost[COST_BACKEND]); }

static bool backend_read(void *vm_disk, uint64_t lba, void *to)
{
    struct vm_disk *d = vm_disk;
    backend_time(d->vmm);
    return d->disk.read(d->disk.self, lba, to);
}

static bool backend_write(void *vm_disk, uint64_t lba, const void *from)
{
    struct vm_disk *d = vm_disk;
    backend_time(d->vmm);
    return d->disk.write(d->disk.self, lba, from);
}

static void direct_wire(struct vm *vm, const struct vm_plan *plan, struct devices_wiring *w, struct disk *list)
{
    w->disk = list;
    w->disks = plan->disks;
    for (unsigned i = 0; i < plan->disks; i++) {
        struct vm_disk *d = &vm->disk[i];
        *d = (struct vm_disk){ vm->vmm, plan->disk[i] };
        list[i] = (struct disk){ d->disk.sectors, backend_read, backend_write, d };
    }
}

static const struct io_strategy io_hypervisor_direct = {
    .name = "hypervisor-direct",
    .about = "the hypervisor's own drivers serve the guest's devices",
    .exclusive = false,
    .migrates = true,
    .fits = fits_any,
    .wire = direct_wire,
    .attach = nothing_to_attach,
    .start = nothing,
    .interrupt = not_ours,
    .follow = nothing,
    .reset = nothing,
};

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

const struct io_strategy *const io_strategies[] = { &io_passthrough, &io_hypervisor_direct, &io_split, NULL };

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
