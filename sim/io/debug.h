/* Two ports no PC has, for guests in a test bench: F4 ends the run with a verdict, E9 prints a character.
 *
 * Idea: both are plain devices; what ending and printing mean is decided by whoever wires them. Conventions: port F4
 * is QEMU's isa-debug-exit (here value 0 is success, all else failure), port E9 is Bochs's console, which reads E9;
 * port 402 is where SeaBIOS and Bochs' BIOS write their log: the same console. */
#ifndef IO_DEBUG_H
#define IO_DEBUG_H

#include "sim/io/uart.h"

struct debug_exit {
    struct device device;
    void   (*stop)(void *self, uint32_t value); /* may return: the CPU stops at its next boundary */
    void    *self;
    uint32_t value;   /* last value written */
    uint8_t  written; /* was there one? */
};

struct debug_console {
    struct device      device;
    struct serial_sink sink;
    uint8_t            last; /* last character written */
};

void debug_exit_init(struct debug_exit *d, void (*stop)(void *self, uint32_t value), void *self);
bool debug_exit_attach(struct debug_exit *d, struct bus *b, struct err *e); /* ports F4-F7; F4 alone counts */
void debug_console_init(struct debug_console *d, struct serial_sink sink);
bool debug_console_attach(struct debug_console *d, struct bus *b, struct err *e); /* ports E9, 402 */

#endif
