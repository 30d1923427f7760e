/* Keys that take something off the screen or stop a run: stop points, the clipboard, a screen as a picture, claims, finding, bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include "sim/core/err.h"
#include "tests/support/tui_world.h"

static char work[64];
static char home[512];

/* Files are written where one is: in a folder of our own. */
static void go(const char *where) { assert_int_equal(chdir(where), 0); }

static char *file(const char *path)
{
    struct text t = { 0 };
    struct err e = { 0 };
    if (!text_read(&t, path, 1 << 20, &e)) fail_msg("%s", e.text);
    return t.s;
}

static void test_stops(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "B");
    expect_shows(&w, "There are none");
    press(&w, "<Esc>nnnnb"); /* at popf_insn */
    expect_shows(&w, "Stop point at popf_insn");
    uint64_t at = machine_insns(w.machine), hash = machine_state_hash(w.machine);
    press(&w, "s");
    expect_shows(&w, "●0010499A");
    press(&w, "<Home>c");
    expect_shows(&w, "Stop point: popf_insn");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash); /* the machine knows nothing of it */
    press(&w, "ssrr"); /* steps are not stopped */
    assert_int_equal(machine_insns(w.machine), at);
    press(&w, "nnnnn");
    expect_shows(&w, "step 5/7"); /* nor are lessons */
    press(&w, "NB");
    expect_shows(&w, "0010499A  popf_insn");
    press(&w, "<Esc>b");
    expect_shows(&w, "any more");
    press(&w, "c");
    expect_shows(&w, "END");
    close_world(&w);
}

static void test_copy(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnny");
    assert_string_equal(text_str(&w.app.copy), "► 0010499A  popfd     sensitive");
    press(&w, "sy");
    assert_non_null(strstr(text_str(&w.app.copy), "0010499B  ret"));
    press(&w, "6y");
    assert_non_null(strstr(text_str(&w.app.copy), "popf: IF 1, not 0"));
    assert_null(strchr(text_str(&w.app.copy), '\n'));
    press(&w, "2y");
    assert_non_null(strstr(text_str(&w.app.copy), "eax"));
    assert_non_null(strchr(text_str(&w.app.copy), '\n'));
    close_world(&w);
}

static void test_screen(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn");
    go(work);
    press(&w, "D");
    expect_shows(&w, "Wrote popf-screen-ev1470.svg and .txt");
    char *svg = file("popf-screen-ev1470.svg"), *plain = file("popf-screen-ev1470.txt");
    assert_non_null(strstr(svg, ">sensitive, no trap</text>"));
    assert_non_null(strstr(svg, "textLength"));
    assert_non_null(strstr(plain, "sensitive, no trap"));
    assert_null(strstr(plain, "Wrote")); /* the screen before the key */
    free(svg);
    free(plain);
    remove("popf-screen-ev1470.svg");
    remove("popf-screen-ev1470.txt");
    go(home);
    close_world(&w);
}

/* What is claimed holds: a lesson with these lines at this place passes. */
static void test_claims(void **state)
{
    static const struct { const char *keys, *has; } rows[] = {
        { "1a", "expect.eq(vm.insn.mnemonic, \"ret\")" }, { "2a", "expect.eq(vm.guest.vIF, 1)" },
        { "6a", "expect.silent { insn = \"popf\", wanted = { IF = 0x0 } }" }, { "5a", "expect.eq(vm.cycles, 4673182)" },
    };
    struct text lesson = { 0 };
    struct err e = { 0 };
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn");
    text_add(&lesson, "local s = scenario { title = \"t\", machine = { preset = \"classic\", guest = \"popf\", ram = \"4M\" } }\n"
                      "s:step \"there\" { run = till.label \"after_popf\", expect = function(vm)\n");
    go(work);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        press(&w, rows[i].keys);
        char *lua = file("popf-expect-ev1470.lua");
        if (!strstr(lua, rows[i].has)) fail_msg("%s: no \"%s\" in %s", rows[i].keys, rows[i].has, lua);
        text_add(&lesson, "%s", lua);
        free(lua);
        press(&w, "<Esc>");
    }
    press(&w, "7a");
    expect_shows(&w, "choose one of them");
    remove("popf-expect-ev1470.lua");
    go(home);
    close_world(&w);
    text_add(&lesson, "end }\nreturn s\n");
    char path[128];
    snprintf(path, sizeof path, "%s/claims.lua", work);
    assert_true(text_write(&lesson, path, &e));
    open_world(&w, path, 80, 24);
    press(&w, "n");
    for (unsigned i = 0; i < w.lesson->ops->checks(w.lesson); i++)
        if (!w.lesson->ops->check(w.lesson, i)->passed) fail_msg("%s", w.lesson->ops->check(w.lesson, i)->text);
    assert_true(w.lesson->ops->checks(w.lesson) > 10);
    close_world(&w);
    remove(path);
    text_free(&lesson);
}

static void test_find_and_bits(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 120, 40);
    press(&w, "nnn7/8254<Enter>");
    press(&w, "7/no such thing<Enter>");
    expect_shows(&w, "does not show");
    press(&w, "2vvv");
    expect_shows(&w, "9 IF  interrupts   1    0");
    press(&w, "?clipboard<Enter>"); /* the help does what it lists */
    assert_true(w.app.copy.len > 0);
    close_world(&w);
}

static void test_compare(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn=");
    expect_shows(&w, "the same guest on 5 machines");
    expect_shows(&w, "guest could see it    reference");
    press(&w, "<Esc>");
    expect_shows(&w, "step 4/7");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops),  cmocka_unit_test(test_copy),          cmocka_unit_test(test_screen),
        cmocka_unit_test(test_claims), cmocka_unit_test(test_find_and_bits), cmocka_unit_test(test_compare),
    };
    const char *tmp = getenv("TMPDIR");
    snprintf(work, sizeof work, "%.40s/tui-keys-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(work) || !getcwd(home, sizeof home)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(work);
    return failed;
}
