/* Cycles and who pays for them; timers in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/clock.h"

static struct clock clk;
static struct timeq queue;
static struct timer timers[8];
static struct { unsigned order[64], count, changes; uint64_t when[64]; } log_;

static void on_fire(void *self, uint64_t when)
{
    log_.when[log_.count & 63] = when;
    log_.order[log_.count++ & 63] = (unsigned)((struct timer *)self - timers);
}
static void on_change(void *self)
{
    (void)self;
    log_.changes++;
}

static int setup(void **state)
{
    (void)state;
    clk = (struct clock){ .hz = 3800000000u };
    queue = (struct timeq){ .clock = &clk, .changed = on_change };
    memset(&log_, 0, sizeof log_);
    memset(timers, 0, sizeof timers);
    for (unsigned i = 0; i < 8; i++) timers[i].fire = on_fire, timers[i].self = &timers[i];
    return 0;
}

static void every_cycle_has_one_payer(void **state)
{
    (void)state;
    clk.now = 10;
    assert_int_equal(clock_cause(&clk, 2), 0);
    clk.now += 5;
    assert_int_equal(clock_of_cause(&clk, 2), 5); /* unsettled cycles count */
    clock_charge(&clk, 7, 100);
    assert_int_equal(clk.now, 115);
    clk.now += 3;
    assert_int_equal(clock_cause(&clk, 0), 2);
    clock_charge(&clk, 0, 4);
    static const struct { uint8_t cause; uint64_t cycles; } rows[] = { { 0, 14 }, { 2, 8 }, { 7, 100 }, { 1, 0 } };
    for (unsigned i = 0; i < 4; i++) assert_int_equal(clock_of_cause(&clk, rows[i].cause), rows[i].cycles);
    assert_true(clock_check(&clk));
    clk.by_cause[3]++; /* a cycle nobody took */
    assert_false(clock_check(&clk));
}

