/* What machines in step may and may not differ in: for lockstep.c alone.
 *
 * Idea: every comparison is of one machine with the first. Values that come from outside (ports, clocks, CPUID) are free: they are
 * copied from the first to the others. */
#ifndef SIM_LOCKSTEP_SAME_H
#define SIM_LOCKSTEP_SAME_H

#include "sim/lockstep.h"

enum freedom { NOT_FREE, FREE_INPUT, FREE_PLATFORM };

/* They have parted: machine `k` has `got` where the first has `wanted`; `at`: a linear address, of memory. */
void lockstep_note(struct lockstep *l, unsigned k, const char *what, uint32_t at, uint32_t wanted, uint32_t got);
/* Each differing span, or register, is noted. */
bool lockstep_same_memory(struct lockstep *l, const struct machine_span *list, unsigned n);
void lockstep_same_registers(struct lockstep *l);
/* What of an instruction's results is not the guest's, but of a device, a clock or the platform. */
enum freedom lockstep_freedom(const struct machine_insn *i, bool device);
/* Is one of the operands memory of a device? */
bool lockstep_touches_device(const struct lockstep *l, const struct machine_span *list, unsigned n);
/* What the instruction read from outside is copied from the first machine to the others. */
void lockstep_copy_input(struct lockstep *l, enum freedom kind, const struct machine_span *list, unsigned n);

#endif
