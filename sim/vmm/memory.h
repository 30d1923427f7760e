/* Machine memory between virtual machines: who has which frame, and where more come from when there are none.
 *
 *   guest-physical page   ->   here (a frame, its own or shared) | never stored to | in the balloon | swapped out
 *
 * Idea 1: the machine may have less memory than its VMs together believe in. A page gets a frame when it is needed first
 * (bus_own), so frames lie anywhere; what was never stored to has none.
 * Idea 2: a page changes its frame in one way only: nothing leads to the old one any more (mmu_strategy.unmap), then the map says
 * something else, and the next access finds out by a hidden fault or violation. Pages that the hypervisor watches (page tables,
 * descriptor tables, translated code) stay where they are.
 * Idea 3: frames that nobody has are filled with zeros when they are given back, so that no VM ever sees another's bytes.
 *
 * Ways to get a frame back, best first: pages with the same bytes share one (memory_share.c), the guest is asked for pages it can
 * spare (balloon.c), the hypervisor takes any (memory_swap.c). Who has to give is decided by shares per page, where idle pages
 * cost more (memory_policy.c). Waldspurger, OSDI 2002.
 *
 * Not modelled: large pages, NUMA, reservations; the swap area's medium is kept behind machine memory, where no table leads.
 * TOUR vmm.15: memory that they share. */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include "sim/core/bus.h"
#include "sim/vmm/setting.h"

struct vm;
struct vmm;

#define MEMORY_NONE UINT32_MAX

enum page_state { PAGE_NEW /* reads as zeros */, PAGE_HERE, PAGE_BALLOON, PAGE_SWAPPED };

struct memory_page {
    uint32_t hint;          /* entry of the table of contents that is about it, or MEMORY_NONE */
    uint32_t slot;          /* PAGE_SWAPPED: frame of the swap area */
    uint8_t  state;         /* enum page_state */
    bool     sampled;       /* nothing leads to it until it is accessed: then it is not idle */
};

/* What a VM has, and what was done to it. */
struct memory_counts {
    uint32_t here, ballooned, swapped; /* pages now, by state */
    uint32_t shared;        /* of those here: on a frame of several */
    uint32_t target;        /* pages that its balloon should have */
    uint32_t active;        /* thousandths of its pages that are in use, as sampled */
    uint64_t shares, unshares;         /* pages that went on a shared frame; that a store took off */
    uint64_t locked, unlocked, refused;/* pages that the driver gave, took back, gave in vain */
    uint64_t swaps_out, swaps_in;
};

struct memory_vm {
    struct vm *vm;
    struct memory_page *page;
    uint32_t pages, share;  /* its memory in pages; what it has a right to beside the others' (vm.N.shares) */
    uint32_t sampled, touched; /* pages of the sample; of these, accessed so far */
    uint32_t victim;        /* where the next page to swap is looked for */
    bool     driver;        /* its guest has a balloon driver */
    struct memory_counts count;
};

/* Of a machine frame. */
struct memory_frame {
    uint32_t refs;          /* pages that are on it; 0: free */
    uint32_t entry;         /* shared: its entry in the table of contents */
};

/* The table of contents: what is known to be in shared frames, and what was seen in pages of one VM (a hint). */
struct memory_entry {
    uint64_t hash;
    uint32_t what;          /* the frame, or the page */
    uint32_t next;          /* in its bucket; free entries */
    uint8_t  vm;            /* of a hint; MEMORY_SHARED */
};
enum { MEMORY_SHARES = 1000 /* a VM's, unless told otherwise */, MEMORY_SHARED = 255, MEMORY_RECENT = 32, MEMORY_SAMPLE = 100 };

/* How little is free; the enum type "reclaim" of EV_RECLAIM. Thresholds in percent: memory_policy.c */
enum reclaim { RECLAIM_HIGH, RECLAIM_SOFT, RECLAIM_HARD, RECLAIM_LOW, RECLAIM_STATES };
const char *reclaim_name(unsigned state);
void memory_names(void);

