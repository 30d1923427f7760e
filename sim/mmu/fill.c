/* The short way of a TLB miss: what mmu_translate does for nearly every one, without its generality.
 *
 * Idea 1: it does all of it, or nothing: faults, tables that are not plain RAM, PAE, a second level, entries whose A bit is to be
 * set above the leaf are mmu_translate's. So it need not list what it read, and cannot fail half-way.
 * Idea 2: one text for four cases, data and code, with and without caches, which the compiler makes four functions of: what
 * none of a case's accesses needs is not asked for.
 * tests/unit/mmu_fill_test.c holds both ways equal. SDM vol. 3A 4.3, 4.8, 4.10. */
#include "sim/mmu/fill.h"

#include <string.h>
#include "sim/mmu/bring.h"
#include "sim/mmu/refill.h"
#include "sim/mmu/tlb.h"
#include "sim/trace/cause.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- walking ---- */

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

ALWAYS_INLINE uint32_t touch(struct mmu *m, uint32_t at, bool write)
{
    return cache_entry(m->caches, at >> LINE_SHIFT, write);
}

/* walk.h's walk for two levels of plain RAM, with A and D. False, and nothing changed: something is out of the ordinary, be it a
 * fault. */
ALWAYS_INLINE bool walk_plain(struct mmu *m, uint32_t lin, unsigned access, struct leaf *l, bool caches)
{
    const struct bus *b = m->bus;
    uint32_t top = (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2, at = top;
    if (unlikely(!bus_plain(b, hpa(at)))) return false;
    uint32_t pde = ram_entry(b, at), leaf = pde;
    if (unlikely((pde & (PTE_P | PTE_A)) != (PTE_P | PTE_A))) return false;
    if (unlikely((pde & PTE_PS) && (m->cr4 & PAGING_CR4_PSE))) {
        if (pde & (PDE_LARGE_RESERVED | PDE_LARGE_HIGH)) return false;
        l->refs = 1;
        l->frame = (pde & PDE_LARGE_MASK) | (lin & ~PDE_LARGE_MASK & PAGE_MASK);
        l->rights = pde & (PTE_W | PTE_U | PTE_D | PTE_G | PTE_PS);
    } else {
        at = (pde & PAGE_MASK) | pte_slot(lin) << 2;
        if (unlikely(!bus_plain(b, hpa(at)))) return false;
        leaf = ram_entry(b, at);
        if (unlikely(!(leaf & PTE_P))) return false;
        l->refs = 2;
        l->frame = leaf & PAGE_MASK;
        l->rights = leaf & (PTE_W | PTE_U | PTE_D | PTE_G) & (pde | PTE_D | PTE_G);
    }
    uint32_t marks = PTE_A | (access & ACCESS_WRITE ? PTE_D : 0u);
    l->entry = leaf | marks;
    l->rights |= marks & PTE_D;
    if (unlikely(!bus_plain(b, hpa(l->frame)) || !walk_allows(l->rights, access, m->cr0))) return false;
    bool changes = l->entry != leaf;
    if (changes && unlikely(b->log || (b->marks[at >> PAGE_SHIFT] & (FRAME_DIRTY | FRAME_CODE)) != FRAME_DIRTY)) return false;
    l->wait = caches && l->refs == 2 ? touch(m, top, false) : 0;
    if (caches) l->wait += touch(m, at, changes); /* read, and then written: a line that is there */
    if (changes) memcpy(b->ram + at, &l->entry, sizeof l->entry);
    return true;
}

/* As walk_plain, without a walk: what was known behind. */
static bool behind_plain(struct mmu *m, struct tlb_entry *e, uint32_t lin, struct leaf *l)
{
    *l = (struct leaf){ .frame = behind_frame(e, lin), .rights = e->pte };
    if (!bus_plain(m->bus, hpa(l->frame))) return false;
    l->wait = behind_use(m->behind, e);
    return true;
}

/* ---- what the TLB remembers ---- */

/* The fast tags that mmu_open would give an entry nobody watches. */
ALWAYS_INLINE void fill_tags(struct mmu *m, struct tlb_entry *e, uint32_t page, uint32_t pte, unsigned access, uint8_t *marks)
{
    uint8_t now = *marks;
    bool ready = (access & ACCESS_WRITE) || ((now & FRAME_DIRTY) && (pte & PTE_D));
    bool writes = !(access & ACCESS_EXEC) && ready && !(now & (FRAME_CODE | FRAME_ROM));
    bool free = !(m->cr0 & PAGING_CR0_WP);
    uint32_t user = pte & PTE_U ? page : TLB_NO_TAG, write = writes && (pte & PTE_W) ? page : TLB_NO_TAG;
    e->tag[ACCESS_READ] = page;
    e->tag[ACCESS_USER] = user;
    e->tag[ACCESS_WRITE] = writes && free ? page : write;
    e->tag[ACCESS_WRITE | ACCESS_USER] = pte & PTE_U ? write : TLB_NO_TAG;
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
    if (unlikely(pte & (PTE_PS | PTE_G))) {
        t->large |= (pte & PTE_PS) != 0;
        t->global |= (pte & PTE_G) != 0;
    }
    e->host = m->bus->ram + l->frame;
    e->base = (uintptr_t)e->host - page;
    e->page = page | m->space;
    e->frame = l->frame;
    e->pte = pte;
    e->valid = true;
    if (m->behind && l->refs) fill_behind(m, access & ACCESS_EXEC, e);
    if (!m->points || !m->points->armed) fill_tags(m, e, page, pte, access, &m->bus->marks[l->frame >> PAGE_SHIFT]);
    else {
        tlb_untag(t, e);
        mmu_open(m, e, access);
    }
}

ALWAYS_INLINE void count_hit(struct tlb *t, const struct tlb_entry *set, unsigned way, bool there, bool bits)
{
    if (there) t->hits += bits ? !(t->recent[tlb_set_number(t, set)] >> way & 1) : way != 0;
}

/* Whatever the short way can do. The page is in its set without all rights (way, there: tlb_search), or not at all. */
ALWAYS_INLINE struct tlb_entry *by_any_walk(struct mmu *m, struct tlb *t, struct tlb_entry *set, unsigned way, bool there,
                                            uint32_t lin, unsigned access, bool caches)
{
    struct leaf l;
    struct tlb_entry *known = fill_known(m, lin, access);
    if (known ? !behind_plain(m, known, lin, &l) : !walk_plain(m, lin, access, &l, caches)) return NULL;
    count_hit(t, set, way, there, t->lines);
    struct tlb_entry *e = tlb_room(t, set, way, there, t->lines);
    tlb_in_use(t, set);
    fill_entry(m, t, e, lin & PAGE_MASK, &l, access);
    return e;
}
NEVER_INLINE struct tlb_entry *by_any_walk_timed(struct mmu *m, struct tlb *t, struct tlb_entry *set, unsigned way, bool there,
                                                 uint32_t lin, unsigned access)
{
    return by_any_walk(m, t, set, way, there, lin, access, true);
}
NEVER_INLINE struct tlb_entry *by_any_walk_untimed(struct mmu *m, struct tlb *t, struct tlb_entry *set, unsigned way, bool there,
                                                   uint32_t lin, unsigned access)
{
    return by_any_walk(m, t, set, way, there, lin, access, false);
}

/* The same for small pages of which nobody is to hear: by_any_walk without what those do not need. */
ALWAYS_INLINE struct tlb_entry *by_walk(struct mmu *m, struct tlb *t, struct tlb_entry *set, unsigned way, bool there,
                                        uint32_t lin, unsigned access, bool caches)
{
    const struct bus *b = m->bus;
    const uint32_t first = b->ram_first, bytes = b->ram_bytes, page = lin & PAGE_MASK;
    const bool write = access & ACCESS_WRITE, code = access & ACCESS_EXEC;
    if (unlikely(!m->two_levels || !m->direct)) return NULL;
    if (unlikely(fill_looks_behind(m, code)) || unlikely(m->points && m->points->armed)) goto any;
    uint32_t top = (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2;
    if (unlikely(top - first >= bytes)) return NULL;
    uint32_t pde = ram_entry(b, top);
    if (unlikely((pde & (PTE_P | PTE_A | PTE_PS)) != (PTE_P | PTE_A))) goto any;
    uint32_t at = (pde & PAGE_MASK) | pte_slot(lin) << 2;
    if (unlikely(at - first >= bytes)) return NULL;
    uint32_t leaf = ram_entry(b, at), frame = leaf & PAGE_MASK, entry = leaf | PTE_A | (write ? PTE_D : 0u);
    uint32_t rights = entry & m->rights_kept & (pde | PTE_D | PTE_G), needs = m->needs[access & (ACCESS_WRITE | ACCESS_USER)];
    if (unlikely(frame - first >= bytes) || unlikely((rights & needs) != needs)) return NULL;
    rights -= PTE_P;
    if (entry != leaf && unlikely(b->log || (b->marks[at >> PAGE_SHIFT] & (FRAME_DIRTY | FRAME_CODE)) != FRAME_DIRTY)) return NULL;
    uint64_t cycles = m->two_refs;
    if (caches) cycles += touch(m, top, false);
    if (caches) cycles += touch(m, at, entry != leaf);
    if (entry != leaf) memcpy(b->ram + at, &entry, sizeof entry);
    clock_charge(m->clock, CAUSE_WALK, cycles);
    count_hit(t, set, way, there, false);
    t->misses++;
    m->walks++;
    m->refs += 2;
    struct tlb_entry *e = tlb_room(t, set, way, there, false);
    tlb_in_use(t, set);
    if (unlikely(rights & PTE_G)) t->global = true;
    e->host = b->ram + frame;
    e->base = (uintptr_t)e->host - page;
    e->page = page | m->space;
    e->frame = frame;
    e->pte = rights;
    e->valid = true;
    fill_tags(m, e, page, rights, access, &b->marks[frame >> PAGE_SHIFT]);
    return e;
any:
    return caches ? by_any_walk_timed(m, t, set, way, there, lin, access) : by_any_walk_untimed(m, t, set, way, there, lin, access);
}

/* ---- without caches, and code ---- */

static inline struct tlb_entry *set_of(const struct mmu *m, uint32_t page, unsigned access)
{
    return access & ACCESS_EXEC ? tlb_code0(m->itlb, page) : tlb_data0(m->dtlb, page);
}

/* By recency, in either TLB. */
ALWAYS_INLINE bool fill_front(struct mmu *m, struct tlb *t, uint32_t lin, unsigned access, bool caches)
{
    uint32_t page = lin & PAGE_MASK;
    struct tlb_entry *set = set_of(m, page, access), *e;
    bool there;
    if (!(access & ACCESS_EXEC)) tlb_order(t, set);
    unsigned way = tlb_search(set, page | m->space, &there), kind = access & (ACCESS_WRITE | ACCESS_USER);
    if (!there || !fill_serves(m, &set[way], access)) e = by_walk(m, t, set, way, there, lin, access, caches);
    else {
        t->hits += way != 0;
        e = tlb_to_front(t, set, way);
        if (e->tag[kind] != page) mmu_open(m, e, access);
    }
    return e && e->tag[kind] == page;
}

NEVER_INLINE bool front_data(struct mmu *m, uint32_t lin, unsigned access) { return fill_front(m, m->dtlb, lin, access, false); }
NEVER_INLINE bool front_code(struct mmu *m, uint32_t lin, unsigned access) { return fill_front(m, m->itlb, lin, access, false); }
NEVER_INLINE bool front_code_timed(struct mmu *m, uint32_t lin, unsigned access)
{
    return fill_front(m, m->itlb, lin, access, true);
}

/* Of an empty set. */
NEVER_INLINE bool first_data(struct mmu *m, uint32_t lin, unsigned access, unsigned number)
{
    if (refill(m, m->dtlb, number, lin, access, false)) return true;
    bool done = front_data(m, lin, access);
    if (done) refill_learn(m, m->dtlb->e[number], lin, false);
    return done;
}
ALWAYS_INLINE bool first_code(struct mmu *m, uint32_t lin, unsigned access, unsigned number, bool caches)
{
    if (refill(m, m->itlb, number, lin, access, caches)) return true;
    bool done = caches ? front_code_timed(m, lin, access) : front_code(m, lin, access);
    if (done) refill_learn(m, m->itlb->e[number], lin, true);
    return done;
}
NEVER_INLINE bool fill_data(struct mmu *m, uint32_t lin, unsigned access)
{
    const unsigned number = lin >> PAGE_SHIFT & (TLB_DATA_SETS - 1);
    return m->dtlb->used >> number & 1 ? front_data(m, lin, access & 3) : first_data(m, lin, access & 3, number);
}
NEVER_INLINE bool fill_code(struct mmu *m, uint32_t lin, unsigned access)
{
    const unsigned number = lin >> PAGE_SHIFT & (TLB_CODE_SETS - 1);
    access = (access & 3) | ACCESS_EXEC;
    return m->itlb->used >> number & 1 ? front_code(m, lin, access) : first_code(m, lin, access, number, false);
}
NEVER_INLINE bool fill_code_timed(struct mmu *m, uint32_t lin, unsigned access)
{
    const unsigned number = lin >> PAGE_SHIFT & (TLB_CODE_SETS - 1);
    access = (access & 3) | ACCESS_EXEC;
    return m->itlb->used >> number & 1 ? front_code_timed(m, lin, access) : first_code(m, lin, access, number, true);
}

/* ---- data, with caches ---- */

/* An access that its TLB entry has a tag for is settled from now on: its line lies in the first level, at `place`. What may be
 * written may be read. */
ALWAYS_INLINE bool tell(struct caches *k, struct tlb_entry *e, uint32_t lin, unsigned access, uint32_t place, bool dirty)
{
    unsigned user = access & ACCESS_USER, n = lin >> LINE_SHIFT & (LINES - 1);
    struct lines *l = k->lines;
    struct line_tag *t = &l->e[user / ACCESS_USER][n];
    const uint32_t line = lin & LINE_MASK;
    const uint64_t bit = UINT64_C(1) << (lin >> LINE_SHIFT & 63);
    t->tag[0] = line;
    t->tag[1] = dirty && e->tag[ACCESS_WRITE | user] == (lin & PAGE_MASK) ? line : LINE_NO_TAG;
    t->base = e->base;
    l->used[n / 64] |= bit;
    e->settled |= bit;
    cache_seen(k, place, n, user / ACCESS_USER);
    return true;
}

/* A hit that changes more than its own line. */
NEVER_INLINE bool settle_slowly(struct mmu *m, struct tlb_entry *e, uint32_t lin, unsigned access, uint32_t bit)
{
    uint32_t place, line = (e->frame | (lin & (PAGE_SIZE - 1))) >> LINE_SHIFT;
    uint32_t wait = cache_data_unsettled(m->caches, line, bit, access & ACCESS_WRITE, &place);
    if (wait) clock_charge(m->clock, CAUSE_STALL, wait);
    return tell(m->caches, e, lin, access, place, cache_dirty(m->caches, place));
}

/* A line that is not there. By access. */
#define BRING(name, access) \
    NEVER_INLINE bool name(struct caches *k, struct tlb_entry *e, uint32_t line, uint32_t lin) \
    { \
        return cache_bring_near(k, e, line, lin, access) || cache_bring(k, e, line, lin, access); \
    }
BRING(bring_read, ACCESS_READ)
BRING(bring_write, ACCESS_WRITE)
BRING(bring_user_read, ACCESS_USER)
BRING(bring_user_write, ACCESS_USER | ACCESS_WRITE)
ALWAYS_INLINE bool bring(struct caches *k, struct tlb_entry *e, uint32_t line, uint32_t lin, const unsigned access)
{
    if (access & ACCESS_USER) return access & ACCESS_WRITE ? bring_user_write(k, e, line, lin) : bring_user_read(k, e, line, lin);
    return access & ACCESS_WRITE ? bring_write(k, e, line, lin) : bring_read(k, e, line, lin);
}

/* frame: e's. */
ALWAYS_INLINE bool settle_in(struct mmu *m, struct tlb_entry *e, uint32_t frame, uint32_t lin, const unsigned access)
{
    struct caches *k = m->caches;
    const struct cache *c = &k->l1d;
    uint32_t line = (frame | (lin & (PAGE_SIZE - 1))) >> LINE_SHIFT, set = line & c->mask, bit = cache_find(c, set, line);
    struct cache_set *s = &c->set[set];
    if (!bit) return bring(k, e, line, lin, access);
    if (!cache_hit(c, s, bit, access & ACCESS_WRITE)) return settle_slowly(m, e, lin, access, bit);
    return tell(k, e, lin, access, (set << c->shift) + (uint32_t)__builtin_ctz(bit), s->dirty & bit);
}
NEVER_INLINE bool settle(struct mmu *m, struct tlb_entry *e, uint32_t lin, unsigned access)
{
    return settle_in(m, e, e->frame, lin, access);
}

/* In a way of a set, whose bit it may get first. */
NEVER_INLINE bool settle_older(struct mmu *m, struct tlb_entry *set, unsigned way, uint32_t lin, unsigned access)
{
    return settle(m, tlb_recent(m->dtlb, set, way), lin, access);
}

/* No entry has the tag: whatever the short way can do. */
NEVER_INLINE bool fill_data_by_any_walk(struct mmu *m, struct tlb_entry *set, uint32_t lin, unsigned access)
{
    struct tlb *t = m->dtlb;
    struct tlb_entry *e;
    bool there;
    unsigned way = tlb_search(set, (lin & PAGE_MASK) | m->space, &there);
    if (there && fill_serves(m, &set[way], access)) {
        e = tlb_hit(t, set, way);
        mmu_open(m, e, access);
    } else {
        e = m->two_levels && m->direct ? by_any_walk(m, t, set, way, there, lin, access, true) : NULL;
        if (unlikely(!e)) return false;
        tlb_mark(t, set, (unsigned)(e - set));
    }
    return e->tag[access] == (lin & PAGE_MASK) && settle(m, e, lin, access);
}

/* The tags of an entry that a walk has just found for a read or write, as fill_tags has them. */
ALWAYS_INLINE void tags_of(const struct mmu *m, struct tlb_entry *e, uint32_t page, uint32_t rights, bool write, uint8_t *marks)
{
    const uint8_t now = *marks;
    const uint32_t user = rights & PTE_U ? page : TLB_NO_TAG;
    uint32_t store = TLB_NO_TAG, user_store = TLB_NO_TAG;
    e->tag[ACCESS_READ] = page;
    e->tag[ACCESS_USER] = user;
    if ((rights & PTE_D) && (write || (now & FRAME_DIRTY)) && !(now & (FRAME_CODE | FRAME_ROM))) {
        if (walk_allows(rights, ACCESS_WRITE, m->cr0)) store = page;
        if (rights & PTE_W) user_store = user;
        if (!(now & FRAME_DIRTY)) *marks = now | FRAME_DIRTY;
    }
    e->tag[ACCESS_WRITE] = store;
    e->tag[ACCESS_WRITE | ACCESS_USER] = user_store;
}

/* The same for small pages of which nobody is to hear: fill_data_by_any_walk without what those do not need. */
ALWAYS_INLINE bool fill_data_by_walk(struct mmu *m, struct tlb_entry *set, unsigned number, uint32_t lin, const unsigned access)
{
    const struct bus *b = m->bus;
    const uint32_t first = b->ram_first, bytes = b->ram_bytes, page = lin & PAGE_MASK;
    const bool write = access & ACCESS_WRITE;
    struct tlb *t = m->dtlb;
    bool there;
    if (unlikely(!m->plain[0])) goto any;
    unsigned way = 0;
    there = false;
    if (t->used >> number & 1) way = tlb_search(set, page | m->space, &there); /* behind a flush it is empty */
    if (unlikely(there) && fill_serves(m, &set[way], access)) goto any;
    uint32_t top = (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2, pde, leaf;
    if (unlikely(top - first >= bytes)) return false;
    memcpy(&pde, b->ram + top, sizeof pde);
    if (unlikely((pde & (PTE_P | PTE_A | PTE_PS)) != (PTE_P | PTE_A))) goto any;
    uint32_t at = (pde & PAGE_MASK) | pte_slot(lin) << 2;
    if (unlikely(at - first >= bytes)) return false;
    memcpy(&leaf, b->ram + at, sizeof leaf);
    const uint32_t frame = leaf & PAGE_MASK, entry = leaf | PTE_A | (write ? PTE_D : 0u);
    uint32_t rights = entry & m->rights_kept & (pde | PTE_D | PTE_G), needs = m->needs[access];
    if (unlikely(frame - first >= bytes) || unlikely((rights & needs) != needs)) return false;
    rights -= PTE_P;
    uint8_t *host = b->ram + frame;
    __builtin_prefetch(host + (lin & (PAGE_SIZE - 1))); /* the host's caches bring it while we ask the model's */
    uint64_t cycles = m->two_refs;
    if (entry == leaf) {
        cycles += touch(m, top, false);
        cycles += touch(m, at, false);
    } else {
        if (unlikely(b->log || (b->marks[at >> PAGE_SHIFT] & (FRAME_DIRTY | FRAME_CODE)) != FRAME_DIRTY)) return false;
        cycles += touch(m, top, false);
        cycles += touch(m, at, true);
        memcpy(b->ram + at, &entry, sizeof entry);
    }
    clock_charge(m->clock, CAUSE_WALK, cycles);
    t->misses++;
    m->walks++;
    m->refs += 2;
    if (unlikely(rights & PTE_G)) t->global = true;
    struct tlb_entry *e = &set[way];
    if (there) { /* without the rights: its lines stay settled if it is the same page still */
        t->hits += !(t->recent[number] >> way & 1);
        if (e->frame != frame || ((e->pte ^ rights) & ~(uint32_t)PTE_D)) tlb_unsettle(t, e);
    } else {
        if (e->valid) e = &set[way = tlb_older(t, number)];
        tlb_unsettle(t, e);
        t->used |= 1u << number;
        e->valid = true;
        e->page = page | m->space;
    }
    e->host = host;
    e->base = (uintptr_t)host - page;
    e->frame = frame;
    e->pte = rights;
    tags_of(m, e, page, rights, write, &b->marks[frame >> PAGE_SHIFT]);
    tlb_mark_in(t, set, number, way);
    return e->tag[access] == page && settle_in(m, e, frame, lin, access);
any:
    return fill_data_by_any_walk(m, set, lin, access);
}
#define BY_WALK(name, access) \
    NEVER_INLINE bool name(struct mmu *m, struct tlb_entry *set, unsigned number, uint32_t lin) \
    { \
        return fill_data_by_walk(m, set, number, lin, access); \
    }
BY_WALK(walk_read, ACCESS_READ)
BY_WALK(walk_write, ACCESS_WRITE)
BY_WALK(walk_user_read, ACCESS_USER)
BY_WALK(walk_user_write, ACCESS_USER | ACCESS_WRITE)

/* Of an empty set. */
#define REFILL(name, access, by) \
    NEVER_INLINE bool by##_and_learn(struct mmu *m, struct tlb_entry *set, unsigned number, uint32_t lin) \
    { \
        bool done = by(m, set, number, lin); \
        if (done) refill_learn(m, set, lin, false); \
        return done; \
    } \
    NEVER_INLINE bool name(struct mmu *m, struct tlb_entry *set, unsigned number, uint32_t lin) \
    { \
        if (m->dtlb->used >> number & 1) return by(m, set, number, lin); \
        if (!refill(m, m->dtlb, number, lin, access, true)) return by##_and_learn(m, set, number, lin); \
        return settle_in(m, set, set->frame, lin, access); \
    }
REFILL(again_read, ACCESS_READ, walk_read)
REFILL(again_write, ACCESS_WRITE, walk_write)
REFILL(again_user_read, ACCESS_USER, walk_user_read)
REFILL(again_user_write, ACCESS_USER | ACCESS_WRITE, walk_user_write)

/* A tag says that the page's translation is in the TLB and permits the access; it may stand in any way. */
ALWAYS_INLINE bool fill_data_timed(struct mmu *m, uint32_t lin, const unsigned access,
                                   bool (*by_walk_only)(struct mmu *m, struct tlb_entry *set, unsigned number, uint32_t lin))
{
    const unsigned number = lin >> PAGE_SHIFT & (TLB_DATA_SETS - 1);
    struct tlb_entry *set = m->dtlb->e[number];
    const uint32_t page = lin & PAGE_MASK;
    unsigned w = set[0].tag[access] == page ? 0 : set[1].tag[access] == page ? 1 : set[2].tag[access] == page ? 2 : 3;
    if (w == TLB_WAYS - 1 && set[w].tag[access] != page) return by_walk_only(m, set, number, lin);
    const void *host = (const void *)(set[w].base + lin);
    if (access & ACCESS_WRITE) __builtin_prefetch(host, 1); /* clang wants a constant that is written as one */
    else __builtin_prefetch(host, 0);
    bool recent = m->dtlb->recent[number] >> w & 1;
    return recent ? settle_in(m, &set[w], set[w].frame, lin, access) : settle_older(m, set, w, lin, access);
}
#define FILL(name, access, by) \
    NEVER_INLINE bool name(void *mmu, gva_t at) { return fill_data_timed(mmu, at.v, access, by); }
FILL(fill_read, ACCESS_READ, again_read)
FILL(fill_write, ACCESS_WRITE, again_write)
FILL(fill_user_read, ACCESS_USER, again_user_read)
FILL(fill_user_write, ACCESS_USER | ACCESS_WRITE, again_user_write)
bool (*const mmu_bring[4])(void *mmu, gva_t at) = { fill_read, fill_write, fill_user_read, fill_user_write };

bool mmu_fill(void *mmu, gva_t at, unsigned access)
{
    struct mmu *m = mmu;
    if (access & ACCESS_EXEC) return m->caches ? fill_code_timed(m, at.v, access) : fill_code(m, at.v, access);
    return m->caches ? mmu_bring[access & (ACCESS_WRITE | ACCESS_USER)](m, at) : fill_data(m, at.v, access);
}
