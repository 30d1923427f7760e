/* The lockstep dashboard: one guest on two machines at the same moment, side by side; what differs, and what it cost each.
 *
 * Idea 1: the engine is sim/lockstep.h: both guests execute instruction by instruction, timing and inputs are made equal, everything else
 * that differs is the difference. Where they part one may forgive it (make the second as the first) and go on.
 * Idea 2: the engine only goes forward. What was shown is kept, so that a step back is only a look; further back, both machines are made
 * again and brought there: the same steps give the same moments. */
#ifndef TUI_PAIR_H
#define TUI_PAIR_H

#include "sim/lockstep.h"

struct app;
struct session;

enum { PAIR_KEPT = 96, PAIR_LINES = 16, PAIR_FORGIVEN = 64 };
enum pair_unit { PAIR_INSN, PAIR_EXIT, PAIR_SYNC, PAIR_DIFFERENCE, PAIR_UNITS };

/* One machine at a moment. */
struct pair_side {
    uint64_t cycles, step_cycles, exits, step_exits;
    uint8_t ring;
    bool translated, kernel;
    unsigned lines, now;         /* line[now] is about to run */
    struct { uint32_t at; char text[48]; } line[PAIR_LINES];
    char exit[48];               /* the last exit of this step; "" */
    uint64_t by_cause[CAUSE_COUNT];
    struct guest_view view;
};
struct pair_shot {
    uint64_t tick;               /* 0: empty; else 1 + how often lockstep_step was called */
    struct lockstep step;        /* its counters and differences */
    struct pair_side side[2];
    bool synced;
};

struct pair {
    char cpu[2][12], mmu[2][12], name[64];
    struct lockstep step;        /* of now; owns its machines */
    uint64_t at, shown;          /* ticks: where the machines are, what is on the screen */
    uint64_t exits[2];
    uint32_t event[2];           /* last ids that were counted */
    char exit[2][48];
    bool synced;
    struct pair_shot shot[PAIR_KEPT];
    uint64_t forgiven[PAIR_FORGIVEN];
    unsigned forgivens;
    unsigned unit;               /* enum pair_unit */
};

/* Opens the dashboard on the machine at hand beside the bare one, at this moment (or where they part before). It takes the keys until it
 * is left; false: the message says why there is none. */
bool pair_open(struct app *a, const char *second);
void pair_close(struct app *a);
void pair_draw(struct app *a);
unsigned pair_key(struct app *a, uint32_t key); /* bits of enum ask */
const struct pair_shot *pair_now(const struct pair *p);

#endif
