// What a kernel moved from ring 0 to ring 1 meets, item by item: instructions that fault there and can be repaired, faults within
// faults, privilege levels for ports, and the twelve that neither fault nor tell the truth.
//
// Idea: lines that begin with "silent" are the ones that trap-and-emulate gets wrong; all others it must get right.
// Manual: Intel SDM volume 3, 5.9 (privileged instructions), 6.12.1 (IDT), 6.15 (double fault); Robin and Irvine 2000.
#include "probe.h"

enum { SEL_LOCAL = SEL_FREE, SEL_RING1_CODE = SEL_FREE + 8, SEL_RING1_DATA = SEL_FREE + 16, GATE = 0x42, AT_UD = 6, AT_NP = 11 };

// ---- rows 13 to 19: #GP in ring 1, nothing of the kind in ring 0

ACT(pop_ss, "push 0x10\npop ss\nret");
ACT(mov_ss, "mov eax, 0x10\nmov ss, eax\nret");
ACT(load_ss, "push 0x10\npush offset lss_stack\nmov ebx, esp\nmov ecx, esp\nlss esp, [ebx]\nmov esp, ecx\nadd esp, 8\nret\n"
             ".balign 4\nlss_stack: .long 0");
ACT(far_call, "call 0x08, offset far_called\nret\nfar_called: retf");
ACT(far_jump, "jmp 0x08, offset far_jumped\nud2\nfar_jumped: ret");
ACT(far_return, "push 0x08\npush offset far_returned\nretf\nud2\nfar_returned: ret");
ACT(soft_int, "int 0x42\nret");
ACT(soft_int_end, "iretd");
ACT(return_here, "pushfd\npush 0x08\npush offset returned_here\niretd\nud2\nreturned_here: ret");

static void repaired(void)
{
    print("repaired\n");
    idt[GATE] = gate(SEL_KERNEL_CODE, (const void *)soft_int_end, ACCESS_INT_GATE);
    outcome("pop ss", pop_ss);
    outcome("mov ss", mov_ss);
    outcome("lss", load_ss);
    outcome("far call", far_call);
    outcome("far jmp", far_jump);
    outcome("far ret", far_return);
    outcome("int n, a gate of DPL 0", soft_int);
    outcome("iret", return_here);
}

// ---- a fault on the way to a handler

ACT(undefined, "ud2\nret");

static void nested(void)
{
    struct descriptor ud = idt[AT_UD], np = idt[AT_NP];
    print("nested\n");
    idt[AT_UD].high &= ~0x8000u;
    outcome("no gate for #UD", undefined);
    idt[AT_NP].high &= ~0x8000u;
    outcome("nor for #NP", undefined);
    idt[AT_NP] = np;
    idt[AT_UD] = gate(0x78, (const void *)soft_int_end, ACCESS_INT_GATE); // no such segment
    outcome("a gate to nowhere", undefined);
    outcome_user("the same from ring 3", undefined, 0);
    idt[AT_UD] = ud;
    outcome("as it was", undefined);
}

// ---- IOPL

ACT(user_cli, "cli\nint 0x80\n");
ACT(user_in, "in al, 0x61\nint 0x80\n");
ACT(kernel_cli, "pushfd\npop eax\nor eax, 0x1000\npush eax\npush 0x08\npush offset iopl_1\niretd\niopl_1: cli\nin al, 0x61\nsti\ncli\nret");

static void privilege_levels(void)
{
    static const char *const names[] = {"IOPL 0", "IOPL 1", "IOPL 2", "IOPL 3"};
    print("IOPL\n");
    for (uint32_t iopl = 0; iopl < 4; iopl++) {
        print(names[iopl]);
        outcome_user(", cli", user_cli, iopl << 12);
        print(names[iopl]);
        outcome_user(", in", user_in, iopl << 12);
    }
    outcome("the kernel at IOPL 1", kernel_cli);
}

// ---- tasks in ring 1, where the kernel itself has been put: an IRET there pops SS:ESP, and a gate brings them back

ACT(inner, "mov ecx, cs\nmov edx, ss\nmov ebx, esp\nadd esi, 1\nud2");
ACT(inner_end, USER_END);
ACT(inner_jump, "jmp 0x39, offset inner_end"); // from ring 0: not the segment's privilege level

