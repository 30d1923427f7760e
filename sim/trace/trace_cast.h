/* A run as an asciicast. */
#ifndef TRACE_CAST_H
#define TRACE_CAST_H

#include "sim/trace/recording.h"

/* Adds a whole asciicast of version 2: a header line, then events, with a marker where each step begins. */
void trace_cast(const struct recording *r, struct text *out);

#endif
