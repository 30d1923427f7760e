/* Shadow paging, inside: tables from virtual to machine addresses that the hypervisor keeps and the hardware walks.
 *
 *   guest tables   VA -> GPA     what the guest wrote; its A and D bits must behave as on hardware
 *   frame map      GPA -> MA     struct bus of the VM
 *   shadow tables  VA -> MA      the composition, computed one entry at a time when a fault asks for it
 *
 * Idea 1: a shadow entry may always be missing or too strict (a hidden fault mends it), never too generous. So nearly
 * every repair is "drop it"; an entry is present only if the guest's entry is accessed, writable only if it is dirty.
 * Idea 2: shadows stay true across context switches because every guest frame they were computed from is
 * write-protected: the guest's stores to it trap, are emulated, and followed (wrote).
 * That is the caching design, the default. With choice.cache off all shadows go at each load of CR3. With choice.trace off, too,
 * nothing is write-protected: shadows are a TLB in memory, stale until the guest flushes as the manual tells it to.
 * Idea 3: "which shadow entries point to this frame?" is one question with one answer, the reverse map. It finds the
 * mappings to write-protect when a frame becomes a table, and (for frames of the pool) a table's own parents.
 *
 * Frames are machine frames everywhere in here, also those of guest tables. Before the frame map changes, nothing may lead to the
 * frame a page had (shadow_unmap.c); frames that tables were made from are never shared, nor taken away. Not modelled: two VMs
 * sharing a pool. AA06 3, KVM07 4, AGE10.
 * TOUR mmu.6: shadow tables: what hardware walks instead of the guest's own. */
#ifndef MMU_SHADOW_H
#define MMU_SHADOW_H

#include "sim/core/tlb.h"
#include "sim/mmu/pte.h"
#include "sim/mmu/strategy.h"
#include "sim/mmu/walk.h"

#define SHADOW_NONE UINT32_MAX

enum shadow_kind {
    SHADOW_FREE,
    SHADOW_ROOT,  /* for a guest page directory (frame), or for a CR3 without RAM behind it (SHADOW_NONE) */
    SHADOW_FLAT,  /* the root while the guest has paging off; one that nobody walks, where there are four (struct shadow.wide) */
    SHADOW_TABLE, /* for a guest page table (frame) seen through a directory entry with these rights */
    SHADOW_LARGE, /* a 4 MB page splintered: for directory (frame, SHADOW_NONE: flat) and its entry `slot` */
    SHADOW_PAE_ROOT, /* for four page directories of PAE (s->pdpt), each worth a quarter of it */
    SHADOW_PAE,   /* for entries 2 * slot and 2 * slot + 1 of a PAE directory (frame), 2 MB each: two halves (s->half) */
    SHADOW_SLOT,  /* without write traces: a part of a TLB in memory, for the addresses of directory entry `slot` */
};

/* What the frame pool_first + i holds. */
struct shadow_table {
    uint8_t  kind;    /* enum shadow_kind */
    uint8_t  rights;  /* SHADOW_TABLE: PTE_W, PTE_U of the guest's directory entry; they are merged into every entry, so
                       * that a single entry can be made supervisor-writable while the guest runs with CR0.WP clear */
    uint32_t frame, slot;
    uint32_t next;    /* next table made from the same frame; next free one */
    uint32_t writes;  /* guest stores followed since it was last used */
    bool     splinters; /* SHADOW_SLOT: some entry is a piece of a large page */
    uint64_t used;    /* s->tick of the last use */
};

/* Half of a SHADOW_PAE table: 512 entries made from a PAE page table, or from a 2 MB page. A table in machine memory has 32-bit
 * entries whatever the guest's have: machine memory ends at 4 GB. */
struct shadow_half {
    uint32_t frame;   /* of the page table; SHADOW_NONE: a 2 MB page, or not used */
    uint32_t next;    /* next half made from the same frame: 2 * table + half */
    uint8_t  rights;  /* PTE_W, PTE_U of the directory's entry */
    bool     used, large;
};

/* One entry of the reverse map: `where` is table << 10 | slot. Lists end with SHADOW_NONE. */
struct shadow_link { uint32_t where, next; };

