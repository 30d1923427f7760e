// The local APIC, the I/O APIC and the 8259 pair behind them, as a kernel finds and uses them.
//
// Idea: interrupts are noted by a letter each, in the order in which their handlers run; time is never printed, only what
// follows from it for certain. Without a local APIC in CPUID the guest says so and ends well: that is what a VM shows.
// Manual: Intel SDM volume 3 chapter 10; 82093AA data sheet.
// Not here: other processors.
#include "probe.h"

enum { VERSION = 0x30, TPR = 0x80, PPR = 0xA0, EOI = 0xB0, LDR = 0xD0, DFR = 0xE0, SVR = 0xF0, ISR = 0x100, IRR = 0x200, ESR = 0x280,
       ICR = 0x300, ICR_HIGH = 0x310, TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360, INITIAL = 0x380, COUNT = 0x390,
       DIVIDE = 0x3E0 };
enum { MASKED = 0x10000, PERIODIC = 0x20000, EXTINT = 0x700, NMI = 0x400, SELF = 0x40000, LEVEL = 0x8000 };
enum { COM = 0x3F8, IER = COM + 1, IIR = COM + 2, MCR = COM + 4, LSR = COM + 5 };
#define LAPIC 0xFEE00000u
#define IOAPIC 0xFEC00000u

static uint32_t get(uint32_t reg) { return *(volatile uint32_t *)(LAPIC + reg); }
static void put(uint32_t reg, uint32_t v) { *(volatile uint32_t *)(LAPIC + reg) = v; }
static uint32_t io_get(uint32_t reg)
{
    *(volatile uint32_t *)IOAPIC = reg;
    return *(volatile uint32_t *)(IOAPIC + 0x10);
}
static void io_put(uint32_t reg, uint32_t v)
{
    *(volatile uint32_t *)IOAPIC = reg;
    *(volatile uint32_t *)(IOAPIC + 0x10) = v;
}
static void entry(uint32_t pin, uint32_t low) { io_put(0x10 + 2 * pin, low); }
static void sti(void) { __asm__ volatile("sti\n\tnop\n\tnop" : : : "memory"); }
static void cli(void) { __asm__ volatile("cli" : : : "memory"); }

static char order[64];
static volatile unsigned length;
static void note(char c) { order[length++ % 63] = c; }
static void say(const char *what)
{
    outb(IER, 0); // what is printed must ask for nothing
    order[length % 64] = 0;
    print(what);
    print(": ");
    print(order);
    print("\n");
    length = 0;
}

// Vectors 20-2F. Each notes '0'..'?', lets others in, notes the same in letters, and ends.
static bool nested;
static void on_apic(struct trap_frame *f)
{
    note((char)('0' + (f->vector & 15)));
    if (f->vector == 0x24)
        (void)inb(IIR);
    if (nested) {
        sti();
        cli();
        note((char)('a' + (f->vector & 15)));
    }
    put(EOI, 0);
}
static void on_pic(struct trap_frame *f)
{
    note((char)('A' + (f->vector & 15)));
    if (f->vector == 0x24)
        (void)inb(IIR);
    outb(0x20, 0x20);
}
static void on_nmi(struct trap_frame *f)
{
    (void)f;
    note('!');
}
// One that comes while a handler runs waits for its IRET.
static void on_nmi_again(struct trap_frame *f)
{
    (void)f;
    trap_handlers[2] = on_nmi;
    note('(');
    put(ICR_HIGH, 0);
    put(ICR, 0x4400);
    __asm__ volatile("nop\n\tnop" : : : "memory");
    note(')');
}
static void all_to(trap_handler *h)
{
    for (unsigned v = 0x20; v < 0x2F; v++)
        trap_handlers[v] = h;
}

static void serial_edge(void) // one edge of IRQ 4
{
    while ((inb(LSR) & 0x40) == 0)
        ;
    outb(MCR, 0x0B);
    outb(IER, 0);
    outb(IER, 2);
}

static void priorities(void)
{
    nested = true;
    put(ICR, SELF | 0x23); // one class: in order of their numbers, and none into another
    put(ICR, SELF | 0x2A);
    put(ICR, SELF | 0x21);
    fact("requests", get(IRR + 0x10));
    sti(), cli();
    say("one class");
    put(TPR, 0x20);
    put(ICR, SELF | 0x25);
    sti(), cli();
    say("held by the task priority");
    fact("processor priority", get(PPR));
    put(TPR, 0x10);
    sti(), cli();
    say("let go");
    put(TPR, 0);
    nested = false;
}

static void interprocessor(void)
{
    put(LDR, 0x01000000);
    put(DFR, 0xFFFFFFFF);
    static const struct { const char *name; uint32_t high, low; } rows[] = {
        {"physical 0", 0, 0x4021}, {"broadcast", 0xFF000000, 0x4022}, {"physical 7", 0x07000000, 0x4023},
        {"logical 1", 0x01000000, 0x4824}, {"logical 2", 0x02000000, 0x4825}, {"all", 0, 0x84026}, {"others", 0, 0xC4027},
        {"NMI", 0, 0x4400}, {"INIT to 1", 0x01000000, 0x4500}, {"start-up to 1", 0x01000000, 0x4608}};
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        put(ICR_HIGH, rows[n].high);
        put(ICR, rows[n].low);
        sti(), cli();
        say(rows[n].name);
        if (get(ICR) & 0x1000)
            print("still being sent\n");
    }
}

