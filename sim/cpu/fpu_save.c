/* The unit's state to memory and back: FNSTENV, FLDENV, FNSAVE, FRSTOR in their four layouts, FXSAVE, FXRSTOR.
 *
 * Idea 1: the environment is seven words or doublewords; real mode packs 20-bit linear addresses where protected mode has
 * selector and offset. SDM vol. 1 8.1.10, figures 8-9 to 8-12.
 * Idea 2: FXSAVE has one layout of 512 bytes, with an abridged tag byte and nothing popped or initialised. The XMM part is
 * neither read nor written (there is no SSE): the bytes stay. SDM vol. 2, FXSAVE. Without SSE CR4.OSFXSR changes nothing. */
#include <string.h>

#include "sim/cpu/exec.h"
#include "sim/cpu/fpu.h"
#include "sim/cpu/operand.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/sensitive.h"

enum { ENV16 = 14, ENV32 = 28, REGISTERS = 80, FX_BYTES = 160, MXCSR_AT = 24, MXCSR_BYTES = 8 };

static void put(uint8_t *b, unsigned at, uint32_t v, unsigned size) { memcpy(b + at, &v, size); }
static uint32_t get(const uint8_t *b, unsigned at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, b + at, size);
    return v;
}

static bool real_layout(const struct cpu *c) { return !cpu_protected(c); }

/* Word k of the environment, by layout. */
static unsigned env_pack(const struct cpu *c, bool wide, uint8_t b[ENV32])
{
    const struct fpu *f = &c->fpu;
    uint32_t w[7] = { f->control, f->status, fpu_tag_word(f), f->ip, f->cs, f->dp, f->ds };
    if (real_layout(c)) {
        uint32_t ip = f->ip + f->cs * 16u, dp = f->dp + f->ds * 16u;
        w[3] = ip & 0xFFFF;
        w[4] = wide ? (ip >> 16 & 0xFFFF) << 12 | f->op : (ip >> 4 & 0xF000) | f->op;
        w[5] = dp & 0xFFFF;
        w[6] = wide ? (dp >> 16 & 0xFFFF) << 12 : dp >> 4 & 0xF000;
    } else if (wide) w[4] |= (uint32_t)f->op << 16;
    /* In doublewords what is only 16 bits wide has ones above it, but for the fields that hold more. */
    static const uint8_t ones_protected = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 6, ones_real = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5;
    unsigned ones = real_layout(c) ? ones_real : ones_protected;
    for (unsigned k = 0; k < 7; k++)
        put(b, (wide ? 4 : 2) * k, w[k] | (ones >> k & 1 ? 0xFFFF0000u : 0), wide ? 4 : 2);
    return wide ? ENV32 : ENV16;
}

static void env_unpack(struct cpu *c, bool wide, const uint8_t *b)
{
    struct fpu *f = &c->fpu;
    uint32_t w[7];
    for (unsigned k = 0; k < 7; k++) w[k] = wide ? get(b, 4 * k, 4) : get(b, 2 * k, 2);
    f->control = (uint16_t)((w[0] & FPU_CONTROL_KNOWN) | FPU_CONTROL_ONE);
    f->status = (uint16_t)w[1];
    f->used = 0;
    for (unsigned n = 0; n < 8; n++) f->used |= (uint8_t)(((w[2] >> 2 * n & 3) != 3) << n);
    if (real_layout(c)) {
        f->ip = (w[3] & 0xFFFF) | (wide ? (w[4] >> 12 & 0xFFFF) << 16 : (w[4] & 0xF000) << 4);
        f->dp = (w[5] & 0xFFFF) | (wide ? (w[6] >> 12 & 0xFFFF) << 16 : (w[6] & 0xF000) << 4);
        f->op = w[4] & 0x7FF;
        f->cs = f->ds = 0;
    } else {
        f->ip = w[3];
        f->cs = (uint16_t)w[4];
        f->dp = w[5];
        f->ds = (uint16_t)w[6];
        f->op = wide ? w[4] >> 16 & 0x7FF : 0;
    }
    fpu_summary(f);
    fpu_ferr_update(c);
}

static bool is_wide(const struct insn *i) { return !(i->flags & INSN_OPERAND16); }

enum step exec_fnstenv(struct cpu *c, const struct insn *i)
{
    uint8_t b[ENV32];
    if (sensitive_refused(c) || fpu_present(c) != STEP_OK) return STEP_FAULT;
    unsigned n = env_pack(c, is_wide(i), b);
    if (fpu_write(c, i, b, n) != STEP_OK) return STEP_FAULT;
    c->fpu.control |= FPU_EXCEPTIONS;
    fpu_summary(&c->fpu);
    fpu_ferr_update(c);
    return STEP_OK;
}

