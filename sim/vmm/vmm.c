/* The hypervisor: the loop everything hangs on: exit, handle, settle, resume. See vm.h; vmm_make.c has creation.
 * TOUR vmm.3: from vmm_door one can read the life of every exit. */
#include <stddef.h>

#include "sim/core/fatal.h"
#include "sim/cpu/monitor.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/host.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

enum { SLICE = 4096 }; /* instructions interpreted in one visit: others want to look at limits and conditions, too */

void vm_die(struct vcpu *v, enum death why)
{
    if (v->vm->dead) return;
    v->vm->dead = true;
    v->vm->why = (uint8_t)why;
    if (!v->vm->dead_eip) v->vm->dead_eip = v->virt.eip;
    TRACE(v->vmm->board.trace, DIE, v->cause, .why = (uint8_t)why, .vector = v->vm->first.vector, .addr = v->vm->dead_eip);
}

/* As machine_run.c has it for bare boards. */
void vm_shutdown(struct vcpu *v, struct fault first, uint32_t eip)
{
    struct vm *vm = v->vm;
    if (v->vmm->board.firmware && vm->devices.cmos.ram[CMOS_SHUTDOWN]) {
        if (!vm->restart) vm->restart = 1 + RESET_CPU;
        return;
    }
    vm->first = first;
    vm->dead_eip = eip;
    vm_die(v, DEATH_TRIPLE);
}

/* Instructions in a window are the hypervisor's, unless its technique knows better. */
static bool weigh(void *vmm, uint32_t at, struct cpu_weight *w)
{
    const struct vmm *h = vmm;
    if (h->hosted.on && at < h->vm->vcpu.window.at) { /* the host's */
        *w = (struct cpu_weight){ 0 };
        return true;
    }
    for (unsigned n = 0; n < h->vms; n++) {
        const struct vcpu *v = &h->vm[n].vcpu;
        uint32_t offset = at - v->window.at;
        if (offset >= WINDOW_SIZE) continue;
        *w = (struct cpu_weight){ 0 };
        if (h->hosted.on && hosted_weigh(offset, w)) return true;
        if (v->ops->weigh) v->ops->weigh(v, offset, w);
        return true;
    }
    return false;
}

static void meter(struct vmm *h) { h->board.cpu->meter = (struct cpu_meter){ weigh, h, h->hosted.on ? CAUSE_SWITCH : CAUSE_TRANSLATED }; }

/* The state the hypervisor's own boot would have left: LGDT, LIDT, LLDT, LTR, MOV CR0/CR3/CR4. */
static void own_the_cpu(struct vmm *h)
{
    struct cpu *c = h->board.cpu;
    vcpu_own_tables(&h->now->vcpu);
    cpu_seg_set(&c->seg[SEG_CS], WINDOW_CS, 0x0000FFFF, 0x00CF9B00);
    cpu_seg_set(&c->seg[SEG_SS], WINDOW_SS, 0x0000FFFF, 0x00CF9300);
    c->cr0 = VCPU_REAL_CR0;
    c->cr4 = CR4_PSE | CR4_PGE | (c->cr4 & CR4_VMXE);
    /* The 8259 pair is all it needs, and with the APIC off CPUID, which a guest executes unseen, shows none: as VMs have none. */
    if (!h->board.setting[SETTING_VM_APIC]) cpu_apic_base(c, c->apic_base & ~(uint32_t)APIC_BASE_ENABLE);
    cpu_set_flags(c, FLAG_ONE);
    meter(h);
    c->account[0] = CAUSE_DISPATCH;
    c->account[1] = c->account[2] = CAUSE_KERNEL;
    c->account[3] = CAUSE_USER;
    cpu_set_cpl(c, 0);
}

static enum next go_on(struct vmm *h);

