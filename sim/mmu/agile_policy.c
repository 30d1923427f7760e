/* Which tables are the guest's own: see agile.h. */
#include "sim/mmu/agile.h"

enum { LINE = 64 };

static const struct vmmu_env *env_of(const struct agile *a) { return &a->m->env; }

static void tell(struct agile *a, uint32_t page, bool own)
{
    const struct vmmu_env *env = env_of(a);
    if (env->trace) TRACE(env->trace, NEST, a->m->cause, .own = own, .table = page << PAGE_SHIFT);
}

static void charge(const struct agile *a, uint64_t refs) { clock_charge(env_of(a)->clock, CAUSE_SHADOW, refs * env_of(a)->model->cost[COST_MEM_REF]); }

/* Where memory does not move the first guess is right. */
uint32_t agile_page(const struct agile *a, uint32_t frame)
{
    struct bus *guest = env_of(a)->guest;
    uint32_t guess = frame - env_of(a)->memory_first, owner;
    if (guess < guest->frames && bus_owner(guest, hpa(guess << PAGE_SHIFT), &owner) && owner == frame) return guess;
    for (uint32_t n = 0; n < guest->frames; n++)
        if (bus_owner(guest, hpa(n << PAGE_SHIFT), &owner) && owner == frame) return n;
    return FRAME_NONE;
}

/* ---- periods */

static uint32_t period_of(const struct agile *a, uint64_t now)
{
    uint64_t length = env_of(a)->choice.agile_period;
    return length ? (uint32_t)(now / length) + 1 : 1;
}

static void wait_for_end(struct agile *a)
{
    uint64_t length = env_of(a)->choice.agile_period, now = env_of(a)->clock->now;
    if (length && a->tables && env_of(a)->timers && !a->timer.armed) timeq_arm(env_of(a)->timers, &a->timer, (now / length + 1) * length);
}

/* ---- to the guest */

static uint64_t entry(const struct agile *a, uint32_t frame, uint32_t slot)
{
    uint64_t e = 0;
    unsigned bytes = agile_pae(a) ? 8 : 4;
    bus_peek(env_of(a)->machine, hpa(frame << PAGE_SHIFT | slot * bytes), &e, bytes);
    return e;
}

/* For each table below a directory. */
static void below(struct agile *a, uint32_t frame, void (*act)(struct agile *a, uint32_t page))
{
    charge(a, PAGE_SIZE / LINE);
    for (uint32_t slot = 0; slot < (agile_pae(a) ? (uint32_t)PAE_SLOTS : PTE_SLOTS); slot++) {
        uint64_t pde = entry(a, frame, slot);
        bool large = (pde & PTE_PS) && (a->cr4 & (PAGING_CR4_PSE | PAGING_CR4_PAE));
        if ((pde & PTE_P) && !large && pde >> PAGE_SHIFT < env_of(a)->guest->frames) act(a, (uint32_t)(pde >> PAGE_SHIFT));
    }
}

static void nest_too(struct agile *a, uint32_t page) { (void)agile_nest(a, page); }

bool agile_nest(struct agile *a, uint32_t page)
{
    const struct shadow *s = agile_shadow(a);
    uint32_t frame;
    if (a->kind[page]) return true;
    if (a->whole || a->tables == AGILE_TABLES || !shadow_own_ram(s, page << PAGE_SHIFT, true, &frame) || shadow_frame(s, frame)->traces) return false;
    a->kind[page] = AGILE_OWN;
    a->table[a->tables++] = page;
    if (a->tables > a->peak) a->peak = a->tables;
    a->nested++;
    tell(a, page, true);
    if (shadow_give_up(agile_shadow(a), frame)) {
        a->kind[page] |= AGILE_DIRECTORY;
        below(a, frame, nest_too);
    }
    env_of(a)->flush(env_of(a)->self);
    wait_for_end(a);
    return true;
}

void agile_stored(struct agile *a, uint32_t page)
{
    uint32_t now = period_of(a, env_of(a)->clock->now), enough = env_of(a)->choice.agile_writes;
    if (a->count[page].period != now) a->count[page].stores = 0;
    a->count[page].period = now;
    if (enough && ++a->count[page].stores >= enough) (void)agile_nest(a, page);
}

/* ---- and back */

static void renew(struct agile *a, uint32_t n)
{
    uint32_t page = a->table[n], frame;
    a->kind[page] = 0;
    a->count[page].stores = 0;
    a->table[n] = a->table[--a->tables];
    a->renewed++;
    tell(a, page, false);
    if (shadow_guest_ram(agile_shadow(a), page << PAGE_SHIFT, &frame)) shadow_take_back(agile_shadow(a), frame);
}

void agile_renew(struct agile *a, uint32_t page)
{
    for (uint32_t n = a->tables; n--; )
        if (a->table[n] == page) renew(a, n);
    env_of(a)->flush(env_of(a)->self);
}

void agile_renew_all(struct agile *a)
{
    while (a->tables) renew(a, a->tables - 1);
    env_of(a)->flush(env_of(a)->self);
}

static void stays_below(struct agile *a, uint32_t page)
{
    if (a->kind[page]) a->kind[page] |= AGILE_BELOW;
}

/* Was it stored to in the period that ends, whichever tables led there? */
static bool was_stored(struct agile *a, uint32_t page)
{
    uint32_t frame;
    if (!shadow_guest_ram(agile_shadow(a), page << PAGE_SHIFT, &frame)) return false;
    charge(a, 2);
    bool shadow = shadow_was_stored(agile_shadow(a), frame), second = two_level_was_stored(agile_second(a), (uint64_t)page << PAGE_SHIFT);
    if ((shadow || second) && (a->kind[page] & AGILE_DIRECTORY)) below(a, frame, stays_below);
    return shadow || second;
}

/* The end of a period. */
void agile_end(void *agile, uint64_t when)
{
    struct agile *a = agile;
    static bool stored[AGILE_TABLES];
    (void)when;
    a->m->cause = 0;
    for (uint32_t n = 0; n < a->tables; n++) stored[n] = was_stored(a, a->table[n]);
    for (uint32_t n = a->tables; n--; ) {
        uint32_t page = a->table[n];
        bool stays = stored[n] || (a->kind[page] & AGILE_BELOW);
        a->kind[page] &= (uint8_t)~AGILE_BELOW;
        if (!stays) renew(a, n); /* the last one, which has been looked at, takes its place */
    }
    env_of(a)->flush(env_of(a)->self);
    wait_for_end(a);
}
