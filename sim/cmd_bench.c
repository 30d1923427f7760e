/* `ringside bench KIND`: measuring the simulated machines against what was published, and against each other. */
#include "sim/bench_io.h"
#include "sim/bench_macro.h"
#include "sim/bench_nano.h"
#include "sim/bench_sweep.h"
#include "sim/cmd.h"
#include "sim/graphviz.h"
#include "sim/guard.h"
#include "sim/picture.h"

#include <string.h>

/* Results in the forms that were asked for; `text` says them to a person unless stdout has them already. */
typedef void form_fn(const void *self, struct text *out);
struct results { const void *self; form_fn *json, *csv; void (*say)(const void *self, const struct options *o, struct say *out); };

static bool write_form(const struct results *r, form_fn *form, const char *path, struct err *e)
{
    struct text t = { 0 };
    if (!path) return true;
    form(r->self, &t);
    bool ok = text_write(&t, path, e);
    text_free(&t);
    return ok;
}

static bool is_stdout(const char *path) { return path && !strcmp(path, "-"); }

static bool tell(const struct results *r, const struct options *o, struct err *e)
{
    const char *json = o->value[OPT_JSON], *csv = o->value[OPT_CSV];
    struct say out;
    if (!write_form(r, r->json, json, e) || !write_form(r, r->csv, csv, e)) return false;
    if (is_stdout(json) || is_stdout(csv) || is_stdout(o->value[OPT_OUTPUT]) || o->value[OPT_QUIET]) return true;
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    r->say(r->self, o, &out);
    say_flush(&out);
    say_check(&out, e);
    say_done(&out);
    return !e->code;
}

static bool one_stdout(const struct options *o, struct err *e)
{
    int n = is_stdout(o->value[OPT_JSON]) + is_stdout(o->value[OPT_CSV]) + is_stdout(o->value[OPT_OUTPUT]);
    return n < 2 || err_set(e, EXIT_USAGE, "--json -, --csv - and -o -: stdout takes one of them; name a file for the other");
}

/* --- nano ------------------------------------------------------------------------------------------------------------- */

static void nano_json(const void *self, struct text *out) { bench_nano_json(self, out); }
static void nano_csv(const void *self, struct text *out) { bench_nano_csv(self, out); }
static void nano_say(const void *self, const struct options *o, struct say *out) { bench_nano_text(self, o->value[OPT_VERBOSE] != NULL, out); }

