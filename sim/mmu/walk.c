/* See walk.h. */
#include "sim/mmu/walk.h"

#include <stddef.h>
#include "sim/mmu/second.h"

/* One walk on its way. */
struct way {
    const struct walk_env *w;
    struct xlat *x;
    struct fault *f;
    gva_t at;
    unsigned access;
    bool *nested; /* the tables that come now are the guest's own: so are what they refuse, and addresses */
};

static bool refuse(const struct way *y, uint32_t code)
{
    if (y->access & ACCESS_WRITE) code |= PF_WRITE;
    if (y->access & ACCESS_USER) code |= PF_USER;
    *y->f = (struct fault){ .vector = PAGING_VECTOR, .has_code = true, .code = code, .addr = y->at.v };
    if (!*y->nested) *y->f = (struct fault){ .second = SECOND_VIOLATION, .code = SECOND_LINEAR | SECOND_SHADOW | code << SECOND_SHADOW_CODE, .addr = y->at.v };
    return false;
}

/* A violation tells the linear address it came from, and whether the walk had got to its end. */
static bool told(struct fault *f, gva_t at, unsigned final)
{
    f->addr = at.v;
    if (f->second == SECOND_VIOLATION) f->code |= SECOND_LINEAR | final;
    return false;
}

/* Does the second level translate where this table lies? Agile paging: shadows lie at machine addresses, and so does the first of
 * the guest's own, of which the entry that leads to it says so. */
static bool is_guests(const struct way *y, uint64_t leads, uint8_t level)
{
    if (*y->nested) return y->w->second.levels;
    *y->nested = leads & PTE_SWITCH;
    if (*y->nested) y->x->switched = level;
    return false;
}

/* Entries of 4 or 8 bytes. The upper half of a long one only says where a frame is not, and what is reserved; a table
 * beyond the bus reads as ones. False: a second level does not lead there. */
static bool read_entry(const struct way *y, uint64_t table, uint32_t slot, uint8_t level, bool wide, uint64_t *entry)
{
    const struct walk_env *w = y->w;
    struct second_end end = { .at = (table & ~(uint64_t)(PAGE_SIZE - 1)) | slot << (wide ? 3 : 2), .rights = SECOND_ALL };
    uint64_t guest = end.at;
    if (is_guests(y, table, level) && !second_walk(w, guest, SECOND_R, level, y->x, &end, y->f)) return told(y->f, y->at, 0);
    if (w->cache && level > 1 && walk_cache_find(w->cache, 0, (uint32_t)end.at, entry)) return true;
    struct xlat_ref *r = &y->x->ref[y->x->refs++];
    bool there = !(end.at >> 32);
    uint32_t at = there ? (uint32_t)end.at : WALK_NOWHERE | ((uint32_t)end.at & ~PAGE_MASK);
    *r = (struct xlat_ref){ .at = hpa(at), .guest = guest, .level = level, .wide = wide, .locked = !(end.rights & SECOND_W), .shadow = !*y->nested };
    r->entry = there ? w->read(w->self, hpa(at)) : UINT32_MAX;
    if (wide) r->high = there ? w->read(w->self, hpa(at + 4)) : UINT32_MAX;
    *entry = (uint64_t)r->high << 32 | r->entry;
    bool leads_on = level > 1 && there && (r->entry & (PTE_P | PTE_A)) == (PTE_P | PTE_A) && !(r->entry & PTE_PS);
    if (w->cache && leads_on) walk_cache_keep(w->cache, 0, at, *entry);
    return true;
}

uint32_t walk_rights(const struct xlat *x)
{
    uint32_t rights = PTE_W | PTE_U | PTE_D;
    if (x->paged) rights = x->rights | (x->leaf & (PTE_D | PTE_G)) | (x->large ? PTE_PS : 0u);
    return (rights & ~(x->locked ? PTE_D : 0u)) | (x->absent ? PTE_BEYOND : 0u);
}

/* Two levels of 1024 entries. PSE-36 puts bits 35..32 of a large page's frame into its entry. */
static bool walk_short(const struct way *y)
{
    struct xlat *x = y->x;
    uint32_t va = y->at.v;
    uint64_t entry;
    if (!read_entry(y, y->w->cr3, pde_slot(va), 2, false, &entry)) return false;
    uint32_t pde = (uint32_t)entry;
    if (!(pde & PTE_P)) return refuse(y, 0);
    x->large = (pde & PTE_PS) && (y->w->cr4 & PAGING_CR4_PSE);
    if (!x->large && !read_entry(y, pde, pte_slot(va), 1, false, &entry)) return false;
    x->leaf = (uint32_t)entry;
    if (!(x->leaf & PTE_P)) return refuse(y, 0);
    /* Reserved bits are looked at while walking, before any right is. */
    if (x->large && (pde & PDE_LARGE_RESERVED)) return refuse(y, PF_PRESENT | PF_RESERVED);
    x->rights = pde & x->leaf & (PTE_W | PTE_U);
    x->physical = (x->leaf & PAGE_MASK) | (va & ~PAGE_MASK);
    if (x->large) x->physical = (uint64_t)(pde & PDE_LARGE_HIGH) << 19 | (pde & PDE_LARGE_MASK) | (va & ~PDE_LARGE_MASK);
    return true;
}

