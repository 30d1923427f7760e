/* Lines, vectors, JSON and tallies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "sim/trace/trace.h"
#include "sim/trace/trace_json.h"
#include "sim/trace/trace_tally.h"
#include "sim/trace/vector.h"

static const char *const ops[] = { "?", "popf" };
static const char *const fields[] = { "IF" };
static const char *const reasons[] = { "privileged" };

static int names(void **state)
{
    (void)state;
    trace_names("mnemonic", ops, 2);
    trace_names("field", fields, 1);
    trace_names("exit", reasons, 1);
    return 0;
}

static void test_vectors(void **state)
{
    (void)state;
    static const struct { uint8_t vector; uint32_t code; const char *name, *text; } cases[] = {
        { 0, 5, "#DE", "#DE" },       { 2, 0, "NMI", "NMI" },      { 6, 0, "#UD", "#UD" },
        { 8, 0, "#DF", "#DF(0)" },    { 9, 0, "", "int 09h" },     { 13, 0x10A, "#GP", "#GP(10A)" },
        { 14, 7, "#PF", "#PF(7)" },   { VECTOR_NONE, 0, "", "no vector" },    { 16, 1, "#MF", "#MF" },
        { 17, 0, "#AC", "#AC(0)" },   { 18, 0, "#MC", "#MC" },     { 0x80, 3, "", "int 80h" },
        { 255, 0, "", "int FFh" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text t = { 0 };
        vector_text(cases[i].vector, cases[i].code, &t);
        assert_string_equal(text_str(&t), cases[i].text);
        assert_string_equal(vector_name(cases[i].vector), cases[i].name);
        text_free(&t);
    }
}

static void test_lines(void **state)
{
    (void)state;
    static const struct { struct event e; const char *line; } cases[] = {
        { { .id = 41, .cycle = 12404, .ring = 1, .kind = EV_SILENT, .eip = 0x101032,
            .u.SILENT = { .op = 1, .field = 0, .wanted = 0, .got = 1 } },
          "   41        12,404  1  silent   popf  IF  wanted 0  got 1            00101032" },
        { { .id = 1, .cycle = 0, .kind = EV_HALT }, "    1             0  0  halt" },
        { { .id = 2, .cycle = 7, .ring = 3, .kind = EV_FAULT,
            .u.FAULT = { .vector = 14, .code = 6, .addr = 0x804A123 } },
          "    2             7  3  fault    #PF(6)  at 0804A123" },
        { { .id = 3, .cycle = 9, .kind = EV_STOP, .u.STOP = { .code = 5 } },
          "    3             9  0  stop     code 5" },
        { { .id = 4, .cycle = 1000, .kind = EV_EXIT, .u.EXIT = { .reason = 9, .vector = 0x80 } },
          "    4         1,000  0  exit     ?  int 80h" },
        { { .id = 5, .cycle = 1, .kind = EV_PORT, .u.PORT = { .out = 0, .port = 0x60, .value = 0x1C } },
          "    5             1  0  port     in  port 60  = 1C" },
        { { .id = 6, .cycle = 1, .kind = EV_TRUE, .u.TRUE = { .access = 3, .va = 0x1000, .entry = 5 } },
          "    6             1  0  true     write user  00001000  entry 00000005" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text t = { 0 };
        trace_line(&cases[i].e, &t);
        assert_string_equal(text_str(&t), cases[i].line);
        text_free(&t);
    }
}

static void test_lines_fit(void **state)
{
    (void)state; /* whatever the numbers, a line stays in a terminal */
    for (unsigned kind = 0; kind < EV_COUNT; kind++) {
        struct event e;
        memset(&e, 0xFF, sizeof e);
        e.kind = (uint8_t)kind;
        struct text t = { 0 };
        trace_line(&e, &t);
        assert_in_range(t.len, 20, 78);
        assert_int_equal(t.len, strlen(text_str(&t)));
        assert_null(strchr(text_str(&t), '\n'));
        text_free(&t);
    }
}

