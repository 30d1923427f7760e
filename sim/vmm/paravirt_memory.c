/* Frames given back and asked for: hypercall memory_op. See paravirt.h.
 *
 * Idea 1: a domain owns machine frames, and its limit says how many it may own. A frame that is given back, and that nobody maps any
 * more, is anybody's: the next who asks gets it, filled with zeros.
 * Idea 2: with --set memory.total domains begin with less than they may have (`most`, which memory_map tells them: pages behind what
 * they begin with are in their balloons from the start). Nobody can take a frame from a domain, whose tables name it; but its limit can
 * be lowered, and its balloon driver, which reads the limit (maximum_reservation), gives frames back until it is kept. Xen's own
 * toolstack lowers both at once, `xm mem-set`.
 * Idea 3: who asks in vain is promised more, at the cost of who has most for its shares and keeps its own limit. The sum of limits never
 * exceeds what there is, so a promise comes true when others have given.
 * Xen 3 memory.h; common/memory.c. Not modelled: extents of several frames, address widths, other domains' reservations. */
#include "sim/vmm/paravirt.h"

enum { STEP = 64 /* frames promised at once */, FLOOR = 256 /* no limit is lowered below */, PATIENCE = 20000000 /* ns until a promise is looked for elsewhere */ };

void pv_memory_init(struct paravirt *p) { p->limit = p->v->vm->frames; }

void pv_memory_over(struct paravirt *p)
{
    if (!p->v->vmm->pooled) return;
    for (uint32_t n = 0; n < p->mmu->frames; n++) (void)direct_release(p->mmu, n);
}

/* ---- who may have how many */

static bool alive(const struct vm *vm) { return vm->vcpu.pv && vm->account.state != VM_OVER && !vm->dead && !vm->exited; }

/* Frames that are free and promised to nobody. */
static uint32_t spare(const struct vmm *h, const struct direct_all *all)
{
    uint32_t free, promised = 0;
    direct_memory(all, &free);
    for (unsigned n = 0; n < h->vms; n++) {
        const struct paravirt *q = h->vm[n].vcpu.pv;
        if (alive(&h->vm[n]) && q->limit > q->mmu->owned) promised += q->limit - q->mmu->owned;
    }
    return free > promised ? free - promised : 0;
}

/* Who has most for its shares, has a driver and keeps its limit; NULL: nobody has to give. */
static struct paravirt *richest(const struct paravirt *but)
{
    struct vmm *h = but->v->vmm;
    struct paravirt *best = NULL;
    for (unsigned n = 0; n < h->vms; n++) {
        struct paravirt *q = h->vm[n].vcpu.pv;
        if (!alive(&h->vm[n]) || q == but || !q->balloon.driver || q->mmu->owned > q->limit || q->limit < FLOOR + STEP) continue;
        if (!best || (uint64_t)q->limit * best->v->vm->shares > (uint64_t)best->limit * q->v->vm->shares) best = q;
    }
    return best;
}

/* It asked in vain. */
static void promise(struct paravirt *p)
{
    bool waits = p->limit > p->mmu->owned; /* for others to give */
    uint64_t now = pv_now(p);
    p->balloon.refused++;
    if ((!waits && p->limit >= p->v->vm->most) || (waits && now - p->asked < PATIENCE)) return;
    p->asked = now;
    uint32_t wanted = p->v->vm->most - p->limit < STEP ? p->v->vm->most - p->limit : STEP, there = spare(p->v->vmm, p->mmu->all);
    struct paravirt *q = there ? NULL : richest(p);
    if (q) q->limit -= STEP;
    if (!waits) p->limit += there && there < wanted ? there : there || q ? wanted : 0;
}

static void tell_balloon(const struct paravirt *p, bool given, uint32_t page)
{
    const struct vm *vm = p->v->vm;
    if (vm->vmm->pooled)
        TRACE(vm->vmm->board.trace, BALLOON, p->v->cause, .vm = vm->id, .locked = given, .page = page, .size = vm->most - p->mmu->owned);
}

/* ---- reservations. They return how many extents were served; the first that cannot be ends the list. */

static bool give_back(struct paravirt *p, uint32_t at)
{
    uint32_t frame;
    if (!pv_read(p, at, &frame, 4) || !direct_release(p->mmu, frame)) return false;
    p->balloon.given++;
    tell_balloon(p, true, frame);
    return true;
}

