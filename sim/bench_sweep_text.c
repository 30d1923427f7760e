/* A sweep as a table, as JSON, as CSV and as a chart; see bench_sweep.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "sim/bench_sweep.h"
#include "sim/chart.h"

static const struct sweep_point *at(const struct sweep *s, unsigned load, unsigned machine, unsigned step)
{
    return &s->point[load][machine][step];
}

/* --- what it means ---------------------------------------------------------------------------------------------------- */

/* The straight line through a machine's first and last point, and how far the others lie from it. */
struct line { double base, slope, off; };

static bool line_of(const struct sweep *s, unsigned load, unsigned machine, struct line *l)
{
    const struct sweep_point *p = at(s, load, machine, 0), *q = at(s, load, machine, s->steps - 1);
    if (s->steps < 2 || !p->there || !q->there) return false;
    l->slope = ((double)q->cycles - (double)p->cycles) / ((double)s->value[s->steps - 1] - (double)s->value[0]);
    l->base = (double)p->cycles - l->slope * s->value[0];
    l->off = 0;
    for (unsigned i = 0; i < s->steps; i++) {
        if (!at(s, load, machine, i)->there) return false;
        double off = fabs(l->base + l->slope * s->value[i] - (double)at(s, load, machine, i)->cycles);
        if (off > l->off) l->off = off;
    }
    return true;
}

/* Between which two steps, and where, machine b stops being quicker than machine a (or the other way round). */
static bool crossing(const struct sweep *s, unsigned load, unsigned a, unsigned b, unsigned step, double *where, bool *a_below)
{
    const struct sweep_point *p[2] = { at(s, load, a, step), at(s, load, a, step + 1) };
    const struct sweep_point *q[2] = { at(s, load, b, step), at(s, load, b, step + 1) };
    if (!p[0]->there || !p[1]->there || !q[0]->there || !q[1]->there) return false;
    double d0 = (double)p[0]->cycles - (double)q[0]->cycles, d1 = (double)p[1]->cycles - (double)q[1]->cycles;
    if ((d0 < 0) == (d1 < 0)) return false;
    *where = s->value[step] + (s->value[step + 1] - s->value[step]) * d0 / (d0 - d1);
    *a_below = d0 < 0;
    return true;
}

/* --- text ------------------------------------------------------------------------------------------------------------- */

enum { LABEL = 14 };

static int column(const struct sweep *s)
{
    int wide = (SAY_WIDTH - LABEL - 10) / (int)s->machines;
    return wide < 14 ? wide : 14;
}

static void say_cycles(const struct sweep *s, const struct sweep_point *p, struct say *out)
{
    struct text t = { 0 };
    if (!p->there) text_add(&t, "-");
    else if (column(s) >= 13) text_number(&t, p->cycles);
    else chart_short(&t, (double)p->cycles);
    say_add(out, "%*s", column(s), text_str(&t));
    text_free(&t);
}

static int quickest(const struct sweep *s, unsigned load, unsigned step)
{
    int best = -1;
    for (unsigned m = 0; m < s->machines; m++)
        if (strcmp(s->cpu[m], "native") && at(s, load, m, step)->there &&
            (best < 0 || at(s, load, m, step)->cycles < at(s, load, (unsigned)best, step)->cycles)) best = (int)m;
    return best;
}

static void say_head(const struct sweep *s, const char *label, struct say *out)
{
    say_role(out, ROLE_FAINT, "%*s", LABEL, label);
    for (unsigned m = 0; m < s->machines; m++) say_role(out, ROLE_FAINT, " %*.*s", column(s) - 1, column(s) - 1, s->cpu[m]);
    say_role(out, ROLE_FAINT, "  quickest\n");
}

