/* MONITOR and MWAIT: sleeping until somebody stores to a line of memory. SDM vol. 2A (2006), vol. 3A 7.11.4 (8.10.3 later).
 *
 * MONITOR remembers a line of 64 bytes as it is; MWAIT sleeps as HLT does while it is still so. On a machine with one
 * processor those who could store to it are devices, which act at boundaries only: there the line is compared. So a store of
 * what was there already wakes nobody. Not modelled: hints, extensions (interrupts that end the sleep though IF is clear),
 * lines in device memory. */
#ifndef CPU_MONITOR_H
#define CPU_MONITOR_H

#include "sim/cpu/cpu.h"

/* Does the model have them, as CPUID tells? */
bool monitor_there(const struct cpu *c);
/* The processor sleeps in MWAIT (not in HLT). */
static inline bool monitor_sleeps(const struct cpu *c) { return c->halted && c->monitor.waits; }
/* It does, and its line was stored to: it is awake then. */
bool monitor_wakes(struct cpu *c);

#endif
