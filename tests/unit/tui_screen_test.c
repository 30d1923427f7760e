/* Screens of the real popf lesson, made without a terminal and compared as text; and what the keys do.
 *
 * No view may write beyond its pane at the sizes it is made for. Golden files hold the text; colours are in
 * tui_terminal_test.c, where there is a terminal. */
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
#include "sim/device_use.h"
#include "tui/tui.h"

/* ---- golden screens ---------------------------------------------------------------------------------------------- */

static void test_golden(void **state)
{
    static const struct {
        const char *file, *scenario, *keys;
        int cols, rows;
        bool ascii;
    } rows[] = {
        { "tests/golden/tui_popf_80x24.txt", "popf", "nnnnnp", 80, 24, false },
        { "tests/golden/tui_popf_80x24_ascii.txt", "popf", "nnnnnp", 80, 24, true },
        { "tests/golden/tui_popf_120x40.txt", "popf", "nnnnn", 120, 40, false },
        { "tests/golden/tui_popf_160x45.txt", "popf", "nnnnn", 160, 45, false },
        { "tests/golden/tui_popf_160x45_ascii.txt", "popf", "nnnnn", 160, 45, true },
        { "tests/golden/tui_popf_question.txt", "popf", "nnnnn", 80, 24, false },
        { "tests/golden/tui_popf_trap.txt", "popf", "nn", 80, 24, false },
        { "tests/golden/tui_popf_why.txt", "popf", "nnnnni", 80, 24, false },
        { "tests/golden/tui_shadow_address.txt", "shadow", "nn4", 80, 24, false },
        { "tests/golden/tui_shadow_hidden.txt", "shadow", "nnnnnxw4wwwww", 80, 24, false },
        { "tests/golden/tui_shadow_tlb.txt", "shadow", "nn4T", 80, 24, false },
        { "tests/golden/tui_twolevel_walk.txt", "twolevel", "nnwwwwww", 120, 40, false },
        { "tests/golden/tui_vms_80x24.txt", "consolidate", "nnnV", 80, 24, false },
        { "tests/golden/tui_vms_80x24_ascii.txt", "consolidate", "nnnV", 80, 24, true },
        { "tests/golden/tui_vms_120x40.txt", "overcommit", "nnnV*", 120, 40, false },
        { "tests/golden/tui_vms_160x45.txt", "consolidate", "nnn*", 160, 45, false },
        { "tests/golden/tui_devices_80x24.txt", "dev3", "nnnnn7", 80, 24, false },
        { "tests/golden/tui_devices_80x24_ascii.txt", "dev3", "nnnnn7", 80, 24, true },
        { "tests/golden/tui_devices_120x40.txt", "dev3", "nnnnn7", 120, 40, false },
        { "tests/golden/tui_devices_160x45.txt", "consolidate", "nnn7z", 160, 45, false },
        { "tests/golden/tui_lockstep_80x24.txt", "twolevel", "nnnLx", 80, 24, false },
        { "tests/golden/tui_lockstep_80x24_ascii.txt", "popf", "nnnLc", 80, 24, true },
        { "tests/golden/tui_lockstep_120x40.txt", "popf", "nnnLc", 120, 40, false },
        { "tests/golden/tui_lockstep_160x45.txt", "twolevel", "nnnLx", 160, 45, false },
        { "tests/golden/tui_code_lines.txt", "mini", "nnnn1l", 80, 24, false },
        { "tests/golden/tui_rings_user.txt", "rings", "nnnnn", 80, 24, false },
        { "tests/golden/tui_help.txt", "popf", "?", 80, 24, false },
        { "tests/golden/tui_help_filtered.txt", "popf", "?step", 80, 24, false },
        { "tests/golden/tui_small.txt", "popf", "nnnnn", 60, 16, false },
        { "tests/golden/tui_tiny.txt", "popf", "nnnnn", 30, 8, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        open_world(&w, rows[i].scenario, rows[i].cols, rows[i].rows);
        w.app.frame.ascii = rows[i].ascii;
        press(&w, rows[i].keys);
        char *s = screen(&w);
        if (w.app.frame.clipped) fail_msg("%s: %u characters did not fit", rows[i].file, w.app.frame.clipped);
        golden_check(rows[i].file, s);
        free(s);
        close_world(&w);
    }
}

/* Every view, alone and among the others, at the model sizes and between: nothing is written beyond a pane, and in
 * ASCII nothing else is shown. */
static void test_nothing_clips(void **state)
{
    static const struct {
        int cols, rows;
    } sizes[] = {
        { 60, 16 },  { 79, 23 },  { 80, 24 },  { 100, 30 },  { 120, 40 },
        { 149, 50 }, { 150, 40 }, { 160, 45 }, { 300, 100 },
    };
    static const char *const views_keys[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "V", "1l", "1l", "1l", "2v", "2v", "2v" };
    static const char *const zooms[] = { "", "z", "z" };
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    w.app.frame.ascii = true;
    for (int step = 0; step < 7; step++, press(&w, "n"))
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            app_resize(&w.app, sizes[i].cols, sizes[i].rows);
            for (size_t k = 0; k < sizeof views_keys / sizeof views_keys[0]; k++)
                for (size_t z = 0; z < 3; z++) {
                    press(&w, views_keys[k]);
                    press(&w, zooms[z]);
                    if (w.app.frame.clipped)
                        fail_msg("step %d, %dx%d, keys %s%s: %u characters did not fit", step, sizes[i].cols,
                                 sizes[i].rows, views_keys[k], zooms[z], w.app.frame.clipped);
                    for (int c = 0; c < w.app.frame.cols * w.app.frame.rows; c++)
                        if (w.app.frame.cell[c].ch > 0x7E)
                            fail_msg("U+%04X on an ASCII screen", w.app.frame.cell[c].ch);
                }
        }
    close_world(&w);
}

