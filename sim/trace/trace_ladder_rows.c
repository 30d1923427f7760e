/* Events to rows: which events get a row of their own, and between which lanes.
 *
 * Idea: follow `cause`. What led to an EXIT (GATE <- FAULT, INT or IRQ) is claimed by the EXIT; what led to a GATE
 * that stayed inside the guest is claimed by the GATE; the hypervisor's own IRET is claimed by its RESUME. The rest
 * shows itself. Lanes come from the recorded rings; with hardware assist, where guest and hypervisor both have a ring 0, what the
 * CPU tells of ring 0 is the guest's, and the way in and out is VMEXIT (claimed by the EXIT) and VMENTRY (by the RESUME). */
#include "sim/trace/ladder_rows.h"

#include <stdlib.h>

static bool opens(const struct event *e)
{
    return e && (e->kind == EV_FAULT || e->kind == EV_INT || e->kind == EV_IRQ || e->kind == EV_VMEXIT);
}

static uint8_t lane_of_ring(const struct ladder_maker *m, unsigned ring)
{
    const struct ladder_options *o = &m->l->options;
    if (ring == 0 && o->hypervisor && o->kernel_ring) return LANE_VMM;
    return ring == 3 && o->kernel_ring != 3 ? LANE_USER : LANE_KERNEL;
}

static uint8_t vmm_lane(const struct ladder_maker *m) { return m->l->options.hypervisor ? LANE_VMM : LANE_KERNEL; }

/* The fault or interrupt at the beginning of e's chain of causes, or NULL; `gate`, if not NULL, gets the gate. */
static const struct event *opener_of(const struct ladder_maker *m, const struct event *e, const struct event **gate)
{
    const struct event *c = trace_by_id(m->trace, e->cause);
    if (gate) *gate = NULL;
    if (c && c->kind == EV_GATE && e->kind != EV_GATE) {
        if (gate) *gate = c;
        c = trace_by_id(m->trace, c->cause);
    }
    return opens(c) ? c : NULL;
}

static bool in_range(const struct ladder_maker *m, uint32_t id) { return id >= m->from && id <= m->to; }

static void claim(struct ladder_maker *m, const struct event *e)
{
    if (e && in_range(m, e->id)) m->claimed[e->id - m->from] = 1;
}

/* A port access that the hypervisor served says more than the emulation it is part of. */
static bool port_beside(const struct ladder_maker *m, const struct event *e)
{
    for (uint32_t id = e->id - 1; id <= e->id + 1; id += 2) {
        const struct event *n = in_range(m, id) ? trace_by_id(m->trace, id) : NULL;
        if (n && n->kind == EV_PORT && n->episode == e->episode) return true;
    }
    return false;
}

static void claim_all(struct ladder_maker *m)
{
    for (uint32_t id = m->from; id <= m->to; id++) {
        const struct event *e = trace_by_id(m->trace, id), *gate;
        const struct event *before = trace_by_id(m->trace, id - 1);
        if (e->kind == EV_EXIT) {
            claim(m, opener_of(m, e, &gate));
            claim(m, gate);
        } else if (e->kind == EV_GATE && lane_of_ring(m, e->u.GATE.to) != LANE_VMM) {
            claim(m, opener_of(m, e, NULL));
        } else if ((e->kind == EV_RETURN && lane_of_ring(m, e->u.RETURN.from) == LANE_VMM) ||
                   (e->kind == EV_VMENTRY && m->l->options.hypervisor)) {
            claim(m, e);
        } else if (e->kind == EV_EMULATE && port_beside(m, e)) {
            claim(m, e);
        } else if (e->kind == EV_RESUME && before && before->kind == EV_INJECT && in_range(m, id - 1) &&
                   before->episode == e->episode && before->u.INJECT.target == e->u.RESUME.target) {
            claim(m, e); /* one transfer of control: the injection's arrow shows it */
        }
    }
}

static void set_gate(const struct ladder_maker *m, const struct event *e, struct ladder_row *r)
{
    r->from = lane_of_ring(m, e->u.GATE.from);
    r->to = lane_of_ring(m, e->u.GATE.to);
    r->shape = r->from == r->to ? LADDER_NOTE : LADDER_ARROW;
}

static void set_exit(const struct ladder_maker *m, const struct event *e, struct ladder_row *r)
{
    const struct event *gate, *opener = opener_of(m, e, &gate);
    unsigned ring = gate ? gate->u.GATE.from : opener ? opener->ring : m->l->options.kernel_ring;
    r->from = lane_of_ring(m, ring);
    r->to = vmm_lane(m);
    r->shape = r->from == r->to ? LADDER_NOTE : LADDER_ARROW;
    if (gate) r->id = gate->id, r->cycle = gate->cycle;
    if (opener) r->id = opener->id, r->cycle = opener->cycle;
}

static void set_arrow(struct ladder_row *r, unsigned from, unsigned to)
{
    r->from = (uint8_t)from;
    r->to = (uint8_t)to;
    r->shape = from == to ? LADDER_NOTE : LADDER_ARROW;
}

static void set_note(struct ladder_row *r, unsigned lane)
{
    r->from = r->to = (uint8_t)lane;
    r->shape = LADDER_NOTE;
}

/* The end of a run stands on the kernel's lane: it is the guest that ends. */
static void set_end(struct ladder_row *r)
{
    r->from = r->to = LANE_KERNEL;
    r->shape = LADDER_END;
}

