/* Hypercalls about memory: page tables, the TLB. See paravirt.h; what is judged and counted is mmu/direct.h's. */
#include "sim/vmm/paravirt.h"

#include <stddef.h>

int32_t pv_error(enum direct_rule rule) { return -direct_errno(rule); }

/* The ABI's frame numbers and addresses have 64 bits in places; what this machine cannot have is nobody's. */
static uint32_t address(uint32_t low, uint32_t high) { return high ? UINT32_MAX : low; }

void pv_set_m2p(struct paravirt *p, uint32_t frame, uint32_t pfn)
{
    pv_frame_write(p, p->m2p + (frame >> 10), (frame & 1023) * 4, 4, pfn);
}

bool pv_pae(const struct paravirt *p) { return p->mmu->pae; }

/* What MOV to CR3 loads with PAE: they were judged when they were put there. */
static void load_pdptes(struct paravirt *p)
{
    struct vcpu *v = p->v;
    struct cpu *real = v->vmm->board.cpu;
    struct fault f;
    if (!pv_pae(p)) return;
    (void)real->env.pdptes(real->env.mmu, real->cr3, &f);
    (void)mmu_pdptes(&v->virt_mmu, v->virt.cr3, &f);
}

void pv_reload_base(struct paravirt *p)
{
    struct vcpu *v = p->v;
    struct cpu *real = v->vmm->board.cpu;
    v->virt.cr3 = p->mmu->base << PAGE_SHIFT;
    v->root = pv_root(p) << PAGE_SHIFT;
    real->cr3 = v->root;
    if (pv_pae(p)) real->cr4 |= CR4_PAE;
    p->mmu->reload = false;
    real->env.paging(real->env.mmu, real->cr0, real->cr3, real->cr4);
    mmu_paging(&v->virt_mmu, v->virt.cr0, v->virt.cr3, v->virt.cr4);
    load_pdptes(p);
    mmu_flush(&v->virt_mmu, true);
    direct_flush(p->mmu); /* charges MOV CR3 */
}

void pv_load_base(struct paravirt *p)
{
    struct vcpu *v = p->v;
    pv_reload_base(p);
    TRACE(v->vmm->board.trace, CR3, v->cause, .value = v->root);
}

void pv_settle_base(struct paravirt *p)
{
    if (p->mmu->reload && p->v->vm == p->v->vmm->now) pv_reload_base(p);
}

/* Whose memory a list is about. The caller's own is DOMID_SELF (by its number it is "not foreign": refused); a device's may be
 * named by everybody, but nobody here was given any, so that all frames are the wrong ones. */
static int32_t whose(uint32_t domain, bool *device)
{
    *device = (domain & 0xFFFF) == XEN_DOM_IO;
    return *device || (domain & 0xFFFF) == XEN_DOM_SELF ? 0 : -XEN_ESRCH;
}

/* Without PAE entries have 32 bits: what the ABI's words have more is cut off. */
static int32_t update_one(struct paravirt *p, const struct xen_mmu_update *u, bool device)
{
    uint32_t at = address(u->ptr, u->ptr_high), frame = at >> PAGE_SHIFT, low = at & (PAGE_SIZE - direct_bytes(p->mmu));
    uint64_t val = u->val | (pv_pae(p) ? (uint64_t)u->val_high << 32 : 0);
    bool owned = direct_owns(p->mmu, frame);
    if ((u->ptr & 3) > XEN_MMU_PRESERVE_AD) return -XEN_ENOSYS;
    if (device && ((u->val & PTE_P) || (u->ptr & 3) == XEN_MMU_MACHPHYS))
        return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, u->val >> PAGE_SHIFT, u->val));
    if ((u->ptr & 3) == XEN_MMU_NORMAL) return pv_error(direct_update(p->mmu, hpa(at), val));
    if (!owned) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, frame, u->val));
    if ((u->ptr & 3) == XEN_MMU_PRESERVE_AD)
        return pv_error(direct_update(p->mmu, hpa(at), val | (pv_frame_read(p, frame, low, 4) & (PTE_A | PTE_D))));
    pv_set_m2p(p, frame, u->val);
    return 0;
}

