/* A CPU in a small world, for unit tests: 1 MiB of RAM on a bus, an identity "MMU", one interrupt line.
 *
 * Idea 1: linear address == machine address. Each of the first FAKE_PAGES pages has rights that a test may change
 * (fake_page); all other pages are present, writable, user, and have no RAM behind them (they read all ones).
 * Idea 2: the fake MMU fills the TLB as the real one does (way 0, tags, stale until flushed), so the fast paths of
 * the CPU are the ones under test. A/D bits, large pages, walks and their cycles do not exist here. */
#ifndef TESTS_FAKE_ENV_H
#define TESTS_FAKE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/cpu/cpu.h"
#include "sim/mmu/mmu.h"
#include "sim/trace/trace.h"

enum { FAKE_PAGES = 256, FAKE_RAM = FAKE_PAGES * PAGE_SIZE };
enum { FAKE_P = 1, FAKE_W = 2, FAKE_U = 4, FAKE_ALL = FAKE_P | FAKE_W | FAKE_U }; /* rights of a page, as in a PTE */
enum { FAKE_CODE = 0x1000, FAKE_DATA = 0x20000, FAKE_STACK = 0x80000 };           /* where fake_init points EIP, (nothing), ESP */

struct fake {
    struct cpu    cpu;
    struct arena  arena;
    struct clock  clock;
    struct model  model;       /* "p4" */
    struct timeq  timers;
    struct bus    bus;
    struct trace *trace;       /* a real one; cpu.trace points to it */
    struct mmu    mmu;         /* used after fake_caches */
    uint8_t      *ram;
    uint8_t       page[FAKE_PAGES]; /* FAKE_* rights */
    bool          direct;      /* hand out host pointers and fast tags (default true) */
    uint32_t      cr0, cr3, cr4;    /* as last told by env.paging */
    unsigned      translations, flushes, flushes_global, invlpgs, acknowledged; /* calls so far */
    uint32_t      invlpg_at;   /* argument of the last INVLPG */
    uint8_t       vector;      /* what acknowledge returns */
};

/* Wires everything and leaves the CPU as cpu_boot_flat does: ring 0, flat 4 GB segments (CS 08, data 10), paging off,
 * IF clear, EIP FAKE_CODE, ESP FAKE_STACK. `blocks`: with a block cache. Never fails (aborts the test instead). */
void fake_init(struct fake *f, bool blocks);
void fake_done(struct fake *f);

/* From now on the real MMU with page tables (in the last pages of RAM, as the rights of pages say) and the model's caches, with `rows`
 * set first ("l1d.kb", ...; up to a NULL). For MOV to CR0: fake_paging switches paging on again. */
struct fake_row { const char *name; uint32_t value; };
void fake_caches(struct fake *f, const struct fake_row *rows);
void fake_paging(struct fake *f, bool wp);
/* What differs between the caches and TLBs of two, or NULL. */
const char *fake_caches_differ(const struct fake *a, const struct fake *b);

void     fake_put(struct fake *f, uint32_t at, const void *bytes, size_t n); /* as a loader would: marks and listeners */
void     fake_put32(struct fake *f, uint32_t at, uint32_t value);
uint32_t fake_get32(const struct fake *f, uint32_t at);
uint16_t fake_get16(const struct fake *f, uint32_t at);
uint8_t  fake_get8(const struct fake *f, uint32_t at);
/* Changes the rights of the page at `at` and forgets its translation. */
void     fake_page(struct fake *f, uint32_t at, unsigned rights);
/* Raises the interrupt pin; it falls when the CPU acknowledges. */
void     fake_irq(struct fake *f, uint8_t vector);

#endif
