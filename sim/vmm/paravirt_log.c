/* Which pages does a domain store to? For its live migration. See paravirt.h, mmu/direct_log.c: the tables that tell.
 *
 * Idea: while the log is taken every page on which nothing was noted yet is marked (FRAME_SHARED), and what stores to it says so: the guest
 * by a fault, the hypervisor where it stores for it or about it. A page that another domain may write to, by a grant, is noted when
 * that lets go of it, and at the end if it has not: neither its stores nor its devices' can be seen. */
#include "sim/vmm/paravirt.h"

enum { LEAST = 16 /* frames for tables */ };

void pv_log_init(struct paravirt *p, uint32_t first)
{
    const uint32_t end = (p->v->window.at + WINDOW_SIZE) >> PAGE_SHIFT, room = end > first ? end - first : 0;
    p->mmu->log.first = first;
    p->mmu->log.frames = room > 128 ? 128 : room < LEAST ? 0 : room;
}

void pv_log(struct paravirt *p, bool on)
{
    struct direct *d = p->mmu;
    if (!on && !d->log.on) return;
    if (!pv_rehook(p)) return;
    d->log.on = on;
    for (uint32_t n = 0; n < d->frames; n++) {
        uint8_t *mark = &p->v->vmm->board.bus->marks[n];
        bool its = direct_owns(d, n) && d->frame[n].owner == OWNER_GUEST;
        if (!its && (on || d->frame[n].owner != OWNER_NONE)) continue; /* what it gave back since is marked, still */
        *mark = (uint8_t)(on ? *mark | FRAME_SHARED : *mark & ~FRAME_SHARED);
    }
    if (on) direct_log_forget(d);
    p->v->root = pv_root(p) << PAGE_SHIFT;
    if (p->v->vm == p->v->vmm->now) pv_reload_base(p);
}

uint32_t pv_root(const struct paravirt *p) { return p->mmu->log.on ? p->mmu->log.first : p->mmu->base; }

void pv_stored(const struct paravirt *any, uint32_t frame)
{
    const struct vmm *h = any->v->vmm;
    if (frame < any->mmu->frames && (h->board.bus->marks[frame] & FRAME_SHARED)) migrate_stores(&h->vm[any->mmu->frame[frame].domain], frame);
}

void pv_noted(void *pv, uint32_t frame) { pv_stored(pv, frame); }

void pv_log_lent(const struct paravirt *p)
{
    const struct vmm *h = p->v->vmm;
    for (unsigned n = 0; n < h->vms; n++) {
        const struct paravirt *q = h->vm[n].vcpu.pv;
        for (unsigned i = 0; q && q != p && i < PV_MAPS; i++)
            if (q->map[i].flags && !(q->map[i].flags & PV_MAP_READONLY) && q->map[i].domain == pv_id(p)) pv_stored(p, q->map[i].frame);
    }
}

bool pv_log_fault(struct paravirt *p, uint32_t at, uint32_t *code)
{
    struct fault f = { 0 };
    unsigned access = (*code & PF_WRITE ? ACCESS_WRITE : 0u) | (*code & PF_USER ? ACCESS_USER : 0u);
    if (!p->mmu->log.on || at >= direct_hole(p->mmu)) return false;
    if (!direct_log_fill(p->mmu, gva(at), access, &f)) {
        *code = f.code; /* as the guest's own tables would have it */
        return false;
    }
    TRACE(p->v->vmm->board.trace, HIDDEN, p->v->cause, .access = (uint8_t)access, .va = at, .entry = 0);
    return true;
}
