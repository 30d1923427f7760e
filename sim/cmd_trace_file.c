/* `ringside trace record|print|convert|diff`: runs in files. See trace_record.h. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/picture.h"
#include "sim/trace_record.h"

#include <stdio.h>
#include <string.h>

static const char *const verbs[] = { "record", "print", "convert", "diff" };
enum { VERBS = sizeof verbs / sizeof *verbs };

bool trace_is_verb(const struct options *o)
{
    for (unsigned i = 0; o->operands && i < VERBS; i++)
        if (!strcmp(o->operand[0], verbs[i])) return true;
    return false;
}

/* What is of a run and not of a file. */
static bool no_machine(const struct options *o, struct err *e)
{
    char who[32];
    const char *more = o->value[OPT_INSTR] ? " --instr" : o->value[OPT_LAST] ? " --last" : "";
    snprintf(who, sizeof who, "trace %s", o->operand[0]);
    if (*more) err_set(e, EXIT_USAGE, "%s:%s: of a run, and this is a file; record it so", who, more);
    return !*more && recording_alone(o, who, e);
}

/* The events that the author wanted drawn; and what to type to have the run again, for whoever needs its machine. */
static void again(const struct options *o, const struct subject *s, const char *word, uint64_t boot, struct text *out)
{
    struct picture range = { 0 };
    picture_range(s, &(struct picture_run){ .t = machine_trace_of(s->machine) }, &range);
    if (range.to) text_add(out, "ladder=%u,%u\n", range.from, range.to);
    struct text line = { 0 };
    options_word(word, &line);
    options_again(o, &line);
    if (!strchr(text_str(&line), '\n')) text_add(out, "boot_id=%016llx\nagain=%s\n", (unsigned long long)boot, text_str(&line));
    text_free(&line);
}

static int record(const struct options *o, struct err *e)
{
    struct subject s;
    struct recording r;
    struct err early = { 0 };
    struct text out = { 0 };
    char name[96];
    const char *word = command_subject(o, 1, e), *path = o->value[OPT_OUTPUT];
    if (word && (o->value[OPT_FORMAT] || o->value[OPT_EPISODES] || o->value[OPT_INSTR]))
        err_set(e, EXIT_USAGE, "trace record: a file holds the whole run; leave --format, --episodes and --instr to print and convert");
    if (!word || e->code || !subject_open(&s, word, o, e)) return e->code;
    struct machine_summary sum;
    machine_summary(s.machine, &sum); /* what a script will type is not in it yet */
    guard_start(options_wall(o));
    bool ran = subject_run(&s, NULL, NULL, &early) && (!s.lesson || subject_finish(&s, &early));
    guard_quiet(true);
    if (ran || early.code != EXIT_INPUT) {
        snprintf(name, sizeof name, "%s.rtrace", s.name);
        trace_record(&r, &s);
        again(o, &s, word, sum.run_id, &r.what);
        recording_write(&r, &out);
        if (text_write(&out, path ? path : name, e) && !o->value[OPT_QUIET] && (!path || strcmp(path, "-")))
            fprintf(stderr, "trace: %s: %u events\n", path ? path : name, trace_last(r.x.t));
        text_free(&out);
        recording_free(&r);
    }
    if (!ran) err_set(e, early.code, "%s", early.text);
    struct machine_end end = machine_end(s.machine);
    if (!e->code && end.fate != FATE_RUNNING && machine_exit_code(s.machine)) err_set(e, machine_exit_code(s.machine), "%s: %s", word, end.why);
    subject_close(&s);
    return e->code;
}

static void print_head(const struct recording *r, struct text *out)
{
    for (const char *line = text_str(&r->what); *line; line += strcspn(line, "\n"), line += *line == '\n')
        text_add(out, "# %.*s\n", (int)strcspn(line, "\n"), line);
}

static void print_steps(const struct recording *r, struct text *out)
{
    for (unsigned i = 0; i < r->steps; i++) text_add(out, "# step %u, to event %u: %s\n", i + 1, r->step[i].last, r->step[i].title);
}

static int print(const struct options *o, bool convert, struct err *e)
{
    struct recording r;
    struct text out = { 0 };
    int format = trace_format_of(o, TRACE_TEXT, e);
    const char *path = command_operand(o, 1, "a recorded trace (.rtrace)", e);
    if (!path || format < 0 || !no_machine(o, e)) return e->code;
    if (convert && !o->value[OPT_FORMAT] && !o->value[OPT_OUTPUT])
        return err_set(e, EXIT_USAGE, "trace convert: into what? --format vcd, or -o run.vcd"), e->code;
    if (o->value[OPT_EPISODES] && format > TRACE_JSONL)
        return err_set(e, EXIT_USAGE, "--format %s is of the whole run; leave --episodes out, or use text or jsonl", trace_format_words[format]), e->code;
    if (!recording_load(&r, path, e)) return e->code;
    if (!convert && format == TRACE_TEXT) print_head(&r, &out), print_steps(&r, &out);
    bool ok = true;
    if (!o->value[OPT_EPISODES]) ok = trace_convert(&r, (enum trace_format)format, &out, e);
    for (size_t i = 0; o->value[OPT_EPISODES] && i < trace_episodes(r.x.t); i++) {
        (format == TRACE_JSONL ? episode_json : episode_line)(r.x.t, trace_episode_at(r.x.t, i), &out);
        text_char(&out, '\n');
    }
    if (ok) text_write(&out, o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "-", e);
    text_free(&out);
    recording_free(&r);
    return e->code;
}

static int diff(const struct options *o, struct err *e)
{
    struct recording a, b;
    struct text out = { 0 };
    if (o->operands != 3) return err_set(e, EXIT_USAGE, "trace diff: of which two files? `ringside trace diff a.rtrace b.rtrace`"), e->code;
    if (!no_machine(o, e) || !recording_load(&a, o->operand[1], e)) return e->code;
    bool differ = false;
    if (recording_load(&b, o->operand[2], e)) {
        differ = trace_diff(&a, &b, (const char *const[]){ o->operand[1], o->operand[2] }, &out);
        text_write(&out, o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : "-", e);
        recording_free(&b);
    }
    recording_free(&a);
    text_free(&out);
    return e->code ? e->code : differ ? EXIT_FAILED : EXIT_GOOD;
}

int cmd_trace_file(const struct options *o, struct err *e)
{
    switch (o->operand[0][0]) {
    case 'r': return record(o, e);
    case 'd': return diff(o, e);
    default: return print(o, o->operand[0][0] == 'c', e);
    }
}
