/* The strategy "shadow": what happens when the guest loads CR3, faults, writes a table, executes INVLPG. See shadow.h.
 *
 * A page fault under shadow paging is one of:
 *   true     the guest's own tables refuse: its handler must see it, with the code its own tables give
 *   hidden   they permit; only the shadow entry was missing or too strict. Filled; the guest never knows
 *   trace    they permit a store, but to a frame whose contents shadows depend on
 * AGE10 and AA06 use these words. SDM vol. 3A 4.6-4.8 for what the guest must believe.
 * Not modelled: read traces. The G bit of guest entries is ignored: flushing more than asked is always legal. */
#include "sim/mmu/shadow.h"

#include <string.h>

enum {
    POOL_MIN = 16,        /* what one instruction may need at once: root; code, operands, stack, each across a page */
    LINKS_PER_TABLE = 256 /* reverse-map entries per pool frame: tables are seldom full. Out of links: start over */
};

/* ---- the guest's paging registers */

/* CR0.WP came on: entries that let the kernel write where R/W forbids it must go. */
static void drop_wp_off(struct shadow *s)
{
    for (uint32_t t = 0; s->wp_off && t < s->pool; t++) {
        if (s->table[t].kind == SHADOW_FREE || shadow_is_root(s, t)) continue;
        for (uint32_t slot = 0; slot < shadow_slots(s, t); slot++)
            if (shadow_get(s, t, slot) & SHADOW_WP_OFF) shadow_set(s, t, slot, 0);
    }
}

static uint32_t root_for(struct shadow *s)
{
    uint32_t frame;
    if (s->wide) shadow_pae_quarters(s);
    if (s->wide || !(s->cr0 & PAGING_CR0_PG) || !s->env->choice.trace) return shadow_obtain(s, SHADOW_FLAT, SHADOW_NONE, 0, s->space);
    if (shadow_pae(s)) return shadow_pae_root(s);
    if (!shadow_own_ram(s, s->cr3 & PAGE_MASK, true, &frame)) frame = SHADOW_NONE;
    if (frame != SHADOW_NONE && shadow_is_own(s, frame)) return shadow_obtain(s, SHADOW_FLAT, SHADOW_NONE, 0, 0); /* the hardware walks another */
    return shadow_obtain(s, SHADOW_ROOT, frame, 0, 0);
}

void shadow_reroot(struct shadow *s) { s->root = root_for(s); }

/* Paging came on: what stood for a guest without it is seldom wanted again. */
static void free_flat(struct shadow *s)
{
    for (uint32_t t = s->loose, next; t != SHADOW_NONE; t = next) {
        next = s->table[t].next;
        if (t != s->root && (s->table[t].kind == SHADOW_FLAT || s->table[t].kind == SHADOW_LARGE)) shadow_free(s, t);
    }
}

static bool shadow_attach(struct vmmu *m, struct err *e)
{
    const struct vmmu_env *env = &m->env;
    if (env->pool_frames < POOL_MIN)
        return err_set(e, EXIT_USAGE, "shadow: %u frames are too few for shadow tables; give it at least %u",
                       env->pool_frames, (unsigned)POOL_MIN);
    if (env->pool_first >= env->machine->frames || env->pool_frames > env->machine->frames - env->pool_first ||
        (env->window & ~PDE_LARGE_MASK))
        return err_set(e, EXIT_BUG, "shadow: pool or window misplaced (pool %X+%X, window %X)", env->pool_first,
                       env->pool_frames, env->window);
    if (env->choice.cache && !env->choice.trace)
        return err_set(e, EXIT_USAGE, "--set shadow.trace=0 with shadow.cache=1: shadows that stay across loads of CR3 are only right if the "
                       "guest's stores to its page tables are seen; set shadow.cache=0, too");
    struct shadow *s = arena_alloc(env->arena, sizeof *s);
    s->env = env;
    s->pool = env->choice.pool && env->choice.pool < env->pool_frames ? env->choice.pool : env->pool_frames;
    s->stats.pool = s->pool;
    uint32_t links = s->pool * LINKS_PER_TABLE;
    s->table = arena_alloc(env->arena, s->pool * sizeof *s->table);
    s->frame = arena_alloc(env->arena, env->frames * sizeof *s->frame);
    s->link = arena_alloc(env->arena, links * sizeof *s->link);
    s->half = arena_alloc(env->arena, 2 * (size_t)s->pool * sizeof *s->half);
    s->pdpt = arena_alloc(env->arena, s->pool * sizeof *s->pdpt);
    for (unsigned n = 0; n < 4; n++) s->quarter[n] = SHADOW_NONE;
    shadow_pool_init(s);
    shadow_rmap_init(s, links);
    s->root = root_for(s); /* as after reset: paging off */
    m->state = s;
    return true;
}

