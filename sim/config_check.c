/* Which configurations there can be, and the model that --set makes of the one that was chosen: see config.h.
 *
 * Idea: what is impossible is refused with the reason; what the model lacks and the technique wants is added as a what-if, and said in the label. */
#include "sim/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/cost.h"
#include "sim/core/text.h"
#include "sim/cpu/insn.h"
#include "sim/vmm/io_strategy.h"
#include "sim/vmm/save.h"
#include "sim/vmm/schedule.h"
#include "sim/vmm/setting.h"
#include "sim/vmm/strategy.h"
#include "sim/snapshot.h"

/* vm.N.WHAT */
static bool check_vm_set(const char *key, const char *value, struct err *e)
{
    static const struct { const char *what; unsigned long least, most; const char *about; } rows[] = {
        { "weight", 1, SHARE_WEIGHT_MOST, "the share of the processor beside the others'" },
        { "cap", 0, 100, "percent of the processor it may have at most; 0: no limit" },
        { "shares", 1, SHARE_WEIGHT_MOST, "its share of machine memory beside the others'" },
        { "background", 0, 1, "1: the machine does not wait for its end" },
        { "later", 0, 1, "1: no domain until the service domain makes one (--io split, split.control=1)" },
        { "save", 0, 1, "1: of several it is the one that --save takes" },
        { "migrate", 0, 1, "1: of several it is the one that --migrate-at means" } };
    char *end, *rest;
    unsigned long vm = strtoul(key + 3, &end, 10), n = strtoul(value, &rest, 10);
    if (end == key + 3 || *end != '.' || vm >= CONFIG_VMS)
        return err_set(e, EXIT_USAGE, "--set %s: write vm.N.weight, with N from 0 to %d", key, CONFIG_VMS - 1);
    if (!strcmp(end + 1, "cpu"))
        return cpu_strategy_find(value) || err_set(e, EXIT_USAGE, "--set %s=%s: no such technique", key, value);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strcmp(end + 1, rows[i].what))
            return (rest != value && !*rest && n >= rows[i].least && n <= rows[i].most) ||
                   err_set(e, EXIT_USAGE, "--set %s=%s: %s; a number from %lu to %lu", key, value, rows[i].about, rows[i].least, rows[i].most);
    return err_set(e, EXIT_USAGE, "--set %s: a VM has weight, cap, shares, background, later, save, migrate and cpu", key);
}

static bool check_scheduler(const char *name, struct err *e)
{
    struct text all = { 0 };
    for (const struct scheduler *const *s = schedulers; *s; s++) text_add(&all, "%s%s", s == schedulers ? "" : ", ", (*s)->name);
    bool ok = scheduler_find(name) || err_set(e, EXIT_USAGE, "--set sched=%s: no such scheduler; known: %s", name, text_str(&all));
    text_free(&all);
    return ok;
}

static bool is_switch(const char *value) { return !strcmp(value, "0") || !strcmp(value, "1"); }

/* --set cpu.untrap=HLT: only what asks for a privilege can do without. */
static bool untrap(struct model *m, const char *name, struct err *e)
{
    const char *words[MN_COUNT];
    unsigned n = 0;
    for (unsigned id = 1; id < MN_COUNT; id++) {
        if (insn_desc(id)->privilege == PRIV_NONE && insn_desc(id)->sensitivity != SENS_TRAPS) continue;
        words[n++] = insn_row_name(id);
        if (strcasecmp(name, insn_row_name(id))) continue;
        m->untrapped = (uint16_t)id;
        return true;
    }
    const char *near = config_suggest(name, words, n);
    if (near) return err_set(e, EXIT_USAGE, "--set cpu.untrap=%s: no such privileged instruction; did you mean %s?", name, near);
    return err_set(e, EXIT_USAGE, "--set cpu.untrap=%s: not an instruction that is privileged or bound to IOPL, such as HLT", name);
}

enum { NEHALEM = 3 /* the generation of VMX that has a second level of page tables */ };

/* Keys of --set that are not rows of setting.def. */
static const char *const others[] = { "cpu.umip", "cpu.virtualizable", "cpu.monitor", "cpu.fences", "cpu.vmx", "cpu.ept", "cpu.vpid", "cpu.agile", "cpu.untrap", "mmu.levels", "mmu.second",
                                      "mmu.walk_cache", "mmu.nested_tlb", "sched", CONFIG_HISTORY, "disk.write" };

