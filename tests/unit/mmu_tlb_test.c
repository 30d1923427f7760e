/* The hardware MMU: a TLB that is stale until flushed, A and D in memory, fast tags, marks, cycles.
 * SDM vol. 3A 4.8, 4.10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/tlb.h"
#include "sim/trace/cause.h"

enum { FRAMES = 2048, PD = 0x1000, PT = 0x2000, PAGES = 0x100000, DEVICE = 0xB8000 };
enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D, PS = PTE_PS, G = PTE_G };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER, EX = ACCESS_EXEC };
static const uint32_t ON = PAGING_CR0_PG | PAGING_CR0_WP;

static struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    uint8_t *ram;
    struct xlat x;
    struct fault f;
    unsigned device_reads;
} w;

static uint32_t device_read(struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset, (void)size;
    w.device_reads++;
    return 0;
}
static void device_write(struct device *d, uint32_t offset, unsigned size, uint32_t v)
{
    (void)d, (void)offset, (void)size, (void)v;
}
static const struct device_ops device_ops = { .name = "fake", .read = device_read, .write = device_write };
static struct device device = { &device_ops };

static void set_pte(unsigned slot, uint32_t entry) { memcpy(w.ram + PT + 4 * slot, &entry, 4); }
static uint32_t get(uint32_t at) { uint32_t v; memcpy(&v, w.ram + at, 4); return v; }
static void set_pde(unsigned slot, uint32_t entry) { memcpy(w.ram + PD + 4 * slot, &entry, 4); }
static gva_t page(unsigned slot) { return gva(slot << 12 | 0x10); }

static bool go(gva_t at, unsigned access) { return mmu_translate(&w.mmu, at, access, &w.x, &w.f); }

/* The CPU's own test. */
static bool fast(gva_t at, unsigned access)
{
    struct tlb_entry *e = tlb_way0(access & EX ? &w.itlb : &w.dtlb, at.v);
    return e->tag[access & 3] == (at.v & PAGE_MASK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    assert_true(arena_init(&w.arena, 1 << 20));
    w.clock.hz = 1000000000;
    assert_true(model_find("p4", &w.model, NULL));
    w.ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&w.bus, w.ram, FRAMES, &w.clock, &w.arena);
    assert_true(bus_attach(&w.bus, BUS_MEM, DEVICE + 0x100, 0x80, 0, &device, NULL));
    mmu_init(&w.mmu, &w.bus, &w.dtlb, &w.itlb, &w.clock, &w.model);
    set_pde(0, PT | P | W | U);
    for (unsigned i = 0; i < 1024; i++) set_pte(i, (PAGES + (i << 12)) | P | W | U);
    mmu_paging(&w.mmu, ON, PD, PAGING_CR4_PSE | PAGING_CR4_PGE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(clock_check(&w.clock));
    assert_int_equal(clock_of_cause(&w.clock, CAUSE_WALK), w.clock.now);
    free(w.ram);
    arena_done(&w.arena);
    return 0;
}

static void empty_tlb_knows_nothing(void **state)
{
    (void)state;
    assert_false(fast(gva(0), RD)); /* page 0 above all: a zeroed tag would equal it */
    assert_false(fast(gva(0), WR | US));
    assert_false(fast(gva(0), EX));
}

static void walk_fills_and_charges(void **state)
{
    (void)state;
    assert_true(go(page(7), RD));
    assert_int_equal(w.x.at.v, PAGES + 0x7010);
    assert_ptr_equal(w.x.host, w.ram + PAGES + 0x7010);
    assert_false(w.x.tlb_hit);
    assert_int_equal(w.x.refs, 2);
    assert_int_equal(w.clock.now, 2 * w.model.cost[COST_WALK_REF]);
    assert_int_equal(w.mmu.walks, 1);
    assert_int_equal(w.mmu.refs, 2);
    assert_int_equal(get(PD), PT | P | W | U | A);
    assert_int_equal(get(PT + 28), (PAGES + 0x7000) | P | W | U | A);
    assert_true(go(page(7), RD | US));
    assert_true(w.x.tlb_hit);
    assert_int_equal(w.x.refs, 0);
    assert_int_equal(w.mmu.walks, 1);
}

static void stale_until_invlpg(void **state)
{
    (void)state;
    assert_true(go(page(1), RD));
    set_pte(1, 0x300000 | P | U);
    assert_true(go(page(1), RD));
    assert_int_equal(w.x.at.v, PAGES + 0x1010);
    mmu_invlpg(&w.mmu, page(2));
    assert_true(go(page(1), RD));
    assert_int_equal(w.x.at.v, PAGES + 0x1010);
    mmu_invlpg(&w.mmu, page(1));
    assert_true(go(page(1), RD));
    assert_int_equal(w.x.at.v, 0x300010);
}

/* Rights taken away stay usable until flushed; rights given are seen at the next refusal. */
static void rights_change_in_memory(void **state)
{
    (void)state;
    assert_true(go(page(1), WR | US));
    set_pte(1, 0);
    assert_true(go(page(1), WR | US));
    assert_true(fast(page(1), WR | US));
    mmu_flush(&w.mmu, false);
    assert_false(go(page(1), WR | US));
    assert_int_equal(w.f.code, PF_WRITE | PF_USER);

    set_pte(2, (PAGES + 0x2000) | P | A);
    assert_true(go(page(2), RD));
    set_pte(2, (PAGES + 0x2000) | P | W | A);
    assert_true(go(page(2), WR));
    assert_false(w.x.tlb_hit);
    assert_int_equal(get(PT + 8) & D, D);
}

/* A refusal is decided by memory, and takes the page's translation along. */
static void page_fault_invalidates(void **state)
{
    (void)state;
    set_pte(3, (PAGES + 0x3000) | P | U);
    assert_true(go(page(3), RD));
    assert_true(go(page(3), EX));
    set_pte(3, 0x400000 | P | U);
    assert_false(go(page(3), WR));
    assert_int_equal(w.f.code, PF_PRESENT | PF_WRITE);
    assert_int_equal(w.f.addr, page(3).v);
    assert_true(go(page(3), RD));
    assert_int_equal(w.x.at.v, 0x400010);
    assert_true(go(page(3), EX));
    assert_int_equal(w.x.at.v, 0x400010);
}

static void dirty_is_set_by_the_first_write(void **state)
{
    (void)state;
    assert_true(go(page(4), RD));
    assert_int_equal(get(PT + 16) & D, 0);
    assert_false(fast(page(4), WR));
    assert_true(go(page(4), WR));
    assert_false(w.x.tlb_hit); /* D lives in memory: a walk had to set it */
    assert_int_equal(get(PT + 16) & D, D);
    assert_true(fast(page(4), WR));
    set_pte(4, get(PT + 16) & ~(uint32_t)D);
    assert_true(go(page(4), WR)); /* the cached D says it need not be set again */
    assert_int_equal(get(PT + 16) & D, 0);
}

static void fast_tags_follow_rights(void **state)
{
    (void)state;
    static const struct { uint32_t flags, cr0; bool read_user, write, write_user; } cases[] = {
        { W | U, PAGING_CR0_WP, true, true, true },
        { W, PAGING_CR0_WP, false, true, false },
        { U, 0, true, true, false },
        { 0, 0, false, true, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mmu_paging(&w.mmu, PAGING_CR0_PG | cases[i].cr0, PD, 0);
        mmu_flush(&w.mmu, true);
        set_pte(5, (PAGES + 0x5000) | P | cases[i].flags);
        assert_true(go(page(5), RD));
        assert_true(fast(page(5), RD));
        assert_int_equal(fast(page(5), US), cases[i].read_user);
        assert_false(fast(page(5), WR));
        assert_int_equal(bus_marks(&w.bus, hpa(PAGES + 0x5000)) & FRAME_DIRTY, 0); /* reading dirties nothing */
        assert_true(go(page(5), WR));
        assert_int_equal(fast(page(5), WR), cases[i].write);
        assert_int_equal(fast(page(5), WR | US), cases[i].write_user);
        assert_int_equal(bus_marks(&w.bus, hpa(PAGES + 0x5000)) & FRAME_DIRTY, FRAME_DIRTY);
        bus_unmark(&w.bus, hpa(PAGES + 0x5000), FRAME_DIRTY);
    }
}

static void wp_change_is_seen_at_once(void **state)
{
    (void)state;
    set_pte(5, (PAGES + 0x5000) | P | U);
    mmu_paging(&w.mmu, PAGING_CR0_PG, PD, 0);
    assert_true(go(page(5), WR));
    assert_true(fast(page(5), WR));
    mmu_paging(&w.mmu, ON, PD, 0);
    assert_false(fast(page(5), WR));
    assert_true(go(page(5), RD));
    assert_true(w.x.tlb_hit); /* translations survive a change of WP */
    assert_false(go(page(5), WR));
}

/* Frames with decoded code: stores must go over the bus, so that listeners hear of them. Reads stay fast. */
static void code_frames_are_not_written_fast(void **state)
{
    (void)state;
    assert_true(go(page(6), WR));
    assert_true(fast(page(6), WR));
    bus_mark(&w.bus, hpa(PAGES + 0x6000), FRAME_CODE);
    mmu_drop_write_tags(&w.mmu, (PAGES + 0x7000) >> 12);
    assert_true(fast(page(6), WR));
    mmu_drop_write_tags(&w.mmu, (PAGES + 0x6000) >> 12);
    assert_false(fast(page(6), WR));
    assert_true(fast(page(6), RD));
    assert_true(go(page(6), WR));
    assert_true(w.x.tlb_hit);
    assert_null(w.x.host);
    assert_false(fast(page(6), WR));
    bus_unmark(&w.bus, hpa(PAGES + 0x6000), FRAME_CODE);
    assert_true(go(page(6), WR));
    assert_true(fast(page(6), WR));
}

static void dropped_tags_come_back_without_a_walk(void **state)
{
    (void)state;
    assert_true(go(page(6), WR | US));
    bus_unmark(&w.bus, hpa(PAGES + 0x6000), FRAME_DIRTY);
    uint64_t now = w.clock.now;
    mmu_drop_tags(&w.mmu);
    assert_false(fast(page(6), RD));
    assert_true(go(page(6), WR | US));
    assert_true(fast(page(6), WR | US));
    assert_true(w.x.tlb_hit);
    assert_int_equal(w.clock.now, now);
    assert_int_equal(bus_marks(&w.bus, hpa(PAGES + 0x6000)) & FRAME_DIRTY, FRAME_DIRTY);
}

/* Bit 20 of every address that leaves the CPU, page walks included. */
static void a20_gate(void **state)
{
    (void)state;
    set_pte(9, 0x00300000u | P | W | U);
    assert_true(go(page(9), RD));
    assert_int_equal(w.x.at.v & PAGE_MASK, 0x00300000u);
    mmu_a20(&w.mmu, 0, false);
    assert_false(fast(page(9), RD));
    assert_true(go(page(9), RD));
    assert_int_equal(w.x.at.v & PAGE_MASK, 0x00200000u);
    w.mmu.cr3 ^= 1u << 20; /* the tables, a megabyte off */
    mmu_flush(&w.mmu, true);
    assert_true(go(page(9), RD));
    struct xlat x;
    struct fault f;
    assert_true(mmu_probe(&w.mmu, page(9), RD, &x, &f));
    assert_int_equal(x.at.v & PAGE_MASK, 0x00200000u);
    w.mmu.cr3 ^= 1u << 20;
    mmu_a20(&w.mmu, 0, true);
    assert_true(go(page(9), RD));
    assert_int_equal(w.x.at.v & PAGE_MASK, 0x00300000u);
}

static void windows_and_holes_have_no_host(void **state)
{
    (void)state;
    set_pte(8, DEVICE | P | W | U);       /* RAM lies beneath; the window covers a part of the page */
    set_pte(9, 0x80000000u | P | W | U);  /* no RAM at all */
    for (unsigned slot = 8; slot <= 9; slot++)
        for (unsigned access = RD; access <= (WR | US); access++) {
            assert_true(go(page(slot), access));
            assert_null(w.x.host);
            assert_false(fast(page(slot), access));
        }
    assert_int_equal(w.x.at.v, 0x80000010u);
    assert_int_equal(w.device_reads, 0);
}

static void without_direct_everything_goes_slow(void **state)
{
    (void)state;
    w.mmu.direct = false;
    assert_true(go(page(6), WR));
    assert_null(w.x.host);
    assert_false(fast(page(6), RD));
    assert_false(fast(page(6), WR));
    assert_true(go(page(6), WR));
    assert_true(w.x.tlb_hit);
}

/* Five pages of one set: the least recently used of four ways goes. */
static void least_recent_way_goes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) assert_true(go(page(1 + 16 * i), RD));
    assert_true(go(page(1), RD)); /* 1 is now the most recent, 17 the oldest */
    assert_int_equal(w.dtlb.hits, 1);
    assert_true(go(page(1 + 16 * 4), RD));
    uint64_t walks = w.mmu.walks;
    static const unsigned kept[] = { 1, 33, 49, 65 };
    for (unsigned i = 0; i < 4; i++) {
        assert_true(go(page(kept[i]), RD));
        assert_true(w.x.tlb_hit);
        assert_true(fast(page(kept[i]), RD)); /* every hit becomes way 0 */
    }
    assert_int_equal(w.mmu.walks, walks);
    assert_true(go(page(17), RD));
    assert_false(w.x.tlb_hit);
}

