/* Fast operations: what blocks are made of when they run at full speed.
 *
 * Idea 1: a block's instructions are also kept as 32-byte ops, one C function per operation and operand form, each ending in
 * a call in tail position to the next; the lazy flags (flags.h) and the TLB's tags travel in argument registers.
 * Idea 2: a block's head op tests once that neither time nor the instruction limit ends inside the block, and prepays cycles
 * and boundaries for all of it. Each op knows what lies behind it, so whoever leaves in the middle takes the rest back:
 * cycles, counts and events are those of single-stepping. As no instruction is free (cpu->free), time left is never less than
 * instructions left, and so time alone is compared (run.c, run_timers). And while ops run, c->eip is the EIP of the page's first
 * byte, so that it changes only with the page; whoever leaves adds where in the page.
 * Idea 3: whatever is not hot, or not at hand in memory (mem.h), is op_slow: state made exact, the handler of exec_*.c called.
 * That handler is the truth; a fast form only repeats its common case (tests/unit/cpu_op_test.c holds them equal).
 *
 * Builds without tail calls (-O0, sanitizers) return to a loop instead; nothing else differs. SDM vol. 2. */
#ifndef CPU_OP_H
#define CPU_OP_H

#ifndef OP_TIMED
#define OP_TIMED 0
#endif

#include <string.h>
#include "sim/cpu/block.h"
#include "sim/cpu/flags.h"
#include "sim/cpu/operand.h"

/* `tags`: the first of the open pages, or of the settled lines, of the ring that runs. NULL: the run loop goes on (block_cache.stop). */
#define OP_ARGS struct cpu *c, struct op *o, uint32_t res, uint32_t aux, const uint8_t *tags
typedef struct op *op_fn(OP_ARGS);

struct op {
    op_fn *fn;
    union {
        /* Direct branches: imm is the way from the page's begin to the target, disp their machine address; of other near ones,
         * imm is that. */
        struct { uint32_t imm, disp; };
        struct block *block;              /* head */
    };
    uint32_t more;                        /* in the page: branches: the next instruction; ports: this one; head: its machine address */
    uint32_t rest;                        /* cycles of what lies behind in the block; head: of the whole block */
    union {
        struct { uint8_t base, index, mul, seg; }; /* seg: its place in cpu->seg, in bytes */
        uint32_t line;                    /* head: the line in which it begins, by number */
    };
    union {
        struct { uint8_t rd, rs; };       /* dword registers by number, byte registers by their place in cpu->reg */
        uint16_t refs;                    /* head: references of all of the block */
    };
    uint8_t k;                            /* place in the block; the head has 0 */
    uint8_t left;                         /* instructions from here on; head: all of them */
};
_Static_assert(sizeof(struct op) == 32, "two to a cache line");

/* An instruction of a block that is built while the recorder is on (recorder.h), beside its op. */
struct recorded {
    op_fn *then;      /* what its op does once it is noted */
    uint8_t code[16]; /* as in struct record */
    uint32_t cycles;  /* base cycles of it and of what lies behind */
    uint16_t at;
};

/* Where a branch goes on, once that is known. Lies in the slot behind the op: [0] taken, [1] not taken. */
struct op_link {
    struct op *to;           /* a head, or NULL */
    struct op_link *also;    /* another link into the same block */
};
_Static_assert(2 * sizeof(struct op_link) == sizeof(struct op), "a slot");
static inline struct op_link *op_links(struct op *o) { return (struct op_link *)(void *)(o + 1); }

/* The most ops and slots that a block takes: a head, each instruction, each new line, an op that falls through, a slot of
 * links. */
enum { OP_SLOTS = BLOCK_INSNS + BLOCK_INSNS * 15 / LINE_SIZE + 1 + 3 };

/* Where a CPU has caches, a new line of code is fetched by an op of its own, before the first instruction that begins there. So
 * instruction n has the op op_at, and an op (but for the head) belongs to instruction op_number: that of a line to the next. */
static inline unsigned op_lines(const struct block *b, unsigned at) /* that begin in the first `at` bytes of the block */
{
    return b->lined ? ((b->at & (LINE_SIZE - 1)) + at) >> LINE_SHIFT : 0;
}
static inline struct op *op_at(const struct block *b, unsigned n)
{
    return b->op + 1 + n + op_lines(b, b->insn[n].at);
}
static inline unsigned op_number(const struct block *b, const struct op *o) { return (unsigned)b->n - o->left; }

