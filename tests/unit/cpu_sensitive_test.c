/* What if the ISA had been virtualizable: CR4.UMIP (SDM) and CR4.SEN (ours) against every sensitive instruction.
 *
 * The table must name every row of insn.def that is SILENT or LEAKS: a new one without a case fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/cpuid.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])

/* EBX = 20000h, EAX = a data selector. `umip`: one of the five that CR4.UMIP is about. */
static const struct { const char *what; uint8_t n, bytes[8]; bool umip; } cases[] = {
    { "sgdt [ebx]",     3, { 0x0F, 0x01, 0x03 }, true },
    { "sidt [ebx]",     3, { 0x0F, 0x01, 0x0B }, true },
    { "sldt eax",       3, { 0x0F, 0x00, 0xC0 }, true },
    { "sldt [ebx]",     3, { 0x0F, 0x00, 0x03 }, true },
    { "str eax",        3, { 0x0F, 0x00, 0xC8 }, true },
    { "smsw eax",       3, { 0x0F, 0x01, 0xE0 }, true },
    { "smsw [ebx]",     3, { 0x0F, 0x01, 0x23 }, true },
    { "pushf",          1, { 0x9C }, false },
    { "pushfw",         2, { 0x66, 0x9C }, false },
    { "popf",           1, { 0x9D }, false },
    { "popfw",          2, { 0x66, 0x9D }, false },
    { "lar ecx, eax",   3, { 0x0F, 0x02, 0xC8 }, false },
    { "lsl ecx, eax",   3, { 0x0F, 0x03, 0xC8 }, false },
    { "verr ax",        3, { 0x0F, 0x00, 0xE0 }, false },
    { "verw ax",        3, { 0x0F, 0x00, 0xE8 }, false },
    { "push cs",        1, { 0x0E }, false },
    { "push fs",        2, { 0x0F, 0xA0 }, false },
    { "pop ds",         1, { 0x1F }, false },
    { "mov eax, cs",    2, { 0x8C, 0xC8 }, false },
    { "mov [ebx], ds",  2, { 0x8C, 0x1B }, false },
    { "mov ds, eax",    2, { 0x8E, 0xD8 }, false },
    { "call far [ebx]", 2, { 0xFF, 0x1B }, false },
    { "call far imm",   7, { 0x9A, 0, 0x10, 0, 0, 0x48, 0 }, false },
    { "jmp far [ebx]",  2, { 0xFF, 0x2B }, false },
    { "retf",           1, { 0xCB }, false },
    { "retf 8",         3, { 0xCA, 8, 0 }, false },
    { "int 80h",        2, { 0xCD, 0x80 }, false },
    { "iret",           1, { 0xCF }, false },
    { "lfs eax, [ebx]", 3, { 0x0F, 0xB4, 0x03 }, false },
    { "fnstenv [ebx]",  2, { 0xD9, 0x33 }, false },
    { "fnsave [ebx]",   2, { 0xDD, 0x33 }, false },
    { "fxsave [ebx]",   3, { 0x0F, 0xAE, 0x03 }, false },
};

static void enter(struct fake *f, unsigned ring, uint32_t cr4)
{
    rings_init(f);
    rings_enter(f, ring);
    f->cpu.cr4 |= cr4;
    f->cpu.reg[EBX] = AT_SCRATCH;
    f->cpu.reg[EAX] = DATA(3) | 3;
}

static const char *outcome(unsigned n, unsigned ring, uint32_t cr4)
{
    struct fake f;
    enter(&f, ring, cr4);
    const char *text = rings_outcome(&f, rings_step(&f, cases[n].bytes, cases[n].n));
    fake_done(&f);
    return text;
}

static void umip_takes_five_away_from_outer_rings(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(cases); n++)
        for (unsigned ring = 0; ring < 4; ring++) {
            char plain[64];
            strcpy(plain, outcome(n, ring, 0));
            const char *wanted = cases[n].umip && ring ? "#GP(0)" : plain, *got = outcome(n, ring, CR4_UMIP);
            if (strcmp(wanted, got)) fail_msg("%s in ring %u: wanted %s, got %s", cases[n].what, ring, wanted, got);
        }
}