/* The page-frame number is the guest's to say (populate), or what was there before stays (increase). */
static bool ask_for(struct paravirt *p, uint32_t at, bool populate)
{
    uint32_t pfn = 0, frame;
    if (populate && !pv_read(p, at, &pfn, 4)) return false;
    if (p->mmu->owned >= p->limit || !direct_allocate(p->mmu, &frame)) {
        promise(p);
        return false;
    }
    p->balloon.taken++;
    tell_balloon(p, false, frame);
    if (populate) pv_set_m2p(p, frame, pfn);
    return !at || pv_write(p, at, &frame, 4);
}

/* What cannot be done at all is no error either: nothing was done. The call may go on where it was: how many extents are done stands above
 * the operation's bits. */
static int32_t reservation(struct paravirt *p, uint32_t op, uint32_t at)
{
    struct xen_reservation r;
    uint32_t n = op >> XEN_MEM_SHIFT, cmd = op & XEN_MEM_MASK;
    bool increase = cmd == XEN_MEM_INCREASE;
    if (!pv_read(p, at, &r, sizeof r) || r.count > UINT32_MAX >> XEN_MEM_SHIFT || n > r.count || r.domain != XEN_DOM_SELF) return (int32_t)n;
    if (r.order) return (int32_t)n; /* only single frames: no more are ever promised to be contiguous */
    if (!(increase && !r.extents) && r.extents + (uint64_t)r.count * 4 > direct_hole(p->mmu)) return (int32_t)n;
    for (; n < r.count; n++) {
        uint32_t extent = r.extents || !increase ? r.extents + 4 * n : 0;
        if (!(cmd == XEN_MEM_DECREASE ? give_back(p, extent) : ask_for(p, extent, !increase))) break;
        if (n + 1 < r.count && pv_long(p)) return pv_continue(p, (n + 1) << XEN_MEM_SHIFT | cmd, at, 0, 0);
    }
    return (int32_t)n;
}

/* How many frames it has, or may have. Asked about itself only. */
static int32_t amount(struct paravirt *p, uint32_t op, uint32_t at)
{
    uint16_t domain;
    if (!pv_read(p, at, &domain, sizeof domain)) return -XEN_EFAULT;
    if (domain != XEN_DOM_SELF) return -XEN_EPERM;
    if (op == XEN_MEM_MAXIMUM) p->balloon.driver = true;
    return (int32_t)(op == XEN_MEM_CURRENT ? p->mmu->owned : p->limit);
}

/* Pseudo-physical memory as firmware would tell: from 0 to what it may have. */
static int32_t memory_map(struct paravirt *p, uint32_t at)
{
    struct { uint32_t entries, buffer; } map;
    struct { uint32_t from, from_high, size, size_high, type; } all = { .size = p->v->vm->most << PAGE_SHIFT, .type = 1 /* RAM */ };
    if (!pv_read(p, at, &map, sizeof map)) return -XEN_EFAULT;
    if (!map.entries) return -XEN_EINVAL;
    map.entries = 1;
    return pv_write(p, map.buffer, &all, sizeof all) && pv_write(p, at, &map, sizeof map) ? 0 : -XEN_EFAULT;
}

/* arg: operation, its structure. */
int32_t pv_memory_op(struct paravirt *p, const uint32_t arg[6])
{
    const uint32_t m2p[3] = { direct_hole(p->mmu), pv_segment_end(p), p->mmu->frames - 1 };
    switch (arg[0] & XEN_MEM_MASK) {
    case XEN_MEM_INCREASE: case XEN_MEM_DECREASE: case XEN_MEM_POPULATE: return reservation(p, arg[0], arg[1]);
    case XEN_MEM_MAX_PAGE: return (int32_t)(p->mmu->frames - 1);
    case XEN_MEM_CURRENT: case XEN_MEM_MAXIMUM: return amount(p, arg[0] & XEN_MEM_MASK, arg[1]);
    case XEN_MEM_MAP: return memory_map(p, arg[1]);
    case XEN_MEM_M2P_MAPPING: return pv_write(p, arg[1], m2p, sizeof m2p) ? 0 : -XEN_EFAULT;
    case XEN_MEM_M2P_LIST: case XEN_MEM_MAP + 1: return -XEN_EPERM;
    default: return -XEN_ENOSYS;
    }
}
