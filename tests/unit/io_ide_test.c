/* ATA drives behind the PIIX3's two channels: registers, PIO, errors, settings. Bus master: io_bmide_test.c; what is
 * behind a drive: io_ide_medium_test.c. */
#include "tests/support/ide_driver.h"

static void signature(void **state)
{
    (void)state;
    static const uint8_t wanted[] = { 0x01, 1, 1, 0, 0, 0, 0x50 };
    for (unsigned r = 1; r < 8; r++) assert_int_equal(in(r), wanted[r - 1]);
    assert_int_equal(w.irqs[0], 0);
    out(ATA_DEVICE, 0xB0);
    assert_int_equal(in(ATA_DEVICE), 0xB0);
    assert_int_equal(in(ATA_STATUS), 0x50); /* device 1 */
    control(0x04);
    assert_int_equal(in(ATA_STATUS), 0x80);
    control(0x00);
    assert_int_equal(in(ATA_STATUS) & 0x80, 0x80);
    ide_world_wait(&w, 0);
    for (unsigned r = 1; r < 8; r++) assert_int_equal(in(r), wanted[r - 1]);
    assert_int_equal(w.irqs[0], 0); /* a reset is silent */
    assert_int_equal(command(0x90, 7, 7, 0xF0), 0x50);
    for (unsigned r = 1; r < 8; r++) assert_int_equal(in(r), wanted[r - 1]);
    assert_int_equal(w.irqs[0], 1);
}

static uint16_t word(const uint8_t *id, unsigned n) { return (uint16_t)(id[2 * n] | id[2 * n + 1] << 8); }

