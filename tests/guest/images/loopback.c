// COM1's loopback, by which drivers find out whether a port is there: the modem's outputs as its inputs, and characters that come back.
//
// Idea: everything is looked at first and said afterwards, because what is said goes over the same port. No wait is for ever.
// Manual: National Semiconductor PC16550D, 8.6.7 (bit 4 of the modem control register) and 8.6.4 (line status).
// Not here: FIFOs; what changed at the modem's lines.
#include "probe.h"

enum { COM1 = 0x3F8, DATA = COM1, ENABLE, IDENTIFY, LINE, MODEM, STATUS, MODEM_STATUS };
enum { RECEIVED = 1, SENT = 0x40, OUT2 = 8, LOOP = 16, INPUT_ENABLE = 1, PATIENCE = 5000 };

static uint32_t wait_status(uint8_t bit)
{
    for (uint32_t i = 0; i < PATIENCE; i++)
        if (inb(STATUS) & bit) return 1;
    return 0;
}

static uint32_t back(uint8_t value)
{
    outb(DATA, value);
    if (!wait_status(RECEIVED)) return 0xDEAD;
    return inb(DATA);
}

static uint32_t asks(void) // does IRQ 4 wait at the 8259?
{
    outb(0x20, 0x0A);
    return inb(0x20) >> 4 & 1;
}

void kmain(void)
{
    uint32_t pins[16];
    probe_init();
    pic_init();
    wait_status(SENT);
    outb(IDENTIFY, 0); // no FIFOs
    for (uint8_t outputs = 0; outputs < 16; outputs++) {
        outb(MODEM, LOOP | outputs);
        pins[outputs] = inb(MODEM_STATUS) & 0xF0;
    }
    uint32_t first = back(0x5A), second = back(0xA5);
    outb(LINE, 0);
    uint32_t narrow = back(0xFF); // five bits
    outb(LINE, 3);
    outb(DATA, 1);
    wait_status(SENT);
    outb(DATA, 2);
    for (uint32_t i = 0; i < 200; i++) inb(0x80); // until it is there; a look at the status would take the overrun away
    uint32_t overrun = inb(STATUS), then = inb(STATUS), kept = inb(DATA), after = inb(STATUS);
    outb(ENABLE, INPUT_ENABLE);
    outb(DATA, 3);
    wait_status(RECEIVED);
    uint32_t identified = inb(IDENTIFY) & 15;
    outb(MODEM, LOOP | OUT2);
    uint32_t shut = asks();
    outb(MODEM, OUT2);
    uint32_t open = asks();
    outb(ENABLE, 0);
    uint32_t last = inb(DATA), cable = inb(MODEM_STATUS) & 0xF0;
    for (uint32_t outputs = 0; outputs < 16; outputs++) fact2("outputs, inputs", outputs, pins[outputs]);
    fact2("came back", first, second);
    fact("of five bits", narrow);
    fact2("overrun, and when that was read", overrun, then);
    fact2("kept, status after it", kept, after);
    fact("identified", identified);
    fact2("asks in loopback, behind it", shut, open);
    fact2("the last one, the cable", last, cable);
    done(0);
}
