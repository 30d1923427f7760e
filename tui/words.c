/* See words.h. Which events are lines, and what a visit to the hypervisor becomes; words_say.c has what is said of each kind. */
#include "tui/words.h"

#include <stdio.h>
#include <string.h>
#include "sim/trace/vector.h"

enum { VISIT_LONGEST = 64 /* events of one visit that are read for its line */ };

static void finish(struct words *w, struct text *t)
{
    snprintf(w->what, sizeof w->what, "%s", text_str(t));
    text_free(t);
}

static void begin(const struct event *e, struct words *w)
{
    *w = (struct words){ .id = e->id, .cycle = e->cycle, .kind = e->kind, .ring = e->ring, .times = 1 };
    w->role = (uint8_t)words_role(e->kind);
    w->warn = words_warn(e->kind);
    snprintf(w->word, sizeof w->word, "%s", event_desc(e->kind)->word);
}

void words_event(const struct event *e, const struct machine *m, struct words *w)
{
    struct text t = { 0 };
    begin(e, w);
    words_say(e, m, &t);
    if (e->kind == EV_RESUME) w->has_cost = true, w->cost = e->u.RESUME.cost;
    finish(w, &t);
}

/* "trap #GP", "int 80h", "irq 20h"; "callout" and "port" where no vector led. */
static void visit_word(const struct event *e, struct words *w)
{
    const char *name = vector_name(e->u.EXIT.vector);
    if (*name)
        snprintf(w->word, sizeof w->word, "trap %s", name);
    else if (e->u.EXIT.vector == VECTOR_NONE)
        snprintf(w->word, sizeof w->word, "%.8s", trace_name("exit", e->u.EXIT.reason));
    else
        snprintf(w->word, sizeof w->word, "%.4s %02Xh", trace_name("exit", e->u.EXIT.reason), e->u.EXIT.vector);
}

/* What the hypervisor did in a visit, most telling first in time; a port access says more than "out". */
static bool telling(const struct event *e)
{
    return e->kind == EV_EMULATE || e->kind == EV_INJECT || e->kind == EV_HIDDEN || e->kind == EV_TRUE ||
           e->kind == EV_TRACED || e->kind == EV_PORT || e->kind == EV_DIE || e->kind == EV_HYPERCALL || e->kind == EV_REFUSED ||
           e->kind == EV_UPCALL;
}

static void add_part(const struct event *e, const struct machine *m, struct text *t)
{
    if (t->len) text_add(t, ", ");
    if (e->kind == EV_INJECT) {
        text_add(t, "inject ");
        words_vector(e->u.INJECT.vector, e->u.INJECT.code, t);
    } else {
        words_say(e, m, t);
    }
}

void words_visit(const struct event *exit, const struct machine *m, struct words *w)
{
    const struct trace *trace = machine_trace_of(m);
    struct text t = { 0 };
    bool port = false;
    begin(exit, w);
    visit_word(exit, w);
    for (uint32_t id = exit->id + 1; id <= trace_last(trace) && id < exit->id + VISIT_LONGEST; id++)
        if (trace_by_id(trace, id)->kind == EV_PORT && trace_by_id(trace, id)->episode == exit->id) port = true;
    for (uint32_t id = exit->id + 1; id <= trace_last(trace) && id < exit->id + VISIT_LONGEST; id++) {
        const struct event *e = trace_by_id(trace, id);
        if (e->episode != exit->id) break;
        if (e->kind == EV_RESUME) w->has_cost = true, w->cost = e->u.RESUME.cost;
        if (telling(e) && !(port && e->kind == EV_EMULATE)) add_part(e, m, &t);
    }
    const char *reason = trace_name("exit", exit->u.EXIT.reason);
    char where[64];
    if (!t.len && strncmp(w->word, reason, strlen(w->word))) text_add(&t, "%s", reason);
    else if (!t.len) text_add(&t, "in %s", machine_symbol(m, exit->eip, where, sizeof where)); /* the word is the reason */
    finish(w, &t);
}

static bool contains(const char *s, const char *filter)
{
    size_t n = strlen(filter);
    for (; *s; s++)
        if (!strncasecmp(s, filter, n)) return true;
    return n == 0;
}

/* Is this event a line of its own when visits are folded? What belongs to a visit is in its EXIT's line; the fault or
 * interrupt that opened it, and gates, are named by what they led to; wires are silent. */
static bool alone(const struct trace *t, const struct event *e, uint32_t opener)
{
    const struct event *cause = trace_by_id(t, e->cause);
    if (e->id == opener) return false;
    if (e->kind == EV_GATE || e->kind == EV_RAISE) return false;
    if (e->kind == EV_RETURN && cause && cause->kind == EV_RESUME) return false; /* the resume's own IRET */
    return !e->episode || e->kind == EV_EXIT || e->kind == EV_SILENT || e->kind == EV_DIE;
}

/* The fault or interrupt behind an EXIT: the cause of its gate. 0: none. */
static uint32_t opener_of(const struct trace *t, const struct event *exit)
{
    const struct event *gate = trace_by_id(t, exit->cause);
    if (!gate) return 0;
    return gate->kind == EV_GATE ? gate->cause : gate->id;
}

/* Is the line before (in time) the same as this one? Then that one tells of both. */
static bool repeats(struct words *line, const struct words *before)
{
    bool same = line->kind == before->kind && line->ring == before->ring && !line->has_cost && !before->has_cost && !strcmp(line->what, before->what);
    if (same) line->times++;
    return same;
}

static void say_times(struct words *w)
{
    size_t n = strlen(w->what);
    if (w->times > 1) snprintf(w->what + n, sizeof w->what - n, "  x %u", w->times);
}

unsigned words_tail(const struct machine *m, bool fold, const char *filter, unsigned skip, struct words *list,
                    unsigned room, bool *more)
{
    const struct trace *t = machine_trace_of(m);
    uint32_t opener = 0;
    unsigned n = 0, looked = 0;
    size_t i = trace_count(t);
    *more = false;
    while (i-- && looked++ < WORDS_SEARCH) {
        const struct event *e = trace_at(t, i);
        struct words w;
        if (fold && e->kind == EV_EXIT) opener = opener_of(t, e);
        if (fold && !alone(t, e, opener)) continue;
        if (skip && !*filter) {
            skip--;
            continue;
        }
        if (fold && e->kind == EV_EXIT)
            words_visit(e, m, &w);
        else
            words_event(e, m, &w);
        if (*filter && !contains(w.word, filter) && !contains(w.what, filter)) continue;
        if (skip) {
            skip--;
            continue;
        }
        if (n && repeats(&list[n - 1], &w)) continue;
        if (n == room) {
            *more = true;
            break;
        }
        list[n++] = w;
    }
    for (unsigned k = 0; k < n; k++) say_times(&list[k]);
    for (unsigned a = 0, b = n; a + 1 < b; a++) {
        struct words keep = list[a];
        list[a] = list[--b];
        list[b] = keep;
    }
    return n;
}
