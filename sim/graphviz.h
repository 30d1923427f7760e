/* Turning our diagrams into PNG and PDF with programs of the system: rsvg-convert on our SVG, or neato on our DOT. */
#ifndef SIM_GRAPHVIZ_H
#define SIM_GRAPHVIZ_H

#include "sim/core/err.h"
#include "sim/core/text.h"

/* Adds the picture's bytes to `out`. `format`: "png", "pdf" or "tex" (TikZ). EXIT_ENVIRONMENT, with the package to install, if
 * neither program is there, or with the program's own first words if it fails. */
bool graphviz_convert(const struct text *svg, const struct text *dot, const char *format, struct text *out, struct err *e);

/* As graphviz_convert, several documents of one size as pages (pdf), or one (png). By rsvg-convert only. */
bool graphviz_pages(const struct text *pages, unsigned n, const char *format, struct text *out, struct err *e);

/* An SVG document with letters as shapes instead of <text>, so that it looks the same where fonts are others. By rsvg-convert only; keeps <title> and
 * <desc>, but no ids. */
bool graphviz_outline(const struct text *svg, struct text *out, struct err *e);

/* Lays a DOT graph out with `dot`: adds "svg", "png" or "pdf" to `out`. EXIT_ENVIRONMENT likewise. */
bool graphviz_layout(const struct text *dot, const char *format, struct text *out, struct err *e);

/* For DOT: the attributes that give lines and words a theme's ink ("" for the themes on white), to stand in [...] of graph, node or edge. */
const char *graphviz_ink(const char *theme);

/* For DOT: the value of bgcolor: white for the themes on paper. */
const char *graphviz_paper(const char *theme);

/* Adds an edge's label, of DOT's escapes, with air on both sides of each line: dot puts it right at the edge. */
void graphviz_beside(const char *label, struct text *out);

/* Is `program` found along PATH? */
bool graphviz_has(const char *program);

#endif
