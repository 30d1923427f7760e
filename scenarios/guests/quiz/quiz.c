// Guest `quiz`: address spaces made to measure, for `ringside quiz`. As it is, two small ones.
//
// Idea: whoever starts it may first change the numbers below. It makes that many processes, each with that many regions of its own, one
// page table each, goes through all of them and stops at a landmark. With a seed the first region's entries are of all kinds.
// Manual: Intel SDM volume 3, 4.3.
// Not here: programs; a process is a page directory.
#include "lib/guest.h"

enum { MOST_PROCESSES = 8, MOST_REGIONS = 4, PAGES = 4, RANDOM = 16, FRAMES = 32, FIRST_SLOT = 32, SLOTS_APART = 13 };

// Read once, at the start.
volatile uint32_t quiz_processes = 2, quiz_regions = 1, quiz_seed = 0;

uint32_t quiz_directory[MOST_PROCESSES][1024] __attribute__((aligned(4096)));
uint32_t quiz_table[MOST_PROCESSES * MOST_REGIONS][1024] __attribute__((aligned(4096)));
static uint32_t frames[FRAMES][1024] __attribute__((aligned(4096)));

LANDMARK void quiz_made(uint32_t processes) { __asm__ volatile("" : : "r"(processes) : "memory"); }

static void load_cr3(const void *directory) { __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory"); }
static uint32_t region(uint32_t n) { return (FIRST_SLOT + n * SLOTS_APART) << 22; }
static uint32_t frame(uint32_t n) { return (uint32_t)frames[n % FRAMES]; }

static uint32_t chance(void)
{
    static uint32_t state;
    if (!state) state = quiz_seed * 2654435761u + 1;
    state = state * 1664525 + 1013904223;
    return state >> 12;
}

static void make(uint32_t process, uint32_t regions)
{
    quiz_directory[process][0] = page_directory[0]; // the kernel's 4 MB: one table for all
    for (uint32_t r = 0; r < regions; r++) {
        uint32_t *table = quiz_table[process * MOST_REGIONS + r];
        for (uint32_t n = 0; n < PAGES; n++)
            table[n] = frame(process * 7 + r * 3 + n) | PTE_P | PTE_RW;
        quiz_directory[process][region(r) >> 22] = (uint32_t)table | PTE_P | PTE_RW;
    }
}

// The first process's first region: absent and present, read-only and not, a user's and the kernel's; perhaps a page of 4 MB beside it.
static void spoil(void)
{
    uint32_t *table = quiz_table[0];
    for (uint32_t n = 0; n < RANDOM; n++) {
        uint32_t kind = chance();
        table[n] = frame(chance()) | (kind % 4 ? PTE_P : 0) | (kind & 0x100 ? PTE_RW : 0) | (kind & 0x200 ? PTE_US : 0);
    }
    uint32_t rights = chance();
    quiz_directory[0][region(0) >> 22] = (uint32_t)table | PTE_P | (rights % 4 ? PTE_RW : 0) | (rights & 0x300 ? PTE_US : 0);
    quiz_directory[0][(region(0) >> 22) + 1] = PDE_4MB | PTE_P | (chance() & 1 ? PTE_RW : 0) | (chance() & 1 ? PTE_US : 0);
}

// Reads, and writes what may be written, so that accessed and dirty bits differ and shadows are there for some.
static void use(void)
{
    for (uint32_t n = 0; n < RANDOM; n++) {
        volatile uint32_t *at = (volatile uint32_t *)(region(0) + n * 4096);
        bool writable = quiz_table[0][n] & quiz_directory[0][region(0) >> 22] & PTE_RW;
        if (!(quiz_table[0][n] & PTE_P) || chance() % 3 == 0)
            continue;
        if (writable && chance() % 2)
            *at = n;
        else
            (void)*at;
    }
}

static void allow_large_pages(void)
{
    uint32_t cr4;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | CR4_PSE) : "memory");
}

void kmain(void)
{
    uint32_t processes = quiz_processes, regions = quiz_regions;
    serial_init();
    tables_init();
    tables_load();
    pic_init();
    paging_init();
    for (uint32_t p = 0; p < processes; p++)
        make(p, regions);
    if (quiz_seed) {
        allow_large_pages();
        spoil();
    }
    load_cr3(quiz_directory[0]); // not paging_on: its directory would be one more
    __asm__ volatile("mov eax, cr0\n\tor eax, %0\n\tmov cr0, eax" : : "i"(CR0_PG | CR0_WP) : "eax", "memory");
    for (uint32_t p = 0; p < processes; p++) {
        load_cr3(quiz_directory[p]);
        if (quiz_seed && p == 0)
            use();
        for (uint32_t r = quiz_seed ? 1 : 0; r < regions; r++)
            for (uint32_t n = 0; n < PAGES; n++)
                *(volatile uint32_t *)(region(r) + n * 4096) = n;
        quiz_made(p + 1);
    }
    print("quiz: ok\n");
    finish(true);
}
