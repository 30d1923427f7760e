/* The stack and near branches: widths of SP and of what is pushed, several words or none, targets within the CS limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/cpu_case.h"

enum { S = FAKE_STACK, D = FAKE_DATA, C = FAKE_CODE, PAGE_TOP = FAKE_STACK - PAGE_SIZE, ZF = FLAG_ZF };

static const struct cpu_case stack[] = {
    { "push r", "50", { R(EAX, 0x12345678) }, { R(ESP, S - 4), M(S - 4, 0x12345678) } },
    { "push esp pushes the old value", "54", { F(0) }, { R(ESP, S - 4), M(S - 4, S) } },
    { "push imm8 is sign-extended", "6A 80", { F(0) }, { R(ESP, S - 4), M(S - 4, 0xFFFFFF80) } },
    { "push word imm8", "66 6A 80", { M(S - 4, 0) }, { R(ESP, S - 2), M(S - 4, 0xFF800000) } },
    { "push [esp + 4] uses the old esp", "FF 74 24 04", { M(S + 4, 5) }, { R(ESP, S - 4), M(S - 4, 5) } },
    { "push with a 16-bit SP", "50", { SEG16(SEG_SS), R(ESP, 0x77770100), R(EAX, 5) }, { R(ESP, 0x777700FC), M(0xFC, 5) } },
    { "push wraps a 16-bit SP", "50", { SEG16(SEG_SS), R(ESP, 0x77770000), R(EAX, 5) }, { R(ESP, 0x7777FFFC), M(0xFFFC, 5) } },
    { "push across the limit of a 16-bit SP", "50", { SEG16(SEG_SS), LIMIT(SEG_SS, 0xFFFF), R(ESP, 2) }, { FAULT_CODE(VEC_SS, 0) } },
    { "push faults", "50", { PAGE(S - 4, 0) }, { PAGE_FAULT(2, S - 4) } },
    /* a segment register's two bytes; nobody asks whether the doubleword's other half is there */
    { "push fs stores two bytes", "0F A0", { M(S - 4, 0x55555555) }, { R(ESP, S - 4), M(S - 4, 0x55550010) } },
    { "push word fs moves esp by two", "66 0F A0", { M(S - 4, 0x55555555) }, { R(ESP, S - 2), M(S - 4, 0x00105555) } },
    { "push fs at the end of a 16-bit SP", "0F A0", { SEG16(SEG_SS), LIMIT(SEG_SS, 0xFFFF), R(ESP, 2) }, { R(ESP, 0xFFFE) } },
    { "push fs at a page's end", "0F A0", { R(ESP, PAGE_TOP + 2), M(PAGE_TOP - 4, 0xFFFFFFFF), PAGE(PAGE_TOP, 0) },
      { R(ESP, PAGE_TOP - 2), M(PAGE_TOP - 4, 0x0010FFFF) } },
    { "pop fs at a page's end", "0F A1", { R(ESP, PAGE_TOP - 2), M(PAGE_TOP - 4, 0), PAGE(PAGE_TOP, 0) },
      { R(ESP, PAGE_TOP + 2) } },
    { "pop fs at the end of a 16-bit SP", "0F A1", { SEG16(SEG_SS), LIMIT(SEG_SS, 0xFFFF), R(ESP, 0xFFFE), M(0xFFFC, 0) },
      { R(ESP, 2) } },
    { "pop r", "59", { M(S, 7) }, { R(ECX, 7), R(ESP, S + 4) } },
    { "pop esp", "5C", { M(S, 7) }, { R(ESP, 7) } },
    { "pop sp", "66 5C", { M(S, 7) }, { R(ESP, (S & 0xFFFF0000) | 7) } },
    { "pop [esp + 4] uses the new esp", "8F 44 24 04", { M(S, 9) }, { R(ESP, S + 4), M(S + 8, 9) } },
    { "pop [m] that faults keeps esp", "8F 01", { R(ECX, D), PAGE(D, 0) }, { PAGE_FAULT(2, D) } },
    { "pusha", "60", { R(EAX, 1), R(EDI, 8) },
      { R(ESP, S - 32), M(S - 4, 1), M(S - 20, S), M(S - 24, 0x06060606), M(S - 32, 8) } },
    { "pusha stores nothing if it cannot store all", "60", { R(ESP, PAGE_TOP + 8), M(PAGE_TOP + 4, 77), PAGE(PAGE_TOP - 4, 0) },
      { M(PAGE_TOP + 4, 77), PAGE_FAULT(2, PAGE_TOP - 4) } },
    { "popa drops esp", "61", { M(S, 1), M(S + 4, 2), M(S + 8, 3), M(S + 12, 0xDEAD), M(S + 16, 4), M(S + 20, 5), M(S + 24, 6), M(S + 28, 7) },
      { R(EDI, 1), R(ESI, 2), R(EBP, 3), R(EBX, 4), R(EDX, 5), R(ECX, 6), R(EAX, 7), R(ESP, S + 32) } },
    { "popaw", "66 61", { M(S, 0x00020001), M(S + 12, 0x00070006) },
      { R(EDI, 0x08080001), R(ESI, 0x07070002), R(EBP, 0x06060000), R(EBX, 0x04040000), R(EDX, 0x03030000), R(ECX, 0x02020006),
        R(EAX, 0x01010007), R(ESP, S + 16) } },
    { "enter 16, 0", "C8 10 00 00", { R(EBP, 5) }, { R(EBP, S - 4), R(ESP, S - 20), M(S - 4, 5) } },
    { "enter 8, 1", "C8 08 00 01", { R(EBP, 5) }, { R(EBP, S - 4), R(ESP, S - 16), M(S - 4, 5), M(S - 8, S - 4) } },
    { "enter 0, 3 copies the display", "C8 00 00 03", { R(EBP, D), M(D - 4, 11), M(D - 8, 12) },
      { R(EBP, S - 4), R(ESP, S - 16), M(S - 4, D), M(S - 8, 11), M(S - 12, 12), M(S - 16, S - 4) } },
    { "enter with a 16-bit SP keeps the upper half", "C8 08 00 01", { SEG16(SEG_SS), R(ESP, 0x77770100), R(EBP, 5) },
      { R(EBP, 0x777700FC), R(ESP, 0x777700F0), M(0xFC, 5), M(0xF8, 0x777700FC) } },
    { "enter word, likewise", "66 C8 08 00 00", { SEG16(SEG_SS), R(ESP, 0x77770100), R(EBP, 0x55556666), M(0xFC, 0) },
      { R(EBP, 0x555500FE), R(ESP, 0x777700F6), M(0xFC, 0x66660000) } },
    { "enter takes the level modulo 32", "C8 00 00 20", { R(EBP, 5) }, { R(EBP, S - 4), R(ESP, S - 4), M(S - 4, 5) } },
    { "enter tries the final stack pointer, after its pushes", "C8 00 10 00", { M(S - 4, 3), PAGE(PAGE_TOP - 4, 0) },
      { M(S - 4, 0x06060606), PAGE_FAULT(2, PAGE_TOP - 4) } },
    { "leave", "C9", { R(EBP, D), M(D, 6) }, { R(EBP, 6), R(ESP, D + 4) } },
    { "leave with a 16-bit SP", "C9", { SEG16(SEG_SS), R(EBP, 0xFFFF1000), R(ESP, 0x33330000), M(0x1000, 0xC9) },
      { R(EBP, 0xC9), R(ESP, 0x33331004), M(0x1000, 0xC9) } },
};

