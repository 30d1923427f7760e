/* The real-time clock: the calendar in all its forms, updates, alarms and periodic interrupts at exact cycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/cmos.h"

#define HZ 3800000000u
#define MB (1024u * 1024)

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct timeq queue;
static struct cmos  cmos;
static struct { bool level; unsigned rises; uint64_t last_rise; } irq8;

static void on_irq8(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    if (level && !irq8.level) irq8.rises++, irq8.last_rise = clk.now;
    irq8.level = level;
}

static uint8_t in(uint8_t reg)
{
    bus_out(&bus, 0x70, 1, reg);
    return (uint8_t)bus_in(&bus, 0x71, 1);
}
static void out(uint8_t reg, uint8_t v)
{
    bus_out(&bus, 0x70, 1, reg);
    bus_out(&bus, 0x71, 1, v);
}

static void start(uint32_t epoch, uint64_t memory)
{
    memset(&clk, 0, sizeof clk);
    memset(&irq8, 0, sizeof irq8);
    clk.hz = HZ;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    cmos_init(&cmos, &queue, (struct irq_line){ on_irq8, NULL, 0 }, epoch, memory);
    assert_true(cmos_attach(&cmos, &bus, NULL));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 4 << 20);
    start(946684800, 64 * MB);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void run_to(uint64_t cycle)
{
    while (timeq_next(&queue) <= cycle) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    clk.now = cycle;
}
static uint64_t cycle_of(uint64_t pulse) { return pulse / CMOS_HZ * HZ + (pulse % CMOS_HZ * HZ + CMOS_HZ - 1) / CMOS_HZ; }

/* Seconds, minutes, hours, weekday, day, month, year, century as registers. */
static const uint8_t order[8] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };

static void epochs(void **state)
{
    (void)state;
    static const struct { uint32_t epoch; uint8_t want[8]; } rows[] = {
        { 0,          { 0x00, 0x00, 0x00, 5, 0x01, 0x01, 0x70, 0x19 } },
        { 946684800,  { 0x00, 0x00, 0x00, 7, 0x01, 0x01, 0x00, 0x20 } },
        { 951827696,  { 0x56, 0x34, 0x12, 3, 0x29, 0x02, 0x00, 0x20 } },
        { 1735689599, { 0x59, 0x59, 0x23, 3, 0x31, 0x12, 0x24, 0x20 } },
        { 4107542400, { 0x00, 0x00, 0x00, 2, 0x01, 0x03, 0x00, 0x21 } }, /* 2100 has no 29 February */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(rows[i].epoch, 64 * MB);
        for (unsigned r = 0; r < 8; r++)
            if (in(order[r]) != rows[i].want[r]) fail_msg("epoch %u, register %X: %X", rows[i].epoch, order[r], in(order[r]));
    }
}

/* One second later, in every form of the registers. */
static void seconds(void **state)
{
    (void)state;
    static const struct { uint8_t b, from[7], to[7]; } rows[] = {
        { 0x02, { 0x09, 0x59, 0x23, 1, 0x01, 0x01, 0x24 }, { 0x10, 0x59, 0x23, 1, 0x01, 0x01, 0x24 } },
        { 0x02, { 0x59, 0x09, 0x23, 1, 0x01, 0x01, 0x24 }, { 0x00, 0x10, 0x23, 1, 0x01, 0x01, 0x24 } },
        { 0x02, { 0x59, 0x59, 0x19, 1, 0x01, 0x01, 0x24 }, { 0x00, 0x00, 0x20, 1, 0x01, 0x01, 0x24 } },
        { 0x02, { 0x59, 0x59, 0x23, 7, 0x28, 0x02, 0x24 }, { 0x00, 0x00, 0x00, 1, 0x29, 0x02, 0x24 } },
        { 0x02, { 0x59, 0x59, 0x23, 7, 0x28, 0x02, 0x23 }, { 0x00, 0x00, 0x00, 1, 0x01, 0x03, 0x23 } },
        { 0x02, { 0x59, 0x59, 0x23, 2, 0x30, 0x04, 0x23 }, { 0x00, 0x00, 0x00, 3, 0x01, 0x05, 0x23 } },
        { 0x02, { 0x59, 0x59, 0x23, 2, 0x31, 0x12, 0x99 }, { 0x00, 0x00, 0x00, 3, 0x01, 0x01, 0x00 } },
        { 0x06, { 59, 59, 23, 2, 31, 12, 99 }, { 0, 0, 0, 3, 1, 1, 0 } },
        { 0x00, { 0x59, 0x59, 0x11, 1, 0x01, 0x01, 0x24 }, { 0x00, 0x00, 0x92, 1, 0x01, 0x01, 0x24 } }, /* 12 PM */
        { 0x00, { 0x59, 0x59, 0x92, 1, 0x01, 0x01, 0x24 }, { 0x00, 0x00, 0x81, 1, 0x01, 0x01, 0x24 } },
        { 0x00, { 0x59, 0x59, 0x91, 1, 0x01, 0x01, 0x24 }, { 0x00, 0x00, 0x12, 2, 0x02, 0x01, 0x24 } }, /* 12 AM */
        { 0x04, { 59, 59, 12, 1, 1, 1, 24 }, { 0, 0, 1, 1, 1, 1, 24 } },
        { 0x04, { 59, 59, 0x8B, 1, 1, 1, 24 }, { 0, 0, 12, 2, 2, 1, 24 } },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out(CMOS_B, 0x80 | rows[i].b);
        for (unsigned r = 0; r < 7; r++) out(order[r], rows[i].from[r]);
        out(CMOS_B, rows[i].b);
        clk.now += HZ;
        for (unsigned r = 0; r < 7; r++)
            if (in(order[r]) != rows[i].to[r]) fail_msg("row %u, register %X: %X", i, order[r], in(order[r]));
    }
}

