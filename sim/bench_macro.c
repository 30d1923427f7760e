/* See bench_macro.h. */
#include "sim/bench_macro.h"

#include <string.h>
#include "sim/config.h"
#include "sim/core/cost.h"

enum kind { FIGURE_, LIMIT_, ORDER_ };
static const struct published { enum kind kind; const char *load, *machine, *than, *model; unsigned hundredths; const char *source; } rows[] = {
#define FIGURE(load, machine, model, hundredths, source) { FIGURE_, load, machine, "native", model, hundredths, source },
#define LIMIT(load, machine, model, hundredths, source) { LIMIT_, load, machine, "native", model, hundredths, source },
#define ORDER(load, faster, slower, model, source) { ORDER_, load, faster, slower, model, 100, source },
#include "sim/bench_macro.def"
};
enum { ROWS = sizeof rows / sizeof rows[0], NAME = 9, COLUMN = 14, NESTED = 3 /* generation of VMX */ };

bool macro_plan(struct sweep *s, const struct options *o, struct err *e)
{
    struct model m;
    if (!config_model(&o->machine, &m, e)) return false;
    bool nested = m.vmx >= NESTED && m.cost[COST_CPU_EPT];
    return sweep_plan(s, nested ? "native,bt,vtx,vtx/two-level,pv" : "native,bt,vtx,pv", o, e);
}

/* --- what is asked ---------------------------------------------------------------------------------------------------- */

static const struct sweep_point *point(const struct sweep *s, const char *load, const char *machine)
{
    for (unsigned l = 0; l < s->loads; l++)
        for (unsigned m = 0; m < s->machines; m++)
            if (!strcmp(s->load[l].name, load) && !strcmp(s->cpu[m], machine) && s->point[l][m][0].there) return &s->point[l][m][0];
    return NULL;
}

/* Both cycles of a row that can be asked of this model and these machines. */
static bool is_asked(const struct sweep *s, const struct published *p, double *one, double *other)
{
    const struct sweep_point *a = point(s, p->load, p->machine), *b = point(s, p->load, p->than);
    if (!a || !b || !b->cycles || (*p->model && strcmp(p->model, s->o->machine.model))) return false;
    *one = (double)a->cycles, *other = (double)b->cycles;
    return true;
}

static bool holds(const struct published *p, double one, double other)
{
    return p->kind == ORDER_ ? one < other : one <= other * p->hundredths / 100;
}

/* --- for people ------------------------------------------------------------------------------------------------------- */

static void say_table(const struct sweep *s, struct say *out)
{
    say_add(out, "%-*s", NAME, "");
    for (unsigned m = 0; m < s->machines; m++) say_role(out, ROLE_TITLE, "%*s", COLUMN, s->cpu[m]);
    say_add(out, "\n");
    for (unsigned l = 0; l < s->loads; l++) {
        const struct sweep_point *bare = point(s, s->load[l].name, "native");
        say_add(out, "%-*s", NAME, s->load[l].name);
        for (unsigned m = 0; m < s->machines; m++) {
            const struct sweep_point *p = &s->point[l][m][0];
            struct text t = { 0 };
            if (!p->there) text_add(&t, "-");
            else if (p == bare || !bare) text_number(&t, p->cycles);
            else text_add(&t, "%.2f", (double)p->cycles / (double)bare->cycles);
            say_add(out, "%*s", COLUMN, text_str(&t));
            text_free(&t);
        }
        say_add(out, "\n");
    }
}

static void say_refusals(const struct sweep *s, struct say *out)
{
    for (unsigned l = 0; l < s->loads; l++)
        for (unsigned m = 0; m < s->machines; m++) {
            struct text t = { 0 };
            text_add(&t, "%s: %s", s->cpu[m], s->refusal[l][m]);
            if (s->refusal[l][m][0]) say_wrap(out, "  ", 2, text_str(&t));
            text_free(&t);
        }
}

