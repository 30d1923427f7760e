/* The fast decoder against the reference: whatever it accepts has every field equal, and it accepts what it should.
 *
 * Exhaustive over opcode, ModRM byte, single prefixes, modes and truncations, with SIB bytes and more prefixes spread over
 * that; then random byte strings; then the code of all guests. Where both are wrong in the same way nothing is seen here:
 * that is what the tests of the instructions themselves are for. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/decode_fast.h"
#include "sim/cpu/exec.h"
#include "tests/support/cpu_case.h"
#include "tests/support/insn_equal.h"

enum { LONGEST = 15 };
static uint32_t costs[COST_COUNT];

static int every_row_its_own_cost(void **s)
{
    (void)s;
    for (unsigned k = 0; k < COST_COUNT; k++) costs[k] = k + 1;
    return 0;
}

static void fail_at(const uint8_t *bytes, unsigned n, bool code32, const char *what)
{
    char text[3 * LONGEST + 1] = "";
    for (unsigned k = 0; k < n && k < LONGEST; k++) snprintf(text + 3 * k, sizeof text - 3 * k, "%02X ", bytes[k]);
    fail_msg("%s(%s): %s", text, code32 ? "32" : "16", what);
}

struct verdict {
    bool accepted, valid;
    bool rare; /* among what is left to the reference: x87, VMX, PAUSE, 0F 0D, 0F AE and 0F 18 to 1E */
    unsigned len;
};

static bool is_rare(const struct insn *i)
{
    unsigned second = i->bytes[0] == 0x0F ? i->bytes[1] : 0;
    return (i->id >= MN_VMXON && i->id <= MN_PAUSE) || (i->id >= MN_FLD && i->id <= MN_EMMS) || second == 0x0D || second == 0xAE || (second >= 0x18 && second <= 0x1E);
}

/* Both decoders on the same bytes. */
static struct verdict judge(const uint8_t *bytes, unsigned n, bool code32)
{
    struct insn a, b;
    struct verdict v = { .accepted = insn_decode_fast(bytes, n, (struct insn_mode){ code32 }, costs, &a) };
    enum decode d = insn_decode_reference(bytes, n, (struct insn_mode){ code32 }, costs, &b);
    v.valid = d == DECODE_OK;
    v.rare = v.valid && is_rare(&b);
    v.len = v.valid ? b.len : 0;
    if (!v.accepted) return v;
    if (!v.valid) fail_at(bytes, n, code32, d == DECODE_SHORT ? "accepted, and too short" : "accepted, and not valid");
    if (!insn_equal(&a, &b)) {
        char text[2][300], both[700];
        insn_show(text[0], sizeof text[0], &a);
        insn_show(text[1], sizeof text[1], &b);
        snprintf(both, sizeof both, "differs\n  fast      %s\n  reference %s", text[0], text[1]);
        fail_at(bytes, n, code32, both);
    }
    return v;
}

/* A part of an instruction is not accepted, and its decoding asks for more. */
static void judge_parts(const uint8_t *bytes, unsigned len, bool code32)
{
    struct insn_mode mode = { code32 };
    struct insn i;
    for (unsigned n = 0; n < len; n++) {
        if (insn_decode_fast(bytes, n, mode, costs, &i)) fail_at(bytes, n, code32, "accepted a part");
        if (insn_decode(bytes, n, mode, costs, &i) != DECODE_SHORT) fail_at(bytes, n, code32, "not short");
    }
}

/* One opcode with ModRM and SIB byte behind these prefixes. */
static void judge_one(const char *prefixes, unsigned map, unsigned opcode, unsigned modrm, unsigned sib, bool parts)
{
    uint8_t bytes[64];
    unsigned n = cpu_case_bytes(prefixes, bytes);
    if (map) bytes[n++] = 0x0F;
    bytes[n++] = (uint8_t)opcode;
    bytes[n++] = (uint8_t)modrm;
    bytes[n++] = (uint8_t)sib;
    for (uint8_t tail = modrm & 1 ? 0x12 : 0x91; n < LONGEST; tail = (uint8_t)(tail + 0x21)) bytes[n++] = tail;
    for (unsigned code32 = 0; code32 < 2; code32++) {
        struct verdict v = judge(bytes, n, code32);
        if (v.valid && !v.accepted && !v.rare) fail_at(bytes, v.len, code32, "not accepted");
        if (parts && v.accepted) judge_parts(bytes, v.len, code32);
    }
}

