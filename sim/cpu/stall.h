/* Dependency stalls: an instruction behind this one needs what this one has not brought yet.
 *
 * Idea 1: an instruction's row says when the next may start, a row dep.* how much later its result is there. Who needs it before
 * that waits. What a stretch of code takes so is a matter of its bytes: issue in order, each when the last may be followed and its
 * operands are there. An instruction is charged by how much longer it and the stretch behind it take than that stretch alone. So
 * these shares add up to what the stretch takes from wherever it is entered, overlapping waits are paid once, and all is known
 * when the instructions are decoded, part of the instruction's cost like its row. Nothing looks at it at run time.
 * Idea 2: the stretch ends at a branch, at the end of the page, at an instruction that is not in the list of those known here, and after
 * STALL_AHEAD. So the cost depends on the bytes behind the instruction alone, not on where a block begins, and stepping, running and
 * stop points give the same cycles. (What is behind a branch would have to be known at run time, by each way of leaving a block.)
 * Not modelled: consumers behind branches; the value that a store stores, and branches, which are predicted: neither waits; that misses of
 * caches and TLBs hide a wait. Single-stepping by TF empties the pipeline: no stalls.
 * Intel, IA-32 optimization reference, appendix C; Agner Fog, Instruction tables. */
#ifndef CPU_STALL_H
#define CPU_STALL_H

#include "sim/cpu/insn.h"

enum { STALL_AHEAD = 16, STALL_BYTES = 15 * (STALL_AHEAD + 1) };

/* What follows an instruction. */
struct stall_ahead {
    const struct insn *known;   /* decoded already, at their rows' cost, */
    unsigned n;                 /* so many */
    const uint8_t *bytes;       /* what is behind the last of those, */
    unsigned left;              /* up to the end of the page at most */
    struct insn_mode mode;
    unsigned looked;            /* out: so many of these bytes mattered */
    unsigned used, decoded;     /* of `more`: */
    struct insn more[STALL_AHEAD];
};

/* What of all this is a matter of the instruction alone, for struct insn.waits: the registers and flags that it waits for,
 * whether all begins anew behind it, and from bit STALL_LATE on the kind of its late result. It is otherwise complete. */
enum { STALL_LATE = 11 };
uint16_t stall_mark(const struct insn *i);
extern const uint16_t stall_rows[]; /* by that kind; 0: there at once */

/* May anything have to wait for this instruction? */
static inline bool stall_possible(const uint32_t *cost, const struct insn *i)
{
    const unsigned row = stall_rows[i->waits >> STALL_LATE];
    return row && cost[row];
}
/* Cycles that what is ahead waits for `i`, for which stall_possible. Their row is stall_row. */
unsigned stall_of(const uint32_t *cost, const struct insn *i, struct stall_ahead *ahead);
enum cost stall_row(const struct insn *i);
/* The same for any instruction, at bytes[0]; bytes[0..n) lie in its page, at most STALL_BYTES matter. */
unsigned stall_behind(const uint32_t *cost, const struct insn *i, const uint8_t *bytes, unsigned n, struct insn_mode mode);

#endif
