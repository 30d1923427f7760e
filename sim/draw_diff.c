/* `ringside draw diff`: two runs side by side, aligned, with what differs marked (sim/trace/ladder_diff.h). The runs are one guest on two
 * techniques (--on native,te), two guests or scenarios, or recorded traces.
 *
 * Idea: where both runs are on the same technique, their events are compared one by one first, so that the picture begins a little before
 * they part, however late that is; on different techniques nearly every event is another one, and the picture shows what the ladder shows. */
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/cmd.h"
#include "sim/draw.h"
#include "sim/graphviz.h"
#include "sim/guard.h"
#include "sim/picture.h"
#include "sim/picture_deal.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"
#include "sim/trace/ladder_diff.h"
#include "sim/trace_record.h"

enum { VISITS_BEFORE = 2 };

struct side {
    struct subject s;
    struct recording r;
    bool recorded, open;
    struct picture_run run;
    struct picture range;
    char name[600];
};

/* --- the two runs ---------------------------------------------------------------------------------------------------- */

/* The command line with another technique: parsed anew, so that its order of options stays. */
static bool with_cpu(struct options *one, const struct options *o, const char *cpu, struct err *e)
{
    char **argv = calloc((size_t)o->argc + 2, sizeof *argv);
    int n = 0, i = 0;
    if (!argv) return err_set(e, EXIT_ENVIRONMENT, "no memory for the command line");
    for (; i < o->argc && strcmp(o->argv[i], "--"); i++) argv[n++] = o->argv[i];
    argv[n++] = "--cpu";
    argv[n++] = (char *)cpu; /* not written to */
    for (; i < o->argc; i++) argv[n++] = o->argv[i];
    bool ok = options_parse(one, o->command, n, argv, e);
    one->argv = ok ? argv : NULL;
    if (!ok) free(argv);
    return ok;
}

static bool run_it(struct side *a, const char *word, const struct options *o, struct err *early, struct err *e)
{
    if (recording_is(word)) {
        if (!recording_alone(o, word, e) || !recording_load(&a->r, word, e)) return false;
        a->recorded = a->open = true;
        picture_run_recorded(&a->run, &a->r);
        return true;
    }
    if (!subject_open(&a->s, word, o, e)) return false;
    a->open = true;
    guard_start(options_wall(o));
    struct err why = { 0 };
    bool ran = draw_ran(&a->s, &why);
    guard_quiet(true);
    if (!ran && why.code != EXIT_LIMIT) return err_set(e, why.code, "%s", why.text);
    if (!ran && !early->code) *early = why;
    picture_run_of(&a->run, &a->s);
    return true;
}

static bool two_words(const struct options *o, struct side a[2], struct err *early, struct err *e)
{
    if (o->value[OPT_ON]) return err_set(e, EXIT_USAGE, "draw diff --on: of one guest on two techniques; give one guest, or leave --on out");
    return run_it(&a[0], o->operand[1], o, early, e) && run_it(&a[1], o->operand[2], o, early, e);
}

/* "native,te" of --on; without, the bare machine and what the guest would run on. */
static bool one_word(const struct options *o, struct side a[2], struct err *early, struct err *e)
{
    static struct options one; /* large */
    char list[64], *comma;
    const char *word = o->operand[1], *own = o->value[OPT_CPU];
    if (recording_is(word)) return err_set(e, EXIT_USAGE, "draw diff %s: and which other run? write `ringside draw diff a.rtrace b.rtrace`", word);
    if (!o->value[OPT_ON] && !own) {
        static struct subject s; /* large */
        if (!subject_find(&s, word, o, e)) return false;
        snprintf(list, sizeof list, "native,%.15s", strcmp(s.cfg.cpu, "native") ? s.cfg.cpu : "te");
        subject_close(&s);
    } else if (!o->value[OPT_ON]) snprintf(list, sizeof list, "native,%.15s", strcmp(own, "native") ? own : "te");
    else snprintf(list, sizeof list, "%.60s", o->value[OPT_ON]);
    comma = strchr(list, ',');
    if (!comma || strchr(comma + 1, ',') || comma == list || !comma[1])
        return err_set(e, EXIT_USAGE, "--on %s: draw diff is of two; write it like native,te", list);
    *comma = 0;
    for (unsigned side = 0; side < 2; side++) {
        const char *cpu = side ? comma + 1 : list;
        if (!with_cpu(&one, o, cpu, e)) return false;
        bool ok = run_it(&a[side], word, &one, early, e);
        free(one.argv);
        if (!ok) return false;
    }
    return true;
}

