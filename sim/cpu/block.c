/* See block.h. Memory comes from two pools, ops by themselves, that are emptied when one is full; a forgotten block is only
 * unlinked, so that the run loop may finish the instruction that overwrote its own block. Code that is written anew is mostly
 * what was there before, other immediates apart: so a forgotten block is looked at first, and taken back (revive). */
#include "sim/cpu/block.h"

#include <stdlib.h>
#include <string.h>
#include "sim/cpu/exec.h"
#include "sim/cpu/memo.h"
#include "sim/cpu/meter.h"
#include "sim/cpu/recorder.h"
#include "sim/cpu/stall.h"

enum { POOL = 18 << 20, POOL_OPS = (14 << 20) / sizeof(struct op) };

struct block_cache *block_cache_new(void)
{
    struct block_cache *bc = calloc(1, sizeof *bc);
    if (!bc) return NULL;
    bc->pool = aligned_alloc(64, POOL);
    bc->op = aligned_alloc(64, POOL_OPS * sizeof(struct op));
    bc->nothing = calloc(2, sizeof *bc->nothing);
    bc->quick[0] = calloc(2 * BLOCK_QUICK, sizeof *bc->quick[0]);
    bc->memo = memo_new();
    if (!bc->pool || !bc->op || !bc->nothing || !bc->quick[0] || !bc->memo) {
        block_cache_free(bc);
        return NULL;
    }
    bc->quick[1] = bc->quick[0] + BLOCK_QUICK;
    bc->nothing[0].more = 1; /* op_nothing */
    bc->nothing[1].more = 2;
    block_cache_flush(bc);
    return bc;
}

void block_cache_free(struct block_cache *bc)
{
    if (!bc) return;
    free(bc->pool);
    free(bc->op);
    free(bc->nothing);
    free(bc->quick[0]);
    free(bc->memo);
    free(bc);
}

void block_cache_flush(struct block_cache *bc)
{
    memset(bc->hash, 0, sizeof bc->hash);
    memset(bc->frame, 0, sizeof bc->frame);
    memset(bc->single, 0, sizeof bc->single);
    memset(bc->granules, 0, sizeof bc->granules);
    memset(bc->beside, 0, sizeof bc->beside);
    memset(bc->dropped, 0, sizeof bc->dropped);
    for (unsigned k = 0; k < 2 * BLOCK_QUICK; k++) bc->quick[0][k] = op_nothing(bc, k % BLOCK_QUICK);
    memo_flush(bc->memo);
    bc->patch = NULL;
    bc->used = bc->ops = 0;
}

static unsigned hash_of(uint32_t at) { return (at ^ at >> 12) & (BLOCK_HASH - 1); }
static unsigned frame_hash(uint32_t frame) { return frame & (BLOCK_FRAMES - 1); }

struct block *block_find(const struct block_cache *bc, hpa_t at, bool code32)
{
    struct block *b = bc->hash[hash_of(at.v)];
    while (b && (b->at != at.v || b->code32 != code32)) b = b->next;
    return b;
}

/* ---- the observer ---- */

/* The observer sees EIP at the instruction itself, so a copy that begins its own block is run. */
enum step block_observed(struct cpu *c, const struct insn *i)
{
    struct insn exact = *i;
    const struct cpu_observer o = c->observer;
    uint16_t at = i->at;
    exact.at = 0;
    exact.fn = insn_handler(i);
    c->eip += at;
    if (o.before) o.before(o.self, c, &exact);
    enum step s = exact.fn(c, &exact);
    if (o.after) o.after(o.self, c, &exact, s);
    if (s != STEP_JUMP) c->eip -= at;
    return s;
}

/* What if this instruction were not privileged? It does what it does in ring 0 (its operands are reached with that ring's
 * rights, too), and the ring stays as it is. */
static enum step untrapped(struct cpu *c, const struct insn *i)
{
    uint8_t ring = c->cpl;
    c->cpl = 0;
    enum step s = insn_handler(i)(c, i);
    if (c->cpl == 0) c->cpl = ring; /* else it changed the ring itself */
    return s;
}

exec_fn *block_handler(const struct cpu *c, const struct insn *i)
{
    if (c->model->untrapped && c->model->untrapped == i->id) return untrapped;
    return c->observer.before && insn_desc(i->id)->sensitivity >= SENS_SILENT ? block_observed : i->fn;
}

void block_observe(struct cpu *c)
{
    if (!c->blocks || (c->blocks->observed == !!c->observer.before && c->blocks->recorded == recorder_on(c))) return;
    block_cache_flush(c->blocks);
    c->blocks->observed = !!c->observer.before;
    c->blocks->recorded = recorder_on(c);
}

/* ---- building ---- */

