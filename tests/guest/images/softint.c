// INT n with prefixes, refused and taken: whatever a hypervisor lets through to its own tables, the fault is at the instruction.
//
// Idea: each is tried again when it was refused once, was taken once, and is refused anew, for a hypervisor may learn; with
// prefixes at first and without, through a gate that was changed and in a table that was exchanged.
// Manual: Intel SDM volume 2, INT n (#GP(vector * 8 + 2)); volume 3, 6.12.1.2.
#include "probe.h"

enum { VECTOR = 0x45 };

ACT(u_plain, "nop\nint 0x45\nnop\n" USER_END);
ACT(u_prefixed, "nop\n.byte 0x66, 0x3E, 0xCD, 0x45\nnop\n" USER_END);
ACT(u_longest, "nop\ntest al, 0x66\njz 1f\nnop\n1: .byte 0x66, 0x67, 0x2E, 0xF2, 0x26, 0xCD, 0x45\nnop\n" USER_END);
ACT(k_plain, "nop\nint 0x45\nnop\nret");
ACT(k_prefixed, "nop\n.byte 0x2E, 0xCD, 0x45\nnop\nret");
__asm__(".pushsection .text\n.intel_syntax noprefix\n.global soft\nsoft: inc dword ptr ss:[taken]\niretd\n.popsection");
extern const uint8_t soft[];
volatile uint32_t taken;

static void all(const char *when)
{
    print(when);
    print("\n");
    outcome_user("user, plain", u_plain, 0);
    outcome_user("user, two prefixes", u_prefixed, 0);
    outcome("kernel, plain", k_plain);
    outcome("kernel, one prefix", k_prefixed);
    fact("taken", taken);
}

static void prefixed(const char *when)
{
    print(when);
    print("\n");
    outcome_user("user, two prefixes", u_prefixed, 0);
    outcome_user("user, five prefixes", u_longest, 0);
    outcome("kernel, one prefix", k_prefixed);
    fact("taken", taken);
}

// The same gates, but for the vector's own: none.
static void another_table(bool other)
{
    static struct descriptor table[0x81];
    const struct { uint16_t limit; const void *base; } __attribute__((packed)) to = { sizeof table - 1, other ? table : idt };
    for (unsigned n = 0; n < 0x81; n++)
        table[n] = idt[n];
    table[VECTOR] = (struct descriptor){ 0, 0 };
    __asm__ volatile("lidt %0" : : "m"(to) : "memory");
}

void kmain(void)
{
    probe_init();
    prefixed("prefixes first, no gate");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE | 0x60);
    prefixed("a gate for all");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE);
    prefixed("a gate for the kernel");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE | 0x60);
    prefixed("a gate for all");
    another_table(true);
    prefixed("another table, no gate");
    another_table(false);
    prefixed("the old table");
    idt[VECTOR] = (struct descriptor){ 0, 0 };
    all("no gate");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE);
    all("a gate for the kernel");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE | 0x60);
    all("a gate for all");
    idt[VECTOR] = gate(SEL_KERNEL_CODE, soft, ACCESS_INT_GATE);
    all("a gate for the kernel");
    idt[VECTOR].high &= ~0x8000u;
    all("a gate that is not present");
    finish(true);
}
