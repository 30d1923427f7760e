/* The bus: RAM, frame maps, windows, ports, marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/bus.h"

enum { FRAMES = 16 };

static struct arena arena;
static struct clock clk;
static struct bus   bus, vm;
static uint8_t     *ram;

/* A device that remembers what it was asked. */
struct probe {
    struct device device;
    uint32_t reads, writes, offset, size, value;
};
static uint32_t probe_read(struct device *d, uint32_t offset, unsigned size)
{
    struct probe *p = (struct probe *)d;
    p->reads++, p->offset = offset, p->size = size;
    return 0xA0B0C0D0 + offset;
}
static void probe_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct probe *p = (struct probe *)d;
    p->writes++, p->offset = offset, p->size = size, p->value = value;
}
static const struct device_ops probe_ops = { .name = "probe", .read = probe_read, .write = probe_write };
static struct probe one, two;

static struct { uint32_t calls, frame, offset; unsigned size; } heard;
static void on_code_write(void *self, uint32_t frame, uint32_t offset, unsigned size)
{
    (void)self;
    heard.calls++, heard.frame = frame, heard.offset = offset, heard.size = size;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(&heard, 0, sizeof heard);
    clk.hz = 1000000000;
    ram = calloc(FRAMES, PAGE_SIZE);
    bus_init(&bus, ram, FRAMES, &clk, &arena);
    one = two = (struct probe){ .device = { &probe_ops } };
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    free(ram);
    arena_done(&arena);
    return 0;
}

static void memory_is_little_endian(void **state)
{
    (void)state;
    bus_write(&bus, hpa(0x1FFC), 4, 0x11223344);
    assert_int_equal(ram[0x1FFC], 0x44);
    assert_int_equal(bus_read(&bus, hpa(0x1FFD), 1), 0x33);
    assert_int_equal(bus_read(&bus, hpa(0x1FFE), 2), 0x1122);
    bus_write(&bus, hpa(0x1FFC), 1, 0xFFFFFF00);
    assert_int_equal(bus_read(&bus, hpa(0x1FFC), 4), 0x11223300);
    assert_int_equal(bus_marks(&bus, hpa(0x1000)), FRAME_DIRTY);
    assert_int_equal(bus_marks(&bus, hpa(0x2000)), 0);
}

static void nothing_reads_ones(void **state)
{
    (void)state;
    uint32_t at = FRAMES * PAGE_SIZE, v;
    for (unsigned size = 1; size <= 4; size *= 2) {
        uint32_t all = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
        assert_int_equal(bus_read(&bus, hpa(at), size), all);
        assert_int_equal(bus_read(&bus, hpa(UINT32_MAX & ~3u), size), all);
        assert_int_equal(bus_in(&bus, 0x123, size), all);
        bus_write(&bus, hpa(at), size, 1);
        bus_out(&bus, 0x123, size, 1);
    }
    assert_null(bus_page(&bus, hpa(at)));
    assert_false(bus_peek(&bus, hpa(at - 2), &v, 4));
    assert_false(bus_poke(&bus, hpa(at - 2), &v, 4));
    assert_true(bus_peek(&bus, hpa(at - 4), &v, 4));
    bus_mark(&bus, hpa(at), FRAME_CODE);
    assert_int_equal(bus_marks(&bus, hpa(at)), 0);
}

static void poke_and_peek_cross_pages(void **state)
{
    (void)state;
    uint8_t in[3 * PAGE_SIZE], out[3 * PAGE_SIZE];
    for (size_t i = 0; i < sizeof in; i++) in[i] = (uint8_t)(i * 7 + i / 256);
    assert_true(bus_poke(&bus, hpa(0x1801), in, sizeof in));
    assert_true(bus_peek(&bus, hpa(0x1801), out, sizeof out));
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(bus_read(&bus, hpa(0x1800), 1), 0);
    assert_int_equal(bus_marks(&bus, hpa(0x4000)), FRAME_DIRTY);
}

static void code_writes_are_heard(void **state)
{
    (void)state;
    bus_listen(&bus, (struct bus_listener){ on_code_write, NULL });
    bus_write(&bus, hpa(0x3010), 4, 1);
    assert_int_equal(heard.calls, 0);
    bus_mark(&bus, hpa(0x3FFF), FRAME_CODE);
    bus_write(&bus, hpa(0x3010), 2, 1);
    assert_int_equal(heard.calls, 1);
    assert_int_equal(heard.frame, 3);
    assert_int_equal(heard.offset, 0x10);
    assert_int_equal(heard.size, 2);
    uint8_t bytes[PAGE_SIZE] = { 0 };
    bus_poke(&bus, hpa(0x2800), bytes, sizeof bytes); /* half in frame 2, half in frame 3 */
    assert_int_equal(heard.calls, 2);
    assert_int_equal(heard.offset, 0);
    assert_int_equal(heard.size, 0x800);
    bus_unmark(&bus, hpa(0x3000), FRAME_CODE);
    bus_write(&bus, hpa(0x3010), 2, 1);
    assert_int_equal(heard.calls, 2);
    assert_int_equal(bus_marks(&bus, hpa(0x3000)), FRAME_DIRTY);
}

