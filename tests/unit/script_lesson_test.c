/* Scenarios as front ends see them: the shipped ones hold on the real machine, checks say what happened, rewinding
 * forgets, errors in a step are one line with its exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/subject.h"
#include "sim/lesson.h"
#include "tests/support/sanitized.h"

enum { NOTE_LINES = 4, NOTE_COLUMNS = 76 };

static struct lesson *open_lesson(const char *name)
{
    struct err e = { 0 };
    struct lesson *l = lesson_open(name, &e);
    if (!l) fail_msg("%s: %s", name, e.text);
    return l;
}

static struct machine *machine_for(struct lesson *l)
{
    struct err e = { 0 };
    subject_host(&l->cfg);
    struct machine *m = config_check(&l->cfg, &e) ? machine_new(&l->cfg, &e) : NULL;
    if (!m) fail_msg("%s: %s", l->path, e.text);
    return m;
}

static void advance(struct lesson *l, struct machine *m)
{
    struct err e = { 0 };
    if (!l->ops->advance(l, m, &e)) fail_msg("%s", e.text);
}

static void run_all(struct lesson *l, struct machine *m)
{
    while (l->next < l->ops->steps(l)) advance(l, m);
}

/* --- the shipped ones ------------------------------------------------------------------------------------------- */

static void check_note(const char *file, const char *note)
{
    unsigned lines = 1, column = 0;
    for (const char *c = note; *c; c++) {
        if (*c == '\n') lines++, column = 0;
        else if (++column > NOTE_COLUMNS) fail_msg("%s: a note is wider than %d: %s", file, NOTE_COLUMNS, note);
    }
    if (lines > NOTE_LINES) fail_msg("%s: a note is longer than %d lines: %s", file, NOTE_LINES, note);
}

/* For whoever lectures with it: what to say and how long at each step, what to read, a diagram, a row of the guide with the sum. */
static void check_speaker(struct lesson *l)
{
    const char *slash = strrchr(l->path, '/'), *file = slash ? slash + 1 : l->path;
    unsigned minutes = 0;
    char name[40], row[80];
    struct text guide = { 0 };
    struct err e = { 0 };
    for (unsigned i = 0; i < l->ops->steps(l); i++) {
        struct lesson_step st;
        l->ops->step(l, i, &st);
        if (!st.minutes || !*st.say) fail_msg("%s: step '%s' wants minutes = N and say = [[...]], for the speaker", l->path, st.title);
        minutes += st.minutes;
    }
    if (minutes < 10 || minutes > 30) fail_msg("%s: %u minutes; between 10 and 30 fit a lecture", l->path, minutes);
    if (!l->readings) fail_msg("%s: wants reading = { ... }", l->path);
    if (!l->ops->drawings(l)) fail_msg("%s: wants a diagram, s:draw", l->path);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
    snprintf(row, sizeof row, "`%s` | %u |", name, minutes);
    if (!text_read(&guide, "docs/lecture.md", 1 << 20, &e)) fail_msg("%s", e.text);
    if (!strstr(text_str(&guide), row)) fail_msg("docs/lecture.md has no row with \"%s\"", row);
    text_free(&guide);
}

static void check_form(struct lesson *l)
{
    check_speaker(l);
    unsigned questions = 0, n = l->ops->steps(l);
    assert_in_range(n, 5, 8);
    assert_true(l->title[0] && l->lecture[0] && l->techniques[0]);
    for (unsigned i = 0; i < n; i++) {
        struct lesson_step step;
        l->ops->step(l, i, &step);
        check_note(l->path, step.note);
        assert_true(step.note[0] && step.show[0]);
        assert_true(step.insns == UINT64_MAX);
        if (!step.ask) continue;
        questions++;
        assert_in_range(step.answer, 1, step.choices);
        for (unsigned k = 0; k < step.choices; k++) assert_non_null(step.choice[k]);
    }
    assert_true(questions >= 1);
    assert_true(l->ops->drawings(l) >= 1);
    const char *name, *kind;
    unsigned from, to;
    assert_true(l->ops->drawing(l, 0, &name, &kind, &from, &to));
    assert_true(from <= to && to < n);
    assert_string_equal(kind, "ladder");
    assert_false(l->ops->drawing(l, 99, &name, &kind, &from, &to));
}

