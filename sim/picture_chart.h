/* Charts of one run: how long the visits to the hypervisor took (hist), who ran when (timeline). */
#ifndef SIM_PICTURE_CHART_H
#define SIM_PICTURE_CHART_H

#include "sim/picture.h"

/* Each writes to `path` ("-": stdout), whole or not at all. EXIT_USAGE where there is nothing to draw. */
bool hist_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e);
/* From the cycle of event p->from (0: the beginning) to that of p->to (0: the end). */
bool timeline_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e);

/* The rounds of a live migration. picture_migrate.c */
bool migrate_write(const struct subject *s, const struct picture *p, const char *path, struct err *e);

/* Who owns which device, in which ring and mode each part runs, and what passed between them. picture_topology.c */
bool topology_write(const struct subject *s, const struct picture *p, const char *path, struct err *e);

/* What all charts end with: text, SVG or SVG converted. EXIT_USAGE for DOT. */
bool chart_write(enum picture_format f, const struct text *svg, const struct text *txt, const char *path, struct err *e);
void chart_caption(const struct subject *s, bool ascii, struct text *out); /* "te·shadow, popf, model p4, seed 0" */

#endif
