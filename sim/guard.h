/* What may stop a run from outside: ^C and --limit-wall; and the progress line of a long one.
 *
 * Idea: real time exists only here. A timer ticks ten times a second; its handler looks at the machine (which is safe)
 * and asks it to pause (which is, too) for as long as a reason stands, so that no request can get lost. */
#ifndef SIM_GUARD_H
#define SIM_GUARD_H

#include <stdbool.h>
#include "sim/core/err.h"
#include "sim/machine.h"

void guard_start(double wall);            /* seconds; 0: no limit. The first ^C asks, the second kills */
void guard_watch(struct machine *m);      /* the machine to be paused and shown; NULL: none */
void guard_cancel(void);                  /* stop as well: what the run says cannot be written any more */
bool guard_stopped(void);                 /* has any of these happened? */
/* False if not. Otherwise true, and `e` says which: EXIT_INTERRUPTED, EXIT_LIMIT, or EXIT_ENVIRONMENT without words
 * after guard_cancel; it replaces an error that came from the pause. */
bool guard_error(struct err *e);
void guard_quiet(bool quiet);             /* no progress line from now on (and wipe it), or again */
void guard_end(void);                     /* stops the timer */

#endif