/* What the CPU does: an open page is used, any other is brought and opened. */
static bool use(gva_t at, unsigned access)
{
    if (tlb_use(&w.dtlb, at.v, 4, access)) return true;
    if (!mmu_fill(&w.mmu, at, access)) return go(at, access);
    tlb_open(&w.dtlb, at.v, access);
    assert_ptr_equal(tlb_use(&w.dtlb, at.v, 4, access), w.ram + PAGES + at.v);
    return true;
}

/* By true recency, whoever used the pages: the CPU by itself, the MMU, and in between INVLPG and MOV CR3. */
static void open_pages_keep_the_order_of_their_set(void **state)
{
    (void)state;
    enum { ROUNDS = 200000, CANDIDATES = 7 }; /* 64 pages apart: one place for two of them */
    static const unsigned slot[CANDIDATES] = { 3, 19, 35, 51, 67, 83, 99 };
    unsigned order[TLB_WAYS], n = 0, hits = 0;
    uint32_t seed = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525 + 1013904223;
        unsigned which = slot[(seed >> 24) % (seed & 1u << 20 ? 2 : CANDIDATES)], k = 0;
        unsigned access = (seed >> 16 & 1 ? WR : RD) | (seed >> 17 & 1 ? US : 0u);
        while (k < n && order[k] != which) k++;
        if (!(seed >> 8 & 0xFF)) {
            mmu_invlpg(&w.mmu, page(which));
            for (; k < n && k + 1 < n; k++) order[k] = order[k + 1];
            n -= k < n;
        } else if (seed >> 8 & 0x0F) {
            hits += tlb_use(&w.dtlb, page(which).v, 4, access) != NULL;
            assert_true(use(page(which), access));
        } else assert_true(go(page(which), access));
        if (seed >> 8 & 0xFF) {
            if (k == n) n += n < TLB_WAYS, k = n - 1;
            for (; k; k--) order[k] = order[k - 1];
            order[0] = which;
        }
        if (!(seed >> 6 & 0x7FFF)) mmu_flush(&w.mmu, false), n = 0;
        for (k = 0; k < TLB_WAYS; k++) {
            const struct tlb_entry *e = tlb_in_order(&w.dtlb, 3, k);
            assert_int_equal(e->valid, k < n);
            if (k < n) assert_int_equal(e->page, order[k] << 12);
        }
        for (k = 0; k < CANDIDATES; k++) /* what is open is among the first two */
            for (unsigned ring = 0; ring < 2; ring++) {
                uint32_t tag = w.dtlb.open[ring][slot[k] & (TLB_OPEN - 1)].tag[0] >> 12;
                if (tag != slot[k]) continue;
                assert_true(tag == w.dtlb.e[3][0].page >> 12 || tag == w.dtlb.e[3][1].page >> 12);
            }
    }
    assert_in_range(hits, ROUNDS / 6, ROUNDS);
}