static void identify(void **state)
{
    (void)state;
    uint8_t id[512], sum = 0;
    assert_int_equal(command(0xEC, 0, 0, 0xA0), 0x58);
    assert_int_equal(w.irqs[0], 1);
    assert_true(w.line[0]);
    in(ATA_STATUS);
    assert_false(w.line[0]);
    read_block(id, 255);
    assert_int_equal(alternate(), 0x58);
    read_block(id + 510, 1);
    assert_int_equal(alternate(), 0x50);
    static const struct { unsigned n; uint16_t want; } rows[] = {
        { 0, 0x40 }, { 1, 19 }, { 3, 16 }, { 6, 63 }, { 10, 'R' << 8 | 'I' }, { 14, '-' << 8 | '1' }, { 15, 0x2020 },
        { 27, 'R' << 8 | 'I' }, { 47, 0x8010 },
        { 49, 0x0F00 }, { 53, 7 }, { 54, 19 }, { 55, 16 }, { 56, 63 }, { 57, 19152 }, { 58, 0 }, { 59, 0x0110 },
        { 60, 20000 }, { 61, 0 }, { 63, 0x0407 }, { 80, 0x70 }, { 83, 0x7400 }, { 86, 0x3400 },
        { 88, 0x3F }, { 93, 0x603B },
        { 100, 20000 }, { 101, 0 }, { 102, 0 }, { 103, 0 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (word(id, rows[i].n) != rows[i].want) fail_msg("word %u: %04X", rows[i].n, word(id, rows[i].n));
    for (unsigned i = 0; i < 512; i++) sum = (uint8_t)(sum + id[i]);
    assert_int_equal(sum, 0);
    command(0xEC, 0, 0, 0xB0);
    read_block(id, 256);
    assert_int_equal(word(id, 60), 300);
    assert_int_equal(word(id, 1) * word(id, 3) * word(id, 6), 4 * 63);
    assert_int_equal(word(id, 93), 0x6B00);
}

static void geometries(void **state)
{
    (void)state;
    static const struct { uint64_t sectors; unsigned c, h, s; } rows[] = {
        { 1, 1, 1, 1 }, { 62, 1, 1, 62 }, { 63, 1, 1, 63 }, { 126, 1, 2, 63 }, { 1008, 1, 16, 63 }, { 2880, 2, 16, 63 },
        { 0x0FFFFFFF, 16383, 16, 63 }, { 1ull << 40, 16383, 16, 63 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ata_geometry g = ata_geometry_of(rows[i].sectors);
        assert_int_equal(g.cylinders, rows[i].c);
        assert_int_equal(g.heads, rows[i].h);
        assert_int_equal(g.sectors, rows[i].s);
    }
}

/* READ SECTORS: one interrupt and one DRQ block a sector, status and registers in between and at the end. */
static void read_sectors(void **state)
{
    (void)state;
    uint8_t got[512];
    out(ATA_DEVICE, 0xE0);
    out(ATA_COUNT, 3), out(ATA_LOW, 5), out(ATA_MID, 1), out(ATA_HIGH, 0);
    out(ATA_COMMAND, 0x20);
    assert_int_equal(alternate() & 0x88, 0x80);
    out(ATA_LOW, 99); /* ignored while busy */
    for (unsigned i = 0; i < 3; i++) {
        ide_world_wait(&w, 0);
        assert_int_equal(w.irqs[0], i + 1);
        assert_int_equal(in(ATA_STATUS), 0x58);
        assert_false(w.line[0]);
        read_block(got, 256);
        assert_memory_equal(got, w.disk[0] + (0x105 + i) * 512, 512);
    }
    assert_int_equal(in(ATA_STATUS), 0x50);
    ide_world_wait(&w, 0);
    assert_int_equal(w.irqs[0], 3);
    assert_int_equal(in(ATA_COUNT), 0);
    assert_int_equal(in(ATA_LOW), 7);
    assert_int_equal(in(ATA_MID), 1);
    assert_int_equal(in(ATA_ERROR), 0);
    assert_int_equal(bus_in(&w.bus, 0x1F0, 2), 0xFFFF); /* nothing more */
}

static void data_port_widths(void **state)
{
    (void)state;
    uint32_t v;
    command(0x20, 1, 9, 0xE0);
    assert_int_equal(bus_in(&w.bus, 0x1F0, 1), w.disk[0][9 * 512]); /* a whole cycle: the other byte is lost */
    assert_int_equal(bus_in(&w.bus, 0x1F0, 2), w.disk[0][9 * 512 + 2] | w.disk[0][9 * 512 + 3] << 8);
    memcpy(&v, w.disk[0] + 9 * 512 + 4, 4);
    assert_int_equal(bus_in(&w.bus, 0x1F0, 4), v);
    assert_int_equal(w.ide.channel[0].drive[0].at, 8);
    const struct device *d = &w.ide.device;
    assert_int_equal(d->ops->peek(d, 0, 2), w.disk[0][9 * 512 + 8] | w.disk[0][9 * 512 + 9] << 8);
    assert_int_equal(w.ide.channel[0].drive[0].at, 8);
    assert_int_equal(bus_in(&w.bus, 0x1F2, 2), in(ATA_COUNT) | in(ATA_LOW) << 8);
}

static void write_sectors(void **state)
{
    (void)state;
    uint8_t data[1024];
    for (unsigned i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + 3);
    assert_int_equal(command(0x30, 2, 40, 0xE0), 0x58); /* at once, without an interrupt */
    assert_int_equal(w.irqs[0], 0);
    write_block(data, 256);
    assert_int_equal(alternate() & 0x80, 0x80);
    ide_world_wait(&w, 0);
    assert_int_equal(w.irqs[0], 1);
    assert_int_equal(in(ATA_STATUS), 0x58);
    for (unsigned i = 0; i < 128; i++) {
        uint32_t v;
        memcpy(&v, data + 512 + 4 * i, 4);
        bus_out(&w.bus, 0x1F0, 4, v);
    }
    ide_world_wait(&w, 0);
    assert_int_equal(w.irqs[0], 2);
    assert_int_equal(in(ATA_STATUS), 0x50);
    assert_memory_equal(w.disk[0] + 40 * 512, data, 1024);
    assert_int_equal(in(ATA_LOW), 41);
}

static void multiple(void **state)
{
    (void)state;
    static uint8_t got[16 * 512];
    static const struct { uint8_t count, status; } sets[] = {
        { 3, 0x51 }, { 32, 0x51 }, { 0, 0x50 } };
    for (unsigned i = 0; i < 3; i++) assert_int_equal(command(0xC6, sets[i].count, 0, 0xE0), sets[i].status);
    assert_int_equal(command(0xC4, 1, 0, 0xE0), 0x51); /* off */
    assert_int_equal(in(ATA_ERROR), ATA_ABRT);
    assert_int_equal(command(0xC6, 4, 0, 0xE0), 0x50);
    w.irqs[0] = 0;
    in(ATA_STATUS);
    command(0xC4, 6, 100, 0xE0);
    in(ATA_STATUS);
    read_block(got, 4 * 256);
    ide_world_wait(&w, 0);
    in(ATA_STATUS);
    read_block(got + 2048, 2 * 256);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x50);
    assert_int_equal(w.irqs[0], 2);
    assert_memory_equal(got, w.disk[0] + 100 * 512, 6 * 512);
    for (unsigned i = 0; i < sizeof got; i++) got[i] = (uint8_t)(i ^ i >> 8);
    command(0xC5, 5, 200, 0xE0);
    write_block(got, 4 * 256);
    ide_world_wait(&w, 0);
    write_block(got + 2048, 256);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x50);
    assert_memory_equal(got, w.disk[0] + 200 * 512, 5 * 512);
}

static void chs(void **state)
{
    (void)state;
    uint8_t got[512];
    /* 16 heads of 63: cylinder 2, head 3, sector 4 */
    assert_int_equal(command(0x20, 1, 2 << 8 | 4, 0xA3), 0x58);
    read_block(got, 256);
    assert_memory_equal(got, w.disk[0] + ((2 * 16 + 3) * 63 + 3) * 512, 512);
    assert_int_equal(in(ATA_DEVICE), 0xA3);
    assert_int_equal(command(0x91, 17, 0, 0xA7), 0x50); /* 8 heads of 17 */
    assert_int_equal(command(0x20, 2, 2 << 8 | 17, 0xA7), 0x58);
    read_block(got, 256);
    assert_memory_equal(got, w.disk[0] + ((2 * 8 + 7) * 17 + 16) * 512, 512);
    ide_world_wait(&w, 0);
    read_block(got, 256);
    assert_memory_equal(got, w.disk[0] + 3 * 8 * 17 * 512, 512);
    assert_int_equal(in(ATA_LOW), 1); /* head 0 of the next cylinder */
    assert_int_equal(in(ATA_MID), 3);
    assert_int_equal(in(ATA_DEVICE), 0xA0);
    static const struct { uint32_t where; uint8_t device; } bad[] = {
        { 0, 0xA0 }, { 18, 0xA0 }, { 1, 0xA8 }, { 1 | 148 << 8, 0xA0 } };
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(command(0x20, 1, bad[i].where, bad[i].device), 0x51);
        assert_int_equal(in(ATA_ERROR), ATA_IDNF);
    }
    command(0xEC, 0, 0, 0xA0);
    uint8_t id[512];
    read_block(id, 256);
    assert_int_equal(word(id, 54), 20000 / (8 * 17));
    assert_int_equal(word(id, 1), 19);
    assert_int_equal(command(0x91, 0, 0, 0xA7), 0x51);
}

