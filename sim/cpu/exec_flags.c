/* EFLAGS as a whole: PUSHF, POPF, CLI, STI.
 *
 * The idea this file exists for: CLI and STI below IOPL fault, but POPF below IOPL drops IF *in silence*. A hypervisor
 * that runs a guest kernel in ring 1 sees the first two and never the third.
 * SDM vol. 2 (PUSHF, POPF table 4-21, CLI, STI); who has VIF in place of IF is in v86.h. */
#include "sim/cpu/exec.h"
#include "sim/cpu/sensitive.h"
#include "sim/cpu/stack.h"
#include "sim/cpu/v86.h"

/* PUSHF and POPF are sensitive to IOPL in virtual-8086 mode alone; VIF has no 32-bit form. */
static enum v86_flag flag_seen(const struct cpu *c, const struct insn *i)
{
    if (!cpu_v86(c)) return V86_IF;
    enum v86_flag f = v86_if_flag(c);
    return f == V86_VIF && i->size == 4 ? V86_REFUSED : f;
}

enum step exec_pushf(struct cpu *c, const struct insn *i)
{
    if (sensitive_refused(c)) return STEP_FAULT;
    switch (flag_seen(c, i)) {
    case V86_VIF: return stack_push(c, v86_flags(c) & 0xFFFF, 2);
    case V86_REFUSED: return cpu_raise_code(c, VEC_GP, 0);
    case V86_IF: break;
    }
    return stack_push(c, cpu_flags(c) & ~(uint32_t)(FLAG_RF | FLAG_VM) & size_mask(i->size), i->size);
}

/* The image's other bits are ignored, not refused; RF is cleared. Older manuals let the 32-bit form clear VIF and VIP; no
 * processor is known that does. */
static void set_flags(struct cpu *c, uint32_t image, unsigned size)
{
    uint32_t may = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;
    if (c->cpl <= cpu_iopl(c)) may |= FLAG_IF;
    if (c->cpl == 0) may |= FLAG_IOPL;
    if (size == 4) may |= FLAG_AC | FLAG_ID;
    cpu_set_flags(c, (cpu_flags(c) & ~(may | FLAG_RF)) | (image & may));
}

enum step exec_popf(struct cpu *c, const struct insn *i)
{
    uint32_t image, mask = stack_mask(&c->seg[SEG_SS]);
    if (sensitive_refused(c)) return STEP_FAULT;
    enum v86_flag flag = flag_seen(c, i);
    if (flag == V86_REFUSED) return cpu_raise_code(c, VEC_GP, 0);
    enum step s = mem_read(c, SEG_SS, c->reg[ESP] & mask, i->size, &image);
    if (s != STEP_OK) return s;
    if (flag == V86_IF) set_flags(c, image, i->size);
    else if (v86_set_flags(c, image) != STEP_OK) return STEP_FAULT;
    stack_set(c, c->reg[ESP] + i->size, mask);
    return STEP_OK;
}

enum step exec_cli(struct cpu *c, const struct insn *i)
{
    (void)i;
    switch (v86_if_flag(c)) {
    case V86_IF: c->eflags &= ~(uint32_t)FLAG_IF; return STEP_OK;
    case V86_VIF: c->eflags &= ~(uint32_t)FLAG_VIF; return STEP_OK;
    default: return cpu_raise_code(c, VEC_GP, 0);
    }
}

/* VIF guards nothing in the processor: it is for the monitor to look at when it sets VIP. */
static enum step set_virtual(struct cpu *c)
{
    if (c->eflags & FLAG_VIP) return cpu_raise_code(c, VEC_GP, 0);
    c->eflags |= FLAG_VIF;
    return STEP_OK;
}

/* Interrupts stay off for one instruction more, so that `sti; hlt` and `sti; ret` cannot be torn apart; an STI that
 * changes nothing opens no such window. */
enum step exec_sti(struct cpu *c, const struct insn *i)
{
    (void)i;
    enum v86_flag flag = v86_if_flag(c);
    if (flag == V86_VIF) return set_virtual(c);
    if (flag == V86_REFUSED) return cpu_raise_code(c, VEC_GP, 0);
    if (c->eflags & FLAG_IF) return STEP_OK;
    c->eflags |= FLAG_IF;
    c->inhibit = c->insns + 1;
    if (c->intr) c->break_at = 0;
    return STEP_OK;
}
