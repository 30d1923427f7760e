/* Counting: a subscriber that keeps totals, as plain data.
 *
 * Idea: everything is derivable from events as they pass, without history, so a tally may watch a run whose history
 * nobody keeps. What the visits cost is not its business: episode.h.
 * After time travel a live tally has counted the abandoned future as well; count again with tally_history. */
#ifndef TRACE_TALLY_H
#define TRACE_TALLY_H

#include <stdint.h>
#include "sim/core/text.h"
#include "sim/trace/trace.h"

struct tally {
    uint64_t kinds[EV_COUNT];
    uint64_t exits, by_reason[256], by_vector[256]; /* EXIT events; by ENUM(exit, reason); by vector */
    uint64_t silent, silent_by_op[256];             /* SILENT events; by ENUM(mnemonic, op) */
    uint64_t injections, external;                  /* INJECT events; those for interrupts */
};

/* A trace_fn: subscribe with CAT_ALL and a zeroed struct tally as self. Never asks for a pause. */
enum vote tally_event(void *tally, const struct event *e);
/* Counts the events with ids from..to (0: from the first, to the last) into a cleared `tally`. */
void tally_history(struct tally *tally, const struct trace *t, uint32_t from, uint32_t to);
/* A table for people: exits by reason, exits by vector, silent failures by instruction, injections. */
void tally_text(const struct tally *tally, struct text *out);

#endif
