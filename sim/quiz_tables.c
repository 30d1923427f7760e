/* `ringside quiz tables`: how many page tables exist. See quiz.h.
 *
 * Idea: the guests' tables are counted in their memory, by following every directory; those of the hypervisor it counts itself, under
 * each design there is. */
#include <stdio.h>
#include <string.h>
#include "sim/machine.h"
#include "sim/quiz.h"

struct world { uint32_t vms, processes, regions; };

/* Distinct frames that a VM's directories are and name. */
static unsigned count_guest(const struct machine *m, uint32_t processes)
{
    enum { MOST = 256 };
    static uint32_t pd[1024], seen[MOST];
    uint32_t at;
    unsigned n = 0;
    if (!machine_find_symbol(m, "quiz_directory", &at)) return 0;
    for (uint32_t p = 0; p < processes; p++) {
        uint32_t frame = (at + p * 4096) >> 12; /* the guest maps its 4 MB one to one */
        if (!machine_peek_gpa(m, gpa(frame << 12), pd, sizeof pd)) return 0;
        if (n < MOST) seen[n++] = frame;
        for (unsigned i = 0; i < 1024; i++) {
            unsigned k = 0;
            if (!(pd[i] & 1)) continue;
            while (k < n && seen[k] != pd[i] >> 12) k++;
            if (k == n && n < MOST) seen[n++] = pd[i] >> 12;
        }
    }
    return n;
}

static bool count(const struct options *o, const struct world *w, const char *cpu, const char *mmu, const char *set, unsigned *guests, unsigned *own, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    char vms[16];
    snprintf(vms, sizeof vms, "%u", w->vms);
    if (!config_option(&cfg, "cpu", cpu, e) || !config_option(&cfg, "mmu", mmu, e) || !config_option(&cfg, "vms", vms, e)) return false;
    if (set && !config_option(&cfg, "set", set, e)) return false;
    struct machine *m = quiz_machine(&cfg, &(struct quiz_numbers){ w->processes, w->regions, 0 }, e);
    if (!m) return false;
    *guests = *own = 0;
    for (unsigned vm = 0; vm < machine_vms(m); vm++) {
        struct machine_summary s;
        machine_look_at(m, (int)vm);
        machine_summary(m, &s);
        *own += (unsigned)s.shadow.tables;
        *guests += count_guest(m, w->processes);
    }
    machine_free(m);
    return true;
}

static const struct design { const char *mmu, *set, *ask, *why; } designs[] = {
    { "shadow", NULL, "How many shadow tables does a hypervisor keep that caches them?",
      "a root for each directory, a table for each page table that was used; a guest's processes share the shadow of the kernel's, VMs share nothing" },
    { "shadow", "shadow.cache=0", "How many if it drops all shadows at each load of CR3, after the last process of each ran?",
      "one root, the kernel's 4 MB, and the regions of the process that ran last" },
    { "two-level", NULL, "How many second-level tables, of four levels, does it keep instead if the CPU walks two levels? (Each VM has 4 MB.)",
      "a table of each upper level and one for each 2 MB, whatever the guest's processes do (and with direct page tables none: the CPU walks those of (a))" },
    { "agile", NULL, "How many of both kinds with agile paging, if no guest table is stored to after its first use?",
      "the shadows of (b), for all of the guest's tables are quiet, and the second-level tables of (d), where a walk that switched would go on" },
};
enum { DESIGNS = sizeof designs / sizeof designs[0] };

/* What a student should find. */
static unsigned formula(const struct world *w, unsigned design)
{
    return design == 0 ? w->processes * (1 + w->regions) + 1 : design == 1 ? 2 + w->regions : design == 2 ? 3 + 2 : formula(w, 0) + formula(w, 2);
}

bool quiz_tables(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    struct world w = { 1 + quiz_pick(&seed, 3), 2 + quiz_pick(&seed, 5), 1 + quiz_pick(&seed, 3) };
    unsigned guests = 0, own[DESIGNS] = { 0 };
    char number[32];
    for (unsigned d = 0; d < DESIGNS; d++)
        if (!count(o, &w, "vtx", designs[d].mmu, designs[d].set, &guests, &own[d], e)) return false;
    text_add(&p->question, "%u virtual machine%s run%s the same guest. Each guest has %u processes. All of a guest's processes share the first 4 MB, which are the "
             "kernel's and mapped by one page table; each process has %u region%s of its own besides, no two of them within the same 4 MB. Page tables have two levels, "
             "as with CR4.PAE clear; directories count as tables. Every process has run and used every region.",
             w.vms, w.vms == 1 ? "" : "s", w.vms == 1 ? "s" : "", w.processes, w.regions, w.regions == 1 ? "" : "s");
    snprintf(number, sizeof number, "%u", guests);
    struct text *t = quiz_part(p, "How many page tables do the guests' kernels keep, in all?", number);
    text_add(t, "in each VM %u directories, %u x %u tables of regions and 1 of the kernel's: %u + %u + 1 = %u; %u VM%s: %u. Counted in their memory: %u.",
             w.processes, w.processes, w.regions, w.processes, w.processes * w.regions, w.processes * (1 + w.regions) + 1, w.vms, w.vms == 1 ? "" : "s",
             w.vms * (w.processes * (1 + w.regions) + 1), guests);
    for (unsigned d = 0; d < DESIGNS; d++) {
        unsigned each = formula(&w, d);
        snprintf(number, sizeof number, "%u", own[d]);
        t = quiz_part(p, designs[d].ask, number);
        text_add(t, "%s: %u in each VM, %u in all. Counted by the hypervisor: %u.", designs[d].why, each, each * w.vms, own[d]);
    }
    return true;
}
