/* The nano-benchmarks for people and programs; see bench_nano.h. */
#include <math.h>
#include <string.h>
#include "sim/bench_nano.h"

enum { COLUMNS = 3 };
static const double tolerance = 0.25, tie = 0.05;

static const struct bench_cell *cell(const struct bench_nano *b, unsigned row, unsigned run) { return &b->cell[row][run]; }

static double ratio(const struct bench_nano *b, unsigned row, unsigned run)
{
    return cell(b, row, run)->cycles / bench_paper[row][run].cycles;
}

static bool near(const struct bench_nano *b, unsigned row, unsigned run) { return fabs(ratio(b, row, run) - 1) <= tolerance; }

/* Exits are whole: what one operation in a loop takes, so a tenth may be lost to the loop's own beginning. */
static bool exits_right(const struct bench_nano *b, unsigned row, unsigned run)
{
    return !bench_paper[row][run].cycles || bench_paper[row][run].exits < 0 || fabs(cell(b, row, run)->traps - bench_paper[row][run].exits) < 1e-9;
}

/* Only one model is of the paper's machine: of others nothing is fitted, and nothing predicted. */
static bool is_papers(const struct bench_nano *b) { return !strcmp(b->model.name, "p4"); }

/* --- the text ------------------------------------------------------------------------------------------------------- */

static void say_number(struct say *out, int wide, double v)
{
    struct text t = { 0 };
    if (v < 99.95) text_add(&t, "%.1f", v);
    else text_number(&t, (unsigned long long)(v + 0.5));
    say_add(out, "%*s", wide, text_str(&t));
    text_free(&t);
}

static void say_cell(const struct bench_nano *b, unsigned row, unsigned run, struct say *out)
{
    const struct bench_paper *p = &bench_paper[row][run];
    if (!cell(b, row, run)->there) say_add(out, "%8s", "-");
    else say_number(out, 8, cell(b, row, run)->cycles);
    if (p->cycles) say_number(out, 7, p->cycles);
    else say_add(out, "%7s", "-");
    if (!p->cycles || !cell(b, row, run)->there) {
        say_add(out, "%7s ", "");
        return;
    }
    bool quiet = p->fitted || near(b, row, run);
    say_add(out, " %6.2f", ratio(b, row, run));
    if (!is_papers(b)) {
        say_add(out, " ");
        return;
    }
    say_role(out, quiet ? ROLE_PLAIN : ROLE_WARN, "%s", p->fitted ? "f" : quiet ? " " : "!");
}

static void say_cycles(const struct bench_nano *b, struct say *out)
{
    say_add(out, "%-9s", "");
    for (unsigned run = 0; run < COLUMNS; run++) say_role(out, ROLE_TITLE, "%8s%15s", bench_machines[run].name, "");
    say_add(out, "\n%-9s", "");
    for (unsigned run = 0; run < COLUMNS; run++) say_add(out, "%8s%7s%7s ", "ours", "paper", "ratio");
    say_add(out, "\n");
    for (unsigned row = 0; row < BENCH_RDTSC; row++) {
        say_add(out, "%-9s", bench_operations[row].name);
        for (unsigned run = 0; run < COLUMNS; run++) say_cell(b, row, run, out);
        say_add(out, "\n");
    }
    static const struct { const char *name; unsigned row, run; } emulated[] = {
        { "trap", BENCH_RDTSC, BENCH_TRAP }, { "callout", BENCH_RDTSC, BENCH_CALLOUT }, { "in-cache", BENCH_RDTSC, BENCH_BT },
    };
    say_add(out, "\n%-9s", "");
    for (unsigned i = 0; i < COLUMNS; i++) say_role(out, ROLE_TITLE, "%8s%15s", emulated[i].name, "");
    say_add(out, "\n%-9s", bench_operations[BENCH_RDTSC].name);
    for (unsigned i = 0; i < COLUMNS; i++) say_cell(b, emulated[i].row, emulated[i].run, out);
    say_add(out, "\n");
}

/* RDTSC is compared across ways of emulating it; the other rows across machines. */
static bool is_told(const struct bench_nano *b, unsigned row, unsigned run)
{
    return b->cell[row][run].there && (run <= BENCH_VTX || bench_paper[row][run].cycles);
}

