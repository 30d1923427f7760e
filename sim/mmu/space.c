/* See space.h. */
#include "sim/mmu/space.h"

#include <string.h>
#include "sim/mmu/behind.h"
#include "sim/mmu/fill.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/refill.h"
#include "sim/mmu/tlb.h"

enum { NUMBER = PAGE_SIZE - 1 };

struct one { uint32_t number; bool globals_too; };

static bool is_of(const void *one, const struct tlb_entry *e)
{
    const struct one *o = one;
    return (e->page & NUMBER) == o->number && (o->globals_too || !(e->pte & PTE_G));
}

static void prune(struct mmu *m, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self)
{
    tlb_prune(m->dtlb, goes, self);
    tlb_prune(m->itlb, goes, self);
    if (m->behind) behind_prune(m->behind, goes, self);
    fill_note_plain(m);
    m->dtlb->flushes++;
    m->itlb->flushes++;
}

void mmu_flush_space(struct mmu *m, uint32_t number, bool globals_too) { prune(m, is_of, &(struct one){ number, globals_too }); }

void mmu_forget_all(struct mmu *m)
{
    tlb_flush(m->dtlb, true);
    tlb_flush(m->itlb, true);
    walk_cache_forget_first(&m->cache);
    walk_cache_forget_second(&m->cache);
    refill_forget(m);
    if (m->behind) behind_flush(m->behind, true);
    fill_note_plain(m);
}

/* The number of a space with a tag; spaces_next is 0 as long as there was none. */
static uint32_t number_of(struct mmu *m, const struct space *s)
{
    bool second = s->levels;
    for (uint32_t n = 1; n < MMU_SPACES; n++) {
        const struct mmu_space *k = &m->spaces[n];
        if (k->vpid == s->vpid && k->second == second && k->root == (second ? s->root : 0)) return n;
    }
    if (!m->spaces_next) m->spaces_next = 1;
    uint32_t n = m->spaces_next;
    m->spaces_next = n + 1 < MMU_SPACES ? n + 1 : 1;
    if (m->spaces[n].vpid) mmu_flush_space(m, n, true);
    m->spaces[n] = (struct mmu_space){ s->vpid, second, second ? s->root : 0 };
    return n;
}

void mmu_space(void *mmu, const struct space *s)
{
    struct mmu *m = mmu;
    m->cr0 = s->cr0;
    m->cr3 = s->cr3;
    m->cr4 = s->cr4;
    memcpy(m->pdpte, s->pdpte, sizeof m->pdpte);
    m->second = (struct second){ s->root, s->levels };
    m->agile = s->agile;
    m->upper = s->upper;
    m->upper_root = s->upper_root;
    m->space = s->vpid ? number_of(m, s) : 0;
    mmu_choose_walk(m);
    if (!s->tagged) walk_cache_forget_first(&m->cache);
    if (!s->tagged && !m->spaces_next) {
        tlb_flush(m->dtlb, true);
        tlb_flush(m->itlb, true);
        return;
    }
    if (!s->tagged) mmu_flush_space(m, 0, true);
    tlb_suspend(m->dtlb);
    tlb_suspend(m->itlb);
}

/* ---- what INVVPID and INVEPT forget ---- */

struct search { const struct mmu *m; const struct space_match *match; };

static bool same_page(const struct tlb_entry *e, gva_t at)
{
    uint32_t mask = e->pte & PTE_PS ? PDE_LARGE_MASK : PAGE_MASK;
    return !((e->page ^ at.v) & mask);
}

static bool matches(const void *search, const struct tlb_entry *e)
{
    const struct search *s = search;
    const struct space_match *k = s->match;
    uint32_t number = e->page & NUMBER;
    const struct mmu_space *space = &s->m->spaces[number];
    if (k->keep_untagged && !number) return false;
    if (k->by_vpid && (!number || space->vpid != k->vpid)) return false;
    if (k->by_root && (!space->second || space->root != k->root)) return false;
    if (k->by_page && !same_page(e, k->page)) return false;
    return !k->keep_globals || !(e->pte & PTE_G);
}

void mmu_invalidate(void *mmu, const struct space_match *match)
{
    struct mmu *m = mmu;
    prune(m, matches, &(struct search){ m, match });
    walk_cache_forget_first(&m->cache);
    if (!match->by_vpid) walk_cache_forget_second(&m->cache);
}
