/* See pm.h. */
#include "sim/io/pm.h"

#include "sim/io/bytewise.h"

enum { REG_STATUS = 0, REG_ENABLE = 2, REG_CONTROL = 4, REG_TIMER = 8, REG_END = 12 };
enum { STS_TIMER = 0x0001, EN_MASK = 0x0521 /* RTC, power button, global, timer */ };
enum { CTL_SCI = 0x0001, CTL_TYPE = 0x1C00, CTL_SLEEP = 0x2000, CTL_MASK = CTL_SCI | CTL_TYPE | 0x0002, HALF_TURN = 1 << 23 };

static uint64_t count_at(const struct clock *c, uint64_t cycle) { return clock_pulses(c, PM_HZ, cycle); }
static uint64_t cycle_of(const struct clock *c, uint64_t count) { return clock_of_pulse(c, PM_HZ, count); }

static void drive(const struct pm *p) { irq_set(&p->sci, (p->status & p->enable) && (p->control & CTL_SCI)); }

static void advance(struct pm *p, uint64_t cycle)
{
    uint64_t turns = count_at(p->q->clock, cycle) / HALF_TURN;
    if (turns > p->turns) {
        p->status |= STS_TIMER;
        p->turns = turns;
    }
    drive(p);
}

static void arm(struct pm *p)
{
    timeq_cancel(p->q, &p->timer);
    if (!(p->enable & STS_TIMER) || !(p->control & CTL_SCI) || (p->status & STS_TIMER)) return;
    timeq_arm(p->q, &p->timer, cycle_of(p->q->clock, (p->turns + 1) * HALF_TURN));
}

static void fire(void *self, uint64_t when)
{
    struct pm *p = self;
    advance(p, when);
    arm(p);
}

static void set_byte(uint16_t *reg, uint32_t high, uint8_t value, uint16_t mask)
{
    *reg = (uint16_t)((high ? (*reg & 0x00FF) | value << 8 : (*reg & 0xFF00) | value) & mask);
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct pm *p = (struct pm *)d;
    switch (offset & ~1u) {
    case REG_STATUS: p->status &= (uint16_t)~(offset & 1 ? value << 8 : value); break; /* ones clear */
    case REG_ENABLE: set_byte(&p->enable, offset & 1, value, EN_MASK); break;
    case REG_CONTROL:
        set_byte(&p->control, offset & 1, value, CTL_MASK);
        if ((offset & 1) && (value << 8 & CTL_SLEEP) && !(p->control & CTL_TYPE)) irq_set(&p->off, true);
        break;
    default: break;
    }
}

/* `p` is up to date. */
static uint8_t value_now(const struct pm *p, uint32_t offset)
{
    unsigned shift = 8 * (offset & 1);
    switch (offset & ~1u) {
    case REG_STATUS: return (uint8_t)(p->status >> shift);
    case REG_ENABLE: return (uint8_t)(p->enable >> shift);
    case REG_CONTROL: return (uint8_t)(p->control >> shift);
    default: break;
    }
    if (offset < REG_TIMER || offset >= REG_END - 1) return 0; /* the timer's top byte is always zero */
    return (uint8_t)(count_at(p->q->clock, p->q->clock->now) >> 8 * (offset - REG_TIMER));
}

static uint8_t read_byte(struct device *d, uint32_t offset) { return value_now((struct pm *)d, offset); }

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    struct pm copy = *(const struct pm *)d;
    copy.sci = (struct irq_line){ 0 };
    advance(&copy, copy.q->clock->now);
    return value_now(&copy, offset);
}

static uint32_t pm_read(struct device *d, uint32_t offset, unsigned size)
{
    struct pm *p = (struct pm *)d;
    advance(p, p->q->clock->now);
    return bytewise_read(d, offset, size, read_byte);
}

static void pm_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct pm *p = (struct pm *)d;
    advance(p, p->q->clock->now);
    bytewise_write(d, offset, size, value, write_byte);
    drive(p);
    arm(p);
}

static uint32_t pm_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static void pm_reset(struct device *d)
{
    struct pm *p = (struct pm *)d;
    p->turns = count_at(p->q->clock, p->q->clock->now) / HALF_TURN;
    p->status = p->enable = p->control = 0;
    drive(p);
    arm(p);
}

static const struct reg_desc regs[] = {
    { "status", offsetof(struct pm, status), 2, 16, "PM1 status: bit 0, the timer's top bit has changed" },
    { "enable", offsetof(struct pm, enable), 2, 16, "which of them interrupt" },
    { "control", offsetof(struct pm, control), 2, 16, "PM1 control: SCI enable, sleep type" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "pm", .regs = regs, .reset = pm_reset, .read = pm_read, .write = pm_write, .peek = pm_peek,
};

void pm_init(struct pm *p, struct timeq *q, struct irq_line sci, struct irq_line off)
{
    *p = (struct pm){ .device = { &ops }, .q = q, .sci = sci, .off = off, .timer = { .fire = fire, .self = p } };
    pm_reset(&p->device);
}

void pm_acpi_mode(struct pm *p)
{
    p->control |= CTL_SCI;
    drive(p);
    arm(p);
}

enum { PORTS = 0x40, CONFIG_BASE = 0x40, CONFIG_DECODE = 0x80 };

void pm_configured(void *pm, const uint8_t *config)
{
    struct pm *p = pm;
    uint32_t base = (config[CONFIG_BASE] | (uint32_t)config[CONFIG_BASE + 1] << 8) & ~(uint32_t)(PORTS - 1);
    if (!(config[CONFIG_DECODE] & 1)) base = 0;
    if (base == p->base) return;
    p->base = (uint16_t)base;
    bus_move_ports(p->bus, &p->device, 0, base, PORTS);
}

bool pm_attach(struct pm *p, struct bus *b, struct err *e)
{
    p->bus = b;
    p->base = PM_BASE;
    return bus_attach(b, BUS_PORT, PM_BASE, PORTS, 0, &p->device, e);
}
