/* Virtual-8086 mode: what is refused, IF by IOPL or by VIF, INT n by the redirection bitmap, the way out through a gate
 * and back by IRET, segments, and tasks; and CR4.PVI (SDM vol. 3B ch. 20). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/rings.h"

#define COUNT(a) (sizeof (a) / sizeof (a)[0])
#define IOPL(n) ((uint32_t)(n) << 12)
enum { INT16 = 6, INT32 = 14, TASK_GATE = 5, DPL3 = 3 << 5 };
enum { CS_86 = 0x0100, SS_86 = 0x1200, DS_86 = 0x2000, SP_86 = 0x0800, IP_86 = 0 };
enum { REDIRECT = 0x68, IOMAP = 0x88 }; /* within the TSS: the redirection bitmap ends where the other begins */

/* By the IRET of ring 0, as a monitor does. */
static void start(struct fake *f, uint32_t flags)
{
    const uint32_t frame[9] = { IP_86, CS_86, flags | FLAG_VM | FLAG_ONE, SP_86, SS_86, 0x2222, DS_86, 0x3333, 0x4444 };
    rings_init(f);
    for (unsigned n = 0; n < 9; n++) fake_put32(f, f->cpu.reg[ESP] + 4 * n, frame[n]);
    for (unsigned n = 0; n < 32; n += 4) fake_put32(f, AT_TSS + REDIRECT + n, UINT32_MAX);
    fake_put32(f, AT_TSS + 0x64, (uint32_t)IOMAP << 16);
    assert_int_equal(STEP(f, 0xCF), STEP_JUMP);
}

static void enters(void **state)
{
    (void)state;
    struct fake f;
    start(&f, FLAG_IF | FLAG_CF | IOPL(2) | FLAG_VIF | FLAG_VIP); /* both: nobody minds without VME */
    const struct cpu *c = &f.cpu;
    static const uint16_t sel[] = { 0x2222, CS_86, SS_86, DS_86, 0x3333, 0x4444 };
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        assert_int_equal(c->seg[n].sel, sel[n]);
        assert_int_equal(c->seg[n].base, sel[n] * 16u);
        assert_int_equal(c->seg[n].limit, 0xFFFF);
        assert_int_equal(c->seg[n].ar, 0xF3);
    }
    assert_int_equal(c->cpl, 3);
    assert_int_equal(c->eip, IP_86);
    assert_int_equal(c->reg[ESP], SP_86);
    assert_int_equal(cpu_flags(c), FLAG_ONE | FLAG_IF | FLAG_CF | IOPL(2) | FLAG_VM | FLAG_VIF | FLAG_VIP);
    fake_done(&f);
}

static void eip_of_the_frame(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    fake_put32(&f, f.cpu.reg[ESP], 0x10123);
    fake_put32(&f, f.cpu.reg[ESP] + 4, CS_86);
    fake_put32(&f, f.cpu.reg[ESP] + 8, FLAG_VM | FLAG_ONE);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.cpu.eip, 0x123);
    fake_done(&f);
}

/* ---- one instruction ---- */

