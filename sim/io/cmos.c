/* See cmos.h. */
#include "sim/io/cmos.h"

#include "sim/io/bytewise.h"

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR, CENTURY = 0x32 };
enum { A_UIP = 0x80, A_RATE = 0x0F, A_DEFAULT = 0x26 /* 32768 Hz, 1024 pulses a second */ };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_BINARY = 0x04, B_24 = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, D_VALID = 0x80, ALARM_ANY = 0xC0, HOUR_PM = 0x80 };
enum { HALF = CMOS_HZ / 2, UPDATE = 8 + 65 /* UIP rises 244 us before the update, which takes 1984 us */ };

static uint64_t pulse_of(const struct clock *c, uint64_t cycle) { return clock_pulses(c, CMOS_HZ, cycle); }
static uint64_t cycle_of(const struct clock *c, uint64_t pulse) { return clock_of_pulse(c, CMOS_HZ, pulse); }

/* --- the calendar --- */

static unsigned get(const struct cmos *c, unsigned reg)
{
    uint8_t v = c->ram[reg];
    return c->ram[CMOS_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 0xF);
}

static uint8_t form(const struct cmos *c, unsigned value)
{
    return (uint8_t)(c->ram[CMOS_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static void put(struct cmos *c, unsigned reg, unsigned value) { c->ram[reg] = form(c, value); }

/* Hours 0..23, whichever form they are kept in: 12 AM is 0, 12 PM is 12. */
static unsigned get_hour(const struct cmos *c)
{
    if (c->ram[CMOS_B] & B_24) return get(c, HOUR);
    uint8_t v = c->ram[HOUR] & 0x7F;
    unsigned h = c->ram[CMOS_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 0xF);
    return h % 12 + (c->ram[HOUR] & HOUR_PM ? 12 : 0);
}

static void put_hour(struct cmos *c, unsigned hour)
{
    if (c->ram[CMOS_B] & B_24) put(c, HOUR, hour);
    else c->ram[HOUR] = (uint8_t)(form(c, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0));
}

/* The chip knows two digits of the year: every fourth is a leap year. */
static unsigned days_in(unsigned month, unsigned year)
{
    static const uint8_t days[13] = { 31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && year % 4 == 0 ? 29 : days[month <= 12 ? month : 0];
}

/* One second on. The century is the BIOS's byte, not the chip's: nobody increments it. */
static void increment(struct cmos *c)
{
    unsigned sec = get(c, SEC) + 1, min = get(c, MIN), hour = get_hour(c), day = get(c, DAY), month = get(c, MONTH);
    put(c, SEC, sec < 60 ? sec : 0);
    if (sec < 60) return;
    put(c, MIN, min + 1 < 60 ? min + 1 : 0);
    if (min + 1 < 60) return;
    put_hour(c, hour + 1 < 24 ? hour + 1 : 0);
    if (hour + 1 < 24) return;
    put(c, WEEKDAY, get(c, WEEKDAY) % 7 + 1);
    bool last = day >= days_in(month, get(c, YEAR));
    put(c, DAY, last ? 1 : day + 1);
    if (!last) return;
    put(c, MONTH, month < 12 ? month + 1 : 1);
    if (month >= 12) put(c, YEAR, (get(c, YEAR) + 1) % 100);
}

static bool alarm_now(const struct cmos *c)
{
    for (unsigned r = SEC; r <= HOUR; r += 2) {
        uint8_t alarm = c->ram[r + 1];
        if ((alarm & ALARM_ANY) != ALARM_ANY && alarm != c->ram[r]) return false;
    }
    return true;
}

/* --- time --- */

/* Crystal pulses from one periodic event to the next; 0: none. */
static uint32_t period(const struct cmos *c)
{
    unsigned rate = c->ram[CMOS_A] & A_RATE;
    if (!rate) return 0;
    return 1u << (rate < 3 ? rate + 6 : rate - 1);
}

static bool running(const struct cmos *c) { return (c->ram[CMOS_A] & 0x70) == 0x20; }

static void drive(struct cmos *c)
{
    bool asks = c->ram[CMOS_C] & c->ram[CMOS_B] & (C_PF | C_AF | C_UF);
    c->ram[CMOS_C] = (uint8_t)((c->ram[CMOS_C] & ~C_IRQF) | (asks ? C_IRQF : 0));
    irq_set(&c->irq8, asks);
}

/* Makes up for the time that has passed up to `cycle`. */
static void advance(struct cmos *c, uint64_t cycle)
{
    uint64_t now = pulse_of(c->q->clock, cycle), p = period(c);
    if (running(c) && now > c->done) {
        /* Periodic events come at multiples of the period, counted from an update. */
        uint64_t base = CMOS_HZ - c->second_at % CMOS_HZ;
        if (p && (now + base) / p != (c->done + base) / p) c->ram[CMOS_C] |= C_PF;
        for (; c->second_at <= now; c->second_at += CMOS_HZ) {
            if (c->ram[CMOS_B] & B_SET) continue;
            increment(c);
            c->ram[CMOS_C] |= (uint8_t)(C_UF | (alarm_now(c) ? C_AF : 0));
        }
    }
    if (now > c->done) c->done = now;
    drive(c);
}

/* An interrupt that is enabled and not yet asked for needs a timer; with the line high nothing can change. */
static void arm(struct cmos *c)
{
    uint8_t b = c->ram[CMOS_B];
    uint32_t p = period(c);
    uint64_t next = UINT64_MAX;
    timeq_cancel(c->q, &c->timer);
    if (!running(c) || (c->ram[CMOS_C] & C_IRQF)) return;
    if ((b & (B_AIE | B_UIE)) && !(b & B_SET)) next = c->second_at;
    if ((b & B_PIE) && p) {
        uint64_t base = CMOS_HZ - c->second_at % CMOS_HZ, event = ((c->done + base) / p + 1) * p - base;
        if (event < next) next = event;
    }
    if (next != UINT64_MAX) timeq_arm(c->q, &c->timer, cycle_of(c->q->clock, next));
}

static void fire(void *self, uint64_t when)
{
    struct cmos *c = self;
    advance(c, when);
    arm(c);
}

/* --- the ports --- */

static void write_reg(struct cmos *c, unsigned n, uint8_t value)
{
    bool ran = running(c);
    switch (n) {
    case CMOS_A: /* a chain that is let go makes its first update half a second later */
        c->ram[CMOS_A] = value & 0x7F;
        if (!ran && running(c)) c->second_at = c->done + HALF;
        break;
    case CMOS_B: /* setting SET takes UIE away */
        c->ram[CMOS_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
        break;
    case CMOS_C: case CMOS_D: break;
    default: c->ram[n] = value;
    }
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct cmos *c = (struct cmos *)d;
    if (offset == 0) c->index = value;
    else write_reg(c, c->index & 0x7F, value);
}

/* `c` is up to date. */
static uint8_t value_now(const struct cmos *c, uint32_t offset)
{
    unsigned n = c->index & 0x7F;
    if (offset == 0) return 0xFF; /* write-only */
    bool soon = running(c) && !(c->ram[CMOS_B] & B_SET) && c->second_at - c->done <= UPDATE;
    return (uint8_t)(c->ram[n] | (n == CMOS_A && soon ? A_UIP : 0));
}

static uint8_t read_byte(struct device *d, uint32_t offset)
{
    struct cmos *c = (struct cmos *)d;
    uint8_t v = value_now(c, offset);
    if (offset == 1 && (c->index & 0x7F) == CMOS_C) {
        c->ram[CMOS_C] = 0;
        drive(c);
    }
    return v;
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    struct cmos copy = *(const struct cmos *)d;
    copy.irq8 = (struct irq_line){ 0 };
    advance(&copy, copy.q->clock->now);
    return value_now(&copy, offset);
}

static uint32_t cmos_read(struct device *d, uint32_t offset, unsigned size)
{
    struct cmos *c = (struct cmos *)d;
    advance(c, c->q->clock->now);
    uint32_t v = bytewise_read(d, offset, size, read_byte);
    arm(c);
    return v;
}

static void cmos_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct cmos *c = (struct cmos *)d;
    advance(c, c->q->clock->now);
    bytewise_write(d, offset, size, value, write_byte);
    drive(c);
    arm(c);
}

static uint32_t cmos_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

/* The RESET pin: the battery keeps time and RAM, the interrupts are off. */
static void cmos_reset(struct device *d)
{
    struct cmos *c = (struct cmos *)d;
    advance(c, c->q->clock->now);
    c->ram[CMOS_B] &= (uint8_t)~(B_PIE | B_AIE | B_UIE | B_SQWE);
    c->ram[CMOS_C] = 0;
    c->index = 0;
    drive(c);
    arm(c);
}

static void set_date(struct cmos *c, uint32_t epoch)
{
    uint32_t days = epoch / 86400, in_day = epoch % 86400, year = 1970, month = 1, len;
    put(c, WEEKDAY, (days + 4) % 7 + 1); /* the first day of 1970 was a Thursday, day 5 */
    for (; days >= (len = year % 4 == 0 && year != 2100 ? 366 : 365); year++) days -= len;
    for (; days >= (len = month == 2 && year == 2100 ? 28 : days_in(month, year)); month++) days -= len;
    put(c, SEC, in_day % 60);
    put(c, MIN, in_day / 60 % 60);
    put_hour(c, in_day / 3600);
    put(c, DAY, days + 1);
    put(c, MONTH, month);
    put(c, YEAR, year % 100);
    put(c, CENTURY, year / 100);
}

/* A size in units of 2^shift bytes, at most 65535 of them, low byte first. */
static void put_size(struct cmos *c, unsigned at, uint64_t bytes, unsigned shift)
{
    uint64_t n = bytes >> shift < 0xFFFF ? bytes >> shift : 0xFFFF;
    c->ram[at] = (uint8_t)n;
    c->ram[at + 1] = (uint8_t)(n >> 8);
}

static void put_checksum(struct cmos *c)
{
    uint16_t sum = 0;
    for (unsigned i = 0x10; i < 0x2E; i++) sum = (uint16_t)(sum + c->ram[i]);
    c->ram[0x2E] = (uint8_t)(sum >> 8);
    c->ram[0x2F] = (uint8_t)sum;
}

void cmos_note_disk(struct cmos *c, unsigned n, unsigned cylinders, unsigned heads, unsigned sectors)
{
    uint8_t *r = &c->ram[n ? 0x24 : 0x1B];
    c->ram[0x12] |= n ? 0x0F : 0xF0; /* type 15: the type is in the extended byte, 47: the geometry is in the fields */
    c->ram[0x19 + n] = 47;
    r[0] = r[6] = (uint8_t)cylinders; /* all, and where to park */
    r[1] = r[7] = (uint8_t)(cylinders >> 8);
    r[2] = (uint8_t)heads;
    r[3] = r[4] = 0xFF;               /* no write precompensation */
    r[5] = heads > 8 ? 0xC8 : 0xC0;
    r[8] = (uint8_t)sectors;
    c->ram[0x39] |= (uint8_t)((cylinders > 1024 ? 1u : 0u) << 2 * n);
    put_checksum(c);
}

/* What setup leaves: no floppy drives, no disks so far, a VGA, an FPU; the sizes of memory; the checksum over 10h-2Dh. */
static void set_up(struct cmos *c, uint64_t memory)
{
    const uint64_t mb = 1 << 20, above = memory > mb ? memory - mb : 0;
    c->ram[0x14] = 0x02;
    put_size(c, 0x15, memory < 640 << 10 ? memory : 640 << 10, 10);
    put_size(c, 0x17, above, 10);
    put_size(c, 0x30, above, 10);
    put_size(c, 0x34, memory > 16 * mb ? memory - 16 * mb : 0, 16);
    c->ram[0x3D] = 0x12; /* boots the first disk, else the first floppy drive (where Bochs' and QEMU's BIOSes look) */
    put_checksum(c);
}

#define ROW(name, field, bits, about) { name, offsetof(struct cmos, field), 1, bits, about }
static const struct reg_desc regs[] = {
    ROW("index", index, 8, "register selected; bit 7: NMI masked"),
    ROW("sec", ram[SEC], 8, "second, as of the last look"),
    ROW("min", ram[MIN], 8, "minute"),
    ROW("hour", ram[HOUR], 8, "hour"),
    ROW("day", ram[DAY], 8, "day of the month"),
    ROW("month", ram[MONTH], 8, "month"),
    ROW("year", ram[YEAR], 8, "year"),
    ROW("a", ram[CMOS_A], 8, "divider and periodic rate"),
    ROW("b", ram[CMOS_B], 8, "set, interrupts enabled, form of the date"),
    ROW("c", ram[CMOS_C], 8, "interrupts waiting, until read"),
    ROW("shutdown", ram[CMOS_SHUTDOWN], 8, "what the BIOS shall do after a reset"),
    { 0 },
};

static const struct device_ops ops = {
    .name = "cmos", .regs = regs, .reset = cmos_reset, .read = cmos_read, .write = cmos_write, .peek = cmos_peek,
};

void cmos_init(struct cmos *c, struct timeq *q, struct irq_line irq8, uint32_t epoch, uint64_t memory)
{
    *c = (struct cmos){ .device = { &ops }, .q = q, .irq8 = irq8, .timer = { .fire = fire, .self = c } };
    c->ram[CMOS_A] = A_DEFAULT;
    c->ram[CMOS_B] = B_24;
    c->ram[CMOS_D] = D_VALID;
    c->done = pulse_of(q->clock, q->clock->now);
    c->second_at = c->done + CMOS_HZ;
    set_date(c, epoch);
    set_up(c, memory);
}

bool cmos_attach(struct cmos *c, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x70, 2, 0, &c->device, e);
}
