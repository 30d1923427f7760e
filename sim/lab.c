/* Running one case. See lab.h; the board is lab_board.c.
 *
 * Idea 1: TF is set, so "exactly one instruction" is what the hardware does by itself: the case is over when the single-step
 * trap is due. That is why it may take two instructions (the trap is held off behind a load of SS), and why a repeated one
 * takes as many turns as it has iterations.
 * Idea 2: faults are read where the CPU raises them, so that no handler's frame gets into the case's memory. Only INT n
 * is itself a delivery: it goes through the gate, and what the handler sees is read from the frame.
 *
 * SDM vol. 3A 6.12.1 (frames), 6.8.3 (loads of SS), 17.3.1.4 (single step). */
#include "sim/lab.h"

#include <stdlib.h>
#include <string.h>
#include "sim/cpu/segment.h"
#include "sim/lab_board.h"

static const uint8_t seg_of[LAB_REGS] = { [LAB_DS] = SEG_DS, [LAB_ES] = SEG_ES, [LAB_SS] = SEG_SS,
                                          [LAB_FS] = SEG_FS, [LAB_GS] = SEG_GS, [LAB_CS] = SEG_CS };

struct lab *lab_new(struct err *e)
{
    struct lab *l = calloc(1, sizeof *l);
    if (!l) {
        err_set(e, EXIT_ENVIRONMENT, "no memory for the laboratory");
        return NULL;
    }
    if (lab_board_build(l, e)) return l;
    lab_free(l);
    return NULL;
}

void lab_free(struct lab *l)
{
    if (!l) return;
    if (l->blocks) block_cache_free(l->blocks);
    arena_done(&l->arena);
    free(l);
}

void lab_ldt(struct lab *l, const struct lab_ldt *entry) { lab_board_ldt(l, entry); }

bool lab_use_blocks(struct lab *l, struct err *e)
{
    if (!l->blocks) l->blocks = block_cache_new();
    return l->blocks || err_set(e, EXIT_ENVIRONMENT, "no memory for decoded code");
}

void lab_forget(struct lab *l) { lab_board_forget(l); }

const struct lab_image *lab_before(const struct lab *l) { return &l->before; }

/* ---- before ---- */

/* CS as an IRET to this ring would load it. */
static bool load_code(struct cpu *c, uint16_t sel)
{
    struct desc d;
    if (sel_null(sel) || sel_rpl(sel) != c->cpl || desc_read(c, sel, VEC_GP, sel_code(sel), &d) != STEP_OK) return false;
    if (!ar_code(d.ar) || !(d.ar & AR_P)) return false;
    if (ar_conforming(d.ar) ? ar_dpl(d.ar) > c->cpl : ar_dpl(d.ar) != c->cpl) return false;
    seg_from_desc(&c->seg[SEG_CS], sel, &d);
    return true;
}

static bool load_segments(struct lab *l, const struct lab_case *k, const char *where, struct err *e)
{
    struct cpu *c = &l->now.cpu;
    for (unsigned r = LAB_DS; r < LAB_REGS; r++) {
        if (!(k->given & 1u << r)) continue;
        uint16_t sel = (uint16_t)k->reg[r];
        bool good = r == LAB_CS ? load_code(c, sel) : seg_load(c, seg_of[r], sel) == STEP_OK;
        if (good) continue;
        return err_set(e, EXIT_INPUT, "%s: expected a selector that %s can hold in ring %u, found %x; an ldt line before it"
                       " makes LDT entry N, whose selector is N*8+7", where, lab_reg_name[r], k->ring, sel);
    }
    return true;
}

static void load_registers(struct cpu *c, const struct lab_case *k)
{
    memcpy(c->reg, k->reg, 8 * sizeof c->reg[0]);
    c->eip = k->reg[LAB_EIP];
    cpu_set_flags(c, k->reg[LAB_FLAGS] | (c->blocks ? 0 : (uint32_t)FLAG_TF) | (uint32_t)k->iopl << 12);
}

/* ---- after ---- */

static uint32_t peek32(struct lab *l, uint32_t at)
{
    struct xlat x;
    struct fault f;
    uint32_t v = 0;
    for (unsigned k = 0; k < 4; k++)
        if (mmu_probe(&l->now.mmu, gva(at + k), ACCESS_READ, &x, &f) && x.host) v |= (uint32_t)*x.host << 8 * k;
    return v;
}

static void read_registers(const struct cpu *c, struct lab_result *r)
{
    memcpy(r->reg, c->reg, 8 * sizeof r->reg[0]);
    r->reg[LAB_EIP] = c->eip;
    r->reg[LAB_FLAGS] = cpu_flags(c);
    for (unsigned k = LAB_DS; k < LAB_REGS; k++) r->reg[k] = c->seg[seg_of[k]].sel;
}

