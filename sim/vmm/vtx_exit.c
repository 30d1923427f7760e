/* What is done about each exit of a guest in non-root operation, and about the event whose delivery it interrupted. See vtx.h; vtx.c has the idea. */
#include "sim/cpu/debug.h"
#include "sim/cpu/gate.h"
#include "sim/cpu/vmcs.h"
#include "sim/trace/vector.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/host.h"
#include "sim/vmm/policy.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

static const struct vmm_board *board(const struct vcpu *v) { return &v->vmm->board; }

static uint8_t reason_of(const struct vtx *t)
{
    switch (t->reason & 0xFFFF) {
    case VMX_EXCEPTION: return EXIT_REASON_EXCEPTION;
    case VMX_INTERRUPT: case VMX_TIMER: return EXIT_REASON_INTERRUPT;
    case VMX_WINDOW: case VMX_TPR_LOW: return EXIT_REASON_WINDOW;
    case VMX_TASK: return EXIT_REASON_TASK;
    case VMX_CR: return EXIT_REASON_CR;
    case VMX_EPT_VIOLATION: case VMX_EPT_MISCONFIGURED: return EXIT_REASON_SECOND;
    case VMX_IO: return EXIT_REASON_PORT;
    default: return EXIT_REASON_PRIVILEGED;
    }
}

static void read_vectoring(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    t->vectoring_code = t->vectoring & VMX_EVENT_CODE ? vtx_read(v, VMX_FIELD_VECTORING_CODE) : 0;
    t->length = vmx_event_type(t->vectoring) >= VMX_EVENT_SOFT_INT ? vtx_read(v, VMX_FIELD_LENGTH) : 0;
}

/* Has the frame of the event whose delivery was interrupted RF set? A fault's has; a #DB that the guest's hardware raised is none, for
 * DR7.GD, which makes one, is only met by MOV DR, and that leaves. */
static bool again_with_rf(const struct vtx *t)
{
    uint8_t vector = (uint8_t)t->vectoring;
    bool fault = vmx_event_type(t->vectoring) == VMX_EVENT_EXCEPTION && vector != VEC_DF && vector != VEC_DB;
    return t->vectoring == t->last ? t->last_rf : fault;
}

/* The virtual CPU delivers what hardware could not: a frame goes to a traced page or to none, the gate is a task's, or no VM entry
 * takes the error code. */
static void deliver_by_hand(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    vtx_need_system(v);
    if (again_with_rf(t)) cpu_set_flags(&v->virt, cpu_flags(&v->virt) | FLAG_RF);
    emulate_event(v, t->vectoring, t->vectoring_code, t->length);
}

/* The guest's own fault in the middle of a delivery: as hardware does, a double fault or the second alone; the first comes again
 * by itself if it was a fault, and is lost if it was an interrupt. */
static void reflect(struct vcpu *v, struct fault f)
{
    struct vtx *t = v->vtx;
    bool exception = t->vectoring && vmx_event_type(t->vectoring) == VMX_EVENT_EXCEPTION;
    uint8_t first = (uint8_t)t->vectoring;
    if (exception && first == VEC_DF) {
        vm_shutdown(v, f, v->virt.eip);
        return;
    }
    if (exception && gate_doubles(first, f.vector)) {
        v->virt.cr2 = f.vector == VEC_PF ? f.addr : v->virt.cr2;
        f = (struct fault){ .vector = VEC_DF, .has_code = true };
    }
    emulate_fault(v, f);
}

/* The event whose delivery was interrupted: no new one, so only the VM entry tells of it. */
static void queue_again(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    t->rf = again_with_rf(t);
    vtx_queue(v, t->vectoring, t->vectoring_code, t->length);
}

static void software(const struct vcpu *v, enum cost cost)
{
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[cost]);
}

/* Entries that were filled because the guest made them present. */
static uint64_t mapped(const struct vcpu *v)
{
    struct vmmu_stats stats = { 0 };
    v->vmmu.ops->stats(&v->vmmu, &stats);
    return stats.eager;
}