/* On the processor, as if it were the only one. */
static void start_one(struct vmm *h, struct vm *vm)
{
    struct vcpu *v = &vm->vcpu;
    h->now = vm;
    h->speaking = vm->id;
    own_the_cpu(h);
    detector_init(v);
    if (v->ops->detects) h->board.cpu->observer = detector_observer(v);
    if (vm == h->vm) host_init(h);
    bool flush;
    v->root = vcpu_tables(v, &flush);
    struct cpu *c = h->board.cpu;
    vcpu_load_paging(v, v->root);
    c->env.flush(c->env.mmu, true);
    v->stores.n = 0;
    if (!v->ops->aware && !v->ops->hardware) { /* else its descriptors are installed by its own request, or its own affair */
        descriptor_sync_gdt(v);
        descriptor_sync_ldt(v);
    }
    v->ops->start(v);
    vm->io->start(vm);
    if (vm->restored && !v->ops->hardware && !v->ops->aware) emulate_follow_all(v);
    v->entered = h->board.clock->now;
}

bool vmm_start(struct vmm *h)
{
    if (h->hosted.on) { /* the rest when its host calls */
        meter(h);
        schedule_begin(h);
        hosted_start(h);
        return true;
    }
    for (unsigned i = 0; i < h->vms; i++) {
        if (h->vm[i].later) continue;
        if (i) h->now->vcpu.ops->away(&h->now->vcpu);
        start_one(h, &h->vm[i]);
    }
    schedule_begin(h);
    return go_on(h) == NEXT_RESUME;
}

/* The guest waits: so does the hypervisor, in its own HLT with interrupts on. */
static void go_idle(struct vmm *h)
{
    struct cpu *c = h->board.cpu;
    h->idle = true;
    schedule_idle(h);
    c->reg[ESP] = WINDOW_BASE + WINDOW_STACK;
    c->eip = WINDOW_BASE + WINDOW_IDLE;
    trace_episode(h->board.trace, 0);
}

/* A load of SS was emulated, and a trap or a breakpoint that it holds off would come too soon on the real CPU. */
static bool debug_shadow(const struct cpu *c) { return c->insns == c->hold && (c->trap || c->watch[0]); }

/* Of what the guest was, memory stays; RESET_CPU (the INIT pin) leaves the devices, too, but for the local APIC. The firmware is
 * copied again, for the guest may have written to what is a ROM on a board. */
static void restart(struct vm *vm)
{
    struct vmm *h = vm->vmm;
    bool all = vm->restart == 1 + RESET_BOARD;
    vm->restart = 0;
    if (vm->vcpu.vtx) vtx_reset(&vm->vcpu);
    if (all) devices_reset(&vm->devices);
    else devices_init_pin(&vm->devices);
    if (all) vm->io->reset(vm);
    emulate_reset(&vm->vcpu, all);
    h->board.firmware(h->board.firmware_self, &vm->bus, &vm->vcpu.virt, all);
    if (!all) return;
    for (uint32_t at = SHADOW_BASE; at < SHADOW_BASE + (SHADOW_PAGES << PAGE_SHIFT); at += PAGE_SIZE) emulate_stored(&vm->vcpu, at, PAGE_SIZE);
}

/* The real CPU stays at the door, so that the next thing it does is to come in again. */
static enum next come_again(struct vmm *h)
{
    h->now->interpreting = true;
    h->board.cpu->eip = WINDOW_BASE + WINDOW_DOOR;
    return NEXT_RESUME;
}

/* An NMI waits, or has come: its handler is interpreted up to the IRET that lets the next one in, for not every technique would see
 * that. False while hardware is about to deliver another event. */
static bool has_nmi(struct vcpu *v) { return (v->virt.nmi || v->virt.nmi_blocked) && (!v->ops->gather || v->ops->gather(v)); }

enum settled { SETTLED_RUNS /* the real CPU can run it */, SETTLED_SLEEPS, SETTLED_LONG /* and is not settled yet */, SETTLED_OVER };

/* Brings virtual time up to date, delivers what is due, interprets what the real CPU cannot run. */
static enum settled settle(struct vm *vm)
{
    struct vcpu *v = &vm->vcpu;
    struct cpu *c = &v->virt;
    for (unsigned interpreted = 0; !vm->dead && !vm->exited; ) {
        timeq_run(&vm->timers);
        vm->io->follow(vm);
        if (vm->restart) {
            restart(vm);
            interpreted = 0;
        }
        bool pending = v->ops->pending(v), nmi = has_nmi(v);
        if (nmi && !c->nmi_blocked && c->insns != c->inhibit) {
            emulate_nmi(v);
        } else if (pending && v->ops->interruptible(v)) {
            v->ops->interrupt(v);
        } else if (c->halted && !monitor_wakes(c)) {
            if (c->eflags & FLAG_IF) return SETTLED_SLEEPS;
            vm->halted = true;
            return SETTLED_OVER;
        } else if ((pending && (c->eflags & FLAG_IF)) || nmi || debug_shadow(c) || vcpu_in_chip(v) || !v->ops->runnable(v)) {
            if (++interpreted > SLICE || schedule_due(vm->vmm) || hosted_steps(v)) return SETTLED_LONG;
            emulate_next(v);
        } else {
            return SETTLED_RUNS;
        }
    }
    return SETTLED_OVER;
}

