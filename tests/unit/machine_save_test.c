/* A virtual machine saved and restored: it goes on as if nothing had been, under any technique; a file that is not whole, not
 * unaltered or not for this machine is refused; what cannot be written leaves the VM running. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

#include "sim/core/text.h"
#include "sim/machine.h"
#include "tests/support/sanitized.h"

/* The kernel of machine_disk_test.c: writes sectors and reads others for ever, and sums up what it reads in EBX. Its first
 * instructions count in the x87 unit, set a breakpoint's address and an MSR, so that these are part of what travels. */
static const uint8_t code[] = {
    0xdb, 0xe3, 0xd9, 0xe8, 0xd9, 0xeb, 0xde, 0xc1, 0xb8, 0x44, 0x33, 0x22, 0x11, 0x0f, 0x23, 0xd8, /* fninit; fld1; fldpi; faddp; mov dr3, 11223344 */
    0xb9, 0x75, 0x01, 0x00, 0x00, 0xb8, 0x78, 0x56, 0x34, 0x12, 0x31, 0xd2, 0x0f, 0x30, /* wrmsr 175h, 12345678 */
    0xbc, 0x00, 0x90, 0x00, 0x00, 0x31, 0xdb, 0xbf, 0x01, 0x00, 0x00, 0x00, 0x89, 0xf8, 0x24, 0x0f, 0xb1, 0x30,
    0xe8, 0x6a, 0x00, 0x00, 0x00, 0xb9, 0x80, 0x00, 0x00, 0x00, 0x66, 0xba, 0xf0, 0x01, 0x8d, 0x04, 0x0f, 0x0f,
    0xaf, 0xc3, 0x01, 0xf8, 0xef, 0xe2, 0xf5, 0x8d, 0x47, 0x01, 0x24, 0x0f, 0xb1, 0x20, 0xe8, 0x4a, 0x00, 0x00,
    0x00, 0xb9, 0x80, 0x00, 0x00, 0x00, 0x66, 0xba, 0xf0, 0x01, 0xed, 0x6b, 0xdb, 0x1f, 0x01, 0xc3, 0xe2, 0xf8,
    0x47, 0x81, 0xff, 0x60, 0x00, 0x00, 0x00, 0x72, 0xbb,
    0xb8, 0x03, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x80, 0x00, 0x00, 0xdd, 0x1e, 0x31, 0xd2, /* fstp qword [esi=8000] */
    0x0f, 0x21, 0xd8, 0x89, 0x46, 0x08, 0xb9, 0x75, 0x01, 0x00, 0x00, 0x0f, 0x32, 0x89, 0x46, 0x0c, /* DR3, MSR 175h to [8008] */
    0xb0, 0x00, 0xe6, 0xf4, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xf4, 0x90, 0x50, 0xe8, 0x18, 0x00,
    0x00, 0x00, 0x66, 0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee, 0x42, 0x58, 0xee, 0x30, 0xc0, 0x42, 0xee, 0x42, 0xee,
    0x42, 0xb0, 0xe0, 0xee, 0x42, 0x88, 0xc8, 0xee, 0x66, 0xba, 0xf6, 0x03, 0xec, 0xa8, 0x80, 0x75, 0xfb, 0xc3 };
static const uint32_t header[8] = { 0x1BADB002, 0x00010000, 0u - 0x1BADB002u - 0x00010000u,
                                    0x100000, 0x100000, 0, 0, 0x100020 };
enum { SECTORS = 20, MOST = 20000000, RAM = 4 << 20 };

static char folder[] = "/tmp/machine_save_test.XXXXXX", kernel[64], image[64], saved[64];

static void write_file(const char *path, const void *a, size_t n, const void *b, size_t k)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(a, 1, n, f) + (k ? fwrite(b, 1, k, f) : 0), n + k);
    assert_int_equal(fclose(f), 0);
}

static void write_disk(void)
{
    static uint8_t disk[SECTORS * 512];
    for (unsigned i = 0; i < sizeof disk; i++) disk[i] = (uint8_t)(i * 7 >> 2);
    write_file(image, disk, sizeof disk, NULL, 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(kernel, sizeof kernel, "%s/kernel", folder);
    snprintf(image, sizeof image, "%s/disk", folder);
    snprintf(saved, sizeof saved, "%s/saved", folder);
    write_file(kernel, header, sizeof header, code, sizeof code);
    write_disk();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(kernel), unlink(image), unlink(saved);
    return rmdir(folder);
}

static struct machine_cfg plain(const char *cpu, const char *mmu)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 4;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.mmu, mmu);
    strcpy(cfg.image, kernel);
    assert_true(config_option(&cfg, "disk", image, &e));
    return cfg;
}

