/* Writable page tables: the assist for kernels that store into their page tables as if they were bare. See paravirt.h.
 *
 * Idea: the store faults, for tables are mapped read-only. The virtual CPU executes the instruction with CR0.WP clear, so that it
 * succeeds whatever it is (MOV, XCHG, LOCK CMPXCHG, half an entry); what it stored is taken back from the log and done again
 * as the hypercall would do it, checked. If a rule forbids that, nothing has happened and the kernel sees its page fault.
 * Idea 2: more stores will follow, so the table is then unhooked from its directory and left writable (mmu/direct_unhook.c; --set
 * pv.unhook=0: is not). An access through the hole, or whatever else may look at tables, puts it back. The first store was executed
 * all the same: an instruction that needs the table while it stores to it goes on, and what it may not store is its own page fault.
 * A later one that is not allowed ends the domain, for by then nobody knows which instruction it was.
 * Xen 3 mm.c (ptwr_emulated_update), Xen 3.0 (ptwr_do_page_fault). */
#include <string.h>

#include "sim/cpu/cpu.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/paravirt.h"

/* What an instruction changes in a CPU besides memory, as far as any of these does. */
struct registers { uint32_t reg[9], eip, eflags, res, aux; };

static struct registers save(const struct cpu *c)
{
    struct registers r = { .eip = c->eip, .eflags = c->eflags, .res = c->res, .aux = c->aux };
    memcpy(r.reg, c->reg, sizeof r.reg);
    return r;
}

static void restore(struct cpu *c, const struct registers *r)
{
    memcpy(c->reg, r->reg, sizeof r->reg);
    c->eip = r->eip, c->eflags = r->eflags, c->res = r->res, c->aux = r->aux;
}

static bool is_table(const struct paravirt *p, uint32_t frame)
{
    const struct direct_frame *f = &p->mmu->frame[frame];
    return direct_owns(p->mmu, frame) && f->uses && direct_is_table(f->type);
}

static bool execute(struct vcpu *v)
{
    struct cpu *c = &v->virt;
    c->cr0 &= ~(uint32_t)CR0_WP;
    mmu_paging(&v->virt_mmu, c->cr0, c->cr3, c->cr4);
    c->break_at = 0; /* of a string instruction one iteration */
    v->stores.n = 0;
    lazy_fpu_fetch(v);
    enum step s = cpu_execute_one(c, NULL);
    lazy_fpu_return(v);
    c->cr0 |= CR0_WP;
    mmu_paging(&v->virt_mmu, c->cr0, c->cr3, c->cr4);
    mmu_flush(&v->virt_mmu, true);
    c->trap = 0; /* a single-step trap that was due is lost */
    return (s == STEP_OK || s == STEP_JUMP) && !v->stores.lost;
}

/* The instruction's other stores (PUSH, MOVS): CR0.WP protects nothing then, so the frame must be one that it may write to. */
static enum direct_rule store_plain(struct paravirt *p, uint32_t at, uint32_t value, unsigned size)
{
    enum direct_rule rule = direct_take(p->mmu, at >> PAGE_SHIFT, FRAME_WRITABLE);
    if (rule) return rule;
    pv_stored(p, at >> PAGE_SHIFT);
    bus_write(p->v->vmm->board.bus, hpa(at), size, value);
    direct_drop(p->mmu, at >> PAGE_SHIFT);
    return DIRECT_OK;
}

/* One logged store again. A table's entry may be stored to in parts; where it ends, the store may go on in the next. Half an entry of PAE
 * that would be refused may have come before its other half: it is stored, but not present (Xen 3, ptwr_emulated_update). */
static enum direct_rule store_again(struct paravirt *p, uint32_t at, uint32_t value, unsigned size)
{
    enum direct_rule rule = DIRECT_OK;
    const unsigned whole = direct_bytes(p->mmu);
    if (!is_table(p, at >> PAGE_SHIFT)) return store_plain(p, at, value, size);
    while (size && !rule) {
        unsigned shift = (at & (whole - 1)) * 8, left = whole - (at & (whole - 1)), bytes = left < size ? left : size;
        uint64_t mask = ((UINT64_C(1) << bytes * 8) - 1) << shift, old = direct_load(p->mmu, hpa(at & ~(whole - 1)));
        uint64_t now = (old & ~mask) | ((uint64_t)value << shift & mask);
        rule = direct_update(p->mmu, hpa(at), now);
        if (rule && whole == 8 && bytes == 4 && (now & PTE_P)) rule = direct_update(p->mmu, hpa(at), now & ~(uint64_t)PTE_P);
        value = bytes == 4 ? 0 : value >> bytes * 8;
        at += bytes, size -= bytes;
    }
    return rule;
}

static bool may_be(struct paravirt *p, uint32_t at, uint32_t code)
{
    const uint32_t kind = PF_PRESENT | PF_WRITE;
    if (!(p->assists & 1u << XEN_ASSIST_WRITABLE_TABLES) || p->v->virt.cpl != 1 || code != kind || at >= direct_hole(p->mmu)) return false;
    struct xlat x;
    return p->v->vmmu.ops->probe(&p->v->vmmu, gva(at), ACCESS_READ, &x) && is_table(p, x.at.v >> PAGE_SHIFT);
}

bool pv_rehook(struct paravirt *p)
{
    if (direct_rehook(p->mmu)) vm_die(p->v, DEATH_TABLE);
    return !p->v->vm->dead;
}

/* Do the other stores that come need no fault? */
static void let_go_on(struct paravirt *p, uint32_t at)
{
    if (p->v->vmm->board.setting[SETTING_PV_UNHOOK]) (void)direct_unhook(p->mmu, gva(at));
}

bool pv_table_store(struct paravirt *p, uint32_t at, uint32_t code)
{
    struct vcpu *v = p->v;
    if (!may_be(p, at, code)) return false;
    struct registers was = save(&v->virt);
    uint32_t eip = v->virt.eip;
    bool ok = execute(v);
    struct bus_log log = v->stores;
    bus_log_undo(&v->vm->bus);
    for (uint32_t i = 0; i < log.n && ok; i++) ok = !store_again(p, log.w[i].at.v, log.w[i].new, log.w[i].size);
    pv_settle_base(p);
    if (!ok) restore(&v->virt, &was);
    const struct vmm_board *b = &v->vmm->board;
    clock_charge(b->clock, CAUSE_EMULATE, b->model->cost[COST_DECODE] + (uint64_t)b->model->cost[COST_EMULATE]);
    if (!ok) return false;
    p->mmu->stats.traced++;
    struct event e = { .kind = EV_TRACED, .cause = v->cause, .eip = eip };
    e.u.TRACED.va = at;
    e.u.TRACED.entry = log.n ? log.w[log.n - 1].new : 0;
    trace_emit(b->trace, &e);
    let_go_on(p, at);
    return true;
}
