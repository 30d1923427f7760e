/* The 8259A pair against its data sheet: each behaviour by its ports and pins, then random use against its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/pic.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct pic   pic;
static struct { bool level; unsigned rises; } intr;

static void on_intr(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    intr.rises += level && !intr.level;
    intr.level = level;
}

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }
static void pin(unsigned irq, bool level)
{
    struct irq_line l = pic_line(&pic, irq);
    irq_set(&l, level);
}
static void pulse(unsigned irq)
{
    pin(irq, false);
    pin(irq, true);
}

/* As every PC kernel does it: vectors 20h and 28h, slave on input 2. */
static void program(uint8_t icw4)
{
    static const struct { uint8_t port, value; } rows[] = {
        { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 0x04 }, { 0x21, 0x00 },
        { 0xA0, 0x11 }, { 0xA1, 0x28 }, { 0xA1, 0x02 }, { 0xA1, 0x00 },
    };
    for (unsigned i = 0; i < 8; i++) out(rows[i].port, i % 4 == 3 ? icw4 : rows[i].value);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    clk.hz = 1000000000;
    bus_init(&bus, NULL, 0, &clk, &arena);
    intr.level = false, intr.rises = 0;
    pic_init(&pic, (struct irq_line){ on_intr, NULL, 0 });
    assert_true(pic_attach(&pic, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void unprogrammed_is_silent(void **state)
{
    (void)state;
    pin(0, true);
    assert_false(pic_pending(&pic));
    program(1);
    assert_false(pic_pending(&pic)); /* ICW1 resets the edge sense: the old edge does not count */
    pulse(0);
    assert_true(pic_pending(&pic));
    assert_true(intr.level);
    out(0x20, 0x11); /* a new initialisation silences it until it is complete */
    assert_false(intr.level);
    out(0x21, 0x40);
    out(0x21, 0x04);
    pulse(0);
    assert_false(intr.level);
    out(0x21, 0x01);
    assert_true(intr.level);
    assert_int_equal(pic_ack(&pic), 0x40);
}

static void every_input_has_its_vector(void **state)
{
    (void)state;
    for (unsigned irq = 0; irq < 16; irq++) {
        if (irq == 2) continue;
        program(1);
        pulse(irq);
        assert_true(pic_pending(&pic));
        assert_int_equal(pic_ack(&pic), 0x20 + irq);
        assert_int_equal(pic.chip[0].isr, irq < 8 ? 1 << irq : 1 << 2);
        assert_int_equal(pic.chip[1].isr, irq < 8 ? 0 : 1 << (irq - 8));
        assert_false(intr.level);
    }
    program(1);
    pulse(2); /* the AT wires the ISA bus's IRQ2 to input 9 */
    assert_int_equal(pic_ack(&pic), 0x29);
}

static void nesting(void **state)
{
    (void)state;
    program(1);
    pulse(4);
    assert_int_equal(pic_ack(&pic), 0x24);
    pulse(5);
    assert_false(pic_pending(&pic));
    pulse(3);
    assert_true(pic_pending(&pic));
    assert_int_equal(pic_ack(&pic), 0x23);
    out(0x20, 0x0A);
    assert_int_equal(in(0x20), 0x20); /* IRR: 5 waits */
    out(0x20, 0x0B);
    assert_int_equal(in(0x20), 0x18);
    out(0x20, 0x20); /* ends 3, the more urgent one */
    assert_int_equal(in(0x20), 0x10);
    assert_false(pic_pending(&pic));
    out(0x20, 0x20);
    assert_true(pic_pending(&pic));
    assert_int_equal(pic_ack(&pic), 0x25);
}

static void edges_and_levels(void **state)
{
    (void)state;
    program(1);
    pulse(5);
    assert_int_equal(pic_ack(&pic), 0x25);
    out(0x20, 0x20);
    assert_false(pic_pending(&pic)); /* still high, but no new edge */
    pin(5, true);
    assert_false(pic_pending(&pic));
    pulse(5);
    assert_true(pic_pending(&pic));
    pin(5, false);
    assert_false(pic_pending(&pic)); /* taken back before the acknowledge */
    out(0x4D0, 0xFF);
    out(0x4D1, 0xFF);
    assert_int_equal(in(0x4D0), 0xF8); /* timer, keyboard and cascade are edges by wiring */
    assert_int_equal(in(0x4D1), 0xDE);
    pin(5, true);
    assert_int_equal(pic_ack(&pic), 0x25);
    assert_false(pic_pending(&pic));
    out(0x20, 0x20);
    assert_true(pic_pending(&pic)); /* a level asks again as long as it is there */
    pin(5, false);
    assert_false(pic_pending(&pic));
    out(0x20, 0x19); /* LTIM: all inputs by level */
    out(0x21, 0x20), out(0x21, 0x04), out(0x21, 0x01);
    pin(1, true);
    assert_int_equal(pic_ack(&pic), 0x21);
    out(0x20, 0x20);
    assert_true(pic_pending(&pic));
}

static void masks_hide_but_keep(void **state)
{
    (void)state;
    program(1);
    out(0x21, 0xFF);
    assert_int_equal(in(0x21), 0xFF);
    pulse(6);
    assert_false(pic_pending(&pic));
    assert_int_equal(in(0x20), 0x40); /* IRR, the default */
    out(0x21, 0xBF);
    assert_true(pic_pending(&pic));
    out(0x21, 0xFF);
    assert_false(pic_pending(&pic));
}

static void spurious(void **state)
{
    (void)state;
    program(1);
    assert_int_equal(pic_ack(&pic), 0x27);
    assert_int_equal(pic.chip[0].isr, 0);
    pulse(12);
    assert_true(pic_pending(&pic));
    pic.chip[1].imr = 0xFF; /* a glitch between the two INTA pulses */
    assert_int_equal(pic_ack(&pic), 0x2F);
    assert_int_equal(pic.chip[0].isr, 0x04); /* the master believes in its slave */
    assert_int_equal(pic.chip[1].isr, 0);
}

static void slave_nesting(void **state)
{
    (void)state;
    for (unsigned sfnm = 0; sfnm < 2; sfnm++) {
        program(sfnm ? 0x11 : 0x01);
        pulse(12);
        assert_int_equal(pic_ack(&pic), 0x2C);
        pulse(8); /* more urgent, but behind the same input of the master */
        assert_int_equal(pic_pending(&pic), sfnm);
        pulse(4);
        assert_int_equal(pic_pending(&pic), sfnm);
        pulse(1);
        assert_int_equal(pic_ack(&pic), 0x21);
        out(0x20, 0x20);
        if (sfnm) assert_int_equal(pic_ack(&pic), 0x28), out(0xA0, 0x20);
        out(0xA0, 0x20);
        out(0x20, 0x20);
        if (!sfnm) assert_int_equal(pic_ack(&pic), 0x28), out(0xA0, 0x20), out(0x20, 0x20);
        assert_int_equal(pic_ack(&pic), 0x24);
    }
}

static void two_on_the_slave(void **state)
{
    (void)state;
    program(1);
    pulse(14);
    pulse(15);
    assert_int_equal(pic_ack(&pic), 0x2E);
    assert_false(pic_pending(&pic));
    out(0xA0, 0x20);
    assert_false(pic_pending(&pic)); /* the master still has input 2 in service */
    out(0x20, 0x20);
    assert_int_equal(pic_ack(&pic), 0x2F);
}

static void automatic_eoi(void **state)
{
    (void)state;
    program(3);
    pulse(0), pulse(1), pulse(9), pulse(10);
    unsigned before = intr.rises;
    static const uint8_t order[] = { 0x20, 0x21, 0x29, 0x2A };
    for (unsigned i = 0; i < 4; i++) assert_int_equal(pic_ack(&pic), order[i]);
    assert_int_equal(intr.rises, before + 3); /* INT falls with each acknowledge and rises for the next */
    assert_int_equal(pic.chip[0].isr | pic.chip[1].isr, 0);
    out(0x20, 0x80); /* rotate in automatic EOI: equals take turns */
    pulse(3), pulse(4);
    assert_int_equal(pic_ack(&pic), 0x23);
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x24);
    out(0x20, 0x00);
    assert_int_equal(pic_ack(&pic), 0x23);
    assert_int_equal(pic.chip[0].lowest, 4);
}

static void ocw2_commands(void **state)
{
    (void)state;
    static const struct { uint8_t command, isr, lowest, isr_after, lowest_after; } rows[] = {
        { 0x20, 0x50, 7, 0x40, 7 }, /* non-specific EOI */
        { 0x20, 0x50, 4, 0x10, 4 }, /* ... after rotation 6 outranks 4 */
        { 0x20, 0x00, 7, 0x00, 7 },
        { 0x66, 0x50, 7, 0x10, 7 }, /* specific EOI */
        { 0x61, 0x50, 7, 0x50, 7 },
        { 0xA0, 0x50, 7, 0x40, 4 }, /* rotate on non-specific EOI */
        { 0xA0, 0x00, 3, 0x00, 3 },
        { 0xE6, 0x50, 7, 0x10, 6 }, /* rotate on specific EOI */
        { 0xC5, 0x50, 7, 0x50, 5 }, /* set priority */
        { 0x45, 0x50, 7, 0x50, 7 }, /* no operation */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program(1);
        pic.chip[0].isr = rows[i].isr;
        pic.chip[0].lowest = rows[i].lowest;
        out(0x20, rows[i].command);
        assert_int_equal(pic.chip[0].isr, rows[i].isr_after);
        assert_int_equal(pic.chip[0].lowest, rows[i].lowest_after);
    }
    program(1);
    out(0x20, 0xC2); /* lowest is 2, so 3 comes first and 2 last */
    pulse(0), pulse(7), pulse(3);
    static const uint8_t order[] = { 0x23, 0x27, 0x20 };
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pic_ack(&pic), order[i]);
        out(0x20, 0x20);
    }
}

