// bench fork|wide|call|compute|walk N: N times one thing, for measuring machines against each other; with 0, all but that.
//
// Idea: fork makes a child that ends at once and waits for it: page tables and copies, the worst of what a hypervisor can be
// asked; wide does that from a process of a megabyte more. call asks for the process's number. compute runs through memory, multiplies and
// branches, and asks for nothing; walk reads a word of each of 1,024 pages, more than any TLB knows.
#include "mini/user/user.h"

enum { WORDS = 4096, PAGES = 1024, WIDE = 256, PAGE_BYTES = 4096, LINE_BYTES = 64 };
static uint32_t words[WORDS];

static uint32_t fork_and_wait(uint32_t seed)
{
    int pid = fork();
    if (pid == 0) exit(0);
    if (pid < 0 || wait(NULL) != pid) exit(1);
    return seed;
}

static uint32_t call(uint32_t seed) { return getpid(), seed; }

// One round: sixteen thousand bytes mixed and put in part into order.
static uint32_t mix(uint32_t seed)
{
    for (uint32_t i = 0; i < WORDS; i++) words[i] = seed = seed * 1664525 + 1013904223;
    for (uint32_t i = 1; i < WORDS; i++)
        if (words[i] < words[i - 1]) {
            uint32_t other = words[i];
            words[i] = words[i - 1];
            words[i - 1] = other;
        }
    return seed ^ words[WORDS / 2];
}

static uint8_t *heap;

static void make_heap(uint32_t pages)
{
    heap = pages ? allocate(pages * PAGE_BYTES) : NULL;
    for (uint32_t i = 0; i < pages; i++) heap[i * PAGE_BYTES] = 1; // pages come on first touch
}

static uint32_t walk(uint32_t seed)
{
    for (uint32_t i = 0; i < PAGES; i++) seed += ((volatile uint8_t *)heap)[i * PAGE_BYTES + i % (PAGE_BYTES / LINE_BYTES) * LINE_BYTES];
    return seed;
}

static const struct { const char *name; uint32_t (*once)(uint32_t seed); uint32_t pages; } things[] = {
    { "fork", fork_and_wait, 0 }, { "wide", fork_and_wait, WIDE }, { "call", call, 0 }, { "compute", mix, 0 }, { "walk", walk, PAGES },
};

int main(int argc, char **argv)
{
    uint32_t times = argc > 2 ? (uint32_t)text_number(argv[2]) : 0, seed = 1;
    for (uint32_t k = 0; k < sizeof things / sizeof things[0]; k++) {
        if (argc < 2 || !text_equal(argv[1], things[k].name)) continue;
        make_heap(things[k].pages);
        for (uint32_t n = 0; n < times; n++) seed = things[k].once(seed);
    }
    printf("bench: %u\n", seed);
    return 0;
}
