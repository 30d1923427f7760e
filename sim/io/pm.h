/* ACPI fixed hardware as the PIIX4 has it: PM timer, sleep control, system control interrupt.
 *
 * Idea: the timer counts 3579545 Hz in 24 bits, exact arithmetic on the cycle counter; whenever its top bit changes it
 * sets a status bit. Status AND enable, if SCI_EN allows, is the level of IRQ9. Writing SLP_EN with sleep type 0 turns
 * the power off ("soft off", S5).
 *
 * Intel 82371AB (PIIX4) data sheet 7.1-7.2; ACPI 1.0b 4.7. 64 ports where the PCI function's base register points,
 * if its register 80h decodes them: B000 from power-on. Not modelled: sleep types other than soft off (written, kept,
 * nothing sleeps), the power button (nobody presses it), general purpose events and SMIs: those ports read zero. */
#ifndef IO_PM_H
#define IO_PM_H

#include "sim/core/bus.h"
#include "sim/core/clock.h"

enum { PM_BASE = 0xB000, PM_HZ = 3579545 };

struct pm {
    struct device   device;
    struct timeq   *q;
    struct bus     *bus;
    struct irq_line sci;
    struct irq_line off;     /* raised to turn the power off */
    struct timer    timer;   /* armed for the timer's top bit, if that interrupts */
    uint64_t        turns;   /* changes of the top bit that the status has seen */
    uint16_t        base;    /* of the ports; 0: nobody decodes them */
    uint16_t        status, enable, control;
};

void pm_init(struct pm *p, struct timeq *q, struct irq_line sci, struct irq_line off);
/* Listens to the function's configuration (struct pci_listener): its ports move. */
void pm_configured(void *pm, const uint8_t *config);
/* What firmware does when software asks for ACPI: SCI_EN is set. */
void pm_acpi_mode(struct pm *p);
bool pm_attach(struct pm *p, struct bus *b, struct err *e);

#endif
