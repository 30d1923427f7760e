/* Machine memory that VMs have together: how much there is, and who cannot share it. See config.h, vmm/memory.h. */
#include <stdlib.h>
#include <string.h>
#include "sim/config.h"
#include "sim/vmm/strategy.h"

enum { MACHINE_MIB = 3072 /* addresses of RAM end where devices begin */, WINDOW_MIB = 4 };

static uint64_t ram_together(const struct machine_cfg *c)
{
    uint64_t mib = 0;
    for (unsigned i = 0; i < config_vms(c); i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        mib += one.ram_mib;
    }
    return mib;
}

static const struct cpu_strategy *technique_of(const struct machine_cfg *c, unsigned vm)
{
    struct machine_cfg one;
    struct config_share share;
    config_vm(c, vm, &one, &share);
    return cpu_strategy_find(one.cpu);
}

/* The first VM's says; mixtures are refused. */
static bool ported(const struct machine_cfg *c)
{
    const struct cpu_strategy *s = technique_of(c, 0);
    return s && s->aware;
}

static bool shares(const struct machine_cfg *c)
{
    const char *share = config_get(c, "memory.share");
    return share && !strcmp(share, "1");
}

/* What was asked for, at most what all believe in; 0: nothing was. */
static uint32_t asked_for(const struct machine_cfg *c)
{
    const char *total = config_get(c, "memory.total");
    uint64_t mib = total ? strtoul(total, NULL, 0) : 0, most;
    if (!mib && !shares(c)) return 0;
    most = ram_together(c);
    return (uint32_t)(mib && mib < most ? mib : most);
}

uint32_t config_memory(const struct machine_cfg *c)
{
    uint32_t mib = asked_for(c);
    return mib && ported(c) ? 0 : mib;
}

uint32_t config_pool(const struct machine_cfg *c)
{
    uint32_t mib = asked_for(c);
    return mib && ported(c) && mib < ram_together(c) ? mib : 0;
}

static bool check_ported(const struct machine_cfg *c, struct err *e)
{
    if (shares(c))
        return err_set(e, EXIT_USAGE, "--set memory.share with --cpu %s: a paravirtual guest's own tables name machine frames, which nobody can "
                       "exchange unseen; use --cpu te, bt or vtx, or memory.total alone", c->cpu);
    if (!strcmp(c->io, "split"))
        return err_set(e, EXIT_USAGE, "--set memory.total with --io split: a service domain has all its memory from the start; use --io hypervisor-direct");
    return true;
}

static bool check_techniques(const struct machine_cfg *c, struct err *e)
{
    for (unsigned i = 0; i < config_vms(c); i++) {
        const struct cpu_strategy *s = technique_of(c, i);
        if (!s || !s->hypervisor)
            return err_set(e, EXIT_USAGE, "--set memory.total and memory.share with --cpu native: there is no hypervisor that could give and take "
                           "memory; use --cpu te, bt or vtx");
        if (s->aware != ported(c))
            return err_set(e, EXIT_USAGE, "--set memory.total with ported guests and others: pages of those can be taken, these give theirs back "
                           "themselves, and the hypervisor does the one or the other");
    }
    return !ported(c) || check_ported(c, e);
}

bool config_check_memory(const struct machine_cfg *c, struct err *e)
{
    uint32_t mib = asked_for(c);
    uint64_t all = mib + (ported(c) ? 0 : ram_together(c)) + (uint64_t)config_vms(c) * WINDOW_MIB;
    if (mib && !check_techniques(c, e)) return false;
    if (mib && !strcmp(c->io, "passthrough"))
        return err_set(e, EXIT_USAGE, "--set memory.total and memory.share with --io passthrough: a device stores to memory without a fault that could "
                       "ask for a frame; use --io hypervisor-direct");
    if (mib && mib < config_vms(c))
        return err_set(e, EXIT_USAGE, "--set memory.total=%u: %u virtual machines need 1 MB each to begin with", mib, config_vms(c));
    if (mib && all > MACHINE_MIB)
        return err_set(e, EXIT_USAGE, "%llu MB of machine memory with windows and swap area: a machine has at most %d MB below its devices; use a "
                       "smaller --ram", (unsigned long long)all, MACHINE_MIB);
    return true;
}
