/* Hardware assist with the first VT-x: the guest kernel runs in ring 0 of non-root operation, on shadow page tables.
 *
 * What a monitor of 2005 let leave: page faults (all of them: they are hidden, traced or the guest's own), CR3, the bits of CR0
 * and CR4 that matter to paging, ports, HLT, INVLPG, MOV DR, other MSRs than SYSENTER's, real interrupts. The guest's flags, segments, tables, gates and
 * SYSENTER are the processor's business: no exit, no window in its address space, nothing to fail silently.
 * Events go in by injection; what was being delivered when a fault made the guest leave is injected again. An interrupt
 * for a guest that cannot take it opens the interrupt window. Real mode, which this VT-x lacks, and what is between it and
 * protected mode are interpreted by the virtual CPU, at its cost.
 * SDM vol. 3B ch. 19-27; AA06 section 4. Not modelled: V86 mode for real mode, TPR shadow. */
#include "sim/vmm/vtx.h"

#include <stdio.h>
#include <string.h>
#include "sim/cpu/debug.h"
#include "sim/cpu/vmcs.h"
#include "sim/trace/vector.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/strategies.h"
#include "sim/vmm/vm.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

/* ---- attach and start */

enum { POINTERS = VTX_START + 0x40, START_VMXON = 0, START_VMCLEAR = 9, START_VMPTRLD = 18, START_END = 26 };

/* The door is where C begins; a VMLAUNCH that fails goes there, too, with a stack that no exit leaves. */
static void build_code(struct vcpu *v)
{
    struct bus *b = board(v)->bus;
    static const uint8_t arrive[] = { 0x60, 0xE9 }, launch[] = { 0x61, 0x0F, 0x01, 0xC2, 0xE9 }, resume[] = { 0x61, 0x0F, 0x01, 0xC3, 0xE9 };
    static const uint8_t start[] = { 0x36, 0xF3, 0x0F, 0xC7, 0x35, 0, 0, 0, 0,   /* vmxon ss:[region] */
                                     0x36, 0x66, 0x0F, 0xC7, 0x35, 0, 0, 0, 0,   /* vmclear ss:[vmcs] */
                                     0x36, 0x0F, 0xC7, 0x35, 0, 0, 0, 0 };       /* vmptrld ss:[vmcs] */
    static const struct { uint32_t at; const uint8_t *code; uint32_t n; } jumps[] = {
        { VTX_ARRIVE, arrive, sizeof arrive }, { VTX_LAUNCH, launch, sizeof launch }, { VTX_RESUME, resume, sizeof resume } };
    for (unsigned k = 0; k < sizeof jumps / sizeof jumps[0]; k++) {
        uint32_t rel = WINDOW_DOOR - (jumps[k].at + jumps[k].n + 4);
        bus_poke(b, window_hpa(&v->window, jumps[k].at), jumps[k].code, jumps[k].n);
        bus_poke(b, window_hpa(&v->window, jumps[k].at + jumps[k].n), &rel, 4);
    }
    const uint32_t region = WINDOW_BASE + POINTERS, vmcs = region + 8, pointers[4] = { v->window.at + VTX_REGION, 0, v->window.at + VTX_VMCS, 0 };
    bus_poke(b, window_hpa(&v->window, VTX_START), start, sizeof start);
    bus_poke(b, window_hpa(&v->window, VTX_START + 5), &region, 4);
    bus_poke(b, window_hpa(&v->window, VTX_START + 14), &vmcs, 4);
    bus_poke(b, window_hpa(&v->window, VTX_START + 22), &vmcs, 4);
    bus_poke(b, window_hpa(&v->window, POINTERS), pointers, sizeof pointers);
}

