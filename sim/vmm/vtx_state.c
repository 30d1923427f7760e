/* The guest's state between v->virt and the VMCS: read only when needed, written only when changed. See vtx.h.
 *
 * Idea: VMREAD and VMWRITE cost as much as dozens of plain instructions on the first processors, and most exits need few fields. So
 * an exit reads a handful; segments and system registers come when something is emulated that uses them. AA06 counts about ten
 * reads an exit. SDM vol. 3B 20.4 (guest state), 22.3.1 (what entry accepts). */
#include <string.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/vmcs.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

/* CR0: what VT-x wants set, and what shadow paging wants; the rest is the guest's own, without exits. */
#define CR0_OWNED (~(uint32_t)(CR0_TS | CR0_MP | CR0_EM | CR0_AM))
#define CR0_REAL (CR0_PE | CR0_PG | CR0_NE | CR0_WP | CR0_ET)
#define CR4_PAGING (uint32_t)(CR4_PSE | CR4_PAE | CR4_PGE)
#define CR4_GUESTS (uint32_t)(CR4_TSD | CR4_DE | CR4_PCE | CR4_VME | CR4_PVI | CR4_OSFXSR | CR4_UMIP | CR4_SEN)
enum { VTX_TPR = 0x80 /* the task priority in an APIC's page */ };
enum { AR_UNUSABLE = 1 << 16, LDTR = SEG_COUNT, TR };

static struct cpu *real_cpu(const struct vcpu *v) { return v->vmm->board.cpu; }

static void charge(const struct vcpu *v, enum cost cost)
{
    const struct vmm_board *b = &v->vmm->board;
    clock_charge(b->clock, CAUSE_DISPATCH, b->model->cost[cost]);
}

uint32_t vtx_read(const struct vcpu *v, enum vmcs_encoding field)
{
    charge(v, COST_VMREAD);
    return vmcs_read(real_cpu(v), field);
}

void vtx_write(struct vcpu *v, enum vmcs_encoding field, uint32_t value)
{
    charge(v, COST_VMWRITE);
    vmcs_write(real_cpu(v), field, value);
}

/* With a second level of tables the guest's own are walked, and what they depend on is its own: CR3, CR0.WP, bits of CR4. But for PG: this
 * VT-x cannot run a guest without paging, so that one gets PAE tables that map everything to itself. */
static bool two_levels(const struct vcpu *v) { return v->vtx->second.levels; }
static bool pages(const struct vcpu *v) { return v->virt.cr0 & CR0_PG; }
/* Agile paging: shadows and the guest's tables share those bits, and the strategy must hear of changes; CR3 names shadows of ours, if there
 * are any. */
static bool changes(const struct vcpu *v) { return v->vtx->second.changes; }
static bool own_paging(const struct vcpu *v) { return two_levels(v) && pages(v) && !v->vtx->second.agile; }
uint32_t vtx_cr0_owned(const struct vcpu *v)
{
    return (CR0_OWNED & ~(two_levels(v) && !changes(v) ? (uint32_t)CR0_WP : 0u)) | (v->vtx->watches_fpu ? CR0_TS : 0u);
}
static uint32_t cr4_guests(const struct vcpu *v) { return CR4_GUESTS | (own_paging(v) && !changes(v) ? CR4_PAGING : 0u); }

static uint32_t real_cr0(const struct vcpu *v)
{
    uint32_t owned = vtx_cr0_owned(v), wp = changes(v) ? ~v->virt.cr0 & CR0_WP : 0u;
    return (v->virt.cr0 & ~owned) | ((CR0_REAL | CR0_TS) & owned & ~wp);
}
static uint32_t real_cr4(const struct vcpu *v)
{
    bool identity = two_levels(v) && !pages(v);
    uint32_t shown = cr4_guests(v) | (changes(v) && pages(v) ? CR4_PAGING : 0u);
    return (v->virt.cr4 & shown) | CR4_VMXE | (identity ? (uint32_t)CR4_PAE : 0u);
}
static uint32_t real_cr3(const struct vcpu *v) { return own_paging(v) ? v->virt.cr3 : two_levels(v) && !pages(v) ? 0 : v->root; }

