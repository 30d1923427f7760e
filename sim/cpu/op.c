/* Choosing, building, linking and running ops. See op.h. */
#include "sim/cpu/op_do.h"

#include "sim/cpu/exec.h"
#include "sim/cpu/meter.h"
#include "sim/cpu/recorder.h"

/* ---- what is not hot ---- */

void op_unref(struct cpu *c, const struct block *b, unsigned n)
{
    for (; c->timed && n < b->n; n++) c->refs -= b->insn[n].refs;
}

/* The rest of the block was prepaid: taken back, so that the handler finds time and count exact, and paid again if it still
 * fits. */
struct op *op_slow(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    const struct insn *i = &b->insn[op_number(b, o)];
    struct clock *clock = c->clock;
    clock->now -= o->rest;
    c->insns -= o->left;
    c->res = res;
    c->aux = aux;
    c->site = b->at + i->at;
    c->eip += op_offset(b);
    enum step s = i->fn(c, i);
    if (s != STEP_OK) {
        op_unref(c, b, op_number(b, o) + (s != STEP_FAULT));
        c->blocks->stop = (struct block_stop){ BLOCK_STOP_STEP, s, i, b };
        return NULL;
    }
    uint64_t now = clock->now + o->rest, insns = c->insns + o->left;
    c->insns++;
    if (now < c->break_at && insns <= c->limit && o[1].fn) {
        clock->now = now;
        c->insns = insns;
        c->eip -= op_offset(b);
        res = c->res;
        aux = c->aux;
        NEXT;
    }
    const struct insn *end = b->insn + b->n;
    op_unref(c, b, op_number(b, o) + 1);
    if (i + 1 == end || clock->now >= c->break_at) {
        c->eip = insn_next(c, i);
        if (block_asks(i)) c->break_at = 0;
    } else c->blocks->stop = (struct block_stop){ BLOCK_STOP_EXACT, STEP_OK, i + 1, b };
    return NULL;
}

/* Or it does fit, and break_at was only as soon as the limit might be passed. */
struct op *op_exact(OP_ARGS)
{
    const struct block *b = o->block;
    uint64_t now = c->clock->now + o->rest, insns = c->insns + o->left;
    if (c->break_at && insns <= c->limit) {
        c->break_at = cpu_deadline(c, c->limit);
        if (now < c->break_at) TAIL o->fn(c, o, res, aux, tags);
    }
    c->eip += op_offset(b);
    c->blocks->stop = (struct block_stop){ BLOCK_STOP_EXACT, STEP_OK, b->insn, b };
    LEAVE;
}


