/* The page walker against the manual: error codes, rights over both levels, 4 MB pages, references, A and D.
 * SDM vol. 3A 4.3, 4.6, 4.7, 4.8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "sim/mmu/pte.h"
#include "sim/mmu/walk.h"

enum { PD = 0x1000, PT = 0x2000, MEMORY = 0x4000 };

struct world {
    uint32_t memory[MEMORY / 4];
    unsigned reads, writes;
};

static uint32_t read_entry(void *self, hpa_t at)
{
    struct world *w = self;
    w->reads++;
    return at.v < MEMORY ? w->memory[at.v / 4] : UINT32_MAX;
}

static void write_entry(void *self, hpa_t at, uint32_t entry)
{
    struct world *w = self;
    assert_true(at.v < MEMORY);
    w->memory[at.v / 4] = entry;
    w->writes++;
}

static struct walk_env env_of(struct world *w, uint32_t cr0, uint32_t cr4)
{
    return (struct walk_env){ .cr0 = cr0 | PAGING_CR0_PG, .cr3 = PD | 0x18, .cr4 = cr4, .read = read_entry, .self = w };
}

enum { P = PTE_P, W = PTE_W, U = PTE_U, A = PTE_A, D = PTE_D, PS = PTE_PS, G = PTE_G };
enum { RD = ACCESS_READ, WR = ACCESS_WRITE, US = ACCESS_USER, EX = ACCESS_EXEC };
enum { WP = PAGING_CR0_WP, PSE = PAGING_CR4_PSE, FP = PF_PRESENT, FW = PF_WRITE, FU = PF_USER, FR = PF_RESERVED };
enum { LEGAL = -1 };

/* One address, slot 3 / slot 5 / offset 123: what the walk answers. */
static const struct row {
    const char *name;
    uint32_t pde, pte;  /* frame and flags; a PDE without PS gets PT as its frame */
    unsigned access;
    uint32_t cr0, cr4;
    int      code;      /* error code, or LEGAL */
    uint32_t at;        /* if legal */
    unsigned refs;
} rows[] = {
    { "directory entry absent, read",   W | U,          0x9000 | P | W | U, RD,           0,  0,   0, 0, 1 },
    { "directory entry absent, write",  W | U,          0x9000 | P | W | U, WR,           0,  0,   FW, 0, 1 },
    { "directory entry absent, user",   0,              0x9000 | P | W | U, WR | US,      0,  0,   FW | FU, 0, 1 },
    { "table entry absent",             P | W | U,      0x9000 | W | U,     RD | US,      0,  0,   FU, 0, 2 },
    { "fetch looks like a read",        P | W | U,      0,                  EX | US,      0,  0,   FU, 0, 2 },
    { "all permitted",                  P | W | U,      0x9000 | P | W | U, WR | US,      WP, 0,   LEGAL, 0x9123, 2 },
    { "fetch permitted",                P | U,          0x9000 | P | U,     EX | US,      WP, 0,   LEGAL, 0x9123, 2 },
    { "user, directory says supervisor",P | W,          0x9000 | P | W | U, RD | US,      0,  0,   FP | FU, 0, 2 },
    { "user, table says supervisor",    P | W | U,      0x9000 | P | W,     RD | US,      0,  0,   FP | FU, 0, 2 },
    { "user write, directory read-only",P | U,          0x9000 | P | W | U, WR | US,      0,  0,   FP | FW | FU, 0, 2 },
    { "supervisor write, WP clear",     P,              0x9000 | P,         WR,           0,  0,   LEGAL, 0x9123, 2 },
    { "supervisor write, WP set",       P | W,          0x9000 | P,         WR,           WP, 0,   FP | FW, 0, 2 },
    { "supervisor reads user page",     P | U,          0x9000 | P | U,     RD,           WP, 0,   LEGAL, 0x9123, 2 },
    { "4 MB page",                      0x800000 | P | W | U | PS, 0,       WR | US,      WP, PSE, LEGAL, 0x805123, 1 },
    { "4 MB page, PAT bit is no address",0x801000 | P | W | PS, 0,          WR,           WP, PSE, LEGAL, 0x805123, 1 },
    { "4 MB page read-only",            0x800000 | P | U | PS, 0,           WR,           WP, PSE, FP | FW, 0, 1 },
    { "4 MB page supervisor",           0x800000 | P | W | PS, 0,           EX | US,      WP, PSE, FP | FU, 0, 1 },
    { "4 MB page absent",               0x800000 | PS,  0,                  RD,           WP, PSE, 0, 0, 1 },
    { "reserved bit 17",                0x820000 | P | W | U | PS, 0,       RD,           0,  PSE, FP | FR, 0, 1 },
    { "PSE-36: bit 13 is address bit 32", 0x802000 | P | W | U | PS, 0,     WR,           0,  PSE, LEGAL, 0xFFFFF123, 1 },
    { "reserved bit 21, user write",    0xA00000 | P | W | U | PS, 0,       WR | US,      0,  PSE,
      FP | FR | FW | FU, 0, 1 },
    { "reserved comes before rights",   0xA00000 | P | PS, 0,               WR | US,      WP, PSE,
      FP | FR | FW | FU, 0, 1 },
    { "PS without CR4.PSE is ignored",  PT | P | W | U | PS, 0x9000 | P | W | U, WR | US, WP, 0,   LEGAL, 0x9123, 2 },
    { "bit 7 of a table entry is PAT",  P | W | U,      0x9000 | P | W | U | PS, WR | US, WP, PSE, LEGAL, 0x9123, 2 },
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        static struct world w;
        memset(&w, 0, sizeof w);
        w.memory[PD / 4 + 3] = r->pde & PTE_PS ? r->pde : r->pde | PT;
        w.memory[PT / 4 + 5] = r->pte;
        struct walk_env env = env_of(&w, r->cr0, r->cr4);
        struct xlat x;
        struct fault f = { 0 };
        gva_t at = gva(3u << 22 | 5u << 12 | 0x123);
        bool legal = walk(&env, at, r->access, &x, &f);
        if (legal != (r->code == LEGAL)) fail_msg("%s: legal %d", r->name, legal);
        if (x.refs != r->refs || w.reads != r->refs) fail_msg("%s: %u refs, %u reads", r->name, x.refs, w.reads);
        if (legal && x.at.v != r->at) fail_msg("%s: at %X", r->name, x.at.v);
        if (legal && x.large != (r->refs == 1)) fail_msg("%s: large %d", r->name, x.large);
        if (!legal && (f.vector != 14 || !f.has_code || f.code != (uint32_t)r->code || f.addr != at.v))
            fail_msg("%s: vector %u code %X addr %X", r->name, f.vector, f.code, f.addr);
        assert_int_equal(w.writes, 0);
    }
}