/* Beyond the end: what exists moves, then IDNF, and the registers name the first sector that does not exist. */
static void beyond_the_end(void **state)
{
    (void)state;
    uint8_t got[1024];
    static const uint8_t codes[] = { 0x20, 0x30, 0x40, 0x70, 0xC4, 0xC5, 0x24, 0x34, 0x42, 0x29, 0x39 };
    for (unsigned i = 0; i < sizeof codes; i++) {
        assert_int_equal(command(codes[i], 1, 20000, 0xE0), 0x51);
        assert_int_equal(in(ATA_ERROR), ATA_IDNF);
        assert_int_equal(in(ATA_STATUS), 0x51);
    }
    assert_int_equal(command(0x20, 4, 19998, 0xE0), 0x58);
    read_block(got, 256);
    ide_world_wait(&w, 0);
    read_block(got + 512, 256);
    assert_memory_equal(got, w.disk[0] + 19998 * 512, 1024);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x51);
    assert_int_equal(in(ATA_ERROR), ATA_IDNF);
    assert_int_equal(in(ATA_LOW) | in(ATA_MID) << 8, 20000);
    assert_int_equal(in(ATA_COUNT), 2);
    assert_int_equal(command(0x40, 0, 20000 - 256, 0xE0), 0x50); /* 0 is 256 */
    assert_int_equal(command(0x40, 0, 20001 - 256, 0xE0), 0x51);
    assert_int_equal(in(ATA_COUNT), 1);
    assert_int_equal(command(0x20, 1, 0x0FFFFFFF, 0xE0), 0x51);
}

