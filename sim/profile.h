/* Where the cycles went: by function of the guest and of the hypervisor, by exit, by cause. Exact, not sampled.
 *
 * Idea 1: the machine runs boundary by boundary (machine_each), and what the clock says between two of them belongs to the
 * instruction that stood between; it is all there is, so the profile adds up to the run. Off, it costs nothing.
 * Idea 2: what the hypervisor does on a visit belongs to its own stub, to the reason of the exit, and to the guest's function
 * that left: so both questions have answers, who spends and who makes others spend.
 * Going back in time counts nothing twice. Names come from the image's symbols; code without them goes by its page. */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include "sim/machine.h"
#include "sim/say.h"

struct profile;

struct profile *profile_new(struct machine *m); /* watches from now on; what was before is a row of its own */
void profile_free(struct profile *p);           /* before the machine is freed */

/* The functions that cost most, at most `rows` of the guest's and of the hypervisor's. */
void profile_text(const struct profile *p, unsigned rows, struct say *out);
/* Folded stacks, cycles as weight: kernel;FUNCTION;CAUSE and kernel;FUNCTION;exit REASON;vmm.door;CAUSE. Sorted. */
void profile_folded(const struct profile *p, struct text *out);

#endif
