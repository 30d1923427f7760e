/* Shadow descriptor tables: what the real CPU's GDTR and LDTR point at while a deprivileged guest runs.
 *
 * Idea 1: each is a copy of the guest's table with three changes: DPL 0 becomes 1 (ring compression), limits end below the
 * hypervisor's window, and not present is what the hypervisor must hear of: system descriptors, and those whose first load
 * has yet to set the accessed bit in the guest's own table.
 * Idea 2: ring-3 code segments (and conforming ones) are present only while the guest runs user code. A kernel's IRET to user code then
 * traps (#NP), and the hypervisor learns the IF it restores, which IRET in ring 1 would drop silently.
 * SDM 3A 3.4.5, 3.5.
 * Not expressible, hence not present: 32-bit expand-down segments, and segments that begin in the window. */
#ifndef VMM_DESCRIPTOR_H
#define VMM_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct descriptor { uint32_t low, high; };

/* The shadow of one guest descriptor. Pure. `user_code`: ring-3 code segments are present. */
struct descriptor descriptor_shadow(struct descriptor guest, bool user_code);
/* Is the shadow as good as the original for running with it (no change but DPL and limit)? Pure. */
bool descriptor_runnable(struct descriptor guest);

/* The highest offset in the shadow of an expand-up segment. Pure. */
uint32_t descriptor_shadow_limit(struct descriptor guest);

/* The guest's descriptor for a selector, read through the guest's own tables; false beyond the table's limit. */
bool descriptor_guest(struct vcpu *v, uint16_t selector, struct descriptor *d);
/* Makes the shadow ready to be loaded by the real CPU, and follows the guest's descriptor if its page has been mapped since the
 * table was copied. The guest's accessed bit stays: emulation has set it if the guest did load it (SYSEXIT, say, loads none). */
void descriptor_ready(struct vcpu *v, uint16_t selector);
/* Puts a shadow of our own there for one load; descriptor_rest undoes it. */
void descriptor_lend(struct vcpu *v, uint16_t selector, struct descriptor d);
/* Undoes what descriptor_ready did for the one load. */
void descriptor_rest(struct vcpu *v, uint16_t selector);

/* The guest's GDTR or LDTR changed, or where its table lies: copies it all and traces its pages. */
void descriptor_sync_gdt(struct vcpu *v);
void descriptor_sync_ldt(struct vcpu *v);
/* The guest's page tables changed: the descriptor tables may lie elsewhere now. */
void descriptor_recheck(struct vcpu *v);
/* The guest stored `size` bytes at guest-physical `at`: follows if that is in a descriptor table. */
void descriptor_wrote(struct vcpu *v, uint32_t at, unsigned size);
/* Is this guest frame one that stores to are watched for on behalf of descriptors? */
bool descriptor_depends(const struct vcpu *v, uint32_t frame);
/* Makes ring-3 and conforming code segments present or not, in both shadow tables. */
void descriptor_user_code(struct vcpu *v, bool present);

#endif
