// sieve N: how many primes there are below N, by the sieve of Eratosthenes, in memory from sbrk.
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    uint32_t limit = argc > 1 ? (uint32_t)text_number(argv[1]) : 100000, count = 0;
    char *struck = allocate(limit + 1);
    struct counters c;
    for (uint32_t n = 2; n < limit; n++) {
        if (struck[n]) continue;
        count++;
        for (uint32_t m = 2 * n; m < limit; m += n) struck[m] = 1;
    }
    counters(&c);
    printf("sieve: %u primes below %u; %s\n", count, limit,
           c.demand_zero >= limit / 4096 ? "its pages came one by one" : "its pages did NOT come on demand");
    return 0;
}
