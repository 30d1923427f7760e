/* The page walker: from CR3 to the leaf, one entry per level.
 *
 * Idea 1: it is pure. Entries come from a read function, so that one walker serves the hardware MMU (reads the
 * machine), the hypervisor (reads a guest's tables through the VM's bus) and diagrams (peek). Walking changes nothing.
 * Idea 2: every entry read is listed in x->ref; cost model, page-walk diagrams, setting A and D use this list.
 *
 *    31      22 21      12 11       0        a 4 MB page (PDE.PS with CR4.PSE) ends the walk one level early
 *   | PDE slot | PTE slot | offset  |
 *
 * With CR4.PAE: one of four PDPTEs, loaded with CR3 and no reference; then 9 bits, 9 bits, 12 bits; pages of 2 MB.
 * On a machine with deeper tables CR4.PAE means three to five levels of 9 bits, as in 64-bit mode, all of them walked. A linear
 * address has 32 bits: the third level's slot is 0 to 3, a fourth's and a fifth's is 0.
 *
 * Idea 3: with a second level of tables (second.h) an address that the first one names is no address yet. Each entry is
 * looked for by a walk of its own, and so is the address that comes out: n levels over m are (n+1)(m+1)-1 references.
 *
 * Idea 4: agile paging, which no processor has. CR3 names shadow tables, whose entries are machine addresses and need no second
 * level, down to an entry with PTE_SWITCH (CR3 may have it, too): the table that this leads to lies at a machine address as well,
 * but is the guest's own, and the addresses in it go through the second level. What the shadow part refuses is its owner's affair
 * (SECOND_SHADOW); what the guest's own tables refuse is the guest's page fault. Where the walk ended behind a switch, stores set
 * SECOND_DIRTY in the entry that ended the second level; the walk's own A and D do not. In the shadow part R/W binds
 * everybody, for it is the hypervisor's word; CR0.WP, which is the guest's, counts where the guest's own tables do. With PAE
 * the PDPTEs can have the bit. With s of n levels shadowed, over m, a walk reads s + (n - s)(m + 1) entries: 4, 8, 12, 16, 20
 * for 4 over 4, where two levels of tables read 24. Gandhi, Hill, Swift, ISCA 2016.
 *
 * SDM vol. 3A 4.3, 4.4 (walks), 4.6 (rights), 4.7 (error codes), 4.8 (accessed and dirty). Physical addresses have 36 bits,
 * but the bus ends at 4 GB: what lies beyond is not there, and reads as ones. Not modelled: NX, PAT; A is set only by walks
 * that succeed (the manual allows earlier).
 * TOUR mmu.2: from CR3 to the leaf; all other ways are short cuts of this one. */
#ifndef MMU_WALK_H
#define MMU_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/outcome.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/walk_cache.h"

/* Tables that translate what the others call physical; second.h has their entries. */
struct second {
    uint32_t root;   /* machine address */
    uint8_t  levels; /* 2 to 5; 0: there are none */
};

struct walk_env {
    uint32_t cr0, cr3, cr4;
    const uint64_t *pdpte; /* the four that are loaded; needed with CR4.PAE */
    uint32_t (*read)(void *self, hpa_t at); /* 4 bytes of an entry; `at` is an address on the walker's bus */
    void    *self;
    uint8_t  levels;       /* with CR4.PAE: 3 to 5; else as the manual has it */
    struct second second;
    bool     agile;        /* CR3's tables are shadows; there is a second level */
    struct walk_cache *cache; /* NULL: each entry is read. Hits are not listed in x->ref, and not counted in x->refs */
};

#define WALK_NOWHERE 0xFFFFF000u /* the page that stands for a frame beyond the bus (x->absent) */

/* Translates `at` for an access (enum access bits). True: x->at, leaf, large and ref[] are set, x->host is NULL.
 * False: *f is the #PF with its error code, or what the second level refused; ref[] holds what was read. With CR0.PG clear:
 * identity, no references of the first dimension. */
bool walk(const struct walk_env *w, gva_t at, unsigned access, struct xlat *x, struct fault *f);

/* After a walk that succeeded, where there is a second level: may A and D be set where this access wants them? False: *f says
 * which entry is the reason. */
bool walk_may_mark(const struct xlat *x, gva_t at, unsigned access, struct fault *f);

/* After a walk that succeeded: sets A in each entry used and D in the leaf if the access writes, through `write`, which
 * is called only for entries that change. Updates x->ref and x->leaf. */
void walk_accessed(struct xlat *x, unsigned access, void (*write)(void *self, hpa_t at, uint32_t entry), void *self);

/* All levels in one: R/W and U/S of PDE and PTE combined, D and G of the leaf, PS for a large page, PTE_BEYOND; everything
 * permitted (and dirty) with paging off. Where a second level forbids stores there is no D: the next store walks again. */
uint32_t walk_rights(const struct xlat *x);

/* Do combined rights permit an access, given CR0.WP? A supervisor may read everything; whether R/W binds its writes too is
 * CR0.WP. SDM 3A 4.6.1. */
static inline bool walk_allows(uint32_t rights, unsigned access, uint32_t cr0)
{
    if ((access & ACCESS_USER) && !(rights & PTE_U)) return false;
    if (!(access & ACCESS_WRITE) || (rights & PTE_W)) return true;
    return !(access & ACCESS_USER) && !(cr0 & PAGING_CR0_WP);
}

#endif
