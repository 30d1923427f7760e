/* Decoded code: basic blocks found by machine address and mode.
 *
 * Idea 1: a block lies within one page, so one translation serves all of it, and nothing that happens to page tables,
 * CR3 or the TLB concerns the cache: the next look-up translates anew.
 * Idea 2: the frame of every block is marked FRAME_CODE and loses its fast write tags; the first store to it goes over the
 * bus, which tells cpu_code_written. An instruction across a page boundary is never part of a block.
 *
 * The cache is no state of the machine: it may be flushed at any boundary without changing a result or a cycle.
 * A CPU with a cache sits on the bus that owns the RAM. */
#ifndef CPU_BLOCK_H
#define CPU_BLOCK_H

#include "sim/cpu/cpu.h"

enum { BLOCK_INSNS = 32, BLOCK_HASH = 1 << 14, BLOCK_FRAMES = 1 << 12, BLOCK_QUICK = 1 << 12, BLOCK_SINGLES = 64, BLOCK_DROPPED = 1 << 10 };

struct op;      /* op.h */
struct op_link;
struct memo;    /* memo.h */

enum { BLOCK_TUNED = 2 };
struct block {
    struct block *next;       /* same hash */
    struct block *next_frame; /* same frame hash */
    struct recorded *recorded;/* its instructions for the recorder; NULL: it was off when the block was built */
    struct metered *metered;  /* whose work they are (meter.h); NULL: the guest's own */
    struct op *op;            /* the same instructions as fast operations: a head, then one each */
    struct op_link *into;     /* links from other blocks to this one */
    const uint8_t *host;      /* its bytes */
    uint32_t at;              /* machine address of its first byte */
    uint16_t bytes;
    uint16_t seen;            /* bytes that it depends on: what is behind it may wait for its last ones (stall.h) */
    uint8_t  n;               /* instructions */
    bool     code32;
    bool     lined;           /* its ops fetch lines of code: op.h */
    uint8_t  entered;         /* how often from the run loop, up to BLOCK_TUNED: then its ops are looked at once more (op_tune) */
    uint32_t tails;           /* bit k: but for `imm`, instruction k does not depend on its last 4 bytes */
    uint8_t *code;            /* its bytes, and behind them which of them count; both padded with what does not */
    struct insn insn[];
};

/* Why fast operations stopped. */
enum block_stop_kind {
    BLOCK_STOP_LOOK,  /* EIP is exact: look what comes next */
    BLOCK_STOP_EXACT, /* time is nearly up: from instruction i on, one by one */
    BLOCK_STOP_STEP   /* instruction i was run and returned `step`, not STEP_OK */
};
struct block_stop {
    enum block_stop_kind kind;
    enum step step;
    const struct insn *i;
    const struct block *block;
};

/* A decoded instruction that cannot be in a block, and the bytes it came from. */
struct block_single {
    uint8_t bytes[15];
    bool code32;
    struct insn insn; /* len 0: empty */
};

/* Stores beside code in frames of one hash, since blocks were last forgotten there. */
struct block_beside { uint32_t stores, patience, dropped; };

struct block_cache {
    struct block *hash[BLOCK_HASH], *frame[BLOCK_FRAMES];
    uint32_t granules[BLOCK_FRAMES]; /* by frame hash: which 128 bytes of a page may hold code */
    struct block_beside beside[BLOCK_FRAMES];
    struct block *dropped[BLOCK_DROPPED]; /* the last forgotten of each hash */
    struct op **quick[2];        /* by mode: heads by address, a guess each, never NULL */
    struct op *nothing;          /* two heads of no block: op_nothing */
    struct op_link *patch;       /* the link that was missing when fast operations stopped, or NULL */
    struct op *patch_from;       /* its branch */
    struct block_stop stop;
    struct block_single single[BLOCK_SINGLES];
    bool observed, recorded;
    const struct block *metered; /* the last such block begun, while fast operations run */
    uint64_t metered_from;       /* instructions retired when it was */
    uint8_t metered_account;     /* and who paid then */
    uint16_t metered_lane;       /* and where the CPU was */
    struct memo *memo;           /* instructions decoded before */
    size_t used, ops;            /* bytes of the pool, ops of theirs */
    uint8_t *pool;               /* blocks with their instructions and bytes */
    struct op *op;               /* what runs, close together */
};

static inline unsigned block_quick(uint32_t at) { return (at ^ at >> 12) & (BLOCK_QUICK - 1); }

/* Blocks end behind a branch, too, so that what follows is decoded once whichever way leads there. */
static inline bool block_ends(const struct insn *i) { return i->flags & INSN_ENDS || i->id == MN_JCC; }

/* May something be due behind it that sets no break_at by itself? Devices do. */
static inline bool block_asks(const struct insn *i) { return i->flags & INSN_ENDS; }

/* The block that begins at `at`, or NULL. */
struct block *block_find(const struct block_cache *bc, hpa_t at, bool code32);
/* Decodes one from the host bytes of its page, which lie at `at`; its instructions are in bytes[0..n), which reach to the page's end
 * or to the next stop point. NULL if the very first instruction crosses that. May flush the cache to make room. */
struct block *block_build(struct cpu *c, hpa_t at, bool code32, const uint8_t *bytes, unsigned n);
/* Instructions are wrapped for the observer and the recorder when blocks are built: flushes if one came or went. */
void block_observe(struct cpu *c);
/* insn_decode with a memory for the few instructions that cannot be in a block. */
enum decode block_decode_single(struct block_cache *bc, const uint8_t *bytes, unsigned n, bool code32, const uint32_t *cost,
                                struct insn *out);
/* The handler, or the observer's wrapper around it (block_observed). */
exec_fn block_observed;
exec_fn *block_handler(const struct cpu *c, const struct insn *i);

#endif
