// Adams & Agesen's nano-benchmarks, as far as a kernel without user code has them: cycles of one operation each.
//
// Idea: the time-stamp counter around 64 times the operation, less the same loop with nothing in it; the last of four rounds
// counts, when whatever adapts has adapted. Manual: their paper of 2006, section 6.2 and the appendix.
// Not here: system calls, CR8.
#include "probe.h"

enum { TIMES = 64, PAGE = 0x300000 };
static uint32_t overhead;

static inline uint32_t now(void)
{
    uint32_t low;
    __asm__ volatile("rdtsc" : "=a"(low) : : "edx");
    return low;
}

#define MEASURE(name, code) \
    static uint32_t name(void) \
    { \
        uint32_t begun = now(); \
        for (int n = 0; n < TIMES; n++) \
            __asm__ volatile(code : : : "eax", "ecx", "edx", "memory"); \
        return now() - begun; \
    }
MEASURE(nothing, "")
MEASURE(in_80, "in al, 0x80")
MEASURE(cli_sti, "cli\n sti")
MEASURE(flags, "pushfd\n popfd")
MEASURE(call_ret, "call 1f\n jmp 2f\n1: ret\n2:")
MEASURE(read_tsc, "rdtsc")
MEASURE(read_cr0, "mov eax, cr0")
MEASURE(store_gdt, "sub esp, 8\n sgdt [esp]\n add esp, 8")
MEASURE(pte_same, "mov dword ptr [low_table + 0xC00], 0x300063")
MEASURE(pte_clear, "mov dword ptr [low_table + 0xC00], 0\n mov dword ptr [low_table + 0xC00], 0x300063")
MEASURE(overflow, "mov eax, [0x300000]\n int3")

static void skip(struct trap_frame *f) { (void)f; }

static void row(const char *name, uint32_t (*measure)(void))
{
    uint32_t spent = 0;
    for (int n = 0; n < 4; n++)
        spent = measure();
    print(name);
    print(" ");
    print_dec(spent > overhead ? (spent - overhead) / TIMES : 0);
    print("\n");
}

void kmain(void)
{
    probe_init();
    paging_init();
    paging_on();
    trap_handlers[3] = skip;
    for (int n = 0; n < 4; n++)
        overhead = nothing();
    row("in", in_80);
    row("cli+sti", cli_sti);
    __asm__ volatile("cli");
    row("pushf+popf", flags);
    row("call+ret", call_ret);
    row("rdtsc", read_tsc);
    row("mov-cr0", read_cr0);
    row("sgdt", store_gdt);
    row("ptemod", pte_same);
    row("ptemod-np-p", pte_clear);
    row("int3", overflow);
    finish(true);
}
