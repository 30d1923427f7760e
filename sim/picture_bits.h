/* Diagrams of the machine's state at one moment, and of ways between rings. */
#ifndef SIM_PICTURE_BITS_H
#define SIM_PICTURE_BITS_H

#include "sim/picture.h"

/* EFLAGS, CR0, CR4, the guest's beside the real ones, the last error code of a page fault, and the entries that lead to `va` (NULL: none):
 * every bit with its name, those that differ marked. To `path` ("-": stdout). */
bool bits_write(const struct subject *s, const struct picture *p, const uint32_t *va, const char *path, struct err *e);
/* Rings and who runs in them, with how often the processor went from each to each. picture_rings.c */
bool rings_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e);

#endif
