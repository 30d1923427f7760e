/* Branches of the past: what is changed is changed on another machine, which shares everything before. See session.h.
 *
 * Idea: the run that was is never touched. A branch is a new machine of the same configuration, brought to this moment by executing again
 * (the same moment is the same state), and changed there. So both futures exist beside each other, and can be compared.
 * A branch begins at its change: what lies before it is the trunk's. A change on a branch goes on changing that one. */
#include <stdio.h>
#include <string.h>
#include "tui/narrate.h"
#include "tui/session.h"

enum { COMPARED = 20000000 /* boundaries that each future is run for a comparison */, SLICE = 2000000, DIFFERENCES = 3 };

int session_on_branch(const struct session *s)
{
    for (unsigned i = 0; i < s->branches; i++)
        if (s->branch[i].m == s->m) return (int)i;
    return -1;
}

bool session_branch(struct session *s, const char *what)
{
    struct err e = { 0 };
    int on = session_on_branch(s);
    if (on >= 0) return true;
    if (s->branches == SESSION_BRANCHES) {
        session_say(s, true, "There are %d branches already; :branch drop takes the last one away.", SESSION_BRANCHES);
        return false;
    }
    struct machine_cfg cfg = *machine_config(s->m);
    cfg.serial = NULL;
    struct machine *m = machine_new(&cfg, &e);
    if (!m || !machine_goto(m, machine_insns(s->m)) || machine_state_hash(m) != machine_state_hash(s->m)) {
        session_say(s, true, "%s", m ? "This moment cannot be reached a second time, so it has no branches." : e.text);
        machine_free(m);
        return false;
    }
    struct branch *b = &s->branch[s->branches++];
    *b = (struct branch){ .m = m, .trunk = s->m, .trunk_lesson = s->lesson, .from = machine_insns(m) };
    snprintf(b->what, sizeof b->what, "%.70s", what);
    s->m = m;
    s->lesson = NULL;
    session_arrive(s);
    return true;
}

static void stand_on(struct session *s, struct machine *m, struct lesson *l)
{
    s->m = m;
    s->lesson = l;
    s->parts = 0;
    if (l) l->ops->rewind(l, m);
    session_arrive(s);
}

/* Trunk, 1, 2, ... and the trunk again. */
void session_branch_next(struct session *s)
{
    int on = session_on_branch(s);
    unsigned next = (unsigned)(on + 1);
    if (!s->branches) {
        session_say(s, false, "There is one past only. :vm.eax = 5 changes it, on a branch.");
    } else if (next < s->branches) {
        stand_on(s, s->branch[next].m, NULL);
        session_say(s, false, "Branch %u: %s", next + 1, s->branch[next].what);
    } else {
        struct branch *b = &s->branch[on];
        stand_on(s, b->trunk, b->trunk_lesson);
        session_say(s, false, "The run as it was.");
    }
}

void session_branch_drop(struct session *s)
{
    if (!s->branches) {
        session_say(s, false, "There are no branches.");
        return;
    }
    struct branch b = s->branch[--s->branches];
    if (s->m == b.m) stand_on(s, b.trunk, b.trunk_lesson);
    machine_free(b.m);
    session_say(s, false, "Branch %u is gone.", s->branches + 1);
}

void session_branch_list(const struct session *s, struct text *out)
{
    int on = session_on_branch(s);
    if (!s->branches) text_add(out, "There are none. :vm.eax = 5 makes one.\n");
    for (unsigned i = 0; i < s->branches; i++) {
        text_add(out, "%s%u  from moment ", (int)i == on ? "> " : "  ", i + 1);
        text_number(out, s->branch[i].from);
        text_add(out, ": %s\n", s->branch[i].what);
    }
}

/* ---- two futures ------------------------------------------------------------------------------------------------- */

/* From the branch's beginning to its end, or as far as one looks. */
static void run_far(struct session *s, struct machine *m, uint64_t from)
{
    machine_goto(m, from);
    for (uint64_t end = from + COMPARED; machine_insns(m) < end;)
        if (machine_run(m, NULL, SLICE) != MACHINE_BUDGET || (s->poll && s->poll(s->poll_self))) break;
}

