/* Workloads on several machines while one figure of the model changes: how the techniques cross over.
 *
 * Idea: a point is one run (two with the twin that is taken off), independent of all others and exactly repeatable; so a
 * sweep can be spread over many computers (--shard), and the straight line under vtx, run time against the cost of a VM exit,
 * is straight to the cycle where no timer ticks. */
#ifndef SIM_BENCH_SWEEP_H
#define SIM_BENCH_SWEEP_H

#include "sim/options.h"
#include "sim/say.h"
#include "sim/trace/cause.h"

enum { SWEEP_LOADS = 8, SWEEP_MACHINES = 8, SWEEP_STEPS = 101 };

struct sweep_point {
    bool     there;
    uint64_t cycles, vmexits, vmentries;
    int64_t  exits; /* to the hypervisor, callouts included; less than none if booting took one more in the twin */
    uint64_t by_cause[CAUSE_COUNT];
};
struct sweep {
    const struct options *o;
    char     key[48];                           /* of --set; "": one point, nothing is changed */
    unsigned steps, loads, machines, shard, shards;
    uint32_t value[SWEEP_STEPS];
    struct sweep_load { char name[40]; const char *program; unsigned times; char image[512], pv[512], module[512]; } load[SWEEP_LOADS];
    char     cpu[SWEEP_MACHINES][16];
    char     refusal[SWEEP_LOADS][SWEEP_MACHINES][240]; /* "": none */
    struct sweep_point point[SWEEP_LOADS][SWEEP_MACHINES][SWEEP_STEPS];
};

/* Reads the command line: operands from the second on, --set KEY=A..B[:STEPS], --on (else `machines`), --shard. EXIT_USAGE. */
bool sweep_plan(struct sweep *s, const char *machines, const struct options *o, struct err *e);
bool sweep_run(struct sweep *s, struct err *e); /* false: a guest failed, ^C, --limit-wall */

/* bench_sweep_text.c */
void sweep_text(const struct sweep *s, struct say *out);
void sweep_json(const struct sweep *s, struct text *out);
void sweep_csv(const struct sweep *s, struct text *out);
void sweep_svg(const struct sweep *s, const char *theme, struct text *out);

#endif