static const char *const shipped[] = {
    "goals", "trap", "popf", "rings", "shadow", "mini", "section", "sensitive17", "bt", "pv", "vtx", "consolidate", "isolate", "pv_mmu", "twolevel",
    "overcommit", "dev3", "agile", "migrate", "models", "legacy", "dom0"
};

static void test_shipped(void **state)
{
    (void)state;
    if (SANITIZED) skip(); /* tests/tools/determinism.sh runs each with sanitizers, and compares what it claims */
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        struct lesson *l = open_lesson(shipped[i]);
        check_form(l);
        struct machine *m = machine_for(l);
        run_all(l, m);
        unsigned per_step[16] = { 0 };
        for (unsigned k = 0; k < l->ops->checks(l); k++) {
            const struct lesson_check *c = l->ops->check(l, k);
            if (!c->passed) fail_msg("%s", c->text);
            per_step[c->step]++;
        }
        for (unsigned k = 0; k < l->ops->steps(l); k++)
            if (!per_step[k]) fail_msg("%s: step %u claims nothing", shipped[i], k + 1);
        machine_free(m);
        l->ops->free(l);
    }
}

/* The expectations must be able to fail: on the bare machine the hole is not there. */
static void test_popf_bare(void **state)
{
    (void)state;
    struct lesson *l = open_lesson("popf");
    strcpy(l->cfg.cpu, "native");
    strcpy(l->cfg.mmu, "native");
    struct machine *m = machine_for(l);
    struct err e = { 0 };
    unsigned failed = 0;
    while (l->next < l->ops->steps(l) && l->ops->advance(l, m, &e)) continue;
    for (unsigned k = 0; k < l->ops->checks(l); k++) failed += !l->ops->check(l, k)->passed;
    assert_true(failed >= 3);
    machine_free(m);
    l->ops->free(l);
}

