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

uint32_t config_memory(const struct machine_cfg *c)
{
    const char *total = config_get(c, "memory.total"), *share = config_get(c, "memory.share");
    uint64_t mib = total ? strtoul(total, NULL, 0) : 0, most;
    if (!mib && !(share && !strcmp(share, "1"))) return 0;
    most = ram_together(c);
    return (uint32_t)(mib && mib < most ? mib : most);
}

bool config_check_memory(const struct machine_cfg *c, struct err *e)
{
    uint32_t mib = config_memory(c);
    uint64_t all = mib + ram_together(c) + (uint64_t)config_vms(c) * WINDOW_MIB;
    for (unsigned i = 0; mib && i < config_vms(c); i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        const struct cpu_strategy *s = cpu_strategy_find(one.cpu);
        if (!s || !s->hypervisor)
            return err_set(e, EXIT_USAGE, "--set memory.total and memory.share with --cpu native: there is no hypervisor that could give and take "
                           "memory; use --cpu te, bt or vtx");
        if (s->aware)
            return err_set(e, EXIT_USAGE, "--set memory.total and memory.share with --cpu %s: a paravirtual guest's own tables name machine frames, "
                           "which nobody can exchange unseen; such a guest gives frames back by the hypercall memory_op. Use --cpu te, bt or vtx", one.cpu);
    }
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
