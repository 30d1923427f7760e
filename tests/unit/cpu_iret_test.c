/* IRET in protected mode: whereto it may return, what it takes from the frame, which flags it changes for whom
 * (SDM vol. 2, IRET; vol. 3A 6.12.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { DPL3 = 3 << 5 };

static void frame(struct fake *f, uint32_t eip, uint16_t cs, uint32_t flags, uint32_t esp, uint16_t ss)
{
    const uint32_t word[5] = { eip, cs, flags, esp, ss };
    for (unsigned n = 0; n < 5; n++) fake_put32(f, f->cpu.reg[ESP] + 4 * n, word[n]);
}

static void no_change(struct fake *f) { (void)f; }
static void nt(struct fake *f) { cpu_set_flags(&f->cpu, FLAG_NT); fake_put32(f, AT_TSS, SEL_TSS_FREE); }
static void frame_ends(struct fake *f) { f->cpu.seg[SEG_SS].limit = f->cpu.reg[ESP] + 10; cpu_seg_limits(&f->cpu.seg[SEG_SS]); }
static void outer_frame_ends(struct fake *f) { f->cpu.seg[SEG_SS].limit = f->cpu.reg[ESP] + 18; cpu_seg_limits(&f->cpu.seg[SEG_SS]); }
static void short_code3(struct fake *f) { rings_desc(f, CODE(3), 0, 0xFFF, AR_P | AR_S | AR_CODE | DPL3 | AR_DB); }
static void stack_page(struct fake *f) { fake_page(f, f->cpu.reg[ESP], 0); }

static const struct {
    const char *what;
    uint8_t ring;
    uint16_t cs, ss;
    void (*set)(struct fake *f);
    const char *wanted;
} returns[] = {
    { "0 to 0",                     0, SEL_CODE0, 0,                    no_change, "jump" },
    { "0 to 1",                     0, CODE(1) | 1, DATA(1) | 1,        no_change, "jump" },
    { "0 to 3",                     0, CODE(3) | 3, DATA(3) | 3,        no_change, "jump" },
    { "1 to 1",                     1, CODE(1) | 1, 0,                  no_change, "jump" },
    { "1 to 3",                     1, CODE(3) | 3, DATA(3) | 3,        no_change, "jump" },
    { "3 to 3",                     3, CODE(3) | 3, 0,                  no_change, "jump" },
    { "1 to a frame made for 0",    1, SEL_CODE0, 0,                    no_change, "#GP(8)" },
    { "3 to 0",                     3, SEL_CODE0, 0,                    no_change, "#GP(8)" },
    { "3 to 1",                     3, CODE(1) | 1, 0,                  no_change, "#GP(18)" },
    { "CS null",                    0, 0, 0,                            no_change, "#GP(0)" },
    { "CS null with RPL 3",         0, 3, 0,                            no_change, "#GP(0)" },
    { "CS beyond the GDT",          0, SEL_BEYOND, 0,                   no_change, "#GP(C0)" },
    { "CS is data",                 0, SEL_DATA0, 0,                    no_change, "#GP(10)" },
    { "CS is a TSS",                0, SEL_TSS, 0,                      no_change, "#GP(88)" },
    { "CS absent",                  0, SEL_ABSENT_CODE, 0,              no_change, "#NP(58)" },
    { "nonconforming, DPL < RPL",   0, SEL_CODE0 | 3, DATA(3) | 3,      no_change, "#GP(8)" },
    { "nonconforming, DPL > RPL",   0, CODE(3), 0,                      no_change, "#GP(38)" },
    { "conforming 0 with RPL 3",    0, SEL_CONFORMING | 3, DATA(3) | 3, no_change, "jump" },
    { "conforming 2 with RPL 0",    0, SEL_CONFORMING2, 0,              no_change, "#GP(50)" },
    { "outer SS null",              0, CODE(3) | 3, 0,                  no_change, "#GP(0)" },
    { "outer SS beyond the GDT",    0, CODE(3) | 3, SEL_BEYOND | 3,     no_change, "#GP(C0)" },
    { "outer SS with wrong RPL",    0, CODE(3) | 3, DATA(3),            no_change, "#GP(40)" },
    { "outer SS with wrong DPL",    0, CODE(3) | 3, DATA(1) | 3,        no_change, "#GP(20)" },
    { "outer SS read-only",         0, CODE(3) | 3, SEL_READ_ONLY | 3,  no_change, "#GP(68)" },
    { "outer SS is code",           0, CODE(3) | 3, CODE(3) | 3,        no_change, "#GP(38)" },
    { "outer SS absent",            0, CODE(3) | 3, SEL_ABSENT_DATA | 3, no_change, "#SS(60)" },
    { "EIP beyond the limit",       0, CODE(3) | 3, DATA(3) | 3,        short_code3, "#GP(0)" },
    { "frame beyond the stack",     0, SEL_CODE0, 0,                    frame_ends, "#SS(0)" },
    { "outer half beyond the stack", 0, CODE(3) | 3, DATA(3) | 3,       outer_frame_ends, "#SS(0)" },
    { "frame not mapped",           1, CODE(1) | 1, 0,                  stack_page, "#PF(0)" },
    { "NT, the link not busy",      0, SEL_CODE0, 0,                    nt, "#TS(A0)" },
};

static void each_return(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(returns); n++) {
        struct fake f;
        rings_init(&f);
        rings_enter(&f, returns[n].ring);
        uint32_t esp = f.cpu.reg[ESP];
        frame(&f, 0x5432, returns[n].cs, FLAG_ONE, 0x12340, returns[n].ss);
        returns[n].set(&f);
        enum step s = STEP(&f, 0xCF);
        if (strcmp(rings_outcome(&f, s), returns[n].wanted))
            fail_msg("%s: wanted %s, got %s", returns[n].what, returns[n].wanted, rings_outcome(&f, s));
        if (s == STEP_JUMP) {
            unsigned to_ring = returns[n].cs & 3;
            assert_int_equal(f.cpu.eip, 0x5432);
            assert_int_equal(f.cpu.cpl, to_ring);
            assert_int_equal(f.cpu.seg[SEG_CS].sel, returns[n].cs);
            assert_int_equal(f.cpu.reg[ESP], to_ring > returns[n].ring ? 0x12340 : esp + 12);
            if (to_ring > returns[n].ring) { /* data segments of the inner ring do not survive */
                assert_int_equal(f.cpu.seg[SEG_SS].sel, returns[n].ss);
                assert_int_equal(f.cpu.seg[SEG_DS].sel, 0);
                assert_int_equal(f.cpu.seg[SEG_DS].ar, 0);
            }
            assert_int_equal(clock_of_cause(&f.clock, CAUSE_DELIVER), f.model.cost[COST_IRET]);
        }
        fake_done(&f);
    }
}

