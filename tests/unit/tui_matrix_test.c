/* Every view at three sizes, with symbols and in ASCII, in two themes: what the frame holds, as hashes, and that a terminal shows just that.
 *
 * tests/golden/tui_matrix.txt has a line for each. Numbers are masked before hashing, so that a figure of the machine may change and only
 * words, places and looks are held. To see one: ringside tui popf --term 80x24 --keys nnnnn4 [--ascii]. The program on a pseudo-terminal
 * (libvterm) is ./ringside, or what RINGSIDE names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "sim/core/err.h"
#include "tests/support/golden.h"
#include "tests/support/tui_world.h"
#include "tests/support/vterm.h"
#include "tests/support/sanitized.h"

enum { PATIENCE = 30000 /* milliseconds until we give up */, ROUND = 20 };

static const struct { int cols, rows; } sizes[] = { { 80, 24 }, { 120, 40 }, { 160, 45 } };
static const struct { const char *name, *keys; } shown[] = {
    { "code", "1" },  { "cpu", "2" },     { "rings", "3" }, { "address", "4" }, { "cycles", "5" },  { "events", "6" },
    { "devices", "7" }, { "note", "8" },  { "serial", "9" }, { "ladder", "0" }, { "vms", "V" }, { "lines", "1l" }, { "lockstep", "L" }, { "lecture", "<Esc>P" }, { "help", "<Esc>?" },
};
enum { SHOWN = sizeof shown / sizeof shown[0] };

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 1099511628211u; }

static bool is_number(uint32_t ch) { return (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'F') || ch == ',' || ch == '.'; }

/* A run of digits, whatever its length, and the blanks beside it are one thing. */
static uint64_t looks(const struct frame *f, unsigned theme)
{
    uint64_t h = 14695981039346656037u;
    for (int y = 0; y < f->rows; y++) {
        bool number = false;
        for (int x = 0; x < f->cols; x++) {
            const struct cell *c = &f->cell[y * f->cols + x];
            struct style s = theme_style(theme, c->role, 256);
            if (c->ch == ' ' && !((s.attr | c->attr) & ATTR_REVERSE)) continue;
            if (is_number(c->ch) && number) continue;
            number = is_number(c->ch);
            h = mix(mix(mix(h, number ? '0' : c->ch), s.attr | c->attr), (uint64_t)(s.fg + 1) << 16 | (uint64_t)(s.bg + 1));
        }
        h = mix(h, '\n');
    }
    return h;
}

static void test_every_view(void **state)
{
    struct text all = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int ascii = 0; ascii < 2; ascii++) {
            struct world w;
            open_world(&w, "popf", sizes[i].cols, sizes[i].rows);
            w.app.frame.ascii = ascii;
            press(&w, "nnnnn");
            for (size_t k = 0; k < SHOWN; k++) {
                press(&w, shown[k].keys);
                if (w.app.frame.clipped) fail_msg("%s at %dx%d: %u characters did not fit", shown[k].name, sizes[i].cols, sizes[i].rows,
                                                  w.app.frame.clipped);
                text_add(&all, "%-8s %3dx%d %-7s light %016llx mono %016llx\n", shown[k].name, sizes[i].cols, sizes[i].rows,
                         ascii ? "ascii" : "unicode", (unsigned long long)looks(&w.app.frame, THEME_LIGHT),
                         (unsigned long long)looks(&w.app.frame, THEME_MONO));
            }
            close_world(&w);
        }
    golden_check("tests/golden/tui_matrix.txt", text_str(&all));
    text_free(&all);
}

/* Until the terminal shows what the frame says. */
static void same_there(struct vt *t, const char *expected, const char *what, int cols, int rows)
{
    struct text seen = { 0 };
    for (int waited = 0; waited < PATIENCE; waited += ROUND) {
        text_clear(&seen);
        vt_screen(t, &seen);
        if (!strcmp(text_str(&seen), expected)) {
            text_free(&seen);
            return;
        }
        vt_quiet(t, ROUND);
    }
    print_error("%s\n", text_str(&seen));
    text_free(&seen);
    fail_msg("%s at %dx%d is shown otherwise than it was made", what, cols, rows);
}

static void test_terminal_shows_it(void **state)
{
    const char *p = getenv("RINGSIDE"), *program = p && *p ? p : "./ringside";
    (void)state;
    for (size_t i = SANITIZED; i < sizeof sizes / sizeof sizes[0]; i += ONE_IN(2))
        for (int ascii = 0; ascii < 2; ascii++) {
            const char *const argv[] = { program, "tui", "popf", "--theme", i ? "mono" : "light", ascii ? "--ascii" : NULL, NULL };
            struct world w;
            open_world(&w, "popf", sizes[i].cols, sizes[i].rows);
            w.app.frame.ascii = ascii;
            struct vt *t = vt_start(argv, NULL, sizes[i].cols, sizes[i].rows);
            assert_true(vt_wait(t, "Press n", PATIENCE));
            press(&w, "nnnnn");
            vt_type(t, "nnnnn");
            for (size_t k = 0; k + 2 < SHOWN; k++) {
                press(&w, shown[k].keys);
                vt_type(t, shown[k].keys);
                char *expected = screen(&w);
                same_there(t, expected, shown[k].name, sizes[i].cols, sizes[i].rows);
                free(expected);
            }
            vt_type(t, "Lq"); /* out of the dashboard, out of the program */
            assert_int_equal(vt_end(t, PATIENCE), EXIT_GOOD);
            assert_true(vt_restored(t));
            vt_free(t);
            close_world(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_view), cmocka_unit_test(test_terminal_shows_it) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
