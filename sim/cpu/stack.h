/* The stack pointer, for the instructions that move it (near ones; gates and far returns switch stacks by themselves).
 * Its width is the B bit of SS: 32 bits or 16. SDM vol. 1 6.2.3. */
#ifndef CPU_STACK_H
#define CPU_STACK_H

#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"

/* Changes the bits of ESP that are the stack pointer; `mask` from stack_mask. */
static inline void stack_set(struct cpu *c, uint32_t sp, uint32_t mask)
{
    c->reg[ESP] = (c->reg[ESP] & ~mask) | (sp & mask);
}

/* Pushes one word or doubleword; on a fault nothing moved. */
enum step stack_push(struct cpu *c, uint32_t v, unsigned size);

#endif
