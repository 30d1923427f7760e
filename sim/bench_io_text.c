/* What was measured, for people and programs; see bench_io.h. */
#include "sim/bench_io.h"

#include <stdlib.h>
#include <string.h>
#include "sim/core/text.h"

enum kind { FEWER_, WITHIN_ };
enum measure { EXITS = BENCH_IO_EXITS, PORT = BENCH_IO_PORT, IRQ = BENCH_IO_IRQ, CALL = BENCH_IO_CALL, PROCESS = BENCH_IO_PROCESS, CYCLES = BENCH_IO_CYCLES };
static const struct row { enum kind kind; const char *operation; enum measure measure; const char *way, *than; unsigned least, most; const char *source; } rows[] = {
#define FEWER(operation, measure, few, more, source) { FEWER_, operation, measure, few, more, 0, 0, source },
#define WITHIN(operation, measure, way, least, most, source) { WITHIN_, operation, measure, way, "", least, most, source },
#include "sim/bench_io.def"
};
enum { ROWS = sizeof rows / sizeof rows[0], NAME = 18, COLUMN = 10 };
static const char *const measure_names[BENCH_IO_MEASURES] = { "exits", "port", "irq", "hypercall", "process", "cycles" };

static double of_one(const struct bench_io *b, unsigned way, unsigned operation, unsigned measure)
{
    return (double)b->cell[way][operation].sum[measure] / bench_io_times(operation);
}

/* --- what is asked ---------------------------------------------------------------------------------------------------- */

static bool find(const struct bench_io *b, const char *way, const char *operation, unsigned measure, double *value)
{
    for (unsigned n = 0; n < b->ways; n++)
        for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++)
            if (!strcmp(bench_io_way(n), way) && !strcmp(bench_io_operation(i), operation) && b->cell[n][i].there)
                return *value = of_one(b, n, i, measure), true;
    return false;
}

static bool is_asked(const struct bench_io *b, const struct row *r, double *one, double *other)
{
    *other = 0;
    return find(b, r->way, r->operation, r->measure, one) && (r->kind == WITHIN_ || find(b, r->than, r->operation, r->measure, other));
}

static bool holds(const struct row *r, double one, double other)
{
    return r->kind == FEWER_ ? one < other : one * 100 >= r->least && one * 100 <= r->most;
}

/* --- for people ------------------------------------------------------------------------------------------------------- */

static void say_figure(struct say *out, unsigned measure, double value)
{
    struct text t = { 0 };
    if (measure == BENCH_IO_CYCLES) text_number(&t, (unsigned long long)(value + 0.5));
    else text_add(&t, value == 0 ? "-" : "%.1f", value);
    say_add(out, "%*s", COLUMN, text_str(&t));
    text_free(&t);
}

static void say_table(const struct bench_io *b, unsigned operation, struct say *out)
{
    static const char *const titles[BENCH_IO_OPERATIONS] = { "4 KB read from a disk", "A frame of 64 bytes sent, and its answer" };
    say_role(out, ROLE_TITLE, "%s%s", operation ? "\n" : "", titles[operation]);
    say_add(out, "\n%-*s", NAME, "");
    for (unsigned i = 0; i < BENCH_IO_MEASURES; i++) say_role(out, ROLE_TITLE, "%*s", COLUMN, measure_names[i]);
    say_add(out, "\n");
    for (unsigned n = 0; n < b->ways; n++) {
        if (!b->cell[n][operation].there) continue;
        say_add(out, "%-*s", NAME, bench_io_way(n));
        for (unsigned i = 0; i < BENCH_IO_MEASURES; i++) say_figure(out, i, of_one(b, n, operation, i));
        say_add(out, "\n");
    }
}

