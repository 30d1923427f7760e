/* The paper of a finished SVG document: what is painted behind everything, so that a canvas that grew has no bare edges. Our own documents have a rectangle
 * there, Graphviz's a polygon; most themes have none, and let the slide show. */
#ifndef SIM_SVG_PAPER_H
#define SIM_SVG_PAPER_H

#include <stdbool.h>
#include "sim/core/text.h"

/* Its colour, as it stands in the document. False: it has none. */
bool svg_paper(const struct text *svg, char *colour, size_t room);
/* Makes it as large as viewBox; without paper nothing happens. */
void svg_paper_cover(struct text *svg);

#endif
