/* Emulating guest instructions, and delivering vectors through the guest's own IDT.
 *
 * The virtual CPU executes the very bytes at the guest's EIP with the semantics of the ring the guest believes in. What
 * it stores, and what it does to its system registers, is then carried over to the shadow structures. SDM vol. 2;
 * SDM 3A 6.12.
 * TOUR vmm.7: an instruction that trapped is executed by the virtual CPU. */
#ifndef VMM_EMULATE_H
#define VMM_EMULATE_H

#include "sim/vmm/vcpu.h"

/* Executes one instruction of the guest on v->virt. A fault it raises is delivered to the guest. Emits EMULATE (and PORT).
 * False: it faulted. */
bool emulate_one(struct vcpu *v);
/* The same, unless a breakpoint of the guest stops it first: for instructions that the real CPU did not come to. */
void emulate_next(struct vcpu *v);
/* The guest's fault or interrupt, through the guest's IDT. Emits INJECT; ends the VM on a triple fault. */
void emulate_fault(struct vcpu *v, struct fault f);
/* The same for one that the real CPU raised: the RF in its frame is the real fault's, not the guest's. */
void emulate_reflect(struct vcpu *v, struct fault f);
void emulate_interrupt(struct vcpu *v);                  /* from the virtual PIC; only if the guest can take one */
void emulate_nmi(struct vcpu *v);                        /* likewise; blocks others until v->virt executes an IRET */
/* INT n that reached the hypervisor's gate; virt.eip is behind it. False: the guest's own gate refused it, which is told with the
 * EIP that `at` finds: how many prefixes there were is not known. */
bool emulate_soft_int(struct vcpu *v, uint8_t vector, uint32_t (*at)(struct vcpu *v));
/* An event (VMX_EVENT_*) whose delivery hardware could not do, with its error code and its instruction's length. */
void emulate_event(struct vcpu *v, uint32_t event, uint32_t code, uint32_t length);
/* Instructions of `length` bytes of which hardware has told everything, so that nothing is fetched or decoded. */
void emulate_port(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length); /* IN, OUT */
void emulate_cr3(struct vcpu *v, unsigned reg, bool to, uint32_t length);                  /* MOV to or from CR3 */
void emulate_invlpg(struct vcpu *v, gva_t at, uint32_t length);
void emulate_halt(struct vcpu *v, uint32_t length);
void emulate_cpuid(struct vcpu *v, uint32_t length);
/* Parts of an instruction that somebody else takes together (policy.h): it is done, with its event; a control register written, with
 * what follows from that (false: that value cannot be); a device asked or told, with its event. */
void emulate_skip(struct vcpu *v, uint16_t id, uint32_t length);
bool emulate_set_cr(struct vcpu *v, unsigned n, uint32_t value);
uint32_t emulate_device(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t value);
/* The guest died at this instruction, and hardware has not told of what: its fault, found by trying it. Changes no memory. */
struct fault emulate_last_words(struct vcpu *v);
/* Does the guest's instruction need more of its CPU than general and segment registers, or cannot be fetched? Charges DECODE. */
bool emulate_is_system(const struct insn *i);
/* The guest's instruction at its EIP, decoded without effects; false if it cannot be fetched. Charges DECODE. */
bool emulate_decode(struct vcpu *v, struct insn *i);
/* The virtual CPU's RESET, or INIT (`all` false), and what that means for the tables behind it. */
void emulate_reset(struct vcpu *v, bool all);
/* The real registers that follow virtual ones get the values that virt wants: counters, alignment checks, breakpoints. */
void emulate_follow_all(struct vcpu *v);
/* Tells shadow tables about what virt stored since the last call, and empties the log. */
void emulate_publish(struct vcpu *v);
/* The same for `size` bytes at guest-physical `at` that somebody else stored (a person, a device); they lie in one page. */
void emulate_stored(struct vcpu *v, uint32_t at, unsigned size);

#endif
