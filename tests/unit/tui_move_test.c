/* What the keys that move do to the machine and the lesson: steps, exits, jumps, other machines, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "tests/support/tui_world.h"

static void test_step_and_back(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn");
    uint64_t at = machine_insns(w.machine), hash = machine_state_hash(w.machine);
    press(&w, "s");
    assert_int_equal(machine_insns(w.machine), at + 1);
    expect_shows(&w, "sensitive, no trap");
    expect_shows(&w, "guest wants IF=0");
    press(&w, "ssrrr");
    assert_int_equal(machine_insns(w.machine), at);
    assert_int_equal(machine_state_hash(w.machine), hash);
    assert_false(shows(&w, "sensitive, no trap"));
    close_world(&w);
}

static void test_exit_and_previous(void **state)
{
    struct world w;
    uint64_t at[6], hash[6];
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn");
    for (int i = 0; i < 6; i++) {
        press(&w, "x");
        at[i] = machine_insns(w.machine), hash[i] = machine_state_hash(w.machine);
        if (i) assert_true(at[i] > at[i - 1]);
    }
    for (int i = 4; i >= 0; i--) {
        press(&w, "X");
        assert_int_equal(machine_insns(w.machine), at[i]);
        assert_int_equal(machine_state_hash(w.machine), hash[i]);
    }
    press(&w, "o");
    assert_int_equal(machine_place(w.machine), PLACE_KERNEL);
    close_world(&w);
}

/* Whoever strays comes back: the next step is the same from wherever it is asked for. */
static void test_lesson(void **state)
{
    static const char *const ways[] = { "", "sss", "xx", "c", "rr", "<Home>", "<End>", "g1<Enter>" };
    struct world w;
    uint64_t expected = 0;
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        open_world(&w, "popf", 80, 24);
        press(&w, "nnn");
        press(&w, ways[i]);
        while (w.lesson->next < 4) press(&w, "n");
        if (i == 0) expected = machine_insns(w.machine);
        assert_int_equal(machine_insns(w.machine), expected);
        expect_shows(&w, "step 4/7");
        close_world(&w);
    }
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnN");
    expect_shows(&w, "step 3/7");
    press(&w, "nnnnnn");
    expect_shows(&w, "last step");
    close_world(&w);
}

/* Same guest, same moment, other machine, one key: the instruction about to run is the same, what is around it is not. */
static void test_round_of_machines(void **state)
{
    static const struct { const char *key, *title, *ring; } at[] = {
        { ">", "BT·shadow·direct", "cpl 1" }, { ">", "VTX·shadow·direct", "cpl 0" }, { ">", "native·no hypervisor", "cpl 0" },
        { ">", "TE·shadow·direct", "cpl 1" }, { "<lt>", "native·no hypervisor", "cpl 0" }, { "<lt>", "VTX·shadow·direct", "cpl 0" },
        { "<lt>", "BT·shadow·direct", "cpl 1" }, { "<lt>", "TE·shadow·direct", "cpl 1" },
    };
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn");
    expect_shows(&w, "TE·shadow·direct");
    uint64_t moment = machine_insns(w.machine);
    for (unsigned k = 0; k < sizeof at / sizeof at[0]; k++) {
        press(&w, at[k].key);
        expect_shows(&w, at[k].title);
        expect_shows(&w, at[k].ring);
        expect_shows(&w, "► 0010499A  popf");
    }
    assert_int_equal(machine_insns(w.machine), moment); /* the machine it began with stands where it was */
    expect_shows(&w, "step 4/7");
    press(&w, ">>"); /* this kernel was not ported: who passes pv over says so */
    expect_shows(&w, "(--cpu pv runs ported kernels only)");
    press(&w, "<lt><lt>");
    assert_false(shows(&w, "ported"));
    press(&w, ">s"); /* and there POPF does what it should */
    expect_shows(&w, "guest 0");
    press(&w, "<lt>s");
    expect_shows(&w, "guest wants IF=0  ! has 1");
    close_world(&w);
}

static void test_question(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "p");
    expect_shows(&w, "no question");
    press(&w, "nnnnn");
    expect_shows(&w, "What happens?");
    assert_false(shows(&w, "The hypervisor is not called"));
    press(&w, "p");
    expect_shows(&w, "The hypervisor is not called");
    expect_shows(&w, "answer C");
    press(&w, "p");
    assert_false(shows(&w, "The hypervisor is not called"));
    close_world(&w);
}

