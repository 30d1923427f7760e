/* The reverse map: from a machine frame to the shadow entries that point to it. See shadow.h.
 *
 * Idea 1: guest pages and shadow tables are both frames, so a table's parents and a page's mappings are the same list.
 * Idea 2: taking rights from an entry is not enough while the TLB remembers them. Whoever takes write permission, or
 * cuts a table off the current root, notes it as stale; each operation ends by flushing what it noted. Without that the
 * guest could still write, unseen, through a translation whose entry is gone, to a frame that is a page table now.
 * TOUR mmu.9: who points to a frame. */
#include "sim/mmu/shadow.h"

void shadow_rmap_init(struct shadow *s, uint32_t links)
{
    for (uint32_t i = 0; i < links; i++) s->link[i].next = i + 1 < links ? i + 1 : SHADOW_NONE;
    s->free_link = links ? 0 : SHADOW_NONE;
    s->free_links = links;
    for (uint32_t f = s->env->first; f < s->env->first + s->env->frames; f++)
        *shadow_frame(s, f) = (struct shadow_frame){ .links = SHADOW_NONE, .tables = SHADOW_NONE, .halves = SHADOW_NONE };
}

void shadow_rmap_add(struct shadow *s, uint32_t frame, uint32_t where)
{
    uint32_t l = s->free_link;
    s->free_link = s->link[l].next;
    s->free_links--;
    s->link[l] = (struct shadow_link){ where, shadow_frame(s, frame)->links };
    shadow_frame(s, frame)->links = l;
}

void shadow_rmap_remove(struct shadow *s, uint32_t frame, uint32_t where)
{
    uint32_t *at = &shadow_frame(s, frame)->links;
    while (s->link[*at].where != where) at = &s->link[*at].next;
    uint32_t l = *at;
    *at = s->link[l].next;
    s->link[l].next = s->free_link;
    s->free_link = l;
    s->free_links++;
}

bool shadow_traced(const struct shadow *s, uint32_t frame)
{
    const struct shadow_frame *f = shadow_frame(s, frame);
    return f->tables != SHADOW_NONE || f->halves != SHADOW_NONE || f->traces;
}

void shadow_protect(struct shadow *s, uint32_t frame)
{
    if (s->agile) s->agile->protect(s->agile->self, frame);
    for (uint32_t l = shadow_frame(s, frame)->links; l != SHADOW_NONE; l = s->link[l].next) {
        uint32_t t = s->link[l].where / PTE_SLOTS, slot = s->link[l].where % PTE_SLOTS;
        uint32_t entry = shadow_get(s, t, slot);
        /* It goes on pointing where it did, so the list we are walking stays as it is. */
        if ((entry & PTE_W) && !(entry & PTE_SWITCH)) shadow_set(s, t, slot, entry & ~(uint32_t)(PTE_W | PTE_D));
    }
}

static void note_stale(struct shadow *s, uint32_t at)
{
    s->stale++;
    s->stale_at = gva(at);
}

void shadow_stale(struct shadow *s, uint32_t t, uint32_t slot)
{
    if (shadow_is_root(s, t)) {
        if (shadow_current(s, t)) s->stale = 2; /* a whole table's worth */
        return;
    }
    uint32_t own = s->env->pool_first + t;
    for (uint32_t l = shadow_frame(s, own)->links; l != SHADOW_NONE; l = s->link[l].next) {
        uint32_t parent = s->link[l].where / PTE_SLOTS, pde = s->link[l].where % PTE_SLOTS;
        if (!s->wide && parent == s->root) note_stale(s, pde << PDE_SHIFT | slot << PAGE_SHIFT);
        for (uint32_t n = 0; s->wide && n < 4; n++)
            if (parent == s->quarter[n]) note_stale(s, n << 30 | pde << PAE_PDE_SHIFT | slot << PAGE_SHIFT);
    }
}

bool shadow_in_use(const struct shadow *s, uint32_t t)
{
    uint32_t l = shadow_frame(s, s->env->pool_first + t)->links;
    while (l != SHADOW_NONE && !shadow_current(s, s->link[l].where / PTE_SLOTS)) l = s->link[l].next;
    return l != SHADOW_NONE;
}

void shadow_settle(struct shadow *s)
{
    if (s->stale == 1) s->env->invlpg(s->env->self, s->stale_at);
    else if (s->stale) s->env->flush(s->env->self);
    s->stale = 0;
}
