/* Ports that are but bytes (struct bus_latch): two boards do the same, one always asks its devices, the other never where a port
 * shows a byte. Everything that can be seen must stay the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/regs.h"
#include "sim/io/devices.h"

static struct board {
    struct arena   arena;
    struct clock   clock;
    struct bus     bus;
    struct timeq   queue;
    struct devices set;
    bool           intr;
    unsigned       typed, heard;
} board[2];
static uint32_t seed;

static uint32_t chance(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}
static void on_intr(void *self, unsigned n, bool level)
{
    (void)n;
    ((struct board *)self)->intr = level;
}
static void on_serial(void *self, uint8_t byte)
{
    struct board *b = self;
    b->heard = b->heard * 31 + byte;
}
static bool types(void *self, uint8_t *byte)
{
    struct board *b = self;
    *byte = (uint8_t)b->typed++;
    return b->typed % 5 != 0;
}

static int setup(void **state)
{
    (void)state;
    for (struct board *b = board; b < board + 2; b++) {
        memset(b, 0, sizeof *b);
        arena_init(&b->arena, 1 << 20);
        b->clock.hz = 3800000000u;
        bus_init(&b->bus, NULL, 0, &b->clock, &b->arena);
        b->queue.clock = &b->clock;
        struct devices_wiring wiring = { .intr = { on_intr, b, 0 }, .serial = { on_serial, b }, .serial_in = { types, b } };
        struct err e = { 0 };
        assert_true(devices_init(&b->set, &b->bus, &b->queue, &wiring, &e));
        b->set.uart.char_cycles_max = 2000;
    }
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    for (struct board *b = board; b < board + 2; b++) arena_done(&b->arena);
    return 0;
}

static unsigned latched;

static uint8_t in(struct board *b, uint16_t port)
{
    const uint8_t *byte = b == board ? NULL : bus_latch_in(&b->bus, port);
    latched += byte != NULL;
    return byte ? *byte : (uint8_t)bus_in(&b->bus, port, 1);
}
static void out(struct board *b, uint16_t port, uint8_t value)
{
    uint8_t *byte = b == board ? NULL : bus_latch_out(&b->bus, port, value);
    latched += byte != NULL;
    if (byte) *byte = value;
    else bus_out(&b->bus, port, 1, value);
}

static void pass(struct board *b, uint64_t cycles)
{
    b->clock.now += cycles;
    timeq_run(&b->queue);
}

static void same(uint32_t step)
{
    for (unsigned i = 0; i < board[0].set.count; i++) {
        struct device *d[2] = { board[0].set.list[i].device, board[1].set.list[i].device };
        for (const struct reg_desc *r = d[0]->ops->regs; r->name; r++)
            if (reg_read(r, d[0]) != reg_read(r, d[1]))
                fail_msg("step %u: %s.%s differs", step, board[0].set.list[i].name, r->name);
    }
    assert_int_equal(board[0].intr, board[1].intr);
    assert_int_equal(board[0].heard, board[1].heard);
    assert_int_equal(timeq_next(&board[0].queue), timeq_next(&board[1].queue));
}

static void same_with_and_without(void **state)
{
    (void)state;
    static const uint16_t ports[] = { 0x20, 0x21, 0xA0, 0xA1, 0x3F8, 0x3F9, 0x3FA, 0x3FB, 0x3FC, 0x3FD, 0x3FE, 0x3FF, 0x80, 0x190,
                                      0x92, 0x60, 0x64, 0x61, 0x70, 0x71, 0x4D0, 0x378, 0x2F8 };
    seed = 7;
    for (uint32_t step = 0; step < 200000; step++) {
        uint32_t what = chance() % 8, with = chance();
        uint16_t port = ports[chance() % (sizeof ports / sizeof *ports)];
        if (port == 0x64 && what < 3) what = 5; /* its commands pulse reset wires */
        uint64_t cycles = chance() % 16 ? chance() % 500 : chance();
        bool level = chance() & 1;
        uint8_t got[2];
        for (unsigned k = 0; k < 2; k++) {
            struct board *b = &board[k];
            if (what < 3) out(b, port, (uint8_t)with);
            else if (what < 6) got[k] = in(b, port);
            else if (what == 6) pass(b, cycles);
            else if (with % 64 == 0) devices_reset(&b->set);
            else if (with % 64 == 1) uart_receive(&b->set.uart, (uint8_t)(with >> 8));
            else if (with % 64 == 2) uart_listen(&b->set.uart);
            else if (with % 64 < 8 && b->intr) (void)devices_ack(&b->set);
            else {
                struct irq_line line = devices_irq(&b->set, with & 15);
                irq_set(&line, level);
            }
        }
        if (what >= 3 && what < 6 && got[0] != got[1]) fail_msg("step %u: IN %X: %02X, latched %02X", step, port, got[0], got[1]);
        same(step);
    }
    assert_true(latched > 5000);
}

static void polling_is_latched(void **state)
{
    (void)state;
    struct board *b = &board[1];
    assert_null(bus_latch_in(&b->bus, 0x3FD));
    (void)in(b, 0x3FD); /* the other end hears of that */
    pass(b, 1u << 30);
    (void)in(b, 0x3F8);
    (void)in(b, 0x3FD);
    assert_ptr_equal(bus_latch_in(&b->bus, 0x3FD), &b->set.uart.lsr);
    assert_ptr_equal(bus_latch_out(&b->bus, 0x21, 0xFF), &b->set.pic.chip[0].imr);
    assert_null(bus_latch_out(&b->bus, 0x80, 1)); /* the first code is noted */
    out(b, 0x80, 1);
    assert_ptr_equal(bus_latch_out(&b->bus, 0x80, 2), &b->set.post.code);
    assert_null(bus_latch_in(&b->bus, 0x12345));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_with_and_without, setup, teardown),
        cmocka_unit_test_setup_teardown(polling_is_latched, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
