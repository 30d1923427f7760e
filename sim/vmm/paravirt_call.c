/* Hypercalls: from the number in EAX to the function that serves it, one at a time or several. See paravirt.h.
 *
 * Idea: a call of many parts may take no longer than the caller's turn. Then it stops between two of them: EIP goes back to INT 82h, the
 * registers tell what is left (in a multicall its entry does), and the guest, when it runs again, makes the rest of the call without
 * knowing. So events and other domains come in between. Xen 3, hypercall_create_continuation. */
#include "sim/vmm/paravirt.h"

#include <stddef.h>
#include <string.h>

static const struct pv_call_row rows[XEN_CALLS] = {
#define CALL(number, e, name_, args_, function_, about_) [number] = { name_, about_, args_, function_ },
#include "sim/vmm/hypercall.def"
#undef CALL
};

const struct pv_call_row *pv_call_row(uint32_t number)
{
    return number < XEN_CALLS && rows[number].function ? &rows[number] : NULL;
}

void pv_names(void)
{
    static const char *names[XEN_CALLS];
    for (unsigned i = 0; i < XEN_CALLS; i++) names[i] = rows[i].name ? rows[i].name : "unknown";
    trace_names("hypercall", names, XEN_CALLS);
    trace_names("rule", direct_words, DIRECT_RULES);
}

int32_t pv_privileged(struct paravirt *p, const uint32_t arg[6])
{
    (void)p, (void)arg;
    return -XEN_EPERM;
}

/* The first argument is the sub-operation in most calls that have any. */
static uint8_t sub_of(uint32_t number, const uint32_t arg[6])
{
    static const uint8_t with[] = { 6, 12, 17, 18, 20, 21, 24, 29, 30, 32, 33 };
    for (unsigned i = 0; i < sizeof with; i++)
        if (with[i] == number) return (uint8_t)arg[0];
    return 0;
}

bool pv_long(const struct paravirt *p)
{
    return p->until && (p->v->vmm->board.clock->now >= p->until || schedule_due(p->v->vmm));
}

int32_t pv_continue(struct paravirt *p, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    p->more.set = true;
    p->more.arg[0] = a, p->more.arg[1] = b, p->more.arg[2] = c, p->more.arg[3] = d;
    p->more.arg[4] = p->more.arg[5] = 0;
    return 0;
}

enum { DOMCTL = 36 };

/* The event comes behind those of what the call did, but they answer it; so it is emitted first and completed when it is served
 * would break the history's order. Instead they answer the exit (or the multicall), and it tells result and cost. */
int32_t pv_serve(struct paravirt *p, uint32_t number, const uint32_t arg[6])
{
    struct vcpu *v = p->v;
    const struct vmm_board *b = &v->vmm->board;
    const struct pv_call_row *row = pv_call_row(number);
    uint64_t begun = b->clock->now;
    uint32_t eip = v->virt.eip;
    pv_charge(p, COST_HYPERCALL);
    if (!pv_rehook(p)) return -XEN_EFAULT;
    int32_t result = row ? row->function(p, arg) : -XEN_ENOSYS;
    if (p->more.set) result = (int32_t)number; /* as EAX has it, for the next time */
    struct event e = { .kind = EV_HYPERCALL, .cause = v->cause, .eip = eip };
    e.u.HYPERCALL.op = (uint8_t)(number < XEN_CALLS ? number : 11 /* not a number of the ABI's, either */);
    e.u.HYPERCALL.sub = number == DOMCTL ? p->domctl : sub_of(number, arg);
    e.u.HYPERCALL.result = (uint32_t)result;
    e.u.HYPERCALL.cost = (uint32_t)(b->clock->now - begun);
    trace_emit(b->trace, &e);
    return result;
}

enum { LONG_CALLS = 100 /* a second: how often one that has the machine for itself is interrupted */, INT_BYTES = 2 };

void pv_hypercall(struct paravirt *p)
{
    static const uint8_t regs[] = { EBX, ECX, EDX, ESI, EDI, EBP };
    struct cpu *c = &p->v->virt;
    const struct clock *clock = p->v->vmm->board.clock;
    uint32_t arg[6];
    for (unsigned n = 0; n < 6; n++) arg[n] = c->reg[regs[n]];
    p->no_result = p->more.set = false;
    p->until = clock->now + clock->hz / LONG_CALLS;
    int32_t result = pv_serve(p, c->reg[EAX], arg);
    p->until = 0;
    if (p->more.set) {
        for (unsigned n = 0; n < 4; n++) c->reg[regs[n]] = p->more.arg[n];
        c->eip -= INT_BYTES;
    } else if (!p->no_result) {
        c->reg[EAX] = (uint32_t)result;
    }
}

/* arg: list, count. Each entry's result goes into the entry. A call that changes the flow of control makes no sense inside. */
int32_t pv_multicall(struct paravirt *p, const uint32_t arg[6])
{
    enum { MULTICALL = 13, IRET = 23 };
    if ((uint64_t)arg[0] + arg[1] * (uint64_t)sizeof(struct xen_multicall_entry) > direct_hole(p->mmu)) return -XEN_EFAULT;
    for (uint32_t i = 0; i < arg[1] && !p->v->vm->dead && !p->v->vm->exited; i++) {
        struct xen_multicall_entry e;
        uint32_t at = arg[0] + i * (uint32_t)sizeof e;
        if (!pv_read(p, at, &e, sizeof e)) return -XEN_EFAULT;
        e.result = (uint32_t)(e.op == MULTICALL || e.op == IRET ? -XEN_EINVAL : pv_serve(p, e.op, e.arg));
        bool more = p->more.set;
        if (more) memcpy(e.arg, p->more.arg, sizeof e.arg);
        p->more.set = false;
        if (!(more ? pv_write(p, at, &e, sizeof e) : pv_write(p, at + (uint32_t)offsetof(struct xen_multicall_entry, result), &e.result, 4)))
            return -XEN_EFAULT;
        if (more) return pv_continue(p, at, arg[1] - i, 0, 0);
        if (i + 1 < arg[1] && pv_long(p)) return pv_continue(p, at + (uint32_t)sizeof e, arg[1] - i - 1, 0, 0);
    }
    return 0;
}
