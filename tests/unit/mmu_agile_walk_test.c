/* Agile paging in the walker: how many entries a walk reads for each level it switches at, in which order, whose refusals are whose, and
 * the second level's dirty bit. The figures for 4 over 4 are the paper's (Gandhi, Hill, Swift, ISCA 2016, table 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "sim/mmu/second.h"

enum { MEMORY = 1 << 20, ROOT = 0x10000, NEXT = 0x20000, SHADOWS = 0x60000, TABLES = 0x8000 /* the guest's, at its address */ };
enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER };
#define LINEAR 0xC0C05123u
#define PAGE 0x20000u

static struct world {
    uint8_t memory[MEMORY];
    unsigned writes;
    uint32_t next;
    unsigned n, m, shadowed;
    struct walk_env env;
} w;

static uint32_t read_entry(void *self, hpa_t at)
{
    (void)self;
    uint32_t v = UINT32_MAX;
    if (at.v < MEMORY) memcpy(&v, w.memory + at.v, 4);
    return v;
}
static void write_entry(void *self, hpa_t at, uint32_t entry)
{
    (void)self;
    w.writes++;
    memcpy(w.memory + at.v, &entry, 4);
}
static uint64_t get64(uint32_t at)
{
    uint64_t v;
    memcpy(&v, w.memory + at, 8);
    return v;
}
static void put64(uint32_t at, uint64_t v) { memcpy(w.memory + at, &v, 8); }

/* Guest-physical pages lie in machine memory in no order. */
static uint32_t machine_of(uint32_t guest) { return 0x80000u + (((guest >> 12) * 7 & 63) << 12) + (guest & 0xFFF); }

static uint32_t second_entry(uint64_t guest)
{
    uint32_t table = w.env.second.root;
    for (unsigned l = w.m; l > 1; l--) {
        uint32_t at = table + 8 * second_slot(guest, l, w.m);
        if (!get64(at)) {
            put64(at, w.next | SECOND_ALL);
            w.next += PAGE_SIZE;
        }
        table = (uint32_t)(get64(at) & SECOND_FRAME);
    }
    return table + 8 * second_slot(guest, 1, w.m);
}
static void map(uint32_t guest) { put64(second_entry(guest), (machine_of(guest) & PAGE_MASK) | SECOND_ALL | SECOND_WRITE_BACK); }

/* Where the entry of the k-th table from the root lies, in tables of n levels that begin at `table`. */
static uint32_t slot_at(uint32_t table, unsigned k)
{
    unsigned level = w.n - k, bits = w.n > 2 ? 9 : 10, shift = 12 + bits * (level - 1);
    uint32_t slot = shift < 32 ? LINEAR >> shift & ((1u << bits) - 1) : 0;
    return table + (slot << (w.n > 2 ? 3 : 2));
}
static void put(uint32_t at, uint32_t entry) { memcpy(w.memory + at, &entry, 4); }
static uint32_t guest_at(unsigned k) { return slot_at(machine_of(TABLES + k * PAGE_SIZE), k); }
static uint32_t shadow_at(unsigned k) { return slot_at(SHADOWS + k * PAGE_SIZE, k); }

/* A guest with n levels over m, of which the first `shadowed` have shadows. */
static void build(unsigned n, unsigned m, unsigned shadowed)
{
    memset(&w, 0, sizeof w);
    w.n = n, w.m = m, w.shadowed = shadowed, w.next = NEXT;
    w.env = (struct walk_env){ .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = shadowed ? (uint32_t)SHADOWS : machine_of(TABLES) | PTE_SWITCH, .agile = true,
                               .cr4 = n > 2 ? PAGING_CR4_PAE : PAGING_CR4_PSE, .read = read_entry, .levels = (uint8_t)n, .second = { ROOT, (uint8_t)m } };
    for (unsigned k = 0; k < n; k++) {
        uint32_t table = TABLES + k * PAGE_SIZE;
        map(table);
        put(guest_at(k), (k + 1 < n ? table + PAGE_SIZE : PAGE) | P | W | U);
        if (k >= shadowed) continue;
        uint32_t to = k + 1 == n ? machine_of(PAGE) : k + 1 == shadowed ? machine_of(table + PAGE_SIZE) | PTE_SWITCH : SHADOWS + (k + 1) * PAGE_SIZE;
        put(shadow_at(k), to | P | W | U | A);
    }
    map(PAGE);
}

