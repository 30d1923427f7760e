/* The trap log: one line per thing that happened, in the words of the trace.
 *
 * Idea 1: a visit to the hypervisor is one line, that of its most telling event; its gates and returns are the
 * ladder's.
 * Idea 2: what repeats is folded: a sequence of up to FOLD_PERIOD lines that comes again and again (a kernel polling
 * its serial port) shows once, with a count. Idea 3: when more is left than fits, the window lies around the first
 * silent failure, for that is what nobody would find by scrolling. */
#include "sim/report.h"

#include <stdlib.h>
#include <string.h>

enum { FOLD_PERIOD = 6, BEFORE_SILENT = 22 };

struct item {
    uint32_t id;       /* event whose line is shown */
    uint64_t key;      /* equal keys look alike */
};

struct line {
    size_t item;
    unsigned lines;    /* > 0: a note: the last `lines` lines came `count` times in all */
    size_t count;
};

struct log {
    const struct trace *t;
    struct item *item;
    struct line *line;
    size_t items, lines;
};

static uint64_t key_of(const struct trace *t, const struct event *e)
{
    uint64_t k = e->kind;
    const struct event *x = e->episode ? trace_by_id(t, e->episode) : NULL;
    if (x && x->kind == EV_EXIT) k |= (uint64_t)(x->u.EXIT.reason + 1) << 8 | (uint64_t)x->u.EXIT.vector << 16;
    switch (e->kind) {
    case EV_EMULATE: return k | (uint64_t)e->u.EMULATE.op << 32;
    case EV_PORT: return k | (uint64_t)e->u.PORT.port << 32 | (uint64_t)e->u.PORT.out << 48;
    case EV_INJECT: return k | (uint64_t)e->u.INJECT.vector << 32;
    case EV_HYPERCALL: return k | (uint64_t)e->u.HYPERCALL.op << 32;
    case EV_REFUSED: return k | (uint64_t)e->u.REFUSED.rule << 32;
    case EV_SILENT: return k | (uint64_t)e->u.SILENT.op << 32 | (uint64_t)e->u.SILENT.field << 40;
    case EV_FAULT: return k | (uint64_t)e->u.FAULT.vector << 32;
    case EV_INT: case EV_IRQ: return k | (uint64_t)e->u.INT.vector << 32;
    default: return k;
    }
}

/* Does a visit follow from this event? Then the visit's line is enough. */
static bool leads_to_visit(const struct trace *t, size_t at)
{
    const struct event *e = trace_at(t, at), *next = trace_at(t, at + 1), *after = trace_at(t, at + 2);
    return next && after && next->kind == EV_GATE && next->cause == e->id && after->kind == EV_EXIT;
}

static bool pick(struct log *g, uint32_t from, uint32_t to)
{
    uint32_t visit = 0;
    unsigned best = 0;
    g->item = calloc(trace_count(g->t) + 1, sizeof *g->item);
    for (size_t i = 0; g->item && i < trace_count(g->t); i++) {
        const struct event *e = trace_at(g->t, i);
        unsigned w = episode_weight(e->kind);
        if (e->id < from || e->id > to || !w || (w == 1 && (e->episode || leads_to_visit(g->t, i)))) continue;
        if (e->episode && e->episode == visit && w < 9) {
            if (w <= best) continue;
            g->items--; /* a better line for the same visit */
        }
        if (w < 9) {
            visit = e->episode;
            best = w;
        }
        g->item[g->items++] = (struct item){ e->id, key_of(g->t, e) };
    }
    return g->item != NULL;
}

/* How often the `period` items at `at` come in a row. */
static size_t repeats(const struct log *g, size_t at, size_t period)
{
    size_t n = 1;
    for (; at + (n + 1) * period <= g->items; n++)
        for (size_t i = 0; i < period; i++)
            if (g->item[at + n * period + i].key != g->item[at + i].key) return n;
    return n;
}

