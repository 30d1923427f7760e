/* See devices.h. */
#include "sim/io/devices.h"

#include <string.h>

/* The setup knows of the two drives at the first channel. */
static void note_disks(struct devices *d)
{
    for (unsigned n = 0; n < 2; n++) {
        const struct ata *a = &d->ide.channel[0].drive[n];
        if (ata_present(a)) cmos_note_disk(&d->cmos, n, a->natural.cylinders, a->natural.heads, a->natural.sectors);
    }
}

/* The A20 gate opens for either of its two inputs. */
static void a20_input(void *self, unsigned n, bool level)
{
    struct devices *d = self;
    uint8_t before = d->a20_open, bit = (uint8_t)(1u << n);
    d->a20_open = (uint8_t)(level ? before | bit : before & ~bit);
    if (!before != !d->a20_open) irq_set(&d->a20, d->a20_open);
}

static struct irq_line reset_line(const struct devices_wiring *w, unsigned kind)
{
    return (struct irq_line){ w->reset.set, w->reset.self, w->reset.n + kind };
}

enum { IOAPIC_INTR = 0, IOAPIC_TIMER = 2 };

static void isa_line(void *self, unsigned irq, bool level)
{
    struct devices *d = self;
    struct irq_line pic = pic_line(&d->pic, irq);
    irq_set(&pic, level);
    if (d->apics) ioapic_pin(&d->ioapic, irq == IRQ_TIMER ? IOAPIC_TIMER : irq, level);
}

struct irq_line devices_irq(struct devices *d, unsigned irq) { return (struct irq_line){ isa_line, d, irq }; }

/* Brings the ISA interrupts that PIRQs are routed to up to date; several may share one. */
static void route_pirqs(void *self, const uint8_t *isa_bridge)
{
    (void)isa_bridge;
    struct devices *d = self;
    uint16_t now = 0;
    for (unsigned p = 0; p < 4; p++) {
        int irq = pci_pirq_route(&d->pci, p);
        if (d->pirq[p] && irq >= 0) now |= (uint16_t)(1u << irq);
    }
    uint16_t changed = now ^ d->routed;
    d->routed = now;
    for (unsigned irq = 0; irq < 16; irq++)
        if (changed >> irq & 1) isa_line(d, irq, now >> irq & 1);
}

enum { PIRQ_SLOTS = 32 };

/* n: PIRQ * 32 + slot. */
static void pirq_line(void *self, unsigned n, bool level)
{
    struct devices *d = self;
    uint32_t *pirq = &d->pirq[n / PIRQ_SLOTS], bit = 1u << n % PIRQ_SLOTS;
    *pirq = level ? *pirq | bit : *pirq & ~bit;
    if (d->apics) ioapic_pin(&d->ioapic, IOAPIC_FIRST_PCI + n / PIRQ_SLOTS, *pirq);
    route_pirqs(d, NULL);
}

struct irq_line devices_pci_irq(struct devices *d, unsigned slot, unsigned pin)
{
    return (struct irq_line){ pirq_line, d, devices_pirq(slot, pin) * PIRQ_SLOTS + slot };
}

void devices_after_post(struct devices *d, unsigned ioapic_id)
{
    pm_acpi_mode(&d->pm);
    d->ioapic.id = d->apics ? ioapic_id << 24 : 0;
}

/* Out of the 8259 pair. */
static void pic_asks(void *self, unsigned n, bool level)
{
    (void)n;
    struct devices *d = self;
    if (!d->apics) {
        irq_set(&d->intr, level);
        return;
    }
    struct irq_line lint0 = lapic_line(&d->lapic, 0);
    irq_set(&lint0, level);
    ioapic_pin(&d->ioapic, IOAPIC_INTR, level);
}

static uint8_t inta_cycle(void *self) { return pic_ack(&((struct devices *)self)->pic); }
static void broadcast_eoi(void *self, uint8_t vector) { ioapic_eoi(&((struct devices *)self)->ioapic, vector); }

