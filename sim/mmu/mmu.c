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
#include "sim/mmu/pte.h"
#include "sim/mmu/second.h"
#include "sim/mmu/space.h"
#include "sim/mmu/tlb.h"
#include "sim/trace/cause.h"

void mmu_init(struct mmu *m, struct bus *bus, struct tlb *dtlb, struct tlb *itlb, struct clock *clock,
              const struct model *model)
{
    *m = (struct mmu){ .bus = bus, .clock = clock, .model = model, .dtlb = dtlb, .itlb = itlb, .a20 = UINT32_MAX,
                        .direct = true, .levels = model->levels,
                        .cache = { .dimensions = model->walk_cache, .nested = model->nested_tlb } };
    dtlb->lines = itlb->lines = NULL;
    tlb_reset(dtlb);
    itlb->code = true;
    tlb_reset(itlb);
}

bool mmu_caches(struct mmu *m, struct arena *a, struct lines *lines, struct fetch *fetch)
{
    m->behind = behind_new(m->model, a);
    if (!m->model->cost[COST_L1D_KB]) return false;
    m->caches = arena_alloc(a, sizeof *m->caches);
    caches_init(m->caches, m->model, a, lines, fetch);
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
    struct mmu *m = mmu;
    uint32_t wait = cache_code(m->caches, at.v >> LINE_SHIFT);
    if (wait) clock_charge(m->clock, CAUSE_STALL, wait);
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
    uint32_t place;
    return m->caches ? cache_data(m->caches, at >> LINE_SHIFT, write, &place) : 0;
}

