/* Two machines get the same tables in both dimensions, spaces, accesses and flushes; one asks mmu_translate always, the other mmu_fill
 * first. Memory, TLBs, clock and counters stay equal, and nothing is found in a TLB under another space than it was put there.
 * SDM vol. 3C 28.2, 28.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/second.h"
#include "sim/trace/cause.h"

enum { RAM = 16 << 20, FRAMES = RAM / PAGE_SIZE, STEPS = 200000 };
/* Machine memory: for each depth and of two roots, tables; guest memory from 8 MB on. Guest-physical: tables in the first 256 KB. */
enum { ROOTS = 0x100000, ROOT_BYTES = 0x20000, GUEST = 0x800000, GUEST_BYTES = 4 << 20, TABLES = 0x10000, TABLE_PAGES = 8 };

static struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    uint8_t *ram;
} both[2];
static struct world *const shortly = &both[0], *const longly = &both[1];
static struct space now;
static unsigned filled, asked, refused;

static uint64_t state;
static uint32_t chance(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static void poke(uint32_t at, uint64_t v, unsigned n)
{
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < n; i += 4) bus_write(&both[k].bus, hpa(at + i), 4, (uint32_t)(v >> 8 * i));
}

/* ---- the second dimension: each root maps guest memory, mostly as it lies */

static uint32_t root_of(unsigned levels, unsigned which) { return ROOTS + (levels - 2) * 2 * ROOT_BYTES + which * ROOT_BYTES; }
/* Behind a root of one page or eight: the tables on the way, and at last two of leaves. */
static uint32_t table_of(unsigned levels, unsigned which, unsigned level, unsigned n)
{
    if (level == levels) return root_of(levels, which);
    return root_of(levels, which) + 0x8000 + 0x1000 * (level == 1 ? n : 2 + level);
}
static uint32_t leaf_at(unsigned levels, unsigned which, uint32_t guest)
{
    return table_of(levels, which, 1, guest >> 21 & 1) + 8 * (guest >> 12 & 511);
}

static void build_second(unsigned levels, unsigned which)
{
    for (unsigned l = levels; l > 1; l--)
        for (unsigned n = 0; n < (l == 2 ? 2u : 1u); n++)
            poke(table_of(levels, which, l, 0) + 8 * n, table_of(levels, which, l - 1, n) | SECOND_ALL, 8);
    for (uint32_t at = 0; at < GUEST_BYTES; at += PAGE_SIZE)
        poke(leaf_at(levels, which, at), (uint64_t)(GUEST + at) | SECOND_ALL | SECOND_WRITE_BACK, 8);
}

static uint32_t some_guest(void) { return chance(3) ? 0x100000 + (chance(32) << 12) : TABLES + (chance(TABLE_PAGES) << 12); }

static void change_second(void)
{
    unsigned levels = now.levels ? now.levels : 4, which = chance(2);
    uint32_t guest = some_guest();
    uint64_t rights = chance(20) ? SECOND_ALL : chance(8), frame = chance(8) ? GUEST + guest : chance(4) ? GUEST + (chance(1024) << 12) : chance(256) << 12;
    uint64_t entry = frame | rights | (uint64_t)chance(chance(20) ? 1 : 8) << 3 | (chance(200) ? 0 : 1ull << (32 + chance(20)));
    if (chance(30)) poke(leaf_at(levels, which, guest), entry, 8);
    else if (chance(2)) /* 2 MB in one entry, and back */
        poke(table_of(levels, which, 2, 0) + 8 * (guest >> 21), GUEST | (guest & ~0x1FFFFFu) | (chance(4) ? SECOND_ALL : chance(8)) | SECOND_LARGE, 8);
    else poke(table_of(levels, which, 2, 0) + 8 * (guest >> 21), table_of(levels, which, 1, guest >> 21) | SECOND_ALL, 8);
}

/* ---- the first: tables of any size share the same few pages */

static uint32_t some_page(void) { return chance(2) << 30 | chance(2) << 22 | chance(2) << 21 | chance(4) << 12; }
static uint32_t some_table(bool wide) { return TABLES + ((chance(TABLE_PAGES / 2) + (wide ? TABLE_PAGES / 2 : 0)) << 12); }

