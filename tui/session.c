/* See session.h. */
#include "tui/session.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Instructions between two looks at the keyboard: some 50 ms at the speed this machine has. */
enum { SLICE = 2000000 };

void session_say(struct session *s, bool warn, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->message, sizeof s->message, fmt, ap);
    va_end(ap);
    s->warn = warn;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void say_end(struct session *s)
{
    struct machine_end end = machine_end(s->m);
    if (end.fate != FATE_RUNNING) session_say(s, machine_exit_code(s->m) != 0, "%s", end.why);
}

/* After any movement. */
void session_arrive(struct session *s)
{
    uint32_t last = trace_last(machine_trace_of(s->m));
    s->moved = true;
    if (machine_insns(s->m) > s->far_insns) s->far_insns = machine_insns(s->m);
    if (machine_cycles(s->m) > s->far_cycles) s->far_cycles = machine_cycles(s->m);
    if (last > s->far_event) s->far_event = last;
}

void session_open(struct session *s, struct machine *m, struct lesson *l)
{
    *s = (struct session){ .m = m, .lesson = l, .own = m, .own_lesson = l, .moved = true };
    snprintf(s->name, sizeof s->name, "%.60s", base_name(l ? l->path : machine_config(m)->image));
    s->sources = source_lines_open(machine_config(m)->image, NULL);
    session_arrive(s);
}

/* The lesson learns where the machine is: behind `most` steps at most, since several may end at one moment. Who comes back to an
 * earlier step sees the VM that this step looked at. */
static void tell_lesson(struct session *s, unsigned most)
{
    struct lesson_step st = { .look = -1 };
    struct lesson *l = s->lesson;
    unsigned before = l->next;
    if (l->next > most) l->next = most;
    l->ops->rewind(l, s->m);
    if (l->next == before) return;
    if (l->next) l->ops->step(l, l->next - 1, &st);
    machine_look_at(s->m, st.look);
}

static void settle(struct session *s)
{
    if (s->lesson) tell_lesson(s, UINT_MAX);
    session_arrive(s);
    if (!*s->message) say_end(s);
}

/* Runs in slices until the condition, the end, or a person's wish. */
static enum machine_stop run_by(struct session *s, const struct till *till, uint64_t slice)
{
    for (;;) {
        enum machine_stop stop = machine_run(s->m, till, slice);
        if (stop != MACHINE_BUDGET) return stop;
        session_arrive(s);
        if (s->poll && s->poll(s->poll_self)) return MACHINE_PAUSED;
    }
}

static enum machine_stop run(struct session *s, const struct till *till) { return run_by(s, till, SLICE); }

static bool at_end(struct session *s)
{
    if (machine_end(s->m).fate == FATE_RUNNING) return false;
    say_end(s);
    return true;
}

void session_insn(struct session *s)
{
    if (at_end(s)) return;
    machine_run(s->m, NULL, 1);
    settle(s);
}

void session_over(struct session *s)
{
    struct till guest = { .kind = TILL_GUEST };
    if (at_end(s)) return;
    run(s, &guest);
    settle(s);
}

/* What `x` stops at. A fault under a hypervisor is part of its exit: stopping at both would show one thing twice. */
static bool stops(const struct session *s, unsigned kind)
{
    if (machine_has_vmm(s->m)) return kind == EV_EXIT || kind == EV_SILENT || kind == EV_DIE;
    return kind == EV_FAULT || kind == EV_INT || kind == EV_IRQ || kind == EV_DIE;
}

void session_exit(struct session *s)
{
    struct till sub[EV_COUNT], any = { .kind = TILL_ANY, .sub = sub };
    if (at_end(s)) return;
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (stops(s, k)) sub[any.subs++] = (struct till){ .kind = TILL_EVENT, .a = k };
    enum machine_stop stop = run(s, &any);
    if (stop == MACHINE_PAUSED) session_say(s, false, "Stopped. No exit so far; x goes on.");
    settle(s);
}

void session_run(struct session *s)
{
    if (at_end(s)) return;
    session_arm(s, true);
    s->paced = s->speed != 0;
    enum machine_stop stop = run_by(s, NULL, s->speed ? s->speed : SLICE);
    s->paced = false;
    if (stop == MACHINE_PAUSED) session_say(s, false, "Stopped. c goes on, r goes back.");
    if (stop == MACHINE_POINT) session_stopped(s);
    session_arm(s, false);
    settle(s);
}

void session_back(struct session *s)
{
    if (!machine_insns(s->m))
        session_say(s, false, "This is the guest's first instruction.");
    else if (session_unstride(s))
        ;
    else if (!machine_back(s->m, 1))
        session_say(s, true, "Cannot go back from here.");
    settle(s);
}

/* The newest stopping event at or before `from` whose moment lies before `before` instructions; 0: none. */
static uint32_t stop_before(const struct session *s, uint32_t from, uint64_t before)
{
    const struct trace *t = machine_trace_of(s->m);
    for (uint32_t id = from; id; id--) {
        const struct event *e = trace_by_id(t, id);
        if (e && stops(s, e->kind) && e->insns < before) return id;
    }
    return 0;
}

