/* What rooms tell each other: outcomes, faults, translations.
 *
 * A *fault* belongs to the guest and is delivered by its CPU; an *exit* belongs to the hypervisor and is handled;
 * an *error* (core/err.h) belongs to the person at the keyboard and is printed. Three types, three destinations.
 * TOUR core.2: fault, exit and error are three things with three destinations. */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/addr.h"

enum step {
    STEP_OK,    /* the instruction finished; go on with the next one of its block */
    STEP_JUMP,  /* finished, and EIP, mode or translation changed: look up the next block */
    STEP_FAULT, /* nothing architectural changed; cpu->fault says what to deliver */
    STEP_HALT,  /* HLT finished: wait for an interrupt */
    STEP_EXIT,  /* control reached the door: the owner of the machine decides what happens next */
};

/* Kinds of access to memory, as bits. The pair (WRITE, USER) indexes struct tlb_entry.tag. */
enum access { ACCESS_READ = 0, ACCESS_WRITE = 1, ACCESS_USER = 2, ACCESS_EXEC = 4 };

/* Where two levels of tables translate an address: why the second one did not. No exception tells of it, but whatever the CPU
 * has for the owner of those tables (SDM 3C 28.2.3). */
enum second_refusal { SECOND_NONE, SECOND_VIOLATION /* nothing there, or not this access */, SECOND_MISCONFIGURED /* no legal entry */,
                      SECOND_APIC /* nothing of that kind: the page of a virtual APIC; the code tells where and how */ };
enum { /* fault.code of a violation. SDM 3C table 27-7 */
    SECOND_READ = 1 << 0, SECOND_WRITE = 1 << 1, SECOND_FETCH = 1 << 2, /* the access */
    SECOND_RIGHTS = 3 /* shift: what the entries permit, as the same three bits */,
    SECOND_LINEAR = 1 << 7,                                             /* fault.addr is valid */
    SECOND_FINAL = 1 << 8,                                              /* it was the translated address itself, not a table's */
    /* No manual's: with agile paging (mmu/walk.h) the tables that CR3 names refused; no address of the second level is meant. */
    SECOND_SHADOW = 1 << 16, SECOND_SHADOW_CODE = 17                    /* shift: four bits, a page fault's error code */
};

/* An exception as the CPU will deliver it. */
struct fault {
    uint8_t  vector;
    bool     has_code;
    uint8_t  second;   /* enum second_refusal: no exception at all, `vector` means nothing */
    uint32_t code;     /* error code, if has_code */
    uint32_t addr;     /* #PF: linear address for CR2; else 0 */
    uint64_t physical; /* what the second level was to translate */
};

enum { XLAT_REFS = 35 }; /* (5+1)(5+1)-1: the longest walk any machine of ours makes */

/* One memory reference made by a page walk. */
struct xlat_ref {
    hpa_t    at;     /* where the entry lies, on the walker's bus */
    uint32_t entry;  /* its value when read */
    uint32_t high;   /* its upper half, if it is wide */
    uint64_t guest;  /* dimension 0: where the entry lies as its table says, which a second level translated to `at`;
                      * dimension 1: the address that is being translated */
    uint8_t  level;  /* 2: page directory, 1: page table (more levels: counted from the leaf) */
    uint8_t  dim;    /* 0: first dimension; 1: second-level */
    uint8_t  serves; /* dimension 1: for the entry of this level of the first; 0: for the address itself */
    bool     wide;   /* an entry of 8 bytes (PAE), of which `entry` is the lower half */
    bool     cached; /* for people (mmu_probe): a cache of walks holds it, so a TLB miss would not read it */
    bool     locked; /* dimension 0: the second level forbids stores to it, even the walk's own */
    bool     shadow; /* dimension 0, with agile paging: of a table of the hypervisor's, not the guest's */
    uint8_t  home;   /* for people (mmu_homes): enum line_home */
};

/* The nearest copy of a line of memory: what a reference to it takes depends on that. */
enum line_home { HOME_UNKNOWN /* caches are not modelled */, HOME_L1, HOME_L2, HOME_L3, HOME_MEMORY };

/* The entry's number in its table. */
static inline uint32_t xlat_slot(const struct xlat_ref *r) { return (r->at.v & (PAGE_SIZE - 1)) >> (r->wide ? 3 : 2); }

/* A translation and how it was found: cost model and page-walk diagrams read this one list. */
struct xlat {
    hpa_t    at;      /* address on the bus */
    uint8_t *host;    /* host byte at `at`, if it is plain RAM that may be used directly; else NULL */
    uint64_t physical;/* what the first dimension came to; without a second one, `at` is the same */
    uint32_t leaf;    /* leaf page-table entry (0 with paging off) */
    uint32_t rights;  /* R/W and U/S of all levels together */
    bool     paged;   /* there is a first dimension: paging is on */
    bool     locked;  /* the second level forbids stores to it */
    bool     tlb_hit; /* no walk was needed */
    bool     large;   /* 4 MB or 2 MB page */
    bool     absent;  /* its frame lies beyond the bus: reads give ones, writes are lost; `at` means nothing */
    bool     tracked; /* a store is to set the dirty bit of the second level's last entry */
    uint8_t  switched;/* agile paging: level of the first table that was the guest's own; 0: none was */
    uint8_t  refs;    /* entries used in ref[] */
    struct xlat_ref ref[XLAT_REFS];
};

/* A level-triggered wire: whoever drives it knows neither the receiver nor why it listens. */
struct irq_line {
    void (*set)(void *self, unsigned n, bool level);
    void *self;
    unsigned n;
};
static inline void irq_set(const struct irq_line *l, bool level)
{
    if (l->set) l->set(l->self, l->n, level);
}

#endif
