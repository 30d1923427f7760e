/* Event channels: a bit each in shared memory, and who may set it. See paravirt.h.
 *
 * Idea: what is pending or masked lies in struct shared_info, where the guest handles it without asking; the hypervisor keeps
 * only who is at the other end. A bit that becomes set and is not masked sets its word's bit in the selector, and with that
 * the upcall is pending: three levels, so that a guest finds one of 1024 channels by two bit scans. Xen 3 event_channel.h.
 * Without a service domain there are only its ends of console and store, which the hypervisor serves. */
#include "sim/vmm/paravirt.h"

#include <stddef.h>

/* Sets a bit in shared memory; returns what it was. */
static bool set_bit(struct paravirt *p, uint32_t array, uint32_t bit)
{
    uint32_t at = array + bit / 32 * 4, word = pv_shared(p, at, 4);
    if (word & 1u << bit % 32) return true;
    pv_set_shared(p, at, 4, word | 1u << bit % 32);
    return false;
}

static bool test_bit(const struct paravirt *p, uint32_t array, uint32_t bit)
{
    return pv_shared(p, array + bit / 32 * 4, 4) >> bit % 32 & 1;
}

static void clear_bit(struct paravirt *p, uint32_t array, uint32_t bit)
{
    uint32_t at = array + bit / 32 * 4;
    pv_set_shared(p, at, 4, pv_shared(p, at, 4) & ~(1u << bit % 32));
}

static void select_word(struct paravirt *p, uint32_t port)
{
    if (!set_bit(p, VCPU_SELECTOR, port / 32)) pv_set_shared(p, VCPU_UPCALL_PENDING, 1, 1);
}

void pv_raise(struct paravirt *p, uint32_t port)
{
    pv_charge(p, COST_PV_EVENT);
    if (set_bit(p, SHARED_PENDING, port)) return;
    bool masked = test_bit(p, SHARED_MASK, port);
    struct vmm *h = p->v->vmm;
    uint8_t speaking = h->speaking;
    h->speaking = p->v->vm->id;
    TRACE(h->board.trace, CHANNEL, h->now->vcpu.cause, .port = (uint16_t)port, .masked = masked);
    h->speaking = speaking;
    h->schedule.look = true; /* the domain may sleep */
    if (!masked) select_word(p, port);
    for (uint32_t i = 0; p->polls && i < p->polled; i++)
        if (p->poll_port[i] == port) pv_wake(p);
}

void pv_raise_virq(struct paravirt *p, unsigned virq)
{
    if (p->virq_port[virq]) pv_raise(p, p->virq_port[virq]);
}

static bool is_open(const struct paravirt *p, uint32_t port)
{
    return port && port < XEN_CHANNELS && p->channel[port].state != CHANNEL_CLOSED;
}

/* A new channel, or 0; port 0 is never given out. */
static uint32_t open_channel(struct paravirt *p, struct pv_channel how)
{
    uint32_t port = 1;
    while (port < XEN_CHANNELS && p->channel[port].state != CHANNEL_CLOSED) port++;
    if (port == XEN_CHANNELS) return 0;
    p->channel[port] = how;
    return port;
}

/* A channel whose other end the hypervisor serves in the service domain's place. */
static uint32_t channel_to_service(struct paravirt *p)
{
    return open_channel(p, (struct pv_channel){ .state = CHANNEL_INTERDOMAIN, .domain = XEN_DOM_SERVICE, .served = true });
}

void pv_events_init(struct paravirt *p)
{
    for (uint32_t i = 0; i < VCPU_INFOS; i++) pv_set_shared(p, i * VCPU_SIZE + VCPU_UPCALL_MASK, 1, 1);
    p->console_port = pv_console_is_split(p) ? open_channel(p, (struct pv_channel){ .state = CHANNEL_UNBOUND, .domain = XEN_DOM_SERVICE }) : channel_to_service(p);
    /* The store is a program of the service domain, if there is one: its own needs no channel, the others' waits for it. */
    if (!p->v->vmm->service) p->store_port = channel_to_service(p);
    else if (!pv_is_service(p)) p->store_port = open_channel(p, (struct pv_channel){ .state = CHANNEL_UNBOUND, .domain = XEN_DOM_SERVICE });
}

