/* Segment registers and selectors: moving them, far pointers, and asking about descriptors (LAR LSL VERR VERW ARPL).
 *
 * Idea: LAR, LSL, VERR and VERW never fault on a selector; they answer in ZF. And reading a selector tells the ring:
 * the RPL of CS and SS is the CPL. Both are how a kernel in ring 1 can notice that it is not in ring 0.
 * SDM vol. 2; vol. 3A 5.10 (pointer validation). In real and virtual-8086 mode the questions are #UD. */
#include "sim/cpu/debug.h"
#include "sim/cpu/exec.h"
#include "sim/cpu/sensitive.h"
#include "sim/cpu/stack.h"

static enum step selector_read(struct cpu *c, const struct insn *i, uint16_t *sel)
{
    uint32_t v = c->reg[i->rm];
    if ((i->flags & INSN_MEM) && mem_read(c, i->seg, ea(c, i), 2, &v) != STEP_OK) return STEP_FAULT;
    *sel = (uint16_t)v;
    return STEP_OK;
}

static void set_zf(struct cpu *c, bool on) { flags_change(c, FLAG_ZF, on ? FLAG_ZF : 0); }

/* MOV SS and POP SS hold interrupts and debug traps off until the next instruction, normally the load of ESP, is done; if that is one
 * of the two itself, it does not (SDM 2B MOV: only the first of such a sequence does for sure; no processor at hand does more).
 * LSS need not. */
static void hold_interrupts(struct cpu *c, const struct insn *i)
{
    if (i->sub != SEG_SS || c->hold == c->insns) return;
    c->inhibit = c->insns + 1;
    debug_hold(c);
}

/* Two bytes move, however far ESP does: with a 32-bit operand the upper half of the stack's doubleword stays as it was, and is
 * not looked at by a POP. So did every processor but the Pentium, which moved all four (SDM 3B, selector pushes and pops). */
enum step exec_push_seg(struct cpu *c, const struct insn *i)
{
    uint32_t mask = stack_mask(&c->seg[SEG_SS]), sp = (c->reg[ESP] - i->size) & mask;
    if (sensitive_refused(c) || mem_write(c, SEG_SS, sp, 2, c->seg[i->sub].sel) != STEP_OK) return STEP_FAULT;
    stack_set(c, sp, mask);
    return STEP_OK;
}

enum step exec_pop_seg(struct cpu *c, const struct insn *i)
{
    uint32_t v, mask = stack_mask(&c->seg[SEG_SS]);
    if (sensitive_refused(c)) return STEP_FAULT;
    if (mem_read(c, SEG_SS, c->reg[ESP] & mask, 2, &v) != STEP_OK) return STEP_FAULT;
    if (seg_load(c, i->sub, (uint16_t)v) != STEP_OK) return STEP_FAULT;
    stack_set(c, c->reg[ESP] + i->size, mask);
    hold_interrupts(c, i);
    return STEP_OK;
}

enum step exec_mov_from_seg(struct cpu *c, const struct insn *i)
{
    uint32_t sel = c->seg[i->sub].sel;
    if (sensitive_refused(c)) return STEP_FAULT;
    if (i->flags & INSN_MEM) return mem_write(c, i->seg, ea(c, i), 2, sel);
    reg_set(c, i->rm, i->size, sel);
    return STEP_OK;
}

enum step exec_mov_to_seg(struct cpu *c, const struct insn *i)
{
    uint16_t sel;
    if (i->sub == SEG_CS) return cpu_raise(c, VEC_UD);
    if (sensitive_refused(c)) return STEP_FAULT;
    if (selector_read(c, i, &sel) != STEP_OK || seg_load(c, i->sub, sel) != STEP_OK) return STEP_FAULT;
    hold_interrupts(c, i);
    return STEP_OK;
}

