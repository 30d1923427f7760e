/* The strategy itself: which half is asked. See agile.h. */
#include "sim/mmu/agile.h"

#include <stdio.h>
#include <string.h>

static bool is_own(const void *self, uint32_t frame)
{
    const struct agile *a = self;
    uint32_t page = a->tables ? agile_page(a, frame) : FRAME_NONE;
    return page != FRAME_NONE && a->kind[page];
}

static void protect(void *self, uint32_t frame)
{
    struct agile *a = self;
    uint32_t page = agile_page(a, frame);
    if (page != FRAME_NONE) two_level_protect(agile_second(a), (uint64_t)page << PAGE_SHIFT);
}

static bool is_watched(const void *self, uint32_t frame) { return shadow_traced(agile_shadow(self), frame); }

static bool attach_half(struct vmmu *half, const struct vmmu *m, const struct mmu_strategy *ops, uint32_t first, uint32_t frames, struct err *e)
{
    *half = (struct vmmu){ .ops = ops, .env = m->env };
    half->env.pool_first = first;
    half->env.pool_frames = frames;
    half->env.choice.large = false;
    if (half->env.choice.pool && half->env.choice.pool < AGILE_POOL) half->env.choice.pool = AGILE_POOL;
    return ops->attach(half, e);
}

static bool attach(struct vmmu *m, struct err *e)
{
    struct agile *a = arena_alloc(m->env.arena, sizeof *a);
    uint32_t second = m->env.pool_frames / AGILE_SECOND, shadows = m->env.pool_frames - second;
    if (!m->env.choice.trace)
        return err_set(e, EXIT_USAGE, "--set shadow.trace=0 with --mmu agile: it learns from traced stores which page tables change often, and "
                       "shadows of the others are only right if stores to them are seen");
    if (m->env.choice.large)
        return err_set(e, EXIT_USAGE, "--set ept.large=1 with --mmu agile: dirty bits tell which page tables were stored to, and an entry of 2 MB "
                       "has one for 512 of them");
    m->state = a;
    a->m = m;
    a->whole = true;
    a->kind = arena_alloc(m->env.arena, m->env.guest->frames);
    a->count = arena_alloc(m->env.arena, m->env.guest->frames * sizeof *a->count);
    a->timer = (struct timer){ .fire = agile_end, .self = a };
    if (!attach_half(&a->shadow, m, &mmu_shadow, m->env.pool_first, shadows, e)) return false;
    if (!attach_half(&a->second, m, &mmu_two_level, m->env.pool_first + shadows, second, e)) return false;
    a->asked = (struct shadow_agile){ is_own, protect, a };
    agile_shadow(a)->agile = &a->asked;
    agile_second(a)->watched = is_watched;
    agile_second(a)->watcher = a;
    return true;
}

/* ---- registers */

/* Where hardware begins: a shadow, or the guest's own directory. */
static uint32_t root(const struct agile *a)
{
    const struct shadow *s = agile_shadow(a);
    uint32_t frame;
    if (agile_pae(a) || !shadow_guest_ram(s, a->cr3 & PAGE_MASK, &frame) || !shadow_is_own(s, frame)) return (s->env->pool_first + s->root) << PAGE_SHIFT;
    return frame << PAGE_SHIFT | PTE_SWITCH;
}

/* With PAE: the registers that name the four. One of a directory that is no RAM is not there: the hypervisor will be asked. */
static void pdptes(const struct agile *a, uint64_t to[4])
{
    const struct shadow *s = agile_shadow(a);
    for (unsigned n = 0; n < 4; n++) {
        uint64_t e = a->m->env.pdpte[n];
        uint32_t frame;
        bool own = (e & PTE_P) && !(e >> 32) && shadow_guest_ram(s, (uint32_t)e & PAGE_MASK, &frame) && shadow_is_own(s, frame);
        to[n] = own ? frame << PAGE_SHIFT | PTE_P | PTE_SWITCH : s->quarter[n] != SHADOW_NONE ? (s->env->pool_first + s->quarter[n]) << PAGE_SHIFT | PTE_P : 0;
    }
}

/* Without CR0.WP, too: walks there can leave a guest's accessed bit clear (tests/equiv, seed 558), so shadows wait until it is set. */
static bool is_whole(const struct agile *a, uint32_t cr0, uint32_t cr4)
{
    return !(cr0 & PAGING_CR0_PG) || !(cr0 & PAGING_CR0_WP) || ((cr4 & PAGING_CR4_PAE) && a->m->env.model->levels > 2);
}

