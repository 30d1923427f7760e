/* Lines of memory that can be accessed at once: what the CPU compares a data access with when caches are modelled.
 *
 * An access is *settled* if it hits the data TLB and the first-level cache, and changes nothing in either: both replace what
 * was not used recently, and know by one bit an entry whether it was (tlb.h, mmu/cache.h), so most hits are of that kind. A
 * settled access costs no cycle beyond the instruction's own, and nobody has to hear of it. This table remembers, by linear
 * address, lines to which accesses are settled, and where their bytes are: one compare translates and models.
 *
 * It is a memory of what is true anyway. Dropping an entry never changes a result or a cycle; whoever takes a reason away (a
 * page or line is evicted, or no longer recently used; rights, watchers, marks of a frame change) must drop it. */
#ifndef CORE_LINES_H
#define CORE_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "sim/core/addr.h"

enum { LINE_SHIFT = 6, LINE_SIZE = 1 << LINE_SHIFT, LINES = 512, LINES_PAGES = LINES / (PAGE_SIZE / LINE_SIZE) };
#define LINE_MASK (~(uint32_t)(LINE_SIZE - 1))
#define LINE_NO_TAG 1u /* never equals a line's address */

struct line_tag {
    uint32_t  tag[2]; /* read, write: the line's linear address, or LINE_NO_TAG; what may be written may be read */
    uintptr_t base;   /* host address of a byte, less its linear address */
};

struct lines {
    struct line_tag e[2][LINES]; /* accesses as supervisor, as user; found by the address, whose low bits they share */
    uint64_t used[LINES_PAGES];  /* entries that may hold something, as bits */
    uint64_t losses;             /* how often any line of data, in this table or not, may have ceased to be settled */
};

/* The same for code, which is fetched line by line, and found by machine address. An instruction is fetched with the line that
 * its first byte lies in, when that is another line than that of the one before. */
enum { LINES_CODE = 256 };
#define LINE_NOWHERE UINT32_MAX
struct fetch {
    uint32_t line;             /* number (address / 64) of the line fetched last, or LINE_NOWHERE */
    uint64_t fetches;          /* how often it was another one */
    uint32_t near[LINES_CODE]; /* lines whose fetch is settled, by the low bits of their number */
};

static inline struct line_tag *lines_find(struct lines *l, unsigned user, uint32_t lin)
{
    return &l->e[user][lin >> LINE_SHIFT & (LINES - 1)];
}

static inline void lines_drop(struct lines *l, unsigned n)
{
    static const uint32_t none[2] = { LINE_NO_TAG, LINE_NO_TAG };
    memcpy(l->e[0][n].tag, none, sizeof none);
    memcpy(l->e[1][n].tag, none, sizeof none);
}

/* Those of a page, which are among the bits of *which: none then. All. */
void lines_drop_page(struct lines *l, uint32_t page, uint64_t *which);
void lines_drop_all(struct lines *l);
/* Makes all entries empty. What is zero is not empty. */
void lines_reset(struct lines *l);

#endif
