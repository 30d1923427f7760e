/* What the terminal writes into files: diagrams, tables, the screen; and key scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/support/golden.h"
#include "tests/support/tui_world.h"
#include "tui/tui.h"

/* d draws what belongs to the chosen view. */
static void test_figures(void **state)
{
    static const struct { const char *keys, *kind; } rows[] = { { "2d", "bits" }, { "3d", "rings" }, { "4d", "walk" }, { "5d", "timeline" }, { "7d", "topology" }, { "Vd", "topology" }, { "6d", "ladder" } };
    char dir[] = "/tmp/ringside-tui-XXXXXX", here[4096], name[96];
    struct world w;
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    open_world(&w, "shadow", 80, 24);
    press(&w, "nnn");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text svg = { 0 };
        struct err e = { 0 };
        press(&w, rows[i].keys);
        snprintf(name, sizeof name, "shadow-%s-ev%u.svg", rows[i].kind, trace_last(machine_trace_of(w.machine)));
        bool good = text_read(&svg, name, 1 << 24, &e);
        unlink(name);
        if (!good || !strstr(text_str(&svg), "</svg>")) {
            char *s = screen(&w);
            print_error("%s\n", s);
            free(s);
            assert_int_equal(chdir(here), 0);
            fail_msg("%s: no %s", rows[i].keys, name);
        }
        text_free(&svg);
    }
    assert_int_equal(chdir(here), 0);
    rmdir(dir);
    close_world(&w);
}

/* Tables go into files in three formats. */
static void test_export(void **state)
{
    static const char *const keys[] = { "2e", "5e", "6e", "7e", "Ve", "e" };
    static const char *const names[] = { "cpu", "cycles", "events", "devices", "vms", "lockstep" };
    static const char *const says[] = { "eax,", "kernel,", "exit", "timer,the hypervisor,virtual,", "0,te/shadow,", "EIP,0x" };
    char dir[] = "/tmp/ringside-tui-XXXXXX", here[4096];
    struct world w;
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    open_world(&w, "popf", 80, 24);
    press(&w, "nn1e");
    expect_shows(&w, "choose one of them");
    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (i == 5) press(&w, "L"); /* its machines read the image from here */
        assert_int_equal(chdir(dir), 0);
        press(&w, keys[i]);
        struct text csv = { 0 }, json = { 0 }, md = { 0 };
        struct err e = { 0 };
        struct text *files[] = { &csv, &json, &md };
        static const char *const ends[] = { "csv", "json", "md" };
        bool good = true;
        for (unsigned k = 0; k < 3; k++) {
            char path[128];
            snprintf(path, sizeof path, "popf-%s-ev%u.%s", names[i], trace_last(machine_trace_of(w.machine)), ends[k]);
            good = text_read(files[k], path, 1 << 24, &e) && good;
            unlink(path);
        }
        assert_int_equal(chdir(here), 0);
        if (!good) fail_msg("%s: %s", names[i], e.text);
        if (!strstr(text_str(&csv), says[i])) fail_msg("%s.csv does not say %s:\n%.400s", names[i], says[i], text_str(&csv));
        assert_int_equal(text_str(&json)[0], '[');
        assert_non_null(strstr(text_str(&md), "|---"));
        text_free(&csv), text_free(&json), text_free(&md);
    }
    rmdir(dir);
    close_world(&w);
}

static void test_draw(void **state)
{
    char dir[] = "/tmp/ringside-tui-XXXXXX", here[4096];
    struct text svg = { 0 };
    struct err e = { 0 };
    struct world w;
    (void)state;
    assert_non_null(getcwd(here, sizeof here));
    open_world(&w, "popf", 80, 24);
    press(&w, "n");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    press(&w, "1d"); /* of Code it is the ladder */
    char name[64];
    snprintf(name, sizeof name, "popf-ladder-ev%u.svg", trace_last(machine_trace_of(w.machine)));
    expect_shows(&w, name);
    bool ok = text_read(&svg, name, 1 << 24, &e);
    unlink(name);
    assert_int_equal(chdir(here), 0);
    rmdir(dir);
    assert_true(ok);
    assert_non_null(strstr(text_str(&svg), "<svg"));
    text_free(&svg);
    close_world(&w);
}

static void test_run_script(void **state)
{
    char file[] = "/tmp/ringside-dump-XXXXXX";
    struct world w;
    struct text dump = { 0 };
    struct err e = { 0 };
    (void)state;
    close(mkstemp(file));
    open_world(&w, "popf", 80, 24);
    struct tui_options o = { .keys = "nnnnnp", .dump = file };
    assert_int_equal(tui_run(w.machine, w.lesson, &o, &e), EXIT_GOOD);
    bool ok = text_read(&dump, file, 1 << 20, &e);
    unlink(file);
    assert_true(ok);
    golden_check("tests/golden/tui_popf_80x24.txt", text_str(&dump));
    text_free(&dump);
    close_world(&w);
}

static void test_bad_options(void **state)
{
    static const struct {
        struct tui_options o;
        int code;
    } rows[] = {
        { { .theme = "pink", .keys = "" }, EXIT_USAGE },
        { { .keys = "<Hyper>" }, EXIT_USAGE },
        { { .keys = "", .dump = "/nonexistent/directory/x" }, EXIT_ENVIRONMENT },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct err e = { 0 };
        open_world(&w, "popf", 80, 24);
        assert_int_equal(tui_run(w.machine, w.lesson, &rows[i].o, &e), rows[i].code);
        assert_int_equal(e.code, rows[i].code);
        assert_true(strlen(e.text) > 0);
        close_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_export),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_run_script),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
