/* The strategy "agile", inside: both halves of two other strategies, and which of the guest's page tables are whose.
 *
 *   root ........ shadow   found by hardware in the hypervisor's tables: 1 reference a level, stores to the guest's table leave
 *     table ..... own      walked as it is, below a switch: references of two levels, stores to it do not leave
 *
 * Idea 1: a page table that is often stored to is cheap to walk nested and dear to shadow; one that is stable is the other
 * way round, and in most trees the upper levels are stable. So each table has its kind, one for all who use it, and what is
 * below one that is the guest's own is, too: hardware cannot switch back.
 * Idea 2: the kind follows what the guest does. So many stores to a shadowed table in a period make it the guest's own. At
 * the end of each period dirty bits tell, without any exit, which of those were not stored to: they are shadowed again,
 * directories before what is below.
 * Idea 3: neither half knows of the other but for two questions (struct shadow_agile, struct two_level.watched). Shadow tables are
 * shadow*.c, entries of the second level two_level.c.
 *
 * A guest without paging, or with deeper tables than IA-32 has (mmu.levels), runs on two levels of tables altogether.
 * Gandhi, Hill, Swift, ISCA 2016 (section III-C is the policy). Not modelled: the paper's cache of roots, so that each load
 * of CR3 leaves; pages of 2 MB in the second level, whose dirty bit would be one for 512 tables.
 * TOUR mmu.19: walks that begin in shadows and go on in the guest's own tables. */
#ifndef MMU_AGILE_H
#define MMU_AGILE_H

#include "sim/mmu/shadow.h"
#include "sim/mmu/strategy.h"
#include "sim/mmu/two_level.h"

enum { AGILE_TABLES = 2048 /* that are the guest's own, at most */, AGILE_POOL = 20 /* frames for shadows, at least: PAE has four directories */,
       AGILE_SECOND = 3 /* one of so many parts of the pool is for the second level */ };
enum agile_kind { AGILE_OWN = 1, AGILE_DIRECTORY = 2 /* besides */, AGILE_BELOW = 4 /* for a moment: a directory that stays leads to it */ };

struct agile {
    struct vmmu *m;
    struct vmmu shadow, second;   /* the halves */
    struct shadow_agile asked;
    uint32_t cr0, cr3, cr4;       /* the guest's, as far as it leaves when it changes them */
    bool     whole;               /* no shadows at all just now */
    uint8_t  *kind;               /* per frame of the VM: enum agile_kind; 0: shadowed, or no table */
    struct { uint32_t period, stores; } *count; /* per frame of the VM */
    uint32_t table[AGILE_TABLES]; /* frames of the VM that are the guest's own */
    uint32_t tables;
    struct timer timer;
    uint64_t nested, renewed, peak, traced;
};

static inline struct shadow *agile_shadow(const struct agile *a) { return a->shadow.state; }
static inline struct two_level *agile_second(const struct agile *a) { return a->second.state; }

/* ---- agile_policy.c */
/* Have its tables 512 entries of 8 bytes? */
static inline bool agile_pae(const struct agile *a) { return a->cr4 & PAGING_CR4_PAE; }
/* The VM's frame that a machine frame is, or FRAME_NONE. */
uint32_t agile_page(const struct agile *a, uint32_t frame);
/* Makes a table the guest's own, with what is below if it is a directory. False: it cannot be. */
bool agile_nest(struct agile *a, uint32_t page);
/* And all of them nobody's: shadows may be made of them. */
void agile_renew_all(struct agile *a);
void agile_renew(struct agile *a, uint32_t page);
/* A store to a shadowed table was emulated. */
void agile_stored(struct agile *a, uint32_t page);
/* The end of a period (a timer's). */
void agile_end(void *agile, uint64_t when);

extern const struct mmu_strategy mmu_agile;

#endif
