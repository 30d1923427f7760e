/* The x87 unit and MMX as part of the CPU: who may use them, how exceptions come out (#MF, FERR, IGNNE), images in
 * memory, faults that leave nothing behind. The arithmetic is tested against a real unit in cpu_fpu_host_test.c.
 * SDM vol. 1 ch. 8, 9, app. D; vol. 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "sim/cpu/fpu_soft.h"
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
enum { AT = AT_SCRATCH };

static void is(struct fake *f, enum step s, const char *wanted, const char *what)
{
    const char *got = rings_outcome(f, s);
    if (strcmp(got, wanted)) fail_msg("%s: wanted %s, got %s", what, wanted, got);
}

/* ---- CR0.EM, TS, MP: SDM 3A table 2-2 ---- */

static void availability(void **state)
{
    (void)state;
    static const struct { uint32_t cr0; const char *x87, *wait, *mmx; } rows[] = {
        { 0, "ok", "ok", "ok" }, { CR0_MP, "ok", "ok", "ok" }, { CR0_TS, "#NM", "ok", "#NM" },
        { CR0_TS | CR0_MP, "#NM", "#NM", "#NM" }, { CR0_EM, "#NM", "ok", "#UD" }, { CR0_EM | CR0_MP, "#NM", "ok", "#UD" },
        { CR0_EM | CR0_TS, "#NM", "ok", "#UD" }, { CR0_EM | CR0_TS | CR0_MP, "#NM", "#NM", "#UD" },
    };
    for (unsigned n = 0; n < COUNT(rows); n++) {
        struct fake f;
        rings_init(&f);
        assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
        f.cpu.cr0 |= rows[n].cr0;
        is(&f, STEP(&f, 0xD9, 0xE8), rows[n].x87, "fld1");
        is(&f, STEP(&f, 0x9B), rows[n].wait, "wait");
        is(&f, STEP(&f, 0x0F, 0xEF, 0xC0), rows[n].mmx, "pxor mm0, mm0");
        is(&f, STEP(&f, 0xDB, 0xE3), rows[n].x87, "fninit");
        is(&f, STEP(&f, 0x0F, 0xAE, 0x05, 0, 0, 2, 0), rows[n].x87, "fxsave [20000h]");
        fake_done(&f);
    }
}

static void not_there(void **state)
{
    (void)state;
    static const uint8_t codes[][3] = {
        { 0xDB, 0x0F, 0 }, { 0xDD, 0x0F, 0 }, { 0xDF, 0x0F, 0 },                /* FISTTP */
        { 0x0F, 0x70, 0xC0 }, { 0x0F, 0xE7, 0x07 }, { 0x0F, 0xD7, 0xC0 },       /* SSE's PSHUFW, MOVNTQ, PMOVMSKB */
        { 0xD9, 0xD1, 0 }, { 0xD9, 0x0F, 0 }, { 0xDB, 0x27, 0 }, { 0xDD, 0x2F, 0 }, { 0xD9, 0xE2, 0 }
    };
    for (unsigned n = 0; n < COUNT(codes); n++) {
        struct fake f;
        rings_init(&f);
        is(&f, rings_step(&f, codes[n], 3), "#UD", "no instruction");
        fake_done(&f);
    }
    struct fake f;
    rings_init(&f);
    is(&f, STEP(&f, 0x66, 0x0F, 0xEF, 0xC0), "#UD", "pxor xmm0, xmm0");
    fake_done(&f);
}

/* ---- exceptions ---- */

static void divide_by_zero(struct fake *f)
{
    fake_put32(f, AT, 0x37B); /* zero-divide unmasked */
    assert_int_equal(STEP(f, 0xDB, 0xE3), STEP_OK);
    assert_int_equal(STEP(f, 0xD9, 0x2D, 0, 0, 2, 0), STEP_OK); /* fldcw [20000h] */
    assert_int_equal(STEP(f, 0xD9, 0xE8), STEP_OK);             /* fld1 */
    assert_int_equal(STEP(f, 0xD9, 0xEE), STEP_OK);             /* fldz */
    assert_int_equal(STEP(f, 0xDC, 0xF9), STEP_OK);             /* fdiv st1, st0: 1 / 0; nothing happens yet */
    assert_int_equal(f->cpu.fpu.status & (FPU_ES | FPU_B | FPU_ZE), FPU_ES | FPU_B | FPU_ZE);
    assert_int_equal(fpu_st(&f->cpu.fpu, 1)->sign_exp, 0x3FFF); /* the operand is still there */
}

