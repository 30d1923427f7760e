/* A diagram of a whole address space: the guest's tables, the frame map and the tables the CPU walks side by side, what the latter
 * lack, and what changed between two moments. */
#ifndef SIM_PICTURE_TABLES_H
#define SIM_PICTURE_TABLES_H

#include "sim/picture.h"

enum { TABLES_RUNS = 4096 };
struct tables_moment {
    uint64_t cycle;
    unsigned runs, guest_tables, real_tables, all_tables; /* all_tables: the hypervisor's, of every root */
    struct machine_page run[TABLES_RUNS];
};
/* What the machine's tables say now. */
void tables_sample(struct tables_moment *t, const struct machine *m);
/* Draws `now` to `path` ("-": stdout), with what changed since `before` (NULL: nothing is marked). */
bool tables_write(const struct subject *s, const struct picture *p, const struct tables_moment *before, const struct tables_moment *now,
                  const char *path, struct err *e);

#endif
