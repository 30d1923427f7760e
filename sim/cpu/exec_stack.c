/* The stack: PUSH POP PUSHA POPA ENTER LEAVE.
 *
 * Idea 1: the width of the stack pointer is a property of SS (its B bit), the width of what is pushed one of the
 * instruction; they are independent.
 * Idea 2: ESP moves last. Whoever stores several words probes them all before storing the first.
 *
 * SDM vol. 1 6.2, vol. 2 under each mnemonic. */
#include "sim/cpu/stack.h"

#include "sim/cpu/exec.h"

enum step stack_push(struct cpu *c, uint32_t v, unsigned size)
{
    uint32_t mask = stack_mask(&c->seg[SEG_SS]), sp = (c->reg[ESP] - size) & mask;
    enum step s = mem_write(c, SEG_SS, sp, size, v);
    if (s == STEP_OK) stack_set(c, sp, mask);
    return s;
}

ALWAYS_INLINE enum step push(struct cpu *c, const struct insn *i, unsigned form, unsigned size)
{
    uint32_t v;
    enum step s = source_read(c, i, form, size, &v);
    return s != STEP_OK ? s : stack_push(c, v, size);
}
enum step exec_push(struct cpu *c, const struct insn *i) { return push(c, i, i->form, i->size); }
static enum step push_r32(struct cpu *c, const struct insn *i) { return push(c, i, FORM_R, 4); }
static enum step push_i32(struct cpu *c, const struct insn *i) { return push(c, i, FORM_I, 4); }
static enum step push_m32(struct cpu *c, const struct insn *i) { return push(c, i, FORM_M, 4); }
const struct exec_forms exec_forms_push = {
    { [FORM_R] = push_r32, [FORM_I] = push_i32, [FORM_M] = push_m32 }, { NULL } };

/* POP to memory: ESP has already moved when the address is formed. POP ESP: the popped value wins. */
ALWAYS_INLINE enum step pop(struct cpu *c, const struct insn *i, unsigned form, unsigned size)
{
    uint32_t v, mask = stack_mask(&c->seg[SEG_SS]), old = c->reg[ESP];
    enum step s = mem_read(c, SEG_SS, old & mask, size, &v);
    if (s != STEP_OK) return s;
    stack_set(c, old + size, mask);
    if (form == FORM_R) reg_set(c, i->rm, size, v);
    else if ((s = mem_write(c, i->seg, ea(c, i), size, v)) != STEP_OK) c->reg[ESP] = old;
    return s;
}
enum step exec_pop(struct cpu *c, const struct insn *i) { return pop(c, i, i->form, i->size); }
static enum step pop_r32(struct cpu *c, const struct insn *i) { return pop(c, i, FORM_R, 4); }
const struct exec_forms exec_forms_pop = { { [FORM_R] = pop_r32 }, { NULL } };

/* Makes sure that the `from`-th to the `n`-th word below `sp` can be written. */
static enum step probe_below(struct cpu *c, uint32_t sp, unsigned from, unsigned n, unsigned size, uint32_t mask)
{
    for (unsigned k = from; k <= n; k++) {
        enum step s = mem_probe_write(c, SEG_SS, (sp - k * size) & mask, size);
        if (s != STEP_OK) return s;
    }
    return STEP_OK;
}

/* The 8086's modes have an exception of their own for a stack whose end one of the words would straddle; lower still,
 * #SS itself finds no room. SDM vol. 2, PUSHA. */
static bool straddles(const struct cpu *c, uint32_t sp) { return !cpu_selects(c) && (sp & 1) && sp >= 7 && sp <= 15; }

/* Host bytes of eight doublewords from `low` on, if all that is to be done for them has been done. */
static uint8_t *eight_at_hand(struct cpu *c, const struct insn *i, uint32_t low, uint32_t mask, bool write)
{
    enum { BYTES = 32 };
    const struct seg_reg *s = &c->seg[SEG_SS];
    if (i->size != 4 || mask != UINT32_MAX || (uint64_t)low + BYTES > (write ? s->wr_end : s->rd_end)) return NULL;
    return mem_at_hand(c, s->base + low, BYTES, (write ? ACCESS_WRITE : 0u) | (c->cpl == 3 ? ACCESS_USER : 0u));
}

