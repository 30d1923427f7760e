/* What generated kernels are made of. */
#ifndef TESTS_EQUIV_GROUPS_H
#define TESTS_EQUIV_GROUPS_H

#include "tests/equiv/kernel.h"

struct group {
    const char *name;
    unsigned weight;              /* how often, against the others */
    bool user;                    /* good in ring 3, too */
    void (*emit)(struct kernel *k);
};
extern const struct group groups_plain[], groups_system[], groups_rings[]; /* each ends with a name of NULL */

/* One group at random, of those for ring 3 if the kernel is there. */
const struct group *group_pick(struct kernel *k);

/* Shared pieces. */
uint16_t some_selector(struct kernel *k);
uint32_t some_scratch(struct kernel *k, unsigned room); /* an address with `room` bytes behind it */
unsigned some_reg(struct kernel *k);                    /* any but ESP */
uint32_t some_value(struct kernel *k);                  /* small, big, a border */
void set_reg(struct kernel *k, unsigned reg, uint32_t value);
void alu_soup(struct kernel *k, unsigned n);

#endif