static bool go(unsigned access, struct xlat *x, struct fault *f)
{
    *f = (struct fault){ 0 };
    return walk(&w.env, gva(LINEAR), access, x, f);
}

static void counts(void **state)
{
    (void)state;
    static const unsigned paper[] = { 20, 16, 12, 8, 4 }, ours[] = { 6, 4, 2 };
    for (unsigned n = 2; n <= 5; n++)
        for (unsigned m = 2; m <= 5; m++)
            for (unsigned s = 0; s <= n; s++) {
                struct xlat x;
                struct fault f;
                build(n, m, s);
                assert_true(go(WR | US, &x, &f));
                assert_int_equal(x.refs, s + (n - s) * (m + 1));
                if (n == 4 && m == 4) assert_int_equal(x.refs, paper[s]);
                if (n == 2 && m == 2) assert_int_equal(x.refs, ours[s]);
                assert_int_equal(x.at.v, machine_of(PAGE) | 0x123);
                assert_int_equal(x.switched, n - s);
                assert_int_equal(walk_rights(&x), W | U);
            }
}

/* Shadows, the table that was switched to, and for each table below it, and for the address, the second level. */
static void order(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(4, 3, 2);
    assert_true(go(RD, &x, &f));
    const struct xlat_ref *r = x.ref;
    for (unsigned k = 0; k < 2; k++, r++) {
        assert_true(r->shadow && !r->dim);
        assert_int_equal(r->at.v, shadow_at(k));
    }
    assert_false(r->shadow || r->dim);
    assert_int_equal(r->level, 2);
    assert_int_equal(r++->at.v, guest_at(2));
    for (unsigned l = 3; l; l--, r++) {
        assert_int_equal(r->dim, 1);
        assert_int_equal(r->level, l);
        assert_int_equal(r->serves, 1);
    }
    assert_int_equal(r++->at.v, guest_at(3));
    for (unsigned l = 3; l; l--, r++) assert_int_equal(r->serves, 0);
    assert_ptr_equal(r, x.ref + x.refs);
}

/* What shadows refuse is no page fault; what the guest's tables behind them refuse is one, with the rights of both. */
static void refusals(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 5; n++)
        for (unsigned s = 0; s <= n; s++)
            for (unsigned k = 0; k < n; k++) {
                struct xlat x;
                struct fault f;
                build(n, 4, s);
                bool own = k >= s;
                put(own ? guest_at(k) : shadow_at(k), 0);
                assert_false(go(WR | US, &x, &f));
                if (own) {
                    assert_int_equal(f.second, SECOND_NONE);
                    assert_int_equal(f.vector, 14);
                    assert_int_equal(f.code, PF_WRITE | PF_USER);
                } else {
                    assert_int_equal(f.second, SECOND_VIOLATION);
                    assert_int_equal(f.code, SECOND_LINEAR | SECOND_SHADOW | (PF_WRITE | PF_USER) << SECOND_SHADOW_CODE);
                }
                assert_int_equal(f.addr, LINEAR);
                build(n, 4, s);
                uint32_t at = own ? guest_at(k) : shadow_at(k), entry;
                memcpy(&entry, w.memory + at, 4);
                put(at, entry & ~(uint32_t)U);
                assert_false(go(RD | US, &x, &f)); /* one forbids: whoever speaks is where the walk ended */
                assert_int_equal(f.second, s == n ? SECOND_VIOLATION : SECOND_NONE);
                assert_int_equal(s == n ? f.code >> SECOND_SHADOW_CODE : f.code, PF_PRESENT | PF_USER);
            }
}

/* The bit means nothing in the guest's own entries. */
static void the_guests_own_bit(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(4, 4, 1);
    for (unsigned k = 1; k < 4; k++) put(guest_at(k), (k < 3 ? TABLES + (k + 1) * PAGE_SIZE : PAGE) | P | W | U | PTE_SWITCH);
    assert_true(go(RD, &x, &f));
    assert_int_equal(x.refs, 16);
    w.env.agile = false;
    w.env.cr3 = TABLES;
    put(guest_at(0), (TABLES + PAGE_SIZE) | P | W | U | PTE_SWITCH);
    assert_true(go(RD, &x, &f));
    assert_int_equal(x.refs, 24);
    assert_int_equal(x.switched, 0);
}