static void close_channel(struct paravirt *p, uint32_t port)
{
    struct pv_channel *c = &p->channel[port];
    if (c->state == CHANNEL_VIRQ) p->virq_port[c->other] = 0;
    if (c->state == CHANNEL_PIRQ) pv_close_pirq(p, c->other);
    struct paravirt *other = c->state == CHANNEL_INTERDOMAIN && !c->served ? pv_domain(p, c->domain) : NULL;
    if (other) other->channel[c->other] = (struct pv_channel){ .state = CHANNEL_UNBOUND, .domain = pv_id(p) }; /* it waits for somebody new */
    *c = (struct pv_channel){ 0 };
    clear_bit(p, SHARED_PENDING, port);
}

/* ---- operations: each has a structure; what it returns in that goes back by the caller */

union operation {
    uint32_t w[6];
    struct { uint16_t domain, unused; uint32_t remote_port, port; } interdomain;
    struct { uint32_t virq, vcpu, port; } virq;
    struct { uint32_t vcpu, port; } ipi;
    struct { uint32_t port, vcpu; } one;
    struct { uint16_t domain, remote; uint32_t port; } unbound;
    struct { uint16_t domain, unused; uint32_t port, status, vcpu, a, b; } status;
};

/* The other end was opened for this domain by alloc_unbound there. */
static int32_t bind_interdomain(struct paravirt *p, union operation *o)
{
    uint32_t remote = o->interdomain.remote_port;
    struct paravirt *q = pv_domain(p, o->interdomain.domain);
    if (!q) return o->interdomain.domain == XEN_DOM_SERVICE && !p->v->vmm->service ? -XEN_EINVAL : -XEN_ESRCH;
    if (!is_open(q, remote) || q->channel[remote].state != CHANNEL_UNBOUND || q->channel[remote].domain != pv_id(p)) return -XEN_EINVAL;
    uint32_t port = open_channel(p, (struct pv_channel){ .state = CHANNEL_INTERDOMAIN, .domain = pv_id(q), .other = remote });
    if (!port) return -XEN_ENOSPC;
    q->channel[remote] = (struct pv_channel){ .state = CHANNEL_INTERDOMAIN, .domain = pv_id(p), .other = port };
    pv_raise(p, port); /* what was sent before may have been lost */
    o->interdomain.port = port;
    return 0;
}

static int32_t bind_virq(struct paravirt *p, union operation *o)
{
    uint32_t virq = o->virq.virq;
    if (virq >= XEN_VIRQS) return -XEN_EINVAL;
    bool local = virq == XEN_VIRQ_TIMER || virq == XEN_VIRQ_DEBUG || virq == XEN_VIRQ_XENOPROF; /* each vCPU has its own */
    if (o->virq.vcpu) return local ? -XEN_ENOENT : -XEN_EINVAL;
    if (p->virq_port[virq]) return -XEN_EEXIST;
    uint32_t port = open_channel(p, (struct pv_channel){ .state = CHANNEL_VIRQ, .other = virq });
    if (!port) return -XEN_ENOSPC;
    p->virq_port[virq] = (uint16_t)port;
    o->virq.port = port;
    return 0;
}

static int32_t bind_ipi(struct paravirt *p, union operation *o)
{
    if (o->ipi.vcpu) return -XEN_ENOENT;
    uint32_t port = open_channel(p, (struct pv_channel){ .state = CHANNEL_IPI });
    o->ipi.port = port;
    return port ? 0 : -XEN_ENOSPC;
}

/* { pirq, flags, port } */
static int32_t bind_pirq(struct paravirt *p, union operation *o)
{
    uint32_t port = open_channel(p, (struct pv_channel){ .state = CHANNEL_PIRQ, .other = o->virq.virq });
    if (!port) return -XEN_ENOSPC;
    int32_t result = pv_bind_pirq(p, o->virq.virq, port);
    if (result) p->channel[port] = (struct pv_channel){ 0 };
    else o->virq.port = port;
    return result;
}

static int32_t alloc_unbound(struct paravirt *p, union operation *o)
{
    if (o->unbound.domain != XEN_DOM_SELF) return -XEN_EPERM;
    uint16_t remote = pv_is_me(p, o->unbound.remote) ? pv_id(p) : o->unbound.remote;
    uint32_t port = open_channel(p, (struct pv_channel){ .state = CHANNEL_UNBOUND, .domain = remote });
    o->unbound.port = port;
    return port ? 0 : -XEN_ENOSPC;
}