enum step exec_fldenv(struct cpu *c, const struct insn *i)
{
    uint8_t b[ENV32];
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (fpu_read(c, i, 0, b, is_wide(i) ? ENV32 : ENV16) != STEP_OK) return STEP_FAULT;
    env_unpack(c, is_wide(i), b);
    return STEP_OK;
}

static void register_put(uint8_t *b, struct fpu_reg r)
{
    memcpy(b, &r.mantissa, 8);
    memcpy(b + 8, &r.sign_exp, 2);
}

static struct fpu_reg register_get(const uint8_t *b)
{
    struct fpu_reg r;
    memcpy(&r.mantissa, b, 8);
    memcpy(&r.sign_exp, b + 8, 2);
    return r;
}

enum step exec_fnsave(struct cpu *c, const struct insn *i)
{
    uint8_t b[ENV32 + REGISTERS];
    if (sensitive_refused(c) || fpu_present(c) != STEP_OK) return STEP_FAULT;
    unsigned n = env_pack(c, is_wide(i), b);
    for (unsigned k = 0; k < 8; k++) register_put(b + n + 10 * k, *fpu_st(&c->fpu, k));
    if (fpu_write(c, i, b, n + REGISTERS) != STEP_OK) return STEP_FAULT;
    fpu_init(&c->fpu);
    fpu_ferr_update(c);
    return STEP_OK;
}

enum step exec_frstor(struct cpu *c, const struct insn *i)
{
    uint8_t b[ENV32 + REGISTERS];
    unsigned n = is_wide(i) ? ENV32 : ENV16;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (fpu_read(c, i, 0, b, n + REGISTERS) != STEP_OK) return STEP_FAULT;
    env_unpack(c, is_wide(i), b);
    for (unsigned k = 0; k < 8; k++) *fpu_st(&c->fpu, k) = register_get(b + n + 10 * k);
    return STEP_OK;
}

/* ---- FXSAVE, FXRSTOR: 16-byte aligned ---- */

static bool misaligned(struct cpu *c, const struct insn *i)
{
    bool off = (c->seg[i->seg].base + ea(c, i)) & 15;
    if (off) (void)cpu_raise_code(c, VEC_GP, 0);
    return off;
}

/* Bytes 24..31 (MXCSR and its mask) and 160..511 are left alone: there is no SSE. */
enum step exec_fxsave(struct cpu *c, const struct insn *i)
{
    const struct fpu *f = &c->fpu;
    uint8_t b[FX_BYTES] = { 0 };
    if (sensitive_refused(c) || fpu_present(c) != STEP_OK || misaligned(c, i)) return STEP_FAULT;
    put(b, 0, f->control, 2);
    put(b, 2, f->status, 2);
    b[4] = f->used;
    put(b, 6, f->op, 2);
    put(b, 8, f->ip, 4);
    put(b, 12, f->cs, 2);
    put(b, 16, f->dp, 4);
    put(b, 20, f->ds, 2);
    if (fpu_read(c, i, MXCSR_AT, b + MXCSR_AT, MXCSR_BYTES) != STEP_OK) return STEP_FAULT;
    for (unsigned k = 0; k < 8; k++) register_put(b + 32 + 16 * k, *fpu_st((struct fpu *)&c->fpu, k));
    return fpu_write(c, i, b, FX_BYTES);
}

enum step exec_fxrstor(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    uint8_t b[FX_BYTES];
    if (fpu_present(c) != STEP_OK || misaligned(c, i)) return STEP_FAULT;
    if (fpu_read(c, i, 0, b, FX_BYTES) != STEP_OK) return STEP_FAULT;
    f->control = (uint16_t)((get(b, 0, 2) & FPU_CONTROL_KNOWN) | FPU_CONTROL_ONE);
    f->status = (uint16_t)get(b, 2, 2);
    f->used = b[4];
    f->op = get(b, 6, 2) & 0x7FF;
    f->ip = get(b, 8, 4);
    f->cs = (uint16_t)get(b, 12, 2);
    f->dp = get(b, 16, 4);
    f->ds = (uint16_t)get(b, 20, 2);
    fpu_summary(f);
    fpu_ferr_update(c);
    for (unsigned k = 0; k < 8; k++) *fpu_st(f, k) = register_get(b + 32 + 16 * k);
    return STEP_OK;
}
