/* System instructions: table registers, LDTR and TR, control and debug registers, MSRs, counters, CPUID, HLT,
 * reset and boot states (SDM vol. 2; vol. 3A 2.5, 9.1, 17.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { TSS32_BUSY = 11, TSS32 = 9, LDT = 2 };

static const char *to_cr(struct fake *f, unsigned n, uint32_t v)
{
    f->cpu.reg[EAX] = v;
    return rings_outcome(f, STEP(f, 0x0F, 0x22, (uint8_t)(0xC0 | n << 3)));
}

static uint32_t from_cr(struct fake *f, unsigned n)
{
    f->cpu.reg[EAX] = 0x5A5A5A5A;
    assert_int_equal(STEP(f, 0x0F, 0x20, (uint8_t)(0xC0 | n << 3)), STEP_OK);
    return f->cpu.reg[EAX];
}

/* ---- CR0..CR4: written, outcome, read back; what the MMU was told ---- */

#define BOOT (CR0_PE | CR0_ET)
static const struct {
    const char *what;
    uint8_t cr;
    uint32_t before, value;
    const char *wanted;
    uint32_t after;
    uint8_t flushes, global; /* all flushes, and those of global pages too */
} crs[] = {
    { "CR0: PG on",              0, BOOT, BOOT | CR0_PG, "jump", BOOT | CR0_PG, 1, 1 },
    { "CR0: PG off",             0, BOOT | CR0_PG, BOOT, "jump", BOOT, 1, 1 },
    { "CR0: WP",                 0, BOOT | CR0_PG, BOOT | CR0_PG | CR0_WP, "jump", BOOT | CR0_PG | CR0_WP, 1, 1 },
    { "CR0: PE off",             0, BOOT, CR0_ET, "jump", CR0_ET, 1, 1 },
    { "CR0: PG without PE",      0, BOOT, CR0_PG | CR0_ET, "#GP(0)", BOOT, 0, 0 },
    { "CR0: NW without CD",      0, BOOT, BOOT | CR0_NW, "#GP(0)", BOOT, 0, 0 },
    { "CR0: CD and NW",          0, BOOT, BOOT | CR0_NW | CR0_CD, "jump", BOOT | CR0_NW | CR0_CD, 0, 0 },
    { "CR0: TS does not flush",  0, BOOT, BOOT | CR0_TS | CR0_MP, "jump", BOOT | CR0_TS | CR0_MP, 0, 0 },
    { "CR0: ET stays 1",         0, BOOT, CR0_PE, "jump", BOOT, 0, 0 },
    { "CR0: reserved bits stay 0", 0, BOOT, BOOT | 0x1FFAFFC0, "jump", BOOT, 0, 0 },
    { "CR2",                     2, 0, 0xDEADBEEF, "jump", 0xDEADBEEF, 0, 0 },
    { "CR3: spares globals",     3, 0, 0x12345018, "jump", 0x12345018, 1, 0 },
    { "CR3: reserved bits stay 0", 3, 0, 0x12345FFF, "jump", 0x12345FF8, 1, 0 },
    { "CR4: PSE",                4, 0, CR4_PSE, "jump", CR4_PSE, 1, 1 },
    { "CR4: PGE off",            4, CR4_PGE, 0, "jump", 0, 1, 1 },
    { "CR4: TSD, DE, PCE",       4, 0, CR4_TSD | CR4_DE | CR4_PCE, "jump", CR4_TSD | CR4_DE | CR4_PCE, 0, 0 },
    { "CR4: PAE",                4, 0, CR4_PAE, "jump", CR4_PAE, 1, 1 },
    { "CR4: VME, PVI",           4, 0, CR4_VME | CR4_PVI, "jump", CR4_VME | CR4_PVI, 0, 0 },
    { "CR4: MCE",                4, 0, CR4_MCE, "jump", CR4_MCE, 0, 0 },
    { "CR4: UMIP is not there",  4, 0, 1 << 11, "#GP(0)", 0, 0, 0 },
    { "CR4: bit 31",             4, 0, 1u << 31, "#GP(0)", 0, 0, 0 },
};

