/* The I/O APIC: 24 inputs, each with an entry that says which message it sends.
 *
 * Idea: a rising edge sends its message once, if the entry is not masked (else it is lost). A level sends it once, too,
 * and then sets the entry's remote IRR, which holds further ones back until the vector's EOI comes; if the input is
 * still up then, it is sent again.
 *
 * Intel 82093AA data sheet (290566). A window at FEC00000: an index at 0, the register it names at 10h. The wires of
 * inputs 0-15 (8259 INTR, ISA) are active high, those of 16-23 (PCI INTx#) active low, and an entry's polarity bit is
 * compared with the wire's level: set it as the MP or ACPI table says. An entry with delivery mode ExtINT passes its
 * input on as a level: the 8259 pair gives the vector. Not modelled: the APIC bus (messages take no time), SMI and INIT
 * entries' own timing, moving the window (the PIIX's APICBASE register). */
#ifndef IO_IOAPIC_H
#define IO_IOAPIC_H

#include "sim/io/lapic.h"

#define IOAPIC_BASE 0xFEC00000u
enum { IOAPIC_PINS = 24, IOAPIC_FIRST_PCI = 16 };

struct ioapic {
    struct device device;
    struct lapic *lapic;             /* everybody on the APIC bus */
    uint32_t      select, id;
    uint32_t      pins;              /* levels of the wires */
    uint32_t      entry[IOAPIC_PINS][2];
};

void ioapic_init(struct ioapic *a, struct lapic *lapic);
bool ioapic_attach(struct ioapic *a, struct bus *b, struct err *e);
/* Something behind an input asks for an interrupt, or no longer does. The wire's level follows from its polarity. */
void ioapic_pin(struct ioapic *a, unsigned n, bool asks);
void ioapic_eoi(struct ioapic *a, uint8_t vector);
/* Sends again what nobody took: levels that are still up. (An edge that nobody took is lost.) */
void ioapic_retry(struct ioapic *a);
bool ioapic_sends(const struct ioapic *a, enum apic_delivery delivery); /* is any unmasked entry of that kind? */

#endif
