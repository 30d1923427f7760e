// Leaves for the hypervisor EXITS times, and does nothing else: what an exit costs the host. Run by tests/bench/exits.sh.
// WHAT: 1 reads a port that nobody answers, 2 loads CR3 with itself, 3 CPUID. PORTED: a hypercall of the Xen 3 interface (version).
#include <stdint.h>
#include "lib/guest.h"

#ifdef PORTED
asm(".section .note.Xen, \"a\", @note\n"
    ".macro note type, kind, value:vararg\n .long 4, 2f - 1f, \\type\n .asciz \"Xen\"\n1: \\kind \\value\n2: .balign 4\n.endm\n"
    " note 6, .asciz, \"ringside\"\n note 5, .asciz, \"xen-3.0\"\n note 8, .asciz, \"generic\"\n note 9, .asciz, \"no\"\n"
    " note 3, .long, 0xC0000000\n note 4, .long, 0\n note 1, .long, _start\n note 2, .long, hypercall_page\n"
    ".section .hypercall_page, \"ax\"\n .balign 4096\n .global hypercall_page\nhypercall_page: .skip 4096\n"
    ".text\n .global _start\n_start: call kmain\n ud2\n");
enum { VERSION = 17, SCHED = 29, SHUTDOWN = 2 };
static uint32_t call(uint32_t number, uint32_t a, void *b)
{
    asm volatile("int 0x82" : "+a"(number), "+b"(a), "+c"(b) : : "edx", "memory");
    return number;
}
static void leave(void) { call(VERSION, 0, 0); }
static void end(void)
{
    uint32_t reason = 0;
    call(SCHED, SHUTDOWN, &reason);
}
void kmain(void);
#else
static void leave(void)
{
#if WHAT == 1
    asm volatile("in al, 0x84" : : : "eax");
#elif WHAT == 2
    asm volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory");
#else
    asm volatile("cpuid" : : "a"(0) : "ebx", "ecx", "edx");
#endif
}
static void end(void) { }
#endif

void kmain(void)
{
    for (uint32_t n = EXITS; n; n--) leave();
    end();
}
