/* --split: a picture that is higher than a slide becomes several slides, whoever drew it.
 *
 * Idea 1: the finished SVG is cut, not the layout. What stands above a line that the kind named (its title, the names of its lanes or columns) is on
 * each slide, what stands below another line (an axis, the caption) too; between them the paper is cut where nothing stands, best where no group of
 * elements is torn. Nothing is scaled, so all slides have one scale; elements keep their ids.
 * Idea 2: SVG and PNG are a file for each slide, PDF is one file of several pages.
 * Not split: what Graphviz laid out (a graph has no rows), which is fitted on one slide; pictures that are wide (made smaller). */
#ifndef SIM_PICTURE_SPLIT_H
#define SIM_PICTURE_SPLIT_H

#include "sim/options.h"

/* From now on, as --split, --format and -o say. `width`, `height`: a slide. EXIT_USAGE. */
bool picture_split(const struct options *o, int width, int height, struct err *e);
bool picture_splits(void);
/* What the next picture repeats: all above `head`, and all below `foot` (0: nothing), in its pixels. */
void picture_split_keep(int head, int foot);
/* What stands below `foot` is repeated, too, unless that begins higher already: a caption. */
void picture_split_foot(int foot);
/* Writes an SVG document to `path`, which has one %d in it; if nobody gave a path, "-%02d" comes before its ending. EXIT_USAGE, EXIT_ENVIRONMENT. */
bool picture_split_put(const struct text *svg, const char *path, struct err *e);
/* "diagram: PATH", or which slides were written, to stderr. */
void picture_tell(const char *path);

#endif
