/* See mmu.h. One access that the CPU's fast path did not serve takes one of three ways, cheapest first:
 *   the TLB knows the page and permits the access    -> no reference to memory
 *   it does not (or D must be set)                    -> walk, set A and D, put the translation into way 0
 *   the tables refuse                                 -> #PF; the page's translation is forgotten
 * A refusal is never taken from the TLB alone: like real CPUs we walk again first, so that rights that software has
 * *added* need no INVLPG, while rights it has *removed* stay usable until flushed. SDM vol. 3A 4.10.4.1, 4.10.4.3. */
#include "sim/mmu/mmu.h"

#include <string.h>
#include "sim/mmu/behind.h"
#include "sim/mmu/cache.h"
#include "sim/mmu/fill.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/refill.h"
#include "sim/mmu/second.h"
#include "sim/mmu/space.h"
#include "sim/mmu/tlb.h"
#include "sim/trace/cause.h"

void mmu_init(struct mmu *m, struct bus *bus, struct tlb *dtlb, struct tlb *itlb, struct clock *clock,
              const struct model *model)
{
    *m = (struct mmu){ .bus = bus, .clock = clock, .model = model, .dtlb = dtlb, .itlb = itlb, .a20 = UINT32_MAX,
                        .direct = true, .levels = model->levels, .two_refs = 2 * model->cost[COST_WALK_REF],
                        .root_of = { MMU_NO_ROOT, MMU_NO_ROOT },
                        .cache = { .dimensions = model->walk_cache, .nested = model->nested_tlb } };
    dtlb->lines = itlb->lines = NULL;
    tlb_reset(dtlb);
    itlb->code = true;
    tlb_reset(itlb);
}

bool mmu_caches(struct mmu *m, struct arena *a, struct lines *lines, struct fetch *fetch)
{
    m->behind = behind_new(m->model, a);
    m->refills = arena_alloc(a, sizeof *m->refills);
    if (!m->model->cost[COST_L1D_KB]) return false;
    m->caches = arena_alloc(a, sizeof *m->caches);
    caches_init(m->caches, m->model, a, lines, fetch);
    m->caches->clock = m->clock;
    m->dtlb->lines = lines;
    tlb_reset(m->dtlb);
    return true;
}

/* ---- references that take time ---- */

void mmu_touch(void *mmu, hpa_t at, unsigned n, bool write)
{
    struct mmu *m = mmu;
    uint32_t place, first = at.v >> LINE_SHIFT, last = (at.v + n - 1) >> LINE_SHIFT;
    uint32_t wait = cache_data(m->caches, first, write, &place);
    for (; first != last; first++) wait += cache_data(m->caches, first + 1, write, &place);
    if (wait) clock_charge(m->clock, CAUSE_STALL, wait);
}

void mmu_fetch(void *mmu, hpa_t at)
{
    const struct mmu *m = mmu;
    cache_fetch(m->caches, at.v >> LINE_SHIFT);
}

void mmu_refer(void *mmu, uint32_t at, uint32_t n, bool write) { mmu_touch(mmu, hpa(at), n, write); }
void mmu_snoop(void *mmu, uint32_t at, uint32_t n, bool write) { cache_snoop(((struct mmu *)mmu)->caches, at, n, write); }

void mmu_empty(void *mmu, bool write)
{
    struct mmu *m = mmu;
    if (!m->caches) return;
    uint64_t before = m->caches->memory_writes;
    caches_flush(m->caches, write);
    uint64_t wait = (m->caches->memory_writes - before) * m->caches->memory;
    if (wait) clock_charge(m->clock, CAUSE_STALL, wait);
}

/* A page walk reads or writes an entry: what that takes beyond its row. */
static inline uint32_t walk_touches(struct mmu *m, uint32_t at, bool write)
{
    return m->caches ? cache_entry(m->caches, at >> LINE_SHIFT, write) : 0;
}

/* The gate sits between the CPU and the bus, so page walks go through it, too. */
static hpa_t gate(const struct mmu *m, hpa_t at) { return hpa(at.v & m->a20); }

static uint32_t read_entry(void *mmu, hpa_t at)
{
    const struct mmu *m = mmu;
    uint32_t entry;
    at = gate(m, at);
    if (!bus_plain(m->bus, at)) return bus_read(m->bus, at, 4);
    memcpy(&entry, m->bus->ram + at.v, sizeof entry);
    return entry;
}

