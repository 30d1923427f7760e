/* The invariants of direct paging, worked out anew from the tables in memory. See direct.h.
 *
 * Idea: count references and uses as if nobody had kept counts, and compare. Nothing is believed but which frames are tables. */
#include "sim/mmu/direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts { uint32_t refs, writable, tables; };

static uint64_t load(const struct direct *d, hpa_t at)
{
    uint64_t entry = 0;
    bus_peek(d->vmmu->env.machine, at, &entry, direct_bytes(d));
    return entry;
}

/* A table's entries, as they were counted. The unhooked table's way is writable, and its hook not present, but they count as if they
 * were not so; its own entries are those before. */
static void counted(const struct direct *d, uint32_t frame, uint64_t entry[PTE_SLOTS])
{
    const struct direct_unhooked *u = &d->unhooked;
    union { uint32_t narrow[PTE_SLOTS]; uint64_t wide[PTE_SLOTS / 2]; } as = { 0 };
    if (u->frame == frame) memcpy(&as, u->copy, sizeof as);
    else bus_peek(d->vmmu->env.machine, hpa(frame << PAGE_SHIFT), &as, sizeof as);
    for (uint32_t slot = 0; slot < direct_slots(d); slot++) entry[slot] = d->pae ? as.wide[slot] : as.narrow[slot];
    if (u->frame == FRAME_NONE || u->frame == frame) return;
    if (u->hook.v >> PAGE_SHIFT == frame) entry[(u->hook.v & 0xFFF) / direct_bytes(d)] |= PTE_P;
    if (u->way.v >> PAGE_SHIFT == frame) entry[(u->way.v & 0xFFF) / direct_bytes(d)] &= ~(uint64_t)PTE_W;
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
    uint64_t table[PTE_SLOTS];
    counted(d, frame, table);
    for (uint32_t slot = 0; slot < direct_slots(d); slot++) {
        uint64_t entry = table[slot];
        uint32_t to = direct_frame(entry);
        if (!(entry & PTE_P)) continue;
        bool lent = !direct_owns(d, to) && d->lent && to < d->frames && d->lent(d->self, to, entry & PTE_W);
        if (!direct_owns(d, to) && !lent) return complain(why, room, "a table maps a foreign frame", frame, to);
        if ((entry & PTE_W) && !is(d, to, FRAME_WRITABLE)) return complain(why, room, "a table maps a table writable", frame, to);
        if (entry & (PTE_PS | PTE_G | PAE_RESERVED)) return complain(why, room, "a table entry has a forbidden bit", frame, (uint32_t)entry);
        c[to].refs++;
        if (entry & PTE_W) c[to].writable++;
    }
    return true;
}

/* A directory; with the hypervisor in its last entries, or not. */
static bool count_l2(const struct direct *d, uint32_t frame, enum direct_type type, struct counts *c, char *why, unsigned room)
{
    uint64_t table[PTE_SLOTS];
    uint32_t own = direct_guest_slots(d, type);
    counted(d, frame, table);
    for (uint32_t slot = 0; slot < direct_slots(d); slot++) {
        uint64_t entry = table[slot];
        uint32_t to = direct_frame(entry);
        if (slot >= own) { /* the processor sets accessed and dirty bits there */
            uint64_t bits = ~(uint64_t)(PTE_A | PTE_D);
            if ((entry ^ d->hypervisor[slot - own]) & bits) return complain(why, room, "the hole was changed", frame, slot);
            continue;
        }
        if (!(entry & PTE_P) || (!d->pae && to == frame && !(entry & PTE_W))) continue;
        if (entry & (PTE_PS | PTE_G | PAE_RESERVED)) return complain(why, room, "a directory entry has a forbidden bit", frame, (uint32_t)entry);
        if (to >= d->frames || !is(d, to, FRAME_L1)) return complain(why, room, "a directory names what is no table", frame, to);
        c[to].refs++;
        c[to].tables++;
    }
    return true;
}

static bool count_l3(const struct direct *d, uint32_t frame, struct counts *c, char *why, unsigned room)
{
    for (uint32_t slot = 0; slot < DIRECT_L3_SLOTS; slot++) {
        uint64_t entry = load(d, direct_place(d, frame, slot));
        uint32_t to = direct_frame(entry);
        bool top = slot == DIRECT_L3_SLOTS - 1;
        if (top && !(entry & PTE_P)) return complain(why, room, "an L3 without the hypervisor", frame, slot);
        if (!(entry & PTE_P)) continue;
        if (entry & (0x1FEu | PAE_RESERVED)) return complain(why, room, "an entry of an L3 has a forbidden bit", frame, (uint32_t)entry);
        if (to >= d->frames || !is(d, to, top ? FRAME_TOP : FRAME_L2)) return complain(why, room, "an L3 names what is no such directory", frame, to);
        c[to].refs++;
        c[to].tables++;
        if (top && c[to].tables != 1) return complain(why, room, "the hypervisor's directory is in two L3s", frame, to);
    }
    return true;
}

static bool compare(const struct direct *d, uint32_t n, const struct counts *c, uint32_t others, char *why, unsigned room)
{
    const struct direct_frame *f = &d->frame[n];
    if (f->owner == OWNER_NONE) return f->refs || f->uses ? complain(why, room, "a free frame is referred to", n, f->refs) : true;
    uint32_t own = (uint32_t)f->pinned + (d->base == n), all = c->refs + own + f->allocated + others;
    if (f->refs < f->uses) return complain(why, room, "more uses than references", n, f->uses);
    if (f->refs != all) return complain(why, room, "references are miscounted", n, all);
    if (f->uses && direct_is_table(f->type) && f->uses != c->tables + own) return complain(why, room, "uses of a table are miscounted", n, f->uses);
    if (d->base == n && !is(d, n, direct_base_type(d))) return complain(why, room, "CR3 names no table of its kind", n, f->type);
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
    uint64_t hook = load(d, u->hook), way = load(d, u->way);
    uint32_t slot, l2 = direct_directory(d, u->slot, &slot);
    if (!is(d, u->frame, FRAME_L1) || d->frame[u->frame].uses != 1u + d->frame[u->frame].pinned)
        return complain(why, room, "the unhooked table has other uses", u->frame, d->frame[u->frame].uses);
    if (l2 == FRAME_NONE || (d->pae && d->frame[l2].uses != 1u + d->frame[l2].pinned)) return complain(why, room, "the unhooked table's directory has other uses", u->frame, l2);
    if ((hook & PTE_P) || direct_frame(hook) != u->frame || u->hook.v != direct_place(d, l2, slot).v)
        return complain(why, room, "the unhooked table is in a directory", u->frame, (uint32_t)hook);
    if (!(way & PTE_P) || direct_frame(way) != u->frame) return complain(why, room, "the unhooked table is not where it is stored to", u->frame, (uint32_t)way);
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
        if (!d->frame[n].uses || !direct_is_table(d->frame[n].type)) continue;
        if (is(d, n, FRAME_L1)) ok = count_l1(owner_of(d, n), n, c, why, room);
        else if (is(d, n, FRAME_L2) || is(d, n, FRAME_TOP)) ok = count_l2(owner_of(d, n), n, d->frame[n].type, c, why, room);
        else if (is(d, n, FRAME_L3)) ok = count_l3(owner_of(d, n), n, c, why, room);
    }
    for (uint32_t n = 0; n < d->frames && ok; n++) ok = compare(owner_of(d, n), n, &c[n], others[n], why, room);
    free(c);
    return ok;
}