unsigned config_keys(const char **words, unsigned room)
{
    struct setting_row row;
    unsigned n = 0;
    for (unsigned i = 0; n < room && i < sizeof others / sizeof *others; i++) words[n++] = others[i];
    for (unsigned i = 0; n < room && setting_row(i, &row); i++) words[n++] = row.key;
    return n;
}

enum { KEYS = 512 };

static bool no_setting(const char *key, struct err *e)
{
    const char *words[KEYS], *near = config_suggest(key, words, config_keys(words, KEYS));
    if (near && setting_known(near)) return err_set(e, EXIT_USAGE, "--set %s: no such setting; did you mean %s? `ringside explain %s` says what it is", key, near, near);
    if (near) return err_set(e, EXIT_USAGE, "--set %s: no such setting; did you mean %s?", key, near);
    return err_set(e, EXIT_USAGE, "--set %s: no such setting; there are cost.ROW=CYCLES (`ringside list model p4` has the rows), cpu.umip, cpu.virtualizable, cpu.vmx, cpu.ept, cpu.vpid, "
                   "cpu.agile, cpu.untrap, mmu.levels, mmu.second, mmu.walk_cache, mmu.nested_tlb, bt.*, vtx.*, shadow.*, ept.*, agile.*, memory.*, sched.*, io.*, net.* (`ringside explain` "
                   "lists them), sched, vm.N.weight|cap|shares|background|save|migrate|cpu, " CONFIG_HISTORY " and disk.write", key);
}

/* Every --set must mean something: a typing error in an experiment is worse than none. */
static bool apply_set(struct model *m, const char *key, const char *value, struct err *e)
{
    char *end;
    if (!strcmp(key, CONFIG_DISK_WRITE))
        return is_switch(value) ||
               err_set(e, EXIT_USAGE, "--set %s=%s: 1 keeps what the guest writes, 0 does not", key, value);
    if (!strcmp(key, CONFIG_HISTORY)) {
        unsigned long mb = strtoul(value, &end, 10);
        return (*value >= '0' && *value <= '9' && !*end && mb >= HISTORY_LEAST && mb <= HISTORY_MOST) ||
               err_set(e, EXIT_USAGE, "--set %s=%s: MB of memory for going back, %d to %d", key, value, HISTORY_LEAST, HISTORY_MOST);
    }
    if (!strcmp(key, CONFIG_SCHEDULER)) return check_scheduler(value, e);
    if (!strncmp(key, "vm.", 3)) return check_vm_set(key, value, e);
    if (setting_known(key)) {
        uint32_t row[SETTINGS];
        return setting_set(row, key, value, e);
    }
    if (!strcmp(key, "cpu.vmx")) {
        m->cost[COST_CPU_VMX] = (uint32_t)(value[0] - '0');
        return (value[0] >= '0' && value[0] <= '3' && !value[1]) ||
               err_set(e, EXIT_USAGE, "--set %s=%s: the generation of VMX, 1 to 3, or 0 for none", key, value);
    }
    if (!strcmp(key, "cpu.untrap")) return untrap(m, value, e);
    if (!strcmp(key, "cpu.ept") || !strcmp(key, "cpu.vpid")) {
        if (!is_switch(value)) return err_set(e, EXIT_USAGE, "--set %s=%s: 1 gives the CPU this feature, 0 does not", key, value);
        m->cost[!strcmp(key, "cpu.ept") ? COST_CPU_EPT : COST_CPU_VPID] = (uint32_t)(value[0] - '0');
        if (value[0] == '1' && m->cost[COST_CPU_VMX] < NEHALEM) m->cost[COST_CPU_VMX] = NEHALEM; /* its controls are that one's */
        return true;
    }
    if (!strcmp(key, "mmu.walk_cache")) {
        static const char *const kinds[] = { "0", "1D", "2D" };
        for (uint8_t k = 0; k < 3; k++)
            if (!strcasecmp(value, kinds[k])) return m->walk_cache = k, true;
        return err_set(e, EXIT_USAGE, "--set %s=%s: 0 none, 1D for entries of the guest's tables, 2D for those of the second level, too", key, value);
    }
    if (!strcmp(key, "mmu.nested_tlb")) {
        unsigned long n = strtoul(value, &end, 0);
        if (*end || end == value || n > 64) return err_set(e, EXIT_USAGE, "--set %s=%s: entries, 0 to 64", key, value);
        m->nested_tlb = (uint8_t)n;
        return true;
    }
    if (!strcmp(key, "mmu.levels") || !strcmp(key, "mmu.second")) {
        uint8_t n = (uint8_t)(value[0] - '0');
        if (n < 2 || n > 5 || value[1]) return err_set(e, EXIT_USAGE, "--set %s=%s: 2 to 5 levels of page tables", key, value);
        *(!strcmp(key, "mmu.levels") ? &m->levels : &m->second) = n;
        return true;
    }
    if (!strncmp(key, "cpu.", 4)) {
        if (!model_extra(m, key + 4, !strcmp(value, "1"), e)) return false;
        return is_switch(value) || err_set(e, EXIT_USAGE, "--set %s=%s: 1 gives the CPU this feature, 0 does not", key, value);
    }
    if (strncmp(key, "cost.", 5)) return no_setting(key, e);
    unsigned long v = strtoul(value, &end, 0);
    if (*end || end == value || v > 1000000000)
        return err_set(e, EXIT_USAGE, "--set %s=%s: not a number of cycles", key, value);
    return model_set(m, key + 5, (uint32_t)v, e);
}

