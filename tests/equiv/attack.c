/* The attack harness: hostile guests under every technique, and the hypervisor's invariants looked at again and again.
 *
 * What must hold: the hypervisor's skin (TSS, IDT, stubs, common code, own descriptors) is as it was built; no shadow descriptor is
 * a system's, has DPL 0 or reaches into the window; the tables the CPU walks lead to the guest's own frames only, and to the
 * window without U; while the guest runs, GDTR, IDTR, CR0's guards, IOPL and IF are the hypervisor's. A guest may end itself
 * in any way; the hypervisor may not be what dies. A paravirtual domain's tables are its own, so what holds there is counted: no frame
 * both writable and a table, none foreign (paravirt.h). A second VM, unharmed beside it, belongs to the scheduler, which is not
 * built yet: the frames beyond one VM's memory are the hypervisor's alone. */
#include "tests/equiv/attack.h"
#include "tests/equiv/paravirt.h"
#include "tests/equiv/ported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/machine.h"
#include "sim/mmu/pte.h"
#include "sim/vmm/strategy.h"
#include "sim/vmm/window.h"

enum { RAM_MIB = 2, SLICE = 3000, LIFE = 150000, GUEST_FIRST = WINDOW_SIZE >> 12, GUEST_LAST = GUEST_FIRST + RAM_MIB * 256 - 1 };
enum { SKIN = 0x6000, STUBS = 0x3000 /* before them TSS and IDT */, OWN_FIRST = WINDOW_GDT + WINDOW_FIRST_SELECTOR, OWN_LAST = WINDOW_GDT + WINDOW_SS_HIGH };

static struct kernel kernel;
static struct ported ported;
static uint8_t skin[SKIN], own[OWN_LAST - OWN_FIRST];
static char broken[256];

static bool fail(const char *what, uint32_t a, uint32_t b)
{
    snprintf(broken, sizeof broken, "%s (%X, %X)", what, a, b);
    return false;
}

static void peek(const struct machine *m, uint32_t at, void *to, size_t n)
{
    if (!machine_peek_hpa(m, hpa(at), to, n)) memset(to, 0, n);
}

static void read_skin(const struct machine *m, uint8_t *s, uint8_t *o)
{
    peek(m, 0, s, SKIN);
    peek(m, OWN_FIRST, o, OWN_LAST - OWN_FIRST);
    for (unsigned v = 32; v < WINDOW_IRQ; v++) s[WINDOW_IDT + 8 * v + 5] |= 0x60; /* who may use INT n is the hypervisor's to change */
    for (unsigned n = 0; n < OWN_LAST - OWN_FIRST; n += 8) o[n + 5] |= 1;         /* accessed */
}

/* A paravirtual guest may set a stack of the TSS, one gate and the size of its LDT, which is judged elsewhere (paravirt_holds). */
static bool skin_intact(const struct machine *m, bool aware)
{
    const unsigned first = aware ? STUBS : 0, ldtr = WINDOW_LDTR - WINDOW_FIRST_SELECTOR;
    uint8_t s[SKIN], o[sizeof own];
    read_skin(m, s, o);
    for (unsigned n = first; n < SKIN; n++)
        if (s[n] != skin[n]) return fail("the hypervisor's skin", n, s[n]);
    for (unsigned n = 0; n < sizeof own; n++)
        if (o[n] != own[n] && !(aware && n / 8 == ldtr / 8)) return fail("the hypervisor's own descriptors", n, o[n]);
    return true;
}

static bool descriptor_harmless(uint32_t low, uint32_t high)
{
    if (!(high & 0x8000)) return true;
    bool code = high & 0x800, down = !code && (high & 0x400), conforming = code && (high & 0x400);
    uint64_t base = low >> 16 | (high & 0xFF) << 16 | (high & 0xFF000000u), limit = (low & 0xFFFF) | (high & 0xF0000);
    if (high & 0x800000) limit = limit << 12 | 0xFFF;
    if (down) limit = high & 0x400000 ? 0xFFFFFFFFu : 0xFFFF;
    return (high & 0x1000) && ((high & 0x6000) || conforming) && base + limit < WINDOW_BASE;
}