static void write_entry(void *mmu, hpa_t at, uint32_t entry)
{
    struct mmu *m = mmu;
    uint32_t wait = walk_touches(m, gate(m, at).v, true);
    if (wait) clock_charge(m->clock, CAUSE_WALK, wait);
    bus_write(m->bus, gate(m, at), 4, entry);
}

/* A page, as the TLBs know it. */
static uint32_t key_of(const struct mmu *m, gva_t at) { return (at.v & PAGE_MASK) | m->space; }

static inline void forget(struct mmu *m, gva_t at)
{
    const uint32_t page = key_of(m, at);
    if (!m->caches) tlb_order(m->dtlb, tlb_data0(m->dtlb, page));
    tlb_forget(m->dtlb, tlb_data0(m->dtlb, page), page);
    tlb_forget(m->itlb, tlb_code0(m->itlb, page), page);
    if (m->behind && behind_holds(m->behind)) behind_forget(m->behind, page);
}

/* Has the address tables of its own? They are two levels of the usual kind. */
static bool is_upper(const struct mmu *m, gva_t at) { return m->upper && at.v >= m->upper; }

static struct walk_env env_of(const struct mmu *m, gva_t at, uint32_t (*read)(void *self, hpa_t at))
{
    if (is_upper(m, at))
        return (struct walk_env){ .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = m->upper_root, .cr4 = PAGING_CR4_PSE, .read = read,
                                  .self = (void *)(uintptr_t)m };
    return (struct walk_env){ m->cr0, m->cr3, m->cr4, m->pdpte, read, (void *)(uintptr_t)m, m->levels, m->second, m->agile, NULL };
}

static void count_refs(struct mmu *m, const struct xlat *x)
{
    const uint32_t each = m->model->cost[COST_WALK_REF];
    unsigned second = 0;
    uint64_t took[2] = { 0, 0 };
    for (unsigned i = 0; m->second.levels && i < x->refs; i++) second += x->ref[i].dim;
    for (unsigned i = 0; m->caches && i < x->refs; i++) took[x->ref[i].dim] += walk_touches(m, gate(m, x->ref[i].at).v, false);
    m->refs += x->refs;
    m->refs_second += second;
    clock_charge(m->clock, CAUSE_WALK, (uint64_t)(x->refs - second) * each + took[0]);
    if (second) clock_charge(m->clock, CAUSE_WALK_SECOND, (uint64_t)second * each + took[1]);
}

static struct tlb_entry *place(struct mmu *m, struct tlb *t, gva_t at, uint32_t frame, uint32_t pte)
{
    struct tlb_entry *e = tlb_insert(t, key_of(m, at));
    e->frame = frame;
    e->pte = pte;
    if (e->pte & PTE_PS) t->large = true;
    if (e->pte & PTE_G) t->global = true;
    if (!m->direct || e->pte & PTE_BEYOND) return e;
    if (bus_plain(m->bus, hpa(e->frame))) e->host = m->bus->ram + e->frame;
    else if (!bus_windowed(m->bus, hpa(e->frame))) e->host = bus_page(m->bus, hpa(e->frame));
    e->base = (uintptr_t)e->host - (e->page & PAGE_MASK);
    return e;
}

static struct tlb_entry *remember(struct mmu *m, struct tlb *t, gva_t at, const struct xlat *x)
{
    uint32_t pte = walk_rights(x);
    if (!(m->cr4 & PAGING_CR4_PGE) && !is_upper(m, at)) pte &= ~(uint32_t)PTE_G;
    struct tlb_entry *e = place(m, t, at, x->at.v & PAGE_MASK, pte);
    fill_behind(m, t->code, e);
    return e;
}

