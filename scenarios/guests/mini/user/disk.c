// disk [copy FROM TO | fill DISK NUMBER | sum DISK | read DISK TIMES | random DISK NUMBER COUNT FIRST SECTORS]: which disks there are; or whole disks, past the
// files on them, or a part of one.
//
// Idea: what a disk is filled with follows from a number, and the sum of its bytes tells whether it is all there. So do the pieces that `random`
// reads and writes anywhere in its part, which it says one by one when they are written: who knows the number knows what the disk must hold. The
// disk that has the files can be read, not written.
// Not here: pieces that are shorter.
#include "mini/user/user.h"

enum { DISKS = 4, SECTORS = DISK_PIECE / SECTOR };
static uint8_t piece[DISK_PIECE];

static int fail(int disk, int error)
{
    eprintf("disk: %d: %s\n", disk, error_text(error));
    return 1;
}

static uint32_t size_of(int disk) { return (uint32_t)disk_sectors(disk) / SECTORS * SECTORS; }

static int copy(int from, int to)
{
    uint32_t sectors = size_of(from) < size_of(to) ? size_of(from) : size_of(to);
    for (uint32_t at = 0; at < sectors; at += SECTORS) {
        int error = disk_read(from, at, piece);
        if (error) return fail(from, error);
        if ((error = disk_write(to, at, piece))) return fail(to, error);
    }
    printf("disk: %u sectors copied\n", sectors);
    return 0;
}

static int fill(int disk, uint32_t number)
{
    if (!size_of(disk)) return fail(disk, E_NODEV);
    for (uint32_t at = 0; at < size_of(disk); at += SECTORS) {
        for (uint32_t i = 0; i < DISK_PIECE; i++) piece[i] = (uint8_t)(number = number * 1664525 + 1013904223 + at);
        int error = disk_write(disk, at, piece);
        if (error) return fail(disk, error);
    }
    return 0;
}

static int sum(int disk)
{
    uint32_t hash = 0x811C9DC5;
    if (!size_of(disk)) return fail(disk, E_NODEV);
    for (uint32_t at = 0; at < size_of(disk); at += SECTORS) {
        int error = disk_read(disk, at, piece);
        if (error) return fail(disk, error);
        for (uint32_t i = 0; i < DISK_PIECE; i++) hash = (hash ^ piece[i]) * 0x01000193;
    }
    printf("disk: %d: %08x\n", disk, hash);
    return 0;
}

// So many pieces, which are not looked at: for who measures what one takes.
static int read_some(int disk, uint32_t times)
{
    uint32_t all = size_of(disk);
    if (!all) return fail(disk, E_NODEV);
    for (uint32_t at = 0; times--; at = (at + SECTORS) % all) {
        int error = disk_read(disk, at, piece);
        if (error) return fail(disk, error);
    }
    return 0;
}

static uint32_t next(uint32_t *number) { return *number = *number * 1664525 + 1013904223; }
static uint32_t below(uint32_t *number, uint32_t n) { return (uint32_t)(((next(number) >> 16) * n) >> 16); }

// Of five operations two are reads; the hash of all that they brought comes last.
static int random(int disk, uint32_t number, uint32_t count, uint32_t first, uint32_t sectors)
{
    uint32_t state = number, hash = 0x811C9DC5, written = 0;
    if (sectors < SECTORS || sectors > 0xFFFF) return fail(disk, E_INVAL);
    while (count--) {
        bool writes = below(&state, 5) >= 2;
        uint32_t at = first + below(&state, sectors - SECTORS + 1), filler = state;
        for (uint32_t i = 0; writes && i < DISK_PIECE; i++) piece[i] = (uint8_t)(next(&filler) >> 24);
        int error = writes ? disk_write(disk, at, piece) : disk_read(disk, at, piece);
        if (error) return fail(disk, error);
        if (writes) printf("disk: %u: %u\n", number, ++written);
        for (uint32_t i = 0; !writes && i < DISK_PIECE; i++) hash = (hash ^ piece[i]) * 0x01000193;
    }
    printf("disk: %u: all, and read %08x\n", number, hash);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && text_equal(argv[1], "copy")) return copy(text_number(argv[2]), text_number(argv[3]));
    if (argc == 4 && text_equal(argv[1], "fill")) return fill(text_number(argv[2]), (uint32_t)text_number(argv[3]));
    if (argc == 3 && text_equal(argv[1], "sum")) return sum(text_number(argv[2]));
    if (argc == 4 && text_equal(argv[1], "read")) return read_some(text_number(argv[2]), (uint32_t)text_number(argv[3]));
    uint32_t number[7] = { 0 };
    for (int i = 2; i < argc && i < 7; i++) number[i] = (uint32_t)text_number(argv[i]);
    if (argc == 7 && text_equal(argv[1], "random")) return random((int)number[2], number[3], number[4], number[5], number[6]);
    for (int disk = 0; disk < DISKS; disk++)
        if (disk_sectors(disk)) printf("disk %d: %d sectors\n", disk, disk_sectors(disk));
    return 0;
}
