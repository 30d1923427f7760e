/* --save, --restore, --migrate-at: what they can be combined with, and why not with the rest; settings of ways that nobody goes. See
 * config.h, vmm/save.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/config.h"
#include "sim/mmu/strategy.h"
#include "sim/vmm/save.h"
#include "sim/vmm/strategy.h"

/* A ported kernel stays one, alone with its frames. `what`: the option. */
static bool check_ported(const struct machine_cfg *c, const struct cpu_strategy *cpu, const char *what, struct err *e)
{
    const char *control = config_get(c, "split.control");
    bool moves = !strcmp(what, "--migrate-at");
    if (!cpu->aware) return true;
    if (!strcmp(c->io, "split") && moves && config_leaver(c) == 0)
        return err_set(e, EXIT_USAGE, "%s with --set vm.0.migrate=1: the service domain has this machine's devices, and its guests wait for it; name another", what);
    if (!strcmp(c->io, "split") && moves && config_vms(c) > 2 && (!control || strcmp(control, "1")))
        return err_set(e, EXIT_USAGE, "%s with --io split and %u virtual machines: over there are those that stay here not to be, as with --set split.control=1; "
                       "add that", what, config_vms(c));
    if (!strcmp(c->io, "split") && !moves)
        return err_set(e, EXIT_USAGE, "%s with --io split: the other ends of the domain's devices are in this machine's service domain; planned, not in version 0.1. "
                       "Leave --io out", what);
    if (config_pool(c))
        return err_set(e, EXIT_USAGE, "%s with --cpu pv and --set memory.total: a domain with a balloon; planned, not in version 0.1. Leave the setting out", what);
    return true;
}

/* Can the way of paging note every store? */
static bool check_log(const struct machine_cfg *c, struct err *e)
{
    if (cpu_strategy_find(c->cpu)->aware) return true; /* direct_log.c */
    for (const struct mmu_strategy *const *s = mmu_strategies; *s; s++)
        if (!strcmp((*s)->name, c->mmu) && !(*s)->protect)
            return err_set(e, EXIT_USAGE, "--migrate-at with --mmu %s: the guest stores to tables of its own unseen, and pages must not be missed; planned, not in "
                           "version 0.1. Use --mmu shadow or two-level", c->mmu);
    return true;
}

static bool is_said(const struct machine_cfg *c, unsigned vm, const char *what)
{
    char key[32];
    snprintf(key, sizeof key, "vm.%u.%s", vm, what);
    const char *value = config_get(c, key);
    return value && !strcmp(value, "1");
}

static int the_one(const struct machine_cfg *c, const char *what)
{
    unsigned n = config_vms(c);
    int found = n == 1 ? 0 : -1;
    for (unsigned i = 0; n > 1 && i < n; i++) {
        if (!is_said(c, i, what)) continue;
        if (found >= 0) return -1;
        found = (int)i;
    }
    return found;
}

int config_saved_vm(const struct machine_cfg *c) { return the_one(c, "save"); }
int config_leaver(const struct machine_cfg *c) { return the_one(c, "migrate"); }

void config_alone(const struct machine_cfg *c, unsigned vm, struct machine_cfg *one)
{
    struct config_share share;
    unsigned n = 0;
    if (config_vms(c) == 1 && !c->kinds) {
        *one = *c;
        return;
    }
    config_vm(c, vm, one, &share);
    for (unsigned i = 0; i < c->sets; i++)
        if (strncmp(c->set[i].key, "vm.", 3) != 0) one->set[n++] = c->set[i];
    one->sets = n;
}

void config_beside(const struct machine_cfg *c, unsigned vm, struct machine_cfg *to)
{
    *to = *c;
    to->arriving = vm;
    if (to->kinds && to->kind[0].count == 1) {
        strcpy(to->kind[0].append, "serve"); /* no program, no death */
        to->kind[0].module[0] = 0;
    }
    for (unsigned i = 1; i < config_vms(c) && to->sets < CONFIG_SETS; i++) {
        if (i == vm) continue;
        snprintf(to->set[to->sets].key, sizeof to->set[0].key, "vm.%u.later", i);
        strcpy(to->set[to->sets++].value, "1");
    }
}

/* One of them goes, the others stay. */
static bool check_saved_vm(const struct machine_cfg *c, struct err *e)
{
    struct machine_cfg one;
    struct config_share share;
    int vm = config_saved_vm(c);
    if (vm < 0)
        return err_set(e, EXIT_USAGE, "--save with %u virtual machines: which one? Add --set vm.N.save=1 for one of them", config_vms(c));
    if (c->nic[0] && vm)
        return err_set(e, EXIT_USAGE, "--save of vm%d with --nic: its card's address is that of the second and later ones, and it would go on as the first; "
                       "save vm0, or leave the card out", vm);
    config_vm(c, (unsigned)vm, &one, &share);
    return save_possible("--save", cpu_strategy_find(one.cpu), c->io, 1, e) && check_ported(c, cpu_strategy_find(one.cpu), "--save", e);
}