/* --- which events ----------------------------------------------------------------------------------------------------- */

static bool given(const struct options *o, struct side *a, struct err *e)
{
    struct place from, to;
    uint32_t ignored;
    if (!place_read("from", o->value[OPT_FROM], &from, e) || !place_read("to", o->value[OPT_TO], &to, e)) return false;
    if (from.what && !place_resolve(&a->run, &from, &a->range.from, &ignored, e)) return false;
    if (to.what && !place_resolve(&a->run, &to, &ignored, &a->range.to, e)) return false;
    if (!a->range.to || a->range.from <= a->range.to) return true;
    return err_set(e, EXIT_USAGE, "--from lies after --to (events %u and %u); exchange them", a->range.from, a->range.to);
}

/* The first event at which something else happened, or else the same at another time; 0: none. */
static uint32_t parted(const struct trace *a, const struct trace *b)
{
    size_t n = trace_count(a), m = trace_count(b);
    uint32_t later = 0;
    for (size_t i = 0; i < n && i < m; i++) {
        const struct event *x = trace_at(a, i), *y = trace_at(b, i);
        if (!trace_same_event(x, y)) return x->id;
        if (!later && x->cycle != y->cycle) later = x->id;
    }
    return n != m ? (uint32_t)(n < m ? n : m) : later;
}

static void range(struct side a[2])
{
    for (unsigned side = 0; side < 2; side++) picture_range(a[side].recorded ? NULL : &a[side].s, &a[side].run, &a[side].range);
    uint32_t at = strcmp(a[0].run.cpu, a[1].run.cpu) ? 0 : parted(a[0].run.t, a[1].run.t);
    bool inside = at >= a[0].range.from && (!a[0].range.to || at <= a[0].range.to) && a[0].range.to;
    for (unsigned side = 0; at && !inside && side < 2; side++) {
        a[side].range.from = picture_visits_before(a[side].run.t, at < trace_last(a[side].run.t) ? at : trace_last(a[side].run.t), VISITS_BEFORE);
        a[side].range.to = 0;
    }
}

/* --- the picture ------------------------------------------------------------------------------------------------------ */

static struct ladder *ladder_of(const struct side *a, const char *theme)
{
    struct ladder_options o = { .from = a->range.from, .to = a->range.to, .max_rows = LADDER_DIFF_ROWS, .kernel_ring = a->run.kernel_ring,
                                .hypervisor = a->run.hypervisor, .hosted = a->run.hosted, .theme = theme, .spare = true, .symbol = a->run.symbol,
                                .self = a->run.self };
    /* Rows are at least as many as visits: what will be cut off need not be laid out. */
    if (!o.to && trace_last(a->run.t) - o.from > 64u * LADDER_DIFF_ROWS) o.to = o.from + 64 * LADDER_DIFF_ROWS;
    return ladder_new(a->run.t, &o);
}

static bool put(struct ladder_diff *d, const struct picture *p, const char *path, struct err *e)
{
    struct text out = { 0 }, svg = { 0 }, dot = { 0 };
    bool ok = true;
    if (p->format == PICTURE_SVG) ladder_diff_svg(d, &out);
    else if (p->format == PICTURE_DOT) ladder_diff_dot(d, &out);
    else if (p->format == PICTURE_TXT) ladder_diff_text(d, p->ascii, &out);
    else {
        ladder_diff_svg(d, &svg);
        ladder_diff_dot(d, &dot);
        ok = graphviz_convert(&svg, &dot, picture_ending(p->format), &out, e);
    }
    ok = ok && picture_put(&out, path, e);
    text_free(&out);
    text_free(&svg);
    text_free(&dot);
    return ok;
}

static bool write(struct ladder_diff *d, const struct picture *p, const char *path, struct err *e)
{
    char name[600];
    if (!p->frames) return put(d, p, path, e);
    if (p->format != PICTURE_SVG && p->format != PICTURE_PNG && p->format != PICTURE_PDF)
        return err_set(e, EXIT_USAGE, "draw diff --frames: as .svg, .png or .pdf");
    for (d->shown = 1; d->shown <= d->lines; d->shown++)
        if (!picture_frame_path(path, d->shown, name, sizeof name, e) || (picture_turn() && !put(d, p, name, e))) return false;
    return true;
}

