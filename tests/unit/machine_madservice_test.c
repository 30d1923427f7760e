/* A service domain whose kernel is hostile (scenarios/guests/mini/mad_service.c): guests that want nothing of it meanwhile go on, say what they say beside a good one,
 * and while it has the processor nothing of their memory changes but what they granted it; the hypervisor's invariants hold, whatever it asks for. What it may do to
 * others by right is left out: docs/split.md says what that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"

#define GOOD "run=\"ls; sleep 70; cat motd README; echo hello >x; cat motd x >y; wc y; sieve 4000; rm README; sleep 40; primes 500; cat /bin/sh >z; wc z; sleep 60; ls; halt\""
#define CLIENT "disk run=\"ls; cat motd README; sleep 80; cat /bin/sh >y; wc y; net ping 58 9 1000; sleep 50; cat y >z; wc z; sleep 100000\""
#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 1 };
#else
enum { SEEDS = 3 };
#endif
enum { STEPS = 60000, MOST = 40000000, CHECK_EVERY = 16, RAM = 4 };

static void kind(struct machine_cfg *cfg, const char *append, bool module, unsigned count, bool background, bool later)
{
    struct vm_kind *k = &cfg->kind[cfg->kinds++];
    *k = (struct vm_kind){ .count = count, .background = background, .later = later };
    strcpy(k->image, "build/guests/mini-mad.elf");
    strcpy(k->append, append);
    if (module) strcpy(k->module, "build/guests/mini.img");
}

static void set(struct machine_cfg *cfg, const char *key, unsigned value)
{
    strcpy(cfg->set[cfg->sets].key, key);
    snprintf(cfg->set[cfg->sets++].value, sizeof cfg->set[0].value, "%u", value);
}

/* The service domain, one that uses its disk and network, with `control` one that may be made later, two that have their files in memory. */
static struct machine *machine(const char *first, const char *client, bool control)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM;
    strcpy(cfg.image, "build/guests/mini-mad.elf");
    strcpy(cfg.disk[0], "build/guests/mini.img");
    cfg.disks = 1;
    strcpy(cfg.cpu, "pv"), strcpy(cfg.io, "split"), strcpy(cfg.nic, "mirror");
    kind(&cfg, first, false, 1, true, false);
    kind(&cfg, client, false, 1, true, false);
    if (control) kind(&cfg, "", false, 1, true, true);
    kind(&cfg, GOOD, true, 2, false, false);
    set(&cfg, "split.control", control);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) fail_msg("%s", e.text);
    return m;
}

/* What it said, but for what front ends say of a new back end. */
static void said(const struct machine *m, unsigned vm, char to[4096])
{
    size_t n;
    const char *line = machine_vm_serial(m, vm, &n);
    *to = 0;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        size_t bytes = (size_t)(end + 1 - line);
        if (!strncmp(line, "mini: the disk's other end", 26) || strlen(to) + bytes >= 4096) continue;
        strncat(to, line, bytes);
    }
}

/* ---- memory */

struct picture { uint64_t of[RAM << 8]; }; /* a number for each page, 0: it is granted, or shared from the beginning */

static bool is_granted(const struct paravirt *p, uint32_t frame)
{
    for (uint32_t ref = 0; ref < PV_GRANT_FRAMES * PAGE_SIZE / 8; ref++) {
        uint32_t at = p->grant + ref / (PAGE_SIZE / 8), offset = ref % (PAGE_SIZE / 8) * 8;
        if ((pv_frame_read(p, at, offset, 2) & 3) == 1 && pv_frame_read(p, at, offset + 4, 4) == frame) return true;
    }
    return frame == p->console || frame == p->store;
}

static void look(const struct machine *m, unsigned vm, struct picture *to)
{
    const struct vm *v = &m->b->vmm.vm[vm];
    uint64_t page[PAGE_SIZE / 8];
    for (uint32_t n = 0; n < v->frames; n++) {
        uint64_t hash = 14695981039346656037u;
        bus_peek(&v->pseudo, hpa(n << PAGE_SHIFT), page, sizeof page);
        for (unsigned i = 0; i < PAGE_SIZE / 8; i++) hash = (hash ^ page[i]) * 1099511628211u;
        to->of[n] = hash;
    }
}

