/* Loads of data segment registers in the cache: which selectors need no emulation. And GS, which is the cache's own register: what
 * the guest believes is in it lies in the vCPU page; accesses through it borrow FS (bintrans_segment.c). See bintrans.h.
 *
 * Idea: a kernel loads the same one or two selectors at every entry. Once such a load has been emulated, the shadow table has
 * just what the guest's has, cut and raised to ring 1, and stays so until a descriptor changes. Both tables are under write
 * trace, so the hypervisor hears of that, and forgets. */
#include "sim/vmm/bintrans.h"

#include <string.h>

#include "sim/vmm/descriptor.h"
#include "sim/vmm/vm.h"

#define NO_SELECTOR 0x80000000u
static const enum seg data[] = { SEG_GS, SEG_FS, SEG_ES, SEG_DS }; /* what is loaded most often last: it comes to the front */
enum { DATA = sizeof data / sizeof data[0] };

static void publish(struct vcpu *v, unsigned side)
{
    const uint32_t *selector = v->bt->selector[side];
    uint32_t words[BT_KNOWN_ONES], before = 0;
    for (unsigned k = 0; k < BT_KNOWN_ONES; k++) {
        words[k] = before - selector[k];
        before = selector[k];
    }
    bus_poke(v->vmm->board.bus, window_hpa(&v->window, bt_area(side) + BT_KNOWN), words, sizeof words);
    clock_charge(v->vmm->board.clock, CAUSE_TRANSLATE, BT_KNOWN_ONES * (uint64_t)v->vmm->board.model->cost[COST_MEM_REF]);
}

void bt_selectors_forget(struct vcpu *v)
{
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned k = 0; k < BT_KNOWN_ONES; k++) v->bt->selector[side][k] = NO_SELECTOR;
        publish(v, side);
    }
}

static uint32_t where_tables_lie(const struct vcpu *v)
{
    uint32_t h = v->virt.ldtr.sel;
    for (unsigned k = 0; k < 2; k++) {
        const struct table_trace *t = &v->traced[k];
        h = (h * 31 + t->base) * 31 + t->limit;
        for (unsigned i = 0; i < t->n; i++) h = h * 31 + t->frame[i];
    }
    return h;
}

void bt_selectors_check(struct vcpu *v)
{
    uint32_t h = where_tables_lie(v);
    if (h == v->bt->tables) return;
    v->bt->tables = h;
    bt_selectors_forget(v);
    bt_alias_check(v);
}

/* To the front. False: it was there. */
static bool remember(uint32_t list[BT_KNOWN_ONES], uint16_t selector)
{
    unsigned at = 0;
    while (at < BT_KNOWN_ONES - 1 && list[at] != selector) at++;
    if (list[at] == selector) return false;
    for (; at; at--) list[at] = list[at - 1];
    list[0] = selector;
    return true;
}

void bt_selectors_learn(struct vcpu *v)
{
    bool more = false;
    if (v->virt.cpl == 1 || v->virt.cpl == 2) return;
    for (unsigned i = 0; i < DATA; i++) {
        const struct seg_reg *s = &v->virt.seg[data[i]];
        if (!(s->sel & ~3u) || !(s->ar & AR_P) || (s->ar & AR_CODE) || !vcpu_segment_reversible(v, data[i])) continue;
        more |= remember(v->bt->selector[bt_side(v)], s->sel);
    }
    if (more) publish(v, bt_side(v));
}

static void take(struct vcpu *v, enum seg n, uint16_t sel)
{
    struct seg_reg *s = &v->virt.seg[n];
    struct descriptor d;
    if (sel == s->sel) return;
    if (!(sel & ~3u)) *s = (struct seg_reg){ .sel = sel };
    else if (descriptor_guest(v, sel, &d)) cpu_seg_set(s, sel, d.low, d.high);
}

void bt_selectors_take(struct vcpu *v, bool swapped)
{
    const struct cpu *real = v->vmm->board.cpu;
    uint32_t *gs = v->bt->gs[bt_side(v)];
    bus_peek(v->vmm->board.bus, window_hpa(&v->window, bt_area(bt_side(v)) + BT_GS), gs, sizeof v->bt->gs[0]);
    take(v, SEG_DS, real->seg[SEG_DS].sel);
    take(v, SEG_ES, real->seg[SEG_ES].sel);
    if (!swapped) take(v, SEG_FS, real->seg[SEG_FS].sel);
    take(v, SEG_GS, (uint16_t)gs[0]);
}

void bt_selectors_leave(struct vcpu *v)
{
    uint32_t *known = v->bt->gs[bt_side(v)];
    const struct seg_reg *gs = &v->virt.seg[SEG_GS];
    bool fs_ok = segments_as_in_memory(v, SEG_FS), gs_ok = fs_ok && (gs->sel & ~3u) && segments_as_in_memory(v, SEG_GS);
    const uint32_t now[3] = { gs->sel, gs_ok, fs_ok };
    if (!memcmp(known, now, sizeof now)) return;
    memcpy(known, now, sizeof now);
    bus_poke(v->vmm->board.bus, window_hpa(&v->window, bt_area(bt_side(v)) + BT_GS), now, sizeof now);
    clock_charge(v->vmm->board.clock, CAUSE_DISPATCH, 3 * (uint64_t)v->vmm->board.model->cost[COST_MEM_REF]);
}
