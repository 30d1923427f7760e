/* The board's devices as one set: who is there, at which interrupt input.
 *
 * Idea: the real board and every virtual one are the same set, wired differently: another bus, another queue, another
 * INTR pin. Nothing below can tell which it is. A new device: its file, and its lines in devices.c. */
#ifndef IO_DEVICES_H
#define IO_DEVICES_H

#include "sim/io/cmos.h"
#include "sim/io/debug.h"
#include "sim/io/glue.h"
#include "sim/io/kbc.h"
#include "sim/io/pci.h"
#include "sim/io/pic.h"
#include "sim/io/pit.h"
#include "sim/io/pm.h"
#include "sim/io/uart.h"
#include "sim/io/vga.h"

enum { IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_UART = 4, IRQ_RTC = 8, IRQ_SCI = 9, IRQ_MOUSE = 12, IRQ_FERR = 13 /* the x87 unit's FERR# */ };
enum { DEVICE_COUNT = 12 };
#define DEVICES_CHAR_CYCLES 2000 /* the default for uart.char_cycles_max, see there */

/* All that differs from board to board. What is left zero is not connected. */
struct devices_wiring {
    struct irq_line    intr;    /* the PIC's INT pin */
    struct serial_sink serial;  /* the UART's line */
    struct serial_sink console; /* the debug console */
    struct irq_line    a20;     /* the A20 gate: high, address bit 20 is let through; told when it changes */
    struct irq_line    reset;   /* pulsed; n is added to: RESET_CPU, RESET_BOARD. May return: nothing is reset in here */
    struct irq_line    off;     /* raised when software turns the power off */
    uint32_t           epoch;   /* what the clock says at cycle 0, in seconds since 1970 */
    void             (*stop)(void *self, uint32_t value); /* the debug exit */
    void              *stop_self;
    struct trace      *trace;
    bool               is_virtual; /* a label for trace events */
};

struct device_entry {
    const char    *name;
    struct device *device;
};

struct devices {
    struct pic           pic;
    struct pit           pit;
    struct uart          uart;
    struct debug_exit    exit;
    struct debug_console console;
    struct vga           vga;
    struct kbc           kbc;
    struct port92        port92;
    struct post          post;
    struct cmos          cmos;
    struct pci           pci;
    struct pm            pm;
    struct irq_line      a20;      /* out of the gate */
    uint8_t              a20_open; /* who holds it open: bit 0 the keyboard controller, bit 1 port 92h */
    struct device_entry  list[DEVICE_COUNT]; /* all of the above, in this order */
};

/* Makes the whole set, at power-on, and claims its ports on `b`. EXIT_BUG error if a port is taken. */
bool devices_init(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w, struct err *e);
void devices_reset(struct devices *d);                                  /* all back to power-on */
struct device *devices_find(const struct devices *d, const char *name); /* NULL if there is none */

#endif
