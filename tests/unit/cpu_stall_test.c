/* Dependency stalls: which instructions wait for their neighbour, and that the wait does not depend on how they came to be run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/stall.h"
#include "tests/support/cpu_case.h"

enum { LOAD = 1, MUL = 10, SHIFT = 100, CARRY = 1000, PARTS = 10000 };
static const uint32_t cost[COST_COUNT] = {
    [COST_DEP_LOAD] = LOAD, [COST_DEP_MUL] = MUL, [COST_DEP_SHIFT] = SHIFT, [COST_DEP_CARRY] = CARRY, [COST_DEP_FLAGS] = PARTS,
};

static const struct { const char *what, *bytes; unsigned wait; } rows[] = {
    { "mov eax, [ebx]; add ecx, eax",           "8B 03 01 C1", LOAD },
    { "mov eax, [ebx]; add ecx, edx",           "8B 03 01 D1", 0 },
    { "mov eax, [ebx]; mov ecx, [eax]: address","8B 03 8B 08", LOAD },
    { "mov eax, [ebx]; mov [eax], ecx: address","8B 03 89 08", LOAD },
    { "mov eax, [ebx]; mov [ecx], eax: stored", "8B 03 89 01", 0 },
    { "mov eax, [ebx]; push eax: stored",       "8B 03 50", 0 },
    { "mov eax, [ebx]; mov eax, 1: overwritten","8B 03 B8 01 00 00 00", 0 },
    { "mov eax, [ebx]; inc eax",                "8B 03 40", LOAD },
    { "mov al, [ebx]; mov cl, ah: same register","8A 03 88 E1", LOAD },
    { "mov ah, [ebx]; mov cl, dl",              "8A 23 88 D1", 0 },
    { "mov eax, ecx; add eax, ecx: no load",    "89 C8 01 C8", 0 },
    { "mov [ebx], eax; add eax, ecx: a store",  "89 03 01 C8", 0 },
    { "lea eax, [ebx]; add eax, ecx: no load",  "8D 03 01 C8", 0 },
    { "pop eax; add ecx, eax",                  "58 01 C1", LOAD },
    { "pop eax; pop ecx",                       "58 59", 0 },
    { "cmp eax, [ebx]; jz: predicted",          "3B 03 74 00", 0 },
    { "cmp eax, [ebx]; setz cl",                "3B 03 0F 94 C1", LOAD },
    { "add eax, [ebx]; lea ecx, [eax + 1]",     "03 03 8D 48 01", LOAD },
    { "movzx eax, byte [ebx]; shl edx, cl",     "0F B6 03 D3 E2", 0 },
    { "movzx ecx, byte [ebx]; shl edx, cl",     "0F B6 0B D3 E2", LOAD },
    { "mov eax, [ebx]; cdq",                    "8B 03 99", LOAD },
    { "mov edx, [ebx]; div ecx",                "8B 13 F7 F1", LOAD },
    { "mov eax, [ebx]; jmp eax: predicted",     "8B 03 FF E0", 0 },
    { "imul eax, ecx; add edx, eax",            "0F AF C1 01 C2", MUL },
    { "imul eax, ecx; add edx, ecx",            "0F AF C1 01 CA", 0 },
    { "mul ecx; add ebx, edx",                  "F7 E1 01 D3", MUL },
    { "imul eax, ecx, 5; imul eax, edx, 5",     "6B C1 05 6B C2 05", 0 },
    { "imul eax, ecx, 5; imul edx, eax, 5",     "6B C1 05 6B D0 05", MUL },
    { "shl eax, 3; add ecx, eax",               "C1 E0 03 01 C1", SHIFT },
    { "shl eax, 3; add ecx, edx",               "C1 E0 03 01 D1", 0 },
    { "adc eax, ecx; adc edx, ebx: its carry",  "11 C8 11 DA", CARRY },
    { "sbb eax, ecx; mov edx, eax",             "19 C8 89 C2", CARRY },
    { "adc eax, ecx; mov edx, ebx",             "11 C8 89 DA", 0 },
    { "inc eax; adc ecx, 0",                    "40 83 D1 00", PARTS },
    { "inc eax; jb",                            "40 72 00", PARTS },
    { "inc eax; jz: set by it",                 "40 74 00", 0 },
    { "dec eax; setbe cl",                      "48 0F 96 C1", PARTS },
    { "add eax, 1; jb: all set",                "83 C0 01 72 00", 0 },
};

static void who_waits(void **state)
{
    (void)state;
    for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        uint8_t bytes[64];
        struct insn i;
        enum cost row = COST_BASIC;
        memset(bytes, 0x90, sizeof bytes);
        cpu_case_bytes(rows[r].bytes, bytes);
        assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ true }, cost, &i), DECODE_OK);
        unsigned wait = stall_behind(cost, &i, 0, bytes, (struct insn_mode){ true }, &row);
        if (wait != rows[r].wait) fail_msg("%s: waits %u, not %u", rows[r].what, wait, rows[r].wait);
        if (wait && cost[row] != wait) fail_msg("%s: by %s", rows[r].what, cost_name(row));
    }
}

/* The second must begin and end in the line in which the first begins. */
static void in_one_line(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = { 0x8B, 0x03, 0x83, 0xC0, 0x01 }; /* mov eax, [ebx]; add eax, 1; and the rest of a line */
    for (uint32_t at = 0; at < 64; at++) {
        struct insn i;
        enum cost row;
        assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ true }, cost, &i), DECODE_OK);
        assert_int_equal(stall_behind(cost, &i, 0x1000 + at, bytes, (struct insn_mode){ true }, &row), at <= 59 ? LOAD : 0);
    }
}