/* The address view in every scenario about memory: whole walks, each reference, the TLBs; nothing clips, and looking leaves the
 * machine as it was. */
static void test_address(void **state)
{
    static const char *const scenarios[] = { "shadow", "twolevel", "pv_mmu", "mini" };
    static const struct {
        int cols, rows;
    } sizes[] = { { 60, 16 }, { 80, 24 }, { 120, 40 }, { 160, 45 } };
    static const char *const keys[] = { "4", "w", "w", "w", "W", "T", "jjjjk", "T", "@0,write,3<Enter>", "w", "@<Enter>", "www",
                                        "W" };
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct world w;
        open_world(&w, scenarios[i], 80, 24);
        press(&w, "nn");
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            uint64_t hash = machine_state_hash(w.machine);
            app_resize(&w.app, sizes[k].cols, sizes[k].rows);
            for (size_t n = 0; n < sizeof keys / sizeof keys[0]; n++) {
                press(&w, keys[n]);
                if (w.app.frame.clipped) fail_msg("%s at %dx%d: %u characters did not fit after %s", scenarios[i], sizes[k].cols,
                                                  sizes[k].rows, w.app.frame.clipped, keys[n]);
            }
            if (machine_state_hash(w.machine) != hash) fail_msg("%s: looking has changed the machine", scenarios[i]);
            press(&w, "x<Esc>");
        }
        close_world(&w);
    }
}

static void test_address_chosen(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "shadow", 80, 24);
    press(&w, "nn@page_directory,write,3<Enter>");
    expect_shows(&w, "0010A000 = dir 000");
    expect_shows(&w, "write ring 3");
    expect_shows(&w, "chosen with @");
    press(&w, "@page_directry<Enter>");
    expect_shows(&w, "did you mean page_directory?");
    press(&w, "@<Enter>");
    expect_shows(&w, "of the newest page fault");
    press(&w, "w");
    expect_shows(&w, "1 of 2: SPD[000] at MA");
    press(&w, "s");
    expect_shows(&w, "references on a miss"); /* a walk ends with the moment it was of */
    close_world(&w);
}

/* ---- what keys do ------------------------------------------------------------------------------------------------ */

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

static void test_find(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn/SILENT<Enter>");
    expect_shows(&w, "silent   popf");
    assert_false(shows(&w, "trap #GP"));
    press(&w, "/<Enter>");
    expect_shows(&w, "trap #GP");
    press(&w, "/zebra<Enter>");
    expect_shows(&w, "no event matches");
    close_world(&w);
}

/* The VMs: who is looked at stays looked at, wherever it is asked for, and the list says so. */
static void test_look_at(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "*");
    expect_shows(&w, "one guest here");
    close_world(&w);
    open_world(&w, "consolidate", 160, 45);
    press(&w, "nnn*");
    assert_int_equal(machine_looks_at(w.machine), 0);
    expect_shows(&w, "VM 0: what the panes show");
    press(&w, "*******");
    assert_int_equal(machine_looks_at(w.machine), 7);
    press(&w, "*");
    assert_int_equal(machine_looks_at(w.machine), -1);
    expect_shows(&w, "follow the VM that has the processor");
    close_world(&w);
}

