/* Measuring the nano-benchmarks; see bench_nano.h. What is printed is bench_nano_text.c's. */
#include "sim/bench_nano.h"

#include <stdio.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/machine.h"
#include "sim/subject.h"

enum { NAME = 16, LOOPS = 24 };

/* What the machine's clock and trace say at a mark. */
struct mark { uint64_t cycles, by_cause[CAUSE_COUNT], traps, callouts; };
/* A loop of the guest, as its last round was. */
struct loop { char name[NAME]; struct mark begun, spent; };
struct running {
    struct machine *m;
    uint32_t at, times;       /* nano_mark; operations in a loop */
    size_t seen;              /* events counted so far */
    struct mark now;
    unsigned n;
    struct loop loop[LOOPS];
};

const struct bench_machine bench_machines[BENCH_RUNS] = {
#define RUN(e, name, cpu, set) { name, cpu, set },
#include "sim/bench_nano.def"
};
const struct bench_operation bench_operations[BENCH_ROWS] = {
#define ROW(e, name, twin, about) { name, twin, about },
#include "sim/bench_nano.def"
};
enum { PREDICTED, FITTED, ANY = -1 };
const struct bench_paper bench_paper[BENCH_ROWS][BENCH_RUNS] = {
#define CELL(row, run, paper, fit, exits) [BENCH_##row][BENCH_##run] = { paper, fit, exits },
#include "sim/bench_nano.def"
};
const struct bench_constant bench_constants[] = {
#define CONSTANT(row, why) { row, why },
#include "sim/bench_nano.def"
    { NULL, NULL }
};

/* --- marks ---------------------------------------------------------------------------------------------------------- */

static void count_exits(struct running *r)
{
    const struct trace *t = machine_trace_of(r->m);
    for (; r->seen < trace_count(t); r->seen++) {
        const struct event *e = trace_at(t, r->seen);
        if (e->kind != EV_EXIT) continue;
        if (!strcmp(trace_name("exit", e->u.EXIT.reason), "callout")) r->now.callouts++;
        else r->now.traps++;
    }
}

static void look(struct running *r)
{
    count_exits(r);
    r->now.cycles = machine_cycles(r->m);
    machine_causes(r->m, r->now.by_cause);
}

static void subtract(struct mark *a, const struct mark *b)
{
    a->cycles -= b->cycles;
    a->traps -= b->traps;
    a->callouts -= b->callouts;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) a->by_cause[c] -= b->by_cause[c];
}

static struct loop *loop_named(struct running *r, const char *name, bool make)
{
    for (unsigned i = 0; i < r->n; i++)
        if (!strcmp(r->loop[i].name, name)) return &r->loop[i];
    if (!make || r->n == LOOPS) return NULL;
    snprintf(r->loop[r->n].name, NAME, "%s", name);
    return &r->loop[r->n++];
}

/* nano_mark(name, end) is about to run. */
static bool on_mark(struct running *r)
{
    struct machine_cpu guest;
    struct { uint32_t back, name, end; } args;
    char name[NAME];
    machine_guest(r->m, &guest);
    if (!machine_peek_guest(r->m, gva(guest.reg[4]), &args, sizeof args) ||
        !machine_peek_guest(r->m, gva(args.name), name, sizeof name)) return false;
    name[NAME - 1] = 0;
    struct loop *l = loop_named(r, name, true);
    if (!l) return false;
    look(r);
    if (!args.end) {
        l->begun = r->now;
    } else {
        l->spent = r->now;
        subtract(&l->spent, &l->begun);
    }
    return true;
}

/* --- one machine ---------------------------------------------------------------------------------------------------- */

static bool prepare(struct running *r, const struct machine_cfg *cfg, struct err *e)
{
    uint32_t times;
    r->m = machine_new(cfg, e);
    if (!r->m) return false;
    if (!machine_find_symbol(r->m, "nano_mark", &r->at) || !machine_find_symbol(r->m, "nano_times", &times) ||
        !machine_peek_gpa(r->m, gpa(times), &r->times, sizeof r->times) || !r->times)
        return err_set(e, EXIT_INPUT, "%s: not the guest nano; `make guests` builds it", cfg->image);
    return true;
}

