/* A finished SVG picture as TikZ, to be \input into a LaTeX document: for kinds that have no TikZ of their own. Reads what svg_read.h reads; one pixel is
 * 0.75 pt. Lettering is LaTeX's typewriter face, which is narrower than the picture's, so that words stay in their boxes. */
#ifndef SIM_SVG_TIKZ_H
#define SIM_SVG_TIKZ_H

#include "sim/core/err.h"
#include "sim/core/text.h"

/* Adds the document to `out`. EXIT_USAGE: `svg` is no such picture. */
bool svg_tikz(const struct text *svg, struct text *out, struct err *e);

/* Adds words as TeX; `xml`: `n` bytes, escaped as in SVG. Blanks do not break a line. */
void svg_tikz_words(const char *xml, size_t n, struct text *out);

#endif