/* A technique that the model lacks hardware for is switched on as a what-if, unless a setting says otherwise. */
static bool add_for(const struct machine_cfg *c, struct model *m, struct err *e)
{
    bool agile = !strcmp(c->mmu, "agile");
    if ((!agile && strcmp(c->mmu, "two-level")) || strcmp(c->cpu, "vtx") || !m->cost[COST_CPU_VMX]) return true;
    if (!m->cost[COST_CPU_EPT] && config_get(c, "cpu.ept"))
        return err_set(e, EXIT_USAGE, "--mmu %s with --set cpu.ept=0: the CPU would have no second level of page tables to walk; use --mmu "
                       "shadow", c->mmu);
    if (config_get(c, "cpu.vmx") && m->cost[COST_CPU_VMX] < NEHALEM)
        return err_set(e, EXIT_USAGE, "--mmu %s with --set cpu.vmx=%s: there is no second level of page tables in that VMX; use --set cpu.vmx=3",
                       c->mmu, config_get(c, "cpu.vmx"));
    if (agile && config_get(c, "cpu.agile") && !(m->extras & EXTRA_AGILE))
        return err_set(e, EXIT_USAGE, "--mmu agile with --set cpu.agile=0: the CPU could not go on from a shadow table to one of the guest's; use --mmu "
                       "shadow or two-level");
    if (agile) m->extras |= EXTRA_AGILE;
    m->cost[COST_CPU_VMX] = NEHALEM;
    m->cost[COST_CPU_EPT] = 1;
    return true;
}

static bool add_hardware(const struct machine_cfg *c, struct model *m, struct err *e)
{
    for (unsigned i = 0; i < config_vms(c); i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        if (!add_for(&one, m, e)) return false;
    }
    return true;
}

bool config_model(const struct machine_cfg *c, struct model *m, struct err *e)
{
    struct model own;
    if (!m) m = &own;
    if (!model_find(c->model, m, e)) return false;
    for (unsigned i = 0; i < c->sets; i++)
        if (!apply_set(m, c->set[i].key, c->set[i].value, e)) return false;
    return add_hardware(c, m, e) && model_check(m, e);
}

/* VMX of an earlier generation has no such features, whatever the row says. */
static bool has(const struct model *m, enum cost row) { return m->cost[COST_CPU_VMX] >= NEHALEM && m->cost[row]; }

/* Is there a VM below ring 0 that is to have a second level of page tables? No processor ever walked one for it. */
static bool counterfactual(const struct machine_cfg *c)
{
    for (unsigned i = 0; i < config_vms(c); i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        const struct cpu_strategy *s = cpu_strategy_find(one.cpu);
        if (s && !s->hardware && !strcmp(one.mmu, "two-level")) return true;
    }
    return false;
}