/* What is left of a denormal number is itself: with underflow unmasked, too, as a real unit has it. */
static void denormal_by_infinity(void **state)
{
    (void)state;
    static const uint8_t ops[] = { 0xF8, 0xF5 }; /* fprem, fprem1 */
    const struct fpu_reg small = { 0x269DF989D5E0ED11u, 0x8000 }, infinite = { (uint64_t)1 << 63, 0x7FFF };
    for (unsigned n = 0; n < COUNT(ops); n++) {
        struct fake f;
        rings_init(&f);
        fake_put32(&f, AT, 0x36F); /* underflow unmasked */
        assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
        assert_int_equal(STEP(&f, 0xD9, 0x2D, 0, 0, 2, 0), STEP_OK); /* fldcw [20000h] */
        fpu_push(&f.cpu.fpu, infinite);
        fpu_push(&f.cpu.fpu, small);
        assert_int_equal(STEP(&f, 0xD9, ops[n]), STEP_OK);
        assert_true(fpu_st(&f.cpu.fpu, 0)->mantissa == small.mantissa);
        assert_int_equal(fpu_st(&f.cpu.fpu, 0)->sign_exp, small.sign_exp);
        assert_int_equal(f.cpu.fpu.status & (FPU_EXCEPTIONS | FPU_ES), FPU_DE);
        fake_done(&f);
    }
}

static void reported_as_mf(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    f.cpu.cr0 |= CR0_NE;
    divide_by_zero(&f);
    is(&f, STEP(&f, 0xDF, 0xE0), "ok", "fnstsw ax");
    is(&f, STEP(&f, 0xD9, 0x3D, 0, 0, 2, 0), "ok", "fnstcw");
    is(&f, STEP(&f, 0xD9, 0xE8), "#MF", "fld1");
    is(&f, STEP(&f, 0x9B), "#MF", "wait");
    is(&f, STEP(&f, 0x0F, 0x77), "#MF", "emms");
    is(&f, STEP(&f, 0xD9, 0x2D, 0, 0, 2, 0), "#MF", "fldcw");
    is(&f, STEP(&f, 0x90), "ok", "nop");
    is(&f, STEP(&f, 0xDB, 0xE2), "ok", "fnclex");
    is(&f, STEP(&f, 0x9B), "ok", "wait after fnclex");
    fake_done(&f);
}

static void note_level(void *self, unsigned n, bool level)
{
    (void)n;
    *(int *)self = level;
}

static void reported_by_ferr(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    int level = -1;
    f.cpu.ferr = (struct irq_line){ note_level, &level, 0 };
    divide_by_zero(&f);
    level = -1;
    f.cpu.eip = FAKE_CODE;
    fake_put(&f, FAKE_CODE, (const uint8_t[]){ 0xD9, 0xE8, 0x90 }, 3);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED); /* it stands before FLD1 */
    assert_int_equal(level, 1);
    assert_int_equal(f.cpu.eip, FAKE_CODE);
    cpu_ignne(&f.cpu, true);
    is(&f, STEP(&f, 0xD9, 0xE8), "ok", "fld1 with IGNNE");
    is(&f, STEP(&f, 0xDB, 0xE2), "ok", "fnclex");
    assert_int_equal(level, 0);
    fake_done(&f);
}

/* An interrupt finds EIP at the instruction that waited. */
static void interrupt_ends_the_wait(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    divide_by_zero(&f);
    f.cpu.eip = FAKE_CODE;
    fake_put(&f, FAKE_CODE, (const uint8_t[]){ 0x9B, 0x90 }, 2);
    assert_int_equal(cpu_run(&f.cpu, 10), CPU_HALTED);
    cpu_set_flags(&f.cpu, FLAG_IF);
    fake_irq(&f, 0x75);
    (void)cpu_run(&f.cpu, 1);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * 0x75);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), FAKE_CODE);
    fake_done(&f);
}

/* ---- images ---- */

