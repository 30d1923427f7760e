/* Segments that reach around 4 GB: the assist for programs that keep thread data below a segment's base. See paravirt.h.
 *
 * Idea: a segment with the base B and the limit 4 GB would have all offsets, the negative ones behind the wrap. Cut below the hypervisor it has those
 * from 0 on; as an expand-down segment it has the negative ones instead (B + offset is below B again). Neither shows the hypervisor. With the assist
 * an access that is missed by one has the descriptor turned into the other, and is tried again; which offset it was says which way, so
 * nothing turns twice for one access. Xen 3's seg_fixup.c; SDM vol. 3A 3.4.5.1, 5.3.
 * Not here: accesses that lie on both sides of the base, the notification (VMASST_TYPE_4gb_segments_notify). */
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/paravirt.h"

enum { HIGH_DOWN = 1u << 10, HIGH_LIMIT = 0xF0000 };

/* The descriptor as the other kind, as large as may be; false: it is as it is because the guest wants it so. */
static bool turn(const struct paravirt *p, uint32_t d[2])
{
    uint32_t full[2] = { d[0] | 0xFFFF, d[1] | HIGH_LIMIT }, other[2] = { full[0], full[1] ^ HIGH_DOWN };
    if (d[1] & HIGH_DOWN) full[0] &= 0xFFFF0000u, full[1] &= ~(uint32_t)HIGH_LIMIT;
    else other[0] &= 0xFFFF0000u, other[1] &= ~(uint32_t)HIGH_LIMIT;
    if (!pv_judge_descriptor(p, full) || !pv_judge_descriptor(p, other) || full[0] != d[0] || full[1] != d[1]) return false;
    d[0] = other[0], d[1] = other[1];
    return true;
}

static bool is_in(const struct seg_reg *s, uint32_t offset) { return (s->ar & AR_DOWN) ? offset > s->limit : offset <= s->limit; }

bool pv_reach_around(struct paravirt *p)
{
    struct vcpu *v = p->v;
    struct insn i;
    struct seg_reg now, other;
    uint32_t d[2];
    if (!(p->assists & 1u << XEN_ASSIST_4GB) || !emulate_decode(v, &i)) return false;
    uint16_t sel = v->virt.seg[i.seg].sel;
    uint32_t offset = ea(&v->virt, &i), turned[2];
    if (!pv_descriptor(p, sel, d)) return false;
    turned[0] = d[0], turned[1] = d[1];
    cpu_seg_set(&now, sel, d[0], d[1]);
    if (ar_code(now.ar) || !turn(p, turned)) return false;
    cpu_seg_set(&other, sel, turned[0], turned[1]);
    if (is_in(&now, offset) || !is_in(&other, offset)) return false;
    if (!pv_set_descriptor(p, sel, turned)) return false;
    pv_charge(p, COST_EMULATE);
    struct event e = { .kind = EV_EMULATE, .cause = v->cause, .eip = v->virt.eip };
    e.u.EMULATE.op = (uint8_t)i.id;
    e.u.EMULATE.ring = v->virt.cpl;
    e.u.EMULATE.value = turned[1];
    trace_emit(v->vmm->board.trace, &e);
    return true;
}
