/* See direct.h: judging table entries, one at a time or a table at a time, and changing them. */
#include "sim/mmu/direct.h"

enum { ENTRY_FOREIGN_BITS = PTE_PS /* in a table: PAT */ | PTE_G };

static hpa_t place(uint32_t frame, uint32_t slot) { return hpa(frame << PAGE_SHIFT | slot << 2); }
static uint32_t frame_of(uint32_t entry) { return entry >> PAGE_SHIFT; }

static uint32_t load(const struct direct *d, hpa_t at) { return bus_read(d->vmmu->env.machine, at, 4); }
static void store(const struct direct *d, hpa_t at, uint32_t entry) { bus_write(d->vmmu->env.machine, at, 4, entry); }

/* What a present entry of a page table names. */
static enum direct_rule take_page(struct direct *d, uint32_t entry)
{
    if (entry & ENTRY_FOREIGN_BITS) return direct_refuse(d, DIRECT_BITS, frame_of(entry), entry);
    return entry & PTE_W ? direct_take(d, frame_of(entry), FRAME_WRITABLE) : direct_get(d, frame_of(entry));
}

static void drop_page(struct direct *d, uint32_t entry)
{
    if (!(entry & PTE_P)) return;
    if (entry & PTE_W) direct_drop(d, frame_of(entry));
    else direct_put(d, frame_of(entry));
}

/* What a present entry of directory `l2` names: a page table, or the directory itself, which is no reference. */
static enum direct_rule take_table(struct direct *d, uint32_t l2, uint32_t entry)
{
    if (entry & ENTRY_FOREIGN_BITS) return direct_refuse(d, DIRECT_BITS, frame_of(entry), entry);
    if (frame_of(entry) == l2) return entry & PTE_W ? direct_refuse(d, DIRECT_LINEAR, l2, entry) : DIRECT_OK;
    return direct_take(d, frame_of(entry), FRAME_L1);
}

static void drop_table(struct direct *d, uint32_t l2, uint32_t entry)
{
    if ((entry & PTE_P) && frame_of(entry) != l2) direct_drop(d, frame_of(entry));
}

static uint32_t slots_of(enum direct_type type) { return type == FRAME_L2 ? (uint32_t)DIRECT_SLOTS : (uint32_t)PTE_SLOTS; }

static void drop_entry(struct direct *d, uint32_t frame, enum direct_type type, uint32_t slot)
{
    uint32_t entry = load(d, place(frame, slot));
    if (type == FRAME_L2) drop_table(d, frame, entry);
    else drop_page(d, entry);
}

enum direct_rule direct_validate(struct direct *d, uint32_t frame, enum direct_type type)
{
    uint32_t slots = slots_of(type), present = 0;
    enum direct_rule rule = DIRECT_OK;
    for (uint32_t slot = 0; slot < slots && !rule; slot++) {
        uint32_t entry = load(d, place(frame, slot));
        if (!(entry & PTE_P)) continue;
        present++;
        rule = type == FRAME_L2 ? take_table(d, frame, entry) : take_page(d, entry);
        if (!rule) continue;
        while (slot--) drop_entry(d, frame, type, slot);
        break;
    }
    direct_charge(d, COST_PV_SCAN, 1);
    direct_charge(d, COST_PV_ENTRY, present);
    d->stats.filled += present;
    if (!rule && type == FRAME_L2)
        for (uint32_t i = 0; i < DIRECT_HYPERVISOR_SLOTS; i++) store(d, place(frame, DIRECT_SLOTS + i), d->hypervisor[i]);
    return rule;
}

void direct_devalidate(struct direct *d, uint32_t frame, enum direct_type type)
{
    for (uint32_t slot = 0; slot < slots_of(type); slot++) drop_entry(d, frame, type, slot);
    direct_charge(d, COST_PV_SCAN, 1);
}

static enum direct_rule set_l1(struct direct *d, hpa_t at, uint32_t value)
{
    uint32_t old = load(d, at);
    /* The same page with the same rights to write, but perhaps other bits: no count changes. */
    bool same = (old & value & PTE_P) && !((old ^ value) & (PAGE_MASK | PTE_W)) && !(value & ENTRY_FOREIGN_BITS);
    if (!same && (value & PTE_P)) {
        enum direct_rule rule = take_page(d, value);
        if (rule) return rule;
    }
    store(d, at, value);
    if (!same) drop_page(d, old);
    return DIRECT_OK;
}