static void control_registers(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(crs); n++) {
        struct fake f;
        rings_init(&f);
        uint32_t *reg = crs[n].cr == 0 ? &f.cpu.cr0 : crs[n].cr == 2 ? &f.cpu.cr2 : crs[n].cr == 3 ? &f.cpu.cr3 : &f.cpu.cr4;
        *reg = crs[n].before;
        f.flushes = f.flushes_global = 0;
        const char *got = to_cr(&f, crs[n].cr, crs[n].value);
        if (strcmp(got, crs[n].wanted)) fail_msg("%s: wanted %s, got %s", crs[n].what, crs[n].wanted, got);
        assert_int_equal(f.flushes, crs[n].flushes);
        assert_int_equal(f.flushes_global, crs[n].global);
        if (from_cr(&f, crs[n].cr) != crs[n].after) fail_msg("%s: reads %x", crs[n].what, f.cpu.reg[EAX]);
        if (!strcmp(got, "jump") && crs[n].cr != 2)
            assert_true(f.cr0 == f.cpu.cr0 && f.cr3 == f.cpu.cr3 && f.cr4 == f.cpu.cr4);
        fake_done(&f);
    }
}

static void missing_registers(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3); /* #UD comes before the privilege check */
    static const uint8_t none[] = { 1, 5, 6, 7 };
    for (unsigned n = 0; n < COUNT(none); n++) {
        assert_string_equal(to_cr(&f, none[n], 0), "#UD");
        assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x20, (uint8_t)(0xC0 | none[n] << 3))), "#UD");
    }
    fake_done(&f);
}

static void cr3_is_told(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint32_t eip = f.cpu.eip;
    assert_string_equal(to_cr(&f, 3, 0x7000), "jump");
    const struct event *e = trace_at(f.trace, trace_count(f.trace) - 1);
    assert_int_equal(e->kind, EV_CR3);
    assert_int_equal(e->u.CR3.value, 0x7000);
    assert_int_equal(e->eip, eip);
    assert_int_equal(f.cpu.eip, eip + 3);
    fake_done(&f);
}

static void lmsw_smsw_clts(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.cr0 |= CR0_NE | CR0_TS | CR0_PG;
    f.cpu.reg[EAX] = CR0_MP | CR0_EM | CR0_NE; /* PE cannot be cleared; NE is out of reach; TS goes */
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0xF0), STEP_JUMP);
    assert_int_equal(f.cpu.cr0, CR0_PE | CR0_ET | CR0_MP | CR0_EM | CR0_NE | CR0_PG);
    f.cpu.reg[ECX] = 0;
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0xE1), STEP_OK); /* smsw ecx */
    assert_int_equal(f.cpu.reg[ECX], f.cpu.cr0);
    f.cpu.reg[ECX] = 0x5A5A5A5A;
    assert_int_equal(STEP(&f, 0x66, 0x0F, 0x01, 0xE1), STEP_OK); /* smsw cx */
    assert_int_equal(f.cpu.reg[ECX], 0x5A5A0000 | (f.cpu.cr0 & 0xFFFF));
    fake_put32(&f, AT_SCRATCH, 0x5A5A5A5A);
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0x25, 0, 0, 2, 0), STEP_OK); /* smsw [20000h]: two bytes */
    assert_int_equal(fake_get32(&f, AT_SCRATCH), 0x5A5A0000 | (f.cpu.cr0 & 0xFFFF));
    f.cpu.cr0 |= CR0_TS;
    assert_int_equal(STEP(&f, 0x0F, 0x06), STEP_JUMP);
    assert_int_equal(f.cpu.cr0 & CR0_TS, 0);
    f.cpu.cr0 &= ~(uint32_t)CR0_PE;
    f.cpu.cr0 &= ~CR0_PG;
    f.cpu.reg[EAX] = CR0_PE;
    f.flushes = 0;
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0xF0), STEP_JUMP); /* the 286's way into protected mode */
    assert_true(f.cpu.cr0 & CR0_PE);
    assert_int_equal(f.flushes, 1);
    fake_done(&f);
}

/* ---- GDTR, IDTR ---- */

