/* See direct.h: who owns a frame, who refers to it, and as what it is used. */
#include "sim/mmu/direct.h"

#include <string.h>

const char *const direct_words[DIRECT_RULES] = {
#define RULE(e, word, error, about) word,
#include "sim/mmu/direct.def"
#undef RULE
};
static const char *const abouts[DIRECT_RULES] = {
#define RULE(e, word, error, about) about,
#include "sim/mmu/direct.def"
#undef RULE
};
static const uint8_t errnos[DIRECT_RULES] = {
#define RULE(e, word, error, about) error,
#include "sim/mmu/direct.def"
#undef RULE
};
const char *const direct_types[FRAME_TYPES] = { "none", "writable", "L1", "L2", "segments", "L3", "L2-top" };

const char *direct_word(unsigned rule) { return rule < DIRECT_RULES ? direct_words[rule] : "?"; }
const char *direct_about(unsigned rule) { return rule < DIRECT_RULES ? abouts[rule] : "?"; }
int         direct_errno(unsigned rule) { return rule < DIRECT_RULES ? errnos[rule] : 22; }

void direct_charge(const struct direct *d, enum cost cost, uint64_t times)
{
    clock_charge(d->vmmu->env.clock, CAUSE_HYPERCALL, times * d->vmmu->env.model->cost[cost]);
}

enum direct_rule direct_refuse(struct direct *d, enum direct_rule rule, uint32_t frame, uint64_t entry)
{
    d->refused[rule]++;
    if (d->vmmu->env.trace)
        TRACE(d->vmmu->env.trace, REFUSED, d->vmmu->cause, .rule = (uint8_t)rule, .frame = frame, .entry = (uint32_t)entry);
    return rule;
}

void direct_flush(struct direct *d)
{
    d->all->flushes++;
    if (d->log.on) direct_log_forget(d);
    d->vmmu->env.flush(d->vmmu->env.self);
}

/* Before a frame gets another use or owner: could the TLB still lead there? */
static void forget_mappings(struct direct *d, const struct direct_frame *f)
{
    if (f->stamp == d->all->flushes) direct_flush(d);
}

bool direct_owns(const struct direct *d, uint32_t frame)
{
    return frame < d->frames && d->frame[frame].owner != OWNER_NONE && d->frame[frame].domain == d->domain;
}

static bool may_name(const struct direct *d, uint32_t frame) { return direct_owns(d, frame) || (frame == d->granted && frame < d->frames); }

enum direct_rule direct_get(struct direct *d, uint32_t frame)
{
    if (!may_name(d, frame)) return direct_refuse(d, DIRECT_FOREIGN, frame, 0);
    d->frame[frame].refs++;
    return DIRECT_OK;
}

void direct_put(struct direct *d, uint32_t frame)
{
    struct direct_frame *f = &d->frame[frame];
    f->stamp = d->all->flushes;
    if (--f->refs) return;
    forget_mappings(d, f);
    struct direct *of = d->all->domain[f->domain];
    of->owned -= f->owner == OWNER_GUEST;
    f->owner = OWNER_NONE;
    f->type = FRAME_UNTYPED;
    of->vmmu->env.guest->map[frame] = FRAME_NONE;
}

/* The first use as something: what it was before is over. */
static enum direct_rule retype(struct direct *d, uint32_t frame, enum direct_type type)
{
    struct direct_frame *f = &d->frame[frame];
    if (type != FRAME_WRITABLE && f->type == FRAME_WRITABLE) forget_mappings(d, f);
    f->type = (uint8_t)type;
    f->uses = 1; /* before its entries are looked at: they may name this very frame */
    if (type == FRAME_WRITABLE) return DIRECT_OK;
    enum direct_rule rule = DIRECT_OK;
    if (direct_is_table(type)) rule = direct_validate(d, frame, type);
    else if (!d->segments(d->self, frame)) rule = direct_refuse(d, DIRECT_SEGMENT, frame, 0);
    if (rule) {
        f->uses = 0;
        f->type = FRAME_UNTYPED;
    } else if (direct_is_table(type) && ++d->stats.tables > d->stats.tables_peak) d->stats.tables_peak = d->stats.tables;
    return rule;
}

