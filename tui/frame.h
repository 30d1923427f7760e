/* A frame: the whole screen as a grid of cells, built complete before anything is shown.
 *
 * Idea 1: views write into panes of a frame and never meet a terminal, so a screen can be tested as text, and a
 * person never sees half of one.
 * Idea 2: one character is one column, always. What would be wider, or narrower, or would steer a terminal, becomes
 * '?' or a space on its way in; symbols of ours have a twin in ASCII of the same width.
 * Not modelled: wide and combining characters, right-to-left text. */
#ifndef TUI_FRAME_H
#define TUI_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/text.h"
#include "tui/theme.h"

struct rect {
    int x, y, w, h;
}; /* columns and rows; w or h of 0: nothing */

struct cell {
    uint32_t ch;  /* a Unicode scalar value of width 1 */
    uint8_t role; /* enum role */
    uint8_t attr; /* ATTR_* added to the role's own */
};

struct frame {
    int cols, rows;
    bool ascii;        /* every symbol as its ASCII twin */
    unsigned clipped;  /* characters that did not fit where they were put; a view that clips is wrong */
    struct cell *cell; /* rows * cols */
};

/* A window into a frame, with its own origin. What lies outside it is not drawn. */
struct pane {
    struct frame *frame;
    struct rect at;
};

void frame_size(struct frame *f, int cols, int rows); /* gives it a size (at least 1x1) and clears it */
void frame_clear(struct frame *f);
void frame_free(struct frame *f);
/* The screen as UTF-8 lines without trailing spaces. */
void frame_text(const struct frame *f, struct text *out);
/* The screen as SVG: real text, in the theme's colours. */
void frame_svg(const struct frame *f, unsigned theme, struct text *out);

struct pane pane_of(struct frame *f, struct rect r); /* clipped to the frame */

/* Write at (x, y) of the pane; `style` is STYLE(role, attr). Both return the column behind the last character.
 * pane_put expects the text to fit and counts what does not; pane_fit cuts at `w` columns and ends the cut with an
 * ellipsis. */
int pane_put(struct pane *p, int x, int y, unsigned style, const char *utf8);
int pane_putf(struct pane *p, int x, int y, unsigned style, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
int pane_fit(struct pane *p, int x, int y, int w, unsigned style, const char *utf8);
void pane_fill(struct pane *p, struct rect r, unsigned style, uint32_t ch);
/* Adds attributes and a role to what is already there. */
void pane_mark(struct pane *p, struct rect r, unsigned style);

/* A box with a title at the left and a remark at the right of its upper edge (either may be ""); returns its inside. */
struct pane pane_box(struct frame *f, struct rect r, unsigned style, const char *title, const char *remark);

/* Unicode text: the next character (0 at the end; broken bytes as '?'), made printable; and the width of a string. */
uint32_t frame_next(const char **utf8);
int frame_width(const char *utf8);
void frame_encode(uint32_t ch, struct text *out); /* adds a character as UTF-8 */
uint32_t frame_ascii(uint32_t ch); /* the ASCII twin of a symbol; '?' if it has none */

/* Breaks text into lines of at most `w` columns, at spaces where possible; newlines stay. Calls `line` for each (not
 * NUL-terminated: n bytes); returns how many lines there are. `line` may be NULL. */
int frame_wrap(const char *utf8, int w, void (*line)(void *self, int i, const char *s, int n), void *self);

#endif
