/* See two_level.h. */
#include "sim/mmu/two_level.h"

#include <stdio.h>
#include <string.h>
#include "sim/mmu/pte.h"

enum { ROOT = 0 /* first frame of the pool */, LINE = 64, IDENTITY_PAGES = 4, LARGE_PAGES = SECOND_SLOTS /* frames in one */ };

static void charge(const struct two_level *s, enum cost c, uint64_t times)
{
    clock_charge(s->env->clock, CAUSE_SHADOW, times * s->env->model->cost[c]);
}

/* ---- tables in machine memory */

static uint32_t frame_at(const struct two_level *s, uint32_t frame) { return (s->env->pool_first + frame) << PAGE_SHIFT; }

static uint64_t get(const struct two_level *s, uint32_t at)
{
    uint64_t entry = 0;
    bus_peek(s->env->machine, hpa(at), &entry, sizeof entry);
    return entry;
}

static void put(struct two_level *s, uint32_t at, uint64_t entry)
{
    charge(s, COST_MEM_REF, 1);
    bus_refer(s->env->machine, hpa(at), sizeof entry, true);
    bus_poke(s->env->machine, hpa(at), &entry, sizeof entry);
}

static void clear(struct two_level *s, uint32_t frame)
{
    static const uint8_t zero[PAGE_SIZE];
    charge(s, COST_MEM_REF, PAGE_SIZE / LINE);
    bus_poke(s->env->machine, hpa(frame_at(s, frame)), zero, sizeof zero);
}

static uint32_t root_pages(const struct two_level *s) { return s->levels == 2 ? SECOND_ROOT_PAGES : 1; }
static uint32_t first_free(const struct two_level *s) { return s->upper + 1; }

/* At least 40 (ept.pool): one instruction may touch a dozen pages, each through a page table elsewhere, each in other 2 MB; the root, two
 * tables under it and ours come on top. */
static uint32_t pool(const struct two_level *s)
{
    uint32_t most = s->env->choice.second_pool;
    return most && most < s->env->pool_frames ? most : s->env->pool_frames;
}

/* A new table in place of an entry; a large page there becomes small ones. 0: no room. */
static uint64_t new_table(struct two_level *s, uint32_t where, uint64_t large)
{
    if (s->used == pool(s)) return 0;
    uint32_t table = frame_at(s, s->used);
    clear(s, s->used++);
    for (uint32_t n = 0; large && n < LARGE_PAGES; n++)
        put(s, table + 8 * n, (large & ~(uint64_t)SECOND_LARGE) + ((uint64_t)n << PAGE_SHIFT));
    put(s, where, table | SECOND_ALL);
    if (++s->stats.tables > s->stats.tables_peak) s->stats.tables_peak = s->stats.tables;
    return table | SECOND_ALL;
}

/* The place of an address's entry of that level; 0: there is no table for it, and none is to be made, or no room. */
static uint32_t entry_of(struct two_level *s, uint64_t at, unsigned level, bool make)
{
    uint32_t table = frame_at(s, ROOT);
    for (unsigned l = s->levels; l > level; l--) {
        uint32_t where = table + 8 * second_slot(at, l, s->levels);
        uint64_t entry = get(s, where), large = entry & SECOND_LARGE ? entry : 0;
        charge(s, COST_MEM_REF, 1);
        bus_refer(s->env->machine, hpa(where), sizeof entry, false);
        if (large || !(entry & SECOND_ALL)) entry = make ? new_table(s, where, large) : 0;
        if (!entry) return 0;
        table = (uint32_t)(entry & SECOND_FRAME);
    }
    return table + 8 * second_slot(at, level, s->levels);
}

/* The entry that ends a walk for an address, small or large; 0: none does. table: its page, if that is one of the last level. */
static uint64_t leaf_in(const struct two_level *s, uint64_t at, uint64_t *table)
{
    uint64_t entry = frame_at(s, ROOT) | SECOND_ALL;
    for (unsigned l = s->levels; l; l--) {
        if (l == 1) *table = entry & SECOND_FRAME;
        entry = get(s, (uint32_t)(entry & SECOND_FRAME) + 8 * second_slot(at, l, s->levels));
        if (!(entry & SECOND_ALL) || (l == 2 && (entry & SECOND_LARGE))) break;
    }
    return entry & SECOND_ALL ? entry : 0;
}

