/* See second.h. */
#include "sim/mmu/second.h"

bool second_legal(uint64_t entry, unsigned level)
{
    bool leaf = level == 1 || (level == 2 && (entry & SECOND_LARGE));
    unsigned type = (unsigned)(entry & SECOND_TYPE) >> 3;
    if ((entry & SECOND_RESERVED) || (entry & (SECOND_R | SECOND_W)) == SECOND_W) return false;
    if (!leaf) return !(entry & (SECOND_TYPE | SECOND_IGNORE_PAT | SECOND_LARGE));
    if (level == 2 && (entry & SECOND_LARGE_INSIDE & SECOND_FRAME)) return false;
    return type != 2 && type != 3 && type != 7;
}

static bool refuse(struct fault *f, uint64_t at, enum second_refusal why, unsigned need, unsigned rights)
{
    *f = (struct fault){ .second = (uint8_t)why, .physical = at, .code = why == SECOND_VIOLATION ? need | rights << SECOND_RIGHTS : 0 };
    return false;
}

/* The machine has no memory beyond 4 GB: what would lie there reads as ones. */
static uint64_t read_entry(const struct walk_env *w, uint64_t where, struct xlat_ref *r)
{
    bool there = !(where >> 32);
    r->at = hpa(there ? (uint32_t)where : WALK_NOWHERE | ((uint32_t)where & ~PAGE_MASK));
    r->entry = there ? w->read(w->self, r->at) : UINT32_MAX;
    r->high = there ? w->read(w->self, hpa(r->at.v + 4)) : UINT32_MAX;
    return (uint64_t)r->high << 32 | r->entry;
}

/* Does the nested TLB know the page? */
static bool known(const struct walk_env *w, uint64_t at, unsigned need, struct second_end *end)
{
    uint64_t frame;
    uint8_t rights;
    if (!walk_cache_find_page(w->cache, w->second.root, at >> PAGE_SHIFT, &frame, &rights) || (need & ~rights)) return false;
    *end = (struct second_end){ frame << PAGE_SHIFT | (at & (PAGE_SIZE - 1)), rights, 1 };
    return true;
}

bool second_walk(const struct walk_env *w, uint64_t at, unsigned need, uint8_t serves, struct xlat *x, struct second_end *end,
                 struct fault *f)
{
    unsigned levels = w->second.levels, rights = SECOND_ALL;
    uint64_t table = w->second.root;
    if (!second_reaches(at, levels)) return refuse(f, at, SECOND_VIOLATION, need, 0);
    if (w->cache && serves && known(w, at, need, end)) return true;
    for (unsigned level = levels;; level--) {
        struct xlat_ref *r = &x->ref[x->refs++];
        *r = (struct xlat_ref){ .guest = at, .level = (uint8_t)level, .dim = 1, .serves = serves, .wide = true };
        uint64_t entry, where = table + 8ull * second_slot(at, level, levels);
        bool hit = w->cache && level > 1 && !(where >> 32) && walk_cache_find(w->cache, 1, (uint32_t)where, &entry);
        if (hit) x->refs--;
        else entry = read_entry(w, where, r);
        rights &= (unsigned)entry & SECOND_ALL;
        if (!(entry & SECOND_ALL)) return refuse(f, at, SECOND_VIOLATION, need, 0);
        if (!second_legal(entry, level)) return refuse(f, at, SECOND_MISCONFIGURED, need, 0);
        table = entry & SECOND_FRAME;
        if (level > 1 && !(entry & SECOND_LARGE)) {
            if (w->cache && !hit && !(where >> 32)) walk_cache_keep(w->cache, 1, (uint32_t)where, entry);
            continue;
        }
        uint64_t inside = (1ull << second_shift(level)) - 1;
        if (need & ~rights) return refuse(f, at, SECOND_VIOLATION, need, rights);
        *end = (struct second_end){ (table & ~inside) | (at & inside), (uint8_t)rights, (uint8_t)level };
        if (w->cache && serves) walk_cache_keep_page(w->cache, w->second.root, at >> PAGE_SHIFT, end->at >> PAGE_SHIFT, end->rights);
        return true;
    }
}