/* Not time: what happened, to whom, and where. */
static bool same_event(const struct event *a, const struct event *b)
{
    if (a->kind != b->kind || a->eip != b->eip || a->ring != b->ring) return false;
    const struct event_desc *d = event_desc(a->kind);
    for (unsigned i = 0; i < d->fields; i++)
        if (strcmp(d->field[i].name, "cost") && event_field(a, &d->field[i]) != event_field(b, &d->field[i])) return false;
    return true;
}

static size_t index_at(const struct trace *t, uint64_t moment)
{
    size_t i = trace_count(t);
    while (i && trace_at(t, i - 1)->insns >= moment) i--;
    return i;
}

static void tell(const char *who, const struct machine *m, const struct event *e, struct text *out)
{
    text_add(out, "%s: ", who);
    if (e) narrate_event(m, e, out);
    else text_add(out, "nothing more happens.");
    text_char(out, '\n');
}

static void compare_events(const struct machine *a, const struct machine *b, uint64_t from, struct text *out)
{
    const struct trace *ta = machine_trace_of(a), *tb = machine_trace_of(b);
    size_t ia = index_at(ta, from), ib = index_at(tb, from), same = 0;
    const struct event *ea, *eb;
    while ((ea = trace_at(ta, ia)) != NULL && (eb = trace_at(tb, ib)) != NULL && same_event(ea, eb)) ia++, ib++, same++;
    ea = trace_at(ta, ia), eb = trace_at(tb, ib);
    text_number(out, same);
    text_add(out, " events are the same in both%s\n", ea || eb ? ". Then:" : ", and there are no others.");
    if (ea || eb) tell("As it was", a, ea, out), tell("Changed", b, eb, out);
}

static void compare_serial(const struct machine *a, const struct machine *b, struct text *out)
{
    size_t na, nb, i = 0, line = 0;
    const char *sa = machine_serial(a, &na), *sb = machine_serial(b, &nb);
    while (i < na && i < nb && sa[i] == sb[i]) {
        if (sa[i] == '\n') line = i + 1;
        i++;
    }
    if (i == na && i == nb) {
        text_add(out, "Both print the same.\n");
        return;
    }
    text_add(out, "As it was it prints: %.*s\n", (int)strcspn(sa + line, "\r\n"), sa + line);
    text_add(out, "Changed it prints: %.*s\n", line < nb ? (int)strcspn(sb + line, "\r\n") : 0, line < nb ? sb + line : "");
}

static void tell_end(const char *who, const struct machine *m, struct text *out)
{
    text_add(out, "%s: ", who);
    text_number(out, machine_cycles(m));
    text_add(out, " cycles, %s\n", machine_end(m).fate == FATE_RUNNING ? "still running" : machine_end(m).why);
}

bool session_branch_compare(struct session *s, struct text *out)
{
    int on = session_on_branch(s);
    if (!s->branches) {
        session_say(s, false, "There is no branch to compare with. :vm.eax = 5 makes one.");
        return false;
    }
    struct branch *b = &s->branch[on < 0 ? s->branches - 1 : (unsigned)on];
    uint64_t here = machine_insns(b->trunk), there = machine_insns(b->m);
    run_far(s, b->trunk, b->from);
    run_far(s, b->m, b->from);
    text_add(out, "Changed: %s\n\n", b->what);
    compare_events(b->trunk, b->m, b->from, out);
    text_char(out, '\n');
    compare_serial(b->trunk, b->m, out);
    text_char(out, '\n');
    tell_end("As it was", b->trunk, out);
    tell_end("Changed", b->m, out);
    machine_goto(b->trunk, here);
    machine_goto(b->m, there);
    session_arrive(s);
    return true;
}

void session_branches_free(struct session *s)
{
    for (unsigned i = 0; i < s->branches; i++) machine_free(s->branch[i].m);
    s->branches = 0;
}
