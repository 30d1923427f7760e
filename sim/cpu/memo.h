/* Decoded before: what short byte sequences became, so that code that is new at its place is not decoded anew.
 *
 * Idea: programs are made of few encodings. An entry keeps the first bytes of an instruction, without 32 bits of immediate or
 * displacement at its end, and what insn_decode and op_of made of them; those are filled in when it is found.
 * Nothing else of either depends on it. What says where the next instruction begins lies apart, close together.
 * Like the blocks it is no state of the machine. SDM vol. 2A ch. 2. Not here: instructions
 * of more than 8 bytes, what is no instruction, the last bytes of a page. */
#ifndef CPU_MEMO_H
#define CPU_MEMO_H

#include "sim/cpu/decode_fast.h"
#include "sim/cpu/op.h"

enum { MEMO_ENTRIES = 512, MEMO_BYTES = 8 };

struct memo_key {
    uint64_t key;            /* the 8 bytes at the instruction, shifted until only those are left that tell; or what none can be */
    uint8_t shift;           /* by so many bits */
    uint8_t len;
    uint8_t tail;            /* enum tail */
    uint8_t place;           /* the tail's, in bits */
};
struct memo_entry { struct op op; struct insn insn; };

struct memo {
    uint8_t skip[256][4];                  /* by opcode and kind of ModRM: of the first 32 bits, how many tell little */
    uint8_t kind[256];                     /* by ModRM: as insn_telling sees it */
    struct memo_key key[2][MEMO_ENTRIES];  /* by mode */
    struct memo_entry entry[2][MEMO_ENTRIES];
};

struct memo *memo_new(void); /* NULL: no memory */
void memo_flush(struct memo *m);

static inline uint64_t memo_bytes(const uint8_t *bytes)
{
    uint64_t raw;
    memcpy(&raw, bytes, sizeof raw); /* little-endian, as everywhere */
    return raw;
}
static inline unsigned memo_place(const struct memo *m, uint64_t raw)
{
    uint32_t told = (uint32_t)raw << m->skip[raw & 0xFF][m->kind[raw >> 8 & 0xFF]];
    return told * 0x9E3779B1u >> 23;
}
_Static_assert(MEMO_ENTRIES == 1 << (32 - 23), "memo_place");

/* The instruction at bytes[0..8) as struct insn and as op_of makes it, if it is known: its length, else 0. *tail: what of it
 * depends on its last 4 bytes, and on nothing but that. */
static inline unsigned memo_find(const struct memo *m, const uint8_t *bytes, bool code32, struct insn *i, struct op *o,
                                 enum tail *tail)
{
    uint64_t raw = memo_bytes(bytes);
    unsigned place = memo_place(m, raw);
    const struct memo_key *k = &m->key[code32][place];
    const struct memo_entry *e = &m->entry[code32][place];
    if (raw << k->shift != k->key) return 0;
    *i = e->insn;
    *o = e->op;
    *tail = (enum tail)k->tail;
    if (k->tail == TAIL_IMM) i->imm = o->imm = (uint32_t)(raw >> k->place);
    else if (k->tail) i->disp = o->disp = (uint32_t)(raw >> k->place);
    return k->len;
}
/* Keeps what bytes[0..8) became, unless it is longer. Returns *tail. */
enum tail memo_learn(struct memo *m, const uint8_t *bytes, bool code32, const struct insn *i, const struct op *o);

#endif
