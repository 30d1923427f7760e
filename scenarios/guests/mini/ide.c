// The drives of the two IDE channels, by bus-master DMA or by programmed input and output.
//
// Idea: write where and how much into the registers, then the command, and let the process that asked sleep until IRQ 14 or 15. By
// PIO the drive interrupts for every sector, and the processor carries 256 words through the data port. With a bus master it is
// told places in memory, by the addresses that devices use, and there is one interrupt, when all is done.
// Manual: ATA-4 (T13/1153D): register descriptions, 9.5 and 9.6 (PIO protocols), 9.7 (DMA), IDENTIFY DEVICE, READ and WRITE;
// Programming Interface for Bus Master IDE Controller 1.0; PCI 2.1, 3.2.2.3.2 (configuration mechanism 1).
// Not here: LBA48, commands to several drives at once.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/ports.h"

enum { // ports of a channel, from its base on; CONTROL is 206h behind
    DATA = 0, COUNT = 2, LBA = 3 /* and the next two */, DRIVE = 6, COMMAND = 7 /* reads as status */, CONTROL = 0x206,
    ERROR = 0x01, REQUEST = 0x08, BUSY = 0x80, FAULT = 0x20, // status
    READ = 0x20, WRITE = 0x30, READ_DMA = 0xC8, WRITE_DMA = 0xCA, IDENTIFY = 0xEC,
    USE_LBA = 0xE0, SECOND = 0x10, NO_INTERRUPTS = 2, RESET = 4 /* of CONTROL */,
    IRQ_IDE = 14, CHANNELS = 2,
    WORDS = SECTOR / 2,
};

enum { CLASS_IDE = 0x0101, CAN_MASTER = 0x8000 /* in class and interface */ };
enum { MASTER_COMMAND = 0, MASTER_STATUS = 2, MASTER_TABLE = 4 }; // ports behind a channel's part of the bus master's
enum { MASTER_START = 1, MASTER_TO_MEMORY = 8, MASTER_FAILED = 2, MASTER_CLEAR = 6, MASTER_PORTS = 8 };

static struct channel {
    uint16_t base, master; // ports; master 0: PIO
    volatile bool answered; // the interrupt came
    uint8_t status;         // what the drive said then
    uint32_t sectors[2];
    struct { // where in memory; the highest bit of `size` marks the last row
        uint32_t address, size;
    } region[IDE_PARTS] __attribute__((aligned(IDE_PARTS * 8)));
} channels[CHANNELS] = { { .base = 0x1F0 }, { .base = 0x170 } };

static uint8_t read_status(const struct channel *c) { return inb(c->base + COMMAND); }

static void on_answer(struct channel *c)
{
    c->status = read_status(c); // takes the interrupt back
    c->answered = true;
    sched_wake(c);
}

static void on_first(void) { on_answer(&channels[0]); }
static void on_second(void) { on_answer(&channels[1]); }

static uint8_t wait_idle(const struct channel *c)
{
    uint8_t now;
    do now = read_status(c);
    while (now & BUSY);
    return now;
}

static void wait_answer(struct channel *c)
{
    irq_state saved = critical_enter();
    while (!c->answered) sched_sleep(c);
    c->answered = false;
    critical_leave(saved);
}

static void words_in(uint16_t port, void *memory) { __asm__ volatile("rep insw" : "+D"(memory) : "c"(WORDS), "d"(port) : "memory"); }
static void words_out(uint16_t port, const void *memory)
{
    __asm__ volatile("rep outsw" : "+S"(memory) : "c"(WORDS), "d"(port) : "memory");
}

// ---- The bus master ------------------------------------------------------------------------------------------------------

// The IDE function of bus 0, and its bus master's ports; 0: it has none.
static uint16_t find_master(void)
{
    for (uint32_t f = 0; f < PCI_FUNCTIONS; f++) {
        uint32_t class = pci_read(f, PCI_CLASS), base = pci_read(f, PCI_BASE_4);
        if (class >> 16 != CLASS_IDE || !(class & CAN_MASTER) || !(base & 1) || !(base & 0xFFF0)) continue;
        pci_write(f, PCI_COMMAND, (pci_read(f, PCI_COMMAND) & 0xFFFF) | BUS_MASTER);
        return base & 0xFFF0;
    }
    return 0;
}