/* Has INT n gone through its gate? Then the frame tells what was: EIP, CS, EFLAGS, and from an outer ring ESP, SS. */
static bool delivered(struct lab *l, unsigned ring, struct lab_result *r)
{
    const struct cpu *c = &l->now.cpu;
    uint32_t entry = c->eip - SYSTEM_PAGE(FRAME_HANDLERS), sp = c->reg[ESP] + c->seg[SEG_SS].base;
    if (c->seg[SEG_CS].sel != SEL_HANDLERS || entry >= PAGE_SIZE) return false;
    r->vector = (uint8_t)(entry / 4);
    r->end = r->vector == VEC_DB ? LAB_OK : LAB_FAULT; /* INT1: the trap that ends every case */
    r->reg[LAB_EIP] = peek32(l, sp);
    r->reg[LAB_CS] = peek32(l, sp + 4) & 0xFFFF;
    r->reg[LAB_FLAGS] = peek32(l, sp + 8);
    r->reg[LAB_ESP] = ring ? peek32(l, sp + 12) : c->reg[ESP] + 12;
    if (ring) r->reg[LAB_SS] = peek32(l, sp + 16) & 0xFFFF;
    return true;
}

static void read_fault(const struct cpu *c, struct lab_result *r)
{
    r->end = LAB_FAULT;
    r->vector = c->fault.vector;
    r->code = c->fault.has_code ? c->fault.code : 0;
    if (r->vector == VEC_PF) r->cr2 = c->fault.addr;
}

/* ---- between ---- */

/* One instruction: until the single-step trap is due, an interrupt was delivered, or a fault. An iteration that is not
 * the last of its instruction does not count as one. */
static enum lab_end execute(struct cpu *c)
{
    unsigned iterations = 0;
    for (;;) {
        uint64_t before = c->insns;
        bool traced = c->eflags & FLAG_TF;
        c->trap = false;
        enum step s = cpu_execute_one(c, NULL);
        if (s == STEP_FAULT) return LAB_FAULT;
        if (s == STEP_JUMP && c->insns == before) {
            if (++iterations == LAB_ITERATIONS) return LAB_LIMIT;
            continue;
        }
        if (c->trap || !traced || s == STEP_HALT || c->seg[SEG_CS].sel == SEL_HANDLERS) return LAB_OK;
    }
}

/* Exceptions whose frames begin with a code. SDM 3A table 6-1. */
static bool has_code(uint8_t vector)
{
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

/* The same without TF: one boundary of the run loop, and one more behind a load of SS. A fault has been delivered. */
static void run_blocks(struct lab *l, struct lab_result *r)
{
    struct cpu *c = &l->now.cpu;
    uint32_t entry;
    (void)cpu_run(c, 1);
    while (c->inhibit == c->insns && !c->halted) (void)cpu_run(c, 1);
    read_registers(c, r);
    entry = c->eip - SYSTEM_PAGE(FRAME_HANDLERS);
    if (c->seg[SEG_CS].sel == SEL_HANDLERS && entry < PAGE_SIZE && has_code((uint8_t)(entry / 4))) {
        r->code = peek32(l, c->reg[ESP]);
        c->reg[ESP] += 4;
    }
    if (delivered(l, true, r) && r->vector == VEC_PF) r->cr2 = c->cr2;
}

bool lab_run(struct lab *l, const struct lab_case *k, const char *where, struct lab_result *r, struct err *e)
{
    struct cpu *c = &l->now.cpu;
    lab_board_reset(l, k->ring);
    if (!load_segments(l, k, where, e)) return false;
    load_registers(c, k);
    lab_image_make(&l->before, k, c->seg[SEG_CS].base + c->eip);
    lab_board_load(l, &l->before);
    *r = (struct lab_result){ .low = l->ram + FRAME_LOW * PAGE_SIZE, .data = l->ram + FRAME_DATA * PAGE_SIZE };
    if (c->blocks) return run_blocks(l, r), true;
    r->end = (uint8_t)execute(c);
    read_registers(c, r);
    if (r->end == LAB_FAULT) read_fault(c, r);
    else if (r->end == LAB_OK) (void)delivered(l, k->ring, r);
    return true;
}

enum lab_line lab_take(struct lab *l, const char *line, size_t n, const char *where, const struct lab_case **c,
                       struct lab_result *r, struct err *e)
{
    struct lab_ldt ldt;
    enum lab_line kind = lab_parse(line, n, where, &l->parsed, &ldt, e);
    *c = &l->parsed;
    if (kind == LAB_LDT) lab_ldt(l, &ldt);
    return kind == LAB_CASE && !lab_run(l, &l->parsed, where, r, e) ? LAB_BAD : kind;
}

bool lab_line(struct lab *l, const char *line, size_t n, const char *where, struct text *out, struct err *e)
{
    struct lab_result r;
    const struct lab_case *c;
    enum lab_line kind = lab_take(l, line, n, where, &c, &r, e);
    if (kind == LAB_CASE) lab_print(c, &l->before, &r, out);
    return kind != LAB_BAD;
}
