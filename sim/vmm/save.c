/* See save.h. */
#include "sim/vmm/save.h"

#include <string.h>
#include "sim/cpu/cpu_state.h"
#include "sim/io/device_state.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/vm.h"

#define TAG_WHAT SAVE_TAG('W', 'H', 'A', 'T') /* what sort of machine, and when */
#define TAG_VCPU SAVE_TAG('V', 'C', 'P', 'U')
#define TAG_DEVS SAVE_TAG('D', 'E', 'V', 'S')
#define TAG_MEMO SAVE_TAG('M', 'E', 'M', 'O') /* packed: a page's number and bytes, of those that are not zero */
#define TAG_BALL SAVE_TAG('B', 'A', 'L', 'L') /* where memory is managed: has the guest a balloon driver; packed: pages in its balloon */
enum { PAGE_ROOM = PAGE_SIZE + sizeof(uint32_t) };
#define CYCLE_MOST (1ull << 50)

/* What a guest has seen of its machine, and finds at the other. */
struct what { uint64_t cycle, hz; uint32_t frames, family, model, stepping, without, extras, epoch, drives, virtio, nic; uint64_t sectors[IDE_DRIVES]; };

bool save_possible(const char *what, const struct cpu_strategy *cpu, const char *io, unsigned vms, struct err *e)
{
    const struct io_strategy *way = io_strategy_find(io);
    if (!cpu->hypervisor)
        return err_set(e, EXIT_USAGE, "%s with --cpu native: there is no virtual machine to be taken from or put into it; use --cpu te, bt or vtx", what);
    if (way && !way->migrates)
        return err_set(e, EXIT_USAGE, "%s with --io %s: part of the virtual machine's state is in the real device that it owns, and cannot be read out of it; "
                       "use --io hypervisor-direct", what, io);
    if (vms > 1) return err_set(e, EXIT_USAGE, "%s with %u virtual machines: what comes is one, with the whole machine to itself; use one", what, vms);
    return true;
}

uint32_t save_layout(void) { return state_layout(&devices_state, state_layout(&cpu_state, (uint32_t)(sizeof(struct what) + sizeof(struct pv_state)))); }

/* ---- out */

#define APICS (1u << 31) /* among struct what's extras */
#define MANAGED (1u << 30) /* likewise: there is a balloon's port */
#define PORTED (1u << 29)  /* likewise: its kernel is paravirtual */

static struct what what_of(const struct vm *vm)
{
    const struct vmm_board *b = &vm->vmm->board;
    const struct model *m = &vm->vcpu.model;
    struct what w;
    memset(&w, 0, sizeof w);
    w.cycle = b->clock->now;
    w.hz = b->clock->hz;
    w.frames = vm->frames;
    w.family = m->cost[COST_CPU_FAMILY], w.model = m->cost[COST_CPU_MODEL], w.stepping = m->cost[COST_CPU_STEPPING];
    w.without = m->without, w.extras = m->extras | (vm->devices.apics ? APICS : 0u) | (vm->vmm->memory.managed ? MANAGED : 0u) | (vm->vcpu.pv ? PORTED : 0u), w.epoch = b->epoch;
    for (unsigned n = 0; n < IDE_DRIVES; n++) {
        const struct disk *d = vm->disk[n].virtio ? &vm->devices.virtio_blk[n].disk : &vm->devices.ide.channel[n / 2].drive[n % 2].disk;
        w.sectors[n] = d->sectors;
        w.drives += w.sectors[n] != 0;
    }
    w.virtio = b->setting[SETTING_IO_VIRTIO];
    w.nic = vm->devices.pci.nic;
    return w;
}

static bool is_zero(const uint8_t *page)
{
    static const uint8_t zeros[PAGE_SIZE];
    return !memcmp(page, zeros, PAGE_SIZE);
}

static const uint8_t *bytes_of(const struct vm *vm, uint32_t page)
{
    return vm->vmm->memory.managed ? memory_look(vm, page) : bus_page(vm->vmm->board.bus, hpa(vm->bus.map[page] << PAGE_SHIFT));
}

static void save_memory(const struct vm *vm, struct text *file)
{
    struct text pages = { 0 };
    for (uint32_t n = 0; n < vm->frames; n++) {
        const uint8_t *page = bytes_of(vm, n);
        if (!page || is_zero(page)) continue;
        text_bytes(&pages, &n, sizeof n);
        text_bytes(&pages, page, PAGE_SIZE);
    }
    size_t at = save_open(file, TAG_MEMO);
    save_packed(file, &pages);
    save_close(file, at);
    text_free(&pages);
}