/* What the machine has that its model has not. */
static bool label(struct machine_cfg *c, struct err *e)
{
    struct model now, real;
    struct text t = { 0 };
    if (!config_model(c, &now, e) || !model_find(c->model, &real, e)) return false;
    const struct { const char *word; bool is; } list[] = {
        { "EPT", has(&now, COST_CPU_EPT) > has(&real, COST_CPU_EPT) }, { "VPID", has(&now, COST_CPU_VPID) > has(&real, COST_CPU_VPID) },
        { "VMX of another generation", now.vmx != real.vmx && has(&now, COST_CPU_EPT) == has(&real, COST_CPU_EPT) },
        { "no EPT", has(&now, COST_CPU_EPT) < has(&real, COST_CPU_EPT) }, { "no VPID", has(&now, COST_CPU_VPID) < has(&real, COST_CPU_VPID) },
        { "UMIP", now.extras & EXTRA_UMIP }, { "all sensitive instructions trap", now.extras & EXTRA_VIRTUALIZABLE },
        { "an instruction that does not trap", now.untrapped }, { "counterfactual: two-level paging without VMX", counterfactual(c) },
        { "counterfactual: agile paging", now.extras & EXTRA_AGILE },
    };
    for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].is) text_add(&t, "%s%s", t.len ? ", " : "", list[i].word);
    if (now.levels > 2) text_add(&t, "%s%u levels of page tables", t.len ? ", " : "", now.levels);
    if (now.second) text_add(&t, "%s%u levels of the second", t.len ? ", " : "", now.second);
    snprintf(c->what_if, sizeof c->what_if, "%s", text_str(&t));
    snprintf(c->label, sizeof c->label, t.len ? "%s (what if: %s)" : "%s", c->model, text_str(&t));
    text_free(&t);
    return true;
}

static bool check_one(struct machine_cfg *c, struct err *e)
{
    const struct cpu_strategy *s = cpu_strategy_find(c->cpu);
    if (!s) return err_set(e, EXIT_USAGE, "--cpu %s: no such technique", c->cpu);
    if (!c->mmu[0]) strcpy(c->mmu, s->mmu);
    if (!s->hypervisor && strcmp(c->mmu, "native"))
        return err_set(e, EXIT_USAGE, "--cpu native with --mmu %s: such tables are a hypervisor's, and native has "
                       "none; the guest's own tables are walked. Use --cpu te, or leave --mmu out", c->mmu);
    if (s->hypervisor && !strcmp(c->mmu, "native"))
        return err_set(e, EXIT_USAGE, "--cpu %s with --mmu native: the CPU would walk the guest's tables, whose frames are "
                       "guest-physical, and reach other machine memory; use --mmu shadow", c->cpu);
    if (s->hypervisor && !s->aware && !strcmp(c->mmu, "direct"))
        return err_set(e, EXIT_USAGE, "--cpu %s with --mmu direct: the CPU would walk the guest's tables as they are, and this "
                       "guest, not knowing of any hypervisor, fills them with guest-physical frames; use --mmu shadow", c->cpu);
    if (s->aware && strcmp(c->mmu, "direct"))
        return err_set(e, EXIT_USAGE, "--cpu %s with --mmu %s: a paravirtual kernel writes machine frames into its tables, there is "
                       "nothing to translate; use --mmu direct", c->cpu, c->mmu);
    if (s->hypervisor && !s->hardware && !strcmp(c->mmu, "agile"))
        return err_set(e, EXIT_USAGE, "--cpu %s with --mmu agile: a control of the VMCS says that walks begin in shadow tables and go on in the guest's "
                       "own, and a guest below ring 0 has no VMCS; use --cpu vtx, or --mmu shadow", c->cpu);
    return true;
}

static bool check_io(const struct machine_cfg *c, struct err *e)
{
    uint32_t setting[SETTINGS];
    setting_defaults(setting);
    for (unsigned i = 0; i < c->sets; i++)
        if (setting_known(c->set[i].key) && !setting_set(setting, c->set[i].key, c->set[i].value, e)) return false;
    if (setting[SETTING_IO_EXITLESS] && cpu_strategy_find(c->cpu)->hypervisor && (strcmp(c->io, "passthrough") || strcmp(c->cpu, "vtx") || setting[SETTING_VM_APIC]))
        return err_set(e, EXIT_USAGE, "--set io.exitless=1: a guest can take real interrupts by itself if they are its own devices', hardware lets it (VMX), "
                       "and its interrupt controller is an 8259 pair; use --io passthrough --cpu vtx, without vmm.apic");
    for (unsigned i = 0, n = config_vms(c); i < n; i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        const struct cpu_strategy *s = cpu_strategy_find(one.cpu);
        if (share.later && (!i || !s || !s->aware || strcmp(c->io, "split") || !setting[SETTING_SPLIT_CONTROL]))
            return err_set(e, EXIT_USAGE, "--set vm.%u.later=1: a domain that is not there at first is made by another, the first, which may do that with "
                           "--io split --set split.control=1", i);
        if (s && !io_strategy_check(c->io, &(struct io_machine){ s, n, c->disks, c->nic[0] != 0, setting[SETTING_IO_VIRTIO] || (c->nic[0] && setting[SETTING_NET_VIRTIO]) }, e)) return false;
    }
    return true;
}

