/* The debug ports, and the set of devices as a board: who answers where, which wire goes to which input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/devices.h"

static struct arena   arena;
static struct clock   clk;
static struct bus     bus;
static struct timeq   queue;
static struct devices set;
static struct { uint32_t value[8]; unsigned calls; } stopped;
static struct { char text[32]; unsigned length; } serial, console;
static bool intr;

static void on_stop(void *self, uint32_t value)
{
    assert_ptr_equal(self, &stopped);
    stopped.value[stopped.calls++ & 7] = value;
}
static void on_serial(void *self, uint8_t byte)
{
    (void)self;
    serial.text[serial.length++ & 31] = (char)byte;
}
static void on_console(void *self, uint8_t byte)
{
    (void)self;
    console.text[console.length++ & 31] = (char)byte;
}
static void on_intr(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    intr = level;
}

static const struct devices_wiring wiring = {
    .intr = { on_intr, NULL, 0 }, .serial = { on_serial, NULL }, .console = { on_console, NULL },
    .stop = on_stop, .stop_self = &stopped, .apics = true, .remaps = true,
};

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(&stopped, 0, sizeof stopped);
    memset(&serial, 0, sizeof serial);
    memset(&console, 0, sizeof console);
    clk.hz = 3800000000u;
    intr = false;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    struct err e = { 0 };
    assert_true(devices_init(&set, &bus, &queue, &wiring, &e));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void exit_port(void **state)
{
    (void)state;
    bus_out(&bus, 0xF4, 4, 0);
    bus_out(&bus, 0xF4, 4, 0xDEADBEEF);
    bus_out(&bus, 0xF4, 1, 0x07);
    bus_out(&bus, 0xF5, 1, 0x09); /* its neighbours mean nothing */
    assert_int_equal(stopped.calls, 3);
    assert_int_equal(stopped.value[0], 0);
    assert_int_equal(stopped.value[1], 0xDEADBEEF);
    assert_int_equal(stopped.value[2], 7);
    assert_int_equal(bus_in(&bus, 0xF4, 4), UINT32_MAX);
    assert_int_equal(set.exit.written, 1);
    set.exit.stop = NULL;
    bus_out(&bus, 0xF4, 1, 1); /* nobody cares: no harm */
    assert_int_equal(set.exit.value, 1);
}

static void console_port(void **state)
{
    (void)state;
    assert_int_equal(in(0xE9), 0xE9);
    for (const char *p = "hello"; *p; p++) out(0xE9, (uint8_t)*p);
    assert_string_equal(console.text, "hello");
    assert_int_equal(set.console.last, 'o');
    assert_int_equal(serial.length, 0);
}

static void set_is_complete(void **state)
{
    (void)state;
    static const char *const names[] = { "pic", "pit", "uart", "exit", "console", "vga", "kbc", "port92", "post", "cmos", "pci", "pm", "ide", "dma", "coprocessor", "lpt",
                                         "lapic", "ioapic", "iommu" };
    assert_int_equal(set.count, sizeof names / sizeof names[0]);
    for (unsigned i = 0; i < set.count; i++) {
        assert_string_equal(set.list[i].name, names[i]);
        const struct device_ops *ops = devices_find(&set, names[i])->ops;
        assert_true(ops->regs && ops->reset && ops->read && ops->write && ops->peek);
    }
    assert_null(devices_find(&set, "disk"));
    struct err e = { 0 };
    static struct devices second;
    assert_false(devices_init(&second, &bus, &queue, &wiring, &e)); /* the ports are taken */
    assert_int_equal(e.code, EXIT_BUG);
}

static void program_pics(void)
{
    static const uint8_t rows[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 },
                                       { 0xA0, 0x11 }, { 0xA1, 0x28 }, { 0xA1, 2 }, { 0xA1, 1 } };
    for (unsigned i = 0; i < 8; i++) out(rows[i][0], rows[i][1]);
}

static void wires_reach_the_controller(void **state)
{
    (void)state;
    program_pics();
    out(0x43, 0x34), out(0x40, 100), out(0x40, 0);
    assert_false(intr); /* OUT0 was high from power-on: programming a periodic mode is no tick */
    clk.now = timeq_next(&queue);
    while (!intr) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    assert_int_equal(pic_ack(&set.pic), 0x20);
    out(0x20, 0x20);
    out(0x21, 0xEF);
    out(0x3FC, 0x08);
    out(0x3F9, 0x01);
    uart_receive(&set.uart, '!');
    assert_int_equal(pic_ack(&set.pic), 0x24);
    assert_int_equal(in(0x3F8), '!');
}

static void serial_line_is_capped(void **state)
{
    (void)state;
    out(0x3F8, 'A');
    assert_int_equal(timeq_next(&queue), clk.now + DEVICES_CHAR_CYCLES);
    clk.now = timeq_next(&queue);
    timeq_run(&queue);
    assert_string_equal(serial.text, "A");
}

static void reset_all(void **state)
{
    (void)state;
    program_pics();
    out(0x43, 0x34), out(0x40, 100), out(0x40, 0);
    out(0x3FF, 0x55);
    out(0xE9, 'x');
    bus_out(&bus, 0xF4, 1, 3);
    devices_reset(&set);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
    assert_int_equal(in(0x3FF), 0);
    assert_int_equal(set.pic.chip[0].ready, 0);
    assert_int_equal(set.exit.written, 0);
    assert_int_equal(set.console.last, 0);
}

/* Power-on draws no events although it moves wires. */
static void power_on_is_no_event(void **state)
{
    (void)state;
    struct devices_wiring w = wiring;
    w.trace = trace_new();
    w.is_virtual = true;
    bus_init(&bus, NULL, 0, &clk, &arena);
    assert_true(devices_init(&set, &bus, &queue, &w, NULL));
    assert_int_equal(trace_count(w.trace), 0);
    assert_true(set.pic.is_virtual);
    trace_free(w.trace);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(exit_port), T(console_port), T(set_is_complete), T(wires_reach_the_controller), T(serial_line_is_capped),
        T(reset_all), T(power_on_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
