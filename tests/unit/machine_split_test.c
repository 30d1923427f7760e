/* Split drivers: what a guest's disk holds in the end, by way of the service domain or bare, and what a hostile front end can do. Who dies,
 * and when: machine_random_io_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

#define SCRIPT "run=\"mkdir d; echo hello >d/x; cat motd >d/y; rm README; cat d/y d/x; ls; ls d; cat /bin/sh /bin/ls >d/z; wc d/z; mkdir e; echo a >e/a; rm e/a; rm e; halt\""
#define SHORT "run=\"ls; echo hello >x; cat motd x; rm README; ls; halt\""
#ifdef __SANITIZE_ADDRESS__
enum { MAD = 2 }; /* fewer hostile guests: it would take minutes */
#else
enum { MAD = 6 };
#endif
enum { LIMIT = 200000000, STEP = 30000 };

static struct machine *machine(const char *image, unsigned vms, const char *append)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    cfg.vms = vms;
    strcpy(cfg.image, image);
    strcpy(cfg.append, append);
    strcpy(cfg.disk[0], "build/guests/mini.img");
    cfg.disks = 1;
    if (vms > 1) strcpy(cfg.cpu, "pv"), strcpy(cfg.io, "split");
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static uint64_t written(const struct machine *m, unsigned vm) { return m->b->disk[vm * CONFIG_DISKS].hash; }

static const char *text(const struct machine *m, unsigned vm)
{
    size_t n;
    return machine_vm_serial(m, vm, &n);
}

static void to_the_end(struct machine *m)
{
    const struct till never = { .kind = TILL_NEVER };
    assert_int_not_equal(machine_run(m, &never, LIMIT), MACHINE_TILL);
}

static void well(const struct machine *m, unsigned vm)
{
    struct machine_vm v;
    machine_vm(m, vm, &v);
    if (v.end.fate != FATE_EXITED || v.end.code) fail_msg("vm%u: %s; it said: %s", vm, v.end.why, text(m, vm));
}

static void disks_end_as_on_a_bare_machine(void **state)
{
    (void)state;
    struct machine *bare = machine("build/guests/mini.elf", 1, SCRIPT), *m = machine("build/guests/mini-pv.elf", 3, SCRIPT);
    to_the_end(bare);
    to_the_end(m);
    const char *as = strstr(text(bare, 0), "files on the disk");
    assert_non_null(as);
    assert_true(written(bare, 0) != 0);
    for (unsigned vm = 1; vm < 3; vm++) {
        well(m, vm);
        const char *is = strstr(text(m, vm), "files on the disk");
        assert_non_null(is);
        assert_string_equal(is, as);
        assert_true(written(m, vm) == written(bare, 0));
    }
    struct machine_vm service, guest;
    machine_vm(m, 0, &service);
    machine_vm(m, 1, &guest);
    assert_int_equal(service.copied + guest.copied, 0); /* the data goes between drive and guest */
    assert_true(service.mapped > 0 && service.interrupts > 0 && service.ports > 0);
    assert_int_equal(guest.mapped + guest.interrupts + guest.ports, 0);
    machine_free(bare);
    machine_free(m);
}

/* ---- a hostile front end */

static uint32_t seed;
static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

/* A word of a page of the VM's kernel. */
static void scribble(struct machine *m, unsigned vm, const char *symbol, uint32_t bytes)
{
    uint32_t at, word = chance(3) ? chance(64) : seed;
    assert_true(machine_find_symbol(m, symbol, &at));
    at += chance(bytes / 4) * 4;
    bus_poke(&m->b->vmm.vm[vm].pseudo, hpa(at - 0xC0000000u), &word, 4);
}

static void holds(const struct machine *m)
{
    char why[160];
    for (unsigned n = 0; n < m->b->vmm.vms; n++)
        if (m->b->vmm.vm[n].account.state != VM_OVER && !pv_check(m->b->vmm.vm[n].vcpu.pv, why, sizeof why)) fail_msg("vm%u: %s", n, why);
}

/* One guest's ring, grants and store page hold what nobody meant, at any moment; the other one ends as if it were alone with the
 * service domain, with the same disk. */
static void a_mad_guest_harms_itself_only(void **state)
{
    (void)state;
    struct machine *good = machine("build/guests/mini-pv.elf", 3, SHORT);
    to_the_end(good);
    for (seed = 1; seed <= MAD; seed += 1) {
        uint32_t kept = seed;
        struct machine *m = machine("build/guests/mini-pv.elf", 3, SHORT);
        const struct till soon = { .kind = TILL_NEVER };
        enum machine_stop stop;
        do {
            stop = machine_run(m, &soon, STEP + chance(STEP));
            if (m->b->vmm.vm[1].account.state == VM_OVER) break;
            if (chance(2)) scribble(m, 1, "disk_pages", chance(4) ? 128 : 4096);
            if (!chance(8)) pv_frame_write(m->b->vmm.vm[1].vcpu.pv, m->b->vmm.vm[1].vcpu.pv->grant, chance(40) * 4, 4, chance(2) ? seed : chance(64));
            if (!chance(16)) pv_frame_write(m->b->vmm.vm[1].vcpu.pv, m->b->vmm.vm[1].vcpu.pv->store, chance(2) ? 2048 + chance(4) * 4 : chance(512) * 4, 4, chance(2) ? seed : chance(2048));
            holds(m);
        } while (stop == MACHINE_BUDGET && m->b->vmm.vm[2].account.state != VM_OVER);
        for (unsigned i = 0; i < 20 && m->b->vmm.vm[2].account.state != VM_OVER; i++) machine_run(m, &soon, LIMIT / 20);
        well(m, 2);
        if (written(m, 2) != written(good, 2)) fail_msg("seed %u: the neighbour's disk differs", kept);
        assert_int_not_equal(m->b->vmm.vm[0].account.state, VM_OVER);
        machine_free(m);
        seed = kept;
    }
    machine_free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disks_end_as_on_a_bare_machine), cmocka_unit_test(a_mad_guest_harms_itself_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
