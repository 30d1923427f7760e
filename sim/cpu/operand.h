/* Operands: where an instruction's values come from and go to.
 *
 * Idea 1: everything here is inline and takes the form and size as arguments. Called with constants it shrinks to the two
 * or three machine instructions a hot handler needs; called with i->form and i->size it is the handler for every form.
 * Idea 2: a read-modify-write names its place once (struct place): either the host byte itself, checked for writing
 * before anything is read, or the way through the bus.
 *
 * SDM vol. 1 3.7 (operand addressing), vol. 2A 2.1. Needs a little-endian host. */
#ifndef CPU_OPERAND_H
#define CPU_OPERAND_H

#include <string.h>
#include "sim/cpu/flags.h"
#include "sim/cpu/mem.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Byte registers 0..3 are AL..BL, 4..7 are AH..BH: bits 15..8 of the first four. */
ALWAYS_INLINE uint32_t reg_get(const struct cpu *c, unsigned n, unsigned size)
{
    if (size == 4) return c->reg[n];
    if (size == 2) return c->reg[n] & 0xFFFF;
    return c->reg[n & 3] >> ((n & 4) * 2) & 0xFF;
}

ALWAYS_INLINE void reg_set(struct cpu *c, unsigned n, unsigned size, uint32_t v)
{
    if (size == 4) c->reg[n] = v;
    else if (size == 2) c->reg[n] = (c->reg[n] & 0xFFFF0000u) | (v & 0xFFFF);
    else {
        unsigned shift = (n & 4) * 2;
        c->reg[n & 3] = (c->reg[n & 3] & ~(0xFFu << shift)) | (v & 0xFF) << shift;
    }
}

/* Address within the segment. A 16-bit one wraps at 64 KB. */
ALWAYS_INLINE uint32_t ea32(const struct cpu *c, const struct insn *i)
{
    return c->reg[i->base] + (c->reg[i->index] << i->scale) + i->disp;
}
ALWAYS_INLINE uint32_t ea(const struct cpu *c, const struct insn *i)
{
    uint32_t at = ea32(c, i);
    return i->flags & INSN_ADDR16 ? at & 0xFFFF : at;
}

/* EIP of the instruction, and of the one behind it. */
static inline uint32_t insn_eip(const struct cpu *c, const struct insn *i) { return c->eip + i->at; }
static inline uint32_t insn_next(const struct cpu *c, const struct insn *i) { return c->eip + i->at + i->len; }

/* Where a read-modify-write happens. */
struct place {
    uint8_t *host;   /* the byte itself, or NULL: through mem_read and mem_write at seg:at */
    uint32_t at;
    unsigned seg;
};

/* Finds the place of a memory operand and makes sure that it can be written. A page fault says W = 1, as on hardware,
 * even where the read would have failed, too. */
ALWAYS_INLINE enum step place_find(struct cpu *c, unsigned seg, uint32_t at, unsigned size, struct place *p)
{
    const struct seg_reg *s = &c->seg[seg];
    p->at = at;
    p->seg = seg;
    p->host = mem_at_hand(c, s->base + at, size, ACCESS_WRITE | (c->cpl == 3 ? ACCESS_USER : 0));
    if (p->host && at < s->wr_end) return STEP_OK;
    p->host = NULL;
    return mem_probe_write(c, seg, at, size);
}

ALWAYS_INLINE enum step place_read(struct cpu *c, const struct place *p, unsigned size, uint32_t *v)
{
    if (!p->host) return mem_read(c, p->seg, p->at, size, v);
    *v = 0;
    memcpy(v, p->host, size);
    return STEP_OK;
}

ALWAYS_INLINE enum step place_write(struct cpu *c, const struct place *p, unsigned size, uint32_t v)
{
    if (!p->host) return mem_write(c, p->seg, p->at, size, v);
    memcpy(p->host, &v, size);
    return STEP_OK;
}

/* The source of a two-operand form, or the operand of forms R, M, I. */
ALWAYS_INLINE enum step source_read(struct cpu *c, const struct insn *i, unsigned form, unsigned size, uint32_t *v)
{
    switch (form) {
    case FORM_RR: case FORM_MR: *v = reg_get(c, i->reg, size); return STEP_OK;
    case FORM_GE: case FORM_R: *v = reg_get(c, i->rm, size); return STEP_OK;
    case FORM_RM: case FORM_M: return mem_read(c, i->seg, ea(c, i), size, v);
    default: *v = i->imm & size_mask(size); return STEP_OK;
    }
}

/* The register that a form writes, if it writes one. */
ALWAYS_INLINE unsigned dest_reg(const struct insn *i, unsigned form)
{
    return form == FORM_RM || form == FORM_GE ? i->reg : i->rm;
}
ALWAYS_INLINE bool dest_is_memory(unsigned form) { return form == FORM_M || form == FORM_MR || form == FORM_MI; }

/* The value a destination of any form has now, and its place if it is memory (to be given to dest_write). */
ALWAYS_INLINE enum step dest_read(struct cpu *c, const struct insn *i, unsigned form, unsigned size, struct place *p,
                                  uint32_t *v)
{
    if (!dest_is_memory(form)) {
        *p = (struct place){ .host = NULL }; /* never used */
        *v = reg_get(c, dest_reg(i, form), size);
        return STEP_OK;
    }
    enum step s = place_find(c, i->seg, ea(c, i), size, p);
    return s != STEP_OK ? s : place_read(c, p, size, v);
}

ALWAYS_INLINE enum step dest_write(struct cpu *c, const struct insn *i, unsigned form, unsigned size, const struct place *p,
                                   uint32_t v)
{
    if (dest_is_memory(form)) return place_write(c, p, size, v);
    reg_set(c, dest_reg(i, form), size, v);
    return STEP_OK;
}

#endif