static void fetches_have_their_own_tlb(void **state)
{
    (void)state;
    assert_true(go(page(1), EX | US));
    assert_true(fast(page(1), EX | US));
    assert_false(fast(page(1), RD));
    assert_true(go(page(1), RD));
    assert_false(w.x.tlb_hit);
    mmu_invlpg(&w.mmu, page(1));
    assert_false(fast(page(1), EX));
    assert_false(fast(page(1), RD));
}

static void global_pages_survive_mov_cr3(void **state)
{
    (void)state;
    set_pte(1, (PAGES + 0x1000) | P | W | G);
    for (unsigned pge = 0; pge < 2; pge++) {
        mmu_paging(&w.mmu, ON, PD, pge ? PAGING_CR4_PGE : 0);
        assert_true(go(page(1), RD));
        assert_true(go(page(2), RD));
        mmu_flush(&w.mmu, false);
        assert_true(go(page(1), RD));
        assert_int_equal(w.x.tlb_hit, pge);
        assert_true(go(page(2), RD));
        assert_false(w.x.tlb_hit);
        mmu_flush(&w.mmu, true);
        assert_true(go(page(1), RD));
        assert_false(w.x.tlb_hit);
    }
    mmu_invlpg(&w.mmu, page(1)); /* INVLPG takes global ones too */
    assert_true(go(page(1), RD));
    assert_false(w.x.tlb_hit);
}

