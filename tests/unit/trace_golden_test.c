/* One synthetic trace through every exporter, compared with files under tests/golden.
 *
 * The trace holds what a lecture on trap-and-emulate shows: a run of equal exits, an emulated CLI, a POPF that fails
 * silently and the interrupt that is injected because of it, a hidden page fault, a system call and a death. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "sim/trace/trace.h"
#include "sim/trace/trace_json.h"
#include "sim/trace/trace_ladder.h"
#include "sim/trace/trace_tally.h"
#include "tests/support/golden.h"

enum { OP_CLI = 1, OP_POPF, OP_OUT };
enum { WHY_PRIVILEGED, WHY_PAGE, WHY_IRQ, WHY_INT };

static const char *const ops[] = { "?", "cli", "popf", "out" };
static const char *const reasons[] = { "privileged", "page-fault", "interrupt", "int" };
static const char *const fields[] = { "IF" };
static const char *const deaths[] = { "triple fault" };

static uint64_t cycle, insns;
static uint32_t eip;
static uint8_t ring;

static struct trace *begin(void)
{
    trace_names("mnemonic", ops, 4);
    trace_names("exit", reasons, 4);
    trace_names("field", fields, 1);
    trace_names("death", deaths, 1);
    cycle = 10240, insns = 4000, eip = 0x00101000, ring = 1;
    struct trace *t = trace_new();
    trace_bind(t, (struct trace_now){ .cycle = &cycle, .insns = &insns, .eip = &eip, .ring = &ring });
    return t;
}

static void later(unsigned cycles)
{
    cycle += cycles;
    insns++;
}

/* The hardware's way in: `first` is the id of the fault or interrupt; returns the id of the EXIT. */
static uint32_t enter(struct trace *t, uint32_t first, uint8_t from, uint8_t vector, uint8_t why, uint32_t addr)
{
    uint32_t gate = TRACE(t, GATE, first, .vector = vector, .from = from, .to = 0, .target = 0xFC001000);
    ring = 0;
    later(320);
    uint32_t id = TRACE(t, EXIT, gate, .reason = why, .vector = vector, .addr = addr);
    trace_episode(t, id);
    later(150);
    return id;
}

static void leave(struct trace *t, uint32_t why, uint8_t to, uint32_t target)
{
    later(610);
    uint32_t id = TRACE(t, RESUME, why, .to = to, .target = target, .cost = 1080);
    later(180);
    TRACE(t, RETURN, id, .from = 0, .to = to, .target = target);
    trace_episode(t, 0);
    ring = to;
    eip = target;
    later(40);
}

static void privileged(struct trace *t, uint8_t op, uint32_t value)
{
    uint32_t fault = TRACE(t, FAULT, 0, .vector = 13);
    uint32_t id = enter(t, fault, 1, 13, WHY_PRIVILEGED, 0);
    TRACE(t, EMULATE, id, .op = op, .ring = 0, .value = value);
    if (op == OP_OUT) TRACE(t, PORT, id, .out = 1, .port = 0x3F8, .value = value);
    leave(t, id, 1, eip + 1);
}

static void system_call(struct trace *t)
{
    ring = 3, eip = 0x0804812A;
    uint32_t soft = TRACE(t, INT, 0, .vector = 0x80);
    uint32_t id = enter(t, soft, 3, 0x80, WHY_INT, 0);
    uint32_t inject = TRACE(t, INJECT, id, .vector = 0x80, .target = 0x00101400);
    leave(t, inject, 1, 0x00101400);
}

