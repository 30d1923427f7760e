/* See task.h. Order of steps: SDM vol. 3A 7.3. */
#include "sim/cpu/task.h"

#include "sim/cpu/debug.h"
#include "sim/cpu/ring.h"
#include "sim/cpu/v86.h"

enum { BUSY = 2 };

/* Where things lie in a TSS of 16 or of 32 bits; registers and selectors follow each other in the manual's order. */
static const struct layout {
    uint8_t word, last, eip, flags, reg, seg, segs, ldt;
} layouts[2] = {
    { .word = 2, .last = 0x2B, .eip = 0x0E, .flags = 0x10, .reg = 0x12, .seg = 0x22, .segs = 4, .ldt = 0x2A },
    { .word = 4, .last = 0x67, .eip = 0x20, .flags = 0x24, .reg = 0x28, .seg = 0x48, .segs = 6, .ldt = 0x60 }
};
enum { TSS_LINK = 0, TSS32_CR3 = 0x1C, TSS32_TRAP = 0x64 };

static bool is_wide(uint16_t ar) { return ar_system(ar) & 8; }
static const struct layout *layout_of(uint16_t ar) { return &layouts[is_wide(ar)]; }

/* What a TSS holds for its task. */
struct image {
    uint32_t cr3, eip, flags, reg[8];
    uint16_t sel[SEG_COUNT], ldt;
    bool     trap;
};

/* ---- before the point of no return ---- */

static enum step find_tss(struct cpu *c, const struct task *t, struct desc *d)
{
    uint32_t code = sel_code(t->sel) | t->ext;
    uint8_t vector = t->why == TASK_IRET ? VEC_TS : VEC_GP;
    if (sel_null(t->sel) || (t->sel & 4)) return cpu_raise_code(c, vector, code);
    if (desc_read(c, t->sel, vector, code, d) != STEP_OK) return STEP_FAULT;
    unsigned wanted = t->why == TASK_IRET ? SYS_TSS16_BUSY : SYS_TSS16;
    if ((ar_system(d->ar) & ~8u) != wanted) return cpu_raise_code(c, vector, code);
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, code);
    if (desc_limit(d) < layout_of(d->ar)->last) return cpu_raise_code(c, VEC_TS, code);
    if (c->tr.limit < layout_of(c->tr.ar)->last) return cpu_raise_code(c, VEC_TS, sel_code(c->tr.sel) | t->ext);
    return STEP_OK;
}

/* The upper halves of registers that a 16-bit TSS lacks are ones, as on 386 and later. */
static enum step read_image(struct cpu *c, const struct seg_reg *tss, struct image *m)
{
    const struct layout *l = layout_of(tss->ar);
    uint32_t word = 0;
    *m = (struct image){ .eip = 0 };
    if (lin_read(c, gva(tss->base + l->eip), l->word, false, &m->eip) != STEP_OK) return STEP_FAULT;
    if (lin_read(c, gva(tss->base + l->flags), l->word, false, &m->flags) != STEP_OK) return STEP_FAULT;
    for (unsigned n = 0; n < 8; n++) {
        if (lin_read(c, gva(tss->base + l->reg + n * l->word), l->word, false, &m->reg[n]) != STEP_OK) return STEP_FAULT;
        if (!is_wide(tss->ar)) m->reg[n] |= 0xFFFF0000u;
    }
    for (unsigned n = 0; n < l->segs; n++) {
        if (lin_read(c, gva(tss->base + l->seg + n * l->word), 2, false, &word) != STEP_OK) return STEP_FAULT;
        m->sel[n] = (uint16_t)word;
    }
    if (lin_read(c, gva(tss->base + l->ldt), 2, false, &word) != STEP_OK) return STEP_FAULT;
    m->ldt = (uint16_t)word;
    if (!is_wide(tss->ar)) return STEP_OK;
    if (lin_read(c, gva(tss->base + TSS32_CR3), 4, false, &m->cr3) != STEP_OK) return STEP_FAULT;
    if (lin_read(c, gva(tss->base + TSS32_TRAP), 2, false, &word) != STEP_OK) return STEP_FAULT;
    m->trap = word & 1;
    return STEP_OK;
}

