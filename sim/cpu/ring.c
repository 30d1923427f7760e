/* Stacks and rings. See ring.h. SDM vol. 3A 5.8.5, 5.8.6, 7.2.1 (TSS). */
#include "sim/cpu/ring.h"

void stores_add(struct stores *p, gva_t at, unsigned size, bool user, uint32_t value)
{
    p->s[p->n].at = at;
    p->s[p->n].size = (uint8_t)size;
    p->s[p->n].user = user;
    p->s[p->n++].value = size == 4 ? value : value & ((1u << 8 * size) - 1);
}

void stores_accessed(struct stores *p, const struct desc *d)
{
    if (!(d->ar & AR_ACCESSED)) stores_add(p, gva(d->at.v + 5), 1, false, (d->ar | AR_ACCESSED) & 0xFFu);
}

/* All of a short list at once, if each of them is at hand: then no probe is needed. */
static bool commit_fast(struct cpu *c, const struct stores *p)
{
    enum { SHORT = 8 };
    uint8_t *host[SHORT];
    if (p->n > SHORT) return false;
    for (unsigned n = 0; n < p->n; n++) {
        unsigned access = ACCESS_WRITE | (p->s[n].user ? ACCESS_USER : 0u);
        host[n] = mem_at_hand(c, p->s[n].at.v, p->s[n].size, access);
        if (!host[n]) return false;
    }
    for (unsigned n = 0; n < p->n; n++) host_store(host[n], p->s[n].size, p->s[n].value);
    return true;
}

enum step stores_commit(struct cpu *c, const struct stores *p)
{
    if (commit_fast(c, p)) return STEP_OK;
    for (unsigned n = 0; n < p->n; n++)
        if (lin_probe_write(c, p->s[n].at, p->s[n].size, p->s[n].user) != STEP_OK) return STEP_FAULT;
    if (commit_fast(c, p)) return STEP_OK; /* what the probes made good */
    for (unsigned n = 0; n < p->n; n++)
        if (lin_write(c, p->s[n].at, p->s[n].size, p->s[n].user, p->s[n].value) != STEP_OK) return STEP_FAULT;
    return STEP_OK;
}

struct stack stack_now(const struct cpu *c)
{
    return (struct stack){ c->seg[SEG_SS], c->reg[ESP], c->cpl == 3 };
}

bool stack_put(struct stack *s, struct stores *p, unsigned size, uint32_t value)
{
    uint32_t mask = stack_mask(&s->ss), offset = (s->esp - size) & mask;
    if (!seg_fits(&s->ss, offset, size)) return false;
    stores_add(p, gva(s->ss.base + offset), size, s->user, value);
    s->esp = (s->esp & ~mask) | offset;
    return true;
}

enum step stack_peek(struct cpu *c, uint32_t above, unsigned size, uint32_t *value)
{
    return mem_read(c, SEG_SS, (c->reg[ESP] + above) & stack_mask(&c->seg[SEG_SS]), size, value);
}

static uint32_t esp_plus(const struct seg_reg *ss, uint32_t esp, uint32_t bytes)
{
    uint32_t mask = stack_mask(ss);
    return (esp & ~mask) | ((esp + bytes) & mask);
}

void stack_release(struct cpu *c, uint32_t bytes)
{
    c->reg[ESP] = esp_plus(&c->seg[SEG_SS], c->reg[ESP], bytes);
}

/* The TSS's stack fields for a ring.  32-bit TSS: ESPn at 4+8n, SSn at 8+8n.  16-bit TSS: SPn at 2+4n, SSn at 4+4n. */
static enum step tss_stack(struct cpu *c, unsigned ring, uint32_t ext, uint16_t *ss, uint32_t *esp)
{
    bool wide = ar_system(c->tr.ar) & 8;
    uint32_t at = wide ? 4 + 8 * ring : 2 + 4 * ring, sel;
    unsigned size = wide ? 4 : 2;
    if (at + size + 1 > c->tr.limit) return cpu_raise_code(c, VEC_TS, sel_code(c->tr.sel) | ext);
    if (lin_read(c, gva(c->tr.base + at), size, false, esp) != STEP_OK) return STEP_FAULT;
    if (lin_read(c, gva(c->tr.base + at + size), 2, false, &sel) != STEP_OK) return STEP_FAULT;
    *ss = (uint16_t)sel;
    return STEP_OK;
}

enum step ring_inner_stack(struct cpu *c, unsigned dpl, uint32_t ext, struct stack *s, struct stores *p)
{
    uint16_t sel = 0;
    struct desc d;
    if (tss_stack(c, dpl, ext, &sel, &s->esp) != STEP_OK) return STEP_FAULT;
    if (sel_null(sel)) return cpu_raise_code(c, VEC_TS, ext);
    if (desc_read(c, sel, VEC_TS, sel_code(sel) | ext, &d) != STEP_OK) return STEP_FAULT;
    if (sel_rpl(sel) != dpl || ar_dpl(d.ar) != dpl || !ar_writable(d.ar))
        return cpu_raise_code(c, VEC_TS, sel_code(sel) | ext);
    if (!(d.ar & AR_P)) return cpu_raise_code(c, VEC_SS, sel_code(sel) | ext);
    seg_from_desc(&s->ss, sel, &d);
    s->user = dpl == 3;
    stores_accessed(p, &d);
    return STEP_OK;
}

