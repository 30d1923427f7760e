/* Frames: one character is one column, whatever comes in; lines break where they should; ASCII has a twin for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tui/frame.h"

static void expect_text(struct frame *f, const char *expected)
{
    struct text t = { 0 };
    frame_text(f, &t);
    assert_string_equal(text_str(&t), expected);
    text_free(&t);
}

static void test_characters(void **state)
{
    static const struct {
        const char *in;
        uint32_t out;
        size_t bytes;
    } rows[] = {
        { "a", 'a', 1 },
        { "\303\251", 0xE9, 2 },
        { "\342\226\272", 0x25BA, 3 },
        { "\033[2J", ' ', 1 },
        { "\t", ' ', 1 },
        { "\302\205", ' ', 2 }, /* would steer */
        { "\357\274\241", '?', 3 },
        { "\314\201", '?', 2 },
        { "\360\237\230\200", '?', 4 }, /* wide, combining */
        { "\377", '?', 1 },
        { "\303", '?', 1 },
        { "\300\200", '?', 1 }, /* broken, overlong */
        { "\355\240\200", '?', 3 },
        { "", 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *s = rows[i].in;
        uint32_t ch = frame_next(&s);
        if (ch != rows[i].out || (size_t)(s - rows[i].in) != rows[i].bytes)
            fail_msg("row %zu: U+%04X after %zu bytes", i, ch, (size_t)(s - rows[i].in));
    }
}

static void test_put_and_fit(void **state)
{
    struct frame f = { 0 };
    (void)state;
    frame_size(&f, 8, 3);
    struct pane p = pane_of(&f, (struct rect){ 1, 0, 6, 2 });
    assert_int_equal(pane_put(&p, 0, 0, 0, "abc"), 3);
    assert_int_equal(pane_fit(&p, 0, 1, 4, 0, "abcdef"), 4);
    assert_int_equal(f.clipped, 0);
    pane_put(&p, 4, 0, 0, "xyz");
    assert_int_equal(f.clipped, 1);
    expect_text(&f, " abc xy\n abc\342\200\246\n\n");
    pane_fit(&p, 0, 7, 4, 0, "below");
    pane_fit(&p, 9, 0, 4, 0, "beside");
    assert_int_equal(f.clipped, 1);
    frame_free(&f);
}

static void test_box(void **state)
{
    struct frame f = { .ascii = true };
    (void)state;
    frame_size(&f, 24, 3);
    struct pane p = pane_box(&f, (struct rect){ 0, 0, 24, 3 }, 0, "1 Code", "Intel");
    assert_int_equal(p.at.w, 22);
    pane_put(&p, 0, 0, 0, "\342\226\272\302\267\342\224\202");
    expect_text(&f, "+- 1 Code ----- Intel -+\n|>.|                   |\n+----------------------+\n");
    frame_free(&f);
}

static void test_tiny_boxes(void **state)
{
    (void)state;
    for (int w = 0; w < 12; w++)
        for (int h = 0; h < 5; h++) {
            struct frame f = { 0 };
            frame_size(&f, 10, 4);
            pane_box(&f, (struct rect){ 0, 0, w, h }, 0, "a long title", "remark");
            assert_int_equal(f.clipped, 0);
            frame_free(&f);
        }
}

struct lines {
    char s[8][32];
    int n;
};
static void add_line(void *self, int i, const char *s, int n)
{
    struct lines *l = self;
    assert_int_equal(i, l->n);
    memcpy(l->s[l->n], s, (size_t)n);
    l->s[l->n++][n] = 0;
}

static void test_wrap(void **state)
{
    static const struct {
        const char *text;
        int w;
        const char *line[5];
    } rows[] = {
        { "one two three", 8, { "one two", "three" } },
        { "one two three", 7, { "one two", "three" } },
        { "onetwothree", 4, { "onet", "woth", "ree" } },
        { "a\n\nb", 9, { "a", "", "b" } },
        { "", 5, { NULL } },
        { "ab", 0, { "a", "b" } },
        { "\303\251\303\251 \303\251", 2, { "\303\251\303\251", "\303\251" } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lines l = { .n = 0 };
        int n = frame_wrap(rows[i].text, rows[i].w, add_line, &l);
        int expected = 0;
        while (expected < 5 && rows[i].line[expected]) expected++;
        if (n != expected) fail_msg("row %zu: %d lines", i, n);
        for (int k = 0; k < n; k++) assert_string_equal(l.s[k], rows[i].line[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters), cmocka_unit_test(test_put_and_fit), cmocka_unit_test(test_box),
        cmocka_unit_test(test_tiny_boxes), cmocka_unit_test(test_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
