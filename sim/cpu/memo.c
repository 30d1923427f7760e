/* See memo.h. */
#include "sim/cpu/memo.h"

#include <stdlib.h>
#include "sim/cpu/decode_fast.h"

struct memo *memo_new(void)
{
    struct memo *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    for (unsigned opcode = 0; opcode < 256; opcode++)
        for (unsigned mod3 = 0; mod3 < 2; mod3++)
            m->hashed[opcode][mod3] = UINT64_MAX >> (64 - 8 * insn_telling((uint8_t)opcode, mod3));
    memo_flush(m);
    return m;
}

void memo_flush(struct memo *m)
{
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned k = 0; k < MEMO_ENTRIES; k++) m->entry[mode][k] = (struct memo_entry){ .mask = 0, .key = 1 };
}

bool memo_learn(struct memo *m, const uint8_t *bytes, bool code32, const struct insn *i, const struct op *o)
{
    if (i->len > MEMO_BYTES) return false;
    uint64_t raw = memo_bytes(bytes);
    bool tail = insn_ends_in_immediate(bytes, (struct insn_mode){ code32 });
    uint64_t mask = UINT64_MAX >> (64 - 8 * (i->len - (tail ? 4u : 0u)));
    *memo_place(m, raw, code32) = (struct memo_entry){
        .mask = mask, .key = raw & mask, .op = *o, .insn = *i, .tail = (uint8_t)(tail ? 8 * (i->len - 4) : 0), .has_tail = tail
    };
    return tail;
}