/* Two runs give the same positions, checks and machine. */
static void test_same_twice(void **state)
{
    (void)state;
    uint64_t hash[2], position[2];
    char text[2][160];
    for (int k = 0; k < 2; k++) {
        struct lesson *l = open_lesson("shadow");
        struct machine *m = machine_for(l);
        run_all(l, m);
        hash[k] = machine_state_hash(m) ^ trace_hash(machine_trace_of(m));
        position[k] = machine_insns(m);
        snprintf(text[k], sizeof text[k], "%s", l->ops->check(l, l->ops->checks(l) - 1)->text);
        machine_free(m);
        l->ops->free(l);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(position[0] == position[1]);
    assert_string_equal(text[0], text[1]);
}

static void test_list(void **state)
{
    (void)state;
    struct lesson_entry list[16];
    struct err e = { 0 };
    unsigned n = lesson_list(list, 16, &e);
    if (e.code) fail_msg("%s", e.text);
    assert_true(n >= 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(list[i].name, shipped[i]);
        assert_true(list[i].title[0] && list[i].lecture[0] && list[i].path[0]);
    }
    assert_int_equal(lesson_list(list, 2, &e), 2);
}

static void test_names(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_null(lesson_open("pofp", &e));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_non_null(strstr(e.text, "did you mean 'popf'?"));
    e = (struct err){ 0 };
    assert_null(lesson_open("qqqqqqqq", &e));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_non_null(strstr(e.text, "ringside list"));
}

/* --- rewinding -------------------------------------------------------------------------------------------------- */

static void test_rewind(void **state)
{
    (void)state;
    struct lesson *l = open_lesson("popf");
    struct machine *m = machine_for(l);
    uint64_t at[16];
    for (unsigned i = 0; i < 5; i++) {
        advance(l, m);
        at[i] = machine_insns(m);
    }
    unsigned checks = l->ops->checks(l);
    uint64_t hash = machine_state_hash(m);
    assert_true(machine_goto(m, at[2]));
    l->ops->rewind(l, m);
    assert_int_equal(l->next, 3);
    assert_true(l->ops->checks(l) < checks);
    for (unsigned k = 0; k < l->ops->checks(l); k++) assert_true(l->ops->check(l, k)->step < 3);
    struct lesson_step step;
    l->ops->step(l, 3, &step);
    assert_true(step.insns == UINT64_MAX);
    advance(l, m);
    advance(l, m);
    assert_true(machine_insns(m) == at[4]);
    assert_true(machine_state_hash(m) == hash);
    assert_int_equal(l->ops->checks(l), checks);
    assert_true(machine_goto(m, 0));
    l->ops->rewind(l, m);
    assert_int_equal(l->next, 0);
    assert_int_equal(l->ops->checks(l), 0);
    advance(l, m);
    assert_true(machine_insns(m) == at[0]);
    machine_free(m);
    l->ops->free(l);
}

/* --- claims and the handle -------------------------------------------------------------------------------------- */

static const char *const wrong[] = {
    "claims.lua:26: vm.cpl: expected 0, got 1",
    "claims.lua:27: message: expected 1, got 0",
    "claims.lua:28: vm.cpl: expected something other than 1, got 1",
    "claims.lua:29: vm:u32(0xDEADB000): expected this to hold, got nil",
    "claims.lua:30: 2: expected less than 2, got 2",
    "claims.lua:31: \"a\": expected more than 1, got \"a\"",
    "claims.lua:32: 65536: expected at most 2, got 65536 (0x10000)",
    "claims.lua:33: nil: expected 10, give or take 1, got nil",
    "claims.lua:34: \"abc\": expected text that matches \"x+\", got \"abc\"",
    "claims.lua:35: sgdt: expected a silent failure, the detector saw none",
    "claims.lua:36: \"silent\": expected 7 of them, got 0",
    "claims.lua:37: {}: expected \"text line\", got table#",
    "claims.lua:38: \"\\0\\1\\255\": expected \"x\", got bytes 00 01 FF",
};

static void test_claims(void **state)
{
    (void)state;
    struct lesson *l = open_lesson("tests/lua/claims.lua");
    struct machine *m = machine_for(l);
    run_all(l, m);
    unsigned k = 0, n = 0;
    for (; k < l->ops->checks(l); k++) {
        const struct lesson_check *c = l->ops->check(l, k);
        if (c->step == 0 && !c->passed) fail_msg("%s", c->text);
        if (c->step == 2 && !c->passed) fail_msg("%s", c->text);
        if (c->step != 1) continue;
        if (c->passed) fail_msg("passed: %s", c->text);
        assert_true(n < sizeof wrong / sizeof wrong[0]);
        if (strncmp(c->text, wrong[n], strlen(wrong[n])) != 0) fail_msg("\"%s\", expected \"%s\"", c->text, wrong[n]);
        n++;
    }
    assert_int_equal(n, sizeof wrong / sizeof wrong[0]);
    assert_int_equal(k, 15 + n + 1);
    struct lesson_step step;
    l->ops->step(l, 2, &step);
    assert_string_equal(step.note, "IF  1");
    const char *name, *kind;
    unsigned from, to;
    assert_true(l->ops->drawing(l, 0, &name, &kind, &from, &to));
    assert_int_equal(from, 0);
    assert_int_equal(to, 1); /* found by its till */
    machine_free(m);
    l->ops->free(l);
}

static void test_exec(void **state)
{
    (void)state;
    struct lesson *l = open_lesson("tests/lua/exec.lua");
    struct machine *m = machine_for(l);
    run_all(l, m);
    assert_int_equal(l->ops->checks(l), 14);
    for (unsigned k = 0; k < 14; k++)
        if (!l->ops->check(l, k)->passed) fail_msg("%s", l->ops->check(l, k)->text);
    machine_free(m);
    l->ops->free(l);
}

static void test_handle(void **state)
{
    (void)state;
    struct lesson *l = open_lesson("tests/lua/handle.lua");
    assert_int_equal(l->cfg.ram_mib, 4);
    assert_int_equal(l->cfg.seed, 3);
    assert_true(l->cfg.limit_cycles == 2000000000u);
    assert_string_equal(config_get(&l->cfg, "cost.insn.cli"), "60");
    struct machine *m = machine_for(l);
    run_all(l, m);
    for (unsigned k = 0; k < l->ops->checks(l); k++)
        if (!l->ops->check(l, k)->passed) fail_msg("%s", l->ops->check(l, k)->text);
    assert_true(l->ops->checks(l) > 60);
    struct lesson_step step;
    l->ops->step(l, 1, &step);
    assert_string_equal(step.note, "first\nsecond\nthird");
    assert_string_equal(step.show, "address");
    l->ops->step(l, 0, &step);
    assert_true(strncmp(step.note, "Begins\n  indented", 17) == 0); /* the first line stands least to the right */
    machine_free(m);
    l->ops->free(l);
}

/* --- conditions and errors in steps ----------------------------------------------------------------------------- */

#define HEAD "local s = scenario { title = 't', machine = { preset = 'classic', guest = 'popf', ram = '4M' } }\n"

static char scratch[64];

/* Runs `body` (steps of a scenario) to its end or its error. Line 1 is the scenario's head. */
static struct lesson *run_body(const char *body, struct machine **m, struct err *e)
{
    FILE *f = fopen(scratch, "w");
    assert_non_null(f);
    assert_true(fprintf(f, HEAD "%s\nreturn s\n", body) > 0);
    assert_int_equal(fclose(f), 0);
    struct lesson *l = lesson_open(scratch, e);
    *m = NULL;
    if (!l) return NULL;
    *m = machine_for(l);
    while (l->next < l->ops->steps(l) && l->ops->advance(l, *m, e)) continue;
    return l;
}

/* Where each condition stops: `place` is a check written in Lua that must hold there. */
static const struct { const char *till, *place;
} stops[] = {
    { "till.label 'kmain'", "vm.eip == vm:find 'kmain'" },
    { "till.label(0x100000 + 0x4000)", "vm.eip == 0x104000" },
    { "till.trap 'GP'", "vm.last.kind == 'fault' and vm.last.vector == 13" },
    { "till.trap '#GP'", "vm.last.vector == 13" },
    { "till.trap(14)", "vm.last.vector == 14" },
    { "till.trap()", "vm.last.kind == 'fault'" },
    { "till.trap 'IRQ'", "vm.last.kind == 'irq'" },
    { "till.exit()", "vm.last.kind == 'exit'" },
    { "till.exit 'privileged'", "vm.last.reason == 'privileged'" },
    { "till.event 'emulate'", "vm.last.kind == 'emulate'" },
    { "till.event('emulate', { op = 'sti' })", "vm.last.op == 'sti'" },
    { "till.event('inject', { vector = 32 })", "vm.last.vector == 32" },
    { "till.event('raise', { virtual = true })", "vm.last.virtual == 1" },
    { "till.event('fault', { vector = 'GP' })", "vm.last.trap == '#GP(0)'" },
    { "till.silent 'popf'", "vm.eip == vm:find 'after_popf'" },
    { "till.silent()", "vm.last.kind == 'silent'" },
    { "till.insn 'popf'", "vm.insn.mnemonic == 'popf' and vm.place == 'kernel'" },
    { "till.write 'ticked'", "vm:u8 'ticked' == 1" },
    { "till.ring(1)", "vm.cpl == 1" },
    { "till.cycles(1e6)", "vm.cycles >= 1000000 and vm.cycles < 1100000" },
    { "till.insns(1000)", "vm.instructions == 1000" },
    { "till.any { till.label 'tick', till.label 'kmain' }", "vm.eip == vm:find 'kmain'" },
    { "till.all { till.label 'cli_insn', till.label 'kmain' }", "vm.eip == vm:find 'cli_insn'" },
    { "till.any { till.all { till.label 'tick', till.label 'kmain' }, till.label 'done' }",
      "vm.eip == vm:find 'tick'" },
    { "till.stop()", "vm.ended" },
};

static void test_stops(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        char body[400];
        struct err e = { 0 };
        struct machine *m;
        snprintf(body, sizeof body, "s:step 'a' { run = %s, expect = function(vm) expect.ok(%s, vm.last.text) end }",
                 stops[i].till, stops[i].place);
        struct lesson *l = run_body(body, &m, &e);
        if (e.code) fail_msg("%s: %s", stops[i].till, e.text);
        if (l->ops->checks(l) != 1) fail_msg("%s: %s", stops[i].till, l->ops->check(l, 0)->text);
        if (!l->ops->check(l, 0)->passed) fail_msg("%s: %s", stops[i].till, l->ops->check(l, 0)->text);
        machine_free(m);
        l->ops->free(l);
    }
}

