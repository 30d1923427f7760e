/* See apic_timer.h. */
#include "sim/io/apic_timer.h"

static uint64_t pulses(const struct apic_timer *t, uint64_t cycle) { return clock_pulses(t->q->clock, APIC_TIMER_HZ, cycle); }

/* Whole counts since the period began. */
static uint64_t counted(const struct apic_timer *t, uint64_t cycle) { return (pulses(t, cycle) - t->from) >> t->shift; }

static void arm(struct apic_timer *t)
{
    timeq_cancel(t->q, &t->node);
    if (!t->running) return;
    timeq_arm(t->q, &t->node, clock_of_pulse(t->q->clock, APIC_TIMER_HZ, t->from + ((uint64_t)t->initial << t->shift)));
}

/* Makes up for the time up to `cycle`. Several periods gone by at once ask for one interrupt: IRR has one bit. */
static void advance(struct apic_timer *t, uint64_t cycle)
{
    if (!t->running) return;
    uint64_t n = counted(t, cycle);
    if (n < t->initial) return;
    if (t->periodic) t->from += (n / t->initial * t->initial) << t->shift;
    else t->running = false;
    t->expire(t->self);
}

static void fire(void *self, uint64_t when)
{
    (void)when;
    struct apic_timer *t = self;
    advance(t, t->q->clock->now);
    arm(t);
}

void apic_timer_start(struct apic_timer *t, uint32_t initial)
{
    t->from = pulses(t, t->q->clock->now);
    t->initial = initial;
    t->running = initial != 0;
    arm(t);
}

void apic_timer_divide(struct apic_timer *t, uint8_t shift)
{
    advance(t, t->q->clock->now);
    uint64_t done = t->running ? counted(t, t->q->clock->now) : 0;
    t->from = pulses(t, t->q->clock->now) - (done << shift);
    t->shift = shift;
    arm(t);
}

void apic_timer_mode(struct apic_timer *t, bool periodic)
{
    advance(t, t->q->clock->now);
    t->periodic = periodic;
    arm(t);
}

uint32_t apic_timer_count(const struct apic_timer *t)
{
    if (!t->running) return 0;
    uint64_t n = counted(t, t->q->clock->now);
    if (n >= t->initial) n = t->periodic ? n % t->initial : t->initial;
    return t->initial - (uint32_t)n;
}

void apic_timer_reset(struct apic_timer *t)
{
    t->running = t->periodic = false;
    t->initial = 0;
    t->shift = 1;
    arm(t);
}

void apic_timer_init(struct apic_timer *t, struct timeq *q, void (*expire)(void *self), void *self)
{
    *t = (struct apic_timer){ .q = q, .expire = expire, .self = self, .node = { .fire = fire, .self = t } };
    apic_timer_reset(t);
}