static bool check_leaver(const struct machine_cfg *c, struct err *e)
{
    struct machine_cfg one;
    int vm = config_leaver(c);
    if (vm < 0)
        return err_set(e, EXIT_USAGE, "--migrate-at with %u virtual machines: which one? Add --set vm.N.migrate=1 for one of them", config_vms(c));
    if (c->nic[0] && config_vms(c) > 1)
        return err_set(e, EXIT_USAGE, "--migrate-at of one of several with --nic: the switch between them is in this machine, and nobody would be at the other "
                       "end of its cable; leave the card out");
    config_alone(c, (unsigned)vm, &one);
    const struct cpu_strategy *cpu = cpu_strategy_find(one.cpu), *to = c->migrate_to[0] ? cpu_strategy_find(c->migrate_to) : cpu;
    if (!check_ported(c, cpu, "--migrate-at", e)) return false;
    if (to && to->aware != cpu->aware && to->hypervisor && cpu->hypervisor)
        return err_set(e, EXIT_USAGE, "--migrate-to %s from --cpu %s: a ported kernel runs under no other technique than pv, and no other kernel under that; leave "
                       "--migrate-to out", to->name, cpu->name);
    return save_possible("--migrate-at", cpu_strategy_find(one.cpu), c->io, 1, e) && check_log(&one, e) &&
           (!c->migrate_to[0] || save_possible("--migrate-to", cpu_strategy_find(c->migrate_to), c->io, 1, e));
}

bool config_check_save(const struct machine_cfg *c, struct err *e)
{
    const struct cpu_strategy *cpu = cpu_strategy_find(c->cpu);
    unsigned n = config_vms(c);
    if (c->save[0] && !c->save_at)
        return err_set(e, EXIT_USAGE, "--save %.200s: when? Add --save-at CYCLE, as in --save-at 100e6", c->save);
    if (c->save_at && !c->save[0]) return err_set(e, EXIT_USAGE, "--save-at: which file? Add --save FILE");
    if (c->migrate_to[0] && !c->migrate_at) return err_set(e, EXIT_USAGE, "--migrate-to %s: when? Add --migrate-at CYCLE, as in --migrate-at 20e6", c->migrate_to);
    if (c->migrate_at && c->save[0]) return err_set(e, EXIT_USAGE, "--migrate-at with --save: the virtual machine cannot go both ways; leave one of them out");
    if (c->migrate_at && !check_leaver(c, e)) return false;
    if (c->save[0] && !check_saved_vm(c, e)) return false;
    return !c->restore[0] || (save_possible("--restore", cpu, c->io, n, e) && check_ported(c, cpu, "--restore", e));
}

static bool switched_on(const struct machine_cfg *c, const char *key)
{
    const char *value = config_get(c, key);
    return value && strtoul(value, NULL, 0);
}

/* What was asked for, and would not happen. A machine that a VM goes to has its settings from where that comes from. */
bool config_check_idle(const struct machine_cfg *c, struct err *e)
{
    static const char *const of_split[] = { "split.control", "split.console", "migrate.peer" };
    bool split = !strcmp(c->io, "split"), peer = switched_on(c, "migrate.peer");
    if (c->arrives) return true;
    for (unsigned i = 0; !split && i < sizeof of_split / sizeof *of_split; i++)
        if (switched_on(c, of_split[i]))
            return err_set(e, EXIT_USAGE, "--set %s with --io %s: it is the service domain's, and there is none; add --io split, or leave it out", of_split[i], c->io);
    if (peer && !switched_on(c, "split.control"))
        return err_set(e, EXIT_USAGE, "--set migrate.peer=1: it is the service domain that sends domains there, and only by --set split.control=1; add that");
    for (unsigned i = 0; !c->migrate_at && !peer && i < c->sets; i++)
        if (!strncmp(c->set[i].key, "migrate.", 8) && strcmp(c->set[i].key, "migrate.peer") != 0)
            return err_set(e, EXIT_USAGE, "--set %s: no virtual machine goes anywhere; add --migrate-at CYCLE, as in --migrate-at 20e6, or leave it out",
                           c->set[i].key);
    return true;
}

void config_drop_sets(struct machine_cfg *c, const char *beginning)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->sets; i++)
        if (strncmp(c->set[i].key, beginning, strlen(beginning)) != 0) c->set[n++] = c->set[i];
    c->sets = n;
}

void config_stays(struct machine_cfg *c)
{
    c->save[0] = c->restore[0] = c->migrate_to[0] = 0;
    c->save_at = c->migrate_at = 0;
    if (!switched_on(c, "migrate.peer")) config_drop_sets(c, "migrate.");
}
