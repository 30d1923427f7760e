/* The lazy flags can say every combination of the six, and each condition reads them as the manual defines it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "sim/cpu/flags.h"

static struct cpu c;

/* The n-th of the 64 combinations. */
static uint32_t combination(unsigned n)
{
    static const uint32_t bit[6] = { FLAG_CF, FLAG_PF, FLAG_AF, FLAG_ZF, FLAG_SF, FLAG_OF };
    uint32_t six = 0;
    for (unsigned k = 0; k < 6; k++)
        if (n >> k & 1) six |= bit[k];
    return six;
}

static void every_combination(void **s)
{
    (void)s;
    for (unsigned n = 0; n < 64; n++) {
        flags_set(&c, combination(n) | ~(uint32_t)FLAGS_ARITH);
        assert_int_equal(flags_get(&c), combination(n));
    }
}

static void partial_changes(void **s)
{
    (void)s;
    for (unsigned from = 0; from < 64; from++)
        for (unsigned which = 0; which < 64; which++) {
            flags_set(&c, combination(from));
            flags_change(&c, combination(which), combination(63 - from));
            assert_int_equal(flags_get(&c), (combination(from) & ~combination(which)) | (combination(63 - from) & combination(which)));
        }
    for (unsigned from = 0; from < 64; from++)
        for (unsigned v = 0; v < 4; v++) {
            uint32_t rest = combination(from) & ~(uint32_t)(FLAG_CF | FLAG_OF);
            flags_set(&c, combination(from));
            flags_carry_overflow(&c, v & 1, v & 2);
            assert_int_equal(flags_get(&c), rest | (v & 1 ? FLAG_CF : 0u) | (v & 2 ? FLAG_OF : 0u));
            flags_set(&c, combination(from));
            flags_carry(&c, v & 1);
            assert_int_equal(flags_get(&c), (combination(from) & ~(uint32_t)FLAG_CF) | (v & 1));
        }
}

static bool condition(unsigned cc, uint32_t f)
{
    bool cf = f & FLAG_CF, pf = f & FLAG_PF, zf = f & FLAG_ZF, sf = f & FLAG_SF, of = f & FLAG_OF;
    const bool by_number[16] = { of, !of, cf, !cf, zf, !zf, cf || zf, !cf && !zf, sf, !sf, pf, !pf,
                                 sf != of, sf == of, zf || sf != of, !zf && sf == of };
    return by_number[cc];
}

static void conditions(void **s)
{
    (void)s;
    for (unsigned n = 0; n < 64; n++)
        for (unsigned cc = 0; cc < 16; cc++) {
            flags_set(&c, combination(n));
            assert_int_equal(flag_condition(&c, cc), condition(cc, combination(n)));
        }
}

/* By definition, bit by bit, for every pair of bytes. */
static void byte_sums(void **s)
{
    (void)s;
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) {
            unsigned sum = a + b, r = sum & 0xFF;
            int exact = (int8_t)a + (int8_t)b;
            uint32_t want = (sum > 0xFF ? FLAG_CF : 0u) | (__builtin_parity(r) ? 0u : FLAG_PF) | (r == 0 ? FLAG_ZF : 0u) |
                            (r & 0x80 ? FLAG_SF : 0u) | (exact != (int8_t)r ? FLAG_OF : 0u) |
                            ((a & 15) + (b & 15) > 15 ? FLAG_AF : 0u);
            flags_add(&c, a, b, sum, 1);
            assert_int_equal(flags_get(&c), want);
            r = (a - b) & 0xFF;
            exact = (int8_t)a - (int8_t)b;
            want = (a < b ? FLAG_CF : 0u) | (__builtin_parity(r) ? 0u : FLAG_PF) | (r == 0 ? FLAG_ZF : 0u) |
                   (r & 0x80 ? FLAG_SF : 0u) | (exact != (int8_t)r ? FLAG_OF : 0u) | ((a & 15) < (b & 15) ? FLAG_AF : 0u);
            flags_sub(&c, a, b, a - b, 1);
            assert_int_equal(flags_get(&c), want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination), cmocka_unit_test(partial_changes), cmocka_unit_test(conditions),
        cmocka_unit_test(byte_sums)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
