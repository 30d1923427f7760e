/* What the long way of a TLB miss (mmu.c) and the short one (fill.c) share. */
#ifndef MMU_FILL_H
#define MMU_FILL_H

#include "sim/mmu/behind.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"

static inline bool fill_paging(const struct mmu *m) { return m->cr0 & PAGING_CR0_PG; }

/* Can a cached translation serve the access? A first write to a page not yet dirty cannot: D must be set in memory. */
static inline bool fill_serves(const struct mmu *m, const struct tlb_entry *e, unsigned access)
{
    return walk_allows(e->pte, access, m->cr0) && (!(access & ACCESS_WRITE) || (e->pte & PTE_D));
}

/* What is known of a page behind the first level, if it permits the access; else NULL. */
static inline struct tlb_entry *fill_known(const struct mmu *m, uint32_t lin, unsigned access)
{
    bool code = access & ACCESS_EXEC;
    if (!m->behind || !behind_any(m->behind, code)) return NULL;
    struct tlb_entry *e = behind_find(m->behind, code, (lin & PAGE_MASK) | m->space);
    return e && fill_serves(m, e, access) ? e : NULL;
}

/* Must a walk look behind the first level, or put there what it finds? */
static inline bool fill_looks_behind(const struct mmu *m, bool code)
{
    return m->behind && (m->behind->second.e || m->behind->large[code].any);
}
/* CR3 has changed, or what struct mmu.root_of says besides. */
static inline void fill_note_root(struct mmu *m)
{
    for (unsigned code = 0; code < 2; code++) m->root_of[code] = m->plain[code] ? (m->cr3 & PAGE_MASK) | m->kind : MMU_NO_ROOT;
}
/* Whoever changes what struct mmu.plain says calls this. */
static inline void fill_note_plain(struct mmu *m)
{
    enum { ALWAYS = 1 << 11, WP = 1 << 10, PGE = 1 << 9 };
    bool all = m->two_levels && m->direct && !(m->points && m->points->armed);
    for (unsigned code = 0; code < 2; code++) m->plain[code] = all && !fill_looks_behind(m, code);
    m->kind = ALWAYS | (m->cr0 & PAGING_CR0_WP ? WP : 0u) | (m->cr4 & PAGING_CR4_PGE ? PGE : 0u) | m->space;
    fill_note_root(m);
}

/* What a walk has found may be known behind the first level, too; but not pieces of large pages that are walked otherwise. */
static inline void fill_behind(struct mmu *m, bool code, const struct tlb_entry *e)
{
    bool large = e->pte & PTE_PS;
    if (!m->behind || !(large ? m->two_levels : m->behind->second.e != NULL) || !fill_paging(m) || (e->pte & PTE_BEYOND)) return;
    behind_put(m->behind, code, e->page, e->frame, e->pte);
    fill_note_plain(m);
}

/* Opens the fast path as far as this access proves it harmless. Write tags wait for a write, so that a frame is marked
 * as stored to only if it is; a frame that is marked already, and whose D bit is set, need not wait. */
void mmu_open(struct mmu *m, struct tlb_entry *e, unsigned access);

#endif
