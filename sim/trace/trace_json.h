/* The history as JSON Lines: one object per event, fields by their names in event.def. */
#ifndef TRACE_JSON_H
#define TRACE_JSON_H

#include "sim/core/text.h"
#include "sim/trace/trace.h"

/* Adds one line per event, oldest first. Addresses and values are numbers; enumerations are their names (their number
 * if nobody registered one); `cpl` is the event's real ring (a payload field may be called `ring`). */
void trace_json(const struct trace *t, struct text *out);
void trace_json_event(const struct event *e, struct text *out); /* one object, no newline */

#endif
