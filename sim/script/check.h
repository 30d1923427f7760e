/* Checks: expectations that were evaluated, kept in C for the front ends. */
#ifndef SCRIPT_CHECK_H
#define SCRIPT_CHECK_H

#include "sim/script/script.h"

/* Records a check of the running step. `where` is "file:line". */
void check_record(struct script *s, bool passed, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Forgets the checks of step `from` and of all later ones. */
void check_forget(struct script *s, unsigned from);

#endif
