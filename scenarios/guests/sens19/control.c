// Guest `sens19`, control group: the privileged instructions, which do trap below ring 0.
//
// Idea: each one is shown to work by its effect, not by reading the register back with a sensitive instruction. A
// hypervisor hears of every one of them, so these lines must be the same everywhere.
// Manual: Intel SDM volume 3, 5.9 (privileged instructions); volume 1, 19.5 (I/O privilege).
// Not here: INVD, which throws dirty cache lines away and would lose memory on a real machine; RDPMC, whose counters
// differ from processor to processor.
#include "sens19/sens19.h"

static bool worked; // set by the control that found everything right
static struct descriptor gdt_copy[GDT_ENTRIES], idt_copy[IDT_ENTRIES];
static struct tss tss2;
static uint32_t page_table[1024] __attribute__((aligned(4096)));
static uint32_t frame_a[1024] __attribute__((aligned(4096)));
static uint32_t frame_b[1024] __attribute__((aligned(4096)));

enum { MSR_SYSENTER_CS = 0x174, UART_SCRATCH = 0x3FF, PIC_MASK = 0x21 };
#define PLAY 0x40000000u

static void load_gdt(const struct descriptor *table)
{
    struct table_register gdtr = {sizeof gdt - 1, (uint32_t)table};
    __asm__ volatile("lgdt %0" : : "m"(gdtr) : "memory");
}

static void load_idt(const struct descriptor *table)
{
    struct table_register idtr = {sizeof idt - 1, (uint32_t)table};
    __asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
}

static uint32_t first_word(uint16_t selector)
{
    given[0] = selector;
    do_mov_ds();
    return seen[0];
}

static void control_lgdt(void)
{
    for (int i = 0; i < GDT_ENTRIES; i++)
        gdt_copy[i] = gdt[i];
    gdt_copy[SEL_PROBE / 8] = segment((uint32_t)&probe[8], 15, ACCESS_DATA, false);
    load_gdt(gdt_copy);
    uint32_t other = first_word(SEL_PROBE);
    load_gdt(gdt);
    worked = other == PROBE_VALUE(8) && first_word(SEL_PROBE) == PROBE_VALUE(0);
}

static void control_lidt(void)
{
    for (int i = 0; i < IDT_ENTRIES; i++)
        idt_copy[i] = idt[i];
    idt_copy[VECTOR_SOFT3] = gate(SEL_KERNEL_CODE, soft_other, ACCESS_INT_GATE | ACCESS_DPL3);
    load_idt(idt_copy);
    do_int_dpl3();
    uint32_t other = seen[0];
    load_idt(idt);
    do_int_dpl3();
    worked = other == 0x99 && seen[0] == VECTOR_SOFT3;
}

static void use_ldt(void)
{
    seen[0] = first_word(SEL_IN_LDT);
}

// Without an LDT a selector into it must fault; with it, read what its base says. (VERR asks without faulting.)
static void control_lldt(void)
{
    uint32_t zf;
    given[0] = SEL_IN_LDT;
    __asm__ volatile("lldt %w0" : : "r"(0));
    do_verr();
    zf = seen[0];
    __asm__ volatile("lldt %w0" : : "r"(SEL_LDT));
    use_ldt();
    worked = zf == 0 && seen[0] == PROBE_VALUE(4);
}

static bool busy(uint16_t selector)
{
    return (gdt[selector / 8].high & 0x200) != 0;
}

static void make_available(uint16_t selector)
{
    gdt[selector / 8].high &= ~0x200u;
}

// LTR marks the TSS busy, in our table.
static void control_ltr(void)
{
    bool before = busy(SEL_TSS2);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS2) : "memory");
    bool after = busy(SEL_TSS2);
    make_available(SEL_TSS);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
    worked = !before && after && busy(SEL_TSS);
    make_available(SEL_TSS2);
}

static uint32_t read_cr0(void)
{
    uint32_t value;
    __asm__ volatile("mov %0, cr0" : "=r"(value));
    return value;
}

static void write_cr0(uint32_t value)
{
    __asm__ volatile("mov cr0, %0" : : "r"(value) : "memory");
}

static void control_mov_cr0(void)
{
    uint32_t before = read_cr0();
    write_cr0(before | CR0_TS);
    uint32_t after = read_cr0();
    write_cr0(before);
    worked = (before & CR0_TS) == 0 && after == (before | CR0_TS) && read_cr0() == before;
}

static void control_mov_cr2(void)
{
    uint32_t value;
    __asm__ volatile("mov cr2, %1\n\tmov %0, cr2" : "=r"(value) : "r"(0x12345678));
    worked = value == 0x12345678;
}

static void control_mov_cr3(void)
{
    uint32_t value;
    __asm__ volatile("mov %0, cr3\n\tmov cr3, %0" : "=r"(value) : : "memory");
    worked = value == (uint32_t)page_directory;
}

static void control_mov_cr4(void)
{
    uint32_t before, after;
    __asm__ volatile("mov %0, cr4\n\tmov cr4, %0" : "=r"(before) : : "memory");
    __asm__ volatile("mov cr4, %1\n\tmov %0, cr4" : "=r"(after) : "r"(before | CR4_PSE) : "memory");
    __asm__ volatile("mov cr4, %0" : : "r"(before) : "memory");
    worked = (before & CR4_PSE) == 0 && after == (before | CR4_PSE);
}

