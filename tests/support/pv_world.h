/* A machine with the guest pvtest, stopped when it has done its good deeds; hypercalls are made in its place, as in a visit. */
#ifndef SUPPORT_PV_WORLD_H
#define SUPPORT_PV_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

enum { PAGES = 24 /* that lie behind the image, for play */, DESK = 4 /* more, from which requests are made */, RAM = 8 };

struct world {
    struct machine *m;
    struct paravirt *p;
    uint32_t base, root, first; /* linear: of the image, its directory; pseudo-physical page number of the first page for play */
};

/* A world of its own; machine_free(w.m) ends it. */
struct world world(void);
/* The invariants of the interface hold (pv_check), or the test fails; `when`: what was done last. */
void holds(const struct world *w, const char *when);
/* The machine frame of a pseudo-physical page, its linear address, and what the hypervisor counts of it. */
uint32_t mfn(const struct world *w, uint32_t pfn);
uint32_t va(const struct world *w, uint32_t pfn);
const struct direct_frame *frame(const struct world *w, uint32_t pfn);
/* A hypercall; stores to the guest's memory, which must be possible. */
int32_t call(struct world *w, uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d);
void put(struct world *w, uint32_t at, const void *from, uint32_t n);
/* How many frames it has, asked about by the number that means oneself. */
int32_t frames(struct world *w);
/* mmu_update with one entry, mmuext_op with one operation, update_va_mapping with INVLPG. */
int32_t update(struct world *w, uint32_t ptr, uint32_t val);
int32_t extended(struct world *w, uint32_t cmd, uint32_t arg1, uint32_t arg2);
int32_t map(struct world *w, uint32_t at, uint32_t entry);

#endif
