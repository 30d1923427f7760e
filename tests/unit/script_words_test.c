/* The definition file that editors read names exactly what the bindings in C know: each class of it, in both directions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include "sim/core/text.h"
#include "sim/script/words.h"

enum { NAMES = 512 };
static struct name { char class[32], word[48]; } name[NAMES];
static unsigned names;

static void add(const char *class, const char *word, size_t n)
{
    assert_true(names < NAMES && n < sizeof name->word);
    snprintf(name[names].class, sizeof name->class, "%s", class);
    snprintf(name[names].word, sizeof name->word, "%.*s", (int)n, word);
    names++;
}

static bool documented(const char *class, const char *word)
{
    for (unsigned i = 0; i < names; i++)
        if (!strcmp(name[i].class, class) && !strcmp(name[i].word, word)) return true;
    return false;
}

/* "---@class vm" and "---@field NAME" below it; "function vm:NAME(", where a class "vmm.vm" is spelt vmm_vm. */
static void read_line(const char *line, char class[32])
{
    char of[32];
    int at = 0;
    if (sscanf(line, "---@class %31s", of) == 1) strcpy(class, of);
    else if (!strncmp(line, "---@field ", 10)) add(class, line + 10, strcspn(line + 10, " "));
    else if (sscanf(line, "function %31[a-z_]%n", of, &at) == 1 && (line[at] == ':' || line[at] == '.')) {
        for (char *p = of; *p; p++)
            if (*p == '_') *p = '.';
        add(of, line + at + 1, strcspn(line + at + 1, "("));
    }
}

static int read_definitions(void **state)
{
    (void)state;
    struct text t = { 0 };
    struct err e = { 0 };
    char class[32] = "";
    if (!text_read(&t, "scenarios/labs/ringside.d.lua", 1 << 20, &e)) fail_msg("%s", e.text);
    for (char *line = strtok(t.s, "\n"); line; line = strtok(NULL, "\n")) read_line(line, class);
    text_free(&t);
    return 0;
}

static void test_every_binding_is_defined(void **state)
{
    (void)state;
    for (const struct script_class *c = script_classes; c->name; c++) {
        const char *words[SCRIPT_WORDS_MOST];
        unsigned n = c->words(words);
        assert_in_range(n, 4, SCRIPT_WORDS_MOST);
        for (unsigned i = 0; i < n; i++)
            if (!documented(c->name, words[i])) fail_msg("%s.%s is not in ringside.d.lua", c->name, words[i]);
    }
}

static void test_every_definition_is_bound(void **state)
{
    (void)state;
    unsigned checked = 0;
    for (const struct script_class *c = script_classes; c->name; c++) {
        const char *words[SCRIPT_WORDS_MOST];
        unsigned n = c->words(words);
        for (unsigned i = 0; i < names; i++) {
            unsigned k = 0;
            if (strcmp(name[i].class, c->name) != 0) continue;
            while (k < n && strcmp(words[k], name[i].word) != 0) k++;
            if (k == n) fail_msg("ringside.d.lua has %s.%s, which does not exist", c->name, name[i].word);
            checked++;
        }
    }
    assert_true(checked > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_binding_is_defined), cmocka_unit_test(test_every_definition_is_bound) };
    return cmocka_run_group_tests(tests, read_definitions, NULL);
}