static void table_registers(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    fake_put32(&f, AT_SCRATCH, 0x5678FFEE);
    fake_put32(&f, AT_SCRATCH + 4, 0x00001234);
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0x15, 0, 0, 2, 0), STEP_OK); /* lgdt */
    assert_int_equal(f.cpu.gdtr.limit, 0xFFEE);
    assert_int_equal(f.cpu.gdtr.base, 0x12345678);
    assert_int_equal(STEP(&f, 0x66, 0x0F, 0x01, 0x1D, 0, 0, 2, 0), STEP_OK); /* lidt, 16-bit: 24 bits of base */
    assert_int_equal(f.cpu.idtr.limit, 0xFFEE);
    assert_int_equal(f.cpu.idtr.base, 0x00345678);
    fake_put32(&f, AT_SCRATCH + 0x14, 0xAAAAAAAA);
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0x05, 0x10, 0, 2, 0), STEP_OK); /* sgdt */
    assert_int_equal(fake_get32(&f, AT_SCRATCH + 0x10), 0x5678FFEE);
    assert_int_equal(fake_get32(&f, AT_SCRATCH + 0x14), 0xAAAA1234);
    assert_int_equal(STEP(&f, 0x0F, 0x01, 0x0D, 0x20, 0, 2, 0), STEP_OK); /* sidt */
    assert_int_equal(fake_get32(&f, AT_SCRATCH + 0x20), 0x5678FFEE);
    fake_page(&f, AT_SCRATCH + 0x1000, 0);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0x15, 0xFC, 0x0F, 2, 0)), "#PF(0)");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0x05, 0xFC, 0x0F, 2, 0)), "#PF(2)"); /* nothing stored */
    static const uint8_t registers[] = { 0xC0, 0xCA, 0xD0, 0xD8 };
    for (unsigned n = 0; n < COUNT(registers); n++)
        assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, registers[n])), "#UD");
    fake_done(&f);
}

/* ---- LDTR, TR ---- */

static void ldt_absent(struct fake *f) { rings_desc(f, SEL_SCRATCH, 0, 0xF, LDT); }
static void tss_absent(struct fake *f) { rings_desc(f, SEL_SCRATCH, 0, 0x67, TSS32); }
static void tss_busy(struct fake *f) { rings_desc(f, SEL_SCRATCH, 0, 0x67, AR_P | TSS32_BUSY); }
static void none(struct fake *f) { (void)f; }

static const struct { const char *what; bool tr; uint16_t sel; void (*set)(struct fake *f); const char *wanted; } systems[] = {
    { "lldt",                  false, SEL_LDT, none, "ok" },
    { "lldt with RPL",         false, SEL_LDT | 3, none, "ok" },
    { "lldt null",             false, 0, none, "ok" },
    { "lldt in the LDT",       false, SEL_LDT | 4, none, "#GP(94)" },
    { "lldt beyond",           false, SEL_BEYOND, none, "#GP(C0)" },
    { "lldt of a TSS",         false, SEL_TSS_FREE, none, "#GP(A0)" },
    { "lldt of data",          false, SEL_DATA0, none, "#GP(10)" },
    { "lldt absent",           false, SEL_SCRATCH, ldt_absent, "#NP(A8)" },
    { "ltr",                   true, SEL_TSS_FREE, none, "ok" },
    { "ltr 16-bit",            true, SEL_TSS16, none, "ok" },
    { "ltr null",              true, 0, none, "#GP(0)" },
    { "ltr null with RPL",     true, 2, none, "#GP(0)" },
    { "ltr in the LDT",        true, SEL_TSS_FREE | 4, none, "#GP(A4)" },
    { "ltr beyond",            true, SEL_BEYOND, none, "#GP(C0)" },
    { "ltr of data",           true, SEL_DATA0, none, "#GP(10)" },
    { "ltr of an LDT",         true, SEL_LDT, none, "#GP(90)" },
    { "ltr busy",              true, SEL_SCRATCH, tss_busy, "#GP(A8)" },
    { "ltr absent",            true, SEL_SCRATCH, tss_absent, "#NP(A8)" },
};

static void ldtr_tr(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(systems); n++) {
        struct fake f;
        rings_init(&f);
        systems[n].set(&f);
        f.cpu.reg[EAX] = systems[n].sel;
        enum step s = STEP(&f, 0x0F, 0x00, systems[n].tr ? 0xD8 : 0xD0);
        if (strcmp(rings_outcome(&f, s), systems[n].wanted))
            fail_msg("%s: wanted %s, got %s", systems[n].what, systems[n].wanted, rings_outcome(&f, s));
        if (s == STEP_OK) {
            assert_int_equal(STEP(&f, 0x0F, 0x00, systems[n].tr ? 0xC8 : 0xC0), STEP_OK); /* str, sldt eax */
            assert_int_equal(f.cpu.reg[EAX], systems[n].sel);
            if (systems[n].tr) { /* busy: in memory and in the register; a second LTR refuses it */
                assert_true(fake_get8(&f, AT_GDT + systems[n].sel + 5) & 2);
                assert_true(f.cpu.tr.ar & 2);
                assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, 0xD8)), systems[n].sel == SEL_TSS16 ? "#GP(98)" : "#GP(A0)");
            }
        }
        fake_done(&f);
    }
}

