/* Devices as state that leaves a machine: no field is forgotten, and what comes back is what went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/device_state.h"

#define HZ 3800000000u

static struct board { struct arena arena; struct clock clock; struct bus bus; struct timeq q; struct devices d; uint8_t ram[1 << 20]; } one, two;

static void make(struct board *b)
{
    if (b->arena.base) arena_done(&b->arena);
    memset(b, 0, sizeof *b);
    assert_true(arena_init(&b->arena, 4 << 20));
    b->clock.hz = HZ;
    b->q.clock = &b->clock;
    bus_init(&b->bus, b->ram, sizeof b->ram / PAGE_SIZE, &b->clock, &b->arena);
    struct devices_wiring w = { .is_virtual = true, .epoch = 946684800 };
    struct err e = { 0 };
    assert_true(devices_init(&b->d, &b->bus, &b->q, &w, &e));
}

static void out(struct board *b, uint16_t port, uint8_t value) { bus_out(&b->bus, port, 1, value); }
static uint8_t in(struct board *b, uint16_t port) { return (uint8_t)bus_in(&b->bus, port, 1); }

static void pass(struct board *b, uint64_t cycles)
{
    for (uint64_t until = b->clock.now + cycles; b->clock.now < until; timeq_run(&b->q)) {
        uint64_t next = timeq_next(&b->q);
        clock_charge(&b->clock, 0, (next < until ? next : until) - b->clock.now);
    }
}

/* The interrupt controllers initialised, a timer of 1 kHz, the RTC's periodic interrupt, a divisor for the line, a colour. */
static void use(struct board *b)
{
    static const struct { uint16_t port; uint8_t value; } program[] = {
        { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 }, { 0xA0, 0x11 }, { 0xA1, 0x28 }, { 0xA1, 2 }, { 0xA1, 1 }, { 0x21, 0xFA }, { 0xA1, 0xFE },
        { 0x43, 0x34 }, { 0x40, 0xA9 }, { 0x40, 0x04 }, { 0x70, 0x0A }, { 0x71, 0x26 }, { 0x70, 0x0B }, { 0x71, 0x42 },
        { 0x3FB, 0x83 }, { 0x3F8, 12 }, { 0x3F9, 0 }, { 0x3FB, 0x03 }, { 0x3F9, 0x02 }, { 0x3C8, 7 }, { 0x3C9, 1 }, { 0x3C9, 2 }, { 0x60, 0xED },
        { 0x80, 0x5A }, { 0x92, 2 }, { 0x87, 0x12 },
    };
    for (size_t i = 0; i < sizeof program / sizeof program[0]; i++) {
        out(b, program[i].port, program[i].value);
        pass(b, 1000);
    }
    out(b, 0x3F8, 'x');
}

static void every_field_has_a_row(void **state)
{
    (void)state;
    char why[160] = "";
    if (!state_covers(&devices_state, why, sizeof why)) fail_msg("%s", why);
}

static void holes_are_found(void **state)
{
    (void)state;
    struct sample { uint32_t a; uint32_t b; };
    static const struct state_row rows[] = { STATE_KEEP(sample, a), STATE_END };
    static const struct state_table t = STATE_TABLE(sample, rows);
    char why[160];
    assert_false(state_covers(&t, why, sizeof why));
    assert_non_null(strstr(why, "behind a"));
}

/* Both boards do the same from there on, timers that are due together included. */
static void a_board_goes_on_elsewhere(void **state)
{
    (void)state;
    struct text bytes = { 0 }, again = { 0 };
    make(&one);
    use(&one);
    pass(&one, 12345678);
    devices_save(&one.d, &one.q, &bytes);
    make(&two);
    two.clock = one.clock;
    struct state_reader r = { .at = (const uint8_t *)bytes.s, .left = bytes.len };
    assert_true(devices_load(&two.d, &two.q, &r));
    assert_int_equal(r.left, 0);
    devices_save(&two.d, &two.q, &again);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.s, bytes.s, bytes.len);
    for (int i = 0; i < 200; i++) {
        pass(&one, 777777), pass(&two, 777777);
        assert_int_equal(timeq_next(&one.q), timeq_next(&two.q));
        assert_int_equal(pic_pending(&one.d.pic), pic_pending(&two.d.pic));
        if (pic_pending(&one.d.pic)) assert_int_equal(devices_ack(&one.d), devices_ack(&two.d));
        out(&one, 0x20, 0x20), out(&two, 0x20, 0x20);
        out(&one, 0xA0, 0x20), out(&two, 0xA0, 0x20);
        out(&one, 0x70, 0x0C), out(&two, 0x70, 0x0C);
        assert_int_equal(in(&one, 0x71), in(&two, 0x71));
        assert_int_equal(in(&one, 0x40), in(&two, 0x40));
        assert_int_equal(in(&one, 0x3FD), in(&two, 0x3FD));
        assert_int_equal(in(&one, 0x64), in(&two, 0x64));
    }
    text_free(&bytes);
    text_free(&again);
}

/* Any byte may be anything: what comes out is refused, or a board that can be used. */
static void bad_bytes_do_no_harm(void **state)
{
    (void)state;
    struct text bytes = { 0 };
    unsigned refused = 0;
    make(&one);
    use(&one);
    devices_save(&one.d, &one.q, &bytes);
    for (size_t i = 0; i < bytes.len; i += i < 2000 ? 1 : 97) {
        uint8_t was = (uint8_t)bytes.s[i];
        bytes.s[i] = (char)0xFF;
        make(&two);
        struct state_reader r = { .at = (const uint8_t *)bytes.s, .left = bytes.len };
        bool good = devices_load(&two.d, &two.q, &r);
        refused += !good;
        if (!good) assert_true(r.why[0]);
        for (uint16_t port = 0x3C0; good && port < 0x400; port++) in(&two, port), out(&two, port, 0x55);
        for (uint16_t port = 0x20; good && port < 0xA2; port++) in(&two, port);
        bytes.s[i] = (char)was;
    }
    assert_in_range(refused, 60, bytes.len);
    for (size_t n = 0; n < bytes.len; n += 101) {
        make(&two);
        struct state_reader r = { .at = (const uint8_t *)bytes.s, .left = n };
        assert_false(devices_load(&two.d, &two.q, &r));
        assert_true(r.why[0]);
    }
    text_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_row), cmocka_unit_test(holes_are_found), cmocka_unit_test(a_board_goes_on_elsewhere),
        cmocka_unit_test(bad_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
