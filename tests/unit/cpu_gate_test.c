/* Delivery through the IDT: privilege of gate and target, stack switch, frames, error codes with EXT and IDT
 * bits, double and triple faults, flags (SDM vol. 3A ch. 6; vol. 2, INT n and IRET). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/gate.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { INT16 = 6, TRAP16 = 7, CALL32 = 12, INT32 = 14, TRAP32 = 15, TASK = 5, DPL3 = 3 << 5 };
enum { CODE_AR = AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB | AR_G, DATA_AR = AR_P | AR_S | AR_WRITE | AR_DB | AR_G };

struct call { uint8_t vector; enum delivery how; bool has_code; uint32_t code; };

static enum step deliver(struct fake *f, void *arg)
{
    const struct call *k = arg;
    return cpu_deliver(&f->cpu, k->vector, k->how, k->has_code, k->code);
}

static enum step external(struct fake *f, uint8_t vector)
{
    return rings_checked(f, deliver, &(struct call){ vector, DELIVER_EXTERNAL, false, 0 });
}

/* ---- who gets where: from ring (row) to a segment of some DPL (column) ---- */

/* The ring arrived in, or G: #GP(selector + EXT). */
static const char *const nonconforming[4] = { "0GGG", "01GG", "012G", "0123" };
static const char *const conforming[4]    = { "0GGG", "11GG", "222G", "3333" };

static void each_target(const char *const wanted[4], unsigned ar)
{
    for (unsigned from = 0; from < 4; from++)
        for (unsigned dpl = 0; dpl < 4; dpl++) {
            struct fake f;
            char got;
            rings_init(&f);
            rings_desc(&f, SEL_SCRATCH, 0, UINT32_MAX, ar | dpl << 5);
            rings_idt(&f, 0x30, AR_P | INT32, SEL_SCRATCH, 0x5000);
            rings_enter(&f, from);
            enum step s = external(&f, 0x30);
            if (s == STEP_FAULT) got = strcmp(rings_outcome(&f, s), "#GP(A9)") ? '?' : 'G';
            else {
                got = (char)('0' + f.cpu.cpl);
                assert_int_equal(f.cpu.seg[SEG_CS].sel, SEL_SCRATCH | f.cpu.cpl);
                assert_int_equal(f.cpu.eip, 0x5000);
                bool inward = f.cpu.cpl < from;
                uint32_t top = inward ? AT_STACK + 0x1000u * f.cpu.cpl : AT_STACK + 0x1000u * from - 0x400;
                assert_int_equal(f.cpu.reg[ESP], top - (inward ? 20 : 12));
                assert_int_equal(f.cpu.seg[SEG_SS].sel, DATA(f.cpu.cpl) | f.cpu.cpl);
            }
            if (got != wanted[from][dpl]) fail_msg("from %u to DPL %u: wanted %c, got %c", from, dpl, wanted[from][dpl], got);
            fake_done(&f);
        }
}

static void nonconforming_targets(void **state) { (void)state; each_target(nonconforming, CODE_AR); }
static void conforming_targets(void **state) { (void)state; each_target(conforming, CODE_AR | AR_DOWN); }

/* INT n from ring (row) through a gate of some DPL (column): y, or G for #GP(vector * 8 + 2), EXT clear. */
static void software_needs_the_gates_dpl(void **state)
{
    (void)state;
    static const char *const wanted[4] = { "yyyy", "Gyyy", "GGyy", "GGGy" };
    for (unsigned from = 0; from < 4; from++)
        for (unsigned dpl = 0; dpl < 4; dpl++) {
            struct fake f;
            rings_init(&f);
            rings_idt(&f, 0x30, AR_P | INT32 | dpl << 5, SEL_CODE0, 0x5000);
            rings_enter(&f, from);
            enum step s = STEP(&f, 0xCD, 0x30);
            char got = s == STEP_JUMP ? 'y' : strcmp(rings_outcome(&f, s), "#GP(182)") ? '?' : 'G';
            if (got != wanted[from][dpl]) fail_msg("from %u, gate DPL %u: %s", from, dpl, rings_outcome(&f, s));
            rings_enter(&f, from);
            assert_int_equal(external(&f, 0x30), STEP_JUMP); /* the pin asks no gate */
            fake_done(&f);
        }
}

/* ---- what can be wrong, from ring 3, vector 30h ---- */

