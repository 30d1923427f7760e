/* Data movement and arithmetic with memory operands, segments and faults. What values and flags come out of the register
 * forms is cpu_native_test's; here it is addressing, write rights, and "whole or not at all". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/cpu_case.h"

enum { D = FAKE_DATA, NEXT = FAKE_DATA + PAGE_SIZE, CF = FLAG_CF, PF = FLAG_PF, AF = FLAG_AF, ZF = FLAG_ZF, SF = FLAG_SF, OF = FLAG_OF };
#define RUN(table) cpu_cases_run(table, sizeof table / sizeof table[0])

static const struct cpu_case addressing[] = {
    { "mov r, [abs]", "8B 0D 00 00 02 00", { M(D, 0x11223344) }, { R(ECX, 0x11223344) } },
    { "mov eax, moffs", "A1 00 00 02 00", { M(D, 0x11223344) }, { R(EAX, 0x11223344) } },
    { "mov moffs, ax", "66 A3 00 00 02 00", { R(EAX, 0xAAAA5555), M(D, 0x11223344) }, { M(D, 0x11225555) } },
    { "[base + index*8 + disp8]", "8B 44 D9 FC", { R(ECX, D), R(EBX, 2), M(D + 12, 77) }, { R(EAX, 77) } },
    { "[index*4 + disp32]", "8B 04 9D F8 FF 01 00", { R(EBX, 3), M(D + 4, 78) }, { R(EAX, 78) } },
    { "[esp + disp8] needs SIB", "8B 44 24 04", { R(ESP, D), M(D + 4, 79) }, { R(EAX, 79) } },
    { "[ebp - 4]", "8B 45 FC", { R(EBP, D + 8), M(D + 4, 80) }, { R(EAX, 80) } },
    { "16-bit [bx + si] wraps at 64 KB (into this code)", "67 8B 00", { R(EBX, 0x1234F000), R(ESI, 0x56782000) },
      { R(EAX, 0x008B67) } },
    { "16-bit [bp + di - 2]", "67 8B 43 FE", { R(EBP, 0x8000), R(EDI, 0x1002), M(0x9000, 5) }, { R(EAX, 5) } },
    { "lea with 16-bit addresses", "67 8D 40 10", { R(EBX, 0xFFFF), R(ESI, 0x12340001) }, { R(EAX, 0x10) } },
    { "lea of 16 bits keeps the upper half", "66 8D 04 0A", { R(EDX, 0x12348000), R(ECX, 0x8001) }, { R(EAX, 0x01010001) } },
    { "add eax, [ecx]", "03 01", { R(EAX, 5), R(ECX, D), M(D, 6) }, { R(EAX, 11), F(0) } },
    { "add [ecx], eax", "01 01", { R(EAX, 5), R(ECX, D), M(D, 0xFFFFFFFB) }, { M(D, 0), F(CF | PF | AF | ZF) } },
    { "add byte [ecx], ah", "00 21", { R(EAX, 0x8000), R(ECX, D), M(D, 0x11111180) }, { M(D, 0x11111100), F(CF | PF | ZF | OF) } },
    { "sub word [ecx], imm8", "66 83 29 FF", { R(ECX, D), M(D, 0x11110000) }, { M(D, 0x11110001), F(CF | AF) } },
    { "cmp byte [ecx], imm", "80 39 80", { R(ECX, D), M(D, 0x7F) }, { F(CF | SF | OF | PF) } },
    { "test [ecx], imm", "F7 01 00 00 00 80", { R(ECX, D), M(D, 0x80000000) }, { F(SF | PF) } },
    { "adc [ecx], imm8 with CF", "83 11 00", { F(CF), R(ECX, D), M(D, 0x7FFFFFFF) }, { M(D, 0x80000000), F(SF | OF | AF | PF) } },
    { "inc [ecx] keeps CF", "FF 01", { F(CF), R(ECX, D), M(D, 0x7FFFFFFF) }, { M(D, 0x80000000), F(CF | SF | OF | AF | PF) } },
    { "dec byte [ecx]", "FE 09", { R(ECX, D), M(D, 0x100) }, { M(D, 0x1FF), F(SF | AF | PF) } },
    { "neg [ecx]", "F7 19", { R(ECX, D), M(D, 1) }, { M(D, 0xFFFFFFFF), F(CF | PF | AF | SF) } },
    { "not [ecx] changes no flag", "F7 11", { F(CF | ZF), R(ECX, D), M(D, 0xF0F0F0F0) }, { M(D, 0x0F0F0F0F) } },
    { "movzx eax, byte [ecx]", "0F B6 01", { R(ECX, D), M(D, 0x11FF) }, { R(EAX, 0xFF) } },
    { "movsx eax, word [ecx]", "0F BF 01", { R(ECX, D), M(D, 0x11118000) }, { R(EAX, 0xFFFF8000) } },
    { "mov byte [ecx], imm", "C6 01 7E", { R(ECX, D), M(D, 0x11111111) }, { M(D, 0x1111117E) } },
    { "xchg [ecx], edx", "87 11", { R(ECX, D), R(EDX, 1), M(D, 2) }, { R(EDX, 2), M(D, 1) } },
    { "lock xadd [ecx], edx", "F0 0F C1 11", { R(ECX, D), R(EDX, 3), M(D, 4) }, { R(EDX, 4), M(D, 7), F(0) } },
    { "cmpxchg equal", "0F B1 11", { R(EAX, 4), R(ECX, D), R(EDX, 9), M(D, 4) }, { M(D, 9), F(ZF | PF) } },
    { "cmpxchg different", "0F B1 11", { R(EAX, 3), R(ECX, D), R(EDX, 9), M(D, 4) }, { R(EAX, 4), M(D, 4), F(CF | PF | AF | SF) } },
    { "cmpxchg8b equal", "0F C7 0E", { R(ESI, D), R(EAX, 1), R(EDX, 2), R(EBX, 3), R(ECX, 4), M(D, 1), M(D + 4, 2) },
      { M(D, 3), M(D + 4, 4), F(ZF) } },
    { "cmpxchg8b different", "0F C7 0E", { F(ZF | CF), R(ESI, D), R(EAX, 1), R(EDX, 2), M(D, 1), M(D + 4, 7) }, { R(EDX, 7), F(CF) } },
    { "xlat", "D7", { R(EBX, D), R(EAX, 0x105), M(D + 5, 0x42) }, { R(EAX, 0x142) } },
    { "setz [ecx]", "0F 94 01", { F(ZF), R(ECX, D), M(D, 0x11111111) }, { M(D, 0x11111101) } },
    { "cmovz not taken reads anyway", "0F 44 01", { R(ECX, D) }, { R(ECX, D) } },
    { "mul byte [ecx]", "F6 21", { R(EAX, 0x10), R(ECX, D), M(D, 0x20) }, { R(EAX, 0x200), F(CF | OF | ZF | PF) } },
    { "imul edx, [ecx], imm8", "6B 11 FD", { R(ECX, D), M(D, 7) }, { R(EDX, 0xFFFFFFEB), F(SF | PF) } },
    { "idiv dword [ecx]", "F7 39", { R(EAX, 0xFFFFFFF9), R(EDX, 0xFFFFFFFF), R(ECX, D), M(D, 2) }, { R(EAX, 0xFFFFFFFD), R(EDX, 0xFFFFFFFF) } },
    { "salc", "D6", { F(CF), R(EAX, 0x100) }, { R(EAX, 0x1FF) } },
    { "nop with memory accesses nothing", "0F 1F 80 00 00 FF FF", { PAGE(D, 0) }, { IP(FAKE_CODE + 7) } },
    { "pause", "F3 90", { F(0) }, { F(0) } },
    { "prefetcht0 accesses nothing", "0F 18 09", { R(ECX, D), PAGE(D, 0) }, { R(ECX, D) } },
    { "std", "FD", { F(0) }, { F(FLAG_DF) } },
    { "wait with TS but not MP", "9B", { CR0(CR0_TS) }, { IP(FAKE_CODE + 1) } },
};

static const struct cpu_case bcd[] = { /* results by a 32-bit processor */
    { "aaa adjusts", "37", { R(EAX, 0x000A) }, { R(EAX, 0x0100), F(CF | AF | ZF | PF) } },
    { "aaa by AF", "37", { F(AF), R(EAX, 0x00FA) }, { R(EAX, 0x0200), F(CF | AF | ZF | PF) } },
    { "aas borrows into AH", "3F", { F(AF), R(EAX, 0x0000) }, { R(EAX, 0xFE0A), F(CF | AF | PF) } },
    { "aam", "D4 0A", { R(EAX, 0x003F) }, { R(EAX, 0x0603), F(PF) } },
    { "aad", "D5 0A", { R(EAX, 0x0603) }, { R(EAX, 0x003F), F(PF) } },
    { "daa 9A", "27", { R(EAX, 0x9A) }, { R(EAX, 0x00), F(CF | AF | ZF | PF) } },
    { "das 80 with CF", "2F", { F(CF), R(EAX, 0x80) }, { R(EAX, 0x20), F(CF) } },
    { "das borrows by the low digit", "2F", { F(AF), R(EAX, 0x05) }, { R(EAX, 0xFF), F(CF | AF | SF | PF) } },
    { "aam 0", "D4 00", { R(EAX, 5) }, { R(EAX, 5), FAULT(VEC_DE) } },
};

