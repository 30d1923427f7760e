/* Live migration: the guest ends as if it had stayed, no store escapes the dirty log, and whatever fails leaves exactly one running copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/machine.h"
#include "sim/snapshot.h"
#include "tests/support/sanitized.h"

/* for (edi = 1; edi < 30000; edi++)
 *     for (n = edi & 400h ? 8 : 32 pages from 2 MB on) word[edi & 3FF] += edi * n + ebx, ebx += that word; */
static const uint8_t code[] = {
    0xbc, 0x00, 0x90, 0x00, 0x00, 0x31, 0xdb, 0xbf, 0x01, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x20, 0x00, 0x00, 0x00, 0xf7, 0xc7,
    0x00, 0x04, 0x00, 0x00, 0x74, 0x05, 0xb9, 0x08, 0x00, 0x00, 0x00, 0x89, 0xf8, 0x0f, 0xaf, 0xc1, 0x89, 0xfa, 0x81, 0xe2, 0xff, 0x03, 0x00, 0x00,
    0x01, 0xd8, 0x01, 0x04, 0x96, 0x03, 0x1c, 0x96, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xe2, 0xe3, 0x47, 0x81, 0xff, 0x30, 0x75, 0x00, 0x00, 0x72,
    0xc3, 0xb0, 0x00, 0xe6, 0xf4, 0xf4 };
static const uint32_t header[8] = { 0x1BADB002, 0x00010000, 0u - 0x1BADB002u - 0x00010000u, 0x100000, 0x100000, 0, 0, 0x100020 };
enum { MOST = 50000000, RAM = 4 << 20, WAYS = 4 };

static char kernel[] = "/tmp/machine_migrate_test.XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(kernel);
    if (fd < 0) return 1;
    bool good = write(fd, header, sizeof header) == sizeof header && write(fd, code, sizeof code) == sizeof code;
    return close(fd) || !good;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(kernel);
}

static const char *const on[WAYS][2] = { { "te", "shadow" }, { "bt", "shadow" }, { "vtx", "shadow" }, { "vtx", "two-level" } };

/* A fast link, and rounds that do not end early. */
static struct machine_cfg plain(unsigned way)
{
    static const char *const sets[] = { "migrate.min=2000", "migrate.max=100000", "migrate.step=1000", "migrate.last=0", "migrate.rounds=4",
                                        "migrate.latency=20000" };
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 4;
    strcpy(cfg.cpu, on[way][0]);
    strcpy(cfg.mmu, on[way][1]);
    strcpy(cfg.image, kernel);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) assert_true(config_option(&cfg, "set", sets[i], &e));
    return cfg;
}

static void set(struct machine_cfg *cfg, const char *what, unsigned n)
{
    char words[48];
    struct err e = { 0 };
    snprintf(words, sizeof words, "%s=%u", what, n);
    if (!config_option(cfg, "set", words, &e)) fail_msg("%s", e.text);
}

