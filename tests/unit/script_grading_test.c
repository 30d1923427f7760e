/* What grading rests on: hashes, seeds, seals, and the judgement of an invented machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "sim/grading.h"
#include "sim/invented.h"
#include "sim/sha256.h"

static void hash(const char *s, size_t n, char hex[65])
{
    uint8_t digest[32];
    sha256(s, n, digest);
    sha256_hex(digest, hex);
}

/* FIPS 180-4's examples (NIST, "SHA256.pdf"), and lengths around the end of a block. */
static void test_sha256(void **state)
{
    (void)state;
    char hex[65], a[200];
    hash("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(a, 'a', sizeof a);
    hash(a, 119, hex);
    assert_string_equal(hex, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb");
}

static void test_seeds_are_ones_own(void **state)
{
    (void)state;
    uint64_t s = grading_seed("key", "alice", "test");
    assert_true(s == grading_seed("key", "alice", "test"));
    assert_true(s != grading_seed("kez", "alice", "test") && s != grading_seed("key", "bob", "test") && s != grading_seed("key", "alice", "tests"));
    assert_true(grading_seed("ab", "c", "d") != grading_seed("a", "bc", "d")); /* where one word ends counts */
}

static void test_a_seal_depends_on_all(void **state)
{
    (void)state;
    struct text a = { 0 }, b = { 0 }, c = { 0 };
    grading_seal("refs", "24", 5, &a);
    grading_seal("refs", "25", 5, &b);
    grading_seal("refs", "24", 6, &c);
    assert_null(strstr(text_str(&a) + 22, " 24"));
    assert_string_not_equal(text_str(&a) + 22, text_str(&b) + 22);
    assert_string_not_equal(text_str(&a) + 22, text_str(&c) + 22);
    text_free(&a), text_free(&b), text_free(&c);
}

/* Popek and Goldberg's theorems over many machines: a hybrid one has exactly one sensitive instruction that does not trap, and it is
 * not user-sensitive; among the others there are machines of both kinds. */
static void test_invented_machines(void **state)
{
    (void)state;
    unsigned virtualizable = 0, not_so = 0;
    for (uint64_t seed = 1; seed <= 200; seed++)
        for (unsigned hybrid = 0; hybrid < 2; hybrid++) {
            struct invented m, again;
            unsigned bad = 0, user = 0;
            invented_make(&m, seed, hybrid ? 16 : 6, hybrid);
            invented_make(&again, seed, hybrid ? 16 : 6, hybrid);
            assert_memory_equal(&m, &again, sizeof m);
            for (unsigned i = 0; i < m.count; i++) {
                struct invented_nature n;
                invented_judge(&m, i, &n);
                bad += (n.control || n.mode || n.location) && !n.privileged;
                user += n.user && !n.privileged;
            }
            if (hybrid) assert_int_equal(bad, 1);
            if (hybrid) assert_int_equal(user, 0);
            if (!hybrid) *(bad ? &not_so : &virtualizable) += 1;
        }
    assert_true(virtualizable > 10 && not_so > 50);
}

/* A trap leaves everything as it was. */
static void test_a_trap_does_nothing(void **state)
{
    (void)state;
    unsigned traps = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct invented m;
        invented_make(&m, seed, 20, false);
        for (unsigned i = 0; i < m.count; i++) {
            struct invented_state s, was;
            memset(&s, 0, sizeof s);
            s.user = true, s.bound = 4, s.reg[2] = 5;
            was = s;
            if (invented_run(&m, i, &s) == INVENTED_NONE) continue;
            traps++;
            assert_memory_equal(&s, &was, sizeof s);
        }
    }
    assert_true(traps > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_seeds_are_ones_own), cmocka_unit_test(test_a_seal_depends_on_all),
        cmocka_unit_test(test_invented_machines), cmocka_unit_test(test_a_trap_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
