/* The 8042, its keyboard and its mouse; the ports that open the A20 gate and reset the CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/devices.h"

static struct arena   arena;
static struct clock   clk;
static struct bus     bus;
static struct timeq   queue;
static struct devices set;
static struct { unsigned cpu, board, a20_changes; bool a20; } pins;

static void on_reset(void *self, unsigned n, bool level)
{
    (void)self;
    assert_true(level);
    if (n == RESET_CPU) pins.cpu++;
    else pins.board++;
}
static void on_a20(void *self, unsigned n, bool level)
{
    (void)self, (void)n;
    pins.a20 = level;
    pins.a20_changes++;
}

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(&pins, 0, sizeof pins);
    memset(&set, 0, sizeof set);
    clk.hz = 3800000000u;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    struct devices_wiring w = { .a20 = { on_a20, NULL, 0 }, .reset = { on_reset, NULL, 0 } };
    assert_true(devices_init(&set, &bus, &queue, &w, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void pass(uint64_t cycles)
{
    clk.now += cycles;
    timeq_run(&queue);
}

/* Waits as a driver does; -1 if nothing comes. */
static int get(void)
{
    for (unsigned i = 0; i < 4; i++) {
        if (in(0x64) & 1) return in(0x60);
        pass(set.kbc.byte_cycles);
    }
    return -1;
}

/* A dialogue: "c60" writes a command to port 64h, "d47" data to port 60h, "=55" expects a byte, "a00" expects one that
 * comes from the mouse, "." expects silence; "k1E" presses, "u1E" releases a key ("kE01D": a grey one). */
static void talk(const char *script)
{
    for (char copy[256], *word = strtok(strcpy(copy, script), " "); word; word = strtok(NULL, " ")) {
        unsigned value = (unsigned)strtoul(word + 1, NULL, 16);
        if (*word == 'c') out(0x64, (uint8_t)value);
        else if (*word == 'd') out(0x60, (uint8_t)value);
        else if (*word == 'k' || *word == 'u') kbc_key(&set.kbc, (uint16_t)value, *word == 'k');
        else if (*word == '.') {
            int got = get();
            if (got >= 0) fail_msg("%s: %02X came, nothing was expected", script, (unsigned)got);
        } else {
            pass(set.kbc.byte_cycles);
            bool aux = in(0x64) & 0x20;
            int got = get();
            if (got != (int)value || aux != (*word == 'a')) fail_msg("%s: %02X came, %s was expected", script, (unsigned)got, word);
        }
    }
}

static void dialogues(void **state)
{
    static const char *const rows[] = {
        "c20 =65",                                     /* what the BIOS left */
        "c60 d47 c20 =47 c61 d5A c21 =5A c7F d33 c3F =33",
        "cAA =55", "cAB =00", "cA9 =00", "cA4 =F1", "cC0 =B0", "cE0 =03 cAD cE0 =02",
        "cD0 =C3 cD1 dC1 cD0 =C1 cDF cD0 =C3 cDD cD0 =C1",
        "cA7 c20 =65 cA8 c20 =45 cAD c20 =55 cAE c20 =45",
        "cD2 d77 =77 .", "cD3 d77 a77 .",
        "dEE =EE", "dED =FA d07 =FA", "dF4 =FA", "dF2 =FA =AB =41",             /* identification, translated */
        "c60 d24 dF2 =FA =AB =83",                                            /* and not */
        "dFF =FA =AA", "dFE =FF dEE =EE dFE =EE", "d01 =FE", "dF0 =FA d00 =FA =41", "dF0 =FA d03 =FE",
        "c60 d24 dF0 =FA d00 =FA =02", "dF3 =FA dF4 =FA .",                   /* a command in an argument's place */
        "k1E =1E u1E =9E .", "kE01D =E0 =1D uE01D =E0 =9D", "k41 =41 u41 =C1", "k58 =58", "k01 =01 u01 =81",
        "c60 d24 k1E =1C u1E =F0 =1C kE048 =E0 =75 uE048 =E0 =F0 =75 k41 =83",
        "c60 d24 dF0 =FA d01 =FA k1E =1E u1E =9E",                            /* the keyboard itself in set 1 */
        "dF5 =FA k1E . dF4 =FA k1E =1E",
        "cAD k1E . cAE =1E",                                                  /* held back, not lost */
        "cD4 dFF aFA aAA a00", "cD4 dF2 aFA a00", "cD4 dE8 aFA cD4 d03 aFA cD4 dF4 aFA cD4 dE9 aFA a20 a03 a64",
        "cD4 dEB aFA a08 a00 a00", "cD4 dE1 aFE",
        "cD4 dEE aFA cD4 d55 a55 cD4 dFE aFE cD4 dEC aFA cD4 d55 aFE",        /* wrap mode echoes */
        "k00 .",
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (i) teardown(state), setup(state);
        talk(rows[i]);
    }
}

static void status_bits(void **state)
{
    (void)state;
    assert_int_equal(in(0x64), 0x14);
    out(0x64, 0xAA);
    assert_int_equal(in(0x64), 0x1D); /* full, system, command */
    assert_int_equal(in(0x60), 0x55);
    assert_int_equal(in(0x64), 0x1C);
    assert_int_equal(in(0x60), 0x55); /* an empty buffer reads as before */
    out(0x60, 0xEE);
    assert_int_equal(in(0x64) & 8, 0);
}

