// A kernel at C0000000: linked there, loaded at 1 MB, with the low mapping taken away once it runs.
//
// Idea: the entry code runs where it was loaded, maps the first 4 MB twice, jumps up, and unmaps below. From then on
// every address the processor holds (GDTR, IDTR, TSS base, handlers) is a high one.
// Manual: Intel SDM volume 3, 4.3 (4 MB pages).
// Not here: anything else; the images that are not about booting do that.
#include "probe.h"

uint32_t high_directory[1024] __attribute__((aligned(4096)));

ACT(touch_low, "mov eax, [0x100000]\nret");
ACT(touch_high, "mov eax, [0xC0100000]\nret");
ACT(undefined, "nop\nud2\nret");
ACT(user_touches_kernel, "mov eax, [0xC0100000]\n" USER_END);
ACT(user_breaks, "nop\nint3\n" USER_END);

void kmain(void)
{
    high_directory[0] = 0;
    __asm__ volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory");
    probe_init();
    fact("magic of the header", *(volatile uint32_t *)0xC0100000u);
    outcome("low address", touch_low);
    outcome("high address", touch_high);
    outcome("ud2", undefined);
    high_directory[0xC0000000u >> 22] |= PTE_US; // the program lies in the kernel's 4 MB
    __asm__ volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory");
    outcome_user("user program", user_touches_kernel, 0);
    idt[3].high |= ACCESS_DPL3 << 8;
    outcome_user("its breakpoint", user_breaks, 0);
    high_directory[0xC0000000u >> 22] &= ~(uint32_t)PTE_US;
    __asm__ volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory");
    attempt_user(user_breaks, 0);
    fact2("not its page: vector, itself", caught.vector, caught.cr2 == (uint32_t)user_breaks);
    fact("code starts above", (uint32_t)kmain >> 20);
    finish(true);
}
