// The devices every PC has: 8259 priorities, masks and ends of interrupt; 8254 modes. (`serial` has the 16550.)
//
// Idea: two sources are enough to ask about priorities: the timer (IRQ 0) and the transmitter of COM1 (IRQ 4), which asks
// for attention the moment its interrupt is enabled. Time is never printed, only what follows from it for certain.
// Manual: Intel 8259A and 8254 data sheets; National Semiconductor PC16550D data sheet.
// Not here: the second 8259's own sources (there are none yet), ELCR.
#include "probe.h"

enum { PIC = 0x20, PIC_DATA = 0x21, PIC2_DATA = 0xA1, PIT0 = 0x40, PIT2 = 0x42, PIT_CONTROL = 0x43, PORT_61 = 0x61 };
enum { COM = 0x3F8, IER = COM + 1, IIR = COM + 2, MCR = COM + 4, LSR = COM + 5 };

static void sti(void) { __asm__ volatile("sti\n\tnop\n\tnop" : : : "memory"); }
static void cli(void) { __asm__ volatile("cli" : : : "memory"); }
static uint8_t irr(void) { outb(PIC, 0x0A); return inb(PIC); }
static uint8_t isr(void) { outb(PIC, 0x0B); return inb(PIC); }

// ---- the two sources ----------------------------------------------------------------------------------------------

static void raise_timer(void) // one edge on IRQ 0
{
    outb(PIT_CONTROL, 0x30); // mode 0: OUT falls now, rises when the count is done
    outb(PIT0, 20);
    outb(PIT0, 0);
    uint8_t status;
    do {
        outb(PIT_CONTROL, 0xE2); // read back the status of channel 0
        status = inb(PIT0);
    } while (!(status & 0x80));
}

static void drain(void)
{
    while ((inb(LSR) & 0x40) == 0)
        ;
}
static void raise_serial(void)
{
    outb(MCR, 0x0B); // OUT2 lets the line through
    outb(IER, 0);
    outb(IER, 2);
}
static void lower_serial(void) { (void)inb(IIR); }

// ---- 8259 ---------------------------------------------------------------------------------------------------------

static char order[64];
static unsigned length;
static void note(char c) { order[length++ % 63] = c; }
static enum { EOI_LATE, EOI_EARLY, EOI_SPECIFIC, EOI_ROTATE, EOI_NONE, SPECIAL_MASK } manner;

static void end(unsigned irq)
{
    if (manner == EOI_SPECIFIC)
        outb(PIC, (uint8_t)(0x60 | irq));
    else if (manner == EOI_ROTATE)
        outb(PIC, 0xA0);
    else if (manner != EOI_NONE)
        outb(PIC, 0x20);
}

static void handler(unsigned irq)
{
    note((char)('0' + irq));
    if (irq == 4)
        lower_serial();
    if (manner == SPECIAL_MASK) {
        outb(PIC_DATA, (uint8_t)(1 << irq));
        outb(PIC, 0x68); // special mask mode: what is masked in service no longer holds back the rest
    }
    if (manner == EOI_EARLY)
        end(irq);
    note('(');
    sti();
    cli();
    note(')');
    if (manner == SPECIAL_MASK) {
        outb(PIC, 0x48);
        outb(PIC_DATA, 0xEE);
    }
    if (manner != EOI_EARLY)
        end(irq);
}
static void timer_irq(struct trap_frame *f) { handler(f->vector & 7); }

static void show(const char *name)
{
    order[length] = 0;
    outb(IER, 0);
    drain();
    print(name);
    print(": ");
    print(order);
    length = 0;
    fact2("  irr, isr", irr() & 0x11, isr());
    while (isr()) // leave nothing in service
        outb(PIC, 0x20);
    outb(PIC_DATA, 0xEE);
}

static void both(const char *name, int how)
{
    manner = how;
    drain();
    raise_serial();
    raise_timer();
    sti();
    cli();
    show(name);
}

static void priorities(void)
{
    trap_handlers[0x20] = trap_handlers[0x24] = timer_irq;
    outb(PIC_DATA, 0xEE);
    fact2("masks", inb(PIC_DATA), inb(PIC2_DATA));
    both("both, EOI at the end", EOI_LATE);
    both("both, EOI first", EOI_EARLY);
    both("both, specific EOI", EOI_SPECIFIC);
    both("both, no EOI", EOI_NONE);
    both("both, special mask mode", SPECIAL_MASK);
    both("both, rotating", EOI_ROTATE);
    both("once rotated", EOI_LATE);
    outb(PIC, 0xC0 | 0); // IRQ 0 lowest: IRQ 1 first, 4 before 0
    both("IRQ 0 lowest", EOI_LATE);
    outb(PIC, 0xC0 | 3); // IRQ 4 first of all
    both("IRQ 3 lowest", EOI_LATE);
    outb(PIC, 0xC0 | 7);
    both("as after reset", EOI_LATE);
}

