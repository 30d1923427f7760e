/* Keys and serial bytes from outside reach the guest, bare and in a VM, and reach it again when history is replayed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/machine.h"

static const char *const techniques[] = { "native", "te" };

/* A Multiboot image of one page at 1 MB: header, then code. */
static struct machine *boot(const char *cpu, const uint8_t *code, size_t n)
{
    static const uint32_t header[8] = { 0x1BADB002, 0x10000, 0u - 0x1BADB002u - 0x10000u, 0x100000, 0x100000, 0, 0, 0x100020 };
    char path[] = "/tmp/input-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    assert_int_equal(write(fd, code, n), n);
    close(fd);
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 4;
    cfg.limit_cycles = 400000000;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.image, path);
    struct machine *m = machine_new(&cfg, &e);
    unlink(path);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void run_to_the_end(struct machine *m, const void *wanted, size_t n)
{
    size_t got;
    machine_run(m, NULL, UINT64_MAX);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s", machine_end(m).why);
    const char *text = machine_serial(m, &got);
    assert_int_equal(got, n);
    assert_memory_equal(text, wanted, n);
}

/* Polls the keyboard and writes what comes to the debug console, up to the release of Enter. */
static void keys(void **state)
{
    (void)state;
    static const uint8_t code[] = { 0xE4, 0x64, 0xA8, 0x01, 0x74, 0xFA, 0xE4, 0x60, 0xE6, 0xE9, 0x3C, 0x9C, 0x75, 0xF2,
                                    0xB0, 0x00, 0xE6, 0xF4, 0xF4 };
    static const uint8_t wanted[] = { 0x1E, 0x9E, 0xE0, 0x48, 0xE0, 0xC8, 0x1C, 0x9C };
    static const uint16_t pressed[] = { 0x1E, 0xE048, 0x1C };
    for (unsigned t = 0; t < 2; t++) {
        struct machine *m = boot(techniques[t], code, sizeof code);
        machine_run(m, NULL, 5000);
        for (unsigned k = 0; k < 3; k++) {
            machine_key(m, pressed[k], true);
            machine_run(m, NULL, 300);
            machine_key(m, pressed[k], false);
            machine_run(m, NULL, 300);
        }
        run_to_the_end(m, wanted, sizeof wanted);
        uint64_t state_then = machine_state_hash(m), cycles = machine_cycles(m), insns = machine_insns(m);
        assert_true(machine_goto(m, 2000));
        assert_true(machine_goto(m, insns));
        machine_run(m, NULL, UINT64_MAX);
        assert_int_equal(machine_cycles(m), cycles);
        assert_true(machine_state_hash(m) == state_then);
        machine_free(m);
    }
}

/* Sleeps with interrupts on (the timer wakes it), polls COM1, echoes, up to a newline. */
static void typing(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x66, 0xBA, 0xFC, 0x03, 0xB0, 0x03, 0xEE,             /* MCR: DTR, RTS */
        0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0xF7, /* 1: wait for data */
        0x66, 0xBA, 0xF8, 0x03, 0xEC, 0xE6, 0xE9,             /* take it, write it to the console */
        0x3C, 0x0A, 0x75, 0xEC, 0xB0, 0x00, 0xE6, 0xF4, 0xF4 };
    for (unsigned t = 0; t < 2; t++) {
        struct machine *m = boot(techniques[t], code, sizeof code);
        machine_serial_input(m, "first ", 6);
        machine_run(m, NULL, 3000);
        machine_serial_input(m, "and a longer second part", 24);
        machine_run(m, NULL, 3000);
        machine_serial_input(m, "\n", 1);
        run_to_the_end(m, "first and a longer second part\n", 31);
        machine_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(keys), cmocka_unit_test(typing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
