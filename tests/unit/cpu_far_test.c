/* Far CALL, JMP and RET: direct, indirect, through call gates with stack switch and parameters, back outward
 * (SDM vol. 2; vol. 3A 5.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { CALL16 = 4, TASK = 5, CALL32 = 12, INT32 = 14, DPL3 = 3 << 5 };
enum { CODE_AR = AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB | AR_G };
enum { JMP = 0xEA, CALL = 0x9A };
enum { TARGET = 0x5432 };

static enum step far(struct fake *f, uint8_t op, uint32_t offset, uint16_t sel)
{
    return STEP(f, op, (uint8_t)offset, (uint8_t)(offset >> 8), (uint8_t)(offset >> 16), (uint8_t)(offset >> 24), (uint8_t)sel,
                (uint8_t)(sel >> 8));
}

static void call_gate(struct fake *f, unsigned ar, uint16_t sel, unsigned params)
{
    rings_gate(f, AT_GDT + SEL_SCRATCH, ar, sel, TARGET, params);
}

static void none(struct fake *f) { (void)f; }
static void short_limit(struct fake *f) { rings_desc(f, CODE(3), 0, TARGET - 1, AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB | DPL3); }
static void no_stack(struct fake *f) { f->cpu.reg[ESP] = 6; f->cpu.seg[SEG_SS].limit = 0xFFFFF; cpu_seg_limits(&f->cpu.seg[SEG_SS]); }
static void stack_unmapped(struct fake *f) { fake_page(f, f->cpu.reg[ESP] - 4, 0); }
static void task_gate_busy(struct fake *f)
{
    rings_desc(f, SEL_TSS, AT_TSS, 0x67, AR_P | 11);
    call_gate(f, AR_P | TASK | DPL3, SEL_TSS, 0);
}
static void task_gate_absent(struct fake *f) { call_gate(f, TASK | DPL3, SEL_TSS_FREE, 0); }
static void task_gate_low(struct fake *f) { call_gate(f, AR_P | TASK, SEL_TSS_FREE, 0); }
static void int_gate(struct fake *f) { call_gate(f, AR_P | INT32 | DPL3, SEL_CODE0, 0); }
static void gate0(struct fake *f) { call_gate(f, AR_P | CALL32, SEL_CODE0, 0); }
static void gate1(struct fake *f) { call_gate(f, AR_P | CALL32 | 1 << 5, SEL_CODE0, 0); }
static void gate3(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_CODE0, 0); }
static void gate3_rpl3(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_CODE0 | 3, 0); }
static void gate3_same(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, CODE(3), 0); }
static void gate3_conforming(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_CONFORMING, 0); }
static void gate3_absent(struct fake *f) { call_gate(f, CALL32 | DPL3, SEL_CODE0, 0); }
static void gate3_null(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, 3, 0); }
static void gate3_beyond(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_BEYOND, 0); }
static void gate3_data(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_DATA0, 0); }
static void gate3_code_absent(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_ABSENT_CODE, 0); }
static void gate_to_outer(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, CODE(3), 0); }
static void gate3_limit(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH2, 0, TARGET - 1, AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB);
    call_gate(f, AR_P | CALL32 | DPL3, SEL_SCRATCH2, 0);
}
static void gate3_ss(struct fake *f, uint16_t ss, uint32_t esp) { gate3(f); rings_tss_stack(f, 0, ss, esp); }
static void gate3_ss_null(struct fake *f) { gate3_ss(f, 0, AT_STACK); }
static void gate3_ss_rpl(struct fake *f) { gate3_ss(f, SEL_DATA0 | 3, AT_STACK); }
static void gate3_ss_beyond(struct fake *f) { gate3_ss(f, SEL_BEYOND, AT_STACK); }
static void gate3_ss_absent(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH2, 0, UINT32_MAX, AR_S | AR_WRITE | AR_DB | AR_G);
    gate3_ss(f, SEL_SCRATCH2, AT_STACK);
}
static void gate3_ss_room(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH2, 0, 0xFFFF, AR_P | AR_S | AR_WRITE | AR_DB);
    gate3_ss(f, SEL_SCRATCH2, 15); /* 16 bytes are wanted */
}
static void gate3_ss_unmapped(struct fake *f) { gate3(f); fake_page(f, AT_STACK - 4, 0); }
static void gate3_tss_short(struct fake *f) { gate3(f); f->cpu.tr.limit = 8; }
static void gate3_params_unmapped(struct fake *f) { call_gate(f, AR_P | CALL32 | DPL3, SEL_CODE0, 4); fake_page(f, f->cpu.reg[ESP], 0); }