/* With PAE: PDPTE 1 / slot 3 / slot 5 / offset 123. Entries have an upper half each. */
static const struct long_row {
    const char *name;
    uint64_t pdpte, pde, pte; /* a PDE without PS gets PT as its frame */
    unsigned access;
    uint32_t cr0;
    int      code;
    uint32_t at;
    unsigned refs;
} long_rows[] = {
    { "PDPTE absent",               PD,          P | W | U, 0x9000 | P | W | U, WR | US, 0, FW | FU, 0, 0 },
    { "directory entry absent",     PD | P,      W | U, 0, RD, 0, 0, 0, 1 },
    { "table entry absent",         PD | P,      P | W | U, 0x9000 | W | U, RD | US, 0, FU, 0, 2 },
    { "all permitted",              PD | P,      P | W | U, 0x9000 | P | W | U, WR | US, WP, LEGAL, 0x9123, 2 },
    { "user, directory says supervisor", PD | P, P | W, 0x9000 | P | W | U, RD | US, 0, FP | FU, 0, 2 },
    { "supervisor write, WP set",   PD | P,      P | W, 0x9000 | P, WR, WP, FP | FW, 0, 2 },
    { "supervisor write, WP clear", PD | P,      P, 0x9000 | P, WR, 0, LEGAL, 0x9123, 2 },
    { "directory entry, bit 36",    PD | P,      1ull << 36 | P | W | U, 0x9000 | P | W | U, RD, 0, FP | FR, 0, 1 },
    { "table entry, bit 62",        PD | P,      P | W | U, 1ull << 62 | 0x9000 | P | W | U, RD, 0, FP | FR, 0, 2 },
    { "there is no NX",             PD | P,      P | W | U, 1ull << 63 | 0x9000 | P | W | U, RD, 0, FP | FR, 0, 2 },
    { "reserved comes before rights", PD | P,    P, 1ull << 63 | 0x9000 | P, WR | US, WP, FP | FR | FW | FU, 0, 2 },
    { "absent comes before reserved", PD | P,    P | W | U, 1ull << 63 | 0x9000, RD, 0, 0, 0, 2 },
    { "2 MB page, CR4.PSE or not",  PD | P,      0x800000 | P | W | U | PS, 0, WR | US, WP, LEGAL, 0x805123, 1 },
    { "2 MB page, odd",             PD | P,      0xA00000 | P | W | U | PS, 0, WR | US, WP, LEGAL, 0xA05123, 1 },
    { "2 MB page, PAT bit",         PD | P,      0x801000 | P | W | PS, 0, WR, WP, LEGAL, 0x805123, 1 },
    { "2 MB page, reserved bit 13", PD | P,      0x802000 | P | W | PS, 0, RD, WP, FP | FR, 0, 1 },
    { "2 MB page, reserved bit 20", PD | P,      0x900000 | P | W | PS, 0, RD, WP, FP | FR, 0, 1 },
    { "page beyond 4 GB",           PD | P,      P | W | U, 0x100009000 | P | W | U, WR, 0, LEGAL, 0xFFFFF123, 2 },
    { "2 MB page beyond 4 GB",      PD | P,      0xF00800000 | P | W | U | PS, 0, WR, 0, LEGAL, 0xFFFFF123, 1 },
    { "table beyond 4 GB is ones",  PD | P,      0x100000000 | P | W | U, 0, RD, 0, FP | FR, 0, 2 },
    { "directory beyond 4 GB too",  0x100000000 | P, P | W | U, 0, RD, 0, FP | FR, 0, 1 },
};