enum step exec_pusha(struct cpu *c, const struct insn *i)
{
    uint32_t mask = stack_mask(&c->seg[SEG_SS]), sp = c->reg[ESP];
    if (straddles(c, sp & mask)) return cpu_raise_code(c, VEC_GP, 0);
    enum step s = probe_below(c, sp, 1, 1, i->size, mask);
    uint8_t *host = s == STEP_OK ? eight_at_hand(c, i, sp - 8u * i->size, mask, true) : NULL;
    if (host) {
        for (unsigned r = 0; r < 8; r++) host_store(host + 4 * (7 - r), 4, c->reg[r]);
        c->reg[ESP] = sp - 32;
        return STEP_OK;
    }
    if (s == STEP_OK) s = probe_below(c, sp, 2, 8, i->size, mask);
    for (unsigned r = 0; s == STEP_OK && r < 8; r++)
        s = mem_write(c, SEG_SS, (sp - (r + 1) * i->size) & mask, i->size, c->reg[r]);
    if (s == STEP_OK) stack_set(c, sp - 8u * i->size, mask);
    return s;
}

enum step exec_popa(struct cpu *c, const struct insn *i)
{
    uint32_t v[8], mask = stack_mask(&c->seg[SEG_SS]), sp = c->reg[ESP];
    const uint8_t *host = eight_at_hand(c, i, sp, mask, false);
    for (unsigned k = 0; host && k < 8; k++) v[7 - k] = host_load(host + 4 * k, 4);
    for (unsigned k = 0; !host && k < 8; k++) {
        enum step s = mem_read(c, SEG_SS, (sp + k * i->size) & mask, i->size, &v[7 - k]);
        if (s != STEP_OK) return s;
    }
    for (unsigned r = 0; r < 8; r++)
        if (r != ESP) reg_set(c, r, i->size, v[r]);
    stack_set(c, sp + 8u * i->size, mask);
    return STEP_OK;
}

/* The display: pointers to the frames of the enclosing procedures, copied from below EBP. */
static uint32_t display_at(const struct cpu *c, unsigned k, unsigned size, uint32_t mask)
{
    return (c->reg[EBP] - k * size) & mask;
}

/* imm: bytes of local variables; imm2: nesting level. Word by word, as the manual has it: a fault on the way leaves
 * registers as they were, and below the stack's top what was stored before it. The new frame pointer is ESP as it is after
 * the first push, upper half included even if the stack has 16 bits. */
enum step exec_enter(struct cpu *c, const struct insn *i)
{
    unsigned level = i->imm2 & 31;
    uint32_t mask = stack_mask(&c->seg[SEG_SS]), sp = c->reg[ESP], v = c->reg[EBP];
    uint32_t frame = (sp & ~mask) | ((sp - i->size) & mask);
    for (unsigned k = 0; k <= level; k++) {
        enum step s = STEP_OK;
        if (k && k == level) v = frame;
        else if (k) s = mem_read(c, SEG_SS, display_at(c, k, i->size, mask), i->size, &v);
        sp -= i->size;
        if (s == STEP_OK) s = mem_write(c, SEG_SS, sp & mask, i->size, v);
        if (s != STEP_OK) return s;
    }
    sp -= i->imm & 0xFFFF;
    if (mem_probe_write(c, SEG_SS, sp & mask, i->size) != STEP_OK) return STEP_FAULT;
    reg_set(c, EBP, i->size, frame);
    stack_set(c, sp, mask);
    return STEP_OK;
}

enum step exec_leave(struct cpu *c, const struct insn *i)
{
    uint32_t v, mask = stack_mask(&c->seg[SEG_SS]), sp = c->reg[EBP];
    enum step s = mem_read(c, SEG_SS, sp & mask, i->size, &v);
    if (s != STEP_OK) return s;
    stack_set(c, sp + i->size, mask);
    reg_set(c, EBP, i->size, v);
    return STEP_OK;
}
