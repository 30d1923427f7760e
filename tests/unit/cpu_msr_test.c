/* Model-specific registers by their rules, performance counters, CPUID, and what RESET and INIT leave (SDM vol. 4;
 * vol. 2, CPUID; vol. 3A 9.1, 11.11; vol. 3B 18). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/cpuid.h"
#include "sim/cpu/debug.h"
#include "sim/cpu/perf.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define SAME UINT64_MAX /* the value written is what is read */
#define NONE (UINT64_MAX - 1)

static bool write_msr(struct fake *f, uint32_t msr, uint64_t v)
{
    f->cpu.reg[ECX] = msr;
    f->cpu.reg[EAX] = (uint32_t)v;
    f->cpu.reg[EDX] = (uint32_t)(v >> 32);
    enum step s = STEP(f, 0x0F, 0x30);
    if (s == STEP_FAULT) assert_string_equal(rings_outcome(f, s), "#GP(0)");
    return s != STEP_FAULT;
}

static uint64_t read_msr(struct fake *f, uint32_t msr)
{
    f->cpu.reg[ECX] = msr;
    enum step s = STEP(f, 0x0F, 0x32);
    if (s == STEP_FAULT) assert_string_equal(rings_outcome(f, s), "#GP(0)");
    return s == STEP_FAULT ? NONE : (uint64_t)f->cpu.reg[EDX] << 32 | f->cpu.reg[EAX];
}

/* After reset it reads `reset`; then `value` is written; NONE: #GP(0). */
static const struct { const char *what; uint32_t msr; uint64_t reset, value, after; } rules[] = {
    { "no such register",          0x177, NONE, 0, NONE },
    { "none between rows",         0x20, NONE, 0, NONE },
    { "EFER",                      0xC0000080, NONE, 0, NONE },
    { "beyond the last",           0x410, NONE, 0, NONE },
    { "P5_MC_ADDR",                0x000, 0, 0, SAME },
    { "P5_MC_TYPE, not 0",         0x001, 0, 1, NONE },
    { "PLATFORM_ID",               0x017, 0, 0, NONE },
    { "FREQUENCY_ID",              0x02C, 0x13020000, 0x13020000, NONE },
    { "SYSENTER_CS",               0x174, 0, 0x12345678, SAME },
    { "SYSENTER_ESP: a word",      0x175, 0, 0x1122334455667788, 0x55667788 },
    { "SYSENTER_EIP",              0x176, 0, 0xFFFFFFFF, SAME },
    { "microcode update",          0x079, NONE, 0x1000, NONE - 1 },
    { "MTRRcap",                   0x0FE, 0x508, 0x508, NONE },
    { "MCG_CAP",                   0x179, 4, 4, NONE },
    { "MCG_STATUS",                0x17A, 0, 5, SAME },
    { "MCG_STATUS, reserved",      0x17A, 0, 8, NONE },
    { "no MCG_CTL",                0x17B, NONE, 0, NONE },
    { "MC0_CTL",                   0x400, 0, 0xFFFFFFFFFFFFFFF0, SAME },
    { "MC0_STATUS, cleared",       0x401, 0, 0, SAME },
    { "MC3_STATUS, not 0",         0x40D, 0, 1, NONE },
    { "no MC0_MISC",               0x403, NONE, 0, NONE },
    { "MISC_ENABLE",               0x1A0, 0x1889, 0x1888, SAME },
    { "MISC_ENABLE, read only",    0x1A0, 0x1889, 0x1, 0x1881 },
    { "MISC_ENABLE, reserved",     0x1A0, 0x1889, 0x2, NONE },
    { "variable base, WB",         0x200, 0, 0xF00000006, SAME },
    { "variable base, type 2",     0x200, 0, 2, NONE },
    { "variable base, 37th bit",   0x200, 0, 0x1000000006, NONE },
    { "variable base, bit 11",     0x20E, 0, 0x806, NONE },
    { "variable mask",             0x201, 0, 0xFF8000800, SAME },
    { "variable mask, bit 0",      0x20F, 0, 0xFF8000801, NONE },
    { "no ninth range",            0x210, NONE, 0, NONE },
    { "fixed, all types",          0x250, 0, 0x0001040506060504, SAME },
    { "fixed, a type 7",           0x26F, 0, 0x0600000007000000, NONE },
    { "PAT",                       0x277, 0x0007040600070406, 0x0706050401000706, SAME },
    { "PAT, type 2",               0x277, 0x0007040600070406, 0x0200000000000000, NONE },
    { "PAT, bit 3",                0x277, 0x0007040600070406, 0x08, NONE },
    { "MTRR default",              0x2FF, 0, 0xC06, SAME },
    { "MTRR default, type 3",      0x2FF, 0, 0xC03, NONE },
    { "MTRR default, bit 9",       0x2FF, 0, 0x200, NONE },
    { "APIC_BASE without an APIC", 0x01B, 0xFEE00100, 0xFEE00900, 0xFEE00100 },
    { "APIC_BASE moves",           0x01B, 0xFEE00100, 0xC0000000, 0xC0000100 }, /* the bootstrap flag stays */
    { "APIC_BASE, reserved",       0x01B, 0xFEE00100, 0xFEE00101, NONE },
    { "APIC_BASE, beyond 4 GB",    0x01B, 0xFEE00100, 0x1FEE00100, NONE },
    { "a counter has 40 bits",     0x300, 0, UINT64_MAX >> 1, 0xFFFFFFFFFF },
    { "no counter 18",             0x312, NONE, 0, NONE },
    { "no ESCR there",             0x3E2, NONE, 0, NONE },
};