static const struct cpu_case branches[] = {
    { "jmp rel8", "EB FE", { F(0) }, { IP(C) } },
    { "jmp rel32", "E9 00 01 00 00", { F(0) }, { IP(C + 0x105) } },
    { "jmp rel16 clears the upper half", "66 E9 00 F0", { F(0) }, { IP(0x0004) } },
    { "jmp r", "FF E0", { R(EAX, 0x5000) }, { IP(0x5000) } },
    { "jmp [m]", "FF 25 00 00 02 00", { M(D, 0x6000) }, { IP(0x6000) } },
    { "jmp beyond the limit", "E9 00 00 10 00", { LIMIT(SEG_CS, 0xFFFF) }, { FAULT_CODE(VEC_GP, 0) } },
    { "jz taken", "74 10", { F(ZF) }, { IP(C + 0x12) } },
    { "jz not taken", "74 10", { F(0) }, { IP(C + 2) } },
    { "jnz rel32 backwards", "0F 85 FA FF FF FF", { F(0) }, { IP(C) } },
    { "jz not taken does not mind the limit", "0F 84 00 00 10 00", { LIMIT(SEG_CS, 0xFFFF) }, { IP(C + 6) } },
    { "jz taken does", "0F 84 00 00 10 00", { F(ZF), LIMIT(SEG_CS, 0xFFFF) }, { FAULT_CODE(VEC_GP, 0) } },
    { "jecxz", "E3 10", { R(ECX, 0) }, { IP(C + 0x12) } },
    { "jcxz looks at CX", "67 E3 10", { R(ECX, 0x10000) }, { IP(C + 0x13) } },
    { "loop", "E2 10", { R(ECX, 2) }, { R(ECX, 1), IP(C + 0x12) } },
    { "loop ends", "E2 10", { R(ECX, 1) }, { R(ECX, 0), IP(C + 2) } },
    { "loop with CX", "67 E2 10", { R(ECX, 0x50001) }, { R(ECX, 0x50000), IP(C + 3) } },
    { "loop with zero goes round", "E2 10", { R(ECX, 0) }, { R(ECX, 0xFFFFFFFF), IP(C + 0x12) } },
    { "loope stops on ZF = 0", "E1 10", { R(ECX, 5) }, { R(ECX, 4), IP(C + 2) } },
    { "loopne stops on ZF = 1", "E0 10", { F(ZF), R(ECX, 5) }, { R(ECX, 4), IP(C + 2) } },
    { "loop beyond the limit keeps ecx", "E2 10", { R(ECX, 5), LIMIT(SEG_CS, C + 4) }, { FAULT_CODE(VEC_GP, 0) } },
    { "call rel32", "E8 00 01 00 00", { F(0) }, { R(ESP, S - 4), M(S - 4, C + 5), IP(C + 0x105) } },
    { "call [esp] uses the old esp", "FF 14 24", { M(S, 0x5000) }, { R(ESP, S - 4), M(S - 4, C + 3), IP(0x5000) } },
    { "call rel16", "66 E8 00 01", { M(S - 4, 0) }, { R(ESP, S - 2), M(S - 4, (C + 4) << 16), IP(C + 0x104) } },
    { "call beyond the limit pushes nothing", "E8 00 00 10 00", { M(S - 4, 3), LIMIT(SEG_CS, 0xFFFF) },
      { M(S - 4, 3), FAULT_CODE(VEC_GP, 0) } },
    { "call with a bad stack", "E8 00 01 00 00", { PAGE(S - 4, 0) }, { PAGE_FAULT(2, S - 4) } },
    { "ret", "C3", { M(S, 0x5000) }, { R(ESP, S + 4), IP(0x5000) } },
    { "ret 8", "C2 08 00", { M(S, 0x5000) }, { R(ESP, S + 12), IP(0x5000) } },
    { "ret word", "66 C3", { M(S, 0x77775000) }, { R(ESP, S + 2), IP(0x5000) } },
    { "ret beyond the limit keeps esp", "C3", { M(S, 0x20000), LIMIT(SEG_CS, 0xFFFF) }, { FAULT_CODE(VEC_GP, 0) } },
};

