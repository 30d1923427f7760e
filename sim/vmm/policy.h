/* Somebody else answers exits: a student, in a laboratory.
 *
 * Idea: hardware, tables, devices and delivery stay ours; what an instruction that trapped shall mean is asked of a policy. What it
 * does, it does through the calls below, to the virtual CPU, and each of them is charged in cycles. So a wrong answer is a wrong
 * machine, and nothing else: whatever a policy says, the guest can only harm itself.
 *
 * For guests of trap-and-emulate. Handed over are CLI, STI, HLT, IN, OUT, CLTS, MOV to and from CR, and page faults; what remains ours:
 * descriptor tables, far transfers, IRET, INS and OUTS, INVLPG. */
#ifndef VMM_POLICY_H
#define VMM_POLICY_H

#include "sim/core/policy.h"
#include "sim/vmm/vcpu.h"

/* Asks the policy, if there is one and it wants this. False: it is ours. */
bool policy_takes_trap(struct vcpu *v);
bool policy_takes_fault(struct vcpu *v, const struct vmexit *x);

/* --- what a policy may do, while it is asked; each call is charged ------------------------------------------------ */
void     policy_charge(struct vcpu *v, enum policy_call c);
void     policy_skip(struct vcpu *v, const struct policy_trap *t);      /* the instruction is done */
void     policy_set_if(struct vcpu *v, bool on);
bool     policy_set_cr(struct vcpu *v, unsigned n, uint32_t value);     /* false: that value, or register, cannot be */
uint32_t policy_cr(struct vcpu *v, unsigned n);
uint32_t policy_in(struct vcpu *v, uint16_t port, unsigned size);
void     policy_out(struct vcpu *v, uint16_t port, unsigned size, uint32_t value);
void     policy_halt(struct vcpu *v);
void     policy_inject(struct vcpu *v, uint8_t vector, bool has_code, uint32_t code, uint32_t addr);
bool     policy_read(struct vcpu *v, uint32_t va, unsigned size, uint32_t *value); /* the guest's memory, by its own tables */

#endif
