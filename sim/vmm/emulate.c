/* See emulate.h. */
#include "sim/vmm/emulate.h"

#include <string.h>

#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/gate.h"
#include "sim/cpu/operand.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/emulate_tell.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/policy.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

static void charge(struct vcpu *v, enum cause cause, enum cost cost)
{
    clock_charge(board(v)->clock, (uint8_t)cause, board(v)->model->cost[cost]);
}

/* An emulated instruction takes time though its row is 0 (`ideal`, `off`): the cycle that it takes there on a processor. Else time would
 * stand still for a guest that can only be interpreted, and what it waits for would never come. */
static void charge_one(struct vcpu *v)
{
    uint64_t cycles = board(v)->model->cost[COST_EMULATE];
    clock_charge(board(v)->clock, CAUSE_EMULATE, cycles ? cycles : 1);
}

/* The machine's time as the virtual CPU sees it; its own clock never advances the machine's. */
static void begin(struct vcpu *v)
{
    v->virt_clock.now = board(v)->clock->now;
    v->virt.break_at = 0; /* string instructions: one iteration, so that the store log always suffices */
    v->virt_mmu.refs = 0;
}

void emulate_stored(struct vcpu *v, uint32_t at, unsigned size)
{
    if (v->vm->leaves) migrate_stores(v->vm, at >> PAGE_SHIFT); /* translated code stores to tables without asking */
    v->vmmu.ops->wrote(&v->vmmu, gpa(at), size);
    if (v->vmm->policy) policy_stored(v, at, size);
    descriptor_wrote(v, at, size);
    if (v->ops->stored) v->ops->stored(v, at, size);
}

void emulate_publish(struct vcpu *v)
{
    struct bus_log *l = &v->stores;
    for (uint32_t i = 0; i < l->n; i++) {
        bus_refer(&v->vm->bus, l->w[i].at, l->w[i].size, true);
        emulate_stored(v, l->w[i].at.v, l->w[i].size);
    }
    uint64_t refs = v->virt_mmu.refs + l->n;
    clock_charge(board(v)->clock, CAUSE_EMULATE, refs * board(v)->model->cost[COST_MEM_REF]);
    l->n = 0;
    v->virt_mmu.refs = 0;
}

/* System registers as they were before an instruction, to see what it changed. */
struct system_regs {
    struct table_reg gdtr;
    struct seg_reg ldtr;
    uint32_t cr0, cr3, cr4, dr[8];
    uint64_t tsc_base;
};

static struct system_regs system_regs(const struct cpu *c)
{
    struct system_regs r = { .gdtr = c->gdtr, .ldtr = c->ldtr, .cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4,
                             .tsc_base = c->tsc_base };
    memcpy(r.dr, c->dr, sizeof r.dr);
    return r;
}

/* Does paging depend on what changed? Of the other bits some are a guest's that hardware runs: they change unseen. */
static bool pages_otherwise(const struct cpu *c, const struct system_regs *old)
{
    return c->cr3 != old->cr3 || ((c->cr0 ^ old->cr0) & VCPU_PAGING_CR0) || ((c->cr4 ^ old->cr4) & VCPU_PAGING_CR4);
}

/* The guest changed what its MMU walks: the strategy picks the tables the real CR3 shall name. */
static void follow_paging(struct vcpu *v, const struct system_regs *old, bool reload)
{
    struct cpu *c = &v->virt, *real = board(v)->cpu;
    bool flush = false;
    v->vmmu.cause = v->cause;
    bool loads = (c->cr0 == old->cr0 && c->cr4 == old->cr4) || (c->cr0 & ~old->cr0 & CR0_PG); /* or paging comes on, with what CR3 names */
    if (v->vmm->policy && loads) policy_loads_cr3(v, c->cr3);
    bool told = !v->ops->hardware || reload || pages_otherwise(c, old);
    uint32_t root = told ? vcpu_tables(v, &flush) : v->root;
    if (v->vmm->policy && loads) policy_loaded_cr3(v);
    if (c->cr3 != old->cr3) TRACE(board(v)->trace, CR3, v->cause, .value = c->cr3);
    if (v->ops->hardware) { /* the VMCS takes it */
        v->root = root;
        if (flush || c->cr3 != old->cr3) v->vmmu.env.flush(v->vmmu.env.self); /* a task switch changes CR0.TS and CR3 at once */
    }
    else if (root != v->root || flush || c->cr3 != old->cr3) {
        bool mode = ((c->cr0 ^ old->cr0) & CR0_PG) || ((c->cr4 ^ old->cr4) & (CR4_PSE | CR4_PAE | CR4_PGE));
        v->root = root;
        vcpu_load_paging(v, root);
        real->env.flush(real->env.mmu, mode && vcpu_two_dimensions(v)); /* else nothing of the guest's is global */
        charge(v, CAUSE_SHADOW, COST_CR3);
    }
    descriptor_recheck(v);
    if (v->ops->remapped) v->ops->remapped(v);
}

