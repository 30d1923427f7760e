/* The second level: reference counts of all depths, the order in which entries are read, rights, legal entries, refusals.
 * SDM vol. 3C 28.2; Bhargava et al. 2008 for the counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "sim/mmu/second.h"

enum { MEMORY = 1 << 20, ROOT = 0x10000, NEXT = 0x20000, TABLES = 0x8000 /* the guest's, at its address */ };
enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER, EX = ACCESS_EXEC };
#define LINEAR 0xC0C05123u /* slots 303 and 5 of two levels; 3, 6, 5 of three */
#define PAGE 0x20000u      /* where it lies, as the guest believes */

static struct world {
    uint8_t memory[MEMORY];
    unsigned reads, writes;
    uint32_t next;      /* free machine memory for tables */
    struct walk_env env;
} w;

static uint32_t read_entry(void *self, hpa_t at)
{
    (void)self;
    uint32_t v = UINT32_MAX;
    w.reads++;
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
static void put32(uint32_t at, uint32_t v) { memcpy(w.memory + at, &v, 4); }

/* Guest-physical pages lie in machine memory in no order. */
static uint32_t machine_of(uint32_t guest) { return 0x80000u + (((guest >> 12) * 7 & 63) << 12) + (guest & 0xFFF); }

/* The entry of a level on the way to a guest-physical address; tables are made as needed. */
static uint32_t second_entry(uint64_t guest, unsigned level)
{
    uint32_t table = w.env.second.root;
    for (unsigned l = w.env.second.levels; l > level; l--) {
        uint32_t at = table + 8 * second_slot(guest, l, w.env.second.levels);
        if (!get64(at)) {
            put64(at, w.next | SECOND_ALL);
            w.next += PAGE_SIZE;
        }
        table = (uint32_t)(get64(at) & SECOND_FRAME);
    }
    return table + 8 * second_slot(guest, level, w.env.second.levels);
}
static void map(uint32_t guest) { put64(second_entry(guest, 1), (machine_of(guest) & PAGE_MASK) | SECOND_ALL | SECOND_WRITE_BACK); }

/* A guest with `n` levels of tables at TABLES, TABLES + 1000, ..., over `m` levels. */
static void build(unsigned n, unsigned m)
{
    memset(&w, 0, sizeof w);
    w.next = NEXT;
    w.env = (struct walk_env){ .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr3 = TABLES, .cr4 = n > 2 ? PAGING_CR4_PAE : PAGING_CR4_PSE,
                               .read = read_entry, .levels = (uint8_t)n, .second = { ROOT, (uint8_t)m } };
    for (unsigned k = 0; k < n; k++) {
        uint32_t table = TABLES + k * PAGE_SIZE, points = (k + 1 < n ? table + PAGE_SIZE : PAGE) | P | W | U;
        unsigned level = n - k, shift = n > 2 ? 12 + 9 * (level - 1) : 12 + 10 * (level - 1);
        uint32_t slot = shift < 32 ? LINEAR >> shift & (n > 2 ? 511u : 1023u) : 0;
        if (m) map(table);
        uint32_t at = m ? machine_of(table) : table;
        if (n > 2) put64(at + 8 * slot, points);
        else put32(at + 4 * slot, points);
    }
    if (m) map(PAGE);
}

static bool go(unsigned access, struct xlat *x, struct fault *f)
{
    w.reads = 0;
    *f = (struct fault){ 0 };
    return walk(&w.env, gva(LINEAR), access, x, f);
}

/* (n+1)(m+1)-1, and n without a second level. */
static void counts(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 5; n++)
        for (unsigned m = 0; m <= 5; m++) {
            if (m == 1) continue;
            struct xlat x;
            struct fault f;
            build(n, m);
            assert_true(go(WR | US, &x, &f));
            assert_int_equal(x.refs, (n + 1) * (m + 1) - 1);
            assert_int_equal(x.physical, PAGE | 0x123);
            assert_int_equal(x.at.v, m ? machine_of(PAGE | 0x123) : PAGE | 0x123);
            assert_int_equal(w.reads, m * (n + 1) * 2 + n * (n > 2 ? 2 : 1)); /* of four bytes each */
            assert_int_equal(walk_rights(&x), W | U);
        }
}

