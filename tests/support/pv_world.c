/* See pv_world.h. */
#include "tests/support/pv_world.h"

void holds(const struct world *w, const char *when)
{
    char why[160];
    if (!pv_check(w->p, why, sizeof why)) fail_msg("%s: %s", when, why);
}

struct world world(void)
{
    struct machine_cfg cfg = config_defaults;
    struct err e = { 0 };
    cfg.ram_mib = RAM;
    strcpy(cfg.cpu, "pv");
    strcpy(cfg.image, "build/guests/pvtest.elf");
    struct world w = { .m = machine_new(&cfg, &e), .base = 0xC0000000 };
    if (!w.m) fail_msg("%s", e.text);
    struct till forbidden = { .kind = TILL_LABEL };
    assert_true(machine_find_symbol(w.m, "forbidden", &forbidden.a));
    assert_int_equal(machine_run(w.m, &forbidden, 20000000), MACHINE_TILL);
    w.p = w.m->b->vmm.now->vcpu.pv;
    w.root = w.p->mmu->base;
    /* The guest runs: the hypervisor's calls are made as in a visit. */
    cpu_set_cpl(&w.m->b->cpu, 0);
    w.first = 512; /* of 1024 that are mapped: far behind stack and tables */
    return w;
}

uint32_t mfn(const struct world *w, uint32_t pfn) { return w->m->b->vmm.now->pseudo.map[pfn]; }
uint32_t va(const struct world *w, uint32_t pfn) { return w->base + (pfn << PAGE_SHIFT); }

int32_t call(struct world *w, uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t arg[6] = { a, b, c, d };
    return pv_serve(w->p, number, arg);
}

void put(struct world *w, uint32_t at, const void *from, uint32_t n) { assert_true(pv_write(w->p, at, from, n)); }

int32_t frames(struct world *w)
{
    uint32_t at = va(w, w->first + PAGES), self = XEN_DOM_SELF;
    put(w, at, &self, 2);
    return call(w, 12, XEN_MEM_CURRENT, at, 0, 0);
}

int32_t update(struct world *w, uint32_t ptr, uint32_t val)
{
    struct xen_mmu_update u = { ptr, 0, val, 0 };
    put(w, va(w, w->first), &u, sizeof u);
    return call(w, 1, va(w, w->first), 1, 0, XEN_DOM_SELF);
}

int32_t extended(struct world *w, uint32_t cmd, uint32_t arg1, uint32_t arg2)
{
    struct xen_mmuext_op o = { cmd, arg1, arg2 };
    put(w, va(w, w->first), &o, sizeof o);
    return call(w, 26, va(w, w->first), 1, 0, XEN_DOM_SELF);
}

int32_t map(struct world *w, uint32_t at, uint32_t entry) { return call(w, 14, at, entry, 0, XEN_UVMF_INVLPG); }

const struct direct_frame *frame(const struct world *w, uint32_t pfn) { return &w->p->mmu->frame[mfn(w, pfn)]; }
