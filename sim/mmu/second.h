/* The second level: tables from guest-physical to machine addresses, which the hardware walks for every address that the
 * guest's own tables name. Intel calls them extended page tables.
 *
 *   63    52 51    36 35                         12 11    8   7    6   5   3   2   1   0
 *   | any   |  zero  |         page frame          |  any | L |PAT| type  | X | W | R |
 *   None of R, W, X: absent. W without R is no legal entry, nor is a memory type of 2, 3 or 7 in a leaf, nor type, PAT or L in an
 *   entry that is none. L ends the walk at level 2, with a page of 2 MB, whose bits 20..12 are zero.
 *
 * A table has 512 entries of 8 bytes; the root's take what is left of the address, and that is more than 512 where there are only
 * two levels: such a root has eight pages, for 8 GB. Four levels are the manual's; two, three and five are for counting.
 *
 * Idea: rights are those that all entries of a walk permit, and are asked for besides the guest's own. A refusal is the
 * owner's affair and not the guest's: violation (the access is not permitted) or misconfiguration (the entry is not legal).
 *
 * SDM vol. 3C 28.2 (2009: 3B 25.2). Not modelled: accessed and dirty bits in these entries as later
 * processors have them (agile paging has a dirty bit of its own, walk.h), pages of 1 GB, memory types.
 * TOUR mmu.15: a second level of tables, below the guest's. */
#ifndef MMU_SECOND_H
#define MMU_SECOND_H

#include "sim/mmu/walk.h"

enum { SECOND_R = 1, SECOND_W = 2, SECOND_X = 4, SECOND_ALL = 7, SECOND_TYPE = 7 << 3, SECOND_WRITE_BACK = 6 << 3, SECOND_IGNORE_PAT = 1 << 6,
       SECOND_LARGE = 1 << 7, SECOND_DIRTY = 1 << 9 /* with agile paging only */ };
#define SECOND_FRAME 0x0000000FFFFFF000ull
#define SECOND_RESERVED 0x000FFFF000000000ull
#define SECOND_LARGE_INSIDE 0x001FFFFFull
enum { SECOND_SLOTS = 512, SECOND_ROOT_PAGES = 8 /* of a root with two levels */ };

/* How far an entry of this level shifts an address; the slot in its table. */
static inline unsigned second_shift(unsigned level) { return PAGE_SHIFT + 9 * (level - 1); }
static inline uint32_t second_slot(uint64_t at, unsigned level, unsigned levels)
{
    uint32_t slot = (uint32_t)(at >> second_shift(level));
    return level == levels && levels == 2 ? slot : slot & (SECOND_SLOTS - 1);
}
/* Is the address within reach of a root? */
static inline bool second_reaches(uint64_t at, unsigned levels)
{
    return levels > 2 || at >> second_shift(2) < SECOND_ROOT_PAGES * SECOND_SLOTS;
}

/* Is a present entry one that the manual allows? */
bool second_legal(uint64_t entry, unsigned level);

/* What a walk came to. */
struct second_end {
    uint64_t at;     /* machine address */
    uint8_t  rights; /* SECOND_R, W, X */
    uint8_t  level;  /* of the entry that ended it */
};
/* Translates `at` through w->second, for the guest's entry of level `serves` (0: for the address itself), if all of `need`
 * (SECOND_R, W, X) is permitted. Entries read are added to x->ref. False: *f has refusal, qualification (but for SECOND_LINEAR and
 * SECOND_FINAL) and address. */
bool second_walk(const struct walk_env *w, uint64_t at, unsigned need, uint8_t serves, struct xlat *x, struct second_end *end,
                 struct fault *f);

#endif