/* Segment registers are numbered alike in all fields of a kind. */
static enum vmcs_encoding nth(enum vmcs_encoding first, unsigned n) { return (enum vmcs_encoding)(first + 2 * n); }

/* Of MSR 174h + n, which bitmaps may leave to the guest. */
static enum vmcs_encoding sysenter(unsigned n)
{
    return n ? nth(VMX_FIELD_GUEST_SYSENTER_ESP, n - 1) : VMX_FIELD_GUEST_SYSENTER_CS;
}

/* ---- reading */

/* By the hypervisor, charged, or by somebody who only looks. */
typedef uint32_t reader(const struct vcpu *v, enum vmcs_encoding field);

/* In memory, for the current VMCS may be another VM's. */
static uint32_t look(const struct vcpu *v, enum vmcs_encoding field)
{
    uint32_t value = 0;
    hpa_t at = window_hpa(&v->window, VTX_VMCS + (uint32_t)vmcs_place(vmcs_find(field, VMX_NEHALEM), field));
    bus_peek(v->vmm->board.bus, at, &value, sizeof value);
    return value;
}

static void get_segment(const struct vcpu *v, reader *read, unsigned n, struct seg_reg *s)
{
    uint32_t ar = read(v, nth(VMX_FIELD_GUEST_ES_AR, n));
    *s = (struct seg_reg){ .sel = (uint16_t)read(v, nth(VMX_FIELD_GUEST_ES, n)), .base = read(v, nth(VMX_FIELD_GUEST_ES_BASE, n)),
                           .limit = read(v, nth(VMX_FIELD_GUEST_ES_LIMIT, n)), .ar = (uint16_t)(ar & AR_UNUSABLE ? 0 : ar) };
    cpu_seg_limits(s);
}

static void get_segments(const struct vcpu *v, reader *read, struct cpu *c)
{
    uint32_t owned = vtx_cr0_owned(v), guests = cr4_guests(v);
    for (unsigned n = 0; n < SEG_COUNT; n++) get_segment(v, read, n, &c->seg[n]);
    c->cr0 = (c->cr0 & owned) | (read(v, VMX_FIELD_GUEST_CR0) & ~owned);
    c->cr4 = (c->cr4 & ~guests) | (read(v, VMX_FIELD_GUEST_CR4) & guests);
    if (own_paging(v)) c->cr3 = read(v, VMX_FIELD_GUEST_CR3);
    c->cr2 = real_cpu(v)->cr2;
}

/* The breakpoints' addresses are in the real registers; only DR7 is switched by hardware. */
static void get_system(const struct vcpu *v, reader *read, struct cpu *c)
{
    get_segment(v, read, LDTR, &c->ldtr);
    get_segment(v, read, TR, &c->tr);
    c->gdtr = (struct table_reg){ read(v, VMX_FIELD_GUEST_GDTR_BASE), (uint16_t)read(v, VMX_FIELD_GUEST_GDTR_LIMIT) };
    c->idtr = (struct table_reg){ read(v, VMX_FIELD_GUEST_IDTR_BASE), (uint16_t)read(v, VMX_FIELD_GUEST_IDTR_LIMIT) };
    for (unsigned n = 0; n < 3; n++) c->msr[MSR_SYSENTER_CS + n] = read(v, sysenter(n));
    debug_set(c, 7, read(v, VMX_FIELD_GUEST_DR7));
    c->dr[6] = real_cpu(v)->dr[6];
}

static enum vmcs_encoding pdpte(unsigned n, unsigned upper) { return (enum vmcs_encoding)(VMX_FIELD_GUEST_PDPTE0 + 2 * n + upper); }

/* The virtual CPU's MMU walks the guest's tables as hardware did. */
static void need_paging(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    if (!own_paging(v)) return;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    t->held.cr3 = c->cr3;
    for (unsigned n = 0; (c->cr4 & CR4_PAE) && n < 4; n++) {
        uint32_t low = vtx_read(v, pdpte(n, 0)), high = vtx_read(v, pdpte(n, 1));
        t->held.pdpte[n] = v->virt_mmu.pdpte[n] = (uint64_t)high << 32 | low;
    }
}

