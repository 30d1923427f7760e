/* Performance counters of the Pentium 4: 18 of 40 bits, each with a control register (CCCR) that picks an event
 * selector (ESCR).
 *
 * Idea: a counter is a stored value and a moment. While it runs it is worth what its source has advanced since; whatever
 * changes a control or a counter first settles all of them. So counting costs nothing.
 * Counted: INSTR_RETIRED (IQ counters, CRU_ESCR), GLOBAL_POWER_EVENTS (BPU counters, FSB_ESCR), and any event with the
 * comparison that always holds (compare, complement, threshold 15), which is how kernels count cycles. SDM vol. 3B 18.15
 * and 19 (P4 tables). Not modelled: every other event counts nothing; rings (OS and USR count as one), overflow interrupts,
 * cascades, tagging, PEBS. */
#ifndef CPU_PERF_H
#define CPU_PERF_H

#include "sim/cpu/cpu.h"

enum { PERF_COUNTERS = 18 };

void     perf_reset(struct cpu *c);                                /* all stand still at 0 */
uint64_t perf_read(const struct cpu *c, unsigned n);               /* counter n now */
void     perf_write(struct cpu *c, unsigned index, uint64_t value); /* a counter, CCCR or ESCR: an index of struct cpu.msr */

#endif
