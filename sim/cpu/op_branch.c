/* Fast forms of near branches, and how one block leads to the next. See op.h; exec_branch.c is the truth.
 *
 * Idea 1: within a page a branch holds the next block's head: one translation serves the page, so nothing that happens to
 * page tables or TLBs can part them, and whoever forgets a block clears the links to it.
 * Idea 2: into another page the modelled instruction TLB is asked first. Only a hit in way 0, which is free and changes
 * nothing, goes on by itself; anything else leaves for the run loop's own look-up.
 * Idea 3: blocks run here only while their page lies wholly within the CS limit (cpu->whole), so a target in the same page
 * needs no check, and any other target one compare.
 *
 * SDM vol. 2 under each mnemonic. 32-bit operand size only. */
#include "sim/cpu/op.h"
#include "sim/cpu/predict_now.h"

#define UNLINKED(name, n, way) \
    struct op *name(OP_ARGS) \
    { \
        (void)tags; \
        c->eip += (way); \
        c->blocks->patch = &op_links(o)[n]; \
        c->blocks->patch_from = o; \
        LEAVE; \
    }
UNLINKED(op_unlinked_taken, 0, o->imm)
UNLINKED(op_unlinked_next, 1, o->more)
struct op *op_unlinked_taken_behind(OP_ARGS) { TAIL op_unlinked_taken(c, o + 1, res, aux, tags); }
struct op *op_unlinked_next_behind(OP_ARGS) { TAIL op_unlinked_next(c, o + 1, res, aux, tags); }
/* EIP is where it goes on. */
static struct op *op_look(OP_ARGS)
{
    (void)tags, (void)o;
    LEAVE;
}

ALWAYS_INLINE const struct tlb_entry *op_itlb(const struct cpu *c, uint32_t lin)
{
    return (const void *)((const uint8_t *)&c->itlb + OP_CODE_SET(lin));
}
/* The tag of that entry for the ring that runs: `tags` says so of the data TLB. */
ALWAYS_INLINE bool op_itlb_hit(const struct cpu *c, uint32_t lin, const uint8_t *tags)
{
    const uint8_t *code = op_code_tags(c, tags);
    return op_tag(code, OP_CODE_SET(lin), OP_READ) == (lin & PAGE_MASK);
}
/* Does the page of the code at this EIP lie wholly within the CS limit? */
#define WHOLE(eip, lin) (BEGIN(eip, lin) <= c->whole)
#define BEGIN(eip, lin) ((eip) - ((lin) & (PAGE_SIZE - 1)))

#define TAKE_FAR(n, way, unlinked, outside) do { \
    struct op *to_ = op_links(o)[n].to; \
    uint32_t eip_ = c->eip + (way), lin_ = c->seg[SEG_CS].base + eip_; \
    if (unlikely(!WHOLE(eip_, lin_))) outside; \
    if (unlikely(!to_) || unlikely(!op_itlb_hit(c, lin_, tags)) || \
        unlikely((to_->more ^ op_itlb(c, lin_)->frame) & PAGE_MASK)) \
        TAIL unlinked(c, o, res, aux, tags); \
    c->eip = BEGIN(eip_, lin_); \
    ENTER(to_); \
} while (0)

/* To an address known only now. WHOLE was checked. */
#define TAKE_INDIRECT(target, lin) do { \
    const uint32_t to_lin_ = (lin); \
    c->eip = (target); \
    if (unlikely(!op_itlb_hit(c, to_lin_, tags))) TAIL op_look(c, o, res, aux, tags); \
    uint32_t at_ = op_itlb(c, to_lin_)->frame | (to_lin_ & (PAGE_SIZE - 1)); \
    struct op *to_ = c->quick[block_quick(at_)]; \
    if (unlikely(to_->more != at_)) TAIL op_look(c, o, res, aux, tags); \
    c->eip = BEGIN(target, to_lin_); \
    ENTER(to_); \
} while (0)

struct op *op_head(OP_ARGS) { ENTER(o); }

/* ---- prediction (predict.h): what was right and certain goes on at once ---- */