static void retry(void *self) { ioapic_retry(&((struct devices *)self)->ioapic); }

uint8_t devices_ack(void *devices)
{
    struct devices *d = devices;
    return d->apics ? lapic_ack(&d->lapic) : pic_ack(&d->pic);
}

bool devices_nmi_possible(const struct devices *d) { return d->apics && ioapic_sends(&d->ioapic, APIC_NMI); }

/* A store into the APICs' range, as a message: address and data of the PCI 2.2 form. SDM vol. 3A 10.11. */
static void message(void *self, uint32_t at, uint32_t data)
{
    struct devices *d = self;
    if (at >> 20 != LAPIC_BASE >> 20) return;
    lapic_message(&d->lapic, &(struct apic_message){ .dest = (uint8_t)(at >> 12), .vector = (uint8_t)data, .delivery = data >> 8 & 7,
                                                     .logical = at >> 2 & 1, .level = data >> 15 & 1 });
}

static bool init_apics(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w, struct err *e)
{
    const struct lapic_wiring lw = { .intr = w->intr, .nmi = w->nmi, .init = reset_line(w, RESET_CPU),
                                     .intack = inta_cycle, .eoi = broadcast_eoi,
                                     .listens = retry, .self = d };
    lapic_init(&d->lapic, q, &lw);
    lapic_virtual_wire(&d->lapic);
    ioapic_init(&d->ioapic, &d->lapic);
    if (d->remaps) iommu_init(&d->iommu, (struct message_line){ message, d });
    return lapic_attach(&d->lapic, b, e) && ioapic_attach(&d->ioapic, b, e) && (!d->remaps || iommu_attach(&d->iommu, b, e));
}

static void enter_in_list(struct devices *d, struct device *device)
{
    d->list[d->count++] = (struct device_entry){ device->ops->name, device };
}

/* Once the ports are there: they follow the function's registers from now on. */
static bool watch_power(struct devices *d)
{
    pci_listen(&d->pci, PCI_PM, (struct pci_listener){ pm_configured, &d->pm });
    return true;
}

static struct dma_map dma_map(struct devices *d) { return d->remaps ? iommu_map(&d->iommu) : (struct dma_map){ 0 }; }

static void add_virtio_net(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w)
{
    const struct virtio_wiring vw = { .irq = devices_pci_irq(d, PCI_NIC_SLOT, 0), .abort = pci_abort_line(&d->pci, PCI_VIRTIO_NET), .watch = w->dma,
                                      .map = d->remaps ? dma_map(d) : w->virtio_map, .source = pci_source(PCI_VIRTIO_NET) };
    virtio_net_init(&d->virtio_net, b, q, &vw, w->nic_address);
    d->virtio_net.trace = w->trace;
    d->virtio_net.is_virtual = w->is_virtual;
    enter_in_list(d, &d->virtio_net.virtio.device);
    virtio_attach(&d->virtio_net.virtio, &d->pci, PCI_VIRTIO_NET);
}

static void add_nic(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w)
{
    struct nic_wiring nw = { .irq = devices_pci_irq(d, PCI_NIC_SLOT, 0), .abort = pci_abort_line(&d->pci, PCI_NIC), .watch = w->dma, .map = dma_map(d),
                             .source = pci_source(PCI_NIC), .trace = w->trace, .is_virtual = w->is_virtual };
    memcpy(nw.address, w->nic_address, sizeof nw.address);
    nic_init(&d->nic, b, q, &nw);
    enter_in_list(d, &d->nic.device);
}