static void by_the_rules(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(rules); n++) {
        struct fake f;
        rings_init(&f);
        uint64_t reset = read_msr(&f, rules[n].msr), wanted = rules[n].after == SAME ? rules[n].value : rules[n].after;
        if (reset != rules[n].reset) fail_msg("%s: %llx after reset", rules[n].what, (unsigned long long)reset);
        bool works = write_msr(&f, rules[n].msr, rules[n].value);
        if (works != (rules[n].after != NONE)) fail_msg("%s: written: %d", rules[n].what, works);
        uint64_t after = read_msr(&f, rules[n].msr);
        if (works && rules[n].reset != NONE && after != wanted) fail_msg("%s: reads %llx", rules[n].what, (unsigned long long)after);
        if (!works && after != reset) fail_msg("%s: refused, and changed to %llx", rules[n].what, (unsigned long long)after);
        for (unsigned ring = 1; ring < 4; ring++) {
            rings_enter(&f, ring);
            assert_false(write_msr(&f, rules[n].msr, 0));
            assert_true(read_msr(&f, rules[n].msr) == NONE);
        }
        fake_done(&f);
    }
}

static void signature(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_true(write_msr(&f, 0x8B, 0));
    f.cpu.reg[EAX] = 1;
    assert_int_equal(STEP(&f, 0x0F, 0xA2), STEP_OK);
    assert_true(read_msr(&f, 0x8B) >> 32 != 0 && (uint32_t)read_msr(&f, 0x8B) == 0);
    fake_done(&f);
}

/* ---- counters ---- */

static uint64_t rdpmc(struct fake *f, uint32_t n)
{
    f->cpu.reg[ECX] = n;
    assert_int_equal(STEP(f, 0x0F, 0x33), STEP_OK);
    return (uint64_t)f->cpu.reg[EDX] << 32 | f->cpu.reg[EAX];
}

enum { OS_USR = 0xC, ENABLE = 1 << 12, ALWAYS = 15 << 20 | 1 << 19 | 1 << 18 };

static void counting(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_true(write_msr(&f, 0x3B8, 0x02u << 25 | OS_USR)); /* CRU_ESCR0: INSTR_RETIRED */
    assert_true(write_msr(&f, 0x36C, 4 << 13 | 3 << 16));     /* IQ_CCCR0, not yet enabled */
    assert_true(write_msr(&f, 0x30C, 0xFFFFFFFFFE));          /* two before it overflows */
    assert_true(rdpmc(&f, 12) == 0xFFFFFFFFFE);
    assert_true(write_msr(&f, 0x36C, ENABLE | 4 << 13 | 3 << 16));
    uint64_t first = rdpmc(&f, 12); /* the WRMSR before it; itself has not retired */
    assert_true(first == 0xFFFFFFFFFF);
    for (unsigned k = 0; k < 5; k++) STEP(&f, 0x90);
    assert_true(rdpmc(&f, 12) == 5);
    assert_true(read_msr(&f, 0x30C) == 6);
    assert_true(rdpmc(&f, 13) == 0);
    assert_true(write_msr(&f, 0x36C, 4 << 13 | 3 << 16)); /* it stops, and keeps its value */
    uint64_t stopped = rdpmc(&f, 12);
    STEP(&f, 0x90);
    assert_true(rdpmc(&f, 12) == stopped);

    assert_true(write_msr(&f, 0x36C, ENABLE | ALWAYS | 4 << 13)); /* cycles */
    uint64_t before = rdpmc(&f, 12);
    f.clock.now += 0x100000005;
    assert_true(rdpmc(&f, 12) == before + 0x100000005);
    assert_true(rdpmc(&f, 12 | 1u << 31) == ((before + 5) & 0xFFFFFFFF));
    assert_true(write_msr(&f, 0x3A2, 0x13u << 25 | OS_USR)); /* FSB_ESCR0: GLOBAL_POWER_EVENTS */
    assert_true(write_msr(&f, 0x360, ENABLE | 6 << 13));
    before = rdpmc(&f, 0);
    f.clock.now += 77;
    assert_true(rdpmc(&f, 0) == before + 77);
    fake_done(&f);
}

