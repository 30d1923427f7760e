/* The promises of shadow paging, worked out anew from the tables in memory. See shadow.h.
 *
 * Idea: nothing that keeps them is asked. An entry that the hardware may use must follow from what the guest's tables say at
 * this very moment and from the frame map; all that is counted or linked is counted and followed again.
 * Without write traces (choice.trace) entries may be older than the guest's tables, as a TLB's: then only where they lead is held
 * against the frame map. The hardware's TLB may be stale, too, but must not let the guest write to a traced frame. */
#include "sim/mmu/shadow.h"

#include <stdio.h>
#include <stdlib.h>

struct look {
    const struct shadow *s;
    const struct shadow_table *x; /* the table being looked at, its number, a slot and the entry in it */
    uint32_t t, slot, entry;
    uint32_t *by_frame;           /* entries that point to a frame */
    bool *traced;                 /* worked out anew; NULL: the strategy is asked */
    uint64_t entries, leaves, wp_off, tables;
    char *why;
    unsigned room;
};

static bool wrong(const struct look *l, const char *what, uint32_t guest)
{
    snprintf(l->why, l->room, "shadow table %u (kind %u), slot %X, entry %08X: %s (guest entry %08X)", l->t, l->x ? l->x->kind : 0u, l->slot,
             l->entry, what, guest);
    return false;
}

static uint32_t peek(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    uint32_t entry = 0;
    bus_peek(s->env->machine, hpa(frame << PAGE_SHIFT | slot << 2), &entry, sizeof entry);
    return entry;
}

static bool is_traced(const struct look *l, uint32_t frame) { return l->traced ? l->traced[frame] : shadow_traced(l->s, frame); }

static bool large_pages(const struct shadow *s) { return s->wide || (s->cr4 & PAGING_CR4_PSE); }

static uint64_t peek_long(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    return (uint64_t)peek(s, frame, 2 * slot + 1) << 32 | peek(s, frame, 2 * slot);
}

/* An entry of ours; of one whose upper half is not 0, ones. */
static uint32_t peek_ours(const struct shadow *s, uint32_t t, uint32_t slot)
{
    uint64_t entry = s->wide ? peek_long(s, s->env->pool_first + t, slot) : peek(s, s->env->pool_first + t, slot);
    return entry >> 32 ? UINT32_MAX : (uint32_t)entry;
}

/* `n` of them at once, from `slot` on. */
static bool peek_row(const struct shadow *s, uint32_t t, uint32_t slot, uint32_t n, uint32_t *entry)
{
    uint64_t wide[PAE_SLOTS];
    if (!s->wide) return bus_peek(s->env->machine, hpa((s->env->pool_first + t) << PAGE_SHIFT | slot << 2), entry, n * sizeof *entry);
    if (!bus_peek(s->env->machine, hpa((s->env->pool_first + t) << PAGE_SHIFT | slot << 3), wide, n * sizeof *wide)) return false;
    for (uint32_t i = 0; i < n; i++) entry[i] = wide[i] >> 32 ? UINT32_MAX : (uint32_t)wide[i];
    return true;
}

/* The guest's, of a table like ours; 0 if it leads beyond 4 GB, or has reserved bits there. */
static uint32_t peek_guest(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    uint64_t entry = s->wide ? peek_long(s, frame, slot) : peek(s, frame, slot);
    return entry >> 32 ? 0 : (uint32_t)entry;
}

/* An entry of a root of a guest with PAE. */
static bool check_quarter(const struct look *l)
{
    const struct shadow *s = l->s;
    uint32_t child = (l->entry >> PAGE_SHIFT) - s->env->pool_first;
    const struct shadow_table *c = &s->table[child];
    if (child >= s->pool || c->kind != SHADOW_PAE) return wrong(l, "leads to no table of PAE", 0);
    if (c->slot != (l->slot & 255) || c->frame != s->pdpt[l->t][l->slot >> 8]) return wrong(l, "leads to another directory's table", c->frame);
    return true;
}

