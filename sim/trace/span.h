/* Who ran when: a history as stretches of time, each of user code, the guest's kernel, the hypervisor, or nobody.
 *
 * Idea: episodes say where the hypervisor is; between them the ring at the end of a stretch (that of the fault, gate or return that
 * ends it) is the ring in it. Nothing is stored: whoever draws or exports walks the history once.
 * Not here: SYSENTER and SYSEXIT leave no event, so what lies between two of them is user code. */
#ifndef TRACE_SPAN_H
#define TRACE_SPAN_H

#include <stdint.h>
#include "sim/trace/trace.h"

enum span_lane { SPAN_USER, SPAN_KERNEL, SPAN_VMM, SPAN_IDLE, SPAN_LANES };
struct span {
    uint64_t from, to;             /* cycles; from < to */
    uint8_t  lane;                 /* enum span_lane */
    uint8_t  vm;                   /* whose: of the hypervisor, for whom it worked */
    const struct episode *episode; /* SPAN_VMM: the visit; SPAN_IDLE behind one: the visit that ended in it; else NULL */
};
const char *span_lane_name(unsigned lane); /* "user", ... */

/* Calls `fn` for each stretch, in order, without gaps, neighbours of one lane joined (but one stretch for each episode), from
 * the first event to cycle `end`. A stretch that was forgotten is a gap. `kernel_ring`: the real ring of the guest's kernel, if
 * there is a hypervisor in ring 0. */
typedef void span_fn(void *self, const struct span *s);
void span_walk(const struct trace *t, uint8_t kernel_ring, uint64_t end, span_fn *fn, void *self);

#endif
