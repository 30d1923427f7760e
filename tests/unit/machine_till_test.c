/* Running to a label or to a word's change: at full speed the same moments as when every instruction is looked at, under every technique. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "tests/support/sanitized.h"

enum { STOPS = 12 };

struct place {
    uint64_t insns, cycles, state;
};

static struct machine *mini(const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    bool ported = !strcmp(cpu, "pv");
    cfg.ram_mib = 16;
    strcpy(cfg.image, ported ? "build/guests/mini-pv.elf" : "build/guests/mini.elf");
    bool good = config_option(&cfg, "cpu", cpu, &e) && config_option(&cfg, "module", "build/guests/mini.img", &e) &&
                (strcmp(cpu, "te") != 0 || config_option(&cfg, "set", "cpu.virtualizable=1", &e)) && /* else mini notices */
                config_option(&cfg, "append", "run=\"cow; forktest; sieve 1000; halt 0\"", &e);
    struct machine *m = good ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    uint32_t start;
    assert_true(machine_find_symbol(m, "kernel_main", &start)); /* from here on the kernel's memory is where it stays */
    assert_int_equal(machine_run(m, &(struct till){ .kind = TILL_LABEL, .a = start }, UINT64_MAX), MACHINE_TILL);
    return m;
}

static struct till at(const struct machine *m, enum till_kind kind, const char *symbol)
{
    struct till t = { .kind = (uint8_t)kind };
    if (!machine_find_symbol(m, symbol, &t.a)) fail_msg("no %s", symbol);
    return t;
}

static void nothing(void *self, const struct machine *m)
{
    (void)self;
    (void)m;
}

enum { LABEL, WORD, EITHER, BOTH, KERNEL, USER, GUEST, RING_OR, RING_AND, TESTS };

/* Up to STOPS places of one condition; `slow`: every instruction is looked at. */
static unsigned stops(const char *cpu, int what, bool slow, struct place *p)
{
    struct machine *m = mini(cpu);
    const struct till part[] = { at(m, TILL_LABEL, "space_copy"), at(m, TILL_WRITE, "current"), { .kind = TILL_CYCLES, .value = 3000000 } };
    const struct till or[] = { part[0], { .kind = TILL_RING, .a = 3 } };
    const struct till and[] = { { .kind = TILL_GUEST }, { .kind = TILL_RING, .a = 3 }, { .kind = TILL_RING, .a = machine_kernel_ring(m) } };
    const struct till all[TESTS] = {
        [LABEL] = at(m, TILL_LABEL, "context_switch"),
        [WORD] = part[1],
        [EITHER] = { .kind = TILL_ANY, .subs = 3, .sub = part },
        [BOTH] = { .kind = TILL_ALL, .subs = 2, .sub = part },
        [KERNEL] = { .kind = TILL_RING, .a = machine_kernel_ring(m) },
        [USER] = { .kind = TILL_RING, .a = 3 },
        [GUEST] = { .kind = TILL_GUEST },
        [RING_OR] = { .kind = TILL_ANY, .subs = 2, .sub = or },
        [RING_AND] = { .kind = TILL_ALL, .subs = 3, .sub = and },
    };
    unsigned n = 0;
    if (slow) machine_each(m, nothing, NULL);
    while (n < STOPS / ONE_IN(4) && machine_run(m, &all[what], UINT64_MAX) == MACHINE_TILL)
        p[n++] = (struct place){ machine_insns(m), machine_cycles(m), machine_state_hash(m) };
    machine_free(m);
    return n;
}

static void test_same_moments(void **state)
{
    static const char *const cpus[] = { "native", "te", "bt", "vtx", "pv" };
    (void)state;
    for (unsigned c = 0; c < sizeof cpus / sizeof cpus[0]; c++)
        for (int what = (int)c & 1; what < TESTS; what += c == 2 ? 1 : 2) { /* all under bt, whose code lies elsewhere */
            struct place fast[STOPS], slow[STOPS];
            unsigned n = stops(cpus[c], what, false, fast), k = stops(cpus[c], what, true, slow);
            if (n < (what == BOTH || what == RING_AND ? 1 : 2)) fail_msg("%s, condition %d: only %u stops, %u step by step", cpus[c], what, n, k);
            if (n != k) fail_msg("%s, condition %d: %u stops at full speed, %u step by step", cpus[c], what, n, k);
            for (unsigned i = 0; i < n; i++)
                if (fast[i].insns != slow[i].insns || fast[i].cycles != slow[i].cycles || fast[i].state != slow[i].state)
                    fail_msg("%s, condition %d, stop %u: moment %llu, cycle %llu at full speed, %llu, %llu step by step; state %s", cpus[c], what, i,
                             (unsigned long long)fast[i].insns, (unsigned long long)fast[i].cycles, (unsigned long long)slow[i].insns,
                             (unsigned long long)slow[i].cycles, fast[i].state == slow[i].state ? "same" : "other");
        }
}

/* A debugger's own stop point beside a condition: whichever comes first, and neither hides the other. */
static void test_beside_points(void **state)
{
    (void)state;
    struct machine *m = mini("native");
    struct till label = at(m, TILL_LABEL, "context_switch"), fork = at(m, TILL_LABEL, "space_copy");
    const struct point point = { fork.a, 1, POINT_EXEC };
    unsigned points = 0, labels = 0;
    machine_points(m, &point, 1);
    for (enum machine_stop s; points < 3 && (s = machine_run(m, &label, UINT64_MAX)) != MACHINE_ENDED;) {
        if (s == MACHINE_POINT) points++, assert_int_equal(machine_code(m), fork.a), machine_points_pass(m);
        else labels++, assert_int_equal(machine_code(m), label.a);
    }
    assert_int_equal(points, 3);
    assert_true(labels > 0);
    while (machine_run(m, NULL, UINT64_MAX) == MACHINE_POINT) assert_int_equal(machine_code(m), fork.a), machine_points_pass(m), points++;
    assert_true(points > 3);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_moments),
        cmocka_unit_test(test_beside_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
