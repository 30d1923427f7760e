/* Code written again and again at one place, mostly the same but for immediates, targets or an instruction: with blocks, which
 * are forgotten and found again, it does what it does without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/block.h"
#include "tests/support/cpu_case.h"

enum { C = FAKE_CODE, PIECES = 20, ROUNDS = 4000 };
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* `at`: a byte that may be anything up to `most`, 0: none. */
struct piece { const char *bytes; unsigned at; uint32_t most; };
static const struct piece pieces[] = {
    { "05 78 56 34 12", 3, 255 }, { "B9 01 00 00 80", 1, 255 }, { "81 C3 FF FF FF FF", 4, 255 }, { "C1 C8 05", 2, 255 },
    { "69 C1 0A 00 00 00", 2, 255 }, { "C7 05 00 20 00 00 44 33 22 11", 7, 255 }, { "8B 15 00 20 00 00", 2, 3 },
    { "66 05 34 12", 2, 255 }, { "F7 C2 00 01 00 00", 3, 255 }, { "68 10 00 00 00 5E", 1, 255 }, { "83 D0 07", 2, 255 },
    { "E9 00 00 00 00 40", 1, 1 }, { "EB 00 43", 1, 1 }, { "E8 00 00 00 00 5F", 0, 0 }, { "0F 84 00 00 00 00 41", 2, 1 },
    { "79 00 42", 1, 1 }, { "31 C8", 0, 0 }, { "D9 E8 DD D8", 0, 0 }, { "01 D0", 0, 0 }, { "EB 02 0F 0B", 0, 0 }
};

static unsigned append(uint8_t *code, unsigned n, unsigned which, unsigned value)
{
    const struct piece *p = &pieces[which];
    uint8_t bytes[64];
    unsigned size = cpu_case_bytes(p->bytes, bytes);
    if (p->at) bytes[p->at] = (uint8_t)(value % (p->most + 1));
    memcpy(code + n, bytes, size);
    return n + size;
}

static void again(struct fake *w, const uint8_t *code, unsigned n)
{
    fake_put(w, C, code, n);
    w->cpu.eip = C;
    w->cpu.halted = false;
    assert_int_equal(cpu_run(&w->cpu, 1000), CPU_HALTED);
}

static void as_without_blocks(void **s)
{
    (void)s;
    static struct fake with, without;
    unsigned which[PIECES], value[PIECES];
    fake_init(&with, true);
    fake_init(&without, false);
    assert_non_null(with.cpu.blocks);
    assert_null(without.cpu.blocks);
    for (unsigned k = 0; k < PIECES; k++) which[k] = any(sizeof pieces / sizeof pieces[0]), value[k] = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[PIECES * 16];
        unsigned n = 0;
        value[any(PIECES)] = any(256);
        if (!any(5)) which[any(PIECES)] = any(sizeof pieces / sizeof pieces[0]);
        for (unsigned k = 0; k < PIECES; k++) n = append(code, n, which[k], value[k]);
        code[n++] = 0xF4;
        again(&with, code, n);
        again(&without, code, n);
        assert_memory_equal(with.cpu.reg, without.cpu.reg, sizeof with.cpu.reg);
        assert_int_equal(with.cpu.eip, without.cpu.eip);
        assert_int_equal(cpu_flags(&with.cpu), cpu_flags(&without.cpu));
        assert_int_equal(with.cpu.insns, without.cpu.insns);
        assert_int_equal(with.clock.now, without.clock.now);
    }
    assert_memory_equal(with.ram, without.ram, FAKE_RAM);
    fake_done(&with);
    fake_done(&without);
}

/* The block itself comes back, with the new immediate, and another where the target of a branch is another. */
static void the_same_block(void **s)
{
    (void)s;
    static struct fake w;
    static const uint8_t one[16] = { 0xB8, 1, 0, 0, 0, 0xE9, 0, 0, 0, 0, 0xF4, 0xF4 };
    uint8_t two[16], three[16];
    memcpy(two, one, sizeof one), memcpy(three, one, sizeof one);
    two[1] = 2, three[6] = 1;
    fake_init(&w, true);
    again(&w, one, sizeof one);
    const struct block *b = block_find(w.cpu.blocks, hpa(C), true);
    assert_non_null(b);
    again(&w, two, sizeof two);
    assert_int_equal(w.cpu.reg[EAX], 2);
    assert_ptr_equal(block_find(w.cpu.blocks, hpa(C), true), b);
    again(&w, three, sizeof three);
    assert_int_equal(w.cpu.eip, C + 12);
    assert_ptr_not_equal(block_find(w.cpu.blocks, hpa(C), true), b);
    fake_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(as_without_blocks), cmocka_unit_test(the_same_block) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
