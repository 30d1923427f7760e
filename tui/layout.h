/* From the size of the terminal to the places of the panes. Pure.
 *
 * Idea: every view is complete in 80x24; more room adds panes, it never holds the only copy of something. A view that
 * is asked for and not on the screen takes the place of all but the note. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

#include <stdbool.h>
#include "tui/frame.h"
#include "tui/view.h"

enum { LAYOUT_LEAST_COLS = 60, LAYOUT_LEAST_ROWS = 16 };

enum layout_kind {
    LAYOUT_TINY,     /* below 60x16: nothing but a message */
    LAYOUT_SINGLE,   /* below 80x24: title, one pane, keys */
    LAYOUT_STEP,     /* from 80x24: code, CPU, rings, events, note */
    LAYOUT_WIDE,     /* from 120x40: and cycles */
    LAYOUT_DASHBOARD /* from 150x40: and address, devices */
};

struct layout {
    enum layout_kind kind;
    struct rect title, timeline, keys; /* h == 0: not shown */
    unsigned panes;
    struct {
        unsigned view;
        struct rect at;
    } pane[VIEW_COUNT]; /* enum view_id */
};

/* What decides besides the size. */
struct layout_wish {
    unsigned focus; /* the chosen view */
    bool zoom;      /* it alone */
    int note;       /* lines the longest note of the lesson takes; the smallest screen gives it two or three */
    bool two;       /* it and one other: Code, or the registers beside Code */
    bool many;      /* there are several VMs: their list where Devices would be */
};
/* Rectangles never overlap and lie inside cols x rows. */
void layout_make(struct layout *l, int cols, int rows, const struct layout_wish *wish);
bool layout_shows(const struct layout *l, unsigned view);

#endif