/* Where the image has them, source lines: above what became of them, asked for or in a pane that has room. */
static void test_source_lines(void **state)
{
    struct world w;
    (void)state;
    if (!source_lines_built()) skip();
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnn");
    expect_shows(&w, "flags.S:");
    assert_false(shows(&w, "and dword ptr [esp], ~0x200"));
    press(&w, "l");
    expect_shows(&w, "and dword ptr [esp], ~0x200");
    press(&w, "l");
    assert_false(shows(&w, "and dword ptr [esp], ~0x200"));
    press(&w, "l<120x40><Home>glabel:kmain<Enter>");
    expect_shows(&w, "serial_init();");
    expect_shows(&w, "popf.c:");
    press(&w, "x"); /* the hypervisor's own code has none */
    assert_false(shows(&w, "popf.c:"));
    close_world(&w);
}

/* The dashboard: both machines at the moment of the screen; back and forward again is the same, also beyond what was kept; it parts where
 * compare does, and goes on when that is forgiven. */
static void test_lockstep(void **state)
{
    struct world w;
    struct text at[6] = { { 0 } };
    (void)state;
    open_world(&w, "popf", 120, 40);
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
    expect_shows(&w, "beside itself already");
    press(&w, ":lockstep nothing<Enter>");
    assert_null(w.app.pair);
    close_world(&w);
    open_world(&w, "isolate", 80, 24);
    press(&w, "nL");
    expect_shows(&w, "here are several");
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

/* d draws what belongs to the chosen view. */
static void test_figures(void **state)
{
    static const struct { const char *keys, *kind; } rows[] = { { "4d", "walk" }, { "5d", "timeline" }, { "7d", "topology" }, { "Vd", "topology" }, { "6d", "ladder" } };
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

/* Counting what passed between guests and devices goes back with the machine, and comes to the same. */
static void test_devices_go_back(void **state)
{
    static struct device_uses_log log; /* large */
    static struct device_uses anew;
    struct world w;
    (void)state;
    open_world(&w, "dev3", 80, 24);
    press(&w, "nnn");
    for (unsigned i = 0; i < 60; i++) {
        press(&w, i % 7 == 6 ? "<Home>" : i % 3 == 2 ? "XX" : i % 5 == 4 ? "n" : "xs");
        device_uses_follow(&log, w.machine);
        anew = (struct device_uses){ 0 };
        device_uses_count(&anew, w.machine);
        assert_int_equal(anew.n, log.now.n);
        for (unsigned k = 0; k < anew.n; k++) {
            const struct device_use *a = &anew.use[k], *b = &log.now.use[k];
            assert_int_equal(a->is.owner, b->is.owner);
            assert_memory_equal(a->accesses, b->accesses, sizeof a->accesses);
            assert_memory_equal(a->signals, b->signals, sizeof a->signals);
            assert_memory_equal(a->commands, b->commands, sizeof a->commands);
            assert_int_equal(a->real_signals, b->real_signals);
        }
        assert_memory_equal(anew.hypercalls, log.now.hypercalls, sizeof anew.hypercalls);
    }
    close_world(&w);
}

static void test_radix(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "popf", 80, 24);
    press(&w, "nnnnn");
    expect_shows(&w, "eax 00000202");
    press(&w, "v");
    expect_shows(&w, "eax           514");
    press(&w, "v");
    expect_shows(&w, "00000010 00000010");
    press(&w, "v");
    expect_shows(&w, "8 TF  trap");
    press(&w, "v");
    expect_shows(&w, "eax 00000202");
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
    press(&w, "d");
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

/* ---- tui_run with a script --------------------------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_machine), cmocka_unit_test(test_golden),        cmocka_unit_test(test_nothing_clips),
            cmocka_unit_test(test_address), cmocka_unit_test(test_address_chosen),
        cmocka_unit_test(test_step_and_back), cmocka_unit_test(test_exit_and_previous),
        cmocka_unit_test(test_lesson),        cmocka_unit_test(test_round_of_machines), cmocka_unit_test(test_question),
        cmocka_unit_test(test_goto),          cmocka_unit_test(test_find),
        cmocka_unit_test(test_radix), cmocka_unit_test(test_look_at), cmocka_unit_test(test_source_lines),
        cmocka_unit_test(test_devices_go_back), cmocka_unit_test(test_lockstep), cmocka_unit_test(test_units), cmocka_unit_test(test_export), cmocka_unit_test(test_colon_over), cmocka_unit_test(test_panes),
        cmocka_unit_test(test_speed), cmocka_unit_test(test_mouse), cmocka_unit_test(test_look_comes_back), cmocka_unit_test(test_figures),
                cmocka_unit_test(test_help),
        cmocka_unit_test(test_unknown_key),   cmocka_unit_test(test_draw),
        cmocka_unit_test(test_run_script),    cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
