/* One block of memory that holds every mutable byte of a simulated machine except guest RAM.
 *
 * Invariant: what lives here has no pointer to anything allocated later, outside, on behalf of the run (observers,
 * Lua, files hang outside and are reached through fixed pointers). So a snapshot is a copy of [base, base+used), and
 * restoring it at the same address makes every pointer inside valid again. Nothing is freed before the machine is.
 * TOUR core.6: all that changes lies in one block, and so time can go back. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base;
    size_t   used, size; /* bytes */
};

bool  arena_init(struct arena *a, size_t size);  /* reserves address space; false if the host refuses */
void *arena_alloc(struct arena *a, size_t size); /* zeroed, 64-byte aligned; aborts the program if exhausted (our bug) */
void  arena_done(struct arena *a);

#endif
