/* `ringside draw KIND ...`: the table of kinds, and those that draw a run: its ladder, its translated
 * code (blocks), its ways in and out (vmx), what its visits to the hypervisor took (hist), who ran when (timeline), how a VM moved (migrate), who owns what
 * (topology). */
#include "sim/cmd.h"
#include "sim/draw.h"
#include "sim/guard.h"
#include "sim/picture.h"
#include "sim/picture_bits.h"
#include "sim/picture_blocks.h"
#include "sim/picture_chart.h"
#include "sim/picture_dress.h"
#include "sim/picture_run.h"
#include "sim/picture_split.h"
#include "sim/picture_tables.h"
#include "sim/picture_vmx.h"
#include "sim/picture_walk.h"
#include "sim/trace_record.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; draw_fn *draw; } kinds[] = {
    { "ladder", draw_run }, { "matrix", draw_matrix }, { "decision", draw_decision }, { "blocks", draw_run },
    { "vmx", draw_run }, { "bars", draw_bars }, { "hist", draw_run }, { "timeline", draw_run },
    { "walk", draw_run }, { "tables", draw_run }, { "migrate", draw_run },
    { "topology", draw_run }, { "io", draw_io }, { "bits", draw_run }, { "rings", draw_run }, { "screen", draw_screen }, { "diff", draw_diff },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };
const char *draw_kind(unsigned i) { return i < KINDS ? kinds[i].name : NULL; }

/* Index of the kind that the first operand names, or -1. */
static int find_kind(const struct options *o, struct err *e)
{
    const char *words[KINDS], *kind = o->operand[0];
    struct text all = { 0 };
    if (!o->operands) {
        err_set(e, EXIT_USAGE, "draw what? write `ringside draw ladder popf -o popf.svg`");
        return -1;
    }
    for (unsigned i = 0; i < KINDS; i++) {
        if (!strcmp(kind, kinds[i].name)) return (int)i;
        words[i] = kinds[i].name;
    }
    const char *near = config_suggest(kind, words, KINDS);
    for (unsigned i = 0; i < KINDS; i++) text_add(&all, "%s%s", i ? ", " : "", words[i]);
    if (near) err_set(e, EXIT_USAGE, "draw %s: no such diagram; did you mean %s?", kind, near);
    else if (o->operands == 1)
        err_set(e, EXIT_USAGE, "draw %s: no such diagram; did you mean `draw ladder %s`?", kind, kind);
    else err_set(e, EXIT_USAGE, "draw %s: no such diagram; there are: %s", kind, text_str(&all));
    text_free(&all);
    return -1;
}

int cmd_draw(const struct options *o, struct err *e)
{
    int kind = find_kind(o, e);
    if (kind < 0 || !picture_dress(o, e)) return e->code;
    if (o->value[OPT_FRAMES] && strcmp(kinds[kind].name, "ladder") && strcmp(kinds[kind].name, "diff"))
        return err_set(e, EXIT_USAGE, "draw %s --frames: only a ladder and a diff grow frame by frame", kinds[kind].name), e->code;
    draw_fn *draw = kinds[kind].draw;
    bool several = draw != draw_matrix && draw != draw_decision && draw != draw_diff; /* those take no guest, or two */
    return draw_many(o, draw, several, e);
}

/* --- a run's diagrams ------------------------------------------------------------------------------------------------ */

struct drawing { struct picture p; struct place from, to, at; struct picture_run run; };

static bool given_range(struct drawing *d, struct err *e)
{
    uint32_t ignored;
    if (d->from.what && !place_resolve(&d->run, &d->from, &d->p.from, &ignored, e)) return false;
    if (d->to.what && !place_resolve(&d->run, &d->to, &ignored, &d->p.to, e)) return false;
    if (!d->p.to || d->p.from <= d->p.to) return true;
    return err_set(e, EXIT_USAGE, "--from lies after --to (events %u and %u); exchange them", d->p.from, d->p.to);
}

static bool find_range(const struct subject *s, struct drawing *d, struct err *e)
{
    d->p.max_rows = d->to.what ? 0 : PICTURE_ROWS;
    if (!d->from.what && !d->to.what) picture_range(s, &d->run, &d->p);
    return given_range(d, e);
}

static bool read_options(const struct options *o, struct drawing *d, struct err *e)
{
    const char *path = o->value[OPT_OUTPUT];
    bool here = path && !strcmp(path, "-"); /* a file is UTF-8 everywhere; stdout is whoever reads it here */
    d->p.ascii = o->value[OPT_ASCII] || (here && strcmp(nl_langinfo(CODESET), "UTF-8"));
    return picture_format(o, o->value[OPT_OUTPUT], &d->p.format, e) && picture_theme(o, &d->p.theme, e) &&
           place_read("at", o->value[OPT_AT], &d->at, e) && place_read("from", o->value[OPT_FROM], &d->from, e) && place_read("to", o->value[OPT_TO], &d->to, e);
}

