/* The recorder of the last instructions: it changes nothing, and each record is what the machine was at that moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"
#include "tests/support/sanitized.h"

static const struct { const char *cpu, *guest; } cases[] = {
    { "native", "popf" }, { "te", "popf" }, { "native", "rings" }, { "te", "rings" }, { "native", "fault" }, { "te", "sens19" },
    { "vtx", "rings" },
};
enum { CASES = sizeof cases / sizeof cases[0], MOST = 40000000, LOOKED_AT = SANITIZED ? 1000 : 3000 };

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

static void same_end(const struct machine *a, const struct machine *b)
{
    assert_int_equal(machine_insns(a), machine_insns(b));
    assert_int_equal(machine_cycles(a), machine_cycles(b));
    assert_int_equal(machine_state_hash(a), machine_state_hash(b));
    assert_int_equal(trace_hash(machine_trace_of(a)), trace_hash(machine_trace_of(b)));
}

static void recorded_is_unrecorded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i += ONE_IN(3)) {
        struct machine *a = boot(i), *b = boot(i), *c = boot(i);
        assert_true(machine_record(b, 1000));
        machine_run(a, NULL, MOST);
        machine_run(b, NULL, MOST);
        assert_int_equal(machine_records(b), 1024);
        assert_int_equal(machine_records(a), 0);
        same_end(a, b);
        for (unsigned k = 0; machine_end(c).fate == FATE_RUNNING; k++) { /* on and off */
            assert_true(machine_record(c, k & 1 ? 64 : 0));
            machine_run(c, NULL, 977);
        }
        same_end(a, c);
        machine_free(a);
        machine_free(b);
        machine_free(c);
    }
}

static void is_moment(const struct machine_record *r, const struct machine *m)
{
    struct machine_cpu now;
    uint8_t bytes[15];
    machine_cpu(m, &now);
    assert_int_equal(r->moment, machine_insns(m));
    assert_in_range(r->cycle, machine_cycles(m), machine_cycles(m) + 400); /* behind the walk of its fetch */
    assert_memory_equal(r->reg, now.reg, sizeof now.reg);
    assert_int_equal(r->eip, now.eip);
    assert_int_equal(r->eflags, now.eflags);
    assert_int_equal(r->ring, now.cpl);
    assert_int_equal(r->cs_base, now.seg[1].base);
    assert_in_range(r->len, 1, 15);
    if (machine_peek(m, gva(r->cs_base + r->eip), bytes, r->len)) assert_memory_equal(r->bytes, bytes, r->len);
}

static void every_record_is_a_moment(void **state)
{
    (void)state;
    for (unsigned i = SANITIZED; i < CASES; i += ONE_IN(2)) {
        struct machine *a = boot(i), *b = boot(i);
        struct machine_record r;
        machine_record(a, 1 << 20);
        machine_run(a, NULL, MOST);
        size_t n = machine_records(a);
        assert_true(n > 100);
        for (size_t k = n > LOOKED_AT ? n - LOOKED_AT : 0; k < n; k++) {
            machine_record_at(a, k, &r);
            assert_true(machine_goto(b, r.moment));
            is_moment(&r, b);
        }
        machine_free(a);
        machine_free(b);
    }
}

/* Stepping fills the ring as running does; going back forgets, going forward again records the same. */
static void time_travels(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        struct machine *a = boot(i), *b = boot(i);
        struct machine_record x, y;
        machine_record(a, 1 << 14);
        machine_record(b, 1 << 14);
        machine_run(a, NULL, 5000);
        for (unsigned k = 0; k < 5000; k++) machine_run(b, NULL, 1);
        size_t n = machine_records(a);
        assert_int_equal(n, machine_records(b));
        assert_true(machine_goto(b, 2000));
        machine_record_at(b, machine_records(b) - 1, &y);
        assert_true(machine_records(b) < n && y.moment < 2000);
        machine_run(b, NULL, 3000);
        assert_int_equal(n, machine_records(b));
        for (size_t k = 0; k < n; k++) {
            machine_record_at(a, k, &x);
            machine_record_at(b, k, &y);
            assert_memory_equal(&x, &y, sizeof x);
        }
        machine_free(a);
        machine_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_is_unrecorded),
        cmocka_unit_test(every_record_is_a_moment),
        cmocka_unit_test(time_travels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
