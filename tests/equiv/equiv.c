/* Every generated kernel must end the same under every faithful technique as bare, and may end differently under an
 * unfaithful one only after the detector has spoken.
 *
 * Idea: the techniques are not listed here. A technique that says it is faithful (struct cpu_strategy) is held to it; one that
 * is not, but has a detector, is held to the detector: the first record of the guest's log that differs from the bare one must
 * have been written after a SILENT event. A kernel that fails is made smaller by leaving groups out while it still fails.
 *
 * One kernel in eight runs with --set vmm.check=1, the hypervisor's own look at its invariants whenever it leaves to the guest, and with
 * one of the designs of shadow paging.
 *
 *   equiv [KERNELS [SEED]]            that many kernels from a seed on
 *   equiv -s SEED [-k KEEP] [-o FILE] one kernel, with the groups of a mask (hexadecimal); FILE gets its image
 *   equiv -e KEY=N ...                with a setting more
 *   equiv -p ...                      the same for paravirtual kernels (paravirt.h)
 *   equiv -a [OPERATIONS [SEED [CPU [MMU]]]]  hostile kernels instead (attack.h); with -s and -o: the image of one, with -p a ported one */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/machine.h"
#include "sim/vmm/setting.h"
#include "sim/vmm/strategy.h"
#include "tests/equiv/attack.h"
#include "tests/equiv/kernel.h"
#include "tests/equiv/paravirt.h"
#include "tests/equiv/ported.h"

enum { RAM_MIB = 2, COMPARED = 1 << 20 /* from here on: the guest's own megabyte */, LIMIT = 400000, RUNS_MOST = 12 };
static const char *const fates[] = { "running", "exited", "halted", "died", "limit", "reset", "off" };

/* One way to run a kernel. */
struct way {
    char name[64];
    const char *cpu, *mmu, *set; /* set: KEY of --set KEY=1, or NULL */
    bool faithful;
};

struct outcome {
    uint8_t fate;
    uint32_t code;
    char why[240];
    struct machine_cpu cpu;
    struct machine_fpu fpu;
    uint64_t insns, silent, guest_insns, irqs;
    uint8_t memory[COMPARED];
    char serial[512];
};

static char image_path[512];
static const char *extra; /* --set KEY=N of all machines, or NULL */

#define TOTAL_MIB "1"
static uint64_t managed, shared; /* runs with managed memory; pages of theirs that went on shared frames */
enum { CHECKED = 8 };
static uint64_t seed_now; /* of the kernel that runs: to be told if the hypervisor finds itself broken, which ends the program */
static bool over;
static void tell_seed(void)
{
    if (!over) printf("not ok - seed %llu: Ringside ended itself\n", (unsigned long long)seed_now);
}

/* The hypervisor's, so that bare hardware needs none of them. */
static bool check_options(const struct way *w, struct machine_cfg *cfg, struct err *e)
{
    static const char *const designs[][2] = { { "shadow.cache=1", "shadow.eager=1" }, { "shadow.cache=0", "shadow.eager=1" },
                                              { "shadow.pool=16", "shadow.eager=0" }, { "shadow.cache=0", "shadow.trace=0" } };
    if (seed_now % CHECKED || !strcmp(w->cpu, "native")) return true;
    bool agile = !strcmp(w->mmu, "agile");
    unsigned n = (unsigned)(seed_now / CHECKED % (strcmp(w->cpu, "vtx") || agile ? 3 : 4));
    if (agile && (!config_option(cfg, "set", n ? "agile.writes=1" : "agile.writes=3", e) || !config_option(cfg, "set", "agile.period=20", e))) return false;
    return config_option(cfg, "set", "vmm.check=1", e) && config_option(cfg, "set", designs[n][0], e) && config_option(cfg, "set", designs[n][1], e);
}

/* One kernel in six believes in more memory than the machine has: pages come when they are needed, and share frames. Its results must
 * be the same. (These kernels use too few pages for swapping; tests/guest/memory.sh has that.) */