/* RDTSC is the guest's to forbid: its bit holds for its user code on the real CPU, too. Once the guest has set its time-stamp
 * counter, the real one is no longer its own, and RDTSC must come to us; as RDPMC always does: the counters are virtual. */
static void follow_counters(struct vcpu *v)
{
    const struct cpu *c = &v->virt;
    struct cpu *real = board(v)->cpu;
    real->cr4 = (real->cr4 & ~(uint32_t)CR4_TSD) | (c->cr4 & CR4_TSD);
    if (c->tsc_base) real->cr4 |= CR4_TSD;
}

/* Breakpoints are linear, and the guest's addresses are real ones, so the real registers watch for it. They must not watch
 * ports, which trap and are watched by virt, nor the hypervisor's window; and only a guest's own #GP may meet DR7.GD. */
static void follow_breakpoints(struct vcpu *v)
{
    const struct cpu *c = &v->virt;
    struct cpu *real = board(v)->cpu;
    uint32_t dr7 = c->dr[7] & ~(uint32_t)DR7_GD;
    for (unsigned n = 0; n < 4; n++) {
        bool port = (dr7 >> (16 + 4 * n) & 3) == 2;
        real->dr[n] = c->dr[n];
        if (port || c->dr[n] >= WINDOW_BASE) dr7 &= ~(3u << 2 * n);
    }
    debug_set(real, 7, dr7);
    charge(v, CAUSE_EMULATE, COST_SYSTEM);
}

/* #AC comes only in ring 3, which is the guest's own. */
static void follow_alignment(struct vcpu *v)
{
    struct cpu *real = board(v)->cpu;
    real->cr0 = (real->cr0 & ~(uint32_t)CR0_AM) | (v->virt.cr0 & CR0_AM);
    debug_untag(real);
}

/* MOV to CR3 empties the TLB, whatever the value. SDM 3A 4.10.4.1 */
static bool loads_cr3(const struct insn *i) { return i->id == MN_MOV_CR && i->bytes[1] == 0x22 && i->sub == 3; }

static void follow(struct vcpu *v, const struct system_regs *old, bool reload)
{
    const struct cpu *c = &v->virt;
    bool paging = reload || c->cr0 != old->cr0 || c->cr3 != old->cr3 || c->cr4 != old->cr4;
    if (v->ops->hardware) {
        if (paging) follow_paging(v, old, reload);
        return;
    }
    if (c->cr0 != old->cr0) lazy_fpu_follow(v);
    if ((c->cr0 ^ old->cr0) & CR0_AM) follow_alignment(v);
    if (memcmp(c->dr, old->dr, 4 * sizeof c->dr[0]) || c->dr[7] != old->dr[7]) follow_breakpoints(v);
    if (paging) follow_paging(v, old, reload);
    if (c->cr4 != old->cr4 || c->tsc_base != old->tsc_base) follow_counters(v);
    if (c->gdtr.base != old->gdtr.base || c->gdtr.limit != old->gdtr.limit) descriptor_sync_gdt(v);
    if (c->ldtr.sel != old->ldtr.sel || c->ldtr.base != old->ldtr.base || c->ldtr.limit != old->ldtr.limit)
        descriptor_sync_ldt(v);
}

