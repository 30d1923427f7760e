/* The lockstep dashboard: one guest on two to four machines at the same moment, side by side; what differs, and what it cost each.
 *
 * Idea 1: the engine is sim/lockstep.h: both guests execute instruction by instruction, timing and inputs are made equal, everything else
 * that differs is the difference. Where they part one may forgive it (make the others as the first) and go on.
 * Idea 2: the engine only goes forward. What was shown is kept, so that a step back is only a look; further back, the machines are made
 * again and brought there: the same steps give the same moments.
 * Idea 3: a column is 40 wide. A wide screen opens with as many machines as have one; + and - change their number on any, and where not all
 * have a column, > and < choose which the others are. */
#ifndef TUI_PAIR_H
#define TUI_PAIR_H

#include "sim/lockstep.h"
#include "tui/answers.h"

struct app;
struct session;

enum { PAIR_KEPT = 96, PAIR_LINES = 16, PAIR_FORGIVEN = 64, PAIR_MACHINES = 4, PAIR_COLUMN = 40 };
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
    struct pair_side side[PAIR_MACHINES];
    struct answers answers;      /* so far */
    bool synced;
};

struct pair {
    unsigned n;                  /* machines; 0 is the bare one */
    unsigned left;               /* of the others, the first that has a column */
    char cpu[PAIR_MACHINES][12], mmu[PAIR_MACHINES][12], name[64];
    struct lockstep step;        /* of now; owns its machines */
    uint64_t at, shown;          /* ticks: where the machines are, what is on the screen */
    uint64_t exits[PAIR_MACHINES];
    uint32_t event[PAIR_MACHINES]; /* last ids that were counted */
    char exit[PAIR_MACHINES][48];
    bool synced;
    uint64_t *exit_at;           /* ticks with an exit of any, ascending, as far as the machines ever were */
    size_t exit_ats, exit_room;
    struct answers answers;
    struct pair_shot shot[PAIR_KEPT];
    uint64_t forgiven[PAIR_FORGIVEN];
    unsigned forgivens;
    unsigned unit;               /* enum pair_unit */
};

/* Opens the dashboard on the bare machine and others at this moment (or where they part before): `others` as "te,vtx", or NULL: the one at
 * hand, and as many more as have a column. It takes the keys until it is left; false: the message says why there is none. */
bool pair_open(struct app *a, const char *others);
void pair_close(struct app *a);
void pair_draw(struct app *a);
unsigned pair_key(struct app *a, uint32_t key); /* bits of enum ask */
/* To the guest's instruction of a number, 500 or insn:500; if there is no way, the message says so. */
void pair_goto(struct app *a, const char *where);
/* The same instruction, several answers, as known at the moment shown: the newest in sentences and all as a table; the newest rows, below a head. */
void pair_table(struct app *a, struct text *out);
void pair_rows(struct app *a, unsigned most, struct text *out);
const struct pair_shot *pair_now(const struct pair *p);
unsigned pair_columns(const struct app *a); /* machines that have one, the bare one among them */
unsigned pair_in_column(const struct pair *p, unsigned column); /* the machine of a column */

#endif
