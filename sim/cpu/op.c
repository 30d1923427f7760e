/* Choosing, building, linking and running ops. See op.h. */
#include "sim/cpu/op.h"

#include "sim/cpu/exec.h"
#include "sim/cpu/meter.h"
#include "sim/cpu/recorder.h"

/* ---- what is not hot ---- */

/* The rest of the block was prepaid: taken back, so that the handler finds time and count exact, and paid again if it still
 * fits. */
struct op *op_slow(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    const struct insn *i = &b->insn[o->k - 1];
    struct clock *clock = c->clock;
    clock->now -= o->rest;
    c->insns -= o->left;
    c->res = res;
    c->aux = aux;
    enum step s = i->fn(c, i);
    if (s != STEP_OK) {
        c->blocks->stop = (struct block_stop){ BLOCK_STOP_STEP, s, i, b };
        return NULL;
    }
    uint64_t now = clock->now + o->rest, insns = c->insns + o->left;
    c->insns++;
    if (now < c->break_at && insns <= c->limit && o[1].fn) {
        clock->now = now;
        c->insns = insns;
        res = c->res;
        aux = c->aux;
        NEXT;
    }
    const struct insn *end = b->insn + b->n;
    if (i + 1 == end || clock->now >= c->break_at) {
        c->eip = insn_next(c, i);
        if (block_asks(i)) c->break_at = 0;
    } else c->blocks->stop = (struct block_stop){ BLOCK_STOP_EXACT, STEP_OK, i + 1, b };
    return NULL;
}

struct op *op_exact(OP_ARGS)
{
    (void)tags;
    const struct block *b = o->block;
    c->blocks->stop = (struct block_stop){ BLOCK_STOP_EXACT, STEP_OK, b->insn, b };
    LEAVE;
}

struct op *op_head(OP_ARGS) { ENTER(o); }

/* Stands before every op of a block that was built while the recorder was on. */
static struct op *op_recorded(OP_ARGS)
{
    const struct recorded *r = &(o - o->k)->block->recorded[o->k - 1];
    recorder_note(c, r->code, c->eip + r->at, c->clock->now - r->cycles, c->insns - o->left, res, aux);
    TAIL r->then(c, o, res, aux, tags);
}

/* Stands before the first op of a block that somebody accounts for. */
static struct op *op_metered(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    meter_begin(c, b);
    TAIL b->metered->then(c, o, res, aux, tags);
}

/* Must it not be run again, because something that stands before it has been? */
static inline bool once(const struct op *o) { return o->fn == op_recorded || o->fn == op_metered; }

/* Way 1 is what mostly has it: two pages of one set that are used in turn. As mmu_translate does it for an entry with the tag:
 * a tag says that the access is allowed and nobody looks. */
static inline bool second(struct cpu *c, const struct op *o, const uint8_t *tags, unsigned write)
{
    uint32_t set = c->missed & (PAGE_SIZE - 1), page = c->missed & PAGE_MASK;
    if (op_tag(tags, set + (uint32_t)sizeof(struct tlb_entry), write) != page || once(o)) return false;
    tlb_to_front(c->dtlb.e[set / TLB_SET_STRIDE], 1);
    c->dtlb.hits++;
    return true;
}

/* An access missed way 0, and nothing happened yet: once the TLB has the tag there, running the op again is all there is to
 * coming back. The MMU's short way brings it: from an older way of the set, or by a walk. That took time; if it was the last,
 * op_slow is what leaves behind the instruction. An access across pages has its last page in another set. What is recorded was
 * noted already, and is not run again. */
static bool filled(struct cpu *c, const struct op *o, unsigned access)
{
    uint32_t page = c->missed & PAGE_MASK;
    if (OP_SET(page) != (c->missed & (PAGE_SIZE - 1)) || once(o)) return false;
    if (c->cpl == 3) access |= ACCESS_USER;
    return mem_refill(c, gva(page), access) && c->clock->now < c->break_at;
}
struct op *op_miss_read(OP_ARGS)
{
    if (second(c, o, tags, OP_READ) || filled(c, o, ACCESS_READ)) GO(o);
    SLOW;
}
struct op *op_miss_write(OP_ARGS)
{
    if (second(c, o, tags, OP_WRITE) || filled(c, o, ACCESS_WRITE)) GO(o);
    SLOW;
}

/* ---- choosing ---- */

