/* Hardware task switch: what each cause does to both TSSs, whose fault a bad TSS or selector is, exceptions through task
 * gates with their error code, 16-bit tasks, and the way back by IRET (SDM vol. 3A ch. 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { TASK_GATE = 5, BUSY = 2, DPL3 = 3 << 5 };
enum { EIP = 0x20, FLAGS = 0x24, REGS = 0x28, SEGS = 0x48, LDT = 0x60 };          /* of a 32-bit TSS */
enum { EIP16 = 0x0E, FLAGS16 = 0x10, REGS16 = 0x12, SEGS16 = 0x22, LDT16 = 0x2A };
enum { NEW_EIP = 0x5432, NEW_ESP = 0x15000 };

static void seg(struct fake *f, unsigned n, uint16_t sel) { fake_put32(f, AT_TASK + SEGS + 4 * n, sel); }

/* A ring-0 task at AT_TASK, register n = 100 + n. */
static void make_task(struct fake *f)
{
    fake_put32(f, AT_TASK + EIP, NEW_EIP);
    fake_put32(f, AT_TASK + FLAGS, FLAG_ONE | FLAG_CF);
    for (unsigned n = 0; n < 8; n++) fake_put32(f, AT_TASK + REGS + 4 * n, n == ESP ? NEW_ESP : 0x100 + n);
    for (unsigned n = 0; n < 6; n++) seg(f, n, n == SEG_CS ? SEL_CODE0 : SEL_DATA0);
    fake_put32(f, AT_TASK + LDT, SEL_LDT);
}

static void put16(struct fake *f, uint32_t at, uint16_t v) { fake_put(f, at, &v, 2); }

static void make_task16(struct fake *f)
{
    put16(f, AT_TASK16 + EIP16, NEW_EIP);
    put16(f, AT_TASK16 + FLAGS16, 0x0003);
    for (unsigned n = 0; n < 8; n++) put16(f, AT_TASK16 + REGS16 + 2 * n, (uint16_t)(n == ESP ? 0x5000 : 0x100 + n));
    for (unsigned n = 0; n < 4; n++) put16(f, AT_TASK16 + SEGS16 + 2 * n, n == SEG_CS ? SEL_CODE0 : SEL_DATA0);
}

static bool busy(const struct fake *f, uint16_t sel) { return fake_get8(f, AT_GDT + sel + 5) & BUSY; }

static void start(struct fake *f)
{
    rings_init(f);
    rings_desc(f, SEL_TSS, AT_TSS, 0x2067, AR_P | 11);
    make_task(f);
    make_task16(f);
    for (unsigned n = 0; n < 8; n++)
        if (n != ESP) f->cpu.reg[n] = 0xA0000000 + n;
    cpu_set_flags(&f->cpu, FLAG_IF | FLAG_ZF);
}

/* ---- the three instructions ---- */

static enum step far(struct fake *f, uint8_t op, uint16_t sel)
{
    return STEP(f, op, 0xEF, 0xBE, 0xAD, 0xDE, (uint8_t)sel, (uint8_t)(sel >> 8));
}

static void check_saved(const struct fake *f, uint32_t back, uint32_t flags)
{
    assert_int_equal(fake_get32(f, AT_TSS + EIP), back);
    assert_int_equal(fake_get32(f, AT_TSS + FLAGS), flags);
    assert_int_equal(fake_get32(f, AT_TSS + REGS + 4 * EDI), 0xA0000007);
    assert_int_equal(fake_get16(f, AT_TSS + SEGS + 4 * SEG_CS), SEL_CODE0);
    assert_int_equal(fake_get16(f, AT_TSS + SEGS + 4 * SEG_GS), 0x10);
}

static void check_entered(const struct fake *f, uint32_t flags)
{
    const struct cpu *c = &f->cpu;
    assert_int_equal(c->eip, NEW_EIP);
    assert_int_equal(cpu_flags(c), flags);
    assert_int_equal(c->reg[EBX], 0x100 + EBX);
    assert_int_equal(c->tr.sel, SEL_TSS_FREE);
    assert_int_equal(c->tr.ar & 15, 11);
    assert_int_equal(c->ldtr.sel, SEL_LDT);
    assert_int_equal(c->ldtr.base, AT_LDT);
    assert_true(c->cr0 & CR0_TS);
    assert_true(busy(f, SEL_TSS_FREE));
}

