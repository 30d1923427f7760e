/* The technique "pv": its exits, and the way in and out. See paravirt.h. */
#include <string.h>

#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/host.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/strategies.h"

/* Frames for the domain, in the hypervisor's own memory: above the first megabyte, where a PC has no holes. */
enum { FRAMES_FIRST = 0x100 };

/* The window, of 4 MB, is one large page, or two. */
void pv_hypervisor_tables(struct paravirt *p, bool pae)
{
    struct direct *d = p->mmu;
    uint64_t *own = d->hypervisor;
    memset(own, 0, sizeof d->hypervisor);
    d->pae = pae;
    const uint32_t first = direct_upper(d, gva(direct_hole(d))), bytes = direct_bytes(d), window = p->v->vmmu.env.window_pde;
    for (uint32_t i = 0; i < p->m2p_frames; i++) { /* supervisor: rings 0 to 2; read-only */
        pv_frame_write(p, p->m2p_table, i * bytes, 4, (p->m2p + i) << PAGE_SHIFT | PTE_P | PTE_A);
        if (pae) pv_frame_write(p, p->m2p_table, i * bytes + 4, 4, 0);
    }
    own[0] = p->m2p_table << PAGE_SHIFT | PTE_P | PTE_A;
    own[direct_upper(d, gva(PV_DOMAIN_AREA)) - first] = p->area << PAGE_SHIFT | PTE_P | PTE_W | PTE_A;
    own[direct_upper(d, gva(WINDOW_BASE)) - first] = window;
    if (pae) own[direct_upper(d, gva(WINDOW_BASE)) - first + 1] = window + (1u << PAE_PDE_SHIFT);
}

static void carve_frames(struct paravirt *p, const struct vmm_board *b)
{
    uint32_t next = (p->v->window.at >> PAGE_SHIFT) + FRAMES_FIRST;
    p->area = next++;
    p->shared = next++;
    p->grant = next;
    next += PV_GRANT_FRAMES;
    p->m2p_table = next++;
    p->m2p = next;
    p->m2p_frames = (b->bus->frames + 1023) / 1024;
    pv_log_init(p, p->m2p + p->m2p_frames);
    for (uint32_t i = p->m2p_table; i < p->m2p + p->m2p_frames; i++) p->v->vm->bus.map[i] = i; /* so v->virt sees it, too */
    for (uint32_t i = 0; i < b->bus->frames; i++) pv_set_m2p(p, i, UINT32_MAX);
    pv_hypervisor_tables(p, false);
}

static void build_gates(const struct window *w)
{
    for (unsigned v = 0; v < 256; v++) window_gate(w, v, v == VEC_BP || v == VEC_OF ? 3 : v == XEN_GATE ? 1 : 0);
    window_gate_raw(w, 0x80, 0, 0);
}

static bool pv_attach(struct vcpu *v, struct err *e)
{
    const struct vmm_board *b = &v->vmm->board;
    if (v->vmmu.ops != &mmu_direct)
        return err_set(e, EXIT_USAGE, "--cpu pv with --mmu %s: a paravirtual kernel writes machine frames into its page tables, "
                       "so the CPU walks them as they are; use --mmu direct", v->vmmu.ops->name);
    struct paravirt *p = v->pv = arena_alloc(b->arena, sizeof *p);
    p->v = v;
    p->mmu = direct_of(&v->vmmu);
    p->mmu->segments = pv_judge_descriptors;
    p->mmu->lent = pv_lent;
    p->mmu->stored = pv_noted;
    p->mmu->self = p;
    carve_frames(p, b);
    direct_share(p->mmu, p->shared);
    for (uint32_t i = 0; i < PV_GRANT_FRAMES; i++) direct_share(p->mmu, p->grant + i);
    build_gates(&v->window);
    pv_memory_init(p);
    pv_names();
    return true;
}

static void pv_start(struct vcpu *v)
{
    struct paravirt *p = v->pv;
    pv_segments_init(p);
    window_ring1_stack(&v->window, p->kernel_ss, p->kernel_sp);
    pv_load_base(p);
    pv_time_init(p);
}

/* Others may want its frames, or their counts. */
static void pv_away(struct vcpu *v)
{
    if (!v->vm->dead) (void)pv_rehook(v->pv);
    vcpu_away(v);
}

