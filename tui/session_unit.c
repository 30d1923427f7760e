/* What a step is: an instruction, or something longer; and back by the same. See session.h.
 *
 * Idea: a longer stride remembers where it began, so that a step back from where it ended leads there exactly. From anywhere else a step
 * back is one instruction. */
#include <string.h>
#include "tui/session.h"

enum { LINE_MOST = 200000 /* instructions a source line may take before we stop in it */, LOOK = 2000 };

static void stride(struct session *s, uint64_t from)
{
    if (machine_insns(s->m) == from) return;
    if (s->strides_n == SESSION_BACK) memmove(&s->strides[0], &s->strides[1], sizeof s->strides[0] * --s->strides_n);
    s->strides[s->strides_n].m = s->m;
    s->strides[s->strides_n].from = from;
    s->strides[s->strides_n++].to = machine_insns(s->m);
}

bool session_unstride(struct session *s)
{
    unsigned n = s->strides_n;
    if (!n || s->strides[n - 1].m != s->m || s->strides[n - 1].to != machine_insns(s->m)) {
        s->strides_n = 0; /* those before it lie elsewhere, too */
        return false;
    }
    s->strides_n--;
    return machine_goto(s->m, s->strides[n - 1].from);
}

static bool line_at(const struct session *s, struct source_line *l)
{
    return machine_place(s->m) != PLACE_VMM && source_lines_at(s->sources, machine_eip(s->m), l);
}

/* To another line of the source, into calls as well; what has no lines is run through. */
static void line(struct session *s)
{
    struct source_line from, now;
    bool known = line_at(s, &from);
    if (!s->sources) {
        session_say(s, false, source_lines_built() ? "This image has no source lines; u chooses another unit." : "Built without libdw: no source lines.");
        return;
    }
    for (unsigned n = 1; n <= LINE_MOST; n++) {
        if (machine_run(s->m, NULL, 1) == MACHINE_ENDED) break;
        if (line_at(s, &now) && (!known || now.file != from.file || now.line != from.line)) break;
        session_arrive(s);
        if (n % LOOK == 0 && s->poll && s->poll(s->poll_self)) break;
    }
}

static void event(struct session *s)
{
    struct till sub[EV_COUNT], any = { .kind = TILL_ANY, .sub = sub };
    for (unsigned k = 0; k < EV_COUNT; k++)
        if (k != EV_FORGOTTEN) sub[any.subs++] = (struct till){ .kind = TILL_EVENT, .a = k };
    while (machine_run(s->m, &any, 2000000) == MACHINE_BUDGET) {
        session_arrive(s);
        if (s->poll && s->poll(s->poll_self)) break;
    }
}

void session_step(struct session *s)
{
    uint64_t from = machine_insns(s->m);
    if (s->unit == UNIT_INSN || machine_end(s->m).fate != FATE_RUNNING) {
        session_insn(s);
        return;
    }
    if (s->unit == UNIT_EXIT) {
        session_exit(s);
    } else {
        if (s->unit == UNIT_LINE) line(s);
        else event(s);
        if (s->lesson) s->lesson->ops->rewind(s->lesson, s->m);
        session_arrive(s);
    }
    stride(s, from);
}

void session_unit_next(struct session *s)
{
    static const char *const words[UNITS] = { "one instruction", "one line of the guest's source", "on to the next event", "on to the next exit" };
    s->unit = (s->unit + 1) % UNITS;
    session_say(s, false, "s steps %s; r takes it back.", words[s->unit]);
}
