/* Writable page tables as Xen 3.0 had them: a table is taken out of its directory while the guest stores to it. See direct.h.
 *
 * Idea 1: a table that the CPU cannot reach needs no judge. The directory's entry loses its P bit, the TLB forgets what it knew
 * through it, and only then is the page writable, by the one entry through which the guest stores. Counts stay those of a copy made before.
 * Idea 2: putting it back is the judgement of what differs from the copy, entry by entry, as if it were stored only now. By then
 * the page is read-only again. An entry that is not allowed becomes what it was, so that the counts are right whatever happens then.
 * Idea 3: one table at a time, hooked once, in the directory in use: nobody else can want it meanwhile, for what changes tables,
 * directories or counts puts it back first. Who does that is vmm's: at visits, not here.
 * Xen 3.0 mm.c (ptwr_do_page_fault, ptwr_flush, revalidate_l1). Not modelled: a second, "inactive" table, which Xen let the guest
 * have if it was in no directory in use. */
#include "sim/mmu/direct.h"

#include <string.h>

/* In one entry, though it may be pinned, too. */
static bool once(const struct direct *d, uint32_t frame) { return direct_owns(d, frame) && d->frame[frame].uses == 1u + d->frame[frame].pinned; }

/* One linear address leads to each of a table's pages: with PAE its directory has only one place, too. */
static bool used_once(const struct direct *d, uint32_t frame, uint32_t l2)
{
    return once(d, frame) && d->frame[frame].type == FRAME_L1 && (!d->pae || once(d, l2));
}

/* The way by which the guest stores there: the entry of a table that would let it, but for the right to write. */
static bool find_way(const struct direct *d, gva_t at, struct direct_unhooked *u)
{
    uint32_t slot, l2 = direct_directory(d, direct_upper(d, at), &slot);
    if (at.v >= direct_hole(d) || l2 == FRAME_NONE) return false;
    uint64_t pde = direct_load(d, direct_place(d, l2, slot));
    if (!(pde & PTE_P) || !(pde & PTE_W) || direct_frame(pde) == l2) return false;
    u->at = at;
    u->way = direct_place(d, direct_frame(pde), direct_lower(d, at));
    u->was = direct_load(d, u->way);
    return (u->was & PTE_P) && !(u->was & PTE_W);
}

static bool find_hook(const struct direct *d, uint32_t frame, struct direct_unhooked *u)
{
    for (uint32_t upper = 0; upper < direct_upper(d, gva(direct_hole(d))); upper++) {
        uint32_t slot, l2 = direct_directory(d, upper, &slot);
        uint64_t pde = l2 == FRAME_NONE ? 0 : direct_load(d, direct_place(d, l2, slot));
        if (!(pde & PTE_P) || direct_frame(pde) != frame) continue;
        u->slot = upper;
        u->hook = direct_place(d, l2, slot);
        return upper != direct_upper(d, u->at) && used_once(d, frame, l2);
    }
    return false;
}

static void tell(const struct direct *d, bool hooked, uint32_t frame, uint32_t changed)
{
    if (d->vmmu->env.trace)
        TRACE(d->vmmu->env.trace, UNHOOK, d->vmmu->cause, .hooked = hooked, .changed = (uint16_t)changed, .frame = frame);
}

bool direct_unhook(struct direct *d, gva_t at)
{
    struct direct_unhooked *u = &d->unhooked;
    if (d->log.on || u->frame != FRAME_NONE || !find_way(d, at, u)) return false;
    uint32_t frame = direct_frame(u->was);
    if (!once(d, frame) || !find_hook(d, frame, u)) return false;
    u->frame = frame;
    bus_peek(d->vmmu->env.machine, hpa(frame << PAGE_SHIFT), u->copy, sizeof u->copy);
    direct_store(d, u->hook, direct_load(d, u->hook) & ~(uint64_t)PTE_P);
    direct_flush(d);
    direct_store(d, u->way, u->was | PTE_W);
    direct_charge(d, COST_PV_SCAN, 1);
    d->stats.unhooked++;
    tell(d, false, frame, 0);
    return true;
}

/* The page is read-only again, and so for the TLB. The table that maps it may do so at several places. */
static void close_way(struct direct *d)
{
    const struct direct_unhooked *u = &d->unhooked;
    uint32_t slot, l2 = direct_directory(d, direct_upper(d, u->at), &slot);
    direct_store(d, u->way, (direct_load(d, u->way) & ~(uint64_t)(PTE_W | PTE_D)) | (u->was & PTE_D));
    if (used_once(d, u->way.v >> PAGE_SHIFT, l2)) d->vmmu->env.invlpg(d->vmmu->env.self, u->at);
    else direct_flush(d);
}

enum direct_rule direct_rehook(struct direct *d)
{
    struct direct_unhooked *u = &d->unhooked;
    enum direct_rule rule = DIRECT_OK;
    uint32_t frame = u->frame, changed = 0;
    if (frame == FRAME_NONE) return DIRECT_OK;
    close_way(d);
    for (uint32_t slot = 0; slot < direct_slots(d); slot++) {
        hpa_t at = direct_place(d, frame, slot);
        uint64_t now = direct_load(d, at), old = 0;
        memcpy(&old, u->copy + slot * direct_bytes(d), direct_bytes(d));
        if (now == old) continue;
        changed++;
        direct_store(d, at, old);
        if (!rule) rule = direct_update(d, at, now);
    }
    direct_charge(d, COST_PV_SCAN, 1);
    direct_store(d, u->hook, direct_load(d, u->hook) | PTE_P);
    u->frame = FRAME_NONE;
    d->stats.rehooked++;
    tell(d, true, frame, changed);
    return rule;
}
