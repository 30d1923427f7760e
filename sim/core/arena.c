/* See arena.h. */
#include "sim/core/arena.h"

#include <sys/mman.h>
#include "sim/core/err.h"
#include "sim/core/fatal.h"

bool arena_init(struct arena *a, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return false;
    *a = (struct arena){ .base = p, .size = size };
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + 63) & ~(size_t)63;
    if (size > a->size - a->used) {
        fatal(EXIT_BUG, "bug: machine arena exhausted; please report the command you ran");
    }
    void *p = a->base + a->used;
    a->used += size;
    return p;
}

void arena_done(struct arena *a)
{
    if (a->base) munmap(a->base, a->size);
    *a = (struct arena){ 0 };
}