/* Stores to the frame must go over the bus from now on. */
static void mark(struct cpu *c, hpa_t at)
{
    if (bus_marks(c->env.bus, at) & FRAME_CODE) return;
    bus_mark(c->env.bus, at, FRAME_CODE);
    for (unsigned s = 0; s < TLB_DATA_SETS; s++)
        for (unsigned w = 0; w < TLB_WAYS; w++) {
            struct tlb_entry *e = &c->dtlb.e[s][w];
            if (e->frame != (at.v & PAGE_MASK)) continue;
            tlb_shut(&c->dtlb, e->page);
            e->tag[ACCESS_WRITE] = TLB_NO_TAG;
            e->tag[ACCESS_WRITE | ACCESS_USER] = TLB_NO_TAG;
            if (c->timed && e->valid) lines_drop_page(&c->lines, e->page & PAGE_MASK, &e->settled);
        }
}

/* What moves strings through ports or goes through gates begins a block, so that c->eip is exact in whatever events come of it. */
static bool begins(const struct insn *i)
{
    return i->flags & INSN_ENDS && i->id != MN_JMP && i->id != MN_CALL && i->id != MN_RET;
}

/* Where it goes is part of what it is: links know. */
static bool is_branch(const struct insn *i) { return i->id == MN_JMP || i->id == MN_CALL || i->id == MN_JCC; }

/* Bytes whose change makes it another instruction. What is none may become one by any of those that were looked at. */
static unsigned extent(const struct insn *i, unsigned left)
{
    if (i->id != MN_NONE) return i->len;
    return left < 15 ? left : 15;
}

/* Bit n: bytes n * 128 to n * 128 + 127 of a page. */
static uint32_t granules_of(uint32_t offset, unsigned size)
{
    unsigned first = offset >> 7, last = (offset + size - 1) >> 7;
    return UINT32_MAX >> (31 - (last & 31)) & UINT32_MAX << first;
}

/* Code is compared 8 bytes at a time. */
static size_t padded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

static struct block *room(struct block_cache *bc)
{
    size_t most = sizeof(struct block) + BLOCK_INSNS * (sizeof(struct insn) + sizeof(struct recorded)) + 2 * padded(BLOCK_INSNS * 15 + STALL_BYTES) +
                  sizeof(struct metered);
    if (bc->used + most > POOL || bc->ops + OP_SLOTS > POOL_OPS) block_cache_flush(bc);
    return (struct block *)(void *)(bc->pool + bc->used);
}

/* Whoever writes beside code may be writing more code (then the frame's blocks are better forgotten: its stores are fast
 * again) or keeps data there (then not). After a few such stores the first is tried; if what was forgotten comes back, it
 * was the second, and patience doubles. */
enum { BESIDE_FEW = 4, BESIDE_MOST = 12 };

static bool patience_ends(struct block_cache *bc, uint32_t frame)
{
    struct block_beside *s = &bc->beside[frame_hash(frame)];
    return ++s->stores >= (uint32_t)BESIDE_FEW << s->patience;
}

static struct block **dropped_slot(struct block_cache *bc, uint32_t at)
{
    return &bc->dropped[(at ^ at >> 10) & (BLOCK_DROPPED - 1)];
}

static void note_dropped(struct block_cache *bc, const struct block *b)
{
    struct block_beside *s = &bc->beside[frame_hash(b->at >> PAGE_SHIFT)];
    s->stores = 0;
    s->dropped = b->at;
}

static void note_built(struct block_cache *bc, const struct block *b)
{
    struct block_beside *s = &bc->beside[frame_hash(b->at >> PAGE_SHIFT)];
    if (s->dropped != b->at) return;
    s->dropped = UINT32_MAX;
    if (s->patience < BESIDE_MOST) s->patience++;
}

/* Is it code that somebody accounts for? */
static bool is_metered(const struct cpu *c, uint32_t at)
{
    struct cpu_weight w;
    return c->meter.weigh && c->meter.weigh(c->meter.self, at, &w);
}

/* What block b takes of the pool, now that it is known how much. */
static void claim(struct block_cache *bc, struct block *b, bool metered)
{
    bc->used += sizeof *b + b->n * sizeof(struct insn);
    bc->ops += (size_t)(op_at(b, b->n - 1u) - b->op) + 3; /* with what falls through, and links */
    if (metered) {
        b->metered = (struct metered *)(void *)(bc->pool + bc->used);
        bc->used += sizeof *b->metered;
    }
    if (!bc->recorded) return;
    b->recorded = (struct recorded *)(void *)(bc->pool + bc->used);
    bc->used += b->n * sizeof(struct recorded);
}

/* The instruction at bytes[0..left) and its op, as if alone: its extent; 0: it reaches beyond. *tail: does nothing but `imm`
 * depend on its last 4 bytes? */
