/* See picture.h. The layout and the exporters are sim/trace's; here they get their names and their events. */
#include "sim/picture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sim/graphviz.h"
#include "sim/trace/trace_ladder.h"
#include "sim/picture_deal.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"

static const char *const formats[PICTURE_FORMATS] = { "svg", "dot", "png", "pdf", "txt", "tikz", "mermaid", "plantuml" };
/* What files are called that hold them. */
static const char *const endings[PICTURE_FORMATS] = { "svg", "dot", "png", "pdf", "txt", "tex", "mmd", "puml" };
static const char *const themes[] = { "light", "dark", "print", "mono" };

const char *picture_ending(enum picture_format f) { return endings[f]; }

/* Sequences have other formats, too. */
static bool fits(const struct options *o, enum picture_format f, struct err *e)
{
    if (f <= PICTURE_TIKZ || !o->operands || o->command != FOR_DRAW || !strcmp(o->operand[0], "ladder")) return true;
    return err_set(e, EXIT_USAGE, "draw %s: not written as %s, which is for ladders; use .svg, .png, .pdf, .tex or .txt", o->operand[0], formats[f]);
}

bool picture_format(const struct options *o, const char *path, enum picture_format *f, struct err *e)
{
    *f = PICTURE_SVG;
    if (o->value[OPT_FORMAT]) {
        int i = options_choice(o, OPT_FORMAT, formats, PICTURE_FORMATS, e);
        if (i >= 0) *f = (enum picture_format)i;
        return i >= 0 && fits(o, *f, e);
    }
    const char *slash = path ? strrchr(path, '/') : NULL, *dot = path ? strrchr(slash ? slash : path, '.') : NULL;
    if (!dot || !dot[1]) return true;
    for (unsigned i = 0; i < PICTURE_FORMATS; i++)
        if (!strcmp(endings[i], dot + 1)) {
            *f = (enum picture_format)i;
            return fits(o, *f, e);
        }
    return err_set(e, EXIT_USAGE, "%s: no diagram is written as .%s; use .svg, .dot, .png, .pdf, .txt, .tex, .mmd or .puml", path,
                   dot + 1);
}

bool picture_theme(const struct options *o, const char **theme, struct err *e)
{
    *theme = o->value[OPT_THEME];
    return !*theme || options_choice(o, OPT_THEME, themes, sizeof themes / sizeof themes[0], e) >= 0;
}

/* --- which events ------------------------------------------------------------------------------------------------ */

static bool authors_range(const struct subject *s, struct picture *p)
{
    const char *name, *kind;
    unsigned from, to;
    const struct lesson *l = s->lesson;
    for (unsigned i = 0; l && i < l->ops->drawings(l); i++) {
        if (!l->ops->drawing(l, i, &name, &kind, &from, &to) || strcmp(kind, "ladder") || from >= s->steps) continue;
        if (to >= s->steps) to = s->steps - 1;
        p->from = from ? s->step_end[from - 1] + 1 : 1;
        p->to = s->step_end[to];
        if (p->from <= p->to) return true;
    }
    return false;
}

static uint32_t first_of(const struct trace *t, unsigned kind)
{
    for (size_t i = 0; i < trace_count(t); i++)
        if (trace_at(t, i)->kind == kind) return trace_at(t, i)->id;
    return 0;
}

/* Some visits to the hypervisor before event `id`, so that the picture begins with how things normally go. */
uint32_t picture_visits_before(const struct trace *t, uint32_t id, unsigned visits)
{
    const struct event *e;
    while (id > 1 && visits && (e = trace_by_id(t, id - 1))) {
        id--;
        visits -= e->kind == EV_EXIT;
    }
    while (id > 1 && (e = trace_by_id(t, id - 1)) && (e->kind == EV_GATE || e->kind == EV_FAULT || e->kind == EV_INT))
        id--;
    return id;
}

void picture_range(const struct subject *s, const struct picture_run *run, struct picture *p)
{
    const struct trace *t = run->t;
    p->from = run->from;
    p->to = run->to;
    if (p->to) return;
    if (s && authors_range(s, p)) return;
    uint32_t silent = first_of(t, EV_SILENT), exit_ = first_of(t, EV_EXIT);
    if (silent) p->from = picture_visits_before(t, silent, 3);
    else if (exit_) p->from = picture_visits_before(t, exit_, 0);
}

/* --- drawing ----------------------------------------------------------------------------------------------------- */

