/* Taking a guest's page off its frame: what a balloon, sharing and swapping ask for. See shadow.h.
 *
 * Idea: the reverse map finds every entry that leads to the frame, as when a page becomes a table; only that here reading must end,
 * too, so translations are flushed whatever they permit. Tables that were made from the page are given up, as for want of room.
 * SDM vol. 3A 4.10.4 (what a TLB may still hold).
 * TOUR mmu.11: how a page is taken off its frame. */
#include "sim/mmu/shadow.h"

static void drop_tables(struct shadow *s, uint32_t frame)
{
    struct shadow_frame *f = shadow_frame(s, frame);
    while (f->tables != SHADOW_NONE) {
        s->stats.released++;
        shadow_free(s, f->tables);
    }
    while (f->halves != SHADOW_NONE) {
        s->stats.released++;
        shadow_free(s, f->halves / 2);
    }
}

static void drop_entries(struct shadow *s, uint32_t frame)
{
    const uint32_t *first = &shadow_frame(s, frame)->links;
    while (*first != SHADOW_NONE) {
        uint32_t t = s->link[*first].where / PTE_SLOTS, slot = s->link[*first].where % PTE_SLOTS;
        if (!(shadow_get(s, t, slot) & PTE_W)) shadow_stale(s, t, slot); /* else shadow_set notes it */
        shadow_set(s, t, slot, 0);
    }
}

void shadow_protect_shared(struct vmmu *m)
{
    struct shadow *s = m->state;
    for (uint32_t n = 0; n < m->env.guest->frames; n++) {
        uint32_t frame = m->env.guest->map[n];
        if (frame != FRAME_NONE && (m->env.machine->marks[frame] & FRAME_SHARED)) shadow_protect(s, frame);
    }
    shadow_settle(s);
}

bool shadow_unmap(struct vmmu *m, gpa_t page)
{
    struct shadow *s = m->state;
    uint32_t frame;
    if (!bus_owner(m->env.guest, hpa(page.v), &frame)) return true;
    if (shadow_frame(s, frame)->traces || shadow_is_top(s, frame)) return false;
    drop_tables(s, frame);
    drop_entries(s, frame);
    shadow_settle(s);
    return true;
}
