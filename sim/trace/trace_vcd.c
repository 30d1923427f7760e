/* Value Change Dump (IEEE 1364-2001, 18.2), for GTKWave and its kin; see trace_export.h. One cycle is one nanosecond.
 *
 * Idea: changes are collected as they are met (who ran, visits, single events) and put in order of time at the end, each time once. */
#include "sim/trace/trace_export.h"
#include "sim/core/fatal.h"
#include "sim/trace/span.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* user, kernel, hypervisor, idle: a wire each; then vm, ring, exit as vectors; then a pulse for each kind of event that is one. */
enum { SIG_VM = SPAN_LANES, SIG_RING, SIG_EXIT, SIG_EVENTS };
struct change { uint64_t at, order; uint32_t value; uint8_t signal; };
struct changes { struct change *list; size_t n, room; unsigned lane; };

static void add(struct changes *c, uint64_t at, unsigned signal, uint32_t value)
{
    if (c->n == c->room) {
        c->room = c->room ? c->room * 2 : 1024;
        c->list = realloc(c->list, c->room * sizeof *c->list);
        if (!c->list) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; shorten the run with --limit-cycles");
    }
    c->list[c->n] = (struct change){ at, c->n, value, (uint8_t)signal };
    c->n++;
}

static void on_span(void *self, const struct span *s)
{
    struct changes *c = self;
    if (c->lane != s->lane && c->lane < SPAN_LANES) add(c, s->from, c->lane, 0);
    add(c, s->from, s->lane, 1);
    add(c, s->from, SIG_VM, s->vm);
    add(c, s->from, SIG_EXIT, s->lane == SPAN_VMM && s->episode ? s->episode->exit : 0);
    c->lane = s->lane;
}

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Identifiers are printable characters from '!' on. */
static void identifier(struct text *out, unsigned signal)
{
    text_char(out, (char)('!' + signal % 94));
    if (signal >= 94) text_char(out, (char)('!' + signal / 94));
}

static void declare(struct text *out, const char *type, unsigned bits, unsigned signal, const char *name)
{
    text_add(out, "$var %s %u ", type, bits);
    identifier(out, signal);
    text_char(out, ' ');
    for (const char *c = name; *c; c++) text_char(out, *c == '-' ? '_' : *c);
    text_add(out, " $end\n");
}

static void head(const struct trace_export *x, const bool *seen, struct text *out)
{
    text_add(out, "$version Ringside $end\n$comment %s; 1 cycle is 1 ns $end\n$timescale 1 ns $end\n$scope module ringside $end\n", x->title);
    for (unsigned lane = 0; lane < SPAN_LANES; lane++) declare(out, "wire", 1, lane, span_lane_name(lane));
    declare(out, "wire", 8, SIG_VM, "vm");
    declare(out, "wire", 2, SIG_RING, "ring");
    declare(out, "wire", 32, SIG_EXIT, "exit");
    text_add(out, "$scope module event $end\n");
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (seen[k]) declare(out, "event", 1, SIG_EVENTS + k, event_desc(k)->word);
    text_add(out, "$upscope $end\n$upscope $end\n$enddefinitions $end\n");
}

static void value(struct text *out, const struct change *c)
{
    if (c->signal < SPAN_LANES || c->signal >= SIG_EVENTS) text_char(out, c->value ? '1' : '0');
    else {
        text_char(out, 'b');
        for (int bit = 31; bit >= 0; bit--)
            if (c->value >> bit > 0 || !bit) text_char(out, c->value >> bit & 1 ? '1' : '0');
        text_char(out, ' ');
    }
    identifier(out, c->signal);
    text_char(out, '\n');
}

void trace_vcd(const struct trace_export *x, struct text *out)
{
    struct changes c = { .lane = SPAN_LANES };
    bool seen[EV_COUNT] = { false };
    uint32_t now[SIG_EVENTS];
    span_walk(x->t, x->kernel_ring, x->end, on_span, &c);
    for (size_t i = 0; i < trace_count(x->t); i++) {
        const struct event *e = trace_at(x->t, i);
        if (e->kind == EV_FORGOTTEN) continue;
        seen[e->kind] = true;
        add(&c, e->cycle, SIG_EVENTS + e->kind, 1);
        add(&c, e->cycle, SIG_RING, e->ring);
    }
    qsort(c.list, c.n, sizeof *c.list, by_time);
    head(x, seen, out);
    memset(now, 0xFF, sizeof now);
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < c.n; i++) {
        const struct change *k = &c.list[i];
        if (k->signal < SIG_EVENTS && now[k->signal] == k->value) continue;
        if (k->signal < SIG_EVENTS) now[k->signal] = k->value;
        if (at != k->at) text_add(out, "#%" PRIu64 "\n", at = k->at);
        value(out, k);
    }
    if (at != x->end) text_add(out, "#%" PRIu64 "\n", x->end);
    free(c.list);
}