static const struct { const char *body; int code; const char *has;
} errors[] = {
    { "s:step 'a' {\nrun = till.label 'kmian' }", EXIT_INPUT,
      ".lua:3: there is no label 'kmian' (did you mean 'kmain'?)" },
    { "s:step 'a' { run = till.insn 'popff' }", EXIT_INPUT, "there is no instruction 'popff' (did you mean 'popf'?)" },
    { "s:step 'a' { run = till.exit 'prot' }", EXIT_INPUT, "there is no exit reason 'prot' (did you mean 'port'?)" },
    { "s:step 'a' { run = till.silent 'popff' }", EXIT_INPUT, "there is no instruction 'popff'" },
    { "s:step 'a' { run = till.event('emulate', { op = 'stti' }) }", EXIT_INPUT, "(did you mean 'sti'?)" },
    { "s:step 'a' { run = till.event('emulate', { opp = 'sti' }) }", EXIT_INPUT, "have no field 'opp'" },
    { "s:step 'a' { run = till.write 'shared_countr' }", EXIT_INPUT, "(did you mean 'shared_counter'?)" },
    { "s:step 'a' { run = { kind = 'label' } }", EXIT_INPUT, "run must be a condition" },
    { "s:step 'wait' {\nrun = till.label 'user_cli', limit = 1e6 }", EXIT_INPUT, "there is no label" },
    { "s:step 'wait' {\nrun = till.event 'die', limit = 1e6 }", EXIT_LIMIT,
      ".lua:3: step 'wait': event die did not come within 1,000,000 cycles" },
    { "s:step 'spin' (function(vm) while true do end end)", EXIT_LIMIT,
      "ran for more than 50,000,000 Lua instructions in step 'spin': an endless loop?" },
    { "s:step 'spin' { expect = function(vm) while true do end end }", EXIT_LIMIT, "in step 'spin'" },
    { "s:step 'yield' (function(vm) while true do coroutine.yield() end end)", EXIT_LIMIT, "in step 'yield'" },
    { "s:step 'swallow' (function(vm) while true do pcall(function() while true do vm:u8 'kmain' end end) end end)",
      EXIT_LIMIT, "in step 'swallow'" },
    { "s:step 'run' (function(vm) while true do vm:go(0) end end)", EXIT_LIMIT, "in step 'run'" },
    { "s:step 'eat' (function(vm) local t = {} for i = 1, 1e9 do t[i] = vm:bytes('kmain', 4000) .. i end end)",
      EXIT_LIMIT, "64 MB of memory in step 'eat'" },
    { "s:step 'events' (function(vm) vm:run(till.label 'tick') while true do for e in vm:events() do end end end)",
      EXIT_LIMIT, "in step 'events'" },
    { "s:step 'on' (function(vm) vm:on('exit', function(e) vm:run(till.stop()) end) vm:run(till.label 'tick') end)",
      EXIT_INPUT, "handler cannot run the machine" },
    { "s:step 'on' (function(vm) vm:on('exit', function(e) while true do end end) vm:run(till.label 'tick') end)",
      EXIT_LIMIT, "in step 'on'" },
    { "s:step 'nil' (function(vm) local x = nil; x.y = 1 end)", EXIT_INPUT,
      ".lua:2: attempt to index a nil value (local 'x'); " },
    { "s:step 'late' (function(vm) s:step 'more' end)", EXIT_INPUT, "while the file is loaded" },
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i += ONE_IN(3)) {
        struct err e = { 0 };
        struct machine *m;
        struct lesson *l = run_body(errors[i].body, &m, &e);
        if (e.code != errors[i].code)
            fail_msg("%s: exit code %d, expected %d: %s", errors[i].body, e.code, errors[i].code, e.text);
        if (!strstr(e.text, errors[i].has)) fail_msg("%s: lacks \"%s\": %s", errors[i].body, errors[i].has, e.text);
        if (strchr(e.text, '\n') || strstr(e.text, "traceback")) fail_msg("not one line: %s", e.text);
        if (l) {
            assert_int_equal(l->next, 0); /* the step did not end */
            machine_free(m);
            l->ops->free(l);
        }
    }
}

