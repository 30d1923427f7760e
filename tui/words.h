/* Events in words: one line each, or one line for a whole visit to the hypervisor.
 *
 * Idea: four rows of a small screen must show four things that happened, not four fifths of one. So the fault, the
 * gate, the exit, what the hypervisor did and the resume fold into one line with its cost; where there is room, or
 * something is searched for, every event has its own. */
#ifndef TUI_WORDS_H
#define TUI_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/machine.h"

enum { WORDS_SEARCH = 100000 /* events that a filter looks back over */ };

struct words {
    uint32_t id; /* of the event (of the EXIT, for a visit) */
    uint64_t cycle;
    uint64_t cost; /* cycles; meaningful if has_cost */
    bool has_cost, warn;
    unsigned times; /* so often in a row: it is one line; the number and the cycle are the newest one's */
    uint8_t kind, ring, role;
    char word[12];  /* "trap #GP", "silent" */
    char what[200]; /* "cli", "popf: IF wanted 0 got 1" */
};

/* What happened, without number, time and word: "fill 40000000"; its role, and whether it is a warning. `m` names addresses. */
void words_say(const struct event *e, const struct machine *m, struct text *out);
unsigned words_role(unsigned kind);
bool words_warn(unsigned kind);
/* "#PF(2)"; "20h" where a vector has no name. */
void words_vector(uint8_t vector, uint32_t code, struct text *out);

/* One event by itself. `m` names addresses. */
void words_event(const struct event *e, const struct machine *m, struct words *w);
/* One line for the visit that `exit` (an EXIT) opened. */
void words_visit(const struct event *exit, const struct machine *m, struct words *w);

/* The newest `room` lines, oldest first, ending `skip` lines before the end; folded, or every event. Only lines that
 * contain `filter` (ignoring case) count, "" for all. Returns how many; *more: there are older ones. */
unsigned words_tail(const struct machine *m, bool fold, const char *filter, unsigned skip, struct words *list,
                    unsigned room, bool *more);

#endif
