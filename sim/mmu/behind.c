/* See behind.h. */
#include "sim/mmu/behind.h"

#include <string.h>
#include "sim/mmu/pte.h"

#define EACH_TABLE(b, t) \
    for (struct behind_table *all[] = { &(b)->second, &(b)->large[0], &(b)->large[1] }, **at = all, *t; at < all + 3 && (t = *at, true); at++)

/* A large page's name is that of its first piece. */
static uint32_t whole(uint32_t page) { return (page & PDE_LARGE_MASK) | (page & (PAGE_SIZE - 1)); }

static uint32_t set_of(const struct behind_table *t, uint32_t page) { return page >> t->shift & t->mask; }

static struct tlb_entry *find(const struct behind_table *t, uint32_t page)
{
    struct tlb_entry *set = t->e + set_of(t, page) * t->ways;
    for (unsigned w = 0; w < t->ways && set[w].valid; w++)
        if (set[w].page == page) return &set[w];
    return NULL;
}

struct tlb_entry *behind_find(struct behind *b, bool code, uint32_t page)
{
    const struct behind_table *large = &b->large[code];
    struct tlb_entry *e = large->e ? find(large, whole(page)) : NULL;
    return e || !b->second.e ? e : find(&b->second, page);
}

/* Ways 0 .. n-1 move up by one. */
static void to_front(struct tlb_entry *set, const struct tlb_entry *e)
{
    struct tlb_entry first = *e;
    memmove(set + 1, set, (size_t)(e - set) * sizeof *set);
    *set = first;
}

uint32_t behind_use(struct behind *b, struct tlb_entry *e)
{
    EACH_TABLE(b, t) {
        if (!t->e || e < t->e || e >= t->e + (t->mask + 1) * t->ways) continue;
        t->hits++;
        to_front(t->e + set_of(t, e->page) * t->ways, e);
        return t == &b->second ? b->stall : 0;
    }
    return 0;
}

void behind_put(struct behind *b, bool code, uint32_t page, uint32_t frame, uint32_t pte)
{
    struct behind_table *t = pte & PTE_PS ? &b->large[code] : &b->second;
    if (!t->e) return;
    if (pte & PTE_PS) page = whole(page), frame &= PDE_LARGE_MASK;
    uint32_t n = set_of(t, page);
    struct tlb_entry *set = t->e + n * t->ways, *e = set;
    while (e < set + t->ways - 1 && e->valid && e->page != page) e++;
    *e = (struct tlb_entry){ .page = page, .frame = frame, .pte = pte, .valid = true };
    to_front(set, e);
    t->used[n / 64] |= UINT64_C(1) << n % 64;
    t->any = true;
}

/* Those behind it move up. */
static void take_out(const struct behind_table *t, struct tlb_entry *set, unsigned w)
{
    for (; w + 1 < t->ways && set[w + 1].valid; w++) set[w] = set[w + 1];
    set[w].valid = false;
}

void behind_forget(struct behind *b, uint32_t page)
{
    EACH_TABLE(b, t) {
        uint32_t name = t == &b->second ? page : whole(page);
        struct tlb_entry *e = t->any ? find(t, name) : NULL;
        if (!e) continue;
        struct tlb_entry *set = t->e + set_of(t, name) * t->ways;
        take_out(t, set, (unsigned)(e - set));
    }
}

void behind_prune(struct behind *b, bool (*goes)(const void *self, const struct tlb_entry *e), const void *self)
{
    EACH_TABLE(b, t) {
        bool left = false;
        for (unsigned k = 0; t->any && k <= t->mask / 64; k++) {
            for (uint64_t rest = t->used[k]; rest; rest &= rest - 1) {
                unsigned bit = (unsigned)__builtin_ctzll(rest);
                struct tlb_entry *set = t->e + (k * 64 + bit) * t->ways;
                for (unsigned w = t->ways; w-- > 0;)
                    if (set[w].valid && goes(self, &set[w])) take_out(t, set, w);
                if (!set->valid) t->used[k] &= ~(UINT64_C(1) << bit);
            }
            left = left || t->used[k];
        }
        t->any = left;
    }
}

static bool is_local(const void *self, const struct tlb_entry *e) { return *(const bool *)self || !(e->pte & PTE_G); }

void behind_flush(struct behind *b, bool globals_too) { behind_prune(b, is_local, &globals_too); }

static void make(struct behind_table *t, struct arena *a, uint32_t entries, uint32_t ways, unsigned shift)
{
    if (!entries) return;
    *t = (struct behind_table){ .mask = entries / ways - 1, .ways = ways, .shift = shift };
    t->e = arena_alloc(a, entries * sizeof *t->e);
}

struct behind *behind_new(const struct model *m, struct arena *a)
{
    const uint32_t *v = m->cost;
    if (!v[COST_TLB2_ENTRIES] && !v[COST_TLB_LARGE_DATA] && !v[COST_TLB_LARGE_CODE]) return NULL;
    struct behind *b = arena_alloc(a, sizeof *b);
    make(&b->second, a, v[COST_TLB2_ENTRIES], v[COST_TLB2_WAYS], 12);
    make(&b->large[0], a, v[COST_TLB_LARGE_DATA], BEHIND_LARGE_WAYS, PDE_SHIFT);
    make(&b->large[1], a, v[COST_TLB_LARGE_CODE], BEHIND_LARGE_WAYS, PDE_SHIFT);
    b->stall = v[COST_TLB2_STALL];
    return b;
}
