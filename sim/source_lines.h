/* Source lines for addresses: the line table (DWARF, .debug_line) of an ELF image, and the text of those lines.
 *
 * Idea: names and lines describe an image, they are no part of a machine; so a front end that wants lines opens the image's file
 * once more, when somebody wants to see them. elfutils' libdw reads DWARF 2 to 5. Where it was not there when Ringside was built,
 * no image has lines, and nothing else changes.
 *
 * Addresses are virtual ones, as in symbols.h: ask with machine_code or machine_eip (the guest's own code, not a translation).
 * DWARF 5, section 6.2. Left out: inlined functions' call chains, views, columns; executables that are relocated when loaded. */
#ifndef SIM_SOURCE_LINES_H
#define SIM_SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/err.h"

struct source_lines; /* opaque */

struct source_line {
    const char *file;      /* as the compiler named it, with its directory where that is known; lives as long as the table */
    unsigned    line;      /* from 1 */
    uint32_t    addr, end; /* the instructions [addr, end) come from this line; other ranges may, too */
};

/* Reads the lines of the image `path`. NULL: it has none, or is no ELF, or cannot be read, or this Ringside was built without libdw;
 * `e` (may be NULL) says which, with EXIT_INPUT. Never a reason to refuse an image. */
struct source_lines *source_lines_open(const char *path, struct err *e);
/* The same of a file in memory; `path` is where sources are looked for. */
struct source_lines *source_lines_read(const char *path, const uint8_t *bytes, size_t size, struct err *e);
void source_lines_free(struct source_lines *s); /* NULL is harmless */

/* The line that the instruction at `addr` was made from. False: none is known. `s` may be NULL in all of these. */
bool source_lines_at(const struct source_lines *s, uint32_t addr, struct source_line *out);
/* The first line at or below `line` of a file that became instructions, and the lowest address of it: for stop points. `file`: its
 * path, or the end of it ("popf.c", "popf/popf.c"). False: no such file, or nothing below. */
bool source_lines_find(const struct source_lines *s, const char *file, unsigned line, struct source_line *out);
/* The text of a line, tabs as spaces, cut at `room` bytes; false, and "", if the source is not on this computer. A relative path is
 * looked for from here, and from the directories that the image lies in. */
bool source_lines_text(struct source_lines *s, const struct source_line *l, char *buf, size_t room);
/* Where that source lies on this computer; NULL if it does not. */
const char *source_lines_path(struct source_lines *s, const struct source_line *l);
/* The last part of its path: "popf.c". */
const char *source_line_name(const struct source_line *l);
/* Can this Ringside read them at all? */
bool source_lines_built(void);

#endif