/* What the guest's tables say about the page of an entry of a SHADOW_PAE, as one 32-bit entry of combined rights; 0: no page. */
static uint32_t pae_page(const struct look *l)
{
    const struct shadow *s = l->s;
    uint32_t half = l->slot / PAE_SLOTS, slot = l->slot % PAE_SLOTS, table;
    uint64_t pde = peek_long(s, l->x->frame, 2 * l->x->slot + half), pte;
    if (!(pde & PTE_P) || !(pde & PTE_A) || pde >> 32) return 0;
    if (pde & PTE_PS) return pde & PAE_LARGE_RESERVED ? 0 : ((uint32_t)pde & ~(PAGE_MASK & PAE_LARGE_INSIDE)) | slot << PAGE_SHIFT;
    if (!shadow_guest_ram(s, (uint32_t)pde & PAGE_MASK, &table)) return 0;
    pte = peek_long(s, table, slot);
    return pte >> 32 ? 0 : (uint32_t)pte & ((uint32_t)pde | ~(uint32_t)(PTE_W | PTE_U));
}

/* An entry of a root. */
static bool check_directory(const struct look *l)
{
    const struct shadow *s = l->s;
    uint32_t child = (l->entry >> PAGE_SHIFT) - s->env->pool_first, frame;
    if (l->entry & PTE_SWITCH)
        return l->x->kind == SHADOW_ROOT && l->entry == shadow_switch(s, peek_guest(s, l->x->frame, l->slot)) ? true : wrong(l, "switches to a table that is not the guest's own", 0);
    if (child >= s->pool || s->table[child].kind == SHADOW_FREE) return wrong(l, "leads to no shadow table", 0);
    const struct shadow_table *c = &s->table[child];
    if (shadow_is_root(s, child) || c->kind == SHADOW_PAE) return wrong(l, "leads to a root or a table of PAE", 0);
    if (c->kind != SHADOW_TABLE && c->slot != l->slot) return wrong(l, "leads to another slot's table", c->slot);
    if (l->x->kind == SHADOW_FLAT)
        return c->kind == (s->env->choice.trace ? SHADOW_LARGE : SHADOW_SLOT) && c->frame == SHADOW_NONE ? true : wrong(l, "leads to a table of paging", 0);
    uint32_t guest = l->x->frame == SHADOW_NONE ? 0 : peek_guest(s, l->x->frame, l->slot), reserved = s->wide ? (uint32_t)PAE_LARGE_RESERVED : PDE_LARGE_RESERVED;
    if ((guest & (PTE_P | PTE_A)) != (PTE_P | PTE_A)) return wrong(l, "the guest's is not present or not accessed", guest);
    bool large = (guest & PTE_PS) && large_pages(s);
    if (large != (c->kind == SHADOW_LARGE)) return wrong(l, "the guest's page size is another", guest);
    if (large) return c->frame == l->x->frame && !(guest & reserved) ? true : wrong(l, "another directory's large page", guest);
    if (c->rights != (guest & (PTE_W | PTE_U))) return wrong(l, "the table was made for other rights", guest);
    if (!shadow_guest_ram(s, guest & PAGE_MASK, &frame) || frame != c->frame) return wrong(l, "the table was made from another frame", guest);
    return true;
}

/* What the guest's tables say about the page of an entry, as one entry of combined rights. */
static uint32_t guest_page(const struct look *l)
{
    const struct shadow *s = l->s;
    const uint32_t rights = PTE_W | PTE_U, inside = s->wide ? PAE_LARGE_INSIDE : ~PDE_LARGE_MASK;
    if (l->x->kind == SHADOW_PAE) return pae_page(l);
    if (l->x->kind == SHADOW_TABLE) return peek_guest(s, l->x->frame, l->slot) & (~rights | l->x->rights);
    if (l->x->frame == SHADOW_NONE) return l->x->slot << PDE_SHIFT | l->slot << PAGE_SHIFT | PTE_P | PTE_A | PTE_D | rights;
    uint32_t pde = peek_guest(s, l->x->frame, l->x->slot);
    return (pde & ~(PAGE_MASK & inside)) | l->slot << PAGE_SHIFT;
}