/* Per machine frame of the VM's. */
struct shadow_frame {
    uint32_t links;   /* shadow entries that point to it */
    uint32_t tables;  /* shadow tables made from it: it is a guest page table, stores to it are traced */
    uint32_t halves;  /* likewise those halves of PAE tables that were made from it: 2 * table + half */
    uint32_t traces;  /* how often vmm asked for a write trace */
};

/* Agile paging (agile.h), if that is whose half this is: which frames are tables that the hardware walks as the guest's own,
 * so that no shadow is made of them; and who else must keep the guest from storing to a frame that is under write trace. */
struct shadow_agile {
    bool (*own)(const void *self, uint32_t frame);
    void (*protect)(void *self, uint32_t frame);
    void *self;
};

/* What changed since shadow_check_some looked last. What does not fit is looked at with all the rest. */
enum { SHADOW_LOG = 64 };
struct shadow_log {
    uint32_t n, stores;            /* of entries made present; of guest stores followed. More than SHADOW_LOG: not all are here */
    uint32_t where[SHADOW_LOG];    /* table << 10 | slot */
    struct { uint32_t frame, slot; } store[SHADOW_LOG];
    uint32_t next;                 /* the quarter of a table whose turn it is */
};

struct shadow {
    const struct vmmu_env *env;
    const struct shadow_agile *agile; /* NULL: nobody is */
    uint32_t pool;           /* tables there may be */
    uint32_t cr0, cr3, cr4;  /* the guest's */
    uint32_t root;           /* the table CR3 names, index */
    bool     wide;           /* agile, a guest with PAE: tables have 512 entries of 8 bytes, as its own have, and PDPTEs name their roots */
    uint32_t quarter[4];     /* wide: those that are in use, SHADOW_NONE: none; the same directory may be there twice */
    struct shadow_table *table;
    struct shadow_frame *frame;
    struct shadow_link  *link;
    struct shadow_half  *half;     /* two per table */
    uint32_t (*pdpt)[4];           /* of a SHADOW_PAE_ROOT: machine frames of its directories, SHADOW_NONE: none */
    uint32_t roots;                /* PAE roots made so far: a number tells them apart */
    uint32_t loose;          /* tables that are made from no frame */
    uint32_t free_table, free_link, free_links;
    uint32_t wp_off;         /* entries that exist only because CR0.WP is clear */
    uint32_t stale;          /* translations under the current root that lost rights: 0, 1 (stale_at), 2 or more */
    gva_t    stale_at;
    struct shadow_log log;
    uint64_t tick;
    bool held;               /* shadow_taught.c: loads of CR3 drop nothing */
    uint8_t space;           /* likewise: whose tables are in use; 0 where nobody chose */
    struct vmmu_stats stats;
};

/* Does the hardware begin its walks in this table? */
static inline bool shadow_current(const struct shadow *s, uint32_t t)
{
    const uint32_t *q = s->quarter;
    return t == s->root || (s->wide && (t == q[0] || t == q[1] || t == q[2] || t == q[3]));
}
/* That of an address (SHADOW_NONE: none), and the slots there and in a table below. */
static inline uint32_t shadow_top(const struct shadow *s, gva_t at) { return s->wide ? s->quarter[at.v >> 30] : s->root; }
static inline uint32_t shadow_top_slot(const struct shadow *s, gva_t at) { return s->wide ? at.v >> PAE_PDE_SHIFT & (PAE_SLOTS - 1) : pde_slot(at.v); }
static inline uint32_t shadow_low_slot(const struct shadow *s, gva_t at) { return pte_slot(at.v) & (s->wide ? PAE_SLOTS - 1 : PTE_SLOTS - 1); }

static inline struct shadow_frame *shadow_frame(const struct shadow *s, uint32_t frame) { return &s->frame[frame - s->env->first]; }

enum { SHADOW_WP_OFF = 1u << 9 }; /* in an entry's AVL bits: the guest's R/W bit forbids what the entry permits */

/* `times` of that cost, to CAUSE_SHADOW. Is table t one that CR3 can name? */
void shadow_charge(const struct shadow *s, enum cost c, uint64_t times);
bool shadow_is_root(const struct shadow *s, uint32_t t);