void emulate_follow_all(struct vcpu *v)
{
    const struct cpu *real = board(v)->cpu;
    follow_counters(v);
    follow_alignment(v);
    if ((v->virt.dr[7] | real->dr[7]) & 0xFF) follow_breakpoints(v);
}

void emulate_reset(struct vcpu *v, bool all)
{
    struct system_regs old = system_regs(&v->virt);
    lazy_fpu_fetch(v);
    lazy_fpu_withdraw(v);
    if (all) cpu_reset(&v->virt);
    else cpu_reset_soft(&v->virt);
    follow(v, &old, true);
    follow_counters(v);
    follow_alignment(v);
    detector_agreed(v);
}

bool emulate_decode(struct vcpu *v, struct insn *i)
{
    uint8_t bytes[15];
    const struct seg_reg *cs = &v->virt.seg[SEG_CS];
    unsigned access = ACCESS_EXEC | (v->virt.cpl == 3 ? ACCESS_USER : 0u);
    unsigned n = vcpu_peek(v, gva(cs->base + v->virt.eip), access, bytes, sizeof bytes);
    charge(v, CAUSE_EMULATE, COST_DECODE);
    struct insn_mode mode = { .code32 = (cs->ar & AR_DB) != 0 };
    return insn_decode(bytes, n, mode, board(v)->model->cost, i) == DECODE_OK;
}

/* Did delivering a fault end in shutdown? `f` began it at `eip`. */
static bool shut_down(struct vcpu *v, struct fault f, uint32_t eip)
{
    if (v->virt.shutdown) vm_shutdown(v, f, eip);
    return v->virt.shutdown;
}

/* The guest single-steps, hit a breakpoint, or came into a task whose T bit is set: its trap comes after the instruction, or after the
 * delivery that switched. SDM 3A 17.3.1.4, 17.3.1.5 */
static void trap_due(struct vcpu *v)
{
    if (!debug_due(&v->virt)) return;
    uint32_t bits = v->virt.trap;
    v->virt.trap = 0;
    emulate_fault(v, (struct fault){ .vector = VEC_DB, .addr = bits });
}

bool emulate_one(struct vcpu *v)
{
    struct cpu *c = &v->virt;
    struct system_regs old = system_regs(c);
    uint32_t eip = c->eip, flags = c->eflags;
    const struct port_access was = { (uint16_t)c->reg[EDX], c->reg[ESI], c->reg[EDI] };
    struct insn done = { 0 };
    begin(v);
    c->rf_at = UINT64_MAX; /* RF of the frame is the real fault's; the guest's instruction begins without */
    lazy_fpu_fetch(v);
    uint64_t insns = c->insns;
    enum step s = cpu_execute_one(c, &done);
    v->emulated += c->insns - insns; /* not for one of several iterations */
    lazy_fpu_return(v);
    charge_one(v);
    if (s == STEP_FAULT) {
        struct fault f = c->fault;
        emulate_publish(v);
        emulate_fault(v, f);
        return false;
    }
    emulate_tell(v, &done, eip, &was);
    if ((flags ^ c->eflags) & FLAG_IF) detector_agreed(v);
    emulate_publish(v);
    if (shut_down(v, c->fault, eip)) return false; /* a task switch whose new task could not even take its fault */
    follow(v, &old, loads_cr3(&done));
    if (s == STEP_HALT) c->halted = true;
    trap_due(v);
    return true;
}

void emulate_next(struct vcpu *v)
{
    uint32_t stops = debug_exec(&v->virt, v->virt.seg[SEG_CS].base + v->virt.eip);
    if (!stops) {
        emulate_one(v);
        return;
    }
    /* It takes an instruction's place, and so time even if injecting is free: the handler itself may begin with one. */
    if (!board(v)->model->cost[COST_INJECT]) clock_charge(board(v)->clock, CAUSE_INJECT, 1);
    emulate_fault(v, (struct fault){ .vector = VEC_DB, .addr = stops });
}

