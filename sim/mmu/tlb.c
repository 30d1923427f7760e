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
    bool code = t->code;
    memset(t, 0, sizeof *t);
    t->code = code;
    tlb_drop_tags(t);
}

struct tlb_entry *tlb_find(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    for (unsigned w = 0; w < TLB_WAYS; w++) {
        if (!set[w].valid || set[w].page != page) continue;
        if (!w) return set;
        t->hits++;
        return tlb_to_front(set, w);
    }
    return NULL;
}

struct tlb_entry *tlb_insert(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    unsigned victim = 0;
    while (victim < TLB_WAYS - 1 && set[victim].valid) victim++;
    struct tlb_entry *e = tlb_to_front(set, victim);
    *e = (struct tlb_entry){ .page = page, .valid = true };
    tlb_untag(e);
    t->used |= 1u << ((page >> PAGE_SHIFT) & (t->code ? TLB_CODE_SETS - 1u : TLB_DATA_SETS - 1u));
    return e;
}

#define EACH_ENTRY(t, e) for (struct tlb_entry *e = &(t)->e[0][0]; e < &(t)->e[0][0] + TLB_CODE_SETS * TLB_WAYS; e++)

/* A fragment of a large page has no set of its own that the other's address would lead to. */
void tlb_forget(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    for (unsigned w = 0; w < TLB_WAYS; w++)
        if (set[w].valid && set[w].page == page) tlb_invalidate(&set[w]);
    if (!t->large) return;
    EACH_ENTRY(t, e)
        if (e->valid && (e->pte & PTE_PS) && pde_slot(e->page) == pde_slot(page)) tlb_invalidate(e);
}

static bool flush_set(struct tlb_entry *set, bool globals_too)
{
    bool left = false;
    for (unsigned w = 0; w < TLB_WAYS; w++)
        if (!set[w].valid) continue; /* and has no tags */
        else if (globals_too || !(set[w].pte & PTE_G)) tlb_invalidate(&set[w]);
        else left = true;
    return left;
}

void tlb_flush(struct tlb *t, bool globals_too)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        unsigned set = (unsigned)__builtin_ctz(rest);
        if (!flush_set(t->e[set], globals_too)) t->used &= ~(1u << set);
    }
    if (!t->used) t->large = false;
    t->flushes++;
}

void tlb_drop_tags(struct tlb *t)
{
    EACH_ENTRY(t, e) tlb_untag(e);
}
