/* What curses sends for one screen, in one write.
 *
 * Idea: curses writes whenever it moves the cursor, dozens of times for a screen, and over a slow line one sees them come. It has a descriptor of
 * its own for the terminal; while a screen is made, that leads into a file, and then all goes out at once. Where there is no room for
 * such a file, things are as curses has them.
 * Signals that make curses ask or set the terminal itself (Ctrl-Z) wait meanwhile. */
#ifndef TUI_OUTLET_H
#define TUI_OUTLET_H

#include <stdio.h>

/* Opens the way to the terminal behind standard output; NULL: it cannot be had. For newterm; closed by outlet_close alone. */
FILE *outlet_open(void);
void outlet_close(void);
/* From now on nothing goes to the terminal; outlet_release sends all there was. */
void outlet_hold(void);
void outlet_release(void);

#endif
