/* What the MMU does to the arrays of sim/core/tlb.h: find, insert, forget.
 *
 * A page is named by its address and, in the lower bits, by the number of the space it belongs to (core/space.h).
 *
 * Idea: the order of a set's ways *is* its recency; a hit moves to way 0, an insertion pushes the last way out. What the CPU did
 * with open pages since then is brought in before anyone looks (tlb_order).
 * Valid entries come first, so the first invalid way, or else the last, is also the one that an insertion takes. With
 * struct tlb.lines, entries stay where they are, and the first that was not recently used makes room.
 * A 4 MB page is cached as the 4 KB fragments that were used (PTE_PS in each), as small TLBs of real CPUs do, so
 * invalidating one address of it must find all of them. SDM vol. 3A 4.10. Not modelled: PCID, speculative fills.
 * TOUR mmu.3: what is remembered of walks, and when it is forgotten. */
#ifndef MMU_TLB_H
#define MMU_TLB_H

#include "sim/core/tlb.h"

void tlb_reset(struct tlb *t);                              /* empties it; a zeroed struct tlb is NOT empty */
struct tlb_entry *tlb_find(struct tlb *t, uint32_t page);   /* as tlb_hit; NULL: absent */
struct tlb_entry *tlb_insert(struct tlb *t, uint32_t page); /* a fresh one: valid, no tags; caller fills it in */
void tlb_remove(struct tlb *t, struct tlb_entry *set, unsigned way); /* those behind it move up */
void tlb_forget_fragments(struct tlb *t, uint32_t page);
void tlb_flush(struct tlb *t, bool globals_too);
/* Removes what `goes` says; those it keeps keep their order. */
void tlb_prune(struct tlb *t, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self);
void tlb_suspend(struct tlb *t);                            /* as tlb_drop_tags, where there can be tags */
void tlb_drop_tags(struct tlb *t);                          /* the fast path only; translations stay */
void tlb_untag(struct tlb *t, struct tlb_entry *e);
void tlb_untag_writes(struct tlb *t, struct tlb_entry *e);
/* What the CPU knows of a page beyond the tags goes. */
static inline void tlb_unsettle(struct tlb *t, struct tlb_entry *e)
{
    if (e->settled) lines_drop_page(t->lines, e->page & PAGE_MASK, &e->settled);
}

/* Way `way` of a set, of this number, was used last: its bit. Only with struct tlb.lines. */
static inline void tlb_mark_in(struct tlb *t, struct tlb_entry *set, unsigned number, unsigned way)
{
    enum { ALL = (1 << TLB_WAYS) - 1 };
    uint8_t *recent = &t->recent[number];
    unsigned now = *recent | 1u << way;
    *recent = (uint8_t)now;
    if (now != ALL) return;
    *recent = (uint8_t)(1u << way);
    for (unsigned w = 0; w < TLB_WAYS; w++)
        if (w != way) tlb_unsettle(t, &set[w]);
}

static inline void tlb_mark(struct tlb *t, struct tlb_entry *set, unsigned way) { tlb_mark_in(t, set, tlb_set_number(t, set), way); }
/* The first way of a full set that was not recently used. */
static inline unsigned tlb_older(const struct tlb *t, unsigned number)
{
    return (unsigned)__builtin_ctz(~(unsigned)t->recent[number] | 1u << (TLB_WAYS - 1));
}

/* The entry of a set that `page`, which is in way `way` or nowhere (tlb_search), is to be written to: what it held is forgotten.
 * bits: there is struct tlb.lines. */
static inline struct tlb_entry *tlb_room(struct tlb *t, struct tlb_entry *set, unsigned way, bool there, bool bits)
{
    if (!bits) {
        tlb_shut(t, set[way].page);
        return tlb_to_front(t, set, way);
    }
    if (!there && set[way].valid) /* all are */
        way = tlb_older(t, tlb_set_number(t, set));
    tlb_unsettle(t, &set[way]);
    return &set[way];
}

/* The way that holds a page; if none does, the one that its insertion takes, which is invalid or the last (*there: which). */
static inline unsigned tlb_search(const struct tlb_entry *set, uint32_t page, bool *there)
{
    unsigned w = set[0].page == page ? 0 : set[1].page == page ? 1 : set[2].page == page ? 2 : set[3].page == page ? 3 : TLB_WAYS;
    *there = w < TLB_WAYS && set[w].valid; /* those that are not valid come last, and may have its name still */
    if (*there) return w;
    for (w = 0; w < TLB_WAYS - 1 && set[w].valid; w++) {}
    return w;
}
_Static_assert(TLB_WAYS == 4, "tlb_search");

/* Forgets one page, whose set is `set` and in order; fragments of a 4 MB page all go. */
static inline void tlb_forget(struct tlb *t, struct tlb_entry *set, uint32_t page)
{
    for (unsigned w = 0; w < TLB_WAYS && set[w].valid; w++)
        if (set[w].page == page) {
            tlb_remove(t, set, w);
            break;
        }
    if (t->large) tlb_forget_fragments(t, page);
}

/* This set is in use: a flush will look at it. */
static inline void tlb_in_use(struct tlb *t, const struct tlb_entry *set)
{
    t->used |= 1u << tlb_set_number(t, set);
}

#endif
