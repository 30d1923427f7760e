/* Who ran when: a lane each for user code, the guest's kernel, the hypervisor and idling, over cycles. See picture_chart.h.
 *
 * Idea: a pixel's column is many stretches (sim/trace/span.h), so its height is the share of its time that the lane had: nothing
 * that happened is invisible, and nothing short looks long. Marks above: interrupts accepted, injected, silent failures. */
#include <stdio.h>
#include <string.h>
#include "sim/chart.h"
#include "sim/picture_chart.h"
#include "sim/trace/span.h"

enum { COLUMNS = 640, TEXT_COLUMNS = 60, MARKS = 3, VMS = 8, LANES = VMS + 2 };

struct timeline {
    const struct picture_run *run;
    uint64_t from, to;
    unsigned columns;
    unsigned lanes, vms;                  /* several VMs have a lane each, instead of one for user code and one for kernels */
    uint64_t share[LANES][COLUMNS];       /* cycles of the column */
    uint64_t total[LANES];
    unsigned mark[MARKS][COLUMNS];
    uint64_t marks[MARKS];
};
static const char *const mark_names[MARKS] = { "interrupts", "injected", "silent" };

static uint64_t start_of(const struct timeline *d, unsigned column) { return d->from + (uint64_t)((double)(d->to - d->from) * column / d->columns); }

static unsigned column_of(const struct timeline *d, uint64_t cycle)
{
    unsigned c = (unsigned)((double)(cycle - d->from) * d->columns / (double)(d->to - d->from));
    while (c && start_of(d, c) > cycle) c--;
    while (c + 1 < d->columns && start_of(d, c + 1) <= cycle) c++;
    return c;
}

static unsigned lane_of(const struct timeline *d, const struct span *s)
{
    if (d->vms < 2) return s->lane;
    if (s->lane >= SPAN_VMM) return d->lanes - 2 + (s->lane - SPAN_VMM);
    return s->vm < d->lanes - 2 ? s->vm : d->lanes - 3;
}

/* What span.h calls the lane, for its colour. */
static unsigned kind_of(const struct timeline *d, unsigned lane)
{
    return d->vms < 2 ? lane : lane < d->lanes - 2 ? lane % 2 : SPAN_VMM + lane - (d->lanes - 2);
}

static const char *name_of(const struct timeline *d, unsigned lane, char *buf, size_t n)
{
    if (d->vms < 2 || lane >= d->lanes - 2) return span_lane_name(kind_of(d, lane));
    snprintf(buf, n, lane == VMS - 1 && d->vms > VMS ? "vm %u-" : "vm %u", lane);
    return buf;
}

static void on_span(void *self, const struct span *s)
{
    struct timeline *d = self;
    unsigned lane = lane_of(d, s);
    uint64_t from = s->from > d->from ? s->from : d->from, to = s->to < d->to ? s->to : d->to;
    if (from >= to) return;
    d->total[lane] += to - from;
    for (unsigned c = column_of(d, from); from < to; c++) {
        uint64_t end = c + 1 < d->columns && start_of(d, c + 1) < to ? start_of(d, c + 1) : to;
        d->share[lane][c] += end - from;
        from = end;
    }
}

static void on_event(struct timeline *d, const struct event *e)
{
    if (e->cycle < d->from || e->cycle >= d->to) return;
    int k = e->kind == EV_IRQ ? 0 : e->kind == EV_INJECT && e->u.INJECT.external ? 1 : e->kind == EV_SILENT ? 2 : -1;
    if (k < 0) return;
    d->mark[k][column_of(d, e->cycle)]++;
    d->marks[k]++;
}

static void collect(struct timeline *d)
{
    const struct trace *t = d->run->t;
    span_walk(t, d->run->kernel_ring, d->run->end, on_span, d);
    for (size_t i = 0; i < trace_count(t); i++) on_event(d, trace_at(t, i));
}

/* "hypervisor 64.5 %" */
static void lane_label(const struct timeline *d, unsigned lane, char *buf, size_t n)
{
    snprintf(buf, n, "%.1f %%", 100.0 * (double)d->total[lane] / (double)(d->to - d->from));
}

/* --- text --- */

static void timeline_text(const struct timeline *d, const char *caption, struct text *out)
{
    static const char levels[] = " .:+*#";
    char label[32];
    text_add(out, "Who ran when, cycles ");
    text_number(out, d->from);
    text_add(out, " to ");
    text_number(out, d->to);
    text_add(out, "\n%s\n\n", caption);
    for (unsigned k = 0; k < MARKS; k++) {
        if (!d->marks[k]) continue;
        text_add(out, "%-10s ", mark_names[k]);
        for (unsigned c = 0; c < d->columns; c++) text_char(out, d->mark[k][c] ? d->mark[k][c] > 9 ? '*' : (char)('0' + d->mark[k][c]) : ' ');
        text_add(out, "\n");
    }
    for (unsigned lane = 0; lane < d->lanes; lane++) {
        text_add(out, "%-10s|", name_of(d, lane, label, sizeof label));
        for (unsigned c = 0; c < d->columns; c++) {
            uint64_t wide = (c + 1 < d->columns ? start_of(d, c + 1) : d->to) - start_of(d, c), v = d->share[lane][c];
            text_char(out, !v ? ' ' : levels[1 + (wide ? v * 4 / wide : 0)]);
        }
        lane_label(d, lane, label, sizeof label);
        text_add(out, "| %s\n", label);
    }
    text_add(out, "\n. : + * #: up to a quarter of the time, a half, three quarters, more, all\n");
}

/* --- SVG --- */