static const struct cpu_case crossing[] = {
    { "read across pages", "8B 01", { R(ECX, NEXT - 1), M(NEXT - 4, 0x44000000), M(NEXT, 0x00112233) }, { R(EAX, 0x11223344) } },
    { "read of a word across pages", "66 8B 01", { R(ECX, NEXT - 1), M(NEXT - 4, 0x44000000), M(NEXT, 0x33) }, { R(EAX, 0x01013344) } },
    { "write across pages", "89 01", { R(ECX, NEXT - 3), R(EAX, 0x44332211) }, { M(NEXT - 4, 0x33221100), M(NEXT, 0x44) } },
    { "add across pages", "83 01 01", { R(ECX, NEXT - 2), M(NEXT - 4, 0xFFFF0000), M(NEXT, 0x0000FFFF) },
      { M(NEXT - 4, 0), M(NEXT, 0), F(CF | AF | ZF | PF) } },
    { "a write whose second page faults stores nothing", "89 01", { R(ECX, NEXT - 2), M(NEXT - 4, 5), PAGE(NEXT, 0) }, { M(NEXT - 4, 5),
      PAGE_FAULT(2, NEXT) } },
    { "an add likewise", "01 01", { R(ECX, NEXT - 2), M(NEXT - 4, 5), PAGE(NEXT, FAKE_P), CR0(CR0_WP) }, { M(NEXT - 4, 5),
      PAGE_FAULT(3, NEXT) } },
    { "a read's second page", "8B 01", { R(ECX, NEXT - 2), PAGE(NEXT, 0) }, { R(ECX, NEXT - 2), PAGE_FAULT(0, NEXT) } },
};