static void idt_short(struct fake *f) { f->cpu.idtr.limit = 0x30 * 8 + 6; }
static void idt_page(struct fake *f) { fake_page(f, AT_IDT, 0); }
static void type_data(struct fake *f) { rings_idt(f, 0x30, AR_P | DPL3 | AR_S | 2, SEL_CODE0, 0); }
static void type_call(struct fake *f) { rings_idt(f, 0x30, AR_P | DPL3 | CALL32, SEL_CODE0, 0); }
static void type_none(struct fake *f) { rings_idt(f, 0x30, AR_P | DPL3, SEL_CODE0, 0); }
static void gate_absent(struct fake *f) { rings_idt(f, 0x30, DPL3 | INT32, SEL_CODE0, 0); }
static void gate_absent_low(struct fake *f) { rings_idt(f, 0x30, INT32, SEL_CODE0, 0); }
static void gate_task(struct fake *f) { rings_idt(f, 0x30, AR_P | DPL3 | TASK, SEL_LDT, 0); }
static void to(struct fake *f, uint16_t sel) { rings_idt(f, 0x30, AR_P | DPL3 | INT32, sel, 0x5000); }
static void to_null(struct fake *f) { to(f, 3); }
static void to_beyond(struct fake *f) { to(f, SEL_BEYOND); }
static void to_data(struct fake *f) { to(f, SEL_DATA0); }
static void to_tss(struct fake *f) { to(f, SEL_TSS); }
static void to_absent(struct fake *f) { to(f, SEL_ABSENT_CODE); }
static void to_rpl3(struct fake *f) { to(f, SEL_CODE0 | 3); }
static void to_limit(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH, 0, 0x4FFF, AR_P | AR_S | AR_CODE | AR_WRITE | AR_DB);
    to(f, SEL_SCRATCH);
}
static void tss_one_short(struct fake *f) { f->cpu.tr.limit = 8; }
static void tss_just_enough(struct fake *f) { f->cpu.tr.limit = 9; } /* ESP0 and SS0 are bytes 4 to 9 */
static void tss_page(struct fake *f) { fake_page(f, AT_TSS, 0); }
static void ss_null(struct fake *f) { rings_tss_stack(f, 0, 3, AT_STACK); }
static void ss_beyond(struct fake *f) { rings_tss_stack(f, 0, SEL_BEYOND, AT_STACK); }
static void ss_rpl(struct fake *f) { rings_tss_stack(f, 0, SEL_DATA0 | 1, AT_STACK); }
static void ss_dpl(struct fake *f) { rings_tss_stack(f, 0, DATA(3), AT_STACK); }
static void ss_code(struct fake *f) { rings_tss_stack(f, 0, SEL_CODE0, AT_STACK); }
static void ss_of(struct fake *f, unsigned ar, uint32_t limit, uint32_t esp)
{
    rings_desc(f, SEL_SCRATCH2, 0, limit, ar);
    rings_tss_stack(f, 0, SEL_SCRATCH2, esp);
}
static void ss_read_only(struct fake *f) { ss_of(f, DATA_AR & ~AR_WRITE, UINT32_MAX, AT_STACK); }
static void ss_absent(struct fake *f) { ss_of(f, DATA_AR & ~AR_P, UINT32_MAX, AT_STACK); }
static void ss_room(struct fake *f) { ss_of(f, AR_P | AR_S | AR_WRITE | AR_DB, AT_STACK - 2, AT_STACK); }
static void ss_room_below(struct fake *f) { ss_of(f, AR_P | AR_S | AR_WRITE | AR_DB | AR_DOWN, AT_STACK - 20, AT_STACK); }
static void ss_page(struct fake *f) { fake_page(f, AT_STACK - 1, 0); }
static void ss_page_read_only(struct fake *f) { f->cpu.cr0 |= CR0_WP; f->cr0 |= CR0_WP; fake_page(f, AT_STACK - 1, FAKE_P | FAKE_U); }
static void ss_straddles(struct fake *f) /* the lower half of the frame is missing */
{
    rings_tss_stack(f, 0, SEL_DATA0, AT_STACK - 0x1000 + 8);
    fake_page(f, AT_STACK - 0x1001, 0);
}
static void same_ring_room(struct fake *f)
{
    to(f, CODE(3));
    f->cpu.seg[SEG_SS].limit = f->cpu.reg[ESP] - 6;
    cpu_seg_limits(&f->cpu.seg[SEG_SS]);
}