/* From some ring to a selector, by JMP and by CALL. Outcome: the ring and "jump", or the fault. */
static const struct {
    const char *what;
    uint8_t ring;
    uint16_t sel;
    void (*set)(struct fake *f);
    const char *jmp, *call;
    uint16_t cs; /* after success */
    uint16_t call_cs;
} cases[] = {
    { "code 0 from 0",                 0, SEL_CODE0, none, "jump", "jump", SEL_CODE0, SEL_CODE0 },
    { "code 0 with RPL 3 from 0",      0, SEL_CODE0 | 3, none, "#GP(8)", "#GP(8)", 0, 0 },
    { "code 1 from 0",                 0, CODE(1), none, "#GP(18)", "#GP(18)", 0, 0 },
    { "code 0 from 1",                 1, SEL_CODE0, none, "#GP(8)", "#GP(8)", 0, 0 },
    { "code 1 from 1: RPL becomes CPL", 1, CODE(1), none, "jump", "jump", CODE(1) | 1, CODE(1) | 1 },
    { "code 1 with RPL 2 from 1",      1, CODE(1) | 2, none, "#GP(18)", "#GP(18)", 0, 0 },
    { "code 0 from 3",                 3, SEL_CODE0 | 3, none, "#GP(8)", "#GP(8)", 0, 0 },
    { "code 3 from 3",                 3, CODE(3), none, "jump", "jump", CODE(3) | 3, CODE(3) | 3 },
    { "conforming 0 from 3",           3, SEL_CONFORMING, none, "jump", "jump", SEL_CONFORMING | 3, SEL_CONFORMING | 3 },
    { "conforming 0 with RPL 3 from 1", 1, SEL_CONFORMING | 3, none, "jump", "jump", SEL_CONFORMING | 1, SEL_CONFORMING | 1 },
    { "conforming 2 from 0",           0, SEL_CONFORMING2, none, "#GP(50)", "#GP(50)", 0, 0 },
    { "execute-only",                  3, SEL_EXEC_ONLY, none, "jump", "jump", SEL_EXEC_ONLY | 3, SEL_EXEC_ONLY | 3 },
    { "null",                          0, 0, none, "#GP(0)", "#GP(0)", 0, 0 },
    { "null with RPL 3",               3, 3, none, "#GP(0)", "#GP(0)", 0, 0 },
    { "beyond the GDT",                0, SEL_BEYOND, none, "#GP(C0)", "#GP(C0)", 0, 0 },
    { "beyond the LDT",                0, 0x14, none, "#GP(14)", "#GP(14)", 0, 0 },
    { "data",                          0, SEL_DATA0, none, "#GP(10)", "#GP(10)", 0, 0 },
    { "an LDT",                        0, SEL_LDT, none, "#GP(90)", "#GP(90)", 0, 0 },
    { "absent code",                   0, SEL_ABSENT_CODE, none, "#NP(58)", "#NP(58)", 0, 0 },
    { "absent code, forbidden",        3, SEL_ABSENT_CODE, none, "#GP(58)", "#GP(58)", 0, 0 },
    { "EIP beyond the limit",          3, CODE(3), short_limit, "#GP(0)", "#GP(0)", 0, 0 },
    { "no room for CALL's frame",      0, SEL_CODE0, no_stack, "jump", "#SS(0)", SEL_CODE0, 0 },
    { "stack not mapped",              0, SEL_CODE0, stack_unmapped, "jump", "#PF(2)", SEL_CODE0, 0 },
    { "stack not mapped in ring 3",    3, CODE(3), stack_unmapped, "jump", "#PF(6)", CODE(3) | 3, 0 },
    { "the busy TSS",                  0, SEL_TSS, none, "#GP(88)", "#GP(88)", 0, 0 },
    { "a task gate to the busy TSS",   0, SEL_SCRATCH, task_gate_busy, "#GP(88)", "#GP(88)", 0, 0 },
    { "a task gate, absent",           0, SEL_SCRATCH, task_gate_absent, "#NP(A8)", "#NP(A8)", 0, 0 },
    { "a task gate, forbidden",        3, SEL_SCRATCH, task_gate_low, "#GP(A8)", "#GP(A8)", 0, 0 },
    { "a 16-bit TSS with DPL 0 from 3", 3, SEL_TSS16, none, "#GP(98)", "#GP(98)", 0, 0 },
    { "an interrupt gate",             0, SEL_SCRATCH, int_gate, "#GP(A8)", "#GP(A8)", 0, 0 },
    { "gate 0 from 0",                 0, SEL_SCRATCH, gate0, "jump", "jump", SEL_CODE0, SEL_CODE0 },
    { "gate 0 from 1",                 1, SEL_SCRATCH, gate0, "#GP(A8)", "#GP(A8)", 0, 0 },
    { "gate 1 from 1, inward",         1, SEL_SCRATCH, gate1, "#GP(8)", "jump", 0, SEL_CODE0 },
    { "gate 1 with RPL 3 from 1",      1, SEL_SCRATCH | 3, gate1, "#GP(A8)", "#GP(A8)", 0, 0 },
    { "gate 3 with RPL 3 from 1",      1, SEL_SCRATCH | 3, gate3, "#GP(8)", "jump", 0, SEL_CODE0 },
    { "gate 3 from 3, inward",         3, SEL_SCRATCH, gate3, "#GP(8)", "jump", 0, SEL_CODE0 },
    { "RPL of the gate's target: ignored", 3, SEL_SCRATCH, gate3_rpl3, "#GP(8)", "jump", 0, SEL_CODE0 },
    { "gate 3 from 3, same ring",      3, SEL_SCRATCH, gate3_same, "jump", "jump", CODE(3) | 3, CODE(3) | 3 },
    { "gate 3 from 3 to conforming",   3, SEL_SCRATCH, gate3_conforming, "jump", "jump", SEL_CONFORMING | 3, SEL_CONFORMING | 3 },
    { "gate to an outer ring",         0, SEL_SCRATCH, gate_to_outer, "#GP(38)", "#GP(38)", 0, 0 },
    { "gate absent",                   3, SEL_SCRATCH, gate3_absent, "#NP(A8)", "#NP(A8)", 0, 0 },
    { "gate to null",                  3, SEL_SCRATCH, gate3_null, "#GP(0)", "#GP(0)", 0, 0 },
    { "gate to beyond the GDT",        3, SEL_SCRATCH, gate3_beyond, "#GP(C0)", "#GP(C0)", 0, 0 },
    { "gate to data",                  3, SEL_SCRATCH, gate3_data, "#GP(10)", "#GP(10)", 0, 0 },
    { "gate to absent code",           3, SEL_SCRATCH, gate3_code_absent, "#GP(58)", "#NP(58)", 0, 0 },
    { "gate's offset beyond the limit", 3, SEL_SCRATCH, gate3_limit, "#GP(B0)", "#GP(0)", 0, 0 },
    { "inner SS null",                 3, SEL_SCRATCH, gate3_ss_null, "#GP(8)", "#TS(0)", 0, 0 },
    { "inner SS with wrong RPL",       3, SEL_SCRATCH, gate3_ss_rpl, "#GP(8)", "#TS(10)", 0, 0 },
    { "inner SS beyond the GDT",       3, SEL_SCRATCH, gate3_ss_beyond, "#GP(8)", "#TS(C0)", 0, 0 },
    { "inner SS absent",               3, SEL_SCRATCH, gate3_ss_absent, "#GP(8)", "#SS(B0)", 0, 0 },
    { "inner stack too small",         3, SEL_SCRATCH, gate3_ss_room, "#GP(8)", "#SS(B0)", 0, 0 },
    { "inner stack not mapped",        3, SEL_SCRATCH, gate3_ss_unmapped, "#GP(8)", "#PF(2)", 0, 0 },
    { "TSS too short",                 3, SEL_SCRATCH, gate3_tss_short, "#GP(8)", "#TS(88)", 0, 0 },
    { "parameters not mapped",         3, SEL_SCRATCH, gate3_params_unmapped, "#GP(8)", "#PF(4)", 0, 0 },
};

