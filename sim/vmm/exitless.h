/* Interrupts of passed-through devices without exits: --io passthrough --set io.exitless=1.
 *
 * Idea 1: the guest may take real interrupts by itself, by its own IDT, if all that can come are its own devices' and come at the vectors
 * that it chose. So the hypervisor gives the real 8259 pair the guest's vectors, masks everything else, and takes its own time from
 * the VMX preemption timer, which needs no interrupt. HLT need not leave either.
 * Idea 2: the end of such an interrupt is the guest's, too: the command ports of the real pair are open. While the guest has a virtual
 * interrupt (of its virtual timer), that is not so: then real interrupts leave, and so do the command ports (what ELI calls
 * injection mode); an EOI of an interrupt that the virtual pair knows nothing of is repeated on the real one.
 * Idea 3: who may write an EOI to an 8259 may write anything to it. What a guest can break so are interrupts of its own devices; the
 * processor comes back by the preemption timer whatever it does.
 * Gordon et al., ELI: bare-metal performance for I/O virtualization (ASPLOS 2012), which shadows the IDT and opens the EOI register of a
 * local APIC; SDM 3C 25.5.1 (preemption timer). Not here: keyboard and serial input (their lines are masked), guests that program the pair
 * anew while they run so, automatic EOI. */
#ifndef VMM_EXITLESS_H
#define VMM_EXITLESS_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/bus.h"

struct vcpu;
struct vm;
struct vmm;

struct exitless {
    struct device device; /* stands at the command ports of the virtual pair, for accesses that leave */
    struct vm *vm;
    bool     on;          /* it was asked for, and the hypervisor owns the devices */
    bool     direct;      /* the guest is about to run with real interrupts its own, or did when it left */
    uint64_t entries, ends; /* for people: VM entries of that kind; EOIs that were repeated on the real pair */
};

/* Once, when the VM's devices were opened to it. */
void exitless_start(struct vm *vm);
/* Before each VM entry: how is it to run? Programs the real pair as that needs. */
bool exitless_entry(struct vcpu *v);
/* Of that entry's VMCS: counts for the preemption timer until the hypervisor has to look. */
uint32_t exitless_timer(const struct vcpu *v);
/* Is the preemption timer the hypervisor's clock? */
bool exitless_on(const struct vmm *h);

#endif
