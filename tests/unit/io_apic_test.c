/* The local APIC as a board has it: priorities, acknowledge and EOI, the timer, messages, virtual wire. The I/O APIC: io_ioapic_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/apic_world.h"

/* Power-on by the manual, then what firmware leaves. */
static void reset_state(void **state)
{
    (void)state;
    static const struct { uint32_t reg, manual, board; } rows[] = {
        { ID, 0, 0 }, { VERSION, 0x50014, 0x50014 }, { TPR, 0, 0 }, { PPR, 0, 0 }, { LDR, 0, 0 }, { DFR, 0xFFFFFFFF, 0xFFFFFFFF },
        { SVR, 0xFF, 0x1FF }, { ISR, 0, 0 }, { TMR + 0x70, 0, 0 }, { IRR, 0, 0 }, { ESR, 0, 0 }, { ICR, 0, 0 }, { ICR_HIGH, 0, 0 },
        { TIMER, MASKED, MASKED }, { 0x330, MASKED, MASKED }, { 0x340, MASKED, MASKED }, { LINT0, MASKED, EXTINT }, { LINT1, MASKED, NMI },
        { ERROR, MASKED, MASKED }, { INITIAL, 0, 0 }, { COUNT, 0, 0 }, { DIVIDE, 0, 0 } };
    put(TPR, 0x55), put(TIMER, 0x30), put(INITIAL, 99), ipi(0x90);
    set.lapic.device.ops->reset(&set.lapic.device);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_int_equal(get(rows[i].reg), rows[i].manual);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
    devices_reset(&set);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_int_equal(get(rows[i].reg), rows[i].board);
    assert_int_equal(io_get(0), 0);
    assert_int_equal(io_get(1), 0x00170011);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) assert_int_equal(entry_of(pin), MASKED);
}

/* What can be written. */
static void writable_bits(void **state)
{
    (void)state;
    static const struct { uint32_t reg, ones; } rows[] = {
        { ID, 0xFF000000 }, { TPR, 0xFF }, { LDR, 0xFF000000 }, { SVR, 0x3FF }, { TIMER, 0x300FF }, { 0x330, 0x107FF },
        { 0x340, 0x107FF }, { LINT0, 0x1A7FF }, { LINT1, 0x1A7FF }, { ERROR, 0x100FF }, { ICR_HIGH, 0xFF000000 }, { DIVIDE, 0xB },
        { VERSION, 0x50014 }, { ISR, 0 }, { IRR + 0x40, 0 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put(rows[i].reg, 0xFFFFFFFF);
        assert_int_equal(get(rows[i].reg), rows[i].ones);
    }
    put(DFR, 0x0FFFFFFF);
    assert_int_equal(get(DFR), 0x0FFFFFFF);
    entry(5, 0xFFFFFFFF);
    io_put(0x10 + 11, 0xFFFFFFFF);
    assert_int_equal(entry_of(5), 0x1AFFF);
    assert_int_equal(io_get(0x10 + 11), 0xFF000000);
    io_put(0, 0xFFFFFFFF);
    assert_int_equal(io_get(0), 0x0F000000);
    assert_int_equal(io_get(2), 0x0F000000);
    assert_int_equal(io_get(0x40), 0);
}

/* Other sizes and places do no harm. */
static void odd_accesses(void **state)
{
    (void)state;
    put(TPR, 0x42);
    assert_int_equal(bus_read(&bus, hpa(LAPIC_BASE + TPR), 1), 0x42);
    assert_int_equal(bus_read(&bus, hpa(LAPIC_BASE + VERSION + 2), 2), 5);
    assert_int_equal(bus_read(&bus, hpa(LAPIC_BASE + TPR + 4), 4), 0);
    bus_write(&bus, hpa(LAPIC_BASE + TPR), 1, 0x11);
    bus_write(&bus, hpa(LAPIC_BASE + TPR + 4), 4, 0x11);
    assert_int_equal(get(TPR), 0x42);
    assert_int_equal(get(ESR), 0);
    put(0x3F0, 1); /* no such register */
    put(ESR, 0);
    assert_int_equal(get(ESR), 0x80);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0);
    get(0x40);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0x80);
}

