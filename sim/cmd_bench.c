/* `ringside bench KIND`: measuring the simulated machines against what was published, and against each other. */
#include "sim/bench_nano.h"
#include "sim/cmd.h"
#include "sim/guard.h"

#include <string.h>

static int bench_nano(const struct options *o, struct err *e)
{
    static struct bench_nano b; /* large */
    const char *json = o->value[OPT_JSON], *csv = o->value[OPT_CSV];
    struct text t = { 0 };
    struct say out;
    guard_start(options_wall(o));
    bool ok = bench_nano_run(&b, &o->machine, e);
    guard_quiet(true);
    if (!ok) return e->code;
    if (json) bench_nano_json(&b, &t), ok = text_write(&t, json, e);
    text_clear(&t);
    if (csv && ok) bench_nano_csv(&b, &t), ok = text_write(&t, csv, e);
    text_free(&t);
    bool spoken = (json && !strcmp(json, "-")) || (csv && !strcmp(csv, "-")) || o->value[OPT_QUIET];
    if (!ok || spoken) return e->code;
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    bench_nano_text(&b, o->value[OPT_VERBOSE] != NULL, &out);
    say_flush(&out);
    say_check(&out, e);
    say_done(&out);
    return e->code;
}

static const struct { const char *name; int (*run)(const struct options *o, struct err *e); } kinds[] = {
    { "nano", bench_nano },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

int cmd_bench(const struct options *o, struct err *e)
{
    const char *words[KINDS], *kind = o->operands ? o->operand[0] : NULL;
    struct text all = { 0 };
    if (!kind) return err_set(e, EXIT_USAGE, "bench what? write `ringside bench nano`"), e->code;
    if (o->operands > 1) return command_operand(o, 0, "", e), e->code;
    for (unsigned i = 0; i < KINDS; i++) {
        if (!strcmp(kind, kinds[i].name)) return text_free(&all), kinds[i].run(o, e);
        words[i] = kinds[i].name;
        text_add(&all, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = config_suggest(kind, words, KINDS);
    if (near) err_set(e, EXIT_USAGE, "bench %s: no such benchmark; did you mean %s?", kind, near);
    else err_set(e, EXIT_USAGE, "bench %s: no such benchmark; there are: %s", kind, text_str(&all));
    text_free(&all);
    return e->code;
}