static void traced_store(struct vcpu *v)
{
    uint64_t before = mapped(v);
    vtx_need_operand(v);
    software(v, COST_VTX_FAULT);
    emulate_one(v);
    if (mapped(v) != before) software(v, COST_VTX_MAP);
}

static void memory(struct vcpu *v, enum mmu_answer answer, struct fault f)
{
    struct vtx *t = v->vtx;
    switch (answer) {
    case MMU_RETRY:
        if (t->vectoring && !vmx_code_fits(t->vectoring_code)) deliver_by_hand(v);
        else if (t->vectoring) queue_again(v);
        break;
    case MMU_REFLECT: reflect(v, f); break;
    case MMU_TRACED: case MMU_NO_RAM:
        if (t->vectoring) {
            deliver_by_hand(v);
            break;
        }
        traced_store(v);
        break;
    case MMU_FULL: vm_die(v, DEATH_MEMORY); break;
    }
}

static void page_fault(struct vcpu *v, const struct vmexit *x)
{
    struct fault f = { 0 };
    if (v->vtx->vectoring) read_vectoring(v);
    v->vmmu.cause = v->cause;
    enum mmu_answer answer;
    if (!policy_takes_fault(v, x, &answer, &f)) answer = v->vmmu.ops->fault(&v->vmmu, gva(x->addr), x->code, v->virt.cpl != 3, &f);
    if (v->vm->dead) return;
    if (answer == MMU_RETRY || answer == MMU_REFLECT) software(v, COST_VTX_FAULT);
    memory(v, answer, f);
}

/* The hardware has walked the guest's tables and says which page it wants: nothing to judge, COST_VTX_FAULT is not for it. What was
 * being delivered may be a page fault, which has loaded CR2. With agile paging shadows may have refused: that is to be judged. */
static void violation(struct vcpu *v, const struct vmexit *x)
{
    const struct vtx *t = v->vtx;
    if (t->vectoring) v->virt.cr2 = board(v)->cpu->cr2;
    if (t->qualification & SECOND_SHADOW) {
        page_fault(v, x);
        return;
    }
    if (t->vectoring) read_vectoring(v);
    uint32_t high = vtx_read(v, (enum vmcs_encoding)(VMX_FIELD_GUEST_PHYSICAL + 1)), low = vtx_read(v, VMX_FIELD_GUEST_PHYSICAL);
    struct fault f = { .second = SECOND_VIOLATION, .code = t->qualification, .physical = (uint64_t)high << 32 | low, .addr = x->addr };
    v->vmmu.cause = v->cause;
    memory(v, v->vmmu.ops->violation(&v->vmmu, &f), f);
}

/* Single-stepping and breakpoints on ports see every instruction: the emulator knows how. */
static bool is_watched(const struct vcpu *v) { return (v->virt.eflags & FLAG_TF) || debug_ports(&v->virt); }

static void emulate_all(struct vcpu *v)
{
    vtx_need_system(v);
    emulate_one(v);
}

/*   31-16 port | 5 repeated | 4 string | 3 in | 2-0 size - 1 */
static void port(struct vcpu *v, uint32_t q)
{
    software(v, COST_VTX_PORT);
    uint16_t at = (uint16_t)(q >> 16);
    unsigned size = (q & 7) + 1;
    bool in = q >> 3 & 1;
    if (is_watched(v)) emulate_all(v);
    else if (q >> 4 & 1) {
        if (!hosted_asks_string(v, at, size, in, q >> 5 & 1)) emulate_all(v);
    } else {
        uint32_t length = vtx_read(v, VMX_FIELD_LENGTH);
        if (!hosted_asks(v, at, size, in, length)) emulate_port(v, at, size, in, length);
    }
}

/*   11-8 register | 5-4 to, from, CLTS, LMSW | 3-0 number */
static void control(struct vcpu *v, uint32_t q)
{
    bool cr3 = (q & 15) == 3;
    if (!cr3 || is_watched(v)) emulate_all(v);
    else emulate_cr3(v, q >> 8 & 7, !(q >> 4 & 1), vtx_read(v, VMX_FIELD_LENGTH));
}