static inline unsigned decode_one(struct cpu *c, bool code32, const uint8_t *bytes, unsigned left, struct insn *i, struct op *o,
                                  bool *tail)
{
    struct memo *m = c->blocks->memo;
    enum tail kind = TAIL_NONE;
    unsigned len = left < MEMO_BYTES ? 0 : memo_find(m, bytes, code32, i, o, &kind);
    if (!len) {
        enum decode d = insn_decode(bytes, left < 15 ? left : 15, (struct insn_mode){ code32 }, c->model->cost, i);
        if (d == DECODE_SHORT) return 0;
        op_of(o, i, op_kit_of(c));
        if (d == DECODE_OK && left >= MEMO_BYTES) kind = memo_learn(m, bytes, code32, i, o);
        len = extent(i, left);
    }
    *tail = kind == TAIL_IMM && !is_branch(i);
    if (c->observer.before) {
        i->fn = block_handler(c, i);
        if (i->fn == block_observed) o->fn = op_slow;
    }
    return len;
}

static uint64_t eight(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, sizeof v);
    return v;
}

/* Behind the instructions: what a forgotten block is known again by. Spelled out, as calls for a few bytes cost more. `n` as in
 * block_build: the bytes behind the block may be looked at as far as that. */
static void keep_code(struct block_cache *bc, struct block *b, const uint8_t *bytes, unsigned n)
{
    size_t size = padded(b->seen), whole = b->seen & ~(size_t)7;
    b->code = bc->pool + bc->used;
    bc->used += 2 * size;
    for (size_t k = 0; k < whole; k += 8) {
        memcpy(b->code + k, bytes + k, 8);
        memset(b->code + size + k, 0xFF, 8);
    }
    if (whole < size) {
        uint64_t last = 0, counts = (UINT64_C(1) << 8 * (b->seen - whole)) - 1;
        if (size <= n) last = eight(bytes + whole) & counts;
        else memcpy(&last, bytes + whole, b->seen - whole);
        memcpy(b->code + whole, &last, 8);
        memcpy(b->code + size + whole, &counts, 8);
    }
    for (uint32_t left = b->tails; left; left &= left - 1) {
        const struct insn *i = &b->insn[__builtin_ctz(left)];
        memset(b->code + size + i->at + i->len - 4, 0, 4);
    }
}

/* The block that was forgotten here, if the same instructions are here again, but for immediates. Nobody runs it: this is
 * between blocks. Links out of it are right as ever, as the immediates of branches count. */
static struct block *revive(struct block_cache *bc, hpa_t at, bool code32, const uint8_t *bytes, unsigned n)
{
    struct block **slot = dropped_slot(bc, at.v), *b = *slot;
    if (!b || b->at != at.v || b->code32 != code32) return NULL;
    size_t size = padded(b->seen);
    if (size > n) return NULL;
    uint64_t differ = 0;
    for (size_t k = 0; k < size; k += 8) differ |= (eight(b->code + k) ^ eight(bytes + k)) & eight(b->code + size + k);
    if (differ) return NULL;
    for (uint32_t left = b->tails; left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctz(left);
        struct insn *i = &b->insn[k];
        memcpy(&i->imm, bytes + i->at + i->len - 4, sizeof i->imm);
        op_at(b, k)->imm = i->imm;
    }
    *slot = NULL;
    return b;
}

/* Found from now on, and stores to it noticed. */
static struct block *enter(struct cpu *c, struct block *b)
{
    struct block_cache *bc = c->blocks;
    uint32_t frame = frame_hash(b->at >> PAGE_SHIFT);
    b->next = bc->hash[hash_of(b->at)];
    bc->hash[hash_of(b->at)] = b;
    b->next_frame = bc->frame[frame];
    bc->frame[frame] = b;
    bc->granules[frame] |= granules_of(b->at & (PAGE_SIZE - 1), b->seen);
    note_built(bc, b);
    mark(c, hpa(b->at));
    return b;
}

/* Each instruction takes the time that those behind it wait for it (stall.h), in the block and, in its page, behind it: bytes[0..left).
 * From the first on, as what is behind one is looked at without such waits. late: for which that is possible, as bits. */
static void wait_ahead(const struct cpu *c, struct block *b, const uint8_t *bytes, unsigned left, uint32_t late)
{
    const uint32_t *cost = c->model->cost;
    struct stall_ahead ahead;
    ahead.looked = ahead.used = ahead.decoded = 0;
    ahead.bytes = bytes, ahead.left = left, ahead.mode = (struct insn_mode){ b->code32 };
    for (; late; late &= late - 1) {
        const unsigned k = (unsigned)__builtin_ctz(late);
        struct insn *i = &b->insn[k];
        ahead.known = i + 1, ahead.n = b->n - 1u - k;
        i->cost = (uint16_t)(i->cost + stall_of(cost, i, &ahead));
    }
    b->seen = (uint16_t)(b->bytes + ahead.looked);
}

