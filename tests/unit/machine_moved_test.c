/* Live migration of one of several VMs: it ends as if it had stayed, its neighbours do not notice, and whatever fails leaves all of them here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/machine.h"

/* for (edi = 1; edi < 5000; edi++)
 *     for (n = edi & 400h ? 8 : 32 pages from 2 MB on) word[edi & 3FF] += edi * n + ebx, ebx += that word; */
static const uint8_t code[] = {
    0xbc, 0x00, 0x90, 0x00, 0x00, 0x31, 0xdb, 0xbf, 0x01, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x20, 0x00, 0x00, 0x00, 0xf7, 0xc7,
    0x00, 0x04, 0x00, 0x00, 0x74, 0x05, 0xb9, 0x08, 0x00, 0x00, 0x00, 0x89, 0xf8, 0x0f, 0xaf, 0xc1, 0x89, 0xfa, 0x81, 0xe2, 0xff, 0x03, 0x00, 0x00,
    0x01, 0xd8, 0x01, 0x04, 0x96, 0x03, 0x1c, 0x96, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xe2, 0xe3, 0x47, 0x81, 0xff, 0x88, 0x13, 0x00, 0x00, 0x72,
    0xc3, 0xb0, 0x00, 0xe6, 0xf4, 0xf4 };
static const uint32_t header[8] = { 0x1BADB002, 0x00010000, 0u - 0x1BADB002u - 0x00010000u, 0x100000, 0x100000, 0, 0, 0x100020 };
enum { MOST = 50000000, RAM = 4 << 20, VMS = 3 };

static char kernel[] = "/tmp/machine_moved_test.XXXXXX";
static uint8_t stayed[RAM], now[RAM];

static void set(struct machine_cfg *cfg, const char *words)
{
    struct err e = { 0 };
    if (!config_option(cfg, "set", words, &e)) fail_msg("%s", e.text);
}

/* A fast link, rounds that do not end early, and short turns. */
static struct machine_cfg plain(const char *cpu, const char *mmu)
{
    static const char *const sets[] = { "migrate.min=2000", "migrate.max=100000", "migrate.step=1000", "migrate.last=0", "migrate.rounds=4",
                                        "migrate.latency=20000", "sched.slice=50" };
    struct machine_cfg cfg = config_defaults;
    cfg.ram_mib = 4;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.mmu, mmu);
    strcpy(cfg.image, kernel);
    cfg.vms = VMS;
    cfg.migrate_at = 1000000;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) set(&cfg, sets[i]);
    return cfg;
}

static struct machine *run(const struct machine_cfg *cfg)
{
    struct err e = { 0 };
    struct machine *m = machine_new(cfg, &e);
    if (!m) fail_msg("%s", e.text);
    machine_run(m, NULL, MOST);
    return m;
}

static void same_memory(struct machine *m, int vm)
{
    machine_look_at(m, vm);
    assert_true(machine_peek_gpa(m, gpa(0), now, RAM));
    assert_memory_equal(now, stayed, RAM);
}

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(kernel);
    if (fd < 0) return 1;
    bool good = write(fd, header, sizeof header) == sizeof header && write(fd, code, sizeof code) == sizeof code;
    if (close(fd) || !good) return 1;
    struct machine_cfg cfg = plain("vtx", "shadow");
    cfg.vms = 1;
    config_stays(&cfg);
    struct machine *m = run(&cfg);
    machine_peek_gpa(m, gpa(0), stayed, RAM);
    machine_free(m);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(kernel);
}