void vtx_need_segments(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    if (t->has_segments || t->fresh) return;
    t->has_segments = true;
    get_segments(v, vtx_read, c);
    memcpy(t->held.seg, c->seg, sizeof c->seg);
    need_paging(v);
    t->held.cr0 = real_cr0(v);
    t->held.cr4 = real_cr4(v);
}

/* What an emulated instruction asks of a segment: not its selector. */
static void need_hidden(struct vcpu *v, unsigned n)
{
    struct seg_reg *s = &v->virt.seg[n];
    uint32_t ar = vtx_read(v, nth(VMX_FIELD_GUEST_ES_AR, n));
    s->base = vtx_read(v, nth(VMX_FIELD_GUEST_ES_BASE, n));
    s->limit = vtx_read(v, nth(VMX_FIELD_GUEST_ES_LIMIT, n));
    s->ar = (uint16_t)(ar & AR_UNUSABLE ? 0 : ar);
    cpu_seg_limits(s);
    v->vtx->held.seg[n].base = s->base;
    v->vtx->held.seg[n].limit = s->limit;
    v->vtx->held.seg[n].ar = s->ar;
}

/* Stores to page tables are these: they use their operand's segment and no other, and no system register. */
static bool is_plain(const struct insn *i)
{
    switch (i->id) {
    case MN_MOV: case MN_XCHG: case MN_XADD: case MN_CMPXCHG: case MN_CMPXCHG8B: case MN_ADD: case MN_OR: case MN_ADC: case MN_SBB:
    case MN_AND: case MN_SUB: case MN_XOR: case MN_INC: case MN_DEC: case MN_NEG: case MN_NOT: case MN_BTS: case MN_BTR: case MN_BTC:
        return i->flags & INSN_MEM && i->seg < SEG_COUNT;
    default: return false;
    }
}

void vtx_need_operand(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct insn i;
    /* Alignment checks are ring 3's, and want CR0; tables that the guest switches by itself want its CR3. */
    if (t->has_segments || t->fresh || v->virt.cpl == 3 || own_paging(v)) {
        vtx_need_segments(v);
        return;
    }
    need_hidden(v, SEG_CS);
    if (!emulate_decode(v, &i)) vtx_need_system(v);
    else if (is_plain(&i)) need_hidden(v, i.seg);
    else if (emulate_is_system(&i)) vtx_need_system(v);
    else vtx_need_segments(v);
}

void vtx_need_system(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    vtx_need_segments(v);
    if (t->has_system || t->fresh) return;
    t->has_system = true;
    get_system(v, vtx_read, c);
    t->held.ldtr = c->ldtr;
    t->held.tr = c->tr;
    t->held.gdtr = c->gdtr;
    t->held.idtr = c->idtr;
    t->held.dr7 = c->dr[7];
    for (unsigned n = 0; n < 3; n++) t->held.sysenter[n] = (uint32_t)c->msr[MSR_SYSENTER_CS + n];
}

void vtx_reset(struct vcpu *v)
{
    vtx_need_system(v);
    v->vtx->event = 0;
    v->vtx->rf = false;
}

void vtx_show(const struct vcpu *v, struct cpu *shown)
{
    const struct vtx *t = v->vtx;
    if (t->fresh) return;
    if (!t->has_segments) get_segments(v, look, shown);
    if (!t->has_system) get_system(v, look, shown);
}

void vtx_show_pdptes(const struct vcpu *v, uint64_t to[4])
{
    const struct vtx *t = v->vtx;
    if (t->fresh || t->has_segments || !own_paging(v)) return;
    for (unsigned n = 0; n < 4; n++) to[n] = (uint64_t)look(v, pdpte(n, 1)) << 32 | look(v, pdpte(n, 0));
}

