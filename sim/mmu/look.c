/* See look.h. */
#include "sim/mmu/look.h"

#include "sim/mmu/behind.h"
#include "sim/mmu/cache.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/second.h"

enum { NUMBER = PAGE_SIZE - 1 };

static uint8_t home_of(const struct caches *k, uint32_t line)
{
    if (cache_has(&k->l1d, line, NULL)) return HOME_L1;
    if (cache_has(&k->l2, line, NULL)) return HOME_L2;
    if (cache_has(&k->l3, line, NULL)) return HOME_L3;
    return HOME_MEMORY;
}

void mmu_homes(const struct mmu *m, struct xlat *x)
{
    for (unsigned i = 0; m->caches && i < x->refs; i++) {
        uint32_t line = (x->ref[i].at.v & m->a20) >> LINE_SHIFT;
        x->ref[i].home = home_of(m->caches, line);
        for (unsigned k = 0; k < i; k++)
            if (!x->ref[k].cached && (x->ref[k].at.v & m->a20) >> LINE_SHIFT == line) x->ref[i].home = HOME_L1;
    }
}

/* ---- TLBs ---- */

struct search {
    const struct mmu *m;
    const gva_t *at; /* NULL: all */
    unsigned access;
    uint32_t space;
    struct known_page *list;
    unsigned room, n;
};

/* A supervisor may read whatever is there, so the probe fails only if nothing is. */
static uint8_t truth_of(const struct mmu *m, const struct tlb_entry *e)
{
    struct xlat x;
    struct fault f;
    const uint32_t both = PTE_W | PTE_U;
    if ((e->page & NUMBER) != m->space) return KNOWN_ELSEWHERE;
    if (!mmu_probe(m, gva(e->page & PAGE_MASK), ACCESS_READ, &x, &f)) return KNOWN_GONE;
    if ((x.at.v & PAGE_MASK) != e->frame) return KNOWN_MOVED;
    uint32_t rights = walk_rights(&x) & both, had = e->pte & both;
    if (had & ~rights) return KNOWN_WIDER;
    return rights & ~had ? KNOWN_NARROWER : KNOWN_SAME;
}

/* Pieces of large pages, in the other tables, have their own names. */
static bool serves(const struct search *s, const struct tlb_entry *e, enum known_where where)
{
    const struct mmu *m = s->m;
    uint32_t mask = where == KNOWN_LARGE_DATA || where == KNOWN_LARGE_CODE ? PDE_LARGE_MASK : PAGE_MASK;
    if (!s->at || (e->page & NUMBER) != s->space || ((e->page ^ s->at->v) & mask)) return false;
    return walk_allows(e->pte, s->access, m->cr0) && (!(s->access & ACCESS_WRITE) || (e->pte & PTE_D));
}

static void add(struct search *s, const struct tlb_entry *e, enum known_where where, unsigned set, unsigned way, bool recent)
{
    const struct mmu_space *space = &s->m->spaces[(e->page & NUMBER) % MMU_SPACES];
    if (s->n++ >= s->room) return;
    s->list[s->n - 1] = (struct known_page){
        .where = (uint8_t)where, .truth = truth_of(s->m, e), .serves = serves(s, e, where), .recent = recent,
        .way = (uint8_t)way, .set = (uint16_t)set, .vpid = space->vpid, .va = e->page & PAGE_MASK, .frame = e->frame,
        .rights = e->pte & (PTE_W | PTE_U | PTE_D | PTE_G | PTE_PS), .second = space->second, .root = space->root,
    };
}

static void first_level(struct search *s, const struct tlb *t, unsigned sets, enum known_where where)
{
    unsigned only = s->at ? s->at->v >> PAGE_SHIFT & (sets - 1) : 0;
    for (unsigned n = s->at ? only : 0; n < (s->at ? only + 1 : sets); n++)
        for (unsigned w = 0; w < TLB_WAYS; w++)
            if (t->e[n][w].valid) add(s, tlb_in_order(t, n, w), where, n, w, t->lines ? t->recent[n] >> w & 1 : w == 0);
}