/* A condition that never comes true because the run ends is a claim that failed, not an error. */
static void test_ended(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct machine *m;
    struct lesson *l = run_body("s:step 'a' { run = till.event 'die' }", &m, &e);
    assert_int_equal(e.code, 0);
    assert_int_equal(l->ops->checks(l), 1);
    assert_false(l->ops->check(l, 0)->passed);
    assert_non_null(strstr(l->ops->check(l, 0)->text, ".lua:2: "));
    assert_non_null(strstr(l->ops->check(l, 0)->text, "the run ended first"));
    machine_free(m);
    l->ops->free(l);
}

/* A guest that is not there; options that do not exist: errors of the file. */
static void test_machine_table(void **state)
{
    (void)state;
    static const struct { const char *table, *has; } rows[] = {
        { "guest = 'popff'", "there is no guest image 'popff'" },
        { "cpu = 'tee'", "--cpu tee" },
        { "preset = 'clasic'", "(did you mean 'classic'?)" },
        { "gest = 'popf'", "machine has no field 'gest' (did you mean 'guest'?)" },
        { "ram = '1X'", "--ram 1X" },
        { "ram = {}", "ram must be a word or a number" },
        { "set = { x = {} }", "values are words or numbers" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };
        FILE *f = fopen(scratch, "w");
        assert_non_null(f);
        assert_true(fprintf(f, "return scenario { title = 't', machine = { %s } }\n", rows[i].table) > 0);
        assert_int_equal(fclose(f), 0);
        assert_null(lesson_open(scratch, &e));
        assert_int_equal(e.code, EXIT_INPUT);
        if (!strstr(e.text, rows[i].has)) fail_msg("%s: %s", rows[i].table, e.text);
    }
}

static int set_up(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/ringside-lesson-XXXXXX.lua");
    int fd = mkstemps(scratch, 4);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped), cmocka_unit_test(test_popf_bare), cmocka_unit_test(test_same_twice),
        cmocka_unit_test(test_list),    cmocka_unit_test(test_names),     cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_claims),  cmocka_unit_test(test_exec), cmocka_unit_test(test_handle),    cmocka_unit_test(test_stops),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_ended),     cmocka_unit_test(test_machine_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
