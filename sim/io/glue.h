/* Ports of the system board that belong to no chip: 92h (fast A20, fast reset), 80h (the POST code; some PS/2 models have
 * it at 190h, and so have tests made for them), F0h (the x87 unit's error).
 *
 * Idea: each is a latch of a few bits; what the bits of 92h do to the CPU is decided by the wires.
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
    uint8_t       code;    /* last value written */
    uint8_t       written; /* there was one */
    struct bus   *bus;     /* knows what is but a byte */
};

/* FERR# becomes IRQ 13 and stays it until software writes port F0h; IGNNE# then lets the unit be used until FERR# falls.
 * PIIX3 data sheet 2.5.2 (coprocessor error); SDM vol. 1 app. D.2. */
struct coprocessor {
    struct device   device;
    struct irq_line irq;   /* IRQ 13 */
    struct irq_line ignne; /* the CPU's IGNNE# pin */
    bool            ferr, ignores;
};

struct irq_line coprocessor_ferr(struct coprocessor *p); /* where the CPU's FERR# pin goes */
void coprocessor_init(struct coprocessor *p, struct irq_line irq, struct irq_line ignne);
bool coprocessor_attach(struct coprocessor *p, struct bus *b, struct err *e);

void port92_init(struct port92 *p, struct irq_line a20, struct irq_line reset);
bool port92_attach(struct port92 *p, struct bus *b, struct err *e);
void post_init(struct post *p);
void post_follow(struct post *p); /* its registers were put there by somebody else: device_state.h */
bool post_attach(struct post *p, struct bus *b, struct err *e);

#endif
