/* EFLAGS as a whole: PUSHF, POPF, CLI, STI.
 *
 * The idea this file exists for: CLI and STI below IOPL fault, but POPF below IOPL drops IF *in silence*. A hypervisor
 * that runs a guest kernel in ring 1 sees the first two and never the third.
 * SDM vol. 2 (PUSHF, POPF table 4-21, CLI, STI). Not modelled: virtual-8086 mode, CR4.VME and CR4.PVI (VIF). */
#include "sim/cpu/exec.h"
#include "sim/cpu/stack.h"

static unsigned iopl(const struct cpu *c) { return (c->eflags & FLAG_IOPL) >> 12; }

enum step exec_pushf(struct cpu *c, const struct insn *i)
{
    return stack_push(c, cpu_flags(c) & ~(uint32_t)(FLAG_RF | FLAG_VM) & size_mask(i->size), i->size);
}

/* The image's other bits are ignored, not refused. The 32-bit form clears RF, VIF and VIP. */
enum step exec_popf(struct cpu *c, const struct insn *i)
{
    uint32_t image, mask = stack_mask(&c->seg[SEG_SS]);
    uint32_t may = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT, keep = cpu_flags(c);
    enum step s = mem_read(c, SEG_SS, c->reg[ESP] & mask, i->size, &image);
    if (s != STEP_OK) return s;
    if (c->cpl <= iopl(c)) may |= FLAG_IF;
    if (c->cpl == 0) may |= FLAG_IOPL;
    if (i->size == 4) {
        may |= FLAG_AC | FLAG_ID;
        keep &= ~(uint32_t)(FLAG_RF | FLAG_VIF | FLAG_VIP);
    }
    stack_set(c, c->reg[ESP] + i->size, mask);
    cpu_set_flags(c, (keep & ~may) | (image & may));
    return STEP_OK;
}

enum step exec_cli(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (c->cpl > iopl(c)) return cpu_raise_code(c, VEC_GP, 0);
    c->eflags &= ~(uint32_t)FLAG_IF;
    return STEP_OK;
}

/* Interrupts stay off for one instruction more, so that `sti; hlt` and `sti; ret` cannot be torn apart; an STI that
 * changes nothing opens no such window. */
enum step exec_sti(struct cpu *c, const struct insn *i)
{
    (void)i;
    if (c->cpl > iopl(c)) return cpu_raise_code(c, VEC_GP, 0);
    if (c->eflags & FLAG_IF) return STEP_OK;
    c->eflags |= FLAG_IF;
    c->inhibit = c->insns + 1;
    c->break_at = 0;
    return STEP_OK;
}
