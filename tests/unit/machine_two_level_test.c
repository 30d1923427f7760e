/* Two levels of tables under hardware assist: guests end as they do bare whatever the tables' size and depth, and what left before no
 * longer leaves. The other central tests of it: tests/equiv, machine_ept_test.c for the hardware. */
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
enum { EVERY = 4 }; /* of the variants for each guest, others for the next one: there, all of them take minutes */
#else
enum { EVERY = 1 };
#endif

static struct machine *start(const char *guest, const char *cpu, const char *mmu, const char *const *set, struct err *e)
{
    struct machine_cfg cfg = config_defaults;
    cfg.ram_mib = RAM_MIB;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.mmu, mmu);
    snprintf(cfg.image, sizeof cfg.image, "build/guests/%s.elf", guest);
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

static void same(const struct machine *a, const struct machine *b, const char *what)
{
    static uint8_t x[4096], y[4096];
    size_t n, k;
    const char *s = machine_serial(a, &n), *t = machine_serial(b, &k);
    if (n != k || memcmp(s, t, n)) fail_msg("%s: the console differs", what);
    for (uint32_t at = 0; at < RAM_MIB << 20; at += sizeof x) {
        if (at == FIRMWARE_TABLES) continue; /* a VM has no APICs */
        assert_true(machine_peek_gpa(a, gpa(at), x, sizeof x));
        assert_true(machine_peek_gpa(b, gpa(at), y, sizeof y));
        for (unsigned i = 0; i < sizeof x; i++)
            if (x[i] != y[i]) fail_msg("%s: byte at %08X is %02X bare and %02X virtualised", what, at + i, x[i], y[i]);
    }
}

static const char *const variants[][4] = {
    { "vmm.check=1", NULL }, { "ept.large=1", "vmm.check=1", NULL }, { "cpu.vpid=0", NULL }, { "mmu.second=2", "vmm.check=1", NULL },
    { "mmu.second=3", "ept.large=1", NULL }, { "mmu.second=5", NULL }, { "ept.pool=40", "vmm.check=1", NULL }, { "model=nehalem", NULL },
    { "mmu.levels=4", NULL }, { "mmu.walk_cache=1D", NULL }, { "mmu.walk_cache=2D", "mmu.nested_tlb=16", "vmm.check=1", NULL },
    { "mmu.walk_cache=2D", "mmu.nested_tlb=64", "cpu.vpid=0", NULL }, { "mmu.second=2", "ept.large=1", "cpu.vpid=0", NULL },
};

static void faithful(void **state)
{
    (void)state;
    static const char *const guests[] = { "rings", "fault", "popf", "sens19" };
    for (unsigned g = 0; g < sizeof guests / sizeof guests[0]; g++) {
        struct machine *bare = end_of(guests[g], "native", "native", NULL);
        for (unsigned v = g % EVERY; v < sizeof variants / sizeof variants[0]; v += EVERY) {
            struct machine *m = end_of(guests[g], "vtx", "two-level", variants[v]);
            char what[64];
            snprintf(what, sizeof what, "%s, --set %s", guests[g], variants[v][0]);
            same(bare, m, what);
            machine_free(m);
        }
        machine_free(bare);
    }
}

/* Without VMX: the guest ends as bare, its walks read both dimensions, and whatever shows the machine says that there is none such. */
static void counterfactual(void **state)
{
    (void)state;
    static const struct { const char *cpu, *set[6], *words; } ways[] = {
        { "te", { "cpu.virtualizable=1", "vmm.check=1", NULL }, "all sensitive instructions trap, counterfactual: two-level paging without VMX" },
        { "te", { "cpu.virtualizable=1", "mmu.second=5", "ept.large=1", "vmm.check=1", NULL }, NULL },
        { "te", { "cpu.virtualizable=1", "mmu.walk_cache=2D", "mmu.nested_tlb=16", "ept.pool=40", "vmm.check=1", NULL }, NULL },
        { "bt", { "vmm.check=1", NULL }, "counterfactual: two-level paging without VMX" },
        { "bt", { "mmu.second=2", "mmu.walk_cache=1D", "vmm.check=1", NULL }, NULL }, { "bt", { "ept.large=1", "bt.adaptive=0", NULL }, NULL },
        { "bt", { "model=core2", NULL }, NULL },
    };
    static const char *const guests[] = { "rings", "fault" }, *const trapping[] = { "cpu.virtualizable=1", NULL };
    for (unsigned g = 0; g < sizeof guests / sizeof guests[0]; g++) {
        struct machine *bare[2] = { end_of(guests[g], "native", "native", NULL), end_of(guests[g], "native", "native", trapping) };
        for (unsigned v = 0; v < sizeof ways / sizeof ways[0]; v++) {
            struct machine *m = end_of(guests[g], ways[v].cpu, "two-level", ways[v].set);
            struct machine_summary s;
            machine_summary(m, &s);
            same(bare[ways[v].cpu[0] == 't'], m, ways[v].cpu);
            assert_true(s.walk_refs_second > s.walk_refs / 2);
            if (ways[v].words) assert_string_equal(machine_config(m)->what_if, ways[v].words);
            assert_non_null(strstr(machine_config(m)->label, "counterfactual"));
            machine_free(m);
        }
        machine_free(bare[0]);
        machine_free(bare[1]);
    }
}

