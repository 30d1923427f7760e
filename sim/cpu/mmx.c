/* MMX: eight 64-bit registers of bytes, words, doublewords, aliased to the mantissas of the x87 registers.
 *
 * Idea 1: an operation is a function of two lanes, applied to all lanes of 8, 16 or 32 bits; the second opcode byte picks
 * function and width out of one table.
 * Idea 2: every MMX instruction but EMMS sets TOP to 0 and all tags valid; a written register gets ones in its upper 16
 * bits. SDM vol. 1 ch. 9, vol. 3A ch. 12 (aliasing, exceptions), vol. 2. The additions of SSE are not there. */
#include <string.h>

#include "sim/cpu/exec.h"
#include "sim/cpu/fpu.h"
#include "sim/cpu/operand.h"

static void mmx_used(struct fpu *f)
{
    f->status &= (uint16_t)~(unsigned)FPU_TOP;
    f->used = 0xFF;
}

static void mmx_set(struct fpu *f, unsigned n, uint64_t v) { f->r[n] = (struct fpu_reg){ v, 0xFFFF }; }

/* ---- lanes ---- */

static int32_t saturate(int32_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : v; }

static uint32_t op_add(uint32_t a, uint32_t b, unsigned bits) { (void)bits; return a + b; }
static uint32_t op_sub(uint32_t a, uint32_t b, unsigned bits) { (void)bits; return a - b; }
static uint32_t op_eq(uint32_t a, uint32_t b, unsigned bits) { (void)bits; return a == b ? UINT32_MAX : 0; }
static int32_t lane_signed(uint32_t v, unsigned bits) { return (int32_t)(v << (32 - bits)) >> (32 - bits); }
static uint32_t op_gt(uint32_t a, uint32_t b, unsigned bits)
{
    return lane_signed(a, bits) > lane_signed(b, bits) ? UINT32_MAX : 0;
}
/* The saturating ones have lanes of 8 or 16 bits. */
static uint32_t op_adds(uint32_t a, uint32_t b, unsigned bits)
{
    int32_t most = (1 << (bits - 1)) - 1;
    return (uint32_t)saturate(lane_signed(a, bits) + lane_signed(b, bits), -most - 1, most);
}
static uint32_t op_subs(uint32_t a, uint32_t b, unsigned bits)
{
    int32_t most = (1 << (bits - 1)) - 1;
    return (uint32_t)saturate(lane_signed(a, bits) - lane_signed(b, bits), -most - 1, most);
}
static uint32_t op_addus(uint32_t a, uint32_t b, unsigned bits) { return (uint32_t)saturate((int32_t)(a + b), 0, (1 << bits) - 1); }
static uint32_t op_subus(uint32_t a, uint32_t b, unsigned bits) { (void)bits; return a < b ? 0 : a - b; }
static uint32_t op_mulh(uint32_t a, uint32_t b, unsigned bits)
{
    return (uint32_t)(lane_signed(a, bits) * lane_signed(b, bits)) >> 16;
}
static uint32_t op_mull(uint32_t a, uint32_t b, unsigned bits)
{
    return (uint32_t)(lane_signed(a, bits) * lane_signed(b, bits));
}

typedef uint32_t lane_op(uint32_t a, uint32_t b, unsigned bits);

static uint32_t lane(uint64_t v, unsigned n, unsigned bits) { return (uint32_t)(v >> n * bits & (UINT64_MAX >> (64 - bits))); }
static uint64_t place_lane(uint32_t v, unsigned n, unsigned bits) { return ((uint64_t)v & (UINT64_MAX >> (64 - bits))) << n * bits; }

static uint64_t lanes(lane_op *op, uint64_t a, uint64_t b, unsigned bits)
{
    uint64_t r = 0;
    for (unsigned n = 0; n < 64 / bits; n++) r |= place_lane(op(lane(a, n, bits), lane(b, n, bits), bits), n, bits);
    return r;
}

