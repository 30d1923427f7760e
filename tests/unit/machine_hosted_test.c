/* Hosted: the process of a virtual machine is killed, at each state of a disk request. The virtual machine is over then, as if its power
 * had gone; on its disk is what a bare machine's has after some of the writes, and not fewer than the guest had heard of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/board.h"

#define IMAGE "build/guests/mini.img"
#define SCRIPT "disk run=\"mkdir d; echo did 1; echo hello >d/x; echo did 2; cat motd >d/y; echo did 3; rm README; echo did 4; rm d/x; echo did 5; " \
               "cat bin/true >d/z; echo did 6; mkdir e; rm d/z; echo did 7; halt\""
enum { WRITES = 400, SAID = 8, LIMIT = 2000000000, STEP = 300 /* instructions: two commands are farther apart */ };
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 61 };
#else
enum { STRIDE = 13 };
#endif

static struct machine *machine(unsigned crash, const char *disk, const char *script)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    char number[32];
    cfg.ram_mib = 16;
    strcpy(cfg.image, "build/guests/mini.elf");
    strcpy(cfg.append, script);
    strcpy(cfg.disk[0], disk);
    cfg.disks = 1;
    if (crash) {
        strcpy(cfg.cpu, "vtx"), strcpy(cfg.host, "hosted");
        strcpy(cfg.host_image, "build/guests/mini-host.elf"), strcpy(cfg.host_module, "build/guests/mini-host.img");
        snprintf(number, sizeof number, "host.crash=%u", crash);
        if (!config_option(&cfg, "set", number, &e)) fail_msg("%s", e.text);
    }
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

/* Which is the last thing that it said it did? */
static unsigned said(const struct machine *m)
{
    size_t n;
    const char *text = machine_vm_serial(m, 0, &n), *last = text;
    unsigned did = 0;
    for (const char *at; (at = strstr(last, "did ")) != NULL; last = at + 4) did = (unsigned)atoi(at + 4);
    return did;
}

/* A drive's hash is of all that was written to it, in order. */
static uint64_t written(const struct machine *m) { return m->b->disk[0].hash; }

/* Of the bare machine: what was written after so many writes, and how many it took until it said so. */
static uint64_t after[WRITES];
static unsigned writes, heard[SAID];

static void watch_the_bare_machine(void)
{
    struct machine *m = machine(0, IMAGE, SCRIPT);
    unsigned did = 0;
    while (machine_run(m, &(struct till){ .kind = TILL_NEVER }, STEP) != MACHINE_ENDED) {
        assert_true(writes < WRITES - 1);
        if (written(m) != after[writes]) after[++writes] = written(m);
        while (did < said(m)) heard[++did] = writes;
    }
    assert_int_equal(did, 7);
    machine_free(m);
}

/* A machine with the disk as it is now finds what the guest had said it did. */
static void start_again(struct machine *m, unsigned did)
{
    char name[] = "/tmp/ringside-hosted-XXXXXX";
    uint8_t sector[512];
    struct disk d = disk_image_medium(m->disk[0], &m->b->disk[0]);
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    for (uint64_t n = 0; n < d.sectors; n++) {
        assert_true(d.read(d.self, n, sector));
        assert_int_equal(write(fd, sector, sizeof sector), sizeof sector);
    }
    close(fd);
    struct machine *again = machine(0, name, "disk run=\"ls; ls d; cat d/x; halt\"");
    size_t n;
    assert_int_not_equal(machine_run(again, &(struct till){ .kind = TILL_NEVER }, LIMIT), MACHINE_TILL);
    const char *text = machine_vm_serial(again, 0, &n);
    assert_int_equal(machine_end(again).fate, FATE_EXITED);
    assert_true((strstr(text, "\nd/") != NULL) >= (did >= 1));
    if (did >= 2 && did < 4) assert_non_null(strstr(text, "hello"));
    if (did >= 3) assert_non_null(strstr(text, "\ny"));
    if (did >= 4) assert_null(strstr(text, "README"));
    machine_free(again);
    unlink(name);
}

static bool killed_at(unsigned chance)
{
    struct machine *m = machine(chance, IMAGE, SCRIPT);
    unsigned n = 0;
    struct machine_vm v;
    assert_int_not_equal(machine_run(m, &(struct till){ .kind = TILL_NEVER }, LIMIT), MACHINE_TILL);
    machine_vm(m, 0, &v);
    bool killed = !(v.end.fate == FATE_EXITED && !v.end.code);
    while (n <= writes && after[n] != written(m)) n++;
    if (n > writes) fail_msg("killed at chance %u: on the disk is what never was there", chance);
    if (n < heard[said(m)]) fail_msg("killed at chance %u: %u writes are on the disk, %u were acknowledged", chance, n, heard[said(m)]);
    if (!killed) assert_int_equal(n, writes);
    else if (chance % 4 == 1) start_again(m, said(m));
    machine_free(m);
    return killed;
}

static void no_write_is_lost_or_invented(void **state)
{
    (void)state;
    unsigned chance = 1, killed = 0;
    watch_the_bare_machine();
    for (; killed_at(chance); chance += STRIDE) killed++;
    assert_in_range(killed, STRIDE > 13 ? 4 : 20, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_write_is_lost_or_invented) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