static void say_exits(const struct bench_nano *b, struct say *out)
{
    say_role(out, ROLE_TITLE, "\nexits an operation\n");
    for (unsigned row = 0; row < BENCH_ROWS; row++) {
        say_add(out, "%-10s", bench_operations[row].name);
        for (unsigned run = BENCH_BT; run < BENCH_RUNS; run++) {
            const struct bench_cell *c = cell(b, row, run);
            if (!is_told(b, row, run)) continue;
            say_add(out, "  %s ", bench_machines[run].name);
            say_add(out, c->traps == floor(c->traps) ? "%.0f" : "%.3f", c->traps);
            if (c->callouts > 0) say_add(out, " (callouts %.2f)", c->callouts);
            if (!bench_paper[row][run].cycles || bench_paper[row][run].exits < 0) continue;
            if (exits_right(b, row, run)) say_role(out, ROLE_GOOD, " %s", say_mark(out, true));
            else say_role(out, ROLE_WARN, " %s, not %d", say_mark(out, false), bench_paper[row][run].exits);
        }
        say_add(out, "\n");
    }
}

static void say_causes(const struct bench_nano *b, struct say *out)
{
    say_role(out, ROLE_TITLE, "\ncycles by cause\n");
    for (unsigned row = 0; row < BENCH_ROWS; row++)
        for (unsigned run = 0; run < BENCH_RUNS; run++) {
            const struct bench_cell *c = cell(b, row, run);
            if (!is_told(b, row, run)) continue;
            struct text line = { 0 };
            for (unsigned i = 0; i < CAUSE_COUNT; i++)
                if (fabs(c->by_cause[i]) >= 0.05) text_add(&line, "%s%s %.1f", line.len ? ", " : "", cause_name(i), c->by_cause[i]);
            say_add(out, "%-10s ", bench_operations[row].name);
            say_wrap(out, run == BENCH_NATIVE ? "native  " : run == BENCH_BT ? "bt      " : run == BENCH_VTX ? "vtx     " :
                     run == BENCH_TRAP ? "trap    " : "callout ", 8, text_str(&line));
            text_free(&line);
        }
}

/* --- the verdict ---------------------------------------------------------------------------------------------------- */

struct verdict { unsigned predicted, near, orders, hold, exits, exact; };

static int sign(double a, double b) { return a < b * (1 - tie) ? -1 : b < a * (1 - tie) ? 1 : 0; }

/* Who beats whom: each pair of machines in a row, and of rows in a column, as far as the paper's figures are apart. */
static bool order_holds(const struct bench_nano *b, unsigned row, unsigned run, unsigned other_row, unsigned other_run, bool *said)
{
    const struct bench_paper *p = &bench_paper[row][run], *q = &bench_paper[other_row][other_run];
    const struct bench_cell *c = cell(b, row, run), *d = cell(b, other_row, other_run);
    int want = sign(p->cycles, q->cycles);
    *said = p->cycles && q->cycles && c->there && d->there && want;
    return *said && (c->cycles < d->cycles) == (want < 0) && c->cycles != d->cycles;
}

static void judge_orders(const struct bench_nano *b, struct verdict *v, struct text *wrong)
{
    bool said;
    for (unsigned row = 0; row < BENCH_RDTSC; row++)
        for (unsigned i = 0; i < COLUMNS; i++)
            for (unsigned k = i + 1; k < COLUMNS; k++) {
                bool holds = order_holds(b, row, i, row, k, &said);
                v->orders += said;
                v->hold += holds;
                if (said && !holds)
                    text_add(wrong, "%s%s: %s and %s", wrong->len ? "; " : "", bench_operations[row].name, bench_machines[i].name,
                             bench_machines[k].name);
            }
}

static void judge(const struct bench_nano *b, struct verdict *v, struct text *far, struct text *wrong, struct text *miscounted)
{
    for (unsigned row = 0; row < BENCH_ROWS; row++)
        for (unsigned run = 0; run < BENCH_RUNS; run++) {
            const struct bench_paper *p = &bench_paper[row][run];
            if (!p->cycles || !cell(b, row, run)->there) continue;
            v->predicted += !p->fitted;
            v->near += !p->fitted && near(b, row, run);
            if (!p->fitted && !near(b, row, run))
                text_add(far, "%s%s %s %.2f", far->len ? ", " : "", bench_operations[row].name, bench_machines[run].name, ratio(b, row, run));
            v->exits += p->exits >= 0;
            v->exact += p->exits >= 0 && exits_right(b, row, run);
            if (!exits_right(b, row, run))
                text_add(miscounted, "%s%s %s", miscounted->len ? ", " : "", bench_operations[row].name, bench_machines[run].name);
        }
    judge_orders(b, v, wrong);
}