/* A VM's bus shows other frames of the same RAM, and a VM within it still others. */
static void frame_maps_nest(void **state)
{
    (void)state;
    static struct bus inner;
    bus_init_child(&vm, &bus, 4, &arena);
    bus_init_child(&inner, &vm, 2, &arena);
    assert_null(bus_page(&vm, hpa(0)));
    assert_int_equal(bus_read(&vm, hpa(0), 4), UINT32_MAX);
    vm.map[0] = 9, vm.map[3] = 5;
    inner.map[1] = 3;
    bus_write(&vm, hpa(0x0010), 4, 0xCAFE);
    assert_int_equal(bus_read(&bus, hpa(0x9010), 4), 0xCAFE);
    bus_write(&inner, hpa(0x1020), 4, 0xBEEF);
    assert_int_equal(bus_read(&bus, hpa(0x5020), 4), 0xBEEF);
    uint32_t frame = 0;
    assert_ptr_equal(bus_owner(&inner, hpa(0x1020), &frame), &bus);
    assert_int_equal(frame, 5);
    assert_null(bus_owner(&inner, hpa(0x0020), &frame));
    vm.map[0] = FRAMES; /* points beyond the machine */
    assert_null(bus_page(&vm, hpa(0)));
    bus_listen(&inner, (struct bus_listener){ on_code_write, NULL });
    bus_mark(&inner, hpa(0x1000), FRAME_CODE);
    bus_write(&bus, hpa(0x5000), 1, 0);
    assert_int_equal(heard.frame, 5);
}

static void windows_shadow_memory(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_true(bus_attach(&bus, BUS_MEM, 0x2000, 0x100, 0x40, &one.device, &e));
    assert_int_equal(bus_read(&bus, hpa(0x2004), 2), 0xC114);
    assert_int_equal(one.offset, 0x44);
    bus_write(&bus, hpa(0x20FF), 1, 0x1FF);
    assert_int_equal(one.value, 0xFF);
    assert_int_equal(bus_read(&bus, hpa(0x2100), 4), 0);
    assert_true(bus_attach(&bus, BUS_MEM, 0xFFFF0000, 0x10000, 0, &two.device, &e)); /* up to the very top */
    bus_read(&bus, hpa(0xFFFFFFFC), 4);
    assert_int_equal(two.offset, 0xFFFC);
    assert_int_equal(one.reads, 1);
}

static void overlaps_are_refused(void **state)
{
    (void)state;
    static const struct { uint8_t space; uint32_t base, length; bool fits; } rows[] = {
        { BUS_PORT, 0x20, 2, true },       { BUS_PORT, 0x21, 1, false },      { BUS_PORT, 0x1F, 2, false },
        { BUS_PORT, 0x22, 1, true },       { BUS_MEM, 0x20, 2, true },        { BUS_PORT, 0xFFFF, 1, true },
        { BUS_PORT, 0xFFF0, 0x11, false }, { BUS_PORT, 0x300, 0, false },     { BUS_MEM, 0xFFFFF000, 0x1000, true },
        { BUS_MEM, 0xFFFFFFFF, 1, false }, { BUS_MEM, 0xFFFFE000, 0x2000, false },
        { BUS_MEM, 0xFFFFE000, 0x1000, true },
        { BUS_MEM, 0xFFFFFFF0, 0x20, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = { 0 };
        bool fits = bus_attach(&bus, rows[i].space, rows[i].base, rows[i].length, 0, &one.device, &e);
        assert_int_equal(fits, rows[i].fits);
        assert_int_equal(e.code, rows[i].fits ? 0 : EXIT_BUG);
    }
    struct err e = { 0 };
    for (uint32_t i = bus.windows; i < BUS_WINDOWS; i++)
        assert_true(bus_attach(&bus, BUS_PORT, 0x1000 + i, 1, 0, &one.device, &e));
    assert_false(bus_attach(&bus, BUS_PORT, 0x2000, 1, 0, &one.device, &e));
}

static void ports_are_split_when_they_must(void **state)
{
    (void)state;
    bus_attach(&bus, BUS_PORT, 0x40, 2, 0, &one.device, NULL);
    bus_attach(&bus, BUS_PORT, 0x42, 1, 8, &two.device, NULL);
    assert_int_equal(bus_in(&bus, 0x40, 2), 0xC0D0); /* wholly inside: one access */
    assert_int_equal(one.reads, 1);
    assert_int_equal(one.size, 2);
    assert_int_equal(bus_in(&bus, 0x41, 4), 0xFFFFD8D1); /* byte by byte, the last two nobody's */
    assert_int_equal(one.offset, 1);
    assert_int_equal(two.offset, 8);
    bus_out(&bus, 0x41, 2, 0x1234);
    assert_int_equal(one.value, 0x34);
    assert_int_equal(two.value, 0x12);
    assert_int_equal(one.writes, 1);
    bus_attach(&bus, BUS_PORT, 0xFFFF, 1, 0, &one.device, NULL);
    bus_attach(&bus, BUS_PORT, 0, 1, 3, &two.device, NULL);
    bus_out(&bus, 0xFFFF, 2, 0x5678); /* port numbers wrap */
    assert_int_equal(one.value, 0x78);
    assert_int_equal(two.value, 0x56);
    assert_int_equal(two.offset, 3);
    assert_int_equal(bus_in(&bus, 0xFFFF, 2), 0xD3D0);
    assert_int_equal(two.offset, 3);
}

static void ports_take_their_time(void **state)
{
    (void)state;
    bus.port_cycles = 3192;
    clock_cause(&clk, 4);
    bus_in(&bus, 0x80, 1);
    bus_out(&bus, 0x80, 4, 0);
    assert_int_equal(clk.now, 2 * 3192);
    assert_int_equal(clock_of_cause(&clk, 4), 2 * 3192);
    assert_true(clock_check(&clk));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(memory_is_little_endian), T(nothing_reads_ones), T(poke_and_peek_cross_pages), T(code_writes_are_heard),
        T(frame_maps_nest), T(windows_shadow_memory), T(overlaps_are_refused), T(ports_are_split_when_they_must),
        T(ports_take_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