static void null_ldt_has_no_descriptors(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = 0;
    assert_int_equal(STEP(&f, 0x0F, 0x00, 0xD0), STEP_OK);
    f.cpu.reg[EAX] = SEL_LDT_DATA | 8;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x8E, 0xD8)), "#GP(C)");
    f.cpu.cr0 &= ~(uint32_t)CR0_PE; /* and in real mode there are no such instructions */
    static const uint8_t reg[] = { 0xC0, 0xC8, 0xD0, 0xD8 };
    for (unsigned n = 0; n < COUNT(reg); n++) assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x00, reg[n])), "#UD");
    fake_done(&f);
}

/* ---- debug registers ---- */

static void debug_registers(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    static const struct { uint8_t n; uint32_t value, after; } cases[] = {
        { 0, 0x12345678, 0x12345678 }, { 3, 0xFFFFFFFF, 0xFFFFFFFF }, { 6, 0, 0xFFFF0FF0 }, { 6, 0xFFFFFFFF, 0xFFFFEFFF },
        { 4, 0, 0xFFFF0FF0 }, { 7, 0, 0x400 }, { 5, 0xFFFF07FF, 0xFFFF07FF }, { 7, 0xDFFF, 0x07FF },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        f.cpu.reg[EAX] = cases[n].value;
        assert_int_equal(STEP(&f, 0x0F, 0x23, (uint8_t)(0xC0 | cases[n].n << 3)), STEP_JUMP);
        assert_int_equal(STEP(&f, 0x0F, 0x21, (uint8_t)(0xC1 | cases[n].n << 3)), STEP_OK);
        assert_int_equal(f.cpu.reg[ECX], cases[n].after);
    }
    f.cpu.cr4 |= CR4_DE;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x21, 0xE0)), "#UD"); /* dr4 */
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x23, 0xE8)), "#UD"); /* dr5 */
    f.cpu.dr[7] |= 1 << 13;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x21, 0xC0)), "#DB");
    assert_int_equal(f.cpu.fault.addr, 1 << 13);
    rings_enter(&f, 3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x21, 0xC0)), "#GP(0)"); /* privilege comes first */
    fake_done(&f);
}

/* ---- counters (MSRs: cpu_msr_test.c) ---- */

static uint64_t rdtsc(struct fake *f)
{
    assert_int_equal(STEP(f, 0x0F, 0x31), STEP_OK);
    return (uint64_t)f->cpu.reg[EDX] << 32 | f->cpu.reg[EAX];
}

static void time_stamp(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.clock.now = f.clock.since = f.clock.by_cause[CAUSE_KERNEL] = 0x5000000123;
    f.cpu.tsc_base = 0;
    uint64_t first = rdtsc(&f);
    assert_true(first >= 0x5000000123 && first < 0x5000001000);
    f.clock.now += 1000;
    uint64_t second = rdtsc(&f);
    assert_true(second >= first + 1000);
    f.cpu.reg[ECX] = 0x10;
    f.cpu.reg[EDX] = 7;
    f.cpu.reg[EAX] = 9;
    assert_int_equal(STEP(&f, 0x0F, 0x30), STEP_OK);
    uint64_t third = rdtsc(&f);
    assert_true(third >= 0x700000009 && third < 0x700001000);
    fake_done(&f);
}

static const struct { const char *what; uint8_t ring; uint32_t cr4; uint8_t op; uint32_t ecx; const char *wanted; } counters[] = {
    { "rdtsc in ring 3",          3, 0, 0x31, 0, "ok" },
    { "rdtsc in ring 3, TSD",     3, CR4_TSD, 0x31, 0, "#GP(0)" },
    { "rdtsc in ring 1, TSD",     1, CR4_TSD, 0x31, 0, "#GP(0)" },
    { "rdtsc in ring 0, TSD",     0, CR4_TSD, 0x31, 0, "ok" },
    { "rdpmc in ring 0",          0, 0, 0x33, 0, "ok" },
    { "rdpmc in ring 3",          3, 0, 0x33, 0, "#GP(0)" },
    { "rdpmc in ring 3, PCE",     3, CR4_PCE, 0x33, 17, "ok" },
    { "rdpmc of the fast kind",   0, 0, 0x33, 0x80000011, "ok" },
    { "rdpmc of no counter",      0, 0, 0x33, 18, "#GP(0)" },
};

