/* The terminal: shows frames, reads keys. The only door to curses. */
#ifndef TUI_PAINT_H
#define TUI_PAINT_H

#include <stdbool.h>
#include <stdint.h>
#include "tui/frame.h"

/* Takes the terminal on stdin and stdout. EXIT_ENVIRONMENT, and nothing changed, if there is none that can do this. */
bool paint_open(void (*interrupt)(void *self), void *self, struct err *e);
void paint_close(void); /* gives it back; harmless if not open */
void paint_size(int *cols, int *rows);
/* One flush. `whole`: as if nothing were on the screen yet. */
void paint_show(const struct frame *f, unsigned theme, bool whole);
/* The next key, waiting at most so long; TKEY_NOTHING if there is none, TKEY_RESIZE after a change of size. */
uint32_t paint_key(int milliseconds);
/* From now on the mouse's button and wheel are keys, too, or not: then the terminal selects text with them, as it is used to. */
void paint_mouse(bool on);
void paint_mouse_at(int *x, int *y); /* of the last such key: column and row */
/* Puts a text into the clipboard of the terminal (OSC 52), where it allows that. */
void paint_copy(const char *text);
bool paint_gone(void); /* the terminal has hung up */
/* Does the locale speak UTF-8, with symbols one column wide? Sets the locale from the environment. */
bool paint_utf8(void);

#endif
