/* The ladder's layout: which rows, between which lanes, what folds, what stands where; and what exporters promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim/trace/trace.h"
#include "sim/trace/trace_ladder.h"

static const char *const ops[] = { "?", "cli", "out", "popf" };
static const char *const fields[] = { "IF" };

static uint64_t cycle;

static int names(void **state)
{
    (void)state;
    trace_names("mnemonic", ops, 4);
    trace_names("field", fields, 1);
    return 0;
}

static struct trace *begin(void)
{
    cycle = 1000;
    struct trace *t = trace_new();
    trace_bind(t, (struct trace_now){ .cycle = &cycle });
    return t;
}

static const struct ladder_options te = { .kernel_ring = 1, .hypervisor = true };
static const struct ladder_options native = { .kernel_ring = 0 };

/* One exit from ring `from` for `vector`, with one emulated `op`, lasting 300 cycles; 6 events. */
static uint32_t visit(struct trace *t, uint8_t from, uint8_t vector, uint8_t op, uint32_t value)
{
    struct event fault = { .kind = EV_FAULT, .ring = from, .u.FAULT = { .vector = vector } };
    uint32_t gate = TRACE(t, GATE, trace_emit(t, &fault), .vector = vector, .from = from, .to = 0);
    cycle += 100;
    uint32_t exit = TRACE(t, EXIT, gate, .vector = vector);
    trace_episode(t, exit);
    TRACE(t, EMULATE, exit, .op = op, .value = value);
    cycle += 200;
    uint32_t resume = TRACE(t, RESUME, exit, .to = from, .target = 0x1000);
    TRACE(t, RETURN, resume, .from = 0, .to = from);
    trace_episode(t, 0);
    cycle += 50;
    return exit;
}

static void check_row(const struct ladder *l, uint32_t i, unsigned shape, unsigned from, unsigned to, const char *label)
{
    assert_in_range(i, 0, l->rows - 1);
    assert_int_equal(l->row[i].shape, shape);
    assert_int_equal(l->row[i].from, from);
    assert_int_equal(l->row[i].to, to);
    assert_string_equal(l->row[i].label, label);
}

static void test_visit(void **state)
{
    (void)state;
    struct trace *t = begin();
    visit(t, 1, 13, 1, 0);
    struct ladder *l = ladder_new(t, &te);
    assert_int_equal(l->rows, 3);
    check_row(l, 0, LADDER_ARROW, LANE_KERNEL, LANE_VMM, "cli #GP(0)");
    check_row(l, 1, LADDER_NOTE, LANE_VMM, LANE_VMM, "IF := 0");
    check_row(l, 2, LADDER_ARROW, LANE_VMM, LANE_KERNEL, "resume");
    assert_int_equal(l->row[0].id, 1);    /* the fault is part of the exit's arrow */
    assert_int_equal(l->row[0].cycle, 1000);
    assert_int_equal(l->row[2].last, 6);  /* the hypervisor's IRET is part of the resume's */
    assert_int_equal(l->bands, 1);
    assert_int_equal(l->band[0].cost, 300);
    assert_int_equal(l->curves, 0);
    assert_true(ladder_in_band(l, 2));
    ladder_free(l);
    trace_free(t);
}

/* Within a visit equal notes in a row are one, and its count is not that of visits; another visit's are its own. */
static void test_fold_notes(void **state)
{
    (void)state;
    struct trace *t = begin();
    uint32_t first = 0, last = 0;
    for (unsigned n = 10; n <= 12; n += 2) {
        uint32_t exit = TRACE(t, EXIT, 0, .vector = (uint8_t)n);
        trace_episode(t, exit);
        for (unsigned i = 0; i < n; i++) {
            last = TRACE(t, RAISE, exit, .line = 0, .virtual_ = 1);
            if (!i && n == 10) first = last;
        }
        TRACE(t, RAISE, exit, .line = 1, .virtual_ = 1);
        TRACE(t, RAISE, exit, .line = 0, .virtual_ = 1);
        trace_episode(t, 0);
        cycle += 50;
    }
    struct ladder *l = ladder_new(t, &te);
    assert_int_equal(l->rows, 8);
    check_row(l, 1, LADDER_NOTE, LANE_VMM, LANE_VMM, "virtual IRQ 0 x 10");
    check_row(l, 2, LADDER_NOTE, LANE_VMM, LANE_VMM, "virtual IRQ line 1");
    check_row(l, 3, LADDER_NOTE, LANE_VMM, LANE_VMM, "virtual IRQ line 0");
    check_row(l, 5, LADDER_NOTE, LANE_VMM, LANE_VMM, "virtual IRQ 0 x 12");
    assert_int_equal(l->row[1].id, first);
    assert_int_equal(l->row[1].last, first + 9);
    assert_int_equal(l->row[1].count, 1);
    assert_int_equal(l->row[5].last, last);
    ladder_free(l);
    trace_free(t);
}

