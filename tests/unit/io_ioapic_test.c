/* The I/O APIC as a board has it: entries, edges and levels, the 8259 pair behind it, PCI's lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/apic_world.h"

static void edges(void **state)
{
    (void)state;
    out(0x21, 0xFF);
    irq(4, true);
    assert_false(pins.intr);
    entry(4, 0x54); /* an edge that came while masked is lost */
    assert_false(pins.intr);
    irq(4, false), irq(4, true);
    assert_int_equal(ack(), 0x54);
    put(EOI, 0);
    assert_false(pins.intr);
    assert_int_equal(entry_of(4), 0x54);
    entry(2, 0x52); /* the timer's line comes at input 2, line 2 nowhere */
    irq(0, false), irq(0, true);
    assert_int_equal(ack(), 0x52);
    put(EOI, 0);
    entry(6, 0x56 | LOW);
    irq(6, true);
    assert_false(pins.intr);
    irq(6, false); /* falling is rising for an input that is active low */
    assert_int_equal(ack(), 0x56);
    put(EOI, 0);
    entry(7, 0x57 | NMI), irq(7, true);
    assert_int_equal(pins.nmi, 1);
    assert_true(devices_nmi_possible(&set));
    entry(7, 0x57 | NMI | MASKED);
    assert_false(devices_nmi_possible(&set));
    io_put(0x10 + 2 * 8 + 1, 0x05000000); /* nobody is number 5 */
    entry(8, 0x58), irq(8, true);
    assert_false(pins.intr);
}

static void levels(void **state)
{
    (void)state;
    out(0x21, 0xFF);
    entry(9, 0x59 | LEVEL);
    irq(9, true);
    assert_int_equal(entry_of(9), 0x59 | LEVEL | 0x4000);
    assert_int_equal(ack(), 0x59);
    assert_int_equal(get(TMR + 0x20), 1 << 0x19);
    put(EOI, 0);
    assert_true(pins.intr); /* the device still asks */
    assert_int_equal(ack(), 0x59);
    irq(9, false);
    put(EOI, 0);
    assert_false(pins.intr);
    assert_int_equal(entry_of(9), 0x59 | LEVEL);
    irq(9, true), ack(), entry(9, 0x59 | LEVEL | MASKED), put(EOI, 0);
    assert_false(pins.intr);
    entry(9, 0x59 | LEVEL); /* a level outlasts its mask */
    assert_true(pins.intr);
    ack();
    entry(9, 0x59 | MASKED), entry(9, 0x59 | LEVEL); /* an edge in between clears remote IRR: asked for again */
    put(EOI, 0);
    assert_true(pins.intr);
    ack(), irq(9, false), put(EOI, 0);
    entry(16, 0x70 | LEVEL | LOW); /* a PCI wire rests high */
    assert_false(pins.intr);
    ioapic_pin(&set.ioapic, 16, true);
    assert_int_equal(ack(), 0x70);
    ioapic_pin(&set.ioapic, 16, false);
    put(EOI, 0);
    assert_false(pins.intr);
    entry(17, 0x71 | LEVEL);
    assert_true(pins.intr); /* taken for active high it asks for ever */
}

/* A level that the local APIC refuses is sent again when it listens. */
static void refused_levels(void **state)
{
    (void)state;
    out(0x21, 0xFF);
    put(SVR, 0xFF);
    entry(9, 0x59 | LEVEL);
    irq(9, true);
    assert_false(pins.intr);
    assert_int_equal(entry_of(9), 0x59 | LEVEL);
    put(SVR, 0x1FF);
    assert_int_equal(ack(), 0x59);
    irq(9, false), put(EOI, 0);
    io_put(0x10 + 2 * 10 + 1, 0x04000000);
    entry(10, 0x5A | LEVEL | 0x800);
    irq(10, true);
    assert_false(pins.intr);
    put(LDR, 0x0C000000);
    assert_int_equal(ack(), 0x5A);
}

/* Input 0 is the 8259 pair's output, for systems that route ExtINT through the I/O APIC. */
static void extint_through(void **state)
{
    (void)state;
    put(LINT0, EXTINT | MASKED);
    entry(0, EXTINT);
    assert_false(pins.intr);
    irq(5, true);
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x25);
    assert_false(pins.intr);
    out(0x20, 0x20), irq(5, false);
    entry(0, EXTINT | MASKED);
    irq(5, true);
    assert_false(pins.intr);
    entry(0, EXTINT);
    assert_true(pins.intr);
}

/* INTA-D of the slots to PIRQs, those to inputs 16-19 and through the ISA bridge's router. */
static void pci_interrupts(void **state)
{
    (void)state;
    struct irq_line a2 = devices_pci_irq(&set, 2, 0), c4 = devices_pci_irq(&set, 4, 2), d3 = devices_pci_irq(&set, 3, 3);
    entry(17, 0x70 | LEVEL | LOW);
    irq_set(&a2, true); /* PIRQB */
    assert_int_equal(ack(), 0x70);
    irq_set(&c4, true); /* PIRQB, too */
    irq_set(&a2, false);
    put(EOI, 0);
    assert_true(pins.intr);
    ack(), irq_set(&c4, false), put(EOI, 0);
    assert_false(pins.intr);
    entry(17, MASKED);
    out(0xA1, 0), out(0x21, 0), out(0x4D1, 0x0C);
    irq_set(&d3, true); /* PIRQB */
    assert_false(pins.intr); /* routed nowhere */
    bus_out(&bus, 0xCF8, 4, 0x80000860);
    bus_out(&bus, 0xCFD, 1, 11);
    assert_int_equal(ack(), 0x2B);
    out(0xA0, 0x20), out(0x20, 0x20);
    assert_true(pins.intr); /* by level */
    bus_out(&bus, 0xCFD, 1, 0x8B);
    assert_false(pins.intr);
    static const uint8_t refused[] = { 0, 1, 2, 8, 13 };
    for (unsigned i = 0; i < sizeof refused; i++) {
        bus_out(&bus, 0xCFD, 1, refused[i]);
        assert_int_equal(pci_pirq_route(&set.pci, 1), -1);
    }
    bus_out(&bus, 0xCFC, 4, 0x0A0A0A0A);
    irq_set(&a2, true);
    irq_set(&d3, false);
    assert_int_equal(ack(), 0x2A);
    irq_set(&a2, false);
    out(0xA0, 0x20), out(0x20, 0x20);
    assert_false(pins.intr);
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { T(edges), T(levels), T(refused_levels), T(extint_through), T(pci_interrupts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