static void update_in_progress(void **state)
{
    (void)state;
    run_to(cycle_of(CMOS_HZ - 74));
    assert_int_equal(in(CMOS_A), 0x26);
    run_to(cycle_of(CMOS_HZ - 73));
    assert_int_equal(in(CMOS_A), 0xA6);
    run_to(cycle_of(CMOS_HZ) - 1);
    assert_int_equal(in(CMOS_A), 0xA6);
    assert_int_equal(in(0), 0);
    assert_int_equal(in(CMOS_C), 0x40);
    run_to(cycle_of(CMOS_HZ));
    assert_int_equal(in(CMOS_A), 0x26);
    assert_int_equal(in(0), 1);
    assert_int_equal(in(CMOS_C), 0x50); /* UF, and PF: the rate is 1024 Hz; not IRQF, nothing is enabled */
    assert_int_equal(in(CMOS_C), 0);
}

static void set_stops_updates(void **state)
{
    (void)state;
    out(CMOS_B, 0x92);
    assert_int_equal(in(CMOS_B), 0x82); /* SET takes UIE away */
    run_to(5ull * HZ);
    assert_int_equal(in(0), 0);
    assert_int_equal(in(CMOS_C) & 0x10, 0);
    out(CMOS_B, 0x02);
    run_to(6ull * HZ);
    assert_int_equal(in(0), 1);
}

static void divider(void **state)
{
    (void)state;
    out(CMOS_A, 0x76); /* held in reset */
    run_to(10ull * HZ);
    assert_int_equal(in(0), 0);
    assert_int_equal(in(CMOS_A), 0x76);
    out(CMOS_A, 0x26);
    run_to(10ull * HZ + HZ / 2 - 1000000);
    assert_int_equal(in(0), 0);
    run_to(10ull * HZ + HZ / 2);
    assert_int_equal(in(0), 1); /* half a second after it was let go */
    run_to(11ull * HZ + HZ / 2);
    assert_int_equal(in(0), 2);
}

static void periodic(void **state)
{
    (void)state;
    static const struct { uint8_t rate; uint32_t hz; } rows[] = {
        { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 10, 64 }, { 15, 2 }, { 0, 0 } };
    out(CMOS_B, 0x42);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out(CMOS_A, 0x20 | rows[i].rate);
        in(CMOS_C);
        uint64_t begun = clk.now, end = begun + HZ;
        irq8.rises = 0;
        while (timeq_next(&queue) <= end) {
            run_to(timeq_next(&queue));
            assert_true(irq8.level);
            assert_int_equal(in(CMOS_C) & 0xC0, 0xC0);
            assert_false(irq8.level);
        }
        run_to(end);
        if (irq8.rises != rows[i].hz) fail_msg("rate %u: %u interrupts", rows[i].rate, irq8.rises);
    }
}

static void update_interrupt(void **state)
{
    (void)state;
    out(CMOS_B, 0x12);
    run_to(3ull * HZ);
    assert_int_equal(irq8.rises, 1); /* until register C is read, there is no other */
    assert_int_equal(irq8.last_rise, HZ);
    assert_int_equal(in(CMOS_C), 0xD0);
    assert_int_equal(timeq_next(&queue), 4ull * HZ);
    run_to(4ull * HZ);
    assert_int_equal(irq8.rises, 2);
}

