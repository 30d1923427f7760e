/* See direct.h: judging table entries, one at a time or a table at a time, and changing them. */
#include "sim/mmu/direct.h"

/* Bits that are not the guest's: in a table PS is PAT. An L3's entries, which the processor loads as PDPTEs, have no rights. Kernels give
 * them some all the same (GNU Mach, GRUB): a 64-bit Xen, where they mean something, allows a 32-bit domain four bits. They are taken out. */
#define FOREIGN_BITS (PTE_PS | PTE_G | PAE_RESERVED)
#define FOREIGN_L3_BITS (0x198u | PAE_RESERVED)
#define L3_RIGHTS ((uint64_t)(PTE_W | PTE_U | PTE_A | PTE_D))

uint64_t direct_load(const struct direct *d, hpa_t at)
{
    struct bus *b = d->vmmu->env.machine;
    uint64_t low = bus_read(b, at, 4);
    return d->pae ? low | (uint64_t)bus_read(b, hpa(at.v + 4), 4) << 32 : low;
}

void direct_store(const struct direct *d, hpa_t at, uint64_t entry)
{
    struct bus *b = d->vmmu->env.machine;
    if (b->marks[at.v >> PAGE_SHIFT] & FRAME_SHARED) d->stored(d->self, at.v >> PAGE_SHIFT);
    bus_write(b, at, 4, (uint32_t)entry);
    if (d->pae) bus_write(b, hpa(at.v + 4), 4, (uint32_t)(entry >> 32));
}

/* What a present entry of a page table names. */
static enum direct_rule take_page(struct direct *d, uint64_t entry)
{
    if (entry & FOREIGN_BITS) return direct_refuse(d, DIRECT_BITS, direct_frame(entry), entry);
    return entry & PTE_W ? direct_take(d, direct_frame(entry), FRAME_WRITABLE) : direct_get(d, direct_frame(entry));
}

/* Of a directory: a page table, or the directory itself, which is no reference. */
static bool is_itself(const struct direct *d, uint32_t l2, uint64_t entry) { return !d->pae && direct_frame(entry) == l2; }

static enum direct_rule take_table(struct direct *d, uint32_t l2, uint64_t entry)
{
    if (entry & FOREIGN_BITS) return direct_refuse(d, DIRECT_BITS, direct_frame(entry), entry);
    if (is_itself(d, l2, entry)) return entry & PTE_W ? direct_refuse(d, DIRECT_LINEAR, l2, entry) : DIRECT_OK;
    return direct_take(d, direct_frame(entry), FRAME_L1);
}

/* Of an L3: a directory; in the last entry one that is nobody else's, for the hypervisor is in it. */
static enum direct_rule take_directory(struct direct *d, uint32_t slot, uint64_t entry)
{
    uint32_t frame = direct_frame(entry);
    if (entry & FOREIGN_L3_BITS) return direct_refuse(d, DIRECT_BITS, frame, entry);
    if (slot < DIRECT_L3_SLOTS - 1) return direct_take(d, frame, FRAME_L2);
    if (direct_owns(d, frame) && d->frame[frame].uses && d->frame[frame].type == FRAME_TOP) return direct_refuse(d, DIRECT_TOP, frame, entry);
    return direct_take(d, frame, FRAME_TOP);
}

static enum direct_rule take_entry(struct direct *d, uint32_t frame, enum direct_type type, uint32_t slot, uint64_t entry)
{
    if (type == FRAME_L1) return take_page(d, entry);
    return type == FRAME_L3 ? take_directory(d, slot, entry) : take_table(d, frame, entry);
}

/* What was taken for an entry of such a table. */
static void drop_entry(struct direct *d, uint32_t frame, enum direct_type type, uint64_t entry)
{
    if (!(entry & PTE_P)) return;
    if (type == FRAME_L1 && !(entry & PTE_W)) direct_put(d, direct_frame(entry));
    else if (type == FRAME_L1 || type == FRAME_L3 || !is_itself(d, frame, entry)) direct_drop(d, direct_frame(entry));
}

static bool has_hypervisor(const struct direct *d, enum direct_type type) { return type == (d->pae ? FRAME_TOP : FRAME_L2); }

uint32_t direct_guest_slots(const struct direct *d, enum direct_type type)
{
    if (type == FRAME_L3) return DIRECT_L3_SLOTS;
    if (has_hypervisor(d, type)) return d->pae ? (uint32_t)DIRECT_PAE_SLOTS : (uint32_t)DIRECT_SLOTS;
    return direct_slots(d);
}

static void show_hypervisor(struct direct *d, uint32_t frame, enum direct_type type)
{
    uint32_t first = direct_guest_slots(d, type);
    for (uint32_t slot = first; slot < direct_slots(d); slot++) direct_store(d, direct_place(d, frame, slot), d->hypervisor[slot - first]);
}