struct memory {
    bool     managed;       /* else each VM has all its frames from the start, and all of this is unused */
    struct vmm *vmm;
    uint32_t first, frames; /* machine frames that are the VMs' memory */
    uint32_t swap_first, swap_frames; /* those that are the swap area's medium */
    struct memory_frame *frame;
    uint32_t *free, free_n;           /* a stack of frames */
    uint32_t *slot, slots;            /* likewise, of the swap area */
    struct memory_entry *entry;
    uint32_t *bucket, buckets, free_entry;
    struct { uint32_t page; uint8_t vm; } recent[MEMORY_RECENT]; /* an instruction may need them at once: not to be swapped now */
    uint32_t recent_n;
    uint64_t next, next_sample;       /* cycles at which something is to be done */
    uint64_t random;
    uint32_t scan_vm, scan_page;      /* the scanner's place */
    uint8_t  state;                   /* enum reclaim */
    uint32_t shared_frames, least_free;
    uint64_t scanned, compared, scrubbed, in_state[RECLAIM_STATES], since;
};

/* What a machine's memory is to be: frames, and those behind them for the swap area. */
struct memory_plan { uint32_t first, frames, swap; };
void memory_init(struct memory *m, struct vmm *h, const struct memory_plan *plan);
/* A VM's memory: no page has a frame yet. */
void memory_add(struct memory *m, struct vm *vm, uint32_t shares);
/* The page needs a frame, with `write` one of its own: what hidden faults and violations are resolved with. Keeps it from being
 * swapped for a while. False: there is none, and the VM has ended. */
bool memory_need(struct vm *vm, uint32_t page, bool write);
/* Gives a page's frame back, scrubbed; its content is lost, its state is `to`. False: the page is watched. */
bool memory_drop(struct memory_vm *v, uint32_t page, enum page_state to);
/* The periodic part, in between exits: scanner, samples, states, targets. */
void memory_tick(struct vmm *h);
/* The cycle of the next one; TIMEQ_NEVER. */
uint64_t memory_deadline(const struct vmm *h);
/* For tests: counts, free frames, contents agree. If not, the first thing that does not, in `why`. */
bool memory_check(const struct memory *m, char *why, unsigned room);
/* Pages that VMs have beyond what frames they are on: what sharing saves. */
uint32_t memory_saved(const struct memory *m);

/* A page's bytes wherever it is: on a frame, in the swap area, or zeros. For saving; costs nothing and changes nothing. */
const uint8_t *memory_look(const struct vm *vm, uint32_t page);
/* Before the VM starts: no page has anything; then, page by page, what it holds (false: there is no frame, not even by swapping), and that it is
 * in the balloon (false: it is something else, or there is no such page). */
void memory_forget(struct vm *vm);
bool memory_put(struct vm *vm, uint32_t page, const uint8_t *bytes);
bool memory_ballooned(struct vm *vm, uint32_t page);

/* ---- inside */
/* A frame with refs 1 and zeros; MEMORY_NONE: there is none. */
uint32_t memory_take(struct memory *m);
void memory_release(struct memory *m, uint32_t frame);
void memory_charge(const struct memory *m, uint64_t references);
const uint8_t *memory_bytes(const struct memory *m, uint32_t frame);
struct memory_vm *memory_of(const struct memory *m, unsigned vm);
/* Nothing leads to the page's frame from here on; false: it is watched. */
bool memory_unmap(struct memory_vm *v, uint32_t page);
uint32_t memory_random(struct memory *m, uint32_t below);

void memory_share_init(struct memory *m);
void memory_scan(struct memory *m, uint32_t pages);                     /* goes on through all VMs' pages */
void memory_forget_hint(struct memory *m, struct memory_page *p);       /* what was known of it is no longer true */
bool memory_unshare(struct memory_vm *v, uint32_t page);                /* a store to a shared frame */
void memory_leave(struct memory_vm *v, uint32_t page);                  /* the page leaves its frame, which goes with the last */
bool memory_is_shared(const struct memory *m, uint32_t frame);

bool memory_swap_out(struct memory *m);                                 /* one page of whoever has to give; false: none can go */
void memory_swap_in(struct memory_vm *v, uint32_t page, uint32_t frame);/* its content comes to the frame */

/* The VM that has the fewest shares per page of `have`, and may lose one; NULL: none may. memory_policy.c */
struct memory_vm *memory_poorest(const struct memory *m, const uint32_t have[]);
/* What a page costs, idle ones taxed: 1000 * 100 * (f + k (1 - f)) (1 - tax), with f = active / 1000, k = 1 / (1 - tax). */
uint32_t memory_price(uint32_t active, uint32_t tax);

/* The backdoor port that a balloon driver speaks to. balloon.c */
bool balloon_attach(struct vm *vm, struct err *e);

#endif
