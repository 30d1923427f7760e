/* The real program on a real terminal (a pty, read through libvterm): what a person sees, and that the terminal is
 * given back however the program ends.
 *
 * The program is ./ringside, or what RINGSIDE names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sim/core/err.h"
#include "tests/support/golden.h"
#include "tests/support/vterm.h"

enum { PATIENCE = 20000 /* milliseconds until we give up */ };

static const char *program(void)
{
    const char *p = getenv("RINGSIDE");
    return p && *p ? p : "./ringside";
}

static struct vt *start(const char *what, const char *const *env, int cols, int rows)
{
    const char *const argv[] = { program(), "tui", what, NULL };
    return vt_start(argv, env, cols, rows);
}

static void expect(struct vt *t, const char *text)
{
    if (vt_wait(t, text, PATIENCE)) return;
    struct text s = { 0 };
    vt_screen(t, &s);
    print_error("%s\n", text_str(&s));
    text_free(&s);
    fail_msg("the screen does not show \"%s\"", text);
}

static void leave(struct vt *t)
{
    vt_type(t, "q");
    assert_int_equal(vt_end(t, PATIENCE), EXIT_GOOD);
    assert_true(vt_restored(t));
    vt_free(t);
}

/* Five steps of the lesson, one key each. */
static void to_popf(struct vt *t)
{
    static const char *const steps[] = { "1/7", "2/7", "3/7", "4/7", "5/7" };
    expect(t, "Press n");
    for (int i = 0; i < 5; i++) {
        char text[16];
        vt_type(t, "n");
        snprintf(text, sizeof text, "step %s", steps[i]);
        expect(t, text);
    }
}

static void test_same_as_golden(void **state)
{
    struct text s = { 0 };
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    to_popf(t);
    vt_type(t, "p");
    expect(t, "answer C");
    vt_quiet(t, 200);
    vt_screen(t, &s);
    golden_check("tests/golden/tui_popf_80x24.txt", text_str(&s));
    text_free(&s);
    leave(t);
}

static void test_ascii_locale(void **state)
{
    static const char *const env[] = { "LC_ALL=C", NULL };
    struct text s = { 0 };
    (void)state;
    struct vt *t = start("popf", env, 80, 24);
    to_popf(t);
    vt_type(t, "p");
    expect(t, "answer C");
    vt_quiet(t, 200);
    vt_screen(t, &s);
    golden_check("tests/golden/tui_popf_80x24_ascii.txt", text_str(&s));
    text_free(&s);
    leave(t);
}

/* The line of the next instruction, once it is another than `old`. */
static void expect_now(struct vt *t, const char *old, char now[256])
{
    for (int waited = 0; waited < PATIENCE; waited += 20) {
        struct text s = { 0 };
        vt_screen(t, &s);
        const char *at = strstr(text_str(&s), "\342\226\272 0");
        if (at) snprintf(now, 256, "%.*s", 14, at);
        text_free(&s);
        if (at && strcmp(old, now) != 0) return;
        vt_quiet(t, 20);
    }
    fail_msg("the next instruction is still %s", old);
}

/* Cursor keys, as a terminal sends them. */
static void test_special_keys(void **state)
{
    char here[256] = "", second[256] = "", third[256] = "";
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    expect(t, "Press n");
    vt_type(t, "\033[6~");
    expect(t, "step 1/7");
    expect_now(t, "", here);
    vt_type(t, "s");
    expect_now(t, here, second);
    vt_type(t, "\033OC");
    expect_now(t, second, third);
    vt_type(t, "\033OD");
    expect_now(t, third, here);
    assert_string_equal(here, second);
    vt_type(t, "\033[5~");
    expect(t, "step 1/7");
    vt_type(t, "\033OP"); /* F1 */
    expect(t, "type to filter");
    vt_type(t, "\033");
    assert_true(vt_wait_gone(t, "type to filter", PATIENCE));
    leave(t);
}

static void test_resize(void **state)
{
    static const struct {
        int cols, rows;
        const char *shows;
    } sizes[] = {
        { 160, 45, "7 Devices" }, { 120, 40, "5 Cycles" }, { 70, 18, "step 5/7" }, { 40, 10, "Ringside needs" },
        { 5, 3, "Rings" },        { 1, 1, "R" },           { 80, 24, "step 5/7" },
    };
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    to_popf(t);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        vt_resize(t, sizes[i].cols, sizes[i].rows);
        expect(t, sizes[i].shows);
    }
    for (int i = 0; i < 60; i++) {
        vt_resize(t, 20 + i * 37 % 280, 5 + i * 17 % 95);
        vt_quiet(t, 2);
    }
    vt_resize(t, 80, 24);
    expect(t, "step 5/7");
    leave(t);
}

/* ---- colour ------------------------------------------------------------------------------------------------------ */