#if OP_TIMED
#define RIGHT_RETURN(to) do { \
    struct predictor *p_ = &c->predictor; \
    if (unlikely(p_->back[p_->top & p_->return_mask] != (to))) TAIL wrong_return(c, o, res, aux, tags); \
    p_->top--; \
} while (0)
#define RIGHT_TARGET(to) do { \
    const struct predictor *p_ = &c->predictor; \
    uint32_t place_ = o->imm & p_->target_mask; \
    if (unlikely(p_->target[place_].site != o->imm) || unlikely(p_->target[place_].to != (to))) \
        TAIL wrong_target(c, o, res, aux, tags); \
} while (0)
#define RIGHT(taken, adjust) do { \
    struct predictor *p_ = &c->predictor; \
    if (unlikely(p_->counter[predict_place(p_, o->disp)] != ((taken) ? 3 : 0))) TAIL adjust(c, o, res, aux, tags); \
    predict_remember(p_, taken); \
} while (0)
#define RIGHT_FAR(way, taken, adjust) do { \
    uint32_t eip_ = c->eip + (way), lin_ = c->seg[SEG_CS].base + eip_; \
    if (unlikely(!WHOLE(eip_, lin_))) SLOW; \
    RIGHT(taken, adjust); \
} while (0)
struct op *op_taken_near(OP_ARGS)
{
    if (c->predicts) predictor_branch(&c->predictor, c->clock, o->disp, true);
    TAKE_NEAR(0, op_unlinked_taken);
}
struct op *op_next_near(OP_ARGS)
{
    if (c->predicts) predictor_branch(&c->predictor, c->clock, o->disp, false);
    TAKE_NEAR(1, op_unlinked_next);
}
struct op *op_taken_near_behind(OP_ARGS) { TAIL op_taken_near(c, o + 1, res, aux, tags); }
struct op *op_next_near_behind(OP_ARGS) { TAIL op_next_near(c, o + 1, res, aux, tags); }
static struct op *taken_far(OP_ARGS)
{
    if (c->predicts) predictor_branch(&c->predictor, c->clock, o->disp, true);
    TAKE_FAR(0, o->imm, op_unlinked_taken, SLOW);
}
static struct op *next_far(OP_ARGS)
{
    if (c->predicts) predictor_branch(&c->predictor, c->clock, o->disp, false);
    TAKE_FAR(1, o->more, op_unlinked_next, SLOW);
}
/* EIP is there already. */
static struct op *wrong_target(OP_ARGS)
{
    if (c->predicts) predictor_indirect(&c->predictor, c->clock, o->imm, c->eip);
    TAKE_INDIRECT(c->eip, c->seg[SEG_CS].base + c->eip);
}
static __attribute__((noinline)) struct op *wrong_return(OP_ARGS)
{
    if (c->predicts) predictor_return(&c->predictor, c->clock, c->eip);
    TAKE_INDIRECT(c->eip, c->seg[SEG_CS].base + c->eip);
}
#else
#define RIGHT_RETURN(to) ((void)0)
#define RIGHT_TARGET(to) ((void)0)
#define RIGHT_FAR(way, taken, adjust) ((void)0)
#endif

struct op *op_fall_near(OP_ARGS) { TAKE_NEAR(1, op_unlinked_next); }
struct op *op_fall_far(OP_ARGS)
{
    TAKE_FAR(1, o->more, op_unlinked_next, do { c->eip = eip_; TAIL op_look(c, o, res, aux, tags); } while (0));
}

struct op *op_jmp_near(OP_ARGS) { TAKE_NEAR(0, op_unlinked_taken); }
static struct op *jmp_far(OP_ARGS) { TAKE_FAR(0, o->imm, op_unlinked_taken, SLOW); }

#define JCC(cc) \
    static struct op *jcc_near_##cc(OP_ARGS) \
    { \
        BRANCH_NEAR(lazy_condition(res, aux, cc)); \
    } \
    static struct op *jcc_far_##cc(OP_ARGS) \
    { \
        if (lazy_condition(res, aux, cc)) { \
            RIGHT_FAR(o->imm, true, taken_far); \
            TAKE_FAR(0, o->imm, op_unlinked_taken, SLOW); \
        } \
        RIGHT_FAR(o->more, false, next_far); \
        TAKE_FAR(1, o->more, op_unlinked_next, SLOW); \
    }