/* "-" to a terminal must not be a picture of bytes. */
bool picture_terminal(const struct picture *p, const char *path, struct err *e)
{
    bool binary = p->format == PICTURE_PNG || p->format == PICTURE_PDF;
    if (!binary || strcmp(path, "-") || !isatty(STDOUT_FILENO)) return true;
    return err_set(e, EXIT_USAGE, "-o -: a %s is not for a terminal; name a file, or use --format txt",
                   formats[p->format]);
}

static bool export(const struct ladder *l, const struct picture *p, struct text *out, struct err *e)
{
    struct text svg = { 0 }, dot = { 0 };
    bool ok = true;
    switch (p->format) {
    case PICTURE_SVG: ladder_svg(l, out); break;
    case PICTURE_DOT: ladder_dot(l, out); break;
    case PICTURE_TXT: ladder_text(l, p->ascii, out); break;
    case PICTURE_TIKZ: ladder_tikz(l, p->frames, out); break;
    case PICTURE_MERMAID: ladder_mermaid(l, out); break;
    case PICTURE_PLANTUML: ladder_plantuml(l, out); break;
    default:
        ladder_svg(l, &svg);
        ladder_dot(l, &dot);
        ok = graphviz_convert(&svg, &dot, formats[p->format], out, e);
    }
    text_free(&svg);
    text_free(&dot);
    return ok;
}

static bool write_one(const struct ladder *l, const struct picture *p, const char *path, struct err *e)
{
    struct text out = { 0 };
    picture_split_keep(l->top, l->bottom + 1);
    bool ok = export(l, p, &out, e) && picture_put(&out, path, e);
    text_free(&out);
    return ok;
}

/* `path` has one %d in it, as of printf, perhaps with a width: where the number of the frame stands. */
bool picture_frame_path(const char *path, uint32_t frame, char *name, size_t n, struct err *e)
{
    const char *mark = strchr(path, '%');
    unsigned width = 0;
    size_t k = mark ? 1 : 0;
    for (; mark && mark[k] >= '0' && mark[k] <= '9' && k < 4; k++) width = width * 10 + (unsigned)(mark[k] - '0');
    if (!mark || mark[k] != 'd' || strchr(mark + k, '%') || width > 9)
        return err_set(e, EXIT_USAGE, "-o %s: --frames writes several files; put %%02d where their number is to stand", path);
    return snprintf(name, n, "%.*s%0*u%s", (int)(mark - path), path, (int)width, frame, mark + k + 1) < (int)n ||
           err_set(e, EXIT_USAGE, "-o %.60s...: the path is too long", path);
}

/* A file for each row, on one canvas. */
static bool write_frames(struct ladder *l, const struct picture *p, const char *path, struct err *e)
{
    char name[600];
    if (p->format != PICTURE_SVG && p->format != PICTURE_PNG && p->format != PICTURE_PDF)
        return err_set(e, EXIT_USAGE, "--frames: as .svg, .png, .pdf or, in one file for Beamer, .tex");
    for (l->options.shown = 1; l->options.shown <= l->rows; l->options.shown++)
        if (!picture_frame_path(path, l->options.shown, name, sizeof name, e) || (picture_turn() && !write_one(l, p, name, e))) return false;
    return true;
}

bool picture_write(const struct picture_run *run, const struct picture *p, const char *path, struct err *e)
{
    char caption[320];
    const char *dot = p->ascii ? "/" : "·";
    snprintf(caption, sizeof caption, "%s%s%s%s%s on %s, %s, model %.120s, seed %llu", run->cpu, dot, run->mmu, dot, run->io,
             run->host, run->name, run->label, (unsigned long long)run->seed);
    struct ladder_options o = {.from = p->from,
                               .to = p->to,
                               .max_rows = p->max_rows,
                               .kernel_ring = run->kernel_ring,
                               .hypervisor = run->hypervisor,
                               .hosted = run->hosted,
                               .title = run->title,
                               .caption = caption,
                               .theme = p->theme,
                               .symbol = run->symbol,
                               .self = run->self};
    struct ladder *l = ladder_new(run->t, &o);
    bool ok = picture_terminal(p, path, e);
    if (ok && p->frames && p->format != PICTURE_TIKZ) ok = write_frames(l, p, path, e);
    else if (ok && (!p->frames || picture_turn())) ok = write_one(l, p, path, e); /* all frames in one file: one piece of work */
    ladder_free(l);
    return ok;
}