static void each_case(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(cases); n++)
        for (unsigned call = 0; call < 2; call++) {
            struct fake f;
            rings_init(&f);
            rings_enter(&f, cases[n].ring);
            cases[n].set(&f);
            enum step s = far(&f, call ? CALL : JMP, TARGET, cases[n].sel);
            const char *wanted = call ? cases[n].call : cases[n].jmp;
            if (strcmp(rings_outcome(&f, s), wanted))
                fail_msg("%s, %s: wanted %s, got %s", cases[n].what, call ? "call" : "jmp", wanted, rings_outcome(&f, s));
            if (s == STEP_JUMP) {
                assert_int_equal(f.cpu.eip, TARGET);
                assert_int_equal(f.cpu.seg[SEG_CS].sel, call ? cases[n].call_cs : cases[n].cs);
                assert_int_equal(f.cpu.cpl, f.cpu.seg[SEG_CS].sel & 3);
                assert_true(f.cpu.seg[SEG_CS].ar & AR_ACCESSED);
            }
            fake_done(&f);
        }
}

static void call_pushes(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 1);
    uint32_t esp = f.cpu.reg[ESP];
    assert_int_equal(far(&f, CALL, TARGET, CODE(1)), STEP_JUMP);
    assert_int_equal(f.cpu.reg[ESP], esp - 8);
    assert_int_equal(fake_get32(&f, esp - 8), FAKE_CODE + 7);
    assert_int_equal(fake_get32(&f, esp - 4), CODE(1) | 1); /* the real ring shows */
    f.cpu.eip = FAKE_CODE;
    f.cpu.reg[ESP] = esp;
    assert_int_equal(STEP(&f, 0x66, 0x9A, 0x32, 0x54, (uint8_t)CODE(1), 0), STEP_JUMP); /* 16-bit operand */
    assert_int_equal(f.cpu.reg[ESP], esp - 4);
    assert_int_equal(fake_get16(&f, esp - 4), FAKE_CODE + 6);
    assert_int_equal(fake_get16(&f, esp - 2), CODE(1) | 1);
    assert_int_equal(f.cpu.eip, TARGET);
    fake_done(&f);
}