static void outward_keeps_what_is_visible(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    struct seg_reg outer;
    cpu_seg_set(&outer, DATA(3) | 3, fake_get32(&f, AT_GDT + DATA(3)), fake_get32(&f, AT_GDT + DATA(3) + 4));
    f.cpu.seg[SEG_DS] = outer;
    cpu_seg_set(&f.cpu.seg[SEG_FS], SEL_CONFORMING, fake_get32(&f, AT_GDT + SEL_CONFORMING), fake_get32(&f, AT_GDT + SEL_CONFORMING + 4));
    frame(&f, 0x5432, CODE(3) | 3, 0, 0x12340, DATA(3) | 3);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.cpu.seg[SEG_DS].sel, DATA(3) | 3);
    assert_int_equal(f.cpu.seg[SEG_FS].sel, SEL_CONFORMING); /* conforming code stays */
    assert_int_equal(f.cpu.seg[SEG_ES].sel, 0);
    fake_done(&f);
}

/* Only as much of ESP is loaded as the outer SS.B says; the rest of the inner ESP shines through. */
static void outward_to_16_bit_stack(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint32_t esp = f.cpu.reg[ESP];
    frame(&f, 0x5432, CODE(3) | 3, 0, 0x77770100, SEL_SMALL | 3);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.cpu.reg[ESP], (esp & 0xFFFF0000) | 0x0100);
    fake_done(&f);
}

