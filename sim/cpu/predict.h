/* Branch prediction: two-bit counters found by address and history, targets of indirect branches, a stack of returns.
 *
 * Idea: a prediction that was right and certain changes nothing but the history, so that is all that fast operations do; the
 * rest is here. A branch that was predicted wrong costs its penalty, and its cause is the misprediction.
 *
 * A counter: 0, 1 not taken; 2, 3 taken; it moves by one each time. It is found by the branch's machine address, exclusive or
 * what the last branches did (McFarling's gshare). Direct jumps and calls are never wrong; far transfers, gates and
 * returns from them drain the pipeline anyway, which their rows include. Not modelled: wrong-path fetches and their
 * traces in caches, BTB misses of direct branches, partial flushes. AGN-M; docs/model.md. */
#ifndef CPU_PREDICT_H
#define CPU_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct model;

enum { PREDICT_COUNTERS = 4096, PREDICT_TARGETS = 2048, PREDICT_RETURNS = 16 };

struct predictor {
    uint32_t mask, target_mask, return_mask; /* of what the model has; sizes less one */
    uint32_t history, history_mask;          /* the newest branch is bit 0 */
    uint32_t top;                            /* of the stack of returns: how many were pushed */
    uint32_t penalty;
    uint64_t wrong, wrong_indirect, wrong_return; /* how often */
    uint32_t back[PREDICT_RETURNS];          /* EIP behind CALLs */
    struct { uint32_t site, to; } target[PREDICT_TARGETS]; /* where an indirect branch went the last time */
    uint8_t  counter[PREDICT_COUNTERS];
};

/* As the model has it; all branches were never taken. False: it has none. */
bool predict_init(struct predictor *p, const struct model *m);
void predict_reset(struct predictor *p);

/* A conditional branch at machine address `site` was decided; an indirect one goes to `to`; CALL pushes `back`; RET goes to
 * `to`. Charges CAUSE_MISPREDICT. To be called when the instruction can no longer fail. */
void predict_branch(struct cpu *c, uint32_t site, bool taken);
void predict_indirect(struct cpu *c, uint32_t site, uint32_t to);
void predict_return(struct cpu *c, uint32_t to);

static inline uint32_t predict_place(const struct predictor *p, uint32_t site) { return (site ^ p->history) & p->mask; }
static inline void predict_remember(struct predictor *p, bool taken) { p->history = (p->history << 1 | taken) & p->history_mask; }
static inline void predict_call(struct predictor *p, uint32_t back) { p->back[++p->top & p->return_mask] = back; }

#endif