/* With PAE: one of four registers, then two levels of 512 entries of 8 bytes; or no register and more levels. */
static bool walk_long(const struct way *y)
{
    struct xlat *x = y->x;
    uint32_t va = y->at.v;
    bool deep = y->w->levels > 2;
    uint64_t entry = deep ? y->w->cr3 | PTE_P : y->w->pdpte ? y->w->pdpte[va >> 30] : 0;
    if (!(entry & PTE_P)) return refuse(y, 0);
    x->rights = PTE_W | PTE_U;
    for (unsigned level = deep ? y->w->levels : 2; level && !x->large; level--) {
        uint32_t slot = level > 3 ? 0 : va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
        if (!read_entry(y, entry & ~PAE_RESERVED, slot, (uint8_t)level, true, &entry)) return false;
        x->leaf = (uint32_t)entry;
        if (!(entry & PTE_P)) return refuse(y, 0);
        x->large = level == 2 && (entry & PTE_PS);
        uint64_t reserved = PAE_RESERVED | (x->large ? PAE_LARGE_RESERVED : level > 2 ? PTE_PS : 0u);
        if (entry & reserved) return refuse(y, PF_PRESENT | PF_RESERVED);
        x->rights &= (uint32_t)entry;
    }
    uint32_t inside = x->large ? PAE_LARGE_INSIDE : ~PAGE_MASK;
    x->physical = (entry & ~PAE_RESERVED & ~(uint64_t)inside) | (va & inside);
    return true;
}

/* From what the first dimension came to, to the machine. */
static bool land(const struct way *y)
{
    struct xlat *x = y->x;
    struct second_end end = { .at = x->physical, .rights = SECOND_ALL };
    unsigned need = y->access & ACCESS_EXEC ? SECOND_X : y->access & ACCESS_WRITE ? SECOND_W : SECOND_R;
    bool second = y->w->second.levels && *y->nested;
    if (second && !second_walk(y->w, x->physical, need, 0, x, &end, y->f)) return told(y->f, y->at, SECOND_FINAL);
    x->tracked = second && y->w->agile;
    x->locked = !(end.rights & SECOND_W);
    /* Not dirty there, and not about to be: kept as if it could not be stored to, so that the first store walks again. */
    if (x->tracked && !(y->access & ACCESS_WRITE)) x->locked |= !(x->ref[x->refs - 1].entry & SECOND_DIRTY);
    x->absent = end.at >> 32;
    x->at = hpa(x->absent ? WALK_NOWHERE | ((uint32_t)end.at & (PAGE_SIZE - 1)) : (uint32_t)end.at);
    return true;
}

bool walk(const struct walk_env *w, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    bool nested = !w->agile || !(w->cr0 & PAGING_CR0_PG);
    const struct way y = { w, x, f, at, access, &nested };
    x->host = NULL;
    x->leaf = x->rights = 0;
    x->tlb_hit = x->large = x->absent = x->locked = x->tracked = false;
    x->refs = x->switched = 0;
    x->at = hpa(at.v);
    x->physical = at.v;
    x->paged = w->cr0 & PAGING_CR0_PG;
    if (x->paged) {
        if (!(w->cr4 & PAGING_CR4_PAE ? walk_long(&y) : walk_short(&y))) return false;
        if (!walk_allows(x->rights, access, w->cr0 | (nested ? 0u : PAGING_CR0_WP))) return refuse(&y, PF_PRESENT);
    }
    return land(&y);
}

/* What a walk for this access makes of an entry. */
static uint32_t marked(const struct xlat *x, const struct xlat_ref *r, unsigned access)
{
    bool leaf = r->level == 1 || (x->large && r->level == 2);
    return r->entry | PTE_A | (leaf && (access & ACCESS_WRITE) ? PTE_D : 0u);
}

bool walk_may_mark(const struct xlat *x, gva_t at, unsigned access, struct fault *f)
{
    for (unsigned i = 0; i < x->refs; i++) {
        const struct xlat_ref *r = &x->ref[i];
        if (r->dim || !r->locked || marked(x, r, access) == r->entry) continue;
        *f = (struct fault){ .second = SECOND_VIOLATION, .physical = r->guest, .code = SECOND_READ | SECOND_WRITE | SECOND_R << SECOND_RIGHTS };
        return told(f, at, 0);
    }
    return true;
}

void walk_accessed(struct xlat *x, unsigned access, void (*write)(void *self, hpa_t at, uint32_t entry), void *self)
{
    for (unsigned i = 0; i < x->refs; i++) {
        struct xlat_ref *r = &x->ref[i];
        if (r->dim) continue;
        uint32_t entry = marked(x, r, access);
        if (entry != r->entry) write(self, r->at, entry);
        r->entry = entry;
        if (r->level == 1 || (x->large && r->level == 2)) x->leaf = entry;
    }
    struct xlat_ref *last = &x->ref[x->refs ? x->refs - 1 : 0];
    if (!x->tracked || !(access & ACCESS_WRITE) || (last->entry & SECOND_DIRTY)) return;
    last->entry |= SECOND_DIRTY;
    write(self, last->at, last->entry);
}
