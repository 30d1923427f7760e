/* Growing text, whole output files, one-line errors, register tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/core/err.h"
#include "sim/core/regs.h"
#include "sim/core/text.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/ringside-text-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}
static int teardown(void **state)
{
    (void)state;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        remove(path);
    }
    if (d) closedir(d);
    return rmdir(dir);
}

static unsigned files_in_dir(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; (f = readdir(d));) n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static void growing(void **state)
{
    (void)state;
    struct text t = { 0 };
    assert_string_equal(text_str(&t), "");
    for (unsigned i = 0; i < 5000; i++) text_add(&t, "%u,", i % 10);
    assert_int_equal(t.len, 10000);
    assert_int_equal(strlen(t.s), 10000);
    text_clear(&t);
    assert_string_equal(text_str(&t), "");
    text_bytes(&t, "a\0b", 3);
    assert_int_equal(t.len, 3);
    assert_int_equal(t.s[3], 0);
    text_clear(&t);
    text_add(&t, "%s", "");
    assert_int_equal(t.len, 0);
    text_free(&t);
    text_free(&t);
    assert_null(t.s);
}

static void numbers_and_columns(void **state)
{
    (void)state;
    static const struct { unsigned long long n; const char *s; } rows[] = {
        { 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 12404, "12,404" }, { 1234567, "1,234,567" },
        { 18446744073709551615u, "18,446,744,073,709,551,615" },
    };
    struct text t = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        text_clear(&t);
        text_number(&t, rows[i].n);
        assert_string_equal(t.s, rows[i].s);
    }
    text_clear(&t);
    text_add(&t, "ab\nc");
    text_pad(&t, 4);
    text_char(&t, '|');
    text_pad(&t, 2); /* already beyond */
    assert_string_equal(t.s, "ab\nc   |");
    text_free(&t);
}

static void escapes(void **state)
{
    (void)state;
    struct text t = { 0 };
    text_json(&t, "a\"b\\c\n\t\x01\x7F\xC3\xA9/");
    assert_string_equal(t.s, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xC3\xA9/\"");
    text_clear(&t);
    text_xml(&t, "<a b=\"c\">&\x01\x1B\n\t\xC3\xA9");
    assert_string_equal(t.s, "&lt;a b=&quot;c&quot;&gt;&amp;\n\t\xC3\xA9");
    text_free(&t);
}

static void others_words(void **state)
{
    (void)state;
    struct text t = { 0 };
    char bad[] = "a\xFF\xC3(\xED\xA0\x80\xC0\xAF\xF5z\xE2\x82";
    text_json(&t, bad);
    assert_string_equal(t.s, "\"a\\u00ff\\u00c3(\\u00ed\\u00a0\\u0080\\u00c0\\u00af\\u00f5z\\u00e2\\u0082\"");
    text_clear(&t);
    text_xml(&t, "\xFF \xEF\xBF\xBE \xEF\xBF\xBD");
    assert_string_equal(t.s, "? ? \xEF\xBF\xBD");
    text_free(&t);
    char said[] = "\x1B[2J\n\xC2\x9B" "31m\xE2\x80\xAE\xC3\xA9\xFF\x7F\xF0\x9F\x98\x80", copy[sizeof said];
    memcpy(copy, said, sizeof said);
    text_clean(said, false);
    assert_string_equal(said, " [2J ??31m???\xC3\xA9? \xF0\x9F\x98\x80");
    text_clean(copy, true);
    assert_true(copy[4] == '\n');
    assert_int_equal(text_utf8("\xE2\x82", 2), 0);
    assert_int_equal(text_utf8("\xE2\x82\xAC", 3), 3);
    assert_int_equal(text_utf8("", 0), 0);
}

