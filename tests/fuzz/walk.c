/* Any page tables, in all three paging modes, and what software does to them: an MMU translates, forgets, and is asked again.
 *
 * Idea: a second walker, written from the manual's tables and nothing else, says what each access must come to: a frame with
 * the A and D bits set in memory, or a page fault with its code. What the TLB answers must be what a walk once said, and
 * only while nothing has told it to forget: the judge remembers the latest walk of each page.
 * Also: a host pointer points to the very byte, inside RAM; way 0 holds the translation just used, its tags permit no more
 * than its rights do, and stores to decoded code keep the slow path. SDM vol. 3A 4.3, 4.4, 4.6-4.8, 4.10. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include "sim/core/arena.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/walk.h"

enum { FRAMES = 32, RAM = FRAMES * PAGE_SIZE, PAGES = 64 /* whose latest walks are remembered */, STEPS = 200 };

static struct arena arena;
static struct clock clk;
static struct model model;
static struct bus   bus;
static struct tlb   tlb[2]; /* data, code */
static struct mmu   mmu;
static uint8_t     *ram;
static struct latest { uint32_t page, frame, span /* bytes that INVLPG forgets at once */; bool valid, absent, global; } latest[2 * PAGES];
static bool        untold; /* more pages than `latest` has room for */

static void world(void)
{
    if (!ram) {
        ram = malloc(RAM);
        if (!ram || !arena_init(&arena, 1 << 20) || !model_find("p4", &model, NULL)) abort();
        clk.hz = model.hz;
        bus_init(&bus, ram, FRAMES, &clk, &arena);
    }
    memset(ram, 0, RAM);
    for (uint32_t n = 0; n < FRAMES; n++) bus_unmark(&bus, hpa(n * PAGE_SIZE), 0xFF);
    memset(latest, 0, sizeof latest);
    untold = false;
    mmu_init(&mmu, &bus, &tlb[0], &tlb[1], &clk, &model);
}

/* ---- the second walker ---- */

struct verdict {
    bool     fault, absent, global;
    uint32_t span;
    uint32_t code, at;
    uint64_t entry[2]; /* where the entries used lie; of `entries` */
    unsigned entries;
};

static uint64_t memory(uint64_t at, unsigned bytes)
{
    uint64_t v = UINT64_MAX;
    if (at < UINT32_MAX) at &= mmu.a20;
    if (at + bytes <= RAM) v = 0, memcpy(&v, ram + at, bytes);
    return bytes == 8 ? v : v & UINT32_MAX;
}

static struct verdict fault(unsigned code, unsigned access)
{
    return (struct verdict){ .fault = true,
                             .code = code | (access & ACCESS_WRITE ? 2u : 0u) | (access & ACCESS_USER ? 4u : 0u) };
}

static struct verdict allowed(struct verdict v, uint64_t rights, unsigned access)
{
    bool user = access & ACCESS_USER, write = access & ACCESS_WRITE;
    if (user && !(rights & 4)) return fault(1, access);
    if (write && !(rights & 2) && (user || (mmu.cr0 & 1u << 16))) return fault(1, access);
    return v;
}

static struct verdict finish(struct verdict v, uint64_t at, uint64_t leaf, uint64_t rights, unsigned access)
{
    v.span = v.entries == 2 ? 0x1000 : mmu.cr4 & 0x20 ? 0x200000 : 0x400000;
    v.global = (leaf & 0x100) && (mmu.cr4 & 0x80);
    v.absent = at >> 32;
    v.at = (uint32_t)at & mmu.a20;
    return allowed(v, rights, access);
}

static struct verdict judge_short(uint32_t va, unsigned access)
{
    struct verdict v = { .entries = 1 };
    v.entry[0] = (mmu.cr3 & ~0xFFFu) + va / 0x400000 * 4;
    uint64_t pde = memory(v.entry[0], 4);
    if (!(pde & 1)) return fault(0, access);
    if ((pde & 0x80) && (mmu.cr4 & 0x10)) {
        if (pde & 0x3E0000) return fault(9, access);
        return finish(v, ((pde & 0x1E000) << 19) + (pde & 0xFFC00000u) + va % 0x400000, pde, pde, access);
    }
    v.entry[v.entries++] = (pde & ~0xFFFull) + va / 0x1000 % 1024 * 4;
    uint64_t pte = memory(v.entry[1], 4);
    if (!(pte & 1)) return fault(0, access);
    return finish(v, (pte & ~0xFFFull) + va % 0x1000, pte, pde & pte, access);
}