/* Directories whose content another VM shares part from it now: what is in use does not move. */
static void part(const struct agile *a, uint32_t cr3, uint32_t cr4)
{
    const uint64_t *e = a->m->env.pdpte;
    uint32_t frame;
    if (!(cr4 & PAGING_CR4_PAE)) (void)shadow_own_ram(agile_shadow(a), cr3 & PAGE_MASK, true, &frame);
    for (unsigned n = 0; (cr4 & PAGING_CR4_PAE) && n < 4; n++)
        if ((e[n] & PTE_P) && !(e[n] >> 32)) (void)shadow_own_ram(agile_shadow(a), (uint32_t)e[n] & PAGE_MASK, true, &frame);
}

static void give_up_shadows(struct agile *a)
{
    bool flush;
    a->whole = true;
    agile_renew_all(a);
    (void)a->shadow.ops->paging(&a->shadow, a->cr0 & ~PAGING_CR0_PG, a->cr3, a->cr4, &flush);
    shadow_zap(agile_shadow(a));
}

static hpa_t paging(struct vmmu *m, uint32_t cr0, uint32_t cr3, uint32_t cr4, bool *flush)
{
    struct agile *a = m->state;
    bool was = a->whole, shadows = false, whole = is_whole(a, cr0, cr4);
    hpa_t own = a->second.ops->paging(&a->second, cr0, cr3, cr4, flush);
    a->shadow.cause = a->second.cause = m->cause;
    a->shadow.env.device_page = a->second.env.device_page = m->env.device_page; /* who may use it was known later than we */
    a->shadow.env.device_frame = a->second.env.device_frame = m->env.device_frame;
    if (!whole) part(a, cr3, cr4);
    if (!was && ((a->cr4 ^ cr4) & PAGING_CR4_PAE)) agile_renew_all(a); /* what were tables are none */
    a->cr0 = cr0, a->cr3 = cr3, a->cr4 = cr4;
    if (whole) {
        if (!was) give_up_shadows(a);
        *flush |= !was;
        return own;
    }
    a->whole = false;
    (void)a->shadow.ops->paging(&a->shadow, cr0, cr3, cr4, &shadows);
    *flush |= shadows || was;
    return hpa(root(a));
}

static bool second(const struct vmmu *m, struct vmmu_second *to)
{
    const struct agile *a = m->state;
    a->second.ops->second(&a->second, to);
    to->changes = true;
    to->agile = !a->whole;
    to->shadows = a->whole ? 0 : root(a);
    to->has_pdpte = !a->whole && agile_pae(a);
    if (to->has_pdpte) pdptes(a, to->pdpte);
    return true;
}

/* ---- faults */

/* What shadows refused. */
static enum mmu_answer fault(struct vmmu *m, gva_t at, uint32_t code, bool kernel, struct fault *f)
{
    struct agile *a = m->state;
    a->shadow.cause = m->cause;
    return a->shadow.ops->fault(&a->shadow, at, code, kernel, f);
}

/* A store to a page that shadows are made of; or a walk below the guest's own tables came to one of them, and A or D is to be set there:
 * then that table is the guest's own, too. */
static enum mmu_answer violation(struct vmmu *m, const struct fault *f)
{
    struct agile *a = m->state;
    uint32_t frame, page = (uint32_t)(f->physical >> PAGE_SHIFT);
    bool ram = !(f->physical >> 32) && shadow_guest_ram(agile_shadow(a), page << PAGE_SHIFT, &frame);
    a->second.cause = m->cause;
    if (ram && (f->code & SECOND_WRITE) && is_watched(a, frame) && ((f->code & SECOND_FINAL) || !agile_nest(a, page))) {
        a->traced++;
        if (m->env.trace) TRACE(m->env.trace, TRACED, m->cause, .va = f->addr, .entry = frame << PAGE_SHIFT);
        return MMU_TRACED;
    }
    return a->second.ops->violation(&a->second, f);
}

/* ---- what the guest does, and what vmm asks */

static void invlpg(struct vmmu *m, gva_t at)
{
    struct agile *a = m->state;
    if (a->whole) m->env.invlpg(m->env.self, at);
    else a->shadow.ops->invlpg(&a->shadow, at);
}

static void wrote(struct vmmu *m, gpa_t at, unsigned size)
{
    struct agile *a = m->state;
    uint32_t frame, page = at.v >> PAGE_SHIFT;
    a->shadow.cause = m->cause;
    a->shadow.ops->wrote(&a->shadow, at, size);
    if (a->whole || !shadow_guest_ram(agile_shadow(a), at.v, &frame)) return;
    if (shadow_frame(agile_shadow(a), frame)->tables != SHADOW_NONE) agile_stored(a, page);
}

static void trace(struct vmmu *m, gpa_t at, bool on)
{
    struct agile *a = m->state;
    if (on && at.v >> PAGE_SHIFT < m->env.guest->frames && a->kind[at.v >> PAGE_SHIFT]) agile_renew(a, at.v >> PAGE_SHIFT);
    a->shadow.ops->trace(&a->shadow, at, on);
    a->second.ops->trace(&a->second, at, on);
}

