/* The short way of a TLB miss does what the long way does: two machines get the same page tables, accesses and flushes; one
 * asks mmu_translate always, the other mmu_fill first. Memory, TLBs with their tags, marks, clock and counters stay equal. With
 * caches, the long way is followed by mmu_touch; and what the CPU is told of settled lines is true at all times.
 * SDM vol. 3A 4.3, 4.8, 4.10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/points.h"
#include "sim/mmu/cache.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/space.h"
#include "sim/trace/cause.h"

enum { RAM = 4 << 20, FRAMES = RAM / PAGE_SIZE, PD = 0x101000, PT = 0x102000 /* 8 tables */, WINDOW = 0x300000, STEPS = 200000 };

static struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    struct points points;
    struct lines lines;
    struct fetch fetch;
    uint8_t *ram;
} both[2];
static struct world *const shortly = &both[0], *const longly = &both[1];
static unsigned filled, asked;

static uint32_t device_read(struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset, (void)size;
    return 0x7FF007; /* an entry beyond RAM */
}
static void device_write(struct device *d, uint32_t offset, unsigned size, uint32_t v)
{
    (void)d, (void)offset, (void)size, (void)v;
}
static const struct device_ops device_ops = { .name = "fake", .read = device_read, .write = device_write };
static struct device device = { &device_ops };