static void read_blocked(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    t->held.blocked = vtx_read(v, VMX_FIELD_GUEST_INTERRUPTIBILITY);
    bool ss = t->held.blocked & VMX_BLOCKED_MOV_SS;
    c->inhibit = t->held.blocked & (VMX_BLOCKED_STI | VMX_BLOCKED_MOV_SS) ? c->insns : UINT64_MAX;
    c->hold = ss ? c->insns : UINT64_MAX;
    t->held.pending = ss ? vtx_read(v, VMX_FIELD_GUEST_PENDING_DEBUG) : 0; /* nothing else makes traps wait */
    c->trap = (uint16_t)(t->held.pending & DR6_BREAKPOINTS); /* of a step TF tells */
}

/* Every fault that makes a guest leave saves RF set, for its instruction to be resumed with. Whether the guest had it set shows on its
 * stack if an interrupt is injected now, and must not be lost: it had, if a breakpoint is here that did not stop it before. */
static void read_flags(struct vcpu *v)
{
    struct cpu *c = &v->virt;
    bool as_fault = v->vtx->reason == VMX_EXCEPTION || v->vtx->reason == VMX_EPT_VIOLATION || v->vtx->reason == VMX_EPT_MISCONFIGURED;
    uint32_t flags = v->vtx->held.eflags = vtx_read(v, VMX_FIELD_GUEST_EFLAGS);
    cpu_set_flags(c, flags & ~(as_fault ? (uint32_t)FLAG_RF : 0u));
    if (!as_fault || !c->watch[0] || v->vtx->vectoring) return; /* a delivery: queue_again knows */
    if (debug_exec(c, vtx_read(v, VMX_FIELD_GUEST_CS_BASE) + c->eip)) cpu_set_flags(c, flags);
}

void vtx_read_exit(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    t->reason = vtx_read(v, VMX_FIELD_REASON);
    t->qualification = vtx_read(v, VMX_FIELD_QUALIFICATION);
    t->vectoring = vtx_read(v, VMX_FIELD_VECTORING);
    c->eip = t->held.eip = vtx_read(v, VMX_FIELD_GUEST_EIP);
    c->reg[ESP] = t->held.esp = vtx_read(v, VMX_FIELD_GUEST_ESP);
    read_flags(v);
    c->cpl = t->held.eflags & FLAG_VM ? 3 : (uint8_t)(vtx_read(v, VMX_FIELD_GUEST_SS_AR) >> 5 & 3);
    read_blocked(v);
    if (t->held.debugctl) c->msr[MSR_DEBUGCTL] = t->held.debugctl = vtx_read(v, VMX_FIELD_GUEST_DEBUGCTL); /* a #DB clears it */
}

/* ---- writing */

static void put(struct vcpu *v, enum vmcs_encoding field, uint32_t *held, uint32_t now)
{
    if (*held == now && !v->vtx->fresh) return;
    *held = now;
    vtx_write(v, field, now);
}

/* An SS that cannot be used says the ring all the same. */
static void put_segment(struct vcpu *v, unsigned n, const struct seg_reg *virt, struct seg_reg *held)
{
    bool same = virt->sel == held->sel && virt->base == held->base && virt->limit == held->limit && virt->ar == held->ar;
    uint32_t ar = virt->ar ? virt->ar : AR_UNUSABLE | (n == SEG_SS ? (uint32_t)v->virt.cpl << 5 : 0);
    if (same && !v->vtx->fresh) return;
    vtx_write(v, nth(VMX_FIELD_GUEST_ES, n), virt->sel);
    vtx_write(v, nth(VMX_FIELD_GUEST_ES_BASE, n), virt->base);
    vtx_write(v, nth(VMX_FIELD_GUEST_ES_LIMIT, n), virt->limit);
    vtx_write(v, nth(VMX_FIELD_GUEST_ES_AR, n), ar);
    *held = *virt;
}

static void put_table(struct vcpu *v, enum vmcs_encoding base, enum vmcs_encoding limit, const struct table_reg *virt,
                      struct table_reg *held)
{
    if (virt->base == held->base && virt->limit == held->limit && !v->vtx->fresh) return;
    vtx_write(v, base, virt->base);
    vtx_write(v, limit, virt->limit);
    *held = *virt;
}