static const struct cpu_case faults[] = {
    { "read not present", "8B 01", { R(ECX, D + 4), PAGE(D, 0) }, { R(ECX, D + 4), PAGE_FAULT(0, D + 4) } },
    { "read-modify-write says write", "01 01", { F(CF), R(ECX, D + 4), PAGE(D, 0) }, { R(ECX, D + 4), PAGE_FAULT(2, D + 4) } },
    { "cmp only reads", "39 01", { R(ECX, D), PAGE(D, FAKE_P), CR0(CR0_WP), M(D, 0x00010101) }, { F(CF | SF | PF) } },
    { "supervisor ignores W without WP", "89 01", { R(ECX, D), PAGE(D, FAKE_P) }, { M(D, 0x01010101) } },
    { "user page rights", "89 01", { R(ECX, D), PAGE(D, FAKE_P | FAKE_W), CPL(3) }, { R(ECX, D), PAGE_FAULT(7, D) } },
    { "bts in a read-only page", "0F AB 01", { R(ECX, D), R(EAX, 1), PAGE(D, FAKE_P), CR0(CR0_WP) }, { M(D, 0), PAGE_FAULT(3, D) } },
    { "cmpxchg that fails writes, too", "0F B1 11", { R(EAX, 3), R(ECX, D), PAGE(D, FAKE_P), CR0(CR0_WP) }, { R(EAX, 3), PAGE_FAULT(3, D) } },
    { "xchg", "87 11", { R(ECX, D), PAGE(D, FAKE_P), CR0(CR0_WP) }, { R(ECX, D), PAGE_FAULT(3, D) } },
    { "data limit", "8B 01", { R(ECX, D), LIMIT(SEG_DS, D + 2) }, { R(ECX, D), FAULT_CODE(VEC_GP, 0) } },
    { "data limit, last byte", "8B 01", { R(ECX, D), LIMIT(SEG_DS, D + 3), M(D, 5) }, { R(EAX, 5) } },
    { "stack limit is #SS", "8B 45 00", { R(EBP, D), LIMIT(SEG_SS, D + 2) }, { R(EBP, D), FAULT_CODE(VEC_SS, 0) } },
    { "override by ES", "26 8B 01", { R(ECX, D), LIMIT(SEG_DS, 0), M(D, 5) }, { R(EAX, 5) } },
    { "code cannot be written", "2E 89 01", { R(ECX, D) }, { R(ECX, D), FAULT_CODE(VEC_GP, 0) } },
    { "offset that wraps", "8B 01", { R(ECX, 0xFFFFFFFE) }, { R(ECX, 0xFFFFFFFE), FAULT_CODE(VEC_GP, 0) } },
    { "divide by zero", "F7 F1", { F(CF), R(ECX, 0) }, { R(ECX, 0), FAULT(VEC_DE) } },
    { "quotient too large", "F7 F1", { R(ECX, 2), R(EDX, 2) }, { R(ECX, 2), FAULT(VEC_DE) } },
    { "idiv of the most negative by -1", "F7 F9", { R(EDX, 0x80000000), R(EAX, 0), R(ECX, 0xFFFFFFFF) }, { R(EAX, 0), FAULT(VEC_DE) } },
    { "bound inside", "62 01", { R(EAX, 5), R(ECX, D), M(D, 0xFFFFFFFF), M(D + 4, 5) }, { R(EAX, 5) } },
    { "bound above", "62 01", { R(EAX, 6), R(ECX, D), M(D, 0xFFFFFFFF), M(D + 4, 5) }, { R(EAX, 6), FAULT(VEC_BR) } },
    { "bound below", "62 01", { R(EAX, 0xFFFFFFFE), R(ECX, D), M(D, 0xFFFFFFFF), M(D + 4, 5) }, { R(ECX, D), FAULT(VEC_BR) } },
    { "ud2", "0F 0B", { F(0) }, { F(0), FAULT(VEC_UD) } },
    { "lock needs memory", "F0 01 C8", { F(0) }, { F(0), FAULT(VEC_UD) } },
    { "lock mov", "F0 89 01", { R(ECX, D) }, { R(ECX, D), FAULT(VEC_UD) } },
    { "lock cmp", "F0 39 01", { R(ECX, D) }, { R(ECX, D), FAULT(VEC_UD) } },
    { "lea of a register", "8D C0", { F(0) }, { F(0), FAULT(VEC_UD) } },
    { "SSE is not here", "F2 0F 10 00", { F(0) }, { F(0), FAULT(VEC_UD) } },
    { "fifteen prefixes are too many", "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", { F(0) }, { F(0), FAULT_CODE(VEC_GP, 0) } },
    { "wait with MP and TS", "9B", { CR0(CR0_MP | CR0_TS) }, { F(0), FAULT(VEC_NM) } },
};

