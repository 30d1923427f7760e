/* A raw image of any size, and a driver gone mad: any pokes at the ATA and bus-master ports, any descriptor tables in memory.
 *
 * Idea: the drive has the real image behind it (a file in memory), so that its log of writes, its snapshots and its last,
 * partial sector are in it, too. Beside the log stands a plain copy of the first sectors, which the medium's own functions
 * keep: what is read, and what a restored snapshot holds, must be that.
 * Invariants: bus masters store in RAM only; no transfer reaches beyond the last sector; the drives come back from a reset with the sectors that were written. ATA/ATAPI-6; 82371SB data sheet 2.7. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "sim/disk_image.h"
#include "tests/support/ide_world.h"

enum { STEPS = 60, MIRRORED = 64 };

static struct ide_world    w;
static struct disk_moment  moment;
static struct disk         medium;
static uint64_t            sectors;
static uint8_t             mirror[MIRRORED][DISK_SECTOR], kept[MIRRORED][DISK_SECTOR];

/* ---- the medium, watched ---- */

static bool watched_read(void *self, uint64_t lba, void *to)
{
    (void)self;
    FUZZ_HOLDS(lba < sectors);
    if (!medium.read(medium.self, lba, to)) return false;
    if (lba < MIRRORED) FUZZ_HOLDS(!memcmp(to, mirror[lba], DISK_SECTOR));
    return true;
}

static bool watched_write(void *self, uint64_t lba, const void *from)
{
    (void)self;
    FUZZ_HOLDS(lba < sectors);
    if (!medium.write(medium.self, lba, from)) return false;
    if (lba < MIRRORED) memcpy(mirror[lba], from, DISK_SECTOR);
    return true;
}

/* Sizes around the borders of a sector and of 28-bit addresses; the file is sparse. */
static struct disk_image *insert(struct fuzz_input *in)
{
    static const uint64_t sizes[] = { 1, 511, 512, 513, 32256, 516096, 1474560, 0x1000000000 /* 64 GB */, 0x2000000000, 0x2000000200 };
    uint8_t how = fuzz_u8(in), first[700];
    uint64_t size = how < 240 ? sizes[how % 10] + (how / 10 > 12 ? fuzz_u16(in) : 0) : 1 + (uint64_t)fuzz_u32(in);
    char path[64];
    struct err e = { 0 };
    int fd = memfd_create("disk", 0);
    fuzz_bytes(in, first, 8);
    for (unsigned n = 8; n < sizeof first; n++) first[n] = (uint8_t)(first[n - 8] + n);
    if (fd < 0 || pwrite(fd, first, sizeof first, 0) != sizeof first || ftruncate(fd, (off_t)size)) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct disk_image *image = disk_image_open(path, &e);
    if (!image) FUZZ_FAIL("%s", e.text);
    close(fd);
    moment = (struct disk_moment){ 0 };
    medium = disk_image_medium(image, &moment);
    sectors = disk_image_sectors(image);
    FUZZ_HOLDS(sectors == (size + 511) / 512 && medium.sectors == sectors && disk_image_padding(image) == sectors * 512 - size);
    memset(mirror, 0, sizeof mirror);
    memcpy(mirror, first, size < sizeof first ? (size_t)size : sizeof first);
    return image;
}

/* ---- what an input says ---- */

static void registers(struct fuzz_input *in, unsigned channel, uint8_t command)
{
    uint16_t base = channel ? 0x170 : 0x1F0;
    uint8_t bytes[6];
    fuzz_bytes(in, bytes, sizeof bytes);
    for (unsigned n = 1; n < 6; n++) bus_out(&w.bus, (uint16_t)(base + n), 1, bytes[n]);
    bus_out(&w.bus, (uint16_t)(base + 6), 1, bytes[0]);
    bus_out(&w.bus, (uint16_t)(base + 7), 1, command);
}

static void move_data(unsigned channel, unsigned words, bool out)
{
    uint16_t base = channel ? 0x170 : 0x1F0;
    while (words--) {
        if (out) bus_out(&w.bus, base, 2, words * 40503u);
        else (void)bus_in(&w.bus, base, 2);
    }
}

/* A list of up to three regions for a bus master, and its start. */
static void master(struct fuzz_input *in, unsigned channel)
{
    uint32_t table = fuzz_u16(in) * 8u % (IDE_WORLD_FRAMES * 4096 - 24), how = fuzz_u8(in);
    uint16_t base = (uint16_t)(IDE_WORLD_MASTER + 8 * channel);
    for (unsigned n = 0; n < 3; n++) {
        uint32_t at = how & 16 ? fuzz_u32(in) : (uint32_t)fuzz_u16(in) << 2;
        uint32_t words[2] = { at, fuzz_u16(in) | (n == (how & 3) ? 0x80000000u : 0) };
        memcpy(w.ram + table + 8 * n, words, sizeof words);
    }
    bus_out(&w.bus, (uint16_t)(base + 4), 4, table);
    bus_out(&w.bus, base, 1, 1 | (how & 8));
}