static void nmi_in_nmi(void)
{
    trap_handlers[2] = on_nmi_again;
    put(ICR_HIGH, 0);
    put(ICR, 0x4400);
    cli();
    say("NMI in its handler");
}

static void timer(void)
{
    put(DIVIDE, 0xB);
    put(TIMER, 0x26);
    put(INITIAL, 20000);
    sti();
    while (length < 1)
        ;
    cli();
    fact("one shot leaves", get(COUNT));
    say("one shot");
    put(TIMER, PERIODIC | 0x27);
    put(INITIAL, 20000);
    sti();
    while (length < 5)
        ;
    cli();
    put(TIMER, PERIODIC | MASKED);
    put(INITIAL, 0);
    sti(), cli(); // one that was on its way
    length = 5;
    say("periodic");
    fact("stopped", get(COUNT));
    // About 50 ms of the 8254 in counts of the APIC's timer: at least 1 MHz.
    put(TIMER, MASKED);
    put(INITIAL, 0xFFFFFFFF);
    pit_start();
    pit_wait_periods(50);
    uint32_t n = 0xFFFFFFFF - get(COUNT);
    put(INITIAL, 0);
    fact("against the 8254", n > 50000 && n < 0xF0000000);
}

static void through_ioapic(void)
{
    fact("entries", io_get(1) >> 16 & 0xFF);
    pic_mask_all();
    entry(4, 0x24);
    serial_edge();
    sti(), cli();
    say("edge at input 4");
    entry(4, 0x24 | MASKED);
    serial_edge();
    entry(4, 0x24); // too late
    sti(), cli();
    say("edge while masked");
    entry(4, 0x24 | NMI);
    serial_edge();
    say("as NMI");
    entry(4, MASKED);
    entry(2, 0x22);
    pit_start();
    sti();
    while (length < 3)
        ;
    cli();
    entry(2, MASKED);
    sti(), cli();
    length = 3;
    say("timer at input 2");
}

static void through_pics(void)
{
    all_to(on_pic);
    put(LINT0, EXTINT);
    put(TPR, 0xFF);
    pic_init();
    outb(0x21, 0xEF);
    serial_edge();
    sti(), cli();
    say("virtual wire");
    put(LINT0, EXTINT | MASKED);
    serial_edge();
    sti(), cli();
    say("its end masked");
    entry(0, EXTINT);
    serial_edge();
    sti(), cli();
    say("ExtINT by the I/O APIC");
    entry(0, MASKED);
    put(TPR, 0);
}

static uint32_t cpuid_edx(void)
{
    uint32_t a = 1, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d;
}

static void disabled(void)
{
    __asm__ volatile("wrmsr" : : "c"(0x1B), "a"(0xFEE00100), "d"(0));
    fact("CPUID without APIC", cpuid_edx() >> 9 & 1);
    fact("nobody there", get(VERSION));
    outb(0x21, 0xEF);
    serial_edge();
    sti(), cli();
    say("INTR straight to the CPU");
}

// As a kernel starts: tables without devices first, then, by MOV to CR3 alone, others that have them.
static void paged(void)
{
    static uint32_t first[1024] __attribute__((aligned(4096))), second[1024] __attribute__((aligned(4096)));
    first[0] = second[0] = PTE_P | PTE_RW | PDE_4MB;
    second[LAPIC >> 22] = (LAPIC & 0xFFC00000) | PTE_P | PTE_RW | PDE_4MB;
    uint32_t cr0;
    __asm__ volatile("mov eax, cr4\n\tor eax, 0x10\n\tmov cr4, eax\n\tmov cr3, %1\n\tmov %0, cr0" : "=&r"(cr0) : "r"(first) : "eax");
    __asm__ volatile("mov cr0, %0\n\tmov cr3, %1" : : "r"(cr0 | 0x80000000), "r"(second) : "memory");
    put(ICR_HIGH, 0x05000000);
    uint32_t seen = get(ICR_HIGH);
    __asm__ volatile("mov cr0, %0" : : "r"(cr0) : "memory");
    fact("paged, by the second CR3", seen);
}

void kmain(void)
{
    serial_init();
    probe_init();
    pic_init();
    fact("CPUID APIC", cpuid_edx() >> 9 & 1);
    if (!(cpuid_edx() & 1 << 9))
        finish(true);
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1B));
    fact2("APIC base", high, low);
    fact("version", get(VERSION));
    put(SVR, 0x12F);
    put(LINT0, EXTINT | MASKED);
    put(LINT1, NMI);
    trap_handlers[2] = on_nmi;
    all_to(on_apic);
    priorities();
    interprocessor();
    nmi_in_nmi();
    timer();
    through_ioapic();
    through_pics();
    paged();
    disabled();
    finish(true);
}
