/* --host hosted: what it can be combined with, and why not with the rest. See config.h, vmm/hosted.h. */
#include <string.h>
#include "sim/config.h"

bool config_hosted(const struct machine_cfg *c) { return !strcmp(c->host, "hosted"); }

bool config_check_hosted(const struct machine_cfg *c, struct err *e)
{
    if (!config_hosted(c)) return true;
    if (strcmp(c->cpu, "vtx"))
        return err_set(e, EXIT_USAGE, "--host hosted with --cpu %s: the host's kernel keeps its own descriptor tables and interrupts, and only a VM entry "
                       "exchanges them with a guest's by itself; other techniques are planned, not in version 0.1. Use --cpu vtx", c->cpu);
    if (config_vms(c) > 1 || c->kinds)
        return err_set(e, EXIT_USAGE, "--host hosted with %u virtual machines: the module has one processor state to run; several are planned, not in "
                       "version 0.1", config_vms(c));
    if (strcmp(c->io, "hypervisor-direct"))
        return err_set(e, EXIT_USAGE, "--io %s with --host hosted: the devices are the host's, and a guest reaches them through its process; leave --io "
                       "out", c->io);
    if (c->disks || c->nic[0])
        return err_set(e, EXIT_USAGE, "--%s with --host hosted: the process models a serial port and debug ports, no such device yet; give the guest its "
                       "files with --module", c->disks ? "disk" : "nic");
    if (c->bios[0] || !c->image[0])
        return err_set(e, EXIT_USAGE, "--host hosted with firmware: 16-bit code is interpreted in the module, where the process cannot be asked; name a "
                       "kernel image");
    if (config_memory(c)) return err_set(e, EXIT_USAGE, "--set memory.* with --host hosted: memory is the host's to give; planned, not in version 0.1");
    if (c->save[0] || c->restore[0] || c->migrate_at)
        return err_set(e, EXIT_USAGE, "--%s with --host hosted: half of the virtual machine is a process of the host's; planned, not in version 0.1",
                       c->save[0] ? "save" : c->restore[0] ? "restore" : "migrate-at");
    return true;
}
