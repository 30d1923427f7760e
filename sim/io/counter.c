/* See counter.h. */
#include "sim/io/counter.h"

enum { ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_BOTH = 3 };

static unsigned access_of(const struct counter *c) { return c->control >> 4 & 3; }
static uint32_t modulus(const struct counter *c) { return c->control & 1 ? 10000 : 65536; }
static uint32_t pulses(const struct counter *c, uint32_t count) { return count ? count : modulus(c); }
static bool is_square(const struct counter *c) { return c->mode == 3; }
static bool is_strobe(const struct counter *c) { return c->mode == 4 || c->mode == 5; }
static bool is_periodic(const struct counter *c) { return c->mode == 2 || c->mode == 3; }
static bool is_triggered(const struct counter *c) { return c->mode == 1 || c->mode == 5; }

/* In mode 3 an odd count spends its extra pulse at zero, with OUT high. */
static bool in_long_half(const struct counter *c) { return c->out && (c->loaded & 1); }

static bool counts(const struct counter *c)
{
    if (!c->running || (c->mode == 0 && c->write_high)) return false;
    if (is_periodic(c) && c->loaded == 1) return false;
    return is_triggered(c) || c->gate;
}

static void decrement(struct counter *c, uint64_t n)
{
    uint32_t m = modulus(c);
    if (counts(c)) c->ce = (uint32_t)((c->ce + m - n * (is_square(c) ? 2 : 1) % m) % m);
}

static void load(struct counter *c)
{
    c->loaded = c->cr;
    c->ce = is_square(c) ? c->cr & ~1u : c->cr;
    c->null = c->load = 0;
    c->running = 1;
}

/* The pulse that loads CE at last. */
static void pulse_load(struct counter *c)
{
    load(c);
    if (c->mode == 1) c->out = 0;
    if (is_periodic(c)) c->out = 1;
    if (is_strobe(c)) c->strobe = 1;
}

static void pulse_square(struct counter *c)
{
    bool expires = in_long_half(c) ? c->ce == 0 : c->ce == 2;
    if (!expires) {
        decrement(c, 1);
        return;
    }
    load(c);
    c->out = !c->out || c->loaded == 1;
}

static void pulse_rate(struct counter *c)
{
    if (c->ce == 1) {
        c->out = 1;
        load(c);
        return;
    }
    decrement(c, 1);
    if (c->ce == 1) c->out = 0;
}

/* One CLK pulse, as the data sheet tells it. */
static void pulse(struct counter *c)
{
    if (is_strobe(c)) c->out = 1; /* a strobe lasts one pulse, whatever the gate does */
    if (c->load) {
        pulse_load(c);
    } else if (is_periodic(c) && c->loaded == 1) {
        if (c->running && c->gate && c->cr != 1) load(c);
    } else if (counts(c)) {
        if (c->mode == 3) pulse_square(c);
        else if (c->mode == 2) pulse_rate(c);
        else decrement(c, 1);
        if (c->ce != 0 || is_periodic(c)) return;
        if (c->mode <= 1) c->out = 1;
        else if (c->strobe) c->out = c->strobe = 0;
    }
}

/* How many pulses until one that does more than count; 0: never. */
static uint32_t pulses_to_event(const struct counter *c)
{
    if (c->load || (is_strobe(c) && !c->out)) return 1;
    if (is_periodic(c) && c->running && c->loaded == 1) return c->gate && c->cr != 1;
    if (!counts(c)) return 0;
    switch (c->mode) {
    case 2: return c->ce == 1 ? 1 : pulses(c, c->ce) - 1;
    case 3: return in_long_half(c) ? c->ce / 2 + 1 : pulses(c, c->ce) / 2;
    case 4:
    case 5: return c->strobe ? pulses(c, c->ce) : 0;
    default: return c->out ? 0 : pulses(c, c->ce);
    }
}

/* A periodic counter left alone is after a whole period where it was. */
static void skip_periods(struct counter *c, uint64_t tick)
{
    if (!is_periodic(c) || c->load || c->null || !counts(c)) return;
    uint32_t period = pulses(c, c->loaded);
    c->at += (tick - c->at) / period * period;
}

