// What page tables cost a kernel: a TLB miss, an entry changed and used, an address space made and left, and mixtures.
//
// Idea: all of it in cycles by RDTSC around the same few instructions, so that what another technique adds is its own. Each figure is
// the least of some rounds; `mix K` is one update with K misses behind it. Run by tests/bench/paging.sh.
// Manual: Intel SDM volume 3, 4.10 (when a TLB forgets).
#include "probe.h"

enum { WALKED = 0x00800000, CHANGED = 0x00C00000, WALKED_PAGES = 256, FEW = 16, UPDATES = 32, ROUNDS = 8, NEW_PAGES = 32 };

static uint32_t walked[1024] __attribute__((aligned(4096))), changed[1024] __attribute__((aligned(4096)));
static uint32_t other[1024] __attribute__((aligned(4096))), other_table[1024] __attribute__((aligned(4096)));
static uint32_t frames[16][1024] __attribute__((aligned(4096)));

static uint32_t cycles(void)
{
    uint32_t low;
    __asm__ volatile("rdtsc" : "=a"(low) : : "edx", "memory");
    return low;
}
static void load_cr3(const void *d) { __asm__ volatile("mov cr3, %0" : : "r"(d) : "memory"); }
static uint32_t frame(uint32_t n) { return (uint32_t)frames[n & 15] | PTE_P | PTE_RW | PTE_A | PTE_D; }

// `count` reads from `pages` pages in turn.
static void reads(uint32_t count, uint32_t pages)
{
    for (uint32_t n = 0; n < count; n++)
        (void)*(volatile uint32_t *)(WALKED + n % pages * 4096);
}

static uint32_t misses(uint32_t pages)
{
    uint32_t least = ~0u;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t from = cycles();
        reads(WALKED_PAGES, pages);
        uint32_t took = cycles() - from;
        least = took < least ? took : least;
    }
    return least;
}

// An entry leads elsewhere, its translation is invalidated, the page is used.
static void update(uint32_t n, uint32_t to)
{
    volatile uint32_t *page = (volatile uint32_t *)(CHANGED + n * 4096);
    changed[n] = to;
    __asm__ volatile("invlpg %0" : : "m"(*page) : "memory");
    (void)*page;
}

static uint32_t mix(uint32_t misses_each)
{
    uint32_t least = ~0u;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t from = cycles();
        for (uint32_t n = 0; n < UPDATES; n++) {
            update(n, frame(n + round));
            reads(misses_each, WALKED_PAGES);
        }
        uint32_t took = cycles() - from;
        least = took < least ? took : least;
    }
    return least;
}

// What a kernel does for a process, seen from here: tables, its pages, a switch there and back, and the end.
static uint32_t creation(void)
{
    uint32_t least = ~0u;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t from = cycles();
        for (uint32_t n = 0; n < 1024; n++)
            other_table[n] = 0;
        for (uint32_t n = 0; n < NEW_PAGES; n++)
            other_table[n] = frame(n);
        other[CHANGED >> 22] = (uint32_t)other_table | PTE_P | PTE_RW;
        load_cr3(other);
        for (uint32_t n = 0; n < NEW_PAGES; n++)
            *(volatile uint32_t *)(CHANGED + n * 4096) = n;
        load_cr3(page_directory);
        other[CHANGED >> 22] = 0;
        uint32_t took = cycles() - from;
        least = took < least ? took : least;
    }
    return least;
}

static void tell(const char *name, uint32_t value)
{
    print(name);
    print(" ");
    print_dec(value);
    print("\n");
}

void kmain(void)
{
    probe_init();
    paging_init();
    for (uint32_t n = 0; n < 1024; n++)
        walked[n] = frame(n), changed[n] = frame(n);
    page_directory[WALKED >> 22] = (uint32_t)walked | PTE_P | PTE_RW;
    page_directory[CHANGED >> 22] = (uint32_t)changed | PTE_P | PTE_RW;
    for (uint32_t n = 0; n < 1024; n++)
        other[n] = page_directory[n];
    other[CHANGED >> 22] = 0;
    paging_on();
    reads(WALKED_PAGES, WALKED_PAGES);
    uint32_t many = misses(WALKED_PAGES), few = misses(FEW);
    tell("misses", WALKED_PAGES);
    tell("miss_cycles", many - few);
    tell("updates", UPDATES);
    static const uint32_t each[] = {0, 10, 20, 40, 60, 80, 120, 160, 240};
    for (uint32_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        print("mix ");
        print_dec(each[i]);
        print(" ");
        print_dec(mix(each[i]));
        print("\n");
    }
    tell("creation_cycles", creation());
    finish(true);
}