/* A 4 MB page is cached in fragments; INVLPG of any address in it must find them all. */
static void invlpg_drops_a_whole_large_page(void **state)
{
    (void)state;
    set_pde(1, 0x400000 | P | W | U | PS);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(go(gva(0x400000 + i * 0x1000), i & 1 ? WR : EX));
        assert_int_equal(w.x.at.v, 0x400000 + i * 0x1000);
        assert_true(w.x.large);
    }
    assert_int_equal(get(PD + 4), 0x400000 | P | W | U | PS | A | D);
    assert_true(go(page(1), RD));
    mmu_invlpg(&w.mmu, gva(0x7FFFFF));
    set_pde(1, 0);
    for (unsigned i = 0; i < 40; i++) assert_false(go(gva(0x400000 + i * 0x1000), i & 1 ? RD : EX));
    assert_true(go(page(1), RD));
    assert_true(w.x.tlb_hit);
}

static void paging_off_and_on(void **state)
{
    (void)state;
    assert_true(go(page(1), RD));
    uint64_t walks = w.mmu.walks, now = w.clock.now;
    mmu_paging(&w.mmu, 0, PD, 0);
    assert_true(go(page(1), WR | US));
    assert_int_equal(w.x.at.v, page(1).v);
    assert_true(fast(page(1), WR | US));
    assert_true(go(page(1), RD));
    assert_int_equal(w.mmu.walks, walks);
    assert_int_equal(w.clock.now, now);
    mmu_paging(&w.mmu, ON, PD, 0);
    assert_false(fast(page(1), RD));
    assert_true(go(page(1), RD));
    assert_int_equal(w.x.at.v, PAGES + 0x1010);
}

