/* The technique bt: how the guest goes into the translation cache and comes out of it. See bintrans.h.
 *
 * Its user code, its memory and its devices are trap-and-emulate's; what differs is the kernel's code, its data segments
 * that nothing but emulation changes (so virt's are the truth while the kernel runs), and that nothing fails silently. */
#include "sim/vmm/bintrans.h"

#include <string.h>

#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/trace/vector.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/detector.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/strategies.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }
static bool setting(const struct vcpu *v, enum setting s) { return board(v)->setting[s]; }

static uint32_t get_slot(const struct vcpu *v, enum bt_slot slot)
{
    uint32_t value = 0;
    bus_peek(board(v)->bus, window_hpa(&v->window, bt_area(bt_side(v)) + (uint32_t)slot), &value, sizeof value);
    return value;
}

static void put_slot(struct vcpu *v, enum bt_slot slot, uint32_t value)
{
    bus_poke(board(v)->bus, window_hpa(&v->window, bt_area(bt_side(v)) + (uint32_t)slot), &value, sizeof value);
}

/* ---- what must not happen: a guest's sensitive instruction at ring 1 */

static bool in_cache(uint32_t cs) { return (cs & ~3u) == BT_CS || (cs & ~3u) == BT_UCS; }

/* Ring 1 is the cache's alone, and of all sensitive instructions its sequences hold these. User code that runs directly is watched
 * as under trap-and-emulate: what it sees of the hypervisor's tables (SGDT) is wrong here, too. */
static void before(void *self, const struct cpu *c, const struct insn *i)
{
    struct vcpu *v = self;
    v->detector.armed = false;
    if (c->cpl != 1 && !in_cache(c->seg[SEG_CS].sel)) {
        struct cpu_observer o = detector_observer(v);
        o.before(o.self, c, i);
        return;
    }
    bool moves = i->id == MN_MOV_SEG || i->id == MN_PUSH_SEG || i->id == MN_POP_SEG;
    if (moves && (i->sub == SEG_DS || i->sub == SEG_ES || i->sub == SEG_FS)) return;
    if (i->id == MN_MOV_SEG && i->sub == SEG_SS && i->bytes[0] == 0x8E && i->seg == SEG_GS) return;
    if (i->id == MN_CALL_FAR || i->id == MN_PUSHF || i->id == MN_POPF) return;
    v->bt->counts.leaks++;
    TRACE(board(v)->trace, SILENT, board(v)->cpu->cause, .op = (uint8_t)i->id, .field = FIELD_EIP, .wanted = 0, .got = c->eip + i->at);
}

static void after(void *self, const struct cpu *c, const struct insn *i, enum step result)
{
    struct cpu_observer o = detector_observer(self);
    o.after(o.self, c, i, result);
}

static void bt_back(struct vcpu *v)
{
    vcpu_back(v);
    board(v)->cpu->observer = (struct cpu_observer){ before, after, v };
}

static void bt_start(struct vcpu *v)
{
    board(v)->cpu->observer = (struct cpu_observer){ before, after, v };
    bt_selectors_forget(v);
    descriptor_user_code(v, true); /* no IRET of the guest's kernel runs, so they need not be hidden from it */
}

/* ---- coming out */

/* Port 80h was written in the cache. How often is not known, and nobody could tell. */
static void take_post(struct vcpu *v)
{
    if (!get_slot(v, BT_POSTED)) return;
    put_slot(v, BT_POSTED, 0);
    bus_out(&v->vm->bus, BT_PORT_POST, 1, get_slot(v, BT_POST) & 0xFF);
}