/* The period that hides most at this place; 0 if nothing repeats enough to be worth a note. */
static size_t best_period(const struct log *g, size_t at, size_t *count)
{
    size_t best = 0, hidden = 0;
    for (size_t p = 1; p <= FOLD_PERIOD && at + p <= g->items; p++) {
        size_t n = repeats(g, at, p);
        if (n < 2 || (n - 1) * p < 2 || (n - 1) * p <= hidden) continue;
        best = p;
        hidden = (n - 1) * p;
        *count = n;
    }
    return best;
}

static bool fold(struct log *g)
{
    g->line = calloc(2 * g->items + 1, sizeof *g->line);
    for (size_t at = 0; g->line && at < g->items; ) {
        size_t count = 1, period = best_period(g, at, &count);
        for (size_t i = 0; i < (period ? period : 1); i++) g->line[g->lines++] = (struct line){ .item = at + i };
        if (period) g->line[g->lines++] = (struct line){ at, (unsigned)period, count };
        at += period ? period * count : 1;
    }
    return g->line != NULL;
}

static void say_line(const struct log *g, const struct line *l, struct say *out)
{
    if (l->lines) {
        say_role(out, ROLE_FAINT, "%27s%s ", "", out->utf8 ? "↑" : "^");
        if (l->lines > 1) say_role(out, ROLE_FAINT, "these %u lines: %zu times\n", l->lines, l->count);
        else say_role(out, ROLE_FAINT, "this line: %zu times\n", l->count);
        return;
    }
    const struct event *e = trace_by_id(g->t, g->item[l->item].id);
    struct text line = { 0 };
    trace_line(e, &line);
    say_role(out,
             e->kind == EV_SILENT ? ROLE_WARN
             : e->kind == EV_DIE  ? ROLE_BAD
                                  : ROLE_PLAIN,
             "%s\n", text_str(&line));
    text_free(&line);
}

/* First line of the window. */
static size_t window(const struct log *g, size_t room)
{
    if (g->lines <= room) return 0;
    for (size_t i = 0; i < g->lines; i++)
        if (!g->line[i].lines && trace_by_id(g->t, g->item[g->line[i].item].id)->kind == EV_SILENT) {
            size_t start = i > BEFORE_SILENT ? i - BEFORE_SILENT : 0;
            return start > g->lines - room ? g->lines - room : start;
        }
    return 0;
}

static void all_events(const struct trace *t, uint32_t from, uint32_t to, struct say *out)
{
    struct text line = { 0 };
    for (uint32_t id = from; id <= to; id++) {
        const struct event *e = trace_by_id(t, id);
        if (!e) continue;
        text_clear(&line);
        trace_line(e, &line);
        say_add(out, "%s\n", text_str(&line));
    }
    text_free(&line);
}

void report_log(const struct subject *s, uint32_t from, uint32_t to, bool verbose, struct say *out)
{
    struct log g = { .t = machine_trace_of(s->machine) };
    if (!from) from = 1;
    if (!to) to = trace_last(g.t);
    say_role(out, ROLE_FAINT, "%5s %13s ring %-45s%s\n", "event", "cycle", "what", "EIP");
    if (verbose) {
        all_events(g.t, from, to, out);
        return;
    }
    if (pick(&g, from, to) && fold(&g)) {
        if (!g.lines) say_role(out, ROLE_FAINT, "  nothing happened here but instructions\n");
        size_t start = window(&g, REPORT_LINES), end = start + REPORT_LINES < g.lines ? start + REPORT_LINES : g.lines;
        if (start) say_role(out, ROLE_FAINT, "  ... %zu lines before this\n", start);
        for (size_t i = start; i < end; i++) say_line(&g, &g.line[i], out);
        if (end < g.lines)
            say_role(out, ROLE_FAINT, "  ... %zu lines after this; -v shows every event\n", g.lines - end);
    }
    free(g.item);
    free(g.line);
}
