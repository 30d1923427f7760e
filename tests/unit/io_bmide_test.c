/* The PIIX3's bus masters: descriptors, transfers, interrupts, errors; their place in the ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/ide_world.h"

enum { TABLE = 0x1000, END = IDE_WORLD_FRAMES * 4096 };
enum { BM = IDE_WORLD_MASTER, DONE = BMIDE_INTERRUPT, READ_DMA = 0xC8, WRITE_DMA = 0xCA };

static struct ide_world w;
static struct { unsigned calls; uint32_t frame, begin, end; } code;

static void on_code(void *self, uint32_t frame, uint32_t offset, unsigned size)
{
    (void)self;
    code.calls++;
    code.frame = frame, code.begin = offset, code.end = offset + size;
}

static int setup(void **state)
{
    (void)state;
    ide_world_init(&w, 2);
    memset(&code, 0, sizeof code);
    bus_listen(&w.bus, (struct bus_listener){ on_code, NULL });
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    ide_world_done(&w);
    return 0;
}

static uint8_t status(void) { return (uint8_t)bus_in(&w.bus, BM + BMIDE_STATUS, 1); }
static uint8_t drive_status(void) { return (uint8_t)bus_in(&w.bus, 0x3F6, 1); }

static void prd(unsigned n, uint32_t at, uint32_t count_and_last)
{
    const uint32_t words[2] = { at, (count_and_last & 0xFFFF) | (count_and_last & 0x10000 ? 0x80000000u : 0) };
    memcpy(w.ram + TABLE + 8 * n, words, 8);
}
#define LAST_ONE 0x10000u

/* Programs master and drive as a driver does; runs what is armed. */
static void dma(uint8_t command, uint32_t lba, unsigned sectors)
{
    bus_out(&w.bus, BM, 1, 0);
    bus_out(&w.bus, BM + BMIDE_STATUS, 1, BMIDE_INTERRUPT | BMIDE_ERROR);
    bus_out(&w.bus, BM + BMIDE_TABLE, 4, TABLE);
    bus_out(&w.bus, BM, 1, command == READ_DMA ? BMIDE_TO_MEMORY : 0);
    bus_out(&w.bus, 0x1F6, 1, 0xE0 | lba >> 24);
    bus_out(&w.bus, 0x1F2, 1, sectors & 0xFF);
    for (unsigned i = 0; i < 3; i++) bus_out(&w.bus, (uint16_t)(0x1F3 + i), 1, lba >> 8 * i & 0xFF);
    bus_out(&w.bus, 0x1F7, 1, command);
    bus_out(&w.bus, BM, 1, (command == READ_DMA ? BMIDE_TO_MEMORY : 0) | BMIDE_START);
    assert_true(status() & BMIDE_ACTIVE);
    ide_world_run(&w, 1000);
}

static void scattered_read(void **state)
{
    (void)state;
    prd(0, 0x5FFE, 600); /* over a page's end */
    prd(1, 0x9000, 424);
    prd(2, 0x8000, LAST_ONE | 512);
    dma(READ_DMA, 70, 3);
    assert_int_equal(status(), DONE);
    assert_int_equal(drive_status(), 0x50);
    assert_int_equal(w.irqs[0], 1);
    const uint8_t *d = w.disk[0] + 70 * 512;
    assert_memory_equal(w.ram + 0x5FFE, d, 600);
    assert_memory_equal(w.ram + 0x9000, d + 600, 424);
    assert_memory_equal(w.ram + 0x8000, d + 1024, 512);
    assert_int_equal(w.ram[0x9000 + 424], 0);
    assert_int_equal(w.touched, 1536);
    assert_true(bus_marks(&w.bus, hpa(0x6000)) & FRAME_DIRTY);
}

static void large_write(void **state)
{
    (void)state;
    for (uint32_t i = 0x10000; i < 0x30000; i++) w.ram[i] = (uint8_t)(i * 31 >> 3);
    prd(0, 0x10000, 0); /* 64 KB */
    prd(1, 0x20000, LAST_ONE);
    dma(WRITE_DMA, 1000, 256);
    assert_int_equal(status(), DONE);
    assert_memory_equal(w.disk[0] + 1000 * 512, w.ram + 0x10000, 0x20000);
    assert_int_equal(w.touched, 0);
    assert_int_equal(bus_in(&w.bus, 0x1F2, 1), 0);
}

