/* A VM comes into being: its memory, virtual board and CPU, wired to each other and to what its techniques ask of the hypervisor. See vm.h.
 * What it does then is vmm.c's. */
#include <string.h>

#include "sim/mmu/pte.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/host.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

/* The TLB of a VM that has not the processor is empty when it gets it, but for what hardware assist keeps with a tag. */
static bool is_away(const struct vcpu *v) { return v->vm != v->vmm->now; }

static void hw_invlpg(void *vcpu, gva_t at)
{
    struct vcpu *v = vcpu;
    if (v->ops->hardware) {
        v->ops->forget(v, &at);
        return;
    }
    if (is_away(v)) return;
    struct cpu *real = v->vmm->board.cpu;
    real->env.invlpg(real->env.mmu, at);
    clock_charge(v->vmm->board.clock, CAUSE_SHADOW, v->vmm->board.model->cost[COST_SYSTEM]);
}

/* For a VM that may leave: memory is where it is, but a store must be noted. */
static bool noted(void *vm, uint32_t page, bool write)
{
    if (write) migrate_stores(vm, page);
    return true;
}

static bool noted_by_tables(void *vcpu, gpa_t page, bool write) { return noted(((struct vcpu *)vcpu)->vm, page.v >> PAGE_SHIFT, write); }

static bool own(void *vcpu, gpa_t page, bool write) { return memory_need(((struct vcpu *)vcpu)->vm, page.v >> PAGE_SHIFT, write); }

static void hw_flush(void *vcpu)
{
    struct vcpu *v = vcpu;
    if (v->ops->hardware) {
        v->ops->forget(v, NULL);
        return;
    }
    if (is_away(v)) return;
    struct cpu *real = v->vmm->board.cpu;
    if (vcpu_two_dimensions(v)) real->env.invalidate(real->env.mmu, &(struct space_match){ .by_vpid = false }); /* globals, too */
    else real->env.flush(real->env.mmu, false);
    clock_charge(v->vmm->board.clock, CAUSE_SHADOW, v->vmm->board.model->cost[COST_CR3]);
}

static void registers(const void *vcpu, struct vmmu_registers *to)
{
    const struct mmu now = vcpu_guest_mmu(vcpu);
    *to = (struct vmmu_registers){ .cr0 = now.cr0, .cr3 = now.cr3, .cr4 = now.cr4 };
    memcpy(to->pdpte, now.pdpte, sizeof to->pdpte);
}

static void vm_intr(void *vcpu, unsigned n, bool level)
{
    (void)n;
    cpu_intr(&((struct vcpu *)vcpu)->virt, level);
}

static void vm_nmi(void *vcpu, unsigned n, bool level)
{
    (void)n;
    if (level) cpu_nmi(&((struct vcpu *)vcpu)->virt);
}

static void vm_ignne(void *vcpu, unsigned n, bool level)
{
    (void)n;
    cpu_ignne(&((struct vcpu *)vcpu)->virt, level);
}

static void vm_stop(void *vm, uint32_t value)
{
    struct vm *self = vm;
    if (self->exited) return;
    self->exited = true;
    self->exit_code = value;
}

/* Without firmware there is nothing to go on with, and a reset is the VM's end. With it the VM starts again, once the instruction
 * that asked is done. */
static void vm_reset(void *vm, unsigned kind, bool level)
{
    struct vm *self = vm;
    if (!level || self->exited || self->restart > kind) return;
    if (self->vcpu.vmm->board.firmware) self->restart = (uint8_t)(kind + 1);
    else self->exited = self->reset = true;
}

static void vm_off(void *vm, unsigned n, bool level)
{
    (void)n;
    struct vm *self = vm;
    if (!level || self->exited) return;
    self->exited = self->off = true;
}

/* An emulated bus master stored into the guest's memory, perhaps into a table that is shadowed. */
static void vm_dma(void *vcpu, uint32_t at, unsigned n) { emulate_stored(vcpu, at, n); }