static const struct {
    const char *what;
    void (*set)(struct fake *f);
    const char *external, *soft; /* outcomes for the pin, and for INT 30h */
} wrongs[] = {
    { "IDT limit one byte short",    idt_short,         "#GP(183)", "#GP(182)" },
    { "IDT not mapped",              idt_page,          "#PF(0)",   "#PF(0)" },
    { "not a gate: data",            type_data,         "#GP(183)", "#GP(182)" },
    { "not an IDT gate: call gate",  type_call,         "#GP(183)", "#GP(182)" },
    { "type 0",                      type_none,         "#GP(183)", "#GP(182)" },
    { "gate absent",                 gate_absent,       "#NP(183)", "#NP(182)" },
    { "gate absent and DPL 0",       gate_absent_low,   "#NP(183)", "#GP(182)" },
    { "task gate to no TSS",         gate_task,         "#GP(91)",  "#GP(90)" },
    { "null target",                 to_null,           "#GP(1)",   "#GP(0)" },
    { "target beyond the GDT",       to_beyond,         "#GP(C1)",  "#GP(C0)" },
    { "target is data",              to_data,           "#GP(11)",  "#GP(10)" },
    { "target is a TSS",             to_tss,            "#GP(89)",  "#GP(88)" },
    { "target absent",               to_absent,         "#NP(59)",  "#NP(58)" },
    { "RPL of the target: ignored",  to_rpl3,           "jump",     "jump" },
    { "EIP beyond the limit",        to_limit,          "#GP(1)",   "#GP(0)" },
    { "TSS one byte too short",      tss_one_short,     "#TS(89)",  "#TS(88)" },
    { "TSS just long enough",        tss_just_enough,   "jump",     "jump" },
    { "TSS not mapped",              tss_page,          "#PF(0)",   "#PF(0)" },
    { "inner SS null",               ss_null,           "#TS(1)",   "#TS(0)" },
    { "inner SS beyond the GDT",     ss_beyond,         "#TS(C1)",  "#TS(C0)" },
    { "inner SS with wrong RPL",     ss_rpl,            "#TS(11)",  "#TS(10)" },
    { "inner SS with wrong DPL",     ss_dpl,            "#TS(41)",  "#TS(40)" },
    { "inner SS is code",            ss_code,           "#TS(9)",   "#TS(8)" },
    { "inner SS read-only",          ss_read_only,      "#TS(B1)",  "#TS(B0)" },
    { "inner SS absent",             ss_absent,         "#SS(B1)",  "#SS(B0)" },
    { "inner stack beyond the limit", ss_room,          "#SS(B1)",  "#SS(B0)" },
    { "inner expand-down stack: one byte too small", ss_room_below, "#SS(B1)", "#SS(B0)" },
    { "inner stack not mapped",      ss_page,           "#PF(2)",   "#PF(2)" },
    { "inner stack not writable",    ss_page_read_only, "#PF(3)",   "#PF(3)" },
    { "inner stack half mapped",     ss_straddles,      "#PF(2)",   "#PF(2)" },
    { "same ring: no room",          same_ring_room,    "#SS(1)",   "#SS(0)" },
};

static void each_wrong(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(wrongs); n++)
        for (unsigned soft = 0; soft < 2; soft++) {
            struct fake f;
            rings_init(&f);
            to(&f, SEL_CODE0);
            rings_enter(&f, 3);
            wrongs[n].set(&f);
            enum step s = soft ? STEP(&f, 0xCD, 0x30) : external(&f, 0x30);
            const char *wanted = soft ? wrongs[n].soft : wrongs[n].external;
            if (strcmp(rings_outcome(&f, s), wanted))
                fail_msg("%s, %s: wanted %s, got %s", wrongs[n].what, soft ? "INT" : "pin", wanted, rings_outcome(&f, s));
            fake_done(&f);
        }
}

/* ---- frames ---- */

