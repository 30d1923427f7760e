/* The local APIC's timer, in its own time: pulses of the processor's bus, divided.
 *
 * Idea: nothing counts. What is kept is the pulse at which the present period began; the current count and the next
 * expiry are arithmetic on it, exact for ever, as for every clock of the board (clock_pulses).
 *
 * SDM vol. 3A 10.5.4. The bus runs at 200 MHz (that of the Pentium 4 with an 800 MT/s bus) whatever the CPU model.
 * A new divider acts at once and keeps the current count. Not modelled: TSC-deadline mode (later processors). */
#ifndef IO_APIC_TIMER_H
#define IO_APIC_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/clock.h"

enum { APIC_TIMER_HZ = 200000000 };

struct apic_timer {
    struct timeq *q;
    struct timer  node;
    void        (*expire)(void *self);
    void         *self;
    uint64_t      from;     /* bus pulse at which the present period began */
    uint32_t      initial;  /* count it began with; 0: stopped */
    uint8_t       shift;    /* the divider is 1 << shift, 0..7 */
    bool          periodic;
    bool          running;
};

/* A stopped timer that divides by two. `expire` is called at each expiry. */
void     apic_timer_init(struct apic_timer *t, struct timeq *q, void (*expire)(void *self), void *self);
void     apic_timer_reset(struct apic_timer *t);
void     apic_timer_start(struct apic_timer *t, uint32_t initial);   /* 0 stops it */
void     apic_timer_divide(struct apic_timer *t, uint8_t shift);
void     apic_timer_mode(struct apic_timer *t, bool periodic);
uint32_t apic_timer_count(const struct apic_timer *t);               /* the current count; no effect */

#endif