/* CR0.WP is the guest's: it counts where its own tables do, and not in shadows, where R/W is the hypervisor's word. */
static void write_protect(void **state)
{
    (void)state;
    for (unsigned s = 0; s <= 2; s++) {
        struct xlat x;
        struct fault f;
        build(2, 4, s);
        uint32_t at = s == 2 ? shadow_at(1) : guest_at(1), entry;
        memcpy(&entry, w.memory + at, 4);
        put(at, entry & ~(uint32_t)W);
        assert_false(go(WR, &x, &f));
        w.env.cr0 &= ~(uint32_t)PAGING_CR0_WP;
        assert_int_equal(go(WR, &x, &f), s < 2);
        assert_false(go(WR | US, &x, &f));
        assert_true(go(RD, &x, &f));
    }
}

/* With PAE four registers stand above: one that switches leads to a directory of the guest's own, which lies where it says. */
static void registers(void **state)
{
    (void)state;
    uint64_t pdpte[4] = { 0, 0, 0, machine_of(TABLES) | P | PTE_SWITCH };
    uint32_t directory = machine_of(TABLES) + (LINEAR >> 21 & 511) * 8, table = TABLES + PAGE_SIZE, leaf = machine_of(table) + (LINEAR >> 12 & 511) * 8;
    for (unsigned own = 0; own < 2; own++) {
        struct xlat x;
        struct fault f;
        build(2, 4, 0);
        w.env.cr4 = PAGING_CR4_PAE, w.env.pdpte = pdpte;
        put64(directory, table | P | W | U), put64(leaf, PAGE | P | W | U);
        if (!own) { /* the directory is a shadow, and its entry switches */
            pdpte[3] = SHADOWS | P;
            put64(SHADOWS + (LINEAR >> 21 & 511) * 8, machine_of(table) | P | W | U | A | PTE_SWITCH);
        }
        assert_true(go(WR, &x, &f));
        assert_int_equal(x.refs, own ? 1 + 4 + 1 + 4 : 1 + 1 + 4);
        assert_int_equal(x.switched, own ? 2 : 1);
        assert_int_equal(x.at.v, machine_of(PAGE) | 0x123);
        pdpte[3] = 0;
        assert_false(go(WR, &x, &f)); /* whose it would be nobody knows: the hypervisor's affair */
        assert_int_equal(f.second, SECOND_VIOLATION);
        assert_int_equal(f.code >> SECOND_SHADOW_CODE, PF_WRITE);
        pdpte[3] = machine_of(TABLES) | P | PTE_SWITCH;
    }
}

/* A and D are set in the guest's own entries; a store marks the page in the second level, and nothing else does. */
static void marks(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(2, 4, 1);
    assert_true(go(RD, &x, &f));
    walk_accessed(&x, RD, write_entry, NULL);
    assert_int_equal(w.writes, 1); /* the shadow has A */
    assert_int_equal(read_entry(NULL, hpa(guest_at(1))) & (A | D), A);
    assert_int_equal(get64(second_entry(PAGE)) & SECOND_DIRTY, 0);
    assert_true(go(WR, &x, &f));
    walk_accessed(&x, WR, write_entry, NULL);
    assert_int_equal(w.writes, 3);
    assert_int_equal(read_entry(NULL, hpa(guest_at(1))) & (A | D), A | D);
    assert_int_equal(get64(second_entry(PAGE)) & SECOND_DIRTY, SECOND_DIRTY);
    assert_int_equal(get64(second_entry(TABLES)) & SECOND_DIRTY, 0);
    assert_true(go(RD, &x, &f));
    assert_int_equal(walk_rights(&x) & D, D); /* stores need not walk again */
    put64(second_entry(PAGE), get64(second_entry(PAGE)) & ~(uint64_t)SECOND_DIRTY);
    assert_true(go(RD, &x, &f));
    assert_int_equal(walk_rights(&x) & D, 0); /* they must: the bit is clear */
    build(2, 4, 2);
    assert_true(go(WR, &x, &f));
    walk_accessed(&x, WR, write_entry, NULL);
    assert_int_equal(get64(second_entry(PAGE)) & SECOND_DIRTY, 0); /* it was not asked */
    assert_int_equal(read_entry(NULL, hpa(shadow_at(1))) & D, D);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts), cmocka_unit_test(order), cmocka_unit_test(refusals),
                                        cmocka_unit_test(the_guests_own_bit), cmocka_unit_test(write_protect),
                                        cmocka_unit_test(registers), cmocka_unit_test(marks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
