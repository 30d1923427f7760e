/* How a guest's instructions are executed: one complete const struct per technique, in an explicit array. */
#ifndef VMM_STRATEGY_H
#define VMM_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/vmm/exit.h"

struct vcpu;

enum next { NEXT_RESUME /* virt is what the guest shall be; go on */, NEXT_STOP /* the VM ended */ };

struct cpu_strategy {
    const char *name, *about;
    bool    hypervisor;                 /* false: the guest owns the machine */
    uint8_t kernel_ring;                /* ring the guest kernel really runs in */
    const char *mmu;                    /* the MMU strategy it uses unless told otherwise */
    bool      (*attach)(struct vcpu *v, struct err *e);
    enum next (*handle)(struct vcpu *v, const struct vmexit *x);
};
extern const struct cpu_strategy *const cpu_strategies[]; /* null-terminated, in teaching order */
const struct cpu_strategy *cpu_strategy_find(const char *name); /* NULL if there is none */

#endif