/* Flags before, IOPL among them; image; what is left. Bit 1 is always set. */
static const struct { const char *what; uint8_t ring; bool wide; uint32_t before, image, after; } flag_cases[] = {
    { "ring 0 takes IF and IOPL",          0, true, 0, FLAG_IF | FLAG_IOPL, FLAG_IF | FLAG_IOPL },
    { "ring 0 clears IF",                  0, true, FLAG_IF | FLAG_IOPL, 0, 0 },
    { "ring 1, IOPL 0: IF kept, silently", 1, true, FLAG_IF, 0, FLAG_IF },
    { "ring 1, IOPL 0: IF not gained",     1, true, 0, FLAG_IF | FLAG_CF, FLAG_CF },
    { "ring 1, IOPL 0: IOPL kept",         1, true, 0, FLAG_IOPL, 0 },
    { "ring 1, IOPL 1: IF taken",          1, true, 1 << 12, FLAG_IF, FLAG_IF | 1 << 12 },
    { "ring 1, IOPL 1: IOPL kept",         1, true, 1 << 12, FLAG_IOPL, 1 << 12 },
    { "ring 3, IOPL 3: IF cleared",        3, true, FLAG_IF | FLAG_IOPL, 0, FLAG_IOPL },
    { "ring 3, IOPL 2: IF kept",           3, true, FLAG_IF | 2 << 12, 0, FLAG_IF | 2 << 12 },
    { "TF, DF, NT, AC, ID, RF anywhere",   3, true, 0, FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID | FLAG_RF,
      FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID | FLAG_RF },
    { "reserved bits: never",              0, true, 0, 0xFFC08028, 0 },
    { "16-bit image: upper half stays",    0, false, FLAG_AC | FLAG_ID, FLAG_IF, FLAG_AC | FLAG_ID | FLAG_IF },
};

static void each_flag_case(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(flag_cases); n++) {
        struct fake f;
        unsigned ring = flag_cases[n].ring;
        rings_init(&f);
        rings_enter(&f, ring);
        cpu_set_flags(&f.cpu, flag_cases[n].before);
        uint16_t cs = (uint16_t)(CODE(ring) | ring);
        if (flag_cases[n].wide) frame(&f, 0x5432, cs, flag_cases[n].image, 0, 0);
        else {
            fake_put32(&f, f.cpu.reg[ESP], 0x5432u | (uint32_t)cs << 16);
            fake_put32(&f, f.cpu.reg[ESP] + 4, flag_cases[n].image);
        }
        assert_int_equal(flag_cases[n].wide ? STEP(&f, 0xCF) : STEP(&f, 0x66, 0xCF), STEP_JUMP);
        assert_int_equal(f.cpu.eip, 0x5432);
        if (cpu_flags(&f.cpu) != (flag_cases[n].after | FLAG_ONE))
            fail_msg("%s: got %x", flag_cases[n].what, cpu_flags(&f.cpu));
        fake_done(&f);
    }
}

/* RF from a frame lasts for one instruction. */
static void rf_expires(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    frame(&f, 0x5432, SEL_CODE0, FLAG_RF, 0, 0);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(cpu_flags(&f.cpu) & FLAG_RF, FLAG_RF);
    assert_int_equal(STEP(&f, 0x90), STEP_OK);
    assert_int_equal(cpu_flags(&f.cpu) & FLAG_RF, 0);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_return), cmocka_unit_test(outward_keeps_what_is_visible),
        cmocka_unit_test(outward_to_16_bit_stack), cmocka_unit_test(each_flag_case), cmocka_unit_test(rf_expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