static void say_ratios(const struct sweep *s, unsigned load, unsigned step, struct say *out)
{
    unsigned bare = 0;
    while (bare < s->machines && strcmp(s->cpu[bare], "native")) bare++;
    if (bare == s->machines || !at(s, load, bare, step)->there || !at(s, load, bare, step)->cycles) return;
    say_add(out, "%*s", LABEL, "of native");
    for (unsigned m = 0; m < s->machines; m++) {
        const struct sweep_point *p = at(s, load, m, step);
        if (p->there) say_add(out, "%*.2fx", column(s) - 1, (double)p->cycles / (double)at(s, load, bare, step)->cycles);
        else say_add(out, "%*s", column(s), "-");
    }
    say_add(out, "\n%*s", LABEL, "exits");
    for (unsigned m = 0; m < s->machines; m++) {
        struct text t = { 0 };
        int64_t exits = at(s, load, m, step)->exits;
        if (exits < 0) text_add(&t, "-");
        text_number(&t, (unsigned long long)(exits < 0 ? -exits : exits));
        say_add(out, "%*s", column(s), at(s, load, m, step)->there ? text_str(&t) : "-");
        text_free(&t);
    }
    say_add(out, "\n");
}

static void say_line(const struct sweep *s, unsigned load, unsigned machine, struct say *out)
{
    struct line l;
    struct text t = { 0 };
    if (!line_of(s, load, machine, &l) || fabs(l.slope) < 1e-9) return;
    const struct sweep_point *p = at(s, load, machine, 0), *q = at(s, load, machine, s->steps - 1);
    text_add(&t, "%s: ", s->cpu[machine]);
    text_number(&t, (unsigned long long)(l.base + 0.5));
    text_add(&t, " cycles + %.2f x %s", l.slope, s->key);
    if (l.off < 1) text_add(&t, ", a straight line");
    else text_add(&t, ", at most %.3f %% off that line", 100 * l.off / (double)q->cycles);
    if (p->vmexits) {
        text_add(&t, "; VM exits counted: ");
        text_number(&t, p->vmexits);
        if (q->vmexits != p->vmexits) text_add(&t, " to "), text_number(&t, q->vmexits);
    }
    say_wrap(out, "  ", 2, text_str(&t));
    text_free(&t);
}

static void say_crossings(const struct sweep *s, unsigned load, struct say *out)
{
    for (unsigned a = 0; a < s->machines; a++)
        for (unsigned b = a + 1; b < s->machines; b++)
            for (unsigned step = 0; step + 1 < s->steps; step++) {
                double where;
                bool a_below;
                if (!crossing(s, load, a, b, step, &where, &a_below)) continue;
                say_add(out, "  %s and %s cross at %s = %.0f: below, %s is quicker\n", s->cpu[a], s->cpu[b], s->key, where,
                        a_below ? s->cpu[a] : s->cpu[b]);
            }
}

static void say_load(const struct sweep *s, unsigned load, struct say *out)
{
    say_role(out, ROLE_TITLE, "\n%s", s->load[load].name);
    if (s->load[load].program) {
        say_add(out, ": mini's `");
        say_add(out, s->load[load].program, s->load[load].times); /* from bench_loads.def */
        say_add(out, "`, less the same with 0");
    }
    say_add(out, "\n");
    say_head(s, s->key[0] ? s->key : "", out);
    for (unsigned step = 0; step < s->steps; step++) {
        if (s->key[0]) say_add(out, "%*u", LABEL, s->value[step]);
        else say_add(out, "%*s", LABEL, "cycles");
        for (unsigned m = 0; m < s->machines; m++) say_cycles(s, at(s, load, m, step), out);
        int best = quickest(s, load, step);
        say_add(out, "  %s\n", best < 0 ? "" : s->cpu[best]);
        if (!s->key[0]) say_ratios(s, load, step, out);
    }
    for (unsigned m = 0; m < s->machines; m++) say_line(s, load, m, out);
    say_crossings(s, load, out);
    for (unsigned m = 0; m < s->machines; m++)
        if (s->refusal[load][m][0]) {
            struct text t = { 0 };
            text_add(&t, "%s: %s", s->cpu[m], s->refusal[load][m]);
            say_wrap(out, "  ", 2, text_str(&t));
            text_free(&t);
        }
}

void sweep_text(const struct sweep *s, struct say *out)
{
    say_role(out, ROLE_TITLE, "Workloads");
    say_add(out, " on %u machines, model %s: cycles", s->machines, s->o->machine.model);
    if (s->key[0]) say_add(out, ", %s from %u to %u", s->key, s->value[0], s->value[s->steps - 1]);
    if (s->shards > 1) say_add(out, ", shard %u of %u", s->shard, s->shards);
    say_add(out, "\n");
    for (unsigned load = 0; load < s->loads; load++) say_load(s, load, out);
}

