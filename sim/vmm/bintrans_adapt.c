/* Adaptive retranslation: which instructions fault so often on pages under write trace (page tables, code) that they are
 * better simulated. See bintrans.h; how, is bintrans_store.c's.
 *
 * Idea 1: every instruction starts as a copy. After `need` faults (bt.faults) it is translated to code that asks first, and calls
 * unless the page has an alias; after IDLE calls in a row that would not have faulted, to a copy again.
 * Idea 2: as long as it stores to one page it is translated for that page; the first store elsewhere ends that for good.
 * Idea 3: each way back doubles `need`, so that an instruction with a changing mind does not flap. AA06 5.3 (adaptive BT).
 * The table is small and direct-mapped: who is pushed out of it starts anew. */
#include "sim/vmm/bintrans.h"
#include "sim/vmm/vm.h"

enum { IDLE = 32, NEED_MOST = 256 };

static struct bt_adapt *slot(struct bintrans *t, uint32_t eip) { return &t->adapt[(eip ^ eip >> 10) % BT_ADAPTS]; }

static void changed(struct vcpu *v, const struct bt_adapt *a)
{
    struct bintrans *t = v->bt;
    if (a->on) t->counts.adapted++;
    else t->counts.reverted++;
    TRACE(v->vmm->board.trace, ADAPT, v->cause, .insn = a->eip, .simulate = a->on, .faults = a->faults);
    if (t->here) bt_kill(v, &t->unit[t->here - 1]);
}

bool bt_adapted(const struct vcpu *v, uint32_t eip)
{
    const struct bt_adapt *a = slot(v->bt, eip);
    return v->vmm->board.setting[SETTING_BT_ADAPTIVE] && a->need && a->eip == eip && a->on;
}

bool bt_adapted_page(const struct vcpu *v, uint32_t eip, uint32_t *page)
{
    const struct bt_adapt *a = slot(v->bt, eip);
    *page = a->page;
    return bt_adapted(v, eip) && !a->many;
}

void bt_adapt_called(struct vcpu *v, uint32_t eip, uint32_t at)
{
    struct bintrans *t = v->bt;
    struct bt_adapt *a = slot(t, eip);
    if (!bt_adapted(v, eip) || a->many || a->page == at >> PAGE_SHIFT) return;
    a->many = true;
    if (t->here && t->unit[t->here - 1].guesses) bt_kill(v, &t->unit[t->here - 1]);
}

void bt_adapt_faulted(struct vcpu *v, uint32_t eip, uint32_t at)
{
    struct bt_adapt *a = slot(v->bt, eip);
    if (!v->vmm->board.setting[SETTING_BT_ADAPTIVE]) return;
    uint32_t need = v->vmm->board.setting[SETTING_BT_FAULTS];
    if (!a->need || a->eip != eip) *a = (struct bt_adapt){ .eip = eip, .need = (uint16_t)(need ? need : 1), .page = at >> PAGE_SHIFT };
    if (a->page != at >> PAGE_SHIFT) a->many = true;
    if (++a->faults < a->need) return;
    a->idle = 0;
    a->on = true; /* if it was: this is another unit with a copy of it */
    changed(v, a);
}

void bt_adapt_simulated(struct vcpu *v, uint32_t eip, bool needed)
{
    struct bt_adapt *a = slot(v->bt, eip);
    if (!bt_adapted(v, eip)) return;
    a->idle = needed ? 0 : (uint16_t)(a->idle + 1);
    if (a->idle < IDLE) return;
    a->on = false;
    a->faults = 0;
    a->need = (uint16_t)(a->need < NEED_MOST ? 2 * a->need : NEED_MOST);
    changed(v, a);
}
