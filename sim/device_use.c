/* See device_use.h. */
#include "sim/device_use.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *name, *title; } titles[] = {
    { "pic", "interrupt controllers" }, { "pit", "timer" }, { "uart", "serial port" }, { "kbc", "keyboard" }, { "cmos", "clock, CMOS" },
    { "vga", "screen" }, { "ide", "disk controller" }, { "nic", "network card" }, { "pci", "PCI" }, { "pm", "power management" },
    { "dma", "ISA DMA" }, { "console", "debug console" }, { "exit", "debug exit" }, { "lpt", "printer" }, { "lapic", "local APIC" },
    { "ioapic", "I/O APIC" }, { "iommu", "IOMMU" }, { "coprocessor", "x87's wires" }, { "port92", "A20, reset" }, { "post", "POST code" },
};

const char *device_use_title(const char *name)
{
    for (unsigned i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (!strcmp(titles[i].name, name)) return titles[i].title;
    return name;
}

const char *device_use_owner(const struct machine *m, int owner, char *buf, size_t room)
{
    if (owner == MACHINE_HYPERVISOR) snprintf(buf, room, "the hypervisor");
    else if (owner == MACHINE_HOST) snprintf(buf, room, "the host");
    else if (owner == MACHINE_NOBODY) snprintf(buf, room, "nobody");
    else if (!machine_has_vmm(m)) snprintf(buf, room, "the guest");
    else snprintf(buf, room, "vm %d", owner);
    return buf;
}

static unsigned vm_of(const struct event *e) { return e->vcpu < DEVICE_VMS ? e->vcpu : DEVICE_VMS - 1; }

static struct device_use *named(struct device_uses *u, const char *name)
{
    for (unsigned i = 0; name && i < u->n; i++)
        if (!strcmp(u->use[i].is.name, name)) return &u->use[i];
    return NULL;
}

static void signalled(struct device_uses *u, const struct event *e)
{
    for (unsigned i = 0; i < u->n; i++) {
        struct device_use *d = &u->use[i];
        if (!(d->is.lines >> (e->u.RAISE.line & 15) & 1)) continue;
        if (e->u.RAISE.virtual_) d->signals[vm_of(e)]++;
        else d->real_signals++;
        return;
    }
}

static void moved(struct device_use *d, const struct event *e, bool is_virtual)
{
    if (!d) return;
    if (is_virtual) d->commands[vm_of(e)]++;
    else d->real_commands++;
}

static void note(struct device_uses *u, const struct machine *m, const struct event *e)
{
    struct device_use *d;
    switch (e->kind) {
    case EV_PORT:
        d = named(u, machine_port_device(m, e->vcpu, e->u.PORT.port));
        if (d) d->accesses[vm_of(e)]++;
        break;
    case EV_RAISE: signalled(u, e); break;
    case EV_DISK: moved(named(u, "ide"), e, e->u.DISK.virtual_); break;
    case EV_FRAME: moved(named(u, "nic"), e, e->u.FRAME.virtual_); break;
    case EV_SWITCH: u->switches++; break;
    case EV_HYPERCALL: u->hypercalls[vm_of(e)]++; break;
    case EV_FORGOTTEN: u->forgotten = true; break;
    default: break;
    }
}

static uint64_t mark(const struct event *e) { return e->cycle ^ (uint64_t)e->kind << 56 ^ (uint64_t)e->eip << 20; }

/* Is the history up to where counting stopped the one that was counted? */
static bool same_past(const struct device_uses *u, const struct trace *t)
{
    const struct event *e = u->next ? trace_at(t, u->next - 1) : NULL;
    return !u->next || (e && e->id == u->last && mark(e) == u->hash);
}

static void owners(struct device_uses *u, const struct machine *m)
{
    struct machine_owner list[DEVICE_USES];
    u->vms = machine_vms(m);
    for (unsigned vm = 0; vm < u->vms && vm < DEVICE_VMS; vm++) {
        u->n = machine_owners(m, vm, list, DEVICE_USES);
        for (unsigned i = 0; i < u->n; i++) {
            if (!vm) u->use[i].is = list[i];
            u->use[i].sees[vm] = list[i].sees;
        }
    }
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* On to event `end`, in spans; of what is forgotten one event speaks for all of a span. */
static void count_to(struct device_uses *u, const struct machine *m, size_t end)
{
    const struct trace *t = machine_trace_of(m);
    while (u->next < end) {
        size_t n, gone = 0;
        const struct event *e = trace_span(t, u->next, &n);
        trace_gone(t, u->next, &gone);
        n = smaller(n, end - u->next);
        for (size_t i = 0; i < n; i++) note(u, m, &e[i]);
        u->next += gone > n ? smaller(gone, end - u->next) : n;
    }
    const struct event *e = u->next ? trace_at(t, u->next - 1) : NULL;
    if (!e) return;
    u->last = e->id;
    u->hash = mark(e);
}

void device_uses_count(struct device_uses *u, const struct machine *m)
{
    const struct trace *t = machine_trace_of(m);
    if (!same_past(u, t)) *u = (struct device_uses){ 0 };
    owners(u, m);
    count_to(u, m, trace_count(t));
}

/* Every so many events a count is kept, two of each distance: one of them is always at least that far back. */
enum { KEEP_EACH = 4096, KEEP_FACTOR = 16 };

static void keep(struct device_uses_log *l)
{
    size_t each = KEEP_EACH;
    for (unsigned k = 0; k < DEVICE_KEPT; k++, each *= KEEP_FACTOR) {
        if (l->now.next % each) continue;
        l->kept[k][1] = l->kept[k][0];
        l->kept[k][0] = l->now;
    }
}

void device_uses_follow(struct device_uses_log *l, const struct machine *m)
{
    const struct trace *t = machine_trace_of(m);
    size_t end = trace_count(t);
    if (!same_past(&l->now, t)) {
        const struct device_uses *best = NULL;
        for (unsigned k = 0; k < DEVICE_KEPT * 2; k++) {
            const struct device_uses *u = &l->kept[k / 2][k % 2];
            if (u->next && same_past(u, t) && (!best || u->next > best->next)) best = u;
        }
        l->now = best ? *best : (struct device_uses){ 0 };
    }
    owners(&l->now, m);
    while (l->now.next < end) {
        count_to(&l->now, m, smaller(end, (l->now.next / KEEP_EACH + 1) * KEEP_EACH));
        if (l->now.next % KEEP_EACH == 0) keep(l);
    }
}

uint64_t device_use_sum(const uint64_t by_vm[DEVICE_VMS])
{
    uint64_t n = 0;
    for (unsigned vm = 0; vm < DEVICE_VMS; vm++) n += by_vm[vm];
    return n;
}

bool device_use_any(const struct device_use *d)
{
    uint64_t n = d->real_signals + d->real_commands;
    for (unsigned vm = 0; vm < DEVICE_VMS; vm++) n += d->accesses[vm] + d->signals[vm] + d->commands[vm];
    return n != 0;
}