static bool vm_init(struct vm *vm, const struct vm_plan *plan, struct err *e)
{
    const struct vmm_board *b = &vm->vmm->board;
    bool aware = vm->vcpu.ops->aware;
    struct bus *memory = aware ? &vm->pseudo : &vm->bus;
    vm->frame = plan->first;
    vm->frames = plan->frames;
    vm->most = plan->most ? plan->most : plan->frames;
    vm->shares = plan->shares ? plan->shares : MEMORY_SHARES;
    bus_init_child(memory, b->bus, vm->frames, b->arena);
    if (vm->vmm->memory.managed) memory_add(&vm->vmm->memory, vm, plan->shares ? plan->shares : MEMORY_SHARES);
    else for (uint32_t i = 0; i < vm->frames; i++) memory->map[i] = vm->frame + i;
    if (aware) bus_init_child(&vm->bus, b->bus, b->bus->frames, b->arena);
    if (vm->leaves && !vm->vmm->memory.managed) vm->bus.backing = (struct bus_backing){ noted, NULL, vm };
    for (uint32_t i = 0; aware && i < vm->frames; i++) vm->bus.map[vm->frame + i] = vm->frame + i;
    vm->timers.clock = b->clock;
    struct disk disks[IDE_DRIVES];
    struct devices_wiring w = {
        .intr = { vm_intr, &vm->vcpu, 0 }, .nmi = { vm_nmi, &vm->vcpu, 0 }, .ignne = { vm_ignne, &vm->vcpu, 0 },
        .serial = { host_serial, vm }, .serial_in = { host_serial_get, vm }, .console = { host_console, vm },
        .stop = vm_stop, .stop_self = vm, .reset = { vm_reset, vm, 0 }, .off = { vm_off, vm, 0 },
        .epoch = b->epoch, .trace = b->trace, .is_virtual = true, .apics = b->setting[SETTING_VM_APIC],
        .disk_times = b->disk_times, .dma = { vm_dma, &vm->vcpu },
    };
    vm->io->wire(vm, plan, &w, disks);
    if (vm->vmm->hosted.on) hosted_wire(vm, &w);
    if (!devices_init(&vm->devices, &vm->bus, &vm->timers, &w, e)) return false;
    if (vm->vmm->memory.managed && !balloon_attach(vm, e)) return false;
    vm->devices.uart.char_cycles_max = 1; /* the real line paces the output; a virtual one need not wait again */
    return vm->io->attach(vm, e);
}

/* Shadow tables for a VM: among others, its memory is often small, and so is what maps it. */
static uint32_t pool_of(const struct vm *vm)
{
    uint32_t most = vm->vmm->board.setting[SETTING_SHADOW_POOL], enough = 64 + vm->frames / 8;
    return vm->vmm->room == 1 || most < enough ? most : enough;
}

/* Memory that moves: any frame may become any VM's, and nothing is contiguous. */
static void moving(struct vcpu *v)
{
    struct vmmu_env *env = &v->vmmu.env;
    if (v->vm->leaves) {
        env->choice.large = false;
        env->own = noted_by_tables;
    }
    if (!v->vmm->memory.managed) return;
    env->first = 0;
    env->frames = v->vmm->board.bus->frames;
    env->choice.large = false;
    env->own = own;
}

