/* Episodes: recognised among events made by hand, and held against the clock of whole runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/machine.h"

static int names(void **state)
{
    (void)state;
    static const char *const reasons[] = { "first", "second" };
    trace_names("exit", reasons, 2);
    return 0;
}

/* --- by hand -------------------------------------------------------------------------------------------------------- */

struct world { struct trace *t; struct clock clock; struct episode_live live; };

static void setup(struct world *w)
{
    *w = (struct world){ .t = trace_new() };
    trace_bind(w->t, (struct trace_now){ .cycle = &w->clock.now, .clock = &w->clock, .episodes = &w->live });
}

/* fault, gate, exit, emulate, resume, return; `chained`: the return answers the resume. */
static void visit(struct world *w, uint8_t reason, bool gated, bool chained)
{
    uint32_t from = TRACE(w->t, FAULT, 0, .vector = 13);
    clock_charge(&w->clock, CAUSE_DELIVER, 100);
    if (gated) from = TRACE(w->t, GATE, from, .vector = 13, .from = 1);
    clock_charge(&w->clock, CAUSE_DISPATCH, 20);
    uint32_t exit = TRACE(w->t, EXIT, from, .reason = reason, .vector = 13);
    trace_episode(w->t, exit);
    clock_charge(&w->clock, CAUSE_EMULATE, 7);
    TRACE(w->t, EMULATE, exit, .op = 1);
    uint32_t resume = TRACE(w->t, RESUME, exit, .to = 1);
    trace_episode(w->t, 0);
    clock_charge(&w->clock, CAUSE_DELIVER, 50);
    TRACE(w->t, RETURN, chained ? resume : 0, .to = 1);
    clock_charge(&w->clock, CAUSE_KERNEL, 1000);
}

static void chains(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    TRACE(w.t, RESUME, 0, .to = 1); /* the first entry answers nothing */
    clock_charge(&w.clock, CAUSE_KERNEL, 5);
    visit(&w, 0, true, true);
    visit(&w, 1, false, true);
    visit(&w, 1, true, false); /* what follows is the guest's own return */
    assert_int_equal(trace_episodes(w.t), 3);
    const struct episode *p = trace_episode_at(w.t, 0);
    assert_int_equal(p->from, 5);
    assert_int_equal(p->to, 5 + 177);
    assert_int_equal(episode_cycles(p), 177);
    assert_int_equal(episode_cost(p, CAUSE_DELIVER), 150);
    assert_int_equal(episode_cost(p, CAUSE_KERNEL), 0);
    assert_int_equal(p->first + 2, p->exit);
    assert_int_equal(p->last, p->exit + 3);
    assert_int_equal(episode_telling(w.t, p)->kind, EV_EMULATE);
    p = trace_episode_at(w.t, 1);
    assert_int_equal(p->first + 1, p->exit);
    assert_int_equal(episode_cycles(p), 177);
    p = trace_episode_at(w.t, 2);
    assert_int_equal(episode_cost(p, CAUSE_DELIVER), 100);
    assert_int_equal(p->last, p->exit + 2);
    struct episode_sum sums[EPISODE_REASONS] = { { 0 } };
    episode_sums(w.t, sums);
    assert_int_equal(sums[1].count, 2);
    assert_int_equal(sums[1].cycles, 177 + 127);
    assert_int_equal(sums[1].longest, 177);
    assert_int_equal(sums[1].by_cause[CAUSE_EMULATE], 14);
    trace_free(w.t);
}

/* HLT: the hypervisor idles, and the interrupt opens the next visit. */
static void idling(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    uint32_t exit = TRACE(w.t, EXIT, 0, .reason = 0);
    clock_charge(&w.clock, CAUSE_EMULATE, 3);
    clock_charge(&w.clock, CAUSE_IDLE, 5000000000u); /* more than 32 bits */
    uint32_t irq = TRACE(w.t, IRQ, 0, .vector = 32);
    clock_charge(&w.clock, CAUSE_DELIVER, 30);
    uint32_t wake = TRACE(w.t, EXIT, irq, .reason = 1);
    uint32_t resume = TRACE(w.t, RESUME, wake, .to = 1);
    TRACE(w.t, RETURN, resume, .to = 1);
    assert_int_equal(trace_episodes(w.t), 2);
    const struct episode *p = trace_episode_at(w.t, 0);
    assert_int_equal(p->exit, exit);
    assert_false(p->resumed);
    assert_int_equal(episode_cycles(p), 3);
    assert_int_equal(episode_cost(p, CAUSE_IDLE), 5000000000u);
    p = trace_episode_at(w.t, 1);
    assert_true(p->resumed);
    assert_int_equal(p->first, irq);
    assert_int_equal(episode_cycles(p), 30);
    trace_free(w.t);
}

