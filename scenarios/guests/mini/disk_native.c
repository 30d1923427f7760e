// A bare PC: the disks are IDE drives, the first one unless the option disks=N says that there are more; or, on a board without, a virtio device.
#include "mini/kernel.h"
#include "mini/driver.h"

const bool disk_takes_several = false;
void disk_init(bool pio)
{
    ide_init(kernel_option("disks") ? kernel_option("disks") : 1, pio);
    if (!ide_sectors(0)) virtio_init();
}

uint32_t disk_sectors(uint32_t disk) { return disk || ide_sectors(0) ? ide_sectors(disk) : virtio_sectors(); }

bool disk_transfer(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write)
{
    if (!ide_sectors(0)) return virtio_transfer(sector, count, dma_address(memory), write);
    struct ide_part all = { dma_address(memory), count * SECTOR, memory };
    return ide_transfer(disk, sector, count, &all, 1, write);
}

void device_threads(void) {}