ALL_CONDITIONS(JCC)
#define NEAR_ROW(cc) jcc_near_##cc,
#define FAR_ROW(cc) jcc_far_##cc,
op_fn *const op_jcc_near[16] = { ALL_CONDITIONS(NEAR_ROW) };
op_fn *const op_jcc_far[16] = { ALL_CONDITIONS(FAR_ROW) };

/* ---- CALL and RET: with a stack of 32 bits ---- */

#if OP_TIMED
#define REMEMBER_CALL predict_call(&c->predictor, c->eip + o->more)
#else
#define REMEMBER_CALL ((void)0)
#endif
#define PUSH_RETURN do { \
    REMEMBER_CALL; \
    op_store(h, 4, c->eip + o->more); \
    c->reg[ESP] -= 4; \
} while (0)

struct op *op_call_near(OP_ARGS)
{
    WIDE_STACK;
    OP_WRITES(h, c->reg[ESP] - 4, OP_STACK, 4);
    PUSH_RETURN;
    TAKE_NEAR(0, op_unlinked_taken);
}
static struct op *call_far(OP_ARGS)
{
    WIDE_STACK;
    uint32_t to = c->eip + o->imm, lin = c->seg[SEG_CS].base + to;
    if (unlikely(!WHOLE(to, lin))) SLOW;
    OP_WRITES(h, c->reg[ESP] - 4, OP_STACK, 4);
    PUSH_RETURN;
    TAKE_FAR(0, o->imm, op_unlinked_taken, SLOW);
}
#define CALL_INDIRECT(target, STACK) \
    uint32_t to = (target), lin = c->seg[SEG_CS].base + to; \
    if (unlikely(!WHOLE(to, lin))) SLOW; \
    STACK(h, c->reg[ESP] - 4, OP_STACK, 4); \
    PUSH_RETURN; \
    c->eip = to; \
    RIGHT_TARGET(to); \
    TAKE_INDIRECT(to, lin)
static struct op *call_r(OP_ARGS)
{
    WIDE_STACK;
    CALL_INDIRECT(c->reg[o->rd], OP_WRITES);
}
static struct op *call_m(OP_ARGS)
{
    WIDE_STACK;
    OP_READS(from, OP_AT1, o->seg, 4);
    CALL_INDIRECT(op_load(from, 4), OP_WRITES_TOO);
}
struct op *op_ret(OP_ARGS)
{
    WIDE_STACK;
    OP_READS(h, c->reg[ESP], OP_STACK, 4);
    uint32_t to = op_load(h, 4), lin = c->seg[SEG_CS].base + to;
    if (unlikely(!WHOLE(to, lin))) SLOW;
    c->reg[ESP] += 4 + o->imm;
    c->eip = to;
    RIGHT_RETURN(to);
    TAKE_INDIRECT(to, lin);
}

#define JMP_INDIRECT(target) \
    uint32_t to = (target), lin = c->seg[SEG_CS].base + to; \
    if (unlikely(!WHOLE(to, lin))) SLOW; \
    c->eip = to; \
    RIGHT_TARGET(to); \
    TAKE_INDIRECT(to, lin)
static struct op *jmp_r(OP_ARGS) { JMP_INDIRECT(c->reg[o->rd]); }
static struct op *jmp_m(OP_ARGS)
{
    OP_READS(h, OP_AT1, o->seg, 4);
    JMP_INDIRECT(op_load(h, 4));
}

const struct op_forms op_forms_jmp = { { [FORM_I] = jmp_far, [FORM_R] = jmp_r, [FORM_M] = jmp_m }, { [FORM_M] = jmp_m },
                                       { NULL }, { NULL }, { NULL }, { NULL } };
const struct op_forms op_forms_call = { { [FORM_I] = call_far, [FORM_R] = call_r, [FORM_M] = call_m },
                                        { [FORM_M] = call_m }, { NULL }, { NULL }, { NULL }, { NULL } };
const struct op_forms op_forms_ret = { { [FORM_NONE] = op_ret, [FORM_I] = op_ret }, { NULL }, { NULL }, { NULL }, { NULL }, { NULL } };
