/* The 8237 pair's registers as firmware tests and programs them, and the page registers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/dma.h"

static struct arena arena;
static struct clock clk = { .hz = 1 };
static struct bus   bus;
static struct dma   dma;

static uint8_t in(uint16_t port) { return (uint8_t)bus_in(&bus, port, 1); }
static void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    bus_init(&bus, NULL, 0, &clk, &arena);
    dma_init(&dma);
    assert_true(dma_attach(&dma, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct { uint16_t base, step; } chips[2] = { { 0x00, 1 }, { 0xC0, 2 } };

/* The power-on test of every BIOS since 1981: each word register keeps what is written, apart from all others. */
static void words(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 2; c++) {
        uint16_t base = chips[c].base, step = chips[c].step;
        out((uint16_t)(base + 13 * step), 0);
        for (unsigned r = 0; r < 8; r++) {
            out((uint16_t)(base + r * step), (uint8_t)(0x10 * c + r));
            out((uint16_t)(base + r * step), (uint8_t)(0x80 + r));
        }
        for (unsigned r = 0; r < 8; r++) {
            assert_int_equal(in((uint16_t)(base + r * step)), 0x10 * c + r);
            assert_int_equal(in((uint16_t)(base + r * step)), 0x80 + r);
        }
    }
    assert_int_equal(in(0x03), 3);
    out(0x0C, 0); /* low byte again */
    assert_int_equal(in(0x03), 3);
}

static void masks(void **state)
{
    (void)state;
    static const struct { uint8_t reg, value, mask; } rows[] = {
        { 13, 0, 0xFF }, { 14, 0, 0xF0 }, { 10, 6, 0xF4 }, { 10, 5, 0xF6 }, { 10, 2, 0xF2 }, { 15, 0xFD, 0xFD }, { 13, 7, 0xFF } };
    for (unsigned c = 0; c < 2; c++)
        for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            out((uint16_t)(chips[c].base + rows[i].reg * chips[c].step), rows[i].value);
            assert_int_equal(in((uint16_t)(chips[c].base + 15 * chips[c].step)), rows[i].mask);
        }
}

static void requests(void **state)
{
    (void)state;
    out(0x09, 6);
    assert_int_equal(in(0x08), 0x40);
    out(0x09, 2);
    assert_int_equal(in(0x08), 0);
    out(0x09, 7);
    out(0x0B, 0x46); /* mode, command: kept, write-only */
    out(0x08, 0x10);
    assert_int_equal(dma.chip[0].channel[2].mode, 0x44);
    assert_int_equal(dma.chip[0].command, 0x10);
    assert_int_equal(in(0x0B), 0xFF);
    out(0x0D, 0);
    assert_int_equal(in(0x08), 0);
    assert_int_equal(dma.chip[0].command, 0);
    assert_int_equal(dma.chip[0].channel[2].mode, 0x44);
    assert_int_equal(in(0x0D), 0);
    assert_int_equal(dma.chip[1].channel[0].mode, 0xC0);
}

static void pages(void **state)
{
    (void)state;
    for (uint16_t p = 0x81; p < 0x90; p++) out(p, (uint8_t)(p ^ 0x5A));
    for (uint16_t p = 0x81; p < 0x90; p++) assert_int_equal(in(p), p ^ 0x5A);
    assert_int_equal(bus_in(&bus, 0x82, 2), (0x83 ^ 0x5A) << 8 | (0x82 ^ 0x5A));
    dma.device.ops->reset(&dma.device);
    assert_int_equal(in(0x81), 0);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    struct dma before = dma;
    for (uint32_t at = 0; at < 0x50; at++) dma.device.ops->peek(&dma.device, at, 1);
    assert_memory_equal(&before, &dma, sizeof dma);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(words), T(masks), T(requests), T(pages), T(looking_changes_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