static void environments(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    fake_put32(&f, AT + 0x40, 0x3F800000);
    assert_int_equal(STEP(&f, 0xD9, 0x05, 0x40, 0, 2, 0), STEP_OK); /* fld dword [20040h] */
    uint32_t eip = f.cpu.eip - 6;
    assert_int_equal(STEP(&f, 0xD9, 0x35, 0, 0, 2, 0), STEP_OK);    /* fnstenv [20000h], 32 bits */
    static const uint32_t wanted[7] = { 0xFFFF037F, 0xFFFF3800, 0xFFFF3FFF, 0, 0x01050008, 0x20040, 0xFFFF0010 };
    for (unsigned k = 0; k < 7; k++) assert_int_equal(fake_get32(&f, AT + 4 * k), k == 3 ? eip : wanted[k]);
    assert_int_equal(STEP(&f, 0x66, 0xD9, 0x35, 0, 0, 2, 0), STEP_OK); /* 16 bits */
    static const uint16_t narrow[7] = { 0x37F, 0x3800, 0x3FFF, 0, 8, 0x40, 0x10 };
    for (unsigned k = 0; k < 7; k++) assert_int_equal(fake_get16(&f, AT + 2 * k), k == 3 ? eip & 0xFFFF : narrow[k]);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    assert_int_equal(STEP(&f, 0x66, 0xD9, 0x25, 0, 0, 2, 0), STEP_OK); /* fldenv */
    assert_int_equal(f.cpu.fpu.status, 0x3800);
    assert_int_equal(f.cpu.fpu.used, 0x80);
    assert_int_equal(f.cpu.fpu.dp, 0x40);
    fake_done(&f);
}

static void real_mode_environment(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    f.cpu.fpu.ip = 0x2345, f.cpu.fpu.cs = 0x9ABC, f.cpu.fpu.dp = 0x1111, f.cpu.fpu.ds = 0x2222, f.cpu.fpu.op = 0x5E8;
    f.cpu.cr0 &= ~(uint32_t)CR0_PE;
    assert_int_equal(STEP(&f, 0xD9, 0x35, 0, 0, 2, 0), STEP_OK);
    uint32_t ip = 0x9ABC0 + 0x2345, dp = 0x22220 + 0x1111;
    assert_int_equal(fake_get32(&f, AT + 12), 0xFFFF0000u | (ip & 0xFFFF));
    assert_int_equal(fake_get32(&f, AT + 16), (ip >> 16) << 12 | 0x5E8);
    assert_int_equal(fake_get32(&f, AT + 20), 0xFFFF0000u | (dp & 0xFFFF));
    assert_int_equal(fake_get32(&f, AT + 24), (dp >> 16) << 12);
    assert_int_equal(STEP(&f, 0x66, 0xD9, 0x35, 0, 0, 2, 0), STEP_OK);
    assert_int_equal(fake_get16(&f, AT + 6), ip & 0xFFFF);
    assert_int_equal(fake_get16(&f, AT + 8), (ip >> 16) << 12 | 0x5E8);
    assert_int_equal(fake_get16(&f, AT + 12), (dp >> 16) << 12);
    fake_done(&f);
}

static void fxsave_and_back(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    assert_int_equal(STEP(&f, 0xD9, 0xE8), STEP_OK); /* fld1 */
    assert_int_equal(STEP(&f, 0xD9, 0xEB), STEP_OK); /* fldpi */
    fake_put32(&f, AT + 24, 0x5A5A5A5A);
    fake_put32(&f, AT + 160, 0x5A5A5A5A);
    struct fpu before = f.cpu.fpu;
    assert_int_equal(STEP(&f, 0x0F, 0xAE, 0x05, 0, 0, 2, 0), STEP_OK);
    assert_memory_equal(&before, &f.cpu.fpu, sizeof before); /* nothing is initialised */
    assert_int_equal(fake_get16(&f, AT), 0x37F);
    assert_int_equal(fake_get8(&f, AT + 4), 0xC0);
    assert_int_equal(fake_get16(&f, AT + 40), 0x4000); /* ST(0): pi */
    assert_int_equal(fake_get16(&f, AT + 56), 0x3FFF);
    assert_int_equal(fake_get32(&f, AT + 24), 0x5A5A5A5A);  /* MXCSR and XMM: not ours */
    assert_int_equal(fake_get32(&f, AT + 160), 0x5A5A5A5A);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    assert_int_equal(STEP(&f, 0x0F, 0xAE, 0x0D, 0, 0, 2, 0), STEP_OK);
    assert_int_equal(f.cpu.fpu.status, before.status);
    assert_int_equal(f.cpu.fpu.used, before.used);
    assert_memory_equal(fpu_st(&f.cpu.fpu, 0), fpu_st(&before, 0), 10);
    is(&f, STEP(&f, 0x0F, 0xAE, 0x05, 8, 0, 2, 0), "#GP(0)", "fxsave, not aligned");
    is(&f, STEP(&f, 0x0F, 0xAE, 0x0D, 8, 0, 2, 0), "#GP(0)", "fxrstor, not aligned");
    fake_done(&f);
}

