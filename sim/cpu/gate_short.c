/* See gate_short.h. Two doublewords of a descriptor are called low and high, as in segment.h. */
#include "sim/cpu/gate_short.h"

/* What must be, and must not be, in the upper doubleword (access rights are its bits 8 to 15). */
enum {
    P = AR_P << 8, S = AR_S << 8, CODE = AR_CODE << 8, DOWN = AR_DOWN << 8, WRITE = AR_WRITE << 8, ACCESSED = AR_ACCESSED << 8,
    TYPE = AR_TYPE << 8, DB = 1 << 22,
    GATE_MASK = P | S | 0xE00, GATE_IS = P | SYS_INT32 << 8,  /* or SYS_TRAP32 */
    CODE_MASK = P | S | CODE | DOWN | ACCESSED, CODE_IS = P | S | CODE | ACCESSED,
    STACK_MASK = P | S | TYPE | DB, STACK_IS = P | S | WRITE | ACCESSED | DB
};
static unsigned dpl_of(uint32_t high) { return high >> 13 & 3; }

struct words { uint32_t low, high; };

/* The descriptor of a selector of the GDT. */
static inline bool global_desc(struct cpu *c, uint32_t sel, struct words *d)
{
    if ((sel & 4) || !(sel & 0xFFF8) || (sel | 7) > c->gdtr.limit) return false;
    const uint8_t *host = mem_at_hand(c, c->gdtr.base + (sel & 0xFFF8), 8, ACCESS_READ);
    if (!host) return false;
    *d = (struct words){ host_load(host, 4), host_load(host + 4, 4) };
    return true;
}

/* The hidden part for a descriptor that is present, not expand-down: cpu_seg_set without questions. */
static inline void set(struct seg_reg *s, uint32_t sel, const struct words *d, bool code)
{
    uint32_t limit = (d->high & 0xF0000) | (d->low & 0xFFFF);
    s->sel = (uint16_t)sel;
    s->ar = (uint16_t)(d->high >> 8 & 0xF0FF);
    s->base = (d->high & 0xFF000000u) | (d->high & 0xFF) << 16 | d->low >> 16;
    s->limit = d->high & 1u << 23 ? limit << 12 | 0xFFF : limit;
    uint32_t end = seg_end(s->limit);
    s->rd_end = !code || (d->high & WRITE) ? end : 0;
    s->wr_end = code ? 0 : end;
}

/* A stack for the ring that CS leads to. */
static inline bool stack_of(struct cpu *c, uint32_t sel, unsigned ring, struct seg_reg *ss)
{
    struct words d;
    if (!global_desc(c, sel, &d)) return false;
    if ((sel & 3) != ring || (d.high & STACK_MASK) != STACK_IS || dpl_of(d.high) != ring) return false;
    set(ss, sel, &d, false);
    return true;
}

/* A 32-bit TSS has ESPn at 4 + 8n, SSn behind it. */
static inline bool inner_stack(struct cpu *c, unsigned ring, struct short_way *w)
{
    uint32_t at = 4 + 8 * ring;
    if (!(ar_system(c->tr.ar) & 8) || at + 5 > c->tr.limit) return false;
    const uint8_t *host = mem_at_hand(c, c->tr.base + at, 6, ACCESS_READ);
    if (!host) return false;
    w->stack.esp = host_load(host, 4);
    return stack_of(c, host_load(host + 4, 2), ring, &w->stack.ss);
}

bool gate_short_in(struct cpu *c, uint8_t vector, bool soft, bool has_code, struct short_way *w)
{
    uint32_t at = 8u * vector;
    if (at + 7 > c->idtr.limit || cpu_v86(c)) return false;
    const uint8_t *host = mem_at_hand(c, c->idtr.base + at, 8, ACCESS_READ);
    if (!host) return false;
    const struct words g = { host_load(host, 4), host_load(host + 4, 4) };
    if ((g.high & GATE_MASK) != GATE_IS || (soft && dpl_of(g.high) < c->cpl)) return false;
    struct words d;
    uint32_t sel = g.low >> 16;
    if (!global_desc(c, sel, &d) || (d.high & CODE_MASK) != CODE_IS) return false;
    unsigned ring = dpl_of(d.high);
    if (ring > c->cpl) return false;
    bool inward = ring < c->cpl;
    if (!inward) {
        w->stack = stack_now(c);
        if (!(w->stack.ss.ar & AR_DB)) return false;
    } else if (!inner_stack(c, ring, w)) return false;
    set(&w->cs, (sel & 0xFFFC) | ring, &d, true);
    w->ring = (uint8_t)ring;
    w->stack.user = ring == 3;
    w->masks = !(g.high & 0x100);
    w->eip = (g.high & 0xFFFF0000u) | (g.low & 0xFFFF);
    unsigned size = 4 * ((inward ? 5u : 3u) + has_code);
    w->stack.esp -= size;
    if ((uint64_t)w->stack.esp + (size - 4) >= w->stack.ss.wr_end || w->eip > w->cs.limit) return false;
    w->frame = mem_at_hand(c, w->stack.ss.base + w->stack.esp, size, ACCESS_WRITE | (ring == 3 ? ACCESS_USER : 0u));
    return w->frame;
}

bool gate_short_out(struct cpu *c, struct short_way *w)
{
    const struct seg_reg *ss = &c->seg[SEG_SS];
    uint32_t esp = c->reg[ESP];
    unsigned access = c->cpl == 3 ? ACCESS_USER : ACCESS_READ;
    if (!(ss->ar & AR_DB) || (uint64_t)esp + 8 >= ss->rd_end) return false;
    const uint8_t *host = mem_at_hand(c, ss->base + esp, 12, access);
    if (!host) return false;
    uint32_t sel = host_load(host + 4, 4) & 0xFFFF;
    struct words d;
    unsigned ring = sel & 3;
    w->eip = host_load(host, 4);
    w->flags = host_load(host + 8, 4);
    if ((w->flags & FLAG_VM) || ring < c->cpl || !global_desc(c, sel, &d)) return false;
    if ((d.high & CODE_MASK) != CODE_IS || dpl_of(d.high) != ring) return false;
    set(&w->cs, sel, &d, true);
    w->ring = (uint8_t)ring;
    if (w->eip > w->cs.limit) return false;
    if (ring == c->cpl) {
        w->stack = stack_now(c);
        w->stack.esp += 12;
        return true;
    }
    if ((uint64_t)esp + 16 >= ss->rd_end || !mem_at_hand(c, ss->base + esp, 20, access)) return false;
    w->stack.esp = host_load(host + 12, 4);
    w->stack.user = ring == 3;
    return stack_of(c, host_load(host + 16, 4) & 0xFFFF, ring, &w->stack.ss);
}
