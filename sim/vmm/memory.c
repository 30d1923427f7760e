/* Frames of machine memory and the pages on them: see memory.h.
 * A page's way is NEW -> HERE -> (BALLOON | SWAPPED) -> HERE; memory_need is the only way to HERE. */
#include "sim/vmm/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/vmm/vm.h"

enum { PAGE_LINES = PAGE_SIZE / 64 };
static const uint8_t zeros[PAGE_SIZE];

void memory_charge(const struct memory *m, uint64_t references)
{
    const struct vmm_board *b = &m->vmm->board;
    clock_charge(b->clock, CAUSE_MEMORY, references * b->model->cost[COST_MEM_REF]);
}

const uint8_t *memory_bytes(const struct memory *m, uint32_t frame) { return m->vmm->board.bus->ram + (size_t)frame * PAGE_SIZE; }
struct memory_vm *memory_of(const struct memory *m, unsigned vm) { return &m->vmm->vm[vm].memory; }

uint32_t memory_random(struct memory *m, uint32_t below)
{
    m->random = m->random * 6364136223846793005u + 1442695040888963407u;
    return below ? (uint32_t)((m->random >> 33) % below) : 0;
}

static struct memory_frame *frame_of(const struct memory *m, uint32_t frame) { return &m->frame[frame - m->first]; }
static struct memory *memory(const struct memory_vm *v) { return &v->vm->vmm->memory; }

void memory_init(struct memory *m, struct vmm *h, const struct memory_plan *plan)
{
    struct arena *a = h->board.arena;
    *m = (struct memory){ .managed = true, .vmm = h, .first = plan->first, .frames = plan->frames, .swap_first = plan->first + plan->frames,
                          .swap_frames = plan->swap, .random = 0x9E3779B97F4A7C15u, .least_free = plan->frames };
    m->frame = arena_alloc(a, m->frames * sizeof *m->frame);
    m->free = arena_alloc(a, m->frames * sizeof *m->free);
    m->slot = arena_alloc(a, m->swap_frames * sizeof *m->slot);
    for (uint32_t n = m->frames; n--; ) m->free[m->free_n++] = m->first + n;
    for (uint32_t n = m->swap_frames; n--; ) m->slot[m->slots++] = m->swap_first + n;
    memory_share_init(m);
}

/* ---- frames */

uint32_t memory_take(struct memory *m)
{
    while (m->free_n <= m->frames / 100 && memory_swap_out(m)) { } /* the last percent is for when nothing else can go */
    if (!m->free_n) return MEMORY_NONE;
    uint32_t frame = m->free[--m->free_n];
    if (m->free_n < m->least_free) m->least_free = m->free_n;
    *frame_of(m, frame) = (struct memory_frame){ .refs = 1, .entry = MEMORY_NONE };
    return frame;
}

void memory_release(struct memory *m, uint32_t frame)
{
    frame_of(m, frame)->refs = 0;
    m->vmm->board.bus->marks[frame] &= (uint8_t)~FRAME_SHARED;
    bus_poke(m->vmm->board.bus, hpa(frame << PAGE_SHIFT), zeros, sizeof zeros);
    memory_charge(m, PAGE_LINES);
    m->scrubbed++;
    m->free[m->free_n++] = frame;
}

/* ---- pages */

static bool bus_asks(void *vm, uint32_t page, bool write) { return memory_need(vm, page, write); }

static const uint8_t *bus_looks(const void *vm, uint32_t page)
{
    const struct memory_vm *v = &((const struct vm *)vm)->memory;
    if (page >= v->pages) return NULL;
    return v->page[page].state == PAGE_SWAPPED ? memory_bytes(memory(v), v->page[page].slot) : zeros;
}

void memory_add(struct memory *m, struct vm *vm, uint32_t shares)
{
    struct memory_vm *v = &vm->memory;
    *v = (struct memory_vm){ .vm = vm, .pages = vm->frames, .share = shares, .count.active = 1000 };
    v->page = arena_alloc(m->vmm->board.arena, v->pages * sizeof *v->page);
    for (uint32_t n = 0; n < v->pages; n++) v->page[n].hint = MEMORY_NONE;
    vm->bus.backing = (struct bus_backing){ bus_asks, bus_looks, vm };
}

bool memory_unmap(struct memory_vm *v, uint32_t page)
{
    struct vmmu *mmu = &v->vm->vcpu.vmmu;
    mmu->cause = v->vm->vcpu.cause;
    bool gone = !mmu->state || mmu->ops->unmap(mmu, gpa(page << PAGE_SHIFT));
    if (gone && mmu->state && v->vm->vcpu.ops->remapped) v->vm->vcpu.ops->remapped(&v->vm->vcpu);
    return gone;
}

static bool arrive(struct memory_vm *v, uint32_t page)
{
    struct memory *m = memory(v);
    struct memory_page *p = &v->page[page];
    uint32_t frame = memory_take(m);
    if (frame == MEMORY_NONE) return false;
    if (p->state == PAGE_SWAPPED) memory_swap_in(v, page, frame);
    if (p->state == PAGE_BALLOON) v->count.ballooned--; /* the guest broke its word, or has started anew */
    p->state = PAGE_HERE;
    v->count.here++;
    v->vm->bus.map[page] = frame;
    migrate_comes(v->vm, page);
    return true;
}

