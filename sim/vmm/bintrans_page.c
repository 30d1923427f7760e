/* Guest pages with translated code: write traces on their frames, what a store to one undoes, and what a changed mapping does. See
 * bintrans_cache.c, bintrans.h.
 *
 * Idea: a unit is about one linear address and one guest frame (two if an instruction straddles pages). Stores to the frame
 * trap (write trace); when the guest changes its page tables every page is asked whether it is still that frame.
 * The accessed bits of the guest's entries go with that: a page whose bit the guest cleared is translated anew, which sets it. */
#include "sim/mmu/pte.h"
#include "sim/vmm/bintrans_cache.h"

static void trace_page(struct vcpu *v, const struct bt_page *p, bool on)
{
    v->vmmu.cause = v->cause;
    v->vmmu.ops->trace(&v->vmmu, gpa(p->frame << PAGE_SHIFT), on);
}

void bt_page_drop(struct vcpu *v, uint16_t n)
{
    struct bintrans *t = v->bt;
    struct bt_page *p = &t->page[n - 1];
    uint16_t *at = &t->frame[p->frame % BT_KEYS];
    while (*at != n) at = &t->page[*at - 1].next;
    *at = p->next;
    trace_page(v, p, false);
    p->used = false;
}

uint16_t bt_page_obtain(struct vcpu *v, uint32_t page, uint32_t frame)
{
    struct bintrans *t = v->bt;
    bool user = bt_side(v);
    uint16_t *head = &t->frame[frame % BT_KEYS];
    for (uint16_t n = *head; n; n = t->page[n - 1].next)
        if (t->page[n - 1].frame == frame && t->page[n - 1].page == page && t->page[n - 1].user == user) return n;
    unsigned i = 0;
    while (i < BT_PAGES && t->page[i].used) i++;
    if (i == BT_PAGES) return 0;
    if (i >= t->pages) t->pages = i + 1;
    t->page[i] = (struct bt_page){ .frame = frame, .page = page, .next = *head, .used = true, .user = user };
    *head = (uint16_t)(i + 1);
    bt_alias_revoke_frame(v, frame);
    trace_page(v, &t->page[i], true);
    return (uint16_t)(i + 1);
}

void bt_page_join(struct bintrans *t, struct bt_unit *u, unsigned k, uint16_t page)
{
    u->page[k] = page;
    u->next_page[k] = t->page[page - 1].units;
    t->page[page - 1].units = (uint16_t)(u - t->unit + 1);
}

/* Which of a unit's pages is this? */
static unsigned side(const struct bt_unit *u, uint16_t page) { return u->page[0] == page ? 0 : 1; }

void bt_page_leave(struct vcpu *v, struct bt_unit *u, unsigned k)
{
    struct bintrans *t = v->bt;
    uint16_t n = u->page[k], self = (uint16_t)(u - t->unit + 1);
    if (!n) return;
    uint16_t *at = &t->page[n - 1].units;
    while (*at != self) at = &t->unit[*at - 1].next_page[side(&t->unit[*at - 1], n)];
    *at = u->next_page[k];
    u->page[k] = 0;
    if (!t->page[n - 1].units) bt_page_drop(v, n);
}

void bt_stored(struct vcpu *v, uint32_t at, unsigned size)
{
    struct bintrans *t = v->bt;
    if (v->vmmu.ops->traced && v->vmmu.ops->traced(&v->vmmu, gpa(at))) t->traced = true;
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < v->traced[k].n; i++)
            if (v->traced[k].frame[i] == at >> PAGE_SHIFT) bt_selectors_forget(v);
    uint32_t frame = at >> PAGE_SHIFT, first = at & (PAGE_SIZE - 1), last = first + size - 1;
    for (uint16_t n = t->frame[frame % BT_KEYS], next; n; n = next) {
        next = t->page[n - 1].next;
        if (t->page[n - 1].frame != frame) continue;
        uint32_t page = t->page[n - 1].page;
        for (uint16_t m = t->page[n - 1].units, after; m; m = after) {
            struct bt_unit *u = &t->unit[m - 1];
            after = u->next_page[side(u, n)];
            /* The unit's bytes, from the page's start; the second page of a straddling one begins below 0. */
            int64_t from = (int64_t)(int32_t)(t->known[u->context].base + u->eip - (page << PAGE_SHIFT)), to = from + u->bytes - 1;
            if (from <= last && to >= first) bt_kill(v, u);
        }
    }
}

/* The frame behind a linear page of code, if it may be fetched from and its entries are accessed. */
static uint32_t frame_of(const struct vcpu *v, uint32_t page, bool user)
{
    struct xlat x;
    struct fault f;
    if (!mmu_probe(&v->virt_mmu, gva(page << PAGE_SHIFT), ACCESS_EXEC | (user ? ACCESS_USER : 0u), &x, &f)) return FRAME_NONE;
    for (unsigned i = 0; i < x.refs; i++)
        if (!(x.ref[i].entry & PTE_A)) return FRAME_NONE;
    return x.at.v >> PAGE_SHIFT;
}

void bt_remapped(struct vcpu *v)
{
    struct bintrans *t = v->bt;
    bt_selectors_check(v);
    bt_alias_check(v);
    bt_apic_check(v);
    for (uint16_t n = 1; n <= t->pages; n++) {
        if (!t->page[n - 1].used) continue;
        charge(v, COST_MEM_REF, 2);
        if (frame_of(v, t->page[n - 1].page, t->page[n - 1].user) == t->page[n - 1].frame) continue;
        while (t->page[n - 1].used) bt_kill(v, &t->unit[t->page[n - 1].units - 1]);
    }
}