enum { MANAGED = 6, MANAGED_ONES = 2 };
static bool memory_options(const struct way *w, struct machine_cfg *cfg, struct err *e)
{
    static const char *const sets[] = { ("memory.total=" TOTAL_MIB), "memory.share=1", "memory.scan=200", "memory.period=100", "memory.sample=1000" };
    if (seed_now % MANAGED != MANAGED_ONES || !strcmp(w->cpu, "native")) return true;
    for (unsigned i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (!config_option(cfg, "set", sets[i], e)) return false;
    return true;
}

static void note_memory(const struct machine *m)
{
    struct machine_memory all;
    struct machine_vm_memory one;
    if (!machine_memory(m, &all) || !machine_vm_memory(m, 0, &one)) return;
    managed++;
    shared += one.shares_made;
}

static struct machine *start(const struct way *w, const char *path)
{
    struct machine_cfg cfg = config_defaults;
    struct err e;
    snprintf(cfg.cpu, sizeof cfg.cpu, "%s", w->cpu);
    snprintf(cfg.mmu, sizeof cfg.mmu, "%s", w->mmu);
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    cfg.ram_mib = RAM_MIB;
    char setting[64];
    if (w->set) snprintf(setting, sizeof setting, "%s=1", w->set);
    if (extra && !config_option(&cfg, "set", extra, &e)) {
        fprintf(stderr, "equiv: %s\n", e.text);
        exit(EXIT_USAGE);
    }
    bool good = (!w->set || config_option(&cfg, "set", setting, &e)) && check_options(w, &cfg, &e) && memory_options(w, &cfg, &e);
    struct machine *m = good ? machine_new(&cfg, &e) : NULL;
    if (!m) {
        fprintf(stderr, "equiv: %s: %s\n", w->name, e.text);
        exit(EXIT_ENVIRONMENT);
    }
    return m;
}

static uint64_t silent_events(const struct machine *m)
{
    struct machine_summary s;
    machine_summary(m, &s);
    return s.silent;
}

static uint32_t word(const uint8_t *memory, uint32_t at)
{
    uint32_t v;
    memcpy(&v, memory + (at - COMPARED), 4);
    return v;
}

static void run(const struct way *w, struct outcome *o)
{
    struct machine *m = start(w, image_path);
    (void)machine_run(m, NULL, LIMIT);
    struct machine_end end = machine_end(m);
    memset(o, 0, sizeof *o);
    o->fate = end.fate;
    o->code = end.fate == FATE_EXITED ? end.code : 0;
    snprintf(o->why, sizeof o->why, "%s", end.why);
    machine_guest(m, &o->cpu);
    for (unsigned s = 0; s < 6; s++) o->cpu.seg[s].ar &= (uint16_t)~1u; /* the hidden accessed bit is nobody's to see */
    machine_fpu(m, &o->fpu);
    o->insns = machine_insns(m);
    o->silent = silent_events(m);
    o->guest_insns = machine_guest_insns(m);
    (void)machine_peek_gpa(m, gpa(COMPARED), o->memory, COMPARED);
    o->irqs = word(o->memory, VAR_TICKS);
    size_t n;
    const char *serial = machine_serial(m, &n);
    if (n >= sizeof o->serial) n = sizeof o->serial - 1;
    memcpy(o->serial, serial, n);
    note_memory(m);
    machine_free(m);
}

/* ---- comparing ---- */

static const struct { const char *name; size_t at, size; } registers[] = {
#define REG(field) { #field, offsetof(struct machine_cpu, field), sizeof ((struct machine_cpu *)0)->field }
    REG(eip), REG(reg), REG(eflags), REG(cr0), REG(cr2), REG(cr3), REG(cr4), REG(cpl), REG(gdt_base), REG(gdt_limit), REG(idt_base),
    REG(idt_limit), REG(ldtr), REG(tr), REG(sysenter_cs), REG(sysenter_esp), REG(sysenter_eip), REG(dr), REG(seg),
#undef REG
};

static uint32_t log_end(const struct outcome *o)
{
    uint32_t end = word(o->memory, VAR_LOG);
    return end < AT_LOG || end > AT_LOG_END ? AT_LOG_END : end;
}

/* The first record of the log that is not the same; AT_LOG_END if there is none. */
static uint32_t first_record(const struct outcome *a, const struct outcome *b)
{
    uint32_t end = log_end(a) > log_end(b) ? log_end(a) : log_end(b);
    for (uint32_t at = AT_LOG; at < end; at += LOG_RECORD)
        if (memcmp(a->memory + (at - COMPARED), b->memory + (at - COMPARED), LOG_RECORD)) return at;
    return AT_LOG_END;
}

/* What differs, in words; "" if nothing does. A machine that died may have done so with other registers and stacks. */
static const char *difference(const struct outcome *a, const struct outcome *b)
{
    static char text[256];
    text[0] = 0;
    if (a->fate == FATE_RUNNING || b->fate == FATE_RUNNING) return text; /* a loop without end: no common moment */
    if (a->fate != b->fate || a->code != b->code) {
        snprintf(text, sizeof text, "fate: %s %u, not %s %u", fates[b->fate], b->code, fates[a->fate], a->code);
        return text;
    }
    uint32_t at = first_record(a, b);
    if (at != AT_LOG_END) {
        int n = snprintf(text, sizeof text, "log record %u:", (at - AT_LOG) / LOG_RECORD);
        for (unsigned w = 0; w < LOG_RECORD; w += 4)
            if (word(a->memory, at + w) != word(b->memory, at + w))
                n += snprintf(text + n, sizeof text - (size_t)n, " [%u] %X, not %X;", w / 4, word(b->memory, at + w), word(a->memory, at + w));
        return text;
    }
    if (strcmp(a->serial, b->serial)) return "serial output";
    if (a->fate != FATE_EXITED) return text;
    for (uint32_t i = memcmp(a->memory, b->memory, COMPARED) ? 0 : COMPARED; i < COMPARED; i += 4)
        if (memcmp(a->memory + i, b->memory + i, 4)) {
            snprintf(text, sizeof text, "memory at %X: %X, not %X", COMPARED + i, word(b->memory, COMPARED + i), word(a->memory, COMPARED + i));
            return text;
        }
    for (unsigned r = 0; r < sizeof registers / sizeof registers[0]; r++)
        if (memcmp((const char *)&a->cpu + registers[r].at, (const char *)&b->cpu + registers[r].at, registers[r].size)) {
            const char *x = (const char *)&a->cpu + registers[r].at, *y = (const char *)&b->cpu + registers[r].at;
            int n = snprintf(text, sizeof text, "register %s:", registers[r].name);
            for (size_t i = 0; i < registers[r].size; i++)
                if (x[i] != y[i]) n += snprintf(text + n, sizeof text - (size_t)n, " byte %zu: %02X, not %02X", i, y[i] & 0xFF, x[i] & 0xFF);
            return text;
        }
    if (a->guest_insns != b->guest_insns && !a->irqs && !b->irqs) {
        snprintf(text, sizeof text, "instructions: %llu, not %llu", (unsigned long long)b->guest_insns, (unsigned long long)a->guest_insns);
        return text;
    }
    if (memcmp(&a->fpu, &b->fpu, sizeof a->fpu))
        snprintf(text, sizeof text, "x87 state: instruction at %X:%X, not %X:%X; data at %X:%X, not %X:%X; control %X, not %X; status %X, not %X",
                 b->fpu.cs, b->fpu.ip, a->fpu.cs, a->fpu.ip, b->fpu.ds, b->fpu.dp, a->fpu.ds, a->fpu.dp, b->fpu.control, a->fpu.control,
                 b->fpu.status, a->fpu.status);
    return text;
}

/* Had the detector spoken when the first record that differs was written? */
static bool was_foretold(const struct way *w, const struct outcome *bare, const struct outcome *o)
{
    if (!o->silent) return false;
    uint32_t at = first_record(bare, o);
    if (at == AT_LOG_END) return true; /* no record tells when */
    struct machine *m = start(w, image_path);
    struct till part[8], any = { .kind = TILL_ANY, .subs = LOG_RECORD / 4, .sub = part };
    for (unsigned n = 0; n < any.subs; n++) part[n] = (struct till){ .kind = TILL_WRITE, .a = at + 4 * n };
    (void)machine_run(m, &any, LIMIT);
    bool spoken = silent_events(m) > 0;
    machine_free(m);
    return spoken;
}

/* ---- ways ---- */

enum { MMUS = 3 };
static const char *const mmus[MMUS] = { "shadow", "two-level", "agile" };

static unsigned ways(struct way *list)
{
    unsigned n = 0;
    for (unsigned k = 0; cpu_strategies[k / MMUS]; k++) {
        const struct cpu_strategy *s = cpu_strategies[k / MMUS];
        const char *with = s->faithful, *mmu = mmus[k % MMUS];
        struct machine_cfg cfg = config_defaults;
        struct err e;
        snprintf(cfg.cpu, sizeof cfg.cpu, "%s", s->name);
        snprintf(cfg.mmu, sizeof cfg.mmu, "%s", mmu);
        if (!s->hypervisor || (!with && !s->detects) || !config_check(&cfg, &e)) continue; /* guests must be ported to it, or there is no such machine */
        if (with && *with) {
            list[n] = (struct way){ .cpu = s->name, .mmu = mmu, .set = with, .faithful = true };
            snprintf(list[n].name, sizeof list[n].name, "%s --mmu %s --set %s=1", s->name, mmu, with);
            n++;
        }
        list[n] = (struct way){ .cpu = s->name, .mmu = mmu, .faithful = with && !*with };
        snprintf(list[n].name, sizeof list[n].name, "%s --mmu %s", s->name, mmu);
        n++;
    }
    return n;
}

static struct kernel kernel;
static struct outcome bare, guest;
static const struct way *bare_way; /* whose settings `bare` was run with; NULL: of another kernel */

static void write_kernel(const char *path)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(kernel.image, sizeof kernel.image, 1, f) != 1 || fclose(f)) {
        perror(path);
        exit(EXIT_ENVIRONMENT);
    }
}

