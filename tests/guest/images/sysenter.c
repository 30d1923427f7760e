// System calls by SYSENTER: registers and flags that arrive, with and without TF, before and after the kernel wants them.
//
// Idea: the kernel's entry notes ESP, EFLAGS and a register and goes back by SYSEXIT; the #DB handler notes where each step was and
// takes TF out of the frame when the kernel was reached. A hypervisor may take SYSENTER to itself in more than one way.
// Manual: Intel SDM volume 2, SYSENTER, SYSEXIT; volume 3, 17.3.1.4 (SYSENTER leaves TF, so the first instruction there is stepped).
#include "probe.h"

enum { TF = 0x100, RF = 0x10000, ARITH = 0x8D5 };

ACT(u_call, "mov eax, 0x1234\nmov ecx, esp\nmov edx, offset 1f\nsysenter\n1:\n" USER_END);
ACT(u_twice, "mov ecx, esp\nmov edx, offset 1f\nstc\nsysenter\n1: mov edx, offset 2f\nclc\nsysenter\n2:\n" USER_END);
ACT(u_stepped, "mov ecx, esp\nmov edx, offset 1f\npushfd\nor dword ptr [esp], 0x100\npopfd\nsysenter\n1: nop\n" USER_END);
ACT(u_data, "mov ecx, esp\nmov edx, offset 1f\nxor eax, eax\nmov es, eax\nsysenter\n1: mov eax, es\n" USER_END);
ACT(k_entry, "mov [entered], esp\npushfd\npop dword ptr [flags]\nmov [value], eax\ninc dword ptr [calls]\nsti\nsysexit\n");
volatile uint32_t entered, flags, value, calls;
static struct { uint32_t n, eip[16], dr6[16]; } steps;

static void write_msr(uint32_t msr, uint32_t low) { __asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(0)); }

static void step(struct trap_frame *f)
{
    uint32_t at = steps.n++ & 15, dr6;
    __asm__ volatile("mov %0, dr6\nmov dr6, %1" : "=&r"(dr6) : "r"(0));
    steps.eip[at] = f->eip;
    steps.dr6[at] = dr6;
    if ((f->cs & 3) == 0)
        f->eflags &= ~(uint32_t)TF;
}

static void say(const char *name, act *body)
{
    calls = entered = flags = value = steps.n = 0;
    trap_handlers[1] = step;
    outcome_user(name, body, 0x200);
    trap_handlers[1] = 0;
    probe_arm();
    fact2("  calls, ESP there", calls, entered);
    fact2("  EFLAGS there, EAX", flags & ~(uint32_t)ARITH, value);
    fact("  CF there", flags & 1);
    for (uint32_t i = 0; i < steps.n && i < 16; i++) {
        bool kernel = steps.eip[i] - (uint32_t)k_entry < 0x100;
        fact2(kernel ? "  step in the kernel, DR6" : "  step in user code, DR6", steps.eip[i] - (uint32_t)(kernel ? k_entry : body), steps.dr6[i] & 0xF00F);
    }
}

static void want(uint32_t cs)
{
    write_msr(0x174, cs);
    write_msr(0x175, 0x00200000);
    write_msr(0x176, (uint32_t)k_entry);
}

void kmain(void)
{
    probe_init();
    say("nobody wants it", u_call);
    want(SEL_KERNEL_CODE);
    say("a call", u_call);
    say("two", u_twice);
    say("ES null", u_data);
    say("single-stepped into the kernel", u_stepped);
    say("once more", u_call);
    want(3);
    say("a null selector", u_call);
    want(SEL_KERNEL_CODE | 3);
    say("its RPL does not count", u_call);
    finish(true);
}
