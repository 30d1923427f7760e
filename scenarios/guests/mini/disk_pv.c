// Under a paravirtualizing hypervisor: no disk. Files come with the kernel, as its module.
//
// Not here: a front end for the service domain's block device.
#include "mini/kernel.h"

void disk_init(bool pio) { (void)pio; }
uint32_t disk_sectors(void) { return 0; }

bool disk_transfer(uint32_t sector, uint32_t count, void *memory, bool write)
{
    (void)sector, (void)count, (void)memory, (void)write;
    return false;
}