static void change_first(void)
{
    uint32_t page = some_page(), bits = PTE_P | PTE_W | PTE_U | PTE_A | chance(1 << 9);
    bool wide = chance(3);
    uint32_t table = some_table(wide);
    unsigned shift = wide ? 12 + 9 * chance(4) : 12 + 10 * chance(2);
    uint32_t to = shift == 12 ? some_guest() : some_table(wide);
    if (!chance(4)) bits &= chance(1 << 9) | (chance(4) ? PTE_P | PTE_A : 0u);
    if (!chance(40)) to = chance(1024) << 12;
    if (chance(12)) bits &= ~(uint32_t)PTE_PS;
    else to &= wide ? ~0x1FFFFFu : PDE_LARGE_MASK;
    uint32_t slot = shift > 31 ? 0 : page >> shift & (wide ? 511u : 1023u);
    uint64_t entry = to | bits | (wide && !chance(60) ? 1ull << (32 + chance(32)) : 0);
    poke(GUEST + table + (slot << (wide ? 3 : 2)), entry, wide ? 8 : 4);
}

static void enter(void)
{
    static const uint32_t cr4[] = { 0, PAGING_CR4_PSE, PAGING_CR4_PSE | PAGING_CR4_PGE, PAGING_CR4_PAE, PAGING_CR4_PAE | PAGING_CR4_PGE };
    bool second = chance(8), tagged = chance(3);
    unsigned mode = chance(5);
    uint32_t base = second ? 0 : GUEST;
    now = (struct space){ .cr0 = (chance(10) ? PAGING_CR0_PG : 0) | (chance(2) ? PAGING_CR0_WP : 0), .cr3 = base + some_table(mode > 2),
                          .cr4 = cr4[mode], .levels = (uint8_t)(second ? 2 + chance(4) : 0), .tagged = tagged,
                          .vpid = (uint16_t)(tagged ? chance(5) : 0) };
    if (second) now.root = root_of(now.levels, chance(2));
    for (unsigned n = 0; n < 4; n++) now.pdpte[n] = (base + some_table(true)) | (chance(6) ? PTE_P : 0);
    unsigned deep = chance(3) ? 0 : 3 + chance(3);
    for (unsigned k = 0; k < 2; k++) {
        both[k].mmu.levels = (uint8_t)deep;
        mmu_space(&both[k].mmu, &now);
        mmu_flush(&both[k].mmu, true); /* `levels` does not change in a real machine */
    }
}

static void disturb(void)
{
    uint32_t kind = chance(30), page = some_page(), what = chance(4), frame = GUEST + some_guest();
    struct space_match match = { .by_vpid = what & 1, .vpid = (uint16_t)chance(5), .by_page = what & 2, .page = gva(page), .keep_globals = chance(2),
                                 .keep_untagged = chance(2), .by_root = !chance(3), .root = now.root };
    if (kind < 4) enter();
    for (unsigned k = 0; k < 2; k++) {
        struct world *w = &both[k];
        if (kind >= 4 && kind < 8) mmu_invlpg(&w->mmu, gva(page));
        else if (kind >= 8 && kind < 11) mmu_flush(&w->mmu, what & 1);
        else if (kind >= 11 && kind < 14) mmu_invalidate(&w->mmu, &match);
        else if (kind == 14) bus_mark(&w->bus, hpa(frame), FRAME_CODE), mmu_drop_tags(&w->mmu);
        else if (kind == 15) bus_unmark(&w->bus, hpa(frame), what & 1 ? FRAME_DIRTY : FRAME_CODE), mmu_drop_tags(&w->mmu);
        else if (kind == 16) mmu_space(&w->mmu, &now);
    }
}