bool memory_need(struct vm *vm, uint32_t page, bool write)
{
    struct memory_vm *v = &vm->memory;
    struct memory *m = &vm->vmm->memory;
    if (page >= v->pages) return false;
    m->recent[m->recent_n++ % MEMORY_RECENT].page = page;
    m->recent[(m->recent_n - 1) % MEMORY_RECENT].vm = vm->id;
    struct memory_page *p = &v->page[page];
    v->touched += p->sampled;
    p->sampled = false;
    bool good = p->state == PAGE_HERE || arrive(v, page);
    if (good && write && memory_is_shared(m, vm->bus.map[page])) good = memory_unshare(v, page);
    if (good && write) migrate_stores(vm, page);
    if (!good) vm_die(&vm->vcpu, DEATH_MEMORY);
    return good;
}

bool memory_drop(struct memory_vm *v, uint32_t page, enum page_state to)
{
    struct memory *m = memory(v);
    struct memory_page *p = &v->page[page];
    if (p->state == PAGE_HERE) {
        if (!memory_unmap(v, page)) return false;
        memory_forget_hint(m, p);
        memory_leave(v, page);
        v->vm->bus.map[page] = FRAME_NONE;
        v->count.here--;
    }
    if (to != PAGE_SWAPPED) migrate_stores(v->vm, page); /* it is zeros now */
    if (p->state == PAGE_SWAPPED) {
        m->slot[m->slots++] = p->slot;
        v->count.swapped--;
    }
    p->sampled = false;
    p->state = (uint8_t)to;
    return true;
}

/* ---- saved and restored */

const uint8_t *memory_look(const struct vm *vm, uint32_t page)
{
    return vm->bus.map[page] == FRAME_NONE ? bus_looks(vm, page) : memory_bytes(&vm->vmm->memory, vm->bus.map[page]);
}

void memory_forget(struct vm *vm)
{
    for (uint32_t n = 0; n < vm->memory.pages; n++) (void)memory_drop(&vm->memory, n, PAGE_NEW); /* nobody watches it yet */
}

bool memory_put(struct vm *vm, uint32_t page, const uint8_t *bytes)
{
    return memory_need(vm, page, true) && bus_poke(vm->vmm->board.bus, hpa(vm->bus.map[page] << PAGE_SHIFT), bytes, PAGE_SIZE);
}

bool memory_ballooned(struct vm *vm, uint32_t page)
{
    struct memory_vm *v = &vm->memory;
    if (page >= v->pages || v->page[page].state == PAGE_BALLOON || !memory_drop(v, page, PAGE_NEW)) return false;
    v->page[page].state = PAGE_BALLOON;
    v->count.ballooned++;
    return true;
}

/* ---- for tests and reports */

uint32_t memory_saved(const struct memory *m)
{
    uint32_t on = 0;
    for (unsigned n = 0; n < m->vmm->vms; n++) on += memory_of(m, n)->count.shared;
    return on - m->shared_frames;
}

static bool wrong(char *why, unsigned room, const char *what, uint64_t is, uint64_t should)
{
    snprintf(why, room, "machine memory: %s: %llu, not %llu", what, (unsigned long long)is, (unsigned long long)should);
    return false;
}

/* Counts in `on` the pages that are on each frame. */
static bool check_pages(const struct memory *m, uint32_t on[], char *why, unsigned room)
{
    for (unsigned k = 0; k < m->vmm->vms; k++) {
        const struct memory_vm *v = memory_of(m, k);
        for (uint32_t page = 0; page < v->pages; page++) {
            uint32_t f = v->vm->bus.map[page];
            if ((f != FRAME_NONE) != (v->page[page].state == PAGE_HERE)) return wrong(why, room, "a page's frame is not as its state says", page, v->page[page].state);
            if (f == FRAME_NONE) continue;
            if (f - m->first >= m->frames) return wrong(why, room, "a page's frame is none of the VMs' memory", f, 0);
            on[f - m->first]++;
        }
    }
    return true;
}

static bool check_frames(const struct memory *m, const uint32_t on[], char *why, unsigned room)
{
    uint32_t used = 0;
    for (uint32_t f = m->first; f < m->first + m->frames; f++) {
        const struct memory_frame *x = frame_of(m, f);
        used += x->refs > 0;
        if (on[f - m->first] != x->refs) return wrong(why, room, "pages on a frame", on[f - m->first], x->refs);
        if (!x->refs && memcmp(memory_bytes(m, f), zeros, PAGE_SIZE) != 0) return wrong(why, room, "a free frame holds something", f, 0);
        if (x->refs > 1 && !memory_is_shared(m, f)) return wrong(why, room, "several pages on a frame that is not shared", x->refs, 1);
    }
    return used + m->free_n == m->frames ? true : wrong(why, room, "frames used and free", used + m->free_n, m->frames);
}

bool memory_check(const struct memory *m, char *why, unsigned room)
{
    uint32_t *on = calloc(m->frames, sizeof *on);
    bool good = on != NULL;
    if (!good) snprintf(why, room, "no memory to check");
    good = good && check_pages(m, on, why, room) && check_frames(m, on, why, room);
    free(on);
    return good;
}