static uint64_t leaf_of(const struct two_level *s, uint64_t at)
{
    uint64_t table;
    return leaf_in(s, at, &table);
}

/* ---- what is behind an address */

/* The machine frame, if it is RAM that may be mapped: no device's window covers it, nothing makes stores go elsewhere. */
static bool guest_ram(const struct two_level *s, uint64_t at, uint32_t *frame)
{
    if (at >> 32) return false;
    return !bus_windowed(s->env->guest, hpa((uint32_t)at)) && bus_owner(s->env->guest, hpa((uint32_t)at), frame);
}

static bool own_ram(const struct two_level *s, uint64_t at, bool write, uint32_t *frame)
{
    if (s->env->own && !(at >> 32) && !bus_windowed(s->env->guest, hpa((uint32_t)at))) (void)s->env->own(s->env->self, gpa((uint32_t)at), write);
    return guest_ram(s, at, frame);
}

static bool is_traced(const struct two_level *s, uint64_t at)
{
    uint64_t n = at >> PAGE_SHIFT;
    return n < s->env->guest->frames && s->traces[n];
}

static bool is_shared(const struct two_level *s, uint32_t frame) { return s->env->machine->marks[frame] & FRAME_SHARED; }

/* May it be shown to the guest for stores? */
static bool is_readonly(const struct two_level *s, uint64_t at, uint32_t frame)
{
    return is_traced(s, at) || is_shared(s, frame) || (s->watched && s->watched(s->watcher, frame));
}

/* 2 MB that are RAM in one piece, aligned as here, and nobody traces. */
static bool large_fits(const struct two_level *s, uint64_t at, uint32_t *frame)
{
    uint64_t first = at & ~SECOND_LARGE_INSIDE;
    if (!guest_ram(s, first, frame) || *frame % LARGE_PAGES) return false;
    for (uint32_t n = 0; n < LARGE_PAGES; n++) {
        uint32_t one;
        uint64_t page = first + ((uint64_t)n << PAGE_SHIFT);
        if (!guest_ram(s, page, &one) || one != *frame + n || is_traced(s, page)) return false;
    }
    return true;
}

/* ---- tables for a guest without paging */

/* PAE entries of 2 MB each, 512 a page: everything where it lies. */
static void build_identity(struct two_level *s)
{
    for (uint32_t n = 0; n < IDENTITY_PAGES * SECOND_SLOTS; n++)
        put(s, frame_at(s, s->identity) + 8 * n, (uint64_t)n << 21 | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_PS);
}

/* With a window of the hypervisor's in the guest's space the control of paging is ours, too. */
static bool needs_identity(const struct two_level *s) { return !s->env->window && s->env->model->levels <= 2; }

static void show_identity(struct two_level *s, bool show)
{
    if (show == s->identity_seen) return;
    for (uint32_t n = 0; n < IDENTITY_PAGES; n++) {
        uint32_t where = entry_of(s, TWO_LEVEL_IDENTITY + ((uint64_t)n << PAGE_SHIFT), 1, show);
        if (where) put(s, where, show ? frame_at(s, s->identity + n) | SECOND_R | SECOND_WRITE_BACK : 0);
    }
    s->identity_seen = show;
    if (!show) s->env->flush(s->env->self);
}

/* ---- filling and dropping */

/* All tables but the root, which is empty then. */
static void drop_all(struct two_level *s)
{
    for (uint32_t n = 0; n < root_pages(s); n++) clear(s, ROOT + n);
    s->stats.dropped = s->stats.filled;
    s->stats.tables = 0;
    s->used = first_free(s);
    bool shown = s->identity_seen;
    s->identity_seen = false;
    show_identity(s, shown);
    s->env->flush(s->env->self);
}

/* The place of an entry that is to be made. If there is no room, all begins anew; 0: not even then. */
static uint32_t place_for(struct two_level *s, uint64_t at, unsigned level)
{
    uint32_t where = entry_of(s, at, level, true);
    if (where) return where;
    drop_all(s);
    s->stats.rebuilt++;
    return entry_of(s, at, level, true);
}