static void frame_32_inward_with_code(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    cpu_set_flags(&f.cpu, FLAG_IF | FLAG_TF | FLAG_NT | FLAG_CF | FLAG_IOPL);
    f.cpu.eip = 0x12345;
    uint32_t esp = f.cpu.reg[ESP], at = AT_STACK - 24;
    uint64_t cycles = f.clock.now;
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_GP, .has_code = true, .code = 0x1238 });
    const uint32_t wanted[6] = { 0x1238, 0x12345, CODE(3) | 3, FLAG_ONE | FLAG_IF | FLAG_TF | FLAG_NT | FLAG_CF | FLAG_IOPL | FLAG_RF,
                                 esp, DATA(3) | 3 };
    for (unsigned n = 0; n < 6; n++) assert_int_equal(fake_get32(&f, at + 4 * n), wanted[n]);
    assert_int_equal(f.cpu.reg[ESP], at);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_GP);
    assert_int_equal(f.cpu.cpl, 0);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_CF | FLAG_IOPL); /* IF, TF, NT, RF cleared; IOPL and CF stay */
    assert_int_equal(f.cpu.seg[SEG_DS].sel, DATA(3) | 3);                /* data segments stay */
    assert_int_equal(f.clock.now - cycles, f.model.cost[COST_GATE]);
    assert_int_equal(clock_of_cause(&f.clock, CAUSE_DELIVER), f.model.cost[COST_GATE]);
    assert_int_equal(fake_get8(&f, AT_GDT + SEL_CODE0 + 5) & 1, 1);      /* accessed: CS and SS */
    assert_int_equal(fake_get8(&f, AT_GDT + SEL_DATA0 + 5) & 1, 1);
    fake_done(&f);
}

static void frame_16(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_idt(&f, 0x30, AR_P | TRAP16, SEL_CODE0, 0xABCD5000);
    rings_enter(&f, 3);
    cpu_set_flags(&f.cpu, FLAG_IF | FLAG_AC);
    f.cpu.eip = 0x11234;
    uint32_t esp = f.cpu.reg[ESP], at = AT_STACK - 12;
    assert_int_equal(rings_checked(&f, deliver, &(struct call){ 0x30, DELIVER_FAULT, true, 0x56 }), STEP_JUMP);
    const uint16_t wanted[6] = { 0x56, 0x1234, CODE(3) | 3, FLAG_ONE | FLAG_IF, (uint16_t)esp, DATA(3) | 3 };
    for (unsigned n = 0; n < 6; n++) assert_int_equal(fake_get16(&f, at + 2 * n), wanted[n]);
    assert_int_equal(f.cpu.reg[ESP], at);
    assert_int_equal(f.cpu.eip, 0x5000);                             /* a 16-bit gate has a 16-bit offset */
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF | FLAG_AC); /* a trap gate leaves IF */
    fake_done(&f);
}

static void frame_same_ring(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    cpu_set_flags(&f.cpu, FLAG_IF);
    uint32_t esp = f.cpu.reg[ESP];
    assert_int_equal(STEP(&f, 0xCD, 0x81), STEP_JUMP);
    assert_int_equal(f.cpu.reg[ESP], esp - 12);
    assert_int_equal(fake_get32(&f, esp - 12), FAKE_CODE + 2);
    assert_int_equal(fake_get32(&f, esp - 8), SEL_CODE0);
    assert_int_equal(fake_get32(&f, esp - 4), FLAG_ONE | FLAG_IF); /* a software interrupt pushes no RF */
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF);
    fake_done(&f);
}

static void tss16_stack(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    cpu_seg_set(&f.cpu.tr, SEL_TSS16, fake_get32(&f, AT_GDT + SEL_TSS16), fake_get32(&f, AT_GDT + SEL_TSS16 + 4));
    fake_put32(&f, AT_TASK16 + 2, 0x8000 | SEL_DATA0 << 16); /* SP0, SS0 */
    rings_enter(&f, 3);
    assert_int_equal(external(&f, 0x30), STEP_JUMP);
    assert_int_equal(f.cpu.reg[ESP], 0x8000 - 20);
    rings_enter(&f, 3);
    f.cpu.tr.limit = 4;
    assert_string_equal(rings_outcome(&f, external(&f, 0x30)), "#TS(99)");
    fake_done(&f);
}

/* Unmapped for ring 3, the inner stack is still the supervisor's to write. */
static void inner_stack_is_the_supervisors(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    fake_page(&f, AT_STACK - 1, FAKE_P | FAKE_W);
    rings_enter(&f, 3);
    assert_int_equal(external(&f, 0x30), STEP_JUMP);
    rings_enter(&f, 3);
    to(&f, CODE(3));
    fake_page(&f, f.cpu.reg[ESP], FAKE_P | FAKE_W); /* but a ring-3 handler pushes with ring 3's rights */
    assert_string_equal(rings_outcome(&f, external(&f, 0x30)), "#PF(7)");
    fake_done(&f);
}

/* The ring decides who pays for the cycles that follow. */
static void each_ring_has_its_account(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.account[1] = CAUSE_DISPATCH;
    rings_enter(&f, 3);
    assert_int_equal(f.clock.cause, CAUSE_USER);
    assert_int_equal(STEP(&f, 0xCD, 0x80), STEP_JUMP);
    assert_int_equal(f.clock.cause, CAUSE_KERNEL);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.clock.cause, CAUSE_USER);
    rings_idt(&f, 0x30, AR_P | INT32, CODE(1), 0x5000);
    assert_int_equal(external(&f, 0x30), STEP_JUMP);
    assert_int_equal(f.clock.cause, CAUSE_DISPATCH);
    fake_done(&f);
}