/* The old task's state; CR3 and LDT are read from a TSS, never written. */
static void save(const struct cpu *c, const struct task *t, struct stores *p)
{
    const struct layout *l = layout_of(c->tr.ar);
    uint32_t base = c->tr.base, flags = cpu_flags(c);
    if (t->why != TASK_GATE || t->asked) flags &= ~(uint32_t)FLAG_RF; /* it was for the instruction that switches, which is done */
    if (t->rf) flags |= FLAG_RF;
    if (t->why == TASK_IRET) flags &= ~(uint32_t)FLAG_NT;
    stores_add(p, gva(base + l->eip), l->word, false, t->back);
    stores_add(p, gva(base + l->flags), l->word, false, flags);
    for (unsigned n = 0; n < 8; n++) stores_add(p, gva(base + l->reg + n * l->word), l->word, false, c->reg[n]);
    for (unsigned n = 0; n < l->segs; n++) stores_add(p, gva(base + l->seg + n * l->word), 2, false, c->seg[n].sel);
}

/* Busy is who runs, and who waits for a nested task's IRET. */
static enum step mark(struct cpu *c, const struct task *t, const struct desc *d, uint32_t new_base, struct stores *p)
{
    uint32_t access;
    if (t->why == TASK_JUMP || t->why == TASK_IRET) {
        gva_t old = gva(c->gdtr.base + (c->tr.sel & 0xFFF8u) + 5);
        if (lin_read(c, old, 1, false, &access) != STEP_OK) return STEP_FAULT;
        stores_add(p, old, 1, false, access & ~(uint32_t)BUSY);
    }
    if (t->why != TASK_IRET) stores_add(p, gva(d->at.v + 5), 1, false, (d->ar | BUSY) & 0xFFu);
    if (t->why == TASK_CALL || t->why == TASK_GATE) stores_add(p, gva(new_base + TSS_LINK), 2, false, c->tr.sel);
    return STEP_OK;
}

/* ---- behind it ---- */

static void load_cr3(struct cpu *c, const struct task *t, uint32_t cr3)
{
    (void)cpu_cr3(c, cr3); /* with PAE and bad entries it stays what it was */
    ring_trace(c, t->at, &(struct event){ .kind = EV_CR3, .cause = c->cause, .u.CR3.value = c->cr3 });
}

/* All that cannot fail. Ring 3 until there is a stack, so that a fault before that takes one from the TSS. */
static void adopt(struct cpu *c, const struct task *t, const struct seg_reg *tss, const struct image *m)
{
    c->tr = *tss;
    c->cr0 |= CR0_TS;
    if (is_wide(tss->ar) && (c->cr0 & CR0_PG)) load_cr3(c, t, m->cr3);
    for (unsigned n = 0; n < 8; n++) c->reg[n] = m->reg[n];
    c->eip = m->eip;
    cpu_set_flags(c, m->flags | (t->why == TASK_CALL || t->why == TASK_GATE ? FLAG_NT : 0u));
    c->rf_at = c->insns + 1;
    c->inhibit = UINT64_MAX;
    c->halted = false;
    debug_task(c, false);
    c->untraced = true;
    cpu_set_cpl(c, 3);
    seg_load_null(&c->ldtr, m->ldt);
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        if (cpu_v86(c)) seg_load_v86(&c->seg[n], m->sel[n]);
        else seg_load_null(&c->seg[n], m->sel[n]);
    }
}

static enum step load_ldt(struct cpu *c, const struct task *t, uint16_t sel)
{
    uint32_t code = sel_code(sel) | t->ext;
    struct desc d;
    if (sel_null(sel)) return STEP_OK;
    if (sel & 4) return cpu_raise_code(c, VEC_TS, code);
    if (desc_read(c, sel, VEC_TS, code, &d) != STEP_OK) return STEP_FAULT;
    if (ar_system(d.ar) != SYS_LDT || !(d.ar & AR_P)) return cpu_raise_code(c, VEC_TS, code);
    seg_from_desc(&c->ldtr, sel, &d);
    return STEP_OK;
}

/* Is this descriptor one that the register may hold, apart from presence? */
static bool fits(const struct desc *d, unsigned seg, unsigned cpl)
{
    unsigned dpl = ar_dpl(d->ar), rpl = sel_rpl(d->sel);
    switch (seg) {
    case SEG_SS: return ar_writable(d->ar) && dpl == cpl && rpl == cpl;
    case SEG_CS: return ar_code(d->ar) && (ar_conforming(d->ar) ? dpl <= rpl : dpl == rpl);
    default: return ar_readable(d->ar) && desc_visible(d, cpl);
    }
}