static bool vtx_attach(struct vcpu *v, struct err *e)
{
    const struct vmm_board *b = board(v);
    if (!b->model->vmx)
        return err_set(e, EXIT_USAGE, "--cpu vtx: model %s has no VMX; --model p4 was the first, and --set cpu.vmx=1 gives it to any",
                       b->model->name);
    v->vtx = arena_alloc(b->arena, sizeof *v->vtx);
    if (v->vmmu.ops->second) v->vmmu.ops->second(&v->vmmu, &v->vtx->second);
    if (v->vtx->second.levels && vmx_ept_levels(b->cpu) != v->vtx->second.levels)
        return err_set(e, EXIT_USAGE, "--mmu %s: model %s has no such second level of page tables; --set cpu.ept=1 gives it one", v->vmmu.ops->name,
                       b->model->name);
    if (v->vtx->second.changes && !(vmx_allowed(b->cpu, VMX_CONTROLS_PROC2).may & VMX_PROC2_AGILE))
        return err_set(e, EXIT_USAGE, "--mmu %s: model %s has no walks that switch from shadow tables to the guest's own; --set cpu.agile=1 gives it "
                       "them", v->vmmu.ops->name, b->model->name);
    if (b->setting[SETTING_IO_EXITLESS] && !(vmx_allowed(b->cpu, VMX_CONTROLS_PIN).may & VMX_PIN_TIMER))
        return err_set(e, EXIT_USAGE, "--set io.exitless=1: model %s has no preemption timer, so the hypervisor's own timer would have to interrupt, and "
                       "the guest would take that, too; use --model nehalem or --set cpu.vmx=3", b->model->name);
    bool may = vmx_allowed(b->cpu, VMX_CONTROLS_PROC2).may & VMX_PROC2_APIC;
    v->vtx->apic = v->vm->devices.apics && may;
    if (v->vtx->apic) {
        v->vmmu.env.device_page = LAPIC_BASE >> PAGE_SHIFT;
        v->vmmu.env.device_frame = window_hpa(&v->window, VTX_APIC_ACCESS).v >> PAGE_SHIFT;
    }
    build_code(v);
    uint32_t pde = v->vmmu.env.window_pde, revision = vmx_revision(b->cpu);
    bus_poke(b->bus, window_hpa(&v->window, VTX_DIRECTORY + (WINDOW_BASE >> 22) * 4), &pde, 4);
    bus_poke(b->bus, window_hpa(&v->window, VTX_REGION), &revision, 4);
    bus_poke(b->bus, window_hpa(&v->window, VTX_VMCS), &revision, 4);
    return true;
}

/* Real instructions of the start, from one on. They are no moments of the run. */
static void execute_start(struct vcpu *v, uint32_t from, uint8_t cause)
{
    struct cpu *c = board(v)->cpu;
    uint64_t moment = c->insns;
    for (c->eip = WINDOW_BASE + VTX_START + from; c->eip != WINDOW_BASE + VTX_START + START_END; ) {
        if (cpu_execute_one(c, NULL) != STEP_OK) {
            vm_die(v, DEATH_WINDOW);
            break;
        }
        clock_charge(board(v)->clock, (uint8_t)cause, board(v)->model->cost[COST_VMPTR]);
    }
    c->insns = moment;
}

/* The host's own address space, and VMX operation: three real instructions, two if another VM has done the first. Firmware has
 * left the feature on and locked. */
static void vtx_start(struct vcpu *v)
{
    struct cpu *c = board(v)->cpu;
    c->msr[MSR_FEATURE_CONTROL] = 5;
    c->cr4 |= CR4_VMXE;
    c->cr3 = window_hpa(&v->window, VTX_DIRECTORY).v;
    c->env.paging(c->env.mmu, c->cr0, c->cr3, c->cr4);
    c->env.flush(c->env.mmu, true);
    execute_start(v, c->vmx.on ? START_VMCLEAR : START_VMXON, CAUSE_DISPATCH);
    c->fpu = v->virt.fpu; /* while the VM has the processor, the unit is its */
    v->fpu_lent = true;
    v->vtx->fresh = true;
    vtx_bitmaps(v);
    vtx_write_host(v);
}

/* What hardware does not keep in the VMCS. */
static void vtx_away(struct vcpu *v)
{
    const struct vtx *t = v->vtx;
    const struct cpu *real = board(v)->cpu;
    bool fault = t->event && vmx_event_type(t->event) == VMX_EVENT_EXCEPTION; /* to be injected: then CR2 is what it will be */
    if (!t->has_segments && !t->fresh && !fault) v->virt.cr2 = real->cr2;
    if (!t->has_system && !t->fresh) v->virt.dr[6] = real->dr[6];
    vcpu_away(v);
}

static bool vtx_gather(struct vcpu *v)
{
    if (v->vtx->event || v->vtx->rf) return false;
    vtx_need_system(v);
    return true;
}

