/* Binary translation must not show: every guest ends as it does bare, console text and memory alike, with every part of the
 * translator on or off, with units of one instruction, with a cache that is emptied all the time. And no sensitive instruction
 * of a guest's kernel runs untranslated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/firmware_tables.h"
#include "sim/machine.h"
#include "tests/support/sanitized.h"

enum { MOST = 60000000, RAM_MIB = 16 };

/* Runs a guest to its end; `sets` are --set values, separated by spaces. */
static struct machine *end_of(const char *guest, const char *cpu, const char *sets)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    char words[128], *word;
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, cpu);
    strcpy(words, sets);
    for (word = strtok(words, " "); word; word = strtok(NULL, " "))
        if (!config_option(&cfg, "set", word, &e)) fail_msg("%s", e.text);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    machine_run(m, NULL, MOST);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s under %s %s: %s", guest, cpu, sets, machine_end(m).why);
    assert_int_equal(machine_end(m).code, 0);
    return m;
}

static void same_console(const struct machine *a, const struct machine *b, const char *what)
{
    size_t n, k;
    const char *x = machine_serial(a, &n), *y = machine_serial(b, &k);
    if (n != k || memcmp(x, y, n)) fail_msg("%s: the console differs:\n%.*s\n---\n%.*s", what, (int)n, x, (int)k, y);
}

/* But for what firmware says about the board: a VM has no APICs. */
static void same_memory(const struct machine *a, const struct machine *b, const char *what)
{
    static uint8_t x[4096], y[4096];
    for (uint32_t at = 0; at < RAM_MIB << 20; at += sizeof x) {
        if (at == FIRMWARE_TABLES) continue;
        assert_true(machine_peek_gpa(a, gpa(at), x, sizeof x));
        assert_true(machine_peek_gpa(b, gpa(at), y, sizeof y));
        if (!memcmp(x, y, sizeof x)) continue;
        for (unsigned i = 0; i < sizeof x; i++) {
            char name[96];
            if (x[i] != y[i])
                fail_msg("%s: byte at %08X (%s) is %02X bare and %02X translated", what, at + i,
                         machine_symbol(a, at + i, name, sizeof name), x[i], y[i]);
        }
    }
}

static void nothing_silent(const struct machine *m, const char *what)
{
    const struct trace *t = machine_trace_of(m);
    for (uint32_t id = 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        if (e && e->kind == EV_SILENT) fail_msg("%s: instruction %u failed silently at %08X", what, e->u.SILENT.op, e->eip);
    }
}

static const char *const guests[] = { "popf", "rings", "sens19", "fault" };
static const char *const variants[] = {
    "", "bt.chain=0", "bt.return=0", "bt.incache=0", "bt.adaptive=0", "bt.unit=1", "bt.unit=64", "bt.cache=4",
    "bt.unit=1 bt.cache=4", "bt.faults=0", "bt.faults=1 bt.unit=1", "bt.user=1", "bt.user=1 bt.unit=1 bt.cache=4 bt.faults=0", "bt.user=1 bt.incache=0", "bt.chain=0 bt.return=0 bt.incache=0 bt.adaptive=0",
};

static void ends_as_bare(void **state)
{
    (void)state;
    for (unsigned g = 0; g < sizeof guests / sizeof guests[0]; g++) {
        struct machine *bare = end_of(guests[g], "native", "");
        for (unsigned k = SANITIZED ? g : 0; k < sizeof variants / sizeof variants[0]; k += ONE_IN(4)) {
            char what[128];
            snprintf(what, sizeof what, "%s, %s", guests[g], variants[k]);
            struct machine *m = end_of(guests[g], "bt", variants[k]);
            same_console(bare, m, what);
            same_memory(bare, m, what);
            nothing_silent(m, what);
            machine_free(m);
        }
        machine_free(bare);
    }
}

/* Other costs let the timer come at other instructions: at every kind of instruction, and inside of sequences. */
static void interrupts_anywhere(void **state)
{
    (void)state;
    for (unsigned cost = 1; cost <= 16; cost += ONE_IN(5)) {
        char sets[32], what[48];
        snprintf(sets, sizeof sets, "cost.insn.load=%u", cost);
        snprintf(what, sizeof what, "popf, %s", sets);
        struct machine *bare = end_of("popf", "native", sets), *m = end_of("popf", "bt", sets);
        same_console(bare, m, what);
        same_memory(bare, m, what);
        machine_free(bare);
        machine_free(m);
    }
}

