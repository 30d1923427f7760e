/* Agile paging under hardware assist: guests end as they do bare whatever the policy, tables that change often become the guest's own and
 * stable ones are shadowed again, and each walk reads as many entries as where it switches says. The strategy by itself, against bare
 * hardware at random: mmu_shadow_property_test.c; the walk: mmu_agile_walk_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "sim/firmware_tables.h"
#include "sim/machine.h"

enum { MOST = 60000000, RAM_MIB = 16 };
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 6 };
#else
enum { EVERY = 2 }; /* of the variants for each guest, others for the next one */
#endif

static struct machine *start(const char *guest, const char *cpu, const char *mmu, const char *const *set, struct err *e)
{
    struct machine_cfg cfg = config_defaults;
    bool mini = !strcmp(guest, "mini");
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.mmu, mmu);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
    if (mini) strcpy(cfg.append, "run=\"ls; ps; ls; echo again; halt\"");
    if (mini && !config_option(&cfg, "module", "build/guests/mini.img", e)) return NULL;
    for (; set && *set; set++)
        if (!config_option(&cfg, strncmp(*set, "model=", 6) ? "set" : "model", strncmp(*set, "model=", 6) ? *set : *set + 6, e)) return NULL;
    return machine_new(&cfg, e);
}

static struct machine *end_of(const char *guest, const char *cpu, const char *mmu, const char *const *set)
{
    struct err e = { 0 };
    struct machine *m = start(guest, cpu, mmu, set, &e);
    if (!m) fail_msg("%s", e.text);
    machine_run(m, NULL, MOST);
    if (machine_end(m).fate != FATE_EXITED) fail_msg("%s under %s: %s", guest, cpu, machine_end(m).why);
    return m;
}

static void same_console(const struct machine *a, const struct machine *b, const char *what)
{
    size_t n, k;
    const char *s = machine_serial(a, &n), *t = machine_serial(b, &k);
    if (n != k || memcmp(s, t, n)) fail_msg("%s: the console differs", what);
}

static void same(const struct machine *a, const struct machine *b, const char *what)
{
    static uint8_t x[4096], y[4096];
    same_console(a, b, what);
    for (uint32_t at = 0; at < RAM_MIB << 20; at += sizeof x) {
        if (at == FIRMWARE_TABLES) continue; /* a VM has no APICs */
        assert_true(machine_peek_gpa(a, gpa(at), x, sizeof x));
        assert_true(machine_peek_gpa(b, gpa(at), y, sizeof y));
        for (unsigned i = 0; i < sizeof x; i++)
            if (x[i] != y[i]) fail_msg("%s: byte at %08X is %02X bare and %02X virtualised", what, at + i, x[i], y[i]);
    }
}