static void say_orders(const struct bench_io *b, struct say *out)
{
    double one, other;
    unsigned asked = 0, good = 0;
    say_role(out, ROLE_TITLE, "\nas literature has it\n");
    for (unsigned i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        if (!is_asked(b, r, &one, &other)) continue;
        struct text t = { 0 };
        bool yes = holds(r, one, other);
        asked++, good += yes;
        say_role(out, yes ? ROLE_GOOD : ROLE_BAD, "  %s", say_mark(out, yes));
        if (r->kind == FEWER_) text_add(&t, "%s, %s: %s < %s; ", r->operation, measure_names[r->measure], r->way, r->than);
        else text_add(&t, "%s, %s: %s %.1f, between %.1f and %.1f; ", r->operation, measure_names[r->measure], r->way, one, r->least / 100.0, r->most / 100.0);
        text_add(&t, "%s", r->source);
        say_wrap(out, " ", 6, text_str(&t));
        text_free(&t);
    }
    say_add(out, "\n%u of %u hold\n", good, asked);
}

void bench_io_text(const struct bench_io *b, struct say *out)
{
    say_role(out, ROLE_TITLE, "Exits for an operation");
    say_add(out, ", model %s: all; those for ports, interrupts,\nhypercalls; crossings to a host's process; cycles until the next one\n\n", b->o->machine.model);
    for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++) say_table(b, i, out);
    for (unsigned n = 0; n < b->ways; n++)
        for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++) {
            struct text t = { 0 };
            text_add(&t, "%s, %s: %s", bench_io_way(n), bench_io_operation(i), b->refusal[n][i]);
            if (b->refusal[n][i][0]) say_wrap(out, "  ", 2, text_str(&t));
            text_free(&t);
        }
    say_orders(b, out);
}

/* --- for programs ----------------------------------------------------------------------------------------------------- */

static void json_orders(const struct bench_io *b, struct text *out)
{
    double one, other;
    unsigned n = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        if (!is_asked(b, r, &one, &other)) continue;
        text_add(out, "%s\n    {\"operation\": \"%s\", \"measure\": \"%s\", \"way\": \"%s\", ", n++ ? "," : "", r->operation, measure_names[r->measure], r->way);
        text_add(out, "\"value\": %.4f, ", one);
        if (r->kind == FEWER_) text_add(out, "\"than\": \"%s\", \"its\": %.4f, ", r->than, other);
        else text_add(out, "\"least\": %.2f, \"most\": %.2f, ", r->least / 100.0, r->most / 100.0);
        text_add(out, "\"holds\": %s, \"source\": ", holds(r, one, other) ? "true" : "false");
        text_json(out, r->source);
        text_add(out, "}");
    }
}

void bench_io_json(const struct bench_io *b, struct text *out)
{
    unsigned rows_out = 0;
    text_add(out, "{\n  \"benchmark\": \"io\",\n  \"model\": ");
    text_json(out, b->o->machine.model);
    text_add(out, ",\n  \"cells\": [");
    for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++)
        for (unsigned n = 0; n < b->ways; n++) {
            if (!b->cell[n][i].there) continue;
            text_add(out, "%s\n    {\"operation\": \"%s\", \"way\": \"%s\"", rows_out++ ? "," : "", bench_io_operation(i), bench_io_way(n));
            for (unsigned k = 0; k < BENCH_IO_MEASURES; k++) text_add(out, ", \"%s\": %.4f", measure_names[k], of_one(b, n, i, k));
            text_add(out, "}");
        }
    text_add(out, "\n  ],\n  \"orders\": [");
    json_orders(b, out);
    text_add(out, "\n  ]\n}\n");
}

void bench_io_csv(const struct bench_io *b, struct text *out)
{
    text_add(out, "operation,way");
    for (unsigned k = 0; k < BENCH_IO_MEASURES; k++) text_add(out, ",%s", measure_names[k]);
    text_add(out, "\n");
    for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++)
        for (unsigned n = 0; n < b->ways; n++) {
            if (!b->cell[n][i].there) continue;
            text_add(out, "%s,\"%s\"", bench_io_operation(i), bench_io_way(n));
            for (unsigned k = 0; k < BENCH_IO_MEASURES; k++) text_add(out, ",%.4f", of_one(b, n, i, k));
            text_add(out, "\n");
        }
}