/* For each of the guest's entries the levels of the second dimension, outermost first, then itself. */
static void order(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 5; n++)
        for (unsigned m = 2; m <= 5; m++) {
            struct xlat x;
            struct fault f;
            build(n, m);
            assert_true(go(RD, &x, &f));
            const struct xlat_ref *r = x.ref;
            for (unsigned level = n + 1; level--;) {
                uint32_t guest = level ? TABLES + (n - level) * PAGE_SIZE : PAGE;
                for (unsigned l = m; l; l--, r++) {
                    assert_int_equal(r->dim, 1);
                    assert_int_equal(r->level, l);
                    assert_int_equal(r->serves, level);
                    assert_int_equal(r->guest & PAGE_MASK, guest);
                    assert_int_equal(r->at.v, second_entry(guest, l));
                    assert_true(r->wide);
                }
                if (!level) break;
                assert_int_equal(r->dim, 0);
                assert_int_equal(r->level, level);
                assert_int_equal(r->guest & PAGE_MASK, guest);
                assert_int_equal(r->at.v, machine_of((uint32_t)r->guest));
                r++;
            }
        }
}

/* A large page at either dimension shortens it by a level. */
static void large_pages(void **state)
{
    (void)state;
    static const struct { unsigned n, m; bool guest, second; unsigned refs; } cases[] = {
        { 4, 4, false, false, 24 }, { 4, 4, true, false, 19 }, { 4, 4, false, true, 23 }, { 4, 4, true, true, 18 },
        { 2, 4, false, true, 13 }, { 2, 2, true, true, 4 },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct xlat x;
        struct fault f;
        unsigned n = cases[k].n, m = cases[k].m;
        build(n, m);
        uint32_t page = PAGE | 0x123;
        if (cases[k].guest) { /* the guest's second level */
            uint32_t at = machine_of(TABLES + (n - 2) * PAGE_SIZE);
            if (n > 2) put64(at + 8 * (LINEAR >> 21 & 511), 0x200000 | P | W | U | PTE_PS);
            else put32(at + 4 * (LINEAR >> 22), 0x400000 | P | W | U | PTE_PS);
            page = n > 2 ? 0x200000 | (LINEAR & 0x1FFFFF) : 0x400000 | (LINEAR & 0x3FFFFF);
            map(page & PAGE_MASK);
        }
        if (cases[k].second) { /* of the address itself only: the tables stay where they are */
            page = cases[k].guest ? page : 0x600123;
            if (!cases[k].guest) {
                uint32_t at = machine_of(TABLES + (n - 1) * PAGE_SIZE);
                if (n > 2) put64(at + 8 * (LINEAR >> 12 & 511), 0x600000 | P | W | U);
                else put32(at + 4 * (LINEAR >> 12 & 1023), 0x600000 | P | W | U);
            }
            put64(second_entry(page, 2), 0xA00000 | SECOND_ALL | SECOND_LARGE);
        }
        assert_true(go(WR, &x, &f));
        assert_int_equal(x.refs, cases[k].refs);
        assert_int_equal(x.physical, page);
        assert_int_equal(x.at.v, cases[k].second ? 0xA00000 | (page & 0x1FFFFF) : machine_of(page));
        assert_int_equal(x.large, cases[k].guest);
    }
}

/* What a present entry may be. */
static void legal_entries(void **state)
{
    (void)state;
    static const struct { uint64_t entry; unsigned level; bool legal; } cases[] = {
        { 0x5000 | 1, 1, true }, { 0x5000 | 2, 1, false }, { 0x5000 | 3, 1, true }, { 0x5000 | 4, 1, true }, { 0x5000 | 5, 1, true },
        { 0x5000 | 6, 1, false }, { 0x5000 | 7, 1, true },
        { 0x5000 | 7 | 1 << 3, 1, true }, { 0x5000 | 7 | 2 << 3, 1, false }, { 0x5000 | 7 | 3 << 3, 1, false }, { 0x5000 | 7 | 4 << 3, 1, true },
        { 0x5000 | 7 | 5 << 3, 1, true }, { 0x5000 | 7 | 6 << 3, 1, true }, { 0x5000 | 7 | 7 << 3, 1, false },
        { 0x5000 | 7 | 6 << 3, 2, false }, { 0x5000 | 7 | 1 << 6, 2, false }, { 0x5000 | 7 | 1 << 7, 3, false }, { 0x5000 | 7 | 1 << 7, 4, false },
        { 0x5000 | 7 | 1 << 7, 2, false }, { 0x200000 | 7 | 6 << 3 | 1 << 7, 2, true }, { 0x5000 | 7 | 1 << 7, 1, true },
        { 1ull << 36 | 7, 1, false }, { 1ull << 51 | 7, 3, false }, { 1ull << 52 | 7, 1, true }, { 1ull << 63 | 0xF00 | 7, 4, true },
        { 0xFFFFFF000 | 7, 1, true },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++)
        if (second_legal(cases[k].entry, cases[k].level) != cases[k].legal)
            fail_msg("%llx at level %u", (unsigned long long)cases[k].entry, cases[k].level);
}

