/* Who programs the real devices for a guest: one complete const struct per way, in an explicit array (io_strategies.c).
 *
 * A VM's virtual board has the same device types as the real one; a way of I/O says what stands behind those of them that have
 * something behind: disks and network cards. What a combination is refused for is asked here, in words for people.
 * TOUR vmm.13: who programs the real devices. */
#ifndef VMM_IO_STRATEGY_H
#define VMM_IO_STRATEGY_H

#include <stdbool.h>
#include "sim/core/err.h"

struct cpu_strategy;
struct devices_wiring;
struct disk;
struct vm;
struct vm_plan;

/* What the machine is to be, as far as a way of I/O cares. */
struct io_machine {
    const struct cpu_strategy *cpu; /* the technique of the guest in question */
    unsigned vms, disks;
    bool     nic, virtio; /* a network card; one of them is virtio */
};

struct io_strategy {
    const char *name, *about;
    bool exclusive;         /* a device belongs to one VM */
    bool service;           /* the first VM is the service domain: it owns the real drives, and serves the others */
    bool migrates;          /* a VM can go to another machine: nothing of a real device's state is in it */
    bool real_disks;        /* the real board has the disks; else they are the hypervisor's files */
    /* Can it serve this machine? If not, the reason is in `e`. */
    bool (*fits)(const struct io_machine *m, struct err *e);
    /* Once, while the VM is made. What its virtual board is wired to: `w` comes without disks, `list` has room for what its drives
     * are to show. Then, when the board is there, whatever of its ports are not the virtual devices'. */
    void (*wire)(struct vm *vm, const struct vm_plan *plan, struct devices_wiring *w, struct disk *list);
    bool (*attach)(struct vm *vm, struct err *e);
    /* Once, before the VM's first instruction: the hypervisor owns the processor and the real devices. */
    void (*start)(struct vm *vm);
    /* A real device interrupted. False: it is none of this VM's. The 8259 pair is the caller's affair. */
    bool (*interrupt)(struct vm *vm, unsigned irq);
    /* Before the VM goes on: what its real devices did without interrupting. */
    void (*follow)(struct vm *vm);
    /* The VM's firmware runs again: its devices are as after power-on. */
    void (*reset)(struct vm *vm);
};
extern const struct io_strategy *const io_strategies[]; /* null-terminated, in teaching order */
extern const struct io_strategy io_passthrough, io_direct;
const struct io_strategy *io_strategy_find(const char *name); /* NULL if there is none */
/* May that way be chosen for that machine? Else EXIT_USAGE, and the reason. */
bool io_strategy_check(const char *name, const struct io_machine *m, struct err *e);

#endif
