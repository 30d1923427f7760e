/* The translation lookaside buffer, as the CPU reads it and the MMU fills it.
 *
 * It is a real TLB: set-associative, bounded, and *stale until flushed*. Entries carry, per kind of access, the page address for
 * which the access may go straight to host memory. Of code the CPU compares with way 0 of a set, its most recently used one.
 * Data has a table beside the sets, by page, of what the two most recently used ways of each may be used for: an access that
 * it serves only notes its page, and the order of those two is made good when somebody asks for it (tlb_order). Anything else
 * goes to the MMU, which looks at the other ways, moves the hit to the front or walks the tables.
 *
 * tag[] and that table are only a fast path: dropping tags (for self-modifying code, snapshots, devices) never changes what the
 * entry translates to, and costs no simulated cycle. Who changes an entry or its tags must shut its page (tlb_shut). SDM vol. 3A 4.10. Not modelled: PCID, speculative fills.
 * TOUR core.5: what the CPU reads inline and the MMU fills. */
#ifndef CORE_TLB_H
#define CORE_TLB_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/addr.h"
#include "sim/core/lines.h"
#include "sim/core/outcome.h"

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

/* Open pages: at most one of two that share the low bits of their number. A page has one place in both rings. */
enum { TLB_OPEN = 64 };
#define TLB_NO_LAST 2u                /* neither a page address nor TLB_NO_TAG */
struct tlb_last { uint32_t page, unused[3]; }; /* as large as what is found by the same low bits */

struct tlb {
    struct tlb_entry e[TLB_CODE_SETS][TLB_WAYS]; /* way 0: most recently used; data: the first TLB_DATA_SETS sets only */
    /* Of data, without `lines`: pages in ways 0 and 1 as supervisor and user may use them (`base` as an entry's), and by set the
     * page that was used last since tlb_order. Either is what the order of the set says, or that one comes first. */
    struct line_tag open[2][TLB_OPEN];
    struct tlb_last last[TLB_CODE_SETS];
    uint32_t used;                          /* sets that may have valid entries, as bits: a flush looks at no other */
    bool     large, global;                 /* there may be fragments of large pages; global entries */
    bool     code;                          /* which of the two it is */
    /* Where caches are modelled, the data TLB replaces as those do: by a bit an entry, which all others of a set lose when all
     * have it. Entries with the bit may be used wherever they stand, and what the CPU compares with is this table. NULL: by true
     * recency, which is the order of the ways. */
    struct lines *lines;
    uint8_t recent[TLB_DATA_SETS];          /* by set: ways with that bit */
    uint64_t hits, misses, flushes;         /* hits: those that the MMU saw, and that changed the order of a set, or who is recently used */
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
static inline unsigned tlb_set_number(const struct tlb *t, const struct tlb_entry *set)
{
    return (unsigned)((const char *)set - (const char *)t->e) / TLB_SET_STRIDE;
}

/* Accesses to a page are the MMU's from now on. */
static inline void tlb_shut(struct tlb *t, uint32_t page)
{
    static const uint32_t none[2] = { TLB_NO_TAG, TLB_NO_TAG };
    const unsigned n = page >> PAGE_SHIFT & (TLB_OPEN - 1);
    memcpy(t->open[0][n].tag, none, sizeof none);
    memcpy(t->open[1][n].tag, none, sizeof none);
}
/* Way 0 of an address's set, in order, has the tag of this access: whatever its ring may do with the page is open. */
static inline void tlb_open(struct tlb *t, uint32_t lin, unsigned access)
{
    const struct tlb_entry *e = tlb_data0(t, lin);
    const unsigned user = access & ACCESS_USER;
    struct line_tag *open = &t->open[user / ACCESS_USER][lin >> PAGE_SHIFT & (TLB_OPEN - 1)];
    open->tag[0] = e->tag[user];
    __asm__("" : : : "memory"); /* they were just stored one by one: to read both at once, a host's processor would wait */
    open->tag[1] = e->tag[user | ACCESS_WRITE];
    open->base = e->base;
}
/* The host byte of an access within an open page, which is made; NULL: it is not open. */
static inline uint8_t *tlb_use(struct tlb *t, uint32_t lin, unsigned size, unsigned access)
{
    const struct line_tag *e = &t->open[(access & ACCESS_USER) / ACCESS_USER][lin >> PAGE_SHIFT & (TLB_OPEN - 1)];
    const uint32_t page = (lin + size - 1) & PAGE_MASK;
    if (e->tag[access & ACCESS_WRITE] != page) return NULL;
    t->last[page >> PAGE_SHIFT & (TLB_DATA_SETS - 1)].page = page;
    return (uint8_t *)(e->base + lin);
}

void tlb_swap(struct tlb_entry *set); /* ways 0 and 1 */
/* The ways of a set in their order: for whoever asks for it, or changes it. */
static inline void tlb_order(struct tlb *t, struct tlb_entry *set)
{
    struct tlb_last *last = &t->last[tlb_set_number(t, set)];
    const uint32_t page = last->page;
    last->page = TLB_NO_LAST;
    if (__builtin_expect(set[1].tag[ACCESS_READ] == page, 0)) tlb_swap(set);
}
/* A way of a set by its place in that order. */
static inline const struct tlb_entry *tlb_in_order(const struct tlb *t, unsigned set, unsigned place)
{
    bool other = place < 2 && t->e[set][1].tag[ACCESS_READ] == t->last[set].page;
    return &t->e[set][place ^ (other ? 1u : 0u)];
}
/* The host byte of an access that would change nothing: its page is the most recently used one of its set. Or NULL. */
static inline uint8_t *tlb_at_hand(const struct tlb *t, uint32_t lin, unsigned size, unsigned access)
{
    const struct tlb_entry *e = tlb_in_order(t, lin >> PAGE_SHIFT & (TLB_DATA_SETS - 1), 0);
    return e->tag[access] == ((lin + size - 1) & PAGE_MASK) ? (uint8_t *)(e->base + lin) : NULL;
}
/* All sets, and no page is open. */
void tlb_close(struct tlb *t);

/* Makes way `from` of a set, which is in order, its most recently used one; those before it age by one. */
static inline struct tlb_entry *tlb_to_front(struct tlb *t, struct tlb_entry *set, unsigned from)
{
    if (!from) return set;
    if (from > 1) tlb_shut(t, set[1].page);
    struct tlb_entry e = set[from];
    for (; from; from--) set[from] = set[from - 1];
    set[0] = e;
    return set;
}

/* A hit in a way: it is the most recently used one now, or one that is. The entry. */
struct tlb_entry *tlb_recent(struct tlb *t, struct tlb_entry *set, unsigned way);
static inline struct tlb_entry *tlb_hit(struct tlb *t, struct tlb_entry *set, unsigned way)
{
    if (t->lines) return t->recent[tlb_set_number(t, set)] >> way & 1 ? &set[way] : tlb_recent(t, set, way);
    t->hits += way != 0;
    return tlb_to_front(t, set, way);
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
