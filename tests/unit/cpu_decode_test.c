/* Decoding: the fields that handlers (and a hypervisor's emulator) rely on, and that no bytes do harm. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/exec.h"
#include "tests/support/cpu_case.h"

enum { ANY = 0xFFFF };
static const uint32_t unit_cost[COST_COUNT];

/* Fields that are ANY are not looked at. */
static const struct row {
    const char *bytes;
    bool code16;
    unsigned id, form, size, sub, reg, rm;
    uint32_t imm, flags;
} rows[] = {
    /* what the privileged half relies on */
    { "9C", false, MN_PUSHF, FORM_NONE, 4, ANY, ANY, ANY, 0, 0 },
    { "66 9D", false, MN_POPF, FORM_NONE, 2, ANY, ANY, ANY, 0, INSN_OPERAND16 },
    { "9C", true, MN_PUSHF, FORM_NONE, 2, ANY, ANY, ANY, 0, INSN_ADDR16 | INSN_OPERAND16 },
    { "66 CF", true, MN_IRET, FORM_NONE, 4, ANY, ANY, ANY, 0, INSN_ADDR16 | INSN_ENDS },
    { "CD 80", false, MN_INT, FORM_I, 4, ANY, ANY, ANY, 0x80, INSN_ENDS },
    { "CC", false, MN_INT3, FORM_NONE, 4, ANY, ANY, ANY, 0, INSN_ENDS },
    { "0F 20 D8", false, MN_MOV_CR, FORM_R, 4, 3, ANY, EAX, 0, INSN_ENDS },
    { "0F 22 E1", false, MN_MOV_CR, FORM_R, 4, 4, ANY, ECX, 0, INSN_ENDS },
    { "0F 23 FA", false, MN_MOV_DR, FORM_R, 4, 7, ANY, EDX, 0, INSN_ENDS },
    { "8C C8", false, MN_MOV_SEG, FORM_R, 4, SEG_CS, ANY, EAX, 0, 0 },
    { "66 8C C8", false, MN_MOV_SEG, FORM_R, 2, SEG_CS, ANY, EAX, 0, INSN_OPERAND16 },
    { "8C 1B", false, MN_MOV_SEG, FORM_M, 2, SEG_DS, ANY, ANY, 0, INSN_MEM },
    { "8E D0", false, MN_MOV_SEG, FORM_R, ANY, SEG_SS, ANY, EAX, 0, 0 },
    { "0E", false, MN_PUSH_SEG, ANY, 4, SEG_CS, ANY, ANY, 0, 0 },
    { "66 0F A9", false, MN_POP_SEG, ANY, 2, SEG_GS, ANY, ANY, 0, INSN_OPERAND16 },
    { "0F B2 03", false, MN_LOAD_FAR, FORM_RM, 4, SEG_SS, EAX, ANY, 0, INSN_MEM },
    { "C5 0B", false, MN_LOAD_FAR, FORM_RM, 4, SEG_DS, ECX, ANY, 0, INSN_MEM },
    { "9A 78 56 34 12 08 00", false, MN_CALL_FAR, ANY, 4, ANY, ANY, ANY, 0x12345678, INSN_ENDS },
    { "EA 34 12 08 00", true, MN_JMP_FAR, ANY, 2, ANY, ANY, ANY, 0x1234, INSN_ADDR16 | INSN_OPERAND16 | INSN_ENDS },
    { "FF 2B", false, MN_JMP_FAR, FORM_M, 4, ANY, ANY, ANY, 0, INSN_MEM | INSN_ENDS },
    { "CA 08 00", false, MN_RET_FAR, FORM_I, 4, ANY, ANY, ANY, 8, INSN_ENDS },
    { "0F 01 03", false, MN_SGDT, FORM_M, 4, ANY, ANY, ANY, 0, INSN_MEM },
    { "66 0F 01 13", false, MN_LGDT, FORM_M, 2, ANY, ANY, ANY, 0, INSN_MEM | INSN_ENDS | INSN_OPERAND16 },
    { "0F 00 C1", false, MN_SLDT, FORM_R, 4, ANY, ANY, ECX, 0, 0 },
    { "0F 00 0B", false, MN_STR, FORM_M, 2, ANY, ANY, ANY, 0, INSN_MEM },
    { "0F 01 E2", false, MN_SMSW, FORM_R, 4, ANY, ANY, EDX, 0, 0 },
    { "0F 02 C1", false, MN_LAR, FORM_GE, 4, ANY, EAX, ECX, 0, 0 },
    { "66 0F 03 0B", false, MN_LSL, FORM_RM, 2, ANY, ECX, ANY, 0, INSN_MEM | INSN_OPERAND16 },
    { "63 C8", false, MN_ARPL, FORM_RR, 2, ANY, ECX, EAX, 0, ANY },
    { "E4 60", false, MN_IN, ANY, 1, 1, ANY, ANY, 0x60, 0 },
    { "ED", false, MN_IN, ANY, 4, 0, ANY, ANY, 0, 0 },
    { "66 E7 F4", false, MN_OUT, ANY, 2, 1, ANY, ANY, 0xF4, ANY },
    { "EE", false, MN_OUT, ANY, 1, 0, ANY, ANY, 0, 0 },
    { "F3 6C", false, MN_INS, FORM_NONE, 1, ANY, ANY, ANY, 0, INSN_REP | INSN_ENDS },
    { "66 6F", false, MN_OUTS, FORM_NONE, 2, ANY, ANY, ANY, 0, INSN_ENDS | INSN_OPERAND16 },
    { "D9 C0", false, MN_FLD, ANY, ANY, ANY, ANY, ANY, 0, 0 },
    /* forms */
    { "01 C8", false, MN_ADD, FORM_RR, 4, ANY, ECX, EAX, 0, 0 },
    { "03 C1", false, MN_ADD, FORM_RR, 4, ANY, ECX, EAX, 0, 0 },
    { "83 C1 FF", false, MN_ADD, FORM_RI, 4, ANY, ANY, ECX, 0xFFFFFFFF, 0 },
    { "0F AF C1", false, MN_IMUL, FORM_GE, 4, 2, EAX, ECX, 0, 0 },
    { "6B C1 05", false, MN_IMUL, FORM_GE, 4, 3, EAX, ECX, 5, 0 },
    { "F7 E9", false, MN_IMUL, FORM_R, 4, 1, ANY, ECX, 0, 0 },
    { "0F B6 C1", false, MN_MOVZX, FORM_GE, 4, 1, EAX, ECX, 0, 0 },
    { "0F 8F 00 01 00 00", false, MN_JCC, FORM_I, 4, 15, ANY, ANY, 0x100, 0 },
    { "70 FE", false, MN_JCC, FORM_I, 4, 0, ANY, ANY, 0xFFFFFFFE, 0 },
    { "0F 95 C4", false, MN_SETCC, FORM_R, 1, 5, ANY, 4, 0, 0 },
    { "C8 10 00 03", false, MN_ENTER, ANY, 4, ANY, ANY, ANY, 0x10, 0 },
    { "F3 A5", false, MN_MOVS, FORM_NONE, 4, ANY, ANY, ANY, 0, INSN_REP },
    { "F0 FF 00", false, MN_INC, FORM_M, 4, ANY, ANY, ANY, 0, INSN_MEM | INSN_LOCK },
    { "67 8B 07", false, MN_MOV, FORM_RM, 4, ANY, EAX, ANY, 0, INSN_MEM | INSN_ADDR16 },
    { "F3 0F 1E FB", false, MN_NOP, ANY, ANY, ANY, ANY, ANY, 0, 0 },
};

