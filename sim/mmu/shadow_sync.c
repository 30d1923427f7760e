/* Following a guest's changes to its own page tables. See shadow.h. TOUR mmu.8
 *
 * Idea: a shadow entry is a function of one guest entry (and of rights fixed when its table was made), so following a
 * store is computing that function again. An entry the guest has not accessed is never made present here: only an
 * access may set A, and hidden faults see accesses. */
#include "sim/mmu/shadow.h"

/* A directory that is not in use and is stored to so often is ordinary memory again. */
enum { FLOOD = 16 };

bool shadow_guest_ram(const struct shadow *s, uint32_t at, uint32_t *frame)
{
    return !bus_windowed(s->env->guest, hpa(at)) && bus_owner(s->env->guest, hpa(at), frame);
}

/* Accessed and dirty are set from the start: the hardware must find nothing to write into shadow tables. */
uint32_t shadow_entry(const struct shadow *s, uint32_t frame, uint32_t rights)
{
    uint32_t entry = frame << PAGE_SHIFT | PTE_P | PTE_A | (rights & PTE_U);
    bool writable = (rights & PTE_W) && (rights & PTE_D) && !shadow_traced(s, frame);
    return writable ? entry | PTE_W | PTE_D : entry;
}

/* The guest's entry a shadow was made from. Tables lie in plain RAM, so the machine's bus shows what the VM's would. */
static uint32_t guest_entry(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    shadow_charge(s, COST_MEM_REF, 1);
    return bus_read(s->env->machine, hpa(frame << PAGE_SHIFT | slot << 2), 4);
}

void shadow_sync_table(struct shadow *s, uint32_t t, uint32_t slot)
{
    const struct shadow_table *x = &s->table[t];
    uint32_t guest = guest_entry(s, x->frame, slot), old = shadow_get(s, t, slot), entry = 0, frame;
    if ((guest & PTE_P) && (guest & PTE_A) && shadow_guest_ram(s, guest & PAGE_MASK, &frame))
        entry = shadow_entry(s, frame, guest & (x->rights | (uint32_t)PTE_D));
    if (!(old & PTE_P) && entry) {
        if (!s->env->choice.eager || !s->free_links) return; /* a hidden fault will come for it */
        shadow_charge(s, COST_SHADOW_FILL, 1);
        s->stats.eager++;
    }
    shadow_set(s, t, slot, entry);
}

void shadow_sync_root(struct shadow *s, uint32_t t, uint32_t slot)
{
    uint32_t child = shadow_child(s, t, slot);
    if (child == SHADOW_NONE || s->table[t].frame == SHADOW_NONE) return;
    uint32_t pde = guest_entry(s, s->table[t].frame, slot), frame;
    const struct shadow_table *c = &s->table[child];
    bool large = (pde & PTE_PS) && (s->cr4 & PAGING_CR4_PSE);
    bool same = (pde & PTE_P) && (pde & PTE_A) && !large && c->kind == SHADOW_TABLE &&
                c->rights == (pde & (PTE_W | PTE_U)) && shadow_guest_ram(s, pde & PAGE_MASK, &frame) &&
                c->frame == frame;
    if (!same) shadow_set(s, t, slot, 0);
}

/* Has the guest stopped using this as a page table? A table no root reaches, and a directory that is not loaded but
 * written again and again, are given up at the next store: that ends the trace. */
static bool given_up(struct shadow *s, uint32_t t)
{
    if (t == s->root) return false;
    if (s->table[t].kind == SHADOW_ROOT) return ++s->table[t].writes > FLOOD;
    return s->frame[s->env->pool_first + t].links == SHADOW_NONE;
}

void shadow_sync_store(struct shadow *s, gpa_t at)
{
    uint32_t frame, slot = pte_slot(at.v << 10); /* bits 11..2: the entry's number in its table */
    if (!bus_owner(s->env->guest, hpa(at.v), &frame) || s->frame[frame].tables == SHADOW_NONE) return;
    shadow_charge(s, COST_SHADOW_SYNC, 1);
    for (uint32_t t = s->frame[frame].tables, next; t != SHADOW_NONE; t = next) {
        next = s->table[t].next;
        /* A splinter depends on its one directory entry in every bit; it is not worth telling which changed. */
        bool over = given_up(s, t);
        s->stats.released += over;
        if (over || (s->table[t].kind == SHADOW_LARGE && s->table[t].slot == slot)) shadow_free(s, t);
        else if (s->table[t].kind == SHADOW_ROOT) shadow_sync_root(s, t, slot);
        else if (s->table[t].kind == SHADOW_TABLE) shadow_sync_table(s, t, slot);
    }
}
