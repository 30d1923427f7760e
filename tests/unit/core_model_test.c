/* CPU models as text files: what is read, and what is refused, with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/core/cost.h"
#include "sim/core/text.h"

static void carried(void **state)
{
    (void)state;
    struct model m;
    struct err e = { 0 };
    char source[200];
    for (unsigned i = 0; model_name(i); i++) {
        assert_true(model_find(model_name(i), &m, &e));
        assert_string_equal(m.name, model_name(i));
        assert_string_equal(m.about, model_about(i));
        for (unsigned c = 0; c < COST_COUNT; c++) {
            model_source(&m, (enum cost)c, source, sizeof source);
            assert_true(source[0]);
        }
    }
    assert_string_equal(model_name(0), "p4");
    assert_true(model_find("p4", &m, &e));
    assert_int_equal(m.hz, 3800000000u);
    assert_int_equal(m.vmx, 1);
    assert_int_equal(m.without, 0);
    assert_int_equal(m.cost[COST_GATE], 470);
    assert_true(model_find("ideal", &m, &e));
    assert_int_equal(m.cost[COST_DIV], 1);
    assert_int_equal(m.cost[COST_GATE], 0);
}

static void unknown(void **state)
{
    (void)state;
    struct model m;
    struct err e = { 0 }, f = { 0 };
    assert_false(model_find("p5", &m, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "p4, core2, nehalem, ideal, off"));
    assert_false(model_find("/nowhere/x.model", &m, &f));
    assert_int_equal(f.code, EXIT_INPUT);
}

/* p4's text, with the line that begins with `row` replaced; NULL: nothing. The error's text, or "". */
static const char *with(const char *row, const char *line)
{
    static char said[sizeof((struct err *)0)->text];
    struct text p4 = { 0 }, mine = { 0 };
    struct model m;
    struct err e = { 0 };
    char path[] = "/tmp/ringside-model-XXXXXX.model";
    int fd = mkstemps(path, 6);
    assert_true(fd >= 0 && model_text("p4", &p4, &e));
    for (const char *s = text_str(&p4); *s;) {
        size_t n = strcspn(s, "\n") + 1;
        if (row && !strncmp(s, row, strlen(row))) text_add(&mine, "%s\n", line);
        else text_bytes(&mine, s, n);
        s += n;
    }
    assert_int_equal(write(fd, mine.s, mine.len), mine.len);
    close(fd);
    bool ok = model_find(path, &m, &e);
    assert_int_equal(e.code, ok ? 0 : EXIT_INPUT);
    if (ok && row && !strncmp(row, "insn.cli", 8)) assert_int_equal(m.cost[COST_CLI], 60);
    if (!ok) assert_int_equal(strncmp(e.text, path, strlen(path)), 0);
    snprintf(said, sizeof said, "%s", ok ? "" : e.text + strlen(path));
    unlink(path);
    text_free(&p4);
    text_free(&mine);
    return said;
}