/* Tables of another format, of which there are none now but empty ones. */
static void reformat(struct shadow *s)
{
    s->wide = s->agile && (s->cr4 & PAGING_CR4_PAE);
    for (unsigned n = 0; n < 4; n++) s->quarter[n] = SHADOW_NONE;
}

/* Noncaching: what was a root until now goes. */
static void free_roots(struct shadow *s, uint32_t root, const uint32_t quarter[4])
{
    if (root != s->root) shadow_free(s, root);
    for (unsigned n = 0; n < 4; n++)
        if (quarter[n] != SHADOW_NONE && !shadow_current(s, quarter[n]) && s->table[quarter[n]].kind != SHADOW_FREE) shadow_free(s, quarter[n]);
}

static hpa_t shadow_paging(struct vmmu *m, uint32_t cr0, uint32_t cr3, uint32_t cr4, bool *flush)
{
    struct shadow *s = m->state;
    uint32_t changed0 = s->cr0 ^ cr0, changed4 = s->cr4 ^ cr4, old_cr3 = s->cr3, old_root = s->root, old[4];
    memcpy(old, s->quarter, sizeof old);
    s->cr0 = cr0;
    s->cr3 = cr3;
    s->cr4 = cr4;
    /* Neither CR0 nor CR4 changed: the guest loaded CR3, if only to flush. */
    bool loaded = cr3 != old_cr3 || (!changed0 && !changed4);
    bool format = changed4 & (PAGING_CR4_PSE | PAGING_CR4_PAE); /* tables mean something else now */
    bool flushed = loaded || format || (changed0 & PAGING_CR0_PG) || (changed4 & PAGING_CR4_PGE);
    bool keeps = s->env->choice.cache || (s->held && !(changed0 & PAGING_CR0_PG));
    if (format || (flushed && !keeps)) s->stats.switches += shadow_zap(s) && loaded;
    if (changed4 & PAGING_CR4_PAE) reformat(s);
    if (changed0 & cr0 & PAGING_CR0_WP) drop_wp_off(s);
    s->root = root_for(s);
    if (!keeps) free_roots(s, old_root, old);
    if (changed0 & cr0 & PAGING_CR0_PG && s->env->choice.trace) free_flat(s);
    *flush = s->stale || flushed || (changed0 & PAGING_CR0_WP) || memcmp(old, s->quarter, sizeof old);
    s->stale = 0;
    return hpa((m->env.pool_first + s->root) << PAGE_SHIFT);
}

/* ---- faults. TOUR mmu.7: one function decides true, hidden, traced. */

static uint32_t guest_read(void *bus, hpa_t at) { return bus_read(bus, at, 4); }
static void guest_write(void *bus, hpa_t at, uint32_t entry) { bus_write(bus, at, 4, entry); }

/* The frames of the tables, then of the page: shadows are made from none that the guest does not have to itself. */
static bool own_frames(const struct shadow *s, const struct xlat *x, unsigned access, uint32_t *frame)
{
    for (unsigned i = 0; s->env->own && i < x->refs; i++) (void)shadow_own_ram(s, x->ref[i].at.v, true, frame);
    if (shadow_device(s, x->at.v, frame)) return true;
    return shadow_own_ram(s, x->at.v, access & ACCESS_WRITE, frame);
}

/* Shadows of tables that are no plain RAM could not be kept true: nothing would tell when they change. */
static bool tables_are_ram(const struct shadow *s, const struct xlat *x)
{
    uint32_t frame;
    for (unsigned i = 0; i < x->refs; i++)
        if (!shadow_guest_ram(s, x->ref[i].at.v, &frame)) return false;
    return true;
}

