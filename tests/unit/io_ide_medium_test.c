/* What is behind an ATA drive: a medium that fails, that takes its time, that is far away and answers later. Registers: io_ide_test.c. */
#include "tests/support/ide_driver.h"

static void host_trouble(void **state)
{
    (void)state;
    uint8_t data[512] = { 0 };
    w.bad = 50;
    command(0x20, 2, 49, 0xE0);
    read_block(data, 256);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x51);
    assert_int_equal(in(ATA_ERROR), ATA_UNC);
    assert_int_equal(in(ATA_LOW), 50);
    command(0x30, 1, 50, 0xE0);
    write_block(data, 256);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x71);
}

static void takes_time(void **state)
{
    (void)state;
    uint8_t got[512];
    uint64_t begun = w.clk.now;
    command(0x20, 2, 100, 0xE0);
    assert_int_equal(w.clk.now - begun, 10000 + 100000 + 5000); /* at 1 GHz: command, seek, sector */
    begun = w.clk.now;
    read_block(got, 256);
    ide_world_wait(&w, 0);
    assert_int_equal(w.clk.now - begun, 5000);
    read_block(got, 256);
    begun = w.clk.now;
    command(0x20, 1, 102, 0xE0); /* it is just there */
    assert_int_equal(w.clk.now - begun, 15000);
}

/* --- a medium that is far away */

static struct { uint64_t lba; uint32_t count, ticket; bool write; unsigned asked; } far_off;

static void far_begin(void *self, uint64_t lba, uint32_t count, bool write, uint32_t ticket)
{
    (void)self;
    far_off.lba = lba, far_off.count = count, far_off.write = write, far_off.ticket = ticket;
    far_off.asked++;
}

static struct ata *far_drive(void)
{
    struct ata *a = &w.ide.channel[0].drive[0];
    memset(&far_off, 0, sizeof far_off);
    a->disk.begin = far_begin;
    return a;
}

static void ask_far(uint8_t code, uint8_t count, uint32_t lba)
{
    out(ATA_DEVICE, 0xE0);
    out(ATA_COUNT, count);
    for (unsigned i = 0; i < 3; i++) out(ATA_LOW + i, (uint8_t)(lba >> 8 * i));
    out(ATA_COMMAND, code);
    ide_world_run(&w, 10);
}

static void far_reads(void **state)
{
    (void)state;
    uint8_t got[512];
    struct ata *a = far_drive();
    ask_far(0x20, 2, 77);
    assert_int_equal(alternate() & 0x88, 0x80); /* busy for as long as it takes */
    assert_int_equal(far_off.lba, 77);
    assert_int_equal(far_off.count, 1);
    assert_false(far_off.write);
    memset(a->buffer, 0xA7, 512);
    ata_arrived(a, far_off.ticket, true);
    assert_int_equal(in(ATA_STATUS), 0x58);
    read_block(got, 256);
    assert_int_equal(got[511], 0xA7);
    ide_world_run(&w, 10);
    assert_int_equal(far_off.lba, 78);
    assert_int_equal(far_off.asked, 2);
    ata_arrived(a, far_off.ticket, false);
    assert_int_equal(in(ATA_STATUS) & (ATA_ERR | ATA_BSY), ATA_ERR);
    assert_int_equal(in(ATA_ERROR), ATA_UNC);
    assert_int_equal(in(ATA_LOW), 78);
}

static void far_writes(void **state)
{
    (void)state;
    uint8_t block[512] = { 1, 2, 3 };
    struct ata *a = far_drive();
    ask_far(0x30, 1, 9);
    assert_int_equal(far_off.asked, 0);
    write_block(block, 256);
    ide_world_run(&w, 10);
    assert_true(far_off.write);
    assert_memory_equal(a->buffer, block, 512);
    assert_int_equal(alternate() & ATA_BSY, ATA_BSY);
    ata_arrived(a, far_off.ticket, true);
    assert_int_equal(in(ATA_STATUS), 0x50);
    ask_far(0x30, 1, 9);
    write_block(block, 256);
    ide_world_run(&w, 10);
    ata_arrived(a, far_off.ticket, false);
    assert_int_equal(in(ATA_STATUS) & (ATA_ERR | ATA_DF), ATA_ERR | ATA_DF);
}

/* A reset ends the command; the answer to what it had asked comes late, and after the next question. */
static void far_too_late(void **state)
{
    (void)state;
    struct ata *a = far_drive();
    ask_far(0x20, 1, 5);
    uint32_t old = far_off.ticket;
    control(4);
    ata_arrived(a, old, true);
    assert_int_equal(alternate(), 0x80);
    control(0);
    ide_world_wait(&w, 0);
    ask_far(0x20, 1, 6);
    assert_int_not_equal(far_off.ticket, old);
    ata_arrived(a, old, false);
    assert_int_equal(alternate() & ATA_BSY, ATA_BSY);
    ata_arrived(a, far_off.ticket, true);
    assert_int_equal(alternate(), 0x58);
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(host_trouble), T(takes_time), T(far_reads), T(far_writes), T(far_too_late) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
