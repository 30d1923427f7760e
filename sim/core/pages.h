/* Memory of the host for what is large: guest RAM, history, snapshots.
 *
 * Idea: it comes zeroed and untouched, and costs nothing until it is used; in the host's large pages where it has them, so
 * that first touches are few, and misses of the host's own TLB, too. */
#ifndef CORE_PAGES_H
#define CORE_PAGES_H

#include <stddef.h>

enum { PAGES_LARGE = 2 << 20 }; /* bytes of a large page: what is smaller gains nothing */

void *pages_alloc(size_t size); /* at a multiple of PAGES_LARGE, if it is as large; NULL: none left */
void  pages_sparse(void *p, size_t size); /* it will be used in small pieces: no large pages from now on */
void  pages_free(void *p, size_t size);

#endif
