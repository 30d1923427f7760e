/* What a branch does to the predictor, as inline functions: fast operations (op_branch.c) do it in place, all others call
 * predict.c. See predict.h. */
#ifndef CPU_PREDICT_NOW_H
#define CPU_PREDICT_NOW_H

#include "sim/core/clock.h"
#include "sim/cpu/predict.h"
#include "sim/trace/cause.h"

static inline void predictor_wrong(const struct predictor *p, struct clock *clock, uint64_t *count)
{
    ++*count;
    clock_charge(clock, CAUSE_MISPREDICT, p->penalty);
}
static inline void predictor_branch(struct predictor *p, struct clock *clock, uint32_t site, bool taken)
{
    uint8_t *counter = &p->counter[predict_place(p, site)], was = *counter;
    predict_remember(p, taken);
    if (taken) *counter = (uint8_t)(was + (was < 3));
    else *counter = (uint8_t)(was - (was > 0));
    /* Whoever asks does not know, so neither does the host's predictor: no branch. */
    const uint64_t wrong = (was >> 1 ^ taken) & 1;
    p->wrong += wrong;
    clock_charge(clock, CAUSE_MISPREDICT, (0 - wrong) & p->penalty);
}
static inline void predictor_indirect(struct predictor *p, struct clock *clock, uint32_t site, uint32_t to)
{
    uint32_t place = site & p->target_mask;
    bool right = p->target[place].site == site && p->target[place].to == to;
    p->target[place].site = site;
    p->target[place].to = to;
    if (!right) predictor_wrong(p, clock, &p->wrong_indirect);
}
static inline void predictor_return(struct predictor *p, struct clock *clock, uint32_t to)
{
    if (p->back[p->top-- & p->return_mask] != to) predictor_wrong(p, clock, &p->wrong_return);
}

#endif