static void indirect(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    fake_put32(&f, AT_SCRATCH, 0x15432);
    fake_put32(&f, AT_SCRATCH + 4, SEL_CODE0);
    assert_int_equal(STEP(&f, 0xFF, 0x2D, 0, 0, 2, 0), STEP_JUMP); /* jmp far [20000h] */
    assert_int_equal(f.cpu.eip, 0x15432);
    f.cpu.eip = FAKE_CODE;
    uint32_t esp = f.cpu.reg[ESP];
    assert_int_equal(STEP(&f, 0xFF, 0x1D, 0, 0, 2, 0), STEP_JUMP); /* call far [20000h] */
    assert_int_equal(fake_get32(&f, esp - 8), FAKE_CODE + 6);
    f.cpu.eip = FAKE_CODE;
    fake_page(&f, AT_SCRATCH, 0);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xFF, 0x1D, 0, 0, 2, 0)), "#PF(0)");
    fake_done(&f);
}

/* Ring 3 calls ring 0 with parameters, which returns with RET n: both stacks as they should be. */
static void gate_and_back(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    call_gate(&f, AR_P | CALL32 | DPL3, SEL_CODE0, 3);
    uint32_t esp = f.cpu.reg[ESP];
    for (unsigned n = 0; n < 4; n++) fake_put32(&f, esp + 4 * n, 0x11111111 * (n + 1));
    assert_int_equal(far(&f, CALL, 0xFFFFFFFF /* ignored */, SEL_SCRATCH), STEP_JUMP);
    const uint32_t wanted[] = { FAKE_CODE + 7, CODE(3) | 3, 0x11111111, 0x22222222, 0x33333333, esp, DATA(3) | 3 };
    assert_int_equal(f.cpu.reg[ESP], AT_STACK - 4 * COUNT(wanted));
    for (unsigned n = 0; n < COUNT(wanted); n++) assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 4 * n), wanted[n]);
    assert_int_equal(f.cpu.seg[SEG_SS].sel, SEL_DATA0);
    assert_int_equal(f.cpu.cpl, 0);
    assert_int_equal(STEP(&f, 0xCA, 12, 0), STEP_JUMP); /* retf 12 */
    assert_int_equal(f.cpu.eip, FAKE_CODE + 7);
    assert_int_equal(f.cpu.cpl, 3);
    assert_int_equal(f.cpu.reg[ESP], esp + 12);
    assert_int_equal(f.cpu.seg[SEG_SS].sel, DATA(3) | 3);
    assert_int_equal(f.cpu.seg[SEG_DS].sel, DATA(3) | 3);
    const struct event *e = trace_at(f.trace, trace_count(f.trace) - 1);
    assert_int_equal(e->kind, EV_RETURN);
    assert_int_equal(e->u.RETURN.to, 3);
    fake_done(&f);
}