static void access_both(uint32_t at, unsigned access)
{
    struct xlat x[2];
    struct fault f[2] = { 0 };
    asked++;
    if (mmu_fill(&shortly->mmu, gva(at), access)) {
        const struct tlb_entry *e = tlb_way0(access & ACCESS_EXEC ? &shortly->itlb : &shortly->dtlb, at);
        filled++;
        assert_int_equal(e->tag[access & 3], at & PAGE_MASK);
        assert_true(mmu_translate(&longly->mmu, gva(at), access, &x[1], &f[1]));
        assert_int_equal(e->frame | (at & ~PAGE_MASK), x[1].at.v);
        return;
    }
    bool ok = mmu_translate(&shortly->mmu, gva(at), access, &x[0], &f[0]);
    assert_int_equal(ok, mmu_translate(&longly->mmu, gva(at), access, &x[1], &f[1]));
    if (ok) {
        assert_int_equal(x[0].at.v, x[1].at.v);
        return;
    }
    refused++;
    assert_int_equal(f[0].second, f[1].second);
    assert_int_equal(f[0].code, f[1].code);
    assert_int_equal(f[0].physical, f[1].physical);
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
        for (unsigned k = 0; k < 4; k++) /* nobody's fast path leads into another space */
            if ((p->page & (PAGE_SIZE - 1)) != shortly->mmu.space) assert_int_equal(p->tag[k], TLB_NO_TAG);
    }
    assert_int_equal(a->hits, b->hits);
    assert_int_equal(a->misses, b->misses);
}

static void compare(void)
{
    same_tlb(&shortly->dtlb, &longly->dtlb);
    same_tlb(&shortly->itlb, &longly->itlb);
    assert_int_equal(shortly->mmu.walks, longly->mmu.walks);
    assert_int_equal(shortly->mmu.refs, longly->mmu.refs);
    assert_int_equal(shortly->mmu.refs_second, longly->mmu.refs_second);
    assert_int_equal(shortly->clock.now, longly->clock.now);
    assert_int_equal(clock_of_cause(&shortly->clock, CAUSE_WALK_SECOND), clock_of_cause(&longly->clock, CAUSE_WALK_SECOND));
    assert_memory_equal(shortly->bus.marks, longly->bus.marks, FRAMES);
}