static void who_may_count(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(counters); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, counters[n].ring);
        f.cpu.cr4 = counters[n].cr4;
        f.cpu.reg[ECX] = counters[n].ecx;
        const char *got = rings_outcome(&f, STEP(&f, 0x0F, counters[n].op));
        if (strcmp(got, counters[n].wanted)) fail_msg("%s: wanted %s, got %s", counters[n].what, counters[n].wanted, got);
        fake_done(&f);
    }
}

/* ---- HLT, x87, INVLPG ---- */

static void halt(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint32_t eip = f.cpu.eip;
    assert_int_equal(STEP(&f, 0xF4), STEP_HALT);
    assert_true(f.cpu.halted);
    assert_int_equal(f.cpu.eip, eip + 1);
    const struct event *e = trace_at(f.trace, trace_count(f.trace) - 1);
    assert_int_equal(e->kind, EV_HALT);
    assert_int_equal(e->eip, eip);
    fake_done(&f);
}

static void x87(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xD9, 0xE8)), "ok"); /* fld1 */
    f.cpu.cr0 |= CR0_EM;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xD9, 0xE8)), "#NM");
    f.cpu.cr0 ^= CR0_EM | CR0_TS;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xDB, 0xE3)), "#NM"); /* fninit */
    fake_done(&f);
}

static void invlpg(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.reg[EAX] = SEL_SMALL;
    assert_int_equal(STEP(&f, 0x8E, 0xE0), STEP_OK); /* mov fs, ax: base 20000 */
    assert_int_equal(STEP(&f, 0x64, 0x0F, 0x01, 0x3D, 0x34, 0x12, 0, 0), STEP_JUMP); /* invlpg fs:[1234h]: no limit check */
    assert_int_equal(f.invlpgs, 1);
    assert_int_equal(f.invlpg_at, 0x21234);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0x0F, 0x01, 0xF8)), "#UD");
    fake_done(&f);
}

/* CLFLUSH faults as a load does, hints not at all, whatever their operand; LOCK is never allowed. */
static void hints_and_clflush(void **state)
{
    (void)state;
    static const struct { const char *bytes, *wanted; } cases[] = {
        { "\x0F\xAE\x3B", "ok" }, { "\x0F\xAE\x3E", "#PF(4)" }, { "\x64\x0F\xAE\x3B", "#GP(0)" },
        { "\x2E\x0F\xAE\x3B", "ok" }, { "\x0F\xAE\xF8", "#UD" }, { "\xF0\x0F\xAE\x3B", "#UD" },
        { "\x0F\x18\x06", "ok" }, { "\x0F\x0D\x0E", "ok" }, { "\x0F\x1A\x06", "ok" }, { "\x0F\x1B\x06", "ok" },
        { "\x0F\x1C\x06", "ok" }, { "\x0F\x1E\xFA", "ok" }, { "\x64\x0F\x1F\x06", "ok" }, { "\xF0\x0F\x18\x06", "#UD" },
        { "\x0F\xB9\x06", "#UD" }, { "\x0F\xFF\x06", "#UD" }, { "\x0F\xAA\x06", "#UD" }, { "\x0F\x01\xC8", "#UD" },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, 3);
        f.cpu.reg[EBX] = AT_SCRATCH;
        f.cpu.reg[ESI] = AT_SCRATCH + 0x1000;
        f.cpu.seg[SEG_FS] = (struct seg_reg){ 0 };
        fake_page(&f, AT_SCRATCH + 0x1000, 0);
        const char *got = rings_outcome(&f, rings_step(&f, cases[n].bytes, 4));
        if (strcmp(got, cases[n].wanted)) fail_msg("case %u: wanted %s, got %s", n, cases[n].wanted, got);
        fake_done(&f);
    }
}

