/* See vcpu.h. */
#include "sim/vmm/vcpu.h"

#include <stddef.h>
#include <string.h>

#include "sim/cpu/cpuid.h"
#include "sim/cpu/monitor.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/gates.h"
#include "sim/vmm/vm.h"

/* The guest executed INVLPG: its own (virtual) TLB forgets, and so must the tables that stand in for it. */
static void invlpg(void *mmu, gva_t at)
{
    struct vcpu *v = (struct vcpu *)(void *)((char *)mmu - offsetof(struct vcpu, virt_mmu));
    mmu_invlpg(mmu, at);
    v->vmmu.cause = v->cause;
    v->vmmu.ops->invlpg(&v->vmmu, at);
    descriptor_recheck(v); /* the page may be one of the descriptor tables' */
    if (v->ops->remapped) v->ops->remapped(v);
}

/* IA32_APIC_BASE was written: where the virtual APIC is. */
static void apic_base(void *devices, uint32_t value)
{
    struct devices *d = devices;
    lapic_place(&d->lapic, value & PAGE_MASK, value & APIC_BASE_ENABLE);
}

void vcpu_init(struct vcpu *v, struct vmm *h, struct vm *vm)
{
    v->vmm = h;
    v->vm = vm;
    v->virt_clock.hz = h->board.clock->hz;
    v->model = *h->board.model;
    v->model.vmx = v->model.walk_cache = v->model.nested_tlb = 0;
    v->model.extras &= ~(uint32_t)EXTRA_AGILE; /* a hypervisor's */
    if (monitor_there(h->board.cpu)) v->model.extras |= EXTRA_MONITOR;
    if (v->ops->aware) v->model.without |= FEATURE_PAE; /* until a domain's kernel has said that it wants it */
    struct cpu_env env = { .bus = &vm->bus, .mmu = &v->virt_mmu, .translate = mmu_translate, .fill = mmu_fill, .flush = mmu_flush,
                           .invlpg = invlpg, .paging = mmu_paging, .pdptes = mmu_pdptes, .irq = &vm->devices, .acknowledge = devices_ack,
                           .apic_base = vm->devices.apics ? apic_base : NULL };
    mmu_init(&v->virt_mmu, &vm->bus, &v->virt.dtlb, &v->virt.itlb, &v->virt_clock, &v->model);
    v->virt_mmu.direct = false;
    cpu_init(&v->virt, &env, &v->virt_clock, &v->model, NULL, NULL);
    vm->bus.log = &v->stores;
}

bool vcpu_two_dimensions(const struct vcpu *v) { return !v->ops->hardware && v->vmmu.ops->second; }

uint32_t vcpu_virtual_flags(const struct vcpu *v, uint32_t real)
{
    const uint32_t mine = FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM;
    return (real & ~mine) | (v->virt.eflags & mine);
}

uint32_t vcpu_tables(struct vcpu *v, bool *flush)
{
    const struct cpu *c = &v->virt;
    uint32_t cr0 = c->cr0, cr4 = c->cr4;
    if (v->ops->hardware) cr0 &= VCPU_PAGING_CR0, cr4 &= VCPU_PAGING_CR4;
    return v->vmmu.ops->paging(&v->vmmu, cr0, c->cr3, cr4, flush).v;
}

bool vcpu_pending(const struct vcpu *v) { return v->virt.intr; }

bool vcpu_in_chip(const struct vcpu *v)
{
    const struct cpu *c = &v->virt;
    uint32_t size = v->vm->bus.firmware.size;
    uint32_t at = c->seg[SEG_CS].base + c->eip;
    return size && !(c->cr0 & CR0_PG) && at && 0u - at <= size; /* address 0 is behind the chip, not in it */
}

bool vcpu_interruptible(const struct vcpu *v) { return (v->virt.eflags & FLAG_IF) && v->virt.insns != v->virt.inhibit; }

struct mmu vcpu_guest_mmu(const struct vcpu *v)
{
    const struct cpu *real = v->vmm->board.cpu;
    struct mmu m = v->virt_mmu;
    bool runs = real->vmx.nonroot && v->vm == v->vmm->now;
    bool own = (real->vmx.proc2 & (VMX_PROC2_EPT | VMX_PROC2_AGILE)) == VMX_PROC2_EPT; /* else CR3 is shadows' */
    if (runs && own && (v->virt.cr0 & CR0_PG)) {
        m.cr0 = real->cr0, m.cr3 = real->cr3, m.cr4 = real->cr4;
        mmu_pdptes_now(v->vmm->board.mmu, m.pdpte);
    } else if (!runs && v->ops->show) {
        struct cpu shown = v->virt;
        v->ops->show(v, &shown);
        m.cr0 = shown.cr0, m.cr3 = shown.cr3, m.cr4 = shown.cr4;
        if (v->ops->show_pdptes) v->ops->show_pdptes(v, m.pdpte);
    }
    return m;
}

