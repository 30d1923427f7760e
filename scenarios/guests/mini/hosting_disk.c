// The host's disks: parts of them are the virtual machines'. Linked into mini-host.elf only.
//
// Idea: the drives belong to the virtual machines, one's part behind the other's; the host's own files are in its module. A transfer
// goes straight to or from the guest's memory, by DMA of the real drive, as with O_DIRECT of a host that has pinned it; a single
// sector may go through the caller's record instead.
// Not here: several transfers of a channel at once, caching, sorting.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/hosting.h"

enum { CHANNELS = 2, PART_MOST = 0x10000 };
static bool busy[CHANNELS];
static uint8_t bounce[CHANNELS][SECTOR] __attribute__((aligned(SECTOR)));

const bool disk_takes_several = false;
void disk_init(bool pio) { ide_init(IDE_DRIVES, pio); }
uint32_t disk_sectors(uint32_t disk) { return (void)disk, 0; } // the host's files are never there
bool disk_transfer(uint32_t disk, uint32_t sector, uint32_t count, void *memory, bool write)
{
    (void)disk, (void)sector, (void)count, (void)memory, (void)write;
    return false;
}
void device_threads(void) {}

static void enter(uint32_t channel)
{
    irq_state saved = critical_enter();
    while (busy[channel]) sched_sleep(&busy[channel]);
    busy[channel] = true;
    critical_leave(saved);
}

static void leave(uint32_t channel)
{
    irq_state saved = critical_enter();
    busy[channel] = false;
    sched_wake(&busy[channel]);
    critical_leave(saved);
}

// Of the guest's memory, where the drive and where this process finds it. False: it is not all the guest's, or not that much.
static bool find_parts(uint32_t vm, const struct vm_disk *d, struct ide_part *parts)
{
    const struct hosting_place *p = &hosting_place[vm];
    uint32_t sum = 0;
    for (uint32_t i = 0; i < d->parts; i++) {
        uint32_t at = d->part[i].at, size = d->part[i].size;
        if (!size || size > PART_MOST || at > p->bytes || size > p->bytes - at) return false;
        parts[i] = (struct ide_part){ p->memory + at, size, (void *)(RUN_MEMORY + at) };
        sum += size;
    }
    return sum == d->count * SECTOR;
}

static bool through_record(uint32_t channel, uint32_t sector, struct vm_disk *d)
{
    struct ide_part all = { dma_address(bounce[channel]), SECTOR, bounce[channel] };
    if (d->write) memcpy(bounce[channel], d->buffer, SECTOR);
    bool ok = ide_transfer(d->drive, sector, 1, &all, 1, d->write);
    if (!d->write) memcpy(d->buffer, bounce[channel], SECTOR);
    return ok;
}

int hosting_disk(uint32_t vm, uint32_t record)
{
    enum { FIXED = offsetof(struct vm_disk, buffer), MOST = 256 };
    struct vm_disk d;
    struct ide_part parts[DISK_PARTS];
    if (!space_read(&current->space, record, &d, FIXED)) return E_FAULT;
    uint32_t mine = d.drive < IDE_DRIVES ? ide_sectors(d.drive) / hosting_vms : 0, sector = vm * mine + d.sector;
    if (!d.count) return (int)mine;
    if (d.count > MOST || d.count > mine || d.sector > mine - d.count || d.parts > DISK_PARTS || (!d.parts && d.count > 1)) return E_INVAL;
    if (d.parts && !find_parts(vm, &d, parts)) return E_FAULT;
    if (!d.parts && d.write && !space_read(&current->space, record + FIXED, d.buffer, SECTOR)) return E_FAULT;
    hosting_dies(); // asked
    enter(d.drive / 2);
    bool ok = d.parts ? ide_transfer(d.drive, sector, d.count, parts, d.parts, d.write) : through_record(d.drive / 2, sector, &d);
    leave(d.drive / 2);
    hosting_dies(); // done
    if (!ok) return E_IO;
    return d.parts || d.write || space_write(&current->space, record + FIXED, d.buffer, SECTOR) ? 0 : E_FAULT;
}
