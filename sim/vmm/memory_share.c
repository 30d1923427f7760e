/* Pages with the same bytes on one frame: see memory.h.
 *
 * Idea 1: a hash finds candidates, a comparison of all 4096 bytes decides. A page whose content nobody else has leaves a hint: its
 * hash, and where it is; it stays writable, and the hint may be out of date. When a second page comes with that hash the hint's is
 * looked at again, and if it is still so the two share.
 * Idea 2: a shared frame is read-only in every table that leads to it (FRAME_SHARED). A store is a hidden fault, or a violation, or
 * comes over the VM's bus: the page gets a copy first. Who stores last to a frame keeps it.
 * Waldspurger 2002, 4: 64-bit hash, hint frames, a scanner in the background. */
#include <string.h>

#include "sim/vmm/memory.h"
#include "sim/vmm/vm.h"

enum { PAGE_LINES = PAGE_SIZE / 64 };

static struct memory *memory(const struct memory_vm *v) { return &v->vm->vmm->memory; }
static struct memory_frame *frame_of(const struct memory *m, uint32_t frame) { return &m->frame[frame - m->first]; }
bool memory_is_shared(const struct memory *m, uint32_t frame) { return frame_of(m, frame)->entry != MEMORY_NONE; }

/* ---- the table of contents */

void memory_share_init(struct memory *m)
{
    struct arena *a = m->vmm->board.arena;
    for (m->buckets = 64; m->buckets < m->frames; m->buckets *= 2) { }
    m->bucket = arena_alloc(a, m->buckets * sizeof *m->bucket);
    m->entry = arena_alloc(a, m->frames * sizeof *m->entry);
    for (uint32_t n = 0; n < m->buckets; n++) m->bucket[n] = MEMORY_NONE;
    for (uint32_t n = 0; n < m->frames; n++) m->entry[n].next = n + 1 < m->frames ? n + 1 : MEMORY_NONE;
    m->free_entry = 0;
}

static uint32_t *bucket_of(const struct memory *m, uint64_t hash) { return &m->bucket[hash & (m->buckets - 1)]; }

/* Each frame in use has at most one entry, a shared one's or a hint's, so there is always room. */
static uint32_t add(struct memory *m, uint64_t hash, uint8_t vm, uint32_t what)
{
    uint32_t e = m->free_entry, *b = bucket_of(m, hash);
    m->free_entry = m->entry[e].next;
    m->entry[e] = (struct memory_entry){ .hash = hash, .what = what, .vm = vm, .next = *b };
    *b = e;
    return e;
}

static void take_out(struct memory *m, uint32_t e)
{
    uint32_t *at = bucket_of(m, m->entry[e].hash);
    while (*at != e) at = &m->entry[*at].next;
    *at = m->entry[e].next;
    m->entry[e].next = m->free_entry;
    m->free_entry = e;
}

static uint32_t find(const struct memory *m, uint64_t hash)
{
    uint32_t e = *bucket_of(m, hash);
    while (e != MEMORY_NONE && m->entry[e].hash != hash) e = m->entry[e].next;
    return e;
}

void memory_forget_hint(struct memory *m, struct memory_page *p)
{
    if (p->hint != MEMORY_NONE) take_out(m, p->hint);
    p->hint = MEMORY_NONE;
}

static uint64_t hash_of(struct memory *m, uint32_t frame)
{
    uint64_t h = 14695981039346656037u, word;
    const uint8_t *bytes = memory_bytes(m, frame);
    for (unsigned n = 0; n < PAGE_SIZE; n += sizeof word) {
        memcpy(&word, bytes + n, sizeof word);
        h = (h ^ word) * 1099511628211u;
        h ^= h >> 29;
    }
    memory_charge(m, PAGE_LINES);
    return h;
}

static bool same(struct memory *m, uint32_t a, uint32_t b)
{
    m->compared++;
    memory_charge(m, 2 * PAGE_LINES);
    return !memcmp(memory_bytes(m, a), memory_bytes(m, b), PAGE_SIZE);
}

/* ---- pages on shared frames */

static void tell(const struct memory_vm *v, uint32_t page, uint32_t frame, bool shared)
{
    struct trace *t = v->vm->vmm->board.trace;
    if (shared) TRACE(t, SHARE, v->vm->vcpu.cause, .vm = v->vm->id, .page = page, .frame = frame);
    else TRACE(t, UNSHARE, v->vm->vcpu.cause, .vm = v->vm->id, .page = page, .frame = frame);
}