/* Puts back what the sequence at hand had moved; says what state it was. */
static void roll(struct vcpu *v, const struct window_frame *f, struct bt_state *s)
{
    struct cpu *c = &v->virt;
    if (!bt_state_at(v->bt, f->eip, s)) {
        vm_die(v, DEATH_WINDOW);
        return;
    }
    const struct bt_point *p = &s->point;
    c->eip = p->fix & BT_FIX_EIP ? get_slot(v, BT_TARGET) : p->eip;
    if (p->fix & BT_FIX_LAHF) cpu_set_flags(c, (cpu_flags(c) & ~(uint32_t)FLAGS_ARITH) | bt_lahf_flags(c->reg[EAX]));
    if (p->fix & BT_FIX_EAX) c->reg[EAX] = get_slot(v, BT_EAX);
    if (p->fix & BT_FIX_ECX) c->reg[ECX] = get_slot(v, BT_ECX);
    if (p->fix & BT_FIX_EDX) c->reg[EDX] = get_slot(v, BT_EDX);
    if (p->fix & BT_FIX_EBX) c->reg[EBX] = get_slot(v, BT_EBX);
    if (p->fix & BT_FIX_ESP) c->reg[ESP] = get_slot(v, BT_ESP);
    if (p->fix & BT_FIX_FLAGS) {
        uint32_t flags = get_slot(v, (enum bt_slot)BT_FLAGS);
        cpu_set_flags(c, (cpu_flags(c) & ~(uint32_t)FLAGS_ARITH) | (flags & FLAGS_ARITH));
    }
    c->reg[ESP] += p->esp;
    if (p->fix & BT_FIX_SHADOW) c->inhibit = c->insns;
}

/* The x87 unit remembers where its last instruction was. */
static void map_fpu(struct vcpu *v)
{
    struct cpu *real = board(v)->cpu;
    struct bt_state s;
    if (!v->fpu_lent || !in_cache(real->fpu.cs)) return;
    if (bt_state_at(v->bt, real->fpu.ip, &s)) real->fpu.ip = s.point.eip;
    real->fpu.cs = v->virt.seg[SEG_CS].sel;
}

static void from_cache(struct vcpu *v, struct window_frame *f)
{
    struct bintrans *t = v->bt;
    struct cpu *c = &v->virt;
    struct bt_state s;
    c->cpl = (f->cs & ~3u) == BT_UCS ? 3 : 0;
    cpu_set_flags(c, (cpu_flags(c) & ~(uint32_t)FLAG_IF) | (get_slot(v, BT_VIF) & (FLAG_IF | FLAG_TF)));
    uint32_t tc = f->eip;
    if (f->vector == BT_VECTOR) f->eip -= BT_CONT; /* a call's return address is behind it */
    if (tc != t->left_tc) c->insns++;
    roll(v, f, &s);
    bt_selectors_take(v, s.point.fix & BT_FIX_FS);
    t->here = s.unit;
    t->what = f->vector == BT_VECTOR ? s.point.what : (uint8_t)BT_RUN;
    if (!s.unit && t->what == BT_RUN) bt_forget_return(v, c->eip); /* the glue may have been writing it, word by word */
    t->ours = s.point.fix & BT_OURS;
    if (t->what == BT_CONTINUE) {
        t->from = s.unit;
        t->from_exit = s.exit;
        const struct bt_exit *x = &t->unit[s.unit - 1].exit[s.exit];
        c->eip = x->target;
        v->emulated += x->jump;
    }
    t->left_for = c->eip;
    map_fpu(v);
    memcpy(v->entered_seg, c->seg, sizeof c->seg);
}

static void bt_enter(struct vcpu *v, struct window_frame *f)
{
    struct bintrans *t = v->bt;
    t->here = t->from = 0;
    t->what = BT_RUN;
    t->inside = false;
    bus_peek(board(v)->bus, window_hpa(&v->window, WINDOW_FRAME_AT), f, sizeof *f);
    if (f->vector == WINDOW_FAST_VECTOR || window_fast_step(f)) {
        if (f->vector == WINDOW_FAST_VECTOR) t->what = BT_SYSENTER;
        bt_fast_enter(v, f);
        return;
    }
    if (!in_cache(f->cs)) {
        vcpu_enter(v, f);
        return;
    }
    t->inside = true;
    vcpu_enter_frame(v, f);
    from_cache(v, f);
    take_post(v);
    if (bt_side(v)) return;
    bt_log_take(v);
    bt_apic_take(v);
}