/* The real TSC is ours, and runs on. */
static void put_tsc(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    uint64_t offset = v->virt.tsc_base - real_cpu(v)->tsc_base;
    if (offset == t->held.tsc_offset && !t->fresh) return;
    vtx_write(v, VMX_FIELD_TSC_OFFSET, (uint32_t)offset);
    vtx_write(v, (enum vmcs_encoding)(VMX_FIELD_TSC_OFFSET + 1), (uint32_t)(offset >> 32));
    t->held.tsc_offset = offset;
}

/* The delivery of an event ends both. SDM 3C 26.7.1. What holds traps off must hold a step off exactly if TF is set, or hardware
 * refuses to enter. 26.3.1.5 */
static void put_blocked(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    uint32_t blocked = c->insns == c->hold ? VMX_BLOCKED_MOV_SS : c->insns == c->inhibit ? VMX_BLOCKED_STI : 0u;
    uint32_t pending = c->trap | (c->trap & DR6_BREAKPOINTS ? 1u << 12 : 0u);
    if (blocked && c->eflags & FLAG_TF && !(c->msr[MSR_DEBUGCTL] & DEBUGCTL_BTF)) pending |= DR6_BS;
    if (t->event) blocked = pending = 0;
    put(v, VMX_FIELD_GUEST_INTERRUPTIBILITY, &t->held.blocked, blocked);
    put(v, VMX_FIELD_GUEST_PENDING_DEBUG, &t->held.pending, pending);
}

/* What hardware does not switch: the hypervisor's own MOV to DR and CR2. */
static void put_plain(struct vcpu *v)
{
    struct cpu *c = &v->virt, *real = real_cpu(v);
    struct vtx *t = v->vtx;
    if (memcmp(real->dr, c->dr, 4 * sizeof c->dr[0])) {
        memcpy(real->dr, c->dr, 4 * sizeof c->dr[0]);
        charge(v, COST_SYSTEM);
    }
    if ((t->has_system || t->fresh) && real->dr[6] != c->dr[6]) {
        real->dr[6] = c->dr[6];
        charge(v, COST_SYSTEM);
    }
    uint32_t event = t->event & (VMX_EVENT_VALID | 0x7FF), exception = VMX_EVENT_VALID | VMX_EVENT_EXCEPTION << VMX_EVENT_TYPE_SHIFT;
    bool injects = event == (exception | VEC_PF) || event == (exception | VEC_DF); /* a double fault's second may have been a #PF */
    if ((t->has_segments || t->fresh || injects) && real->cr2 != c->cr2) {
        real->cr2 = c->cr2;
        charge(v, COST_SYSTEM);
    }
}

/* The page of the APIC is where hardware looks for it, as long as the guest has it there, and on. */
static bool apic_in_place(const struct vcpu *v)
{
    const struct lapic *l = &v->vm->devices.lapic;
    return l->enabled && l->base == LAPIC_BASE;
}

static void put_page(struct vcpu *v, uint32_t value)
{
    const struct vmm_board *b = &v->vmm->board;
    const hpa_t at = window_hpa(&v->window, VTX_VIRTUAL_APIC + VTX_TPR);
    bus_poke(b->bus, at, &value, sizeof value);
    bus_refer(b->bus, at, sizeof value, true);
    charge(v, COST_MEM_REF);
}

/* A request that gets through anyhow is the interrupt window's: with a threshold the guest would leave at once, again and again. */
static void put_tpr(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    const struct lapic *l = &v->vm->devices.lapic;
    put(v, VMX_FIELD_TPR_THRESHOLD, &t->held.threshold, v->virt.intr ? 0 : lapic_threshold(l) >> 4);
    if (l->tpr != t->held.tpr || t->fresh) put_page(v, l->tpr);
    t->held.tpr = l->tpr;
}

void vtx_take_tpr(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    const struct vmm_board *b = &v->vmm->board;
    struct lapic *l = &v->vm->devices.lapic;
    uint32_t tpr = 0;
    if (!t->apic || !(t->held.proc & VMX_PROC_TPR_SHADOW)) return;
    bus_peek(b->bus, window_hpa(&v->window, VTX_VIRTUAL_APIC + VTX_TPR), &tpr, sizeof tpr);
    charge(v, COST_MEM_REF);
    if (tpr == t->held.tpr) return;
    t->held.tpr = tpr;
    l->device.ops->write(&l->device, VTX_TPR, sizeof tpr, tpr);
}

