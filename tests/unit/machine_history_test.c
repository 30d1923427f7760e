/* Going back, its work and its memory: how many instructions are executed again for a step back and for a jump, after a long run; and that
 * snapshots keep to --history, with the same moments as before.
 *
 * Work is counted, not timed, so this holds on every computer; RINGSIDE_TIMES=1 prints milliseconds of processor time as well (make latency). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "sim/board.h"
#include "tests/support/sanitized.h"

enum { FAR = 40000000, MILLION = 1000000, STEP_MOST = 45000, LONGEST = 8000000 /* SNAPSHOT_FAR */ };

static struct machine *mini(const char *cpu, const char *history)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    strcpy(cfg.image, "build/guests/mini.elf");
    bool good = config_option(&cfg, "cpu", cpu, &e) && config_option(&cfg, "module", "build/guests/mini.img", &e) &&
                config_option(&cfg, "append", "run=\"cow; forktest; sieve 400000; sieve 400000; sieve 400000; halt 0\"", &e) &&
                (!history || config_option(&cfg, "history", history, &e));
    struct machine *m = good ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may be at work here */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void tell(const char *cpu, const char *what, double ms)
{
    if (getenv("RINGSIDE_TIMES")) printf("%-8s %-44s %7.1f ms\n", cpu, what, ms);
}

static uint64_t work(struct machine *m, uint64_t to)
{
    uint64_t before = m->snapshots.replayed;
    assert_true(machine_goto(m, to));
    return m->snapshots.replayed - before;
}

/* One step back from a place that was run to, then 60 more, then a million at once. */
static void test_work(void **state)
{
    static const char *const cpus[] = { "native", "bt", "vtx" };
    (void)state;
    for (unsigned i = SANITIZED; i < sizeof cpus / sizeof cpus[0]; i += ONE_IN(2)) {
        struct machine *m = mini(cpus[i], NULL);
        machine_run(m, NULL, FAR);
        uint64_t at = machine_insns(m), first, most = 0, jump;
        assert_true(at > 10 * MILLION);
        double begun = now();
        first = work(m, at - 1);
        tell(cpus[i], "the first step back after a long run", now() - begun);
        if (first > LONGEST) fail_msg("%s: the first step back executes %llu instructions again", cpus[i], (unsigned long long)first);
        begun = now();
        for (unsigned n = 2; n < 62; n++) {
            uint64_t one = work(m, at - n);
            most = one > most ? one : most;
        }
        tell(cpus[i], "each of 60 more, on average", (now() - begun) / 60);
        if (most > STEP_MOST) fail_msg("%s: a step back executes %llu instructions again", cpus[i], (unsigned long long)most);
        begun = now();
        jump = work(m, machine_insns(m) - MILLION);
        tell(cpus[i], "a jump a million instructions back", now() - begun);
        if (jump > LONGEST) fail_msg("%s: a jump of a million executes %llu instructions again", cpus[i], (unsigned long long)jump);
        begun = now();
        machine_goto(m, machine_insns(m) + MILLION);
        tell(cpus[i], "a million instructions forward", now() - begun);
        machine_goto(m, at / 2);
        begun = now();
        for (unsigned n = 0; n < 20; n++) machine_run(m, NULL, 2000), snapshot_take(m);
        tell(cpus[i], "a snapshot", (now() - begun) / 20);
        machine_free(m);
    }
}

/* With as little memory as there may be: never more, and every moment is what it is with plenty. */
static void test_memory(void **state)
{
    static const char *const cpus[] = { "native", "vtx" };
    (void)state;
    for (unsigned i = SANITIZED; i < sizeof cpus / sizeof cpus[0]; i++) {
        struct machine *much = mini(cpus[i], "2G"), *little = mini(cpus[i], "16M");
        uint64_t newest = 0, before = 0, thinned = 0;
        uint32_t seed = 3;
        for (unsigned n = 0; n < 240 && machine_end(much).fate == FATE_RUNNING; n++) { /* more often than needed: it is to fill up */
            machine_run(much, NULL, MILLION / 10);
            machine_run(little, NULL, MILLION / 10);
            snapshot_take(much);
            snapshot_take(little);
            uint64_t used = snapshots_used(little);
            newest = (uint64_t)(little->frames + little->arena.used / 4096 + 1) * 4096;
            if (used > (16u << 20) + newest) fail_msg("%s: %llu bytes of snapshots", cpus[i], (unsigned long long)used);
            thinned += used < before;
            before = used;
        }
        assert_true(snapshots_used(much) >= snapshots_used(little));
        uint64_t end = machine_insns(much);
        for (unsigned n = 0; n < 12; n++) {
            seed = seed * 1664525u + 1013904223u;
            uint64_t to = (uint64_t)((double)seed / 4294967296.0 * (double)end);
            assert_true(machine_goto(much, to));
            assert_true(machine_goto(little, to));
            assert_int_equal(machine_state_hash(much), machine_state_hash(little));
            assert_int_equal(machine_cycles(much), machine_cycles(little));
            assert_int_equal(trace_last(machine_trace_of(much)), trace_last(machine_trace_of(little)));
        }
        if (getenv("RINGSIDE_TIMES")) printf("%-8s %u snapshots of %llu MB, with 16 MB %u of %llu\n", cpus[i], much->snapshots.count,
                                             (unsigned long long)(snapshots_used(much) >> 20), little->snapshots.count,
                                             (unsigned long long)(snapshots_used(little) >> 20));
        assert_true(thinned && little->snapshots.count < much->snapshots.count); /* else nothing was tested */
        machine_free(much);
        machine_free(little);
    }
}

static void test_option(void **state)
{
    static const char *const bad[] = { "1M", "15M", "-1", "x", "2000000G", "" };
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        e = (struct err){ 0 };
        assert_false(config_option(&cfg, "history", bad[i], &e));
        assert_int_equal(e.code, EXIT_USAGE);
    }
    struct machine *a = mini("native", "64M"), *b = mini("native", NULL);
    struct machine_summary x, y;
    machine_summary(a, &x), machine_summary(b, &y);
    assert_int_equal(x.run_id, y.run_id); /* the same run */
    assert_int_equal(snapshots_room(a), 64u << 20);
    machine_free(a);
    machine_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_work), cmocka_unit_test(test_memory), cmocka_unit_test(test_option) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
