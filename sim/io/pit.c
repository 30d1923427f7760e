/* See pit.h. */
#include "sim/io/pit.h"

#include "sim/io/bytewise.h"

enum { PORT_CONTROL = 3, PORT_61 = 4, REFRESH_PULSES = 18 };
enum { P61_GATE2 = 0x01, P61_WRITABLE = 0x0F, P61_REFRESH = 0x10, P61_OUT2 = 0x20 };
enum { READ_BACK = 3, READ_BACK_NO_COUNT = 0x20, READ_BACK_NO_STATUS = 0x10 };

static uint64_t pulse_of(const struct clock *c, uint64_t cycle) { return clock_pulses(c, PIT_HZ, cycle); }
static uint64_t cycle_of(const struct clock *c, uint64_t pulse) { return clock_of_pulse(c, PIT_HZ, pulse); }

static void drive(struct pit *p)
{
    if (p->line == p->counter[0].out) return;
    p->line = p->counter[0].out;
    irq_set(&p->irq0, p->line);
}

/* Brings the counters up to `cycle`. Counter 0 goes event by event, so that no edge of IRQ0 is lost. */
static void advance(struct pit *p, uint64_t cycle)
{
    uint64_t now = pulse_of(p->q->clock, cycle);
    for (uint64_t next; (next = counter_next(&p->counter[0])) <= now && next != COUNTER_NEVER;) {
        counter_run(&p->counter[0], next);
        drive(p);
    }
    for (unsigned i = 0; i < 3; i++) counter_run(&p->counter[i], now);
}

static void arm(struct pit *p)
{
    uint64_t next = counter_next(&p->counter[0]);
    if (next == COUNTER_NEVER) {
        timeq_cancel(p->q, &p->timer);
        return;
    }
    uint64_t when = cycle_of(p->q->clock, next);
    if (!p->timer.armed || p->timer.when != when) timeq_arm(p->q, &p->timer, when);
}

static void fire(void *self, uint64_t when)
{
    struct pit *p = self;
    advance(p, when);
    arm(p);
}

static void write_control(struct pit *p, uint8_t value)
{
    unsigned which = value >> 6;
    if (which == READ_BACK) {
        for (unsigned i = 0; i < 3; i++) {
            if (!(value >> (i + 1) & 1)) continue;
            if (!(value & READ_BACK_NO_COUNT)) counter_latch(&p->counter[i]);
            if (!(value & READ_BACK_NO_STATUS)) counter_latch_status(&p->counter[i]);
        }
    } else if (value >> 4 & 3) {
        counter_control(&p->counter[which], value);
    } else {
        counter_latch(&p->counter[which]);
    }
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct pit *p = (struct pit *)d;
    if (offset < PORT_CONTROL) {
        counter_write(&p->counter[offset], value);
    } else if (offset == PORT_CONTROL) {
        write_control(p, value);
    } else {
        p->port61 = value & P61_WRITABLE;
        counter_gate(&p->counter[2], value & P61_GATE2);
    }
}

/* Reads from counters that are already up to date; may flip their read state. The control port drives nothing. */
static uint8_t read_now(struct pit *p, uint32_t offset)
{
    if (offset < PORT_CONTROL) return counter_read(&p->counter[offset]);
    if (offset == PORT_CONTROL) return 0xFF;
    uint64_t requests = pulse_of(p->q->clock, p->q->clock->now) / REFRESH_PULSES;
    return (uint8_t)(p->port61 | (requests & 1 ? P61_REFRESH : 0) | (p->counter[2].out ? P61_OUT2 : 0));
}

static uint8_t read_byte(struct device *d, uint32_t offset) { return read_now((struct pit *)d, offset); }

/* Looking: the same on copies of the counters. */
static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    struct pit copy = *(const struct pit *)d;
    for (unsigned i = 0; i < 3; i++) counter_run(&copy.counter[i], pulse_of(copy.q->clock, copy.q->clock->now));
    return read_now(&copy, offset);
}

static uint32_t pit_read(struct device *d, uint32_t offset, unsigned size)
{
    struct pit *p = (struct pit *)d;
    advance(p, p->q->clock->now);
    uint32_t v = bytewise_read(d, offset, size, read_byte);
    arm(p);
    return v;
}

static void pit_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct pit *p = (struct pit *)d;
    advance(p, p->q->clock->now);
    for (unsigned i = 0; i < size; i++) {
        write_byte(d, offset + i, (uint8_t)(value >> (8 * i)));
        drive(p);
    }
    arm(p);
}

static uint32_t pit_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static void pit_reset(struct device *d)
{
    struct pit *p = (struct pit *)d;
    for (unsigned i = 0; i < 3; i++) {
        counter_run(&p->counter[i], pulse_of(p->q->clock, p->q->clock->now));
        counter_init(&p->counter[i], i != 2);
    }
    p->port61 = 0;
    drive(p);
    arm(p);
}

uint64_t pit_next_edge(const struct pit *p)
{
    struct counter c = p->counter[0];
    for (unsigned events = 0; events < 4; events++) { /* load, fall, rise: no mode needs more */
        uint64_t next = counter_next(&c);
        if (next == COUNTER_NEVER) break;
        uint8_t before = c.out;
        counter_run(&c, next);
        if (c.out && !before) return cycle_of(p->q->clock, next);
    }
    return TIMEQ_NEVER;
}

#define COUNTER_REGS(n, who)                                                                                      \
    { who ".mode", offsetof(struct pit, counter[n].mode), 1, 3, "mode 0..5" },                                    \
    { who ".cr", offsetof(struct pit, counter[n].cr), 4, 16, "count written by software (0: the maximum)" },      \
    { who ".ce", offsetof(struct pit, counter[n].ce), 4, 16, "counting element at its last event or access" },    \
    { who ".out", offsetof(struct pit, counter[n].out), 1, 1, "the OUT pin" },                                    \
    { who ".gate", offsetof(struct pit, counter[n].gate), 1, 1, "the GATE pin" },                                 \
    { who ".null", offsetof(struct pit, counter[n].null), 1, 1, "1: the count written is not yet counted" }

static const struct reg_desc regs[] = {
    COUNTER_REGS(0, "c0"), COUNTER_REGS(1, "c1"), COUNTER_REGS(2, "c2"),
    { "port61", offsetof(struct pit, port61), 1, 4, "gate 2, speaker, enables as written" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "pit", .regs = regs, .reset = pit_reset, .read = pit_read, .write = pit_write, .peek = pit_peek,
};

void pit_init(struct pit *p, struct timeq *q, struct irq_line irq0)
{
    *p = (struct pit){ .device = { &ops }, .q = q, .irq0 = irq0, .timer = { .fire = fire, .self = p } };
    pit_reset(&p->device);
}

bool pit_attach(struct pit *p, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x40, 4, 0, &p->device, e) &&
           bus_attach(b, BUS_PORT, 0x61, 1, PORT_61, &p->device, e);
}
