// A guest gone wild: ports and memory-mapped registers are read and written at random, with every size.
//
// Idea: nothing here is expected to be useful; the machine must only stay a machine. It ends by itself, or by one of the
// pokes (a reset, the power, DMA over its own code): whatever happens, it happens to the guest. The seed is the second of
// the real-time clock, which the machine's --seed moves.
// Not here: what the registers say; that is what the devices' own tests are for.
#include "probe.h"

enum { POKES = 12000, EXIT_PORT = 0xF4 };

static uint32_t state;
static uint32_t draw(void) { return (state = state * 1664525u + 1013904223u) >> 8; }

static uint32_t clock_seed(void)
{
    uint32_t seed = 0;
    for (uint8_t i = 0; i < 10; i += 2) { // seconds, minutes, hours, and what they hide
        outb(0x70, i);
        seed = seed * 61 + inb(0x71);
    }
    return seed;
}

// Where devices are more often than not.
static const uint16_t places[][2] = {
    { 0x00, 0x10 }, { 0x20, 4 }, { 0x40, 4 }, { 0x60, 8 }, { 0x70, 2 }, { 0x80, 16 }, { 0x92, 1 }, { 0xA0, 2 }, { 0xC0, 32 },
    { 0x170, 8 }, { 0x1F0, 8 }, { 0x278, 8 }, { 0x2F8, 8 }, { 0x376, 2 }, { 0x378, 8 }, { 0x3B0, 48 }, { 0x3F0, 16 },
    { 0x402, 1 }, { 0x4D0, 2 }, { 0x510, 4 }, { 0xCF8, 8 }, { 0xB000, 64 }, { 0xC000, 32 }, { 0x600, 64 }, { 0xE9, 1 },
};
static const uint32_t windows[][2] = {
    { 0xA0000, 0x60000 }, { 0xFEC00000, 0x1000 }, { 0xFEE00000, 0x1000 }, { 0xFFFC0000, 0x40000 }, { 0x80000000, 0x10000 },
    { 0xE0000000, 0x7000000 },
};

static uint16_t any_port(void)
{
    uint32_t n = draw() % (sizeof places / sizeof *places + 1);
    if (n == sizeof places / sizeof *places) return (uint16_t)draw();
    return (uint16_t)(places[n][0] + draw() % places[n][1]);
}

// Exit, reset by three ways, power: an access of up to four bytes that touches them would mostly be the end, so it is rare.
static bool spared(uint32_t port)
{
    static const uint16_t ends[] = { EXIT_PORT, 0x64, 0x92, 0xCF9, 0xB004, 0xB005, 0x604, 0x605 };
    for (uint32_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (port <= ends[i] && ends[i] < port + 4) return i == 0 || draw() % 8192;
    return false;
}

static void poke_port(void)
{
    uint16_t port = any_port();
    uint32_t value = draw() << 8 ^ draw();
    if (spared(port)) return;
    switch (draw() % 6) {
    case 0: __asm__ volatile("out %w0, al" : : "Nd"(port), "a"(value)); break;
    case 1: __asm__ volatile("out %w0, ax" : : "Nd"(port), "a"(value)); break;
    case 2: __asm__ volatile("out %w0, eax" : : "Nd"(port), "a"(value)); break;
    case 3: __asm__ volatile("in al, %w1" : "+a"(value) : "Nd"(port)); break;
    case 4: __asm__ volatile("in ax, %w1" : "+a"(value) : "Nd"(port)); break;
    default: __asm__ volatile("in eax, %w1" : "+a"(value) : "Nd"(port)); break;
    }
}

static void poke_memory(void)
{
    uint32_t n = draw() % (sizeof windows / sizeof *windows);
    volatile uint8_t *at = (volatile uint8_t *)(windows[n][0] + draw() % windows[n][1]);
    uint32_t value = draw() << 8 ^ draw();
    switch (draw() % 6) {
    case 0: *at = (uint8_t)value; break;
    case 1: *(volatile uint16_t *)at = (uint16_t)value; break;
    case 2: *(volatile uint32_t *)at = value; break;
    case 3: (void)*at; break;
    case 4: (void)*(volatile uint16_t *)at; break;
    default: (void)*(volatile uint32_t *)at; break;
    }
}

// Whole blocks by string instructions, which cross windows' ends.
static void poke_string(void)
{
    static uint8_t block[256];
    uint32_t count = draw() % 64, port = any_port();
    void *at = block;
    if (spared(port)) return;
    if (draw() & 1) __asm__ volatile("rep insd" : "+D"(at), "+c"(count) : "d"(port) : "memory");
    else __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
}

void kmain(void)
{
    probe_init();
    state = clock_seed();
    print("poking\n");
    for (uint32_t i = 0; i < POKES; i++) {
        uint32_t kind = draw() % 16;
        if (kind < 10) poke_port();
        else if (kind < 15) poke_memory();
        else poke_string();
    }
    outb(EXIT_PORT, 0);
}
