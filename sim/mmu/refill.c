/* See refill.h. */
#include "sim/mmu/refill.h"

#include "sim/mmu/pte.h"

void refill_learn(struct mmu *m, const struct tlb_entry *e, uint32_t lin, bool code)
{
    if (!m->refills || m->root_of[code] == MMU_NO_ROOT || e->pte & (PTE_G | PTE_PS)) return;
    const struct bus *b = m->bus;
    const uint32_t top = (m->cr3 & PAGE_MASK) | pde_slot(lin) << 2;
    if (!bus_plain(b, hpa(top))) return;
    const uint32_t pde = refill_read(b->ram + top), at = (pde & PAGE_MASK) | pte_slot(lin) << 2;
    if (pde & PTE_PS || !bus_plain(b, hpa(at)) || !bus_plain(b, hpa(e->frame))) return; /* PS without CR4.PSE: does not last */
    const uint32_t pte = refill_read(b->ram + at), places[2] = { top, at };
    struct refill *r = refill_slot(m, lin, code);
    const uint8_t mark = b->marks[e->frame >> PAGE_SHIFT];
    bool known = r->root == m->root_of[code] && r->e.page == e->page && r->entry[0] == pde && r->entry[1] == pte && r->mark == mark;
    if (known) return; /* but its lines were not at hand */
    *r = (struct refill){ .e = *e, .root = m->root_of[code], .entry = { pde, pte }, .mark = mark };
    r->e.settled = 0;
    for (unsigned n = 0; n < 2; n++) {
        r->at[n] = b->ram + places[n];
        r->line[n] = places[n] >> LINE_SHIFT;
        if (m->caches) r->near[n] = cache_near_of(m->caches, r->line[n]);
    }
    m->refills->any = true;
}

void refill_forget(struct mmu *m)
{
    if (!m->refills || !m->refills->any) return;
    memset(m->refills, 0, sizeof *m->refills); /* nobody's root is 0 */
}