/* 48-bit addresses: the second write of a register, and HOB to read the first one. */
/* Every command is an event, with the sectors it is about. */
static void events(void **state)
{
    (void)state;
    static const struct { uint8_t code, count; uint32_t lba; uint8_t device; uint32_t lba_told, told; } rows[] = {
        { 0x40, 3, 0x123456, 0xE7, 0x7123456, 3 }, { 0x20, 0, 19999, 0xF0, 19999, 256 }, { 0xE7, 9, 9, 0xA0, 0, 0 },
        { 0x40, 1, 0x000502, 0xA3, (5 * 16 + 3) * 63 + 1, 1 }, { 0xF8, 1, 1, 0xE0, 0, 0 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        command(rows[i].code, rows[i].count, rows[i].lba, rows[i].device);
        const struct event *e = trace_at(w.trace, trace_count(w.trace) - 1);
        assert_int_equal(trace_count(w.trace), i + 1);
        assert_int_equal(e->kind, EV_DISK);
        assert_int_equal(e->u.DISK.op, rows[i].code);
        assert_int_equal(e->u.DISK.drive, rows[i].device >> 4 & 1);
        assert_int_equal(e->u.DISK.lba, rows[i].lba_told);
        assert_int_equal(e->u.DISK.count, rows[i].told);
    }
    assert_string_equal(trace_name("ata", 0x25), "READ DMA EXT");
    assert_string_equal(trace_name("ata", 0xF8), "(aborted)");
}

static void large(void **state)
{
    (void)state;
    uint8_t got[512];
    out(ATA_DEVICE, 0x40);
    out(ATA_COUNT, 0), out(ATA_COUNT, 2);
    out(ATA_LOW, 0), out(ATA_LOW, 0x34);
    out(ATA_MID, 0), out(ATA_MID, 0x12);
    out(ATA_HIGH, 0), out(ATA_HIGH, 0);
    out(ATA_COMMAND, 0x24);
    for (unsigned i = 0; i < 2; i++) {
        ide_world_wait(&w, 0);
        read_block(got, 256);
        assert_memory_equal(got, w.disk[0] + (0x1234 + i) * 512, 512);
    }
    out(ATA_LOW, 0xAB), out(ATA_LOW, 0xCD);
    control(0x80);
    assert_int_equal(in(ATA_LOW), 0xAB);
    out(ATA_COUNT, 1); /* any write drops HOB */
    assert_int_equal(in(ATA_LOW), 0xCD);
    out(ATA_LOW, 1), out(ATA_LOW, 0); /* sector 1000000h */
    out(ATA_MID, 0), out(ATA_MID, 0), out(ATA_HIGH, 0), out(ATA_HIGH, 0);
    out(ATA_COMMAND, 0x24);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_ERROR), ATA_IDNF);
    control(0x80);
    assert_int_equal(in(ATA_LOW), 1);
}

