// vm's serial port: a 16550 whose line is the virtual machine's line of the host's card.
//
// Idea: a character is gone when it is written. In loopback (bit 4 of MODEM) it is back at once, by which drivers find the port.
// Manual: National Semiconductor PC16550D (registers, interrupts; 8.6.7: loopback).
// Not here: interrupts for an overrun or the modem's lines; a FIFO (a character that was typed waits until the last one was read).
#include "mini/user/vm.h"

enum { DATA, ENABLE, IDENTIFY, LINE, MODEM, STATUS, MODEM_STATUS, SCRATCH, REGISTERS };
enum { EMPTY_INTERRUPT = 2 /* in ENABLE and IDENTIFY */, NO_INTERRUPT = 1, INPUT_ENABLE = 1, INPUT_INTERRUPT = 4 };
enum { DTR = 1, RTS = 2, OUT1 = 4, OUT2 = 8, LOOP = 16, MODEM_BITS = 31 }; // MODEM: outputs, the loop
enum { CTS = 0x10, DSR = 0x20, RING = 0x40, CARRIER = 0x80, READY = CARRIER | DSR | CTS }; // MODEM_STATUS: inputs
enum { INPUT = 1, OVERRUN = 2, EMPTY = 0x60 /* holding and shift register */ }; // STATUS
enum { WORD = 3 /* bits - 5 */, DIVISOR = 0x80 }; // LINE

static uint8_t reg[REGISTERS] = { [LINE] = WORD }, divisor[2] = { 12 };
static bool empty_pending; // the holding register has become empty since IDENTIFY told so
static bool falls;         // the holding register was filled while nobody had taken notice: the line is down for a moment
static bool has_input;
static uint8_t input;
static uint32_t overrun; // OVERRUN: one came back before the last one was read
static struct vm_text text;

// A character that was typed is taken from the host when there is room for it.
void uart_listen(void)
{
    if (!vm_typed || has_input || (reg[MODEM] & LOOP)) return;
    int c = vm_call(VM_TYPED, NULL);
    if (c < 0) return;
    has_input = true;
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
    if ((reg[MODEM] & (OUT2 | LOOP)) != OUT2) return false; // OUT2 opens the way to the 8259; in loopback its pin is inactive
    return (empty_pending && !down && (reg[ENABLE] & EMPTY_INTERRUPT)) || (has_input && (reg[ENABLE] & INPUT_ENABLE));
}

static uint32_t line_status(void)
{
    uint32_t status = EMPTY | overrun | (has_input ? INPUT : 0);
    overrun = 0;
    return status;
}

static uint32_t modem_status(void)
{
    uint32_t m = reg[MODEM];
    if (!(m & LOOP)) return READY;
    return (m & RTS ? CTS : 0) | (m & DTR ? DSR : 0) | (m & OUT1 ? RING : 0) | (m & OUT2 ? CARRIER : 0);
}

uint32_t uart_read(uint32_t r)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) return divisor[r];
    switch (r) {
    case DATA:
        has_input = false;
        return input;
    case IDENTIFY:
        if (has_input && (reg[ENABLE] & INPUT_ENABLE)) return INPUT_INTERRUPT;
        if (!(reg[ENABLE] & EMPTY_INTERRUPT) || !empty_pending) return NO_INTERRUPT;
        empty_pending = false;
        return EMPTY_INTERRUPT;
    case STATUS: return line_status();
    case MODEM_STATUS: return modem_status();
    default: return reg[r];
    }
}

static void send(uint8_t value)
{
    value &= 0xFF >> (3 - (reg[LINE] & WORD)); // what is on the wire
    if (reg[MODEM] & LOOP) {
        if (has_input) overrun = OVERRUN;
        has_input = true;
        input = value;
    } else uart_put((char)value);
    falls = vm_typed && empty_pending; // input is identified first, so that may well be
    empty_pending = true;
}

void uart_write(uint32_t r, uint8_t value)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) {
        divisor[r] = value;
        return;
    }
    if (r == DATA) send(value);
    else if (r == ENABLE) {
        if (value & ~reg[ENABLE] & EMPTY_INTERRUPT) empty_pending = true;
        reg[r] = value & 15;
    } else if (r != IDENTIFY && r != STATUS && r != MODEM_STATUS) {
        reg[r] = r == MODEM ? value & MODEM_BITS : value; // IDENTIFY is the FIFO's control in this direction
    }
}