static void probe_has_no_effects(void **state)
{
    (void)state;
    struct tlb before = w.dtlb;
    assert_true(mmu_probe(&w.mmu, page(1), WR | US, &w.x, &w.f));
    assert_int_equal(w.x.at.v, PAGES + 0x1010);
    assert_ptr_equal(w.x.host, w.ram + PAGES + 0x1010);
    assert_int_equal(w.x.refs, 2);
    set_pte(2, 0);
    assert_false(mmu_probe(&w.mmu, page(2), US, &w.x, &w.f));
    assert_int_equal(w.f.code, PF_USER);
    mmu_paging(&w.mmu, ON, DEVICE, PAGING_CR4_PSE | PAGING_CR4_PGE); /* tables inside a device: it must not be asked */
    assert_false(mmu_probe(&w.mmu, gva(0), RD, &w.x, &w.f));
    assert_int_equal(w.device_reads, 0);
    assert_int_equal(get(PT + 4) & (A | D), 0);
    assert_int_equal(w.clock.now, 0);
    assert_int_equal(w.mmu.walks, 0);
    assert_memory_equal(&before, &w.dtlb, sizeof before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(empty_tlb_knows_nothing), TEST(walk_fills_and_charges), TEST(stale_until_invlpg),
        TEST(rights_change_in_memory), TEST(page_fault_invalidates), TEST(dirty_is_set_by_the_first_write),
        TEST(fast_tags_follow_rights), TEST(wp_change_is_seen_at_once), TEST(code_frames_are_not_written_fast),
        TEST(dropped_tags_come_back_without_a_walk), TEST(a20_gate), TEST(windows_and_holes_have_no_host),
        TEST(without_direct_everything_goes_slow), TEST(least_recent_way_goes), TEST(open_pages_keep_the_order_of_their_set),
        TEST(fetches_have_their_own_tlb),
        TEST(global_pages_survive_mov_cr3), TEST(invlpg_drops_a_whole_large_page), TEST(paging_off_and_on),
        TEST(probe_has_no_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