static bool descriptors_harmless(const struct machine *m)
{
    static uint32_t table[2 * 0x2000];
    for (unsigned ldt = 0; ldt < 2; ldt++) {
        unsigned entries = (ldt ? 0x10000u : (unsigned)WINDOW_FIRST_SELECTOR) / 8;
        peek(m, ldt ? WINDOW_LDT : WINDOW_GDT, table, entries * 8u);
        for (unsigned n = ldt ? 0 : 1; n < entries; n++)
            if (!descriptor_harmless(table[2 * n], table[2 * n + 1])) return fail(ldt ? "shadow LDT" : "shadow GDT", n, table[2 * n + 1]);
    }
    return true;
}

static bool frame_is_guests(uint32_t frame) { return frame >= GUEST_FIRST && frame <= GUEST_LAST; }

static bool tables_lead_home(const struct machine *m, uint32_t cr3, bool window)
{
    static uint32_t pd[1024], pt[1024];
    peek(m, cr3 & PAGE_MASK, pd, sizeof pd);
    for (unsigned d = 0; d < 1024; d++) {
        uint32_t e = pd[d];
        if (!(e & PTE_P)) continue;
        if (window && d == WINDOW_BASE >> 22) {
            if (e & PTE_U || !(e & PTE_PS) || e >> 22) return fail("the window's entry", d, e);
            continue;
        }
        if (e & PTE_PS) {
            if (!frame_is_guests(e >> 12) || !frame_is_guests((e >> 12) + 1023)) return fail("a large page", d, e);
            continue;
        }
        if (frame_is_guests(e >> 12)) return fail("a page table in the guest's memory", d, e);
        peek(m, e & PAGE_MASK, pt, sizeof pt);
        for (unsigned t = 0; t < 1024; t++)
            if ((pt[t] & PTE_P) && !frame_is_guests(pt[t] >> 12)) return fail("a page", d << 10 | t, pt[t]);
    }
    return true;
}

static bool registers_guarded(const struct machine *m, const struct cpu_strategy *s)
{
    struct machine_cpu c;
    machine_cpu(m, &c);
    if (machine_place(m) == PLACE_VMM || s->kernel_ring == 0) return true;
    if (c.cpl == 0) return fail("ring 0 outside the hypervisor", c.eip, c.seg[1].sel);
    if (c.gdt_base != WINDOW_BASE + WINDOW_GDT || c.idt_base != WINDOW_BASE + WINDOW_IDT) return fail("GDTR, IDTR", c.gdt_base, c.idt_base);
    if ((c.cr0 & 0x80010001u) != 0x80010001u) return fail("CR0", c.cr0, 0);
    if (!c.iflag || c.iopl) return fail("EFLAGS", c.eflags, 0);
    return true;
}

static bool all_holds(const struct machine *m, const struct cpu_strategy *s)
{
    struct machine_cpu c;
    machine_cpu(m, &c);
    if (s->aware) return skin_intact(m, true) && paravirt_holds(m, broken, sizeof broken);
    /* With hardware assist there is no window in the guest's space: its tables lead to its own frames, all of them. */
    if (!strcmp(machine_config(m)->mmu, "two-level")) return skin_intact(m, false); /* the guest's own tables; vmm.check looks at the second level */
    if (s->kernel_ring == 0)
        return skin_intact(m, false) && (machine_place(m) == PLACE_VMM || !(c.cr0 >> 31) || tables_lead_home(m, c.cr3, false));
    return skin_intact(m, false) && descriptors_harmless(m) && tables_lead_home(m, c.cr3, true) && registers_guarded(m, s);
}

/* ---- running ---- */

static bool write_guest(const struct cpu_strategy *s, uint64_t seed, const char *path)
{
    if (s->aware) {
        ported_hostile(&ported, seed);
        return ported_write(&ported, path);
    }
    hostile_build(&kernel, seed);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(kernel.image, sizeof kernel.image, 1, f) == 1;
    return f && !fclose(f) && ok;
}

