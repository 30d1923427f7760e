/* See episode.h. */
#include "sim/trace/episode.h"

#include <inttypes.h>
#include <string.h>
#include "sim/trace/trace.h"
#include "sim/trace/trace_json.h"

/* --- recognising them --------------------------------------------------------------------------------------------- */

static struct episode_mark mark(const struct clock *clock, const struct event *e)
{
    struct episode_mark m;
    m.id = e->id, m.cause = e->cause, m.cycle = e->cycle;
    memcpy(m.by_cause, clock->by_cause, sizeof m.by_cause);
    m.by_cause[clock->cause] = clock_of_cause(clock, clock->cause);
    return m;
}

/* What the hypervisor does about an exit: no exit begins with it. */
static bool is_answer(unsigned kind)
{
    return kind == EV_EMULATE || kind == EV_PORT || kind == EV_HIDDEN || kind == EV_TRACED || kind == EV_TRANSLATE;
}

static void close(struct episode_live *live, const struct episode_mark *end, bool resumed, struct episode *out)
{
    *out = (struct episode){ .from = live->open.cycle, .to = end->cycle, .first = live->open.id, .exit = live->exit,
                             .last = live->last, .reason = live->reason, .resumed = resumed };
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (c != CAUSE_IDLE) out->cost[c] = (uint32_t)(end->by_cause[c] - live->open.by_cause[c]);
    live->state = EPISODE_NONE;
}

/* EXIT <- GATE <- FAULT, INT or IRQ; any link may be missing: then it begins with what there is. */
static const struct episode_mark *opening(const struct episode_live *live, const struct episode_mark *exit)
{
    const struct episode_mark *at = exit;
    for (unsigned i = 0; i < EPISODE_CHAIN; i++) {
        const struct episode_mark *before = &live->chain[(live->newest + i) % EPISODE_CHAIN];
        if (!at->cause || at->cause != before->id) break;
        at = before;
    }
    return at;
}

static bool on_exit_event(struct episode_live *live, const struct episode_mark *now, const struct event *e,
                          struct episode *out)
{
    bool before = live->state != EPISODE_NONE;
    const struct episode_mark open = *opening(live, now);
    if (before) close(live, live->state == EPISODE_LEAVING ? &live->left : &open, live->state == EPISODE_LEAVING, out);
    live->open = open;
    live->exit = live->last = e->id;
    live->reason = e->u.EXIT.reason;
    live->state = EPISODE_OPEN;
    return before;
}

static bool on_other(struct episode_live *live, const struct episode_mark *now, const struct event *e, struct episode *out)
{
    if (live->state != EPISODE_LEAVING) return false;
    bool out_of_it = (e->kind == EV_RETURN || e->kind == EV_VMENTRY) && e->cause == live->left.id;
    if (out_of_it) live->last = e->id;
    close(live, out_of_it ? now : &live->left, true, out);
    return true;
}

bool episode_event(struct episode_live *live, const struct clock *clock, const struct event *e, struct episode *out)
{
    if (live->state == EPISODE_OPEN && is_answer(e->kind)) {
        if (e->episode == live->exit) live->last = e->id;
        return false;
    }
    const struct episode_mark now = mark(clock, e);
    bool closed = false;
    if (e->kind == EV_EXIT) closed = on_exit_event(live, &now, e, out);
    else if (e->kind == EV_RESUME && live->state == EPISODE_OPEN) {
        live->left = now;
        live->last = e->id;
        live->state = EPISODE_LEAVING;
    } else closed = on_other(live, &now, e, out);
    if (closed) out->known = e->id;
    if (live->state == EPISODE_OPEN && e->episode == live->exit) live->last = e->id;
    live->newest = (uint8_t)((live->newest + EPISODE_CHAIN - 1) % EPISODE_CHAIN);
    live->chain[live->newest] = now;
    /* Where the guest began to run no exit begins: one that comes while an injected event is delivered names the VM entry. */
    if (e->kind == EV_VMENTRY || e->kind == EV_RETURN) live->chain[live->newest].id = 0;
    return closed;
}

/* --- what they say ------------------------------------------------------------------------------------------------ */

uint64_t episode_cycles(const struct episode *p)
{
    uint64_t sum = 0;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) sum += p->cost[c];
    return sum;
}

