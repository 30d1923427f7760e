// Guest `nano`: Adams & Agesen's nano-benchmarks. `ringside bench nano` runs it and prints what each operation took.
//
// Idea: a mark before and a mark behind each loop; whoever holds the clock reads it there. The marks cost the same each
// time, and are part of the twins that are taken off. Every loop runs ROUNDS times, and the last counts: whatever learns or
// adapts has done so by then.
// Manual: "A Comparison of Software and Hardware Techniques for x86 Virtualization", ASPLOS 2006, section 6.2.
// Not here: the operations themselves (ops.S, user.c).
#include "nano/nano.h"

enum { ROUNDS = 6, PAGE = 0x00500000, PRESENT = 0x600000 | PTE_P | PTE_RW | PTE_A | PTE_D };

const uint32_t nano_times = NANO_TIMES; // for whoever holds the clock
uint32_t nano_table[1024] __attribute__((aligned(4096))); // the second 4 MB, all of them one frame
extern uint8_t __user_text_start[], __user_text_end[], __user_data_start[], __user_data_end[]; // guest.ld
static uint32_t apic_table[1024] __attribute__((aligned(4096)));

// nano_mark(name, end): the machine's owner looks at name, end and the clock when it is called.
LANDMARK void nano_mark(const char *name, uint32_t end)
{
    __asm__ volatile("" : : "r"(name), "r"(end) : "memory");
}

static void measure(const char *name, operation *op, uint32_t value)
{
    for (int round = 0; round < ROUNDS; round++) {
        nano_mark(name, 0);
        op(value);
        nano_mark(name, 1);
    }
}

// Page-table entries, all alike before each round: `before` in each, and the pages touched if they are there.
static void measure_table(const char *name, operation *op, uint32_t before, uint32_t value)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int n = 0; n < NANO_TIMES; n++)
            nano_table[n] = before;
        for (uint32_t n = 0; n < NANO_TIMES; n++) {
            volatile uint8_t *page = (volatile uint8_t *)(0x400000 + (n << 12));
            __asm__ volatile("invlpg %0" : : "m"(*page) : "memory");
            if (before & PTE_P)
                (void)*page;
        }
        nano_mark(name, 0);
        op(value);
        nano_mark(name, 1);
    }
    for (int n = 0; n < NANO_TIMES; n++)
        nano_table[n] = 0;
}

static void measure_user(const char *name, void (*entry)(void))
{
    for (int round = 0; round < ROUNDS; round++) {
        nano_mark(name, 0);
        to_user(entry, user_stack + sizeof user_stack);
        nano_mark(name, 1);
    }
}

static void write_msr(uint32_t msr, uint32_t low)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(0));
}

static bool has(uint32_t bit) // of CPUID leaf 1, EDX
{
    uint32_t a = 1, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d >> bit & 1;
}

static void open_pages(void)
{
    page_directory[0] |= PTE_US;
    for (uint32_t at = (uint32_t)__user_text_start; at < (uint32_t)__user_text_end; at += 4096)
        low_table[at >> 12] |= PTE_US;
    for (uint32_t at = (uint32_t)__user_data_start; at < (uint32_t)__user_data_end; at += 4096)
        low_table[at >> 12] |= PTE_US;
    page_directory[1] = (uint32_t)nano_table | PTE_P | PTE_RW;
    page_directory[0xFEE00000 >> 22] = (uint32_t)apic_table | PTE_P | PTE_RW;
    apic_table[0xFEE00000 >> 12 & 1023] = 0xFEE00000 | 0x10 /* PCD */ | PTE_P | PTE_RW;
}

void kmain(void)
{
    serial_init();
    tables_init();
    idt[0] = gate(SEL_KERNEL_CODE, divide_error, ACCESS_INT_GATE);
    idt[VECTOR_PF] = gate(SEL_KERNEL_CODE, page_fault, ACCESS_INT_GATE);
    idt[VECTOR_SYSCALL] = gate(SEL_KERNEL_CODE, from_user, ACCESS_INT_GATE | ACCESS_DPL3);
    tables_load();
    paging_init();
    open_pages();
    paging_on();
    pic_init();
    measure("nothing", op_nothing, 0);
    measure("in", op_in, 0);
    if (has(9))
        measure("cr8wr", op_tpr, 0);
    measure("call/ret", op_call, 0);
    measure("pgfault", op_fault, 0);
    measure("divzero", op_divide, 0);
    measure_table("walk", op_walk, PRESENT, 0);
    measure_table("pte-same", op_pte, PRESENT, PRESENT);
    measure_table("pte-p-np", op_pte, PRESENT, 0);
    measure_table("pte-np-p", op_pte, 0, PRESENT);
    if (has(11)) {
        write_msr(0x174, SEL_KERNEL_CODE);
        write_msr(0x175, (uint32_t)boot_stack_top);
        write_msr(0x176, (uint32_t)system_call);
        measure_user("user", user_nothing);
        measure_user("syscall", user_calls);
    }
    write_msr(0x10, 0); // a counter of its own: whoever virtualizes it must now give another than the real one
    measure("rdtsc", op_rdtsc, 0);
    finish(true);
}
