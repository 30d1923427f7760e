/* `ringside compare`: the same guest on several machines, as a table; and, in step, where they part. */
#include "sim/cmd.h"
#include "sim/compare_runs.h"
#include "sim/guard.h"

#include <string.h>

static bool write_json(const struct compare_runs *c, const char *path, struct err *e)
{
    struct text out = { 0 };
    compare_runs_json(c, &out);
    bool ok = text_write(&out, path, e);
    text_free(&out);
    return ok;
}

static bool tell(const struct compare_runs *c, const struct options *o, struct err *e)
{
    const char *json = o->value[OPT_JSON], *path = o->value[OPT_OUTPUT];
    struct say out;
    bool ok = true;
    if (json) ok = write_json(c, json, e);
    if ((json && !strcmp(json, "-")) || o->value[OPT_QUIET]) return ok;
    say_init(&out, path && strcmp(path, "-") ? NULL : stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    compare_runs_text(c, o->value[OPT_LOCKSTEP] != NULL, &out);
    if (!out.to) ok = ok && text_write(&out.t, path, e);
    say_flush(&out);
    ok = say_check(&out, e) && ok;
    say_done(&out);
    return ok;
}

int cmd_compare(const struct options *o, struct err *e)
{
    static struct compare_runs c; /* large */
    struct subject s;
    const char *word = command_subject(o, 0, e);
    if (!word || !subject_find(&s, word, o, e)) return e->code;
    uint64_t steps = s.cfg.limit_insns ? s.cfg.limit_insns : COMPARE_STEPS;
    bool only_step = o->value[OPT_LOCKSTEP] != NULL;
    if (only_step) s.cfg.limit_insns = 0;
    int code = EXIT_GOOD;
    if (compare_runs_on(&c, &s, o->value[OPT_ON], e)) {
        guard_start(options_wall(o));
        bool ok = compare_runs_all(&c, only_step, steps, e);
        guard_quiet(true);
        if (ok && tell(&c, o, e) && compare_runs_differ(&c)) code = EXIT_FAILED;
    }
    compare_runs_done(&c);
    subject_close(&s);
    return e->code ? e->code : code;
}
