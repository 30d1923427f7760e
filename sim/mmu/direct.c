/* The strategy "direct": the real CR3 names the guest's own directory. See direct.h.
 *
 * Nothing is hidden from the guest and nothing is derived, so every page fault is its own. What a hypervisor does here it
 * does when asked, by hypercall: the functions of direct.h are for its paravirtual interface. */
#include "sim/mmu/direct.h"

#include <string.h>
#include "sim/mmu/walk.h"

static struct direct_all *all_of(const struct vmmu_env *env)
{
    if (*env->common) return *env->common;
    struct direct_all *all = *env->common = arena_alloc(env->arena, sizeof *all);
    all->frame = arena_alloc(env->arena, env->machine->frames * sizeof *all->frame);
    all->flushes = 1; /* no frame was mapped since the flush at boot */
    return all;
}

static bool attach(struct vmmu *m, struct err *e)
{
    const struct vmmu_env *env = &m->env;
    if (env->memory_first > env->machine->frames || env->memory_frames > env->machine->frames - env->memory_first ||
        env->pool_first + env->pool_frames > env->machine->frames)
        return err_set(e, EXIT_BUG, "direct: pool misplaced (%X+%X)", env->pool_first, env->pool_frames);
    struct direct *d = arena_alloc(env->arena, sizeof *d);
    d->vmmu = m;
    d->all = all_of(env);
    d->all->domain[env->vm] = d;
    d->frames = env->machine->frames;
    d->frame = d->all->frame;
    d->domain = env->vm;
    d->granted = d->base = d->unhooked.frame = FRAME_NONE;
    for (uint32_t i = 0; i < d->frames && i < env->guest->frames; i++)
        if (env->guest->map[i] != FRAME_NONE)
            d->frame[i] = (struct direct_frame){ .refs = 1, .owner = OWNER_GUEST, .domain = d->domain, .allocated = true }, d->owned++;
    m->state = d;
    return true;
}

static hpa_t paging(struct vmmu *m, uint32_t cr0, uint32_t cr3, uint32_t cr4, bool *flush)
{
    (void)cr0, (void)cr3, (void)cr4; /* they are not the guest's: a hypercall sets the base */
    *flush = true;
    return hpa(direct_of(m)->base << PAGE_SHIFT);
}

/* As the processor loaded them from the L3. */
static void pdptes(const struct direct *d, uint64_t to[4])
{
    memset(to, 0, 4 * sizeof *to);
    if (d->pae && d->base != FRAME_NONE) bus_peek(d->vmmu->env.machine, hpa(d->base << PAGE_SHIFT), to, 4 * sizeof *to);
}

static uint32_t peek_entry(void *bus, hpa_t at)
{
    uint32_t entry = 0;
    bus_peek(bus, at, &entry, sizeof entry);
    return entry;
}

bool direct_walk(const struct direct *d, gva_t at, unsigned access, struct xlat *x, struct fault *f)
{
    const struct vmmu *m = d->vmmu;
    uint64_t pdpte[4];
    pdptes(d, pdpte);
    const struct walk_env w = { .cr0 = PAGING_CR0_PG | PAGING_CR0_WP, .cr4 = PAGING_CR4_PSE | (d->pae ? PAGING_CR4_PAE : 0u), .pdpte = pdpte,
                                .cr3 = d->base << PAGE_SHIFT, .read = peek_entry, .self = m->env.machine };
    return walk(&w, at, access, x, f);
}

static bool probe(const struct vmmu *m, gva_t at, unsigned access, struct xlat *x)
{
    struct fault f;
    return direct_walk(direct_of(m), at, access, x, &f);
}

static enum mmu_answer fault(struct vmmu *m, gva_t at, uint32_t code, bool kernel, struct fault *f)
{
    (void)kernel;
    struct xlat x = { 0 };
    unsigned access = (code & PF_WRITE ? ACCESS_WRITE : 0u) | (code & PF_USER ? ACCESS_USER : 0u);
    probe(m, at, access, &x);
    *f = (struct fault){ .vector = PAGING_VECTOR, .has_code = true, .code = code, .addr = at.v };
    direct_of(m)->stats.true_++;
    if (m->env.trace)
        TRACE(m->env.trace, TRUE, m->cause, .access = (uint8_t)access, .va = at.v, .entry = x.refs ? x.ref[x.refs - 1].entry : 0);
    return MMU_REFLECT;
}

static void invlpg(struct vmmu *m, gva_t at)
{
    if (direct_of(m)->log.on) direct_log_drop(direct_of(m), at);
    if (at.v < direct_hole(direct_of(m))) m->env.invlpg(m->env.self, at);
}

/* The guest's stores are its own: what it must not write to, no writable entry maps. */
static void wrote(struct vmmu *m, gpa_t at, unsigned size) { (void)m, (void)at, (void)size; }
static void trace(struct vmmu *m, gpa_t frame, bool on) { (void)m, (void)frame, (void)on; }

static void stats(const struct vmmu *m, struct vmmu_stats *out) { *out = direct_of(m)->stats; }

const struct mmu_strategy mmu_direct = {
    .name = "direct",
    .about = "the CPU walks the guest's own tables, which hold machine frames; the hypervisor validates each entry by hypercall",
    .attach = attach,
    .paging = paging,
    .fault = fault,
    .invlpg = invlpg,
    .wrote = wrote,
    .trace = trace,
    .stats = stats,
    .probe = probe,
};
