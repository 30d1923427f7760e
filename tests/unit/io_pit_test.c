/* The 8254: the data sheet's waveforms, the arithmetic that skips time, exact edges on IRQ0, port 61h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/pit.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct timeq queue;
static struct pit   pit;
static struct { bool level; unsigned rises, falls; uint64_t last_rise; } irq0;

static void on_irq0(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    irq0.level = level;
    irq0.rises += level;
    irq0.falls += !level;
    if (level) irq0.last_rise = clk.now;
}

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    clk.hz = 3800000000u;
    clk.now = 123456789;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    pit_init(&pit, &queue, (struct irq_line){ on_irq0, NULL, 0 });
    memset(&irq0, 0, sizeof irq0);
    irq0.level = true;
    assert_true(pit_attach(&pit, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* Lets time pass as the machine does: from deadline to deadline. */
static void run_to(uint64_t cycle)
{
    while (timeq_next(&queue) <= cycle) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    clk.now = cycle;
}

/* ceil(pulse * hz / PIT_HZ), for small products. */
static uint64_t cycle_of(uint64_t pulse) { return (pulse * clk.hz + PIT_HZ - 1) / PIT_HZ; }
static uint64_t pulse_now(void) { return clk.now * PIT_HZ / clk.hz; }

/* A waveform of the data sheet: what is done, then the count and OUT after each pulse. Actions between pulses:
 * w<hex> writes a byte to the counter, g/G gate low/high; numbers are counts, with '_' after them if OUT is low. */
static const struct { uint8_t control; const char *script; } waveforms[] = {
    { 0x10, "w4 4_ 3_ 2_ 1_ 0 ffff fffe" },
    { 0x10, "w3 3_ 2_ g 2_ 2_ G 1_ 0 ffff" },
    { 0x10, "w3 3_ 2_ 1_ w2 2_ 1_ 0 ffff" },
    { 0x10, "g w3 3_ 3_ G 2_ 1_ 0" },
    { 0x30, "w3 w0 3_ 2_ w2 2_ 2_ w0 2_ 1_ 0" },
    { 0x30, "w1 w0 1_ 0 w2 0_ 0_ w0 2_ 1_ 0" },
    { 0x12, "g w3 G 3_ 2_ 1_ 0 ffff g G 3_ 2_" },
    { 0x12, "g w3 G 3_ 2_ g G 3_ 2_ 1_ 0" },
    { 0x12, "g w2 G 2_ 1_ 0 w4 ffff fffe g G 4_ 3_" },
    { 0x14, "w3 3 2 1_ 3 2 1_ 3" },
    { 0x14, "w3 3 2 g 2 2 G 3 2 1_ 3" },
    { 0x14, "w4 4 3 w5 2 1_ 5 4 3" },
    { 0x14, "w3 3 2 1_ g 1 1 G 3 2" },
    { 0x14, "w2 2 1_ 2 1_ 2" },
    { 0x14, "w1 1 1 1 w2 2 1_ 2" },
    { 0x16, "w4 4 2 4_ 2_ 4 2 4_ 2_ 4 2" },
    { 0x16, "w5 4 2 0 4_ 2_ 4 2 0 4_ 2_" },
    { 0x16, "w4 4 2 4_ 2_ 4 2 4_ g 4 4 4 G 4 2 4_ 2_" },
    { 0x16, "w4 4 w6 2 6_ 4_ 2_ 6 4" },
    { 0x16, "w1 0 0 0 w2 2 2_ 2" },
    { 0x18, "w3 3 2 1 0_ ffff fffe fffd" },
    { 0x18, "w3 3 g 3 3 3 G 2 1 0_ ffff" },
    { 0x18, "w3 3 2 w2 2 1 0_ ffff" },
    { 0x1A, "g w3 G 3 2 1 0_ ffff g G 3 2 1 0_ ffff" },
    { 0x1A, "g w3 G 3 2 g G 3 2 1 0_ ffff" },
    { 0x11, "w3 3_ 2_ 1_ 0 9999 9998" }, /* BCD */
    { 0x15, "w12 12 11 10 9" },
    { 0x1E, "w4 4 2 4_ 2_ 4" },          /* mode 7 is 3 */
    { 0x2C, "w1 100 ff fe" },            /* high byte only; mode 6 is 2 */
};

static unsigned digit(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10); }