static void answers_with_pae(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof long_rows / sizeof *long_rows; i++) {
        const struct long_row *r = &long_rows[i];
        static struct world w;
        memset(&w, 0, sizeof w);
        uint64_t pdpte[4] = { 0, r->pdpte, 0, 0 }, pde = r->pde & PTE_PS ? r->pde : r->pde | PT;
        memcpy(&w.memory[PD / 4 + 2 * 3], &pde, sizeof pde);
        memcpy(&w.memory[PT / 4 + 2 * 5], &r->pte, sizeof r->pte);
        struct walk_env env = env_of(&w, r->cr0, PAGING_CR4_PAE);
        env.pdpte = pdpte;
        struct xlat x;
        struct fault f = { 0 };
        gva_t at = gva(1u << 30 | 3u << 21 | 5u << 12 | 0x123);
        bool legal = walk(&env, at, r->access, &x, &f);
        if (legal != (r->code == LEGAL)) fail_msg("%s: legal %d", r->name, legal);
        if (x.refs != r->refs) fail_msg("%s: %u refs", r->name, x.refs);
        if (legal && (x.at.v != r->at || x.absent != (r->at >= WALK_NOWHERE))) fail_msg("%s: at %X", r->name, x.at.v);
        if (legal && x.large != (r->refs == 1)) fail_msg("%s: large %d", r->name, x.large);
        if (!legal && (f.code != (uint32_t)r->code || f.addr != at.v)) fail_msg("%s: code %X", r->name, f.code);
        if (!legal) continue;
        walk_accessed(&x, WR, write_entry, &w);
        assert_int_equal(w.memory[PD / 4 + 2 * 3] & (A | D), x.large ? A | D : A);
        assert_int_equal(w.memory[PT / 4 + 2 * 5] & (A | D), x.large ? 0 : A | D);
        assert_int_equal(w.memory[PD / 4 + 2 * 3 + 1], (uint32_t)(pde >> 32));
    }
}

/* SDM 3A 4.6.1 in the manual's own words, for every combination of both levels' bits. */
static void rights_of_both_levels(void **state)
{
    (void)state;
    static struct world w;
    for (unsigned c = 0; c < 1u << 7; c++) {
        uint32_t pde = PT | P | (c & 1 ? W : 0u) | (c & 2 ? U : 0u);
        uint32_t pte = 0x9000 | P | (c & 4 ? W : 0u) | (c & 8 ? U : 0u);
        bool write = c & 16, user = c & 32, wp = c & 64;
        bool user_page = (c & 2) && (c & 8), writable = (c & 1) && (c & 4), expect;
        if (user) expect = user_page && (!write || writable);
        else if (!write) expect = true;
        else expect = wp ? writable : true;
        w.memory[PD / 4] = pde;
        w.memory[PT / 4] = pte;
        struct walk_env env = env_of(&w, wp ? WP : 0u, 0);
        struct xlat x;
        struct fault f;
        unsigned access = (write ? WR : 0u) | (user ? US : 0u);
        assert_int_equal(walk(&env, gva(0), access, &x, &f), expect);
        if (!expect) assert_int_equal(f.code, PF_PRESENT | (write ? PF_WRITE : 0) | (user ? PF_USER : 0));
    }
}

