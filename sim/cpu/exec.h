/* All instruction handlers: one prototype per row of insn.def, and what rows and forms need besides.
 *
 * Handlers live by subject in exec_*.c. Each does a whole instruction or nothing (insn.h, exec_fn). SDM vol. 2. */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include "sim/cpu/cpu.h"
#include "sim/cpu/insn.h"

/* Rows may share a handler (PUSHF and PUSHFD are one row, CBW and CWDE two): repeating a prototype is harmless. */
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) exec_fn handler;
#include "sim/cpu/insn.def"
#undef INSN

/* The other direction of rows that stand for two opcodes. */
exec_fn exec_mov_to_seg, exec_mov_to_cr, exec_mov_to_dr;

/* CR3 was loaded by the instruction at this EIP: the event. */
void exec_cr3_seen(struct cpu *c, uint32_t eip);

/* What bytes that are no instruction do: #UD, or #GP(0) if they are longer than 15 bytes. */
exec_fn exec_undefined, exec_too_long;

/* The handler of a decoded instruction: its row's, or a faster one for its form. A pure function of *i (not of i->fn). */
exec_fn *insn_handler(const struct insn *i);

/* Fast handlers for hot forms, by form, for 32-bit operands with 32-bit addressing, and for bytes likewise; NULL: none. */
struct exec_forms { exec_fn *dword[FORM_COUNT], *byte[FORM_COUNT]; };
extern const struct exec_forms exec_forms_add, exec_forms_or, exec_forms_adc, exec_forms_sbb, exec_forms_and, exec_forms_sub,
    exec_forms_xor, exec_forms_cmp, exec_forms_test, exec_forms_inc, exec_forms_dec, exec_forms_mov, exec_forms_movzx,
    exec_forms_movsx, exec_forms_lea, exec_forms_push, exec_forms_pop, exec_forms_jmp, exec_forms_call, exec_forms_ret,
    exec_forms_shl, exec_forms_shr, exec_forms_sar;
extern exec_fn *const exec_jcc32[16]; /* by condition: Jcc with 32-bit operand size */

/* Leaves a repeated string instruction between two iterations (time is up, or a trap is due): EIP stays, and it has not
 * retired yet. Returns STEP_JUMP. The run loop charged the cost of the first iteration; the handler charges i->cost for
 * each further one, so that leaving and coming back costs nothing. An interrupt may be taken here even after STI. */
enum step exec_again(struct cpu *c, const struct insn *i);
/* Is something due, or asked for? break_at may also be there for the limit's sake (cpu_deadline). */
bool cpu_due(const struct cpu *c);
/* Must a repeated string instruction leave now? */
static inline bool exec_interrupted(const struct cpu *c)
{
    return (c->clock->now >= c->break_at && cpu_due(c)) || (c->eflags & FLAG_TF);
}

/* When to look again (cpu->break_at) with insns to stop at `limit`: when something is due, or sooner, as the limit may be passed
 * only if more than so many cycles have, unless cpu->free. */
uint64_t cpu_deadline(const struct cpu *c, uint64_t limit);

#endif
