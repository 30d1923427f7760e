/* A ladder diagram of a run: which events, in which form, written where. Shared by run and draw. */
#ifndef SIM_PICTURE_H
#define SIM_PICTURE_H

#include "sim/picture_run.h"

enum picture_format { PICTURE_SVG, PICTURE_DOT, PICTURE_PNG, PICTURE_PDF, PICTURE_TXT, PICTURE_TIKZ, PICTURE_MERMAID, PICTURE_PLANTUML, PICTURE_FORMATS };
enum { PICTURE_ROWS = 40 }; /* a page */

struct picture {
    uint32_t from, to;           /* ids of events */
    unsigned max_rows;           /* 0: all */
    enum picture_format format;
    const char *theme;           /* "light", "dark", "print", "mono"; NULL: light */
    bool ascii, frames;          /* frames: a file for each row, or one of TikZ with a slide for each */
};

/* From --format, else from the ending of `path`, else SVG. EXIT_USAGE. */
bool picture_format(const struct options *o, const char *path, enum picture_format *f, struct err *e);
const char *picture_ending(enum picture_format f); /* "svg" */
/* --theme, checked. */
bool picture_theme(const struct options *o, const char **theme, struct err *e);
/* What to show when nobody says: the steps of the scenario's own drawing; else around the first silent failure; else
 * from the first exit, or the start. */
void picture_range(const struct subject *s, const struct picture_run *run, struct picture *p); /* s: NULL: a file */
/* `visits` visits to the hypervisor before event `id`, so that a picture begins with how things normally go. */
uint32_t picture_visits_before(const struct trace *t, uint32_t id, unsigned visits);
/* The path of a frame: `path` has one %d in it. EXIT_USAGE: it has none. */
bool picture_frame_path(const char *path, uint32_t frame, char *name, size_t n, struct err *e);
/* EXIT_USAGE if a picture of bytes would go to a terminal. */
bool picture_terminal(const struct picture *p, const char *path, struct err *e);
/* Draws to `path` ("-": stdout), whole or not at all. EXIT_ENVIRONMENT. */
bool picture_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e);

#endif