static void write_image(uint64_t seed, uint32_t keep, const char *path)
{
    seed_now = seed;
    (void)kernel_build(&kernel, seed, keep);
    write_kernel(path);
    bare_way = NULL;
}

static void write_hostile(uint64_t seed, const char *path)
{
    hostile_build(&kernel, seed);
    write_kernel(path);
}

static void write_hostile_ported(uint64_t seed, const char *path)
{
    static struct ported p;
    ported_hostile(&p, seed);
    if (!ported_write(&p, path)) exit(EXIT_ENVIRONMENT);
}

/* The machine shall be the same: CPUID tells its features. */
static void run_bare(const struct way *w)
{
    if (bare_way && bare_way->set == w->set) return;
    run(&(struct way){ .name = "native", .cpu = "native", .mmu = "native", .set = w->set }, &bare);
    bare_way = w;
}

/* Runs the kernel in one way. What is wrong, or "". */
static const char *judge(const struct way *w)
{
    run_bare(w);
    run(w, &guest);
    const char *d = difference(&bare, &guest);
    if (!*d) return d;
    if (w->faithful) return d;
    return was_foretold(w, &bare, &guest) ? "" : d;
}

/* ---- failures ---- */

static void shrink(const struct way *w, uint64_t seed, uint32_t *keep, unsigned groups)
{
    for (bool smaller = true; smaller; ) {
        smaller = false;
        for (unsigned n = groups; n--; ) {
            uint32_t less = *keep & ~(1u << n);
            if (less == *keep) continue;
            write_image(seed, less, image_path);
            if (!*judge(w)) continue;
            *keep = less;
            smaller = true;
        }
    }
}

