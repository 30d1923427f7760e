/* What TLBs and caches of walks know, for people: plain facts, copied out of the arrays of tlb.h and the MMU's own.
 *
 * Idea: a cached translation is true as long as the tables say the same. Where they do not, software owes a flush, and the
 * processor may still use what it remembers. SDM vol. 3A 4.10. */
#ifndef CORE_KNOWN_H
#define CORE_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

enum known_where { KNOWN_DATA, KNOWN_CODE, KNOWN_SECOND, KNOWN_LARGE_DATA, KNOWN_LARGE_CODE, KNOWN_WHERE_COUNT };

/* What the tables in memory say now beside it. */
enum known_truth {
    KNOWN_SAME,
    KNOWN_GONE,     /* no page there any more */
    KNOWN_MOVED,    /* another frame */
    KNOWN_WIDER,    /* remembered: rights that the tables no longer give */
    KNOWN_NARROWER, /* remembered: fewer rights, so the next access that needs them walks again. Legal, never wrong */
    KNOWN_ELSEWHERE,/* of another space than the present one: nobody can tell here */
    KNOWN_TRUTH_COUNT
};

/* One entry of a TLB. */
struct known_page {
    uint8_t  where, truth;      /* enum known_where, known_truth */
    bool     serves;            /* the access asked about needs no walk, thanks to it */
    bool     recent;            /* its bit for pseudo-LRU; ways of a set stand in order of use where there are no bits */
    uint8_t  way;
    uint16_t set, vpid;         /* vpid: the tag; 0: none */
    uint32_t va, frame;         /* addresses of the pages: linear, machine */
    uint32_t rights;            /* W, U, D, G, PS as in a page-table entry */
    bool     second;            /* went through second-level tables... */
    uint32_t root;              /* ...of this root */
};

/* One entry of a cache of walks: a table's entry that leads to the next table, or where a guest-physical page lies. */
enum known_walk_kind { KNOWN_FIRST, KNOWN_NESTED_ENTRY, KNOWN_NESTED_PAGE };
struct known_walk {
    uint8_t  kind, truth;
    uint32_t at;                /* machine address of the entry; of KNOWN_NESTED_PAGE: the guest-physical page */
    uint32_t entry;             /* its value, lower half; of KNOWN_NESTED_PAGE: the frame */
    uint64_t used;              /* when last, counted by uses */
};

#endif
