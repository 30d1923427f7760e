/* Swapping: the hypervisor takes any page of a VM's, whether or not the guest could spare it. The last resort; see memory.h.
 *
 * Idea: the guest cannot be asked which page it needs least, so any is as good as another. What the hypervisor watches stays, and so
 * does what an instruction that is under way has just needed. The page's bytes go to the swap area, and the whole machine waits for
 * the disk: a seek, eight sectors. Waldspurger 2002, 3.3 (random pages, so as not to fight the guest's own policy). */
#include <string.h>

#include "sim/vmm/memory.h"
#include "sim/vmm/vm.h"

enum { SECTORS = PAGE_SIZE / 512 };

static struct memory *memory(const struct memory_vm *v) { return &v->vm->vmm->memory; }

static void disk(const struct memory *m)
{
    const struct vmm_board *b = &m->vmm->board;
    uint64_t ns = b->disk_times.command_ns + (uint64_t)b->disk_times.seek_ns + (uint64_t)SECTORS * b->disk_times.sector_ns;
    clock_charge(b->clock, CAUSE_MEMORY, SECTORS * (uint64_t)b->model->cost[COST_BACKEND] + ns * (b->clock->hz / 1000000) / 1000);
}

static void copy(const struct memory *m, uint32_t to, uint32_t from)
{
    bus_poke(m->vmm->board.bus, hpa(to << PAGE_SHIFT), memory_bytes(m, from), PAGE_SIZE);
}

static bool is_recent(const struct memory *m, const struct memory_vm *v, uint32_t page)
{
    for (uint32_t n = 0; n < MEMORY_RECENT && n < m->recent_n; n++)
        if (m->recent[n].page == page && m->recent[n].vm == v->vm->id) return true;
    return false;
}

static bool may_go(const struct memory *m, struct memory_vm *v, uint32_t page)
{
    struct vmmu *mmu = &v->vm->vcpu.vmmu;
    return v->page[page].state == PAGE_HERE && !memory_is_shared(m, v->vm->bus.map[page]) && !is_recent(m, v, page) &&
           !(mmu->state && mmu->ops->traced(mmu, gpa(page << PAGE_SHIFT)));
}

static bool swap(struct memory_vm *v, uint32_t page)
{
    struct memory *m = memory(v);
    uint32_t frame = v->vm->bus.map[page], slot = m->slot[m->slots - 1];
    copy(m, slot, frame);
    if (!memory_drop(v, page, PAGE_SWAPPED)) return false;
    m->slots--;
    v->page[page].slot = slot;
    v->count.swapped++;
    v->count.swaps_out++;
    disk(m);
    TRACE(m->vmm->board.trace, SWAP, v->vm->vcpu.cause, .vm = v->vm->id, .in = 0, .page = page, .frame = frame);
    return true;
}

/* From a random page on, the first that may go. */
static bool swap_one_of(struct memory_vm *v)
{
    struct memory *m = memory(v);
    uint32_t from = memory_random(m, v->pages);
    for (uint32_t n = 0; n < v->pages; n++)
        if (may_go(m, v, (from + n) % v->pages) && swap(v, (from + n) % v->pages)) return true;
    return false;
}

bool memory_swap_out(struct memory *m)
{
    uint32_t have[256];
    if (!m->slots || !m->vmm->board.setting[SETTING_MEMORY_SWAP]) return false;
    for (unsigned n = 0; n < m->vmm->vms; n++) have[n] = memory_of(m, n)->count.here;
    for (struct memory_vm *v; (v = memory_poorest(m, have)) != NULL; have[v->vm->id] = 0)
        if (swap_one_of(v)) return true;
    return false;
}

void memory_swap_in(struct memory_vm *v, uint32_t page, uint32_t frame)
{
    struct memory *m = memory(v);
    uint32_t slot = v->page[page].slot;
    copy(m, frame, slot);
    m->slot[m->slots++] = slot;
    v->count.swapped--;
    v->count.swaps_in++;
    disk(m);
    TRACE(m->vmm->board.trace, SWAP, v->vm->vcpu.cause, .vm = v->vm->id, .in = 1, .page = page, .frame = frame);
}