/* What a person is shown is the guest's: EIP and flags wherever translated code stands, stop points where the guest's code is. */
static void people_see_the_guest(void **state)
{
    (void)state;
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    uint32_t kmain;
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, "bt");
    strcpy(cfg.image, "build/guests/popf.elf");
    struct machine *m = machine_new(&cfg, &e);
    assert_non_null(m);
    assert_true(machine_find_symbol(m, "kmain", &kmain));
    const struct point stop = { .at = kmain, .length = 1, .kinds = POINT_EXEC };
    machine_points(m, &stop, 1);
    assert_int_equal(machine_run(m, NULL, MOST), MACHINE_POINT);
    struct machine_cpu guest, real;
    machine_guest(m, &guest);
    machine_cpu(m, &real);
    assert_int_equal(guest.eip, kmain);
    assert_int_equal(guest.cpl, 0);
    assert_int_equal(real.cpl, 1);
    assert_int_not_equal(real.eip, kmain);
    machine_points(m, NULL, 0);
    for (unsigned n = 0; n < 20000 && machine_end(m).fate == FATE_RUNNING; n++) {
        machine_run(m, NULL, 1);
        if (machine_place(m) != PLACE_KERNEL) continue;
        char name[64];
        machine_guest(m, &guest);
        assert_in_range(guest.eip, 0x100000, 0x200000); /* the image's code, not the cache's offsets */
        assert_int_equal(guest.eip, machine_eip(m));
        machine_cpu(m, &real);
        machine_symbol(m, real.seg[1].base + real.eip, name, sizeof name);
        assert_memory_equal(name, "bt.", 3);
    }
    machine_free(m);
}

static struct machine *bt_machine(const char *guest)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, "bt");
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = machine_new(&cfg, &e);
    assert_non_null(m);
    return m;
}

/* Whose an instruction of the cache is does not depend on how it is run: at full speed, in odd pieces, one by one. */
static void accounts_are_exact(void **state)
{
    (void)state;
    enum { PIECES = 3 };
    static const uint64_t piece[PIECES] = { MOST, 7, 1 };
    struct machine *m[PIECES];
    for (unsigned k = 0; k < PIECES; k++) {
        m[k] = bt_machine("fault");
        while (machine_end(m[k]).fate == FATE_RUNNING) machine_run(m[k], NULL, piece[k]);
        assert_true(machine_state_hash(m[k]) == machine_state_hash(m[0]));
        assert_true(machine_guest_insns(m[k]) == machine_guest_insns(m[0]));
    }
    uint64_t by_cause[CAUSE_COUNT], sum = 0;
    machine_causes(m[0], by_cause);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) sum += by_cause[c];
    assert_true(sum == machine_cycles(m[0]));
    assert_true(by_cause[CAUSE_KERNEL] > 10000); /* the guest's own instructions */
    assert_true(by_cause[CAUSE_TRANSLATED] > 1000);
    for (unsigned k = 0; k < PIECES; k++) machine_free(m[k]);
}

/* As many instructions as bare, whatever is switched off: but for a guest whose waiting depends on time. */
static void counts_the_guests_own(void **state)
{
    (void)state;
    static const char *const cpus[] = { "te", "vtx" };
    struct machine *m = end_of("fault", "bt", "");
    uint64_t n = machine_guest_insns(m);
    machine_free(m);
    for (unsigned k = 0; k < sizeof variants / sizeof variants[0] + 2; k++) {
        m = k < 2 ? end_of("fault", cpus[k], "") : end_of("fault", "bt", variants[k - 2]);
        if (machine_guest_insns(m) != n)
            fail_msg("%s: %llu instructions, not %llu", k < 2 ? cpus[k] : variants[k - 2], (unsigned long long)machine_guest_insns(m),
                     (unsigned long long)n);
        machine_free(m);
    }
}

/* Translated code goes back in time like everything else. */
static void time_goes_back(void **state)
{
    (void)state;
    struct machine *m = end_of("popf", "bt", "");
    uint64_t end = machine_insns(m);
    struct machine_cpu a, b;
    assert_true(machine_goto(m, end / 2));
    machine_cpu(m, &a);
    assert_true(machine_goto(m, end / 4));
    assert_true(machine_goto(m, end / 2));
    machine_cpu(m, &b);
    assert_memory_equal(&a, &b, sizeof a);
    machine_free(m);
}

/* ---- people change what runs */

/* At the label, or the guest instruction `at`, and not in the middle of a sequence. */
static void bring(struct machine *m, uint32_t at)
{
    struct machine_cpu c;
    for (unsigned n = 0; n < 100000; n++) {
        machine_guest(m, &c);
        if (c.eip == at && machine_place(m) == PLACE_KERNEL && machine_code(m) == at) return;
        machine_run(m, NULL, 1);
    }
    fail_msg("it never comes to %08X", at);
}