static const struct {
    const char *what;
    uint8_t bytes[6], n;
    const char *iopl0, *iopl3; /* the outcome with IOPL 0 to 2, and with 3 */
} insns[] = {
    { "cli",         { 0xFA }, 1, "#GP(0)", "ok" },
    { "sti",         { 0xFB }, 1, "#GP(0)", "ok" },
    { "pushf",       { 0x9C }, 1, "#GP(0)", "ok" },
    { "pushfd",      { 0x66, 0x9C }, 2, "#GP(0)", "ok" },
    { "popf",        { 0x9D }, 1, "#GP(0)", "ok" },
    { "popfd",       { 0x66, 0x9D }, 2, "#GP(0)", "ok" },
    { "iret",        { 0xCF }, 1, "#GP(0)", "jump" },
    { "int 21h",     { 0xCD, 0x81 }, 2, "#GP(0)", "jump" },
    { "int3",        { 0xCC }, 1, "#GP(1A)", "#GP(1A)" },   /* the gate's DPL counts, IOPL does not */
    { "int 3",       { 0xCD, 0x03 }, 2, "#GP(0)", "#GP(1A)" },
    { "int1",        { 0xF1 }, 1, "jump", "jump" },
    { "hlt",         { 0xF4 }, 1, "#GP(0)", "#GP(0)" },
    { "in al, 60h",  { 0xE4, 0x60 }, 2, "#GP(0)", "#GP(0)" }, /* by the bitmap alone */
    { "in al, 10h",  { 0xE4, 0x10 }, 2, "ok", "ok" },
    { "arpl",        { 0x63, 0xC0 }, 2, "#UD", "#UD" },
    { "lar",         { 0x0F, 0x02, 0xC0 }, 3, "#UD", "#UD" },
    { "lsl",         { 0x0F, 0x03, 0xC0 }, 3, "#UD", "#UD" },
    { "verr",        { 0x0F, 0x00, 0xE0 }, 3, "#UD", "#UD" },
    { "verw",        { 0x0F, 0x00, 0xE8 }, 3, "#UD", "#UD" },
    { "sldt",        { 0x0F, 0x00, 0xC0 }, 3, "#UD", "#UD" },
    { "str",         { 0x0F, 0x00, 0xC8 }, 3, "#UD", "#UD" },
    { "lldt",        { 0x0F, 0x00, 0xD0 }, 3, "#UD", "#UD" },
    { "ltr",         { 0x0F, 0x00, 0xD8 }, 3, "#UD", "#UD" },
    { "smsw",        { 0x0F, 0x01, 0xE0 }, 3, "ok", "ok" },
    { "lmsw",        { 0x0F, 0x01, 0xF0 }, 3, "#GP(0)", "#GP(0)" },
    { "clts",        { 0x0F, 0x06 }, 2, "#GP(0)", "#GP(0)" },
    { "mov eax,cr0", { 0x0F, 0x20, 0xC0 }, 3, "#GP(0)", "#GP(0)" },
    { "mov ax,[FFFF]", { 0xA1, 0xFF, 0xFF }, 3, "#GP(0)", "#GP(0)" },
    { "mov [cs:0],al", { 0x2E, 0xA2, 0x80, 0x00 }, 4, "ok", "ok" },
    { "jmp 0200:0010", { 0xEA, 0x10, 0x00, 0x00, 0x02 }, 5, "jump", "jump" },
    { "call 0200:0010", { 0x9A, 0x10, 0x00, 0x00, 0x02 }, 5, "jump", "jump" },
    { "retf",        { 0xCB }, 1, "jump", "jump" },
    { "mov ds,ax",   { 0x8E, 0xD8 }, 2, "ok", "ok" },
};

static void each_insn(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(insns); n++)
        for (unsigned iopl = 0; iopl < 4; iopl++) {
            struct fake f;
            start(&f, IOPL(iopl));
            fake_put32(&f, AT_TSS + IOMAP, 0xFFFEFFFF); /* port 10h is open */
            f.cpu.reg[EAX] = 0x0250;
            enum step s = rings_step(&f, insns[n].bytes, insns[n].n);
            const char *wanted = iopl == 3 ? insns[n].iopl3 : insns[n].iopl0;
            if (strcmp(rings_outcome(&f, s), wanted))
                fail_msg("%s with IOPL %u: wanted %s, got %s", insns[n].what, iopl, wanted, rings_outcome(&f, s));
            fake_done(&f);
        }
}

static void segments(void **state)
{
    (void)state;
    struct fake f;
    start(&f, IOPL(3));
    f.cpu.reg[EAX] = 0x0003; /* no null selectors here */
    assert_int_equal(STEP(&f, 0x8E, 0xD8), STEP_OK);
    assert_int_equal(f.cpu.seg[SEG_DS].base, 0x30);
    assert_int_equal(STEP(&f, 0x9A, 0x10, 0x00, 0x00, 0x02), STEP_JUMP);
    assert_int_equal(f.cpu.seg[SEG_CS].base, 0x2000);
    assert_int_equal(f.cpu.seg[SEG_CS].ar, 0xF3);
    assert_int_equal(f.cpu.eip, 0x10);
    assert_int_equal(fake_get32(&f, SS_86 * 16 + SP_86 - 4), (uint32_t)CS_86 << 16 | (IP_86 + 7));
    fake_done(&f);
}

/* ---- out and back ---- */

