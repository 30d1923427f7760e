// Several guests on one network: each sends frames to all and to its neighbours, each counts what it hears and from whom.
//
// Idea: nobody waits for anybody. Who has sent its own listens until nothing has come for a while, and then says what came; so sent, heard
// and lost can be added up outside. Every frame carries its sender's number and a sum over its bytes.
// Manual: Realtek RTL8139C(L) data sheet 1.4, 5 and 8.
#include "probe.h"

enum { VECTOR_NIC = 0x2B, IRQ_NIC = 11, RING = 8192, SLACK = 16 + 1536, GUESTS = 4, FRAMES = 24, BYTES = 200, PATIENCE = 200, FIRST = 0x56 };
enum { TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, IMR = 0x3C, ISR = 0x3E, RCR = 0x44 };
enum { RESET = 0x10, RE_TE = 0x0C, EMPTY = 0x01, ROK = 1, TOK = 4, OWN = 1 << 13, OWN_ADDRESS = 2, BROADCAST = 8, WRAP = 0x80 };

static uint8_t ring[RING + SLACK] __attribute__((aligned(4096)));
static uint8_t frame[4][BYTES] __attribute__((aligned(4)));
static uint16_t base;
static volatile uint32_t answered;
static uint32_t at, heard[GUESTS], echoes, wrong;

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

static uint8_t sum(const uint8_t *f)
{
    uint8_t all = 0;
    for (unsigned i = 14; i < BYTES - 1; i++) all = (uint8_t)(all * 31 + f[i]);
    return all;
}

// All in the ring. Who sends to all hears a mirror, too: its own number comes back.
static void listen(void)
{
    while (!(inb((uint16_t)(base + CR)) & EMPTY)) {
        const uint8_t *p = ring + at;
        uint32_t length = *(const uint32_t *)(const void *)p >> 16;
        uint8_t from = (uint8_t)(p[4 + 14] - FIRST);
        if (length != BYTES + 4 || from >= GUESTS || sum(p + 4) != p[4 + BYTES - 1]) wrong++;
        else if (p[4 + 14] == inb((uint16_t)(base + 5))) echoes++;
        else heard[from]++;
        at = (at + 4 + length + 3) / 4 * 4 % RING;
        outw((uint16_t)(base + CAPR), (uint16_t)(at - 16));
        answered++;
    }
}

static void on_nic(struct trap_frame *f)
{
    (void)f;
    outw((uint16_t)(base + ISR), inw((uint16_t)(base + ISR)));
    listen();
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

static void on_tick(struct trap_frame *f)
{
    (void)f;
    outb(0x20, 0x20);
}

static void rest(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

static void send(unsigned n, uint8_t to, uint8_t me)
{
    uint8_t *f = frame[n % 4];
    while (!(inl((uint16_t)(base + TSD0 + 4 * (n % 4))) & OWN)) rest();
    for (unsigned i = 0; i < 6; i++) f[i] = to ? inb((uint16_t)(base + i)) : 0xFF;
    if (to) f[5] = to;
    for (unsigned i = 0; i < 6; i++) f[6 + i] = inb((uint16_t)(base + i));
    f[12] = 0x88, f[13] = 0xB5;
    f[14] = me;
    for (unsigned i = 15; i < BYTES - 1; i++) f[i] = (uint8_t)(n * 7 + i);
    f[BYTES - 1] = sum(f);
    outl((uint16_t)(base + TSAD0 + 4 * (n % 4)), (uint32_t)(uintptr_t)f);
    outl((uint16_t)(base + TSD0 + 4 * (n % 4)), BYTES);
}

void kmain(void)
{
    probe_init();
    outl(0xCF8, 0x80001810);
    base = (uint16_t)(inl(0xCFC) & 0xFFFC);
    outl(0xCF8, 0x80001804);
    outl(0xCFC, (inl(0xCFC) & 0xFFFF) | 5);
    outb((uint16_t)(base + CR), RESET);
    while (inb((uint16_t)(base + CR)) & RESET) {}
    uint8_t me = inb((uint16_t)(base + 5));
    pic_init();
    trap_handlers[VECTOR_NIC] = on_nic;
    trap_handlers[0x20] = on_tick;
    outb(0x4D1, 1 << (IRQ_NIC - 8)); // by level: what happens between the two accesses to ISR must not be missed
    outb(0x21, 0xFA);
    outb(0xA1, (uint8_t)~(1 << (IRQ_NIC - 8)));
    outb(0x43, 0x34), outb(0x40, 1193 & 255), outb(0x40, 1193 >> 8); // a tick of 1 ms
    outl((uint16_t)(base + RBSTART), (uint32_t)(uintptr_t)ring);
    outw((uint16_t)(base + IMR), ROK | TOK);
    outb((uint16_t)(base + CR), RE_TE);
    outl((uint16_t)(base + RCR), OWN_ADDRESS | BROADCAST | WRAP | 0x700);
    for (unsigned i = 0; i < 100; i++) rest(); // the others are listening by now
    for (unsigned n = 0; n < FRAMES; n++) {
        unsigned next = (unsigned)(me - FIRST + 1 + n % (GUESTS - 1)) % GUESTS;
        send(n, n % 3 == 0 ? 0 : (uint8_t)(FIRST + next), me);
    }
    for (uint32_t last = answered, quiet = 0; quiet < PATIENCE; quiet++) {
        rest();
        if (answered != last) last = answered, quiet = 0;
    }
    fact2("I am, and sent", me, FRAMES);
    fact2("heard of 56, of 57", heard[0], heard[1]);
    fact2("heard of 58, of 59", heard[2], heard[3]);
    fact2("echoes of my own, wrong frames", echoes, wrong);
    done(0);
}
