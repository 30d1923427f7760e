/* Colours of causes: no two alike, neighbours in a bar told apart, words on them readable (WCAG 2: 4.5 to 1). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/chart.h"
#include "sim/trace/cause.h"

static void channels(const char *colour, double rgb[3])
{
    unsigned long v = strtoul(colour + 1, NULL, 16);
    for (unsigned i = 0; i < 3; i++) rgb[i] = (double)(v >> (16 - 8 * i) & 0xFF) / 255;
}

static double luminance(const char *colour)
{
    double rgb[3];
    channels(colour, rgb);
    for (unsigned i = 0; i < 3; i++) rgb[i] = rgb[i] <= 0.03928 ? rgb[i] / 12.92 : pow((rgb[i] + 0.055) / 1.055, 2.4);
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
}

static double contrast(const char *a, const char *b)
{
    double x = luminance(a) + 0.05, y = luminance(b) + 0.05;
    return x > y ? x / y : y / x;
}

static double apart(const char *a, const char *b)
{
    double x[3], y[3], sum = 0;
    channels(a, x), channels(b, y);
    for (unsigned i = 0; i < 3; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(sum);
}

static void no_two_causes_look_alike(void **state)
{
    (void)state;
    const struct chart_theme *t = chart_theme("light");
    for (unsigned a = 1; a < CAUSE_COUNT; a++)
        for (unsigned b = a + 1; b < CAUSE_COUNT; b++)
            if (apart(chart_cause(t, a), chart_cause(t, b)) < (b == a + 1 ? 0.25 : 0.12)) fail_msg("%s looks like %s", cause_name(a), cause_name(b));
}

static void words_can_be_read(void **state)
{
    (void)state;
    static const char *const themes[] = { "light", "mono" };
    for (unsigned i = 0; i < 2; i++)
        for (unsigned c = 0; c < CAUSE_COUNT; c++) {
            const struct chart_theme *t = chart_theme(themes[i]);
            if (contrast(chart_cause(t, c), chart_on_cause(t, c)) < 4.5 && c) fail_msg("%s: words on %s", themes[i], cause_name(c));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_two_causes_look_alike), cmocka_unit_test(words_can_be_read) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