static void priorities(void **state)
{
    (void)state;
    ipi(0x31), ipi(0x35), ipi(0x52);
    assert_true(pins.intr);
    assert_int_equal(get(IRR + 0x10), 1 << 0x11 | 1 << 0x15);
    assert_int_equal(get(APR), 0x50);
    assert_int_equal(ack(), 0x52);
    assert_false(pins.intr); /* classes below the one in service wait */
    assert_int_equal(get(PPR), 0x50);
    assert_int_equal(get(ISR + 0x20), 1 << 0x12);
    ipi(0x5F);
    assert_false(pins.intr); /* its own class, too */
    ipi(0x61);
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x61);
    put(EOI, 0);
    assert_false(pins.intr);
    put(EOI, 0);
    assert_int_equal(ack(), 0x5F);
    put(EOI, 0);
    assert_int_equal(ack(), 0x35);
    put(EOI, 0);
    put(TPR, 0x31);
    assert_int_equal(get(PPR), 0x31);
    assert_false(pins.intr);
    assert_int_equal(ack(), 0xFF); /* withdrawn: spurious, nothing in service */
    assert_int_equal(get(PPR), 0x31);
    put(TPR, 0x2F);
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x31);
    put(EOI, 0);
    put(EOI, 0); /* one too many does nothing */
    assert_int_equal(get(PPR), 0x2F);
}

/* Every way the processor can address itself, and some that reach nobody. */
static void interprocessor(void **state)
{
    (void)state;
    static const struct { uint32_t high, low; int vector; unsigned nmi, reset; uint8_t error; } rows[] = {
        { 0, 0x40041, 0x41, 0, 0, 0 }, { 0, 0x80042, 0x42, 0, 0, 0 }, { 0, 0xC0043, -1, 0, 0, 0 }, /* self, all, others */
        { 0, 0x4044, 0x44, 0, 0, 0 }, { 0xFF000000, 0x45, 0x45, 0, 0, 0 }, { 0x01000000, 0x46, -1, 0, 0, 0 },
        { 0x02000000, 0x847, 0x47, 0, 0, 0 }, { 0x01000000, 0x848, -1, 0, 0, 0 }, { 0, 0x149, 0x49, 0, 0, 0 },
        { 0, 0x400, -1, 1, 0, 0 }, { 0, 0x40400, -1, 0, 0, 0 }, { 0, 0x80400, -1, 0, 0, 0 }, { 0, 0xC0400, -1, 0, 0, 0 },
        { 0, 0xC4500, -1, 0, 0, 0 }, { 0, 0xC4608, -1, 0, 0, 0 }, { 0x01000000, 0x4500, -1, 0, 0, 0 }, { 0, 0x4500, -1, 0, 1, 0 },
        { 0, 0x8500, -1, 0, 0, 0 }, { 0, 0x200, -1, 0, 0, 0 }, { 0, 0x4608, -1, 0, 0, 0 }, { 0, 0x4000F, -1, 0, 0, 0x20 } };
    put(LDR, 0x02000000);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned nmi = pins.nmi, reset = pins.reset;
        put(ICR_HIGH, rows[i].high);
        put(ICR, rows[i].low);
        assert_int_equal(get(ICR) & 0x1000, 0); /* it has been sent */
        assert_int_equal(pins.intr, rows[i].vector >= 0);
        if (pins.intr) assert_int_equal(ack(), rows[i].vector);
        put(EOI, 0);
        put(ESR, 0);
        assert_int_equal(get(ESR), rows[i].error);
        assert_int_equal(pins.nmi - nmi, rows[i].nmi);
        assert_int_equal(pins.reset - reset, rows[i].reset);
    }
    put(DFR, 0); /* cluster 3, processor 1 of it */
    put(LDR, 0x32000000);
    static const struct { uint8_t dest; bool arrives; } clusters[] = { { 0x32, 1 }, { 0x3F, 1 }, { 0x31, 0 }, { 0x42, 0 }, { 0xFF, 1 } };
    for (unsigned i = 0; i < sizeof clusters / sizeof clusters[0]; i++) {
        put(ICR_HIGH, (uint32_t)clusters[i].dest << 24);
        put(ICR, 0x860);
        assert_int_equal(pins.intr, clusters[i].arrives);
        if (pins.intr) ack(), put(EOI, 0);
    }
}

static void error_interrupt(void **state)
{
    (void)state;
    put(ERROR, 0xE0);
    ipi(0x05);
    assert_int_equal(ack(), 0xE0);
    put(EOI, 0);
    put(ERROR, 0x05); /* a vector that is an error itself must not go round and round */
    ipi(0x06);
    put(ESR, 0);
    assert_int_equal(get(ESR), 0x60);
    assert_false(pins.intr);
}

