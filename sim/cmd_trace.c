/* `ringside trace`: every event of a run, as text or JSON Lines. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/subject.h"
#include "sim/trace/trace_json.h"

#include <string.h>

static void lines(const struct trace *t, struct text *out)
{
    size_t gap = 0;
    for (size_t i = 0; i < trace_count(t); i++) {
        gap = trace_at(t, i)->kind == EV_FORGOTTEN ? gap + 1 : 0;
        if (gap > 1) continue;
        if (gap) text_add(out, "      ... forgotten, to keep host memory small");
        else trace_line(trace_at(t, i), out);
        text_char(out, '\n');
    }
}

static bool write_trace(const struct subject *s, bool json, const char *path, struct err *e)
{
    struct text out = { 0 };
    if (json) trace_json(machine_trace_of(s->machine), &out);
    else lines(machine_trace_of(s->machine), &out);
    bool ok = text_write(&out, path, e);
    text_free(&out);
    return ok;
}

int cmd_trace(const struct options *o, struct err *e)
{
    static const char *const words[] = { "text", "jsonl" };
    struct subject s;
    struct err early = { 0 };
    const char *path = o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "-",
               *word = command_subject(o, 0, e);
    int format = o->value[OPT_FORMAT] ? options_choice(o, OPT_FORMAT, words, 2, e) : 0;
    if (!word || format < 0 || !subject_open(&s, word, o, e)) return e->code;
    guard_start(options_wall(o));
    bool ran = subject_run(&s, NULL, NULL, &early) && (!s.lesson || subject_finish(&s, &early));
    guard_quiet(true);
    if (ran || early.code != EXIT_INPUT) write_trace(&s, format == 1, path, e);
    if (!ran) err_set(e, early.code, "%s", early.text);
    struct machine_end end = machine_end(s.machine);
    if (!e->code && end.fate != FATE_RUNNING && machine_exit_code(s.machine))
        err_set(e, machine_exit_code(s.machine), "%s: %s", word, end.why);
    subject_close(&s);
    return e->code;
}