// LMSW sets TS; it could not clear PE.
static void control_lmsw(void)
{
    uint32_t before = read_cr0();
    __asm__ volatile("lmsw %w0" : : "r"((before | CR0_TS) & 0xE) : "memory"); // PE = 0 in the operand
    uint32_t after = read_cr0();
    write_cr0(before);
    worked = after == (before | CR0_TS);
}

static void control_clts(void)
{
    uint32_t before = read_cr0();
    write_cr0(before | CR0_TS);
    __asm__ volatile("clts" : : : "memory");
    worked = read_cr0() == before;
}

static void control_mov_dr(void)
{
    uint32_t dr0, dr7;
    __asm__ volatile("mov dr0, %1\n\tmov %0, dr0" : "=r"(dr0) : "r"(0x12345678));
    __asm__ volatile("mov %0, dr7" : "=r"(dr7));
    __asm__ volatile("mov dr0, %0" : : "r"(0));
    worked = dr0 == 0x12345678 && dr7 == 0x400; // no breakpoint enabled; bit 10 is always 1
}

static void control_invlpg(void)
{
    volatile uint32_t *word = (volatile uint32_t *)PLAY;
    frame_a[0] = 0xAAAA;
    frame_b[0] = 0xBBBB;
    page_table[0] = (uint32_t)frame_a | PTE_P | PTE_RW;
    page_directory[PLAY >> 22] = (uint32_t)page_table | PTE_P | PTE_RW;
    __asm__ volatile("" : : : "memory");
    uint32_t first = *word;
    page_table[0] = (uint32_t)frame_b | PTE_P | PTE_RW;
    __asm__ volatile("invlpg [%0]" : : "r"(PLAY) : "memory");
    worked = first == 0xAAAA && *word == 0xBBBB;
}

static void control_wbinvd(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
    worked = true; // memory is as before, or the next line would not come out
}

static void control_rdtsc(void)
{
    uint32_t low1, high1, low2, high2;
    __asm__ volatile("rdtsc" : "=a"(low1), "=d"(high1));
    __asm__ volatile("rdtsc" : "=a"(low2), "=d"(high2));
    worked = high2 > high1 || (high2 == high1 && low2 > low1);
}

static void write_msr(uint32_t msr, uint32_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"(value), "d"(0));
}

static uint32_t read_msr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return low;
}

static void control_msr(void)
{
    write_msr(MSR_SYSENTER_CS, SEL_KERNEL_CODE);
    uint32_t value = read_msr(MSR_SYSENTER_CS);
    write_msr(MSR_SYSENTER_CS, 0);
    worked = value == SEL_KERNEL_CODE && read_msr(MSR_SYSENTER_CS) == 0;
}

static void control_sti(void)
{
    worked = interrupt_arrives_after(do_sti, false);
}

static void control_cli(void)
{
    worked = !interrupt_arrives_after(do_cli, true);
}

static void control_in_out(void)
{
    outb(UART_SCRATCH, 0x5A); // a byte of storage in the 16550
    uint8_t first = inb(UART_SCRATCH);
    outb(UART_SCRATCH, 0xA5);
    worked = first == 0x5A && inb(UART_SCRATCH) == 0xA5;
}

static void control_ins_outs(void)
{
    uint8_t out[2] = {0x12, 0x34}, in[2] = {0, 0};
    void *from = out, *to = in;
    uint32_t count = 2;
    __asm__ volatile("cld\n\trep outsb" : "+S"(from), "+c"(count) : "d"(UART_SCRATCH) : "memory");
    count = 2;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(UART_SCRATCH) : "memory");
    worked = in[0] == 0x34 && in[1] == 0x34 && count == 0 && to == in + 2;
}

static volatile bool woken;

static void wake(struct trap_frame *frame)
{
    (void)frame;
    woken = true;
    pic_end_of_interrupt();
}

static void control_hlt(void)
{
    trap_handler *before = trap_handlers[VECTOR_TIMER];
    trap_handlers[VECTOR_TIMER] = wake;
    woken = false;
    pic_unmask_timer();
    while (!woken)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory"); // STI lets nothing in before HLT
    pic_mask_all();
    trap_handlers[VECTOR_TIMER] = before;
    worked = true;
}

static const struct control {
    const char *name;
    void (*run)(void);
} controls[] = {
    {"lgdt", control_lgdt}, {"lidt", control_lidt}, {"lldt", control_lldt},
    {"ltr", control_ltr}, {"mov cr0", control_mov_cr0}, {"mov cr2", control_mov_cr2},
    {"mov cr3", control_mov_cr3}, {"mov cr4", control_mov_cr4}, {"lmsw", control_lmsw},
    {"clts", control_clts}, {"mov dr", control_mov_dr}, {"invlpg", control_invlpg},
    {"wbinvd", control_wbinvd}, {"rdtsc", control_rdtsc}, {"rdmsr wrmsr", control_msr},
    {"cli", control_cli}, {"sti", control_sti}, {"in out", control_in_out},
    {"ins outs", control_ins_outs}, {"hlt", control_hlt},
};

LANDMARK int run_controls(void)
{
    int failed = 0;
    gdt[SEL_TSS2 / 8] = segment((uint32_t)&tss2, sizeof tss2 - 1, ACCESS_TSS, false);
    tss2 = tss;
    for (unsigned i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        worked = false;
        bool survived = attempt(controls[i].run);
        print("control ");
        print(controls[i].name);
        print(": ");
        if (!survived)
            print_fault();
        else
            print(worked ? "ok" : "FAILED");
        print("\n");
        failed += !worked || !survived;
    }
    return failed;
}