static void through_a_gate(void **state)
{
    (void)state;
    for (unsigned size = 2; size <= 4; size += 2) {
        struct fake f;
        start(&f, FLAG_IF | IOPL(3) | FLAG_NT);
        rings_idt(&f, 0x81, AR_P | DPL3 | (size == 4 ? INT32 : INT16), SEL_CODE0, 0x5432);
        assert_int_equal(STEP(&f, 0xCD, 0x81), STEP_JUMP);
        const struct cpu *c = &f.cpu;
        static const uint32_t want[9] = { IP_86 + 2, CS_86, FLAG_ONE | FLAG_IF | IOPL(3) | FLAG_NT | FLAG_VM, SP_86, SS_86,
                                          0x2222, DS_86, 0x3333, 0x4444 };
        assert_int_equal(c->reg[ESP], AT_STACK - 9 * size);
        for (unsigned n = 0; n < 9; n++) {
            uint32_t at = c->reg[ESP] + n * size;
            assert_int_equal(size == 4 ? fake_get32(&f, at) : fake_get16(&f, at), size == 4 ? want[n] : want[n] & 0xFFFF);
        }
        assert_int_equal(c->cpl, 0);
        assert_int_equal(c->seg[SEG_CS].sel, SEL_CODE0);
        assert_int_equal(cpu_flags(c), FLAG_ONE | IOPL(3));
        for (unsigned s = 0; s < SEG_COUNT; s++)
            if (s != SEG_CS && s != SEG_SS) {
                assert_int_equal(c->seg[s].sel, 0);
                assert_int_equal(c->seg[s].ar, 0);
            }
        fake_done(&f);
    }
}

static const struct { const char *what; uint16_t target; const char *wanted; } targets[] = {
    { "ring 0", SEL_CODE0, "jump" }, { "ring 1", CODE(1), "#GP(18)" }, { "ring 3", CODE(3), "#GP(38)" },
    { "conforming", SEL_CONFORMING, "#GP(48)" }
};
static void only_to_ring_0(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(targets); n++) {
        struct fake f;
        start(&f, IOPL(3));
        rings_idt(&f, 0x81, AR_P | DPL3 | INT32, targets[n].target, 0x5432);
        assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x81)), targets[n].wanted);
        fake_done(&f);
    }
}

static void through_a_task_gate(void **state)
{
    (void)state;
    struct fake f;
    start(&f, FLAG_IF | IOPL(3));
    fake_put32(&f, AT_TASK + 0x20, 0x5432);
    fake_put32(&f, AT_TASK + 0x38, AT_STACK);
    for (unsigned n = 0; n < 6; n++) fake_put32(&f, AT_TASK + 0x48 + 4 * n, n == SEG_CS ? SEL_CODE0 : SEL_DATA0);
    rings_idt(&f, 0x81, AR_P | DPL3 | TASK_GATE, SEL_TSS_FREE, 0);
    assert_int_equal(STEP(&f, 0xCD, 0x81), STEP_JUMP);
    assert_int_equal(f.cpu.cpl, 0);
    assert_int_equal(f.cpu.eip, 0x5432);
    assert_int_equal(fake_get32(&f, AT_TSS + 0x24), FLAG_ONE | FLAG_IF | IOPL(3) | FLAG_VM);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP); /* NT: back to the 8086 task */
    assert_int_equal(f.cpu.cpl, 3);
    assert_int_equal(f.cpu.eip, IP_86 + 2);
    assert_int_equal(f.cpu.seg[SEG_GS].base, 0x44440);
    assert_int_equal(f.cpu.seg[SEG_CS].ar, 0xF3);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF | IOPL(3) | FLAG_VM);
    fake_done(&f);
}

/* ---- VIF ---- */

