/* Equivalence, the central test: every guest under every technique must end as it does bare: same console text, same
 * memory. Where a technique is unfaithful by nature the divergence is named here, line by line, and demanded: if it ever
 * agreed, the simulator would be wrong. A new technique is tested the moment it is in its table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/firmware_tables.h"
#include "sim/machine.h"

enum { MOST = 60000000, RAM_MIB = 16 };

static struct machine *end_of(const char *guest, const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, cpu);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    machine_run(m, NULL, MOST);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s under %s: %s", guest, cpu, machine_end(m).why);
    assert_int_equal(machine_end(m).code, 0);
    return m;
}

/* Splits text into lines in place; returns how many. */
static unsigned lines(char *text, char **line, unsigned room)
{
    unsigned n = 0;
    for (char *s = strtok(text, "\n"); s && n < room; s = strtok(NULL, "\n")) line[n++] = s;
    return n;
}

static char *console(const struct machine *m)
{
    size_t n;
    const char *s = machine_serial(m, &n);
    char *copy = malloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = 0;
    return copy;
}

/* `except`: variables that must differ, each; nothing else may, but for what firmware says about the board: a VM has no APICs. */
static void same_memory(const struct machine *a, const struct machine *b, const char *what,
                        const char *const *except, unsigned n)
{
    static uint8_t x[4096], y[4096];
    unsigned differed = 0;
    for (uint32_t at = 0; at < RAM_MIB << 20; at += sizeof x) {
        if (at == FIRMWARE_TABLES) continue;
        assert_true(machine_peek_gpa(a, gpa(at), x, sizeof x));
        assert_true(machine_peek_gpa(b, gpa(at), y, sizeof y));
        for (unsigned i = 0; i < sizeof x; i++)
            if (x[i] != y[i]) {
                char name[96];
                unsigned k = 0;
                machine_symbol(a, at + i, name, sizeof name);
                while (k < n && strcmp(name, except[k])) k++;
                if (k < n) {
                    differed |= 1u << k;
                    continue;
                }
                fail_msg("%s: byte at %08X (%s) is %02X bare and %02X virtualised", what, at + i,
                         machine_symbol(a, at + i, name, sizeof name), x[i], y[i]);
            }
    }
    assert_int_equal(differed, (1u << n) - 1);
}

static const char *const techniques[] = { "te", "vtx" };
enum { TECHNIQUES = sizeof techniques / sizeof techniques[0] };

/* Guests that use no silent instruction for anything that matters. */
static void faithful(void **state)
{
    (void)state;
    static const char *const guests[] = { "rings", "fault" };
    for (unsigned g = 0; g < 2; g++) {
        struct machine *bare = end_of(guests[g], "native");
        for (unsigned t = 0; t < TECHNIQUES; t++) {
            struct machine *m = end_of(guests[g], techniques[t]);
            char *x = console(bare), *y = console(m);
            assert_string_equal(x, y);
            same_memory(bare, m, guests[g], NULL, 0);
            free(x);
            free(y);
            machine_free(m);
        }
        machine_free(bare);
    }
}

/* In a ring 0 of its own a kernel meets no instruction that lies. */
static void hardware_assist(void **state)
{
    (void)state;
    static const char *const guests[] = { "popf", "sens19" };
    for (unsigned g = 0; g < 2; g++) {
        struct machine *bare = end_of(guests[g], "native"), *m = end_of(guests[g], "vtx");
        char *x = console(bare), *y = console(m);
        assert_string_equal(x, y);
        same_memory(bare, m, guests[g], NULL, 0);
        free(x);
        free(y);
        machine_free(bare);
        machine_free(m);
    }
}

/* What POPF does to a kernel in ring 1, line by line; everything else must agree. */
static const struct { const char *bare, *te; } popf_differs[] = {
    { "IF after cli: 0", "IF after cli: 1" },
    { "IF after popf: 0", "IF after popf: 1" },
    { "critical section: undisturbed", "critical section: INTERRUPTED, update lost" },
};

static void popf_loses_the_interrupt_flag(void **state)
{
    (void)state;
    struct machine *bare = end_of("popf", "native"), *te = end_of("popf", "te");
    char *x = console(bare), *y = console(te), *a[64], *b[64];
    unsigned n = lines(x, a, 64), found = 0;
    assert_int_equal(n, lines(y, b, 64));
    for (unsigned i = 0; i < n; i++) {
        if (!strcmp(a[i], b[i])) continue;
        assert_true(found < sizeof popf_differs / sizeof popf_differs[0]);
        assert_string_equal(a[i], popf_differs[found].bare);
        assert_string_equal(b[i], popf_differs[found].te);
        found++;
    }
    assert_int_equal(found, sizeof popf_differs / sizeof popf_differs[0]);
    same_memory(bare, te, "popf", (const char *const[]){ "if_inside", "interrupted_in_critical" }, 2);
    free(x);
    free(y);
    machine_free(bare);
    machine_free(te);
}

/* The rows of sensitive instructions. Wrong under trap-and-emulate: all but INT n, whose gate traps, so that the
 * hypervisor can take it through the guest's own IDT. The control group works, because it traps. */