static void step(struct fuzz_input *in, struct disk_image *image, struct disk_moment *snapshot)
{
    static const uint8_t commands[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0xC4, 0xC5, 0xC6, 0xC8, 0xCA, 0xEC, 0x91, 0xEF };
    uint8_t what = fuzz_u8(in);
    unsigned channel = what >> 4 & 1;
    switch (what & 15) {
    case 0: case 1: case 2: registers(in, channel, commands[fuzz_u8(in) & 15]); break;
    case 3: registers(in, channel, fuzz_u8(in)); break;
    case 4: move_data(channel, fuzz_u8(in) * 4u, what & 0x20); break;
    case 5: case 6: ide_world_run(&w, 1 + (what >> 5)); break;
    case 7: case 8: master(in, channel); break;
    case 9: bus_out(&w.bus, channel ? 0x376 : 0x3F6, 1, fuzz_u8(in)); break;
    case 10: (void)bus_in(&w.bus, (uint16_t)(IDE_WORLD_MASTER + (what >> 4)), 1u << fuzz_u8(in) % 3); break;
    case 11: bus_out(&w.bus, (uint16_t)(IDE_WORLD_MASTER + (what >> 4)), 1u << fuzz_u8(in) % 3, fuzz_u32(in)); break;
    case 12: w.config[fuzz_u8(in)] = fuzz_u8(in), ide_configured(&w.ide, w.config); break;
    case 13: /* a snapshot, or back to it */
        if (what & 0x20) moment = *snapshot, memcpy(mirror, kept, sizeof mirror);
        else *snapshot = moment, memcpy(kept, mirror, sizeof kept);
        disk_image_seal(image);
        break;
    case 14: w.ide.device.ops->reset(&w.ide.device); break;
    default: /* any port */
        if (what & 0x20) bus_out(&w.bus, (uint16_t)((channel ? 0x170 : 0x1F0) + (what >> 5)), 1u << fuzz_u8(in) % 3, fuzz_u32(in));
        else (void)bus_in(&w.bus, (uint16_t)((channel ? 0x170 : 0x1F0) + (what >> 5)), 1u << fuzz_u8(in) % 3);
        break;
    }
}

static void check_sectors(void)
{
    uint8_t bytes[DISK_SECTOR];
    for (uint64_t lba = 0; lba < MIRRORED && lba < sectors; lba++)
        FUZZ_HOLDS(medium.read(medium.self, lba, bytes) && !memcmp(bytes, mirror[lba], DISK_SECTOR));
    if (sectors > MIRRORED) FUZZ_HOLDS(medium.read(medium.self, sectors - 1, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, data + size };
    struct disk_image *image = insert(&in);
    struct disk_moment snapshot = moment;
    memcpy(kept, mirror, sizeof kept);
    disk_image_seal(image);
    ide_world_init_with(&w, &(struct disk){ .sectors = sectors, .read = watched_read, .write = watched_write });
    for (unsigned n = 0; fuzz_left(&in) && n < STEPS; n++) step(&in, image, &snapshot);
    check_sectors();
    w.ide.device.ops->reset(&w.ide.device);
    FUZZ_HOLDS(timeq_next(&w.queue) == TIMEQ_NEVER);
    ide_world_done(&w);
    disk_image_close(image);
    return 0;
}

static void put_command(struct fuzz_seed *s, unsigned way, unsigned count, uint32_t lba)
{
    fuzz_put8(s, 0), fuzz_put8(s, way), fuzz_put8(s, 0xE0 | (lba >> 24 & 15)), fuzz_put8(s, 0), fuzz_put8(s, count);
    fuzz_put8(s, lba), fuzz_put8(s, lba >> 8), fuzz_put8(s, lba >> 16);
}

static void put_data(struct fuzz_seed *s, bool out)
{
    fuzz_put8(s, 0xE5), fuzz_put8(s, 4 | (out ? 0x20 : 0)), fuzz_put8(s, 64), fuzz_put8(s, 0xE5);
}

/* Per size and command: near the start and at the end, by programmed I/O and by a bus master; then a sector written before and
 * after a snapshot, which comes back. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint8_t ways[] = { 0, 4, 11, 12, 2, 6, 8, 9, 13, 14 };
    struct fuzz_seed s = { to, 0, room };
    if (n >= 10 * sizeof ways) return 0;
    fuzz_put8(&s, n / (unsigned)sizeof ways), fuzz_put(&s, "contents", 8);
    for (unsigned k = 0; k < 3; k++) {
        fuzz_put8(&s, 7), fuzz_put16(&s, 0x100), fuzz_put8(&s, 1u | (ways[n % 10] & 1u) << 3);
        fuzz_put16(&s, 0x1000), fuzz_put16(&s, 512), fuzz_put16(&s, 0x2400), fuzz_put16(&s, 0x600), fuzz_put32(&s, 0);
        put_command(&s, ways[(n + k) % 10], 1 + k, k == 1 ? 0xFFFFFFF : k);
        put_data(&s, k & 1);
    }
    put_command(&s, 4, 1, 0), put_data(&s, true);
    fuzz_put8(&s, 13);
    fuzz_put8(&s, 1), fuzz_put8(&s, 4), fuzz_put(&s, "\xE0\0\2\0\0\0", 6), put_data(&s, false), put_data(&s, true);
    fuzz_put8(&s, 13 | 0x20);
    return s.n;
}