/* Which access is refused, and what is told: of the address itself, and of the guest's tables. */
static void refusals(void **state)
{
    (void)state;
    enum { OK = -1, BAD = -2 };
    static const struct { const char *what; unsigned level; uint32_t guest; uint64_t entry; unsigned access; int code; } cases[] = {
        { "absent, read", 1, PAGE, 0, RD, SECOND_READ | SECOND_LINEAR | SECOND_FINAL },
        { "absent, write", 1, PAGE, 0, WR | US, SECOND_WRITE | SECOND_LINEAR | SECOND_FINAL },
        { "absent, fetch", 1, PAGE, 0, EX, SECOND_FETCH | SECOND_LINEAR | SECOND_FINAL },
        { "absent higher up", 3, TABLES, 0, RD, SECOND_READ | SECOND_LINEAR },
        { "read-only, read", 1, PAGE, 0x5001, RD, OK },
        { "read-only, write", 1, PAGE, 0x5001, WR, SECOND_WRITE | SECOND_R << 3 | SECOND_LINEAR | SECOND_FINAL },
        { "read-only, fetch", 1, PAGE, 0x5003, EX, SECOND_FETCH | (SECOND_R | SECOND_W) << 3 | SECOND_LINEAR | SECOND_FINAL },
        { "execute-only, fetch", 1, PAGE, 0x5004, EX, OK },
        { "execute-only, read", 1, PAGE, 0x5004, RD, SECOND_READ | SECOND_X << 3 | SECOND_LINEAR | SECOND_FINAL },
        { "write-only", 1, PAGE, 0x5002, WR, BAD },
        { "memory type 7", 1, PAGE, 0x503F, RD, BAD },
        { "a table, absent", 1, TABLES, 0, WR, SECOND_READ | SECOND_LINEAR },
        { "a table, execute-only", 1, TABLES + 0x1000, 0x5004, WR, SECOND_READ | SECOND_X << 3 | SECOND_LINEAR },
        { "a table, bad", 1, TABLES + 0x1000, 0x5006, RD, BAD },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct xlat x;
        struct fault f;
        build(2, 4);
        put64(second_entry(cases[k].guest, cases[k].level), cases[k].entry);
        bool legal = go(cases[k].access, &x, &f);
        if (legal != (cases[k].code == OK)) fail_msg("%s: %d", cases[k].what, legal);
        if (legal) continue;
        assert_int_equal(f.second, cases[k].code == BAD ? SECOND_MISCONFIGURED : SECOND_VIOLATION);
        if (cases[k].code != BAD && f.code != (uint32_t)cases[k].code && cases[k].level == 1) fail_msg("%s: %x", cases[k].what, f.code);
        assert_int_equal(f.physical & ~0xFFFull, cases[k].guest);
        assert_int_equal(f.addr, LINEAR);
    }
}

/* The guest's own refusals come first: its tables are walked before the address is asked for. */
static void faults_come_first(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(2, 4);
    put64(second_entry(PAGE, 1), 0);
    put32(machine_of(TABLES + PAGE_SIZE) + 4 * (LINEAR >> 12 & 1023), PAGE | P | U);
    assert_false(go(WR | US, &x, &f));
    assert_int_equal(f.second, SECOND_NONE);
    assert_int_equal(f.vector, PAGING_VECTOR);
    assert_int_equal(f.code, PF_PRESENT | PF_WRITE | PF_USER);
    assert_int_equal(x.refs, 2 * 5);
}

