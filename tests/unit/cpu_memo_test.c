/* What the memo finds is what decoding would give, whatever the immediate or displacement; and it finds what it learnt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/memo.h"
#include "tests/support/cpu_case.h"

static uint32_t costs[COST_COUNT];
static uint32_t seed = 1;

static uint8_t any(void)
{
    seed = seed * 1664525 + 1013904223;
    return (uint8_t)(seed >> 24);
}

static void decode(const uint8_t *bytes, bool code32, struct insn *i, struct op *o)
{
    assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ code32 }, costs, i), DECODE_OK);
    op_of(o, i, &op_kit);
}

static void expect_same(struct memo *m, const uint8_t *bytes, bool code32)
{
    struct insn found, right;
    struct op op, right_op;
    enum tail tail;
    if (!memo_find(m, bytes, code32, &found, &op, &tail)) return;
    decode(bytes, code32, &right, &right_op);
    assert_memory_equal(&found, &right, offsetof(struct insn, form) + 1);
    assert_memory_equal(&op, &right_op, sizeof op);
}

/* Each opcode, in both maps, with and without a prefix: learnt once, looked for with every other byte behind it. */
static void round_of(struct memo *m, const uint8_t *prefix, unsigned n, bool code32)
{
    for (unsigned k = 0; k < 512 * 24; k++) {
        uint8_t bytes[16];
        unsigned at = n;
        struct insn i, again;
        struct op o, again_op;
        enum tail tail;
        memcpy(bytes, prefix, n);
        if (k & 256) bytes[at++] = 0x0F;
        bytes[at++] = (uint8_t)k;
        while (at < sizeof bytes) bytes[at++] = any();
        expect_same(m, bytes, code32);
        if (insn_decode(bytes, 15, (struct insn_mode){ code32 }, costs, &i) != DECODE_OK) continue;
        op_of(&o, &i, &op_kit);
        memo_learn(m, bytes, code32, &i, &o);
        assert_int_equal(memo_find(m, bytes, code32, &again, &again_op, &tail), i.len <= MEMO_BYTES ? i.len : 0);
        for (unsigned change = 0; change < MEMO_BYTES; change++) {
            uint8_t other[16];
            memcpy(other, bytes, sizeof other);
            other[change] = any();
            expect_same(m, other, code32);
            expect_same(m, other, !code32);
        }
    }
}

static void as_decoded(void **s)
{
    (void)s;
    static const uint8_t prefixes[][2] = { { 0x66 }, { 0x67 }, { 0xF3 }, { 0x2E }, { 0xF0 } };
    for (unsigned k = 0; k < COST_COUNT; k++) costs[k] = k + 1;
    struct memo *m = memo_new();
    assert_non_null(m);
    for (unsigned code32 = 0; code32 < 2; code32++) {
        round_of(m, prefixes[0], 0, code32);
        for (unsigned p = 0; p < 5; p++) round_of(m, prefixes[p], 1, code32);
    }
    free(m);
}

struct fill { const char *bytes; uint32_t value; enum tail tail; };
static void tails(void **s)
{
    (void)s;
    static const struct fill fills[] = { /* learnt with 0 */
        { "05 78 56 34 12", 0x12345678, TAIL_IMM }, { "B9 01 00 00 80", 0x80000001, TAIL_IMM },
        { "81 C3 FF FF FF FF", UINT32_MAX, TAIL_IMM }, { "E8 10 00 00 00", 0x10, TAIL_IMM },
        { "0F 84 00 20 30 40", 0x40302000 /* the third byte is hashed */, TAIL_IMM }, { "C7 44 24 04 EF BE", 0xBEEF, TAIL_IMM },
        { "69 C0 0A 00 00 00", 10, TAIL_IMM }, { "F7 C2 00 01 00 00", 0x100, TAIL_IMM },
        { "8B 0D 4C F1 10 00", 0x10F14C, TAIL_DISP }, { "A3 4C F1 10 00", 0x10F14C, TAIL_DISP }, { "8B 83 00 10 00 00", 0x1000, TAIL_DISP },
        { "8B 04 85 00 00 00 80", 0x80000000, TAIL_DISP }, { "D1 A0 00 01 00 00", 0x100, TAIL_DISP }
    };
    for (unsigned k = 0; k < sizeof fills / sizeof fills[0]; k++) {
        struct memo *m = memo_new();
        uint8_t bytes[64] = { 0 }, zero[16];
        unsigned n = cpu_case_bytes(fills[k].bytes, bytes);
        struct insn i;
        struct op o;
        enum tail tail = TAIL_NONE;
        memcpy(zero, bytes, sizeof zero);
        memset(zero + (n == 6 && bytes[0] == 0xC7 ? 4 : n - 4), 0, 4);
        decode(zero, true, &i, &o);
        memo_learn(m, zero, true, &i, &o);
        assert_int_equal(memo_find(m, bytes, true, &i, &o, &tail), i.len);
        assert_int_equal(tail, fills[k].tail);
        assert_int_equal(tail == TAIL_IMM ? i.imm : i.disp, fills[k].value);
        assert_int_equal(tail == TAIL_IMM ? o.imm : o.disp, fills[k].value);
        free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_decoded), cmocka_unit_test(tails) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