/* All forms exist twice: as they are, and for a CPU with caches (cpu->timed), which compares with its settled lines instead of its
 * TLB and has its code fetched line by line. The second come from the same source (op_timed.h, timed_*.c), and are chosen when
 * a block is built. */
struct op_forms;
struct op_kit {
    op_fn *(*choose)(const struct insn *i);
    const struct op_forms *(*forms_of)(const struct insn *i);
    op_fn *(*fused)(op_fn *first, unsigned cc);
    op_fn *(*pair)(unsigned first, unsigned second, unsigned cc, const struct op *o);
    unsigned (*pair_number)(const struct insn *i, op_fn *fn);
    op_fn *const *jcc_near;
    op_fn *jmp_near, *call_near, *fall_near, *fall_far, *head, *line;
};
extern const struct op_kit op_kit;
#if !OP_TIMED
extern const struct op_kit op_kit_timed;
static inline const struct op_kit *op_kit_of(const struct cpu *c) { return c->timed ? &op_kit_timed : &op_kit; }
#endif

/* The block is left, and its instructions from n on were counted in cpu->refs, but not run. */
void op_unref(struct cpu *c, const struct block *b, unsigned n);

/* Runs from the head of block b, whose page lies wholly within the CS limit, until something is up or c->insns is `limit`:
 * state is exact again then, and c->blocks->stop says what is to be done. */
void op_run(struct cpu *c, struct block *b, uint64_t limit);
/* An instruction as an op, as if it were alone: a branch knows no target yet. */
void op_of(struct op *o, const struct insn *i, const struct op_kit *kit);
/* Makes the block's ops, of which op_of has made each instruction's as if it were alone. */
void op_build(struct block *b, const struct op_kit *kit);
/* Nothing may reach b any more: clears the links into it. */
void op_unlink(struct block_cache *bc, struct block *b);
/* block_find, with the guesses first. */
struct block *op_find(const struct block_cache *bc, hpa_t at, bool code32);
/* The fast form of a decoded instruction, or op_slow. For op_of and its test. */
op_fn *op_choose(const struct insn *i);

/* Fast forms by operand form: of dwords without and with an index register, of bytes, of words (both with any address). And
 * of dwords in registers without the flags, where others set all of them anew before anyone can look; and of bytes without an
 * index register, where that is worth a form of its own. */
struct op_forms {
    op_fn *dword[FORM_COUNT], *indexed[FORM_COUNT], *byte[FORM_COUNT], *word[FORM_COUNT], *quiet[FORM_COUNT], *byte0[FORM_COUNT];
};
extern const struct op_forms op_forms_add, op_forms_or, op_forms_adc, op_forms_sbb, op_forms_and, op_forms_sub, op_forms_xor,
    op_forms_cmp, op_forms_test, op_forms_inc, op_forms_dec, op_forms_neg, op_forms_not, op_forms_shl, op_forms_shr,
    op_forms_sar, op_forms_rol, op_forms_ror, op_forms_mov, op_forms_lea, op_forms_push, op_forms_pop, op_forms_mul, op_forms_imul2, op_forms_imul3,
    op_forms_xchg, op_forms_bswap,
    op_forms_movzx8, op_forms_movzx16, op_forms_movsx8, op_forms_movsx16;
extern const struct op_forms op_forms_jmp, op_forms_call, op_forms_ret;
extern op_fn *const op_jcc_near[16], *const op_jcc_far[16], *const op_setcc[16], *const op_cmov[16], *const op_cmov_mem[16];
op_fn op_jmp_near, op_call_near, op_ret, op_fall_near, op_fall_far, op_nop, op_cdq, op_cwde, op_leave, op_cli, op_sti, op_pushf, op_popf,
      op_cld, op_pusha, op_popa;
op_fn op_away; /* ends its block and jumps, or faults */
op_fn op_cr3, op_invlpg;
/* Of a finished block that is not recorded: takes the quiet forms where they will do, comparison and branch as one, and pairs. */
void op_tune(struct block *b, const struct op_kit *kit);
/* The operation `first` and a conditional branch behind it, whose ways stay in the page, as one; or NULL. */
op_fn *op_fused(op_fn *first, unsigned cc);
/* Two operations as one (op_pair.c), by the numbers that they have there; `cc`: the second is fused with a branch on that condition,
 * or OP_NO_BRANCH; o: the first. NULL: none. Number 0 is no part of any, OP_PAIR_LINE is op_line's. */