static void expect(const char *bytes, const char *what, unsigned got, unsigned want)
{
    if (want != ANY && got != want) fail_msg("%s: %s is %x, not %x", bytes, what, got, want);
}

static void fields(void **s)
{
    (void)s;
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        const struct row *r = &rows[k];
        struct insn i;
        uint8_t bytes[64];
        unsigned n = cpu_case_bytes(r->bytes, bytes);
        assert_int_equal(insn_decode(bytes, n, (struct insn_mode){ !r->code16 }, unit_cost, &i), DECODE_OK);
        expect(r->bytes, "length", i.len, n);
        expect(r->bytes, "id", i.id, r->id);
        expect(r->bytes, "form", i.form, r->form);
        expect(r->bytes, "size", i.size, r->size);
        expect(r->bytes, "sub", i.sub, r->sub);
        expect(r->bytes, "reg", i.reg, r->reg);
        expect(r->bytes, "rm", i.rm, r->rm);
        expect(r->bytes, "imm", i.imm, r->imm);
        expect(r->bytes, "flags", i.flags, r->flags);
        assert_true(i.fn == insn_handler(&i));
        for (unsigned m = 0; m < n; m++)
            assert_int_equal(insn_decode(bytes, m, (struct insn_mode){ !r->code16 }, unit_cost, &i), DECODE_SHORT);
    }
}