/* ---- answering */

/* The linear address an adapted instruction is about to store to; false: none that is known. */
static bool adapted_place(struct vcpu *v, uint32_t *at)
{
    struct insn i;
    const struct cpu *c = &v->virt;
    if ((board(v)->setting[SETTING_BT_FAULTS] && !bt_adapted(v, c->eip)) || !emulate_decode(v, &i) || !(i.flags & INSN_MEM)) return false;
    *at = c->seg[i.seg].base + ea(c, &i);
    return true;
}

static void emulate(struct vcpu *v)
{
    uint32_t eip = v->virt.eip, place;
    bool adapted = adapted_place(v, &place);
    v->bt->traced = false;
    if (hosted_steps(v)) return;
    uint32_t from = trace_last(board(v)->trace);
    emulate_one(v);
    const struct event *e = trace_by_id(board(v)->trace, from + 1);
    v->bt->counts.emulated++;
    unsigned op = e && e->kind == EV_EMULATE ? e->u.EMULATE.op : MN_NONE;
    v->bt->counts.by_insn[op]++;
    bt_selectors_check(v);
    if (op == MN_MOV_SEG || op == MN_POP_SEG) bt_selectors_learn(v);
    if (adapted) bt_adapt_called(v, eip, place);
    bt_adapt_simulated(v, eip, v->bt->traced || (adapted && bt_apic_page(v, place)));
    if (adapted && v->bt->traced) bt_alias_grant(v, place);
}

static void callout(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    vcpu_tell_exit(v, &(struct vmexit){ .reason = EXIT_REASON_CALLOUT, .vector = VECTOR_NONE, .code = t->what });
    t->counts.continued += t->what == BT_CONTINUE;
    if (t->what == BT_LOOKUP) {
        t->counts.lookups++;
        TRACE(board(v)->trace, MISS, v->cause, .target = v->virt.eip);
    }
    if (t->what == BT_JUDGE) v->emulated--; /* it was counted when it was called */
    if (t->what == BT_EMULATE || t->what == BT_JUDGE) emulate(v);
}

/* A fault of the copied instruction that the guest is at, handled as trap-and-emulate does. */
static enum next fault(struct vcpu *v, const struct vmexit *x)
{
    uint32_t eip = v->virt.eip;
    v->bt->traced = false;
    enum next n = strategy_trap_emulate.handle(v, x);
    if (v->bt->inside && x->vector == VEC_PF && !v->bt->traced && !bt_side(v)) bt_apic_faulted(v, eip, x->addr);
    if (!v->bt->inside || (x->vector != VEC_PF && x->vector != VEC_VE) || !v->bt->traced) return n;
    bt_adapt_faulted(v, eip, x->addr);
    if (bt_adapted(v, eip)) bt_alias_grant(v, x->addr);
    return n;
}

/* An access of a sequence itself, which nothing promised to succeed: as if it had called. */
static void own_fault(struct vcpu *v, const struct vmexit *x)
{
    vcpu_tell_exit(v, &(struct vmexit){ .reason = x->vector == VEC_PF ? EXIT_REASON_PAGE_FAULT : x->vector == VEC_VE ? EXIT_REASON_SECOND
                                                                                                        : EXIT_REASON_LIMIT,
                                        .vector = x->vector, .code = x->code, .addr = x->addr });
    emulate(v);
}

static enum next bt_handle(struct vcpu *v, const struct vmexit *x)
{
    if (v->vm->dead) return NEXT_STOP;
    if (v->bt->what == BT_SYSENTER) {
        bt_fast_handle(v);
        return NEXT_RESUME;
    }
    if (v->bt->what == BT_RUN && !(v->bt->ours && x->vector < 32)) return fault(v, x);
    if (v->bt->what == BT_RUN) own_fault(v, x);
    else callout(v);
    return v->vm->dead || v->vm->exited ? NEXT_STOP : NEXT_RESUME;
}

/* ---- going in */