/* "te·shadow·hypervisor-direct, model p4"; with two words also which. */
static void name(struct side *a, const char *word, bool which, bool ascii)
{
    const char *slash = strrchr(word, '/');
    const char *dot = ascii ? "/" : "·";
    const struct picture_run *r = &a->run;
    if (a->recorded && !which) snprintf(a->name, sizeof a->name, "%.60s: %.15s%s%.15s, model %.120s", slash ? slash + 1 : word, r->cpu, dot, r->mmu, r->label);
    else snprintf(a->name, sizeof a->name, "%.60s%s%.15s%s%.15s%s%.20s, model %.120s", which ? r->name : "", which ? ": " : "", r->cpu, dot, r->mmu, dot, r->io,
             r->label);
}

static bool draw(const struct options *o, struct side a[2], struct picture *p, struct err *e)
{
    char title[400], caption[200], file[160];
    bool two = strcmp(a[0].run.name, a[1].run.name) != 0;
    if (o->value[OPT_FROM] || o->value[OPT_TO]) {
        if (!given(o, &a[0], e) || !given(o, &a[1], e)) return false;
    } else range(a);
    for (unsigned side = 0; side < 2; side++) name(&a[side], o->operand[o->operands == 3 ? side + 1 : 1], two, p->ascii);
    snprintf(title, sizeof title, "%.180s%s%.180s", a[0].run.title, two ? " | " : "", two ? a[1].run.title : "");
    snprintf(caption, sizeof caption, "%.60s%s%.60s, seed %llu", a[0].run.name, two ? " | " : "", two ? a[1].run.name : "",
             (unsigned long long)a[0].run.seed);
    struct ladder_diff d = { .l = { ladder_of(&a[0], p->theme), ladder_of(&a[1], p->theme) }, .name = { a[0].name, a[1].name }, .title = title,
                             .caption = caption, .theme = p->theme };
    ladder_diff_make(&d, o->value[OPT_TO] ? 0 : PICTURE_ROWS);
    p->frames = o->value[OPT_FRAMES] != NULL;
    snprintf(file, sizeof file, "%.60s-diff%s.%s", a[0].run.name, p->frames ? "-%02d" : "", picture_ending(p->format));
    const char *path = o->value[OPT_OUTPUT] ? o->value[OPT_OUTPUT] : file;
    picture_split_keep(d.l[0]->top, d.l[0]->bottom + 1);
    bool ok = write(&d, p, path, e);
    if (ok && strcmp(path, "-") && !o->value[OPT_QUIET]) {
        struct text said = { 0 };
        ladder_diff_words(&d, &said);
        picture_tell(path);
        fprintf(stderr, "%s\n", text_str(&said));
        text_free(&said);
    }
    ladder_diff_free(&d);
    return ok;
}

int draw_diff(const struct options *o, struct err *e)
{
    static struct side a[2]; /* large */
    struct picture p = { 0 };
    struct err early = { 0 };
    const char *path = o->value[OPT_OUTPUT];
    p.ascii = o->value[OPT_ASCII] || (path && !strcmp(path, "-") && strcmp(nl_langinfo(CODESET), "UTF-8"));
    if (o->operands < 2 || o->operands > 3)
        return err_set(e, EXIT_USAGE, "draw diff: of what? `draw diff popf --on native,te`, `draw diff a.rtrace b.rtrace`"), e->code;
    if (!picture_format(o, path, &p.format, e) || !picture_theme(o, &p.theme, e) || !picture_terminal(&p, path ? path : "", e)) return e->code;
    memset(a, 0, sizeof a);
    bool ok = o->operands == 3 ? two_words(o, a, &early, e) : one_word(o, a, &early, e);
    if (ok && draw(o, a, &p, e) && early.code) err_set(e, early.code, "%s", early.text);
    for (unsigned side = 0; side < 2; side++) {
        if (a[side].open && a[side].recorded) recording_free(&a[side].r);
        else if (a[side].open) subject_close(&a[side].s);
    }
    return e->code;
}