static bool irq(unsigned n) { return set.pic.chip[n >> 3].pins >> (n & 7) & 1; }

static void interrupts(void **state)
{
    (void)state;
    kbc_key(&set.kbc, 0x1E, true);
    kbc_key(&set.kbc, 0x1E, false);
    assert_false(irq(1)); /* the byte is on its way */
    pass(set.kbc.byte_cycles);
    assert_true(irq(1));
    assert_int_equal(in(0x60), 0x1E);
    assert_false(irq(1));
    pass(set.kbc.byte_cycles);
    assert_true(irq(1)); /* an edge of its own for every byte */
    assert_int_equal(in(0x60), 0x9E);
    out(0x64, 0x60), out(0x60, 0x42); /* IRQ12 on, IRQ1 off */
    kbc_key(&set.kbc, 0x1E, true);
    pass(set.kbc.byte_cycles);
    assert_false(irq(1));
    assert_int_equal(in(0x60), 0x1E);
    out(0x64, 0xD4), out(0x60, 0xF4);
    pass(set.kbc.byte_cycles);
    assert_true(irq(12));
    assert_int_equal(in(0x60), 0xFA);
    assert_false(irq(12));
}

static void overrun(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) kbc_key(&set.kbc, 0x1E, true);
    for (unsigned i = 0; i < 15; i++) assert_int_equal(get(), 0x1E);
    assert_int_equal(get(), 0xFF); /* set 2's 00, translated */
    assert_int_equal(get(), -1);
}

static void a20_gate(void **state)
{
    (void)state;
    assert_true(pins.a20); /* as the pin floats, high */
    talk("cD1 dDD");
    assert_false(pins.a20);
    out(0x92, 0x02);
    assert_true(pins.a20);
    assert_int_equal(in(0x92), 0x02);
    talk("cDF");
    out(0x92, 0x00);
    assert_true(pins.a20); /* either input opens it */
    talk("cDD");
    assert_false(pins.a20);
    devices_reset(&set);
    assert_true(pins.a20);
    assert_int_equal(pins.a20_changes, 5);
    assert_int_equal(pins.cpu, 0);
}

static void resets(void **state)
{
    (void)state;
    talk("cFE");
    assert_int_equal(pins.cpu, 1);
    talk("cFF cF1 cFD"); /* no zero in bit 0 */
    assert_int_equal(pins.cpu, 1);
    talk("cD1 dFE");
    assert_int_equal(pins.cpu, 2);
    out(0x92, 0x01);
    out(0x92, 0x01); /* the rise counts */
    assert_int_equal(pins.cpu, 3);
    out(0x92, 0x00), out(0x92, 0xFD);
    assert_int_equal(pins.cpu, 4);
    assert_int_equal(in(0x92), 0x01);
    assert_int_equal(pins.board, 0);
}

/* FERR# is IRQ 13 until port F0h is written; then IGNNE# is there until FERR# goes. */
static struct { bool irq, ignne; } x87;
static void on_x87_irq(void *self, unsigned n, bool level) { (void)self, (void)n, x87.irq = level; }
static void on_ignne(void *self, unsigned n, bool level) { (void)self, (void)n, x87.ignne = level; }

static void coprocessor_error(void **state)
{
    (void)state;
    struct coprocessor p;
    coprocessor_init(&p, (struct irq_line){ on_x87_irq, NULL, 0 }, (struct irq_line){ on_ignne, NULL, 0 });
    struct irq_line ferr = coprocessor_ferr(&p);
    static const struct { char act; bool irq, ignne; } steps[] = { /* FERR# rises, falls; F0h is Written; reset */
        { 'W', false, false }, { 'r', true, false }, { 'W', false, true }, { 'W', false, true }, { 'f', false, false },
        { 'r', true, false }, { 'f', true, false }, { 'W', false, false }, { 'r', true, false }, { 'W', false, true },
        { '0', false, false }, { 'r', true, false },
    };
    for (unsigned k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        if (steps[k].act == 'W') p.device.ops->write(&p.device, 0, 1, 0);
        else if (steps[k].act == '0') p.device.ops->reset(&p.device);
        else irq_set(&ferr, steps[k].act == 'r');
        if (x87.irq != steps[k].irq || x87.ignne != steps[k].ignne) fail_msg("step %u: %d %d", k, x87.irq, x87.ignne);
    }
    assert_int_equal(p.device.ops->read(&p.device, 0, 1) & 0xFF, 0xFF);
}

static void post_code(void **state)
{
    (void)state;
    out(0x80, 0x5A);
    assert_int_equal(in(0x80), 0x5A);
    assert_int_equal(set.post.code, 0x5A);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    out(0x64, 0xAA);
    struct kbc before = set.kbc;
    for (uint32_t offset = 0; offset < 5; offset += 4) set.kbc.device.ops->peek(&set.kbc.device, offset, 1);
    assert_memory_equal(&before, &set.kbc, sizeof before);
    assert_int_equal(in(0x60), 0x55);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(dialogues), T(status_bits), T(interrupts), T(overrun), T(a20_gate), T(resets), T(post_code), T(coprocessor_error),
        T(looking_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
