/* Shadow tables: a bounded pool of machine frames, and single entries in them. See shadow.h.
 *
 * Idea 1: a table is found again by what it was made from, whichever root wants it: page tables that processes share
 * (a kernel's) are shadowed once, and a process that is switched back to finds its shadows still there.
 * Idea 2: any table but the current root can be thrown away at any time; faults will ask for it again.
 * TOUR mmu.8: where shadow tables come from. */
#include "sim/mmu/shadow.h"

enum { LINE = 64 }; /* bytes a memory reference brings: clearing or scanning a table is charged by cache line */

void shadow_charge(const struct shadow *s, enum cost c, uint64_t times)
{
    clock_charge(s->env->clock, CAUSE_SHADOW, times * s->env->model->cost[c]);
}

bool shadow_is_root(const struct shadow *s, uint32_t t)
{
    return s->table[t].kind == SHADOW_ROOT || s->table[t].kind == SHADOW_FLAT || s->table[t].kind == SHADOW_PAE_ROOT;
}

uint32_t shadow_slots(const struct shadow *s, uint32_t t)
{
    if (s->wide) return PAE_SLOTS;
    return shadow_is_root(s, t) && s->env->window ? pde_slot(s->env->window) : (uint32_t)PTE_SLOTS;
}

/* The upper half of a wide entry is 0: machine memory ends at 4 GB. */
static hpa_t entry_at(const struct shadow *s, uint32_t t, uint32_t slot)
{
    return hpa((s->env->pool_first + t) << PAGE_SHIFT | slot << (s->wide ? 3 : 2));
}

static void store(struct shadow *s, uint32_t t, uint32_t slot, uint32_t entry)
{
    shadow_charge(s, COST_MEM_REF, 1);
    bus_refer(s->env->machine, entry_at(s, t, slot), 4, true);
    bus_write(s->env->machine, entry_at(s, t, slot), 4, entry);
}

/* ---- entries */

uint32_t shadow_get(const struct shadow *s, uint32_t t, uint32_t slot)
{
    return bus_read(s->env->machine, entry_at(s, t, slot), 4);
}

uint32_t shadow_child(const struct shadow *s, uint32_t root, uint32_t slot)
{
    uint32_t entry = slot < shadow_slots(s, root) ? shadow_get(s, root, slot) : 0;
    return (entry & PTE_P) && !(entry & PTE_SWITCH) ? (entry >> PAGE_SHIFT) - s->env->pool_first : SHADOW_NONE;
}

void shadow_set(struct shadow *s, uint32_t t, uint32_t slot, uint32_t entry)
{
    uint32_t old = shadow_get(s, t, slot), where = t * PTE_SLOTS + slot;
    bool moved = (old ^ entry) & (PAGE_MASK | PTE_P); /* points elsewhere than before */
    if (old == entry) return;
    if ((entry & PTE_P) && s->log.n++ < SHADOW_LOG) s->log.where[s->log.n - 1] = where;
    if ((old & PTE_W) && (moved || !(entry & PTE_W))) shadow_stale(s, t, slot);
    if (moved && (old & PTE_P)) shadow_rmap_remove(s, old >> PAGE_SHIFT, where);
    if (moved && (entry & PTE_P)) shadow_rmap_add(s, entry >> PAGE_SHIFT, where);
    if (old & SHADOW_WP_OFF) s->wp_off--;
    if (entry & SHADOW_WP_OFF) s->wp_off++;
    if (moved && !shadow_is_root(s, t)) { /* so filled - dropped entries are present */
        s->stats.dropped += old & PTE_P;
        s->stats.filled += entry & PTE_P;
    }
    store(s, t, slot, entry);
}

/* ---- the pool */

void shadow_pool_init(struct shadow *s)
{
    uint32_t n = s->pool;
    for (uint32_t t = 0; t < n; t++) s->table[t].next = t + 1 < n ? t + 1 : SHADOW_NONE;
    s->free_table = 0;
    s->loose = s->root = SHADOW_NONE;
}

/* The list of tables made from a frame. */
static uint32_t *made_from(struct shadow *s, uint32_t frame)
{
    return frame == SHADOW_NONE ? &s->loose : &shadow_frame(s, frame)->tables;
}

