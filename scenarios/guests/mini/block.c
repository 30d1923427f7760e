// Blocks of 1 KB, from the module that the loader brought or from the disk.
//
// Idea: the module lies in memory already, a block is an address. For the disk a few blocks are kept, the one not used for
// longest makes room; what is changed is written at once.
// Not here: reading ahead, writing later.
#include "mini/kernel.h"

enum { CACHED = 64, SECTORS = BLOCK / SECTOR };

static uint8_t *module;
static uint32_t root; // the disk that has the files
static uint32_t blocks;
static uint8_t cache[CACHED][BLOCK] __attribute__((aligned(BLOCK))); // so none crosses a boundary of 64 KB
static struct slot {
    uint32_t number, used; // `used`: when; 0: empty
} slots[CACHED];
static uint32_t moment;
static struct slot *last;

void block_init(const struct boot *boot, bool prefer_disk)
{
    root = kernel_option("root");
    uint32_t on_disk = disk_sectors(root) / SECTORS;
    if (boot->module_size && !(prefer_disk && on_disk)) {
        module = physical_to_kernel(boot->module);
        blocks = boot->module_size / BLOCK;
    } else if (on_disk)
        blocks = on_disk;
    else
        panic("no files: neither a module nor a disk");
}

uint32_t block_count(void) { return blocks; }
int block_raw(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write)
{
    uint32_t sectors = disk_sectors(disk);
    if (!sectors) return E_NODEV;
    if (!count || count > sectors || sector > sectors - count || (write && !module && disk == root)) return E_INVAL;
    return disk_transfer(disk, sector, count, memory, write) ? 0 : E_IO;
}

const char *block_device(void) { return module ? "module" : "disk"; }

static struct slot *find(uint32_t number)
{
    struct slot *oldest = slots;
    for (struct slot *s = slots; s < slots + CACHED; s++) {
        if (s->used && s->number == number) return s;
        if (s->used < oldest->used) oldest = s;
    }
    return oldest;
}

uint8_t *block_read(uint32_t number)
{
    if (number >= blocks) return NULL;
    if (module) return module + number * BLOCK;
    struct slot *s = last = find(number);
    uint8_t *bytes = cache[s - slots];
    if (!s->used || s->number != number) {
        s->used = 0;
        if (!disk_transfer(root, number * SECTORS, SECTORS, bytes, false)) return NULL;
        s->number = number;
    }
    s->used = ++moment;
    return bytes;
}

bool block_write(uint32_t number)
{
    if (module) return true;
    return disk_transfer(root, number * SECTORS, SECTORS, cache[last - slots], true);
}
