/* Descriptors and the loading of segment registers. See segment.h. SDM vol. 3A 3.4, 5.2-5.6. */
#include "sim/cpu/segment.h"

uint32_t desc_limit(const struct desc *d)
{
    uint32_t limit = (d->high & 0x000F0000u) | (d->low & 0xFFFFu);
    return d->ar & AR_G ? limit << 12 | 0xFFF : limit;
}

void cpu_seg_set(struct seg_reg *s, uint16_t sel, uint32_t low, uint32_t high)
{
    struct desc d = { .sel = sel, .low = low, .high = high, .ar = (uint16_t)(high >> 8 & 0xF0FF) };
    s->sel = sel;
    s->ar = d.ar;
    s->base = (high & 0xFF000000u) | (high & 0xFF) << 16 | low >> 16;
    s->limit = desc_limit(&d);
    cpu_seg_limits(s);
}

void cpu_seg_limits(struct seg_reg *s)
{
    bool down = (s->ar & (AR_S | AR_CODE | AR_DOWN)) == (AR_S | AR_DOWN);
    uint32_t end = (s->ar & AR_P) && !down ? seg_end(s->limit) : 0;
    s->rd_end = ar_readable(s->ar) ? end : 0;
    s->wr_end = ar_writable(s->ar) ? end : 0;
}

bool seg_fits(const struct seg_reg *s, uint32_t offset, unsigned size)
{
    uint64_t last = (uint64_t)offset + size - 1;
    if (!(s->ar & AR_P)) return false;
    if ((s->ar & (AR_S | AR_CODE | AR_DOWN)) == (AR_S | AR_DOWN))
        return offset > s->limit && last <= (s->ar & AR_DB ? UINT32_MAX : 0xFFFFu);
    return last <= s->limit;
}

bool desc_find(const struct cpu *c, uint16_t sel, gva_t *at)
{
    bool local = sel & 4;
    if (local && !(c->ldtr.ar & AR_P)) return false;
    *at = gva((local ? c->ldtr.base : c->gdtr.base) + (sel & 0xFFF8u));
    return (sel | 7u) <= (local ? c->ldtr.limit : c->gdtr.limit);
}

enum step desc_read(struct cpu *c, uint16_t sel, uint8_t vector, uint32_t code, struct desc *d)
{
    d->sel = sel;
    if (!desc_find(c, sel, &d->at)) return cpu_raise_code(c, vector, code);
    if (lin_read_pair(c, d->at, &d->low, &d->high) != STEP_OK) return STEP_FAULT;
    d->ar = (uint16_t)(d->high >> 8 & 0xF0FF);
    return STEP_OK;
}

bool desc_visible(const struct desc *d, unsigned cpl)
{
    return ar_conforming(d->ar) || (ar_dpl(d->ar) >= cpl && ar_dpl(d->ar) >= sel_rpl(d->sel));
}

void seg_from_desc(struct seg_reg *s, uint16_t sel, const struct desc *d)
{
    cpu_seg_set(s, sel, d->low, d->high | (d->ar & AR_S ? AR_ACCESSED << 8 : 0));
}

void seg_load_null(struct seg_reg *s, uint16_t sel)
{
    *s = (struct seg_reg){ .sel = sel };
}

/* P6 and later keep rights and limit in real mode (hence "unreal mode"); only a segment made unusable in protected mode
 * gets the usual ones back. */
static void seg_load_real(struct seg_reg *s, uint16_t sel)
{
    if (!(s->ar & AR_P)) {
        s->ar = AR_P | AR_S | AR_WRITE | AR_ACCESSED;
        s->limit = 0xFFFF;
    }
    s->sel = sel;
    s->base = (uint32_t)sel << 4;
    cpu_seg_limits(s);
}

void seg_load_v86(struct seg_reg *s, uint16_t sel)
{
    *s = (struct seg_reg){ .sel = sel, .ar = AR_P | AR_DPL | AR_S | AR_WRITE | AR_ACCESSED, .base = (uint32_t)sel << 4,
                           .limit = 0xFFFF };
    cpu_seg_limits(s);
}

void seg_load_8086(const struct cpu *c, struct seg_reg *s, uint16_t sel)
{
    if (cpu_v86(c)) seg_load_v86(s, sel);
    else seg_load_real(s, sel);
}

/* SS takes only writable data of exactly the current ring. */
static enum step check_stack(struct cpu *c, uint16_t sel, struct desc *d)
{
    if (sel_null(sel)) return cpu_raise_code(c, VEC_GP, 0);
    if (desc_read(c, sel, VEC_GP, sel_code(sel), d) != STEP_OK) return STEP_FAULT;
    if (sel_rpl(sel) != c->cpl || !ar_writable(d->ar) || ar_dpl(d->ar) != c->cpl)
        return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_SS, sel_code(sel));
    return STEP_OK;
}

static enum step check_data(struct cpu *c, uint16_t sel, struct desc *d)
{
    if (desc_read(c, sel, VEC_GP, sel_code(sel), d) != STEP_OK) return STEP_FAULT;
    if (!ar_readable(d->ar) || !desc_visible(d, c->cpl)) return cpu_raise_code(c, VEC_GP, sel_code(sel));
    if (!(d->ar & AR_P)) return cpu_raise_code(c, VEC_NP, sel_code(sel));
    return STEP_OK;
}

enum step seg_load(struct cpu *c, unsigned seg, uint16_t sel)
{
    struct seg_reg *s = &c->seg[seg];
    struct desc d;
    if (!cpu_selects(c)) {
        seg_load_8086(c, s, sel);
        return STEP_OK;
    }
    if (seg != SEG_SS && sel_null(sel)) {
        seg_load_null(s, sel);
        return STEP_OK;
    }
    if ((seg == SEG_SS ? check_stack(c, sel, &d) : check_data(c, sel, &d)) != STEP_OK) return STEP_FAULT;
    if (!(d.ar & AR_ACCESSED) && lin_write(c, gva(d.at.v + 5), 1, false, (d.ar | AR_ACCESSED) & 0xFFu) != STEP_OK)
        return STEP_FAULT;
    seg_from_desc(s, sel, &d);
    return STEP_OK;
}