static void special_mask(void **state)
{
    (void)state;
    program(1);
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x23);
    pulse(6);
    assert_false(pic_pending(&pic));
    out(0x20, 0x68);
    assert_false(pic_pending(&pic)); /* 3 is not masked, so it still blocks */
    out(0x21, 0x08);
    assert_true(pic_pending(&pic));
    assert_int_equal(pic_ack(&pic), 0x26);
    out(0x20, 0x20); /* passes over the masked 3, although it is more urgent */
    assert_int_equal(pic.chip[0].isr, 0x08);
    out(0x20, 0x20);
    assert_int_equal(pic.chip[0].isr, 0x08);
    out(0x20, 0x48);
    out(0x20, 0x20);
    assert_int_equal(pic.chip[0].isr, 0);
}

static void poll_mode(void **state)
{
    (void)state;
    program(1);
    out(0x20, 0x0C);
    assert_int_equal(in(0x20), 0x07); /* nothing there */
    assert_int_equal(in(0x21), 0x00); /* only one read is a poll */
    pulse(5);
    out(0x20, 0x0C);
    const struct device *d = &pic.device;
    assert_int_equal(d->ops->peek(d, 0, 1), 0x85);
    assert_int_equal(pic.chip[0].isr, 0); /* looking is not an acknowledge */
    assert_int_equal(in(0x20), 0x85);
    assert_int_equal(pic.chip[0].isr, 0x20);
    assert_false(pic_pending(&pic));
    out(0x20, 0x20);
    pulse(11);
    out(0x20, 0x0C);
    assert_int_equal(in(0x20), 0x82);
    out(0xA0, 0x0C);
    assert_int_equal(in(0xA0), 0x83);
    assert_int_equal(pic.chip[1].isr, 0x08);
}

