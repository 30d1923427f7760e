/* A diagram of one address's way through the page tables: every reference, numbered; the guest's, the frame map's, the CPU's. */
#ifndef SIM_PICTURE_WALK_H
#define SIM_PICTURE_WALK_H

#include "sim/picture.h"
#include "sim/walk_view.h"

/* Draws the walk at the machine's present moment to `path` ("-": stdout). */
bool walk_write(const struct subject *s, const struct picture *p, const struct walk_what *what, const char *path, struct err *e);

#endif
