/* The lesson as plain lines: for a screen reader, a terminal without a cursor, a chat log. `run --narrate [--pause]`.
 *
 * Idea: one short line an event, in full words, in the order in which things happened; nothing is placed, coloured or drawn over.
 * What comes again and again is said once, with a count. With --pause it waits at a prompt and obeys the keys of the screen. */
#ifndef TUI_NARRATE_H
#define TUI_NARRATE_H

#include "sim/machine.h"

/* "Event 41, cycle 12404. Guest kernel, ring 1, at popf_insn: popf. ...": one event, or the whole visit that an EXIT opens. */
void narrate_event(const struct machine *m, const struct event *e, struct text *out);
/* The events behind id `from` up to `to`, as lines of at most `most`; says how many it left out. */
void narrate_events(const struct machine *m, uint32_t from, uint32_t to, unsigned most, struct text *out);
/* "Now: guest kernel, ring 1, about to execute popfd at popf_insn, address 0010499A." */
void narrate_place(const struct machine *m, struct text *out);

#endif
