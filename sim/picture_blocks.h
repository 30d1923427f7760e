/* A diagram of the translation cache: guest code beside its translation, unit by unit, and the chains between units. */
#ifndef SIM_PICTURE_BLOCKS_H
#define SIM_PICTURE_BLOCKS_H

#include "sim/picture.h"

/* Draws the cache as the run left it to `path` ("-": stdout). EXIT_USAGE if the technique does not translate;
 * EXIT_ENVIRONMENT. */
bool blocks_write(const struct subject *s, const struct picture *p, const char *path, struct err *e);

#endif