/* Disks that are virtio devices; their ports are claimed when the PCI function says where. */
static void add_virtio(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w)
{
    unsigned n = w->disk_kind == DISKS_IDE ? 0 : w->disks;
    for (unsigned i = 0; i < VIRTIO_DISKS; i++) {
        enum pci_function f = (enum pci_function)(PCI_VIRTIO_BLK + i);
        const struct virtio_wiring vw = { .irq = devices_pci_irq(d, PCI_VIRTIO_SLOT + i, 0), .abort = pci_abort_line(&d->pci, f), .watch = w->dma,
                                          .map = d->remaps ? dma_map(d) : w->virtio_map, .source = pci_source(f) };
        virtio_blk_init(&d->virtio_blk[i], b, q, &vw, i < n ? &w->disk[i] : NULL, &w->disk_times, i, w->disk_kind == DISKS_VIRTIO_RO);
        if (i >= n) continue;
        d->virtio_blk[i].trace = w->trace;
        d->virtio_blk[i].is_virtual = w->is_virtual;
        enter_in_list(d, &d->virtio_blk[i].virtio.device);
        virtio_attach(&d->virtio_blk[i].virtio, &d->pci, f);
    }
}

static void init_chips(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w)
{
    pit_init(&d->pit, q, devices_irq(d, IRQ_TIMER));
    uart_init(&d->uart, q, devices_irq(d, IRQ_UART), w->serial);
    d->uart.source = w->serial_in;
    debug_exit_init(&d->exit, w->stop, w->stop_self);
    debug_console_init(&d->console, w->console);
    lpt_init(&d->lpt, w->console);
    vga_init(&d->vga, b->clock);
    d->a20 = w->a20;
    d->a20_open = 0;
    kbc_init(&d->kbc, q, devices_irq(d, IRQ_KEYBOARD), devices_irq(d, IRQ_MOUSE), (struct irq_line){ a20_input, d, 0 },
             reset_line(w, RESET_CPU));
    port92_init(&d->port92, (struct irq_line){ a20_input, d, 1 }, reset_line(w, RESET_CPU));
    post_init(&d->post);
    coprocessor_init(&d->coprocessor, devices_irq(d, IRQ_FERR), w->ignne);
    cmos_init(&d->cmos, q, devices_irq(d, IRQ_RTC), w->epoch, (uint64_t)b->frames * PAGE_SIZE);
}

static void init_pci(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w)
{
    pci_init(&d->pci, reset_line(w, RESET_CPU), reset_line(w, RESET_BOARD));
    d->pci.vga = w->card;
    d->pci.nic = (uint8_t)w->nic;
    d->pci.virtio = (uint8_t)(w->disk_kind == DISKS_IDE ? 0 : w->disks);
    d->pci.shadow = w->shadow;
    d->pci.pam_reset = w->rom ? 0 : SHADOW_RAM;
    d->pci.device.ops->reset(&d->pci.device); /* the line is connected only now */
    pm_init(&d->pm, q, devices_irq(d, IRQ_SCI), w->off);
    ide_init(&d->ide, b, q, &(struct ide_wiring){
        .disk = w->disk, .disks = w->disk_kind == DISKS_IDE ? w->disks : 0, .times = w->disk_times, .watch = w->dma, .trace = w->trace, .is_virtual = w->is_virtual,
        .irq = { devices_irq(d, IRQ_IDE), devices_irq(d, IRQ_IDE + 1) }, .abort = pci_abort_line(&d->pci, PCI_IDE), .source = pci_source(PCI_IDE), .map = dma_map(d) });
}

static void list_all(struct devices *d)
{
    struct device *const all[] = { &d->pic.device, &d->pit.device, &d->uart.device, &d->exit.device, &d->console.device,
                                   &d->vga.device, &d->kbc.device, &d->port92.device, &d->post.device, &d->cmos.device,
                                   &d->pci.device, &d->pm.device, &d->ide.device, &d->dma.device,
                                   &d->coprocessor.device, &d->lpt.device };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) enter_in_list(d, all[i]);
    if (d->apics) {
        enter_in_list(d, &d->lapic.device);
        enter_in_list(d, &d->ioapic.device);
    }
    if (d->remaps) enter_in_list(d, &d->iommu.device);
}

