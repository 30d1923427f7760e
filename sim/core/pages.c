/* See pages.h. mmap(2), madvise(2). */
#include "sim/core/pages.h"

#include <stdint.h>
#include <sys/mman.h>

void *pages_alloc(size_t size)
{
    size_t more = size < PAGES_LARGE ? 0 : PAGES_LARGE;
    uint8_t *p = mmap(NULL, size + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (!more) return p;
    size_t before = (size_t)(0 - (uintptr_t)p) % PAGES_LARGE, all = (size + 4095) & ~(size_t)4095;
    if (before) munmap(p, before);
    if (size + more > before + all) munmap(p + before + all, size + more - before - all);
    (void)madvise(p + before, size, MADV_HUGEPAGE);
    return p + before;
}

void pages_sparse(void *p, size_t size) { (void)madvise(p, size, MADV_NOHUGEPAGE); }

void pages_free(void *p, size_t size)
{
    if (p) munmap(p, size);
}
