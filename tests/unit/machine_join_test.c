/* Two machines whose network cards are joined: the same every time, at any moment of the past, and with the other one's part played from a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"

enum { STEP = 50000000, STEPS = 200 };

static struct machine_cfg cfg_of(const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    strcpy(cfg.cpu, cpu), strcpy(cfg.nic, "join");
    strcpy(cfg.image, "build/guests/mini.elf");
    strcpy(cfg.append, "run=\"net ping d6 12 1200; halt\"");
    assert_true(config_option(&cfg, "module", "build/guests/mini.img", &e));
    return cfg;
}

static struct machine *machine(struct machine_cfg cfg)
{
    struct err e = { 0 };
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static struct machine_cfg joined(const char *cpu, const char *latency)
{
    struct machine_cfg cfg = cfg_of(cpu);
    strcpy(cfg.peer, "build/guests/mini.elf");
    strcpy(cfg.peer_append, "run=\"net answer\"");
    strcpy(cfg.set[0].key, "net.link"), strcpy(cfg.set[0].value, latency);
    cfg.sets = 1;
    return cfg;
}

static void to_the_end(struct machine *m)
{
    const struct till never = { .kind = TILL_NEVER };
    for (unsigned i = 0; i < STEPS && machine_run(m, &never, STEP) == MACHINE_BUDGET; i++) continue;
}

static void answered(const struct machine *m)
{
    size_t n;
    if (!strstr(machine_vm_serial(m, 0, &n), "12 answered")) fail_msg("it said: %s", machine_vm_serial(m, 0, &n));
    struct machine_link l;
    assert_true(machine_link(m, &l));
    assert_int_equal(l.in, 12);
    assert_int_equal(l.out, 12);
}

static void frames_take_the_links_time(void **state)
{
    (void)state;
    uint64_t cycles[2];
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = machine(joined("native", i ? "3000000" : "1000000"));
        to_the_end(m);
        answered(m);
        cycles[i] = machine_cycles(m);
        machine_free(m);
    }
    struct model p4;
    assert_true(config_model(&config_defaults, &p4, NULL));
    uint64_t ms = p4.hz / 1000, more = cycles[1] - cycles[0]; /* twelve times there and back; the other one is not ready at once */
    if (more < 44 * ms || more > 52 * ms) fail_msg("%llu cycles more", (unsigned long long)more);
}

static void the_past_hears_the_same(void **state)
{
    (void)state;
    static const char *const cpus[] = { "native", "vtx" };
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = machine(joined(cpus[i], "50000"));
        to_the_end(m);
        answered(m);
        uint64_t end = machine_insns(m), hash = machine_state_hash(m), frames = machine_frames(m);
        for (unsigned part = 1; part < 4; part++) {
            assert_true(machine_goto(m, end * part / 4));
            to_the_end(m);
            answered(m);
            assert_true(machine_insns(m) == end && machine_state_hash(m) == hash && machine_frames(m) == frames);
        }
        machine_free(m);
    }
}

static void a_record_is_as_good_as_the_other_machine(void **state)
{
    (void)state;
    const char *path = "build/join-test.pcap";
    struct machine *m = machine(joined("native", "50000"));
    struct text record = { 0 };
    struct err e = { 0 };
    to_the_end(m);
    machine_link_record(m, &record);
    assert_true(text_write(&record, path, &e));
    uint64_t cycles = machine_cycles(m);
    machine_free(m);
    struct machine_cfg cfg = cfg_of("native");
    strcpy(cfg.net_replay, path);
    m = machine(cfg);
    assert_null(machine_peer(m));
    to_the_end(m);
    answered(m);
    assert_true(machine_cycles(m) == cycles);
    machine_free(m);
    for (unsigned cut = 0; cut < 60; cut += 7) { /* what is no such record is refused */
        struct text part = { 0 };
        text_bytes(&part, record.s, cut);
        assert_true(text_write(&part, path, &e));
        struct machine *bad = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
        assert_null(bad);
        assert_int_equal(e.code, EXIT_INPUT);
        text_free(&part);
    }
    remove(path);
    text_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(frames_take_the_links_time), cmocka_unit_test(the_past_hears_the_same),
                                        cmocka_unit_test(a_record_is_as_good_as_the_other_machine) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
