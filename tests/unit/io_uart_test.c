/* The 16550A by its registers: interrupts and their order, FIFOs, loopback, the time a character takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/uart.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct timeq queue;
static struct uart  uart;
static struct { char text[64]; unsigned length; uint64_t last; } wire;
static struct { bool level; unsigned rises; } irq;

enum { DATA = 0x3F8, IER, IIR, LCR, MCR, LSR, MSR, SCR };
enum { CHAR = 1000 }; /* cycles per character at 115200 8N1 with the clock below */

static void on_byte(void *self, uint8_t byte)
{
    (void)self;
    wire.text[wire.length++ % sizeof wire.text] = (char)byte;
    wire.last = clk.now;
}

static void on_irq(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    irq.rises += level && !irq.level;
    irq.level = level;
}

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }

static void run_to(uint64_t cycle)
{
    while (timeq_next(&queue) <= cycle) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    clk.now = cycle;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    clk.hz = 11520000;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    memset(&wire, 0, sizeof wire);
    memset(&irq, 0, sizeof irq);
    uart_init(&uart, &queue, (struct irq_line){ on_irq, NULL, 0 }, (struct serial_sink){ on_byte, NULL });
    assert_true(uart_attach(&uart, &bus, UART_BASE, NULL));
    out(LCR, 0x83), out(DATA, 1), out(IER, 0), out(LCR, 0x03);
    out(MCR, 0x0B);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void ready_at_power_on(void **state)
{
    (void)state;
    uart_init(&uart, &queue, (struct irq_line){ 0 }, (struct serial_sink){ 0 }); /* nobody listens */
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(MSR), 0xB0);
    assert_int_equal(in(IIR), 0x01);
    assert_int_equal(in(LCR), 0x03);
    out(DATA, 'x');
    run_to(clk.hz);
    assert_int_equal(in(LSR), 0x60);
    out(SCR, 0xA5);
    assert_int_equal(in(SCR), 0xA5);
    out(LCR, 0x80);
    assert_int_equal(in(DATA), 12);
    assert_int_equal(in(IER), 0);
}

static void character_time(void **state)
{
    (void)state;
    static const struct { uint8_t lcr, divisor; uint32_t cycles; } rows[] = {
        { 0x03, 1, 1000 }, { 0x03, 12, 12000 }, { 0x1B, 1, 1100 }, { 0x07, 1, 1100 }, { 0x02, 1, 900 },
        { 0x00, 1, 700 }, { 0x04, 1, 750 }, /* five bits: one and a half stop bits */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        out(LCR, 0x80), out(DATA, rows[i].divisor), out(LCR, rows[i].lcr);
        uint64_t start = clk.now;
        out(DATA, 0xFF);
        run_to(start + 100000);
        assert_int_equal(wire.last - start, rows[i].cycles);
        assert_int_equal((uint8_t)wire.text[wire.length - 1], 0xFF >> (3 - (rows[i].lcr & 3)));
    }
    uart.char_cycles_max = 50;
    uint64_t start = clk.now;
    out(DATA, 0);
    run_to(start + 100000);
    assert_int_equal(wire.last - start, 50);
}

static void one_at_a_time(void **state)
{
    (void)state;
    out(DATA, 'a');
    assert_int_equal(in(LSR), 0x20); /* moved on into the shift register: THR is empty, the transmitter is not */
    out(DATA, 'b');
    assert_int_equal(in(LSR), 0x00);
    out(DATA, 'c'); /* too early: overwrites */
    run_to(CHAR - 1);
    assert_int_equal(wire.length, 0);
    run_to(CHAR);
    assert_int_equal(wire.length, 1);
    assert_int_equal(in(LSR), 0x20);
    run_to(2 * CHAR);
    assert_string_equal(wire.text, "ac");
    assert_int_equal(in(LSR), 0x60);
}

