/* A ZIP archive, built in memory: the same files give the same bytes (PKWARE APPNOTE 6.3.3; every file is dated 1 January 1980). Files of less
 * than 4 GB, 65,535 at most; no directories of their own, no encryption. */
#ifndef SIM_ZIP_H
#define SIM_ZIP_H

#include <stdbool.h>
#include "sim/core/text.h"

struct zip { struct text bytes, directory; unsigned files; }; /* zero-initialise */
/* `mode`: as of a Unix file, 0644 or 0755. False: the host's memory is used up. */
bool zip_add(struct zip *z, const char *name, const void *bytes, size_t n, unsigned mode);
/* Puts the directory behind; `bytes` is the archive then. */
void zip_end(struct zip *z);
void zip_free(struct zip *z);

#endif