/* A region, and a table, that cross a 64 KB boundary go on there. */
static void boundaries(void **state)
{
    (void)state;
    prd(0, 0x1FE00, LAST_ONE | 1024);
    dma(READ_DMA, 5, 2);
    assert_memory_equal(w.ram + 0x1FE00, w.disk[0] + 5 * 512, 1024);
    const uint32_t words[4] = { 0x4000, 512, 0x5000, 0x80000000u | 512 };
    memcpy(w.ram + 0x2FFF8, words, 16);
    bus_out(&w.bus, BM, 1, 0);
    bus_out(&w.bus, BM + BMIDE_TABLE, 4, 0x2FFF8);
    bus_out(&w.bus, 0x1F2, 1, 2);
    bus_out(&w.bus, 0x1F3, 1, 8);
    bus_out(&w.bus, 0x1F7, 1, READ_DMA);
    bus_out(&w.bus, BM, 1, BMIDE_TO_MEMORY | BMIDE_START);
    ide_world_run(&w, 100);
    assert_memory_equal(w.ram + 0x5000, w.disk[0] + 9 * 512, 512);
}

/* Data sheet, table of the status bits: a table that is too long leaves Active set, one too short no interrupt. */
static void lengths(void **state)
{
    (void)state;
    prd(0, 0x4000, LAST_ONE | 4096);
    dma(READ_DMA, 0, 2);
    assert_int_equal(status(), DONE | BMIDE_ACTIVE);
    bus_out(&w.bus, BM, 1, BMIDE_TO_MEMORY);
    assert_int_equal(status(), DONE);
    prd(0, 0x4000, LAST_ONE | 512);
    dma(READ_DMA, 0, 2);
    assert_int_equal(status(), 0);
    assert_int_equal(drive_status() & 0x88, 0x08); /* it waits */
    prd(0, 0x6000, LAST_ONE | 512);
    bus_out(&w.bus, BM, 1, 0); /* and goes on when there is room again */
    bus_out(&w.bus, BM, 1, BMIDE_TO_MEMORY | BMIDE_START);
    ide_world_run(&w, 100);
    assert_int_equal(status(), DONE);
    assert_memory_equal(w.ram + 0x6000, w.disk[0] + 512, 512);
}

static void bad_addresses(void **state)
{
    (void)state;
    static const struct { uint32_t table, region; uint8_t want; const char *why; } rows[] = {
        { TABLE, END, BMIDE_ERROR, "a region behind memory" }, { TABLE, 0xFFFFF000, BMIDE_ERROR, "at the top" },
        { TABLE, END - 512, BMIDE_ERROR, "half in memory" }, { END, 0, BMIDE_ERROR, "a table behind memory" },
        { 0xFFFFFFFC, 0, BMIDE_ERROR, "a table at the top" }, { TABLE, 0x4001, DONE, "an odd address is even" } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bus_out(&w.bus, 0x3F6, 1, 4);
        bus_out(&w.bus, 0x3F6, 1, 0);
        ide_world_run(&w, 10);
        prd(0, rows[i].region, LAST_ONE | 1024);
        bus_out(&w.bus, BM, 1, 0);
        bus_out(&w.bus, BM + BMIDE_STATUS, 1, 6);
        assert_int_equal(status(), 0);
        bus_out(&w.bus, BM + BMIDE_TABLE, 4, rows[i].table);
        bus_out(&w.bus, 0x1F6, 1, 0xE0);
        bus_out(&w.bus, 0x1F2, 1, 2);
        bus_out(&w.bus, 0x1F7, 1, READ_DMA);
        bus_out(&w.bus, BM, 1, BMIDE_TO_MEMORY | BMIDE_START);
        ide_world_run(&w, 100);
        if (status() != rows[i].want) fail_msg("%s: %X", rows[i].why, status());
        assert_int_equal(w.aborts, rows[i].want == BMIDE_ERROR ? i + 1 : i);
    }
    bus_out(&w.bus, BM + BMIDE_STATUS, 1, 0x61);
    assert_int_equal(status(), 0x60 | DONE); /* only ones clear; bits 5 and 6 are just kept */
    bus_out(&w.bus, BM + BMIDE_STATUS, 1, 0x04);
    assert_int_equal(status(), 0);
}

static void directions(void **state)
{
    (void)state;
    prd(0, 0x4000, LAST_ONE | 512);
    bus_out(&w.bus, BM + BMIDE_TABLE, 4, TABLE);
    bus_out(&w.bus, 0x1F2, 1, 1);
    bus_out(&w.bus, 0x1F7, 1, READ_DMA);
    bus_out(&w.bus, BM, 1, BMIDE_START); /* from memory, says the master; to memory, says the drive */
    ide_world_run(&w, 100);
    assert_int_equal(status(), BMIDE_ACTIVE);
    assert_int_equal(w.ram[0x4000], 0);
    w.config[4] = 1; /* no bus mastering */
    ide_configured(&w.ide, w.config);
    bus_out(&w.bus, BM, 1, 0);
    bus_out(&w.bus, BM, 1, BMIDE_TO_MEMORY | BMIDE_START);
    ide_world_run(&w, 100);
    assert_int_equal(w.touched, 0);
    w.config[4] = 5;
    ide_configured(&w.ide, w.config);
    assert_int_equal(status(), DONE);
    assert_int_equal(w.touched, 512);
}