/* ---- a fault leaves everything as it was ---- */

static void faults_change_nothing(void **state)
{
    (void)state;
    static const uint8_t code[][6] = {
        { 0xDB, 0x3D }, { 0xDD, 0x1D }, { 0xDF, 0x3D }, { 0xDF, 0x35 }, { 0xDD, 0x35 }, { 0xD9, 0x35 }, /* stores over the edge */
        { 0xDB, 0x2D }, { 0xDD, 0x05 }, { 0xDC, 0x05 }, { 0xDD, 0x25 },                                 /* loads */
    };
    for (unsigned n = 0; n < COUNT(code); n++) {
        struct fake f;
        rings_init(&f);
        assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
        assert_int_equal(STEP(&f, 0xD9, 0xE8), STEP_OK);
        fake_page(&f, AT + 0x1000, 0);
        struct fpu before = f.cpu.fpu;
        const uint8_t insn[6] = { code[n][0], code[n][1], 0xFC, 0x0F, 2, 0 }; /* [20FFCh] */
        const char *got = rings_outcome(&f, rings_step(&f, insn, 6));
        if (strncmp(got, "#PF", 3)) fail_msg("%x %x: %s", insn[0], insn[1], got);
        assert_memory_equal(&before, &f.cpu.fpu, sizeof before);
        fake_done(&f);
    }
}

static void mmx_aliases(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    assert_int_equal(STEP(&f, 0xDB, 0xE3), STEP_OK);
    assert_int_equal(STEP(&f, 0xD9, 0xE8), STEP_OK);       /* fld1: physical register 7 */
    f.cpu.reg[EAX] = 0x12345678;
    assert_int_equal(STEP(&f, 0x0F, 0x6E, 0xD8), STEP_OK); /* movd mm3, eax */
    assert_int_equal(f.cpu.fpu.r[3].mantissa, 0x12345678);
    assert_int_equal(f.cpu.fpu.r[3].sign_exp, 0xFFFF);
    assert_int_equal(f.cpu.fpu.r[7].sign_exp, 0x3FFF);
    assert_int_equal(f.cpu.fpu.used, 0xFF);
    assert_int_equal(fpu_top(&f.cpu.fpu), 0);
    assert_int_equal(STEP(&f, 0x0F, 0x77), STEP_OK);
    assert_int_equal(f.cpu.fpu.used, 0);
    fake_done(&f);
}

/* A few results by hand, so that hosts without an x87 unit test the arithmetic, too. */
static void known_results(void **state)
{
    (void)state;
    struct soft s = { 0x37F, 0, false };
    struct fpu_reg r = soft_div(&s, num_int(1), num_int(3));
    assert_true(r.mantissa == 0xAAAAAAAAAAAAAAABu && r.sign_exp == 0x3FFD);
    assert_true(s.up && s.raised == FPU_PE);
    s = (struct soft){ 0x37F, 0, false };
    r = soft_sqrt(&s, num_int(2));
    assert_true(r.mantissa == 0xB504F333F9DE6484u && r.sign_exp == 0x3FFF);
    s = (struct soft){ 0x37F, 0, false };
    r = soft_trig(&s, num_int(1), TRIG_SIN);
    assert_true(r.mantissa == 0xD76AA47848677021u && r.sign_exp == 0x3FFE);
    s = (struct soft){ 0x37F, 0, false };
    r = soft_atan(&s, num_int(1), num_int(1));
    assert_true(r.mantissa == 0xC90FDAA22168C235u && r.sign_exp == 0x3FFE);
    s = (struct soft){ 0x37F, 0, false };
    r = soft_yl2x(&s, num_int(1), num_int(10));
    assert_true(r.mantissa == 0xD49A784BCD1B8AFEu && r.sign_exp == 0x4000);
    assert_int_equal(soft_to_int(&s, num_f64(0x4004000000000000u), 16), 2); /* 2.5, to even */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(availability), cmocka_unit_test(not_there), cmocka_unit_test(denormal_by_infinity), cmocka_unit_test(reported_as_mf),
        cmocka_unit_test(reported_by_ferr), cmocka_unit_test(interrupt_ends_the_wait), cmocka_unit_test(environments),
        cmocka_unit_test(real_mode_environment), cmocka_unit_test(fxsave_and_back),
        cmocka_unit_test(faults_change_nothing), cmocka_unit_test(mmx_aliases), cmocka_unit_test(known_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
