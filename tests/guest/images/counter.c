// The time-stamp counter of a kernel that has set it, read while interrupts come at any instruction.
//
// Idea: a hypervisor that reads it without a trap adds two doublewords, wherever an interrupt may be: so time must not go
// back, carry from the low half included, and flags, other registers and what lies below the stack pointer must stay.
// Manual: SDM 2B, RDTSC.
// Not here: how long it takes (nano.c).
#include "probe.h"

static volatile uint32_t ticks;

static void on_timer(struct trap_frame *f)
{
    (void)f;
    ticks++;
    pic_end_of_interrupt();
}

static void set(uint32_t high, uint32_t low)
{
    __asm__ volatile("wrmsr" : : "c"(0x10), "a"(low), "d"(high));
}

// Reads it with these flags; returns the flags then, and whether anything but EAX, EDX has changed.
uint32_t spoilt;
static uint64_t read(uint32_t flags, uint32_t *after)
{
    uint32_t low, high, f;
    __asm__ volatile("mov ebx, esp\n push %[flags]\n popfd\n mov esi, 0x12345678\n mov ecx, 0x9ABCDEF0\n"
                     "rdtsc\n"
                     "pushfd\n pop %[f]\n"
                     "cmp ebx, esp\n je 1f\n inc dword ptr [spoilt]\n1: cmp esi, 0x12345678\n je 2f\n inc dword ptr [spoilt]\n"
                     "2: cmp ecx, 0x9ABCDEF0\n je 3f\n inc dword ptr [spoilt]\n3:"
                     : "=&a"(low), "=&d"(high), [f] "=&D"(f) : [flags] "m"(flags) : "ebx", "ecx", "esi", "memory", "cc");
    *after = f;
    return (uint64_t)high << 32 | low;
}

static void run(const char *name, uint32_t high, uint32_t low, bool interrupts)
{
    uint32_t back = 0, changed = 0, begun = ticks, far = 0;
    set(high, low);
    uint64_t last = (uint64_t)high << 32 | low, first = last;
    for (uint32_t n = 0; n < 30000; n++) {
        uint32_t flags = (n * 0x8D5 & 0x8D5) | (interrupts ? 0x202 : 2), after;
        uint64_t now = read(flags, &after);
        back += now < last;
        changed += (after ^ flags) & 0x8D5 ? 1 : 0;
        last = now;
    }
    far = last - first > 0x40000000;
    __asm__ volatile("cli");
    print(name);
    print("\n");
    fact2("  went back, was far off", back, far);
    fact2("  flags changed, registers", changed, spoilt);
    fact("  interrupts came", interrupts ? ticks - begun > 5 : ticks - begun);
}

// What lies below the stack pointer is the kernel's, as long as nothing interrupts.
static uint32_t below(void)
{
    uint32_t value;
    __asm__ volatile("cli\n mov dword ptr [esp - 4], 0x5A5A5A5A\n rdtsc\n mov %0, [esp - 4]"
                     : "=c"(value) : : "eax", "edx", "memory");
    return value;
}

void kmain(void)
{
    probe_init();
    trap_handlers[0x20] = on_timer;
    pic_init();
    outb(0x43, 0x34);
    outb(0x40, 200); // 6,000 a second
    outb(0x40, 0);
    pic_unmask_timer();
    run("quiet", 5, 0, false);
    run("interrupted", 5, 0, true);
    run("with a carry", 7, 0xFFF00000, true);
    fact("below the stack pointer", below());
    finish(true);
}