static void test_json(void **state)
{
    (void)state;
    static const struct { struct event e; const char *json; } cases[] = {
        { { .id = 41, .cause = 3, .cycle = 12404, .insns = 8, .ring = 1, .kind = EV_SILENT, .eip = 16,
            .u.SILENT = { .op = 1, .field = 0, .wanted = 0, .got = UINT32_MAX } },
          "{\"id\":41,\"kind\":\"silent\",\"cause\":3,\"episode\":0,\"cycle\":12404,\"insns\":8,\"eip\":16,\"cpl\":1,"
          "\"vcpu\":0,\"op\":\"popf\",\"field\":\"IF\",\"wanted\":0,\"got\":4294967295}" },
        { { .id = 2, .kind = EV_RAISE, .u.RAISE = { .line = 4, .virtual_ = 1 } },
          "{\"id\":2,\"kind\":\"raise\",\"cause\":0,\"episode\":0,\"cycle\":0,\"insns\":0,\"eip\":0,\"cpl\":0,"
          "\"vcpu\":0,\"line\":4,\"virtual\":1}" },
        { { .id = 3, .kind = EV_DIE, .u.DIE = { .why = 200 } }, /* no names: the number */
          "{\"id\":3,\"kind\":\"die\",\"cause\":0,\"episode\":0,\"cycle\":0,\"insns\":0,\"eip\":0,\"cpl\":0,\"vcpu\":0,"
          "\"why\":200,\"vector\":0,\"addr\":0}" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text t = { 0 };
        trace_json_event(&cases[i].e, &t);
        assert_string_equal(text_str(&t), cases[i].json);
        text_free(&t);
    }
}

/* A visit: fault at 100 (n-th time + 1000 n), exit 20 later, resume `cost` after the fault. */
static void visit(struct trace *t, uint64_t *cycle, uint64_t at, uint64_t cost, uint8_t reason, bool gated)
{
    *cycle = at;
    uint32_t from = TRACE(t, FAULT, 0, .vector = 13);
    if (gated) from = TRACE(t, GATE, from, .vector = 13, .from = 1);
    *cycle = at + 20;
    uint32_t exit = TRACE(t, EXIT, from, .reason = reason, .vector = 13);
    *cycle = at + cost;
    TRACE(t, RESUME, exit, .to = 1);
}

static void test_tally(void **state)
{
    (void)state;
    uint64_t cycle = 0;
    struct trace *t = trace_new();
    struct tally live = { 0 }, later;
    trace_bind(t, (struct trace_now){ .cycle = &cycle });
    trace_subscribe(t, CAT_ALL, tally_event, &live);
    TRACE(t, RESUME, 0, .to = 1); /* the first entry answers nothing */
    visit(t, &cycle, 100, 300, 0, true);
    visit(t, &cycle, 1000, 500, 0, false);
    cycle = 2000;
    TRACE(t, FAULT, 0, .vector = 6); /* not what led to the next exit */
    cycle = 2100;
    uint32_t exit = TRACE(t, EXIT, 0, .reason = 1, .vector = 0x20);
    TRACE(t, INJECT, exit, .vector = 0x20, .external = 1);
    TRACE(t, INJECT, exit, .vector = 13);
    cycle = 2150;
    TRACE(t, RESUME, exit, .to = 1);
    TRACE(t, SILENT, 0, .op = 1);
    assert_int_equal(live.exits, 3);
    assert_int_equal(live.by_reason[0], 2);
    assert_int_equal(live.by_vector[13], 2);
    assert_int_equal(live.by_vector[0x20], 1);
    assert_int_equal(live.injections, 2);
    assert_int_equal(live.external, 1);
    assert_int_equal(live.silent_by_op[1], 1);
    assert_int_equal(live.kinds[EV_FAULT], 3);
    tally_history(&later, t, 0, 0);
    assert_memory_equal(&later, &live, sizeof live);
    tally_history(&later, t, 2, 5); /* the first visit alone */
    assert_int_equal(later.exits, 1);
    tally_history(&later, t, 90, 0); /* beyond the end */
    assert_int_equal(later.exits, 0);
    trace_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_lines), cmocka_unit_test(test_lines_fit),
        cmocka_unit_test(test_json), cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, names, NULL);
}