static void int3_into(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCC)), "#GP(1A)");
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCE)), "ok"); /* OF = 0 */
    cpu_set_flags(&f.cpu, FLAG_OF);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCE)), "#GP(22)");
    rings_idt(&f, VEC_BP, AR_P | INT32 | DPL3, SEL_CODE0, 0x5000);
    uint32_t eip = f.cpu.eip;
    assert_int_equal(STEP(&f, 0xCC), STEP_JUMP);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), eip + 1);
    fake_done(&f);
}

/* ---- two and three faults ---- */

static void absent(struct fake *f, unsigned vector) { rings_idt(f, vector, INT32, SEL_CODE0, 0); }

/* First fault; what its gate does; the vector whose handler is reached at last (or -1: shutdown). */
static const struct { const char *what; uint8_t first; int second, reached; } serial[] = {
    { "#UD through an absent gate: #NP",  VEC_UD, VEC_NP, VEC_NP },
    { "#DE through an absent gate: #DF",  VEC_DE, VEC_NP, VEC_DF },
    { "#GP through an absent gate: #DF",  VEC_GP, VEC_NP, VEC_DF },
    { "#NP through an absent gate: #DF",  VEC_NP, VEC_NP, VEC_DF },
    { "#TS through an absent gate: #DF",  VEC_TS, VEC_NP, VEC_DF },
    { "#SS through an absent gate: #DF",  VEC_SS, VEC_NP, VEC_DF },
    { "#PF through an absent gate: #DF",  VEC_PF, VEC_NP, VEC_DF },
    { "#BR through an absent gate: #NP",  VEC_BR, VEC_NP, VEC_NP },
    { "#NM through an absent gate: #NP",  VEC_NM, VEC_NP, VEC_NP },
    { "#GP, then #PF on the way: #PF",    VEC_GP, VEC_PF, VEC_PF },
    { "#PF, then #PF on the way: #DF",    VEC_PF, VEC_PF, VEC_DF },
    { "#UD, then #PF on the way: #PF",    VEC_UD, VEC_PF, VEC_PF },
    { "#DF through an absent gate: shutdown", VEC_DF, VEC_NP, -1 },
    { "#DF, then #PF on the way: shutdown",   VEC_DF, VEC_PF, -1 },
};

static void double_faults(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(serial); n++) {
        struct fake f;
        uint8_t first = serial[n].first;
        rings_init(&f);
        if (serial[n].second == VEC_NP) absent(&f, first);
        else { /* its handler's frame meets a missing page; the others have a stack of their own in ring 0 */
            rings_idt(&f, first, AR_P | INT32, SEL_CONFORMING2, 0x5000);
            rings_enter(&f, 2);
            fake_page(&f, f.cpu.reg[ESP] - 4, 0);
        }
        cpu_deliver_fault(&f.cpu, (struct fault){ .vector = first, .has_code = first == VEC_DF, .addr = first == VEC_PF ? 0x777 : 0 });
        if (f.cpu.shutdown != (serial[n].reached < 0)) fail_msg("%s: shutdown %d", serial[n].what, f.cpu.shutdown);
        if (serial[n].reached >= 0 && f.cpu.eip != AT_HANDLER + 16u * (unsigned)serial[n].reached)
            fail_msg("%s: went to %x", serial[n].what, f.cpu.eip);
        if (serial[n].reached == VEC_DF) assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), 0); /* its error code */
        if (serial[n].reached == VEC_NP) assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), first * 8u + 3);
        fake_done(&f);
    }
}

static void triple_fault_tells_its_story(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.idtr.limit = 0;
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_UD });
    assert_true(f.cpu.shutdown);
    static const struct { uint8_t vector; uint32_t code; } wanted[] = {
        { VEC_UD, 0 }, { VEC_GP, VEC_UD * 8 + 3 }, { VEC_GP, VEC_GP * 8 + 3 }, { VEC_DF, 0 }, { VEC_GP, VEC_DF * 8 + 3 }
    };
    assert_int_equal(trace_count(f.trace), COUNT(wanted));
    for (unsigned n = 0; n < COUNT(wanted); n++) {
        const struct event *e = trace_at(f.trace, n);
        assert_int_equal(e->kind, EV_FAULT);
        assert_int_equal(e->u.FAULT.vector, wanted[n].vector);
        assert_int_equal(e->u.FAULT.code, wanted[n].code);
        assert_int_equal(e->cause, n ? trace_at(f.trace, n - 1)->id : 0);
    }
    fake_done(&f);
}

