/* The lockstep dashboard: machines side by side, where they part, forgiving, other techniques. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/support/tui_world.h"

/* The dashboard: both machines at the moment of the screen; back and forward again is the same, also beyond what was kept; it parts where
 * compare does, and goes on when that is forgiven. */
static void test_lockstep(void **state)
{
    struct world w;
    struct text at[6] = { { 0 } };
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnn");
    uint64_t here = machine_guest_insns(w.machine);
    press(&w, "L");
    assert_non_null(w.app.pair);
    assert_int_equal(pair_now(w.app.pair)->step.steps, here);
    assert_int_equal(machine_eip(w.app.pair->step.m[0]), machine_eip(w.app.pair->step.m[1]));
    expect_shows(&w, "native beside te");
    for (unsigned i = 0; i < 6; i++) {
        frame_text(&w.app.frame, &at[i]);
        press(&w, "s");
    }
    for (unsigned i = 6; i--;) {
        struct text now = { 0 };
        press(&w, "r");
        frame_text(&w.app.frame, &now);
        assert_string_equal(text_str(&now), text_str(&at[i]));
        text_free(&now);
    }
    for (unsigned i = 0; i < 120; i++) press(&w, "r"); /* further back than is kept: made again */
    assert_int_equal(pair_now(w.app.pair)->step.steps + 120, here);
    for (unsigned i = 0; i < 120; i++) press(&w, "s");
    struct text again = { 0 };
    frame_text(&w.app.frame, &again);
    assert_string_equal(text_str(&again), text_str(&at[0]));
    text_free(&again);
    for (unsigned i = 0; i < 6; i++) text_free(&at[i]);
    press(&w, "c");
    expect_shows(&w, "here they part");
    uint64_t parted = pair_now(w.app.pair)->step.steps;
    press(&w, "F");
    expect_shows(&w, "go in step again");
    press(&w, "ss");
    assert_true(pair_now(w.app.pair)->step.steps > parted);
    press(&w, "<Home>");
    assert_int_equal(pair_now(w.app.pair)->step.steps, 0);
    press(&w, "u");
    expect_shows(&w, "on to the next exit");
    press(&w, "s>");
    expect_shows(&w, "native beside bt");
    press(&w, "<Esc>");
    assert_null(w.app.pair);
    expect_shows(&w, "step 3/7"); /* and all is as it was */
    press(&w, ":lockstep vtx<Enter>");
    expect_shows(&w, "native beside vtx");
    press(&w, ":lockstep native<Enter>");
    expect_shows(&w, "itself already");
    press(&w, "<Esc>:lockstep nothing<Enter>");
    assert_null(w.app.pair);
    close_world(&w);
    open_world(&w, "isolate", 80, 24);
    press(&w, "nL");
    expect_shows(&w, "here are several");
    close_world(&w);
}

/* X is where the exit before was, to the instruction; g goes to an instruction, either way. */
static void test_previous_exit_and_goto(void **state)
{
    struct world w;
    uint64_t exits[3], far;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nL<Home>");
    for (unsigned i = 0; i < 3; i++) {
        press(&w, "x");
        exits[i] = pair_now(w.app.pair)->tick;
    }
    assert_true(exits[0] < exits[1] && exits[1] < exits[2]);
    press(&w, "X");
    assert_int_equal(pair_now(w.app.pair)->tick, exits[1]);
    assert_true(pair_now(w.app.pair)->side[1].step_exits);
    press(&w, "sX"); /* from behind an exit: to that one */
    assert_int_equal(pair_now(w.app.pair)->tick, exits[1]);
    press(&w, "XX");
    expect_shows(&w, "No exit before");
    assert_int_equal(pair_now(w.app.pair)->tick, exits[0]);
    press(&w, "xxx");
    far = pair_now(w.app.pair)->step.steps;
    press(&w, "g3<Enter>");
    assert_int_equal(pair_now(w.app.pair)->step.steps, 3);
    for (unsigned i = 0; i < 200; i++) press(&w, "s");
    assert_int_equal(pair_now(w.app.pair)->step.steps, 203);
    press(&w, "ginsn:7<Enter>");
    assert_int_equal(pair_now(w.app.pair)->step.steps, 7);
    assert_true(far > 7);
    press(&w, "gkmain<Enter>");
    expect_shows(&w, "try 500");
    press(&w, "g999999999<Enter>");
    expect_shows(&w, "only up to instruction");
    press(&w, "g<Esc>");
    assert_non_null(w.app.pair);
    close_world(&w);
}

