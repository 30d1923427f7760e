/* Caches of page walks: how many references are left at every depth, and what makes them forget. Bhargava et al. 2008;
 * SDM vol. 3A 4.10.3, 4.10.4, 3C 28.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/second.h"

enum { RAM = 8 << 20, ROOT = 0x100000, GUEST = 0x400000, TABLES = 0x10000, PAGES = 0x100000 /* guest-physical */, OTHER = 0x200000 };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE };

static struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    uint8_t *ram;
    unsigned n, m;
} *w;

static void put(uint32_t at, uint64_t v, unsigned n) { memcpy(w->ram + at, &v, n); }

static uint32_t second_table(unsigned level) { return level == w->m ? ROOT : ROOT + 0x8000 + 0x1000 * level; }
static uint32_t second_leaf(uint32_t guest) { return second_table(1) + 8 * (guest >> 12 & 511); }
static uint32_t table(unsigned level) { return TABLES + (w->n - level) * PAGE_SIZE; } /* guest-physical */
static uint32_t where(uint32_t guest) { return w->m ? GUEST + guest : guest; }
static uint32_t slot_at(unsigned level, uint32_t slot) { return where(table(level)) + slot * (w->n > 2 ? 8 : 4); }

/* Pages 0.. of the linear space lead to PAGES.. of the guest's memory: n levels over m. */
static void begin(unsigned n, unsigned m, unsigned dimensions, unsigned nested)
{
    w = calloc(1, sizeof *w);
    w->ram = calloc(1, RAM);
    w->n = n;
    w->m = m;
    assert_true(w->ram && arena_init(&w->arena, 1 << 20) && model_find("p4", &w->model, NULL));
    w->model.levels = (uint8_t)(n > 2 ? n : 0);
    w->model.walk_cache = (uint8_t)dimensions;
    w->model.nested_tlb = (uint8_t)nested;
    w->clock.hz = 1000000000;
    bus_init(&w->bus, w->ram, RAM / PAGE_SIZE, &w->clock, &w->arena);
    mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
    for (unsigned l = m; l > 1; l--) put(second_table(l), second_table(l - 1) | SECOND_ALL, 8);
    for (uint32_t p = 0; m && p < 512; p++) put(second_table(1) + 8 * p, (uint64_t)(GUEST + (p << 12)) | SECOND_ALL, 8);
    unsigned size = n > 2 ? 8 : 4;
    for (unsigned l = n; l > 1; l--) put(slot_at(l, 0), table(l - 1) | 7, size);
    for (uint32_t p = 0; p < 256; p++) put(slot_at(1, p), (PAGES + (p << 12)) | 7, size);
    mmu_space(&w->mmu, &(struct space){ .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = TABLES, .cr4 = n > 2 ? PAGING_CR4_PAE : 0, .root = ROOT,
                                        .levels = (uint8_t)m });
}

static void end(void)
{
    arena_done(&w->arena);
    free(w->ram);
    free(w);
}

/* An access to a page; the references it makes, or UINT_MAX if it is refused. */
static struct fault fault;
static unsigned refs(uint32_t page, unsigned access, uint32_t *to)
{
    struct xlat x;
    uint64_t before = w->mmu.refs;
    if (!mmu_translate(&w->mmu, gva(page << 12), access, &x, &fault)) return UINT32_MAX;
    if (to) *to = x.at.v;
    return (unsigned)(w->mmu.refs - before);
}

/* What a view tells: the references of a walk that no cache holds. */
static unsigned uncached(uint32_t page)
{
    struct xlat x;
    unsigned left = 0;
    assert_true(mmu_probe(&w->mmu, gva(page << 12), WR, &x, &fault));
    for (unsigned i = 0; i < x.refs; i++) left += !x.ref[i].cached;
    return left;
}

static void what_is_left(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 5; n++)
        for (unsigned m = 0; m <= 5; m++) {
            if (m == 1) continue;
            unsigned all = (n + 1) * (m + 1) - 1;
            const struct { unsigned dimensions, nested, left; } cases[] = {
                { 0, 0, all },
                { 1, 0, all - (n - 1) },                      /* of the guest's entries only the leaf */
                { 2, 0, m ? 1 + (n + 1) : 1 },                /* and of each walk of the second its leaf */
                { 2, 16, m ? 2 : 1 },                         /* and of those only the address's own */
                { 0, 16, m ? n + m : n },                     /* the guest's entries, without looking for them */
                { 1, 16, m ? 1 + m : 1 },
            };
            for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
                begin(n, m, cases[k].dimensions, cases[k].nested);
                (void)refs(0, WR, NULL); /* nothing was accessed yet: what is kept must be */
                (void)refs(1, WR, NULL);
                unsigned told = uncached(2), left = refs(2, WR, NULL);
                assert_int_equal(told, left);
                if (left != cases[k].left) fail_msg("%u over %u, %uD, %u: %u references, not %u", n, m, cases[k].dimensions, cases[k].nested, left, cases[k].left);
                end();
            }
        }
}

/* A cold walk reads everything, an entry that was not accessed is not kept: its A bit must be set by the walk that uses it. */
static void accessed_bits(void **state)
{
    (void)state;
    begin(4, 4, 2, 16);
    assert_int_equal(refs(0, RD, NULL), 24 - 4 * 3); /* even here: the walks of the second share their upper tables */
    for (unsigned l = 1; l <= 4; l++) assert_true(w->ram[slot_at(l, 0)] & PTE_A);
    w->ram[slot_at(3, 0)] &= (uint8_t)~PTE_A;
    mmu_invlpg(&w->mmu, gva(0));
    (void)refs(0, RD, NULL);
    assert_true(w->ram[slot_at(3, 0)] & PTE_A);
    end();
}

