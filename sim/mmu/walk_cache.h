/* Caches of page walks: what a TLB miss need not read again. All off unless asked for (--set mmu.walk_cache, mmu.nested_tlb).
 *
 *   1D            entries of the first dimension that lead to a table, by where they lie in the machine: a PDE cache
 *   2D            those of the second, too
 *   nested TLB    where the pages with the first dimension's tables lie: a hit saves a whole walk of the second
 *
 * Idea 1: these are stale until told, as a TLB is. A first-dimension entry is kept once it is accessed, so that a hit owes it no A
 * bit; leaves are the TLB's affair.
 * Idea 2: what forgets which. INVLPG, MOV to CR3 and changes of mode forget the first dimension, all of it (the manual allows more
 * than was asked); INVEPT the second, and what a violation refused is looked at anew. VM entries and exits forget the first
 * dimension unless the guest has a tag, and never the second, whose entries are named by their root.
 *
 * Bhargava et al. 2008 (1D, 2D, nested TLB; 24 and 16 entries [R]); SDM vol. 3A 4.10.3, 3C 28.3.
 * TOUR mmu.17: short cuts in one and two dimensions. */
#ifndef MMU_WALK_CACHE_H
#define MMU_WALK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum { WALK_CACHE_ENTRIES = 24, WALK_CACHE_NESTED = 64 /* at most */ };

struct walk_cache {
    uint8_t  dimensions; /* 0: off, 1, 2 */
    uint8_t  nested;     /* entries of the nested TLB; 0: there is none */
    uint64_t tick;
    uint64_t hits[2];    /* entries that were not read again, by dimension */
    uint64_t nested_hits; /* walks of the second dimension that were not made */
    struct { bool valid; uint8_t dim; uint32_t at; uint64_t entry, used; } e[WALK_CACHE_ENTRIES];
    struct { bool valid; uint8_t rights; uint32_t root; uint64_t page, frame, used; } n[WALK_CACHE_NESTED];
};

static inline bool walk_cache_on(const struct walk_cache *c) { return c->dimensions || c->nested; }

/* An entry of dimension `dim` (0, 1) that lies at a machine address. */
bool walk_cache_find(struct walk_cache *c, unsigned dim, uint32_t at, uint64_t *entry);
void walk_cache_keep(struct walk_cache *c, unsigned dim, uint32_t at, uint64_t entry);
/* Where a page of addresses of the first dimension lies, and what may be done there (SECOND_R, W, X); by root. */
bool walk_cache_find_page(struct walk_cache *c, uint32_t root, uint64_t page, uint64_t *frame, uint8_t *rights);
void walk_cache_keep_page(struct walk_cache *c, uint32_t root, uint64_t page, uint64_t frame, uint8_t rights);
/* For people: is it there? Looking changes nothing. */
bool walk_cache_holds(const struct walk_cache *c, unsigned dim, uint32_t at);
bool walk_cache_holds_page(const struct walk_cache *c, uint32_t root, uint64_t page);
void walk_cache_forget_first(struct walk_cache *c);
void walk_cache_forget_second(struct walk_cache *c);

#endif
