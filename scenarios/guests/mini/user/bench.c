// bench fork|call|compute N: N times one thing, for measuring machines against each other; with 0, all but that.
//
// Idea: fork makes a child that ends at once and waits for it: page tables and copies, the worst of what a hypervisor can be
// asked. call asks for the process's number. compute runs through memory, multiplies and branches, and asks for nothing.
#include "mini/user/user.h"

enum { WORDS = 4096 };
static uint32_t words[WORDS];

static void fork_and_wait(void)
{
    int pid = fork();
    if (pid == 0) exit(0);
    if (pid < 0 || wait(NULL) != pid) exit(1);
}

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

int main(int argc, char **argv)
{
    uint32_t times = argc > 2 ? (uint32_t)text_number(argv[2]) : 0, seed = 1;
    char what = argc > 1 ? argv[1][0] : 0;
    if (argc > 1 && argv[1][1] == 'o' && argv[1][2] == 'm') what = 'm';
    for (uint32_t n = 0; n < times; n++) {
        if (what == 'f') fork_and_wait();
        else if (what == 'c') getpid();
        else if (what == 'm') seed = mix(seed);
    }
    printf("bench: %u\n", seed);
    return 0;
}