/* RF is for the instruction that switches, which is done; an external interrupt's is for the one it came before. */
static void resume_flag_is_used_up(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct fake f;
        start(&f);
        rings_idt(&f, 0x40, AR_P | TASK_GATE | DPL3, SEL_TSS_FREE, 0);
        cpu_set_flags(&f.cpu, FLAG_IF | FLAG_RF);
        if (how == 0) assert_int_equal(far(&f, 0x9A, SEL_TSS_FREE), STEP_JUMP);
        if (how == 1) assert_int_equal(STEP(&f, 0xCD, 0x40), STEP_JUMP);
        if (how == 2) (void)cpu_deliver(&f.cpu, 0x40, DELIVER_EXTERNAL, false, 0);
        assert_int_equal(fake_get32(&f, AT_TSS + FLAGS), FLAG_ONE | FLAG_IF | (how == 2 ? FLAG_RF : 0));
        fake_done(&f);
    }
}

static void jump_call_return(void **state)
{
    (void)state;
    for (unsigned call = 0; call < 2; call++) {
        struct fake f;
        start(&f);
        assert_int_equal(far(&f, call ? 0x9A : 0xEA, SEL_TSS_FREE), STEP_JUMP);
        check_saved(&f, FAKE_CODE + 7, FLAG_ONE | FLAG_IF | FLAG_ZF);
        check_entered(&f, FLAG_ONE | FLAG_CF | (call ? FLAG_NT : 0));
        assert_int_equal(f.cpu.reg[ESP], NEW_ESP);
        assert_int_equal(busy(&f, SEL_TSS), call);
        assert_int_equal(fake_get16(&f, AT_TASK), call ? SEL_TSS : 0);
        assert_int_equal(clock_of_cause(&f.clock, CAUSE_DELIVER), f.model.cost[COST_TASK]);
        if (call) {
            f.cpu.cr0 &= ~(uint32_t)CR0_TS;
            assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
            assert_int_equal(f.cpu.eip, FAKE_CODE + 7);
            assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF | FLAG_ZF);
            assert_int_equal(f.cpu.reg[EDI], 0xA0000007);
            assert_int_equal(f.cpu.tr.sel, SEL_TSS);
            assert_true(f.cpu.cr0 & CR0_TS);
            assert_true(busy(&f, SEL_TSS));
            assert_false(busy(&f, SEL_TSS_FREE));
            assert_int_equal(fake_get32(&f, AT_TASK + EIP), NEW_EIP + 1);
            assert_int_equal(fake_get32(&f, AT_TASK + FLAGS), FLAG_ONE | FLAG_CF); /* NT is gone from the image */
        }
        fake_done(&f);
    }
}

/* ---- whose fault ---- */