static void play(uint8_t control, const char *script)
{
    struct counter c = { .at = 1000 };
    counter_init(&c, true);
    counter_control(&c, control);
    for (const char *p = script; *p;) {
        if (*p == ' ') p++;
        else if (*p == 'g' || *p == 'G') counter_gate(&c, *p++ == 'G');
        else {
            bool write = *p == 'w';
            unsigned value = 0;
            for (p += write; *p && *p != ' ' && *p != '_'; p++) value = value * 16 + digit(*p);
            bool low = *p == '_';
            p += low;
            if (write) {
                counter_write(&c, (uint8_t)value);
                continue;
            }
            counter_run(&c, c.at + 1);
            struct counter look = c;
            look.control |= 0x30; /* low, then high byte */
            unsigned seen = counter_read(&look);
            seen |= (unsigned)counter_read(&look) << 8;
            if (seen != value || c.out == low)
                fail_msg("%X \"%s\": at \"%s\" count %X out %u", control, script, p, seen, c.out);
        }
    }
}

static void data_sheet_waveforms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof waveforms / sizeof *waveforms; i++) play(waveforms[i].control, waveforms[i].script);
}

/* Jumping over time must end where single pulses end, whatever is done in between. */
static void skipping_equals_counting(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (unsigned round = 0; round < 400; round++) {
        struct counter fast = { 0 };
        counter_init(&fast, true);
        struct counter slow = fast;
        for (unsigned i = 0; i < 40; i++) {
            seed = seed * 1664525 + 1013904223;
            uint8_t v = (uint8_t)(seed >> 16);
            struct counter *both[2] = { &fast, &slow };
            for (unsigned k = 0; k < 2; k++) {
                if (i == 0 || seed >> 28 == 0) counter_control(both[k], (uint8_t)(v & 0x0F) | 0x10 | (v & 0x20));
                else if (seed >> 28 < 5) counter_write(both[k], seed & 0x800 ? v : v & 7);
                else if (seed >> 28 < 8) counter_gate(both[k], v & 1);
            }
            uint64_t to = fast.at + (seed >> 8 & 7 ? seed >> 12 & 0x3F : seed >> 12 & 0x1FFF);
            uint64_t next = counter_next(&slow);
            while (slow.at < to) {
                uint8_t before = slow.out;
                counter_run(&slow, slow.at + 1);
                if (slow.out != before && slow.at < next) fail_msg("OUT moved before counter_next said");
                if (slow.at >= next) next = counter_next(&slow);
            }
            counter_run(&fast, to);
            assert_memory_equal(&fast, &slow, sizeof fast);
        }
    }
}

static void irq0_edges_are_exact(void **state)
{
    (void)state;
    out(0x43, 0x34);
    out(0x40, 0xE8), out(0x40, 0x03); /* mode 2, 1000 */
    uint64_t first = pulse_now() + 1;
    for (unsigned n = 1; n <= 3000; n++) {
        uint64_t edge = cycle_of(first + 1000ull * n);
        assert_int_equal(pit_next_edge(&pit), edge);
        run_to(edge - 1);
        assert_false(irq0.level); /* OUT is low for the one pulse before */
        assert_int_equal(irq0.rises, n - 1);
        run_to(edge);
        assert_int_equal(irq0.rises, n);
        assert_int_equal(irq0.last_rise, edge);
    }
}

static void no_drift_in_an_hour(void **state)
{
    (void)state;
    out(0x43, 0x36);
    out(0x40, 0x00), out(0x40, 0x00); /* mode 3, 65536 */
    uint64_t first = pulse_now() + 1, start = clk.now;
    run_to(start + 3600 * clk.hz);
    uint64_t pulses = (uint64_t)((__extension__(unsigned __int128)clk.now) * PIT_HZ / clk.hz) - first;
    assert_int_equal(irq0.rises, pulses / 65536);
    assert_int_equal(irq0.falls, (pulses + 32768) / 65536);
}

