// A hypervisor of one page: VMX set up by a kernel on a bare machine, a guest run under it, its exits printed.
//
// Idea: the guest is the hypervisor's own address space with another stack; each exit is printed and answered as a monitor
// would: what cannot be done is stepped over by the length the exit tells, faults are given back by event injection.
// Manual: Intel SDM volume 3B chapters 19-23 (2006), 3C chapters 23-27.
// Not here: a processor without VMX says so and ends well.
#include "probe.h"

enum {
    PIN = 0x4000, PROC = 0x4002, EXCEPTIONS = 0x4004, EXIT = 0x400C, ENTRY = 0x4012, ENTRY_EVENT = 0x4016, ENTRY_CODE = 0x4018,
    ERROR = 0x4400, REASON = 0x4402, EVENT = 0x4404, EVENT_CODE = 0x4406, LENGTH = 0x440C, QUALIFICATION = 0x6400,
    CR0_MASK = 0x6000, CR4_MASK = 0x6002, CR0_SHADOW = 0x6004, CR4_SHADOW = 0x6006, IO_BITMAP_A = 0x2000, IO_BITMAP_B = 0x2002,
    GUEST_ES = 0x800, GUEST_LIMIT = 0x4800, GUEST_AR = 0x4814, GUEST_BASE = 0x6806, GUEST_CR0 = 0x6800, GUEST_CR3 = 0x6802,
    GUEST_CR4 = 0x6804, GUEST_DR7 = 0x681A, GUEST_ESP = 0x681C, GUEST_EIP = 0x681E, GUEST_EFLAGS = 0x6820, GUEST_LINK = 0x2800,
    GDTR_LIMIT = 0x4810, IDTR_LIMIT = 0x4812, GDTR_BASE = 0x6816, IDTR_BASE = 0x6818, HOST_ES = 0xC00, HOST_TR = 0xC0C,
    HOST_CR0 = 0x6C00, HOST_CR3 = 0x6C02, HOST_CR4 = 0x6C04, HOST_TR_BASE = 0x6C0A, HOST_GDTR = 0x6C0C, HOST_IDTR = 0x6C0E,
    HLT_EXITING = 1 << 7, RDTSC_EXITING = 1 << 12, IO_BITMAPS = 1 << 25, CR4_VMXE = 1 << 13,
};
enum { R_EXCEPTION = 0, R_CPUID = 10, R_VMCALL = 18, R_CR = 28, R_IO = 30 };

struct regs { uint32_t eax, ecx, edx, ebx, ebp, esi, edi; };
uint32_t vm_enter(struct regs *r, uint32_t launched); // 0: the guest left; 1: the instruction failed
__asm__(".text\n.intel_syntax noprefix\n.global vm_enter\nvm_enter:\n"
        "pushad\nmov ebp, [esp + 36]\nmov edx, [esp + 40]\npush ebp\n"
        "mov eax, 0x6C14\nvmwrite eax, esp\n"
        "mov eax, 0x6C16\nmov ebx, offset left\nvmwrite eax, ebx\n"
        "cmp edx, 0\n"
        "mov eax, [ebp]\nmov ecx, [ebp + 4]\nmov edx, [ebp + 8]\nmov ebx, [ebp + 12]\nmov esi, [ebp + 20]\nmov edi, [ebp + 24]\n"
        "mov ebp, [ebp + 16]\njne again\nvmlaunch\njmp failed\nagain: vmresume\n"
        "failed: pop ebp\npopad\nmov eax, 1\nret\n"
        "left: push ebp\nmov ebp, [esp + 4]\nmov [ebp], eax\nmov [ebp + 4], ecx\nmov [ebp + 8], edx\nmov [ebp + 12], ebx\n"
        "mov [ebp + 20], esi\nmov [ebp + 24], edi\npop dword ptr [ebp + 16]\npop ebp\npopad\nmov eax, 0\nret\n");

static uint32_t vmread(uint32_t field)
{
    uint32_t v;
    __asm__ volatile("vmread %0, %1" : "=rm"(v) : "r"(field) : "cc");
    return v;
}
static void vmwrite(uint32_t field, uint32_t v) { __asm__ volatile("vmwrite %0, %1" : : "r"(field), "rm"(v) : "cc"); }
static uint64_t rdmsr(uint32_t n)
{
    uint64_t v;
    __asm__ volatile("rdmsr" : "=A"(v) : "c"(n));
    return v;
}
static void wrmsr(uint32_t n, uint64_t v) { __asm__ volatile("wrmsr" : : "c"(n), "A"(v)); }

