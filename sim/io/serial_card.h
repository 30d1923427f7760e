/* A card with many serial ports: one 16550 after the other, eight ports each, without an interrupt line.
 *
 * What a machine has where each of several virtual machines is to have a line of its own. Such cards were common (and many were
 * polled); this one is no particular product. */
#ifndef IO_SERIAL_CARD_H
#define IO_SERIAL_CARD_H

#include "sim/io/uart.h"

enum { SERIAL_CARD_BASE = 0xD000 };

struct serial_card {
    struct device device;
    unsigned      lines;
    struct uart  *line; /* in the arena */
};

/* Makes `lines` ports at rest, each to be given its sink, and claims their I/O ports from SERIAL_CARD_BASE on. */
bool serial_card_init(struct serial_card *c, unsigned lines, struct bus *b, struct timeq *q, struct arena *a, struct err *e);

#endif
