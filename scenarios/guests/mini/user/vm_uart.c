// vm's serial port: a 16550 whose line is the virtual machine's line of the host's card.
//
// Manual: National Semiconductor PC16550D (registers, interrupts).
// Not here: input, the modem's lines, a FIFO (a character is gone when it is written).
#include "mini/user/vm.h"

enum { DATA, ENABLE, IDENTIFY, LINE, MODEM, STATUS, MODEM_STATUS, SCRATCH, REGISTERS };
enum { EMPTY_INTERRUPT = 2 /* in ENABLE and IDENTIFY */, NO_INTERRUPT = 1, DIVISOR = 0x80 /* in LINE */, OUT2 = 8 /* in MODEM */, LOOP = 16 };
enum { EMPTY = 0x60 /* STATUS: holding and shift register */, READY = 0xB0 /* MODEM_STATUS: carrier, DSR, CTS */ };

static uint8_t reg[REGISTERS], divisor[2];
static bool empty_pending; // the holding register has become empty since IDENTIFY told so
static struct vm_text text;

void uart_flush(void)
{
    if (text.size) vm_call(VM_LINE, &text);
    text.size = 0;
}

void uart_put(char c)
{
    text.text[text.size++] = c;
    if (c == '\n' || text.size == sizeof text.text) uart_flush();
}

bool uart_interrupts(void) { return empty_pending && (reg[ENABLE] & EMPTY_INTERRUPT) && (reg[MODEM] & OUT2); }

uint32_t uart_read(uint32_t r)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) return divisor[r];
    switch (r) {
    case DATA: return 0;
    case IDENTIFY:
        if (!(reg[ENABLE] & EMPTY_INTERRUPT) || !empty_pending) return NO_INTERRUPT;
        empty_pending = false;
        return EMPTY_INTERRUPT;
    case STATUS: return EMPTY;
    case MODEM_STATUS: return reg[MODEM] & LOOP ? (uint32_t)(reg[MODEM] << 4 & 0xF0) : READY;
    default: return reg[r];
    }
}

void uart_write(uint32_t r, uint8_t value)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) {
        divisor[r] = value;
        return;
    }
    if (r == DATA) {
        if (!(reg[MODEM] & LOOP)) uart_put((char)value);
        empty_pending = true;
    } else if (r == ENABLE) {
        if (value & ~reg[ENABLE] & EMPTY_INTERRUPT) empty_pending = true;
        reg[r] = value & 15;
    } else if (r != IDENTIFY && r != STATUS && r != MODEM_STATUS) {
        reg[r] = value; // IDENTIFY is the FIFO's control in this direction
    }
}
