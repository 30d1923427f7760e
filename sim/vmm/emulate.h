/* Emulating guest instructions, and delivering vectors through the guest's own IDT.
 *
 * The virtual CPU executes the very bytes at the guest's EIP with the semantics of the ring the guest believes in. What
 * it stores, and what it does to its system registers, is then carried over to the shadow structures. SDM vol. 2;
 * SDM 3A 6.12. TOUR vmm.5 */
#ifndef VMM_EMULATE_H
#define VMM_EMULATE_H

#include "sim/vmm/vcpu.h"

/* Executes one instruction of the guest on v->virt. A fault it raises is delivered to the guest. Emits EMULATE (and PORT). */
void emulate_one(struct vcpu *v);
/* The same, unless a breakpoint of the guest stops it first: for instructions that the real CPU did not come to. */
void emulate_next(struct vcpu *v);
/* The guest's fault or interrupt, through the guest's IDT. Emits INJECT; ends the VM on a triple fault. */
void emulate_fault(struct vcpu *v, struct fault f);
/* The same for one that the real CPU raised: the RF in its frame is the real fault's, not the guest's. */
void emulate_reflect(struct vcpu *v, struct fault f);
void emulate_interrupt(struct vcpu *v);                  /* from the virtual PIC; only if the guest can take one */
void emulate_soft_int(struct vcpu *v, uint8_t vector);   /* INT n that reached the hypervisor's gate; virt.eip is behind it */
/* The guest's instruction at its EIP, decoded without effects; false if it cannot be fetched. Charges DECODE. */
bool emulate_decode(struct vcpu *v, struct insn *i);
/* Tells shadow tables about what virt stored since the last call, and empties the log. */
void emulate_publish(struct vcpu *v);
/* The same for `size` bytes at guest-physical `at` that somebody else stored (a person, a device); they lie in one page. */
void emulate_stored(struct vcpu *v, uint32_t at, unsigned size);

#endif
