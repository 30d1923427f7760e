// vm's serial port: a 16550 whose line is the virtual machine's line of the host's card.
//
// Manual: National Semiconductor PC16550D (registers, interrupts).
// Not here: the modem's lines, a FIFO (a character is gone when it is written, and one that came waits until the last one was read).
#include "mini/user/vm.h"

enum { DATA, ENABLE, IDENTIFY, LINE, MODEM, STATUS, MODEM_STATUS, SCRATCH, REGISTERS };
enum { EMPTY_INTERRUPT = 2 /* in ENABLE and IDENTIFY */, NO_INTERRUPT = 1, INPUT_ENABLE = 1, INPUT_INTERRUPT = 4, INPUT = 1 /* in STATUS */, DIVISOR = 0x80 /* in LINE */, OUT2 = 8 /* in MODEM */, LOOP = 16 };
enum { EMPTY = 0x60 /* STATUS: holding and shift register */, READY = 0xB0 /* MODEM_STATUS: carrier, DSR, CTS */ };

static uint8_t reg[REGISTERS], divisor[2];
static bool empty_pending; // the holding register has become empty since IDENTIFY told so
static bool falls;         // the holding register was filled while nobody had taken notice: the line is down for a moment
static bool has_input;
static uint8_t input;
static struct vm_text text;

// A character that was typed is taken from the host when there is room for it.
void uart_listen(void)
{
    if (!vm_typed || has_input) return;
    int c = vm_call(VM_TYPED, NULL);
    has_input = c >= 0;
    input = (uint8_t)c;
}

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

bool uart_interrupts(void)
{
    bool down = falls;
    falls = false;
    return ((empty_pending && !down && (reg[ENABLE] & EMPTY_INTERRUPT)) || (has_input && (reg[ENABLE] & INPUT_ENABLE))) && (reg[MODEM] & OUT2);
}

uint32_t uart_read(uint32_t r)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) return divisor[r];
    switch (r) {
    case DATA:
        if (!has_input) return 0;
        has_input = false;
        return input;
    case IDENTIFY:
        if (has_input && (reg[ENABLE] & INPUT_ENABLE)) return INPUT_INTERRUPT;
        if (!(reg[ENABLE] & EMPTY_INTERRUPT) || !empty_pending) return NO_INTERRUPT;
        empty_pending = false;
        return EMPTY_INTERRUPT;
    case STATUS: return EMPTY | (has_input ? INPUT : 0);
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
        falls = vm_typed && empty_pending; // input is identified first, so that may well be
        empty_pending = true;
    } else if (r == ENABLE) {
        if (value & ~reg[ENABLE] & EMPTY_INTERRUPT) empty_pending = true;
        reg[r] = value & 15;
    } else if (r != IDENTIFY && r != STATUS && r != MODEM_STATUS) {
        reg[r] = value; // IDENTIFY is the FIFO's control in this direction
    }
}
