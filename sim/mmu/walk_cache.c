/* See walk_cache.h. Fully associative, the least recently used entry goes. */
#include "sim/mmu/walk_cache.h"

bool walk_cache_find(struct walk_cache *c, unsigned dim, uint32_t at, uint64_t *entry)
{
    for (unsigned i = 0; dim < c->dimensions && i < WALK_CACHE_ENTRIES; i++) {
        if (!c->e[i].valid || c->e[i].at != at || c->e[i].dim != dim) continue;
        c->e[i].used = ++c->tick;
        c->hits[dim]++;
        *entry = c->e[i].entry;
        return true;
    }
    return false;
}

bool walk_cache_holds(const struct walk_cache *c, unsigned dim, uint32_t at)
{
    for (unsigned i = 0; dim < c->dimensions && i < WALK_CACHE_ENTRIES; i++)
        if (c->e[i].valid && c->e[i].at == at && c->e[i].dim == dim) return true;
    return false;
}

bool walk_cache_holds_page(const struct walk_cache *c, uint32_t root, uint64_t page)
{
    for (unsigned i = 0; i < c->nested; i++)
        if (c->n[i].valid && c->n[i].page == page && c->n[i].root == root) return true;
    return false;
}

void walk_cache_keep(struct walk_cache *c, unsigned dim, uint32_t at, uint64_t entry)
{
    unsigned oldest = 0;
    if (dim >= c->dimensions) return;
    for (unsigned i = 1; i < WALK_CACHE_ENTRIES; i++)
        if (c->e[oldest].valid && (!c->e[i].valid || c->e[i].used < c->e[oldest].used)) oldest = i;
    c->e[oldest].valid = true;
    c->e[oldest].dim = (uint8_t)dim;
    c->e[oldest].at = at;
    c->e[oldest].entry = entry;
    c->e[oldest].used = ++c->tick;
}

bool walk_cache_find_page(struct walk_cache *c, uint32_t root, uint64_t page, uint64_t *frame, uint8_t *rights)
{
    for (unsigned i = 0; i < c->nested; i++) {
        if (!c->n[i].valid || c->n[i].page != page || c->n[i].root != root) continue;
        c->n[i].used = ++c->tick;
        c->nested_hits++;
        *frame = c->n[i].frame;
        *rights = c->n[i].rights;
        return true;
    }
    return false;
}

void walk_cache_keep_page(struct walk_cache *c, uint32_t root, uint64_t page, uint64_t frame, uint8_t rights)
{
    unsigned oldest = 0;
    if (!c->nested) return;
    for (unsigned i = 1; i < c->nested; i++)
        if (c->n[oldest].valid && (!c->n[i].valid || c->n[i].used < c->n[oldest].used)) oldest = i;
    c->n[oldest].valid = true;
    c->n[oldest].root = root;
    c->n[oldest].page = page;
    c->n[oldest].frame = frame;
    c->n[oldest].rights = rights;
    c->n[oldest].used = ++c->tick;
}

static void forget(struct walk_cache *c, unsigned dim)
{
    for (unsigned i = 0; i < WALK_CACHE_ENTRIES; i++)
        if (c->e[i].dim == dim) c->e[i].valid = false;
}

void walk_cache_forget_first(struct walk_cache *c) { forget(c, 0); }

void walk_cache_forget_second(struct walk_cache *c)
{
    forget(c, 1);
    for (unsigned i = 0; i < c->nested; i++) c->n[i].valid = false;
}