static void sixteen_bit_gate(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 2);
    rings_gate(&f, AT_GDT + SEL_SCRATCH, AR_P | CALL16 | DPL3, CODE(1), 0xABCD0000 | TARGET, 2);
    uint32_t esp = f.cpu.reg[ESP], top = AT_STACK + 0x1000;
    fake_put32(&f, esp, 0x22221111);
    assert_int_equal(far(&f, CALL, 0, SEL_SCRATCH), STEP_JUMP);
    assert_int_equal(f.cpu.eip, TARGET);
    assert_int_equal(f.cpu.cpl, 1);
    const uint16_t wanted[] = { FAKE_CODE + 7, CODE(2) | 2, 0x1111, 0x2222, (uint16_t)esp, DATA(2) | 2 };
    assert_int_equal(f.cpu.reg[ESP], top - 2 * COUNT(wanted));
    for (unsigned n = 0; n < COUNT(wanted); n++) assert_int_equal(fake_get16(&f, f.cpu.reg[ESP] + 2 * n), wanted[n]);
    fake_done(&f);
}

/* Most parameters a gate can copy: 31, in order. */
static void thirty_one_parameters(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    call_gate(&f, AR_P | CALL32 | DPL3, SEL_CODE0, 31);
    uint32_t esp = f.cpu.reg[ESP];
    for (unsigned n = 0; n < 31; n++) fake_put32(&f, esp + 4 * n, 1000 + n);
    assert_int_equal(far(&f, CALL, 0, SEL_SCRATCH), STEP_JUMP);
    for (unsigned n = 0; n < 31; n++) assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 8 + 4 * n), 1000 + n);
    assert_int_equal(f.cpu.reg[ESP], AT_STACK - 4 * 35);
    fake_done(&f);
}

/* RETF: {EIP, CS, [ESP, SS]} on the stack. */
static const struct { const char *what; uint8_t ring; uint16_t cs, ss; const char *wanted; } rets[] = {
    { "same ring 0",              0, SEL_CODE0, 0,                      "jump" },
    { "same ring 1",              1, CODE(1) | 1, 0,                    "jump" },
    { "a ring-0 frame in ring 1", 1, SEL_CODE0, 0,                      "#GP(8)" },
    { "inward",                   3, CODE(1) | 1, 0,                    "#GP(18)" },
    { "outward",                  0, CODE(3) | 3, DATA(3) | 3,          "jump" },
    { "outward from 1 to 2",      1, CODE(2) | 2, DATA(2) | 2,          "jump" },
    { "RPL without DPL",          0, SEL_CODE0 | 1, DATA(1) | 1,        "#GP(8)" },
    { "CS null",                  0, 0, 0,                              "#GP(0)" },
    { "CS beyond",                0, SEL_BEYOND, 0,                     "#GP(C0)" },
    { "CS is data",               0, SEL_DATA0, 0,                      "#GP(10)" },
    { "CS is a call gate",        0, SEL_SCRATCH, 0,                    "#GP(A8)" },
    { "CS absent",                0, SEL_ABSENT_CODE, 0,                "#NP(58)" },
    { "conforming, outward",      0, SEL_CONFORMING | 3, DATA(3) | 3,   "jump" },
    { "conforming with DPL > RPL", 0, SEL_CONFORMING2, 0,               "#GP(50)" },
    { "SS null",                  0, CODE(3) | 3, 3,                    "#GP(0)" },
    { "SS with wrong RPL",        0, CODE(3) | 3, DATA(3) | 2,          "#GP(40)" },
    { "SS with wrong DPL",        0, CODE(3) | 3, SEL_DATA0 | 3,        "#GP(10)" },
    { "SS absent",                0, CODE(3) | 3, SEL_ABSENT_DATA | 3,  "#SS(60)" },
};