static void masks(void)
{
    manner = EOI_LATE;
    outb(PIC_DATA, 0xEF);
    raise_timer();
    raise_serial();
    sti();
    cli();
    note('-');
    outb(PIC_DATA, 0xEE); // the timer's edge is still remembered
    sti();
    cli();
    show("masked, then not");
    outb(PIC_DATA, 0xFF);
    drain();
    raise_serial();
    uint8_t before = irr() & 0x10;
    lower_serial(); // the request is withdrawn before anyone was told
    uint8_t after = irr() & 0x10;
    outb(PIC_DATA, 0xEE);
    sti();
    cli();
    show("request withdrawn");
    fact2("  irr before, after", before, after);
    drain();
    raise_serial();
    raise_timer();
    uint8_t polled[4];
    for (unsigned i = 0; i < 3; i++) {
        outb(PIC, 0x0C);
        polled[i] = inb(PIC);
        if (polled[i] & 0x80)
            outb(PIC, 0x20);
    }
    polled[3] = irr() & 0x11;
    show("polled");
    fact2("  first, second", polled[0], polled[1]);
    fact2("  third, irr", polled[2] & 0x80, polled[3]);
}

static void automatic_end(void)
{
    outb(PIC, 0x11);
    outb(PIC_DATA, 0x20);
    outb(PIC_DATA, 0x04);
    outb(PIC_DATA, 0x03); // AEOI
    outb(PIC_DATA, 0xEE);
    manner = EOI_NONE;
    drain();
    raise_serial();
    raise_timer();
    sti();
    cli();
    show("automatic EOI");
    pic_init();
    trap_handlers[0x27] = 0;
    fact2("masked after init", inb(PIC_DATA), irr() & 0x11);
}

// An interrupt arrives in ring 3 and leads back there.
static uint32_t from_ring3;
static void timer_in_user(struct trap_frame *f)
{
    from_ring3 = f->cs & 0xFFFF;
    f->eax = 1;
    pic_end_of_interrupt();
}
ACT(user_waits, "xor eax, eax\nmov ecx, 50000000\n1: test eax, eax\nloopz 1b\nmov ebx, eax\nud2\n");

static void in_user_mode(void)
{
    trap_handlers[0x20] = timer_in_user;
    outb(PIC_DATA, 0xFE);
    outb(PIT_CONTROL, 0x30);
    outb(PIT0, 0x00);
    outb(PIT0, 0x04);
    attempt_user(user_waits, EFLAGS_IF);
    fact2("in ring 3: cs, seen there", from_ring3, caught.ebx);
    outb(PIC_DATA, 0xFF);
}

// ---- 8254 ---------------------------------------------------------------------------------------------------------

static uint32_t latch(unsigned channel)
{
    outb(PIT_CONTROL, (uint8_t)(channel << 6));
    uint32_t low = inb((uint16_t)(PIT0 + channel));
    return low | (uint32_t)inb((uint16_t)(PIT0 + channel)) << 8;
}

static void timer_modes(void)
{
    outb(PORT_61, 1); // gate 2 on, speaker off
    for (unsigned mode = 0; mode < 6; mode++) {
        outb(PIT_CONTROL, (uint8_t)(0xB0 | mode << 1));
        outb(PIT_CONTROL, 0xE8);
        uint8_t status = inb(PIT2);
        fact2("mode, status after the control word", mode, status);
    }
    for (unsigned format = 1; format < 4; format++) { // low byte, high byte, both: what is read back of the count
        outb(PORT_61, 0); // gate off: it does not count
        outb(PIT_CONTROL, (uint8_t)(0x84 | format << 4));
        if (format & 1)
            outb(PIT2, 0x34);
        if (format & 2)
            outb(PIT2, 0x12);
        outb(PORT_61, 1);
        outb(PIT_CONTROL, 0xE8);
        fact2("format, status", format, inb(PIT2) & 0xBF);
    }
    outb(PIT_CONTROL, 0xB0); // mode 0, half a count written
    outb(PIT2, 0x10);
    outb(PIT_CONTROL, 0xE8);
    fact("half a count: OUT, null", inb(PIT2) & 0xC0);
    outb(PIT2, 0x00);
    uint8_t status;
    do {
        outb(PIT_CONTROL, 0xE8);
        status = inb(PIT2);
    } while (!(status & 0x80));
    fact("whole count: OUT at the end", status & 0xC0);
    fact("the same at port 61", inb(PORT_61) & 0x21);
    outb(PIT2, 0x10); // a new first byte: OUT stays? It falls with the whole count at the latest
    outb(PIT2, 0x40);
    outb(PIT_CONTROL, 0xE8);
    fact("new count: OUT", inb(PIT2) & 0x80);
}