static void pushes_and_pops(void **s) { (void)s; cpu_cases_run(stack, sizeof stack / sizeof stack[0]); }
static void near_branches(void **s) { (void)s; cpu_cases_run(branches, sizeof branches / sizeof branches[0]); }

/* The 8086's modes: an exception of its own for a PUSHA that straddles the end, #SS on a stack with less room still. */
static void pusha_at_the_end(void **state)
{
    (void)state;
    static const struct { uint32_t sp; int vector; } rows[] = {
        { 17, -1 }, { 16, -1 }, { 15, VEC_GP }, { 7, VEC_GP }, { 8, -1 }, { 5, VEC_SS }, { 1, VEC_SS }, { 0, -1 }
    };
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
        struct fake f;
        fake_init(&f, false);
        f.cpu.cr0 &= ~(uint32_t)CR0_PE;
        cpu_seg_set(&f.cpu.seg[SEG_CS], 0, 0xFFFF, 0x9300);
        cpu_seg_set(&f.cpu.seg[SEG_SS], 0x2000, 0xFFFF, 0x9302);
        f.cpu.reg[ESP] = 0x70000 | rows[n].sp;
        fake_put(&f, FAKE_CODE, (const uint8_t[]){ 0x60 }, 1);
        enum step s = cpu_execute_one(&f.cpu, NULL);
        assert_int_equal(s == STEP_FAULT ? f.cpu.fault.vector : -1, rows[n].vector);
        assert_int_equal(f.cpu.reg[ESP], 0x70000 | (s == STEP_FAULT ? rows[n].sp : (rows[n].sp - 16) & 0xFFFF));
        fake_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pushes_and_pops), cmocka_unit_test(pusha_at_the_end),
                                        cmocka_unit_test(near_branches) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