static bool transfer_by_master(struct channel *c, const struct ide_part *parts, uint32_t n, bool write)
{
    uint8_t direction = write ? 0 : MASTER_TO_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        c->region[i].address = parts[i].address;
        c->region[i].size = parts[i].size | (i + 1 == n ? 0x80000000u : 0);
    }
    outl(c->master + MASTER_TABLE, dma_address(c->region));
    outb(c->master + MASTER_STATUS, MASTER_CLEAR);
    outb(c->master + MASTER_COMMAND, direction);
    outb(c->base + COMMAND, write ? WRITE_DMA : READ_DMA);
    outb(c->master + MASTER_COMMAND, direction | MASTER_START);
    wait_answer(c);
    uint8_t result = inb(c->master + MASTER_STATUS);
    outb(c->master + MASTER_COMMAND, direction);
    return !(c->status & (ERROR | FAULT)) && !(result & MASTER_FAILED);
}

static bool part_by_pio(struct channel *c, const struct ide_part *part, bool write)
{
    uint8_t *at = part->memory;
    for (uint32_t done = 0; done < part->size; done += SECTOR, at += SECTOR) {
        if (write) words_out(c->base + DATA, at);
        wait_answer(c);
        if (c->status & (ERROR | FAULT)) return false;
        if (!write) words_in(c->base + DATA, at);
    }
    return true;
}

static bool transfer_by_pio(struct channel *c, const struct ide_part *parts, uint32_t n, bool write)
{
    outb(c->base + COMMAND, write ? WRITE : READ);
    if (write) wait_idle(c); // the first sector is asked for without an interrupt
    for (; n; n--, parts++)
        if (!part_by_pio(c, parts, write)) return false;
    return true;
}

// ---- Operations ----------------------------------------------------------------------------------------------------------

// How many sectors the drive has, and whether it can do DMA; 0: there is no drive.
static uint32_t identify(const struct channel *c, uint8_t select, bool *dma)
{
    uint16_t identity[WORDS];
    outb(c->base + DRIVE, select);
    uint8_t now = read_status(c);
    if (now == 0xFF || now == 0 || now == 0x7F) return 0; // an empty channel, a missing drive
    outb(c->base + COMMAND, IDENTIFY);
    if (read_status(c) == 0) return 0;
    if (wait_idle(c) & (ERROR | FAULT)) return 0;
    words_in(c->base + DATA, identity);
    read_status(c);
    if (!(identity[49] & 0x200)) return 0; // no LBA
    *dma = (identity[49] & 0x100) != 0;
    return identity[60] | (uint32_t)identity[61] << 16;
}

static void channel_init(struct channel *c, unsigned drives, bool pio)
{
    bool dma = false;
    outb(c->base + CONTROL, drives > 1 ? NO_INTERRUPTS | RESET : NO_INTERRUPTS);
    if (drives > 1) { // who had the drives before may have left them in the middle of something
        arch_pause(1);
        outb(c->base + CONTROL, NO_INTERRUPTS);
        wait_idle(c);
    }
    for (unsigned i = 0; i < drives && i < 2; i++) c->sectors[i] = identify(c, i ? USE_LBA | SECOND : USE_LBA, &dma);
    if (!c->sectors[0] && !c->sectors[1]) return;
    outb(c->base + CONTROL, 0);
    unsigned n = (unsigned)(c - channels);
    uint16_t master = !pio && dma ? find_master() : 0;
    if (master) c->master = (uint16_t)(master + n * MASTER_PORTS);
    irq_install(IRQ_IDE + n, n ? on_second : on_first);
}

void ide_init(unsigned drives, bool pio)
{
    channel_init(&channels[0], drives, pio);
    if (drives > 2) channel_init(&channels[1], drives - 2, pio);
}

uint32_t ide_sectors(unsigned drive) { return drive < IDE_DRIVES ? channels[drive / 2].sectors[drive % 2] : 0; }
bool ide_uses_dma(unsigned drive) { return channels[drive / 2].master != 0; }

bool ide_transfer(unsigned drive, uint32_t sector, uint32_t count, const struct ide_part *parts, uint32_t n, bool write)
{
    struct channel *c = &channels[drive / 2];
    uint32_t sectors = ide_sectors(drive);
    if (!count || count > sectors || sector > sectors - count || n > IDE_PARTS) return false;
    c->answered = false;
    wait_idle(c);
    outb(c->base + DRIVE, (uint8_t)(USE_LBA | (drive % 2 ? SECOND : 0) | (sector >> 24 & 0x0F)));
    outb(c->base + COUNT, (uint8_t)count);
    for (uint16_t i = 0; i < 3; i++) outb(c->base + LBA + i, (uint8_t)(sector >> 8 * i));
    return c->master ? transfer_by_master(c, parts, n, write) : transfer_by_pio(c, parts, n, write);
}
