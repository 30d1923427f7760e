// A kernel that loads its own GDT and then only some segment registers: the others go on with what they have cached.
//
// Idea: a segment register is loaded when it is loaded. The selectors the boot loader used name nothing, or something
// else, in the new table; code and stack do not care until they are loaded again.
// Manual: Intel SDM volume 3, 3.4.3.
// Not here: interrupts in that state, which would have to reload CS when they return.
#include "lib/guest.h"

static struct descriptor table[64]; // entries 1-15 and more: nothing, whatever selectors the loader had
enum { CODE = 60 * 8, DATA = 61 * 8, BASED = 62 * 8 };

static uint32_t busy(uint32_t rounds)
{
    static uint32_t words[64];
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        words[i & 63] += i * 7;
        sum = sum * 9 + words[(i * 5) & 63];
    }
    return sum;
}

static void say(const char *what, uint32_t value)
{
    print(what);
    print(": ");
    print_hex(value, 8);
    print("\n");
}

void kmain(void)
{
    static uint32_t word = 0xBA5EBA5E;
    struct table_register to = {sizeof table - 1, (uint32_t)table};
    uint32_t value;
    serial_init();
    say("before", busy(500));
    table[CODE / 8] = segment(0, 0xFFFFF, ACCESS_CODE & ~1, true);
    table[DATA / 8] = segment(0, 0xFFFFF, ACCESS_DATA & ~1, true);
    table[BASED / 8] = segment((uint32_t)&word, 3, ACCESS_DATA & ~1, false);
    __asm__ volatile("lgdt %0" : : "m"(to));
    say("nothing loaded", busy(500));
    __asm__ volatile("mov fs, %1\n\tmov %0, fs:[0]" : "=r"(value) : "r"(BASED) : "memory");
    say("only FS", value);
    __asm__ volatile("mov ds, %0\n\tmov es, %0" : : "r"(DATA) : "memory");
    say("DS and ES", busy(500));
    __asm__ volatile("mov ss, %0" : : "r"(DATA) : "memory");
    say("SS", busy(500));
    __asm__ volatile("push %0\n\tpush offset 1f\n\tretf\n1:" : : "i"(CODE) : "memory");
    say("CS", busy(500));
    for (unsigned i = 60; i < 63; i++)
        say("accessed", table[i].high >> 8 & 1);
    finish(true);
}