static void none(struct fake *f) { (void)f; }
static void no_cs(struct fake *f) { seg(f, SEG_CS, 0); }
static void cs_beyond(struct fake *f) { seg(f, SEG_CS, SEL_BEYOND); }
static void cs_data(struct fake *f) { seg(f, SEG_CS, SEL_DATA0); }
static void cs_dpl(struct fake *f) { seg(f, SEG_CS, CODE(1)); }
static void cs_absent(struct fake *f) { seg(f, SEG_CS, SEL_ABSENT_CODE); }
static void no_ss(struct fake *f) { seg(f, SEG_SS, 0); }
static void ss_rpl(struct fake *f) { seg(f, SEG_SS, SEL_DATA0 | 3); }
static void ss_read_only(struct fake *f) { seg(f, SEG_SS, SEL_READ_ONLY); }
static void ss_absent(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH, 0, UINT32_MAX, AR_S | AR_WRITE | AR_DB | AR_G);
    seg(f, SEG_SS, SEL_SCRATCH);
}
static void ds_execute_only(struct fake *f) { seg(f, SEG_DS, SEL_EXEC_ONLY); }
static void es_absent(struct fake *f) { seg(f, SEG_ES, SEL_ABSENT_DATA); }
static void gs_rpl(struct fake *f) { seg(f, SEG_GS, SEL_DATA0 | 3); }
static void fs_system(struct fake *f) { seg(f, SEG_FS, SEL_TSS); }
static void fs_null(struct fake *f) { seg(f, SEG_FS, 2); }
static void ldt_null(struct fake *f) { fake_put32(f, AT_TASK + LDT, 0); }
static void ldt_local(struct fake *f) { fake_put32(f, AT_TASK + LDT, SEL_LDT | 4); }
static void ldt_code(struct fake *f) { fake_put32(f, AT_TASK + LDT, SEL_CODE0); }
static void ldt_absent(struct fake *f) { rings_desc(f, SEL_LDT, AT_LDT, 0xF, 2); }
static void eip_high(struct fake *f)
{
    rings_desc(f, SEL_SCRATCH, 0, NEW_EIP - 1, AR_P | AR_S | AR_CODE | AR_DB);
    seg(f, SEG_CS, SEL_SCRATCH);
}
static void new_short(struct fake *f) { rings_desc(f, SEL_TSS_FREE, AT_TASK, 0x66, AR_P | 9); }
static void old_short(struct fake *f) { f->cpu.tr.limit = 0x66; }
static void new_absent(struct fake *f) { rings_desc(f, SEL_TSS_FREE, AT_TASK, 0x67, 9); }
static void new_busy(struct fake *f) { rings_desc(f, SEL_TSS_FREE, AT_TASK, 0x67, AR_P | 11); }
static void new_unmapped(struct fake *f) { fake_page(f, AT_TASK, 0); }
static void old_unmapped(struct fake *f) { fake_page(f, AT_TSS, 0); }

/* The outcome of JMP to the TSS: text for a fault of the old task; for the new one's, vector and code that its handler,
 * at the vector's entry, finds on the stack of ring 0. */
static const struct {
    const char *what;
    void (*set)(struct fake *f);
    const char *old;
    uint8_t vector;
    uint16_t code;
} faults[] = {
    { "none",                     none,            "jump", 0, 0 },
    { "FS null",                  fs_null,         "jump", 0, 0 },
    { "no LDT",                   ldt_null,        "jump", 0, 0 },
    { "new TSS too short",        new_short,       "#TS(A0)", 0, 0 },
    { "old TSS too short",        old_short,       "#TS(88)", 0, 0 },
    { "new TSS absent",           new_absent,      "#NP(A0)", 0, 0 },
    { "new TSS busy",             new_busy,        "#GP(A0)", 0, 0 },
    { "new TSS not mapped",       new_unmapped,    "#PF(0)", 0, 0 },
    { "old TSS not mapped",       old_unmapped,    "#PF(2)", 0, 0 },
    { "CS null",                  no_cs,           NULL, VEC_TS, 0 },
    { "CS beyond the GDT",        cs_beyond,       NULL, VEC_TS, SEL_BEYOND },
    { "CS is data",               cs_data,         NULL, VEC_TS, SEL_DATA0 },
    { "CS with DPL 1 and RPL 0",  cs_dpl,          NULL, VEC_TS, CODE(1) },
    { "CS absent",                cs_absent,       NULL, VEC_NP, SEL_ABSENT_CODE },
    { "SS null",                  no_ss,           NULL, VEC_TS, 0 },
    { "SS with RPL 3",            ss_rpl,          NULL, VEC_TS, SEL_DATA0 },
    { "SS read-only",             ss_read_only,    NULL, VEC_TS, SEL_READ_ONLY },
    { "SS absent",                ss_absent,       NULL, VEC_SS, SEL_SCRATCH },
    { "DS execute-only",          ds_execute_only, NULL, VEC_TS, SEL_EXEC_ONLY },
    { "ES absent",                es_absent,       NULL, VEC_NP, SEL_ABSENT_DATA },
    { "GS with RPL 3, DPL 0",     gs_rpl,          NULL, VEC_TS, SEL_DATA0 },
    { "FS is a TSS",              fs_system,       NULL, VEC_TS, SEL_TSS },
    { "LDT in the LDT",           ldt_local,       NULL, VEC_TS, SEL_LDT | 4 },
    { "LDT is code",              ldt_code,        NULL, VEC_TS, SEL_CODE0 },
    { "LDT absent",               ldt_absent,      NULL, VEC_TS, SEL_LDT },
    { "EIP beyond the limit",     eip_high,        NULL, VEC_GP, 0 },
};