static const struct op_forms *const forms[MN_COUNT] = {
    [MN_ADD] = &op_forms_add, [MN_OR] = &op_forms_or, [MN_ADC] = &op_forms_adc, [MN_SBB] = &op_forms_sbb,
    [MN_AND] = &op_forms_and, [MN_SUB] = &op_forms_sub, [MN_XOR] = &op_forms_xor, [MN_CMP] = &op_forms_cmp,
    [MN_TEST] = &op_forms_test, [MN_INC] = &op_forms_inc, [MN_DEC] = &op_forms_dec, [MN_NEG] = &op_forms_neg,
    [MN_NOT] = &op_forms_not, [MN_SHL] = &op_forms_shl, [MN_SHR] = &op_forms_shr, [MN_SAR] = &op_forms_sar,
    [MN_ROL] = &op_forms_rol, [MN_ROR] = &op_forms_ror,
    [MN_MOV] = &op_forms_mov, [MN_LEA] = &op_forms_lea, [MN_PUSH] = &op_forms_push, [MN_POP] = &op_forms_pop,
    [MN_MUL] = &op_forms_mul, [MN_XCHG] = &op_forms_xchg, [MN_BSWAP] = &op_forms_bswap,
    [MN_JMP] = &op_forms_jmp, [MN_CALL] = &op_forms_call, [MN_RET] = &op_forms_ret
};

/* Rows whose forms depend on more than form and size; NULL: none. */
static op_fn *choose_special(const struct insn *i)
{
    bool wide = i->size == 4;
    switch (i->id) {
    case MN_JCC: return wide ? op_jcc_far[i->sub] : NULL;
    case MN_SETCC: return i->form == FORM_R ? op_setcc[i->sub] : NULL;
    case MN_CMOVCC: return !wide ? NULL : i->form == FORM_GE ? op_cmov[i->sub] : op_cmov_mem[i->sub];
    case MN_NOP: return op_nop;
    case MN_CLI: return op_cli;
    case MN_STI: return op_sti;
    case MN_PUSHF: return wide ? op_pushf : NULL;
    case MN_POPF: return wide ? op_popf : NULL;
    case MN_CLD: return op_cld;
    case MN_PUSHA: return wide ? op_pusha : NULL;
    case MN_POPA: return wide ? op_popa : NULL;
    case MN_IN: case MN_OUT: return op_port(i);
    case MN_INT: case MN_INT3: case MN_IRET: case MN_CALL_FAR: case MN_JMP_FAR: case MN_RET_FAR:
    case MN_SYSENTER: case MN_SYSEXIT: return op_away;
    case MN_INVLPG: return i->flags & INSN_MEM ? op_invlpg : NULL;
    case MN_MOV_CR: return i->fn == exec_mov_to_cr ? op_away : NULL;
    case MN_CWDE: return op_cwde;
    case MN_CDQ: return op_cdq;
    case MN_LEAVE: return wide ? op_leave : NULL;
    default: return NULL;
    }
}

const struct op_forms *op_forms_of(const struct insn *i)
{
    switch (i->id) {
    case MN_MOVZX: return i->sub == 1 ? &op_forms_movzx8 : &op_forms_movzx16;
    case MN_MOVSX: return i->sub == 1 ? &op_forms_movsx8 : &op_forms_movsx16;
    case MN_IMUL: return i->sub == 2 ? &op_forms_imul2 : i->sub == 3 ? &op_forms_imul3 : NULL;
    case MN_SHL: case MN_SHR: case MN_SAR: case MN_ROL: case MN_ROR:
        return i->form != FORM_RI || i->imm & 31 ? forms[i->id] : NULL;
    default: return forms[i->id];
    }
}

op_fn *op_choose(const struct insn *i)
{
    if (i->flags & INSN_MEM && i->flags & INSN_ADDR16) return op_slow;
    const struct op_forms *f = op_forms_of(i);
    op_fn *fn = f ? (i->size == 4 ? i->index == REG_NONE ? f->dword : f->indexed
                     : i->size == 1 ? f->byte : f->word)[i->form]
                  : choose_special(i);
    return fn ? fn : op_slow;
}

/* ---- building ---- */

static bool is_shift(unsigned id) { return id == MN_SHL || id == MN_SHR || id == MN_SAR || id == MN_ROL || id == MN_ROR; }

/* Byte registers 4..7 are AH..BH. */
static uint8_t byte_place(unsigned r) { return (uint8_t)((r & 3) * 4 + (r >> 2)); }

static void set_registers(struct op *o, const struct insn *i)
{
    bool to_reg = i->form == FORM_RM || i->form == FORM_GE;
    bool bytes = i->size == 1;
    unsigned rd = to_reg ? i->reg : i->rm, rs = i->form == FORM_GE ? i->rm : i->reg;
    o->rd = bytes || i->id == MN_SETCC ? byte_place(rd) : (uint8_t)rd;
    o->rs = bytes || ((i->id == MN_MOVZX || i->id == MN_MOVSX) && i->sub == 1) ? byte_place(rs) : (uint8_t)rs;
    o->base = i->base;
    o->index = i->index;
    o->mul = (uint8_t)(1u << i->scale);
    o->seg = (uint8_t)(i->seg * sizeof(struct seg_reg));
    o->disp = i->disp;
    o->imm = is_shift(i->id) ? i->imm & 31 : i->id == MN_RET ? i->imm & 0xFFFF : i->imm;
}

/* Does the byte `way` behind the block's begin lie in the block's page? */
static bool same_page(const struct block *b, uint32_t way) { return (b->at & (PAGE_SIZE - 1)) + way < PAGE_SIZE; }