/* Machine addresses of RAM end where devices begin. */
enum { MACHINE_MIB = 3072, WINDOW_MIB = 4 };

static bool check_vms(const struct machine_cfg *c, struct err *e)
{
    unsigned n = config_vms(c), awaited = 0;
    uint64_t mib = 0;
    const char *keep = config_get(c, CONFIG_DISK_WRITE);
    if (n == 1 && !c->kinds && cpu_strategy_find(c->cpu)->hypervisor) return true;
    if (n > CONFIG_VMS) return err_set(e, EXIT_USAGE, "%u virtual machines: at most %d", n, CONFIG_VMS);
    for (unsigned i = 0; i < n; i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        const struct cpu_strategy *technique = cpu_strategy_find(one.cpu); /* NULL: check_one says so */
        if (n > 1 && technique && !technique->hypervisor)
            return err_set(e, EXIT_USAGE, "%u virtual machines with --cpu native: they need a hypervisor, and native has none, so its guest owns "
                           "the machine; use --cpu te, bt, pv or vtx", n);
        if (!check_one(&one, e)) return false;
        awaited += !share.background && (i || strcmp(c->io, "split")); /* a service domain is always in the background */
        mib += n == 1 ? one.ram_mib : (one.ram_mib + 2 * WINDOW_MIB - 1) / WINDOW_MIB * WINDOW_MIB;
    }
    if (n > 1 && !awaited)
        return err_set(e, EXIT_USAGE, "all %u virtual machines are in the background: a run ends with those that are not; leave background out of one", n);
    if (n > 1 && mib > MACHINE_MIB)
        return err_set(e, EXIT_USAGE, "%u virtual machines need %llu MB of machine memory, %d MB of that for each one's window, and a machine has at "
                       "most %d MB below its devices; use a smaller --ram", n, (unsigned long long)mib, WINDOW_MIB, MACHINE_MIB);
    if (n > 1 && keep && !strcmp(keep, "1"))
        return err_set(e, EXIT_USAGE, "--set %s=1 with %u virtual machines: each has the disk to itself and its own changes, and only one of them "
                       "could be kept", CONFIG_DISK_WRITE, n);
    return true;
}

/* What was asked for, and would not happen. (A scenario's weights stay where somebody compares schedulers.) */
static bool check_shares(const struct machine_cfg *c, struct err *e)
{
    static const char *const words[] = { "weight", "cap" };
    const char *scheduler = config_get(c, CONFIG_SCHEDULER);
    unsigned n = config_vms(c);
    if (n > 1 && scheduler && !strcmp(scheduler, "credit")) return true;
    for (unsigned i = 0; i < 2 * n; i++) {
        char key[32];
        snprintf(key, sizeof key, "vm.%u.%s", i / 2, words[i % 2]);
        if (!config_get(c, key)) continue;
        if (n == 1) return err_set(e, EXIT_USAGE, "--set %s: one virtual machine shares the processor with nobody; use --vms 2, or leave it out", key);
        return err_set(e, EXIT_USAGE, "--set %s with round robin: everybody who is ready gets the same turns; add --set %s=credit, or leave it out", key, CONFIG_SCHEDULER);
    }
    return true;
}

bool config_check(struct machine_cfg *c, struct err *e)
{
    return config_check_memory(c, e) && check_one(c, e) && check_vms(c, e) && config_check_hosted(c, e) && config_check_join(c, e) &&
           check_io(c, e) && config_check_save(c, e) && label(c, e) && check_shares(c, e) && config_check_idle(c, e);
}
