/* See segments.h. */
#include "sim/vmm/segments.h"

#include <string.h>
#include "sim/cpu/segment.h"
#include "sim/vmm/descriptor.h"
#include "sim/vmm/vm.h"

static const uint8_t data_registers[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

static uint8_t virtual_ring(uint8_t real) { return real == 1 ? 0 : real; }

void segments_copy(struct vcpu *v, struct cpu *to, const uint16_t sel[SEG_COUNT], uint8_t real_cpl)
{
    uint8_t cpl = virtual_ring(real_cpl);
    const struct seg_reg *read = NULL; /* the last that was made of its descriptor */
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        uint16_t s = sel[i];
        if (i == SEG_CS || i == SEG_SS) s = (uint16_t)((s & ~3u) | cpl); /* the guest never sees its real ring here */
        struct descriptor d = { 0, 0 };
        if ((v->held.registers >> i & 1) && v->held.seg[i].sel == s) to->seg[i] = v->held.seg[i];
        else if (read && read->sel == s) to->seg[i] = *read;
        else if ((s & ~3u) && descriptor_guest(v, s, &d)) cpu_seg_set(&to->seg[i], s, d.low, d.high), read = &to->seg[i];
        else to->seg[i] = (struct seg_reg){ .sel = s };
    }
    to->cpl = cpl;
}

static bool same_segment(const struct seg_reg *a, const struct seg_reg *b)
{
    return a->sel == b->sel && a->base == b->base && a->limit == b->limit && ((a->ar ^ b->ar) & ~AR_ACCESSED) == 0;
}

static bool is_null(const struct seg_reg *s) { return !(s->sel & ~3u) && !s->ar; }

/* The selector's slot in the shadow tables is the guest's, and there is one. */
static bool has_slot(const struct seg_reg *s) { return (s->sel & ~3u) && ((s->sel & 4) || s->sel < WINDOW_FIRST_SELECTOR); }

/* As memory says, and so that the shadow can say it, too. */
static bool as_in_memory(struct vcpu *v, const struct seg_reg *s)
{
    struct descriptor d;
    struct seg_reg memory;
    if (!has_slot(s) || !descriptor_guest(v, s->sel, &d) || !descriptor_runnable(d)) return false;
    cpu_seg_set(&memory, s->sel, d.low, d.high);
    return same_segment(s, &memory);
}

/* Data registers mostly hold the same: one that is as `known`, which was found in memory (NULL: none), need not be looked for. */
static bool as_known(struct vcpu *v, const struct seg_reg *s, const struct seg_reg **known)
{
    if (*known && same_segment(s, *known)) return true;
    if (!as_in_memory(v, s)) return false;
    *known = s;
    return true;
}

bool segments_as_in_memory(struct vcpu *v, enum seg n)
{
    const struct seg_reg *s = &v->virt.seg[n];
    return (is_null(s) && n != SEG_CS && n != SEG_SS) || as_in_memory(v, s);
}

/* Outward returns drop what only inner rings may use. SDM 3A 5.8.6. */
static bool would_be_dropped(const struct seg_reg *s, uint8_t ring)
{
    bool conforming = (s->ar & AR_CODE) && (s->ar & AR_DOWN);
    return ring >= 2 && !conforming && (unsigned)(s->ar & AR_DPL) >> 5 < ring;
}

/* A hidden part as a descriptor, good for `ring` whatever its DPL was. */
static struct descriptor descriptor_of(const struct seg_reg *s, uint8_t ring)
{
    uint32_t limit = s->ar & AR_G ? s->limit >> 12 : s->limit;
    unsigned dpl = (s->ar & AR_DPL) >> 5;
    if (dpl < ring) dpl = ring;
    if (dpl < (s->sel & 3u)) dpl = s->sel & 3;
    uint32_t ar = (s->ar & ~(uint32_t)AR_DPL) | dpl << 5 | AR_ACCESSED;
    return (struct descriptor){ s->base << 16 | (limit & 0xFFFF),
                                (s->base & 0xFF000000u) | (ar & 0xF000) << 8 | (limit & 0xF0000) | (ar & 0xFF) << 8 | (s->base >> 16 & 0xFF) };
}

