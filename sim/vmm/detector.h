/* The silent-failure detector: what a sensitive instruction should have done, beside what it did.
 *
 * Before a deprivileged guest executes a sensitive instruction, the same bytes are run on the *virtual* CPU (in the ring
 * the guest believes in, on the virtual state) and taken back; afterwards the two outcomes are compared in the guest's own terms.
 * No list makes anything fail: the difference is measured. SDM vol. 2; Robin & Irvine 2000 for the classification.
 * It only looks: no cycle is charged, no state of machine or VM changes.
 * TOUR vmm.8: and what does not trap is noticed. */
#ifndef VMM_DETECTOR_H
#define VMM_DETECTOR_H

#include "sim/cpu/cpu.h"

struct vcpu;

/* What differed first; the enum type "field" of EV_SILENT. */
enum detector_field {
    FIELD_IF, FIELD_IOPL, FIELD_ZF, FIELD_FLAGS, FIELD_REGISTER, FIELD_STORED, FIELD_SELECTOR, FIELD_EIP, FIELD_FAULT,
    DETECTOR_FIELDS
};
extern const char *const detector_fields[DETECTOR_FIELDS];

struct detector {
    bool     armed;          /* `before` ran for the instruction being executed */
    uint32_t eip;            /* of the instruction */
    uint32_t masked;         /* the SILENT event by which the guest believes interrupts to be off; 0: it does not */
    enum step wanted;        /* how it ended on the virtual CPU */
    struct cpu probe;        /* the virtual CPU that tried it */
    /* What it would have stored; entries tagged 1 are accessed and dirty bits its page walks set, which the hypervisor's own
     * bookkeeping answers for: they are taken back, but not compared. They come over a bus of their own. */
    struct bus_log stores;
    struct bus walks;
};

/* The guest's virtual IF was changed by a trapped instruction: guest and hypervisor agree again. */
void detector_agreed(struct vcpu *v);

/* Prepares a vCPU's detector; its VM's bus must exist. */
void detector_init(struct vcpu *v);
/* To be installed as the real CPU's observer (self: struct vcpu *). */
struct cpu_observer detector_observer(struct vcpu *v);

#endif