static bool fill(struct two_level *s, uint64_t at, uint32_t frame, uint64_t *entry)
{
    uint32_t first;
    bool large = s->env->choice.large && large_fits(s, at, &first);
    unsigned level = large ? 2 : 1, rights = is_readonly(s, at, frame) ? SECOND_R | SECOND_X : SECOND_ALL;
    uint32_t where = place_for(s, at, level);
    if (!where) return false;
    if (large && (get(s, where) & SECOND_ALL)) { /* small pages are there already */
        large = false;
        where = entry_of(s, at, 1, true);
    }
    if (!where) return false;
    *entry = (uint64_t)(large ? first : frame) << PAGE_SHIFT | rights | SECOND_WRITE_BACK | (large ? SECOND_LARGE : 0u);
    charge(s, COST_SECOND_FILL, 1);
    put(s, where, *entry);
    s->stats.filled++;
    return true;
}

/* A device's page for which hardware leaves by itself is mapped to where it looks for that; never to fetch from. */
static bool is_device(const struct two_level *s, uint64_t at) { return s->env->device_frame && at >> PAGE_SHIFT == s->env->device_page; }

static enum mmu_answer show_device(struct two_level *s, uint64_t at, unsigned access)
{
    uint32_t where = access & SECOND_FETCH ? 0 : place_for(s, at, 1);
    if (!where) return access & SECOND_FETCH ? MMU_NO_RAM : MMU_FULL;
    charge(s, COST_SECOND_FILL, 1);
    put(s, where, (uint64_t)s->env->device_frame << PAGE_SHIFT | SECOND_R | SECOND_W | SECOND_WRITE_BACK);
    s->stats.filled++;
    return MMU_RETRY;
}

/* ---- the guest's paging */

static bool attach(struct vmmu *m, struct err *e)
{
    (void)e;
    const struct vmmu_env *env = &m->env;
    struct two_level *s = arena_alloc(env->arena, sizeof *s);
    s->env = env;
    s->levels = env->model->second ? env->model->second : 4;
    s->identity = ROOT + root_pages(s);
    s->upper = s->identity + IDENTITY_PAGES;
    s->traces = arena_alloc(env->arena, env->guest->frames * sizeof *s->traces);
    s->stats.pool = pool(s);
    s->used = first_free(s);
    if (env->window) bus_poke(env->machine, hpa(frame_at(s, s->upper) + 4 * pde_slot(env->window)), &env->window_pde, sizeof env->window_pde);
    m->state = s;
    return true;
}

static hpa_t paging(struct vmmu *m, uint32_t cr0, uint32_t cr3, uint32_t cr4, bool *flush)
{
    struct two_level *s = m->state;
    uint32_t changed0 = s->cr0 ^ cr0, changed4 = s->cr4 ^ cr4;
    *flush = (!changed0 && !changed4) || (changed0 & (PAGING_CR0_PG | PAGING_CR0_WP)) ||
             (changed4 & (PAGING_CR4_PSE | PAGING_CR4_PAE | PAGING_CR4_PGE));
    s->cr0 = cr0;
    s->cr3 = cr3;
    s->cr4 = cr4;
    bool identity = !(cr0 & PAGING_CR0_PG) && needs_identity(s);
    if (identity && !get(s, frame_at(s, s->identity))) build_identity(s);
    show_identity(s, identity);
    return hpa(s->env->window ? frame_at(s, s->upper) : cr0 & PAGING_CR0_PG ? cr3 : 0);
}

static bool second(const struct vmmu *m, struct vmmu_second *to)
{
    const struct two_level *s = m->state;
    *to = (struct vmmu_second){ .root = frame_at(s, ROOT), .levels = s->levels, .has_identity = needs_identity(s) };
    for (unsigned n = 0; n < IDENTITY_PAGES; n++) to->identity[n] = (TWO_LEVEL_IDENTITY + ((uint64_t)n << PAGE_SHIFT)) | PTE_P;
    return true;
}

/* ---- violations */