/* Who wants to know that a function's configuration space was written to. */
static void listen(struct devices *d, const struct devices_wiring *w)
{
    pci_listen(&d->pci, PCI_ISA, (struct pci_listener){ route_pirqs, d });
    pci_listen(&d->pci, PCI_VGA, w->card_moved);
    pci_listen(&d->pci, PCI_IDE, w->ide_elsewhere ? w->ide_moved : (struct pci_listener){ ide_configured, &d->ide });
    if (w->nic_elsewhere) pci_listen(&d->pci, PCI_NIC, w->nic_moved);
}

static bool attach_all(struct devices *d, struct bus *b, const struct devices_wiring *w, struct err *e)
{
    return pic_attach(&d->pic, b, e) && pit_attach(&d->pit, b, e) && uart_attach(&d->uart, b, UART_BASE, e) &&
           debug_exit_attach(&d->exit, b, e) && debug_console_attach(&d->console, b, e) &&
           vga_attach(&d->vga, b, e) && lpt_attach(&d->lpt, b, e) && kbc_attach(&d->kbc, b, e) && port92_attach(&d->port92, b, e) &&
           post_attach(&d->post, b, e) && cmos_attach(&d->cmos, b, e) && pci_attach(&d->pci, b, e) &&
           pm_attach(&d->pm, b, e) && (w->ide_elsewhere || ide_attach(&d->ide, b, e)) &&
           dma_attach(&d->dma, b, e) && coprocessor_attach(&d->coprocessor, b, e) && watch_power(d) &&
           (w->nic != PCI_NIC_RTL8139 || w->nic_elsewhere || nic_attach(&d->nic, &d->pci, e));
}

bool devices_init(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w, struct err *e)
{
    d->count = 0;
    d->routed = 0;
    memset(d->pirq, 0, sizeof d->pirq);
    d->apics = w->apics;
    d->remaps = w->remaps;
    d->intr = w->intr;
    pic_init(&d->pic, (struct irq_line){ pic_asks, d, 0 });
    if (d->apics && !init_apics(d, b, q, w, e)) return false;
    init_chips(d, b, q, w);
    init_pci(d, b, q, w);
    note_disks(d);
    dma_init(&d->dma);
    d->uart.char_cycles_max = DEVICES_CHAR_CYCLES;
    d->pic.trace = w->trace; /* only now: what power-on does to the wires is no event */
    d->pic.is_virtual = w->is_virtual;
    list_all(d);
    if (w->nic == PCI_NIC_RTL8139 && !w->nic_elsewhere) add_nic(d, b, q, w);
    if (w->nic == PCI_NIC_VIRTIO) add_virtio_net(d, b, q, w);
    add_virtio(d, b, q, w);
    listen(d, w);
    return attach_all(d, b, w, e);
}

struct net_station devices_plug(struct devices *d, struct net_cable cable)
{
    if (d->pci.nic == PCI_NIC_VIRTIO) {
        virtio_net_plug(&d->virtio_net, cable);
        return virtio_net_station(&d->virtio_net);
    }
    nic_plug(&d->nic, cable);
    return nic_station(&d->nic);
}

void devices_reset(struct devices *d)
{
    for (unsigned i = 0; i < d->count; i++) d->list[i].device->ops->reset(d->list[i].device);
    if (d->apics) lapic_virtual_wire(&d->lapic);
}

void devices_init_pin(struct devices *d)
{
    if (!d->apics) return;
    uint32_t id = d->lapic.id;
    d->lapic.device.ops->reset(&d->lapic.device);
    d->lapic.id = id;
    lapic_virtual_wire(&d->lapic);
}

struct device *devices_find(const struct devices *d, const char *name)
{
    for (unsigned i = 0; i < d->count; i++)
        if (!strcmp(d->list[i].name, name)) return d->list[i].device;
    return NULL;
}
