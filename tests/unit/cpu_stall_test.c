/* Dependency stalls: which instructions wait for which, that all shares add up to what an in-order pipeline takes, and that the wait does
 * not depend on how they came to be run. */
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
        memset(bytes, 0x90, sizeof bytes);
        cpu_case_bytes(rows[r].bytes, bytes);
        assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ true }, cost, &i), DECODE_OK);
        unsigned wait = stall_behind(cost, &i, bytes, sizeof bytes, (struct insn_mode){ true });
        if (wait != rows[r].wait) fail_msg("%s: waits %u, not %u", rows[r].what, wait, rows[r].wait);
        if (wait && cost[stall_row(&i)] != wait) fail_msg("%s: by %s", rows[r].what, cost_name(stall_row(&i)));
    }
}

/* Further away: what is between takes a cycle each, a result 3 more cycles from memory, 7 from the multiplier. */
static const uint32_t time_[COST_COUNT] = { [COST_BASIC] = 1, [COST_LOAD] = 1, [COST_STORE] = 1, [COST_RMW] = 1, [COST_MUL] = 1, [COST_BRANCH] = 1,
                                            [COST_DEP_LOAD] = 3, [COST_DEP_MUL] = 7, [COST_DEP_FLAGS] = 6 };
static const struct { const char *what, *bytes; unsigned wait; } farther[] = {
    { "mov eax, [ebx]; add ecx, eax",                              "8B 03 01 C1", 3 },
    { "mov eax, [ebx]; nop; add ecx, eax",                         "8B 03 90 01 C1", 2 },
    { "mov eax, [ebx]; nop; nop; nop; add ecx, eax",               "8B 03 90 90 90 01 C1", 0 },
    { "mov eax, [ebx]; mov edx, [esi]; add eax, edx: waits once",  "8B 03 8B 16 01 D0", 0 },
    { "imul eax, ecx; mov edx, [ebx]; add edx, edx; add eax, edx", "0F AF C1 8B 13 01 D2 01 D0", 2 },
    { "mov eax, [ebx]; mov [ecx], eax; add ecx, eax: not stored",  "8B 03 89 01 01 C1", 2 },
    { "mov eax, [ebx]; nop; mov eax, 1; add ecx, eax",             "8B 03 90 B8 01 00 00 00 01 C1", 0 },
    { "mov eax, [ebx]; mov al, 1; add ecx, eax: a part",           "8B 03 B0 01 01 C1", 2 },
    { "mov eax, [ebx]; mov ax, 1; add ecx, eax: a part",           "8B 03 66 B8 01 00 01 C1", 2 },
    { "mul ecx; lea esi, [esi + 1]; add ebx, edx",                 "F7 E1 8D 76 01 01 D3", 6 },
    { "imul ecx; xor edx, edx; add ebx, edx: overwritten",         "F7 E9 31 D2 01 D3", 0 },
    { "inc eax; mov ecx, edx; jb",                                 "40 89 D1 72 00", 5 },
    { "inc eax; add ecx, edx; jb: set by it",                      "40 01 D1 72 00", 0 },
    { "mov eax, [ebx]; jz; add ecx, eax: behind a branch",         "8B 03 74 00 01 C1", 0 },
    { "mov eax, [ebx]; cpuid; add ecx, eax: not known",            "8B 03 0F A2 01 C1", 0 },
    { "imul eax, ecx, 5; 6 NOPs; add ecx, eax",                    "6B C1 05 90 90 90 90 90 90 01 C1", 1 },
};

static void farther_away(void **state)
{
    (void)state;
    for (unsigned r = 0; r < sizeof farther / sizeof farther[0]; r++) {
        uint8_t bytes[64];
        struct insn i;
        memset(bytes, 0x90, sizeof bytes);
        cpu_case_bytes(farther[r].bytes, bytes);
        assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ true }, time_, &i), DECODE_OK);
        unsigned wait = stall_behind(time_, &i, bytes, sizeof bytes, (struct insn_mode){ true });
        if (wait != farther[r].wait) fail_msg("%s: waits %u, not %u", farther[r].what, wait, farther[r].wait);
    }
}

/* Two bytes each: which registers (a bit each, 0 to 7) it needs and sets, and how much later. */
static const struct { uint8_t bytes[2]; uint8_t needs, sets, later; } simple[] = {
    { { 0x8B, 0x03 }, 8, 1, 3 }, { { 0x8B, 0x08 }, 1, 2, 3 }, { { 0x8B, 0x12 }, 4, 4, 3 }, /* mov eax, [ebx]; mov ecx, [eax]; mov edx, [edx] */
    { { 0xF7, 0xE1 }, 3, 5, 7 }, { { 0x01, 0xC1 }, 3, 2, 0 }, { { 0x01, 0xD0 }, 5, 1, 0 }, /* mul ecx; add ecx, eax; add eax, edx */
    { { 0x89, 0xCA }, 2, 4, 0 }, { { 0x89, 0x11 }, 2, 0, 0 }, { { 0x31, 0xD3 }, 12, 8, 0 }, /* mov edx, ecx; mov [ecx], edx; xor ebx, edx */
    { { 0x8B, 0xF6 }, 64, 64, 0 }, { { 0x03, 0x0E }, 66, 2, 3 },                           /* mov esi, esi; add ecx, [esi] */
};
enum { SIMPLE = sizeof simple / sizeof simple[0], STRETCH = 12 };