static enum mmu_answer violation(struct vmmu *m, const struct fault *f)
{
    struct two_level *s = m->state;
    uint64_t at = f->physical, entry;
    uint32_t frame;
    uint8_t access = f->code & SECOND_WRITE ? ACCESS_WRITE : f->code & SECOND_FETCH ? ACCESS_EXEC : ACCESS_READ;
    if (is_device(s, at)) return show_device(s, at, f->code);
    if (!own_ram(s, at, f->code & SECOND_WRITE, &frame)) return MMU_NO_RAM;
    if ((f->code & SECOND_WRITE) && is_traced(s, at)) {
        s->stats.traced++;
        if (m->env.trace) TRACE(m->env.trace, TRACED, m->cause, .va = f->addr, .entry = frame << PAGE_SHIFT);
        return MMU_TRACED;
    }
    if (!fill(s, at, frame, &entry)) return MMU_FULL;
    if (m->env.trace)
        TRACE(m->env.trace, SECOND, m->cause, .access = access, .at = (uint32_t)at, .entry = (uint32_t)entry);
    return MMU_RETRY;
}

/* The guest's own tables refused: hardware walked them, so that is all there is to know. Where the guest's faults do not leave this
 * does not happen. */
static enum mmu_answer page_fault(struct vmmu *m, gva_t at, uint32_t code, bool kernel, struct fault *f)
{
    struct two_level *s = m->state;
    (void)kernel;
    *f = (struct fault){ .vector = PAGING_VECTOR, .has_code = true, .code = code, .addr = at.v };
    s->stats.true_++;
    if (m->env.trace)
        TRACE(m->env.trace, TRUE, m->cause, .access = code & PF_WRITE ? ACCESS_WRITE : ACCESS_READ, .va = at.v, .entry = 0);
    return MMU_REFLECT;
}

/* ---- what the guest does, and what vmm asks */

static void invlpg(struct vmmu *m, gva_t at) { m->env.invlpg(m->env.self, at); }
static void wrote(struct vmmu *m, gpa_t at, unsigned size) { (void)m, (void)at, (void)size; }

static void trace(struct vmmu *m, gpa_t at, bool on)
{
    struct two_level *s = m->state;
    uint32_t n = at.v >> PAGE_SHIFT, frame;
    if (n >= s->env->guest->frames || (!on && !s->traces[n])) return;
    bool was = s->traces[n];
    if (on && !was) (void)own_ram(s, at.v, true, &frame);
    s->traces[n] = (uint16_t)(s->traces[n] + (on ? 1 : -1));
    if (was || !on || !guest_ram(s, at.v, &frame)) return;
    two_level_protect(s, at.v);
}

void two_level_protect(struct two_level *s, uint64_t at)
{
    uint32_t where = leaf_of(s, at) ? entry_of(s, at, 1, true) : 0;
    if (!where && leaf_of(s, at)) drop_all(s); /* a large page, and no room for small ones */
    if (where && (get(s, where) & SECOND_W)) {
        put(s, where, get(s, where) & ~(uint64_t)SECOND_W);
        s->env->flush(s->env->self);
    }
}

bool two_level_was_stored(struct two_level *s, uint64_t at)
{
    uint32_t where = leaf_of(s, at) & SECOND_DIRTY ? entry_of(s, at, 1, false) : 0;
    if (where) put(s, where, get(s, where) & ~(uint64_t)SECOND_DIRTY);
    return where;
}

/* A large page becomes small ones first. */
static bool unmap(struct vmmu *m, gpa_t page)
{
    struct two_level *s = m->state;
    if (is_traced(s, page.v)) return false;
    if (!leaf_of(s, page.v)) return true;
    uint32_t where = entry_of(s, page.v, 1, true);
    if (where) {
        put(s, where, 0);
        s->stats.dropped++;
        s->env->flush(s->env->self);
    } else {
        drop_all(s);
    }
    return true;
}

static void protect(struct vmmu *m)
{
    struct two_level *s = m->state;
    uint32_t frame;
    for (uint64_t at = 0; at < (uint64_t)s->env->guest->frames << PAGE_SHIFT; at += PAGE_SIZE) {
        if (!(leaf_of(s, at) & SECOND_W) || !guest_ram(s, at, &frame) || !is_shared(s, frame)) continue;
        uint32_t where = entry_of(s, at, 1, true);
        if (where) put(s, where, get(s, where) & ~(uint64_t)SECOND_W);
        else drop_all(s); /* a large page, and no room for small ones */
    }
    s->env->flush(s->env->self);
}