/* --- of whole runs --------------------------------------------------------------------------------------------------- */

static struct machine *boot(const char *guest, const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    strcpy(cfg.cpu, cpu);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static uint64_t hash(const struct machine *m)
{
    const struct trace *t = machine_trace_of(m);
    uint64_t h = trace_episodes(t);
    struct text line = { 0 };
    for (size_t i = 0; i < trace_episodes(t); i++) episode_json(t, trace_episode_at(t, i), &line);
    for (size_t i = 0; i < line.len; i++) h = (h ^ (uint8_t)line.s[i]) * 1099511628211u;
    text_free(&line);
    return h;
}

/* Every cycle a hypervisor takes is of an episode, but for the first entry: nothing is left over between them. */
static void all_of_it(void **state)
{
    (void)state;
    static const char *const guests[] = { "popf", "rings", "sens19", "fault" };
    static const unsigned causes[] = { CAUSE_DISPATCH, CAUSE_EMULATE, CAUSE_INJECT, CAUSE_SHADOW, CAUSE_DEVICE };
    for (unsigned g = 0; g < sizeof guests / sizeof guests[0]; g++) {
        struct machine *m = boot(guests[g], "te");
        struct machine_summary s;
        machine_run(m, NULL, 40000000);
        assert_int_equal(machine_end(m).fate, FATE_EXITED);
        machine_summary(m, &s);
        uint64_t inside = 0, total = 0, start = trace_episode_at(machine_trace_of(m), 0)->from;
        for (unsigned c = 0; c < sizeof causes / sizeof causes[0]; c++) {
            total += s.by_cause[causes[c]];
            for (unsigned r = 0; r < s.reasons; r++) inside += s.reason[r].by_cause[causes[c]];
        }
        assert_true(inside <= total);
        assert_true(total - inside < start + 20000); /* the first entry, and the visit in which the guest ended */
        assert_true(inside > total / 2);
        machine_free(m);
    }
}

static void the_same_after_time_travel(void **state)
{
    (void)state;
    struct machine *m = boot("rings", "te");
    assert_int_not_equal(machine_run(m, NULL, 5000), MACHINE_ENDED);
    uint64_t want = hash(m), at = machine_insns(m);
    size_t n = trace_episodes(machine_trace_of(m));
    assert_true(n > 20);
    static const unsigned back[] = { 1, 2, 3, 7, 40, 333, 4900 };
    for (unsigned i = 0; i < sizeof back / sizeof back[0]; i++) {
        assert_true(machine_goto(m, at - back[i]));
        assert_true(trace_episodes(machine_trace_of(m)) <= n);
        assert_true(machine_goto(m, at));
        assert_int_equal(trace_episodes(machine_trace_of(m)), n);
        assert_true(hash(m) == want);
    }
    machine_free(m);
    m = boot("rings", "te"); /* stepping sees what running sees */
    while (machine_insns(m) < at) machine_run(m, NULL, 1);
    assert_true(hash(m) == want);
    machine_free(m);
}

static void bare_has_none(void **state)
{
    (void)state;
    struct machine *m = boot("rings", "native");
    machine_run(m, NULL, 40000000);
    assert_int_equal(trace_episodes(machine_trace_of(m)), 0);
    assert_null(trace_episode_at(machine_trace_of(m), 0));
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(chains, names), cmocka_unit_test_setup(idling, names), cmocka_unit_test(all_of_it),
        cmocka_unit_test(the_same_after_time_travel), cmocka_unit_test(bare_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
