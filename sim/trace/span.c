/* See span.h. */
#include "sim/trace/span.h"

static const char *const lanes[SPAN_LANES] = { "user", "kernel", "hypervisor", "idle" };
const char *span_lane_name(unsigned lane) { return lane < SPAN_LANES ? lanes[lane] : "?"; }

struct walk { span_fn *fn; void *self; uint8_t kernel_ring; struct span open; };

static void flush(struct walk *w)
{
    if (w->open.from < w->open.to) w->fn(w->self, &w->open);
    w->open.from = w->open.to;
}

/* What lay between the last stretch and `to` was this. */
static void until(struct walk *w, uint64_t to, unsigned lane, unsigned vm, const struct episode *episode)
{
    if (to <= w->open.to) return;
    if (w->open.lane != lane || w->open.vm != vm || w->open.episode != episode) {
        flush(w);
        w->open.from = w->open.to;
        w->open.lane = (uint8_t)lane;
        w->open.vm = (uint8_t)vm;
        w->open.episode = episode;
    }
    w->open.to = to;
}

/* The ring the CPU was in until this event. */
static unsigned lane_before(const struct walk *w, const struct event *e)
{
    unsigned ring = e->kind == EV_GATE ? e->u.GATE.from : e->kind == EV_RETURN ? e->u.RETURN.from : e->ring;
    if (e->kind == EV_VMENTRY) return SPAN_VMM;
    return ring == 3 ? SPAN_USER : ring < w->kernel_ring ? SPAN_VMM : SPAN_KERNEL;
}

static void visit(struct walk *w, const struct trace *t, const struct episode *p)
{
    uint64_t busy = episode_cycles(p);
    const struct event *exit = trace_by_id(t, p->exit);
    unsigned vm = exit ? exit->vcpu : 0;
    until(w, p->from + busy < p->to ? p->from + busy : p->to, SPAN_VMM, vm, p);
    until(w, p->to, SPAN_IDLE, vm, p);
}

/* Does this event say what ran before it? Inside a visit, and where devices speak, it does not. */
static bool tells(const struct event *e)
{
    switch (e->kind) {
    case EV_FAULT: case EV_INT: case EV_IRQ: case EV_GATE: case EV_RETURN: case EV_HALT: case EV_VMEXIT: case EV_VMENTRY: case EV_TASK:
        return true;
    default: return false;
    }
}

void span_walk(const struct trace *t, uint8_t kernel_ring, uint64_t end, span_fn *fn, void *self)
{
    struct walk w = { .fn = fn, .self = self, .kernel_ring = kernel_ring };
    size_t next = 0, visits = trace_episodes(t);
    bool halted = false, first = true;
    uint64_t left = 0; /* the last exit whose episode has not ended */
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        if (e->kind == EV_FORGOTTEN) {
            flush(&w);
            first = true;
            continue;
        }
        if (first) w.open = (struct span){ .from = e->cycle, .to = e->cycle };
        first = false;
        for (; next < visits && trace_episode_at(t, next)->from <= e->cycle; next++) {
            const struct episode *p = trace_episode_at(t, next);
            until(&w, p->from, lane_before(&w, e), e->vcpu, NULL);
            visit(&w, t, p);
        }
        if (e->kind == EV_EXIT && next == visits) left = e->cycle;
        if (e->cycle <= w.open.to || !tells(e)) continue;
        until(&w, e->cycle, halted ? SPAN_IDLE : lane_before(&w, e), e->vcpu, NULL);
        halted = e->kind == EV_HALT;
    }
    if (left > w.open.to) until(&w, left, SPAN_KERNEL, w.open.vm, NULL);
    if (left && left >= w.open.to) until(&w, end, SPAN_VMM, w.open.vm, NULL);
    until(&w, end, halted ? SPAN_IDLE : w.open.lane == SPAN_USER ? SPAN_USER : SPAN_KERNEL, w.open.vm, NULL);
    flush(&w);
}