/* The boundary after an event may be the one we stand at (then the event before it is meant). */
void session_back_exit(struct session *s)
{
    uint64_t here = machine_insns(s->m);
    uint32_t id = stop_before(s, trace_last(machine_trace_of(s->m)), here);
    while (id && machine_goto_event(s->m, id) && machine_insns(s->m) >= here) id = stop_before(s, id - 1, here);
    if (!id) {
        machine_goto(s->m, 0);
        session_say(s, false, "No exit before this: back at the start.");
    }
    settle(s);
}

void session_home(struct session *s)
{
    machine_goto(s->m, 0);
    settle(s);
}

static bool has_lesson(struct session *s)
{
    if (!s->lesson) session_say(s, false, "There is no lesson here; ringside list names those there are.");
    return s->lesson != NULL;
}

/* Where the lesson stands: the end of the step last done. */
static uint64_t lesson_place(const struct session *s, unsigned done)
{
    struct lesson_step st;
    if (!done) return 0;
    s->lesson->ops->step(s->lesson, done - 1, &st);
    return st.insns == UINT64_MAX ? machine_insns(s->m) : st.insns;
}

/* To where the lesson stood then. While a CPU is halted, or the hypervisor works, time passes at one position, so the clock is looked at,
 * too; and as a run that stops by instructions stops before such time, it begins one instruction earlier, as the lesson's went by. */
static void stand(struct session *s, unsigned done)
{
    struct lesson_step st = { .cycles = 0 };
    machine_goto(s->m, lesson_place(s, done));
    if (done) s->lesson->ops->step(s->lesson, done - 1, &st);
    if (!done || st.insns == UINT64_MAX || machine_cycles(s->m) >= st.cycles) return;
    struct till then = { .kind = TILL_CYCLES, .value = st.cycles };
    if (st.insns) machine_goto(s->m, st.insns - 1);
    machine_run(s->m, &then, 2);
}

static bool stands(const struct session *s, unsigned done)
{
    struct lesson_step st;
    if (!done) return machine_insns(s->m) == 0;
    s->lesson->ops->step(s->lesson, done - 1, &st);
    return machine_insns(s->m) == st.insns && machine_cycles(s->m) == st.cycles;
}

static void say_failures(struct session *s, unsigned from)
{
    struct lesson *l = s->lesson;
    for (unsigned i = from; i < l->ops->checks(l); i++)
        if (!l->ops->check(l, i)->passed && !l->ops->check(l, i)->elsewhere) {
            session_say(s, true, "Expectation failed: %s", l->ops->check(l, i)->text);
            return;
        }
}

static void say_left_out(struct session *s)
{
    struct lesson_step st;
    struct lesson *l = s->lesson;
    if (l->next) l->ops->step(l, l->next - 1, &st);
    if (l->next && st.left_out) session_say(s, false, "This step is told of %s: under %s it does not happen.", l->techniques, machine_config(s->m)->cpu);
}

void session_next(struct session *s)
{
    struct lesson *l = s->lesson;
    struct err e = { 0 };
    if (!has_lesson(s)) return;
    if (l->next >= l->ops->steps(l)) {
        session_say(s, false, "This was the last step. N goes back one, Home to the start, q leaves.");
        return;
    }
    if (!stands(s, l->next)) stand(s, l->next);
    unsigned checks = l->ops->checks(l);
    if (!l->ops->advance(l, s->m, &e))
        session_say(s, true, "%s", e.text);
    else
        say_failures(s, checks);
    session_arrive(s);
    if (!*s->message) say_left_out(s);
    if (!*s->message) say_end(s);
}

void session_previous(struct session *s)
{
    if (!has_lesson(s)) return;
    unsigned done = s->lesson->next;
    if (done && stands(s, done)) done--;
    stand(s, done);
    tell_lesson(s, done);
    settle(s);
}

/* Back to where we were, because there was no way to where we wanted. */
static void stay(struct session *s, uint64_t insns, const char *why, const char *what)
{
    machine_goto(s->m, insns);
    session_say(s, true, why, what);
}

static void goto_event(struct session *s, const char *arg, unsigned long long n)
{
    uint64_t here = machine_insns(s->m);
    if (n > UINT32_MAX || !n) {
        stay(s, here, "There is no event %s.", arg);
        return;
    }
    while (trace_last(machine_trace_of(s->m)) < n && machine_run(s->m, NULL, SLICE) == MACHINE_BUDGET)
        if (s->poll && s->poll(s->poll_self)) break;
    session_arrive(s);
    if (!machine_goto_event(s->m, (uint32_t)n)) stay(s, here, "There is no event %s.", arg);
}