uint32_t ring_trace(struct cpu *c, uint32_t eip, struct event *e)
{
    if (!c->trace) return c->cause;
    e->eip = eip;
    return trace_emit(c->trace, e);
}

/* The code segment a far return may go back to. */
static enum step check_return_code(struct cpu *c, uint16_t sel, struct desc *d)
{
    unsigned rpl = sel_rpl(sel);
    if (sel_null(sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (desc_read(c, sel, VEC_GP, sel_code(sel), d) != STEP_OK) return STEP_FAULT;
    if (!ar_code(d->ar) || rpl < c->cpl || (ar_conforming(d->ar) ? ar_dpl(d->ar) > rpl : ar_dpl(d->ar) != rpl))
        return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(sel));
    return STEP_OK;
}

/* The outer stack, from the frame. Its ESP counts only as far as the new SS.B says: the upper half stays the inner
 * ring's (a leak of the real machine). */
static enum step return_stack(struct cpu *c, const struct far_return *r, unsigned ring, struct stack *s,
                              struct stores *p)
{
    uint32_t esp, word;
    struct desc d;
    if (stack_peek(c, r->popped + r->release, r->size, &esp) != STEP_OK) return STEP_FAULT;
    if (stack_peek(c, r->popped + r->release + r->size, r->size, &word) != STEP_OK) return STEP_FAULT;
    uint16_t sel = (uint16_t)word;
    if (sel_null(sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (desc_read(c, sel, VEC_GP, sel_code(sel), &d) != STEP_OK) return STEP_FAULT;
    if (sel_rpl(sel) != ring || !ar_writable(d.ar) || ar_dpl(d.ar) != ring)
        return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d.ar & AR_P)) return cpu_raise_code(c, VEC_SS, sel_code(sel));
    seg_from_desc(&s->ss, sel, &d);
    uint32_t mask = stack_mask(&s->ss);
    s->esp = esp_plus(&s->ss, (c->reg[ESP] & ~mask) | (esp & mask), r->release);
    stores_accessed(p, &d);
    return STEP_OK;
}

/* Going outward must not leave an inner ring's data segments behind. SDM 3A 5.8.6. */
static void drop_inner_segments(struct cpu *c)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    for (unsigned n = 0; n < sizeof data; n++) {
        struct seg_reg *s = &c->seg[data[n]];
        if (s->ar && ar_dpl(s->ar) < c->cpl && !ar_conforming(s->ar)) seg_load_null(s, 0);
    }
}

static void go_outward(struct cpu *c, unsigned ring, const struct stack *s)
{
    cpu_set_cpl(c, (uint8_t)ring);
    c->seg[SEG_SS] = s->ss;
    c->reg[ESP] = s->esp;
    drop_inner_segments(c);
}

static void tell_return(struct cpu *c, const struct far_return *r, unsigned ring)
{
    if (!c->trace) return;
    struct event *e = trace_open(c->trace, EV_RETURN, c->cause, r->at);
    e->u.RETURN.from = c->cpl;
    e->u.RETURN.to = (uint8_t)ring;
    e->u.RETURN.target = r->eip;
    trace_close(c->trace, e);
}

enum step ring_go(struct cpu *c, const struct far_return *r, unsigned ring, const struct seg_reg *cs, const struct stack *s)
{
    clock_charge(c->clock, CAUSE_DELIVER, r->cycles);
    if (ring > c->cpl) {
        tell_return(c, r, ring);
        c->cause = 0; /* the story that led here is over: what the outer ring does next is its own doing */
        go_outward(c, ring, s);
    } else c->reg[ESP] = s->esp;
    c->seg[SEG_CS] = *cs;
    c->eip = r->eip;
    return STEP_JUMP;
}

enum step ring_return(struct cpu *c, const struct far_return *r)
{
    struct stores p;
    struct stack s = stack_now(c);
    struct desc d;
    struct seg_reg cs;
    unsigned ring = sel_rpl(r->cs);
    p.n = 0;
    s.esp = esp_plus(&s.ss, s.esp, r->popped + r->release);
    if (check_return_code(c, r->cs, &d) != STEP_OK) return STEP_FAULT;
    if (ring > c->cpl && return_stack(c, r, ring, &s, &p) != STEP_OK) return STEP_FAULT;
    seg_from_desc(&cs, r->cs, &d);
    if (!seg_fits(&cs, r->eip, 1)) return cpu_raise_code(c, VEC_GP, 0);
    stores_accessed(&p, &d);
    if (stores_commit(c, &p) != STEP_OK) return STEP_FAULT;
    return ring_go(c, r, ring, &cs, &s);
}
