/* `ringside tui`: a scenario or an image on the screen. The screen is tui/'s; here it gets its machine. `ringside draw screen`: the same
 * screen as a picture. */
#include "sim/cmd.h"
#include "sim/draw.h"
#include "sim/picture_chart.h"
#include "sim/picture_split.h"
#include "sim/subject.h"
#include "sim/watch.h"
#include "tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_size(const char *value, struct tui_options *t, struct err *e)
{
    char rest;
    if (sscanf(value, "%3dx%3d%c", &t->columns, &t->lines, &rest) == 2 && t->columns > 0 && t->lines > 0) return true;
    return err_set(e, EXIT_USAGE, "--term %s: not a size; write it like 80x24", value);
}

/* The themes of diagrams in the screen's words; print has a white background anyway. */
static const char *screen_theme(const char *theme)
{
    return !theme || !strcmp(theme, "print") ? "light" : theme;
}

int draw_screen(const struct options *o, struct err *e)
{
    struct subject s;
    struct picture p = { .format = PICTURE_SVG };
    struct text txt = { 0 }, svg = { 0 };
    char name[96];
    const char *word = command_subject(o, 1, e), *path = o->value[OPT_OUTPUT];
    struct tui_options t = { .ascii = o->value[OPT_ASCII] != NULL, .keys = o->value[OPT_KEYS] ? o->value[OPT_KEYS] : "", .at = o->value[OPT_AT],
                             .text = &txt, .svg = &svg };
    if (!word || !picture_format(o, path, &p.format, e) || !picture_theme(o, &p.theme, e)) return e->code;
    if ((o->value[OPT_TERM] && !read_size(o->value[OPT_TERM], &t, e)) || !subject_open(&s, word, o, e)) return e->code;
    t.theme = screen_theme(p.theme);
    tui_run(s.machine, s.lesson, &t, e);
    snprintf(name, sizeof name, "%s-screen.%s", s.name, picture_ending(p.format));
    if (!e->code && chart_write(p.format, &svg, &txt, path ? path : name, e) && (!path || strcmp(path, "-")) && !o->value[OPT_QUIET])
        picture_tell(path ? path : name);
    text_free(&txt);
    text_free(&svg);
    subject_close(&s);
    return e->code;
}

struct watching { const struct options *o; const char *word; struct watch files; struct tui_place place; };

/* The scenario changed: could it be shown? */
static bool changed(void *self, struct text *why)
{
    struct watching *w = self;
    struct subject s;
    struct err e = { 0 };
    if (!watch_changed(&w->files)) return false;
    if (subject_open(&s, w->word, w->o, &e)) subject_close(&s);
    else text_add(why, "%s", e.text);
    return true;
}

static int screen(const struct options *o, struct machine *m, struct lesson *l, const char *at, struct watching *w, struct err *e)
{
    struct tui_options t = { .ascii = o->value[OPT_ASCII] != NULL, .theme = o->value[OPT_SCREEN_THEME],
                             .keys = o->value[OPT_KEYS], .dump = o->value[OPT_DUMP],
                             .lecture = o->value[OPT_LECTURE] != NULL, .at = at,
                             .changed = w ? changed : NULL, .changed_self = w, .place = w ? &w->place : NULL };
    if (o->value[OPT_TERM] && !read_size(o->value[OPT_TERM], &t, e)) return e->code;
    const char *term = getenv("TERM"); /* it cannot place a cursor: the same keys, line by line */
    bool dumb = term && !strcmp(term, "dumb") && !t.keys;
    return dumb ? tui_narrate(m, l, true, t.ascii, e) : tui_run(m, l, &t, e);
}

int command_screen(const struct options *o, struct machine *m, struct lesson *l, const char *at, struct err *e) { return screen(o, m, l, at, NULL, e); }

int cmd_tui(const struct options *o, struct err *e)
{
    struct subject s;
    struct tui_options t = { 0 };
    const char *word = command_subject(o, 0, e);
    if (!word || (o->value[OPT_TERM] && !read_size(o->value[OPT_TERM], &t, e)) || !subject_open(&s, word, o, e)) return e->code;
    if (o->value[OPT_WATCH] && !s.lesson) {
        subject_close(&s);
        return err_set(e, EXIT_USAGE, "--watch: is for scenarios; %s is an image", word), e->code;
    }
    static struct watching w;
    w = (struct watching){ .o = o, .word = word };
    int code;
    do {
        if (o->value[OPT_WATCH]) watch_lesson(&w.files, s.lesson, word);
        code = screen(o, s.machine, s.lesson, w.place.again ? NULL : o->value[OPT_SCREEN_AT], o->value[OPT_WATCH] ? &w : NULL, e);
        subject_close(&s);
    } while (w.place.again && !e->code && subject_open(&s, word, o, e));
    return e->code ? e->code : code;
}