static void other_wirings(void **state)
{
    (void)state;
    out(0x20, 0x12), out(0x21, 0x50); /* single, no ICW4: MCS-80 mode, interval 8 */
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x18);
    out(0x20, 0x57), out(0x21, 0x50), out(0x21, 0x00); /* ... interval 4, ICW1 says 40h */
    pulse(3);
    assert_int_equal(pic_ack(&pic), 0x4C);
    program(1);
    out(0xA0, 0x11), out(0xA1, 0x28), out(0xA1, 0x05), out(0xA1, 0x01); /* the slave listens to another number */
    pulse(8);
    assert_int_equal(pic_ack(&pic), 0xFF);
    out(0x20, 0x20);
    bus_out(&bus, 0x20, 2, 0x5511); /* a word is two bytes: ICW1 and ICW2 */
    out(0x21, 0x04), out(0x21, 0x01);
    pulse(1);
    assert_int_equal(pic_ack(&pic), 0x51);
}

static void rising_inputs_are_events(void **state)
{
    (void)state;
    pic.trace = trace_new();
    pic.is_virtual = true;
    program(1);
    pulse(9);
    pin(9, true);
    pulse(0);
    assert_int_equal(trace_count(pic.trace), 2); /* the cascade wire is nobody's device */
    const struct event *e = trace_at(pic.trace, 0);
    assert_int_equal(e->kind, EV_RAISE);
    assert_int_equal(e->u.RAISE.line, 9);
    assert_int_equal(e->u.RAISE.virtual_, 1);
    assert_int_equal(trace_at(pic.trace, 1)->u.RAISE.line, 0);
    trace_free(pic.trace);
}