static void the_short_way_is_the_long_way(void **unused)
{
    (void)unused;
    state = 7;
    for (unsigned k = 0; k < 2; k++) {
        struct world *w = &both[k];
        w->clock.hz = 1000000000;
        w->ram = calloc(1, RAM);
        assert_true(w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
        bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
        mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
    }
    for (unsigned levels = 2; levels <= 5; levels++)
        for (unsigned which = 0; which < 2; which++) build_second(levels, which);
    for (unsigned n = 0; n < 20000; n++) change_first();
    enter();
    for (unsigned n = 0; n < STEPS; n++) {
        if (!chance(3)) change_first();
        if (!chance(20)) change_second();
        if (!chance(12)) disturb();
        access_both(some_page() | chance(PAGE_SIZE), chance(5) ? chance(4) : ACCESS_EXEC | (chance(2) ? ACCESS_USER : 0u));
        if (n % 16 == 0) compare();
    }
    compare();
    assert_memory_equal(shortly->ram, longly->ram, RAM);
    print_message("[          ] %u of %u accesses the short way, %u refused, %u walks\n", filled, asked, refused, (unsigned)shortly->mmu.walks);
    assert_true(filled > asked / 16 && filled < asked && refused > asked / 16);
    for (unsigned k = 0; k < 2; k++) {
        free(both[k].ram);
        arena_done(&both[k].arena);
    }
}

/* More tags than an MMU keeps apart: each finds its own translations or none, never another's. */
static void many_tags(void **unused)
{
    (void)unused;
    struct world *w = calloc(1, sizeof *w);
    w->clock.hz = 1000000000;
    w->ram = calloc(1, RAM);
    assert_true(w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
    bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
    mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
    for (uint32_t v = 1; v <= 40; v++) { /* each with a directory of its own: one page of 4 MB, to another place */
        uint32_t pde = (v % 3) << 22 | PTE_P | PTE_W | PTE_PS;
        memcpy(w->ram + 0x200000 + v * PAGE_SIZE, &pde, 4);
    }
    for (unsigned round = 0; round < 3; round++)
        for (uint32_t v = 1; v <= 40; v++) {
            struct xlat x;
            struct fault f;
            mmu_space(&w->mmu, &(struct space){ .cr0 = PAGING_CR0_PG, .cr4 = PAGING_CR4_PSE, .cr3 = 0x200000 + v * PAGE_SIZE, .tagged = true,
                                                .vpid = (uint16_t)v });
            assert_true(mmu_translate(&w->mmu, gva(0x1234), ACCESS_READ, &x, &f));
            assert_int_equal(x.at.v, (v % 3) << 22 | 0x1234);
        }
    free(w->ram);
    arena_done(&w->arena);
    free(w);
}

static uint32_t lands(struct world *w, uint32_t at)
{
    struct xlat x;
    struct fault f;
    if (!mmu_translate(&w->mmu, gva(at), ACCESS_READ, &x, &f)) return f.second ? 2 : 1;
    return x.at.v;
}

/* The upper end has tables of its own: one dimension, whatever becomes of the rest; CR3 names them, and theirs are global. */
static void upper_end(void **unused)
{
    enum { UPPER = 0x3000, SECOND = 0x4000, DIRECTORY = 0x10000 };
    (void)unused;
    struct world *w = calloc(1, sizeof *w);
    w->clock.hz = 1000000000;
    w->ram = calloc(1, RAM);
    assert_true(w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
    bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
    mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
    const uint32_t window = 0 << 22 | PTE_P | PTE_W | PTE_PS | PTE_G, other = 1 << 22 | PTE_P | PTE_W | PTE_PS, large = PTE_P | PTE_W | PTE_U | PTE_PS;
    const uint64_t leaf = (1 << 21) | SECOND_ALL | SECOND_LARGE | SECOND_WRITE_BACK;
    memcpy(w->ram + UPPER + 4 * 1023, &window, 4);
    memcpy(w->ram + UPPER + PAGE_SIZE + 4 * 1023, &other, 4);
    memcpy(w->ram + SECOND, &leaf, 8); /* two levels: guest-physical 0 is machine 2 MB */
    memcpy(w->ram + (1 << 21) + DIRECTORY, &large, 4); /* the guest's directory, where its address leads */
    memcpy(w->ram + (1 << 21) + DIRECTORY + 4 * 1023, &large, 4);
    struct space s = { .cr0 = PAGING_CR0_PG, .cr3 = DIRECTORY, .cr4 = PAGING_CR4_PSE, .root = SECOND, .levels = 2, .tagged = true, .upper = 0xFFC00000,
                       .upper_root = UPPER };
    mmu_space(&w->mmu, &s);
    assert_int_equal(lands(w, 0x1234), (1 << 21) + 0x1234);
    assert_int_equal(w->mmu.refs_second, 2); /* large pages in both dimensions: for the directory, and for the page */
    assert_int_equal(lands(w, 0xFFC01234), 0x1234);
    assert_int_equal(w->mmu.refs_second, 2);
    assert_int_equal(lands(w, 0xFFBFFFFC), 1); /* the guest's own fault */
    assert_int_equal(lands(w, 0x200000), 2);   /* the second level's: its 2 MB are all there is */
    uint64_t walks = w->mmu.walks;
    mmu_flush(&w->mmu, false); /* MOV to CR3: ours outlast it, the guest's do not */
    assert_int_equal(lands(w, 0xFFC01234), 0x1234);
    assert_int_equal(w->mmu.walks, walks);
    assert_int_equal(lands(w, 0x1234), (1 << 21) + 0x1234);
    assert_int_equal(w->mmu.walks, walks + 1);
    mmu_paging(&w->mmu, 0, UPPER + PAGE_SIZE, 0); /* other tables for the upper end; the guest's paging stays on */
    mmu_flush(&w->mmu, true);
    assert_int_equal(lands(w, 0xFFC01234), (1 << 22) + 0x1234);
    assert_int_equal(lands(w, 0x1234), (1 << 21) + 0x1234);
    s.cr0 = 0; /* no paging: what is below goes through the second dimension alone */
    mmu_space(&w->mmu, &s);
    mmu_flush(&w->mmu, true);
    assert_int_equal(lands(w, 0x5678), (1 << 21) + 0x5678);
    assert_int_equal(lands(w, 0xFFC05678), 0x5678);
    mmu_space(&w->mmu, &(struct space){ .cr0 = 0 });
    assert_int_equal(lands(w, 0xFFC05678 & 0xFFFFF), 0xFFC05678 & 0xFFFFF);
    free(w->ram);
    arena_done(&w->arena);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_short_way_is_the_long_way), cmocka_unit_test(many_tags), cmocka_unit_test(upper_end) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