#define FAILED(insn, operand) \
    ({ bool failed; __asm__ volatile(insn " %1" : "=@ccbe"(failed) : "m"(operand) : "memory"); failed; })

static uint32_t vmxon_region[1024] __attribute__((aligned(4096))), vmcs[1024] __attribute__((aligned(4096)));
static uint8_t io_bitmaps[2][4096] __attribute__((aligned(4096))), guest_stack[4096] __attribute__((aligned(16)));
static uint32_t directory[1024] __attribute__((aligned(4096)));

// What the guest does. Each instruction that leaves is one line of output.
void guest_main(void);
__asm__(".text\n.intel_syntax noprefix\nguest_main:\n"
        "mov eax, 1\ncpuid\n"            // always
        "mov eax, 'G'\nout 0x80, al\n"    // by the bitmap
        "out 0xE0, al\n"                  // not in it: no exit
        "mov eax, cr0\nmov ebx, eax\n"    // the read shadow: TS seems to be clear
        "clts\n"                          // seems to be clear, stays set: no exit
        "or eax, 8\nmov cr0, eax\n"       // differs from the shadow
        "mov eax, cr3\nmov cr3, eax\n"
        "ud2\n"                           // wanted by the bitmap, given back: the handler steps over it
        "int 0x21\n"                      // the guest's own
        "pushfd\ncli\nsti\npopfd\n"       // no exits: IF is its own
        "rdtsc\n"
        "hlt\n"
        "mov ecx, 0x174\nrdmsr\n"         // without a bitmap: all
        "fninit\n"                        // #NM: TS is really set
        "vmcall\n");
static int traps;
static void on_ud(struct trap_frame *f)
{
    traps++;
    f->eip += 2;
}
static void on_int21(struct trap_frame *f)
{
    (void)f;
    traps += 10;
}

static uint32_t allowed(uint32_t msr, uint32_t wanted)
{
    uint64_t may = rdmsr(msr);
    return (wanted | (uint32_t)may) & (uint32_t)(may >> 32);
}

static uint32_t cr(int n)
{
    uint32_t v;
    if (n == 0)
        __asm__ volatile("mov %0, cr0" : "=r"(v));
    else if (n == 3)
        __asm__ volatile("mov %0, cr3" : "=r"(v));
    else
        __asm__ volatile("mov %0, cr4" : "=r"(v));
    return v;
}

static void describe(void)
{
    static const uint16_t selectors[8] = { SEL_KERNEL_DATA, SEL_KERNEL_CODE, SEL_KERNEL_DATA, SEL_KERNEL_DATA, SEL_KERNEL_DATA,
                                           SEL_KERNEL_DATA, 0, SEL_TSS };
    vmwrite(PIN, allowed(0x481, 0));
    vmwrite(PROC, allowed(0x482, HLT_EXITING | RDTSC_EXITING | IO_BITMAPS));
    vmwrite(EXIT, allowed(0x483, 0));
    vmwrite(ENTRY, allowed(0x484, 0));
    io_bitmaps[0][0x80 / 8] = 1;
    vmwrite(IO_BITMAP_A, (uint32_t)io_bitmaps[0]);
    vmwrite(IO_BITMAP_B, (uint32_t)io_bitmaps[1]);
    vmwrite(EXCEPTIONS, 1u << 6 | 1u << 7);
    vmwrite(CR0_MASK, CR0_TS);
    vmwrite(CR4_MASK, CR4_VMXE);
    for (uint32_t n = 0; n < 8; n++) {
        vmwrite(GUEST_ES + 2 * n, selectors[n]);
        vmwrite(GUEST_LIMIT + 2 * n, n < 6 ? 0xFFFFFFFF : 0x67);
        vmwrite(GUEST_AR + 2 * n, n == 1 ? 0xC09B : n < 6 ? 0xC093 : n == 6 ? 0x10000 : 0x8B);
        vmwrite(GUEST_BASE + 2 * n, n == 7 ? (uint32_t)&tss : 0);
    }
    for (uint32_t n = 0; n < 6; n++)
        vmwrite(HOST_ES + 2 * n, selectors[n]);
    vmwrite(HOST_TR, SEL_TSS), vmwrite(HOST_TR_BASE, (uint32_t)&tss);
    vmwrite(GUEST_CR0, cr(0) | CR0_TS), vmwrite(GUEST_CR3, cr(3)), vmwrite(GUEST_CR4, cr(4));
    vmwrite(HOST_CR0, cr(0)), vmwrite(HOST_CR3, cr(3)), vmwrite(HOST_CR4, cr(4));
    vmwrite(GDTR_BASE, (uint32_t)gdt), vmwrite(GDTR_LIMIT, sizeof gdt - 1), vmwrite(HOST_GDTR, (uint32_t)gdt);
    vmwrite(IDTR_BASE, (uint32_t)idt), vmwrite(IDTR_LIMIT, sizeof idt - 1), vmwrite(HOST_IDTR, (uint32_t)idt);
    vmwrite(GUEST_DR7, 0x400), vmwrite(GUEST_EFLAGS, 2);
    vmwrite(GUEST_ESP, (uint32_t)(guest_stack + sizeof guest_stack)), vmwrite(GUEST_EIP, (uint32_t)guest_main);
    vmwrite(GUEST_LINK, 0xFFFFFFFF), vmwrite(GUEST_LINK + 1, 0xFFFFFFFF);
}