static void untouched(const struct machine *m, unsigned vm, const struct picture *before, unsigned seed)
{
    static struct picture now;
    const struct vm *v = &m->b->vmm.vm[vm];
    look(m, vm, &now);
    for (uint32_t n = 0; n < v->frames; n++)
        if (now.of[n] != before->of[n] && !is_granted(v->vcpu.pv, v->pseudo.map[n]))
            fail_msg("seed %u: page %X of vm%u, frame %X, changed while the service domain ran until cycle %llu", seed, n, vm, v->pseudo.map[n], (unsigned long long)m->b->clock.now);
}

static void holds(const struct machine *m, unsigned seed)
{
    char why[160];
    for (unsigned n = 0; n < m->b->vmm.vms; n++)
        if (m->b->vmm.vm[n].account.state != VM_OVER && !pv_check(m->b->vmm.vm[n].vcpu.pv, why, sizeof why)) fail_msg("seed %u, vm%u: %s", seed, n, why);
}

/* From switch to switch: before and after each turn of the service domain's the neighbours' memory is looked at. */
static void to_the_end(struct machine *m, unsigned neighbours, unsigned seed)
{
    static struct picture before[2];
    const struct till change = { .kind = TILL_EVENT, .a = EV_SWITCH };
    unsigned turns = 0, all = m->b->vmm.vms;
    for (unsigned i = 0; i < STEPS; i++) {
        if (machine_run(m, &change, MOST) != MACHINE_TILL) break;
        if (m->b->vmm.now->id) continue;
        bool looks = seed && turns++ % CHECK_EVERY == 0;
        for (unsigned n = 0; looks && n < neighbours; n++) look(m, all - neighbours + n, &before[n]);
        if (machine_run(m, &change, MOST) != MACHINE_TILL) break;
        for (unsigned n = 0; looks && n < neighbours; n++) /* who is next may have an event's frame on its stack already */
            if (m->b->vmm.now->id != all - neighbours + n) untouched(m, all - neighbours + n, &before[n], seed);
        if (looks) holds(m, seed);
    }
    holds(m, seed);
}

static unsigned seeds(void) { return getenv("SEEDS") ? (unsigned)atoi(getenv("SEEDS")) : SEEDS; } /* more of them, by hand */

static void neighbours_go_on(bool control)
{
    static char alone[2][4096], now[4096];
    struct machine *good = machine("", CLIENT, control);
    unsigned all = good->b->vmm.vms;
    to_the_end(good, 2, 0);
    for (unsigned n = 0; n < 2; n++) said(good, all - 2 + n, alone[n]);
    assert_non_null(strstr(alone[0], "files on the module"));
    machine_free(good);
    unsigned deaths = 0;
    for (unsigned seed = 1; seed <= seeds(); seed++) {
        char append[64], client[512];
        size_t length;
        snprintf(append, sizeof append, "mad=%u victims=%u", seed + 100 * control, control ? 2u : 4u); /* without the interface it may ask for anybody's */
        if (control) snprintf(client, sizeof client, "mad=%u " CLIENT, seed); /* both ends are hostile */
        struct machine *m = machine(append, control ? client : CLIENT, control);
        to_the_end(m, 2, seed);
        if (!strstr(machine_vm_serial(m, 0, &length), "mini: a mad service domain")) fail_msg("seed %u: it was not mad", seed);
        for (unsigned n = 0; n < 2; n++) {
            struct machine_vm v;
            machine_vm(m, all - 2 + n, &v);
            said(m, all - 2 + n, now);
            if (v.end.fate != FATE_EXITED || v.end.code) fail_msg("seed %u, vm%u: %s; it said: %s", seed, all - 2 + n, v.end.why, now);
            if (strcmp(now, alone[n]) != 0) fail_msg("seed %u, vm%u said: %s instead of: %s", seed, all - 2 + n, now, alone[n]);
        }
        struct machine_vm service;
        machine_vm(m, 0, &service);
        deaths += service.begun_again;
        machine_free(m);
    }
    assert_true(deaths > 0);
}

static void whatever_it_asks(void **state)
{
    (void)state;
    neighbours_go_on(false);
}

static void whatever_it_asks_with_the_control_interface(void **state)
{
    (void)state;
    neighbours_go_on(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_it_asks), cmocka_unit_test(whatever_it_asks_with_the_control_interface) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