/* The walk the hardware makes after a TLB miss. NULL: *f is set, and nothing about this page is cached any more. */
static struct tlb_entry *walk_and_remember(struct mmu *m, struct tlb *t, gva_t at, unsigned access, struct xlat *x,
                                           struct fault *f)
{
    struct walk_env w = env_of(m, at, read_entry);
    if (walk_cache_on(&m->cache)) w.cache = &m->cache;
    bool legal = walk(&w, at, access, x, f);
    x->at = gate(m, x->at);
    if (fill_paging(m) || m->second.levels) {
        t->misses++;
        m->walks++;
        count_refs(m, x);
    }
    if (legal && m->second.levels) legal = walk_may_mark(x, at, access, f);
    if (!legal) {
        if (f->second) walk_cache_forget_second(&m->cache);
        forget(m, at);
        return NULL;
    }
    walk_accessed(x, access, write_entry, m);
    if (m->second.levels) {
        struct mmu_walks *by = &m->by_switch[m->agile ? x->switched : MMU_WALK_OWN];
        by->walks++;
        by->refs += x->refs;
    }
    return remember(m, t, at, x);
}

static uint8_t marks_of(const struct mmu *m, const struct tlb_entry *e)
{
    return bus_plain(m->bus, hpa(e->frame)) ? m->bus->marks[e->frame >> PAGE_SHIFT] : bus_marks(m->bus, hpa(e->frame));
}

/* May stores to this entry's frame bypass the bus? Not if somebody must hear of them because it holds decoded code, and not
 * if they do not go where reads come from. */
static bool plain_store(const struct mmu *m, const struct tlb_entry *e)
{
    return e->host && !(marks_of(m, e) & (FRAME_CODE | FRAME_ROM));
}

void mmu_open(struct mmu *m, struct tlb_entry *e, unsigned access)
{
    uint32_t page = e->page & PAGE_MASK;
    if (!e->host || points_page(m->points, page, access & ACCESS_EXEC ? POINT_EXEC : POINT_READ)) return;
    e->tag[ACCESS_READ] = page;
    if (e->pte & PTE_U) e->tag[ACCESS_USER] = page;
    if (access & ACCESS_EXEC) return;
    uint8_t marks = marks_of(m, e);
    bool waits = !(access & ACCESS_WRITE) && !((marks & FRAME_DIRTY) && (e->pte & PTE_D));
    if (waits || marks & (FRAME_CODE | FRAME_ROM) || points_page(m->points, page, POINT_WRITE)) return;
    if (!(marks & FRAME_DIRTY)) bus_mark(m->bus, hpa(e->frame), FRAME_DIRTY);
    if (walk_allows(e->pte, ACCESS_WRITE, m->cr0)) e->tag[ACCESS_WRITE] = page;
    if (walk_allows(e->pte, ACCESS_WRITE | ACCESS_USER, m->cr0)) e->tag[ACCESS_WRITE | ACCESS_USER] = page;
}

/* The first level's entry; or, if that has none that permits the access, what is behind it. */
static struct tlb_entry *look_up(struct mmu *m, struct tlb *t, gva_t at, unsigned access)
{
    struct tlb_entry *e = tlb_find(t, key_of(m, at));
    if (!m->behind || (e && fill_serves(m, e, access))) return e;
    struct tlb_entry *b = fill_known(m, at.v, access);
    if (!b) return e;
    uint32_t frame = behind_frame(b, at.v), pte = b->pte;
    t->misses++;
    clock_charge(m->clock, CAUSE_WALK, behind_use(m->behind, b));
    return place(m, t, at, frame, pte);
}

bool mmu_translate(void *mmu, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    struct mmu *m = mmu;
    struct tlb *t = access & ACCESS_EXEC ? m->itlb : m->dtlb;
    uint32_t offset = at.v & (PAGE_SIZE - 1);
    struct tlb_entry *e = look_up(m, t, at, access);
    if (e && fill_serves(m, e, access)) {
        /* An entry of another way brings its tags along. */
        bool open = e->tag[access & (ACCESS_WRITE | ACCESS_USER)] == (at.v & PAGE_MASK);
        x->tlb_hit = true;
        x->large = e->pte & PTE_PS;
        x->absent = e->pte & PTE_BEYOND;
        x->leaf = fill_paging(m) ? e->frame | e->pte | PTE_P | PTE_A : 0;
        x->refs = 0;
        x->at = hpa(e->frame | offset);
        if (open) {
            x->host = e->host + offset; /* a tag has one */
            return true;
        }
    } else {
        e = walk_and_remember(m, t, at, access, x, f);
        if (!e) return false;
    }
    mmu_open(m, e, access);
    x->host = (access & ACCESS_WRITE ? plain_store(m, e) : e->host != NULL) ? e->host + offset : NULL;
    return true;
}