// Prints an exit, and makes the guest able to go on. False: it has called us to say that it is done.
static bool answer(void)
{
    uint32_t reason = vmread(REASON), event = vmread(EVENT);
    print("exit ");
    print_dec(reason);
    print(" at +");
    print_dec(vmread(GUEST_EIP) - (uint32_t)guest_main);
    print(", qualification ");
    print_hex(reason == R_CR && (vmread(QUALIFICATION) & 0xF) == 3 ? vmread(QUALIFICATION) & 0xFFF : vmread(QUALIFICATION), 8);
    print(", event ");
    print_hex(event, 8);
    print(", length ");
    print_dec(reason == R_EXCEPTION ? 0 : vmread(LENGTH)); // which a fault does not define
    print("\n");
    if (reason == R_VMCALL)
        return false;
    if (reason == R_EXCEPTION && (event & 0xFF) == 7) { // lazily: the unit is the guest's from now on
        vmwrite(GUEST_CR0, vmread(GUEST_CR0) & ~(uint32_t)CR0_TS);
        return true;
    }
    if (reason == R_EXCEPTION) {
        vmwrite(ENTRY_EVENT, event);
        vmwrite(ENTRY_CODE, vmread(EVENT_CODE));
        return true;
    }
    vmwrite(GUEST_EIP, vmread(GUEST_EIP) + vmread(LENGTH));
    return true;
}

static void enable(void)
{
    for (uint32_t n = 0; n < 1024; n++)
        directory[n] = n << 22 | 0x83;
    __asm__ volatile("mov cr4, %0" : : "r"(cr(4) | 0x10 | CR4_VMXE) : "memory");
    __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory");
    __asm__ volatile("mov cr0, %0" : : "r"(cr(0) | 1u << 31 | CR0_NE) : "memory");
    if (!(rdmsr(0x3A) & 1))
        wrmsr(0x3A, 5);
}

static bool has_vmx(void)
{
    uint32_t a = 1, c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "+c"(c) : : "ebx", "edx");
    return c & 1 << 5;
}

void kmain(void)
{
    serial_init();
    probe_init();
    trap_handlers[6] = on_ud;
    trap_handlers[0x21] = on_int21;
    if (!has_vmx()) {
        print("no VMX\n");
        finish(true);
    }
    enable();
    vmxon_region[0] = vmcs[0] = (uint32_t)rdmsr(0x480);
    uint64_t region = (uint32_t)vmxon_region, current = (uint32_t)vmcs;
    fact("vmxon failed", FAILED("vmxon", region));
    fact("vmclear failed", FAILED("vmclear", current));
    fact("vmptrld failed", FAILED("vmptrld", current));
    describe();
    vmwrite(HOST_CR4, 0);
    struct regs r = { .edi = 0x1234 };
    fact("without host CR4.VMXE", vm_enter(&r, 0));
    fact("error", vmread(ERROR));
    vmwrite(HOST_CR4, cr(4));
    vmwrite(GUEST_EFLAGS, 0);
    fact("with bad EFLAGS", vm_enter(&r, 0));
    fact("reason", vmread(REASON));
    vmwrite(GUEST_EFLAGS, 2);
    bool launched = false;
    while (vm_enter(&r, launched) == 0 && answer())
        launched = true;
    fact("CR0 as the guest saw it", r.ebx & 0x2D);
    fact("traps of its own", (uint32_t)traps);
    fact("EDI kept", r.edi);
    __asm__ volatile("vmxoff" : : : "cc");
    print("off\n");
    finish(true);
}