static void each_fault(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(faults); n++) {
        struct fake f;
        start(&f);
        fake_put32(&f, AT_TASK + 4, AT_STACK);
        fake_put32(&f, AT_TASK + 8, SEL_DATA0);
        faults[n].set(&f);
        enum step s = far(&f, 0xEA, SEL_TSS_FREE);
        const char *wanted = faults[n].old ? faults[n].old : "jump";
        if (strcmp(rings_outcome(&f, s), wanted)) fail_msg("%s: wanted %s, got %s", faults[n].what, wanted, rings_outcome(&f, s));
        if (!faults[n].old) {
            if (f.cpu.eip != AT_HANDLER + 16u * faults[n].vector) fail_msg("%s: at %X", faults[n].what, f.cpu.eip);
            assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), faults[n].code);
            assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 4), NEW_EIP);
            assert_int_equal(f.cpu.tr.sel, SEL_TSS_FREE);
            assert_false(busy(&f, SEL_TSS));
            check_saved(&f, FAKE_CODE + 7, FLAG_ONE | FLAG_IF | FLAG_ZF);
        }
        fake_done(&f);
    }
}

static const struct { const char *what; uint16_t link; const char *wanted; } links[] = {
    { "not busy", SEL_TSS_FREE, "#TS(A0)" }, { "null", 0, "#TS(0)" }, { "in the LDT", 0x0C, "#TS(C)" },
    { "beyond the GDT", SEL_BEYOND, "#TS(C0)" }, { "code", SEL_CODE0, "#TS(8)" }
};
static void back_links(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(links); n++) {
        struct fake f;
        start(&f);
        put16(&f, AT_TSS, links[n].link);
        cpu_set_flags(&f.cpu, FLAG_NT);
        assert_string_equal(rings_outcome(&f, STEP(&f, 0xCF)), links[n].wanted);
        fake_done(&f);
    }
}

/* ---- task gates ---- */

static void gates(void **state)
{
    (void)state;
    struct fake f;
    start(&f);
    rings_idt(&f, VEC_GP, AR_P | TASK_GATE, SEL_TSS_FREE, 0);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_GP, .has_code = true, .code = 0x1238 });
    check_saved(&f, FAKE_CODE, FLAG_ONE | FLAG_IF | FLAG_ZF | FLAG_RF); /* the fault will be repeated */
    check_entered(&f, FLAG_ONE | FLAG_CF | FLAG_NT);
    assert_int_equal(f.cpu.reg[ESP], NEW_ESP - 4);
    assert_int_equal(fake_get32(&f, NEW_ESP - 4), 0x1238);
    assert_true(busy(&f, SEL_TSS));
    fake_done(&f);

    start(&f);
    rings_idt(&f, 0x30, AR_P | TASK_GATE | DPL3, SEL_TSS_FREE, 0);
    assert_int_equal(STEP(&f, 0xCD, 0x30), STEP_JUMP);
    check_saved(&f, FAKE_CODE + 2, FLAG_ONE | FLAG_IF | FLAG_ZF);
    check_entered(&f, FLAG_ONE | FLAG_CF | FLAG_NT);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x30)), "#GP(A0)"); /* it is busy: no task enters itself */
    fake_done(&f);
}

/* A fault that the new task meets while an exception is being delivered has EXT set, and may make a double fault. */
static void gate_to_a_bad_task(void **state)
{
    (void)state;
    struct fake f;
    start(&f);
    es_absent(&f);
    rings_idt(&f, VEC_UD, AR_P | TASK_GATE, SEL_TSS_FREE, 0);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_UD });
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_NP);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), SEL_ABSENT_DATA | 1);
    fake_done(&f);
    start(&f);
    es_absent(&f);
    rings_idt(&f, VEC_GP, AR_P | TASK_GATE, SEL_TSS_FREE, 0);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_GP, .has_code = true });
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_DF);
    assert_int_equal(f.cpu.tr.sel, SEL_TSS_FREE);
    fake_done(&f);
}

