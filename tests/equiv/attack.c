/* The attack harness: hostile guests under every technique, and the hypervisor's invariants looked at again and again.
 *
 * What must hold: the hypervisor's skin (TSS, IDT, stubs, common code, own descriptors) is as it was built; no shadow descriptor is
 * a system's, has DPL 0 or reaches into the window; the tables the CPU walks lead to the guest's own frames only, and to the
 * window without U; while the guest runs, GDTR, IDTR, CR0's guards, IOPL and IF are the hypervisor's. A guest may end itself
 * in any way; the hypervisor may not be what dies. A paravirtual domain's tables are its own, so what holds there is counted: no frame
 * both writable and a table, none foreign (paravirt.h).
 *
 * Every other attacker has a neighbour: a second VM of the same machine, which runs a generated kernel (kernel.h), under this or another
 * technique, in turns of some microseconds. Its memory, its output and its end must be those of a run without the attacker, and it must get
 * its share of the processor. */
#include "tests/equiv/attack.h"
#include "tests/equiv/paravirt.h"
#include "tests/equiv/ported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/machine.h"
#include "sim/mmu/pte.h"
#include "sim/vmm/bintrans.h"
#include "sim/vmm/strategy.h"
#include "sim/vmm/window.h"

enum { RAM_MIB = 2, SLICE = 3000, LIFE = 150000, EVENTS = 1500000 /* of guests that are interpreted all their life */,
       PATIENCE = 3000000 /* moments for the neighbour to end */ };
enum { SKIN = 0x6000, STUBS = 0x3000 /* before them TSS and IDT */, OWN_FIRST = WINDOW_GDT + WINDOW_FIRST_SELECTOR, OWN_LAST = WINDOW_GDT + WINDOW_SS_HIGH };

static struct kernel kernel;
static struct ported ported;
static char broken[256];
static bool user_translated, many;

/* Where a VM lives in machine memory, and what its skin was when it was built. Blocks of window and memory follow each other. */
static struct home {
    const struct cpu_strategy *technique;
    bool second_level;
    uint32_t window, first, last; /* machine address; frames of its memory */
    uint8_t skin[SKIN], own[OWN_LAST - OWN_FIRST];
} home[2];
enum { ATTACKER, NEIGHBOUR, BLOCK = 2 * WINDOW_SIZE };

static bool fail(const char *what, uint32_t a, uint32_t b)
{
    snprintf(broken, sizeof broken, "%s (%X, %X)", what, a, b);
    return false;
}

static void peek(const struct machine *m, uint32_t at, void *to, size_t n)
{
    if (!machine_peek_hpa(m, hpa(at), to, n)) memset(to, 0, n);
}

static void read_skin(const struct machine *m, const struct home *h, uint8_t *s, uint8_t *o)
{
    peek(m, h->window, s, SKIN);
    peek(m, h->window + OWN_FIRST, o, OWN_LAST - OWN_FIRST);
    for (unsigned v = 32; v < WINDOW_IRQ; v++) s[WINDOW_IDT + 8 * v + 5] |= 0x60; /* who may use INT n is the hypervisor's to change */
    for (unsigned n = 0; n < OWN_LAST - OWN_FIRST; n += 8) o[n + 5] |= 1;         /* accessed */
}

