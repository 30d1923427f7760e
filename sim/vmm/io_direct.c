/* Hypervisor-direct: the guest programs a virtual controller, the hypervisor the real one.
 *
 * Idea 1: every access to the virtual controller makes the guest leave; the controller's model gathers them until it is clear what is
 * wanted, and asks its medium. That is far away: what comes out is a generic request, sectors and a direction, that no longer knows
 * which device the guest saw.
 * Idea 2: requests of all VMs wait in one queue for each real channel. The next one is that behind the last one's end, or the first
 * again (C-LOOK): the drive's arm sweeps, and nobody starves. A virtual drive is a part of a real one, VM after VM.
 * Idea 3: the bytes are copied: by the real bus master into the hypervisor's buffer, by the hypervisor into the virtual drive's (this
 * is what is counted and charged), by that one's bus master or data port into the guest. Any guest, any real device.
 *
 * One request for each virtual drive at a time, as ATA without queuing has it. Not modelled: merging of neighbours, a cache, priorities. */
#include "sim/vmm/io_direct.h"

#include <stddef.h>
#include <string.h>
#include "sim/io/ata.h"
#include "sim/vmm/host.h"
#include "sim/vmm/vm.h"

enum { IRQ_FIRST = 14 };

static const struct vmm_board *board(const struct vm_disk *d) { return &d->vm->vmm->board; }
static struct ata *drive(struct vm_disk *d) { return &d->vm->devices.ide.channel[d->drive / 2].drive[d->drive % 2]; }
static struct virtio_blk *virtio(struct vm_disk *d) { return &d->vm->devices.virtio_blk[d->drive]; }
static uint8_t *buffer(struct vm_disk *d) { return d->virtio ? virtio(d)->buffer : drive(d)->buffer; }
static hpa_t bounce(const struct vm_disk *d) { return window_hpa(&d->vm->vcpu.window, WINDOW_BOUNCE + d->drive * (uint32_t)(ATA_BLOCK * DISK_SECTOR)); }

/* Found and copied, sector by sector. */
static void copied(struct vm_disk *d)
{
    const struct vmm_board *b = board(d);
    d->vm->vmm->resident.copies += d->now.count;
    clock_charge(b->clock, CAUSE_DEVICE, (uint64_t)d->now.count * b->model->cost[COST_BACKEND]);
}

/* The request that the arm comes to next: behind where it is, else from the beginning. */
static struct vm_disk *next_for(struct vmm *h, unsigned channel)
{
    struct vm_disk *best = NULL;
    uint64_t head = h->resident.head[channel], least = UINT64_MAX;
    for (unsigned n = 0; n < h->vms; n++)
        for (unsigned k = 2 * channel; k < 2 * channel + 2; k++) {
            struct vm_disk *d = &h->vm[n].disk[k];
            if (!d->busy || d->flying || d->done.armed) continue;
            uint64_t way = d->first + d->now.lba - head; /* what lies before wraps around to far away */
            if (way < least || !best) {
                best = d;
                least = way;
            }
        }
    return best;
}

static void dispatch(struct vmm *h, unsigned channel)
{
    struct vm_disk *d = h->resident.flying[channel] ? NULL : next_for(h, channel);
    if (!d) return;
    h->resident.waited += h->board.clock->now - d->since;
    h->resident.requests++;
    h->resident.sectors += d->now.count;
    d->flying = true;
    resident_go(h, d);
}

static void submit(struct vm_disk *d, const struct block_request *r)
{
    const struct vmm_board *b = board(d);
    d->now = *r;
    d->busy = true;
    d->since = b->clock->now;
    clock_charge(b->clock, CAUSE_DEVICE, b->model->cost[COST_DEVICE]);
    if (r->write) {
        bus_poke(b->bus, bounce(d), buffer(d), (size_t)r->count * DISK_SECTOR);
        copied(d);
    }
    dispatch(d->vm->vmm, d->drive / 2);
}

/* The virtual drive's medium is asked. */
static void begin(void *vm_disk, uint64_t lba, uint32_t count, bool write, uint32_t ticket)
{
    struct vm_disk *d = vm_disk;
    struct block_request r = { lba, count, ticket, write };
    d->again = d->busy;
    d->next = r;
    if (!d->busy) submit(d, &r);
}

