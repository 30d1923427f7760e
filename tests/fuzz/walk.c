/* Page tables out of the input, in a memory of 16 frames: walks stay in it, agree with the walk that has no effects, and what
 * the TLB says afterwards is what the tables said.
 *
 * Input: CR0, CR3, CR4 bits, then accesses of 6 bytes each, then the memory. */
#include "sim/core/arena.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { FRAMES = 16, ACCESSES = 12 };

struct world {
    struct arena arena;
    struct clock clock;
    struct model model;
    struct bus bus;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    uint8_t *ram;
};

static void open_world(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->ram = calloc(FRAMES, PAGE_SIZE);
    if (!w->ram || !arena_init(&w->arena, 1 << 20) || !model_find("p4", &w->model, NULL)) abort();
    w->clock.hz = w->model.hz;
    bus_init(&w->bus, w->ram, FRAMES, &w->clock, &w->arena);
    mmu_init(&w->mmu, &w->bus, &w->dtlb, &w->itlb, &w->clock, &w->model);
}

static void access_once(struct world *w, struct fuzz_input *in)
{
    gva_t at = gva(fuzz_u32(in));
    unsigned kind = fuzz_u8(in) % 6; /* read or write or fetch, by user or supervisor */
    unsigned access = (kind >> 1 == 0 ? ACCESS_READ : kind >> 1 == 1 ? ACCESS_WRITE : ACCESS_EXEC) | (kind & 1 ? ACCESS_USER : 0);
    struct xlat x, look;
    struct fault f = { 0 }, expected = { 0 };
    if (fuzz_u8(in) & 1) mmu_flush(&w->mmu, true);
    bool legal = mmu_translate(&w->mmu, at, access, &x, &f);
    if (legal && x.host) FUZZ_HOLDS(x.host >= w->ram && x.host < w->ram + FRAMES * PAGE_SIZE);
    if (!legal) {
        FUZZ_HOLDS(f.vector == PAGING_VECTOR && f.addr == at.v);
        FUZZ_HOLDS(!mmu_probe(&w->mmu, at, access, &look, &expected) && expected.code == f.code);
    }
    mmu_flush(&w->mmu, true);
    bool now = mmu_probe(&w->mmu, at, access, &look, &expected);
    FUZZ_HOLDS(now == mmu_translate(&w->mmu, at, access, &x, &f));
    FUZZ_HOLDS(now ? look.at.v == x.at.v : expected.code == f.code);
    FUZZ_HOLDS(clock_check(&w->clock));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    struct fuzz_input in = { data, data + size };
    open_world(&w);
    uint32_t cr0 = 1u | (fuzz_u8(&in) & 1 ? PAGING_CR0_WP : 0) | PAGING_CR0_PG;
    uint32_t cr4 = fuzz_u8(&in) & (PAGING_CR4_PSE | PAGING_CR4_PGE | 0x20);
    uint32_t cr3 = fuzz_u32(&in) & (FRAMES * PAGE_SIZE - 1);
    struct fuzz_input accesses = in;
    for (unsigned k = 0; k < ACCESSES * 6; k++) (void)fuzz_u8(&in);
    for (size_t k = 0; fuzz_left(&in) && k < FRAMES * PAGE_SIZE; k += 4) { /* every 64th entry first, so that short inputs reach far */
        uint32_t entry = fuzz_u32(&in);
        memcpy(w.ram + (k * 64 + k / (FRAMES * 64) * 4) % (FRAMES * PAGE_SIZE), &entry, sizeof entry);
    }
    mmu_paging(&w.mmu, cr0, cr3, cr4);
    for (unsigned k = 0; k < ACCESSES; k++) access_once(&w, &accesses);
    arena_done(&w.arena);
    free(w.ram);
    return 0;
}