/* What the kernel's data segments must be for the real registers to hold them; GS is ours while it runs. */
static bool segments_ready(struct vcpu *v)
{
    return vcpu_segment_reversible(v, SEG_SS) && segments_loadable(v, 1u << SEG_ES | 1u << SEG_DS | 1u << SEG_FS);
}

static bool translatable(const struct cpu *c)
{
    if (!(c->cr0 & CR0_PE) || (c->eflags & FLAG_VM)) return false;
    if (!(c->seg[SEG_CS].ar & AR_DB) || !(c->seg[SEG_SS].ar & AR_DB)) return false;
    return !c->watch[0] && !c->watch[1] && !c->watch[2] && !c->watch[3];
}

/* The guest single-steps, and TF is real: its trap comes behind one instruction of the cache, so that must be one of the guest's,
 * whole, and no other's. A call gate would take TF along into the hypervisor. */
static bool steps_well(const struct vcpu *v)
{
    struct bt_state s;
    const struct bintrans *t = v->bt;
    if (!(v->virt.eflags & FLAG_TF)) return true;
    if (v->virt.msr[MSR_DEBUGCTL]) return false; /* steps to the next branch that is taken, and the cache has its own */
    if (!bt_state_at(t, t->next_tc, &s) || !s.unit) return false;
    return s.point.what == BT_RUN && s.point.done == 1 && (s.point.fix & (BT_FIRST | BT_OWN)) == (BT_FIRST | BT_OWN) && !(s.point.fix & BT_OURS);
}

/* A guest that has set its time-stamp counter reads the real one and a sum; what was translated before does not. */
static void follow_tsc(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    uint64_t offset = v->virt.tsc_base - board(v)->cpu->tsc_base;
    if (offset == t->offset) return;
    if (!t->shifted) bt_flush(v);
    t->shifted = true;
    t->offset = offset;
    put_slot(v, BT_TSC, (uint32_t)offset);
    put_slot(v, (enum bt_slot)(BT_TSC + 4), (uint32_t)(offset >> 32));
    clock_charge(board(v)->clock, CAUSE_DISPATCH, 2 * (uint64_t)board(v)->model->cost[COST_MEM_REF]);
}

/* Where in the cache the kernel goes on; false: nowhere. */
static bool find_place(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    uint32_t eip = v->virt.eip;
    if (!bt_side(v)) follow_tsc(v);
    unsigned context = bt_context(v);
    const struct bt_unit *here = t->here ? &t->unit[t->here - 1] : NULL;
    t->next = 0;
    if (here && t->what != BT_CONTINUE && !here->dead && here->context == context) {
        t->next_tc = bt_unit_start(t, here, eip);
        if (t->next_tc != UINT32_MAX) return true;
    }
    struct bt_unit *u = bt_find(v, eip);
    if (!u) u = bt_translate(v, eip);
    if (!u) return false;
    t->next = (uint16_t)(u - t->unit + 1);
    t->next_tc = u->tc;
    return true;
}

static bool bt_runnable(struct vcpu *v)
{
    const struct cpu *c = &v->virt;
    if (c->cpl == 3 && !setting(v, SETTING_BT_USER)) return (c->eflags & FLAG_IF) && !(c->eflags & FLAG_IOPL) && vcpu_reversible(v);
    return (c->cpl == 0 || c->cpl == 3) && translatable(c) && segments_ready(v) && find_place(v) && steps_well(v);
}

/* Whoever asked for this unit gets a way to it that needs no hypervisor. */
static void connect(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    if (!t->next || v->virt.eip != t->left_for) return;
    struct bt_unit *to = &t->unit[t->next - 1];
    if (t->what == BT_LOOKUP) bt_remember(v, to, setting(v, SETTING_BT_RETURN));
    if (!setting(v, SETTING_BT_CHAIN)) return;
    struct bt_unit *from = t->from ? &t->unit[t->from - 1] : NULL; /* it may have died since */
    if (from && from->context == to->context && t->from_exit < from->exits && from->exit[t->from_exit].target == to->eip) bt_chain(v, from, t->from_exit, to);
}

