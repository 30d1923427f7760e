/* Who has to give memory back, and when: shares per page with a tax on idle ones, samples, reclaim states. See memory.h.
 *
 *   rho = S / (P (f + k (1 - f))),  k = 1 / (1 - tax)       S shares, P pages, f the part of them in use
 *
 * Idea 1: a page is taken from whoever pays the least for one ("min-funding revocation"), and given to whoever pays most. With a tax
 * of 75 % an idle page costs its owner four times as much as one in use.
 * Idea 2: what is idle is found by sampling: nothing leads to 100 random pages any more; those that are accessed come back by a
 * fault each. The estimate follows a rise at once and a fall slowly: memory is soon needed again.
 * Idea 3: the less is free, the ruder the means: from 4 % balloons grow, from 2 % pages are swapped, below 1 % whoever wants a
 * frame waits until one was swapped out. A better state begins only at the threshold above, so that they do not alternate.
 * Waldspurger 2002, 5 and 6. There samples take 30 s; here runs are shorter (memory.sample). */
#include "sim/vmm/memory.h"
#include "sim/vmm/vm.h"

enum { HUNDRED = 100, THOUSAND = 1000, MOST_BALLOON = 65 /* percent of a VM's memory */, SWAPS_AT_ONCE = 16 };

/* Percent of the machine's memory that is free: below the figure the state begins. */
static const uint32_t percent[RECLAIM_STATES] = { [RECLAIM_HIGH] = 6, [RECLAIM_SOFT] = 4, [RECLAIM_HARD] = 2, [RECLAIM_LOW] = 1 };
static const char *const names[RECLAIM_STATES] = { "high", "soft", "hard", "low" };

const char *reclaim_name(unsigned state) { return state < RECLAIM_STATES ? names[state] : "?"; }
void memory_names(void) { trace_names("reclaim", names, RECLAIM_STATES); }

static uint32_t threshold(const struct memory *m, enum reclaim state) { return (m->frames * percent[state] + HUNDRED - 1) / HUNDRED; }
static uint32_t setting(const struct memory *m, enum setting s) { return m->vmm->board.setting[s]; }
static uint64_t cycles(const struct memory *m, enum setting us) { return m->vmm->board.clock->hz / 1000000 * setting(m, us); }

/* ---- shares per page */

uint32_t memory_price(uint32_t active, uint32_t tax) { return active * (HUNDRED - tax) + (THOUSAND - active) * HUNDRED; }

/* Pages that a VM keeps whatever it pays: below that it could not even run its balloon driver. */
static uint32_t floor_of(const struct memory *m, const struct memory_vm *v)
{
    uint32_t fair = m->frames / (4 * m->vmm->vms);
    return fair < v->pages / 16 ? fair : v->pages / 16;
}

/* Does `a` pay less for a page than `b`? */
static bool pays_less(const struct memory *m, const struct memory_vm *a, uint32_t pages_a, const struct memory_vm *b, uint32_t pages_b)
{
    uint32_t tax = setting(m, SETTING_MEMORY_TAX);
    return (uint64_t)a->share * pages_b * memory_price(b->count.active, tax) < (uint64_t)b->share * pages_a * memory_price(a->count.active, tax);
}

struct memory_vm *memory_poorest(const struct memory *m, const uint32_t have[])
{
    struct memory_vm *least = NULL;
    for (unsigned n = 0; n < m->vmm->vms; n++) {
        struct memory_vm *v = memory_of(m, n);
        if (have[n] <= floor_of(m, v)) continue;
        if (!least || pays_less(m, v, have[n], least, have[least->vm->id])) least = v;
    }
    return least;
}

static struct memory_vm *richest(const struct memory *m, const uint32_t have[])
{
    struct memory_vm *most = NULL;
    for (unsigned n = 0; n < m->vmm->vms; n++) {
        struct memory_vm *v = memory_of(m, n);
        if (v->count.target && (!most || pays_less(m, most, have[most->vm->id], v, have[n]))) most = v;
    }
    return most;
}

