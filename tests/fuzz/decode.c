/* Any bytes in both code sizes: decoded, disassembled, never read past, and no more asked for than is there. */
#include "sim/cpu/decode_fast.h"
#include "sim/cpu/insn.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void one(const uint8_t *bytes, unsigned n, bool code32)
{
    static const uint32_t cost[COST_COUNT];
    struct insn_mode mode = { code32 };
    struct insn i, again;
    char text[96];
    enum decode d = insn_decode(bytes, n, mode, cost, &i);
    unsigned length = insn_text(bytes, n, mode, 0x1000, text, sizeof text);
    FUZZ_HOLDS(memchr(text, 0, sizeof text));
    FUZZ_HOLDS(d == DECODE_SHORT || i.fn);
    FUZZ_HOLDS(d != DECODE_SHORT || n < 15);
    if (d != DECODE_OK) return;
    FUZZ_HOLDS(i.len >= 1 && i.len <= n && i.len == length);
    FUZZ_HOLDS(i.base <= REG_NONE && i.index <= REG_NONE && i.scale <= 3 && i.form < FORM_COUNT && i.id < MN_COUNT);
    FUZZ_HOLDS(insn_decode(bytes, i.len, mode, cost, &again) == DECODE_OK && again.id == i.id && again.len == i.len);
    FUZZ_HOLDS(i.len == 1 || insn_decode(bytes, i.len - 1u, mode, cost, &again) == DECODE_SHORT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned n = size < 15 ? (unsigned)size : 15;
    if (!n) return 0;
    one(data, n, true);
    one(data, n, false);
    return 0;
}