static void test_colours(void **state)
{
    static const struct {
        const char *setting;
        bool colour;
    } rows[] = {
        { "TERM=screen-256color", true }, { "TERM=screen", true }, { "TERM=vt100", false },
        { "NO_COLOR=1", false },          { "NO_COLOR=", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const env[] = { rows[i].setting, NULL };
        struct vt *t = start("popf", env, 80, 24);
        to_popf(t);
        vt_quiet(t, 100);
        struct vt_look who = vt_look(t, "guest OS"), plain = vt_look(t, "(unused)"), title = vt_look(t, "TE");
        assert_true(who.found && plain.found && title.found);
        if (who.plain_colour == rows[i].colour) fail_msg("%s: colour is wrong", rows[i].setting);
        assert_true(who.bold); /* who runs is bold, with or without colour */
        assert_true(plain.plain_colour);
        assert_false(plain.bold);
        assert_true(title.reverse);
        leave(t);
    }
}

/* ---- a run that would never end ---------------------------------------------------------------------------------- */

/* An ELF file for IA-32 with two bytes of code: jmp to itself. */
static void write_loop(const char *file)
{
    static const unsigned char elf[0x56] = {
        0x7F, 'E', 'L', 'F', 1, 1, 1, [16] = 2, [18] = 3, [20] = 1, [26] = 0x10, /* entry 00100000 */
        [28] = 52, [40] = 52, [42] = 32, [44] = 1, [46] = 40,
        /* program header: load 2 bytes at file offset 54h to 00100000 */
        [52] = 1, [56] = 0x54, [62] = 0x10, [66] = 0x10, [68] = 2, [72] = 2, [76] = 5, [80] = 1,
        [0x54] = 0xEB, 0xFE,
    };
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(elf, 1, sizeof elf, f), sizeof elf);
    fclose(f);
}

/* What the terminal says of its background (OSC 11), whenever it comes, is no key; and `auto` goes by it. */
static void test_background(void **state)
{
    static const char *const answers[] = { "\033]11;rgb:ffff/ffff/dddd\033\\", "\033]11;rgb:00/00/20\007", "\033]11;nonsense\007", "\033]52;c;x\007" };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct vt *t = start("popf", NULL, 80, 24);
        struct text before = { 0 }, after = { 0 };
        to_popf(t);
        vt_quiet(t, 60);
        vt_screen(t, &before);
        vt_type(t, answers[i]);
        vt_quiet(t, 200);
        vt_screen(t, &after);
        assert_string_equal(text_str(&before), text_str(&after));
        text_free(&before), text_free(&after);
        vt_type(t, "?"); /* and keys are keys again */
        expect(t, "type to filter");
        vt_type(t, "\033");
        leave(t);
    }
}

static void test_stop_a_run(void **state)
{
    char file[] = "/tmp/ringside-loop-XXXXXX.elf";
    (void)state;
    close(mkstemps(file, 4));
    write_loop(file);
    struct vt *t = start(file, NULL, 80, 24);
    expect(t, "No lesson");
    static const char *const stops[] = { " ", "\003" };
    for (int i = 0; i < 2; i++) {
        vt_type(t, "c");
        expect(t, "Running:");
        vt_type(t, stops[i]);
        expect(t, "Stopped.");
    }
    leave(t);
    unlink(file);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void test_signals(void **state)
{
    static const struct {
        int sig;
        bool crash;
    } rows[] = {
        { SIGINT, false }, { SIGTERM, false }, { SIGHUP, false }, { SIGQUIT, false },
        { SIGSEGV, true }, { SIGABRT, true },  { SIGFPE, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vt *t = start("popf", NULL, 80, 24);
        expect(t, "Press n");
        vt_signal(t, rows[i].sig);
        int status = vt_end(t, PATIENCE);
        if (status != (rows[i].crash ? 128 + rows[i].sig : EXIT_INTERRUPTED))
            fail_msg("signal %d: status %d", rows[i].sig, status);
        if (!vt_restored(t)) fail_msg("signal %d: the terminal was not given back", rows[i].sig);
        vt_free(t);
    }
}

static void test_ctrl_c(void **state)
{
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    expect(t, "Press n");
    vt_type(t, "\003");
    assert_int_equal(vt_end(t, PATIENCE), EXIT_INTERRUPTED);
    assert_true(vt_restored(t));
    vt_free(t);
}

static void test_ctrl_z(void **state)
{
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    to_popf(t);
    vt_quiet(t, 200); /* while it writes a frame, curses is deaf to Ctrl-Z */
    vt_type(t, "\032");
    assert_true(vt_stopped(t, PATIENCE));
    assert_true(vt_restored(t));
    vt_signal(t, SIGCONT);
    expect(t, "step 5/7");
    vt_type(t, "?");
    expect(t, "type to filter");
    vt_type(t, "\033");
    assert_true(vt_wait_gone(t, "type to filter", PATIENCE));
    leave(t);
}

static void test_window_closed(void **state)
{
    (void)state;
    struct vt *t = start("popf", NULL, 80, 24);
    expect(t, "Press n");
    vt_hang_up(t);
    assert_int_not_equal(vt_end(t, PATIENCE), -1); /* it ends, and does not spin for ever */
    vt_free(t);
}

/* A terminal that cannot do it, or none: one line, a suggestion, the right exit code. */
static void test_no_terminal(void **state)
{
    static const char *const settings[] = { "TERM=hardcopy", "TERM=no-such-terminal", "TERM" };
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const char *const env[] = { settings[i], NULL };
        struct vt *t = start("popf", env, 160, 24);
        assert_int_equal(vt_end(t, PATIENCE), EXIT_ENVIRONMENT);
        assert_true(vt_wait(t, "ringside run popf", 1000));
        assert_true(vt_restored(t));
        vt_free(t);
    }
    char command[600];
    snprintf(command, sizeof command, "'%s' tui popf </dev/null 2>&1 | grep -q 'ringside run popf'", program());
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "'%s' tui popf </dev/null >/dev/null 2>&1", program());
    int status = system(command);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_ENVIRONMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_golden), cmocka_unit_test(test_ascii_locale),
        cmocka_unit_test(test_special_keys),   cmocka_unit_test(test_resize),
        cmocka_unit_test(test_colours),        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_ctrl_c),         cmocka_unit_test(test_ctrl_z),
        cmocka_unit_test(test_window_closed),
        cmocka_unit_test(test_background), cmocka_unit_test(test_stop_a_run),  cmocka_unit_test(test_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
