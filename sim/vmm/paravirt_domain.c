/* Several domains in one machine: who is who, and what is left of one that ended. See paravirt.h.
 *
 * Idea: a domain's number is its VM's, counted from XEN_DOM_ME on; with --io split the first VM is the service domain, number 0. Nothing of
 * one domain is reached for another but what that other has granted or opened a channel for: paravirt_grant.c, paravirt_event.c. */
#include "sim/vmm/paravirt.h"

static unsigned first(const struct vmm *h) { return h->service ? XEN_DOM_SERVICE : XEN_DOM_ME; }

uint16_t pv_id(const struct paravirt *p) { return (uint16_t)(first(p->v->vmm) + p->v->vm->id); }

struct vm *pv_vm(const struct vmm *h, uint32_t domain)
{
    return domain < first(h) || domain - first(h) >= h->vms ? NULL : &h->vm[domain - first(h)];
}

bool pv_is_me(const struct paravirt *p, uint32_t domain) { return domain == XEN_DOM_SELF || domain == pv_id(p); }

struct paravirt *pv_domain(const struct paravirt *p, uint32_t domain)
{
    const struct vm *vm = pv_vm(p->v->vmm, domain == XEN_DOM_SELF ? pv_id(p) : domain);
    return !vm || vm->account.state == VM_OVER ? NULL : vm->vcpu.pv;
}

bool pv_lent(const void *pv, uint32_t frame, bool write)
{
    const struct paravirt *p = pv;
    for (unsigned i = 0; i < PV_MAPS; i++) {
        const struct pv_map *m = &p->map[i];
        if (m->flags && m->frame == frame && m->domain != pv_id(p) && !(write && (m->flags & PV_MAP_READONLY))) return true;
    }
    return false;
}

/* Its channels are closed, its tables are no tables, and what it had mapped of others is theirs alone again. What others have
 * mapped of it stays until they let go. */
void pv_over(struct vcpu *v)
{
    struct paravirt *p = v->pv;
    (void)direct_rehook(p->mmu);
    pv_close_all(p);
    direct_abandon(p->mmu);
    pv_unmap_all(p);
    pv_memory_over(p);
}
