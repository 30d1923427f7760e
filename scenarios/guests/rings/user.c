// The ring-3 side of guest `rings`: two tasks that can only finish if the timer takes the processor away from each.
//
// Idea: each task spins until the *other* one has taken a step. No system call is made while spinning, so without
// preemption the first loop would never end. The steps also fix the order of the output: it never depends on speed.
// All of this file lies in pages marked U (user); code and texts are read-only, the variables and stacks read/write.
// Manual: Intel SDM volume 3, 5.11 (page-level protection), 6.12.1 (INT n from ring 3).
// Not here: any kernel function; the linker would allow the call, the processor would not.
#include "lib/guest.h"
#include "rings/rings.h"

void user_a(void);
void user_b(void);

uint8_t user_stack_a[4096] __attribute__((aligned(4096)));
uint8_t user_stack_b[4096] __attribute__((aligned(4096)));

static volatile uint32_t step_a; // written by task a only
static volatile uint32_t step_b; // written by task b only

static uint32_t system_call(uint32_t number, uint32_t ebx, uint32_t ecx)
{
    __asm__ volatile("int 0x80" : "+a"(number) : "b"(ebx), "c"(ecx) : "memory");
    return number;
}

static void write(const char *text)
{
    uint32_t length = 0;
    while (text[length])
        length++;
    system_call(CALL_WRITE, (uint32_t)text, length);
}

static uint32_t ring(void)
{
    uint32_t cs;
    __asm__ volatile("mov %0, cs" : "=r"(cs));
    return cs & 3; // the RPL of CS is the current privilege level
}

LANDMARK void user_a(void)
{
    write(ring() == 3 ? "a: running in ring 3\n" : "a: NOT in ring 3\n");
    while (!system_call(CALL_TICKED, 0, 0))
        ;
    write("a: the timer has ticked\n");
    step_a = 1;
    while (step_b < 1) // only task b can end this loop
        ;
    write("a: b moved while I was spinning\n");
    step_a = 2;
    while (step_b < 2)
        ;
    system_call(CALL_EXIT, 0, 0);
}

LANDMARK void user_b(void)
{
    while (step_a < 1) // only task a can end this loop
        ;
    write("b: a moved while I was spinning\n");
    if (system_call(CALL_WRITE, 0x100000, 16)) // an address of the kernel: it must not read that out for us
        write("b: kernel address refused\n");
    __asm__ volatile(".global user_cli\nuser_cli:\n\tcli"); // not for ring 3: #GP(0); the kernel skips it
    write("b: cli refused\n");
    step_b = 1;
    while (step_a < 2)
        ;
    write("b: done\n");
    step_b = 2;
    system_call(CALL_EXIT, 0, 0);
}