static void one_shot(void **state)
{
    (void)state;
    assert_int_equal(pit_next_edge(&pit), TIMEQ_NEVER);
    out(0x43, 0x30);
    assert_false(irq0.level); /* mode 0: OUT falls with the control word */
    assert_int_equal(pit_next_edge(&pit), TIMEQ_NEVER);
    out(0x40, 0x64), out(0x40, 0x00);
    uint64_t edge = cycle_of(pulse_now() + 101); /* N + 1 pulses after the write */
    assert_int_equal(pit_next_edge(&pit), edge);
    run_to(edge - 1);
    assert_int_equal(irq0.rises, 0);
    run_to(edge);
    assert_int_equal(irq0.rises, 1);
    run_to(edge + clk.hz);
    assert_int_equal(irq0.rises, 1);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void late_reader_loses_no_edge(void **state)
{
    (void)state;
    out(0x43, 0x14), out(0x40, 10);
    uint64_t start = pulse_now();
    clk.now = cycle_of(start + 1 + 35); /* the queue was not run meanwhile */
    in(0x40);
    assert_int_equal(irq0.rises, 3);
    assert_int_equal(irq0.falls, 3);
    timeq_run(&queue);
    assert_int_equal(irq0.rises, 3);
    run_to(cycle_of(start + 1 + 40));
    assert_int_equal(irq0.rises, 4);
}

static void latch_and_read_back(void **state)
{
    (void)state;
    out(0x43, 0xB4); /* counter 2, gate low: nothing counts after loading */
    out(0x43, 0xE8); /* read-back: status of counter 2 */
    assert_int_equal(in(0x42), 0xF4); /* OUT high, null count, both bytes, mode 2 */
    out(0x42, 0x34), out(0x42, 0x12);
    run_to(cycle_of(pulse_now() + 2));
    out(0x43, 0xE8);
    assert_int_equal(in(0x42), 0xB4); /* loaded */
    out(0x61, 0x01);
    uint64_t start = pulse_now();
    run_to(cycle_of(start + 1 + 0x34));
    out(0x43, 0x80); /* latch */
    run_to(cycle_of(start + 1 + 0x100));
    out(0x43, 0xC8); /* count and status: the count stays, it is latched already */
    const struct device *d = &pit.device;
    assert_int_equal(d->ops->peek(d, 2, 1), 0xB4);
    assert_int_equal(d->ops->peek(d, 2, 1), 0xB4);
    assert_int_equal(in(0x42), 0xB4); /* status first */
    assert_int_equal(in(0x42), 0x00);
    assert_int_equal(in(0x42), 0x12);
    assert_int_equal(in(0x42), 0x34); /* live again */
    run_to(cycle_of(start + 1 + 0x200));
    assert_int_equal(in(0x42), 0x10); /* ... so the two bytes may not fit together */
    assert_int_equal(in(0x43), 0xFF);
    out(0x43, 0xDE); /* latch all three counts */
    assert_int_equal(pit.counter[0].latched, 2);
    assert_int_equal(pit.counter[1].latched, 2);
}

static void port_61(void **state)
{
    (void)state;
    out(0x61, 0xFF);
    assert_int_equal(in(0x61) & 0xCF, 0x0F);
    out(0x61, 0x00);
    out(0x43, 0xB0);
    assert_int_equal(in(0x61) & 0x21, 0x00);
    out(0x42, 0x10), out(0x42, 0x00); /* mode 0 on counter 2: the way to wait without interrupts */
    run_to(cycle_of(pulse_now() + 100));
    assert_int_equal(in(0x61) & 0x20, 0x00); /* the gate is shut */
    out(0x61, 0x01);
    uint64_t start = pulse_now();
    run_to(cycle_of(start + 15));
    assert_int_equal(in(0x61) & 0x20, 0x00);
    run_to(cycle_of(start + 16));
    assert_int_equal(in(0x61) & 0x20, 0x20);
    unsigned toggles = 0;
    uint8_t last = in(0x61) & 0x10;
    uint64_t from = pulse_now();
    for (unsigned i = 1; i <= 1800; i++) {
        run_to(cycle_of(from + i));
        uint8_t now = in(0x61) & 0x10;
        toggles += now != last;
        last = now;
    }
    assert_int_equal(toggles, 100);
}

static void word_access_is_two_bytes(void **state)
{
    (void)state;
    out(0x43, 0x54); /* counter 1: low byte only, mode 2 */
    bus_out(&bus, 0x40, 2, 0x0912); /* counter 0's first byte, counter 1's only one */
    assert_int_equal(pit.counter[0].low_byte, 0x12);
    assert_int_equal(pit.counter[1].cr, 9);
}

static void reset_goes_quiet(void **state)
{
    (void)state;
    out(0x43, 0x30), out(0x40, 9), out(0x40, 0);
    pit.device.ops->reset(&pit.device);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
    assert_true(irq0.level);
    assert_int_equal(reg_read(reg_find(pit.device.ops->regs, "c0.out"), &pit), 1);
}

/* A copy of the bytes is a snapshot: put back, the same edges come again. */
static void copying_back_repeats(void **state)
{
    (void)state;
    out(0x43, 0x36), out(0x40, 0x21), out(0x40, 0x03);
    run_to(clk.now + 5000000);
    struct pit saved = pit;
    struct timeq saved_queue = queue;
    struct clock saved_clock = clk;
    uint64_t edges[2][50];
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 50; i++) {
            edges[k][i] = pit_next_edge(&pit);
            run_to(edges[k][i]);
        }
        pit = saved, queue = saved_queue, clk = saved_clock;
    }
    assert_memory_equal(edges[0], edges[1], sizeof edges[0]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(data_sheet_waveforms), T(skipping_equals_counting), T(irq0_edges_are_exact), T(no_drift_in_an_hour),
        T(one_shot), T(late_reader_loses_no_edge), T(latch_and_read_back), T(port_61), T(word_access_is_two_bytes),
        T(reset_goes_quiet), T(copying_back_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
