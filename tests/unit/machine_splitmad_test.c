/* A guest whose front ends are hostile (scenarios/guests/mini/mad.c) beside good ones of the same service domain: they end as beside a quiet one,
 * with the same disks and all frames answered; the service domain goes on, and the hypervisor's invariants hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

#define GOOD "run=\"ls; echo hello >x; cat motd x; rm README; cat /bin/sh >y; wc y; net ping 58 9 1000; ls; halt\""
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 2 };
#else
enum { SEEDS = 8 };
#endif
enum { STEP = 20000000, STEPS = 300 };

static void kind(struct machine_cfg *cfg, const char *append, unsigned count, bool background)
{
    struct vm_kind *k = &cfg->kind[cfg->kinds++];
    *k = (struct vm_kind){ .count = count, .background = background };
    strcpy(k->image, "build/guests/mini-pv.elf");
    strcpy(k->append, append);
}

/* The service domain, the one in question, two good ones. */
static struct machine *machine(const char *first, unsigned console)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    char on[4];
    snprintf(on, sizeof on, "%u", console);
    cfg.ram_mib = 16;
    strcpy(cfg.image, "build/guests/mini-pv.elf");
    strcpy(cfg.disk[0], "build/guests/mini.img");
    cfg.disks = 1;
    strcpy(cfg.cpu, "pv"), strcpy(cfg.io, "split"), strcpy(cfg.nic, "mirror");
    kind(&cfg, "", 1, true);
    kind(&cfg, first, 1, true);
    kind(&cfg, GOOD, 2, false);
    strcpy(cfg.set[0].key, "split.console"), strcpy(cfg.set[0].value, on);
    cfg.sets = 1;
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static const char *text(const struct machine *m, unsigned vm)
{
    size_t n;
    return machine_vm_serial(m, vm, &n);
}

static void holds(const struct machine *m)
{
    char why[160];
    for (unsigned n = 0; n < m->b->vmm.vms; n++)
        if (m->b->vmm.vm[n].account.state != VM_OVER && !pv_check(m->b->vmm.vm[n].vcpu.pv, why, sizeof why)) fail_msg("vm%u: %s", n, why);
}

static void to_the_end(struct machine *m)
{
    const struct till never = { .kind = TILL_NEVER };
    for (unsigned i = 0; i < STEPS && machine_run(m, &never, STEP) == MACHINE_BUDGET; i++) holds(m);
}

static uint64_t written(const struct machine *m, unsigned vm) { return m->b->disk[vm * CONFIG_DISKS].hash; }

static void mad_guests_harm_nobody(unsigned console)
{
    struct machine *good = machine("run=\"sleep 100000\"", console);
    to_the_end(good);
    unsigned answered = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        char append[64];
        snprintf(append, sizeof append, "mad=%u run=\"sleep 100000\"", seed);
        struct machine *m = machine(append, console);
        to_the_end(m);
        if (!strstr(text(m, 1), "mini: mad")) fail_msg("seed %u: it was not mad: %s", seed, text(m, 1));
        for (unsigned vm = 2; vm < 4; vm++) {
            struct machine_vm v;
            machine_vm(m, vm, &v);
            if (v.end.fate != FATE_EXITED || v.end.code) fail_msg("seed %u, vm%u: %s; it said: %s; the service domain: %s", seed, vm, v.end.why, text(m, vm), text(m, 0));
            if (strcmp(text(m, vm), text(good, vm)) != 0) fail_msg("seed %u, vm%u said: %s", seed, vm, text(m, vm));
            if (written(m, vm) != written(good, vm)) fail_msg("seed %u: the disk of vm%u is another", seed, vm);
            answered += strstr(text(m, vm), "9 answered") != NULL;
        }
        struct machine_vm service;
        machine_vm(m, 0, &service);
        if (service.begun_again || m->b->vmm.vm[0].account.state == VM_OVER) fail_msg("seed %u: the service domain died: %s", seed, text(m, 0));
        machine_free(m);
    }
    assert_true(answered >= SEEDS);
    machine_free(good);
}

static void behind_rings(void **state)
{
    (void)state;
    mad_guests_harm_nobody(0);
}

static void behind_rings_and_a_console(void **state)
{
    (void)state;
    mad_guests_harm_nobody(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(behind_rings), cmocka_unit_test(behind_rings_and_a_console) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
