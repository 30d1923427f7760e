/* Somebody else answers exits: a student, in a laboratory.
 *
 * Idea: hardware, tables, devices and delivery stay ours; what an instruction that trapped shall mean is asked of a policy. What it
 * does, it does through the calls below, to the virtual CPU, and each of them is charged in cycles. So a wrong answer is a wrong
 * machine, and nothing else: whatever a policy says, the guest can only harm itself.
 *
 * For guests of trap-and-emulate CLI, STI, HLT, IN, OUT, CLTS, MOV to and from CR are handed over; what remains ours: descriptor tables,
 * far transfers, IRET, INS and OUTS, INVLPG, page faults. For guests of hardware assist with shadows that are a TLB in memory page faults are
 * handed over (sim/mmu/shadow_taught.c), and loads of CR3 and stores to traced pages told of; INVLPG drops an entry by itself. */
#ifndef VMM_POLICY_H
#define VMM_POLICY_H

#include "sim/core/policy.h"
#include "sim/vmm/vcpu.h"

/* Asks the policy, if there is one and it wants this. False: it is ours. */
bool policy_takes_trap(struct vcpu *v);
/* A page fault while the guest has paging on; `a` and `f` as a strategy's fault() gives them. */
bool policy_takes_fault(struct vcpu *v, const struct vmexit *x, enum mmu_answer *a, struct fault *f);
/* The guest loads CR3 (before its tables are chosen); it has; it stored to guest-physical `at`. */
void policy_loads_cr3(struct vcpu *v, uint32_t value);
void policy_loaded_cr3(struct vcpu *v);
void policy_stored(struct vcpu *v, uint32_t at, unsigned size);

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

/* --- the same for page faults */
bool     policy_table(struct vcpu *v, uint32_t at, uint32_t *entry);     /* false: no RAM there */
bool     policy_mark(struct vcpu *v, uint32_t at, uint32_t bits);        /* sets A, D in an entry; false: no table of the guest's */
bool     policy_p2m(struct vcpu *v, uint32_t page, uint32_t *frame);     /* false: no RAM there */
bool     policy_emulate(struct vcpu *v, uint32_t va, bool write);        /* false: an entry would do */
int      policy_map(struct vcpu *v, uint32_t va, uint32_t frame, bool write, bool user); /* enum shadow_put */
void     policy_unmap(struct vcpu *v, uint32_t va, int space);           /* -1: the one in use */
void     policy_space(struct vcpu *v, uint8_t space);
void     policy_flush(struct vcpu *v);
bool     policy_trace(struct vcpu *v, uint32_t page, bool on);           /* false: no RAM there */

#endif