static bool traced(const struct vmmu *m, gpa_t at) { return is_traced(m->state, at.v); }

static void stats(const struct vmmu *m, struct vmmu_stats *out) { *out = ((const struct two_level *)m->state)->stats; }

static uint32_t peek_entry(void *bus, hpa_t at)
{
    uint32_t entry = 0;
    bus_peek(bus, at, &entry, sizeof entry);
    return entry;
}

static bool probe(const struct vmmu *m, gva_t at, unsigned access, struct xlat *x)
{
    const struct two_level *s = m->state;
    struct fault f;
    const struct walk_env own = { .cr0 = PAGING_CR0_PG, .cr3 = frame_at(s, s->upper), .cr4 = PAGING_CR4_PSE, .read = peek_entry, .self = m->env.machine };
    struct vmmu_registers r = { s->cr0, s->cr3, s->cr4, { 0 } };
    if (s->env->registers) s->env->registers(s->env->self, &r); /* its loads of CR3 do not leave, so ours is an old one */
    else memcpy(r.pdpte, s->env->pdpte, sizeof r.pdpte);
    const struct walk_env w = { .cr0 = r.cr0, .cr3 = r.cr3, .cr4 = r.cr4, .pdpte = r.pdpte, .read = peek_entry, .self = m->env.machine,
                                .levels = s->env->model->levels, .second = { frame_at(s, ROOT), s->levels } };
    return walk(m->env.window && at.v >= m->env.window ? &own : &w, at, access, x, &f);
}

/* One entry against what it may say about the VM's frame n. */
static bool entry_holds(const struct two_level *s, uint32_t n, uint64_t entry, char *why, unsigned room)
{
    uint64_t at = (uint64_t)n << PAGE_SHIFT;
    uint64_t to = entry & SECOND_LARGE ? (entry & SECOND_FRAME) + (at & SECOND_LARGE_INSIDE) : entry & SECOND_FRAME;
    uint32_t frame = FRAME_NONE;
    bool ram = guest_ram(s, at, &frame);
    if (ram && to >> PAGE_SHIFT == frame && !((entry & SECOND_W) && is_readonly(s, at, frame))) return true;
    snprintf(why, room, "two-level: frame %X of the VM is shown at %llX, entry %llX", n, (unsigned long long)to, (unsigned long long)entry);
    return false;
}

/* No entry says more than the frame map and the traces do. A table of the last level is read at once: tests ask at every step. */
static bool check(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room)
{
    struct two_level *s = m->state;
    uint64_t small[SECOND_SLOTS];
    (void)tlb;
    for (uint32_t n = 0; n < s->env->guest->frames; n++) {
        uint64_t at = (uint64_t)n << PAGE_SHIFT, table = 0;
        uint64_t entry = leaf_in(s, at, &table);
        if (!table) {
            if ((entry & SECOND_ALL) && !entry_holds(s, n, entry, why, room)) return false;
            if (!entry) n |= LARGE_PAGES - 1; /* nothing in these 2 MB */
            continue;
        }
        bus_peek(s->env->machine, hpa((uint32_t)table), small, sizeof small);
        for (uint32_t end = n | (LARGE_PAGES - 1);; n++) {
            entry = small[n % SECOND_SLOTS];
            if ((entry & SECOND_ALL) && !entry_holds(s, n, entry, why, room)) return false;
            if (n == end || n + 1 == s->env->guest->frames) break;
        }
    }
    return true;
}

const struct mmu_strategy mmu_two_level = {
    .name = "two-level",
    .about = "the CPU walks the guest's own tables and, for every address they name, second-level tables to machine memory",
    .attach = attach,
    .paging = paging,
    .fault = page_fault,
    .second = second,
    .violation = violation,
    .invlpg = invlpg,
    .wrote = wrote,
    .trace = trace,
    .traced = traced,
    .unmap = unmap,
    .protect = protect,
    .stats = stats,
    .check = check,
    .probe = probe,
};
