/* Address spaces: load CR3 and touch eight pages, twice. */
#include "tests/bench/bench.h"

static uint32_t other[1024] __attribute__((aligned(4096)));

static inline uint32_t touch(uint32_t i)
{
    uint32_t sum = 0;
    for (uint32_t p = 0; p < 8; p++) {
        volatile uint32_t *at = (uint32_t *)(0x900000 + p * 4096 + (i & 63) * 4);
        *at += i;
        sum += *at;
    }
    return sum;
}

uint32_t work(void)
{
    uint32_t sum = 0;
    paging_on();
    for (int k = 0; k < 1024; k++) other[k] = directory[k];
    for (uint32_t i = 0; i < ROUNDS * 20000u; i++) {
        load_cr3((uint32_t)other);
        sum += touch(i);
        load_cr3((uint32_t)directory);
        sum ^= touch(i + 1);
    }
    return sum;
}
