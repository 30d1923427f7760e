// Segment registers that hold what no table says any more: the descriptor changed in memory, or the register kept what a load
// would refuse. However long such code runs, it sees the old segment, until it loads the register anew.
//
// Idea: the loops are long, so that a hypervisor cannot get away with interpreting them.
// Manual: Intel SDM volume 3, 3.4.3 (the hidden part); volume 2, SYSEXIT (DS, ES, FS and GS stay).
#include "probe.h"

enum { SEL_CHANGES = 0x30, SEL_USER_CODE0 = 0x38, ROUNDS = 1200000, MSR_SYSENTER_CS = 0x174 };
enum { PRESENT = 0x8000 };
static uint32_t one[2] = { 0x11, 0 }, two[2] = { 0x22, 0 };
extern volatile uint32_t sum;
volatile uint32_t sum;

static uint32_t read_long(void) // adds up FS:[0], ROUNDS times
{
    uint32_t total = 0;
    for (uint32_t n = 0; n < ROUNDS; n++)
        __asm__ volatile("add %0, fs:[0]" : "+r"(total) : : "memory");
    return total / ROUNDS;
}

static void load_fs(uint32_t selector) { __asm__ volatile("mov fs, %0" : : "r"(selector) : "memory"); }

static void changed_in_memory(void)
{
    gdt[SEL_CHANGES / 8] = segment((uint32_t)one, 7, ACCESS_DATA, false);
    load_fs(SEL_CHANGES);
    fact("loaded", read_long());
    gdt[SEL_CHANGES / 8] = segment((uint32_t)two, 7, ACCESS_DATA, false);
    fact("base changed in memory", read_long());
    gdt[SEL_CHANGES / 8].high &= ~(uint32_t)PRESENT;
    fact("not present in memory", read_long());
    __asm__ volatile("push fs\npop eax" : : : "eax", "memory"); // reading the selector loads nothing
    fact("selector pushed", read_long());
    gdt[SEL_CHANGES / 8].high |= PRESENT;
    load_fs(SEL_CHANGES);
    fact("loaded again", read_long());
    gdt[SEL_CHANGES / 8] = segment(0, 0, 0x98, false); // code that cannot be read
    fact("no data segment in memory", read_long());
}

ACT(load_gs_too, "mov eax, 0x30\nmov gs, eax\nmov ecx, gs:[0]\nmov eax, fs:[0]\nret");

// Two registers name one slot, and hold different segments.
static void two_registers(void)
{
    gdt[SEL_CHANGES / 8] = segment((uint32_t)one, 7, ACCESS_DATA, false);
    load_fs(SEL_CHANGES);
    gdt[SEL_CHANGES / 8] = segment((uint32_t)two, 7, ACCESS_DATA, false);
    outcome("gs loaded, fs not", load_gs_too);
    fact("fs as before", read_long());
}

// SYSEXIT leaves the kernel's FS to a program in ring 3, which could not load it.
ACT(user_reads, "xor eax, eax\nmov ecx, 1200000\nagain: add eax, fs:[0]\nloop again\nmov [sum], eax\nint 0x80\n");
ACT(leave, "mov edx, offset user_reads\nmov ecx, offset user_stack_top\n"
           "mov eax, 0x23\nmov ds, eax\nmov es, eax\nsti\nsysexit\nret");

static void kept_by_sysexit(void)
{
    gdt[SEL_CHANGES / 8] = segment((uint32_t)one, 7, ACCESS_DATA, false); // DPL 0
    load_fs(SEL_CHANGES);
    __asm__ volatile("wrmsr" : : "c"(MSR_SYSENTER_CS), "a"(SEL_KERNEL_CODE), "d"(0));
    bool back = attempt(leave);
    told("sysexit, and back by int 80h", leave, back);
    fact("ring 3 read through a DPL 0 segment", sum / ROUNDS);
}

void kmain(void)
{
    probe_init();
    print("held: segment registers and what tables say\n");
    changed_in_memory();
    two_registers();
    kept_by_sysexit();
    
    finish(true);
}
