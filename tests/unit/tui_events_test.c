/* The view Events where it is small: nothing is cut, and Enter goes to what is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "tests/support/tui_world.h"

enum { COLS = 80, ROWS = 24 };

static const struct rect *events_pane(const struct world *w)
{
    for (unsigned i = 0; i < w->app.layout.panes; i++)
        if (w->app.layout.pane[i].view == VIEW_EVENTS) return &w->app.layout.pane[i].at;
    return NULL;
}

/* Row `y` of the pane's inside, as text. */
static void row_of(const struct world *w, int y, char *to)
{
    const struct rect *r = events_pane(w);
    assert_non_null(r);
    for (int x = 1; x < r->w - 1; x++) {
        uint32_t ch = w->app.frame.cell[(r->y + 1 + y) * w->app.frame.cols + r->x + x].ch;
        *to++ = ch == 0x2026 ? '~' : ch < 0x7F ? (char)ch : '#';
    }
    *to = 0;
}

/* In every step of these scenarios: no line but the uppermost event's may be cut, however long it is. */
static void test_nothing_is_cut(void **state)
{
    static const char *const scenarios[] = { "trap", "shadow", "popf", "pv", "section" };
    unsigned wrapped = 0;
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct world w;
        open_world(&w, scenarios[i], COLS, ROWS);
        for (unsigned s = 0; s < 5 + (i == 0 ? 2 : 0); s++) {
            bool begun = false;
            press(&w, "n<Esc>");
            for (int y = 0; events_pane(&w) && y < events_pane(&w)->h - 2; y++) {
                char row[COLS + 1];
                row_of(&w, y, row);
                bool head = row[3] != ' ' || row[4] != ' ';
                wrapped += !head && row[8] != ' ';
                if (strchr(row, '~') && begun) fail_msg("%s, step %u: cut: %s", scenarios[i], s + 1, row);
                begun |= !head || y > 0;
            }
        }
        close_world(&w);
    }
    assert_true(wrapped > 4);
}

/* Scrolled, Enter goes to the lowest event on the screen, also where visits are folded. */
static void test_follow(void **state)
{
    struct world w;
    char row[COLS + 1], go[32];
    (void)state;
    open_world(&w, "trap", COLS, ROWS);
    press(&w, "nnnnnnn<Esc>6kkk");
    row_of(&w, events_pane(&w)->h - 3, row);
    unsigned lowest = (unsigned)strtoul(row, NULL, 10);
    assert_true(lowest > 0);
    press(&w, "<Enter>");
    uint64_t here = machine_insns(w.machine);
    snprintf(go, sizeof go, "<End>g%u<Enter>", lowest);
    press(&w, go);
    assert_int_equal(machine_insns(w.machine), here);
    close_world(&w);
}

/* What comes again and again in a row is one line, which says how often. */
static void test_repeats(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "isolate", COLS, ROWS);
    press(&w, "nnn<Esc>6z");
    expect_shows(&w, "raise    line 0 (virtual)  x ");
    expect_shows(&w, "vm4 died");
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_is_cut), cmocka_unit_test(test_follow), cmocka_unit_test(test_repeats) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
