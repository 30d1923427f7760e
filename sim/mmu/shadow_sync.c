/* Following a guest's changes to its own page tables. See shadow.h.
 *
 * Idea: a shadow entry is a function of one guest entry (and of rights fixed when its table was made), so following a
 * store is computing that function again. An entry the guest has not accessed is never made present here: only an
 * access may set A, and hidden faults see accesses.
 * TOUR mmu.10: how a store to a guest's table is followed. */
#include "sim/mmu/shadow.h"

/* A directory that is not in use and is stored to so often is ordinary memory again. */
enum { FLOOD = 16 };

bool shadow_guest_ram(const struct shadow *s, uint32_t at, uint32_t *frame)
{
    return !bus_windowed(s->env->guest, hpa(at)) && bus_owner(s->env->guest, hpa(at), frame);
}

bool shadow_device(const struct shadow *s, uint32_t at, uint32_t *frame)
{
    *frame = s->env->device_frame;
    return *frame && at >> PAGE_SHIFT == s->env->device_page;
}

bool shadow_own_ram(const struct shadow *s, uint32_t at, bool write, uint32_t *frame)
{
    if (s->env->own && !bus_windowed(s->env->guest, hpa(at))) (void)s->env->own(s->env->self, gpa(at), write);
    return shadow_guest_ram(s, at, frame);
}

/* Accessed and dirty are set from the start: the hardware must find nothing to write into shadow tables. */
uint32_t shadow_entry(const struct shadow *s, uint32_t frame, uint32_t rights)
{
    uint32_t entry = frame << PAGE_SHIFT | PTE_P | PTE_A | (rights & PTE_U);
    bool writable = (rights & PTE_W) && (rights & PTE_D) && !shadow_traced(s, frame) && !(s->env->machine->marks[frame] & FRAME_SHARED);
    return writable ? entry | PTE_W | PTE_D : entry;
}

/* The guest's entry a shadow was made from. Tables lie in plain RAM, so the machine's bus shows what the VM's would. */
static uint64_t guest_entry(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    if (s->wide) return shadow_pae_entry(s, frame, slot);
    shadow_charge(s, COST_MEM_REF, 1);
    bus_refer(s->env->machine, hpa(frame << PAGE_SHIFT | slot << 2), 4, false);
    return bus_read(s->env->machine, hpa(frame << PAGE_SHIFT | slot << 2), 4);
}

void shadow_follow(struct shadow *s, uint32_t t, uint32_t slot, uint32_t entry)
{
    if (entry && !(shadow_get(s, t, slot) & PTE_P)) {
        if (!s->env->choice.eager || !s->free_links) return; /* a hidden fault will come for it */
        shadow_charge(s, COST_SHADOW_FILL, 1);
        s->stats.eager++;
    }
    shadow_set(s, t, slot, entry);
}

void shadow_sync_table(struct shadow *s, uint32_t t, uint32_t slot)
{
    const struct shadow_table *x = &s->table[t];
    uint64_t whole = guest_entry(s, x->frame, slot);
    uint32_t guest = whole >> 32 ? 0 : (uint32_t)whole, entry = 0, frame; /* beyond 4 GB, or reserved bits */
    if ((guest & PTE_P) && (guest & PTE_A) && shadow_guest_ram(s, guest & PAGE_MASK, &frame))
        entry = shadow_entry(s, frame, guest & (x->rights | (uint32_t)PTE_D));
    shadow_follow(s, t, slot, entry);
}

void shadow_sync_root(struct shadow *s, uint32_t t, uint32_t slot)
{
    uint32_t child = shadow_child(s, t, slot), now = shadow_get(s, t, slot);
    if ((now & PTE_SWITCH) && slot < shadow_slots(s, t)) {
        if (now != shadow_switch(s, guest_entry(s, s->table[t].frame, slot))) shadow_set(s, t, slot, 0);
        return;
    }
    if (child == SHADOW_NONE || s->table[t].frame == SHADOW_NONE) return;
    uint64_t whole = guest_entry(s, s->table[t].frame, slot);
    uint32_t pde = whole >> 32 ? 0 : (uint32_t)whole, frame;
    const struct shadow_table *c = &s->table[child];
    bool large = (pde & PTE_PS) && (s->wide || (s->cr4 & PAGING_CR4_PSE));
    bool same = (pde & PTE_P) && (pde & PTE_A) && !large && c->kind == SHADOW_TABLE &&
                c->rights == (pde & (PTE_W | PTE_U)) && shadow_guest_ram(s, pde & PAGE_MASK, &frame) &&
                c->frame == frame;
    if (!same) shadow_set(s, t, slot, 0);
}

/* Has the guest stopped using this as a page table? A table no root reaches, and a directory that is not loaded but
 * written again and again, are given up at the next store: that ends the trace. */
static bool given_up(struct shadow *s, uint32_t t)
{
    if (shadow_current(s, t)) return false;
    if (s->table[t].kind == SHADOW_ROOT) return ++s->table[t].writes > FLOOD;
    uint32_t links = shadow_frame(s, s->env->pool_first + t)->links;
    if (links == SHADOW_NONE || s->table[t].kind != SHADOW_PAE) return links == SHADOW_NONE; /* PAE: a piece of a directory */
    if (shadow_in_use(s, t)) return false;
    return ++s->table[t].writes > FLOOD;
}

static void release(struct shadow *s, uint32_t t)
{
    s->stats.released++;
    shadow_free(s, t);
}

static void sync_tables(struct shadow *s, uint32_t frame, uint32_t slot)
{
    for (uint32_t t = shadow_frame(s, frame)->tables, next; t != SHADOW_NONE; t = next) {
        const struct shadow_table *x = &s->table[t];
        next = x->next;
        if (given_up(s, t)) release(s, t);
        /* A splinter depends on its one directory entry in every bit; it is not worth telling which changed. */
        else if (x->kind == SHADOW_LARGE && x->slot == slot) shadow_free(s, t);
        else if (x->kind == SHADOW_ROOT) shadow_sync_root(s, t, slot);
        else if (x->kind == SHADOW_TABLE) shadow_sync_table(s, t, slot);
        else if (x->kind == SHADOW_PAE && x->slot == slot / 4) shadow_pae_sync_directory(s, t, slot / 2 & 1);
    }
}

static void sync_halves(struct shadow *s, uint32_t frame, uint32_t slot)
{
    for (uint32_t h = shadow_frame(s, frame)->halves; h != SHADOW_NONE; ) {
        if (given_up(s, h / 2)) {
            release(s, h / 2);
            h = shadow_frame(s, frame)->halves; /* both of its halves may have been here */
        } else {
            shadow_pae_sync_page(s, h / 2, (h & 1) * PAE_SLOTS + slot / 2);
            h = s->half[h].next;
        }
    }
}

void shadow_sync_store(struct shadow *s, gpa_t at)
{
    uint32_t frame, slot = pte_slot(at.v << 10); /* bits 11..2: the entry's number in its table; of PAE's, twice and which half */
    if (!bus_owner(s->env->guest, hpa(at.v), &frame)) return;
    if (shadow_frame(s, frame)->tables == SHADOW_NONE && shadow_frame(s, frame)->halves == SHADOW_NONE) return;
    if (s->wide) slot /= 2;
    if (s->log.stores++ < SHADOW_LOG) s->log.store[s->log.stores - 1].frame = frame, s->log.store[s->log.stores - 1].slot = slot;
    shadow_charge(s, COST_SHADOW_SYNC, 1);
    sync_tables(s, frame, slot);
    sync_halves(s, frame, slot);
}