/* What is no instruction is #UD if it is all there, and a fetch that goes on if not. */
static void ends_of_none(void **s)
{
    (void)s;
    static const struct { const char *bytes; enum decode d; } cases[] = {
        { "F0 F7 D8", DECODE_BAD }, { "F0 F6 D0", DECODE_BAD }, { "F0 F7 F8", DECODE_BAD },   /* lock neg, not, idiv: no immediate */
        { "F0 F6 C0", DECODE_SHORT }, { "F0 F6 C0 01", DECODE_BAD }, { "F0 F7 C0 01 02 03", DECODE_SHORT }, /* lock test */
        { "F0 83 C0", DECODE_SHORT }, { "F0 83 C0 05", DECODE_BAD }, { "F0 D1 E0", DECODE_BAD }, { "F0 C1 E0", DECODE_SHORT },
        { "8F D7", DECODE_BAD }, { "8F C8", DECODE_BAD }, { "8F 48", DECODE_SHORT }, { "8F 48 01", DECODE_BAD }, /* XOP */
        { "C5 F8", DECODE_BAD }, { "C4 E2", DECODE_BAD }, { "62 F1", DECODE_BAD }, { "C5 05 01", DECODE_SHORT }, /* VEX, EVEX */
        { "0F F5 6E", DECODE_SHORT }, { "0F D1", DECODE_SHORT }, { "0F 60 25 00", DECODE_SHORT }, { "66 8F D7", DECODE_BAD },
        { "C6 C8", DECODE_SHORT }, { "FE D0", DECODE_BAD }, { "FF F8", DECODE_BAD }, { "0F BA C0", DECODE_SHORT },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct insn i;
        uint8_t bytes[64];
        unsigned n = cpu_case_bytes(cases[k].bytes, bytes);
        expect(cases[k].bytes, "end", insn_decode(bytes, n, (struct insn_mode){ true }, unit_cost, &i), cases[k].d);
    }
}

static void memory_operands(void **s)
{
    (void)s;
    static const struct { const char *bytes; uint8_t base, index, scale, seg; uint32_t disp; } cases[] = {
        { "8B 04 25 78 56 34 12", REG_NONE, REG_NONE, 0, SEG_DS, 0x12345678 },
        { "8B 45 FC", EBP, REG_NONE, 0, SEG_SS, 0xFFFFFFFC },
        { "8B 04 24", ESP, REG_NONE, 0, SEG_SS, 0 },
        { "64 8B 44 CB 10", EBX, ECX, 3, SEG_FS, 0x10 },
        { "8B 04 6D 00 00 00 00", REG_NONE, EBP, 1, SEG_DS, 0 },
        { "67 8B 42 10", EBP, ESI, 0, SEG_SS, 0x10 },
        { "2E 67 A1 34 12", REG_NONE, REG_NONE, 0, SEG_CS, 0x1234 },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct insn i;
        uint8_t bytes[64];
        unsigned n = cpu_case_bytes(cases[k].bytes, bytes);
        assert_int_equal(insn_decode(bytes, n, (struct insn_mode){ true }, unit_cost, &i), DECODE_OK);
        expect(cases[k].bytes, "base", i.base, cases[k].base);
        expect(cases[k].bytes, "index", i.index, cases[k].index);
        expect(cases[k].bytes, "scale", i.scale, cases[k].scale);
        expect(cases[k].bytes, "seg", i.seg, cases[k].seg);
        expect(cases[k].bytes, "disp", i.disp, cases[k].disp);
    }
}