static void set_shape(const struct ladder_maker *m, const struct event *e, struct ladder_row *r)
{
    unsigned vmm = vmm_lane(m), own = lane_of_ring(m, e->ring);
    switch (e->kind) {
    case EV_EXIT:   set_exit(m, e, r); break;
    case EV_GATE:   set_gate(m, e, r); break;
    case EV_RETURN: set_arrow(r, lane_of_ring(m, e->u.RETURN.from), lane_of_ring(m, e->u.RETURN.to)); break;
    case EV_RESUME: set_arrow(r, vmm, lane_of_ring(m, e->u.RESUME.to)); break;
    case EV_INJECT: case EV_UPCALL: set_arrow(r, vmm, LANE_KERNEL); r->twin = true; break;
    case EV_RAISE:
        if (e->u.RAISE.virtual_) set_note(r, vmm);
        else set_arrow(r, LANE_DEVICE, vmm);
        break;
    case EV_SILENT:
        set_arrow(r, own == vmm ? LANE_KERNEL : own, vmm);
        if (r->from != r->to) r->shape = LADDER_SILENT;
        break;
    case EV_EMULATE: case EV_HIDDEN: case EV_TRUE: case EV_TRACED: case EV_PORT: case EV_HYPERCALL: case EV_REFUSED:
    case EV_CHANNEL: case EV_TRANSLATE: case EV_CHAIN: case EV_INVALID: case EV_FLUSH: case EV_ADAPT: case EV_MISS: case EV_SECOND: case EV_NEST:
    case EV_UNHOOK: case EV_SWITCH: case EV_HOST: case EV_RECLAIM: case EV_BALLOON: case EV_SHARE: case EV_UNSHARE: case EV_SWAP: case EV_OVER:
        set_note(r, vmm); /* its own doing, whatever ring the guest's kernel has */
        break;
    case EV_DISK: set_note(r, e->u.DISK.virtual_ ? vmm : LANE_DEVICE); break;
    case EV_VIRTIO: set_note(r, e->u.VIRTIO.virtual_ ? vmm : LANE_DEVICE); break;
    case EV_FRAME: set_note(r, e->u.FRAME.virtual_ ? vmm : LANE_DEVICE); break;
    case EV_RUN: set_note(r, LANE_KERNEL); break;
    case EV_DIE: case EV_STOP: set_end(r); break;
    default: set_note(r, own); break; /* unclaimed FAULT, INT, IRQ; HALT, CR3 */
    }
}

/* Without a hypervisor, what folds is a visit to the guest kernel: from the gate to the return to user mode. */
static void set_group(struct ladder_maker *m, struct ladder_row *r)
{
    r->group = r->episode;
    if (r->episode || m->l->options.hypervisor) return;
    bool ring_change = r->shape == LADDER_ARROW;
    if (r->kind == EV_GATE && ring_change && m->depth++ == 0) m->group = r->id;
    r->group = m->group;
    if (r->kind == EV_RETURN && ring_change && m->depth && --m->depth == 0) m->group = 0;
}

/* The first event in the chain of causes that this row does not show itself. */
static uint32_t outer_cause(const struct ladder_maker *m, const struct event *e, uint32_t first)
{
    uint32_t c = e->cause;
    const struct event *by = trace_by_id(m->trace, c);
    while (by && c >= first && c < e->id && (opens(by) || by->kind == EV_GATE)) {
        c = by->cause;
        by = trace_by_id(m->trace, c);
    }
    return c;
}

static void show_in(struct ladder_maker *m, uint32_t id, uint32_t row)
{
    if (in_range(m, id)) m->owner[id - m->from] = row + 1;
}

static void add_row(struct ladder_maker *m, const struct event *e)
{
    struct ladder *l = m->l;
    if (l->rows == m->room) {
        m->room = m->room ? m->room * 2 : 64;
        l->row = ladder_grow(l->row, m->room * sizeof *l->row);
    }
    struct ladder_row *r = &l->row[l->rows];
    *r = (struct ladder_row){ .id = e->id, .last = e->id, .cycle = e->cycle, .kind = e->kind, .count = 1,
                              .episode = e->episode };
    set_shape(m, e, r);
    r->cause = outer_cause(m, e, r->id);
    set_group(m, r);
    const struct event *gate, *opener = opener_of(m, e, &gate);
    if (opener && (e->kind == EV_EXIT || e->kind == EV_GATE)) show_in(m, opener->id, l->rows);
    if (gate && e->kind == EV_EXIT) show_in(m, gate->id, l->rows);
    show_in(m, e->id, l->rows);
    ladder_words(m, e, opener, r);
    l->rows++;
}

/* A RESUME closes the visit: its cost goes to the row of the EXIT that opened it. */
static void close_visit(struct ladder_maker *m, const struct event *e)
{
    for (uint32_t i = m->l->rows; i-- > 0 && e->episode;) {
        struct ladder_row *r = &m->l->row[i];
        if (r->kind != EV_EXIT || r->episode != e->episode) continue;
        r->cost = e->cycle - r->cycle;
        return;
    }
}

void ladder_rows_make(struct ladder_maker *m)
{
    claim_all(m);
    for (uint32_t id = m->from; id <= m->to; id++) {
        const struct event *e = trace_by_id(m->trace, id);
        if (e->kind == EV_RESUME) close_visit(m, e);
        if (!m->claimed[id - m->from]) {
            add_row(m, e);
        } else if ((e->kind == EV_RESUME || e->kind == EV_RETURN) && m->l->rows) {
            m->l->row[m->l->rows - 1].last = id; /* part of the arrow just drawn */
            show_in(m, id, m->l->rows - 1);
        }
    }
}
