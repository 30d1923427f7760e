/* Time: determinism, stepping against running, and going back. A moment revisited must be the same moment: registers,
 * RAM, devices, clock, accounts and history, by one hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"
#include "tests/support/sanitized.h"

static const struct { const char *cpu, *guest; } cases[] = {
    { "native", "popf" }, { "te", "popf" }, { "native", "rings" }, { "te", "rings" },
    { "native", "fault" }, { "te", "fault" }, { "native", "sens19" }, { "te", "sens19" },
    { "vtx", "popf" }, { "vtx", "rings" }, { "bt", "popf" }, { "pv", "pvtest" },
};
enum { CASES = sizeof cases / sizeof cases[0], MOST = 40000000 };

static struct machine *boot(unsigned i)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    strcpy(cfg.cpu, cases[i].cpu);
    strcpy(cfg.image, "build/guests/");
    strcat(cfg.image, cases[i].guest);
    strcat(cfg.image, ".elf");
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

struct moment { uint64_t insns, cycles, state, trace; };

static struct moment now(const struct machine *m)
{
    return (struct moment){ machine_insns(m), machine_cycles(m), machine_state_hash(m), trace_hash(machine_trace_of(m)) };
}

static void same(const struct moment *a, const struct moment *b, const char *what)
{
    if (a->insns != b->insns || a->cycles != b->cycles || a->state != b->state || a->trace != b->trace)
        fail_msg("%s: boundary %llu/%llu cycle %llu/%llu state %s trace %s", what, (unsigned long long)a->insns,
                 (unsigned long long)b->insns, (unsigned long long)a->cycles, (unsigned long long)b->cycles,
                 a->state == b->state ? "same" : "differs", a->trace == b->trace ? "same" : "differs");
}

static void accounts_balance(const struct machine *m)
{
    struct machine_summary s;
    machine_summary(m, &s);
    uint64_t sum = 0;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) sum += s.by_cause[c];
    assert_int_equal(sum, s.cycles);
    assert_int_equal(s.by_cause[CAUSE_NONE], 0);
}

static void two_runs_are_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i += ONE_IN(3)) {
        struct machine *a = boot(i), *b = boot(i);
        machine_run(a, NULL, MOST);
        machine_run(b, NULL, MOST);
        struct moment x = now(a), y = now(b);
        same(&x, &y, cases[i].guest);
        assert_int_equal(machine_end(a).fate, FATE_EXITED);
        assert_int_equal(machine_end(a).code, 0);
        accounts_balance(a);
        machine_free(a);
        machine_free(b);
    }
}

static void stepping_is_running(void **state)
{
    (void)state;
    for (unsigned i = SANITIZED ? 2 : 0; i < CASES; i += ONE_IN(3)) {
        struct machine *a = boot(i), *b = boot(i);
        for (unsigned n = 0; n < 8; n++) {
            machine_run(a, NULL, 977);
            for (unsigned k = 0; k < 977; k++) machine_run(b, NULL, 1);
            struct moment x = now(a), y = now(b);
            same(&x, &y, cases[i].guest);
        }
        machine_free(a);
        machine_free(b);
    }
}

enum { MARKS = 12 };

static uint32_t chance(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 8; }

/* Visits marks in random order, and wanders around each. */
static void wander(struct machine *m, const struct moment *mark)
{
    uint32_t seed = 7;
    for (unsigned n = 0; n < 8; n++) {
        const struct moment *to = &mark[chance(&seed) % MARKS];
        assert_true(machine_goto(m, to->insns));
        struct moment here = now(m);
        same(to, &here, "goto");
        uint32_t steps = chance(&seed) % 50;
        for (uint32_t k = 0; k < steps; k++) machine_run(m, NULL, 1);
        uint64_t gone = machine_insns(m) - to->insns;
        for (uint64_t k = 0; k < gone; k++) assert_true(machine_back(m, 1));
        here = now(m);
        same(to, &here, "step and back");
    }
}

static void going_back_is_exact(void **state)
{
    (void)state;
    for (unsigned i = SANITIZED; i < CASES; i += ONE_IN(5)) {
        struct machine *m = boot(i);
        struct moment mark[MARKS];
        mark[0] = now(m);
        for (unsigned n = 1; n < MARKS; n++) {
            machine_run(m, NULL, n < 6 ? 311 : 33331);
            mark[n] = now(m);
        }
        machine_run(m, NULL, MOST);
        struct moment end = now(m);
        wander(m, mark);
        machine_run(m, NULL, MOST);
        struct moment again = now(m);
        same(&end, &again, "forward again to the end");
        machine_free(m);
    }
}