/* As many machines as have a column; more and fewer by key; who has none comes by < and >. */
static void test_columns(void **state)
{
    static const struct { int cols, rows; unsigned machines; const char *title; } sizes[] = {
        { 80, 24, 2, "native beside te " }, { 119, 40, 2, "native beside te " }, { 120, 40, 3, "native, te, bt " },
        { 160, 45, 4, "native, te, bt, vtx " }, { 300, 90, 4, "native, te, bt, vtx " },
    };
    struct world w;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        open_world(&w, "popf", sizes[i].cols, sizes[i].rows);
        press(&w, "nnnL");
        assert_int_equal(w.app.pair->n, sizes[i].machines);
        assert_int_equal(pair_columns(&w.app), sizes[i].machines);
        expect_shows(&w, sizes[i].title);
        press(&w, "c"); /* te alone is wrong there, and named */
        const struct lockstep *l = &pair_now(w.app.pair)->step;
        assert_int_equal(l->end, LOCKSTEP_PARTED);
        for (unsigned d = 0; d < l->differences; d++) assert_string_equal(w.app.pair->cpu[l->difference[d].machine], "te");
        expect_shows(&w, "=/ differs: it failed silently");
        press(&w, "Fss");
        assert_int_equal(pair_now(w.app.pair)->step.end, LOCKSTEP_RUNNING);
        assert_int_equal(w.app.frame.clipped, 0);
        close_world(&w);
    }
}

static void test_more_and_less(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnL");
    uint64_t here = pair_now(w.app.pair)->step.steps;
    press(&w, "+");
    expect_shows(&w, "native, te, bt ");
    expect_shows(&w, "te · shadow");
    assert_int_equal(pair_now(w.app.pair)->step.steps, here);
    press(&w, ">");
    expect_shows(&w, "bt · shadow");
    assert_false(shows(&w, "te · shadow"));
    press(&w, "+");
    expect_shows(&w, "native, te, bt, vtx ");
    press(&w, "+");
    expect_shows(&w, "no other machine");
    assert_int_equal(w.app.pair->n, 4);
    press(&w, "<160x45>");
    assert_int_equal(pair_columns(&w.app), 4);
    expect_shows(&w, "vtx · shadow");
    press(&w, "<80x24>-"); /* what has a column goes: te */
    expect_shows(&w, "native, bt, vtx ");
    press(&w, "-");
    expect_shows(&w, "native beside vtx ");
    press(&w, "-");
    expect_shows(&w, "Two are the fewest");
    assert_int_equal(pair_now(w.app.pair)->step.steps, here);
    press(&w, "<Esc>:lockstep bt,t<Tab><Enter>");
    expect_shows(&w, "native, bt, te ");
    press(&w, "<Esc>:lockstep bt,bt<Enter>");
    expect_shows(&w, "there already");
    assert_null(w.app.pair);
    close_world(&w);
}

/* What became of one instruction on each: measured, told in words and in a table, and back in time with the rest. */
static void test_answers(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 160, 45);
    press(&w, "nnnL");
    expect_shows(&w, "sti      80      #GP 1,667      5 insns 33"); /* before this moment, on the way here */
    press(&w, "c");
    expect_shows(&w, "pushf    9       ! silent 9     11 insns 31    no exit 9      reads mask");
    press(&w, "i");
    expect_shows(&w, "! no trap, and wrong: stored 246, not 46. 9 cycles.");
    expect_shows(&w, "11 instructions of the translation cache stand for it, no exit. 31 cycles.");
    expect_shows(&w, "The rule: Pushes EFLAGS, with the real IF and IOPL, at any CPL.");
    expect_shows(&w, "cr 6,967");
    assert_int_equal(w.app.frame.clipped, 0);
    const struct answers *t = &pair_now(w.app.pair)->answers;
    assert_string_equal(t->row[0].word, "pushf");
    assert_int_equal(t->row[0].by[0].how, ANSWER_DIRECT);
    assert_int_equal(t->row[0].by[1].how, ANSWER_SILENT);
    assert_int_equal(t->row[0].by[2].how, ANSWER_TRANSLATED);
    assert_int_equal(t->row[0].by[3].how, ANSWER_DIRECT);
    assert_int_equal(t->row[0].by[2].ring, 1);
    assert_int_equal(t->row[0].by[3].ring, 0);
    for (unsigned i = 0; i < t->n; i++) {
        const char *ported = answers_ported(t->row[i].word, true);
        assert_true(!ported || strlen(ported) <= ANSWER_CELL);
        if (!strcmp(t->row[i].word, "mov cr3") || !strcmp(t->row[i].word, "out"))
            for (unsigned k = 1; k < 4; k++) assert_int_equal(t->row[i].by[k].how, ANSWER_EXIT);
    }
    press(&w, "<Esc>rrr"); /* the moment before: it had not been executed yet */
    assert_false(shows(&w, "! silent 9"));
    press(&w, "<Home>i");
    expect_shows(&w, "has executed no sensitive instruction yet");
    press(&w, "<Esc><80x24>---i");
    expect_shows(&w, "no sensitive instruction");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lockstep), cmocka_unit_test(test_previous_exit_and_goto),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_more_and_less),
        cmocka_unit_test(test_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
