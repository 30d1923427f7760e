/* Generated paravirtual kernels, and what must hold whatever they ask for. */
#ifndef TESTS_EQUIV_PARAVIRT_H
#define TESTS_EQUIV_PARAVIRT_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* Runs that many kernels from a seed on; exit code. */
int paravirt_run(uint64_t count, uint64_t seed);
/* One kernel, with the groups of a mask; its image stays in `path` if that is not NULL. */
int paravirt_one(uint64_t seed, uint32_t keep, const char *path);
/* The invariants of a machine whose technique is pv, at this moment: what hardware reads, all counts. False: *why says which. */
bool paravirt_holds(const struct machine *m, char *why, unsigned room);

#endif