/* When nobody says: the newest hidden fault; else a traced store, or a true fault. NULL: there was none. */
static const struct event *telling_fault(const struct trace *t)
{
    static const uint8_t answers[] = { EV_HIDDEN, EV_TRACED, EV_TRUE };
    for (unsigned k = 0; k < sizeof answers; k++)
        for (size_t i = trace_count(t); i--;)
            if (trace_at(t, i)->kind == answers[k]) return trace_at(t, i);
    return NULL;
}

/* To the moment behind the last event of --at; without, to where that fault was raised, and what it will fill is still missing. */
static bool go(const struct subject *s, const struct drawing *d, const struct event *fault, struct err *e)
{
    const struct trace *t = machine_trace_of(s->machine);
    uint32_t first, last = 0;
    if (d->at.what && !place_resolve(&d->run, &d->at, &first, &last, e)) return false;
    for (size_t i = !last && fault ? fault->id : 0; !last && i--;)
        if (trace_at(t, i)->kind == EV_FAULT || trace_at(t, i)->kind == EV_VMEXIT) last = trace_at(t, i)->id;
    return !last || machine_goto_event(s->machine, last) || err_set(e, EXIT_BUG, "event %u cannot be reached again", last);
}

static bool draw_walk(const struct options *o, const struct subject *s, struct drawing *d, const char *path, struct err *e)
{
    struct walk_what what = { 0 };
    const struct event *fault = d->at.what ? NULL : telling_fault(machine_trace_of(s->machine));
    if (fault) { /* the three kinds begin with the same fields, but a traced store is a write */
        what.va = fault->kind == EV_TRACED ? fault->u.TRACED.va : fault->u.HIDDEN.va;
        uint8_t access = fault->kind == EV_TRACED ? ACCESS_WRITE : fault->u.HIDDEN.access;
        what.access = access & ~(unsigned)ACCESS_USER;
        what.ring = access & ACCESS_USER ? 3 : 0;
    }
    if (!go(s, d, fault, e)) return false;
    if (o->value[OPT_VA] && !walk_what_read(&what, s->machine, o->value[OPT_VA], e)) return false;
    if (!o->value[OPT_VA] && !fault) walk_what_newest(&what, s->machine);
    return walk_write(s, &d->p, &what, path, e);
}

static bool draw_bits(const struct options *o, const struct subject *s, struct drawing *d, const char *path, struct err *e)
{
    struct walk_what what = { 0 };
    if (!go(s, d, NULL, e) || (o->value[OPT_VA] && !walk_what_read(&what, s->machine, o->value[OPT_VA], e))) return false;
    return bits_write(s, &d->p, o->value[OPT_VA] ? &what.va : NULL, path, e);
}

static bool sample_at(const struct subject *s, uint32_t id, struct tables_moment *to, struct err *e)
{
    if (id && !machine_goto_event(s->machine, id)) return err_set(e, EXIT_BUG, "event %u cannot be reached again", id);
    tables_sample(to, s->machine);
    return true;
}

/* At --at, or --to; with --from what changed since then. The later moment first: going back forgets it. */
static bool draw_tables(const struct subject *s, struct drawing *d, const char *path, struct err *e)
{
    const struct place *end = d->at.what ? &d->at : &d->to;
    uint32_t from = 0, to = 0, ignored;
    if (end->what && !place_resolve(&d->run, end, &ignored, &to, e)) return false;
    if (d->from.what && !place_resolve(&d->run, &d->from, &from, &ignored, e)) return false;
    if (to && from > to) return err_set(e, EXIT_USAGE, "--from lies after --to (events %u and %u); exchange them", from, to);
    struct tables_moment *moment = calloc(2, sizeof *moment);
    if (!moment) return err_set(e, EXIT_ENVIRONMENT, "no memory for the diagram");
    bool ok = sample_at(s, to, &moment[1], e) && (!from || sample_at(s, from, &moment[0], e)) &&
              tables_write(s, &d->p, from ? &moment[0] : NULL, &moment[1], path, e);
    free(moment);
    return ok;
}

static bool write_events(const struct subject *s, const char *kind, struct drawing *d, const char *path, struct err *e)
{
    if (!strcmp(kind, "vmx")) return vmx_write(&d->run, &d->p, path, e);
    if (!strcmp(kind, "hist")) return hist_write(&d->run, &d->p, path, e);
    if (!strcmp(kind, "rings")) return rings_write(&d->run, &d->p, path, e);
    if (!strcmp(kind, "timeline")) return given_range(d, e) && timeline_write(&d->run, &d->p, path, e);
    return find_range(s, d, e) && picture_write(&d->run, &d->p, path, e);
}