/* Fences are not there, as CPUID says; cpu.fences=1 gives them to kernels that do not look. They have no memory operand and take no LOCK. */
static void fences(void **state)
{
    (void)state;
    static const char *const bytes[] = { "\x0F\xAE\xE8", "\x0F\xAE\xF0", "\x0F\xAE\xF8" };
    for (unsigned n = 0; n < 2 * COUNT(bytes); n++) {
        struct fake f;
        struct model with;
        rings_init(&f);
        with = *f.cpu.model;
        if (n & 1) with.extras |= EXTRA_FENCES;
        f.cpu.model = &with;
        rings_enter(&f, 3);
        assert_string_equal(rings_outcome(&f, rings_step(&f, bytes[n / 2], 3)), n & 1 ? "ok" : "#UD");
        assert_string_equal(rings_outcome(&f, STEP(&f, 0xF0, 0x0F, 0xAE, 0xF0)), "#UD");
        fake_done(&f);
    }
}

/* ---- reset, boot, register table ---- */

static void reset_state(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    f.cpu.cr4 = CR4_PSE;
    f.cpu.shutdown = f.cpu.halted = true;
    cpu_reset(&f.cpu);
    const struct cpu *c = &f.cpu;
    assert_int_equal(c->eip, 0xFFF0);
    assert_int_equal(c->seg[SEG_CS].sel, 0xF000);
    assert_int_equal(c->seg[SEG_CS].base, 0xFFFF0000);
    assert_int_equal(c->seg[SEG_CS].limit, 0xFFFF);
    assert_int_equal(c->seg[SEG_DS].base, 0);
    assert_int_equal(c->seg[SEG_DS].wr_end, 0xFFFD);
    assert_int_equal(c->cr0, 0x60000010);
    assert_int_equal(c->cr4, 0);
    assert_int_equal(c->reg[EDX], 0xF43);
    assert_int_equal(cpu_flags(c), 2);
    assert_int_equal(c->dr[6], 0xFFFF0FF0);
    assert_int_equal(c->dr[7], 0x400);
    assert_int_equal(c->idtr.limit, 0xFFFF);
    assert_int_equal(c->cpl, 0);
    assert_false(c->shutdown || c->halted);
    assert_int_equal(f.cr0, 0x60000010);
    cpu_boot_flat(&f.cpu, 0x100000, 0x2BADB002, 0x9500);
    assert_int_equal(c->eip, 0x100000);
    assert_int_equal(c->reg[EAX], 0x2BADB002);
    assert_int_equal(c->reg[EBX], 0x9500);
    assert_int_equal(c->idtr.base, 0); /* as the BIOS leaves it, for who goes back to real mode */
    assert_int_equal(c->idtr.limit, 0x3FF);
    assert_int_equal(c->cr0, CR0_PE | CR0_ET);
    assert_int_equal(c->seg[SEG_CS].limit, 0xFFFFFFFF);
    assert_int_equal(c->seg[SEG_SS].wr_end, 0xFFFFFFFD);
    fake_done(&f);
}

static void register_table(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    static const struct { const char *name; uint64_t value; } cases[] = {
        { "cs", CODE(3) | 3 }, { "cpl", 3 }, { "eip", FAKE_CODE }, { "gdtr.base", AT_GDT }, { "gdtr.limit", SEL_LAST + 7 },
        { "idtr.base", AT_IDT }, { "idtr.limit", 0x7FF }, { "tr", SEL_TSS }, { "ldtr", SEL_LDT }, { "cr0", CR0_PE | CR0_ET },
        { "esp", AT_STACK + 0x3000 - 0x400 },
    };
    for (unsigned n = 0; n < COUNT(cases); n++) {
        const struct reg_desc *r = reg_find(cpu_regs, cases[n].name);
        assert_non_null(r);
        assert_int_equal(reg_read(r, &f.cpu), cases[n].value);
    }
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_registers), cmocka_unit_test(missing_registers), cmocka_unit_test(cr3_is_told),
        cmocka_unit_test(lmsw_smsw_clts), cmocka_unit_test(table_registers), cmocka_unit_test(ldtr_tr),
        cmocka_unit_test(null_ldt_has_no_descriptors), cmocka_unit_test(debug_registers),
        cmocka_unit_test(time_stamp), cmocka_unit_test(who_may_count), cmocka_unit_test(halt), cmocka_unit_test(hints_and_clflush), cmocka_unit_test(fences),
        cmocka_unit_test(x87), cmocka_unit_test(invlpg),
        cmocka_unit_test(reset_state), cmocka_unit_test(register_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
