/* Source lines of the shipped guests, which are built with -g: both ways, their text, and broken images. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/text.h"
#include "sim/source_lines.h"
#include "sim/symbols.h"

static const char image[] = "build/guests/popf.elf", source[] = "scenarios/guests/popf/popf.c";

static struct source_lines *opened(void)
{
    struct err e = { 0 };
    if (!source_lines_built()) skip();
    struct source_lines *s = source_lines_open(image, &e);
    if (!s) fail_msg("%s", e.text);
    return s;
}

static uint32_t address_of(const char *name)
{
    struct text file = { 0 };
    struct symbols names;
    struct err e = { 0 };
    uint32_t at = 0;
    assert_true(text_read(&file, image, 1 << 24, &e));
    symbols_read(&names, (const uint8_t *)file.s, file.len);
    if (!symbols_find(&names, name, &at)) fail_msg("%s has no %s", image, name);
    symbols_free(&names);
    text_free(&file);
    return at;
}

/* The line on which `text` stands first in the source, from 1. */
static unsigned line_of(const char *path, const char *text)
{
    struct text file = { 0 };
    struct err e = { 0 };
    unsigned line = 1;
    assert_true(text_read(&file, path, 1 << 20, &e));
    const char *found = strstr(text_str(&file), text);
    if (!found) fail_msg("%s does not say %s", path, text);
    for (const char *at = text_str(&file); at < found; at++) line += *at == '\n';
    text_free(&file);
    return line;
}

static void test_c(void **state)
{
    (void)state;
    struct source_lines *s = opened();
    struct source_line l, m;
    char text[200];
    assert_true(source_lines_at(s, address_of("kmain"), &l));
    assert_string_equal(source_line_name(&l), "popf.c");
    assert_in_range(l.line, line_of(source, "void kmain("), line_of(source, "void kmain(") + 3); /* the first that does something */
    assert_true(l.addr <= address_of("kmain") && l.end > address_of("kmain"));
    assert_true(source_lines_text(s, &l, text, sizeof text));
    assert_non_null(strstr(source_lines_path(s, &l), source));
    assert_true(source_lines_find(s, "popf.c", l.line, &m)); /* and back, by each form of its name */
    assert_int_equal(m.line, l.line);
    assert_int_equal(m.addr, l.addr);
    assert_true(source_lines_find(s, "popf/popf.c", l.line, &m));
    assert_true(source_lines_find(s, "./scenarios/guests/popf/popf.c", l.line, &m));
    assert_false(source_lines_find(s, "opf.c", l.line, &m));
    assert_false(source_lines_find(s, "popf.c", 100000, &m));
    assert_false(source_lines_find(s, "", 1, &m));
    assert_true(source_lines_find(s, "popf.c", 1, &m)); /* a comment: the first line below that does something */
    assert_true(m.line > 1);
    source_lines_free(s);
}

static void test_assembly(void **state)
{
    (void)state;
    struct source_lines *s = opened();
    struct source_line l;
    char text[200];
    assert_true(source_lines_at(s, address_of("popf_insn"), &l));
    assert_string_equal(source_line_name(&l), "flags.S");
    assert_true(source_lines_text(s, &l, text, sizeof text));
    assert_non_null(strstr(text, "popf"));
    assert_true(source_lines_text(s, &l, text, 8)); /* cut, not overrun */
    assert_true(strlen(text) < 8);
    source_lines_free(s);
}

static void test_nothing_there(void **state)
{
    (void)state;
    struct source_lines *s = opened();
    struct source_line l;
    assert_false(source_lines_at(s, 0, &l));
    assert_false(source_lines_at(s, 0xFFFFFFFF, &l));
    assert_false(source_lines_at(NULL, address_of("kmain"), &l));
    assert_false(source_lines_find(NULL, "popf.c", 1, &l));
    l = (struct source_line){ .file = "elsewhere.c", .line = 3 };
    char text[20] = "x";
    assert_false(source_lines_text(s, &l, text, sizeof text));
    assert_string_equal(text, "");
    assert_null(source_lines_path(s, &l));
    source_lines_free(s);
    source_lines_free(NULL);
}

/* Every instruction of the C functions has a line that exists. */
static void test_every_address(void **state)
{
    (void)state;
    struct source_lines *s = opened();
    struct source_line l;
    char text[400];
    uint32_t from = address_of("kmain"), known = 0;
    for (uint32_t at = from; at < from + 64; at++) {
        if (!source_lines_at(s, at, &l)) continue;
        known++;
        assert_true(l.addr <= at && at < l.end && l.line);
        assert_true(source_lines_text(s, &l, text, sizeof text));
    }
    assert_true(known >= 60);
    source_lines_free(s);
}

/* Images that have none, and cut and altered ones: an answer, and no crash. */
static void test_broken(void **state)
{
    struct text file = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_null(source_lines_open("build/guests/mini.img", &e));
    assert_int_equal(e.code, EXIT_INPUT);
    e = (struct err){ 0 };
    assert_null(source_lines_open("build/guests/no.elf", &e));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_null(source_lines_open("build/guests/no.elf", NULL));
    assert_null(source_lines_read("empty", (const uint8_t *)"", 0, NULL));
    assert_true(text_read(&file, image, 1 << 24, &e));
    for (size_t n = 1; n < file.len; n += file.len / 97 + 1) source_lines_free(source_lines_read("cut", (const uint8_t *)file.s, n, NULL));
    uint32_t seed = 7;
    for (unsigned k = 0; k < 300; k++) {
        size_t at[8];
        char was[8];
        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 1664525u + 1013904223u;
            at[i] = (file.len > 60000 && k & 1 ? file.len - 60000 + (seed >> 4) % 60000 : (seed >> 4) % file.len);
            was[i] = file.s[at[i]];
            file.s[at[i]] = (char)(seed >> 24);
        }
        struct source_lines *s = source_lines_read("altered", (const uint8_t *)file.s, file.len, NULL);
        struct source_line l;
        char text[64];
        if (source_lines_at(s, 0x101000, &l)) source_lines_text(s, &l, text, sizeof text);
        source_lines_free(s);
        for (unsigned i = 8; i--;) file.s[at[i]] = was[i];
    }
    text_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c), cmocka_unit_test(test_assembly), cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_every_address), cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
