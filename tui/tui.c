/* The loop: wait for a key, let the state change, draw once. See tui.h.
 *
 * Idea: keys that arrive faster than a screen can be drawn are all obeyed and drawn once: at most 30 frames a second. The first after a pause
 * is drawn at once; over a slow line the others must not pile up.
 * A long run comes back here between slices, looks for keys and shows how far it is. */
#include "tui/tui.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tui/app.h"
#include "tui/notes.h"
#include "tui/rescue.h"
#include "tui/paint.h"

enum { FRAME_MS = 33, WAIT_MS = 250 /* how long a signal may go unnoticed */ };
enum { SCRIPT_SLICES = 200 /* a script's `c` on a guest that never ends */ };

struct loop {
    struct app app;
    const struct tui_options *options;
    int64_t shown;   /* when the last frame was */
    struct notes notes;
    unsigned slices; /* of the current run, key script only */
};

static int64_t milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show(struct loop *l)
{
    app_draw(&l->app);
    paint_mouse(l->app.mouse);
    paint_show(&l->app.frame, l->app.theme, !l->app.all_painted);
    l->app.all_painted = true;
    if (l->app.copy.len) paint_copy(text_str(&l->app.copy));
    text_clear(&l->app.copy);
    notes_send(&l->notes, &l->app);
    l->shown = milliseconds();
}

static void resize(struct loop *l)
{
    int cols, rows;
    paint_size(&cols, &rows);
    if (l->options->columns > 0 && l->options->columns < cols) cols = l->options->columns;
    if (l->options->lines > 0 && l->options->lines < rows) rows = l->options->lines;
    app_resize(&l->app, cols, rows);
    l->app.all_painted = false;
}

/* Between slices of a long run: has somebody pressed a key? */
static bool poll_terminal(void *self)
{
    struct loop *l = self;
    struct text n = { 0 };
    int64_t due = l->shown + FRAME_MS - milliseconds();
    uint32_t key = paint_key(l->app.session.paced && due > 0 ? (int)due : 0);
    if (key == TKEY_RESIZE)
        resize(l);
    else if (key != TKEY_NOTHING || rescue_asked() || paint_gone())
        return true;
    if (!l->app.session.paced && milliseconds() - l->shown < FRAME_MS) return false;
    text_number(&n, l->app.pair ? l->app.pair->step.steps : machine_insns(l->app.session.m));
    session_say(&l->app.session, false, "Running: %s instructions so far. Any key stops.", text_str(&n));
    app_sample(&l->app);
    show(l);
    *l->app.session.message = 0;
    text_free(&n);
    return false;
}

static bool poll_script(void *self)
{
    struct loop *l = self;
    return ++l->slices >= SCRIPT_SLICES;
}

static void interrupt(void *session) { machine_pause(((struct session *)session)->m); }

static unsigned take(struct loop *l, uint32_t key)
{
    int x = 0, y = 0;
    if (!key_is_mouse(key)) return app_key(&l->app, key);
    paint_mouse_at(&x, &y);
    return app_mouse(&l->app, key, x, y);
}

/* Was what is shown changed, so that it is to be opened again? The place is kept; what would not do is said. */
static bool changed(struct loop *l)
{
    const struct tui_options *o = l->options;
    struct session *s = &l->app.session;
    struct text why = { 0 };
    if (!o->changed || !o->changed(o->changed_self, &why)) return false;
    if (why.len) {
        session_say(s, true, "%s", text_str(&why));
        show(l);
        *s->message = 0;
    } else *o->place = (struct tui_place){ true, s->own_lesson ? s->own_lesson->next : 0, machine_insns(s->own) };
    bool leave = !why.len;
    text_free(&why);
    return leave;
}

/* Until the person leaves. Returns the exit code. */
static int serve(struct loop *l)
{
    unsigned ask = ASK_NONE;
    bool stale = true;
    for (;;) {
        if (stale && milliseconds() - l->shown >= FRAME_MS) {
            show(l);
            stale = false;
        }
        if (rescue_asked()) return EXIT_INTERRUPTED;
        int64_t due = l->shown + FRAME_MS - milliseconds();
        uint32_t key = paint_key(!stale ? WAIT_MS : due > 0 ? (int)due : 0);
        if (key == TKEY_NOTHING) {
            if (paint_gone()) return EXIT_INTERRUPTED;
            notes_send(&l->notes, &l->app);
            if (changed(l)) return EXIT_GOOD;
            continue;
        }
        if (key == TKEY_RESIZE)
            resize(l);
        else if (l->app.layout.kind == LAYOUT_TINY && key != 'q')
            continue;
        else
            ask = take(l, key);
        if (ask & ASK_QUIT) return EXIT_GOOD;
        rescue_forget(); /* Ctrl-C during a run has stopped the run */
        stale = true;
    }
}