enum { LEFT = 110, RIGHT = 70, TOP = 56, MARK_HIGH = 16, LANE_HIGH = 44, GAP = 10, FOOT = 48 };

/* As the machines' colours, which every theme has its own of. */
static const char *lane_colour(const struct chart_theme *t, unsigned lane)
{
    static const char *const as[SPAN_LANES] = { [SPAN_USER] = "bt", [SPAN_KERNEL] = "pv", [SPAN_VMM] = "te" };
    return t->mono ? t->faint : as[lane] ? chart_machine(t, as[lane]) : chart_cause(t, CAUSE_DEVICE);
}

static void svg_axis(const struct timeline *d, const struct chart_theme *t, int y, struct text *out)
{
    uint64_t step = chart_step(d->to - d->from, 7);
    struct text n = { 0 };
    for (uint64_t v = (d->from + step - 1) / step * step; v <= d->to; v += step) {
        int x = LEFT + (int)((double)(v - d->from) / (double)(d->to - d->from) * COLUMNS);
        text_clear(&n);
        text_number(&n, v);
        chart_line(out, x, y, x, y + 5, t->faint, "");
        chart_words(out, x, y + 18, 11, "middle", t->faint, false, text_str(&n));
    }
    chart_words(out, LEFT + COLUMNS, y + 36, 11, "end", t->faint, false, "cycle");
    text_free(&n);
}

static int svg_marks(const struct timeline *d, const struct chart_theme *t, int y, struct text *out)
{
    for (unsigned k = 0; k < MARKS; k++) {
        char n[24];
        if (!d->marks[k]) continue;
        chart_words(out, LEFT - 10, y + 11, 12, "end", k == 2 ? chart_machine(t, "te") : t->ink, false, mark_names[k]);
        for (unsigned c = 0; c < d->columns; c++)
            if (d->mark[k][c]) chart_line(out, LEFT + (int)c, y, LEFT + (int)c, y + 12, k == 2 ? chart_machine(t, "te") : t->ink, "");
        snprintf(n, sizeof n, "%llu", (unsigned long long)d->marks[k]);
        chart_words(out, LEFT + COLUMNS + 8, y + 11, 12, "start", t->faint, false, n);
        y += MARK_HIGH;
    }
    return y;
}

static int height_of(const struct timeline *d, unsigned lane, unsigned column)
{
    uint64_t wide = (column + 1 < d->columns ? start_of(d, column + 1) : d->to) - start_of(d, column), v = d->share[lane][column];
    return !v || !wide ? 0 : (int)((double)v / (double)wide * LANE_HIGH + 0.999);
}

static void svg_lane(const struct timeline *d, const struct chart_theme *t, unsigned lane, int top, struct text *out)
{
    char label[32];
    chart_words(out, LEFT - 10, top + LANE_HIGH - 6, 12, "end", t->ink, true, name_of(d, lane, label, sizeof label));
    chart_line(out, LEFT, top + LANE_HIGH, LEFT + COLUMNS, top + LANE_HIGH, t->grid, "");
    for (unsigned c = 0, run; c < d->columns; c += run) { /* neighbours of one height are one shape */
        int high = height_of(d, lane, c);
        for (run = 1; c + run < d->columns && height_of(d, lane, c + run) == high; run++) {}
        if (high) chart_rect(out, LEFT + (int)c, top + LANE_HIGH - high, (int)run, high, lane_colour(t, kind_of(d, lane)), "");
    }
    lane_label(d, lane, label, sizeof label);
    chart_words(out, LEFT + COLUMNS + 8, top + LANE_HIGH - 6, 12, "start", t->faint, false, label);
}

static void timeline_svg(const struct timeline *d, const char *caption, const char *theme, struct text *out)
{
    const struct chart_theme *t = chart_theme(theme);
    int marks = 0;
    for (unsigned k = 0; k < MARKS; k++) marks += d->marks[k] ? MARK_HIGH : 0;
    int height = TOP + marks + (int)d->lanes * (LANE_HIGH + GAP) + FOOT;
    chart_open(out, t, LEFT + COLUMNS + RIGHT, height, "Who ran when", "Lanes for user code, the guest's kernel, the hypervisor and idling.");
    chart_words(out, LEFT, 20, 15, "start", t->ink, true, "Who ran when");
    chart_words(out, LEFT, 37, 11, "start", t->faint, false, caption);
    int y = svg_marks(d, t, TOP, out);
    for (unsigned lane = 0; lane < d->lanes; lane++, y += LANE_HIGH + GAP) svg_lane(d, t, lane, y, out);
    svg_axis(d, t, y - GAP + 2, out);
    chart_close(out);
}

bool timeline_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e)
{
    static struct timeline d; /* large */
    const struct trace *t = run->t;
    const struct event *from = trace_by_id(t, p->from), *to = p->to ? trace_by_id(t, p->to) : NULL;
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    d = (struct timeline){ .run = run, .from = from ? from->cycle : 0, .to = to ? to->cycle : run->end,
                           .columns = p->format == PICTURE_TXT ? TEXT_COLUMNS : COLUMNS };
    if (d.to < d.from + d.columns) d.to = d.from + d.columns;
    d.vms = run->vms;
    d.lanes = d.vms < 2 ? SPAN_LANES : (d.vms < VMS ? d.vms : VMS) + 2;
    collect(&d);
    picture_run_caption(run, p->ascii, &caption);
    if (p->format == PICTURE_TXT) timeline_text(&d, text_str(&caption), &txt);
    else timeline_svg(&d, text_str(&caption), p->theme, &svg);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}
