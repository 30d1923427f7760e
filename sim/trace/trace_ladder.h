/* The ladder: who had control when, as lanes and arrows. One layout, several exporters.
 *
 * Idea 1: rows come from recorded events and their `cause` edges; nothing is inferred from addresses or timing. The
 * fault and gate that led to an EXIT are part of that EXIT's arrow; EXIT to RESUME is one shaded band with its cost.
 * Idea 2: the layout is a pure function of (history, options), in whole pixels with y downward, so every exporter
 * draws the same picture and gives the same bytes each time.
 * All labels are ASCII (a symbol's other bytes become '?'), so one byte is one column everywhere. */
#ifndef TRACE_LADDER_H
#define TRACE_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/text.h"
#include "sim/trace/trace.h"

enum ladder_lane { LANE_USER, LANE_KERNEL, LANE_VMM, LANE_DEVICE, LANE_COUNT };

enum ladder_shape {
    LADDER_ARROW,  /* from lane to lane; twin: double line, through the guest's own IDT */
    LADDER_SILENT, /* a dashed arrow that ends in a cross before the lane `to` */
    LADDER_NOTE,   /* a box beside the lane `from` */
    LADDER_END,    /* a box on the lane `from`: nothing more comes */
    LADDER_GAP,    /* events left out because of max_rows */
};

enum { LADDER_LABEL = 20, LADDER_END_LABEL = 36, LADDER_DETAIL = 22 }; /* longest label and detail, in columns */

#define LADDER_NONE UINT32_MAX

struct ladder_options {
    uint32_t    from, to;     /* ids of the first and last event; 0: from the first, to the last */
    unsigned    max_rows;     /* 0: no limit */
    uint8_t     kernel_ring;  /* the ring the guest kernel really runs in: 0 native, 1 under te */
    bool        hypervisor;   /* there is a hypervisor, and a lane for it */
    bool        hosted;       /* a host's kernel and processes run in the guest's lanes, too */
    const char *title, *caption, *alt; /* UTF-8; NULL: none (alt: made from the title) */
    const char *theme;        /* "light" (also NULL), "dark", "print", "mono" */
    uint32_t    shown;        /* SVG: only so many rows are drawn yet, on the canvas of all; 0: all; LADDER_NONE: none */
    const char *prefix;       /* SVG: what ids begin with, where two ladders are in one document; NULL: nothing */
    bool        spare;        /* no lane for devices if nothing happens there */
    /* Names a guest address: returns its text (in `buf` of `n` bytes, or a constant), or NULL for none. May be NULL. */
    const char *(*symbol)(void *self, uint32_t eip, char *buf, size_t n);
    void       *self;
};

struct ladder_row {
    uint32_t id, last;      /* first and last event this row stands for */
    uint32_t cause;         /* an event outside this row that it answers; 0: none */
    uint32_t episode;       /* 0: outside the hypervisor */
    uint32_t group;         /* rows that fold together; 0: alone */
    uint32_t count;         /* how many equal groups this row's group stands for */
    uint64_t cycle;         /* when it began */
    uint64_t cost;          /* on the EXIT row: cycles until RESUME, over all `count`; 0: not closed */
    uint8_t  kind, shape;   /* enum ev_kind, enum ladder_shape */
    uint8_t  from, to;      /* enum ladder_lane */
    bool     twin;
    char     label[LADDER_END_LABEL + 1];
    char     detail[LADDER_DETAIL + 1]; /* the second, smaller line; may be empty */
    int      y;
};

struct ladder_band  { uint32_t first, last, count; uint64_t cost; int y0, y1; };  /* rows first..last */
/* From a cause to its effect: a curve that leaves and enters sideways, `bend` pixels from its ends (negative: to the
 * left; 0: the ends are on different lanes, and it runs downward). */
struct ladder_curve { uint32_t from, to; int x0, y0, x1, y1, bend; }; /* rows; pixels */

struct ladder {
    struct ladder_options options;
    struct ladder_row   *row;
    struct ladder_band  *band;
    struct ladder_curve *curve;
    uint32_t rows, bands, curves;
    bool has[LANE_COUNT];
    int  x[LANE_COUNT];                 /* lane centres */
    int  time_x, cost_x;                /* right edge of the cycle column, left edge of the cost column */
    int  head_y, top, bottom;           /* lane header boxes (top edge); lanes run from top to bottom */
    int  width, height;
};

/* Computes a layout; never NULL. The strings in `o` must outlive it; `symbol` is called only here. */
struct ladder *ladder_new(const struct trace *t, const struct ladder_options *o);
void           ladder_free(struct ladder *l);

/* Words for a lane: "guest kernel", and below it "ring 1". `buf` holds the latter when it must be made. */
const char *ladder_lane_title(const struct ladder *l, unsigned lane);
const char *ladder_lane_ring(const struct ladder *l, unsigned lane, char *buf, size_t n);
int         ladder_note_width(const struct ladder_row *r); /* pixels, of a NOTE's or END's box */
int         ladder_label_x(const struct ladder *l, const struct ladder_row *r); /* centre of an arrow's label */
const char *ladder_alt(const struct ladder *l);            /* text for those who cannot see it; never NULL */
bool        ladder_in_band(const struct ladder *l, uint32_t row); /* the hypervisor has control in this row */

/* For whoever gives rows other places (ladder_diff.h): what row `i` needs above and below its line, and the new places of all
 * rows, in pixels; bands and curves follow. `right`, `down`: how far everything else goes. */
void ladder_row_room(const struct ladder *l, uint32_t i, int *above, int *below);
void ladder_move(struct ladder *l, int right, int down, const int *y, int bottom);
void ladder_svg_body(const struct ladder *l, struct text *out); /* trace_svg.c: elements to stand in somebody's <svg> */
/* a theme's colours for what stands beside; background NULL: none */
struct ladder_ink { const char *ink, *faint, *mark, *background; };
struct ladder_ink ladder_ink(const char *theme);

/* Exporters. Each adds a whole document. */
void ladder_svg(const struct ladder *l, struct text *out);              /* trace_svg.c: SVG 1.1, real <text> */
void ladder_dot(const struct ladder *l, struct text *out);              /* trace_dot.c: for `neato -n2` */
void ladder_text(const struct ladder *l, bool ascii, struct text *out); /* trace_ladder_text.c: at most 80 columns */
/* trace_tikz.c: for LaTeX; `steps`: a slide more for each row */
void ladder_tikz(const struct ladder *l, bool steps, struct text *out);
void ladder_mermaid(const struct ladder *l, struct text *out);          /* trace_sequence.c: for wikis */
void ladder_plantuml(const struct ladder *l, struct text *out);

#endif
