/* Dependent loads, each in another 4 KB page of 64 MB: every one misses the TLB. */
#include "tests/bench/bench.h"

enum { PAGES = 14336, FIRST = 0x800000 }; /* 56 MB behind the kernel and its tables */

uint32_t work(void)
{
    paging_on();
    uint32_t at = 0, sum = 0;
    for (uint32_t p = 0; p < PAGES; p++) {
        uint32_t next = (p * 5167 + 4099) % PAGES; /* a permutation: 5167 and 14336 have no common divisor */
        *(uint32_t *)(FIRST + p * 4096 + (p * 64 & 0xFC0)) = FIRST + next * 4096 + (next * 64 & 0xFC0);
    }
    at = FIRST;
    for (uint32_t i = 0; i < ROUNDS * 100000u; i++) {
        at = *(volatile uint32_t *)at;
        sum += at >> 12;
        sum ^= sum << 3;
    }
    return sum;
}
