// Plain text to COM1, by polling.
//
// Idea: the transmitter says in its line status register when it can take the next byte; we wait for that. It needs no
// interrupt, so a kernel can speak before it has an IDT.
// Manual: National Semiconductor PC16550D data sheet, table II.
// Not here: receiving, flow control.
#include "lib/guest.h"

enum {
    COM1 = 0x3F8,
    DATA = COM1 + 0,             // divisor low byte while DLAB is set
    INTERRUPT_ENABLE = COM1 + 1, // divisor high byte while DLAB is set
    FIFO_CONTROL = COM1 + 2,
    LINE_CONTROL = COM1 + 3,
    MODEM_CONTROL = COM1 + 4,
    LINE_STATUS = COM1 + 5,
    DLAB = 0x80,
    EIGHT_BITS_NO_PARITY = 0x03,
    HOLDING_EMPTY = 0x20, // room for the next byte
    ALL_SENT = 0x40,      // nothing left inside the chip
};

void serial_init(void)
{
    outb(LINE_CONTROL, EIGHT_BITS_NO_PARITY);
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, EIGHT_BITS_NO_PARITY | DLAB);
    outb(DATA, 1); // 115200 baud
    outb(INTERRUPT_ENABLE, 0);
    outb(LINE_CONTROL, EIGHT_BITS_NO_PARITY);
    outb(FIFO_CONTROL, 0x07);  // FIFOs on and empty
    outb(MODEM_CONTROL, 0x03); // DTR, RTS
}

void print(const char *text)
{
    for (; *text; text++) {
        while ((inb(LINE_STATUS) & HOLDING_EMPTY) == 0)
            ;
        outb(DATA, (uint8_t)*text);
    }
}

void print_hex(uint32_t value, int digits)
{
    char text[9];
    for (int i = digits - 1; i >= 0; i--) {
        text[i] = "0123456789ABCDEF"[value & 15];
        value >>= 4;
    }
    text[digits] = 0;
    print(text);
}

void print_dec(uint32_t value)
{
    char text[11];
    char *at = &text[10];
    *at = 0;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    print(at);
}

void finish(bool success)
{
    while ((inb(LINE_STATUS) & ALL_SENT) == 0)
        ;
    done(success ? 0 : 1);
}