static const struct { unsigned row; const char *te; } rows[] = {
    { 1, "DIFFERENT" }, { 2, "DIFFERENT" }, { 3, "DIFFERENT" }, { 4, "DIFFERENT" }, { 5, "DIFFERENT" }, { 6, "DIFFERENT" },
    { 7, "DIFFERENT" }, { 8, "DIFFERENT" }, { 9, "DIFFERENT" }, { 10, "DIFFERENT" }, { 11, "DIFFERENT" }, { 12, "DIFFERENT" },
    { 13, "DIFFERENT" }, { 14, "DIFFERENT" }, { 15, "DIFFERENT" }, { 16, "DIFFERENT" }, { 17, "DIFFERENT" }, { 18, "same" },
    { 19, "DIFFERENT" },
};

static const char *last_word(const char *line)
{
    const char *space = strrchr(line, ' ');
    return space ? space + 1 : line;
}

static void sensitive_rows(void **state)
{
    (void)state;
    struct machine *bare = end_of("sens19", "native"), *te = end_of("sens19", "te");
    char *x = console(bare), *y = console(te), *a[96], *b[96];
    unsigned n = lines(x, a, 96), seen = 0;
    assert_int_equal(n, lines(y, b, 96));
    for (unsigned i = 0; i < n; i++) {
        unsigned row = 0;
        if (sscanf(a[i], "row %u", &row) == 1) {
            assert_int_equal(rows[seen].row, row);
            assert_string_equal(last_word(a[i]), "same");
            if (strcmp(last_word(b[i]), rows[seen].te)) fail_msg("under te: %s", b[i]);
            seen++;
        } else if (strncmp(a[i], "rows different", 14)) {
            assert_string_equal(a[i], b[i]);
        }
    }
    assert_int_equal(seen, 19);
    free(x);
    free(y);
    machine_free(bare);
    machine_free(te);
}

/* Which mnemonics the detector reported, each at least once, with what was wanted and got at its first report. */
static const struct { const char *word, *field; bool any; uint32_t wanted, got; } silent[] = {
    { "sgdt", "stored", true, 0, 0 }, { "sidt", "stored", true, 0, 0 }, { "sldt", "register", true, 0, 0 },
    { "str", "register", true, 0, 0 }, { "smsw", "register", true, 0, 0 }, { "pushf", "stored", true, 0, 0 },
    { "popf", "IOPL", true, 0, 0 }, { "lar", "register", true, 0, 0 }, { "lsl", "register", true, 0, 0 },
    { "verr", "ZF", false, 0, 1 }, { "verw", "ZF", false, 0, 1 },
};

static void detector_reports_each(void **state)
{
    (void)state;
    struct machine *te = end_of("sens19", "te");
    const struct trace *t = machine_trace_of(te);
    for (unsigned s = 0; s < sizeof silent / sizeof silent[0]; s++) {
        bool found = false;
        for (size_t i = 0; i < trace_count(t) && !found; i++) {
            const struct event *e = trace_at(t, i);
            if (e->kind != EV_SILENT || strcmp(trace_name("mnemonic", e->u.SILENT.op), silent[s].word)) continue;
            found = true;
            assert_int_not_equal(e->u.SILENT.wanted, e->u.SILENT.got);
            if (!silent[s].any) {
                assert_string_equal(trace_name("field", e->u.SILENT.field), silent[s].field);
                assert_int_equal(e->u.SILENT.wanted, silent[s].wanted);
                assert_int_equal(e->u.SILENT.got, silent[s].got);
            }
        }
        if (!found) fail_msg("%s went wrong unseen", silent[s].word);
    }
    machine_free(te);
}

/* Nothing sensitive is silent on the bare machine, and control-group instructions never are. */
static void detector_is_quiet_when_right(void **state)
{
    (void)state;
    struct machine_summary s;
    struct machine *m = end_of("sens19", "native");
    machine_summary(m, &s);
    assert_int_equal(s.silent, 0);
    machine_free(m);
    m = end_of("fault", "te");
    machine_summary(m, &s);
    assert_int_equal(s.silent, 0);
    machine_free(m);
}

/* "fault" polls the line a little, so its instructions depend on time, by a handful; what is a hypervisor's is not counted. */
static void the_guests_instructions_are_counted(void **state)
{
    (void)state;
    struct machine_summary bare, s;
    struct machine *m = end_of("fault", "native");
    machine_summary(m, &bare);
    machine_free(m);
    for (unsigned i = 0; i < TECHNIQUES; i++) {
        m = end_of("fault", techniques[i]);
        machine_summary(m, &s);
        assert_in_range(s.guest_insns, bare.guest_insns - 20, bare.guest_insns + 20);
        machine_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guests_instructions_are_counted),
        cmocka_unit_test(faithful), cmocka_unit_test(hardware_assist), cmocka_unit_test(popf_loses_the_interrupt_flag), cmocka_unit_test(sensitive_rows),
        cmocka_unit_test(detector_reports_each), cmocka_unit_test(detector_is_quiet_when_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
