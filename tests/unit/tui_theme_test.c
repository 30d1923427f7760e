/* Themes: every role can be read, and told apart without colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "tui/theme.h"

/* The relative luminance of an entry of the 256-colour cube (16..231), as WCAG 2.1 defines it. */
static double luminance(int index)
{
    static const int level[6] = { 0, 95, 135, 175, 215, 255 };
    static const double weight[3] = { 0.2126, 0.7152, 0.0722 };
    int part[3] = { (index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6 };
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double v = level[part[i]] / 255.0;
        sum += weight[i] * (v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(double a, double b) { return (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05); }

static void test_contrast(void **state)
{
    static const struct {
        enum theme theme;
        double paper, least;
    } rows[] = {
        { THEME_LIGHT, 1, 4.5 },
        { THEME_DARK, 0, 4.5 },
        { THEME_PROJECTOR, 1, 4.5 },
        { THEME_AUTO, 0, 3.0 }, /* must do on either; what carries meaning is also bold or has a sign */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned r = 0; r < ROLE_COUNT; r++) {
            struct style s = theme_style(rows[i].theme, r, 256);
            if (s.fg < 0) continue;
            assert_in_range(s.fg, 16, 231);
            double c = contrast(luminance(s.fg), rows[i].paper);
            if (c < rows[i].least) fail_msg("theme %s, role %u: contrast %.2f", theme_name(rows[i].theme), r, c);
        }
}

/* Only the projector's theme paints its own paper, and uses no more than black and two colours on it. */
static void test_projector(void **state)
{
    int colours[8], n = 0;
    (void)state;
    for (unsigned r = 0; r < ROLE_COUNT; r++) {
        struct style s = theme_style(THEME_PROJECTOR, r, 256);
        int k = 0;
        assert_int_equal(s.bg, 231);
        while (k < n && colours[k] != s.fg) k++;
        if (k == n) colours[n++] = s.fg;
        for (unsigned t = 0; t < THEME_PROJECTOR; t++) assert_int_equal(theme_style(t, r, 256).bg, -1);
    }
    assert_in_range(n, 1, 3);
}

static void test_few_colours(void **state)
{
    static const int counts[] = { 8, 16, 88, 1 << 24 };
    (void)state;
    for (unsigned t = 0; t < THEME_COUNT; t++)
        for (unsigned r = 0; r < ROLE_COUNT; r++) {
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
                assert_in_range(theme_style(t, r, counts[i]).fg + 1, 0, 8);
                assert_in_range(theme_style(t, r, counts[i]).bg + 1, 0, 8);
            }
            struct style mono = theme_style(t, r, 0);
            assert_int_equal(mono.fg, -1);
            assert_int_equal(mono.bg, -1);
        }
}

static void test_mono_tells_apart(void **state)
{
    static const unsigned marked[] = { ROLE_TITLE, ROLE_FOCUS, ROLE_CHANGED, ROLE_NOW, ROLE_WARN, ROLE_KEY };
    (void)state;
    for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++)
        assert_int_not_equal(theme_style(THEME_MONO, marked[i], 256).attr,
                             theme_style(THEME_MONO, ROLE_PLAIN, 256).attr);
}

static void test_names(void **state)
{
    (void)state;
    for (int t = 0; t < THEME_COUNT; t++) assert_int_equal(theme_find(theme_name((unsigned)t)), t);
    assert_int_equal(theme_find("pink"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contrast),         cmocka_unit_test(test_projector), cmocka_unit_test(test_few_colours),
        cmocka_unit_test(test_mono_tells_apart), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
