/* A log of a ported guest's stores, for its migration: while it is taken the processor walks copies of the guest's tables. See direct.h.
 *
 * Idea 1: the guest reads its own tables, so no right may be taken away there that it would miss. The processor's tables are the
 * hypervisor's for a while: an entry comes when it is used, by a fault, and has the right to write only when a page is written to,
 * or was already. Xen took its log like that, too (shadow paging, "log-dirty mode").
 * Idea 2: they are a TLB in memory, and no more: what the guest must flush is forgotten here, too, all of it at each flush and at each change of
 * CR3, so the counts of direct paging, which mind what the TLB may still know, need to know nothing of this.
 * Idea 3: the processor sets A and D in the copies; who fills an entry sets them in the guest's own, as a walk would have.
 *
 *   frames of the pool: 0 directory (PAE: L3, 1-4 its directories) | page tables as they are needed; when there are none left all begins anew */
#include "sim/mmu/direct.h"

#include <string.h>
#include "sim/mmu/walk.h"

enum { UPPER = PTE_P | PTE_W | PTE_U | PTE_A | PTE_D };

static void put(struct direct *d, uint32_t frame, uint32_t slot, uint64_t entry)
{
    bus_poke(d->vmmu->env.machine, direct_place(d, frame, slot), &entry, direct_bytes(d));
}

static uint64_t get(const struct direct *d, hpa_t at)
{
    uint64_t entry = 0;
    bus_peek(d->vmmu->env.machine, at, &entry, direct_bytes(d));
    return entry;
}

static void charge(const struct direct *d, uint64_t references)
{
    clock_charge(d->vmmu->env.clock, CAUSE_SHADOW, references * d->vmmu->env.model->cost[COST_MEM_REF]);
}

static void clear(struct direct *d, uint32_t frame)
{
    static const uint8_t zeros[PAGE_SIZE];
    bus_poke(d->vmmu->env.machine, hpa(frame << PAGE_SHIFT), zeros, PAGE_SIZE);
    charge(d, PAGE_SIZE / 64);
}

/* The directory of the nth gigabyte. */
static uint32_t directory(const struct direct *d, unsigned n) { return d->log.first + (d->pae ? 1 + n : 0); }

void direct_log_forget(struct direct *d)
{
    const unsigned all = d->pae ? DIRECT_L3_SLOTS : 1;
    const uint32_t first = d->pae ? DIRECT_PAE_SLOTS : DIRECT_SLOTS;
    d->log.used = d->pae ? 1 + DIRECT_L3_SLOTS : 1;
    for (unsigned n = 0; n < all; n++) {
        clear(d, directory(d, n));
        if (d->pae) put(d, d->log.first, n, (uint64_t)directory(d, n) << PAGE_SHIFT | PTE_P);
    }
    for (uint32_t slot = first; slot < direct_slots(d); slot++) put(d, directory(d, all - 1), slot, d->hypervisor[slot - first]);
}

/* Where the entry is that maps `at`; false: no table of ours leads there. */
static bool place(const struct direct *d, gva_t at, hpa_t *where, hpa_t *upper)
{
    const uint32_t n = direct_upper(d, at);
    *upper = direct_place(d, directory(d, d->pae ? n / PAE_SLOTS : 0), n & (direct_slots(d) - 1));
    uint64_t entry = get(d, *upper);
    *where = direct_place(d, direct_frame(entry), direct_lower(d, at));
    return entry & PTE_P;
}

void direct_log_drop(struct direct *d, gva_t at)
{
    hpa_t where, upper;
    if (at.v < direct_hole(d) && place(d, at, &where, &upper)) put(d, where.v >> PAGE_SHIFT, (where.v & (PAGE_SIZE - 1)) / direct_bytes(d), 0);
}

static void mark(void *direct, hpa_t at, uint32_t entry)
{
    struct direct *d = direct;
    direct_stored(d, at.v >> PAGE_SHIFT);
    bus_write(d->vmmu->env.machine, at, 4, entry);
}

static bool written(const struct direct *d, uint32_t frame) { return !(d->vmmu->env.machine->marks[frame] & FRAME_SHARED); }

bool direct_log_fill(struct direct *d, gva_t at, unsigned access, struct fault *f)
{
    struct xlat x = { 0 };
    hpa_t where, upper;
    if (!direct_walk(d, at, access, &x, f) || x.absent) return false;
    walk_accessed(&x, access, mark, d);
    const uint32_t frame = x.at.v >> PAGE_SHIFT;
    if (access & ACCESS_WRITE) direct_stored(d, frame);
    if (!place(d, at, &where, &upper)) {
        if (d->log.used == d->log.frames) direct_flush(d); /* and all of them are free */
        uint32_t table = d->log.first + d->log.used++;
        clear(d, table);
        put(d, upper.v >> PAGE_SHIFT, (upper.v & (PAGE_SIZE - 1)) / direct_bytes(d), (uint64_t)table << PAGE_SHIFT | UPPER);
        place(d, at, &where, &upper);
    }
    bool may = (x.rights & PTE_W) && (x.leaf & PTE_D) && written(d, frame);
    put(d, where.v >> PAGE_SHIFT, (where.v & (PAGE_SIZE - 1)) / direct_bytes(d),
        (uint64_t)frame << PAGE_SHIFT | PTE_P | PTE_A | (x.rights & PTE_U) | (may ? (uint32_t)(PTE_W | PTE_D) : 0u));
    charge(d, x.refs + 3u);
    d->vmmu->env.invlpg(d->vmmu->env.self, at); /* it may be known without the right to write */
    d->stats.hidden++;
    return true;
}