static void each_ret(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(rets); n++)
        for (unsigned release = 0; release <= 8; release += 8) {
            struct fake f;
            rings_init(&f);
            rings_enter(&f, rets[n].ring);
            call_gate(&f, AR_P | CALL32 | DPL3, SEL_CODE0, 0);
            uint32_t esp = f.cpu.reg[ESP];
            fake_put32(&f, esp, TARGET);
            fake_put32(&f, esp + 4, 0xFFFF0000u | rets[n].cs);
            fake_put32(&f, esp + 8 + release, 0x23450);
            fake_put32(&f, esp + 12 + release, rets[n].ss);
            enum step s = release ? STEP(&f, 0xCA, (uint8_t)release, 0) : STEP(&f, 0xCB);
            if (strcmp(rings_outcome(&f, s), rets[n].wanted))
                fail_msg("%s: wanted %s, got %s", rets[n].what, rets[n].wanted, rings_outcome(&f, s));
            if (s == STEP_JUMP) {
                bool outward = (rets[n].cs & 3) > rets[n].ring;
                assert_int_equal(f.cpu.eip, TARGET);
                assert_int_equal(f.cpu.cpl, rets[n].cs & 3);
                assert_int_equal(f.cpu.reg[ESP], outward ? 0x23450 + release : esp + 8 + release);
                if (outward) assert_int_equal(f.cpu.seg[SEG_DS].sel, 0);
            }
            fake_done(&f);
        }
}

static void sixteen_bit_ret(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    uint32_t esp = f.cpu.reg[ESP];
    fake_put32(&f, esp, 0x5432u | (uint32_t)(CODE(3) | 3) << 16);
    fake_put32(&f, esp + 4, 0x8000u | (uint32_t)(DATA(3) | 3) << 16);
    assert_int_equal(STEP(&f, 0x66, 0xCB), STEP_JUMP);
    assert_int_equal(f.cpu.eip, 0x5432);
    assert_int_equal(f.cpu.reg[ESP], 0x8000);
    fake_done(&f);
}

/* The way into protected mode and back, as every boot loader goes. */
static void mode_switches(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.cr0 &= ~(uint32_t)CR0_PE;
    for (unsigned n = 0; n < SEG_COUNT; n++) cpu_seg_set(&f.cpu.seg[n], 0, 0xFFFF, 0x9300);
    assert_int_equal(STEP(&f, 0xEA, 0x00, 0x12, 0x10, 0x00), STEP_JUMP); /* jmp 0010:1200, 16-bit */
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x100);
    f.cpu.reg[EAX] = f.cpu.cr0 | CR0_PE;
    assert_int_equal(STEP(&f, 0x0F, 0x22, 0xC0), STEP_JUMP);
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x100); /* the hidden part goes on */
    assert_int_equal(f.cpu.cpl, 0);
    assert_int_equal(STEP(&f, 0x66, 0xEA, 0x00, 0x15, 0, 0, SEL_CODE0, 0), STEP_JUMP); /* jmp dword 0008:1500 */
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0);
    assert_true(f.cpu.seg[SEG_CS].ar & AR_DB);
    f.cpu.reg[EAX] = f.cpu.cr0 & ~(uint32_t)CR0_PE;
    assert_int_equal(STEP(&f, 0x0F, 0x22, 0xC0), STEP_JUMP);
    assert_true(f.cpu.seg[SEG_CS].wr_end != 0); /* real mode may write through CS */
    assert_int_equal(STEP(&f, 0xEA, 0x00, 0x12, 0, 0, 0x34, 0x01), STEP_JUMP); /* still 32-bit: jmp 0134:1200 */
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x1340);
    uint32_t esp = f.cpu.reg[ESP] = 0x8000;
    f.cpu.seg[SEG_CS].limit = 0xFFFF;
    assert_int_equal(STEP(&f, 0x66, 0x9A, 0x00, 0x10, 0x00, 0x02), STEP_JUMP); /* call 0200:1000 */
    assert_int_equal(fake_get16(&f, esp - 2), 0x134);
    assert_int_equal(fake_get16(&f, esp - 4), 0x1206);
    assert_int_equal(STEP(&f, 0x66, 0xCA, 0x02, 0x00), STEP_JUMP); /* retf 2 */
    assert_int_equal(f.cpu.eip, 0x1206);
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x1340);
    assert_int_equal(f.cpu.reg[ESP], 0x8002);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case), cmocka_unit_test(call_pushes), cmocka_unit_test(indirect), cmocka_unit_test(gate_and_back),
        cmocka_unit_test(sixteen_bit_gate), cmocka_unit_test(thirty_one_parameters), cmocka_unit_test(each_ret),
        cmocka_unit_test(sixteen_bit_ret), cmocka_unit_test(mode_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
