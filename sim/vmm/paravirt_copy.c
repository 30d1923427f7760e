/* See paravirt.h: how the hypervisor reaches a guest's memory. */
#include "sim/vmm/paravirt.h"

void pv_charge(const struct paravirt *p, enum cost cost)
{
    const struct vmm_board *b = &p->v->vmm->board;
    clock_charge(b->clock, CAUSE_HYPERCALL, b->model->cost[cost]);
}

static void charge_words(const struct paravirt *p, uint32_t bytes)
{
    const struct vmm_board *b = &p->v->vmm->board;
    clock_charge(b->clock, CAUSE_HYPERCALL, (bytes + 3) / 4 * (uint64_t)b->model->cost[COST_MEM_REF]);
}

/* The hypervisor's own load or store, in ring 0 with CR0.WP set: through the TLB, walking, setting A and D as any other. */
static bool reach(struct paravirt *p, uint32_t at, unsigned access, hpa_t *to)
{
    struct cpu *real = p->v->vmm->board.cpu;
    struct xlat x = { 0 };
    struct fault f;
    if (direct_through(p->mmu, gva(at)) && !pv_rehook(p)) return false;
    if (at >= direct_hole(p->mmu)) return false;
    bool there = real->env.translate(real->env.mmu, gva(at), access, &x, &f);
    if (!there && p->mmu->log.on && direct_log_fill(p->mmu, gva(at), access, &f)) there = real->env.translate(real->env.mmu, gva(at), access, &x, &f);
    if (!there || x.absent) return false;
    *to = x.at;
    return true;
}

static uint32_t piece_of(uint32_t at, uint32_t n)
{
    uint32_t left = PAGE_SIZE - (at & (PAGE_SIZE - 1));
    return n < left ? n : left;
}

bool pv_read(struct paravirt *p, uint32_t at, void *to, uint32_t n)
{
    uint8_t *bytes = to;
    while (n) {
        hpa_t from;
        uint32_t piece = piece_of(at, n);
        if (!reach(p, at, ACCESS_READ, &from) || !bus_peek(p->v->vmm->board.bus, from, bytes, piece)) return false;
        charge_words(p, piece);
        at += piece, bytes += piece, n -= piece;
    }
    return true;
}

bool pv_write(struct paravirt *p, uint32_t at, const void *from, uint32_t n)
{
    const uint8_t *bytes = from;
    while (n) {
        hpa_t to;
        uint32_t piece = piece_of(at, n);
        if (!reach(p, at, ACCESS_WRITE, &to) || !bus_poke(p->v->vmm->board.bus, to, bytes, piece)) return false;
        charge_words(p, piece);
        at += piece, bytes += piece, n -= piece;
    }
    return true;
}

uint32_t pv_frame_read(const struct paravirt *p, uint32_t frame, uint32_t offset, unsigned size)
{
    uint32_t value = 0;
    bus_peek(p->v->vmm->board.bus, hpa(frame << PAGE_SHIFT | offset), &value, size);
    return value;
}

void pv_frame_write(const struct paravirt *p, uint32_t frame, uint32_t offset, unsigned size, uint32_t value)
{
    pv_stored(p, frame);
    bus_poke(p->v->vmm->board.bus, hpa(frame << PAGE_SHIFT | offset), &value, size);
    pv_charge(p, COST_MEM_REF);
}

uint32_t pv_shared(const struct paravirt *p, uint32_t offset, unsigned size) { return pv_frame_read(p, p->shared, offset, size); }

void pv_set_shared(const struct paravirt *p, uint32_t offset, unsigned size, uint32_t value)
{
    pv_frame_write(p, p->shared, offset, size, value);
}