static void report(const struct way *w, uint64_t seed, uint32_t keep, unsigned groups)
{
    write_image(seed, keep, image_path);
    char what[256];
    snprintf(what, sizeof what, "%s", judge(w));
    printf("not ok - seed %llu, %s: %s\n", (unsigned long long)seed, w->name, what);
    printf("#   native: %s; %s\n#   %s: %s; %llu silent\n", fates[bare.fate], bare.why, w->name, guest.why, (unsigned long long)guest.silent);
    for (unsigned n = 0; n < groups; n++)
        if (keep >> n & 1) printf("#   group %u, %s, at %X\n", n, kernel_group(seed, n), kernel_group_at[n]);
    printf("#   again: tests/equiv/equiv -s %llu -k %X -o FILE\n", (unsigned long long)seed, keep);
    fflush(stdout);
}

static unsigned failures;
static uint64_t ended[8], foretold;

/* What no technique promises, or no processor has, is looked at in every fourth kernel of many. */
enum { SELDOM = 4 };
static bool is_seldom(const struct way *w) { return !w->faithful || !strcmp(w->mmu, "agile") || (!strcmp(w->mmu, "two-level") && strcmp(w->cpu, "vtx")); }

static void one_kernel(const struct way *list, unsigned n, uint64_t seed, uint32_t keep, bool small)
{
    write_image(seed, keep, image_path);
    unsigned groups = kernel_build(&kernel, seed, keep);
    run_bare(&list[0]);
    ended[bare.fate]++;
    for (unsigned w = 0; w < n; w++) {
        if (small && is_seldom(&list[w]) && (seed + w) % SELDOM) continue;
        if (!*judge(&list[w])) {
            if (*difference(&bare, &guest)) foretold++;
            continue;
        }
        failures++;
        uint32_t kept = keep;
        if (small) shrink(&list[w], seed, &kept, groups);
        report(&list[w], seed, kept, groups);
        write_image(seed, keep, image_path);
    }
}

