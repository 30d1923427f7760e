/* The two 8237A DMA controllers and their page registers, as software that sets them up or tests them sees them.
 *
 * Idea: sixteen-bit registers behind byte-wide ports, low byte first: one flip-flop per chip says which byte is next, and any
 * write to port 0Ch (D8h) puts it back to the low one. A channel has a base and a current address and count; writing
 * sets both, reading gives the current ones.
 *
 * Intel 8237A data sheet (231466); 82371SB (PIIX3) 2.3.1. Ports 00-0F (channels 0-3), C0-DF (channels 4-7, every other
 * port), 81-8F (page registers; those that no channel has are spare bytes; 80 is glue.h's). Nothing on this board asks for
 * a transfer (there is no floppy, no sound), so none ever runs: the current registers stay what was written. Not modelled:
 * memory-to-memory transfers. */
#ifndef IO_DMA_H
#define IO_DMA_H

#include "sim/core/bus.h"

struct dma_channel {
    uint16_t base[2], now[2]; /* [0] address, [1] count */
    uint8_t  mode;
};

struct dma_chip {
    struct dma_channel channel[4];
    uint8_t command, mask, request, high; /* high: the flip-flop, 1: the next byte is the high one */
};

struct dma {
    struct device   device;
    struct dma_chip chip[2];
    uint8_t         page[16]; /* ports 80-8F */
};

void dma_init(struct dma *d);
bool dma_attach(struct dma *d, struct bus *b, struct err *e);

#endif