static void alarm(void **state)
{
    (void)state;
    static const struct { uint8_t sec, min, hour; unsigned first, second; } rows[] = {
        { 0x05, 0x00, 0x00, 5, 86405 }, { 0x05, 0xFF, 0xFF, 5, 65 }, { 0xC0, 0xFF, 0xFF, 1, 2 },
        { 0x00, 0x02, 0xFF, 120, 3720 }, { 0x30, 0x00, 0xC1, 30, 3630 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(946684800, 64 * MB);
        out(1, rows[i].sec), out(3, rows[i].min), out(5, rows[i].hour);
        out(CMOS_B, 0x22);
        run_to((uint64_t)rows[i].first * HZ - 1);
        if (irq8.rises) fail_msg("row %u: too early", i);
        run_to((uint64_t)rows[i].first * HZ);
        assert_int_equal(irq8.rises, 1);
        assert_int_equal(in(CMOS_C) & 0xB0, 0xB0);
        run_to((uint64_t)rows[i].second * HZ - 1);
        if (irq8.rises != 1) fail_msg("row %u: again too early", i);
        run_to((uint64_t)rows[i].second * HZ);
        assert_int_equal(irq8.rises, 2);
    }
}

static uint32_t word(uint8_t at) { return in(at) | (uint32_t)in((uint8_t)(at + 1)) << 8; }

static void setup_of_memory(void **state)
{
    (void)state;
    static const struct { uint64_t bytes; uint32_t base, above1, above16; } rows[] = {
        { 1 * MB, 640, 0, 0 }, { 2 * MB, 640, 1024, 0 }, { 16 * MB, 640, 15360, 0 }, { 64 * MB, 640, 64512, 768 },
        { 128 * MB, 640, 65535, 1792 }, { 2048ull * MB, 640, 65535, 32512 }, { 512 * 1024, 512, 0, 0 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(0, rows[i].bytes);
        assert_int_equal(word(0x15), rows[i].base);
        assert_int_equal(word(0x17), rows[i].above1);
        assert_int_equal(word(0x30), rows[i].above1);
        assert_int_equal(word(0x34), rows[i].above16);
        unsigned sum = 0;
        for (uint8_t n = 0x10; n < 0x2E; n++) sum += in(n);
        assert_int_equal(sum & 0xFFFF, in(0x2E) << 8 | in(0x2F));
    }
}

static void setup_of_disks(void **state)
{
    (void)state;
    static const uint8_t first[] = { 0x57, 0x02, 5, 0xFF, 0xFF, 0xC0, 0x57, 0x02, 17 },
                         second[] = { 0xFF, 0x3F, 16, 0xFF, 0xFF, 0xC8, 0xFF, 0x3F, 63 };
    start(0, 64 * MB);
    assert_int_equal(in(0x12), 0);
    cmos_note_disk(&cmos, 0, 599, 5, 17);
    assert_int_equal(in(0x12), 0xF0);
    cmos_note_disk(&cmos, 1, 16383, 16, 63);
    assert_int_equal(in(0x12), 0xFF);
    assert_int_equal(word(0x19), 47 << 8 | 47);
    assert_int_equal(in(0x39), 4); /* the second one is translated */
    for (uint8_t i = 0; i < 9; i++) {
        assert_int_equal(in((uint8_t)(0x1B + i)), first[i]);
        assert_int_equal(in((uint8_t)(0x24 + i)), second[i]);
    }
    unsigned sum = 0;
    for (uint8_t n = 0x10; n < 0x2E; n++) sum += in(n);
    assert_int_equal(sum & 0xFFFF, in(0x2E) << 8 | in(0x2F));
}

static void ports(void **state)
{
    (void)state;
    assert_int_equal(bus_in(&bus, 0x70, 1), 0xFF);
    out(0x8F, 0x0A); /* the shutdown byte, with NMI masked */
    assert_true(cmos_nmi_masked(&cmos));
    assert_int_equal(in(CMOS_SHUTDOWN), 0x0A);
    assert_false(cmos_nmi_masked(&cmos));
    out(0x7F, 0x77);
    assert_int_equal(in(0x7F), 0x77);
    out(CMOS_D, 0x00);
    assert_int_equal(in(CMOS_D), 0x80); /* the battery is good, whatever is written */
    out(CMOS_B, 0x72);
    run_to(HZ);
    assert_true(irq8.level);
    cmos.device.ops->reset(&cmos.device);
    assert_false(irq8.level);
    assert_int_equal(in(CMOS_B), 0x02);
    assert_int_equal(in(CMOS_SHUTDOWN), 0x0A);
    assert_int_equal(in(0), 1);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    out(CMOS_B, 0x52);
    in(CMOS_C);
    clk.now = 2ull * HZ;
    struct cmos before = cmos;
    for (uint32_t offset = 0; offset < 2; offset++) cmos.device.ops->peek(&cmos.device, offset, 1);
    assert_int_equal(cmos.device.ops->peek(&cmos.device, 1, 1), 0xD0);
    assert_memory_equal(&before, &cmos, sizeof before);
    assert_false(irq8.level);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(epochs), T(seconds), T(update_in_progress), T(set_stops_updates), T(divider), T(periodic), T(update_interrupt),
        T(alarm), T(setup_of_memory), T(setup_of_disks), T(ports), T(looking_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