/* From instruction `from` on: when the next might be issued that needs nothing. Each here takes a cycle. */
static unsigned in_order(const uint8_t *which, unsigned from)
{
    unsigned now = 0, there[8] = { 0 };
    for (unsigned k = from; k < STRETCH; k++) {
        for (unsigned r = 0; r < 8; r++)
            if (simple[which[k]].needs >> r & 1 && there[r] > now) now = there[r];
        now++;
        for (unsigned r = 0; r < 8; r++)
            if (simple[which[k]].sets >> r & 1) there[r] = now + simple[which[k]].later;
    }
    return now;
}

static void shares_add_up(void **state)
{
    (void)state;
    uint32_t seed = 20261123, waited = 0;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t which[STRETCH], bytes[2 * STRETCH + 1];
        for (unsigned k = 0; k < STRETCH; k++) {
            seed = seed * 1664525 + 1013904223;
            which[k] = (uint8_t)((seed >> 16) % SIMPLE);
            memcpy(bytes + 2 * k, simple[which[k]].bytes, 2);
        }
        bytes[2 * STRETCH] = 0xC3; /* ret: there it ends */
        unsigned sum = 0;
        for (unsigned k = STRETCH; k-- > 0;) {
            struct insn i;
            assert_int_equal(insn_decode(bytes + 2 * k, sizeof bytes - 2 * k, (struct insn_mode){ true }, time_, &i), DECODE_OK);
            sum += i.cost + stall_behind(time_, &i, bytes + 2 * k, (unsigned)sizeof bytes - 2 * k, (struct insn_mode){ true });
            assert_int_equal(sum, in_order(which, k));
        }
        waited += sum - STRETCH;
    }
    assert_true(waited > 100000);
}

/* What needs it must end in the page in which the instruction begins. */
static void in_one_page(void **state)
{
    (void)state;
    static const uint8_t bytes[64] = { 0x8B, 0x03, 0x83, 0xC0, 0x01 }; /* mov eax, [ebx]; add eax, 1 */
    for (unsigned n = 1; n < 64; n++) {
        struct insn i;
        assert_int_equal(insn_decode(bytes, 15, (struct insn_mode){ true }, cost, &i), DECODE_OK);
        assert_int_equal(stall_behind(cost, &i, bytes, n, (struct insn_mode){ true }), n >= 5 ? LOAD : 0);
    }
}

/* Up to 69 instructions of a byte, then a pair, which so is at every place of a line and of a block, and at the end of a page; a store changes
 * what needs the first when its block is known. Stepped, without blocks, and with: the same cycle. */
enum { CODE = 0x10000 + PAGE_SIZE - 66 };
static uint64_t cycles(bool blocks, bool steps, unsigned before, const uint8_t *code, unsigned n, unsigned changes, uint8_t to)
{
    static struct fake w;
    fake_init(&w, blocks);
    uint8_t line[192];
    memset(line, 0x90, sizeof line);
    memcpy(line + before, code, n);
    line[before + n] = 0xF4;
    fake_put(&w, CODE, line, sizeof line);
    w.cpu.reg[EBX] = FAKE_DATA;
    w.cpu.reg[EDI] = FAKE_DATA + 0x100;
    fake_put32(&w, FAKE_DATA, 3);
    for (unsigned round = 0; round < 3; round++) {
        w.cpu.eip = CODE;
        w.cpu.halted = false;
        for (unsigned k = 0; k < 400 && !w.cpu.halted; k++) (void)cpu_run(&w.cpu, steps ? 1 : 400);
        if (round == 1) bus_write(&w.bus, hpa(CODE + before + changes), 1, to);
    }
    uint64_t now = w.clock.now;
    fake_done(&w);
    return now;
}

static void however_it_is_run(void **state)
{
    (void)state;
    static const uint8_t pair[] = { 0x8B, 0x03, 0x01, 0xC1 };             /* mov eax, [ebx]; add ecx, eax; later mov ecx, eax */
    static const uint8_t ends[] = { 0x8B, 0x0B, 0xF4 };                   /* mov ecx, [ebx]; hlt, which begins a block; later inc ecx */
    static const uint8_t apart[] = { 0x0F, 0xAF, 0xC1, 0x42, 0x46, 0x40, 0x43 }; /* imul eax, ecx; inc edx; inc esi; inc eax; inc ebx; later inc ebp */
    static const struct { const uint8_t *code; unsigned n, changes; uint8_t to; } codes[] = {
        { pair, sizeof pair, 2, 0x89 }, { ends, sizeof ends, 2, 0x41 }, { apart, sizeof apart, 5, 0x45 },
    };
    for (unsigned k = 0; k < sizeof codes / sizeof codes[0]; k++)
        for (unsigned before = 0; before < 70; before++) {
            uint64_t run = cycles(true, false, before, codes[k].code, codes[k].n, codes[k].changes, codes[k].to);
            assert_int_equal(cycles(true, true, before, codes[k].code, codes[k].n, codes[k].changes, codes[k].to), run);
            assert_int_equal(cycles(false, false, before, codes[k].code, codes[k].n, codes[k].changes, codes[k].to), run);
        }
    /* At 64 the first of the pair ends the page: 2 NOPs more in each of three rounds, and no wait of 2. */
    assert_int_equal(cycles(true, false, 64, pair, 4, 2, 0x89), cycles(true, false, 62, pair, 4, 2, 0x89));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits), cmocka_unit_test(farther_away), cmocka_unit_test(shares_add_up), cmocka_unit_test(in_one_page),
        cmocka_unit_test(however_it_is_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
