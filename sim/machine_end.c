/* How a run ends, and how each of several virtual machines does: in one word, and in a sentence. See machine.h. */
#include <stdio.h>
#include "sim/board.h"
#include "sim/trace/vector.h"
#include "sim/vmm/paravirt.h"

void machine_ends(struct machine *m, enum machine_fate fate, uint32_t code, const char *why)
{
    struct machine_end *x = &m->b->end;
    if (x->fate != FATE_RUNNING) return;
    for (unsigned n = 0; n < m->b->vmm.vms; n++) uart_drain(&m->b->vmm.vm[n].devices.uart);
    uart_drain(&m->b->devices.uart); /* the wires go on when the CPU has stopped */
    for (unsigned n = 0; n < m->b->card.lines; n++) uart_drain(&m->b->card.line[n]);
    x->fate = (uint8_t)fate;
    x->code = code;
    snprintf(x->why, sizeof x->why, "%s", why);
    TRACE(m->trace, STOP, m->b->die, .code = (uint8_t)machine_exit_code(m));
}

/* The first of the faults that led to a triple fault: those after it arose while delivering it. */
static const struct event *first_fault(const struct machine *m)
{
    const struct event *first = NULL;
    for (size_t i = trace_count(m->trace); i--; ) {
        const struct event *e = trace_at(m->trace, i);
        if (e->kind == EV_FAULT) first = e;
        else if (first) break;
    }
    return first;
}

/* A kernel compiled for a newer machine meets its first SSE or AVX instruction: what to do about it. */
static bool too_new(const struct machine *m, uint8_t vector, uint32_t eip)
{
    uint8_t b[3];
    if (vector != VEC_UD || !machine_peek_guest(m, gva(eip), b, sizeof b)) return false;
    unsigned at = b[0] == 0x66 || b[0] == 0xF2 || b[0] == 0xF3;
    bool avx = b[0] == 0xC4 || b[0] == 0xC5;
    return avx || (b[at] == 0x0F && b[at + 1] != 0x0B);
}

static void say(struct machine_end *x, enum machine_fate fate, uint32_t code, const char *why)
{
    *x = (struct machine_end){ .fate = (uint8_t)fate, .code = code };
    snprintf(x->why, sizeof x->why, "%s", why);
}

static void say_died(const struct machine *m, struct machine_end *x, const char *what, uint8_t vector, uint32_t eip, const char *advice)
{
    if (too_new(m, vector, eip)) advice = "For instructions this CPU has, build with -march=i686 -mno-sse.";
    char where[96], why[240];
    machine_symbol(m, eip, where, sizeof where);
    snprintf(why, sizeof why, "the guest died: %s; first cause %s at %08X (%s). %s", what, vector_name(vector), eip, where, advice);
    say(x, FATE_DIED, vector, why);
}

static void end_died(struct machine *m, const char *what, uint8_t vector, uint32_t eip, const char *advice)
{
    struct machine_end x;
    say_died(m, &x, what, vector, eip, advice);
    machine_ends(m, FATE_DIED, x.code, x.why);
}

static const char no_idt[] = "The guest has no IDT yet: load one before anything can fault.";
/* Only what the loader left, for real mode? */
static bool lacks_idt(uint32_t base, uint32_t limit) { return !base && limit < 256 * 4; }

void machine_ends_shutdown(struct machine *m)
{
    const struct event *f = first_fault(m);
    const struct table_reg *idt = &m->b->cpu.idtr;
    const char *advice = lacks_idt(idt->base, idt->limit) ? no_idt : "Check the IDT entry and the stack that handler would use.";
    if (f && !m->b->die)
        m->b->die = TRACE(m->trace, DIE, f->id, .why = DEATH_TRIPLE, .vector = f->u.FAULT.vector, .addr = f->eip);
    end_died(m, "triple fault", f ? f->u.FAULT.vector : VEC_DF, f ? f->eip : m->b->cpu.eip, advice);
}

static const char handled[] = "What did the handlers answer before that?"; /* a laboratory's, asked in the place of our own */