static void set_branch(struct op *o, const struct block *b, const struct insn *i)
{
    o->more = i->at + (uint32_t)i->len;
    if (i->form != FORM_I || i->id == MN_RET || o->fn == op_slow) return;
    o->imm += o->more;
    bool near = same_page(b, o->imm);
    if (i->id == MN_JCC) {
        if (near && same_page(b, o->more)) o->fn = op_jcc_near[i->sub];
    } else if (near) o->fn = i->id == MN_JMP ? op_jmp_near : op_call_near;
}

void op_of(struct op *o, const struct insn *i)
{
    *o = (struct op){ .fn = op_choose(i) };
    set_registers(o, i);
}

/* Behind the last instruction: the way on, unless it is a branch or leaves by itself; and the links. */
static void build_end(struct block *b, const struct insn *last)
{
    struct op *o = b->op + b->n + 1;
    bool branch = last->id == MN_JCC && o[-1].fn != op_slow;
    if (!branch && !block_asks(last)) {
        op_fn *fall = same_page(b, b->bytes) ? op_fall_near : op_fall_far;
        *o++ = (struct op){ .fn = fall, .more = b->bytes, .k = (uint8_t)(b->n + 1) };
    }
    memset(o, 0, sizeof *o);
}

static void build_recorded(struct block *b)
{
    for (unsigned k = 0; k < b->n; k++) {
        const struct insn *i = &b->insn[k];
        struct op *o = &b->op[k + 1];
        b->recorded[k] = (struct recorded){ .then = o->fn, .cycles = o->rest + i->cost, .at = i->at };
        record_code(b->recorded[k].code, b->host + i->at, b->bytes - i->at, i);
        o->fn = op_recorded;
    }
}

void op_build(struct block *b)
{
    uint32_t rest = 0;
    for (unsigned k = b->n; k; k--) {
        const struct insn *i = &b->insn[k - 1];
        struct op *o = &b->op[k];
        if (i->id == MN_JMP || i->id == MN_CALL || i->id == MN_RET || i->id == MN_JCC) set_branch(o, b, i);
        if (i->id == MN_IN || i->id == MN_OUT) o->more = i->at;
        o->k = (uint8_t)k;
        o->left = (uint8_t)(b->n - k + 1);
        o->rest = rest;
        rest += i->cost;
    }
    b->op[0] = (struct op){ .fn = op_head, .block = b, .more = b->at, .rest = rest, .left = b->n };
    build_end(b, &b->insn[b->n - 1]);
    if (b->recorded) build_recorded(b);
    else op_tune(b);
    if (!b->metered) return;
    b->metered->then = b->op[1].fn;
    b->op[1].fn = op_metered;
}

/* ---- linking ---- */

/* A branch left for want of a link, and b is what runs next. Whether it is the branch's target is judged by machine address
 * and mode alone: an interrupt may have come between. */
static void link_to(struct block_cache *bc, struct block *b)
{
    struct op_link *l = bc->patch;
    const struct op *o = bc->patch_from;
    const struct block *from = (o - o->k)->block;
    uint32_t way = l == op_links(bc->patch_from) ? o->imm : o->more;
    bool there = same_page(from, way) ? b->at == from->at + way : !((b->at ^ (from->at + way)) & (PAGE_SIZE - 1));
    bc->patch = NULL;
    if (l->to || !there || b->code32 != from->code32) return;
    *l = (struct op_link){ b->op, b->into };
    b->into = l;
}

void op_unlink(struct block_cache *bc, struct block *b)
{
    for (struct op_link *l = b->into; l; l = l->also) l->to = NULL;
    b->into = NULL;
    unsigned slot = block_quick(b->at);
    if (bc->quick[b->code32][slot] == b->op) bc->quick[b->code32][slot] = op_nothing(bc, slot);
}

struct block *op_find(const struct block_cache *bc, hpa_t at, bool code32)
{
    const struct op *head = bc->quick[code32][block_quick(at.v)];
    return head->more == at.v ? head->block : block_find(bc, at, code32);
}

/* ---- running ---- */

static const uint8_t *own_tags(const struct cpu *c)
{
    return (const uint8_t *)&c->dtlb.e[0][0].tag[c->cpl == 3 ? ACCESS_USER : 0];
}

void op_run(struct cpu *c, struct block *b, uint64_t limit)
{
    struct block_cache *bc = c->blocks;
    const struct seg_reg *cs = &c->seg[SEG_CS];
    if (bc->patch) link_to(bc, b);
    bc->quick[b->code32][block_quick(b->at)] = b->op;
    bc->stop.kind = BLOCK_STOP_LOOK;
    c->quick = bc->quick[b->code32];
    c->whole = cs->limit - (PAGE_SIZE - 1);
    c->limit = limit;
#if OP_LOOP
    for (struct op *o = b->op; o;) o = o->fn(c, o, c->res, c->aux, own_tags(c)); /* a gate changes the ring on the way */
#else
    (void)op_head(c, b->op, c->res, c->aux, own_tags(c));
#endif
}