static struct machine *boot(const struct machine_cfg *cfg)
{
    struct err e = { 0 };
    struct machine *m = machine_new(cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

struct state { uint32_t reg[8], eip, esi; uint8_t ram[RAM]; uint64_t cycles, written; };

static void run_to_end(const struct machine_cfg *cfg, struct state *s)
{
    struct machine *m = boot(cfg);
    struct machine_cpu c;
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    machine_guest(m, &c);
    memcpy(s->reg, c.reg, sizeof s->reg);
    s->eip = c.eip;
    s->cycles = machine_cycles(m);
    assert_true(machine_peek_gpa(m, gpa(0), s->ram, RAM));
    machine_free(m);
}

static struct state whole, parts;

static void save(const char *cpu, const char *mmu, uint64_t at)
{
    struct machine_cfg cfg = plain(cpu, mmu);
    struct err e = { 0 };
    strcpy(cfg.save, saved);
    cfg.save_at = at;
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_GONE);
    assert_true(machine_saved(m, &e));
    assert_true(machine_cycles(m) >= at);
    machine_free(m);
}

static void goes_on_everywhere(void **state)
{
    (void)state;
    static const char *const on[][2] = { { "te", "shadow" }, { "bt", "shadow" }, { "vtx", "shadow" }, { "vtx", "two-level" }, { "vtx", "agile" } };
    enum { WAYS = 5 };
    struct machine_cfg cfg = plain("vtx", "");
    run_to_end(&cfg, &whole);
    double seven;
    memcpy(&seven, whole.ram + 0x8000, sizeof seven);
    assert_true(seven > 4.14 && seven < 4.15);
    for (unsigned from = 0; from < WAYS; from++)
        for (unsigned to = 0; to < WAYS; to++) {
            if (SANITIZED && to != (2 * from + 1) % WAYS) continue; /* from each one, and to each one */
            save(on[from][0], on[from][1], 300000 + 280000 * (uint64_t)(from * WAYS + to));
            cfg = plain(on[to][0], on[to][1]);
            strcpy(cfg.restore, saved);
            run_to_end(&cfg, &parts);
            assert_memory_equal(parts.reg, whole.reg, sizeof whole.reg);
            assert_int_equal(parts.eip, whole.eip);
            assert_memory_equal(parts.ram, whole.ram, RAM);
        }
}

/* The same bytes whoever asks; saved, restored and saved again at once, the same but for the cycle. */
static void saving_is_repeatable(void **state)
{
    (void)state;
    struct text one = { 0 }, two = { 0 };
    struct err e = { 0 };
    save("vtx", "", 2000000);
    assert_true(text_read(&one, saved, 1 << 26, &e));
    save("vtx", "", 2000000);
    assert_true(text_read(&two, saved, 1 << 26, &e));
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.s, two.s, one.len);
    text_free(&one);
    text_free(&two);
}

static void refuse(const struct text *t, size_t n, const char *why)
{
    struct machine_cfg cfg = plain("vtx", "");
    struct err e = { 0 };
    write_file(saved, t->s, n, NULL, 0);
    strcpy(cfg.restore, saved);
    struct machine *m = machine_new(&cfg, &e);
    assert_null(m);
    assert_int_equal(e.code, EXIT_INPUT);
    if (!strstr(e.text, why)) fail_msg("%s: no \"%s\" in it", e.text, why);
}

static void sums(struct text *t)
{
    uint32_t body = (uint32_t)crc32(0, (const Bytef *)t->s + 32, (uInt)t->len - 32);
    memcpy(t->s + 24, &body, 4);
    uint32_t head = (uint32_t)crc32(0, (const Bytef *)t->s, 28);
    memcpy(t->s + 28, &head, 4);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    struct text t = { 0 };
    struct err e = { 0 };
    save("bt", "", 2000000);
    assert_true(text_read(&t, saved, 1 << 26, &e));
    refuse(&t, 0, "not a saved virtual machine");
    refuse(&t, 20, "cut off");
    refuse(&t, 32, "cut off");
    refuse(&t, t.len / 2, "cut off");
    refuse(&t, t.len - 1, "cut off");
    for (size_t at = 0; at < t.len; at += at < 40 ? 1 : t.len / 23) {
        t.s[at] ^= 4;
        refuse(&t, t.len, at < 8 ? "not a saved virtual machine" : at < 32 ? "header was altered" : "altered");
        t.s[at] ^= 4;
    }
    text_char(&t, 'x');
    refuse(&t, t.len, "something was added");
    t.len--;
    t.s[8]++; /* forged: the sums are right */
    sums(&t);
    refuse(&t, t.len, "version 2 of the format");
    t.s[8]--;
    t.s[12]++;
    sums(&t);
    refuse(&t, t.len, "another version of this program");
    t.s[12]--;
    size_t vcpu = 0;
    while (memcmp(t.s + vcpu, "VCPU", 4)) vcpu++;
    t.s[vcpu + 16 + 32] = 1; /* reg[8] */
    sums(&t);
    refuse(&t, t.len, "always 0");
    t.s[vcpu + 16 + 32] = 0;
    t.s[vcpu] = 'X';
    sums(&t);
    refuse(&t, t.len, "a part is missing");
    text_free(&t);
}

