// A kernel to be debugged: calls, a variable that changes, recursion, x87, paging, a loop that may be long.
//
// Idea: every value a debugger can show is known beforehand, and `spins` and `forever` are there to be changed by hand.
// Not here: interrupts, so that stepping is the program's own flow.
#include "lib/guest.h"

volatile uint32_t counter, spins = 1000, forever;
uint32_t table[8];

LANDMARK uint32_t add(uint32_t a, uint32_t b)
{
    uint32_t sum = a + b;
    return sum;
}

LANDMARK uint32_t factorial(uint32_t n)
{
    if (n < 2)
        return 1;
    return n * factorial(n - 1);
}

LANDMARK void count(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        counter = add(counter, i);
        table[i & 7] = counter;
    }
}

LANDMARK void spin(void)
{
    for (uint32_t i = 0; i < spins; i++)
        __asm__ volatile("" : : : "memory");
    while (forever)
        __asm__ volatile("" : : : "memory");
}

LANDMARK void fill(void)
{
    uint32_t n = sizeof table, *to = table;
    __asm__ volatile("rep stosb" : "+c"(n), "+D"(to) : "a"(0x5A) : "memory");
}

LANDMARK void kmain(void)
{
    serial_init();
    tables_init();
    tables_load();
    paging_init();
    paging_on();
    __asm__ volatile("fninit; fldpi; fld1");
    print("debuggee\n");
    count(5);
    uint32_t f = factorial(5);
    spin();
    fill();
    print_dec(counter);
    print(" ");
    print_dec(f);
    print("\n");
    finish(counter == 10);
}
