/* Hypercalls about memory: page tables, the TLB, frames. See paravirt.h; what is judged and counted is mmu/direct.h's. */
#include "sim/vmm/paravirt.h"

#include <stddef.h>

int32_t pv_error(enum direct_rule rule) { return -direct_errno(rule); }

/* The ABI's frame numbers and addresses have 64 bits in places; what this machine cannot have is nobody's. */
static uint32_t address(uint32_t low, uint32_t high) { return high ? UINT32_MAX : low; }

void pv_set_m2p(struct paravirt *p, uint32_t frame, uint32_t pfn)
{
    pv_frame_write(p, p->m2p + (frame >> 10), (frame & 1023) * 4, 4, pfn);
}

void pv_load_base(struct paravirt *p)
{
    struct vcpu *v = p->v;
    struct cpu *real = v->vmm->board.cpu;
    v->root = v->virt.cr3 = p->mmu->base << PAGE_SHIFT;
    real->cr3 = v->root;
    real->env.paging(real->env.mmu, real->cr0, real->cr3, real->cr4);
    mmu_paging(&v->virt_mmu, v->virt.cr0, v->virt.cr3, v->virt.cr4);
    mmu_flush(&v->virt_mmu, true);
    direct_flush(p->mmu); /* charges MOV CR3 */
    TRACE(v->vmm->board.trace, CR3, v->cause, .value = v->root);
}

/* Only the caller's own memory: there is no right to anybody else's. */
static int32_t check_domain(const struct paravirt *p, uint32_t domain)
{
    domain &= 0xFFFF;
    if (pv_is_me(p, domain)) return 0;
    bool known = domain == XEN_DOM_IO || domain == XEN_DOM_XEN || domain == XEN_DOM_SERVICE || pv_domain(p, domain);
    return known ? -XEN_EPERM : -XEN_ESRCH;
}

static int32_t update_one(struct paravirt *p, const struct xen_mmu_update *u)
{
    uint32_t at = address(u->ptr, u->ptr_high);
    if (u->val_high) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, UINT32_MAX, u->val));
    switch (u->ptr & 3) {
    case XEN_MMU_NORMAL: return pv_error(direct_update(p->mmu, hpa(at), u->val));
    case XEN_MMU_PRESERVE_AD: {
        uint32_t old = direct_owns(p->mmu, at >> PAGE_SHIFT) ? pv_frame_read(p, at >> PAGE_SHIFT, at & 0xFFC, 4) : 0;
        return pv_error(direct_update(p->mmu, hpa(at), u->val | (old & (PTE_A | PTE_D))));
    }
    case XEN_MMU_MACHPHYS:
        if (!direct_owns(p->mmu, at >> PAGE_SHIFT)) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, at >> PAGE_SHIFT, u->val));
        pv_set_m2p(p, at >> PAGE_SHIFT, u->val);
        return 0;
    default: return -XEN_ENOSYS;
    }
}

/* Tells how many of a list were done, if the guest wants to know. */
static int32_t done(struct paravirt *p, uint32_t where, uint32_t n, int32_t result)
{
    if (where && !pv_write(p, where, &n, sizeof n)) return -XEN_EFAULT;
    return result;
}

/* arg: list, count, where to store how many were done, domain. */
int32_t pv_mmu_update(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t count = arg[1] & ~XEN_MMU_PREEMPTED, n = 0;
    int32_t result = check_domain(p, arg[3]);
    if (result) return result;
    for (; n < count && !result; n++) {
        struct xen_mmu_update u;
        if (!pv_read(p, arg[0] + n * (uint32_t)sizeof u, &u, sizeof u)) result = -XEN_EFAULT;
        else result = update_one(p, &u);
        if (result) break;
    }
    return done(p, arg[2], n, result);
}

/* arg: address, entry (low, high), flags. */
int32_t pv_update_va_mapping(struct paravirt *p, const uint32_t arg[6])
{
    if (arg[2]) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, UINT32_MAX, arg[1]));
    enum direct_rule rule = direct_update_va(p->mmu, gva(arg[0]), arg[1]);
    if ((arg[3] & XEN_UVMF_TYPE) == XEN_UVMF_FLUSH) direct_flush(p->mmu);
    else if ((arg[3] & XEN_UVMF_TYPE) == XEN_UVMF_INVLPG) p->v->vmmu.ops->invlpg(&p->v->vmmu, gva(arg[0]));
    return pv_error(rule);
}

int32_t pv_new_base(struct paravirt *p, uint32_t frame)
{
    enum direct_rule rule = direct_set_base(p->mmu, frame);
    if (rule) return pv_error(rule);
    pv_forget_ldt(p); /* its pages may be others in the new space */
    pv_load_base(p);
    return 0;
}

