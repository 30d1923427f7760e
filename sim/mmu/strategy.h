/* How a VM's addresses are translated: one complete const struct per technique, in an explicit array.
 *
 * The hypervisor (vmm) owns a struct vmmu per vCPU, tells it what the guest does to its paging registers, and asks it
 * about page faults. The strategy keeps tables in machine memory that the hardware MMU walks.
 * TOUR mmu.5: what the hypervisor asks of whoever translates for a guest. */
#ifndef MMU_STRATEGY_H
#define MMU_STRATEGY_H

#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/core/err.h"
#include "sim/core/outcome.h"
#include "sim/core/tlb.h"
#include "sim/trace/trace.h"

/* What a page fault of a deprivileged guest was. */
enum mmu_answer {
    MMU_RETRY,   /* hidden fault: an entry was filled or corrected; run the instruction again */
    MMU_REFLECT, /* true fault: the guest's own tables refuse; *f is what its handler must see (code, address) */
    MMU_TRACED,  /* a store to a frame under write trace: emulate the instruction, then call wrote() for its stores */
    MMU_NO_RAM,  /* legal mapping, but nothing (or a device) is behind it: emulate the access */
    MMU_FULL,    /* could not make room for a table: the VM cannot go on */
};

/* What a person can choose about shadow tables (sim/vmm/setting.def). */
struct vmmu_choice {
    bool cache;                 /* keep roots and tables across the guest's CR3 loads */
    bool trace;                 /* write-trace the guest's page tables; without, shadows are a TLB in memory. cache and eager need it */
    bool eager;                 /* a traced store that makes a guest entry present fills its shadow entry */
    uint32_t pool;              /* frames for tables, of those there are; 0: all */
    bool large;                 /* two-level: map 2 MB in one entry where that is all RAM */
    uint32_t second_pool;       /* two-level: frames for tables */
    uint32_t agile_writes;      /* agile: stores to a table in a period that make it the guest's own; 0: none do */
    uint64_t agile_period;      /* agile: cycles, after which tables that were not stored to are shadowed again; 0: they stay */
};

/* What hardware with a second level of tables is to be told. */
struct vmmu_second {
    uint32_t root;              /* machine address */
    uint8_t  levels;
    bool     has_identity;      /* the tables show PAE tables that map every linear address to itself: for a guest without paging */
    uint64_t identity[4];       /* PDPTEs of them */
    bool     changes;           /* agile paging: what comes next can be another thing whenever the guest is left to */
    bool     agile;             /* the walk begins in shadows: hardware's CR3 is `shadows`, and the guest's loads must leave */
    uint32_t shadows;           /* machine address, perhaps with PTE_SWITCH */
    bool     has_pdpte;         /* the shadows of a guest with PAE: these four name them, perhaps with PTE_SWITCH, instead */
    uint64_t pdpte[4];
};

struct vmmu_registers { uint32_t cr0, cr3, cr4; uint64_t pdpte[4]; };

/* Everything a strategy may use. Filled by vmm before attach. */
struct vmmu_env {
    struct arena *arena;
    struct bus   *machine;      /* the board's bus: shadow tables are frames of it */
    struct bus   *guest;        /* the VM's bus: guest-physical -> machine, guest page tables are read and A/D set here */
    struct clock *clock;
    const struct model *model;
    struct trace *trace;        /* NULL: silent */
    struct timeq *timers;       /* run whenever the hypervisor has control; NULL: there are none */
    void        **common;       /* what the strategies of all VMs of a machine share: made by the first that needs it */
    uint8_t       vm;           /* its number among them */
    uint32_t      window;       /* linear address from which the hypervisor's window begins (4 MB aligned; top of the space); 0: none */
    uint32_t      window_pde;   /* the PDE that maps it (supervisor, global): copied into every root */
    uint32_t      first, frames; /* machine frames that are the VM's: tables and guest memory lie in them, and lead to no others */
    uint32_t      pool_first, pool_frames; /* machine frames the strategy may use for tables */
    uint32_t      memory_first, memory_frames; /* machine frames that are, or may become, the guest's memory: those of no other VM */
    uint32_t device_page, device_frame; /* a device's page that is mapped all the same, to a machine frame for which hardware leaves; 0: none */
    struct vmmu_choice choice;
    const uint64_t *pdpte;      /* the guest's four, as loaded last; for a guest with PAE */
    /* An access to this page of the guest's is about to be let through: see to a frame behind it (bus_own). NULL: all have
     * theirs. */
    bool        (*own)(void *self, gpa_t page, bool write);
    /* For looking: the guest's paging registers as they are at this moment, wherever that is; hardware may hold them. NULL:
     * they are what `paging` was told last. */
    void        (*registers)(const void *self, struct vmmu_registers *to);
    void        (*invlpg)(void *self, gva_t at);          /* flush one translation of the hardware TLB, charged by vmm */
    void        (*flush)(void *self);                     /* flush the hardware TLB (not the global window), charged by vmm */
    void         *self;
};