static struct verdict judge_long(uint32_t va, unsigned access)
{
    const uint64_t reserved = 0xFFFFFFF000000000u, frame = 0xFFFFFF000u;
    struct verdict v = { .entries = 1 };
    uint64_t pdpte = mmu.pdpte[va >> 30];
    if (!(pdpte & 1)) return fault(0, access);
    v.entry[0] = (pdpte & frame) + va / 0x200000 % 512 * 8;
    uint64_t pde = memory(v.entry[0], 8);
    if (!(pde & 1)) return fault(0, access);
    if (pde & (reserved | (pde & 0x80 ? 0x1FE000u : 0u))) return fault(9, access);
    if (pde & 0x80) return finish(v, (pde & frame & ~0x1FFFFFull) + va % 0x200000, pde, pde, access);
    v.entry[v.entries++] = (pde & frame) + va / 0x1000 % 512 * 8;
    uint64_t pte = memory(v.entry[1], 8);
    if (!(pte & 1)) return fault(0, access);
    if (pte & reserved) return fault(9, access);
    return finish(v, (pte & frame) + va % 0x1000, pte, pde & pte, access);
}

static struct verdict judge(uint32_t va, unsigned access)
{
    if (!(mmu.cr0 >> 31)) return (struct verdict){ .at = va & mmu.a20, .span = 0x1000 };
    return mmu.cr4 & 0x20 ? judge_long(va, access) : judge_short(va, access);
}

/* ---- one access ---- */

static struct latest *latest_of(uint32_t va, bool exec, bool make)
{
    struct latest *free = NULL;
    for (unsigned n = 0; n < PAGES; n++) {
        struct latest *l = &latest[exec * PAGES + n];
        if (l->valid && l->page == va / PAGE_SIZE) return l;
        if (!l->valid && !free) free = l;
    }
    untold |= make && !free;
    return make ? free : NULL;
}

/* What the TLB may answer no more. */
static void forget(bool globals_too)
{
    for (struct latest *l = latest; l < latest + 2 * PAGES; l++) l->valid &= l->global && !globals_too;
}

static void forget_page(uint32_t va)
{
    for (struct latest *l = latest; l < latest + 2 * PAGES; l++)
        if ((va ^ l->page * PAGE_SIZE) < l->span) l->valid = false; /* spans are powers of two */
}

static void check_host(const struct xlat *x, unsigned access)
{
    bool there = !x->absent && x->at.v < RAM, code = there && bus_marks(&bus, x->at) & FRAME_CODE;
    bool expected = mmu.direct && there && !((access & ACCESS_WRITE) && code);
    FUZZ_HOLDS((x->host != NULL) == expected);
    FUZZ_HOLDS(!x->host || x->host == ram + x->at.v);
}

static void check_way(uint32_t va, unsigned access, const struct xlat *x)
{
    const struct tlb_entry *e = tlb_way0(&tlb[access & ACCESS_EXEC ? 1 : 0], va);
    FUZZ_HOLDS(e->valid && e->page == (va & PAGE_MASK) && e->frame == (x->at.v & PAGE_MASK));
    for (unsigned kind = 0; kind < 4; kind++) {
        if (e->tag[kind] == TLB_NO_TAG) continue;
        FUZZ_HOLDS(e->tag[kind] == e->page && e->host == ram + e->frame);
        FUZZ_HOLDS(walk_allows(e->pte, kind, mmu.cr0));
        if (kind & ACCESS_WRITE) FUZZ_HOLDS((e->pte & PTE_D) && !(bus_marks(&bus, hpa(e->frame)) & FRAME_CODE));
    }
}

/* After a walk: accessed in every entry used, dirty in the last one, if they lie in memory. */
static void check_bits(const struct verdict *v, unsigned access)
{
    for (unsigned n = 0; n < v->entries; n++) {
        uint64_t at = v->entry[n] & mmu.a20;
        if (v->entry[n] >> 32 || at + 4 > RAM) continue;
        FUZZ_HOLDS(memory(at, 4) & PTE_A);
        if (n + 1 == v->entries && (access & ACCESS_WRITE)) FUZZ_HOLDS(memory(at, 4) & PTE_D);
    }
}