static bool traced(const struct vmmu *m, gpa_t at)
{
    const struct agile *a = m->state;
    return a->shadow.ops->traced(&a->shadow, at) || a->second.ops->traced(&a->second, at);
}

static bool in_use(const struct agile *a, uint32_t directory)
{
    const uint64_t *e = a->m->env.pdpte;
    bool is = !agile_pae(a) && (a->cr3 & PAGE_MASK) == directory;
    for (unsigned n = 0; agile_pae(a) && n < 4; n++) is |= (e[n] & PTE_P) && (e[n] & ~(uint64_t)(PAGE_SIZE - 1)) == directory;
    return is;
}

static bool unmap(struct vmmu *m, gpa_t page)
{
    struct agile *a = m->state;
    if (!a->whole && in_use(a, page.v & PAGE_MASK)) return false;
    if (a->kind[page.v >> PAGE_SHIFT]) agile_renew(a, page.v >> PAGE_SHIFT);
    return a->shadow.ops->unmap(&a->shadow, page) && a->second.ops->unmap(&a->second, page);
}

static void stats(const struct vmmu *m, struct vmmu_stats *out)
{
    const struct agile *a = m->state;
    const struct vmmu_stats *second = &agile_second(a)->stats;
    *out = agile_shadow(a)->stats;
    out->traced += second->traced + a->traced;
    out->filled += second->filled;
    out->dropped += second->dropped;
    out->tables += second->tables;
    out->tables_peak += second->tables_peak;
    out->pool += second->pool;
    out->rebuilt += second->rebuilt;
    out->nested = a->nested;
    out->renewed = a->renewed;
    out->own = a->tables;
    out->own_peak = a->peak;
}

/* ---- for tests and views */

/* Those that are the guest's own. */
static bool check_own(const struct vmmu *m, char *why, unsigned room)
{
    const struct agile *a = m->state;
    uint32_t frame;
    for (uint32_t n = 0; n < a->tables; n++) {
        uint32_t page = a->table[n];
        bool good = a->kind[page] & AGILE_OWN && !(a->kind[page] & AGILE_BELOW) && shadow_guest_ram(agile_shadow(a), page << PAGE_SHIFT, &frame);
        if (good && !shadow_traced(agile_shadow(a), frame) && !(m->env.machine->marks[frame] & FRAME_SHARED)) continue;
        snprintf(why, room, "agile: table %X is the guest's own (kind %u), and is traced, shared or no RAM", page, a->kind[page]);
        return false;
    }
    return true;
}

static bool check_some(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room)
{
    const struct agile *a = m->state;
    return shadow_check_some(&a->shadow, tlb, why, room) && check_own(m, why, room);
}

static bool check(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room)
{
    const struct agile *a = m->state;
    uint32_t kinds = 0;
    if (!shadow_check(&a->shadow, tlb, why, room) || !a->second.ops->check(&a->second, tlb, why, room) || !check_own(m, why, room)) return false;
    for (uint32_t n = 0; n < m->env.guest->frames; n++) kinds += a->kind[n] != 0;
    if (kinds == a->tables && !(a->whole && kinds)) return true;
    snprintf(why, room, "agile: %u tables are the guest's own, %u are listed", kinds, a->tables);
    return false;
}

static uint32_t peek_entry(void *bus, hpa_t at)
{
    uint32_t e = 0;
    bus_peek(bus, at, &e, sizeof e);
    return e;
}

static bool probe(const struct vmmu *m, gva_t at, unsigned access, struct xlat *x)
{
    const struct agile *a = m->state;
    struct vmmu_second s = { 0 };
    struct fault f;
    if (a->whole) return a->second.ops->probe(&a->second, at, access, x);
    second(m, &s);
    const struct walk_env w = { .cr0 = PAGING_CR0_PG | (a->cr0 & PAGING_CR0_WP), .cr3 = s.shadows, .cr4 = a->cr4 & (PAGING_CR4_PSE | PAGING_CR4_PAE),
                                .pdpte = s.pdpte, .read = peek_entry, .self = m->env.machine, .second = { s.root, s.levels }, .agile = true };
    return walk(&w, at, access, x, &f);
}

const struct mmu_strategy mmu_agile = {
    .name = "agile",
    .about = "the walk begins in shadow tables and goes on, below a page table that changes often, in the guest's own and the second level",
    .attach = attach,
    .paging = paging,
    .fault = fault,
    .second = second,
    .violation = violation,
    .invlpg = invlpg,
    .wrote = wrote,
    .trace = trace,
    .traced = traced,
    .unmap = unmap,
    .stats = stats,
    .check = check,
    .check_some = check_some,
    .probe = probe,
};