/* In the VM's own time: its drive hears of it. */
static void tell(void *vm_disk, uint64_t when)
{
    (void)when;
    struct vm_disk *d = vm_disk;
    const struct vmm_board *b = board(d);
    struct block_request r = d->now;
    d->busy = false;
    if (d->good && !r.write && !d->again) {
        bus_peek(b->bus, bounce(d), buffer(d), (size_t)r.count * DISK_SECTOR);
        copied(d);
    }
    if (d->again) {
        d->again = false;
        submit(d, &d->next);
    } else {
        if (d->virtio) virtio_blk_arrived(virtio(d), r.ticket, d->good);
        else ata_arrived(drive(d), r.ticket, d->good);
    }
}

/* A virtio device of a VM is software, and what it finds in the guest's memory is so many references of the hypervisor's. */
static bool referred(void *vm, uint16_t source, uint32_t at, bool write, uint32_t *to)
{
    (void)source, (void)write;
    const struct vmm_board *b = &((struct vm *)vm)->vmm->board;
    clock_charge(b->clock, CAUSE_DEVICE, b->model->cost[COST_MEM_REF]);
    *to = at;
    return true;
}

static void wire(struct vm *vm, const struct vm_plan *plan, struct devices_wiring *w, struct disk *list)
{
    w->disk = list;
    w->disks = plan->disks;
    w->disk_kind = vm->vmm->board.setting[SETTING_IO_VIRTIO];
    w->nic = !plan->nic ? PCI_NIC_NONE : vm->vmm->board.setting[SETTING_NET_VIRTIO] ? PCI_NIC_VIRTIO : PCI_NIC_RTL8139;
    memcpy(w->nic_address, plan->nic_address, sizeof w->nic_address);
    w->virtio_map = (struct dma_map){ referred, vm };
    w->disk_times = (struct disk_times){ .reset_ns = w->disk_times.reset_ns }; /* else the time is the real drive's */
    for (unsigned i = 0; i < plan->disks; i++) {
        struct vm_disk *d = &vm->disk[i];
        *d = (struct vm_disk){ .vm = vm, .drive = (uint8_t)i, .virtio = w->disk_kind != DISKS_IDE, .first = vm->id * plan->disk[i].sectors, .done = { .fire = tell, .self = d } };
        list[i] = (struct disk){ .sectors = plan->disk[i].sectors, .begin = begin, .self = d };
    }
}

static bool attach(struct vm *vm, struct err *e)
{
    (void)e;
    if (!vm->devices.pci.nic) return true;
    resident_net_init(vm->vmm);
    resident_net_plug(vm);
    return true;
}

static void start(struct vm *vm)
{
    struct resident *r = &vm->vmm->resident;
    if (vm->vmm->net) resident_net_start(vm->vmm);
    if (r->started || !vm->disk[0].vm) return;
    r->started = true;
    resident_init(vm->vmm);
}

/* All VMs share the driver, so the first that is asked answers. */
static bool interrupt(struct vm *vm, unsigned irq)
{
    struct vmm *h = vm->vmm;
    if (irq == RESIDENT_NIC_IRQ && h->net) {
        resident_net_interrupt(h);
        return true;
    }
    if (irq < IRQ_FIRST || irq >= IRQ_FIRST + RESIDENT_CHANNELS || !h->resident.started) return false;
    unsigned channel = irq - IRQ_FIRST;
    h->resident.interrupts++;
    struct vm_disk *d = resident_interrupt(h, channel);
    if (!d) return true;
    h->resident.head[channel] = d->first + d->now.lba + d->now.count;
    d->flying = false;
    timeq_arm(&d->vm->timers, &d->done, h->board.clock->now);
    dispatch(h, channel);
    return true;
}

static void nothing(struct vm *vm) { (void)vm; }

static bool fits(const struct io_machine *m, struct err *e)
{
    if (m->virtio && m->cpu->aware)
        return err_set(e, EXIT_USAGE, "--set io.virtio with --cpu %s: a kernel ported to a hypervisor sees no PCI bus, so no virtio device either; use "
                       "--io split, or another technique", m->cpu->name);
    return !m->nic || !m->cpu->aware ||
           err_set(e, EXIT_USAGE, "--nic with --cpu %s: a kernel ported to a hypervisor sees no PCI bus, and so no network card; use another technique",
                   m->cpu->name);
}

const struct io_strategy io_direct = {
    .name = "hypervisor-direct",
    .about = "the hypervisor: it gathers requests from virtual devices, and its resident drivers program the real ones",
    .exclusive = false,
    .migrates = true,
    .real_disks = true,
    .fits = fits,
    .wire = wire,
    .attach = attach,
    .start = start,
    .interrupt = interrupt,
    .follow = nothing,
    .reset = nothing,
};
