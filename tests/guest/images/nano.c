// Adams & Agesen's nano-benchmarks, as far as a kernel without user code has them: cycles of one operation each.
//
// Idea: the time-stamp counter around 64 times the operation, less the same loop with nothing in it; the last of eight rounds
// counts, when whatever adapts has adapted. Manual: their paper of 2006, section 6.2 and the appendix.
// Not here: system calls, CR8.
#include "probe.h"

enum { TIMES = 64, PAGE = 0x300000 };
static uint32_t overhead;
uint32_t spare;

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
MEASURE(through_gs, "add gs:[spare], eax")
MEASURE(load_gs, "mov eax, gs\n mov gs, eax")
MEASURE(store_gdt, "sub esp, 8\n sgdt [esp]\n add esp, 8")
MEASURE(pte_same, "mov dword ptr [low_table + 0xC00], 0x300063")
// Every entry by an instruction of its own, or all by one.
#define ALL_TIMES(code) ".set k, 0\n .rept 64\n " code "\n .set k, k + 1\n .endr"
#define SET_ALL ALL_TIMES("mov dword ptr [low_table + 0xC00 + 4 * k], 0x300063 + 0x1000 * k")
#define CLEAR_ALL ALL_TIMES("mov dword ptr [low_table + 0xC00 + 4 * k], 0")
#define EACH_ONCE(name, code, undo) \
    static uint32_t name(void) \
    { \
        uint32_t begun = now(); \
        __asm__ volatile(code : : : "eax", "ecx", "edx", "memory"); \
        uint32_t spent = now() - begun; \
        __asm__ volatile(undo : : : "eax", "ecx", "edx", "memory"); \
        return spent; \
    }
EACH_ONCE(pte_clear, CLEAR_ALL, SET_ALL)
EACH_ONCE(pte_set, SET_ALL, "mov eax, cr3\n mov cr3, eax\n" CLEAR_ALL "\n mov cr3, eax")
EACH_ONCE(pte_loop, "lea eax, [low_table + 0xC00]\n mov ecx, 64\n1: mov dword ptr [eax], 0\n add eax, 4\n dec ecx\n jnz 1b",
          SET_ALL)
MEASURE(overflow, "mov eax, [0x300000]\n int3")

static void skip(struct trap_frame *f) { (void)f; }

static void row(const char *name, uint32_t (*measure)(void))
{
    uint32_t spent = 0;
    for (int n = 0; n < 8; n++)
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
    __asm__ volatile("mov eax, ds\n mov gs, eax" : : : "eax");
    row("through-gs", through_gs);
    row("mov-gs", load_gs);
    row("ptemod", pte_same);
    overhead = now();
    overhead = now() - overhead;
    row("ptemod-p-np", pte_clear);
    row("ptemod-p-np-by-register", pte_loop);
    __asm__ volatile(CLEAR_ALL);
    row("ptemod-np-p", pte_set);
    __asm__ volatile(SET_ALL);
    for (int n = 0; n < 4; n++)
        overhead = nothing();
    row("int3", overflow);
    finish(true);
}