/* An access that its TLB entry has a tag for, by a line that is not settled: it is, once the caches were asked. */
static inline void settle(struct mmu *m, const struct tlb_entry *e, uint32_t lin, unsigned access)
{
    struct caches *k = m->caches;
    struct lines *l = k->lines;
    unsigned user = access & ACCESS_USER, ring = user != 0, n = lin >> LINE_SHIFT & (LINES - 1);
    uint32_t place, page = lin & PAGE_MASK, line = lin & LINE_MASK, physical = e->frame | (lin & (PAGE_SIZE - 1));
    uint32_t wait = cache_data(k, physical >> LINE_SHIFT, access & ACCESS_WRITE, &place);
    if (wait) clock_charge(m->clock, CAUSE_STALL, wait);
    bool writes = cache_dirty(k, place) && e->tag[ACCESS_WRITE | user] == page;
    struct line_tag *t = &l->e[ring][n];
    t->tag[0] = e->tag[user] == page ? line : LINE_NO_TAG;
    t->tag[1] = writes ? line : LINE_NO_TAG;
    t->base = (uintptr_t)e->host - page;
    l->used[n / 64] |= UINT64_C(1) << n % 64;
    cache_seen(k, place, n, ring);
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

static bool paging_on(const struct mmu *m) { return m->cr0 & PAGING_CR0_PG; }

/* A page, as the TLBs know it. */
static uint32_t key_of(const struct mmu *m, gva_t at) { return (at.v & PAGE_MASK) | m->space; }

static void forget(struct mmu *m, gva_t at)
{
    tlb_forget(m->dtlb, key_of(m, at));
    tlb_forget(m->itlb, key_of(m, at));
    if (m->behind) behind_forget(m->behind, key_of(m, at));
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
    struct mmu_walks *by = &m->by_switch[m->agile ? x->switched : MMU_WALK_OWN];
    if (m->second.levels) by->walks++, by->refs += x->refs;
    m->refs += x->refs;
    m->refs_second += second;
    clock_charge(m->clock, CAUSE_WALK, (uint64_t)(x->refs - second) * each + took[0]);
    if (second) clock_charge(m->clock, CAUSE_WALK_SECOND, (uint64_t)second * each + took[1]);
}

/* What a walk has found may be known behind the first level, too. */
static inline void remember_behind(struct mmu *m, const struct tlb *t, const struct tlb_entry *e)
{
    bool piece = (e->pte & PTE_PS) && !m->two_levels;
    if (m->behind && paging_on(m) && !piece && !(e->pte & PTE_BEYOND)) behind_put(m->behind, t->code, e->page, e->frame, e->pte);
}

static struct tlb_entry *place(struct mmu *m, struct tlb *t, gva_t at, uint32_t frame, uint32_t pte)
{
    struct tlb_entry *e = tlb_insert(t, key_of(m, at));
    e->frame = frame;
    e->pte = pte;
    if (e->pte & PTE_PS) t->large = true;
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
    remember_behind(m, t, e);
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
    if (paging_on(m) || m->second.levels) {
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

/* Opens the fast path as far as this access proves it harmless. Write tags wait for a write, so that a frame is marked
 * as stored to only if it is; a frame that is marked already, and whose D bit is set, need not wait. */
static void open_fast_path(struct mmu *m, struct tlb_entry *e, unsigned access)
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

/* Can a cached translation serve the access? A first write to a page not yet dirty cannot: D must be set in memory. */
static bool serves(const struct mmu *m, const struct tlb_entry *e, unsigned access)
{
    return walk_allows(e->pte, access, m->cr0) && (!(access & ACCESS_WRITE) || (e->pte & PTE_D));
}

/* What is known of a page behind the first level, if it permits the access; else NULL. */
static inline struct tlb_entry *known_behind(const struct mmu *m, uint32_t lin, unsigned access)
{
    struct tlb_entry *e = m->behind ? behind_find(m->behind, access & ACCESS_EXEC, (lin & PAGE_MASK) | m->space) : NULL;
    return e && serves(m, e, access) ? e : NULL;
}

/* The first level's entry; or, if that has none that permits the access, what is behind it. */
static struct tlb_entry *look_up(struct mmu *m, struct tlb *t, gva_t at, unsigned access)
{
    struct tlb_entry *e = tlb_find(t, key_of(m, at));
    if (!m->behind || (e && serves(m, e, access))) return e;
    struct tlb_entry *b = known_behind(m, at.v, access);
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
    if (e && serves(m, e, access)) {
        /* An entry of another way brings its tags along. */
        bool open = e->tag[access & (ACCESS_WRITE | ACCESS_USER)] == (at.v & PAGE_MASK);
        x->tlb_hit = true;
        x->large = e->pte & PTE_PS;
        x->absent = e->pte & PTE_BEYOND;
        x->leaf = paging_on(m) ? e->frame | e->pte | PTE_P | PTE_A : 0;
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
    open_fast_path(m, e, access);
    x->host = (access & ACCESS_WRITE ? plain_store(m, e) : e->host != NULL) ? e->host + offset : NULL;
    return true;
}

/* ---- the short way ---- */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* After a change of what paging depends on: is it walk_plain's? */
void mmu_choose_walk(struct mmu *m)
{
    bool plain = m->a20 == UINT32_MAX && !walk_cache_on(&m->cache);
    m->two_levels = plain && paging_on(m) && !(m->cr4 & PAGING_CR4_PAE) && !m->second.levels;
}

/* What a walk in RAM alone found. */
struct leaf {
    uint32_t entry;  /* with A and D as the access leaves them */
    uint32_t frame, rights;
    unsigned refs;
    uint32_t wait;   /* for the caches */
};

static uint32_t ram_entry(const struct bus *b, uint32_t at)
{
    uint32_t entry;
    memcpy(&entry, b->ram + at, sizeof entry);
    return entry;
}

/* walk.h's walk for two levels of plain RAM, with A and D. False, and nothing changed: something is out of the ordinary, be it a
 * fault. */
ALWAYS_INLINE bool walk_plain(struct mmu *m, uint32_t lin, unsigned access, struct leaf *l)
{
    const struct bus *b = m->bus;
    uint32_t top = (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2, at = top;
    if (!bus_plain(b, hpa(at))) return false;
    uint32_t pde = ram_entry(b, at), leaf = pde;
    if ((pde & (PTE_P | PTE_A)) != (PTE_P | PTE_A)) return false;
    if ((pde & PTE_PS) && (m->cr4 & PAGING_CR4_PSE)) {
        if (pde & (PDE_LARGE_RESERVED | PDE_LARGE_HIGH)) return false;
        l->refs = 1;
        l->frame = (pde & PDE_LARGE_MASK) | (lin & ~PDE_LARGE_MASK & PAGE_MASK);
        l->rights = pde & (PTE_W | PTE_U | PTE_D | PTE_G | PTE_PS);
    } else {
        at = (pde & PAGE_MASK) | pte_slot(lin) << 2;
        if (!bus_plain(b, hpa(at))) return false;
        leaf = ram_entry(b, at);
        if (!(leaf & PTE_P)) return false;
        l->refs = 2;
        l->frame = leaf & PAGE_MASK;
        l->rights = leaf & (PTE_W | PTE_U | PTE_D | PTE_G) & (pde | PTE_D | PTE_G);
    }
    l->entry = leaf | PTE_A;
    if (access & ACCESS_WRITE) {
        l->entry |= PTE_D;
        l->rights |= PTE_D;
    }
    if (!bus_plain(b, hpa(l->frame)) || !walk_allows(l->rights, access, m->cr0)) return false;
    bool changes = l->entry != leaf;
    if (changes && (b->log || (b->marks[at >> PAGE_SHIFT] & (FRAME_DIRTY | FRAME_CODE)) != FRAME_DIRTY)) return false;
    l->wait = l->refs == 2 ? walk_touches(m, top, false) : 0;
    l->wait += walk_touches(m, at, changes); /* read, and then written: a line that is there */
    if (!changes) return true;
    memcpy(b->ram + at, &l->entry, sizeof l->entry);
    return true;
}

/* The fast tags that open_fast_path would give an entry nobody watches. */
ALWAYS_INLINE void fill_tags(struct mmu *m, struct tlb_entry *e, uint32_t page, uint32_t pte, unsigned access, uint8_t *marks)
{
    uint8_t now = *marks;
    bool ready = (access & ACCESS_WRITE) || ((now & FRAME_DIRTY) && (pte & PTE_D));
    bool writes = ready && !(now & (FRAME_CODE | FRAME_ROM)) && !(access & ACCESS_EXEC);
    bool user = pte & PTE_U, writable = pte & PTE_W;
    e->tag[ACCESS_READ] = page;
    e->tag[ACCESS_USER] = user ? page : TLB_NO_TAG;
    e->tag[ACCESS_WRITE] = writes && (writable || !(m->cr0 & PAGING_CR0_WP)) ? page : TLB_NO_TAG;
    e->tag[ACCESS_WRITE | ACCESS_USER] = writes && writable && user ? page : TLB_NO_TAG;
    if (writes && !(now & FRAME_DIRTY)) *marks = now | FRAME_DIRTY;
}

ALWAYS_INLINE void fill_entry(struct mmu *m, struct tlb *t, struct tlb_entry *e, uint32_t page, const struct leaf *l,
                              unsigned access)
{
    uint32_t pte = m->cr4 & PAGING_CR4_PGE ? l->rights : l->rights & ~(uint32_t)PTE_G;
    t->misses++;
    m->walks += l->refs != 0;
    m->refs += l->refs;
    clock_charge(m->clock, CAUSE_WALK, (uint64_t)l->refs * m->model->cost[COST_WALK_REF] + l->wait);
    if (pte & PTE_PS) t->large = true;
    e->host = m->bus->ram + l->frame;
    e->base = (uintptr_t)e->host - page;
    e->page = page | m->space;
    e->frame = l->frame;
    e->pte = pte;
    e->valid = true;
    if (m->behind && l->refs) remember_behind(m, t, e);
    if (!m->points || !m->points->armed) fill_tags(m, e, page, pte, access, &m->bus->marks[l->frame >> PAGE_SHIFT]);
    else {
        tlb_untag(t, e);
        open_fast_path(m, e, access);
    }
}

static inline struct tlb_entry *set_of(const struct mmu *m, uint32_t page, unsigned access)
{
    return access & ACCESS_EXEC ? tlb_code0(m->itlb, page) : tlb_data0(m->dtlb, page);
}

/* As walk_plain, without a walk: what was known behind. */
static bool behind_plain(struct mmu *m, struct tlb_entry *e, uint32_t lin, struct leaf *l)
{
    *l = (struct leaf){ .frame = behind_frame(e, lin), .rights = e->pte };
    if (!bus_plain(m->bus, hpa(l->frame))) return false;
    l->wait = behind_use(m->behind, e);
    return true;
}

/* The page is not in its set, or not with all rights. */
static __attribute__((noinline)) struct tlb_entry *fill_by_walk(struct mmu *m, uint32_t lin, unsigned access, struct tlb *t,
                                                               struct tlb_entry *set, unsigned way, bool there)
{
    struct leaf l;
    uint32_t page = lin & PAGE_MASK;
    if (!m->two_levels || !m->direct) return NULL;
    struct tlb_entry *known = known_behind(m, lin, access);
    if (known ? !behind_plain(m, known, lin, &l) : !walk_plain(m, lin, access, &l)) return NULL;
    if (!t->lines) t->hits += way && there;
    struct tlb_entry *e = tlb_room(t, set, way, there);
    tlb_use(t, set);
    fill_entry(m, t, e, page, &l, access);
    if (t->lines) tlb_mark(t, set, (unsigned)(e - set));
    return e;
}

bool mmu_fill(void *mmu, gva_t at, unsigned access)
{
    struct mmu *m = mmu;
    struct tlb *t = access & ACCESS_EXEC ? m->itlb : m->dtlb;
    uint32_t page = at.v & PAGE_MASK;
    struct tlb_entry *set = set_of(m, page, access), *e;
    bool there;
    unsigned way = tlb_search(set, page | m->space, &there), kind = access & (ACCESS_WRITE | ACCESS_USER);
    if (!there || !serves(m, &set[way], access)) e = fill_by_walk(m, at.v, access, t, set, way, there);
    else {
        e = tlb_hit(t, set, way);
        if (e->tag[kind] != page) open_fast_path(m, e, access);
    }
    if (!e || e->tag[kind] != page) return false;
    if (t->lines) settle(m, e, at.v, access);
    return true;
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
    if (m->behind) behind_flush(m->behind, globals_too);
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
    mmu_choose_walk(m);
    if ((changed0 & PAGING_CR0_PG) || (changed4 & (PAGING_CR4_PSE | PAGING_CR4_PAE | PAGING_CR4_PGE))) mmu_flush(m, true);
    else if (changed0 & PAGING_CR0_WP) mmu_drop_tags(m);
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
    if (!paging_on(m)) return seen(m, lin);
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
