/* How long visits to the hypervisor took, by reason: a histogram each, on one logarithmic axis. See picture_chart.h.
 *
 * Idea: what an exit costs spreads over decades, from an emulated CLI to a disk command, and the mean tells of neither. Four
 * columns to a doubling; idling is in none. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "sim/chart.h"
#include "sim/graphviz.h"
#include "sim/picture_chart.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"

enum { PER_DOUBLING = 4, BINS = 32 * PER_DOUBLING, PANELS = 12 };

struct hist {
    const struct trace *t;
    unsigned first, last;                 /* columns in use */
    unsigned panels;
    struct panel { uint8_t reason; uint64_t count, cycles, longest, bin[BINS]; } panel[PANELS];
};

static unsigned bin_of(uint64_t cycles)
{
    unsigned b = cycles ? (unsigned)(log2((double)cycles) * PER_DOUBLING) : 0;
    return b < BINS ? b : BINS - 1;
}
static double edge(unsigned bin) { return exp2((double)bin / PER_DOUBLING); }

static struct panel *panel_of(struct hist *h, uint8_t reason)
{
    for (unsigned i = 0; i < h->panels; i++)
        if (h->panel[i].reason == reason) return &h->panel[i];
    if (h->panels == PANELS) return &h->panel[PANELS - 1];
    h->panel[h->panels].reason = reason;
    return &h->panel[h->panels++];
}

static void collect(struct hist *h)
{
    h->first = BINS;
    for (size_t i = 0; i < trace_episodes(h->t); i++) {
        const struct episode *p = trace_episode_at(h->t, i);
        uint64_t cycles = episode_cycles(p);
        struct panel *q = panel_of(h, p->reason);
        unsigned b = bin_of(cycles);
        q->count++;
        q->cycles += cycles;
        if (cycles > q->longest) q->longest = cycles;
        q->bin[b]++;
        if (b < h->first) h->first = b;
        if (b > h->last) h->last = b;
    }
    for (unsigned i = 1; i < h->panels; i++)
        for (unsigned k = i; k && h->panel[k - 1].cycles < h->panel[k].cycles; k--) {
            struct panel other = h->panel[k];
            h->panel[k] = h->panel[k - 1];
            h->panel[k - 1] = other;
        }
}

static void describe(const struct panel *p, struct text *out)
{
    text_add(out, "%s: ", trace_name("exit", p->reason));
    text_number(out, p->count);
    text_add(out, p->count == 1 ? " exit" : " exits");
    text_add(out, ", mean ");
    text_number(out, p->cycles / p->count);
    text_add(out, ", longest ");
    text_number(out, p->longest);
    text_add(out, " cycles");
}

/* --- text --- */

static void hist_text(const struct hist *h, const char *caption, struct text *out)
{
    enum { WIDE = 48 };
    text_add(out, "Cycles of a visit to the hypervisor, by reason\n%s\n", caption);
    for (unsigned i = 0; i < h->panels; i++) {
        const struct panel *p = &h->panel[i];
        uint64_t most = 1;
        text_add(out, "\n");
        describe(p, out);
        text_add(out, "\n");
        for (unsigned b = 0; b < BINS; b++)
            if (p->bin[b] > most) most = p->bin[b];
        for (unsigned b = h->first; b <= h->last; b++) {
            struct text n = { 0 };
            if (!p->bin[b]) continue;
            text_number(&n, (unsigned long long)ceil(edge(b)));
            text_add(out, "%12s ", text_str(&n));
            for (uint64_t k = 0; k < 1 + (p->bin[b] * (WIDE - 1)) / most; k++) text_char(out, '#');
            text_clear(&n);
            text_number(&n, p->bin[b]);
            text_add(out, " %s\n", text_str(&n));
            text_free(&n);
        }
    }
}

/* --- SVG --- */

enum { LEFT = 70, WIDE = 520, RIGHT = 40, TOP = 76, HIGH = 84, BETWEEN = 34, FOOT = 44 };

struct frame { const struct hist *h; const struct chart_theme *t; struct text *out; double low, span; };

static int x_of(const struct frame *f, double cycles) { return LEFT + (int)((log2(cycles) - f->low) / f->span * WIDE + 0.5); }

static void axis(const struct frame *f, int y)
{
    struct text t = { 0 };
    for (uint64_t ten = 1; ten < 1000000000000u; ten *= 10)
        for (unsigned i = 0; i < 5; i++) {
            static const unsigned marks[] = { 1, 2, 5, 3, 7 };
            unsigned k = marks[i];
            if (i > 2 && f->span > 6) continue; /* doublings */
            double v = (double)(ten * k);
            if (log2(v) < f->low - 1e-9 || log2(v) > f->low + f->span + 1e-9) continue;
            chart_line(f->out, x_of(f, v), y, x_of(f, v), y + 5, f->t->faint, "");
            text_clear(&t);
            chart_tick(&t, ten * k);
            chart_words(f->out, x_of(f, v), y + 18, 11, "middle", f->t->faint, false, text_str(&t));
        }
    chart_words(f->out, LEFT + WIDE, y + 34, 11, "end", f->t->faint, false, "cycles of a visit");
    text_free(&t);
}