static const struct cpu_case bits[] = {
    { "bt of a bit string, forward", "0F A3 01", { R(ECX, D), R(EAX, 67), M(D + 8, 8) }, { F(CF) } },
    { "bts of a bit string, backward", "0F AB 01", { R(ECX, D + 4), R(EAX, 0xFFFFFFFF) }, { M(D, 0x80000000), F(0) } },
    { "btr of words goes by 16", "66 0F B3 01", { R(ECX, D), R(EAX, 17), M(D, 0xFFFFFFFF) }, { M(D, 0xFFFDFFFF), F(CF) } },
    { "btc with an immediate stays inside", "0F BA 39 21", { R(ECX, D) }, { M(D, 2), F(0) } },
    { "bt keeps the other flags", "0F A3 01", { F(ZF | OF | CF | PF), R(ECX, D), R(EAX, 0) }, { F(ZF | OF | PF) } },
    { "bsf of zero keeps the destination", "0F BC 01", { R(ECX, D) }, { F(ZF) } },
    { "bsr [m]", "0F BD 01", { F(ZF), R(ECX, D), M(D, 0x00800001) }, { R(EAX, 23), F(0) } },
};

static void addresses(void **s) { (void)s; RUN(addressing); }
static void decimals(void **s) { (void)s; RUN(bcd); }
static void page_crossings(void **s) { (void)s; RUN(crossing); }
static void faults_change_nothing(void **s) { (void)s; RUN(faults); }
static void bit_strings(void **s) { (void)s; RUN(bits); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(decimals), cmocka_unit_test(page_crossings),
        cmocka_unit_test(faults_change_nothing), cmocka_unit_test(bit_strings)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