/* ---- shadow_table.c: the pool, and single entries */
/* Empties the pool: free lists, no tables. */
void     shadow_pool_init(struct shadow *s);
/* The table with this key, or SHADOW_NONE. `rights` only tells SHADOW_TABLEs apart. */
uint32_t shadow_find(const struct shadow *s, enum shadow_kind kind, uint32_t frame, uint32_t slot, uint32_t rights);
/* Finds or makes it, evicting the least recently used table if need be; never the current root. SHADOW_NONE: no room.
 * A new table's guest frame comes under write protection. */
uint32_t shadow_obtain(struct shadow *s, enum shadow_kind kind, uint32_t frame, uint32_t slot, uint32_t rights);
void     shadow_free(struct shadow *s, uint32_t t);  /* not the current root */
/* Everything; the current root stays, empty, where it is. False: there was nothing else. */
bool     shadow_zap(struct shadow *s);
uint32_t shadow_get(const struct shadow *s, uint32_t t, uint32_t slot);
/* Stores an entry (0: none), keeping reverse map and staleness right. A present one needs a free link. */
void     shadow_set(struct shadow *s, uint32_t t, uint32_t slot, uint32_t entry);
/* The table a root's entry points to, or SHADOW_NONE. */
uint32_t shadow_child(const struct shadow *s, uint32_t root, uint32_t slot);
uint32_t shadow_slots(const struct shadow *s, uint32_t t); /* those that are ours, below the hypervisor's window */

/* ---- shadow_pae.c: the tables of a guest with PAE */
/* Without agile paging shadows have 4-byte entries all the same; with it (wide) the hardware goes on from ours in the guest's. */
void     shadow_pae_quarters(struct shadow *s); /* wide: chooses them, for the PDPTEs that are loaded */
uint64_t shadow_pae_entry(const struct shadow *s, uint32_t frame, uint32_t slot); /* the guest's, charged */
/* The root for the PDPTEs that are loaded. */
uint32_t shadow_pae_root(struct shadow *s);
/* The table that holds `at`'s entry, with its half as a walk found it, or SHADOW_NONE: no room. */
uint32_t shadow_pae_table(struct shadow *s, gva_t at, const struct xlat *x);
/* Makes nothing of a half (0, 1) of table t. */
void     shadow_pae_drop(struct shadow *s, uint32_t t, unsigned half);
void     shadow_pae_sync_directory(struct shadow *s, uint32_t t, unsigned half); /* the directory's entry behind a half changed */
void     shadow_pae_sync_page(struct shadow *s, uint32_t t, uint32_t slot);      /* the guest's entry behind an entry changed */
/* What guest entries of PAE say together: P, A, D, W, U and the frame of a shadow entry's page. 0: not a page to be mapped. */
uint32_t shadow_pae_page(uint64_t entry, uint32_t rights);
static inline bool shadow_pae(const struct shadow *s) { return (s->cr4 & PAGING_CR4_PAE) && !s->wide; }

/* ---- shadow_rmap.c: from a frame to the entries that point to it */
void shadow_rmap_init(struct shadow *s, uint32_t links);
void shadow_rmap_add(struct shadow *s, uint32_t frame, uint32_t where);
void shadow_rmap_remove(struct shadow *s, uint32_t frame, uint32_t where);
bool shadow_traced(const struct shadow *s, uint32_t frame);  /* must stores to it trap? */
void shadow_protect(struct shadow *s, uint32_t frame);       /* takes write permission from every mapping of it */
/* Notes that the hardware TLB may hold more than entry (t, slot) now permits, if the current root reaches it. */
void shadow_stale(struct shadow *s, uint32_t t, uint32_t slot);
bool shadow_in_use(const struct shadow *s, uint32_t t);      /* does the current root lead to this table? */
void shadow_settle(struct shadow *s);                        /* flushes what was noted */

/* ---- shadow_sync.c: after the guest, or we, changed a guest table */
void shadow_sync_table(struct shadow *s, uint32_t t, uint32_t slot); /* entry of a SHADOW_TABLE */
void shadow_sync_root(struct shadow *s, uint32_t t, uint32_t slot);  /* entry of a SHADOW_ROOT */
void shadow_sync_store(struct shadow *s, gpa_t at);                  /* every shadow of the guest entry at `at` */
/* What a guest's entry, just stored, makes of a shadow entry: one that is not there yet only with eager validation. */
void shadow_follow(struct shadow *s, uint32_t t, uint32_t slot, uint32_t entry);
/* The machine frame behind a guest-physical address, if it is RAM that may be mapped directly. */
bool     shadow_guest_ram(const struct shadow *s, uint32_t at, uint32_t *frame);
/* The frame of a page that tables are to be made from, or that is to be mapped: the guest's alone if it is to be stored to. */
bool     shadow_own_ram(const struct shadow *s, uint32_t at, bool write, uint32_t *frame);
/* Is it the page that env names as a device's, mapped to a frame all the same? */
bool     shadow_device(const struct shadow *s, uint32_t at, uint32_t *frame);
/* The shadow entry for a machine frame the guest's tables give these rights to (walk_rights; accessed is implied). */
uint32_t shadow_entry(const struct shadow *s, uint32_t frame, uint32_t rights);