static void save_balloon(const struct vm *vm, struct text *file)
{
    const struct memory_vm *v = &vm->memory;
    struct text list = { 0 };
    uint32_t driver = v->driver;
    for (uint32_t n = 0; n < v->pages; n++)
        if (v->page[n].state == PAGE_BALLOON) text_bytes(&list, &n, sizeof n);
    size_t at = save_open(file, TAG_BALL);
    text_bytes(file, &driver, sizeof driver);
    save_packed(file, &list);
    save_close(file, at);
    text_free(&list);
}

void save_vm(const struct vm *vm, bool memory, struct text *file)
{
    const struct vcpu *v = &vm->vcpu;
    struct what w = what_of(vm);
    size_t at = save_open(file, TAG_WHAT);
    text_bytes(file, &w, sizeof w);
    save_close(file, at);
    at = save_open(file, TAG_VCPU);
    cpu_save(&v->virt, file);
    text_bytes(file, v->virt_mmu.pdpte, sizeof v->virt_mmu.pdpte);
    save_close(file, at);
    at = save_open(file, TAG_DEVS);
    devices_save(&vm->devices, &vm->timers, file);
    save_close(file, at);
    if (vm->vcpu.pv) pv_save(vm->vcpu.pv, memory, file);
    else if (memory) save_memory(vm, file);
    if (vm->vmm->memory.managed) save_balloon(vm, file);
}

/* ---- in */

uint64_t save_cycle(const struct text *file)
{
    struct state_reader r;
    struct what w;
    return save_find(file, TAG_WHAT, &r) && state_bytes(&r, &w, sizeof w) && w.cycle < CYCLE_MOST ? w.cycle : 0;
}

static bool fits(const struct vm *vm, const struct what *w, const char *name, struct err *e)
{
    const struct what here = what_of(vm);
    if (w->frames != here.frames)
        return err_set(e, EXIT_INPUT, "%s: a virtual machine with %u MB, and this one has %u; say --ram %uM", name, w->frames / 256, here.frames / 256, w->frames / 256);
    if (w->hz != here.hz || w->family != here.family || w->model != here.model || w->stepping != here.stepping)
        return err_set(e, EXIT_INPUT, "%s: saved on another processor (family %u model %u stepping %u, %llu MHz), whose clock and CPUID the guest has seen; use "
                       "the same --model", name, w->family, w->model, w->stepping, (unsigned long long)w->hz / 1000000);
    if ((w->extras ^ here.extras) & PORTED)
        return err_set(e, EXIT_INPUT, "%s: saved %s --cpu pv, and a kernel is ported or it is not; use %s", name, w->extras & PORTED ? "under" : "under another technique than",
                       w->extras & PORTED ? "--cpu pv" : "--cpu te, bt or vtx");
    if ((w->extras ^ here.extras) & MANAGED)
        return err_set(e, EXIT_INPUT, "%s: saved %s --set memory.total or memory.share, and the guest has seen whether there is a balloon's port; %s", name,
                       w->extras & MANAGED ? "with" : "without", w->extras & MANAGED ? "set one of them (any amount will do)" : "leave them out");
    if (w->without != here.without || w->extras != here.extras)
        return err_set(e, EXIT_INPUT, "%s: saved on a processor with other features, which the guest may use; use the same --model and --set", name);
    if (w->epoch != here.epoch) return err_set(e, EXIT_INPUT, "%s: saved in a run with another --seed, whose calendar began elsewhere", name);
    if (w->virtio != here.virtio) return err_set(e, EXIT_INPUT, "%s: saved with --set io.virtio=%u, and the guest has drivers of those disks; use the same", name, w->virtio);
    if (w->nic != here.nic) return err_set(e, EXIT_INPUT, "%s: saved with %s; use the same --nic and --set net.virtio", name,
                                           w->nic == PCI_NIC_VIRTIO ? "a virtio network card" : w->nic ? "a network card" : "no network card");
    if (memcmp(w->sectors, here.sectors, sizeof w->sectors))
        return err_set(e, EXIT_INPUT, "%s: saved with %u disk%s of other sizes than these; give the same --disk", name, w->drives, w->drives == 1 ? "" : "s");
    return true;
}