static bool run_marks(struct running *r, struct err *e)
{
    const struct till till = { .kind = TILL_LABEL, .a = r->at };
    enum machine_stop stop;
    guard_watch(r->m);
    do {
        if (guard_error(e)) break;
        stop = machine_run(r->m, &till, UINT64_MAX);
        if (stop == MACHINE_TILL && !on_mark(r)) err_set(e, EXIT_BUG, "bench nano: a mark without a name");
    } while (stop != MACHINE_ENDED && !e->code);
    guard_watch(NULL);
    struct machine_end end = machine_end(r->m);
    if (!e->code && machine_exit_code(r->m))
        err_set(e, machine_exit_code(r->m), "bench nano, %s: %s", machine_config(r->m)->cpu, end.why);
    return !e->code;
}

static void fill_cell(struct running *r, unsigned row, struct bench_cell *cell)
{
    const struct loop *with = loop_named(r, bench_operations[row].name, false), *without = loop_named(r, bench_operations[row].twin, false);
    if (!with || !without) return;
    double n = r->times;
    cell->there = true;
    cell->cycles = ((double)with->spent.cycles - (double)without->spent.cycles) / n;
    cell->traps = ((double)with->spent.traps - (double)without->spent.traps) / n;
    cell->callouts = ((double)with->spent.callouts - (double)without->spent.callouts) / n;
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        cell->by_cause[c] = ((double)with->spent.by_cause[c] - (double)without->spent.by_cause[c]) / n;
}

static bool configure(struct machine_cfg *cfg, unsigned run, struct err *e)
{
    cfg->mmu[0] = 0;
    char sets[64], *rest = sets;
    bool ok = config_option(cfg, "cpu", bench_machines[run].cpu, e);
    snprintf(sets, sizeof sets, "%s", bench_machines[run].set ? bench_machines[run].set : "");
    for (char *word; ok && (word = strtok_r(rest, " ", &rest)); ) ok = config_option(cfg, "set", word, e);
    return ok && config_check(cfg, e);
}

static bool run_one(struct bench_nano *b, const struct machine_cfg *cfg, unsigned run, struct err *e)
{
    static struct running r; /* large */
    struct machine_cfg own = *cfg;
    struct err why = { 0 };
    r = (struct running){ 0 };
    bool ok = configure(&own, run, &why) && prepare(&r, &own, &why) && run_marks(&r, &why);
    if (!ok && why.code == EXIT_USAGE) snprintf(b->refusal[run], sizeof b->refusal[run], "%.190s", why.text);
    else if (!ok) err_set(e, why.code, "%s", why.text);
    for (unsigned row = 0; ok && row < BENCH_ROWS; row++) fill_cell(&r, row, &b->cell[row][run]);
    machine_free(r.m);
    return !e->code;
}

bool bench_nano_run(struct bench_nano *b, const struct machine_cfg *cfg, struct err *e)
{
    static struct subject_guest guests[64];
    struct machine_cfg own = *cfg;
    memset(b, 0, sizeof *b);
    if (!config_model(cfg, &b->model, e)) return false;
    for (unsigned i = subject_guests(guests, 64); i--; )
        if (!strcmp(guests[i].name, "nano")) snprintf(own.image, sizeof own.image, "%s", guests[i].path);
    if (!own.image[0]) return err_set(e, EXIT_ENVIRONMENT, "bench nano: the guest nano was not built; `make guests` builds it");
    for (unsigned run = 0; run < BENCH_RUNS; run++)
        if (!run_one(b, &own, run, e)) return false;
    struct bench_cell *from = &b->cell[BENCH_TPR][BENCH_SHADOWED];
    if (b->cell[BENCH_TPR][BENCH_NATIVE].there) b->cell[BENCH_TPR][BENCH_VTX] = *from;
    for (unsigned row = 0; row < BENCH_ROWS; row++) b->cell[row][BENCH_SHADOWED].there = false;
    b->refusal[BENCH_SHADOWED][0] = 0; /* VTX says why */
    return true;
}
