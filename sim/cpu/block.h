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

enum { BLOCK_INSNS = 32 };

struct block {
    struct block *next;       /* same hash */
    struct block *next_frame; /* same frame hash */
    uint32_t at;              /* machine address of its first byte */
    uint16_t bytes;
    uint8_t  n;               /* instructions */
    bool     code32;
    struct insn insn[];
};

/* The block that begins at `at`, or NULL. */
const struct block *block_find(const struct block_cache *bc, hpa_t at, bool code32);
/* Decodes one from the host bytes of its page: bytes[0..n) lie at `at`, n reaches to the end of the page. NULL if the very
 * first instruction crosses it. May flush the cache to make room. */
const struct block *block_build(struct cpu *c, hpa_t at, bool code32, const uint8_t *bytes, unsigned n);
/* Instructions are wrapped for the observer when blocks are built: flushes if one came or went. */
void block_observe(struct cpu *c);
/* insn_decode with a memory for the few instructions that cannot be in a block. */
enum decode block_decode_single(struct block_cache *bc, const uint8_t *bytes, unsigned n, bool code32, const uint32_t *cost,
                                struct insn *out);
/* The handler, or the observer's wrapper around it. */
exec_fn *block_handler(const struct cpu *c, const struct insn *i);

#endif
