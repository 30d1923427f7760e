/* See meter.h. */
#include "sim/cpu/meter.h"

void meter_weigh(struct cpu *c, const struct block *b, struct metered *m)
{
    m->overhead[0] = 0;
    m->hidden[0] = 0;
    for (unsigned k = 0; k < b->n; k++) {
        struct cpu_weight w = { .retires = 1 };
        c->meter.weigh(c->meter.self, b->at + b->insn[k].at, &w);
        m->overhead[k + 1] = m->overhead[k] + (w.overhead ? b->insn[k].cost : 0);
        m->hidden[k + 1] = (int16_t)(m->hidden[k] + 1 - w.retires);
    }
}

void meter_pay(struct cpu *c, const struct metered *m, unsigned from, unsigned to)
{
    clock_move(c->clock, c->clock->lane, c->account[c->cpl], c->meter.cause, m->overhead[to] - m->overhead[from]);
    c->hidden += m->hidden[to] - m->hidden[from];
}

void meter_begin(struct cpu *c, const struct block *b)
{
    struct block_cache *bc = c->blocks;
    bc->metered = b;
    bc->metered_from = c->insns - b->n - c->extra;
    bc->metered_account = c->account[c->cpl];
    bc->metered_lane = c->clock->lane; /* the block may end in another ring */
    meter_pay(c, b->metered, 0, b->n);
}

/* Boundaries since it was begun are instructions, its own first. An instruction that stopped is none yet, but its time has passed. */
void meter_stop(struct cpu *c)
{
    struct block_cache *bc = c->blocks;
    const struct block *b = bc->metered;
    const struct block_stop *s = &bc->stop;
    bc->metered = NULL;
    if (s->kind != BLOCK_STOP_LOOK && s->block != b) return;
    uint64_t run = c->insns - c->extra - bc->metered_from;
    unsigned retired = run < b->n ? (unsigned)run : b->n, begun = retired;
    if (s->kind == BLOCK_STOP_STEP) {
        begun = (unsigned)(s->i - b->insn) + 1;
        retired = begun - 1 + (s->step != STEP_FAULT && run == begun - 1);
    }
    clock_move(c->clock, bc->metered_lane, c->meter.cause, bc->metered_account, b->metered->overhead[b->n] - b->metered->overhead[begun]);
    c->hidden += b->metered->hidden[retired] - b->metered->hidden[b->n];
}