static void instruction(struct vcpu *v, const struct vtx *t)
{
    switch (t->reason) {
    case VMX_IO: port(v, t->qualification); break;
    case VMX_HLT:
        if (is_watched(v)) emulate_all(v);
        else emulate_halt(v, vtx_read(v, VMX_FIELD_LENGTH));
        break;
    case VMX_CPUID:
        if (is_watched(v)) emulate_all(v);
        else emulate_cpuid(v, vtx_read(v, VMX_FIELD_LENGTH));
        break;
    case VMX_INVLPG:
        if (is_watched(v)) emulate_all(v);
        else emulate_invlpg(v, gva(t->qualification), vtx_read(v, VMX_FIELD_LENGTH));
        break;
    case VMX_CR: control(v, t->qualification); break;
    case VMX_VMCALL: case VMX_VMCLEAR: case VMX_VMLAUNCH: case VMX_VMPTRLD: case VMX_VMPTRST: case VMX_VMREAD:
    case VMX_VMRESUME: case VMX_VMWRITE: case VMX_VMXOFF: case VMX_VMXON: /* a VM has no VMX */
        emulate_fault(v, (struct fault){ .vector = VEC_UD });
        break;
    default: emulate_all(v); break;
    }
}

static void act(struct vcpu *v, const struct vmexit *x)
{
    const struct vtx *t = v->vtx;
    switch (t->reason) {
    case VMX_EXCEPTION:
        if (x->vector == VEC_PF) page_fault(v, x);
        else emulate_all(v); /* #MF: NE says what it is */
        break;
    case VMX_INTERRUPT: host_interrupt(v->vmm, x->vector); break;
    case VMX_WINDOW: case VMX_TPR_LOW: case VMX_TIMER: break; /* settle gives it what waits */
    case VMX_APIC_ACCESS:
        if (t->vectoring) read_vectoring(v);
        memory(v, MMU_NO_RAM, (struct fault){ 0 });
        break;
    case VMX_EPT_VIOLATION: violation(v, x); break;
    case VMX_EPT_MISCONFIGURED: vm_die(v, DEATH_WINDOW); break; /* our own tables */
    case VMX_TRIPLE_FAULT:
        vtx_need_system(v);
        vm_shutdown(v, emulate_last_words(v), v->virt.eip);
        break;
    case VMX_TASK:
        if (t->qualification >> 30 != 3) {
            emulate_all(v);
            break;
        }
        read_vectoring(v);
        deliver_by_hand(v);
        break;
    default: instruction(v, t); break;
    }
}

enum next vtx_handle(struct vcpu *v, const struct vmexit *in)
{
    struct vtx *t = v->vtx;
    struct vmexit x = *in;
    x.reason = reason_of(t);
    x.vector = VECTOR_NONE;
    if (t->reason & VMX_FAILED_ENTRY) { /* we wrote what entry does not take: our own fault */
        vm_die(v, DEATH_WINDOW);
        return NEXT_STOP;
    }
    if (t->reason == VMX_EXCEPTION || t->reason == VMX_INTERRUPT) {
        uint32_t event = vtx_read(v, VMX_FIELD_EVENT);
        x.vector = (uint8_t)event;
        x.code = event & VMX_EVENT_CODE ? vtx_read(v, VMX_FIELD_EVENT_CODE) : 0;
        if (t->reason == VMX_EXCEPTION && x.vector == VEC_PF) x.reason = EXIT_REASON_PAGE_FAULT;
    }
    x.addr = t->qualification;
    if (x.reason == EXIT_REASON_SECOND) x.addr = t->qualification & SECOND_LINEAR ? vtx_read(v, VMX_FIELD_LINEAR) : 0;
    if (x.reason == EXIT_REASON_SECOND && (t->qualification & SECOND_SHADOW)) {
        x.reason = EXIT_REASON_PAGE_FAULT;
        x.vector = VEC_PF;
        x.code = t->qualification >> SECOND_SHADOW_CODE & 15;
    }
    vcpu_tell_exit(v, &x);
    act(v, &x);
    return v->vm->dead || v->vm->exited ? NEXT_STOP : NEXT_RESUME;
}
