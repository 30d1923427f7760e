/* The invariants of direct paging, worked out anew from the tables in memory. See direct.h.
 *
 * Idea: count references and uses as if nobody had kept counts, and compare. Nothing is believed but which frames are tables. */
#include "sim/mmu/direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts { uint32_t refs, writable, tables; };

static uint32_t load(const struct direct *d, uint32_t frame, uint32_t slot)
{
    uint32_t entry = 0;
    bus_peek(d->vmmu->env.machine, hpa(frame << PAGE_SHIFT | slot << 2), &entry, sizeof entry);
    return entry;
}

/* A table's entries, as they were counted. The unhooked table's way is writable, and its hook not present, but they count as if they
 * were not so; its own entries are those before. */
static void counted(const struct direct *d, uint32_t frame, uint32_t entry[PTE_SLOTS])
{
    const struct direct_unhooked *u = &d->unhooked;
    if (u->frame == frame) {
        memcpy(entry, u->copy, PTE_SLOTS * sizeof *entry);
        return;
    }
    bus_peek(d->vmmu->env.machine, hpa(frame << PAGE_SHIFT), entry, PTE_SLOTS * sizeof *entry);
    if (u->frame == FRAME_NONE) return;
    if (u->hook.v >> PAGE_SHIFT == frame) entry[(u->hook.v & 0xFFF) >> 2] |= PTE_P;
    if (u->way.v >> PAGE_SHIFT == frame) entry[(u->way.v & 0xFFF) >> 2] &= ~(uint32_t)PTE_W;
}

static bool is(const struct direct *d, uint32_t frame, enum direct_type type)
{
    return d->frame[frame].uses && d->frame[frame].type == type;
}

static bool complain(char *why, unsigned room, const char *what, uint32_t frame, uint32_t other)
{
    snprintf(why, room, "%s (frame %X, %X)", what, frame, other);
    return false;
}

static bool count_l1(const struct direct *d, uint32_t frame, struct counts *c, char *why, unsigned room)
{
    uint32_t table[PTE_SLOTS] = { 0 };
    counted(d, frame, table);
    for (uint32_t slot = 0; slot < PTE_SLOTS; slot++) {
        uint32_t entry = table[slot], to = entry >> PAGE_SHIFT;
        if (!(entry & PTE_P)) continue;
        bool lent = !direct_owns(d, to) && d->lent && to < d->frames && d->lent(d->self, to, entry & PTE_W);
        if (!direct_owns(d, to) && !lent) return complain(why, room, "a table maps a foreign frame", frame, to);
        if ((entry & PTE_W) && !is(d, to, FRAME_WRITABLE)) return complain(why, room, "a table maps a table writable", frame, to);
        if (entry & (PTE_PS | PTE_G)) return complain(why, room, "a table entry has a forbidden bit", frame, entry);
        c[to].refs++;
        if (entry & PTE_W) c[to].writable++;
    }
    return true;
}

static bool count_l2(const struct direct *d, uint32_t frame, struct counts *c, char *why, unsigned room)
{
    uint32_t table[PTE_SLOTS] = { 0 };
    counted(d, frame, table);
    for (uint32_t slot = 0; slot < PTE_SLOTS; slot++) {
        uint32_t entry = table[slot], to = entry >> PAGE_SHIFT;
        if (slot >= DIRECT_SLOTS) { /* the processor sets accessed and dirty bits there */
            uint32_t bits = ~(uint32_t)(PTE_A | PTE_D);
            if ((entry ^ d->hypervisor[slot - DIRECT_SLOTS]) & bits) return complain(why, room, "the hole was changed", frame, slot);
            continue;
        }
        if (!(entry & PTE_P) || (to == frame && !(entry & PTE_W))) continue;
        if (entry & (PTE_PS | PTE_G)) return complain(why, room, "a directory entry has a forbidden bit", frame, entry);
        if (to >= d->frames || !is(d, to, FRAME_L1)) return complain(why, room, "a directory names what is no table", frame, to);
        c[to].refs++;
        c[to].tables++;
    }
    return true;
}

static bool compare(const struct direct *d, uint32_t n, const struct counts *c, uint32_t others, char *why, unsigned room)
{
    const struct direct_frame *f = &d->frame[n];
    uint32_t own = (uint32_t)f->pinned + (d->base == n), all = c->refs + own + f->allocated + others;
    if (f->owner == OWNER_NONE) return f->refs || f->uses ? complain(why, room, "a free frame is referred to", n, f->refs) : true;
    if (f->refs < f->uses) return complain(why, room, "more uses than references", n, f->uses);
    if (f->refs != all) return complain(why, room, "references are miscounted", n, all);
    if (is(d, n, FRAME_L1) && f->uses != c->tables + own) return complain(why, room, "uses of a table are miscounted", n, f->uses);
    if (is(d, n, FRAME_L2) && f->uses != own) return complain(why, room, "uses of a directory are miscounted", n, f->uses);
    if (d->all->domain[f->domain]->vmmu->env.guest->map[n] != n) return complain(why, room, "an owned frame is not on the guest's bus", n, f->owner);
    if (is(d, n, FRAME_WRITABLE) ? f->uses < c->writable : c->writable != 0)
        return complain(why, room, "writable mappings are miscounted", n, c->writable);
    return true;
}

/* The CPU cannot reach it, it is mapped by its way, and its directory is the one in use. */
static bool check_unhooked(const struct direct *d, char *why, unsigned room)
{
    const struct direct_unhooked *u = &d->unhooked;
    if (u->frame == FRAME_NONE) return true;
    uint32_t hook = load(d, u->hook.v >> PAGE_SHIFT, (u->hook.v & 0xFFF) >> 2), way = load(d, u->way.v >> PAGE_SHIFT, (u->way.v & 0xFFF) >> 2);
    if (!is(d, u->frame, FRAME_L1) || d->frame[u->frame].uses != 1u + d->frame[u->frame].pinned)
        return complain(why, room, "the unhooked table has other uses", u->frame, d->frame[u->frame].uses);
    if ((hook & PTE_P) || hook >> PAGE_SHIFT != u->frame || u->hook.v >> PAGE_SHIFT != d->base)
        return complain(why, room, "the unhooked table is in a directory", u->frame, hook);
    if (!(way & PTE_P) || way >> PAGE_SHIFT != u->frame) return complain(why, room, "the unhooked table is not where it is stored to", u->frame, way);
    return true;
}

/* Whose tables and frames these are; for a frame that is nobody's, whoever asks. */
static const struct direct *owner_of(const struct direct *d, uint32_t n)
{
    return d->frame[n].owner == OWNER_NONE ? d : d->all->domain[d->frame[n].domain];
}

bool direct_check(const struct direct *d, const uint32_t *others, char *why, unsigned room)
{
    struct counts *c = calloc(d->frames, sizeof *c);
    if (!c) return complain(why, room, "no memory to check", 0, 0);
    bool ok = true;
    for (unsigned n = 0; n < DIRECT_DOMAINS && ok; n++) ok = !d->all->domain[n] || check_unhooked(d->all->domain[n], why, room);
    for (uint32_t n = 0; n < d->frames && ok; n++) {
        if (is(d, n, FRAME_L1)) ok = count_l1(owner_of(d, n), n, c, why, room);
        else if (is(d, n, FRAME_L2)) ok = count_l2(owner_of(d, n), n, c, why, room);
    }
    for (uint32_t n = 0; n < d->frames && ok; n++) ok = compare(owner_of(d, n), n, &c[n], others[n], why, room);
    free(c);
    return ok;
}
