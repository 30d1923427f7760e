/* x87 control: FNINIT, FNCLEX, FLDCW, FNSTCW, FNSTSW, FNOP, FINCSTP, FDECSTP, FFREE, WAIT. SDM vol. 2; vol. 1 8.1, 8.3.12.
 *
 * The FN forms are non-waiting: they run in spite of a pending exception. The waiting forms of the assembler are WAIT and
 * one of these. */
#include "sim/cpu/exec.h"
#include "sim/cpu/fpu.h"
#include "sim/cpu/operand.h"

enum step exec_fninit(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (fpu_present(c) != STEP_OK) return STEP_FAULT;
    fpu_init(&c->fpu);
    fpu_ferr_update(c);
    return STEP_OK;
}

enum step exec_fnclex(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (fpu_present(c) != STEP_OK) return STEP_FAULT;
    c->fpu.status &= (uint16_t)~(unsigned)(FPU_EXCEPTIONS | FPU_SF | FPU_ES | FPU_B);
    fpu_ferr_update(c);
    return STEP_OK;
}

enum step exec_fldcw(struct cpu *c, const struct insn *i)
{
    uint32_t v;
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    if (mem_read(c, i->seg, ea(c, i), 2, &v) != STEP_OK) return STEP_FAULT;
    c->fpu.control = (uint16_t)((v & FPU_CONTROL_KNOWN) | FPU_CONTROL_ONE);
    fpu_summary(&c->fpu);
    fpu_ferr_update(c);
    return STEP_OK;
}

enum step exec_fnstcw(struct cpu *c, const struct insn *i)
{
    if (fpu_present(c) != STEP_OK) return STEP_FAULT;
    return mem_write(c, i->seg, ea(c, i), 2, c->fpu.control);
}

enum step exec_fnstsw(struct cpu *c, const struct insn *i)
{
    if (fpu_present(c) != STEP_OK) return STEP_FAULT;
    if (i->flags & INSN_MEM) return mem_write(c, i->seg, ea(c, i), 2, c->fpu.status);
    reg_set(c, EAX, 2, c->fpu.status);
    return STEP_OK;
}

enum step exec_fnop(struct cpu *c, const struct insn *i)
{
    enum step st = fpu_ready(c, i);
    if (st == STEP_OK) fpu_note(c, i);
    return st;
}

/* FENI, FDISI and FSETPM did something on the 8087 and the 80287. */
enum step exec_fnop_old(struct cpu *c, const struct insn *i)
{
    (void)i;
    return fpu_present(c);
}

static enum step turn(struct cpu *c, const struct insn *i, int by)
{
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    c->fpu.status &= (uint16_t)~(unsigned)FPU_C1;
    fpu_rotate(&c->fpu, by);
    return STEP_OK;
}
enum step exec_fincstp(struct cpu *c, const struct insn *i) { return turn(c, i, 1); }
enum step exec_fdecstp(struct cpu *c, const struct insn *i) { return turn(c, i, -1); }

/* DF C0+i pops besides: FFREEP, undocumented but everywhere. */
enum step exec_ffree(struct cpu *c, const struct insn *i)
{
    enum step st = fpu_ready(c, i);
    if (st != STEP_OK) return st;
    fpu_note(c, i);
    c->fpu.status &= (uint16_t)~(unsigned)FPU_C1;
    c->fpu.used &= (uint8_t)~(1u << fpu_phys(&c->fpu, i->rm));
    if (i->bytes[0] == 0xDF) fpu_pop(&c->fpu);
    return STEP_OK;
}

enum step exec_fwait(struct cpu *c, const struct insn *i)
{
    if ((c->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) return cpu_raise(c, VEC_NM);
    return fpu_report(c, i);
}
