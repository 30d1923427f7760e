/* See walk.h. */
#include "sim/mmu/walk.h"

#include <stddef.h>
#include "sim/mmu/pte.h"

static bool refuse(struct fault *f, gva_t at, unsigned access, uint32_t code)
{
    if (access & ACCESS_WRITE) code |= PF_WRITE;
    if (access & ACCESS_USER) code |= PF_USER;
    *f = (struct fault){ .vector = PAGING_VECTOR, .has_code = true, .code = code, .addr = at.v };
    return false;
}

static uint32_t read_entry(const struct walk_env *w, struct xlat *x, uint32_t table, uint32_t slot, uint8_t level)
{
    struct xlat_ref *r = &x->ref[x->refs++];
    *r = (struct xlat_ref){ .at = hpa((table & PAGE_MASK) | slot << 2), .level = level };
    r->entry = w->read(w->self, r->at);
    return r->entry;
}

uint32_t walk_rights(const struct xlat *x)
{
    if (!x->refs) return PTE_W | PTE_U | PTE_D;
    uint32_t rights = x->leaf & (PTE_W | PTE_U | PTE_D | PTE_G);
    if (x->large) return rights | PTE_PS;
    return rights & (x->ref[0].entry | PTE_D | PTE_G);
}

/* SDM 3A 4.6.1. A supervisor may read everything; whether R/W binds its writes too is CR0.WP. */
bool walk_allows(uint32_t rights, unsigned access, uint32_t cr0)
{
    if ((access & ACCESS_USER) && !(rights & PTE_U)) return false;
    if (!(access & ACCESS_WRITE) || (rights & PTE_W)) return true;
    return !(access & ACCESS_USER) && !(cr0 & PAGING_CR0_WP);
}

bool walk(const struct walk_env *w, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    x->host = NULL;
    x->leaf = 0;
    x->tlb_hit = x->large = false;
    x->refs = 0;
    x->at = hpa(at.v);
    if (!(w->cr0 & PAGING_CR0_PG)) return true;

    uint32_t pde = read_entry(w, x, w->cr3, pde_slot(at.v), 2);
    if (!(pde & PTE_P)) return refuse(f, at, access, 0);
    if ((pde & PTE_PS) && (w->cr4 & PAGING_CR4_PSE)) {
        /* Reserved bits are looked at while walking, before any right is. */
        if (pde & PDE_LARGE_RESERVED) return refuse(f, at, access, PF_PRESENT | PF_RESERVED);
        x->large = true;
        x->leaf = pde;
        x->at = hpa((pde & PDE_LARGE_MASK) | (at.v & ~PDE_LARGE_MASK));
    } else {
        x->leaf = read_entry(w, x, pde, pte_slot(at.v), 1);
        if (!(x->leaf & PTE_P)) return refuse(f, at, access, 0);
        x->at = hpa((x->leaf & PAGE_MASK) | (at.v & ~PAGE_MASK));
    }
    if (!walk_allows(walk_rights(x), access, w->cr0)) return refuse(f, at, access, PF_PRESENT);
    return true;
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
