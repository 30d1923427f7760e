/* Long walks: whatever is pressed and however the window changes, nothing breaks and time stays what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/support/tui_world.h"
#include "tests/support/sanitized.h"

enum { KEYS = SANITIZED ? 1500 : 5000, JUMPS = SANITIZED ? 3 : 5 };

/* Numerical Recipes' generator: the same walk on every host. */
static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)*seed * below >> 32);
}

/* A key of the table, sometimes one that means nothing; never one that writes files, nor `q`; `=`, which runs every machine, rarely. */
static uint32_t any_key(uint32_t *seed)
{
    static const char rare[] = "y0:~\001\"1\r";
    if (chance(seed, 12) == 0) return (uint32_t)(unsigned char)rare[chance(seed, sizeof rare - 1)];
    for (;;) {
        int c = (int)chance(seed, CMD_COUNT);
        const char *keys = command_desc(c)->keys;
        if (c == CMD_DRAW || c == CMD_SCREEN || c == CMD_CLAIM || c == CMD_EXPORT || c == CMD_QUIT) continue;
        if (c == CMD_COMPARE && chance(seed, 200)) continue;
        if ((c == CMD_RUN || c == CMD_END) && chance(seed, 8)) continue; /* long runs now and then */
        return key_named(keys, strcspn(keys, " "));
    }
}

static void consistent(struct world *w, int i)
{
    const struct app *a = &w->app;
    const struct trace *t = machine_trace_of(w->app.session.m);
    app_draw(&w->app);
    if (a->frame.clipped && a->layout.kind != LAYOUT_TINY)
        fail_msg("key %d: %u characters did not fit at %dx%d; chosen: %s%s%s, overlay %u", i, a->frame.clipped, a->frame.cols, a->frame.rows,
                 views[a->focus]->name, a->zoom ? ", alone" : "", a->lecture.on ? ", lecture" : "", (unsigned)a->overlay);
    if (a->session.far_insns < machine_insns(a->session.m)) fail_msg("key %d: beyond the furthest place", i);
    if (a->session.far_event < trace_last(t)) fail_msg("key %d: an event beyond the last", i);
    if (a->focus >= VIEW_COUNT || a->theme >= THEME_COUNT) fail_msg("key %d: a choice that does not exist", i);
    if (w->lesson->next > w->lesson->ops->steps(w->lesson)) fail_msg("key %d: more steps than there are", i);
}

static void walk(const char *scenario, uint32_t seed, int keys)
{
    struct world w;
    open_world(&w, scenario, 80, 24);
    uint64_t start = machine_state_hash(w.machine);
    for (int i = 0; i < keys; i++) {
        uint32_t key = any_key(&seed);
        app_key(&w.app, w.app.overlay == OVERLAY_HELP && key == TKEY_ENTER ? TKEY_ESC : key); /* Enter might do what writes files */
        if (chance(&seed, 20) == 0) app_resize(&w.app, 1 + (int)chance(&seed, 200), 1 + (int)chance(&seed, 70));
        consistent(&w, i);
    }
    for (int i = 0; i < 5; i++) app_key(&w.app, TKEY_ESC);
    assert_false(w.app.overlay || w.app.lecture.on);
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
    walk("popf", 2026, KEYS);
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
    open_world(&w, "popf", 80, 24);
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
    open_world(&w, "popf", 80, 24);
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

/* Every scenario: at each step's end the machine is the same whenever and from wherever one comes there again, and so is what happened
 * until then. */
static uint64_t history(const struct machine *m)
{
    const struct trace *t = machine_trace_of(m);
    uint64_t h = 1469598103934665603u;
    for (size_t i = trace_count(t); i-- && i + 3000 > trace_count(t);) {
        const struct event *e = trace_at(t, i);
        const uint64_t part[] = { e->id, e->kind, e->cycle, e->insns, e->eip, e->ring, e->cause };
        for (size_t k = 0; k < sizeof part / sizeof part[0]; k++) h = (h ^ part[k]) * 1099511628211u;
        for (unsigned k = 0; k < event_desc(e->kind)->fields; k++) h = (h ^ event_field(e, &event_desc(e->kind)->field[k])) * 1099511628211u;
    }
    return h;
}

static void travel(const char *scenario, uint32_t seed)
{
    enum { MOST = 64, AHEAD = 20 };
    struct { uint64_t insns, state, events; } place[MOST];
    struct world w;
    open_world(&w, scenario, 80, 24);
    unsigned n = 0, steps = w.lesson->ops->steps(w.lesson);
    for (unsigned i = 0; i < steps && i < MOST; i++, n++) {
        app_key(&w.app, 'n');
        machine_look_at(w.machine, -1); /* a script may have chosen a VM: that is no state, but what one looks at */
        place[i].insns = machine_insns(w.machine), place[i].state = machine_state_hash(w.machine), place[i].events = history(w.machine);
    }
    for (int i = 0; i < JUMPS; i++) {
        unsigned to = chance(&seed, n);
        char where[16];
        snprintf(where, sizeof where, "step:%u", to + 1);
        session_goto(&w.app.session, where);
        machine_look_at(w.machine, -1);
        if (machine_insns(w.machine) != place[to].insns || machine_state_hash(w.machine) != place[to].state || history(w.machine) != place[to].events)
            fail_msg("%s: step %u is another one after jump %d: moment %llu, not %llu; state %s, events %s", scenario, to + 1, i,
                     (unsigned long long)machine_insns(w.machine), (unsigned long long)place[to].insns,
                     machine_state_hash(w.machine) == place[to].state ? "same" : "other", history(w.machine) == place[to].events ? "same" : "others");
        uint64_t cycles = machine_cycles(w.machine);
        unsigned ahead = 1 + chance(&seed, AHEAD);
        for (unsigned k = 0; k < ahead; k++) session_step(&w.app.session);
        if (machine_end(w.machine).fate != FATE_RUNNING) continue;
        for (unsigned k = 0; k < ahead; k++) session_back(&w.app.session);
        if (machine_cycles(w.machine) < cycles && machine_insns(w.machine) == place[to].insns) continue; /* it was in the midst of a HLT */
        if (machine_state_hash(w.machine) != place[to].state || history(w.machine) != place[to].events)
            fail_msg("%s: %u steps on and back from step %u lead elsewhere", scenario, ahead, to + 1);
    }
    close_world(&w);
}

static void test_every_scenario(void **state)
{
    static struct lesson_entry list[64];
    struct err e = { 0 };
    unsigned n = lesson_list(list, 64, &e);
    (void)state;
    assert_true(n > 10);
    for (unsigned i = 0; i < n; i += ONE_IN(4)) travel(list[i].name, 100 + i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_keys),
        cmocka_unit_test(test_random_keys_elsewhere),
        cmocka_unit_test(test_resize_storm),
        cmocka_unit_test(test_forward_and_back),
        cmocka_unit_test(test_every_scenario),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