void counter_run(struct counter *c, uint64_t tick)
{
    if (tick > c->at) skip_periods(c, tick);
    while (c->at < tick) {
        uint32_t n = pulses_to_event(c);
        if (!n || n > tick - c->at) {
            decrement(c, tick - c->at);
            c->at = tick;
            return;
        }
        decrement(c, n - 1);
        pulse(c);
        c->at += n;
    }
}

uint64_t counter_next(const struct counter *c)
{
    uint32_t n = pulses_to_event(c);
    return n ? c->at + n : COUNTER_NEVER;
}

static uint32_t from_digits(uint32_t bcd)
{
    return ((bcd >> 12 & 15) * 1000 + (bcd >> 8 & 15) * 100 + (bcd >> 4 & 15) * 10 + (bcd & 15)) % 10000;
}

static uint16_t to_digits(uint32_t n)
{
    return (uint16_t)(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
}

void counter_init(struct counter *c, bool gate)
{
    *c = (struct counter){ .at = c->at, .control = ACCESS_BOTH << 4, .out = 1, .null = 1, .gate = gate };
}

void counter_control(struct counter *c, uint8_t control)
{
    uint8_t mode = control >> 1 & 7;
    *c = (struct counter){ .at = c->at, .ce = c->ce, .gate = c->gate, .null = 1, .control = control & 0x3F,
                           .mode = mode > 5 ? mode & 3 : mode, .out = mode != 0 };
    c->ce %= modulus(c);
}

/* A count is complete. Modes 1 and 5 wait for the gate; 2 and 3, once running, for the end of the (half) period. */
static void count_written(struct counter *c, uint32_t raw)
{
    c->cr = c->control & 1 ? from_digits(raw) : raw;
    c->has_count = c->null = 1;
    if (c->mode == 0) c->out = 0;
    if (c->mode == 0 || c->mode == 4 || (is_periodic(c) && !c->running)) c->load = 1;
}

void counter_write(struct counter *c, uint8_t value)
{
    switch (access_of(c)) {
    case ACCESS_LOW: count_written(c, value); break;
    case ACCESS_HIGH: count_written(c, (uint32_t)value << 8); break;
    default:
        c->write_high = !c->write_high;
        if (!c->write_high) {
            count_written(c, (uint32_t)value << 8 | c->low_byte);
            return;
        }
        c->low_byte = value;
        if (c->mode == 0) c->out = c->load = 0; /* the first byte stops mode 0 at once */
    }
}

static uint16_t count_now(const struct counter *c)
{
    return c->control & 1 ? to_digits(c->ce) : (uint16_t)c->ce;
}

uint8_t counter_read(struct counter *c)
{
    if (c->has_status) {
        c->has_status = 0;
        return c->status;
    }
    uint16_t v = c->latched ? c->latch : count_now(c);
    if (c->latched) c->latched--;
    bool high = access_of(c) == ACCESS_HIGH;
    if (access_of(c) == ACCESS_BOTH) {
        high = c->read_high;
        c->read_high = !c->read_high;
    }
    return (uint8_t)(high ? v >> 8 : v);
}

void counter_latch(struct counter *c)
{
    if (c->latched) return; /* until it is read, a second command is ignored */
    c->latch = count_now(c);
    c->latched = access_of(c) == ACCESS_BOTH ? 2 : 1;
}

void counter_latch_status(struct counter *c)
{
    if (c->has_status) return;
    c->status = (uint8_t)((unsigned)c->out << 7 | (unsigned)c->null << 6 | c->control);
    c->has_status = 1;
}

void counter_gate(struct counter *c, bool level)
{
    bool rises = level && !c->gate, falls = !level && c->gate;
    c->gate = level;
    if (falls && is_periodic(c)) c->out = 1;
    if (rises && c->has_count && (is_triggered(c) || is_periodic(c))) c->load = 1;
}
