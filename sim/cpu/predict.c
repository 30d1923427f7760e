/* See predict.h. */
#include "sim/cpu/predict.h"

#include <string.h>
#include "sim/cpu/cpu.h"
#include "sim/trace/cause.h"

void predict_reset(struct predictor *p)
{
    p->history = p->top = 0;
    memset(p->back, 0, sizeof p->back);
    memset(p->target, 0, sizeof p->target);
    memset(p->counter, 0, sizeof p->counter);
}

bool predict_init(struct predictor *p, const struct model *m)
{
    const uint32_t *v = m->cost;
    memset(p, 0, sizeof *p);
    if (!v[COST_BRANCH_COUNTERS]) return false;
    p->mask = v[COST_BRANCH_COUNTERS] - 1;
    p->target_mask = v[COST_BRANCH_TARGETS] - 1;
    p->return_mask = v[COST_BRANCH_RETURNS] - 1;
    p->history_mask = (1u << v[COST_BRANCH_HISTORY]) - 1;
    p->penalty = v[COST_BRANCH_MISPREDICT];
    return true;
}

static void mispredicted(struct cpu *c, uint64_t *count)
{
    ++*count;
    clock_charge(c->clock, CAUSE_MISPREDICT, c->predictor.penalty);
}

void predict_branch(struct cpu *c, uint32_t site, bool taken)
{
    struct predictor *p = &c->predictor;
    uint8_t *counter = &p->counter[predict_place(p, site)], was = *counter;
    predict_remember(p, taken);
    if (taken) *counter = (uint8_t)(was + (was < 3));
    else *counter = (uint8_t)(was - (was > 0));
    if ((was >= 2) != taken) mispredicted(c, &p->wrong);
}

void predict_indirect(struct cpu *c, uint32_t site, uint32_t to)
{
    struct predictor *p = &c->predictor;
    uint32_t place = site & p->target_mask;
    bool right = p->target[place].site == site && p->target[place].to == to;
    p->target[place].site = site;
    p->target[place].to = to;
    if (!right) mispredicted(c, &p->wrong_indirect);
}

void predict_return(struct cpu *c, uint32_t to)
{
    struct predictor *p = &c->predictor;
    if (p->back[p->top-- & p->return_mask] != to) mispredicted(c, &p->wrong_return);
}