/* With NE clear an x87 exception is the guest's FERR line's business. */
static void put_controls(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    bool window = v->virt.intr;
    const uint32_t cr3 = VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE;
    uint32_t tpr = t->apic && apic_in_place(v) ? VMX_PROC_TPR_SHADOW : 0u;
    bool direct = exitless_entry(v);
    uint32_t proc = (t->held.proc & ~(VMX_PROC_WINDOW | VMX_PROC_TPR_SHADOW | VMX_PROC_HLT | cr3)) | (direct ? 0u : VMX_PROC_HLT) | (window ? VMX_PROC_WINDOW : 0u) | (own_paging(v) ? 0u : cr3) | tpr;
    put(v, VMX_FIELD_EXCEPTIONS, &t->held.exceptions, (two_levels(v) ? 0u : 1u << VEC_PF) | (v->virt.cr0 & CR0_NE ? 0u : 1u << VEC_MF) |
        (t->watches_fpu ? 1u << VEC_NM : 0u));
    put(v, VMX_FIELD_PROC, &t->held.proc, proc);
    if (exitless_on(v->vmm)) {
        put(v, VMX_FIELD_PIN, &t->held.pin, (t->held.pin & ~(uint32_t)VMX_PIN_INTERRUPT) | VMX_PIN_TIMER | (direct ? 0u : VMX_PIN_INTERRUPT));
        vtx_write(v, VMX_FIELD_PREEMPTION_TIMER, exitless_timer(v));
    }
    uint32_t tag = t->vpid ? VMX_PROC2_VPID : 0u, agile = t->second.agile ? VMX_PROC2_AGILE : 0u;
    uint32_t proc2 = (two_levels(v) ? VMX_PROC2_EPT | tag | agile : 0u) | (t->apic ? VMX_PROC2_APIC : 0u);
    if (proc2) put(v, VMX_FIELD_PROC2, &t->held.proc2, proc2);
    if (t->apic) put_tpr(v);
    if (!t->event) return;
    vtx_write(v, VMX_FIELD_ENTRY_EVENT, t->event);
    if (t->event & VMX_EVENT_CODE) vtx_write(v, VMX_FIELD_ENTRY_CODE, t->code);
    if (vmx_event_type(t->event) >= VMX_EVENT_SOFT_INT) vtx_write(v, VMX_FIELD_ENTRY_LENGTH, t->event_length);
}

static void put_pdptes(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    bool shadows = t->second.agile && t->second.has_pdpte;
    const uint64_t *now = shadows ? t->second.pdpte : own_paging(v) ? v->virt_mmu.pdpte : t->second.identity;
    bool pae = shadows || (own_paging(v) ? v->virt.cr4 & CR4_PAE : t->second.has_identity && !pages(v));
    for (unsigned n = 0; two_levels(v) && pae && n < 4; n++) {
        if (t->held.pdpte[n] == now[n] && !t->fresh) continue;
        vtx_write(v, pdpte(n, 0), (uint32_t)now[n]);
        vtx_write(v, pdpte(n, 1), (uint32_t)(now[n] >> 32));
        t->held.pdpte[n] = now[n];
    }
}