/* How large each balloon should be. What is missing until 6 % are free is taken where it costs least. */
static void set_targets(struct memory *m)
{
    uint32_t have[256], enough = threshold(m, RECLAIM_HIGH);
    for (unsigned n = 0; n < m->vmm->vms; n++) {
        struct memory_vm *v = memory_of(m, n);
        have[n] = v->driver && v->vm->account.state != VM_OVER ? v->count.here : 0;
        v->count.target = v->count.ballooned;
    }
    for (uint32_t missing = m->state == RECLAIM_HIGH || enough < m->free_n ? 0 : enough - m->free_n; missing; missing--) {
        struct memory_vm *v = memory_poorest(m, have);
        if (!v) break;
        have[v->vm->id]--;
        if (v->count.target < v->pages * MOST_BALLOON / HUNDRED) v->count.target++;
        else have[v->vm->id] = 0;
    }
    for (uint32_t spare = m->state == RECLAIM_HIGH && m->free_n > enough ? m->free_n - enough : 0; spare; spare--) {
        struct memory_vm *v = richest(m, have);
        if (!v) break;
        have[v->vm->id]++;
        v->count.target--;
    }
    memory_charge(m, m->vmm->vms);
}

/* ---- what is idle */

static void end_sample(struct memory_vm *v)
{
    if (!v->sampled) return;
    uint32_t now = THOUSAND * v->touched / v->sampled, *active = &v->count.active;
    *active = now > *active ? now : (*active + now) / 2;
}

static void begin_sample(struct memory *m, struct memory_vm *v)
{
    struct vmmu *mmu = &v->vm->vcpu.vmmu;
    v->sampled = v->touched = 0;
    for (unsigned tries = 0; v->sampled < MEMORY_SAMPLE && tries < 4 * MEMORY_SAMPLE && v->count.here; tries++) {
        uint32_t page = memory_random(m, v->pages);
        struct memory_page *p = &v->page[page];
        if (p->state != PAGE_HERE || p->sampled) continue;
        if (mmu->ops->traced(mmu, gpa(page << PAGE_SHIFT)) || !memory_unmap(v, page)) v->touched++; /* a table is in use */
        else p->sampled = true;
        v->sampled++;
    }
    memory_charge(m, v->sampled);
}

static void sample(struct memory *m)
{
    for (unsigned n = 0; n < m->vmm->vms; n++) {
        struct memory_vm *v = memory_of(m, n);
        end_sample(v);
        for (uint32_t page = 0; page < v->pages; page++) v->page[page].sampled = false;
        if (v->vm->account.state != VM_OVER) begin_sample(m, v);
    }
}

/* ---- reclaim states */

static void set_state(struct memory *m)
{
    uint8_t to = m->state;
    while (to < RECLAIM_LOW && m->free_n < threshold(m, to + 1)) to++;
    while (to > RECLAIM_HIGH && to == m->state && m->free_n >= threshold(m, to - 1)) to--;
    const struct clock *c = m->vmm->board.clock;
    m->in_state[m->state] += c->now - m->since;
    m->since = c->now;
    if (to == m->state) return;
    TRACE(m->vmm->board.trace, RECLAIM, 0, .from = m->state, .to = to, .free = m->free_n);
    m->state = to;
}

static void swap_some(struct memory *m)
{
    for (unsigned n = 0; n < SWAPS_AT_ONCE && m->free_n < threshold(m, RECLAIM_SOFT); n++)
        if (!memory_swap_out(m)) return;
}

void memory_tick(struct vmm *h)
{
    struct memory *m = &h->memory;
    const struct clock *c = h->board.clock;
    if (!m->managed || c->now < m->next) return;
    set_state(m);
    if (setting(m, SETTING_MEMORY_TAX) && c->now >= m->next_sample) {
        sample(m);
        m->next_sample = c->now + cycles(m, SETTING_MEMORY_SAMPLE);
    }
    if (setting(m, SETTING_MEMORY_SHARE)) memory_scan(m, setting(m, SETTING_MEMORY_SCAN));
    set_targets(m);
    if (m->state >= RECLAIM_HARD) swap_some(m);
    m->next = c->now + cycles(m, SETTING_MEMORY_PERIOD);
}

uint64_t memory_deadline(const struct vmm *h) { return h->memory.managed ? h->memory.next : TIMEQ_NEVER; }