/* LDS LES LSS LFS LGS */
enum step exec_load_far(struct cpu *c, const struct insn *i)
{
    uint32_t offset, sel, at = ea(c, i), second = at + i->size;
    if (!(i->flags & INSN_MEM)) return cpu_raise(c, VEC_UD);
    if (sensitive_refused(c)) return STEP_FAULT;
    if (i->flags & INSN_ADDR16) second &= 0xFFFF;
    if (mem_read(c, i->seg, at, i->size, &offset) != STEP_OK || mem_read(c, i->seg, second, 2, &sel) != STEP_OK)
        return STEP_FAULT;
    if (seg_load(c, i->sub, (uint16_t)sel) != STEP_OK) return STEP_FAULT;
    reg_set(c, i->reg, i->size, offset);
    return STEP_OK;
}

/* ---- asking about a descriptor ---- */

/* System types that LAR and LSL accept, as bit sets. SDM vol. 2, tables 3-52 and 3-54: LSL knows no gates. */
enum {
    TYPES_LSL = 1 << SYS_TSS16 | 1 << SYS_LDT | 1 << SYS_TSS16_BUSY | 1 << SYS_TSS32 | 1 << SYS_TSS32_BUSY,
    TYPES_LAR = TYPES_LSL | 1 << SYS_CALL16 | 1 << SYS_TASK | 1 << SYS_CALL32
};

/* Reads what the source selector names into *d. *there: it is not null and lies within its table. */
static enum step ask(struct cpu *c, const struct insn *i, struct desc *d, bool *there)
{
    uint16_t sel;
    gva_t at;
    if (!cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (sensitive_refused(c) || selector_read(c, i, &sel) != STEP_OK) return STEP_FAULT;
    *there = !sel_null(sel) && desc_find(c, sel, &at);
    return *there ? desc_read(c, sel, VEC_GP, sel_code(sel), d) : STEP_OK;
}

static bool accepted(const struct cpu *c, const struct desc *d, unsigned types)
{
    return ((d->ar & AR_S) || (types >> ar_system(d->ar) & 1)) && desc_visible(d, c->cpl);
}

enum step exec_lar(struct cpu *c, const struct insn *i)
{
    struct desc d;
    bool ok;
    if (ask(c, i, &d, &ok) != STEP_OK) return STEP_FAULT;
    ok = ok && accepted(c, &d, TYPES_LAR);
    if (ok) reg_set(c, i->reg, i->size, d.high & (i->size == 2 ? 0xFF00u : 0x00FFFF00u));
    set_zf(c, ok);
    return STEP_OK;
}

enum step exec_lsl(struct cpu *c, const struct insn *i)
{
    struct desc d;
    bool ok;
    if (ask(c, i, &d, &ok) != STEP_OK) return STEP_FAULT;
    ok = ok && accepted(c, &d, TYPES_LSL);
    if (ok) reg_set(c, i->reg, i->size, desc_limit(&d));
    set_zf(c, ok);
    return STEP_OK;
}

enum step exec_verr(struct cpu *c, const struct insn *i)
{
    struct desc d;
    bool ok;
    if (ask(c, i, &d, &ok) != STEP_OK) return STEP_FAULT;
    set_zf(c, ok && ar_readable(d.ar) && desc_visible(&d, c->cpl));
    return STEP_OK;
}

enum step exec_verw(struct cpu *c, const struct insn *i)
{
    struct desc d;
    bool ok;
    if (ask(c, i, &d, &ok) != STEP_OK) return STEP_FAULT;
    set_zf(c, ok && ar_writable(d.ar) && desc_visible(&d, c->cpl));
    return STEP_OK;
}

/* A kernel's guard against selectors smuggled in by its callers: raise the RPL to the caller's. Memory is written only if
 * it changes: what is high enough may be read-only. */
enum step exec_arpl(struct cpu *c, const struct insn *i)
{
    uint16_t sel;
    unsigned rpl = sel_rpl((uint16_t)c->reg[i->reg]);
    if (!cpu_selects(c)) return cpu_raise(c, VEC_UD);
    if (selector_read(c, i, &sel) != STEP_OK) return STEP_FAULT;
    bool raise = sel_rpl(sel) < rpl;
    if (raise) {
        sel = sel_with_rpl(sel, rpl);
        if (!(i->flags & INSN_MEM)) reg_set(c, i->rm, 2, sel);
        else if (mem_write(c, i->seg, ea(c, i), 2, sel) != STEP_OK) return STEP_FAULT;
    }
    set_zf(c, raise);
    return STEP_OK;
}