static enum step load_segment(struct cpu *c, const struct task *t, unsigned seg, unsigned cpl)
{
    uint16_t sel = c->seg[seg].sel;
    uint32_t code = sel_code(sel) | t->ext;
    struct stores p = { 0 };
    struct desc d;
    if (sel_null(sel)) return seg == SEG_CS || seg == SEG_SS ? cpu_raise_code(c, VEC_TS, code) : STEP_OK;
    if (desc_read(c, sel, VEC_TS, code, &d) != STEP_OK) return STEP_FAULT;
    if (!fits(&d, seg, cpl)) return cpu_raise_code(c, VEC_TS, code);
    if (!(d.ar & AR_P)) return cpu_raise_code(c, seg == SEG_SS ? VEC_SS : VEC_NP, code);
    stores_accessed(&p, &d);
    if (stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    seg_from_desc(&c->seg[seg], sel, &d);
    return STEP_OK;
}

static enum step load_segments(struct cpu *c, const struct task *t)
{
    static const uint8_t order[] = { SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    unsigned cpl = sel_rpl(c->seg[SEG_CS].sel);
    if (load_segment(c, t, SEG_SS, cpl) != STEP_OK) return STEP_FAULT;
    cpu_set_cpl(c, (uint8_t)cpl);
    for (unsigned n = 0; n < sizeof order; n++)
        if (load_segment(c, t, order[n], cpl) != STEP_OK) return STEP_FAULT;
    return STEP_OK;
}

static enum step push_code(struct cpu *c, const struct task *t)
{
    struct stores p = { 0 };
    struct stack s = stack_now(c);
    if (!stack_put(&s, &p, layout_of(c->tr.ar)->word, t->code)) return cpu_raise_code(c, VEC_SS, t->ext);
    if (stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    c->reg[ESP] = s.esp;
    return STEP_OK;
}

static enum step settle_in(struct cpu *c, const struct task *t, const struct image *m)
{
    if (load_ldt(c, t, m->ldt) != STEP_OK) return STEP_FAULT;
    if (!cpu_v86(c) && load_segments(c, t) != STEP_OK) return STEP_FAULT;
    if (t->has_code && push_code(c, t) != STEP_OK) return STEP_FAULT;
    bool stopped = v86_pending(c) || !seg_fits(&c->seg[SEG_CS], c->eip, 1);
    return stopped ? cpu_raise_code(c, VEC_GP, t->ext) : STEP_OK;
}

enum step task_enter(struct cpu *c, const struct task *t)
{
    static const uint8_t source[] = { [TASK_CALL] = 0, [TASK_IRET] = 1, [TASK_JUMP] = 2, [TASK_GATE] = 3 };
    struct stores p = { 0 };
    struct seg_reg tss;
    struct image m;
    struct desc d;
    if (find_tss(c, t, &d) != STEP_OK) return STEP_FAULT;
    if (c->vmx.nonroot) return vmx_leave_task(c, t->sel, source[t->why], t->at, t->back, t->rf);
    cpu_seg_set(&tss, t->sel, d.low, d.high | BUSY << 8);
    if (read_image(c, &tss, &m) != STEP_OK) return STEP_FAULT;
    save(c, t, &p);
    if (mark(c, t, &d, tss.base, &p) != STEP_OK || stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    if (tss.base == c->tr.base && read_image(c, &tss, &m) != STEP_OK) return STEP_FAULT; /* what was just saved */
    clock_charge(c->clock, CAUSE_DELIVER, c->model->cost[COST_TASK]);
    c->cause = ring_trace(c, t->at, &(struct event){ .kind = EV_TASK, .cause = c->cause,
        .u.TASK = { .tss = t->sel, .target = m.eip } });
    adopt(c, t, &tss, &m);
    if (settle_in(c, t, &m) == STEP_OK) {
        debug_task(c, m.trap);
        return STEP_JUMP;
    }
    if (t->again) return STEP_FAULT;
    cpu_deliver_fault(c, c->fault);
    return STEP_JUMP;
}
