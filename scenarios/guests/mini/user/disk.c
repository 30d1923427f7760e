// disk [copy FROM TO | fill DISK NUMBER | sum DISK]: which disks there are; or whole disks, past the files on them.
//
// Idea: what a disk is filled with follows from a number, and the sum of its bytes tells whether it is all there. The disk that has the files
// can be read, not written.
// Not here: parts of disks.
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

int main(int argc, char **argv)
{
    if (argc == 4 && text_equal(argv[1], "copy")) return copy(text_number(argv[2]), text_number(argv[3]));
    if (argc == 4 && text_equal(argv[1], "fill")) return fill(text_number(argv[2]), (uint32_t)text_number(argv[3]));
    if (argc == 3 && text_equal(argv[1], "sum")) return sum(text_number(argv[2]));
    for (int disk = 0; disk < DISKS; disk++)
        if (disk_sectors(disk)) printf("disk %d: %d sectors\n", disk, disk_sectors(disk));
    return 0;
}