/* The rule for one input, straight from the data sheet: unmasked, and no equal or higher level blocks it. */
static bool gets_through(const struct pic_chip *c, unsigned n, bool master)
{
    if (!c->ready || !(c->irr >> n & 1) || (c->imr >> n & 1)) return false;
    for (unsigned m = 0; m < 8; m++) {
        bool blocks = (c->isr >> m & 1) && !(c->special_mask && (c->imr >> m & 1));
        unsigned above = (m + 7u - c->lowest) & 7, own = (n + 7u - c->lowest) & 7;
        bool cascade = master && (c->icw4 & 0x10) && !(c->icw1 & 2) && (c->icw3 >> n & 1);
        if (blocks && (above < own || (above == own && !cascade))) return false;
    }
    return true;
}

static void random_use(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned i = 0; i < 200000; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned what = seed >> 28, arg = seed >> 8 & 0xFF;
        if (what < 8) pin(arg & 15, arg & 16);
        else if (what < 10) out(arg & 1 ? 0x21 : 0xA1, (uint8_t)(seed >> 16));
        else if (what < 13) out(arg & 1 ? 0x20 : 0xA0, (uint8_t)(seed >> 16 & (i % 64 ? 0xEF : 0xFF)));
        else if (what < 15 && pic_pending(&pic)) pic_ack(&pic);
        else if (i % 512 == 0) program((uint8_t)(arg & 0x13) | 1);
        else in(arg & 1 ? 0x20 : 0xA1);
        bool m = false, s = false;
        for (unsigned n = 0; n < 8; n++) {
            m |= gets_through(&pic.chip[0], n, true);
            s |= gets_through(&pic.chip[1], n, false);
        }
        assert_int_equal(pic_pending(&pic), m);
        assert_int_equal(intr.level, m);
        assert_int_equal(pic.chip[1].out, s);
        assert_int_equal(pic.chip[0].pins >> 2 & 1, s);
    }
    assert_true(intr.rises > 1000);
}

static void reset_keeps_the_wires(void **state)
{
    (void)state;
    program(1);
    pulse(7);
    pic.device.ops->reset(&pic.device);
    assert_false(intr.level);
    assert_int_equal(pic.chip[0].pins, 0x80);
    assert_int_equal(reg_read(reg_find(pic.device.ops->regs, "master.pins"), &pic), 0x80);
    program(1);
    assert_false(intr.level);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(unprogrammed_is_silent), T(every_input_has_its_vector), T(nesting), T(edges_and_levels),
        T(masks_hide_but_keep), T(spurious), T(slave_nesting), T(two_on_the_slave), T(automatic_eoi),
        T(ocw2_commands), T(special_mask),
        T(poll_mode), T(other_wirings), T(rising_inputs_are_events), T(random_use), T(reset_keeps_the_wires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