static void draw_panel(const struct frame *f, const struct panel *p, int top)
{
    struct text t = { 0 };
    uint64_t most = 1;
    for (unsigned b = 0; b < BINS; b++)
        if (p->bin[b] > most) most = p->bin[b];
    describe(p, &t);
    chart_words(f->out, LEFT, top - 6, 12, "start", f->t->ink, true, text_str(&t));
    chart_line(f->out, LEFT, top + HIGH, LEFT + WIDE, top + HIGH, f->t->grid, " stroke-width=\"2\"");
    chart_line(f->out, LEFT, top, LEFT + WIDE, top, f->t->grid, "");
    text_clear(&t);
    text_number(&t, most);
    chart_words(f->out, LEFT - 8, top + 4, 11, "end", f->t->faint, false, text_str(&t));
    chart_words(f->out, LEFT - 8, top + HIGH + 4, 11, "end", f->t->faint, false, "0");
    for (unsigned b = f->h->first; b <= f->h->last; b++) {
        if (!p->bin[b]) continue;
        int x = x_of(f, edge(b)), w = x_of(f, edge(b + 1)) - x, h = (int)(p->bin[b] * HIGH / most);
        chart_rect(f->out, x, top + HIGH - (h ? h : 1), w > 2 ? w - 1 : 1, h ? h : 1, chart_machine(f->t, "bt"), "");
    }
    int mean = x_of(f, (double)p->cycles / (double)p->count);
    chart_line(f->out, mean, top, mean, top + HIGH, f->t->ink, " stroke-dasharray=\"3 3\"");
    text_free(&t);
}

static void hist_svg(const struct hist *h, const char *caption, const char *theme, struct text *out)
{
    static const char title[] = "Cycles of a visit to the hypervisor, by reason";
    int height = TOP + (int)h->panels * (HIGH + BETWEEN) + FOOT;
    struct frame f = { h, chart_theme(theme), out, (double)h->first / PER_DOUBLING, (double)(h->last + 1 - h->first) / PER_DOUBLING };
    chart_open(out, f.t, LEFT + WIDE + RIGHT, height, title, "One histogram for each reason of an exit; the dashed line is its mean.");
    chart_words(out, LEFT, 20, 15, "start", f.t->ink, true, title);
    chart_words(out, LEFT, 37, 11, "start", f.t->faint, false, caption);
    for (unsigned i = 0; i < h->panels; i++) {
        text_add(out, "<g id=\"reason%u\">\n", i + 1); /* stays on one slide */
        draw_panel(&f, &h->panel[i], TOP + (int)i * (HIGH + BETWEEN));
        text_add(out, "</g>\n");
    }
    axis(&f, TOP + (int)h->panels * (HIGH + BETWEEN) - BETWEEN + 2);
    chart_close(out);
}

/* --- both --- */

void chart_caption(const struct subject *s, bool ascii, struct text *out)
{
    const char *dot = ascii ? "/" : "·";
    text_add(out, "%s%s%s%s%s, %s, model %s, seed %llu", s->cfg.cpu, dot, s->cfg.mmu, dot, s->cfg.io, s->name, s->cfg.model,
             (unsigned long long)s->cfg.seed);
}

bool chart_write(enum picture_format f, const struct text *svg, const struct text *txt, const char *path, struct err *e)
{
    struct text out = { 0 };
    if (f == PICTURE_DOT) return err_set(e, EXIT_USAGE, "a chart is no graph: use .svg, .png, .pdf or .txt, not .dot");
    const struct text *t = f == PICTURE_SVG ? svg : f == PICTURE_TXT ? txt : &out;
    bool ok = (t != &out || graphviz_convert(svg, svg, picture_ending(f), &out, e)) && picture_put(t, path, e);
    text_free(&out);
    return ok;
}

bool hist_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e)
{
    static struct hist h; /* large */
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    h = (struct hist){ .t = run->t };
    collect(&h);
    if (!h.panels) return err_set(e, EXIT_USAGE, "draw hist: nobody left to a hypervisor under --cpu %s; try --cpu te", run->cpu);
    picture_run_caption(run, p->ascii, &caption);
    hist_svg(&h, text_str(&caption), p->theme, &svg);
    hist_text(&h, text_str(&caption), &txt);
    picture_split_keep(TOP - 22, TOP + (int)h.panels * (HIGH + BETWEEN) - BETWEEN + 8);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}
