/* Passthrough: the guest programs the real IDE controller, and the network card.
 *
 * Idea 1, ports: those of the controller are opened to the guest's kernel, by the I/O bitmaps of the VMCS or by that of the TSS, so that
 * the real CPU carries out what the guest says. What cannot go that way (translated or interpreted code, guests' user code) finds the
 * ports on the virtual board, where a device without registers of its own repeats each access on the real ones.
 * Idea 2, memory: the guest hands the controller guest-physical addresses. The IOMMU, whose tables the hypervisor builds in machine
 * memory, makes machine addresses of them; whatever is not the guest's is refused, and a fault recorded. Without it (--set io.iommu=0)
 * they are taken as they stand: the safety checker, who sees what no hypervisor would, counts the stores that hit others.
 * Idea 3, interrupts: the real one makes the guest leave, the virtual 8259 pair gets it; the guest's EOI is a second exit. A drive's
 * is an edge, and so is what the guest gets: it may end it first and ask the drive for its status, which lets the line fall, later and
 * unseen. Only while one waits is the real input switched to levels, and masked: a line that falls before takes its request along. The
 * card's is a level, and its real input masked until it has fallen or the guest has ended the interrupt.
 * PCI configuration stays virtual; what it decides (BAR 4, bus mastering) is carried over to the real function.
 *
 * VT-d specification 1.3, 3.4 (tables), 10.4 (registers); facts 9.3. Exitless interrupts: exitless.h. Not modelled: the network card's memory window (its ports do). A guest
 * whose page tables or translated code are stored to by DMA is not followed: nobody tells the hypervisor. */
#include "sim/vmm/io_passthrough.h"

#include <stddef.h>
#include <string.h>
#include "sim/io/iommu.h"
#include "sim/vmm/host.h"
#include "sim/vmm/vm.h"

enum { PRIMARY = 0x1F0, SECONDARY = 0x170, PORTS = 8, CONTROL = 0x206 /* behind a channel's first port */, OFF_FUNCTION = 0x10000 };
enum { IRQ_PRIMARY = 14, IRQ_SECONDARY = 15, IRQS = 16 };
enum { CONFIG_ADDRESS = 0xCF8, CONFIG_DATA = 0xCFC, CFG_COMMAND = 0x04, CMD_IO = 1, CMD_MASTER = 4 };

static const struct vmm_board *board(const struct vm *vm) { return &vm->vmm->board; }

/* What is handed out: the function, where its base address register is and how many ports that decodes. */
enum { PASSED_IDE, PASSED_NIC, PASSED };
static const struct { uint8_t pci, bar; uint16_t ports; } passed[PASSED] = { { PCI_IDE, 0x20, 16 }, { PCI_NIC, 0x10, NIC_BYTES } };

/* ---- the ports on the virtual board: offsets are the ports themselves, but for those that move */

static uint16_t real_port(const struct passthrough *p, uint32_t offset)
{
    unsigned f = offset >> 16;
    return (uint16_t)(f ? p->function[f - 1].base + (offset & 0xFFFF) : offset);
}

static uint32_t forward_read(struct device *d, uint32_t offset, unsigned size)
{
    struct passthrough *p = (struct passthrough *)d;
    struct clock *c = board(p->vm)->clock;
    uint8_t old = clock_cause(c, CAUSE_DEVICE);
    uint32_t value = bus_in(board(p->vm)->bus, real_port(p, offset), size);
    clock_cause(c, old);
    p->forwarded++;
    return value;
}

static void forward_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct passthrough *p = (struct passthrough *)d;
    struct clock *c = board(p->vm)->clock;
    uint8_t old = clock_cause(c, CAUSE_DEVICE);
    bus_out(board(p->vm)->bus, real_port(p, offset), size, value);
    clock_cause(c, old);
    p->forwarded++;
}

static uint32_t forward_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset;
    return UINT32_MAX >> (32 - 8 * size);
}

static void forward_reset(struct device *d) { (void)d; }