static void notify(struct paravirt *q, uint32_t port)
{
    if (q) pv_raise(q, port);
}

static int32_t send(struct paravirt *p, uint32_t port)
{
    const struct pv_channel *c = &p->channel[port];
    switch (c->state) {
    case CHANNEL_INTERDOMAIN:
        p->stats.sent++;
        if (!c->served) notify(pv_domain(p, c->domain), c->other);
        else if (port == p->console_port) pv_console_notify(p);
        return 0;
    case CHANNEL_IPI: pv_raise(p, port); return 0;
    case CHANNEL_UNBOUND: return 0; /* nobody there yet */
    default: return -XEN_EINVAL;
    }
}

static int32_t status(struct paravirt *p, union operation *o)
{
    if (o->status.domain != XEN_DOM_SELF) return -XEN_EPERM;
    if (o->status.port >= XEN_CHANNELS) return -XEN_EINVAL;
    const struct pv_channel *c = &p->channel[o->status.port];
    o->status.status = c->state;
    o->status.vcpu = 0;
    o->status.a = c->state == CHANNEL_VIRQ || c->state == CHANNEL_PIRQ ? c->other : c->domain;
    o->status.b = c->other;
    return 0;
}

static int32_t unmask(struct paravirt *p, uint32_t port)
{
    clear_bit(p, SHARED_MASK, port);
    if (test_bit(p, SHARED_PENDING, port)) select_word(p, port);
    return 0;
}

void pv_close_all(struct paravirt *p)
{
    for (uint32_t port = 1; port < XEN_CHANNELS; port++)
        if (is_open(p, port)) close_channel(p, port);
}

static int32_t reset(struct paravirt *p, union operation *o)
{
    if (o->unbound.domain != XEN_DOM_SELF) return -XEN_EPERM;
    pv_close_all(p);
    return 0;
}

/* Operations on one open channel. */
static int32_t on_port(struct paravirt *p, uint32_t op, union operation *o)
{
    uint32_t port = o->one.port;
    if (!is_open(p, port)) return -XEN_EINVAL;
    switch (op) {
    case XEN_EVTCHN_CLOSE: close_channel(p, port); return 0;
    case XEN_EVTCHN_SEND: return send(p, port);
    case XEN_EVTCHN_BIND_VCPU: return o->one.vcpu ? -XEN_ENOENT : 0;
    default: return unmask(p, port);
    }
}

static int32_t operate(struct paravirt *p, uint32_t op, union operation *o)
{
    switch (op) {
    case XEN_EVTCHN_BIND_INTERDOMAIN: return bind_interdomain(p, o);
    case XEN_EVTCHN_BIND_VIRQ: return bind_virq(p, o);
    case XEN_EVTCHN_BIND_PIRQ: return bind_pirq(p, o);
    case XEN_EVTCHN_STATUS: return status(p, o);
    case XEN_EVTCHN_ALLOC_UNBOUND: return alloc_unbound(p, o);
    case XEN_EVTCHN_BIND_IPI: return bind_ipi(p, o);
    case XEN_EVTCHN_RESET: return reset(p, o);
    default: return on_port(p, op, o);
    }
}

/* Bytes of an operation's structure; 0: there is no such operation. */
static uint32_t size_of(uint32_t op)
{
    static const uint8_t sizes[] = { 12, 12, 12, 4, 4, 24, 8, 8, 8, 4, 2 };
    return op < sizeof sizes ? sizes[op] : 0;
}

static int32_t event_channel(struct paravirt *p, uint32_t op, uint32_t at)
{
    union operation o = { { 0 } };
    uint32_t size = size_of(op);
    if (!size) return -XEN_ENOSYS;
    if (!pv_read(p, at, &o, size)) return -XEN_EFAULT;
    int32_t result = operate(p, op, &o);
    bool answers = size > 4 && op != XEN_EVTCHN_BIND_VCPU;
    if (!result && answers && !pv_write(p, at, &o, size)) return -XEN_EFAULT;
    return result;
}

/* arg: operation, its structure. */
int32_t pv_event_channel_op(struct paravirt *p, const uint32_t arg[6]) { return event_channel(p, arg[0], arg[1]); }

/* arg: { operation, its structure }. */
int32_t pv_event_channel_op_compat(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t op;
    return pv_read(p, arg[0], &op, 4) ? event_channel(p, op, arg[0] + 4) : -XEN_EFAULT;
}
