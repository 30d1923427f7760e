/* Long walks: whatever is pressed and however the window changes, nothing breaks and time stays what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app.h"

struct world {
    struct lesson *lesson;
    struct machine *machine;
    struct app app;
};

static void open_world(struct world *w, const char *scenario)
{
    struct err e = { 0 };
    w->lesson = lesson_open(scenario, &e);
    if (!w->lesson) fail_msg("%s", e.text);
    struct machine_cfg cfg = w->lesson->cfg;
    if (!config_check(&cfg, &e)) fail_msg("%s", e.text);
    w->machine = machine_new(&cfg, &e);
    if (!w->machine) fail_msg("%s", e.text);
    app_open(&w->app, w->machine, w->lesson, 80, 24);
}

static void close_world(struct world *w)
{
    app_close(&w->app);
    w->lesson->ops->free(w->lesson);
    machine_free(w->machine);
}

/* Numerical Recipes' generator: the same walk on every host. */
static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)*seed * below >> 32);
}

/* A key of the table, sometimes one that means nothing; never `d`, which writes files, nor `q`. */
static uint32_t any_key(uint32_t *seed)
{
    static const char rare[] = "y0:~\001\"";
    if (chance(seed, 12) == 0) return (uint32_t)(unsigned char)rare[chance(seed, sizeof rare - 1)];
    for (;;) {
        int c = (int)chance(seed, CMD_COUNT);
        const char *keys = command_desc(c)->keys;
        if (c == CMD_DRAW || c == CMD_QUIT) continue;
        if ((c == CMD_RUN || c == CMD_END) && chance(seed, 8)) continue; /* long runs now and then */
        return key_named(keys, strcspn(keys, " "));
    }
}

static void consistent(struct world *w, int i)
{
    const struct app *a = &w->app;
    const struct trace *t = machine_trace_of(w->app.session.m);
    app_draw(&w->app);
    if (a->session.far_insns < machine_insns(a->session.m)) fail_msg("key %d: beyond the furthest place", i);
    if (a->session.far_event < trace_last(t)) fail_msg("key %d: an event beyond the last", i);
    if (a->focus >= VIEW_COUNT || a->theme >= THEME_COUNT) fail_msg("key %d: a choice that does not exist", i);
    if (w->lesson->next > w->lesson->ops->steps(w->lesson)) fail_msg("key %d: more steps than there are", i);
}

static void walk(const char *scenario, uint32_t seed, int keys)
{
    struct world w;
    open_world(&w, scenario);
    uint64_t start = machine_state_hash(w.machine);
    for (int i = 0; i < keys; i++) {
        app_key(&w.app, any_key(&seed));
        if (chance(&seed, 20) == 0) app_resize(&w.app, 1 + (int)chance(&seed, 200), 1 + (int)chance(&seed, 70));
        consistent(&w, i);
    }
    app_key(&w.app, TKEY_ESC);
    app_key(&w.app, TKEY_ESC);
    for (int i = 0; i < SESSION_MACHINES && w.app.session.m != w.machine; i++) app_key(&w.app, '>');
    assert_ptr_equal(w.app.session.m, w.machine);
    app_key(&w.app, TKEY_HOME);
    assert_int_equal(machine_insns(w.machine), 0);
    assert_int_equal(machine_state_hash(w.machine), start);
    close_world(&w);
}

static void test_random_keys(void **state)
{
    (void)state;
    walk("popf", 2026, 2000);
}

static void test_random_keys_elsewhere(void **state)
{
    (void)state;
    walk("rings", 7, 400);
    walk("shadow", 8, 400);
}

static void test_resize_storm(void **state)
{
    struct world w;
    struct text before = { 0 }, after = { 0 };
    uint32_t seed = 5;
    (void)state;
    open_world(&w, "popf");
    for (int i = 0; i < 5; i++) app_key(&w.app, 'n');
    app_draw(&w.app);
    frame_text(&w.app.frame, &before);
    for (int i = 0; i < 1500; i++) {
        app_resize(&w.app, 1 + (int)chance(&seed, 300), 1 + (int)chance(&seed, 100));
        if (chance(&seed, 10) == 0) app_key(&w.app, (uint32_t)('1' + chance(&seed, 9)));
        app_draw(&w.app);
    }
    for (int cols = 1; cols <= 90; cols++) /* every small size, with each overlay */
        for (int rows = 1; rows <= 30; rows++) {
            app_resize(&w.app, cols, rows);
            static const char *const overlays[] = { "?", "i", "g", "/" };
            app_key(&w.app, (uint32_t)overlays[(cols + rows) % 4][0]);
            app_draw(&w.app);
            app_key(&w.app, TKEY_ESC);
        }
    app_key(&w.app, '1');
    app_resize(&w.app, 80, 24);
    w.app.focus = VIEW_EVENTS; /* as the step chose */
    app_resize(&w.app, 80, 24);
    app_draw(&w.app);
    frame_text(&w.app.frame, &after);
    assert_string_equal(text_str(&before), text_str(&after)); /* the place is kept */
    text_free(&before);
    text_free(&after);
    close_world(&w);
}

/* Steps forward and back by chance: at the same instruction the machine is the same, always. */
static void test_forward_and_back(void **state)
{
    enum { PLACES = 300 };
    static uint64_t hash[PLACES];
    struct world w;
    uint32_t seed = 11;
    (void)state;
    memset(hash, 0, sizeof hash);
    open_world(&w, "popf");
    for (int i = 0; i < 4; i++) app_key(&w.app, 'n');
    uint64_t base = machine_insns(w.machine) - PLACES / 2;
    for (int i = 0; i < 600; i++) {
        uint64_t at = machine_insns(w.machine);
        if (at <= base)
            app_key(&w.app, 's');
        else if (at >= base + PLACES - 1)
            app_key(&w.app, 'r');
        else
            app_key(&w.app, chance(&seed, 2) ? 's' : 'r');
        at = machine_insns(w.machine) - base;
        assert_true(at < PLACES);
        if (!hash[at]) hash[at] = machine_state_hash(w.machine);
        assert_int_equal(machine_state_hash(w.machine), hash[at]);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_keys),
        cmocka_unit_test(test_random_keys_elsewhere),
        cmocka_unit_test(test_resize_storm),
        cmocka_unit_test(test_forward_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