static void say_figures(const struct sweep *s, struct say *out)
{
    double one, other;
    unsigned n = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        const struct published *p = &rows[i];
        if (p->kind != FIGURE_ || !is_asked(s, p, &one, &other)) continue;
        if (!n++) say_role(out, ROLE_TITLE, "\npublished, of other guests, as recalled: docs/bench.md says why ours differ\n");
        struct text t = { 0 };
        text_add(&t, "%-5s %5.2f, ours %5.2f; %s", p->machine, p->hundredths / 100.0, one / other, p->source);
        say_add(out, "  %-*s", NAME, p->load);
        say_wrap(out, "", 11, text_str(&t));
        text_free(&t);
    }
}

static void say_orders(const struct sweep *s, struct say *out)
{
    double one, other;
    unsigned asked = 0, good = 0;
    say_role(out, ROLE_TITLE, "\nas literature has it\n");
    for (unsigned i = 0; i < ROWS; i++) {
        const struct published *p = &rows[i];
        if (p->kind == FIGURE_ || !is_asked(s, p, &one, &other)) continue;
        struct text t = { 0 };
        bool yes = holds(p, one, other);
        asked++, good += yes;
        say_role(out, yes ? ROLE_GOOD : ROLE_BAD, "  %s", say_mark(out, yes));
        if (p->kind == ORDER_) text_add(&t, "%s: %s beats %s", p->load, p->machine, p->than);
        else text_add(&t, "%s: %s within %.2f of native", p->load, p->machine, p->hundredths / 100.0);
        say_add(out, " %-37s", text_str(&t));
        text_clear(&t);
        text_add(&t, "%.2f; %s", one / other, p->source);
        say_wrap(out, " ", 42, text_str(&t));
        text_free(&t);
    }
    say_add(out, "\n%u of %u hold\n", good, asked);
}

void macro_text(const struct sweep *s, struct say *out)
{
    say_role(out, ROLE_TITLE, "Workloads of mini");
    say_add(out, ", model %s: cycles of native, and times that\n\n", s->o->machine.model);
    say_table(s, out);
    say_refusals(s, out);
    say_figures(s, out);
    say_orders(s, out);
}

/* --- for programs ----------------------------------------------------------------------------------------------------- */

static void json_rows(const struct sweep *s, bool figures, struct text *out)
{
    double one, other;
    unsigned n = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        const struct published *p = &rows[i];
        if ((p->kind == FIGURE_) != figures || !is_asked(s, p, &one, &other)) continue;
        text_add(out, "%s\n    {\"workload\": \"%s\", \"machine\": \"%s\", \"than\": \"%s\", \"ratio\": %.4f, ", n++ ? "," : "", p->load, p->machine,
                 p->than, one / other);
        if (figures) text_add(out, "\"published\": %.2f, ", p->hundredths / 100.0);
        else text_add(out, "\"at_most\": %.2f, \"holds\": %s, ", p->hundredths / 100.0, holds(p, one, other) ? "true" : "false");
        text_add(out, "\"source\": ");
        text_json(out, p->source);
        text_add(out, "}");
    }
}

void macro_json(const struct sweep *s, struct text *out)
{
    unsigned n = 0;
    text_add(out, "{\n  \"benchmark\": \"macro\",\n  \"model\": ");
    text_json(out, s->o->machine.model);
    text_add(out, ",\n  \"points\": [");
    for (unsigned l = 0; l < s->loads; l++)
        for (unsigned m = 0; m < s->machines; m++) {
            const struct sweep_point *p = &s->point[l][m][0];
            if (!p->there) continue;
            text_add(out, "%s\n    {\"workload\": \"%s\", \"machine\": \"%s\", \"cycles\": %llu, \"exits\": %lld}", n++ ? "," : "", s->load[l].name,
                     s->cpu[m], (unsigned long long)p->cycles, (long long)p->exits);
        }
    text_add(out, "\n  ],\n  \"published\": [");
    json_rows(s, true, out);
    text_add(out, "\n  ],\n  \"orders\": [");
    json_rows(s, false, out);
    text_add(out, "\n  ]\n}\n");
}
