// Two address spaces in turn, as a scheduler would: what each wrote is still its own; new pages come; a table becomes a page.
//
// Idea: the figures are the hypervisor's to give (tests/guest/shadow.sh); the guest only does the work and checks it.
// Manual: Intel SDM volume 3, 4.10.
#include "probe.h"

enum { AREA = 0x00800000, PAGES = 48, TURNS = 60, SPACES = 2 };

static uint32_t directory[SPACES][1024] __attribute__((aligned(4096))), table[SPACES][1024] __attribute__((aligned(4096)));
static uint32_t page[SPACES][PAGES][1024] __attribute__((aligned(4096)));

static void load_cr3(const void *d) { __asm__ volatile("mov cr3, %0" : : "r"(d) : "memory"); }
static volatile uint32_t *at(uint32_t n) { return (volatile uint32_t *)(AREA + n * 4096); }

static bool turn(uint32_t space, uint32_t count)
{
    bool good = true;
    load_cr3(directory[space]);
    for (uint32_t n = 0; n < PAGES; n++) {
        good &= *at(n) == (count ? space << 16 | (count - 1 + n) : 0);
        *at(n) = space << 16 | (count + n);
    }
    return good;
}

// A process that maps what it will use before it touches it: present, accessed and dirty already, as kernels do.
static uint32_t grow(uint32_t space)
{
    uint32_t sum = 0;
    load_cr3(directory[space]);
    for (uint32_t n = 0; n < PAGES; n++)
        table[space][PAGES + n] = (uint32_t)page[1 - space][n] | PTE_P | PTE_RW | PTE_A | PTE_D;
    for (uint32_t n = 0; n < PAGES; n++)
        sum += *at(PAGES + n);
    return sum;
}

// The second space ends: its table is memory again, stored to word by word.
static uint32_t retire(void)
{
    load_cr3(directory[0]);
    directory[1][AREA >> 22] = 0;
    load_cr3(directory[1]);
    load_cr3(directory[0]);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 1024; i++)
        table[1][i] = i * 3;
    for (uint32_t i = 0; i < 1024; i++)
        sum += table[1][i];
    return sum;
}

void kmain(void)
{
    probe_init();
    paging_init();
    for (uint32_t s = 0; s < SPACES; s++) {
        directory[s][0] = page_directory[0];
        directory[s][AREA >> 22] = (uint32_t)table[s] | PTE_P | PTE_RW;
        for (uint32_t n = 0; n < PAGES; n++)
            table[s][n] = (uint32_t)page[s][n] | PTE_P | PTE_RW;
    }
    paging_on();
    bool good = true;
    for (uint32_t count = 0; count < TURNS; count++)
        for (uint32_t s = 0; s < SPACES; s++)
            good &= turn(s, count);
    fact("turns", good);
    fact("grown", grow(0));
    fact("A and D of the last", table[0][2 * PAGES - 1] & (PTE_A | PTE_D));
    fact("retired", retire());
    finish(good);
}