static void fifo_sends_in_order(void **state)
{
    (void)state;
    out(IIR, 0x01);
    assert_int_equal(in(IIR), 0xC1);
    for (unsigned i = 0; i < 20; i++) out(DATA, (uint8_t)('a' + i)); /* one in the shifter, 16 in the FIFO, 3 lost */
    assert_int_equal(uart.tx.count, 16);
    run_to(17 * CHAR - 1);
    assert_int_equal(wire.length, 16);
    run_to(17 * CHAR);
    assert_string_equal(wire.text, "abcdefghijklmnopq");
    out(DATA, 'x'), out(DATA, 'y'), out(DATA, 'z');
    out(IIR, 0x05); /* empties the transmit FIFO, not the shift register */
    run_to(40 * CHAR);
    assert_string_equal(wire.text, "abcdefghijklmnopqx");
}

static void drained_at_the_end(void **state)
{
    (void)state;
    out(IIR, 0x01);
    for (const char *p = "bye"; *p; p++) out(DATA, (uint8_t)*p);
    assert_int_equal(wire.length, 0);
    uart_drain(&uart);
    assert_string_equal(wire.text, "bye");
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void thr_interrupt(void **state)
{
    (void)state;
    out(IER, 0x02); /* enabling it with THR empty asks at once */
    assert_true(irq.level);
    assert_int_equal(uart.device.ops->peek(&uart.device, 2, 1), 0x02);
    assert_true(irq.level);
    assert_int_equal(in(IIR), 0x02);
    assert_false(irq.level); /* reading IIR put it away */
    assert_int_equal(in(IIR), 0x01);
    out(DATA, 'a');
    assert_true(irq.level); /* empty again, the character is being shifted */
    unsigned rises = irq.rises;
    out(DATA, 'b'); /* writing puts it away too */
    assert_false(irq.level);
    run_to(CHAR);
    assert_true(irq.level);
    assert_int_equal(irq.rises, rises + 1);
    run_to(2 * CHAR);
    out(DATA, 'c'); /* without an IIR read: INT falls and rises */
    assert_int_equal(irq.rises, rises + 2);
    out(IER, 0x00);
    assert_false(irq.level);
    out(IER, 0x02);
    assert_true(irq.level);
    out(MCR, 0x03); /* OUT2 shuts the gate */
    assert_false(irq.level);
    assert_int_equal(in(IIR), 0x02);
}

static void reasons_in_order(void **state)
{
    (void)state;
    out(IER, 0x0F);
    uart_receive(&uart, 'a');
    uart_receive(&uart, 'b'); /* overrun */
    out(MCR, 0x10), out(MCR, 0x0B); /* through the loopback and back: the modem lines moved */
    uart.thr_int = 1;
    in(SCR);
    static const struct { uint8_t iir; uint16_t cure; } rows[] = {
        { 0x06, LSR }, { 0x04, DATA }, { 0x02, 0 }, { 0x00, MSR }, { 0x01, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(irq.level, rows[i].iir != 0x01);
        assert_int_equal(in(IIR), rows[i].iir);
        if (rows[i].cure) in(rows[i].cure);
    }
    assert_false(irq.level);
}

static void receiving_without_fifo(void **state)
{
    (void)state;
    out(IER, 0x01);
    assert_int_equal(uart_room(&uart), 1);
    uart_receive(&uart, 'a');
    assert_int_equal(uart_room(&uart), 0);
    assert_true(irq.level);
    assert_int_equal(in(LSR), 0x61);
    uart_receive(&uart, 'b');
    assert_int_equal(in(LSR), 0x63); /* overrun */
    assert_int_equal(in(LSR), 0x61); /* told once */
    assert_int_equal(uart.device.ops->peek(&uart.device, 0, 1), 'b');
    assert_int_equal(in(DATA), 'b');
    assert_false(irq.level);
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(DATA), 'b'); /* RBR keeps its last character */
}

static void trigger_levels(void **state)
{
    (void)state;
    static const struct { uint8_t fcr, level; } rows[] = { { 0x03, 1 }, { 0x43, 4 }, { 0x83, 8 }, { 0xC3, 14 } };
    for (size_t i = 0; i < 4; i++) {
        out(IER, 0x01);
        out(IIR, rows[i].fcr);
        for (unsigned n = 1; n <= 16; n++) {
            uart_receive(&uart, (uint8_t)n);
            assert_int_equal(irq.level, n >= rows[i].level);
        }
        assert_int_equal(in(IIR), 0xC4);
        uart_receive(&uart, 99);
        assert_int_equal(in(LSR) & 0x02, 0x02);
        for (unsigned n = 1; n <= 16; n++) {
            assert_int_equal(in(DATA), n); /* a full FIFO keeps what it has */
            assert_int_equal(irq.level, 16 - n >= rows[i].level);
        }
        assert_int_equal(in(LSR), 0x60);
    }
}

static void lonely_characters_time_out(void **state)
{
    (void)state;
    out(IER, 0x01);
    out(IIR, 0xC1);
    uart_receive(&uart, 'a');
    run_to(3000);
    uart_receive(&uart, 'b'); /* starts the four character times anew */
    run_to(6999);
    assert_false(irq.level);
    run_to(7000);
    assert_true(irq.level);
    assert_int_equal(in(IIR), 0xCC);
    assert_int_equal(in(DATA), 'a');
    assert_false(irq.level);
    run_to(11000);
    assert_int_equal(in(IIR), 0xCC);
    assert_int_equal(in(DATA), 'b');
    run_to(20000);
    assert_int_equal(in(IIR), 0xC1);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void loopback(void **state)
{
    (void)state;
    out(IER, 0x01);
    in(MSR);
    static const struct { uint8_t mcr, msr; } rows[] = {
        { 0x10, 0x0B }, { 0x11, 0x22 }, { 0x13, 0x31 }, { 0x17, 0x70 }, { 0x1F, 0xF8 }, { 0x1B, 0xB4 }, { 0x1B, 0xB0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        out(MCR, rows[i].mcr);
        assert_int_equal(in(MSR), rows[i].msr);
    }
    uart_receive(&uart, 'z'); /* the outside is cut off */
    assert_int_equal(in(LSR), 0x60);
    out(DATA, 'q');
    run_to(CHAR);
    assert_int_equal(wire.length, 0);
    assert_false(irq.level); /* OUT2 is held inactive, so the gate to the controller is shut */
    assert_int_equal(in(IIR), 0x04);
    assert_int_equal(in(DATA), 'q');
}

static void fifo_control(void **state)
{
    (void)state;
    uart_receive(&uart, 'a');
    out(IIR, 0xC6); /* without the enable bit nothing counts */
    assert_int_equal(in(IIR), 0x01);
    assert_int_equal(uart.fcr, 0);
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(DATA), 'a');
    out(IIR, 0x01);
    uart_receive(&uart, 'a');
    out(IIR, 0x01);
    assert_int_equal(in(LSR), 0x61);
    out(IIR, 0x03);
    assert_int_equal(in(LSR), 0x60);
    uart_receive(&uart, 'a');
    out(IIR, 0x00); /* switching them off empties them */
    assert_int_equal(in(LSR), 0x60);
    out(IIR, 0x01), out(IER, 0x02), out(DATA, 'a'), out(DATA, 'b');
    assert_false(irq.level);
    out(IIR, 0x05); /* the transmit FIFO is made empty, which is worth an interrupt */
    assert_true(irq.level);
    run_to(clk.hz);
    out(LSR, 0xFF), out(MSR, 0xFF); /* read-only */
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(MSR) & 0xF0, 0xB0);
}

static void reset_forgets(void **state)
{
    (void)state;
    out(IER, 0x02), out(DATA, 'a'), uart_receive(&uart, 'b');
    uart.device.ops->reset(&uart.device);
    assert_false(irq.level);
    assert_int_equal(in(LSR), 0x60);
    run_to(clk.hz);
    assert_int_equal(wire.length, 0);
    assert_int_equal(reg_read(reg_find(uart.device.ops->regs, "divisor"), &uart), 12);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
/* The other end: it waits for the port to be set up, then minds the receiver's room, at the line's pace. */
static struct { const char *text; unsigned at, asked; } typist;
static bool on_get(void *self, uint8_t *byte)
{
    (void)self;
    typist.asked++;
    if (!typist.text[typist.at]) return false;
    *byte = (uint8_t)typist.text[typist.at++];
    return true;
}

static void somebody_types(void **state)
{
    (void)state;
    enum { HESITATION = 11520 };
    out(MCR, 0);
    typist.at = typist.asked = 0;
    typist.text = "0123456789abcdefghij";
    uart.source = (struct serial_source){ on_get, NULL };
    run_to(HESITATION * 2);
    assert_int_equal(typist.asked, 0); /* nothing has been announced */
    uart_listen(&uart);
    run_to(clk.now + HESITATION * 2);
    assert_int_equal(typist.asked, 0); /* the port is not set up */
    out(MCR, 0x0B);
    uint64_t begun = clk.now;
    run_to(begun + HESITATION - 1);
    assert_int_equal(typist.at, 0);
    run_to(begun + HESITATION);
    assert_int_equal(in(LSR), 0x61);
    run_to(begun + 2 * HESITATION);
    assert_int_equal(typist.at, 1); /* no room without FIFO: no overrun */
    assert_int_equal(in(DATA), '0');
    run_to(clk.now + CHAR);
    assert_int_equal(in(DATA), '1');
    out(IIR, 0xC7);
    out(IER, 1);
    run_to(clk.now + 14 * CHAR);
    assert_true(irq.level);
    run_to(clk.now + 40 * CHAR);
    assert_int_equal(typist.at, 2 + UART_FIFO);
    for (unsigned i = 0; i < UART_FIFO; i++) assert_int_equal(in(DATA), "23456789abcdefgh"[i]);
    run_to(clk.now + 40 * CHAR);
    assert_int_equal(in(DATA), 'i');
    assert_int_equal(in(DATA), 'j');
    assert_int_equal(in(LSR), 0x60);
    unsigned asked = typist.asked;
    run_to(clk.now + 40 * CHAR);
    assert_int_equal(typist.asked, asked); /* it said no: it is not pestered */
    typist.text = "0123456789abcdefghijk";
    uart_listen(&uart);
    run_to(clk.now + 2 * CHAR);
    assert_int_equal(in(DATA), 'k');
}

/* A guest that never touches MCR but looks for characters gets them; a loopback test gets only its own. */
static void typing_waits_for_its_turn(void **state)
{
    (void)state;
    uart_init(&uart, &queue, (struct irq_line){ on_irq, NULL, 0 }, (struct serial_sink){ on_byte, NULL });
    uart.char_cycles_max = CHAR;
    typist.at = typist.asked = 0;
    typist.text = "x";
    uart.source = (struct serial_source){ on_get, NULL };
    uart_listen(&uart);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
    assert_int_equal(in(LSR), 0x60);
    assert_int_not_equal(timeq_next(&queue), TIMEQ_NEVER);
    out(MCR, 0x1F);
    out(DATA, 0xAE);
    run_to(clk.now + 30000);
    assert_int_equal(in(DATA), 0xAE);
    assert_int_equal(typist.at, 0);
    out(MCR, 0x0F);
    run_to(clk.now + 30000);
    assert_int_equal(in(DATA), 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ready_at_power_on), T(character_time), T(one_at_a_time), T(fifo_sends_in_order), T(drained_at_the_end),
        T(thr_interrupt), T(reasons_in_order), T(receiving_without_fifo), T(trigger_levels),
        T(lonely_characters_time_out), T(loopback), T(fifo_control), T(reset_forgets), T(somebody_types),
        T(typing_waits_for_its_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
