/* Names for addresses: the symbol table of an ELF image, sorted.
 *
 * Idea: a symbol covers [addr, end). A label without a size covers the rest of its section; an absolute constant covers
 * nothing and can only be found by name. Lookup by address returns the covering symbol that starts last, so the next
 * label ends the one before, and a label inside a function beats the function.
 *
 * System V ABI, "Symbol Table". Lives on the heap: names describe the machine, they are not part of it. Skipped:
 * section and file symbols, undefined ones, empty names. Unprintable bytes in names become '?'. */
#ifndef SIM_SYMBOLS_H
#define SIM_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
    const char *name;
    uint32_t addr, end; /* virtual addresses; end == addr: an absolute constant */
    uint32_t reach;     /* the highest `end` of this and all earlier symbols: where a search backwards may stop */
    uint8_t  rank;      /* of symbols at one address the highest wins: function, object, label; global before local */
};

struct symbols {
    struct symbol *row; /* by (addr, rank, name) */
    size_t         count;
    char          *names;
};

/* Reads the table of an ELF32 little-endian file in memory. A file without one, or with a broken one, gives an empty
 * set: names are a comfort, never a reason to refuse an image. */
void symbols_read(struct symbols *s, const uint8_t *file, size_t size);
void symbols_free(struct symbols *s);

/* The symbol covering `addr` and how far into it; NULL if none does. `offset` may be NULL. */
const char *symbols_at(const struct symbols *s, uint32_t addr, uint32_t *offset);
/* The address of a name; of several, the lowest global one, else the lowest. False if there is none. */
bool symbols_find(const struct symbols *s, const char *name, uint32_t *addr);
/* The nearest name by edit distance, for "did you mean"; NULL if nothing is near. */
const char *symbols_suggest(const struct symbols *s, const char *name);

#endif