static void task_gate_by_call(void **state)
{
    (void)state;
    struct fake f;
    start(&f);
    rings_gate(&f, AT_GDT + SEL_SCRATCH, AR_P | TASK_GATE | DPL3, SEL_TSS_FREE | 3, 0, 0);
    rings_enter(&f, 3);
    assert_int_equal(far(&f, 0x9A, SEL_SCRATCH | 3), STEP_JUMP);
    assert_int_equal(f.cpu.cpl, 0);
    assert_int_equal(f.cpu.tr.sel, SEL_TSS_FREE | 3);
    fake_done(&f);
}

/* ---- single-step ---- */

/* The old task's TF is in its TSS: it neither traps in the new one nor in the handler of a fault that entering it met. */
static void single_step(void **state)
{
    (void)state;
    for (unsigned bad = 0; bad < 2; bad++) {
        static const uint8_t jump[] = { 0xEA, 0, 0, 0, 0, SEL_TSS_FREE, 0 }, nop = 0x90;
        struct fake f;
        start(&f);
        if (bad) es_absent(&f);
        fake_put(&f, FAKE_CODE, jump, sizeof jump);
        fake_put(&f, NEW_EIP, &nop, 1);
        fake_put(&f, AT_HANDLER + 16 * VEC_NP, &nop, 1);
        cpu_set_flags(&f.cpu, FLAG_TF);
        assert_int_equal(cpu_run(&f.cpu, 2), CPU_BUDGET);
        assert_int_equal(f.cpu.eip, (bad ? AT_HANDLER + 16 * VEC_NP : NEW_EIP) + 1);
        assert_int_equal(fake_get32(&f, AT_TSS + FLAGS), FLAG_ONE | FLAG_TF);
        fake_done(&f);
    }
}

/* ---- 16 bits ---- */

static void sixteen_bits(void **state)
{
    (void)state;
    struct fake f;
    start(&f);
    f.cpu.reg[EAX] = 0x12345678;
    assert_int_equal(far(&f, 0x9A, SEL_TSS16), STEP_JUMP);
    assert_int_equal(f.cpu.eip, NEW_EIP);
    assert_int_equal(f.cpu.reg[EAX], 0xFFFF0100); /* the upper halves are ones */
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_CF | FLAG_NT);
    assert_int_equal(f.cpu.seg[SEG_FS].ar, 0);
    assert_int_equal(fake_get16(&f, AT_TASK16), SEL_TSS);
    f.cpu.reg[EBX] = 0x77778888;
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.cpu.reg[EAX], 0x12345678);
    assert_int_equal(fake_get16(&f, AT_TASK16 + REGS16 + 2 * EBX), 0x8888);
    assert_int_equal(fake_get16(&f, AT_TASK16 + REGS16 + 2 * ESP), 0x5000);
    assert_int_equal(fake_get16(&f, AT_TASK16 + EIP16), NEW_EIP + 1);
    rings_desc(&f, SEL_TSS16, AT_TASK16, 0x2A, AR_P | 1);
    assert_string_equal(rings_outcome(&f, far(&f, 0xEA, SEL_TSS16)), "#TS(98)");
    rings_desc(&f, SEL_TSS16, AT_TASK16, 0x2B, AR_P | 1);
    rings_idt(&f, VEC_NP, AR_P | TASK_GATE, SEL_TSS16, 0);
    cpu_deliver_fault(&f.cpu, (struct fault){ .vector = VEC_NP, .has_code = true, .code = 0x1238 });
    assert_int_equal(f.cpu.reg[ESP] & 0xFFFF, 0x4FFE);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jump_call_return), cmocka_unit_test(resume_flag_is_used_up), cmocka_unit_test(each_fault), cmocka_unit_test(back_links), cmocka_unit_test(gates),
        cmocka_unit_test(gate_to_a_bad_task), cmocka_unit_test(task_gate_by_call), cmocka_unit_test(single_step),
        cmocka_unit_test(sixteen_bits)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
