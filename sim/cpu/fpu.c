/* The x87 unit's stack, tags, status word, and how its exceptions come out. See fpu.h. */
#include "sim/cpu/fpu.h"

#include <string.h>
#include "sim/cpu/mem.h"
#include "sim/cpu/operand.h"

void fpu_init(struct fpu *f)
{
    f->control = FPU_CONTROL_INIT;
    f->status = 0;
    f->used = 0;
    f->op = f->cs = f->ds = 0;
    f->ip = f->dp = 0;
}

void fpu_reset(struct fpu *f)
{
    memset(f, 0, sizeof *f);
    f->control = 0x40;
    f->used = 0xFF; /* power-on: tags say zero (5555h), unlike after FNINIT */
}

void fpu_rotate(struct fpu *f, int by)
{
    f->status = (uint16_t)((f->status & ~(unsigned)FPU_TOP) | ((fpu_top(f) + (unsigned)by) & 7) << 11);
}

void fpu_pop(struct fpu *f)
{
    f->used &= (uint8_t)~(1u << fpu_top(f));
    fpu_rotate(f, 1);
}

void fpu_put(struct fpu *f, unsigned i, struct fpu_reg v)
{
    *fpu_st(f, i) = v;
    f->used |= (uint8_t)(1u << fpu_phys(f, i));
}

void fpu_summary(struct fpu *f)
{
    bool pending = f->status & ~f->control & FPU_EXCEPTIONS;
    f->status = (uint16_t)((f->status & ~(unsigned)(FPU_ES | FPU_B)) | (pending ? FPU_ES | FPU_B : 0));
}

bool fpu_settle(struct fpu *f, unsigned raised, bool up)
{
    unsigned stops = raised & ~(unsigned)f->control & (FPU_IE | FPU_DE | FPU_ZE);
    f->status = (uint16_t)((f->status & ~(unsigned)FPU_C1) | (raised & (FPU_EXCEPTIONS | FPU_SF)) | (up && !stops ? FPU_C1 : 0));
    fpu_summary(f);
    return !stops;
}

bool fpu_stack_fault(struct fpu *f, bool overflow)
{
    f->status = (uint16_t)((f->status & ~(unsigned)FPU_C1) | FPU_IE | FPU_SF | (overflow ? FPU_C1 : 0));
    fpu_summary(f);
    return f->control & FPU_IE;
}

void fpu_push(struct fpu *f, struct fpu_reg v)
{
    if (!fpu_empty(f, 7)) {
        if (!fpu_stack_fault(f, true)) return;
        v = fpu_indefinite;
    }
    fpu_rotate(f, -1);
    fpu_put(f, 0, v);
}

static unsigned tag_of(struct fpu_reg r)
{
    unsigned exp = r.sign_exp & 0x7FFF;
    if (!exp) return r.mantissa ? 2 : 1;
    return exp == 0x7FFF || !(r.mantissa >> 63) ? 2 : 0;
}

unsigned fpu_tag_word(const struct fpu *f)
{
    unsigned word = 0;
    for (unsigned n = 0; n < 8; n++) word |= (f->used >> n & 1 ? tag_of(f->r[n]) : 3) << 2 * n;
    return word;
}

/* ---- starting an instruction ---- */

enum step fpu_present(struct cpu *c)
{
    return c->cr0 & (CR0_EM | CR0_TS) ? cpu_raise(c, VEC_NM) : STEP_OK;
}

/* With CR0.NE clear the processor asserts FERR# and freezes before the waiting instruction until an interrupt, which
 * finds EIP at that instruction. SDM vol. 1 app. D.2. */
enum step fpu_report(struct cpu *c, const struct insn *i)
{
    if (!(c->fpu.status & FPU_ES)) return STEP_OK;
    if (c->cr0 & CR0_NE) return cpu_raise(c, VEC_MF);
    if (c->ignne) return STEP_OK;
    irq_set(&c->ferr, true);
    c->eip = insn_eip(c, i);
    c->halted = true;
    c->monitor.waits = false;
    c->break_at = 0;
    return STEP_JUMP;
}

enum step fpu_ready(struct cpu *c, const struct insn *i)
{
    enum step s = fpu_present(c);
    return s != STEP_OK ? s : fpu_report(c, i);
}

enum step fpu_mmx_ready(struct cpu *c, const struct insn *i)
{
    return c->cr0 & CR0_EM ? cpu_raise(c, VEC_UD) : fpu_ready(c, i);
}

void fpu_note(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    f->op = (uint16_t)((i->bytes[0] & 7) << 8 | i->bytes[1]);
    f->cs = c->seg[SEG_CS].sel;
    f->ip = insn_eip(c, i);
    if (!(i->flags & INSN_MEM)) return;
    f->ds = c->seg[i->seg].sel;
    f->dp = ea(c, i);
}

void fpu_ferr_update(struct cpu *c)
{
    if (!(c->fpu.status & FPU_ES)) irq_set(&c->ferr, false);
}

void cpu_ignne(struct cpu *c, bool level) { c->ignne = level; }

/* ---- memory: in pieces that alignment is checked by. SDM 3A table 6-7 ---- */

/* An environment in the 16-bit layout consists of words. */
static unsigned unit_of(const struct insn *i, unsigned n) { return n > 10 && i->flags & INSN_OPERAND16 ? 2 : 4; }
/* Numbers of 8 and 10 bytes are wanted at multiples of 8. */
static bool is_long(unsigned n) { return n == 8 || n == 10; }

enum step fpu_read(struct cpu *c, const struct insn *i, uint32_t skip, void *to, unsigned n)
{
    uint8_t *p = to;
    if (n > 4 && mem_check_read(c, i->seg, ea(c, i) + skip, n) != STEP_OK) return STEP_FAULT;
    unsigned unit = unit_of(i, n);
    for (unsigned k = 0; k < n; ) {
        unsigned size = n - k >= 4 ? unit : n - k >= 2 ? 2 : 1;
        uint32_t v;
        if (mem_read(c, i->seg, ea(c, i) + skip + k, size, &v) != STEP_OK) return STEP_FAULT;
        memcpy(p + k, &v, size);
        k += size;
    }
    return is_long(n) ? mem_aligned(c, i->seg, ea(c, i) + skip, 8) : STEP_OK;
}

enum step fpu_write(struct cpu *c, const struct insn *i, const void *from, unsigned n)
{
    const uint8_t *p = from;
    unsigned unit = unit_of(i, n);
    if (n > 4 && mem_probe_write(c, i->seg, ea(c, i), n) != STEP_OK) return STEP_FAULT;
    if (is_long(n) && mem_aligned(c, i->seg, ea(c, i), 8) != STEP_OK) return STEP_FAULT;
    for (unsigned k = 0; k < n; ) {
        unsigned size = n - k >= 4 ? unit : n - k >= 2 ? 2 : 1;
        uint32_t v = 0;
        memcpy(&v, p + k, size);
        if (mem_write(c, i->seg, ea(c, i) + k, size, v) != STEP_OK) return STEP_FAULT;
        k += size;
    }
    return STEP_OK;
}
