/* See predict.h. */
#include "sim/cpu/predict.h"

#include <string.h>
#include "sim/cpu/cpu.h"
#include "sim/cpu/predict_now.h"

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

void predict_branch(struct cpu *c, uint32_t site, bool taken) { predictor_branch(&c->predictor, c->clock, site, taken); }
void predict_indirect(struct cpu *c, uint32_t site, uint32_t to) { predictor_indirect(&c->predictor, c->clock, site, to); }
void predict_return(struct cpu *c, uint32_t to) { predictor_return(&c->predictor, c->clock, to); }
