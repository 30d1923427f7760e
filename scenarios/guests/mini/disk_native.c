// A bare PC: the disk is the first IDE drive.
#include "mini/kernel.h"
#include "mini/driver.h"

void disk_init(bool pio) { ide_init(1, pio); }
uint32_t disk_sectors(void) { return ide_sectors(0); }

bool disk_transfer(uint32_t sector, uint32_t count, void *memory, bool write)
{
    struct ide_part all = { dma_address(memory), count * SECTOR, memory };
    return ide_transfer(0, sector, count, &all, 1, write);
}

void disk_threads(void) {}
