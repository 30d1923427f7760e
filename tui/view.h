/* A view: sample, then draw.
 *
 * `sample` copies what it needs from a const machine; `draw` never sees the machine. So a frame cannot show two
 * moments at once, looking cannot change what is looked at, and a view is tested without a terminal.
 * TOUR tui.2: a view is one const struct of functions; views.c lists them all. */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include "sim/lesson.h"
#include "sim/machine.h"
#include "sim/source_lines.h"
#include "tui/frame.h"

/* In the order of their keys in command.def: 1 is the first. */
enum view_id {
    VIEW_CODE,
    VIEW_CPU,
    VIEW_RINGS,
    VIEW_ADDRESS,
    VIEW_CYCLES,
    VIEW_EVENTS,
    VIEW_DEVICES,
    VIEW_NOTE,
    VIEW_SERIAL,
    VIEW_LADDER, /* 0 */
    VIEW_VMS,    /* V */
    VIEW_COUNT
};

/* What a handler asks the main loop to do; bits. */
enum ask { ASK_NONE = 0, ASK_REDRAW = 1, ASK_SAMPLE = 2, ASK_LAYOUT = 4, ASK_QUIT = 8 };

/* What views may look at. */
struct scene {
    const struct machine *m;
    const struct machine_summary *sum; /* of m: counted once for all */
    const struct lesson *lesson; /* NULL: none */
    bool moved;                  /* the machine stands elsewhere than at the last sample */
    const uint32_t *stop;        /* linear addresses of stop points */
    unsigned stops;
    struct source_lines *sources; /* of the guest's image; NULL: it has none */
    bool hidden;                 /* a question waits: what the lesson's present step did is not to be told */
};

struct view_ops;
struct view {
    const struct view_ops *ops;
    void *state; /* ops->state_size bytes, zeroed at the start */
    int scroll;  /* rows away from where the view would stand by itself; the view bounds it */
};

struct view_ops {
    const char *name; /* the word a scenario's `show` uses */
    const char *title, *about;
    size_t state_size;
    void (*sample)(struct view *v, const struct scene *s);
    /* Title and remark of the box, for a pane of `rows` lines; buffers of VIEW_LABEL bytes, empty at the call. */
    void (*label)(const struct view *v, int rows, char *title, char *remark);
    void (*draw)(struct view *v, struct pane *p); /* may correct `scroll`; changes nothing else */
    /* A command of the table that views answer (CMD_RADIX, CMD_FIND, CMD_REVEAL, ...); `arg`: text typed, or "". */
    unsigned (*command)(struct view *v, int command, const char *arg);
};
enum { VIEW_LABEL = 160 };

extern const struct view_ops *const views[VIEW_COUNT];
extern const struct view_ops view_code, view_cpu, view_rings, view_address, view_cycles, view_events, view_devices,
    view_note, view_serial, view_ladder, view_vms;

int view_find(const char *name);                                        /* -1 if there is none */
unsigned view_no_command(struct view *v, int command, const char *arg); /* for views that answer none */
/* Keeps a scroll offset of `lines` lines in a pane of `rows`; returns it. */
int view_bound(struct view *v, int lines, int rows);
/* The sign at the lower right that there is more below. */
void view_more(struct pane *p, bool more);
/* Lines a step's note takes at a width of `w`, or its question, whichever is longer. */
int view_note_lines(const struct lesson_step *st, int w);
/* For lecture mode. Has the step a question, and does it still wait for p; how many lines the words take at a width of `w`,
 * with the choices on lines of their own; writes them; how much the ladder tells, 1 to 3. */
bool view_note_asks(const struct view *v);
bool view_note_hides(const struct view *v);
int view_note_height(const struct view *v, int w);
void view_note_plain(const struct view *v, struct pane *p);
uint32_t view_events_lowest(const struct view *v, int rows); /* id of the last event that Events lists in so many rows; 0: none */
unsigned view_ladder_detail(const struct view *v);
/* "guest kernel", with its role; what people call a place. */
const char *view_place_name(enum machine_place p, bool vmm);
unsigned view_place_role(enum machine_place p);
/* The disassembler's line as a lecture wants it: operands in a column, names for addresses; its length, 0 and "??" if nothing is readable. */
unsigned view_disasm(const struct machine *m, uint32_t at, char *to, size_t room);
/* Copies a string into a buffer, cut. */
void view_copy(char *to, size_t room, const char *from);

#endif