static bool has_sib(unsigned modrm) { return modrm < 0xC0 && (modrm & 7) == 4; }

/* Every opcode with every ModRM byte; every fifth SIB byte, so that each base, index and scale occurs. */
static void all_encodings(void **s)
{
    (void)s;
    static const char *const prefixes[] = {
        "", "66", "67", "66 67", "26", "2E", "36", "3E", "64", "65", "F0", "F2", "F3"
    };
    for (unsigned p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
        for (unsigned opcode = 0; opcode < 512; opcode++)
            for (unsigned modrm = 0; modrm < 256; modrm++) {
                judge_one(prefixes[p], opcode >> 8, opcode & 0xFF, modrm, 0x24 + modrm, p == 0);
                for (unsigned sib = modrm >> 3 & 1; p == 0 && has_sib(modrm) && sib < 256; sib += 5)
                    judge_one("", opcode >> 8, opcode & 0xFF, modrm, sib, false);
            }
}

static void all_prefixes(void **s)
{
    (void)s;
    static const char *const prefixes[] = {
        "67 66", "66 66", "67 67 67", "2E 65", "65 3E", "3E 36", "F2 F3",
        "F3 F2", "66 F3", "F2 66", "66 F2 67", "67 64", "3E 66", "F0 66", "F0 F3", "F2 F0", "F0 F0", "F0 65 67",
        "26 2E 36 3E 64 65 66 67", "66 66 66 66 66 66 66 66 66 66 66 66"
    };
    for (unsigned p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
        for (unsigned opcode = 0; opcode < 512; opcode++)
            for (unsigned k = 0; k < 32; k++) /* every digit and every addressing form, not every pair */
                judge_one(prefixes[p], opcode >> 8, opcode & 0xFF, (k << 3 | (k + p) % 8) & 0xFF, k * 0x25 + p, k % 4 == 1);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Anything at all, often behind prefixes, in a buffer of just that size: a sanitizer sees every byte read too far. */
static void random_bytes(void **s)
{
    (void)s;
    static const uint8_t prefix[16] = {
        0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x66, 0x67, 0xF3, 0x0F, 0x0F
    };
    uint32_t seed = 1, accepted = 0, valid = 0;
    uint8_t bytes[LONGEST + 3];
    for (unsigned k = 0; k < 400000; k++) {
        uint32_t r = next_random(&seed);
        unsigned n = 1 + r % sizeof bytes, before = r >> 8 & 3 ? r >> 10 & 1 : r >> 10 & 15;
        uint8_t *end = bytes + sizeof bytes - n;
        for (unsigned b = 0; b < n; b++) {
            end[b] = (uint8_t)(next_random(&seed) >> 4);
            if (b < before) end[b] = prefix[end[b] % 16];
        }
        struct verdict v = judge(end, n, r >> 14 & 1);
        accepted += v.accepted;
        valid += v.valid;
    }
    assert_true(accepted > 150000 && accepted > valid / 10 * 9);
}

static void limit_of_length(void **s)
{
    (void)s;
    uint8_t bytes[16];
    struct insn i;
    memset(bytes, 0x2E, sizeof bytes);
    bytes[14] = bytes[15] = 0x90;
    assert_true(insn_decode_fast(bytes, 15, (struct insn_mode){ true }, costs, &i) && i.len == 15);
    bytes[14] = 0x2E;
    assert_false(insn_decode_fast(bytes, 16, (struct insn_mode){ true }, costs, &i));
    assert_int_equal(insn_decode(bytes, 16, (struct insn_mode){ true }, costs, &i), DECODE_BAD);
    assert_true(i.fn == exec_too_long);
}

/* ---- the code of the guests ---- */

struct share { unsigned accepted, valid; };

static void sweep(const uint8_t *code, uint32_t size, struct share *sum)
{
    for (uint32_t at = 0; at < size;) {
        struct verdict v = judge(code + at, size - at < LONGEST ? size - at : LONGEST, true);
        sum->accepted += v.accepted;
        sum->valid += v.valid;
        at += v.valid ? v.len : 1;
    }
}

static uint32_t field(const uint8_t *file, unsigned at, unsigned size)
{
    uint32_t v = 0;
    memcpy(&v, file + at, size);
    return v;
}

/* The executable sections of an ELF32 file: at 20h and 2Eh of the header, 8, 10h and 14h of a section's. */
static void sweep_file(const char *name, struct share *sum)
{
    enum { ROOM = 1 << 20, EXECUTABLE = 4 };
    uint8_t *file = test_malloc(ROOM);
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    uint32_t n = (uint32_t)fread(file, 1, ROOM, f);
    fclose(f);
    assert_true(n > 0x34);
    uint32_t table = field(file, 0x20, 4), each = field(file, 0x2E, 2), count = field(file, 0x30, 2);
    assert_true(each >= 0x28 && table < n && (n - table) / each >= count);
    for (uint32_t k = 0; k < count; k++) {
        const uint8_t *section = file + table + k * each;
        uint32_t offset = field(section, 0x10, 4), size = field(section, 0x14, 4);
        if (!(field(section, 8, 4) & EXECUTABLE)) continue;
        assert_true(offset <= n && size <= n - offset);
        sweep(file + offset, size, sum);
    }
    test_free(file);
}

static void guests(void **s)
{
    (void)s;
    glob_t g;
    struct share sum = { 0, 0 };
    if (glob("build/guests/*.elf", 0, NULL, &g)) skip();
    for (size_t k = 0; k < g.gl_pathc; k++) sweep_file(g.gl_pathv[k], &sum);
    globfree(&g);
    print_message("[          ] accepted %u of %u instructions of the guests\n", sum.accepted, sum.valid);
    assert_true(sum.valid > 500 && sum.accepted >= sum.valid / 100 * 99);
}

/* What Zydis says of bytes that older processors read otherwise, and what a processor of ours must do (SDM vol. 2). */
static void younger_encodings(void **s)
{
    (void)s;
    static const struct { const char *bytes; unsigned id, seg; } cases[] = {
        { "F3 0F BC C1", MN_BSF, SEG_DS }, { "F3 0F BD C1", MN_BSR, SEG_DS }, { "66 F3 0F BC 45 00", MN_BSF, SEG_SS },
        { "3E FF 65 00", MN_JMP, SEG_DS }, { "65 3E FF 55 00", MN_CALL, SEG_DS }, { "3E 65 FF 65 00", MN_JMP, SEG_GS },
    };
    struct insn i;
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint8_t bytes[64];
        unsigned n = cpu_case_bytes(cases[k].bytes, bytes);
        assert_true(judge(bytes, n, true).accepted);
        assert_int_equal(insn_decode(bytes, n, (struct insn_mode){ true }, costs, &i), DECODE_OK);
        if (i.id != cases[k].id || i.seg != cases[k].seg) fail_at(bytes, n, true, "means something else");
    }
    /* conditional branches to Zydis, no instructions here */
    static const uint8_t xbegin[] = { 0xC7, 0xF8, 0, 0, 0, 0 }, xend[] = { 0x0F, 0x01, 0xD5 };
    assert_int_equal(insn_decode(xbegin, sizeof xbegin, (struct insn_mode){ true }, costs, &i), DECODE_BAD);
    assert_int_equal(insn_decode(xend, sizeof xend, (struct insn_mode){ true }, costs, &i), DECODE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_encodings), cmocka_unit_test(all_prefixes), cmocka_unit_test(random_bytes),
        cmocka_unit_test(limit_of_length), cmocka_unit_test(guests), cmocka_unit_test(younger_encodings)
    };
    return cmocka_run_group_tests(tests, every_row_its_own_cost, NULL);
}