/* The first channel's interrupt is remembered for PIO, too; not while nIEN holds it back. */
static void interrupt_bit(void **state)
{
    (void)state;
    bus_out(&w.bus, 0x1F7, 1, 0xE7);
    ide_world_run(&w, 10);
    assert_int_equal(status(), DONE);
    bus_in(&w.bus, 0x1F7, 1);
    assert_int_equal(status(), DONE);
    bus_out(&w.bus, BM + BMIDE_STATUS, 1, 4);
    bus_out(&w.bus, 0x3F6, 1, 2);
    bus_out(&w.bus, 0x1F7, 1, 0xE7);
    ide_world_run(&w, 10);
    assert_int_equal(status(), 0);
}

/* Stores of the master are stores: decoded code in the way is dropped, just that. */
static void code_in_the_way(void **state)
{
    (void)state;
    bus_mark(&w.bus, hpa(0x7000), FRAME_CODE);
    prd(0, 0x6F00, LAST_ONE | 512);
    dma(READ_DMA, 3, 1);
    assert_int_equal(code.calls, 1);
    assert_int_equal(code.frame, 7);
    assert_int_equal(code.begin, 0);
    assert_int_equal(code.end, 0x100);
}

/* A device's memory in the way: its own functions see dwords, and words at uneven places. */
static struct { struct device device; uint8_t bytes[4096]; unsigned reads, writes; } screen;
static uint32_t screen_read(struct device *d, uint32_t offset, unsigned size)
{
    (void)d;
    uint32_t v = 0;
    memcpy(&v, screen.bytes + offset, size);
    screen.reads++;
    return v;
}
static void screen_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)d;
    memcpy(screen.bytes + offset, &value, size);
    screen.writes++;
}

static void device_memory(void **state)
{
    (void)state;
    static const struct device_ops ops = { .name = "screen", .read = screen_read, .write = screen_write };
    screen.device.ops = &ops;
    assert_true(bus_attach(&w.bus, BUS_MEM, 0xB8000, 4096, 0, &screen.device, NULL));
    prd(0, 0xB8002, LAST_ONE | 512);
    dma(READ_DMA, 3, 1);
    assert_memory_equal(screen.bytes + 2, w.disk[0] + 3 * 512, 512);
    assert_int_equal(screen.writes, 1 + 127 + 1);
    dma(WRITE_DMA, 9, 1);
    assert_int_equal(status(), DONE);
    assert_memory_equal(w.disk[0] + 9 * 512, w.disk[0] + 3 * 512, 512);
}

static void registers(void **state)
{
    (void)state;
    bus_out(&w.bus, BM + BMIDE_TABLE, 4, 0x12345677);
    assert_int_equal(bus_in(&w.bus, BM + BMIDE_TABLE, 4), 0x12345674);
    bus_out(&w.bus, BM + BMIDE_TABLE + 1, 1, 0xAB);
    assert_int_equal(bus_in(&w.bus, BM + BMIDE_TABLE, 4), 0x1234AB74);
    bus_out(&w.bus, BM, 1, 0xFE);
    assert_int_equal(bus_in(&w.bus, BM, 2), 0x08);
    bus_out(&w.bus, BM + 8, 1, 0x08);
    assert_int_equal(bus_in(&w.bus, BM + 12, 4), 0);
    const uint8_t before = w.config[0x21];
    w.config[0x21] = 0xD0;
    ide_configured(&w.ide, w.config);
    assert_int_equal(bus_in(&w.bus, BM, 1), 0xFF);
    assert_int_equal(bus_in(&w.bus, 0xD004, 4), 0x1234AB74);
    w.config[0x21] = 0x01, w.config[0x20] = 0xF1; /* over the drive's own ports: those stay */
    ide_configured(&w.ide, w.config);
    assert_int_equal(bus_in(&w.bus, 0x1F7, 1), 0x50);
    assert_int_equal(bus_in(&w.bus, 0x1F8, 1), 0x08);
    w.config[0x21] = before, w.config[0x20] = 1;
    w.config[4] = 4; /* no ports */
    ide_configured(&w.ide, w.config);
    assert_int_equal(bus_in(&w.bus, BM + 4, 4), UINT32_MAX);
    assert_int_equal(bus_in(&w.bus, 0x1F7, 1), 0xFF);
    w.config[4] = 5, w.config[0x43] = 0; /* the second channel is off */
    ide_configured(&w.ide, w.config);
    assert_int_equal(bus_in(&w.bus, 0x1F7, 1), 0x50);
    assert_int_equal(bus_in(&w.bus, 0x177, 1), 0xFF);
    assert_int_equal(bus_in(&w.bus, BM + 4, 4), 0x1234AB74);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(scattered_read), T(large_write), T(boundaries), T(lengths), T(bad_addresses), T(directions), T(interrupt_bit),
        T(code_in_the_way), T(device_memory), T(registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
