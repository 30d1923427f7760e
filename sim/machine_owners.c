/* Whose the devices are. Nothing here has effects. See machine.h.
 *
 * Idea: ownership is what the way of I/O set up: a passed-through device is its VM's, a service domain has the drives and the network card, and of the
 * rest the hypervisor has those that it has drivers for. Bare, everything is the guest's. */
#include <string.h>
#include "sim/board.h"
#include "sim/vmm/io_strategy.h"

/* The hypervisor's drivers: sim/vmm/host.c, resident_ide.c, resident_nic.c. */
static bool has_driver(const struct machine *m, const char *name)
{
    static const char *const names[] = { "pic", "pit", "uart", "kbc", "console" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], name)) return true;
    if (!strcmp(name, "nic")) return m->b->vmm.net && m->b->vmm.net->started;
    return !strcmp(name, "ide") && m->b->vmm.resident.started;
}

/* Of mini as a host: console_native.c, ide.c, lib/timer.c. */
static bool is_host_driven(const struct machine *m, const char *name)
{
    static const char *const names[] = { "pic", "pit", "uart", "kbc", "vga" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], name)) return true;
    return !strcmp(name, "ide") && m->cfg.disks;
}

/* sim/vmm/hosted_port.c has their ports. */
static bool is_processed(const char *name) { return !strcmp(name, "uart") || !strcmp(name, "ide") || !strcmp(name, "console") || !strcmp(name, "exit"); }

static const char *processed_at(uint16_t port)
{
    if (port == 0xF4) return "exit";
    if (port == 0xE9) return "console";
    return (uint16_t)(port - UART_BASE) < UART_PORTS ? "uart" : "ide";
}

static bool is_passed(const struct vm *vm, const char *name)
{
    return vm->pass && (!strcmp(name, "nic") || !strcmp(name, "ide"));
}

/* To the service domain: sim/vmm/paravirt_physical.c. */
static bool is_given(const char *name) { return !strcmp(name, "ide") || !strcmp(name, "nic") || !strcmp(name, "pci"); }

static int owner_of(const struct machine *m, const char *name)
{
    const struct vmm *h = &m->b->vmm;
    if (!m->technique->hypervisor) return 0;
    for (unsigned n = 0; n < h->vms; n++)
        if (is_passed(&h->vm[n], name)) return (int)n;
    if (h->service && is_given(name)) return 0;
    if (h->hosted.on) return is_host_driven(m, name) ? MACHINE_HOST : MACHINE_NOBODY;
    return has_driver(m, name) ? MACHINE_HYPERVISOR : MACHINE_NOBODY;
}

/* A ported kernel has no ports: timers, interrupts and its console are hypercalls. */
static const char *sees_ported(const struct vm *vm, const char *name)
{
    const struct vmm *h = vm->vmm;
    if (h->service && !vm->id && is_given(name)) return "real";
    if (h->service && (!strcmp(name, "ide") || !strcmp(name, "nic"))) return "ring";
    return !strcmp(name, "pic") || !strcmp(name, "pit") || !strcmp(name, "uart") ? "hypercall" : "";
}

static const char *sees(const struct machine *m, unsigned n, const char *name)
{
    if (!m->technique->hypervisor) return "real";
    const struct vm *vm = &m->b->vmm.vm[n];
    if (is_passed(vm, name)) return "real";
    if (vm->vcpu.ops->aware) return sees_ported(vm, name);
    if (vm->vmm->hosted.on && is_processed(name)) return "process";
    return devices_find(&vm->devices, name) ? "virtual" : "";
}

static uint16_t lines_of(const struct machine *m, const char *name)
{
    static const struct { const char *name; uint16_t lines; } fixed[] = {
        { "pit", 1u << IRQ_TIMER }, { "kbc", 1u << IRQ_KEYBOARD | 1u << IRQ_MOUSE }, { "uart", 1u << IRQ_UART }, { "cmos", 1u << IRQ_RTC },
        { "pm", 1u << IRQ_SCI }, { "coprocessor", 1u << IRQ_FERR }, { "ide", 3u << IRQ_IDE },
    };
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (!strcmp(fixed[i].name, name)) return fixed[i].lines;
    int nic = !strcmp(name, "nic") ? pci_pirq_route(&m->b->devices.pci, devices_pirq(PCI_NIC_SLOT, 0)) : -1;
    return (uint16_t)(nic < 0 ? 0u : 1u << nic);
}

unsigned machine_owners(const struct machine *m, unsigned vm, struct machine_owner *list, unsigned room)
{
    const struct devices *d = &m->b->devices;
    unsigned n = 0;
    for (; n < d->count && n < room; n++) {
        const char *name = d->list[n].name;
        list[n] = (struct machine_owner){ name, owner_of(m, name), sees(m, vm, name), lines_of(m, name) };
    }
    return n;
}

const char *machine_port_device(const struct machine *m, unsigned n, uint16_t port)
{
    const struct vm *vm = m->technique->hypervisor ? &m->b->vmm.vm[n] : NULL;
    const struct bus *b = vm && !vm->vcpu.ops->aware ? &vm->bus : &m->b->bus;
    if (!b->port_owner[port]) return NULL;
    const struct bus_window *w = &b->window[b->port_owner[port] - 1];
    if (vm && w->device == &vm->hosted.device) return processed_at(port);
    if (!vm || !vm->pass || w->device != &vm->pass->device) return w->device->ops->name;
    return w->offset >> 16 == 2 ? "nic" : "ide"; /* io_passthrough.c: whose base address register moved it there */
}
