// A 16550 in loopback: its registers, what the line status and the interrupt identification say when, its FIFOs.
//
// Idea: what is said goes over the same port, so everything is looked at first and said at the end.
// Manual: National Semiconductor PC16550D data sheet, 8.4 to 8.6.
// Not here: modem lines that change while nobody loops (`loopback` asks whether a port is there at all).
#include "probe.h"

enum { COM = 0x3F8, IER = COM + 1, IIR = COM + 2, FCR = COM + 2, LCR = COM + 3, MCR = COM + 4, LSR = COM + 5, MSR = COM + 6, SCR = COM + 7 };

static uint8_t seen[48];
static unsigned seen_n;
static void see(uint8_t value) { seen[seen_n++] = value; }

static uint8_t status_seen; // reading LSR clears its error bits, so whoever polls it must keep them
static void loop_byte(uint8_t value)
{
    outb(COM, value);
    do
        status_seen |= inb(LSR);
    while (!(status_seen & 0x40));
    status_seen &= (uint8_t)~0x60;
}
static void see_status(void) // LSR without the transmitter's bits, all since the last time
{
    see((status_seen | inb(LSR)) & 0x9F);
    status_seen = 0;
}

static void loop_a_byte(void)
{
    outb(FCR, 0);
    outb(SCR, 0x5A);
    see(inb(SCR));
    outb(MCR, 0x10);
    see(inb(LSR));
    loop_byte(0xC3);
    see(inb(LSR));
    see(inb(COM));
    see(inb(LSR));
}

static void loop_modem_lines(void)
{
    (void)inb(MSR);
    for (unsigned i = 0; i < 4; i++) {
        outb(MCR, (uint8_t)(0x10 | 1 << i));
        see(inb(MSR) & 0xF0);
    }
    outb(MCR, 0x10);
    see(inb(MSR) & 0xF0);
    see(inb(MSR) & 0x0F);
}

// What IIR names first.
static void loop_sources(void)
{
    see(inb(IIR));
    outb(IER, 2);
    see(inb(IIR));
    see(inb(IIR));
    outb(IER, 7);
    loop_byte(0x11);
    see(inb(IIR));
    (void)inb(COM);
    see(inb(IIR));
}

static void loop_overrun(void)
{
    outb(IER, 4);
    status_seen = 0;
    loop_byte(0x22);
    loop_byte(0x33);
    see_status();
    see(inb(COM));
    loop_byte(0x44);
    outb(COM, 0x55);
    for (unsigned i = 0; i < 1000000 && (inb(IIR) & 7) != 6; i++)
        ;
    see(inb(IIR));
    (void)inb(LSR);
    see(inb(IIR));
    (void)inb(COM);
}

static void loop_fifos(void)
{
    outb(FCR, 0x47); // FIFOs on, emptied, trigger at 4
    outb(IER, 1);
    for (unsigned i = 0; i < 3; i++)
        loop_byte((uint8_t)(0x60 + i));
    see((inb(IIR) & 0xCF) == 0xC4); // nothing yet, or perhaps the time-out (CC)
    loop_byte(0x63);
    see(inb(IIR));
    see(inb(COM));
    see_status();
    for (unsigned i = 0; i < 14; i++) // 3 + 13 fill it
        loop_byte((uint8_t)(0x70 + i));
    see_status();
    see_status();
    for (unsigned i = 0; i < 15; i++)
        (void)inb(COM);
    see(inb(COM));
    loop_byte(0x99);
    outb(FCR, 0x03);
    status_seen = 0;
    see_status();
    outb(FCR, 0x01);
}

static void loop_formats(void)
{
    outb(IER, 0);
    outb(LCR, 0x00); // 5 bits
    loop_byte(0xFF);
    see(inb(COM));
    outb(LCR, 0x83);
    see(inb(COM));
    see(inb(IER));
    outb(LCR, 0x03);
    outb(FCR, 0x07);
    outb(MCR, 0x03);
}

void kmain(void)
{
    static const char *const names[] = {
        "scratch", "LSR idle", "LSR after a byte", "the byte", "LSR read empty", "MSR of DTR", "MSR of RTS", "MSR of OUT1",
        "MSR of OUT2", "MSR of none", "MSR deltas gone", "IIR none", "IIR transmitter", "IIR read clears it",
        "IIR received over transmitter", "IIR after reading it", "overrun: LSR", "overrun: the byte kept", "IIR line status",
        "IIR after reading LSR", "FIFO: data available below the trigger", "FIFO: at the trigger", "FIFO: first", "FIFO: LSR",
        "FIFO: overrun", "FIFO: LSR again", "FIFO: last kept", "FIFO: reset", "5 bits", "divisor low", "divisor high"};
    probe_init();
    while (!(inb(LSR) & 0x40)) {}
    loop_a_byte();
    loop_modem_lines();
    loop_sources();
    loop_overrun();
    loop_fifos();
    loop_formats();
    for (unsigned i = 0; i < seen_n; i++)
        fact(names[i], seen[i]);
    finish(true);
}