static void changed(void **state)
{
    (void)state;
    assert_string_equal(with(NULL, NULL), "");
    assert_string_equal(with("insn.cli ", "  insn.cli\t60 AA06\r"), "");
    assert_string_equal(with("insn.cli ", "insn.cli 0x3C AA06"), "");
    assert_string_equal(with("insn.cli ", "# a comment\ninsn.cli 60 AA06\n\n"), "");
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *row, *line, *says; } cases[] = {
        { "insn.cli ", "insn.cli -3 AA06", "-3 is negative" },
        { "insn.cli ", "insn.cli 3000000 AA06", "3000000 is absurd; cycles, from 0 to 65535" },
        { "insn.cli ", "insn.cli 99999999999999999999999 AA06", "absurd" },
        { "insn.cli ", "insn.cli 3.5 AA06", "\"3.5\" is not a whole number" },
        { "insn.cli ", "insn.cli many AA06", "\"many\" is not a whole number" },
        { "insn.cli ", "insn.cli 60", "its source is missing" },
        { "insn.cli ", "insn.cli", "its value is missing" },
        { "insn.cli ", "insn.cly 60 AA06", "insn.cly: no such row" },
        { "insn.cli ", "", "a row is missing: insn.cli" },
        { "insn.cli ", "insn.cli 60 AA06\ninsn.cli 60 AA06", "said already in line" },
        { "model ", "", "a row is missing: model" },
        { "model ", "model", "its text is missing" },
        { "cpu.mhz ", "cpu.mhz 0 me", "absurd" },
        { "cpu.vmx ", "cpu.vmx 4 me", "absurd" },
        { "feature.pae ", "feature.pae 2 me", "absurd" },
        { "l1d.kb ", "", "a row is missing: l1d.kb" },
        { "l1d.ways ", "l1d.ways 17 me", "17 is absurd; ways, from 0 to 16" },
        { "l2.kb ", "l2.kb 65537 me", "absurd; KB, from 0 to 65536" },
        { "l2.inclusive ", "l2.inclusive 2 me", "absurd" },
        { "memory_ns ", "memory_ns -80 me", "-80 is negative" },
        { "branch.counters ", "branch.counters 8192 me", "absurd; counters, from 0 to 4096" },
        { "branch.history ", "branch.history 13 me", "absurd" },
        { "tlb2.entries ", "tlb2.entries 2048 me", "absurd; entries, from 0 to 1024" },
        { "tlb2.stall ", "", "a row is missing: tlb2.stall" },
        { "branch.mispredict ", "branch.mispredict", "its value is missing" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *said = with(cases[i].row, cases[i].line);
        assert_int_equal(said[0], ':');
        assert_true(atoi(said + 1) > 0);
        if (!strstr(said, cases[i].says)) fail_msg("%s: said \"%s\"", cases[i].line, said);
    }
}

/* Rows that are sensible one by one, but not together: the line of the first that is named. */
static void together(void **state)
{
    (void)state;
    static const struct { const char *row, *line, *says; } cases[] = {
        { "l1d.ways ", "l1d.ways 3 me", "256 lines of 64 bytes make no power of two of sets of 3" },
        { "l1d.ways ", "l1d.ways 0 me", "l1d.ways: 16 KB in sets of no line" },
        { "l2.kb ", "l2.kb 1000 me", "no power of two" },
        { "l1d.kb ", "l1d.kb 0 me", "there is a first level for both, or none" },
        { "l2.kb ", "l2.kb 0 me\n", "" },
        { "l3.kb ", "l3.kb 8192 me", "l3.ways: 8192 KB in sets of no line" },
        { "branch.counters ", "branch.counters 3000 me", "branch.counters: 3000 is not a power of two" },
        { "branch.returns ", "branch.returns 0 me", "branch.returns: 0 is not a power of two" },
        { "branch.counters ", "branch.counters 0 me", "" },
        { "tlb2.entries ", "tlb2.entries 512 me", "512 entries make no power of two of sets of 0" },
        { "tlb.large_data ", "tlb.large_data 6 me", "6 entries make no power of two of sets of 4" },
        { "tlb.large_code ", "tlb.large_code 0 me", "" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *said = with(cases[i].row, cases[i].line);
        if (!*cases[i].says) assert_string_equal(said, "");
        else if (said[0] != ':' || atoi(said + 1) < 10 || !strstr(said, cases[i].says)) fail_msg("%s: said \"%s\"", cases[i].line, said);
    }
}

static void rows(void **state)
{
    (void)state;
    struct model m;
    struct err e = { 0 };
    assert_true(model_find("p4", &m, NULL));
    assert_true(model_set(&m, "insn.cli", 60, &e));
    assert_true(model_set(&m, "cpu.mhz", 1000, &e));
    assert_true(model_set(&m, "feature.pae", 0, &e));
    assert_true(model_check(&m, &e));
    assert_int_equal(m.cost[COST_CLI], 60);
    assert_int_equal(m.hz, 1000000000);
    assert_int_equal(m.without, 1u << 6);
    assert_false(model_set(&m, "insn.cly", 60, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_false(model_set(&m, "insn.cli", 65536, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(carried), cmocka_unit_test(unknown), cmocka_unit_test(changed),
                                        cmocka_unit_test(refused), cmocka_unit_test(together), cmocka_unit_test(rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
