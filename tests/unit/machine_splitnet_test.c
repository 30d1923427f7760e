/* The network by way of the service domain: every frame is accounted for, contents arrive, and guests survive a back end that dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

#define PING "run=\"net ping 57 9 1500; halt\""
#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 5 }; /* fewer moments of death: it would take minutes */
#else
enum { STRIDE = 1 };
#endif
enum { STEPS = 40, STEP = 100000000 };

static struct machine *machine(unsigned vms, const char *nic, const char *append)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = 16;
    cfg.vms = vms;
    strcpy(cfg.image, "build/guests/mini-pv.elf");
    strcpy(cfg.append, append);
    strcpy(cfg.disk[0], "build/guests/mini.img");
    cfg.disks = 1;
    strcpy(cfg.cpu, "pv"), strcpy(cfg.io, "split"), strcpy(cfg.nic, nic);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

static void to_the_end(struct machine *m)
{
    const struct till never = { .kind = TILL_NEVER };
    for (unsigned i = 0; i < STEPS && machine_run(m, &never, STEP) == MACHINE_BUDGET; i++) continue;
}

static const char *text(const struct machine *m, unsigned vm)
{
    size_t n;
    return machine_vm_serial(m, vm, &n);
}

static void said(const struct machine *m, unsigned vm, const char *what)
{
    struct machine_vm v;
    machine_vm(m, vm, &v);
    if (v.end.fate != FATE_EXITED || v.end.code || !strstr(text(m, vm), what)) fail_msg("vm%u: %s; it said: %s", vm, v.end.why, text(m, vm));
}

static struct machine_bridge counts_of(const struct machine *m)
{
    struct machine_bridge b;
    assert_true(machine_bridge(m, &b));
    return b;
}

static void conserved(const struct machine *m)
{
    struct machine_bridge c = counts_of(m);
    assert_int_equal(c.forwarded, c.gone + c.waiting + c.dropped);
    assert_true(c.received > 0 && c.forwarded >= c.received);
}

/* Guests talk with each other; none of it is on the wire, and nothing is lost. */
static void frames_between_guests_are_conserved(void **state)
{
    (void)state;
    struct machine *m = machine(4, "alone", PING);
    to_the_end(m);
    said(m, 1, "net: answered");
    for (unsigned vm = 2; vm < 4; vm++) said(m, vm, "9 frames of 1500 bytes, 9 answered");
    conserved(m);
    struct machine_bridge c = counts_of(m);
    assert_int_equal(c.dropped, c.received - c.gone);
    assert_true(c.gone >= 2 * 2 * 9);
    assert_int_equal(machine_frames(m), 0);
    struct machine_vm service, guest;
    machine_vm(m, 0, &service);
    machine_vm(m, 1, &guest);
    assert_true(service.copied >= 2 * 2 * 2 * 9 * 1500); /* question and answer, into the service domain and out of it */
    assert_int_equal(guest.copied + guest.ports + guest.interrupts, 0);
    machine_free(m);
}

/* To somebody outside, by the real card: the driver is the service domain's. */
static void frames_go_out_by_the_real_card(void **state)
{
    (void)state;
    struct machine *m = machine(3, "mirror", "run=\"net ping 99 8 700; halt\"");
    to_the_end(m);
    for (unsigned vm = 1; vm < 3; vm++) said(m, vm, "8 frames of 700 bytes, 8 answered");
    conserved(m);
    struct machine_bridge c = counts_of(m);
    assert_int_equal(machine_frames(m), c.received - c.dropped); /* each is on the wire once, out or in */
    assert_int_equal(machine_frames(m), 2 * 2 * 8);
    machine_free(m);
}

/* With a request taken, forwarded, answered, the answer shown, at either ring. What was under way may be lost; who asks again is answered. */
static void guests_survive(const char *option, const char *word, unsigned first, unsigned last)
{
    for (unsigned chance = first; chance < last; chance += STRIDE) {
        char append[160];
        snprintf(append, sizeof append, "%s=%u %s", option, chance, PING);
        struct machine *m = machine(3, "alone", append);
        to_the_end(m);
        assert_non_null(strstr(text(m, 0), word));
        said(m, 2, "9 frames of 1500 bytes, 9 answered");
        said(m, 1, "net: answered");
        assert_non_null(strstr(text(m, 1), "the network card's other end is a new one"));
        conserved(m);
        machine_free(m);
    }
}

static void guests_survive_their_back_end(void **state)
{
    (void)state;
    guests_survive("crash", "dies (network)", 200, 212);
}

static void guests_survive_the_service_domain(void **state)
{
    (void)state;
    guests_survive("die", "the service domain dies", 200, 203);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_between_guests_are_conserved), cmocka_unit_test(frames_go_out_by_the_real_card),
        cmocka_unit_test(guests_survive_their_back_end), cmocka_unit_test(guests_survive_the_service_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
