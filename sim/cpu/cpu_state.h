/* A CPU as state that can leave the machine: what its manual says it holds, a row for every field (core/state.h).
 *
 * Translations, decoded code, caches and predictions are not state: another CPU begins without. Time is the machine's: the
 * CPU goes on at the same cycle, so that its time-stamp counter does. VMX is not in it: only virtual CPUs travel, and those
 * have none. */
#ifndef CPU_CPU_STATE_H
#define CPU_CPU_STATE_H

#include "sim/core/state.h"
#include "sim/cpu/cpu.h"

extern const struct state_table cpu_state;

/* Adds its fields to `out`. */
void cpu_save(const struct cpu *c, struct text *out);
/* Into a CPU that cpu_init has made; its MMU is told nothing yet (cpu_env.paging). False: r->why. */
bool cpu_load(struct cpu *c, struct state_reader *r);

#endif