struct block *block_build(struct cpu *c, hpa_t at, bool code32, const uint8_t *bytes, unsigned n)
{
    struct block_cache *bc = c->blocks;
    const unsigned page = PAGE_SIZE - (at.v & (PAGE_SIZE - 1)); /* what instructions wait for is no matter of where the block must end */
    struct block *b = bc->recorded ? NULL : revive(bc, at, code32, bytes, n); /* a record has the bytes as first decoded */
    if (b && b->metered) meter_weigh(c, b, b->metered);
    if (b) return enter(c, b);
    b = room(bc);
    *b = (struct block){ .host = bytes, .at = at.v, .code32 = code32, .lined = c->timed, .op = bc->op + bc->ops };
    unsigned count = 0, at_now = 0; /* of instructions, of bytes */
    uint32_t tails = 0, late = 0;
    while (count < BLOCK_INSNS && at_now < n) {
        struct insn *i = &b->insn[count];
        bool tail;
        unsigned len = decode_one(c, code32, bytes + at_now, n - at_now, i, b->op + 1 + count + op_lines(b, at_now), &tail);
        if (!len || (i->flags & INSN_ENDS && count && begins(i))) break;
        tails |= (uint32_t)tail << count;
        late |= (uint32_t)stall_possible(c->model->cost, i) << count;
        i->at = (uint16_t)at_now;
        at_now += len;
        count++;
        if (block_ends(i)) break;
    }
    if (!count) return NULL;
    b->n = (uint8_t)count, b->bytes = (uint16_t)at_now, b->tails = tails;
    wait_ahead(c, b, bytes + at_now, page - at_now, late);
    claim(bc, b, is_metered(c, at.v));
    if (b->metered) meter_weigh(c, b, b->metered);
    op_build(b, op_kit_of(c));
    keep_code(bc, b, bytes, page);
    return enter(c, b);
}

enum decode block_decode_single(struct block_cache *bc, const uint8_t *bytes, unsigned n, bool code32, const uint32_t *cost,
                                struct insn *out)
{
    if (!bc) return insn_decode(bytes, n, (struct insn_mode){ code32 }, cost, out);
    struct block_single *s = &bc->single[(bytes[0] * 5u ^ (n > 1 ? bytes[1] : 0u)) % BLOCK_SINGLES];
    unsigned len = s->insn.len;
    if (len && s->code32 == code32 && !memcmp(s->bytes, bytes, len < n ? len : n)) {
        if (len > n) return DECODE_SHORT;
        *out = s->insn;
        return DECODE_OK;
    }
    enum decode d = insn_decode(bytes, n, (struct insn_mode){ code32 }, cost, out);
    if (d == DECODE_OK) {
        memcpy(s->bytes, bytes, out->len);
        s->code32 = code32;
        s->insn = *out;
    }
    return d;
}

/* ---- forgetting ---- */

static void unlink_hash(struct block_cache *bc, const struct block *b)
{
    struct block **p = &bc->hash[hash_of(b->at)];
    while (*p != b) p = &(*p)->next;
    *p = b->next;
}

static bool overlaps(const struct block *b, uint32_t frame, uint32_t offset, unsigned size)
{
    uint32_t begin = b->at & (PAGE_SIZE - 1);
    return b->at >> PAGE_SHIFT == frame && offset < begin + b->seen && begin < offset + size;
}

static bool hits_code(const struct block_cache *bc, uint32_t frame, uint32_t offset, unsigned size)
{
    if (!(bc->granules[frame_hash(frame)] & granules_of(offset, size))) return false;
    const struct block *b = bc->frame[frame_hash(frame)];
    while (b && !overlaps(b, frame, offset, size)) b = b->next_frame;
    return b;
}

/* A store into code forgets all blocks of the frame; one beside code, if it is not the first. Whoever is inside a block
 * leaves it behind the instruction that stored. */
void cpu_code_written(void *cpu, uint32_t frame, uint32_t offset, unsigned size)
{
    struct cpu *c = cpu;
    struct block_cache *bc = c->blocks;
    if (!bc || (!hits_code(bc, frame, offset, size) && !patience_ends(bc, frame))) return;
    for (struct block **p = &bc->frame[frame_hash(frame)]; *p;) {
        struct block *b = *p;
        if (b->at >> PAGE_SHIFT != frame) {
            p = &b->next_frame;
            continue;
        }
        *p = b->next_frame;
        unlink_hash(bc, b);
        op_unlink(bc, b);
        note_dropped(bc, b);
        *dropped_slot(bc, b->at) = b;
    }
    if (!bc->frame[frame_hash(frame)]) bc->granules[frame_hash(frame)] = 0;
    bus_unmark(c->env.bus, hpa(frame << PAGE_SHIFT), FRAME_CODE);
    c->break_at = 0;
}
