/* The strategy "two-level", inside: second-level tables from the VM's addresses to the machine's, which hardware walks
 * (second.h). The guest's own tables are walked, too, and are its own: page faults, CR3 and INVLPG are nobody else's affair.
 *
 * Idea 1: an entry is filled when a violation asks for it, out of the VM's frame map; nothing depends on what the guest's
 * tables say, so nothing of theirs is traced, followed or kept. What no RAM answers stays absent: each access to a device is
 * a violation.
 * Idea 2: tables are a cache like any other. When their frames run out all are dropped and filled anew.
 * Idea 3: hardware without paging in a guest (CR0.PG is fixed) gets identity tables from us. They lie beyond 4 GB of the VM's
 * addresses, where no guest without paging reaches, and only while its paging is off.
 *
 * Idea 4: below ring 0, where no processor walks a second level, a counterfactual one does (core/space.h): the hypervisor's
 * window has a page directory of its own, and what is below it is walked as under VMX.
 *
 * SDM vol. 3C 28.2; Bhargava et al. 2008. Not modelled: accessed and dirty bits of the second level.
 * TOUR mmu.16: the hypervisor's side of it. */
#ifndef MMU_TWO_LEVEL_H
#define MMU_TWO_LEVEL_H

#include "sim/mmu/second.h"
#include "sim/mmu/strategy.h"

#define TWO_LEVEL_IDENTITY 0x100000000ull /* four page directories of PAE paging */

struct two_level {
    const struct vmmu_env *env;
    uint32_t cr0, cr3, cr4;  /* the guest's, as far as it leaves when it changes them */
    uint32_t used;           /* frames of the pool that are tables, or ours in another way; those behind are free */
    uint32_t identity;       /* the first of four frames of the pool */
    uint32_t upper;          /* where there is a window: a frame of the pool, the page directory that maps it and nothing else */
    bool     identity_seen;  /* the tables show it */
    uint8_t  levels;
    uint16_t *traces;        /* per frame of the VM: how often vmm asked for a write trace */
    /* Agile paging, if that is whose half this is: may the guest not store to this frame, whatever else? NULL: nobody says so. */
    bool   (*watched)(const void *self, uint32_t frame);
    const void *watcher;
    struct vmmu_stats stats;
};

/* No store to this page from now on, without a word: until it is filled anew. */
void two_level_protect(struct two_level *s, uint64_t at);
/* Has the hardware marked the page as stored to, since this was asked last? Then flush, or it will not mark it again. */
bool two_level_was_stored(struct two_level *s, uint64_t at);

extern const struct mmu_strategy mmu_two_level;

#endif