/* Is there a VM left that the machine is there for? */
static bool wanted(const struct vmm *h)
{
    for (unsigned i = 0; i < h->vms; i++)
        if (!h->vm[i].background && h->vm[i].account.state != VM_OVER) return true;
    return false;
}

/* Goes on with whoever's turn it is, until a guest runs, or all sleep, or all is over. */
static enum next go_on(struct vmm *h)
{
    if (memory_deadline(h) <= h->board.clock->now) {
        struct vm *paid = schedule_self(h);
        memory_tick(h);
        schedule_pays(h, paid);
    }
    if (migrate_deadline(h) <= h->board.clock->now) {
        struct vm *paid = schedule_self(h);
        migrate_tick(h);
        schedule_pays(h, paid);
        if (!wanted(h)) return NEXT_STOP;
    }
    for (;;) {
        struct vm *vm = h->hosted.on ? hosted_next(h) : schedule_next(h);
        if (h->hosted.on && !vm) {
            hosted_leave(h);
            return NEXT_RESUME;
        }
        if (!vm) {
            if (exitless_on(h)) host_mask(h, IRQ_TIMER, false); /* a processor that no guest has needs an interrupt to wake it */
            host_timer(h, schedule_deadline(h));
            go_idle(h);
            return NEXT_RESUME;
        }
        enum settled s = settle(vm);
        if ((s == SETTLED_RUNS || s == SETTLED_SLEEPS) && suspend_taken(vm)) s = SETTLED_OVER;
        if (vm->moving) s = SETTLED_SLEEPS;
        switch (s) {
        case SETTLED_RUNS:
            if (!exitless_on(h)) host_timer(h, schedule_deadline(h));
            if (h->hosted.on) hosted_resume(h);
            vm->vcpu.ops->leave(&vm->vcpu);
            if (!vm->dead) return NEXT_RESUME;
            break;
        case SETTLED_SLEEPS: schedule_sleeps(vm); continue;
        case SETTLED_LONG:
            if (!h->hosted.on) return come_again(h);
            hosted_again(vm);
            continue;
        case SETTLED_OVER: break;
        }
        schedule_over(vm);
        migrate_over(vm);
        if (!h->hosted.on && !wanted(h)) return NEXT_STOP; /* a host has to hear of it, and ends the machine itself */
        if (vm->vcpu.ops->over) vm->vcpu.ops->over(&vm->vcpu);
        if (!h->service || vm != h->vm) continue;
        if (pv_again(&vm->vcpu)) schedule_state(vm, VM_READY);
        else pv_give_up(h);
    }
}

/* An interrupt that woke the idle loop: the frame is the hypervisor's own, the guest's state is in virt. */
static void wake(struct vmm *h, const struct window_frame *f)
{
    struct vcpu *v = &h->now->vcpu;
    h->idle = false;
    TRACE(h->board.trace, EXIT, h->board.cpu->cause, .reason = EXIT_REASON_INTERRUPT, .vector = (uint8_t)f->vector);
    v->cause = trace_last(h->board.trace);
    trace_episode(h->board.trace, v->cause);
    host_interrupt(h, (uint8_t)f->vector);
    if (exitless_on(h)) host_mask(h, IRQ_TIMER, true);
    schedule_woken(h);
    if (h->vms > 1) return; /* who goes on, and how, is not known yet */
    mmu_flush(&v->virt_mmu, true);
    v->virt.insns++;
}

