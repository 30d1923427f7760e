// A driver that gives the disk's bus master one address of its own and one that is nobody's.
//
// Idea: the first transfer must arrive, the second must not, and whoever stands between device and memory has to say so: a master
// abort on a bare machine, a fault of the IOMMU in a virtual one. What is printed is the same.
// Manual: Intel 82371SB data sheet 2.7; ATA/ATAPI-6 9.7.
#include "probe.h"

enum { COUNT = 0x1F2, LOW = 0x1F3, DEVICE = 0x1F6, STATUS = 0x1F7, CONTROL = 0x3F6, BSY = 0x80 };
enum { READ_DMA = 0xC8, START_READ = 9, ACTIVE = 1, FAILED = 2, NOBODYS = 0x08000000, PATIENCE = 20000 };

static uint32_t buffer[128] __attribute__((aligned(512)));
static uint32_t prd[2] __attribute__((aligned(64)));

static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

// One sector to an address; false: the bus master gave up, or never came to an end.
static bool transfer(uint16_t master, uint32_t sector, uint32_t to)
{
    uint8_t status = ACTIVE;
    prd[0] = to, prd[1] = 512 | 0x80000000u;
    outl((uint16_t)(master + 4), (uint32_t)(uintptr_t)prd);
    outb((uint16_t)(master + 2), 6);
    outb(DEVICE, 0xE0);
    outb(COUNT, 1);
    for (uint16_t i = 0; i < 3; i++) outb((uint16_t)(LOW + i), (uint8_t)(sector >> 8 * i));
    outb(STATUS, READ_DMA);
    outb(master, START_READ);
    for (int n = 0; n < PATIENCE && (status & ACTIVE); n++) status = inb((uint16_t)(master + 2));
    outb(master, 0);
    return !(status & (ACTIVE | FAILED));
}

void kmain(void)
{
    probe_init();
    outb(CONTROL, 2);
    outl(0xCF8, 0x80000920);
    uint16_t master = (uint16_t)(inl(0xCFC) & 0xFFF0);
    fact("to its own memory", transfer(master, 5, (uint32_t)(uintptr_t)buffer));
    fact2("what came", buffer[0], buffer[3]);
    fact("to nobody's", transfer(master, 6, NOBODYS));
    outb(CONTROL, 6); // SRST: the drive still waits for its host
    outb(CONTROL, 2);
    for (int n = 0; n < PATIENCE && (inb(STATUS) & BSY); n++) {}
    fact("and to its own again", transfer(master, 7, (uint32_t)(uintptr_t)buffer));
    fact2("what came", buffer[0], buffer[3]);
    done(0);
}
