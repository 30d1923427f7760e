/* Two machines in step: faithful ones stay so to the end whatever their clocks do, and any difference is found where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/lockstep.h"
#include "tests/support/sanitized.h"

static struct machine *boot(const char *guest, const char *cpu, const char *model)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.model, model);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static struct lockstep pair(struct machine *a, struct machine *b, uint64_t limit)
{
    struct lockstep l;
    lockstep_init(&l, a, b);
    lockstep_run(&l, limit);
    return l;
}

static void over(struct lockstep *l)
{
    machine_free(l->m[0]);
    machine_free(l->m[1]);
}

/* Timers fire at other instructions, ports answer later, and none of it is the guest's to see. */
static void in_step(void **state)
{
    (void)state;
    static const struct { const char *guest, *cpu[2], *model[2]; uint64_t limit; bool whole; } rows[] = {
        { "fault", { "native", "te" }, { "p4", "p4" }, 100000, true },
        { "popf", { "native", "native" }, { "p4", "p4" }, 100000, true },
        { "popf", { "native", "native" }, { "ideal", "p4" }, 200000, false },
        { "rings", { "native", "te" }, { "p4", "p4" }, 60000, false },
        { "fault", { "native", "bt" }, { "p4", "p4" }, 100000, true },
        { "popf", { "native", "bt" }, { "p4", "p4" }, 100000, true },
        { "sens19", { "native", "bt" }, { "p4", "p4" }, 400000, true },
        { "rings", { "te", "bt" }, { "p4", "p4" }, 60000, false },
        { "popf", { "native", "vtx" }, { "p4", "p4" }, 100000, true },
        { "sens19", { "native", "vtx" }, { "p4", "p4" }, 400000, true },
        { "rings", { "te", "te" }, { "p4", "ideal" }, 60000, false },
    };
    for (unsigned i = SANITIZED; i < sizeof rows / sizeof rows[0]; i += ONE_IN(3)) {
        struct lockstep l = pair(boot(rows[i].guest, rows[i].cpu[0], rows[i].model[0]),
                                 boot(rows[i].guest, rows[i].cpu[1], rows[i].model[1]), rows[i].limit);
        if (l.end != (rows[i].whole ? LOCKSTEP_ENDED : LOCKSTEP_LIMIT))
            fail_msg("row %u: end %u after %llu steps at %08X: %s; %s wanted %X got %X", i, l.end, (unsigned long long)l.steps,
                     l.eip, l.insn, l.difference[0].what, l.difference[0].wanted, l.difference[0].got);
        over(&l);
    }
}

static void popf_is_found(void **state)
{
    (void)state;
    struct lockstep l = pair(boot("popf", "native", "p4"), boot("popf", "te", "p4"), 100000);
    uint32_t at;
    assert_int_equal(l.end, LOCKSTEP_PARTED);
    assert_true(machine_find_symbol(l.m[0], "read_flags", &at));
    assert_int_equal(l.eip, at); /* PUSHF shows the real IF, before any POPF loses it */
    assert_string_equal(l.insn, "pushfd");
    assert_string_equal(l.difference[0].what, "memory");
    assert_int_equal(l.difference[0].wanted ^ l.difference[0].got, 0x200);
    assert_int_not_equal(l.silent, 0);
    assert_true(l.interrupts > 0);
    over(&l);
}

/* What one side is given is found at the very next step. */
static void planted(void **state)
{
    (void)state;
    static const char *const regs[] = { "eax", "edi", "eflags" };
    for (unsigned i = 0; i < 4; i++) {
        struct lockstep l = pair(boot("fault", "native", "p4"), boot("fault", "te", "p4"), 1000);
        struct machine_cpu c;
        assert_int_equal(l.end, LOCKSTEP_LIMIT);
        l.end = LOCKSTEP_RUNNING;
        machine_guest(l.m[1], &c);
        uint32_t value = i == 2 ? c.eflags ^ 0x400 : c.reg[i ? 7 : 0] ^ 0x10000, word = 0xDEADBEEF;
        if (i < 3) assert_true(machine_set_reg(l.m[1], regs[i], value));
        else assert_true(machine_poke(l.m[1], gva(c.reg[4]), &word, 4)); /* the word on top of the stack */
        lockstep_step(&l);
        if (l.end == LOCKSTEP_RUNNING) lockstep_run(&l, 1100);
        assert_int_equal(l.end, LOCKSTEP_PARTED);
        assert_true(l.steps <= 1001);
        if (i == 3) assert_int_equal(l.difference[0].got, 0xDEADBEEF);
        over(&l);
    }
}

/* Four at once: each is held against the first, whoever parts is named, and when that is forgiven they all go on. */
static void four_in_step(void **state)
{
    (void)state;
    static const struct { const char *guest; unsigned parts; uint64_t limit; } rows[] = { { "sens19", 1, 400000 }, { "popf", 1, 100000 }, { "rings", 0, 60000 } };
    static const char *const cpus[] = { "native", "te", "bt", "vtx" };
    for (unsigned i = SANITIZED; i < sizeof rows / sizeof rows[0]; i++) {
        struct lockstep l;
        unsigned forgiven = 0;
        lockstep_init(&l, boot(rows[i].guest, cpus[0], "p4"), boot(rows[i].guest, cpus[1], "p4"));
        for (unsigned k = 2; k < 4; k++) assert_true(lockstep_add(&l, boot(rows[i].guest, cpus[k], "p4")));
        for (lockstep_run(&l, rows[i].limit); l.end == LOCKSTEP_PARTED; lockstep_run(&l, rows[i].limit)) {
            for (unsigned d = 0; d < l.differences; d++) assert_int_equal(l.difference[d].machine, rows[i].parts);
            if (l.silent) assert_int_equal(l.silent_on, 1);
            if (!lockstep_forgive(&l)) break;
            forgiven++;
        }
        if (l.end != LOCKSTEP_ENDED && l.end != LOCKSTEP_LIMIT)
            fail_msg("%s: end %u after %llu steps at %08X: %s; %s wanted %X got %X; %s", rows[i].guest, l.end, (unsigned long long)l.steps, l.eip, l.insn,
                     l.difference[0].what, l.difference[0].wanted, l.difference[0].got, l.why ? l.why : "");
        assert_int_equal(forgiven > 0, rows[i].parts > 0);
        for (unsigned k = 1; k < 4; k++) assert_int_equal(machine_guest_insns(l.m[k]), machine_guest_insns(l.m[0]));
        for (unsigned k = 0; k < 4; k++) machine_free(l.m[k]);
    }
}

/* Time passes and nothing executes. */
static void stalled(void **state)
{
    (void)state;
    struct machine *m = boot("popf", "native", "p4");
    machine_run(m, NULL, 100);
    uint64_t insns = machine_insns(m), cycles = machine_cycles(m);
    machine_stall(m, 12345);
    assert_int_equal(machine_insns(m), insns);
    assert_int_equal(machine_cycles(m), cycles + 12345);
    struct machine_summary s;
    machine_summary(m, &s);
    assert_int_equal(s.by_cause[CAUSE_IDLE], 12345);
    machine_forward_only(m);
    machine_run(m, NULL, 1000);
    assert_false(machine_back(m, 1));
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_step), cmocka_unit_test(popf_is_found), cmocka_unit_test(planted), cmocka_unit_test(four_in_step), cmocka_unit_test(stalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