/* After a change of what paging depends on: is it the short way's? */
void mmu_choose_walk(struct mmu *m)
{
    bool plain = m->a20 == UINT32_MAX && !walk_cache_on(&m->cache);
    m->rights_kept = PTE_P | PTE_W | PTE_U | PTE_D | (m->cr4 & PAGING_CR4_PGE ? PTE_G : 0u);
    for (unsigned access = 0; access < 4; access++) {
        bool binds = access == (ACCESS_WRITE | ACCESS_USER) || (access == ACCESS_WRITE && (m->cr0 & PAGING_CR0_WP));
        m->needs[access] = PTE_P | (access & ACCESS_USER ? PTE_U : 0u) | (binds ? PTE_W : 0u);
    }
    m->two_levels = plain && fill_paging(m) && !(m->cr4 & PAGING_CR4_PAE) && !m->second.levels;
    fill_note_plain(m);
}

void mmu_flush(void *mmu, bool globals_too)
{
    struct mmu *m = mmu;
    if (walk_cache_on(&m->cache)) walk_cache_forget_first(&m->cache);
    if (m->spaces_next) {
        mmu_flush_space(m, m->space, globals_too);
        return;
    }
    tlb_flush(m->dtlb, globals_too);
    tlb_flush(m->itlb, globals_too);
    if (m->behind && behind_holds(m->behind)) {
        behind_flush(m->behind, globals_too);
        fill_note_plain(m);
    }
}

void mmu_invlpg(void *mmu, gva_t at)
{
    struct mmu *m = mmu;
    if (walk_cache_on(&m->cache)) walk_cache_forget_first(&m->cache);
    forget(m, at);
}

/* What the manual says MOV to CR0 and CR4 do to the TLBs by themselves: a change of PG, PSE, PAE or PGE empties them,
 * globals too. A change of WP does not, but the fast tags were computed with it. */
void mmu_paging(void *mmu, uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    struct mmu *m = mmu;
    if (m->upper) { /* the rest's registers are not the CPU's */
        m->upper_root = cr3;
        return;
    }
    uint32_t changed0 = m->cr0 ^ cr0, changed4 = m->cr4 ^ cr4;
    m->cr0 = cr0;
    m->cr3 = cr3;
    m->cr4 = cr4;
    if (changed0 | changed4) mmu_choose_walk(m);
    else fill_note_root(m);
    if ((changed0 & PAGING_CR0_PG) || (changed4 & (PAGING_CR4_PSE | PAGING_CR4_PAE | PAGING_CR4_PGE))) mmu_flush(m, true);
    else if (changed0 & PAGING_CR0_WP) mmu_drop_tags(m);
}

void mmu_root(void *mmu, uint32_t cr3)
{
    struct mmu *m = mmu;
    if (m->upper) m->upper_root = cr3;
    else m->cr3 = cr3;
    fill_note_root(m);
    mmu_flush(m, false);
}

bool mmu_pdptes(void *mmu, uint32_t cr3, struct fault *f)
{
    struct mmu *m = mmu;
    struct xlat x = { .refs = 0 };
    struct second_end end = { .at = cr3 & ~31u };
    const struct walk_env w = env_of(m, gva(0), read_entry);
    uint64_t pdpte[4];
    *f = (struct fault){ .second = SECOND_NONE };
    if (m->levels > 2) return true; /* tables so deep are walked from CR3 on */
    bool there = !m->second.levels || second_walk(&w, end.at, SECOND_R, 3, &x, &end, f);
    count_refs(m, &x);
    for (unsigned n = 0; there && n < 4; n++) {
        uint32_t at = (uint32_t)end.at + 8 * n;
        pdpte[n] = read_entry(m, hpa(at)) | (uint64_t)read_entry(m, hpa(at + 4)) << 32;
        there = !(end.at >> 32) && (!(pdpte[n] & PTE_P) || !(pdpte[n] & PDPTE_RESERVED));
    }
    if (!there) return false;
    memcpy(m->pdpte, pdpte, sizeof m->pdpte);
    m->refs += 4;
    uint32_t wait = 0;
    for (unsigned n = 0; n < 4; n++) wait += walk_touches(m, gate(m, hpa((uint32_t)end.at + 8 * n)).v, false);
    clock_charge(m->clock, CAUSE_WALK, 4 * (uint64_t)m->model->cost[COST_WALK_REF] + wait);
    return true;
}