static void check_probe(uint32_t va, unsigned access, const struct verdict *v)
{
    struct xlat x;
    struct fault f = { 0 };
    bool ok = mmu_probe(&mmu, gva(va), access, &x, &f);
    FUZZ_HOLDS(ok == !v->fault);
    if (!ok) FUZZ_HOLDS(f.vector == PAGING_VECTOR && f.has_code && f.code == v->code && f.addr == va);
    else FUZZ_HOLDS(x.absent == v->absent && (x.absent || x.at.v == v->at));
}

static void access_once(uint32_t va, unsigned access)
{
    struct verdict v = judge(va, access);
    struct xlat x;
    struct fault f = { 0 };
    check_probe(va, access, &v);
    bool ok = mmu_translate(&mmu, gva(va), access, &x, &f);
    struct latest *l = latest_of(va, access & ACCESS_EXEC, ok);
    if (!ok) { /* never from the TLB alone */
        FUZZ_HOLDS(v.fault && f.vector == PAGING_VECTOR && f.has_code && f.code == v.code && f.addr == va);
        forget_page(va);
        return;
    }
    if (x.tlb_hit) {
        FUZZ_HOLDS(untold || (l && l->valid));
        if (l && l->valid) FUZZ_HOLDS(l->absent == x.absent && (l->absent || l->frame == (x.at.v & PAGE_MASK)));
    } else {
        FUZZ_HOLDS(!v.fault && x.absent == v.absent && (x.absent || x.at.v == v.at));
        check_bits(&v, access);
        if (l) *l = (struct latest){ va / PAGE_SIZE, x.at.v & PAGE_MASK, v.span, true, x.absent, v.global };
    }
    check_host(&x, access);
    check_way(va, access, &x);
}

/* ---- what an input says ---- */

/* Tables for one page where the mode's walk will look, with the frame and the bits of the input. */
static void map(uint32_t va, uint8_t table, uint32_t bits, uint32_t frame, uint32_t high)
{
    bool wide = mmu.cr4 & PAGING_CR4_PAE;
    uint32_t top = wide ? (uint32_t)mmu.pdpte[va >> 30] & PAGE_MASK : mmu.cr3 & PAGE_MASK;
    uint32_t up = wide ? top + (va >> 21 & 511) * 8 : top + (va >> 22) * 4;
    uint32_t down = (uint32_t)(table % FRAMES) << 12;
    uint32_t low = down + (wide ? (va >> 12 & 511) * 8 : (va >> 12 & 1023) * 4);
    bus_write(&bus, hpa(up), 4, bits & PTE_PS ? frame | (bits >> 16 & 0xFFF) : down | (bits >> 16 & 0xFFF));
    bus_write(&bus, hpa(low), 4, frame | (bits & 0xFFF));
    if (!wide) return;
    bus_write(&bus, hpa(up + 4), 4, bits & PTE_PS ? high : 0);
    bus_write(&bus, hpa(low + 4), 4, high);
}

static uint32_t some_page(struct fuzz_input *in)
{
    static const uint32_t pages[] = { 0, 0x1000, 0x3FF000, 0x400000, 0x7FFFF000u, 0x80000000u, 0xC0010000u, 0xFFFFF000u };
    uint8_t n = fuzz_u8(in);
    return n & 0x80 ? fuzz_u32(in) : pages[n & 7] + ((uint32_t)(n >> 3) << 16) + (n & 0x40 ? 0xFFF : 0);
}

