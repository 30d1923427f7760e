/* See clock.h. */
#include "sim/core/clock.h"

#include <stddef.h>

uint64_t clock_of_cause(const struct clock *c, uint8_t cause)
{
    return c->by_cause[cause] + (cause == c->cause ? c->now - c->since : 0);
}

uint64_t clock_of_lane(const struct clock *c, unsigned lane, uint8_t cause)
{
    return c->by_lane[lane][cause] + (cause == c->cause && lane == c->lane ? c->now - c->since : 0);
}

bool clock_check(const struct clock *c)
{
    uint64_t sum = c->now - c->since; /* not settled yet */
    for (unsigned i = 0; i < CLOCK_CAUSES; i++) sum += c->by_cause[i];
    return sum == c->now;
}

/* Test builds ask this at every event. Without sanitizers, whose question at each of its 256 additions made it a fifth of
 * their time; `owners` fits by its type and clock_owner's bound. */
__attribute__((no_sanitize("address", "undefined"))) bool clock_check_lanes(const struct clock *c)
{
    uint64_t wrong = 0; /* what is not settled is the same on both sides */
    const unsigned lanes = 8 * (c->owners + 1u);
    for (unsigned i = 0; i < CLOCK_CAUSES; i += 4) {
        uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (unsigned lane = 0; lane < lanes; lane++) {
            const uint64_t *by = c->by_lane[lane] + i;
            s0 += by[0], s1 += by[1], s2 += by[2], s3 += by[3];
        }
        const uint64_t *all = c->by_cause + i;
        wrong |= (s0 ^ all[0]) | (s1 ^ all[1]) | (s2 ^ all[2]) | (s3 ^ all[3]);
    }
    return !wrong;
}

uint64_t clock_from_ns(const struct clock *c, uint64_t ns)
{
    const uint64_t second = 1000000000u; /* split, so that the product stays below 2^64 for any hz under 18 GHz */
    return ns / second * c->hz + (ns % second * c->hz + second - 1) / second;
}

uint64_t clock_pulses(const struct clock *c, uint32_t rate, uint64_t cycle)
{
    return cycle / c->hz * rate + cycle % c->hz * rate / c->hz;
}

uint64_t clock_of_pulse(const struct clock *c, uint32_t rate, uint64_t n)
{
    return n / rate * c->hz + (n % rate * c->hz + rate - 1) / rate;
}

static void changed(struct timeq *q)
{
    if (q->changed) q->changed(q->self);
}

static void unlink_timer(struct timeq *q, struct timer *t)
{
    for (struct timer **p = &q->head; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    t->armed = false;
    t->next = NULL;
}

void timeq_arm(struct timeq *q, struct timer *t, uint64_t when)
{
    if (t->armed) unlink_timer(q, t);
    t->when = when;
    t->armed = true;
    struct timer **p = &q->head;
    while (*p && ((*p)->when < when || ((*p)->when == when && (*p)->priority <= t->priority))) p = &(*p)->next;
    t->next = *p;
    *p = t;
    changed(q);
}

void timeq_cancel(struct timeq *q, struct timer *t)
{
    if (!t->armed) return;
    unlink_timer(q, t);
    changed(q);
}

uint64_t timeq_next(const struct timeq *q) { return q->head ? q->head->when : TIMEQ_NEVER; }

void timeq_run(struct timeq *q)
{
    while (q->head && q->head->when <= q->clock->now) {
        struct timer *t = q->head;
        unlink_timer(q, t);
        t->fire(t->self, t->when);
    }
    changed(q);
}
