/* Looking at what the MMU remembers: TLBs, caches of walks, where the lines of page tables are. Nothing here has effects. */
#ifndef MMU_LOOK_H
#define MMU_LOOK_H

#include "sim/core/known.h"
#include "sim/mmu/mmu.h"

/* Of references that mmu_probe listed: where is each line now? What an earlier one of the same walk brings is in the first
 * level. */
void mmu_homes(const struct mmu *m, struct xlat *x);

/* The entries of all TLBs; with `at`, only those of the sets that an access to it looks in (data or code by `access`, and what is
 * behind). `space`: the number of the space that the access would be in. Returns how many there are, of which the first
 * `room` are in the list. */
unsigned mmu_known(const struct mmu *m, const gva_t *at, unsigned access, uint32_t space, struct known_page *list, unsigned room);
/* The number of a space by its tag; UINT32_MAX: it has none now. */
uint32_t mmu_space_tagged(const struct mmu *m, uint16_t vpid);
/* Likewise the caches of walks. */
unsigned mmu_known_walks(const struct mmu *m, struct known_walk *list, unsigned room);

#endif
