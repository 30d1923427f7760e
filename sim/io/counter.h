/* One counter of an 8254, in its own time: CLK pulses.
 *
 * Idea 1: a counter is a count register (CR, written by software), a counting element (CE) and an OUT pin; a mode says
 * when CE is loaded from CR and what OUT does as CE runs down.
 * Idea 2: between two events (CE is loaded, OUT moves) nothing happens but counting, so time is skipped up to the
 * next event by arithmetic; only the pulse on which something happens is executed. counter.c says it pulse by pulse.
 *
 * Intel 8254 data sheet (231164), "Mode definitions". The gate acts at once rather than at CLK's rising edge.
 * A count of 1, illegal in modes 2 and 3, leaves OUT high. */
#ifndef IO_COUNTER_H
#define IO_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTER_NEVER UINT64_MAX

struct counter {
    uint64_t at;       /* CLK pulse up to which everything below holds */
    uint32_t cr;       /* count register, as a number; 0 stands for 65536 (BCD: 10000) */
    uint32_t ce;       /* counting element, as a number */
    uint32_t loaded;   /* what CE was last loaded with */
    uint8_t  control;  /* RW1 RW0 M2 M1 M0 BCD, as last written */
    uint8_t  mode;     /* 0..5 */
    uint8_t  out, gate;
    uint8_t  null;     /* null count: CR holds a count that CE has not got yet */
    uint8_t  has_count; /* CR was written since the control word */
    uint8_t  load;     /* CE is loaded on the next pulse */
    uint8_t  running;  /* CE was loaded since the control word */
    uint8_t  strobe;   /* modes 4, 5: OUT has still to pulse when CE reaches zero */
    uint8_t  low_byte; /* first byte of a two-byte count */
    uint8_t  write_high, read_high; /* the second byte of a two-byte access comes next */
    uint8_t  latched;  /* bytes of the latched count still to be read */
    uint8_t  has_status, status;
    uint16_t latch;
};

/* Power-on: unprogrammed, OUT high. */
void counter_init(struct counter *c, bool gate);
/* Lets time pass up to CLK pulse `tick`; no effect if that is in the past. All else happens at time `c->at`. */
void counter_run(struct counter *c, uint64_t tick);
/* The pulse on which CE is loaded or OUT moves next, if nobody interferes; COUNTER_NEVER if there is none. */
uint64_t counter_next(const struct counter *c);

void    counter_control(struct counter *c, uint8_t control); /* control word: mode, access, BCD */
void    counter_write(struct counter *c, uint8_t value);     /* the counter's port */
uint8_t counter_read(struct counter *c);
void    counter_latch(struct counter *c);                    /* counter latch command */
void    counter_latch_status(struct counter *c);             /* read-back command, status */
void    counter_gate(struct counter *c, bool level);

#endif