/* ---- CPUID ---- */

static void cpuid(void **state)
{
    (void)state;
    enum { P4 = 0x0189B9BC & ~(FEATURE_APIC) };
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    static const struct { uint32_t leaf, out[4]; } cases[] = { /* EAX, EBX, ECX, EDX */
        { 0, { 5, 0x756E6547, 0x6C65746E, 0x49656E69 } },
        { 1, { 0xF43, 0x800, 0x28, 0 } }, /* ECX: VMX, MONITOR; EDX: below */
        { 2, { 0x005B5101, 0, 0, 0x40 } },
        { 3, { 0, 0, 0, 0 } }, { 4, { 0, 0, 0, 0 } }, { 5, { 0x40, 0x40, 0, 0 } },
        { 6, { 0x40, 0x40, 0, 0 } }, /* beyond the last: the last */
        { 0x80000000, { 0x80000008, 0, 0, 0 } },
        { 0x80000001, { 0, 0, 0, 0 } },
        { 0x80000002, { 0x676E6952, 0x65646973, 0x00347020, 0 } }, /* "Ring" "side" " p4" */
        { 0x80000004, { 0, 0, 0, 0 } },
        { 0x80000006, { 0, 0, 0, 0 } },
        { 0x80000008, { 0x2024, 0, 0, 0 } },
        { 0x80000009, { 0x40, 0x40, 0, 0 } },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        f.cpu.reg[EAX] = cases[n].leaf;
        assert_int_equal(STEP(&f, 0x0F, 0xA2), STEP_OK);
        const uint32_t got[4] = { f.cpu.reg[EAX], f.cpu.reg[EBX], f.cpu.reg[ECX], f.cpu.reg[EDX] };
        for (unsigned k = 0; k < 4; k++)
            if (cases[n].leaf == 1 && k == 3) assert_int_equal(got[k] & (uint32_t)P4, P4);
            else if (got[k] != cases[n].out[k]) fail_msg("leaf %x, word %u: %x", cases[n].leaf, k, got[k]);
    }
    f.model.without = FEATURE_SEP;
    assert_false(cpuid_has(&f.cpu, FEATURE_SEP));
    fake_done(&f);
}

/* ---- RESET and INIT ---- */

static void reset_and_init(void **state)
{
    (void)state;
    for (unsigned hard = 0; hard < 2; hard++) {
        struct fake f;
        rings_init(&f);
        struct cpu *c = &f.cpu;
        assert_true(write_msr(&f, 0x277, 6));
        assert_true(write_msr(&f, 0x175, 0x1234));
        STEP(&f, 0xDB, 0xE3); /* fninit */
        STEP(&f, 0xD9, 0xE8); /* fld1 */
        c->cr0 |= CR0_CD;
        c->dr[0] = 5;
        debug_set(c, 7, 1);
        f.clock.now += 1000;
        if (hard) cpu_reset(c);
        else cpu_reset_soft(c);
        assert_int_equal(c->cr0, hard ? CR0_CD | CR0_NW | CR0_ET : CR0_CD | CR0_ET);
        assert_int_equal(c->eip, 0xFFF0);
        assert_int_equal(c->seg[SEG_CS].base, 0xFFFF0000);
        assert_int_equal(c->reg[EDX], 0xF43);
        assert_int_equal(c->dr[0], 0);
        assert_int_equal(c->dr[6], 0xFFFF0FF0);
        assert_int_equal(c->dr[7], 0x400);
        assert_int_equal(c->ldtr.limit, 0xFFFF);
        assert_int_equal(c->tr.limit, 0xFFFF);
        assert_int_equal(c->idtr.limit, 0xFFFF);
        assert_int_equal(cpu_flags(c), 2);
        uint64_t pat = 0, esp = 0, tsc = 0;
        assert_true(msr_read(c, 0x277, &pat) && msr_read(c, 0x175, &esp) && msr_read(c, 0x10, &tsc));
        assert_true(pat == (hard ? 0x0007040600070406 : 6));
        assert_true(esp == (hard ? 0 : 0x1234));
        assert_true((tsc < 900) == hard);
        assert_int_equal(c->fpu.status >> 11 & 7, hard ? 0 : 7); /* TOP */
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_rules), cmocka_unit_test(signature), cmocka_unit_test(counting), cmocka_unit_test(cpuid),
        cmocka_unit_test(reset_and_init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
