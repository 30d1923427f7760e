/* What people see of translated code: the guest's state in the middle of it, and names of cache addresses. Nothing here has
 * effects. See bintrans.h. */
#include <stdio.h>

#include "sim/vmm/bintrans.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/vm.h"

static uint32_t slot(const struct vcpu *v, enum bt_slot at)
{
    uint32_t value = 0;
    unsigned user = (v->vmm->board.cpu->seg[SEG_CS].sel & ~3u) == BT_UCS;
    bus_peek(v->vmm->board.bus, window_hpa(&v->window, bt_area(user) + (uint32_t)at), &value, sizeof value);
    return value;
}

/* The state at a cache offset or, inside an instruction, at its beginning. */
static bool state_near(const struct bintrans *t, uint32_t tc, struct bt_state *s)
{
    if (tc >= t->end) return false;
    for (unsigned back = 0; back < 15 && back <= tc; back++)
        if (bt_state_at(t, tc - back, s)) return true;
    return false;
}

/* A register of the guest's, which the cache may have loaded since the hypervisor looked. */
static void show_segment(const struct vcpu *v, unsigned n, uint16_t sel, struct seg_reg *to)
{
    struct descriptor d;
    if (sel == v->virt.seg[n].sel) *to = v->virt.seg[n];
    else if (!(sel & ~3u)) *to = (struct seg_reg){ .sel = sel };
    else if (descriptor_guest((struct vcpu *)v, sel, &d)) cpu_seg_set(to, sel, d.low, d.high);
}

void bt_view(const struct vcpu *v, struct vcpu_view *view)
{
    const struct cpu *real = v->vmm->board.cpu;
    struct bt_state s;
    if ((real->seg[SEG_CS].sel & ~3u) != BT_CS && (real->seg[SEG_CS].sel & ~3u) != BT_UCS) return;
    bool swapped = state_near(v->bt, real->eip, &s) && (s.point.fix & BT_FIX_FS);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        bool data = i != SEG_CS && i != SEG_SS;
        uint16_t sel = data ? real->seg[i].sel : v->virt.seg[i].sel;
        if (i == SEG_GS || (i == SEG_FS && swapped)) sel = (uint16_t)slot(v, i == SEG_GS ? BT_GS : BT_FS);
        show_segment(v, i, sel, &view->seg[i]);
    }
    view->eflags = (view->eflags & ~(uint32_t)FLAG_IF) | (slot(v, BT_VIF) & (FLAG_IF | FLAG_TF));
    if (!state_near(v->bt, real->eip, &s)) {
        view->eip = v->virt.eip;
        return;
    }
    view->eip = s.point.fix & BT_FIX_EIP ? slot(v, BT_TARGET) : s.point.eip;
    if (s.point.fix & BT_FIX_EAX) view->reg[EAX] = slot(v, BT_EAX);
    if (s.point.fix & BT_FIX_ECX) view->reg[ECX] = slot(v, BT_ECX);
    if (s.point.fix & BT_FIX_EDX) view->reg[EDX] = slot(v, BT_EDX);
    if (s.point.fix & BT_FIX_EBX) view->reg[EBX] = slot(v, BT_EBX);
    if (s.point.fix & BT_FIX_ESP) view->reg[ESP] = slot(v, BT_ESP);
    if (s.point.fix & BT_FIX_FLAGS) view->eflags = (view->eflags & ~(uint32_t)FLAGS_ARITH) | (slot(v, (enum bt_slot)BT_FLAGS) & FLAGS_ARITH);
    if (s.point.fix & BT_FIX_LAHF) view->eflags = (view->eflags & ~(uint32_t)FLAGS_ARITH) | bt_lahf_flags(real->reg[EAX]);
    view->reg[ESP] += s.point.esp;
}

void bt_weigh(const struct vcpu *v, uint32_t offset, struct cpu_weight *w)
{
    const struct bintrans *t = v->bt;
    struct bt_state s;
    uint32_t tc = offset - BT_CODE;
    if (tc >= t->end) return;
    w->overhead = true;
    if (!bt_state_at(t, tc, &s)) return;
    const struct bt_exit *x = s.unit && s.point.what == BT_CONTINUE ? &t->unit[s.unit - 1].exit[s.exit] : NULL;
    if (s.point.what == BT_RUN || s.point.what == BT_JUDGE || (x && x->jump && x->chained)) w->retires = s.point.done;
    w->overhead = !(s.point.fix & BT_OWN);
}

uint32_t bt_code(const struct vcpu *v, uint32_t at)
{
    struct bt_state s;
    uint32_t tc = at - (WINDOW_BASE + BT_CODE);
    if (tc >= v->bt->end || !bt_state_at(v->bt, tc, &s) || !(s.point.fix & BT_FIRST)) return UINT32_MAX;
    return v->bt->known[v->bt->unit[s.unit - 1].context].base + s.point.eip;
}

const char *bt_symbol(const struct vcpu *v, uint32_t at, char *buf, unsigned room)
{
    struct bt_state s;
    uint32_t tc = at - (WINDOW_BASE + BT_CODE), stub = at - (WINDOW_BASE + BT_STUB);
    if (stub >= BT_QUICK_STUB - BT_STUB && stub < BT_QUICK_STUB - BT_STUB + 32) {
        snprintf(buf, room, "bt.quick+%u", stub - (BT_QUICK_STUB - BT_STUB));
        return buf;
    }
    if (stub < 64) {
        snprintf(buf, room, stub ? "bt.callout+%u" : "bt.callout", stub);
        return buf;
    }
    if (at < WINDOW_BASE || tc >= v->bt->end) return NULL;
    if (tc < BT_GLUE) snprintf(buf, room, tc < v->bt->jump ? "bt.return+%X" : "bt.jump+%X", tc < v->bt->jump ? tc : tc - v->bt->jump);
    else if (state_near(v->bt, tc, &s)) snprintf(buf, room, "bt.tc+%X (%08X)", tc, s.point.eip);
    else snprintf(buf, room, "bt.tc+%X", tc);
    return buf;
}