/* Stores of the walk's own want W of the tables' pages, and only if something changes. */
static void marking(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    for (unsigned m = 2; m <= 5; m++) {
        build(2, m);
        assert_true(go(WR, &x, &f) && walk_may_mark(&x, gva(LINEAR), WR, &f));
        walk_accessed(&x, WR, write_entry, NULL);
        assert_int_equal(w.writes, 2);
        assert_int_equal(w.memory[machine_of(TABLES) + 4 * (LINEAR >> 22)] & (A | D), A);
        assert_int_equal(w.memory[machine_of(TABLES + PAGE_SIZE) + 4 * (LINEAR >> 12 & 1023)] & (A | D), A | D);
        assert_int_equal(x.leaf & (A | D), A | D);
    }
    uint32_t entry = second_entry(TABLES + PAGE_SIZE, 1), pte = machine_of(TABLES + PAGE_SIZE) + 4 * (LINEAR >> 12 & 1023);
    put64(entry, get64(entry) & ~(uint64_t)SECOND_W);
    assert_true(go(WR, &x, &f) && walk_may_mark(&x, gva(LINEAR), WR, &f)); /* nothing left to mark */
    put32(pte, PAGE | P | W | U | A);
    assert_true(go(RD, &x, &f) && walk_may_mark(&x, gva(LINEAR), RD, &f));
    assert_true(go(WR, &x, &f));
    assert_false(walk_may_mark(&x, gva(LINEAR), WR, &f));
    assert_int_equal(f.code, SECOND_READ | SECOND_WRITE | SECOND_R << SECOND_RIGHTS | SECOND_LINEAR);
    assert_int_equal(f.physical, TABLES + PAGE_SIZE + 4 * (LINEAR >> 12 & 1023));
}

/* Where stores are forbidden nothing is dirty, so that a TLB does not keep the right to write. */
static void read_only_is_not_dirty(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(2, 3);
    put32(machine_of(TABLES + PAGE_SIZE) + 4 * (LINEAR >> 12 & 1023), PAGE | P | W | U | A | D);
    assert_true(go(RD, &x, &f));
    assert_int_equal(walk_rights(&x), W | U | D);
    put64(second_entry(PAGE, 1), 0x5001);
    assert_true(go(RD, &x, &f));
    assert_int_equal(walk_rights(&x), W | U);
}

/* Without paging there is one dimension left. */
static void paging_off(void **state)
{
    (void)state;
    struct xlat x;
    struct fault f;
    build(2, 4);
    w.env.cr0 = 0;
    map(LINEAR & PAGE_MASK);
    assert_true(go(WR, &x, &f));
    assert_int_equal(x.refs, 4);
    assert_int_equal(x.at.v, machine_of(LINEAR));
    walk_accessed(&x, WR, write_entry, NULL);
    assert_int_equal(w.writes, 0);
}

/* Guest-physical addresses have 36 bits, what a root of two levels reaches 33. */
static void beyond(void **state)
{
    (void)state;
    for (unsigned m = 2; m <= 5; m++) {
        struct xlat x;
        struct fault f;
        build(2, m);
        w.env.cr4 = PAGING_CR4_PSE;
        uint32_t at = machine_of(TABLES) + 4 * (LINEAR >> 22);
        put32(at, 1u << 13 | P | W | PTE_PS); /* 4 GB */
        put64(second_entry(0x100000000ull | (LINEAR & 0x3FF000), 1), 0x7000 | SECOND_ALL);
        assert_true(go(WR, &x, &f));
        assert_int_equal(x.physical, 0x100000000ull | (LINEAR & 0x3FFFFF));
        assert_int_equal(x.at.v, 0x7123);
        put64(second_entry(0x100000000ull | (LINEAR & 0x3FF000), 1), 0x300000000ull | SECOND_ALL);
        assert_true(go(RD, &x, &f) && x.absent);
        put32(at, 2u << 13 | P | W | PTE_PS); /* 8 GB */
        assert_false(go(RD, &x, &f));
        assert_int_equal(f.second, SECOND_VIOLATION);
        assert_int_equal(x.refs, m == 2 ? 3 : m + 1 + m - 2); /* the root's entry is there up to level 3 */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts), cmocka_unit_test(order), cmocka_unit_test(large_pages), cmocka_unit_test(legal_entries),
        cmocka_unit_test(refusals), cmocka_unit_test(faults_come_first), cmocka_unit_test(marking),
        cmocka_unit_test(read_only_is_not_dirty), cmocka_unit_test(paging_off), cmocka_unit_test(beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