static void pv_back(struct vcpu *v)
{
    vcpu_back(v);
    if (v->pv->mmu->log.on) direct_log_forget(v->pv->mmu);
    if (pv_pae(v->pv)) pv_reload_base(v->pv);
    pv_load_tables(v->pv);
    v->pv->mmu->all->flushes++; /* the TLB was emptied */
    if (v->pv->fresh) pv_start_again(v->pv);
}

static void pv_enter(struct vcpu *v, struct window_frame *f)
{
    const struct cpu *real = v->vmm->board.cpu;
    struct cpu *c = &v->virt;
    vcpu_registers_in(v, f);
    for (unsigned s = 0; s < SEG_COUNT; s++) c->seg[s] = real->seg[s];
    const uint16_t sel[] = { (uint16_t)f->cs, (uint16_t)f->ss };
    for (unsigned i = 0; i < 2; i++) {
        uint32_t d[2] = { 0, 0 };
        struct seg_reg *r = &c->seg[i ? SEG_SS : SEG_CS];
        if (pv_descriptor(v->pv, sel[i], d)) cpu_seg_set(r, sel[i], d[0], d[1]);
        else *r = (struct seg_reg){ .sel = sel[i] };
    }
    c->cpl = (uint8_t)(f->cs & 3);
    v->vmmu.cause = v->cause;
}

/* ---- exits */

enum { CODE_IDT = 2 }; /* of an error code: it names a gate */

static uint8_t reason_of(struct vcpu *v, const struct vmexit *x)
{
    struct insn i;
    if (x->vector >= WINDOW_IRQ) return EXIT_REASON_INTERRUPT;
    if (x->vector == XEN_GATE) return EXIT_REASON_HYPERCALL;
    if (x->vector == VEC_PF) return EXIT_REASON_PAGE_FAULT;
    if (x->vector != VEC_GP) return EXIT_REASON_EXCEPTION;
    if (x->code & CODE_IDT) return EXIT_REASON_SOFT_INT;
    if (x->code || !emulate_decode(v, &i)) return EXIT_REASON_LIMIT;
    if (i.id == MN_IN || i.id == MN_OUT || i.id == MN_INS || i.id == MN_OUTS) return EXIT_REASON_PORT;
    return insn_desc(i.id)->privilege != PRIV_NONE ? EXIT_REASON_PRIVILEGED : EXIT_REASON_LIMIT;
}

static void through_hole(struct paravirt *p, const struct vmexit *x)
{
    unsigned access = (x->code & PF_WRITE ? ACCESS_WRITE : 0u) | (x->code & PF_USER ? ACCESS_USER : 0u);
    p->mmu->stats.hidden++;
    TRACE(p->v->vmm->board.trace, HIDDEN, p->v->cause, .access = (uint8_t)access, .va = x->addr, .entry = 0);
    (void)pv_rehook(p);
}

static void page_fault(struct paravirt *p, const struct vmexit *x)
{
    struct vcpu *v = p->v;
    struct fault f = { 0 };
    if (direct_through(p->mmu, gva(x->addr)) && !(x->code & PF_PRESENT)) { /* nobody's fault: it is looked for again */
        through_hole(p, x);
        return;
    }
    if (!pv_rehook(p)) return;
    uint32_t code = x->code;
    if (pv_log_fault(p, x->addr, &code)) return;
    bool tables = x->addr - PV_DOMAIN_AREA < 2u * PV_LDT_OFFSET && !(code & (PF_USER | PF_PRESENT));
    if (tables) {
        if (!pv_table_fault(p, x->addr, code, &f)) pv_bounce(p, f);
    } else if (pv_table_store(p, x->addr, code)) { /* done */
    } else if (v->vmmu.ops->fault(&v->vmmu, gva(x->addr), code, v->virt.cpl == 1, &f) == MMU_REFLECT) {
        pv_bounce(p, f);
    }
}

/* The unit is lent on first use, whatever the guest thinks; if it wanted to hear of that, it does, and TS is off then. */
static void no_unit(struct paravirt *p)
{
    struct vcpu *v = p->v;
    bool wanted = v->virt.cr0 & CR0_TS;
    v->virt.cr0 &= ~(uint32_t)CR0_TS;
    lazy_fpu_lend(v);
    if (wanted) pv_bounce(p, (struct fault){ .vector = VEC_NM });
}