static uint64_t exits(const struct machine_summary *s, const char *reason)
{
    for (unsigned i = 0; i < s->reasons; i++)
        if (!strcmp(s->reason[i].name, reason)) return s->reason[i].count;
    return 0;
}

/* Page faults and loads of CR3 are the guest's affair; entries are filled once, large ones far fewer. */
static void what_leaves(void **state)
{
    (void)state;
    struct machine_summary shadow, small, large;
    struct machine *m = end_of("fault", "vtx", "shadow", NULL);
    machine_summary(m, &shadow);
    machine_free(m);
    m = end_of("fault", "vtx", "two-level", NULL);
    machine_summary(m, &small);
    machine_free(m);
    m = end_of("fault", "vtx", "two-level", (const char *const[]){ "ept.large=1", NULL });
    machine_summary(m, &large);
    machine_free(m);
    assert_true(exits(&shadow, "page-fault") > 10);
    assert_int_equal(exits(&small, "page-fault"), 0);
    assert_int_equal(exits(&small, "ept"), small.shadow.filled);
    assert_true(exits(&large, "ept") * 3 < exits(&small, "ept"));
    assert_int_equal(shadow.walk_refs_second, 0);
    m = end_of("fault", "vtx", "two-level", (const char *const[]){ "cpu.vpid=0", NULL }); /* tags make up for the longer walks here */
    machine_summary(m, &small);
    machine_free(m);
    assert_true(small.walk_refs > 2 * shadow.walk_refs && small.walk_refs_second > small.walk_refs / 2);
}

/* Loads of CR3 do not leave: who looks at the tables must ask the hardware for it, not the hypervisor. Mini's processes have one each. */
static void looked_at(void **state)
{
    (void)state;
    enum { LOOKS = 400, STEP = 1100, PAGES = 4096 };
    static struct machine_page page[PAGES];
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    unsigned seen = 0;
    strcpy(cfg.cpu, "vtx");
    strcpy(cfg.mmu, "two-level");
    strcpy(cfg.image, "build/guests/mini.elf");
    strcpy(cfg.append, "run=\"ls; ps; halt\"");
    assert_true(config_option(&cfg, "module", "build/guests/mini.img", &e));
    struct machine *m = machine_new(&cfg, &e);
    if (!m) fail_msg("%s", e.text);
    for (unsigned n = 1; n <= LOOKS && machine_run(m, NULL, STEP) == MACHINE_BUDGET; n++) {
        struct machine_cpu c;
        struct machine_xlat x;
        machine_guest(m, &c);
        machine_translate(m, gva(c.eip), ACCESS_READ, &x);
        if (c.cpl != 3 || !x.guest_ok || !x.real_ok) continue;
        unsigned pages = machine_pages(m, page, PAGES), k = 0;
        while (k < pages && c.eip - page[k].va >= page[k].pages << 12) k++;
        assert_true(k < pages && page[k].guest && page[k].real);
        assert_int_equal(page[k].pa + (c.eip - page[k].va), x.pa.v);
        assert_int_equal(page[k].real_ma + (c.eip - page[k].va), x.real.at.v);
        seen++;
    }
    assert_true(seen > 2);
    machine_free(m);
}

static void refused(void **state)
{
    (void)state;
    static const struct { const char *cpu, *set, *why; } cases[] = {
        { "native", NULL, "the guest's own tables are walked" }, { "pv", NULL, "nothing to translate" },
        { "vtx", "cpu.ept=0", "no second level of page tables" }, { "vtx", "cpu.vmx=1", "no second level of page tables in that VMX" },
        { "vtx", "cpu.vmx=0", "no VMX" }, { "vtx", "mmu.second=6", "2 to 5" }, { "vtx", "mmu.walk_cache=3D", "0 none, 1D" }, { "vtx", "mmu.nested_tlb=65", "0 to 64" }, { "vtx", "ept.pool=39", "from 40" },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct err e = { 0 };
        struct machine *m = start("fault", cases[k].cpu, "two-level", (const char *const[]){ cases[k].set, NULL }, &e);
        if (m) fail_msg("%s, %s: accepted", cases[k].cpu, cases[k].set ? cases[k].set : "");
        if (!strstr(e.text, cases[k].why)) fail_msg("%s", e.text);
    }
}

/* What a model lacks is switched on, and said. */
static void what_if(void **state)
{
    (void)state;
    static const struct { const char *set, *words; } cases[] = {
        { NULL, "EPT, VPID" }, { "cpu.vpid=0", "EPT" }, { "model=nehalem", "" }, { "mmu.second=3", "EPT, VPID, 3 levels of the second" },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct machine *m = end_of("rings", "vtx", "two-level", (const char *const[]){ cases[k].set, NULL });
        assert_string_equal(machine_config(m)->what_if, cases[k].words);
        machine_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faithful), cmocka_unit_test(counterfactual), cmocka_unit_test(what_leaves), cmocka_unit_test(looked_at), cmocka_unit_test(refused), cmocka_unit_test(what_if),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