/* An entry that leads to a page. */
static bool check_page(const struct look *l)
{
    const struct shadow *s = l->s;
    uint32_t guest = 0, frame, entry = l->entry;
    if (entry & PTE_G) return wrong(l, "global", 0);
    if ((entry & PTE_W) && is_traced(l, entry >> PAGE_SHIFT)) return wrong(l, "a traced frame can be written to", 0);
    if ((entry & PTE_W) && (s->env->machine->marks[entry >> PAGE_SHIFT] & FRAME_SHARED)) return wrong(l, "a shared frame can be written to", 0);
    if ((entry & SHADOW_WP_OFF) && ((entry & PTE_U) || (s->cr0 & PAGING_CR0_WP))) return wrong(l, "CR0.WP is not clear, or a user may use it", 0);
    if (l->x->kind == SHADOW_SLOT) { /* the guest's entry may be another by now; the frame must be the guest's */
        for (uint32_t g = 0; g < s->env->guest->frames; g++)
            if (bus_owner(s->env->guest, hpa(g << PAGE_SHIFT), &frame) && frame == entry >> PAGE_SHIFT) return true;
        if (s->env->device_frame && entry >> PAGE_SHIFT == s->env->device_frame) return true;
        return wrong(l, "not one of the guest's frames", 0);
    }
    guest = guest_page(l);
    if ((guest & (PTE_P | PTE_A)) != (PTE_P | PTE_A)) return wrong(l, "the guest's is not present or not accessed", guest);
    if ((!shadow_device(s, guest, &frame) && !shadow_guest_ram(s, guest & PAGE_MASK, &frame)) || frame != entry >> PAGE_SHIFT) return wrong(l, "the guest's leads elsewhere", guest);
    if ((entry & PTE_U) && !(guest & PTE_U)) return wrong(l, "the guest's forbids user access", guest);
    if ((entry & PTE_W) && !(guest & PTE_D)) return wrong(l, "the guest's is not dirty, so a store would go unnoticed", guest);
    if ((entry & PTE_W) && !(guest & PTE_W) && !(entry & SHADOW_WP_OFF)) return wrong(l, "the guest's forbids stores", guest);
    return true;
}

/* An entry that is present: false, and what is wrong with it. */
static bool check_present(const struct look *l)
{
    const struct shadow *s = l->s;
    if ((l->entry >> PAGE_SHIFT) - s->env->first >= s->env->frames) return wrong(l, "leads out of the virtual machine", 0);
    if (l->x->kind == SHADOW_PAE_ROOT) return check_quarter(l);
    return shadow_is_root(s, l->t) ? check_directory(l) : check_page(l);
}

static bool check_table(struct look *l)
{
    const struct shadow *s = l->s;
    bool root = shadow_is_root(s, l->t);
    uint32_t entry[PTE_SLOTS] = { 0 }, slots = shadow_slots(s, l->t);
    l->tables++;
    l->slot = l->entry = 0;
    if (l->x->frame != SHADOW_NONE && shadow_is_own(s, l->x->frame)) return wrong(l, "made of a table that is the guest's own", 0);
    if (root && s->env->window && peek(s, s->env->pool_first + l->t, pde_slot(s->env->window)) != s->env->window_pde)
        return wrong(l, "a root without the hypervisor's window", 0);
    peek_row(s, l->t, 0, s->wide ? PAE_SLOTS : PTE_SLOTS, entry);
    for (l->slot = 0; l->slot < slots; l->slot++) {
        l->entry = entry[l->slot];
        if (!(l->entry & PTE_P)) continue;
        if ((l->entry >> PAGE_SHIFT) - s->env->first >= s->env->frames) return check_present(l);
        l->entries++;
        l->leaves += !root;
        l->wp_off += (l->entry & SHADOW_WP_OFF) != 0;
        l->by_frame[l->entry >> PAGE_SHIFT]++;
        if (!check_present(l)) return false;
    }
    return true;
}

static bool says(const struct look *l, const char *what, uint64_t is, uint64_t should)
{
    if (is == should) return true;
    snprintf(l->why, l->room, "%s: %llu, not %llu", what, (unsigned long long)is, (unsigned long long)should);
    return false;
}

static bool check_links(const struct look *l)
{
    const struct shadow *s = l->s;
    for (uint32_t f = s->env->first; f < s->env->first + s->env->frames; f++) {
        uint32_t links = 0;
        for (uint32_t k = shadow_frame(s, f)->links; k != SHADOW_NONE; k = s->link[k].next) {
            uint32_t where = s->link[k].where, entry = peek_ours(s, where / PTE_SLOTS, where % PTE_SLOTS);
            if (!says(l, "the frame a reverse link's entry points to", entry >> PAGE_SHIFT, f)) return false;
            if (!says(l, "the entry of a reverse link is present", entry & PTE_P, PTE_P)) return false;
            links++;
        }
        if (!says(l, "reverse links of a frame", links, l->by_frame[f])) return false;
    }
    return true;
}