static void every_cycle_is_in_one_lane(void **state)
{
    (void)state;
    clock_ring(&clk, 1, false, 3);
    clk.now += 10;                 /* user code of the first VM */
    clock_charge(&clk, 4, 5);      /* its page walk */
    clock_ring(&clk, 2, true, 0);
    clk.now += 7;                  /* a guest kernel in non-root operation */
    clock_owner(&clk, 2);
    clk.now += 3;                  /* that of the third VM */
    clock_owner(&clk, CLOCK_OWNERS + 5);
    clk.now += 2;                  /* more VMs than lanes: the last stands for the rest */
    static const struct { unsigned lane, cause; uint64_t cycles; } rows[] = {
        { 3, 1, 10 }, { 3, 4, 5 }, { 4, 2, 7 }, { 2 * 8 + 4, 2, 3 }, { (CLOCK_OWNERS - 1) * 8 + 4, 2, 2 }, { 3, 2, 0 },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(clock_of_lane(&clk, rows[i].lane, (uint8_t)rows[i].cause), rows[i].cycles);
    assert_int_equal(clock_of_cause(&clk, 2), 12);
    clock_move(&clk, 3, 1, 6, 4);  /* four of the ten were somebody else's */
    assert_int_equal(clock_of_lane(&clk, 3, 1), 6);
    assert_int_equal(clock_of_lane(&clk, 3, 6), 4);
    assert_int_equal(clock_of_cause(&clk, 6), 4);
    assert_true(clock_check(&clk));
    assert_true(clock_check_lanes(&clk));
    clk.by_lane[9][2]++;
    assert_false(clock_check_lanes(&clk));
}

static void charging_the_current_cause(void **state)
{
    (void)state;
    clock_cause(&clk, 5);
    clk.now += 7;
    clock_charge(&clk, 5, 3);
    assert_int_equal(clock_of_cause(&clk, 5), 10);
    assert_true(clock_check(&clk));
}

static void nanoseconds_round_up(void **state)
{
    (void)state;
    static const struct { uint64_t hz, ns, cycles; } rows[] = {
        { 3800000000u, 0, 0 },       { 3800000000u, 840, 3192 },        { 3800000000u, 1, 4 },
        { 1000000000u, 123, 123 },   { 1, 1, 1 },                       { 1, 1000000000, 1 },
        { 1, 1000000001, 2 },        { 18000000000u, 999999999, 17999999982u },
        { 3800000000u, 3600000000000u, 13680000000000u },
        { 18000000000u, 86400000000001u, 1555200000000018u },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clk.hz = rows[i].hz;
        assert_true(clock_from_ns(&clk, rows[i].ns) == rows[i].cycles);
    }
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    static const struct { uint64_t when; uint8_t priority; } rows[] = {
        { 50, 0 }, { 20, 3 }, { 20, 1 }, { 20, 3 }, { 10, 9 }, { 60, 0 },
    };
    for (unsigned i = 0; i < 6; i++) {
        timers[i].priority = rows[i].priority;
        timeq_arm(&queue, &timers[i], rows[i].when);
    }
    assert_int_equal(timeq_next(&queue), 10);
    clk.now = 9;
    timeq_run(&queue);
    assert_int_equal(log_.count, 0);
    clk.now = 55;
    timeq_run(&queue);
    static const unsigned order[] = { 4, 2, 1, 3, 0 };
    assert_int_equal(log_.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(log_.order[i], order[i]);
        assert_int_equal(log_.when[i], rows[order[i]].when); /* told the cycle asked for, not now */
        assert_false(timers[order[i]].armed);
    }
    assert_int_equal(timeq_next(&queue), 60);
}

static void arming_again_moves(void **state)
{
    (void)state;
    timeq_arm(&queue, &timers[0], 10);
    timeq_arm(&queue, &timers[1], 20);
    timeq_arm(&queue, &timers[0], 30);
    assert_int_equal(timeq_next(&queue), 20);
    unsigned before = log_.changes;
    timeq_cancel(&queue, &timers[1]);
    assert_int_equal(log_.changes, before + 1);
    timeq_cancel(&queue, &timers[1]); /* not armed: nothing */
    assert_int_equal(log_.changes, before + 1);
    assert_int_equal(timeq_next(&queue), 30);
    clk.now = 100;
    timeq_run(&queue);
    assert_int_equal(log_.count, 1);
    assert_int_equal(timeq_next(&queue), TIMEQ_NEVER);
}

/* A timer may arm itself and cancel others while it fires. */
static void on_periodic(void *self, uint64_t when)
{
    on_fire(self, when);
    timeq_arm(&queue, self, when + 10);
    timeq_cancel(&queue, &timers[1]);
}
static void firing_changes_the_queue(void **state)
{
    (void)state;
    timers[0].fire = on_periodic;
    timeq_arm(&queue, &timers[0], 10);
    timeq_arm(&queue, &timers[1], 15);
    clk.now = 45;
    timeq_run(&queue);
    assert_int_equal(log_.count, 4);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(log_.when[i], 10 + 10 * i);
    assert_int_equal(timeq_next(&queue), 50);
}

/* Against a plain search over all timers. */
static void random_queues(void **state)
{
    (void)state;
    uint32_t seed = 5;
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        struct timer *t = &timers[seed >> 20 & 7];
        if (seed >> 30 == 0) timeq_cancel(&queue, t);
        else if (seed >> 30 == 1) clk.now += seed >> 16 & 63, timeq_run(&queue);
        else timeq_arm(&queue, t, clk.now + 1 + (seed >> 8 & 255));
        uint64_t least = TIMEQ_NEVER;
        for (unsigned k = 0; k < 8; k++)
            if (timers[k].armed && timers[k].when < least) least = timers[k].when;
        assert_true(timeq_next(&queue) == least);
    }
}

#define T(f) cmocka_unit_test_setup(f, setup)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_cycle_has_one_payer), T(every_cycle_is_in_one_lane), T(charging_the_current_cause), T(nanoseconds_round_up), T(timers_fire_in_order),
        T(arming_again_moves), T(firing_changes_the_queue), T(random_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
