/* A ported kernel saved and restored: it suspends itself, its page tables become page numbers and frames again, and it ends as if it had stayed,
 * with both formats of page tables; a kernel that has no suspend path is refused, and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>

#include "sim/board.h"
#include "sim/vmm/paravirt.h"
#include "tests/support/sanitized.h"

enum { MOST = 200000000, RAM = 8 };
static const char *const kernels[] = { "build/guests/mini-pv.elf", "build/guests/mini-pae-pv.elf" };
static char folder[] = "/tmp/machine_ported_test.XXXXXX", saved[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return 1;
    snprintf(saved, sizeof saved, "%s/saved", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(saved);
    return rmdir(folder);
}

static void set(struct machine_cfg *cfg, const char *words)
{
    struct err e = { 0 };
    if (!config_option(cfg, "set", words, &e)) fail_msg("%s", e.text);
}

static struct machine_cfg plain(const char *kernel)
{
    struct machine_cfg cfg = config_defaults;
    cfg.ram_mib = RAM;
    cfg.onward = true;
    strcpy(cfg.cpu, "pv");
    strcpy(cfg.image, kernel);
    strcpy(cfg.initrd, "build/guests/mini.img");
    strcpy(cfg.append, "run=\"primes 600; forktest; cow; sieve 4000; ps; halt\" timer=0");
    return cfg;
}

static struct machine *boot(const struct machine_cfg *cfg)
{
    struct err e = { 0 };
    struct machine *m = machine_new(cfg, &e);
    if (!m) fail_msg("%s", e.text);
    return m;
}

/* What it said, and its memory in page numbers. */
struct state { struct text said; uint32_t ram[RAM << 18], frame, pages, record, shared, stacks, stacks_end; bool turned; };
static struct state stayed, moved;

static uint32_t page_named(struct machine *m, const char *name, uint32_t offset)
{
    uint32_t at;
    assert_true(machine_find_symbol(m, name, &at));
    return (at + offset - 0xC0000000u) >> PAGE_SHIFT;
}

static void end_of(struct machine *m, struct state *s)
{
    size_t n;
    struct pv_pages all;
    const struct paravirt *p = m->b->vmm.vm[0].vcpu.pv;
    const char *said = machine_serial(m, &n);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    text_clear(&s->said);
    text_bytes(&s->said, said, n);
    assert_true(pv_pages(p, &all));
    s->pages = m->b->vmm.vm[0].frames;
    s->frame = m->b->vmm.vm[0].frame;
    s->turned = m->b->vmm.vm[0].restored;
    s->record = s->turned ? all.page[p->suspend.record] : UINT32_MAX;
    s->shared = page_named(m, "shared_info", 0);
    s->stacks = page_named(m, "kernel_stacks", 0), s->stacks_end = page_named(m, "kernel_stacks", 0x40000);
    for (uint32_t page = 0; page < s->pages; page++) (void)pv_canonical(p, &all, page, (uint8_t *)s->ram + page * PAGE_SIZE); /* what shows the hypervisor's frames is 0 */
    pv_pages_free(&all);
    machine_free(m);
}

/* A word that names a frame, in a table or in what was one, or in the queue of entries: which page is that? */
static uint32_t page_of(const struct state *s, uint32_t word)
{
    uint32_t n = (word >> PAGE_SHIFT) - s->frame;
    return n < s->pages ? s->turned ? s->pages - 1 - n : n : UINT32_MAX;
}

/* The same, but for the names of frames, and for A and D. */
static bool same_word(uint32_t a, uint32_t b)
{
    uint32_t page = page_of(&stayed, a), bits = (a ^ b) & (PAGE_SIZE - 1) & ~(uint32_t)(PTE_A | PTE_D);
    return a == b || (!bits && ((a ^ b) >> PAGE_SHIFT == 0 || (page != UINT32_MAX && page == page_of(&moved, b))));
}

/* Of start_info, of the page behind shared_info, and of what old calls left on stacks nothing is said. */
static void same_memory(void)
{
    for (uint32_t n = 0; n < stayed.pages * (PAGE_SIZE / 4); n++) {
        uint32_t page = n / (PAGE_SIZE / 4);
        bool free = page == moved.record || page == stayed.shared || (page >= stayed.stacks && page <= stayed.stacks_end);
        if (!free && !same_word(stayed.ram[n], moved.ram[n])) fail_msg("page %X, %X: %08X and %08X", page, n * 4 % PAGE_SIZE, stayed.ram[n], moved.ram[n]);
    }
}

static void it_ends_as_if_it_had_stayed(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct machine_cfg cfg = plain(kernels[k]);
        struct machine *m = boot(&cfg);
        machine_run(m, NULL, MOST);
        uint64_t end = machine_cycles(m);
        end_of(m, &stayed);
        for (unsigned at = 3; at < 8; at += 4) {
            struct err e = { 0 };
            size_t n;
            struct text first = { 0 };
            cfg = plain(kernels[k]);
            strcpy(cfg.save, saved);
            cfg.save_at = end / 8 * at;
            m = boot(&cfg);
            machine_run(m, NULL, MOST);
            if (!machine_saved(m, &e)) fail_msg("%s", e.text);
            const char *said = machine_serial(m, &n);
            text_bytes(&first, said, n);
            machine_free(m);
            cfg.save[0] = 0, cfg.save_at = 0;
            strcpy(cfg.restore, saved);
            if (at == 3) set(&cfg, "vmm.check=1");
            m = boot(&cfg);
            machine_run(m, NULL, MOST);
            end_of(m, &moved);
            text_bytes(&first, moved.said.s, moved.said.len);
            assert_int_equal(first.len, stayed.said.len);
            assert_memory_equal(first.s, stayed.said.s, first.len);
            same_memory();
            text_free(&first);
        }
    }
}