/* Stands before every op of a block that was built while the recorder was on. */
static struct op *op_recorded(OP_ARGS)
{
    const struct block *b = (o - o->k)->block;
    const struct recorded *r = &b->recorded[op_number(b, o)];
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

/* An access was not at hand, and nothing happened yet: once it is, running the op again is all there is to coming back. The MMU's
 * short way brings it: from an older way of the set, by a walk, from a farther cache. That took time; if it was the last, op_slow is
 * what leaves behind the instruction. What is recorded was noted already, and is not run again. */
ALWAYS_INLINE bool filled(struct cpu *c, const struct op *o, unsigned access, bool timed)
{
    if (once(o) || debug_watches(c)) return false;
    if (c->cpl == 3) access |= ACCESS_USER;
    if (timed && c->env.bring) {
        if (!c->env.bring[access](c->env.mmu, gva(c->missed))) return false;
    } else if (!c->env.fill || !c->env.fill(c->env.mmu, gva(c->missed), access)) return false;
    if (!timed) tlb_open(&c->dtlb, c->missed, access);
    return c->clock->now < c->break_at;
}
#define MISS(name, access, timed) \
    struct op *name(OP_ARGS) \
    { \
        if (filled(c, o, access, timed)) GO(o); \
        SLOW; \
    }
MISS(op_miss_read, ACCESS_READ, false)
MISS(op_miss_write, ACCESS_WRITE, false)
MISS(op_miss_read_timed, ACCESS_READ, true)
MISS(op_miss_write_timed, ACCESS_WRITE, true)

/* The line of a block that would fit into what time is left is fetched; then it may not. */
struct op *op_fetch(OP_ARGS)
{
    c->env.fetch(c->env.mmu, hpa(o->more));
    struct clock *clock = c->clock;
    uint64_t now = clock->now + o->rest;
    c->fetch.line = o->line;
    c->fetch.fetches++;
    if (unlikely(now >= c->break_at)) TAIL op_exact(c, o, res, aux, tags);
    clock->now = now; /* as ENTER does it */
    c->insns += o->left;
    c->refs += o->refs;
    NEXT;
}

/* Here, too; then the block is left in front of the instruction that lies there. */
struct op *op_line_fetch(OP_ARGS)
{
    c->env.fetch(c->env.mmu, hpa(o->more));
    if (c->clock->now < c->break_at) NEXT;
    const struct block *b = (o - o->k)->block;
    const struct insn *i = &b->insn[op_number(b, o)];
    c->clock->now -= o->rest;
    c->insns -= o->left;
    op_unref(c, b, op_number(b, o));
    c->eip += op_offset(b);
    if (c->clock->now >= c->break_at) c->eip += i->at;
    else c->blocks->stop = (struct block_stop){ BLOCK_STOP_EXACT, STEP_OK, i, b };
    LEAVE;
}
struct op *op_line(OP_ARGS) { DO_LINE NEXT; }

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

/* Does the byte `way` behind the page's begin lie in the page? */
static bool same_page(uint32_t way) { return way < PAGE_SIZE; }

static void set_branch(struct op *o, const struct block *b, const struct insn *i, const struct op_kit *kit)
{
    o->more = op_offset(b) + i->at + i->len;
    if (i->form == FORM_I) o->disp = b->at + i->at;
    else if (i->id != MN_RET) o->imm = b->at + i->at;
    if (i->form != FORM_I || i->id == MN_RET || o->fn == op_slow) return;
    o->imm += o->more;
    bool near = same_page(o->imm);
    if (i->id == MN_JCC) {
        if (near && same_page(o->more)) o->fn = kit->jcc_near[i->sub];
    } else if (near) o->fn = i->id == MN_JMP ? kit->jmp_near : kit->call_near;
}

void op_of(struct op *o, const struct insn *i, const struct op_kit *kit)
{
    *o = (struct op){ .fn = kit->choose(i) };
    set_registers(o, i);
}

/* Behind the last instruction: the way on, unless it is a branch or leaves by itself; and the links. */
static void build_end(struct block *b, const struct insn *last, const struct op_kit *kit)
{
    struct op *o = op_at(b, b->n - 1u) + 1;
    bool branch = last->id == MN_JCC && o[-1].fn != op_slow;
    if (!branch && !block_asks(last)) {
        uint32_t more = op_offset(b) + b->bytes;
        *o = (struct op){ .fn = same_page(more) ? kit->fall_near : kit->fall_far, .more = more, .k = (uint8_t)(o - b->op) };
        o++;
    }
    memset(o, 0, sizeof *o);
}

static void build_recorded(struct block *b)
{
    for (unsigned k = 0; k < b->n; k++) {
        const struct insn *i = &b->insn[k];
        struct op *o = op_at(b, k);
        b->recorded[k] = (struct recorded){ .then = o->fn, .cycles = o->rest + i->cost, .at = (uint16_t)(op_offset(b) + i->at) };
        record_code(b->recorded[k].code, b->host + i->at, b->bytes - i->at, i);
        o->fn = op_recorded;
    }
}

/* Before instruction i, whose op is the next one. */
static void build_line(const struct block *b, struct op *o, const struct insn *i, uint32_t rest, const struct op_kit *kit)
{
    uint32_t at = b->at + i->at;
    *o = (struct op){ .fn = kit->line, .imm = at >> LINE_SHIFT, .more = at, .rest = rest, .k = (uint8_t)(o - b->op),
                      .left = o[1].left };
}

void op_build(struct block *b, const struct op_kit *kit)
{
    uint32_t rest = 0;
    uint16_t refs = 0;
    const struct insn *last = &b->insn[b->n - 1];
    struct op *o = op_at(b, b->n - 1u), *before, *const first = b->op + 1;
    if (last->id == MN_JMP || last->id == MN_CALL || last->id == MN_RET || last->id == MN_JCC) set_branch(o, b, last, kit);
    for (unsigned k = b->n; k; k--, o = before) {
        const struct insn *i = &b->insn[k - 1];
        before = k > 1 ? first + (k - 2) + op_lines(b, i[-1].at) : b->op;
        if (unlikely(i->id == MN_IN || i->id == MN_OUT)) o->more = op_offset(b) + i->at;
        o->k = (uint8_t)(o - b->op);
        o->left = (uint8_t)(b->n - k + 1);
        o->rest = rest;
        rest += i->cost;
        refs = (uint16_t)(refs + i->refs);
        if (before + 1 != o) build_line(b, o - 1, i, rest, kit);
    }
    b->op[0] = (struct op){ .fn = kit->head, .block = b, .more = b->at, .rest = rest, .left = b->n, .refs = refs,
                            .line = b->at >> LINE_SHIFT };
    build_end(b, last, kit);
    if (b->recorded) build_recorded(b);
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
    bool there = same_page(way) ? b->at == (from->at & PAGE_MASK) + way : !((b->at ^ way) & (PAGE_SIZE - 1));
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

/* A block that is entered for the second time will be run more often. That is seen as long as nothing leads to it past op_run.
 * Nobody runs it now. */
static void tune(const struct cpu *c, struct block *b)
{
    op_fn **first = &b->op[1].fn;
    if (b->metered) *first = b->metered->then;
    op_tune(b, op_kit_of(c));
    if (!b->metered) return;
    b->metered->then = *first;
    *first = op_metered;
}

void op_run(struct cpu *c, struct block *b, uint64_t limit)
{
    struct block_cache *bc = c->blocks;
    const struct seg_reg *cs = &c->seg[SEG_CS];
    if (b->entered < BLOCK_TUNED && ++b->entered == BLOCK_TUNED && !b->recorded) tune(c, b);
    if (b->entered == BLOCK_TUNED) {
        if (bc->patch) link_to(bc, b);
        bc->quick[b->code32][block_quick(b->at)] = b->op;
    }
    bc->patch = NULL;
    bc->stop.kind = BLOCK_STOP_LOOK;
    c->quick = bc->quick[b->code32];
    c->whole = cs->limit - (PAGE_SIZE - 1);
    c->limit = limit;
    c->eip -= op_offset(b);
#if OP_LOOP
    for (struct op *o = b->op; o;) o = o->fn(c, o, c->res, c->aux, op_own_tags(c)); /* a gate changes the ring on the way */
#else
    (void)b->op->fn(c, b->op, c->res, c->aux, op_own_tags(c));
#endif
}
