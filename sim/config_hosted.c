/* --host hosted: what it can be combined with, and why not with the rest. See config.h, vmm/hosted.h. */
#include <string.h>
#include "sim/config.h"
#include "sim/vmm/hosted.h"
#include "sim/vmm/strategy.h"

enum { HOSTED_MIB = 760 };

bool config_hosted(const struct machine_cfg *c) { return !strcmp(c->host, "hosted"); }

static bool check_technique(const char *cpu, const char *mmu, struct err *e)
{
    const struct cpu_strategy *s = cpu_strategy_find(cpu);
    if (s && !s->hypervisor)
        return err_set(e, EXIT_USAGE, "--host hosted with --cpu %s: a host's module is a hypervisor, and there is none; use --cpu vtx", cpu);
    if (s && s->aware)
        return err_set(e, EXIT_USAGE, "--host hosted with --cpu %s: a ported kernel takes time, console and disks from the hypervisor, and this one has no "
                       "devices, they are the host's; use --cpu vtx, bt or te", cpu);
    if (s && !s->hardware && strcmp(mmu, "shadow"))
        return err_set(e, EXIT_USAGE, "--host hosted with --cpu %s and --mmu %s: the crossing loads CR3, and a second level below ring 0 has roots of its own; "
                       "use --mmu shadow", cpu, mmu);
    return true;
}

static bool virtio(const struct machine_cfg *c)
{
    const char *value = config_get(c, "io.virtio");
    return value && strcmp(value, "0") != 0;
}

bool config_check_hosted(const struct machine_cfg *c, struct err *e)
{
    if (!config_hosted(c)) return true;
    if (config_vms(c) > HOSTED_VMS)
        return err_set(e, EXIT_USAGE, "--host hosted with %u virtual machines: each has a process, and the host's kernel has room for %d; use fewer",
                       config_vms(c), HOSTED_VMS);
    for (unsigned i = 0; i < config_vms(c); i++) {
        struct machine_cfg one;
        struct config_share share;
        config_vm(c, i, &one, &share);
        if (!check_technique(one.cpu, one.mmu, e)) return false;
        if (one.ram_mib > HOSTED_MIB)
            return err_set(e, EXIT_USAGE, "--host hosted with --ram %uM: a process has the guest's memory in its address space, and there is room for %d MB "
                           "there; use less", one.ram_mib, HOSTED_MIB);
        if (share.background || share.weight || share.cap)
            return err_set(e, EXIT_USAGE, "--set vm.%u.* with --host hosted: who runs is the host's scheduler's affair, and it knows processes, no VMs; leave "
                           "weights, caps and background out", i);
    }
    if (config_get(c, CONFIG_SCHEDULER))
        return err_set(e, EXIT_USAGE, "--set sched with --host hosted: the host's kernel has a scheduler of its own, round robin over processes; leave it out");
    if (strcmp(c->io, "hypervisor-direct"))
        return err_set(e, EXIT_USAGE, "--io %s with --host hosted: the devices are the host's, and a guest reaches them through its process; leave --io "
                       "out", c->io);
    if (c->nic[0])
        return err_set(e, EXIT_USAGE, "--nic with --host hosted: the process models serial port, disks and debug ports, and the host has no driver of a network "
                       "card; leave it out");
    if (virtio(c))
        return err_set(e, EXIT_USAGE, "--set io.virtio with --host hosted: the process models IDE drives; leave the setting out");
    if (c->bios[0] || (!c->kinds && !c->image[0]))
        return err_set(e, EXIT_USAGE, "--host hosted with firmware: 16-bit code is interpreted in the module, where the process cannot be asked; name a "
                       "kernel image");
    if (config_memory(c)) return err_set(e, EXIT_USAGE, "--set memory.* with --host hosted: memory is the host's to give; planned, not in version 0.1");
    if (c->save[0] || c->restore[0] || c->migrate_at)
        return err_set(e, EXIT_USAGE, "--%s with --host hosted: half of the virtual machine is a process of the host's; planned, not in version 0.1",
                       c->save[0] ? "save" : c->restore[0] ? "restore" : "migrate-at");
    return true;
}