static void ring_1(void)
{
    static uint32_t stack[64];
    print("ring 1\n");
    gdt[SEL_RING1_CODE / 8] = segment(0, 0xFFFFF, 0xBA, true); // of DPL 1, not accessed yet
    gdt[SEL_RING1_DATA / 8] = segment(0, 0xFFFFF, 0xB2, true);
    for (unsigned i = 0; i < 3; i++) { // the accessed bit is set by the first
        attempt_on(inner, SEL_RING1_CODE | 1, SEL_RING1_DATA | 1, (uint32_t)(stack + 64), EFLAGS_ALWAYS);
        fact2("cs, ss", caught.ecx & 0xFFFF, caught.edx & 0xFFFF);
        fact2("stack: ours, SS:ESP pushed", caught.ebx == (uint32_t)(stack + 64), caught.ss);
        print(attempt_on(inner_end, SEL_RING1_CODE | 1, SEL_RING1_DATA | 1, (uint32_t)(stack + 60), EFLAGS_ALWAYS) ? "back\n" : "lost\n");
    }
    outcome("a jump there", inner_jump);
}

// ---- rows 1 to 12, and what ring 1 may do that ring 0 may not

// What is stored on the page of a descriptor table is traced there, and so comes out right.
static struct { struct table_register stored; uint8_t rest[4090]; } aside __attribute__((aligned(4096)));
#define stored aside.stored

ACT(pop_ss_low, "push 0x11\npop ss\nret"); // ring 0 refuses these two: a fault that does not come
ACT(return_low, "push 2\npush 0x09\npush offset returned_here\niretd\nret");

static void silent(void)
{
    uint32_t value, flags, selector = SEL_KERNEL_DATA;
    bool zero;
    print("silent\n");
    __asm__ volatile("sgdt %0" : "=m"(stored));
    fact2("silent sgdt: base is ours, limit", stored.base == (uint32_t)gdt, stored.limit);
    __asm__ volatile("sidt %0" : "=m"(stored));
    fact2("silent sidt: base is ours, limit", stored.base == (uint32_t)idt, stored.limit);
    __asm__ volatile("sldt %0" : "=r"(value));
    fact("silent sldt", value & 0xFFFF);
    __asm__ volatile("str %0" : "=r"(value));
    fact("silent str", value & 0xFFFF);
    __asm__ volatile("mov eax, cr0\nand eax, -3\nmov cr0, eax\nsmsw eax\nmov %0, eax\nmov ecx, cr0\nor ecx, 2\nmov cr0, ecx" : "=r"(value) : : "eax", "ecx");
    fact("silent smsw, without MP", value & 0xF);
    __asm__ volatile("cli\npushfd\npop %0" : "=r"(flags));
    fact("silent pushf after cli", flags & 0x3200);
    __asm__ volatile("push 0x3002\npopfd\npushfd\npop %0\npush 2\npopfd" : "=r"(flags));
    fact("silent popf of IOPL 3", flags & 0x3200);
    __asm__ volatile("xor %0, %0\nlar %0, %1" : "=&r"(value) : "r"(selector));
    fact("silent lar", value);
    selector = SEL_KERNEL_CODE;
    __asm__ volatile("xor %0, %0\nlsl %0, %1" : "=&r"(value) : "r"(selector));
    fact("silent lsl", value);
    __asm__ volatile("verr %w1" : "=@ccz"(zero) : "r"(SEL_KERNEL_DATA));
    fact("silent verr", zero);
    __asm__ volatile("verw %w1" : "=@ccz"(zero) : "r"(SEL_KERNEL_DATA));
    fact("silent verw", zero);
    __asm__ volatile("push cs\npop %0\nmovzx %0, %w0" : "=r"(value));
    fact("silent push cs", value);
    outcome("silent pop ss of RPL 1", pop_ss_low);
    outcome("silent iret to RPL 1", return_low);
}

// What a selector's PUSH leaves of the doubleword, by register: its other half.
#define HALF(reg) ({ uint32_t v_; __asm__ volatile("push 0x55555555\npop %0\npush " #reg "\npop %0" : "=r"(v_)); v_ >> 16; })
static void halves(void)
{
    fact2("half of a push: cs, ss", HALF(cs), HALF(ss));
    fact2("half of a push: ds, gs", HALF(ds), HALF(gs));
}

void kmain(void)
{
    static uint64_t ldt[2];
    probe_init();
    gdt[SEL_LOCAL / 8] = segment((uint32_t)ldt, sizeof ldt - 1, ACCESS_LDT, false);
    __asm__ volatile("lldt %w0" : : "r"(SEL_LOCAL));
    repaired();
    nested();
    ring_1();
    privilege_levels();
    halves();
    silent();
    finish(true);
}