static uint32_t top_of_stack(const struct machine *m)
{
    struct machine_cpu c;
    uint32_t v = 0;
    machine_guest(m, &c);
    assert_true(machine_peek_guest(m, gva(c.seg[2].base + c.reg[4]), &v, 4));
    return v;
}

/* IF is in the vCPU page while translated code runs, EIP is one of the cache: both can be written, and count at once. */
static void people_change_the_guest(void **state)
{
    (void)state;
    struct machine *m = bt_machine("popf");
    struct machine_cpu before, c;
    uint32_t at;
    assert_true(machine_find_symbol(m, "read_flags", &at)); /* pushf; pop eax; ret */
    bring(m, at);
    machine_guest(m, &before);
    for (unsigned k = 0; k < 2; k++) {
        uint32_t want = before.eflags ^ (k ? 0u : 0x200u);
        assert_true(machine_set_reg(m, "eflags", want | 0x40));
        machine_guest(m, &c);
        assert_int_equal(c.eflags, want | 0x40);
        assert_int_equal(c.eip, at);
        bring(m, at + 1);
        assert_int_equal(top_of_stack(m) & 0x240, (want & 0x200) | 0x40);
        assert_true(machine_set_reg(m, "esp", before.reg[4]));
        assert_true(machine_set_reg(m, "eip", at)); /* and again */
        machine_guest(m, &c);
        assert_int_equal(c.eip, at);
        for (unsigned r = 0; r < 8; r++) assert_int_equal(c.reg[r], before.reg[r]);
    }
    bring(m, at);
    assert_true(machine_set_reg(m, "eflags", before.eflags));
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    assert_int_equal(machine_end(m).code, 0);
    machine_free(m);
}

/* Wherever the machine stands, in the middle of a sequence, too: what was written is what is there. */
static void changes_hold_anywhere(void **state)
{
    (void)state;
    struct machine *m = bt_machine("popf"), *bare = end_of("popf", "native", "");
    struct machine_cpu a, b;
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags" };
    for (unsigned n = 0; n < 3000; n++) {
        machine_run(m, NULL, 1 + n % 3);
        if (machine_place(m) == PLACE_VMM) continue;
        machine_guest(m, &a);
        unsigned r = n % 10;
        uint32_t is = r < 8 ? a.reg[r] : r == 8 ? a.eip : a.eflags;
        if (r != 8) { /* another value, and back; EIP as it is */
            assert_true(machine_set_reg(m, names[r], is ^ (r == 9 ? 0x200u : 0x10u)));
            machine_guest(m, &b);
            assert_int_equal(r < 8 ? b.reg[r] : b.eflags, is ^ (r == 9 ? 0x200u : 0x10u));
            assert_int_equal(a.eip, b.eip);
        }
        assert_true(machine_set_reg(m, names[r], is));
        machine_guest(m, &b);
        assert_int_equal(a.eip, b.eip);
        assert_int_equal(a.eflags, b.eflags);
        assert_memory_equal(a.reg, b.reg, sizeof a.reg);
    }
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    same_console(bare, m, "changed and changed back");
    machine_free(m);
    machine_free(bare);
}

/* A kernel that single-steps runs translated: the traps come from the cache, behind each of its own instructions. */
static void single_steps_in_the_cache(void **state)
{
    (void)state;
    struct machine *m = bt_machine("popf");
    uint32_t at, from;
    assert_true(machine_find_symbol(m, "read_flags", &at));
    bring(m, at + 1); /* pop eax: a copy */
    from = trace_last(machine_trace_of(m));
    assert_true(machine_set_reg(m, "eflags", 0x102));
    bool real = false, told = false;
    for (unsigned n = 0; n < 1000 && !told; n++) {
        machine_run(m, NULL, 1);
        for (uint32_t id = from + 1; id <= trace_last(machine_trace_of(m)); id++) {
            const struct event *e = trace_by_id(machine_trace_of(m), id);
            if (e->kind == EV_EXIT && e->u.EXIT.vector == 1) real = true;
            if (e->kind == EV_INJECT && e->u.INJECT.vector == 1) {
                assert_int_equal(e->eip, at + 2);
                told = true;
            }
        }
    }
    assert_true(told);
    assert_true(real);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ends_as_bare), cmocka_unit_test(interrupts_anywhere),
                                        cmocka_unit_test(people_see_the_guest),
                                        cmocka_unit_test(accounts_are_exact), cmocka_unit_test(counts_the_guests_own), cmocka_unit_test(time_goes_back),
                                        cmocka_unit_test(people_change_the_guest), cmocka_unit_test(changes_hold_anywhere), cmocka_unit_test(single_steps_in_the_cache) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