static void sen_takes_all_sensitive_ones_away(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(cases); n++)
        for (unsigned ring = 0; ring < 4; ring++) {
            char plain[64];
            strcpy(plain, outcome(n, ring, 0));
            const char *wanted = ring ? "#GP(0)" : plain, *got = outcome(n, ring, CR4_SEN);
            if (strcmp(wanted, got)) fail_msg("%s in ring %u: wanted %s, got %s", cases[n].what, ring, wanted, got);
        }
}

/* The same out of blocks, where PUSHF and POPF have fast forms. */
static void blocks_trap_too(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        enter(&f, 1, CR4_SEN);
        uint8_t code[9];
        memcpy(code, cases[n].bytes, cases[n].n);
        code[cases[n].n] = 0x90;
        memcpy(f.ram + f.cpu.eip, code, cases[n].n + 1u);
        assert_int_equal(cpu_run(&f.cpu, 1), CPU_BUDGET);
        if (f.cpu.eip != AT_HANDLER + 16 * VEC_GP) fail_msg("%s does not trap out of a block", cases[n].what);
        fake_done(&f);
    }
}

static void every_sensitive_row_has_a_case(void **state)
{
    (void)state;
    bool seen[MN_COUNT] = { false };
    struct model m;
    assert_true(model_find("p4", &m, NULL));
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct insn i;
        assert_int_equal(insn_decode(cases[n].bytes, cases[n].n, (struct insn_mode){ true }, m.cost, &i), DECODE_OK);
        seen[i.id] = true;
    }
    for (unsigned id = 1; id < MN_COUNT; id++)
        if (insn_desc(id)->sensitivity >= SENS_SILENT && !seen[id]) fail_msg("no case for %s", insn_desc(id)->word);
}

/* In virtual-8086 mode UMIP counts, and SEN for the same instructions only. SDM vol. 2, SGDT. */
static void virtual_8086_mode_knows_the_stores(void **state)
{
    (void)state;
    static const struct { uint32_t cr4; uint8_t n, bytes[3]; const char *wanted; } rows[] = {
        { 0,        3, { 0x0F, 0x01, 0xE0 }, "ok" },     /* smsw ax */
        { CR4_UMIP, 3, { 0x0F, 0x01, 0xE0 }, "#GP(0)" },
        { CR4_SEN,  3, { 0x0F, 0x01, 0xE0 }, "#GP(0)" },
        { CR4_UMIP, 3, { 0x0F, 0x00, 0xC0 }, "#UD" },    /* sldt ax */
        { CR4_SEN,  2, { 0x8C, 0xC8 }, "ok" },           /* mov ax, cs */
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        enter(&f, 3, rows[n].cr4);
        cpu_set_flags(&f.cpu, cpu_flags(&f.cpu) | FLAG_VM | FLAG_IOPL);
        assert_string_equal(rings_outcome(&f, rings_step(&f, rows[n].bytes, rows[n].n)), rows[n].wanted);
        fake_done(&f);
    }
}

/* CR4's bits exist where the model has them, and CPUID says so. */
static void features_are_the_models(void **state)
{
    (void)state;
    static const struct { uint32_t extras, cr4, leaf7; bool known; } rows[] = {
        { 0, CR4_UMIP, 0, false }, { 0, CR4_SEN, 0, false }, { EXTRA_UMIP, CR4_UMIP, FEATURE7_UMIP, true },
        { EXTRA_UMIP, CR4_SEN, FEATURE7_UMIP, false }, { EXTRA_VIRTUALIZABLE, CR4_SEN, FEATURE7_SEN, true },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        uint32_t out[4];
        rings_init(&f);
        f.model.extras = rows[n].extras;
        f.cpu.reg[EAX] = rows[n].cr4;
        assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x22, 0xE0)), rows[n].known ? "jump" : "#GP(0)");
        cpuid_leaf(&f.cpu, 0, out);
        assert_int_equal(out[0], rows[n].extras ? 7 : 5);
        cpuid_leaf(&f.cpu, 7, out);
        if (rows[n].extras) assert_int_equal(out[2], rows[n].leaf7);
        else assert_int_equal(out[0], 0x40); /* the last leaf there is, 5 */
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(umip_takes_five_away_from_outer_rings), cmocka_unit_test(sen_takes_all_sensitive_ones_away),
        cmocka_unit_test(blocks_trap_too), cmocka_unit_test(every_sensitive_row_has_a_case),
        cmocka_unit_test(virtual_8086_mode_knows_the_stores), cmocka_unit_test(features_are_the_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