/* A paravirtual guest may set a stack of the TSS, one gate and the size of its LDT, which is judged elsewhere (paravirt_holds). */
static bool skin_intact(const struct machine *m, const struct home *h)
{
    const bool aware = h->technique->aware;
    const unsigned first = aware ? STUBS : 0, ldtr = WINDOW_LDTR - WINDOW_FIRST_SELECTOR;
    uint8_t s[SKIN], o[sizeof h->own];
    read_skin(m, h, s, o);
    for (unsigned n = first; n < SKIN && memcmp(s + n, h->skin + n, SKIN - n) != 0; n++)
        if (s[n] != h->skin[n]) return fail("the hypervisor's skin", n, s[n]);
    for (unsigned n = 0; n < sizeof h->own; n++)
        if (o[n] != h->own[n] && !(aware && n / 8 == ldtr / 8)) return fail("the hypervisor's own descriptors", n, o[n]);
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

static bool descriptors_harmless(const struct machine *m, const struct home *h)
{
    static uint32_t table[2 * 0x2000];
    for (unsigned ldt = 0; ldt < 2; ldt++) {
        unsigned entries = (ldt ? 0x10000u : (unsigned)WINDOW_FIRST_SELECTOR) / 8;
        peek(m, h->window + (ldt ? WINDOW_LDT : WINDOW_GDT), table, entries * 8u);
        for (unsigned n = ldt ? 0 : 1; n < entries; n++)
            if (!descriptor_harmless(table[2 * n], table[2 * n + 1])) return fail(ldt ? "shadow LDT" : "shadow GDT", n, table[2 * n + 1]);
    }
    return true;
}

static bool is_guests(const struct home *h, uint32_t frame) { return frame >= h->first && frame <= h->last; }
static bool is_windows(const struct home *h, uint32_t frame) { return frame - (h->window >> 12) < WINDOW_SIZE >> 12; }

/* The window as one page of 4 MB; or by a page table of its own, whose entries are the window's frames, or, where aliases of page
 * tables are kept, frames of the guest's. What user code may see of it is the translation cache that it runs from, if it does. */
static bool window_is_good(const struct machine *m, const struct home *h, uint32_t e)
{
    static uint32_t pt[1024];
    if (e & PTE_PS) return (!(e & PTE_U) && (e & ~0x3FFFFFu) == h->window) || fail("the window's entry", e, h->window);
    if (!is_windows(h, e >> 12)) return fail("the window's table", e, 0);
    peek(m, e & PAGE_MASK, pt, sizeof pt);
    for (uint32_t n = 0; n < 1024; n++) {
        uint32_t at = n << 12, frame = pt[n] >> 12;
        bool alias = at >= BT_DATA + BT_ALIAS && at < BT_USER_DATA, cache = at >= BT_USER_DATA && at < BT_CODE + BT_CODE_MOST;
        if (!(pt[n] & PTE_P)) continue;
        if ((pt[n] & PTE_U) && !(user_translated && cache)) return fail("a page of the window for user code", n, pt[n]);
        if (alias ? !is_guests(h, frame) : frame != (h->window >> 12) + n) return fail("a page of the window", n, pt[n]);
    }
    return true;
}

static bool tables_lead_home(const struct machine *m, const struct home *h, uint32_t cr3, bool window)
{
    static uint32_t pd[1024], pt[1024];
    peek(m, cr3 & PAGE_MASK, pd, sizeof pd);
    for (unsigned d = 0; d < 1024; d++) {
        uint32_t e = pd[d];
        if (!(e & PTE_P)) continue;
        if (window && d == WINDOW_BASE >> 22) {
            if (!window_is_good(m, h, e)) return false;
            continue;
        }
        if (e & PTE_PS) {
            if (!is_guests(h, e >> 12) || !is_guests(h, (e >> 12) + 1023)) return fail("a large page", d, e);
            continue;
        }
        if (!is_windows(h, e >> 12)) return fail("a page table that is not the hypervisor's", d, e);
        peek(m, e & PAGE_MASK, pt, sizeof pt);
        for (unsigned t = 0; t < 1024; t++)
            if ((pt[t] & PTE_P) && !is_guests(h, pt[t] >> 12)) return fail("a page", d << 10 | t, pt[t]);
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

/* What holds of a VM whoever has the processor; and of the one that has it. */
static bool vm_holds(const struct machine *m, const struct home *h)
{
    if (!skin_intact(m, h)) return false;
    if (h->technique->aware) return paravirt_holds(m, broken, sizeof broken);
    return h->technique->kernel_ring == 0 || descriptors_harmless(m, h);
}

static bool processor_holds(const struct machine *m)
{
    const struct home *h = &home[machine_vm_now(m)];
    struct machine_cpu c;
    machine_cpu(m, &c);
    if (h->technique->aware) return true; /* paravirt_holds has looked */
    /* With hardware assist there is no window in the guest's space: its tables lead to its own frames, all of them. */
    if (h->second_level && h->technique->kernel_ring == 0) return true; /* the guest's own tables; vmm.check looks at the second level */
    if (h->technique->kernel_ring == 0)
        return machine_place(m) == PLACE_VMM || !(c.cr0 >> 31) || tables_lead_home(m, h, c.cr3, false);
    return tables_lead_home(m, h, c.cr3, true) && registers_guarded(m, h->technique);
}

static bool all_holds(const struct machine *m)
{
    for (unsigned n = 0; n < machine_vms(m); n++)
        if (!vm_holds(m, &home[n])) return false;
    return processor_holds(m);
}

/* ---- images ---- */

static bool write_image(const char *path)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(kernel.image, sizeof kernel.image, 1, f) == 1;
    return f && !fclose(f) && ok;
}

static bool write_guest(const struct cpu_strategy *s, uint64_t seed, const char *path)
{
    if (s->aware) {
        ported_hostile(&ported, seed);
        return ported_write(&ported, path);
    }
    hostile_build(&kernel, seed);
    return write_image(path);
}

static void give_up(const char *who, const char *why)
{
    fprintf(stderr, "attack: %s: %s\n", who, why);
    exit(EXIT_ENVIRONMENT);
}

/* One way to run a guest. `set`: KEY of --set KEY=1, or NULL. */
struct way { const struct cpu_strategy *s; const char *mmu, *set; };

static bool set_one(struct machine_cfg *cfg, const char *key, struct err *e)
{
    char setting[64];
    snprintf(setting, sizeof setting, "%s=1", key);
    return config_option(cfg, "set", setting, e);
}

/* ---- the neighbour ---- */

enum { COMPARED = 1 << 20 /* from here on: the guest's own megabyte */, WITNESSES = 6 };
struct outcome { bool known; uint8_t fate; uint32_t code; uint8_t memory[COMPARED]; char serial[512]; };
static struct outcome alone[3][WITNESSES], beside;
static const char *const companions[3] = { "bt", "vtx", "te" }; /* te with all that is sensitive trapping: then it is faithful, too */
enum { TE = 2 };

static void see(struct machine *m, unsigned vm, struct outcome *o)
{
    struct machine_vm v;
    size_t n;
    memset(o, 0, sizeof *o);
    machine_vm(m, vm, &v);
    o->fate = v.end.fate;
    o->code = v.end.fate == FATE_EXITED ? v.end.code : 0;
    machine_look_at(m, (int)vm);
    (void)machine_peek_gpa(m, gpa(COMPARED), o->memory, COMPARED);
    const char *serial = machine_vm_serial(m, vm, &n);
    memcpy(o->serial, serial, n < sizeof o->serial ? n : sizeof o->serial - 1);
    o->known = true;
}

static struct machine *lone(const char *cpu, const char *set, const char *more, const char *path)
{
    struct machine_cfg cfg = config_defaults;
    struct err e;
    strcpy(cfg.cpu, cpu);
    strcpy(cfg.image, path);
    cfg.ram_mib = RAM_MIB;
    bool ok = (!set || set_one(&cfg, set, &e)) && (!more || set_one(&cfg, more, &e)) && config_check(&cfg, &e);
    struct machine *m = ok ? machine_new(&cfg, &e) : NULL;
    if (!m) give_up(cpu, e.text);
    (void)machine_run(m, NULL, PATIENCE);
    return m;
}

/* Writes the image of a kernel that comes to a good end, for then all that it leaves behind can be compared. */
static void write_witness(unsigned witness, const char *path)
{
    static uint64_t seed[WITNESSES];
    bool good = seed[witness];
    for (uint64_t n = good ? seed[witness] : 1000 + 50 * witness; ; n++) {
        kernel_build(&kernel, n, UINT32_MAX);
        if (!write_image(path)) give_up("neighbour", path);
        if (good) return;
        struct machine *m = lone("native", NULL, NULL, path);
        good = machine_end(m).fate == FATE_EXITED;
        machine_free(m);
        if (good) {
            seed[witness] = n;
            return;
        }
    }
}

/* What it comes to when nobody is beside it. */
static void leave_alone(const struct way *w, unsigned companion, unsigned witness, const char *path)
{
    struct outcome *o = &alone[companion][witness];
    if (o->known) return;
    struct machine *m = lone(companions[companion], companion == TE ? "cpu.virtualizable" : NULL, w->set, path);
    see(m, 0, o);
    machine_free(m);
}

static bool unharmed(const struct outcome *a, const struct outcome *b)
{
    if (a->fate != b->fate || a->code != b->code) return fail("the neighbour ended otherwise", a->fate, b->fate);
    if (strcmp(a->serial, b->serial)) return fail("the neighbour said something else", 0, 0);
    for (uint32_t n = 0; n < COMPARED; n += 4) {
        uint32_t is, was;
        memcpy(&was, a->memory + n, 4);
        memcpy(&is, b->memory + n, 4);
        if (was == is) continue;
        snprintf(broken, sizeof broken, "the neighbour's memory at %X: %X, not %X", COMPARED + n, is, was);
        return false;
    }
    return true;
}

/* Turns are even: while it wanted the processor, the attacker had no more than as much, or the last of its own turns. */
static bool fair(const struct machine *m)
{
    enum { TURNS = 8, LONGEST = 4000000 /* cycles that a hypercall may take, say */ };
    struct machine_vm v, a;
    machine_vm(m, NEIGHBOUR, &v);
    machine_vm(m, ATTACKER, &a);
    return v.ready <= 2 * v.running + TURNS * LONGEST || fail("the neighbour waited too long (thousands of cycles)", (uint32_t)(v.ready / 1000), (uint32_t)(v.running / 1000));
}

/* ---- running ---- */

/* Some attackers are alone, some have a neighbour: with whom, and in which turns, the seed says. */
struct plan { bool neighbour; unsigned companion, witness; char path[512]; };

static void take_in(const struct way *w, uint64_t seed, struct plan *p, const char *path, struct machine_cfg *cfg)
{
    static const char *const turns[] = { "sched.slice=20", "sched.slice=50", "sched.slice=300" };
    struct err e;
    p->companion = (unsigned)(seed / 2 % (w->s->aware ? 2 : 3));
    p->witness = (unsigned)(seed / 6 % WITNESSES);
    snprintf(p->path, sizeof p->path, "%.500s.n", path);
    write_witness(p->witness, p->path);
    leave_alone(w, p->companion, p->witness, p->path);
    cfg->kinds = 2;
    cfg->kind[ATTACKER] = cfg->kind[NEIGHBOUR] = (struct vm_kind){ .count = 1, .ram_mib = RAM_MIB };
    strcpy(cfg->kind[ATTACKER].image, path);
    strcpy(cfg->kind[NEIGHBOUR].image, p->path);
    strcpy(cfg->kind[NEIGHBOUR].cpu, companions[p->companion]);
    if (!config_option(cfg, "set", turns[seed / 2 % 3], &e) || !config_option(cfg, "set", seed / 2 % 2 ? "sched=credit" : "sched=rr", &e) ||
        (p->companion == TE && !config_option(cfg, "set", "cpu.virtualizable=1", &e)))
        give_up("neighbour", e.text);
}

static bool has_second_level(const struct way *w) { return !strcmp(w->mmu, "two-level") || !strcmp(w->mmu, "agile"); }

static struct machine *begin(const struct way *w, uint64_t seed, const char *path, struct plan *p)
{
    const struct cpu_strategy *s = w->s;
    struct machine_cfg cfg = config_defaults;
    struct err e;
    *p = (struct plan){ .neighbour = seed % 2 };
    bool check = seed % 4 == 0 || seed % 8 == 3 || has_second_level(w); /* nobody else looks at a second level */
    snprintf(cfg.cpu, sizeof cfg.cpu, "%s", s->name);
    snprintf(cfg.mmu, sizeof cfg.mmu, "%s", w->mmu);
    if (w->set && !set_one(&cfg, w->set, &e)) give_up(s->name, e.text);
    if (p->neighbour) take_in(w, seed, p, path, &cfg);
    if (!write_guest(s, seed, path)) give_up(s->name, path);
    snprintf(cfg.image, sizeof cfg.image, "%s", path);
    cfg.ram_mib = RAM_MIB;
    if (check && !config_option(&cfg, "set", "vmm.check=1", &e)) give_up(s->name, e.text);
    struct machine *m = config_check(&cfg, &e) ? machine_new(&cfg, &e) : NULL;
    if (!m) give_up(s->name, e.text);
    for (unsigned n = 0; n < machine_vms(m); n++) {
        struct home *h = &home[n];
        h->technique = n ? cpu_strategy_find(companions[p->companion]) : s;
        h->second_level = h->technique == s && has_second_level(w);
        h->window = n * BLOCK;
        h->first = (h->window + WINDOW_SIZE) >> 12;
        h->last = h->first + RAM_MIB * 256 - 1;
        read_skin(m, h, h->skin, h->own);
    }
    machine_look_at(m, ATTACKER);
    return m;
}

static uint32_t done(const struct machine *m, const struct cpu_strategy *s)
{
    uint32_t n = 0;
    if (s->aware) (void)machine_peek_guest(m, gva(V_COUNT), &n, 4);
    else (void)machine_peek_gpa(m, gpa(VAR_SOFT), &n, 4);
    return n;
}

struct tally { uint64_t operations, guests, died, checks, neighbours; };

/* How the attacker ended, if it has. */
static bool died_well(const struct machine *m, struct tally *t)
{
    struct machine_vm v;
    machine_vm(m, ATTACKER, &v);
    if (v.end.fate != FATE_DIED) return true;
    t->died++;
    return (!strstr(v.end.why, "hypervisor's own") && !strstr(v.end.why, "no frame left")) || fail(v.end.why, 0, 0);
}

/* The neighbour goes on to its end. */
static bool neighbour_holds(struct machine *m, const struct plan *p, struct tally *t)
{
    struct machine_vm v = { 0 };
    while (machine_insns(m) < PATIENCE && trace_last(machine_trace_of(m)) < 4 * EVENTS && machine_run(m, NULL, SLICE) != MACHINE_ENDED) {
        machine_vm(m, NEIGHBOUR, &v);
        if (v.end.fate != FATE_RUNNING) break;
        if (!all_holds(m)) return false;
    }
    t->neighbours++;
    see(m, NEIGHBOUR, &beside);
    return fair(m) && unharmed(&alone[p->companion][p->witness], &beside);
}

/* A million operations take long, and most of it would be looking. */
static bool looks_often(uint64_t seed) { return !many || seed % 8 == 0; }

/* One guest until it ends, or has lived long. False: something that must hold does not. */
static bool one_guest(const struct way *w, uint64_t seed, const char *path, struct tally *t)
{
    const struct cpu_strategy *s = w->s;
    struct plan p;
    struct machine *m = begin(w, seed, path, &p);
    const struct till visit = { .kind = TILL_EVENT, .a = EV_RESUME }; /* after each, where counts can break at any */
    bool good = true;
    uint32_t most = 0;
    while (good && machine_insns(m) < LIFE && trace_last(machine_trace_of(m)) < EVENTS && machine_run(m, s->aware && looks_often(seed) ? &visit : NULL, SLICE) != MACHINE_ENDED) {
        good = all_holds(m);
        t->checks++;
        uint32_t n = done(m, s);
        if (n > most && n - most < SLICE) most = n; /* a guest may spoil its own count */
    }
    good = good && all_holds(m) && (!p.neighbour || neighbour_holds(m, &p, t)) && died_well(m, t);
    t->operations += most;
    t->guests++;
    if (!good)
        printf("not ok - %s, %s%s%s%s%s, seed %llu, moment %llu: %s\n", s->name, w->mmu, w->set ? " --set " : "", w->set ? w->set : "",
               p.neighbour ? " beside " : "", p.neighbour ? companions[p.companion] : "", (unsigned long long)seed, (unsigned long long)machine_insns(m), broken);
    machine_free(m);
    if (p.neighbour) remove(p.path);
    return good;
}

static bool one_technique(const struct way *w, uint64_t operations, uint64_t seed, const char *path)
{
    struct tally t = { 0 };
    user_translated = w->set && !strcmp(w->set, "bt.user");
    *broken = 0;
    memset(alone, 0, sizeof alone);
    for (uint64_t n = 0; t.operations < operations; n++)
        if (!one_guest(w, seed + n, path, &t)) return false;
    printf("ok - %s, %s%s%s: %llu hostile operations, %llu guests, %llu of them killed themselves, %llu looks, %llu neighbours unharmed\n",
           w->s->name, w->mmu, w->set ? " --set " : "", w->set ? w->set : "", (unsigned long long)t.operations, (unsigned long long)t.guests,
           (unsigned long long)t.died, (unsigned long long)t.checks, (unsigned long long)t.neighbours);
    fflush(stdout);
    return true;
}

int attack_run(uint64_t operations, uint64_t seed, const char *cpu, const char *mmu)
{
    char path[512];
    const char *dir = getenv("TMPDIR");
    unsigned failures = 0;
    many = operations > 100000;
    snprintf(path, sizeof path, "%s/attack-%ld.img", dir ? dir : "/tmp", (long)getpid());
    enum { MMUS = 4 };
    static const char *const mmus[MMUS] = { "shadow", "two-level", "agile", "direct" };
    for (unsigned k = 0; cpu_strategies[k / MMUS]; k++) {
        struct way w = { cpu_strategies[k / MMUS], mmus[k % MMUS], NULL };
        struct machine_cfg cfg = config_defaults;
        struct err e;
        snprintf(cfg.cpu, sizeof cfg.cpu, "%s", w.s->name);
        snprintf(cfg.mmu, sizeof cfg.mmu, "%s", w.mmu);
        if (!w.s->hypervisor || !config_check(&cfg, &e)) continue;
        if ((cpu && strcmp(cpu, w.s->name)) || (mmu && strcmp(mmu, w.mmu))) continue;
        failures += !one_technique(&w, operations, seed, path);
        w.set = w.s->faithful;
        if (w.set && *w.set) failures += !one_technique(&w, operations / 2, seed, path);
    }
    remove(path);
    return failures ? EXIT_FAILED : EXIT_GOOD;
}
