/* PCI configuration mechanism 1, and port CF9h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/pci.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static struct pci   pci;
static unsigned     resets[2];

static void on_reset(void *self, unsigned n, bool level)
{
    (void)self;
    resets[n] += level;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(resets, 0, sizeof resets);
    bus_init(&bus, NULL, 0, &clk, &arena);
    pci_init(&pci, (struct irq_line){ on_reset, NULL, 0 }, (struct irq_line){ on_reset, NULL, 1 });
    assert_true(pci_attach(&pci, &bus, NULL));
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static uint32_t config(uint32_t address, unsigned size)
{
    bus_out(&bus, 0xCF8, 4, 0x80000000u | (address & ~3u));
    return bus_in(&bus, (uint16_t)(0xCFC + (address & 3)), size);
}
static void config_out(uint32_t address, unsigned size, uint32_t value)
{
    bus_out(&bus, 0xCF8, 4, 0x80000000u | (address & ~3u));
    bus_out(&bus, (uint16_t)(0xCFC + (address & 3)), size, value);
}

static void headers(void **state)
{
    (void)state;
    static const struct { uint32_t at; unsigned size; uint32_t want; const char *why; } rows[] = {
        { 0x000, 4, 0x12378086, "host bridge" }, { 0x00A, 2, 0x0600, "its class" }, { 0x00E, 1, 0x00, "one function" },
        { 0x800, 4, 0x70008086, "ISA bridge" }, { 0x80A, 2, 0x0601, "its class" }, { 0x80E, 1, 0x80, "many functions" },
        { 0x900, 2, 0x8086, "IDE's maker" }, { 0x902, 2, 0x7010, "IDE" }, { 0x90B, 1, 0x01, "storage" },
        { 0x909, 1, 0x80, "bus master, compatibility mode" }, { 0xB00, 4, 0x71138086, "power management" },
        { 0xB40, 4, 0xB001, "its ports" }, { 0xB3D, 1, 1, "INTA" }, { 0xA00, 4, UINT32_MAX, "no USB" },
        { 0x1000, 4, UINT32_MAX, "device 2" }, { 0x10000, 4, UINT32_MAX, "bus 1" }, { 0x861, 1, 0x80, "PIRQB" },
        { 0x100, 4, UINT32_MAX, "host bridge, function 1" }, { 0x0FF, 1, 0x00, "the last register" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (config(rows[i].at, rows[i].size) != rows[i].want) fail_msg("%X: %s", rows[i].at, rows[i].why);
}

static void masks(void **state)
{
    (void)state;
    static const struct { uint32_t at; unsigned size; uint32_t value, want; } rows[] = {
        { 0x000, 4, 0, 0x12378086 }, { 0x904, 2, 0xFFFF, 0x0005 }, { 0x920, 4, UINT32_MAX, 0xFFFFFFF1 },
        { 0x920, 4, 0xC000, 0xC001 }, { 0x921, 1, 0xD0, 0xD0 }, { 0x924, 4, UINT32_MAX, 0 }, { 0x863, 1, 0xFF, 0x8F },
        { 0xB3C, 1, 11, 11 }, { 0xB40, 4, 0x5023, 0x5001 }, { 0x059, 1, 0xFF, 0x30 }, { 0x05A, 2, 0xFFFF, 0x3333 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config_out(rows[i].at, rows[i].size, rows[i].value);
        uint32_t got = config(rows[i].at, rows[i].size);
        if (got != rows[i].want) fail_msg("%X: %X", rows[i].at, got);
    }
    config_out(0x1000, 4, 0); /* nobody there */
    pci.device.ops->reset(&pci.device);
    assert_int_equal(config(0x920, 4), 0xC001);
}

static void master_abort(void **state)
{
    (void)state;
    struct irq_line line = pci_abort_line(&pci, PCI_IDE);
    irq_set(&line, true);
    assert_int_equal(config(0x906, 2), 0x2280);
    assert_int_equal(config(0xB06, 2), 0x0280);
    config_out(0x906, 2, 0x0280); /* only a one clears, and only what it is written to */
    assert_int_equal(config(0x906, 2), 0x2280);
    config_out(0x906, 2, 0xFFFF);
    assert_int_equal(config(0x906, 2), 0x0280);
}