static void behind_table(struct search *s, const struct behind_table *t, enum known_where where)
{
    if (!t->e) return;
    unsigned only = s->at ? s->at->v >> t->shift & t->mask : 0;
    for (unsigned n = s->at ? only : 0; n <= (s->at ? only : t->mask); n++)
        for (unsigned w = 0; w < t->ways; w++)
            if (t->e[n * t->ways + w].valid) add(s, &t->e[n * t->ways + w], where, n, w, w == 0);
}

unsigned mmu_known(const struct mmu *m, const gva_t *at, unsigned access, uint32_t space, struct known_page *list, unsigned room)
{
    struct search s = { .m = m, .at = at, .access = access, .space = space, .list = list, .room = room };
    bool code = access & ACCESS_EXEC;
    if (!at || !code) first_level(&s, m->dtlb, TLB_DATA_SETS, KNOWN_DATA);
    if (!at || code) first_level(&s, m->itlb, TLB_CODE_SETS, KNOWN_CODE);
    if (!m->behind) return s.n;
    if (!at || !code) behind_table(&s, &m->behind->large[0], KNOWN_LARGE_DATA);
    if (!at || code) behind_table(&s, &m->behind->large[1], KNOWN_LARGE_CODE);
    behind_table(&s, &m->behind->second, KNOWN_SECOND);
    return s.n;
}

uint32_t mmu_space_tagged(const struct mmu *m, uint16_t vpid)
{
    for (uint32_t n = 1; vpid && n < MMU_SPACES; n++)
        if (m->spaces[n].vpid == vpid) return n;
    return UINT32_MAX;
}

/* ---- caches of walks ---- */

static uint32_t peek(void *mmu, hpa_t at)
{
    const struct mmu *m = mmu;
    uint32_t entry = UINT32_MAX;
    at.v &= m->a20;
    if (!bus_windowed(m->bus, at)) bus_peek(m->bus, at, &entry, sizeof entry);
    return entry;
}

static uint8_t truth_of_page(const struct mmu *m, uint32_t root, uint64_t page, uint64_t frame)
{
    struct xlat x = { .refs = 0 };
    struct fault f;
    struct second_end end = { .at = page << PAGE_SHIFT };
    const struct walk_env w = { .read = peek, .self = (void *)(uintptr_t)m, .second = m->second };
    if (!m->second.levels || root != m->second.root) return KNOWN_ELSEWHERE;
    if (!second_walk(&w, page << PAGE_SHIFT, SECOND_R, 0, &x, &end, &f)) return KNOWN_GONE;
    return end.at >> PAGE_SHIFT == frame ? KNOWN_SAME : KNOWN_MOVED;
}

unsigned mmu_known_walks(const struct mmu *m, struct known_walk *list, unsigned room)
{
    const struct walk_cache *c = &m->cache;
    unsigned n = 0;
    for (unsigned i = 0; c->dimensions && i < WALK_CACHE_ENTRIES; i++) {
        if (!c->e[i].valid || n++ >= room) continue;
        bool same = peek((void *)(uintptr_t)m, hpa(c->e[i].at)) == (uint32_t)c->e[i].entry;
        list[n - 1] = (struct known_walk){ c->e[i].dim ? KNOWN_NESTED_ENTRY : KNOWN_FIRST, same ? KNOWN_SAME : KNOWN_MOVED,
                                           c->e[i].at,
                                           (uint32_t)c->e[i].entry, c->e[i].used };
    }
    for (unsigned i = 0; i < c->nested; i++) {
        if (!c->n[i].valid || n++ >= room) continue;
        list[n - 1] = (struct known_walk){ KNOWN_NESTED_PAGE, truth_of_page(m, c->n[i].root, c->n[i].page, c->n[i].frame),
                                           (uint32_t)(c->n[i].page << PAGE_SHIFT), (uint32_t)(c->n[i].frame << PAGE_SHIFT),
                                               c->n[i].used };
    }
    return n;
}