static void timer_counts(void **state)
{
    (void)state;
    static const uint8_t divide[8] = { 0, 1, 2, 3, 8, 9, 10, 11 };
    for (unsigned i = 0; i < 8; i++) {
        unsigned by = i == 7 ? 1 : 2u << i;
        put(DIVIDE, divide[i]);
        put(INITIAL, 1000);
        uint64_t at = clk.now - clk.now % BUS_CYCLES;
        run_to(at + 300 * by * BUS_CYCLES);
        assert_int_equal(get(COUNT), 700);
        run_to(at + 999 * by * BUS_CYCLES);
        assert_int_equal(get(COUNT), 1);
        run_to(at + 1000 * by * BUS_CYCLES);
        assert_int_equal(get(COUNT), 0);
        assert_int_equal(get(INITIAL), 1000);
        run_to(clk.now + 12345);
        assert_int_equal(get(COUNT), 0);
    }
    put(DIVIDE, 0xB);
    put(INITIAL, 1000);
    run_to(clk.now + 400 * BUS_CYCLES);
    put(DIVIDE, 0x3); /* by 16 from here on, and the count stays */
    assert_in_range(get(COUNT), 599, 600);
    run_to(clk.now + 1600 * BUS_CYCLES);
    assert_in_range(get(COUNT), 499, 500);
    put(INITIAL, 0);
    assert_int_equal(get(COUNT), 0);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

static void timer_interrupts(void **state)
{
    (void)state;
    put(DIVIDE, 0xB);
    put(TIMER, 0x40);
    put(INITIAL, 100);
    run_to(100 * BUS_CYCLES - 1);
    assert_false(pins.intr);
    run_to(100 * BUS_CYCLES);
    assert_int_equal(ack(), 0x40);
    put(EOI, 0);
    run_to(1000 * BUS_CYCLES);
    assert_false(pins.intr); /* one-shot */
    put(TIMER, 0x41 | PERIODIC);
    put(INITIAL, 100);
    for (unsigned n = 1; n <= 5; n++) {
        run_to(1000 * BUS_CYCLES + 100 * n * BUS_CYCLES - 1);
        assert_false(pins.intr);
        assert_int_equal(get(COUNT), 1);
        run_to(1000 * BUS_CYCLES + 100 * n * BUS_CYCLES);
        assert_int_equal(get(COUNT), 100);
        assert_int_equal(ack(), 0x41);
        put(EOI, 0);
    }
    put(TIMER, 0x41 | PERIODIC | MASKED);
    run_to(clk.now + 250 * BUS_CYCLES);
    assert_false(pins.intr);
    assert_int_equal(get(COUNT), 50); /* it runs on */
}

/* Off by software: what arrives is refused, entries are masked, what had arrived is still there. */
static void software_disable(void **state)
{
    (void)state;
    put(TIMER, 0x40);
    ipi(0x50);
    put(SVR, 0xEF);
    assert_true(get(TIMER) & MASKED);
    put(TIMER, 0x40);
    assert_int_equal(get(TIMER), 0x40 | MASKED);
    ipi(0x60);
    assert_int_equal(get(IRR + 0x30), 0);
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x50);
    irq(1, true); /* the 8259's way is shut as well */
    assert_false(pins.intr);
    put(SVR, 0x1EF);
    assert_int_equal(get(TIMER), 0x40 | MASKED);
    put(LINT0, EXTINT);
    assert_true(pins.intr);
}

static void virtual_wire(void **state)
{
    (void)state;
    irq(3, true);
    assert_true(pins.intr);
    assert_int_equal(get(IRR + 0x10), 0);
    put(TPR, 0xFF); /* ExtINT has no priority */
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x23);
    assert_int_equal(get(ISR + 0x10), 0);
    assert_false(pins.intr);
    irq(1, true);
    assert_true(pins.intr); /* more urgent than 3 for the 8259 */
    put(LINT0, EXTINT | MASKED);
    assert_false(pins.intr);
    put(LINT0, EXTINT);
    assert_int_equal(ack(), 0x21);
    out(0x20, 0x20), out(0x20, 0x20), irq(1, false), irq(3, false);
    put(TPR, 0);
    irq(4, true);
    ipi(0x90); /* the APIC's own vectors come first */
    assert_int_equal(ack(), 0x90);
    assert_int_equal(ack(), 0x24);
}