/* Signed lanes of `bits` to lanes of half the size: the destination's below, the source's above. */
static uint64_t packed(uint64_t a, uint64_t b, unsigned bits, bool to_unsigned)
{
    unsigned half = bits / 2, count = 64 / bits;
    int32_t low = to_unsigned ? 0 : -(1 << (half - 1)), high = to_unsigned ? (1 << half) - 1 : (1 << (half - 1)) - 1;
    uint64_t r = 0;
    for (unsigned n = 0; n < 2 * count; n++) {
        int32_t v = lane_signed(lane(n < count ? a : b, n % count, bits), bits);
        r |= place_lane((uint32_t)saturate(v, low, high), n, half);
    }
    return r;
}

/* Lanes of the lower or upper halves in turn: destination, source, destination, ... */
static uint64_t interleaved(uint64_t a, uint64_t b, unsigned bits, bool high)
{
    unsigned half = 32 / bits;
    uint64_t r = 0;
    for (unsigned n = 0; n < half; n++) {
        unsigned from = high ? n + half : n;
        r |= place_lane(lane(a, from, bits), 2 * n, bits) | place_lane(lane(b, from, bits), 2 * n + 1, bits);
    }
    return r;
}

static uint64_t multiply_add(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (unsigned n = 0; n < 2; n++) {
        uint32_t sum = 0;
        for (unsigned k = 2 * n; k < 2 * n + 2; k++)
            sum += (uint32_t)(lane_signed(lane(a, k, 16), 16) * lane_signed(lane(b, k, 16), 16));
        r |= place_lane(sum, n, 32);
    }
    return r;
}

/* A count beyond the lane gives 0, or the sign everywhere. */
static uint64_t shifted(uint64_t a, uint64_t count, unsigned bits, unsigned digit)
{
    enum { RIGHT = 2, ARITHMETIC = 4, LEFT = 6 };
    uint64_t r = 0;
    if (digit == ARITHMETIC && count >= bits) count = bits - 1;
    if (count >= bits) return 0;
    if (bits == 64) return digit == LEFT ? a << count : a >> count;
    for (unsigned n = 0; n < 64 / bits; n++) {
        uint32_t v = lane(a, n, bits);
        v = digit == LEFT ? v << count : digit == RIGHT ? v >> count : (uint32_t)(lane_signed(v, bits) >> count);
        r |= place_lane(v, n, bits);
    }
    return r;
}

/* ---- what each opcode does ---- */

static const struct { uint8_t opcode, bits; lane_op *op; } simple[] = {
    { 0x64, 8, op_gt }, { 0x65, 16, op_gt }, { 0x66, 32, op_gt }, { 0x74, 8, op_eq }, { 0x75, 16, op_eq }, { 0x76, 32, op_eq },
    { 0xFC, 8, op_add }, { 0xFD, 16, op_add }, { 0xFE, 32, op_add }, { 0xF8, 8, op_sub }, { 0xF9, 16, op_sub },
    { 0xFA, 32, op_sub }, { 0xEC, 8, op_adds }, { 0xED, 16, op_adds }, { 0xE8, 8, op_subs }, { 0xE9, 16, op_subs },
    { 0xDC, 8, op_addus }, { 0xDD, 16, op_addus }, { 0xD8, 8, op_subus }, { 0xD9, 16, op_subus },
    { 0xE5, 16, op_mulh }, { 0xD5, 16, op_mull },
};

static uint64_t compute(uint8_t opcode, uint64_t a, uint64_t b)
{
    for (unsigned k = 0; k < sizeof simple / sizeof simple[0]; k++)
        if (simple[k].opcode == opcode) return lanes(simple[k].op, a, b, simple[k].bits);
    switch (opcode) {
    case 0x60: case 0x61: case 0x62: return interleaved(a, b, 8u << (opcode & 3), false);
    case 0x68: case 0x69: case 0x6A: return interleaved(a, b, 8u << (opcode & 3), true);
    case 0x63: return packed(a, b, 16, false);
    case 0x6B: return packed(a, b, 32, false);
    case 0x67: return packed(a, b, 16, true);
    case 0xDB: return a & b;
    case 0xDF: return ~a & b;
    case 0xEB: return a | b;
    case 0xEF: return a ^ b;
    case 0xF5: return multiply_add(a, b);
    default: /* Dn, En, Fn: shifts by the source; the low bits are the width, the high digit the direction */
        return shifted(a, b, 8u << (opcode & 3), opcode >> 4 == 0xD ? 2 : opcode >> 4 == 0xE ? 4 : 6);
    }
}