static bool needs_events_only(const char *kind)
{
    static const char *const kinds_of_events[] = { "ladder", "vmx", "hist", "rings", "timeline" };
    for (unsigned i = 0; i < sizeof kinds_of_events / sizeof *kinds_of_events; i++)
        if (!strcmp(kinds_of_events[i], kind)) return true;
    return false;
}

static bool write_machine(const struct options *o, const struct subject *s, struct drawing *d, const char *path, struct err *e)
{
    const char *kind = o->operand[0];
    if (!strcmp(kind, "blocks")) return blocks_write(s, &d->p, path, e);
    if (!strcmp(kind, "migrate")) return migrate_write(s, &d->p, path, e);
    if (!strcmp(kind, "topology")) return topology_write(s, &d->p, path, e);
    if (!strcmp(kind, "bits")) return draw_bits(o, s, d, path, e);
    if (!strcmp(kind, "walk")) return draw_walk(o, s, d, path, e);
    return draw_tables(s, d, path, e);
}

/* Who draws for a slide hears at once that this is none, and what would be. */
static void say_tall(const struct options *o, const struct drawing *d)
{
    const char *kind = o->operand[0];
    bool part = !strcmp(kind, "ladder") || !strcmp(kind, "timeline");
    int w, h;
    if (o->value[OPT_SIZE] || o->value[OPT_SPLIT] || d->p.frames || !picture_tall(&w, &h)) return;
    fprintf(stderr, "         %d x %d is higher than a slide: --split makes several; %s--size 16x9 fits all on one, smaller\n", w, h,
            part ? "--from and --to draw a part; " : "");
}

/* `s`: NULL: a file, d->run is all there is. */
static bool draw(const struct options *o, const struct subject *s, struct drawing *d, struct err *e)
{
    char name[320];
    const char *path = o->value[OPT_OUTPUT];
    const char *kind = o->operand[0];
    d->p.frames = o->value[OPT_FRAMES] != NULL;
    snprintf(name, sizeof name, "%s-%s%s.%s", d->run.name, kind, d->p.frames && d->p.format != PICTURE_TIKZ ? "-%02d" : "", picture_ending(d->p.format));
    if (!path) path = name;
    if (!(needs_events_only(kind) ? write_events(s, kind, d, path, e) : write_machine(o, s, d, path, e))) return false;
    if (!strcmp(path, "-") || o->value[OPT_QUIET]) return true;
    picture_tell(path);
    say_tall(o, d);
    return true;
}

/* The lesson's last step did not happen under this technique, so the guest stands somewhere before its end. */
static bool stopped_early(const struct subject *s)
{
    struct lesson_step last;
    unsigned n = s->lesson ? s->lesson->ops->steps(s->lesson) : 0;
    if (!n) return false;
    s->lesson->ops->step(s->lesson, n - 1, &last);
    return last.left_out;
}

bool draw_ran(struct subject *s, struct err *early)
{
    return subject_run(s, NULL, NULL, early) && (!stopped_early(s) || subject_finish(s, early));
}

/* Of what a file holds; kinds that need more are drawn after running it again. */
static bool draw_recorded(const struct options *o, struct drawing *d, const char *path, struct err *e)
{
    struct recording r;
    if (!recording_alone(o, path, e) || !recording_load(&r, path, e)) return false;
    picture_run_recorded(&d->run, &r);
    bool ok = draw(o, NULL, d, e);
    recording_free(&r);
    return ok;
}

int draw_run(const struct options *o, struct err *e)
{
    struct subject s;
    static struct drawing d; /* large */
    d = (struct drawing){ .p = { 0 } };
    struct err early = { 0 };
    const char *word = command_subject(o, 1, e);
    if (!word || !read_options(o, &d, e)) return e->code;
    if (needs_events_only(o->operand[0]) && recording_is(word)) return draw_recorded(o, &d, word, e) ? EXIT_GOOD : e->code;
    if (!subject_open(&s, word, o, e)) return e->code;
    guard_start(options_wall(o));
    bool ran = draw_ran(&s, &early);
    guard_quiet(true);
    /* A guest that dies or runs into a limit makes a picture like any other; an unusable scenario does not. */
    if (!ran && early.code != EXIT_LIMIT) err_set(e, early.code, "%s", early.text);
    if (!e->code) picture_run_of(&d.run, &s), draw(o, &s, &d, e);
    if (!ran) err_set(e, early.code, "%s", early.text);
    subject_close(&s);
    return e->code;
}
