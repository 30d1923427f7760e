/* The layout, at every size: panes lie inside the screen, never overlap, and nothing is lost at 80x24. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tui/layout.h"

enum { COLS = 200, ROWS = 70 };

struct found {
    struct rect r[VIEW_COUNT + 3];
    unsigned n;
    int area;
};

/* Fails if a rectangle is outside, or shares a cell with one that was found before. */
static void take(struct found *f, int cols, int rows, struct rect r)
{
    if (r.h == 0 || r.w == 0) return;
    if (r.x < 0 || r.y < 0 || r.w < 0 || r.h < 0 || r.x + r.w > cols || r.y + r.h > rows)
        fail_msg("%dx%d: a rectangle %d,%d %dx%d lies outside", cols, rows, r.x, r.y, r.w, r.h);
    for (unsigned i = 0; i < f->n; i++) {
        struct rect o = f->r[i];
        if (r.x < o.x + o.w && o.x < r.x + r.w && r.y < o.y + o.h && o.y < r.y + r.h)
            fail_msg("%dx%d: rectangles at %d,%d and %d,%d overlap", cols, rows, o.x, o.y, r.x, r.y);
    }
    f->r[f->n++] = r;
    f->area += r.w * r.h;
}

static void check(int cols, int rows, const struct layout_wish *wish)
{
    struct found f = { .n = 0 };
    struct layout l;
    layout_make(&l, cols, rows, wish);
    take(&f, cols, rows, l.title);
    take(&f, cols, rows, l.timeline);
    take(&f, cols, rows, l.keys);
    for (unsigned i = 0; i < l.panes; i++) {
        take(&f, cols, rows, l.pane[i].at);
        if (l.pane[i].at.w < 3 || l.pane[i].at.h < 3)
            fail_msg("%dx%d: view %u has no inside", cols, rows, l.pane[i].view);
    }
    if (l.kind == LAYOUT_TINY) return;
    if (!layout_shows(&l, wish->focus)) fail_msg("%dx%d: the chosen view %u is not shown", cols, rows, wish->focus);
    assert_int_equal(f.area, cols * rows); /* nothing is left empty */
}

static void test_every_size(void **state)
{
    (void)state;
    for (int cols = 1; cols <= COLS; cols++)
        for (int rows = 1; rows <= ROWS; rows++)
            for (unsigned k = 0; k < 2 * VIEW_COUNT; k++)
                check(cols, rows, &(struct layout_wish){ k / 2, k % 2, (int)(k % 5), (cols + rows) % 2, k % 3 == 0 });
}

/* The model screen: the places of design 5.1. */
static void test_model(void **state)
{
    static const struct {
        unsigned view;
        struct rect at;
    } model[] = {
        { VIEW_CODE, { 0, 1, 50, 10 } },    { VIEW_CPU, { 50, 1, 30, 10 } }, { VIEW_RINGS, { 0, 11, 30, 7 } },
        { VIEW_EVENTS, { 30, 11, 50, 7 } }, { VIEW_NOTE, { 0, 18, 80, 4 } },
    };
    struct layout l;
    (void)state;
    layout_make(&l, 80, 24, &(struct layout_wish){ VIEW_CODE, false, 2, false, false });
    assert_int_equal(l.panes, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(l.pane[i].view, model[i].view);
        assert_memory_equal(&l.pane[i].at, &model[i].at, sizeof(struct rect));
    }
    assert_int_equal(l.timeline.y, 22);
    assert_int_equal(l.keys.y, 23);
    layout_make(&l, 80, 24, &(struct layout_wish){ VIEW_CODE, false, 3, false, false });
    assert_int_equal(l.pane[4].at.h, 5); /* three lines of note, when the lesson needs them */
}

static void test_kinds(void **state)
{
    static const struct {
        int cols, rows;
        enum layout_kind kind;
        unsigned panes;
    } rows[] = {
        { 1, 1, LAYOUT_TINY, 0 },         { 59, 70, LAYOUT_TINY, 0 },   { 200, 15, LAYOUT_TINY, 0 },
        { 60, 16, LAYOUT_SINGLE, 1 },     { 79, 70, LAYOUT_SINGLE, 1 }, { 200, 23, LAYOUT_SINGLE, 1 },
        { 80, 24, LAYOUT_STEP, 5 },       { 119, 70, LAYOUT_STEP, 5 },  { 200, 39, LAYOUT_STEP, 5 },
        { 120, 40, LAYOUT_WIDE, 6 },      { 149, 70, LAYOUT_WIDE, 6 },  { 150, 40, LAYOUT_DASHBOARD, 8 },
        { 160, 45, LAYOUT_DASHBOARD, 8 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct layout l;
        layout_make(&l, rows[i].cols, rows[i].rows, &(struct layout_wish){ VIEW_CODE, false, 2, false, false });
        if (l.kind != rows[i].kind || l.panes != rows[i].panes)
            fail_msg("%dx%d: kind %d with %u panes", rows[i].cols, rows[i].rows, l.kind, l.panes);
    }
}

/* A view without a place at this size takes that of all but the note. */
static void test_elsewhere(void **state)
{
    struct layout l;
    (void)state;
    layout_make(&l, 80, 24, &(struct layout_wish){ VIEW_ADDRESS, false, 2, false, false });
    assert_int_equal(l.panes, 2);
    assert_true(layout_shows(&l, VIEW_NOTE));
    layout_make(&l, 80, 24, &(struct layout_wish){ VIEW_ADDRESS, true, 2, false, false });
    assert_int_equal(l.panes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