static bool restore_page(struct vm *vm, uint32_t n, const uint8_t *bytes)
{
    if (n >= vm->frames) return false;
    return vm->vmm->memory.managed ? memory_put(vm, n, bytes) : bus_poke(vm->vmm->board.bus, hpa(vm->bus.map[n] << PAGE_SHIFT), bytes, PAGE_SIZE);
}

static bool restore_balloon(struct vm *vm, const struct text *file, struct state_reader *r)
{
    struct text list = { 0 };
    uint32_t driver;
    bool good = save_find(file, TAG_BALL, r) && state_bytes(r, &driver, sizeof driver) && driver <= 1 &&
                save_unpack(r, (size_t)vm->frames * sizeof(uint32_t), &list) && list.len % sizeof(uint32_t) == 0;
    for (size_t at = 0; good && at < list.len; at += sizeof(uint32_t)) {
        uint32_t n;
        memcpy(&n, list.s + at, sizeof n);
        good = memory_ballooned(vm, n);
    }
    vm->memory.driver = good && driver;
    text_free(&list);
    return good;
}

/* The guest's memory holds what a loader put there; all of it is replaced. */
static bool restore_memory(struct vm *vm, const struct text *file, struct state_reader *r)
{
    static const uint8_t zeros[PAGE_SIZE];
    struct text pages = { 0 };
    bool good = save_find(file, TAG_MEMO, r) && save_unpack(r, (size_t)vm->frames * PAGE_ROOM, &pages) && pages.len % PAGE_ROOM == 0;
    bool managed = vm->vmm->memory.managed;
    if (good && managed) memory_forget(vm);
    for (uint32_t n = 0; good && !managed && n < vm->frames; n++) {
        const uint8_t *page = bus_page(vm->vmm->board.bus, hpa(vm->bus.map[n] << PAGE_SHIFT));
        if (page && !is_zero(page)) bus_poke(vm->vmm->board.bus, hpa(vm->bus.map[n] << PAGE_SHIFT), zeros, PAGE_SIZE);
    }
    for (size_t at = 0; good && at < pages.len; at += PAGE_ROOM) {
        uint32_t n;
        memcpy(&n, pages.s + at, sizeof n);
        good = restore_page(vm, n, (const uint8_t *)pages.s + at + sizeof n);
    }
    text_free(&pages);
    return good && (!managed || restore_balloon(vm, file, r));
}

static bool restore_cpu(struct vm *vm, struct state_reader *r)
{
    struct vcpu *v = &vm->vcpu;
    struct cpu *c = &v->virt;
    if (!cpu_load(c, r) || !state_bytes(r, v->virt_mmu.pdpte, sizeof v->virt_mmu.pdpte)) return false;
    if (!v->pv) c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    vm->restored = true;
    if (v->pv) pv_restored(v->pv);
    return true;
}

bool save_restore(struct vm *vm, bool memory, const struct text *file, const char *name, struct err *e)
{
    struct state_reader r;
    struct what w;
    if (!save_find(file, TAG_WHAT, &r) || !state_bytes(&r, &w, sizeof w) || w.cycle >= CYCLE_MOST)
        return err_set(e, EXIT_INPUT, "%s: does not say what it is of; save it anew", name);
    if (!fits(vm, &w, name, e)) return false;
    const struct clock before = *vm->vmm->board.clock;
    bool there = vm->vcpu.pv ? pv_restore(vm, memory, file, &r) : memory ? restore_memory(vm, file, &r) : !vm->vmm->memory.managed || restore_balloon(vm, file, &r);
    *vm->vmm->board.clock = before; /* no time passes, wherever the pages had to go */
    if (vm->dead) return err_set(e, EXIT_USAGE, "%s: its pages do not fit into this machine's memory, and nothing may be swapped; use a larger --set memory.total", name);
    if (!there) return err_set(e, EXIT_INPUT, "%s: %s", name, vm->vcpu.pv && r.why[0] ? r.why : "its memory is not that of a virtual machine like this");
    bool good = save_find(file, TAG_VCPU, &r) && restore_cpu(vm, &r);
    if (good) good = save_find(file, TAG_DEVS, &r) && devices_load(&vm->devices, &vm->timers, &r);
    return good || err_set(e, EXIT_INPUT, "%s: %s", name, r.why[0] ? r.why : "a part is missing");
}
