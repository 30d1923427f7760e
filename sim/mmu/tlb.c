/* See tlb.h. */
#include "sim/mmu/tlb.h"

#include <string.h>
#include "sim/core/outcome.h"
#include "sim/mmu/pte.h"

void tlb_untag(struct tlb_entry *e)
{
    for (unsigned i = 0; i < 4; i++) e->tag[i] = TLB_NO_TAG;
}

void tlb_untag_writes(struct tlb_entry *e)
{
    e->tag[ACCESS_WRITE] = e->tag[ACCESS_WRITE | ACCESS_USER] = TLB_NO_TAG;
}

void tlb_invalidate(struct tlb_entry *e)
{
    e->valid = false;
    tlb_untag(e);
}

void tlb_reset(struct tlb *t)
{
    memset(t, 0, sizeof *t);
    tlb_drop_tags(t);
}

/* Makes way `from` of a set its most recently used one; those before it age by one. */
static struct tlb_entry *to_front(struct tlb_entry *set, unsigned from)
{
    struct tlb_entry e = set[from];
    memmove(set + 1, set, from * sizeof *set);
    set[0] = e;
    return set;
}

struct tlb_entry *tlb_find(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    for (unsigned w = 0; w < TLB_WAYS; w++) {
        if (!set[w].valid || set[w].page != page) continue;
        if (!w) return set;
        t->hits++;
        return to_front(set, w);
    }
    return NULL;
}

struct tlb_entry *tlb_insert(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    unsigned victim = 0;
    while (victim < TLB_WAYS - 1 && set[victim].valid) victim++;
    struct tlb_entry *e = to_front(set, victim);
    *e = (struct tlb_entry){ .page = page, .valid = true };
    tlb_untag(e);
    return e;
}

/* Calls for every entry are rare and the array is small: plain loops beat an index. */
#define EACH_ENTRY(t, e) for (struct tlb_entry *e = &(t)->e[0][0]; e < &(t)->e[0][0] + TLB_SETS * TLB_WAYS; e++)

void tlb_forget(struct tlb *t, uint32_t page)
{
    EACH_ENTRY(t, e) {
        bool fragment = (e->pte & PTE_PS) && pde_slot(e->page) == pde_slot(page);
        if (e->valid && (e->page == page || fragment)) tlb_invalidate(e);
    }
}

void tlb_flush(struct tlb *t, bool globals_too)
{
    EACH_ENTRY(t, e)
        if (globals_too || !(e->pte & PTE_G)) tlb_invalidate(e);
    t->flushes++;
}

void tlb_drop_tags(struct tlb *t)
{
    EACH_ENTRY(t, e) tlb_untag(e);
}