/* ---- shadow_switch.c: with agile paging, entries of a root that lead to the guest's own tables */
bool     shadow_is_own(const struct shadow *s, uint32_t frame);
/* The root's entry for a directory entry of the guest's whose table is the guest's own; 0: it is not, or the entry does not
 * lead to one. */
uint32_t shadow_switch(const struct shadow *s, uint64_t pde);
/* Makes nothing of a frame, which becomes the guest's own, even if it is the root in use: was it a directory? And of entries
 * that lead to it, which is the guest's own no longer; the root in use is chosen anew. Both flush nothing but what is noted. */
bool     shadow_give_up(struct shadow *s, uint32_t frame);
/* Is it, wide or not, a directory in use? */
bool     shadow_is_top(const struct shadow *s, uint32_t frame);
void     shadow_take_back(struct shadow *s, uint32_t frame);
/* Was it stored to through entries of ours since this was asked last? The TLB must be flushed for the answer to be true next
 * time. */
bool     shadow_was_stored(struct shadow *s, uint32_t frame);
void     shadow_reroot(struct shadow *s); /* for the paging registers that it has. shadow.c */

/* ---- shadow_unmap.c: the page is to have another frame (struct mmu_strategy) */
bool     shadow_unmap(struct vmmu *m, gpa_t page);
void shadow_protect_shared(struct vmmu *m);                              /* struct mmu_strategy, protect */

/* ---- shadow_taught.c: entries that somebody else says (a laboratory), where shadows are a TLB in memory (choice.cache,
 * choice.trace off).
 * What is asked for is done only if it harms nobody but the guest. */
enum shadow_put { SHADOW_PUT, SHADOW_PUT_TRACED /* without W: the frame is */, SHADOW_PUT_FOREIGN, SHADOW_PUT_FULL };
enum { SHADOW_SPACES = 16 };
enum shadow_put shadow_put(struct vmmu *m, gva_t at, uint32_t frame, uint32_t rights); /* PTE_W, PTE_U */
void     shadow_take(struct vmmu *m, gva_t at, uint8_t space); /* no entry for this page, in that space */
void     shadow_empty(struct vmmu *m);                        /* no entries, in any space */
/* From the next load of CR3 the tables of this space are used. From the first such call no load drops any. */
void     shadow_choose(struct vmmu *m, uint8_t space);
/* Is it one of the tables that the guest's CR3 leads to? */
bool     shadow_is_table(const struct vmmu *m, gpa_t at);
/* Would no entry let this access through, though the guest's tables permit it: no RAM is there, or a store to it is traced? */
bool     shadow_needs_emulator(const struct vmmu *m, gva_t at, bool write);
/* Does the entry for `at`, or every entry of the space in use, follow from the guest's tables as they are now? Costs no cycle. */
bool     shadow_follows(const struct vmmu *m, gva_t at, char *why, unsigned room);
uint8_t  shadow_space(const struct vmmu *m);                  /* the one in use */
bool     shadow_all_follow(const struct vmmu *m, char *why, unsigned room);

/* ---- shadow_check.c: the promises above, from nothing but the tables in memory; false: the first that is broken, in `why`.
 * `tlb`: the hardware's, or NULL. For tests and views; costs no cycle. Between operations only. */
bool shadow_check(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room);
/* The same of what changed since the last call, and of the next piece of the rest. */
bool shadow_check_some(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room);

/* Does `at` lie in the hypervisor's window, if it has one in the guest's space? */
static inline bool shadow_in_window(const struct shadow *s, gva_t at) { return s->env->window && at.v >= s->env->window; }

extern const struct mmu_strategy mmu_shadow;

#endif
