/* Which of the hypervisor's gates INT n may use. See gates.c. For techniques whose guests run on the hypervisor's IDT. */
#ifndef VMM_GATES_H
#define VMM_GATES_H

#include "sim/vmm/vcpu.h"

/* An INT n of the guest has arrived: vector 32 and up by an open gate, or as #GP with the gate's number in its code. */
void gates_soft_int(struct vcpu *v, const struct vmexit *x);
/* The guest is left to run: if it has another IDT than before, what is known of its gates is nothing. */
void gates_follow(struct vcpu *v);

#endif