unsigned vcpu_peek(const struct vcpu *v, gva_t at, unsigned access, void *to, unsigned n)
{
    unsigned done = 0;
    while (done < n) {
        struct xlat x;
        struct fault f;
        unsigned piece = PAGE_SIZE - ((at.v + done) & (PAGE_SIZE - 1));
        if (piece > n - done) piece = n - done;
        const uint8_t *host = mmu_see(&v->virt_mmu, gva(at.v + done), access);
        if (host) {
            memcpy((uint8_t *)to + done, host, piece);
            done += piece;
            continue;
        }
        if (!mmu_probe(&v->virt_mmu, gva(at.v + done), access, &x, &f)) break;
        if (!bus_peek(&v->vm->bus, x.at, (uint8_t *)to + done, piece)) break;
        done += piece;
    }
    return done;
}

static uint8_t real_ring(uint8_t virtual_) { return virtual_ == 0 ? 1 : virtual_; }

static struct window_frame *frame_read(struct vcpu *v, struct window_frame *f)
{
    const struct vmm_board *b = &v->vmm->board;
    bus_peek(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), f, sizeof *f);
    bus_refer(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), sizeof *f, false);
    clock_charge(b->clock, CAUSE_DISPATCH, (sizeof *f / 4) * (uint64_t)b->model->cost[COST_MEM_REF]);
    return f;
}

void vcpu_enter_frame(struct vcpu *v, struct window_frame *f)
{
    frame_read(v, f);
    struct cpu *c = &v->virt;
    v->virt_clock.now = v->vmm->board.clock->now;
    c->reg[EAX] = f->eax, c->reg[ECX] = f->ecx, c->reg[EDX] = f->edx, c->reg[EBX] = f->ebx;
    c->reg[ESP] = f->esp, c->reg[EBP] = f->ebp, c->reg[ESI] = f->esi, c->reg[EDI] = f->edi;
    c->eip = f->eip;
    cpu_set_flags(c, vcpu_virtual_flags(v, f->eflags));
    mmu_flush(&v->virt_mmu, true);
    v->stores.n = 0;
}

void vcpu_registers_in(struct vcpu *v, struct window_frame *f)
{
    vcpu_enter_frame(v, f);
    /* Instructions ran since we last looked, so an interrupt shadow that emulation set is over. Not if EIP is where it was: then
     * this exit came before the first of them. (A jump to itself looks the same; settle interprets it, which ends the shadow.) */
    if (f->eip == v->left_eip) return;
    v->virt.insns++;
    cpu_set_flags(&v->virt, vcpu_virtual_flags(v, f->eflags)); /* RF is for the instruction that comes now */
}

void vcpu_enter(struct vcpu *v, struct window_frame *f)
{
    const struct cpu *real = v->vmm->board.cpu;
    struct cpu *c = &v->virt;
    vcpu_registers_in(v, f);
    uint16_t sel[SEG_COUNT];
    for (unsigned i = 0; i < SEG_COUNT; i++) sel[i] = real->seg[i].sel;
    sel[SEG_CS] = (uint16_t)f->cs;
    sel[SEG_SS] = (uint16_t)f->ss;
    segments_copy(v, c, sel, (uint8_t)(f->cs & 3));
    memcpy(v->entered_seg, c->seg, sizeof c->seg);
}

void vcpu_tell_exit(struct vcpu *v, const struct vmexit *x)
{
    const struct vmm_board *b = &v->vmm->board;
    struct event e = { .kind = EV_EXIT, .cause = b->cpu->cause, .eip = v->virt.eip };
    e.u.EXIT.reason = x->reason;
    e.u.EXIT.vector = x->vector;
    e.u.EXIT.code = x->code;
    e.u.EXIT.addr = x->addr;
    v->cause = trace_emit(b->trace, &e);
    v->vm->exits++;
    trace_episode(b->trace, v->cause);
}

bool vcpu_segment_reversible(struct vcpu *v, enum seg i) { return segments_as_in_memory(v, i); }

bool vcpu_reversible(struct vcpu *v)
{
    struct cpu *c = &v->virt;
    if (!(c->cr0 & CR0_PE) || (c->eflags & FLAG_VM)) return false;
    if (c->cpl == 1) return false; /* the real ring 1 is the guest's ring 0 */
    if (c->eip > c->seg[SEG_CS].limit) return false; /* the next fetch faults; IRET would, too, but in ring 0 */
    struct descriptor cs;
    return segments_runnable(v) && descriptor_guest(v, c->seg[SEG_CS].sel, &cs) && c->eip <= descriptor_shadow_limit(cs); /* likewise */
}

/* IRET loads CS and SS. What was lent to the last one is taken back once the guest runs elsewhere. */
static void ready_for_iret(struct vcpu *v, uint16_t cs)
{
    if (v->lent_cs != cs) descriptor_rest(v, v->lent_cs);
    v->lent_cs = cs;
    descriptor_ready(v, cs);
    descriptor_ready(v, v->virt.seg[SEG_SS].sel);
}

