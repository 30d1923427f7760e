// A guest that drives its disks and network cards at random: registers of every width, and in memory rings, tables and descriptors that
// are nearly right. The second of two such guests behaves: it reads its disk, looks at its memory, and says whether anything has changed.
//
// Idea: most addresses lie in an arena, so that transfers do happen; a few lie anywhere. Nothing here is expected to be useful; whatever
// happens, it happens to this guest. The seed is the second of the real-time clock, which the machine's --seed moves.
// Not here: what the registers say; that is what the devices' own tests are for.
#include "probe.h"

enum { POKES = 6000, ARENA = 65536, DEVICES = 8, CHECKS = 60, KEPT = 65536, SECTORS = 4032 };
enum { IDE = 0x70108086, RTL8139 = 0x813910EC, VIRTIO_NET = 0x10001AF4, VIRTIO_BLK = 0x10011AF4 };

static uint8_t arena[ARENA] __attribute__((aligned(4096)));
static uint32_t kept[KEPT / 4];
static struct { uint32_t id; uint16_t base; } device[DEVICES];
static uint32_t devices, state;

static uint32_t draw(void) { return (state = state * 1664525u + 1013904223u) >> 8; }
static uint32_t below(uint32_t n) { return draw() % n; }
static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline void outw(uint16_t port, uint16_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static uint32_t clock_seed(void)
{
    uint32_t seed = 0;
    for (uint8_t i = 0; i < 10; i += 2) {
        outb(0x70, i);
        seed = seed * 61 + inb(0x71);
    }
    return seed;
}

static uint32_t config(uint32_t function, uint32_t at)
{
    outl(0xCF8, 0x80000000u | function << 8 | at);
    return inl(0xCFC);
}

static void find_devices(void)
{
    for (uint32_t f = 0; f < 256 && devices < DEVICES; f++) {
        uint32_t id = config(f, 0);
        if (id != IDE && id != RTL8139 && id != VIRTIO_NET && id != VIRTIO_BLK) continue;
        uint32_t base = config(f, id == IDE ? 0x20 : 0x10) & 0xFFFC, command = config(f, 4) & 0xFFFF;
        outl(0xCFC, command | 5);
        device[devices].id = id;
        device[devices++].base = (uint16_t)base;
    }
}

static uint32_t any_address(void) { return below(64) ? (uint32_t)(uintptr_t)arena + below(ARENA) : below(32) ? below(0x02000000) : draw() << 8; }
static uint32_t any_value(void) { return below(3) ? below(256) : below(2) ? any_address() : draw() << 8 ^ draw(); }

// Something that a device might take for its own: a row of a PRD table, a virtio descriptor, an index, a number.
static void scribble(void)
{
    uint32_t *at = (uint32_t *)(void *)(arena + below(ARENA / 16 - 1) * 16);
    switch (below(4)) {
    case 0: at[0] = any_address(), at[1] = below(8192) | (below(2) ? 0x80000000u : 0); break;
    case 1: at[0] = any_address(), at[1] = 0, at[2] = below(5000), at[3] = below(8) | below(130) << 16; break;
    case 2: ((uint16_t *)at)[below(8)] = (uint16_t)below(140); break;
    default: at[below(4)] = any_value(); break;
    }
}

static void poke(uint16_t port)
{
    switch (below(6)) {
    case 0: outb(port, (uint8_t)any_value()); break;
    case 1: outw(port, (uint16_t)any_value()); break;
    case 2: outl(port, any_value()); break;
    case 3: inb(port); break;
    case 4: inw(port); break;
    default: inl(port); break;
    }
}

// What drivers do, in their order, with what is at hand.
static void drive_ide(uint16_t master)
{
    static const uint8_t command[] = { 0xC8, 0xCA, 0x25, 0x35, 0x20, 0x30, 0xC4, 0xC5, 0xEC, 0x90, 0x91, 0xE7 };
    uint16_t channel = below(4) ? 0x1F0 : 0x170;
    outl((uint16_t)(master + 4), any_address() & ~3u);
    outb((uint16_t)(channel + 6), (uint8_t)(0xE0 | below(2) << 4));
    for (uint16_t r = 2; r < 6; r++) outb((uint16_t)(channel + r), (uint8_t)below(16));
    outb((uint16_t)(channel + 7), command[below(sizeof command)]);
    outb(master, (uint8_t)(1 | below(2) << 3));
}

static void drive_rtl(uint16_t base)
{
    uint16_t n = (uint16_t)(4 * below(4));
    outb((uint16_t)(base + 0x37), (uint8_t)(below(30) ? 0x0C : draw()));
    outl((uint16_t)(base + 0x30), any_address());
    outl((uint16_t)(base + 0x44), draw());
    outw((uint16_t)(base + 0x3C), (uint16_t)(below(4) ? 0 : 5));
    outl((uint16_t)(base + 0x20 + n), any_address());
    outl((uint16_t)(base + 0x10 + n), below(2000));
}

static void drive_virtio(uint16_t base, bool blk)
{
    uint32_t page = ((uint32_t)(uintptr_t)arena >> 12) + below(14);
    uint16_t *available = (uint16_t *)(void *)(uintptr_t)((page << 12) + 2048);
    if (!below(4)) outb((uint16_t)(base + 18), 0);
    outl((uint16_t)(base + 4), draw());
    outb((uint16_t)(base + 18), 7);
    outw((uint16_t)(base + 14), (uint16_t)(blk ? 0 : below(2)));
    outl((uint16_t)(base + 8), below(60) ? page : draw());
    uint32_t *d = (uint32_t *)(void *)(uintptr_t)(page << 12);
    for (uint32_t i = 0; i < 3; i++, d += 4) { // a request that might be one
        d[0] = any_address(), d[1] = 0, d[2] = i ? below(4096) : 16, d[3] = (i < 2 ? 1 : 2) | (uint32_t)(i + 1) << 16;
    }
    for (uint32_t i = 0; i < 4; i++) available[2 + i] = (uint16_t)below(4);
    available[1] = (uint16_t)below(6);
    outw((uint16_t)(base + 16), (uint16_t)below(2));
}

static void run_wild(void)
{
    state = clock_seed();
    print("wild\n");
    for (uint32_t i = 0; i < POKES; i++) {
        uint32_t n = below(devices), kind = below(8);
        uint16_t base = device[n].base;
        scribble();
        if (kind < 3) poke((uint16_t)(base + below(device[n].id == RTL8139 ? 256 : 64)));
        else if (kind == 3 && device[n].id == IDE) poke((uint16_t)(0x1F0 + below(8)));
        else if (device[n].id == IDE) drive_ide(base);
        else if (device[n].id == RTL8139) drive_rtl(base);
        else drive_virtio(base, device[n].id == VIRTIO_BLK);
    }
    outb(0xF4, 0);
}

// One sector by PIO; the disk's begin with their numbers.
static bool sector_right(uint32_t n)
{
    uint32_t word[128], port = 0x1F0;
    outb(0x3F6, 2);
    outb((uint16_t)(port + 6), 0xE0);
    outb((uint16_t)(port + 2), 1);
    for (uint16_t i = 0; i < 3; i++) outb((uint16_t)(port + 3 + i), (uint8_t)(n >> 8 * i));
    outb((uint16_t)(port + 7), 0x20);
    while ((inb((uint16_t)(port + 7)) & 0x88) != 8) {}
    for (uint32_t i = 0; i < 128; i++) word[i] = inl((uint16_t)port);
    inb((uint16_t)(port + 7));
    for (uint32_t i = 0; i < 4; i++)
        if (word[i] != n) return false;
    return (word[127] >> 24) == n % 251;
}

static void run_quiet(void)
{
    uint32_t wrong = 0, disk = 0;
    for (uint32_t i = 0; i < KEPT / 4; i++) kept[i] = i * 2654435761u;
    for (uint32_t n = 0; n < devices; n++) disk |= device[n].id == IDE && inb(0x1F7) != 0x7F;
    for (uint32_t c = 0; c < CHECKS; c++) {
        for (uint32_t i = 0; i < KEPT / 4; i++) wrong += kept[i] != i * 2654435761u;
        for (uint32_t i = 0; i < ARENA; i++) wrong += arena[i] != 0;
        if (disk) wrong += !sector_right(c * 61 % SECTORS);
    }
    fact("quiet, and wrong", wrong);
    done(0);
}

void kmain(void)
{
    probe_init();
    find_devices();
    uint8_t last = 0;
    for (uint32_t n = 0; n < devices; n++) {
        if (device[n].id == RTL8139) last = inb((uint16_t)(device[n].base + 5));
        if (device[n].id == VIRTIO_NET) last = inb((uint16_t)(device[n].base + 25));
    }
    if (last == 0x57) run_quiet();
    else run_wild();
}
