/* A guest that attacks its hypervisor, and what must hold whatever it does. */
#ifndef TESTS_EQUIV_ATTACK_H
#define TESTS_EQUIV_ATTACK_H

#include <stdint.h>
#include "tests/equiv/kernel.h"

/* Builds a kernel that repeats hostile operations for ever, each with other values; VAR_SOFT counts them. */
void hostile_build(struct kernel *k, uint64_t seed);

/* Runs that many hostile operations under every technique there is, or under the one of that name, with all kinds of page tables
 * or one; exit code. */
int attack_run(uint64_t operations, uint64_t seed, const char *cpu, const char *mmu);

#endif
