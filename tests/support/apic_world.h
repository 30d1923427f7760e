/* A board's devices with both APICs, on a bus of their own, and the pins of a processor: for tests of the APICs. */
#ifndef SUPPORT_APIC_WORLD_H
#define SUPPORT_APIC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/io/devices.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, APR = 0x90, PPR = 0xA0, EOI = 0xB0, LDR = 0xD0, DFR = 0xE0, SVR = 0xF0, ISR = 0x100,
       TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360,
       ERROR = 0x370, INITIAL = 0x380, COUNT = 0x390, DIVIDE = 0x3E0 };
enum { MASKED = 0x10000, LEVEL = 0x8000, LOW = 0x2000, EXTINT = 0x700, NMI = 0x400, SELF = 0x40000, PERIODIC = 0x20000 };
enum { HZ = 2000000000, BUS_CYCLES = HZ / APIC_TIMER_HZ };

static struct arena   arena;
static struct clock   clk;
static struct bus     bus;
static struct timeq   queue;
static struct devices set;
static struct { bool intr; unsigned nmi, reset; } pins;

static inline void on_intr(void *self, unsigned n, bool level) { (void)self, (void)n; pins.intr = level; }
static inline void on_nmi(void *self, unsigned n, bool level) { (void)self, (void)n; pins.nmi += level; }
static inline void on_reset(void *self, unsigned n, bool level) { (void)self; pins.reset += level && n == RESET_CPU; }

static inline uint32_t get(uint32_t reg) { return bus_read(&bus, hpa(LAPIC_BASE + reg), 4); }
static inline void put(uint32_t reg, uint32_t v) { bus_write(&bus, hpa(LAPIC_BASE + reg), 4, v); }
static inline uint32_t io_get(uint8_t reg)
{
    bus_write(&bus, hpa(IOAPIC_BASE), 4, reg);
    return bus_read(&bus, hpa(IOAPIC_BASE + 0x10), 4);
}
static inline void io_put(uint8_t reg, uint32_t v)
{
    bus_write(&bus, hpa(IOAPIC_BASE), 4, reg);
    bus_write(&bus, hpa(IOAPIC_BASE + 0x10), 4, v);
}
static inline void entry(unsigned pin, uint32_t low) { io_put((uint8_t)(0x10 + 2 * pin), low); }
static inline uint32_t entry_of(unsigned pin) { return io_get((uint8_t)(0x10 + 2 * pin)); }
static inline void irq(unsigned n, bool level) { struct irq_line l = devices_irq(&set, n); irq_set(&l, level); }
static inline void out(uint16_t port, uint8_t v) { bus_out(&bus, port, 1, v); }
static inline int ack(void) { return devices_ack(&set); }
static inline void ipi(uint32_t low) { put(ICR, low | SELF); }

static inline void run_to(uint64_t cycle)
{
    while (timeq_next(&queue) <= cycle) {
        clk.now = timeq_next(&queue);
        timeq_run(&queue);
    }
    clk.now = cycle;
}

static inline int setup(void **state)
{
    (void)state;
    static const struct devices_wiring wiring = { .intr = { on_intr, NULL, 0 }, .nmi = { on_nmi, NULL, 0 },
                                                  .reset = { on_reset, NULL, 0 }, .apics = true, .remaps = true };
    arena_init(&arena, 1 << 20);
    memset(&clk, 0, sizeof clk);
    memset(&pins, 0, sizeof pins);
    clk.hz = HZ;
    bus_init(&bus, NULL, 0, &clk, &arena);
    queue = (struct timeq){ .clock = &clk };
    struct err e = { 0 };
    assert_true(devices_init(&set, &bus, &queue, &wiring, &e));
    static const struct { uint16_t port; uint8_t value; } pics[] = {
        { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 }, { 0xA0, 0x11 }, { 0xA1, 0x28 }, { 0xA1, 2 }, { 0xA1, 1 } };
    for (unsigned i = 0; i < sizeof pics / sizeof pics[0]; i++) out(pics[i].port, pics[i].value);
    return 0;
}
static inline int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

#endif
