/* Machines in step: the same guest on two or more, instruction by instruction, until it could see a difference.
 *
 * Idea 1: the unit is one guest instruction, wherever it is carried out: by the processor, by a hypervisor's emulator, in a
 * translation cache. What the hypervisor does in between is not the guest's, and is run over.
 * Idea 2: Popek and Goldberg's equivalence leaves two things free, timing and the amount of resources, and only these are
 * made equal: an interrupt that one machine takes is brought to the same instruction on the other by letting time pass
 * there (machine_stall), and a value read from a clock, a device or CPUID is copied from the first to the others, as is RF in the
 * frame of an interrupt between the iterations of a string instruction. All are counted. Everything else that differs is the difference.
 * Idea 3: the first machine is what the others are held against; of more than two, the others are never held against each other.
 *
 * Compared: registers, flags, control and table registers, x87; the memory an instruction's operands name, before and
 * after it. Not compared: memory that changes without being named (page tables' accessed bits, DMA) until it is read. */
#ifndef SIM_LOCKSTEP_H
#define SIM_LOCKSTEP_H

#include "sim/guest_view.h"
#include "sim/machine.h"

enum lockstep_end {
    LOCKSTEP_RUNNING,
    LOCKSTEP_ENDED,    /* both guests came to the same end */
    LOCKSTEP_PARTED,   /* the guest can see a difference: `what` ... */
    LOCKSTEP_LIMIT,    /* `limit` instructions were compared */
    LOCKSTEP_LOST,     /* the two could not be kept in step any longer: `why` */
    LOCKSTEP_STOPPED   /* from outside: guard.h */
};

enum { LOCKSTEP_DIFFERENCES = 12, LOCKSTEP_MACHINES = 5 };
struct lockstep_difference {
    uint8_t  machine;        /* which one differs from the first: 1 is the second */
    char     what[16];       /* "IF", "EAX", "memory" */
    uint32_t at;             /* of memory: its linear address */
    uint32_t wanted, got;    /* on the first machine, on that one */
};

struct lockstep {
    unsigned n;              /* machines */
    struct machine *m[LOCKSTEP_MACHINES];
    uint64_t steps;          /* guest instructions compared so far */
    uint64_t interrupts, inputs, platform; /* made equal: interrupts; values of ports, clocks, devices; of CPUID and the like */
    uint64_t forgiven;       /* differences of which lockstep_forgive made an end */
    uint8_t  end;            /* enum lockstep_end */
    uint32_t eip;            /* linear address of the instruction after which they differ (or before, see `before`) */
    bool     before;         /* they differ in what the instruction was about to read */
    char     insn[96];       /* its text */
    uint32_t silent;         /* a SILENT event at this step, or 0; of machine `silent_on` */
    uint8_t  silent_on;
    const char *why;
    unsigned differences;
    struct lockstep_difference difference[LOCKSTEP_DIFFERENCES];
};

/* Takes both machines, which stand at the beginning (and stay the caller's). They lose their history. */
void lockstep_init(struct lockstep *l, struct machine *first, struct machine *second);
/* One machine more, before the first step. False: there is no room. */
bool lockstep_add(struct lockstep *l, struct machine *m);
/* One guest instruction on all. True while they are in step. */
bool lockstep_step(struct lockstep *l);
/* They have parted: makes the other machines' guests what the first one's is, where they differ, so that they can go on in step; what they
 * would have done by themselves is not seen then. False: it cannot be (they execute different instructions, or it has ended). */
bool lockstep_forgive(struct lockstep *l);
/* Until they part, end, or `limit` instructions have been compared. */
void lockstep_run(struct lockstep *l, uint64_t limit);

#endif
