/* Two ports of the system board that belong to no chip: 92h (fast A20, fast reset) and 80h (the POST code).
 *
 * Idea: both are a latch of a few bits; what the bits of 92h do to the CPU is decided by the wires.
 * IBM PS/2 system control port A; 82371SB (PIIX3) data sheet 2.5.3 (port 92), 2.3.1.6 (80h is a spare DMA page register,
 * so it reads back). Not modelled: the other bits of port 92h (disk lamp, CMOS lock), which read zero. */
#ifndef IO_GLUE_H
#define IO_GLUE_H

#include "sim/core/bus.h"

/* Who is reset, as the number of the reset wire: only the CPU (its INIT pin), or the whole board. */
enum { RESET_CPU = 0, RESET_BOARD = 1 };

struct port92 {
    struct device   device;
    struct irq_line a20;   /* high: this port opens the gate */
    struct irq_line reset; /* a rise starts a reset */
    uint8_t         value; /* bit 0: reset, by its rising edge; bit 1: A20 */
};

struct post {
    struct device device;
    uint8_t       code; /* last value written */
};

void port92_init(struct port92 *p, struct irq_line a20, struct irq_line reset);
bool port92_attach(struct port92 *p, struct bus *b, struct err *e);
void post_init(struct post *p);
bool post_attach(struct post *p, struct bus *b, struct err *e);

#endif
