/* Ports: the interrupt controllers' masks and the serial line's status. */
#include "tests/bench/bench.h"

uint32_t work(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < ROUNDS * 100000u; i++) {
        outb(0x21, (uint8_t)(0xF8 | (i & 7)));
        sum = sum * 3 + inb(0x21);
        outb(0xA1, (uint8_t)i | 0xC0);
        sum = sum * 3 + inb(0xA1);
        sum += inb(0x3FD) & 0x20;
    }
    outb(0x21, 0xFF);
    outb(0xA1, 0xFF);
    return sum;
}