/* Visits that raise the same line, once and more often, are alike; what they share of the words stays. */
static void test_fold_counted(void **state)
{
    (void)state;
    struct trace *t = begin();
    for (unsigned n = 1; n <= 10; n += 9) {
        trace_episode(t, TRACE(t, EXIT, 0, .vector = 13));
        for (unsigned i = 0; i < n; i++) TRACE(t, RAISE, 0, .line = 3, .virtual_ = 1);
        trace_episode(t, 0);
        cycle += 50;
    }
    struct ladder *l = ladder_new(t, &te);
    assert_int_equal(l->rows, 2);
    check_row(l, 1, LADDER_NOTE, LANE_VMM, LANE_VMM, "virtual IRQ 3 ..");
    ladder_free(l);
    trace_free(t);
}

static void test_fold(void **state)
{
    (void)state;
    struct trace *t = begin();
    for (uint32_t i = 0; i < 64; i++) visit(t, 1, 13, 2, i);
    visit(t, 1, 13, 1, 0);
    visit(t, 3, 13, 1, 0); /* another lane: another thing */
    struct ladder *l = ladder_new(t, &te);
    assert_int_equal(l->rows, 9);
    check_row(l, 0, LADDER_ARROW, LANE_KERNEL, LANE_VMM, "out #GP(0) x 64");
    check_row(l, 1, LADDER_NOTE, LANE_VMM, LANE_VMM, "out: ..");
    check_row(l, 3, LADDER_ARROW, LANE_KERNEL, LANE_VMM, "cli #GP(0)");
    check_row(l, 6, LADDER_ARROW, LANE_USER, LANE_VMM, "cli #GP(0)");
    check_row(l, 8, LADDER_ARROW, LANE_VMM, LANE_USER, "resume");
    assert_int_equal(l->row[0].count, 64);
    assert_int_equal(l->band[0].cost, 64 * 300);
    assert_int_equal(l->bands, 3);
    assert_int_equal(l->row[2].last, 64 * 6);
    ladder_free(l);
    trace_free(t);
}

static void test_silent_and_cause(void **state)
{
    (void)state;
    struct trace *t = begin();
    struct event s = { .kind = EV_SILENT, .ring = 1, .u.SILENT = { .op = 3, .wanted = 0, .got = 1 } };
    uint32_t silent = trace_emit(t, &s);
    uint32_t line = TRACE(t, RAISE, 0, .line = 0);
    struct event q = { .kind = EV_IRQ, .ring = 1, .cause = line, .u.IRQ = { .vector = 0x20 } };
    uint32_t gate = TRACE(t, GATE, trace_emit(t, &q), .vector = 0x20, .from = 1);
    uint32_t exit = TRACE(t, EXIT, gate, .vector = 0x20);
    trace_episode(t, exit);
    uint32_t inject = TRACE(t, INJECT, silent, .vector = 0x20, .external = 1, .target = 0x2000);
    TRACE(t, RESUME, inject, .to = 1, .target = 0x2000);
    trace_episode(t, 0);
    struct ladder *l = ladder_new(t, &te);
    assert_int_equal(l->rows, 4);
    check_row(l, 0, LADDER_SILENT, LANE_KERNEL, LANE_VMM, "popf: no trap");
    assert_string_equal(l->row[0].detail, "IF wanted 0, got 1");
    check_row(l, 1, LADDER_ARROW, LANE_DEVICE, LANE_VMM, "IRQ line 0");
    check_row(l, 2, LADDER_ARROW, LANE_KERNEL, LANE_VMM, "irq 20h");
    check_row(l, 3, LADDER_ARROW, LANE_VMM, LANE_KERNEL, "inject irq 20h"); /* and its resume */
    assert_true(l->row[3].twin);
    assert_int_equal(l->curves, 2);
    assert_int_equal(l->curve[0].from, 1); /* line -> irq, past its own fault and gate */
    assert_int_equal(l->curve[0].to, 2);
    assert_int_equal(l->curve[1].from, 0); /* silent -> inject, as recorded */
    assert_int_equal(l->curve[1].to, 3);
    ladder_free(l);
    trace_free(t);
}