void vtx_write_guest(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    struct vtx_held *h = &t->held;
    struct cpu *c = &v->virt;
    uint32_t flags = cpu_flags(c) | (t->rf ? FLAG_RF : 0u);
    if (changes(v)) v->vmmu.ops->second(&v->vmmu, &t->second);
    if (t->second.agile) v->root = t->second.shadows;
    for (unsigned n = 0; n < SEG_COUNT; n++) put_segment(v, n, &c->seg[n], &h->seg[n]);
    put_segment(v, LDTR, &c->ldtr, &h->ldtr);
    put_segment(v, TR, &c->tr, &h->tr);
    put_table(v, VMX_FIELD_GUEST_GDTR_BASE, VMX_FIELD_GUEST_GDTR_LIMIT, &c->gdtr, &h->gdtr);
    put_table(v, VMX_FIELD_GUEST_IDTR_BASE, VMX_FIELD_GUEST_IDTR_LIMIT, &c->idtr, &h->idtr);
    put(v, VMX_FIELD_GUEST_CR0, &h->cr0, real_cr0(v));
    put(v, VMX_FIELD_CR0_SHADOW, &h->cr0_seen, c->cr0 & vtx_cr0_owned(v));
    put(v, VMX_FIELD_GUEST_CR3, &h->cr3, real_cr3(v));
    put(v, VMX_FIELD_GUEST_CR4, &h->cr4, real_cr4(v));
    put(v, VMX_FIELD_CR4_MASK, &h->cr4_mask, ~cr4_guests(v));
    put(v, VMX_FIELD_CR4_SHADOW, &h->cr4_seen, c->cr4 & ~cr4_guests(v));
    put_pdptes(v);
    put(v, VMX_FIELD_GUEST_EIP, &h->eip, c->eip);
    put(v, VMX_FIELD_GUEST_ESP, &h->esp, c->reg[ESP]);
    put(v, VMX_FIELD_GUEST_EFLAGS, &h->eflags, flags);
    put(v, VMX_FIELD_GUEST_DR7, &h->dr7, c->dr[7]);
    for (unsigned n = 0; n < 3; n++) put(v, sysenter(n), &h->sysenter[n], (uint32_t)c->msr[MSR_SYSENTER_CS + n]);
    put_tsc(v);
    if (h->debugctl != c->msr[MSR_DEBUGCTL]) vtx_write(v, VMX_FIELD_GUEST_DEBUGCTL, h->debugctl = (uint32_t)c->msr[MSR_DEBUGCTL]);
    put_blocked(v);
    put_plain(v);
    put_controls(v);
    t->fresh = false;
}

/* ---- can it run? */

static bool data_fits(const struct seg_reg *s, bool stack)
{
    if (!s->ar) return true;
    unsigned type = s->ar & AR_TYPE, wanted = AR_ACCESSED | (stack ? AR_WRITE : 0u);
    bool readable = !(type & AR_CODE) || (!stack && (type & AR_WRITE));
    bool limit = s->ar & AR_G ? (s->limit & 0xFFF) == 0xFFF : !(s->limit >> 20);
    return (s->ar & AR_S) && (s->ar & AR_P) && (type & wanted) == wanted && readable && limit;
}

static bool v86_fits(const struct cpu *c)
{
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        const struct seg_reg *s = &c->seg[n];
        if (s->base != (uint32_t)s->sel << 4 || s->limit != 0xFFFF || s->ar != 0xF3) return false;
    }
    return true;
}

/* Behind MOV to CR0 that sets PE the segment registers are still real mode's: until they are loaded, entry refuses them. */
bool vtx_fits(const struct vcpu *v)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    const struct cpu *c = &v->virt;
    const struct seg_reg *cs = &c->seg[SEG_CS], *ss = &c->seg[SEG_SS];
    if (!(c->cr0 & CR0_PE)) return false;
    if (two_levels(v) && !(c->cr0 & CR0_PG) && !v->vtx->second.has_identity) return false;
    if (c->eflags & FLAG_VM) return v86_fits(c);
    if (!ar_code(cs->ar) || !(cs->ar & AR_ACCESSED) || !data_fits(ss, true)) return false;
    if (sel_rpl(cs->sel) != c->cpl || sel_rpl(ss->sel) != c->cpl || (ss->ar && ar_dpl(ss->ar) != c->cpl)) return false;
    if (ar_conforming(cs->ar) ? ar_dpl(cs->ar) > c->cpl : ar_dpl(cs->ar) != c->cpl) return false;
    for (unsigned n = 0; n < sizeof data; n++) {
        const struct seg_reg *s = &c->seg[data[n]];
        if (!data_fits(s, false) || (s->ar && !ar_conforming(s->ar) && ar_dpl(s->ar) < sel_rpl(s->sel))) return false;
    }
    return true;
}
