/* Spaces, inside the MMU: a number for each, and what TLB entries of which space to forget. See core/space.h.
 *
 * A tag and a root together have a number from 1 on while any translation of theirs may be cached; 0 is for what has no tag, and
 * for hosts. When the numbers run out, the oldest space's translations go: a TLB may forget at any time. SDM vol. 3C 28.3.2,
 * 28.3.3.
 * TOUR mmu.18: translations with a tag survive a change of spaces. */
#ifndef MMU_SPACE_H
#define MMU_SPACE_H

#include "sim/mmu/mmu.h"

/* Which walks the short way can make depends on the space, too. mmu.c */
void mmu_choose_walk(struct mmu *m);
/* All translations of one space, or all but global ones. */
void mmu_flush_space(struct mmu *m, uint32_t number, bool globals_too);

#endif
