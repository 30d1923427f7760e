/* Whose work is an instruction? A hypervisor that runs code of its own on this CPU, or a guest's code among code of its own
 * (translation), can say so; then the guest's instructions are counted, and overhead has a cause of its own. Accounts only: no
 * instruction does anything else for it.
 *
 * Idea 1: what an instruction is was decided when it was written, so it is asked once, when a block is built; a block with
 * answers (struct metered) is paid for as a whole when it is begun, and what was left out of it is given back.
 * Idea 2: it is paid before its first op, where the recorder stands, too; other code never comes by here. */
#ifndef CPU_METER_H
#define CPU_METER_H

#include "sim/cpu/block.h"

struct op;
typedef struct op *meter_then(struct cpu *c, struct op *o, uint32_t res, uint32_t aux, const uint8_t *tags);

struct metered {
    uint32_t overhead[BLOCK_INSNS + 1]; /* cycles of the first n instructions that are overhead */
    int16_t  hidden[BLOCK_INSNS + 1];   /* boundaries of theirs that are no instruction of the guest's */
    meter_then *then;                   /* what the first op does, once all of it is paid */
};

/* Asks about the instructions of a block. */
void meter_weigh(struct cpu *c, const struct block *b, struct metered *m);
/* Pays for instructions from..to-1. */
void meter_pay(struct cpu *c, const struct metered *m, unsigned from, unsigned to);
/* The first op of a block whose c->insns counts it already. */
void meter_begin(struct cpu *c, const struct block *b);
/* Fast operations stopped: gives back what they left out. */
void meter_stop(struct cpu *c);

/* One instruction at a time: its overhead before it is run; that it retired. */
static inline void meter_overhead(struct cpu *c, const struct metered *m, unsigned k)
{
    clock_move(c->clock, c->clock->lane, c->account[c->cpl], c->meter.cause, m->overhead[k + 1] - m->overhead[k]);
}
static inline void meter_retired(struct cpu *c, const struct metered *m, unsigned k) { c->hidden += m->hidden[k + 1] - m->hidden[k]; }

#endif
