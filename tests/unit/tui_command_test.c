/* The table of commands: keys mean one thing, the help and the manual page know them all, key scripts read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "tui/command.h"

static void test_keys_are_unique(void **state)
{
    uint32_t seen[256];
    unsigned n = 0;
    (void)state;
    for (int c = 0; c < CMD_COUNT; c++) {
        const char *k = command_desc(c)->keys;
        if (!*k) fail_msg("%s has no key", command_desc(c)->id);
        while (*k) {
            size_t len = strcspn(k, " ");
            uint32_t key = key_named(k, len);
            if (key == TKEY_NOTHING) fail_msg("%s: \"%.*s\" is no key", command_desc(c)->id, (int)len, k);
            for (unsigned i = 0; i < n; i++)
                if (seen[i] == key)
                    fail_msg("%s: \"%.*s\" stands twice in the table", command_desc(c)->id, (int)len, k);
            if (command_of_key(key) != c)
                fail_msg("%s: \"%.*s\" does not lead to it", command_desc(c)->id, (int)len, k);
            seen[n++] = key;
            k += len;
            k += *k == ' ';
        }
    }
}

static void test_ranks_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < CMD_COUNT; a++)
        for (int b = 0; b < a; b++)
            if (command_desc(a)->rank && command_desc(a)->rank == command_desc(b)->rank)
                fail_msg("%s and %s have the same rank on the line of keys", command_desc(a)->id, command_desc(b)->id);
}

static void test_unknown(void **state)
{
    (void)state;
    assert_int_equal(command_of_key('~'), CMD_NONE);
    assert_int_equal(command_of_key(TKEY_F1), CMD_HELP);
    assert_int_equal(command_of_key(TKEY_F10), CMD_QUIT);
    assert_int_equal(command_of_key(TKEY_F1 + 1), CMD_NONE);
    assert_int_equal(command_of_key(0x110100u + 300), CMD_NONE);
    assert_int_equal(key_named("Hyper", 5), TKEY_NOTHING);
    assert_int_equal(key_named("", 0), TKEY_NOTHING);
}

/* The manual page holds the table as command.def gives it. */
static void test_manual_page(void **state)
{
    struct text page = { 0 }, table = { 0 };
    struct err e = { 0 };
    (void)state;
    if (!text_read(&page, "docs/tui.md", 1 << 20, &e)) fail_msg("%s", e.text);
    command_markdown(&table);
    if (!strstr(text_str(&page), text_str(&table)))
        fail_msg("docs/tui.md does not hold this table:\n%s", text_str(&table));
    for (int c = 0; c < CMD_COUNT; c++) assert_non_null(strstr(text_str(&table), command_desc(c)->help));
    text_free(&page);
    text_free(&table);
}

static void test_script(void **state)
{
    static const uint32_t expected[] = { 's', TKEY_PGDN, '<', TKEY_RESIZE, TKEY_ENTER, 0xE9 };
    const char *script = "s<PgDn><lt><120x40><Enter>\303\251";
    struct err e = { 0 };
    int cols = 0, rows = 0;
    (void)state;
    assert_true(key_script_check(script, &e));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(key_script_next(&script, &cols, &rows, &e), expected[i]);
    assert_int_equal(key_script_next(&script, &cols, &rows, &e), TKEY_NOTHING);
    assert_int_equal(cols, 120);
    assert_int_equal(rows, 40);
}

static void test_bad_scripts(void **state)
{
    static const char *const bad[] = { "<Hyper>", "s<", "s<PgDn", "<>", "<0x0>", "<80x>", "<80x24x1>", "<99999x24>" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = { 0 };
        if (key_script_check(bad[i], &e)) fail_msg("\"%s\" was accepted", bad[i]);
        assert_int_equal(e.code, EXIT_USAGE);
        assert_null(strchr(e.text, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_unique), cmocka_unit_test(test_ranks_are_unique),
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_manual_page),
        cmocka_unit_test(test_script),          cmocka_unit_test(test_bad_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
