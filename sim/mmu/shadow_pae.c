/* Shadows of PAE tables. See shadow.h.
 *
 *   guest      PDPTE register -> directory, 512 entries of 2 MB -> table, 512 entries
 *   shadow     root, 1024 entries of 4 MB ------------------> table, 1024 entries
 *                 256 for each PDPTE                            two halves of 512, each from one directory entry
 *
 * Idea 1: a table is made from a pair of directory entries, so whatever else they lead to, a root's entry is a matter of the PDPTEs
 * alone, which are registers. A directory that several spaces share is shadowed once.
 * Idea 2: a half follows its directory entry and its page table separately; when the directory's says something new, the half is
 * emptied and a fault makes it again.
 * Idea 3: agile paging walks from shadows into the guest's own tables, so there both have entries of 8 bytes (struct shadow.wide): a
 * root for each directory that a PDPTE names, and everything else as without PAE.
 * SDM vol. 3A 4.4. Not modelled: NX.
 * TOUR mmu.12: the same for tables of three levels. */
#include "sim/mmu/shadow.h"

#include <string.h>

uint64_t shadow_pae_entry(const struct shadow *s, uint32_t frame, uint32_t slot)
{
    uint32_t at = frame << PAGE_SHIFT | slot << 3;
    shadow_charge(s, COST_MEM_REF, 2);
    return (uint64_t)bus_read(s->env->machine, hpa(at + 4), 4) << 32 | bus_read(s->env->machine, hpa(at), 4);
}

/* ---- roots */

static void directories(const struct shadow *s, uint32_t frame[4])
{
    for (unsigned n = 0; n < 4; n++) {
        uint64_t e = s->env->pdpte[n];
        frame[n] = SHADOW_NONE;
        if ((e & PTE_P) && !(e >> 32) && !shadow_own_ram(s, (uint32_t)e & PAGE_MASK, true, &frame[n])) frame[n] = SHADOW_NONE;
    }
}

uint32_t shadow_pae_root(struct shadow *s)
{
    uint32_t frame[4], t = s->loose;
    directories(s, frame);
    while (t != SHADOW_NONE && (s->table[t].kind != SHADOW_PAE_ROOT || memcmp(s->pdpt[t], frame, sizeof frame))) t = s->table[t].next;
    uint32_t number = t == SHADOW_NONE ? ++s->roots : s->table[t].slot;
    t = shadow_obtain(s, SHADOW_PAE_ROOT, SHADOW_NONE, number, 0);
    if (t != SHADOW_NONE) memcpy(s->pdpt[t], frame, sizeof frame);
    return t;
}

/* A directory that is the guest's own has no shadow. */
void shadow_pae_quarters(struct shadow *s)
{
    uint32_t frame[4];
    directories(s, frame);
    for (unsigned n = 0; n < 4; n++) {
        bool ours = (s->cr0 & PAGING_CR0_PG) && frame[n] != SHADOW_NONE && !shadow_is_own(s, frame[n]);
        s->quarter[n] = ours ? shadow_obtain(s, SHADOW_ROOT, frame[n], 0, 0) : SHADOW_NONE;
    }
}

/* ---- halves */

static void attach(struct shadow *s, uint32_t t, unsigned half, const struct shadow_half *to)
{
    struct shadow_half *h = &s->half[2 * t + half];
    *h = *to;
    if (h->frame == SHADOW_NONE) return;
    h->next = shadow_frame(s, h->frame)->halves;
    shadow_frame(s, h->frame)->halves = 2 * t + half;
    shadow_protect(s, h->frame);
}

void shadow_pae_drop(struct shadow *s, uint32_t t, unsigned half)
{
    struct shadow_half *h = &s->half[2 * t + half];
    if (!h->used) return;
    shadow_charge(s, COST_MEM_REF, PAGE_SIZE / 2 / 64);
    for (uint32_t slot = half * PAE_SLOTS; slot < (half + 1) * PAE_SLOTS; slot++)
        if (shadow_get(s, t, slot) & PTE_P) shadow_set(s, t, slot, 0);
    /* INVLPG with any address of a large page must end all of its translations, but the TLB knows only pieces. */
    if (h->large && shadow_in_use(s, t)) s->stale = 2;
    if (h->frame != SHADOW_NONE) {
        uint32_t *at = &shadow_frame(s, h->frame)->halves;
        while (*at != 2 * t + half) at = &s->half[*at].next;
        *at = h->next;
    }
    *h = (struct shadow_half){ .frame = SHADOW_NONE };
}

/* What a half made from this directory entry is. */
static struct shadow_half half_of(const struct shadow *s, uint64_t pde)
{
    struct shadow_half h = { .frame = SHADOW_NONE, .rights = (uint8_t)(pde & (PTE_W | PTE_U)), .large = (pde & PTE_PS) != 0 };
    h.used = (pde & PTE_P) && (pde & PTE_A) && !(pde >> 32);
    if (h.used && !h.large) h.used = shadow_guest_ram(s, (uint32_t)pde & PAGE_MASK, &h.frame);
    if (!h.used) h.frame = SHADOW_NONE;
    return h;
}

static bool same(const struct shadow_half *a, const struct shadow_half *b)
{
    return a->used == b->used && a->large == b->large && a->frame == b->frame && a->rights == b->rights;
}

uint32_t shadow_pae_table(struct shadow *s, gva_t at, const struct xlat *x)
{
    uint32_t frame = SHADOW_NONE;
    shadow_guest_ram(s, x->ref[0].at.v, &frame);
    uint32_t t = shadow_obtain(s, SHADOW_PAE, frame, pde_slot(at.v) & 255, 0);
    if (t == SHADOW_NONE) return t;
    unsigned half = at.v >> PAE_PDE_SHIFT & 1;
    struct shadow_half now = half_of(s, x->ref[0].entry); /* it has led to a page in RAM, so it lies below 4 GB */
    if (same(&now, &s->half[2 * t + half])) return t;
    shadow_pae_drop(s, t, half);
    attach(s, t, half, &now);
    return t;
}

/* ---- following the guest's stores */

void shadow_pae_sync_directory(struct shadow *s, uint32_t t, unsigned half)
{
    struct shadow_half *h = &s->half[2 * t + half];
    if (!h->used) return;
    struct shadow_half now = half_of(s, shadow_pae_entry(s, s->table[t].frame, 2 * s->table[t].slot + half));
    if (h->large || !same(&now, h)) shadow_pae_drop(s, t, half); /* a 2 MB page depends on its entry in every bit */
}

uint32_t shadow_pae_page(uint64_t entry, uint32_t rights)
{
    if (!(entry & PTE_P) || !(entry & PTE_A) || entry >> 32) return 0;
    return (uint32_t)entry & (PAGE_MASK | PTE_P | PTE_A | PTE_D | (rights & (PTE_W | PTE_U)));
}

void shadow_pae_sync_page(struct shadow *s, uint32_t t, uint32_t slot)
{
    const struct shadow_half *h = &s->half[2 * t + slot / PAE_SLOTS];
    if (!h->used || h->large) return;
    uint32_t guest = shadow_pae_page(shadow_pae_entry(s, h->frame, slot % PAE_SLOTS), h->rights), frame, entry = 0;
    if (guest && shadow_guest_ram(s, guest & PAGE_MASK, &frame)) entry = shadow_entry(s, frame, guest);
    shadow_follow(s, t, slot, entry);
}
