/* What refilling a TLB behind a flush consists of: the first page of a set, by a walk that finds what it found before.
 *
 * Idea: whoever switches address spaces walks the same tables again and again, and mostly nobody has changed them. So what a
 * walk made of a page is kept, with all that it was made of: the entries as they were read, and the marks of the frame. If the
 * same is there again, at the same places, so is the translation. The walk is made all the same: its entries are read in memory,
 * its time is charged, and where caches are modelled, it is only this short if its lines are at hand there.
 *
 * Like the fast tags it is no state of the machine: what is kept may be forgotten at any time, and must be where addresses come
 * to mean something else. SDM vol. 3A 4.3, 4.10. Not here: large and global pages, entries that a walk has to mark. */
#ifndef MMU_REFILL_H
#define MMU_REFILL_H

#include <string.h>
#include "sim/mmu/cache.h"
#include "sim/mmu/mmu.h"
#include "sim/trace/cause.h"

enum { REFILLS = 64 };
struct refill {
    _Alignas(64) struct tlb_entry e; /* as it is put into an empty set */
    uint32_t root;           /* struct mmu.root_of, when it was walked */
    uint32_t entry[2];       /* of both levels: what was read, */
    uint32_t line[2];        /* in which lines, */
    uint8_t  mark;           /* with these marks of the frame, */
    const uint8_t *at[2];    /* where, */
    const uint32_t *near[2]; /* and the lines are at hand if they are named here */
};
_Static_assert(sizeof(struct refill) == 128, "two of the host's lines");
struct refills { struct refill of[2][REFILLS]; bool any; }; /* of data, of code */

static inline struct refill *refill_slot(const struct mmu *m, uint32_t lin, bool code)
{
    const uint32_t root = m->root_of[code];
    return &m->refills->of[code][((lin >> PAGE_SHIFT) ^ (root >> PAGE_SHIFT)) & (REFILLS - 1)];
}

/* Keeps what a walk has just made of e, of a set that was empty. */
void refill_learn(struct mmu *m, const struct tlb_entry *e, uint32_t lin, bool code);
void refill_forget(struct mmu *m); /* all */

static inline uint32_t refill_read(const uint8_t *at)
{
    uint32_t entry;
    memcpy(&entry, at, sizeof entry);
    return entry;
}

/* Of an empty set: way 0 of set `number` of t has the page now, with the tag of this access. False: it is not as simple as
 * that, and nothing has been done. */
static inline __attribute__((always_inline)) bool refill(struct mmu *m, struct tlb *t, unsigned number, uint32_t lin,
                                                         const unsigned access, const bool caches)
{
    const bool code = access & ACCESS_EXEC;
    if (!m->refills) return false;
    const struct refill *r = refill_slot(m, lin, code);
    if (r->e.tag[access & (ACCESS_WRITE | ACCESS_USER)] != (lin & PAGE_MASK)) return false;
    if (r->root != m->root_of[code]) return false;
    if (refill_read(r->at[0]) != r->entry[0] || refill_read(r->at[1]) != r->entry[1]) return false;
    if (m->bus->marks[r->e.frame >> PAGE_SHIFT] != r->mark) return false;
    if (caches && (*r->near[0] != r->line[0] || *r->near[1] != r->line[1])) return false;
    clock_charge(m->clock, CAUSE_WALK, m->two_refs);
    t->misses++;
    m->walks++;
    m->refs += 2;
    t->used |= 1u << number;
    if (caches && !code) t->recent[number] = 1;
    t->e[number][0] = r->e;
    return true;
}

#endif
