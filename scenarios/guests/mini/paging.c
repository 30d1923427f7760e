// Address spaces: pages appear on first touch, and are shared after fork until someone writes.
//
// Idea: a page-table entry is filled in when the program first needs it, never before. space_touch is the one place where
// that happens, for a page fault as well as for the kernel, which reads and writes a program's memory through it and never
// by the program's own addresses: the kernel itself has no page faults.
// After fork both spaces have the same frames, read-only, the entries marked PTE_COW. The first store faults: the writer
// gets a copy, or, if nobody else has the frame any more, the right to write.
// Manual: Intel SDM volume 3, 4.3, 4.7 (page-fault error code), 4.10 (what must be flushed when).
// Not here: taking pages away (swapping), pages shared on purpose, large pages.
#include "mini/kernel.h"

enum { USER_ENTRIES = KERNEL_BASE >> TABLE_SHIFT, RIGHTS = PTE_P | PTE_US };

static pte_t *table_of(pte_t directory_entry) { return physical_to_kernel(pte_physical(directory_entry)); }

static pte_t *table_new(enum table_level level)
{
    uint32_t frame = frame_new();
    pte_t *table = physical_to_kernel(frame);
    if (!frame) return NULL;
    table_adopt(table, level);
    return table;
}

// The entry that leads to a space's nth table.
static inline pte_t *upper_entry(pte_t *root, uint32_t n)
{
    return ROOT_ENTRIES == 1 ? &root[n] : &table_of(root[n / TABLE_ENTRIES])[n % TABLE_ENTRIES];
}

// The entry of an address; its table is made if it is not there. NULL: no memory.
static pte_t *entry_of(struct space *space, uint32_t address, bool make)
{
    pte_t *directory_entry = upper_entry(space->directory, address >> TABLE_SHIFT);
    if (!(*directory_entry & PTE_P)) {
        pte_t *table = make ? table_new(LEVEL_TABLE) : NULL;
        if (!table) return NULL;
        pte_set(directory_entry, pte_make(kernel_to_physical(table), PTE_P | PTE_RW | PTE_US));
        pte_sync();
    }
    return &table_of(*directory_entry)[address >> 12 & (TABLE_ENTRIES - 1)];
}

bool space_init(struct space *space)
{
    *space = (struct space){ .directory = ROOT_ENTRIES == 1 ? table_new(LEVEL_DIRECTORY) : root_new() };
    return space->directory != NULL;
}

// ---- First touch -----------------------------------------------------------------------------------------------------

static struct process *owner_of(const struct space *space)
{
    return (struct process *)((uintptr_t)space - offsetof(struct process, space));
}

// What belongs at a page: bytes of the program's file, zeros of heap or stack. False: nothing does.
static bool page_wanted(struct space *space, uint32_t page, struct segment_map **from, bool *writable)
{
    *from = NULL;
    *writable = true;
    for (uint32_t i = 0; i < space->segments; i++) {
        struct segment_map *s = &space->segment[i];
        if (page + PAGE <= s->begin || page >= s->end) continue;
        *from = s;
        *writable = s->writable;
        return true;
    }
    return (page >= space->heap_begin && page < space->heap_end) || (page >= STACK_LIMIT && page < STACK_TOP);
}

static bool fill_from_file(struct space *space, const struct segment_map *s, uint32_t page, uint32_t frame)
{
    uint32_t begin = page > s->begin ? page : s->begin;
    uint32_t end = page + PAGE < s->file_end ? page + PAGE : s->file_end;
    if (begin >= end) return true;
    uint8_t *to = (uint8_t *)physical_to_kernel(frame) + (begin - page);
    return inode_read(space->program, s->offset + (begin - s->begin), to, end - begin) == (int)(end - begin);
}

LANDMARK static bool demand(struct space *space, uint32_t page, bool write)
{
    struct segment_map *from;
    bool writable;
    struct counters *count = &owner_of(space)->counters;
    if (!page_wanted(space, page, &from, &writable) || (write && !writable)) return false;
    uint32_t frame = frame_new();
    if (!frame) return false;
    if (from && !fill_from_file(space, from, page, frame)) {
        frame_drop(frame);
        return false;
    }
    pte_t *entry = entry_of(space, page, true);
    if (!entry) {
        frame_drop(frame);
        return false;
    }
    if (from && page < from->file_end) count->demand_file++;
    else count->demand_zero++;
    pte_set(entry, pte_make(frame, RIGHTS | (writable ? PTE_RW : 0)));
    pte_sync();
    return true;
}

// A store to a shared page.
LANDMARK static bool cow(struct space *space, pte_t *entry, uint32_t page)
{
    struct counters *count = &owner_of(space)->counters;
    uint32_t shared = pte_physical(*entry), frame = shared;
    if (frame_users(shared) > 1) {
        frame = frame_new();
        if (!frame) return false;
        memcpy(physical_to_kernel(frame), physical_to_kernel(shared), PAGE);
        count->cow_copies++;
    } else
        count->cow_reuses++;
    pte_set(entry, pte_make(frame, RIGHTS | PTE_RW));
    pte_sync();
    if (frame != shared) frame_drop(shared);
    if (current->space.directory == space->directory) tlb_flush_page(page);
    return true;
}