static enum direct_rule set_l2(struct direct *d, hpa_t at, uint32_t value)
{
    uint32_t l2 = at.v >> PAGE_SHIFT, old = load(d, at);
    if ((at.v & (PAGE_SIZE - 1)) >> 2 >= DIRECT_SLOTS) return direct_refuse(d, DIRECT_RESERVED, l2, value);
    if (value & PTE_P) {
        enum direct_rule rule = take_table(d, l2, value);
        if (rule) return rule;
    }
    store(d, at, value);
    drop_table(d, l2, old);
    return DIRECT_OK;
}

/* Any other frame of the guest's: the store must be one that the guest could have made itself. */
static enum direct_rule set_plain(struct direct *d, hpa_t at, uint32_t value)
{
    enum direct_rule rule = direct_take(d, at.v >> PAGE_SHIFT, FRAME_WRITABLE);
    if (rule) return rule;
    store(d, at, value);
    direct_drop(d, at.v >> PAGE_SHIFT);
    return DIRECT_OK;
}

enum direct_rule direct_update(struct direct *d, hpa_t at, uint32_t value)
{
    uint32_t frame = at.v >> PAGE_SHIFT;
    at.v &= ~3u;
    if (!direct_owns(d, frame)) return direct_refuse(d, DIRECT_FOREIGN, frame, value);
    const struct direct_frame *f = &d->frame[frame];
    direct_charge(d, COST_PV_ENTRY, 1);
    d->stats.filled++;
    if (f->uses && f->type == FRAME_L1) return set_l1(d, at, value);
    if (f->uses && f->type == FRAME_L2) return set_l2(d, at, value);
    return set_plain(d, at, value);
}

enum direct_rule direct_entry(struct direct *d, gva_t at, hpa_t *where)
{
    if (at.v >= DIRECT_HOLE) return direct_refuse(d, DIRECT_ADDRESS, at.v >> PAGE_SHIFT, 0);
    uint32_t pde = load(d, place(d->base, pde_slot(at.v)));
    if (!(pde & PTE_P)) return direct_refuse(d, DIRECT_NO_TABLE, at.v >> PAGE_SHIFT, pde);
    if (frame_of(pde) == d->base) return direct_refuse(d, DIRECT_LINEAR, d->base, pde); /* its window on itself */
    *where = place(frame_of(pde), pte_slot(at.v));
    return DIRECT_OK;
}

enum direct_rule direct_update_va(struct direct *d, gva_t at, uint32_t value)
{
    hpa_t where;
    enum direct_rule rule = direct_entry(d, at, &where);
    return rule ? rule : direct_update(d, where, value);
}

enum direct_rule direct_pin(struct direct *d, uint32_t frame, enum direct_type type)
{
    enum direct_rule rule = direct_take(d, frame, type);
    if (rule) return rule;
    if (d->frame[frame].pinned) {
        direct_drop(d, frame);
        return direct_refuse(d, DIRECT_PINNED, frame, 0);
    }
    d->frame[frame].pinned = true;
    return DIRECT_OK;
}

enum direct_rule direct_unpin(struct direct *d, uint32_t frame)
{
    if (!direct_owns(d, frame)) return direct_refuse(d, DIRECT_FOREIGN, frame, 0);
    if (!d->frame[frame].pinned) return direct_refuse(d, DIRECT_PINNED, frame, 0);
    d->frame[frame].pinned = false;
    direct_drop(d, frame);
    return DIRECT_OK;
}

void direct_abandon(struct direct *d)
{
    for (uint32_t n = 0; n < d->frames; n++)
        if (d->frame[n].pinned && direct_owns(d, n)) direct_unpin(d, n);
    if (d->base != FRAME_NONE) direct_drop(d, d->base);
    d->base = FRAME_NONE;
}

enum direct_rule direct_set_base(struct direct *d, uint32_t frame)
{
    uint32_t old = d->base;
    if (frame == old) return DIRECT_OK;
    enum direct_rule rule = direct_take(d, frame, FRAME_L2);
    if (rule) return rule;
    d->base = frame;
    if (old != FRAME_NONE) direct_drop(d, old);
    return DIRECT_OK;
}
