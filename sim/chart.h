/* What charts have in common: themes, colours of machines and causes, round numbers for axes, a few shapes of SVG.
 *
 * SVG 1.1 as everywhere: real <text>, no scripts, no style sheets, whole pixels; colours from the Okabe-Ito set, and never the only
 * way to tell two things apart: lines carry their name at their end, pieces of a bar theirs inside or in the legend. */
#ifndef SIM_CHART_H
#define SIM_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/text.h"

struct chart_theme {
    const char *name, *background; /* NULL: transparent */
    const char *ink, *faint, *grid;
    bool mono;                     /* print without colours: all of `machine` and `cause` are ink and greys */
};
const struct chart_theme *chart_theme(const char *name); /* NULL or unknown: light */
const char *chart_machine(const struct chart_theme *t, const char *cpu);  /* colour of a technique */
const char *chart_cause(const struct chart_theme *t, unsigned cause);     /* colour of a cause */
const char *chart_on_cause(const struct chart_theme *t, unsigned cause);  /* colour of words on it */

void chart_open(struct text *out, const struct chart_theme *t, int width, int height, const char *title, const char *alt);
void chart_close(struct text *out);
/* anchor: "start", "middle", "end" */
void chart_words(struct text *out, int x, int y, int size, const char *anchor, const char *fill, bool bold, const char *words);
void chart_line(struct text *out, int x1, int y1, int x2, int y2, const char *stroke, const char *more);
void chart_rect(struct text *out, int x, int y, int w, int h, const char *fill, const char *more);

uint64_t chart_step(uint64_t span, unsigned parts); /* 1, 2 or 5 times a power of ten, so that `span` has at most `parts` */
void chart_short(struct text *out, double n);       /* 950, 12.4 k, 3.85 M, 1.2 G */
void chart_tick(struct text *out, uint64_t n);      /* a round number at an axis: 0, 500, 20 k, 1.5 M */

#endif