static const char *const variants[][5] = {
    { "vmm.check=1", NULL }, { "agile.writes=1", "agile.period=10", "vmm.check=1", NULL }, { "agile.writes=1", "agile.period=0", "vmm.check=1", NULL },
    { "agile.writes=0", "vmm.check=1", NULL }, { "cpu.vpid=0", "agile.writes=1", "vmm.check=1", NULL }, { "mmu.second=2", "agile.writes=1", "vmm.check=1", NULL },
    { "mmu.second=5", "agile.period=100", NULL }, { "ept.pool=40", "shadow.pool=16", "agile.writes=1", "vmm.check=1", NULL },
    { "shadow.cache=0", "agile.writes=1", "agile.period=10", "vmm.check=1", NULL }, { "shadow.eager=0", "model=nehalem", NULL },
    { "mmu.walk_cache=2D", "mmu.nested_tlb=16", "agile.writes=1", "vmm.check=1", NULL }, { "mmu.walk_cache=1D", "cpu.vpid=0", "agile.writes=1", NULL },
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static void faithful(void **state)
{
    (void)state;
    static const char *const guests[] = { "rings", "fault", "popf", "sens19" };
    for (unsigned g = 0; g < sizeof guests / sizeof guests[0]; g++) {
        struct machine *bare = end_of(guests[g], "native", "native", NULL);
        for (unsigned v = g % EVERY; v < VARIANTS; v += EVERY) {
            struct machine *m = end_of(guests[g], "vtx", "agile", variants[v]);
            char what[64];
            snprintf(what, sizeof what, "%s, --set %s", guests[g], variants[v][0]);
            same(bare, m, what);
            machine_free(m);
        }
        machine_free(bare);
    }
}

/* Processes, copy on write, page tables that come and go. */
static void mini(void **state)
{
    (void)state;
    struct machine *bare = end_of("mini", "native", "native", NULL);
    for (unsigned v = 0; v < VARIANTS; v += EVERY) {
        struct machine *m = end_of("mini", "vtx", "agile", variants[v]);
        same_console(bare, m, variants[v][0]);
        machine_free(m);
    }
    machine_free(bare);
}

static struct machine_summary sum_of(const char *guest, const char *mmu, const char *const *set)
{
    struct machine_summary s;
    struct machine *m = end_of(guest, "vtx", mmu, set);
    machine_summary(m, &s);
    machine_free(m);
    return s;
}

static uint64_t exits(const struct machine_summary *s, const char *reason)
{
    for (unsigned i = 0; i < s->reasons; i++)
        if (!strcmp(s->reason[i].name, reason)) return s->reason[i].count;
    return 0;
}

/* As many entries as the paper's formula says, for each place a walk switched at: s + (n - s)(m + 1) of n = 2 over m; 2 where it did not. */
static void references(void **state)
{
    (void)state;
    for (unsigned second = 2; second <= 5; second++) {
        char setting[32];
        snprintf(setting, sizeof setting, "mmu.second=%u", second);
        struct machine_summary s = sum_of("mini", "agile", (const char *const[]){ setting, "agile.writes=4", "agile.period=0", NULL });
        const struct machine_walks *w = s.agile_walks;
        const uint64_t each[3] = { 2, 1 + second + 1, 2 * (second + 1) };
        for (unsigned k = 0; k < 3; k++) {
            assert_true(w[k].walks > 20);
            assert_int_equal(w[k].refs, each[k] * w[k].walks);
        }
        s = sum_of("mini", "agile", (const char *const[]){ setting, "agile.writes=0", NULL });
        assert_int_equal(s.agile_walks[1].walks + s.agile_walks[2].walks, 0);
        assert_int_equal(s.shadow.nested, 0);
    }
}

/* A kernel that forks all the time leaves less than on shadows; what is stable is walked for less than on two levels. */
static void adapts(void **state)
{
    (void)state;
    struct machine_summary shadow = sum_of("mini", "shadow", NULL), two = sum_of("mini", "two-level", NULL), agile = sum_of("mini", "agile", NULL);
    assert_true(agile.shadow.traced * 4 < shadow.shadow.traced);
    assert_true(exits(&agile, "page-fault") * 2 < exits(&shadow, "page-fault"));
    assert_true(agile.walk_refs < two.walk_refs);
    assert_true(agile.cycles < shadow.cycles);
    assert_true(agile.shadow.nested > 3 && agile.shadow.renewed > 0);
    agile = sum_of("mini", "agile", (const char *const[]){ "agile.period=0", NULL });
    assert_int_equal(agile.shadow.renewed, 0);
}

/* Going back and on again: the same tables at the same moments. */
static void goes_back(void **state)
{
    (void)state;
    static const char *const set[] = { "agile.period=100", "vmm.check=1", NULL };
    struct err e = { 0 };
    struct machine *straight = end_of("mini", "vtx", "agile", set), *m = start("mini", "vtx", "agile", set, &e);
    struct machine_summary a, b;
    assert_non_null(m);
    machine_run(m, NULL, 400000);
    assert_true(machine_goto(m, 150000));
    machine_run(m, NULL, 100000);
    assert_true(machine_goto(m, 90000));
    machine_run(m, NULL, MOST);
    machine_summary(straight, &a);
    machine_summary(m, &b);
    assert_int_equal(a.cycles, b.cycles);
    assert_true(a.shadow.nested > 0 && a.shadow.nested == b.shadow.nested && a.shadow.renewed == b.shadow.renewed);
    assert_memory_equal(a.agile_walks, b.agile_walks, sizeof a.agile_walks);
    same(straight, m, "back and on");
    machine_free(m);
    machine_free(straight);
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *cpu, *set, *why; } cases[] = {
        { "native", NULL, "the guest's own tables are walked" }, { "pv", NULL, "nothing to translate" },
        { "te", NULL, "has no VMCS" }, { "bt", NULL, "has no VMCS" },
        { "vtx", "cpu.ept=0", "no second level of page tables" }, { "vtx", "cpu.vmx=1", "no second level of page tables in that VMX" },
        { "vtx", "cpu.agile=0", "could not go on from a shadow table" }, { "vtx", "ept.large=1", "has one for 512 of them" },
        { "vtx", "shadow.trace=0", "learns from traced stores" }, { "vtx", "agile.writes=-1", "a number from 0" }, { "vtx", "agile.period=x", "a number from 0" },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct err e = { 0 };
        struct machine *m = start("fault", cases[k].cpu, "agile", (const char *const[]){ cases[k].set, NULL }, &e);
        if (m) fail_msg("%s, %s: accepted", cases[k].cpu, cases[k].set ? cases[k].set : "");
        if (!strstr(e.text, cases[k].why)) fail_msg("%s", e.text);
    }
}

/* No processor has it, and every output says so. */
static void what_if(void **state)
{
    (void)state;
    struct machine *m = end_of("rings", "vtx", "agile", NULL);
    assert_string_equal(machine_config(m)->what_if, "EPT, VPID, counterfactual: agile paging");
    machine_free(m);
    m = end_of("rings", "vtx", "agile", (const char *const[]){ "model=nehalem", NULL });
    assert_string_equal(machine_config(m)->what_if, "counterfactual: agile paging");
    machine_free(m);
    m = end_of("rings", "vtx", "two-level", (const char *const[]){ "model=nehalem", NULL });
    assert_string_equal(machine_config(m)->what_if, "");
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faithful), cmocka_unit_test(mini), cmocka_unit_test(references), cmocka_unit_test(adapts), cmocka_unit_test(goes_back), cmocka_unit_test(refused),
        cmocka_unit_test(what_if),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