LANDMARK bool space_touch(struct space *space, uint32_t address, bool write)
{
    uint32_t page = address & ~(uint32_t)(PAGE - 1);
    if (page < USER_BEGIN || page >= KERNEL_BASE) return false;
    pte_t *entry = entry_of(space, page, false);
    if (!entry || !(*entry & PTE_P)) return demand(space, page, write);
    if (!write || (*entry & PTE_RW)) return true;
    return (*entry & PTE_COW) && cow(space, entry, page);
}

// ---- Fork and end ----------------------------------------------------------------------------------------------------

static bool share_table(struct space *child, pte_t *from, uint32_t base)
{
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++) {
        if (!(from[i] & PTE_P)) continue;
        uint32_t frame = pte_physical(from[i]);
        uint32_t flags = RIGHTS | (from[i] & (PTE_RW | PTE_COW) ? PTE_COW : 0);
        pte_t *to = entry_of(child, base + i * PAGE, true);
        if (!to) return false;
        frame_share(frame);
        pte_set(to, pte_make(frame, flags));
        if (from[i] & PTE_RW) pte_set(&from[i], pte_make(frame, flags));
    }
    return true;
}

LANDMARK bool space_copy(struct space *child, struct space *parent)
{
    bool ok = space_init(child);
    if (!ok) return false;
    for (uint32_t i = 0; i < USER_ENTRIES && ok; i++)
        if (*upper_entry(parent->directory, i) & PTE_P) ok = share_table(child, table_of(*upper_entry(parent->directory, i)), i << TABLE_SHIFT);
    pte_sync();
    tlb_flush_all(); // the parent may have stored through entries that are read-only now
    if (!ok) {
        space_done(child);
        return false;
    }
    pte_t *directory = child->directory;
    *child = *parent;
    child->directory = directory;
    if (child->program) child->program->users++;
    return true;
}

void space_shrink(struct space *space, uint32_t from, uint32_t to)
{
    for (uint32_t page = from; page < to; page += PAGE) {
        pte_t *entry = entry_of(space, page, false);
        if (!entry || !(*entry & PTE_P)) continue;
        uint32_t frame = pte_physical(*entry);
        pte_set(entry, 0);
        pte_sync();
        tlb_flush_page(page);
        frame_drop(frame);
    }
}

// From the top down: once the directory is an ordinary page, nothing uses its tables, and then nothing uses their pages.
void space_done(struct space *space)
{
    pte_t *directory = space->directory;
    if (space->program) inode_put(space->program);
    if (current->space.directory == directory) directory_load(NULL);
    *space = (struct space){ .directory = NULL };
    if (!directory) return;
    if (ROOT_ENTRIES == 1) table_release(directory, LEVEL_DIRECTORY);
    else root_release(directory);
    for (uint32_t i = 0; i < USER_ENTRIES; i++) {
        if (!(*upper_entry(directory, i) & PTE_P)) continue;
        pte_t *table = table_of(*upper_entry(directory, i));
        table_release(table, LEVEL_TABLE);
        for (uint32_t j = 0; j < TABLE_ENTRIES; j++)
            if (table[j] & PTE_P) frame_drop(pte_physical(table[j]));
        frame_drop(kernel_to_physical(table));
    }
    if (ROOT_ENTRIES > 1) root_done(directory);
    frame_drop(kernel_to_physical(directory));
}

void space_count(struct space *space, struct counters *out)
{
    out->shared_pages = out->own_pages = 0;
    for (uint32_t i = 0; i < USER_ENTRIES; i++) {
        if (!(*upper_entry(space->directory, i) & PTE_P)) continue;
        pte_t *table = table_of(*upper_entry(space->directory, i));
        for (uint32_t j = 0; j < TABLE_ENTRIES; j++) {
            if (!(table[j] & PTE_P)) continue;
            if (frame_users(pte_physical(table[j])) > 1) out->shared_pages++;
            else out->own_pages++;
        }
    }
    out->free_frames = frames_free() + balloon_size(); // whoever has the latter gives them back when they are needed
}

// ---- A program's memory, for the kernel ------------------------------------------------------------------------------

// The kernel's address of a program's byte.
static uint8_t *reach(struct space *space, uint32_t address, bool write)
{
    if (!space_touch(space, address, write)) return NULL;
    return (uint8_t *)physical_to_kernel(pte_physical(*entry_of(space, address, false))) + (address & (PAGE - 1));
}

static uint32_t in_page(uint32_t address, uint32_t size)
{
    uint32_t room = PAGE - (address & (PAGE - 1));
    return size < room ? size : room;
}

bool space_read(struct space *space, uint32_t from, void *to, uint32_t size)
{
    for (uint32_t n; size; from += n, to = (uint8_t *)to + n, size -= n) {
        const uint8_t *at = reach(space, from, false);
        if (!at) return false;
        n = in_page(from, size);
        memcpy(to, at, n);
    }
    return true;
}

bool space_write(struct space *space, uint32_t to, const void *from, uint32_t size)
{
    for (uint32_t n; size; to += n, from = (const uint8_t *)from + n, size -= n) {
        uint8_t *at = reach(space, to, true);
        if (!at) return false;
        n = in_page(to, size);
        memcpy(at, from, n);
    }
    return true;
}

bool space_read_text(struct space *space, uint32_t from, char *to, uint32_t room)
{
    for (uint32_t i = 0; i < room; i++) {
        if (!space_read(space, from + i, &to[i], 1)) return false;
        if (!to[i]) return true;
    }
    return false;
}
