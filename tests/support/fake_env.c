/* See fake_env.h. */
#include "tests/support/fake_env.h"

#include <stdlib.h>
#include <string.h>
#include "sim/mmu/behind.h"
#include "sim/mmu/cache.h"
#include "sim/mmu/pte.h"

static unsigned rights_of(const struct fake *f, uint32_t at)
{
    uint32_t n = at >> PAGE_SHIFT;
    return n < FAKE_PAGES ? f->page[n] : FAKE_ALL;
}

static bool allowed(const struct fake *f, unsigned rights, unsigned access)
{
    if (!(rights & FAKE_P)) return false;
    if ((access & ACCESS_USER) && !(rights & FAKE_U)) return false;
    bool strict = (access & ACCESS_USER) || (f->cr0 & CR0_WP);
    return !(access & ACCESS_WRITE) || (rights & FAKE_W) || !strict;
}

static void drop(struct tlb_entry *e)
{
    e->valid = false;
    for (unsigned a = 0; a < 4; a++) e->tag[a] = TLB_NO_TAG;
}

/* The entry of a page, which is way 0 then; NULL: there is none. */
static struct tlb_entry *find(struct tlb *t, uint32_t page)
{
    struct tlb_entry *set = tlb_way0(t, page);
    tlb_order(t, set);
    for (unsigned w = 0; w < TLB_WAYS; w++) {
        if (!set[w].valid || set[w].page != page) continue;
        if (w) t->hits++;
        return tlb_to_front(t, set, w);
    }
    return NULL;
}

/* The rights an entry was filled with stay in it until it is flushed, as in a real TLB. */
static struct tlb_entry *fill(struct fake *f, struct tlb *t, uint32_t page)
{
    struct tlb_entry *e = tlb_to_front(t, tlb_way0(t, page), TLB_WAYS - 1);
    *e = (struct tlb_entry){ .page = page, .frame = page, .valid = true, .pte = rights_of(f, page) };
    for (unsigned a = 0; a < 4; a++) e->tag[a] = TLB_NO_TAG;
    if (f->direct) e->host = bus_page(&f->bus, hpa(page));
    e->base = (uintptr_t)e->host - page;
    t->misses++;
    return e;
}

static void set_tags(struct fake *f, struct tlb_entry *e, unsigned access)
{
    bool code = bus_marks(&f->bus, hpa(e->frame)) & FRAME_CODE;
    for (unsigned a = 0; a < 4; a++) {
        bool write = a & ACCESS_WRITE;
        bool fast = e->host && allowed(f, e->pte, a) && !(write && (code || !(access & ACCESS_WRITE)));
        if (!write || (access & ACCESS_WRITE)) e->tag[a] = fast ? e->page : TLB_NO_TAG;
    }
}

static bool translate(void *mmu, gva_t at, unsigned access, struct xlat *x, struct fault *fault)
{
    struct fake *f = mmu;
    struct tlb *t = access & ACCESS_EXEC ? &f->cpu.itlb : &f->cpu.dtlb;
    f->translations++;
    struct tlb_entry *e = find(t, at.v & PAGE_MASK);
    unsigned rights = e ? e->pte : rights_of(f, at.v);
    tlb_shut(t, at.v);
    if (!allowed(f, rights, access)) {
        uint32_t code = (rights & FAKE_P ? 1u : 0u) | (access & ACCESS_WRITE ? 2u : 0u) | (access & ACCESS_USER ? 4u : 0u);
        *fault = (struct fault){ .vector = VEC_PF, .has_code = true, .code = code, .addr = at.v };
        if (e) drop(e);
        return false;
    }
    if (!e) e = fill(f, t, at.v & PAGE_MASK);
    if (access & ACCESS_WRITE) bus_mark(&f->bus, at.v < FAKE_RAM ? hpa(at.v) : hpa(UINT32_MAX), FRAME_DIRTY);
    set_tags(f, e, access);
    *x = (struct xlat){ .at = hpa(at.v), .host = e->host ? e->host + (at.v & (PAGE_SIZE - 1)) : NULL };
    return true;
}

/* What is refused is left to translate, untouched. */
static bool fill_tag(void *mmu, gva_t at, unsigned access)
{
    struct fake *f = mmu;
    const struct tlb_entry *set = tlb_way0(access & ACCESS_EXEC ? &f->cpu.itlb : &f->cpu.dtlb, at.v);
    unsigned rights = rights_of(f, at.v);
    struct xlat x;
    struct fault fault;
    for (unsigned w = 0; w < TLB_WAYS; w++)
        if (set[w].valid && set[w].page == (at.v & PAGE_MASK)) rights = set[w].pte;
    if (!allowed(f, rights, access)) return false;
    return translate(mmu, at, access, &x, &fault) && set->tag[access & (ACCESS_WRITE | ACCESS_USER)] == (at.v & PAGE_MASK);
}

