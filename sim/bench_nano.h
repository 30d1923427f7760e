/* Adams & Agesen's nano-benchmarks on our machines, beside what they measured.
 *
 * Idea 1: the guest `nano` calls nano_mark before and behind each loop; there the machine's clock, its causes and the
 * trace's exits are read. So a cell is exact to the cycle, its exits are counted and not guessed, and its cycles have causes.
 * Idea 2: what was fitted is data (bench_nano.def), and is said beside each figure; all else is a prediction, right or wrong. */
#ifndef SIM_BENCH_NANO_H
#define SIM_BENCH_NANO_H

#include "sim/config.h"
#include "sim/core/cost.h"
#include "sim/core/text.h"
#include "sim/say.h"
#include "sim/trace/cause.h"

enum bench_run {
#define RUN(e, name, cpu, set) BENCH_##e,
#include "sim/bench_nano.def"
    BENCH_RUNS
};
enum bench_row {
#define ROW(e, name, twin, about) BENCH_##e,
#include "sim/bench_nano.def"
    BENCH_ROWS
};

/* The rows of bench_nano.def. */
struct bench_machine { const char *name, *cpu, *set; };
struct bench_operation { const char *name, *twin, *about; };
struct bench_paper { uint32_t cycles; bool fitted; int exits; /* an operation; negative: not said */ };
struct bench_constant { const char *row, *why; };
extern const struct bench_machine bench_machines[BENCH_RUNS];
extern const struct bench_operation bench_operations[BENCH_ROWS];
extern const struct bench_paper bench_paper[BENCH_ROWS][BENCH_RUNS]; /* cycles 0: not in the paper */
extern const struct bench_constant bench_constants[];                /* ends with row NULL */

/* One operation, on average over the loop. */
struct bench_cell {
    bool   there;                  /* the guest measured it */
    double cycles, traps, callouts, by_cause[CAUSE_COUNT];
};
struct bench_nano {
    struct bench_cell cell[BENCH_ROWS][BENCH_RUNS];
    char   refusal[BENCH_RUNS][200]; /* why a machine could not be made; "": it ran */
    struct model model;
};

/* Runs the guest on all machines, of `cfg`'s model and settings. False: no guest, ^C, --limit-wall. */
bool bench_nano_run(struct bench_nano *b, const struct machine_cfg *cfg, struct err *e);

/* bench_nano_text.c */
void bench_nano_text(const struct bench_nano *b, bool causes, struct say *out);
void bench_nano_json(const struct bench_nano *b, struct text *out);
void bench_nano_csv(const struct bench_nano *b, struct text *out);

#endif