struct mmu_strategy;
struct vmmu {
    const struct mmu_strategy *ops;
    struct vmmu_env env;
    void *state;                /* in the arena */
    uint32_t cause;             /* trace id of the exit being handled */
};

struct vmmu_stats { /* counts since attach */
    uint64_t hidden, true_, traced, filled, dropped;
    uint64_t eager;             /* of those filled: on a store, before any access */
    uint64_t tables, tables_peak, pool; /* frames in use for tables, the most so far, all there are */
    uint64_t evicted, released; /* tables given up for want of room; because the guest no longer uses the page as a table */
    uint64_t switches;          /* loads of CR3 that dropped all shadows */
    uint64_t rebuilt;           /* all shadows dropped because the reverse map was full */
    uint64_t nested, renewed;   /* agile: tables that became the guest's own; that are shadowed again */
    uint64_t unhooked, rehooked; /* direct: tables taken out of their directory for many stores; put back */
    uint64_t own, own_peak;     /* agile: tables that are the guest's own now, and at most */
};

struct mmu_strategy {
    const char *name, *about;
    bool  (*attach)(struct vmmu *m, struct err *e);
    /* The guest's paging registers are now these (after MOV CR0/CR3/CR4, reset). Returns the machine address to load into
     * the real CR3; the caller loads it (which flushes) if `*flush` comes back true or the address changed. */
    hpa_t (*paging)(struct vmmu *m, uint32_t cr0, uint32_t cr3, uint32_t cr4, bool *flush);
    /* A real #PF at `at` with hardware error code `code`; `kernel`: the guest was in its kernel (virtual ring 0..2). */
    enum mmu_answer (*fault)(struct vmmu *m, gva_t at, uint32_t code, bool kernel, struct fault *f);
    /* With a second level of tables, which the hardware walks; NULL: there is none. What they refused: as for `fault`, but never
     * MMU_REFLECT. */
    bool  (*second)(const struct vmmu *m, struct vmmu_second *s);
    enum mmu_answer (*violation)(struct vmmu *m, const struct fault *f);
    void  (*invlpg)(struct vmmu *m, gva_t at);                       /* the guest executed INVLPG */
    /* A guest store to a traced frame was just emulated; also after vmm's own stores to guest memory (frames it pushes, DMA),
     * which no write trace sees. The bytes are consecutive in guest-physical memory: a store across pages is two calls. */
    void  (*wrote)(struct vmmu *m, gpa_t at, unsigned size);
    void  (*trace)(struct vmmu *m, gpa_t frame, bool on);            /* write-trace a frame on behalf of vmm (descriptor tables) */
    bool  (*traced)(const struct vmmu *m, gpa_t at);                 /* would a store to this frame be MMU_TRACED? NULL: unknown */
    /* The page is to have another frame, or none: nothing leads to the one it has any more, neither tables nor TLB. False: it
     * cannot be had, for stores to it are traced, or the table in use was made from it. NULL: frames stay where they are. */
    bool  (*unmap)(struct vmmu *m, gpa_t page);
    /* Frames were marked FRAME_SHARED: no page on one can be stored to any more without a hidden fault or a violation. NULL:
     * there is no such way. */
    void  (*protect)(struct vmmu *m);
    void  (*stats)(const struct vmmu *m, struct vmmu_stats *s);
    /* For tests: does all hold that the strategy promises? If not, the first thing that does not, in `why`. NULL: others
     * check it. */
    bool  (*check)(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room);
    /* Likewise, but only what changed since the last time and a piece of the rest: cheap enough for every visit. NULL: all is
     * cheap, or nobody knows what changed. */
    bool  (*check_some)(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room);
    /* For views: the entries the hardware would read for `at` (x->ref), by walking this strategy's tables; no effects. */
    bool  (*probe)(const struct vmmu *m, gva_t at, unsigned access, struct xlat *x);
};
extern const struct mmu_strategy *const mmu_strategies[]; /* null-terminated, in teaching order */

#endif
