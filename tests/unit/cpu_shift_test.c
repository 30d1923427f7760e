/* Shifts and rotates in memory, and the cases the manual leaves undefined (so cpu_native_test cannot judge them): they
 * must at least stay what they are. Values and defined flags of the register forms are cpu_native_test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/cpu_case.h"

enum { D = FAKE_DATA, CF = FLAG_CF, PF = FLAG_PF, ZF = FLAG_ZF, SF = FLAG_SF, OF = FLAG_OF };

static const struct cpu_case cases[] = {
    { "shl [m], 1", "D1 21", { R(ECX, D), M(D, 0x40000001) }, { M(D, 0x80000002), F(SF | OF) } },
    { "shr byte [m], cl", "D2 2A", { R(EDX, D), R(ECX, 4), M(D, 0x110000F8) }, { M(D, 0x1100000F), F(CF | PF) } },
    { "sar word [m], imm", "66 C1 39 0F", { R(ECX, D), M(D, 0x00018000) }, { M(D, 0x0001FFFF), F(SF | PF) } },
    { "rol [m], cl", "D3 02", { R(EDX, D), R(ECX, 8), M(D, 0x12345678) }, { M(D, 0x34567812), F(0) } },
    { "rcr [m], 1", "D1 19", { F(CF), R(ECX, D), M(D, 0) }, { M(D, 0x80000000), F(OF) } },
    { "rcl byte [m], cl by 9 is by 0", "D2 12", { F(CF | ZF), R(EDX, D), R(ECX, 9), M(D, 0x81) }, { M(D, 0x81) } },
    { "count 0 keeps flags", "D3 22", { F(CF | ZF | SF), R(EDX, D), R(ECX, 0x20), M(D, 5) }, { M(D, 5) } },
    { "count 0 still wants to write", "D3 22", { R(EDX, D), R(ECX, 0), PAGE(D, FAKE_P), CR0(CR0_WP) }, { PAGE_FAULT(3, D) } },
    { "count 0 still reads", "C1 E0 00", { F(OF | CF) }, { F(OF | CF) } },
    { "shl r8 by more than its size", "C0 E0 11", { R(EAX, 0xFF) }, { R(EAX, 0), F(ZF | PF) } },
    { "shl r8 by its size", "C0 E0 08", { R(EAX, 1) }, { R(EAX, 0), F(CF | OF | ZF | PF) } },
    { "sar r16 by more than its size", "66 C1 F8 1F", { R(EAX, 0x8000) }, { R(EAX, 0xFFFF), F(CF | SF | PF) } },
    { "rol r16 by its size sets CF", "66 C1 C0 10", { F(ZF), R(EAX, 0x8001) }, { F(ZF | CF) } },
    { "ror keeps ZF and PF", "C1 C8 01", { F(ZF | PF), R(EAX, 2) }, { R(EAX, 1), F(ZF | PF) } },
    { "shld [m], r, cl", "0F A5 02", { R(EDX, D), R(ECX, 8), R(EAX, 0xAB000000), M(D, 0x00123456) }, { M(D, 0x123456AB), F(0) } },
    { "shrd word [m], r, imm", "66 0F AC 01 04", { R(ECX, D), R(EAX, 0x000F), M(D, 0x77778000) }, { M(D, 0x7777F800), F(SF | PF) } },
    { "shld r16 by 20 goes on into the destination", "66 0F A4 D0 14", { R(EAX, 0x1234), R(EDX, 0x5678) },
      { R(EAX, 0x6781), F(CF | PF | OF) } },
    { "undocumented /6 is shl", "D1 F0", { R(EAX, 3) }, { R(EAX, 6), F(PF) } },
};

static void shifts(void **s)
{
    (void)s;
    cpu_cases_run(cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shifts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
