/* Keys that arrange the screen: panes, mouse, help, the command line above all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/support/tui_world.h"

static void test_panes(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnnZ");
    assert_int_equal(w.app.layout.panes, 3); /* two and the note */
    assert_true(layout_shows(&w.app.layout, w.app.focus) && layout_shows(&w.app.layout, VIEW_CODE));
    press(&w, "1");
    assert_true(layout_shows(&w.app.layout, VIEW_CODE) && layout_shows(&w.app.layout, VIEW_CPU));
    press(&w, "Z");
    assert_int_equal(w.app.layout.panes, 1);
    press(&w, "Z");
    assert_true(w.app.layout.panes > 3);
    press(&w, "Z<Esc>");
    assert_true(w.app.layout.panes > 3);
    close_world(&w);
}

/* The mouse, which does nothing by itself: a click chooses, the wheel scrolls what it is over, over Code it goes in time. */
static void test_mouse(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnn1M");
    expect_shows(&w, "Mouse on");
    assert_true(w.app.mouse);
    press(&w, "<click:60x3>");
    assert_int_equal(w.app.focus, VIEW_CPU);
    uint64_t at = machine_insns(w.machine), hash = machine_state_hash(w.machine);
    press(&w, "<down:5x3><down:5x3>");
    assert_int_equal(machine_insns(w.machine), at + 2);
    press(&w, "<up:5x3><up:5x3>");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash);
    press(&w, "<up:50x13>");
    assert_true(w.app.view[VIEW_EVENTS].scroll > 0);
    assert_int_equal(w.app.focus, VIEW_CPU);
    press(&w, "<click:0x23><click:200x100>"); /* nothing is there */
    press(&w, "?<down:5x5>");
    assert_true(w.app.scroll > 0);
    press(&w, "<click:5x5><Esc>M");
    assert_false(w.app.mouse);
    close_world(&w);
}

static void test_help(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 120, 120);
    press(&w, "?");
    for (int c = 0; c < CMD_COUNT; c++) expect_shows(&w, command_desc(c)->help);
    press(&w, "theme");
    expect_shows(&w, "projector");
    assert_false(shows(&w, "one instruction back"));
    press(&w, "xyz");
    expect_shows(&w, "no key does that");
    press(&w, "<Esc>");
    assert_int_equal(machine_insns(w.machine), 0); /* typing into the help moved nothing */
    close_world(&w);
}

static void test_unknown_key(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "~");
    expect_shows(&w, "? lists the keys");
    press(&w, "z");
    assert_false(shows(&w, "? lists the keys"));
    close_world(&w);
}

/* : works over a card, and over the help before anything is typed. */
static void test_colon_over(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnni");
    assert_int_equal(w.app.overlay, OVERLAY_CARD);
    press(&w, ":theme mono<Enter>");
    assert_int_equal(w.app.theme, THEME_MONO);
    press(&w, "?:theme light<Enter>");
    assert_int_equal(w.app.theme, THEME_LIGHT);
    press(&w, "?a:"); /* there it is searched for */
    assert_int_equal(w.app.overlay, OVERLAY_HELP);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panes),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_colon_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
