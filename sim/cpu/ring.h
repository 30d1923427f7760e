/* Crossing rings: the inner stack from the TSS, the return outward, and how a long transfer does all or nothing.
 *
 * Idea 1: a transfer first decides every store (struct stores), probes them all, and only then stores; so a fault in
 * the middle of a frame leaves no trace, and the instruction can be repeated.
 * Idea 2: a stack that may become SS:ESP is worked on as a struct stack, outside the register file.
 *
 * SDM vol. 3A 5.8.5 (stack switching), 5.8.6 (return), 6.12.1. Not modelled: shadow stacks.
 * TOUR cpu.5: how rings change, continued from gate.c. */
#ifndef CPU_RING_H
#define CPU_RING_H

#include "sim/cpu/segment.h"

enum { STORES = 48 }; /* the longest: call gate with 31 parameters, 4 words of frame, 2 accessed bits */

struct stores { /* begins with n = 0; what lies behind s[n - 1] is never read, and need not be cleared */
    unsigned n;
    struct { gva_t at; uint32_t value; uint8_t size; bool user; } s[STORES];
};

/* One more store, decided but not made: `size` bytes (2 or 4) at a linear address, with the paging rights of ring 3 if `user`. */
void stores_add(struct stores *p, gva_t at, unsigned size, bool user, uint32_t value);
void stores_accessed(struct stores *p, const struct desc *d); /* the descriptor's accessed bit, if not yet set */
/* Makes all stores or, on STEP_FAULT, none. */
enum step stores_commit(struct cpu *c, const struct stores *p);

struct stack {
    struct seg_reg ss;
    uint32_t esp;
    bool user;     /* pushes are made with the paging rights of ring 3 */
};

struct stack stack_now(const struct cpu *c); /* the current one, SS:ESP as they are */
/* Decides a push; false if the segment has no room for it. */
bool stack_put(struct stack *s, struct stores *p, unsigned size, uint32_t value);
/* Reads a word `above` bytes over the top of the current stack. #SS(0) beyond the limit. */
enum step stack_peek(struct cpu *c, uint32_t above, unsigned size, uint32_t *value);
void stack_release(struct cpu *c, uint32_t bytes); /* ESP or SP up by that much */

/* The stack the TSS holds for ring `dpl`, checked; `ext` is the EXT bit (0 or 1) of its faults' codes: #TS, #SS. */
enum step ring_inner_stack(struct cpu *c, unsigned dpl, uint32_t ext, struct stack *s, struct stores *p);

/* The far return of RET and IRET in protected mode, to the same or an outer ring. `popped` bytes of frame lie below an
 * outer SS:ESP of two words of `size` bytes; `release`: RET's count, let go on both stacks. `at` is the instruction's
 * EIP, for the trace; `cycles` are charged to delivery. Sets CS:EIP, on an outward return also SS:ESP, CPL and the
 * data segments; all or nothing. */
struct far_return {
    uint16_t cs;
    uint32_t eip, popped, release, at, cycles;
    unsigned size;
};
enum step ring_return(struct cpu *c, const struct far_return *r);
/* Its second half, for whoever has judged the way himself: goes to `ring` with CS:r->eip and the stack `s`. Nothing can fail. */
enum step ring_go(struct cpu *c, const struct far_return *r, unsigned ring, const struct seg_reg *cs, const struct stack *s);

/* TRACE for events whose EIP is not the CPU's current one. */
uint32_t ring_trace(struct cpu *c, uint32_t eip, struct event *e);

#endif