/* APIC_BASE.E clear: no window, INTR and NMI are the CPU's own; set again: as after power-on. */
static void hardware_disable(void **state)
{
    (void)state;
    ipi(0x77);
    lapic_place(&set.lapic, LAPIC_BASE, false);
    assert_int_equal(get(VERSION), 0xFFFFFFFF);
    assert_false(bus_windowed(&bus, hpa(LAPIC_BASE)));
    assert_false(pins.intr);
    irq(1, true);
    assert_true(pins.intr);
    assert_int_equal(ack(), 0x21);
    struct irq_line nmi = lapic_line(&set.lapic, 1);
    irq_set(&nmi, true);
    assert_int_equal(pins.nmi, 1);
    lapic_place(&set.lapic, 0xD0000000, true);
    assert_int_equal(get(VERSION), 0xFFFFFFFF);
    assert_int_equal(bus_read(&bus, hpa(0xD0000000 + VERSION), 4), 0x50014);
    assert_int_equal(bus_read(&bus, hpa(0xD0000000 + LINT0), 4), MASKED);
    assert_int_equal(bus_read(&bus, hpa(0xD0000000 + SVR), 4), 0xFF);
}

static void local_pins(void **state)
{
    (void)state;
    struct irq_line lint1 = lapic_line(&set.lapic, 1);
    irq_set(&lint1, true), irq_set(&lint1, true), irq_set(&lint1, false), irq_set(&lint1, true);
    assert_int_equal(pins.nmi, 2); /* by edges */
    irq_set(&lint1, false);
    put(LINT1, 0x66);
    irq_set(&lint1, true);
    assert_int_equal(ack(), 0x66);
    put(EOI, 0);
    assert_false(pins.intr);
    irq_set(&lint1, false);
    put(LINT1, 0x66 | LEVEL);
    irq_set(&lint1, true);
    assert_int_equal(get(LINT1), 0x66 | LEVEL | 0x4000); /* remote IRR */
    assert_int_equal(get(TMR + 0x30), 1 << 6);
    assert_int_equal(ack(), 0x66);
    put(EOI, 0);
    assert_true(pins.intr); /* still up: again */
    ack();
    irq_set(&lint1, false);
    put(EOI, 0);
    assert_false(pins.intr);
    assert_int_equal(get(LINT1), 0x66 | LEVEL);
    put(LINT0, 0x67); /* the 8259's output used as an edge, as Linux tries */
    irq(0, false), irq(0, true); /* (the 8254's output rests high) */
    assert_int_equal(ack(), 0x67);
    put(EOI, 0);
    irq(0, false), irq(0, true);
    assert_int_equal(ack(), 0x67);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    ipi(0x44);
    put(INITIAL, 5000);
    struct devices before = set;
    for (uint32_t at = 0; at < 0x400; at += 4) set.lapic.device.ops->peek(&set.lapic.device, at, 4);
    set.ioapic.device.ops->peek(&set.ioapic.device, 0x10, 4);
    assert_memory_equal(&before, &set, sizeof before);
}

/* A board without APICs: the 8259 pair drives the CPU. */
static void without(void **state)
{
    (void)state;
    static struct bus other;
    static struct devices bare;
    static const struct devices_wiring w = { .intr = { on_intr, NULL, 0 } };
    bus_init(&other, NULL, 0, &clk, &arena);
    struct err e = { 0 };
    assert_true(devices_init(&bare, &other, &queue, &w, &e));
    assert_int_equal(bare.count, set.count - 3);
    assert_int_equal(bus_read(&other, hpa(LAPIC_BASE + VERSION), 4), 0xFFFFFFFF);
    static const uint8_t icw[4] = { 0x11, 0x20, 4, 1 };
    for (unsigned i = 0; i < 4; i++) bus_out(&other, 0x20 + (i > 0), 1, icw[i]);
    struct irq_line l = devices_irq(&bare, 1);
    irq_set(&l, true);
    assert_true(pins.intr);
    assert_int_equal(devices_ack(&bare), 0x21);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reset_state), T(writable_bits), T(odd_accesses), T(priorities), T(interprocessor), T(error_interrupt), T(timer_counts),
        T(timer_interrupts), T(software_disable), T(virtual_wire), T(hardware_disable), T(local_pins), T(looking_changes_nothing), T(without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
