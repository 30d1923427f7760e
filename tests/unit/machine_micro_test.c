/* Inside one instruction: the parts add up to the step, the machine stands where it stood, and the right things are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/micro.h"
#include "tests/support/sanitized.h"

static struct machine *boot(const char *guest, const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    strcpy(cfg.image, guest);
    if (!config_option(&cfg, "cpu", cpu, &e) || !config_check(&cfg, &e)) fail_msg("%s", e.text);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void parts_add_up(void **state)
{
    static const char *const cpus[] = { "native", "te", "bt", "vtx" };
    unsigned waits = 0;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct machine *m = boot("build/guests/rings.elf", cpus[i]);
        uint32_t seed = 7;
        for (unsigned n = 0; n < (SANITIZED ? 150 : 400); n++) {
            static struct micro x;
            seed = seed * 1664525 + 1013904223;
            machine_run(m, NULL, n < 100 ? 1 : seed >> 24);
            uint64_t at = machine_insns(m), cycles = machine_cycles(m), hash = machine_state_hash(m), sum = 0;
            uint32_t events = trace_last(machine_trace_of(m));
            assert_true(micro_read(m, &x));
            assert_int_equal(machine_state_hash(m), hash);
            assert_int_equal(trace_last(machine_trace_of(m)), events);
            for (unsigned k = 0; k < x.n; k++) sum += x.step[k].cycles;
            for (unsigned k = 0; k < x.n; k++) assert_true(!x.step[k].cycles || *x.step[k].why);
            for (unsigned k = 0; k < x.n; k++) waits += !strcmp(x.step[k].kind, "wait") && strstr(x.step[k].why, "dep.load = 2") != NULL;
            machine_run(m, NULL, 1);
            if (machine_insns(m) == at) continue; /* a repeated string instruction, or time passing in HLT */
            if (sum != machine_cycles(m) - cycles) {
                struct text t = { 0 };
                micro_text(&x, x.n, &t);
                fail_msg("%s at %llu: %llu of %llu\n%s", cpus[i], (unsigned long long)at, (unsigned long long)sum,
                         (unsigned long long)(machine_cycles(m) - cycles), text_str(&t));
            }
        }
        machine_free(m);
    }
    assert_true(waits); /* the next instruction's, for what is loaded: told as such */
}

static const struct micro_step *part(const struct micro *x, const char *kind)
{
    for (unsigned i = 0; i < x->n; i++)
        if (!strcmp(x->step[i].kind, kind)) return &x->step[i];
    return NULL;
}

/* CLI in ring 1: fetched, refused (what it took to find out is its own cost), a fault, a gate. */
static void a_trap(void **state)
{
    (void)state;
    static struct micro x;
    struct machine *m = boot("build/guests/popf.elf", "te");
    uint32_t at;
    assert_true(machine_find_symbol(m, "disable_interrupts", &at));
    const struct till till = { .kind = TILL_LABEL, .a = at };
    assert_int_equal(machine_run(m, &till, UINT64_MAX), MACHINE_TILL);
    assert_true(micro_read(m, &x));
    assert_non_null(part(&x, "fetch"));
    assert_non_null(part(&x, "check"));
    assert_true(part(&x, "check")->stop);
    assert_non_null(part(&x, "fault"));
    assert_int_equal(part(&x, "gate")->cycles + part(&x, "execute")->cycles, x.cycles);
    assert_non_null(strstr(part(&x, "gate")->why, "gate.deliver"));
    struct text t = { 0 };
    micro_text(&x, x.n + 1, &t);
    for (const char *line = text_str(&t); *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        assert_in_range(strcspn(line, "\n"), 0, 66);
    if (getenv("SHOW")) print_message("%s\n", text_str(&t));
    text_free(&t);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(parts_add_up), cmocka_unit_test(a_trap) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