static bool dump(struct loop *l, const char *path, struct err *e)
{
    struct text t = { 0 };
    app_draw(&l->app);
    if (l->options->svg) {
        frame_svg(&l->app.frame, l->app.theme, l->options->svg);
        frame_text(&l->app.frame, l->options->text);
        return true;
    }
    frame_text(&l->app.frame, &t);
    bool ok = text_write(&t, path, e);
    text_free(&t);
    return ok;
}

static int run_script(struct loop *l, struct err *e)
{
    const char *keys = l->options->keys;
    int cols = 0, rows = 0;
    unsigned ask = ASK_NONE;
    if (!key_script_check(keys, e)) return e->code;
    l->app.session.poll = poll_script;
    while (*keys && !(ask & ASK_QUIT)) {
        uint32_t key = key_script_next(&keys, &cols, &rows, e);
        l->slices = 0;
        if (key == TKEY_RESIZE)
            app_resize(&l->app, cols, rows);
        else if (key_is_mouse(key))
            ask = app_mouse(&l->app, key, cols, rows);
        else
            ask = app_key(&l->app, key);
    }
    return dump(l, l->options->dump ? l->options->dump : "-", e) ? EXIT_GOOD : e->code;
}

static int run_terminal(struct loop *l, struct err *e)
{
    if (!paint_utf8()) l->app.frame.ascii = true;
    if (!paint_open(interrupt, &l->app.session, e)) return e->code;
    l->app.session.poll = poll_terminal;
    resize(l);
    notes_open(&l->notes);
    int code = serve(l);
    notes_close(&l->notes);
    paint_close();
    if (l->options->dump && !dump(l, l->options->dump, e)) return e->code;
    return code;
}

/* To where a screen was before its lesson changed: the same number of steps, as far as they still go, then the same position. */
static void return_to(struct session *s, struct tui_place *p)
{
    char where[48];
    unsigned steps = s->lesson ? s->lesson->ops->steps(s->lesson) : 0;
    snprintf(where, sizeof where, "step:%u", p->step < steps ? p->step : steps);
    if (steps) session_goto(s, where);
    snprintf(where, sizeof where, "insn:%llu", p->insns);
    if (!s->warn && machine_insns(s->m) != p->insns) session_goto(s, where);
    if (!*s->message) session_say(s, false, "Read again, for it changed.");
    p->again = false;
}

static void begin(struct app *a, const struct tui_options *o)
{
    char names[MARKS + 1];
    session_mark_names(&a->session, names);
    if (o->at) session_goto(&a->session, o->at);
    if (o->place && o->place->again) return_to(&a->session, o->place);
    if (o->lecture) lecture_enter(a);
    app_follow_lesson(a);
    if (*names && !*a->session.message)
        session_say(&a->session, false, "Marks of last time: %s. '' goes to the last one, %c.", names, a->session.last_mark);
    app_sample(a);
    app_resize(a, a->frame.cols, a->frame.rows);
}

int tui_run(struct machine *m, struct lesson *l, const struct tui_options *o, struct err *e)
{
    struct loop loop = { .options = o };
    int theme = theme_find(o->theme ? o->theme : "auto");
    if (theme < 0) {
        err_set(e, EXIT_USAGE, "--theme %.40s: the themes are auto, light, dark, projector, mono", o->theme);
        return e->code;
    }
    app_open(&loop.app, m, l, o->columns > 0 ? o->columns : 80, o->lines > 0 ? o->lines : 24);
    loop.app.theme = (unsigned)theme;
    loop.app.frame.ascii = o->ascii;
    loop.app.session.poll_self = &loop;
    /* A key script touches nobody's state, unless a place for it was named. */
    if (!o->keys || getenv("XDG_STATE_HOME")) session_keep(&loop.app.session);
    begin(&loop.app, o);
    int code = o->keys ? run_script(&loop, e) : run_terminal(&loop, e);
    app_close(&loop.app);
    return code;
}

enum { KEYS_WIDE = 20, HELP_WIDE = 60 };

static void add_help(void *self, int i, const char *s, int n)
{
    struct text *out = self;
    text_add(out, i ? "%20s%.*s\n" : "%s%.*s\n", "", n, s);
}

void tui_keys(struct text *out)
{
    for (unsigned g = 0; g < GROUP_COUNT; g++) {
        text_add(out, "\n%s\n", command_group_name(g));
        for (int c = 0; c < CMD_COUNT; c++) {
            const struct command_desc *d = command_desc(c);
            if (d->group != g) continue;
            text_add(out, "  %-*s", KEYS_WIDE - 2, d->keys);
            frame_wrap(d->help, HELP_WIDE, add_help, out);
        }
    }
}

bool tui_key(const char *key, struct text *out)
{
    uint32_t code = key_named(key, strlen(key));
    int c = code == TKEY_NOTHING ? CMD_NONE : command_of_key(code);
    if (c == CMD_NONE) return false;
    text_add(out, "  %s\n  all of its keys: %s\n", command_desc(c)->help, command_desc(c)->keys);
    return true;
}
