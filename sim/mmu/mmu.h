/* The hardware MMU: walks the tables CR3 names, fills the TLBs, sets accessed and dirty bits.
 *
 * Idea 1: the TLB is stale until flushed: only MOV CR3, INVLPG and paging-mode changes by software make it forget.
 * Idea 2: one pure walker (walk.h) serves the hardware, the hypervisor's view of guest tables, and diagrams.
 * Idea 3: entries carry the number of their space (core/space.h), so that of two worlds with the same page each has its own.
 * SDM vol. 3A 4.3, 4.4, 4.6, 4.7, 4.8, 4.10; 3C 28. Not modelled: PCID.
 * TOUR mmu.1: the MMU as the CPU sees it. */
#ifndef MMU_MMU_H
#define MMU_MMU_H

#include "sim/core/arena.h"
#include "sim/core/bus.h"
#include "sim/core/clock.h"
#include "sim/core/cost.h"
#include "sim/core/outcome.h"
#include "sim/core/points.h"
#include "sim/core/space.h"
#include "sim/core/tlb.h"
#include "sim/mmu/walk.h"

/* A space whose translations may be in the TLBs; its number is its place (space.c). */
struct mmu_space { uint16_t vpid; bool second; uint32_t root; };
enum { MMU_SPACES = 16 };
enum { MMU_WALK_OWN = 6 };
enum { MMU_NO_ROOT = 1 }; /* neither a root_of nor 0 */
struct mmu_walks { uint64_t walks, refs; };

struct caches; /* cache.h */
struct behind; /* behind.h */
struct refills; /* refill.h */

struct mmu {
    struct bus *bus;
    struct clock *clock;
    const struct model *model;
    struct tlb *dtlb, *itlb;  /* declared in core, owned by the CPU, filled here */
    uint32_t cr0, cr3, cr4;
    uint64_t pdpte[4];        /* with PAE: loaded from memory by mmu_pdptes, and used until the next time */
    uint32_t a20;             /* AND mask of every physical address: all ones, or without bit 20 while the gate is shut */
    bool     two_levels;      /* paging is on, its tables have two levels of 32-bit entries, the A20 gate is open, no walk caches */
    uint32_t rights_kept;     /* of an entry's bits those that say what its page may be used for; PTE_G only if it counts */
    uint32_t needs[4];        /* and which of them an access needs, by ACCESS_WRITE | ACCESS_USER; PTE_P in any case */
    bool     plain[2];        /* of data, of code: two_levels, direct, no stop points, no walk needs to look behind the first TLB */
    uint32_t kind;            /* bits 11..0: what else the outcome of such a walk depends on */
    uint32_t root_of[2];      /* likewise of data, of code: CR3's page and `kind`; MMU_NO_ROOT: not plain */
    uint32_t two_refs;        /* cycles of two references by a walk */
    bool     direct;          /* hand out host pointers and fast tags (false: all go over the bus); then mmu_choose_walk */
    const struct points *points; /* pages a debugger watches get no fast tags; NULL: none */
    uint64_t walks, refs;     /* page walks made, entries read by them */
    uint64_t refs_second;     /* of these, entries of second-level tables */
    uint32_t upper, upper_root; /* linear addresses with tables of their own (core/space.h); while there are, CR3 names those */
    struct second second;     /* tables that translate what CR3's call physical */
    bool     agile;           /* CR3 names shadows, which may switch to the guest's own tables (walk.h) */
    struct mmu_walks by_switch[MMU_WALK_OWN + 1]; /* with a second level, those that came to an end: by struct xlat.switched; [OWN]: without agile paging */
    uint8_t  levels;          /* of CR3's tables with CR4.PAE, if they are deeper than the manual's (struct model) */
    uint32_t space;           /* number of the space that counts now: bits 11..0 of its entries' `page` */
    uint32_t spaces_next;     /* the number to be given away next */
    struct walk_cache cache;
    struct mmu_space spaces[MMU_SPACES]; /* [0]: whatever has no tag */
    struct behind *behind;    /* NULL: nothing but the first-level TLB */
    struct refills *refills;  /* NULL: none are kept */
    struct caches *caches;    /* NULL: not modelled, references to memory take no time of their own */
};

