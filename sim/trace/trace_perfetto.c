/* See trace_export.h. Chromium's "Trace Event Format": ph X slices, i instants, s and f flow ends, M names; `ts` and `dur` are
 * microseconds with three decimals, so that a cycle is a nanosecond and nothing is rounded. */
#include <inttypes.h>
#include "sim/trace/span.h"
#include "sim/trace/trace_export.h"

struct export {
    const struct trace_export *x;
    struct text *out;
    bool began;
    unsigned lane, vm;           /* of the last stretch; SPAN_LANES: none */
    const struct episode *left;  /* the visit that ended where the next stretch begins */
};

static const char *const threads[SPAN_LANES] = { "guest user (ring 3)", "guest kernel", "hypervisor", "idle" };

/* A VM is a process, a lane one of its threads. */
static void open(struct export *e, const char *ph, unsigned vm, unsigned lane, uint64_t cycle)
{
    text_add(e->out, "%s\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", e->began ? "," : "", ph, vm + 1, vm * SPAN_LANES + lane + 1);
    if (*ph != 'M') text_add(e->out, ",\"ts\":%" PRIu64 ".%03u", cycle / 1000, (unsigned)(cycle % 1000));
    e->began = true;
}

static void meta(struct export *e, unsigned vm, unsigned lane, const char *what, const char *name)
{
    open(e, "M", vm, lane, 0);
    text_add(e->out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
    text_json(e->out, name);
    text_add(e->out, "}}");
    if (what[0] != 't') return;
    open(e, "M", vm, lane, 0);
    text_add(e->out, ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}}", lane);
}

static void flow(struct export *e, const char *ph, unsigned vm, unsigned lane, uint64_t cycle, uint32_t id)
{
    open(e, ph, vm, lane, cycle);
    text_add(e->out, ",\"cat\":\"flow\",\"name\":\"%s\",\"id\":%" PRIu32 "%s}", id & 1 ? "resume" : "exit", id, *ph == 'f' ? ",\"bp\":\"e\"" : "");
}

static void visit_args(struct export *e, const struct episode *p)
{
    const struct trace *t = e->x->t;
    const struct event *exit = trace_by_id(t, p->exit), *telling = episode_telling(t, p);
    char symbol[96];
    struct text line = { 0 };
    text_add(e->out, ",\"args\":{\"event\":%" PRIu32, p->exit);
    if (exit) {
        text_add(e->out, ",\"eip\":\"%08" PRIX32 "\",\"at\":", exit->eip);
        text_json(e->out, e->x->symbol(e->x->self, exit->eip, symbol, sizeof symbol));
    }
    if (telling) {
        trace_line(telling, &line);
        text_add(e->out, ",\"what\":");
        text_json(e->out, line.len > 23 ? text_str(&line) + 23 : text_str(&line));
        text_free(&line);
    }
    text_add(e->out, ",\"cycles\":%" PRIu64, episode_cycles(p));
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (c != CAUSE_IDLE && p->cost[c]) text_add(e->out, ",\"%s\":%" PRIu32, cause_name(c), p->cost[c]);
    text_add(e->out, "}");
}

static void on_span(void *self, const struct span *s)
{
    struct export *e = self;
    bool visit = s->lane == SPAN_VMM && s->episode;
    if (visit && e->lane != SPAN_LANES && s->from) {
        flow(e, "s", e->vm, e->lane, s->from - 1, s->episode->exit * 2);
        flow(e, "f", s->vm, s->lane, s->from, s->episode->exit * 2);
    }
    open(e, "X", s->vm, s->lane, s->from);
    uint64_t d = s->to - s->from;
    text_add(e->out, ",\"dur\":%" PRIu64 ".%03u,\"cat\":\"%s\",\"name\":\"%s\"", d / 1000, (unsigned)(d % 1000), span_lane_name(s->lane),
             visit ? trace_name("exit", s->episode->reason) : span_lane_name(s->lane));
    if (visit) visit_args(e, s->episode);
    text_add(e->out, "}");
    if (e->left && s->from == e->left->to && s->lane != SPAN_VMM) {
        flow(e, "s", e->vm, SPAN_VMM, s->from - 1, e->left->exit * 2 + 1);
        flow(e, "f", s->vm, s->lane, s->from, e->left->exit * 2 + 1);
    }
    e->left = visit ? s->episode : NULL;
    e->lane = s->lane;
    e->vm = s->vm;
}

static void on_event(struct export *e, const struct event *ev)
{
    struct text line = { 0 };
    unsigned lane = ev->episode ? SPAN_VMM : ev->ring == 3 ? SPAN_USER : SPAN_KERNEL;
    switch (ev->kind) {
    case EV_IRQ: case EV_INJECT: case EV_SILENT: case EV_DIE: case EV_STOP: case EV_RAISE: case EV_UPCALL: break;
    default: return;
    }
    trace_line(ev, &line);
    open(e, "i", ev->vcpu, lane, ev->cycle);
    text_add(e->out, ",\"s\":\"%c\",\"cat\":\"event\",\"name\":\"%s\",\"args\":{\"event\":%" PRIu32 ",\"what\":",
             ev->kind == EV_SILENT || ev->kind == EV_DIE ? 'p' : 't', event_desc(ev->kind)->word, ev->id);
    text_json(e->out, line.len > 23 ? text_str(&line) + 23 : text_str(&line));
    text_add(e->out, "}}");
    text_free(&line);
}

void trace_perfetto(const struct trace_export *x, struct text *out)
{
    struct export e = { .x = x, .out = out, .lane = SPAN_LANES };
    struct text title = { 0 };
    text_add(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (unsigned vm = 0; vm < (x->vms ? x->vms : 1); vm++) {
        text_clear(&title);
        if (x->vms > 1) text_add(&title, "vm%u: ", vm);
        text_add(&title, "%s (1 cycle = 1 ns)", x->title);
        meta(&e, vm, 0, "process_name", text_str(&title));
        for (unsigned lane = 0; lane < SPAN_LANES; lane++) meta(&e, vm, lane, "thread_name", threads[lane]);
    }
    span_walk(x->t, x->kernel_ring, x->end, on_span, &e);
    for (size_t i = 0; i < trace_count(x->t); i++) on_event(&e, trace_at(x->t, i));
    text_add(out, "\n]}\n");
    text_free(&title);
}
