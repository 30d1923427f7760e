/* A terminal for tests: runs a program on a pseudo-terminal and reads back what a person would see (libvterm).
 *
 * Waiting is always for something on the screen, never for a time; the time given is only when to give up. */
#ifndef TESTS_VTERM_H
#define TESTS_VTERM_H

#include <stdbool.h>
#include "sim/core/text.h"

struct vt;

/* Starts argv[0] (found by PATH) on a terminal of that size; `env` are "NAME=value" settings on top of ours, NULL-ended;
 * "NAME" alone removes one. Never NULL: a program that cannot be started ends with 127. */
struct vt *vt_start(const char *const *argv, const char *const *env, int cols, int rows);
void vt_free(struct vt *t); /* kills the program if it still runs */

bool vt_wait(struct vt *t, const char *text, int milliseconds); /* until a line of the screen contains it */
bool vt_wait_gone(struct vt *t, const char *text, int milliseconds);
void vt_quiet(struct vt *t, int milliseconds); /* until the program has written nothing for so long */
void vt_type(struct vt *t, const char *bytes);
void vt_resize(struct vt *t, int cols, int rows); /* with SIGWINCH, as a window does */
void vt_signal(struct vt *t, int sig);
void vt_hang_up(struct vt *t); /* the window is closed */

/* The screen as frame_text would give it: UTF-8 lines without trailing spaces. */
void vt_screen(struct vt *t, struct text *out);
/* The colour (index, -1 for the default) and the attributes of the first cell where `text` is on the screen. */
struct vt_look {
    bool found, bold, underline, reverse, plain_colour;
};
struct vt_look vt_look(struct vt *t, const char *text);

/* Waits for the end: the exit status, 128 + signal, or -1 if it did not end in time. */
int vt_end(struct vt *t, int milliseconds);
bool vt_stopped(struct vt *t, int milliseconds); /* has it stopped itself (Ctrl-Z)? */
/* Is the terminal as it was before: normal screen, visible cursor, same settings? */
bool vt_restored(struct vt *t);

#endif