enum { OP_NO_BRANCH = 16, OP_PAIR_LINE = 1 };
op_fn *op_pair(unsigned first, unsigned second, unsigned cc, const struct op *o);
unsigned op_pair_number(const struct insn *i, op_fn *fn);
const struct op_forms *op_forms_of(const struct insn *i); /* NULL: none */
op_fn *op_port(const struct insn *i); /* the fast form of IN or OUT, or NULL */

/* What fills an empty slot of the guesses: a head whose address belongs to another slot, so that it is never taken. */
static inline struct op *op_nothing(struct block_cache *bc, unsigned slot)
{
    return &bc->nothing[slot == block_quick(bc->nothing->more)];
}

/* c->missed is not at hand: if that is simply made good, the operation is run again. */
op_fn op_miss_read, op_miss_write;
#if !OP_TIMED
op_fn op_miss_read_timed, op_miss_write_timed;
#endif
op_fn op_fetch; /* timed: o is a head, whose line is to be fetched */
op_fn op_line;  /* timed: the next instruction begins in another line */
op_fn op_line_fetch; /* and that one is not at hand */
op_fn op_slow;      /* does the instruction by its handler */
op_fn op_exact;     /* o is a head: the block does not fit into what time is left */
op_fn op_head;

/* ---- dispatch ---- */

#define unlikely(x) __builtin_expect(!!(x), 0)

#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OP_LOOP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define OP_LOOP 1
#endif
#endif
#ifndef OP_LOOP
#define OP_LOOP 0
#endif

/* The value is here, in one register: the compiler shall not compute it ahead, or in two. */
#define HERE(value) __asm__("" : "+r"(value))

#if OP_LOOP
#define TAIL return
#define GO(next) do { (void)tags; c->res = res; c->aux = aux; return (next); } while (0)
#else
#ifdef __clang__
#define TAIL __attribute__((musttail)) return
#else
#pragma GCC optimize("optimize-sibling-calls")
#define TAIL return
#endif
#define GO(next) do { struct op *go_ = (next); HERE(go_); TAIL go_->fn(c, go_, res, aux, tags); } while (0)
#endif
#define NEXT GO(o + 1)
#define SLOW TAIL op_slow(c, o, res, aux, tags)
#define LEAVE do { c->res = res; c->aux = aux; return NULL; } while (0)

/* ---- memory: the inline path of mem.h; a miss runs the whole operation again, or the instruction the slow way ---- */

enum { OP_READ = 0, OP_WRITE = sizeof(uint32_t) }; /* where the tag lies: enum access */

ALWAYS_INLINE uint32_t op_tag(const uint8_t *tags, size_t set, unsigned write)
{
    uint32_t tag;
    memcpy(&tag, tags + set + write, sizeof tag);
    return tag;
}
ALWAYS_INLINE uintptr_t op_base(const uint8_t *tags, size_t place)
{
    uintptr_t base;
    memcpy(&base, tags + place + offsetof(struct line_tag, base), sizeof base);
    return base;
}
ALWAYS_INLINE const struct seg_reg *op_segment(const struct cpu *c, unsigned place)
{
    return (const struct seg_reg *)(const void *)((const uint8_t *)c->seg + place);
}
_Static_assert(sizeof(struct seg_reg) * SEG_COUNT < 256, "op->seg");
ALWAYS_INLINE const uint8_t *op_own_tags(const struct cpu *c)
{
    if (c->timed) return (const uint8_t *)c->lines.e[c->cpl == 3];
    return (const uint8_t *)c->dtlb.open[c->cpl == 3];
}
/* The tags of the code TLB's first entry for the ring that runs, which `tags` says. */
ALWAYS_INLINE const uint8_t *op_code_tags(const struct cpu *c, const uint8_t *tags)
{
#if OP_TIMED
    enum { USER = sizeof c->lines.e[0], TAG = ACCESS_USER * sizeof(uint32_t) };
    const uint8_t *first = (const uint8_t *)c->lines.e[0];
#else
    enum { USER = sizeof c->dtlb.open[0], TAG = ACCESS_USER * sizeof(uint32_t) };
    const uint8_t *first = (const uint8_t *)c->dtlb.open[0];
#endif
    _Static_assert(USER % TAG == 0, "a shift");
    return (const uint8_t *)&c->itlb + (size_t)(tags - first) / (USER / TAG);
}
#define OP_STACK (SEG_SS * sizeof(struct seg_reg))
/* Byte offset of a linear address's set of the code TLB: (lin >> PAGE_SHIFT) % sets * TLB_SET_STRIDE. */
_Static_assert(TLB_SET_STRIDE == 1 << 8 && TLB_CODE_SETS == 32 && PAGE_SHIFT == 12, "OP_CODE_SET");
#define OP_CODE_SET(lin) ((lin) >> 4 & 0x1F00u)

