/* See walk.h. */
#include "sim/mmu/walk.h"

#include <stddef.h>

/* One walk on its way. */
struct way {
    const struct walk_env *w;
    struct xlat *x;
    struct fault *f;
    gva_t at;
    unsigned access;
};

static bool refuse(const struct way *y, uint32_t code)
{
    if (y->access & ACCESS_WRITE) code |= PF_WRITE;
    if (y->access & ACCESS_USER) code |= PF_USER;
    *y->f = (struct fault){ .vector = PAGING_VECTOR, .has_code = true, .code = code, .addr = y->at.v };
    return false;
}

/* Entries of 4 or 8 bytes. The upper half of a long one only says where a frame is not, and what is reserved; a table
 * beyond the bus reads as ones. */
static uint64_t read_entry(const struct way *y, uint64_t table, uint32_t slot, uint8_t level, bool wide)
{
    struct xlat_ref *r = &y->x->ref[y->x->refs++];
    bool there = !(table >> 32);
    uint32_t at = (there ? (uint32_t)table & PAGE_MASK : WALK_NOWHERE) | slot << (wide ? 3 : 2);
    *r = (struct xlat_ref){ .at = hpa(at), .level = level, .wide = wide };
    r->entry = there ? y->w->read(y->w->self, hpa(at)) : UINT32_MAX;
    if (!wide) return r->entry;
    return (uint64_t)(there ? y->w->read(y->w->self, hpa(at + 4)) : UINT32_MAX) << 32 | r->entry;
}

static void found(const struct way *y, uint64_t frame, uint32_t offset)
{
    y->x->absent = frame >> 32;
    y->x->at = hpa((y->x->absent ? WALK_NOWHERE | (offset & (PAGE_SIZE - 1)) : (uint32_t)frame | offset));
}

uint32_t walk_rights(const struct xlat *x)
{
    uint32_t beyond = x->absent ? PTE_BEYOND : 0;
    if (!x->refs) return PTE_W | PTE_U | PTE_D;
    uint32_t rights = x->leaf & (PTE_W | PTE_U | PTE_D | PTE_G);
    if (x->large) return rights | PTE_PS | beyond;
    return (rights & (x->ref[0].entry | PTE_D | PTE_G)) | beyond;
}

/* Two levels of 1024 entries. PSE-36 puts bits 35..32 of a large page's frame into its entry. */
static bool walk_short(const struct way *y)
{
    struct xlat *x = y->x;
    uint32_t va = y->at.v, pde = (uint32_t)read_entry(y, y->w->cr3, pde_slot(va), 2, false);
    if (!(pde & PTE_P)) return refuse(y, 0);
    x->large = (pde & PTE_PS) && (y->w->cr4 & PAGING_CR4_PSE);
    x->leaf = x->large ? pde : (uint32_t)read_entry(y, pde, pte_slot(va), 1, false);
    if (!(x->leaf & PTE_P)) return refuse(y, 0);
    /* Reserved bits are looked at while walking, before any right is. */
    if (x->large && (pde & PDE_LARGE_RESERVED)) return refuse(y, PF_PRESENT | PF_RESERVED);
    if (x->large) found(y, (uint64_t)(pde & PDE_LARGE_HIGH) << 19 | (pde & PDE_LARGE_MASK), va & ~PDE_LARGE_MASK);
    else found(y, x->leaf & PAGE_MASK, va & ~PAGE_MASK);
    return true;
}

/* With PAE: one of four registers, then two levels of 512 entries of 8 bytes. */
static bool walk_long(const struct way *y)
{
    struct xlat *x = y->x;
    uint32_t va = y->at.v;
    uint64_t pdpte = y->w->pdpte ? y->w->pdpte[va >> 30] : 0;
    if (!(pdpte & PTE_P)) return refuse(y, 0);
    uint64_t leaf = read_entry(y, pdpte, va >> 21 & 511, 2, true);
    if (!(leaf & PTE_P)) return refuse(y, 0);
    x->large = leaf & PTE_PS;
    x->leaf = (uint32_t)leaf;
    if (leaf & (PAE_RESERVED | (x->large ? PAE_LARGE_RESERVED : 0u))) return refuse(y, PF_PRESENT | PF_RESERVED);
    if (!x->large) {
        leaf = read_entry(y, leaf, va >> 12 & 511, 1, true);
        x->leaf = (uint32_t)leaf;
        if (!(leaf & PTE_P)) return refuse(y, 0);
        if (leaf & PAE_RESERVED) return refuse(y, PF_PRESENT | PF_RESERVED);
    }
    uint32_t inside = x->large ? PAE_LARGE_INSIDE : ~PAGE_MASK;
    found(y, leaf & ~PAE_RESERVED & ~(uint64_t)inside, va & inside);
    return true;
}

bool walk(const struct walk_env *w, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    const struct way y = { w, x, f, at, access };
    x->host = NULL;
    x->leaf = 0;
    x->tlb_hit = x->large = x->absent = false;
    x->refs = 0;
    x->at = hpa(at.v);
    if (!(w->cr0 & PAGING_CR0_PG)) return true;
    if (!(w->cr4 & PAGING_CR4_PAE ? walk_long(&y) : walk_short(&y))) return false;
    return walk_allows(walk_rights(x), access, w->cr0) || refuse(&y, PF_PRESENT);
}

void walk_accessed(struct xlat *x, unsigned access, void (*write)(void *self, hpa_t at, uint32_t entry), void *self)
{
    for (unsigned i = 0; i < x->refs; i++) {
        struct xlat_ref *r = &x->ref[i];
        bool leaf = i + 1u == x->refs;
        uint32_t entry = r->entry | PTE_A | (leaf && (access & ACCESS_WRITE) ? PTE_D : 0u);
        if (entry != r->entry) write(self, r->at, entry);
        r->entry = entry;
        if (leaf) x->leaf = entry;
    }
}