/* Any bytes: decode, and disassemble, without reading past them; what decodes has a handler and agrees on its length. */
static void arbitrary_bytes(void **s)
{
    (void)s;
    uint32_t seed = 1;
    for (unsigned k = 0; k < 200000; k++) {
        uint8_t bytes[15];
        char text[96];
        struct insn i;
        for (unsigned b = 0; b < 15; b++) {
            seed = seed * 1664525 + 1013904223;
            bytes[b] = (uint8_t)(seed >> 24);
        }
        if (k & 1) bytes[0] = 0x0F;
        unsigned n = 1 + (seed >> 8) % 15;
        uint8_t *exact = test_malloc(n); /* a sanitizer sees every byte too far */
        memcpy(exact, bytes, n);
        struct insn_mode mode = { k & 2 };
        enum decode d = insn_decode(exact, n, mode, unit_cost, &i);
        unsigned length = insn_text(exact, n, mode, 0x1000, text, sizeof text);
        assert_true(memchr(text, 0, sizeof text) != NULL);
        if (d != DECODE_SHORT) assert_non_null(i.fn);
        if (d == DECODE_OK) {
            assert_true(i.len >= 1 && i.len <= n && i.len == length);
            assert_true(i.id > MN_NONE && i.id < MN_COUNT && i.form < FORM_COUNT);
            assert_true(i.base <= REG_NONE && i.index <= REG_NONE && i.seg < SEG_COUNT && i.scale <= 3);
            assert_true(i.reg < 8 && i.rm < 8 && (i.size == 1 || i.size == 2 || i.size == 4));
        }
        test_free(exact);
    }
}

static void texts(void **s)
{
    (void)s;
    static const struct { const char *bytes, *text; } cases[] = {
        { "8B 43 04", "mov eax, [ebx+0x4]" }, { "EB FE", "jmp 0x1000" }, { "9D", "popfd" }, { "F3 A5", "rep movsd" },
        { "0F 84 00 01 00 00", "jz 0x1106" }, { "0F 0A", "(bad)" },
    };
    for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint8_t bytes[64];
        char text[96];
        unsigned n = cpu_case_bytes(cases[k].bytes, bytes);
        unsigned length = insn_text(bytes, n, (struct insn_mode){ true }, 0x1000, text, sizeof text);
        if (!strstr(text, cases[k].text)) fail_msg("%s: %s", cases[k].bytes, text);
        assert_int_equal(length, strcmp(cases[k].text, "(bad)") ? n : 0);
    }
    char small[4];
    assert_int_equal(insn_text((const uint8_t[]){ 0x0F, 0x0A }, 2, (struct insn_mode){ true }, 0, small, sizeof small), 0);
    assert_string_equal(small, "(ba");
}

/* The list that explains, against the manual's own: who traps, who is silent. */
static void sensitivity(void **s)
{
    (void)s;
    unsigned silent = 0, traps = 0;
    for (unsigned id = 0; id < MN_COUNT; id++) {
        const struct insn_desc *d = insn_desc(id);
        assert_non_null(d->fn);
        silent += d->sensitivity == SENS_SILENT;
        traps += d->sensitivity == SENS_TRAPS;
        if (d->sensitivity != SENS_NONE) assert_true(strlen(d->rule) > 20);
        if (d->privilege != PRIV_NONE) assert_int_equal(d->sensitivity, SENS_TRAPS);
    }
    assert_int_equal(silent, 19); /* Robin & Irvine's eighteen mnemonics (PUSHFD is PUSHF), and IRET */
    assert_int_equal(traps, 26 + 12); /* twelve of VMX */
}

/* Each row says in words what its instruction does, and none says what another one says: they are shown to people. */
static void rules(void **s)
{
    (void)s;
    for (unsigned id = 1; id < MN_COUNT; id++) {
        const char *rule = insn_desc(id)->rule;
        size_t n = strlen(rule);
        if (n < 20 || n > 240 || rule[n - 1] != '.' || !isupper((unsigned char)rule[0]))
            fail_msg("%s: \"%s\" is no sentence, or a long one", insn_row_name(id), rule);
        for (unsigned other = 1; other < id; other++)
            if (!strcmp(rule, insn_desc(other)->rule)) fail_msg("%s and %s: one sentence", insn_row_name(other), insn_row_name(id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields), cmocka_unit_test(ends_of_none), cmocka_unit_test(memory_operands), cmocka_unit_test(arbitrary_bytes), cmocka_unit_test(texts),
        cmocka_unit_test(sensitivity), cmocka_unit_test(rules)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
