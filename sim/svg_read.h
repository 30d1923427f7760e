/* Our own SVG documents, and Graphviz's, read back as a list of elements with their height.
 *
 * Idea: what these documents hold is little (rect, text, line, path, circle, ellipse, polygon, polyline, in groups, without style sheets), so whoever
 * changes a finished picture needs no parser of XML: elements in order, a few attributes, and from where to where on the paper each reaches.
 * Not read: transforms, and units other than pixels. */
#ifndef SIM_SVG_READ_H
#define SIM_SVG_READ_H

#include <stdbool.h>
#include "sim/core/text.h"

enum svg_kind { SVG_LEAF, SVG_OPEN, SVG_CLOSE }; /* an element; the beginning and the end of a group */

struct svg_item {
    unsigned char kind;
    const char *at;      /* in the document; of a leaf with words, its end tag included */
    size_t len;
    unsigned match;      /* OPEN: the index of its CLOSE; CLOSE: of its OPEN */
    double y0, y1;       /* from the top downward, in pixels; OPEN: of all it holds; y0 > y1: holds nothing */
};

struct svg {
    double x, y, w, h;   /* of viewBox */
    const char *root;    /* its start tag, `root_len` bytes with both brackets */
    size_t root_len;
    struct svg_item *item;
    unsigned items;
};

/* Is it a document of this kind at all? */
bool svg_is(const struct text *t);
/* Reads the root's children but <title> and <desc>. `t` must outlive it. False: not one of these documents, or no memory. svg_done afterwards. */
bool svg_read(struct svg *s, const struct text *t);
void svg_done(struct svg *s);
/* An attribute of an element: where its value begins, and its length; NULL: it has none. */
const char *svg_attribute(const char *at, size_t len, const char *name, size_t *n);
/* As a number; `otherwise`, if it has none or it is none. */
double svg_number(const struct svg_item *i, const char *name, double otherwise);
/* Puts `by` in the place of the `n` bytes at `at`, which lie in the document; pointers into it are void then. */
void svg_replace(struct text *svg, const char *at, size_t n, const char *by);
bool svg_named(const struct svg_item *i, const char *name); /* "text" */

#endif