/* The halves made from a frame hang on it, and halves hang on none other. */
static bool check_halves(const struct look *l)
{
    const struct shadow *s = l->s;
    uint64_t hanging = 0, used = 0;
    for (uint32_t f = s->env->first; f < s->env->first + s->env->frames; f++)
        for (uint32_t h = shadow_frame(s, f)->halves; h != SHADOW_NONE; h = s->half[h].next, hanging++)
            if (!says(l, "the frame a half was made from", s->half[h].frame, f) || !says(l, "a half that hangs is used", s->half[h].used, 1)) return false;
    for (uint32_t h = 0; h < 2 * s->pool; h++) {
        if (!s->half[h].used) continue;
        if (!says(l, "the kind of table a half belongs to", s->table[h / 2].kind, SHADOW_PAE)) return false;
        used += s->half[h].frame != SHADOW_NONE;
    }
    return says(l, "halves that hang on a frame", hanging, used);
}

static bool check_counts(const struct look *l)
{
    const struct shadow *s = l->s;
    return says(l, "shadow tables in use", s->stats.tables, l->tables) &&
           says(l, "entries filled and not dropped", s->stats.filled - s->stats.dropped, l->leaves) &&
           says(l, "entries for CR0.WP clear", s->wp_off, l->wp_off) && says(l, "unflushed translations", s->stale, 0);
}

/* Wide: those in use are made from the directories that the guest's PDPTEs name, or are none. */
static bool check_quarters(const struct look *l)
{
    const struct shadow *s = l->s;
    for (unsigned n = 0; s->wide && n < 4; n++) {
        uint64_t e = s->env->pdpte[n];
        uint32_t frame;
        if (s->quarter[n] == SHADOW_NONE) continue;
        const struct shadow_table *x = &s->table[s->quarter[n]];
        bool ram = (e & PTE_P) && !(e >> 32) && shadow_guest_ram(s, (uint32_t)e & PAGE_MASK, &frame);
        if (!says(l, "a PDPTE's directory is RAM", ram, 1) || !says(l, "the kind of a PDPTE's root", x->kind, SHADOW_ROOT)) return false;
        if (!says(l, "the frame a PDPTE's root was made from", x->frame, frame)) return false;
    }
    return true;
}

static bool check_tlb(const struct look *l, const struct tlb *tlb)
{
    const struct shadow *s = l->s;
    for (unsigned i = 0; tlb && i < TLB_DATA_SETS * TLB_WAYS; i++) {
        const struct tlb_entry *e = &tlb->e[i / TLB_WAYS][i % TLB_WAYS];
        if (!e->valid || shadow_in_window(s, gva(e->page)) || e->frame >> PAGE_SHIFT >= s->env->machine->frames) continue;
        if (!(e->pte & PTE_W) || !(e->pte & PTE_D) || !is_traced(l, e->frame >> PAGE_SHIFT)) continue; /* without D a store walks again */
        snprintf(l->why, l->room, "the TLB lets the guest write to frame %X, which is traced, at %X", e->frame >> PAGE_SHIFT, e->page);
        return false;
    }
    return true;
}

static void find_traced(const struct look *l)
{
    const struct shadow *s = l->s;
    for (uint32_t t = 0; t < s->pool; t++)
        if (s->table[t].kind != SHADOW_FREE && s->table[t].frame != SHADOW_NONE) l->traced[s->table[t].frame] = true;
    for (uint32_t h = 0; h < 2 * s->pool; h++)
        if (s->half[h].used && s->half[h].frame != SHADOW_NONE) l->traced[s->half[h].frame] = true;
    for (uint32_t f = s->env->first; f < s->env->first + s->env->frames; f++)
        if (shadow_frame(s, f)->traces) l->traced[f] = true;
}