uint32_t shadow_find(const struct shadow *s, enum shadow_kind kind, uint32_t frame, uint32_t slot, uint32_t rights)
{
    uint32_t t = frame == SHADOW_NONE ? s->loose : shadow_frame(s, frame)->tables;
    for (; t != SHADOW_NONE; t = s->table[t].next) {
        const struct shadow_table *x = &s->table[t];
        if (x->kind == kind && x->slot == slot && x->rights == rights) break;
    }
    return t;
}

void shadow_free(struct shadow *s, uint32_t t)
{
    struct shadow_table *x = &s->table[t];
    if (x->kind == SHADOW_PAE)
        for (unsigned half = 0; half < 2; half++) shadow_pae_drop(s, t, half);
    const uint32_t *parents = &shadow_frame(s, s->env->pool_first + t)->links;
    while (*parents != SHADOW_NONE) {
        uint32_t where = s->link[*parents].where;
        shadow_set(s, where / PTE_SLOTS, where % PTE_SLOTS, 0);
    }
    shadow_charge(s, COST_MEM_REF, PAGE_SIZE / LINE);
    for (uint32_t slot = 0; slot < shadow_slots(s, t); slot++)
        if (shadow_get(s, t, slot) & PTE_P) shadow_set(s, t, slot, 0);

    uint32_t *at = made_from(s, x->frame);
    while (*at != t) at = &s->table[*at].next;
    *at = x->next;
    *x = (struct shadow_table){ .kind = SHADOW_FREE, .next = s->free_table };
    s->free_table = t;
    s->stats.tables--;
}

static bool evict(struct shadow *s)
{
    uint32_t victim = SHADOW_NONE;
    for (uint32_t t = 0; t < s->pool; t++) {
        if (shadow_current(s, t) || s->table[t].kind == SHADOW_FREE) continue;
        if (victim == SHADOW_NONE || s->table[t].used < s->table[victim].used) victim = t;
    }
    if (victim == SHADOW_NONE) return false;
    shadow_free(s, victim);
    s->stats.evicted++;
    return true;
}

uint32_t shadow_obtain(struct shadow *s, enum shadow_kind kind, uint32_t frame, uint32_t slot, uint32_t rights)
{
    uint32_t t = shadow_find(s, kind, frame, slot, rights);
    if (t == SHADOW_NONE) {
        static const uint8_t zero[PAGE_SIZE];
        if (s->free_table == SHADOW_NONE && !evict(s)) return SHADOW_NONE;
        t = s->free_table;
        s->free_table = s->table[t].next;
        uint32_t *list = made_from(s, frame);
        s->table[t] = (struct shadow_table){ .kind = (uint8_t)kind, .rights = (uint8_t)rights,
                                             .frame = frame, .slot = slot, .next = *list };
        *list = t;
        shadow_charge(s, COST_MEM_REF, PAGE_SIZE / LINE);
        bus_poke(s->env->machine, entry_at(s, t, 0), zero, sizeof zero);
        if (shadow_is_root(s, t) && s->env->window) store(s, t, pde_slot(s->env->window), s->env->window_pde);
        if (frame != SHADOW_NONE) shadow_protect(s, frame); /* there is a frame only if tables are traced */
        if (++s->stats.tables > s->stats.tables_peak) s->stats.tables_peak = s->stats.tables;
    }
    s->table[t].used = ++s->tick;
    s->table[t].writes = 0;
    return t;
}

/* What switches leads to no table of ours. */
static void drop_switches(struct shadow *s, uint32_t t)
{
    for (uint32_t slot = 0; slot < shadow_slots(s, t); slot++)
        if (shadow_get(s, t, slot) & PTE_SWITCH) shadow_set(s, t, slot, 0);
}

bool shadow_zap(struct shadow *s)
{
    uint64_t before = s->stats.tables;
    for (uint32_t t = 0; t < s->pool; t++) {
        if (s->table[t].kind == SHADOW_FREE) continue;
        if (!shadow_current(s, t)) shadow_free(s, t);
        else if (s->agile) drop_switches(s, t);
    }
    return s->stats.tables < before;
}