static void paging(uint8_t bits, uint32_t cr3)
{
    uint32_t cr0 = (bits & 1 ? PAGING_CR0_PG : 0) | (bits & 2 ? PAGING_CR0_WP : 0);
    uint32_t cr4 = (bits & 4 ? PAGING_CR4_PSE : 0u) | (bits & 8 ? PAGING_CR4_PAE : 0u) | (bits & 16 ? PAGING_CR4_PGE : 0u);
    if ((cr4 & PAGING_CR4_PAE) && !mmu_pdptes(&mmu, cr3, &(struct fault){ 0 })) return;
    forget(((mmu.cr0 ^ cr0) & PAGING_CR0_PG) || mmu.cr4 != cr4);
    mmu_paging(&mmu, cr0, cr3, cr4);
    mmu_flush(&mmu, false);
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    uint32_t at;
    switch (what & 15) {
    case 0: /* one entry */
        at = (fuzz_u32(in) & ~3u) % RAM;
        bus_write(&bus, hpa(at), 4, fuzz_u32(in));
        break;
    case 1: case 2: {
        uint32_t va = some_page(in), bits = fuzz_u32(in), frame = (uint32_t)fuzz_u8(in) << 12;
        uint32_t high = what & 0x20 ? fuzz_u8(in) : 0;
        if (what & 0x40) frame |= fuzz_u32(in) & PAGE_MASK;
        map(va, what >> 4, bits, frame, what & 0x80 ? high << 24 : high);
        break;
    }
    case 3: paging(fuzz_u8(in), (uint32_t)(fuzz_u8(in) % (FRAMES + 1)) << 12 | (what & 0xE0)); break;
    case 4:
        at = some_page(in);
        forget_page(at);
        mmu_invlpg(&mmu, gva(at));
        break;
    case 5: forget(what & 16), mmu_flush(&mmu, what & 16); break;
    case 6:
        if ((mmu.a20 == UINT32_MAX) != !!(what & 16)) forget(true);
        mmu_a20(&mmu, 0, what & 16);
        break;
    case 7:
        at = (uint32_t)(fuzz_u8(in) % FRAMES) << 12;
        bus_mark(&bus, hpa(at), FRAME_CODE);
        mmu_drop_write_tags(&mmu, at >> 12);
        break;
    case 8: mmu.direct = what & 16, forget(true), mmu_flush(&mmu, true); break;
    default: access_once(some_page(in), what >> 4 & 4 ? ACCESS_EXEC | (what >> 4 & 2) : what >> 4 & 3); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    world();
    paging(fuzz_u8(&in), PAGE_SIZE);
    for (unsigned n = 0; fuzz_left(&in) && n < STEPS; n++) step(&in);
    return 0;
}

/* Per mode: a directory in frame 1 (with PAE: pointers there, directories in 2 to 5), a few pages, and every access. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint8_t modes[] = { 0, 1, 3, 5, 7, 0x17, 0x1F, 0x0B };
    struct fuzz_seed s = { to, 0, room };
    if (n >= 4 * sizeof modes) return 0;
    uint8_t mode = modes[n / 4];
    fuzz_put8(&s, mode & ~8u);
    for (unsigned k = 0; (mode & 8) && k < 4; k++) {
        fuzz_put8(&s, 0);
        fuzz_put32(&s, PAGE_SIZE + 8 * k);
        fuzz_put32(&s, (2 + k) << 12 | 1);
    }
    fuzz_put8(&s, 3), fuzz_put8(&s, mode), fuzz_put8(&s, 1);
    for (unsigned page = 0; page < 8; page++) {
        fuzz_put8(&s, 0x61 + (page << 4 & 0x10)), fuzz_put8(&s, page);
        fuzz_put32(&s, 0x70007u | (n & 1 ? 0x800080u : 0) | (page & 2 ? 0x100 : 0) | (n & 2 ? 0 : 0x60) | (page == 5 ? 0x20000 : 0));
        fuzz_put8(&s, 8 + page), fuzz_put8(&s, 0);
        fuzz_put32(&s, n & 1 ? page << 22 : 0);
        for (unsigned kind = 0; kind < 5; kind++) fuzz_put8(&s, kind << 4 | 15), fuzz_put8(&s, page);
        fuzz_put8(&s, 15), fuzz_put8(&s, page | 1 << 3); /* the same large page elsewhere */
        if (page & 1) fuzz_put8(&s, 4), fuzz_put8(&s, page), fuzz_put8(&s, 15), fuzz_put8(&s, page | 1 << 3);
    }
    fuzz_put8(&s, 5);
    fuzz_put8(&s, 0x3F), fuzz_put8(&s, 0);
    return s.n;
}