static void test_native(void **state)
{
    (void)state;
    struct trace *t = begin();
    for (int i = 0; i < 3; i++) {
        struct event call = { .kind = EV_INT, .ring = 3, .u.INT = { .vector = 0x80 } };
        TRACE(t, GATE, trace_emit(t, &call), .vector = 0x80, .from = 3, .to = 0, .target = 0x3000);
        cycle += 10;
        TRACE(t, RETURN, 0, .from = 0, .to = 3, .target = 0x8000);
    }
    TRACE(t, RAISE, 0, .line = 4);
    uint32_t fault = TRACE(t, FAULT, 0, .vector = 6);
    TRACE(t, GATE, fault, .vector = 6, .from = 0, .to = 0); /* ring 0 to ring 0: no lane is left */
    TRACE(t, FAULT, 0, .vector = 8);                        /* never delivered */
    struct ladder *l = ladder_new(t, &native);
    assert_false(l->has[LANE_VMM]);
    assert_int_equal(l->rows, 5);
    check_row(l, 0, LADDER_ARROW, LANE_USER, LANE_KERNEL, "int 80h x 3");
    check_row(l, 1, LADDER_ARROW, LANE_KERNEL, LANE_USER, "return");
    check_row(l, 2, LADDER_ARROW, LANE_DEVICE, LANE_KERNEL, "IRQ line 4");
    check_row(l, 3, LADDER_NOTE, LANE_KERNEL, LANE_KERNEL, "#UD");
    check_row(l, 4, LADDER_NOTE, LANE_KERNEL, LANE_KERNEL, "#DF(0)");
    assert_int_equal(l->bands, 0);
    ladder_free(l);
    trace_free(t);
}

