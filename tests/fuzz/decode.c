/* Any bytes, as 16-bit and as 32-bit code: the fast decoder and the reference agree, and so does the text.
 *
 * Invariants: what the fast decoder takes the reference takes, equal in every field; a valid instruction is no longer than
 * 15 bytes nor than what was given, its every part asks for more, and what follows it does not matter; its text has its
 * length, and fits in any room. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include "sim/cpu/decode_fast.h"
#include "tests/support/insn_equal.h"

enum { LONGEST = 15 };

static uint32_t costs[COST_COUNT];

static void check_equal(const struct insn *a, const struct insn *b)
{
    char one[400], other[400];
    if (insn_equal(a, b)) return;
    insn_show(one, sizeof one, a);
    insn_show(other, sizeof other, b);
    FUZZ_FAIL("differs\n  %s\n  %s", one, other);
}

/* Each part lies at the end of an allocation of its own. */
static void check_parts(const uint8_t *bytes, const struct insn *whole, struct insn_mode mode)
{
    struct insn i;
    for (unsigned n = 0; n <= whole->len; n++) {
        uint8_t *part = malloc(n ? n : 1);
        if (!part) abort();
        memcpy(part, bytes, n);
        enum decode d = insn_decode(n ? part : NULL, n, mode, costs, &i);
        FUZZ_HOLDS(d == (n == whole->len ? DECODE_OK : DECODE_SHORT));
        if (d == DECODE_OK) check_equal(&i, whole);
        free(part);
    }
}

static void check_text(const uint8_t *bytes, unsigned n, struct insn_mode mode, unsigned length)
{
    char whole[128];
    unsigned got = insn_text(bytes, n, mode, 0xFFFFFFF0u, whole, sizeof whole);
    FUZZ_HOLDS(!length || got == length);
    fuzz_line(whole);
    for (unsigned room = 1; room < 24; room += 11) {
        char *small = malloc(room);
        if (!small) abort();
        insn_text(bytes, n, mode, 0, small, room);
        FUZZ_HOLDS(memchr(small, 0, room));
        free(small);
    }
}

static void check_mode(const uint8_t *bytes, unsigned n, struct insn_mode mode)
{
    struct insn fast, reference, both;
    bool taken = insn_decode_fast(bytes, n, mode, costs, &fast);
    enum decode d = insn_decode_reference(bytes, n, mode, costs, &reference);
    enum decode due = d;
    if (d == DECODE_BAD && n < LONGEST && insn_reaches_beyond(bytes, n, mode)) due = DECODE_SHORT;
    enum decode got = insn_decode(bytes, n, mode, costs, &both);
    bool newer = d == DECODE_SHORT && got == DECODE_BAD; /* VEX and the like are no prefixes here */
    FUZZ_HOLDS(got == due || (newer && !insn_reaches_beyond(bytes, n, mode)));
    if (taken) {
        FUZZ_HOLDS(d == DECODE_OK);
        check_equal(&fast, &reference);
    }
    if (d == DECODE_OK) {
        check_equal(&both, &reference);
        FUZZ_HOLDS(both.len >= 1 && both.len <= LONGEST && both.len <= n);
        FUZZ_HOLDS(both.fn && both.id > MN_NONE && both.id < MN_COUNT && both.form < FORM_COUNT);
        FUZZ_HOLDS(both.base <= REG_NONE && both.index <= REG_NONE && both.scale <= 3);
        check_parts(bytes, &both, mode);
    } else if (due == DECODE_SHORT) FUZZ_HOLDS(n < LONGEST);
    check_text(bytes, n, mode, d == DECODE_OK ? both.len : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned k = 0; k < COST_COUNT; k++) costs[k] = k + 1;
    for (unsigned code32 = 0; code32 < 2; code32++)
        check_mode(data, size < 2 * LONGEST ? (unsigned)size : 2 * LONGEST, (struct insn_mode){ code32 });
    return 0;
}

/* Every opcode of both maps, with tails that hold ModRM, SIB, displacement and immediate. */
size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xF2, 0xF3, 0xF0, 0x2E, 0x64 };
    struct fuzz_seed s = { to, 0, room };
    if (n >= 1024) return 0;
    if (n & 512) fuzz_put8(&s, prefixes[n % sizeof prefixes]);
    if (n & 256) fuzz_put8(&s, 0x0F);
    fuzz_put8(&s, n);
    for (unsigned k = 0; k < 12; k++) fuzz_put8(&s, n * 37 + k * 101);
    return s.n;
}
