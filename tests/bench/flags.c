/* The interrupt flag: STI, PUSHF, CLI, POPF, as kernels lock. */
#include "tests/bench/bench.h"

uint32_t work(void)
{
    uint32_t sum = 0;
    outb(0x21, 0xFF);
    outb(0xA1, 0xFF);
    for (uint32_t i = 0; i < ROUNDS * 100000u; i++) {
        uint32_t f;
        __asm__ volatile("sti; pushfl; popl %0; cli; pushl %0; popfl; cli" : "=r"(f) : : "memory", "cc");
        sum = sum * 5 + (f & 0x200);
        __asm__ volatile("pushfl; popl %0; pushl %0; sti; popfl" : "=r"(f) : : "memory", "cc");
        sum ^= f & 0x200;
    }
    return sum;
}