static struct trace *sample(void)
{
    struct trace *t = begin();
    TRACE(t, RUN, 0, .entry = 0x00101000);
    later(210);
    for (const char *s = "mini"; *s; s++) privileged(t, OP_OUT, (uint8_t)*s);
    privileged(t, OP_CLI, 0);
    eip = 0x00101032;
    uint32_t silent = TRACE(t, SILENT, 0, .op = OP_POPF, .field = 0, .wanted = 0, .got = 1);
    later(700);
    uint32_t line = TRACE(t, RAISE, 0, .line = 0);
    uint32_t irq = TRACE(t, IRQ, line, .vector = 0x20);
    uint32_t id = enter(t, irq, 1, 0x20, WHY_IRQ, 0);
    TRACE(t, RAISE, id, .line = 0, .virtual_ = 1);
    uint32_t inject = TRACE(t, INJECT, silent, .vector = 0x20, .external = 1, .target = 0x00101200);
    leave(t, inject, 1, 0x00101200);
    ring = 3, eip = 0x08048132;
    uint32_t fault = TRACE(t, FAULT, 0, .vector = 14, .code = 4, .addr = 0x0804A123);
    id = enter(t, fault, 3, 14, WHY_PAGE, 0x0804A123);
    TRACE(t, HIDDEN, id, .access = 2, .va = 0x0804A123, .entry = 0x01A03067);
    leave(t, id, 3, 0x08048132);
    system_call(t);
    uint32_t back = TRACE(t, RETURN, 0, .from = 1, .to = 3, .target = 0x0804812C);
    ring = 3, eip = 0x0804812C;
    later(1200);
    uint32_t die = TRACE(t, DIE, back, .why = 0, .vector = 13);
    TRACE(t, STOP, die, .code = 4);
    return t;
}

static const char *symbol(void *self, uint32_t at, char *buf, size_t n)
{
    (void)self;
    if (at < 0x00101000 || at >= 0x00102000) return NULL;
    snprintf(buf, n, "kmain+%X", at - 0x00101000);
    return at == 0x00101200 ? "timer" : at == 0x00101400 ? "syscall" : buf;
}

static struct ladder *sample_ladder(const struct trace *t)
{
    struct ladder_options o = { .kernel_ring = 1, .hypervisor = true, .title = "POPF loses the interrupt flag",
                                .caption = "trap-and-emulate \xc2\xb7 shadow paging \xc2\xb7 Prescott",
                                .symbol = symbol };
    return ladder_new(t, &o);
}

static void test_log(void **state)
{
    (void)state;
    struct trace *t = sample();
    struct text out = { 0 };
    for (size_t i = 0; i < trace_count(t); i++) {
        trace_line(trace_at(t, i), &out);
        text_char(&out, '\n');
    }
    golden_check("tests/golden/trace_log.txt", text_str(&out));
    text_free(&out);
    trace_free(t);
}

static void test_json(void **state)
{
    (void)state;
    struct trace *t = sample();
    struct text out = { 0 };
    trace_json(t, &out);
    golden_check("tests/golden/trace_log.jsonl", text_str(&out));
    text_free(&out);
    trace_free(t);
}

static void test_tally(void **state)
{
    (void)state;
    struct trace *t = sample();
    struct tally tally;
    struct text out = { 0 };
    tally_history(&tally, t, 0, 0);
    tally_text(&tally, &out);
    golden_check("tests/golden/trace_tally.txt", text_str(&out));
    text_free(&out);
    trace_free(t);
}

static void unicode(const struct ladder *l, struct text *out) { ladder_text(l, false, out); }
static void ascii(const struct ladder *l, struct text *out) { ladder_text(l, true, out); }

static void test_ladders(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        void (*export)(const struct ladder *l, struct text *out);
    } cases[] = {
        { "tests/golden/trace_ladder.svg", ladder_svg },
        { "tests/golden/trace_ladder.dot", ladder_dot },
        { "tests/golden/trace_ladder.txt", unicode },
        { "tests/golden/trace_ladder_ascii.txt", ascii },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trace *t = sample();
        struct ladder *l = sample_ladder(t);
        struct text out = { 0 };
        cases[i].export(l, &out);
        golden_check(cases[i].file, text_str(&out));
        text_free(&out);
        ladder_free(l);
        trace_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_tally),
        cmocka_unit_test(test_ladders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
