// A program of mini: what a TLB miss costs, and a process, in cycles as RDTSC tells them. Run by paging.sh under every technique.
#include "mini/user/user.h"

enum { PAGE = 4096, PAGES = 256, FEW = 16, ROUNDS = 12, FORKS = 6 };

static uint32_t cycles(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return low;
}

// Reads PAGES words in all, from `pages` pages in turn. The least of some rounds: interrupts only add.
static uint32_t reads(const char *area, uint32_t pages)
{
    uint32_t least = ~0u;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t from = cycles();
        for (uint32_t n = 0; n < PAGES; n++) (void)*(const volatile uint32_t *)(area + n % pages * PAGE);
        uint32_t took = cycles() - from;
        if (took < least) least = took;
    }
    return least;
}

static uint32_t process_of_nothing(void)
{
    uint32_t least = ~0u;
    for (int round = 0; round < FORKS; round++) {
        int status;
        uint32_t from = cycles();
        if (fork() == 0) exit(0);
        wait(&status);
        uint32_t took = cycles() - from;
        if (took < least) least = took;
    }
    return least;
}

int main(void)
{
    char *area = (char *)(((uint32_t)sbrk((PAGES + 1) * PAGE) + PAGE - 1) & ~(uint32_t)(PAGE - 1));
    for (uint32_t n = 0; n < PAGES; n++) area[n * PAGE] = 1;
    uint32_t missing = reads(area, PAGES), hitting = reads(area, FEW);
    printf("misses %u\nmiss_cycles %u\nfork_cycles %u\n", PAGES, missing - hitting, process_of_nothing());
    return 0;
}
