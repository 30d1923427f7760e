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

static void invalidate(struct tlb_entry *e)
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
    bool there;
    unsigned w = tlb_search(set, page, &there);
    if (!there) return NULL;
    if (w) t->hits++;
    tlb_to_front(set, w);
    return set;
}

struct tlb_entry *tlb_insert(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    bool there;
    tlb_to_front(set, tlb_search(set, page, &there));
    *set = (struct tlb_entry){ .page = page, .valid = true };
    tlb_untag(set);
    tlb_use(t, set);
    return set;
}

/* Those behind it move up. */
static void remove_way(struct tlb_entry *set, unsigned w)
{
    for (; w + 1 < TLB_WAYS && set[w + 1].valid; w++) set[w] = set[w + 1];
    invalidate(&set[w]);
}

#define EACH_ENTRY(t, e) for (struct tlb_entry *e = &(t)->e[0][0]; e < &(t)->e[0][0] + TLB_CODE_SETS * TLB_WAYS; e++)

#define PDE_INSIDE (~PDE_LARGE_MASK & PAGE_MASK) /* of a page's name: where in a page of 4 MB it lies */

/* A fragment of a large page has no set of its own that the other's address would lead to. */
static void forget_fragments(struct tlb *t, uint32_t page)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        struct tlb_entry *set = t->e[__builtin_ctz(rest)];
        for (unsigned w = TLB_WAYS; w-- > 0;)
            if (set[w].valid && (set[w].pte & PTE_PS) && !((set[w].page ^ page) & ~PDE_INSIDE)) remove_way(set, w);
    }
}

void tlb_forget(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    bool there;
    unsigned way = tlb_search(set, page, &there);
    if (there) remove_way(set, way);
    if (t->large) forget_fragments(t, page);
}

/* True: there are global entries left. */
static bool flush_set(struct tlb_entry *set, bool globals_too)
{
    unsigned left = 0;
    for (unsigned w = 0; w < TLB_WAYS && set[w].valid; w++) {
        bool stays = !globals_too && (set[w].pte & PTE_G);
        if (stays && left != w) set[left] = set[w];
        if (!stays || left != w) invalidate(&set[w]);
        left += stays;
    }
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

void tlb_prune(struct tlb *t, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        struct tlb_entry *set = t->e[n];
        for (unsigned w = TLB_WAYS; w-- > 0;)
            if (set[w].valid && goes(self, &set[w])) remove_way(set, w);
        if (!set[0].valid) t->used &= ~(1u << n);
    }
    if (!t->used) t->large = false;
}

void tlb_suspend(struct tlb *t)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1)
        for (unsigned w = 0; w < TLB_WAYS; w++) tlb_untag(&t->e[__builtin_ctz(rest)][w]);
}