static bool can_be_held(const struct seg_reg *s)
{
    bool loadable = (s->ar & AR_S) && (s->ar & AR_P) && (!(s->ar & AR_CODE) || (s->ar & AR_WRITE));
    return has_slot(s) && loadable && descriptor_runnable(descriptor_of(s, 3));
}

bool segments_loadable(struct vcpu *v, unsigned which)
{
    const struct cpu *c = &v->virt;
    const struct seg_reg *known = NULL;
    for (unsigned i = 0; i < sizeof data_registers; i++) {
        const struct seg_reg *s = &c->seg[data_registers[i]];
        if (!(which >> data_registers[i] & 1) || is_null(s) || (as_known(v, s, &known) && !would_be_dropped(s, c->cpl))) continue;
        bool lent = ((s->sel ^ c->seg[SEG_CS].sel) & ~3u) == 0 || ((s->sel ^ c->seg[SEG_SS].sel) & ~3u) == 0; /* its slot must be present */
        if (lent || !can_be_held(s)) return false;
    }
    return true;
}

bool segments_runnable(struct vcpu *v)
{
    return segments_as_in_memory(v, SEG_CS) && segments_as_in_memory(v, SEG_SS) &&
           segments_loadable(v, 1u << SEG_ES | 1u << SEG_DS | 1u << SEG_FS | 1u << SEG_GS);
}

bool segments_held(const struct vcpu *v, uint16_t selector)
{
    for (unsigned i = 0; i < sizeof data_registers; i++)
        if ((v->held.registers >> data_registers[i] & 1) && (v->held.seg[data_registers[i]].sel & ~3u) == (selector & ~3u)) return true;
    return false;
}

static void load(struct vcpu *v, unsigned n)
{
    const struct vmm_board *b = &v->vmm->board;
    (void)seg_load(b->cpu, n, v->virt.seg[n].sel);
    clock_charge(b->clock, CAUSE_DISPATCH, b->model->cost[COST_MOV_SEG]);
}

static void hold(struct vcpu *v, unsigned n, uint8_t ring)
{
    const struct seg_reg *s = &v->virt.seg[n];
    descriptor_lend(v, s->sel, descriptor_of(s, ring));
    load(v, n);
    v->held.registers |= (uint8_t)(1u << n);
    v->held.seg[n] = *s;
    descriptor_rest(v, s->sel);
}

static bool let_go(struct vcpu *v, unsigned n)
{
    if (!(v->held.registers >> n & 1)) return false;
    v->held.registers &= (uint8_t)~(1u << n);
    descriptor_rest(v, v->held.seg[n].sel);
    return true;
}

/* MOV DS, sel and so on by the hypervisor, for registers that emulation changed. They must be loaded here because IRET
 * does not, and they survive IRET because their DPL is not below the guest's ring. */
bool segments_load(struct vcpu *v, uint8_t ring, unsigned which)
{
    const struct cpu *real = v->vmm->board.cpu;
    const struct seg_reg *known = NULL;
    bool rested = false;
    for (unsigned i = 0; i < sizeof data_registers; i++) {
        unsigned n = data_registers[i];
        const struct seg_reg *s = &v->virt.seg[n];
        if (!(which >> n & 1)) {
            rested |= let_go(v, n);
            continue;
        }
        bool loaded = same_segment(s, &v->entered_seg[n]) && real->seg[n].sel == s->sel;
        if (!is_null(s) && (!as_known(v, s, &known) || would_be_dropped(s, ring))) {
            hold(v, n, ring);
            rested = true;
            continue;
        }
        bool was_held = let_go(v, n);
        rested |= was_held;
        if (loaded && !was_held) continue;
        descriptor_ready(v, s->sel);
        load(v, n);
        descriptor_rest(v, s->sel);
        rested = true;
    }
    return rested;
}