static void address_register(void **state)
{
    (void)state;
    bus_out(&bus, 0xCF8, 4, UINT32_MAX);
    assert_int_equal(bus_in(&bus, 0xCF8, 4), 0x80FFFFFC);
    bus_out(&bus, 0xCF8, 2, 0); /* only dwords are for this register */
    bus_out(&bus, 0xCF8, 1, 0);
    bus_out(&bus, 0xCFB, 1, 0);
    assert_int_equal(bus_in(&bus, 0xCF8, 4), 0x80FFFFFC);
    assert_int_equal(bus_in(&bus, 0xCF8, 1), 0xFF);
    bus_out(&bus, 0xCF8, 4, 0x00000000);
    assert_int_equal(bus_in(&bus, 0xCFC, 4), UINT32_MAX); /* not enabled */
}

static void reset_control(void **state)
{
    (void)state;
    static const struct { uint8_t value; unsigned cpu, board; } rows[] = {
        { 0x02, 0, 0 }, { 0x06, 0, 1 }, { 0x06, 0, 1 }, { 0x02, 0, 1 }, { 0xFE, 0, 2 }, { 0x00, 0, 2 }, { 0x04, 1, 2 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bus_out(&bus, 0xCF9, 1, rows[i].value);
        assert_int_equal(resets[0], rows[i].cpu);
        assert_int_equal(resets[1], rows[i].board);
        assert_int_equal(bus_in(&bus, 0xCF9, 1), rows[i].value & 6);
    }
}

static uint8_t shadow[SHADOW_PAGES];
static void on_shadow(void *self, unsigned first, unsigned count, unsigned access)
{
    (void)self;
    memset(shadow + first, (int)access, count);
}

/* PAM: which pages follow which bits. */
static void shadow_registers(void **state)
{
    (void)state;
    static const struct { uint32_t at; uint8_t value; unsigned first, count; uint8_t access; } rows[] = {
        { 0x59, 0x30, 48, 16, 3 }, { 0x59, 0x10, 48, 16, 1 }, { 0x59, 0x23, 48, 16, 2 }, { 0x5A, 0x01, 0, 4, 1 },
        { 0x5A, 0x20, 4, 4, 2 }, { 0x5B, 0x30, 12, 4, 3 }, { 0x5C, 0xF3, 16, 4, 3 }, { 0x5D, 0x31, 24, 4, 1 },
        { 0x5E, 0x32, 32, 4, 2 }, { 0x5F, 0x30, 44, 4, 3 },
    };
    pci.shadow = (struct shadow_line){ on_shadow, NULL };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(shadow, 9, sizeof shadow);
        config_out(rows[i].at, 1, rows[i].value);
        for (unsigned n = 0; n < rows[i].count; n++)
            if (shadow[rows[i].first + n] != rows[i].access) fail_msg("row %u: page %u", i, n);
        assert_true(rows[i].first == 0 || shadow[rows[i].first - 1] == 9 || rows[i].at != 0x59);
    }
    pci.device.ops->reset(&pci.device);
    for (unsigned n = 0; n < SHADOW_PAGES; n++) assert_int_equal(shadow[n], 0);
    pci.pam_reset = SHADOW_RAM; /* as firmware leaves it */
    pci.device.ops->reset(&pci.device);
    for (unsigned n = 0; n < SHADOW_PAGES; n++) assert_int_equal(shadow[n], SHADOW_RAM);
    assert_int_equal(config(0x58, 4), 0x33333000);
}

/* A display card, if there is one: its ROM takes 64 KB. */
static void display_card(void **state)
{
    (void)state;
    assert_int_equal(config(0x1000, 4), UINT32_MAX);
    pci.vga = 0x11111234;
    pci.device.ops->reset(&pci.device);
    assert_int_equal(config(0x1000, 4), 0x11111234);
    assert_int_equal(config(0x1008, 4), 0x03000000);
    config_out(0x1030, 4, UINT32_MAX);
    assert_int_equal(config(0x1030, 4), 0xFFFF0001);
    config_out(0x1004, 4, UINT32_MAX);
    assert_int_equal(config(0x1004, 2), 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(headers), T(masks), T(master_abort), T(address_register), T(reset_control),
                                        T(shadow_registers), T(display_card) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