/* A frame that one page has is to be shared: from here on nobody may store to it. */
static bool offer(struct memory_vm *v, uint32_t page, uint64_t hash)
{
    struct memory *m = memory(v);
    uint32_t frame = v->vm->bus.map[page];
    if (!memory_unmap(v, page)) return false;
    memory_forget_hint(m, &v->page[page]);
    m->vmm->board.bus->marks[frame] |= FRAME_SHARED;
    frame_of(m, frame)->entry = add(m, hash, MEMORY_SHARED, frame);
    m->shared_frames++;
    v->count.shared++;
    return true;
}

static void unmark(struct memory *m, uint32_t frame)
{
    take_out(m, frame_of(m, frame)->entry);
    frame_of(m, frame)->entry = MEMORY_NONE;
    m->vmm->board.bus->marks[frame] &= (uint8_t)~FRAME_SHARED;
    m->shared_frames--;
}

void memory_leave(struct memory_vm *v, uint32_t page)
{
    struct memory *m = memory(v);
    uint32_t frame = v->vm->bus.map[page];
    bool last = !--frame_of(m, frame)->refs;
    if (memory_is_shared(m, frame)) {
        v->count.shared--;
        if (last) unmark(m, frame);
    }
    if (last) memory_release(m, frame);
}

static void join(struct memory_vm *v, uint32_t page, uint32_t frame)
{
    struct memory *m = memory(v);
    if (!memory_unmap(v, page)) return;
    memory_forget_hint(m, &v->page[page]);
    frame_of(m, frame)->refs++;
    memory_leave(v, page);
    v->vm->bus.map[page] = frame;
    v->count.shared++;
    v->count.shares++;
    tell(v, page, frame, true);
}

bool memory_unshare(struct memory_vm *v, uint32_t page)
{
    struct memory *m = memory(v);
    uint32_t frame = v->vm->bus.map[page], own = frame;
    if (frame_of(m, frame)->refs > 1) {
        own = memory_take(m);
        if (own == MEMORY_NONE || !memory_unmap(v, page)) return false; /* shared pages are never watched */
        bus_poke(m->vmm->board.bus, hpa(own << PAGE_SHIFT), memory_bytes(m, frame), PAGE_SIZE);
        memory_charge(m, 2 * PAGE_LINES);
        memory_leave(v, page);
        v->vm->bus.map[page] = own;
    } else {
        unmark(m, frame);
        v->count.shared--;
    }
    v->count.unshares++;
    tell(v, page, own, false);
    return true;
}

/* ---- the scanner */

/* Somebody has left word that a page of his had this content. */
static void meet(struct memory_vm *v, uint32_t page, uint64_t hash, uint32_t hint)
{
    struct memory *m = memory(v);
    struct memory_vm *other = memory_of(m, m->entry[hint].vm);
    uint32_t there = m->entry[hint].what, frame = other->vm->bus.map[there];
    if (hash_of(m, frame) != hash || !same(m, frame, v->vm->bus.map[page])) {
        memory_forget_hint(m, &other->page[there]);
        v->page[page].hint = add(m, hash, v->vm->id, page);
    } else if (offer(other, there, hash)) {
        join(v, page, frame);
    }
}

static void scan_page(struct memory_vm *v, uint32_t page)
{
    struct memory *m = memory(v);
    struct vmmu *mmu = &v->vm->vcpu.vmmu;
    uint32_t frame = v->vm->bus.map[page];
    if (v->page[page].state != PAGE_HERE || memory_is_shared(m, frame) || mmu->ops->traced(mmu, gpa(page << PAGE_SHIFT))) return;
    m->scanned++;
    uint64_t hash = hash_of(m, frame);
    memory_forget_hint(m, &v->page[page]);
    uint32_t e = find(m, hash);
    if (e == MEMORY_NONE) v->page[page].hint = add(m, hash, v->vm->id, page);
    else if (m->entry[e].vm != MEMORY_SHARED) meet(v, page, hash, e);
    else if (same(m, m->entry[e].what, frame)) join(v, page, m->entry[e].what);
}

void memory_scan(struct memory *m, uint32_t pages)
{
    uint32_t looked = 0; /* most pages of a VM may have no frame: looking at the map is not what costs */
    for (uint64_t before = m->scanned; m->scanned - before < pages && looked < 64 * pages; looked++) {
        struct memory_vm *v = memory_of(m, m->scan_vm);
        if (m->scan_page >= v->pages || v->vm->account.state == VM_OVER) {
            m->scan_page = 0;
            m->scan_vm = (m->scan_vm + 1) % m->vmm->vms;
            continue;
        }
        scan_page(v, m->scan_page++);
    }
    memory_charge(m, looked / 16);
}