/* The unpacking of low halves reads no more than those. */
static enum step source(struct cpu *c, const struct insn *i, uint64_t *v)
{
    bool low_half = i->bytes[1] >= 0x60 && i->bytes[1] <= 0x62;
    if (i->flags & INSN_MEM) return fpu_read(c, i, 0, v, low_half ? 4 : 8);
    *v = c->fpu.r[i->reg].mantissa;
    return STEP_OK;
}

/* mm <- mm op mm/m64. */
enum step exec_mmx(struct cpu *c, const struct insn *i)
{
    uint64_t b = 0;
    enum step s = fpu_mmx_ready(c, i);
    if (s != STEP_OK) return s;
    unsigned to = i->form == FORM_RM ? i->reg : i->rm;
    if (i->form == FORM_RI) b = i->imm & 0xFF;
    else if (source(c, i, &b) != STEP_OK) return STEP_FAULT;
    uint64_t a = c->fpu.r[to].mantissa;
    /* 71, 72, 73 by an immediate: the /digit is the direction */
    uint64_t r = i->form == FORM_RI ? shifted(a, b, 8u << (i->bytes[1] & 3), i->sub) : compute(i->bytes[1], a, b);
    mmx_used(&c->fpu);
    mmx_set(&c->fpu, to, r);
    return STEP_OK;
}

/* 6F, 7F */
enum step exec_movq(struct cpu *c, const struct insn *i)
{
    uint64_t v = 0;
    enum step s = fpu_mmx_ready(c, i);
    if (s != STEP_OK) return s;
    if (i->form == FORM_MR) {
        v = c->fpu.r[i->reg].mantissa;
        if (fpu_write(c, i, &v, 8) != STEP_OK) return STEP_FAULT;
        mmx_used(&c->fpu);
        return STEP_OK;
    }
    if (source(c, i, &v) != STEP_OK) return STEP_FAULT;
    mmx_used(&c->fpu);
    mmx_set(&c->fpu, i->form == FORM_RM ? i->reg : i->rm, v);
    return STEP_OK;
}

/* 6E: mm <- r/m32; 7E: r/m32 <- mm */
enum step exec_movd(struct cpu *c, const struct insn *i)
{
    uint32_t v;
    enum step s = fpu_mmx_ready(c, i);
    if (s != STEP_OK) return s;
    if (i->bytes[1] == 0x7E) {
        v = (uint32_t)c->fpu.r[i->reg].mantissa;
        if (i->form == FORM_RR) c->reg[i->rm] = v;
        else if (mem_write(c, i->seg, ea(c, i), 4, v) != STEP_OK) return STEP_FAULT;
        mmx_used(&c->fpu);
        return STEP_OK;
    }
    if (i->form == FORM_RR) v = c->reg[i->reg];
    else if (mem_read(c, i->seg, ea(c, i), 4, &v) != STEP_OK) return STEP_FAULT;
    mmx_used(&c->fpu);
    mmx_set(&c->fpu, i->form == FORM_RM ? i->reg : i->rm, v);
    return STEP_OK;
}

enum step exec_emms(struct cpu *c, const struct insn *i)
{
    enum step s = fpu_mmx_ready(c, i);
    if (s != STEP_OK) return s;
    c->fpu.status &= (uint16_t)~(unsigned)FPU_TOP; /* as the other MMX instructions */
    c->fpu.used = 0;
    return STEP_OK;
}