/* A list that ends below the hole, and whose: what is wrong with that is said before anything is done. */
static int32_t begin(struct paravirt *p, const uint32_t arg[6], uint32_t size, uint32_t *n, uint32_t *before, bool *device)
{
    *n = arg[1] & ~XEN_MMU_PREEMPTED;
    *before = 0;
    if (arg[1] != *n && arg[2]) (void)pv_read(p, arg[2], before, 4); /* goes on with what was interrupted: adds to what was done */
    if (arg[0] + (uint64_t)*n * size > direct_hole(p->mmu)) return -XEN_EFAULT;
    return whose(arg[3], device);
}

/* Tells how many of a list were done, if the guest wants to know; whether it can be told does not matter. */
static void tell(struct paravirt *p, uint32_t where, uint32_t n)
{
    if (where) (void)pv_write(p, where, &n, sizeof n);
}

/* The rest of a list, later: whoever looks at the count then knows that it adds to what is told now. */
static int32_t later(struct paravirt *p, const uint32_t arg[6], uint32_t n, uint32_t size)
{
    return pv_continue(p, arg[0] + n * size, ((arg[1] & ~XEN_MMU_PREEMPTED) - n) | XEN_MMU_PREEMPTED, arg[2], arg[3]);
}

/* arg: list, count, where to store how many were done, domain. */
int32_t pv_mmu_update(struct paravirt *p, const uint32_t arg[6])
{
    struct xen_mmu_update u;
    uint32_t count, before, n = 0;
    bool device;
    int32_t result = begin(p, arg, sizeof u, &count, &before, &device);
    while (!result && n < count && !(n && pv_long(p))) {
        if (!pv_read(p, arg[0] + n * (uint32_t)sizeof u, &u, sizeof u)) result = -XEN_EFAULT;
        else result = update_one(p, &u, device);
        pv_settle_base(p);
        n += !result;
    }
    tell(p, arg[2], before + n);
    return !result && n < count ? later(p, arg, n, sizeof u) : result;
}

/* For which vCPUs? A pointer says, to a word of bits; the only one is always meant. */
static bool whoever(struct paravirt *p, uint32_t at)
{
    uint32_t mask;
    return pv_read(p, at, &mask, 4);
}

/* What update_va_mapping does to the TLB: bits 1-0 say what, the rest for whom: 0 this vCPU, 4 all, else a pointer. */
static int32_t after_update(struct paravirt *p, uint32_t at, uint32_t flags)
{
    uint32_t who = flags & ~(uint32_t)XEN_UVMF_TYPE, what = flags & XEN_UVMF_TYPE;
    if (what != XEN_UVMF_FLUSH && what != XEN_UVMF_INVLPG) return 0;
    if (who && who != XEN_UVMF_ALL && !whoever(p, who)) return -XEN_EFAULT;
    if (what == XEN_UVMF_FLUSH) direct_flush(p->mmu);
    else p->v->vmmu.ops->invlpg(&p->v->vmmu, gva(at));
    return 0;
}

/* arg: address, entry (low, high), flags. The TLB is seen to even if the entry is not changed. */
int32_t pv_update_va_mapping(struct paravirt *p, const uint32_t arg[6])
{
    enum direct_rule rule = direct_update_va(p->mmu, gva(arg[0]), arg[1] | (pv_pae(p) ? (uint64_t)arg[2] << 32 : 0));
    if (rule == DIRECT_ADDRESS) return pv_error(rule);
    int32_t flushed = after_update(p, arg[0], arg[3]);
    return flushed ? flushed : pv_error(rule);
}

int32_t pv_new_base(struct paravirt *p, uint32_t frame)
{
    enum direct_rule rule = direct_set_base(p->mmu, frame);
    if (rule) return pv_error(rule);
    pv_forget_ldt(p); /* its pages may be others in the new space */
    pv_load_base(p);
    return 0;
}