/* A device interrupted an entry stub that is reached with interrupts on, as through a call gate: its work, then on. */
static bool in_entry(const struct vmm *h, const struct window_frame *f)
{
    uint32_t at = f->eip - WINDOW_BASE;
    return (h->hosted.on ? f->vector >= WINDOW_IRQ : host_irq(h, f->vector) >= 0) && at >= WINDOW_STUBS && at < WINDOW_DOOR && !(at >= WINDOW_IDLE && at < WINDOW_IDLE + 0x20);
}

/* What changed is looked at at every visit, and all of it now and then: that is what test programs can bear. */
enum { CHECK_ALL_EVERY = 2048 };
static bool checked_some(struct vmm *h)
{
    const struct vcpu *v = &h->now->vcpu;
    char why[240];
    if (v->vmmu.ops->check_some && !v->vmmu.ops->check_some(&v->vmmu, &h->board.cpu->dtlb, why, sizeof why)) fatal(EXIT_BUG, why);
    return true;
}

/* --set vmm.check=1: what is promised in words elsewhere, held against the machine's memory. */
static bool checked(struct vmm *h)
{
    const struct vcpu *v = &h->now->vcpu;
    char why[240];
    bool always = h->board.setting[SETTING_CHECK];
    /* A device that is passed through may store to a table unseen: there only who asks is told. */
    if (h->now->dead || (!always && (!vmm_checks_itself || h->now->pass))) return true;
    if (!always && h->visits % CHECK_ALL_EVERY) return checked_some(h);
    if (v->vmmu.ops->check && !v->vmmu.ops->check(&v->vmmu, &h->board.cpu->dtlb, why, sizeof why)) fatal(EXIT_BUG, why);
    if (h->memory.managed && !memory_check(&h->memory, why, sizeof why)) fatal(EXIT_BUG, why);
    if (v->pv && !pv_check(v->pv, why, sizeof why)) fatal(EXIT_BUG, why);
    return true;
}

static bool door(struct vmm *h)
{
    struct vcpu *v = &h->now->vcpu;
    const struct vmm_board *b = &h->board;
    struct window_frame f = { 0 };
    h->visits++;
    v->entered = b->clock->now;
    if (h->hosted.outside) {
        struct vm *vm = hosted_crossed(h);
        if (!vm->hosted.begun) {
            hosted_away(h);
            start_one(h, vm);
        }
        hosted_enter(h, vm);
        return go_on(h) == NEXT_RESUME;
    }
    if (h->now->interpreting) {
        h->now->interpreting = false;
        if (h->resident.flying[0] || h->resident.flying[1] || h->net) host_poll(h); /* whom a guest waits for that has the processor */
        return go_on(h) == NEXT_RESUME;
    }
    clock_charge(b->clock, CAUSE_DISPATCH, b->model->cost[COST_DISPATCH]);
    /* A frame without ESP and SS was pushed in ring 0: the idle loop, or an accident of the hypervisor's own. */
    uint32_t at = b->cpu->reg[ESP] - WINDOW_BASE;
    bus_peek(b->bus, window_hpa(&v->window, at), &f, offsetof(struct window_frame, esp));
    if ((f.cs & 3) == 0 && !window_fast_step(&f)) {
        if (in_entry(h, &f)) {
            if (h->hosted.on) h->now->hosted.owed = (uint8_t)f.vector;
            else host_interrupt(h, (uint8_t)f.vector);
            b->cpu->eip = WINDOW_BASE + WINDOW_LEAVE;
            return true;
        }
        if (!h->idle || host_irq(h, f.vector) < 0) {
            h->now->first = (struct fault){ .vector = (uint8_t)f.vector, .code = f.code };
            h->now->dead_eip = v->virt.eip;
            vm_die(v, DEATH_WINDOW);
            schedule_woken(h);
            return go_on(h) == NEXT_RESUME;
        }
        wake(h, &f);
        return go_on(h) == NEXT_RESUME;
    }
    if (h->hosted.on) hosted_exit(h);
    v->ops->enter(v, &f);
    struct vmexit x = { .vector = (uint8_t)f.vector, .code = f.code,
                        .addr = f.vector == VEC_PF ? b->cpu->cr2 : f.vector == VEC_VE ? b->cpu->refused.addr : 0 };
    (void)v->ops->handle(v, &x); /* whether the VM ended is looked at anew, and which one goes on */
    return go_on(h) == NEXT_RESUME;
}

bool vmm_door(struct vmm *h) { return door(h) && checked(h); }