static void page_fault_sets_cr2(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_PF, .has_code = true, .code = 6, .addr = 0xDEAD000 });
    assert_int_equal(f.cpu.cr2, 0xDEAD000);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), 6);
    fake_done(&f);
}

/* A single step is a trap: no RF in its frame, DR6.BS set, DR7.GD cleared by any #DB. */
static void debug_exception(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.dr[7] |= 1 << 13;
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_DB, .addr = 1 << 14 });
    assert_int_equal(f.cpu.dr[6], 0xFFFF4FF0);
    assert_int_equal(f.cpu.dr[7], 0x400);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 8) & FLAG_RF, 0);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_DB, .addr = 1 << 13 });
    assert_int_equal(f.cpu.dr[6], 0xFFFF6FF0);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 8) & FLAG_RF, FLAG_RF);
    fake_done(&f);
}

static void delivery_ends_halt_and_shadow(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.halted = true;
    f.cpu.inhibit = f.cpu.insns;
    assert_int_equal(external(&f, 0x30), STEP_JUMP);
    assert_false(f.cpu.halted);
    assert_true(f.cpu.inhibit != f.cpu.insns);
    fake_done(&f);
}

/* ---- the trace: who caused what ---- */

static void events(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    f.cpu.reg[EAX] = 1;
    uint32_t int_eip = f.cpu.eip = FAKE_CODE + 0x40;
    assert_int_equal(STEP(&f, 0xCD, 0x80), STEP_JUMP);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_GP, .has_code = true, .code = 0x18 });
    assert_int_equal(external(&f, 0x30), STEP_JUMP); /* nested, ring 0 to ring 0 */
    static const uint8_t kinds[] = { EV_INT, EV_GATE, EV_RETURN, EV_FAULT, EV_GATE, EV_IRQ, EV_GATE };
    assert_int_equal(trace_count(f.trace), COUNT(kinds));
    for (unsigned n = 0; n < COUNT(kinds); n++) {
        const struct event *e = trace_at(f.trace, n);
        assert_int_equal(e->kind, kinds[n]);
        bool first = n == 0 || kinds[n] == EV_FAULT; /* after a return outward a new story begins */
        assert_int_equal(e->cause, first ? 0 : trace_at(f.trace, n - 1)->id);
    }
    const struct event *soft = trace_at(f.trace, 0), *gate = trace_at(f.trace, 1), *back = trace_at(f.trace, 2);
    assert_int_equal(soft->u.INT.vector, 0x80);
    assert_int_equal(soft->eip, int_eip);
    assert_int_equal(gate->eip, int_eip);
    assert_int_equal(gate->u.GATE.from, 3);
    assert_int_equal(gate->u.GATE.to, 0);
    assert_int_equal(gate->u.GATE.target, AT_HANDLER + 16 * 0x80);
    assert_int_equal(back->eip, AT_HANDLER + 16 * 0x80);
    assert_int_equal(back->u.RETURN.from, 0);
    assert_int_equal(back->u.RETURN.to, 3);
    assert_int_equal(back->u.RETURN.target, int_eip + 2);
    assert_int_equal(trace_at(f.trace, 3)->eip, int_eip + 2);
    assert_int_equal(trace_at(f.trace, 5)->u.IRQ.vector, 0x30);
    assert_true(clock_check(&f.clock));
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonconforming_targets), cmocka_unit_test(conforming_targets),
        cmocka_unit_test(software_needs_the_gates_dpl), cmocka_unit_test(each_wrong),
        cmocka_unit_test(frame_32_inward_with_code), cmocka_unit_test(frame_16), cmocka_unit_test(frame_same_ring),
        cmocka_unit_test(tss16_stack), cmocka_unit_test(inner_stack_is_the_supervisors), cmocka_unit_test(int3_into),
        cmocka_unit_test(each_ring_has_its_account),
        cmocka_unit_test(double_faults), cmocka_unit_test(triple_fault_tells_its_story),
        cmocka_unit_test(page_fault_sets_cr2), cmocka_unit_test(debug_exception),
        cmocka_unit_test(delivery_ends_halt_and_shadow), cmocka_unit_test(events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