static const char *ported(const struct vm *vm)
{
    if (vm->why == DEATH_HANDLER && vm->first.vector != VEC_GP) return "Which hypercall registers one?";
    return vm->first.vector == VEC_GP ? "Is that one of ring 0's instructions, left in a ported kernel?" : "What did it ask the hypervisor for last?";
}

static const char reset_why[] = "the guest reset the machine, and there is no ROM at the reset vector to go on with",
                  off_why[] = "the guest turned the power off", good_why[] = "the guest ended well",
                  failed_why[] = "the guest reported failure", halted_why[] = "the guest halted with interrupts off",
                  gone_why[] = "the virtual machine was suspended, and is in the file now", never_why[] = "no domain was made of it",
                  moved_why[] = "the virtual machine runs on the other machine now";

void machine_ends_reset(struct machine *m) { machine_ends(m, FATE_RESET, 0, reset_why); }
void machine_ends_off(struct machine *m) { machine_ends(m, FATE_OFF, 0, off_why); }

/* How the VM that is looked at has ended. */
static void vm_end(const struct machine *m, struct machine_end *x)
{
    const struct vm *vm = machine_seen(m);
    struct machine_cpu guest;
    if (vm->later && !vm->vcpu.pv->lives) say(x, FATE_OFF, 0, never_why);
    else if (vm->gone) say(x, FATE_GONE, 0, vm->vmm->migrate.stage == MIGRATE_DONE ? moved_why : gone_why);
    else if (vm->off) say(x, FATE_OFF, 0, off_why);
    else if (vm->reset) say(x, FATE_RESET, 0, reset_why);
    else if (vm->exited) say(x, FATE_EXITED, vm->exit_code, vm->exit_code ? failed_why : good_why);
    else if (vm->dead && vm->why == DEATH_SERVICE) {
        struct text why = { 0 };
        text_add(&why, "the guest died: %s (%u times; what it said last says why)", death_about(vm->why), vm->vmm->vm[0].vcpu.pv->lives + 1);
        say(x, FATE_DIED, 0, text_str(&why));
        text_free(&why);
    } else if (vm->dead) {
        machine_guest(m, &guest);
        say_died(m, x, death_about(vm->why), vm->first.vector, vm->dead_eip,
                 vm->vmm->policy                                ? handled
                 : vm->vcpu.pv                                  ? ported(vm)
                 : lacks_idt(guest.idt_base, guest.idt_limit)   ? no_idt
                                                                : "Run it with --cpu native to see whether it is the guest's own fault.");
    } else say(x, FATE_HALTED, 0, halted_why);
}

/* Of several VMs: whoever ended since this was asked last. */
void machine_note_ends(struct machine *m)
{
    struct board *b = m->b;
    int seen = m->seen;
    if (m->guests == 1) return;
    for (unsigned n = 0; n < m->guests; n++) {
        bool over = b->vmm.vm[n].account.state == VM_OVER;
        if (b->vm_end[n].fate != FATE_RUNNING && !over && machine_is_split(m)) { /* it was created anew */
            b->vm_end[n] = (struct machine_end){ 0 };
            b->vms_over--;
        }
        if (b->vm_end[n].fate != FATE_RUNNING || !over) continue;
        m->seen = (int)n;
        vm_end(m, &b->vm_end[n]);
        b->vms_over++;
    }
    m->seen = seen;
}

/* How bad an end is, for the end of the whole. */
static unsigned badness(const struct machine_end *x)
{
    return x->fate == FATE_DIED ? 3 : x->fate == FATE_EXITED && x->code ? 2 : x->fate == FATE_LIMIT ? 1 : 0;
}

