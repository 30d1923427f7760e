// vm: the process of a virtual machine: its devices, around a call that runs its processor.
//
// Idea: the module runs the guest and serves what it can; a port of one of the devices below makes the call return, and so does a guest
// that waits. The devices are a 16550 whose line is this process's output, the debug console and the debug exit.
// Manual: National Semiconductor PC16550D (registers, interrupts).
// Not here: input, the modem's lines, a FIFO (a character is gone when it is written), other devices.
#include "mini/user/user.h"
#include "mini/run.h"

enum { COM1 = 0x3F8, CONSOLE = 0xE9, EXIT = 0xF4, IRQ_COM1 = 4 };
enum { DATA, ENABLE, IDENTIFY, LINE, MODEM, STATUS, MODEM_STATUS, SCRATCH, REGISTERS }; // of the 16550
enum { EMPTY_INTERRUPT = 2 /* in ENABLE and IDENTIFY */, NO_INTERRUPT = 1, DIVISOR = 0x80 /* in LINE */, OUT2 = 8 /* in MODEM */, LOOP = 16 };
enum { EMPTY = 0x60 /* STATUS: holding and shift register */, READY = 0xB0 /* MODEM_STATUS: carrier, DSR, CTS */ };

static uint8_t reg[REGISTERS], divisor[2];
static bool empty_pending; // the holding register has become empty since IDENTIFY told so
static char text[128];
static uint32_t used;

static void flush(void)
{
    if (used) write(1, text, used);
    used = 0;
}

static void put(char c)
{
    text[used++] = c;
    if (c == '\n' || used == sizeof text) flush();
}

static bool interrupts(void) { return empty_pending && (reg[ENABLE] & EMPTY_INTERRUPT) && (reg[MODEM] & OUT2); }

static uint32_t uart_read(uint32_t r)
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

static void uart_write(uint32_t r, uint8_t value)
{
    if (r < 2 && (reg[LINE] & DIVISOR)) {
        divisor[r] = value;
        return;
    }
    if (r == DATA) {
        if (!(reg[MODEM] & LOOP)) put((char)value);
        empty_pending = true;
    } else if (r == ENABLE) {
        if (value & ~reg[ENABLE] & EMPTY_INTERRUPT) empty_pending = true;
        reg[r] = value & 15;
    } else if (r != IDENTIFY && r != STATUS && r != MODEM_STATUS) {
        reg[r] = value; // IDENTIFY is the FIFO's control in this direction
    }
}

static uint32_t port_read(uint32_t port)
{
    if (port == CONSOLE) return CONSOLE; // as Bochs' says that it is there
    return port - COM1 < REGISTERS ? uart_read(port - COM1) : 0xFF;
}

static void port_write(uint32_t port, uint32_t value)
{
    if (port - COM1 < REGISTERS) uart_write(port - COM1, (uint8_t)value);
    if (port == CONSOLE) put((char)value);
    if (port != EXIT) return;
    flush();
    halt((int)(value & 0xFF));
}

int main(void)
{
    static struct vm_run run;
    for (;;) {
        run.lines = interrupts() ? 1u << IRQ_COM1 : 0;
        int error = syscall(SYS_RUN, &run, 0, 0);
        if (error) {
            eprintf("vm: %s\n", error == E_NOSYS ? "this kernel has no hypervisor" : error_text(error));
            return 1;
        }
        if (run.reason == RUN_HALT) {
            flush();
            sleep((run.wait + 999) / 1000);
        } else if (run.in) {
            run.value = port_read(run.port);
        } else {
            port_write(run.port, run.value);
        }
    }
}