static void aborted(void **state)
{
    (void)state;
    static const uint8_t codes[] = { 0x00, 0x08, 0x22, 0x50, 0xA0, 0xA1, 0xB0, 0xC0, 0xF8, 0xFF };
    for (unsigned i = 0; i < sizeof codes; i++) {
        w.irqs[0] = 0;
        assert_int_equal(command(codes[i], 1, 1, 0xE0), 0x51);
        assert_int_equal(w.irqs[0], 1);
        assert_int_equal(in(ATA_ERROR), ATA_ABRT);
        in(ATA_STATUS);
        assert_null(ata_command_name(codes[i]));
    }
    assert_string_equal(ata_command_name(0x71), "SEEK");
}

static void settings(void **state)
{
    (void)state;
    uint8_t id[512];
    static const struct { uint8_t feature, count, status; uint16_t mw, udma, enabled; } rows[] = {
        { 0x03, 0x0C, 0x50, 0x0407, 0x003F, 0x7068 }, { 0x03, 0x0D, 0x51, 0x0407, 0x003F, 0x7068 },
        { 0x03, 0x21, 0x50, 0x0207, 0x003F, 0x7068 }, { 0x03, 0x42, 0x50, 0x0007, 0x043F, 0x7068 },
        { 0x03, 0x23, 0x51, 0x0007, 0x043F, 0x7068 }, { 0x03, 0x46, 0x51, 0x0007, 0x043F, 0x7068 },
        { 0x82, 0x00, 0x50, 0x0007, 0x043F, 0x7048 }, { 0x55, 0x00, 0x50, 0x0007, 0x043F, 0x7008 },
        { 0x02, 0x00, 0x50, 0x0007, 0x043F, 0x7028 }, { 0xAA, 0x00, 0x50, 0x0007, 0x043F, 0x7068 },
        { 0x05, 0x80, 0x51, 0x0007, 0x043F, 0x7068 }, { 0x03, 0x00, 0x50, 0x0007, 0x043F, 0x7068 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        out(ATA_FEATURES, rows[i].feature);
        assert_int_equal(command(0xEF, rows[i].count, 0, 0xA0), rows[i].status);
        command(0xEC, 0, 0, 0xA0);
        read_block(id, 256);
        assert_int_equal(word(id, 63), rows[i].mw);
        assert_int_equal(word(id, 88), rows[i].udma);
        assert_int_equal(word(id, 85), rows[i].enabled);
    }
}

static void power(void **state)
{
    (void)state;
    static const struct { uint8_t code, answer; } rows[] = {
        { 0xE7, 0xFF }, { 0xE1, 0x80 }, { 0xE0, 0x00 }, { 0x40, 0xFF }, { 0x97, 0x80 }, { 0x96, 0x00 }, { 0xEA, 0x00 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(command(rows[i].code, 1, 0, 0xE0), 0x50);
        assert_int_equal(command(0xE5, 1, 0, 0xE0), 0x50);
        assert_int_equal(in(ATA_COUNT), rows[i].answer);
    }
    assert_int_equal(command(0xE6, 0, 0, 0xE0), 0x50);
    w.irqs[0] = 0;
    assert_int_equal(command(0xEC, 0, 0, 0xE0), 0x50); /* asleep */
    assert_int_equal(w.irqs[0], 0);
    control(4), control(0);
    ide_world_wait(&w, 0);
    assert_int_equal(command(0xEC, 0, 0, 0xE0), 0x58);
}

static void buffer_commands(void **state)
{
    (void)state;
    uint8_t data[512], got[512];
    for (unsigned i = 0; i < 512; i++) data[i] = (uint8_t)(255 - i);
    assert_int_equal(command(0xE8, 0, 0, 0xA0), 0x58);
    write_block(data, 256);
    ide_world_wait(&w, 0);
    assert_int_equal(in(ATA_STATUS), 0x50);
    assert_int_equal(command(0xE4, 0, 0, 0xA0), 0x58);
    read_block(got, 256);
    assert_memory_equal(got, data, 512);
}

/* nIEN lets go of the wire; what is pending shows when it is cleared, or when its drive is selected. */
static void interrupt_gate(void **state)
{
    (void)state;
    control(0x02);
    command(0xE7, 0, 0, 0xA0);
    assert_false(w.line[0]);
    control(0);
    assert_true(w.line[0]);
    out(ATA_DEVICE, 0xB0);
    assert_false(w.line[0]);
    out(ATA_DEVICE, 0xA0);
    assert_true(w.line[0]);
    alternate();
    assert_true(w.line[0]);
    out(ATA_COMMAND, 0xE7);
    assert_false(w.line[0]);
}

/* A new command or a change of registers in the middle of a transfer means nothing; a reset ends it. */
static void in_the_middle(void **state)
{
    (void)state;
    command(0x20, 2, 3, 0xE0);
    out(ATA_COMMAND, 0xEC);
    out(ATA_LOW, 77);
    out(ATA_DEVICE, 0xF0);
    assert_int_equal(bus_in(&w.bus, 0x1F0, 1), w.disk[0][3 * 512]);
    control(4);
    assert_int_equal(bus_in(&w.bus, 0x1F0, 2), 0xFFFF);
    control(0);
    ide_world_wait(&w, 0);
    assert_int_equal(command(0x20, 1, 4, 0xE0), 0x58);
    w.ide.device.ops->reset(&w.ide.device);
    assert_int_equal(in(ATA_STATUS), 0x50);
    assert_int_equal(timeq_next(&w.queue), TIMEQ_NEVER);
}

static void absent(void **state)
{
    (void)state;
    assert_int_equal(bus_in(&w.bus, 0x177, 1), 0x7F);
    assert_int_equal(bus_in(&w.bus, 0x376, 1), 0x7F);
    assert_int_equal(bus_in(&w.bus, 0x170, 2), 0xFF7F);
    bus_out(&w.bus, 0x172, 1, 0x55);
    assert_int_equal(bus_in(&w.bus, 0x172, 1), 0x7F);
    bus_out(&w.bus, 0x177, 1, 0xEC);
    assert_int_equal(timeq_next(&w.queue), TIMEQ_NEVER);
    ide_world_done(&w);
    ide_world_init(&w, 1);
    out(ATA_DEVICE, 0xB0);
    out(ATA_COUNT, 0x55), out(ATA_LOW, 0xAA);
    assert_int_equal(in(ATA_COUNT), 0x55);
    assert_int_equal(in(ATA_DEVICE), 0xB0);
    assert_int_equal(in(ATA_STATUS), 0);
    out(ATA_COMMAND, 0xEC);
    assert_int_equal(in(ATA_STATUS), 0);
    assert_int_equal(timeq_next(&w.queue), TIMEQ_NEVER);
    out(ATA_COMMAND, 0x90); /* this, device 0 does for both */
    ide_world_wait(&w, 0);
    assert_int_equal(w.irqs[0], 1);
    uint8_t id[512];
    command(0xEC, 0, 0, 0xA0);
    read_block(id, 256);
    assert_int_equal(word(id, 93) & 0xDF61, 0x4041); /* what firmware looks for */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(signature), T(identify), T(geometries), T(read_sectors), T(data_port_widths), T(write_sectors), T(multiple), T(chs),
        T(beyond_the_end), T(events), T(large), T(aborted), T(settings), T(power), T(buffer_commands), T(interrupt_gate),
        T(in_the_middle), T(absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