/* Where in `tags` an address belongs, what must be equal there, and what else a hit is: of open pages that the page was used
 * last of its set. */
_Static_assert(sizeof(struct line_tag) == 16 && LINE_SHIFT == 6, "OP_PLACE_OF");
#if OP_TIMED
#define OP_MASK LINE_MASK
#define OP_PLACE_OF(lin) ((size_t)(lin) >> 2 & (LINES - 1) * sizeof(struct line_tag))
#define OP_HIT(place, tag) ((void)0)
#else
_Static_assert(sizeof(struct tlb_last) == 16 && TLB_DATA_SETS == 16 && (int)TLB_OPEN >= (int)TLB_DATA_SETS, "OP_HIT");
#define OP_MASK PAGE_MASK
#define OP_PLACE_OF(lin) ((size_t)(lin) >> 8 & (TLB_OPEN - 1) * sizeof(struct line_tag))
#define OP_HIT(place, tag) memcpy((uint8_t *)c->dtlb.last + (uint8_t)(place), &(tag), sizeof(tag))
#endif
/* The limit first: what is left is in as few registers as it takes. */
#define OP_PLACE(h, place, segment, size, end, write, missed) \
    const struct seg_reg *h##_seg = op_segment(c, segment); \
    const uint32_t h##_at = (place); \
    if (unlikely(h##_at >= h##_seg->end)) SLOW; \
    const uint32_t h##_lin = h##_at + h##_seg->base; \
    const size_t h##_set = OP_PLACE_OF(h##_lin); \
    const uint32_t h##_tag = (h##_lin + (size) - 1) & OP_MASK; \
    if (unlikely(op_tag(tags, h##_set, write) != h##_tag)) missed; \
    OP_HIT(h##_set, h##_tag); \
    uint8_t *const h = (uint8_t *)(op_base(tags, h##_set) + h##_lin)
#define OP_MISSED(h, size, miss) do { \
    uint32_t lin_ = h##_lin; \
    HERE(lin_); \
    if ((size) > 1 && ((lin_ ^ (lin_ + (size) - 1)) & OP_MASK)) SLOW; \
    c->missed = lin_; \
    TAIL miss(c, o, res, aux, tags); \
} while (0)
/* The one memory operand of an instruction: before it is done the slow way, it is brought. */
#define OP_READS(h, place, segment, size) \
    OP_PLACE(h, place, segment, size, rd_end, OP_READ, OP_MISSED(h, size, op_miss_read))
#define OP_WRITES(h, place, segment, size) \
    OP_PLACE(h, place, segment, size, wr_end, OP_WRITE, OP_MISSED(h, size, op_miss_write))
/* The second one of two: if both want the same place in `tags`, running it again would never end. */
#define OP_WRITES_TOO(h, place, segment, size) OP_PLACE(h, place, segment, size, wr_end, OP_WRITE, SLOW)
/* Of more than a doubleword: may well lie in two lines. */
#if OP_TIMED
#define OP_LONG(h, place, size, end, write) \
    const struct seg_reg *h##_seg = &c->seg[SEG_SS]; \
    const uint32_t h##_at = (place); \
    if (unlikely((uint64_t)h##_at + (size) - 4 >= h##_seg->end)) SLOW; \
    uint8_t *const h = mem_at_hand(c, h##_seg->base + h##_at, size, (write) | (c->cpl == 3 ? ACCESS_USER : 0)); \
    if (unlikely(!h)) SLOW
#define OP_READS_LONG(h, place, segment, size) OP_LONG(h, place, size, rd_end, ACCESS_READ)
#define OP_WRITES_LONG(h, place, segment, size) OP_LONG(h, place, size, wr_end, ACCESS_WRITE)
#else
#define OP_READS_LONG OP_READS
#define OP_WRITES_LONG OP_WRITES
#endif
#define OP_AT0 (c->reg[o->base] + o->disp)
#define OP_AT1 (c->reg[o->base] + c->reg[o->index] * o->mul + o->disp)

ALWAYS_INLINE uint32_t op_load(const uint8_t *h, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, h, size);
    return v;
}
ALWAYS_INLINE void op_store(uint8_t *h, unsigned size, uint32_t v) { memcpy(h, &v, size); }

/* Pushes and pops are fast where the stack pointer has 32 bits. */
#define WIDE_STACK do { if (unlikely(!(c->seg[SEG_SS].ar & AR_DB))) SLOW; } while (0)

#define ALL_CONDITIONS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* Registers as ops name them. */
ALWAYS_INLINE uint32_t op_reg(const struct cpu *c, unsigned r, unsigned size)
{
    if (size == 4) return c->reg[r];
    if (size == 2) return (uint16_t)c->reg[r];
    return ((const uint8_t *)c->reg)[r];
}
ALWAYS_INLINE void op_reg_set(struct cpu *c, unsigned r, unsigned size, uint32_t v)
{
    if (size == 4) c->reg[r] = v;
    else if (size == 2) memcpy(&c->reg[r], &v, 2);
    else ((uint8_t *)c->reg)[r] = (uint8_t)v;
}

/* ---- into the next block ---- */

/* Where in its page a block begins. */
static inline uint32_t op_offset(const struct block *b) { return b->at & (PAGE_SIZE - 1); }

/* Prepays block `head`, which lies in the page of c->eip, and runs it. */
#define ENTER(head) do { \
    struct op *head_ = (head); \
    struct clock *clock_ = c->clock; \
    uint64_t now_ = clock_->now + head_->rest; \
    if (unlikely(now_ >= c->break_at)) TAIL op_exact(c, head_, res, aux, tags); \
    FETCH(head_); \
    clock_->now = now_; \
    c->insns += head_->left; \
    COUNT_REFS(head_); \
    GO(head_ + 1); \
} while (0)
/* The line of the first instruction. */
#if OP_TIMED
#define FETCH(head) do { \
    uint32_t line_ = (head)->line; \
    if (line_ == c->fetch.line) break; \
    if (unlikely(c->fetch.near[line_ & (LINES_CODE - 1)] != line_)) TAIL op_fetch(c, head, res, aux, tags); \
    c->fetch.line = line_; \
    c->fetch.fetches++; \
} while (0)
#define COUNT_REFS(head) (c->refs += (head)->refs)
#else
#define COUNT_REFS(head) ((void)0)
#define FETCH(head) ((void)0)
#endif

op_fn op_unlinked_taken, op_unlinked_next; /* o leads there, and nobody knows the block */

/* To the block behind link n, in the same page. */
#define TAKE_NEAR(n, unlinked) TAKE_LINK(o, n, unlinked)
#define TAKE_LINK(branch, n, unlinked) do { \
    struct op *to_ = op_links(branch)[n].to; \
    if (unlikely(!to_)) TAIL unlinked(c, o, res, aux, tags); \
    ENTER(to_); \
} while (0)

/* Of a conditional branch, if both its ways stay in the page. Where it goes comes before what was predicted, and the
 * predictor is read on either way for itself: so few registers are in use at a time. The branch is o, or the op behind it; then
 * what is rare has an entry that steps to it (_behind), so that nobody else keeps its place at hand. */
#if OP_TIMED
#define PREDICTED(branch, taken, adjust) do { \
    struct predictor *p_ = &c->predictor; \
    __asm__ volatile("" : : : "memory"); /* nothing of it is read earlier */ \
    uint32_t history_ = p_->history; \
    if (unlikely(p_->counter[((branch)->disp ^ history_) & p_->mask] != ((taken) ? 3 : 0))) TAIL adjust(c, o, res, aux, tags); \
    p_->history = (history_ << 1 | (taken)) & p_->history_mask; \
} while (0)
op_fn op_taken_near, op_next_near; /* that conditional branch, when its prediction was wrong or not certain */
op_fn op_taken_near_behind, op_next_near_behind;
#else
#define PREDICTED(branch, taken, adjust) ((void)0)
#endif
op_fn op_unlinked_taken_behind, op_unlinked_next_behind;
#define BRANCH_AT(branch, condition, suffix) do { \
    if (condition) { \
        PREDICTED(branch, true, op_taken_near##suffix); \
        TAKE_LINK(branch, 0, op_unlinked_taken##suffix); \
    } \
    PREDICTED(branch, false, op_next_near##suffix); \
    TAKE_LINK(branch, 1, op_unlinked_next##suffix); \
} while (0)
#define BRANCH_NEAR(condition) BRANCH_AT(o, condition, )
#define BRANCH_BEHIND(condition) BRANCH_AT(o + 1, condition, _behind)

#endif