static const struct {
    const char *what;
    uint8_t bytes[2], n;
    uint16_t image;         /* on the stack: popped, or the third word of IRET's frame */
    uint32_t before;        /* VIF, VIP */
    const char *wanted;
    uint32_t after;         /* all of EFLAGS but VM and bit 1 */
} vme[] = {
    { "cli",                { 0xFA }, 1, 0, FLAG_VIF, "ok", 0 },
    { "sti",                { 0xFB }, 1, 0, 0, "ok", FLAG_VIF },
    { "sti with VIP",       { 0xFB }, 1, 0, FLAG_VIP, "#GP(0)", 0 },
    { "cli with VIP",       { 0xFA }, 1, 0, FLAG_VIP | FLAG_VIF, "ok", FLAG_VIP },
    { "popf IF",            { 0x9D }, 1, FLAG_IF | FLAG_CF | IOPL(3) | FLAG_NT, 0, "ok", FLAG_VIF | FLAG_CF | FLAG_NT },
    { "popf no IF",         { 0x9D }, 1, FLAG_DF, FLAG_VIF, "ok", FLAG_DF },
    { "popf IF with VIP",   { 0x9D }, 1, FLAG_IF, FLAG_VIP, "#GP(0)", 0 },
    { "popf no IF with VIP", { 0x9D }, 1, 0, FLAG_VIP | FLAG_VIF, "ok", FLAG_VIP },
    { "popf TF",            { 0x9D }, 1, FLAG_TF, 0, "#GP(0)", 0 },
    { "popfd",              { 0x66, 0x9D }, 2, 0, 0, "#GP(0)", 0 },
    { "pushfd",             { 0x66, 0x9C }, 2, 0, 0, "#GP(0)", 0 },
    { "iret",               { 0xCF }, 1, FLAG_IF | FLAG_OF, 0, "jump", FLAG_VIF | FLAG_OF },
    { "iret IF with VIP",   { 0xCF }, 1, FLAG_IF, FLAG_VIP, "#GP(0)", 0 },
    { "iret TF",            { 0xCF }, 1, FLAG_TF, 0, "#GP(0)", 0 },
    { "iretd",              { 0x66, 0xCF }, 2, 0, 0, "#GP(0)", 0 },
};
static void virtual_if(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COUNT(vme); n++) {
        struct fake f;
        start(&f, vme[n].before);
        f.cpu.cr4 |= CR4_VME;
        uint32_t top = SS_86 * 16 + SP_86;
        bool iret = vme[n].bytes[vme[n].n - 1] == 0xCF;
        fake_put32(&f, top, iret ? 0x01000010 : vme[n].image);
        fake_put32(&f, top + 4, vme[n].image);
        enum step s = rings_step(&f, vme[n].bytes, vme[n].n);
        if (strcmp(rings_outcome(&f, s), vme[n].wanted))
            fail_msg("%s: wanted %s, got %s", vme[n].what, vme[n].wanted, rings_outcome(&f, s));
        if (s != STEP_FAULT && cpu_flags(&f.cpu) != (vme[n].after | FLAG_VM | FLAG_ONE))
            fail_msg("%s: EFLAGS %X", vme[n].what, cpu_flags(&f.cpu));
        fake_done(&f);
    }
}

/* A monitor that lets a program in with an interrupt pending and wanted hears of it at once. */
static void stopped_at_the_door(void **state)
{
    (void)state;
    struct fake f;
    const uint32_t frame[9] = { 0x10, CS_86, FLAG_VM | FLAG_VIF | FLAG_VIP, SP_86, SS_86, 0, 0, 0, 0 };
    rings_init(&f);
    f.cpu.cr4 |= CR4_VME;
    for (unsigned n = 0; n < 9; n++) fake_put32(&f, f.cpu.reg[ESP] + 4 * n, frame[n]);
    assert_int_equal(STEP(&f, 0xCF), STEP_JUMP);
    assert_int_equal(f.cpu.eip, AT_HANDLER + 16 * VEC_GP);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP]), 0);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 4), 0x10);
    assert_int_equal(fake_get32(&f, f.cpu.reg[ESP] + 12), FLAG_ONE | FLAG_RF | FLAG_VM | FLAG_VIF | FLAG_VIP);
    fake_done(&f);
}

static void pushes_vif(void **state)
{
    (void)state;
    for (unsigned on = 0; on < 2; on++) {
        struct fake f;
        start(&f, IOPL(1) | FLAG_CF | (on ? FLAG_VIF : FLAG_IF));
        f.cpu.cr4 |= CR4_VME;
        assert_int_equal(STEP(&f, 0x9C), STEP_OK);
        assert_int_equal(fake_get16(&f, SS_86 * 16 + SP_86 - 2), FLAG_ONE | FLAG_CF | IOPL(3) | (on ? FLAG_IF : 0));
        fake_done(&f);
    }
}

