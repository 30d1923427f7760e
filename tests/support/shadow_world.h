/* A VM under shadow paging, or another strategy, without a CPU, and its twin on bare hardware, for the tests of sim/mmu.
 *
 * Idea: both have the same guest-physical memory. An access to the VM goes through a hardware MMU that walks the shadow
 * tables, and on a page fault through the strategy, as often as it says RETRY; an access to the twin goes through a
 * hardware MMU that walks the guest's own tables. Both must come to the same outcome and the same A and D bits.
 * With a second level of tables it is as under VMX: no window, and what the strategy leaves to the guest does not come to it. */
#ifndef TESTS_SHADOW_WORLD_H
#define TESTS_SHADOW_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/mmu/mmu.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/shadow.h"
#include "sim/mmu/strategy.h"
#include "sim/trace/trace.h"

enum {
    SW_MACHINE = 1024, SW_GUEST = 128, /* frames */
    SW_POOL = 512,                     /* first frame of the pool */
    SW_HOLE = 120, SW_DEVICE = 121,    /* guest frames: without RAM; a device's window over RAM */
};
#define SW_WINDOW 0xFFC00000u

struct sw_outcome { bool fault; uint32_t code, addr, value; };

/* A guest-physical memory on a machine of its own, and an MMU. */
struct sw_side {
    struct arena arena;
    struct clock clock;
    struct bus machine, guest;
    struct tlb dtlb, itlb;
    struct mmu mmu;
    uint8_t *ram;
};

/* Fills its window with `bits`: each 4 bytes read as bits | offset. */
struct sw_device { struct device device; uint32_t bits; };

struct shadow_world {
    struct sw_device device;       /* on both buses */
    struct model model;
    struct sw_side vm, twin;
    struct vmmu vmmu;
    struct timeq timers;
    uint32_t cr0, cr3, cr4;        /* the guest's */
    unsigned invlpgs, flushes;     /* asked for by the strategy */
    unsigned no_ram, traced;       /* answers that made the hypervisor emulate */
    unsigned own_faults;           /* page faults that came from hardware's walk of the guest's own tables */
    uint8_t  vmm_traces[SW_GUEST]; /* write traces asked for with sw_trace */
};

/* Of the next world. As by default: caching, traced, eager. */
extern struct vmmu_choice sw_choice;
extern const struct mmu_strategy *sw_strategy; /* NULL: shadow */

void sw_init(struct shadow_world *w, uint32_t pool_frames, struct trace *trace);
void sw_done(struct shadow_world *w);

/* The guest loads paging registers, on both sides. A load that changes neither CR0 nor CR4 is a MOV CR3. False: it gets #GP, for
 * with PAE a PDPTE has a reserved bit set. */
bool sw_paging(struct shadow_world *w, uint32_t cr0, uint32_t cr3, uint32_t cr4);
/* Both sides forget everything the architecture lets them cache. */
void sw_flush(struct shadow_world *w);
void sw_invlpg(struct shadow_world *w, uint32_t va);
void sw_trace(struct shadow_world *w, uint32_t gfn, bool on);

/* One access of 1, 2 or 4 bytes within a page; writes store `value`. */
struct sw_outcome sw_vm_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value);
struct sw_outcome sw_twin_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value);
/* On both sides; fails the test if they differ. */
struct sw_outcome sw_access(struct shadow_world *w, uint32_t va, unsigned access, unsigned size, uint32_t value);

/* A guest store to physical memory, on both sides; the VM's traps only if the frame is under write trace. */
void     sw_store(struct shadow_world *w, uint32_t at, unsigned size, uint32_t value);
uint32_t sw_load(struct shadow_world *w, uint32_t at); /* as the VM's memory is now */
uint32_t sw_frame(struct shadow_world *w, uint32_t gfn); /* machine frame of a guest frame */

/* Fails the test unless guest frames [first, first+n) are equal on both sides. */
void sw_same_memory(struct shadow_world *w, uint32_t first, uint32_t n);
/* Fails the test unless all that shadow.h promises of tables, reverse map and TLB holds now. */
void sw_check(struct shadow_world *w);
/* Likewise, of what changed since, and a piece of the rest. */
void sw_check_some(struct shadow_world *w);

#endif