/* The worst end of a VM is the machine's; those in the background do not count. */
static void end_vms(struct machine *m)
{
    const struct machine_end *worst = NULL;
    unsigned good = 0, over = 0;
    char why[240];
    for (unsigned n = 0; n < m->guests; n++) {
        const struct machine_end *x = &m->b->vm_end[n];
        if (x->fate == FATE_RUNNING || m->b->vmm.vm[n].background) continue;
        over++;
        good += !badness(x);
        if (!worst || badness(x) > badness(worst)) worst = x;
    }
    if (good == over) snprintf(why, sizeof why, "%s%u virtual machine%s ended well", over == m->guests ? "all " : "", over, over == 1 ? "" : "s");
    else snprintf(why, sizeof why, "%u of %u virtual machines ended well; vm%u: %.180s", good, over, (unsigned)(worst - m->b->vm_end), worst->why);
    machine_ends(m, (enum machine_fate)worst->fate, worst->code, why); /* cppcheck-suppress nullPointer ; one is not in the background (config_check.c) */
}

void machine_ends_vmm(struct machine *m)
{
    struct machine_end x;
    if (m->guests > 1) {
        end_vms(m);
        return;
    }
    if (m->b->vmm.now->dead) m->b->die = trace_last(m->trace);
    vm_end(m, &x);
    machine_ends(m, (enum machine_fate)x.fate, x.code, x.why);
}

void machine_ends_host(struct machine *m)
{
    const struct vmm *h = &m->b->vmm;
    for (unsigned n = 0; n < h->vms; n++) {
        if (h->vm[n].account.state == VM_OVER) continue;
        char why[200];
        snprintf(why, sizeof why, "the guest died: vm%u's process on the host ended before its guest did, and with it the virtual machine; its disks are "
                 "as they were then", n);
        machine_ends(m, FATE_DIED, 0, why);
        return;
    }
    machine_ends_vmm(m);
}

void machine_ends_halted(struct machine *m)
{
    machine_ends(m, FATE_HALTED, 0, m->b->cpu.eflags & FLAG_IF ? "the guest halted and no device will ever interrupt it"
                                                      : "the guest halted with interrupts off");
}

void machine_ends_limit(struct machine *m, const char *option, uint64_t n)
{
    char where[96], why[240];
    struct machine_cpu guest; /* the hypervisor's own address would tell nobody anything */
    machine_guest(m, &guest);
    machine_symbol(m, guest.eip, where, sizeof where);
    snprintf(why, sizeof why, "limit reached: %s %llu; the guest was at %08X (%s). An endless loop, or a larger limit is needed",
             option, (unsigned long long)n, guest.eip, where);
    machine_ends(m, FATE_LIMIT, 0, why);
}

struct machine_end machine_end(const struct machine *m) { return m->b->end; }

static int exit_code(const struct machine_end *x)
{
    switch ((enum machine_fate)x->fate) {
    case FATE_EXITED: return x->code ? EXIT_FAILED : EXIT_GOOD;
    case FATE_DIED: return EXIT_GUEST_DIED;
    case FATE_LIMIT: return EXIT_LIMIT;
    default: return EXIT_GOOD;
    }
}

/* How it ended that came from another machine. */
static const struct machine_end *end_there(const struct machine *there)
{
    return there->guests > 1 ? &there->b->vm_end[there->cfg.arriving] : &there->b->end;
}

/* A limit is not as bad as what a VM came to before it. */
int machine_exit_code(const struct machine *m)
{
    const struct machine_end *worst = &m->b->end;
    const struct machine *there = machine_moved(m);
    for (unsigned n = 0; m->guests > 1 && n < m->guests; n++)
        if (!m->b->vmm.vm[n].background && badness(&m->b->vm_end[n]) > badness(worst)) worst = &m->b->vm_end[n];
    if (there && !m->b->vmm.vm[m->b->vmm.migrate.vm].background && badness(end_there(there)) > badness(worst)) worst = end_there(there);
    return exit_code(worst);
}

void machine_vm_end(const struct machine *m, unsigned vm, struct machine_end *x, int *code)
{
    const struct machine *there = machine_moved(m);
    *x = m->guests > 1 ? m->b->vm_end[vm] : m->b->end;
    if (there && vm == m->b->vmm.migrate.vm && end_there(there)->fate != FATE_RUNNING) *x = *end_there(there);
    if (x->fate == FATE_RUNNING && m->b->end.fate == FATE_LIMIT) say(x, FATE_LIMIT, 0, "a limit of the machine was reached");
    *code = exit_code(x);
}