/* --- for programs ----------------------------------------------------------------------------------------------------- */

void sweep_csv(const struct sweep *s, struct text *out)
{
    text_add(out, "workload,machine,key,value,cycles,exits,vm_exits,vm_entries\n");
    for (unsigned load = 0; load < s->loads; load++)
        for (unsigned m = 0; m < s->machines; m++)
            for (unsigned step = 0; step < s->steps; step++) {
                const struct sweep_point *p = at(s, load, m, step);
                if (!p->there) continue;
                text_add(out, "%s,%s,%s,", s->load[load].name, s->cpu[m], s->key);
                if (s->key[0]) text_add(out, "%u", s->value[step]);
                text_add(out, ",%llu,%lld,%llu,%llu\n", (unsigned long long)p->cycles, (long long)p->exits,
                         (unsigned long long)p->vmexits, (unsigned long long)p->vmentries);
            }
}

static void json_point(const struct sweep *s, unsigned load, unsigned m, unsigned step, struct text *out)
{
    const struct sweep_point *p = at(s, load, m, step);
    text_add(out, "{\"workload\": ");
    text_json(out, s->load[load].name);
    text_add(out, ", \"machine\": \"%s\", \"value\": ", s->cpu[m]);
    if (s->key[0]) text_add(out, "%u", s->value[step]);
    else text_add(out, "null");
    text_add(out, ", \"cycles\": %llu, \"exits\": %lld, \"vm_exits\": %llu, \"vm_entries\": %llu, \"by_cause\": {",
             (unsigned long long)p->cycles, (long long)p->exits, (unsigned long long)p->vmexits,
             (unsigned long long)p->vmentries);
    for (unsigned c = 0, n = 0; c < CAUSE_COUNT; c++)
        if (p->by_cause[c]) text_add(out, "%s\"%s\": %lld", n++ ? ", " : "", cause_name(c), (long long)p->by_cause[c]);
    text_add(out, "}}");
}

void sweep_json(const struct sweep *s, struct text *out)
{
    unsigned n = 0;
    text_add(out, "{\n  \"benchmark\": \"sweep\",\n  \"model\": ");
    text_json(out, s->o->machine.model);
    text_add(out, ",\n  \"key\": ");
    if (s->key[0]) text_json(out, s->key);
    else text_add(out, "null");
    text_add(out, ",\n  \"shard\": %u, \"shards\": %u,\n  \"points\": [", s->shard, s->shards);
    for (unsigned load = 0; load < s->loads; load++)
        for (unsigned m = 0; m < s->machines; m++)
            for (unsigned step = 0; step < s->steps; step++) {
                if (!at(s, load, m, step)->there) continue;
                text_add(out, "%s\n    ", n++ ? "," : "");
                json_point(s, load, m, step, out);
            }
    text_add(out, "\n  ]\n}\n");
}

/* --- a chart ---------------------------------------------------------------------------------------------------------- */

enum { LEFT = 90, PANEL_WIDE = 430, RIGHT = 90, HEAD = 56, PANEL_HIGH = 200, BETWEEN = 62 };

struct panel { const struct sweep *s; const struct chart_theme *t; struct text *out; unsigned load; int top; uint64_t high; };

static int to_x(const struct sweep *s, uint32_t v)
{
    uint64_t span = s->value[s->steps - 1] - s->value[0];
    return LEFT + (int)((uint64_t)(v - s->value[0]) * PANEL_WIDE / span);
}

static int to_y(const struct panel *p, uint64_t cycles)
{
    return p->top + PANEL_HIGH - (int)((double)cycles / (double)p->high * PANEL_HIGH);
}