/* An MMU without paging, on this bus, that fills these two TLBs and lets walks take time on this clock. Nothing is cached yet. */
void mmu_init(struct mmu *m, struct bus *bus, struct tlb *dtlb, struct tlb *itlb, struct clock *clock, const struct model *model);

/* Gives an MMU that was just made the caches of its model, if that has any: true. What is settled is told the CPU in `lines` and
 * `fetch`. */
bool mmu_caches(struct mmu *m, struct arena *a, struct lines *lines, struct fetch *fetch);

/* The functions of struct cpu_env (first argument: struct mmu *). mmu_translate charges the walk to CAUSE_WALK.
 * mmu_paging empties the TLBs, globals too, if PG, PSE, PAE or PGE changed, as MOV to CR0 and CR4 do; flushing for MOV CR3 is
 * the caller's (mmu_flush). */
bool mmu_translate(void *mmu, gva_t at, unsigned access, struct xlat *x, struct fault *f);
/* The short way of mmu_translate, which does as that does but for faults, tables that are not in RAM, PAE: the access has a
 * fast tag in way 0 then. False: ask mmu_translate; nothing was done that it would not have done. */
bool mmu_fill(void *mmu, gva_t at, unsigned access);
/* The same for data, by access, of an MMU with caches. */
extern bool (*const mmu_bring[4])(void *mmu, gva_t at);
/* With caches: n bytes of RAM, which lie in one page, are read or written; code at `at` is fetched. */
void mmu_touch(void *mmu, hpa_t at, unsigned n, bool write);
void mmu_fetch(void *mmu, hpa_t at);
void mmu_empty(void *mmu, bool write); /* INVD, WBINVD: write, which takes the time of the lines */
void mmu_refer(void *mmu, uint32_t at, uint32_t n, bool write);
void mmu_snoop(void *mmu, uint32_t at, uint32_t n, bool write); /* as struct bus_snoop has it */
void mmu_flush(void *mmu, bool globals_too);
void mmu_invlpg(void *mmu, gva_t at);
void mmu_paging(void *mmu, uint32_t cr0, uint32_t cr3, uint32_t cr4);
void mmu_root(void *mmu, uint32_t cr3); /* mmu_paging and mmu_flush where only CR3 changed: globals stay */
/* Loads the four PDPTEs that this CR3 names. False, and nothing changed: a present one has a reserved bit set, or, if f->second says
 * so, the second level does not lead there. */
bool mmu_pdptes(void *mmu, uint32_t cr3, struct fault *f);
/* Another space takes over (space.h); and forgets what matches. */
void mmu_space(void *mmu, const struct space *s);
void mmu_invalidate(void *mmu, const struct space_match *match);
/* The four PDPTEs in use. */
void mmu_pdptes_now(const void *mmu, uint64_t pdpte[4]);

/* The A20 gate opens or shuts (first argument: struct mmu *, as an irq_line wants it). The TLBs are emptied: theirs are
 * addresses beyond the gate. Real CPUs keep them, but no software could tell. */
void mmu_a20(void *mmu, unsigned n, bool open);

/* Empties the TLBs, of all spaces: for the board, where addresses come to mean something else. */
void mmu_forget_all(struct mmu *m);

/* What an access would do now, by walking the tables as they are in memory: no TLB, no A/D bits, no cycles. */
bool mmu_probe(const struct mmu *m, gva_t at, unsigned access, struct xlat *x, struct fault *f);
/* The host byte that mmu_probe would find, if its way there is plain: no tables, or two levels of them, all in RAM. NULL: ask mmu_probe. */
const uint8_t *mmu_see(const struct mmu *m, gva_t at, unsigned access);
/* Drops the fast tags: all of them, or those that write to a machine frame (it now holds decoded code). Translations stay. */
void mmu_drop_tags(struct mmu *m);
void mmu_drop_write_tags(struct mmu *m, uint32_t frame);

#endif