/* To a second machine, and, if anything fails, not: it goes on here, to the same end. */
static void it_goes_to_another_machine_or_stays(void **state)
{
    /* first nothing fails; with sanitizers promises are looked at now and then without being asked for */
    static const char *const fails[] = { SANITIZED ? "vmm.check=0" : "vmm.check=1", "migrate.live=0", "migrate.cut=2", "migrate.cut=31", "migrate.spoil=1", "migrate.spoil=31", "migrate.full=1",
                                         "migrate.version=2" };
    static const char *const fast[] = { "migrate.min=4000", "migrate.max=100000", "migrate.last=0", "migrate.rounds=4", "migrate.latency=20000" };
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct machine_cfg cfg = plain(kernels[k]);
        struct machine *m = boot(&cfg);
        machine_run(m, NULL, MOST);
        uint64_t end = machine_cycles(m);
        end_of(m, &stayed);
        for (unsigned i = 0; i < (k ? 1 : sizeof fails / sizeof fails[0]); i++) {
            struct machine_migration g;
            cfg = plain(kernels[k]);
            cfg.migrate_at = end / 2;
            for (unsigned n = 0; n < sizeof fast / sizeof fast[0]; n++) set(&cfg, fast[n]);
            set(&cfg, fails[i]);
            m = boot(&cfg);
            machine_run(m, NULL, MOST);
            struct machine *there = machine_migrated(m);
            assert_true(machine_migration(m, &g));
            assert_int_equal(g.done, i < 2);
            assert_int_equal(there != NULL, i < 2);
            if (i < 2) assert_in_range(g.rounds, i ? 1 : 3, i ? 1 : 5);
            if (!i) assert_true(g.faults > 4 && (g.resumed - g.stopped) * 5 < g.stopped - g.began);
            if (there) {
                machine_free(m);
                m = there;
                machine_run(m, NULL, MOST);
            }
            end_of(m, &moved);
            assert_int_equal(moved.said.len, stayed.said.len);
            assert_memory_equal(moved.said.s, stayed.said.s, stayed.said.len);
            if (i < 2) same_memory();
        }
    }
}

/* Forged files whose sums are right, anything in them: refused, or a domain that breaks no rule. */
static void forged_files_do_no_harm(void **state)
{
    (void)state;
    struct text t = { 0 };
    struct err e = { 0 };
    uint32_t seed = 1;
    unsigned refused = 0, ran = 0;
    assert_true(text_read(&t, saved, 1 << 26, &e));
    size_t domain = 0;
    while (memcmp(t.s + domain, "DOMN", 4)) domain++;
    for (unsigned i = 0; i < 40; i++) {
        uint8_t was[3];
        size_t at[3];
        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            at[k] = (i % 2 ? 32 : domain + 16) + (seed >> 8) % 2400;
            was[k] = (uint8_t)t.s[at[k]];
            t.s[at[k]] = (char)(seed >> 24);
        }
        uint32_t sum = (uint32_t)crc32(0, (const Bytef *)t.s + 32, (uInt)t.len - 32);
        memcpy(t.s + 24, &sum, 4);
        sum = (uint32_t)crc32(0, (const Bytef *)t.s, 28);
        memcpy(t.s + 28, &sum, 4);
        assert_true(text_write(&t, saved, &e));
        struct machine_cfg cfg = plain(kernels[1]);
        struct err f = { 0 };
        strcpy(cfg.restore, saved);
        cfg.limit_cycles = 6000000;
        struct machine *m = machine_new(&cfg, &f);
        refused += !m;
        ran += m != NULL;
        if (!m) assert_int_equal(f.code, EXIT_INPUT);
        else machine_run(m, NULL, MOST); /* test builds look at the invariants */
        machine_free(m);
        for (unsigned k = 3; k-- > 0; ) t.s[at[k]] = (char)was[k];
    }
    assert_true(refused > 5 && ran > 5);
    text_free(&t);
}

/* It is asked, and cannot: it goes on, and says what it says. */
static void a_kernel_without_a_suspend_path_stays(void **state)
{
    (void)state;
    struct machine_cfg cfg = plain("build/guests/pvtest.elf");
    struct err e = { 0 };
    size_t n;
    cfg.initrd[0] = cfg.append[0] = 0;
    strcpy(cfg.save, saved);
    cfg.save_at = 1000000;
    struct machine *m = boot(&cfg);
    machine_run(m, NULL, MOST);
    assert_int_equal(machine_end(m).fate, FATE_EXITED);
    assert_false(machine_saved(m, &e));
    assert_non_null(strstr(e.text, "no suspend path"));
    const char *said = machine_serial(m, &n);
    assert_non_null(strstr(said, "pvtest: ok"));
    machine_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_as_if_it_had_stayed),
        cmocka_unit_test(it_goes_to_another_machine_or_stays),
        cmocka_unit_test(forged_files_do_no_harm),
        cmocka_unit_test(a_kernel_without_a_suspend_path_stays),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
