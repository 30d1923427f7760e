/* Whose translations count: what a CPU tells its MMU when another world takes over, as VM entries and exits do.
 *
 * Idea: translations in the TLB belong to a space, named by a tag (VPID) and by the second-level tables they went through. With
 * a tag of its own a space finds again what it left behind; those without one all have tag 0, and each starts with nothing.
 * Not of any manual: the upper end of the linear addresses may have tables of its own, in one dimension, that outlast the rest's
 * being changed. With that a second level can do without VMX (docs/twolevel.md, "The counterfactual").
 * SDM vol. 3C 28.3. */
#ifndef CORE_SPACE_H
#define CORE_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/addr.h"

struct space {
    uint32_t cr0, cr3, cr4;
    uint64_t pdpte[4];  /* the four that PAE paging loads; without it they mean nothing */
    uint32_t root;      /* machine address of second-level tables */
    uint8_t  levels;    /* of them; 0: there are none */
    bool     agile;     /* cr3's tables are shadows, with agile paging (mmu/walk.h) */
    uint16_t vpid;
    bool     tagged;    /* false: tag 0 it is, and nothing with that tag outlives the change */
    uint32_t upper;     /* linear addresses from here on are looked for in a page directory of their own; 0: there are none */
    uint32_t upper_root;/* machine address of it, until MOV to CR3 names another */
};

/* What to forget, of any space that the conditions fit. Globals are what a page-table entry's G says. */
struct space_match {
    bool     by_vpid, by_root, by_page;
    bool     keep_globals, keep_untagged; /* what has tag 0 stays */
    uint16_t vpid;
    uint32_t root;      /* also: not what went through no second level */
    gva_t    page;
};

#endif
