/* The translation lookaside buffer, as the CPU reads it and the MMU fills it.
 *
 * It is a real TLB: set-associative, bounded, and *stale until flushed*. Speed without a second structure: way 0 of a
 * set is its most recently used one, and carries, per kind of access, the page address for which the access may go
 * straight to host memory. The CPU compares with way 0 only; anything else goes to the MMU, which looks at the other
 * ways, moves the hit to the front or walks the tables.
 *
 * tag[] is only a fast path: dropping tags (for self-modifying code, snapshots, devices) never changes what the
 * entry translates to, and costs no simulated cycle. SDM vol. 3A 4.10. Not modelled: PCID, speculative fills. */
#ifndef CORE_TLB_H
#define CORE_TLB_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/addr.h"
#include "sim/core/lines.h"

/* Both are 4-way; 64 entries for data, 128 for code, as CPUID leaf 2 says (descriptors 5Bh, 51h). */
enum { TLB_DATA_SETS = 16, TLB_CODE_SETS = 32, TLB_WAYS = 4 };
#define TLB_NO_TAG 1u                 /* never equals a page address */

struct tlb_entry {
    uint32_t tag[4];  /* by enum access bits WRITE|USER: the page address, or TLB_NO_TAG */
    uint8_t *host;    /* host byte of the page's first byte; NULL if not plain RAM */
    uint32_t page;    /* linear page address this entry translates; bits 11..0: the number of its space (core/space.h) */
    uint32_t frame;   /* page-frame address on the bus */
    uint32_t pte;     /* combined rights as cached: PTE_W, PTE_U, PTE_D, PTE_G, PTE_PS bits */
    bool     valid;
    uintptr_t base;   /* host less the page's address: a byte's place in host memory is this plus its linear address */
    uint64_t settled; /* which of its lines may be in struct tlb.lines, as bits */
    uint8_t  unused[8]; /* a power of two in size: the run loop finds a set by a shift and a mask */
};
_Static_assert(sizeof(struct tlb_entry) == 64, "TLB_SET_STRIDE");
enum { TLB_SET_STRIDE = 64 * TLB_WAYS };

struct tlb {
    struct tlb_entry e[TLB_CODE_SETS][TLB_WAYS]; /* way 0: most recently used; data: the first TLB_DATA_SETS sets only */
    uint32_t used;                          /* sets that may have valid entries, as bits: a flush looks at no other */
    bool     large, global;                 /* there may be fragments of large pages; global entries */
    bool     code;                          /* which of the two it is */
    /* Where caches are modelled, the data TLB replaces as those do: by a bit an entry, which all others of a set lose when all
     * have it. Entries with the bit may be used wherever they stand, and what the CPU compares with is this table. NULL: by true
     * recency, which is the order of the ways. */
    struct lines *lines;
    uint8_t recent[TLB_DATA_SETS];          /* by set: ways with that bit */
    uint64_t hits, misses, flushes;         /* hits counts those that changed the order of a set, or who is recently used */
};

/* The set of an address, which begins with its most recently used way: of the data TLB, the code TLB, or either. */
static inline struct tlb_entry *tlb_data0(struct tlb *t, uint32_t lin)
{
    return &t->e[(lin >> PAGE_SHIFT) & (TLB_DATA_SETS - 1)][0];
}
static inline struct tlb_entry *tlb_code0(struct tlb *t, uint32_t lin)
{
    return &t->e[(lin >> PAGE_SHIFT) & (TLB_CODE_SETS - 1)][0];
}
/* Makes way `from` of a set its most recently used one; those before it age by one. */
static inline struct tlb_entry *tlb_to_front(struct tlb_entry *set, unsigned from)
{
    if (!from) return set;
    struct tlb_entry e = set[from];
    for (; from; from--) set[from] = set[from - 1];
    set[0] = e;
    return set;
}

/* A hit in a way: it is the most recently used one now, or one that is. The entry. */
struct tlb_entry *tlb_recent(struct tlb *t, struct tlb_entry *set, unsigned way);
static inline unsigned tlb_set_number(const struct tlb *t, const struct tlb_entry *set)
{
    return (unsigned)((const char *)set - (const char *)t->e) / TLB_SET_STRIDE;
}
static inline struct tlb_entry *tlb_hit(struct tlb *t, struct tlb_entry *set, unsigned way)
{
    if (t->lines) return t->recent[tlb_set_number(t, set)] >> way & 1 ? &set[way] : tlb_recent(t, set, way);
    t->hits += way != 0;
    return tlb_to_front(set, way);
}

/* Has a page of the data TLB this fast tag, whose entry may stand anywhere? */
static inline bool tlb_tagged(struct tlb *t, uint32_t lin, unsigned access)
{
    const struct tlb_entry *e = tlb_data0(t, lin);
    for (unsigned w = 0; w < (t->lines ? TLB_WAYS : 1); w++)
        if (e[w].tag[access] == (lin & PAGE_MASK)) return true;
    return false;
}

static inline struct tlb_entry *tlb_way0(struct tlb *t, uint32_t lin) { return t->code ? tlb_code0(t, lin) : tlb_data0(t, lin); }

#endif
