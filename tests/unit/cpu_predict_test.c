/* The branch predictor: two-bit counters, history, indirect targets, the stack of returns, and what a wrong prediction costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/predict.h"
#include "sim/trace/cause.h"
#include "tests/support/fake_env.h"

enum { SITE = 0x4321, PENALTY = 24 /* p4's */ };

static struct fake w;
static void start(uint32_t history)
{
    struct err e = { 0 };
    fake_init(&w, false);
    assert_true(model_set(&w.model, "branch.history", history, &e) && predict_init(&w.cpu.predictor, &w.model));
}

/* Was that wrong? If so it has cost the penalty, on its own account, and else nothing. */
static bool wrong(uint64_t since)
{
    uint64_t passed = w.clock.now - since;
    assert_true(passed == 0 || passed == PENALTY);
    return passed;
}
static bool branch(uint32_t site, bool taken)
{
    uint64_t since = w.clock.now;
    predict_branch(&w.cpu, site, taken);
    return wrong(since);
}
static bool indirect(uint32_t site, uint32_t to)
{
    uint64_t since = w.clock.now;
    predict_indirect(&w.cpu, site, to);
    return wrong(since);
}
static bool returns(uint32_t to)
{
    uint64_t since = w.clock.now;
    predict_return(&w.cpu, to);
    return wrong(since);
}

static void two_bits(void **state)
{
    (void)state;
    static const struct { bool taken, wrong; } steps[] = {
        { false, false }, { true, true }, { true, true }, { true, false }, /* two wrong ones until it is expected */
        { false, true }, { true, false }, { false, true }, { false, true }, /* one exception changes nothing, two do */
        { false, false }, { true, true }, { false, false },
    };
    start(0);
    unsigned n = 0;
    for (unsigned k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        if (branch(SITE, steps[k].taken) != steps[k].wrong) fail_msg("step %u: %s predicted right", k, steps[k].wrong ? "is" : "is not");
        n += steps[k].wrong;
    }
    assert_int_equal(w.cpu.predictor.wrong, n);
    assert_int_equal(w.clock.by_cause[CAUSE_MISPREDICT], PENALTY * n);
    assert_true(branch(SITE + 4096, true) && branch(SITE, true)); /* 4096 further on is the same counter: 0 after the above, then 1 */
    assert_false(branch(SITE, true));
    fake_done(&w);
}

/* Taken, taken, not, ...: a counter alone is wrong each third time, one found by what came before never, once it has learnt. */
static void history(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= 8; bits += 8) {
        unsigned late = 0;
        start(bits);
        for (unsigned k = 0; k < 300; k++) late += branch(SITE, k % 3 != 2) && k >= 150;
        assert_int_equal(late, bits ? 0 : 50);
        fake_done(&w);
    }
}

static void targets(void **state)
{
    (void)state;
    start(8);
    assert_true(indirect(SITE, 0x1000));
    assert_false(indirect(SITE, 0x1000));
    assert_true(indirect(SITE, 0x2000)); /* elsewhere than the last time */
    assert_false(indirect(SITE, 0x2000));
    assert_true(indirect(SITE + 2048, 0x2000)); /* another at the same place */
    assert_true(indirect(SITE, 0x2000));
    assert_int_equal(w.cpu.predictor.wrong_indirect, 4);
    fake_done(&w);
}

/* Sixteen calls deep all returns are known; of seventeen the outermost is lost, of twenty four are. */
static void stack_of_returns(void **state)
{
    (void)state;
    for (unsigned deep = 1; deep <= 20; deep++) {
        unsigned n = 0;
        start(8);
        for (uint32_t k = 1; k <= deep; k++) predict_call(&w.cpu.predictor, 0x1000 * k);
        for (uint32_t k = deep; k; k--) n += returns(0x1000 * k);
        assert_int_equal(n, deep > PREDICT_RETURNS ? deep - PREDICT_RETURNS : 0);
        assert_int_equal(w.cpu.predictor.wrong_return, n);
        fake_done(&w);
    }
    start(8);
    predict_call(&w.cpu.predictor, 0x1000);
    assert_true(returns(0x2000)); /* a return to where nobody called from */
    fake_done(&w);
}

/* By the CPU: call, ret, ret by a pushed address; a loop whose branch is taken nine times of ten; without a predictor nothing costs. */
static void by_the_cpu(void **state)
{
    (void)state;
    static const uint8_t calls[] = { 0xE8, 1, 0, 0, 0, 0xF4, 0xC3 };                          /* call 1f; hlt; 1: ret */
    static const uint8_t pushes[] = { 0x68, 6, 0x10, 0, 0, 0xC3, 0xF4 };                      /* push 1006; ret; hlt */
    static const uint8_t loop[] = { 0xB9, 10, 0, 0, 0, 0x49, 0x75, 0xFD, 0xF4 };              /* mov ecx, 10; 1: dec ecx; jnz 1b; hlt */
    static const struct { const uint8_t *code; unsigned n, wrong, wrong_return; } codes[] = {
        { calls, sizeof calls, 0, 0 }, { pushes, sizeof pushes, 0, 1 }, { loop, sizeof loop, 3, 0 },
    };
    for (unsigned k = 0; k < sizeof codes / sizeof codes[0]; k++)
        for (uint32_t counters = 0; counters <= 4096; counters += 4096) {
            fake_init(&w, true);
            fake_caches(&w, (const struct fake_row[]){ { "branch.counters", counters }, { "branch.history", 0 }, { NULL, 0 } });
            fake_put(&w, FAKE_CODE, codes[k].code, codes[k].n);
            assert_int_equal(cpu_run(&w.cpu, 100), CPU_HALTED);
            unsigned n = counters ? codes[k].wrong + codes[k].wrong_return : 0;
            assert_int_equal(w.clock.by_cause[CAUSE_MISPREDICT], PENALTY * n);
            const struct predictor *p = &w.cpu.predictor;
            assert_int_equal(p->wrong + p->wrong_indirect + p->wrong_return, n);
            assert_int_equal(p->wrong_return, counters ? codes[k].wrong_return : 0);
            fake_done(&w);
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bits), cmocka_unit_test(history), cmocka_unit_test(targets), cmocka_unit_test(stack_of_returns),
        cmocka_unit_test(by_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