static void events_can_be_visited(void **state)
{
    (void)state;
    struct machine *m = boot(1);
    machine_run(m, NULL, MOST);
    uint32_t last = trace_last(machine_trace(m));
    assert_true(last > 20);
    for (uint32_t id = last - 1; id > 1; id -= last / 17) {
        uint64_t at = trace_by_id(machine_trace(m), id)->insns;
        assert_true(machine_goto_event(m, id));
        assert_true(machine_insns(m) >= at && machine_insns(m) <= at + 1);
        machine_run(m, NULL, MOST);
        assert_int_equal(trace_last(machine_trace(m)), last);
        if (id < last / 17) break;
    }
    machine_free(m);
}

/* Conditions of several parts: each is remembered, and none is overlooked for being another's. */
static void conditions_add_up(void **state)
{
    (void)state;
    const struct till insns[2] = { { .kind = TILL_INSNS, .value = 50 }, { .kind = TILL_INSNS, .value = 5000 } };
    const struct till both = { .kind = TILL_ALL, .subs = 2, .sub = insns };
    const struct till nest[2] = { both, { .kind = TILL_INSNS, .value = 100 } };
    const struct till nested = { .kind = TILL_ALL, .subs = 2, .sub = nest };
    const struct till past = { .kind = TILL_INSNS, .value = 10 };
    struct machine *m = boot(3);
    assert_int_equal(machine_run(m, &both, MOST), MACHINE_TILL);
    assert_int_equal(machine_insns(m), 5000);
    machine_goto(m, 0);
    assert_int_equal(machine_run(m, &nested, MOST), MACHINE_TILL);
    assert_int_equal(machine_insns(m), 5000);
    assert_int_equal(machine_run(m, &past, MOST), MACHINE_TILL); /* true from the start: after the first step */
    assert_int_equal(machine_insns(m), 5001);
    machine_free(m);
}

/* A page table changed by hand: the hypervisor's shadow of it follows, as it follows the guest's own stores. */
static void pokes_are_followed(void **state)
{
    (void)state;
    struct machine *m = boot(3);
    const struct till user = { .kind = TILL_RING, .a = 3 };
    assert_int_equal(machine_run(m, &user, MOST), MACHINE_TILL);
    struct machine_cpu cpu;
    struct machine_xlat x;
    uint32_t table, none = 0;
    assert_true(machine_find_symbol(m, "low_table", &table));
    do { /* until its page is in the shadow tables, too */
        machine_run(m, NULL, 1);
        machine_cpu(m, &cpu);
        machine_translate(m, gva(cpu.eip), 0, &x);
    } while (cpu.cpl != 3 || !x.real_ok);
    assert_true(x.guest_ok);
    assert_true(machine_poke(m, gva(table + (cpu.eip >> 12) * 4), &none, 4));
    machine_translate(m, gva(cpu.eip), 0, &x);
    assert_false(x.guest_ok);
    assert_false(x.real_ok);
    accounts_balance(m);
    machine_free(m);
}

/* Input happens at the moment at which it came, again and again; what is typed after going back replaces what came later. */
static void input_is_replayed(void **state)
{
    (void)state;
    for (unsigned i = SANITIZED; i < CASES; i += ONE_IN(3)) {
        struct machine *m = boot(i), *other = boot(i);
        machine_run(m, NULL, 20000);
        machine_run(other, NULL, 20000);
        machine_key(m, 0x1E, true);
        machine_key(m, 0x1E, false);
        machine_serial_input(m, "ab", 2);
        machine_run(m, NULL, 20000);
        struct moment typed = now(m);
        machine_run(other, NULL, machine_insns(m) - machine_insns(other));
        struct moment without = now(other);
        assert_true(typed.state != without.state);
        machine_key(m, 0x30, true);
        machine_run(m, NULL, 20000);
        struct moment last = now(m), again;
        for (unsigned k = 0; k < 2; k++) {
            assert_true(machine_goto(m, k ? 20000 : 5000));
            assert_true(machine_goto(m, typed.insns));
            again = now(m);
            same(&typed, &again, "the moment after typing");
            assert_true(machine_goto(m, last.insns));
            again = now(m);
            same(&last, &again, "the last moment");
        }
        assert_true(machine_goto(m, 10000));
        machine_key(m, 0x20, true); /* the rest has never been */
        machine_run(m, NULL, typed.insns - 10000);
        again = now(m);
        assert_true(again.state != typed.state);
        machine_free(m);
        machine_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_runs_are_one), cmocka_unit_test(stepping_is_running), cmocka_unit_test(going_back_is_exact),
        cmocka_unit_test(events_can_be_visited), cmocka_unit_test(conditions_add_up),
        cmocka_unit_test(pokes_are_followed), cmocka_unit_test(input_is_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