static void timer_counts(void)
{
    unsigned odd = 0, above = 0, moved = 0;
    outb(PIT_CONTROL, 0xB6); // channel 2, mode 3: counts down by two
    outb(PIT2, 0x00);
    outb(PIT2, 0x20);
    while (!(inb(PORT_61) & 0x20) || latch(2) > 0x2000)
        ;
    uint32_t last = latch(2), ups = 0;
    for (unsigned i = 0; i < 2000; i++) {
        uint32_t now = latch(2);
        odd += now & 1;
        above += now > 0x2000;
        moved += now != last;
        ups += now > last;
        last = now;
    }
    fact2("mode 3: odd counts, too large ones", odd, above);
    fact("  it moved", moved > 0);
    outb(PIT_CONTROL, 0xB5); // mode 2, BCD
    outb(PIT2, 0x00);
    outb(PIT2, 0x10);
    unsigned bad = 0;
    while (latch(2) > 0x1000)
        ;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t now = latch(2);
        for (unsigned digit = 0; digit < 16; digit += 4)
            bad += (now >> digit & 15) > 9;
        bad += now > 0x1000;
    }
    fact("BCD: bad digits", bad);
    outb(PIT_CONTROL, 0xB4); // mode 2, latched twice: the first one counts
    outb(PIT2, 0);
    outb(PIT2, 0);
    while (latch(2) < 0x8000) // until it counts
        ;
    outb(PIT_CONTROL, 0x80);
    for (unsigned i = 0; i < 50; i++)
        (void)inb(PORT_61);
    outb(PIT_CONTROL, 0x80);
    uint32_t first = inb(PIT2);
    first |= (uint32_t)inb(PIT2) << 8;
    uint32_t second = latch(2);
    fact("a latch holds", first != second);
    outb(PIT_CONTROL, 0xC8); // both: status first, then the count
    uint8_t status = inb(PIT2);
    uint32_t count = inb(PIT2);
    count |= (uint32_t)inb(PIT2) << 8;
    fact2("read back: status, count not above", status & 0x7F, count <= second || second < 0x100);
}

// Ten periods of channel 0 against channel 2, which runs freely.
static void timer_rates(void)
{
    outb(PIC_DATA, 0xFF);
    outb(PIT_CONTROL, 0xB4);
    outb(PIT2, 0);
    outb(PIT2, 0);
    pit_start();
    pit_wait_periods(1);
    uint32_t start = latch(2);
    pit_wait_periods(10);
    uint32_t took = (start - latch(2)) & 0xFFFF;
    fact("ten periods take ten times as long", took > 11900 - 600 && took < 11930 + 600);
    outb(PIT_CONTROL, 0x36); // mode 3, the same rate
    outb(PIT0, 1194 & 0xFF);
    outb(PIT0, 1194 >> 8);
    unsigned rises = 0;
    uint8_t before = 0x80;
    start = latch(2);
    while (rises < 11) {
        outb(PIT_CONTROL, 0xE2);
        uint8_t out = inb(PIT0) & 0x80;
        if (out && !before && ++rises == 1)
            start = latch(2);
        before = out;
    }
    took = (start - latch(2)) & 0xFFFF;
    fact("and in mode 3", took > 11940 - 600 && took < 11940 + 600);
}

// The shadow of STI: no interrupt comes between it and the next instruction, whenever the timer is due. One that did would
// be lost to `sti; hlt`. Idea: wait a little longer each time, so that the edge meets every moment around the STI; and have
// the next instruction on a page that was never accessed, which is when a hypervisor is busy in between.
static uint8_t two_pages[8192] __attribute__((aligned(4096)));
static volatile uint32_t torn, arrived;
static void timer_near_sti(struct trap_frame *f)
{
    torn += f->eip == (uint32_t)&two_pages[4096];
    arrived = 1;
    pic_end_of_interrupt();
}

static void shadow_of_sti(void)
{
    static const uint8_t sti_nop_nop_ret[] = {0xFB, 0x90, 0x90, 0xC3};
    uint32_t *pte = &low_table[(uint32_t)&two_pages[4096] >> 12];
    for (unsigned i = 0; i < sizeof sti_nop_nop_ret; i++)
        two_pages[4095 + i] = sti_nop_nop_ret[i];
    trap_handlers[0x20] = timer_near_sti;
    paging_init();
    paging_on();
    outb(PIC_DATA, 0xFE);
    for (uint32_t delay = 1; delay < 60000; delay += 200) {
        uint32_t n = delay;
        arrived = 0;
        outb(PIT_CONTROL, 0x30);
        outb(PIT0, 24);
        outb(PIT0, 0);
        *pte &= ~(uint32_t)PTE_A;
        __asm__ volatile("invlpg [%0]" : : "r"(&two_pages[4096]) : "memory");
        __asm__ volatile("1: dec %0\n\tjnz 1b\n\tcall %1" : "+r"(n) : "r"(&two_pages[4095]) : "memory");
        while (!arrived)
            ;
        cli();
    }
    outb(PIC_DATA, 0xFF);
    fact("torn from its sti", torn);
}

void kmain(void)
{
    probe_init();
    priorities();
    masks();
    automatic_end();
    in_user_mode();
    timer_modes();
    timer_counts();
    timer_rates();
    shadow_of_sti();
    finish(true);
}
