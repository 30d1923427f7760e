/* Page-table entries of IA-32 paging. SDM vol. 3A fig. 4-4, tables 4-8 to 4-11.
 *
 *   31                          12 11 9  8   7   6   5   4    3    2    1    0
 *   |        page frame           | AVL| G | PS| D | A |PCD|PWT| U/S| R/W| P |
 *   PDE with PS=1 maps 4 MB: bits 31..22 are the frame, 16..13 its bits 35..32 (PSE-36), 12 is PAT, 21..17 reserved.
 *   With PAE entries have 8 bytes: the lower half as above, bits 3..0 of the upper one are the frame's 35..32, the rest
 *   reserved (there is no NX); PDE with PS=1 maps 2 MB: 20..13 are reserved. */
#ifndef MMU_PTE_H
#define MMU_PTE_H

#include <stdint.h>

enum {
    PTE_P = 1u << 0, PTE_W = 1u << 1, PTE_U = 1u << 2, PTE_PWT = 1u << 3, PTE_PCD = 1u << 4, PTE_A = 1u << 5,
    PTE_D = 1u << 6, PTE_PS = 1u << 7, PTE_G = 1u << 8, PTE_AVL = 7u << 9
};
enum { /* page-fault error code. SDM 3A fig. 4-12 */
    PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8
};
#define PDE_LARGE_MASK 0xFFC00000u
#define PDE_LARGE_RESERVED 0x003E0000u
#define PDE_LARGE_HIGH 0x0001E000u
#define PAE_RESERVED 0xFFFFFFF000000000ull
#define PAE_LARGE_RESERVED 0x001FE000u
enum { PAE_SLOTS = 512, PAE_PDE_SHIFT = 21 };
#define PAE_LARGE_INSIDE 0x001FFFFFu            /* the offset in a page of 2 MB */
#define PDPTE_RESERVED (PAE_RESERVED | 0x1E6u)  /* of a present one */
/* In CR3 or an entry that leads to a table, where those are shadows (agile paging, walk.h): that table is the guest's own. */
enum { PTE_SWITCH = 1u << 11 };
/* In combined rights (walk_rights), in place of a bit for software: the frame lies beyond 4 GB, where this bus ends. */
enum { PTE_BEYOND = 1u << 9 };

/* The bits of CR0 and CR4 that paging depends on. This room and the CPU's never include each other, hence own names. */
enum { PAGING_CR0_WP = 1u << 16, PAGING_CR4_PSE = 1u << 4, PAGING_CR4_PAE = 1u << 5, PAGING_CR4_PGE = 1u << 7, PAGING_VECTOR = 14 };
#define PAGING_CR0_PG (1u << 31)

enum { PTE_SLOTS = 1024, PDE_SHIFT = 22 }; /* entries of a table; a directory entry spans 1 << PDE_SHIFT bytes */
static inline uint32_t pde_slot(uint32_t linear) { return linear >> PDE_SHIFT; }
static inline uint32_t pte_slot(uint32_t linear) { return linear >> 12 & (PTE_SLOTS - 1); }

#endif
