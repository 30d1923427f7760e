/* Segment registers between the guest's view and the real CPU: what they hold, and how it gets back in.
 *
 * Idea 1: outside the hypervisor every selector was loaded from the shadow tables, which follow the guest's, so the guest's own
 * descriptor is what its CPU would have cached. The real hidden part need not be read, and could not be.
 * Idea 2: unless memory has changed since the load, or the register keeps what a load would refuse (SYSEXIT leaves a
 * kernel's DS in ring 3). Then the register is *held*: its hidden part is loaded through its slot of the shadow table, and the
 * slot is not present until the guest has loaded the register anew, which therefore comes to us. Bugnion et al. 2012 call
 * these cached descriptors. CS and SS, which IRET loads, are not held: until they are reloaded the guest is interpreted.
 * SDM 3A 3.4.3 (hidden part). */
#ifndef VMM_SEGMENTS_H
#define VMM_SEGMENTS_H

#include "sim/cpu/cpu.h"

struct vcpu;

struct held_segments {
    uint8_t registers;                 /* bit n: segment register n is held */
    struct seg_reg seg[SEG_COUNT];     /* what it holds */
};

/* Segment registers and CPL of a CPU that believes in its own rings, from real selectors and ring. */
void segments_copy(struct vcpu *v, struct cpu *to, const uint16_t sel[SEG_COUNT], uint8_t real_cpl);
/* Can the real CPU have virt's segment registers? */
bool segments_runnable(struct vcpu *v);
/* Can it have these data segment registers (bits by enum seg), as they are in memory or held? */
bool segments_loadable(struct vcpu *v, unsigned which);
/* Would loading this register's selector from the shadow tables give what virt has there? */
bool segments_as_in_memory(struct vcpu *v, enum seg n);
/* Loads the data segment registers of the real CPU, which is about to IRET to `ring`, as far as they are not loaded yet: those
 * in `which` (bits by enum seg); the others are somebody else's. True: a slot of the shadow tables was put to rest. */
bool segments_load(struct vcpu *v, uint8_t ring, unsigned which);
/* Must the shadow of this selector (index and table bit) not be present, because a register holds what it was? */
bool segments_held(const struct vcpu *v, uint16_t selector);

#endif