static const struct reg_desc regs[] = {
    { "base", offsetof(struct passthrough, function[0].base), 2, 16, "ports of the bus masters" },
    { "forwarded", offsetof(struct passthrough, forwarded), 8, 64, "accesses repeated on the real ports" },
    { "interrupts", offsetof(struct passthrough, interrupts), 8, 64, "handed on to the guest" },
    { "faults", offsetof(struct passthrough, faults), 8, 64, "of DMA, by the IOMMU" },
    { "stray", offsetof(struct passthrough, stray), 8, 64, "stores by DMA outside the guest's memory" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "passthrough", .regs = regs, .reset = forward_reset, .read = forward_read, .write = forward_write, .peek = forward_peek,
};

/* ---- opening ports */

static void open_ports(struct vm *vm, uint16_t first, unsigned count, bool open)
{
    struct vcpu *v = &vm->vcpu;
    if (v->ops->ports) v->ops->ports(v, first, count, open);
}

static void out32(struct vm *vm, uint16_t port, uint32_t value)
{
    struct clock *c = board(vm)->clock;
    uint8_t old = clock_cause(c, CAUSE_DEVICE);
    bus_out(board(vm)->bus, port, 4, value);
    clock_cause(c, old);
}

static void config_write(struct vm *vm, unsigned f, unsigned at, uint32_t value)
{
    out32(vm, CONFIG_ADDRESS, 0x80000000u | (uint32_t)pci_source(passed[f].pci) << 8 | at);
    out32(vm, CONFIG_DATA, value);
}

/* The guest's view of a function has changed: the real one follows, and so do the ports that are open. */
static void configured(void *function, const uint8_t *config)
{
    struct passed *x = function;
    struct vm *vm = x->vm;
    struct passthrough *p = vm->pass;
    unsigned f = (unsigned)(x - p->function), ports = passed[f].ports;
    uint32_t command = config[CFG_COMMAND] & (CMD_IO | CMD_MASTER), base;
    memcpy(&base, config + passed[f].bar, sizeof base);
    uint16_t at = command & CMD_IO && base >> 16 == 0 ? (uint16_t)(base & ~(uint32_t)(ports - 1)) : 0;
    if (!p->started || (at == x->base && command == x->command)) return;
    if (command != x->command) config_write(vm, f, CFG_COMMAND, command);
    if (at != x->base) {
        config_write(vm, f, passed[f].bar, at);
        if (x->base) open_ports(vm, x->base, ports, false);
        x->base = at;
        bus_move_ports(&vm->bus, &p->device, OFF_FUNCTION * (f + 1), at, ports);
        if (at) open_ports(vm, at, ports, true);
    }
    x->command = command;
}

static void wire(struct vm *vm, const struct vm_plan *plan, struct devices_wiring *w, struct disk *list)
{
    (void)list;
    vm->pass = arena_alloc(board(vm)->arena, sizeof *vm->pass);
    struct passthrough *p = vm->pass;
    *p = (struct passthrough){ .device = { &ops }, .vm = vm, .function = { { .vm = vm }, { .vm = vm } }, .nic = plan->nic };
    w->ide_elsewhere = true;
    w->ide_moved = (struct pci_listener){ configured, &p->function[PASSED_IDE] };
    w->nic_elsewhere = plan->nic;
    w->nic = plan->nic ? PCI_NIC_RTL8139 : PCI_NIC_NONE;
    w->nic_moved = (struct pci_listener){ configured, &p->function[PASSED_NIC] };
}

static bool attach(struct vm *vm, struct err *e)
{
    static const uint16_t channel[2] = { PRIMARY, SECONDARY };
    struct device *d = &vm->pass->device;
    for (unsigned n = 0; n < 2; n++)
        if (!bus_attach(&vm->bus, BUS_PORT, channel[n], PORTS, channel[n], d, e) ||
            !bus_attach(&vm->bus, BUS_PORT, channel[n] + CONTROL, 1, channel[n] + CONTROL, d, e)) return false;
    return true;
}

/* ---- the IOMMU's tables, in the window:
 *   63-12 address | 11 SNP | 7 page of 2 MB | 1 write | 0 read            an entry of the second level
 *   63-12 table | 3-2 type | 1 faults off | 0 present; 23-8 domain | 2-0 width, 1: three levels       a context, 16 bytes */
enum { ENTRY_READ = 1, ENTRY_WRITE = 2, ENTRY_LARGE = 0x80, ENTRIES = 512, WIDTH_39 = 1, PRESENT = 1 };
enum { REG_GCMD = 0x18, REG_RTADDR = 0x20, REG_CCMD = 0x28, REG_FSTS = 0x34, REG_IOTLB = 0x108, REG_FRCD = 0x200 };
#define COMMAND_GO 0x80000000u
#define GLOBAL_CONTEXTS 0x20000000u
#define GLOBAL_PAGES 0x10000000u

static uint32_t new_table(struct vm *vm)
{
    struct passthrough *p = vm->pass;
    static const uint8_t zeros[PAGE_SIZE];
    uint32_t at = vm->vcpu.window.at + WINDOW_IOMMU + p->tables++ * PAGE_SIZE;
    bus_poke(board(vm)->bus, hpa(at), zeros, sizeof zeros);
    return at;
}

static void put64(struct vm *vm, uint32_t at, uint64_t value)
{
    bus_poke(board(vm)->bus, hpa(at), &value, sizeof value);
    clock_charge(board(vm)->clock, CAUSE_DEVICE, 2ull * board(vm)->model->cost[COST_MEM_REF]);
}

/* A table below an entry, made if there is none yet. */
static uint32_t table_below(struct vm *vm, uint32_t entry_at)
{
    uint64_t entry;
    bus_peek(board(vm)->bus, hpa(entry_at), &entry, sizeof entry);
    if (entry) return (uint32_t)entry & PAGE_MASK;
    uint32_t table = new_table(vm);
    put64(vm, entry_at, table | ENTRY_READ | ENTRY_WRITE);
    return table;
}

/* Do the next 512 frames lie together, at a multiple of their number? */
static bool is_large(const struct vm *vm, uint32_t frame)
{
    const struct bus *b = &vm->bus;
    if (frame % ENTRIES || frame + ENTRIES > vm->frames || b->map[frame] % ENTRIES) return false;
    for (uint32_t i = 1; i < ENTRIES; i++)
        if (b->map[frame + i] != b->map[frame] + i) return false;
    return true;
}

/* Guest-physical memory, as the device is to see it: three levels, 39 bits. */
static uint32_t second_level(struct vm *vm)
{
    const struct bus *b = &vm->bus;
    uint32_t root = new_table(vm);
    for (uint32_t f = 0; f < vm->frames; ) {
        uint32_t middle = table_below(vm, root + f / (ENTRIES * ENTRIES) * 8), slot = middle + f / ENTRIES % ENTRIES * 8;
        uint64_t to = (uint64_t)b->map[f] << PAGE_SHIFT | ENTRY_READ | ENTRY_WRITE;
        bool large = is_large(vm, f);
        if (large) put64(vm, slot, to | ENTRY_LARGE);
        else if (b->map[f] != FRAME_NONE) put64(vm, table_below(vm, slot) + f % ENTRIES * 8, to);
        f += large ? ENTRIES : 1;
    }
    return root;
}

static void iommu_out(struct vm *vm, uint32_t reg, uint32_t value)
{
    bus_write(board(vm)->bus, hpa(IOMMU_BASE + reg), 4, value);
    clock_charge(board(vm)->clock, CAUSE_DEVICE, board(vm)->bus->port_cycles);
}

static uint32_t iommu_in(struct vm *vm, uint32_t reg)
{
    clock_charge(board(vm)->clock, CAUSE_DEVICE, board(vm)->bus->port_cycles);
    return bus_read(board(vm)->bus, hpa(IOMMU_BASE + reg), 4);
}

static void start_iommu(struct vm *vm)
{
    uint32_t root = new_table(vm), contexts = new_table(vm), memory = second_level(vm);
    for (unsigned f = 0; f < (vm->pass->nic ? PASSED : 1u); f++) {
        uint32_t at = contexts + (pci_source(passed[f].pci) & 0xFFu) * 16;
        put64(vm, at, memory | PRESENT);
        put64(vm, at + 8, (uint64_t)(vm->id + 1) << 8 | WIDTH_39);
    }
    put64(vm, root, contexts | PRESENT);
    iommu_out(vm, REG_RTADDR, root);
    iommu_out(vm, REG_RTADDR + 4, 0);
    iommu_out(vm, REG_GCMD, IOMMU_RTPS);
    iommu_out(vm, REG_CCMD + 4, COMMAND_GO | GLOBAL_CONTEXTS);
    iommu_out(vm, REG_IOTLB + 4, COMMAND_GO | GLOBAL_PAGES);
    iommu_out(vm, REG_GCMD, COMMAND_GO);
}

/* The local APIC is off, so nobody is told of a fault: it is looked for whenever a real device interrupts. */
static void look_for_faults(struct vm *vm)
{
    enum { PENDING = 2, OVERFLOW = 1 };
    uint32_t status = iommu_in(vm, REG_FSTS);
    if (!(status & PENDING)) return;
    for (unsigned n = 0; n < IOMMU_FAULTS; n++) {
        uint32_t record = REG_FRCD + 16 * n, why = iommu_in(vm, record + 12);
        if (!(why >> 31)) continue;
        vm->pass->faults++;
        TRACE(board(vm)->trace, DMA_FAULT, 0, .write = !(why >> 30 & 1), .reason = (uint8_t)why, .source = (uint16_t)iommu_in(vm, record + 8),
              .at = iommu_in(vm, record));
        iommu_out(vm, record + 12, COMMAND_GO);
    }
    if (status & OVERFLOW) iommu_out(vm, REG_FSTS, OVERFLOW);
}

bool passthrough_owns(const struct vm *vm, unsigned irq) { return irq == IRQ_PRIMARY || irq == IRQ_SECONDARY || (vm->pass->nic && irq == PCI_NIC_IRQ); }

static bool is_level(unsigned irq) { return irq == PCI_NIC_IRQ; }

static void start(struct vm *vm)
{
    open_ports(vm, PRIMARY, PORTS, true);
    open_ports(vm, PRIMARY + CONTROL, 1, true);
    open_ports(vm, SECONDARY, PORTS, true);
    open_ports(vm, SECONDARY + CONTROL, 1, true);
    vm->pass->started = true;
    for (unsigned f = 0; f < (vm->pass->nic ? PASSED : 1u); f++) configured(&vm->pass->function[f], vm->devices.pci.config[passed[f].pci]);
    if (board(vm)->setting[SETTING_IO_IOMMU]) start_iommu(vm);
    for (unsigned irq = 0; irq < IRQS; irq++) {
        if (!passthrough_owns(vm, irq)) continue;
        if (is_level(irq)) host_by_level(vm->vmm, irq, true);
        host_mask(vm->vmm, irq, false);
    }
    exitless_start(vm);
}

static void set_line(struct vm *vm, unsigned irq, bool level)
{
    struct irq_line line = irq == PCI_NIC_IRQ ? devices_pci_irq(&vm->devices, PCI_NIC_SLOT, 0) : devices_irq(&vm->devices, irq);
    irq_set(&line, level);
    vm->pass->up = (uint16_t)((vm->pass->up & ~(1u << irq)) | (unsigned)level << irq);
}

/* From now on the real input shows whether the line is up, and interrupts no more; or hears edges again. */
static void watch(struct vm *vm, unsigned irq, bool on)
{
    struct passthrough *p = vm->pass;
    if (!is_level(irq)) host_by_level(vm->vmm, irq, on);
    host_mask(vm->vmm, irq, on);
    p->watched = (uint16_t)((p->watched & ~(1u << irq)) | (unsigned)on << irq);
}

/* A second edge finds the virtual line up if nobody has looked since the first. */
static bool interrupt(struct vm *vm, unsigned irq)
{
    if (board(vm)->setting[SETTING_IO_IOMMU]) look_for_faults(vm);
    if (!passthrough_owns(vm, irq)) return false;
    vm->pass->interrupts++;
    vm->pass->raised = vm->vmm->visits;
    set_line(vm, irq, false);
    set_line(vm, irq, true);
    if (is_level(irq)) watch(vm, irq, true);
    return true;
}

/* For the 8259 pair an edge waits until it is acknowledged or the line falls. The I/O APIC has sent its message at once: where it is in
 * use the pair is masked. */
static bool edge_waits(const struct vm *vm, unsigned irq)
{
    const struct pic_chip *c = &vm->devices.pic.chip[irq / 8];
    bool elsewhere = vm->devices.apics && c->imr >> irq % 8 & 1;
    return !elsewhere && c->edges >> irq % 8 & 1;
}

/* What the guest takes back before it was interrupted must be gone; so while an edge waits, its line is watched. */
static void follow_edge(struct vm *vm, unsigned irq)
{
    struct vcpu *v = &vm->vcpu;
    bool waits = edge_waits(vm, irq), watched = vm->pass->watched >> irq & 1;
    if (waits && (watched ? host_line(vm->vmm, irq) : v->ops->pending(v) && v->ops->interruptible(v))) return;
    if (waits && !watched) {
        watch(vm, irq, true);
        return;
    }
    if (watched) watch(vm, irq, false);
    set_line(vm, irq, false);
}

/* The guest has taken the virtual interrupt and ended it. */
static bool is_over(const struct vm *vm, unsigned irq)
{
    const struct pic_chip *c = &vm->devices.pic.chip[irq / 8];
    return !((c->irr | c->isr) >> irq % 8 & 1);
}

/* A level falls when the guest tells the card that it has seen why, which it does without telling us; at its next exit (mostly the EOI)
 * that is found out. The card may have raised it again by then, for the next frame, and nobody would see that it was down: when the guest
 * has ended the interrupt the virtual line goes down, and the real input says whether there is another one. */
static void follow_level(struct vm *vm, unsigned irq)
{
    if (vm->pass->raised == vm->vmm->visits || (host_line(vm->vmm, irq) && !is_over(vm, irq))) return;
    set_line(vm, irq, false);
    watch(vm, irq, false);
}

static void follow(struct vm *vm)
{
    const struct passthrough *p = vm->pass;
    if (!p->up) return;
    for (unsigned irq = 0; irq < IRQS; irq++)
        if (p->up >> irq & 1) (is_level(irq) ? follow_level : follow_edge)(vm, irq);
}

static void reset(struct vm *vm)
{
    struct device *d = &vm->pass->device;
    static const uint16_t channel[2] = { PRIMARY, SECONDARY };
    for (unsigned n = 0; n < 2; n++) { /* SRST, on and off */
        forward_write(d, channel[n] + CONTROL, 1, 4);
        forward_write(d, channel[n] + CONTROL, 1, 0);
    }
}

void passthrough_stored(void *vmm, uint32_t at, unsigned n)
{
    struct vmm *h = vmm;
    struct vm *vm = h->vm;
    if (!vm || !vm->pass) return;
    struct passthrough *p = vm->pass;
    uint32_t frame = at >> PAGE_SHIFT;
    p->stored += n;
    if (frame >= vm->frame && frame < vm->frame + vm->frames) return;
    if (!p->stray++) p->stray_at = at;
    p->stray_bytes += n;
    TRACE(h->board.trace, STRAY, 0, .at = at, .bytes = n);
}

static bool fits(const struct io_machine *m, struct err *e)
{
    if (m->vms > 1)
        return err_set(e, EXIT_USAGE, "--io passthrough with %u virtual machines: whoever programs a real device has it alone, and there is one IDE "
                       "controller; use --io hypervisor-direct, which shares it", m->vms);
    if (m->cpu->aware)
        return err_set(e, EXIT_USAGE, "--io passthrough with --cpu %s: a device is handed to whoever has a driver for it, and a kernel ported to a "
                       "hypervisor has none for a real IDE controller; use --cpu vtx, or --io hypervisor-direct", m->cpu->name);
    if (m->virtio)
        return err_set(e, EXIT_USAGE, "--io passthrough with --set io.virtio or net.virtio: the real devices, which the guest gets, are an IDE controller and an RTL8139; use --io "
                       "hypervisor-direct, where the hypervisor makes of them what it likes");
    return true;
}

const struct io_strategy io_passthrough = {
    .name = "passthrough",
    .about = "the guest programs the real device; an IOMMU holds its DMA, its interrupts are forwarded; exclusive",
    .exclusive = true,
    .migrates = false,
    .real_disks = true,
    .fits = fits,
    .wire = wire,
    .attach = attach,
    .start = start,
    .interrupt = interrupt,
    .follow = follow,
    .reset = reset,
};
