/* Instruction boundaries: what a CPU does between two instructions. Of the run loop (run.c). */
#ifndef CPU_BOUNDARY_H
#define CPU_BOUNDARY_H

#include "sim/cpu/cpu.h"

/* What happens between two instructions, first things first: timers, debug traps, NMI, interrupts. `limit`: of c->insns. Sets
 * c->break_at. False: cpu_run returns *why. */
bool boundary_pass(struct cpu *c, uint64_t limit, enum cpu_stop *why);

/* A delivery took the place of an instruction: a boundary of its own, so that every moment has one number. One behind another takes
 * an instruction's time even if the model has its steps for nothing; else time would stand still for what is delivered for ever. */
void boundary_count(struct cpu *c);

#endif
