/* A machine that boots from a disk: keys through the BIOS, time travel across power-on, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/machine.h"

static char path[64]; /* of the disk */

static void write_disk(const uint8_t *code, size_t n, size_t size)
{
    uint8_t *disk = calloc(1, size);
    memcpy(disk, code, n);
    if (size >= 512) disk[510] = 0x55, disk[511] = 0xAA;
    strcpy(path, "/tmp/firmware-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, disk, size), size);
    close(fd);
    free(disk);
}

static struct machine_cfg config(const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    cfg.ram_mib = 4;
    cfg.limit_cycles = 4000000000u;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.image, path);
    return cfg;
}

static struct machine *boot(const char *cpu, const uint8_t *code, size_t n)
{
    write_disk(code, n, 4096);
    struct machine_cfg cfg = config(cpu);
    struct err e = { 0 };
    struct machine *m = machine_new(&cfg, &e);
    unlink(path);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void says(struct machine *m, const char *wanted)
{
    size_t n;
    machine_run(m, NULL, UINT64_MAX);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s", machine_end(m).why);
    const char *text = machine_serial(m, &n);
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(text, wanted, n);
}

/* STI; l: int 16h, AH=0; Escape ends; AL to port E9; again. */
static const uint8_t echo[] = { 0xFB, 0x30, 0xE4, 0xCD, 0x16, 0x3C, 0x1B, 0x74, 0x04, 0xE6, 0xE9, 0xEB, 0xF4,
                                0xB0, 0x00, 0xE6, 0xF4, 0xF4 };

static void type_keys(struct machine *m)
{
    /* shift down, H, shift up, i, Escape */
    static const struct { uint16_t key; bool down; } keys[] = { { 0x2A, true }, { 0x23, true }, { 0x23, false }, { 0x2A, false },
                                                                { 0x17, true }, { 0x17, false }, { 0x01, true }, { 0x01, false } };
    const struct till booted = { .kind = TILL_CYCLES, .value = 100000000 };
    assert_int_equal(machine_run(m, &booted, UINT64_MAX), MACHINE_TILL);
    for (unsigned k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const struct till later = { .kind = TILL_CYCLES, .value = machine_cycles(m) + 100000 };
        machine_key(m, keys[k].key, keys[k].down);
        machine_run(m, &later, UINT64_MAX);
    }
}

static void keys_through_the_bios(void **state)
{
    (void)state;
    static const char *const techniques[] = { "native", "te" };
    for (unsigned t = 0; t < 2; t++) {
        struct machine *m = boot(techniques[t], echo, sizeof echo);
        type_keys(m);
        says(m, "Hi");
        machine_free(m);
    }
}

/* Back to before shadow RAM was switched on, and forward again: the same. */
static void time_travel(void **state)
{
    (void)state;
    struct machine *m = boot("native", echo, sizeof echo);
    type_keys(m);
    says(m, "Hi");
    uint64_t hash = machine_state_hash(m), insns = machine_insns(m);
    static const uint64_t moments[] = { 3, 30, 2000, 12000, 12 };
    for (unsigned i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        assert_true(machine_goto(m, moments[i]));
        assert_true(machine_goto(m, insns));
        assert_true(machine_state_hash(m) == hash);
    }
    machine_free(m);
}

static void single_steps(void **state)
{
    (void)state;
    struct machine *fast = boot("native", echo, sizeof echo), *slow = boot("native", echo, sizeof echo);
    enum { MOMENT = 12000 };
    machine_run(fast, NULL, MOMENT);
    while (machine_insns(slow) < MOMENT && machine_run(slow, NULL, 1) != MACHINE_ENDED) continue;
    assert_int_equal(machine_insns(fast), MOMENT); /* it has not ended before */
    assert_int_equal(machine_insns(slow), MOMENT);
    assert_int_equal(machine_cycles(fast), machine_cycles(slow));
    assert_true(machine_state_hash(fast) == machine_state_hash(slow));
    machine_free(fast);
    machine_free(slow);
}

/* Port 80h counts; after the third boot the program ends, until then it resets in three ways. */
static void resets(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x31, 0xC0, 0x8E, 0xD8,             /* DS = 0 */
        0xFE, 0x06, 0x00, 0x05,             /* inc byte [500h] */
        0xA0, 0x00, 0x05, 0x04, 0x30, 0xE6, 0xE9, /* its digit to E9 */
        0x3C, 0x31, 0x75, 0x04, 0xB0, 0xFE, 0xE6, 0x64, /* 1: the keyboard controller */
        0x3C, 0x32, 0x75, 0x07, 0xBA, 0xF9, 0x0C, 0xB0, 0x06, 0xEE, 0xF4, /* 2: CF9 */
        0x3C, 0x33, 0x75, 0x04, 0xB0, 0x00, 0xE6, 0xF4, /* 3: the end */
        0xEB, 0xFE,
    };
    struct machine *m = boot("native", code, sizeof code);
    says(m, "123");
    machine_free(m);
}

static void refusals(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct machine_cfg cfg;
    write_disk(echo, sizeof echo, 512);
    cfg = config("native");
    strcpy(cfg.append, "text");
    assert_null(machine_new(&cfg, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "this machine boots from its disk"));
    e = (struct err){ 0 };
    cfg = config("native");
    cfg.disks = CONFIG_DISKS;
    for (unsigned i = 0; i < CONFIG_DISKS; i++) strcpy(cfg.disk[i], path);
    assert_null(machine_new(&cfg, &e));
    assert_non_null(strstr(e.text, "drives have one already"));
    e = (struct err){ 0 };
    cfg = config("native");
    strcpy(cfg.bios, path);
    assert_null(machine_new(&cfg, &e));
    assert_non_null(strstr(e.text, "multiple of 64 KB"));
    assert_int_equal(e.code, EXIT_INPUT);
    e = (struct err){ 0 };
    cfg = config("native");
    strcpy(cfg.bios, "/nowhere");
    assert_null(machine_new(&cfg, &e));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_through_the_bios), cmocka_unit_test(time_travel), cmocka_unit_test(single_steps),
        cmocka_unit_test(resets), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
