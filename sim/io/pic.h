/* The 8259A pair: who may interrupt now, and with which vector.
 *
 * Idea 1: each chip is four bytes: pins latch requests (IRR), the mask hides some (IMR), the acknowledge cycle moves
 * one into service (ISR), an EOI takes it out again. A request gets through if it outranks all that is in service.
 * Idea 2: the second chip's INT output is wired to the first chip's input 2; after every change both outputs are
 * computed anew, so INTR never lags behind the state.
 *
 * Intel 8259A data sheet (231468); ELCR: 82371SB (PIIX3) data sheet 2.5.4. Ports 20-21, A0-A1, 4D0-4D1.
 * Edge mode follows the data sheet: a request is taken back when its pin falls before the acknowledge.
 * After power-on a chip has no vectors and stays silent until its ICWs are written. Not modelled: buffered mode (no
 * buffers on this board), the third INTA pulse of MCS-80/85 mode, further slaves than the one on input 2.
 * TOUR io.2: who may interrupt now. */
#ifndef IO_PIC_H
#define IO_PIC_H

#include "sim/core/bus.h"
#include "sim/trace/trace.h"

struct pic_chip {
    uint8_t pins;         /* levels of the eight inputs */
    uint8_t edges;        /* inputs that rose, did not fall since, and are not acknowledged */
    uint8_t irr, imr, isr;
    uint8_t elcr;         /* 1: level-triggered */
    uint8_t icw1, icw2, icw3, icw4;
    uint8_t expect;       /* number of the ICW the next write to the odd port is; 0: none, it is OCW1 */
    uint8_t ready;        /* the initialisation sequence is complete */
    uint8_t lowest;       /* input with the lowest priority; rotation moves it */
    uint8_t special_mask; /* OCW3: masked levels in service block nothing */
    uint8_t rotate_auto;  /* OCW2: rotate on automatic EOI */
    uint8_t read_isr;     /* OCW3: the even port reads ISR, not IRR */
    uint8_t poll;         /* OCW3: the next read is an acknowledge */
    uint8_t out;          /* the INT pin */
};

struct pic {
    struct device   device;
    struct irq_line intr;       /* the first chip's INT pin */
    struct trace   *trace;      /* told about rising inputs (EV_RAISE); NULL: silent */
    bool            is_virtual; /* only a label in those events */
    struct bus     *bus;        /* knows which ports are plain bytes for now */
    struct pic_chip chip[2];
};

/* Makes an unprogrammed pair whose INT drives `intr`. Set trace and is_virtual afterwards if wanted. */
void pic_init(struct pic *p, struct irq_line intr);
bool pic_attach(struct pic *p, struct bus *b, struct err *e);
/* The wire to input 0..15. Input 2 is the cascade; as on the AT, a device wired to 2 arrives at 9. */
struct irq_line pic_line(struct pic *p, unsigned irq);
/* The INTA cycle: returns the vector and puts the request in service. Without a request: the spurious vector (input 7
 * of the chip asked) and nothing in service on that chip. 0xFF if a chip is named to answer that does not. */
uint8_t pic_ack(struct pic *p);
bool pic_pending(const struct pic *p); /* is INTR high? */
/* Both masks, as if software had written them (OCW1); `was` gets what they were. */
void pic_mask(struct pic *p, const uint8_t mask[2], uint8_t was[2]);
void pic_follow(struct pic *p);         /* its registers were put there by somebody else: device_state.h */

#endif
