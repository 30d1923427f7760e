// A bare PC: the first IDE disk, by bus-master DMA or by programmed input and output.
//
// Idea: write where and how much into the registers, then the command, and let the process that asked sleep until IRQ 14. By
// PIO the drive interrupts for every sector, and the processor carries 256 words through the data port. With a bus master it is
// told a place in memory, by its physical address, and there is one interrupt, when all is done.
// Manual: ATA-4 (T13/1153D): register descriptions, 9.5 and 9.6 (PIO protocols), 9.7 (DMA), IDENTIFY DEVICE, READ and WRITE;
// Programming Interface for Bus Master IDE Controller 1.0; PCI 2.1, 3.2.2.3.2 (configuration mechanism 1).
// Not here: the second drive and channel, LBA48, transfers from several places.
#include "mini/kernel.h"
#include "mini/native.h"

enum {
    IDE = 0x1F0,
    DATA = IDE + 0,
    COUNT = IDE + 2,
    LBA = IDE + 3, // and the next two
    DRIVE = IDE + 6,
    COMMAND = IDE + 7, // reads as status
    CONTROL = 0x3F6,
    ERROR = 0x01, REQUEST = 0x08, BUSY = 0x80, FAULT = 0x20, // status
    READ = 0x20, WRITE = 0x30, READ_DMA = 0xC8, WRITE_DMA = 0xCA, IDENTIFY = 0xEC,
    USE_LBA = 0xE0,
    IRQ_IDE = 14,
    WORDS = SECTOR / 2,
};

enum { PCI_ADDRESS = 0xCF8, PCI_DATA = 0xCFC, PCI_FUNCTIONS = 256, PCI_COMMAND = 4, PCI_CLASS = 8, PCI_BASE_4 = 0x20 };
enum { BUS_MASTER = 4 /* in the command word */, CLASS_IDE = 0x0101, CAN_MASTER = 0x8000 /* in class and interface */ };
enum { MASTER_COMMAND = 0, MASTER_STATUS = 2, MASTER_TABLE = 4 }; // ports behind master_base
enum { MASTER_START = 1, MASTER_TO_MEMORY = 8, MASTER_FAILED = 2, MASTER_CLEAR = 6 };

static uint32_t sectors;
static uint16_t master_base; // ports of the bus master; 0: PIO
static struct { // where in memory; the highest bit of `size` marks the last row
    uint32_t address, size;
} region __attribute__((aligned(8)));
static volatile bool answered; // IRQ 14 came
static uint8_t status;         // what the drive said then

static void on_ide(void)
{
    status = inb(COMMAND); // takes the interrupt back
    answered = true;
    sched_wake(&status);
}

static uint8_t wait_idle(void)
{
    uint8_t now;
    do now = inb(COMMAND);
    while (now & BUSY);
    return now;
}

static void wait_answer(void)
{
    irq_state saved = critical_enter();
    while (!answered) sched_sleep(&status);
    answered = false;
    critical_leave(saved);
}

static void words_in(void *memory) { __asm__ volatile("rep insw" : "+D"(memory) : "c"(WORDS), "d"(DATA) : "memory"); }
static void words_out(const void *memory)
{
    __asm__ volatile("rep outsw" : "+S"(memory) : "c"(WORDS), "d"(DATA) : "memory");
}

// ---- The bus master ------------------------------------------------------------------------------------------------------

static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static uint32_t pci_read(uint32_t function, uint32_t offset)
{
    outl(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    return inl(PCI_DATA);
}

static void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
    outl(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    outl(PCI_DATA, value);
}

// The IDE function of bus 0, and its bus master's ports.
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

static bool transfer_by_master(uint32_t bytes, void *memory, bool write)
{
    uint8_t direction = write ? 0 : MASTER_TO_MEMORY;
    region.address = kernel_to_physical(memory);
    region.size = bytes | 0x80000000u;
    outl(master_base + MASTER_TABLE, kernel_to_physical(&region));
    outb(master_base + MASTER_STATUS, MASTER_CLEAR);
    outb(master_base + MASTER_COMMAND, direction);
    outb(COMMAND, write ? WRITE_DMA : READ_DMA);
    outb(master_base + MASTER_COMMAND, direction | MASTER_START);
    wait_answer();
    uint8_t result = inb(master_base + MASTER_STATUS);
    outb(master_base + MASTER_COMMAND, direction);
    return !(status & (ERROR | FAULT)) && !(result & MASTER_FAILED);
}

static bool transfer_by_pio(uint32_t count, uint8_t *at, bool write)
{
    outb(COMMAND, write ? WRITE : READ);
    if (write) wait_idle(); // the first sector is asked for without an interrupt
    for (; count; count--, at += SECTOR) {
        if (write) words_out(at);
        wait_answer();
        if (status & (ERROR | FAULT)) return false;
        if (!write) words_in(at);
    }
    return true;
}

// ---- Operations ----------------------------------------------------------------------------------------------------------

void disk_init(bool pio)
{
    uint16_t identity[WORDS];
    outb(CONTROL, 2); // no interrupts yet
    outb(DRIVE, USE_LBA);
    if (inb(COMMAND) == 0xFF || inb(COMMAND) == 0) return; // an empty channel
    outb(COMMAND, IDENTIFY);
    if (inb(COMMAND) == 0) return;
    if (wait_idle() & (ERROR | FAULT)) return;
    words_in(identity);
    if (!(identity[49] & 0x200)) return; // no LBA
    sectors = identity[60] | (uint32_t)identity[61] << 16;
    inb(COMMAND);
    outb(CONTROL, 0);
    if (!pio && (identity[49] & 0x100)) master_base = find_master();
    irq_install(IRQ_IDE, on_ide);
}

uint32_t disk_sectors(void) { return sectors; }

bool disk_transfer(uint32_t sector, uint32_t count, void *memory, bool write)
{
    if (sector + count > sectors) return false;
    answered = false;
    wait_idle();
    outb(DRIVE, (uint8_t)(USE_LBA | (sector >> 24 & 0x0F)));
    outb(COUNT, (uint8_t)count);
    for (uint16_t i = 0; i < 3; i++) outb(LBA + i, (uint8_t)(sector >> 8 * i));
    return master_base ? transfer_by_master(count * SECTOR, memory, write) : transfer_by_pio(count, memory, write);
}
