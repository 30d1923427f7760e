/* Page tables that change: map, INVLPG, touch, unmap, INVLPG. */
#include "tests/bench/bench.h"

enum { AT = 0x7000000, FRAME = 0x900000 };

uint32_t work(void)
{
    paging_on();
    uint32_t sum = 0;
    for (uint32_t i = 0; i < ROUNDS * 100000u; i++) {
        uint32_t at = AT + (i & 63) * 4096, frame = FRAME + (i & 15) * 4096;
        volatile uint32_t *entry = &tables[at >> 22][at >> 12 & 1023];
        *entry = frame | 3;
        invlpg(at);
        volatile uint32_t *p = (uint32_t *)at;
        sum += *p;
        *p = sum + i;
        *entry = 0;
        invlpg(at);
    }
    return sum;
}