/* Up to 69 instructions of a byte, then a pair, which so is at every place of a line and of a block; a store changes the second of the pair when the first's block
 * is known. Stepped, without blocks, and with: the same cycle. */
static uint64_t cycles(bool blocks, bool steps, unsigned before, const uint8_t *code, unsigned n)
{
    static struct fake w;
    fake_init(&w, blocks);
    uint8_t line[192];
    memset(line, 0x90, sizeof line);
    memcpy(line + before, code, n);
    line[before + n] = 0xF4;
    fake_put(&w, 0x10000, line, sizeof line);
    w.cpu.eip = 0x10000;
    w.cpu.reg[EBX] = FAKE_DATA;
    w.cpu.reg[EDI] = FAKE_DATA + 0x100;
    fake_put32(&w, FAKE_DATA, 3);
    for (unsigned round = 0; round < 3; round++) {
        w.cpu.eip = 0x10000;
        w.cpu.halted = false;
        for (unsigned k = 0; k < 400 && !w.cpu.halted; k++) (void)cpu_run(&w.cpu, steps ? 1 : 400);
        if (round == 1) bus_write(&w.bus, hpa(0x10000 + before + 2), 1, code[2] == 0xF4 ? 0x41 : 0x89); /* to one that waits, or does not */
    }
    uint64_t now = w.clock.now;
    fake_done(&w);
    return now;
}

static void however_it_is_run(void **state)
{
    (void)state;
    static const uint8_t pair[] = { 0x8B, 0x03, 0x01, 0xC1 }; /* mov eax, [ebx]; add ecx, eax; later mov ecx, eax */
    static const uint8_t ends[] = { 0x8B, 0x0B, 0xF4, 0x41 }; /* mov ecx, [ebx]; hlt, which begins a block; later inc ecx */
    const uint8_t *codes[] = { pair, ends };
    for (unsigned k = 0; k < 2; k++)
        for (unsigned before = 0; before < 70; before++) {
            uint64_t run = cycles(true, false, before, codes[k], 4);
            assert_int_equal(cycles(true, true, before, codes[k], 4), run);
            assert_int_equal(cycles(false, false, before, codes[k], 4), run);
        }
    assert_int_equal(cycles(true, false, 61, pair, 4), cycles(true, false, 59, pair, 4)); /* 2 NOPs more in each round, and no wait of 2 */
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(who_waits), cmocka_unit_test(in_one_line), cmocka_unit_test(however_it_is_run) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
