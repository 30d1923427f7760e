/* Dependency stalls: the instruction behind this one needs what this one has not brought yet.
 *
 * Idea 1: an instruction's row says when the next may start, a row dep.* how much later its result is there. Who needs it in the very next
 * instruction waits, and the wait is charged to the one that is waited for: so it is a property of two neighbours in memory, known
 * when they are decoded, and part of the instruction's cost like its row. Nothing looks at it at run time.
 * Idea 2: neighbours are two instructions that begin in the same line of 64 bytes, the second lies in it wholly. So the cost depends on
 * these bytes alone, not on where a block begins, and stepping, running and stop points give the same cycles.
 * Not modelled: consumers further away (an in-order pipeline has covered most by then), across lines, behind branches; the value that
 * a store stores, and branches, which are predicted: neither waits. Single-stepping by TF empties the pipeline: no stalls.
 * Intel, IA-32 optimization reference, appendix C; Agner Fog, Instruction tables. */
#ifndef CPU_STALL_H
#define CPU_STALL_H

#include "sim/cpu/insn.h"

/* May anything have to wait for this instruction? Cheap. */
bool stall_possible(const uint32_t *cost, const struct insn *i);
/* Cycles that `next` waits for `i`, and by which row; 0. */
unsigned stall_between(const uint32_t *cost, const struct insn *i, const struct insn *next, enum cost *row);
/* The same for instruction `i` at address `at`, whose bytes are at `bytes`, as are those behind it up to the end of its line. */
unsigned stall_behind(const uint32_t *cost, const struct insn *i, uint32_t at, const uint8_t *bytes, struct insn_mode mode, enum cost *row);

#endif
