/* The bus's firmware: a ROM at the top of the address space, its mirror below 1 MB, and shadow RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/bus.h"

enum { FRAMES = 256, CHIP = 256 << 10 };

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static uint8_t     *ram, *chip;
static unsigned     heard;

static void on_code_write(void *self, uint32_t frame, uint32_t offset, unsigned size)
{
    (void)self, (void)frame, (void)offset, (void)size;
    heard++;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    ram = calloc(FRAMES, PAGE_SIZE);
    chip = malloc(CHIP);
    for (uint32_t i = 0; i < CHIP; i++) chip[i] = (uint8_t)(i >> PAGE_SHIFT | 0x80); /* each page says which it is */
    bus_init(&bus, ram, FRAMES, &clk, &arena);
    heard = 0;
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    free(ram);
    free(chip);
    arena_done(&arena);
    return 0;
}

static void where_it_is_seen(void **state)
{
    (void)state;
    static const struct { uint32_t size, at, want; const char *why; } rows[] = {
        { 256, 0xFFFFFFFC, 0xBFBFBFBF, "the last bytes" }, { 256, 0xFFFC0000, 0x80808080, "the first" },
        { 256, 0xFFFBFFFC, UINT32_MAX, "before it" }, { 256, 0xE0000, 0xA0A0A0A0, "the last 128 KB once more" },
        { 256, 0xFFFFC, 0xBFBFBFBF, "to the last byte" }, { 256, 0xDFFFC, UINT32_MAX, "not more" },
        { 64, 0xF0000, 0x80808080, "64 KB: the F segment" }, { 64, 0xEFFFC, UINT32_MAX, "and nobody at E" },
        { 64, 0xFFFF0000, 0x80808080, "64 KB at the top" }, { 64, 0xFFFEFFFC, UINT32_MAX, "no more at the top" },
        { 64, 0x9FFFC, 0, "RAM below" }, { 64, 0xFFEF0000, 0x80808080, "where the reset vector is with A20 shut" },
        { 64, 0xFFEEFFFC, UINT32_MAX, "below that" }, { 256, 0xFFEE0000, 0xA0A0A0A0, "the last 128 KB there, too" },
        { 256, 0xFFEFFFFC, 0xBFBFBFBF, "to the last byte" }, { 256, 0xFFEDFFFC, UINT32_MAX, "not more there, either" },
    };
    bus_shadow(&bus, 0, SHADOW_PAGES, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(&bus.firmware, 0, sizeof bus.firmware);
        bus_fit_rom(&bus, chip, rows[i].size << 10);
        if (bus_read(&bus, hpa(rows[i].at), 4) != rows[i].want)
            fail_msg("%X: %X (%s)", rows[i].at, bus_read(&bus, hpa(rows[i].at), 4), rows[i].why);
    }
}

/* What is read and what is stored, in each of the four modes of a page. */
static void shadow_modes(void **state)
{
    (void)state;
    static const struct { unsigned access; uint8_t read, ram; bool plain; } rows[] = {
        { 0, 0xBF, 0x11, false }, { SHADOW_WRITE, 0xBF, 0x22, false }, { SHADOW_READ, 0x11, 0x11, false },
        { SHADOW_RAM, 0x22, 0x22, true },
    };
    bus_fit_rom(&bus, chip, CHIP);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t frame;
        ram[0xFF010] = 0x11;
        assert_true(bus_shadow(&bus, 63, 1, rows[i].access));
        assert_false(bus_shadow(&bus, 63, 1, rows[i].access));
        bus_write(&bus, hpa(0xFF010), 1, 0x22);
        assert_int_equal(bus_read(&bus, hpa(0xFF010), 1), rows[i].read);
        assert_int_equal(ram[0xFF010], rows[i].ram);
        assert_int_equal(bus_owner(&bus, hpa(0xFF010), &frame) != NULL, rows[i].plain);
        assert_int_equal((bus_marks(&bus, hpa(0xFF010)) & FRAME_ROM) == 0, rows[i].plain);
        assert_int_equal(bus_page(&bus, hpa(0xFF010))[0x10], rows[i].read);
        assert_int_equal(bus_read(&bus, hpa(0xFE010), 1), 0); /* its neighbour is RAM still */
    }
    assert_int_equal(chip[CHIP - 1], 0xBF);
}

static void stores_to_rom(void **state)
{
    (void)state;
    uint8_t byte = 0x33, back;
    bus_listen(&bus, (struct bus_listener){ on_code_write, NULL });
    bus_fit_rom(&bus, chip, CHIP);
    bus_shadow(&bus, 0, SHADOW_PAGES, 0);
    bus_mark(&bus, hpa(0xFFFFF000), FRAME_CODE);
    bus_mark(&bus, hpa(0xFF000), FRAME_CODE);
    bus_write(&bus, hpa(0xFFFFFFF0), 4, 0);
    bus_write(&bus, hpa(0xFF010), 4, 0);
    assert_true(bus_poke(&bus, hpa(0xFF010), &byte, 1)); /* is lost, as on the wires */
    assert_true(bus_peek(&bus, hpa(0xFF010), &back, 1));
    assert_int_equal(back, 0xBF);
    assert_int_equal(heard, 0);
    assert_int_equal(bus_marks(&bus, hpa(0xFFFFF000)), FRAME_ROM);
    bus_write(&bus, hpa(0xC0000), 1, 0); /* neither ROM nor RAM */
    assert_int_equal(bus_read(&bus, hpa(0xC0000), 1), 0xFF);
    assert_null(bus_page(&bus, hpa(0xC0000)));
}

static void expansion_rom(void **state)
{
    (void)state;
    bus_shadow(&bus, 0, SHADOW_PAGES, 0);
    bus_fit_rom(&bus, chip, CHIP);
    bus_fit_option_rom(&bus, 0, chip, 2 * PAGE_SIZE);
    assert_int_equal(bus_read(&bus, hpa(0xC1FFF), 1), 0x81);
    assert_int_equal(bus_read(&bus, hpa(0xC2000), 1), 0xFF);
    assert_int_equal(bus_read(&bus, hpa(0xE0000), 1), 0xA0);
}

static void card_rom(void **state)
{
    (void)state;
    bus.firmware.card = chip;
    bus.firmware.card_size = 2 * PAGE_SIZE;
    assert_true(bus_move_card(&bus, 0xFEB00000));
    assert_false(bus_move_card(&bus, 0xFEB00000));
    assert_int_equal(bus_read(&bus, hpa(0xFEB01FFC), 4), 0x81818181);
    assert_int_equal(bus_read(&bus, hpa(0xFEB02000), 4), UINT32_MAX);
    bus_write(&bus, hpa(0xFEB00000), 4, 0);
    assert_int_equal(bus_read(&bus, hpa(0xFEB00000), 4), 0x80808080);
    assert_true(bus_move_card(&bus, 0));
    assert_int_equal(bus_read(&bus, hpa(0xFEB00000), 4), UINT32_MAX);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(where_it_is_seen), T(shadow_modes), T(stores_to_rom), T(expansion_rom), T(card_rom) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