static void tell_inject(struct vcpu *v, uint8_t vector, bool external, uint32_t code, uint32_t from)
{
    uint32_t cause = external && v->detector.masked ? v->detector.masked : v->cause; /* it should not have been taken */
    struct event e = { .kind = EV_INJECT, .cause = cause, .eip = from };
    e.u.INJECT.vector = vector;
    e.u.INJECT.external = external;
    e.u.INJECT.code = code;
    e.u.INJECT.target = v->virt.eip;
    v->cause = trace_emit(board(v)->trace, &e);
    charge(v, CAUSE_INJECT, COST_INJECT);
}

void emulate_fault(struct vcpu *v, struct fault f)
{
    if (v->ops->inject && v->ops->inject(v, f)) return;
    uint32_t from = v->virt.eip;
    struct system_regs old = system_regs(&v->virt);
    begin(v);
    cpu_deliver_fault(&v->virt, f);
    emulate_publish(v);
    if (shut_down(v, f, from)) return;
    tell_inject(v, f.vector, false, f.code, from);
    follow(v, &old, false);
    trap_due(v);
}

void emulate_reflect(struct vcpu *v, struct fault f)
{
    if (f.vector != VEC_DB) v->virt.rf_at = UINT64_MAX;
    emulate_fault(v, f);
}

/* A vector whose delivery may itself fault: false. */
static bool deliver(struct vcpu *v, uint8_t vector, enum delivery how, uint32_t (*fault_at)(struct vcpu *v))
{
    uint32_t from = v->virt.eip;
    struct system_regs old = system_regs(&v->virt);
    begin(v);
    if (cpu_deliver(&v->virt, vector, how, false, 0) == STEP_FAULT) {
        struct fault f = v->virt.fault;
        if (fault_at) v->virt.eip = fault_at(v);
        emulate_publish(v);
        emulate_fault(v, f);
        return false;
    }
    emulate_publish(v);
    if (shut_down(v, v->virt.fault, from)) return true;
    tell_inject(v, vector, how == DELIVER_EXTERNAL, 0, from);
    follow(v, &old, false); /* through a task gate everything may have changed */
    trap_due(v);
    return true;
}

void emulate_interrupt(struct vcpu *v)
{
    v->virt.halted = false;
    uint8_t vector = v->virt.env.acknowledge(v->virt.env.irq);
    (void)deliver(v, vector, DELIVER_EXTERNAL, NULL);
}

void emulate_nmi(struct vcpu *v)
{
    v->virt.halted = v->virt.nmi = false;
    v->virt.nmi_blocked = true;
    (void)deliver(v, VEC_NMI, DELIVER_EXTERNAL, NULL);
}

bool emulate_soft_int(struct vcpu *v, uint8_t vector, uint32_t (*at)(struct vcpu *v))
{
    if (deliver(v, vector, DELIVER_SOFT, at)) return true;
    v->emulated--; /* the real CPU did it */
    return false;
}

void emulate_event(struct vcpu *v, uint32_t event, uint32_t code, uint32_t length)
{
    uint32_t from = v->virt.eip;
    struct system_regs old = system_regs(&v->virt);
    begin(v);
    v->emulated += gate_inject(&v->virt, event, code, length);
    emulate_publish(v);
    if (shut_down(v, v->virt.fault, from)) return;
    tell_inject(v, (uint8_t)event, vmx_event_type(event) == VMX_EVENT_INTERRUPT, code, from);
    follow(v, &old, false);
    trap_due(v);
}

/* ---- what hardware has decoded */

/* The instruction is done. Returns the id of its event. */
static uint32_t step_over(struct vcpu *v, enum mnemonic id, uint32_t value, uint32_t length)
{
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = v->virt.eip };
    e.u.EMULATE.op = (uint8_t)id;
    e.u.EMULATE.ring = v->virt.cpl;
    e.u.EMULATE.value = value;
    v->virt.eip += length;
    v->virt.insns++;
    v->emulated++;
    charge(v, CAUSE_EMULATE, COST_EMULATE);
    return trace_emit(board(v)->trace, &e);
}