static void test_range_and_limit(void **state)
{
    (void)state;
    struct trace *t = begin();
    visit(t, 1, 13, 1, 0);
    visit(t, 3, 13, 1, 0);
    visit(t, 1, 13, 2, 5);
    static const struct { uint32_t from, to; unsigned max; uint32_t rows; const char *last; } cases[] = {
        { 0, 0, 0, 9, "resume" }, { 7, 12, 0, 3, "resume" }, { 7, 10, 0, 2, "IF := 0" }, { 0, 0, 4, 4, "6 more rows" },
        { 0, 0, 9, 9, "resume" }, { 0, 0, 1, 1, "9 more rows" }, { 4, 6, 0, 2, "resume" }, { 2, 3, 0, 1, "cli #GP(0)" },
        { 13, 99, 0, 3, "resume" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ladder_options o = te;
        o.from = cases[i].from, o.to = cases[i].to, o.max_rows = cases[i].max;
        struct ladder *l = ladder_new(t, &o);
        assert_int_equal(l->rows, cases[i].rows);
        assert_string_equal(l->row[l->rows - 1].label, cases[i].last);
        ladder_free(l);
    }
    trace_free(t);
}

/* No two rows, and no row and the frame, may touch; labels fit their gaps even at 12 % more width. */
static void test_places(void **state)
{
    (void)state;
    struct trace *t = begin();
    visit(t, 1, 13, 1, 0);
    cycle = 123456789012345;
    visit(t, 3, 14, 2, 0xFFFFFFFF);
    TRACE(t, DIE, 0, .vector = 13);
    struct ladder *l = ladder_new(t, &te);
    for (uint32_t i = 0; i < l->rows; i++) {
        const struct ladder_row *r = &l->row[i];
        assert_true(r->y > (i ? r[-1].y + 25 : l->top));
        assert_true(r->y < l->bottom);
        int width = (int)strlen(r->label) * 945 / 100; /* 14 px * 0.602 * 1.12 */
        if (r->shape == LADDER_NOTE) assert_true(12 + ladder_note_width(r) < l->x[LANE_VMM] - l->x[LANE_KERNEL]);
        else if (r->shape == LADDER_ARROW) assert_true(width < l->x[LANE_VMM] - l->x[LANE_KERNEL] - 8);
    }
    for (uint32_t i = 1; i < l->bands; i++) assert_true(l->band[i].y0 > l->band[i - 1].y1);
    assert_true(l->time_x > 24 + 19 * 7); /* room for 123,456,789,012,645 */
    assert_true(l->time_x < l->x[LANE_USER] - 80);
    assert_true(l->bottom < l->height);
    ladder_free(l);
    trace_free(t);
}

static size_t columns(const char *line, size_t n)
{
    size_t c = 0;
    for (size_t i = 0; i < n; i++) c += ((unsigned char)line[i] & 0xC0) != 0x80;
    return c;
}

static void test_text_fits(void **state)
{
    (void)state;
    static const struct { uint64_t start; bool ascii; const struct ladder_options *o; } cases[] = {
        { 0, false, &te }, { 0, true, &te }, { 123456789012345, false, &te }, { 123456789012345, true, &native },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trace *t = begin();
        cycle = cases[i].start;
        visit(t, 3, 13, 1, 0);
        for (uint32_t k = 0; k < 9; k++) visit(t, 1, 13, 2, k);
        TRACE(t, RAISE, 0, .line = 255, .virtual_ = 1);
        TRACE(t, RAISE, 0, .line = 255);
        struct event s = { .kind = EV_SILENT, .ring = 1, .u.SILENT = { .op = 3, .wanted = 0x3000, .got = 0x1202 } };
        trace_emit(t, &s);
        struct ladder_options o = *cases[i].o;
        o.caption = "a \xc2\xb7 b";
        struct ladder *l = ladder_new(t, &o);
        struct text out = { 0 };
        ladder_text(l, cases[i].ascii, &out);
        for (const char *p = text_str(&out); *p; p += strcspn(p, "\n") + 1) {
            size_t n = strcspn(p, "\n");
            assert_in_range(columns(p, n), 0, 80);
            assert_true(!n || p[n - 1] != ' ');
            for (size_t k = 0; k < n; k++) assert_true(!cases[i].ascii || (unsigned char)p[k] < 0x80);
        }
        assert_non_null(strstr(text_str(&out), "out #GP(0) x 9"));
        text_free(&out);
        ladder_free(l);
        trace_free(t);
    }
}

static const char *hostile(void *self, uint32_t eip, char *buf, size_t n)
{
    (void)self, (void)eip, (void)buf, (void)n;
    return "<a&\"b\\\xc3\xa9\n>";
}

static void test_hostile_words(void **state)
{
    (void)state;
    struct trace *t = begin();
    visit(t, 1, 13, 1, 0);
    struct ladder_options o = te;
    o.symbol = hostile;
    o.title = "</title><script>\"\\";
    struct ladder *l = ladder_new(t, &o);
    struct text svg = { 0 }, dot = { 0 };
    ladder_svg(l, &svg);
    ladder_dot(l, &dot);
    assert_null(strstr(text_str(&svg), "<script>"));
    assert_null(strstr(text_str(&svg), "<a&"));
    assert_non_null(strstr(text_str(&svg), "to &lt;a&amp;&quot;b\\\?\?\?&gt;"));
    assert_non_null(strstr(text_str(&dot), "\"to <a&\\\"b\\\\\?\?\?>\""));
    assert_non_null(strstr(text_str(&svg), "id=\"ev1\""));
    assert_null(strstr(text_str(&svg), "foreignObject"));
    text_free(&svg);
    text_free(&dot);
    ladder_free(l);
    trace_free(t);
}

static void test_empty(void **state)
{
    (void)state;
    struct trace *t = begin();
    struct ladder_options o = native;
    o.theme = "no such theme";
    struct ladder *l = ladder_new(t, &o);
    struct text out = { 0 };
    assert_int_equal(l->rows, 0);
    ladder_svg(l, &out);
    ladder_dot(l, &out);
    ladder_text(l, true, &out);
    assert_non_null(strstr(text_str(&out), "guest kernel"));
    assert_null(strstr(text_str(&out), "hypervisor"));
    text_free(&out);
    ladder_free(l);
    trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visit), cmocka_unit_test(test_fold), cmocka_unit_test(test_fold_notes), cmocka_unit_test(test_fold_counted),
        cmocka_unit_test(test_silent_and_cause),
        cmocka_unit_test(test_native), cmocka_unit_test(test_range_and_limit), cmocka_unit_test(test_places),
        cmocka_unit_test(test_text_fits), cmocka_unit_test(test_hostile_words), cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, names, NULL);
}
