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

static hpa_t place(uint32_t frame, uint32_t slot) { return hpa(frame << PAGE_SHIFT | slot << 2); }
static uint32_t load(const struct direct *d, hpa_t at) { return bus_read(d->vmmu->env.machine, at, 4); }
static void store(const struct direct *d, hpa_t at, uint32_t entry) { bus_write(d->vmmu->env.machine, at, 4, entry); }

/* Hooked once, though it may be pinned, too. */
static bool used_once(const struct direct *d, uint32_t frame)
{
    const struct direct_frame *f = &d->frame[frame];
    return direct_owns(d, frame) && f->type == FRAME_L1 && f->uses == 1u + f->pinned;
}

/* The way by which the guest stores there: the entry of a table that would let it, but for the right to write. */
static bool find_way(const struct direct *d, gva_t at, struct direct_unhooked *u)
{
    if (at.v >= DIRECT_HOLE || d->base == FRAME_NONE) return false;
    uint32_t pde = load(d, place(d->base, pde_slot(at.v)));
    if (!(pde & PTE_P) || !(pde & PTE_W) || pde >> PAGE_SHIFT == d->base) return false;
    u->at = at;
    u->way = place(pde >> PAGE_SHIFT, pte_slot(at.v));
    u->was = load(d, u->way);
    return (u->was & PTE_P) && !(u->was & PTE_W);
}

static bool find_hook(const struct direct *d, uint32_t frame, struct direct_unhooked *u)
{
    for (uint32_t slot = 0; slot < DIRECT_SLOTS; slot++) {
        uint32_t pde = load(d, place(d->base, slot));
        if (!(pde & PTE_P) || pde >> PAGE_SHIFT != frame) continue;
        u->slot = slot;
        u->hook = place(d->base, slot);
        return slot != pde_slot(u->at.v);
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
    if (u->frame != FRAME_NONE || !find_way(d, at, u)) return false;
    uint32_t frame = u->was >> PAGE_SHIFT;
    if (!used_once(d, frame) || !find_hook(d, frame, u)) return false;
    u->frame = frame;
    bus_peek(d->vmmu->env.machine, place(frame, 0), u->copy, sizeof u->copy);
    store(d, u->hook, load(d, u->hook) & ~(uint32_t)PTE_P);
    direct_flush(d);
    store(d, u->way, u->was | PTE_W);
    direct_charge(d, COST_PV_SCAN, 1);
    d->stats.unhooked++;
    tell(d, false, frame, 0);
    return true;
}

/* The page is read-only again, and so for the TLB. The table that maps it may do so at several places. */
static void close_way(struct direct *d)
{
    const struct direct_unhooked *u = &d->unhooked;
    store(d, u->way, (load(d, u->way) & ~(uint32_t)(PTE_W | PTE_D)) | (u->was & PTE_D));
    if (used_once(d, u->way.v >> PAGE_SHIFT)) d->vmmu->env.invlpg(d->vmmu->env.self, u->at);
    else direct_flush(d);
}

enum direct_rule direct_rehook(struct direct *d)
{
    struct direct_unhooked *u = &d->unhooked;
    enum direct_rule rule = DIRECT_OK;
    uint32_t frame = u->frame, changed = 0;
    if (frame == FRAME_NONE) return DIRECT_OK;
    close_way(d);
    for (uint32_t slot = 0; slot < PTE_SLOTS; slot++) {
        hpa_t at = place(frame, slot);
        uint32_t now = load(d, at);
        if (now == u->copy[slot]) continue;
        changed++;
        store(d, at, u->copy[slot]);
        if (!rule) rule = direct_update(d, at, now);
    }
    direct_charge(d, COST_PV_SCAN, 1);
    store(d, u->hook, load(d, u->hook) | PTE_P);
    u->frame = FRAME_NONE;
    d->stats.rehooked++;
    tell(d, true, frame, changed);
    return rule;
}
