/* See hosted.h. */
#include "sim/vmm/hosted.h"

#include "sim/cpu/cpu.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

static const char *const why_names[HOSTED_WHYS] = { "", "port", "halt", "interrupt", "again", "over" };
void hosted_names(void) { trace_names("host", why_names, HOSTED_WHYS); }

static const struct window *window_of(const struct vm *vm) { return &vm->vcpu.window; }

/* ---- what the module leaves for the crossing */

static void put(struct vm *vm, uint32_t offset, uint32_t value) { bus_poke(vm->vmm->board.bus, window_hpa(window_of(vm), offset), &value, 4); }

static uint32_t get(struct vm *vm, uint32_t offset)
{
    uint32_t value;
    bus_peek(vm->vmm->board.bus, window_hpa(window_of(vm), offset), &value, 4);
    return value;
}

static void table(struct vm *vm, uint32_t offset, struct table_reg r)
{
    put(vm, offset, r.limit);
    bus_poke(vm->vmm->board.bus, window_hpa(window_of(vm), offset + 2), &r.base, 4);
}

/* Whose cycles are those of real code in ring 0 to 3? */
static void accounts(struct vmm *h, bool outside)
{
    struct cpu *c = h->board.cpu;
    for (unsigned ring = 0; ring < 4; ring++) c->account[ring] = outside ? CAUSE_HOST : ring == 0 ? CAUSE_DISPATCH : ring == 3 ? CAUSE_USER : CAUSE_KERNEL;
    c->meter.cause = outside || h->now->vcpu.ops->hardware ? CAUSE_SWITCH : CAUSE_TRANSLATED;
    cpu_set_cpl(c, c->cpl);
    if (!outside) clock_owner(h->board.clock, h->now->id);
    schedule_pays(h, outside ? NULL : h->now);
}

/* VMX operation is for all: nobody may switch its bit off while another VM has it on. SDM 3C 23.8 */
static bool has_vmx(const struct vmm *h)
{
    bool any = false;
    for (unsigned n = 0; n < h->vms; n++) any |= h->vm[n].vcpu.ops->hardware;
    return any;
}

static void prepare(struct vm *vm)
{
    struct vmm *h = vm->vmm;
    struct vcpu *v = &vm->vcpu;
    bool flush, hardware = v->ops->hardware;
    uint32_t cr4 = CR4_PSE | CR4_PGE | (has_vmx(h) ? CR4_VMXE : 0u);
    struct hosted_place place = { window_of(vm)->at, vm->frame << PAGE_SHIFT, vm->frames << PAGE_SHIFT, cr4 & ~(uint32_t)CR4_PGE };
    if (!hardware) v->root = v->vmmu.ops->paging(&v->vmmu, v->virt.cr0, v->virt.cr3, v->virt.cr4, &flush).v;
    hosted_take_ports(vm);
    put(vm, WINDOW_CROSS_TO, VCPU_REAL_CR0);
    put(vm, WINDOW_CROSS_TO + 4, hardware ? window_hpa(window_of(vm), VTX_DIRECTORY).v : v->root);
    put(vm, WINDOW_CROSS_TO + 8, cr4);
    table(vm, WINDOW_CROSS_TO + 12, (struct table_reg){ WINDOW_BASE + WINDOW_GDT, 0xFFFF });
    table(vm, WINDOW_CROSS_TO + 20, (struct table_reg){ WINDOW_BASE + WINDOW_IDT, 256 * 8 - 1 });
    put(vm, WINDOW_CROSS_TO + 28, WINDOW_BASE + WINDOW_FRAME_AT);
    bus_poke(h->board.bus, window_hpa(window_of(h->vm), WINDOW_PLACES + vm->id * (uint32_t)sizeof place), &place, sizeof place);
}

void hosted_start(struct vmm *h)
{
    struct cpu *c = h->board.cpu;
    h->hosted.outside = true;
    for (unsigned n = 0; n < h->vms; n++) prepare(&h->vm[n]);
    cpu_apic_base(c, c->apic_base & ~(uint32_t)APIC_BASE_ENABLE); /* the module wants none, and finds it off */
    accounts(h, true);
}

/* ---- the record */

static void tell(struct vm *vm, bool to_host, const struct hosted_record *r)
{
    uint32_t id = TRACE(vm->vmm->board.trace, HOST, vm->vcpu.cause, .to_host = to_host, .why = (uint8_t)r->reason, .port = (uint16_t)r->port, .wait = r->wait);
    if (to_host) vm->vcpu.cause = id;
}

