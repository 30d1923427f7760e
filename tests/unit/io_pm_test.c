/* ACPI fixed hardware: the timer's rate and width, status and SCI, soft off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/pm.h"

#define HZ 3800000000u
enum { STATUS = PM_BASE, ENABLE = PM_BASE + 2, CONTROL = PM_BASE + 4, TIMER = PM_BASE + 8, HALF = 1 << 23 };

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct timeq queue;
static struct pm    pm;
static struct { bool sci; unsigned off; } pins;

static void on_sci(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    pins.sci = level;
}
static void on_off(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    pins.off += level;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(&pins, 0, sizeof pins);
    clk.hz = HZ;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    pm_init(&pm, &queue, (struct irq_line){ on_sci, NULL, 0 }, (struct irq_line){ on_off, NULL, 0 });
    assert_true(pm_attach(&pm, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static uint64_t cycle_of(uint64_t count) { return count / PM_HZ * HZ + (count % PM_HZ * HZ + PM_HZ - 1) / PM_HZ; }
static void run_to(uint64_t cycle)
{
    while (timeq_next(&queue) <= cycle) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    clk.now = cycle;
}

static void timer_counts(void **state)
{
    (void)state;
    static const struct { uint64_t count; uint32_t want; } rows[] = {
        { 0, 0 }, { 1, 1 }, { PM_HZ, PM_HZ }, { 0xFFFFFF, 0xFFFFFF }, { 0x1000000, 0 }, { 0x123456789AB, 0x6789AB } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        clk.now = cycle_of(rows[i].count);
        assert_int_equal(bus_in(&bus, TIMER, 4), rows[i].want);
        assert_int_equal(bus_in(&bus, TIMER + 1, 1), rows[i].want >> 8 & 0xFF);
        if (!rows[i].count) continue;
        clk.now--;
        assert_int_equal(bus_in(&bus, TIMER, 4), (rows[i].want - 1) & 0xFFFFFF);
    }
}

static void timer_status(void **state)
{
    (void)state;
    clk.now = cycle_of(HALF) - 1;
    assert_int_equal(bus_in(&bus, STATUS, 2), 0);
    clk.now++;
    assert_int_equal(bus_in(&bus, STATUS, 2), 1);
    bus_out(&bus, STATUS, 2, 0xFFFE); /* zeros keep */
    assert_int_equal(bus_in(&bus, STATUS, 2), 1);
    bus_out(&bus, STATUS, 2, 1);
    assert_int_equal(bus_in(&bus, STATUS, 2), 0);
    assert_false(pins.sci);
}

static void interrupt(void **state)
{
    (void)state;
    bus_out(&bus, ENABLE, 2, 0xFFFF);
    assert_int_equal(bus_in(&bus, ENABLE, 2), 0x0521);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER); /* SCI_EN is off */
    bus_out(&bus, CONTROL, 2, 1);
    run_to(cycle_of(HALF) - 1);
    assert_false(pins.sci);
    run_to(cycle_of(HALF));
    assert_true(pins.sci);
    bus_out(&bus, STATUS, 1, 1);
    assert_false(pins.sci);
    run_to(cycle_of(2 * HALF));
    assert_true(pins.sci);
    bus_out(&bus, CONTROL, 2, 0);
    assert_false(pins.sci);
    bus_out(&bus, CONTROL, 2, 1);
    assert_true(pins.sci);
    pm.device.ops->reset(&pm.device);
    assert_false(pins.sci);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void soft_off(void **state)
{
    (void)state;
    static const struct { uint16_t port; unsigned size; uint32_t value; unsigned off; uint16_t control; } rows[] = {
        { CONTROL, 2, 0x0001, 0, 0x0001 }, { CONTROL, 2, 0x3C01, 0, 0x1C01 }, /* another sleep type */
        { CONTROL, 2, 0x0001, 0, 0x0001 }, { CONTROL, 1, 0x00, 0, 0x0000 },
        { CONTROL, 2, 0x2001, 1, 0x0001 }, { CONTROL + 1, 1, 0x20, 2, 0x0001 }, /* SLP_EN reads as zero */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bus_out(&bus, rows[i].port, rows[i].size, rows[i].value);
        assert_int_equal(pins.off, rows[i].off);
        assert_int_equal(bus_in(&bus, CONTROL, 2), rows[i].control);
    }
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    bus_out(&bus, ENABLE, 2, 1);
    bus_out(&bus, CONTROL, 2, 1);
    clk.now = cycle_of(HALF);
    struct pm before = pm;
    assert_int_equal(pm.device.ops->peek(&pm.device, 0, 2), 1);
    assert_memory_equal(&before, &pm, sizeof before);
    assert_false(pins.sci);
}

/* Firmware moves the ports, or has them decoded no longer. */
static void ports_move(void **state)
{
    (void)state;
    uint8_t config[256] = { [0x40] = 0x01, [0x41] = 0x06, [0x80] = 1 };
    bus_out(&bus, ENABLE, 2, 0x20);
    pm_configured(&pm, config);
    assert_int_equal(bus_in(&bus, ENABLE, 2), 0xFFFF);
    assert_int_equal(bus_in(&bus, 0x602, 2), 0x20);
    config[0x80] = 0;
    pm_configured(&pm, config);
    assert_int_equal(bus_in(&bus, 0x602, 2), 0xFFFF);
    config[0x41] = 0xB0, config[0x80] = 1;
    pm_configured(&pm, config);
    assert_int_equal(bus_in(&bus, ENABLE, 2), 0x20);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(timer_counts), T(timer_status), T(interrupt), T(soft_off), T(looking_changes_nothing), T(ports_move) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
