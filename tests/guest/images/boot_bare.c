// A kernel that lives on what the boot loader left: no table of its own, neither GDT nor IDT.
//
// Idea: Multiboot says the segments are flat and promises nothing about the table behind them, so they must not be
// loaded again. Such a kernel can still compute, talk and switch paging on.
// Manual: Multiboot Specification 0.6.96, section 3.2.
// Not here: interrupts and exceptions; there is nowhere for them to go.
#include "lib/guest.h"

static uint32_t words[4096];

void kmain(void)
{
    serial_init();
    print("no table of its own\n");
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 4096; i++)
        words[i] = i * i;
    for (uint32_t i = 0; i < 4096; i++)
        sum = sum * 3 + words[4095 - i];
    print_hex(sum, 8);
    print("\n");
    paging_init();
    paging_on();
    for (uint32_t i = 0; i < 4096; i++)
        words[i] ^= words[4095 - i];
    for (uint32_t i = 0; i < 4096; i++)
        sum = sum * 5 + words[i];
    print_hex(sum, 8);
    print(" with paging\n");
    print_hex(low_table[(uint32_t)words >> 12] & 0xFFF, 3);
    print("\n");
    finish(true);
}
