/* The causes of cycles, as an enum with names. One list (cause.def) feeds accounting, tables, JSON and diagrams. */
#ifndef TRACE_CAUSE_H
#define TRACE_CAUSE_H

enum cause {
#define CAUSE(e, name, about) CAUSE_##e,
#include "sim/trace/cause.def"
#undef CAUSE
    CAUSE_COUNT
};

const char *cause_name(unsigned cause);  /* the word in JSON and Lua */
const char *cause_about(unsigned cause); /* one line for people */

#endif