static void part(struct vm *vm, uint32_t offset, void *bytes, uint32_t n, bool write)
{
    const struct vmm_board *b = &vm->vmm->board;
    hpa_t at = window_hpa(window_of(vm), WINDOW_RECORD + offset);
    if (!n) return;
    if (write) bus_poke(b->bus, at, bytes, n);
    else bus_peek(b->bus, at, bytes, n);
    bus_refer(b->bus, at, n, write);
    clock_charge(b->clock, CAUSE_SWITCH, (n + 3) / 4 * (uint64_t)b->model->cost[COST_MEM_REF]);
}

/* With the data of a string instruction. */
static void record(struct vm *vm, struct hosted_record *r, bool write)
{
    enum { DATA = sizeof *r + HOSTED_STORES * sizeof(struct hosted_store) };
    struct hosted_vm *t = &vm->hosted;
    part(vm, 0, r, sizeof *r, write);
    if (t->access.string && (write ? r->count && !r->in : t->access.open)) part(vm, DATA, t->data, t->count * t->access.size, write);
}

/* The process's devices stored into the guest's memory, perhaps into a table that is shadowed. */
static void publish(struct vm *vm, const struct hosted_record *r)
{
    struct hosted_store store[HOSTED_STORES];
    uint32_t rows = r->stores < HOSTED_STORES ? r->stores : HOSTED_STORES, most = vm->frames << PAGE_SHIFT;
    part(vm, sizeof *r, store, rows * (uint32_t)sizeof *store, false);
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t at = store[i].at, left = store[i].size, n; left && at < most; at += n, left -= n) {
            n = PAGE_SIZE - (at & (PAGE_SIZE - 1));
            if (n > left) n = left;
            emulate_stored(&vm->vcpu, at, n);
        }
}

/* Lines to the interrupt controllers follow the process's devices. */
static void follow_lines(struct vm *vm, uint32_t lines)
{
    for (unsigned irq = 0; irq < 16; irq++) {
        if (!((lines ^ vm->hosted.lines) >> irq & 1)) continue;
        struct irq_line line = devices_irq(&vm->devices, irq);
        irq_set(&line, lines >> irq & 1);
        vm->hosted.disk_interrupts += (lines >> irq & 1) && irq >= IRQ_IDE;
    }
    vm->hosted.lines = lines;
}

/* ---- there and back */

/* Every window has its own page tables' address for the crossing to load: which one was it? */
struct vm *hosted_crossed(struct vmm *h)
{
    for (unsigned n = 0; n < h->vms; n++)
        if (get(&h->vm[n], WINDOW_CROSS_TO + 4) == h->board.cpu->cr3) return &h->vm[n];
    return h->now;
}

/* The registers that the crossing leaves alone, and a host's page fault does not. */
static void put_cr2(struct vm *vm)
{
    struct cpu *real = vm->vmm->board.cpu;
    if (real->cr2 == vm->hosted.cr2) return;
    real->cr2 = vm->hosted.cr2;
    clock_charge(vm->vmm->board.clock, CAUSE_SWITCH, vm->vmm->board.model->cost[COST_SYSTEM]);
}

/* What passed until now was for the VM that ran last: of the host, too, until another one's process calls. */
static uint64_t mine(struct vmm *h)
{
    uint64_t now = h->board.clock->now;
    h->now->hosted.mine += now - h->hosted.mark;
    h->hosted.mark = now;
    return h->now->hosted.mine;
}

/* Another VM is to have the processor for the first time. */
void hosted_away(struct vmm *h)
{
    if (!h->now->hosted.begun) return;
    (void)mine(h);
    put_cr2(h->now);
    h->now->vcpu.ops->away(&h->now->vcpu);
}

/* Over, because the guest said so at a port of the process's. */
static void stopped(struct vm *vm, uint32_t status)
{
    if (vm->exited) return;
    vm->exited = true;
    vm->exit_code = status;
}