static bool attach_mmu(struct vcpu *v, const char *name, struct err *e)
{
    const struct vmm_board *b = &v->vmm->board;
    for (const struct mmu_strategy *const *s = mmu_strategies; *s; s++)
        if (!strcmp((*s)->name, name)) v->vmmu.ops = *s;
    if (!v->vmmu.ops) return err_set(e, EXIT_USAGE, "--mmu %s: not a way to virtualise memory here; try shadow", name);
    const uint32_t own = PTE_P | PTE_W | PTE_A | PTE_D, table = v->ops->window_table;
    v->vmmu.env = (struct vmmu_env){
        .arena = b->arena, .machine = b->bus, .guest = &v->vm->bus, .clock = b->clock, .model = b->model, .trace = b->trace,
        .timers = &v->vm->timers, .common = &v->vmm->common, .vm = v->vm->id,
        .window = v->ops->hardware ? 0 : WINDOW_BASE, .window_pde = (v->window.at + table) | own | (table ? PTE_U : PTE_PS | PTE_G),
        .memory_first = v->vm->frame, .memory_frames = v->vm->frames,
        .pool_first = (v->window.at + WINDOW_POOL + v->ops->reserve) >> PAGE_SHIFT,
        .pool_frames = ((WINDOW_SIZE - WINDOW_POOL - v->ops->reserve) >> PAGE_SHIFT) - (b->setting[SETTING_VM_APIC] ? VTX_APIC_PAGES : 0),
        .choice = { b->setting[SETTING_SHADOW_CACHE], b->setting[SETTING_SHADOW_TRACE], b->setting[SETTING_SHADOW_EAGER],
                    pool_of(v->vm), b->setting[SETTING_EPT_LARGE], b->setting[SETTING_EPT_POOL], b->setting[SETTING_AGILE_WRITES],
                    b->setting[SETTING_AGILE_PERIOD] * (b->clock->hz / 1000000) },
        .first = v->window.at >> PAGE_SHIFT, .frames = v->vm->frame + v->vm->frames - (v->window.at >> PAGE_SHIFT),
        .pdpte = v->virt_mmu.pdpte, .registers = registers, .invlpg = hw_invlpg, .flush = hw_flush, .self = v,
    };
    moving(v);
    if (!v->vmmu.env.choice.trace && !v->ops->hardware && !v->vmmu.ops->second)
        return err_set(e, EXIT_USAGE, "--set shadow.trace=0 with --cpu %s: a guest below ring 0 runs on descriptors derived from its own, and a "
                       "store to a page table may take those away; use --cpu vtx", v->ops->name);
    return v->vmmu.ops->attach(&v->vmmu, e);
}

void vmm_init(struct vmm *h, const struct vmm_board *board, unsigned vms, const struct vmm_turns *turns)
{
    uint64_t us = board->clock->hz / 1000000;
    h->board = *board;
    h->timer_at = TIMEQ_NEVER;
    h->vm = arena_alloc(board->arena, vms * sizeof *h->vm);
    h->room = vms;
    h->now = h->vm;
    h->schedule.ops = scheduler_find(turns->scheduler);
    h->schedule.slice = us * turns->slice_us;
    h->schedule.period = us * turns->period_us;
}

struct vm *vmm_add(struct vmm *h, const struct vm_plan *plan, struct err *e)
{
    struct vm *vm = &h->vm[h->vms];
    struct vcpu *v = &vm->vcpu;
    vm->vmm = h;
    vm->id = (uint8_t)h->vms;
    vm->share = (struct vm_share){ .weight = plan->weight ? plan->weight : SHARE_WEIGHT, .cap = plan->cap };
    vm->background = plan->background;
    if ((vm->later = plan->later)) vm->account.state = VM_OVER;
    vm->leaves = plan->leaves;
    v->ops = cpu_strategy_find(plan->cpu);
    vm->io = io_strategy_find(plan->io);
    v->window = (struct window){ h->board.bus, plan->window, vm->io->exclusive ? WINDOW_TSS_WIDE : WINDOW_TSS };
    if (v->ops->aware && h->board.setting[SETTING_VM_APIC]) {
        err_set(e, EXIT_USAGE, "--set vmm.apic=1 with --cpu %s: a paravirtual domain has event channels, and no interrupt controller", v->ops->name);
        return NULL;
    }
    window_build(&v->window);
    if (!vm_init(vm, plan, e)) return NULL;
    vcpu_init(v, h, vm);
    v->virt.ferr = coprocessor_ferr(&vm->devices.coprocessor);
    if (!attach_mmu(v, plan->mmu, e) || !v->ops->attach(v, e)) return NULL;
    h->vms++;
    return vm;
}

struct bus *vm_memory(struct vm *vm) { return vm->vcpu.ops->aware ? &vm->pseudo : &vm->bus; }
