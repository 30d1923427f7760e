/* The local APIC of the one processor: which vector comes next, and the timer beside it.
 *
 * Idea 1: three sets of 256 bits: IRR (accepted), ISR (handed to the CPU), TMR (which of them are levels). The pin to the
 * CPU is high while the highest bit of IRR is of a higher class (vector / 16) than TPR and all of ISR; the acknowledge
 * moves it to ISR, EOI takes the highest out of ISR again. The pin is computed anew after every change.
 * Idea 2: whatever arrives is a message: from the I/O APIC, from the ICR (the processor to itself), from an entry of the
 * local vector table. NMI, INIT and ExtINT go past the three sets: to pins of their own, and to the 8259 pair, whose INTR
 * is wired to LINT0 and which gives the vector then ("virtual wire").
 *
 * SDM vol. 3A ch. 10; the register set of the Pentium 4 (version 14h, 6 entries, xAPIC with 8-bit destinations, no
 * x2APIC). One 4 KB window at the address in IA32_APIC_BASE, 32-bit registers 16 bytes apart: narrower reads give their
 * bytes, narrower writes do nothing. With APIC_BASE.E clear the window is gone and LINT0 and LINT1 are the CPU's INTR and
 * NMI. Not modelled: SMI (there is no SMM), start-up messages and any other processor (messages to those reach nobody),
 * arbitration (nobody competes), LINT polarity (the wires of this board are active high), what would raise the thermal and
 * performance entries (nothing does). */
#ifndef IO_LAPIC_H
#define IO_LAPIC_H

#include "sim/core/bus.h"
#include "sim/io/apic_timer.h"

#define LAPIC_BASE 0xFEE00000u
enum { LAPIC_SIZE = 0x1000 };
enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_COUNTER, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum apic_delivery { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_RESERVED, APIC_NMI, APIC_INIT, APIC_STARTUP, APIC_EXTINT };

/* One message on the APIC bus. */
struct apic_message {
    uint8_t dest, vector, delivery; /* enum apic_delivery */
    bool    logical, level;         /* destination mode; trigger mode */
};

/* What the chip is wired to. */
struct lapic_wiring {
    struct irq_line intr;                         /* the CPU's interrupt pin, a level */
    struct irq_line nmi, init;                    /* pulsed high */
    uint8_t (*intack)(void *self);                /* an INTA cycle to the 8259 pair: its vector */
    void    (*eoi)(void *self, uint8_t vector);   /* a level-triggered vector was ended: told to the I/O APIC */
    void    (*listens)(void *self);               /* what was refused may be sent again: enabled, or another address */
    void     *self;
};

struct lapic {
    struct device       device;
    struct bus         *bus;
    struct lapic_wiring w;
    struct apic_timer   timer;
    uint32_t base;               /* of IA32_APIC_BASE: where the window is */
    bool     enabled;            /* and E */
    uint8_t  pins;               /* levels of LINT0 and LINT1 */
    bool     extint;             /* the I/O APIC asks for an INTA cycle */
    bool     out;                /* the pin to the CPU */
    uint32_t id, tpr, ldr, dfr, svr, icr[2], divide;
    uint32_t esr, errors;        /* as latched by the last write; gathered since */
    uint32_t lvt[LVT_COUNT];
    uint32_t irr[8], isr[8], tmr[8];
};

void lapic_init(struct lapic *l, struct timeq *q, const struct lapic_wiring *w);
bool lapic_attach(struct lapic *l, struct bus *b, struct err *e);
/* IA32_APIC_BASE was written: where the window is (a multiple of 4096), and whether there is one. Disabling resets it. */
void lapic_place(struct lapic *l, uint32_t base, bool enabled);
/* The registers are those of another machine's APIC: so is the window. */
void lapic_follow(struct lapic *l);
/* What firmware leaves for software that knows only the 8259 pair: LINT0 is ExtINT, LINT1 is NMI. MP specification 3.6.2.2. */
void lapic_virtual_wire(struct lapic *l);
/* A wire to LINT0 or LINT1. */
struct irq_line lapic_line(struct lapic *l, unsigned n);
/* A message from the I/O APIC. False if nobody took it. */
bool lapic_message(struct lapic *l, const struct apic_message *m);
bool lapic_is_addressed(const struct lapic *l, const struct apic_message *m);
/* What the task priority must be below for the highest request to get through; 0: there is none that could. */
uint32_t lapic_threshold(const struct lapic *l);
void lapic_extint(struct lapic *l, bool level);
/* The CPU takes an interrupt: returns the vector, and puts it in service. The spurious one if the request has gone. */
uint8_t lapic_ack(struct lapic *l);

#endif