static int bench_nano(const struct options *o, struct err *e)
{
    static struct bench_nano b; /* large */
    static const enum option not_here[] = { OPT_ON, OPT_SHARD, OPT_OUTPUT, OPT_THEME };
    const struct results r = { &b, nano_json, nano_csv, nano_say };
    if (o->operands > 1) return err_set(e, EXIT_USAGE, "%s: `bench nano` takes no guest, it has its own", o->operand[1]), e->code;
    for (unsigned i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (o->value[not_here[i]])
            return err_set(e, EXIT_USAGE, "--on, --shard, -o and --theme are for `bench sweep`; leave them out"), e->code;
    guard_start(options_wall(o));
    bool ok = one_stdout(o, e) && bench_nano_run(&b, &o->machine, e);
    guard_quiet(true);
    if (ok) tell(&r, o, e);
    return e->code;
}

/* --- sweep ------------------------------------------------------------------------------------------------------------ */

static void swept_json(const void *self, struct text *out) { sweep_json(self, out); }
static void swept_csv(const void *self, struct text *out) { sweep_csv(self, out); }
static void swept_say(const void *self, const struct options *o, struct say *out) { (void)o, sweep_text(self, out); }

struct plot { const char *path, *theme; enum picture_format format; };

static bool plan_plot(const struct sweep *s, const struct options *o, struct plot *p, struct err *e)
{
    *p = (struct plot){ .path = o->value[OPT_OUTPUT] };
    if (!p->path) return true;
    if (!s->key[0]) return err_set(e, EXIT_USAGE, "-o %s: there is nothing to plot without --set KEY=A..B", p->path);
    if (s->shards > 1) return err_set(e, EXIT_USAGE, "-o %s: a shard is no picture; use --csv or --json", p->path);
    if (!picture_format(o, p->path, &p->format, e) || !picture_theme(o, &p->theme, e)) return false;
    return p->format != PICTURE_DOT && p->format != PICTURE_TXT ? true :
           err_set(e, EXIT_USAGE, "-o %s: a plot is .svg, .png or .pdf; the table is on stdout", p->path);
}

static bool write_plot(const struct sweep *s, const struct plot *p, struct err *e)
{
    struct text svg = { 0 }, out = { 0 };
    if (!p->path) return true;
    sweep_svg(s, p->theme, &svg);
    bool converted = p->format != PICTURE_SVG;
    bool ok = (!converted || graphviz_convert(&svg, &svg, picture_ending(p->format), &out, e)) && text_write(converted ? &out : &svg, p->path, e);
    text_free(&svg);
    text_free(&out);
    return ok;
}

static int bench_sweep(const struct options *o, struct err *e)
{
    static struct sweep s; /* large */
    struct plot plot;
    const struct results r = { &s, swept_json, swept_csv, swept_say };
    if (!one_stdout(o, e) || !sweep_plan(&s, "native,bt,vtx,pv", o, e) || !plan_plot(&s, o, &plot, e)) return e->code;
    guard_start(options_wall(o));
    bool ok = sweep_run(&s, e);
    guard_quiet(true);
    if (ok && write_plot(&s, &plot, e)) tell(&r, o, e);
    return e->code;
}

/* --- macro ------------------------------------------------------------------------------------------------------------ */

static void all_json(const void *self, struct text *out) { macro_json(self, out); }
static void all_say(const void *self, const struct options *o, struct say *out) { (void)o, macro_text(self, out); }

static int bench_macro(const struct options *o, struct err *e)
{
    static struct sweep s; /* large */
    static const enum option not_here[] = { OPT_SHARD, OPT_OUTPUT, OPT_THEME };
    const struct results r = { &s, all_json, swept_csv, all_say };
    if (o->operands > 1) return err_set(e, EXIT_USAGE, "%s: `bench macro` runs all its workloads; `bench sweep %s` runs one", o->operand[1], o->operand[1]), e->code;
    for (unsigned i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (o->value[not_here[i]]) return err_set(e, EXIT_USAGE, "--shard, -o and --theme are for `bench sweep`; leave them out"), e->code;
    if (!one_stdout(o, e) || !macro_plan(&s, o, e)) return e->code;
    guard_start(options_wall(o));
    bool ok = sweep_run(&s, e);
    guard_quiet(true);
    if (ok) tell(&r, o, e);
    return e->code;
}

/* --- io --------------------------------------------------------------------------------------------------------------- */

static void io_json(const void *self, struct text *out) { bench_io_json(self, out); }
static void io_csv(const void *self, struct text *out) { bench_io_csv(self, out); }
static void io_say(const void *self, const struct options *o, struct say *out) { (void)o, bench_io_text(self, out); }

static int bench_io(const struct options *o, struct err *e)
{
    static struct bench_io b; /* large */
    static const enum option not_here[] = { OPT_ON, OPT_SHARD, OPT_OUTPUT, OPT_THEME };
    const struct results r = { &b, io_json, io_csv, io_say };
    if (o->operands > 1) return err_set(e, EXIT_USAGE, "%s: `bench io` takes no guest, it has its own", o->operand[1]), e->code;
    for (unsigned i = 0; i < sizeof not_here / sizeof not_here[0]; i++)
        if (o->value[not_here[i]]) return err_set(e, EXIT_USAGE, "--on, --shard, -o and --theme are for `bench sweep`; leave them out"), e->code;
    guard_start(options_wall(o));
    bool ok = one_stdout(o, e) && bench_io_run(&b, o, e);
    guard_quiet(true);
    if (ok) tell(&r, o, e);
    return e->code;
}

static const struct { const char *name; int (*run)(const struct options *o, struct err *e); } kinds[] = {
    { "nano", bench_nano }, { "macro", bench_macro }, { "io", bench_io }, { "sweep", bench_sweep },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

int cmd_bench(const struct options *o, struct err *e)
{
    const char *words[KINDS], *kind = o->operands ? o->operand[0] : NULL;
    struct text all = { 0 };
    if (!kind) return err_set(e, EXIT_USAGE, "bench what? write `ringside bench nano`"), e->code;
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