enum direct_rule direct_validate(struct direct *d, uint32_t frame, enum direct_type type)
{
    uint32_t slots = direct_guest_slots(d, type), slot = 0, present = 0;
    enum direct_rule rule = DIRECT_OK;
    for (; slot < slots && !rule; slot++) {
        uint64_t entry = direct_load(d, direct_place(d, frame, slot));
        bool empty_top = type == FRAME_L3 && slot == slots - 1 && !(entry & PTE_P);
        if (empty_top) rule = direct_refuse(d, DIRECT_TOP, frame, entry);
        if (!(entry & PTE_P)) continue;
        present++;
        rule = take_entry(d, frame, type, slot, entry);
        if (type == FRAME_L3 && !rule && (entry & L3_RIGHTS)) direct_store(d, direct_place(d, frame, slot), entry & ~L3_RIGHTS);
    }
    for (slot--; rule && slot--; ) drop_entry(d, frame, type, direct_load(d, direct_place(d, frame, slot)));
    direct_charge(d, COST_PV_SCAN, 1);
    direct_charge(d, COST_PV_ENTRY, present);
    d->stats.filled += present;
    if (!rule && has_hypervisor(d, type)) show_hypervisor(d, frame, type);
    return rule;
}

void direct_devalidate(struct direct *d, uint32_t frame, enum direct_type type)
{
    for (uint32_t slot = 0; slot < direct_guest_slots(d, type); slot++) drop_entry(d, frame, type, direct_load(d, direct_place(d, frame, slot)));
    direct_charge(d, COST_PV_SCAN, 1);
}

static enum direct_rule set_l1(struct direct *d, hpa_t at, uint64_t value)
{
    uint64_t old = direct_load(d, at);
    /* The same page with the same rights to write, but perhaps other bits: no count changes. */
    bool same = (old & value & PTE_P) && direct_frame(old) == direct_frame(value) && !((old ^ value) & PTE_W) && !(value & FOREIGN_BITS);
    if (!same && (value & PTE_P)) {
        enum direct_rule rule = take_page(d, value);
        if (rule) return rule;
    }
    direct_store(d, at, value);
    if (!same) drop_entry(d, at.v >> PAGE_SHIFT, FRAME_L1, old);
    return DIRECT_OK;
}

/* An entry of a directory, or of an L3 but for its last. */
static enum direct_rule set_upper(struct direct *d, hpa_t at, enum direct_type type, uint64_t value)
{
    uint32_t table = at.v >> PAGE_SHIFT, slot = (at.v & (PAGE_SIZE - 1)) / direct_bytes(d);
    uint64_t old = direct_load(d, at);
    if (slot >= direct_guest_slots(d, type) - (type == FRAME_L3)) return direct_refuse(d, DIRECT_RESERVED, table, value);
    if (value & PTE_P) {
        enum direct_rule rule = take_entry(d, table, type, slot, value);
        if (rule) return rule;
        if (type == FRAME_L3) value &= ~L3_RIGHTS;
    }
    direct_store(d, at, value);
    drop_entry(d, table, type, old);
    d->reload |= type == FRAME_L3 && table == d->base;
    return DIRECT_OK;
}

/* Any other frame of the guest's: the store must be one that the guest could have made itself. */
static enum direct_rule set_plain(struct direct *d, hpa_t at, uint64_t value)
{
    enum direct_rule rule = direct_take(d, at.v >> PAGE_SHIFT, FRAME_WRITABLE);
    if (rule) return rule;
    direct_store(d, at, value);
    direct_drop(d, at.v >> PAGE_SHIFT);
    return DIRECT_OK;
}

enum direct_rule direct_update(struct direct *d, hpa_t at, uint64_t value)
{
    uint32_t frame = at.v >> PAGE_SHIFT;
    at.v &= ~(direct_bytes(d) - 1);
    if (!direct_owns(d, frame)) return direct_refuse(d, DIRECT_FOREIGN, frame, value);
    const struct direct_frame *f = &d->frame[frame];
    direct_charge(d, COST_PV_ENTRY, 1);
    d->stats.filled++;
    if (f->uses && f->type == FRAME_L1) return set_l1(d, at, value);
    if (f->uses && direct_is_table(f->type)) return set_upper(d, at, f->type, value);
    return set_plain(d, at, value);
}

uint32_t direct_directory(const struct direct *d, uint32_t upper, uint32_t *slot)
{
    *slot = upper & (direct_slots(d) - 1);
    if (!d->pae || d->base == FRAME_NONE) return d->base;
    uint64_t entry = direct_load(d, direct_place(d, d->base, upper / PAE_SLOTS));
    return entry & PTE_P ? direct_frame(entry) : FRAME_NONE;
}

enum direct_rule direct_entry(struct direct *d, gva_t at, hpa_t *where)
{
    uint32_t slot, l2 = direct_directory(d, direct_upper(d, at), &slot);
    if (at.v >= direct_hole(d)) return direct_refuse(d, DIRECT_ADDRESS, at.v >> PAGE_SHIFT, 0);
    uint64_t pde = l2 == FRAME_NONE ? 0 : direct_load(d, direct_place(d, l2, slot));
    if (!(pde & PTE_P)) return direct_refuse(d, DIRECT_NO_TABLE, at.v >> PAGE_SHIFT, pde);
    if (is_itself(d, l2, pde)) return direct_refuse(d, DIRECT_LINEAR, l2, pde); /* its window on itself */
    *where = direct_place(d, direct_frame(pde), direct_lower(d, at));
    return DIRECT_OK;
}

enum direct_rule direct_update_va(struct direct *d, gva_t at, uint64_t value)
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
    enum direct_rule rule = direct_take(d, frame, direct_base_type(d));
    if (rule) return rule;
    d->base = frame;
    if (old != FRAME_NONE) direct_drop(d, old);
    return DIRECT_OK;
}
