/* Shadow entries that somebody else says: a laboratory's page-fault handler. See shadow.h.
 *
 * Idea 1: shadows are a TLB in memory here (choice.cache and choice.trace off), so whatever entry is missing, stale or too strict, a fault or
 * a flush mends it. The handler that fills it is not ours.
 * Idea 2: an entry may be wrong for the guest, never for others: its frame must be the guest's, and a frame under write trace is not writable.
 * Idea 3: a space is a set of tables of its own (their `rights` are its number). Who chooses spaces keeps shadows across loads of CR3, and
 * has to see to it himself that what he comes back to is still true.
 * Idea 4: the judge is the guest's tables. What was just filled must follow from them; so must all of a space when CR3 was loaded, for
 * that is when the manual promises a guest that nothing old is left. Between, old translations are legal. SDM vol. 3A 4.10.4.
 * TOUR mmu.13: shadows that are a mere TLB in memory, for students' handlers. */
#include "sim/mmu/shadow.h"

#include <stdio.h>

enum shadow_put shadow_put(struct vmmu *m, gva_t at, uint32_t frame, uint32_t rights)
{
    struct shadow *s = m->state;
    uint32_t is = 0, page = frame - s->env->memory_first;
    if (frame < s->env->memory_first || page >= s->env->memory_frames || !shadow_guest_ram(s, page << PAGE_SHIFT, &is) || is != frame)
        return SHADOW_PUT_FOREIGN;
    if (s->free_links < 2) s->stats.rebuilt += shadow_zap(s);
    uint32_t t = shadow_obtain(s, SHADOW_SLOT, SHADOW_NONE, pde_slot(at.v), shadow_space(m));
    if (t == SHADOW_NONE) return SHADOW_PUT_FULL;
    shadow_set(s, s->root, pde_slot(at.v), (s->env->pool_first + t) << PAGE_SHIFT | PTE_P | PTE_W | PTE_U | PTE_A);
    uint32_t entry = shadow_entry(s, frame, (rights & (PTE_W | PTE_U)) | PTE_D);
    shadow_set(s, t, pte_slot(at.v), entry);
    s->stats.hidden++;
    shadow_settle(s);
    if (m->env.trace) TRACE(m->env.trace, HIDDEN, m->cause, .access = (uint8_t)(rights & PTE_W ? ACCESS_WRITE : 0), .va = at.v, .entry = entry);
    return (rights & PTE_W) && !(entry & PTE_W) ? SHADOW_PUT_TRACED : SHADOW_PUT;
}

uint8_t shadow_space(const struct vmmu *m)
{
    const struct shadow *s = m->state;
    return s->table[s->root].rights;
}

void shadow_take(struct vmmu *m, gva_t at, uint8_t space)
{
    struct shadow *s = m->state;
    uint32_t root = shadow_find(s, SHADOW_FLAT, SHADOW_NONE, 0, space);
    uint32_t t = root == SHADOW_NONE ? SHADOW_NONE : shadow_child(s, root, pde_slot(at.v));
    if (t == SHADOW_NONE) return;
    shadow_set(s, t, pte_slot(at.v), 0);
    shadow_settle(s);
    if (root == s->root) m->env.invlpg(m->env.self, at);
}

void shadow_empty(struct vmmu *m)
{
    struct shadow *s = m->state;
    (void)shadow_zap(s);
    s->stale = 0;
    m->env.flush(m->env.self);
}

void shadow_choose(struct vmmu *m, uint8_t space)
{
    struct shadow *s = m->state;
    s->held = true;
    s->space = space;
}

static uint32_t peek(void *bus, hpa_t at)
{
    uint32_t entry = 0;
    bus_peek(bus, at, &entry, sizeof entry);
    return entry;
}

bool shadow_is_table(const struct vmmu *m, gpa_t at)
{
    const struct shadow *s = m->state;
    uint32_t directory = s->cr3 & PAGE_MASK;
    if (((at.v ^ directory) & PAGE_MASK) == 0) return true;
    for (uint32_t slot = 0; slot < PTE_SLOTS; slot++) {
        uint32_t pde = peek(m->env.guest, hpa(directory | slot << 2));
        if ((pde & PTE_P) && !((pde & PTE_PS) && (s->cr4 & PAGING_CR4_PSE)) && ((at.v ^ pde) & PAGE_MASK) == 0) return true;
    }
    return false;
}

bool shadow_needs_emulator(const struct vmmu *m, gva_t at, bool write)
{
    const struct shadow *s = m->state;
    const struct walk_env w = { .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .pdpte = m->env.pdpte, .read = peek, .self = m->env.guest };
    struct xlat x;
    struct fault f;
    uint32_t frame;
    if (!walk(&w, at, write ? ACCESS_WRITE : ACCESS_READ, &x, &f)) return false;
    return !shadow_guest_ram(s, x.at.v, &frame) || (write && shadow_traced(s, frame));
}

/* ---- the judge */

static bool wrong(char *why, unsigned room, gva_t at, uint32_t entry, const char *what, const struct xlat *x)
{
    snprintf(why, room, "the shadow entry %08X for %08X %s: the guest's are %08X, %08X", entry, at.v, what, x->refs > 0 ? x->ref[0].entry : 0,
             x->refs > 1 ? x->ref[1].entry : 0);
    return false;
}

static bool follows(const struct vmmu *m, gva_t at, uint32_t entry, char *why, unsigned room)
{
    const struct shadow *s = m->state;
    const struct walk_env w = { .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .pdpte = m->env.pdpte, .read = peek, .self = m->env.guest };
    struct xlat x;
    struct fault f;
    uint32_t frame = 0;
    if (!walk(&w, at, ACCESS_READ, &x, &f)) return wrong(why, room, at, entry, "maps what the guest does not", &x);
    uint32_t rights = walk_rights(&x);
    if (!shadow_guest_ram(s, x.at.v, &frame) || frame != entry >> PAGE_SHIFT) return wrong(why, room, at, entry, "leads to another page", &x);
    for (unsigned i = 0; i < x.refs; i++)
        if (!(x.ref[i].entry & PTE_A)) return wrong(why, room, at, entry, "is there before the guest's is accessed", &x);
    if ((entry & PTE_U) && !(rights & PTE_U)) return wrong(why, room, at, entry, "is for user programs, too", &x);
    if ((entry & PTE_W) && !(rights & PTE_W)) return wrong(why, room, at, entry, "can be written to", &x);
    if ((entry & PTE_W) && !(rights & PTE_D)) return wrong(why, room, at, entry, "can be written to before the guest's is dirty", &x);
    return true;
}

bool shadow_follows(const struct vmmu *m, gva_t at, char *why, unsigned room)
{
    const struct shadow *s = m->state;
    uint32_t t = shadow_child(s, s->root, pde_slot(at.v)), entry = t == SHADOW_NONE ? 0 : shadow_get(s, t, pte_slot(at.v));
    return !(entry & PTE_P) || follows(m, gva(at.v & PAGE_MASK), entry, why, room);
}

bool shadow_all_follow(const struct vmmu *m, char *why, unsigned room)
{
    const struct shadow *s = m->state;
    for (uint32_t pde = 0; pde < shadow_slots(s, s->root); pde++) {
        uint32_t t = shadow_child(s, s->root, pde);
        for (uint32_t slot = 0; t != SHADOW_NONE && slot < PTE_SLOTS; slot++) {
            uint32_t entry = shadow_get(s, t, slot);
            if ((entry & PTE_P) && !follows(m, gva(pde << PDE_SHIFT | slot << PAGE_SHIFT), entry, why, room)) return false;
        }
    }
    return true;
}