static void vtx_back(struct vcpu *v)
{
    const struct vmm_board *b = board(v);
    struct cpu *c = b->cpu;
    vcpu_own_tables(v);
    c->cr0 = VCPU_REAL_CR0;
    c->cr4 = CR4_PSE | CR4_PGE | CR4_VMXE;
    vcpu_address_space(v, window_hpa(&v->window, VTX_DIRECTORY).v);
    execute_start(v, START_VMPTRLD, CAUSE_SWITCH);
    c->cr2 = v->virt.cr2;
    memcpy(c->dr, v->virt.dr, 4 * sizeof c->dr[0]);
    c->dr[6] = v->virt.dr[6];
    c->fpu = v->virt.fpu;
    v->fpu_lent = true;
    clock_charge(b->clock, CAUSE_SWITCH, 6ull * b->model->cost[COST_SYSTEM] + b->model->cost[COST_FPU_STATE]);
    vcpu_watched(v, false);
}

/* ---- out and in */

/* See lazy_fpu.h: with TS ours and set, whatever the guest does with the unit is #NM, which leaves. */
static void watch_fpu(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    if (t->watches_fpu == lazy_fpu_watched(v)) return;
    vtx_need_system(v);
    t->watches_fpu = !t->watches_fpu;
    vtx_write(v, VMX_FIELD_CR0_MASK, vtx_cr0_owned(v));
}

static void vtx_enter(struct vcpu *v, struct window_frame *f)
{
    const struct vmm_board *b = board(v);
    struct vtx *t = v->vtx;
    struct cpu *c = &v->virt;
    bus_peek(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), f, sizeof *f);
    bus_refer(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), sizeof *f, false);
    clock_charge(b->clock, CAUSE_DISPATCH, 8ull * b->model->cost[COST_MEM_REF]);
    v->virt_clock.now = b->clock->now;
    c->reg[EAX] = f->eax, c->reg[ECX] = f->ecx, c->reg[EDX] = f->edx, c->reg[EBX] = f->ebx;
    c->reg[EBP] = f->ebp, c->reg[ESI] = f->esi, c->reg[EDI] = f->edi;
    t->last = t->event;
    t->last_rf = t->rf;
    t->has_segments = t->has_system = t->rf = false;
    t->launched = true;
    t->event = 0; /* the entry took it */
    mmu_flush(&v->virt_mmu, true);
    v->stores.n = 0;
    vtx_read_exit(v);
    vtx_take_tpr(v);
}

/* The frame's upper part is none that a gate pushed: CS says that it is the guest's. */
static void vtx_leave(struct vcpu *v)
{
    const struct vmm_board *b = board(v);
    struct cpu *c = &v->virt;
    enum { GUEST = 3 };
    const struct window_frame f = { .eax = c->reg[EAX], .ecx = c->reg[ECX], .edx = c->reg[EDX], .ebx = c->reg[EBX], .ebp = c->reg[EBP],
                                    .esi = c->reg[ESI], .edi = c->reg[EDI], .cs = GUEST };
    watch_fpu(v);
    vtx_write_guest(v);
    bus_poke(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), &f, sizeof f);
    bus_refer(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), sizeof f, true);
    clock_charge(b->clock, CAUSE_DISPATCH, 8ull * b->model->cost[COST_MEM_REF]);
    b->cpu->reg[ESP] = WINDOW_BASE + WINDOW_FRAME_AT;
    b->cpu->eip = WINDOW_BASE + (v->vtx->launched ? VTX_RESUME : VTX_LAUNCH);
    struct event e = { .kind = EV_RESUME, .cause = v->cause, .eip = c->eip };
    e.u.RESUME.to = c->cpl;
    e.u.RESUME.target = c->eip;
    e.u.RESUME.cost = (uint32_t)(b->clock->now - v->entered);
    b->cpu->cause = trace_emit(b->trace, &e);
    trace_episode(b->trace, 0);
}

/* ---- events for the guest */

static void tell_inject(struct vcpu *v)
{
    uint32_t event = v->vtx->event;
    struct event e = { .kind = EV_INJECT, .cause = v->cause, .eip = v->virt.eip };
    e.u.INJECT.vector = (uint8_t)event;
    e.u.INJECT.external = vmx_event_type(event) == VMX_EVENT_INTERRUPT;
    e.u.INJECT.code = v->vtx->code;
    e.u.INJECT.target = v->virt.eip;
    v->cause = trace_emit(board(v)->trace, &e);
    clock_charge(board(v)->clock, CAUSE_INJECT, board(v)->model->cost[COST_INJECT]);
}

