/* Lecture mode as a room sees it: the clicker's two keys, questions that cover their answers, an empty screen, how much is
 * said; and marks, which outlive the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/support/golden.h"
#include "tests/support/tui_world.h"

static void test_golden(void **state)
{
    static const struct {
        const char *file, *scenario, *keys;
        int cols, rows;
        bool ascii;
    } rows[] = {
        { "tests/golden/tui_lecture_question.txt", "popf", "P<PgDn><PgDn><PgDn><PgDn>", 80, 24, false },
        { "tests/golden/tui_lecture_revealed.txt", "popf", "P<PgDn><PgDn><PgDn><PgDn>p+", 80, 24, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        open_world(&w, rows[i].scenario, rows[i].cols, rows[i].rows);
        w.app.frame.ascii = rows[i].ascii;
        press(&w, rows[i].keys);
        char *s = screen(&w);
        golden_check(rows[i].file, s);
        free(s);
        close_world(&w);
    }
}

/* PgDn alone walks all of a lesson, each question first without and then with its answer; PgUp goes back to what was seen. */
static void test_clicker(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "P");
    assert_int_equal(w.lesson->next, 1);
    press(&w, "<PgDn><PgDn><PgDn><PgDn>");
    assert_int_equal(w.lesson->next, 5);
    expect_shows(&w, "What will happen?");
    expect_shows(&w, "B  the real IF becomes 0");
    assert_false(shows(&w, "POPF does not trap"));
    assert_false(shows(&w, "no trap"));
    press(&w, "<PgDn>");
    assert_int_equal(w.lesson->next, 5);
    expect_shows(&w, "POPF does not trap");
    expect_shows(&w, "popf: no trap");
    expect_shows(&w, "► C  IF stays as it is");
    press(&w, "<PgDn>");
    assert_int_equal(w.lesson->next, 6);
    press(&w, "<PgUp>");
    assert_int_equal(w.lesson->next, 5);
    expect_shows(&w, "► C  IF stays as it is"); /* it was answered */
    press(&w, "s"); /* somebody asks: and the next instruction? */
    expect_shows(&w, "5 / 7");
    press(&w, "<PgDn>");
    assert_int_equal(w.lesson->next, 6);
    close_world(&w);
}

static void test_blank(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "Pb");
    for (int i = 0; i < 80 * 24; i++) assert_int_equal(w.app.frame.cell[i].ch, ' ');
    press(&w, "<PgDn>"); /* shows it again, and nothing else */
    expect_shows(&w, "1 / 7");
    close_world(&w);
}

static void test_views(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "P<PgDn>2");
    expect_shows(&w, "2 CPU");
    assert_false(shows(&w, "guest OS  "));
    press(&w, "<Esc>");
    expect_shows(&w, "guest OS");
    assert_true(w.app.lecture.on);
    press(&w, "<Esc>");
    assert_false(w.app.lecture.on);
    expect_shows(&w, "6 Events");
    press(&w, "P");
    expect_shows(&w, "2 / 7"); /* where it was left */
    press(&w, "-");
    assert_false(shows(&w, "Wrong ring"));
    press(&w, "++");
    expect_shows(&w, "Wrong ring");
    close_world(&w);
}

/* At every size, at every step, at every level of detail: nothing is written beyond the screen; in ASCII nothing else is shown. */
static void test_nothing_clips(void **state)
{
    static const struct { int cols, rows; } sizes[] = { { 60, 16 }, { 80, 24 }, { 120, 40 }, { 160, 45 }, { 300, 90 }, { 20, 5 } };
    static const char *const scenarios[] = { "popf", "goals" };
    (void)state;
    for (size_t k = 0; k < sizeof scenarios / sizeof scenarios[0]; k++) {
        struct world w;
        open_world(&w, scenarios[k], 80, 24);
        w.app.frame.ascii = true;
        press(&w, "P---");
        for (unsigned step = 0; step < 14; step++, press(&w, "<PgDn>"))
            for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
                app_resize(&w.app, sizes[i].cols, sizes[i].rows);
                for (int detail = 0; detail < 3; detail++, press(&w, "+")) {
                    app_draw(&w.app);
                    if (w.app.frame.clipped) fail_msg("%s, %dx%d, after %u steps: %u characters did not fit", scenarios[k],
                                                      sizes[i].cols, sizes[i].rows, step, w.app.frame.clipped);
                    for (int c = 0; c < w.app.frame.cols * w.app.frame.rows; c++) assert_true(w.app.frame.cell[c].ch <= 0x7E);
                }
                press(&w, "--");
            }
        close_world(&w);
    }
}

/* ---- marks ------------------------------------------------------------------------------------------------------- */

static void test_marks(void **state)
{
    char *dir = getcwd(NULL, 0), state_dir[512];
    struct world w;
    (void)state;
    snprintf(state_dir, sizeof state_dir, "%s/build/tui_lecture_state.%ld", dir, (long)getpid());
    free(dir);
    setenv("XDG_STATE_HOME", state_dir, 1);
    open_world(&w, "popf", 80, 24);
    session_keep(&w.app.session);
    press(&w, "'");
    expect_shows(&w, "no marks yet");
    press(&w, "nnnsssm1");
    uint64_t at = machine_insns(w.machine), hash = machine_state_hash(w.machine);
    expect_shows(&w, "Mark 1 is set");
    press(&w, "nnmam!");
    expect_shows(&w, "letter or a digit");
    press(&w, "<Home>'1");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash);
    expect_shows(&w, "step 3/7");
    press(&w, "'x");
    expect_shows(&w, "no such mark; there are: 1a");
    close_world(&w);

    open_world(&w, "popf", 80, 24); /* another day */
    session_keep(&w.app.session);
    press(&w, "gmark:1<Enter>");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash);
    press(&w, "''");
    expect_shows(&w, "At mark a.");
    expect_shows(&w, "step 5/7");
    close_world(&w);

    open_world(&w, "trap", 80, 24); /* another run has none of them */
    session_keep(&w.app.session);
    press(&w, "'");
    expect_shows(&w, "no marks yet");
    close_world(&w);
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", state_dir);
    assert_int_equal(system(command), 0);
}

static void test_goto_failure(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "gfail:1<Enter>");
    expect_shows(&w, "there is no failure 1");
    assert_int_equal(machine_insns(w.machine), 0);
    close_world(&w);
}

/* The sign of what did not happen stays, however narrow the lanes. */
static void test_cross(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnnP");
    press(&w, "p");
    expect_shows(&w, "popf: no trap ✗");
    press(&w, "<Esc>0");
    expect_shows(&w, "popf: no trap  ✗");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross),
        cmocka_unit_test(test_golden), cmocka_unit_test(test_clicker),       cmocka_unit_test(test_blank),
        cmocka_unit_test(test_views),  cmocka_unit_test(test_nothing_clips), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_goto_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
