// An RTL8139 from a driver's side: two frames go out, somebody sends them back, they come in by DMA, with interrupts.
//
// Idea: what is printed is what every such card and every mirror agree on: own address, lengths, bytes, events.
// Manual: Realtek RTL8139C(L) data sheet 1.4, 5 and 8; RTL8139 Programming Guide.
#include "probe.h"

enum { VECTOR_NIC = 0x2B, IRQ_NIC = 11, RING = 8192, SLACK = 16 + 1536, LINE = 0x3C };
enum { TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, CBR = 0x3A, IMR = 0x3C, ISR = 0x3E, TCR = 0x40, RCR = 0x44 };
enum { RESET = 0x10, RE_TE = 0x0C, EMPTY = 0x01, ROK = 1, TOK = 4, OWN_ADDRESS = 2, BROADCAST = 8, WRAP = 0x80 };

static uint8_t ring[RING + SLACK] __attribute__((aligned(4096)));
static uint8_t frame[2][64] __attribute__((aligned(4)));
static uint16_t base;
static volatile uint32_t events, interrupts;

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
    uint16_t what = inw((uint16_t)(base + ISR));
    outw((uint16_t)(base + ISR), what);
    events |= what;
    interrupts++;
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

static void send(unsigned n, unsigned descriptor, uint8_t to)
{
    for (unsigned i = 0; i < 6; i++) frame[n][i] = to;
    for (unsigned i = 0; i < 6; i++) frame[n][6 + i] = inb((uint16_t)(base + i));
    frame[n][12] = 0x88, frame[n][13] = 0xB5; // an experimental protocol
    for (unsigned i = 14; i < 64; i++) frame[n][i] = (uint8_t)(n * 100 + i);
    outl((uint16_t)(base + TSAD0 + 4 * descriptor), (uint32_t)(uintptr_t)frame[n]);
    outl((uint16_t)(base + TSD0 + 4 * descriptor), 64);
}

// The next frame in the ring; false: there is none yet.
static bool receive(const char *name)
{
    static uint32_t at;
    if (inb((uint16_t)(base + CR)) & EMPTY) return false;
    const uint8_t *p = ring + at;
    uint32_t head = *(const uint32_t *)(const void *)p, length = head >> 16, sum = 0;
    for (unsigned i = 0; i < 60; i++) sum = sum * 31 + p[4 + i];
    fact2(name, length, sum);
    fact2("  for, from", p[4 + 5], p[4 + 6]);
    at = (at + 4 + length + 3) / 4 * 4 % RING;
    outw((uint16_t)(base + CAPR), (uint16_t)(at - 16));
    return true;
}

static void wait_frame(const char *name)
{
    while (!receive(name)) __asm__ volatile("sti; hlt; cli" : : : "memory");
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
    outb((uint16_t)(base + CR), RESET);
    while (inb((uint16_t)(base + CR)) & RESET) {}
    fact2("address", inl(base), inw((uint16_t)(base + 4)));
    pic_init();
    trap_handlers[VECTOR_NIC] = on_nic;
    outb(0x21, 0xFB);
    outb(0xA1, (uint8_t)~(1 << (IRQ_NIC - 8)));
    outl((uint16_t)(base + RBSTART), (uint32_t)(uintptr_t)ring);
    outw((uint16_t)(base + IMR), ROK | TOK);
    outb((uint16_t)(base + CR), RE_TE);
    outl((uint16_t)(base + RCR), OWN_ADDRESS | BROADCAST | WRAP | 0x700);
    send(0, 0, 0x02);
    wait_frame("one to somebody");
    send(1, 1, 0xFF);
    wait_frame("one to all");
    fact("events", events & (ROK | TOK));
    fact("interrupts came", interrupts > 0);
    done(0);
}