static void files_are_whole(void **state)
{
    (void)state;
    char path[128], link_path[128];
    struct text t = { 0 }, back = { 0 };
    struct err e = { 0 };
    snprintf(path, sizeof path, "%s/a b.txt", dir);
    text_bytes(&t, "one\0two", 7);
    assert_true(text_write(&t, path, &e));
    assert_int_equal(files_in_dir(), 1); /* no temporary file is left */
    chmod(path, 0640);
    text_add(&t, "three");
    assert_true(text_write(&t, path, &e));
    struct stat st;
    stat(path, &st);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(text_read(&back, path, 12, &e));
    assert_int_equal(back.len, 12);
    assert_memory_equal(back.s, "one\0twothree", 12);
    text_free(&back);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    assert_int_equal(symlink(path, link_path), 0);
    text_clear(&t);
    text_add(&t, "through");
    assert_true(text_write(&t, link_path, &e)); /* the link stays a link */
    lstat(link_path, &st);
    assert_true(S_ISLNK(st.st_mode));
    assert_true(text_read(&back, path, 100, &e));
    assert_string_equal(back.s, "through");
    assert_true(text_write(&t, "/dev/null", &e));
    assert_int_equal(e.code, 0);
    text_free(&back);
    text_free(&t);
}

static void files_that_cannot_be(void **state)
{
    (void)state;
    struct text t = { 0 };
    text_add(&t, "0123456789");
    static const char *const places[] = { "/nowhere/x", "/tmp", "/proc/x", "" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct err e = { 0 };
        assert_false(text_write(&t, places[i], &e));
        assert_int_equal(e.code, EXIT_ENVIRONMENT);
        assert_ptr_equal(strstr(e.text, places[i]), e.text);
    }
    struct err e = { 0 };
    assert_false(text_write(&t, "/dev/full", &e));
    assert_int_equal(e.code, EXIT_ENVIRONMENT);
    char path[128];
    snprintf(path, sizeof path, "%s/x", dir);
    e = (struct err){ 0 };
    assert_true(text_write(&t, path, &e));
    text_clear(&t);
    assert_true(text_read(&t, path, 10, &e));
    text_clear(&t);
    assert_false(text_read(&t, path, 9, &e));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_non_null(strstr(e.text, "larger than 9 bytes"));
    e = (struct err){ 0 };
    assert_false(text_read(&t, dir, 100, &e));
    assert_non_null(strstr(e.text, "directory"));
    e = (struct err){ 0 };
    assert_false(text_read(&t, "/nowhere/x", 100, &e));
    assert_int_equal(e.code, EXIT_INPUT);
    text_free(&t);
}

static void first_error_wins_in_one_line(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_false(err_set(&e, EXIT_INPUT, "%s: broken", "a\nb\r"));
    assert_string_equal(e.text, "a b : broken");
    assert_false(err_set(&e, EXIT_USAGE, "later"));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_string_equal(e.text, "a b : broken");
    assert_false(err_set(NULL, EXIT_BUG, "nobody listens"));
    char huge[2000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    e = (struct err){ 0 };
    err_set(&e, EXIT_INPUT, "%s", huge);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

struct sample { uint8_t a; uint16_t b; uint32_t c; uint64_t d; uint8_t after; };
static const struct reg_desc sample_regs[] = {
    { "a", offsetof(struct sample, a), 1, 8, "" },  { "b", offsetof(struct sample, b), 2, 16, "" },
    { "c", offsetof(struct sample, c), 4, 32, "" }, { "d", offsetof(struct sample, d), 8, 64, "" }, { 0 },
};
static void registers_as_data(void **state)
{
    (void)state;
    struct sample s = { 0 };
    for (const struct reg_desc *r = sample_regs; r->name; r++) {
        reg_write(r, &s, 0x1122334455667788u);
        uint64_t mask = r->bytes == 8 ? UINT64_MAX : (1ull << 8 * r->bytes) - 1;
        assert_true(reg_read(r, &s) == (0x1122334455667788u & mask));
        assert_ptr_equal(reg_find(sample_regs, r->name), r);
    }
    assert_int_equal(s.after, 0);
    assert_int_equal(s.b, 0x7788);
    assert_null(reg_find(sample_regs, "e"));
    assert_null(reg_find(NULL, "a"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(growing), T(numbers_and_columns), T(escapes), T(others_words), T(files_are_whole), T(files_that_cannot_be),
        T(first_error_wins_in_one_line), T(registers_as_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
