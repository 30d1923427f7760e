/* What the translator's parts share: the few instructions sequences are made of, each with the guest's state at it. Private to
 * bintrans_emit.c, _flow.c, _virtual.c, _glue.c; see bintrans_emit.c for the ideas. */
#ifndef VMM_BINTRANS_EMIT_H
#define VMM_BINTRANS_EMIT_H

#include <string.h>

#include "sim/core/err.h"
#include "sim/core/fatal.h"
#include "sim/cpu/cpu.h"
#include "sim/vmm/bintrans.h"

static inline void put(struct bt_code *c, const void *bytes, unsigned n)
{
    memcpy(c->bytes + c->n, bytes, n);
    c->n += n;
}

static inline void put8(struct bt_code *c, uint8_t b) { put(c, &b, 1); }
static inline void put32(struct bt_code *c, uint32_t w) { put(c, &w, 4); }

static inline struct bt_point *point(struct bt_code *c, uint32_t eip, unsigned fix)
{
    struct bt_point *p = &c->point[c->points++];
    *p = (struct bt_point){ .eip = eip, .at = (uint16_t)c->n, .fix = (uint16_t)fix };
    return p;
}

/* With the instruction just emitted the guest's is done. */
static inline void done(struct bt_code *c) { c->point[c->points - 1].done = 1; }

/* CALL BT_GATE:0. The hypervisor does what `what` says. */
static inline void out(struct bt_code *c, uint32_t eip, enum bt_what what, unsigned fix)
{
    point(c, eip, fix)->what = (uint8_t)what;
    put8(c, 0x9A);
    put32(c, 0);
    put(c, (const uint8_t[]){ BT_GATE & 0xFF, BT_GATE >> 8 }, 2);
}

/* The few instructions sequences are made of. Slots are offsets from %gs. */
static inline void gs(struct bt_code *c, uint8_t opcode, unsigned reg, uint32_t slot)
{
    put8(c, 0x65);
    put8(c, opcode);
    put8(c, (uint8_t)(0x05 | reg << 3));
    put32(c, slot);
}

static inline void spill(struct bt_code *c, unsigned reg, uint32_t slot) { gs(c, 0x89, reg, slot); }
static inline void fill(struct bt_code *c, unsigned reg, uint32_t slot) { gs(c, 0x8B, reg, slot); }
static inline void pop_slot(struct bt_code *c, uint32_t slot) { gs(c, 0x8F, 0, slot); }
static inline void jump_slot(struct bt_code *c, uint32_t slot) { gs(c, 0xFF, 4, slot); }

static inline void set_byte(struct bt_code *c, uint32_t slot, uint8_t value)
{
    gs(c, 0xC6, 0, slot);
    put8(c, value);
}

/* A forward JECXZ or Jcc of two bytes; `land` fills it in. */
static inline unsigned skip(struct bt_code *c, uint8_t opcode)
{
    put8(c, opcode);
    put8(c, 0);
    return c->n - 1;
}
static inline void land(struct bt_code *c, unsigned at)
{
    unsigned over = c->n - at - 1;
    if (over > 127) fatal(EXIT_BUG, "bt: a short jump is too long");
    c->bytes[at] = (uint8_t)over;
}

/* STI holds interrupts off for the instruction behind it. */
static inline void shadow(struct bt_code *c, unsigned from)
{
    if (from < c->points) c->point[from].fix |= BT_FIX_SHADOW;
}

/* The guest's instruction as it is. */
static inline void copy(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip, unsigned fix)
{
    point(c, eip, fix | BT_OWN);
    put(c, bytes, i->len);
    done(c);
}

static inline void cont(struct bt_code *c, uint32_t target, bool apart)
{
    struct bt_exit *x = &c->exit[c->exits++];
    *x = (struct bt_exit){ .target = target, .at = c->n, .apart = apart };
    if (apart) return;
    out(c, target, BT_CONTINUE, 0);
}

static inline void callout(struct bt_code *c, uint32_t eip) { out(c, eip, BT_EMULATE, BT_FIRST); }

/* Does it use the segment that the cache needs, or its code segment? */
bool bt_names_ours(const struct insn *i, const uint8_t *bytes);
/* bintrans_flow.c: near branches. False: it needs a callout. */
bool bt_emit_flow(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip);
/* bintrans_segment.c: MOV, PUSH and POP of data segment registers; an instruction that is harmless but for its GS prefix. */
bool bt_emit_selector(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip);
bool bt_emit_through_gs(struct bt_code *c, const struct insn *i, const uint8_t *bytes, uint32_t eip);
/* bintrans_taught.c: what somebody's rules make of it. False: there can be none for this instruction. */
bool bt_emit_taught(struct bt_code *c, const struct policy *teacher, const struct insn *i, const uint8_t *bytes, uint32_t eip);
/* bintrans_virtual.c: sequences on the guest's virtual state. False: there is none for this instruction. */
bool bt_emit_virtual(struct bt_code *c, const struct bt_how *how, const struct insn *i, const uint8_t *bytes, uint32_t eip);

#endif