enum direct_rule direct_take(struct direct *d, uint32_t frame, enum direct_type type)
{
    if (!(type == FRAME_WRITABLE ? may_name(d, frame) : direct_owns(d, frame))) return direct_refuse(d, DIRECT_FOREIGN, frame, 0);
    struct direct_frame *f = &d->frame[frame];
    if (f->uses && f->type != type) return direct_refuse(d, DIRECT_TYPE, frame, (uint32_t)f->type << 8 | (uint32_t)type);
    enum direct_rule rule = DIRECT_OK;
    if (f->uses) f->uses++;
    else rule = retype(d, frame, type);
    if (!rule) f->refs++;
    return rule;
}

void direct_drop(struct direct *d, uint32_t frame)
{
    struct direct_frame *f = &d->frame[frame];
    if (--f->uses == 0 && direct_is_table(f->type)) {
        d->stats.tables--;
        d->stats.dropped++;
        direct_devalidate(d, frame, f->type);
    }
    direct_put(d, frame);
}

void direct_share(struct direct *d, uint32_t frame)
{
    d->frame[frame] = (struct direct_frame){ .refs = 1, .uses = 1, .type = FRAME_WRITABLE, .owner = OWNER_SHARED, .domain = d->domain, .allocated = true };
    d->vmmu->env.guest->map[frame] = frame;
}

bool direct_release(struct direct *d, uint32_t frame)
{
    if (!direct_owns(d, frame) || d->frame[frame].owner != OWNER_GUEST || !d->frame[frame].allocated) return false;
    d->frame[frame].allocated = false;
    direct_put(d, frame);
    return true;
}

uint32_t direct_memory(const struct direct_all *all, uint32_t *free)
{
    uint32_t frames = 0, owned = 0;
    for (unsigned n = 0; n < DIRECT_DOMAINS; n++) {
        if (!all->domain[n]) continue;
        frames += all->domain[n]->vmmu->env.memory_frames;
        owned += all->domain[n]->owned;
    }
    *free = frames - owned;
    return frames;
}

/* A free frame among those that were a domain's at first: what lies beyond is the hypervisor's, or of VMs that are no domains. */
static uint32_t free_frame(const struct direct *of)
{
    uint32_t n = of->vmmu->env.memory_first, end = n + of->vmmu->env.memory_frames;
    while (n < end && of->frame[n].owner != OWNER_NONE) n++;
    return n < end ? n : FRAME_NONE;
}

bool direct_allocate(struct direct *d, uint32_t *frame)
{
    enum { PARTS = PAGE_SIZE / 64 /* stored as lines of a cache */ };
    static const uint8_t zeros[PAGE_SIZE];
    const struct vmmu_env *env = &d->vmmu->env;
    uint32_t n = free_frame(d); /* what was its own is near; then anybody's */
    for (unsigned i = 0; n == FRAME_NONE && i < DIRECT_DOMAINS; i++)
        if (d->all->domain[i]) n = free_frame(d->all->domain[i]);
    if (n == FRAME_NONE) return false;
    d->owned++;
    d->all->scrubbed++;
    clock_charge(env->clock, CAUSE_MEMORY, (uint64_t)PARTS * env->model->cost[COST_MEM_REF]);
    d->frame[n] = (struct direct_frame){ .refs = 1, .owner = OWNER_GUEST, .domain = d->domain, .allocated = true, .stamp = d->all->flushes - 1 };
    env->guest->map[n] = n;
    bus_poke(env->machine, hpa(n << PAGE_SHIFT), zeros, sizeof zeros);
    *frame = n;
    return true;
}

bool direct_transfer(struct direct *d, uint32_t frame, struct direct *to)
{
    struct direct_frame *f = &d->frame[frame];
    if (!direct_owns(d, frame) || f->owner != OWNER_GUEST || !f->allocated || f->refs != 1) return false;
    forget_mappings(d, f);
    f->type = FRAME_UNTYPED;
    f->domain = to->domain;
    d->owned--, to->owned++;
    d->vmmu->env.guest->map[frame] = FRAME_NONE;
    to->vmmu->env.guest->map[frame] = frame;
    return true;
}
