/* The resident IDE driver: what a request of the block stack is on a PIIX, port by port.
 *
 * Idea: one command a channel at a time, by bus-master DMA between the real drive and a buffer in the requester's window, whose table of
 * one region lies before it. The drive's interrupt says that it is over.
 * ATA-6 8.26, 8.68 (READ DMA, WRITE DMA, and EXT), 9.7; 82371SB 2.7. Not modelled: what a driver does on errors but telling (no retries). */
#include "sim/io/ata.h"
#include "sim/io/ide.h"
#include "sim/vmm/host.h"
#include "sim/vmm/io_direct.h"
#include "sim/vmm/vm.h"

enum { PRIMARY = 0x1F0, SECONDARY = 0x170, CONTROL = 0x206, IRQ_FIRST = 14, MASTER = 0xC000 /* where the board's firmware leaves it */ };
enum { READ_DMA = 0xC8, WRITE_DMA = 0xCA, READ_DMA_EXT = 0x25, WRITE_DMA_EXT = 0x35, USE_LBA = 0xE0, SECOND = 0x10 };
#define LBA28 0x10000000ull
#define PRD_LAST 0x80000000u

static void out(struct vmm *h, uint16_t port, unsigned size, uint32_t value)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    bus_out(h->board.bus, port, size, value);
    clock_cause(h->board.clock, old);
}

static uint8_t in(struct vmm *h, uint16_t port)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    uint8_t v = (uint8_t)bus_in(h->board.bus, port, 1);
    clock_cause(h->board.clock, old);
    return v;
}

static uint16_t ports_of(unsigned channel) { return channel ? SECONDARY : PRIMARY; }
static uint16_t master_of(unsigned channel) { return (uint16_t)(MASTER + channel * BMIDE_PORTS); }

void resident_init(struct vmm *h)
{
    for (unsigned c = 0; c < RESIDENT_CHANNELS; c++) {
        out(h, (uint16_t)(ports_of(c) + CONTROL), 1, 0); /* interrupts on */
        host_mask(h, IRQ_FIRST + c, false);
    }
}

/* The address registers; with 48 bits each is written twice, the upper half first. */
static void address(struct vmm *h, uint16_t port, unsigned drive, uint64_t lba, uint32_t count, bool ext)
{
    out(h, (uint16_t)(port + ATA_DEVICE), 1, USE_LBA | (drive % 2 ? SECOND : 0u) | (ext ? 0u : (uint32_t)(lba >> 24 & 15)));
    if (ext) {
        out(h, (uint16_t)(port + ATA_COUNT), 1, count >> 8);
        for (unsigned i = 0; i < 3; i++) out(h, (uint16_t)(port + ATA_LOW + i), 1, (uint8_t)(lba >> (24 + 8 * i)));
    }
    out(h, (uint16_t)(port + ATA_COUNT), 1, (uint8_t)count);
    for (unsigned i = 0; i < 3; i++) out(h, (uint16_t)(port + ATA_LOW + i), 1, (uint8_t)(lba >> 8 * i));
}

void resident_go(struct vmm *h, struct vm_disk *d)
{
    const struct block_request *r = &d->now;
    unsigned channel = d->drive / 2;
    uint16_t port = ports_of(channel), master = master_of(channel);
    uint64_t lba = d->first + r->lba;
    bool ext = lba + r->count > LBA28;
    const struct window *w = &d->vm->vcpu.window;
    uint32_t buffer = window_hpa(w, WINDOW_BOUNCE + d->drive * (uint32_t)(ATA_BLOCK * DISK_SECTOR)).v;
    const uint32_t region[2] = { buffer, r->count * DISK_SECTOR | PRD_LAST };
    hpa_t table = window_hpa(w, WINDOW_PRD + d->drive * (uint32_t)sizeof region);
    bus_poke(h->board.bus, table, region, sizeof region);
    clock_charge(h->board.clock, CAUSE_DEVICE, 2ull * h->board.model->cost[COST_MEM_REF]);
    h->resident.flying[channel] = d;
    out(h, (uint16_t)(master + BMIDE_TABLE), 4, table.v);
    out(h, (uint16_t)(master + BMIDE_STATUS), 1, BMIDE_ERROR | BMIDE_INTERRUPT);
    address(h, port, d->drive, lba, r->count, ext);
    out(h, (uint16_t)(port + ATA_COMMAND), 1, r->write ? ext ? WRITE_DMA_EXT : WRITE_DMA : ext ? READ_DMA_EXT : READ_DMA);
    out(h, master, 1, (r->write ? 0u : (uint32_t)BMIDE_TO_MEMORY) | BMIDE_START);
}

struct vm_disk *resident_interrupt(struct vmm *h, unsigned channel)
{
    struct vm_disk *d = h->resident.flying[channel];
    uint16_t port = ports_of(channel), master = master_of(channel);
    uint8_t status = in(h, (uint16_t)(port + ATA_STATUS)); /* takes the interrupt back */
    if (!d) return NULL;
    uint8_t result = in(h, (uint16_t)(master + BMIDE_STATUS));
    out(h, master, 1, 0);
    h->resident.flying[channel] = NULL;
    d->good = !(status & (ATA_ERR | ATA_DF)) && !(result & BMIDE_ERROR);
    return d;
}
