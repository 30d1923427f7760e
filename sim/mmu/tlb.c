/* See tlb.h. */
#include "sim/mmu/tlb.h"

#include <string.h>
#include "sim/core/outcome.h"
#include "sim/mmu/pte.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

static void untag(struct tlb_entry *e)
{
    static const uint32_t none[4] = { TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG, TLB_NO_TAG };
    memcpy(e->tag, none, sizeof none);
}

void tlb_untag(struct tlb *t, struct tlb_entry *e)
{
    tlb_unsettle(t, e);
    tlb_shut(t, e->page);
    untag(e);
}

void tlb_untag_writes(struct tlb *t, struct tlb_entry *e)
{
    tlb_unsettle(t, e);
    tlb_shut(t, e->page);
    e->tag[ACCESS_WRITE] = e->tag[ACCESS_WRITE | ACCESS_USER] = TLB_NO_TAG;
}

static void invalidate(struct tlb_entry *e)
{
    e->valid = false;
    e->settled = 0;
    untag(e);
}

#define EACH_ENTRY(t, e) for (struct tlb_entry *e = &(t)->e[0][0]; e < &(t)->e[0][0] + TLB_CODE_SETS * TLB_WAYS; e++)

void tlb_reset(struct tlb *t)
{
    bool code = t->code;
    struct lines *lines = t->lines;
    memset(t, 0, sizeof *t);
    t->code = code;
    t->lines = lines;
    EACH_ENTRY(t, e) untag(e);
    tlb_close(t);
    if (t->lines) lines_drop_all(t->lines);
}

struct tlb_entry *tlb_recent(struct tlb *t, struct tlb_entry *set, unsigned way)
{
    t->hits++;
    tlb_mark(t, set, way);
    return &set[way];
}

struct tlb_entry *tlb_find(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    bool there;
    tlb_order(t, set);
    unsigned w = tlb_search(set, page, &there);
    return there ? tlb_hit(t, set, w) : NULL;
}

struct tlb_entry *tlb_insert(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    bool there;
    tlb_order(t, set);
    unsigned way = tlb_search(set, page, &there);
    struct tlb_entry *e = tlb_room(t, set, way, there, t->lines);
    *e = (struct tlb_entry){ .page = page, .valid = true };
    untag(e);
    tlb_in_use(t, set);
    if (t->lines) tlb_mark(t, set, (unsigned)(e - set));
    return e;
}

/* Those behind it are moved, too. */
static __attribute__((noinline)) void remove_amid(struct tlb *t, struct tlb_entry *set, unsigned w)
{
    if (t->lines) {
        uint8_t *recent = &t->recent[tlb_set_number(t, set)];
        unsigned before = (1u << w) - 1;
        *recent = (uint8_t)((*recent & before) | (*recent >> 1 & ~before));
    }
    for (; w + 1 < TLB_WAYS && set[w + 1].valid; w++) set[w] = set[w + 1];
    invalidate(&set[w]);
}

void tlb_remove(struct tlb *t, struct tlb_entry *set, unsigned w)
{
    struct tlb_entry *e = &set[w];
    if (!t->lines) tlb_shut(t, e->page);
    else if (e->settled) lines_drop_page(t->lines, e->page & PAGE_MASK, &e->settled);
    if (w + 1 < TLB_WAYS && e[1].valid) {
        remove_amid(t, set, w);
        return;
    }
    if (t->lines) t->recent[tlb_set_number(t, set)] &= (uint8_t)((1u << w) - 1);
    invalidate(e);
}

#define PDE_INSIDE (~PDE_LARGE_MASK & PAGE_MASK) /* of a page's name: where in a page of 4 MB it lies */

/* A fragment of a large page has no set of its own that the other's address would lead to. */
void tlb_forget_fragments(struct tlb *t, uint32_t page)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        struct tlb_entry *set = t->e[__builtin_ctz(rest)];
        tlb_order(t, set);
        for (unsigned w = TLB_WAYS; w-- > 0;)
            if (set[w].valid && (set[w].pte & PTE_PS) && !((set[w].page ^ page) & ~PDE_INSIDE)) tlb_remove(t, set, w);
    }
}

/* What a set has open. */
static void shut_both(struct tlb *t, unsigned set)
{
    t->last[set].page = TLB_NO_LAST;
    tlb_shut(t, t->e[set][0].page);
    tlb_shut(t, t->e[set][1].page);
}

ALWAYS_INLINE void flush_sets(struct tlb *t, bool open)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        struct tlb_entry *e = t->e[n], *end = e + TLB_WAYS;
        if (open) shut_both(t, n);
        do invalidate(e++); /* or is, as those behind it are */
        while (e < end && e->valid);
    }
}

static void flush_all(struct tlb *t)
{
    if (!t->lines && !t->code) flush_sets(t, true);
    else flush_sets(t, false);
    memset(t->recent, 0, sizeof t->recent);
    t->used = 0;
    t->large = t->global = false;
}

/* True: there are global entries left. */
static bool flush_local(struct tlb *t, struct tlb_entry *set, uint8_t *recent)
{
    unsigned left = 0, marks = 0;
    tlb_order(t, set);
    shut_both(t, tlb_set_number(t, set));
    for (unsigned w = 0; w < TLB_WAYS && set[w].valid; w++) {
        bool stays = set[w].pte & PTE_G;
        if (stays) marks |= ((uint32_t)*recent >> w & 1u) << left;
        if (stays && left != w) set[left] = set[w];
        if (!stays || left != w) invalidate(&set[w]);
        left += stays;
    }
    *recent = (uint8_t)marks;
    return left;
}

void tlb_flush(struct tlb *t, bool globals_too)
{
    uint8_t none = 0;
    if (t->lines) lines_drop_all(t->lines);
    t->flushes++;
    if (globals_too || !t->global) {
        flush_all(t);
        return;
    }
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        unsigned set = (unsigned)__builtin_ctz(rest);
        if (!flush_local(t, t->e[set], t->lines ? &t->recent[set] : &none)) t->used &= ~(1u << set);
    }
    if (!t->used) t->large = t->global = false;
}

void tlb_swap(struct tlb_entry *set)
{
    const struct tlb_entry e = set[0];
    set[0] = set[1];
    set[1] = e;
}

void tlb_close(struct tlb *t)
{
    for (unsigned n = 0; n < TLB_CODE_SETS; n++) tlb_order(t, t->e[n]);
    for (uint32_t n = 0; n < TLB_OPEN; n++) tlb_shut(t, n << PAGE_SHIFT);
}

void tlb_drop_tags(struct tlb *t)
{
    tlb_close(t);
    EACH_ENTRY(t, e) untag(e);
    if (t->lines) lines_drop_all(t->lines);
}

void tlb_prune(struct tlb *t, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        unsigned n = (unsigned)__builtin_ctz(rest);
        struct tlb_entry *set = t->e[n];
        tlb_order(t, set);
        for (unsigned w = TLB_WAYS; w-- > 0;)
            if (set[w].valid && goes(self, &set[w])) tlb_remove(t, set, w);
        if (!set[0].valid) t->used &= ~(1u << n);
    }
    if (!t->used) t->large = t->global = false;
}

void tlb_suspend(struct tlb *t)
{
    for (uint32_t rest = t->used; rest; rest &= rest - 1) {
        struct tlb_entry *set = t->e[__builtin_ctz(rest)];
        tlb_order(t, set);
        shut_both(t, tlb_set_number(t, set));
        for (unsigned w = 0; w < TLB_WAYS; w++) untag(&set[w]);
    }
    if (t->lines) lines_drop_all(t->lines);
}
