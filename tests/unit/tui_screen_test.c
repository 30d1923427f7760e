/* Screens of real lessons, made without a terminal and compared as text: every view at its sizes.
 *
 * No view may write beyond its pane at the sizes it is made for. Golden files hold the text; colours are in
 * tui_terminal_test.c, where there is a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "tests/support/golden.h"
#include "tests/support/tui_world.h"
#include "sim/device_use.h"
#include "tests/support/sanitized.h"

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
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i += ONE_IN(3)) {
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
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i += ONE_IN(4)) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_nothing_clips),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_address_chosen),
        cmocka_unit_test(test_radix),
        cmocka_unit_test(test_source_lines),
        cmocka_unit_test(test_look_at),
        cmocka_unit_test(test_devices_go_back),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
