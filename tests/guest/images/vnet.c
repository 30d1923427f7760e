// A virtio network card from a driver's side: two frames go out, somebody sends them back, they come in with a header before them.
//
// Idea: the same words as nic.c, which drives an RTL8139, so that the two can be compared; then what the two queues counted.
// Manual: Virtio PCI Card Specification 0.9.5, 2.2 to 2.4 and appendix C.
#include "probe.h"

enum { VECTOR_NIC = 0x2B, IRQ_NIC = 11, ENTRIES = 128, HEAD = 10, BUFFERS = 4, ROOM = 1526 };
enum { TAKEN = 4, QUEUE_PAGE = 8, QUEUE_SIZE = 12, QUEUE_SELECT = 14, NOTIFY = 16, STATUS = 18, ISR = 19, OWN = 20, LINK = 26, MAC = 1 << 5 };

static struct queue {
    struct { uint32_t at, high, bytes; uint16_t flags, next; } entry[ENTRIES];
    struct { volatile uint16_t flags, index, ring[ENTRIES + 1]; } available;
    struct { volatile uint16_t flags, index; struct { uint32_t entry, bytes; } ring[ENTRIES]; uint16_t unused; } used __attribute__((aligned(4096)));
} queue[2] __attribute__((aligned(4096)));
static uint8_t buffer[BUFFERS][ROOM + 2] __attribute__((aligned(16)));
static uint8_t frame[2][HEAD + 64] __attribute__((aligned(16)));
static uint16_t base, heard;
static volatile uint32_t interrupts;

static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline void outw(uint16_t port, uint16_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static void on_nic(struct trap_frame *f)
{
    (void)f;
    interrupts += inb((uint16_t)(base + ISR)) & 1;
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

static void offer(unsigned q, unsigned n, const void *at, uint32_t bytes, uint16_t flags)
{
    queue[q].entry[n].at = (uint32_t)(uintptr_t)at;
    queue[q].entry[n].bytes = bytes;
    queue[q].entry[n].flags = flags;
    queue[q].available.ring[queue[q].available.index % ENTRIES] = (uint16_t)n;
    queue[q].available.index++;
    if (!(queue[q].used.flags & 1)) outw((uint16_t)(base + NOTIFY), (uint16_t)q);
}

static void send(unsigned n, uint8_t to)
{
    uint8_t *f = frame[n] + HEAD;
    for (unsigned i = 0; i < 6; i++) f[i] = to;
    for (unsigned i = 0; i < 6; i++) f[6 + i] = inb((uint16_t)(base + OWN + i));
    f[12] = 0x88, f[13] = 0xB5; // an experimental protocol
    for (unsigned i = 14; i < 64; i++) f[i] = (uint8_t)(n * 100 + i);
    offer(1, n, frame[n], HEAD + 64, 0);
}

static void wait_frame(const char *name)
{
    while (queue[0].used.index == heard) __asm__ volatile("sti; hlt; cli" : : : "memory");
    uint32_t n = queue[0].used.ring[heard % ENTRIES].entry, length = queue[0].used.ring[heard % ENTRIES].bytes, sum = 0, head = 0;
    const uint8_t *p = buffer[n];
    heard++;
    for (unsigned i = 0; i < HEAD; i++) head |= p[i];
    for (unsigned i = 0; i < 60; i++) sum = sum * 31 + p[HEAD + i];
    fact2(name, length - HEAD + 4, sum); // nic.c counts the check sequence
    fact2("  for, from", p[HEAD + 5], p[HEAD + 6]);
    if (head) fact("  a header of", head);
    offer(0, n, buffer[n], ROOM, 2);
}

void kmain(void)
{
    probe_init();
    outl(0xCF8, 0x80001800);
    fact("who is there", inl(0xCFC));
    outl(0xCF8, 0x80001810);
    base = (uint16_t)(inl(0xCFC) & 0xFFFC);
    outl(0xCF8, 0x80001804);
    outl(0xCFC, (inl(0xCFC) & 0xFFFF) | 5);
    outb((uint16_t)(base + STATUS), 0);
    outb((uint16_t)(base + STATUS), 3);
    outl((uint16_t)(base + TAKEN), MAC);
    fact2("address", inl((uint16_t)(base + OWN)), inw((uint16_t)(base + OWN + 4)));
    pic_init();
    trap_handlers[VECTOR_NIC] = on_nic;
    outb(0x21, 0xFB);
    outb(0xA1, (uint8_t)~(1 << (IRQ_NIC - 8)));
    for (uint16_t q = 0; q < 2; q++) {
        outw((uint16_t)(base + QUEUE_SELECT), q);
        if (inw((uint16_t)(base + QUEUE_SIZE)) != ENTRIES) done(1);
        outl((uint16_t)(base + QUEUE_PAGE), (uint32_t)(uintptr_t)&queue[q] / 4096);
    }
    queue[1].available.flags = 1; // what was sent need not be told
    outb((uint16_t)(base + STATUS), 7);
    fact("link", inw((uint16_t)(base + LINK)));
    for (unsigned n = 0; n < BUFFERS; n++) offer(0, n, buffer[n], ROOM, 2);
    send(0, 0x02);
    wait_frame("one to somebody");
    send(1, 0xFF);
    wait_frame("one to all");
    fact2("sent, heard", queue[1].used.index, queue[0].used.index);
    fact("interrupts came", interrupts > 0);
    done(0);
}
