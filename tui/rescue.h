/* The rescue: the terminal comes back, whatever ends the program.
 *
 * Polite endings (signals that ask) only set a flag, and the loop leaves by the usual way; asked twice, or on a crash,
 * or on exit() from anywhere, the terminal is restored by bytes and settings saved beforehand, with nothing but calls
 * that are allowed in a signal handler. Ctrl-Z is curses' own business. */
#ifndef TUI_RESCUE_H
#define TUI_RESCUE_H

#include <stdbool.h>

/* Call before the terminal is changed: remembers its settings. */
void rescue_save(void);
/* Call once it is changed. `restore`: the bytes that undo what was sent to it. `interrupt` is called, in the signal
 * handler, when a person or the system asks to stop. */
void rescue_arm(const char *restore, void (*interrupt)(void *self), void *self);
void rescue_disarm(void); /* the terminal is as it was */
int rescue_asked(void);   /* the signal that asked to leave, since the last rescue_forget; 0: none */
void rescue_forget(void); /* forgets SIGINT (it stopped a run, that was what it was for) */

#endif
