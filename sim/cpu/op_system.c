/* Fast forms of what kernels do all the time: CLI, STI, PUSHF, POPF, CLD. See op.h; exec_flags.c is the truth.
 *
 * Only where nothing has to be decided: CPL <= IOPL (or no virtual-8086 mode), no interrupt pending, no trap to come, a
 * stack of 32 bits. SDM vol. 2 under each mnemonic. */
#include "sim/cpu/op.h"
#include "sim/cpu/segment.h"

struct op *op_cld(OP_ARGS) { c->eflags &= ~(uint32_t)FLAG_DF; NEXT; }

struct op *op_cli(OP_ARGS)
{
    if (unlikely(c->cpl > cpu_iopl(c))) SLOW;
    c->eflags &= ~(uint32_t)FLAG_IF;
    NEXT;
}

/* The instruction behind an STI that does something is safe from interrupts; insns counts this whole block already. */
struct op *op_sti(OP_ARGS)
{
    if (unlikely(c->cpl > cpu_iopl(c)) || unlikely(c->intr)) SLOW;
    if (!(c->eflags & FLAG_IF)) {
        c->eflags |= FLAG_IF;
        c->inhibit = c->insns - o->left + 1;
    }
    NEXT;
}

struct op *op_pushf(OP_ARGS)
{
    WIDE_STACK;
    if (unlikely(c->eflags & FLAG_VM) || unlikely(c->cr4 & CR4_SEN)) SLOW;
    OP_WRITES(h, c->reg[ESP] - 4, OP_STACK, 4);
    uint32_t keep = c->eflags & ~(uint32_t)(FLAGS_ARITH | FLAG_RF);
    op_store(h, 4, keep | lazy_flags(res, aux) | FLAG_ONE);
    c->reg[ESP] -= 4;
    NEXT;
}

struct op *op_popf(OP_ARGS)
{
    WIDE_STACK;
    if (unlikely((c->eflags & (FLAG_TF | FLAG_VM)) || c->intr || (c->cr4 & CR4_SEN))) SLOW; /* may fault before it reads */
    OP_READS(h, c->reg[ESP], OP_STACK, 4);
    uint32_t image = op_load(h, 4), old = c->eflags, may = FLAG_DF | FLAG_NT | FLAG_ID;
    if (unlikely((image & (FLAG_TF | FLAG_VM)) || ((image ^ old) & FLAG_AC))) SLOW;
    if (c->cpl <= cpu_iopl(c)) may |= FLAG_IF;
    if (c->cpl == 0) may |= FLAG_IOPL;
    c->eflags = (old & ~(may | FLAG_RF)) | (image & may) | FLAG_ONE;
    c->reg[ESP] += 4;
    res = lazy_res(image);
    aux = lazy_aux(image);
    NEXT;
}