static int32_t extended_one(struct paravirt *p, const struct xen_mmuext_op *op)
{
    switch (op->cmd) {
    case XEN_PIN_L1: return pv_error(direct_pin(p->mmu, op->arg1, FRAME_L1));
    case XEN_PIN_L2: return pv_error(direct_pin(p->mmu, op->arg1, FRAME_L2));
    case XEN_UNPIN: return pv_error(direct_unpin(p->mmu, op->arg1));
    case XEN_NEW_BASE: return pv_new_base(p, op->arg1);
    case XEN_FLUSH_LOCAL: case XEN_FLUSH_MULTI: case XEN_FLUSH_ALL:
        direct_flush(p->mmu);
        return 0;
    case XEN_INVLPG_LOCAL: case XEN_INVLPG_MULTI: case XEN_INVLPG_ALL:
        p->v->vmmu.ops->invlpg(&p->v->vmmu, gva(op->arg1));
        return 0;
    case XEN_FLUSH_CACHE: return -XEN_EPERM; /* for domains with devices of their own */
    case XEN_SET_LDT: return pv_set_ldt(p, op->arg1, op->arg2);
    case XEN_PIN_L3: case XEN_PIN_L4: case XEN_NEW_USER_BASE: return -XEN_EINVAL; /* there are no such tables */
    default: return -XEN_ENOSYS;
    }
}

/* arg: list, count, where to store how many were done, domain. */
int32_t pv_mmuext_op(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t count = arg[1] & ~XEN_MMU_PREEMPTED, n = 0;
    int32_t result = check_domain(p, arg[3]);
    if (result) return result;
    for (; n < count && !result; n++) {
        struct xen_mmuext_op op;
        if (!pv_read(p, arg[0] + n * (uint32_t)sizeof op, &op, sizeof op)) result = -XEN_EFAULT;
        else result = extended_one(p, &op);
        if (result) break;
    }
    return done(p, arg[2], n, result);
}

/* ---- frames given back and asked for. They return how many extents were served; the first that cannot be ends the list. */

static bool give_back(struct paravirt *p, uint32_t at)
{
    uint32_t frame;
    return pv_read(p, at, &frame, 4) && direct_release(p->mmu, frame);
}

/* The page-frame number is the guest's to say (populate), or what was there before stays (increase). */
static bool ask_for(struct paravirt *p, uint32_t at, bool populate)
{
    uint32_t pfn = 0, frame;
    if (populate && !pv_read(p, at, &pfn, 4)) return false;
    if (!direct_allocate(p->mmu, &frame)) return false;
    if (populate) pv_set_m2p(p, frame, pfn);
    return !at || pv_write(p, at, &frame, 4);
}

static int32_t reservation(struct paravirt *p, uint32_t cmd, uint32_t at)
{
    struct xen_reservation r;
    uint32_t n = 0;
    if (!pv_read(p, at, &r, sizeof r)) return -XEN_EFAULT;
    if (check_domain(p, r.domain)) return -XEN_EPERM;
    if (r.order) return 0; /* only single frames: no more are ever promised to be contiguous */
    if (r.count > (DIRECT_HOLE - 1) / 4 || (!r.extents && cmd != XEN_MEM_INCREASE)) return -XEN_EFAULT;
    for (; n < r.count; n++) {
        uint32_t extent = r.extents ? r.extents + 4 * n : 0;
        if (!(cmd == XEN_MEM_DECREASE ? give_back(p, extent) : ask_for(p, extent, cmd == XEN_MEM_POPULATE))) break;
    }
    return (int32_t)n;
}

static uint32_t owned(const struct paravirt *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->mmu->frames; i++) n += p->mmu->frame[i].owner == OWNER_GUEST && p->mmu->frame[i].domain == p->mmu->domain;
    return n;
}

/* arg: operation, its structure. */
int32_t pv_memory_op(struct paravirt *p, const uint32_t arg[6])
{
    const uint32_t m2p[3] = { DIRECT_HOLE, XEN_SEGMENT_END, p->mmu->frames - 1 };
    switch (arg[0]) {
    case XEN_MEM_INCREASE: case XEN_MEM_DECREASE: case XEN_MEM_POPULATE: return reservation(p, arg[0], arg[1]);
    case XEN_MEM_MAX_PAGE: return (int32_t)(p->mmu->frames - 1);
    case XEN_MEM_CURRENT: return (int32_t)owned(p);
    case XEN_MEM_MAXIMUM: return (int32_t)p->v->vm->frames;
    case XEN_MEM_M2P_MAPPING: return pv_write(p, arg[1], m2p, sizeof m2p) ? 0 : -XEN_EFAULT;
    case XEN_MEM_M2P_LIST: case XEN_MEM_MAP + 1: return -XEN_EPERM;
    default: return -XEN_ENOSYS;
    }
}