/* The shadow table that holds `at`'s entry, linked into the current root; SHADOW_NONE if there is no room. */
static uint32_t table_for(struct shadow *s, gva_t at, const struct xlat *x)
{
    uint32_t t, slot = shadow_top_slot(s, at), top = shadow_top(s, at), frame = SHADOW_NONE;
    if (!s->env->choice.trace) {
        t = shadow_obtain(s, SHADOW_SLOT, SHADOW_NONE, slot, s->space);
    } else if (x->refs && shadow_pae(s)) {
        t = shadow_pae_table(s, at, x);
    } else if (x->large || !x->refs) {
        t = shadow_obtain(s, SHADOW_LARGE, s->table[top].frame, slot, 0);
    } else {
        shadow_guest_ram(s, x->ref[1].at.v, &frame);
        t = shadow_obtain(s, SHADOW_TABLE, frame, 0, x->ref[0].entry & (PTE_W | PTE_U));
    }
    if (t != SHADOW_NONE)
        shadow_set(s, top, slot, (s->env->pool_first + t) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U | PTE_A);
    return t;
}

/* The guest's tables permit the access and know of it (A, D). What stands in its way? */
static enum mmu_answer resolve(struct vmmu *m, gva_t at, unsigned access, const struct xlat *x)
{
    struct shadow *s = m->state;
    uint32_t frame, rights = walk_rights(x), slot = shadow_low_slot(s, at);
    if (x->absent || shadow_in_window(s, at) || !own_frames(s, x, access, &frame) || !tables_are_ram(s, x)) return MMU_NO_RAM;
    if (shadow_top(s, at) == SHADOW_NONE) return MMU_NO_RAM; /* the hardware begins in the guest's own directory */
    if (s->free_links < 2) s->stats.rebuilt += shadow_zap(s); /* one for the table, one for the page */
    uint32_t own = x->refs && !x->large ? shadow_switch(s, x->ref[0].entry | (uint64_t)x->ref[0].high << 32) : 0;
    if (own) { /* the hardware goes on from there by itself */
        shadow_charge(s, COST_SHADOW_FILL, 1);
        shadow_set(s, shadow_top(s, at), shadow_top_slot(s, at), own);
        s->stats.hidden++;
        if (m->env.trace) TRACE(m->env.trace, HIDDEN, m->cause, .access = (uint8_t)access, .va = at.v, .entry = own);
        return MMU_RETRY;
    }
    uint32_t t = table_for(s, at, x);
    if (t == SHADOW_NONE) return MMU_FULL;
    if ((access & ACCESS_WRITE) && shadow_traced(s, frame)) { /* asked now: the page may just have become a table */
        s->stats.traced++;
        if (m->env.trace) TRACE(m->env.trace, TRACED, m->cause, .va = at.v, .entry = shadow_get(s, t, slot));
        return MMU_TRACED;
    }
    uint32_t entry = shadow_entry(s, frame, rights);
    /* A kernel's store to a read-only page while CR0.WP is clear. The real CR0.WP is always set, so the entry must be
     * writable, and then no user may have it; the next user access faults and turns it back. */
    if ((access & ACCESS_WRITE) && !(rights & PTE_W))
        entry = (entry & ~(uint32_t)PTE_U) | PTE_W | PTE_D | SHADOW_WP_OFF;
    shadow_charge(s, COST_SHADOW_FILL, 1);
    s->table[t].splinters |= x->large;
    shadow_set(s, t, slot, entry);
    s->stats.hidden++;
    if (m->env.trace) TRACE(m->env.trace, HIDDEN, m->cause, .access = (uint8_t)access, .va = at.v, .entry = entry);
    return MMU_RETRY;
}

static enum mmu_answer shadow_fault(struct vmmu *m, gva_t at, uint32_t code, bool kernel, struct fault *f)
{
    struct shadow *s = m->state;
    struct xlat x;
    /* User code can cause supervisor accesses (U clear in the code) too: the CPU's own reads of descriptor tables. */
    unsigned access = (code & PF_WRITE ? ACCESS_WRITE : 0u) | ((code & PF_USER) && !kernel ? ACCESS_USER : 0u);
    const struct walk_env w = { .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .pdpte = m->env.pdpte, .read = guest_read,
                                .self = m->env.guest };
    bool legal = walk(&w, at, access, &x, f);
    shadow_charge(s, COST_MEM_REF, x.refs);
    for (unsigned i = 0; i < x.refs; i++) bus_refer(m->env.guest, x.ref[i].at, 4, false);
    if (!legal) {
        uint32_t entry = x.refs ? x.ref[x.refs - 1].entry : 0; /* none: a PDPTE refuses, which is a register */
        s->stats.true_++;
        if (m->env.trace) TRACE(m->env.trace, TRUE, m->cause, .access = (uint8_t)access, .va = at.v, .entry = entry);
        return MMU_REFLECT;
    }
    walk_accessed(&x, access, guest_write, m->env.guest);
    enum mmu_answer answer = resolve(m, at, access, &x);
    shadow_settle(s);
    return answer;
}

