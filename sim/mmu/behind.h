/* What is asked before tables are walked: a second-level TLB for both, and entries for large pages as such.
 *
 * Idea: the first level (tlb.h), which the CPU compares with, knows small pages and pieces of large ones. Behind it a larger array
 * knows small pages again, and a small one each for data and code knows large pages whole, so that their pieces need no walk. All
 * are as stale as the first level is: what makes that forget makes these forget, too. Ways of a set are in the order of use.
 * SDM vol. 3A 4.10. Rows tlb.large_data, tlb.large_code, tlb2.entries, tlb2.ways, tlb2.stall. Not modelled: that on some processors
 * pieces of large pages need no place among the small ones; large pages under PAE or a second level of tables, which are pieces
 * only. */
#ifndef MMU_BEHIND_H
#define MMU_BEHIND_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/arena.h"
#include "sim/core/cost.h"
#include "sim/core/tlb.h"

enum { BEHIND_SETS = 1024, BEHIND_LARGE_WAYS = 4 };
struct behind_table {
    struct tlb_entry *e;    /* by set and way; `host` and `tag` mean nothing here. NULL: the model has no such table */
    uint32_t mask, ways;    /* sets - 1 */
    unsigned shift;         /* of an address: where the number of its set begins */
    bool any;               /* there may be valid entries */
    uint64_t used[BEHIND_SETS / 64], hits; /* sets that may have valid entries, as bits */
};

struct behind {
    struct behind_table second, large[2]; /* large[]: of data, of code */
    uint32_t stall;                       /* cycles of a hit in the second level */
};

/* As the model has them; NULL: it has none. */
struct behind *behind_new(const struct model *m, struct arena *a);

/* May it know anything of data, or of code? */
static inline bool behind_any(const struct behind *b, bool code) { return b->second.any || b->large[code].any; }
static inline bool behind_holds(const struct behind *b) { return behind_any(b, false) || b->large[true].any; }
/* Looks for a page, named as in struct tlb_entry: NULL, or its entry, which is that of the whole page if it is large. Nothing
 * changes; behind_use makes it the one used last, and is how many cycles that took. */
struct tlb_entry *behind_find(struct behind *b, bool code, uint32_t page);
uint32_t behind_use(struct behind *b, struct tlb_entry *e);
/* The piece that `page` is of what was found. */
static inline uint32_t behind_frame(const struct tlb_entry *e, uint32_t page)
{
    return e->frame | (page & PAGE_MASK & ~(e->page & PAGE_MASK));
}
/* A walk has found a page (a piece: both addresses are the piece's), with the rights that the first level remembers. */
void behind_put(struct behind *b, bool code, uint32_t page, uint32_t frame, uint32_t pte);

/* Forgets: the page of a linear address, named as in struct tlb_entry, whatever its size; all, or all that is not global;
 * whatever `goes` says of (its `self` is the last argument). No cycles pass. */
void behind_forget(struct behind *b, uint32_t page);
void behind_flush(struct behind *b, bool globals_too);
void behind_prune(struct behind *b, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self);

#endif
