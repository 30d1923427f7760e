// Sleeping with MONITOR and MWAIT, as idle loops do: until somebody stores to a line of memory, or the timer interrupts.
//
// Idea: the handler of the timer stores to the line; so both wake the sleeper, and which one did cannot be told.
// Manual: Intel SDM volume 2A (MONITOR, MWAIT), volume 3A 7.11.4.
// Not here: extensions. A processor without says so, and meets #UD.
#include "probe.h"

static volatile uint32_t line[16] __attribute__((aligned(64)));

static void tick(struct trap_frame *frame)
{
    (void)frame;
    line[0]++;
    pic_end_of_interrupt();
}

ACT(monitor, "mov eax, 0x200000\nxor ecx, ecx\nxor edx, edx\nmonitor\nret\n");
ACT(mwait, "xor eax, eax\nxor ecx, ecx\nmwait\nret\n");
ACT(stored, "mov eax, 0x200000\nxor ecx, ecx\nxor edx, edx\nmonitor\ninc dword ptr [0x200024]\nxor eax, eax\nmwait\nret\n");
ACT(monitor_extended, "mov eax, 0x200000\nmov ecx, 1\nmonitor\nret\n");
ACT(mwait_extended, "xor eax, eax\nmov ecx, 1\nmwait\nret\n");
ACT(monitor_user, "monitor\n" USER_END);
ACT(mwait_user, "mwait\n" USER_END);

static void wait(void)
{
    __asm__ volatile("monitor" : : "a"(line), "c"(0), "d"(0));
    __asm__ volatile("sti\n\tmwait\n\tcli" : : "a"(0), "c"(0) : "memory");
}

void kmain(void)
{
    probe_init();
    uint32_t a = 1, b, c, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    fact("CPUID shows it", c >> 3 & 1);
    outcome("mwait, nothing armed", mwait);
    outcome("monitor", monitor);
    outcome("monitor, a store, mwait", stored);
    outcome("monitor with an extension", monitor_extended);
    outcome("mwait with an extension", mwait_extended);
    outcome_user("monitor in ring 3", monitor_user, 2);
    outcome_user("mwait in ring 3", mwait_user, 2);
    if (!(c >> 3 & 1)) finish(true);
    trap_handlers[0x20] = tick;
    pic_init();
    pit_start();
    pic_unmask_timer();
    while (line[0] < 5) wait();
    pic_mask_all();
    fact("ticks that woke it", line[0]);
    finish(true);
}