int main(int argc, char **argv)
{
    struct way list[RUNS_MOST];
    unsigned n = ways(list);
    vmm_checks_itself = true;
    atexit(tell_seed);
    uint64_t count = 200, seed = 1;
    uint32_t keep = UINT32_MAX;
    bool single = false, attack = false, ported = false;
    int option;
    const char *out = NULL;
    while ((option = getopt(argc, argv, "ape:s:k:o:")) != -1) {
        if (option == 'a') attack = true;
        else if (option == 'e') extra = optarg;
        else if (option == 'p') ported = true;
        else if (option == 's') single = true, seed = strtoull(optarg, NULL, 0);
        else if (option == 'k') keep = (uint32_t)strtoul(optarg, NULL, 16);
        else if (option == 'o') out = optarg;
        else return over = true, EXIT_USAGE;
    }
    if (optind < argc) count = strtoull(argv[optind], NULL, 0);
    if (optind + 1 < argc) seed = strtoull(argv[optind + 1], NULL, 0);
    over = attack || ported; /* they tell for themselves */
    if (attack && !out) return attack_run(count, seed, optind + 2 < argc ? argv[optind + 2] : NULL, optind + 3 < argc ? argv[optind + 3] : NULL);
    if (ported && !attack) return single ? paravirt_one(seed, keep, out) : paravirt_run(count, seed);
    if (single) count = 1;
    const char *dir = getenv("TMPDIR");
    snprintf(image_path, sizeof image_path, "%s/equiv-%ld.img", dir ? dir : "/tmp", (long)getpid());
    for (uint64_t i = 0; !attack && i < count && failures < 10; i++) one_kernel(list, n, seed + i, keep, !single);
    over = true;
    if (out && !attack) write_image(seed, keep, out);
    else if (out && ported) write_hostile_ported(seed, out);
    else if (out) write_hostile(seed, out);
    remove(image_path);
    for (unsigned w = 0; w < n; w++)
        printf("# %s%s%s\n", list[w].name, list[w].faithful ? "" : " (unfaithful)", !single && is_seldom(&list[w]) ? ", every fourth" : "");
    printf("# bare: %llu exited, %llu died, %llu halted, %llu others; foretold differences: %llu\n", (unsigned long long)ended[FATE_EXITED],
           (unsigned long long)ended[FATE_DIED], (unsigned long long)ended[FATE_HALTED],
           (unsigned long long)(count - ended[FATE_EXITED] - ended[FATE_DIED] - ended[FATE_HALTED]), (unsigned long long)foretold);
    if (managed) printf("# with managed memory: %llu runs, %llu pages on shared frames\n", (unsigned long long)managed, (unsigned long long)shared);
    if (count >= 200 && !single && !shared) failures++, printf("not ok - memory was managed, but nothing became of it\n");
    if (!failures) printf("ok - %llu generated kernels\n", (unsigned long long)count);
    return failures ? EXIT_FAILED : EXIT_GOOD;
}
