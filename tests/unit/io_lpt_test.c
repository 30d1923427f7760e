/* The parallel ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/lpt.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct lpt   lpt;
static char         paper[16];

static void print(void *self, uint8_t byte)
{
    (void)self;
    size_t n = strlen(paper);
    if (n + 1 < sizeof paper) paper[n] = (char)byte;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(paper, 0, sizeof paper);
    bus_init(&bus, NULL, 0, &clk, &arena);
    lpt_init(&lpt, (struct serial_sink){ print, NULL });
    assert_true(lpt_attach(&lpt, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Each row: a byte written to a register, and all that is on paper afterwards. */
static void strobe_prints(void **state)
{
    (void)state;
    static const struct { uint16_t port; uint8_t value; const char *paper; } rows[] = {
        { 0x378, 'a', "" },    { 0x37A, 0x0C, "" },   { 0x37A, 0x0D, "a" },   { 0x37A, 0x0D, "a" }, /* its edge counts */
        { 0x37A, 0x0C, "a" },  { 0x378, 'b', "a" },   { 0x37A, 0x0D, "ab" },  { 0x3BC, 'c', "ab" },
        { 0x3BE, 0x05, "abc" }, { 0x3BE, 0x00, "abc" }, { 0x3BE, 0x01, "abc" }, /* held in reset */
        { 0x379, 0xFF, "abc" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bus_out(&bus, rows[i].port, 1, rows[i].value);
        if (strcmp(paper, rows[i].paper)) fail_msg("row %u: %s", i, paper);
    }
}

static void registers(void **state)
{
    (void)state;
    bus_out(&bus, 0x378, 1, 0x5A);
    bus_out(&bus, 0x37A, 1, 0xFF);
    assert_int_equal(bus_in(&bus, 0x378, 1), 0x5A);
    assert_int_equal(bus_in(&bus, 0x379, 1), 0xDF);
    assert_int_equal(bus_in(&bus, 0x37A, 1), 0xFF); /* bits 7-5 read ones */
    assert_int_equal(bus_in(&bus, 0x3BE, 1), 0xE4);
    assert_int_equal(bus_in(&bus, 0x378, 2), 0xDF5A);
    assert_int_equal(bus_in(&bus, 0x37B, 1), 0xFF); /* nobody */
    bus_out(&bus, 0x378, 4, 0x00010041);            /* data, status, control */
    assert_int_equal(lpt.unit[1].data, 0x41);
    lpt.device.ops->reset(&lpt.device);
    assert_int_equal(bus_in(&bus, 0x37A, 1), 0xE4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(strobe_prints), T(registers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