static void goto_cycle(struct session *s, const char *arg, unsigned long long n)
{
    uint64_t here = machine_insns(s->m);
    struct till cycles = { .kind = TILL_CYCLES, .value = n };
    const struct trace *t = machine_trace_of(s->m);
    if (machine_cycles(s->m) > n) { /* start from the last event before it */
        uint32_t id = trace_last(t);
        while (id && trace_by_id(t, id)->cycle > n) id--;
        if (!id || !machine_goto_event(s->m, id) || machine_cycles(s->m) > n) machine_goto(s->m, 0);
    }
    if (machine_cycles(s->m) >= n) return;
    if (run(s, &cycles) != MACHINE_TILL && machine_cycles(s->m) < n)
        stay(s, here, "The guest ends before cycle %s.", arg);
}

static void goto_insn(struct session *s, const char *arg, unsigned long long n)
{
    uint64_t here = machine_insns(s->m);
    if (!machine_goto(s->m, n)) stay(s, here, "The guest ends before instruction %s.", arg);
}

static void goto_step(struct session *s, const char *arg, unsigned long long n)
{
    if (!has_lesson(s)) return;
    struct lesson *l = s->lesson;
    if (n > l->ops->steps(l)) {
        session_say(s, true, "There is no step %s; the lesson has %u.", arg, l->ops->steps(l));
        return;
    }
    if (n <= l->next) {
        stand(s, (unsigned)n);
        tell_lesson(s, (unsigned)n);
    }
    while (l->next < n && !s->warn) session_next(s);
}

static void goto_label(struct session *s, const char *arg)
{
    uint64_t here = machine_insns(s->m);
    struct till label = { .kind = TILL_LABEL };
    const char *near = machine_suggest_symbol(s->m, arg);
    if (!machine_find_symbol(s->m, arg, &label.a)) {
        session_say(s, true, near ? "No symbol \"%s\"; did you mean %s?" : "No symbol \"%s\".", arg, near);
        return;
    }
    enum machine_stop stop = run(s, &label);
    if (stop == MACHINE_ENDED)
        stay(s, here, "%s does not run again after this.", arg);
    else if (stop == MACHINE_PAUSED)
        session_say(s, false, "Stopped before %s.", arg);
}

/* The lesson's n-th expectation that failed, wherever it is: the lesson is gone on with until there are so many. */
static void goto_failure(struct session *s, const char *arg, unsigned long long n)
{
    struct lesson *l = s->lesson;
    struct err e = { 0 };
    uint64_t here = machine_insns(s->m);
    unsigned found = 0, i = 0;
    if (!has_lesson(s)) return;
    for (;;) {
        for (; i < l->ops->checks(l) && found < n; i++)
            found += !l->ops->check(l, i)->passed && !l->ops->check(l, i)->elsewhere;
        if (!n || found == n || l->next >= l->ops->steps(l)) break;
        if (!stands(s, l->next)) stand(s, l->next);
        if (!l->ops->advance(l, s->m, &e)) break;
    }
    session_arrive(s);
    if (!n || found < n) stay(s, here, e.code ? "%s" : "Expectations hold: there is no failure %s.", e.code ? e.text : arg);
    else {
        const struct lesson_check *c = l->ops->check(l, i - 1);
        machine_goto(s->m, c->insns);
        session_say(s, true, "Expectation failed: %s", c->text);
    }
}

static const struct {
    const char *word;
    void (*go)(struct session *s, const char *arg, unsigned long long n);
} places[] = { { "event", goto_event }, { "cycle", goto_cycle }, { "insn", goto_insn }, { "step", goto_step }, { "fail", goto_failure } };

/* "12,404" and "12404" are the same number; false if it is none. */
static bool parse_number(const char *s, unsigned long long *n)
{
    *n = 0;
    if (!*s) return false;
    for (; *s; s++) {
        if (*s == ',') continue;
        if (*s < '0' || *s > '9' || *n > UINT64_MAX / 10 - 1) return false;
        *n = *n * 10 + (unsigned)(*s - '0');
    }
    return true;
}

void session_goto(struct session *s, const char *where)
{
    unsigned long long n;
    while (*where == ' ') where++;
    const char *colon = strchr(where, ':');
    size_t len = colon ? (size_t)(colon - where) : 0;
    if (!*where) return;
    if (colon && len == 5 && !strncmp(where, "label", len)) {
        goto_label(s, colon + 1);
        settle(s);
        return;
    }
    if (colon && len == 4 && !strncmp(where, "mark", len)) {
        session_to_mark(s, colon[1] && !colon[2] ? (unsigned char)colon[1] : '?');
        return;
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bool named = colon && strlen(places[i].word) == len && !strncmp(where, places[i].word, len);
        if (!named && (colon || i)) continue;
        if (!parse_number(colon ? colon + 1 : where, &n)) break;
        places[i].go(s, colon ? colon + 1 : where, n);
        settle(s);
        return;
    }
    session_say(s, true, "Cannot go to \"%.60s\"; try 41, cycle:12404, insn:500, step:2, label:kmain, mark:a or fail:1.", where);
}
