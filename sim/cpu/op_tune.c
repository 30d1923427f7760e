/* What a block as a whole allows to leave out. See op.h.
 *
 * Idea 1: most flags are set for nobody: the next operation that sets all of them comes before anyone looks. In between only
 * registers may be worked on, since whatever touches memory may fault, and then a handler sees the flags.
 * Idea 2: comparisons are followed by the branch they were made for, so the two are one operation; the branch keeps its op,
 * which holds its ways, and which is run by itself if the comparison went the slow way.
 * Idea 3: any two operations that follow each other often are one, too (op_pair.def), from the block's end on.
 *
 * Nothing here changes what instructions do, or when. */
#include "sim/cpu/op.h"

enum role {
    ROLE_NONE,    /* works on registers only and leaves flags alone */
    ROLE_CHANGES, /* on registers; sets some of the flags */
    ROLE_SETS,    /* on registers; sets all of them, whatever they were */
    ROLE_LOOKS    /* all others: may need the flags as they are */
};

static const uint8_t roles[MN_COUNT] = { /* with operands in registers; + 1, so that 0 is none of them */
    [MN_MOV] = 1 + ROLE_NONE, [MN_MOVZX] = 1 + ROLE_NONE, [MN_MOVSX] = 1 + ROLE_NONE, [MN_XCHG] = 1 + ROLE_NONE,
    [MN_BSWAP] = 1 + ROLE_NONE, [MN_CDQ] = 1 + ROLE_NONE, [MN_CWDE] = 1 + ROLE_NONE, [MN_NOP] = 1 + ROLE_NONE,
    [MN_NOT] = 1 + ROLE_NONE,
    [MN_INC] = 1 + ROLE_CHANGES, [MN_DEC] = 1 + ROLE_CHANGES, [MN_ROL] = 1 + ROLE_CHANGES, [MN_ROR] = 1 + ROLE_CHANGES,
    [MN_ADD] = 1 + ROLE_SETS, [MN_OR] = 1 + ROLE_SETS, [MN_AND] = 1 + ROLE_SETS, [MN_SUB] = 1 + ROLE_SETS,
    [MN_XOR] = 1 + ROLE_SETS, [MN_CMP] = 1 + ROLE_SETS, [MN_TEST] = 1 + ROLE_SETS, [MN_NEG] = 1 + ROLE_SETS,
    [MN_SHL] = 1 + ROLE_SETS, [MN_SHR] = 1 + ROLE_SETS, [MN_SAR] = 1 + ROLE_SETS, [MN_IMUL] = 1 + ROLE_SETS
};

static enum role role_of(const struct insn *i, const struct op *o)
{
    bool shift = i->id == MN_SHL || i->id == MN_SHR || i->id == MN_SAR;
    if (o->fn == op_slow) return ROLE_LOOKS;
    if (i->id == MN_LEA) return ROLE_NONE;
    if (!roles[i->id] || i->flags & INSN_MEM) return ROLE_LOOKS;
    if (shift && i->form != FORM_RI) return ROLE_LOOKS; /* by CL: perhaps by nothing */
    return (enum role)(roles[i->id] - 1);
}

static void hush(struct block *b, const struct op_kit *kit)
{
    bool dead = false; /* are all flags set behind here before anyone looks? */
    struct op *o = op_at(b, b->n - 1u);
    for (unsigned k = b->n; k; k--, o--) {
        const struct insn *i = &b->insn[k - 1];
        enum role role = role_of(i, o);
        bool sets = role == ROLE_SETS || role == ROLE_CHANGES;
        const struct op_forms *f = dead && sets && i->size == 4 ? kit->forms_of(i) : NULL;
        if (f && f->quiet[i->form]) o->fn = f->quiet[i->form];
        else if (role == ROLE_CHANGES) dead = false;
        if (role == ROLE_SETS) dead = true;
        else if (role == ROLE_LOOKS) dead = false;
        if (o[-1].fn != kit->line) continue;
        dead = false; /* fetching a line takes time: the block may be left there */
        o--;
    }
}

/* The last comparison and the conditional branch behind it as one: the branch's condition. */
static unsigned fuse(const struct block *b, const struct op_kit *kit)
{
    const struct insn *last = &b->insn[b->n - 1];
    struct op *branch = op_at(b, b->n - 1u);
    if (b->n < 2 || last->id != MN_JCC || branch->fn != kit->jcc_near[last->sub]) return OP_NO_BRANCH;
    op_fn *fused = kit->fused(branch[-1].fn, last->sub);
    if (!fused) return OP_NO_BRANCH;
    branch[-1].fn = fused;
    return last->sub;
}

static unsigned number_of(const struct block *b, const struct op *o, const struct op_kit *kit)
{
    return o->fn == kit->line ? OP_PAIR_LINE : kit->pair_number(&b->insn[op_number(b, o)], o->fn);
}

/* Two as one, wherever there is such a pair, from the end on. A branch is part of none but by what is fused with it. */
static void pair_up(const struct block *b, const struct op_kit *kit)
{
    const struct insn *last = &b->insn[b->n - 1];
    struct op *o = op_at(b, b->n - 1u) - (last->id == MN_JCC && b->n > 1);
    unsigned second = number_of(b, o, kit), cc = fuse(b, kit), first;
    for (; o > b->op + 1; o--, second = first, cc = OP_NO_BRANCH) {
        first = number_of(b, o - 1, kit);
        op_fn *pair = first && second ? kit->pair(first, second, cc, o - 1) : NULL;
        if (!pair) continue;
        o[-1].fn = pair;
        first = 0; /* it is taken */
    }
}

void op_tune(struct block *b, const struct op_kit *kit)
{
    hush(b, kit);
    pair_up(b, kit);
}