/* Settings of a way that nobody goes are refused. */
static struct machine *boot(const struct machine_cfg *cfg)
{
    struct machine_cfg one = *cfg;
    struct err e = { 0 };
    if (!one.migrate_at) config_stays(&one);
    struct machine *m = machine_new(&one, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

struct state { uint32_t reg[8], eip; uint8_t ram[RAM]; };
static struct state stayed, moved;

static void end_of(struct machine *m, struct state *s)
{
    struct machine_cpu c;
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    machine_guest(m, &c);
    memcpy(s->reg, c.reg, sizeof s->reg);
    s->eip = c.eip;
    assert_true(machine_peek_gpa(m, gpa(0), s->ram, RAM));
}

static void same_end(void)
{
    assert_memory_equal(moved.reg, stayed.reg, sizeof stayed.reg);
    assert_int_equal(moved.eip, stayed.eip);
    assert_memory_equal(moved.ram, stayed.ram, RAM);
}

static void it_ends_as_if_it_had_stayed(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain(2);
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    end_of(m, &stayed);
    machine_free(m);
    for (unsigned from = 0; from < WAYS; from++)
        for (unsigned to = 0; to < 3; to++) {
            if (SANITIZED && to != from % 3) continue;
            struct machine_migration g;
            cfg = plain(from);
            cfg.migrate_at = 1000000 + 100000 * from;
            strcpy(cfg.migrate_to, on[to][0]);
            set(&cfg, "vmm.check", to == from); /* memory is compared when the target has it; slow */
            m = boot(&cfg);
            machine_run(m, NULL, MOST);
            assert_int_equal(machine_end(m).fate, FATE_GONE);
            struct machine *there = machine_migrated(m);
            assert_non_null(there);
            assert_null(machine_migrated(m));
            assert_true(machine_migration(m, &g) && g.done);
            assert_int_equal(machine_cycles(there) >= g.resumed, 1);
            machine_run(there, NULL, MOST);
            end_of(there, &moved);
            same_end();
            machine_free(there);
            machine_free(m);
        }
}

/* What the rounds say fits together, and the paper's model: all pages first, then what was stored to; downtime is the last part and the link. */
static void rounds_add_up(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain(2);
    struct machine_migration g;
    cfg.migrate_at = 1000000;
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    assert_true(machine_migration(m, &g));
    assert_int_equal(g.rounds, 5);
    assert_int_equal(g.round[0].pages, RAM / 4096);
    for (unsigned n = 0; n < g.rounds; n++) {
        const struct machine_round *r = &g.round[n];
        assert_int_equal(r->pages, r->sent + r->zero + r->hot);
        assert_true(r->ended > r->began);
        if (n) assert_int_equal(r->pages, r[-1].dirtied);
        if (n) assert_in_range(r->pages, 8, 40); /* the 32 pages, stack and text */
        uint64_t least = (uint64_t)r->sent * 4096 * 8 * (g.hz / 1000) / r->mbit / 1000;
        assert_true(r->ended - r->began >= least);
    }
    assert_int_equal(g.round[0].mbit, 2000);
    assert_true(g.round[1].mbit > 2000);
    assert_int_equal(g.round[4].hot, 0);
    assert_true(g.resumed - g.stopped >= 2 * 20000 * (g.hz / 1000000) / 1000); /* at least there and back */
    assert_true(g.resumed == g.round[4].ended);
    machine_free(m);
}

static void no_copy_but_this_one(struct machine_cfg *cfg, const char *why)
{
    struct machine_migration g;
    struct machine *m = boot(cfg);
    machine_run(m, NULL, MOST);
    assert_null(machine_migrated(m));
    assert_true(machine_migration(m, &g));
    assert_false(g.done);
    if (!g.failed || !strstr(g.failed, why)) fail_msg("%s: no \"%s\" in it", g.failed ? g.failed : "did not fail", why);
    end_of(m, &moved);
    same_end();
    machine_free(m);
}

/* In every round, at the first page of it and at the very end, the last round being that in which the VM stands still. */
static void a_link_that_is_cut_leaves_the_source(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++)
        for (unsigned round = SANITIZED ? 2 + way : 1; round <= 5; round += ONE_IN(5)) {
            struct machine_cfg cfg = plain(way);
            cfg.migrate_at = 1000000;
            set(&cfg, "migrate.cut", round == 5 ? 31 : round);
            no_copy_but_this_one(&cfg, "the link was cut");
        }
}

static void altered_bytes_leave_the_source(void **state)
{
    (void)state;
    for (unsigned round = 1; round <= 5; round++) {
        struct machine_cfg cfg = plain(round % WAYS);
        cfg.migrate_at = 1000000;
        set(&cfg, "migrate.spoil", round == 5 ? 31 : round);
        no_copy_but_this_one(&cfg, round == 5 ? "checksum says" : "checksum of the pages is another");
    }
}

/* So they are when one goes back to before the round, and on again. */
static void they_are_altered_again(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain(2);
    cfg.migrate_at = 1000000;
    set(&cfg, "migrate.spoil", 1);
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    uint64_t hash = machine_state_hash(m), insns = machine_insns(m);
    assert_true(machine_goto(m, 0));
    machine_run(m, NULL, MOST);
    struct machine_migration g;
    assert_true(machine_migration(m, &g) && !g.done);
    assert_true(machine_insns(m) == insns && machine_state_hash(m) == hash);
    machine_free(m);
}

static void a_target_that_cannot_leaves_the_source(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain(1);
    cfg.migrate_at = 1000000;
    set(&cfg, "migrate.full", 1);
    no_copy_but_this_one(&cfg, "no 4 MB of memory left");
    cfg = plain(2);
    cfg.migrate_at = 1000000;
    set(&cfg, "migrate.version", 2);
    no_copy_but_this_one(&cfg, "understands version 2");
}

static void it_is_repeatable(void **state)
{
    (void)state;
    uint64_t hash[2];
    struct machine_migration g[2];
    for (unsigned i = 0; i < 2; i++) {
        struct machine_cfg cfg = plain(1);
        cfg.migrate_at = 1000000;
        struct machine *m = boot(&cfg);
        machine_run(m, NULL, MOST);
        struct machine *there = machine_migrated(m);
        machine_run(there, NULL, MOST);
        hash[i] = machine_state_hash(there);
        assert_true(machine_migration(m, &g[i]));
        machine_free(there);
        machine_free(m);
    }
    assert_true(hash[0] == hash[1]);
    assert_memory_equal(g[0].round, g[1].round, sizeof g[0].round);
}

/* Back into a round, whatever became of the target meanwhile, and on again: the same comes of it. */
static void one_goes_back_into_a_round(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut <= 3; cut += 3)
        for (unsigned round = 0; round < 2; round++) {
            struct machine_migration g, again;
            struct machine_cfg cfg = plain(2);
            cfg.migrate_at = 1000000;
            set(&cfg, "migrate.cut", cut);
            struct machine *m = boot(&cfg);
            machine_run(m, NULL, MOST);
            assert_true(machine_migration(m, &g) && g.done == !cut);
            uint64_t hash = machine_state_hash(m), insns = machine_insns(m);
            const struct till there = { .kind = TILL_CYCLES, .value = (g.round[round].began + g.round[round].ended) / 2 };
            assert_true(machine_goto(m, 0));
            assert_int_equal(machine_run(m, &there, MOST), MACHINE_TILL);
            uint64_t inside = machine_insns(m);
            snapshot_take(m);
            machine_run(m, NULL, MOST);
            assert_true(machine_goto(m, inside));
            machine_run(m, NULL, MOST);
            assert_true(machine_insns(m) == insns && machine_state_hash(m) == hash);
            assert_true(machine_migration(m, &again));
            assert_memory_equal(g.round, again.round, sizeof g.round);
            struct machine *to = machine_migrated(m);
            assert_int_equal(to != NULL, !cut);
            if (to) machine_run(to, NULL, MOST);
            end_of(to ? to : m, &moved);
            same_end();
            machine_free(to);
            machine_free(m);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_as_if_it_had_stayed), cmocka_unit_test(rounds_add_up), cmocka_unit_test(a_link_that_is_cut_leaves_the_source),
        cmocka_unit_test(altered_bytes_leave_the_source), cmocka_unit_test(they_are_altered_again), cmocka_unit_test(a_target_that_cannot_leaves_the_source), cmocka_unit_test(it_is_repeatable), cmocka_unit_test(one_goes_back_into_a_round),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
