/* Loads of DS, ES and FS in the cache: which selectors need no emulation. See bintrans.h.
 *
 * Idea: a kernel loads the same one or two selectors at every entry. Once such a load has been emulated, the shadow table has
 * just what the guest's has, cut and raised to ring 1, and stays so until a descriptor changes. Both tables are under write
 * trace, so the hypervisor hears of that, and forgets. */
#include "sim/vmm/bintrans.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/vm.h"

#define NO_SELECTOR 0x80000000u
static const enum seg data[] = { SEG_DS, SEG_ES, SEG_FS };
enum { DATA = sizeof data / sizeof data[0] };

static void publish(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    uint32_t words[2] = { 0u - t->selector[0], t->selector[0] - t->selector[1] };
    bus_poke(v->vmm->board.bus, window_hpa(&v->window, BT_DATA + BT_KNOWN), words, sizeof words);
    clock_charge(v->vmm->board.clock, CAUSE_TRANSLATE, 2 * (uint64_t)v->vmm->board.model->cost[COST_MEM_REF]);
}

void bt_selectors_forget(struct vcpu *v)
{
    v->bt->selector[0] = v->bt->selector[1] = NO_SELECTOR;
    publish(v);
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

void bt_selectors_learn(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    if (v->virt.cpl) return;
    for (unsigned i = 0; i < DATA; i++) {
        const struct seg_reg *s = &v->virt.seg[data[i]];
        if (s->sel == t->selector[0] || s->sel == t->selector[1]) continue;
        if (!(s->sel & ~3u) || !(s->ar & AR_P) || (s->ar & AR_CODE) || !vcpu_segment_reversible(v, data[i])) continue;
        t->selector[1] = t->selector[0];
        t->selector[0] = s->sel;
        publish(v);
    }
}

void bt_selectors_take(struct vcpu *v)
{
    const struct cpu *real = v->vmm->board.cpu;
    for (unsigned i = 0; i < DATA; i++) {
        struct seg_reg *s = &v->virt.seg[data[i]];
        struct descriptor d;
        uint16_t sel = real->seg[data[i]].sel;
        if (sel != s->sel && descriptor_guest(v, sel, &d)) cpu_seg_set(s, sel, d.low, d.high);
    }
}
