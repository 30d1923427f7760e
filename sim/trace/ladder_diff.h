/* Two ladders side by side: which row of one is which of the other, and where they first part.
 *
 * Idea 1: rows are aligned as lines of text are, by the longest sequence that both have, where a row counts as the same if
 * the same went from lane to lane under the same name, and for less if it only has the name, or only leads to the same place:
 * what one machine does with a gate the other may do with an exit.
 * Idea 2: aligned rows get one height; then each side is drawn by those who draw ladders.
 * Not done: looking for a row that moved past others; it is on one side there, and on the other side here. */
#ifndef TRACE_LADDER_DIFF_H
#define TRACE_LADDER_DIFF_H

#include "sim/trace/trace_ladder.h"

enum ladder_how { PAIR_SAME, PAIR_OTHER, PAIR_LEFT, PAIR_RIGHT, PAIR_COUNT }; /* other: in another way; left, right: there only */
enum { LADDER_DIFF_ROWS = 400, LADDER_DIFF_TOP = 60 }; /* the most rows that are aligned; pixels above the ladders */

struct ladder_pair { uint32_t row[2]; uint8_t how; int above, below, y; };    /* LADDER_NONE: no row on that side */

struct ladder_diff {
    struct ladder *l[2];             /* moved; of rows beyond `lines` nothing is shown */
    const char *name[2];             /* "te·shadow, model p4" */
    const char *title, *caption, *theme; /* UTF-8 */
    const char *alt;                 /* NULL: made from the counts */
    struct ladder_pair *pair;
    uint32_t lines, more;            /* drawn; left out after them */
    uint32_t first;                  /* the first line that is not the same; LADDER_NONE: none */
    uint32_t count[PAIR_COUNT];
    uint32_t shown;                  /* frames: only so many lines are there yet; 0: all */
    int width, height, x;            /* x: where the right one begins */
};

/* Aligns the rows of d->l and gives them their places; `most` lines, 0: all. Names, title, caption and theme are set already. */
void ladder_diff_make(struct ladder_diff *d, unsigned most);
void ladder_diff_free(struct ladder_diff *d); /* the ladders, too */
/* Adds what the picture says, in a sentence or two. */
void ladder_diff_words(const struct ladder_diff *d, struct text *out);

/* Exporters. Each adds a whole document. */
void ladder_diff_svg(struct ladder_diff *d, struct text *out);                   /* ladder_diff_svg.c */
void ladder_diff_dot(const struct ladder_diff *d, struct text *out);             /* ladder_diff_text.c: for `neato -n2` */
void ladder_diff_text(const struct ladder_diff *d, bool ascii, struct text *out); /* at most 80 columns */

#endif