static void exception(struct paravirt *p, const struct vmexit *x)
{
    struct cpu *real = p->v->vmm->board.cpu;
    if (x->vector == VEC_NM) {
        no_unit(p);
        return;
    }
    if (x->vector == VEC_UD && pv_emulate_cpuid(p)) return;
    if (x->vector == VEC_DB) { /* DR6 only gathers: what was seen moves to the guest's */
        p->v->virt.dr[6] |= real->dr[6] & DR6_WRITABLE;
        real->dr[6] &= ~(uint32_t)DR6_WRITABLE;
    }
    bool code = x->vector == VEC_DF || (x->vector >= VEC_TS && x->vector <= VEC_PF) || x->vector == VEC_AC;
    pv_bounce(p, (struct fault){ .vector = x->vector, .has_code = code, .code = x->code });
}

static enum next pv_handle(struct vcpu *v, const struct vmexit *in)
{
    struct paravirt *p = v->pv;
    struct vmexit x = *in;
    x.reason = reason_of(v, &x);
    vcpu_tell_exit(v, &x);
    v->vmmu.cause = v->cause;
    if (x.reason != EXIT_REASON_INTERRUPT && x.reason != EXIT_REASON_PAGE_FAULT && !pv_rehook(p)) return NEXT_STOP;
    switch (x.reason) {
    case EXIT_REASON_INTERRUPT:
        host_interrupt(v->vmm, x.vector);
        break;
    case EXIT_REASON_HYPERCALL: pv_hypercall(p); break;
    case EXIT_REASON_PAGE_FAULT: page_fault(p, &x); break;
    case EXIT_REASON_SOFT_INT: pv_soft_int(p, (uint8_t)(x.code >> 3)); break;
    case EXIT_REASON_PORT: case EXIT_REASON_PRIVILEGED:
        if (v->virt.cpl == 1 && pv_emulate(p)) break;
        exception(p, &x);
        break;
    default:
        if ((x.vector != VEC_GP && x.vector != VEC_SS) || x.code || !pv_reach_around(p)) exception(p, &x);
        break;
    }
    return v->vm->dead || v->vm->exited ? NEXT_STOP : NEXT_RESUME;
}

/* ---- events, and the way back */

static bool pv_pending(const struct vcpu *v)
{
    return pv_shared(v->pv, VCPU_UPCALL_PENDING, 1) && !pv_shared(v->pv, VCPU_UPCALL_MASK, 1);
}

/* A masked upcall is not pending: whoever unmasks looks, or asks by any hypercall. */
static bool pv_interruptible(const struct vcpu *v)
{
    (void)v;
    return true;
}

static void pv_interrupt(struct vcpu *v)
{
    if (pv_rehook(v->pv)) pv_upcall(v->pv);
}

/* Xen reloads the data segments on every way back, and so finds out which cannot be. A second failure is the domain's end. */
static bool pv_runnable(struct vcpu *v)
{
    struct paravirt *p = v->pv;
    for (unsigned tries = 0; tries < 2 && !v->vm->dead; tries++) {
        if (pv_load_data_segments(p) && pv_can_return(p)) return true;
        if (tries) vm_die(v, DEATH_HANDLER);
        else pv_failsafe(p);
    }
    return true; /* dead: nobody will resume it */
}

static void pv_leave(struct vcpu *v)
{
    if (v->vm->dead) return;
    uint32_t d[2];
    struct seg_reg *ss = &v->virt.seg[SEG_SS], *cs = &v->virt.seg[SEG_CS];
    if (pv_descriptor(v->pv, ss->sel, d)) cpu_seg_set(ss, ss->sel, d[0], d[1]);
    if (pv_descriptor(v->pv, cs->sel, d)) cpu_seg_set(cs, cs->sel, d[0], d[1]);
    vcpu_registers_out(v, v->virt.cpl, v->virt.seg[SEG_CS].sel, v->virt.eip);
}

const struct cpu_strategy strategy_paravirt = {
    .name = "pv",
    .about = "paravirtualization: the guest kernel, ported to run in ring 1, asks by hypercall (Xen 3 interface)",
    .hypervisor = true,
    .kernel_ring = 1,
    .mmu = "direct",
    .detects = false,
    .aware = true,
    .attach = pv_attach,
    .start = pv_start,
    .enter = pv_enter,
    .handle = pv_handle,
    .pending = pv_pending,
    .interruptible = pv_interruptible,
    .interrupt = pv_interrupt,
    .runnable = pv_runnable,
    .leave = pv_leave,
    .away = pv_away,
    .back = pv_back,
    .over = pv_over,
};