static void one_goes_and_the_others_stay(void **state)
{
    static const char *const on[][3] = { { "te", "shadow", "vtx" }, { "bt", "shadow", "te" }, { "vtx", "two-level", "bt" } };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct machine_cfg cfg = plain(on[i][0], on[i][1]);
        struct machine_migration g;
        struct machine_vm v;
        char words[24];
        snprintf(words, sizeof words, "vm.%u.migrate=1", i);
        set(&cfg, words);
        set(&cfg, "vmm.check=1"); /* memory is compared when the target has it */
        set(&cfg, "vm.0.background=0"); /* words about VMs are not for the target's */
        strcpy(cfg.migrate_to, on[i][2]);
        struct machine *m = run(&cfg), *there = machine_moved(m);
        assert_non_null(there);
        assert_null(machine_migrated(m));
        assert_int_equal(machine_vms(there), 1);
        assert_true(machine_migration(m, &g) && g.done && g.several);
        assert_int_equal(g.vm, i);
        assert_int_equal(g.rounds, 5);
        assert_true(g.resumed - g.stopped >= 2 * 20000 * (g.hz / 1000000) / 1000);
        for (int vm = 0; vm < VMS; vm++) {
            machine_vm(m, (unsigned)vm, &v);
            assert_int_equal(v.end.fate, vm == (int)i ? FATE_GONE : FATE_EXITED);
            if (vm != (int)i) same_memory(m, vm);
        }
        machine_vm(m, (i + 1) % VMS, &v);
        assert_true(v.running > 0);
        machine_run(there, NULL, MOST);
        assert_int_equal(machine_end(there).fate, FATE_EXITED);
        same_memory(there, -1);
        machine_vm(m, i, &v);
        assert_int_equal(v.end.fate, FATE_EXITED); /* what is known of it now */
        machine_free(m);
    }
}

/* While the last bytes travel the processor is the neighbours'. */
static void the_others_run_while_it_stands_still(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain("vtx", "shadow");
    struct machine_migration g;
    struct machine_vm v;
    set(&cfg, "vm.1.migrate=1");
    set(&cfg, "migrate.latency=500000");
    struct machine *m = run(&cfg);
    assert_true(machine_migration(m, &g) && g.done);
    machine_vm(m, 1, &v);
    assert_true(v.asleep >= 2 * 500000 * (g.hz / 1000000) / 1000);
    uint64_t by_cause[CAUSE_COUNT];
    machine_causes(m, by_cause);
    assert_true(by_cause[CAUSE_IDLE] < (g.resumed - g.stopped) / 10);
    machine_free(m);
}

static void failed(struct machine_cfg *cfg, const char *words, const char *why)
{
    struct machine_migration g;
    struct machine_vm v;
    set(cfg, "vm.1.migrate=1");
    set(cfg, words);
    struct machine *m = run(cfg);
    assert_null(machine_moved(m));
    assert_true(machine_migration(m, &g));
    assert_false(g.done);
    if (!g.failed || !strstr(g.failed, why)) fail_msg("%s: %s: no \"%s\" in it", words, g.failed ? g.failed : "did not fail", why);
    for (int vm = 0; vm < VMS; vm++) {
        machine_vm(m, (unsigned)vm, &v);
        assert_int_equal(v.end.fate, FATE_EXITED);
        same_memory(m, vm);
    }
    machine_free(m);
}

static void whatever_fails_leaves_all_of_them_here(void **state)
{
    static const char *const how[][2] = {
        { "migrate.cut=1", "cut in round 1" }, { "migrate.cut=2", "cut in round 2" }, { "migrate.cut=3", "cut in round 3" }, { "migrate.cut=4", "cut in round 4" },
        { "migrate.cut=31", "was stopped" }, { "migrate.spoil=1", "checksum of the pages" }, { "migrate.spoil=4", "checksum of the pages" },
        { "migrate.spoil=31", "checksum says" }, { "migrate.min=1", "came to its end" }, { "migrate.full=1", "no 4 MB of memory left" }, { "migrate.version=2", "understands version 2" } };
    static const char *const on[][2] = { { "te", "shadow" }, { "bt", "shadow" }, { "vtx", "shadow" }, { "vtx", "two-level" } };
    (void)state;
    for (unsigned i = 0; i < sizeof how / sizeof how[0]; i++) {
        struct machine_cfg cfg = plain(on[i % 4][0], on[i % 4][1]);
        failed(&cfg, how[i][0], how[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_goes_and_the_others_stay), cmocka_unit_test(the_others_run_while_it_stands_still),
                                        cmocka_unit_test(whatever_fails_leaves_all_of_them_here) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
