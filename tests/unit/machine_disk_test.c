/* A machine with a disk: time travel takes back what was written, stepping is running, two machines do not meet; what
 * the run's identity and its results say. The image's own rules: sim_disk_image_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/machine.h"
#include "tests/support/sanitized.h"

/* Writes sectors 0..15 over and over, each word from the sum so far, reads the next sector and adds it to the sum:
 *   for (edi = 1; edi < 400; edi++) {
 *       WRITE edi & 15, words (edi + ecx) * ebx + edi;
 *       READ (edi + 1) & 15, for each word ebx = ebx * 31 + word } */
static const uint8_t code[] = {
    0xbc, 0x00, 0x90, 0x00, 0x00, 0x31, 0xdb, 0xbf, 0x01, 0x00, 0x00, 0x00, 0x89, 0xf8, 0x24, 0x0f, 0xb1, 0x30,
    0xe8, 0x3f, 0x00, 0x00, 0x00, 0xb9, 0x80, 0x00, 0x00, 0x00, 0x66, 0xba, 0xf0, 0x01, 0x8d, 0x04, 0x0f, 0x0f,
    0xaf, 0xc3, 0x01, 0xf8, 0xef, 0xe2, 0xf5, 0x8d, 0x47, 0x01, 0x24, 0x0f, 0xb1, 0x20, 0xe8, 0x1f, 0x00, 0x00,
    0x00, 0xb9, 0x80, 0x00, 0x00, 0x00, 0x66, 0xba, 0xf0, 0x01, 0xed, 0x6b, 0xdb, 0x1f, 0x01, 0xc3, 0xe2, 0xf8,
    0x47, 0x81, 0xff, 0x90, 0x01, 0x00, 0x00, 0x72, 0xbb, 0xb0, 0x00, 0xe6, 0xf4, 0xf4, 0x50, 0xe8, 0x18, 0x00,
    0x00, 0x00, 0x66, 0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee, 0x42, 0x58, 0xee, 0x30, 0xc0, 0x42, 0xee, 0x42, 0xee,
    0x42, 0xb0, 0xe0, 0xee, 0x42, 0x88, 0xc8, 0xee, 0x66, 0xba, 0xf6, 0x03, 0xec, 0xa8, 0x80, 0x75, 0xfb, 0xc3 };
static const uint32_t header[8] = { 0x1BADB002, 0x00010000, 0u - 0x1BADB002u - 0x00010000u,
                                    0x100000, 0x100000, 0, 0, 0x100020 };
enum { SECTORS = 20, PASSES = 400, MOST = 10000000, MARKS = 8 };

static char folder[] = "/tmp/machine_disk_test.XXXXXX", kernel[64], image[64];

static void write_file(const char *path, const void *a, size_t n, const void *b, size_t k)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(a, 1, n, f) + (k ? fwrite(b, 1, k, f) : 0), n + k);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    (void)state;
    static uint8_t disk[SECTORS * 512];
    if (!mkdtemp(folder)) return 1;
    snprintf(kernel, sizeof kernel, "%s/kernel", folder);
    snprintf(image, sizeof image, "%s/disk", folder);
    write_file(kernel, header, sizeof header, code, sizeof code);
    for (unsigned i = 0; i < sizeof disk; i++) disk[i] = (uint8_t)(i * 7 >> 2);
    write_file(image, disk, sizeof disk, NULL, 0);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    unlink(kernel);
    unlink(image);
    return rmdir(folder);
}

static struct machine *boot(const char *cpu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 4;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.image, kernel);
    assert_true(config_option(&cfg, "disk", image, &e));
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

/* What the guest should have computed at its end. */
static uint32_t wanted(void)
{
    static uint32_t disk[16][128];
    uint32_t sum = 0;
    for (uint32_t i = 0; i < sizeof disk; i++) ((uint8_t *)disk)[i] = (uint8_t)(i * 7 >> 2);
    for (uint32_t n = 1; n < PASSES; n++) {
        for (uint32_t k = 128; k; k--) disk[n & 15][128 - k] = (n + k) * sum + n;
        for (uint32_t k = 0; k < 128; k++) sum = sum * 31 + disk[(n + 1) & 15][k];
    }
    return sum;
}