void emulate_port(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t length)
{
    struct cpu *c = &v->virt;
    uint32_t eip = c->eip;
    begin(v);
    if (in) reg_set(c, EAX, size, bus_in(&v->vm->bus, port, size));
    else bus_out(&v->vm->bus, port, size, reg_get(c, EAX, size));
    emulate_publish(v);
    uint32_t value = reg_get(c, EAX, size), id = step_over(v, in ? MN_IN : MN_OUT, value, length);
    struct event p = { .kind = EV_PORT, .cause = id, .eip = eip };
    p.u.PORT.out = !in;
    p.u.PORT.port = port;
    p.u.PORT.value = value;
    trace_emit(board(v)->trace, &p);
    charge(v, CAUSE_DEVICE, COST_DEVICE);
}

void emulate_skip(struct vcpu *v, uint16_t id, uint32_t length)
{
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = v->virt.eip };
    e.u.EMULATE.op = (uint8_t)id;
    e.u.EMULATE.ring = v->virt.cpl;
    v->virt.eip += length;
    e.u.EMULATE.value = v->virt.eip;
    v->virt.insns++;
    v->emulated++;
    trace_emit(board(v)->trace, &e);
}

bool emulate_set_cr(struct vcpu *v, unsigned n, uint32_t value)
{
    struct cpu *c = &v->virt;
    const struct insn move = { .id = MN_MOV_CR, .sub = (uint8_t)n, .rm = EAX };
    struct system_regs old = system_regs(c);
    uint32_t eax = c->reg[EAX];
    uint8_t cpl = c->cpl;
    begin(v);
    c->reg[EAX] = value;
    c->cpl = 0; /* whether the guest may is what a policy decides */
    bool ok = exec_mov_to_cr(c, &move) != STEP_FAULT;
    c->reg[EAX] = eax;
    c->cpl = cpl;
    emulate_publish(v);
    if (ok) follow(v, &old, n == 3);
    return ok;
}

uint32_t emulate_device(struct vcpu *v, uint16_t port, unsigned size, bool in, uint32_t value)
{
    begin(v);
    if (in) value = bus_in(&v->vm->bus, port, size);
    else bus_out(&v->vm->bus, port, size, value);
    emulate_publish(v);
    struct event p = { .kind = EV_PORT, .cause = v->cause, .eip = v->virt.eip };
    p.u.PORT.out = !in;
    p.u.PORT.port = port;
    p.u.PORT.value = value;
    trace_emit(board(v)->trace, &p);
    return value;
}

void emulate_cr3(struct vcpu *v, unsigned reg, bool to, uint32_t length)
{
    struct cpu *c = &v->virt;
    struct system_regs old = system_regs(c);
    begin(v);
    if (!to) {
        c->reg[reg] = c->cr3;
    } else if (!cpu_cr3(c, c->reg[reg])) { /* PAE: a PDPTE in memory has a reserved bit set */
        charge(v, CAUSE_EMULATE, COST_EMULATE);
        emulate_fault(v, c->fault);
        return;
    }
    step_over(v, MN_MOV_CR, c->reg[reg], length);
    follow(v, &old, to);
}

void emulate_invlpg(struct vcpu *v, gva_t at, uint32_t length)
{
    begin(v);
    v->virt.env.invlpg(v->virt.env.mmu, at);
    step_over(v, MN_INVLPG, at.v, length);
}

void emulate_halt(struct vcpu *v, uint32_t length)
{
    step_over(v, MN_HLT, 0, length);
    v->virt.halted = true;
}

void emulate_cpuid(struct vcpu *v, uint32_t length)
{
    static const struct insn cpuid = { .id = MN_CPUID };
    begin(v);
    (void)exec_cpuid(&v->virt, &cpuid); /* a virtual CPU is never a guest itself */
    step_over(v, MN_CPUID, v->virt.eip + length, length);
}

bool emulate_is_system(const struct insn *i)
{
    return insn_desc(i->id)->sensitivity != SENS_NONE || i->id == MN_LOAD_FAR || i->id == MN_SYSENTER || i->id == MN_SYSEXIT;
}

struct fault emulate_last_words(struct vcpu *v)
{
    struct cpu *c = &v->virt;
    begin(v);
    charge(v, CAUSE_EMULATE, COST_EMULATE);
    bool faults = cpu_execute_one(c, NULL) == STEP_FAULT;
    bus_log_undo(&v->vm->bus);
    return faults ? c->fault : (struct fault){ .vector = VEC_DF };
}