/* ---- what the guest does to its tables, and what vmm asks */

static void shadow_invlpg(struct vmmu *m, gva_t at)
{
    struct shadow *s = m->state;
    if (shadow_in_window(s, at)) return; /* the guest has no translations there, the hypervisor has */
    uint32_t top = shadow_top(s, at), t = top == SHADOW_NONE ? top : shadow_child(s, top, shadow_top_slot(s, at));
    if (t != SHADOW_NONE && s->table[t].kind == SHADOW_TABLE) {
        shadow_sync_table(s, t, shadow_low_slot(s, at));
        shadow_sync_root(s, top, shadow_top_slot(s, at));
    } else if (t != SHADOW_NONE && s->table[t].kind == SHADOW_PAE) {
        shadow_pae_sync_directory(s, t, at.v >> PAE_PDE_SHIFT & 1);
        shadow_pae_sync_page(s, t, pte_slot(at.v));
    } else if (t != SHADOW_NONE && s->table[t].kind == SHADOW_SLOT) { /* of a large page all pieces must go */
        if (s->table[t].splinters) shadow_free(s, t);
        else shadow_set(s, t, pte_slot(at.v), 0);
    }
    shadow_settle(s);
    m->env.invlpg(m->env.self, at);
}

static void shadow_wrote(struct vmmu *m, gpa_t at, unsigned size)
{
    struct shadow *s = m->state;
    uint32_t first = at.v & ~3u, entries = ((at.v & 3) + size + 3) / 4; /* unaligned: two entries, perhaps two pages */
    for (uint32_t i = 0; i < entries; i++) shadow_sync_store(s, gpa(first + 4 * i));
    shadow_settle(s);
}

static void shadow_trace(struct vmmu *m, gpa_t at, bool on)
{
    struct shadow *s = m->state;
    uint32_t frame;
    if (on && s->env->own) (void)s->env->own(s->env->self, at, true);
    if (!bus_owner(m->env.guest, hpa(at.v), &frame)) return;
    if (on && !shadow_frame(s, frame)->traces++) shadow_protect(s, frame);
    else if (!on && shadow_frame(s, frame)->traces) shadow_frame(s, frame)->traces--;
    shadow_settle(s);
}

static bool shadow_is_traced(const struct vmmu *m, gpa_t at)
{
    uint32_t frame;
    return bus_owner(m->env.guest, hpa(at.v), &frame) && shadow_traced(m->state, frame);
}

static void shadow_stats(const struct vmmu *m, struct vmmu_stats *out)
{
    const struct shadow *s = m->state;
    *out = s->stats;
}

static uint32_t peek_entry(void *bus, hpa_t at)
{
    uint32_t entry = 0;
    bus_peek(bus, at, &entry, sizeof entry);
    return entry;
}

static bool shadow_probe(const struct vmmu *m, gva_t at, unsigned access, struct xlat *x)
{
    const struct shadow *s = m->state;
    struct fault f;
    /* The real registers while the guest runs: paging and WP always on, PSE for the window's sake. */
    const struct walk_env w = { .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr4 = PAGING_CR4_PSE,
                                .cr3 = (m->env.pool_first + s->root) << PAGE_SHIFT,
                                .read = peek_entry, .self = m->env.machine };
    return walk(&w, at, access, x, &f);
}

const struct mmu_strategy mmu_shadow = {
    .name = "shadow",
    .about = "the CPU walks tables from virtual to machine addresses that the hypervisor derives from the guest's, "
             "entry by entry, on hidden faults",
    .attach = shadow_attach,
    .paging = shadow_paging,
    .fault = shadow_fault,
    .invlpg = shadow_invlpg,
    .wrote = shadow_wrote,
    .trace = shadow_trace,
    .traced = shadow_is_traced,
    .unmap = shadow_unmap,
    .protect = shadow_protect_shared,
    .stats = shadow_stats,
    .check = shadow_check,
    .check_some = shadow_check_some,
    .probe = shadow_probe,
};