struct moment { uint64_t insns, cycles, state, changed; };

static struct moment now(const struct machine *m)
{
    struct machine_disk d[4];
    assert_int_equal(machine_disks(m, d, 4), 1);
    return (struct moment){ machine_insns(m), machine_cycles(m), machine_state_hash(m), d[0].changed };
}

static void same(struct moment a, struct moment b, const char *what)
{
    if (memcmp(&a, &b, sizeof a))
        fail_msg("%s: boundary %llu/%llu cycle %llu/%llu sectors %llu/%llu", what, (unsigned long long)a.insns,
                 (unsigned long long)b.insns, (unsigned long long)a.cycles, (unsigned long long)b.cycles,
                 (unsigned long long)a.changed, (unsigned long long)b.changed);
}

static void check_end(const struct machine *m)
{
    struct machine_cpu cpu;
    machine_guest(m, &cpu);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    assert_int_equal(cpu.reg[3], wanted());
    assert_int_equal(now(m).changed, 16);
}

static void going_back_takes_writes_back(void **state)
{
    (void)state;
    static const char *const cpus[] = { "native", "te" };
    for (unsigned c = SANITIZED; c < 2; c++) {
        struct machine *m = boot(cpus[c]), *other = boot(cpus[c]);
        struct moment mark[MARKS];
        for (unsigned n = 0; n < MARKS; n++) {
            mark[n] = now(m);
            machine_run(m, NULL, n < 3 ? 2500 : 70001);
        }
        machine_run(m, NULL, MOST);
        struct moment end = now(m);
        check_end(m);
        assert_int_equal(mark[0].changed, 0);
        for (unsigned n = 0; n < MARKS + 4; n++) {
            const struct moment *to = &mark[n * 5 % MARKS];
            assert_true(machine_goto(m, to->insns));
            same(*to, now(m), "goto");
            machine_run(m, NULL, n * 997);
        }
        machine_run(m, NULL, MOST);
        same(end, now(m), "the end again");
        check_end(m);
        same(mark[0], now(other), "another machine on the same image");
        for (unsigned n = 0; n < 3000; n++) machine_run(other, NULL, 1);
        struct moment stepped = now(other);
        assert_true(machine_goto(other, 0));
        machine_run(other, NULL, 3000);
        same(stepped, now(other), "stepping is running");
        machine_free(m);
        machine_free(other);
    }
}

/* A page of memory changed by hand makes this moment the first one: the disk's writes until then stay. */
static void a_new_beginning(void **state)
{
    (void)state;
    const uint32_t word = 1;
    struct machine *m = boot("native");
    machine_run(m, NULL, 30000);
    assert_true(machine_poke(m, gva(0x200000), &word, 4));
    struct moment here = now(m);
    machine_run(m, NULL, 300000);
    assert_false(machine_goto(m, 100));
    assert_true(machine_goto(m, here.insns));
    same(here, now(m), "the new beginning");
    machine_run(m, NULL, MOST);
    check_end(m);
    machine_free(m);
}

static void identity(void **state)
{
    (void)state;
    struct machine_summary a, b;
    struct machine *m = boot("native");
    machine_summary(m, &a);
    machine_run(m, NULL, MOST);
    machine_summary(m, &b);
    assert_true(a.run_id == b.run_id);
    machine_free(m);
    uint8_t disk[SECTORS * 512] = { 1 };
    write_file(image, disk, sizeof disk, NULL, 0);
    m = boot("native");
    machine_summary(m, &b);
    assert_true(a.run_id != b.run_id);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(going_back_takes_writes_back), cmocka_unit_test(a_new_beginning), cmocka_unit_test(identity),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
