/* See memo.h. */
#include "sim/cpu/memo.h"

#include <stdlib.h>
/* One ModRM byte of each kind: for a register, with a displacement of 4 bytes right behind it, other memory. */
static const uint8_t kinds[] = { 0xC0, 0x05, 0x00 };
static uint8_t kind_of(uint8_t modrm)
{
    if (modrm >= 0xC0) return 0;
    return (modrm & 7) != 4 && (modrm >> 6 == 2 || (modrm & 0xC7) == 5) ? 1 : 2;
}

struct memo *memo_new(void)
{
    struct memo *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    for (unsigned modrm = 0; modrm < 256; modrm++) m->kind[modrm] = kind_of((uint8_t)modrm);
    for (unsigned opcode = 0; opcode < 256; opcode++)
        for (unsigned k = 0; k < 3; k++) m->skip[opcode][k] = (uint8_t)(32 - 8 * insn_telling((uint8_t)opcode, kinds[k]));
    memo_flush(m);
    return m;
}

void memo_flush(struct memo *m)
{
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned k = 0; k < MEMO_ENTRIES; k++) m->key[mode][k] = (struct memo_key){ .key = 1, .shift = 8 };
}

enum tail memo_learn(struct memo *m, const uint8_t *bytes, bool code32, const struct insn *i, const struct op *o)
{
    if (i->len > MEMO_BYTES) return TAIL_NONE;
    uint64_t raw = memo_bytes(bytes);
    enum tail tail = insn_tail(bytes, (struct insn_mode){ code32 });
    unsigned place = 8 * (i->len - 4u);
    uint8_t shift = (uint8_t)(64 - (tail ? place : 8u * i->len));
    unsigned n = memo_place(m, raw);
    m->key[code32][n] = (struct memo_key){ raw << shift, shift, i->len, (uint8_t)tail, (uint8_t)(tail ? place : 0) };
    m->entry[code32][n] = (struct memo_entry){ *o, *i };
    return tail;
}
