/* What grading rests on: hashes, seeds, seals, and the judgement of an invented machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/grading.h"
#include "sim/invented.h"
#include "sim/lesson.h"
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

/* A test of our own on the shadow laboratory's reference, which remembers much between page faults. */
static const char stands[] =
    "test 'stands' { points = 1 } (function(t)\n"
    "  local vm = t:boot { cpu = 'vtx', mmu = 'shadow', guest = 'labshadow', ram = '4M', handlers = t.submission, answers = 'page_fault',\n"
    "                      set = { ['shadow.trace'] = 0, ['shadow.cache'] = 0 }, poke = { salt = 7777, rounds = 3 } }\n"
    "  vm:run { to = till.insns(9000) }\n"
    "  t:part('a part', 1, function() t:ok(vm.ended, 'it has ended') end)\n"
    "  vm:run {}\n"
    "  t:ok(false, 'not reached')\n"
    "end)\n"
    "test 'passes' { points = 1 } (function(t) local vm = t:boot { guest = 'rings', ram = '4M' } t:ok(true, 'yes') end)\n"
    "test 'no machine' { points = 1 } (function(t) t:eq(1, 2, 'one and two') end)\n";

static const char kinds[] =
    "test 'kinds' { points = 1 } (function(t)\n"
    "  local vm = t:boot { cpu = 'te', guest = 'popf', ram = '4M' }\n"
    "  vm:run {}\n"
    "  t:sequence { { kind = 'port', port = 0x3F8, out = 1 }, { kind = 'fault', vector = 'GP' }, { port = 1 } }\n"
    "end)\n";

static struct grading *opened_with(const char *tests, char path[64])
{
    struct err e = { 0 };
    strcpy(path, "/tmp/ringside-stand-XXXXXX");
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    fputs(tests, f);
    fclose(f);
    struct grading *g = grading_open(".", path, &e);
    assert_non_null(g);
    return g;
}

static struct grading *opened(char path[64]) { return opened_with(stands, path); }

/* With a `kind`, names are fields, also "port", which is a kind as well; alone it is short for one. Lua's hash begins elsewhere in each state. */
static void test_an_event_with_its_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        char path[64];
        struct grading *g = opened_with(kinds, path);
        const struct grading_student who = { "scenarios/labs/trap/solution", "handlers.lua", 1, NULL };
        struct grading_outcome out;
        grading_run(g, 0, &who, &out);
        if (out.status != GRADING_PASSED) fail_msg("%s", out.message);
        grading_free(g);
        unlink(path);
    }
}

/* Of several unknown fields it is always the same one that is named. */
static void test_unknown_fields(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct err e = { 0 };
        char path[] = "/tmp/ringside-fields-XXXXXX";
        FILE *f = fdopen(mkstemp(path), "w");
        assert_non_null(f);
        fputs("test 'it' { zebra = 1, yak = 1, ox = 1, gnu = 1, cow = 1, elk = 1 } (function() end)\n", f);
        fclose(f);
        assert_null(grading_open(".", path, &e));
        if (!strstr(e.text, "a test has no field 'cow'")) fail_msg("%s", e.text);
        unlink(path);
    }
}

/* The machine stands behind the first claim that does not hold. What the handlers remember goes back in time with it: whatever way leads to a
 * moment, the machine is the same one there. */
static void test_stands_where_it_failed(void **state)
{
    (void)state;
    char path[64];
    struct err e = { 0 };
    struct machine *m = NULL;
    struct grading *g = opened(path);
    const struct grading_student who = { "scenarios/labs/shadow/solution", "handlers.lua", 1, NULL };
    struct lesson *l = grading_stand(g, 0, &who, &m, &e);
    assert_non_null(l);
    assert_int_equal(l->ops->checks(l), 1);
    assert_non_null(strstr(l->ops->check(l, 0)->text, "it has ended"));
    uint64_t there = machine_insns(m), hash = machine_state_hash(m), end;
    assert_true(there >= 9000 && there < 10000 && l->ops->check(l, 0)->insns == there);
    assert_true(machine_back(m, 1000));
    assert_true(machine_goto(m, there) && machine_state_hash(m) == hash);
    machine_run(m, NULL, UINT64_MAX);
    assert_int_equal(machine_exit_code(m), 0);
    end = machine_state_hash(m);
    assert_true(machine_goto(m, 0) && machine_goto(m, there) && machine_state_hash(m) == hash);
    machine_run(m, NULL, UINT64_MAX);
    assert_true(machine_state_hash(m) == end && machine_exit_code(m) == 0);
    l->ops->free(l);
    assert_null(grading_stand(g, 1, &who, &m, &e));
    assert_non_null(strstr(e.text, "passes"));
    e = (struct err){ 0 };
    assert_null(grading_stand(g, 2, &who, &m, &e));
    assert_non_null(strstr(e.text, "without a machine"));
    grading_free(g);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_seeds_are_ones_own), cmocka_unit_test(test_a_seal_depends_on_all),
        cmocka_unit_test(test_invented_machines), cmocka_unit_test(test_a_trap_does_nothing),
        cmocka_unit_test(test_stands_where_it_failed), cmocka_unit_test(test_an_event_with_its_kind), cmocka_unit_test(test_unknown_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
