/* Decoded before: what short byte sequences became, so that code that is new at its place is not decoded anew.
 *
 * Idea: programs are made of few encodings. An entry keeps the first bytes of an instruction, under a mask that leaves out a
 * 32-bit immediate at its end, and what insn_decode and op_of made of them; the immediate is filled in when it is found.
 * Nothing else of either depends on it. Like the blocks it is no state of the machine. SDM vol. 2A ch. 2. Not here: instructions
 * of more than 8 bytes, what is no instruction, the last bytes of a page. */
#ifndef CPU_MEMO_H
#define CPU_MEMO_H

#include "sim/cpu/op.h"

enum { MEMO_ENTRIES = 512, MEMO_BYTES = 8 };

struct memo_entry {
    uint64_t mask, key;      /* of the 8 bytes at the instruction; an empty entry has a key that its mask excludes */
    struct op op;
    struct insn insn;
    uint8_t tail;            /* the immediate's place in bits */
    bool has_tail;
};

struct memo {
    uint64_t hashed[256][2];               /* by opcode, and is ModRM.mod 3: the bytes that tell instructions apart best */
    struct memo_entry entry[2][MEMO_ENTRIES]; /* by mode */
};

struct memo *memo_new(void); /* NULL: no memory */
void memo_flush(struct memo *m);

static inline uint64_t memo_bytes(const uint8_t *bytes)
{
    uint64_t raw;
    memcpy(&raw, bytes, sizeof raw); /* little-endian, as everywhere */
    return raw;
}
static inline struct memo_entry *memo_place(struct memo *m, uint64_t raw, bool code32)
{
    uint64_t told = raw & m->hashed[raw & 0xFF][(raw >> 14 & 3) == 3];
    return &m->entry[code32][(uint32_t)told * 0x9E3779B1u >> 23];
}
_Static_assert(MEMO_ENTRIES == 1 << (32 - 23), "memo_place");

/* The instruction at bytes[0..8) as struct insn and as op_of makes it, if it is known. *tail: does nothing but `imm` depend on
 * its last 4 bytes? */
static inline bool memo_find(struct memo *m, const uint8_t *bytes, bool code32, struct insn *i, struct op *o, bool *tail)
{
    uint64_t raw = memo_bytes(bytes);
    const struct memo_entry *e = memo_place(m, raw, code32);
    if ((raw & e->mask) != e->key) return false;
    *i = e->insn;
    *o = e->op;
    *tail = e->has_tail;
    if (e->has_tail) i->imm = o->imm = (uint32_t)(raw >> e->tail);
    return true;
}
/* Keeps what bytes[0..8) became, unless it is longer. Returns *tail. */
bool memo_learn(struct memo *m, const uint8_t *bytes, bool code32, const struct insn *i, const struct op *o);

#endif