uint64_t episode_cost(const struct episode *p, unsigned cause)
{
    if (cause == CAUSE_IDLE) return p->to - p->from - episode_cycles(p);
    return cause < CAUSE_COUNT ? p->cost[cause] : 0;
}

unsigned episode_weight(unsigned kind)
{
    switch (kind) {
    case EV_SILENT: case EV_DIE: case EV_STOP: case EV_RUN: return 9;
    case EV_REFUSED: return 8;
    case EV_TRACED: case EV_TRUE: case EV_HYPERCALL: return 7;
    case EV_INJECT: case EV_UPCALL: return 6;
    case EV_HIDDEN: case EV_CR3: return 5;
    case EV_PORT: return 4;
    case EV_EMULATE: case EV_TRANSLATE: return 3;
    case EV_EXIT: return 2;
    case EV_FAULT: case EV_INT: case EV_IRQ: case EV_HALT: return 1;
    default: return 0;
    }
}

const struct event *episode_telling(const struct trace *t, const struct episode *p)
{
    const struct event *best = trace_by_id(t, p->exit);
    for (uint32_t id = p->exit + 1; best && id <= p->last; id++) {
        const struct event *e = trace_by_id(t, id);
        if (e && e->episode == p->exit && episode_weight(e->kind) > episode_weight(best->kind)) best = e;
    }
    return best;
}

void episode_sums(const struct trace *t, struct episode_sum *sums)
{
    for (size_t i = 0; i < trace_episodes(t); i++) {
        const struct episode *p = trace_episode_at(t, i);
        struct episode_sum *s = &sums[p->reason];
        uint64_t cycles = episode_cycles(p);
        s->count++;
        s->cycles += cycles;
        if (cycles > s->longest) s->longest = cycles;
        for (unsigned c = 0; c < CAUSE_COUNT; c++) s->by_cause[c] += episode_cost(p, c);
    }
}

/* The telling event's payload, without what every line of the trace begins with. */
static void say_telling(const struct event *e, struct text *out)
{
    enum { PREFIX = 23 }; /* id, cycle, ring */
    struct text line = { 0 };
    trace_line(e, &line);
    const char *s = text_str(&line);
    size_t n = line.len > PREFIX ? line.len - PREFIX : 0, wide = n > 44 ? 44 : n;
    if (n && e->eip && n > 46) wide = n - 10 < 44 ? n - 10 : 44; /* its EIP has a column of its own here */
    text_bytes(out, s + (line.len - n), wide);
    while (out->len && out->s[out->len - 1] == ' ') out->s[--out->len] = 0;
    text_free(&line);
}

void episode_line(const struct trace *t, const struct episode *p, struct text *out)
{
    struct text line = { 0 }, number = { 0 };
    const struct event *exit = trace_by_id(t, p->exit);
    text_number(&number, p->from);
    text_add(&line, "%6" PRIu32 " %14s  %-11s %08" PRIX32 "  ", p->exit, text_str(&number), trace_name("exit", p->reason),
             exit ? exit->eip : 0);
    say_telling(episode_telling(t, p), &line);
    text_pad(&line, 90);
    text_clear(&number);
    text_number(&number, episode_cycles(p));
    text_add(&line, " %9s ", text_str(&number));
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (episode_cost(p, c)) text_add(&line, " %s %" PRIu64, cause_name(c), episode_cost(p, c));
    if (!p->resumed) text_add(&line, " (waits)");
    text_bytes(out, text_str(&line), line.len);
    text_free(&line);
    text_free(&number);
}

void episode_json(const struct trace *t, const struct episode *p, struct text *out)
{
    const struct event *exit = trace_by_id(t, p->exit);
    text_add(out, "{\"episode\":%" PRIu32 ",\"first\":%" PRIu32 ",\"last\":%" PRIu32 ",\"reason\":\"%s\"", p->exit, p->first,
             p->last, trace_name("exit", p->reason));
    text_add(out, ",\"eip\":%" PRIu32 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"resumed\":%s,\"cycles\":%" PRIu64
             ",\"by_cause\":{", exit ? exit->eip : 0, p->from, p->to, p->resumed ? "true" : "false", episode_cycles(p));
    unsigned n = 0;
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (episode_cost(p, c)) text_add(out, "%s\"%s\":%" PRIu64, n++ ? "," : "", cause_name(c), episode_cost(p, c));
    text_add(out, "},\"telling\":");
    trace_json_event(episode_telling(t, p), out);
    text_char(out, '}');
}