static void paging_off_is_identity(void **state)
{
    (void)state;
    static struct world w;
    struct walk_env env = env_of(&w, 0, 0);
    env.cr0 = WP;
    struct xlat x;
    struct fault f;
    assert_true(walk(&env, gva(0xFFFFFABC), WR | US, &x, &f));
    assert_int_equal(x.at.v, 0xFFFFFABC);
    assert_int_equal(x.refs, 0);
    assert_int_equal(w.reads, 0);
    assert_int_equal(walk_rights(&x), W | U | D);
    walk_accessed(&x, WR, write_entry, &w);
    assert_int_equal(w.writes, 0);
}

static void references_are_listed(void **state)
{
    (void)state;
    static struct world w;
    w.memory[PD / 4 + 1023] = PT | P | W | U;
    w.memory[PT / 4 + 1022] = 0xABCDE000 | P | W | G;
    struct walk_env env = env_of(&w, 0, 0);
    struct xlat x;
    struct fault f;
    assert_true(walk(&env, gva(0xFFFFE00F), RD, &x, &f));
    assert_int_equal(x.at.v, 0xABCDE00F);
    assert_int_equal(x.ref[0].at.v, PD + 4092);
    assert_int_equal(x.ref[0].entry, PT | P | W | U);
    assert_int_equal(x.ref[0].level, 2);
    assert_int_equal(x.ref[1].at.v, PT + 4088);
    assert_int_equal(x.ref[1].level, 1);
    assert_int_equal(x.ref[1].dim, 0);
    assert_int_equal(x.leaf, 0xABCDE000 | P | W | G);
    assert_int_equal(walk_rights(&x), W | G);
    assert_null(x.host);
    assert_false(x.tlb_hit);
}

/* A on every entry, D on the leaf of a write, and no store where nothing changes. */
static void accessed_and_dirty(void **state)
{
    (void)state;
    static const struct { uint32_t pde, pte; unsigned access; uint32_t pde_set, pte_set; unsigned writes; } cases[] = {
        { 0, 0, RD, A, A, 2 },
        { A, 0, RD, A, A, 1 },
        { A, A, RD, A, A, 0 },
        { A, A, WR, A, A | D, 1 },
        { 0, 0, WR, A, A | D, 2 },
        { A, A | D, WR, A, A | D, 0 },
        { A, D, RD, A, A | D, 1 },
        { PS, 0, RD, PS | A, 0, 1 },
        { PS, 0, WR, PS | A | D, 0, 1 },
        { PS | A, 0, WR, PS | A | D, 0, 1 },
        { PS | A | D, 0, WR, PS | A | D, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct world w;
        memset(&w, 0, sizeof w);
        uint32_t frame = cases[i].pde & PS ? 0x400000u : (uint32_t)PT;
        w.memory[PD / 4] = frame | P | W | cases[i].pde;
        w.memory[PT / 4] = 0x9000 | P | W | cases[i].pte;
        struct walk_env env = env_of(&w, 0, PSE);
        struct xlat x;
        struct fault f;
        assert_true(walk(&env, gva(0), cases[i].access, &x, &f));
        walk_accessed(&x, cases[i].access, write_entry, &w);
        assert_int_equal(w.memory[PD / 4], frame | P | W | cases[i].pde_set);
        assert_int_equal(w.memory[PT / 4], 0x9000 | P | W | cases[i].pte_set);
        assert_int_equal(w.writes, cases[i].writes);
        assert_int_equal(x.leaf, w.memory[(frame == PT ? PT : PD) / 4]);
    }
}

/* A directory that maps itself: the same entry is read as both levels; neither update may undo the other. */
static void self_map(void **state)
{
    (void)state;
    static struct world w;
    w.memory[PD / 4 + 1023] = PD | P | W;
    struct walk_env env = env_of(&w, 0, 0);
    struct xlat x;
    struct fault f;
    assert_true(walk(&env, gva(0xFFFFFFFC), WR, &x, &f));
    assert_int_equal(x.at.v, PD + 4092);
    walk_accessed(&x, WR, write_entry, &w);
    assert_int_equal(w.memory[PD / 4 + 1023], PD | P | W | A | D);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers), cmocka_unit_test(answers_with_pae),
        cmocka_unit_test(rights_of_both_levels),
        cmocka_unit_test(paging_off_is_identity),
        cmocka_unit_test(references_are_listed),
        cmocka_unit_test(accessed_and_dirty),
        cmocka_unit_test(self_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