void hosted_enter(struct vmm *h, struct vm *vm)
{
    struct hosted_vm *t = &vm->hosted;
    struct vcpu *v = &vm->vcpu;
    struct hosted_record r;
    h->hosted.outside = false;
    if (h->now->hosted.begun) put_cr2(h->now);
    if (!t->begun) h->hosted.mark = h->board.clock->now;
    else (void)mine(h);
    if (vm != h->now) world_switch(h, vm, SWITCH_TURN);
    else if (t->begun && !v->ops->hardware) v->ops->back(v);
    accounts(h, false);
    record(vm, &r, false);
    r.reason = t->told;
    if (t->begun) tell(vm, false, &r);
    t->begun = true;
    t->why = t->later;
    t->later = HOSTED_NONE;
    v->virt_clock.now = h->board.clock->now;
    mmu_flush(&v->virt_mmu, true);
    publish(vm, &r);
    if (r.over) stopped(vm, r.status);
    if (!t->why) hosted_answered(v, &r);
    follow_lines(vm, r.lines);
    if (t->why) return; /* not asked yet */
    if (vm->account.state == VM_OVER) return;
    if (vm->account.state == VM_ASLEEP) v->virt.insns++;
    if (vm->account.state != VM_RUNNING) vm->account.turns++;
    schedule_state(vm, VM_RUNNING);
}

struct vm *hosted_next(struct vmm *h)
{
    struct vm *vm = h->now;
    bool runs = vm->account.state == VM_RUNNING;
    if (!vm->hosted.why && runs && !vm->hosted.owed) return vm;
    if (!vm->hosted.why && !runs) vm->hosted.why = vm->account.state == VM_OVER ? HOSTED_OVER : HOSTED_HALT;
    return NULL;
}

void hosted_interrupt(struct vmm *h, uint8_t vector)
{
    h->now->hosted.why = HOSTED_INTERRUPT;
    h->now->hosted.vector = vector;
}

void hosted_again(struct vm *vm)
{
    if (!vm->hosted.why) vm->hosted.why = HOSTED_AGAIN;
}

static uint32_t next_timer(const struct vm *vm)
{
    enum { LONG = 100000 }; /* us */
    const struct clock *c = vm->vmm->board.clock;
    uint64_t at = timeq_next(&vm->timers), now = c->now, us = c->hz / 1000000;
    if (at == TIMEQ_NEVER || at > now + LONG * us) return LONG;
    return at > now ? (uint32_t)((at - now) / us) : 0;
}

/* What a technique below ring 0 has in the processor. Nobody watches the host's instructions. */
static void away(struct vm *vm)
{
    struct vcpu *v = &vm->vcpu;
    v->ops->away(v);
    vcpu_watched(v, false);
    put(vm, WINDOW_CROSS_TO + 4, v->root);
}

void hosted_leave(struct vmm *h)
{
    struct vm *vm = h->now;
    struct hosted_vm *t = &vm->hosted;
    const uint8_t why = t->owed ? HOSTED_INTERRUPT : t->why;
    struct hosted_record r = { .reason = why, .lines = t->lines };
    bool waits = why == HOSTED_HALT || why == HOSTED_OVER;
    if (why == HOSTED_PORT) hosted_tells(t, &r);
    if (why == HOSTED_HALT) r.wait = next_timer(vm);
    if (why == HOSTED_INTERRUPT) r.vector = t->owed ? t->owed : t->vector;
    t->told = why;
    t->later = t->owed ? t->why : HOSTED_NONE;
    t->owed = 0;
    t->class = why == HOSTED_INTERRUPT || why == HOSTED_AGAIN ? HOSTED_KERNEL : HOSTED_PROCESS;
    t->counts &= !waits;
    h->hosted.waits += why == HOSTED_HALT;
    record(vm, &r, true);
    tell(vm, true, &r);
    if (waits) trace_episode(h->board.trace, 0);
    t->cr2 = h->board.cpu->cr2;
    if (!vm->vcpu.ops->hardware) away(vm);
    if (vm->account.state == VM_RUNNING) schedule_state(vm, VM_READY);
    h->hosted.outside = true;
    (void)mine(h);
    h->board.cpu->eip = get(vm, WINDOW_CROSS_BACK);
    accounts(h, true);
}

/* ---- accounts */

void hosted_exit(struct vmm *h)
{
    struct hosted_vm *t = &h->now->hosted;
    t->since = mine(h);
    t->class = HOSTED_MODULE;
    t->counts = true;
}

void hosted_resume(struct vmm *h)
{
    struct hosted_vm *t = &h->now->hosted;
    if (!t->counts) return;
    uint64_t passed = mine(h) - t->since;
    t->counts = false;
    h->hosted.exits[t->class]++;
    h->hosted.cycles[t->class] += passed;
    h->now->vcpu.entered = h->board.clock->now - passed; /* the whole way is what RESUME says that it cost */
}

bool hosted_weigh(uint32_t offset, struct cpu_weight *w)
{
    if (offset - WINDOW_CROSS >= PAGE_SIZE) return false;
    *w = (struct cpu_weight){ .overhead = true };
    return true;
}