/* Stale until told: a directory entry that changed counts after INVLPG of any page, MOV to CR3, or a change of mode. */
static void first_dimension(void **state)
{
    (void)state;
    for (unsigned m = 0; m <= 4; m += 4)
        for (unsigned how = 0; how < 5; how++) {
            uint32_t to;
            begin(2, m, 2, 0);
            for (unsigned p = 0; p < 2; p++) (void)refs(p, RD, NULL);
            put(slot_at(2, 0), (TABLES + 0x8000) | 7, 4); /* another page table */
            for (uint32_t p = 0; p < 256; p++) put(where(TABLES + 0x8000) + 4 * p, (PAGES + 0x80000 + (p << 12)) | 7, 4);
            (void)refs(2, RD, &to);
            assert_int_equal(to, where(PAGES + 0x2000)); /* as the old one says */
            if (how == 0) mmu_invlpg(&w->mmu, gva(0x77000));
            else if (how == 1) mmu_flush(&w->mmu, false);
            else if (how == 2) mmu_paging(&w->mmu, w->mmu.cr0, w->mmu.cr3, PAGING_CR4_PGE);
            else if (how == 3) mmu_invalidate(&w->mmu, &(struct space_match){ .by_vpid = true, .vpid = 3 });
            else mmu_forget_all(&w->mmu);
            (void)refs(3, RD, &to);
            assert_int_equal(to, where(PAGES + 0x83000));
            end();
        }
}

/* Those of the second dimension are stale until INVEPT, whatever the guest does; tags do not matter to it. */
static void second_dimension(void **state)
{
    (void)state;
    for (unsigned nested = 0; nested <= 16; nested += 16)
        for (unsigned how = 0; how < 4; how++) {
            uint32_t to;
            begin(2, 4, 2, nested);
            for (unsigned p = 0; p < 2; p++) (void)refs(p, RD, NULL);
            if (nested) /* the page with the page table moves, and says something else there */
                put(second_leaf(table(1)), (GUEST + OTHER) | SECOND_ALL, 8);
            else /* another table of the second level */
                put(second_table(2), (GUEST + OTHER + 0x1000) | SECOND_ALL, 8);
            for (uint32_t p = 0; p < 512; p++) put(GUEST + OTHER + 0x1000 + 8 * p, (uint64_t)(GUEST + (p << 12) + (p >= 256 ? 0x50000u : 0)) | SECOND_ALL, 8);
            for (uint32_t p = 0; p < 256; p++) put(GUEST + OTHER + 4 * p, (PAGES + 0x50000 + (p << 12)) | 7, 4);
            mmu_invlpg(&w->mmu, gva(0));
            mmu_flush(&w->mmu, true);
            (void)refs(2, RD, &to);
            assert_int_equal(to, GUEST + PAGES + 0x2000);
            const struct space_match all = { .keep_untagged = true }, root = { .by_root = true, .root = ROOT }, tag = { .by_vpid = true, .vpid = 1 };
            if (how < 3) mmu_invalidate(&w->mmu, how == 0 ? &all : how == 1 ? &root : &tag);
            (void)refs(3, RD, &to);
            assert_int_equal(to, GUEST + PAGES + (how < 2 ? 0x53000 : 0x3000));
            end();
        }
}

/* What was refused is looked for anew: more rights need no INVEPT. */
static void violations(void **state)
{
    (void)state;
    begin(2, 4, 2, 16);
    put(second_leaf(table(1)), (uint64_t)(GUEST + table(1)) | SECOND_R, 8);
    for (uint32_t p = 0; p < 3; p++) put(slot_at(1, p), (PAGES + (p << 12)) | 7 | PTE_A | PTE_D, 4);
    for (unsigned p = 0; p < 2; p++) assert_int_not_equal(refs(p, RD, NULL), UINT32_MAX);
    put(slot_at(1, 2), (PAGES + 0x2000) | 7, 4); /* not accessed yet: the walk must store */
    assert_int_equal(refs(2, RD, NULL), UINT32_MAX);
    assert_int_equal(fault.second, SECOND_VIOLATION);
    put(second_leaf(table(1)), (uint64_t)(GUEST + table(1)) | SECOND_ALL, 8);
    assert_int_not_equal(refs(2, RD, NULL), UINT32_MAX);
    end();
}

/* Transitions without tags forget the guest's dimension, and keep the other one by its root. */
static void transitions(void **state)
{
    (void)state;
    begin(2, 4, 2, 16);
    struct space guest = { .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = TABLES, .root = ROOT, .levels = 4 }, host = { .cr0 = 0 };
    for (unsigned p = 0; p < 3; p++) (void)refs(p, RD, NULL);
    mmu_space(&w->mmu, &host);
    mmu_space(&w->mmu, &guest);
    assert_int_equal(refs(3, RD, NULL), 3); /* both of the guest's, and the leaf of the address */
    guest.tagged = host.tagged = true;
    guest.vpid = 5;
    mmu_space(&w->mmu, &guest);
    mmu_space(&w->mmu, &host);
    mmu_space(&w->mmu, &guest);
    assert_int_equal(refs(4, RD, NULL), 2);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left), cmocka_unit_test(accessed_bits), cmocka_unit_test(first_dimension), cmocka_unit_test(second_dimension),
        cmocka_unit_test(violations), cmocka_unit_test(transitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
