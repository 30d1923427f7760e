/* Workloads on every technique beside what was published of such: process creation, system calls, computing, TLB misses.
 *
 * Idea: it is a sweep of nothing (bench_sweep.h), and what literature says of who beats whom, as data (bench_macro.def): an order holds
 * or not; nothing was fitted to it. What a model has no machine for is not asked. */
#ifndef SIM_BENCH_MACRO_H
#define SIM_BENCH_MACRO_H

#include "sim/bench_sweep.h"

/* Plans all workloads on native, bt, vtx and pv, and with two-level tables where the model has them (or what --on says). EXIT_USAGE. */
bool macro_plan(struct sweep *s, const struct options *o, struct err *e);
/* After sweep_run. */
void macro_text(const struct sweep *s, struct say *out);
void macro_json(const struct sweep *s, struct text *out);

#endif