void mmu_pdptes_now(const void *mmu, uint64_t pdpte[4])
{
    const struct mmu *m = mmu;
    memcpy(pdpte, m->pdpte, sizeof m->pdpte);
}

/* Page tables inside a device's window read as ones here: asking the device could change it. */
static uint32_t peek_entry(void *mmu, hpa_t at)
{
    const struct mmu *m = mmu;
    uint32_t entry = UINT32_MAX;
    at = gate(m, at);
    if (!bus_windowed(m->bus, at)) bus_peek(m->bus, at, &entry, sizeof entry);
    return entry;
}

/* Of the references that were listed: which would a walk of the hardware find in its caches? */
static void tell_cached(const struct mmu *m, struct xlat *x)
{
    for (unsigned i = 0; i < x->refs && walk_cache_on(&m->cache); i++) {
        struct xlat_ref *r = &x->ref[i];
        bool known = r->dim && r->serves && walk_cache_holds_page(&m->cache, m->second.root, r->guest >> PAGE_SHIFT);
        r->cached = known || (r->level > 1 && walk_cache_holds(&m->cache, r->dim, r->at.v));
    }
}

bool mmu_probe(const struct mmu *m, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    const struct walk_env w = env_of(m, at, peek_entry);
    bool legal = walk(&w, at, access, x, f);
    tell_cached(m, x);
    if (!legal) return false;
    x->at = gate(m, x->at);
    if (!x->absent && !bus_windowed(m->bus, x->at)) x->host = bus_page(m->bus, x->at);
    if (x->host) x->host += x->at.v & (PAGE_SIZE - 1);
    return true;
}

static const uint8_t *seen(const struct mmu *m, uint32_t at)
{
    const uint8_t *page = bus_windowed(m->bus, hpa(at)) ? NULL : bus_page(m->bus, hpa(at));
    return page ? page + (at & (PAGE_SIZE - 1)) : NULL;
}

const uint8_t *mmu_see(const struct mmu *m, gva_t at, unsigned access)
{
    uint32_t pde, pte, lin = at.v;
    if (m->a20 != UINT32_MAX || m->upper || m->second.levels) return NULL;
    if (!fill_paging(m)) return seen(m, lin);
    const uint8_t *entry = m->two_levels ? seen(m, (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2) : NULL;
    if (!entry) return NULL;
    memcpy(&pde, entry, sizeof pde);
    if (!(pde & PTE_P) || (pde & PTE_PS && m->cr4 & PAGING_CR4_PSE) || !(entry = seen(m, (pde & PAGE_MASK) | pte_slot(lin) << 2))) return NULL;
    memcpy(&pte, entry, sizeof pte);
    return pte & PTE_P && walk_allows(pte & pde, access, m->cr0) ? seen(m, (pte & PAGE_MASK) | (lin & (PAGE_SIZE - 1))) : NULL;
}

void mmu_a20(void *mmu, unsigned n, bool open)
{
    (void)n;
    struct mmu *m = mmu;
    uint32_t mask = open ? UINT32_MAX : ~(1u << 20);
    if (m->a20 == mask) return;
    m->a20 = mask;
    mmu_choose_walk(m);
    mmu_forget_all(m);
}

void mmu_drop_tags(struct mmu *m)
{
    fill_note_plain(m); /* stop points may have been set */
    refill_forget(m);
    tlb_drop_tags(m->dtlb);
    tlb_drop_tags(m->itlb);
}

void mmu_drop_write_tags(struct mmu *m, uint32_t frame)
{
    for (unsigned i = 0; i < TLB_DATA_SETS * TLB_WAYS; i++) {
        struct tlb_entry *e = &m->dtlb->e[i / TLB_WAYS][i % TLB_WAYS];
        uint32_t owned;
        if (e->valid && bus_owner(m->bus, hpa(e->frame), &owned) && owned == frame) tlb_untag_writes(m->dtlb, e);
    }
}
