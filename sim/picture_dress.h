/* What every diagram may get on its way out, whoever drew it: a canvas of a given shape (--size), words under it
 * (--caption; picture_caption.h) and words for those who cannot see it (--alt). One command draws one diagram, so this is said once, by cmd_draw, and not handed through every kind. */
#ifndef SIM_PICTURE_DRESS_H
#define SIM_PICTURE_DRESS_H

#include "sim/options.h"

/* From now on, as the options say. EXIT_USAGE. */
bool picture_dress(const struct options *o, struct err *e);
bool picture_dressed(void);                 /* is there anything to do? */
bool picture_outlined(void);                /* --outline-text: SVG has shapes instead of letters */
double picture_scale(void);                 /* --scale: a PNG's pixels for each of the picture's */
/* Changes an SVG document; of anything else, --caption alone. */
void picture_dress_svg(struct text *svg);
/* The canvas in pixels of the SVG document that went out last, if it is higher than wide: no slide is. */
bool picture_tall(int *width, int *height);
void picture_resize(struct text *svg);      /* to the shape of --size; only if it was given */
/* As text_write, after picture_dress_svg; with --split: as several files. */
bool picture_put(const struct text *t, const char *path, struct err *e);

#endif