static void say_verdict(const struct bench_nano *b, struct say *out)
{
    struct verdict v = { 0 };
    struct text far = { 0 }, wrong = { 0 }, miscounted = { 0 }, t = { 0 };
    if (!is_papers(b)) {
        say_add(out, "\nThe paper's machine is a Pentium 4: --model p4 is held against it.\n");
        return;
    }
    judge(b, &v, &far, &wrong, &miscounted);
    text_add(&t, "%u of %u predicted cells are within 25 %%%s%s", v.near, v.predicted, far.len ? "; not (ratio): " : "", text_str(&far));
    say_add(out, "\n");
    say_wrap(out, "", 0, text_str(&t));
    text_clear(&t);
    text_add(&t, "%u of %u orders hold%s%s", v.hold, v.orders, wrong.len ? "; not: " : "", text_str(&wrong));
    say_wrap(out, "", 0, text_str(&t));
    text_clear(&t);
    text_add(&t, "%u of %u counts of exits are exact%s%s", v.exact, v.exits, miscounted.len ? "; not: " : "", text_str(&miscounted));
    say_wrap(out, "", 0, text_str(&t));
    say_add(out, "\nf: fitted, !: predicted and more than 25 %% off. Fitted: the native column and\n");
    for (const struct bench_constant *c = bench_constants; c->row; c++) say_add(out, "  %-16s %s\n", c->row, c->why);
    say_add(out, "Assumed, not fitted:\n  %-16s %s\n", "vmx.bitmap", "as VMREAD; it is why divzero under vtx is slower than bare");
    text_free(&t);
    text_free(&far);
    text_free(&wrong);
    text_free(&miscounted);
}

void bench_nano_text(const struct bench_nano *b, bool causes, struct say *out)
{
    say_role(out, ROLE_TITLE, "Nano-benchmarks of Adams & Agesen 2006");
    say_add(out, ": cycles an operation, model %s\n", b->model.name);
    say_add(out, "(the paper's: Pentium 4 672, 3.8 GHz, a 64-bit guest of VMware Player 1.0.1)\n\n");
    say_cycles(b, out);
    for (unsigned run = 0; run < BENCH_RUNS; run++)
        if (b->refusal[run][0]) {
            struct text t = { 0 };
            text_add(&t, "%s: %s", bench_machines[run].name, b->refusal[run]);
            say_wrap(out, "", 0, text_str(&t));
            text_free(&t);
        }
    say_exits(b, out);
    if (causes) say_causes(b, out);
    say_verdict(b, out);
}

/* --- for programs --------------------------------------------------------------------------------------------------- */

void bench_nano_json(const struct bench_nano *b, struct text *out)
{
    struct verdict v = { 0 };
    struct text ignored = { 0 };
    unsigned n = 0;
    judge(b, &v, &ignored, &ignored, &ignored);
    text_free(&ignored);
    text_add(out, "{\n  \"benchmark\": \"nano\",\n  \"model\": \"%s\",\n  \"cells\": [", b->model.name);
    for (unsigned row = 0; row < BENCH_ROWS; row++)
        for (unsigned run = 0; run < BENCH_RUNS; run++) {
            const struct bench_cell *c = cell(b, row, run);
            const struct bench_paper *p = &bench_paper[row][run];
            if (!is_told(b, row, run)) continue;
            text_add(out, "%s\n    {\"operation\": \"%s\", \"machine\": \"%s\", \"cycles\": %.3f, \"paper\": ", n++ ? "," : "",
                     bench_operations[row].name, bench_machines[run].name, c->cycles);
            if (p->cycles) text_add(out, "%u, \"fitted\": %s, ", p->cycles, p->fitted ? "true" : "false");
            else text_add(out, "null, \"fitted\": false, ");
            text_add(out, "\"exits\": %.3f, \"callouts\": %.3f, \"by_cause\": {", c->traps, c->callouts);
            for (unsigned i = 0, k = 0; i < CAUSE_COUNT; i++)
                if (c->by_cause[i] != 0) text_add(out, "%s\"%s\": %.3f", k++ ? ", " : "", cause_name(i), c->by_cause[i]);
            text_add(out, "}}");
        }
    text_add(out, "\n  ],\n  \"predicted\": %u, \"within_25_percent\": %u,\n  \"orders\": %u, \"orders_hold\": %u,\n"
             "  \"exit_counts\": %u, \"exit_counts_exact\": %u\n}\n", v.predicted, v.near, v.orders, v.hold, v.exits, v.exact);
}

void bench_nano_csv(const struct bench_nano *b, struct text *out)
{
    text_add(out, "operation,machine,cycles,paper,ratio,fitted,exits,callouts\n");
    for (unsigned row = 0; row < BENCH_ROWS; row++)
        for (unsigned run = 0; run < BENCH_RUNS; run++) {
            const struct bench_cell *c = cell(b, row, run);
            const struct bench_paper *p = &bench_paper[row][run];
            if (!is_told(b, row, run)) continue;
            text_add(out, "%s,%s,%.3f,", bench_operations[row].name, bench_machines[run].name, c->cycles);
            if (p->cycles) text_add(out, "%u,%.4f,%d,", p->cycles, ratio(b, row, run), p->fitted);
            else text_add(out, ",,,");
            text_add(out, "%.3f,%.3f\n", c->traps, c->callouts);
        }
}
