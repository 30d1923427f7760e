/* Two programs that share memory, in every order that two processors with store buffers can run them.
 *
 * Idea 1: each load, store, barrier, notification and sleep is one step, and its result is all that a side learns. So a side's state is the
 * list of its results: to know its next step it is run from the beginning with that list, and stopped where the list ends (look).
 * Idea 2: a store goes into its processor's buffer, from which it reaches memory any time later, in order; a processor's own loads see its
 * buffer, others' do not. A barrier and a notification wait until the buffer is empty. This is x86's order of memory (SDM 3A 8.2; Sewell
 * et al., x86-TSO, CACM 53(7), 2010).
 * Idea 3: from every state every step of every side, and every buffer's oldest store, is tried; states that were there are not entered again.
 * If nobody can go on and not all is done, somebody missed a wake-up. What led there is kept, to be read.
 * Pure: no machine in here. tests/unit/vmm_ring_test.c shows that it finds what must be found. */
#ifndef SIM_ORDERS_H
#define SIM_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

enum { ORDERS_SIDES = 2, ORDERS_STEPS = 128, ORDERS_WORDS = 24, ORDERS_BUFFER = 8, ORDERS_PATH = 600 };
enum orders_kind { ORDERS_LOAD, ORDERS_STORE, ORDERS_BARRIER, ORDERS_NOTIFY /* side `at` */, ORDERS_SLEEP, ORDERS_DONE, ORDERS_DRAIN /* in a path */ };
struct orders_step { uint8_t kind, at, value; };

struct orders {
    /* Runs a side with the results of its first `steps` steps, to the next one. Not NULL: what it did wrong on the way. */
    const char *(*look)(void *self, unsigned who, const uint8_t *results, unsigned steps, struct orders_step *next);
    void    *self;
    bool     buffers, in_order;          /* stores wait; and leave in the order they came */
    uint8_t  memory[ORDERS_WORDS];       /* at first */
    uint64_t most;                       /* states; more are an error, "more states than ..." */
    /* what came of it */
    uint64_t states, ends;
    const char *wrong;                   /* NULL: nothing was, in any order */
    unsigned path_n;
    struct { uint8_t who; struct orders_step step; } path[ORDERS_PATH]; /* how it came to that */
};
/* False: out of memory. */
bool orders_search(struct orders *o);
/* One order: turn by turn, a step each, stores at once. Returns how many notifications side `who` sent; -1: it did not end. */
int  orders_turns(struct orders *o, unsigned who);

#endif
