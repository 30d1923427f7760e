/* The command line behind `:`, and branches: what is changed is changed on another machine, and the run that was stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "tests/support/tui_world.h"

static void test_words(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, ":goto step:3<Enter>");
    expect_shows(&w, "step 3/7");
    press(&w, ":next<Enter>");
    expect_shows(&w, "step 4/7");
    press(&w, ":theme dark<Enter>");
    assert_int_equal(w.app.theme, THEME_DARK);
    press(&w, ":theme pink<Enter>");
    expect_shows(&w, "The themes are");
    press(&w, ":explain popf<Enter>");
    expect_shows(&w, "Changes IF only if CPL <= IOPL");
    press(&w, "<Esc>:explain nothing<Enter>");
    expect_shows(&w, "Nothing is known under");
    press(&w, ":cpu vtx<Enter>");
    expect_shows(&w, "VTX");
    press(&w, ":cpu te<Enter>");
    expect_shows(&w, "step 4/7");
    press(&w, ":cpu z80<Enter>");
    expect_shows(&w, "The machines are");
    press(&w, ":mark q<Enter>:next<Enter>:to<Esc>'q");
    expect_shows(&w, "step 4/7");
    press(&w, ":next twice<Enter>");
    expect_shows(&w, "takes nothing behind it");
    close_world(&w);
}

static void test_lua(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn");
    uint64_t hash = machine_state_hash(w.machine);
    unsigned checks = w.lesson->ops->checks(w.lesson);
    press(&w, ":vm.eax<Enter>");
    expect_shows(&w, "514 (202)");
    press(&w, ":vm.cpl == 1, vm.guest.cpl<Enter>");
    expect_shows(&w, "true  0");
    press(&w, ":expect vm.flags.IF == 0<Enter>");
    expect_shows(&w, "does not hold: vm.flags.IF == 0");
    press(&w, ":expect vm.flags.IF == 1<Enter>");
    expect_shows(&w, " holds: vm.flags.IF == 1");
    press(&w, ":expect.eq(vm.cpl, 3)<Enter>");
    expect_shows(&w, "does not hold: line:1");
    press(&w, "<Esc>:print(\"a\") print(\"b\")<Enter>");
    expect_shows(&w, "│ a");
    press(&w, "<Esc>:vm.eax(<Enter>");
    expect_shows(&w, "! line:1");
    press(&w, ":os.exit()<Enter>");
    expect_shows(&w, "! line:1");
    press(&w, ":while true do end<Enter>");
    expect_shows(&w, "ran for more than");
    assert_int_equal(machine_state_hash(w.machine), hash); /* looking has changed nothing */
    assert_int_equal(w.lesson->ops->checks(w.lesson), checks);
    assert_int_equal(w.app.session.branches, 0);
    expect_shows(&w, "step 5/7");
    press(&w, ":vm:run(till.trap \"GP\")<Enter>"); /* it may run, as keys may */
    assert_int_equal(machine_place(w.machine), PLACE_VMM);
    close_world(&w);
}

static void test_history_and_completion(void **state)
{
    char to[COLON_LINE], all[200];
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, ":vm.eax<Enter>:vm.ebx<Enter>:zz<Up><Up>");
    expect_shows(&w, ":vm.eax");
    press(&w, "<Down>");
    expect_shows(&w, ":vm.ebx");
    press(&w, "<Down>");
    expect_shows(&w, ":zz");
    press(&w, "<Esc>:them<Tab>");
    expect_shows(&w, ":theme");
    press(&w, " pr<Tab>");
    expect_shows(&w, ":theme projector");
    press(&w, "<Esc>");
    assert_true(colon_complete("vm.g", to, sizeof to, all, sizeof all));
    assert_string_equal(to, "vm.guest.");
    assert_string_equal(all, "vm.guest.vIF vm.guest.cpl vm.guest.cr3");
    assert_true(colon_complete("cpu v", to, sizeof to, all, sizeof all));
    assert_string_equal(to, "vtx");
    assert_false(colon_complete("xyz", to, sizeof to, all, sizeof all));
    for (int i = 0; i < 3 * COLON_HISTORY; i++) { /* the oldest make room */
        char line[40];
        snprintf(line, sizeof line, ":%d<Enter>", i);
        press(&w, line);
    }
    press(&w, ":");
    for (int i = 0; i < 2 * COLON_HISTORY; i++) press(&w, "<Up>");
    expect_shows(&w, ":64");
    close_world(&w);
}

static void test_branches(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "|");
    expect_shows(&w, "one past only");
    press(&w, "nnnnssss");
    uint64_t at = machine_insns(w.machine), hash = machine_state_hash(w.machine);
    press(&w, "rrrr");
    uint64_t fork = machine_insns(w.machine), before = machine_state_hash(w.machine);
    press(&w, ":vm:poke(vm.esp, 0x202)<Enter>");
    expect_shows(&w, "BRANCH 1");
    assert_ptr_not_equal(w.app.session.m, w.machine);
    assert_int_equal(machine_insns(w.app.session.m), fork);
    assert_int_not_equal(machine_state_hash(w.app.session.m), before);
    assert_int_equal(machine_state_hash(w.machine), before); /* the run that was */
    press(&w, "s");
    assert_false(shows(&w, "sensitive, no trap")); /* IF was already 1 there: nothing is lost */
    press(&w, "rr");
    assert_int_equal(machine_insns(w.app.session.m), fork); /* a branch begins at its change */
    press(&w, ":diff<Enter>");
    expect_shows(&w, "As it was: Event 1470");
    expect_shows(&w, "Both print the same");
    press(&w, "<Esc>|");
    expect_shows(&w, "The run as it was");
    expect_shows(&w, "step 4/7");
    assert_ptr_equal(w.app.session.m, w.machine);
    press(&w, "ssss");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash);
    press(&w, ":vm.eax = 7<Enter>:vm.ebx = 8<Enter>"); /* a second one, changed twice */
    expect_shows(&w, "BRANCH 2");
    assert_int_equal(w.app.session.branches, 2);
    press(&w, ":branches<Enter>");
    expect_shows(&w, "> 2  from moment");
    press(&w, "<Esc>>");
    expect_shows(&w, "a branch of one machine");
    press(&w, ":branch drop<Enter>:branch drop<Enter>:branch drop<Enter>");
    expect_shows(&w, "There are no branches");
    assert_ptr_equal(w.app.session.m, w.machine);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lua),
        cmocka_unit_test(test_history_and_completion),
        cmocka_unit_test(test_branches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
