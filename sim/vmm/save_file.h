/* The file that a saved virtual machine is: a header, then sections.
 *
 *   header  0  "RINGSAVE"   8  version   12  layout (core/state.h)   16  bytes of all, 64 bits
 *           24 CRC-32 of what is behind the header   28  CRC-32 of the header so far
 *   section 0  tag, four letters   4  0   8  bytes behind this, 64 bits; then those
 *
 * Every byte is under one of the two sums, so a file that was cut, or altered anywhere, is refused before anything of it is used. That
 * is against accidents: who wants to forge a file can compute a sum, and what a forged one holds is looked at when it is read. CRC-32 and
 * DEFLATE are zlib's. */
#ifndef VMM_SAVE_FILE_H
#define VMM_SAVE_FILE_H

#include "sim/core/err.h"
#include "sim/core/state.h"

enum { SAVE_VERSION = 1, SAVE_HEADER = 32 };
#define SAVE_TAG(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Writing: begin, sections (open, add bytes, close with what open returned), finish. */
void   save_begin(struct text *file);
size_t save_open(struct text *file, uint32_t tag);
void   save_close(struct text *file, size_t opened);
void   save_finish(struct text *file, uint32_t layout);
/* Adds bytes compressed, with their number before and after. */
void   save_packed(struct text *file, const struct text *bytes);

/* Reading. Is it such a file, whole and unaltered, and of this version? Else EXIT_INPUT, `name` naming it. */
bool save_check(const struct text *file, uint32_t layout, const char *name, struct err *e);
/* The section's bytes; false: there is none. The file must have been checked. */
bool save_find(const struct text *file, uint32_t tag, struct state_reader *r);
/* What save_packed wrote, `most` bytes at most; false: it is not that. The caller frees `to`. */
bool save_unpack(struct state_reader *r, size_t most, struct text *to);

#endif