/* No page is open. */
static void shut(struct tlb *t)
{
    for (unsigned s = 0; s < TLB_CODE_SETS; s++) tlb_order(t, t->e[s]);
    for (uint32_t n = 0; n < TLB_OPEN; n++) tlb_shut(t, n << PAGE_SHIFT);
}

static void forget(struct tlb *t)
{
    shut(t);
    for (unsigned s = 0; s < TLB_CODE_SETS; s++)
        for (unsigned w = 0; w < TLB_WAYS; w++) drop(&t->e[s][w]);
}

static void flush(void *mmu, bool globals_too)
{
    struct fake *f = mmu;
    f->flushes++;
    if (globals_too) f->flushes_global++;
    forget(&f->cpu.dtlb);
    forget(&f->cpu.itlb);
}

static void forget_page(struct fake *f, uint32_t page)
{
    shut(&f->cpu.dtlb);
    struct tlb_entry *both[2] = { tlb_way0(&f->cpu.dtlb, page), tlb_way0(&f->cpu.itlb, page) };
    for (unsigned k = 0; k < 2 * TLB_WAYS; k++)
        if (both[k % 2][k / 2].page == page) drop(&both[k % 2][k / 2]);
}

static void invlpg(void *mmu, gva_t at)
{
    struct fake *f = mmu;
    f->invlpgs++;
    f->invlpg_at = at.v;
    forget_page(f, at.v & PAGE_MASK);
}

static void paging(void *mmu, uint32_t cr0, uint32_t cr3, uint32_t cr4)
{
    struct fake *f = mmu;
    f->cr0 = cr0;
    f->cr3 = cr3;
    f->cr4 = cr4;
}

static void root(void *mmu, uint32_t cr3)
{
    ((struct fake *)mmu)->cr3 = cr3;
    flush(mmu, false);
}

static uint8_t acknowledge(void *irq)
{
    struct fake *f = irq;
    f->acknowledged++;
    cpu_intr(&f->cpu, false);
    return f->vector;
}

/* An event was armed or cancelled: the CPU must look at its deadline again. */
static void timers_changed(void *self)
{
    struct fake *f = self;
    f->cpu.break_at = 0;
}

void fake_init(struct fake *f, bool blocks)
{
    memset(f, 0, sizeof *f);
    f->direct = true;
    memset(f->page, FAKE_ALL, sizeof f->page);
    f->ram = calloc(1, FAKE_RAM);
    if (!f->ram || !arena_init(&f->arena, 1 << 20) || !model_find("p4", &f->model, NULL)) abort();
    f->clock.hz = f->model.hz;
    f->timers = (struct timeq){ .clock = &f->clock, .changed = timers_changed, .self = f };
    bus_init(&f->bus, f->ram, FAKE_PAGES, &f->clock, &f->arena);
    f->trace = trace_new();
    struct cpu_env env = {
        .bus = &f->bus, .mmu = f, .translate = translate, .fill = fill_tag, .flush = flush, .root = root, .invlpg = invlpg, .paging = paging,
        .irq = f, .acknowledge = acknowledge, .timers = &f->timers
    };
    forget(&f->cpu.dtlb);
    forget(&f->cpu.itlb);
    cpu_init(&f->cpu, &env, &f->clock, &f->model, f->trace, blocks ? block_cache_new() : NULL);
    bus_listen(&f->bus, (struct bus_listener){ cpu_code_written, &f->cpu });
    trace_bind(f->trace, (struct trace_now){
        .cycle = &f->clock.now, .insns = &f->cpu.insns, .eip = &f->cpu.eip, .ring = &f->cpu.cpl });
    cpu_boot_flat(&f->cpu, FAKE_CODE, 0, 0);
    f->cpu.reg[ESP] = FAKE_STACK;
    forget(&f->cpu.dtlb);
    forget(&f->cpu.itlb);
}

void fake_done(struct fake *f)
{
    if (f->cpu.blocks) block_cache_free(f->cpu.blocks);
    trace_free(f->trace);
    arena_done(&f->arena);
    free(f->ram);
}

void fake_put(struct fake *f, uint32_t at, const void *bytes, size_t n)
{
    if (!bus_poke(&f->bus, hpa(at), bytes, n)) abort();
}

void fake_put32(struct fake *f, uint32_t at, uint32_t value) { fake_put(f, at, &value, sizeof value); }

uint32_t fake_get32(const struct fake *f, uint32_t at)
{
    uint32_t v = 0;
    if (!bus_peek(&f->bus, hpa(at), &v, sizeof v)) abort();
    return v;
}

uint16_t fake_get16(const struct fake *f, uint32_t at)
{
    uint16_t v = 0;
    if (!bus_peek(&f->bus, hpa(at), &v, sizeof v)) abort();
    return v;
}

uint8_t fake_get8(const struct fake *f, uint32_t at)
{
    uint8_t v = 0;
    if (!bus_peek(&f->bus, hpa(at), &v, sizeof v)) abort();
    return v;
}

