/* The paravirtual side of the equivalence harness.
 *
 * There is no bare machine to compare with, so other things are held: the hypervisor's invariants whenever it leaves to the guest
 * (sim/vmm/paravirt_check.c: no frame both writable and a table, no foreign frame, the hole untouched, all counts counted again); a
 * guest may end itself in any way, but the hypervisor is not what dies; and the machine stepped instruction by instruction is the machine
 * that ran. A kernel that breaks one is made smaller by leaving groups out. */
#include "tests/equiv/paravirt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/board.h"
#include "sim/vmm/paravirt.h"
#include "tests/equiv/ported.h"

enum { LIMIT = 150000, STEPPED = 20000 /* moments */, ONE_IN = 16 /* kernels are stepped */ };

static struct ported kernel;
static char image_path[512], broken[256];
static struct { uint64_t kernels, exited, died, checks, calls, refused, unhooked, groups, pae; } tally;

static struct machine *start(const char *path)
{
    struct machine_cfg cfg = config_defaults;
    struct err e;
    snprintf(cfg.cpu, sizeof cfg.cpu, "pv");
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    cfg.ram_mib = P_RAM_MIB;
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (m) return m;
    fprintf(stderr, "paravirt: %s\n", e.text);
    exit(EXIT_ENVIRONMENT);
}

bool paravirt_holds(const struct machine *m, char *why, unsigned room)
{
    for (unsigned n = 0; n < m->b->vmm.vms; n++) {
        const struct vcpu *v = &m->b->vmm.vm[n].vcpu;
        if (v->pv && !pv_check(v->pv, why, room)) return false;
    }
    return true;
}

static void write_image(uint64_t seed, uint32_t keep)
{
    tally.groups += ported_build(&kernel, seed, keep);
    if (ported_write(&kernel, image_path)) return;
    perror(image_path);
    exit(EXIT_ENVIRONMENT);
}

static uint32_t word(const struct machine *m, uint32_t at)
{
    uint32_t v = 0;
    (void)machine_peek_guest(m, gva(at), &v, sizeof v);
    return v;
}

static void note_calls(const struct machine *m)
{
    const struct trace *t = machine_trace_of(m);
    for (uint32_t id = 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        tally.calls += e && e->kind == EV_HYPERCALL;
        tally.refused += e && e->kind == EV_REFUSED;
        tally.unhooked += e && e->kind == EV_UNHOOK && !e->u.UNHOOK.hooked;
    }
}

/* Runs it, looking at every visit. What is wrong is in `broken`. */
static bool run(void)
{
    struct machine *m = start(image_path);
    const struct till visit = { .kind = TILL_EVENT, .a = EV_RESUME };
    bool good = true;
    while (good && machine_insns(m) < LIMIT && machine_run(m, &visit, LIMIT) == MACHINE_TILL) {
        tally.checks++;
        good = paravirt_holds(m, broken, sizeof broken);
    }
    struct machine_end end = machine_end(m);
    if (good) good = paravirt_holds(m, broken, sizeof broken);
    if (good && end.fate == FATE_DIED && (strstr(end.why, "hypervisor's own") || strstr(end.why, "no frame left"))) {
        snprintf(broken, sizeof broken, "%s", end.why);
        good = false;
    }
    tally.exited += end.fate == FATE_EXITED;
    tally.died += end.fate == FATE_DIED;
    note_calls(m);
    if (good && !word(m, V_FIRST) && end.fate == FATE_EXITED) snprintf(broken, sizeof broken, "it never began"), good = false;
    machine_free(m);
    return good;
}

/* Stepping and running pass the same moments. */
static bool same_by_steps(void)
{
    struct machine *a = start(image_path), *b = start(image_path);
    (void)machine_run(a, NULL, STEPPED);
    uint64_t end = machine_insns(a);
    while (machine_insns(b) < end && machine_run(b, NULL, 1) != MACHINE_ENDED) continue;
    bool same = machine_state_hash(a) == machine_state_hash(b);
    if (!same) snprintf(broken, sizeof broken, "stepped to moment %llu it is another machine", (unsigned long long)end);
    machine_free(a);
    machine_free(b);
    return same;
}

static bool good_kernel(uint64_t seed, uint32_t keep)
{
    write_image(seed, keep);
    return run() && (seed % ONE_IN || same_by_steps());
}

static void report(uint64_t seed)
{
    uint32_t keep = UINT32_MAX;
    unsigned groups = ported_build(&kernel, seed, keep);
    for (bool smaller = true; smaller; ) {
        smaller = false;
        for (unsigned n = groups; n--; ) {
            uint32_t less = keep & ~(1u << n);
            if (less == keep || good_kernel(seed, less)) continue;
            keep = less;
            smaller = true;
        }
    }
    (void)good_kernel(seed, keep);
    printf("not ok - pv, seed %llu: %s\n", (unsigned long long)seed, broken);
    for (unsigned n = 0; n < groups; n++)
        if (keep >> n & 1) printf("#   group %u, %s\n", n, ported_group(seed, n));
    printf("#   again: tests/equiv/equiv -p -s %llu -k %X -o FILE\n", (unsigned long long)seed, keep);
    fflush(stdout);
}

static void name_image(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(image_path, sizeof image_path, "%s/paravirt-%ld.elf", dir ? dir : "/tmp", (long)getpid());
}

int paravirt_run(uint64_t count, uint64_t seed)
{
    unsigned failures = 0;
    name_image();
    for (uint64_t i = 0; i < count && failures < 10; i++) {
        tally.kernels++;
        tally.pae += ported_pae(seed + i);
        if (good_kernel(seed + i, UINT32_MAX)) continue;
        failures++;
        report(seed + i);
    }
    remove(image_path);
    printf("# pv: %llu kernels, %llu of them with PAE, %llu groups: %llu exited, %llu died; %llu hypercalls, %llu rules broken in vain; %llu tables unhooked; %llu looks\n",
           (unsigned long long)tally.kernels, (unsigned long long)tally.pae, (unsigned long long)tally.groups, (unsigned long long)tally.exited, (unsigned long long)tally.died,
           (unsigned long long)tally.calls, (unsigned long long)tally.refused, (unsigned long long)tally.unhooked, (unsigned long long)tally.checks);
    if (!failures) printf("ok - %llu generated paravirtual kernels\n", (unsigned long long)count);
    return failures ? EXIT_FAILED : EXIT_GOOD;
}

int paravirt_one(uint64_t seed, uint32_t keep, const char *path)
{
    name_image();
    if (path) snprintf(image_path, sizeof image_path, "%s", path);
    bool good = good_kernel(seed, keep);
    if (!path) remove(image_path);
    printf("%s - pv, seed %llu: %s\n", good ? "ok" : "not ok", (unsigned long long)seed, good ? "" : broken);
    return good ? EXIT_GOOD : EXIT_FAILED;
}