static uint64_t state;
static uint32_t chance(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static int set_up(void **caches)
{
    state = 42;
    filled = asked = 0;
    memset(both, 0, sizeof both);
    for (unsigned k = 0; k < 2; k++) {
        struct world *w = &both[k];
        w->clock.hz = 1000000000;
        w->ram = calloc(1, RAM);
        assert_true(w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
        if (!*caches) w->model.cost[COST_L1D_KB] = 0;
        bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
        assert_true(bus_attach(&w->bus, BUS_MEM, WINDOW, 0x1000, 0, &device, NULL));
        mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
        w->mmu.points = &w->points;
        assert_int_equal(mmu_caches(&w->mmu, &w->arena, &w->lines, &w->fetch), *caches != NULL);
        mmu_paging(&w->mmu, PAGING_CR0_PG | PAGING_CR0_WP, PD, PAGING_CR4_PSE | PAGING_CR4_PGE);
    }
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k < 2; k++) {
        free(both[k].ram);
        arena_done(&both[k].arena);
    }
    return 0;
}

/* Few pages in few sets, over eight page tables. */
static uint32_t some_page(void) { return chance(8) << 22 | chance(2) << 16 | chance(6) << 12; }

static uint32_t some_frame(void)
{
    switch (chance(12)) {
    case 0: return chance(256) << 12;               /* below 1 MB: not plain */
    case 1: return (FRAMES + chance(4)) << 12;      /* beyond RAM */
    case 2: return WINDOW + (chance(3) << 12);
    case 3: return PD + (chance(9) << 12);          /* the tables themselves */
    default: return 0x200000 + (chance(64) << 12);
    }
}

static void store(uint32_t at, uint32_t v)
{
    for (unsigned k = 0; k < 2; k++) bus_write(&both[k].bus, hpa(at), 4, v);
}

static void change_tables(void)
{
    uint32_t page = some_page(), bits = chance(1 << 9), slot = pde_slot(page);
    if (chance(8)) bits |= PTE_P | PTE_U;
    uint32_t table = chance(16) ? PT + (slot << 12) : some_frame();
    if (chance(5)) store(PT + (slot << 12) + 4 * pte_slot(page), some_frame() | bits);
    else if (chance(4)) store(PD + 4 * slot, table | (bits & ~(uint32_t)PTE_PS) | PTE_P | PTE_W | PTE_U);
    else store(PD + 4 * slot, chance(3) ? table | bits : bits | PTE_PS | chance(2) << 20);
}

enum { USUAL = 3 + 16 * 3 + 80 + 320 }; /* paging with WP, PSE, PGE; A20 open; host pointers */
static void change_mode(struct mmu *m, uint32_t what)
{
    static const uint32_t cr4[] = { 0, PAGING_CR4_PSE, PAGING_CR4_PGE, PAGING_CR4_PSE | PAGING_CR4_PGE, PAGING_CR4_PAE };
    uint32_t cr0 = (what & 1 ? PAGING_CR0_WP : 0) | (what & 14 ? PAGING_CR0_PG : 0);
    mmu_paging(m, cr0, PD, cr4[what / 16 % 5]);
    mmu_a20(m, 0, what / 80 % 4 != 0);
    m->direct = what / 320 % 8 != 0;
    mmu_choose_walk(m);
    if (!m->direct) mmu_flush(m, true);
}

static void disturb(void)
{
    uint32_t page = some_page(), what = chance(UINT32_MAX) << 1 | chance(2), frame = some_frame(), kind = chance(40), watched = chance(2);
    for (unsigned k = 0; k < 2; k++) {
        struct world *w = &both[k];
        if (kind < 8) mmu_invlpg(&w->mmu, gva(page));
        else if (kind < 12) mmu_flush(&w->mmu, what & 1);
        else if (kind < 14) change_mode(&w->mmu, what & 1u << 31 ? USUAL : what);
        else if (kind < 15) bus_mark(&w->bus, hpa(frame), FRAME_CODE), mmu_drop_tags(&w->mmu);
        else if (kind < 17) bus_unmark(&w->bus, hpa(frame), what & 1 ? FRAME_DIRTY : FRAME_CODE), mmu_drop_tags(&w->mmu);
        else if (kind < 18) points_set(&w->points, &(struct point){ page, 1, POINT_WRITE }, watched), mmu_drop_tags(&w->mmu);
    }
}

static void access_both(uint32_t at, unsigned access)
{
    struct xlat x[2];
    struct fault f[2] = { 0 };
    asked++;
    if (mmu_fill(&shortly->mmu, gva(at), access)) {
        struct tlb *t = access & ACCESS_EXEC ? &shortly->itlb : &shortly->dtlb;
        const struct tlb_entry *e = tlb_way0(t, at);
        for (unsigned w = 1; t->lines && w < TLB_WAYS && e->tag[access & 3] != (at & PAGE_MASK); w++) e++;
        filled++;
        assert_int_equal(e->tag[access & 3], at & PAGE_MASK);
        assert_true(mmu_translate(&longly->mmu, gva(at), access, &x[1], &f[1]));
        if (t->lines) {
            const struct line_tag *line = lines_find(&shortly->lines, (access & ACCESS_USER) != 0, at);
            mmu_touch(&longly->mmu, x[1].at, 1, access & ACCESS_WRITE);
            assert_int_equal(line->tag[access & ACCESS_WRITE], at & LINE_MASK);
            assert_ptr_equal(line->base + at, e->host + (at & ~PAGE_MASK));
        }
        assert_int_equal(e->frame | (at & ~PAGE_MASK), x[1].at.v);
        assert_int_equal(e->host + (at & ~PAGE_MASK) - shortly->ram, x[1].host - longly->ram);
        return;
    }
    bool ok = mmu_translate(&shortly->mmu, gva(at), access, &x[0], &f[0]);
    assert_int_equal(ok, mmu_translate(&longly->mmu, gva(at), access, &x[1], &f[1]));
    if (!ok) assert_memory_equal(&f[0], &f[1], sizeof f[0]);
    else assert_int_equal(x[0].at.v, x[1].at.v);
    for (unsigned k = 0; ok && shortly->mmu.caches && !(access & ACCESS_EXEC) && k < 2; k++)
        if (x[k].host) mmu_touch(&both[k].mmu, x[k].at, 1, access & ACCESS_WRITE);
}

static void same_tlb(const struct tlb *a, const struct tlb *b)
{
    for (unsigned n = 0; n < TLB_CODE_SETS * TLB_WAYS; n++) {
        const struct tlb_entry *p = &a->e[n / TLB_WAYS][n % TLB_WAYS], *q = &b->e[n / TLB_WAYS][n % TLB_WAYS];
        assert_int_equal(p->valid, q->valid);
        assert_memory_equal(p->tag, q->tag, sizeof p->tag);
        if (!p->valid) continue;
        assert_int_equal(p->page, q->page);
        assert_int_equal(p->frame, q->frame);
        assert_int_equal(p->pte, q->pte);
        assert_int_equal(p->host ? p->host - shortly->ram : -1, q->host ? q->host - longly->ram : -1);
    }
    assert_int_equal(a->hits, b->hits);
    assert_int_equal(a->misses, b->misses);
    assert_int_equal(a->used, b->used);
}

/* Whatever a line's tag promises: a translation that permits it and was recently used, and so was its line in the cache. */
static void lines_are_settled(struct world *w)
{
    struct caches *k = w->mmu.caches;
    for (unsigned n = 0; n < 4 * LINES; n++) {
        bool write = n & 1, user = n & 2, found = false, dirty;
        const struct line_tag *line = &w->lines.e[user][n / 4];
        uint32_t lin = line->tag[write];
        if (lin == LINE_NO_TAG) continue;
        unsigned set = lin >> PAGE_SHIFT & (TLB_DATA_SETS - 1);
        for (unsigned way = 0; way < TLB_WAYS; way++) {
            const struct tlb_entry *e = &w->dtlb.e[set][way];
            if (!e->valid || e->tag[(write ? ACCESS_WRITE : 0) | (user ? ACCESS_USER : 0)] != (lin & PAGE_MASK)) continue;
            uint32_t physical = (e->frame | (lin & ~PAGE_MASK)) >> LINE_SHIFT, at = physical & k->l1d.mask;
            found = true;
            assert_true(w->dtlb.recent[set] >> way & 1);
            assert_ptr_equal(line->base + lin, w->ram + e->frame + (lin & ~PAGE_MASK));
            assert_true(cache_has(&k->l1d, physical, &dirty));
            assert_true(k->l1d.set[at].recent & cache_find(&k->l1d, at, physical));
            assert_true(dirty || !write);
        }
        assert_true(found);
    }
    for (uint32_t at = 0; at < cache_places(&k->l1d); at++) /* what makes room is seen by nobody */
        assert_true(k->l1d.set[at >> CACHE_FIRST].recent >> (at & 15) & 1 || !k->seen[at]);
    for (unsigned n = 0; n < 2 * CACHE_NEAR; n++) {
        uint32_t line = k->near[n / 2].line[n % 2], set = line & k->l1d.mask, bit = cache_find(&k->l1d, set, line);
        if (line != CACHE_NONE) assert_true(k->l1d.set[set].recent & bit && (n % 2 == 0 || k->l1d.set[set].dirty & bit));
    }
}

static void same_cache(const struct cache *a, const struct cache *b)
{
    assert_int_equal(a->misses, b->misses);
    assert_int_equal(a->writebacks, b->writebacks);
    assert_memory_equal(a->tag, b->tag, cache_places(a) * sizeof *a->tag);
    assert_memory_equal(a->set, b->set, (a->mask + 1) * sizeof *a->set);
}

static void same_caches(void)
{
    const struct caches *a = shortly->mmu.caches, *b = longly->mmu.caches;
    same_cache(&a->l1d, &b->l1d);
    same_cache(&a->l2, &b->l2);
    assert_int_equal(a->memory_reads, b->memory_reads);
    assert_int_equal(a->memory_writes, b->memory_writes);
    assert_memory_equal(shortly->dtlb.recent, longly->dtlb.recent, sizeof longly->dtlb.recent);
    lines_are_settled(shortly);
}

static void compare(void)
{
    if (shortly->mmu.caches) same_caches();
    same_tlb(&shortly->dtlb, &longly->dtlb);
    same_tlb(&shortly->itlb, &longly->itlb);
    assert_int_equal(shortly->mmu.walks, longly->mmu.walks);
    assert_int_equal(shortly->mmu.refs, longly->mmu.refs);
    assert_int_equal(shortly->clock.now, longly->clock.now);
    assert_memory_equal(shortly->bus.marks, longly->bus.marks, FRAMES);
}

static void the_short_way_is_the_long_way(void **unused)
{
    (void)unused;
    for (unsigned n = 0; n < STEPS; n++) {
        if (n < 2000 || !chance(6)) change_tables();
        if (!chance(8)) disturb();
        uint32_t at = some_page() | chance(PAGE_SIZE);
        access_both(at, chance(5) ? chance(4) : ACCESS_EXEC | (chance(2) ? ACCESS_USER : 0u));
        if (n % 16 == 0) compare();
    }
    compare();
    assert_memory_equal(shortly->ram, longly->ram, RAM);
    print_message("[          ] %u of %u accesses the short way, %u walks\n", filled, asked, (unsigned)shortly->mmu.walks);
    assert_true(filled > asked / 4 && filled < asked);
}

int main(void)
{
    static int with_caches;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_short_way_is_the_long_way, set_up, tear_down),
        cmocka_unit_test_prestate_setup_teardown(the_short_way_is_the_long_way, set_up, tear_down, &with_caches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