static int32_t flush(struct paravirt *p, const struct xen_mmuext_op *op)
{
    bool one = op->cmd == XEN_INVLPG_LOCAL || op->cmd == XEN_INVLPG_MULTI || op->cmd == XEN_INVLPG_ALL;
    bool some = op->cmd == XEN_FLUSH_MULTI || op->cmd == XEN_INVLPG_MULTI;
    if (some && !whoever(p, op->arg2)) return -XEN_EINVAL;
    if (one) p->v->vmmu.ops->invlpg(&p->v->vmmu, gva(op->arg1));
    else direct_flush(p->mmu);
    return 0;
}

static int32_t pin(struct paravirt *p, const struct xen_mmuext_op *op, bool device)
{
    if (device) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, op->arg1, 0));
    if (op->cmd == XEN_UNPIN) return pv_error(direct_unpin(p->mmu, op->arg1));
    return pv_error(direct_pin(p->mmu, op->arg1, op->cmd == XEN_PIN_L1 ? FRAME_L1 : op->cmd == XEN_PIN_L2 ? FRAME_L2 : FRAME_L3));
}

/* Fills a frame with zeros, or with what another holds: one that may be writable just now, and that one's own. */
static int32_t fill(struct paravirt *p, const struct xen_mmuext_op *op, bool device)
{
    static const uint8_t zeros[PAGE_SIZE];
    uint8_t bytes[PAGE_SIZE];
    struct bus *machine = p->v->vmm->board.bus;
    bool copies = op->cmd == XEN_COPY_PAGE;
    uint32_t of = copies && !direct_owns(p->mmu, op->arg2) ? op->arg2 : op->arg1;
    if (device || !direct_owns(p->mmu, of)) return pv_error(direct_refuse(p->mmu, DIRECT_FOREIGN, of, 0));
    enum direct_rule rule = direct_take(p->mmu, op->arg1, FRAME_WRITABLE);
    if (rule) return pv_error(rule);
    if (copies) bus_peek(machine, hpa(op->arg2 << PAGE_SHIFT), bytes, sizeof bytes);
    pv_stored(p, op->arg1);
    bus_poke(machine, hpa(op->arg1 << PAGE_SHIFT), copies ? bytes : zeros, PAGE_SIZE);
    direct_drop(p->mmu, op->arg1);
    direct_charge(p->mmu, COST_PV_SCAN, copies ? 2 : 1);
    return 0;
}

static int32_t extended_one(struct paravirt *p, const struct xen_mmuext_op *op, bool device)
{
    switch (op->cmd) {
    case XEN_PIN_L1: case XEN_PIN_L2: return pin(p, op, device);
    case XEN_UNPIN: return pin(p, op, false);
    case XEN_PIN_L3: case XEN_PIN_L4: /* where there are no such tables there is nothing to do, says Xen */
        return op->cmd == XEN_PIN_L3 && pv_pae(p) ? pin(p, op, device) : 0;
    case XEN_NEW_BASE: return pv_new_base(p, op->arg1);
    case XEN_FLUSH_LOCAL: case XEN_FLUSH_MULTI: case XEN_FLUSH_ALL: case XEN_INVLPG_LOCAL: case XEN_INVLPG_MULTI: case XEN_INVLPG_ALL:
        return flush(p, op);
    case XEN_FLUSH_CACHE: return -XEN_EINVAL; /* for domains with devices of their own */
    case XEN_SET_LDT: return pv_set_ldt(p, op->arg1, op->arg2);
    case XEN_CLEAR_PAGE: case XEN_COPY_PAGE: return fill(p, op, device);
    default: return -XEN_ENOSYS;
    }
}

/* arg: list, count, where to store how many were done, domain. */
int32_t pv_mmuext_op(struct paravirt *p, const uint32_t arg[6])
{
    struct xen_mmuext_op op;
    uint32_t count, before, n = 0;
    bool device;
    int32_t result = begin(p, arg, sizeof op, &count, &before, &device);
    while (!result && n < count && !(n && pv_long(p))) {
        if (!pv_read(p, arg[0] + n * (uint32_t)sizeof op, &op, sizeof op)) result = -XEN_EFAULT;
        else result = extended_one(p, &op, device);
        n += !result;
    }
    tell(p, arg[2], before + n);
    return !result && n < count ? later(p, arg, n, sizeof op) : result;
}
