/* What is typed for a virtual machine that goes to another computer: each character is heard once, whether it came before the VM stopped, while
 * it stood still, or when it had gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/board.h"

/* Reads 40 characters from the serial line and writes each back: in al, dx (3FDh); test al, 1; jz; in al, dx (3F8h); ... out; after the last out F4h, 0. */
static const uint8_t code[] = {
    0x66, 0xba, 0xfc, 0x03, 0xb0, 0x03, 0xee, 0x66, 0xba, 0xfa, 0x03, 0xb0, 0x07, 0xee, 0xb9, 0x28, 0x00, 0x00, 0x00, /* DTR, RTS; FIFOs; mov ecx, 40 */
    0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7, 0xb2, 0xf8, 0xec, 0x88, 0xc3,                               /* wait, and take one */
    0xb2, 0xfd, 0xec, 0xa8, 0x20, 0x74, 0xfb, 0xb2, 0xf8, 0x88, 0xd8, 0xee, 0xe2, 0xe4,                               /* wait for room, and put it */
    0xb2, 0xfd, 0xec, 0xa8, 0x40, 0x74, 0xfb, 0xb0, 0x00, 0xe6, 0xf4, 0xf4 };
static const uint32_t header[8] = { 0x1BADB002, 0x00010000, 0u - 0x1BADB002u - 0x00010000u, 0x100000, 0x100000, 0, 0, 0x100020 };
enum { CHARS = 40, MOST = 100000000 };
static const char text[] = "the quick brown fox jumps over lazy dogs";

static char kernel[] = "/tmp/machine_typed_test.XXXXXX";

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

static void set(struct machine_cfg *cfg, const char *words)
{
    struct err e = { 0 };
    if (!config_option(cfg, "set", words, &e)) fail_msg("%s", e.text);
}

/* `vms`: the first of so many goes. */
static struct machine *boot(unsigned vms, const char *cut)
{
    static const char *const sets[] = { "migrate.min=2000", "migrate.max=100000", "migrate.latency=200000", "sched.slice=50" };
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 4;
    strcpy(cfg.cpu, "vtx");
    strcpy(cfg.mmu, "shadow");
    strcpy(cfg.image, kernel);
    cfg.migrate_at = 1000000;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) set(&cfg, sets[i]);
    if (cut) set(&cfg, cut);
    cfg.onward = true;
    cfg.vms = vms;
    if (vms > 1) set(&cfg, "vm.0.migrate=1");
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void until(struct machine *m, uint64_t cycle)
{
    const struct till t = { .kind = TILL_CYCLES, .value = cycle };
    machine_run(m, &t, MOST);
}

static void heard_once(struct machine *m)
{
    size_t n;
    const char *said = machine_serial(m, &n);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    assert_int_equal(n, CHARS);
    assert_memory_equal(said, text, CHARS);
}

/* A part now, which is taken, or waits in the real port, when the VM stops. */
static void what_was_typed_before_is_heard_once(void **state)
{
    (void)state;
    struct machine *m = boot(1, NULL);
    machine_serial_input(m, text, CHARS);
    machine_run(m, NULL, MOST);
    struct machine *there = machine_migrated(m);
    assert_non_null(there);
    machine_run(there, NULL, MOST);
    heard_once(there);
    machine_free(there);
    machine_free(m);
}

/* One of two: it stands still for a while, and somebody types meanwhile, and later. */
static struct machine *typed_at_all_times(const char *cut)
{
    struct machine *m = boot(2, cut);
    uint64_t at = 1000000;
    machine_serial_input(m, text, 10);
    while (!m->b->vmm.vm[0].moving && at < MOST) until(m, at += 20000);
    assert_true(m->b->vmm.vm[0].moving);
    machine_serial_input(m, text + 10, 20);
    until(m, at += 20000);
    while (m->b->vmm.vm[0].moving && at < MOST) until(m, at += 20000);
    machine_serial_input(m, text + 30, 10);
    until(m, at + (cut ? 30000000 : 6000000));
    return m;
}

static void what_is_typed_while_it_stands_still_goes_with_it(void **state)
{
    (void)state;
    struct machine *m = typed_at_all_times(NULL), *there = machine_moved(m);
    assert_non_null(there);
    machine_run(there, NULL, MOST);
    heard_once(there);
    machine_free(m);
}

static void and_is_heard_here_if_it_does_not_go(void **state)
{
    (void)state;
    struct machine *m = typed_at_all_times("migrate.spoil=31");
    size_t n;
    assert_null(machine_moved(m));
    const char *said = machine_vm_serial(m, 0, &n);
    assert_int_equal(n, CHARS);
    assert_memory_equal(said, text, CHARS);
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_typed_before_is_heard_once),
        cmocka_unit_test(what_is_typed_while_it_stands_still_goes_with_it),
        cmocka_unit_test(and_is_heard_here_if_it_does_not_go),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
