/* A scenario in the terminal's front end without a terminal: opened, keys pressed, the screen read. For cmocka tests of
 * tui/. */
#ifndef TESTS_SUPPORT_TUI_WORLD_H
#define TESTS_SUPPORT_TUI_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/subject.h"
#include "tui/app.h"

struct world {
    struct lesson *lesson;
    struct machine *machine;
    struct app app;
};

static inline void open_world(struct world *w, const char *scenario, int cols, int rows)
{
    struct err e = { 0 };
    w->lesson = lesson_open(scenario, &e);
    if (!w->lesson) fail_msg("%s", e.text);
    struct machine_cfg cfg = w->lesson->cfg;
    subject_host(&cfg);
    if (!config_check(&cfg, &e)) fail_msg("%s", e.text);
    w->machine = machine_new(&cfg, &e);
    if (!w->machine) fail_msg("%s", e.text);
    app_open(&w->app, w->machine, w->lesson, cols, rows);
}

static inline void close_world(struct world *w)
{
    app_close(&w->app);
    w->lesson->ops->free(w->lesson);
    machine_free(w->machine);
}

static inline void press(struct world *w, const char *script)
{
    struct err e = { 0 };
    int cols = 0, rows = 0;
    while (*script) {
        uint32_t key = key_script_next(&script, &cols, &rows, &e);
        if (key == TKEY_RESIZE)
            app_resize(&w->app, cols, rows);
        else if (key_is_mouse(key))
            app_mouse(&w->app, key, cols, rows);
        else
            app_key(&w->app, key);
    }
    if (e.code) fail_msg("%s", e.text);
    app_draw(&w->app);
}

/* The screen; the caller frees it. */
static inline char *screen(struct world *w)
{
    struct text t = { 0 };
    app_draw(&w->app);
    frame_text(&w->app.frame, &t);
    return t.s;
}

static inline bool shows(struct world *w, const char *text)
{
    char *s = screen(w);
    bool found = strstr(s, text) != NULL;
    free(s);
    return found;
}

static inline void expect_shows(struct world *w, const char *text)
{
    if (shows(w, text)) return;
    char *s = screen(w);
    print_error("%s\n", s);
    free(s);
    fail_msg("the screen does not show \"%s\"", text);
}

#endif
