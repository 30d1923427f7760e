/* Shadow paging as agile paging's half: some tables are the guest's own, and the hardware goes on with them. See shadow.h, agile.h.
 *
 * Idea 1: an entry of a root that switches is like any other a function of one guest entry: followed by the traces of the directory,
 * found by the reverse map, which knows it as pointing to the guest's frame.
 * Idea 2: a frame is one or the other, for all that use it. What is the guest's own has no shadows, so that nobody need see its stores;
 * what has shadows is write-traced, in both halves.
 * Gandhi, Hill, Swift, ISCA 2016, section III.
 * TOUR mmu.20: where such a walk changes sides. */
#include "sim/mmu/shadow.h"

bool shadow_is_own(const struct shadow *s, uint32_t frame) { return s->agile && s->agile->own(s->agile->self, frame); }

uint32_t shadow_switch(const struct shadow *s, uint64_t whole)
{
    uint32_t pde = (uint32_t)whole, frame;
    bool large = (pde & PTE_PS) && (s->wide || (s->cr4 & PAGING_CR4_PSE)), leads = (pde & PTE_P) && (pde & PTE_A) && !large && !(whole >> 32);
    if (!s->agile || !leads || !shadow_guest_ram(s, pde & PAGE_MASK, &frame) || !shadow_is_own(s, frame)) return 0;
    return frame << PAGE_SHIFT | (pde & (PTE_W | PTE_U)) | PTE_P | PTE_A | PTE_SWITCH;
}

bool shadow_is_top(const struct shadow *s, uint32_t frame)
{
    bool is = s->table[s->root].frame == frame;
    for (unsigned n = 0; s->wide && n < 4; n++) is |= s->quarter[n] != SHADOW_NONE && s->table[s->quarter[n]].frame == frame;
    return is;
}

bool shadow_give_up(struct shadow *s, uint32_t frame)
{
    bool directory = shadow_is_top(s, frame);
    if (directory) shadow_reroot(s);
    while (shadow_frame(s, frame)->tables != SHADOW_NONE) {
        uint32_t t = shadow_frame(s, frame)->tables;
        directory |= s->table[t].kind == SHADOW_ROOT || s->table[t].kind == SHADOW_LARGE;
        shadow_free(s, t);
    }
    shadow_settle(s);
    return directory;
}

void shadow_take_back(struct shadow *s, uint32_t frame)
{
    for (uint32_t l = shadow_frame(s, frame)->links, next; l != SHADOW_NONE; l = next) {
        uint32_t t = s->link[l].where / PTE_SLOTS, slot = s->link[l].where % PTE_SLOTS;
        next = s->link[l].next;
        if (shadow_get(s, t, slot) & PTE_SWITCH) shadow_set(s, t, slot, 0);
    }
    shadow_reroot(s);
    shadow_settle(s);
}

bool shadow_was_stored(struct shadow *s, uint32_t frame)
{
    bool was = false;
    for (uint32_t l = shadow_frame(s, frame)->links; l != SHADOW_NONE; l = s->link[l].next) {
        uint32_t t = s->link[l].where / PTE_SLOTS, slot = s->link[l].where % PTE_SLOTS, entry = shadow_get(s, t, slot);
        if (!(entry & PTE_D) || (entry & PTE_SWITCH)) continue;
        shadow_set(s, t, slot, entry & ~(uint32_t)PTE_D);
        was = true;
    }
    return was;
}
