/* How the guest reached its devices, in figures. Nothing here has effects. See machine.h. */
#include <string.h>
#include "sim/board.h"
#include "sim/vmm/io_strategy.h"

/* The guest's drives are its process's, the real ones the host's. */
static bool hosted_io(const struct machine *m, const struct vm *vm, struct machine_io *out)
{
    const struct ide *real = &m->b->devices.ide;
    out->commands = vm->hosted.disk_commands;
    out->accesses = vm->hosted.disk_accesses;
    out->interrupts = vm->hosted.disk_interrupts;
    for (unsigned c = 0; c < IDE_CHANNELS; c++) {
        out->real_interrupts += real->channel[c].interrupts;
        for (unsigned d = 0; d < 2; d++) out->requests += real->channel[c].drive[d].commands;
    }
    return true;
}

bool machine_io(const struct machine *m, struct machine_io *out)
{
    *out = (struct machine_io){ .way = m->cfg.io, .real_accesses = m->b->devices.ide.accesses };
    if (!m->technique->hypervisor || (!m->cfg.disks && strcmp(m->cfg.io, "passthrough") != 0)) return false;
    const struct vm *vm = machine_seen(m);
    if (vm->vmm->hosted.on) return hosted_io(m, vm, out);
    const struct ide *ide = vm->pass || m->b->vmm.service ? &m->b->devices.ide : &vm->devices.ide; /* the real one, or its own */
    for (unsigned c = 0; c < IDE_CHANNELS; c++) {
        out->interrupts += ide->channel[c].interrupts;
        for (unsigned d = 0; d < 2; d++) out->commands += ide->channel[c].drive[d].commands;
    }
    const struct passthrough *p = vm->pass;
    uint64_t virtio = 0;
    for (unsigned n = 0; n < VIRTIO_DISKS; n++) {
        const struct virtio_blk *b = &vm->devices.virtio_blk[n];
        out->interrupts += b->virtio.interrupts;
        out->commands += b->commands;
        virtio += b->virtio.accesses;
    }
    const struct resident *r = &vm->vmm->resident;
    out->accesses = p ? p->forwarded : ide->accesses + virtio;
    out->requests = r->requests;
    out->real_interrupts = r->interrupts;
    out->sectors = r->sectors;
    out->copies = r->copies;
    out->waited = r->waited;
    if (!p) return true;
    out->passed = true;
    out->iommu = vm->vmm->board.setting[SETTING_IO_IOMMU];
    out->handed_on = p->interrupts;
    out->exitless = p->exitless.on && out->interrupts > p->interrupts ? out->interrupts - p->interrupts : 0;
    out->refused = m->b->devices.iommu.refused;
    out->faults = p->faults;
    out->stored = p->stored;
    out->stray = p->stray;
    out->stray_bytes = p->stray_bytes;
    out->stray_at = p->stray_at;
    return true;
}
