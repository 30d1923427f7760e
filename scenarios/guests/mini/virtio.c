// A virtio disk: requests in memory that the device reads by itself, and one port access to say that there is one.
//
// Idea: the queue is three tables in two pages. A request is three descriptors in a row: a header (what, which sector), the data, a byte
// for the answer. Its first one's number goes into the ring of what is available, then the ring's index, then, if the device
// does not look by itself, the notification. The process that asked sleeps until the interrupt.
// Manual: Virtio PCI Card Specification 0.9.5, 2.2 to 2.4 and appendix D; PCI 2.1, 3.2.2.3.2 and 6.2.
// Not here: several requests at a time, indirect descriptors, features.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/ports.h"

enum { DISK_ID = 0x10011AF4 };
enum { TAKEN = 4, QUEUE_PAGE = 8, QUEUE_SIZE = 12, QUEUE_SELECT = 14, NOTIFY = 16, STATUS = 18, ISR = 19, CAPACITY = 20 }; // ports
enum { SEEN = 1, DRIVER = 2, READY = 4, FAILED = 0x80 };                                                                  // STATUS
enum { ENTRIES = 128, NEXT = 1, WRITE = 2, IN = 0, OUT = 1, GOOD = 0 };

static struct {
    struct {
        uint32_t at, at_high, bytes;
        uint16_t flags, next;
    } entry[ENTRIES];
    struct {
        volatile uint16_t flags, index, ring[ENTRIES + 1];
    } available;
    struct {
        volatile uint16_t flags, index;
        struct {
            uint32_t entry, bytes;
        } ring[ENTRIES];
        uint16_t unused;
    } used __attribute__((aligned(PAGE)));
} queue __attribute__((aligned(PAGE)));

static struct {
    uint32_t type, priority, sector, sector_high;
} header __attribute__((aligned(16)));
static volatile uint8_t answer;
static uint16_t base;
static uint32_t sectors;

static void on_answer(void)
{
    inb(base + ISR); // takes the interrupt back
    sched_wake(&queue);
}

void virtio_init(void)
{
    uint32_t f = 0;
    while (f < PCI_FUNCTIONS && pci_read(f, 0) != DISK_ID) f++;
    if (f == PCI_FUNCTIONS) return;
    base = (uint16_t)(pci_read(f, PCI_BASE_0) & 0xFFFC);
    pci_write(f, PCI_COMMAND, (pci_read(f, PCI_COMMAND) & 0xFFFF) | BUS_MASTER);
    outb(base + STATUS, 0);
    outb(base + STATUS, SEEN | DRIVER);
    outl(base + TAKEN, 0);
    outw(base + QUEUE_SELECT, 0);
    if (inw(base + QUEUE_SIZE) != ENTRIES) {
        outb(base + STATUS, FAILED);
        return;
    }
    outl(base + QUEUE_PAGE, dma_address(&queue) / PAGE);
    irq_install(pci_read(f, PCI_LINE) & 15, on_answer);
    outb(base + STATUS, SEEN | DRIVER | READY);
    sectors = inl(base + CAPACITY);
}

uint32_t virtio_sectors(void) { return sectors; }

static void describe(uint32_t n, uint32_t at, uint32_t bytes, uint16_t flags)
{
    queue.entry[n].at = at;
    queue.entry[n].bytes = bytes;
    queue.entry[n].flags = flags;
    queue.entry[n].next = (uint16_t)(n + 1);
}

bool virtio_transfer(uint32_t sector, uint32_t count, uint32_t address, bool write)
{
    if (!count || count > sectors || sector > sectors - count) return false;
    uint16_t before = queue.used.index;
    header.type = write ? OUT : IN;
    header.sector = sector;
    answer = 0xFF;
    describe(0, dma_address(&header), sizeof header, NEXT);
    describe(1, address, count * SECTOR, write ? NEXT : NEXT | WRITE);
    describe(2, dma_address((const void *)&answer), 1, WRITE);
    queue.available.ring[queue.available.index % ENTRIES] = 0;
    __asm__ volatile("" : : : "memory"); // one processor, and the device reads after its exit: the order of the program is enough
    queue.available.index++;
    __asm__ volatile("lock or dword ptr [esp], 0" : : : "memory", "cc"); // the index is stored before the flags are read
    if (!(queue.used.flags & 1)) outw(base + NOTIFY, 0);
    irq_state saved = critical_enter();
    while (queue.used.index == before) sched_sleep(&queue);
    critical_leave(saved);
    return answer == GOOD;
}
