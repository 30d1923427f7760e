/* What happens inside one instruction, with its cycles: fetch, decode, check, translate, execute, fault, gate, exit, the hypervisor's
 * visit.
 *
 * Idea: the machine makes one step and goes back; what the clock, the TLBs and the trace say of it is told in the order in which a
 * processor does it. So the parts are not a second model of costs: they are a reading of the only one, and add up to the step.
 * Not here: the order of things inside the hypervisor's C, which is told by cause. */
#ifndef SIM_MICRO_H
#define SIM_MICRO_H

#include "sim/machine.h"

enum { MICRO_STEPS = 32 };
struct micro_step {
    char     kind[12];       /* "fetch", "decode", ... */
    char     what[80];
    char     why[160];       /* why this many cycles */
    uint64_t cycles;
    bool     stop;           /* here the instruction failed */
};
struct micro {
    unsigned n;
    struct micro_step step[MICRO_STEPS];
    uint64_t cycles, moment; /* of the whole step; when it begins */
};

/* The next step of the machine, which stands where it stood afterwards. False: it has ended, or cannot go back. */
bool micro_read(struct machine *m, struct micro *out);
/* The first `shown` of them as lines of at most 66 columns, the last marked and explained; all of them and the sum if `shown` > n. */
void micro_text(const struct micro *x, unsigned shown, struct text *out);

/* Why so many: each part that took time, with its rows and their sources. */
void micro_why(const struct micro *x, struct text *out);

#endif