static void test_goto(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn");
    uint32_t last = trace_last(machine_trace_of(w.machine));
    char keys[64];
    snprintf(keys, sizeof keys, "g%u<Enter>", last / 2);
    press(&w, keys);
    assert_true(trace_last(machine_trace_of(w.machine)) >= last / 2);
    assert_true(trace_last(machine_trace_of(w.machine)) < last);
    press(&w, "gcycle:100,000<Enter>");
    assert_true(machine_cycles(w.machine) >= 100000);
    press(&w, "ginsn:77<Enter>");
    assert_int_equal(machine_insns(w.machine), 77);
    press(&w, "gstep:4<Enter>");
    expect_shows(&w, "step 4/7");
    press(&w, "<Home>glabel:popf_insn<Enter>");
    expect_shows(&w, "popf_insn:");
    uint64_t here = machine_insns(w.machine);
    press(&w, "glabel:popf_inns<Enter>");
    expect_shows(&w, "did you mean popf_insn");
    press(&w, "g99999999<Enter>");
    expect_shows(&w, "There is no event 99999999");
    press(&w, "ginsn:99999999999<Enter>");
    expect_shows(&w, "ends before");
    press(&w, "gnowhere<Enter>");
    expect_shows(&w, "Cannot go to");
    press(&w, "g12<Esc>");
    assert_int_equal(machine_insns(w.machine), here);
    close_world(&w);
}

/* What s steps by, and r takes back. */
static void test_units(void **state)
{
    static const char *const units[] = { "u", "u", "u" };
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn");
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++) {
        uint64_t moment[8], hash[8];
        press(&w, units[k]);
        for (unsigned i = 0; i < 8; i++) {
            moment[i] = machine_insns(w.machine), hash[i] = machine_state_hash(w.machine);
            press(&w, "s");
            assert_true(machine_insns(w.machine) > moment[i]);
        }
        for (unsigned i = 8; i--;) {
            press(&w, "r");
            assert_int_equal(machine_insns(w.machine), moment[i]);
            assert_int_equal(machine_state_hash(w.machine), hash[i]);
        }
        press(&w, "r"); /* before all of them: an instruction */
        assert_int_equal(machine_insns(w.machine), moment[0] - 1);
    }
    close_world(&w);
}

/* `>` and `<`: the same guest, the same moment, another machine; the lesson comes back with its own. */
static void test_other_machine(void **state)
{
    struct world w;
    struct machine_summary here, there;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnn");
    machine_summary(w.app.session.m, &here);
    assert_string_equal(machine_config(w.app.session.m)->cpu, "te");
    press(&w, "<lt>"); /* the technique before */
    assert_string_equal(machine_config(w.app.session.m)->cpu, "native");
    machine_summary(w.app.session.m, &there);
    assert_int_equal(there.guest_insns, here.guest_insns);
    assert_null(w.app.session.lesson);
    expect_shows(&w, "the lesson rests");
    press(&w, "sssss");
    press(&w, ">"); /* back: five instructions further */
    assert_string_equal(machine_config(w.app.session.m)->cpu, "te");
    assert_ptr_equal(w.app.session.m, w.machine);
    assert_non_null(w.app.session.lesson);
    machine_summary(w.app.session.m, &there);
    assert_in_range(there.guest_insns, here.guest_insns + 5, here.guest_insns + 6);
    press(&w, "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr<lt>"); /* earlier than the other one stood: it goes back */
    machine_summary(w.machine, &here);
    machine_summary(w.app.session.m, &there);
    assert_int_equal(there.guest_insns, here.guest_insns);
    close_world(&w);
}

/* c at its slowest: one instruction between two looks at the keyboard. */
static bool three_looks(void *self) { return ++*(unsigned *)self == 3; }

static void test_speed(void **state)
{
    struct world w;
    unsigned looks = 0;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nn[[[[[");
    expect_shows(&w, "1 instruction a frame");
    w.app.session.poll = three_looks, w.app.session.poll_self = &looks;
    uint64_t at = machine_insns(w.machine);
    press(&w, "c");
    assert_int_equal(machine_insns(w.machine), at + 3);
    looks = 0;
    press(&w, "]]c");
    assert_int_equal(machine_insns(w.machine), at + 3 + 3 * 25);
    w.app.session.poll = NULL;
    press(&w, "]]]");
    expect_shows(&w, "as fast as it can");
    close_world(&w);
}

/* The VM that a step of the lesson looks at is looked at again whoever comes back to it. */
static void test_look_comes_back(void **state)
{
    int look[16];
    struct world w;
    (void)state;
    open_world(&w, "isolate", 80, 24);
    unsigned n = w.lesson->ops->steps(w.lesson), different = 0;
    assert_true(n < 16);
    for (unsigned i = 0; i < n; i++) {
        press(&w, "n");
        look[i] = machine_looks_at(w.machine);
        different += i && look[i] != look[i - 1];
    }
    assert_true(different); /* else nothing is tested */
    for (unsigned i = n; --i;) {
        press(&w, "N");
        assert_int_equal(w.lesson->next, i); /* also where two steps end at one moment, as the last do here */
        assert_int_equal(machine_looks_at(w.machine), look[i - 1]);
    }
    for (unsigned i = 1; i < n; i++) {
        press(&w, "n");
        assert_int_equal(machine_looks_at(w.machine), look[i]);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_and_back),
        cmocka_unit_test(test_exit_and_previous),
        cmocka_unit_test(test_lesson),
        cmocka_unit_test(test_round_of_machines),
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_goto),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_other_machine),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_look_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
