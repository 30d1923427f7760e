/* The 8254 interval timer and port 61h around it.
 *
 * Idea 1: CLK is a crystal of its own, 1193182 Hz, and its pulse k comes at machine cycle ceil(k * hz / 1193182).
 * Both ways are exact integer arithmetic from cycle 0, so the timer never drifts against the CPU.
 * Idea 2: nothing ticks. Counters are brought up to date when somebody looks; only OUT0, the IRQ0 wire, has a timer,
 * armed for its next edge. counter.h has the modes.
 *
 * Intel 8254 data sheet (231164); ports 40-43, 61h: IBM AT technical reference, system board. Gates 0 and 1 are tied
 * high, gate 2 is bit 0 of port 61h. Bit 4 of port 61h toggles with every refresh request, 18 CLK pulses apart as
 * the firmware would have set counter 1. Not modelled: the speaker's sound, parity and channel check. */
#ifndef IO_PIT_H
#define IO_PIT_H

#include "sim/core/bus.h"
#include "sim/io/counter.h"

#define PIT_HZ 1193182u

struct pit {
    struct device   device;
    struct timeq   *q;
    struct irq_line irq0;
    struct timer    timer;      /* armed for the next event of counter 0 */
    uint8_t         line;       /* level last driven onto irq0 */
    uint8_t         port61;     /* bits 0-3 as written: gate 2, speaker, two enables without effect */
    struct counter  counter[3];
};

/* Makes an unprogrammed timer: OUT0 (and irq0) high and still, gate 2 low. `q->clock->hz` must be set. */
void pit_init(struct pit *p, struct timeq *q, struct irq_line irq0);
bool pit_attach(struct pit *p, struct bus *b, struct err *e);
/* Machine cycle of the next rising edge of OUT0, TIMEQ_NEVER if none will come by itself. It may lie in the past if
 * the queue has not been run since. */
uint64_t pit_next_edge(const struct pit *p);

#endif