/* Forged files whose sums are right, anything in them: refused, or a machine that runs and ends somehow. */
static void forged_files_do_no_harm(void **state)
{
    (void)state;
    struct text t = { 0 };
    struct err e = { 0 };
    uint32_t seed = 1;
    unsigned refused = 0, ran = 0;
    save("bt", "", 2000000);
    assert_true(text_read(&t, saved, 1 << 26, &e));
    size_t memo = 0;
    while (memcmp(t.s + memo, "MEMO", 4)) memo++;
    for (unsigned i = 0; i < 60; i++) {
        uint8_t was[4];
        size_t at[4];
        for (unsigned k = 0; k < 4; k++) {
            seed = seed * 1664525 + 1013904223;
            at[k] = 32 + (seed >> 8) % (k ? 3000 : memo - 32);
            was[k] = (uint8_t)t.s[at[k]];
            t.s[at[k]] = (char)(seed >> 24);
        }
        sums(&t);
        write_file(saved, t.s, t.len, NULL, 0);
        struct machine_cfg cfg = plain(i % 2 ? "vtx" : "te", "");
        struct err f = { 0 };
        strcpy(cfg.restore, saved);
        cfg.limit_cycles = 20000000;
        struct machine *m = machine_new(&cfg, &f);
        refused += !m;
        ran += m != NULL;
        if (m) machine_run(m, NULL, 20000);
        else assert_true(f.code == EXIT_INPUT && f.text[0]);
        machine_free(m);
        for (unsigned k = 4; k--; ) t.s[at[k]] = (char)was[k];
    }
    assert_in_range(refused, 5, 60);
    assert_in_range(ran, 5, 60);
    text_free(&t);
}

static void another_machine_is_refused(void **state)
{
    (void)state;
    static const struct { const char *key, *value, *why; } bad[] = {
        { "ram", "8M", "say --ram 4M" }, { "model", "nehalem", "same --model" }, { "seed", "7", "another --seed" }, { "set", "cpu.umip=1", "other features" },
    };
    save("vtx", "", 2000000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct machine_cfg cfg = plain("vtx", "");
        struct err e = { 0 };
        strcpy(cfg.restore, saved);
        assert_true(config_option(&cfg, bad[i].key, bad[i].value, &e));
        assert_null(machine_new(&cfg, &e));
        assert_int_equal(e.code, EXIT_INPUT);
        if (!strstr(e.text, bad[i].why)) fail_msg("%s: no \"%s\" in it", e.text, bad[i].why);
    }
    struct machine_cfg cfg = plain("vtx", "");
    struct err e = { 0 };
    strcpy(cfg.restore, saved);
    cfg.disks = 0;
    assert_null(machine_new(&cfg, &e));
    assert_non_null(strstr(e.text, "give the same --disk"));
    cfg = plain("vtx", "");
    strcpy(cfg.restore, saved);
    e = (struct err){ 0 };
    write_file(image, "other", 5, whole.ram, SECTORS * 512 - 5);
    assert_null(machine_new(&cfg, &e));
    assert_non_null(strstr(e.text, "another disk"));
    write_disk();
}

/* There is no such folder: the VM is not lost, and ends as if nobody had asked. */
static void what_cannot_be_written_goes_on(void **state)
{
    (void)state;
    static const char *const on[] = { "te", "bt", "vtx" };
    for (unsigned i = 0; i < 3; i++) {
        struct machine_cfg cfg = plain(on[i], "");
        struct err e = { 0 };
        struct machine_cpu c;
        strcpy(cfg.save, "/nowhere/at/all");
        cfg.save_at = 2000000;
        struct machine *m = boot(&cfg);
        machine_run(m, NULL, MOST);
        assert_int_equal(machine_end(m).fate, FATE_EXITED);
        assert_false(machine_saved(m, &e));
        assert_int_equal(e.code, EXIT_ENVIRONMENT);
        machine_guest(m, &c);
        assert_memory_equal(c.reg, whole.reg, sizeof whole.reg);
        assert_true(machine_peek_gpa(m, gpa(0), parts.ram, RAM));
        assert_memory_equal(parts.ram, whole.ram, RAM);
        machine_free(m);
    }
}

/* Going back to before the moment and forwards again: the same end, and the file is not written twice. */
static void time_travel_over_the_moment(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain("bt", "");
    strcpy(cfg.save, saved);
    cfg.save_at = 2000000;
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    uint64_t insns = machine_insns(m), hash = machine_state_hash(m);
    unlink(saved);
    assert_true(machine_back(m, 1000));
    assert_int_equal(machine_end(m).fate, FATE_RUNNING);
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_GONE);
    assert_int_equal(machine_insns(m), insns);
    assert_true(machine_state_hash(m) == hash);
    assert_int_not_equal(access(saved, F_OK), 0);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_everywhere), cmocka_unit_test(saving_is_repeatable), cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(forged_files_do_no_harm), cmocka_unit_test(another_machine_is_refused), cmocka_unit_test(what_cannot_be_written_goes_on),
        cmocka_unit_test(time_travel_over_the_moment),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
