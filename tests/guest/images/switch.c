// Two address spaces in turn, as a scheduler would: what each wrote is still its own; new pages come; a table becomes a page.
//
// Idea: the figures are the hypervisor's to give (tests/guest/shadow.sh); the guest only does the work and checks it.
// Manual: Intel SDM volume 3, 4.10. With -DPAE the tables are those of 4.4, a directory worth a gigabyte.
#include "probe.h"

enum { AREA = 0x00800000, PAGES = 48, TURNS = 60, SPACES = 2 };
#ifdef PAE
typedef uint64_t entry;
enum { ENTRIES = 512, SPAN = 21 };
static entry pdpt[SPACES][4] __attribute__((aligned(32)));
#else
typedef uint32_t entry;
enum { ENTRIES = 1024, SPAN = 22 };
#endif

static entry directory[SPACES][ENTRIES] __attribute__((aligned(4096))), table[SPACES][ENTRIES] __attribute__((aligned(4096)));
static uint32_t page[SPACES][PAGES][1024] __attribute__((aligned(4096)));

static void load_cr3(const void *d) { __asm__ volatile("mov cr3, %0" : : "r"(d) : "memory"); }
#ifdef PAE
static void enter(uint32_t space) { load_cr3(pdpt[space]); }
#else
static void enter(uint32_t space) { load_cr3(directory[space]); }
#endif
static volatile uint32_t *at(uint32_t n) { return (volatile uint32_t *)(AREA + n * 4096); }

static bool turn(uint32_t space, uint32_t count)
{
    bool good = true;
    enter(space);
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
    enter(space);
    for (uint32_t n = 0; n < PAGES; n++)
        table[space][PAGES + n] = (uint32_t)page[1 - space][n] | PTE_P | PTE_RW | PTE_A | PTE_D;
    for (uint32_t n = 0; n < PAGES; n++)
        sum += *at(PAGES + n);
    return sum;
}

// The second space ends: its table is memory again, stored to word by word.
static uint32_t retire(void)
{
    enter(0);
    directory[1][AREA >> SPAN] = 0;
    enter(1);
    enter(0);
    uint32_t sum = 0;
    uint32_t *page_now = (uint32_t *)table[1];
    for (uint32_t i = 0; i < 1024; i++)
        page_now[i] = i * 3;
    for (uint32_t i = 0; i < 1024; i++)
        sum += page_now[i];
    return sum;
}

static void start_paging(void)
{
#ifdef PAE
    uint32_t cr4;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | 0x20) : "memory");
    enter(0);
    __asm__ volatile("mov eax, cr0\n\tor eax, 0x80010000\n\tmov cr0, eax" : : : "eax", "memory");
#else
    paging_on();
#endif
}

void kmain(void)
{
    probe_init();
    paging_init();
    for (uint32_t s = 0; s < SPACES; s++) {
#ifdef PAE
        static entry low[2][512] __attribute__((aligned(4096)));
        pdpt[s][0] = (uint32_t)directory[s] | PTE_P;
        for (uint32_t n = 0; n < 1024; n++)
            low[n / 512][n % 512] = low_table[n];
        directory[s][1] = (uint32_t)low[1] | PTE_P | PTE_RW;
        directory[s][0] = (uint32_t)low[0] | PTE_P | PTE_RW;
#else
        directory[s][0] = page_directory[0];
#endif
        directory[s][AREA >> SPAN] = (uint32_t)table[s] | PTE_P | PTE_RW;
        for (uint32_t n = 0; n < PAGES; n++)
            table[s][n] = (uint32_t)page[s][n] | PTE_P | PTE_RW;
    }
    start_paging();
    bool good = true;
    for (uint32_t count = 0; count < TURNS; count++)
        for (uint32_t s = 0; s < SPACES; s++)
            good &= turn(s, count);
    fact("turns", good);
    fact("grown", grow(0));
    fact("A and D of the last", (uint32_t)table[0][2 * PAGES - 1] & (PTE_A | PTE_D));
    fact("retired", retire());
    finish(good);
}