static struct machine *begin(const struct cpu_strategy *s, const char *mmu, uint64_t seed, const char *path)
{
    struct machine_cfg cfg = config_defaults;
    struct err e;
    bool ok = write_guest(s, seed, path);
    snprintf(cfg.cpu, sizeof cfg.cpu, "%s", s->name);
    snprintf(cfg.mmu, sizeof cfg.mmu, "%s", mmu);
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    cfg.ram_mib = RAM_MIB;
    if (seed % 4 == 0 || !strcmp(mmu, "two-level")) ok = ok && config_option(&cfg, "set", "vmm.check=1", &e); /* nobody else looks at its tables */
    struct machine *m = ok && config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) {
        fprintf(stderr, "attack: %s: %s\n", s->name, ok ? e.text : path);
        exit(EXIT_ENVIRONMENT);
    }
    read_skin(m, skin, own);
    return m;
}

static uint32_t done(const struct machine *m, const struct cpu_strategy *s)
{
    uint32_t n = 0;
    if (s->aware) (void)machine_peek_guest(m, gva(V_COUNT), &n, 4);
    else (void)machine_peek_gpa(m, gpa(VAR_SOFT), &n, 4);
    return n;
}

struct tally { uint64_t operations, guests, died, checks; };

/* One guest until it ends, or has lived long. False: something that must hold does not. */
static bool one_guest(const struct cpu_strategy *s, const char *mmu, uint64_t seed, const char *path, struct tally *t)
{
    struct machine *m = begin(s, mmu, seed, path);
    const struct till visit = { .kind = TILL_EVENT, .a = EV_RESUME }; /* after each, where counts can break at any */
    bool good = true;
    uint32_t most = 0;
    while (good && machine_insns(m) < LIFE && machine_run(m, s->aware ? &visit : NULL, SLICE) != MACHINE_ENDED) {
        good = all_holds(m, s);
        t->checks++;
        uint32_t n = done(m, s);
        if (n > most && n - most < SLICE) most = n; /* a guest may spoil its own count */
    }
    struct machine_end end = machine_end(m);
    if (good) good = all_holds(m, s);
    if (good && end.fate == FATE_DIED) {
        t->died++;
        if (strstr(end.why, "hypervisor's own") || strstr(end.why, "no frame left")) good = fail(end.why, 0, 0);
    }
    t->operations += most;
    t->guests++;
    if (!good)
        printf("not ok - %s, seed %llu, moment %llu: %s\n", s->name, (unsigned long long)seed, (unsigned long long)machine_insns(m), broken);
    machine_free(m);
    return good;
}

int attack_run(uint64_t operations, uint64_t seed)
{
    char path[512];
    const char *dir = getenv("TMPDIR");
    unsigned failures = 0;
    snprintf(path, sizeof path, "%s/attack-%ld.img", dir ? dir : "/tmp", (long)getpid());
    enum { MMUS = 3 };
    static const char *const mmus[MMUS] = { "shadow", "two-level", "direct" };
    for (unsigned k = 0; cpu_strategies[k / MMUS]; k++) {
        const struct cpu_strategy *s = cpu_strategies[k / MMUS];
        struct tally t = { 0 };
        struct machine_cfg cfg = config_defaults;
        struct err e;
        snprintf(cfg.cpu, sizeof cfg.cpu, "%s", s->name);
        snprintf(cfg.mmu, sizeof cfg.mmu, "%s", mmus[k % MMUS]);
        if (!s->hypervisor || !config_check(&cfg, &e)) continue;
        bool good = true;
        for (uint64_t n = 0; good && t.operations < operations; n++) good = one_guest(s, cfg.mmu, seed + n, path, &t);
        failures += !good;
        if (good)
            printf("ok - %s, %s: %llu hostile operations, %llu guests, %llu of them killed themselves, %llu looks\n", s->name, cfg.mmu,
                   (unsigned long long)t.operations, (unsigned long long)t.guests, (unsigned long long)t.died, (unsigned long long)t.checks);
        fflush(stdout);
    }
    remove(path);
    return failures ? EXIT_FAILED : EXIT_GOOD;
}