static void grid(const struct panel *p, uint64_t step)
{
    const struct sweep *s = p->s;
    struct text t = { 0 };
    for (uint64_t v = 0; v <= p->high; v += step) {
        chart_line(p->out, LEFT, to_y(p, v), LEFT + PANEL_WIDE, to_y(p, v), p->t->grid, v ? "" : " stroke-width=\"2\"");
        text_clear(&t);
        chart_tick(&t, v);
        chart_words(p->out, LEFT - 8, to_y(p, v) + 4, 11, "end", p->t->faint, false, text_str(&t));
    }
    uint64_t span = s->value[s->steps - 1] - s->value[0], wide = chart_step(span, 6);
    for (uint64_t v = (s->value[0] + wide - 1) / wide * wide; v <= s->value[s->steps - 1]; v += wide) {
        int x = to_x(s, (uint32_t)v);
        chart_line(p->out, x, p->top + PANEL_HIGH, x, p->top + PANEL_HIGH + 5, p->t->faint, "");
        text_clear(&t);
        text_number(&t, v);
        chart_words(p->out, x, p->top + PANEL_HIGH + 18, 11, "middle", p->t->faint, false, text_str(&t));
    }
    text_free(&t);
}

/* Names at the ends of the lines, pushed apart where they would touch. */
static void names(const struct panel *p)
{
    const struct sweep *s = p->s;
    int y[SWEEP_MACHINES];
    unsigned order[SWEEP_MACHINES], n = 0;
    for (unsigned m = 0; m < s->machines; m++) {
        if (!at(s, p->load, m, s->steps - 1)->there) continue;
        y[m] = to_y(p, at(s, p->load, m, s->steps - 1)->cycles) + 4;
        unsigned k = n++;
        for (; k && y[order[k - 1]] > y[m]; k--) order[k] = order[k - 1];
        order[k] = m;
    }
    for (unsigned i = 1; i < n; i++)
        if (y[order[i]] < y[order[i - 1]] + 13) y[order[i]] = y[order[i - 1]] + 13;
    for (unsigned i = 0; i < n; i++)
        chart_words(p->out, LEFT + PANEL_WIDE + 10, y[order[i]], 12, "start", chart_machine(p->t, s->cpu[order[i]]), true, s->cpu[order[i]]);
}

static void curve(const struct panel *p, unsigned m)
{
    static const char *const dashes[] = { "", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\"", " stroke-dasharray=\"9 3 2 3\"" };
    const struct sweep *s = p->s;
    text_add(p->out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"", chart_machine(p->t, s->cpu[m]), dashes[m % 4]);
    for (unsigned i = 0; i < s->steps; i++)
        if (at(s, p->load, m, i)->there)
            text_add(p->out, "%s%d,%d", i ? " " : "", to_x(s, s->value[i]), to_y(p, at(s, p->load, m, i)->cycles));
    text_add(p->out, "\"/>\n");
}

static void panel(struct panel *p)
{
    const struct sweep *s = p->s;
    uint64_t most = 1;
    for (unsigned m = 0; m < s->machines; m++)
        for (unsigned i = 0; i < s->steps; i++)
            if (at(s, p->load, m, i)->there && at(s, p->load, m, i)->cycles > most) most = at(s, p->load, m, i)->cycles;
    uint64_t step = chart_step(most, 5);
    p->high = (most + step - 1) / step * step;
    chart_words(p->out, LEFT, p->top - 10, 13, "start", p->t->ink, true, s->load[p->load].name);
    grid(p, step);
    for (unsigned m = 0; m < s->machines; m++) curve(p, m);
    names(p);
}

void sweep_svg(const struct sweep *s, const char *theme, struct text *out)
{
    const struct chart_theme *t = chart_theme(theme);
    struct text title = { 0 };
    int height = HEAD + (int)s->loads * (PANEL_HIGH + BETWEEN) + 10;
    text_add(&title, "Run time in cycles by %s, model %s", s->key, s->o->machine.model);
    chart_open(out, t, LEFT + PANEL_WIDE + RIGHT, height, text_str(&title), "One panel for each workload, one line for each technique.");
    chart_words(out, LEFT, 22, 15, "start", t->ink, true, text_str(&title));
    for (unsigned load = 0; load < s->loads; load++) {
        struct panel p = { .s = s, .t = t, .out = out, .load = load, .top = HEAD + 4 + (int)load * (PANEL_HIGH + BETWEEN) };
        panel(&p);
    }
    chart_words(out, LEFT + PANEL_WIDE, height - 8, 12, "end", t->faint, false, s->key);
    chart_close(out);
    text_free(&title);
}