/* ---- with caches ---- */

enum { DIRECTORY = FAKE_RAM - 2 * PAGE_SIZE, TABLE = FAKE_RAM - PAGE_SIZE };
_Static_assert((int)FAKE_P == (int)PTE_P && (int)FAKE_W == (int)PTE_W && (int)FAKE_U == (int)PTE_U, "rights of a page");

static void set_entry(struct fake *f, uint32_t table, uint32_t slot, uint32_t entry) { fake_put32(f, table + 4 * slot, entry); }

void fake_paging(struct fake *f, bool wp)
{
    f->cpu.cr0 = wp ? f->cpu.cr0 | CR0_WP : f->cpu.cr0 & ~(uint32_t)CR0_WP;
    mmu_paging(&f->mmu, f->cpu.cr0 | CR0_PG, DIRECTORY, CR4_PSE);
}

void fake_caches(struct fake *f, const struct fake_row *rows)
{
    struct err e = { 0 };
    for (; rows->name; rows++)
        if (!model_set(&f->model, rows->name, rows->value, &e)) abort();
    if (!model_check(&f->model, &e)) abort();
    for (uint32_t n = 0; n < 1024; n++) {
        set_entry(f, TABLE, n, n << PAGE_SHIFT | (n < FAKE_PAGES ? f->page[n] : (unsigned)FAKE_ALL));
        set_entry(f, DIRECTORY, n, n ? n << 22 | FAKE_ALL | PTE_PS : TABLE | (unsigned)FAKE_ALL);
    }
    mmu_init(&f->mmu, &f->bus, &f->cpu.dtlb, &f->cpu.itlb, &f->clock, &f->model);
    struct cpu_env *env = &f->cpu.env;
    env->mmu = &f->mmu;
    env->translate = mmu_translate;
    env->fill = mmu_fill;
    env->bring = mmu_bring;
    env->root = mmu_root;
    env->touch = mmu_touch;
    env->fetch = mmu_fetch;
    env->empty = mmu_empty;
    env->flush = mmu_flush;
    env->invlpg = mmu_invlpg;
    env->paging = mmu_paging;
    f->cpu.timed = mmu_caches(&f->mmu, &f->arena, &f->cpu.lines, &f->cpu.fetch);
    f->cpu.predicts = f->cpu.timed && predict_init(&f->cpu.predictor, &f->model);
    if (f->cpu.blocks) block_cache_flush(f->cpu.blocks);
    fake_paging(f, true);
}

static const char *cache_differs(const struct cache *a, const struct cache *b)
{
    size_t sets = a->ways ? a->mask + 1 : 0;
    if (a->misses != b->misses) return "misses of a cache";
    if (a->writebacks != b->writebacks) return "write-backs of a cache";
    if (sets && memcmp(a->tag, b->tag, cache_places(a) * sizeof *a->tag)) return "lines in a cache";
    return sets && memcmp(a->set, b->set, sets * sizeof *a->set) ? "who is recently used, or dirty, in a cache" : NULL;
}

const char *fake_caches_differ(const struct fake *f, const struct fake *g)
{
    const struct caches *a = f->mmu.caches, *b = g->mmu.caches;
    const char *what = NULL;
    if (!a) return NULL;
    if (!what) what = cache_differs(&a->l1i, &b->l1i);
    if (!what) what = cache_differs(&a->l1d, &b->l1d);
    if (!what) what = cache_differs(&a->l2, &b->l2);
    if (!what) what = cache_differs(&a->l3, &b->l3);
    if (a->memory_reads != b->memory_reads || a->memory_writes != b->memory_writes) what = "lines read or written in memory";
    if (memcmp(f->cpu.dtlb.recent, g->cpu.dtlb.recent, sizeof f->cpu.dtlb.recent)) what = "recently used pages";
    const struct behind *p = f->mmu.behind, *q = g->mmu.behind;
    if (p && (p->second.hits != q->second.hits || p->large[0].hits != q->large[0].hits || p->large[1].hits != q->large[1].hits))
        what = "hits behind the first-level TLB";
    if (memcmp(&f->cpu.predictor, &g->cpu.predictor, sizeof f->cpu.predictor)) what = "the branch predictor";
    if (f->cpu.fetch.line != g->cpu.fetch.line) what = "the line fetched last";
    return what;
}

void fake_page(struct fake *f, uint32_t at, unsigned rights)
{
    f->page[at >> PAGE_SHIFT] = (uint8_t)rights;
    if (f->mmu.bus) {
        set_entry(f, TABLE, at >> PAGE_SHIFT, (at & PAGE_MASK) | rights);
        mmu_invlpg(&f->mmu, gva(at));
        return;
    }
    forget_page(f, at & PAGE_MASK);
}

void fake_irq(struct fake *f, uint8_t vector)
{
    f->vector = vector;
    cpu_intr(&f->cpu, true);
}