static void frame_write(struct vcpu *v, uint8_t ring, uint16_t cs, uint32_t eip)
{
    const struct vmm_board *b = &v->vmm->board;
    const struct cpu *c = &v->virt;
    const uint32_t mine = FLAG_IF | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_VM;
    struct window_frame f = {
        .eax = c->reg[EAX], .ecx = c->reg[ECX], .edx = c->reg[EDX], .ebx = c->reg[EBX], .ebp = c->reg[EBP],
        .esi = c->reg[ESI], .edi = c->reg[EDI], .eip = eip, .cs = (cs & ~3u) | ring,
        .eflags = (cpu_flags(c) & ~mine) | FLAG_IF, /* real interrupts are always ours to take */
        .esp = c->reg[ESP], .ss = (c->seg[SEG_SS].sel & ~3u) | ring,
    };
    bus_poke(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), &f, sizeof f);
    bus_refer(b->bus, window_hpa(&v->window, WINDOW_FRAME_AT), sizeof f, true);
    clock_charge(b->clock, CAUSE_DISPATCH, (sizeof f / 4) * (uint64_t)b->model->cost[COST_MEM_REF]);
}

/* IRET to a 16-bit stack loads SP alone, and the upper half of the inner ESP stays visible (SDM 3A 5.8.6, a leak of the real
 * machine). So the inner ESP is given the upper half the guest had, and a stack segment whose base makes up for it. */
static uint32_t inner_esp(struct vcpu *v)
{
    const struct vmm_board *b = &v->vmm->board;
    uint32_t esp = (v->virt.reg[ESP] & 0xFFFF0000u) | WINDOW_FRAME_AT, d[2];
    if (v->virt.seg[SEG_SS].ar & AR_DB) return WINDOW_BASE + WINDOW_FRAME_AT;
    window_stack_high(&v->window, esp, WINDOW_FRAME_AT);
    bus_peek(b->bus, window_hpa(&v->window, WINDOW_GDT + WINDOW_SS_HIGH), d, sizeof d);
    cpu_seg_set(&b->cpu->seg[SEG_SS], WINDOW_SS_HIGH, d[0], d[1]);
    clock_charge(b->clock, CAUSE_DISPATCH, b->model->cost[COST_TABLE_SYNC] + b->model->cost[COST_MOV_SEG]);
    return esp;
}

void vcpu_leave(struct vcpu *v)
{
    uint8_t ring = real_ring(v->virt.cpl);
    descriptor_user_code(v, ring == 3);
    vcpu_leave_as(v, ring, v->virt.seg[SEG_CS].sel, v->virt.eip, 1u << SEG_ES | 1u << SEG_DS | 1u << SEG_FS | 1u << SEG_GS);
}

void vcpu_leave_as(struct vcpu *v, uint8_t ring, uint16_t cs, uint32_t eip, unsigned data)
{
    gates_follow(v);
    ready_for_iret(v, cs);
    if (segments_load(v, ring, data)) ready_for_iret(v, cs); /* a data segment register with the same selector has put its slot to rest */
    vcpu_registers_out(v, ring, cs, eip);
}

void vcpu_ports(struct vcpu *v, uint16_t first, unsigned count, bool open)
{
    window_ports(&v->window, first, count, open);
    v->map_open = true;
}

/* Ring 3 is the guest's user code, which asks the guest's kernel for ports, by its TSS. */
static void show_map(struct vcpu *v, bool shown)
{
    if (!v->map_open || v->map_shown == shown) return;
    v->map_shown = shown;
    window_map(&v->window, shown);
    clock_charge(v->vmm->board.clock, CAUSE_DISPATCH, v->vmm->board.model->cost[COST_MEM_REF]);
}

/* What a single step is (BTF) counts only under TF, which the hypervisor runs without. */
static void lend_debugctl(struct vcpu *v)
{
    const struct vmm_board *b = &v->vmm->board;
    if (b->cpu->msr[MSR_DEBUGCTL] == v->virt.msr[MSR_DEBUGCTL]) return;
    b->cpu->msr[MSR_DEBUGCTL] = v->virt.msr[MSR_DEBUGCTL];
    clock_charge(b->clock, CAUSE_DISPATCH, b->model->cost[COST_SYSTEM]);
}

void vcpu_registers_out(struct vcpu *v, uint8_t ring, uint16_t cs, uint32_t eip)
{
    const struct vmm_board *b = &v->vmm->board;
    lend_debugctl(v);
    show_map(v, ring == 1);
    frame_write(v, ring, cs, eip);
    b->cpu->reg[ESP] = inner_esp(v);
    b->cpu->eip = WINDOW_BASE + WINDOW_LEAVE;
    v->left_eip = eip;
    struct event e = { .kind = EV_RESUME, .cause = v->cause, .eip = v->virt.eip };
    e.u.RESUME.to = ring;
    e.u.RESUME.target = v->virt.eip;
    e.u.RESUME.cost = (uint32_t)(b->clock->now - v->entered);
    b->cpu->cause = trace_emit(b->trace, &e);
    trace_episode(b->trace, 0);
}