static void load_gs(struct vcpu *v)
{
    struct cpu *real = board(v)->cpu;
    uint16_t gs = bt_side(v) ? BT_UDS | 3 : BT_DS | 1;
    if (real->seg[SEG_GS].sel == gs) return;
    seg_load(real, SEG_GS, gs);
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[COST_MOV_SEG]);
}

/* The guest's kernel may read the counter, in ring 1, whatever its CR4 says; its user code may not if the counter is its own. */
static void guard_tsc(struct vcpu *v)
{
    struct cpu *real = board(v)->cpu;
    bool guarded = v->virt.cpl && (v->virt.tsc_base || v->virt.cr4 & CR4_TSD);
    if (!(real->cr4 & CR4_TSD) == !guarded) return;
    real->cr4 ^= CR4_TSD;
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[COST_SYSTEM]);
}

/* The real stack segment of the guest's kernel, for sequences that borrow another. */
static void put_ss(struct vcpu *v)
{
    uint32_t ss = (v->virt.seg[SEG_SS].sel & ~3u) | 1;
    if (ss == v->bt->ss) return;
    v->bt->ss = ss;
    put_slot(v, BT_SS, ss);
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[COST_MEM_REF]);
}

static void bt_away(struct vcpu *v)
{
    bt_fast_aim(v, false);
    vcpu_away(v);
}

static void bt_leave(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    const struct cpu *c = &v->virt;
    guard_tsc(v);
    if (c->cpl == 3 && !setting(v, SETTING_BT_USER)) {
        bt_fast_aim(v, setting(v, SETTING_BT_SYSENTER) && (c->msr[MSR_SYSENTER_CS] & 0xFFFC));
        vcpu_leave(v);
        return;
    }
    connect(v);
    if (!bt_side(v)) bt_alias_leave(v);
    if (!bt_side(v) && t->apic.at) bt_apic_leave(v, bt_flat(v));
    bt_selectors_leave(v);
    if (!bt_side(v)) put_ss(v);
    const uint32_t rest = c->eflags & (FLAG_IOPL | FLAG_VIF | FLAG_VIP);
    put_slot(v, BT_VIF, c->eflags & FLAG_IF);
    put_slot(v, BT_VREST, rest);
    put_slot(v, BT_SLOW, c->intr || rest);
    put_slot(v, BT_POST, v->vm->devices.post.code);
    clock_charge(board(v)->clock, CAUSE_DISPATCH, 4 * (uint64_t)board(v)->model->cost[COST_MEM_REF]);
    load_gs(v);
    vcpu_leave_as(v, bt_side(v) ? 3 : 1, bt_side(v) ? BT_UCS : BT_CS, t->next_tc, 1u << SEG_ES | 1u << SEG_DS | 1u << SEG_FS);
    t->left_tc = t->next_tc;
}

const struct cpu_strategy strategy_bintrans = {
    .name = "bt",
    .about = "binary translation: the guest kernel's code is translated and runs in ring 1 out of a cache; user code runs directly",
    .hypervisor = true,
    .kernel_ring = 1,
    .mmu = "shadow",
    .detects = true,
    .faithful = "bt.user",
    .attach = bt_attach,
    .start = bt_start,
    .enter = bt_enter,
    .handle = bt_handle,
    .pending = vcpu_pending,
    .interruptible = vcpu_interruptible,
    .interrupt = emulate_interrupt,
    .runnable = bt_runnable,
    .leave = bt_leave,
    .away = bt_away,
    .back = bt_back,
    .reserve = BT_CODE + BT_CODE_MOST - WINDOW_POOL,
    .window_table = BT_WINDOW_TABLE,
    .stored = bt_stored,
    .remapped = bt_remapped,
    .weigh = bt_weigh,
    .view = bt_view,
    .change = bt_change,
    .code = bt_code,
    .code_first = WINDOW_BASE + BT_CODE,
    .code_bytes = BT_CODE_MOST,
    .symbol = bt_symbol,
};