static void redirection(void **state)
{
    (void)state;
    for (unsigned iopl = 0; iopl < 4; iopl++) {
        struct fake f;
        start(&f, IOPL(iopl) | FLAG_VIF | FLAG_IF | FLAG_NT);
        f.cpu.cr4 |= CR4_VME;
        fake_put32(&f, 0x81 * 4, 0x01800010);
        enum step s = STEP(&f, 0xCD, 0x81);
        assert_string_equal(rings_outcome(&f, s), iopl == 3 ? "jump" : "#GP(0)"); /* its bit is set: not redirected */
        fake_done(&f);
        start(&f, IOPL(iopl) | FLAG_VIF | FLAG_IF | FLAG_NT);
        f.cpu.cr4 |= CR4_VME;
        fake_put32(&f, 0x81 * 4, 0x01800010);
        uint8_t open = 0xFD;
        fake_put(&f, AT_TSS + REDIRECT + 0x81 / 8, &open, 1);
        assert_int_equal(STEP(&f, 0xCD, 0x81), STEP_JUMP);
        assert_int_equal(f.cpu.seg[SEG_CS].base, 0x1800);
        assert_int_equal(f.cpu.eip, 0x10);
        assert_int_equal(f.cpu.reg[ESP], SP_86 - 6);
        assert_int_equal(fake_get16(&f, SS_86 * 16 + SP_86 - 2), FLAG_ONE | FLAG_IF | FLAG_NT | IOPL(3));
        uint32_t left = FLAG_ONE | FLAG_VM | FLAG_NT | IOPL(iopl);
        assert_int_equal(cpu_flags(&f.cpu), left | (iopl == 3 ? FLAG_VIF : FLAG_IF));
        fake_done(&f);
    }
}

static void redirection_needs_its_map(void **state)
{
    (void)state;
    struct fake f;
    start(&f, IOPL(3));
    f.cpu.cr4 |= CR4_VME;
    f.cpu.tr.limit = 0x66;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x81)), "#GP(0)");
    f.cpu.tr.limit = REDIRECT + 0x81 / 8 - 1;
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x81)), "#GP(0)");
    f.cpu.tr.limit++;
    assert_int_equal(STEP(&f, 0xCD, 0x81), STEP_JUMP);
    fake_done(&f);
    start(&f, IOPL(3));
    f.cpu.cr4 |= CR4_VME;
    fake_put32(&f, AT_TSS + 0x64, 31u << 16);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xCD, 0x81)), "#GP(0)");
    fake_done(&f);
}

static void protected_virtual_if(void **state)
{
    (void)state;
    struct fake f;
    rings_init(&f);
    rings_enter(&f, 3);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xFB)), "#GP(0)");
    f.cpu.cr4 |= CR4_PVI;
    assert_int_equal(STEP(&f, 0xFB), STEP_OK);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_VIF);
    assert_int_equal(STEP(&f, 0xFA), STEP_OK);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE);
    cpu_set_flags(&f.cpu, FLAG_VIP);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xFB)), "#GP(0)");
    rings_enter(&f, 2);
    assert_string_equal(rings_outcome(&f, STEP(&f, 0xFA)), "#GP(0)"); /* ring 3 alone */
    rings_enter(&f, 3);
    cpu_set_flags(&f.cpu, IOPL(3));
    assert_int_equal(STEP(&f, 0xFB), STEP_OK);
    assert_int_equal(cpu_flags(&f.cpu), FLAG_ONE | FLAG_IF | IOPL(3));
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enters), cmocka_unit_test(eip_of_the_frame), cmocka_unit_test(each_insn), cmocka_unit_test(segments),
        cmocka_unit_test(through_a_gate), cmocka_unit_test(only_to_ring_0), cmocka_unit_test(through_a_task_gate),
        cmocka_unit_test(virtual_if), cmocka_unit_test(stopped_at_the_door),
        cmocka_unit_test(pushes_vif), cmocka_unit_test(redirection),
        cmocka_unit_test(redirection_needs_its_map), cmocka_unit_test(protected_virtual_if)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