bool shadow_check(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room)
{
    const struct shadow *s = m->state;
    uint32_t frames = s->env->machine->frames;
    struct look l = { .s = s, .why = why, .room = room, .by_frame = calloc(frames, sizeof *l.by_frame), .traced = calloc(frames, sizeof *l.traced) };
    bool good = l.by_frame && l.traced;
    if (!good) snprintf(why, room, "no memory to check");
    else find_traced(&l);
    for (l.t = 0; good && l.t < s->pool; l.t++) {
        l.x = &s->table[l.t];
        if (l.x->kind != SHADOW_FREE) good = check_table(&l);
    }
    good = good && check_counts(&l) && check_quarters(&l) && check_links(&l) && check_halves(&l) && check_tlb(&l, tlb);
    free(l.by_frame);
    free(l.traced);
    return good;
}

/* ---- what changed ---- */

enum { QUARTERS = 4, QUARTER = PTE_SLOTS / QUARTERS, TABLES_SKIPPED = 64 };

static bool recheck(struct look *l, uint32_t t, uint32_t slot)
{
    const struct shadow *s = l->s;
    l->t = t, l->x = &s->table[t], l->slot = slot;
    if (l->x->kind == SHADOW_FREE || l->x->kind == SHADOW_SLOT || slot >= shadow_slots(s, t)) return true; /* SHADOW_SLOT: slow */
    l->entry = peek_ours(s, t, slot);
    return !(l->entry & PTE_P) || check_present(l);
}

/* The same for entries that follow each other, read at once. */
static bool recheck_row(struct look *l, uint32_t t, uint32_t slot, uint32_t n)
{
    const struct shadow *s = l->s;
    uint32_t entry[QUARTER];
    l->t = t, l->x = &s->table[t];
    if (l->x->kind == SHADOW_FREE || l->x->kind == SHADOW_SLOT) return true;
    uint32_t end = shadow_slots(s, t) < slot + n ? shadow_slots(s, t) : slot + n;
    if (end <= slot) return true;
    if (!peek_row(s, t, slot, end - slot, entry)) return false;
    for (l->slot = slot; l->slot < end; l->slot++) {
        l->entry = entry[l->slot - slot];
        if ((l->entry & PTE_P) && !check_present(l)) return false;
    }
    return true;
}

/* All that was made from a guest's entry. What a whole large page was splintered into goes by turns. */
static bool recheck_store(struct look *l, uint32_t frame, uint32_t slot)
{
    const struct shadow *s = l->s;
    for (uint32_t t = shadow_frame(s, frame)->tables; t != SHADOW_NONE; t = s->table[t].next)
        if ((s->table[t].kind == SHADOW_ROOT || s->table[t].kind == SHADOW_TABLE) && !recheck(l, t, slot)) return false;
    for (uint32_t h = shadow_frame(s, frame)->halves; h != SHADOW_NONE; h = s->half[h].next)
        if (!recheck(l, h / 2, (h & 1) * PAE_SLOTS + slot / 2)) return false;
    return true;
}

static bool recheck_piece(struct look *l, struct shadow_log *log)
{
    const struct shadow *s = l->s;
    for (unsigned skipped = 0; skipped < TABLES_SKIPPED && s->table[log->next / QUARTERS % s->pool].kind == SHADOW_FREE; skipped++)
        log->next = (log->next / QUARTERS + 1) % s->pool * QUARTERS;
    uint32_t t = log->next / QUARTERS % s->pool, slot = log->next % QUARTERS * QUARTER;
    log->next = (log->next + 1) % (s->pool * QUARTERS);
    return recheck_row(l, t, slot, QUARTER);
}

bool shadow_check_some(const struct vmmu *m, const struct tlb *tlb, char *why, unsigned room)
{
    struct shadow *s = m->state;
    struct shadow_log *log = &s->log;
    struct look l = { .s = s, .why = why, .room = room };
    bool good = true, all = log->n > SHADOW_LOG || log->stores > SHADOW_LOG;
    for (uint32_t i = 0; !all && good && i < log->n; i++) good = recheck(&l, log->where[i] / PTE_SLOTS, log->where[i] % PTE_SLOTS);
    for (uint32_t i = 0; !all && good && i < log->stores && s->env->choice.trace; i++)
        good = recheck_store(&l, log->store[i].frame, log->store[i].slot);
    log->n = log->stores = 0;
    if (good && all) return shadow_check(m, tlb, why, room);
    return good && check_quarters(&l) && recheck_piece(&l, log) && says(&l, "unflushed translations", s->stale, 0) && check_tlb(&l, tlb);
}