void vtx_queue(struct vcpu *v, uint32_t event, uint32_t code, uint32_t length)
{
    struct vtx *t = v->vtx;
    t->event = event;
    t->code = code;
    t->event_length = length;
}

/* What raising does besides is ours to do: CR2, DR6, RF. */
static bool vtx_inject(struct vcpu *v, struct fault f)
{
    struct cpu *c = &v->virt;
    bool trap = f.vector == VEC_DB && !(f.addr & DR6_BD);
    if (f.vector == VEC_DB) vtx_need_system(v);
    if (!vtx_fits(v) || v->vtx->event || v->virt.nmi_blocked || (f.has_code && !vmx_code_fits(f.code))) {
        vtx_need_system(v);
        return false;
    }
    if (f.vector == VEC_PF) c->cr2 = f.addr;
    if (f.vector == VEC_DB) debug_raised(c, f.addr);
    v->vtx->rf = !trap && f.vector != VEC_DF;
    c->halted = false; /* by HLT under TF */
    vtx_queue(v, VMX_EVENT_VALID | (f.has_code ? VMX_EVENT_CODE : 0u) | VMX_EVENT_EXCEPTION << VMX_EVENT_TYPE_SHIFT | f.vector,
          f.code, 0);
    tell_inject(v);
    return true;
}

static bool vtx_interruptible(const struct vcpu *v) { return vcpu_interruptible(v) && !v->vtx->event; }

/* If the guest can run but not take it, hardware will tell when it can: the window (vtx_write_guest). */
static bool vtx_pending(const struct vcpu *v)
{
    return v->virt.intr && (vtx_interruptible(v) || (!v->vtx->event && !vtx_fits(v)));
}

static void vtx_interrupt(struct vcpu *v)
{
    if (!vtx_fits(v) || v->virt.nmi_blocked) {
        vtx_need_system(v);
        emulate_interrupt(v);
        if (exitless_on(v->vmm)) vtx_write(v, VMX_FIELD_GUEST_ACTIVITY, VMX_ACTIVE); /* HLT did not leave: it would go on sleeping */
        return;
    }
    v->virt.halted = false;
    vtx_queue(v, VMX_EVENT_VALID | v->virt.env.acknowledge(v->virt.env.irq), 0, 0);
    tell_inject(v);
}

/* Whatever is to be interpreted next wants to know all. */
static bool vtx_runnable(struct vcpu *v)
{
    if (vtx_fits(v)) return true;
    vtx_need_system(v);
    return vtx_fits(v);
}

/* ---- for people */

static const char *vtx_symbol(const struct vcpu *v, uint32_t at, char *buf, unsigned room)
{
    static const struct { uint32_t at; const char *name; } names[] = {
        { VTX_ARRIVE, "vmm.vmexit" }, { VTX_LAUNCH, "vmm.vmlaunch" }, { VTX_RESUME, "vmm.vmresume" }, { VTX_START, "vmm.vmxon" } };
    (void)v;
    uint32_t offset = at - WINDOW_BASE;
    if (at < WINDOW_BASE || offset < VTX_CODE || offset >= POINTERS) return NULL;
    unsigned k = sizeof names / sizeof names[0] - 1;
    while (names[k].at > offset) k--;
    uint32_t behind = offset - names[k].at;
    snprintf(buf, room, behind ? "%s+%u" : "%s", names[k].name, behind);
    return buf;
}

const struct cpu_strategy strategy_vtx = {
    .name = "vtx",
    .about = "hardware assist: the guest kernel runs in ring 0 of VMX non-root operation; what the VMCS names makes it leave",
    .hypervisor = true,
    .kernel_ring = 0,
    .hardware = true,
    .mmu = "shadow",
    .detects = false,
    .faithful = "",
    .aware = false,
    .attach = vtx_attach,
    .start = vtx_start,
    .enter = vtx_enter,
    .handle = vtx_handle,
    .pending = vtx_pending,
    .interruptible = vtx_interruptible,
    .interrupt = vtx_interrupt,
    .runnable = vtx_runnable,
    .leave = vtx_leave,
    .gather = vtx_gather,
    .away = vtx_away,
    .back = vtx_back,
    .reserve = VTX_RESERVE,
    .inject = vtx_inject,
    .ports = vtx_ports,
    .forget = vtx_forget,
    .show = vtx_show,
    .show_pdptes = vtx_show_pdptes,
    .symbol = vtx_symbol,
};
