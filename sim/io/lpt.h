/* Two parallel ports with a printer on each: at 3BCh, where the monochrome adapter's was, and at 378h.
 *
 * Idea: a port is three latches; the printer takes the data when STROBE falls (bit 0 of the control register rises), and is
 * never busy. What it prints goes to a sink.
 * IBM PC AT technical reference, "Printer adapter"; IEEE 1284-1994 (compatibility mode). Not modelled: the interrupt (the
 * enable bit keeps what is written), the reverse direction, the time a real printer takes. */
#ifndef IO_LPT_H
#define IO_LPT_H

#include "sim/io/uart.h"

enum { LPT_UNITS = 2 };

struct lpt_unit { uint8_t data, control; };

struct lpt {
    struct device      device;
    struct serial_sink sink;
    struct lpt_unit    unit[LPT_UNITS];
};

void lpt_init(struct lpt *l, struct serial_sink sink);
bool lpt_attach(struct lpt *l, struct bus *b, struct err *e);

#endif
