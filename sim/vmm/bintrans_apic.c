/* The local APIC's task priority without a fault: what an adapted store to it stays in the cache for. See bintrans.h; the code is
 * bintrans_store.c's.
 *
 * Idea 1: the vCPU page has the register (BT_TPR). It is the virtual APIC's again at every exit from the cache.
 * Idea 2: a threshold, as hardware with a TPR shadow has it: what a request that is held up needs the register to be below. A store
 * that gets there calls the hypervisor behind the instruction; none has to without one. SDM vol. 3A 10.8.3; AA06 6.2 (cr8wr).
 * Idea 3: a third word says whether all that holds: a virtual APIC, at the linear address that the code compares with, flat segments.
 * Only one linear address is known at a time: another one empties the cache. Not there: other registers, user code. */
#include "sim/vmm/bintrans_cache.h"

enum { TPR = 0x80 };

static void put_slot(struct vcpu *v, enum bt_slot slot, uint32_t value)
{
    poke_data(v, (uint32_t)slot, &value, sizeof value);
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[COST_MEM_REF]);
}

static struct lapic *lapic(struct vcpu *v) { return &v->vm->devices.lapic; }

bool bt_apic_page(struct vcpu *v, uint32_t at)
{
    struct xlat x;
    struct fault f;
    if (!v->vm->devices.apics || !lapic(v)->enabled || at >= WINDOW_BASE) return false;
    if (!mmu_probe(&v->virt_mmu, gva(at), ACCESS_WRITE, &x, &f)) return false;
    clock_charge(board(v)->clock, CAUSE_EMULATE, x.refs * (uint64_t)board(v)->model->cost[COST_MEM_REF]);
    return (x.at.v & PAGE_MASK) == lapic(v)->base;
}

void bt_apic_faulted(struct vcpu *v, uint32_t eip, uint32_t at)
{
    struct bt_apic *a = &v->bt->apic;
    if ((at & (PAGE_SIZE - 1)) != TPR || !board(v)->setting[SETTING_BT_INCACHE] || !bt_apic_page(v, at)) return;
    bt_adapt_faulted(v, eip, at);
    if (!bt_adapted(v, eip) || a->at == at) return;
    if (a->at) bt_flush(v);
    *a = (struct bt_apic){ .at = at, .mapped = true, .tpr = UINT32_MAX, .low = UINT32_MAX, .off = UINT32_MAX };
}

void bt_apic_check(struct vcpu *v)
{
    struct bt_apic *a = &v->bt->apic;
    if (a->at) a->mapped = bt_apic_page(v, a->at);
}

void bt_apic_take(struct vcpu *v)
{
    struct bt_apic *a = &v->bt->apic;
    struct lapic *l = lapic(v);
    uint32_t tpr = 0;
    if (!a->at || a->off) return;
    bus_peek(board(v)->bus, window_hpa(&v->window, BT_DATA + BT_TPR), &tpr, sizeof tpr);
    clock_charge(board(v)->clock, CAUSE_DISPATCH, board(v)->model->cost[COST_MEM_REF]);
    if (tpr == a->tpr) return;
    a->tpr = tpr;
    l->device.ops->write(&l->device, TPR, sizeof tpr, tpr);
}

static void follow(struct vcpu *v, enum bt_slot slot, uint32_t *was, uint32_t is)
{
    if (*was == is) return;
    *was = is;
    put_slot(v, slot, is);
}

void bt_apic_leave(struct vcpu *v, bool flat)
{
    struct bt_apic *a = &v->bt->apic;
    const struct lapic *l = lapic(v);
    if (!a->at) return;
    bool off = !a->mapped || !flat || !l->enabled;
    follow(v, BT_TPR_OFF, &a->off, off);
    if (off) return;
    follow(v, BT_TPR, &a->tpr, l->tpr);
    follow(v, BT_TPR_LOW, &a->low, lapic_threshold(l));
}
